//! S1: from the tree as written to the [`Config`] as meant, collecting every mistake on the way.
//!
//! One file per section. A reader that cannot give a value notes a mistake and goes on with a
//! placeholder: a file with mistakes never becomes a `Config`, so no placeholder gets out.
//!
//! Never: stops early, opens a socket, echoes a secret.

mod access;
mod callees;
mod callers;
mod certificate;
mod escalation;
mod external;
mod gateway;
mod keys;
mod limits;
mod literal;
mod money;
mod replies;
mod resilience;
mod screening;
mod secrets;
mod table;
mod target_dispatch;
mod target_schema;
mod targets;
mod translation;
mod unknown;
mod upstreams;

pub use escalation::read_time_zone;
pub(crate) use literal::{is_variable_name, literal_secrets};
pub use secrets::{NotAMasterKey, parse_master_key, secret_from_file, secret_from_variable};
pub(crate) use table::{At, Table};

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::Config;
use crate::environment::Environment;
use crate::mistake::{Mistake, Mistakes};

/// Which half of golive reads the file: secrets and files of the other half need not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// `serve` and all that needs the store: a target's missing credential is a warning.
    Gateway,
    /// `check`: only `[targets]` is used.
    Prover,
}

/// What the readers share.
pub(crate) struct Walk<'a> {
    /// The file, as named.
    pub file: &'a Path,
    /// Its folder: relative paths start there.
    pub folder: &'a Path,
    /// Where variables are looked up.
    pub environment: &'a dyn Environment,
    /// Which half reads.
    pub need: Need,
    /// What was found so far.
    pub mistakes: &'a mut Mistakes,
    /// Every key path that a reader asked for, as in `reference::paths`.
    pub asked: BTreeSet<String>,
}

impl Walk<'_> {
    /// Reads the whole tree.
    pub(crate) fn config(&mut self, tree: &DeTable<'_>) -> Config {
        let root = Table::root(tree);
        unknown::check(self, &root);
        let server = gateway::server(self, &root);
        let inbound = gateway::inbound(self, &root);
        let probes = gateway::probes(self, &root, &server);
        let admin = access::admin(self, &root, &server, &probes);
        let log = gateway::log(self, &root);
        let error_log = gateway::error_log(self, &root);
        let store = gateway::store(self, &root);
        let limits = limits::all(self, &root);
        let media = screening::media(self, &root);
        let screens = external::all(self, &root);
        let screening = screening::all(self, &root, &screens);
        let resilience = resilience::all(self, &root);
        let messages = resilience::messages(self, &root, &resilience::preset_messages());
        let translation = translation::read(self, &root, &crate::Translation::default());
        let upstreams = upstreams::all(self, &root);
        let (escalation, operators_url) = escalation::all(self, &root);
        let webhooks = escalation::webhooks(self, &root);
        let presets = callees::Presets {
            screening: (&screening, &screens),
            resilience: &resilience,
            messages: &messages,
            translation: &translation,
            escalation: &escalation,
        };
        let routes = callees::all(self, &root, &upstreams, &presets);
        escalation::dangling(self, &root, &routes.agents, &webhooks);
        let money = money::money(self, &root);
        let budgets = money::budgets(self, &root, &money, &routes, &store);
        let keys = keys::all(self, &root, &routes);
        let issuers = callers::issuers(self, &root, &routes);
        let certificates = callers::certificates(self, &root, &routes, &server);
        let policies = access::policies(self, &root);
        let tools = access::tools(self, &root);
        let targets = targets::all(self, &root);
        Config {
            file: self.file.to_owned(),
            server,
            inbound,
            probes,
            admin,
            log,
            error_log,
            store,
            limits,
            screening,
            resilience,
            messages,
            translation,
            money,
            budgets,
            media,
            screens,
            escalation,
            operators_url,
            webhooks,
            upstreams: upstreams.known,
            agents: routes.agents,
            models: routes.models,
            keys,
            issuers,
            certificates,
            policies,
            tools,
            targets,
        }
    }

    /// Notes a mistake of this file.
    pub(crate) fn mistake(
        &mut self,
        span: Range<usize>,
        code: &'static str,
        message: String,
    ) -> &mut Mistake {
        self.mistakes.push(self.file, span, code, message)
    }

    /// A path of the file, from its folder.
    pub(crate) fn join(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }
}
