//! S5: the text of a golive key: `glv_live_`, 43 characters of base 62, and their CRC-32 in 6 more.
//! A key that was cut or mistyped is told apart offline. Keys are made and judged in the store; here
//! only a slip in `.env` is caught before the start.
//!
//! Never: puts the key into a message.

use thiserror::Error;

const PREFIX: &str = "glv_live_";
const RANDOM: usize = 43;
const CHECKSUM: usize = 6;
const LENGTH: usize = PREFIX.len() + RANDOM + CHECKSUM;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Why a text is no key of golive's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum NotAKey {
    #[error("does not begin with `{PREFIX}`")]
    Prefix,
    #[error("is {0} characters long, not {LENGTH}")]
    Length(usize),
    #[error("holds characters that no key has")]
    Alphabet,
    #[error("has a wrong checksum: it was cut or mistyped")]
    Checksum,
}

/// Checks form and checksum.
pub(crate) fn check(text: &str) -> Result<(), NotAKey> {
    let rest = text.strip_prefix(PREFIX).ok_or(NotAKey::Prefix)?;
    if rest.len() != RANDOM + CHECKSUM {
        return Err(NotAKey::Length(text.len()));
    }
    if !rest.bytes().all(|byte| BASE62.contains(&byte)) {
        return Err(NotAKey::Alphabet);
    }
    let (random, written) = rest.split_at(RANDOM);
    if checksum(random) == written.as_bytes() {
        Ok(())
    } else {
        Err(NotAKey::Checksum)
    }
}

/// CRC-32 (IEEE) in base 62, most significant first, padded with `0`.
fn checksum(random: &str) -> [u8; CHECKSUM] {
    let mut rest = crc32fast::hash(random.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(random: &str) -> String {
        format!("{PREFIX}{random}{}", String::from_utf8_lossy(&checksum(random)))
    }

    #[test]
    fn a_whole_key_passes_and_each_slip_is_told_apart() {
        let good = key(&"a1B".repeat(15)[..RANDOM]);
        assert_eq!(check(&good), Ok(()));
        assert_eq!(check(&good[1..]), Err(NotAKey::Prefix));
        assert_eq!(check(&good[..good.len() - 1]), Err(NotAKey::Length(57)));
        assert_eq!(check(&good.replacen("a1B", "a-B", 1)), Err(NotAKey::Alphabet));
        assert_eq!(check(&good.replacen("a1B", "1aB", 1)), Err(NotAKey::Checksum));
    }

    /// The example of reference/auth.md: random part and checksum as published there.
    #[test]
    fn the_checksum_is_the_published_one() {
        assert_eq!(&checksum("GOLIVEexampleTOKEN000000000000"), b"1pkdFF");
    }
}
