//! The units of the file, from the checklist.

use std::num::NonZeroU32;
use std::time::Duration;

/// A rate: `count` events per `period`. Written `"100/h"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Events.
    pub count: NonZeroU32,
    /// Per this time.
    pub period: Duration,
}

/// A number of bytes. Written `"64 KiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);
