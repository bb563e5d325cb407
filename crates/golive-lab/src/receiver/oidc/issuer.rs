//! S5: the state of one issuer, and the table of all of them.
//!
//! Never: grows past its bounds.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::error::Unspecified;
use serde_json::{Value, json};

use super::keys::{ALGORITHMS, SigningKey};
use super::{FETCHES_MAX, Fetch, Fetched, Fetches, IssuerKey, Outage};
use crate::world::is_provider_name;

/// The issuers of a lab, made at their first use.
#[derive(Default)]
pub(crate) struct Issuers(Mutex<HashMap<String, Arc<Issuer>>>);

/// One issuer.
pub(crate) struct Issuer {
    state: Mutex<State>,
    first: Vec<Held>,
    strangers: Vec<Arc<SigningKey>>,
}

struct State {
    keys: Vec<Held>,
    made: u64,
    outage: Outage,
    fetches: VecDeque<Fetch>,
    total: u64,
}

#[derive(Clone)]
struct Held {
    key: Arc<SigningKey>,
    published: bool,
    current: bool,
}

impl Issuers {
    /// The issuer of that name; none if the name is not allowed or there are too many. The first call makes keys,
    /// which takes a while: call it where blocking is allowed.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Arc<Issuer>>, Unspecified> {
        if !is_provider_name(name) {
            return Ok(None);
        }
        let mut issuers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(issuer) = issuers.get(name) {
            return Ok(Some(issuer.clone()));
        }
        if issuers.len() >= ISSUERS_MAX {
            return Ok(None);
        }
        let issuer = Arc::new(Issuer::new()?);
        issuers.insert(name.to_owned(), issuer.clone());
        Ok(Some(issuer))
    }

    /// Every issuer as at its start; their first keys stay.
    pub(crate) fn reset(&self) {
        for issuer in self.0.lock().unwrap_or_else(PoisonError::into_inner).values() {
            issuer.reset();
        }
    }
}

impl Issuer {
    fn new() -> Result<Issuer, Unspecified> {
        let mut keys = Vec::new();
        let mut strangers = Vec::new();
        for alg in ALGORITHMS {
            keys.push(Held {
                key: Arc::new(SigningKey::generate(alg, format!("lab-{alg}-1"))?),
                published: true,
                current: true,
            });
            strangers.push(Arc::new(SigningKey::generate(alg, format!("stranger-{alg}"))?));
        }
        let first = keys.clone();
        let state = State {
            keys,
            made: 1,
            outage: Outage::None,
            fetches: VecDeque::new(),
            total: 0,
        };
        Ok(Issuer {
            state: Mutex::new(state),
            first,
            strangers,
        })
    }

    /// The key that signs for `wanted`: a `kid`, or an algorithm's name for the current one.
    pub(crate) fn key(&self, wanted: &str) -> Option<Arc<SigningKey>> {
        let state = self.lock();
        let held = state
            .keys
            .iter()
            .find(|held| held.key.kid == wanted || (held.current && held.key.alg() == wanted));
        held.map(|held| held.key.clone())
            .or_else(|| self.strangers.iter().find(|key| key.kid == wanted).cloned())
    }

    /// Publishes a fresh key of `alg` and signs with it from now on; the one before stays published.
    pub(crate) fn rotate(&self, alg: &str) -> Result<Option<String>, Unspecified> {
        if !ALGORITHMS.contains(&alg) {
            return Ok(None);
        }
        // Made outside the lock: an RSA key takes a while.
        let number = {
            let mut state = self.lock();
            state.made += 1;
            state.made
        };
        let key = Arc::new(SigningKey::generate(alg, format!("lab-{alg}-{number}"))?);
        let kid = key.kid.clone();
        let mut state = self.lock();
        for held in state.keys.iter_mut().filter(|held| held.key.alg() == alg) {
            held.current = false;
        }
        if state.keys.len() == KEYS_MAX {
            // The oldest of this algorithm is behind many rotations by now.
            let oldest = state.keys.iter().position(|held| held.key.alg() == alg);
            oldest.map(|oldest| state.keys.remove(oldest));
        }
        state.keys.push(Held {
            key,
            published: true,
            current: true,
        });
        Ok(Some(kid))
    }

