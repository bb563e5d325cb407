//! E3: what the owner of a conversation may ask of it: what was said since, once or as a stream of events, and to say
//! that an answer was no good.
//!
//! Never: tells anybody but its owner that a conversation is there.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use golive_store::Message;
use golive_wire::{ApiError, Wire};
use http::Response;
use http::header::{self, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::escalate::{Case, Trigger};
use super::{Entry, desk, identity, owner_of};
use crate::body::{Body, ChunkSender};
use crate::call::{Call, Outcome, Surface};
use crate::gateway::Gateway;
use crate::policy::{Action, Kind, Resource, Who};
use crate::reply::{self, Refused};
use crate::stage::Step;

/// Messages of one answer.
const PAGE: u32 = 200;
/// A stream says that it is still there this often …
const ALIVE_EVERY: Duration = Duration::from_secs(15);
/// … looks this often whether the gateway is shutting down, and for what another process may have written …
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// … and ends after this time: its client comes again, with the number it has reached.
const LASTS: Duration = Duration::from_secs(1800);
/// Chunks between the stream and a client that reads slowly.
const CHUNKS_HELD: usize = 4;

/// Which conversation, and from where on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its name.
    pub name: String,
    /// Only messages with larger numbers.
    pub after: u64,
    /// As a stream of events.
    pub stream: bool,
}

/// Answers a request about a conversation.
///
/// # Errors
/// It is not permitted, or not there.
pub(crate) async fn answer(call: Box<Call>, body: Bytes) -> Step<Response<Body>> {
    let refused = |call, error| Err(Refused::by_rule(call, "converse", error));
    let (Some(principal), Some(owner)) = (call.principal.clone(), owner_of(&call)) else {
        let error = ApiError::new(403, "permission_denied", "This key may not read conversations.");
        return refused(call, error); // identify gave a principal
    };
    let own = Resource::new(Kind::Conversation, "own");
    if !call
        .gateway
        .runtime()
        .policy
        .permit(Who::of(&principal), Action::Read, own)
    {
        let words = "This key may not read conversations: no policy permits it.";
        let error = ApiError::new(403, "permission_denied", words).with_should_retry(false);
        return refused(call, error);
    }
    let asked = match &call.surface {
        Surface::Conversation(asked) => asked.clone(),
        _ => return feedback(call, &body).await,
    };
    let entry = match identity::find(&call, &owner, &asked.name).await {
        Ok(entry) => entry,
        Err(error) => return refused(call, error),
    };
    match asked.stream {
        true => stream(call, entry, asked.after).await,
        false => once(call, &entry, asked.after).await,
    }
}

async fn once(mut call: Box<Call>, entry: &Arc<Entry>, after: u64) -> Step<Response<Body>> {
    let messages = match page(&call.gateway, entry, after).await {
        Ok(messages) => messages,
        Err(error) => return Err(Refused::by_failure(call, error)),
    };
    let (held_by, state, ticket) = standing(entry).await;
    let body = json!({
        "id": entry.name,
        "held_by": held_by,
        "state": state,
        "ticket_id": ticket,
        "messages": messages,
    })
    .to_string();
    call.decide("converse", format!("{} messages", messages.len()));
    Ok(json_answer(call, body).await)
}

async fn standing(entry: &Entry) -> (&'static str, &'static str, Option<String>) {
    let inner = entry.inner.lock().await;
    let held_by = match inner.machine.is_with_a_person() {
        true => "person",
        false => "agent",
    };
    (
        held_by,
        inner.machine.state().as_str(),
        inner.ticket.map(|id| id.to_string()),
    )
}

async fn page(gateway: &Gateway, entry: &Entry, after: u64) -> Result<Vec<Message>, ApiError> {
    let read = gateway.store.messages(entry.key, after, PAGE).await;
    read.map(desk::for_user).map_err(|error| {
        tracing::error!(
            error = crate::upstream::chain_of(&error),
            "messages cannot be read"
        );
        ApiError::new(
            503,
            "conversations_unavailable",
            "Conversations cannot be read right now. Please try again in a moment.",
        )
        .with_retry_after(Duration::from_secs(5))
    })
}

async fn json_answer(mut call: Box<Call>, body: String) -> Response<Body> {
    call.bytes_out = body.len() as u64;
    let mut response = Response::new(Body::whole(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply::put_call_headers(headers, &call);
    let id = call.id.to_string();
    match call.settle(&Outcome::Ok, 200).await {
        Ok(()) => response,
        Err(refusal) => reply::bare_error(Wire::Problem, &reply::unrecorded(&refusal), &id),
    }
}

async fn stream(mut call: Box<Call>, entry: Arc<Entry>, after: u64) -> Step<Response<Body>> {
    let gateway = Arc::clone(&call.gateway);
    let Ok(place) = Arc::clone(&gateway.conversations.streams).try_acquire_owned() else {
        let words = "Too many conversations are listened to right now. Ask now and then instead, or try again in a moment.";
        let error = ApiError::new(503, "over_capacity", words).with_retry_after(Duration::from_secs(5));
        return Err(Refused::by_failure(call, error));
    };
    call.decide("converse", "listens");
    let (sender, chunks) = Body::channel(CHUNKS_HELD);
    let mut response = Response::new(chunks);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    reply::put_call_headers(headers, &call);
    let unread = gateway.runtime().config.inbound.unread_timeout;
    let id = call.id.to_string();
    // Settled now: it costs nothing more, and may last for half an hour.
    if let Err(refusal) = call.settle(&Outcome::Ok, 200).await {
        return Ok(reply::bare_error(
            Wire::Problem,
            &reply::unrecorded(&refusal),
            &id,
        ));
    }
    let tasks = Arc::clone(&gateway);
    tasks.tasks.spawn(async move {
        let _place = place;
        let to_client = ToClient {
            sender: &sender,
            unread,
        };
        tokio::select! {
            () = listen(&gateway, &entry, after, to_client) => {}
            () = sender.to_caller.closed() => {}
        }
        sender.complete();
    });
    Ok(response)
}

/// The way to a client that listens.
struct ToClient<'s> {
    sender: &'s ChunkSender,
    unread: Duration,
}

impl ToClient<'_> {
    /// False: the client left, or did not read for too long.
    async fn send(&self, chunk: Bytes) -> bool {
        let sent = tokio::time::timeout(self.unread, self.sender.to_caller.send(chunk)).await;
        matches!(sent, Ok(Ok(())))
    }
}

