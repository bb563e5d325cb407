//! M2 E2 P6: the rows of the ledger and the questions that are asked of it.
//!
//! Never: holds a user id in clear; prompts and replies are in clear only in memory.

mod columns;
mod costs;
mod query;

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use golive_checklist::unit::NanoUsd;
use serde::{Serialize, Serializer};
use uuid::Uuid;

#[cfg(test)]
pub(crate) use columns::tests;
pub(crate) use columns::{
    INSERT_HEAD, INSERT_TAIL, encode, encode_bare, encode_open, fit, is_open, keep_without_content, replaces,
    row_id,
};

/// A user, as the ledger knows one: a keyed hash of principal and user, stable for the life of the store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserHash(pub [u8; 16]);

impl fmt::Display for UserHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for UserHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserHash({self})")
    }
}

impl Serialize for UserHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is not 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a user hash; write the 32 hexadecimal digits that `golive ledger` prints")]
pub struct NotAUserHash(String);

impl FromStr for UserHash {
    type Err = NotAUserHash;

    fn from_str(text: &str) -> Result<Self, NotAUserHash> {
        let bad = || NotAUserHash(text.to_owned());
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| bad())?;
        Ok(UserHash(number.to_be_bytes()))
    }
}

/// Token counts of one request; `None` is "not known", never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// All input tokens, cached ones included.
    pub input: Option<u64>,
    /// Those of `input` that the provider read from its cache.
    pub cached_input: Option<u64>,
    /// All output tokens, reasoning included.
    pub output: Option<u64>,
    /// Those of `output` that were reasoning.
    pub reasoning: Option<u64>,
    /// Those of `input` that the provider wrote to its cache.
    pub cache_write: Option<u64>,
}

/// What a request cost, and how far that is to be believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// In billionths of a dollar; `None` where nothing was bought, or where the price is not known: never 0 for that.
    #[serde(serialize_with = "nanos")]
    pub nano_usd: Option<NanoUsd>,
    /// Where it comes from.
    pub basis: CostBasis,
}

/// Where a cost comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CostBasis {
    /// The provider's own token counts, at a price that is known.
    Reported,
    /// Token counts or a price that golive had to estimate.
    Estimated,
    /// Something was bought, and nobody knows at which price.
    Unknown,
    /// Nothing was bought.
    #[default]
    None,
}

/// Where the token counts come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The provider said so.
    Reported,
    /// Counted or estimated by golive.
    Estimated,
    /// Nothing was consumed, or nothing is known.
    #[default]
    None,
}

/// Written without waiting when a request is about to cost something. If the process dies before
/// the final row, it is settled as `lost` with this estimate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRow {
    /// The request id (UUID v7); the final row has the same.
    pub id: Uuid,
    /// Start of the request, microseconds since the Unix epoch.
    pub at_us: i64,
    /// The id of the key (or subject, or certificate) that called.
    pub principal: String,
    /// The asserted user, if any.
    pub user_hash: Option<UserHash>,
    /// `agent/NAME` or `model/NAME`.
    pub callee: Option<String>,
    /// What the request is expected to consume.
    pub estimate: Tokens,
    /// The most it is expected to cost.
    pub cost: Cost,
    /// Whether it counts in the request windows.
    pub counted: bool,
}

/// The durable record of one request (or of several folded refusals).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerRow {
    /// The request id (UUID v7). Unique: a row that comes twice counts once.
    #[serde(serialize_with = "as_text")]
    pub id: Uuid,
    /// Start of the request, microseconds since the Unix epoch.
    pub at_us: i64,
    /// The id of the key (or subject, or certificate) that called.
    pub principal: String,
    /// The asserted user, if any.
    pub user_hash: Option<UserHash>,
    /// `agent/NAME` or `model/NAME`; `None` if the request never named one.
    pub callee: Option<String>,
    /// Digest of the release that served.
    pub release: Option<String>,
    /// The caller's wire format: `openai`, `anthropic`, `http`.
    pub wire: String,
    /// The route, as in `POST /v1/chat/completions`, without values from outside.
    pub route: String,
    /// Whether the caller asked for a stream.
    pub stream: bool,
    /// `ok`, `refused:STAGE:CODE`, `error:CODE`, `cancelled`; from the store itself `open` and `lost`.
    pub outcome: String,
    /// The HTTP status that was sent; 0 if none was.
    pub status: u16,
    /// `UPSTREAM/MODEL` that answered.
    pub link: Option<String>,
    /// Calls made upstream.
    pub attempts: u16,
    /// What was consumed.
    pub tokens: Tokens,
    /// Where `tokens` comes from.
    pub basis: Basis,
    /// What it cost.
    pub cost: Cost,
    /// From the first byte of the request to the last of the answer, microseconds.
    pub latency_us: u64,
    /// From the first byte of the request to the first content byte of the answer, microseconds.
    pub first_byte_us: Option<u64>,
    /// Body bytes received from the caller.
    pub bytes_in: u64,
    /// Body bytes sent to the caller.
    pub bytes_out: u64,
    /// Whether it counts in the request windows.
    pub counted: bool,
    /// How many requests this row stands for: 1, or more for folded refusals (0 is stored as 1).
    pub folded: u32,
    /// The caller's own `x-request-id`: a field, never a key.
    pub client_request_id: Option<String>,
    /// W3C trace id.
    pub trace_id: Option<String>,
    /// What each stage decided: a JSON array.
    pub decisions: String,
    /// The prompt in clear; sealed before it leaves the caller's task. Read back only on request.
    #[serde(skip)]
    pub prompt: Option<Bytes>,
    /// The reply in clear; sealed before it leaves the caller's task. Read back only on request.
    #[serde(skip)]
    pub reply: Option<Bytes>,
}

