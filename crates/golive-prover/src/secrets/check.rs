//! S1: what a shape alone cannot say: checksums where the vendor has one, and whether a value is chance or words.
//!
//! Never: asks anybody. Whether a credential still works is found out by its owner, not by sending it somewhere.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What must hold beyond the shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// It looks like chance.
    Chance,
    /// The last six characters are the CRC-32, in base 62, of what stands between them and the first `.0` bytes.
    Crc62(usize),
    /// Eight hex digits at the end: the CRC-32, least significant byte first, of all before the last `_`.
    CrcHexLittle,
    /// Bech32 with the checksum of its own text.
    Bech32,
    /// Three parts, the first two JSON, signed.
    Jwt,
    /// What follows the first `.0` bytes is base64 of a JSON object.
    JsonAfter(usize),
    /// The first part is base64 of a number.
    NumberFirst,
    /// It looks like chance, with digits and letters taking turns: its shape is so short that words would fit.
    Mixed,
    /// Words will do: a human made it up.
    Words,
}

impl Check {
    /// Whether it proves the credential by itself, so that no look-alike passes.
    #[must_use]
    pub fn is_checksum(self) -> bool {
        matches!(
            self,
            Check::Crc62(_)
                | Check::CrcHexLittle
                | Check::Bech32
                | Check::Jwt
                | Check::JsonAfter(_)
                | Check::NumberFirst
        )
    }

    /// Whether it holds of `secret`.
    #[must_use]
    pub fn holds(self, secret: &[u8]) -> bool {
        if is_known_example(secret) {
            return false;
        }
        match self {
            Check::Chance => !is_placeholder(secret) && entropy(secret) >= 2.8,
            Check::Mixed => {
                !is_placeholder(secret) && entropy(secret) >= 3.3 && turns(secret) >= 3 && dashes(secret) < 3
            }
            Check::Words => !is_placeholder(secret),
            Check::Crc62(skip) => split62(secret, skip)
                .is_some_and(|(random, sum)| crc62(random) == *sum && !says_example(random)),
            Check::CrcHexLittle => split_hex(secret).is_some_and(|(text, sum)| crc_hex(text) == sum),
            Check::Bech32 => std::str::from_utf8(secret).is_ok_and(bech32_holds),
            Check::Jwt => jwt_holds(secret),
            Check::JsonAfter(skip) => secret
                .get(skip..)
                .and_then(decode_loose)
                .is_some_and(|json| json.first() == Some(&b'{') && !is_placeholder(&json)),
            Check::NumberFirst => secret
                .split(|b| *b == b'.')
                .next()
                .and_then(decode_loose)
                .is_some_and(|id| id.len() >= 15 && id.iter().all(u8::is_ascii_digit)),
        }
    }

