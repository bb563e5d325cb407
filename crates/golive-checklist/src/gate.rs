//! The gate: from the parts of a run to GO or NO-GO, with the reasons and the nearest way to GO.
//!
//! Never: counts an unproven part as passed, lets a person's word change a fail, or calls a run of some items GO.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    item::{self, DecidedBy, Phase},
    report::{Coverage, ItemReport, PartReport},
    verdict::Verdict,
};

/// The answer of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Gate {
    /// A full run in which everything holds.
    #[serde(rename = "GO")]
    Go,
    /// The same, but for exclusions and allowances that stand recorded.
    #[serde(rename = "GO_WITH_EXCEPTIONS")]
    GoWithExceptions,
    /// A full run in which something does not hold or is not proven.
    #[serde(rename = "NO-GO")]
    NoGo,
    /// A run of some items, or one that was interrupted. Never GO.
    #[serde(rename = "PARTIAL")]
    Partial,
    /// A run that says nothing about the target: the prover itself was not fit.
    #[serde(rename = "INVALID")]
    Invalid,
}

impl Gate {
    /// The word in JSON: `GO`, `GO_WITH_EXCEPTIONS`, `NO-GO`, `PARTIAL`, `INVALID`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Go => "GO",
            Self::GoWithExceptions => "GO_WITH_EXCEPTIONS",
            Self::NoGo => "NO-GO",
            Self::Partial => "PARTIAL",
            Self::Invalid => "INVALID",
        }
    }
}

impl fmt::Display for Gate {
    /// For people: `GO WITH EXCEPTIONS`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.as_str().replace('_', " "))
    }
}

/// All that the gate looks at.
#[derive(Clone, Copy, Debug)]
pub struct GateInput<'a> {
    /// The items that were looked at.
    pub items: &'a [ItemReport],
    /// Whether the oracles worked at the start of the run.
    pub self_test_passed: bool,
    /// Whether the load that was to be offered was offered.
    pub load: LoadOffered,
    /// Whether the run was stopped before its end.
    pub interrupted: bool,
    /// Exclusions and allowances, as recorded.
    pub exceptions: &'a [Exception],
}

/// Whether the load generator did its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadOffered {
    /// No load proof was run.
    NotRun,
    /// It kept its schedule.
    Yes,
    /// It did not: whatever was measured under load is about the generator.
    No,
}

/// A person's decision to go without a proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exception {
    /// The part (`S2.global`), or the item (`S2`) for all its parts.
    pub id: String,
    /// What was decided.
    pub kind: ExceptionKind,
    /// Why. Without it the exception counts for nothing.
    pub reason: String,
    /// Who decided. In phase 1 two different people.
    pub by: Vec<String>,
}

/// What an exception allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExceptionKind {
    /// The part is left out.
    Excluded,
    /// The part may stay unproven (`--allow-unproven`).
    AllowUnproven,
}

impl Exception {
    fn covers(&self, part: &PartReport) -> bool {
        self.id == part.id().as_str() || self.id == part.id().item().as_str()
    }

    /// What it lacks to count in this phase.
    fn lacks(&self, phase: Phase) -> Option<&'static str> {
        if self.reason.trim().is_empty() {
            return Some("its exception gives no reason");
        }
        // One person under two spellings of a name is still one person.
        let name = |name: &String| {
            name.split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .to_lowercase()
        };
        let people: BTreeSet<_> = self.by.iter().map(name).filter(|name| !name.is_empty()).collect();
        (phase == Phase::Security && people.len() < 2)
            .then_some("in phase 1 an exception needs two different people by name")
    }
}

/// What the gate decided, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The answer.
    pub gate: Gate,
    /// First the answer in one sentence; then, one line each, what blocks or was excepted.
    pub reasons: Vec<String>,
    /// The nearest way to GO, one step each; empty when there is none to go.
    pub nearest: Vec<String>,
    clean: bool,
}

impl Decision {
    /// The exit code of `golive check`: 0 for a GO, with exceptions or not, and for a PARTIAL in which all that was
    /// looked at holds; 4 for INVALID; else 1.
    pub fn exit_code(&self) -> u8 {
        match self.gate {
            Gate::Go | Gate::GoWithExceptions => 0,
            Gate::Partial if self.clean => 0,
            Gate::Partial | Gate::NoGo => 1,
            Gate::Invalid => 4,
        }
    }
}

/// Decides about a run against a deployment. There a part proven by scaled-down numbers is as good as one with a
/// warning: it holds, but not for the numbers that customers will meet.
///
/// INVALID goes before PARTIAL, and PARTIAL before the rest. The parts of `L1` to `L6` never decide about a
/// full run; in a run of some items they count like any other, for there they were asked for by name.
pub fn decide(run: &GateInput<'_>) -> Decision {
    decide_with(run, false)
}

