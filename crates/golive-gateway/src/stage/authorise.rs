//! S6: whom a request may call: the agents and models that the policies permit and its key does not leave out.

use std::sync::Arc;

use bytes::Bytes;
use golive_wire::ApiError;
use http::HeaderMap;

use super::Step;
use super::read::{Ask, Read};
use crate::call::{Call, Surface};
use crate::policy::{ROLES_MAX, Rules, Who};
use crate::reply::Refused;
use crate::runtime::Route;
use crate::upstream::hop::Work;

/// A request that may go to its agent or model. Made only here.
#[derive(Debug)]
pub struct Authorised {
    pub(super) call: Box<Call>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) ask: Ask,
    pub(super) route: Arc<Route>,
}

/// What an authorised request is: a call, or a look at the list.
#[derive(Debug)]
pub enum May {
    /// Goes on to an agent or model.
    Call(Box<Authorised>),
    /// Wants the names it may call: all, or one.
    List(Box<Call>, Vec<String>),
    /// Is about a conversation of its own, with this body.
    Converse(Box<Call>, Bytes),
}

/// Finds the agent or model and checks that this key may call it.
///
/// # Errors
/// No such name, not allowed, or a format that what stands behind the name does not speak.
pub fn run(read: Read) -> Step<May> {
    let Read {
        mut call,
        headers,
        body,
        ask,
    } = read;
    let Some(principal) = call.principal.clone() else {
        // identify always gives one; a request without must not pass
        return Err(Refused::by_rule(call, "authorise", denied("?")));
    };
    let runtime = call.gateway.runtime();
    match &call.surface {
        Surface::Models(_) => {
            let names = runtime
                .visible_to(&principal)
                .into_iter()
                .map(str::to_owned)
                .collect();
            call.decide("authorise", "listed what this key may call");
            return Ok(May::List(call, names));
        }
        Surface::Model(_, name) => {
            let name = name.clone();
            return if runtime
                .route(&name)
                .is_some_and(|route| runtime.permits(&principal, route))
            {
                Ok(May::List(call, vec![name]))
            } else {
                Err(Refused::by_rule(call, "authorise", unknown(&name)))
            };
        }
        // What it may see of conversations is judged with them.
        Surface::Conversation(_) | Surface::Feedback => return Ok(May::Converse(call, body)),
        Surface::Chat
        | Surface::Messages
        | Surface::Embeddings
        | Surface::CountTokens
        | Surface::Agent(_) => {}
    }
    let Some(route) = runtime.route(&ask.model).cloned() else {
        return Err(Refused::by_rule(call, "authorise", unknown(&ask.model)));
    };
    call.route = Some(Arc::clone(&route));
    if !runtime.permits(&principal, &route) {
        let whose = if route.is_open_to(&principal) {
            "the policies do"
        } else {
            "the key does"
        };
        call.decide("authorise", format!("{whose} not allow {}", route.id));
        let error = if Rules::too_many_roles(Who::of(&principal)) {
            too_many_roles()
        } else {
            denied(&ask.model)
        };
        return Err(Refused::by_rule(call, "authorise", error));
    }
    if let Some(error) = mismatch(&call.surface, &route) {
        return Err(Refused::by_rule(call, "authorise", error));
    }
    if matches!(call.surface, Surface::Agent(_))
        && let Some(error) = textless(&route, &body)
    {
        return Err(Refused::by_rule(call, "authorise", error));
    }
    call.decide(
        "authorise",
        format!("the policies and the key allow {}", route.id),
    );
    Ok(May::Call(Box::new(Authorised {
        call,
        headers,
        body,
        ask,
        route,
    })))
}

/// Every link can be asked for an answer in the formats of OpenAI and Anthropic, translated where it speaks another; an
/// HTTP agent's own JSON is known only by pointers, and other work only by those who do it.
fn mismatch(surface: &Surface, route: &Route) -> Option<ApiError> {
    if route.way(surface.work()).is_none() {
        return Some(unsupported(surface.work(), &route.callee.name));
    }
    let fits = !matches!(surface, Surface::Agent(_)) || route.pointers.is_some();
    (!fits).then(|| {
        ApiError::new(
            400,
            "wrong_format",
            format!(
                "`{}` does not speak this format. Call it at /v1/chat/completions or /v1/messages.",
                route.callee.name
            ),
        )
        .with_param("model")
        .with_should_retry(false)
    })
}

/// No link of the chain does this work.
pub(super) fn unsupported(work: Work, name: &str) -> ApiError {
    let what = match work {
        Work::Embeddings => "No link of its chain speaks OpenAI's format, the only one that has embeddings.",
        Work::CountTokens => {
            "No link of its chain speaks Anthropic's format, the only one that counts tokens."
        }
        Work::Answer => "No link of its chain can be asked for an answer.",
    };
    ApiError::new(
        400,
        "unsupported_format",
        format!("`{name}` cannot be called at this address. {what}"),
    )
    .with_param("model")
    .with_should_retry(false)
}

/// An HTTP agent's request must hold the user's text where the configuration says it stands.
fn textless(route: &Route, body: &[u8]) -> Option<ApiError> {
    let pointers = route.pointers.as_ref()?;
    if pointers.input.read_str(body).is_some() {
        return None;
    }
    let place = route.callee.pointers.as_ref().map_or("", |p| p.input.as_str());
    let error = ApiError::new(
        400,
        "missing_field",
        format!("The request must hold its text, a string, at {place}."),
    );
    Some(error.with_param(place).with_should_retry(false))
}

fn unknown(name: &str) -> ApiError {
    ApiError::new(
        404,
        "model_not_found",
        format!(
            "There is no agent or model `{}` here. GET /v1/models lists what this key may call.",
            printable(name)
        ),
    )
    .with_param("model")
    .with_should_retry(false)
}

fn denied(name: &str) -> ApiError {
    ApiError::new(
        403,
        "permission_denied",
        format!("This key may not call `{}`.", printable(name)),
    )
    .with_param("model")
    .with_should_retry(false)
}

/// Which of its roles a policy forbids something to cannot be told without looking at all of them.
fn too_many_roles() -> ApiError {
    ApiError::new(
        403,
        "too_many_roles",
        format!("This caller has more than {ROLES_MAX} roles, and may do nothing until it has fewer."),
    )
    .with_should_retry(false)
}

/// A caller's own word, given back short and without anything that could steer a terminal.
pub(super) fn printable(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}
