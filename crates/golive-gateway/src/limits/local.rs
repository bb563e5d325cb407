//! S2: the windows of this process: exact, bounded in memory, and of constant cost per call.
//!
//! Windows lie in shards behind a lock each. A call locks the shards of all its windows at once, in one order, checks
//! every window and then writes all or none, for nanoseconds; there is no lock over all users. Windows that count
//! nothing any more are forgotten by a hand that moves two places with each new one, so that no call ever sweeps.
//!
//! Both bounds err on the strict side. Beyond [`WINDOWS_MAX`] windows in a shard, callers that are not known yet share
//! one window per rule: together they get what one of them has. Beyond [`CELLS_MAX`] admissions to remember, a window
//! takes no new entry: its older admissions count as long as its newest.
//!
//! Never: forgets an admission early; waits for anything but its locks.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use golive_resilience::Tick;
use golive_resilience::window::{Standing, Window};

use super::backend::{Ask, Asked, Granted, Held, LimitBackend, Place, Then, at_once};
use super::{Item, Key, Refusal, Scope, Stand, Standings};

/// Windows in one shard: as many as a table of 32,768 buckets takes before it grows.
pub const WINDOWS_MAX: usize = 28_672;
/// Admissions remembered in one shard, 16 bytes each.
pub const CELLS_MAX: usize = 131_072;

/// Shards of users; together 1,835,008 windows.
const USER_SHARDS: u64 = 64;
/// Shards of principals.
const PRINCIPAL_SHARDS: u64 = 16;
/// Shards of teams, agents and models, whose number the configuration bounds.
const NAMED_SHARDS: u64 = 8;
/// The last one is everybody's, locked last and so held for the shortest time.
const SHARDS: u64 = USER_SHARDS + PRINCIPAL_SHARDS + NAMED_SHARDS + 1;

/// Places the hand looks at for each new window: with two it goes round before as many new ones have come.
const HAND_STEPS: usize = 2;
/// Places it looks at where a shard is full.
const HAND_STEPS_FULL: usize = 8;

/// All windows of this process.
#[derive(Debug)]
pub struct Local {
    shards: Vec<Mutex<Shard>>,
}

impl Default for Local {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }
}

impl LimitBackend for Local {
    fn judge(&self, ask: Ask, now: Tick) -> Asked<Result<Granted, Box<Refusal>>> {
        at_once(self.judge_now(&ask, now))
    }

    fn settle(&self, held: Held, real: u32, now: Tick) -> Asked<Standings> {
        at_once(self.settle_now(&held, real, now))
    }

    fn replay(&self, items: &[Item], at: Tick, now: Tick) {
        // A time in the future (the wall clock was stepped back meanwhile) counts as now: the strict side.
        let at = at.min(now);
        for item in items {
            if at.plus(item.rule.policy.period) > now {
                self.lock(shard_of(item)).commit(item, at);
            }
        }
    }

    fn tracked(&self) -> usize {
        (0..SHARDS).map(|shard| self.lock(shard).windows.len()).sum()
    }
}

impl Local {
    /// Checks every window, then writes all or none.
    ///
    /// # Errors
    /// The window that has no place, with the time until it has.
    pub fn judge_now(&self, ask: &Ask, now: Tick) -> Result<Granted, Box<Refusal>> {
        let mut locked = self.lock_all(&ask.items);
        let mut refused: Option<(&Item, Duration)> = None;
        for item in &ask.items {
            if let Err(wait) = locked.of(item).check(item, now)
                && refused.is_none_or(|(_, longest)| wait > longest)
            {
                refused = Some((item, wait));
            }
        }
        let mut places = Vec::new();
        if refused.is_none() && ask.then != Then::Look {
            let holds = matches!(ask.then, Then::Hold { .. });
            for item in &ask.items {
                let (window, at) = locked.of(item).commit(item, now);
                if holds {
                    places.push(Place {
                        item: *item,
                        window,
                        at,
                    });
                }
            }
        }
        let standings = locked.standings(ask.items.iter(), now);
        drop(locked);
        match refused {
            Some((item, wait)) => Err(Box::new(Refusal {
                rule: item.rule,
                cost: item.cost,
                wait,
                standings,
            })),
            None => Ok(Granted {
                standings,
                held: match ask.then {
                    Then::Hold { id, ttl } => Some(Held {
                        id,
                        until: now.plus(ttl),
                        places,
                    }),
                    Then::Look | Then::Count => None,
                },
            }),
        }
    }

    /// Replaces what was held by what was used.
    pub fn settle_now(&self, held: &Held, real: u32, now: Tick) -> Standings {
        let items: Vec<Item> = held.places.iter().map(|place| place.item).collect();
        let mut locked = self.lock_all(&items);
        for place in held.places.iter().filter(|_| now < held.until) {
            locked.of(&place.item).settle(place, real, now);
        }
        locked.standings(items.iter(), now)
    }

    /// Ascending, each once: two calls never wait for each other in a circle.
    fn lock_all(&self, items: &[Item]) -> Locked<'_> {
        let mut guards: Vec<(u64, MutexGuard<'_, Shard>)> = Vec::with_capacity(items.len());
        loop {
            let last = guards.last().map(|(shard, _)| *shard);
            let next = items
                .iter()
                .map(shard_of)
                .filter(|shard| last.is_none_or(|last| *shard > last))
                .min();
            let Some(next) = next else {
                return Locked(guards);
            };
            guards.push((next, self.lock(next)));
        }
    }