    /// Makes it hold of a made-up `secret`, where chance alone would not.
    pub fn complete(self, secret: &mut Vec<u8>) {
        match self {
            Check::Crc62(skip) => {
                if let Some((random, _)) = split62(secret, skip) {
                    let sum = crc62(random);
                    let at = secret.len() - sum.len();
                    secret[at..].copy_from_slice(&sum);
                }
            }
            Check::CrcHexLittle => {
                if let Some((text, _)) = split_hex(secret) {
                    let sum = crc_hex(text);
                    let at = secret.len() - sum.len();
                    secret[at..].copy_from_slice(&sum);
                }
            }
            Check::Bech32 => bech32_complete(secret),
            Check::Jwt => {
                let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
                let head = part(r#"{"alg":"HS256","typ":"JWT"}"#);
                let body = part(r#"{"sub":"nobody","iat":1}"#);
                *secret = format!("{head}.{body}.{}", filler(secret, 43)).into_bytes();
            }
            Check::JsonAfter(skip) => {
                let body = URL_SAFE_NO_PAD.encode(format!(r#"{{"n":"{}"}}"#, filler(secret, 100)));
                secret.truncate(skip);
                secret.extend_from_slice(body.as_bytes());
            }
            Check::NumberFirst => {
                let tail: Vec<u8> = secret.iter().copied().skip_while(|b| *b != b'.').collect();
                *secret = URL_SAFE_NO_PAD.encode("123456789012345678").into_bytes();
                secret.extend(tail);
            }
            Check::Chance | Check::Mixed | Check::Words => {}
        }
    }
}

/// Shannon entropy of the bytes, in bits per byte.
#[must_use]
pub fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text {
        counts[usize::from(*byte)] += 1;
    }
    let all = text.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / all;
            -share * share.log2()
        })
        .sum()
}

/// Words that say of a value that it stands for another, lower case.
const PLACEHOLDERS: &[&[u8]] = &[
    b"example",
    b"sample",
    b"dummy",
    b"changeme",
    b"change_me",
    b"change-me",
    b"placeholder",
    b"your_",
    b"your-",
    b"yourkey",
    b"xxxx",
    b"****",
    b"....",
    b"redacted",
    b"replace",
    b"insert",
    b"todo",
    b"fake",
    b"notreal",
    b"not-real",
    b"not_a_real",
    b"1234567890",
    b"0123456789",
    b"abcdefgh",
    b"deadbeef",
    b"foobar",
    b"lorem",
    b"<your",
    b"testtest",
    b"made-up",
    b"madeup",
    b"mysecret",
    b"my-secret",
    b"my_secret",
    b"mypassword",
    b"my-password",
    b"supersecret",
    b"qwerty",
];

/// Whether a value says of itself that it is none: a placeholder word, one character over and over, counting up.
#[must_use]
pub fn is_placeholder(text: &[u8]) -> bool {
    let lower = text.to_ascii_lowercase();
    if PLACEHOLDERS
        .iter()
        .any(|word| memchr::memmem::find(&lower, word).is_some())
    {
        return true;
    }
    let mut run = 1;
    for pair in lower.windows(2) {
        run = if pair[0] == pair[1] { run + 1 } else { 1 };
        if run >= 6 {
            return true;
        }
    }
    let mut seen = [false; 256];
    lower.iter().for_each(|b| seen[usize::from(*b)] = true);
    let kinds = seen.iter().filter(|s| **s).count();
    // Sixteen characters of fewer than five kinds are a pattern.
    lower.len() >= 16 && kinds < 5
}

/// Documents make examples whose checksum is right.
fn says_example(text: &[u8]) -> bool {
    memchr::memmem::find(&text.to_ascii_lowercase(), b"example").is_some()
}

/// How often letters and digits take turns: words seldom do, chance often.
#[must_use]
pub fn turns(text: &[u8]) -> usize {
    text.windows(2)
        .filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit())
        .filter(|pair| pair[0].is_ascii_alphanumeric() && pair[1].is_ascii_alphanumeric())
        .count()
}

fn dashes(text: &[u8]) -> usize {
    text.iter().filter(|b| **b == b'-').count()
}

/// SHA-256, first four bytes, of credentials that their vendors print in public: documentation and emulators.
const KNOWN: &[[u8; 4]] = &[
    [0x2c, 0xaf, 0xc0, 0x97],
    [0xf2, 0xd6, 0xca, 0x16],
    [0x2d, 0x1f, 0x77, 0x23],
    [0x2d, 0x8d, 0x4d, 0x3e],
    [0x00, 0x11, 0xcc, 0x25],
    [0xaa, 0x65, 0x47, 0x43],
    [0x78, 0x31, 0x4b, 0x11],
];

fn is_known_example(secret: &[u8]) -> bool {
    let hash = digest(&SHA256, secret);
    KNOWN.iter().any(|known| hash.as_ref().starts_with(known))
}

/// Base64 of either alphabet, padded or not.
#[must_use]
pub(crate) fn decode_loose(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|b| *b != b'=').map_or(0, |last| last + 1);
    // Bits that the last character has too many are left to it: encoders differ.
    let text = &text[..end - usize::from(end % 4 == 1)];
    let url = text.iter().any(|b| matches!(b, b'-' | b'_'));
    let engine = if url { &URL_SAFE_NO_PAD } else { &STANDARD_NO_PAD };
    engine.decode(text).ok()
}

/// `length` letters and digits out of what was thrown.
fn filler(thrown: &[u8], length: usize) -> String {
    let letters = thrown.iter().filter(|b| b.is_ascii_alphanumeric());
    letters.cycle().take(length).map(|b| char::from(*b)).collect()
}

fn split62(secret: &[u8], skip: usize) -> Option<(&[u8], &[u8; 6])> {
    secret.get(skip..)?.split_last_chunk::<6>()
}

