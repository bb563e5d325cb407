//! S1: every key of `golive.toml`, once.
//!
//! The walk asks this table for the type, the range and the spelling of each key it reads; the
//! reference page, the JSON Schema and the starter file are printed from it. A key is added by one
//! row here and one line in the walk; tests fail if either is missing.
//!
//! Never: holds a value of a running configuration.

mod page;
mod schema;
mod table_access;
mod table_callers;
mod table_dispatch;
mod table_escalation;
mod table_gateway;
mod table_limits;
mod table_money;
mod table_replies;
mod table_resilience;
mod table_routes;
mod table_screening;
mod table_screens;
mod table_targets;
mod table_translation;
mod table_upkeep;
#[cfg(test)]
mod tests;

pub use page::page;
pub use schema::schema;

use std::time::Duration;

use golive_checklist::unit::{ByteSize, format_duration};

/// One table of the file. `*` in its path stands for a name that the user chooses, `[]` for each of a list of tables.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// `server`, `upstreams.*`, `upstreams.*.timeouts`.
    pub path: &'static str,
    /// What it is for, in a sentence.
    pub doc: &'static str,
    /// Its keys, in the order in which they are explained.
    pub keys: &'static [Key],
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name inside its section.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What holds when it is left out.
    pub preset: Preset,
    /// What it does, in a sentence or two. The first sentence stands alone in the starter file.
    pub doc: &'static str,
    /// A value, as TOML.
    pub example: &'static str,
}

/// What holds when a key is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// It must be there.
    Required,
    /// This value, as TOML.
    Is(&'static str),
    /// Nothing; the words say what that means.
    Absent(&'static str),
}

/// What a key takes. Ranges include both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Count(u64, u64),
    /// A duration: `"30s"`, `"250ms"`, `"1h30m"`.
    Span(Duration, Duration),
    /// A list of so many durations at the most, each in the range: `["1s", "2s"]`.
    Spans(Duration, Duration, usize),
    /// A number of bytes: `"64 KiB"`, `"10 MB"`.
    Size(u64, u64),
    /// A rate, or `"off"`: `"100/h"`, `"20/10s"`.
    RateOrOff,
    /// A rate, a list of rates with different periods, or `"off"`: `"100/h"`, `["100/h", "10/10s"]`.
    RatesOrOff,
    /// Requests per time: `"2/s"`.
    Load,
    /// An address and a port: `"127.0.0.1:8080"`.
    Listen,
    /// `https://…` or `http://…`.
    Url,
    /// A path; relative to the folder of the file.
    File,
    /// Free text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The name of an environment variable.
    Variable,
    /// Address ranges: `["10.0.0.0/8"]`.
    Networks,
    /// Paths: `["roles.cedar"]`; relative to the folder of the file.
    Files,
    /// Names: `["a", "b"]`.
    Names,
    /// Names of HTTP headers.
    Headers,
    /// The name of one HTTP header.
    Header,
    /// A JSON pointer: `"/message"`.
    Pointer,
    /// Links in order: `["openai/gpt-4o", "anthropic/claude-sonnet-4-5"]`; equals with `|` between.
    Chain,
    /// A program and its arguments: `["./revoke", "{role}"]`.
    Command,
    /// An amount of money, not negative: `"2.50 USD"`.
    Money,
}

impl Kind {
    /// In words, with its range.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Count(least, most) => format!("whole number, {least} to {most}"),
            Self::Span(least, most) => {
                format!(
                    "duration, {} to {}",
                    format_duration(*least),
                    format_duration(*most)
                )
            }
            Self::Spans(least, most, longest) => format!(
                "list of durations, {} to {}, {longest} at the most",
                format_duration(*least),
                format_duration(*most)
            ),
            Self::Size(least, most) => format!("size, {} to {}", ByteSize(*least), ByteSize(*most)),
            Self::RateOrOff => "rate, or `\"off\"`".to_owned(),
            Self::RatesOrOff => "rate, list of rates, or `\"off\"`".to_owned(),
            Self::Load => "rate".to_owned(),
            Self::Listen => "address and port".to_owned(),
            Self::Url => "URL".to_owned(),
            Self::File => "path".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Choice(words) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
                quoted.join(" or ")
            }
            Self::Variable => "name of an environment variable".to_owned(),
            Self::Networks => "list of address ranges".to_owned(),
            Self::Files => "list of paths".to_owned(),
            Self::Names => "list of names".to_owned(),
            Self::Headers => "list of header names".to_owned(),
            Self::Header => "header name".to_owned(),
            Self::Pointer => "JSON pointer (RFC 6901)".to_owned(),
            Self::Chain => "list of `upstream/model`, or of several of them with `|` between".to_owned(),
            Self::Command => "list: program, then its arguments".to_owned(),
            Self::Money => "amount of money".to_owned(),
        }
    }
}

