//! E3: conversations with agents: who holds one, whether a person has it, and how it comes to one.
//!
//! A conversation belongs to its owner, a principal and the person it calls for; its key is a keyed hash of both with
//! the name that the owner gave it, or with what the owner first said to the agent. So the same name of another owner
//! is another conversation, and nobody learns whether somebody else's is there.
//!
//! Never: asks an agent for whom a person has taken over, opens a second ticket, or promises a person before the
//! promise is kept in the store.

pub mod confidence;
pub mod deliver;
pub mod desk;
mod escalate;
mod event;
mod identity;
mod keeper;
mod spoken;
pub mod surface;
mod words;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use golive_resilience::Tick;
use golive_resilience::escalation::allowance::{self, Allowance};
use golive_resilience::escalation::{Conversation, State};
use golive_store::{ConversationKey, ConversationRecord, Store, TicketError, UserHash, Uuid};
use tokio::sync::{Notify, Semaphore, watch};

pub use deliver::{Hook, HookError};
pub(crate) use escalate::{Told, Trigger, mark, passed_on, trigger};
pub(crate) use identity::identify;
pub use keeper::keep;
pub(crate) use spoken::speak;

use crate::call::Call;
use crate::gateway::us;

/// Conversations in memory at once. Those that a person has, or in which an attempt failed, go last.
const KNOWN_MAX: usize = 1 << 14;
/// Open streams of events at once.
const STREAMS_MAX: usize = 1024;

/// All conversations that are in memory.
#[derive(Debug)]
pub struct Conversations {
    known: Mutex<HashMap<ConversationKey, Arc<Entry>>>,
    allowance: Mutex<Allowance>,
    streams: Arc<Semaphore>,
    /// An event was put into the outbox.
    posted: Notify,
}

/// Who holds a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The principal's id.
    pub principal: String,
    /// The person it calls for, if it says so.
    pub user: Option<UserHash>,
}

/// One conversation.
#[derive(Debug)]
pub struct Entry {
    /// Its key.
    pub key: ConversationKey,
    /// What its owner calls it.
    pub name: String,
    /// Whose it is.
    pub owner: Owner,
    /// Held while anything of it is decided and written: two failures at once are one after the other.
    inner: tokio::sync::Mutex<Inner>,
    with_person: AtomicBool,
    lasting: AtomicBool,
    used: AtomicU64,
    /// Changes with every message and every change of hands.
    news: watch::Sender<u64>,
}

#[derive(Clone, Debug, Default)]
struct Inner {
    machine: Conversation,
    /// `agent/NAME` it is held with.
    agent: String,
    ticket: Option<Uuid>,
    /// The code of the last failure.
    last_error: Option<&'static str>,
}

/// The conversation of a request.
#[derive(Debug)]
pub struct Held {
    /// Which one.
    pub entry: Arc<Entry>,
    /// What the user says now, if anything.
    pub said: Option<String>,
    /// The request, for what was said before.
    pub body: Bytes,
    /// The language the caller prefers.
    pub locale: Option<String>,
    /// The caller's SDK sends it again on its own: its failure was counted the first time.
    pub resent: bool,
    /// Whether usage was asked for at the end of a stream.
    pub include_usage: bool,
    /// A trigger of this request was weighed already.
    pub weighed: bool,
}

