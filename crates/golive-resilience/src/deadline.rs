//! P2: the four clocks of one call to an upstream, as one machine that names the next deadline.
//!
//! *connect* bounds reaching the upstream; *first byte* bounds the time to the first content byte of a stream,
//! or to the whole body of a plain answer; *idle* bounds the silence between chunks; *total* bounds everything.
//! The tightest running clock decides, and the one that fired is named: it goes into the error and the ledger.
//!
//! Never: sleeps or reads a clock. The driver sleeps until [`Deadline::next`] and asks again.

use std::time::Duration;

use crate::Tick;

/// The lengths of the four clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Name resolution, TCP and TLS together.
    pub connect: Duration,
    /// From the start of the call to the first content byte of a stream, or to the end of a plain body.
    pub first_byte: Duration,
    /// The longest silence between two chunks of a stream.
    pub idle: Duration,
    /// The whole call before its commit point, the first byte the caller receives.
    pub total_request: Duration,
    /// The whole of a stream.
    pub total_stream: Duration,
}

/// The defaults of the product (the checklist's 30 s for the first byte, and golive's own for the rest); connect is what official SDKs allow themselves.
impl Default for Clocks {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            total_request: Duration::from_secs(120),
            total_stream: Duration::from_secs(600),
        }
    }
}

/// Which clock ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The upstream could not be reached in time.
    Connect,
    /// No content came in time.
    FirstByte,
    /// A stream fell silent.
    Idle,
    /// Everything together took too long.
    Total,
}

impl Clock {
    /// The word for it in messages, metrics and the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::FirstByte => "first_byte",
            Self::Idle => "idle",
            Self::Total => "total",
        }
    }
}

/// The deadlines of one call in progress.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    clocks: Clocks,
    started: Tick,
    progress: Progress,
}

#[derive(Clone, Copy, Debug)]
enum Progress {
    Waiting,
    Streaming { last_chunk: Tick },
}

impl Deadline {
    /// A call that starts now. The connect clock is the connector's own and is not watched here.
    #[must_use]
    pub fn start(clocks: Clocks, now: Tick) -> Self {
        Self {
            clocks,
            started: now,
            progress: Progress::Waiting,
        }
    }

    /// Content has arrived: from now on silence and the total length of the stream are what counts.
    pub fn content(&mut self, now: Tick) {
        self.progress = Progress::Streaming { last_chunk: now };
    }

    /// Bytes without content (a role, a comment, a ping) have arrived. They keep a running stream from being
    /// idle, but they are not the first content byte: a provider that only pings has not answered.
    pub fn bytes(&mut self, now: Tick) {
        if let Progress::Streaming { last_chunk } = &mut self.progress {
            *last_chunk = now;
        }
    }

    /// The instant at which the call is out of time if nothing happens before, and the clock that says so.
    #[must_use]
    pub fn next(&self) -> (Tick, Clock) {
        let (near, total) = match self.progress {
            Progress::Waiting => (
                (self.started.plus(self.clocks.first_byte), Clock::FirstByte),
                self.started.plus(self.clocks.total_request),
            ),
            Progress::Streaming { last_chunk } => (
                (last_chunk.plus(self.clocks.idle), Clock::Idle),
                self.started.plus(self.clocks.total_stream),
            ),
        };
        if total < near.0 {
            (total, Clock::Total)
        } else {
            near
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks() -> Clocks {
        Clocks::default()
    }

    fn at(seconds: u64) -> Tick {
        Tick(seconds * 1_000_000)
    }

    #[test]
    fn silence_before_the_first_content_byte_ends_after_thirty_seconds_whatever_else_arrives() {
        let mut deadline = Deadline::start(clocks(), at(0));
        deadline.bytes(at(29));
        assert_eq!(deadline.next(), (at(30), Clock::FirstByte));
    }

    #[test]
    fn each_chunk_restarts_the_idle_clock_but_never_the_total() {
        let mut deadline = Deadline::start(clocks(), at(0));
        deadline.content(at(10));
        assert_eq!(deadline.next(), (at(40), Clock::Idle));
        deadline.bytes(at(35));
        assert_eq!(deadline.next(), (at(65), Clock::Idle));
        deadline.content(at(590));
        assert_eq!(deadline.next(), (at(600), Clock::Total));
    }

    #[test]
    fn a_total_shorter_than_the_first_byte_clock_wins_and_is_named() {
        let mut short = clocks();
        short.total_request = Duration::from_secs(7);
        assert_eq!(Deadline::start(short, at(1)).next(), (at(8), Clock::Total));
    }
}
