//! P5: the soak itself: a constant open-loop load on a thread of its own, readings beside it, then a while in which
//! nothing is asked for.
//!
//! Never: stops reading because a reading failed, or sends more than the budget.

use std::time::Duration;

use golive_load::report::RunReport;
use golive_load::{Ended, Failure, Plan, Stage};

use super::record::{Keeper, Load, Reading, RecordError};
use super::source::Source;
use crate::clock;
use crate::ctx::Ctx;
use crate::proofs::p1_load::offer::Offer;

/// How often it is read: so that a short run has enough, and a long one no more than a file bears.
pub(super) fn every(load: Duration) -> Duration {
    (load / 240).clamp(Duration::from_millis(100), Duration::from_secs(30))
}

/// How long nothing is asked for afterwards.
pub(super) fn idle(load: Duration, declared: Duration) -> Duration {
    declared.min(load / 8)
}

/// The plan of the load, or of what is left of it.
pub(super) fn load_plan(ctx_deadline: Duration, rate: f64, left: Duration, seed: u64) -> Plan {
    let mut plan = Plan::new(seed, vec![Stage::new("soak", rate, left)]);
    plan.deadline = ctx_deadline.clamp(Duration::from_secs(1), plan.deadline);
    // A minute of failures ends it: the memory of what does not serve is of no interest.
    plan.abort.window = Duration::from_secs(60).min(left / 2).max(Duration::from_secs(5));
    plan
}

/// Soaks until the load is over and the idle time after it, or until the run ends.
///
/// # Errors
/// In words: the load could not be offered, or the record not be kept.
pub(super) async fn soak(
    ctx: &Ctx,
    source: &Source,
    keeper: &mut Keeper,
    offer: &Offer,
    plan: Plan,
    load: Duration,
) -> Result<(), String> {
    let before = keeper.record.soaked_s();
    let mut reader = Reader {
        ctx,
        source,
        keeper,
        whole: load,
        every: every(load),
        before,
        started: clock::now(),
    };
    let report = {
        let running = offer.run_quietly(ctx, plan);
        tokio::pin!(running);
        loop {
            reader.read(false).await.map_err(|error| error.to_string())?;
            tokio::select! {
                report = &mut running => break report?,
                slept = ctx.sleep(reader.every) => {
                    if !slept {
                        break running.await?; // interrupted: the load ends at once, too
                    }
                }
            }
        }
    };
    let load = summary(&report);
    let cut = load.ended.is_some();
    if !cut && !ctx.cancel.is_cancelled() {
        // The end belongs to the load.
        reader.read(false).await.map_err(|error| error.to_string())?;
    }
    reader.keeper.load(load).map_err(|error| error.to_string())?;
    if cut || ctx.cancel.is_cancelled() {
        return Ok(());
    }
    reader.rest().await.map_err(|error| error.to_string())?;
    if !ctx.cancel.is_cancelled() {
        reader
            .keeper
            .finished(clock::wall())
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

struct Reader<'a> {
    ctx: &'a Ctx,
    source: &'a Source,
    keeper: &'a mut Keeper,
    whole: Duration,
    every: Duration,
    /// Seconds soaked before this stretch.
    before: f64,
    started: std::time::Instant,
}

impl Reader<'_> {
    fn at(&self) -> f64 {
        self.before + clock::now().saturating_duration_since(self.started).as_secs_f64()
    }

    async fn read(&mut self, idle: bool) -> Result<(), RecordError> {
        let at_s = self.at();
        match self.source.read(self.ctx).await {
            Ok(figures) => {
                let mib = figures.memory / f64::from(1 << 20);
                let what = if idle { "idle" } else { "soaking" };
                self.ctx.waiting(format!(
                    "{what}: {} of {}, memory {mib:.1} MiB",
                    super::judge::seconds(at_s),
                    super::judge::seconds(self.whole.as_secs_f64()),
                ));
                self.keeper.reading(Reading {
                    at_s,
                    idle,
                    memory: figures.memory,
                    descriptors: figures.descriptors,
                    threads: figures.threads,
                    database: figures.database,
                    process: figures.process,
                })
            }
            // The end of the run is no failure of the source.
            Err(_) if self.ctx.cancel.is_cancelled() => Ok(()),
            Err(why) => self.keeper.missed(why),
        }
    }

    /// The idle time. Its readings are as close as the shortest run's: it is short itself.
    async fn rest(&mut self) -> Result<(), RecordError> {
        let idle = idle(self.whole, self.ctx.config.soak.idle);
        let every = (idle / 60).clamp(Duration::from_millis(50), self.every);
        let until = clock::now() + idle;
        while clock::now() < until && self.ctx.sleep(every).await {
            self.read(true).await?;
        }
        Ok(())
    }
}

/// What a stretch of load came to.
fn summary(report: &RunReport) -> Load {
    let ended = match &report.ended {
        Ended::Completed | Ended::Cancelled => None,
        Ended::Budget => Some("the budget of requests was used up".to_owned()),
        Ended::Aborted { cause } => Some(cause.to_string()),
        Ended::TargetLost => Some("the target was lost".to_owned()),
    };
    let Some(stage) = report.stages.first() else {
        return Load {
            sent: report.sent,
            ended,
            ..Load::default()
        };
    };
    let all = &stage.all;
    let commonest = all.failures.iter().max_by_key(|one| one.count);
    Load {
        sent: report.sent,
        answered: all.answered,
        failed: all.errors.hits,
        limited: all.count(&Failure::Status(429)),
        commonest: commonest.map(|one| one.failure.to_string()),
        p95_us: stage
            .stretches
            .iter()
            .filter(|stretch| stretch.samples >= 20)
            .filter_map(|stretch| stretch.p95_us)
            .collect(),
        ended,
    }
}
