//! E1, E2, E3, E5: what a target says of its failure messages, its error log, its queue and its escalation, for the proofs.
//!
//! Never: a number that the proofs could measure by themselves instead.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::base_url::BaseUrl;

/// How failures are told (E1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replies {
    /// Who is spoken to. `None`: either will do, as long as it is always the same.
    pub surface: Option<Surface>,
    /// Locales in which failures are told, sent in `accept-language`. Empty: one language, whatever is asked for.
    pub locales: Vec<String>,
    /// The header that marks a degraded reply.
    pub marker_header: String,
    /// Names that may stand in a failure message though they look like a provider's.
    pub allowed_names: Vec<String>,
    /// Names of its inside that must never stand in one: upstreams, hosts, services.
    pub internal_names: Vec<String>,
}

/// Who asks a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// People: a failure is a reply under 200, marked as degraded.
    Agent,
    /// Programs: a failure is a typed error.
    Model,
}

impl Default for Replies {
    fn default() -> Self {
        Self {
            surface: None,
            locales: Vec::new(),
            marker_header: "golive-degraded".to_owned(),
            allowed_names: Vec::new(),
            internal_names: Vec::new(),
        }
    }
}

/// Where the error log is read, and how its entries are written (E2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    /// A file of JSON lines that grows.
    pub file: Option<PathBuf>,
    /// A program that prints them; `{trace_id}`, `{request_id}` and `{user}` in an argument are filled in.
    pub command: Option<Vec<String>>,
    /// An address that gives them out.
    pub url: Option<BaseUrl>,
    /// An entry is there within this time.
    pub within: Duration,
    /// The names of its fields.
    pub fields: LogFields,
}

/// The names of an entry's fields: a member's name, or a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFields {
    /// When.
    pub timestamp: String,
    /// The keyed hash of the user.
    pub user: String,
    /// What was asked, redacted.
    pub input_summary: String,
    /// What kind of failure.
    pub error_type: String,
    /// The causes.
    pub error_chain: String,
    /// What was done about it.
    pub recovery_action: String,
    /// The trace.
    pub trace_id: String,
    /// The request, as the answer's header names it.
    pub request_id: String,
}

impl Default for LogFields {
    fn default() -> Self {
        let own = str::to_owned;
        Self {
            timestamp: own("timestamp"),
            user: own("user"),
            input_summary: own("input_summary"),
            error_type: own("error_type"),
            error_chain: own("error_chain"),
            recovery_action: own("recovery_action"),
            trace_id: own("trace_id"),
            request_id: own("request_id"),
        }
    }
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            file: None,
            command: None,
            url: None,
            within: Duration::from_secs(30),
            fields: LogFields::default(),
        }
    }
}

impl Logs {
    /// Whether there is anything to read.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.file.is_some() || self.command.is_some() || self.url.is_some()
    }
}

/// The queue before a target's model (E5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetQueue {
    /// Calls that are served at once. `None`: measured.
    pub concurrency: Option<u32>,
    /// Calls that wait. `None`: measured.
    pub length: Option<u32>,
    /// The longest wait.
    pub wait: Duration,
    /// What has no place is refused within this.
    pub refused_within: Duration,
    /// The header by which a request asks for its priority.
    pub priority_header: Option<String>,
    /// Its values, most important first.
    pub priorities: Vec<String>,
    /// Roles whose requests go first, most important first, where priority goes by credential.
    pub priority_roles: Vec<String>,
}

impl Default for TargetQueue {
    fn default() -> Self {
        Self {
            concurrency: None,
            length: None,
            wait: Duration::from_secs(300),
            refused_within: Duration::from_millis(100),
            priority_header: None,
            priorities: Vec::new(),
            priority_roles: Vec::new(),
        }
    }
}

/// How a conversation is handed over to a person (E3).
#[derive(Debug, Clone)]
pub struct TargetEscalation {
    /// The lab's receiver that the target's webhook points at: `LAB/_hook/NAME`. `None`: E3 is unproven.
    pub receiver: Option<String>,
    /// What it sends.
    pub kind: HookKind,
    /// What its events are signed with.
    pub secret: Option<SecretString>,
    /// The header that carries the signature, `t=UNIX,v1=HEX`.
    pub signature_header: String,
    /// The header that carries the event's id, the same at each delivery.
    pub event_header: String,
    /// An event arrives within this time.
    pub within: Duration,
    /// So many failed attempts in a row hand over.
    pub attempts: u32,
    /// Answers below this confidence hand over, in hundredths.
    pub confidence_percent: u32,
    /// The header in which the model's answer states its confidence.
    pub confidence_header: Option<String>,
    /// Where in the model's answer it stands.
    pub confidence_pointer: Option<String>,
    /// The header that names the conversation.
    pub conversation_header: String,
    /// Where the user reads what was said; `{conversation}` becomes its name.
    pub messages_path: Option<String>,
    /// The role whose credential answers for the operator.
    pub operator: Option<String>,
    /// Where an operator answers, on the host of `access.admin_url`; `{ticket}` and `{conversation}` are filled in.
    pub reply_path: Option<String>,
    /// Where an operator gives the conversation back.
    pub resolve_path: Option<String>,
    /// A program that answers instead; `{ticket}`, `{conversation}` and `{text}` are filled in.
    pub reply_command: Option<Vec<String>>,
    /// A program that gives it back instead.
    pub resolve_command: Option<Vec<String>>,
}

/// What a webhook sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookKind {
    /// golive's event as JSON, signed.
    Signed,
    /// A message for Slack's incoming webhooks.
    Slack,
}

impl Default for TargetEscalation {
    fn default() -> Self {
        Self {
            receiver: None,
            kind: HookKind::Signed,
            secret: None,
            signature_header: "golive-signature".to_owned(),
            event_header: "golive-event-id".to_owned(),
            within: Duration::from_secs(10),
            attempts: 3,
            confidence_percent: 50,
            confidence_header: None,
            confidence_pointer: None,
            conversation_header: "golive-conversation".to_owned(),
            messages_path: None,
            operator: None,
            reply_path: None,
            resolve_path: None,
            reply_command: None,
            resolve_command: None,
        }
    }
}
