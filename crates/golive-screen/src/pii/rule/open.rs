//! S4: secrets without a greatest length: swallowed from the marker that decides them to their end.
//!
//! A stream cannot hold back a private key until its last line. Once the marker is read, what follows is part of the
//! secret until [`Open::feed`] says that it has ended.
//!
//! Never: lets out a byte of what it has not yet decided.

use super::super::text::{ALNUM, BLANK, LETTER, STD64, Text, UPPER, WEB64, is};
use super::secret::Class;

/// A secret that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Open {
    Run(Class, Tail),
    Pem,
}

/// What may stand between runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    None,
    /// A dot, if more follows: the parts of a token.
    Dots,
}

/// What became of an open secret.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fed {
    /// It ends here.
    Ended(usize),
    /// It goes on; all before this place is part of it, what follows is not decided.
    More(usize),
}

/// Beginning of a PEM block.
const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
/// The longest label: "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK" and room.
const LABEL_MAX: usize = 40;
/// Blanks in a row that a key may have in it.
const BLANKS_MAX: usize = 64;

impl Open {
    pub(crate) fn run(class: Class, tail: Tail) -> Open {
        Open::Run(class, tail)
    }

    /// Reads on at `from`.
    pub(crate) fn feed(self, text: &Text, from: usize) -> Fed {
        match self {
            Open::Run(class, tail) => run(text, from, class, tail),
            Open::Pem => pem(text, from),
        }
    }
}

fn run(text: &Text, from: usize, class: Class, tail: Tail) -> Fed {
    let mut at = from;
    loop {
        text.forget_cut();
        match text.get(at) {
            Some(byte) if class.has(byte) => at += 1,
            Some(b'.') if tail == Tail::Dots && text.get(at + 1).is_some_and(|next| class.has(next)) => {
                at += 1
            }
            _ if text.was_cut() => return Fed::More(at),
            _ => return Fed::Ended(at),
        }
    }
}

/// The end of the marker of a private key at `at`.
pub(crate) fn pem_marker(text: &Text, at: usize) -> Option<usize> {
    if text.before(at) == Some(b'-') || !text.goes_on(at, BEGIN, false) {
        return None;
    }
    let label = at + BEGIN.len();
    let mut end = label;
    while end - label < LABEL_MAX && text.get(end).is_some_and(|b| is(b, ALNUM) || b == b' ') {
        end += 1;
    }
    let name = text.bytes.get(label..end)?;
    let private = name.windows(11).any(|w| w == b"PRIVATE KEY");
    (private && text.goes_on(end, b"-----", false)).then_some(end + 5)
}

/// What ends a key: its END line, a byte that cannot be in one, or words of a sentence.
fn pem(text: &Text, from: usize) -> Fed {
    let mut at = from;
    loop {
        text.forget_cut();
        // Blanks belong to the key only if it goes on behind them.
        let blanks = text.run(at, BLANK, BLANKS_MAX + 1);
        let next = text.get(blanks);
        if text.was_cut() {
            return Fed::More(at);
        }
        let Some(byte) = next.filter(|_| blanks - at <= BLANKS_MAX) else {
            return Fed::Ended(at);
        };
        if byte == b'-' && text.goes_on(blanks, END, false) {
            let mut end = blanks + END.len();
            while end - blanks < END.len() + LABEL_MAX
                && text.get(end).is_some_and(|b| is(b, ALNUM) || b == b' ')
            {
                end += 1;
            }
            let closed = text.goes_on(end, b"-----", false);
            if text.was_cut() {
                return Fed::More(at);
            }
            return Fed::Ended(if closed { end + 5 } else { end });
        }
        let fits = is(byte, STD64) || matches!(byte, b'=' | b'\\' | b':' | b',' | b'.' | b'-');
        let sentence =
            blanks > at && text.bytes[blanks - 1] == b' ' && is(byte, LETTER) && is_prose(text, blanks);
        let another = byte == b'-' && text.goes_on(blanks, b"-----", false);
        if text.was_cut() {
            return Fed::More(at);
        }
        if !fits || sentence || another {
            return Fed::Ended(at);
        }
        at = blanks + 1;
    }
}

/// Whether a short word stands at `at`, and its line has no header (`Proc-Type: 4,ENCRYPTED`).
fn is_prose(text: &Text, at: usize) -> bool {
    let mut end = at;
    while end - at < 16 && text.get(end).is_some_and(|b| is(b, STD64)) {
        end += 1;
    }
    let short = end - at < 16 && text.get(end).is_some();
    let line = text.bytes[..at]
        .iter()
        .rev()
        .take(80)
        .take_while(|b| **b != b'\n');
    short && !line.clone().any(|b| *b == b':')
}

/// The end of what decides a token of three parts at `at`: a header, a dot, the beginning of a payload.
pub(crate) fn token_marker(text: &Text, at: usize) -> Option<usize> {
    /// The longest header that is waited for.
    const HEADER_MAX: usize = 600;
    if !text.goes_on(at, b"ey", false) || !text.is(at + 2, UPPER) {
        return None;
    }
    let dot = text.run(at, WEB64, HEADER_MAX);
    if dot - at < 15 || text.get(dot) != Some(b'.') {
        return None;
    }
    let payload = dot + 1;
    let some = text.run(payload, WEB64, 10);
    (some - payload == 10 && text.bytes[payload..].starts_with(b"ey")).then_some(some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<&str> {
        let whole = Text::new(text.as_bytes(), true);
        let body = pem_marker(&whole, 0)?;
        match Open::Pem.feed(&whole, body) {
            Fed::Ended(end) => Some(&text[..end]),
            Fed::More(_) => panic!("the text is complete"),
        }
    }

    fn marker(label: &str) -> String {
        format!("-----{} {label}-----", "BEGIN")
    }

    #[test]
    fn a_key_ends_with_its_end_line_or_where_it_stops_being_one() {
        let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7";
        let whole = format!(
            "{}\n{body}\n-----END RSA PRIVATE KEY-----",
            marker("RSA PRIVATE KEY")
        );
        assert_eq!(key(&format!("{whole}\nand more")), Some(&whole[..]));
        let cut = format!("{}\n{body}", marker("PRIVATE KEY"));
        assert_eq!(key(&cut), Some(&cut[..]));
        assert_eq!(key(&format!("{cut} is what he sent")), Some(&cut[..]));
        let escaped = format!(
            "{}\\nMIIE\\nvQIB\\n-----END PRIVATE KEY-----",
            marker("PRIVATE KEY")
        );
        assert_eq!(key(&format!("{escaped}\", ")), Some(&escaped[..]));
        let headers = format!(
            "{}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0102\n\n{body}\n-----END RSA PRIVATE KEY-----",
            marker("RSA PRIVATE KEY")
        );
        assert_eq!(key(&headers), Some(&headers[..]));
        let talked_about = marker("PRIVATE KEY");
        assert_eq!(
            key(&format!("{talked_about} is how a key begins.")),
            Some(&talked_about[..])
        );
        assert_eq!(key(&marker("PUBLIC KEY")), None);
        assert_eq!(key(&marker("CERTIFICATE")), None);
    }

    #[test]
    fn what_is_not_decided_is_kept() {
        let text = format!("{}\nMIIE\n-----EN", marker("PRIVATE KEY"));
        let part = Text::new(text.as_bytes(), false);
        let body = pem_marker(&part, 0).unwrap();
        assert_eq!(Open::Pem.feed(&part, body), Fed::More(text.len() - 8));
    }
}
