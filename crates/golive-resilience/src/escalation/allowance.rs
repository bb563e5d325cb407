//! E3: how often somebody who is over a limit is still listened to, in case he asks for a person.
//!
//! A bucket per owner: one time stamp of state. Owners beyond [`OWNERS_MAX`] share one bucket, so that a flood of
//! owners is listened to as often as one.
//!
//! Never: admits more than the allowance, or grows with the number of owners.

use std::collections::HashMap;
use std::time::Duration;

use crate::Tick;

/// Owners remembered at once: about 1 MiB.
pub const OWNERS_MAX: usize = 1 << 15;

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// So often …
    pub count: u32,
    /// … in this time.
    pub per: Duration,
}

/// What is left of the allowances.
#[derive(Debug, Default)]
pub struct Allowance {
    /// For each owner, when all of his allowance is back.
    full_at: HashMap<u128, Tick>,
    crowd: Tick,
    next_sweep: Tick,
}

impl Allowance {
    /// Whether this owner is listened to now; counts it if so.
    pub fn take(&mut self, rule: &Rule, owner: u128, now: Tick) -> bool {
        if rule.count == 0 {
            return false;
        }
        let known = self.full_at.contains_key(&owner);
        if !known && self.full_at.len() >= OWNERS_MAX && now >= self.next_sweep {
            self.full_at.retain(|_, at| *at > now);
            self.next_sweep = now.plus(Duration::from_secs(1));
        }
        if known || self.full_at.len() < OWNERS_MAX {
            step(rule, self.full_at.entry(owner).or_default(), now)
        } else {
            step(rule, &mut self.crowd, now)
        }
    }

    /// Owners that are remembered.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.full_at.len()
    }
}

fn step(rule: &Rule, full_at: &mut Tick, now: Tick) -> bool {
    let one = rule.per / rule.count;
    let owed = full_at.since(now) + one;
    if owed > rule.per {
        return false;
    }
    *full_at = now.plus(owed);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule {
        count: 3,
        per: Duration::from_secs(60),
    };

    fn at(s: u64) -> Tick {
        Tick(s * 1_000_000)
    }

    #[test]
    fn so_often_at_once_and_one_more_after_its_share_of_the_time() {
        let mut left = Allowance::default();
        let taken = (0..5).filter(|_| left.take(&RULE, 1, at(10))).count();
        assert_eq!(taken, 3);
        assert!(!left.take(&RULE, 1, at(29)));
        assert!(left.take(&RULE, 1, at(30)));
        assert!(!left.take(&RULE, 1, at(30)));
        assert!(left.take(&RULE, 2, at(30)), "another owner has his own");
    }

    #[test]
    fn nothing_is_taken_from_an_allowance_of_none() {
        let rule = Rule { count: 0, ..RULE };
        assert!(!Allowance::default().take(&rule, 1, at(1)));
    }

    #[test]
    fn a_flood_of_owners_shares_one_allowance_and_no_memory() {
        let mut left = Allowance::default();
        let taken = (0..OWNERS_MAX as u128 + 1000)
            .filter(|owner| left.take(&RULE, *owner, at(1)))
            .count();
        assert_eq!(taken, OWNERS_MAX + 3);
        assert_eq!(left.tracked(), OWNERS_MAX);
    }
}
