//! The configuration as meant: typed, in range, defaults filled in.
//!
//! Whoever holds a [`Config`] need not ask again whether a value is sane: it was made by
//! [`crate::load`], and only there. All fields are public because there is nothing left to guard.
//!
//! Never: a secret as a plain string, a path that is still relative to the config file, a name that
//! points nowhere.

mod access;
mod callee;
mod callers;
mod escalation;
mod external;
mod limits;
mod media;
mod money;
mod resilience;
mod screening;
mod sections;
mod target;
mod target_dispatch;
mod target_replies;
mod target_schema;
mod translation;
mod upstream;

pub use access::{Admin, DeniedTools, PolicyFile, PolicySection, ToolRule};
pub use callee::{Callee, CalleeKind, LinkRef, Pointers};
pub use callers::{Algorithm, ClientCertificates, ClientName, Grant, Issuer, IssuerKeys, San};
pub use escalation::{Confidence, Escalation, EventKind, Priority, Webhook, WebhookKind};
pub use external::{ExternalScreen, Fail, FindingAction, ScreenKind, Streams};
pub use limits::{Limits, OwnLimits, TeamLimits, TokenLimits};
pub use media::MediaSection;
pub use money::{BudgetScope, Money, Period, SpendingBudget, UnknownPrice, offset_text, period_text};
pub use resilience::{
    BreakerNumbers, Messages, OnFailure, Overflow, Patience, Queue, Resilience, RetryBudget, RetryPolicy,
    Sentences,
};
pub use screening::{CustomKind, HiddenText, InjectionAction, PiiAction, ReadFile, Screening};
pub use sections::{
    ConfiguredKey, Durability, ErrorLog, Inbound, Log, LogFormat, LogLevel, MasterKey, Probes, Server,
    StoreSection, Transport, WhenFull,
};
pub use target::{
    Access, Budget, Capability, ClientCertificate, Commands, Declares, Memory, MissingCredential,
    NotACapability, Soak, Target, TargetFormat, TargetIssuer, TargetMoney, TokenRole,
};
pub use target_dispatch::{ClaimedBreaker, ClaimedRetry, Counted, Dispatch, LinkPrice, Links};
pub use target_replies::{HookKind, LogFields, Logs, Replies, Surface, TargetEscalation, TargetQueue};
pub use target_schema::{MARKER, TargetSchema};
pub use translation::{Translation, Unsupported};
pub use upstream::{Clocks, Upstream, UpstreamKind};

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// One `golive.toml`, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from, as it was named.
    pub file: PathBuf,
    /// `[server]`: the public listener.
    pub server: Server,
    /// `[inbound]`: what a client may use up before it is identified.
    pub inbound: Inbound,
    /// `[probes]`: the listener of `/health` and `/metrics`.
    pub probes: Probes,
    /// `[admin]`: the listener of operators; `None`: there is none.
    pub admin: Option<Admin>,
    /// `[log]`: golive's own log on stderr.
    pub log: Log,
    /// `[error_log]`: what went wrong; `None`: it is switched off.
    pub error_log: Option<ErrorLog>,
    /// `[store]`: ledger, keys, releases.
    pub store: StoreSection,
    /// `[limits]`: requests and tokens per sliding window.
    pub limits: Limits,
    /// `[screening]`: what holds for every agent and model that does not say otherwise.
    pub screening: Screening,
    /// `[retry]`, `[breaker]`, `[queue]`: the same for failures and waiting.
    pub resilience: Resilience,
    /// `[messages.LOCALE]`: what people are told who get no answer.
    pub messages: Messages,
    /// `[translation]`: the same for links that speak another format.
    pub translation: Translation,
    /// `[money]` and `[prices.NAME]`: what models cost.
    pub money: Money,
    /// `[[budgets]]`: what may be spent.
    pub budgets: Vec<SpendingBudget>,
    /// `[media]`: how golive fetches what requests name.
    pub media: MediaSection,
    /// `[screens.NAME]`: screens outside of golive.
    pub screens: BTreeMap<String, Arc<ExternalScreen>>,
    /// `[escalation]`: what holds for every agent that does not say otherwise.
    pub escalation: Escalation,
    /// `[escalation] operators_url`: where operators reach the admin API.
    pub operators_url: Option<crate::BaseUrl>,
    /// `[webhooks.NAME]`: who is told when a conversation waits for a person.
    pub webhooks: BTreeMap<String, Arc<Webhook>>,
    /// `[upstreams.NAME]`: provider accounts and HTTP agents.
    pub upstreams: BTreeMap<String, Arc<Upstream>>,
    /// `[agents.NAME]`: what people talk to.
    pub agents: BTreeMap<String, Arc<Callee>>,
    /// `[models.NAME]`: what agents talk to.
    pub models: BTreeMap<String, Arc<Callee>>,
    /// `[keys.NAME]`: callers whose key stands in the environment.
    pub keys: BTreeMap<String, ConfiguredKey>,
    /// `[issuers.NAME]`: who issues tokens that are accepted.
    pub issuers: BTreeMap<String, Arc<Issuer>>,
    /// `[certificates.NAME]`: callers that show a client certificate.
    pub certificates: BTreeMap<String, ClientName>,
    /// `[policies]`: what is added to the built-in roles.
    pub policies: PolicySection,
    /// `[tools.NAME]`: function tools that are governed.
    pub tools: BTreeMap<String, ToolRule>,
    /// `[targets.NAME]`: deployments under proof.
    pub targets: BTreeMap<String, Target>,
}

