//! E5, P1, P3: the places for calls in progress and the queue before them, of one agent or model or of one upstream.
//!
//! [`golive_resilience::queue`] decides who waits and whose turn it is; here they sleep and are woken. A caller that
//! leaves while it waits drops its future, and with it its ticket; one that was called in the same moment hands its
//! place on.
//!
//! Never: decides an order, or is locked across an await.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use golive_resilience::Tick;
use golive_resilience::concurrency::{Limit, LimitPolicy, Sign};
use golive_resilience::queue::{Called, Offer, Offered, Place, Priority, Queue, QueuePolicy, Reason, Ticket};
use golive_wire::ApiError;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::metrics::QueueMetrics;

/// Places and the queue before them.
#[derive(Debug)]
pub struct Room {
    state: Mutex<State>,
    metrics: QueueMetrics,
    /// How long one waits at most.
    wait: Duration,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    limit: Limit,
    waiting: HashMap<Ticket, oneshot::Sender<Place>>,
    tickets: u64,
}

/// Who asks for a place.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// How urgent it is.
    pub priority: Priority,
    /// Whose it is: turns are fair between these.
    pub principal: u64,
    /// When it must have a place.
    pub deadline: Tick,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    /// The queue is full, or another request took its place in it.
    Full(Duration),
    /// It would come too late.
    Late(Duration),
    /// It has waited as long as it may.
    TimedOut,
}

impl NoPlace {
    /// What the caller is told.
    #[must_use]
    pub fn error(self) -> ApiError {
        const FULL: &str = "Too many requests are in progress right now. Please try again in a moment.";
        match self {
            Self::Full(after) | Self::Late(after) => {
                ApiError::new(503, "queue_full", FULL).with_retry_after(after)
            }
            Self::TimedOut => ApiError::new(
                503,
                "queue_timeout",
                "This request waited for its turn for too long. Please try again in a moment.",
            )
            .with_retry_after(Duration::from_secs(1)),
        }
    }
}

impl Room {
    /// An empty room.
    #[must_use]
    pub fn new(policy: QueuePolicy, limit: LimitPolicy, metrics: QueueMetrics) -> Arc<Self> {
        let limit = Limit::new(limit);
        Arc::new(Self {
            wait: policy.wait,
            state: Mutex::new(State {
                queue: Queue::new(policy, limit.now()),
                limit,
                waiting: HashMap::new(),
                tickets: 0,
            }),
            metrics,
        })
    }

    /// A place, at once or in its turn.
    ///
    /// # Errors
    /// See [`NoPlace`].
    pub async fn enter(self: &Arc<Self>, ask: Ask, clock: &Clock) -> Result<Seat, NoPlace> {
        let now = clock.now();
        let (ticket, called) = {
            let mut state = self.lock();
            state.tickets += 1;
            let ticket = Ticket(state.tickets);
            let offer = Offer {
                ticket,
                priority: ask.priority,
                principal: ask.principal,
                deadline: ask.deadline,
                needs: Duration::ZERO,
            };
            match state.queue.offer(offer, now) {
                Offered::Admitted(place) => {
                    self.show(&state, now);
                    return Ok(self.seat(place, now));
                }
                Offered::Refused { why, retry_after } => {
                    self.metrics.overflowed.inc();
                    self.show(&state, now);
                    return Err(match why {
                        Reason::Full => NoPlace::Full(retry_after),
                        Reason::Late => NoPlace::Late(retry_after),
                    });
                }
                Offered::Queued { displaced } => {
                    if let Some(displaced) = displaced {
                        self.metrics.overflowed.inc();
                        state.waiting.remove(&displaced); // its sender is dropped, and it hears of it
                    }
                    let (call, called) = oneshot::channel();
                    state.waiting.insert(ticket, call);
                    self.show(&state, now);
                    (ticket, called)
                }
            }
        };
        let mut waiting = Waiting {
            room: self,
            ticket,
            called,
            clock,
        };
        let until = ask.deadline.min(now.plus(self.wait));
        match tokio::time::timeout_at(clock.instant_of(until), &mut waiting.called).await {
            Ok(Ok(place)) => Ok(self.seat(place, clock.now())),
            Ok(Err(_)) => Err(NoPlace::Full(Duration::from_secs(1))),
            Err(_) => {
                self.metrics.timed_out.inc();
                Err(NoPlace::TimedOut) // `waiting` takes the ticket out as it is dropped
            }
        }
    }

