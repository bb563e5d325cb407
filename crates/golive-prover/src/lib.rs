//! The prover: every item proven from outside.
