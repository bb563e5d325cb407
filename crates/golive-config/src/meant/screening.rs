//! S3, S4, S8: `[screening]`, and what an agent or model has of its own.

use std::path::PathBuf;
use std::sync::Arc;

use super::ExternalScreen;

/// What is done with texts that come in and go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screening {
    /// What becomes of a text that looks like an injection.
    pub injection: InjectionAction,
    /// From this score on (per cent) a text of the user's counts as one.
    pub user_threshold: u32,
    /// The same for documents and results of tools.
    pub data_threshold: u32,
    /// What becomes of characters that nobody sees.
    pub hidden_text: HiddenText,
    /// What becomes of personal data and secrets in answers.
    pub pii: PiiAction,
    /// The same in requests.
    pub pii_input: PiiAction,
    /// Kinds of personal data with an action of their own, in both directions; the last one that names a kind holds.
    pub pii_kinds: Vec<(String, PiiAction)>,
    /// Values that are nobody's secret.
    pub pii_values: Vec<String>,
    /// Whether values that stand in the request may come back in its answer.
    pub own_data: bool,
    /// Whether answers may not repeat the request's own system messages, or codes in them.
    pub guard_system_messages: bool,
    /// Patterns that no request may hold.
    pub deny: Vec<String>,
    /// Hosts from which images and files may be fetched; `*` is every public one.
    pub media_hosts: Vec<String>,
    /// Whether golive fetches them and sends their bytes in place of their address.
    pub media_inline: bool,
    /// Kinds of personal data of the operator's own; the same for every agent and model.
    pub kinds: Vec<CustomKind>,
    /// Screens outside of golive that are asked too, in this order.
    pub external: Vec<Arc<ExternalScreen>>,
}

/// A kind of personal data of the operator's own: `[screening.kinds.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomKind {
    /// Its name, which stands between brackets where one was redacted.
    pub name: String,
    /// What one looks like: a regular expression.
    pub pattern: String,
    /// The checksum of its letters and digits.
    pub checksum: Option<&'static str>,
    /// Words beside it; if there are any, one of them must be there.
    pub context: Vec<String>,
    /// What becomes of one, in requests and answers; `None`: what becomes of every kind.
    pub action: Option<PiiAction>,
    /// Texts in which one must be found.
    pub examples: Vec<String>,
    /// Texts in which none may be found.
    pub counter_examples: Vec<String>,
    /// The line of the file where it begins, from 1.
    pub line: usize,
}

/// What becomes of an injection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InjectionAction {
    /// The request is refused.
    #[default]
    Block,
    /// It passes, with a header and a note in the ledger.
    Flag,
    /// It passes, with the text marked for the model as data, not orders.
    Spotlight,
    /// Nobody looks.
    Off,
}

/// What becomes of characters that nobody sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HiddenText {
    /// They are taken out.
    #[default]
    Strip,
    /// The request is refused.
    Refuse,
    /// They stay.
    Keep,
}

/// What becomes of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PiiAction {
    /// It stays.
    Allow,
    /// Its kind takes its place: `[EMAIL_ADDRESS]`.
    Redact,
    /// All but the last four characters are masked.
    Mask,
    /// A token that is the same for the same value takes its place.
    Hash,
    /// The whole text is refused.
    Block,
}

impl InjectionAction {
    /// All, with the words of the configuration.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("block", Self::Block),
        ("flag", Self::Flag),
        ("spotlight", Self::Spotlight),
        ("off", Self::Off),
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        word(&Self::WORDS, self)
    }
}

impl HiddenText {
    /// All, with the words of the configuration.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("strip", Self::Strip),
        ("refuse", Self::Refuse),
        ("keep", Self::Keep),
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        word(&Self::WORDS, self)
    }
}

impl PiiAction {
    /// All, with the words of the configuration.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("allow", Self::Allow),
        ("redact", Self::Redact),
        ("mask", Self::Mask),
        ("hash", Self::Hash),
        ("block", Self::Block),
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        word(&Self::WORDS, self)
    }
}

fn word<T: PartialEq + Copy>(words: &[(&'static str, T)], one: T) -> &'static str {
    words
        .iter()
        .find(|(_, of)| *of == one)
        .map_or("", |(word, _)| word)
}

impl Default for Screening {
    fn default() -> Self {
        Self {
            injection: InjectionAction::default(),
            user_threshold: 90,
            data_threshold: 90,
            hidden_text: HiddenText::default(),
            pii: PiiAction::Redact,
            pii_input: PiiAction::Allow,
            pii_kinds: Vec::new(),
            pii_values: Vec::new(),
            own_data: false,
            guard_system_messages: false,
            deny: Vec::new(),
            media_hosts: vec!["*".to_owned()],
            media_inline: false,
            kinds: Vec::new(),
            external: Vec::new(),
        }
    }
}

/// A file that is part of what an agent is, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFile {
    /// Where it stands.
    pub path: PathBuf,
    /// What stands in it; empty where nothing but the form of the configuration was asked for.
    pub text: String,
}