    /// Brings what metrics show up to date: a wish for more capacity ends without anybody coming.
    pub fn refresh(&self, now: Tick) {
        self.show(&self.lock(), now);
    }

    /// What a finished call showed of the load behind these places: an adaptive limit follows it.
    pub fn saw(&self, sign: Sign, began: Tick, now: Tick) {
        let mut state = self.lock();
        let in_flight = state.queue.gauges(now).in_flight;
        state.limit.finished(sign, began, in_flight, now);
        let limit = state.limit.now();
        state.queue.set_limit(limit);
        self.call(&mut state, now);
    }

    fn seat(self: &Arc<Self>, place: Place, now: Tick) -> Seat {
        Seat {
            room: Arc::clone(self),
            place: Some((place, now)),
        }
    }

    fn give_back(&self, place: Place, now: Tick) {
        let mut state = self.lock();
        state.queue.release(place, now);
        self.call(&mut state, now);
    }

    /// Wakes whoever's turn it is.
    fn call(&self, state: &mut State, now: Tick) {
        while let Some(called) = state.queue.next(now) {
            match called {
                // Its own timer tells it; here it only leaves the queue.
                Called::TimedOut(ticket) => drop(state.waiting.remove(&ticket)),
                Called::Start(ticket, place) => {
                    let place = match state.waiting.remove(&ticket) {
                        Some(waiter) => match waiter.send(place) {
                            Ok(()) => continue,
                            Err(place) => place,
                        },
                        None => place,
                    };
                    state.queue.release(place, now); // it has left in this very moment
                }
            }
        }
        self.show(state, now);
    }

    fn show(&self, state: &State, now: Tick) {
        let gauges = state.queue.gauges(now);
        self.metrics.length.set(i64::from(gauges.length));
        self.metrics.in_flight.set(i64::from(gauges.in_flight));
        self.metrics.places.set(i64::from(gauges.limit));
        self.metrics.oldest.set(gauges.oldest.as_secs_f64());
        let scale_out = state.queue.wants_scale_out(now);
        self.metrics.scale_out.set(i64::from(scale_out));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is a few calls of machines that do not panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A ticket in the queue. Dropped, it leaves the queue, with the place if it was called in the same moment.
struct Waiting<'r> {
    room: &'r Arc<Room>,
    ticket: Ticket,
    called: oneshot::Receiver<Place>,
    clock: &'r Clock,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let now = self.clock.now();
        {
            let mut state = self.room.lock();
            state.queue.leave(self.ticket);
            state.waiting.remove(&self.ticket);
            self.room.show(&state, now);
        }
        self.called.close();
        if let Ok(place) = self.called.try_recv() {
            self.room.give_back(place, now);
        }
    }
}

/// A place in use; free again when dropped.
#[derive(Debug)]
pub struct Seat {
    room: Arc<Room>,
    place: Option<(Place, Tick)>,
}

impl Seat {
    /// When the place was taken.
    #[must_use]
    pub fn since(&self) -> Option<Tick> {
        self.place.as_ref().map(|(_, since)| *since)
    }

    /// Gives the place back at this time.
    pub fn leave(mut self, now: Tick) {
        if let Some((place, _)) = self.place.take() {
            self.room.give_back(place, now);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some((place, since)) = self.place.take() {
            // The clock is not at hand in a drop; that the place was held for no time makes the queue a little too
            // hopeful, and only where a call was dropped before its end.
            self.room.give_back(place, since);
        }
    }
}
