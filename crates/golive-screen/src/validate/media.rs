//! S3: files that come inside a request: what they say they are, what they are, and how large.
//!
//! Read are the first bytes only, and of pictures their measures: a picture of a few bytes may unfold to gigabytes of
//! pixels where it is decoded.
//!
//! Never: decodes a picture or opens a document, or believes a declaration.

use super::Refusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Types that can be told by their first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// `image/png`
    Png,
    /// `image/jpeg`
    Jpeg,
    /// `image/gif`
    Gif,
    /// `image/webp`
    Webp,
    /// `application/pdf`
    Pdf,
    /// `audio/wav`
    Wav,
    /// `audio/mpeg`
    Mp3,
    /// `audio/flac`
    Flac,
    /// `audio/ogg`
    Ogg,
    /// `video/mp4` and its relatives
    Mp4,
    /// Zip archives, and with them the office documents of today.
    Zip,
    /// Text in UTF-8 without control characters: `text/plain`, `text/markdown`, `text/csv`, `application/json`.
    Text,
}

/// What files may come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Types that pass. Default: the four kinds of pictures that models read, and PDF.
    pub types: Vec<Type>,
    /// Largest file in bytes, decoded. Default 8 MiB.
    pub bytes: usize,
    /// Most pixels of a picture, over all of its area. Default 50,000,000, beyond any camera's picture that models take.
    pub pixels: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            types: vec![Type::Png, Type::Jpeg, Type::Gif, Type::Webp, Type::Pdf],
            bytes: 8 << 20,
            pixels: 50_000_000,
        }
    }
}

/// Every code of a [`Refusal`] from here.
pub const CODES: &[&str] = &[
    "file_not_a_data_uri",
    "file_bad_base64",
    "file_too_large",
    "file_empty",
    "file_type_unknown",
    "file_type_not_allowed",
    "file_not_as_declared",
    "picture_too_large",
    "picture_broken",
];

/// A file that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What it is.
    pub is: Type,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Checks a `data:` URI with base64 content: `data:image/png;base64,…`.
///
/// # Errors
/// What is no such URI, and all that [`encoded`] refuses.
pub fn data_uri(uri: &str, rules: &Rules) -> Result<File, Refusal> {
    let parts = uri
        .get(..5)
        .filter(|scheme| scheme.eq_ignore_ascii_case("data:"))
        .and_then(|_| uri.get(5..)?.split_once(','));
    let Some((head, content)) = parts else {
        return Err(Refusal::new(
            "file_not_a_data_uri",
            "the file is no data: URI",
            0..uri.ceil_char_boundary(5),
        ));
    };
    let Some(declared) = strip_base64(head) else {
        return Err(Refusal::new(
            "file_not_a_data_uri",
            "the data: URI is not in base64",
            5..5 + head.len(),
        ));
    };
    let start = uri.len() - content.len();
    encoded(declared, content, rules).map_err(|mut refusal| {
        refusal.at = refusal.at.start + start..refusal.at.end + start;
        refusal
    })
}

/// The declared type of a data URI's head, without parameters; none if its content is not in base64.
fn strip_base64(head: &str) -> Option<&str> {
    let (rest, last) = head.rsplit_once(';')?;
    let declared = rest.split(';').next().unwrap_or_default();
    last.trim().eq_ignore_ascii_case("base64").then_some(declared)
}

/// Checks a file in base64 (the standard alphabet, padded) that was declared to be of a type. An empty declaration
/// declares nothing.
///
/// # Errors
/// A file that is too large, not of an allowed type, or of another type than it says.
pub fn encoded(declared: &str, content: &str, rules: &Rules) -> Result<File, Refusal> {
    let whole = 0..content.len();
    // Before it is decoded: four digits are three bytes, and padding takes away two at the most.
    if content.len() / 4 * 3 > rules.bytes.saturating_add(2) {
        return Err(too_large(rules, whole));
    }
    let bytes = STANDARD.decode(content).map_err(|_| {
        Refusal::new(
            "file_bad_base64",
            "the file is not in base64 with its padding",
            whole.clone(),
        )
    })?;
    let is = bytes_of(declared, &bytes, rules).map_err(|refusal| Refusal { at: whole, ..refusal })?;
    Ok(File { is, bytes })
}

/// Checks the bytes of a file that was declared to be of a type. An empty declaration declares nothing.
///
/// # Errors
/// As [`encoded`], with places in `bytes`.
pub fn bytes_of(declared: &str, bytes: &[u8], rules: &Rules) -> Result<Type, Refusal> {
    let whole = 0..bytes.len();
    let refuse = |code, message: &str| Err(Refusal::new(code, message, whole.clone()));
    if bytes.is_empty() {
        return refuse("file_empty", "the file is empty");
    }
    if bytes.len() > rules.bytes {
        return Err(too_large(rules, whole));
    }
    let Some(is) = sniff(bytes) else {
        return refuse("file_type_unknown", "the file is of no type that is known here");
    };
    if !rules.types.contains(&is) {
        return refuse("file_type_not_allowed", "files of this type are not allowed");
    }
    if !declared.trim().is_empty() && !is.may_be_called(declared) {
        return refuse(
            "file_not_as_declared",
            "the file is not of the type it is declared to be",
        );
    }
    if matches!(is, Type::Png | Type::Jpeg | Type::Gif | Type::Webp) {
        match measures(is, bytes) {
            None => return refuse("picture_broken", "the picture has no readable measures"),
            Some((width, height)) if u64::from(width) * u64::from(height) > rules.pixels => {
                let message = format!("the picture has more than {} pixels", rules.pixels);
                return Err(Refusal::new("picture_too_large", message, whole));
            }
            Some(_) => {}
        }
    }
    Ok(is)
}

