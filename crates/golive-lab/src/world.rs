//! P1, P3, P4, M1: the state that all connections of a lab share: the providers with their scripts, and the
//! decision what a request meets.
//!
//! Never: does what it decides; that is for `serve/`.

use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::dice::{self, Throw};
use crate::fault::{Fault, NotAFault};
use crate::nonce::Marks;
use crate::receiver::hook::Desks;
use crate::receiver::oidc::Issuers;
use crate::script::{Behaviour, Latency, Rule, Script};
use crate::serve::listener::OwnPort;
use crate::timeline::{ProviderId, Timeline};

mod record;
mod rules;

pub(crate) use record::Record;
pub(crate) use rules::{Ask, Running};

/// One running lab.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) instance: String,
    pub(crate) clock: Clock,
    pub(crate) started_unix_s: u64,
    pub(crate) timeline: Timeline,
    pub(crate) marks: Marks,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) issuers: Issuers,
    pub(crate) desks: Desks,
    providers: RwLock<HashMap<Arc<str>, Arc<Provider>>>,
    next_connection: AtomicU64,
}

/// One virtual provider.
pub(crate) struct Provider {
    pub(crate) id: ProviderId,
    pub(crate) port: Option<OwnPort>,
    /// What it does after a reset.
    first: Script,
    running: RwLock<Arc<Running>>,
    /// Rules of several owners, looked through before the script, in the order of their names.
    overlays: RwLock<BTreeMap<String, Arc<Running>>>,
    /// How often each body was seen under a `first-N-` fault, by its hash.
    bodies: Mutex<HashMap<u64, u64>>,
    /// Latencies drawn so far.
    latencies: AtomicU64,
}

/// What a request meets.
pub(crate) struct Decision {
    pub(crate) fault: Option<Fault>,
    pub(crate) behaviour: Arc<Behaviour>,
}

/// A request that names a fault or behaviour that there is not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unknown {
    #[error(transparent)]
    Fault(#[from] NotAFault),
    #[error(
        "`{0}` is not a behaviour of the lab; write brain-echo, brain-gullible, brain-refusal, brain-tool-call, brain-usage-absent, brain-usage-with-words, brain-tokens-IN-OUT, brain-paced-PER_SECOND[-FIRST_MS], brain-latency-MS or brain-lognormal-MEDIAN-P95, joined by `+`"
    )]
    Behaviour(String),
}

impl World {
    pub(crate) fn new(seed: u64, marks: Marks, instance: String) -> Self {
        let clock = Clock::start();
        let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        World {
            seed,
            instance,
            clock,
            started_unix_s: unix.map_or(0, |since| since.as_secs()),
            timeline: Timeline::new(clock),
            marks,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            connections: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            issuers: Issuers::default(),
            desks: Desks::default(),
            providers: RwLock::new(HashMap::new()),
            next_connection: AtomicU64::new(1),
        }
    }

    pub(crate) fn next_connection(&self) -> u64 {
        self.next_connection.fetch_add(1, Ordering::Relaxed)
    }

    /// The provider of that name, made at its first use; none if the name is not allowed or there are too many.
    pub(crate) fn provider(&self, name: &str) -> Option<Arc<Provider>> {
        if let Some(provider) = self
            .providers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
        {
            return Some(provider.clone());
        }
        self.add(name, None, Script::default())
    }

    /// Adds a provider, or returns the one that is there.
    pub(crate) fn add(&self, name: &str, port: Option<OwnPort>, first: Script) -> Option<Arc<Provider>> {
        if !is_provider_name(name) {
            return None;
        }
        let mut providers = self.providers.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(provider) = providers.get(name) {
            return Some(provider.clone());
        }
        if providers.len() >= PROVIDERS_MAX {
            return None;
        }
        let name: Arc<str> = Arc::from(name);
        let provider = Arc::new(Provider {
            id: ProviderId {
                index: providers.len(),
                name: name.clone(),
            },
            port,
            running: RwLock::new(Arc::new(Running::new(first.clone()))),
            overlays: RwLock::default(),
            bodies: Mutex::default(),
            first,
            latencies: AtomicU64::new(0),
        });
        providers.insert(name, provider.clone());
        Some(provider)
    }

