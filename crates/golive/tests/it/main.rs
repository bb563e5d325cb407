//! The integration tests of the whole: one binary, because linking is what makes loops slow.

mod arrows;
mod sdk;
mod tags;
mod world;