impl Config {
    /// The agent or model that a request's `model` names: agents first, then models. The two never
    /// share a name.
    #[must_use]
    pub fn callee(&self, name: &str) -> Option<&Arc<Callee>> {
        self.agents.get(name).or_else(|| self.models.get(name))
    }

    /// All agents, then all models, each in name order.
    pub fn callees(&self) -> impl Iterator<Item = &Arc<Callee>> {
        self.agents.values().chain(self.models.values())
    }

    /// What escalation lacks, for `golive config check`: a code, what is missing, and what to do. A gateway serves
    /// without it, and a person who asks for a person may wait unseen.
    #[must_use]
    pub fn escalation_gaps(&self) -> Vec<(&'static str, String, &'static str)> {
        let escalating = || self.agents.values().filter(|agent| agent.escalation.enabled);
        let mut gaps = Vec::new();
        let unseen: Vec<&str> = escalating()
            .filter(|agent| match &agent.escalation.webhooks {
                Some(names) => names.is_empty(),
                None => self.webhooks.is_empty(),
            })
            .map(|agent| agent.name.as_str())
            .collect();
        if !unseen.is_empty() {
            let message = format!(
                "no webhook is told when a conversation with {} waits for a person: it waits in `golive inbox` alone",
                unseen.join(", ")
            );
            let help = "add [webhooks.NAME] with kind = \"generic\" or \"slack\", or see to it that somebody looks; \
                        [escalation] enabled = false switches escalation off";
            gaps.push(("no_webhook", message, help));
        }
        let asserted = self.keys.values().any(|key| key.may_assert_users)
            || !self.issuers.is_empty()
            || self.certificates.values().any(|one| one.grant.may_assert_users);
        if escalating().next().is_some() && !asserted {
            let message =
                "no caller of this file may say on whose behalf it calls: conversations are known by their \
                           `golive-conversation` header alone"
                    .to_owned();
            let help = "set may_assert_users = true on the key of your application and send `golive-user`, or send \
                        `golive-conversation` (keys made by `golive keys create --may-assert-users` are not looked at here)";
            gaps.push(("no_users", message, help));
        }
        gaps
    }

    /// The keys that differ from `new` and that a running gateway cannot take over: listeners, TLS,
    /// what an open listener asks of its connections, the log and the store. Empty: a reload applies
    /// everything.
    ///
    /// Of `[inbound]`, the listener keeps the bounds on connections and heads from when it was opened;
    /// bounds on bodies are asked of the running configuration with every request and apply at once.
    /// `unread_timeout` is kept by both, so it holds in full only after a restart.
    #[must_use]
    pub fn needs_restart(&self, new: &Config) -> Vec<&'static str> {
        let (old_store, new_store) = (&self.store, &new.store);
        let (old_in, new_in) = (&self.inbound, &new.inbound);
        [
            ("server.listen", self.server.listen != new.server.listen),
            ("server.tls", self.server.transport != new.server.transport),
            ("server.host", self.server.host != new.server.host),
            (
                "server.redirect_from",
                self.server.redirect_from != new.server.redirect_from,
            ),
            (
                "server.trusted_proxies",
                self.server.trusted_proxies != new.server.trusted_proxies,
            ),
            (
                "server.client_ca_file",
                self.server.client_certificates != new.server.client_certificates,
            ),
            ("server.drain", self.server.drain != new.server.drain),
            ("inbound.head_timeout", old_in.head_timeout != new_in.head_timeout),
            ("inbound.head_size", old_in.head_size != new_in.head_size),
            (
                "inbound.handshake_timeout",
                old_in.handshake_timeout != new_in.handshake_timeout,
            ),
            ("inbound.connections", old_in.connections != new_in.connections),
            (
                "inbound.connections_per_address",
                old_in.connections_per_address != new_in.connections_per_address,
            ),
            ("inbound.h2_streams", old_in.h2_streams != new_in.h2_streams),
            ("inbound.h2_resets", old_in.h2_resets != new_in.h2_resets),
            (
                "inbound.unread_timeout",
                old_in.unread_timeout != new_in.unread_timeout,
            ),
            ("inbound.idle_timeout", old_in.idle_timeout != new_in.idle_timeout),
            ("probes", self.probes != new.probes),
            ("admin", self.admin != new.admin),
            ("log", self.log != new.log),
            ("error_log", self.error_log != new.error_log),
            ("store.path", old_store.path != new_store.path),
            ("store.durability", old_store.durability != new_store.durability),
            ("store.spill_size", old_store.spill_size != new_store.spill_size),
            (
                "store.when_spill_full",
                old_store.when_spill_full != new_store.when_spill_full,
            ),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}
