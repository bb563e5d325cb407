//! What a proof is given: the target, the lab if there is one, its own dice, and a way to say what it waits for.
//!
//! Never: shared state between proofs. Users, markers and dice are made from the item and the seed, so that proofs
//! do not poison each other and a seed repeats a run.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use golive_checklist::gate::LoadOffered;
use golive_checklist::item::ItemId;
use golive_checklist::judge::{Scored, UnscoredReason};
use golive_config::Target;
use golive_lab::client::LabClient;
use golive_lab::{Page, Query};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::command::{self, CommandError, Ran};
use crate::part::PartDraft;
use crate::progress::{Event, Sink};
use crate::target::{Answer, Call, Exchange, TargetClient};

/// The longest that the target's own rate limit is waited out at once.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is.
const PATIENCE_TIMES: usize = 4;

/// What proofs tell the run beside their parts.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) warnings: Vec<String>,
    pub(crate) load: Option<LoadOffered>,
}

/// The world of one proof. Cheap to clone.
#[derive(Clone)]
pub struct Ctx {
    /// The item that is being proven.
    pub item: ItemId,
    /// The only way to send the target anything.
    pub target: TargetClient,
    /// What is known of the target.
    pub config: Arc<Target>,
    /// The lab that plays the target's model, if the target declares one.
    pub lab: Option<LabClient>,
    /// The seed of the run.
    pub seed: u64,
    /// When this is cancelled the run ends: sends already answer `Interrupted`. Put back what you broke, then return.
    pub cancel: CancellationToken,
    /// Where larger evidence may be written, if the run has a folder.
    pub out: Option<PathBuf>,
    /// The run is a short one (the demo, CI): proofs of rates send less, and say what that cannot bound.
    pub quick: bool,
    /// How this run reaches its target on the command line (`--target staging`).
    pub(crate) reach: String,
    /// Differs from run to run, so that markers of an earlier run are never taken for this one's.
    pub(crate) run: u64,
    pub(crate) progress: Arc<dyn Sink>,
    pub(crate) notes: Arc<Mutex<Notes>>,
}

impl Ctx {
    /// Says what is being waited for: one short fragment, `breaker open, probe due in 12 s`.
    pub fn waiting(&self, what: impl Into<String>) {
        self.progress.take(Event::Waiting {
            item: self.item,
            what: what.into(),
        });
    }

    /// Something a reader must know before trusting the rest: a shortened soak, other traffic seen. It stands at the
    /// top of the report.
    pub fn warn(&self, text: impl Into<String>) {
        let text = format!("{}: {}", self.item, text.into());
        self.progress.take(Event::Warning(text.clone()));
        self.notes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .warnings
            .push(text);
    }

    /// Whether the load that was to be offered was offered. One `No` makes the run INVALID.
    pub fn load_offered(&self, offered: LoadOffered) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.load != Some(LoadOffered::No) {
            notes.load = Some(offered);
        }
    }

    /// Waits, unless the run ends first. `true` if the whole time passed.
    pub async fn sleep(&self, time: Duration) -> bool {
        clock::sleep(time, &self.cancel).await
    }

    /// Sends, and where the target's own rate limit answers and says for how long, waits that out and sends again: so
    /// many tries of one caller are no load, and the limit is another item's. After [`PATIENCE_TIMES`] waits, and where
    /// it asks for more than [`PATIENCE`], the limited answer stands.
    pub async fn send_patiently(&self, call: Call) -> Exchange {
        for _ in 0..PATIENCE_TIMES {
            let exchange = self.target.send(call.clone()).await;
            let Some(wait) = exchange.answer().and_then(Answer::limited_for) else {
                return exchange;
            };
            if wait > PATIENCE || !self.sleep(wait).await {
                return exchange;
            }
        }
        self.target.send(call).await
    }

    /// What the lab saw. Ends with the run, so that an interrupted proof does not sit out a long poll; to put the
    /// lab back in order, speak to [`Ctx::lab`] itself. Without a lab: unscored.
    pub async fn timeline(&self, query: &Query) -> Scored<Page> {
        let Some(lab) = &self.lab else {
            return Scored::Unscored(UnscoredReason::Unexpected(
                "this target declares no lab".to_owned(),
            ));
        };
        tokio::select! {
            page = lab.timeline(query) => match page {
                Ok(page) => Scored::Scored(page),
                Err(error) => Scored::Unscored(UnscoredReason::Transport(error.to_string())),
            },
            () = self.cancel.cancelled() => Scored::Unscored(UnscoredReason::Interrupted),
        }
    }

    /// The lab's number of the last arrival; 0 without a lab.
    pub async fn lab_seq(&self) -> u64 {
        match &self.lab {
            Some(lab) => lab.counts().await.map_or(0, |counts| counts.seq),
            None => 0,
        }
    }

    /// Whether a request with this marker reached the lab after `since`; nobody knows without a lab.
    pub async fn arrived(&self, marker: &str, since: u64) -> Option<bool> {
        self.lab.as_ref()?;
        let query = Query {
            since,
            contains: Some(marker.to_owned()),
            brief: true,
            limit: 1,
            ..Query::default()
        };
        match self.timeline(&query).await {
            Scored::Scored(page) => Some(!page.arrivals.is_empty()),
            Scored::Unscored(_) => None,
        }
    }

    /// Dice of this proof and this purpose; the same seed throws the same.
    #[must_use]
    pub fn dice(&self, purpose: &str) -> StdRng {
        dice(self.item, self.seed, purpose)
    }

    /// A string that stands in nothing but this run's requests for `purpose`, to be found in the lab's timeline.
    #[must_use]
    pub fn marker(&self, purpose: &str) -> String {
        format!(
            "glvmark{:016x}",
            self.mix(purpose) ^ self.seed.rotate_left(17) ^ self.run
        )
    }

    /// A made-up person of this run and this purpose.
    #[must_use]
    pub fn user(&self, purpose: &str) -> String {
        format!(
            "glv-check-{}-{:012x}",
            self.item.as_str().to_lowercase(),
            (self.mix(purpose) ^ self.run) >> 16
        )
    }

    /// Begins the report of one part of this item.
    pub fn part(&self, id: &'static str) -> PartDraft {
        PartDraft::new(id, self.reproduce(), self.target.redactor().clone())
    }

    /// The command that runs this proof alone.
    #[must_use]
    pub fn reproduce(&self) -> String {
        format!(
            "golive check {} --item {} --seed {}",
            self.reach, self.item, self.seed
        )
    }

    /// Runs a declared command; see [`command::run`].
    ///
    /// # Errors
    /// [`CommandError`] when it does not start or does not end.
    pub async fn run(&self, words: &[String], values: &[(&str, &str)]) -> Result<Ran, CommandError> {
        command::run(words, values, self.target.redactor()).await
    }

    fn mix(&self, purpose: &str) -> u64 {
        mix(self.item, purpose)
    }
}

/// Dice of an item and a purpose by the seed of the run.
pub(crate) fn dice(item: ItemId, seed: u64, purpose: &str) -> StdRng {
    StdRng::seed_from_u64(mix(item, purpose) ^ seed)
}

/// FNV-1a over the item and the purpose: stable between versions, which a hasher of std is not.
fn mix(item: ItemId, purpose: &str) -> u64 {
    let bytes = item.as_str().bytes().chain([0]).chain(purpose.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
