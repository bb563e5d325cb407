//! S1: the effective configuration, defaults filled in, for `golive config show`.
//!
//! Never: contains a secret. Where one was read, its place stands: `<from env NAME>`.

mod money;

use std::time::Duration;

use golive_checklist::unit::format_duration;
use serde_json::{Map, Value, json};

use crate::meant::{
    Callee, ClientName, Clocks, Confidence, Config, ConfiguredKey, Escalation, ExternalScreen, Issuer,
    IssuerKeys, Limits, Pointers, Server, StoreSection, TeamLimits, Transport, Upstream, Webhook,
    offset_text,
};
use crate::show_target::target;
use crate::units::Rate;

impl Config {
    /// The effective configuration as JSON, in the shape of the file.
    #[must_use]
    pub fn show_json(&self) -> Value {
        let named = |entries: Vec<(&String, Value)>| {
            Value::Object(
                entries
                    .into_iter()
                    .map(|(name, value)| (name.clone(), value))
                    .collect::<Map<_, _>>(),
            )
        };
        let inbound = &self.inbound;
        without_nulls(json!({
            "server": server(&self.server),
            "inbound": {
                "head_timeout": span(inbound.head_timeout),
                "head_size": inbound.head_size.to_string(),
                "handshake_timeout": span(inbound.handshake_timeout),
                "body_size": inbound.body_size.to_string(),
                "body_timeout": span(inbound.body_timeout),
                "connections": inbound.connections,
                "connections_per_address": inbound.connections_per_address,
                "h2_streams": inbound.h2_streams,
                "h2_resets": inbound.h2_resets,
                "unread_timeout": span(inbound.unread_timeout),
                "json_depth": inbound.json_depth,
                "json_nodes": inbound.json_nodes,
                "json_string": inbound.json_string.to_string(),
                "idle_timeout": span(inbound.idle_timeout),
                "failures_free": inbound.failures_free,
                "failure_delay": span(inbound.failure_delay),
            },
            "probes": { "listen": self.probes.listen.to_string(), "expose": self.probes.expose },
            "admin": self.admin.as_ref().map(|admin| json!({ "listen": admin.listen.to_string(), "hosts": admin.hosts })),
            "log": { "level": self.log.level.as_str(), "format": self.log.format.as_str() },
            "error_log": self.error_log.as_ref().map(|log| json!({
                "file": log.file,
                "rotate_size": log.rotate_size.to_string(),
                "rotate_every": span(log.rotate_every),
                "keep": log.keep,
            })),
            "store": store(&self.store),
            "limits": limits(&self.limits),
            "screening": crate::definition::screening(&self.screening),
            "resilience": crate::definition::resilience(&self.resilience),
            "messages": messages(&self.messages),
            "translation": crate::definition::translation(&self.translation),
            "money": {
                "unknown_price": self.money.unknown_price.as_str(),
                "time_zone": offset_text(self.money.offset_s),
                "prices_file": self.money.prices_file,
            },
            "prices": named(self.money.prices.own.iter().map(|(name, one)| (name, money::price(one))).collect()),
            "budgets": self.budgets.iter().map(money::budget).collect::<Vec<_>>(),
            "media": {
                "size": self.media.size.to_string(),
                "timeout": span(self.media.timeout),
                "private_addresses": texts(&self.media.private_addresses),
                "ca_file": self.media.ca_file,
            },
            "screens": named(self.screens.iter().map(|(name, one)| (name, screen(one))).collect()),
            "escalation": escalation(&self.escalation, Some(self.operators_url.as_ref().map(ToString::to_string))),
            "webhooks": named(self.webhooks.iter().map(|(name, one)| (name, webhook(one))).collect()),
            "upstreams": named(self.upstreams.iter().map(|(name, one)| (name, upstream(one))).collect()),
            "agents": named(self.agents.iter().map(|(name, one)| (name, callee(one))).collect()),
            "models": named(self.models.iter().map(|(name, one)| (name, callee(one))).collect()),
            "keys": named(self.keys.iter().map(|(name, one)| (name, key(one))).collect()),
            "issuers": named(self.issuers.iter().map(|(name, one)| (name, issuer(one))).collect()),
            "certificates": named(self.certificates.iter().map(|(name, one)| (name, certificate(one))).collect()),
            "policies": { "files": self.policies.files.iter().map(|file| &file.path).collect::<Vec<_>>() },
            "tools": named(self.tools.iter().map(|(name, one)| (name, json!({ "roles": one.roles }))).collect()),
            "targets": named(self.targets.iter().map(|(name, one)| (name, target(one))).collect()),
        }))
    }

