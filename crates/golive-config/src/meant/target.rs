//! One `[targets.NAME]`: a deployment under proof, with what it claims about itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::limits::per_hour;
use super::{Clocks, Dispatch, Logs, Pointers, Replies, TargetEscalation, TargetQueue, TargetSchema};
use crate::base_url::BaseUrl;
use crate::units::{ByteSize, MicroUsd, Rate};

/// A deployment under proof.
#[derive(Debug, Clone)]
pub struct Target {
    /// The name of its table.
    pub name: String,
    /// Base URL as an SDK takes it (`openai`, `anthropic`), or the agent's own address (`http`).
    pub url: BaseUrl,
    /// Its wire format.
    pub format: TargetFormat,
    /// What requests ask for in `model`.
    pub model: Option<String>,
    /// Where text stands in its JSON. Always there if `format` is `http`.
    pub pointers: Option<Pointers>,
    /// It may be broken, flooded and attacked.
    pub staging: bool,
    /// Its numbers were made smaller for the run; the report says so.
    pub scaled: bool,
    /// Credentials by role. The roles `revoked` and `expired` must be refused by the target.
    pub credentials: BTreeMap<String, SecretString>,
    /// Credentials that were named but not found: the plan says what they would unlock.
    pub missing_credentials: Vec<MissingCredential>,
    /// The lab's OIDC issuer that it trusts, with the roles that come by token (S5, S6).
    pub issuer: Option<TargetIssuer>,
    /// Client certificates by role (S5).
    pub certificates: BTreeMap<String, ClientCertificate>,
    /// What each role may do (S6). Empty: not declared.
    pub matrix: BTreeMap<String, Vec<Capability>>,
    /// What the matrix needs beside the roles (S6).
    pub access: Access,
    /// The numbers it claims.
    pub declares: Declares,
    /// What it claims of the way to its models (P2, P3, P4, E4).
    pub dispatch: Dispatch,
    /// What it says of the form of its requests (S3).
    pub schema: Option<TargetSchema>,
    /// Its health address.
    pub health_url: Option<BaseUrl>,
    /// Its metrics, in Prometheus or OpenMetrics text.
    pub metrics_url: Option<BaseUrl>,
    /// Control address of the lab that plays its model. Only with `staging`.
    pub lab_url: Option<BaseUrl>,
    /// The lab's virtual provider that the target calls.
    pub lab_provider: String,
    /// Programs the prover may run.
    pub commands: Commands,
    /// What a run may cost.
    pub budget: Budget,
    /// PEM file of the authorities that vouch for it, instead of Mozilla's.
    pub ca_file: Option<PathBuf>,
    /// The folder of its repository (S1).
    pub repository: Option<PathBuf>,
    /// Findings in it that are known and borne, as `golive scan --write-baseline` writes them.
    pub scan_baseline: Option<PathBuf>,
    /// Where it must not answer in clear (S7): its host without TLS. `None`: port 80 of the host of `url`.
    pub plain_url: Option<BaseUrl>,
    /// Patterns (`*`, `?`, `**`) of the files in which it keeps what was said, logs and backups included (S7).
    pub store_files: Vec<PathBuf>,
    /// How it tells its failures (E1).
    pub replies: Replies,
    /// Where its error log is read (E2).
    pub logs: Logs,
    /// Its queue (P2, E5).
    pub queue: TargetQueue,
    /// How it hands over to a person (E3).
    pub escalation: TargetEscalation,
    /// Where its memory and its other resources are read, and how much it may use (P5).
    pub memory: Memory,
    /// How it is soaked (P5).
    pub soak: Soak,
    /// What it costs, and what that may be (P6).
    pub money: TargetMoney,
}

impl Target {
    /// A target of which nothing is known but its address: `golive check --url U --format F`.
    #[must_use]
    pub fn bare(name: &str, url: BaseUrl, format: TargetFormat) -> Self {
        Self {
            name: name.to_owned(),
            url,
            format,
            model: None,
            pointers: None,
            staging: false,
            scaled: false,
            credentials: BTreeMap::new(),
            missing_credentials: Vec::new(),
            issuer: None,
            certificates: BTreeMap::new(),
            matrix: BTreeMap::new(),
            access: Access::default(),
            declares: Declares::default(),
            dispatch: Dispatch::default(),
            schema: None,
            health_url: None,
            metrics_url: None,
            lab_url: None,
            lab_provider: "default".to_owned(),
            commands: Commands::default(),
            budget: Budget::default(),
            ca_file: None,
            repository: None,
            scan_baseline: None,
            plain_url: None,
            store_files: Vec::new(),
            replies: Replies::default(),
            logs: Logs::default(),
            queue: TargetQueue::default(),
            escalation: TargetEscalation::default(),
            memory: Memory::default(),
            soak: Soak::default(),
            money: TargetMoney::default(),
        }
    }
}

