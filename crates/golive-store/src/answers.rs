//! P3: answers that are kept for a while under a caller's `Idempotency-Key`, so that the same request asked again gets
//! the same answer and nothing is done twice.
//!
//! The answer is sealed with all that is known of its request; in clear stand only a keyed hash, who called, and two
//! times. An answer that does not open counts as none: the request is served anew.
//!
//! Never: keeps a caller's key or the hash of a body in clear, or more of one principal than [`ROOM`] and one answer.

use std::time::Duration;

use aws_lc_rs::hmac;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::backend::{Failure, FailureKind, Row, Statement, Value};
use crate::seal::{Keyring, Place, Purpose, SealError};
use crate::writer::{NotDone, Work};
use crate::{Store, StoreError};

/// The longest body that is kept.
pub const KEPT_BODY_MAX: usize = 1 << 20;
/// The least that an answer counts for, in bytes.
const LEAST: u64 = 16 * 1024;
/// What is kept of one principal, the newest first: 10,000 small answers, or about 150 of the longest.
const ROOM: u64 = 10_000 * LEAST;
/// How long a look may take. A database that hangs must not hold the request for longer.
const LOOK_WAIT: Duration = Duration::from_secs(2);

/// The keyed hash of a caller's `Idempotency-Key` with all that it is bound to.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdempotencyKey([u8; 32]);

impl std::fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdempotencyKey(..)")
    }
}

impl IdempotencyKey {
    /// A key as a test needs it, without a store.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// An answer as it went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The request that it answered.
    pub request: Uuid,
    /// What tells that request's body from another one: a SHA-256.
    pub asked: [u8; 32],
    /// The HTTP status.
    pub status: u16,
    /// Headers that belong to it, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body. Longer ones than [`KEPT_BODY_MAX`] are refused.
    pub body: Bytes,
}

/// Why an answer was not kept.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// Its body is too long.
    #[error("the answer is longer than {KEPT_BODY_MAX} bytes")]
    TooLong,
    /// It could not be sealed.
    #[error("the answer could not be sealed")]
    Seal(#[from] SealError),
    /// The database does not take it.
    #[error("the answer could not be written")]
    Write(#[from] NotDone),
}

/// All of an answer but its body, as it stands sealed before it.
#[derive(Serialize, Deserialize)]
struct Head {
    request: Uuid,
    asked: [u8; 32],
    status: u16,
    headers: Vec<(String, String)>,
}

impl Store {
    /// The keyed hash of a caller's key. `parts` is all that it is bound to, the key's own text among them; no two
    /// different lists have the same hash.
    #[must_use]
    pub fn idempotency_key(&self, parts: &[&[u8]]) -> IdempotencyKey {
        self.keyring().idempotency_key(parts)
    }

    /// Keeps an answer until `expires_us`. When this returns it stands, and survives what a ledger row survives. The
    /// first answer under a key stays; the oldest of the principal's go when there is no more room for them.
    ///
    /// # Errors
    /// See [`NotKept`]: it is not kept, or not known to be.
    pub async fn keep_answer(
        &self,
        principal: &str,
        key: IdempotencyKey,
        answer: &KeptAnswer,
        now_us: i64,
        expires_us: i64,
    ) -> Result<(), NotKept> {
        if answer.body.len() > KEPT_BODY_MAX {
            return Err(NotKept::TooLong);
        }
        let sealed = self
            .keyring()
            .seal(Purpose::Content, &place(&key), &encode(answer))?;
        let counts = LEAST.max(sealed.len() as u64);
        let work = Work::of(vec![
            Statement::new(
                INSERT,
                vec![
                    Value::bytes(&key.0),
                    Value::text(principal),
                    now_us.into(),
                    expires_us.into(),
                    Value::count(counts),
                    Value::Bytes(Some(sealed.into())),
                ],
            ),
            Statement::new(TRIM, vec![Value::text(principal), Value::count(ROOM)]),
        ]);
        self.writer().work(work).await?;
        Ok(())
    }

    /// The answer that was kept under a key and has not expired at `now_us`.
    ///
    /// # Errors
    /// The database cannot be read, or does not answer within two seconds.
    pub async fn kept_answer(
        &self,
        key: &IdempotencyKey,
        now_us: i64,
    ) -> Result<Option<KeptAnswer>, StoreError> {
        let look = self
            .backend()
            .query(SELECT, vec![Value::bytes(&key.0), now_us.into()]);
        let rows = tokio::time::timeout(LOOK_WAIT, look)
            .await
            .unwrap_or_else(|_| Err(Failure::new(FailureKind::Other, "no answer within 2 s")));
        let rows = rows.map_err(StoreError::Database)?;
        let sealed = rows
            .first()
            .map(sealed_of)
            .transpose()
            .map_err(StoreError::Database)?;
        let Some(sealed) = sealed.flatten() else {
            return Ok(None);
        };
        match self.keyring().open(Purpose::Content, &place(key), &sealed) {
            Ok(plain) => Ok(decode(plain)),
            Err(error) => {
                tracing::warn!(%error, "a kept answer does not open; its request is served anew");
                Ok(None)
            }
        }
    }
}

impl Keyring {
    /// Begins with a word, where a user's hash begins with the high byte of a length: the two never meet. Each part has
    /// its length in front, so that no two lists give the same bytes.
    fn idempotency_key(&self, parts: &[&[u8]]) -> IdempotencyKey {
        let mut context = hmac::Context::with_key(self.hash_key());
        context.update(b"idempotency");
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        IdempotencyKey(hash)
    }
}

fn sealed_of(row: &Row) -> Result<Option<Bytes>, Failure> {
    row.maybe_bytes(0)
}

fn place(key: &IdempotencyKey) -> Place<'_> {
    Place {
        table: "idempotent_answers",
        column: "answer",
        row: &key.0,
    }
}