    /// The same as TOML.
    #[must_use]
    pub fn show_toml(&self) -> String {
        // Every value above has a counterpart in TOML: no nulls, no numbers beyond 63 bits.
        toml::Value::try_from(self.show_json())
            .and_then(|value| toml::to_string_pretty(&value))
            .unwrap_or_default()
    }
}

fn server(server: &Server) -> Value {
    let (certificate, key, tls12, hsts, tls) = match &server.transport {
        Transport::Plain => (None, None, None, None, None),
        Transport::ProxyTerminated => (None, None, None, None, Some("terminated_by_proxy")),
        Transport::Tls {
            cert_file,
            key_file,
            allow_tls12,
            hsts,
        } => (
            Some(cert_file),
            Some(key_file),
            Some(*allow_tls12),
            Some(span(hsts.unwrap_or_default())),
            None,
        ),
    };
    json!({
        "listen": server.listen.to_string(),
        "tls": tls,
        "certificate_file": certificate,
        "private_key_file": key,
        "allow_tls12": tls12,
        "hsts": hsts,
        "host": server.host.as_ref().map(crate::BaseUrl::authority),
        "redirect_from": server.redirect_from.map(|address| address.to_string()),
        "trusted_proxies": texts(&server.trusted_proxies),
        "client_ca_file": server.client_certificates.as_ref().map(|one| &one.ca_file),
        "client_certificates": server
            .client_certificates
            .as_ref()
            .map(|one| if one.required { "required" } else { "optional" }),
        "drain": span(server.drain),
        "diagnostics": server.diagnostics,
    })
}

fn store(store: &StoreSection) -> Value {
    json!({
        "path": store.path,
        "durability": store.durability.as_str(),
        "content": store.content,
        "retention_content": span(store.retention_content),
        "retention_ledger": span(store.retention_ledger),
        "retention_tickets": span(store.retention_tickets),
        "spill_size": store.spill_size.to_string(),
        "when_spill_full": store.when_spill_full.as_str(),
        "master_key": from(&store.master_key_source),
    })
}

fn limits(limits: &Limits) -> Value {
    let team = |team: &TeamLimits| {
        json!({
            "requests": team.requests.as_deref().map(rates),
            "tokens": team.tokens.as_deref().map(rates),
        })
    };
    let tokens = &limits.tokens;
    json!({
        "user": rates(&limits.user),
        "principal": rates(&limits.principal),
        "team": rates(&limits.team),
        "global": rates(&limits.global),
        "tokens": {
            "user": rates(&tokens.user),
            "principal": rates(&tokens.principal),
            "team": rates(&tokens.team),
            "global": rates(&tokens.global),
            "output": tokens.output,
            "input_bytes": tokens.input_bytes,
        },
        "teams": limits.teams.iter().map(|(name, own)| (name.clone(), team(own))).collect::<Map<_, _>>(),
    })
}

fn upstream(upstream: &Upstream) -> Value {
    let http = upstream.kind == crate::UpstreamKind::Http;
    let anthropic = upstream.kind == crate::UpstreamKind::Anthropic;
    json!({
        "kind": upstream.kind.as_str(),
        "base_url": upstream.base_url.to_string(),
        "api_key": upstream.api_key_source.as_deref().map(from),
        "auth_header": http.then_some(&upstream.auth_header),
        "anthropic_version": anthropic.then_some(&upstream.anthropic_version),
        "max_in_flight": upstream.max_in_flight,
        "adaptive": upstream.adaptive,
        "retry_budget": { "floor": upstream.retry_budget.floor, "share_percent": upstream.retry_budget.share_percent },
        "private_addresses": texts(&upstream.private_addresses),
        "ca_file": upstream.ca_file,
        "forward_headers": upstream.forward_headers,
        "response_size": upstream.response_size.to_string(),
        "timeouts": clocks(&upstream.timeouts),
    })
}

