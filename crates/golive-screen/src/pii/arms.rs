//! S4: a first look at each word of a text: may it tell a value? One hash a word, and one look into a small table.
//!
//! A word that tells is known by its hash; one of several words by the hashes of its last two; one of a script without
//! blanks by its last sign. So the look is cheap and may say yes without reason, but never no without one.
//!
//! Never: decides; the words themselves are compared afterwards.

use super::text::{ALNUM, is};

/// Hashes of words that tell.
pub(crate) struct Arms {
    /// 65,536 bits each: single words, pairs, signs.
    single: Vec<u64>,
    pairs: Vec<u64>,
    signs: Vec<u64>,
}

impl Arms {
    /// How many bytes of a word may follow its last sign of a script without blanks.
    pub(crate) const TAIL_MAX: usize = 24;

    pub(crate) fn new<'w>(words: impl Iterator<Item = &'w str>) -> Arms {
        let mut arms = Arms {
            single: vec![0; 1024],
            pairs: vec![0; 1024],
            signs: vec![0; 1024],
        };
        for word in words {
            let sign = word.chars().rfind(|c| c.len_utf8() > 2);
            if let Some(sign) = sign {
                set(
                    &mut arms.signs,
                    Arms::hash(sign.encode_utf8(&mut [0; 4]).as_bytes()),
                );
                continue;
            }
            let bytes = word.as_bytes();
            let parts: Vec<u32> = parts(bytes).map(|part| Arms::hash(&bytes[part])).collect();
            match parts[..] {
                [] => {}
                [one] => set(&mut arms.single, one),
                [.., first, second] => set(&mut arms.pairs, pair(first, second)),
            }
        }
        arms
    }

    /// The hash of a word, in any case of ASCII letters.
    pub(crate) fn hash(word: &[u8]) -> u32 {
        word.iter().fold(0, |hash, byte| Arms::step(hash, *byte))
    }

    /// The hash with one byte more.
    #[inline]
    pub(crate) fn step(hash: u32, byte: u8) -> u32 {
        // Only letters may be folded like this; other signs of a word are digits and bytes of letters, which stay apart.
        let folded = if byte < 0x80 { byte | 0x20 } else { byte };
        (hash.rotate_left(5) ^ u32::from(folded)).wrapping_mul(0x9E37_79B1)
    }

    /// The hash of the last word that ends at `at` or before it; 0 if none is near.
    pub(crate) fn hash_before(bytes: &[u8], at: usize) -> u32 {
        /// No two words of one phrase stand further apart.
        const GAP_MAX: usize = 16;
        let mut end = at;
        while end > 0 && at - end < GAP_MAX && !is(bytes[end - 1], ALNUM) && !is_letter_before(bytes, end) {
            end -= 1;
        }
        let mut start = end;
        while start > 0 && end - start < 64 {
            if is(bytes[start - 1], ALNUM) {
                start -= 1;
            } else if is_letter_before(bytes, start) {
                start -= 2;
            } else {
                break;
            }
        }
        Arms::hash(&bytes[start..end])
    }

    /// Whether the word, or it with the one before, may tell a value.
    #[inline]
    pub(crate) fn has(&self, last: u32, hash: u32) -> bool {
        get(&self.single, hash) || get(&self.pairs, pair(last, hash))
    }

    pub(crate) fn has_sign(&self, sign: &[u8]) -> bool {
        get(&self.signs, Arms::hash(sign))
    }
}

/// Whether a letter of two bytes ends at `at`.
pub(crate) fn is_letter_before(bytes: &[u8], at: usize) -> bool {
    at >= 2 && bytes[at - 1] & 0xC0 == 0x80 && matches!(bytes[at - 2], 0xC3..=0xDF)
}

/// Where the word that begins at `at` ends: ASCII letters and digits, and letters of two bytes.
pub(crate) fn word_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at;
    while end < bytes.len() && end - at < 64 {
        match bytes[end] {
            byte if is(byte, ALNUM) => end += 1,
            0xC3..=0xDF if end + 1 < bytes.len() => end += 2,
            _ => break,
        }
    }
    end
}

fn parts(bytes: &[u8]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let end = word_end(bytes, at);
            if end > at {
                let part = at..end;
                at = end;
                return Some(part);
            }
            at += 1;
        }
        None
    })
}

fn pair(first: u32, second: u32) -> u32 {
    first.rotate_left(7).wrapping_mul(0x85EB_CA6B) ^ second
}

/// Two bits a hash, from its upper and its lower half: what is seen without reason is one word in ten thousand.
fn set(bits: &mut [u64], hash: u32) {
    for half in [hash >> 16, hash & 0xFFFF] {
        bits[(half >> 6) as usize] |= 1 << (half & 63);
    }
}

#[inline]
fn get(bits: &[u64], hash: u32) -> bool {
    [hash >> 16, hash & 0xFFFF]
        .iter()
        .all(|half| bits[(half >> 6) as usize] >> (half & 63) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_is_seen_and_little_else() {
        let arms = Arms::new(["password", "my name is", "contraseña", "密码", "d.o.b."].into_iter());
        let seen = |text: &str| {
            let bytes = text.as_bytes();
            let (mut last, mut any) = (0, false);
            for part in parts(bytes) {
                let hash = Arms::hash(&bytes[part]);
                any |= arms.has(last, hash);
                last = hash;
            }
            any | text
                .chars()
                .any(|c| arms.has_sign(c.encode_utf8(&mut [0; 4]).as_bytes()))
        };
        for text in ["the Password", "what name is", "su contraseña", "密码", "D.O.B."] {
            assert!(seen(text), "{text}");
        }
        for text in ["this is it", "the passwords", "the name", "contrase", "北京"] {
            assert!(!seen(text), "{text}");
        }
        assert_eq!(Arms::hash_before(b"my name: ", 9), Arms::hash(b"name"));
    }
}
