//! One run: self-test, reachability, the proofs in their order, the gate, the report. An interruption anywhere still
//! ends in a report of what was done.
//!
//! Proofs that wait long and touch nothing of each other's run side by side ([`crate::proofs::side_by_side`]).
//!
//! Never: runs any two others at once, goes on after a failed phase 1 unless told to, or lets a crash of a proof become
//! anything but `unproven`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use golive_checklist::gate::{self, Exception, ExceptionKind, LoadOffered};
use golive_checklist::item::{DecidedBy, ITEMS, Item, ItemId, Phase};
use golive_checklist::report::{CheckReport, PartReport, by_item};
use golive_config::Target;
use golive_lab::ListenerState;
use golive_lab::client::{ClientError, LabClient};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::clock;
use crate::conclude::{Ended, conclude};
use crate::ctx::{Ctx, Notes};
use crate::plan::{PartPlan, Plan, PlanInput, Provable, plan_of, plans_of};
use crate::progress::{Event, Silent, Sink};
use crate::proofs::{PROOFS, Proof, When};
use crate::self_test;
use crate::target::{Ask, TargetClient, TlsError};

/// Why a part is unproven that no proof looks at.
pub(crate) const NO_PROOF: &str = "this version of golive has no proof of this part";

/// Exit code of a run that was interrupted: 128 + SIGINT, as shells have it.
pub const EXIT_INTERRUPTED: u8 = 130;

/// Exit code when the target cannot be reached.
pub const EXIT_UNREACHABLE: u8 = 3;

/// How long the target may take to answer again after a proof that broke it.
const SETTLE: Duration = Duration::from_secs(10);

/// How long an interrupted proof may take to put back what it broke.
const GRACE: Duration = Duration::from_secs(5);

/// What a run is asked to do.
#[derive(Clone)]
pub struct CheckOptions {
    /// The target.
    pub target: Arc<Target>,
    /// Which items.
    pub selection: Selection,
    /// The seed; the same seed throws the same dice.
    pub seed: u64,
    /// Go on after a fail in phase 1.
    pub keep_going: bool,
    /// `--i-own-this`: load and attack proofs may run though the target is not marked `staging = true`.
    pub own_this: bool,
    /// Scaled numbers count in full, as in the demo and nowhere else.
    pub demo: bool,
    /// A short run: proofs of rates send less, and say what that cannot bound. The demo is always one.
    pub quick: bool,
    /// Exclusions and allowances.
    pub exceptions: Vec<Exception>,
    /// Folder for larger evidence. Reports are written by [`crate::report::write`].
    pub out: Option<PathBuf>,
    /// How the target is named on the command line, for the reproduce lines: `--target staging`.
    pub reach: String,
    /// Where progress goes.
    pub progress: Arc<dyn Sink>,
}

impl CheckOptions {
    /// A full run against `target`, quiet, that stops after a failed phase 1.
    #[must_use]
    pub fn new(target: Arc<Target>, seed: u64) -> CheckOptions {
        CheckOptions {
            reach: format!("--target {}", target.name),
            target,
            selection: Selection::default(),
            seed,
            keep_going: false,
            own_this: false,
            demo: false,
            quick: false,
            exceptions: Vec::new(),
            out: None,
            progress: Arc::new(Silent),
        }
    }

    /// Whether this is a short run.
    #[must_use]
    pub fn is_quick(&self) -> bool {
        self.quick || self.demo
    }
}

/// Which items a run looks at: all, or those that are named or in a named phase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// These items.
    pub items: Vec<ItemId>,
    /// All items of these phases.
    pub phases: Vec<Phase>,
}

impl Selection {
    /// Everything.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.items.is_empty() && self.phases.is_empty()
    }

    /// Whether an item is to be looked at.
    #[must_use]
    pub fn has(&self, id: ItemId) -> bool {
        let phase = golive_checklist::item::item(id).phase;
        self.is_full() || self.items.contains(&id) || self.phases.contains(&phase)
    }
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The report, whole also when the run was interrupted.
    pub report: CheckReport,
    /// 0 GO or a clean PARTIAL, 1 NO-GO, 4 INVALID, 130 interrupted.
    pub exit_code: u8,
}

/// Why no run took place.
#[derive(Debug, Error)]
pub enum CheckError {
    /// Nothing answers there.
    #[error("cannot reach the target at {url}: {source}; is it running, and is the address right?")]
    Unreachable {
        /// The target.
        url: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// TLS could not be prepared.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The declared lab is not there.
    #[error(
        "cannot reach the lab that this target declares; start it with `golive lab`, or leave lab_url out"
    )]
    Lab(#[source] ClientError),
}

