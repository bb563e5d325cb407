//! S8: what people's sentences ask for: two quoted tokens to be joined and turned round, the system prompt to be told,
//! a tool to be called, an address to be put into the answer.
//!
//! Never: needs more than a verb near its object. That is what makes it gullible, and the same for every language.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::lexicon::{JOIN, PROMPT, REVEAL, REVERSE, SHOW, TOOL};
use super::words::{first_object, reversed};
use super::{Deed, Heard};
use crate::model::ToolCall;

/// The deeds that one text asks for.
pub(super) fn deeds(text: &str, heard: &Heard) -> Vec<Deed> {
    let lower = text.to_lowercase();
    let mut deeds = Vec::new();
    // Most views of a text are noise.
    let address = lower.contains("](http") || lower.contains("src=");
    if !address && ![&JOIN, &PROMPT, &TOOL].iter().any(|stems| stems.any(&lower)) {
        return deeds;
    }
    deeds.extend(joined(text, &lower).map(Deed::Says));
    deeds.extend(told(&lower, heard).map(Deed::Says));
    deeds.extend(shown(text, heard).into_iter().map(Deed::Says));
    deeds.extend(called(text).map(Deed::Calls));
    deeds
}

/// Parts of a command that came in pieces (`part 1: <<…>>`, `let a = “…”`), put together, if there are two or more.
pub(super) fn assembled(texts: &[String]) -> Option<String> {
    let mut pieces: Vec<&str> = Vec::new();
    for text in texts {
        let mut rest = text.as_str();
        while let Some((at, open, close)) = OPENINGS
            .iter()
            .filter_map(|(open, close)| Some((rest.find(open)?, *open, *close)))
            .min()
        {
            let named = tail(&rest[..at], PIECE_REACH).to_lowercase();
            rest = &rest[at + open.len()..];
            let Some(end) = rest.find(close) else { break };
            if PIECES.iter().any(|name| named.contains(name)) {
                pieces.push(&rest[..end]);
            }
            rest = &rest[end + close.len()..];
        }
    }
    // A piece that was repeated in a later message is still one piece.
    let mut once: Vec<&str> = Vec::new();
    for piece in pieces {
        if !once.contains(&piece) {
            once.push(piece);
        }
    }
    (once.len() > 1).then(|| once.concat())
}

/// The last two quoted tokens that stand together with a verb of joining.
fn joined<'a>(text: &'a str, lower: &'a str) -> impl Iterator<Item = String> + 'a {
    let tokens = quoted(text);
    let mut said = Vec::new();
    let mut at = 0;
    while at + 1 < tokens.len() {
        let ((from, first), (to, second)) = (&tokens[at], &tokens[at + 1]);
        if to - from > TOKENS_APART {
            at += 1;
            continue;
        }
        // Lower case can be longer or shorter than the text in bytes, by little: the window is wide.
        let around = window(lower, *from, *to);
        if !JOIN.any(around) {
            at += 1;
            continue;
        }
        let whole = format!("{first}{second}");
        said.push(if REVERSE.any(around) {
            reversed(&whole)
        } else {
            whole
        });
        at += 1;
    }
    said.into_iter()
}

/// Tokens in quotes: letters and digits, two to forty of them; and where they begin.
fn quoted(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut opened: Option<usize> = None;
    for (at, c) in text.char_indices() {
        if !QUOTES.contains(&c) {
            continue;
        }
        if let Some(from) = opened {
            let token = text[from..at].trim_end_matches('\\');
            if (2..=40).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                found.push((from, token));
                opened = None;
                continue;
            }
        }
        opened = Some(at + c.len_utf8());
    }
    found
}

