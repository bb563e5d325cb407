//! One generation of the configuration, ready to serve: routes by name, links by upstream, limits.
//!
//! A reload builds a new generation beside the running one and swaps it in; a request keeps the generation it
//! began with. Links whose upstream did not change are carried over with their connections, places and health.
//!
//! Never: changes after it was built.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use golive_config::{Callee, CalleeKind, Config, UpstreamKind};
use golive_resilience::deadline::Clocks;
use golive_screen::handoff::Handoff;
use golive_store::{Store, StoreError};
use golive_wire::http_agent::Pointer;
use http::{HeaderValue, Uri};
use tokio::sync::Semaphore;

use crate::auth::principal::Principal;
use crate::conversations::confidence::Source;
use crate::conversations::{Hook, HookError};
use crate::limits::rules::{CalleeRules, Rules as LimitRules};
use crate::metrics::{CalleeMetrics, Metrics};
use crate::policy::{self, PolicyError, Resource, Rules, Who};
use crate::screens::{Machines, ScreenError, Screens};
use crate::upstream::{Link, LinkError};

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
    /// Who may do what.
    pub policy: Rules,
    /// The links, by upstream.
    pub links: BTreeMap<String, Arc<Link>>,
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
    /// The one link of its chain.
    pub link: Arc<Link>,
    /// `upstream/model`, for the ledger.
    pub link_name: String,
    /// The address that is called, whole.
    pub uri: Uri,
    /// The model's name at the upstream.
    pub upstream_model: Option<String>,
    /// Its clocks.
    pub clocks: Clocks,
    /// Its own places, if it has any beside its upstream's.
    pub permits: Option<Arc<Semaphore>>,
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
            let kept = before
                .and_then(|before| before.links.get(name))
                .filter(|link| same_upstream(&link.upstream, upstream));
            let link = match kept {
                Some(link) => Arc::clone(link),
                None => Arc::new(Link::new(upstream, metrics)?),
            };
            links.insert(name.clone(), link);
        }
        let mut routes = HashMap::new();
        let mut machines = Machines::new(store.user_hash("screening", "tokens for personal data").0);
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
            routes.insert(
                callee.name.clone(),
                Arc::new(route(callee, &links, metrics, &mut machines)?),
            );
        }
        let limits = LimitRules::of(&config);
        let hooks = config.webhooks.iter();
        let hooks = hooks.map(|(name, webhook)| Ok((name.clone(), Arc::new(Hook::new(webhook)?))));
        let hooks = hooks.collect::<Result<_, HookError>>()?;
        Ok(Self {
            config,
            limits,
            policy: rules,
            links,
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

    /// The wire format of what stands behind it.
    #[must_use]
    pub fn kind(&self) -> UpstreamKind {
        self.link.upstream.kind
    }
}

fn route(
    callee: &Arc<Callee>,
    links: &BTreeMap<String, Arc<Link>>,
    metrics: &Metrics,
    machines: &mut Machines,
) -> Result<Route, RuntimeError> {
    let first = &callee.chain[0]; // the configuration refuses an empty chain
    let link = Arc::clone(&links[&first.upstream.name]); // every upstream of a chain is one of the configuration's
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
    let path = match link.upstream.kind {
        UpstreamKind::OpenAi => "/chat/completions",
        UpstreamKind::Anthropic => "/v1/messages",
        UpstreamKind::Http => "",
    };
    let uri = link.uri(path).parse().map_err(|_| RuntimeError::Address {
        callee: callee.name.clone(),
    })?;
    let id = callee.id();
    let short = &callee.digest[..RELEASE_DIGITS.min(callee.digest.len())];
    Ok(Route {
        release: callee.digest.clone(),
        // Hexadecimal digits are a valid header value.
        release_header: HeaderValue::from_str(short).unwrap_or(HeaderValue::from_static("unknown")),
        link_name: match &first.model {
            Some(model) => format!("{}/{model}", first.upstream.name),
            None => first.upstream.name.clone(),
        },
        uri,
        upstream_model: first.model.clone(),
        clocks: callee.timeouts,
        permits: callee.max_in_flight.map(|n| Arc::new(Semaphore::new(n as usize))),
        metrics: metrics.callee(&id),
        limits: CalleeRules::of(callee),
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
        link,
        id,
        callee: Arc::clone(callee),
    })
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
        && a.private_addresses == b.private_addresses
        && a.ca_file == b.ca_file
        && a.forward_headers == b.forward_headers
        && a.response_size == b.response_size
}
