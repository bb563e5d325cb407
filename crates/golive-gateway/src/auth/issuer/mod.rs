//! S5: the issuers of the configuration: their keys, kept fresh in the background, and the tokens they signed.
//!
//! One task fetches for all requests. A request that needs a key which is not there asks for one fetch and waits for
//! it a moment at most. When an issuer cannot be reached, the last good set serves on, for a day.
//!
//! Never: lets a request fetch, or wait as long as an issuer hangs.

pub mod cache;
mod fetch;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use aws_lc_rs::signature::ParsedPublicKey;
use golive_config::{Config, Issuer};
use golive_resilience::Tick;
use golive_resilience::refresh::Refresh;
use golive_store::{KeyHash, Store};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::jwt::{Claims, Jws, KeySet, NoKey, keys};
use super::principal::{Kind, Principal};
use crate::gateway::Gateway;
use crate::upstream::chain_of;
use cache::{Tokens, Verified};
use fetch::Source;

/// The last good keys of an issuer that is down serve so long.
pub const KEYS_AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// So long a request waits for keys at the most.
const WAIT: Duration = Duration::from_secs(1);
/// How often due fetches are looked for.
const TICK: Duration = Duration::from_millis(500);

/// Why issuers cannot be put to work.
#[derive(Debug, thiserror::Error)]
#[error("issuer `{name}`: {why}")]
pub struct IssuerError {
    /// Whose.
    pub name: String,
    /// What is wrong.
    pub why: String,
}

/// One issuer whose tokens are accepted.
#[derive(Debug)]
pub struct Trusted {
    issuer: Arc<Issuer>,
    source: Source,
    schedule: Mutex<Refresh>,
    keys: ArcSwapOption<KeySet>,
    generation: AtomicU64,
    /// Counts fetches that ended, well or not.
    landed: watch::Sender<u64>,
    error: Mutex<Option<String>>,
}

/// What may be seen of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerReading {
    /// The name of its table.
    pub name: String,
    /// Keys in use; `None`: there was never a set, or it is too old.
    pub keys: Option<usize>,
    /// How old the set is.
    pub age: Option<Duration>,
    /// Failed fetches in a row.
    pub failures: u32,
    /// What went wrong last. It may name an address: for operators' eyes, not for `/health`.
    pub error: Option<String>,
}

impl Trusted {
    /// An issuer whose keys are still to be fetched.
    ///
    /// # Errors
    /// Its authorities cannot be read.
    pub fn new(issuer: Arc<Issuer>) -> Result<Self, IssuerError> {
        let source = Source::new(&issuer).map_err(|why| IssuerError {
            name: issuer.name.clone(),
            why,
        })?;
        let longest = issuer.keys_max_age;
        Ok(Self {
            issuer,
            source,
            schedule: Mutex::new(Refresh::at_least_every(longest)),
            keys: ArcSwapOption::empty(),
            generation: AtomicU64::new(0),
            landed: watch::channel(0).0,
            error: Mutex::default(),
        })
    }

    /// Counts its key sets.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Takes over a key set.
    pub fn install(&self, mut keys: KeySet, now: Tick) {
        let before = self.keys.load();
        keys.at = now;
        keys.generation = self.generation() + 1;
        for why in &keys.left_out {
            tracing::warn!(issuer = self.issuer.name, why, "a key of the issuer is not used");
        }
        if keys.is_empty() {
            tracing::error!(
                issuer = self.issuer.name,
                "the issuer publishes no key that can be used"
            );
        }
        drop(before);
        let generation = keys.generation;
        self.keys.store(Some(Arc::new(keys)));
        self.generation.store(generation, Ordering::Release);
    }

