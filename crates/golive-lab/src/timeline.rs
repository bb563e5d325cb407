//! P2, P3, P4, S2, S3: the record of all that reached the lab, in order, bounded, and open to questions
//! while it is being written.
//!
//! Never: grows past its bounds, forgets silently (it counts what it dropped), or keeps a writer waiting
//! while a reader searches through bodies.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tokio::sync::Notify;

use crate::arrival::{Arrival, BodyEncoding, Counts, Outcome, Page, ProviderCounts, Query, State};
use crate::clock::Clock;
use crate::nonce::format_nonce;
use crate::redact::hex;

/// Most arrivals that the timeline holds.
pub const TIMELINE_LEN_MAX: usize = 200_000;
/// Most bytes of headers, bodies and bookkeeping that the timeline holds: large bodies shorten it.
pub const TIMELINE_BYTES_MAX: usize = 256 << 20;
/// Most bytes of one body that are kept.
pub(crate) const BODY_KEPT_MAX: usize = 64 << 10;
/// Most arrivals in one page.
pub(crate) const PAGE_MAX: usize = 10_000;

/// All that reached the lab; see [`crate::Lab::timeline`].
pub struct Timeline {
    ring: Mutex<Ring>,
    changed: Notify,
    clock: Clock,
}

/// What is known of a request when it has been read; never changes.
pub(crate) struct Head {
    pub(crate) at_us: u64,
    pub(crate) provider: ProviderId,
    pub(crate) method: http::Method,
    pub(crate) path: Box<str>,
    pub(crate) model: Option<Box<str>>,
    pub(crate) headers: Box<str>,
    pub(crate) body: Bytes,
    pub(crate) body_len: u64,
    pub(crate) body_sha256: Option<[u8; 32]>,
    pub(crate) stream: bool,
    pub(crate) connection_id: u64,
}

/// A provider's place in the counts, and its name.
#[derive(Clone)]
pub(crate) struct ProviderId {
    pub(crate) index: usize,
    pub(crate) name: Arc<str>,
}

/// How far a request has come.
#[derive(Clone)]
pub(crate) struct Progress {
    pub(crate) fault: Option<Arc<str>>,
    pub(crate) status: Option<u16>,
    pub(crate) outcome: Outcome,
    pub(crate) first_byte_at_us: Option<u64>,
    pub(crate) finished_at_us: Option<u64>,
    pub(crate) client_gone_at_us: Option<u64>,
    pub(crate) nonce: Option<u64>,
    pub(crate) tokens_in: u64,
    pub(crate) tokens_out: u64,
}

/// An arrival's place in the timeline, by which its progress is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) seq: u64,
    provider: usize,
    epoch: u64,
}

struct Ring {
    slots: VecDeque<Slot>,
    /// `seq` of the first slot.
    first: u64,
    bytes: usize,
    dropped: u64,
    counts: Vec<(Arc<str>, ProviderCounts)>,
    /// Counts of requests from before a reset are not written into the counts after it.
    epoch: u64,
}

struct Slot {
    head: Arc<Head>,
    progress: Progress,
}

impl Timeline {
    pub(crate) fn new(clock: Clock) -> Self {
        let ring = Ring {
            slots: VecDeque::new(),
            first: 1,
            bytes: 0,
            dropped: 0,
            counts: Vec::new(),
            epoch: 0,
        };
        Timeline {
            ring: Mutex::new(ring),
            changed: Notify::new(),
            clock,
        }
    }

    /// Records a request; an arrival over the bounds pushes out the oldest.
    pub(crate) fn push(&self, head: Head, progress: Progress) -> Place {
        let provider = head.provider.clone();
        let slot = Slot {
            head: Arc::new(head),
            progress,
        };
        let mut ring = self.lock();
        ring.bytes += slot.cost();
        ring.slots.push_back(slot);
        let seq = ring.first + ring.slots.len() as u64 - 1;
        let mut pushed_out = None;
        while ring.slots.len() > TIMELINE_LEN_MAX || ring.bytes > TIMELINE_BYTES_MAX {
            let Some(oldest) = ring.slots.pop_front() else {
                break;
            };
            ring.bytes -= oldest.cost();
            ring.first += 1;
            ring.dropped += 1;
            pushed_out = Some(oldest);
        }
        if ring.counts.len() <= provider.index {
            ring.counts
                .resize_with(provider.index + 1, || (Arc::from(""), ProviderCounts::default()));
        }
        let (name, counts) = &mut ring.counts[provider.index];
        if name.is_empty() {
            *name = provider.name;
        }
        counts.arrived += 1;
        counts.in_flight += 1;
        let epoch = ring.epoch;
        drop(ring);
        drop(pushed_out); // freed outside the lock
        self.changed.notify_waiters();
        Place {
            seq,
            provider: provider.index,
            epoch,
        }
    }

