//! S3, S4, S8: one `[screens.NAME]`: a screen outside of golive that is asked by HTTP, beside golive's own.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;

use crate::base_url::BaseUrl;

/// A screen that is asked by HTTP.
#[derive(Debug, Clone)]
pub struct ExternalScreen {
    /// The name of its table.
    pub name: String,
    /// How it is asked.
    pub kind: ScreenKind,
    /// Where it is; of `presidio` and `llm-guard` the base, of a webhook the whole address.
    pub url: BaseUrl,
    /// Sent as `Authorization: Bearer …`; `None`: it asks for none.
    pub api_key: Option<SecretString>,
    /// Where the key came from, for people.
    pub api_key_source: Option<String>,
    /// For all texts of one request or answer together, from the first connection on.
    pub deadline: Duration,
    /// What happens to a text that it could not be asked about.
    pub fail: Fail,
    /// It is asked about what requests bring.
    pub input: bool,
    /// It is asked about answers.
    pub output: bool,
    /// What becomes of a text in which it finds something.
    pub action: FindingAction,
    /// Findings below this score (per cent) do not count (`presidio`).
    pub threshold: u32,
    /// The language of the texts (`presidio`).
    pub language: String,
    /// What becomes of a request for a stream whose answer it is to look at.
    pub streams: Streams,
    /// Failures in a row after which it is left alone for [`ExternalScreen::open`].
    pub failures: u32,
    /// How long it is left alone.
    pub open: Duration,
    /// Private ranges it may be in. Empty: public addresses only.
    pub private_addresses: Vec<IpNet>,
    /// PEM file of the authorities that vouch for it, instead of Mozilla's.
    pub ca_file: Option<PathBuf>,
}

/// By name: no two of one configuration share one.
impl PartialEq for ExternalScreen {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for ExternalScreen {}

/// How a screen is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScreenKind {
    /// Microsoft Presidio's analyzer: `POST /analyze`.
    Presidio,
    /// LLM Guard's API: `POST /analyze/prompt`, `POST /analyze/output`.
    LlmGuard,
    /// Anything that speaks the form of docs/screening.md.
    Webhook,
}

/// What happens to a text that a screen could not be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fail {
    /// It does not pass.
    #[default]
    Closed,
    /// It passes, and the ledger says so.
    Open,
}

/// What becomes of a text in which a screen finds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FindingAction {
    /// The request is refused, the answer withheld.
    #[default]
    Block,
    /// What was found is taken out.
    Redact,
    /// It passes, with a header and a note in the ledger.
    Flag,
}

/// What becomes of a request for a stream whose answer a screen is to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Streams {
    /// It is refused.
    #[default]
    Refuse,
    /// The stream is held until it is whole.
    Hold,
}

/// Gives an enumeration its words in the configuration.
macro_rules! words {
    ($type:ident, $count:literal, $($word:literal $one:ident),+) => {
        impl $type {
            /// All, with the words of the configuration.
            pub const WORDS: [(&'static str, Self); $count] = [$(($word, Self::$one)),+];

            /// Its word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$one => $word),+ }
            }
        }
    };
}

words!(ScreenKind, 3, "presidio" Presidio, "llm-guard" LlmGuard, "webhook" Webhook);
words!(Fail, 2, "closed" Closed, "open" Open);
words!(FindingAction, 3, "block" Block, "redact" Redact, "flag" Flag);
words!(Streams, 2, "refuse" Refuse, "hold" Hold);
