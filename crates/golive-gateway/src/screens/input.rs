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
use golive_screen::redact::Seen;
use golive_screen::spotlight::{Mark, Marking, spotlight};
use golive_screen::validate::schema::Schema;
use golive_screen::validate::{media, text as characters, url};
use golive_wire::texts::{self, Holds, New, Place, Voice};
use golive_wire::{ApiError, Wire};

use super::guarded::{Guarded, OwnWords};
use super::{Screens, Withheld};
use crate::upstream::hop::Work;

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
    /// What its answer may repeat of it, and what not.
    pub guarded: Guarded,
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

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// A model reads its texts and does what they say, now or when they were counted.
    Answer,
    /// Its texts become vectors. No model does what they say, so there is nothing to inject, and no place for an agent's
    /// own prompt.
    Vectors,
}

impl Aim {
    /// The aim of this work.
    #[must_use]
    pub fn of(work: Work) -> Self {
        match work {
            Work::Answer | Work::CountTokens => Self::Answer,
            Work::Embeddings => Self::Vectors,
        }
    }
}

/// Judges a request in this format.
#[must_use]
pub fn judge(screens: &Screens, wire: Wire, aim: Aim, body: &[u8]) -> Judged {
    match judged(screens, wire, aim, body) {
        Ok(judged) => judged,
        Err(error) => Judged::refused(error),
    }
}

