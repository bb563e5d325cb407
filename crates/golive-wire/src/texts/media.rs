//! S3: images and files that a request names or brings: their addresses, and their bytes in base64.
//!
//! Never: fetches or decodes one.

use super::{each, member, read, whole};
use crate::edit::members;
use std::ops::Range;

/// One image or file of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// A pointer to it in the body (RFC 6901).
    pub pointer: String,
    /// What it is.
    pub holds: Holds,
    /// The string's literal in the body, with its quotes.
    pub literal: Range<usize>,
    /// The object of which that string is a member.
    pub object: Range<usize>,
}

/// How an image or file is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// By its address, a `data:` address included.
    Address(String),
    /// By its bytes in base64.
    Base64 {
        /// Its type as the request says it, if it does: `image/png`, `wav`.
        declared: Option<String>,
        /// The string's literal in the body, with its quotes.
        literal: Range<usize>,
    },
}

/// Kinds of parts that are media.
const PARTS: &[&str] = &[
    "image",
    "image_url",
    "input_image",
    "video",
    "video_url",
    "input_video",
    "audio",
    "audio_url",
    "input_audio",
    "file",
    "input_file",
    "document",
];
/// Parts that hold others.
const NESTING: &[&str] = &[
    "content",
    "output",
    "source",
    "file",
    "image",
    "image_url",
    "video_url",
    "audio_url",
    "input_audio",
];
const DEPTH_MAX: usize = 8;

/// The images and files of a request's messages, in the order in which they stand.
pub fn media(body: &[u8]) -> Vec<Media> {
    let root = whole(body);
    let mut found = Vec::new();
    for name in ["messages", "input"] {
        let Some(list) = member(body, &root, name) else {
            continue;
        };
        for (number, message) in each(body, &list).into_iter().enumerate() {
            for part in ["content", "output"] {
                if let Some(content) = member(body, &message, part) {
                    parts(body, &content, &format!("/{name}/{number}/{part}"), 0, &mut found);
                }
            }
        }
    }
    found
}

fn parts(body: &[u8], content: &Range<usize>, pointer: &str, depth: usize, found: &mut Vec<Media>) {
    if depth > DEPTH_MAX || body[content.start] != b'[' {
        return;
    }
    for (number, part) in each(body, content).into_iter().enumerate() {
        let pointer = format!("{pointer}/{number}");
        let kind = member(body, &part, "type").map(|kind| read(body, &kind).into_owned());
        if kind.as_deref().is_some_and(|kind| PARTS.contains(&kind)) {
            within(body, &part, &pointer, depth, found);
        } else if let Some(nested) = member(body, &part, "content") {
            parts(body, &nested, &format!("{pointer}/content"), depth + 1, found);
        }
    }
}

/// The media in one part, or in an object of it.
fn within(body: &[u8], object: &Range<usize>, pointer: &str, depth: usize, found: &mut Vec<Media>) {
    if depth > DEPTH_MAX || body[object.start] != b'{' {
        return;
    }
    let text = &body[object.clone()];
    let word = |name: &str| member(body, object, name).map(|value| read(body, &value).into_owned());
    let is_text = word("type").as_deref() == Some("text");
    for one in members(text) {
        let name = read(text, &one.name).into_owned();
        let value = one.value.start + object.start..one.value.end + object.start;
        let pointer = format!("{pointer}/{name}");
        let is_string = body[value.start] == b'"';
        match name.as_str() {
            "url" | "image_url" | "file_url" | "video_url" | "audio_url" if is_string => found.push(Media {
                pointer,
                holds: Holds::Address(read(body, &value).into_owned()),
                literal: value,
                object: object.clone(),
            }),
            "data" | "file_data" if is_string && !is_text => {
                let holds = if body[value.clone()].starts_with(b"\"data:") {
                    Holds::Address(read(body, &value).into_owned())
                } else {
                    Holds::Base64 {
                        declared: word("media_type").or_else(|| word("format")),
                        literal: value.clone(),
                    }
                };
                found.push(Media {
                    pointer,
                    holds,
                    literal: value,
                    object: object.clone(),
                });
            }
            "content" => parts(body, &value, &pointer, depth + 1, found),
            name if NESTING.contains(&name) => within(body, &value, &pointer, depth + 1, found),
            _ => {}
        }
    }
}
