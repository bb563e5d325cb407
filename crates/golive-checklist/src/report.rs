//! The report of a check, as it stands in JSON: the one truth of which every other format is a rendering.
//!
//! Never: lets a verdict be written by hand. A part's verdict comes from a [`Judgement`] and its controls, or says
//! why there is none; an item's is the worst of its parts; both can be read and not set.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::{
    chart::Chart,
    gate::{Exception, Gate},
    item::{self, DecidedBy, ItemId, PartSpec, Phase},
    judge::Judgement,
    verdict::Verdict,
};

/// The JSON Schema of [`CheckReport`].
pub fn schema() -> Value {
    schemars::schema_for!(CheckReport).to_value()
}

/// A whole run: what was asked, what was found, and what the gate makes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckReport {
    /// Name and version of this format.
    pub schema: ReportSchema,
    /// Version of golive that made it.
    pub golive_version: String,
    /// The answer.
    pub gate: Gate,
    /// The answer in one sentence.
    pub gate_reason: String,
    /// What blocks, or what was excepted, one line each.
    pub gate_details: Vec<String>,
    /// The nearest way to GO, one step each.
    pub nearest: Vec<String>,
    /// What was looked at.
    pub target: TargetReport,
    /// Repeats the run when given back by `--seed`.
    pub seed: u64,
    /// Begin of the run.
    #[serde(with = "rfc3339")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: Timestamp,
    /// End of the run.
    #[serde(with = "rfc3339")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub finished_at: Timestamp,
    /// Length of the run in milliseconds, by a clock that does not jump.
    pub duration_ms: u64,
    /// Parts by verdict. No score.
    pub coverage: Coverage,
    /// What a reader must know before trusting the rest.
    pub run_warnings: Vec<String>,
    /// Whether the oracles could tell an obedient, an echoing, a refusing and an empty answer apart.
    pub self_test: SelfTest,
    /// Requests sent, and the most that was allowed.
    pub budget: BudgetReport,
    /// Exclusions and allowances, as recorded.
    pub exceptions: Vec<Exception>,
    /// The items in checklist order.
    pub items: Vec<ItemReport>,
}

/// Name and version of the report's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReportSchema {
    /// The first format.
    #[default]
    #[serde(rename = "golive.check/1")]
    CheckV1,
}

/// What was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetReport {
    /// Its name in the config.
    pub name: String,
    /// Its base URL, without credentials.
    pub url: String,
    /// Its wire format: `openai`, `anthropic` or `http`.
    pub format: String,
}

/// Whether the prover's own oracles worked at the start of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelfTest {
    /// If not, the run is INVALID.
    pub passed: bool,
    /// What was tried, or what went wrong.
    pub detail: String,
}

/// Requests of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BudgetReport {
    /// Requests sent to the target.
    pub requests_used: u64,
    /// The most that might have been sent.
    pub requests_limit: u64,
}

/// Parts by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// `pass`: proven by a machine.
    pub proven: u64,
    /// `attested` by a person.
    pub attested: u64,
    /// `unproven`.
    pub unproven: u64,
    /// `excluded` with a reason.
    pub excluded: u64,
    /// `fail`.
    pub failed: u64,
    /// `warn`.
    pub warned: u64,
    /// All of them.
    pub total: u64,
}

impl Coverage {
    /// Counts the parts of these items. What gates only the launch is counted where nothing else was asked for: beside
    /// the gate's own parts it would make the sentence of the gate and the count beneath it differ.
    pub fn of(items: &[ItemReport]) -> Self {
        let mut coverage = Self::default();
        let any_gates = items.iter().any(|item| item.phase.gates_check());
        let counted = items.iter().filter(|item| !any_gates || item.phase.gates_check());
        for part in counted.flat_map(|item| &item.parts) {
            coverage.total += 1;
            *match part.verdict {
                Verdict::Pass => &mut coverage.proven,
                Verdict::Attested => &mut coverage.attested,
                Verdict::Excluded => &mut coverage.excluded,
                Verdict::Warn => &mut coverage.warned,
                Verdict::Unproven => &mut coverage.unproven,
                Verdict::Fail => &mut coverage.failed,
            } += 1;
        }
        coverage
    }
}

