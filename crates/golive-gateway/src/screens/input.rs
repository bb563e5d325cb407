//! S3, S4, S8: one request before its screens: refused, changed, flagged, or as it came.
//!
//! Never: keeps a text, or decides by anything but what stands in the request.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use golive_config::{HiddenText, InjectionAction};
use golive_screen::injection::Channel;
use golive_screen::normalise::Normalised;
use golive_wire::texts::{self, Holds, Place, Voice};
use golive_wire::{ApiError, Wire};

use super::{OwnData, Screens, Withheld};

/// Turns of the user's that are also read as one text: an order may be cut into pieces.
const JOINED_TURNS: usize = 8;
/// Bytes of such a joined text.
const JOINED_BYTES: usize = 16 * 1024;

/// What the screens say of a request.
#[derive(Debug, Default)]
pub struct Judged {
    /// It may not go on.
    pub refused: Option<ApiError>,
    /// The body in its place.
    pub changed: Option<Vec<u8>>,
    /// What was found and passes.
    pub flags: BTreeSet<&'static str>,
    /// Values that it brings and its answer may hold.
    pub own_data: Option<Arc<OwnData>>,
    /// In words, for `golive explain`.
    pub decided: Cow<'static, str>,
}

impl Judged {
    /// It may not go on.
    #[must_use]
    pub fn refused(error: ApiError) -> Self {
        Self {
            decided: Cow::Owned(format!("refused: {}", error.code)),
            refused: Some(error),
            ..Self::default()
        }
    }
}

/// Judges a request in this format.
#[must_use]
pub fn judge(screens: &Screens, wire: Wire, body: &[u8]) -> Judged {
    match judged(screens, wire, body) {
        Ok(judged) => judged,
        Err(error) => Judged::refused(error),
    }
}

fn judged(screens: &Screens, wire: Wire, body: &[u8]) -> Result<Judged, ApiError> {
    if screens.own_prompt.is_some()
        && let Some(pointer) = texts::speaks_for_the_operator(wire, body)
    {
        return Err(refusal(
            "system_message_not_allowed",
            "This agent has its own instructions. Send no system or developer message.",
        )
        .with_param(pointer));
    }
    if let Some(schema) = &screens.schema {
        schema_holds(schema, body)?;
    }
    if wire != Wire::Problem {
        media_allowed(screens, body)?;
    }
    let places = match wire {
        Wire::Problem => texts::of_agent_request(body),
        _ => texts::of_request(wire, body),
    };
    let mut judged = Judged::default();
    let mut changes: Vec<(Range<usize>, Option<Cow<'_, str>>)> = Vec::new();
    let mut own = OwnData::default();
    let mut turns: Vec<Cow<'_, str>> = Vec::new();
    let mut highest = 0.0_f32;
    for Place { voice, literal } in &places {
        let came = texts::read(body, literal);
        if came.is_empty() {
            continue;
        }
        let mut text = hidden(screens, &came, &mut judged.flags)?;
        let normal = Normalised::of(&text);
        if *voice != Voice::System {
            denied(screens, &normal)?;
        }
        let mut spotlit = None;
        if let Some(channel) = channel_of(*voice)
            && screens.settings.injection != InjectionAction::Off
        {
            let score = screens.injection.judge(&normal, channel).score;
            highest = highest.max(score);
            if score >= screens.threshold(channel) {
                spotlit = injected(screens, channel, &text, &mut judged.flags)?;
            }
        }
        if screens.settings.own_data {
            own.take(&screens.detector.find(&normal));
        }
        let kept = screens.kept(&normal)?;
        drop(normal);
        if let Some(kept) = kept {
            judged.flags.insert("pii");
            text = Cow::Owned(kept);
        }
        if let Some(spotlit) = spotlit {
            text = Cow::Owned(spotlit);
        }
        if *voice == Voice::User {
            turns.push(text.clone());
        }
        if *text != *came {
            changes.push((literal.clone(), Some(Cow::Owned(text.into_owned()))));
        }
    }
    if turns.len() > 1 && screens.settings.injection != InjectionAction::Off {
        let joined = joined(&turns);
        let score = screens.injection.judge(&Normalised::of(&joined), Channel::User).score;
        highest = highest.max(score);
        if score >= screens.threshold(Channel::User) {
            // The turns stay as they are: no single one of them could be marked.
            injected(screens, Channel::User, &joined, &mut judged.flags)?;
        }
    }
    let mut changed = (!changes.is_empty()).then(|| texts::replace(body, &changes));
    if let Some(prompt) = &screens.own_prompt {
        changed = Some(texts::add_system(wire, changed.as_deref().unwrap_or(body), &prompt.text));
    }
    judged.decided = if changes.is_empty() && judged.flags.is_empty() {
        Cow::Owned(format!("{} texts, highest score {:.0} %", places.len(), highest * 100.0))
    } else {
        let flags: Vec<_> = judged.flags.iter().copied().collect();
        Cow::Owned(format!(
            "{} texts, highest score {:.0} %, {} changed; found: {}",
            places.len(),
            highest * 100.0,
            changes.len(),
            flags.join(", ")
        ))
    };
    judged.changed = changed;
    judged.own_data = screens.settings.own_data.then(|| Arc::new(own));
    Ok(judged)
}

/// How an injection in a text of this voice is judged; `None`: not at all.
fn channel_of(voice: Voice) -> Option<Channel> {
    match voice {
        Voice::User => Some(Channel::User),
        Voice::Tool => Some(Channel::Tool),
        Voice::Document => Some(Channel::Document),
        // The operator may say anything, and the model's earlier turns passed the output's screen.
        Voice::System | Voice::Assistant => None,
    }
}

/// The last turns as one text.
fn joined(turns: &[Cow<'_, str>]) -> String {
    let from = turns.len().saturating_sub(JOINED_TURNS);
    let mut joined = String::new();
    for turn in &turns[from..] {
        joined.push_str(turn);
        joined.push(' ');
    }
    let mut start = joined.len().saturating_sub(JOINED_BYTES);
    while !joined.is_char_boundary(start) {
        start += 1;
    }
    joined.split_off(start)
}

/// What becomes of an injection; a text in its place where it is marked.
fn injected(
    screens: &Screens,
    channel: Channel,
    text: &str,
    flags: &mut BTreeSet<&'static str>,
) -> Result<Option<String>, ApiError> {
    match screens.settings.injection {
        InjectionAction::Block => Err(refusal(
            "prompt_injection",
            "This request holds text that tries to change the instructions of the model, so it was not sent on. If that is a mistake, say it in other words.",
        )),
        InjectionAction::Flag | InjectionAction::Off => {
            flags.insert("injection");
            Ok(None)
        }
        InjectionAction::Spotlight => {
            flags.insert("injection");
            // The user's own words are what the model is to answer; only data can be marked as such.
            Ok((channel != Channel::User).then(|| golive_screen::injection::spotlight::mark(text)))
        }
    }
}

fn refusal(code: &'static str, told: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::new(400, code, told).with_should_retry(false)
}