    async fn fetch(&self, gateway: &Gateway) {
        let fetched = self.source.fetch(&self.issuer).await;
        let mut dice = [0];
        // Without randomness there is no jitter, and nothing else is lost.
        let _ = getrandom::fill(&mut dice);
        let now = gateway.now();
        match fetched {
            Ok((keys, lifetime)) => {
                tracing::debug!(
                    issuer = self.issuer.name,
                    keys = keys.len(),
                    "the issuer's keys were fetched"
                );
                self.install(keys, now);
                *lock(&self.error) = None;
                lock(&self.schedule).succeeded(lifetime, dice[0], now);
            }
            Err(error) => {
                let why = chain_of(&error);
                let mut schedule = lock(&self.schedule);
                if schedule.failures() == 0 {
                    tracing::error!(
                        issuer = self.issuer.name,
                        why,
                        "the issuer's keys cannot be fetched; the last ones serve on"
                    );
                }
                *lock(&self.error) = Some(why);
                schedule.failed(dice[0], now);
            }
        }
        self.landed.send_modify(|count| *count += 1);
    }

    fn usable(&self, now: Tick) -> Option<Arc<KeySet>> {
        self.keys
            .load_full()
            .filter(|keys| now.since(keys.at) < KEYS_AGE_MAX)
    }

    fn read(&self, now: Tick) -> IssuerReading {
        let age = self.keys.load().as_ref().map(|keys| now.since(keys.at));
        IssuerReading {
            name: self.issuer.name.clone(),
            keys: self.usable(now).map(|keys| keys.len()),
            age,
            failures: lock(&self.schedule).failures(),
            error: lock(&self.error).clone(),
        }
    }
}

/// All issuers, and the tokens that were checked.
#[derive(Debug, Default)]
pub struct Issuers {
    by_iss: HashMap<String, Arc<Trusted>>,
    tokens: Tokens,
    wake: Arc<Notify>,
}

impl Issuers {
    /// The issuers of a configuration. `before` lends those that did not change, with their keys; checked tokens are
    /// forgotten.
    ///
    /// # Errors
    /// See [`IssuerError`].
    pub fn assemble(config: &Config, before: Option<&Self>) -> Result<Self, IssuerError> {
        let mut by_iss = HashMap::new();
        for issuer in config.issuers.values() {
            let kept = before
                .and_then(|before| before.by_iss.get(&issuer.issuer))
                .filter(|trusted| trusted.issuer == *issuer);
            let trusted = match kept {
                Some(trusted) => Arc::clone(trusted),
                None => Arc::new(Trusted::new(Arc::clone(issuer))?),
            };
            by_iss.insert(issuer.issuer.clone(), trusted);
        }
        let wake = before.map(|before| Arc::clone(&before.wake)).unwrap_or_default();
        wake.notify_one();
        Ok(Self {
            by_iss,
            tokens: Tokens::default(),
            wake,
        })
    }

