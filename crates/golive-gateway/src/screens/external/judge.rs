//! S3, S4, S8: a request, an answer or a held stream before the screens outside of golive: refused, changed, noted.
//!
//! Each screen sees what the one before it left, and golive's own have seen all of it before.
//!
//! Never: lets a text pass that a screen blocked, or one that a screen could not be asked about unless it fails open.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use golive_config::{ScreenKind, Streams};
use golive_wire::texts::{self, New, Place, Voice};
use golive_wire::{ApiError, Splitter, Wire};

use super::External;
use super::speak::{About, Direction, Question, Said};
use crate::screens::guarded::Guarded;
use crate::screens::{Screens, Withheld};

/// The longest single event of a held stream.
const EVENT_MAX: usize = 1 << 20;
/// When to come again where a screen could not be asked.
const COME_AGAIN: Duration = Duration::from_secs(5);

/// What became of the texts.
#[derive(Debug, Default)]
pub struct Outside {
    /// The body in the place of the one that came.
    pub changed: Option<Bytes>,
    /// A screen found something and let it pass.
    pub flagged: bool,
    /// In words, for `golive explain`; empty: nothing to say.
    pub decided: Vec<String>,
}

/// Why something may not pass.
enum Stop {
    Blocked,
    Unasked,
}

impl Screens {
    /// Whether answers are shown to screens outside of golive.
    #[must_use]
    pub fn shows_answers(&self) -> bool {
        self.external.iter().any(|screen| screen.settings.output)
    }

    /// Whether one of them wants to know what was asked, beside the answer.
    #[must_use]
    pub fn wants_the_question(&self) -> bool {
        let outside = self.external.iter().map(|screen| &screen.settings);
        outside
            .into_iter()
            .any(|screen| screen.output && screen.kind == ScreenKind::LlmGuard)
    }

    /// Whether an answer may not be streamed, because a screen has to see it whole and none may be held.
    #[must_use]
    pub fn refuses_streams(&self) -> bool {
        let outside = self.external.iter().map(|screen| &screen.settings);
        outside
            .into_iter()
            .any(|screen| screen.output && screen.streams == Streams::Refuse)
    }

    /// Shows what a request brings to the screens outside.
    ///
    /// # Errors
    /// It may not go on.
    pub async fn show_request(&self, callee: &str, wire: Wire, body: &Bytes) -> Result<Outside, ApiError> {
        let about = About { callee, asked: "" };
        let mut outside = Outside::default();
        for screen in self.external.iter().filter(|screen| screen.settings.input) {
            let body = outside.changed.clone().unwrap_or_else(|| body.clone());
            let places = match wire {
                Wire::Problem => texts::of_agent_request(&body),
                _ => texts::of_request(wire, &body),
            };
            // The operator's own words and what the model said before were not brought by the caller.
            let brought = |place: &Place| !matches!(place.voice, Voice::System | Voice::Assistant);
            let places: Vec<Place> = places.into_iter().filter(brought).collect();
            let shown = show(screen, Direction::Input, &body, &places, about, &mut outside).await;
            match shown {
                Ok(changed) => outside.changed = changed.or(outside.changed),
                Err(Stop::Blocked) => {
                    return Err(ApiError::new(
                        400,
                        "refused_by_screen",
                        "The request holds text that may not be sent here.",
                    )
                    .with_should_retry(false));
                }
                Err(Stop::Unasked) => return Err(unavailable()),
            }
        }
        Ok(outside)
    }

    /// Shows a whole answer to the screens outside.
    ///
    /// # Errors
    /// It may not be told.
    pub async fn show_answer(
        &self,
        callee: &str,
        wire: Wire,
        guarded: &Guarded,
        body: &Bytes,
    ) -> Result<Outside, Withheld> {
        let about = About {
            callee,
            asked: guarded.asked.as_deref().unwrap_or_default(),
        };
        let mut outside = Outside::default();
        for screen in self.external.iter().filter(|screen| screen.settings.output) {
            let body = outside.changed.clone().unwrap_or_else(|| body.clone());
            let places = match wire {
                Wire::Problem => texts::of_agent_answer(&body),
                _ => texts::of_answer(wire, &body),
            };
            let shown = show(screen, Direction::Output, &body, &places, about, &mut outside).await;
            match shown {
                Ok(changed) => outside.changed = changed.or(outside.changed),
                Err(stop) => return Err(withheld(&stop)),
            }
        }
        Ok(outside)
    }

    /// Shows a stream that was held until it was whole. It cannot be changed any more: what a screen would change is
    /// withheld.
    ///
    /// # Errors
    /// It may not be told.
    pub async fn show_stream(
        &self,
        callee: &str,
        wire: Wire,
        guarded: &Guarded,
        held: impl Iterator<Item = Bytes>,
    ) -> Result<(), Withheld> {
        let about = About {
            callee,
            asked: guarded.asked.as_deref().unwrap_or_default(),
        };
        let questions = spoken(wire, held).ok_or(Withheld::TooMuch)?;
        for screen in self.external.iter().filter(|screen| screen.settings.output) {
            match screen.ask(&questions, about).await {
                Err(why) => unasked(screen, &why).map_err(|stop| withheld(&stop))?,
                Ok(said)
                    if said
                        .iter()
                        .any(|one| matches!(one, Said::Block | Said::Replace(_))) =>
                {
                    return Err(Withheld::Outside);
                }
                Ok(said) if said.contains(&Said::Flag) => {
                    tracing::info!(
                        screen = screen.settings.name,
                        callee,
                        "a screen flagged a streamed answer"
                    );
                }
                Ok(_) => {}
            }
        }
        Ok(())
    }
}