impl CheckError {
    /// 3 when something cannot be reached, 2 when the configuration is at fault.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            CheckError::Unreachable { .. } | CheckError::Lab(_) => EXIT_UNREACHABLE,
            CheckError::Tls(_) => 2,
        }
    }
}

/// Runs the proofs of `options` until done or until `cancel`.
///
/// # Errors
/// [`CheckError`] when nothing could be looked at at all.
pub async fn check(options: CheckOptions, cancel: CancellationToken) -> Result<Checked, CheckError> {
    let started_at = clock::wall();
    let started = clock::now();
    let budget = Budget::new(options.target.budget.requests);
    let client = TargetClient::new(Arc::clone(&options.target), budget.clone(), cancel.clone())?;
    client
        .reachable()
        .await
        .map_err(|source| CheckError::Unreachable {
            url: options.target.url.to_string(),
            source,
        })?;
    let lab = lab_of(&options.target).await?;
    let plan = plan_of(&options);
    let self_test = self_test::run();

    let mut run = Run {
        ctx: World {
            client: client.clone(),
            lab,
            notes: Arc::default(),
            cancel: cancel.clone(),
        },
        options: &options,
        parts: Vec::new(),
        stopped: None,
    };
    run.announce(&plan);
    if self_test.passed {
        run.proofs().await;
    } else {
        run.stopped = Some("the self-test of the prover failed, so nothing was run");
    }

    let interrupted = cancel.is_cancelled();
    let elapsed = clock::now().saturating_duration_since(started);
    options.progress.take(Event::Finished { took: elapsed });
    let (mut warnings, load) = run.notes();
    warnings.splice(0..0, plan.warnings.iter().cloned());
    let parts = run.into_all_parts(interrupted);
    let ended = Ended {
        parts,
        warnings,
        load,
        interrupted,
        self_test,
        started_at,
        elapsed,
    };
    Ok(conclude(&options, ended, &budget, client.redactor()))
}

/// The lab of a target, asked whether it is one.
async fn lab_of(target: &Target) -> Result<Option<LabClient>, CheckError> {
    let Some(url) = &target.lab_url else {
        return Ok(None);
    };
    let lab = LabClient::new(&url.to_string()).map_err(CheckError::Lab)?;
    lab.health().await.map_err(CheckError::Lab)?;
    Ok(Some(lab))
}

/// One run on its way.
struct Run<'a> {
    options: &'a CheckOptions,
    ctx: World,
    parts: Vec<PartReport>,
    /// Why the proofs that did not run did not.
    stopped: Option<&'static str>,
}

struct World {
    client: TargetClient,
    lab: Option<LabClient>,
    notes: Arc<Mutex<Notes>>,
    cancel: CancellationToken,
}

