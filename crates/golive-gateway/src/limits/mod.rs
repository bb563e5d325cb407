//! S2: how often and how much may be called: whose windows a call counts in, and where it stands with them.
//!
//! A call counts in one window per rule that applies to it: of its user, its principal, its team, the agent or model
//! it calls, and of everybody; requests and tokens apart; several periods each. All windows of a step are checked
//! before any is written, so that a refusal by one eats nothing of another.
//!
//! Never: holds an identity in clear; a window is known by a keyed hash, or by the hash of a name of the configuration.

pub mod answer;
pub mod backend;
pub mod headers;
pub mod local;
pub mod rebuild;
pub mod rules;

use std::hash::{Hash, Hasher};
use std::time::Duration;

use golive_config::CalleeKind;
use golive_resilience::window::{Policy, Standing};

/// Whose a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Per user.
    User,
    /// Per principal.
    Principal,
    /// Per team.
    Team,
    /// Per agent or model.
    Callee(CalleeKind),
    /// Over all.
    Global,
}

impl Scope {
    /// The word for it in headers and decisions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Principal => "principal",
            Self::Team => "team",
            Self::Callee(kind) => kind.as_str(),
            Self::Global => "global",
        }
    }
}

/// What a window counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Requests.
    Requests,
    /// Input and output tokens.
    Tokens,
}

impl Unit {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
        }
    }
}

/// One limit with one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whose.
    pub scope: Scope,
    /// Of what.
    pub unit: Unit,
    /// How much in which time.
    pub policy: Policy,
    /// Its scope has other periods too, so that its name in headers must tell it from them.
    pub one_of_several: bool,
}

/// The name of one window: 128 bits of hash, the same on every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u64, u64);

impl Key {
    /// The window of `rule` that belongs to `whose`. Its period is part of the name: a rule with another period counts
    /// from what the ledger remembers, not from the entries of the old one.
    #[must_use]
    pub fn of(rule: &Rule, whose: u128) -> Self {
        let scope = match rule.scope {
            Scope::User => 1,
            Scope::Principal => 2,
            Scope::Team => 3,
            Scope::Callee(_) => 4,
            Scope::Global => 5,
        };
        let period = u64::try_from(rule.policy.period.as_micros()).unwrap_or(u64::MAX);
        let tag = mixed(period ^ (scope << 59) ^ (u64::from(rule.unit == Unit::Tokens) << 58));
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        let (high, low) = ((whose >> 64) as u64, whose as u64);
        Self(high ^ tag, low ^ tag.rotate_left(32))
    }

    /// Which of `count` equal parts of the keys it belongs to; independent of its place in a table.
    #[must_use]
    pub fn part(self, count: u64) -> u64 {
        self.1 % count
    }
}

/// A key is random already: half of it is its hash.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// The finalizer of SplitMix64: near numbers become far ones.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The hash of a name from the configuration: FNV-1a with 128 bits. Names of teams and agents are no secrets, but
/// users hash by key (`Store::user_hash`).
#[must_use]
pub fn name_hash(name: &str) -> u128 {
    name.bytes()
        .fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash: u128, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        })
}

/// One window that a call counts in, and how much.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Which window.
    pub key: Key,
    /// Its rule.
    pub rule: Rule,
    /// How much it counts.
    pub cost: u32,
}

/// Where a call stands with one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stand {
    /// The rule.
    pub rule: Rule,
    /// What is left of it and when more comes.
    pub standing: Standing,
}

/// Where a call stands with each limit that applies to it.
#[derive(Clone, Debug, Default)]
pub struct Standings(pub Vec<Stand>);

impl Standings {
    /// The limits that apply: requests before tokens, the user's first, everybody's last.
    pub fn iter(&self) -> impl Iterator<Item = &Stand> {
        self.0.iter()
    }

    /// Takes over newer figures of one unit.
    pub fn renew(&mut self, unit: Unit, newer: Self) {
        if self.0.is_empty() {
            self.0 = newer.0;
            return;
        }
        self.0.retain(|stand| stand.rule.unit != unit);
        self.0.extend(newer.0);
        self.0.sort_by_key(|stand| stand.rule.unit == Unit::Tokens);
    }

    /// The limit of this unit that will refuse first: the least is left, or it takes the longest until more is.
    #[must_use]
    pub fn tightest(&self, unit: Unit) -> Option<&Stand> {
        self.iter()
            .filter(|stand| stand.rule.unit == unit)
            .min_by_key(|stand| (stand.standing.remaining, std::cmp::Reverse(stand.standing.reset)))
    }
}

/// A call that does not fit: which window refused, and when it would admit.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The rule that refused; the one with the longest wait if several did.
    pub rule: Rule,
    /// What the call would have cost.
    pub cost: u32,
    /// The time after which the same call would be admitted.
    pub wait: Duration,
    /// All windows of the caller, for the headers.
    pub standings: Standings,
}

impl Refusal {
    /// It would be refused by an empty window too.
    #[must_use]
    pub fn is_hopeless(&self) -> bool {
        self.cost > self.rule.policy.count
    }
}
