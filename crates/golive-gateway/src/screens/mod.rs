//! S3, S4, S8: the screens of one agent or model, put together from its configuration, and what they say of a text.
//!
//! Never: keeps a text, shows one, or passes one on that could not be looked at.

pub mod build;
pub mod external;
pub mod guarded;
pub mod inline;
pub mod input;
pub mod stream;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use golive_config::Screening;
use golive_screen::injection::{Channel, Injection};
use golive_screen::overlap::{Prompt, Watch};
use golive_screen::pii::{Detector, Finding, Kind};
use golive_screen::redact::{self, Action, Policy, Seen};
use golive_screen::stream::{Because, Blocked, Filter};
use golive_screen::validate::deny::DenyList;
use golive_screen::validate::media;
use golive_screen::validate::schema::Schema;
use golive_wire::texts::{self, New};

pub use build::{Machines, ScreenError};
use external::External;
use guarded::{Guarded, OwnWords, Recital};
use inline::Fetcher;

/// What stands in logs.
static LOGGED: LazyLock<Policy> = LazyLock::new(|| Policy::new(Action::Redact));

/// The screens of one agent or model.
#[derive(Debug)]
pub struct Screens {
    settings: Screening,
    injection: Arc<Injection>,
    detector: Arc<Detector>,
    /// What becomes of personal data in answers, and whether anything becomes of any.
    answers: (Arc<Policy>, bool),
    /// The same in requests.
    requests: (Arc<Policy>, bool),
    deny: Option<DenyList>,
    schema: Option<Schema>,
    hosts: input::Hosts,
    media: media::Rules,
    own_prompt: Option<OwnPrompt>,
    external: Vec<Arc<External>>,
    /// Fetches what requests name, where their bytes are to be sent on.
    pub fetcher: Option<Arc<Fetcher>>,
}

/// An agent's own system prompt.
#[derive(Debug)]
struct OwnPrompt {
    text: String,
    /// What no answer may hold of it.
    words: Arc<OwnWords>,
}

/// Why an answer may not be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// It holds personal data or a secret of a kind that blocks.
    Pii,
    /// It repeats the agent's own prompt.
    Prompt,
    /// It is more than the screen may hold.
    TooMuch,
    /// A screen outside of golive said so.
    Outside,
    /// A screen outside of golive could not be asked.
    Unasked,
}

impl Withheld {
    /// Its code: one for all of them, as callers need not know which rule it was.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Pii | Self::Prompt | Self::Outside => "answer_withheld",
            Self::TooMuch => "answer_unscreenable",
            Self::Unasked => "screen_unavailable",
        }
    }

    /// What the caller is told.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::Pii | Self::Prompt | Self::Outside => {
                "The answer held something that may not be told here, and was withheld. Ask in another way."
            }
            Self::TooMuch => "The answer could not be checked, so it was withheld.",
            Self::Unasked => {
                "The answer cannot be checked right now, so it was withheld. Please try again in a moment."
            }
        }
    }

    /// In a word, for operators.
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            Self::Pii => "personal data or a secret",
            Self::Prompt => "the agent's own prompt",
            Self::TooMuch => "more than can be held",
            Self::Outside => "what a screen outside of golive found",
            Self::Unasked => "a screen outside of golive that could not be asked",
        }
    }
}

impl Screens {
    /// Whether any text of an answer is looked at.
    #[must_use]
    pub fn reads_answers(&self, guarded: &Guarded) -> bool {
        self.answers.1 || self.own_prompt.is_some() || guarded.prompt.is_some()
    }

    /// Whether anything in the texts of a request is looked for.
    #[must_use]
    pub fn reads_requests(&self) -> bool {
        let outside = self.external.iter().any(|screen| screen.settings.input);
        self.requests.1 || self.deny.is_some() || outside
    }

    fn threshold(&self, channel: Channel) -> f32 {
        let percent = match channel {
            Channel::User => self.settings.user_threshold,
            Channel::Document | Channel::Tool | Channel::System => self.settings.data_threshold,
        };
        percent as f32 / 100.0
    }

    /// The filter of one text of a stream.
    #[must_use]
    pub fn filter(&self, guarded: &Guarded) -> TextFilter {
        let own = self.not_to_be_told(guarded);
        let codes = own.and_then(|own| own.codes.as_ref());
        let pii = (self.answers.1 || codes.is_some()).then(|| {
            let mut filter = Filter::new(Arc::clone(&self.detector), Arc::clone(&self.answers.0));
            if let Some(seen) = &guarded.seen {
                filter = filter.with_seen(Arc::clone(seen));
            }
            if let Some(codes) = codes {
                filter = filter.with_literals(Arc::clone(codes));
            }
            filter
        });
        TextFilter {
            pii,
            own: own.map(|own| (Recital::new(Arc::clone(own)), Watch::new(Runs(Arc::clone(own))))),
        }
    }