    /// All providers, by name.
    pub(crate) fn providers(&self) -> Vec<Arc<Provider>> {
        let providers = self.providers.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Arc<Provider>> = providers.values().cloned().collect();
        all.sort_by(|a, b| a.id.name.cmp(&b.id.name));
        all
    }

    /// What a request meets: by header, else by the model's name, else by the script.
    pub(crate) fn decide(&self, provider: &Provider, ask: &Ask<'_>) -> Result<Decision, Unknown> {
        let running = provider.running();
        let named = ask.model.map(|model| model.rsplit('/').next().unwrap_or(model));
        let (fault, behaviour) = if let Some(text) = ask.headers.get(FAULT_HEADER) {
            let fault = provider.named_fault(&String::from_utf8_lossy(text.as_bytes()), ask)?;
            (fault, running.behaviour.clone())
        } else if let Some(text) = named.and_then(|name| name.strip_prefix("fault-")) {
            (provider.named_fault(text, ask)?, running.behaviour.clone())
        } else {
            // Only here: a request that chose its fault itself does not use up a rule.
            let fired = provider
                .overlays()
                .into_iter()
                .find_map(|overlay| overlay.fire_over(&running, self.seed, &provider.id.name, ask));
            fired.unwrap_or_else(|| {
                let (rule, behaviour) = running.fire(self.seed, &provider.id.name, ask);
                (
                    rule.and_then(|rule| running.script.rules[rule].fault.clone()),
                    behaviour,
                )
            })
        };
        let behaviour = match named.and_then(|name| name.strip_prefix("brain-")) {
            None => behaviour,
            Some(text) => {
                let named = Behaviour::from_name(text).ok_or_else(|| Unknown::Behaviour(text.to_owned()))?;
                Arc::new(named.over(&behaviour))
            }
        };
        Ok(Decision { fault, behaviour })
    }

    /// How long a behaviour waits before the status line: the dice's next throw, where it has any.
    pub(crate) fn latency(&self, provider: &Provider, behaviour: &Behaviour) -> Duration {
        match behaviour.latency {
            None => Duration::ZERO,
            Some(Latency::Constant { ms }) => Duration::from_millis(ms),
            Some(Latency::Lognormal { median_ms, p95_ms }) => {
                let nth = provider.latencies.fetch_add(1, Ordering::Relaxed);
                let throw = dice::uniform(self.seed, &provider.id.name, Throw::Latency { nth });
                let ms = dice::lognormal_ms(median_ms, p95_ms, throw).min(LATENCY_MS_MAX);
                Duration::from_secs_f64(ms / 1000.0)
            }
        }
    }

    /// Every provider as at the start, timeline and counts empty. Ports are the caller's.
    pub(crate) fn reset(&self) {
        for provider in self.providers() {
            provider.set(provider.first.clone());
            provider.clear_overlays();
            provider
                .bodies
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
            provider.latencies.store(0, Ordering::Relaxed);
        }
        self.issuers.reset();
        self.desks.reset();
        self.timeline.reset();
    }
}

impl Provider {
    pub(crate) fn running(&self) -> Arc<Running> {
        self.running
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Replaces the script; its rules count from the beginning.
    pub(crate) fn set(&self, script: Script) {
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Running::new(script));
    }
}

impl Provider {
    /// A fault by its short text: of every request, or, as `first-N-FAULT`, of the first N with the same body.
    fn named_fault(&self, text: &str, ask: &Ask<'_>) -> Result<Option<Fault>, NotAFault> {
        let counted = text.strip_prefix("first-").and_then(|rest| rest.split_once('-'));
        let Some((times, fault)) = counted else {
            return text.parse().map(Some);
        };
        let times: u64 = times.parse().map_err(|_| NotAFault {
            text: text.to_owned(),
        })?;
        let fault: Fault = fault.parse()?;
        let mut seen = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= BODIES_MAX {
            seen.clear(); // a bound, not a memory: whoever comes so late begins anew
        }
        let mut hasher = std::hash::DefaultHasher::new();
        (ask.path, ask.body).hash(&mut hasher);
        let count = seen.entry(hasher.finish()).or_insert(0);
        *count += 1;
        Ok((*count <= times).then_some(fault))
    }

