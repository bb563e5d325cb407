//! What is said of a part or an item when all is done: six words, ordered from best to worst.
//!
//! Never: turns "could not be measured" into "fine". Nothing judged at all is `unproven`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The outcome of one part, or of one item. Ordered from best to worst, so that the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A machine measured it and it holds.
    Pass,
    /// No machine could see it; a named person answers for it.
    Attested,
    /// Left out on purpose, with a reason.
    Excluded,
    /// It holds, but not as well as it should, or not everything could be measured.
    Warn,
    /// Could not be tested. The reason names the missing input. Not passed.
    Unproven,
    /// Measured, and it does not hold.
    Fail,
}

impl Verdict {
    /// All verdicts, from best to worst.
    pub const ALL: [Self; 6] = [
        Self::Pass,
        Self::Attested,
        Self::Excluded,
        Self::Warn,
        Self::Unproven,
        Self::Fail,
    ];

    /// The worst of several; of none at all: `unproven`, for nothing was judged.
    pub fn worst(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts.into_iter().max().unwrap_or(Self::Unproven)
    }

    /// The word as it stands in reports: `pass`, `attested`, `excluded`, `warn`, `unproven`, `fail`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Attested => "attested",
            Self::Excluded => "excluded",
            Self::Warn => "warn",
            Self::Unproven => "unproven",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_is_the_worst_and_of_none_unproven() {
        assert_eq!(
            Verdict::worst([Verdict::Pass, Verdict::Warn, Verdict::Attested]),
            Verdict::Warn
        );
        assert_eq!(
            Verdict::worst([Verdict::Unproven, Verdict::Fail, Verdict::Pass]),
            Verdict::Fail
        );
        assert_eq!(Verdict::worst([]), Verdict::Unproven);
    }

    #[test]
    fn all_are_listed_from_best_to_worst_and_written_as_they_are_named() {
        assert!(Verdict::ALL.is_sorted());
        for verdict in Verdict::ALL {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.as_str());
            assert_eq!(verdict.to_string(), verdict.as_str());
        }
    }
}