/// Sends what is said, until the client leaves, the time is over, or the gateway shuts down.
async fn listen(gateway: &Gateway, entry: &Entry, mut after: u64, to_client: ToClient<'_>) {
    let mut news = entry.news.subscribe();
    let began = gateway.now();
    let mut spoke = began;
    let mut told = None;
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut fresh = true;
    loop {
        let now = gateway.now();
        if gateway.is_draining() || gateway.cut.is_cancelled() || now.since(began) >= LASTS {
            return;
        }
        if fresh {
            let (held_by, state, _) = standing(entry).await;
            let messages = page(gateway, entry, after).await.unwrap_or_default();
            let mut out = String::new();
            for one in &messages {
                after = one.number;
                let data = serde_json::to_string(one).unwrap_or_default();
                out.push_str(&format!("id: {after}\nevent: message\ndata: {data}\n\n"));
            }
            if told != Some(state) {
                told = Some(state);
                out.push_str(&format!(
                    "event: state\ndata: {}\n\n",
                    json!({ "held_by": held_by, "state": state })
                ));
            }
            if !out.is_empty() {
                spoke = now;
                if !to_client.send(out.into()).await {
                    return;
                }
            }
            if messages.len() == PAGE as usize {
                continue;
            }
        }
        if now.since(spoke) >= ALIVE_EVERY {
            spoke = now;
            if !to_client.send(Bytes::from_static(b": alive\n\n")).await {
                return;
            }
        }
        fresh = tokio::select! {
            changed = news.changed() => changed.is_ok(),
            _ = look.tick() => false,
        };
    }
}

/// What a caller thinks of an answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Feedback {
    /// The `golive-conversation` of the answer.
    conversation: String,
    /// `up` or `down`.
    #[serde(default)]
    rating: Option<String>,
    /// 1 to 5.
    #[serde(default)]
    stars: Option<u8>,
}

/// A thumbs-down, or one or two stars, is a failed attempt.
async fn feedback(mut call: Box<Call>, body: &[u8]) -> Step<Response<Body>> {
    let bad = |words: String| ApiError::new(400, "bad_feedback", words).with_should_retry(false);
    let read: Result<Feedback, _> = serde_json::from_slice(body);
    let given = match read {
        Ok(given) => given,
        Err(error) => {
            let error = bad(format!(
                "Send {{\"conversation\", \"rating\"}} or {{\"conversation\", \"stars\"}}: {error}."
            ));
            return Err(Refused::by_rule(call, "converse", error));
        }
    };
    let is_bad = match (given.rating.as_deref(), given.stars) {
        (Some("down"), None) => true,
        (Some("up"), None) => false,
        (None, Some(stars @ 1..=5)) => stars <= 2,
        _ => {
            let error = bad("`rating` is up or down; or `stars` are 1 to 5.".to_owned());
            return Err(Refused::by_rule(call, "converse", error));
        }
    };
    let Some(owner) = owner_of(&call) else {
        return Err(Refused::by_rule(
            call,
            "converse",
            bad("Nobody is known to give it.".to_owned()),
        ));
    };
    let entry = match identity::find(&call, &owner, &given.conversation).await {
        Ok(entry) => entry,
        Err(error) => return Err(Refused::by_rule(call, "converse", error)),
    };
    let agent = entry.inner.lock().await.agent.clone();
    let route = call.gateway.runtime().route_of(&agent).cloned();
    let mut escalated = entry.is_with_a_person();
    if let Some(route) = route.filter(|route| is_bad && route.callee.escalation.enabled) {
        let case = Case {
            gateway: Arc::clone(&call.gateway),
            entry,
            route,
            trigger: Trigger::Failed("thumbs_down"),
            said: None,
            body: Bytes::new(),
            locale: None,
            surface: call.surface.clone(),
            request: call.id,
            trace_id: call.trace.trace_id_hex(),
        };
        let tasks = Arc::clone(&call.gateway);
        escalated = matches!(tasks.tasks.spawn(case.decide()).await, Ok(Some(_)));
    }
    call.decide("converse", if is_bad { "a bad answer" } else { "a good answer" });
    let answer: Value = json!({ "conversation": given.conversation, "escalated": escalated });
    Ok(json_answer(call, answer.to_string()).await)
}