fn screen(screen: &ExternalScreen) -> Value {
    let mut shown = crate::definition::external(screen);
    if let Some(members) = shown.as_object_mut() {
        for name in ["name", "deadline_ms", "open_ms"] {
            members.remove(name);
        }
        members.insert("deadline".to_owned(), json!(span(screen.deadline)));
        members.insert("open".to_owned(), json!(span(screen.open)));
        members.insert(
            "private_addresses".to_owned(),
            json!(texts(&screen.private_addresses)),
        );
        members.insert("ca_file".to_owned(), json!(screen.ca_file));
        members.insert(
            "api_key".to_owned(),
            json!(screen.api_key_source.as_deref().map(from)),
        );
    }
    shown
}

/// As it is written: equals in one entry, with their weights.
fn chain(links: &[crate::LinkRef]) -> Vec<String> {
    let ranks = links.chunk_by(|one, next| one.rank == next.rank);
    let entry = |equals: &[crate::LinkRef]| {
        let one = |link: &crate::LinkRef| match link.weight {
            1 => link.name(),
            weight => format!("{} {weight}", link.name()),
        };
        equals.iter().map(one).collect::<Vec<_>>().join(" | ")
    };
    ranks.map(entry).collect()
}

fn messages(messages: &crate::Messages) -> Value {
    let one =
        |said: &crate::Sentences| json!({ "unavailable": said.unavailable, "overloaded": said.overloaded });
    messages
        .iter()
        .map(|(tag, said)| (tag.clone(), one(said)))
        .collect::<Map<_, _>>()
        .into()
}

fn callee(callee: &Callee) -> Value {
    json!({
        "chain": chain(&callee.chain),
        "max_in_flight": callee.max_in_flight,
        "denied_tools": callee.denied_tools.as_str(),
        "pointers": callee.pointers.as_ref().map(pointers),
        "timeouts": clocks(&callee.timeouts),
        "limits": { "requests": rates(&callee.limits.requests), "tokens": rates(&callee.limits.tokens) },
        "screening": crate::definition::screening(&callee.screening),
        "resilience": crate::definition::resilience(&callee.resilience),
        "on_failure": callee.on_failure.as_str(),
        "messages": messages(&callee.messages),
        "translation": crate::definition::translation(&callee.translation),
        "escalation": (callee.kind == crate::CalleeKind::Agent).then(|| escalation(&callee.escalation, None)),
        "system_prompt_file": callee.system_prompt.as_ref().map(|file| &file.path),
        "input_schema_file": callee.input_schema.as_ref().map(|file| &file.path),
        "digest": callee.digest,
    })
}

/// `operators_url`: of the gateway; an agent has none.
fn escalation(one: &Escalation, operators_url: Option<Option<String>>) -> Value {
    let (pointer, header, logprobs) = match &one.confidence {
        Some(Confidence::Pointer(pointer)) => (Some(pointer), None, false),
        Some(Confidence::Header(header)) => (None, Some(header), false),
        Some(Confidence::Logprobs) => (None, None, true),
        None => (None, None, false),
    };
    json!({
        "enabled": one.enabled,
        "attempts": one.policy.attempts,
        "attempts_within": span(one.policy.attempts_within),
        "phrases": one.phrases,
        "never_phrases": one.never_phrases,
        "known_phrases": one.known_phrases,
        "confidence_pointer": pointer,
        "confidence_header": header,
        "confidence_logprobs": logprobs,
        "confidence_min": one.policy.confidence_min / 10_000,
        "answer_within": span(one.policy.answer_within),
        "idle": span(one.policy.idle),
        "hours": one.hours_written,
        "time_zone": one.time_zone,
        "message": one.message,
        "message_closed": one.message_closed,
        "message_waiting": one.message_waiting,
        "message_overdue": one.message_overdue,
        "priority": one.priority.as_str(),
        "over_limit": rate(one.over_limit),
        "webhooks": one.webhooks,
        "operators_url": operators_url.flatten(),
    })
}

