//! S4: passwords and keys without a form, told by the word before them.
//!
//! Never: takes a word of the language for a password: without `:` or `=` it must look made up.

use super::super::text::{ALNUM, DIGIT, LOWER, STD64, Text, UPPER, WEB64, is};
use super::person::Joint;

/// The longest password that is looked at, in bytes.
const LENGTH_MAX: usize = 128;

/// The end of a password that begins at `at`.
pub(crate) fn find(text: &Text, at: usize, joint: Joint) -> Option<usize> {
    let quote = text.before(at).filter(|b| matches!(b, b'"' | b'\'' | b'`'));
    let mut end = at;
    while end - at < LENGTH_MAX {
        match text.get(end) {
            None | Some(0..=b' ' | b'"' | b'<' | b'>' | b'`' | b'|' | 0x7f) => break,
            Some(b'\'') if quote == Some(b'\'') => break,
            Some(_) => end += 1,
        }
    }
    // Closing marks and the sentence's own are not the password's.
    loop {
        let last = *text.bytes.get(end.checked_sub(1)?)?;
        let trim = match last {
            b'.' | b',' | b';' | b':' | b'?' => true,
            b')' | b']' | b'}' => text.before(at) != Some(last) && quote.is_none(),
            b'*' => text.before(at) == Some(b'*'),
            _ => false,
        };
        if !trim || end <= at {
            break;
        }
        end -= 1;
    }
    let value = text.bytes.get(at..end)?;
    made_up(value, joint).then_some(end)
}

fn made_up(value: &[u8], joint: Joint) -> bool {
    let placeholder = value.starts_with(b"${")
        || value.starts_with(b"{{")
        || value.starts_with(b"$(")
        || value.starts_with(b"%(")
        || value
            .iter()
            .all(|b| matches!(b, b'*' | b'x' | b'X' | b'.' | b'-'))
        || value.contains(&b'(') && value.ends_with(b")");
    if value.len() < 6 || placeholder || !value.is_ascii() {
        return false;
    }
    let upper_inside = value[1..].iter().any(|b| is(*b, UPPER)) && value.iter().any(|b| is(*b, LOWER));
    let digit = value.iter().any(|b| is(*b, DIGIT));
    let letter = value.iter().any(|b| is(*b, UPPER | LOWER));
    let sign = value
        .iter()
        .any(|b| !is(*b, ALNUM) && !matches!(b, b'-' | b'.' | b',' | b'\'' | b'/' | b'_'));
    let kinds = usize::from(upper_inside) + usize::from(digit && letter) + usize::from(sign);
    match joint {
        Joint::Mark => kinds >= 1,
        Joint::Words | Joint::Blank => {
            kinds >= 2 && value.len() >= 8 || (digit && letter && value.len() >= 10)
        }
    }
}

/// The end of an AWS secret access key at `at`: 40 characters and not one more.
pub(crate) fn aws_secret(text: &Text, at: usize) -> Option<usize> {
    if text.before(at).is_some_and(|b| is(b, STD64) && b != b'/') {
        return None;
    }
    let end = text.run(at, STD64, 41);
    let value = text.bytes.get(at..end)?;
    let mixed = value.iter().any(|b| is(*b, UPPER))
        && value.iter().any(|b| is(*b, LOWER))
        && value.iter().any(|b| is(*b, DIGIT));
    (end - at == 40 && mixed && text.get(end) != Some(b'=') && !super::secret::placeholder(value))
        .then_some(end)
}

/// The end of a key of an unknown vendor at `at`: 20 to 128 characters, mixed.
pub(crate) fn key(text: &Text, at: usize) -> Option<usize> {
    let end = text.run(at, WEB64, LENGTH_MAX + 1);
    let value = text.bytes.get(at..end)?;
    let digits = value.iter().filter(|b| is(**b, DIGIT)).count();
    let letters = value.iter().filter(|b| is(**b, UPPER | LOWER)).count();
    let joints = value.iter().filter(|b| matches!(b, b'-' | b'_')).count();
    ((20..=LENGTH_MAX).contains(&value.len())
        && digits >= 3
        && letters >= 6
        && joints * 6 <= value.len()
        && !text.is(end, ALNUM)
        && !super::secret::placeholder(value))
    .then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str, joint: Joint) -> Option<&str> {
        find(&Text::new(text.as_bytes(), true), 0, joint).map(|end| &text[..end])
    }

    #[test]
    fn what_is_made_up_is_a_password_and_what_is_language_is_none() {
        for password in ["Tr0ub4dor&3", "a!Bc9x_Q", "hunter2hunter"] {
            assert_eq!(on(&format!("{password}, please"), Joint::Mark), Some(password));
        }
        assert_eq!(on("aB3dE6gH1 ", Joint::Blank), Some("aB3dE6gH1"));
        for none in [
            "must contain",
            "required",
            "${PASSWORD}",
            "********",
            "get_password()",
            "reset-link",
        ] {
            assert_eq!(on(none, Joint::Blank), None, "{none}");
        }
        assert_eq!(on("required", Joint::Mark), None);
    }
}