/// Where a target's memory is read. What is absent is not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// File that holds the number of its process, on this machine.
    pub pid_file: Option<PathBuf>,
    /// Folder of its control group (version 2), on this machine.
    pub cgroup: Option<PathBuf>,
    /// Name of a gauge in bytes at its metrics address; none: the usual ones are looked for.
    pub metric: Option<String>,
    /// Program that prints its memory in bytes.
    pub command: Option<Vec<String>>,
    /// The memory it may use.
    pub limit: Option<ByteSize>,
    /// Patterns of the files of its database.
    pub database_files: Vec<PathBuf>,
    /// The space these may use.
    pub database_limit: Option<ByteSize>,
}

/// How a target is soaked.
#[derive(Debug, Clone, PartialEq)]
pub struct Soak {
    /// A soak of this length counts in full.
    pub duration: Duration,
    /// How long `golive check` soaks.
    pub in_check: Duration,
    /// Requests per second; none: the expected load, or one.
    pub rate: Option<f64>,
    /// After the load nothing is asked for so long.
    pub idle: Duration,
    /// Where this run keeps its readings and goes on from: set by `golive soak` alone, which soaks in full.
    pub record: Option<PathBuf>,
    /// What the file declares, where `golive soak` was told another `duration`.
    pub declared: Option<Duration>,
}

/// The checklist's 24 h; in a check 10 min.
impl Default for Soak {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(24 * 3_600),
            in_check: Duration::from_secs(600),
            rate: None,
            idle: Duration::from_secs(900),
            record: None,
            declared: None,
        }
    }
}

/// What a target costs. Prices are millionths of a dollar per million tokens.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TargetMoney {
    /// Per million input tokens that came from no cache.
    pub input: Option<MicroUsd>,
    /// Per million input tokens from the provider's cache; none: as `input`.
    pub cached_input: Option<MicroUsd>,
    /// Per million output tokens, reasoning included.
    pub output: Option<MicroUsd>,
    /// The day the prices are of, as `YYYY-MM-DD`.
    pub prices_of: Option<String>,
    /// What it may cost in a month of 30 days.
    pub monthly_budget: Option<MicroUsd>,
    /// Requests per second that are expected on average; none: `declares.expected_rate`, which is a peak.
    pub volume: Option<f64>,
    /// Real requests of the expected kind, one JSON object a line with the tokens of each.
    pub sample: Option<PathBuf>,
    /// Role whose key is under a small budget (P6).
    pub budget_role: Option<String>,
    /// That budget.
    pub small_budget: Option<MicroUsd>,
    /// How far it may be overspent by requests that were under way; none: by what sixteen of the largest cost.
    pub overshoot: Option<MicroUsd>,
    /// The most tokens one answer may have: for the worst hour.
    pub output_max: Option<u64>,
    /// The most tokens one request may have: for the worst hour.
    pub input_max: Option<u64>,
    /// Gauge or counter of what was spent, in dollars, at its metrics address; none: the usual ones are looked for.
    pub spent_metric: Option<String>,
    /// A model for which it has no price (P6): must be refused, or priced, and never cost nothing.
    pub unpriced_model: Option<String>,
}

/// A credential that was named in the file but is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingCredential {
    /// The role it was meant for.
    pub role: String,
    /// Where it was looked for: `env NAME` or `file /path`.
    pub source: String,
}

/// The lab's OIDC issuer, as a target trusts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetIssuer {
    /// The lab's name for it.
    pub name: String,
    /// The target's name for it (`iss`); none: as the prover reaches it.
    pub address: Option<String>,
    /// What the target wants in `aud`.
    pub audience: String,
    /// Algorithms that it accepts; the others must be refused. Empty: not declared.
    pub algorithms: Vec<String>,
    /// `typ` of a right token.
    pub typ: String,
    /// The claim that holds the roles, or a JSON pointer to it.
    pub roles_claim: String,
    /// A newly published key works within this time.
    pub learns_within: Duration,
    /// A withdrawn key is refused within this time.
    pub forgets_within: Duration,
    /// What the tokens of each role say.
    pub roles: BTreeMap<String, TokenRole>,
}

/// What the tokens of a role say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRole {
    /// The values of the roles claim.
    pub claim: Vec<String>,
    /// `sub`.
    pub subject: String,
}

/// A client certificate, by its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// PEM: the certificate, then its chain.
    pub cert_file: PathBuf,
    /// PEM: its private key.
    pub key_file: PathBuf,
}

/// Something that a role may do, or not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// Ask this agent.
    Agent(String),
    /// Ask this model.
    Model(String),
    /// Have this tool called.
    Tool(String),
    /// Make this call of the administration.
    Admin {
        /// In capitals.
        method: String,
        /// From the root, with its query.
        path: String,
    },
}

