//! E3: what webhooks are told: one JSON for every event, and the message that Slack gets of it.
//!
//! Never: holds a user in clear, personal data of the transcript, or text that Slack would take for markup.

use golive_config::{EventKind, WebhookKind};
use golive_store::{NewEvent, Ticket, Uuid};
use serde_json::{Value, json};

use crate::runtime::Runtime;

/// The longest flat copy, for receivers that take no nested values (Zendesk's conversations take 4 KB).
const FLAT_MAX: usize = 4096;
/// The longest text for Slack's one field; a block takes 3000 characters.
const SLACK_MAX: usize = 2500;

/// What an event tells beside its ticket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct More<'a> {
    /// The language the user prefers.
    pub(super) locale: Option<&'a str>,
    /// The door the user came through.
    pub(super) channel: Option<&'a str>,
}

/// The event for each webhook that is to be told.
pub(super) fn events(
    runtime: &Runtime,
    kind: EventKind,
    ticket: &Ticket,
    more: &More<'_>,
    now_us: i64,
) -> Vec<NewEvent> {
    let agent = ticket.agent.strip_prefix("agent/").unwrap_or(&ticket.agent);
    let own = runtime
        .config
        .agents
        .get(agent)
        .and_then(|callee| callee.escalation.webhooks.as_deref());
    let event = Uuid::now_v7();
    let hooks = runtime.hooks.values().filter(|hook| {
        let meant = own.is_none_or(|names| names.contains(&hook.webhook.name));
        meant && hook.webhook.events.contains(&kind)
    });
    let mut body = None;
    hooks
        .map(|hook| {
            let body =
                body.get_or_insert_with(|| payload(runtime, (kind, event), ticket, more, now_us).to_string());
            NewEvent {
                id: Uuid::now_v7(),
                event,
                webhook: hook.webhook.name.clone(),
                at_us: now_us,
                body: body.clone(),
            }
        })
        .collect()
}

fn payload(
    runtime: &Runtime,
    (kind, id): (EventKind, Uuid),
    ticket: &Ticket,
    more: &More<'_>,
    now_us: i64,
) -> Value {
    let base = operators_url(runtime);
    let link = |action: &str| {
        base.as_ref()
            .map(|base| format!("{base}/admin/tickets/{}{action}", ticket.id))
    };
    let transcript: Value = ticket
        .transcript
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_else(|| json!([]));
    let summary = ticket.summary.as_deref().unwrap_or_default();
    let confidence = ticket.confidence.map(|millionths| f64::from(millionths) / 1e6);
    let detail = summary
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("Why: "))
        .unwrap_or_default();
    let kind_name = format!("conversation.{}", kind.as_str());
    let mut flat = json!({
        "id": id, "type": kind_name, "ticket_id": ticket.id.to_string(), "conversation_id": ticket.conversation,
        "agent": ticket.agent, "reason": ticket.reason, "priority": ticket.priority,
        "waiting_since": ticket.waiting_since_us.map(time), "reply_url": link("/answer"), "summary": summary,
    });
    while flat.to_string().len() > FLAT_MAX {
        let shorter = flat["summary"].as_str().map_or(0, str::len) / 2;
        flat["summary"] = super::identity::cut(summary, shorter).into();
        if shorter == 0 {
            break;
        }
    }
    json!({
        "id": id,
        "type": kind_name,
        "occurred_at": time(now_us),
        "ticket_id": ticket.id.to_string(),
        "conversation_id": ticket.conversation,
        "agent": ticket.agent,
        "release": ticket.release,
        "reason": {
            "code": ticket.reason,
            "detail": detail,
            "attempts": ticket.attempts,
            "confidence": confidence,
        },
        "summary": summary,
        "transcript": { "messages": transcript, "url": link("") },
        "user": {
            "hash": ticket.user_hash.map(|hash| hash.to_string()),
            "locale": more.locale,
            "channel": more.channel,
            "attributes": {},
        },
        "state": ticket.state,
        "priority": ticket.priority,
        "waiting_since": ticket.waiting_since_us.map(time),
        "sla_due_at": ticket.due_us.map(time),
        "tags": [ticket.reason],
        "trace_id": ticket.trace_id,
        "request_id": ticket.request.to_string(),
        "reply_url": link("/answer"),
        "resolve_url": link("/resolve"),
        "flat": flat,
    })
}

/// Where operators reach the admin API; `None`: nowhere that golive knows.
fn operators_url(runtime: &Runtime) -> Option<String> {
    let config = &runtime.config;
    if let Some(url) = &config.operators_url {
        return Some(url.to_string());
    }
    let listen = config.admin.as_ref()?.listen;
    (listen.port() != 0).then(|| format!("http://{listen}"))
}

fn time(us: i64) -> String {
    jiff::Timestamp::from_microsecond(us).map_or_else(
        |_| us.to_string(),
        |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

/// What is sent to a webhook of this kind.
pub(super) fn for_receiver(kind: WebhookKind, body: &str) -> String {
    match kind {
        WebhookKind::Generic => body.to_owned(),
        WebhookKind::Slack => slack(body),
    }
}

fn slack(body: &str) -> String {
    let event: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let title = match text("/type") {
        "conversation.handoff" => "A conversation waits for a person",
        "conversation.overdue" => "Nobody has answered in time",
        "conversation.message" => "The user said more",
        _ => "A conversation is the agent's again",
    };
    let mut words = format!(
        "*{title}*\n{} · {} · priority {} · since {}\n{}",
        escaped(text("/agent")),
        escaped(text("/reason/code")),
        escaped(text("/priority")),
        escaped(text("/waiting_since")),
        escaped(text("/summary")),
    );
    if let Some(url) = event["reply_url"].as_str() {
        words.push_str(&format!("\nAnswer: {}", escaped(url)));
    }
    words.push_str(&format!("\n`golive inbox show {}`", escaped(text("/ticket_id"))));
    let words = super::identity::cut(&words, SLACK_MAX).to_owned();
    json!({
        "text": words,
        // Neither names of channels nor links are made of what users said.
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": [{ "type": "section", "text": { "type": "mrkdwn", "text": words, "verbatim": true } }],
    })
    .to_string()
}

/// Slack's three characters (its documentation of mrkdwn), and those that format.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '`' | '*' | '_' | '~' => {
                // A character of no width keeps it from formatting.
                out.push(c);
                out.push('\u{200B}');
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slack_gets_words_and_no_markup_of_a_users() {
        let event = json!({
            "type": "conversation.handoff", "ticket_id": "0197", "agent": "agent/a",
            "reason": {"code": "user_asked"}, "priority": "high", "waiting_since": "2026-11-26T12:00:00Z",
            "summary": "Last request: <!channel> & <https://evil.example|click> `x`",
        });
        let sent: Value = serde_json::from_str(&slack(&event.to_string())).unwrap();
        let text = sent["text"].as_str().unwrap();
        assert!(!text.contains("<!channel>") && !text.contains("<https"), "{text}");
        assert!(text.contains("&lt;!channel&gt; &amp; "), "{text}");
        assert_eq!(sent["blocks"][0]["text"]["verbatim"], true);
    }
}
