//! S4: postal addresses, told by the word before them.
//!
//! Honest about its limits: an address without such a word is not found, and one is read only as far as its words look
//! like an address's: capitals, numbers, postcodes, a few small words, and what lies between commas.
//!
//! Never: takes a text without a digit or without a capital for an address.

use super::super::text::{ALNUM, BLANK, DIGIT, LOWER, Text, is};

/// The longest address, in bytes.
const LENGTH_MAX: usize = 160;

/// Small words inside addresses.
const SMALL: &[&str] = &[
    "de", "du", "des", "d", "la", "le", "les", "l", "del", "los", "las", "el", "do", "da", "dos", "das", "e",
    "y", "di", "della", "delle", "van", "von", "der", "den", "dem", "het", "'t", "'s", "op", "aan", "am",
    "an", "im", "in", "auf", "of", "the", "and", "sur", "en", "lès", "sous", "saint", "no", "nº", "n°",
    "s/n", "bis", "ter", "zu", "zum", "zur", "ob", "bei", "och", "i", "na", "nad", "ul.", "ul", "al.", "al",
    "os.", "og",
];
/// Words written with a dot that does not end a sentence.
const ABBREVIATED: &[&str] = &[
    "st.", "apt.", "ave.", "av.", "rd.", "ul.", "al.", "pl.", "no.", "nr.", "str.", "ste.", "bldg.", "dr.",
    "ln.", "sq.", "p.o.", "h.no.",
];
/// Small words that begin a street.
const STREETS: &[&str] = &[
    "rue",
    "avenue",
    "av.",
    "av",
    "bd",
    "boulevard",
    "chemin",
    "place",
    "allée",
    "allee",
    "impasse",
    "quai",
    "route",
    "cours",
    "square",
    "passage",
    "via",
    "viale",
    "piazza",
    "corso",
    "calle",
    "c/",
    "avenida",
    "plaza",
    "paseo",
    "carrer",
    "rua",
    "travessa",
    "praça",
    "alameda",
    "ulica",
    "ulice",
    "street",
    "road",
    "lane",
    "drive",
    "court",
    "apt",
    "apt.",
    "apartment",
    "suite",
    "unit",
    "flat",
    "floor",
    "piso",
    "puerta",
    "planta",
    "étage",
    "bât",
    "cedex",
    "interno",
    "scala",
    "st",
    "st.",
    "rd",
    "rd.",
    "ave",
    "ave.",
    "blvd",
    "dr",
    "ln",
];

/// The end of an address that begins at `at`.
pub(crate) fn find(text: &Text, at: usize) -> Option<usize> {
    let first = text.char_at(at)?;
    if is_sign(first) {
        return ideographs(text, at);
    }
    let (mut pos, mut end) = (at, at);
    let (mut digit, mut capital, mut words) = (false, 0usize, 0usize);
    while pos - at < LENGTH_MAX {
        let stop = word_end(text, pos);
        if stop == pos {
            break;
        }
        let word = std::str::from_utf8(text.bytes.get(pos..stop)?).ok()?;
        let begins = word.chars().find(|c| c.is_alphanumeric());
        let has_digit = word.bytes().any(|b| b.is_ascii_digit());
        let is_capital = begins.is_some_and(char::is_uppercase);
        let lower = word.to_lowercase();
        let bare = lower.trim_matches(|c| c == '(' || c == ')');
        let street = STREETS.contains(&bare);
        if has_digit && word.len() <= 16 {
            digit = true;
            end = stop;
        } else if is_capital || street {
            capital += 1;
            end = stop;
        } else if !(SMALL.contains(&bare)
            || lower.contains('\'') && word.chars().any(char::is_uppercase)
            || word.chars().all(|c| matches!(c, '-' | '/' | '#' | '–')))
        {
            break;
        }
        words += 1;
        pos = stop;
        // Between words: a comma, blanks, a line end inside a letter's head.
        let before = text.run(pos, BLANK, 2);
        let comma = matches!(text.get(before), Some(b',' | b';'));
        let blanks = if comma {
            text.run(before + 1, BLANK, 3)
        } else {
            before
        };
        if blanks == pos {
            break;
        }
        // A dot that ended the word before: "Aumannstr. 5-1" goes on with a number, "Springfield. I" does not.
        let abbreviated = ABBREVIATED.contains(&bare) || words == 1 && bare.len() == 2;
        if word.ends_with('.') && !text.is(blanks, DIGIT) && !abbreviated {
            break;
        }
        pos = blanks;
    }
    while end > at && matches!(text.bytes[end - 1], b'.' | b',' | b' ') {
        end -= 1;
    }
    (digit && capital > 0 && words >= 3 && !text.is(end, ALNUM)).then_some(end)
}