fn too_large(rules: &Rules, at: std::ops::Range<usize>) -> Refusal {
    Refusal::new(
        "file_too_large",
        format!("the file is larger than {} bytes", rules.bytes),
        at,
    )
}

/// Tells a type by its first bytes ("magic numbers", as in the MIME Sniffing Standard).
pub fn sniff(bytes: &[u8]) -> Option<Type> {
    let at = |place: usize, magic: &[u8]| bytes.get(place..).is_some_and(|rest| rest.starts_with(magic));
    Some(match () {
        () if at(0, b"\x89PNG\r\n\x1a\n") => Type::Png,
        () if at(0, b"\xFF\xD8\xFF") => Type::Jpeg,
        () if at(0, b"GIF87a") || at(0, b"GIF89a") => Type::Gif,
        () if at(0, b"RIFF") && at(8, b"WEBP") => Type::Webp,
        () if at(0, b"RIFF") && at(8, b"WAVE") => Type::Wav,
        () if at(0, b"%PDF-") => Type::Pdf,
        () if at(0, b"fLaC") => Type::Flac,
        () if at(0, b"OggS") => Type::Ogg,
        () if at(4, b"ftyp") => Type::Mp4,
        () if at(0, b"PK\x03\x04") => Type::Zip,
        () if at(0, b"ID3") || is_mp3_frame(bytes) => Type::Mp3,
        () if is_text(bytes) => Type::Text,
        () => return None,
    })
}

/// Eleven set bits, then a version, a layer, a bit rate and a sample rate that exist.
fn is_mp3_frame(bytes: &[u8]) -> bool {
    let &[first, second, third, ..] = bytes else {
        return false;
    };
    let version_exists = second >> 3 & 3 != 1;
    let layer_3 = second >> 1 & 3 == 1;
    first == 0xFF && second >> 5 == 7 && version_exists && layer_3 && third >> 4 != 15 && third >> 2 & 3 != 3
}

fn is_text(bytes: &[u8]) -> bool {
    let control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C) || byte == 0x7F;
    std::str::from_utf8(bytes).is_ok() && !bytes.iter().any(|&byte| control(byte))
}

impl Type {
    /// Its name as requests and answers declare it: `image/png`.
    pub fn mime(self) -> &'static str {
        self.names()
            .first()
            .copied()
            .unwrap_or("application/octet-stream")
    }

    fn may_be_called(self, declared: &str) -> bool {
        let declared = declared.split(';').next().unwrap_or_default().trim();
        self.names()
            .iter()
            .any(|name| name.eq_ignore_ascii_case(declared))
    }

    /// What it may be called, its own name first.
    fn names(self) -> &'static [&'static str] {
        match self {
            Type::Png => &["image/png"],
            Type::Jpeg => &["image/jpeg", "image/jpg"],
            Type::Gif => &["image/gif"],
            Type::Webp => &["image/webp"],
            Type::Pdf => &["application/pdf"],
            Type::Wav => &["audio/wav", "audio/x-wav", "audio/wave", "wav"],
            Type::Mp3 => &["audio/mpeg", "audio/mp3", "mp3"],
            Type::Flac => &["audio/flac", "flac"],
            Type::Ogg => &["audio/ogg", "application/ogg", "ogg"],
            Type::Mp4 => &["video/mp4", "audio/mp4", "audio/x-m4a", "video/quicktime"],
            Type::Zip => &[
                "application/zip",
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            ],
            Type::Text => &["text/plain", "text/markdown", "text/csv", "application/json"],
        }
    }
}

/// Width and height of a picture in pixels, as its header says.
fn measures(is: Type, bytes: &[u8]) -> Option<(u32, u32)> {
    let (width, height) = match is {
        Type::Png => (big(bytes, 16, 4)?, big(bytes, 20, 4)?),
        Type::Gif => (little(bytes, 6, 2)?, little(bytes, 8, 2)?),
        Type::Jpeg => jpeg_measures(bytes)?,
        Type::Webp => webp_measures(bytes)?,
        _ => return None,
    };
    (width > 0 && height > 0).then_some((width, height))
}

/// Walks the segments to the first start of a frame. Each has its length: a walk of as many steps as there are segments.
fn jpeg_measures(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let marker = match bytes.get(at..at + 2)? {
            // Fill bytes before a marker.
            [0xFF, 0xFF] => {
                at += 1;
                continue;
            }
            [0xFF, marker] => *marker,
            _ => return None,
        };
        match marker {
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                return Some((big(bytes, at + 7, 2)?, big(bytes, at + 5, 2)?));
            }
            0x01 | 0xD0..=0xD8 => at += 2,
            _ => {
                let length = big(bytes, at + 2, 2)? as usize;
                at += 2 + length.max(2);
            }
        }
    }
}

fn webp_measures(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes.get(12..16)? {
        b"VP8X" => Some((little(bytes, 24, 3)? + 1, little(bytes, 27, 3)? + 1)),
        b"VP8L" => {
            let packed = little(bytes, 21, 4)?;
            Some(((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1))
        }
        b"VP8 " => Some((little(bytes, 26, 2)? & 0x3FFF, little(bytes, 28, 2)? & 0x3FFF)),
        _ => None,
    }
}

fn big(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(
        bytes
            .get(at..at + length)?
            .iter()
            .fold(0, |sum, &byte| sum << 8 | u32::from(byte)),
    )
}

fn little(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(
        bytes
            .get(at..at + length)?
            .iter()
            .rev()
            .fold(0, |sum, &byte| sum << 8 | u32::from(byte)),
    )
}
