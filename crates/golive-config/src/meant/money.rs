//! P6: `[money]`, `[prices.NAME]` and `[[budgets]]`.

pub use golive_resilience::budget::Period;

use std::path::PathBuf;

use golive_checklist::unit::{NanoUsd, format_duration};

use crate::prices::Prices;

/// `[money]` with all prices.
#[derive(Debug, Clone, Default)]
pub struct Money {
    /// What becomes of a call whose price nobody knows, where a budget counts it.
    pub unknown_price: UnknownPrice,
    /// How far east of UTC the midnights of budgets are, in seconds.
    pub offset_s: i32,
    /// The imported table, as named.
    pub prices_file: Option<PathBuf>,
    /// What models cost.
    pub prices: Prices,
}

/// What becomes of a call whose price nobody knows, where a budget counts it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnknownPrice {
    /// It is refused.
    #[default]
    Refuse,
    /// It counts as if it cost the highest price that is known.
    Dearest,
}

impl UnknownPrice {
    /// The words for them.
    pub const WORDS: [(&'static str, Self); 2] = [("refuse", Self::Refuse), ("dearest", Self::Dearest)];

    /// As written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Dearest => "dearest",
        }
    }
}

/// One of `[[budgets]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendingBudget {
    /// What metrics, headers and messages call it; no other budget has this name.
    pub name: String,
    /// Whose spending it counts.
    pub scope: BudgetScope,
    /// Only these of the scope; empty: each of them.
    pub only: Vec<String>,
    /// What each may spend in each period.
    pub amount: NanoUsd,
    /// For what time.
    pub period: Period,
    /// From which share of the amount on it warns, in percent; 100: never.
    pub warn_percent: u8,
}

/// Whose spending a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BudgetScope {
    /// Each user of each principal.
    User,
    /// Each principal over all its users.
    Principal,
    /// Each team over all its principals.
    Team,
    /// Each agent over all who call it.
    Agent,
    /// Each model over all who call it.
    Model,
    /// Everything together.
    Global,
}

impl BudgetScope {
    /// The words for them.
    pub const WORDS: [(&'static str, Self); 6] = [
        ("user", Self::User),
        ("principal", Self::Principal),
        ("team", Self::Team),
        ("agent", Self::Agent),
        ("model", Self::Model),
        ("global", Self::Global),
    ];

    /// As written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Principal => "principal",
            Self::Team => "team",
            Self::Agent => "agent",
            Self::Model => "model",
            Self::Global => "global",
        }
    }
}

/// A period as it is written: `day`, `week`, `month`, `24h`.
#[must_use]
pub fn period_text(period: Period) -> String {
    match period {
        Period::Day => "day".to_owned(),
        Period::Week => "week".to_owned(),
        Period::Month => "month".to_owned(),
        Period::Rolling(length) => format_duration(length),
    }
}

/// An offset from UTC as it is written: `+05:30`.
#[must_use]
pub fn offset_text(offset_s: i32) -> String {
    let minutes = offset_s.unsigned_abs() / 60;
    let sign = if offset_s < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}
