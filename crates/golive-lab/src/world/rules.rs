//! P2, P3, P4: which rule of a script a request meets.
//!
//! Never: depends on anything but script, seed, provider and the number of requests that matched before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;

use crate::dice::{self, Throw};
use crate::fault::Fault;
use crate::script::{Behaviour, Match, Script};
use crate::timeline::contains;

/// A script with the counters of its rules.
pub(crate) struct Running {
    pub(crate) script: Script,
    pub(super) behaviour: Arc<Behaviour>,
    rules: Vec<RunningRule>,
}

struct RunningRule {
    behaviour: Option<Arc<Behaviour>>,
    matched: AtomicU64,
    counted: AtomicU64,
}

/// What is asked of a provider, as far as rules look at it.
pub(crate) struct Ask<'a> {
    pub(crate) model: Option<&'a str>,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) stream: bool,
}

impl Running {
    pub(super) fn new(script: Script) -> Self {
        let rules = script
            .rules
            .iter()
            .map(|rule| RunningRule {
                behaviour: rule
                    .behaviour
                    .as_ref()
                    .map(|own| Arc::new(own.over(&script.behaviour))),
                matched: AtomicU64::new(0),
                counted: AtomicU64::new(0),
            })
            .collect();
        Running {
            behaviour: Arc::new(script.behaviour.clone()),
            rules,
            script,
        }
    }

    /// As an overlay of `base`: the fault of the first rule that fires, and its behaviour over the base's.
    pub(super) fn fire_over(
        &self,
        base: &Running,
        seed: u64,
        provider: &str,
        ask: &Ask<'_>,
    ) -> Option<(Option<Fault>, Arc<Behaviour>)> {
        let rule = &self.script.rules[self.fire(seed, provider, ask).0?];
        let behaviour = match &rule.behaviour {
            Some(own) => Arc::new(own.over(&base.behaviour)),
            None => base.behaviour.clone(),
        };
        Some((rule.fault.clone(), behaviour))
    }

    /// The first rule that fires, and the behaviour it leaves.
    pub(super) fn fire(&self, seed: u64, provider: &str, ask: &Ask<'_>) -> (Option<usize>, Arc<Behaviour>) {
        for (n, (rule, running)) in self.script.rules.iter().zip(&self.rules).enumerate() {
            if !rule.matches.holds(ask) {
                continue;
            }
            if let Some(probability) = rule.probability {
                let nth = running.matched.fetch_add(1, Ordering::Relaxed);
                if dice::uniform(seed, provider, Throw::Rule { rule: n as u64, nth }) >= probability {
                    continue;
                }
            }
            let count = running.counted.fetch_add(1, Ordering::Relaxed);
            let spent = rule
                .times
                .is_some_and(|times| count >= rule.skip.saturating_add(times));
            if count < rule.skip || spent {
                continue;
            }
            return (
                Some(n),
                running.behaviour.as_ref().unwrap_or(&self.behaviour).clone(),
            );
        }
        (None, self.behaviour.clone())
    }
}

impl Match {
    fn holds(&self, ask: &Ask<'_>) -> bool {
        let model = |wanted: &str| match (ask.model, wanted.strip_suffix('*')) {
            (None, _) => false,
            (Some(model), None) => model == wanted,
            (Some(model), Some(start)) => model.starts_with(start),
        };
        let header = |wanted: &str| {
            let (name, text) = wanted.split_once(':').unwrap_or((wanted, ""));
            let values = ask.headers.get_all(name.trim());
            values
                .iter()
                .any(|value| contains(value.as_bytes(), text.trim().as_bytes()))
        };
        self.model.as_deref().is_none_or(model)
            && self.path.as_deref().is_none_or(|text| ask.path.contains(text))
            && self.stream.is_none_or(|stream| stream == ask.stream)
            && self.header.as_deref().is_none_or(header)
            && self
                .contains
                .as_deref()
                .is_none_or(|text| contains(ask.body, text.as_bytes()))
    }
}