/// The system prompt, or without one all that was said before, if the text asks for it.
fn told(lower: &str, heard: &Heard) -> Option<String> {
    let named = PROMPT.first(lower)?;
    let around = window(lower, named.start, named.end);
    if !REVEAL.any(around) {
        return None;
    }
    let secret = if heard.system.is_empty() {
        let before = heard.texts.len().saturating_sub(1);
        heard.texts[..before].join("\n")
    } else {
        heard.system.join("\n")
    };
    if secret.is_empty() {
        return Some("There is nothing above.".to_owned());
    }
    Some(match around {
        wanted if wanted.contains("in base64") || wanted.contains("as base64") => STANDARD.encode(secret),
        wanted if wanted.contains("backward") || wanted.contains("reversed") => reversed(&secret),
        wanted if wanted.contains("hyphen") => {
            let letters: Vec<String> = secret.chars().map(String::from).collect();
            letters.join("-")
        }
        _ => secret,
    })
}

/// Pictures and links that the text wants in the answer, `{CODE}` in them replaced by what is to be kept secret.
fn shown(text: &str, heard: &Heard) -> Vec<String> {
    let mut found = Vec::new();
    for (open, close) in [("![", ")"), ("[", ")"), ("<img", ">")] {
        let mut from = 0;
        while let Some(at) = text[from..].find(open).map(|at| from + at) {
            from = at + open.len();
            let Some(end) = text[at..].find(close).map(|end| at + end + close.len()) else {
                break;
            };
            let whole = &text[at..end];
            let inner = open == "[" && text[..at].ends_with('!');
            let address = whole.contains("](http") || whole.contains("src=");
            let asked = SHOW.any(&tail(&text[..at], REACH).to_lowercase());
            if address && asked && !inner && whole.len() < 500 {
                found.push(whole.replace("{CODE}", &code(heard).unwrap_or_default()));
            }
        }
    }
    found
}

/// What follows `code is` in any text.
fn code(heard: &Heard) -> Option<String> {
    let texts = heard.system.iter().chain(&heard.texts);
    texts.into_iter().find_map(|text| {
        let behind = &text[text.find(CODE_IS)? + CODE_IS.len()..];
        let word = behind.split_whitespace().next()?;
        Some(word.trim_end_matches(['.', ',', ';', ')']).to_owned())
    })
}

/// The last tool that is named as one with its arguments behind it.
fn called(text: &str) -> Option<ToolCall> {
    let mut last = None;
    for (at, _) in text.match_indices('{') {
        let Some(arguments) = first_object(&text[at..]) else {
            continue;
        };
        let before = tail(&text[..at], REACH);
        if !TOOL.any(&before.to_lowercase()) {
            continue;
        }
        let name = before
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .rfind(|word| {
                word.contains('_') && word.len() > 4 && !word.ends_with("_call") && *word != "tool_use"
            });
        if let Some(name) = name {
            last = Some(ToolCall {
                name: name.to_owned(),
                arguments: arguments.to_owned(),
            });
        }
    }
    last
}

/// From [`REACH`] bytes before `from` to as many behind `to`, at characters' borders.
fn window(text: &str, from: usize, to: usize) -> &str {
    let begin = text.floor_char_boundary(from.saturating_sub(REACH).min(text.len()));
    let end = text.floor_char_boundary(to.saturating_add(REACH).min(text.len()));
    &text[begin..end.max(begin)]
}

/// The last `bytes` of a text, at a character's border.
fn tail(text: &str, bytes: usize) -> &str {
    &text[text.floor_char_boundary(text.len().saturating_sub(bytes))..]
}

/// How far a verb may stand from its object, in bytes.
const REACH: usize = 240;
/// Two tokens further apart do not belong together.
const TOKENS_APART: usize = 120;
/// A piece's name stands this close before it.
const PIECE_REACH: usize = 24;
const PIECES: &[&str] = &[
    "part", "piece", "fragment", "let ", "var ", "string", "half", "chunk", "line",
];
const OPENINGS: &[(&str, &str)] = &[("<<", ">>"), ("“", "”"), ("⟦", "⟧")];
const CODE_IS: &str = "code is ";
const QUOTES: &[char] = &[
    '"', '\'', '`', '“', '”', '„', '«', '»', '「', '」', '『', '』', '‘', '’',
];