    fn overlays(&self) -> Vec<Arc<Running>> {
        let overlays = self.overlays.read().unwrap_or_else(PoisonError::into_inner);
        overlays.values().cloned().collect()
    }

    /// Lays rules over the script, in place of earlier ones of the same owner; they count from the beginning. False if
    /// there are too many owners.
    pub(crate) fn set_overlay(&self, owner: &str, rules: Vec<Rule>) -> bool {
        let mut overlays = self.overlays.write().unwrap_or_else(PoisonError::into_inner);
        if overlays.len() >= OVERLAYS_MAX && !overlays.contains_key(owner) {
            return false;
        }
        let script = Script {
            rules,
            ..Script::default()
        };
        overlays.insert(owner.to_owned(), Arc::new(Running::new(script)));
        true
    }

    /// Whose rules lie over the script.
    pub(crate) fn overlay_owners(&self) -> Vec<String> {
        let overlays = self.overlays.read().unwrap_or_else(PoisonError::into_inner);
        overlays.keys().cloned().collect()
    }

    /// Takes an owner's rules away.
    pub(crate) fn clear_overlay(&self, owner: &str) {
        let mut overlays = self.overlays.write().unwrap_or_else(PoisonError::into_inner);
        overlays.remove(owner);
    }

    /// Takes away the rules of all owners whose names begin so.
    pub(crate) fn clear_overlays_of(&self, prefix: &str) {
        let mut overlays = self.overlays.write().unwrap_or_else(PoisonError::into_inner);
        overlays.retain(|owner, _| !owner.starts_with(prefix));
    }

    fn clear_overlays(&self) {
        let mut overlays = self.overlays.write().unwrap_or_else(PoisonError::into_inner);
        overlays.clear();
    }
}

/// Letters, digits and `-_.`, 1 to 64 of them, not beginning with `_` or `.`, and no word of the routes.
pub(crate) fn is_provider_name(name: &str) -> bool {
    let allowed = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    allowed
        && (1..=64).contains(&name.len())
        && !name.starts_with(['_', '.'])
        && !["v1", "agent"].contains(&name)
}