impl Conversations {
    /// Those that were kept: with a person, or with failed attempts.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn load(store: &Store) -> Result<Self, TicketError> {
        let mut known = HashMap::new();
        for record in store.conversations().await? {
            let entry = Entry::restored(&record);
            known.insert(record.key, Arc::new(entry));
        }
        Ok(Self {
            known: Mutex::new(known),
            allowance: Mutex::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            posted: Notify::new(),
        })
    }

    /// A conversation that is in memory.
    #[must_use]
    pub fn get(&self, key: &ConversationKey) -> Option<Arc<Entry>> {
        lock(&self.known).get(key).cloned()
    }

    /// The conversation of this key, made if it is not there; `None`: there is no place for one more.
    fn enter(
        &self,
        key: ConversationKey,
        (name, agent): (&str, &str),
        owner: &Owner,
        now: Tick,
    ) -> Option<Arc<Entry>> {
        let mut known = lock(&self.known);
        if let Some(entry) = known.get(&key) {
            entry.used.store(now.0, Ordering::Relaxed);
            return Some(Arc::clone(entry));
        }
        if known.len() >= KNOWN_MAX {
            forget_some(&mut known);
            if known.len() >= KNOWN_MAX {
                tracing::error!("too many conversations wait for a person: a new one cannot be escalated");
                return None;
            }
        }
        let inner = Inner {
            agent: agent.to_owned(),
            ..Inner::default()
        };
        let entry = Arc::new(Entry::new(key, name.to_owned(), owner.clone(), inner, now.0));
        known.insert(key, Arc::clone(&entry));
        Some(entry)
    }

    /// The conversation as it was kept, in memory from now on.
    fn adopt(&self, record: &ConversationRecord) -> Arc<Entry> {
        let mut known = lock(&self.known);
        let fresh = || Arc::new(Entry::restored(record));
        Arc::clone(known.entry(record.key).or_insert_with(fresh))
    }

    /// Whether one who is over a limit is listened to now; counts it if so.
    pub(crate) fn may_be_heard(&self, rule: &allowance::Rule, owner: u128, now: Tick) -> bool {
        lock(&self.allowance).take(rule, owner, now)
    }

    /// Wakes the delivery of events.
    fn post(&self) {
        self.posted.notify_one();
    }

    fn with_people(&self) -> Vec<Arc<Entry>> {
        let known = lock(&self.known);
        known
            .values()
            .filter(|entry| entry.is_with_a_person())
            .cloned()
            .collect()
    }
}

impl Entry {
    fn new(key: ConversationKey, name: String, owner: Owner, inner: Inner, used: u64) -> Self {
        Self {
            key,
            name,
            owner,
            with_person: AtomicBool::new(inner.machine.is_with_a_person()),
            lasting: AtomicBool::new(!inner.machine.failures().is_empty()),
            used: AtomicU64::new(used),
            news: watch::Sender::new(0),
            inner: tokio::sync::Mutex::new(inner),
        }
    }

    fn restored(record: &ConversationRecord) -> Self {
        let inner = Inner {
            machine: machine_of(record),
            agent: record.agent.clone(),
            ticket: record.ticket,
            last_error: None,
        };
        let owner = Owner {
            principal: record.principal.clone(),
            user: record.user_hash,
        };
        let used = u64::try_from(record.changed_us).unwrap_or(0);
        Self::new(record.key, record.name.clone(), owner, inner, used)
    }

    /// Whether a person has it. Cheap.
    #[must_use]
    pub fn is_with_a_person(&self) -> bool {
        self.with_person.load(Ordering::Acquire)
    }

    /// Takes over how it stands, and tells those who listen.
    fn settle(&self, inner: &mut Inner, next: Inner) {
        *inner = next;
        self.with_person
            .store(inner.machine.is_with_a_person(), Ordering::Release);
        self.lasting
            .store(!inner.machine.failures().is_empty(), Ordering::Relaxed);
        self.news.send_modify(|count| *count += 1);
    }

    fn record(&self, inner: &Inner, now: Tick) -> ConversationRecord {
        let tick = |tick: Tick| us(tick);
        let (since_us, until_us) = match inner.machine.state() {
            State::Bot | State::Assigned => (None, None),
            State::Offered { since, due } => (Some(us(since)), due.map(tick)),
            State::Snoozed { until } => (None, Some(us(until))),
        };
        ConversationRecord {
            key: self.key,
            name: self.name.clone(),
            principal: self.owner.principal.clone(),
            user_hash: self.owner.user,
            agent: inner.agent.clone(),
            state: inner.machine.state().as_str().to_owned(),
            since_us,
            until_us,
            active_us: us(inner.machine.active()),
            failures_us: inner.machine.failures().iter().copied().map(us).collect(),
            ticket: inner.ticket,
            changed_us: us(now),
        }
    }
}

