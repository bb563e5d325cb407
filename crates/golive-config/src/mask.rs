//! S1: secrets that stand where they must not, found and blotted out before anything is shown.
//!
//! Two nets: the *name* in front of a value says that it is a secret; or the *value* begins like a
//! known kind of key. Both work on text that does not parse, too. Masking keeps every byte offset.
//!
//! Never: decides what is a mistake (the walk does); shortens or lengthens the text.

use std::ops::Range;

/// Beginnings of keys that vendors (and golive) hand out, with the fewest characters that follow.
/// Sources: the vendors' own documentation of their key formats.
const KNOWN_KINDS: &[(&str, usize)] = &[
    ("glv_", 16),
    ("sk-", 16),
    ("sk_live_", 10),
    ("sk_test_", 10),
    ("ghp_", 20),
    ("gho_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("AKIA", 12),
    ("AIza", 30),
    ("hf_", 20),
    ("gsk_", 20),
    ("eyJ", 20),
    ("Bearer ", 12),
];

/// Words that make a key's name the name of a secret. `_env`, `_file` and `_command` at the end take it
/// back: those name a place, or who knows it.
const SECRET_WORDS: &[&str] = &[
    "api_key",
    "apikey",
    "secret",
    "token",
    "password",
    "passwd",
    "passphrase",
    "credential",
    "bearer",
    "authorization",
    "private_key",
    "access_key",
    "master_key",
];

/// The key's name says that its value is a secret. Misspelt names count: `api_kye`, `pasword`.
pub(crate) fn names_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    // `tokens` counts what a model reads and writes; a literal under it is still known by its own looks.
    if ["_env", "_file", "_command"].iter().any(|end| key.ends_with(end)) || key == "tokens" {
        return false;
    }
    if key == "key" || key.ends_with("_key") || SECRET_WORDS.iter().any(|word| key.contains(word)) {
        return true;
    }
    // `credential` and `bearer` are left out: too many harmless words are near them.
    ["api_key", "secret", "password", "master_key", "private_key"]
        .iter()
        .any(|word| key.len() >= 5 && strsim::damerau_levenshtein(word, &key) <= 2)
}

/// The value looks like a known kind of key, whatever it is called.
pub(crate) fn looks_like_a_secret(value: &str) -> bool {
    known_kind(value, 0).is_some() || value.contains("-----BEGIN")
}

/// `source` with every secret in it replaced by asterisks, and control characters by question marks;
/// `spans` are values known to be secrets from the parsed tree. The length in bytes stays the same.
pub(crate) fn mask(source: &str, spans: &[Range<usize>]) -> String {
    let mut out = source.as_bytes().to_vec();
    for span in spans
        .iter()
        .cloned()
        .chain(secret_assignments(source))
        .chain(known_kinds(source))
    {
        blot(&mut out, span);
    }
    for (at, odd) in source.char_indices().filter(|(_, c)| moves_the_cursor(*c)) {
        out[at..at + odd.len_utf8()].fill(b'?');
    }
    // Whole characters were replaced by as many ASCII bytes: still UTF-8.
    String::from_utf8(out).unwrap_or_else(|_| "*".repeat(source.len()))
}

/// Control characters, and those that turn the direction of writing: a terminal would obey them.
pub(crate) fn moves_the_cursor(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// Only the second net: for messages.
pub(crate) fn mask_known_kinds(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    for span in known_kinds(text) {
        blot(&mut out, span);
    }
    String::from_utf8(out).unwrap_or_else(|_| "*".repeat(text.len()))
}

fn blot(out: &mut [u8], span: Range<usize>) {
    let end = span.end.min(out.len());
    for byte in &mut out[span.start.min(end)..end] {
        // Quotes and line ends stay, so that the shape of the file can still be read.
        if !matches!(*byte, b'\n' | b'\r' | b'"' | b'\'' | b' ') {
            *byte = b'*';
        }
    }
}

/// Everything behind `secretish_name =` to the end of its line. In an inline table that is too much,
/// which does no harm.
fn secret_assignments(source: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut line_start = 0;
    for line in source.split_inclusive('\n') {
        for (equals, _) in line.match_indices('=') {
            let before = line[..equals].trim_end().trim_end_matches(['"', '\'']);
            let name_start = before
                .rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != '-')
                .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
            if names_a_secret(&before[name_start..]) {
                found.push(line_start + equals + 1..line_start + line.trim_end().len());
                break;
            }
        }
        line_start += line.len();
    }
    found
}