/// The header that names a fault.
pub(crate) const FAULT_HEADER: &str = "x-lab-fault";
/// Providers are made at their first use: someone could make up names without end.
const PROVIDERS_MAX: usize = 1024;
/// More owners than proofs that run side by side; each request looks through all of them.
pub(crate) const OVERLAYS_MAX: usize = 64;
/// Bodies that are told apart under `first-N-` faults, 16 bytes each.
const BODIES_MAX: usize = 100_000;
/// All ports together; about 400 MiB of buffers at the very most.
const CONNECTIONS_MAX: usize = 20_000;
/// The tail of a log-normal has no end; an hour is one.
const LATENCY_MS_MAX: f64 = 3_600_000.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Rule;
    use http::HeaderMap;

    fn world() -> World {
        World::new(11, Marks::new(11).unwrap(), String::new())
    }

    fn fired(world: &World, provider: &Provider, model: &str) -> Option<String> {
        let headers = HeaderMap::new();
        let ask = Ask {
            model: Some(model),
            path: "/v1/chat/completions",
            headers: &headers,
            body: b"hi",
            stream: false,
        };
        world
            .decide(provider, &ask)
            .unwrap()
            .fault
            .map(|fault| fault.to_string())
    }

    #[test]
    fn a_rule_skips_fires_so_often_and_leaves_the_rest_to_the_next_one() {
        let world = world();
        let rule = |skip, times, fault: &str| Rule {
            skip,
            times,
            fault: Some(fault.parse().unwrap()),
            ..Rule::default()
        };
        let script = Script {
            rules: vec![rule(1, Some(2), "reset"), rule(0, Some(2), "cut-1")],
            ..Script::default()
        };
        let provider = world.add("a", None, script).unwrap();
        let faults: Vec<_> = (0..6).map(|_| fired(&world, &provider, "m")).collect();
        let wanted = [
            Some("cut-1"),
            Some("reset"),
            Some("reset"),
            Some("cut-1"),
            None,
            None,
        ];
        assert_eq!(faults.iter().map(Option::as_deref).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn rules_of_several_owners_lie_over_the_script_and_each_takes_away_its_own() {
        let world = world();
        let base = Script::always("status-500".parse().unwrap());
        let provider = world.add("a", None, base).unwrap();
        let rule = |model: &str, fault: &str| Rule {
            matches: crate::script::Match {
                model: Some(model.to_owned()),
                ..crate::script::Match::default()
            },
            times: Some(1),
            fault: Some(fault.parse().unwrap()),
            ..Rule::default()
        };
        assert!(provider.set_overlay("p3", vec![rule("one", "reset")]));
        assert!(provider.set_overlay("p4", vec![rule("two", "cut-1")]));
        assert_eq!(fired(&world, &provider, "two").as_deref(), Some("cut-1"));
        assert_eq!(fired(&world, &provider, "two").as_deref(), Some("status-500"));
        provider.clear_overlay("p3");
        assert_eq!(fired(&world, &provider, "one").as_deref(), Some("status-500"));
        provider.set_overlay("p4", vec![rule("two", "cut-1")]);
        world.reset();
        assert_eq!(fired(&world, &provider, "two").as_deref(), Some("status-500"));
        for n in 0..OVERLAYS_MAX {
            assert!(provider.set_overlay(&n.to_string(), Vec::new()));
        }
        assert!(!provider.set_overlay("one-more", Vec::new()));
    }

    #[test]
    fn the_same_seed_repeats_which_requests_meet_a_fault_by_chance() {
        let run = || {
            let world = world();
            let rule = Rule {
                probability: Some(0.3),
                fault: Some(Fault::Reset),
                ..Rule::default()
            };
            let provider = world
                .add(
                    "a",
                    None,
                    Script {
                        rules: vec![rule],
                        ..Script::default()
                    },
                )
                .unwrap();
            (0..1000)
                .map(|_| fired(&world, &provider, "m").is_some())
                .collect::<Vec<bool>>()
        };
        let (one, two) = (run(), run());
        assert_eq!(one, two);
        let share = one.iter().filter(|fault| **fault).count();
        assert!((250..350).contains(&share), "{share}");
    }

    #[test]
    fn a_model_named_after_a_fault_meets_it_whatever_prefix_a_gateway_adds() {
        let world = world();
        let provider = world.provider("a").unwrap();
        assert_eq!(
            fired(&world, &provider, "fault-status-503").as_deref(),
            Some("status-503")
        );
        assert_eq!(
            fired(&world, &provider, "openai/fault-cut-2").as_deref(),
            Some("cut-2")
        );
        assert_eq!(fired(&world, &provider, "gpt-4o"), None);
        let headers = HeaderMap::new();
        let ask = |model| Ask {
            model: Some(model),
            path: "/",
            headers: &headers,
            body: b"",
            stream: false,
        };
        assert!(world.decide(&provider, &ask("fault-nonsense")).is_err());
        assert!(world.decide(&provider, &ask("brain-nonsense")).is_err());
    }

    #[test]
    fn a_model_named_after_the_first_faults_fails_so_often_for_the_same_body_and_then_no_more() {
        let world = world();
        let provider = world.provider("a").unwrap();
        let model = "fault-first-2-status-503";
        let faults: Vec<_> = (0..3).map(|_| fired(&world, &provider, model)).collect();
        assert_eq!(
            faults.iter().map(Option::as_deref).collect::<Vec<_>>(),
            [Some("status-503"), Some("status-503"), None]
        );
        let headers = HeaderMap::new();
        let other = Ask {
            model: Some(model),
            path: "/v1/chat/completions",
            headers: &headers,
            body: b"another",
            stream: false,
        };
        assert!(world.decide(&provider, &other).unwrap().fault.is_some());
        let wrong = Ask {
            model: Some("fault-first-x-reset"),
            ..other
        };
        assert!(world.decide(&provider, &wrong).is_err());
    }

    #[test]
    fn providers_are_bounded_and_their_names_are_harmless() {
        let world = world();
        for name in ["", "_lab", "v1", "agent", "a/b", "a b", "..", &"x".repeat(65)] {
            assert!(world.provider(name).is_none(), "{name}");
        }
        for n in 0..PROVIDERS_MAX {
            assert!(world.provider(&format!("p{n}")).is_some());
        }
        assert!(world.provider("one-more").is_none());
        assert!(world.provider("p7").is_some());
    }
}
