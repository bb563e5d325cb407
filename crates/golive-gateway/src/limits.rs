//! S2: the request windows of all users, all principals and the whole gateway.
//!
//! All windows of a call are checked before any is written, under their locks at once, so that a refusal by one
//! eats nothing of another and 64 concurrent callers get exactly the limit. Locks are taken in one order (user,
//! principal, global) and held for nanoseconds; there is no lock over all users.
//!
//! Never: forgets an admission early, and never grows past [`USERS_MAX`] windows: new users beyond it share one per
//! shard, at the price of a sweep of that shard for each of their calls.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use golive_checklist::unit::Rate;
use golive_resilience::Tick;
use golive_resilience::window::{Policy, Standing, Window};

/// Windows kept at once over all users; a caller who invents users shares one window beyond it.
pub const USERS_MAX: usize = 1 << 20;

const SHARDS: usize = 64;

/// The limits in force. `None` is no limit in that scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// Per person on whose behalf is called.
    pub user: Option<Policy>,
    /// Per credential.
    pub principal: Option<Policy>,
    /// Over everybody.
    pub global: Option<Policy>,
}

/// The window policy of a configured rate.
#[must_use]
pub fn policy_of(rate: &Rate) -> Policy {
    Policy {
        count: rate.count.get(),
        period: rate.period,
    }
}

/// Whose windows a call counts in. The values are keyed hashes: no identity in clear.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    /// The user, or the principal itself where none is asserted.
    pub user: u128,
    /// The principal.
    pub principal: u128,
}

/// The scope of a window, by its name in headers, metrics and the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Per user.
    User,
    /// Per principal.
    Principal,
    /// Over all.
    Global,
}

impl Scope {
    /// The word for it everywhere.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Principal => "principal",
            Self::Global => "global",
        }
    }
}

/// Where a call stands with each limit that applies to it.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    entries: [Option<(Scope, Policy, Standing)>; 3],
}

impl Standings {
    /// The limits that apply, in the order user, principal, global.
    pub fn iter(&self) -> impl Iterator<Item = &(Scope, Policy, Standing)> {
        self.entries.iter().flatten()
    }

    /// The limit that will refuse first.
    #[must_use]
    pub fn tightest(&self) -> Option<&(Scope, Policy, Standing)> {
        self.iter().min_by_key(|(_, _, standing)| standing.remaining)
    }
}

/// A call that does not fit: which window refused, and when it would admit.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The window that refused; the one with the longest wait if several did.
    pub scope: Scope,
    /// Its rule.
    pub policy: Policy,
    /// The time after which the same call would be admitted.
    pub wait: Duration,
    /// All windows of the caller, for the headers.
    pub standings: Standings,
}

/// All windows of this process.
#[derive(Debug)]
pub struct Limiter {
    users: Vec<Mutex<Shard>>,
    principals: Vec<Mutex<Shard>>,
    global: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Shard {
    windows: HashMap<u128, Window>,
    crowd: Window,
    sweep_at: usize,
}

impl Default for Limiter {
    fn default() -> Self {
        let shards = || (0..SHARDS).map(|_| Mutex::default()).collect();
        Self {
            users: shards(),
            principals: shards(),
            global: Mutex::default(),
        }
    }
}

impl Limiter {
    /// Counts one call in all its windows, or in none.
    ///
    /// # Errors
    /// The window that has no place, with the time until it has.
    pub fn admit(&self, policies: &Policies, who: &Who, now: Tick) -> Result<Standings, Box<Refusal>> {
        self.judge(policies, who, now, true)
    }

    /// Whether a call would be admitted, counting nothing: the early look before a body is read.
    ///
    /// # Errors
    /// The window that has no place, with the time until it has.
    pub fn peek(&self, policies: &Policies, who: &Who, now: Tick) -> Result<Standings, Box<Refusal>> {
        self.judge(policies, who, now, false)
    }

    /// Counts calls that the ledger remembers from before a restart. Times in the future (the wall clock was
    /// stepped back meanwhile) count as now: the strict side.
    pub fn replay(&self, policies: &Policies, who: &Who, at: Tick, count: u32, now: Tick) {
        let at = at.min(now);
        let mut locked = self.lock(policies, who, now);
        for (_, policy, window) in locked.windows() {
            if at.plus(policy.period) > now {
                window.commit(&policy, count, at);
            }
        }
    }

    /// How many windows are kept, users and principals together.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.users
            .iter()
            .chain(&self.principals)
            .map(|shard| lock(shard).windows.len())
            .sum()
    }

    fn judge(
        &self,
        policies: &Policies,
        who: &Who,
        now: Tick,
        write: bool,
    ) -> Result<Standings, Box<Refusal>> {
        let mut locked = self.lock(policies, who, now);
        let mut refused: Option<(Scope, Policy, Duration)> = None;
        for (scope, policy, window) in locked.windows() {
            if let Err(wait) = window.check(&policy, 1, now)
                && refused.is_none_or(|(_, _, longest)| wait > longest)
            {
                refused = Some((scope, policy, wait));
            }
        }
        if refused.is_none() && write {
            for (_, policy, window) in locked.windows() {
                window.commit(&policy, 1, now);
            }
        }
        let mut standings = Standings::default();
        for (slot, (scope, policy, window)) in standings.entries.iter_mut().zip(locked.windows()) {
            *slot = Some((scope, policy, window.standing(&policy, now)));
        }
        match refused {
            None => Ok(standings),
            Some((scope, policy, wait)) => Err(Box::new(Refusal {
                scope,
                policy,
                wait,
                standings,
            })),
        }
    }

