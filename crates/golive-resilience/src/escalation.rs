//! E3: when a conversation goes to a person, whose it is then, and when it comes back to the bot.
//!
//! States: bot → offered → assigned → (snoozed) → resolved, which is bot again. A trigger counts once: whatever comes
//! while a person has the conversation changes nothing. Failures are forgotten after a time, and all of them when a
//! person has resolved the conversation.
//!
//! Never: reads a clock, keeps a text, or offers a conversation twice.

pub mod allowance;
pub mod hours;

use std::time::Duration;

use crate::Tick;

/// Failures remembered of one conversation, whatever the policy asks for.
pub const FAILURES_MAX: usize = 100;

/// When a conversation goes to a person, and how long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Failed attempts after which a person takes over.
    pub attempts: u32,
    /// A failure is forgotten after this time.
    pub attempts_within: Duration,
    /// An answer whose confidence is below this goes to a person; in millionths, so that equal is equal.
    pub confidence_min: u32,
    /// A person should have answered after this time; then it is overdue.
    pub answer_within: Duration,
    /// A conversation in which nobody has said anything for this time is the bot's again.
    pub idle: Duration,
}

impl Default for Policy {
    /// The checklist's numbers, and ours where it has none.
    fn default() -> Self {
        Self {
            attempts: 3,
            attempts_within: Duration::from_secs(24 * 3600),
            confidence_min: 500_000,
            answer_within: Duration::from_secs(15 * 60),
            idle: Duration::from_secs(72 * 3600),
        }
    }
}

/// Why a conversation goes to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The user asked for one.
    UserAsked,
    /// So many attempts failed.
    FailedAttempts(u32),
    /// The agent's answer was below the least confidence; in millionths.
    LowConfidence(u32),
    /// An operator took it.
    Operator,
}

impl Reason {
    /// Its code in events and in the store.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::UserAsked => "user_asked",
            Self::FailedAttempts(_) => "failed_attempts",
            Self::LowConfidence(_) => "low_confidence",
            Self::Operator => "operator",
        }
    }
}

/// Whose a conversation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// The agent's.
    #[default]
    Bot,
    /// Offered to people; none has answered.
    Offered {
        /// Since then.
        since: Tick,
        /// A person should have answered by then; `None`: that was told already.
        due: Option<Tick>,
    },
    /// A person has answered.
    Assigned,
    /// A person put it off.
    Snoozed {
        /// Until then.
        until: Tick,
    },
}

impl State {
    /// Its word in the store and for operators.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Offered { .. } => "offered",
            Self::Assigned => "assigned",
            Self::Snoozed { .. } => "snoozed",
        }
    }
}

/// What time brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// Nobody answered in time. Said once per offer.
    Overdue,
    /// It is no longer put off: it waits for a person again.
    Woken,
    /// Nobody said anything for so long that it is the bot's again.
    Idle,
}

/// One conversation, as far as escalation goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    state: State,
    /// When attempts failed, oldest first.
    failures: Vec<Tick>,
    /// When anybody said anything in it, while it is a person's.
    active: Tick,
}

impl Conversation {
    /// One as it was kept.
    #[must_use]
    pub fn restored(state: State, mut failures: Vec<Tick>, active: Tick) -> Self {
        failures.sort_unstable();
        if failures.len() > FAILURES_MAX {
            failures.drain(..failures.len() - FAILURES_MAX);
        }
        Self {
            state,
            failures,
            active,
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether a person has it: then the agent is not asked.
    #[must_use]
    pub fn is_with_a_person(&self) -> bool {
        self.state != State::Bot
    }

    /// When attempts failed, oldest first.
    #[must_use]
    pub fn failures(&self) -> &[Tick] {
        &self.failures
    }

    /// When anybody last said anything, while it is a person's.
    #[must_use]
    pub fn active(&self) -> Tick {
        self.active
    }

    /// An attempt to answer failed. `Some`: that was one too many, and a person has it from now on.
    #[must_use]
    pub fn failed(&mut self, policy: &Policy, now: Tick) -> Option<Reason> {
        if self.is_with_a_person() {
            return None;
        }
        self.failures.retain(|at| now.since(*at) < policy.attempts_within);
        if self.failures.len() >= FAILURES_MAX {
            self.failures.remove(0);
        }
        self.failures.push(now);
        let count = u32::try_from(self.failures.len()).unwrap_or(u32::MAX);
        if count < policy.attempts {
            return None;
        }
        self.offer(policy, Reason::FailedAttempts(count), now)
    }

    /// The user asked for a person. `Some`: a person has it from now on; `None`: one had it already.
    #[must_use]
    pub fn asked(&mut self, policy: &Policy, now: Tick) -> Option<Reason> {
        self.offer(policy, Reason::UserAsked, now)
    }

    /// The agent answered with this confidence (millionths). `Some`: it was too little.
    #[must_use]
    pub fn answered_with(&mut self, policy: &Policy, confidence: u32, now: Tick) -> Option<Reason> {
        if confidence >= policy.confidence_min {
            return None;
        }
        self.offer(policy, Reason::LowConfidence(confidence), now)
    }

    /// An operator takes it unasked.
    #[must_use]
    pub fn taken(&mut self, policy: &Policy, now: Tick) -> Option<Reason> {
        self.offer(policy, Reason::Operator, now)
    }

    /// The user said something while a person has it.
    pub fn spoke(&mut self, now: Tick) {
        if self.is_with_a_person() {
            self.active = self.active.max(now);
        }
    }

    /// An operator answered. False: it is not a person's.
    pub fn answered(&mut self, now: Tick) -> bool {
        if !self.is_with_a_person() {
            return false;
        }
        self.state = State::Assigned;
        self.active = self.active.max(now);
        true
    }

    /// An operator puts it off. False: it is not a person's.
    pub fn snooze(&mut self, until: Tick) -> bool {
        if !self.is_with_a_person() {
            return false;
        }
        self.state = State::Snoozed { until };
        self.active = self.active.max(until);
        true
    }

    /// It is done with: the bot's again, and what failed before is forgotten. False: it was the bot's.
    pub fn resolve(&mut self) -> bool {
        let was = self.is_with_a_person();
        *self = Self::default();
        was
    }

    /// What time has brought, at most one thing at a time: ask again until nothing comes.
    #[must_use]
    pub fn pass(&mut self, policy: &Policy, now: Tick) -> Option<Passed> {
        match self.state {
            State::Bot => None,
            State::Offered {
                since,
                due: Some(due),
            } if due <= now => {
                self.state = State::Offered { since, due: None };
                Some(Passed::Overdue)
            }
            State::Snoozed { until } if until <= now => {
                self.state = State::Offered {
                    since: until,
                    due: Some(now.plus(policy.answer_within)),
                };
                Some(Passed::Woken)
            }
            State::Snoozed { .. } => None,
            State::Offered { .. } | State::Assigned if now.since(self.active) >= policy.idle => {
                self.resolve();
                Some(Passed::Idle)
            }
            State::Offered { .. } | State::Assigned => None,
        }
    }

    fn offer(&mut self, policy: &Policy, reason: Reason, now: Tick) -> Option<Reason> {
        if self.is_with_a_person() {
            return None;
        }
        self.state = State::Offered {
            since: now,
            due: Some(now.plus(policy.answer_within)),
        };
        self.active = now;
        Some(reason)
    }
}

#[cfg(test)]
mod tests;