    /// Writes progress that is not the end.
    pub(crate) fn update(&self, place: Place, write: impl FnOnce(&mut Progress)) {
        let mut ring = self.lock();
        if let Some(slot) = ring.slot(place.seq) {
            write(&mut slot.progress);
        }
        drop(ring);
        self.changed.notify_waiters();
    }

    /// Writes the end of a request. To be called once.
    pub(crate) fn finish(&self, place: Place, outcome: Outcome, tokens: Tokens) {
        let now = self.clock.now_us();
        let mut ring = self.lock();
        if let Some(slot) = ring.slot(place.seq) {
            slot.progress.outcome = outcome;
            slot.progress.finished_at_us = Some(now);
            if outcome == Outcome::ClientGone {
                slot.progress.client_gone_at_us = Some(now);
            }
        }
        if ring.epoch == place.epoch {
            let (_, counts) = &mut ring.counts[place.provider];
            counts.in_flight -= 1;
            counts.tokens_in += tokens.input;
            counts.tokens_out += tokens.output;
            match outcome {
                Outcome::Answered => counts.answered += 1,
                Outcome::ClientGone => counts.client_gone += 1,
                _ => counts.cut += 1,
            }
        }
        drop(ring);
        self.changed.notify_waiters();
    }

    /// The arrivals that match now.
    pub fn page(&self, query: &Query) -> Page {
        let limit = query.limit.clamp(1, PAGE_MAX);
        let mut arrivals = Vec::new();
        let mut next = query.since;
        let mut more = false;
        self.scan(query, query.since, |seq, head, progress| {
            if arrivals.len() == limit {
                more = true;
                return false;
            }
            arrivals.push(render(seq, head, progress, query.brief));
            next = seq;
            true
        });
        let ring = self.lock();
        Page {
            arrivals,
            next,
            more,
            dropped: ring.dropped,
            oldest: ring.first,
            now_us: self.clock.now_us(),
        }
    }

