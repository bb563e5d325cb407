//! The line before the model: who is served, who waits, who goes next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use super::{Flaw, SERVED, WAITING};

pub struct Line {
    flaw: Flaw,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    served: u32,
    waiting: Vec<Waiter>,
    /// When each user was last let through, by a running number.
    last: HashMap<String, u64>,
    number: u64,
    accepted: u64,
}

struct Waiter {
    id: u64,
    user: String,
    important: bool,
    go: oneshot::Sender<()>,
}

/// What became of a call when it came.
enum Came {
    Served,
    Refused,
    Lost,
    Waits(Waiting, oneshot::Receiver<()>),
}

/// A place at the model; given back when dropped.
pub struct Place {
    line: Arc<Line>,
}

/// A place in the line; given back when its caller leaves.
struct Waiting {
    line: Arc<Line>,
    id: u64,
}

impl Line {
    pub fn new(flaw: Flaw) -> Line {
        Line {
            flaw,
            state: Mutex::default(),
        }
    }

    /// A place at the model, after waiting for it; `None` if there is none to wait in.
    pub async fn enter(self: &Arc<Self>, user: String, important: bool) -> Option<Place> {
        let here = || Place {
            line: Arc::clone(self),
        };
        match self.come(user, important) {
            Came::Served => Some(here()),
            Came::Refused => None,
            Came::Lost => std::future::pending().await,
            Came::Waits(waiting, turn) => {
                let turn = turn.await;
                drop(waiting);
                turn.is_ok().then(here)
            }
        }
    }

    fn come(self: &Arc<Self>, user: String, important: bool) -> Came {
        let mut state = self.state.lock().unwrap();
        let served = if self.flaw == Flaw::NoQueue {
            u32::MAX
        } else {
            SERVED
        };
        if state.served < served {
            state.served += 1;
            state.through(user);
            return Came::Served;
        }
        if state.waiting.len() >= WAITING as usize && self.flaw != Flaw::NoBound {
            return Came::Refused;
        }
        let (go, turn) = oneshot::channel();
        state.accepted += 1;
        let id = state.accepted;
        if self.flaw == Flaw::LosesOneOfFive && id.is_multiple_of(5) {
            return Came::Lost;
        }
        state.waiting.push(Waiter {
            id,
            user,
            important,
            go,
        });
        let waiting = Waiting {
            line: Arc::clone(self),
            id,
        };
        Came::Waits(waiting, turn)
    }

    fn next(&self, state: &mut State) {
        let flaw = self.flaw;
        while let Some(at) = state.first(flaw) {
            let waiter = state.waiting.remove(at);
            state.through(waiter.user);
            // Who has left does not take the place.
            if waiter.go.send(()).is_ok() {
                return;
            }
        }
        state.served -= 1;
    }
}

impl State {
    fn through(&mut self, user: String) {
        self.number += 1;
        self.last.insert(user, self.number);
    }

    /// The important before the others, then the user who has not been let through for longest, then by arrival.
    fn first(&self, flaw: Flaw) -> Option<usize> {
        let key = |waiter: &Waiter| {
            let important = waiter.important && flaw != Flaw::IgnoresPriority;
            let last = match flaw {
                Flaw::FirstComeFirstServed => 0,
                _ => self.last.get(&waiter.user).copied().unwrap_or(0),
            };
            (!important, last, waiter.id)
        };
        (0..self.waiting.len()).min_by_key(|n| key(&self.waiting[*n]))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.line.state.lock().unwrap();
        self.line.next(&mut state);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.line.flaw != Flaw::KeepsThePlaceOfWhoLeft {
            let mut state = self.line.state.lock().unwrap();
            state.waiting.retain(|waiter| waiter.id != self.id);
        }
    }
}
