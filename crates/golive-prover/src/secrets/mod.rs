//! S1: the scanner of secrets: rules as data, an engine over bytes, and walkers over trees, history and archives.
//!
//! [`scan`] looks at a folder; [`Engine`] looks at bytes. What it finds is shown by its first characters and a
//! fingerprint, in an order that does not depend on threads.
//!
//! Never: sends anything anywhere, or prints, stores or returns a whole secret.

mod allow;
mod assigned;
mod check;
mod engine;
mod finding;
mod judge;
pub mod rules;
pub mod sarif;
mod scan;
mod self_test;
mod shape;
mod special;
mod stream;
mod walk;

pub use allow::{Baseline, BaselineError, Entry};
pub use engine::Engine;
pub use finding::{Finding, Origin, Strength};
pub use scan::{Scan, ScanError, ScanOptions, scan};
pub use self_test::{RuleTest, SELF_TEST_SEED, chance, made, made_pem, run as test_rules};
pub use shape::Dice;
pub use stream::{Scanned, Source};
pub use walk::history::History;
pub use walk::tree::EnvFile;