fn crc62(random: &[u8]) -> [u8; 6] {
    let mut rest = crc32fast::hash(random);
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

fn split_hex(secret: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memrchr(b'_', secret)?;
    Some((&secret[..at], &secret[at + 1..]))
}

fn crc_hex(text: &[u8]) -> Vec<u8> {
    let sum = crc32fast::hash(text).to_le_bytes();
    sum.iter()
        .flat_map(|byte| format!("{byte:02x}").into_bytes())
        .collect()
}

fn jwt_holds(secret: &[u8]) -> bool {
    let mut parts = secret.split(|b| *b == b'.');
    let json = |part: Option<&[u8]>| -> Option<serde_json::Value> {
        serde_json::from_slice(&decode_loose(part?)?).ok()
    };
    let (Some(head), Some(body)) = (json(parts.next()), json(parts.next())) else {
        return false;
    };
    let signed = head
        .get("alg")
        .and_then(serde_json::Value::as_str)
        .is_some_and(|alg| !alg.eq_ignore_ascii_case("none"));
    // A browser is meant to have these: hosted databases publish a token of the role `anon`.
    let public = body.get("role").and_then(serde_json::Value::as_str) == Some("anon");
    let example = body.get("name").and_then(serde_json::Value::as_str) == Some("John Doe");
    signed && body.is_object() && !public && !example
}

const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

fn polymod(values: impl Iterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    values.fold(1, |sum, value| {
        let top = sum >> 25;
        let next = ((sum & 0x01ff_ffff) << 5) ^ u32::from(value);
        GENERATOR
            .iter()
            .enumerate()
            .filter(|(bit, _)| (top >> bit) & 1 == 1)
            .fold(next, |sum, (_, g)| sum ^ g)
    })
}

fn bech32_values(text: &str) -> Option<Vec<u8>> {
    let lower = text.to_ascii_lowercase();
    let at = lower.rfind('1')?;
    let (human, data) = (&lower[..at], &lower[at + 1..]);
    let mut values: Vec<u8> = human.bytes().map(|b| b >> 5).collect();
    values.push(0);
    values.extend(human.bytes().map(|b| b & 31));
    for byte in data.bytes() {
        values.push(BECH32.iter().position(|b| *b == byte)? as u8);
    }
    Some(values)
}

fn bech32_holds(text: &str) -> bool {
    bech32_values(text).is_some_and(|values| polymod(values.into_iter()) == 1)
}

fn bech32_complete(secret: &mut [u8]) {
    let keep = secret.len().saturating_sub(6);
    let Ok(text) = std::str::from_utf8(&secret[..keep]) else {
        return;
    };
    let Some(mut values) = bech32_values(text) else {
        return;
    };
    values.extend([0; 6]);
    let sum = polymod(values.into_iter()) ^ 1;
    for place in 0..6 {
        let value = (sum >> (5 * (5 - place))) & 31;
        secret[keep + place] = BECH32[value as usize].to_ascii_uppercase();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_the_published_ones() {
        // The examples of their vendors' documentation, apart so that no scanner takes them for found.
        assert_eq!(&crc62(b"GOLIVEexampleTOKEN000000000000"), b"1pkdFF");
        let example = ["ghp_GOLIVEexampleTOKEN", "0000000000001pkdFF"].concat();
        assert!(
            !Check::Crc62(4).holds(example.as_bytes()),
            "it says of itself that it is an example"
        );
        let sum = crc_hex(["glsa_HOruNAb7SOiCdshU9", "algkrq7FDsNSLAa"].concat().as_bytes());
        assert_eq!(sum, b"54e2f8be");
        // BIP 173.
        assert!(bech32_holds("A12UEL5L"));
        assert!(!bech32_holds("A12UEL5M"));
    }

    #[test]
    fn placeholders_are_told_from_chance() {
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "xxxxxxxxxxxxxxxx",
            "your-api-key-here",
            "aaaaaaaaaaaa",
            "abababababababababab",
        ] {
            assert!(is_placeholder(text.as_bytes()), "{text}");
        }
        for text in ["k9Qz7Lm2Vx4Rt8Wy", "q7Jp2mXc9Lr4Tz8v"] {
            assert!(!is_placeholder(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_public_or_unsigned_token_is_no_secret() {
        let token = |head: &str, body: &str| {
            format!(
                "{}.{}.c2lnbmF0dXJl",
                URL_SAFE_NO_PAD.encode(head),
                URL_SAFE_NO_PAD.encode(body)
            )
            .into_bytes()
        };
        assert!(Check::Jwt.holds(&token(r#"{"alg":"HS256"}"#, r#"{"sub":"7"}"#)));
        assert!(!Check::Jwt.holds(&token(r#"{"alg":"HS256"}"#, r#"{"role":"anon"}"#)));
        assert!(!Check::Jwt.holds(&token(r#"{"alg":"none"}"#, r#"{"sub":"7"}"#)));
        assert!(!Check::Jwt.holds(&token("no", "json")));
    }
}