/// All sections, in the order of the reference page.
pub const KEYS: &[Section] = &[
    table_gateway::SERVER,
    table_gateway::INBOUND,
    table_gateway::PROBES,
    table_access::ADMIN,
    table_gateway::LOG,
    table_gateway::ERROR_LOG,
    table_gateway::STORE,
    table_limits::LIMITS,
    table_limits::TOKENS,
    table_limits::TEAMS,
    table_screening::SCREENING,
    table_resilience::RETRY,
    table_resilience::BREAKER,
    table_resilience::QUEUE,
    table_resilience::MESSAGES,
    table_translation::TRANSLATION,
    table_money::MONEY,
    table_money::PRICES,
    table_money::BUDGETS,
    table_screening::KINDS,
    table_screens::MEDIA,
    table_screens::SCREENS,
    table_escalation::ESCALATION,
    table_escalation::WEBHOOKS,
    table_routes::UPSTREAMS,
    table_routes::UPSTREAM_TIMEOUTS,
    table_resilience::RETRY_BUDGET,
    table_routes::AGENTS,
    table_routes::AGENT_POINTERS,
    table_routes::AGENT_TIMEOUTS,
    table_limits::AGENT_LIMITS,
    table_screening::AGENT_SCREENING,
    table_resilience::AGENT_RETRY,
    table_resilience::AGENT_BREAKER,
    table_resilience::AGENT_QUEUE,
    table_resilience::AGENT_MESSAGES,
    table_translation::AGENT_TRANSLATION,
    table_escalation::AGENT_ESCALATION,
    table_routes::MODELS,
    table_routes::MODEL_POINTERS,
    table_routes::MODEL_TIMEOUTS,
    table_limits::MODEL_LIMITS,
    table_screening::MODEL_SCREENING,
    table_resilience::MODEL_RETRY,
    table_resilience::MODEL_BREAKER,
    table_resilience::MODEL_QUEUE,
    table_resilience::MODEL_MESSAGES,
    table_translation::MODEL_TRANSLATION,
    table_routes::KEYS,
    table_callers::ISSUERS,
    table_callers::CERTIFICATES,
    table_access::POLICIES,
    table_access::TOOLS,
    table_targets::TARGETS,
    table_targets::POINTERS,
    table_targets::CREDENTIALS,
    table_targets::ISSUER,
    table_targets::ISSUER_ROLES,
    table_targets::CERTIFICATES,
    table_targets::MATRIX,
    table_targets::ACCESS,
    table_targets::DECLARES,
    table_dispatch::RETRY,
    table_dispatch::BREAKER,
    table_dispatch::LINKS,
    table_replies::REPLIES,
    table_replies::LOGS,
    table_replies::LOG_FIELDS,
    table_replies::QUEUE,
    table_replies::ESCALATION,
    table_targets::SCHEMA,
    table_targets::COMMANDS,
    table_targets::BUDGET,
    table_upkeep::MEMORY,
    table_upkeep::SOAK,
    table_upkeep::MONEY,
];

/// The section with this path (`upstreams.*`).
#[must_use]
pub fn section(path: &str) -> Option<&'static Section> {
    KEYS.iter().find(|section| section.path == path)
}

/// A section's path with what a user puts for each `*`: `targets.NAME.credentials.ROLE`.
#[must_use]
pub fn with_names(path: &str) -> String {
    match path
        .strip_prefix("targets.*.")
        .and_then(|below| below.strip_suffix(".*"))
    {
        Some(below) => format!("targets.NAME.{below}.ROLE"),
        None => path.replace('*', "NAME"),
    }
}

/// A section's header as a user writes it: `[upstreams.NAME]`, `[[budgets]]`.
#[must_use]
pub fn header(path: &str) -> String {
    match path.strip_suffix(".[]") {
        Some(list) => format!("[[{}]]", with_names(list)),
        None => format!("[{}]", with_names(path)),
    }
}

/// All key paths: `server.listen`, `upstreams.*.kind`, …
pub fn paths() -> impl Iterator<Item = (String, &'static Key)> {
    KEYS.iter().flat_map(|section| {
        section
            .keys
            .iter()
            .map(|key| (format!("{}.{}", section.path, key.name), key))
    })
}

/// What may stand directly inside the table at `path` (empty: the file itself): keys and tables.
/// `*` means: any name.
#[must_use]
pub fn children(path: &str) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = Vec::new();
    for section in KEYS {
        if section.path == path {
            found.extend(section.keys.iter().map(|key| key.name));
        }
        let below = if path.is_empty() {
            Some(section.path)
        } else {
            section
                .path
                .strip_prefix(path)
                .and_then(|rest| rest.strip_prefix('.'))
        };
        if let Some(first) = below.and_then(|rest| rest.split('.').next())
            && !found.contains(&first)
        {
            found.push(first);
        }
    }
    found
}

const fn key(
    name: &'static str,
    kind: Kind,
    preset: Preset,
    example: &'static str,
    doc: &'static str,
) -> Key {
    Key {
        name,
        kind,
        preset,
        doc,
        example,
    }
}

const fn seconds(least: u64, most: u64) -> Kind {
    Kind::Span(Duration::from_secs(least), Duration::from_secs(most))
}

/// From `least` milliseconds to `most` seconds.
const fn millis(least: u64, most: u64) -> Kind {
    Kind::Span(Duration::from_millis(least), Duration::from_secs(most))
}

/// The most rates that one limit may have: each costs a look-up and a line in the headers of every answer.
pub const RATES_MAX: usize = 4;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