    /// A panic while a shard was locked cannot leave a window half-written (all writes are infallible arithmetic), so a
    /// poisoned lock is as good as any.
    fn lock(&self, shard: u64) -> MutexGuard<'_, Shard> {
        #[expect(clippy::cast_possible_truncation, reason = "a shard's number is small")]
        let shard = &self.shards[shard as usize];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shard_of(item: &Item) -> u64 {
    match item.rule.scope {
        Scope::User => item.key.part(USER_SHARDS),
        Scope::Principal => USER_SHARDS + item.key.part(PRINCIPAL_SHARDS),
        Scope::Team | Scope::Callee(_) => USER_SHARDS + PRINCIPAL_SHARDS + item.key.part(NAMED_SHARDS),
        Scope::Global => SHARDS - 1,
    }
}

struct Locked<'a>(Vec<(u64, MutexGuard<'a, Shard>)>);

impl Locked<'_> {
    fn of(&mut self, item: &Item) -> &mut Shard {
        let shard = shard_of(item);
        let at = self.0.partition_point(|(locked, _)| *locked < shard);
        &mut self.0[at].1 // `lock_all` locked the shard of every item
    }

    fn standings<'i>(&mut self, items: impl Iterator<Item = &'i Item>, now: Tick) -> Standings {
        let stand = |item: &Item| Stand {
            rule: item.rule,
            standing: self.of(item).standing(item, now),
        };
        Standings(items.map(stand).collect())
    }
}

#[derive(Debug, Default)]
struct Shard {
    windows: HashMap<Key, Kept, BuildHasherDefault<AsItIs>>,
    /// Every key of `windows` once; the front is under the hand.
    ring: VecDeque<Key>,
    cells: usize,
}

#[derive(Debug, Default)]
struct Kept {
    window: Window,
    idle_from: Tick,
}

impl Shard {
    fn check(&mut self, item: &Item, now: Tick) -> Result<(), Duration> {
        let policy = item.rule.policy;
        let key = self.place_of(item, now);
        let checked = self.touch(&key, |kept| kept.window.check(&policy, item.cost, now));
        checked.unwrap_or_else(|| Window::default().check(&policy, item.cost, now))
    }

    fn standing(&mut self, item: &Item, now: Tick) -> Standing {
        let policy = item.rule.policy;
        let key = self.place_of(item, now);
        self.touch(&key, |kept| kept.window.standing(&policy, now))
            .unwrap_or_else(|| Standing::untouched(&policy))
    }

    /// Writes, and tells where and under which time.
    fn commit(&mut self, item: &Item, now: Tick) -> (Key, Tick) {
        let policy = item.rule.policy;
        let key = self.place_of(item, now);
        if !self.windows.contains_key(&key) {
            self.turn(HAND_STEPS, now);
            self.windows.insert(key, Kept::default());
            self.ring.push_back(key);
        }
        let thrifty = self.cells >= CELLS_MAX;
        let at = self.touch(&key, |kept| {
            let at = kept.window.commit(&policy, item.cost, now, thrifty);
            kept.idle_from = kept.window.idle_from(&policy).unwrap_or(now);
            at
        });
        (key, at.unwrap_or(now))
    }

    fn settle(&mut self, place: &Place, real: u32, now: Tick) {
        let policy = place.item.rule.policy;
        let taken = place.item.cost;
        if real > taken {
            let more = Item {
                cost: real - taken,
                ..place.item
            };
            self.commit(&more, now);
            return;
        }
        self.touch(&place.window, |kept| {
            kept.window.give_back(place.at, taken - real);
            kept.idle_from = kept.window.idle_from(&policy).unwrap_or(now);
        });
    }

    /// The item's own window, or where there is no room for one, the one that all newcomers share.
    fn place_of(&mut self, item: &Item, now: Tick) -> Key {
        if self.windows.len() < WINDOWS_MAX || self.windows.contains_key(&item.key) {
            return item.key;
        }
        self.turn(HAND_STEPS_FULL, now);
        if self.windows.len() < WINDOWS_MAX {
            return item.key;
        }
        Key::of(&item.rule, CROWD)
    }

    fn touch<T>(&mut self, key: &Key, with: impl FnOnce(&mut Kept) -> T) -> Option<T> {
        let kept = self.windows.get_mut(key)?;
        let before = kept.window.cells();
        let told = with(kept);
        self.cells = self.cells - before + kept.window.cells();
        Some(told)
    }

    /// Moves the hand: what counts nothing any more is forgotten, the rest waits for its next round.
    fn turn(&mut self, steps: usize, now: Tick) {
        for _ in 0..steps.min(self.ring.len()) {
            let Some(key) = self.ring.pop_front() else { return };
            match self.windows.get(&key) {
                Some(kept) if kept.idle_from <= now => {
                    self.cells -= kept.window.cells();
                    self.windows.remove(&key);
                }
                _ => self.ring.push_back(key),
            }
        }
    }
}

/// Whose window newcomers share: no user's hash is all ones but by a chance of 2^-128.
const CROWD: u128 = u128::MAX;

/// Keys are random already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

#[cfg(test)]
mod tests;