impl std::fmt::Display for Capability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Agent(name) => write!(f, "agent:{name}"),
            Self::Model(name) => write!(f, "model:{name}"),
            Self::Tool(name) => write!(f, "tool:{name}"),
            Self::Admin { method, path } => write!(f, "admin:{method} {path}"),
        }
    }
}

/// A text that is no capability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a capability; write agent:NAME, model:NAME, tool:NAME or admin:METHOD /PATH")]
pub struct NotACapability(String);

impl std::str::FromStr for Capability {
    type Err = NotACapability;

    fn from_str(text: &str) -> Result<Self, NotACapability> {
        let no = || NotACapability(text.chars().take(60).collect());
        let (kind, name) = text.split_once(':').ok_or_else(no)?;
        if name.is_empty() || name.trim() != name {
            return Err(no());
        }
        match kind {
            "agent" => Ok(Self::Agent(name.to_owned())),
            "model" => Ok(Self::Model(name.to_owned())),
            "tool" => Ok(Self::Tool(name.to_owned())),
            "admin" => {
                let (method, path) = name.split_once(' ').ok_or_else(no)?;
                let upper = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
                if !upper || !path.starts_with('/') || path.contains(' ') {
                    return Err(no());
                }
                Ok(Self::Admin {
                    method: method.to_owned(),
                    path: path.to_owned(),
                })
            }
            _ => Err(no()),
        }
    }
}

/// What the matrix needs beside the roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Capabilities that no role has.
    pub closed: Vec<Capability>,
    /// Where `admin:` capabilities are asked for; none: on the target's own host.
    pub admin_url: Option<BaseUrl>,
    /// Where a caller reads its own rows.
    pub rows_path: Option<String>,
}

/// How to speak to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetFormat {
    /// `/v1/chat/completions`.
    OpenAi,
    /// `/v1/messages`.
    Anthropic,
    /// Any JSON over HTTP, by pointers.
    Http,
}

impl TargetFormat {
    /// As written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Http => "http",
        }
    }
}

/// The numbers a target claims; what is absent is judged by the checklist's own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Declares {
    /// Rate of each user (S2). `None`: declared as having none.
    pub user_limit: Option<Rate>,
    /// Rate of the whole deployment (S2). `None`: declared as having none.
    pub global_limit: Option<Rate>,
    /// Upstream clock until the first content of a stream, or the whole of a plain answer (P2).
    pub first_byte: Duration,
    /// Upstream clock between two bytes (P2).
    pub idle: Duration,
    /// Upstream clock of a whole plain call (P2).
    pub total_request: Duration,
    /// Upstream clock of a whole stream (P2).
    pub total_stream: Duration,
    /// 95th percentile of simple requests (P1).
    pub p95_simple: Duration,
    /// 95th percentile of complex requests (P1).
    pub p95_complex: Duration,
    /// Expected load, requests per second (P1 loads to ten times it).
    pub expected_rate: Option<f64>,
    /// Health names a broken dependency within this time (M1).
    pub health_detect: Duration,
    /// Largest request body it takes (S3).
    pub body_size: ByteSize,
}

/// Programs the prover may run, each as program and arguments, without a shell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commands {
    /// Deploys the version under proof.
    pub deploy: Option<Vec<String>>,
    /// Goes back one version.
    pub rollback: Option<Vec<String>>,
    /// Breaks a dependency.
    pub break_: Option<Vec<String>>,
    /// Heals it.
    pub heal: Option<Vec<String>>,
    /// Revokes a credential; `{role}` in an argument becomes its role.
    pub revoke: Option<Vec<String>>,
    /// Turns a feature off.
    pub flag: Option<Vec<String>>,
    /// Prints what was kept of one request (S7); `{id}`, `{user}` and `{prompt}` in an argument become its id, its
    /// user and a word of its prompt.
    pub read_back: Option<Vec<String>>,
}

/// What a run may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Requests sent to the target in all.
    pub requests: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { requests: 20_000 }
    }
}

/// The checklist's own numbers, and the gateway's own clocks and sizes.
impl Default for Declares {
    fn default() -> Self {
        let clocks = Clocks::default();
        Self {
            user_limit: Some(per_hour(100)),
            global_limit: Some(per_hour(10_000)),
            first_byte: clocks.first_byte,
            idle: clocks.idle,
            total_request: clocks.total_request,
            total_stream: clocks.total_stream,
            p95_simple: Duration::from_secs(3),
            p95_complex: Duration::from_secs(10),
            expected_rate: None,
            health_detect: Duration::from_secs(10),
            body_size: ByteSize(4 * 1024 * 1024),
        }
    }
}
