//! The five rows of "Thresholds" as data: pass and fail lines with a `warn` zone between, and what an estimate with
//! its bounds says about them.
//!
//! Never: judges by the point alone. Few samples and wide bounds are `no_data`, not a pass.

use crate::verdict::Verdict;

/// The five rows, in the checklist's order.
pub const THRESHOLDS: [Threshold; 5] = [ERROR_RATE, P95, SECURITY, LOAD, ROLLBACK];

/// Error rate as a share of 1: below 1 % passes, above 5 % fails. 300 requests, for 0 bad of 299 is the first
/// count that bounds a rate below 1 % at 95 %.
pub const ERROR_RATE: Threshold = Threshold {
    name: "error rate",
    unit: Unit::Share,
    better: Better::Lower,
    pass_line: 0.01,
    fail_line: 0.05,
    on_pass_line: false,
    min_samples: 300,
};

/// 95th percentile of latency in seconds: below 5 passes, above 15 fails. 100 samples: below 72 a 95 % interval of
/// the 95th percentile has no upper end at all.
pub const P95: Threshold = Threshold {
    name: "p95 latency",
    unit: Unit::Seconds,
    better: Better::Lower,
    pass_line: 5.0,
    fail_line: 15.0,
    on_pass_line: false,
    min_samples: 100,
};

/// Failed security parts or incidents: none passes, any fails. No middle.
pub const SECURITY: Threshold = Threshold {
    name: "security failures",
    unit: Unit::Count,
    better: Better::Lower,
    pass_line: 0.0,
    fail_line: 0.0,
    on_pass_line: true,
    min_samples: 1,
};

/// Load handled, in multiples of the expected traffic: 10 passes, a crash below 5 fails.
pub const LOAD: Threshold = Threshold {
    name: "load handled",
    unit: Unit::Times,
    better: Better::Higher,
    pass_line: 10.0,
    fail_line: 5.0,
    on_pass_line: true,
    min_samples: 1,
};

/// Time of a rollback in seconds: below 5 minutes passes, above 30 fails.
pub const ROLLBACK: Threshold = Threshold {
    name: "rollback time",
    unit: Unit::Seconds,
    better: Better::Lower,
    pass_line: 300.0,
    fail_line: 1800.0,
    on_pass_line: false,
    min_samples: 1,
};

/// One row: two lines and what it takes to be judged by them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// What is measured, in words.
    pub name: &'static str,
    /// The unit of both lines and of every estimate.
    pub unit: Unit,
    /// Which side is the good one.
    pub better: Better,
    /// On its good side it passes.
    pub pass_line: f64,
    /// On its bad side it fails. Never on the good side of `pass_line`.
    pub fail_line: f64,
    /// Whether a figure exactly on the pass line passes ("10× handled") or not ("below 5 s").
    pub on_pass_line: bool,
    /// Fewest samples on which it passes or warns.
    pub min_samples: u64,
}

impl Threshold {
    /// The same row with lines of one's own.
    #[must_use]
    pub const fn with_lines(mut self, pass_line: f64, fail_line: f64) -> Self {
        self.pass_line = pass_line;
        self.fail_line = fail_line;
        self
    }

    /// Where an estimate lies: `pass` if its point is on the good side of the pass line, its worse bound not
    /// beyond the fail line, and there are enough samples; `fail` if its better bound is beyond the fail line, or
    /// with enough samples its point; with too few samples for either, or figures that are none, `no_data`; else
    /// `warn`.
    pub fn zone(&self, estimate: &Estimate) -> Zone {
        let Some(Estimate {
            point,
            low,
            high,
            samples,
        }) = self.oriented(estimate)
        else {
            return Zone::NoData;
        };
        let (pass_line, fail_line) = (self.signed(self.pass_line), self.signed(self.fail_line));
        let enough = samples >= self.min_samples;
        if samples > 0 && (low > fail_line || (enough && point > fail_line)) {
            Zone::Fail
        } else if !enough {
            Zone::NoData
        } else if (point < pass_line || (self.on_pass_line && point == pass_line)) && high <= fail_line {
            Zone::Pass
        } else {
            Zone::Warn
        }
    }

    /// The estimate turned so that lower is better; none if it is no estimate.
    fn oriented(&self, estimate: &Estimate) -> Option<Estimate> {
        let Estimate {
            point,
            low,
            high,
            samples,
        } = *estimate;
        if point.is_nan() || !(low <= point && point <= high) {
            return None;
        }
        Some(match self.better {
            Better::Lower => *estimate,
            Better::Higher => Estimate {
                point: -point,
                low: -high,
                high: -low,
                samples,
            },
        })
    }

    fn signed(&self, line: f64) -> f64 {
        match self.better {
            Better::Lower => line,
            Better::Higher => -line,
        }
    }
}

/// A measured figure with its bounds (95 %, both sides) and the number of samples behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The figure itself.
    pub point: f64,
    /// Lower bound, at most `point`. Minus infinity if there is none.
    pub low: f64,
    /// Upper bound, at least `point`. Infinity if there is none.
    pub high: f64,
    /// Samples behind it.
    pub samples: u64,
}

impl Estimate {
    /// A figure that is counted and not sampled: failures found, minutes a drill took, a load that was reached.
    pub const fn exact(point: f64) -> Self {
        Self {
            point,
            low: point,
            high: point,
            samples: 1,
        }
    }
}

/// The unit of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A share of 1.
    Share,
    /// Seconds.
    Seconds,
    /// A number of things.
    Count,
    /// Multiples of the expected traffic.
    Times,
}

/// Which side of a line is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// Where a figure lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Zone {
    /// Surely good.
    Pass,
    /// Between the lines.
    Warn,
    /// Too little to say. Never green.
    NoData,
    /// Surely bad.
    Fail,
}

impl Zone {
    /// The verdict a figure in this zone allows.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Pass => Verdict::Pass,
            Self::Warn => Verdict::Warn,
            Self::NoData => Verdict::Unproven,
            Self::Fail => Verdict::Fail,
        }
    }
}
