//! One generation of the configuration, ready to serve: routes by name, links by upstream, limits.
//!
//! A reload builds a new generation beside the running one and swaps it in; a request keeps the generation it
//! began with. Links whose upstream did not change are carried over with their connections, places and health.
//!
//! Never: changes after it was built.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use golive_config::{Callee, CalleeKind, Config, Unsupported, UpstreamKind};
use golive_resilience::breaker::BreakerPolicy;
use golive_resilience::chain;
use golive_resilience::concurrency::LimitPolicy;
use golive_resilience::deadline::Clocks;
use golive_resilience::failure::UpstreamClass;
use golive_screen::handoff::Handoff;
use golive_store::{Store, StoreError};
use golive_wire::Wire;
use golive_wire::http_agent::Pointer;
use golive_wire::translate::{self, Loss};
use http::HeaderValue;

use crate::auth::principal::Principal;
use crate::conversations::confidence::Source;
use crate::conversations::{Hook, HookError};
use crate::limits::rules::{CalleeRules, Rules as LimitRules};
use crate::metrics::{CalleeMetrics, Metrics};
use crate::money::{self, LinkPrices};
use crate::policy::{self, PolicyError, Resource, Rules, Who};
use crate::room::Room;
use crate::screens::external::External;
use crate::screens::{Machines, ScreenError, Screens};
use crate::upstream::breaker::{self, LinkBreaker};
use crate::upstream::hop::{Hop, Work};
use crate::upstream::way::Way;
use crate::upstream::{self, Link, LinkError};

/// How many digits of a release's digest callers see: enough to tell releases apart, too few to search for.
const RELEASE_DIGITS: usize = 16;