    /// The system prompt that an answer must not repeat: the agent's own, else the request's.
    fn not_to_be_told<'g>(&'g self, guarded: &'g Guarded) -> Option<&'g Arc<OwnWords>> {
        self.own_prompt
            .as_ref()
            .map(|own| &own.words)
            .or(guarded.prompt.as_ref())
    }

    /// A text as it may stand in a log: nothing that is known as personal data or a secret, whatever the answers may hold.
    #[must_use]
    pub fn for_logs(&self, text: &str) -> String {
        let findings = self.detector.find_in(text);
        let told = redact::apply(&self.detector, text, &findings, &LOGGED, None);
        told.text
    }

    /// A whole text of an answer, as it may be told.
    ///
    /// # Errors
    /// It may not be.
    pub fn words<'t>(&self, text: &'t str, guarded: &Guarded) -> Result<Cow<'t, str>, Withheld> {
        if let Some(own) = self.not_to_be_told(guarded) {
            let mut watch = Watch::new(&own.runs);
            watch.push(text);
            watch.end();
            let holds_code = own
                .codes
                .as_ref()
                .is_some_and(|codes| codes.find_in(text).is_some());
            if holds_code || repeats(&watch) {
                return Err(Withheld::Prompt);
            }
        }
        if !self.answers.1 {
            return Ok(Cow::Borrowed(text));
        }
        self.redacted(text, &self.answers.0, guarded.seen.as_deref())
    }

    /// The whole arguments of a tool call, as they may be told: JSON stays JSON.
    ///
    /// # Errors
    /// They may not be.
    pub fn arguments<'t>(&self, text: &'t str, guarded: &Guarded) -> Result<Cow<'t, str>, Withheld> {
        let mut told = Cow::Borrowed(text);
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        if !is_json {
            return self.words(text, guarded);
        }
        let mut changes = Vec::new();
        for place in texts::of_agent_answer(text.as_bytes()) {
            let words = texts::read(text.as_bytes(), &place.literal);
            if let Cow::Owned(new) = self.words(&words, guarded)? {
                changes.push((place.literal, New::Text(Cow::Owned(new))));
            }
        }
        if !changes.is_empty() {
            let new = texts::replace(text.as_bytes(), &changes);
            told = Cow::Owned(String::from_utf8(new).map_err(|_| Withheld::TooMuch)?);
        }
        if self.answers.1
            && let Some(new) = self.numbers(&told, guarded.seen.as_deref())?
        {
            told = Cow::Owned(new);
        }
        Ok(told)
    }

    /// Numbers of JSON that are personal data, such as a card; what stands for one is a string.
    fn numbers(&self, json: &str, seen: Option<&Seen>) -> Result<Option<String>, Withheld> {
        let policy = &self.answers.0;
        let mut out = String::new();
        let mut done = 0;
        for finding in self.detector.find_in(json) {
            let at = finding.at.clone();
            let is_number = json
                .get(at.clone())
                .is_some_and(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
            let before = json
                .get(..at.start)
                .and_then(|text| text.trim_end().chars().next_back());
            let alone = matches!(before, Some(':' | ',' | '['));
            if !is_number || !alone || at.start < done {
                continue;
            }
            let value = &json[at.clone()];
            let one = redact::apply(&self.detector, json, std::slice::from_ref(&finding), policy, seen);
            if one.blocked.is_some() {
                return Err(Withheld::Pii);
            }
            let changed = &one.text[at.start..one.text.len() - (json.len() - at.end)];
            if changed != value {
                out.push_str(&json[done..at.start]);
                out.push_str(&serde_json::Value::from(changed).to_string());
                done = at.end;
            }
        }
        if done == 0 {
            return Ok(None);
        }
        out.push_str(&json[done..]);
        Ok(Some(out))
    }

    /// A text for people who need not know whose data is in it: every kind of personal data and secrets taken out,
    /// whatever the settings let through.
    #[must_use]
    pub fn without_personal_data(&self, text: &str) -> String {
        let findings = self.detector.find_in(text);
        let policy = Policy::new(Action::Redact);
        redact::apply(&self.detector, text, &findings, &policy, None).text
    }

    /// The text of a request without the personal data that may not go on; `None`: as it came.
    ///
    /// # Errors
    /// It holds a kind that blocks.
    fn kept(&self, text: &str, findings: &[Finding]) -> Result<Option<String>, Withheld> {
        let (policy, any) = &self.requests;
        if !any || findings.is_empty() {
            return Ok(None);
        }
        let kept = redact::apply(&self.detector, text, findings, policy, None);
        if kept.blocked.is_some() {
            return Err(Withheld::Pii);
        }
        Ok((kept.text != text).then_some(kept.text))
    }

    fn redacted<'t>(
        &self,
        text: &'t str,
        policy: &Policy,
        seen: Option<&Seen>,
    ) -> Result<Cow<'t, str>, Withheld> {
        let findings = self.detector.find_in(text);
        if findings.is_empty() {
            return Ok(Cow::Borrowed(text));
        }
        let told = redact::apply(&self.detector, text, &findings, policy, seen);
        if told.blocked.is_some() {
            return Err(Withheld::Pii);
        }
        Ok(if told.text == text {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(told.text)
        })
    }
}