fn word_end(text: &Text, at: usize) -> usize {
    let mut end = at;
    while end - at < 48 {
        let Some(c) = text.char_at(end) else { break };
        let fits = c.is_alphanumeric() && !is_sign(c)
            || matches!(c, '-' | '/' | '\'' | '’' | '#' | 'º' | '°' | 'ª')
            || c == '.' && end > at
            || c == '(' && end == at && text.is(end + 1, ALNUM)
            || c == ')' && text.bytes[at] == b'(';
        if !fits {
            break;
        }
        end += c.len_utf8();
    }
    end
}

fn is_sign(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' | '\u{3040}'..='\u{30FF}')
}

/// Addresses in scripts without blanks: provinces, cities, districts, streets, with numbers and perhaps a postcode.
fn ideographs(text: &Text, at: usize) -> Option<usize> {
    const PLACES: &[char] = &[
        '省', '市', '县', '縣', '区', '區', '路', '街', '号', '號', '座', '室', '镇', '村', '都', '道', '府',
        '町', '丁', '番', '시', '구', '동', '로', '길', '도',
    ];
    let (mut end, mut pos, mut places) = (at, at, 0usize);
    while pos - at < LENGTH_MAX {
        let Some(c) = text.char_at(pos) else { break };
        if is_sign(c) {
            places += usize::from(PLACES.contains(&c));
        } else if c == ' ' {
            if !text
                .char_at(pos + 1)
                .is_some_and(|next| is_sign(next) || next.is_ascii_digit())
            {
                break;
            }
        } else if !(c.is_ascii_alphanumeric() || c == '-') {
            break;
        }
        pos += c.len_utf8();
        if c != ' ' {
            end = pos;
        }
    }
    // Letters directly behind belong to another word.
    while end > at && is(text.bytes[end - 1], LOWER) && end - at > 3 && text.bytes[end - 2] == b' ' {
        end -= 2;
    }
    (places >= 2 && text.bytes[at..end].len() >= 12).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_where_they_end() {
        for (address, after) in [
            ("983 Marie Fort, Chapmanberg, LD6E 1XP", ", thanks."),
            (
                "82, rue Mercier, 97611 Jacquet-sur-Lévêque",
                " yesterday and got no reply.",
            ),
            ("Aumannstr. 5-1, 32580 Crailsheim", "."),
            ("Avenida de Regina Aller 77 Apt. 41 , Pontevedra, 47119", "\""),
            ("Borgo Ramona, 634, 06060, Lisciano Niccone (PG)", "**"),
            ("Kargeweg 4, 29191 Dessau", ". My new phone is"),
            ("Lennsteeg 226, 5283 RD, 's-Heer Arendskerke", "</field>"),
            ("西藏自治区拉萨县西峰武汉街w座 825963", "。"),
            (
                "Chácara Ísis Cardoso, 90, Tupi A, 23480-906 Cunha da Praia / RJ",
                ",",
            ),
        ] {
            let text = format!("{address}{after}");
            let found = find(&Text::new(text.as_bytes(), true), 0);
            assert_eq!(found.map(|end| &text[..end]), Some(address));
        }
        for none in [
            "the same as before",
            "bar of the browser",
            "Please ask 2 people",
            "0x7fff5694",
        ] {
            assert_eq!(find(&Text::new(none.as_bytes(), true), 0), None, "{none}");
        }
    }
}