    /// Whether no token can be accepted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_iss.is_empty()
    }

    /// Each issuer as it is now, by name.
    #[must_use]
    pub fn read(&self, now: Tick) -> Vec<IssuerReading> {
        let mut all: Vec<_> = self.by_iss.values().map(|one| one.read(now)).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// The issuer with this `iss`.
    #[must_use]
    pub fn get(&self, iss: &str) -> Option<&Arc<Trusted>> {
        self.by_iss.get(iss)
    }

    /// Who brings a token. `now_s` is the wall clock: a token's dates are nobody else's.
    ///
    /// What costs least is checked first; outside nobody can tell the order, since all answers are the same.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub async fn identify(
        &self,
        text: &str,
        store: &Store,
        now: Tick,
        now_s: f64,
    ) -> Result<Verified, Failure> {
        if text.len() > super::jwt::form::BYTES_MAX {
            return Err(Failure::TokenForm);
        }
        let hash = KeyHash::of(text);
        if let Some(verified) = self.tokens.get(&hash, now_s) {
            return match verified.checked_by.0.usable(now) {
                Some(_) => Ok(verified),
                None => Err(Failure::IssuerUnavailable),
            };
        }
        let token = Jws::parse(text)?;
        let claims = token.claims()?;
        let trusted = claims
            .get("iss")
            .and_then(serde_json::Value::as_str)
            .and_then(|iss| self.by_iss.get(iss))
            .ok_or(Failure::TokenIssuer)?;
        let issuer = &trusted.issuer;
        if !issuer.algorithms.contains(&token.algorithm) {
            return Err(Failure::TokenAlgorithm);
        }
        if !token.is_of_type(issuer.typ.as_deref()) {
            return Err(Failure::TokenType);
        }
        let claims = Claims::check(&claims, issuer, now_s)?;
        let generation = self.verify(trusted, &token, now).await?;
        let verified = verified(trusted, generation, claims, store);
        self.tokens.put(hash, verified.clone(), now_s);
        Ok(verified)
    }

    /// Checks the signature; gives the key set that did.
    async fn verify(&self, trusted: &Trusted, token: &Jws<'_>, now: Tick) -> Result<u64, Failure> {
        let keys = match trusted.usable(now) {
            Some(keys) => keys,
            None => {
                self.wait(trusted, now).await;
                trusted.usable(now).ok_or(Failure::IssuerUnavailable)?
            }
        };
        let checked = |keys: &KeySet, key: &ParsedPublicKey| {
            keys::verify(key, token.signed, &token.signature).map(|()| keys.generation)
        };
        match keys.select(token.algorithm, token.kid.as_deref()) {
            Ok(key) => checked(&keys, key),
            Err(NoKey::UnknownKid) => {
                self.wait(trusted, now).await;
                let keys = trusted.usable(now).ok_or(Failure::IssuerUnavailable)?;
                let key = keys
                    .select(token.algorithm, token.kid.as_deref())
                    .map_err(|_| Failure::TokenKey)?;
                checked(&keys, key)
            }
            Err(NoKey::NotForThis) => Err(Failure::TokenAlgorithm),
            Err(NoKey::Ambiguous) => Err(Failure::TokenKey),
        }
    }

    /// Asks for a fetch and waits for its end, if it may be asked for, and not long.
    async fn wait(&self, trusted: &Trusted, now: Tick) {
        let mut landed = trusted.landed.subscribe();
        if !lock(&trusted.schedule).ask(now) {
            return;
        }
        self.wake.notify_one();
        // Whether one came in time shows in the keys.
        let _ = tokio::time::timeout(WAIT, landed.changed()).await;
    }
}

fn verified(trusted: &Arc<Trusted>, generation: u64, claims: Claims, store: &Store) -> Verified {
    let issuer = &trusted.issuer;
    // The subject may be a person: the ledger and the logs see a keyed hash of it.
    let subject = store.user_hash(&format!("jwt/{}", issuer.name), &claims.subject);
    let id = format!("jwt/{}/{subject}", issuer.name);
    let user = claims.user.map(|user| store.user_hash(&id, &user));
    let principal = Principal::new(store, Kind::Token, id, claims.roles, claims.team, &issuer.grant);
    Verified {
        principal: Arc::new(principal),
        user,
        until_s: claims.until_s,
        bound_to: claims.bound_to,
        checked_by: (Arc::clone(trusted), generation),
    }
}

/// Fetches what is due, until `stop`.
pub async fn watch(gateway: Arc<Gateway>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let wake = Arc::clone(&gateway.issuers().wake);
    // Ended with this task: a fetch has nothing to finish.
    let mut flights = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
            () = wake.notified() => {}
        }
        while flights.try_join_next().is_some() {}
        for trusted in gateway.issuers().by_iss.values() {
            if lock(&trusted.schedule).begin(gateway.now()) {
                let (trusted, gateway) = (Arc::clone(trusted), Arc::clone(&gateway));
                flights.spawn(async move { trusted.fetch(&gateway).await });
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whole values are written under these locks: none can be left half-written.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
