//! S4: dates, where the context says that somebody was born on them.
//!
//! Never: takes a date before 1900 or after 2030.

use super::super::check::date as valid;
use super::super::text::{self, ALNUM, DIGIT, LETTER, Text};

/// The months' names and their first letters in the languages of the context words. A date needs only a month.
#[rustfmt::skip]
const MONTHS: &[&str] = &[
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mär", "mai", "okt", "dez", "ene", "abr", "ago", "set", "dic",
    "out", "fev", "avr", "jui", "aoû", "déc", "fév", "gen", "mag", "giu", "lug", "ott", "mrt", "mei", "maj", "sty", "lut", "kwi", "cze", "lip", "sie", "wrz", "paź", "lis", "gru", "dez", "mart", "nis", "tem", "ağu", "eyl", "eki", "kas", "ara",
];

/// Where a date ends that begins at `at`.
pub(crate) fn find(text: &Text, at: usize) -> Option<usize> {
    let end = if text.is(at, DIGIT) {
        numeric(text, at)
            .or_else(|| day_first(text, at))
            .or_else(|| ideographs(text, at))
    } else {
        month_first(text, at)
    }?;
    (!text.is(end, ALNUM)).then_some(end)
}

fn value(text: &Text, from: usize, to: usize) -> u32 {
    text.bytes[from..to]
        .iter()
        .fold(0, |sum, b| sum * 10 + u32::from(b - b'0'))
}

fn year(text: &Text, at: usize) -> Option<usize> {
    let end = text.run(at, DIGIT, 5);
    (end - at == 4 && (1900..=2030).contains(&value(text, at, end))).then_some(end)
}

/// `1964-12-27`, `27.12.1964`, `27/12/64`; one kind of joint, month and day in either order.
fn numeric(text: &Text, at: usize) -> Option<usize> {
    let first = text.run(at, DIGIT, 5);
    let joint = text
        .get(first)
        .filter(|b| matches!(b, b'-' | b'.' | b'/' | b' '))?;
    let middle = text.run(first + 1, DIGIT, 3);
    if text.get(middle) != Some(joint) || middle == first + 1 || middle - first > 3 {
        return None;
    }
    let last = text.run(middle + 1, DIGIT, 5);
    let numbers = [
        value(text, at, first),
        value(text, first + 1, middle),
        value(text, middle + 1, last),
    ];
    let [a, b, c] = numbers;
    match (first - at, last - middle - 1) {
        (4, 1 | 2) => ((1900..=2030).contains(&a) && valid(b, c)).then_some(last),
        (1 | 2, 4) => ((1900..=2030).contains(&c) && (valid(b, a) || valid(a, b))).then_some(last),
        (1 | 2, 2) => (valid(b, a) || valid(a, b)).then_some(last),
        _ => None,
    }
}

/// `21 May 1958`, `21. Mai 1958`, `21 de mayo de 1958`, `21st of May, 1958`.
fn day_first(text: &Text, at: usize) -> Option<usize> {
    let mut pos = text.run(at, DIGIT, 3);
    if !(1..=31).contains(&value(text, at, pos)) || pos - at > 2 {
        return None;
    }
    for suffix in [&b"st"[..], b"nd", b"rd", b"th", b".", b"er"] {
        if text.goes_on(pos, suffix, true) {
            pos += suffix.len();
            break;
        }
    }
    pos = gap(text, pos)?;
    pos = month(text, pos)?;
    pos = gap(text, pos)?;
    year(text, pos)
}

/// `May 21, 1958`.
fn month_first(text: &Text, at: usize) -> Option<usize> {
    let pos = gap(text, month(text, at)?)?;
    let day = text.run(pos, DIGIT, 3);
    if day == pos || !(1..=31).contains(&value(text, pos, day)) {
        return None;
    }
    let day = [&b"st"[..], b"nd", b"rd", b"th"]
        .iter()
        .find(|suffix| text.goes_on(day, suffix, true))
        .map_or(day, |suffix| day + suffix.len());
    year(text, gap(text, day)?)
}

/// `1958年5月21日`, `1958년 5월 21일`.
fn ideographs(text: &Text, at: usize) -> Option<usize> {
    let mut pos = year(text, at)?;
    for (signs, limit) in [(['年', '년'], 12), (['月', '월'], 31), (['日', '일'], 99)] {
        let sign = text.char_at(pos).filter(|c| signs.contains(c))?;
        pos += sign.len_utf8();
        if limit == 99 {
            return Some(pos);
        }
        pos += usize::from(text.get(pos) == Some(b' '));
        let end = text.run(pos, DIGIT, 3);
        if end == pos || value(text, pos, end) > limit {
            return None;
        }
        pos = end;
    }
    None
}

/// What stands between day, month and year: blanks, commas, "of", "de".
fn gap(text: &Text, at: usize) -> Option<usize> {
    let mut pos = at;
    for word in [&b","[..], b" ", b"-", b"/", b"de ", b"of ", b"del ", b","] {
        if text.goes_on(pos, word, true) {
            pos += word.len();
        }
    }
    (pos > at).then_some(pos)
}

fn month(text: &Text, at: usize) -> Option<usize> {
    let first = text.get(at)?.to_ascii_lowercase();
    let found = MONTHS.iter().any(|name| {
        name.as_bytes()[0] == first
            && name.bytes().enumerate().all(|(n, want)| {
                text.bytes
                    .get(at + n)
                    .is_some_and(|have| have.eq_ignore_ascii_case(&want))
            })
    });
    // A name cut off by the end may still become a month.
    let mut end = at;
    while end - at < 14 && text.get(end).is_some_and(|b| text::is(b, LETTER) || b >= 0x80) {
        end += 1;
    }
    if !found {
        return None;
    }
    Some(end + usize::from(text.get(end) == Some(b'.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_end_where_they_end() {
        for date in [
            "1964-12-27",
            "27.12.1964",
            "12/27/1964",
            "27/12/64",
            "21 May 1958",
            "1. Mai 1958",
            "21 de mayo de 1958",
            "May 21, 1958",
            "21st of May, 1958",
            "3 août 1958",
            "1958年5月21日",
            "21-Sep-1958",
            "September 3rd, 1958",
        ] {
            let text = format!("{date} and");
            assert_eq!(
                find(&Text::new(text.as_bytes(), true), 0),
                Some(date.len()),
                "{date}"
            );
        }
        for none in [
            "1864-12-27",
            "32.12.1964",
            "12.34.1964",
            "May flowers",
            "21 apples 1958",
            "1.2.3",
            "21 May 58000",
        ] {
            assert_eq!(find(&Text::new(none.as_bytes(), true), 0), None, "{none}");
        }
    }
}
