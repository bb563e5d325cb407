//! The prover against targets that are made for it: a good one, ones that are wrong in one way, and degenerate ones.

mod degenerate;
mod report;
mod s5_auth;
mod world;