/// Why a configuration cannot be put to work.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The policies are wrong.
    #[error(transparent)]
    Policies(#[from] PolicyError),
    /// A webhook cannot be put to work.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// A screen cannot be put to work.
    #[error(transparent)]
    Screens(#[from] ScreenError),
    /// An upstream's client cannot be made.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The store cannot register a release.
    #[error("cannot register the release of `{callee}`")]
    Release {
        /// Whose.
        callee: String,
        /// What the store says.
        #[source]
        source: StoreError,
    },
    /// It cannot fall back along such a chain; the configuration checks this first.
    #[error("`{callee}`: {source}")]
    Chain {
        /// Whose.
        callee: String,
        /// What is wrong.
        source: chain::NoChain,
    },
    /// The upstream's address is none that can be called; the configuration checks this first.
    #[error("`{callee}`: its upstream's address cannot be called")]
    Address {
        /// Whose.
        callee: String,
    },
    /// A JSON pointer of an HTTP agent is wrong; the configuration checks this first.
    #[error("agent `{callee}`: {why}")]
    Pointer {
        /// Whose.
        callee: String,
        /// What is wrong.
        why: String,
    },
}

/// One generation.
#[derive(Debug)]
pub struct Runtime {
    /// What was loaded.
    pub config: Arc<Config>,
    /// The limits in force, but for those of single agents and models.
    pub limits: LimitRules,
    /// What may be spent.
    pub budgets: money::rules::Rules,
    /// What links cost.
    pub prices: LinkPrices,
    /// Who may do what.
    pub policy: Rules,
    /// The upstreams, by name.
    pub links: BTreeMap<String, Arc<Link>>,
    /// The breakers of all links of all chains.
    pub breakers: Breakers,
    /// The screens outside of golive that somebody uses, by name.
    pub external: BTreeMap<String, Arc<External>>,
    /// The webhooks, by name.
    pub hooks: BTreeMap<String, Arc<Hook>>,
    routes: HashMap<String, Arc<Route>>,
}

/// One agent or model, with the way to what stands behind it.
#[derive(Debug)]
pub struct Route {
    /// What the configuration says.
    pub callee: Arc<Callee>,
    /// `agent/NAME` or `model/NAME`.
    pub id: String,
    /// The digest of the release that serves, in full.
    pub release: String,
    /// The same, shortened, for the `golive-release` header.
    pub release_header: HeaderValue,
    /// The links that it falls back along, in order.
    pub hops: Vec<Hop>,
    /// How they are tried, by what is asked of them.
    ways: [Option<Way>; Work::ALL.len()],
    /// The clocks of a request as a whole.
    pub clocks: Clocks,
    /// How requests are put into the format of a link that speaks another.
    pub translation: translate::Policy,
    /// Its own places, if it has any beside its upstream's.
    pub(crate) room: Option<Arc<Room>>,
    /// Where its text stands, for an HTTP agent.
    pub pointers: Option<AgentPointers>,
    /// Its own limits.
    pub limits: CalleeRules,
    /// What is counted of it.
    pub metrics: CalleeMetrics,
    /// What is done with its texts.
    pub screens: Arc<Screens>,
    /// Hears who asks for a person instead.
    pub handoff: Handoff,
    /// Where it says how sure it is, if anywhere.
    pub confidence: Option<Source>,
}

/// Where an HTTP agent's text stands.
#[derive(Debug)]
pub struct AgentPointers {
    /// The user's text, in the request.
    pub input: Pointer,
    /// The answer's text, in the response.
    pub output: Pointer,
    /// The text, in one streamed event; without one it does not stream.
    pub stream: Option<Pointer>,
}

impl Runtime {
    /// Builds a generation and registers what it defines. `before` lends its links where nothing changed.
    ///
    /// # Errors
    /// See [`RuntimeError`].
    pub async fn build(
        config: Arc<Config>,
        store: &Store,
        metrics: &Metrics,
        before: Option<&Runtime>,
        now_us: i64,
    ) -> Result<Self, RuntimeError> {
        let rules = Rules::build(&config)?;
        let mut links = BTreeMap::new();
        for (name, upstream) in &config.upstreams {
            let kept = before.and_then(|before| before.links.get(name)).filter(|link| {
                same_upstream(&link.upstream, upstream) && link.queue == config.resilience.queue
            });
            let link = match kept {
                Some(link) => Arc::clone(link),
                None => Arc::new(Link::new(upstream, &config.resilience.queue, metrics)?),
            };
            links.insert(name.clone(), link);
        }
        let mut routes = HashMap::new();
        let mut breakers = Breakers::default();
        let mut machines = Machines::new(
            store.user_hash("screening", "tokens for personal data").0,
            &config.media,
        );
        if let Some(before) = before {
            machines = machines.after(&before.external);
        }
        for callee in config.callees() {
            let release = store
                .register_release(&callee.id(), &callee.digest, &callee.definition, now_us)
                .await
                .map_err(|source| RuntimeError::Release {
                    callee: callee.id(),
                    source,
                })?;
            if !release.active {
                tracing::warn!(
                    callee = callee.id(),
                    "pinned to another release: this definition was registered, not activated"
                );
            }
            let mut hops = Vec::with_capacity(callee.chain.len());
            for written in &callee.chain {
                let policy = breaker::policy(&callee.resilience.breaker, written.timeouts.first_byte);
                let before = before.map(|before| &before.breakers);
                let breaker = |name| breakers.of(name, policy, before, metrics);
                // Every upstream of a chain is one of the configuration's.
                let link = Arc::clone(&links[&written.upstream.name]);
                let hop = Hop::new(written, link, breaker).ok_or_else(|| RuntimeError::Address {
                    callee: callee.name.clone(),
                })?;
                hops.push(hop);
            }
            routes.insert(
                callee.name.clone(),
                Arc::new(route(callee, hops, before, metrics, &mut machines)?),
            );
        }
        let limits = LimitRules::of(&config);
        let hooks = config.webhooks.iter();
        let hooks = hooks.map(|(name, webhook)| Ok((name.clone(), Arc::new(Hook::new(webhook)?))));
        let hooks = hooks.collect::<Result<_, HookError>>()?;
        Ok(Self {
            budgets: money::rules::Rules::of(&config, metrics),
            prices: LinkPrices::of(&config),
            config,
            limits,
            policy: rules,
            links,
            breakers,
            external: machines.into_external(),
            hooks,
            routes,
        })
    }

    /// The agent or model that a request's `model` names.
    #[must_use]
    pub fn route(&self, name: &str) -> Option<&Arc<Route>> {
        self.routes.get(name)
    }

    /// The same by its id in the ledger: `agent/NAME` or `model/NAME`.
    #[must_use]
    pub fn route_of(&self, id: &str) -> Option<&Arc<Route>> {
        let (_, name) = id.split_once('/')?;
        self.route(name).filter(|route| route.id == id)
    }

    /// Whether this principal may call it: by the policies, and by the lists of its own key.
    #[must_use]
    pub fn permits(&self, principal: &Principal, route: &Route) -> bool {
        route.is_open_to(principal)
            && self.policy.permit(
                Who::of(principal),
                policy::Action::Call,
                Resource::callee(&route.callee),
            )
    }

    /// The names this principal may call, sorted.
    #[must_use]
    pub fn visible_to(&self, principal: &Principal) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .routes
            .values()
            .filter(|route| self.permits(principal, route))
            .map(|route| route.callee.name.as_str())
            .collect();
        names.sort_unstable();
        names
    }

    /// All routes, in no order.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.routes.values()
    }
}

