//! The units of the file, from the checklist.

pub use golive_checklist::unit::{ByteSize, MicroUsd, Rate};
