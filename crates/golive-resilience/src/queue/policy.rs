//! E5, P2: the numbers of a queue, and how urgent a request is.
//!
//! Never: holds state.

use std::time::Duration;

/// How many priorities there are: `0..PRIORITIES`.
pub const PRIORITIES: u8 = 10;

/// The numbers of a queue. The defaults are the checklist's (5 min; more than 1000 is alarming) and the design's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePolicy {
    /// How many may wait; zero: nobody waits, what has no place is refused.
    pub length: u32,
    /// The longest wait.
    pub wait: Duration,
    /// What happens when the queue is full.
    pub overflow: Overflow,
}

impl Default for QueuePolicy {
    fn default() -> Self {
        Self {
            length: 1000,
            wait: Duration::from_secs(300),
            overflow: Overflow::Reject,
        }
    }
}

/// What happens when the queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The newcomer is refused. The last tenth of the queue is for principals who have nobody in line.
    #[default]
    Reject,
    /// The newcomer takes the place of the youngest of the longest line in the lowest priority below its own; if there
    /// is none below, of the longest line in its own priority, if that is longer than its own would become.
    Displace,
}

/// How urgent something is, from 0 to 9; a higher one goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(pub(super) u8);

impl Priority {
    /// What can wait: background work.
    pub const LOW: Self = Self(2);
    /// What nobody said anything about.
    pub const NORMAL: Self = Self(5);
    /// What someone waits for.
    pub const HIGH: Self = Self(8);

    /// The priority of that number, if there is one.
    #[must_use]
    pub fn new(level: u8) -> Option<Self> {
        (level < PRIORITIES).then_some(Self(level))
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::NORMAL
    }
}
