//! S8: the embedded model: one weight for each feature (hashed), the heaviest stretch of the text, and the
//! calibration to a probability.
//!
//! Never: allocates for the weights (they are read where they lie), or panics on a damaged file.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::{Add, Sub};

use super::Trust;
use super::sums::Sums;
use super::tokens::Token;

/// What a model file begins with: its name and the version of its features. Change it with the features.
pub const MAGIC: &[u8; 8] = b"golinj01";

/// Bytes before the weights.
const HEADER_BYTES: usize = 64;

/// Tokens after which length begins to count in the calibration.
pub const LENGTH_UNIT_TOKENS: f32 = 16.0;

/// Numbers of a model besides its weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dense {
    /// What one step of a stored weight is worth, in logits.
    pub step: f32,
    /// Added to each text, by trust.
    pub bias: [f32; 3],
    /// Taken away for each `ln(1 + tokens / 16)`, by trust: a long text has more chances to look hostile.
    pub length: [f32; 3],
    /// Logits to the logit of the probability: slope and offset.
    pub calibration: [f32; 2],
}

/// A model in memory.
#[derive(Debug, Clone)]
pub struct Model {
    file: Cow<'static, [u8]>,
    shift: u32,
    dense: Dense,
    /// By trust.
    sums: [Sums; 3],
}

/// What a model says of a row of tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// Logit of the whole text before calibration.
    pub logit: f32,
    /// The heaviest stretch, as a range of tokens; empty for a text without tokens.
    pub first: usize,
    /// One behind the last.
    pub behind: usize,
}

impl Model {
    /// Reads a model file. `None`: it is none, or of another version.
    pub fn read(file: impl Into<Cow<'static, [u8]>>) -> Option<Self> {
        let file = file.into();
        let (header, weights) = file.split_at_checked(HEADER_BYTES)?;
        let float = |at: usize| -> Option<f32> {
            let bytes: [u8; 4] = header.get(at..at + 4)?.try_into().ok()?;
            Some(f32::from_le_bytes(bytes)).filter(|number| number.is_finite())
        };
        if &header[..8] != MAGIC || !weights.len().is_power_of_two() || weights.len() < 2 {
            return None;
        }
        let shift = 32_u32.checked_sub(weights.len().trailing_zeros())?;
        let dense = Dense {
            step: float(8)?,
            bias: [float(12)?, float(16)?, float(20)?],
            length: [float(24)?, float(28)?, float(32)?],
            calibration: [float(36)?, float(40)?],
        };
        Some(Self::of(file, shift, dense))
    }

    /// `file` has a header and a power of two of weights; `shift` takes a hash to one of them.
    fn of(file: Cow<'static, [u8]>, shift: u32, dense: Dense) -> Self {
        let sums = [Trust::Asks, Trust::Informs, Trust::Rules]
            .map(|trust| Sums::of(trust, weights(&file[HEADER_BYTES..], shift)));
        Self {
            file,
            shift,
            dense,
            sums,
        }
    }

    /// The model that suspects everything: what stands in for a model that cannot be read.
    pub fn suspicious() -> Self {
        let dense = Dense {
            step: 0.0,
            bias: [0.0; 3],
            length: [0.0; 3],
            calibration: [0.0, 20.0],
        };
        Self::of(Cow::Owned(vec![0; HEADER_BYTES + 2]), 31, dense)
    }

    /// A model file: what [`Self::read`] reads. `weights` has a power of two of entries.
    pub fn write(dense: &Dense, weights: &[i8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + weights.len());
        bytes.extend_from_slice(MAGIC);
        let numbers = [dense.step]
            .into_iter()
            .chain(dense.bias)
            .chain(dense.length)
            .chain(dense.calibration);
        bytes.extend(numbers.flat_map(f32::to_le_bytes));
        bytes.resize(HEADER_BYTES, 0);
        bytes.extend(weights.iter().map(|&weight| weight as u8));
        bytes
    }

    /// The weight of the heaviest stretch of tokens, with the text's length and trust counted in.
    pub fn weigh(&self, tokens: &[Token], trust: Trust) -> Stretch {
        let mut stretches = Heaviest::default();
        let weight = weights(&self.file[HEADER_BYTES..], self.shift);
        self.sums[trust as usize].each(tokens, weight, |sum| stretches.push(sum));
        let (best, first, behind) = stretches.best();
        Stretch {
            logit: best as f32 * self.dense.step + self.dense.offset(tokens.len(), trust),
            first,
            behind,
        }
    }

