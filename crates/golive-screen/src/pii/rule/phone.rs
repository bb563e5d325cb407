//! S4: telephone numbers: E.164 with its separators; national ones by their context.
//!
//! Never: takes a national number without context; a bare group of digits is anything.

use super::super::text::{self, ALNUM, DIGIT, Text};
use super::number::{hangs_on_the_left, hangs_on_the_right};

/// The longest writing that is looked at, in bytes.
const LENGTH_MAX: usize = 32;

/// A number that could be a telephone number.
pub(crate) struct Phone {
    pub(crate) end: usize,
    /// In hundredths, before the context.
    pub(crate) score: u8,
}

/// Reads a number at `at`, which is a digit, `+` or `(`.
pub(crate) fn find(text: &Text, at: usize) -> Option<Phone> {
    let plus = text.get(at) == Some(b'+');
    if plus && text.before(at).is_some_and(|b| text::is(b, ALNUM)) {
        return None;
    }
    if !plus && hangs_on_the_left(text, at) {
        return None;
    }
    let (mut pos, mut digits, mut groups, mut open) = (at + usize::from(plus), 0usize, 1usize, false);
    let (mut end, mut last_group) = (pos, 0usize);
    let mut short_groups = 0usize;
    while pos - at < LENGTH_MAX {
        let Some(byte) = text.get(pos) else { break };
        match byte {
            b'0'..=b'9' => {
                let run = text.run(pos, DIGIT, 16) - pos;
                if digits + run > 15 {
                    break;
                }
                digits += run;
                short_groups += usize::from(run == 1);
                if short_groups > 2 {
                    return None;
                }
                pos += run;
                end = pos;
                last_group = run;
            }
            b'(' if !open && text.is(pos + 1, DIGIT) => {
                open = true;
                pos += 1;
            }
            b')' if open => {
                open = false;
                pos += 1;
                end = pos;
            }
            b' ' | b'-' | b'.' | b'/' if digits > 0 => {
                let next = text.get(pos + 1);
                let blank = byte == b' ';
                match next {
                    Some(b'0'..=b'9') => {}
                    Some(b'(') if !open && text.is(pos + 2, DIGIT) => {}
                    // "0171 - 123": one joint with blanks around it.
                    Some(b'-' | b'/')
                        if blank && text.get(pos + 2) == Some(b' ') && text.is(pos + 3, DIGIT) =>
                    {
                        pos += 2
                    }
                    _ => break,
                }
                pos += 1;
                groups += 1;
            }
            _ => break,
        }
    }
    let last = |end: usize| end.checked_sub(1).and_then(|last| text.bytes.get(last).copied());
    // An opening bracket that was never closed is not part of the number.
    if open && last(end) != Some(b')') {
        return None;
    }
    let end = extension(text, end);
    if last(end) == Some(b')') || hangs_on_the_right(text, end) {
        return None;
    }
    let first = text.get(at + usize::from(plus))?;
    let score = if plus {
        if !(8..=15).contains(&digits) || !matches!(first, b'1'..=b'9') || last_group < 2 {
            return None;
        }
        66
    } else {
        national(text.bytes.get(at..end)?, digits, groups, last_group)?
    };
    Some(Phone { end, score })
}

fn national(number: &[u8], digits: usize, groups: usize, last_group: usize) -> Option<u8> {
    if !(7..=15).contains(&digits) || last_group < 2 && groups > 1 {
        return None;
    }
    // A date is no telephone number.
    if digits == 8 && groups == 3 && last_group >= 2 {
        let mut parts = number.split(|b| !b.is_ascii_digit()).map(<[u8]>::len);
        let lengths = [parts.next(), parts.next(), parts.next()];
        if matches!(lengths, [Some(4), Some(2), Some(2)] | [Some(2), Some(2), Some(4)]) {
            return None;
        }
    }
    Some(match (number[0], groups) {
        (b'(', _) => 40,
        _ if number.starts_with(b"00") && digits >= 9 => 40,
        (_, 1) => 24,
        _ => 32,
    })
}

/// An extension: `x187`, `ext. 12`, `#12`.
fn extension(text: &Text, end: usize) -> usize {
    let mut at = end + usize::from(text.get(end) == Some(b' '));
    let Some(first) = text.get(at) else { return end };
    at += match first {
        b'x' | b'X' => 1,
        b'e' if text.goes_on(at, b"ext. ", true) => 5,
        b'e' if text.goes_on(at, b"ext.", true) => 4,
        b'e' if text.goes_on(at, b"ext ", true) => 4,
        _ => return end,
    };
    let stop = text.run(at, DIGIT, 6);
    if stop > at && stop - at <= 5 && !text.is(stop, ALNUM) {
        stop
    } else {
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str) -> Option<(&str, u8)> {
        find(&Text::new(text.as_bytes(), true), 0).map(|phone| (&text[..phone.end], phone.score))
    }

    #[test]
    fn numbers_end_where_they_end() {
        for number in [
            "+14155550123",
            "+49(0) 172233543",
            "+33 (0)1 42 93 21 15",
            "+44 1632 960 123",
            "(0131) 496 0476",
            "0131 496 0476",
            "01632/960123",
            "415-555-0123x12",
            "04 81 54 82 89",
            "001-258-836-5899x9553",
            "(322)832-9910x5561",
            "01632 - 960123",
        ] {
            assert_eq!(on(&format!("{number}, and")).map(|(n, _)| n), Some(number));
            assert_eq!(on(number).map(|(n, _)| n), Some(number));
        }
        for none in [
            "+0123",
            "2026-11-23",
            "23.11.2026",
            "123456",
            "+1 2 3 4 5 6 7 8",
            "1234567890123456",
        ] {
            assert_eq!(on(none), None, "{none}");
        }
        assert!(on("+14155550123").is_some_and(|(_, score)| score >= 60));
        assert!(on("415-555-0123").is_some_and(|(_, score)| score < 60));
    }
}
