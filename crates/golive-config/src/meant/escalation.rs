//! E3: `[escalation]`, what an agent has of its own, and `[webhooks.NAME]`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use golive_checklist::unit::Rate;
use golive_resilience::escalation::Policy;
use golive_resilience::escalation::hours::Hours;
use ipnet::IpNet;
use secrecy::SecretString;

use crate::base_url::BaseUrl;

/// When a conversation goes to a person, and what is said meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub struct Escalation {
    /// Whether it ever does.
    pub enabled: bool,
    /// When it does, and how long things may take.
    pub policy: Policy,
    /// Words that ask for a person, beside the known ones.
    pub phrases: Vec<String>,
    /// Words that do not, though the known ones are in them.
    pub never_phrases: Vec<String>,
    /// Whether golive's own phrases, in many languages, count.
    pub known_phrases: bool,
    /// Where the agent says how sure it is; `None`: nowhere.
    pub confidence: Option<Confidence>,
    /// When people are there. Always, where none are named.
    pub hours: Hours,
    /// The same as it was written.
    pub hours_written: Vec<String>,
    /// The time zone of the hours: a name of the time zone database, or a POSIX one.
    pub time_zone: String,
    /// What the user is told when a person takes over.
    pub message: Option<String>,
    /// The same while nobody is there; `{opens}` is when somebody is.
    pub message_closed: Option<String>,
    /// What is told of a message that was passed on to the person.
    pub message_waiting: Option<String>,
    /// What is told when nobody has answered in time.
    pub message_overdue: Option<String>,
    /// How urgent its tickets are.
    pub priority: Priority,
    /// How often one who is over a limit or a budget is still listened to, in case he asks for a person; `None`: never.
    pub over_limit: Option<Rate>,
    /// The webhooks that are told; `None`: all.
    pub webhooks: Option<Vec<String>>,
}

impl Default for Escalation {
    fn default() -> Self {
        Self {
            enabled: true,
            policy: Policy::default(),
            phrases: Vec::new(),
            never_phrases: Vec::new(),
            known_phrases: true,
            confidence: None,
            hours: Hours::default(),
            hours_written: Vec::new(),
            time_zone: "UTC".to_owned(),
            message: None,
            message_closed: None,
            message_waiting: None,
            message_overdue: None,
            priority: Priority::default(),
            over_limit: "30/h".parse().ok(),
            webhooks: None,
        }
    }
}

/// Where an agent says how sure it is of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confidence {
    /// A number from 0 to 1 at this JSON pointer of its answer.
    Pointer(String),
    /// A number from 0 to 1 in this header of its answer.
    Header(String),
    /// The mean probability of the answer's tokens, where the provider gives it.
    Logprobs,
}

/// How urgent a ticket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Priority {
    /// When there is time.
    Low,
    /// In its turn.
    #[default]
    Normal,
    /// Before others.
    High,
    /// At once.
    Urgent,
}

impl Priority {
    /// All, with the words of the configuration.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("low", Self::Low),
        ("normal", Self::Normal),
        ("high", Self::High),
        ("urgent", Self::Urgent),
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let known = Self::WORDS.iter().find(|(_, one)| *one == self);
        known.map_or("", |(word, _)| word)
    }
}

/// What of an escalation is told to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A conversation waits for a person.
    Handoff,
    /// Nobody answered in time.
    Overdue,
    /// The user said something to the person.
    Message,
    /// The conversation is the bot's again.
    Ended,
}

impl EventKind {
    /// All, with the words of the configuration.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("handoff", Self::Handoff),
        ("overdue", Self::Overdue),
        ("message", Self::Message),
        ("ended", Self::Ended),
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let known = Self::WORDS.iter().find(|(_, one)| *one == self);
        known.map_or("", |(word, _)| word)
    }
}

/// The shape of what a webhook is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookKind {
    /// golive's own JSON, signed.
    Generic,
    /// A message for an incoming webhook of Slack.
    Slack,
}

impl WebhookKind {
    /// All, with the words of the configuration.
    pub const WORDS: [(&'static str, Self); 2] = [("generic", Self::Generic), ("slack", Self::Slack)];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Slack => "slack",
        }
    }
}

/// Who is told of tickets.
#[derive(Clone)]
pub struct Webhook {
    /// The name of its table.
    pub name: String,
    /// The shape of what it is sent.
    pub kind: WebhookKind,
    /// Where it is. May itself be a secret, as with Slack.
    pub url: BaseUrl,
    /// Where the address came from, for people: `env NAME` or `file /path`; `None`: it stands in the file.
    pub url_source: Option<String>,
    /// What its events are signed with (`kind = "generic"`).
    pub secret: Option<SecretString>,
    /// Where that came from, for people.
    pub secret_source: Option<String>,
    /// What it is told.
    pub events: Vec<EventKind>,
    /// How long one call may take.
    pub timeout: Duration,
    /// How long an event that it does not take is tried again.
    pub retry_for: Duration,
    /// Private ranges it may be in.
    pub private_addresses: Vec<IpNet>,
    /// PEM file of the authorities that vouch for it, instead of Mozilla's.
    pub ca_file: Option<PathBuf>,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its path may be the credential.
        f.debug_struct("Webhook")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("host", &self.url.host)
            .finish_non_exhaustive()
    }
}