    /// Takes a key out of the published set. It can still sign, for tokens that must be refused from then on.
    pub(crate) fn withdraw(&self, kid: &str) -> bool {
        let mut state = self.lock();
        let held = state.keys.iter_mut().find(|held| held.key.kid == kid);
        held.map(|held| held.published = false).is_some()
    }

    pub(crate) fn set_outage(&self, outage: Outage) {
        self.lock().outage = outage;
    }

    pub(crate) fn outage(&self) -> Outage {
        self.lock().outage
    }

    pub(crate) fn keys(&self) -> Vec<IssuerKey> {
        let of = |held: &Held| IssuerKey {
            kid: held.key.kid.clone(),
            alg: held.key.alg().to_owned(),
            published: held.published,
            current: held.current,
        };
        self.lock().keys.iter().map(of).collect()
    }

    /// The published set.
    pub(crate) fn jwks(&self) -> Value {
        let state = self.lock();
        let published = state.keys.iter().filter(|held| held.published);
        json!({"keys": published.map(|held| held.key.jwk()).collect::<Vec<_>>()})
    }

    pub(crate) fn strangers(&self) -> Vec<Value> {
        self.strangers.iter().map(|key| key.jwk()).collect()
    }

    /// The first stranger as PEM, for whoever follows `x5u`.
    pub(crate) fn stranger_pem(&self) -> String {
        let pem = self.strangers.first().and_then(|key| key.pem().ok());
        pem.unwrap_or_default()
    }

    /// Records a request; says what it meets.
    pub(crate) fn record(&self, at_us: u64, method: &str, path: &str, what: Fetched) -> Outage {
        let mut state = self.lock();
        state.total += 1;
        // A trap answers whatever else is broken: who falls into it must be seen to.
        let outage = match what {
            Fetched::Trap | Fetched::Other => Outage::None,
            Fetched::Discovery | Fetched::Keys => state.outage,
        };
        if state.fetches.len() == FETCHES_MAX {
            state.fetches.pop_front();
        }
        let fetch = Fetch {
            seq: state.total,
            at_us,
            method: method.to_owned(),
            path: path.chars().take(PATH_MAX).collect(),
            what,
            outage,
        };
        state.fetches.push_back(fetch);
        outage
    }

    pub(crate) fn fetches(&self, since: u64) -> Fetches {
        let state = self.lock();
        let newer = state.fetches.iter().filter(|fetch| fetch.seq > since);
        Fetches {
            fetches: newer.cloned().collect(),
            total: state.total,
        }
    }

    /// The first keys, published; no outage. What was fetched is forgotten, its numbers go on.
    pub(crate) fn reset(&self) {
        let mut state = self.lock();
        state.keys = self.first.clone();
        state.outage = Outage::None;
        state.fetches.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each costs two RSA keys.
const ISSUERS_MAX: usize = 16;
/// Keys that an issuer holds; the oldest give way.
const KEYS_MAX: usize = 64;
/// Characters kept of a path.
const PATH_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_publishes_both_keys_until_the_old_one_is_withdrawn() {
        let issuer = Issuer::new().unwrap();
        let kid = issuer.rotate("ES256").unwrap().unwrap();
        assert_eq!(issuer.key("ES256").unwrap().kid, kid);
        assert_eq!(issuer.jwks()["keys"].as_array().unwrap().len(), 4);
        assert!(issuer.withdraw("lab-ES256-1"));
        assert_eq!(issuer.jwks()["keys"].as_array().unwrap().len(), 3);
        assert!(issuer.key("lab-ES256-1").is_some(), "it can still sign");
        issuer.reset();
        assert_eq!(issuer.key("ES256").unwrap().kid, "lab-ES256-1");
    }

    #[test]
    fn a_key_made_after_a_reset_has_a_name_of_its_own() {
        let issuer = Issuer::new().unwrap();
        let first = issuer.rotate("EdDSA").unwrap();
        issuer.reset();
        assert_ne!(issuer.rotate("EdDSA").unwrap(), first);
    }

    #[test]
    fn fetches_are_bounded_and_counted() {
        let issuer = Issuer::new().unwrap();
        for _ in 0..FETCHES_MAX + 5 {
            issuer.record(1, "GET", "/jwks.json", Fetched::Keys);
        }
        let fetches = issuer.fetches(0);
        assert_eq!((fetches.fetches.len(), fetches.total), (FETCHES_MAX, 2_005));
        assert_eq!(issuer.fetches(2_004).fetches.len(), 1);
    }
}
