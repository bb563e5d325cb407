//! P6: one budget of money: how much of it is spent in the present period, and what is reserved for calls in flight.
//!
//! A call reserves the most it can cost before it is sent, and is settled with what it did cost. Reserved money counts
//! as spent until then, so that calls at the same time cannot spend the same dollar: as long as no call costs more than
//! it reserved, no more than the amount is ever spent. What a call costs beyond its reservation is counted all the same.
//!
//! Money belongs to the period in which it was reserved. A calendar period ends for all of it at once; a rolling one is
//! kept in [`SLICES`] slices, each of which counts until its youngest moment is a period old: the strict side.
//!
//! Never: reads a clock, forgets money early, or gives back more than was reserved.

use std::collections::VecDeque;
use std::time::Duration;

use crate::Tick;
use crate::calendar::{date_of, days_of};

/// Slices of a rolling period: money may count 1/256 of the period longer than it must (under 6 minutes of a day).
pub const SLICES: u32 = 256;

const DAY_US: i64 = 86_400_000_000;

/// For what time an amount is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From Monday's midnight on, as ISO 8601 counts weeks.
    Week,
    /// From the first's midnight on.
    Month,
    /// Any span of this length. Not zero.
    Rolling(Duration),
}

/// The rule of one budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What may be spent in each period, in any unit (golive: billionths of a dollar).
    pub amount: u64,
    /// For what time.
    pub period: Period,
    /// How far east of UTC the midnights are, in seconds; -86,400 to 86,400.
    pub offset_s: i32,
}

/// Why a call does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// With what is spent already it would cost too much.
    Spent {
        /// After this time it would fit, if nothing else is spent meanwhile.
        wait: Duration,
    },
    /// It would fit if calls in flight gave back what they reserved: asking again soon may help.
    InFlight,
    /// It may cost more than the whole amount: it never fits.
    Never,
}

/// How much of a budget is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Spent and settled in the present period.
    pub spent: u64,
    /// Reserved by calls in flight.
    pub reserved: u64,
    /// The time until something of it comes back (a rolling period) or all (a calendar one); zero if nothing is used.
    pub frees_in: Duration,
}

/// The state of one budget. Empty until something is reserved.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// In order of time.
    slots: VecDeque<Slot>,
}

/// Money reserved or spent in one slice of a period, or in one calendar period.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// When it began, microseconds.
    begins: u64,
    settled: u64,
    reserved: u64,
}

/// Where money was reserved. Needed to settle it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotId(u64);

impl Policy {
    /// Before this moment nothing counts any more at `now`: a ledger is read from here on.
    #[must_use]
    pub fn since(&self, now: Tick) -> Tick {
        match self.period {
            Period::Rolling(length) => Tick(now.0.saturating_sub(micros(length))),
            Period::Day | Period::Week | Period::Month => Tick(self.slot_of(now)),
        }
    }

    /// When the present calendar period ends; of a rolling one, when all that is spent now is forgotten.
    #[must_use]
    pub fn ends(&self, now: Tick) -> Tick {
        Tick(self.over_at(self.slot_of(now)))
    }

    /// How long a slice is that money is told apart by; zero: all of a period is one.
    #[must_use]
    pub fn slice(&self) -> Duration {
        match self.period {
            Period::Rolling(length) => Duration::from_micros(slice_us(length)),
            Period::Day | Period::Week | Period::Month => Duration::ZERO,
        }
    }

    /// The begin of the slot that a moment lies in.
    fn slot_of(&self, at: Tick) -> u64 {
        let local = |days: i64| {
            let begin = days
                .saturating_mul(DAY_US)
                .saturating_sub(i64::from(self.offset_s) * 1_000_000);
            u64::try_from(begin).unwrap_or(0)
        };
        let day = self.day_of(at);
        match self.period {
            Period::Day => local(day),
            // 1970-01-01 was a Thursday: the Monday before it is day -3.
            Period::Week => local((day + 3).div_euclid(7) * 7 - 3),
            Period::Month => {
                let (year, month, _) = date_of(day);
                local(days_of(year, month, 1))
            }
            Period::Rolling(length) => at.0 - at.0 % slice_us(length),
        }
    }

    /// When a slot that begins at `begins` counts no longer.
    fn over_at(&self, begins: u64) -> u64 {
        let day = self.day_of(Tick(begins));
        let after = |days: i64| {
            let moved = days
                .saturating_mul(DAY_US)
                .saturating_sub(i64::from(self.offset_s) * 1_000_000);
            u64::try_from(moved).unwrap_or(0)
        };
        match self.period {
            Period::Day => after(day + 1),
            Period::Week => after((day + 3).div_euclid(7) * 7 - 3 + 7),
            Period::Month => {
                let (year, month, _) = date_of(day);
                let (year, month) = if month == 12 {
                    (year + 1, 1)
                } else {
                    (year, month + 1)
                };
                after(days_of(year, month, 1))
            }
            Period::Rolling(length) => begins
                .saturating_add(slice_us(length))
                .saturating_add(micros(length)),
        }
    }