/// `length of the head (4 bytes, big endian) | head as JSON | body`.
fn encode(answer: &KeptAnswer) -> Vec<u8> {
    let head = Head {
        request: answer.request,
        asked: answer.asked,
        status: answer.status,
        headers: answer.headers.clone(),
    };
    // Numbers, texts and a list of pairs: nothing in it can fail to be JSON. An empty head would not decode.
    let head = serde_json::to_vec(&head).unwrap_or_default();
    let length = u32::try_from(head.len()).unwrap_or(0);
    [&length.to_be_bytes()[..], &head, &answer.body].concat()
}

fn decode(plain: Vec<u8>) -> Option<KeptAnswer> {
    let mut plain = Bytes::from(plain);
    let (length, _) = plain.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let _length = plain.split_to(4);
    if plain.len() < length {
        return None;
    }
    let head: Head = serde_json::from_slice(&plain.split_to(length)).ok()?;
    Some(KeptAnswer {
        request: head.request,
        asked: head.asked,
        status: head.status,
        headers: head.headers,
        body: plain,
    })
}

/// `through` counts the bytes that were kept of a principal up to this row and with it, so that what is too much is
/// found without adding anything up.
const INSERT: &str = "INSERT INTO idempotent_answers (id, principal, created_us, expires_us, through, answer) \
    VALUES ($1, $2, $3, $4, \
    (SELECT COALESCE(MAX(through), 0) FROM idempotent_answers WHERE principal = $2) + $5, $6) \
    ON CONFLICT (id) DO UPDATE SET created_us = excluded.created_us, expires_us = excluded.expires_us, \
    through = excluded.through, answer = excluded.answer \
    WHERE idempotent_answers.expires_us <= excluded.created_us";
const TRIM: &str = "DELETE FROM idempotent_answers WHERE principal = $1 AND through <= \
    (SELECT MAX(through) FROM idempotent_answers WHERE principal = $1) - $2";
const SELECT: &str = "SELECT answer FROM idempotent_answers WHERE id = $1 AND expires_us > $2";
/// Expired at `$1`, at most `$2` of them.
pub(crate) const FORGET: &str = "DELETE FROM idempotent_answers WHERE id IN \
    (SELECT id FROM idempotent_answers WHERE expires_us <= $1 ORDER BY expires_us LIMIT $2)";