/// Outcome of a row whose request is under way.
pub(crate) const OPEN: &str = "open";
/// How the outcome of a refusal begins.
pub(crate) const REFUSED: &str = "refused:";

impl LedgerRow {
    /// The place of this row in the order of [`Store::ledger`](crate::Store::ledger).
    pub fn cursor(&self) -> Cursor {
        Cursor {
            at_us: self.at_us,
            id: self.id,
        }
    }
}

/// A place in the ledger: rows are ordered by time, then id, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cursor {
    /// Microseconds since the Unix epoch.
    pub at_us: i64,
    /// The row's id.
    #[serde(serialize_with = "as_text")]
    pub id: Uuid,
}

/// Which rows to list; `Default` lists the newest 100.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerFilter {
    /// Rows at or after this time.
    pub since_us: Option<i64>,
    /// Rows before this time.
    pub until_us: Option<i64>,
    /// Rows of this `agent/NAME` or `model/NAME`.
    pub callee: Option<String>,
    /// Rows of this principal.
    pub principal: Option<String>,
    /// Rows of this user.
    pub user_hash: Option<UserHash>,
    /// Rows whose outcome begins so: `refused:` or `error:upstream_timeout`.
    pub outcome_prefix: Option<String>,
    /// At most this many rows: 1 to 1000, 0 means 100.
    pub limit: u32,
    /// Only rows older than this place: the last row of the page before.
    pub after: Option<Cursor>,
}

/// What a request window must be told again after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Microseconds since the Unix epoch.
    pub at_us: i64,
    /// Who called.
    pub principal: String,
    /// On whose behalf.
    pub user_hash: Option<UserHash>,
    /// `agent/NAME` or `model/NAME`, if it named one.
    pub callee: Option<String>,
    /// How many requests.
    pub count: u32,
    /// Whether they count as requests; a request that was refused for its tokens does not.
    pub counted: bool,
    /// Input and output tokens, as far as known: an open or lost row has its estimate.
    pub tokens: u64,
    /// From the first byte of the request to the last of the answer, microseconds.
    pub latency_us: u64,
}

/// What somebody spent in a slice of time, for budgets that are filled again after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The latest end of the requests in it, microseconds since the Unix epoch.
    pub at_us: i64,
    /// Who called.
    pub principal: String,
    /// On whose behalf.
    pub user_hash: Option<UserHash>,
    /// `agent/NAME` or `model/NAME`, if it named one.
    pub callee: Option<String>,
    /// How much.
    pub amount: NanoUsd,
}

/// One request in a reckoning of costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostRow {
    /// When it began, microseconds since the Unix epoch.
    pub at_us: i64,
    /// Who called.
    pub principal: String,
    /// `agent/NAME` or `model/NAME`, if it named one.
    pub callee: Option<String>,
    /// `UPSTREAM/MODEL` that answered.
    pub link: Option<String>,
    /// What it cost.
    pub cost: Cost,
    /// What it consumed.
    pub tokens: Tokens,
    /// Calls made upstream.
    pub attempts: u16,
}

fn nanos<S: Serializer>(amount: &Option<NanoUsd>, serializer: S) -> Result<S::Ok, S::Error> {
    match amount {
        Some(amount) => serializer.serialize_u64(amount.0),
        None => serializer.serialize_none(),
    }
}

fn as_text<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}
