//! S4, S8: what an answer may tell: a whole one here, a stream piece by piece through [`crate::screens::stream`].
//!
//! Never: lets an answer out whose screen could not run, or tells what was taken out.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use golive_wire::texts::{self, New, Place, Voice};
use golive_wire::{ApiError, Wire};

use crate::call::{Call, Outcome};
use crate::reply::Refused;
use crate::runtime::Route;
use crate::screens::guarded::Guarded;
use crate::screens::{Screens, Withheld};

const STAGE: &str = "screen_output";

/// The whole answer as it may be told.
///
/// # Errors
/// None of it may be, or its screen failed in the middle: closed, not open.
pub fn run(call: &mut Call, route: &Arc<Route>, body: Bytes) -> Result<Bytes, Withheld> {
    catch_unwind(AssertUnwindSafe(|| screened(call, route, body))).unwrap_or(Err(Withheld::TooMuch))
}

fn screened(call: &mut Call, route: &Arc<Route>, body: Bytes) -> Result<Bytes, Withheld> {
    let screens = &route.screens;
    let guarded = call.guarded.clone();
    if !screens.reads_answers(&guarded) {
        return Ok(body);
    }
    if call.surface.wire() == Wire::Problem {
        // Any member may hold anything: the whole is one value.
        let text = String::from_utf8_lossy(&body);
        return Ok(match screens.arguments(&text, &guarded)? {
            Cow::Owned(told) => {
                call.decide(STAGE, "changed the answer");
                told.into()
            }
            Cow::Borrowed(_) => body,
        });
    }
    let mut changes = Vec::new();
    for place in texts::of_answer(call.surface.wire(), &body) {
        let new = told(screens, &body, &place, &guarded)?;
        changes.extend(new.map(|new| (place.literal, new)));
    }
    if changes.is_empty() {
        return Ok(body);
    }
    call.decide(STAGE, format!("changed {} texts", changes.len()));
    // They spell out what was taken out.
    changes.extend(texts::logprobs(&body).into_iter().map(|value| (value, New::NULL)));
    changes.sort_by_key(|(literal, _)| literal.start);
    Ok(texts::replace(&body, &changes).into())
}

/// What is told in the place of a text; `None`: the text itself.
fn told(
    screens: &Screens,
    body: &[u8],
    place: &Place,
    guarded: &Guarded,
) -> Result<Option<New<'static>>, Withheld> {
    let raw = &body[place.literal.clone()];
    if raw.first() != Some(&b'"') {
        let text = String::from_utf8_lossy(raw);
        return Ok(match screens.arguments(&text, guarded)? {
            Cow::Owned(told) => Some(New::Json(Cow::Owned(told))),
            Cow::Borrowed(_) => None,
        });
    }
    let text = texts::read(body, &place.literal);
    let told = match place.voice {
        Voice::Tool => screens.arguments(&text, guarded)?,
        _ => screens.words(&text, guarded)?,
    };
    Ok(match told {
        Cow::Owned(told) => Some(New::Text(Cow::Owned(told))),
        Cow::Borrowed(_) => None,
    })
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
    tracing::warn!(request = %call.id, why = withheld.why(), "an answer was withheld");
    call.decide(STAGE, format!("withheld for {}", withheld.why()));
}
