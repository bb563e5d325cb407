//! P6: the accounts of all budgets in this process. A call's accounts are checked together and then written together
//! or not at all, under one lock that is held for a microsecond.
//!
//! Accounts in which nothing is spent are forgotten by a hand that moves two places with each new one. Beyond
//! [`ACCOUNTS_MAX`] spenders who are not known yet share one account per budget: the strict side.
//!
//! Never: waits for anything but its lock, or forgets what was spent in the present period.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use golive_checklist::unit::NanoUsd;
use golive_resilience::Tick;
use golive_resilience::budget::{Budget, Over, SlotId, Standing};

use super::rules::{Account, Item, Rule};

/// Accounts that are kept: about 100 MiB of them, if every one is used.
pub const ACCOUNTS_MAX: usize = 262_144;
/// Places the hand looks at for each new account.
const HAND_STEPS: usize = 2;

/// All accounts.
#[derive(Debug, Default)]
pub struct Book {
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    accounts: HashMap<Account, Kept>,
    /// Every key of `accounts` once; the front is under the hand.
    ring: VecDeque<Account>,
}

#[derive(Debug)]
struct Kept {
    rule: Arc<Rule>,
    budget: Budget,
    /// Until then nothing more is said of it.
    warned_until: Tick,
}

/// What was reserved for one call. Settling uses it up; what is never settled stays reserved for its period.
#[derive(Debug)]
#[must_use = "what is not settled stays reserved"]
pub struct Held {
    amount: NanoUsd,
    places: Vec<(Arc<Rule>, Account, SlotId)>,
}

impl Held {
    /// How much was reserved in each account.
    #[must_use]
    pub fn amount(&self) -> NanoUsd {
        self.amount
    }
}

/// A call that does not fit.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The budget that refused; the one with the longest wait if several did.
    pub rule: Arc<Rule>,
    /// Why.
    pub over: Over,
    /// What it could have cost.
    pub cost: NanoUsd,
    /// How much of the budget is used.
    pub standing: Standing,
}

/// A budget that is nearly used up.
#[derive(Clone, Debug)]
pub struct Near {
    /// Which.
    pub rule: Arc<Rule>,
    /// What is spent of it.
    pub spent: NanoUsd,
    /// It is the first time in its period that this is seen.
    pub is_news: bool,
}

impl Book {
    /// Whether a call could cost anything at all: who has nothing left is told so early. Writes nothing.
    ///
    /// # Errors
    /// The account that is used up. One that only calls in flight have reserved is none.
    pub fn look(&self, items: &[Item], now: Tick) -> Result<(), Box<Refusal>> {
        match self.lock().check(items, NanoUsd(1), now) {
            Err(refusal) if refusal.over == Over::InFlight => Ok(()),
            looked => looked,
        }
    }

    /// Reserves `cost` in every account, or in none.
    ///
    /// # Errors
    /// The account that has no room.
    pub fn reserve(&self, items: &[Item], cost: NanoUsd, now: Tick) -> Result<Held, Box<Refusal>> {
        let mut pages = self.lock();
        pages.check(items, cost, now)?;
        let place = |item: &Item| {
            let account = pages.account_of(item, now);
            let kept = pages.open(item, account, now);
            let slot = kept.budget.reserve(&item.rule.policy, cost.0, now);
            (Arc::clone(&item.rule), account, slot)
        };
        Ok(Held {
            amount: cost,
            places: items.iter().map(place).collect(),
        })
    }

    /// Replaces what was reserved by what was spent.
    pub fn settle(&self, held: Held, spent: NanoUsd, now: Tick) {
        let mut pages = self.lock();
        for (rule, account, slot) in held.places {
            if let Some(kept) = pages.accounts.get_mut(&account) {
                kept.budget.settle(slot, held.amount.0, spent.0);
                let standing = kept.budget.standing(&rule.policy, now);
                rule.metrics.used(standing.spent, rule.policy.amount);
            }
        }
    }