/// Shows these places of a body to one screen; gives the body that it changed.
async fn show(
    screen: &External,
    direction: Direction,
    body: &Bytes,
    places: &[Place],
    about: About<'_>,
    outside: &mut Outside,
) -> Result<Option<Bytes>, Stop> {
    let name = &screen.settings.name;
    let mut shown: Vec<&Place> = Vec::new();
    let mut questions: Vec<Question> = Vec::new();
    for place in places {
        let text = text_of(body, place);
        if !text.trim().is_empty() {
            shown.push(place);
            questions.push(Question {
                direction,
                voice: place.voice,
                text: text.into_owned(),
            });
        }
    }
    let said = match screen.ask(&questions, about).await {
        Ok(said) => said,
        Err(why) => {
            unasked(screen, &why)?;
            outside
                .decided
                .push(format!("{name} could not be asked ({why}): let through"));
            return Ok(None);
        }
    };
    let mut changes: Vec<(Range<usize>, New<'_>)> = Vec::new();
    for ((place, question), said) in shown.iter().zip(&questions).zip(said) {
        match said {
            Said::Pass => {}
            Said::Flag => outside.flagged = true,
            Said::Block => return Err(blocked(screen, about)),
            Said::Replace(text) => match replaced(body, place, &question.text, text) {
                Some(new) => changes.push((place.literal.clone(), new)),
                None => return Err(blocked(screen, about)),
            },
        }
    }
    outside.decided.push(format!(
        "{name} saw {} texts, changed {}",
        questions.len(),
        changes.len()
    ));
    if changes.is_empty() {
        return Ok(None);
    }
    if direction == Direction::Output {
        // They spell out what was taken out.
        changes.extend(texts::logprobs(body).into_iter().map(|value| (value, New::NULL)));
    }
    changes.sort_by_key(|(literal, _)| literal.start);
    Ok(Some(texts::replace(body, &changes).into()))
}

/// A string's text; of arguments that stand there as JSON, the JSON.
fn text_of<'b>(body: &'b [u8], place: &Place) -> Cow<'b, str> {
    let raw = body.get(place.literal.clone()).unwrap_or_default();
    if raw.first() == Some(&b'"') {
        texts::read(body, &place.literal)
    } else {
        String::from_utf8_lossy(raw)
    }
}

/// What stands in the place of a text; `None`: what was JSON would be none any more.
fn replaced(body: &[u8], place: &Place, before: &str, after: String) -> Option<New<'static>> {
    let is_json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let literal = body.get(place.literal.clone())?.first() == Some(&b'"');
    if !literal {
        return is_json(&after).then_some(New::Json(Cow::Owned(after)));
    }
    let breaks = place.voice == Voice::Tool && is_json(before) && !is_json(&after);
    (!breaks).then_some(New::Text(Cow::Owned(after)))
}

/// The texts of a held stream, each put together from its pieces; `None`: it cannot be read.
fn spoken(wire: Wire, held: impl Iterator<Item = Bytes>) -> Option<Vec<Question>> {
    let mut splitter = Splitter::new(EVENT_MAX);
    let mut texts_by_name: Vec<(String, Question)> = Vec::new();
    let mut take = |data: &[u8]| {
        for piece in texts::of_event(wire, data).pieces {
            let words = texts::read(data, &piece.literal);
            match texts_by_name.iter_mut().find(|(name, _)| *name == piece.of) {
                Some((_, question)) => question.text.push_str(&words),
                None => texts_by_name.push((
                    piece.of,
                    Question {
                        direction: Direction::Output,
                        voice: if piece.arguments {
                            Voice::Tool
                        } else {
                            Voice::Assistant
                        },
                        text: words.into_owned(),
                    },
                )),
            }
        }
    };
    for bytes in held {
        splitter.push(bytes);
        while let Some(event) = splitter.next().ok()? {
            take(&event.data);
        }
    }
    let tail = splitter.finish();
    if let Some(event) = tail.last.clone().or_else(|| tail.as_if_ended()) {
        take(&event.data);
    }
    let questions = texts_by_name.into_iter().map(|(_, question)| question);
    Some(
        questions
            .filter(|question| !question.text.trim().is_empty())
            .collect(),
    )
}

/// A screen found what may not pass; its name is for operators.
fn blocked(screen: &External, about: About<'_>) -> Stop {
    tracing::info!(
        screen = screen.settings.name,
        callee = about.callee,
        "a screen blocked a text"
    );
    Stop::Blocked
}

/// What follows from a screen that could not be asked.
fn unasked(screen: &External, why: &str) -> Result<(), Stop> {
    let (name, open) = (&screen.settings.name, screen.fails_open());
    tracing::warn!(screen = name, why, open, "a screen could not be asked");
    if open { Ok(()) } else { Err(Stop::Unasked) }
}

fn withheld(stop: &Stop) -> Withheld {
    match stop {
        Stop::Blocked => Withheld::Outside,
        Stop::Unasked => Withheld::Unasked,
    }
}

/// What a caller is told where a screen could not be asked.
fn unavailable() -> ApiError {
    ApiError::new(
        503,
        "screen_unavailable",
        "This request cannot be checked right now, so it was not served. Please try again in a moment.",
    )
    .with_retry_after(COME_AGAIN)
}