impl Route {
    /// Whether this principal's own key leaves it in.
    #[must_use]
    pub fn is_open_to(&self, principal: &Principal) -> bool {
        match self.callee.kind {
            CalleeKind::Agent => principal.may_call_agent(&self.callee.name),
            CalleeKind::Model => principal.may_call_model(&self.callee.name),
        }
    }

    /// The way of this work along its links; `None`: none of them speaks the format.
    #[must_use]
    pub fn way(&self, work: Work) -> Option<&Way> {
        self.ways[work as usize].as_ref()
    }

    /// Whether one of its links is an HTTP agent.
    #[must_use]
    pub fn has_http_agent(&self) -> bool {
        self.hops
            .iter()
            .any(|hop| hop.link.upstream.kind == UpstreamKind::Http)
    }
}

/// The breakers by link and [`Work`]. Those with the same link and the same numbers are one: what one agent learns, all know.
#[derive(Debug, Default)]
pub struct Breakers(BTreeMap<String, Vec<Arc<LinkBreaker>>>);

impl Breakers {
    /// The breaker of `link` with these numbers: one of this generation, else one of the generation `before`, so that a
    /// reload forgets nothing.
    fn of(
        &mut self,
        link: String,
        policy: BreakerPolicy,
        before: Option<&Self>,
        metrics: &Metrics,
    ) -> Arc<LinkBreaker> {
        let find = |all: &Self| {
            all.0
                .get(&link)?
                .iter()
                .find(|one| *one.policy() == policy)
                .cloned()
        };
        if let Some(known) = find(self) {
            return known;
        }
        let breaker = before.and_then(find).unwrap_or_else(|| {
            let counters = metrics.link(&link);
            Arc::new(LinkBreaker::new(link.clone(), policy, counters))
        });
        self.0.entry(link).or_default().push(Arc::clone(&breaker));
        breaker
    }

    /// All of them with the name of their link, in its order.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Arc<LinkBreaker>)> {
        self.0
            .iter()
            .flat_map(|(link, all)| all.iter().map(move |breaker| (link.as_str(), breaker)))
    }
}