/// An address that came from a secret's place is not shown.
fn webhook(one: &Webhook) -> Value {
    json!({
        "kind": one.kind.as_str(),
        "url": match &one.url_source {
            Some(source) => from(source),
            None => one.url.to_string(),
        },
        "secret": one.secret_source.as_deref().map(from),
        "events": one.events.iter().map(|event| event.as_str()).collect::<Vec<_>>(),
        "timeout": span(one.timeout),
        "retry_for": span(one.retry_for),
        "private_addresses": texts(&one.private_addresses),
        "ca_file": one.ca_file,
    })
}

fn key(key: &ConfiguredKey) -> Value {
    json!({
        "key": from(&key.secret_source),
        "roles": key.roles,
        "team": key.team,
        "agents": key.agents,
        "models": key.models,
        "may_assert_users": key.may_assert_users,
    })
}

fn issuer(issuer: &Issuer) -> Value {
    let (url, file) = match &issuer.keys {
        IssuerKeys::Discovery(_) => (None, None),
        IssuerKeys::Url(url) => (Some(url.to_string()), None),
        IssuerKeys::File(file) => (None, Some(file)),
    };
    json!({
        "issuer": issuer.issuer,
        "jwks_url": url,
        "jwks_file": file,
        "audience": issuer.audience,
        "algorithms": issuer.algorithms.iter().map(|one| one.as_str()).collect::<Vec<_>>(),
        "typ": issuer.typ,
        "roles_claim": issuer.roles_claim,
        "team_claim": issuer.team_claim,
        "user_claim": issuer.user_claim,
        "agents": issuer.grant.agents,
        "models": issuer.grant.models,
        "may_assert_users": issuer.grant.may_assert_users,
        "leeway": span(issuer.leeway),
        "max_age": issuer.max_age.map(span),
        "keys_max_age": issuer.keys_max_age.map(span),
        "private_addresses": texts(&issuer.private_addresses),
        "ca_file": issuer.ca_file,
    })
}

fn certificate(one: &ClientName) -> Value {
    json!({
        "san": texts(&one.sans),
        "roles": one.roles,
        "team": one.team,
        "agents": one.grant.agents,
        "models": one.grant.models,
        "may_assert_users": one.grant.may_assert_users,
        "carries_others": one.carries_others,
    })
}

fn clocks(clocks: &Clocks) -> Value {
    json!({
        "connect": span(clocks.connect),
        "first_byte": span(clocks.first_byte),
        "idle": span(clocks.idle),
        "total_request": span(clocks.total_request),
        "total_stream": span(clocks.total_stream),
    })
}

pub(crate) fn pointers(pointers: &Pointers) -> Value {
    json!({ "input": pointers.input, "output": pointers.output, "stream": pointers.stream })
}

pub(crate) fn span(duration: Duration) -> String {
    format_duration(duration)
}

pub(crate) fn rate(rate: Option<Rate>) -> String {
    rate.map_or_else(|| "off".to_owned(), |rate| rate.to_string())
}

/// As it is written: one alone as text, several as a list.
fn rates(rates: &[Rate]) -> Value {
    match rates {
        [] => json!("off"),
        [one] => json!(one.to_string()),
        several => json!(texts(several)),
    }
}

pub(crate) fn texts<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn from(source: &str) -> String {
    format!("<from {source}>")
}

/// TOML has no null: what is absent is left out.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, without_nulls(value)))
                .collect(),
        ),
        other => other,
    }
}

/// Requests per second.
pub(crate) fn load(rate: f64) -> String {
    format!("{rate}/s")
}
