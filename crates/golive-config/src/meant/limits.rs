//! S2: `[limits]` with its tables, and what one agent or model allows.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::units::Rate;

/// `[limits]`: requests per sliding window. An empty list is no limit; in a list of several all hold, longest period
/// first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Of each user of each principal.
    pub user: Vec<Rate>,
    /// Of each principal over all its users.
    pub principal: Vec<Rate>,
    /// Of each team over all its principals.
    pub team: Vec<Rate>,
    /// Of the whole gateway.
    pub global: Vec<Rate>,
    /// `[limits.tokens]`.
    pub tokens: TokenLimits,
    /// `[limits.teams.NAME]`.
    pub teams: BTreeMap<String, TeamLimits>,
}

/// `[limits.tokens]`: input and output tokens per sliding window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenLimits {
    /// Of each user of each principal.
    pub user: Vec<Rate>,
    /// Of each principal over all its users.
    pub principal: Vec<Rate>,
    /// Of each team over all its principals.
    pub team: Vec<Rate>,
    /// Of the whole gateway.
    pub global: Vec<Rate>,
    /// Output tokens reserved where a request names no maximum.
    pub output: u32,
    /// Bytes of text reserved as one input token.
    pub input_bytes: u32,
}

/// `[limits.teams.NAME]`: what is not set is the limit of every team.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TeamLimits {
    /// Requests.
    pub requests: Option<Vec<Rate>>,
    /// Tokens.
    pub tokens: Option<Vec<Rate>>,
}

/// `[agents.NAME.limits]` and `[models.NAME.limits]`: over all who call it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnLimits {
    /// Requests.
    pub requests: Vec<Rate>,
    /// Tokens.
    pub tokens: Vec<Rate>,
}

/// The checklist's own numbers (S2): 100/h of each user, 10,000/h in all.
impl Default for Limits {
    fn default() -> Self {
        Self {
            user: vec![per_hour(100)],
            principal: Vec::new(),
            team: Vec::new(),
            global: vec![per_hour(10_000)],
            tokens: TokenLimits::default(),
            teams: BTreeMap::new(),
        }
    }
}

impl Default for TokenLimits {
    fn default() -> Self {
        Self {
            user: Vec::new(),
            principal: Vec::new(),
            team: Vec::new(),
            global: Vec::new(),
            output: 4096,
            input_bytes: 1,
        }
    }
}

pub(crate) fn per_hour(count: u32) -> Rate {
    Rate {
        count: NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN),
        period: Duration::from_secs(3600),
    }
}