fn judged(screens: &Screens, wire: Wire, aim: Aim, body: &[u8]) -> Result<Judged, ApiError> {
    let is_read = aim == Aim::Answer;
    let injection = is_read && screens.settings.injection != InjectionAction::Off;
    let own_prompt = screens.own_prompt.as_ref().filter(|_| is_read);
    if own_prompt.is_some()
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
    let mut changes: Vec<(Range<usize>, New<'_>)> = Vec::new();
    let mut seen = Seen::default();
    let mut turns: Vec<String> = Vec::new();
    let mut highest = 0.0_f32;
    let mut orders = String::new();
    for Place { voice, literal } in &places {
        let came = texts::read(body, literal);
        if came.is_empty() {
            continue;
        }
        let channel = channel_of(*voice).filter(|_| injection);
        let text = one(
            screens,
            *voice,
            channel,
            &came,
            &mut judged.flags,
            &mut seen,
            &mut highest,
        )?;
        if *voice == Voice::System && screens.settings.guard_system_messages {
            orders.push_str(&came);
            orders.push('\n');
        }
        if *voice == Voice::User {
            turns.push(text.clone().unwrap_or_else(|| came.clone().into_owned()));
        }
        changes.extend(text.map(|text| (literal.clone(), New::Text(Cow::Owned(text)))));
    }
    if screens.wants_the_question() {
        judged.guarded.asked = turns.last().map(|turn| Arc::from(turn.as_str()));
    }
    if turns.len() > 1 && injection {
        let joined = joined(&turns);
        let score = screens
            .injection
            .judge(&Normalised::of(&joined), Channel::User)
            .score;
        highest = highest.max(score);
        if score >= screens.threshold(Channel::User) {
            // The turns stay as they are: no single one of them could be marked.
            injected(screens, Channel::User, &mut judged.flags)?;
        }
    }
    let mut changed = (!changes.is_empty()).then(|| texts::replace(body, &changes));
    if let Some(prompt) = own_prompt {
        changed = Some(texts::add_system(
            wire,
            changed.as_deref().unwrap_or(body),
            &prompt.text,
        ));
    }
    judged.decided = if changes.is_empty() && judged.flags.is_empty() {
        Cow::Owned(format!(
            "{} texts, highest score {:.0} %",
            places.len(),
            highest * 100.0
        ))
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
    judged.guarded.seen = screens.settings.own_data.then(|| Arc::new(seen));
    if !orders.is_empty() {
        judged.guarded.prompt = Some(Arc::new(OwnWords::of(&orders)));
    }
    Ok(judged)
}

/// One text: refused, another in its place, or as it came (`None`). `channel`: as what an injection in it is judged.
fn one(
    screens: &Screens,
    voice: Voice,
    channel: Option<Channel>,
    came: &str,
    flags: &mut BTreeSet<&'static str>,
    seen: &mut Seen,
    highest: &mut f32,
) -> Result<Option<String>, ApiError> {
    let mut marked = false;
    let deny = screens.deny.as_ref().filter(|_| voice != Voice::System);
    // As it came: what was hidden is a sign.
    let normal = (channel.is_some() || deny.is_some()).then(|| Normalised::of(came));
    let nothing_hidden = normal
        .as_ref()
        .is_some_and(|normal| normal.signs().invisible() == 0);
    let mut text = if nothing_hidden {
        Cow::Borrowed(came)
    } else {
        hidden(screens, came, flags)?
    };
    if let Some(normal) = normal {
        if deny.is_some_and(|deny| deny.find(&normal).is_some()) {
            return Err(refusal(
                "denied_text",
                "The request holds text that may not be sent here.",
            ));
        }
        if let Some(channel) = channel {
            let score = screens.injection.judge(&normal, channel).score;
            *highest = highest.max(score);
            if score >= screens.threshold(channel) {
                marked = injected(screens, channel, flags)?;
            }
        }
    }
    if screens.settings.own_data || screens.requests.1 {
        let findings = screens.detector.find_in(&text);
        if screens.settings.own_data {
            seen.add(&findings);
        }
        if let Some(kept) = screens
            .kept(&text, &findings)
            .map_err(|_: Withheld| personal_data())?
        {
            flags.insert("pii");
            text = Cow::Owned(kept);
        }
    }
    if marked {
        let mark = Mark::new(rand::random());
        return Ok(Some(spotlight(&text, &mark, Marking::Words)));
    }
    Ok(match text {
        Cow::Owned(text) => Some(text),
        Cow::Borrowed(_) => None,
    })
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
fn joined(turns: &[String]) -> String {
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

/// What becomes of an injection: whether the text is to be marked for the model.
fn injected(
    screens: &Screens,
    channel: Channel,
    flags: &mut BTreeSet<&'static str>,
) -> Result<bool, ApiError> {
    match screens.settings.injection {
        InjectionAction::Block => Err(refusal(
            "prompt_injection",
            "This request holds text that tries to change the instructions of the model, so it was not sent on. If that is a mistake, say it in other words.",
        )),
        InjectionAction::Flag | InjectionAction::Off => {
            flags.insert("injection");
            Ok(false)
        }
        InjectionAction::Spotlight => {
            flags.insert("injection");
            // The user's own words are what the model is to answer; only data can be marked as such.
            Ok(channel != Channel::User)
        }
    }
}

/// The text without characters that nobody sees.
fn hidden<'t>(
    screens: &Screens,
    text: &'t str,
    flags: &mut BTreeSet<&'static str>,
) -> Result<Cow<'t, str>, ApiError> {
    let action = match screens.settings.hidden_text {
        HiddenText::Keep => return Ok(Cow::Borrowed(text)),
        HiddenText::Strip => characters::Action::Strip,
        HiddenText::Refuse => characters::Action::Refuse,
    };
    let rules = characters::Rules {
        control: action,
        bidi: action,
        zero_width: action,
        variation: action,
        tag: action,
    };
    let cleaned = characters::clean(text, &rules).map_err(|why| {
        refusal(
            "hidden_text",
            format!(
                "The request holds characters that nobody sees: {}. Send the text without them.",
                why.message
            ),
        )
    })?;
    if cleaned.count > 0 {
        flags.insert("hidden_text");
    }
    Ok(cleaned.text)
}

fn schema_holds(schema: &Schema, body: &[u8]) -> Result<(), ApiError> {
    // The body was read strictly before; what is no JSON here is no request.
    let value: serde_json::Value =
        serde_json::from_slice(body).map_err(|_| refusal("schema_violation", "The request is no JSON."))?;
    schema.check(&value).map_err(|mistakes| {
        let first = mistakes.into_iter().next();
        let (pointer, message) = first.map_or_else(Default::default, |one| (one.pointer, one.message));
        refusal(
            "schema_violation",
            format!("The request does not have the form that this agent wants: {message}."),
        )
        .with_param(pointer)
    })
}

fn media_allowed(screens: &Screens, body: &[u8]) -> Result<(), ApiError> {
    for one in texts::media(body) {
        let allowed = match &one.holds {
            Holds::Address(address) if is_data(address) => media::data_uri(address, &screens.media).map(drop),
            Holds::Address(address) => screens.hosts.allow(address),
            Holds::Base64 { declared, literal } => {
                let content = texts::read(body, literal);
                let declared = declared.as_deref().map_or("", |declared| declared);
                media::encoded(&full_type(declared), &content, &screens.media).map(drop)
            }
        };
        allowed.map_err(|why| {
            refusal(
                "media_not_allowed",
                format!(
                    "An image or file of the request may not be sent on: {}.",
                    why.message
                ),
            )
            .with_param(one.pointer)
        })?;
    }
    Ok(())
}

fn is_data(address: &str) -> bool {
    address
        .get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// OpenAI names audio by its ending.
fn full_type(declared: &str) -> Cow<'_, str> {
    match declared {
        "wav" => Cow::Borrowed("audio/wav"),
        "mp3" => Cow::Borrowed("audio/mpeg"),
        other => Cow::Borrowed(other),
    }
}

/// The hosts of images and files.
#[derive(Debug)]
pub(super) enum Hosts {
    /// Every one that has a name.
    Any,
    /// These.
    Only(url::Rules),
}

impl Hosts {
    fn allow(&self, address: &str) -> Result<(), golive_screen::validate::Refusal> {
        match self {
            Self::Only(rules) => url::check(address, rules).map(drop),
            Self::Any => {
                let authority = address.split_once("://").map_or("", |(_, rest)| rest);
                let host = authority.split(['/', '?', '#', ':']).next().unwrap_or_default();
                let rules = url::Rules {
                    // An address of digits is no host, and then no host is allowed.
                    hosts: url::Host::parse(host).into_iter().collect(),
                    ..url::Rules::default()
                };
                url::check(address, &rules).map(drop)
            }
        }
    }
}

fn personal_data() -> ApiError {
    refusal(
        "personal_data",
        "The request holds personal data or a secret that may not be sent here.",
    )
}

fn refusal(code: &'static str, told: impl Into<String>) -> ApiError {
    ApiError::new(400, code, told).with_should_retry(false)
}