    fn lock(&self, policies: &Policies, who: &Who, now: Tick) -> Locked<'_> {
        let shard = |all: &'_ [Mutex<Shard>], key: u128| (key % all.len() as u128) as usize;
        Locked {
            user: policies
                .user
                .map(|p| (p, who.user, lock(&self.users[shard(&self.users, who.user)]))),
            principal: policies.principal.map(|p| {
                (
                    p,
                    who.principal,
                    lock(&self.principals[shard(&self.principals, who.principal)]),
                )
            }),
            global: policies.global.map(|p| (p, lock(&self.global))),
            now,
        }
    }
}

struct Locked<'a> {
    user: Option<(Policy, u128, MutexGuard<'a, Shard>)>,
    principal: Option<(Policy, u128, MutexGuard<'a, Shard>)>,
    global: Option<(Policy, MutexGuard<'a, Window>)>,
    now: Tick,
}

impl Locked<'_> {
    fn windows(&mut self) -> impl Iterator<Item = (Scope, Policy, &mut Window)> {
        let now = self.now;
        let user = self
            .user
            .as_mut()
            .map(|(p, key, shard)| (Scope::User, *p, shard.window(p, *key, now)));
        let principal = self
            .principal
            .as_mut()
            .map(|(p, key, shard)| (Scope::Principal, *p, shard.window(p, *key, now)));
        let global = self
            .global
            .as_mut()
            .map(|(p, window)| (Scope::Global, *p, &mut **window));
        [user, principal, global].into_iter().flatten()
    }
}

impl Shard {
    fn window(&mut self, policy: &Policy, key: u128, now: Tick) -> &mut Window {
        const FULL: usize = USERS_MAX / SHARDS;
        if !self.windows.contains_key(&key) {
            // Sweeping at doublings keeps the cost of forgetting constant per new user, until the shard is full.
            if self.windows.len() >= self.sweep_at.max(1024) {
                self.windows.retain(|_, window| !window.is_idle(policy, now));
                self.sweep_at = (self.windows.len() * 2).min(FULL);
            }
            if self.windows.len() >= FULL {
                return &mut self.crowd;
            }
        }
        self.windows.entry(key).or_default()
    }
}

/// A panic while a window was locked cannot leave it half-written (all writes are infallible arithmetic), so a
/// poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn policies(user: u32, global: u32) -> Policies {
        let policy = |count| {
            Some(Policy {
                count,
                period: Duration::from_secs(3600),
            })
        };
        Policies {
            user: policy(user),
            principal: None,
            global: policy(global),
        }
    }

    fn who(user: u128) -> Who {
        Who { user, principal: 7 }
    }

    #[test]
    fn sixty_four_threads_get_exactly_the_limit() {
        let limiter = Limiter::default();
        let policies = policies(100, 10_000);
        let admitted = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    for i in 0..50 {
                        if limiter.admit(&policies, &who(1), Tick(i)).is_ok() {
                            admitted.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(admitted.into_inner(), 100);
    }

    #[test]
    fn a_refusal_by_the_user_window_eats_nothing_of_the_global_one() {
        let limiter = Limiter::default();
        let policies = policies(1, 2);
        assert!(limiter.admit(&policies, &who(1), Tick(0)).is_ok());
        for _ in 0..5 {
            let refusal = limiter.admit(&policies, &who(1), Tick(1)).unwrap_err();
            assert_eq!(refusal.scope, Scope::User);
        }
        assert!(limiter.admit(&policies, &who(2), Tick(2)).is_ok());
        assert_eq!(
            limiter.admit(&policies, &who(3), Tick(3)).unwrap_err().scope,
            Scope::Global
        );
        assert!(limiter.peek(&policies, &who(2), Tick(4)).is_err());
    }

    #[test]
    fn what_the_ledger_remembers_counts_and_the_future_counts_as_now() {
        let limiter = Limiter::default();
        let policies = policies(3, 100);
        let now = Tick(10_000_000_000);
        limiter.replay(&policies, &who(1), Tick(9_999_000_000), 2, now);
        limiter.replay(&policies, &who(1), Tick(99_000_000_000), 1, now);
        let refusal = limiter.admit(&policies, &who(1), now).unwrap_err();
        assert!(refusal.wait <= Duration::from_secs(3600), "{:?}", refusal.wait);
    }

    #[test]
    fn idle_users_are_forgotten_and_invented_ones_share_a_window() {
        let limiter = Limiter::default();
        let policies = Policies {
            user: Some(Policy {
                count: 2,
                period: Duration::from_millis(1),
            }),
            ..Policies::default()
        };
        for i in 0..400_000_u64 {
            let _ = limiter.admit(&policies, &who(u128::from(i) * 77), Tick(i * 1000));
        }
        assert!(limiter.tracked() < 200_000, "{}", limiter.tracked());
    }
}