    /// The day in the budget's own time.
    fn day_of(&self, at: Tick) -> i64 {
        let local = i64::try_from(at.0)
            .unwrap_or(i64::MAX)
            .saturating_add(i64::from(self.offset_s) * 1_000_000);
        local.div_euclid(DAY_US)
    }
}

impl Budget {
    /// Whether a call that may cost `cost` fits now. Forgets what has expired, writes nothing else.
    ///
    /// # Errors
    /// Why it does not, and when it would.
    pub fn check(&mut self, policy: &Policy, cost: u64, now: Tick) -> Result<(), Over> {
        self.expire(policy, now);
        if cost > policy.amount {
            return Err(Over::Never);
        }
        let (settled, reserved) = self.sums();
        if settled.saturating_add(reserved).saturating_add(cost) <= policy.amount {
            return Ok(());
        }
        if settled.saturating_add(cost) <= policy.amount {
            return Err(Over::InFlight);
        }
        let mut to_free = settled.saturating_add(cost) - policy.amount;
        for slot in &self.slots {
            if slot.settled >= to_free {
                let at = Tick(policy.over_at(slot.begins));
                return Err(Over::Spent { wait: at.since(now) });
            }
            to_free -= slot.settled;
        }
        Err(Over::Never) // not reached: all that is settled is more than must be freed
    }

    /// Reserves `cost` and tells where. The caller has checked; this never refuses.
    pub fn reserve(&mut self, policy: &Policy, cost: u64, now: Tick) -> SlotId {
        let slot = self.slot_at(policy, now);
        slot.reserved = slot.reserved.saturating_add(cost);
        SlotId(slot.begins)
    }

    /// Replaces what was reserved by what was spent. If the slot has expired meanwhile, both are gone.
    pub fn settle(&mut self, at: SlotId, reserved: u64, spent: u64) {
        let found = self.slots.partition_point(|slot| slot.begins < at.0);
        if let Some(slot) = self.slots.get_mut(found).filter(|slot| slot.begins == at.0) {
            slot.reserved = slot.reserved.saturating_sub(reserved);
            slot.settled = slot.settled.saturating_add(spent);
        }
    }

    /// Counts what was spent at `at`, without asking: what a ledger remembers. `at` may lie before the latest; what
    /// has expired at `now` is left out, and what lies in the future counts as now.
    pub fn replay(&mut self, policy: &Policy, spent: u64, at: Tick, now: Tick) {
        let at = at.min(now);
        if Tick(policy.over_at(policy.slot_of(at))) > now {
            let slot = self.slot_at(policy, at);
            slot.settled = slot.settled.saturating_add(spent);
        }
    }

    /// How much is used now.
    pub fn standing(&mut self, policy: &Policy, now: Tick) -> Standing {
        self.expire(policy, now);
        let (spent, reserved) = self.sums();
        let first = self
            .slots
            .iter()
            .find(|slot| slot.settled > 0 || slot.reserved > 0);
        Standing {
            spent,
            reserved,
            frees_in: first.map_or(Duration::ZERO, |slot| {
                Tick(policy.over_at(slot.begins)).since(now)
            }),
        }
    }

    /// Nothing is spent or reserved any more: the state can be dropped.
    pub fn is_idle(&mut self, policy: &Policy, now: Tick) -> bool {
        self.expire(policy, now);
        self.slots
            .iter()
            .all(|slot| slot.settled == 0 && slot.reserved == 0)
    }

    fn sums(&self) -> (u64, u64) {
        self.slots.iter().fold((0, 0), |(settled, reserved), slot| {
            (
                settled.saturating_add(slot.settled),
                reserved.saturating_add(slot.reserved),
            )
        })
    }

    /// The slot of this moment, made if there is none.
    fn slot_at(&mut self, policy: &Policy, at: Tick) -> &mut Slot {
        let begins = policy.slot_of(at);
        let found = self.slots.partition_point(|slot| slot.begins < begins);
        if self.slots.get(found).is_none_or(|slot| slot.begins != begins) {
            self.slots.insert(
                found,
                Slot {
                    begins,
                    settled: 0,
                    reserved: 0,
                },
            );
        }
        &mut self.slots[found] // it was found or inserted there
    }

    fn expire(&mut self, policy: &Policy, now: Tick) {
        while self
            .slots
            .front()
            .is_some_and(|slot| policy.over_at(slot.begins) <= now.0)
        {
            self.slots.pop_front();
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn slice_us(length: Duration) -> u64 {
    (micros(length) / u64::from(SLICES)).max(1)
}

#[cfg(test)]
mod tests;
