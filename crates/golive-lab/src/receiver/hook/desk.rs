//! E3: one receiver's state: what reached it, and how it answers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{DELIVERIES_MAX, Deliveries, Delivery, RECEIVERS_MAX, Reception};
use crate::world::is_provider_name;

/// All receivers, by name.
#[derive(Default)]
pub(crate) struct Desks {
    all: Mutex<HashMap<String, Arc<Desk>>>,
}

/// One receiver.
#[derive(Default)]
pub(crate) struct Desk {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    deliveries: VecDeque<Delivery>,
    last: u64,
    dropped: u64,
    reception: Reception,
    /// By the lab's clock, in microseconds: then it takes what comes again.
    until_us: Option<u64>,
}

impl Desks {
    /// The receiver of that name, made at its first use; none if the name is not allowed or there are too many.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Desk>> {
        if !is_provider_name(name) {
            return None;
        }
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(desk) = all.get(name) {
            return Some(Arc::clone(desk));
        }
        if all.len() >= RECEIVERS_MAX {
            return None;
        }
        let desk = Arc::new(Desk::default());
        all.insert(name.to_owned(), Arc::clone(&desk));
        Some(desk)
    }

    /// All of them as at the start.
    pub(crate) fn reset(&self) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().for_each(|desk| desk.reset());
    }
}

impl Desk {
    /// How it answers at this moment.
    pub(crate) fn reception(&self, now_us: u64) -> Reception {
        let mut state = self.lock();
        if state.until_us.is_some_and(|until| now_us >= until) {
            state.reception = Reception::Takes;
            state.until_us = None;
        }
        state.reception
    }

    /// From now on it answers so, for a while if that is given.
    pub(crate) fn set(&self, reception: Reception, until_us: Option<u64>) {
        let mut state = self.lock();
        state.reception = reception;
        state.until_us = until_us;
    }

    /// Records a delivery and numbers it.
    pub(crate) fn record(&self, mut delivery: Delivery) {
        let mut state = self.lock();
        state.last += 1;
        delivery.seq = state.last;
        state.deliveries.push_back(delivery);
        if state.deliveries.len() > DELIVERIES_MAX {
            state.deliveries.pop_front();
            state.dropped += 1;
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// What came after this number.
    pub(crate) fn since(&self, since: u64) -> Deliveries {
        let state = self.lock();
        Deliveries {
            deliveries: state
                .deliveries
                .iter()
                .filter(|one| one.seq > since)
                .cloned()
                .collect(),
            last: state.last,
            dropped: state.dropped,
            reception: state.reception,
        }
    }

    /// The same, as soon as there are so many, or when the wait is over.
    pub(crate) async fn wait(&self, since: u64, count: usize, wait: Duration) -> Deliveries {
        let patience = tokio::time::sleep(wait);
        tokio::pin!(patience);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable(); // before looking: what changes meanwhile wakes us
            let found = self.since(since);
            if found.deliveries.len() >= count.max(1) || wait.is_zero() {
                return found;
            }
            tokio::select! {
                () = &mut patience => return self.since(since),
                () = changed => {}
            }
        }
    }

    /// Empty, and taking what comes. Numbers go on.
    pub(crate) fn reset(&self) {
        let mut state = self.lock();
        state.deliveries.clear();
        state.dropped = 0;
        state.reception = Reception::Takes;
        state.until_us = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // No code panics under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
