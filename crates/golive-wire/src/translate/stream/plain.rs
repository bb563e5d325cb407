//! E4: the events that a stream mostly consists of, a piece of text and nothing else, read by hand: the general reader
//! costs several times as much. Whatever is not exactly such an event is left to it.
//!
//! Never: takes an event for a plain one that says anything besides its piece of text.

use memchr::{memchr, memchr2};
use std::borrow::Cow;

/// The text of a chunk of Chat Completions that is only a piece of the first choice's content. Never empty.
pub(super) fn chunk(data: &[u8]) -> Option<Cow<'_, str>> {
    let mut cursor = Cursor { rest: data };
    let (mut text, mut choices) = (None, 0);
    object(&mut cursor, |name, cursor| match name {
        b"choices" => {
            choices += 1;
            cursor.byte(b'[')?;
            object(cursor, |name, cursor| match name {
                b"index" => cursor.word(b"0"),
                b"finish_reason" | b"logprobs" => cursor.word(b"null"),
                b"delta" => object(cursor, |name, cursor| match name {
                    b"content" if text.is_none() => {
                        text = Some(cursor.text()?);
                        Some(())
                    }
                    b"role" => cursor.string().map(drop),
                    _ => cursor.word(b"null"),
                }),
                _ => None,
            })?;
            cursor.byte(b']')
        }
        b"object" => (cursor.string()? == b"chat.completion.chunk").then_some(()),
        b"id" | b"model" | b"system_fingerprint" | b"service_tier" | b"obfuscation" | b"created" => {
            cursor.skip()
        }
        _ => cursor.word(b"null"),
    })?;
    cursor.end()?;
    text.filter(|text| choices == 1 && !text.is_empty())
}

/// The text of an event of Messages that is only a piece of a text block. Never empty.
pub(super) fn delta(data: &[u8]) -> Option<Cow<'_, str>> {
    let mut cursor = Cursor { rest: data };
    let (mut text, mut kinds) = (None, 0);
    object(&mut cursor, |name, cursor| match name {
        b"type" => {
            kinds += 1;
            (cursor.string()? == b"content_block_delta").then_some(())
        }
        b"index" => cursor.skip(),
        b"delta" => object(cursor, |name, cursor| match name {
            b"type" => {
                kinds += 1;
                (cursor.string()? == b"text_delta").then_some(())
            }
            b"text" if text.is_none() => {
                text = Some(cursor.text()?);
                Some(())
            }
            _ => None,
        }),
        _ => None,
    })?;
    cursor.end()?;
    text.filter(|text| kinds == 2 && !text.is_empty())
}

/// Walks an object; `None` as soon as anything is not as expected.
fn object<'a>(
    cursor: &mut Cursor<'a>,
    mut member: impl FnMut(&'a [u8], &mut Cursor<'a>) -> Option<()>,
) -> Option<()> {
    cursor.byte(b'{')?;
    if cursor.peek() == Some(b'}') {
        return cursor.byte(b'}');
    }
    loop {
        let name = cursor.string()?;
        cursor.byte(b':')?;
        member(name, cursor)?;
        match cursor.peek()? {
            b',' => cursor.byte(b',')?,
            _ => return cursor.byte(b'}'),
        }
    }
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn peek(&mut self) -> Option<u8> {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
        self.rest.first().copied()
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.rest = &self.rest[1..])
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.peek()?;
        let rest = self.rest.strip_prefix(word)?;
        // `0` must not be the beginning of `0.5`.
        if rest
            .first()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
        {
            return None;
        }
        self.rest = rest;
        Some(())
    }

    /// The inside of a string without escapes.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.byte(b'"')?;
        let end = memchr2(b'"', b'\\', self.rest)?;
        let inside = &self.rest[..end];
        if self.rest[end] == b'\\' || inside.iter().any(|byte| *byte < 0x20) {
            return None;
        }
        self.rest = &self.rest[end + 1..];
        Some(inside)
    }

    fn text(&mut self) -> Option<Cow<'a, str>> {
        self.peek()?;
        let whole = self.rest;
        if let Some(plain) = self.string() {
            return std::str::from_utf8(plain).map(Cow::Borrowed).ok();
        }
        // With escapes: to the quote that has no backslash before it, or an even number of them.
        let mut at = 1;
        loop {
            at += memchr(b'"', whole.get(at..)?)?;
            let backslashes = whole[1..at]
                .iter()
                .rev()
                .take_while(|byte| **byte == b'\\')
                .count();
            at += 1;
            if backslashes % 2 == 0 {
                break;
            }
        }
        self.rest = &whole[at..];
        serde_json::from_slice(&whole[..at]).map(Cow::Owned).ok()
    }

    /// A string or a whole number, whichever it is.
    fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => std::str::from_utf8(self.string()?).ok().map(drop),
            b'n' => self.word(b"null"),
            _ => {
                let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let is_number = digits == 1 || (digits > 1 && self.rest[0] != b'0');
                self.rest = &self.rest[digits..];
                (is_number && !matches!(self.rest.first(), Some(b'.' | b'e' | b'E'))).then_some(())
            }
        }
    }

    fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_text_is_read_and_anything_more_is_not_plain() {
        let plain = r#"{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"a \"b\\\n\u00fc\\"},"logprobs":null,"finish_reason":null}],"usage":null}"#;
        assert_eq!(chunk(plain.as_bytes()).unwrap(), "a \"b\\\nü\\");
        assert_eq!(
            chunk(br#"{"choices": [ {"index": 0, "delta": {"role":"assistant", "content": "Hi"}} ] }"#)
                .unwrap(),
            "Hi"
        );
        for (from, to) in [
            ("\"index\":0", "\"index\":1"),
            ("\"index\":0", "\"index\":0.5"),
            ("\"finish_reason\":null", "\"finish_reason\":\"stop\""),
            ("\"usage\":null", "\"usage\":{}"),
            ("\"usage\":null", "\"error\":{\"message\":\"x\"}"),
            ("{\"content\"", "{\"tool_calls\":[],\"content\""),
            ("{\"content\"", "{\"content\":\"x\",\"content\""),
            ("\"content\":", "\"content\":[],\"x\":"),
            (
                "\"id\":\"x\"",
                "\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{}}]",
            ),
            ("\"id\":\"x\"", "\"id\":tru"),
            ("\"created\":1", "\"created\":01"),
            ("null}", "null}x"),
            ("null}", "null"),
        ] {
            let other = plain.replacen(from, to, 1);
            assert_ne!(other, plain);
            assert_eq!(chunk(other.as_bytes()), None, "{other}");
        }
        assert_eq!(chunk(b"{\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}"), None);
        assert_eq!(chunk(b"{\"choices\":[{\"delta\":{\"content\":\"a\nb\"}}]}"), None);
    }

    #[test]
    fn a_text_delta_is_plain_and_its_neighbours_are_not() {
        let plain = r#"{"type":"content_block_delta","index":3,"delta":{"type":"text_delta","text":"Hi"}}"#;
        assert_eq!(delta(plain.as_bytes()).unwrap(), "Hi");
        for (from, to) in [
            ("text_delta", "thinking_delta"),
            ("content_block_delta", "message_delta"),
            ("\"Hi\"", "\"\""),
            ("\"Hi\"", "null"),
            ("\"index\":3", "\"usage\":{}"),
            ("\"type\":\"content_block_delta\",", ""),
        ] {
            let other = plain.replacen(from, to, 1);
            assert_eq!(delta(other.as_bytes()), None, "{other}");
        }
    }
}
