//! S4, S8: what an answer may tell: a whole one here, a stream piece by piece through [`crate::screens::stream`].
//!
//! Never: lets an answer out whose screen could not run, or tells what was taken out.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use golive_config::UpstreamKind;
use golive_wire::ApiError;
use golive_wire::texts::{self, Voice};

use crate::call::{Call, Outcome};
use crate::reply::Refused;
use crate::runtime::Route;
use crate::screens::Withheld;

const STAGE: &str = "screen_output";

/// The whole answer as it may be told.
///
/// # Errors
/// None of it may be.
pub fn run(call: &mut Call, route: &Arc<Route>, body: Bytes) -> Result<Bytes, Withheld> {
    let screens = &route.screens;
    if !screens.reads_answers() {
        return Ok(body);
    }
    let places = match route.kind() {
        UpstreamKind::Http => texts::of_agent_answer(&body),
        UpstreamKind::OpenAi | UpstreamKind::Anthropic => texts::of_answer(call.surface.wire(), &body),
    };
    let mut changes = Vec::new();
    for place in &places {
        let text = texts::read(&body, &place.literal);
        let told = match place.voice {
            Voice::Tool => screens.arguments(&text, call.own_data.as_ref())?,
            _ => screens.words(&text, call.own_data.as_ref())?,
        };
        if let Cow::Owned(told) = told {
            changes.push((place.literal.clone(), Some(Cow::Owned(told))));
        }
    }
    if changes.is_empty() {
        call.decide(STAGE, "nothing to take out");
        return Ok(body);
    }
    call.decide(STAGE, format!("changed {} texts", changes.len()));
    // They spell out what was taken out.
    changes.extend(texts::logprobs(&body).into_iter().map(|value| (value, None)));
    changes.sort_by_key(|(literal, _)| literal.start);
    Ok(texts::replace(&body, &changes).into())
}

/// How a withheld answer is recorded.
pub(super) fn outcome(withheld: &Withheld) -> Outcome {
    Outcome::Refused {
        stage: STAGE,
        code: withheld.code(),
    }
}

/// A withheld answer, before any of it was sent.
pub(super) fn blocked(mut call: Box<Call>, withheld: &Withheld) -> Box<Refused> {
    note(&mut call, withheld);
    let error = ApiError::new(403, withheld.code(), withheld.told()).with_should_retry(false);
    Refused::by_rule(call, STAGE, error)
}

/// Writes down that an answer was withheld.
pub(super) fn note(call: &mut Call, withheld: &Withheld) {
    tracing::warn!(request = %call.id, why = withheld.code(), "an answer was withheld");
    call.decide(STAGE, format!("withheld: {}", withheld.code()));
}
