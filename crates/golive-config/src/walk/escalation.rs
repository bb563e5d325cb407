//! E3: `[escalation]`, `[agents.NAME.escalation]` and `[webhooks.NAME]`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use golive_resilience::escalation::Policy;
use golive_resilience::escalation::hours::Hours;
use secrecy::ExposeSecret;

use super::secrets::{self, Found, Owner};
use super::{At, Need, Table, Walk, callees, gateway, upstreams};
use crate::base_url::BaseUrl;
use crate::meant::{Callee, Confidence, Escalation, EventKind, Priority, Webhook, WebhookKind};

/// Longest text that a user is told.
const MESSAGE_MAX: usize = 2000;
/// Confidence is compared in millionths.
const PER_CENT: u32 = 10_000;

/// `[escalation]`: what holds for every agent.
pub(super) fn all(walk: &mut Walk<'_>, root: &Table<'_>) -> (Escalation, Option<BaseUrl>) {
    let table = root.child(walk, "escalation");
    let console = table.url(walk, "operators_url").map(|at| at.value);
    (read(walk, &table, &Escalation::default()), console)
}

/// What holds for one agent: its own keys, and the gateway's for the others.
pub(super) fn own(walk: &mut Walk<'_>, callee: &Table<'_>, preset: &Escalation) -> Escalation {
    let table = callee.child(walk, "escalation");
    read(walk, &table, preset)
}

fn read(walk: &mut Walk<'_>, table: &Table<'_>, preset: &Escalation) -> Escalation {
    let texts = |walk: &mut Walk<'_>, name: &str| {
        let names = table.names(walk, name)?;
        Some(names.into_iter().map(|at| at.value).collect::<Vec<_>>())
    };
    let policy = Policy {
        attempts: table.count32(walk, "attempts").unwrap_or(preset.policy.attempts),
        attempts_within: table
            .duration(walk, "attempts_within")
            .unwrap_or(preset.policy.attempts_within),
        confidence_min: table
            .count32(walk, "confidence_min")
            .map_or(preset.policy.confidence_min, |per_cent| per_cent * PER_CENT),
        answer_within: table
            .duration(walk, "answer_within")
            .unwrap_or(preset.policy.answer_within),
        idle: table.duration(walk, "idle").unwrap_or(preset.policy.idle),
    };
    let (hours_written, hours) = hours(walk, table, preset);
    Escalation {
        enabled: table.flag(walk, "enabled").unwrap_or(preset.enabled),
        policy,
        phrases: texts(walk, "phrases").unwrap_or_else(|| preset.phrases.clone()),
        never_phrases: texts(walk, "never_phrases").unwrap_or_else(|| preset.never_phrases.clone()),
        known_phrases: table.flag(walk, "known_phrases").unwrap_or(preset.known_phrases),
        confidence: confidence(walk, table, preset),
        hours,
        hours_written,
        time_zone: time_zone(walk, table).unwrap_or_else(|| preset.time_zone.clone()),
        message: message(walk, table, "message").or_else(|| preset.message.clone()),
        message_closed: message(walk, table, "message_closed").or_else(|| preset.message_closed.clone()),
        message_waiting: message(walk, table, "message_waiting").or_else(|| preset.message_waiting.clone()),
        message_overdue: message(walk, table, "message_overdue").or_else(|| preset.message_overdue.clone()),
        priority: table
            .choice(walk, "priority", &Priority::WORDS)
            .unwrap_or(preset.priority),
        over_limit: table.rate_or_off(walk, "over_limit").unwrap_or(preset.over_limit),
        webhooks: texts(walk, "webhooks").or_else(|| preset.webhooks.clone()),
    }
}

fn hours(walk: &mut Walk<'_>, table: &Table<'_>, preset: &Escalation) -> (Vec<String>, Hours) {
    let Some(lines) = table.names(walk, "hours") else {
        return (preset.hours_written.clone(), preset.hours.clone());
    };
    let written: Vec<String> = lines.iter().map(|at| at.value.clone()).collect();
    let hours = Hours::parse(&written).unwrap_or_else(|(line, why)| {
        let span = lines.get(line).map_or(table.span.clone(), |at| at.span.clone());
        walk.mistake(span, "bad_value", format!("`{}.hours`: {why}", table.path))
            .help("write hours = [\"Mon-Fri 09:00-17:00\", \"Sat 10:00-14:00\"]");
        Hours::default()
    });
    (written, hours)
}

