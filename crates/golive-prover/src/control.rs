//! Both controls of a proof, as types: that the thing works when it should, and that the test would have noticed.
//! The checklist makes no `pass` and no `warn` of a part unless one of each was tried and every one held.
//!
//! Never: takes "could not be measured" for "held".

use golive_checklist::judge::Scored;
use golive_checklist::report::{ControlKind, ControlResult};

/// The thing works when it should: a valid key is let in, a healthy target says so.
#[derive(Debug, Clone)]
pub struct Positive(ControlResult);

/// The test would have noticed: with the fault absent, or the guard off, the oracle says the opposite.
#[derive(Debug, Clone)]
pub struct Negative(ControlResult);

/// The controls a proof has tried.
#[derive(Debug, Clone, Default)]
pub struct Controls {
    positive: Vec<Positive>,
    negative: Vec<Negative>,
}

impl Positive {
    /// A positive control, as observed. Unscored is not held, and the reason stands in the detail.
    pub fn new(name: impl Into<String>, observed: Scored<bool>, detail: impl Into<String>) -> Positive {
        Positive(result(
            ControlKind::Positive,
            name.into(),
            observed,
            detail.into(),
        ))
    }

    /// Whether it held.
    #[must_use]
    pub fn held(&self) -> bool {
        self.0.held
    }
}

impl Negative {
    /// A negative control, as observed. Unscored is not held, and the reason stands in the detail.
    pub fn new(name: impl Into<String>, observed: Scored<bool>, detail: impl Into<String>) -> Negative {
        Negative(result(
            ControlKind::Negative,
            name.into(),
            observed,
            detail.into(),
        ))
    }

    /// Whether it held.
    #[must_use]
    pub fn held(&self) -> bool {
        self.0.held
    }
}

impl Controls {
    /// No control tried yet.
    #[must_use]
    pub fn new() -> Controls {
        Controls::default()
    }

    /// One more positive control.
    #[must_use]
    pub fn positive(mut self, control: Positive) -> Controls {
        self.positive.push(control);
        self
    }

    /// One more negative control.
    #[must_use]
    pub fn negative(mut self, control: Negative) -> Controls {
        self.negative.push(control);
        self
    }

    /// One of each was tried and all held.
    #[must_use]
    pub fn both_held(&self) -> bool {
        !self.positive.is_empty()
            && !self.negative.is_empty()
            && self.positive.iter().all(Positive::held)
            && self.negative.iter().all(Negative::held)
    }

    /// Every positive control held, and there is one: what is found then is the target's doing and not that of
    /// a target that is simply down.
    #[must_use]
    pub fn positive_held(&self) -> bool {
        !self.positive.is_empty() && self.positive.iter().all(Positive::held)
    }

    /// All of them, positive first, for the report.
    #[must_use]
    pub fn into_results(self) -> Vec<ControlResult> {
        self.positive
            .into_iter()
            .map(|c| c.0)
            .chain(self.negative.into_iter().map(|c| c.0))
            .collect()
    }
}

fn result(kind: ControlKind, name: String, observed: Scored<bool>, detail: String) -> ControlResult {
    let (held, detail) = match observed {
        Scored::Scored(held) => (held, detail),
        Scored::Unscored(reason) if detail.is_empty() => (false, reason.to_string()),
        Scored::Unscored(reason) => (false, format!("{detail}; {reason}")),
    };
    ControlResult {
        name,
        kind,
        held,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use golive_checklist::judge::{Rule, Tally, UnscoredReason};
    use golive_checklist::report::PartReport;
    use golive_checklist::verdict::Verdict;

    use super::*;

    fn verdict_with(controls: Controls) -> Verdict {
        let mut tally = Tally::new();
        tally.add_good();
        let spec = golive_checklist::item::part("S5.keys").unwrap();
        let both = controls.both_held();
        let report = PartReport::judged(spec, &tally.judge(&Rule::all_of(1)), controls.into_results());
        assert_eq!(both, report.verdict() == Verdict::Pass, "the two must agree");
        report.verdict()
    }

    fn yes() -> Scored<bool> {
        Scored::Scored(true)
    }

    #[test]
    fn nothing_passes_with_one_kind_of_control() {
        assert_eq!(verdict_with(Controls::new()), Verdict::Unproven);
        assert_eq!(
            verdict_with(Controls::new().positive(Positive::new("works", yes(), ""))),
            Verdict::Unproven
        );
        assert_eq!(
            verdict_with(Controls::new().negative(Negative::new("notices", yes(), ""))),
            Verdict::Unproven
        );
    }

    #[test]
    fn a_control_that_could_not_be_measured_did_not_hold() {
        let silent = Positive::new("works", Scored::Unscored(UnscoredReason::Timeout), "");
        assert!(!silent.held());
        let controls = Controls::new()
            .positive(silent)
            .negative(Negative::new("notices", yes(), ""));
        assert_eq!(verdict_with(controls), Verdict::Unproven);
    }

    #[test]
    fn both_held_lets_a_good_tally_pass() {
        let controls = Controls::new()
            .positive(Positive::new("works", yes(), ""))
            .negative(Negative::new("notices", yes(), ""));
        assert_eq!(verdict_with(controls), Verdict::Pass);
    }
}
