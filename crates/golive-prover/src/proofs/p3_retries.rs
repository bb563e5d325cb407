//! P3: retries, proven from outside.
//!
//! **Proves** that a failure which passes is retried as often and after such waits as declared, each wait a little
//! different; that many callers who fail together do not come back together; that a provider who says when to come
//! back is heard; and that what a retry cannot heal, or could do twice, is not retried.
//!
//! **How**: the lab plays the one provider behind a model and fails marked calls only. Its timeline of arrivals is all
//! that is read: how many attempts a call made, and from the end of one to the arrival of the next. Twenty-four calls
//! that fail to the last retry give the law of the waits; fifty that fail at once show whether they cluster. Failures
//! that would open a circuit breaker follow one another and end in a success each; crowds are made of 429, which no
//! breaker should count.
//!
//! **Positive control**: a healthy call is answered by exactly one attempt.
//! **Negative control**: the lab's record shows that each fault was really done, and that a call with a retry is seen as
//! two arrivals.
//! **Evidence**: per call the timeline of its attempts; of the crowds the histogram of when they came back.
//! **Cannot tell**: which of two layers retried: their product is reported. Callers whose retry was withheld by a budget
//! of retries are counted and said, not blamed.

mod attempts;
mod hints;
mod never;
mod once;
mod spread;
mod timing;

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::judge::{Scored, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_config::{Target, TargetFormat};
use golive_lab::{Arrival, Fault, Rule};

use super::{Proof, When};
use crate::control::Negative;
use crate::ctx::Ctx;
use crate::line::{Got, Line, Pulse, models_for, ms, tool};
use crate::part::PartDraft;
use crate::plan::{PartPlan, PlanInput, Provable};
use crate::target::{Exchange, millis};

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::P3,
    parts: PARTS,
    doc: include_str!("p3_retries.rs"),
    when: When::InOrder,
    attacks: true,
    oracles: &[],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

const PARTS: &[&str] = &[
    "P3.attempts",
    "P3.timing",
    "P3.spread",
    "P3.hints",
    "P3.never",
    "P3.once",
];

/// The longest that all retries of one call together may take for a run to wait for them.
const PATIENCE: Duration = Duration::from_secs(600);

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let target = input.target;
    let waits = longest(target);
    let part = |id: &'static str, requests: u64, time: Duration| {
        if target.lab_url.is_none() {
            PartPlan::no(
                id,
                "the lab as the target's model (lab_url)",
                "only a provider that fails on command shows how often it is asked again",
            )
        } else if waits > PATIENCE {
            PartPlan::no(
                id,
                format!(
                    "declared waits of at most {} min together",
                    PATIENCE.as_secs() / 60
                ),
                "declare shorter waits for staging; the report then says scaled",
            )
        } else if !clocks_fit(target) && id != "P3.never" && id != "P3.once" {
            PartPlan::no(
                id,
                format!(
                    "a declared total_request beyond the declared waits of {} ms together",
                    millis(waits)
                ),
                "the clock of the whole call ends before its retries do: make the one longer or the others shorter",
            )
        } else {
            PartPlan::yes(id, requests, time)
        }
    };
    let serial = waits * 2 + first(target) * 8;
    vec![
        part("P3.attempts", 24, serial),
        part("P3.timing", 24, Duration::ZERO),
        part("P3.spread", 150, first(target) * 3 + Duration::from_secs(8)),
        part("P3.hints", 5, Duration::ZERO),
        part("P3.never", 12, Duration::ZERO),
        part("P3.once", 8, Duration::ZERO),
    ]
}

/// All waits of one call at their longest.
fn longest(target: &Target) -> Duration {
    let retry = &target.dispatch.retry;
    retry.backoff.iter().sum::<Duration>() * (100 + retry.jitter_percent) / 100
}

/// The first wait.
fn first(target: &Target) -> Duration {
    target.dispatch.retry.backoff.first().copied().unwrap_or_default()
}

/// The clock of the whole call must let its retries be seen.
fn clocks_fit(target: &Target) -> bool {
    longest(target) < target.declares.total_request
}

