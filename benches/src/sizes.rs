//! How much is measured: a full run, and a quick one that only shows that everything works.
//!
//! Never: read from anywhere; two runs with the same flags offer the same load.

use std::time::Duration;

/// How many, how fast, how long.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Requests of one batch of the CPU measurement. 5,000 at 17 µs are 85 ms of nginx: the kernel's counters tell
    /// nanoseconds, so this is about averaging, not about resolution.
    pub cpu_batch: u64,
    /// Batches of each server, interleaved.
    pub cpu_rounds: usize,
    /// Connections that each hold one request at a time.
    pub cpu_connections: usize,
    /// Requests a second of the latency measurement.
    pub latency_rate: f64,
    /// How long each server is measured in one round.
    pub latency_hold: Duration,
    /// Rounds of it.
    pub latency_rounds: usize,
    /// Streams a second of the first-byte measurement.
    pub first_byte_rate: f64,
    /// How long each server is measured in one round.
    pub first_byte_hold: Duration,
    /// Rounds of it.
    pub first_byte_rounds: usize,
    /// Streams held open at the same time.
    pub streams: usize,
    /// Starts of each kind.
    pub starts: usize,
    /// Requests in the ledger of the store that is opened again.
    pub start_rows: u64,
    /// How long each part of the truth run measures, seconds.
    pub truth_seconds: u64,
}

impl Sizes {
    /// What docs/performance.md is made from; about seven minutes.
    pub const FULL: Self = Self {
        cpu_batch: 5_000,
        cpu_rounds: 6,
        cpu_connections: 16,
        latency_rate: 200.0,
        latency_hold: Duration::from_secs(5),
        latency_rounds: 6,
        first_byte_rate: 50.0,
        first_byte_hold: Duration::from_secs(5),
        first_byte_rounds: 6,
        streams: 1_000,
        starts: 10,
        start_rows: 10_000,
        truth_seconds: 10,
    };

    /// Under a minute, with a debug build too.
    pub const QUICK: Self = Self {
        cpu_batch: 400,
        cpu_rounds: 3,
        latency_hold: Duration::from_secs(2),
        latency_rounds: 2,
        first_byte_hold: Duration::from_secs(2),
        first_byte_rounds: 2,
        streams: 100,
        starts: 3,
        start_rows: 200,
        truth_seconds: 2,
        ..Self::FULL
    };
}
