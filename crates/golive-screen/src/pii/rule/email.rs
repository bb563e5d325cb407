//! S4: e-mail addresses, in the practical form: local part of at most 64, labels, a top-level domain of letters.
//!
//! Never: takes `name@1.2.3` (a package version) or `@name` (a handle) for an address.

use super::super::text::{ALNUM, DIGIT, LOCAL, Text, is};

/// The longest domain (RFC 1035).
const DOMAIN_MAX: usize = 253;
/// The longest local part (RFC 5321).
pub(crate) const LOCAL_MAX: usize = 64;

/// Where an address ends that begins at `at`; `at` must be the beginning of its run.
pub(crate) fn find(text: &Text, at: usize) -> Option<usize> {
    let mut sign = at;
    // Letters with accents are let through; other scripts stand next to addresses without a blank.
    loop {
        sign = text.run(sign, LOCAL, LOCAL_MAX + 1 - (sign - at).min(LOCAL_MAX));
        if sign - at > LOCAL_MAX {
            return None;
        }
        match text.get(sign) {
            Some(0xC3..=0xC9) => sign += 2,
            _ => break,
        }
    }
    if sign > at && text.get(sign) != Some(b'@') {
        // `ann%40example.com`, as in a URL.
        let run = &text.bytes[at..sign];
        let encoded = run
            .windows(3)
            .position(|three| three == b"%40")
            .filter(|n| *n > 0)?;
        return domain(text, at + encoded + 3);
    }
    if sign == at || text.bytes[sign - 1] == b'.' {
        return None;
    }
    domain(text, sign + 1)
}

fn domain(text: &Text, from: usize) -> Option<usize> {
    let (mut at, mut good) = (from, None);
    let mut labels = 0;
    while at - from < DOMAIN_MAX {
        let start = at;
        while at - start < 64 && (text.is(at, ALNUM) || text.get(at) == Some(b'-') || letter(text, at)) {
            at += if text.bytes[at] < 0x80 { 1 } else { 2 };
        }
        let label = text.bytes.get(start..at).unwrap_or_default();
        if label.is_empty() || label.len() > 63 || label[0] == b'-' || label[label.len() - 1] == b'-' {
            break;
        }
        labels += 1;
        let letters = label.iter().all(|b| !is(*b, DIGIT)) || label.starts_with(b"xn--");
        if labels > 1 {
            good = (label.len() >= 2 && letters)
                .then_some(at)
                .or(good.filter(|_| !letters));
        }
        if text.get(at) != Some(b'.') {
            break;
        }
        at += 1;
    }
    good
}

fn letter(text: &Text, at: usize) -> bool {
    matches!(text.get(at), Some(0xC3..=0xC9)) && text.get(at + 1).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str) -> Option<usize> {
        find(&Text::new(text.as_bytes(), true), 0)
    }

    #[test]
    fn addresses_end_where_they_end() {
        assert_eq!(end("ann@example.com."), Some(15));
        assert_eq!(end("a+b.c_d%e-f@mail.example.co.uk, and"), Some(30));
        assert_eq!(end("ann@example.com/path"), Some(15));
        assert_eq!(end("ann@xn--bcher-kva.example>"), Some(25));
        assert_eq!(end("müller@bücher.example"), Some(23));
        assert_eq!(end("ann%40example.com&x"), Some(17));
        for none in [
            "react@18.3.5",
            "a@b",
            "ann.@example.com",
            "@example.com",
            "ann@example",
            "ann@-x.com",
            "a@b.c",
        ] {
            assert_eq!(end(none), None, "{none}");
        }
        assert_eq!(end(&format!("{}@example.com", "a".repeat(65))), None);
    }

    #[test]
    fn an_address_that_may_go_on_is_not_decided() {
        for (text, cut) in [
            ("ann@example.com", true),
            ("ann@example.com ", false),
            ("ann@example.com.", true),
            ("ann ", false),
        ] {
            let text = Text::new(text.as_bytes(), false);
            find(&text, 0);
            assert_eq!(text.was_cut(), cut);
        }
    }
}
