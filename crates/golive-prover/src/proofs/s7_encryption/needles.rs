//! S7.rest: a word in all the dresses in which it could lie in a file in clear, and the search for them in bytes, inside
//! compressed pieces too.
//!
//! Never: looks for a dress that needs a key to take off. What is found here, anyone can read.

use std::io::Read;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512, digest};
use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use memchr::memmem;

/// The most that is unpacked of one compressed piece: a bomb must not fill the memory.
const UNPACKED_MAX: u64 = 4 * 1024 * 1024;

/// Compressed pieces tried in one stretch of bytes. Their first bytes also occur by chance, and each try costs time.
const PIECES_MAX: usize = 4_000;

/// Words, dressed.
#[derive(Debug, Clone)]
pub(super) struct Needles {
    all: Vec<Needle>,
}

#[derive(Debug, Clone)]
struct Needle {
    what: &'static str,
    how: String,
    bytes: Vec<u8>,
}

/// One that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    /// Which word: `prompt`.
    pub(super) what: &'static str,
    /// In which dress: `base64`, `hex inside gzip`.
    pub(super) how: String,
    /// Where, from the first byte searched.
    pub(super) offset: u64,
}

impl Needles {
    /// Each of `words` (what it is, the word) in every dress. Words are letters and digits, 12 and more of them.
    pub(super) fn new(words: &[(&'static str, &str)]) -> Needles {
        let mut all = Vec::new();
        for (what, word) in words {
            for (how, bytes) in dresses(word) {
                all.push(Needle {
                    what,
                    how: how.to_owned(),
                    bytes,
                });
            }
        }
        Needles { all }
    }

    /// The plain hashes of a word, as bytes and in hex: whoever has a list of users finds each of them by these.
    pub(super) fn hashes(what: &'static str, word: &str) -> Needles {
        let mut all = Vec::new();
        for (how, algorithm) in [
            ("SHA-1", &SHA1_FOR_LEGACY_USE_ONLY),
            ("SHA-256", &SHA256),
            ("SHA-512", &SHA512),
        ] {
            let hash = digest(algorithm, word.as_bytes());
            let lower = hex(hash.as_ref());
            for (form, bytes) in [
                ("bytes", hash.as_ref().to_vec()),
                ("hex", lower.to_ascii_uppercase().into_bytes()),
                ("hex", lower.into_bytes()),
            ] {
                all.push(Needle {
                    what,
                    how: format!("unsalted {how} in {form}"),
                    bytes,
                });
            }
        }
        Needles { all }
    }

    /// Both.
    pub(super) fn and(mut self, other: Needles) -> Needles {
        self.all.extend(other.all);
        self
    }

    /// Bytes of the longest dress: what two stretches of one file must share, so that none is cut.
    pub(super) fn longest(&self) -> usize {
        self.all
            .iter()
            .map(|needle| needle.bytes.len())
            .max()
            .unwrap_or(0)
    }

    /// The first place of each dress in `bytes`, and inside each compressed piece of them.
    pub(super) fn in_bytes(&self, bytes: &[u8]) -> Vec<Hit> {
        let mut hits = self.in_clear(bytes, "", 0);
        for (at, kind) in pieces(bytes) {
            let unpacked = unpack(kind, &bytes[at..]);
            hits.extend(self.in_clear(&unpacked, kind.word(), at as u64));
        }
        hits
    }

    fn in_clear(&self, bytes: &[u8], inside: &str, base: u64) -> Vec<Hit> {
        let mut hits = Vec::new();
        for needle in &self.all {
            if let Some(at) = memmem::find(bytes, &needle.bytes) {
                hits.push(Hit {
                    what: needle.what,
                    how: format!("{}{inside}", needle.how),
                    // A place inside a piece is the place of the piece.
                    offset: if inside.is_empty() { base + at as u64 } else { base },
                });
            }
        }
        hits
    }
}

/// What is wrong with the search itself, in words: it is tried on made bytes in every dress before it is believed.
pub(super) fn try_search() -> Vec<String> {
    let word = "q7w3zp0golive5canary9x";
    let needles = Needles::new(&[("made", word)]);
    let mut wrong = Vec::new();
    for (how, bytes) in dresses(word) {
        let mut file = vec![0x55; 1_000];
        file.extend(&bytes);
        file.extend([0xaa; 100]);
        if needles.in_bytes(&file).is_empty() {
            wrong.push(format!("a word in {how} was not found"));
        }
    }
    for kind in [Packed::Gzip, Packed::Zlib, Packed::Zstd] {
        let mut file = vec![0x55; 1_000];
        file.extend(pack(kind, word.as_bytes()));
        if needles.in_bytes(&file).is_empty() {
            wrong.push(format!("a word{} was not found", kind.word()));
        }
    }
    if !needles.in_bytes(&[0x71; 4_000]).is_empty() {
        wrong.push("a word was found where none is".to_owned());
    }
    wrong
}

fn dresses(word: &str) -> Vec<(&'static str, Vec<u8>)> {
    let utf16 = |order: fn(u16) -> [u8; 2]| -> Vec<u8> { word.encode_utf16().flat_map(order).collect() };
    let lower = hex(word.as_bytes());
    let escaped: String = word.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let mut all = vec![
        ("UTF-8", word.as_bytes().to_vec()),
        ("UTF-16", utf16(u16::to_le_bytes)),
        ("UTF-16", utf16(u16::to_be_bytes)),
        ("hex", lower.to_ascii_uppercase().into_bytes()),
        ("hex", lower.into_bytes()),
        (
            "JSON escapes",
            escaped.to_ascii_uppercase().replace("\\U", "\\u").into_bytes(),
        ),
        ("JSON escapes", escaped.into_bytes()),
    ];
    for before in 0..3 {
        all.push(("base64", base64_at(word, before, &STANDARD)));
        all.push(("base64url", base64_at(word, before, &URL_SAFE)));
        let wide: String = utf16(u16::to_le_bytes).into_iter().map(char::from).collect();
        all.push(("base64 of UTF-16LE", base64_at(&wide, before, &STANDARD)));
    }
    all.sort();
    all.dedup_by(|a, b| a.1 == b.1);
    all
}

/// The characters that stand in the base64 of any text in which `word` begins `before` bytes behind a multiple of three:
/// those that depend on the word alone.
fn base64_at(word: &str, before: usize, alphabet: &Alphabet) -> Vec<u8> {
    let engine = GeneralPurpose::new(alphabet, NO_PAD);
    // One byte for each character: a text of UTF-16 comes here as its bytes.
    let padded: Vec<u8> = std::iter::repeat_n(0, before)
        .chain(word.chars().map(|c| c as u8))
        .collect();
    let text = engine.encode(&padded);
    let first = (before * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    text.as_bytes()[first..last].to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The compressions that are looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packed {
    Gzip,
    Zlib,
    Zstd,
}

impl Packed {
    fn word(self) -> &'static str {
        match self {
            Packed::Gzip => " inside gzip",
            Packed::Zlib => " inside zlib",
            Packed::Zstd => " inside zstd",
        }
    }
}

/// Where compressed pieces may begin.
fn pieces(bytes: &[u8]) -> Vec<(usize, Packed)> {
    let magics: [(&[u8], Packed); 5] = [
        (&[0x1f, 0x8b, 0x08], Packed::Gzip),
        (&[0x28, 0xb5, 0x2f, 0xfd], Packed::Zstd),
        (&[0x78, 0x01], Packed::Zlib),
        (&[0x78, 0x9c], Packed::Zlib),
        (&[0x78, 0xda], Packed::Zlib),
    ];
    let mut found = Vec::new();
    for (magic, kind) in magics {
        found.extend(
            memmem::find_iter(bytes, magic)
                .take(PIECES_MAX)
                .map(|at| (at, kind)),
        );
    }
    found
}

/// What comes out of a piece before it ends or breaks.
fn unpack(kind: Packed, piece: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    // An error only means that nothing more comes out; what came is kept.
    let _ = match kind {
        Packed::Gzip => flate2::read::MultiGzDecoder::new(piece)
            .take(UNPACKED_MAX)
            .read_to_end(&mut out),
        Packed::Zlib => flate2::read::ZlibDecoder::new(piece)
            .take(UNPACKED_MAX)
            .read_to_end(&mut out),
        Packed::Zstd => match ruzstd::decoding::StreamingDecoder::new(piece) {
            Ok(decoder) => decoder.take(UNPACKED_MAX).read_to_end(&mut out),
            Err(_) => Ok(0),
        },
    };
    out
}

fn pack(kind: Packed, bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let level = flate2::Compression::best();
    let packed = match kind {
        Packed::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).and_then(|()| encoder.finish())
        }
        Packed::Zlib => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).and_then(|()| encoder.finish())
        }
        Packed::Zstd => Ok(ruzstd::encoding::compress_to_vec(
            bytes,
            ruzstd::encoding::CompressionLevel::Fastest,
        )),
    };
    // Nothing that writes to memory fails; if it did, the word would not be found, and that is told.
    packed.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_in_every_dress_and_not_where_it_is_not() {
        assert_eq!(try_search(), Vec::<String>::new());
    }

    #[test]
    fn a_word_inside_the_base64_of_a_sentence_is_found_wherever_it_stands() {
        let word = "q7w3zp0golive5canary9x";
        let needles = Needles::new(&[("prompt", word)]);
        for before in ["", "a", "ab", "abc", "{\"role\":\"user\",\"content\":\""] {
            let text = base64::engine::general_purpose::STANDARD.encode(format!("{before}{word} and more"));
            let hits = needles.in_bytes(text.as_bytes());
            assert!(
                hits.iter()
                    .any(|hit| hit.how == "base64" || hit.how == "base64url"),
                "{before}: {hits:?}"
            );
        }
    }

    #[test]
    fn a_plain_hash_of_a_user_is_found_and_a_keyed_one_is_not() {
        let needles = Needles::hashes("user", "ada@example.com");
        let plain = hex(digest(&SHA256, b"ada@example.com").as_ref());
        assert_eq!(
            needles.in_bytes(plain.as_bytes())[0].how,
            "unsalted SHA-256 in hex"
        );
        let salted = hex(digest(&SHA256, b"salt:ada@example.com").as_ref());
        assert!(needles.in_bytes(salted.as_bytes()).is_empty());
    }
}