fn time_zone(walk: &mut Walk<'_>, table: &Table<'_>) -> Option<String> {
    let written = table.text(walk, "time_zone")?;
    if read_time_zone(&written.value).is_none() {
        let path = &table.path;
        walk.mistake(
            written.span.clone(),
            "bad_value",
            format!("`{path}.time_zone` is not a time zone that this machine knows"),
        )
        .help(
            "write a name such as \"Europe/Berlin\" (the machine needs its time zone files), or the zone itself, \
             as in \"CET-1CEST,M3.5.0,M10.5.0/3\"",
        );
    }
    Some(written.value)
}

/// The time zone of this name, or of this POSIX text.
#[must_use]
pub fn read_time_zone(text: &str) -> Option<jiff::tz::TimeZone> {
    if text.eq_ignore_ascii_case("utc") {
        return Some(jiff::tz::TimeZone::UTC);
    }
    jiff::tz::TimeZone::get(text)
        .or_else(|_| jiff::tz::TimeZone::posix(text))
        .ok()
}

fn message(walk: &mut Walk<'_>, table: &Table<'_>, name: &str) -> Option<String> {
    let written = table.text(walk, name)?;
    if written.value.len() > MESSAGE_MAX {
        let message = format!(
            "`{}.{name}` is longer than {MESSAGE_MAX} bytes: people read it in a chat",
            table.path
        );
        walk.mistake(written.span.clone(), "out_of_range", message);
    }
    Some(written.value)
}

fn confidence(walk: &mut Walk<'_>, table: &Table<'_>, preset: &Escalation) -> Option<Confidence> {
    let pointer = callees::pointer(walk, table, "confidence_pointer").map(Confidence::Pointer);
    let header = upstreams::header(walk, table, "confidence_header").map(Confidence::Header);
    let logprobs = table.flag(walk, "confidence_logprobs");
    let several = [
        table.has("confidence_pointer"),
        table.has("confidence_header"),
        logprobs == Some(true),
    ];
    if several.iter().filter(|one| **one).count() > 1 {
        let message = format!("`[{}]` has more than one source of confidence", table.path);
        walk.mistake(table.span.clone(), "two_sources", message)
            .help("keep one of confidence_pointer, confidence_header and confidence_logprobs");
    }
    match (pointer.or(header), logprobs) {
        (Some(one), _) => Some(one),
        (None, Some(true)) => Some(Confidence::Logprobs),
        (None, Some(false)) if preset.confidence == Some(Confidence::Logprobs) => None,
        (None, _) => preset.confidence.clone(),
    }
}

/// `[webhooks.NAME]`.
pub(super) fn webhooks(walk: &mut Walk<'_>, root: &Table<'_>) -> BTreeMap<String, Arc<Webhook>> {
    let mut all = BTreeMap::new();
    for (name, table) in root.child(walk, "webhooks").named(walk) {
        if let Some(one) = webhook(walk, &name.value, &table) {
            all.insert(name.value, Arc::new(one));
        }
    }
    all
}

fn webhook(walk: &mut Walk<'_>, name: &str, table: &Table<'_>) -> Option<Webhook> {
    let kind = table.choice(walk, "kind", &WebhookKind::WORDS);
    let private_addresses = upstreams::private_addresses(walk, table);
    let (url, url_source) = address(walk, table, &private_addresses);
    let secret = secrets::read(walk, table, ["secret_env", "secret_file"], None, Owner::Gateway);
    let (secret, secret_source) = match secret {
        Found::Here(secret) => (Some(secret.text), Some(secret.source)),
        Found::Missing(source) => (None, Some(source)),
        Found::NotNamed => {
            if kind == Some(WebhookKind::Generic) && !table.has_literal_secret() {
                let message = format!(
                    "`[{}]` lacks `secret_env`: its receiver could not tell golive's events from anybody's",
                    table.path
                );
                walk.mistake(table.span.clone(), "missing_key", message).help(
                    "add secret_env = \"GOLIVE_WEBHOOK_SECRET\", and give the receiver the same secret",
                );
            }
            (None, None)
        }
    };
    if kind == Some(WebhookKind::Slack) && secret_source.is_some() {
        let message = format!("`[{}]` has a secret, and Slack looks at no signature", table.path);
        walk.mistake(table.span.clone(), "no_effect", message)
            .help("remove it; the address itself is what Slack trusts: keep it in url_env");
    }
    let timeout = table.duration(walk, "timeout").unwrap_or(Duration::from_secs(10));
    let retry_for = table
        .duration(walk, "retry_for")
        .unwrap_or(Duration::from_secs(72 * 3600));
    let events = events(walk, table);
    let ca_file = gateway::ca_file(walk, table, Need::Gateway);
    Some(Webhook {
        name: name.to_owned(),
        kind: kind?,
        url: url?,
        url_source,
        secret,
        secret_source,
        events,
        timeout,
        retry_for,
        private_addresses,
        ca_file,
    })
}