/// One item with all its parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ItemReport {
    /// Its id.
    pub id: ItemId,
    /// What was asked.
    pub title: String,
    /// Its phase.
    pub phase: Phase,
    verdict: Verdict,
    /// Its parts in reading order, at least those that the checklist has.
    pub parts: Vec<PartReport>,
}

impl ItemReport {
    /// The worst verdict of its parts.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }
}

/// Puts parts under their items, in checklist order. Every item of `selection` appears, and every item that has a
/// part here; a part of such an item that is not here stands as `unproven`, for no proof of it was run.
pub fn by_item(parts: Vec<PartReport>, selection: &[ItemId]) -> Vec<ItemReport> {
    let mut left = parts;
    let mut items = Vec::new();
    for item in item::ITEMS {
        let (mut mine, others): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|part| part.id.item() == item.id);
        left = others;
        if mine.is_empty() && !selection.contains(&item.id) {
            continue;
        }
        for spec in item.parts {
            if !mine.iter().any(|part| part.id.as_str() == spec.id) {
                let open = match spec.decided_by {
                    DecidedBy::Machine => "no proof of this part was run",
                    DecidedBy::Person => NOBODY_YET,
                };
                mine.push(PartReport::unproven(spec, open));
            }
        }
        // The sort is stable: two reports of one part stay in the order in which they came.
        mine.sort_by_key(|part| item.parts.iter().position(|spec| spec.id == part.id.as_str()));
        items.push(ItemReport {
            id: item.id,
            title: item.title.to_owned(),
            phase: item.phase,
            verdict: Verdict::worst(mine.iter().map(|part| part.verdict)),
            parts: mine,
        });
    }
    items
}

/// One part: its verdict and everything that a reader needs to believe it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct PartReport {
    id: PartId,
    title: String,
    decided_by: DecidedBy,
    verdict: Verdict,
    /// What was found, in one line with its counts.
    pub summary: String,
    /// What was measured.
    pub measured: Map<String, Value>,
    /// The numbers the target declares for it.
    pub declared: Map<String, Value>,
    /// The checklist's own numbers for it.
    pub checklist: Map<String, Value>,
    /// Whether the declared numbers are scaled down for staging.
    pub scaled: bool,
    unscored: u64,
    controls: Vec<ControlResult>,
    /// What was sent and what came back.
    pub evidence: Vec<Evidence>,
    /// What was measured, as pictures.
    #[serde(default)]
    pub charts: Vec<Chart>,
    /// How to make it hold.
    pub fix: Option<String>,
    /// The command that proves this part alone.
    pub reproduce: Option<String>,
    /// Why it is unproven or excluded, or who attests to it.
    pub reason: Option<String>,
}

impl PartReport {
    /// What a proof found. `pass` and `warn` need both controls: without a positive and a negative control, or if
    /// one did not hold, nothing was proven. A `fail` stays one: it was seen. A machine's finding about a part that
    /// a person decides can fail it, and else leaves it `unproven`.
    pub fn judged(spec: &PartSpec, judgement: &Judgement, controls: Vec<ControlResult>) -> Self {
        let doubt = doubt_of(&controls)
            .or_else(|| (spec.decided_by == DecidedBy::Person).then(|| NOBODY_YET.to_owned()));
        let verdict = if doubt.is_some() {
            judgement.verdict().max(Verdict::Unproven)
        } else {
            judgement.verdict()
        };
        Self {
            summary: judgement.summary().to_owned(),
            unscored: judgement.unscored(),
            controls,
            reason: match judgement.verdict() {
                Verdict::Unproven => Some(judgement.summary().to_owned()),
                _ => doubt,
            },
            ..Self::bare(spec, verdict)
        }
    }

    /// A part that could not be tested; `reason` names the missing input and what it would unlock.
    pub fn unproven(spec: &PartSpec, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self {
            summary: reason.clone(),
            reason: Some(reason),
            ..Self::bare(spec, Verdict::Unproven)
        }
    }

    /// A part left out on purpose. Whether that may be is the gate's to say.
    pub fn excluded(spec: &PartSpec, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self {
            summary: reason.clone(),
            reason: Some(reason),
            ..Self::bare(spec, Verdict::Excluded)
        }
    }

