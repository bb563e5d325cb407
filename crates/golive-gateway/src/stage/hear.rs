//! E3: somebody who is over a limit or a budget may still ask for a person. He is listened to a few times an hour, and
//! for nothing else.
//!
//! Never: reads more than a little of a request that was refused, listens more often than the allowance, or lets the
//! agent be called.

use std::error::Error;

use bytes::Bytes;
use golive_config::Escalation;
use golive_resilience::escalation::allowance::Rule;
use golive_wire::ApiError;
use http::{HeaderMap, Response, header};
use http_body::Body as HttpBody;

use super::authorise::{self, May};
use super::count::{Counted, Over};
use super::read::{self, Read, Unheard};
use super::{Step, converse};
use crate::auth::principal::user_key;
use crate::body::Body;
use crate::call::{Call, Outcome};
use crate::conversations::speak;
use crate::reply::Refused;

/// The largest request that is listened to.
const BODY_MAX: u64 = 32 * 1024;
/// Refusals behind which one may ask for a person.
const CODES: [&str; 2] = ["rate_limit_exceeded", "over_budget"];

/// A request that was refused before its body was read.
///
/// # Errors
/// The refusal, where no person was asked for.
pub async fn unread<B>(over: Box<Over<B>>) -> Step<Response<Body>>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Error,
{
    let Over {
        refused,
        headers,
        body,
    } = *over;
    if !is_small(&headers) || !may_be_heard(&refused) {
        return Err(refused);
    }
    let (mut call, refusal) = Refusal::of(*refused);
    // Counted already, as far as the stages know: it must not be asked for again.
    let counted = std::mem::replace(&mut call.counted, true);
    match read::run(Counted { call, headers, body }).await {
        Ok(read) => heard(read, refusal, counted).await,
        Err(worse) => Err(refusal.back(worse.call, counted)),
    }
}

/// A request that was refused when its body had been read.
///
/// # Errors
/// The refusal, where no person was asked for.
pub async fn after_reading(mut refused: Box<Refused>) -> Step<Response<Body>> {
    let Some(unheard) = refused.call.unheard.take() else {
        return Err(refused);
    };
    let Unheard { headers, body, ask } = *unheard;
    if body.len() as u64 > BODY_MAX || !may_be_heard(&refused) {
        return Err(refused);
    }
    let (mut call, refusal) = Refusal::of(*refused);
    let counted = std::mem::replace(&mut call.counted, true);
    let read = Read {
        call,
        headers,
        body,
        ask,
    };
    heard(read, refusal, counted).await
}

/// Whether the request asks for a person. `counted`: what is true of it.
async fn heard(read: Read, refusal: Refusal, counted: bool) -> Step<Response<Body>> {
    let authorised = match authorise::run(read) {
        Ok(May::Call(authorised)) => *authorised,
        Ok(May::List(call, _) | May::Converse(call, _)) => return Err(refusal.back(call, counted)),
        Err(worse) => return Err(refusal.back(worse.call, counted)),
    };
    let authorise::Authorised {
        mut call,
        headers,
        body,
        ask,
        route,
    } = authorised;
    match converse::asks_a_person(&mut call, &headers, &body, &ask, &route).await {
        Ok(Some(told)) => {
            call.counted = counted;
            call.decide("hear", "asked for a person over a limit");
            Ok(speak(call, &told.text, Outcome::Ok).await)
        }
        Ok(None) | Err(_) => Err(refusal.back(call, counted)),
    }
}

/// A refusal without its call, which is on its way once more.
struct Refusal {
    outcome: Outcome,
    error: ApiError,
    verbatim: Option<Bytes>,
}

impl Refusal {
    fn of(refused: Refused) -> (Box<Call>, Self) {
        let Refused {
            call,
            outcome,
            error,
            verbatim,
        } = refused;
        let refusal = Self {
            outcome,
            error,
            verbatim,
        };
        (call, refusal)
    }

    /// The refusal as it was.
    fn back(self, mut call: Box<Call>, counted: bool) -> Box<Refused> {
        call.counted = counted;
        // What was looked at is no conversation of an answer: a limit is no failed attempt.
        call.conversation = None;
        let Self {
            outcome,
            error,
            verbatim,
        } = self;
        Box::new(Refused {
            call,
            outcome,
            error,
            verbatim,
        })
    }
}

fn is_small(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok())
        .is_some_and(|length| length <= BODY_MAX)
}

fn may_be_heard(refused: &Refused) -> bool {
    let call = &refused.call;
    let over = matches!(&refused.outcome, Outcome::Refused { code, .. } if CODES.contains(code));
    if !over || !call.surface.is_dialogue() {
        return false;
    }
    let Some(principal) = &call.principal else {
        return false;
    };
    let runtime = call.gateway.runtime();
    // Which agent is called may stand in the body: the widest allowance is counted here.
    let rates = runtime.config.agents.values().filter_map(|agent| {
        let settings: &Escalation = &agent.escalation;
        settings.over_limit.filter(|_| settings.enabled)
    });
    let Some(rate) = rates.max_by_key(|rate| rate.count) else {
        return false;
    };
    let rule = Rule {
        count: rate.count.get(),
        per: rate.period,
    };
    let owner = call.user.map_or(principal.hash, user_key);
    call.gateway
        .conversations
        .may_be_heard(&rule, owner, call.gateway.now())
}
