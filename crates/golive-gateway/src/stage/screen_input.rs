//! S3, S4, S8: what a request may bring: its texts by who speaks in them, its images and files, its structure.
//!
//! Never: hands on a request whose screen could not run, or tells a caller which rule its text met.

use std::sync::Arc;

use bytes::Bytes;
use golive_wire::ApiError;
use golive_wire::tools::ToolSet;
use http::{HeaderMap, HeaderValue};

use super::read::Ask;
use super::{Step, converse};
use crate::call::Call;
use crate::reply::Refused;
use crate::runtime::Route;
use crate::screens::input::{self, Aim, Judged};
use crate::screens::or_closed;

const STAGE: &str = "screen_input";
/// A larger body is looked at beside the request path, which must not wait for it.
const LARGE: usize = 128 * 1024;

/// A request whose texts may go on. Made only here.
#[derive(Debug)]
pub struct Screened {
    pub(super) call: Box<Call>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) ask: Ask,
    pub(super) route: Arc<Route>,
    pub(super) tools: Arc<ToolSet>,
}

/// Looks at every text, and changes or refuses what may not go on.
///
/// # Errors
/// A text, an image or the structure is not allowed.
pub async fn run(request: converse::Conversed) -> Step<Screened> {
    let converse::Conversed {
        mut call,
        headers,
        body,
        ask,
        route,
        tools,
    } = request;
    let (wire, aim) = (call.surface.wire(), Aim::of(call.surface.work()));
    if ask.tokens > 0 && route.screens.reads_requests() {
        return Err(Refused::by_rule(call, STAGE, unreadable()));
    }
    let judged = if body.len() <= LARGE {
        or_closed(
            || Judged::refused(unable()),
            || input::judge(&route.screens, wire, aim, &body),
        )
    } else {
        let (screens, body) = (Arc::clone(&route.screens), body.clone());
        let beside = tokio::task::spawn_blocking(move || input::judge(&screens, wire, aim, &body));
        beside.await.unwrap_or_else(|_| Judged::refused(unable()))
    };
    let Judged {
        refused,
        changed,
        flags,
        guarded,
        decided,
    } = judged;
    call.guarded = guarded;
    call.decide(STAGE, decided);
    if let Some(error) = refused {
        return Err(Refused::by_rule(call, STAGE, error));
    }
    if !flags.is_empty() {
        call.flagged = HeaderValue::from_str(&Vec::from_iter(flags).join(", ")).ok();
    }
    let mut body = changed.map_or(body, Bytes::from);
    if call.stream && route.screens.refuses_streams() {
        let error = ApiError::new(
            400,
            "stream_not_screened",
            "Answers are checked as a whole here. Ask again without streaming.",
        )
        .with_should_retry(false);
        return Err(Refused::by_rule(call, STAGE, error));
    }
    if let Some(fetcher) = &route.screens.fetcher {
        match fetcher.inline(wire, &body).await {
            Ok(Some(with_bytes)) => {
                call.decide(STAGE, "images and documents were fetched");
                body = with_bytes;
            }
            Ok(None) => {}
            Err(error) => return Err(Refused::by_rule(call, STAGE, error)),
        }
    }
    match route.screens.show_request(&route.id, wire, &body).await {
        Ok(outside) => {
            for decided in outside.decided {
                call.decide(STAGE, decided);
            }
            if outside.flagged {
                call.flag("external");
            }
            body = outside.changed.unwrap_or(body);
        }
        Err(error) if error.status >= 500 => return Err(Refused::by_failure(call, error)),
        Err(error) => {
            call.decide(STAGE, "refused by a screen outside of golive");
            return Err(Refused::by_rule(call, STAGE, error));
        }
    }
    if call.prompt.is_some() {
        call.prompt = Some(body.clone()); // what was taken out is not kept either
    }
    Ok(Screened {
        call,
        headers,
        body,
        ask,
        route,
        tools,
    })
}

fn unreadable() -> ApiError {
    ApiError::new(
        400,
        "unreadable_input",
        "What is sent here is checked, and tokens cannot be read. Send the input as text.",
    )
    .with_param("/input")
    .with_should_retry(false)
}

fn unable() -> ApiError {
    ApiError::new(
        500,
        "screen_failed",
        "This request could not be checked, so it was not served. The operator has been told.",
    )
}
