//! From observations to a verdict. "Could not be measured" is a value here that nothing can drop on the way: an
//! observation is [`Scored`] or not, a [`Tally`] counts both, and only a tally makes a [`Judgement`].
//!
//! Never: lets a target improve its verdict by timing out, breaking off or answering nothing; passes on no samples.

use std::{collections::BTreeMap, fmt::Write as _};

use thiserror::Error;

use crate::{threshold::Zone, verdict::Verdict};

/// One observation: either it could be judged, or there is a reason why not.
#[must_use = "an observation that is not counted is lost to the verdict: add it to a Tally"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scored<T> {
    /// It came back, whole, and can be judged.
    Scored(T),
    /// It cannot be judged.
    Unscored(UnscoredReason),
}

impl<T> Scored<T> {
    /// The same observation, seen through `f`.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Scored<U> {
        match self {
            Self::Scored(value) => Scored::Scored(f(value)),
            Self::Unscored(reason) => Scored::Unscored(reason),
        }
    }

    /// What was observed, or why it was not: for `?` within a proof.
    pub fn into_result(self) -> Result<T, UnscoredReason> {
        match self {
            Self::Scored(value) => Ok(value),
            Self::Unscored(reason) => Err(reason),
        }
    }
}

impl<T> From<Result<T, UnscoredReason>> for Scored<T> {
    fn from(result: Result<T, UnscoredReason>) -> Self {
        match result {
            Ok(value) => Self::Scored(value),
            Err(reason) => Self::Unscored(reason),
        }
    }
}

/// Why an observation cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum UnscoredReason {
    /// No answer within the proof's patience, where being slow is not what is being judged.
    #[error("no answer in time")]
    Timeout,
    /// The connection could not be made or broke.
    #[error("connection failed: {0}")]
    Transport(String),
    /// An answer with nothing in it.
    #[error("empty answer")]
    Empty,
    /// An answer that ends before its end.
    #[error("answer cut short")]
    Truncated,
    /// Not sent: the budget of requests or money was used up.
    #[error("the budget of the run was used up")]
    OverBudget,
    /// Not sent or not awaited: the run was stopped.
    #[error("the run was interrupted")]
    Interrupted,
    /// An answer that the proof cannot read as either outcome.
    #[error("unexpected answer: {0}")]
    Unexpected(String),
}

impl UnscoredReason {
    /// The kind without its details: one word under which it is counted.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Transport(_) => "transport",
            Self::Empty => "empty",
            Self::Truncated => "truncated",
            Self::OverBudget => "over_budget",
            Self::Interrupted => "interrupted",
            Self::Unexpected(_) => "unexpected",
        }
    }
}

/// What was counted in one proof: what held, what did not, what could not be measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    good: u64,
    bad: u64,
    bad_examples: Vec<String>,
    unscored: BTreeMap<&'static str, Unscored>,
}

/// How often one kind of reason occurred, and its first wording.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unscored {
    count: u64,
    first: String,
}

/// Wordings of what did not hold that are kept: enough to see a pattern, little enough for a line of a report.
const EXAMPLES_MAX: usize = 3;

/// Characters kept of a wording: it may quote what a hostile target sent.
const WORDING_CHARS_MAX: usize = 240;

impl Tally {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts an observation; `check` says of one that could be judged whether it held, or why not.
    pub fn add<T>(&mut self, observed: Scored<T>, check: impl FnOnce(T) -> Result<(), String>) {
        match observed.map(check) {
            Scored::Scored(Ok(())) => self.add_good(),
            Scored::Scored(Err(why)) => self.add_bad(why),
            Scored::Unscored(reason) => self.add_unscored(&reason),
        }
    }

    /// Counts one that held.
    pub fn add_good(&mut self) {
        self.good += 1;
    }

    /// Counts one that did not hold, with the reason in words.
    pub fn add_bad(&mut self, why: impl AsRef<str>) {
        self.bad += 1;
        if self.bad_examples.len() < EXAMPLES_MAX {
            self.bad_examples.push(shortened(why.as_ref()));
        }
    }

    /// Counts one that could not be measured.
    pub fn add_unscored(&mut self, reason: &UnscoredReason) {
        let first = || Unscored {
            count: 0,
            first: shortened(&reason.to_string()),
        };
        self.unscored.entry(reason.kind()).or_insert_with(first).count += 1;
    }

    /// Adds all that another tally counted.
    pub fn merge(&mut self, other: &Self) {
        self.good += other.good;
        self.bad += other.bad;
        let room = EXAMPLES_MAX.saturating_sub(self.bad_examples.len());
        self.bad_examples
            .extend(other.bad_examples.iter().take(room).cloned());
        for (kind, theirs) in &other.unscored {
            let first = || Unscored {
                count: 0,
                first: theirs.first.clone(),
            };
            self.unscored.entry(kind).or_insert_with(first).count += theirs.count;
        }
    }

    /// How many held.
    pub fn good(&self) -> u64 {
        self.good
    }

    /// How many did not hold.
    pub fn bad(&self) -> u64 {
        self.bad
    }

    /// How many could be judged.
    pub fn scored(&self) -> u64 {
        self.good + self.bad
    }

    /// How many could not be measured.
    pub fn unscored(&self) -> u64 {
        self.unscored.values().map(|reason| reason.count).sum()
    }

