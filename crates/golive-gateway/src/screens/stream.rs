//! S4, S8: the texts of one stream, each behind a filter of its own: what may be told goes on, what could still become
//! something that may not is held back.
//!
//! Arguments of a tool are held until they are whole: half of a call is of no use to anybody, and the whole of it can be
//! judged better. Events stay in their order and their form; text that was held comes in an event like the one before.
//!
//! Never: lets a byte of a blocked text out, or holds more than its bound.

use std::borrow::Cow;
use std::sync::Arc;

use golive_wire::texts::{self, New, Spoken};
use golive_wire::{Event, Wire};

use super::guarded::Guarded;
use super::{Screens, TextFilter, Withheld};

/// Texts of one stream that are told apart; no provider sends so many.
const TEXTS_MAX: usize = 1024;
/// The longest arguments of one tool call.
const ARGUMENTS_MAX: usize = 256 * 1024;

/// What becomes of an event.
#[derive(Debug)]
pub struct Screened {
    /// Events with text that was held, to be sent before it.
    pub before: Vec<Event>,
    /// The event in its place; `None`: as it came.
    pub changed: Option<Event>,
}

/// The filters of one stream.
#[derive(Debug)]
pub struct StreamScreen {
    wire: Wire,
    screens: Arc<Screens>,
    guarded: Guarded,
    texts: Vec<(String, Text)>,
}

#[derive(Debug)]
struct Text {
    state: State,
    /// The last event in which a piece of it stood: the form in which the rest of it is told.
    last: Option<Form>,
}

#[derive(Debug)]
enum State {
    Words(Box<TextFilter>),
    /// What came of the arguments so far.
    Arguments(String),
}

#[derive(Debug)]
struct Form {
    event: Event,
    spoken: Arc<Spoken>,
    piece: usize,
}

impl StreamScreen {
    /// The filters for a stream in this format, if any text of it is looked at. `guarded`: what may come back, and
    /// what not.
    #[must_use]
    pub fn new(wire: Wire, screens: &Arc<Screens>, guarded: Guarded) -> Option<Self> {
        screens.reads_answers(&guarded).then(|| Self {
            wire,
            screens: Arc::clone(screens),
            guarded,
            texts: Vec::new(),
        })
    }

    /// What becomes of the next event.
    ///
    /// # Errors
    /// A text that may not be told: nothing more of the stream may be.
    pub fn take(&mut self, event: &Event) -> Result<Screened, Withheld> {
        let mut screened = Screened {
            before: Vec::new(),
            changed: None,
        };
        if !event.has_data {
            return Ok(screened);
        }
        let spoken = Arc::new(texts::of_event(self.wire, &event.data));
        if spoken.pieces.is_empty() && spoken.over.is_empty() && spoken.logprobs.is_empty() {
            return Ok(screened);
        }
        let mut told: Vec<(Cow<'_, str>, String)> = Vec::with_capacity(spoken.pieces.len());
        for (number, piece) in spoken.pieces.iter().enumerate() {
            let words = texts::read(&event.data, &piece.literal);
            let text = self.text(&piece.of, piece.arguments)?;
            text.last = Some(Form {
                event: event.clone(),
                spoken: Arc::clone(&spoken),
                piece: number,
            });
            let mut out = String::new();
            text.state.push(&words, &mut out)?;
            told.push((words, out));
        }
        for over in &spoken.over {
            self.end(over, &spoken, &mut told, &mut screened.before)?;
        }
        let mut changes: Vec<_> = spoken
            .pieces
            .iter()
            .zip(told)
            .filter(|(_, (words, out))| **words != **out)
            .map(|(piece, (_, out))| (piece.literal.clone(), New::Text(Cow::Owned(out))))
            .collect();
        // They spell out the text that is held or was taken out.
        changes.extend(spoken.logprobs.iter().map(|value| (value.clone(), New::NULL)));
        if !changes.is_empty() {
            changes.sort_by_key(|(literal, _)| literal.start);
            let data = texts::replace(&event.data, &changes);
            screened.changed = Event::parse(event.with_data(&data));
        }
        Ok(screened)
    }

    /// The end of a stream that has no terminator of its own: all that is still held.
    ///
    /// # Errors
    /// As [`StreamScreen::take`].
    pub fn finish(&mut self) -> Result<Vec<Event>, Withheld> {
        let mut last = Vec::new();
        self.end("", &Spoken::default(), &mut Vec::new(), &mut last)?;
        Ok(last)
    }

    fn text(&mut self, of: &str, arguments: bool) -> Result<&mut Text, Withheld> {
        let at = match self.texts.iter().position(|(known, _)| known == of) {
            Some(at) => at,
            None if self.texts.len() >= TEXTS_MAX => return Err(Withheld::TooMuch),
            None => {
                let state = if arguments {
                    State::Arguments(String::new())
                } else {
                    State::Words(Box::new(self.screens.filter(&self.guarded)))
                };
                self.texts.push((of.to_owned(), Text { state, last: None }));
                self.texts.len() - 1
            }
        };
        Ok(&mut self.texts[at].1)
    }

    /// Ends the texts whose names begin so. What they held is told in this very event where a piece of them stands in
    /// it, else in one of its own before it.
    fn end(
        &mut self,
        over: &str,
        spoken: &Spoken,
        told: &mut [(Cow<'_, str>, String)],
        before: &mut Vec<Event>,
    ) -> Result<(), Withheld> {
        let (ended, going): (Vec<_>, Vec<_>) = std::mem::take(&mut self.texts)
            .into_iter()
            .partition(|(of, _)| of.starts_with(over));
        self.texts = going;
        for (of, text) in ended {
            let mut rest = String::new();
            text.state.finish(&self.screens, &self.guarded, &mut rest)?;
            if rest.is_empty() {
                continue;
            }
            match spoken.pieces.iter().rposition(|piece| piece.of == of) {
                Some(here) => told[here].1.push_str(&rest),
                None => before.extend(text.last.and_then(|form| form.with(&rest))),
            }
        }
        Ok(())
    }
}

impl State {
    fn push(&mut self, words: &str, out: &mut String) -> Result<(), Withheld> {
        match self {
            Self::Words(filter) => filter.push(words, out),
            Self::Arguments(held) if held.len() + words.len() > ARGUMENTS_MAX => Err(Withheld::TooMuch),
            Self::Arguments(held) => {
                held.push_str(words);
                Ok(())
            }
        }
    }

    fn finish(self, screens: &Screens, guarded: &Guarded, out: &mut String) -> Result<(), Withheld> {
        match self {
            Self::Words(mut filter) => filter.finish(out),
            Self::Arguments(held) => {
                out.push_str(&screens.arguments(&held, guarded)?);
                Ok(())
            }
        }
    }
}

impl Form {
    /// The event with this text in its place, and none of the others.
    fn with(&self, rest: &str) -> Option<Event> {
        let pieces = self.spoken.pieces.iter().enumerate();
        let mut changes: Vec<_> = pieces
            .map(|(number, piece)| {
                let text = if number == self.piece { rest } else { "" };
                (piece.literal.clone(), New::Text(Cow::Borrowed(text)))
            })
            .collect();
        changes.extend(
            self.spoken
                .logprobs
                .iter()
                .map(|value| (value.clone(), New::NULL)),
        );
        changes.sort_by_key(|(literal, _)| literal.start);
        let data = texts::replace(&self.event.data, &changes);
        Event::parse(self.event.with_data(&data))
    }
}