/// Decides about the demo, which scales its numbers to be over in minutes: a scaled pass is a full one there.
pub fn decide_demo(run: &GateInput<'_>) -> Decision {
    decide_with(run, true)
}

fn decide_with(run: &GateInput<'_>, scaled_is_full: bool) -> Decision {
    let full = is_full(run);
    let mut blocks = Vec::new();
    let mut excepted = Vec::new();
    let mut warned = Vec::new();
    for item in run.items.iter().filter(|item| !full || item.phase.gates_check()) {
        for part in &item.parts {
            let verdict = if scaled_is_full {
                part.verdict()
            } else {
                unscaled(part)
            };
            match standing(item.phase, part, verdict, run.exceptions) {
                Standing::Holds if verdict == Verdict::Warn => warned.push(warning(part)),
                Standing::Holds => {}
                Standing::Excepted(line) => excepted.push(line),
                Standing::Blocks(block) => blocks.push(block),
            }
        }
    }
    let clean = blocks.is_empty() && !run.items.is_empty();
    let gate = match () {
        () if !run.self_test_passed || run.load == LoadOffered::No => Gate::Invalid,
        () if !full => Gate::Partial,
        () if !clean => Gate::NoGo,
        () if !excepted.is_empty() => Gate::GoWithExceptions,
        () => Gate::Go,
    };
    let mut reasons = vec![headline(gate, run, &blocks, excepted.len(), &warned)];
    reasons.extend(blocks.iter().map(|block| block.line.clone()));
    reasons.extend(excepted);
    Decision {
        gate,
        reasons,
        nearest: nearest(gate, run, &blocks),
        clean,
    }
}

/// Whether a part of phase 1 has failed, which ends a run after that phase unless it is told to go on.
pub fn ends_run(items: &[ItemReport]) -> bool {
    let failed = |item: &ItemReport| item.parts.iter().any(|part| part.verdict() == Verdict::Fail);
    items
        .iter()
        .any(|item| item.phase == Phase::Security && failed(item))
}

/// Every part of the 25 is there, and nobody stopped the run.
fn is_full(run: &GateInput<'_>) -> bool {
    let there: BTreeSet<_> = run
        .items
        .iter()
        .flat_map(|item| &item.parts)
        .map(|part| part.id().as_str())
        .collect();
    let gating = item::ITEMS.iter().filter(|item| item.phase.gates_check());
    !run.interrupted
        && gating
            .flat_map(|item| item.parts)
            .all(|part| there.contains(part.id))
}

/// How one part stands before the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    Holds,
    Excepted(String),
    Blocks(Block),
}

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    verdict: Verdict,
    part: String,
    line: String,
    /// What would remove it, without the part's id.
    step: String,
}

/// What a part is worth where scaled-down numbers are not the real ones.
fn unscaled(part: &PartReport) -> Verdict {
    match part.verdict() {
        Verdict::Pass if part.scaled => Verdict::Warn,
        verdict => verdict,
    }
}

/// The truth table: in phase 1 a machine's part must pass and a person's be attested; later a warning or a
/// person's word will do; what is left out or unproven needs its exception; a fail blocks, whatever is said of it.
fn standing(phase: Phase, part: &PartReport, verdict: Verdict, exceptions: &[Exception]) -> Standing {
    let strict = phase == Phase::Security;
    let kind = match (verdict, part.decided_by()) {
        (Verdict::Pass, DecidedBy::Machine) | (Verdict::Attested, DecidedBy::Person) => {
            return Standing::Holds;
        }
        (Verdict::Pass | Verdict::Warn | Verdict::Attested, _) if !strict => return Standing::Holds,
        (Verdict::Warn, DecidedBy::Machine) if part.verdict() == Verdict::Pass => {
            return blocks(
                part,
                verdict,
                "in phase 1 it must hold for the real numbers, not only for scaled ones",
            );
        }
        (Verdict::Warn, DecidedBy::Machine) => {
            return blocks(part, verdict, "a warning is not enough in phase 1");
        }
        (Verdict::Attested, DecidedBy::Machine) => {
            return blocks(part, verdict, "in phase 1 a proof must show it");
        }
        (Verdict::Pass | Verdict::Warn, DecidedBy::Person) => {
            return blocks(part, verdict, "a person must attest to it");
        }
        (Verdict::Fail, _) => return blocks(part, verdict, &part.summary),
        (Verdict::Excluded, _) => ExceptionKind::Excluded,
        (Verdict::Unproven, _) => ExceptionKind::AllowUnproven,
    };
    let mut lacking = None;
    for exception in exceptions
        .iter()
        .filter(|exception| exception.kind == kind && exception.covers(part))
    {
        match exception.lacks(phase) {
            None => return Standing::Excepted(excepted_line(part, exception)),
            Some(lack) => lacking = Some(lack),
        }
    }
    let open = match kind {
        ExceptionKind::Excluded => "it was left out and no exception is recorded",
        ExceptionKind::AllowUnproven => part.reason.as_deref().unwrap_or("no proof of it was run"),
    };
    blocks(part, verdict, lacking.unwrap_or(open))
}

