//! P3: the requests with an idempotency key that are being served at this moment. The first under a key is served; its
//! twins wait for what becomes of it.
//!
//! There are no more entries than requests in progress: each belongs to a [`Claim`], which a request holds and drops.
//!
//! Never: waits with the map locked, or leaves a twin waiting for one that is gone.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use golive_store::{IdempotencyKey, KeptAnswer};
use tokio::sync::watch;

/// Twins that wait for one request. More are told to come back: a caller that asks so often at once is at fault.
const TWINS_MAX: usize = 64;

/// What a request with a key is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The key, with all that it is bound to.
    pub key: IdempotencyKey,
    /// What tells its body from another one.
    pub asked: [u8; 32],
}

/// The requests that are being served.
#[derive(Debug, Default)]
pub struct Flights {
    flying: Mutex<HashMap<IdempotencyKey, Flight>>,
}

/// What those who wait are told: nothing yet, or the answer. That the sender is gone says that there is none.
type News = watch::Sender<Option<Arc<KeptAnswer>>>;

#[derive(Debug)]
struct Flight {
    asked: [u8; 32],
    news: Arc<News>,
}

/// Who comes.
#[derive(Debug)]
pub enum Entered {
    /// The first: it is to be served.
    First(Claim),
    /// The same request is being served.
    Twin(Twin),
    /// Another request is being served under this key.
    OtherBody,
    /// As many as may already wait for the same request.
    Crowded,
}

impl Flights {
    /// Enters a request.
    pub fn enter(self: &Arc<Self>, named: Named) -> Entered {
        let mut flying = self.lock();
        match flying.entry(named.key) {
            Entry::Vacant(place) => {
                let news = Arc::new(News::new(None));
                place.insert(Flight {
                    asked: named.asked,
                    news: Arc::clone(&news),
                });
                Entered::First(Claim {
                    flights: Arc::clone(self),
                    named,
                    news,
                })
            }
            Entry::Occupied(flight) if flight.get().asked != named.asked => Entered::OtherBody,
            Entry::Occupied(flight) if flight.get().news.receiver_count() >= TWINS_MAX => Entered::Crowded,
            Entry::Occupied(flight) => Entered::Twin(Twin(flight.get().news.subscribe())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IdempotencyKey, Flight>> {
        // One insert or one removal at a time: a map cannot be left half-changed.
        self.flying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That a request is the one that is served under its key. Dropped, the key is free, and whoever waits hears of it.
#[derive(Debug)]
pub struct Claim {
    flights: Arc<Flights>,
    named: Named,
    news: Arc<News>,
}

impl Claim {
    /// What its request is known by.
    #[must_use]
    pub fn named(&self) -> &Named {
        &self.named
    }

    /// Hands this answer to all who wait, and gives the key back.
    pub fn answered(self, answer: Arc<KeptAnswer>) {
        self.news.send_replace(Some(answer));
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // First out of the map: who is woken and comes back must not meet what is gone.
        self.flights.lock().remove(&self.named.key);
    }
}

/// Waits for the same request.
#[derive(Debug)]
pub struct Twin(watch::Receiver<Option<Arc<KeptAnswer>>>);

impl Twin {
    /// The answer, as soon as there is one; `None` if none came of it.
    pub async fn answer(mut self) -> Option<Arc<KeptAnswer>> {
        let told = self.0.wait_for(Option::is_some).await.ok()?;
        told.clone()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::FutureExt;
    use golive_store::Uuid;

    use super::*;

    fn named(key: u8, asked: u8) -> Named {
        Named {
            key: IdempotencyKey::from_bytes([key; 32]),
            asked: [asked; 32],
        }
    }

    fn answer() -> Arc<KeptAnswer> {
        Arc::new(KeptAnswer {
            request: Uuid::from_u128(1),
            asked: [1; 32],
            status: 200,
            headers: Vec::new(),
            body: Bytes::from_static(b"yes"),
        })
    }

    fn first(flights: &Arc<Flights>, named: Named) -> Claim {
        match flights.enter(named) {
            Entered::First(claim) => claim,
            other => panic!("not the first: {other:?}"),
        }
    }

    fn twin(flights: &Arc<Flights>, named: Named) -> Twin {
        match flights.enter(named) {
            Entered::Twin(twin) => twin,
            other => panic!("no twin: {other:?}"),
        }
    }

    #[test]
    fn twins_wait_and_get_the_answer_of_the_first() {
        let flights = Arc::<Flights>::default();
        let claim = first(&flights, named(1, 1));
        let mut early = Box::pin(twin(&flights, named(1, 1)).answer());
        assert_eq!(early.as_mut().now_or_never(), None, "it waits");
        let late = twin(&flights, named(1, 1));
        claim.answered(answer());
        assert_eq!(early.now_or_never(), Some(Some(answer())));
        assert_eq!(
            late.answer().now_or_never(),
            Some(Some(answer())),
            "told, though it asks after the end"
        );
    }

    #[test]
    fn one_that_comes_to_nothing_frees_its_key_for_one_of_its_twins() {
        let flights = Arc::<Flights>::default();
        let claim = first(&flights, named(1, 1));
        let waiting = [twin(&flights, named(1, 1)), twin(&flights, named(1, 1))];
        drop(claim);
        for twin in waiting {
            assert_eq!(twin.answer().now_or_never(), Some(None));
        }
        let _next = first(&flights, named(1, 1));
        twin(&flights, named(1, 1));
    }

    #[test]
    fn another_body_is_no_twin_and_another_key_is_nobodys_matter() {
        let flights = Arc::<Flights>::default();
        let claim = first(&flights, named(1, 1));
        assert!(matches!(flights.enter(named(1, 2)), Entered::OtherBody));
        let _other = first(&flights, named(2, 2));
        drop(claim);
        let _same_key = first(&flights, named(1, 2));
    }

    #[test]
    fn twins_are_bounded_and_one_that_leaves_makes_room() {
        let flights = Arc::<Flights>::default();
        let _claim = first(&flights, named(1, 1));
        let mut twins: Vec<Twin> = (0..TWINS_MAX).map(|_| twin(&flights, named(1, 1))).collect();
        assert!(matches!(flights.enter(named(1, 1)), Entered::Crowded));
        twins.pop();
        twin(&flights, named(1, 1));
    }

    #[test]
    fn nothing_is_left_behind() {
        let flights = Arc::<Flights>::default();
        for key in 0..100 {
            let claim = first(&flights, named(key, 1));
            let waiting = twin(&flights, named(key, 1));
            match key % 3 {
                0 => drop(claim),
                1 => claim.answered(answer()),
                _ => {
                    drop(waiting);
                    drop(claim);
                }
            }
        }
        assert!(flights.lock().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_many_at_once_one_is_served_and_all_get_its_answer() {
        let flights = Arc::<Flights>::default();
        let all = (0..TWINS_MAX).map(|_| {
            let flights = Arc::clone(&flights);
            tokio_util::task::TaskTracker::new().spawn(async move {
                loop {
                    match flights.enter(named(1, 1)) {
                        Entered::First(claim) => {
                            tokio::task::yield_now().await;
                            claim.answered(answer());
                            return answer();
                        }
                        Entered::Twin(twin) => {
                            if let Some(answer) = twin.answer().await {
                                return answer;
                            }
                        }
                        other => panic!("{other:?}"),
                    }
                }
            })
        });
        for told in futures_util::future::join_all(all).await {
            assert_eq!(told.expect("it ends"), answer());
        }
        assert!(flights.lock().is_empty());
    }
}
