//! The go-live gate for AI agents.
fn main() {}