/// From the file, or from where secrets come from: with Slack the address is one.
fn address(
    walk: &mut Walk<'_>,
    table: &Table<'_>,
    private: &[ipnet::IpNet],
) -> (Option<BaseUrl>, Option<String>) {
    let written = table.url(walk, "url");
    if let Some(url) = &written {
        upstreams::reachable(walk, url, private);
    }
    match secrets::read(walk, table, ["url_env", "url_file"], None, Owner::Gateway) {
        Found::NotNamed if table.has("url") => (written.map(|at| at.value), None),
        Found::NotNamed => {
            walk.mistake(
                table.span.clone(),
                "missing_key",
                format!("`[{}]` lacks `url` or `url_env`: where it is", table.path),
            )
            .help("add url = \"https://…\", or url_env if the address itself is a secret, as Slack's is");
            (None, None)
        }
        _ if table.has("url") => {
            let message = format!("`[{}]` has both `url` and `url_env` or `url_file`", table.path);
            walk.mistake(table.place("url"), "two_sources", message)
                .help("keep one of them");
            (None, None)
        }
        Found::Missing(source) => {
            // The prover looks for no secret: anything that parses will do.
            ("https://webhook.invalid".parse().ok(), Some(source))
        }
        Found::Here(secret) => match secret.text.expose_secret().parse::<BaseUrl>() {
            Ok(url) => {
                let at = At {
                    value: url.clone(),
                    span: secret.span,
                };
                upstreams::reachable(walk, &at, private);
                (Some(url), Some(secret.source))
            }
            Err(why) => {
                let message = format!("the address from {} {why}", secret.source);
                walk.mistake(secret.span, "bad_value", message)
                    .help("put an https:// address there");
                (None, None)
            }
        },
    }
}

fn events(walk: &mut Walk<'_>, table: &Table<'_>) -> Vec<EventKind> {
    let Some(written) = table.names(walk, "events") else {
        return vec![EventKind::Handoff, EventKind::Overdue];
    };
    let mut events = Vec::with_capacity(written.len());
    for at in written {
        match EventKind::WORDS.iter().find(|(word, _)| *word == at.value) {
            Some((_, kind)) if !events.contains(kind) => events.push(*kind),
            Some(_) => {}
            None => {
                let words = EventKind::WORDS.map(|(word, _)| word);
                let help = match super::unknown::nearest(&at.value, &words) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("there are {}", words.join(", ")),
                };
                let message = format!("there is no event `{}`", super::table::shown(&at.value));
                walk.mistake(at.span, "bad_value", message).help(help);
            }
        }
    }
    events
}

/// Webhooks that agents name and nobody defined.
pub(super) fn dangling(
    walk: &mut Walk<'_>,
    root: &Table<'_>,
    agents: &BTreeMap<String, Arc<Callee>>,
    webhooks: &BTreeMap<String, Arc<Webhook>>,
) {
    let known: Vec<&str> = webhooks.keys().map(String::as_str).collect();
    let mut told: Vec<&str> = Vec::new();
    for agent in agents.values() {
        for name in agent.escalation.webhooks.iter().flatten() {
            // The file may hold one whose table has a mistake: that was told.
            let stands = root.names_inside("webhooks").any(|one| one == *name);
            if !stands && !told.contains(&name.as_str()) {
                told.push(name);
                let span = root.place_inside("escalation", "webhooks");
                callees::dangling(walk, span, "webhook", name, &known, "[webhooks.*]");
            }
        }
    }
}
