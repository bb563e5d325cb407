//! S7: one row of the ledger on its way from an old key to the newest.
//!
//! Never: changes what is sealed, or gives up a value that does not open: it stays as it stands.

use bytes::Bytes;

use super::rotate::SealChange;
use super::{Keyring, MARK, Place, Purpose, SealError};
use crate::backend::{Row, Value};

/// A row on its way from an old key to the newest.
pub(super) struct Resealed {
    /// As [`RESEAL_TAIL`] wants them: id, then what stood there, then what is to stand there.
    pub(super) columns: Vec<Value>,
    pub(super) values: u64,
    pub(super) unreadable: u64,
}

impl Resealed {
    pub(super) fn of(row: &Row, keyring: &Keyring) -> Result<Resealed, SealChange> {
        let id: [u8; 16] = row.array(0)?;
        let place = |column| Place {
            table: "ledger",
            column,
            row: &id,
        };
        let (mut values, mut unreadable) = (0, 0);
        let mut blob = |column, at| -> Result<(Value, Value), SealChange> {
            let Some(stands) = row.maybe_bytes(at)? else {
                return Ok((Value::Bytes(None), Value::Bytes(None)));
            };
            let begin = Value::bytes(&stands[..stands.len().min(BEGIN)]);
            let next = match keyring.renewed(&place(column), &stands) {
                Ok(None) => stands,
                Ok(Some(sealed)) => {
                    values += 1;
                    Bytes::from(sealed)
                }
                Err(error) if is_of_the_value(error) => {
                    unreadable += 1;
                    stands
                }
                Err(error) => return Err(error.into()),
            };
            Ok((begin, Value::Bytes(Some(next))))
        };
        let (prompt_was, prompt) = blob("prompt", 1)?;
        let (reply_was, reply) = blob("reply", 2)?;
        let text_was = row.maybe_text(3)?;
        let text = match text_was.as_deref() {
            None => None,
            Some(stands) => match keyring.renewed_text(&place("client_request_id"), stands) {
                Ok(None) => Some(stands.to_owned()),
                Ok(Some(sealed)) => {
                    values += 1;
                    Some(sealed)
                }
                Err(error) if is_of_the_value(error) => {
                    unreadable += 1;
                    Some(stands.to_owned())
                }
                Err(error) => return Err(error.into()),
            },
        };
        Ok(Resealed {
            columns: vec![
                Value::bytes(&id),
                prompt_was,
                reply_was,
                Value::maybe_text(text_was.as_deref()),
                prompt,
                reply,
                Value::maybe_text(text.as_deref()),
            ],
            values,
            unreadable,
        })
    }
}

/// The value is the matter, and not the key that was to seal it anew.
pub(super) fn is_of_the_value(error: SealError) -> bool {
    matches!(
        error,
        SealError::Short | SealError::Version(_) | SealError::UnknownKey(_) | SealError::Forged
    )
}

impl Keyring {
    /// The value under the newest key; `None` if it stands under it already.
    pub(super) fn renewed(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Option<Vec<u8>>, SealError> {
        if super::key_id(sealed).ok() == self.sealing(Purpose::Content) {
            return Ok(None);
        }
        let plain = zeroize::Zeroizing::new(self.open(Purpose::Content, place, sealed)?);
        self.seal(Purpose::Content, place, &plain).map(Some)
    }

    fn renewed_text(&self, place: &Place<'_>, text: &str) -> Result<Option<String>, SealError> {
        let newest = self.sealing(Purpose::Content).unwrap_or(0);
        if text.starts_with(&format!("{MARK}01{newest:08x}")) {
            return Ok(None);
        }
        let plain = self.open_text(place, text)?;
        self.seal_text(place, &plain).map(Some)
    }
}

/// Bytes by which two sealings of one place differ for certain: header and nonce.
pub(super) const BEGIN: usize = 17;

pub(super) const LOAD: &str =
    "SELECT id, prompt, reply, client_request_id FROM ledger WHERE id > $1 AND id <= $2 ORDER BY id";
pub(super) const RESEAL_HEAD: &str = "UPDATE ledger SET prompt = new.column5, reply = new.column6, \
    client_request_id = new.column7 FROM (";
/// What stands there must still be what was read: a row may have aged out, or grown, meanwhile.
pub(super) const RESEAL_TAIL: &str = ") AS new WHERE ledger.id = new.column1 \
    AND substr(ledger.prompt, 1, 17) IS NOT DISTINCT FROM new.column2 \
    AND substr(ledger.reply, 1, 17) IS NOT DISTINCT FROM new.column3 \
    AND ledger.client_request_id IS NOT DISTINCT FROM new.column4";