/// In the line around `at`, which does not parse: everything behind a word that names a secret.
pub(crate) fn behind_secret_words(source: &str, at: usize) -> Option<Range<usize>> {
    let at = (0..=at.min(source.len()))
        .rev()
        .find(|at| source.is_char_boundary(*at))?;
    let start = source[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = source[start..].split('\n').next()?;
    let mut word_start = 0;
    for word in line.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_' && c != '-') {
        word_start += word.len();
        if names_a_secret(word.trim_end_matches(|c: char| !c.is_alphanumeric())) {
            return Some(start + word_start..start + line.len());
        }
    }
    None
}

fn known_kinds(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.char_indices() {
        if found.last().is_some_and(|last| at < last.end) {
            continue;
        }
        let joined = text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        if !joined && let Some(end) = known_kind(text, at) {
            found.push(at..end);
        }
    }
    found.extend(passwords_in_urls(text));
    found
}

/// The end of the key that begins at `at`, if one does.
fn known_kind(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let (prefix, least) = KNOWN_KINDS.iter().find(|(prefix, _)| rest.starts_with(prefix))?;
    let body = &rest[prefix.len()..];
    let length = body
        .find(|c: char| !c.is_ascii_alphanumeric() && !"_-.+/=".contains(c))
        .unwrap_or(body.len());
    (length >= *least).then_some(at + prefix.len() + length)
}

/// `user:password` of `scheme://user:password@host`.
fn passwords_in_urls(text: &str) -> Vec<Range<usize>> {
    let after_scheme = text.match_indices("://").map(|(at, found)| at + found.len());
    after_scheme
        .filter_map(|start| {
            let rest = &text[start..];
            let end = rest
                .find(|c: char| c.is_whitespace() || "/\"'`?#".contains(c))
                .unwrap_or(rest.len());
            rest[..end].rfind('@').map(|at| start..start + at)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_blotted_out_by_its_name_even_where_the_file_does_not_parse() {
        let masked = mask("[upstreams.x]\napi_key = \"hunter2-hunter2\nnext = 1\n", &[]);
        assert_eq!(masked, "[upstreams.x]\napi_key = \"***************\nnext = 1\n");
        let inline = mask("x = { password = \"hunter2\", y = 1 }", &[]);
        assert!(!inline.contains("hunter2"), "{inline}");
    }

    #[test]
    fn a_known_kind_is_blotted_out_whatever_it_is_called() {
        let masked = mask("note = \"sk-proj-abcdefghijklmnopqrstuv\" # ok", &[]);
        assert!(
            masked.contains("note = \"******************************\" # ok"),
            "{masked}"
        );
        assert_eq!(
            mask_known_kinds("`https://me:pw@host/x` no"),
            "`https://*****@host/x` no"
        );
    }

    #[test]
    fn harmless_text_stays() {
        let text = "api_key_env = \"OPENAI_API_KEY\" # risk-free\nprivate_key_file = \"key.pem\"\nlisten = \"127.0.0.1:1\"";
        assert_eq!(mask(text, &[]), text);
        for name in [
            "kind",
            "key_env",
            "path",
            "keys",
            "max_in_flight",
            "chain",
            "content",
            "targets",
        ] {
            assert!(!names_a_secret(name), "{name}");
        }
        for name in [
            "api_key",
            "API-KEY",
            "api_kye",
            "apikey",
            "key",
            "secrt",
            "pasword",
            "auth_token",
        ] {
            assert!(names_a_secret(name), "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn masking_keeps_every_offset(text in "[a-z_= \"\n\u{e9}\u{1F600}@:/-]{0,80}") {
            let masked = mask(&text, &[]);
            proptest::prop_assert_eq!(masked.len(), text.len());
            proptest::prop_assert_eq!(masked.matches('\n').count(), text.matches('\n').count());
        }
    }
}
