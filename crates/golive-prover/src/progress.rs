//! What a run says while it runs: which proof, what it waits for, what came out.
//!
//! Never: a spinner or a rewritten line where there is no terminal, and never a byte on stdout: that belongs to the
//! report.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::verdict::Verdict;

use crate::report::escape;

/// One thing worth saying.
#[derive(Debug, Clone)]
pub enum Event {
    /// The run begins.
    Started {
        /// Name of the target.
        target: String,
        /// Proofs that will run.
        proofs: usize,
        /// Requests the plan expects.
        requests: u64,
        /// Time the plan expects.
        expected: Duration,
    },
    /// A proof begins.
    Proof {
        /// Its item.
        item: ItemId,
        /// The item's title.
        title: &'static str,
    },
    /// A proof waits for something.
    Waiting {
        /// Its item.
        item: ItemId,
        /// For what.
        what: String,
    },
    /// A part got its verdict.
    Part {
        /// The part.
        id: String,
        /// Its verdict.
        verdict: Verdict,
        /// In one line.
        summary: String,
    },
    /// Something the reader of the report should know about the run.
    Warning(String),
    /// The run is over.
    Finished {
        /// It took so long.
        took: Duration,
    },
}

/// Where events go.
pub trait Sink: Send + Sync {
    /// Takes one event. Must not block for long.
    fn take(&self, event: Event);
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Sink for Silent {
    fn take(&self, _: Event) {}
}

/// One line per event on stderr, for logs and CI.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines;

impl Sink for Lines {
    fn take(&self, event: Event) {
        if let Some(line) = line(&event) {
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        }
    }
}

/// What is settled as lines, what is waited for as one line that is rewritten. For a terminal.
#[derive(Debug)]
pub struct Live {
    colour: bool,
    status: Mutex<bool>,
}

impl Live {
    /// A live display; `colour` off still rewrites its line.
    #[must_use]
    pub fn new(colour: bool) -> Live {
        Live {
            colour,
            status: Mutex::new(false),
        }
    }
}

impl Sink for Live {
    fn take(&self, event: Event) {
        let Some(line) = line(&event) else { return };
        let mut shown = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = std::io::stderr().lock();
        if *shown {
            let _ = write!(out, "\r\x1b[2K");
        }
        *shown = matches!(event, Event::Waiting { .. } | Event::Proof { .. });
        // A status line that wraps cannot be rewritten; 79 columns fit everywhere.
        let line: String = if *shown {
            line.chars().take(79).collect()
        } else {
            line
        };
        let line = match (&event, self.colour) {
            (Event::Part { verdict, .. }, true) => format!("{}{line}\x1b[0m", colour(*verdict)),
            (Event::Waiting { .. } | Event::Proof { .. }, true) => format!("\x1b[2m{line}\x1b[0m"),
            _ => line,
        };
        let _ = if *shown {
            write!(out, "{line}")
        } else {
            writeln!(out, "{line}")
        };
        let _ = out.flush();
    }
}

/// The sink that fits the process: nothing when `quiet`, a live line on a terminal, plain lines elsewhere.
/// `NO_COLOR` and `TERM=dumb` are heeded.
#[must_use]
pub fn fitting(quiet: bool) -> Arc<dyn Sink> {
    if quiet {
        return Arc::new(Silent);
    }
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if std::io::stderr().is_terminal() && !dumb {
        let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        return Arc::new(Live::new(colour));
    }
    Arc::new(Lines)
}

fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass | Verdict::Attested => "\x1b[32m",
        Verdict::Warn | Verdict::Excluded => "\x1b[33m",
        Verdict::Unproven => "\x1b[36m",
        Verdict::Fail => "\x1b[31m",
    }
}

/// An event as one line of at most 100 columns, without control characters.
fn line(event: &Event) -> Option<String> {
    let text = match event {
        Event::Started {
            target,
            proofs,
            requests,
            expected,
        } => format!(
            "checking {target}: {proofs} proofs, about {requests} requests, about {}",
            golive_checklist::unit::format_duration(Duration::from_secs(expected.as_secs().max(1)))
        ),
        Event::Proof { item, title } => format!("{item}  {title}"),
        Event::Waiting { item, what } => format!("{item}  {what}"),
        Event::Part { id, verdict, summary } => format!("{verdict:<9}{id:<16}{summary}"),
        Event::Warning(text) => format!("note     {text}"),
        Event::Finished { took } => format!("done in {:.1} s", took.as_secs_f64()),
    };
    let plain = escape::one_line(&text);
    let cut: String = plain.chars().take(100).collect();
    Some(if cut.len() < plain.len() {
        format!("{cut}…")
    } else {
        cut
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_cannot_write_to_the_terminal_through_a_progress_line() {
        let event = Event::Part {
            id: "S5.keys".into(),
            verdict: Verdict::Fail,
            summary: "said \x1b[2J\u{202e}evil\nnext".into(),
        };
        let line = line(&event).unwrap();
        assert!(!line.contains(['\x1b', '\n', '\u{202e}']), "{line:?}");
    }
}