fn blocks(part: &PartReport, verdict: Verdict, because: &str) -> Standing {
    let step = match part.verdict() {
        Verdict::Fail | Verdict::Warn => part.fix.clone().unwrap_or_else(|| because.to_owned()),
        _ => because.to_owned(),
    };
    Standing::Blocks(Block {
        verdict,
        part: part.id().to_string(),
        line: format!("{} {verdict}: {because}", part.id()),
        step,
    })
}

fn excepted_line(part: &PartReport, exception: &Exception) -> String {
    let by = if exception.by.is_empty() {
        String::new()
    } else {
        format!(" ({})", exception.by.join(", "))
    };
    format!(
        "{} {}, accepted: {}{by}",
        part.id(),
        part.verdict(),
        exception.reason.trim()
    )
}

fn headline(gate: Gate, run: &GateInput<'_>, blocks: &[Block], excepted: usize, warned: &[String]) -> String {
    let coverage = Coverage::of(run.items);
    let mut text = match gate {
        Gate::Invalid if !run.self_test_passed => {
            return "INVALID: the prover's self-test failed, so nothing it found can be believed".to_owned();
        }
        Gate::Invalid => {
            return "INVALID: the load could not be offered as planned, so nothing measured under it holds"
                .to_owned();
        }
        Gate::Partial if run.items.is_empty() => return "PARTIAL: nothing was looked at".to_owned(),
        Gate::Partial => {
            let why = if run.interrupted {
                "the run was interrupted"
            } else {
                "not every item was looked at"
            };
            let found = if blocks.is_empty() {
                "all that was looked at holds".to_owned()
            } else {
                tally(blocks)
            };
            format!("PARTIAL: {why}; {found}")
        }
        Gate::NoGo => format!("NO-GO: {}", tally(blocks)),
        Gate::GoWithExceptions => {
            format!(
                "GO WITH EXCEPTIONS: {} proven, {}",
                count(coverage.proven, "part"),
                count(excepted as u64, "exception")
            )
        }
        Gate::Go => format!(
            "GO: {} proven, {} attested",
            count(coverage.proven, "part"),
            coverage.attested
        ),
    };
    if !warned.is_empty() {
        text.push_str(&format!(
            "; {}: {}",
            count(warned.len() as u64, "warning"),
            warned.join(", ")
        ));
    }
    text
}

/// How a warning is named on the banner.
fn warning(part: &PartReport) -> String {
    let why = if part.verdict() == Verdict::Pass {
        " (scaled)"
    } else {
        ""
    };
    format!("{}{why}", part.id())
}

/// `2 fail, 3 unproven`: blocking parts by verdict, the worst first.
fn tally(blocks: &[Block]) -> String {
    let by_verdict = Verdict::ALL.iter().rev().filter_map(|verdict| {
        let count = blocks.iter().filter(|block| block.verdict == *verdict).count();
        (count > 0).then(|| format!("{count} {verdict}"))
    });
    by_verdict.collect::<Vec<_>>().join(", ")
}

/// What to do, the failures first, each step once with all the parts that it frees.
fn nearest(gate: Gate, run: &GateInput<'_>, blocks: &[Block]) -> Vec<String> {
    match gate {
        Gate::Go | Gate::GoWithExceptions => return Vec::new(),
        Gate::Invalid if !run.self_test_passed => {
            return vec![
                "run again; if the self-test fails again, report it as a fault of golive".to_owned(),
            ];
        }
        Gate::Invalid => return vec!["run the prover on a quieter or larger machine".to_owned()],
        Gate::Partial | Gate::NoGo => {}
    }
    let mut steps: Vec<(Verdict, &str, Vec<&str>)> = Vec::new();
    for block in blocks {
        match steps
            .iter_mut()
            .find(|(verdict, step, _)| *verdict == block.verdict && *step == block.step)
        {
            Some((_, _, parts)) => parts.push(&block.part),
            None => steps.push((block.verdict, &block.step, vec![&block.part])),
        }
    }
    steps.sort_by_key(|(verdict, ..)| std::cmp::Reverse(*verdict));
    let line = |(verdict, step, parts): &(Verdict, &str, Vec<&str>)| {
        let verb = if *verdict == Verdict::Fail {
            "mend"
        } else {
            "settle"
        };
        format!("{verb} {}: {step}", parts.join(", "))
    };
    let mut lines: Vec<_> = steps.iter().map(line).collect();
    if gate == Gate::Partial {
        lines.push("run every item to the end: only a full run can be GO".to_owned());
    }
    lines
}

fn count(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
