//! `[targets.NAME.replies]`, `.logs`, `.queue`, `.escalation`: what the proofs of E1, E2, E5 and E3 are told.

use super::secrets::{self, Found, Owner};
use super::{Table, Walk};
use crate::meant::{HookKind, LogFields, Logs, Replies, Surface, TargetEscalation, TargetQueue};

pub(super) fn replies(walk: &mut Walk<'_>, target: &Table<'_>) -> Replies {
    let table = target.child(walk, "replies");
    let preset = Replies::default();
    let surfaces = [("agent", Surface::Agent), ("model", Surface::Model)];
    Replies {
        surface: table.choice(walk, "surface", &surfaces),
        locales: plain(walk, &table, "locales"),
        marker_header: header(walk, &table, "marker_header").unwrap_or(preset.marker_header),
        allowed_names: plain(walk, &table, "allowed_names"),
        internal_names: plain(walk, &table, "internal_names"),
    }
}

pub(super) fn logs(walk: &mut Walk<'_>, target: &Table<'_>) -> Logs {
    let table = target.child(walk, "logs");
    let preset = Logs::default();
    let logs = Logs {
        file: table.text(walk, "file").map(|at| walk.join(&at.value)),
        command: super::targets::command(walk, &table, "command"),
        url: table.url(walk, "url").map(|at| at.value),
        within: table.duration(walk, "within").unwrap_or(preset.within),
        fields: fields(walk, &table),
    };
    let sources = [logs.file.is_some(), logs.command.is_some(), logs.url.is_some()];
    if sources.iter().filter(|given| **given).count() > 1 {
        walk.mistake(
            table.span.clone(),
            "two_sources",
            format!("`[{}]` names more than one source", table.path),
        )
        .help("keep one of `file`, `command` and `url`");
    }
    logs
}

fn fields(walk: &mut Walk<'_>, logs: &Table<'_>) -> LogFields {
    let table = logs.child(walk, "fields");
    let preset = LogFields::default();
    let mut name = |key: &str, preset: String| table.text(walk, key).map_or(preset, |at| at.value);
    LogFields {
        timestamp: name("timestamp", preset.timestamp),
        user: name("user", preset.user),
        input_summary: name("input_summary", preset.input_summary),
        error_type: name("error_type", preset.error_type),
        error_chain: name("error_chain", preset.error_chain),
        recovery_action: name("recovery_action", preset.recovery_action),
        trace_id: name("trace_id", preset.trace_id),
        request_id: name("request_id", preset.request_id),
    }
}

pub(super) fn queue(walk: &mut Walk<'_>, target: &Table<'_>) -> TargetQueue {
    let table = target.child(walk, "queue");
    let preset = TargetQueue::default();
    let queue = TargetQueue {
        concurrency: table.count32(walk, "concurrency"),
        length: table.count32(walk, "length"),
        wait: table.duration(walk, "wait").unwrap_or(preset.wait),
        refused_within: table
            .duration(walk, "refused_within")
            .unwrap_or(preset.refused_within),
        priority_header: header(walk, &table, "priority_header"),
        priorities: plain(walk, &table, "priorities"),
        priority_roles: plain(walk, &table, "priority_roles"),
    };
    if queue.priority_header.is_some() && queue.priorities.len() == 1 {
        walk.mistake(
            table.place("priorities"),
            "bad_value",
            format!(
                "`{}.priorities` holds one value, so nothing goes first",
                table.path
            ),
        )
        .help("write at least two, most important first, as in priorities = [\"high\", \"low\"]");
    }
    queue
}

pub(super) fn escalation(walk: &mut Walk<'_>, target: &Table<'_>) -> TargetEscalation {
    let table = target.child(walk, "escalation");
    let preset = TargetEscalation::default();
    let kinds = [("signed", HookKind::Signed), ("slack", HookKind::Slack)];
    let secret = match secrets::read(walk, &table, ["secret_env", "secret_file"], None, Owner::Target) {
        Found::Here(secret) => Some(secret.text),
        Found::Missing(_) | Found::NotNamed => None,
    };
    let escalation = TargetEscalation {
        receiver: table.text(walk, "receiver").map(|at| at.value),
        kind: table.choice(walk, "kind", &kinds).unwrap_or(preset.kind),
        secret,
        signature_header: header(walk, &table, "signature_header").unwrap_or(preset.signature_header),
        event_header: header(walk, &table, "event_header").unwrap_or(preset.event_header),
        within: table.duration(walk, "within").unwrap_or(preset.within),
        attempts: table.count32(walk, "attempts").unwrap_or(preset.attempts),
        confidence_percent: table
            .count32(walk, "confidence_percent")
            .unwrap_or(preset.confidence_percent),
        confidence_header: header(walk, &table, "confidence_header"),
        confidence_pointer: table.text(walk, "confidence_pointer").map(|at| at.value),
        conversation_header: header(walk, &table, "conversation_header")
            .unwrap_or(preset.conversation_header),
        messages_path: path(walk, &table, "messages_path"),
        operator: table.text(walk, "operator").map(|at| at.value),
        reply_path: path(walk, &table, "reply_path"),
        resolve_path: path(walk, &table, "resolve_path"),
        reply_command: super::targets::command(walk, &table, "reply_command"),
        resolve_command: super::targets::command(walk, &table, "resolve_command"),
    };
    if escalation.receiver.is_some() && !target.has("lab_url") {
        walk.mistake(
            table.place("receiver"),
            "receiver_without_lab",
            format!(
                "`{}.receiver` is a receiver of the lab, and the target names no lab",
                table.path
            ),
        )
        .help("add lab_url to the target, or remove `receiver`");
    }
    escalation
}

/// The name of a header, in lower case.
fn header(walk: &mut Walk<'_>, table: &Table<'_>, name: &str) -> Option<String> {
    let written = table.text(walk, name)?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !written.value.bytes().all(is_token) {
        walk.mistake(
            written.span,
            "bad_value",
            format!("`{}.{name}` is not the name of a header", table.path),
        )
        .help("a header's name is letters, digits and `-`");
        return None;
    }
    Some(written.value.to_ascii_lowercase())
}

/// A path from the root of a host.
fn path(walk: &mut Walk<'_>, table: &Table<'_>, name: &str) -> Option<String> {
    let written = table.text(walk, name)?;
    if !written.value.starts_with('/') {
        walk.mistake(
            written.span,
            "bad_value",
            format!("`{}.{name}` is no path from the root", table.path),
        )
        .help("a path begins with `/`");
        return None;
    }
    Some(written.value)
}

fn plain(walk: &mut Walk<'_>, table: &Table<'_>, name: &str) -> Vec<String> {
    let names = table.names(walk, name).unwrap_or_default();
    names.into_iter().map(|at| at.value).collect()
}