/// Whether whatever failed may be sent again, as declared.
fn idempotent(target: &Target) -> bool {
    let retry = &target.dispatch.retry;
    retry.idempotent.unwrap_or(target.format != TargetFormat::Http)
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    let planned = plan(&PlanInput {
        target: &ctx.config,
        may_attack: true,
        quick: false,
    });
    let wanted = |id: &str| {
        planned
            .iter()
            .any(|part| part.part == id && part.provable == Provable::Yes)
    };
    let model = models_for(&ctx.config, ItemId::P3).pop().flatten();
    let providers = vec![ctx.config.lab_provider.clone()];
    let line = match Line::open(&ctx, "line", model, providers).await {
        Ok(line) => line,
        Err(reason) => {
            return PARTS
                .iter()
                .map(|part| ctx.part(part).unproven(reason.clone()))
                .collect();
        }
    };
    let stage = Stage::prepare(line).await;
    let mut cases = attempts::cases(&stage);
    cases.extend(hints::cases(&stage));
    cases.extend(never::cases(&stage));
    cases.extend(once::cases(&stage));
    let mut rules: Vec<Rule> = cases.iter().flat_map(|case| case.rules(&stage.line)).collect();
    rules.extend(timing::rules(&stage));
    rules.extend(spread::rules(&stage));
    let mut parts = Vec::new();
    match stage.line.teach(&rules).await {
        Err(reason) => {
            let reason = format!("the lab could not be told to fail ({reason})");
            parts.extend(PARTS.iter().map(|part| ctx.part(part).unproven(reason.clone())));
        }
        Ok(()) => {
            ctx.waiting(format!(
                "calls that fail and are retried, about {} s",
                (longest(&ctx.config) * 2 + first(&ctx.config) * 8).as_secs()
            ));
            let (seen, sequences) = tokio::join!(watch_all(&stage, cases), timing::sequences(&stage));
            let of =
                |part: &str| -> Vec<&Seen> { seen.iter().filter(|seen| seen.case.part == part).collect() };
            parts.push(attempts::prove(&stage, &of("P3.attempts")));
            parts.push(timing::prove(&stage, sequences));
            if wanted("P3.spread") && !ctx.cancel.is_cancelled() {
                parts.push(spread::prove(&stage).await);
            }
            parts.push(hints::prove(&stage, &of("P3.hints")));
            parts.push(never::prove(&stage, &of("P3.never")));
            parts.push(once::prove(&stage, &of("P3.once")).await);
        }
    }
    stage.line.clear().await;
    parts.retain(|part| wanted(part.id().as_str()));
    parts
}

/// The world of this proof.
struct Stage {
    line: Line,
    /// Waits before the retries, as declared.
    waits: Vec<Duration>,
    /// The share by which they vary, 0.0 to 1.0.
    jitter: f64,
    /// A call with one retry was seen as two arrivals.
    noticed: Negative,
    /// The status of crowds: 429, which no breaker counts, where it is retried.
    crowd: u16,
    /// How busy this machine was meanwhile.
    pulse: Pulse,
    /// The lab's clock at a moment of the wall's, to read dates by.
    lab_at: (u64, jiff::Timestamp),
}

impl Stage {
    /// Fails one call once with 429, and once with 503, to see that a retry can be seen at all.
    async fn prepare(line: Line) -> Stage {
        let retry = line.ctx.config.dispatch.retry.clone();
        let lab_at = match line.lab.health().await {
            Ok(health) => (health.now_us, crate::clock::wall()),
            Err(_) => (0, crate::clock::wall()),
        };
        let mut stage = Stage {
            waits: retry.backoff,
            jitter: f64::from(retry.jitter_percent) / 100.0,
            noticed: Negative::new("a retry is seen as two arrivals", Scored::Scored(false), ""),
            crowd: 429,
            pulse: Pulse::start(),
            lab_at,
            line,
        };
        for status in [429, 503] {
            let key = format!("noticed-{status}");
            let rule = Rule {
                times: Some(1),
                ..stage.line.rule(&key, Fault::status(status))
            };
            if stage.line.teach(&[rule]).await.is_err() {
                return stage;
            }
            stage
                .line
                .ctx
                .target
                .send(stage.line.call(&key).deadline(stage.line.patience()))
                .await;
            let seen = stage.line.attempts(&key).await;
            let twice = seen.map(|all| all.len() >= 2);
            if twice == Scored::Scored(true) {
                stage.crowd = status;
                stage.noticed = Negative::new(
                    "a retry is seen as two arrivals",
                    twice,
                    format!("after a {status}"),
                );
                return stage;
            }
        }
        stage
    }

    /// Why a wait that was seen too long says nothing: this machine was too busy to tell.
    fn starved(&self) -> Option<UnscoredReason> {
        let worst = self.pulse.worst();
        (worst * 4 > self.line.slack).then(|| {
            UnscoredReason::Unexpected(format!(
                "this machine was too busy to tell: naps of 20 ms took up to {} longer",
                ms(worst)
            ))
        })
    }

    /// The shortest and longest that wait `n` may be, before any slack.
    fn window(&self, n: usize) -> (Duration, Duration) {
        let wait = self.waits.get(n).copied().unwrap_or_default();
        (wait.mul_f64(1.0 - self.jitter), wait.mul_f64(1.0 + self.jitter))
    }

    fn part(&self, id: &'static str) -> PartDraft {
        let waits: Vec<u64> = self.waits.iter().map(|wait| millis(*wait)).collect();
        let config = &self.line.ctx.config;
        self.line
            .ctx
            .part(id)
            .declared("backoff_ms", waits)
            .declared("jitter_percent", config.dispatch.retry.jitter_percent)
            .checklist("backoff_ms", vec![1_000, 2_000, 4_000])
            .measured("slack_ms", millis(self.line.slack))
            .scaled(config.scaled)
    }
}

