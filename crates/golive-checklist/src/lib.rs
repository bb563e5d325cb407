//! The checklist: what is asked of a deployment before customers meet it (items and their parts), in which units
//! numbers are written, how a measurement becomes a verdict, how verdicts become a report, and how the gate decides.
//!
//! Never: reads a clock, a file, a socket or the environment; knows another room of the house. Everything here is a
//! value or a function of its arguments, so that the guard, the judge and the reader share one set of words.
#![forbid(unsafe_code)]

pub mod chart;
pub mod gate;
pub mod item;
pub mod judge;
pub mod report;
pub mod threshold;
pub mod unit;
pub mod verdict;
pub mod watch;

pub use chart::Chart;
pub use gate::{Decision, Gate, GateInput};
pub use item::{DecidedBy, ITEMS, Item, ItemId, PartSpec, Phase};
pub use judge::{Judgement, Rule, Scored, Tally, UnscoredReason};
pub use report::{CheckReport, Evidence, ItemReport, PartReport};
pub use unit::{ByteSize, MicroUsd, Rate, format_duration, parse_duration};
pub use verdict::Verdict;