fn machine_of(record: &ConversationRecord) -> Conversation {
    let tick = |us: i64| Tick(u64::try_from(us).unwrap_or(0));
    let state = match (record.state.as_str(), record.until_us) {
        ("offered", due) => State::Offered {
            since: tick(record.since_us.unwrap_or(record.changed_us)),
            due: due.map(tick),
        },
        ("assigned", _) => State::Assigned,
        ("snoozed", until) => State::Snoozed {
            until: tick(until.unwrap_or(0)),
        },
        _ => State::Bot,
    };
    let failures = record.failures_us.iter().copied().map(tick).collect();
    Conversation::restored(state, failures, tick(record.active_us))
}

/// Forgets an eighth of the conversations: the ones used longest ago that are nobody's but the bot's.
fn forget_some(known: &mut HashMap<ConversationKey, Arc<Entry>>) {
    let mut idle: Vec<(u64, ConversationKey)> = known
        .values()
        .filter(|entry| !entry.is_with_a_person() && Arc::strong_count(entry) == 1)
        .map(|entry| {
            // What has failed attempts can be read again only at a start: it is forgotten after all others.
            let lasting = u64::from(entry.lasting.load(Ordering::Relaxed)) << 63;
            (entry.used.load(Ordering::Relaxed) | lasting, entry.key)
        })
        .collect();
    let some = (KNOWN_MAX / 8).min(idle.len());
    if some > 0 && some < idle.len() {
        idle.select_nth_unstable(some);
    }
    for (_, key) in idle.into_iter().take(some) {
        known.remove(&key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whole values are written under these locks: none can be left half-written.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The owner of a request.
pub(crate) fn owner_of(call: &Call) -> Option<Owner> {
    let principal = call.principal.as_ref()?;
    Some(Owner {
        principal: principal.id.clone(),
        user: call.user,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner {
            principal: "key_1".into(),
            user: None,
        }
    }

    #[test]
    fn memory_is_bounded_and_a_person_s_conversation_is_never_forgotten() {
        let all = Conversations {
            known: Mutex::default(),
            allowance: Mutex::default(),
            streams: Arc::new(Semaphore::new(1)),
            posted: Notify::new(),
        };
        let key = |n: u64| {
            let mut key = [0; 16];
            key[..8].copy_from_slice(&n.to_be_bytes());
            key
        };
        let first = all
            .enter(key(0), ("first", "agent/a"), &owner(), Tick(0))
            .unwrap();
        first.with_person.store(true, Ordering::Release);
        drop(first);
        for n in 1..2 * KNOWN_MAX as u64 {
            assert!(all.enter(key(n), ("one", "agent/a"), &owner(), Tick(n)).is_some());
        }
        assert!(lock(&all.known).len() <= KNOWN_MAX);
        assert!(all.get(&key(0)).is_some(), "a person has it");
        assert!(all.get(&key(1)).is_none(), "used longest ago");
        assert!(all.get(&key(2 * KNOWN_MAX as u64 - 1)).is_some());
    }

    #[test]
    fn what_is_kept_is_read_back_the_same() {
        let entry = Entry::new([1; 16], "one".into(), owner(), Inner::default(), 0);
        let policy = golive_resilience::escalation::Policy::default();
        let mut inner = Inner {
            agent: "agent/a".into(),
            ..Inner::default()
        };
        for at in 1..=3 {
            let _ = inner.machine.failed(&policy, Tick(at));
        }
        let record = entry.record(&inner, Tick(9));
        assert_eq!(machine_of(&record), inner.machine);
        assert!(inner.machine.snooze(Tick(500)));
        assert_eq!(machine_of(&entry.record(&inner, Tick(9))), inner.machine);
        assert!(inner.machine.resolve());
        assert_eq!(machine_of(&entry.record(&inner, Tick(9))), inner.machine);
    }
}