    /// How many could not be measured, by kind of reason.
    pub fn unscored_by_kind(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.unscored.iter().map(|(kind, reason)| (*kind, reason.count))
    }

    /// The verdict of what was counted:
    ///
    /// - more bad ones than `rule` allows of those that could be judged: `fail`, whatever the others might have been;
    /// - none, or fewer than `rule` wants, could be judged, or too large a share could not: `unproven`;
    /// - it would hold even if all that could not be measured had been bad: `pass`;
    /// - else what could not be measured might turn it: `warn`.
    ///
    /// Hence a target gains nothing by not answering: one more timeout never makes a verdict better, and what would
    /// have been bad never helps it to a `pass`.
    pub fn judge(&self, rule: &Rule) -> Judgement {
        let (verdict, note) = self.verdict(rule);
        let mut summary = self.counts();
        if !note.is_empty() {
            let _ = write!(summary, "; {note}");
        }
        Judgement {
            verdict,
            summary,
            scored: self.scored(),
            unscored: self.unscored(),
        }
    }

    fn verdict(&self, rule: &Rule) -> (Verdict, String) {
        let (scored, unscored) = (self.scored(), self.unscored());
        let total = scored + unscored;
        let wanted = rule.min_scored.max(1);
        let enough = scored >= wanted;
        // Of a count one bad too many decides at once; a share needs its samples first.
        let decides = enough || matches!(rule.allowed_bad, Allowance::Count(_));
        if decides && !rule.allowed_bad.covers(self.bad, scored) {
            return (Verdict::Fail, String::new());
        }
        let unproven = |note: String| (Verdict::Unproven, note);
        let max = rule.max_unscored_percent;
        if scored == 0 {
            unproven("nothing could be measured".to_owned())
        } else if !enough {
            unproven(format!("a verdict needs {wanted} that could be measured"))
        } else if exceeds_percent(unscored, total, max) {
            unproven(format!("more than {max} % could not be measured"))
        } else if rule.allowed_bad.covers(self.bad + unscored, total) {
            (Verdict::Pass, String::new())
        } else {
            (
                Verdict::Warn,
                "what could not be measured might have failed".to_owned(),
            )
        }
    }

    fn counts(&self) -> String {
        let mut text = format!("{} of {} held", self.good, self.scored());
        if !self.bad_examples.is_empty() {
            let _ = write!(text, "; {} did not ({})", self.bad, self.bad_examples.join("; "));
        }
        if self.unscored() > 0 {
            let _ = write!(text, "; {} could not be measured", self.unscored());
            let reasons = self
                .unscored
                .values()
                .map(|reason| format!("{} × {}", reason.count, reason.first));
            let _ = write!(text, " ({})", reasons.collect::<Vec<_>>().join(", "));
        }
        text
    }
}

/// What a tally must show for a `pass`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Fewest observations that must be judgeable. Zero counts as one: nothing passes on no samples.
    pub min_scored: u64,
    /// Largest share of observations, 0 to 100, that may stay unmeasured. Above it the part is `unproven`.
    pub max_unscored_percent: u8,
    /// How many of the judged ones may have been bad.
    pub allowed_bad: Allowance,
}

impl Rule {
    /// Every one must hold, at least `min_scored` of them.
    pub const fn all_of(min_scored: u64) -> Self {
        Self {
            min_scored,
            max_unscored_percent: DEFAULT_UNSCORED_PERCENT,
            allowed_bad: Allowance::Count(0),
        }
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self::all_of(1)
    }
}

/// A share above one in twenty left unmeasured could hide any failure worth finding; below it, a lost packet
/// should not void an hour of proofs.
pub const DEFAULT_UNSCORED_PERCENT: u8 = 5;

/// How many bad ones a rule bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// At most so many, however many there were.
    Count(u64),
    /// At most so many in a thousand, 0 to 1,000.
    PerMille(u16),
}

impl Allowance {
    fn covers(self, bad: u64, total: u64) -> bool {
        match self {
            Self::Count(max) => bad <= max,
            Self::PerMille(max) => u128::from(bad) * 1000 <= u128::from(total) * u128::from(max),
        }
    }
}

/// A machine's verdict with what it rests on. Only [`Tally::judge`] makes one, and it can only get worse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    verdict: Verdict,
    summary: String,
    scored: u64,
    unscored: u64,
}

impl Judgement {
    /// One of `pass`, `warn`, `unproven`, `fail`.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The counts, and what decided, in one line.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// How many observations it rests on.
    pub fn scored(&self) -> u64 {
        self.scored
    }

    /// How many observations could not be measured.
    pub fn unscored(&self) -> u64 {
        self.unscored
    }

    /// Lowers the verdict to that of a measured figure (a percentile, a rate, a time) if that is worse, and adds
    /// `why` to the summary in any case. It never raises it: a good figure over few samples stays what it was.
    #[must_use]
    pub fn no_better_than(mut self, zone: Zone, why: impl AsRef<str>) -> Self {
        self.verdict = self.verdict.max(zone.verdict());
        let _ = write!(self.summary, "; {}", why.as_ref());
        self
    }
}

fn exceeds_percent(count: u64, total: u64, percent: u8) -> bool {
    u128::from(count) * 100 > u128::from(total) * u128::from(percent)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(WORDING_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
