//! S4: how sure a finding is. Score = form + checksum + context, in hundredths; a finding needs the threshold.
//!
//! The form and the checksum are one figure in the tables, since they belong together: 90 for a form that nothing else
//! has, 60 for one that is enough, less for one that many numbers have. A word for the kind nearby adds [`WORD`], less
//! with the distance; a word for something else takes [`WORD`] away.
//!
//! Never: learned from one set of texts; the figures follow from how often a random number passes.

use super::context::Verdict;

/// What a finding needs, unless configured otherwise.
pub(crate) const THRESHOLD: u8 = 60;
/// A form that nothing else has.
pub(crate) const SURE: u8 = 95;
/// A form that is enough.
pub(crate) const PLAIN: u8 = 80;
/// An IPv4 address: a version of four parts looks the same.
pub(crate) const IPV4: u8 = 66;
/// A date, before somebody is born on it.
pub(crate) const DATE: u8 = 36;
/// A value that a word before it tells.
pub(crate) const TOLD: u8 = 75;
/// What a word on the right adds.
pub(crate) const RIGHT: u8 = 38;
/// What lower case takes from an official number.
pub(crate) const LOWER_CASE: u8 = 22;
/// What a word beside it adds or takes away.
const WORD: u8 = 42;
/// Bytes of distance that cost one hundredth.
const FAR: usize = 7;
/// From here on words for something else do not count: the form says enough.
const BEYOND_DOUBT: u8 = 80;

/// A score that is being made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Score(u8);

impl Score {
    pub(crate) fn of(form: u8) -> Score {
        Score(form)
    }

    pub(crate) fn with(self, verdict: Verdict) -> Score {
        match verdict {
            Verdict::For(distance) => {
                let far = u8::try_from(distance / FAR).unwrap_or(WORD).min(WORD);
                self.more(WORD - far)
            }
            Verdict::Against if self.0 < BEYOND_DOUBT => self.less(WORD),
            Verdict::Against | Verdict::Silent => self,
        }
    }

    pub(crate) fn more(self, by: u8) -> Score {
        Score(self.0.saturating_add(by).min(100))
    }

    pub(crate) fn less(self, by: u8) -> Score {
        Score(self.0.saturating_sub(by))
    }

    pub(crate) fn value(self) -> u8 {
        self.0
    }
}
