//! S1: what a target says of its failure messages, error log, queue and escalation, as `golive config show` prints it.
//!
//! Never: prints a secret; that it is there is all that is said.

use serde_json::{Value, json};

use crate::{HookKind, Logs, Replies, Surface, Target, TargetEscalation, TargetQueue};

/// Adds the four tables to a target as shown.
pub(crate) fn add(shown: &mut Value, target: &Target) {
    shown["replies"] = replies(&target.replies);
    shown["logs"] = logs(&target.logs);
    shown["queue"] = queue(&target.queue);
    shown["escalation"] = escalation(&target.escalation);
}

fn replies(replies: &Replies) -> Value {
    let surface = replies.surface.map(|surface| match surface {
        Surface::Agent => "agent",
        Surface::Model => "model",
    });
    json!({
        "surface": surface,
        "locales": replies.locales,
        "marker_header": replies.marker_header,
        "allowed_names": replies.allowed_names,
        "internal_names": replies.internal_names,
    })
}

fn logs(logs: &Logs) -> Value {
    let fields = &logs.fields;
    json!({
        "file": logs.file,
        "command": logs.command,
        "url": logs.url.as_ref().map(ToString::to_string),
        "within": span(logs.within),
        "fields": {
            "timestamp": fields.timestamp,
            "user": fields.user,
            "input_summary": fields.input_summary,
            "error_type": fields.error_type,
            "error_chain": fields.error_chain,
            "recovery_action": fields.recovery_action,
            "trace_id": fields.trace_id,
            "request_id": fields.request_id,
        },
    })
}

fn queue(queue: &TargetQueue) -> Value {
    json!({
        "concurrency": queue.concurrency,
        "length": queue.length,
        "wait": span(queue.wait),
        "refused_within": span(queue.refused_within),
        "priority_header": queue.priority_header,
        "priorities": queue.priorities,
        "priority_roles": queue.priority_roles,
    })
}

fn escalation(escalation: &TargetEscalation) -> Value {
    let kind = match escalation.kind {
        HookKind::Signed => "signed",
        HookKind::Slack => "slack",
    };
    json!({
        "receiver": escalation.receiver,
        "kind": kind,
        "secret": escalation.secret.as_ref().map(|_| "<set>"),
        "signature_header": escalation.signature_header,
        "event_header": escalation.event_header,
        "within": span(escalation.within),
        "attempts": escalation.attempts,
        "confidence_percent": escalation.confidence_percent,
        "confidence_header": escalation.confidence_header,
        "confidence_pointer": escalation.confidence_pointer,
        "conversation_header": escalation.conversation_header,
        "messages_path": escalation.messages_path,
        "operator": escalation.operator,
        "reply_path": escalation.reply_path,
        "resolve_path": escalation.resolve_path,
        "reply_command": escalation.reply_command,
        "resolve_command": escalation.resolve_command,
    })
}

fn span(time: std::time::Duration) -> String {
    golive_checklist::unit::format_duration(time)
}
