//! M2: one record of the spill file: its frame, and the row inside. Pure.
//!
//! Never: panics on bytes from a damaged file.

use bytes::Bytes;

use crate::backend::Value;

/// Bytes before a record: its length and its checksum.
pub(super) const FRAME: usize = 8;
/// What stands after the last record: a length of zero.
pub(super) const END: [u8; 4] = [0; 4];

/// The first byte of an encoded row.
const VERSION: u8 = 1;

/// Appends a framed record.
pub(super) fn frame(buffer: &mut Vec<u8>, generation: u64, offset: u64, sealed: &[u8]) {
    buffer.extend_from_slice(&(sealed.len() as u32).to_le_bytes());
    buffer.extend_from_slice(&sum(generation, offset, sealed).to_le_bytes());
    buffer.extend_from_slice(sealed);
}

/// Length and checksum of a frame.
pub(super) fn read_frame(frame: &[u8; FRAME]) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = *frame;
    (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
}

/// The checksum of a record: only right for this generation and this offset.
pub(super) fn sum(generation: u64, offset: u64, sealed: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&generation.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(sealed);
    hasher.finalize()
}

/// A row as bytes: version, then per value a tag and, if it is not absent, the value.
pub(super) fn encode(row: &[Value]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + row.iter().map(|value| value.weight() + 5).sum::<usize>());
    out.push(VERSION);
    for value in row {
        match value {
            Value::Int(None) => out.push(0),
            Value::Text(None) => out.push(1),
            Value::Bytes(None) => out.push(2),
            Value::Int(Some(number)) => {
                out.push(3);
                out.extend_from_slice(&number.to_le_bytes());
            }
            Value::Text(Some(text)) => push(&mut out, 4, text.as_bytes()),
            Value::Bytes(Some(bytes)) => push(&mut out, 5, bytes),
        }
    }
    out
}

fn push(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// The row behind the bytes; `None` if they are none.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<Value>> {
    let (version, mut rest) = bytes.split_first()?;
    if *version != VERSION {
        return None;
    }
    let mut row = Vec::new();
    while let Some((tag, tail)) = rest.split_first() {
        let (value, tail) = match tag {
            0 => (Value::Int(None), tail),
            1 => (Value::Text(None), tail),
            2 => (Value::Bytes(None), tail),
            3 => {
                let (number, tail) = tail.split_first_chunk()?;
                (Value::Int(Some(i64::from_le_bytes(*number))), tail)
            }
            4 => {
                let (text, tail) = take(tail)?;
                (Value::Text(Some(std::str::from_utf8(text).ok()?.into())), tail)
            }
            5 => {
                let (bytes, tail) = take(tail)?;
                (Value::Bytes(Some(Bytes::copy_from_slice(bytes))), tail)
            }
            _ => return None,
        };
        row.push(value);
        rest = tail;
    }
    Some(row)
}

fn take(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<Option<i64>>().prop_map(Value::Int),
            any::<Option<String>>().prop_map(|text| Value::Text(text.map(Into::into))),
            any::<Option<Vec<u8>>>().prop_map(|bytes| Value::Bytes(bytes.map(Bytes::from))),
        ]
    }

    proptest! {
        #[test]
        fn a_row_comes_back_as_it_was(row in proptest::collection::vec(value(), 0..20)) {
            prop_assert_eq!(decode(&encode(&row)), Some(row));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
