//! S3, S4, S8: what a request may bring: its texts by who speaks in them, its images and files, its structure.
//!
//! Never: hands on a request whose screen could not run, or tells a caller which rule its text met.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use golive_config::UpstreamKind;
use golive_wire::tools::ToolSet;
use golive_wire::{ApiError, Wire};
use http::{HeaderMap, HeaderValue};

use super::read::Ask;
use super::{Step, converse};
use crate::call::Call;
use crate::reply::Refused;
use crate::runtime::Route;
use crate::screens::input::{self, Judged};

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
    let wire = match route.kind() {
        UpstreamKind::OpenAi => Wire::OpenAi,
        UpstreamKind::Anthropic => Wire::Anthropic,
        UpstreamKind::Http => Wire::Problem,
    };
    let judged = if body.len() <= LARGE {
        // A screen that fails in the middle has seen nothing through: closed, not open.
        catch_unwind(AssertUnwindSafe(|| input::judge(&route.screens, wire, &body)))
            .unwrap_or_else(|_| Judged::refused(unable()))
    } else {
        let (screens, body) = (Arc::clone(&route.screens), body.clone());
        let beside = tokio::task::spawn_blocking(move || input::judge(&screens, wire, &body));
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
    let body = changed.map_or(body, Bytes::from);
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

fn unable() -> ApiError {
    ApiError::new(
        500,
        "screen_failed",
        "This request could not be checked, so it was not served. The operator has been told.",
    )
}
