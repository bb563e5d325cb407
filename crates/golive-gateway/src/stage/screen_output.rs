//! S4, S8: what an answer may tell: a whole one here, a stream piece by piece through [`crate::screens::stream`].
//!
//! Never: lets an answer out whose screen could not run, or tells what was taken out.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use golive_wire::texts::{self, New, Place, Voice};
use golive_wire::{ApiError, Wire};

use crate::call::{Call, Outcome};
use crate::reply::Refused;
use crate::runtime::Route;
use crate::screens::guarded::Guarded;
use crate::screens::{Screens, Withheld, or_closed};

const STAGE: &str = "screen_output";
/// When to come again where a screen could not be asked.
const COME_AGAIN: Duration = Duration::from_secs(5);

/// The whole answer as it may be told.
///
/// # Errors
/// None of it may be, or its screen failed in the middle: closed, not open.
pub fn run(call: &mut Call, route: &Arc<Route>, body: Bytes) -> Result<Bytes, Withheld> {
    or_closed(|| Err(Withheld::TooMuch), || screened(call, route, body))
}

/// Shows the answer to the screens outside of golive, which see what golive's own left.
///
/// # Errors
/// It may not be told.
pub async fn outside(call: &mut Call, route: &Arc<Route>, body: Bytes) -> Result<Bytes, Withheld> {
    if !route.screens.shows_answers() {
        return Ok(body);
    }
    let guarded = call.guarded.clone();
    let wire = call.surface.wire();
    let outside = route
        .screens
        .show_answer(&route.id, wire, &guarded, &body)
        .await?;
    for decided in outside.decided {
        call.decide(STAGE, decided);
    }
    if outside.flagged {
        call.flag("external");
    }
    Ok(outside.changed.unwrap_or(body))
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
    match withheld {
        Withheld::Unasked => Outcome::Error(withheld.code()),
        _ => Outcome::Refused {
            stage: STAGE,
            code: withheld.code(),
        },
    }
}

/// A withheld answer, before any of it was sent.
pub(super) fn blocked(mut call: Box<Call>, withheld: &Withheld) -> Box<Refused> {
    note(&mut call, withheld);
    if *withheld == Withheld::Unasked {
        let error = ApiError::new(503, withheld.code(), withheld.told()).with_retry_after(COME_AGAIN);
        return Refused::by_failure(call, error);
    }
    let error = ApiError::new(403, withheld.code(), withheld.told()).with_should_retry(false);
    Refused::by_rule(call, STAGE, error)
}

/// Writes down that an answer was withheld.
pub(super) fn note(call: &mut Call, withheld: &Withheld) {
    tracing::warn!(request = %call.id, why = withheld.why(), "an answer was withheld");
    call.decide(STAGE, format!("withheld for {}", withheld.why()));
}