    /// The probability of a logit, from 0 to 1.
    pub fn probability(&self, logit: f32) -> f32 {
        let [slope, offset] = self.dense.calibration;
        1.0 / (1.0 + (-(slope * logit + offset)).exp())
    }
}

/// The weight of a feature's hash.
fn weights(table: &[u8], shift: u32) -> impl Fn(u32) -> i32 {
    move |hash| i32::from(table[(hash >> shift) as usize] as i8)
}

impl Dense {
    /// What a text's trust and length add to its logit.
    pub fn offset(&self, tokens: usize, trust: Trust) -> f32 {
        let trust = trust as usize;
        self.bias[trust] - self.length[trust] * (1.0 + tokens as f32 / LENGTH_UNIT_TOKENS).ln()
    }
}

/// The most tokens of a stretch. What makes an attack fits in; what adds up over a long honest text does not.
pub const STRETCH_TOKENS_MAX: usize = 64;

/// The stretch of a row of numbers with the greatest sum, of at most [`STRETCH_TOKENS_MAX`] numbers and never empty,
/// found in one pass: the sum up to here less the smallest sum up to a place not too far back.
#[derive(Debug)]
pub struct Heaviest<N> {
    seen: usize,
    sum: N,
    /// Sums up to earlier places, rising; the first is the smallest within reach.
    starts: VecDeque<(N, usize)>,
    best: Option<(N, usize, usize)>,
}

impl<N: Copy + Default + PartialOrd + Add<Output = N> + Sub<Output = N>> Heaviest<N> {
    /// The next number.
    pub fn push(&mut self, number: N) {
        while self.starts.back().is_some_and(|(start, _)| *start >= self.sum) {
            self.starts.pop_back();
        }
        self.starts.push_back((self.sum, self.seen));
        self.sum = self.sum + number;
        self.seen += 1;
        while self
            .starts
            .front()
            .is_some_and(|(_, at)| self.seen - at > STRETCH_TOKENS_MAX)
        {
            self.starts.pop_front();
        }
        if let Some(&(start, at)) = self.starts.front() {
            let sum = self.sum - start;
            if self.best.is_none_or(|(best, _, _)| sum > best) {
                self.best = Some((sum, at, self.seen));
            }
        }
    }

    /// Its sum, its first place, the place behind its last; zeros if there was no number.
    pub fn best(&self) -> (N, usize, usize) {
        self.best.unwrap_or_default()
    }
}

impl<N: Default> Default for Heaviest<N> {
    fn default() -> Self {
        Self {
            seen: 0,
            sum: N::default(),
            starts: VecDeque::with_capacity(STRETCH_TOKENS_MAX + 1),
            best: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_stretch_is_found_and_never_empty() {
        let heaviest = |numbers: &[i32]| {
            let mut heaviest = Heaviest::default();
            numbers.iter().for_each(|&number| heaviest.push(number));
            heaviest.best()
        };
        assert_eq!(heaviest(&[]), (0, 0, 0));
        assert_eq!(heaviest(&[-5, -2, -9]), (-2, 1, 2));
        assert_eq!(heaviest(&[-1, 4, -2, 5, -9, 6]), (7, 1, 4));
        assert_eq!(heaviest(&[1; 1_000]).0, STRETCH_TOKENS_MAX as i32);
    }

    #[test]
    fn a_model_is_read_as_it_was_written_and_a_damaged_one_is_none() {
        let dense = Dense {
            step: 0.02,
            bias: [-1.0, -2.0, -3.0],
            length: [0.1, 0.2, 0.3],
            calibration: [1.0, 0.5],
        };
        let mut bytes = Model::write(&dense, &[1, -1, 127, -128]);
        let read = Model::read(bytes.clone()).expect("a model");
        assert_eq!(read.dense, dense);
        assert_eq!(read.file[HEADER_BYTES..], [1, 255, 127, 128]);
        bytes.pop();
        assert!(Model::read(bytes).is_none());
        assert!(Model::read(b"golinj".as_slice()).is_none());
    }
}