/// One call that meets a fault.
#[derive(Clone)]
struct Case {
    part: &'static str,
    /// In the report.
    name: String,
    key: String,
    fault: Fault,
    /// The fault is done so often; for ever if `None`.
    times: Option<u64>,
    stream: bool,
    tool: bool,
    /// It counts for a breaker: such calls follow one another, each until it is answered.
    counts: bool,
    expects: Expects,
}

/// What must be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    /// So many attempts, the last of them answered.
    Healed(usize),
    /// So many attempts, none answered.
    GivenUp(usize),
    /// One attempt.
    Once,
    /// The second attempt at this time of the lab's clock, or so long after the first.
    Hint(Hint),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    After(Duration),
    At(u64),
    /// Longer than any clock of the call: no second attempt, and an answer at once.
    Never,
}

/// What both ends saw of a case.
struct Seen {
    case: Case,
    exchange: Exchange,
    got: Got,
    attempts: Scored<Vec<Arrival>>,
}

impl Case {
    fn new(part: &'static str, name: impl Into<String>, fault: Fault, expects: Expects) -> Case {
        let name = name.into();
        Case {
            part,
            key: format!("{part}/{name}"),
            name,
            fault,
            times: None,
            stream: false,
            tool: false,
            counts: false,
            expects,
        }
    }

    fn times(self, times: u64) -> Case {
        Case {
            times: Some(times),
            ..self
        }
    }

    fn counting(self) -> Case {
        Case { counts: true, ..self }
    }

    /// The fault as often as it is done, and how the model answers afterwards.
    fn rules(&self, line: &Line) -> Vec<Rule> {
        let behaviour = self.tool.then(once::calls_a_tool);
        let failing = Rule {
            times: self.times,
            behaviour: behaviour.clone(),
            ..line.rule(&self.key, self.fault.clone())
        };
        let healed = behaviour.map(|behaviour| Rule {
            fault: None,
            behaviour: Some(behaviour),
            ..line.rule(&self.key, self.fault.clone())
        });
        std::iter::once(failing).chain(healed).collect()
    }
}

impl Seen {
    /// The attempts, or why nobody knows.
    fn attempts(&self) -> Result<&[Arrival], UnscoredReason> {
        if let Got::Nothing(reason @ (UnscoredReason::Interrupted | UnscoredReason::OverBudget)) = &self.got {
            return Err(reason.clone());
        }
        match &self.attempts {
            Scored::Unscored(reason) => Err(reason.clone()),
            Scored::Scored(all) if all.iter().all(|at| at.fault.is_none()) => {
                Err(UnscoredReason::Unexpected(format!(
                    "{}: the call did not reach the lab ({})",
                    self.case.name,
                    self.exchange.in_short()
                )))
            }
            Scored::Scored(all) => Ok(all),
        }
    }

    fn count(&self) -> usize {
        self.attempts().map_or(0, <[Arrival]>::len)
    }
}

/// The cases that a breaker counts follow one another, with a good call after each; the others go at the same time.
async fn watch_all(stage: &Stage, cases: Vec<Case>) -> Vec<Seen> {
    let (counting, free): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(|case| case.counts);
    let serial = async {
        let mut seen = Vec::new();
        for case in counting {
            if stage.line.ctx.cancel.is_cancelled() {
                break;
            }
            let good = format!("{}/after", case.key);
            seen.push(watch(stage, case).await);
            stage
                .line
                .ctx
                .target
                .send(stage.line.call(&good).deadline(stage.line.patience()))
                .await;
        }
        seen
    };
    let free = futures_util::future::join_all(free.into_iter().map(|case| watch(stage, case)));
    let (mut seen, others) = tokio::join!(serial, free);
    seen.extend(others);
    seen
}

async fn watch(stage: &Stage, case: Case) -> Seen {
    let line = &stage.line;
    let mut ask = line.ask(&case.key);
    ask.stream = case.stream;
    if case.tool {
        ask.tools = vec![tool(&line.ctx.config)];
    }
    let patience = line.patience() + hints::longest(&case);
    let exchange = line
        .ctx
        .target
        .send(line.ctx.target.call(&ask).deadline(patience))
        .await;
    if matches!(case.expects, Expects::Once | Expects::GivenUp(_)) {
        // A retry that goes on behind the caller's back would come by then.
        let next = stage
            .waits
            .first()
            .copied()
            .unwrap_or_default()
            .mul_f64(1.0 + stage.jitter);
        line.ctx
            .sleep(next.min(Duration::from_secs(5)) + Duration::from_millis(200))
            .await;
    }
    Seen {
        got: line.got(&exchange),
        attempts: line.attempts(&case.key).await,
        case,
        exchange,
    }
}