    /// The arrivals that match as soon as there are [`Query::count`] of them, or whatever there is when
    /// [`Query::wait`] is over.
    pub async fn wait(&self, query: &Query) -> Page {
        let wanted = query.count.clamp(1, query.limit.clamp(1, PAGE_MAX));
        let patience = tokio::time::sleep(query.wait);
        tokio::pin!(patience);
        let mut found = 0;
        let mut scanned = query.since;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable(); // before looking: what changes meanwhile wakes us
            if query.state != State::Arrived {
                // Arrivals seen before may have come further since.
                (found, scanned) = (0, query.since);
            }
            self.scan(query, scanned, |seq, _, _| {
                found += 1;
                scanned = seq;
                found < wanted
            });
            if found >= wanted || query.wait.is_zero() {
                return self.page(query);
            }
            tokio::select! {
                () = &mut patience => return self.page(query),
                () = changed => {}
            }
            // A watcher of a lab under full load looks a thousand times a second, not a hundred thousand.
            tokio::time::sleep(SCAN_INTERVAL).await;
        }
    }

    /// Totals, exact also where arrivals have been dropped.
    pub fn counts(&self) -> Counts {
        let ring = self.lock();
        Counts {
            seq: ring.first + ring.slots.len() as u64 - 1,
            now_us: self.clock.now_us(),
            providers: ring
                .counts
                .iter()
                .filter(|(name, _)| !name.is_empty())
                .map(|(name, counts)| (name.to_string(), *counts))
                .collect(),
        }
    }

    /// Forgets all arrivals; `seq` goes on. The counts stay.
    pub fn clear(&self) {
        let mut ring = self.lock();
        ring.first += ring.slots.len() as u64;
        ring.bytes = 0;
        let slots = std::mem::take(&mut ring.slots);
        drop(ring);
        drop(slots);
    }

    /// Forgets all arrivals and counts; `seq` goes on.
    pub(crate) fn reset(&self) {
        self.clear();
        let mut ring = self.lock();
        ring.dropped = 0;
        ring.epoch += 1;
        for (_, counts) in &mut ring.counts {
            *counts = ProviderCounts::default();
        }
    }

    /// Shows the matching arrivals after `since` to `visit`, in order, until it returns false. Bodies are
    /// searched outside the lock.
    fn scan(&self, query: &Query, since: u64, mut visit: impl FnMut(u64, &Head, &Progress) -> bool) {
        let mut from = since + 1;
        loop {
            let batch: Vec<(u64, Arc<Head>, Progress)> = {
                let ring = self.lock();
                from = from.max(ring.first);
                let skip = usize::try_from(from - ring.first).unwrap_or(usize::MAX);
                let looked_at = ring.slots.iter().enumerate().skip(skip).take(SCAN_BATCH);
                let batch = looked_at
                    .filter(|(_, slot)| query.is_for(slot))
                    .map(|(n, slot)| (ring.first + n as u64, slot.head.clone(), slot.progress.clone()))
                    .collect();
                if skip >= ring.slots.len() {
                    return;
                }
                from += SCAN_BATCH as u64;
                batch
            };
            for (seq, head, progress) in &batch {
                let holds = query.contains.as_deref().is_none_or(|text| head.holds(text));
                if holds && !visit(*seq, head, progress) {
                    return;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        // No code panics under the lock; and if it did, a record half written is better than none.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn slot(&mut self, seq: u64) -> Option<&mut Slot> {
        let at = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.slots.get_mut(at)
    }
}

impl Slot {
    fn cost(&self) -> usize {
        let head = &self.head;
        let model = head.model.as_deref().map_or(0, str::len);
        SLOT_COST + head.path.len() + model + head.headers.len() + head.body.len()
    }
}

impl Head {
    fn holds(&self, text: &str) -> bool {
        self.path.contains(text) || self.headers.contains(text) || contains(&self.body, text.as_bytes())
    }
}

impl Progress {
    pub(crate) fn open() -> Self {
        Progress {
            fault: None,
            status: None,
            outcome: Outcome::Open,
            first_byte_at_us: None,
            finished_at_us: None,
            client_gone_at_us: None,
            nonce: None,
            tokens_in: 0,
            tokens_out: 0,
        }
    }
}

/// What a request adds to the counts at its end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) output: u64,
}

impl Query {
    fn is_for(&self, slot: &Slot) -> bool {
        let progress = &slot.progress;
        let come = match self.state {
            State::Arrived => true,
            State::FirstByte => progress.first_byte_at_us.is_some(),
            State::Finished => progress.finished_at_us.is_some(),
            State::ClientGone => progress.client_gone_at_us.is_some(),
        };
        come && self
            .provider
            .as_deref()
            .is_none_or(|name| *slot.head.provider.name == *name)
    }
}

/// Whether `needle` stands in `hay`.
pub(crate) fn contains(hay: &[u8], needle: &[u8]) -> bool {
    match std::str::from_utf8(hay) {
        // The standard library's search in text is linear; by windows is the way for the odd rest.
        Ok(hay) => std::str::from_utf8(needle).is_ok_and(|needle| hay.contains(needle)),
        Err(_) => needle.is_empty() || hay.windows(needle.len()).any(|window| window == needle),
    }
}

fn render(seq: u64, head: &Head, progress: &Progress, brief: bool) -> Arrival {
    let headers = head.headers.lines().filter_map(|line| line.split_once(": "));
    let (body, body_encoding) = match std::str::from_utf8(&head.body) {
        _ if brief => (String::new(), BodyEncoding::Text),
        Ok(text) => (text.to_owned(), BodyEncoding::Text),
        // Cut within a character: still a text.
        Err(broken) if broken.error_len().is_none() && head.body_sha256.is_some() => (
            String::from_utf8_lossy(&head.body[..broken.valid_up_to()]).into_owned(),
            BodyEncoding::Text,
        ),
        Err(_) => (STANDARD.encode(&head.body), BodyEncoding::Base64),
    };
    Arrival {
        seq,
        at_us: head.at_us,
        provider: head.provider.name.to_string(),
        method: head.method.to_string(),
        path: head.path.to_string(),
        model: head.model.as_deref().map(str::to_owned),
        headers: if brief {
            Vec::new()
        } else {
            headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        },
        body,
        body_encoding,
        body_len: head.body_len,
        body_sha256: head.body_sha256.as_ref().map(|hash| hex(hash)),
        stream: head.stream,
        fault: progress.fault.as_deref().map(str::to_owned),
        status: progress.status,
        outcome: progress.outcome,
        first_byte_at_us: progress.first_byte_at_us,
        finished_at_us: progress.finished_at_us,
        client_gone_at_us: progress.client_gone_at_us,
        nonce: progress.nonce.map(format_nonce),
        tokens_in: progress.tokens_in,
        tokens_out: progress.tokens_out,
        connection_id: head.connection_id,
    }
}

/// Bookkeeping of one arrival: the two structs and their allocations.
const SLOT_COST: usize = size_of::<Slot>() + size_of::<Head>() + 64;
/// Arrivals looked at under one lock: about 20 µs.
const SCAN_BATCH: usize = 512;
/// See [`Timeline::wait`].
const SCAN_INTERVAL: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn head(body: &'static [u8]) -> Head {
        Head {
            at_us: 0,
            provider: ProviderId {
                index: 0,
                name: Arc::from("a"),
            },
            method: http::Method::POST,
            path: "/v1/chat/completions".into(),
            model: None,
            headers: "content-type: application/json\n".into(),
            body: Bytes::from_static(body),
            body_len: body.len() as u64,
            body_sha256: None,
            stream: false,
            connection_id: 1,
        }
    }

    #[test]
    fn the_timeline_is_bounded_in_length_and_says_how_much_it_dropped() {
        let timeline = Timeline::new(Clock::start());
        for _ in 0..TIMELINE_LEN_MAX + 10 {
            timeline.push(head(b"{}"), Progress::open());
        }
        let page = timeline.page(&Query {
            brief: true,
            ..Query::default()
        });
        assert_eq!(page.dropped, 10);
        assert_eq!(page.oldest, 11);
        assert_eq!(page.arrivals.first().map(|arrival| arrival.seq), Some(11));
        assert!(page.more);
        assert_eq!(
            timeline.counts().providers["a"].arrived,
            TIMELINE_LEN_MAX as u64 + 10
        );
    }

    #[test]
    fn the_timeline_is_bounded_in_bytes() {
        static LARGE: [u8; BODY_KEPT_MAX] = [b'x'; BODY_KEPT_MAX];
        let timeline = Timeline::new(Clock::start());
        for _ in 0..5_000 {
            timeline.push(head(&LARGE), Progress::open());
        }
        let ring = timeline.lock();
        assert!(ring.bytes <= TIMELINE_BYTES_MAX);
        assert!(ring.dropped > 500, "{}", ring.dropped);
        assert_eq!(ring.bytes, ring.slots.iter().map(Slot::cost).sum::<usize>());
    }

    #[test]
    fn a_request_that_ends_after_it_was_dropped_or_after_a_reset_disturbs_nothing() {
        let timeline = Timeline::new(Clock::start());
        let before = timeline.push(head(b"{}"), Progress::open());
        timeline.reset();
        let after = timeline.push(head(b"{}"), Progress::open());
        timeline.finish(before, Outcome::Answered, Tokens::default());
        timeline.finish(after, Outcome::ClientGone, Tokens { input: 3, output: 4 });
        let counts = timeline.counts().providers["a"];
        let wanted = ProviderCounts {
            arrived: 1,
            client_gone: 1,
            tokens_in: 3,
            tokens_out: 4,
            ..Default::default()
        };
        assert_eq!(counts, wanted);
        assert_eq!(timeline.page(&Query::default()).arrivals[0].seq, 2);
    }

    #[test]
    fn pages_follow_one_another_without_gap_or_repetition() {
        let timeline = Timeline::new(Clock::start());
        for n in 0..1_500_usize {
            timeline.push(
                head(if n % 3 == 0 { b"{\"needle\":1}" } else { b"{}" }),
                Progress::open(),
            );
        }
        let mut query = Query {
            contains: Some("needle".into()),
            limit: 100,
            ..Query::default()
        };
        let mut seen = Vec::new();
        loop {
            let page = timeline.page(&query);
            seen.extend(page.arrivals.iter().map(|arrival| arrival.seq));
            query.since = page.next;
            if !page.more {
                break;
            }
        }
        assert_eq!(seen, (0..500).map(|n| n * 3 + 1).collect::<Vec<u64>>());
    }

    #[tokio::test]
    async fn a_wait_ends_at_its_time_or_when_the_state_is_reached() {
        let timeline = Arc::new(Timeline::new(Clock::start()));
        let soon = Query {
            wait: Duration::from_millis(5),
            ..Query::default()
        };
        assert!(timeline.wait(&soon).await.arrivals.is_empty());
        let place = timeline.push(head(b"{}"), Progress::open());
        let query = Query {
            wait: Duration::from_secs(5),
            state: State::Finished,
            ..Query::default()
        };
        let (page, ()) = tokio::join!(timeline.wait(&query), async {
            tokio::task::yield_now().await;
            timeline.finish(place, Outcome::Answered, Tokens::default());
        });
        assert_eq!(page.arrivals[0].outcome, Outcome::Answered);
    }
}