    /// Counts what the ledger remembers, at its own time, without asking.
    pub fn replay(&self, items: &[Item], spent: NanoUsd, at: Tick, now: Tick) {
        let mut pages = self.lock();
        for item in items {
            let account = pages.account_of(item, now);
            let kept = pages.open(item, account, now);
            kept.budget.replay(&item.rule.policy, spent.0, at, now);
            let standing = kept.budget.standing(&item.rule.policy, now);
            item.rule.metrics.used(standing.spent, item.rule.policy.amount);
        }
    }

    /// The budgets of a call that are nearly used up.
    pub fn near(&self, items: &[Item], now: Tick) -> Vec<Near> {
        let mut pages = self.lock();
        let mut all = Vec::new();
        for item in items {
            let account = pages.account_of(item, now);
            let Some(kept) = pages.accounts.get_mut(&account) else {
                continue;
            };
            let spent = kept.budget.standing(&item.rule.policy, now).spent;
            if spent >= item.rule.warn_from {
                let is_news = kept.warned_until <= now;
                if is_news {
                    kept.warned_until = item.rule.policy.ends(now);
                }
                all.push(Near {
                    rule: Arc::clone(&item.rule),
                    spent: NanoUsd(spent),
                    is_news,
                });
            }
        }
        all
    }

    /// How many accounts are kept.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.lock().accounts.len()
    }

    /// A panic while it was locked cannot leave an account half-written (all writes are infallible arithmetic), so a
    /// poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn check(&mut self, items: &[Item], cost: NanoUsd, now: Tick) -> Result<(), Box<Refusal>> {
        let mut refused: Option<(Duration, Refusal)> = None;
        for item in items {
            let account = self.account_of(item, now);
            let policy = &item.rule.policy;
            let mut untouched = Budget::default();
            let budget = match self.accounts.get_mut(&account) {
                Some(kept) => &mut kept.budget,
                None => &mut untouched,
            };
            let Err(over) = budget.check(policy, cost.0, now) else {
                continue;
            };
            let wait = match over {
                Over::Never => Duration::MAX,
                Over::Spent { wait } => wait,
                Over::InFlight => Duration::ZERO,
            };
            if refused.as_ref().is_none_or(|(longest, _)| wait > *longest) {
                let standing = budget.standing(policy, now);
                let rule = Arc::clone(&item.rule);
                refused = Some((
                    wait,
                    Refusal {
                        rule,
                        over,
                        cost,
                        standing,
                    },
                ));
            }
        }
        match refused {
            Some((_, refusal)) => Err(Box::new(refusal)),
            None => Ok(()),
        }
    }

    /// The item's own account, or where there is no room for one, the one that newcomers share.
    fn account_of(&mut self, item: &Item, now: Tick) -> Account {
        if self.accounts.len() < ACCOUNTS_MAX || self.accounts.contains_key(&item.account) {
            return item.account;
        }
        self.turn(now);
        if self.accounts.len() < ACCOUNTS_MAX {
            item.account
        } else {
            item.account.crowd()
        }
    }

    fn open(&mut self, item: &Item, account: Account, now: Tick) -> &mut Kept {
        if !self.accounts.contains_key(&account) {
            self.turn(now);
            self.ring.push_back(account);
        }
        let kept = self.accounts.entry(account).or_insert_with(|| Kept {
            rule: Arc::clone(&item.rule),
            budget: Budget::default(),
            warned_until: Tick(0),
        });
        // A reload may have changed the amount.
        if !Arc::ptr_eq(&kept.rule, &item.rule) {
            kept.rule = Arc::clone(&item.rule);
        }
        kept
    }

    /// Moves the hand: accounts in which nothing is spent are forgotten.
    fn turn(&mut self, now: Tick) {
        for _ in 0..HAND_STEPS.min(self.ring.len()) {
            let Some(account) = self.ring.pop_front() else {
                return;
            };
            let idle = self.accounts.get_mut(&account).is_none_or(|kept| {
                let policy = kept.rule.policy;
                kept.budget.is_idle(&policy, now)
            });
            if idle {
                self.accounts.remove(&account);
            } else {
                self.ring.push_back(account);
            }
        }
    }
}

#[cfg(test)]
mod tests;
