//! The report of one part, as a proof writes it. The verdict itself is made by the checklist from a [`Judgement`] and
//! the controls; nothing here can raise it.
//!
//! Never: holds more evidence than a person reads, or a verdict that no tally stands behind.

use golive_checklist::chart::Chart;
use golive_checklist::item::{ITEMS, PartSpec, part};
use golive_checklist::judge::Judgement;
use golive_checklist::report::{Evidence, PartReport};
use golive_checklist::verdict::Verdict;
use serde_json::{Map, Value};

use crate::control::Controls;
use crate::redact::Redactor;

/// Pieces of evidence kept per part; the rest is counted. The bad ones come first: proofs add them first.
pub const EVIDENCE_MAX: usize = 12;

/// Lines kept of one piece of evidence.
pub const LINES_MAX: usize = 200;

/// A part's report in the making.
#[derive(Debug, Clone)]
#[must_use = "a part that is not reported is unproven"]
pub struct PartDraft {
    spec: &'static PartSpec,
    headline: Option<String>,
    measured: Map<String, Value>,
    declared: Map<String, Value>,
    checklist: Map<String, Value>,
    scaled: bool,
    evidence: Vec<Evidence>,
    left_out: usize,
    charts: Vec<Chart>,
    fix: Option<String>,
    reproduce: String,
    controls: Controls,
    redactor: Redactor,
}

impl PartDraft {
    pub(crate) fn new(id: &'static str, reproduce: String, redactor: Redactor) -> PartDraft {
        debug_assert!(part(id).is_some(), "{id} is not a part of the checklist");
        PartDraft {
            // A test walks every proof's parts; an unknown id cannot get here from the table.
            spec: part(id).unwrap_or(&ITEMS[0].parts[0]),
            headline: None,
            measured: Map::new(),
            declared: Map::new(),
            checklist: Map::new(),
            scaled: false,
            evidence: Vec::new(),
            left_out: 0,
            charts: Vec::new(),
            fix: None,
            reproduce,
            controls: Controls::new(),
            redactor,
        }
    }

    /// What was found, in one short line with its number: `31 of 31 wrong keys refused`. Without it, the counts of
    /// the judgement stand there.
    pub fn headline(mut self, text: impl Into<String>) -> PartDraft {
        self.headline = Some(text.into());
        self
    }

    /// One measured figure, its unit in the name: `p95_ms`.
    pub fn measured(mut self, name: &str, value: impl Into<Value>) -> PartDraft {
        self.measured.insert(name.to_owned(), value.into());
        self
    }

    /// One figure the target declares.
    pub fn declared(mut self, name: &str, value: impl Into<Value>) -> PartDraft {
        self.declared.insert(name.to_owned(), value.into());
        self
    }

    /// One figure of the checklist's own.
    pub fn checklist(mut self, name: &str, value: impl Into<Value>) -> PartDraft {
        self.checklist.insert(name.to_owned(), value.into());
        self
    }

    /// Whether the declared figures are scaled down for staging.
    pub fn scaled(mut self, scaled: bool) -> PartDraft {
        self.scaled = scaled;
        self
    }

    /// One piece of evidence. Past [`EVIDENCE_MAX`] they are only counted: add what was bad first.
    pub fn evidence(mut self, mut evidence: Evidence) -> PartDraft {
        if self.evidence.len() == EVIDENCE_MAX {
            self.left_out += 1;
            return self;
        }
        if evidence.lines.len() > LINES_MAX {
            let more = evidence.lines.len() - LINES_MAX;
            evidence.lines.truncate(LINES_MAX);
            evidence.lines.push(format!("… {more} lines more"));
        }
        self.evidence.push(evidence);
        self
    }

    /// Several pieces of evidence.
    pub fn evidences(self, all: impl IntoIterator<Item = Evidence>) -> PartDraft {
        all.into_iter().fold(self, PartDraft::evidence)
    }

    /// A table or timeline as evidence.
    pub fn lines(self, title: impl Into<String>, lines: Vec<String>) -> PartDraft {
        self.evidence(Evidence {
            title: title.into(),
            lines,
            ..Evidence::default()
        })
    }

    /// Pictures of what was measured.
    pub fn charts(mut self, charts: impl IntoIterator<Item = Chart>) -> PartDraft {
        self.charts.extend(charts);
        self
    }

    /// How to make it hold.
    pub fn fix(mut self, text: impl Into<String>) -> PartDraft {
        self.fix = Some(text.into());
        self
    }

    /// The controls that were tried.
    pub fn controls(mut self, controls: Controls) -> PartDraft {
        self.controls = controls;
        self
    }

    /// The part with its verdict: the judgement's, or worse if a control is missing or did not hold.
    pub fn judged(self, judgement: &Judgement) -> PartReport {
        let mut controls = self.controls.clone().into_results();
        for control in &mut controls {
            control.detail = self.redactor.text(&control.detail);
        }
        let mut report = PartReport::judged(self.spec, judgement, controls);
        if let Some(headline) = &self.headline {
            report.summary = match report.verdict() {
                Verdict::Pass => headline.clone(),
                _ => format!("{headline}; {}", judgement.summary()),
            };
        }
        self.fill(report)
    }

    /// A part that could not be tested: the missing input, and what it would unlock. Evidence that was gathered stays
    /// in the report; controls do not, for they decide about a verdict that is not given.
    pub fn unproven(self, reason: impl Into<String>) -> PartReport {
        let report = PartReport::unproven(self.spec, reason);
        self.fill(report)
    }

    fn fill(self, mut report: PartReport) -> PartReport {
        report.measured = self.measured;
        report.declared = self.declared;
        report.checklist = self.checklist;
        report.scaled = self.scaled;
        report.evidence = self.evidence;
        report.charts = self.charts;
        if self.left_out > 0 {
            report.evidence.push(Evidence {
                title: format!("{} more exchanges of the same kind, not kept", self.left_out),
                ..Evidence::default()
            });
        }
        report.reproduce = Some(self.reproduce);
        // A fix for something that holds would only confuse.
        report.fix = self.fix.filter(|_| report.verdict() != Verdict::Pass);
        report
    }
}
