//! E3: whose conversation it is. A person's: the agent is not asked, and what is said waits in the inbox. Somebody who
//! asks for a person is heard here, and so is who has no answer after several attempts, or one that is not sure.
//!
//! Never: calls the agent for a conversation that a person has, or tells of a person before the ticket is kept.

use std::sync::Arc;

use bytes::Bytes;
use golive_wire::ApiError;
use golive_wire::tools::ToolSet;
use http::{HeaderMap, Response};

use super::read::Ask;
use super::{Step, guard_tools};
use crate::body::Body;
use crate::call::{Call, Outcome};
use crate::conversations::{self, Told, Trigger, speak};
use crate::reply::Refused;
use crate::runtime::Route;

const STAGE: &str = "converse";
/// Failures that say nothing about the agent: the caller comes again, and to a person they are nothing.
const NOT_THE_AGENTS: [&str; 2] = ["shutting_down", "ledger_unavailable"];

/// A request that is the agent's to answer. Made only here.
#[derive(Debug)]
pub struct Conversed {
    pub(super) call: Box<Call>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) ask: Ask,
    pub(super) route: Arc<Route>,
    pub(super) tools: Arc<ToolSet>,
}

/// Whose turn it is.
pub enum Turn {
    /// The agent's.
    Agent(Box<Conversed>),
    /// A person's: this is what the user is told.
    Person(Response<Body>),
}

/// Finds the conversation, and whose it is.
///
/// # Errors
/// The name of the conversation is not usable, or it is another's.
pub async fn run(request: guard_tools::Guarded) -> Step<Turn> {
    let guard_tools::Guarded {
        mut call,
        headers,
        body,
        ask,
        route,
        tools,
    } = request;
    if call.surface.is_dialogue() {
        match asks_a_person(&mut call, &headers, &body, &ask, &route).await {
            Err(error) => return Err(Refused::by_rule(call, STAGE, error)),
            Ok(Some(told)) => return Ok(Turn::Person(speak(call, &told.text, Outcome::Ok).await)),
            Ok(None) => {}
        }
    }
    Ok(Turn::Agent(Box::new(Conversed {
        call,
        headers,
        body,
        ask,
        route,
        tools,
    })))
}

/// What the user is told where a person has the conversation, or is asked for in it.
pub(super) async fn asks_a_person(
    call: &mut Call,
    headers: &HeaderMap,
    body: &Bytes,
    ask: &Ask,
    route: &Arc<Route>,
) -> Result<Option<Told>, ApiError> {
    let Some(held) = conversations::identify(call, headers, body, route, ask.include_usage).await? else {
        return Ok(None);
    };
    let entry = Arc::clone(&held.entry);
    let heard = held.said.as_deref().and_then(|said| route.handoff.hears(said));
    let said = held.said.clone();
    call.decide(STAGE, conversations::mark(&entry));
    call.conversation = Some(Box::new(held));
    if entry.is_with_a_person() {
        return conversations::passed_on(call, &entry, said).await;
    }
    match heard {
        Some(heard) => Ok(conversations::trigger(call, Trigger::Asked(heard.language)).await),
        None => Ok(None),
    }
}

/// An answer that was refused or failed: where that was one time too many, the user is told of a person instead.
///
/// # Errors
/// It was not: the refusal as it came.
pub async fn failed(mut refused: Box<Refused>) -> Result<Response<Body>, Box<Refused>> {
    let Some(code) = failure(&refused.outcome) else {
        return Err(refused);
    };
    if refused.call.conversation.is_none() {
        return Err(refused);
    }
    match conversations::trigger(&mut refused.call, Trigger::Failed(code)).await {
        Some(told) => Ok(speak(refused.call, &told.text, refused.outcome).await),
        None => Err(refused),
    }
}

/// The same after the commit point, where the caller was told already: it counts, and what is said next meets the
/// person.
pub async fn broke_off(call: &mut Call, outcome: &Outcome) {
    if let Some(code) = failure(outcome)
        && call.conversation.is_some()
    {
        let _told_already = conversations::trigger(call, Trigger::Failed(code)).await;
    }
}

/// A whole answer with this confidence (millionths): where that is too little, what the user is told instead.
pub async fn unsure(call: &mut Call, confidence: u32) -> Option<Told> {
    call.conversation.as_ref()?;
    conversations::trigger(call, Trigger::Confidence(confidence)).await
}

/// The code of a trip's end that was a failed attempt: no answer, or one that was withheld or not asked for because of
/// what was said. The caller's own mistakes and limits are none.
fn failure(outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Error(code) if !NOT_THE_AGENTS.contains(code) => Some(code),
        Outcome::Refused { stage, code } => {
            let withheld = *stage == "screen_output" || *code == "tool_call_blocked";
            let blocked = *stage == "screen_input"
                && matches!(*code, "prompt_injection" | "personal_data" | "denied_text");
            (withheld || blocked).then_some(code)
        }
        Outcome::UpstreamRefused(429) => Some("upstream_rate_limited"),
        Outcome::Ok | Outcome::Error(_) | Outcome::UpstreamRefused(_) | Outcome::Cancelled => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_kept_an_answer_from_the_user_is_a_failed_attempt() {
        let refused = |stage, code| Outcome::Refused { stage, code };
        for counts in [
            Outcome::Error("upstream_timeout"),
            Outcome::Error("over_capacity"),
            Outcome::UpstreamRefused(429),
            refused("screen_output", "answer_withheld"),
            refused("screen_input", "prompt_injection"),
        ] {
            assert!(failure(&counts).is_some(), "{counts:?}");
        }
        for does_not in [
            Outcome::Ok,
            Outcome::Cancelled,
            Outcome::Error("shutting_down"),
            Outcome::UpstreamRefused(400),
            refused("count", "rate_limit_exceeded"),
            refused("screen_input", "schema_violation"),
            refused("authorise", "permission_denied"),
        ] {
            assert!(failure(&does_not).is_none(), "{does_not:?}");
        }
    }
}