/// The filter of one text of a stream.
#[derive(Debug)]
pub struct TextFilter {
    /// Holds a prompt that is told in its order, and watches for one that is not.
    own: Option<(Recital, Watch<Runs>)>,
    pii: Option<Filter>,
}

/// The runs of words of a prompt.
#[derive(Debug)]
struct Runs(Arc<OwnWords>);

impl std::borrow::Borrow<Prompt> for Runs {
    fn borrow(&self) -> &Prompt {
        &self.0.runs
    }
}

impl TextFilter {
    /// The next piece: what of the text may be told now is put behind `out`.
    ///
    /// # Errors
    /// Nothing more of it may be told.
    pub fn push(&mut self, words: &str, out: &mut String) -> Result<(), Withheld> {
        let Some((recital, watch)) = &mut self.own else {
            return self.pass(words, out);
        };
        watch.push(words);
        if repeats(watch) {
            return Err(Withheld::Prompt);
        }
        let told = recital.push(words).ok_or(Withheld::Prompt)?;
        self.pass(&told, out)
    }

    /// The end of the text: what was held is put behind `out`.
    ///
    /// # Errors
    /// It may not be told.
    pub fn finish(&mut self, out: &mut String) -> Result<(), Withheld> {
        if let Some((recital, watch)) = &mut self.own {
            watch.end();
            if repeats(watch) {
                return Err(Withheld::Prompt);
            }
            let told = recital.finish().ok_or(Withheld::Prompt)?;
            self.pass(&told, out)?;
        }
        if let Some(filter) = &mut self.pii {
            out.push_str(&filter.finish().map_err(|blocked| why(&blocked))?);
        }
        Ok(())
    }

    fn pass(&mut self, words: &str, out: &mut String) -> Result<(), Withheld> {
        match &mut self.pii {
            Some(filter) => out.push_str(&filter.push(words).map_err(|blocked| why(&blocked))?),
            None => out.push_str(words),
        }
        Ok(())
    }
}

fn why(blocked: &Blocked) -> Withheld {
    match blocked.because {
        Because::Kind(_) => Withheld::Pii,
        Because::Literal(_) => Withheld::Prompt,
    }
}

/// Runs of eight words of a prompt from which on an answer repeats it: ten words in a row, or several places. One run
/// alone may be a greeting that the prompt asks for.
const RUNS_MIN: usize = 3;
/// The same for a prompt of so few words that it has hardly any runs: this share of them.
const SHARE_MIN: f32 = 0.5;

fn repeats<P: std::borrow::Borrow<Prompt>>(watch: &Watch<P>) -> bool {
    watch.runs_said() >= RUNS_MIN || (watch.runs_said() > 0 && watch.share() >= SHARE_MIN)
}

/// What `look` gives, or `closed` where it fails in the middle: a screen that panics has seen nothing through, and what
/// it was looking at must not pass.
pub fn or_closed<T>(closed: impl FnOnce() -> T, look: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|_| closed())
}

/// Whether a policy does anything at all, to the kinds that golive brings along and to so many of the operator's own.
fn acts(policy: &Policy, custom: u8) -> bool {
    let kinds = Kind::ALL.iter().copied().chain((0..custom).map(Kind::Custom));
    kinds.into_iter().any(|kind| policy.action(kind) != Action::Allow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_that_panics_lets_nothing_pass() {
        let text = [1, 2];
        let seen = or_closed(|| Err(Withheld::TooMuch), || Ok(text[text.len()]));
        assert_eq!(seen, Err(Withheld::TooMuch));
        assert_eq!(or_closed(|| Err(Withheld::TooMuch), || Ok(text[1])), Ok(2));
    }
}
