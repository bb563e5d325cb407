//! What the bench is told on its command line.
//!
//! Never: a default that names a path of one machine.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measures `golive serve` against direct calls and against nginx.
#[derive(Debug, Parser)]
#[command(name = "golive-bench", max_term_width = 100)]
pub struct Arguments {
    /// The golive binary to measure; figures are worth something only for an optimised one.
    #[arg(long, value_name = "PATH")]
    pub golive: PathBuf,
    /// The nginx to compare with; found by itself if it is installed.
    #[arg(long, value_name = "PATH")]
    pub nginx: Option<PathBuf>,
    /// The built example `truth` of golive-load; without it the generator's own truth is left out.
    #[arg(long, value_name = "PATH")]
    pub truth: Option<PathBuf>,
    /// Few requests: shows that everything works; the figures mean little.
    #[arg(long)]
    pub quick: bool,
    /// Only these.
    #[arg(long, value_delimiter = ',', value_name = "MEASURE")]
    pub only: Vec<Measure>,
    /// Run golive and nginx on this core alone (by `taskset`); everything else stays where it likes.
    #[arg(long, value_name = "CORE")]
    pub pin: Option<u16>,
    /// Write all figures here, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// What can be measured, in the order of a full run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Measure {
    /// Processor time per request.
    Cpu,
    /// Latency added at a steady rate.
    Latency,
    /// Time to the first streamed byte.
    FirstByte,
    /// Good traffic beside a flood of wrong keys.
    Flood,
    /// Resident memory, idle and with many open streams.
    Memory,
    /// From the spawn to the first answer.
    Start,
    /// The load generator against known latencies.
    Truth,
}

impl Arguments {
    /// What to measure, in the order of a full run.
    pub fn measures(&self) -> impl Iterator<Item = Measure> {
        let wanted = |measure: &Measure| self.only.is_empty() || self.only.contains(measure);
        Measure::value_variants().iter().copied().filter(wanted)
    }
}

impl Measure {
    /// Its name in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Latency => "latency",
            Self::FirstByte => "first_byte",
            Self::Flood => "flood",
            Self::Memory => "memory",
            Self::Start => "start",
            Self::Truth => "truth",
        }
    }

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Cpu => "CPU per request",
            Self::Latency => "latency added",
            Self::FirstByte => "first streamed byte",
            Self::Flood => "good traffic beside a flood of wrong keys",
            Self::Memory => "resident memory of golive",
            Self::Start => "start to the first served request",
            Self::Truth => "the load generator's truth",
        }
    }
}