fn route(
    callee: &Arc<Callee>,
    hops: Vec<Hop>,
    before: Option<&Runtime>,
    metrics: &Metrics,
    machines: &mut Machines,
) -> Result<Route, RuntimeError> {
    let resilience = &callee.resilience;
    let links = hops.iter().zip(&callee.chain).map(|(hop, written)| chain::Link {
        class: match (hop.wire(), resilience.idempotent) {
            (Wire::OpenAi | Wire::Anthropic, _) => UpstreamClass::Model,
            (Wire::Problem, true) => UpstreamClass::IdempotentAgent,
            (Wire::Problem, false) => UpstreamClass::Agent,
        },
        rank: written.rank,
        weight: written.weight,
    });
    let links: Vec<chain::Link> = links.collect();
    let ways = Way::all(&hops, &links, &resilience.retry).map_err(|source| RuntimeError::Chain {
        callee: callee.name.clone(),
        source,
    })?;
    let id = callee.id();
    let before = before.and_then(|before| before.route_of(&id));
    let kept = before.filter(|before| {
        before.callee.max_in_flight == callee.max_in_flight
            && before.callee.resilience.queue == callee.resilience.queue
    });
    let room = match kept {
        Some(before) => before.room.clone(),
        None => callee.max_in_flight.map(|most| {
            let policy = upstream::queue_policy(&resilience.queue);
            Room::new(policy, LimitPolicy::Fixed(most), metrics.queue(&id))
        }),
    };
    let pointer = |text: &str| {
        Pointer::parse(text).map_err(|e| RuntimeError::Pointer {
            callee: callee.name.clone(),
            why: e.to_string(),
        })
    };
    let pointers = match &callee.pointers {
        None => None,
        Some(p) => Some(AgentPointers {
            input: pointer(&p.input)?,
            output: pointer(&p.output)?,
            stream: p.stream.as_deref().map(pointer).transpose()?,
        }),
    };
    let short = &callee.digest[..RELEASE_DIGITS.min(callee.digest.len())];
    Ok(Route {
        release: callee.digest.clone(),
        // Hexadecimal digits are a valid header value.
        release_header: HeaderValue::from_str(short).unwrap_or(HeaderValue::from_static("unknown")),
        hops,
        ways,
        clocks: callee.timeouts,
        room,
        metrics: metrics.callee(&id),
        limits: CalleeRules::of(callee),
        translation: translation(callee, pointers.as_ref()),
        pointers,
        screens: Arc::new(machines.screens(callee)?),
        handoff: Handoff::new(
            callee.escalation.known_phrases,
            &callee.escalation.phrases,
            &callee.escalation.never_phrases,
        ),
        confidence: callee
            .escalation
            .confidence
            .as_ref()
            .filter(|_| callee.escalation.enabled)
            .map(Source::of)
            .transpose()
            .map_err(|why| RuntimeError::Pointer {
                callee: callee.name.clone(),
                why,
            })?,
        id,
        callee: Arc::clone(callee),
    })
}

fn translation(callee: &Callee, pointers: Option<&AgentPointers>) -> translate::Policy {
    let loss = |unsupported| match unsupported {
        Unsupported::Refuse => Loss::Refuse,
        Unsupported::Warn => Loss::Warn,
        Unsupported::Drop => Loss::Drop,
    };
    let declared = &callee.translation;
    let parameters = declared.parameters.iter();
    translate::Policy {
        default: loss(declared.unsupported),
        parameters: parameters
            .map(|(name, what)| (name.clone(), loss(*what)))
            .collect(),
        max_tokens: declared.output,
        agent: pointers.map(|pointers| translate::Agent {
            input: pointers.input.clone(),
            output: pointers.output.clone(),
            stream: pointers.stream.clone(),
        }),
        ..translate::Policy::default()
    }
}

fn same_upstream(a: &golive_config::Upstream, b: &golive_config::Upstream) -> bool {
    use secrecy::ExposeSecret;
    let key = |u: &golive_config::Upstream| u.api_key.as_ref().map(|k| k.expose_secret().to_owned());
    a.kind == b.kind
        && a.base_url == b.base_url
        && key(a) == key(b)
        && a.auth_header == b.auth_header
        && a.anthropic_version == b.anthropic_version
        && a.timeouts == b.timeouts
        && a.max_in_flight == b.max_in_flight
        && a.adaptive == b.adaptive
        && a.retry_budget == b.retry_budget
        && a.private_addresses == b.private_addresses
        && a.ca_file == b.ca_file
        && a.forward_headers == b.forward_headers
        && a.response_size == b.response_size
}