    /// Puts a person's word beside what the machine found. It fills an `unproven` part and changes no other verdict.
    #[must_use]
    pub fn attested(mut self, word: impl Into<String>) -> Self {
        if self.verdict == Verdict::Unproven {
            self.verdict = Verdict::Attested;
            self.reason = Some(word.into());
        }
        self
    }

    fn bare(spec: &PartSpec, verdict: Verdict) -> Self {
        Self {
            id: PartId {
                text: spec.id.to_owned(),
                item: spec.item,
            },
            title: spec.title.to_owned(),
            decided_by: spec.decided_by,
            verdict,
            summary: String::new(),
            measured: Map::new(),
            declared: Map::new(),
            checklist: Map::new(),
            scaled: false,
            unscored: 0,
            controls: Vec::new(),
            evidence: Vec::new(),
            charts: Vec::new(),
            fix: None,
            reproduce: None,
            reason: None,
        }
    }

    /// Its id.
    pub fn id(&self) -> &PartId {
        &self.id
    }

    /// What must hold.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Who can say whether it holds.
    pub fn decided_by(&self) -> DecidedBy {
        self.decided_by
    }

    /// What is said of it.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Observations that could not be measured.
    pub fn unscored(&self) -> u64 {
        self.unscored
    }

    /// The controls that were run.
    pub fn controls(&self) -> &[ControlResult] {
        &self.controls
    }
}

/// What is said of a person's part to which nobody has attested.
const NOBODY_YET: &str = "a person must attest to it";

/// Why these controls leave everything open, if they do.
fn doubt_of(controls: &[ControlResult]) -> Option<String> {
    if let Some(control) = controls.iter().find(|control| !control.held) {
        return Some(format!(
            "the {} control did not hold: {}",
            control.kind.as_str(),
            control.detail
        ));
    }
    [ControlKind::Positive, ControlKind::Negative]
        .into_iter()
        .find(|kind| !controls.iter().any(|control| control.kind == *kind))
        .map(|kind| format!("the proof had no {} control", kind.as_str()))
}

/// The id of a part: an item's id, a dot, and a lower-case word. One this version does not know can still be read,
/// as long as its item is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^(S[1-8]|P[1-6]|E[1-5]|M[1-4]|R[12]|L[1-6])\\.[a-z0-9_]+$"))]
pub struct PartId {
    text: String,
    item: ItemId,
}

impl PartId {
    /// The id as it is written: `S2.user`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The item it belongs to.
    pub fn item(&self) -> ItemId {
        self.item
    }
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl From<PartId> for String {
    fn from(id: PartId) -> Self {
        id.text
    }
}

impl TryFrom<String> for PartId {
    type Error = NotAPart;

    fn try_from(text: String) -> Result<Self, NotAPart> {
        match item::item_of(&text) {
            Some(item) => Ok(Self { text, item }),
            None => Err(NotAPart(text)),
        }
    }
}

/// A text that is no part's id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a part; write an item, a dot and a word, as in \"S2.user\"")]
pub struct NotAPart(String);

/// One control of a proof: what shows that the proof itself can be believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlResult {
    /// What was tried.
    pub name: String,
    /// Which of the two.
    pub kind: ControlKind,
    /// Whether it came out as it had to.
    pub held: bool,
    /// What was seen.
    pub detail: String,
}

/// The two controls that every proof has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlKind {
    /// The thing works when it should.
    Positive,
    /// The proof would have noticed if it did not.
    Negative,
}

impl ControlKind {
    /// `positive` or `negative`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Negative => "negative",
        }
    }
}

/// Something a reader can look at: redacted before it is put here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// What it shows.
    pub title: String,
    /// What was sent.
    pub sent: Option<String>,
    /// What came back.
    pub received: Option<String>,
    /// A timeline or a table, line by line.
    pub lines: Vec<String>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: Option<u64>,
}

/// Instants as RFC 3339 in UTC.
mod rfc3339 {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| D::Error::custom(format!("`{text}` is not an instant in RFC 3339")))
    }
}