impl Run<'_> {
    fn announce(&self, plan: &Plan) {
        self.options.progress.take(Event::Started {
            target: self.options.target.name.clone(),
            proofs: ordered(&self.options.selection).len(),
            requests: plan.requests,
            expected: Duration::from_secs(plan.seconds),
        });
        for warning in &plan.warnings {
            self.options.progress.take(Event::Warning(warning.clone()));
        }
    }

    /// Phase 1 first; a fail there ends the run, but S2, which belongs to phase 1 and runs last of all, is still
    /// heard.
    async fn proofs(&mut self) {
        let mut ended = false;
        for group in crate::proofs::side_by_side(ordered(&self.options.selection), &self.options.target) {
            // A group is of one mind about phase 1: only proofs of later phases run side by side.
            let phase = golive_checklist::item::item(group[0].item).phase;
            if phase != Phase::Security && !ended && !self.options.keep_going {
                ended = gate::ends_run(&by_item(self.parts.clone(), &[]));
                if ended {
                    self.stopped =
                        Some("a part of phase 1 failed, which ends the run; use --keep-going to go on");
                }
            }
            if self.ctx.cancel.is_cancelled() || (ended && phase != Phase::Security) {
                continue;
            }
            let found = futures_util::future::join_all(group.iter().map(|proof| self.one(proof))).await;
            let mut attacked = None;
            for (proof, (parts, ran)) in group.iter().zip(found) {
                self.parts.extend(parts);
                attacked =
                    attacked.or((ran && proof.attacks && proof.when != When::Last).then_some(proof.item));
            }
            if let Some(item) = attacked.filter(|_| !self.ctx.cancel.is_cancelled()) {
                self.settle(&self.ctx_of(golive_checklist::item::item(item)))
                    .await;
            }
        }
    }

    /// After a proof that broke or loaded the target, waits until it answers again, so that the next one does not
    /// measure the last one's damage. A 429 is an answer here.
    async fn settle(&self, ctx: &Ctx) {
        let started = clock::now();
        ctx.waiting("the target to answer again");
        loop {
            let ask = Ask::new(format!("Say hello. {}", ctx.marker("settle"))).user(ctx.user("settle"));
            let exchange = ctx.target.send(ctx.target.call(&ask).deadline(SETTLE)).await;
            let answers = exchange
                .answer()
                .is_some_and(|answer| answer.status.as_u16() < 500);
            if answers || self.ctx.cancel.is_cancelled() {
                return;
            }
            if clock::now().saturating_duration_since(started) > SETTLE {
                let seconds = SETTLE.as_secs();
                ctx.warn(format!(
                    "the target did not answer within {seconds} s after this proof; what follows may suffer from it"
                ));
                return;
            }
            ctx.sleep(Duration::from_millis(500)).await;
        }
    }

    /// A proof that crashed or was cut off cannot put the lab back in order: this does.
    async fn mend_lab(&self, item: ItemId) {
        let Some(lab) = &self.ctx.lab else { return };
        let target = &self.options.target;
        let behind = target.dispatch.links.providers.iter();
        for provider in std::iter::once(&target.lab_provider).chain(behind) {
            // Best effort: a provider without a port of its own has no listener to open.
            let _ = lab
                .clear_overlays(provider, &format!("{item}-").to_lowercase())
                .await;
            let _ = lab.set_listener(provider, ListenerState::Open).await;
        }
        let _ = lab.clear_script(&target.lab_provider).await;
    }

    /// The parts of one proof, and whether it was run at all.
    async fn one(&self, proof: &Proof) -> (Vec<PartReport>, bool) {
        let item = golive_checklist::item::item(proof.item);
        self.options.progress.take(Event::Proof {
            item: item.id,
            title: item.title,
        });
        let input = PlanInput {
            target: &self.options.target,
            may_attack: self.options.target.staging || self.options.own_this,
            quick: self.options.is_quick(),
        };
        let mut open: Vec<PartPlan> = plans_of(proof, &input);
        open.retain(|plan| !self.is_excluded(plan.part));
        let mut done = Vec::new();
        for plan in &open {
            if let Provable::No { missing, unlocks } = &plan.provable {
                done.push(
                    self.ctx_of(item)
                        .part(plan.part)
                        .unproven(format!("needs {missing}: {unlocks}")),
                );
            }
        }
        let ran = open.iter().any(|plan| plan.provable == Provable::Yes);
        if ran {
            let found = self.guarded(proof, item).await;
            // What the plan ruled out stays ruled out, whatever the proof says of it.
            for part in found {
                let id = part.id().as_str();
                if proof.parts.contains(&id) && !done.iter().any(|have: &PartReport| have.id() == part.id()) {
                    done.push(part);
                }
            }
        }
        done.retain(|part| !self.is_excluded(part.id().as_str()));
        for part in &done {
            self.options.progress.take(Event::Part {
                id: part.id().to_string(),
                verdict: part.verdict(),
                summary: part.summary.clone(),
            });
        }
        (done, ran)
    }

    /// Runs one proof in a task of its own, so that a crash is a finding about the proof and not the end of the run.
    async fn guarded(&self, proof: &Proof, item: &'static Item) -> Vec<PartReport> {
        let ctx = self.ctx_of(item);
        let mut task = clock::start((proof.run)(ctx.clone()));
        let ended = tokio::select! {
            ended = &mut task => ended,
            () = self.ctx.cancel.cancelled() => {
                match tokio::time::timeout(GRACE, &mut task).await {
                    Ok(ended) => ended,
                    Err(_) => {
                        task.abort();
                        self.mend_lab(item.id).await;
                        return Vec::new();
                    }
                }
            }
        };
        match ended {
            Ok(parts) => parts,
            Err(error) => {
                self.mend_lab(item.id).await;
                ctx.warn(format!(
                    "the proof crashed ({error}); its parts are unproven. This is a fault of golive"
                ));
                let reason = "the proof crashed: a fault of golive, please report it";
                proof
                    .parts
                    .iter()
                    .map(|part| ctx.part(part).unproven(reason))
                    .collect()
            }
        }
    }

    fn ctx_of(&self, item: &Item) -> Ctx {
        Ctx {
            item: item.id,
            target: self.ctx.client.clone(),
            config: Arc::clone(&self.options.target),
            lab: self.ctx.lab.clone(),
            seed: self.options.seed,
            cancel: self.ctx.cancel.clone(),
            out: self.options.out.clone(),
            quick: self.options.is_quick(),
            reach: self.options.reach.clone(),
            run: self.ctx.client.run_id(),
            progress: Arc::clone(&self.options.progress),
            notes: Arc::clone(&self.ctx.notes),
        }
    }

    fn is_excluded(&self, part: &str) -> bool {
        self.exclusion(part).is_some()
    }

    fn exclusion(&self, part: &str) -> Option<&Exception> {
        let item = part.split_once('.').map_or(part, |(item, _)| item);
        self.options
            .exceptions
            .iter()
            .find(|one| one.kind == ExceptionKind::Excluded && (one.id == part || one.id == item))
    }

    fn notes(&self) -> (Vec<String>, LoadOffered) {
        let notes = self.ctx.notes.lock().unwrap_or_else(PoisonError::into_inner);
        (notes.warnings.clone(), notes.load.unwrap_or(LoadOffered::NotRun))
    }

    /// The parts that were run, and every other part of the selection with the reason why it was not.
    fn into_all_parts(mut self, interrupted: bool) -> Vec<PartReport> {
        let mut all = std::mem::take(&mut self.parts);
        for item in ITEMS.iter().filter(|item| self.options.selection.has(item.id)) {
            let ctx = self.ctx_of(item);
            let proof = crate::proofs::proof(item.id);
            for spec in item.parts {
                if all.iter().any(|part| part.id().as_str() == spec.id) {
                    continue;
                }
                if let Some(exclusion) = self.exclusion(spec.id) {
                    all.push(PartReport::excluded(spec, exclusion.reason.clone()));
                    continue;
                }
                let proven = proof.is_some_and(|proof| proof.parts.contains(&spec.id));
                let reason = match (spec.decided_by, proven) {
                    (DecidedBy::Person, _) => "only a person can say; nobody has attested to it",
                    (DecidedBy::Machine, false) => NO_PROOF,
                    (DecidedBy::Machine, true) if interrupted => {
                        "the run was interrupted before it was proven"
                    }
                    (DecidedBy::Machine, true) => self.stopped.unwrap_or("its proof gave no result"),
                };
                // Nothing can be reproduced of what was not run.
                let mut part = PartReport::unproven(spec, reason);
                part.reproduce = proven.then(|| ctx.reproduce());
                all.push(part);
            }
        }
        all
    }
}

