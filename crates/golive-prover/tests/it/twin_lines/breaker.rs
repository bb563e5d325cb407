//! The twin's breaker: a state, a clock that is handed in, and leases.

use std::time::{Duration, Instant};

use super::{Flaw, Settings};

#[derive(Debug, Default)]
pub struct Breaker {
    state: State,
    generation: u64,
}

#[derive(Debug)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    HalfOpen {
        successes: u32,
        trials: u32,
        since: Instant,
    },
}

impl Default for State {
    fn default() -> State {
        State::Closed { failures: 0 }
    }
}

/// Leave for one attempt.
#[derive(Debug, Clone, Copy)]
pub struct Leave {
    generation: u64,
}

impl Breaker {
    /// Leave, or how long it is still open.
    pub fn admit(&mut self, flaw: Flaw, settings: &Settings, now: Instant) -> Result<Leave, Duration> {
        if let State::Open { until } = self.state {
            if now < until {
                return Err(until - now);
            }
            self.enter(State::HalfOpen {
                successes: 0,
                trials: 0,
                since: now,
            });
        }
        if let State::HalfOpen { trials, since, .. } = &mut self.state {
            let most = if flaw == Flaw::TwoProbes { 2 } else { 1 };
            // A trial that never reports back is replaced when its lease is over.
            let over = now.duration_since(*since) > settings.open * 4 && flaw != Flaw::HungProbeBlocks;
            if *trials >= most && !over {
                return Err(Duration::from_secs(1));
            }
            *trials = if over { 1 } else { *trials + 1 };
            *since = now;
        }
        Ok(Leave {
            generation: self.generation,
        })
    }

    pub fn record(&mut self, leave: Leave, good: bool, flaw: Flaw, settings: &Settings, now: Instant) {
        if leave.generation != self.generation || flaw == Flaw::NeverOpens {
            return;
        }
        let limit = match flaw {
            Flaw::CountsSix => settings.failures + 1,
            Flaw::OpensTooEarly => settings.failures - 1,
            _ => settings.failures,
        };
        let open = match flaw {
            Flaw::ProbesTooEarly => settings.open / 3,
            _ => settings.open,
        };
        let next = match (&mut self.state, good) {
            (State::Closed { failures }, true) => {
                if flaw != Flaw::CountsAll {
                    *failures = 0;
                }
                None
            }
            (State::Closed { failures }, false) => {
                *failures += 1;
                (*failures >= limit).then_some(State::Open { until: now + open })
            }
            (
                State::HalfOpen {
                    successes, trials, ..
                },
                true,
            ) => {
                *trials = trials.saturating_sub(1);
                *successes += 1;
                let wanted = match flaw {
                    Flaw::NeverCloses => u32::MAX,
                    Flaw::ClosesAtOnce => 1,
                    _ => settings.successes,
                };
                (*successes >= wanted).then_some(State::Closed { failures: 0 })
            }
            (State::HalfOpen { .. }, false) if flaw == Flaw::FailedProbeCloses => {
                Some(State::Closed { failures: 0 })
            }
            (State::HalfOpen { .. }, false) => Some(State::Open { until: now + open }),
            (State::Open { .. }, _) => None,
        };
        if let Some(next) = next {
            self.enter(next);
        }
    }

    /// The attempt says nothing of the provider: the caller left, or asked for something wrong.
    pub fn release(&mut self, leave: Leave) {
        if leave.generation == self.generation
            && let State::HalfOpen { trials, .. } = &mut self.state
        {
            *trials = trials.saturating_sub(1);
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
    }
}