/// The proofs of a selection in the order in which they run.
fn ordered(selection: &Selection) -> Vec<&'static Proof> {
    let mut proofs: Vec<&Proof> = PROOFS.iter().filter(|proof| selection.has(proof.item)).collect();
    // Stable: within one `When`, checklist order.
    proofs.sort_by_key(|proof| proof.when);
    debug_assert!(proofs.iter().all(|proof| proof.when <= When::Last));
    proofs
}

#[cfg(test)]
mod tests {
    use golive_checklist::verdict::Verdict;
    use golive_config::TargetFormat;

    use super::*;

    const CRASHING: Proof = Proof {
        item: ItemId::S5,
        parts: &["S5.keys"],
        doc: "",
        when: When::InOrder,
        attacks: false,
        oracles: &[],
        plan: |_| Vec::new(),
        run: |_| Box::pin(async { panic!("made to crash") }),
    };

    #[test]
    fn load_runs_after_the_others_and_limits_at_the_very_end() {
        let order = ordered(&Selection::default());
        assert!(order.is_sorted_by_key(|proof| proof.when));
        let last = order.last().map(|proof| proof.item);
        assert!(last.is_none_or(|item| item == ItemId::S2), "{last:?} runs last");
    }

    #[test]
    fn a_selection_by_phase_or_item_is_not_full_and_has_nothing_else() {
        let some = Selection {
            items: vec![ItemId::P2],
            phases: vec![Phase::Security],
        };
        assert!(!some.is_full() && some.has(ItemId::P2) && some.has(ItemId::S5) && !some.has(ItemId::P1));
        assert!(Selection::default().is_full());
    }

    #[tokio::test]
    async fn a_proof_that_crashes_leaves_its_parts_unproven_and_a_warning() {
        let url = "http://127.0.0.1:9".parse().unwrap();
        let target = Arc::new(Target::bare("nowhere", url, TargetFormat::OpenAi));
        let cancel = CancellationToken::new();
        let client = TargetClient::new(Arc::clone(&target), Budget::new(1), cancel.clone()).unwrap();
        let options = CheckOptions::new(target, 1);
        let run = Run {
            ctx: World {
                client,
                lab: None,
                notes: Arc::default(),
                cancel,
            },
            options: &options,
            parts: Vec::new(),
            stopped: None,
        };
        let parts = run
            .guarded(&CRASHING, golive_checklist::item::item(ItemId::S5))
            .await;
        assert_eq!(
            parts.iter().map(PartReport::verdict).collect::<Vec<_>>(),
            [Verdict::Unproven]
        );
        assert!(run.notes().0[0].contains("crashed"));
    }
}
