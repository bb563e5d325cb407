//! S4, S8: letters in disguise: other alphabets that look the same, invisible characters between them, spaces and signs
//! between them, digits for letters.
//!
//! Never: changes what is plain. A step that finds nothing to undo gives `None`.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Look-alikes as plain letters and digits, and what cannot be seen left out.
pub(super) fn fold(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut changed = false;
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
            continue;
        }
        if is_invisible(c) {
            changed = true;
            continue;
        }
        let plain = plain(c);
        changed |= plain != c;
        out.push(plain);
    }
    changed.then_some(out)
}

/// What is written in tag characters, or byte by byte in variation selectors.
pub(super) fn hidden(text: &str) -> Option<String> {
    let tags: String = text
        .chars()
        .filter_map(|c| match c as u32 {
            code @ 0xE0020..=0xE007E => char::from_u32(code - 0xE0000),
            _ => None,
        })
        .collect();
    if tags.len() > 3 {
        return Some(tags);
    }
    let bytes: Vec<u8> = text
        .chars()
        .filter_map(|c| match c as u32 {
            code @ 0xFE00..=0xFE0F => u8::try_from(code - 0xFE00).ok(),
            code @ 0xE0100..=0xE01EF => u8::try_from(code - 0xE0100 + 16).ok(),
            _ => None,
        })
        .collect();
    (bytes.len() > 3).then(|| String::from_utf8(bytes).ok()).flatten()
}

/// `i g n o r e  t h i s`: single characters joined; more than one space is a space between words.
pub(super) fn unspaced(text: &str) -> Option<String> {
    let tokens: Vec<&str> = text.split(' ').collect();
    let single = |token: &&str| token.chars().count() == 1;
    if tokens.windows(4).all(|four| !four.iter().all(single)) {
        return None;
    }
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for (n, token) in tokens.iter().enumerate() {
        let more = tokens.get(n + 1).is_some_and(single);
        match words.last_mut() {
            Some(word) if open && single(token) => word.push_str(token),
            _ if token.is_empty() => {}
            _ => words.push((*token).to_owned()),
        }
        // A word begins with a letter alone, or with one behind a sign: `>U s e`.
        let mut last = token.chars().rev();
        let begins = last.next().is_some_and(char::is_alphanumeric)
            && last.next().is_none_or(|c| !c.is_alphanumeric());
        open = more && (begins || (open && single(token)));
    }
    Some(words.join(" "))
}

/// `i.g.n.o.r.e`: the sign between single characters taken out.
pub(super) fn unpunctuated(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let (mut at, mut changed) = (0, false);
    while at < chars.len() {
        let alone = at == 0 || !chars[at - 1].is_alphanumeric();
        let sign = chars.get(at + 1).copied().filter(|c| SIGNS.contains(c));
        let mut end = at;
        if let (true, true, Some(sign)) = (alone, chars[at].is_alphanumeric(), sign) {
            let next = |end: usize| chars.get(end + 2).is_some_and(|c| c.is_alphanumeric());
            while chars.get(end + 1) == Some(&sign) && next(end) {
                end += 2;
            }
            // The last one must stand alone, too: `a.b.com` is an address.
            if chars.get(end + 1).is_some_and(|c| c.is_alphanumeric()) {
                end = end.saturating_sub(2).max(at);
            }
        }
        if end >= at + 2 {
            out.extend(chars[at..=end].iter().step_by(2));
            changed = true;
        } else {
            out.extend(&chars[at..=end]);
        }
        at = end + 1;
    }
    changed.then_some(out)
}

/// `1gn0r3`: digits and signs within words as the letters they look like. What is all digits stays.
pub(super) fn unleeted(text: &str) -> Option<String> {
    let mut changed = false;
    let words: Vec<String> = text
        .split(' ')
        .map(|word| {
            let letters = word.chars().any(|c| c.is_ascii_alphabetic());
            if !letters && word != "4" {
                return word.to_owned();
            }
            let plain: String = word.chars().map(unleet).collect();
            changed |= plain != word;
            plain
        })
        .collect();
    changed.then(|| words.join(" "))
}

/// What stands behind a right-to-left override is read backwards.
pub(super) fn turned_back(text: &str) -> Option<String> {
    const OVERRIDE: char = '\u{202e}';
    const END: char = '\u{202c}';
    if !text.contains(OVERRIDE) {
        return None;
    }
    let mut pieces = text.split(OVERRIDE);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (turned, rest) = piece.split_once(END).unwrap_or((piece, ""));
        out.extend(turned.chars().rev());
        out.push_str(rest);
    }
    Some(out)
}

const SIGNS: &[char] = &['.', '-', '_', '*', '|', '~', '/', '·', '+'];

fn unleet(c: char) -> char {
    match c {
        '4' | '@' => 'a',
        '3' => 'e',
        '1' | '!' => 'i',
        '0' => 'o',
        '5' | '$' => 's',
        '7' => 't',
        c => c,
    }
}

fn is_invisible(c: char) -> bool {
    matches!(c as u32,
        0x00AD | 0x034F | 0x061C | 0x0640 | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180E
        | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0
        | 0xE0000..=0xE0FFF
        | 0x0300..=0x036F | 0x0483..=0x0489 | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF)
}

/// The plain letter or digit that a character looks like, or the character.
fn plain(c: char) -> char {
    let code = c as u32;
    let nth = |base: u32, first: u8, count: u32| {
        // `count` is at most 26 and `first` a letter or digit of ASCII.
        u8::try_from((code - base) % count).map_or(c, |n| char::from(first + n))
    };
    match code {
        0xA0 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => ' ',
        0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(c),
        0x1D400..=0x1D6A3 if (code - 0x1D400) % 52 < 26 => nth(0x1D400, b'A', 52),
        0x1D400..=0x1D6A3 => nth(0x1D41A, b'a', 52),
        0x1D7CE..=0x1D7FF => nth(0x1D7CE, b'0', 10),
        0x24B6..=0x24CF => nth(0x24B6, b'A', 26),
        0x24D0..=0x24E9 => nth(0x24D0, b'a', 26),
        0x1F130..=0x1F149 => nth(0x1F130, b'A', 26),
        0x1F150..=0x1F169 => nth(0x1F150, b'A', 26),
        0x1F170..=0x1F189 => nth(0x1F170, b'A', 26),
        0x0660..=0x0669 => nth(0x0660, b'0', 10),
        0x06F0..=0x06F9 => nth(0x06F0, b'0', 10),
        0x0966..=0x096F => nth(0x0966, b'0', 10),
        0x09E6..=0x09EF => nth(0x09E6, b'0', 10),
        0x0E50..=0x0E59 => nth(0x0E50, b'0', 10),
        0x2080..=0x2089 => nth(0x2080, b'0', 10),
        0x2460..=0x2468 => nth(0x2460, b'1', 10),
        _ => PLAIN.get(&c).copied().unwrap_or(c),
    }
}

/// [`LOOK_ALIKES`] by the look-alike.
static PLAIN: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let each = |(them, plain): &(&'static str, char)| {
        let plain = *plain;
        them.chars().map(move |c| (c, plain))
    };
    LOOK_ALIKES.iter().flat_map(each).collect()
});

/// Letters of other alphabets, of modifiers and with accents, by the letter they look like.
const LOOK_ALIKES: &[(&str, char)] = &[
    ("аɑαàáâãäåāăąǎᴀᵃª", 'a'),
    ("АΑÀÁÂÃÄÅᎪ", 'A'),
    ("ƅЬᵇʙ", 'b'),
    ("ВΒ", 'B'),
    ("сϲçćčᴄᶜ", 'c'),
    ("СϹÇᏟ", 'C'),
    ("ԁɗᴅᵈď", 'd'),
    ("еėęěèéêëēᴇᵉҽ", 'e'),
    ("ЕΕÈÉÊËᎬ", 'E'),
    ("ꜰᶠ", 'f'),
    ("ɡցɢᵍğ", 'g'),
    ("һհʜʰ", 'h'),
    ("НΗᎻ", 'H'),
    ("іıɩìíîïīɪᶦⁱι", 'i'),
    ("ІΙÌÍÎÏӀ", 'I'),
    ("јϳᴊʲ", 'j'),
    ("Ј", 'J'),
    ("ĸκᴋᵏк", 'k'),
    ("КΚ", 'K'),
    ("ӏⅼʟˡł", 'l'),
    ("ᴍᵐⅿ", 'm'),
    ("МΜ", 'M'),
    ("ոñńňɴⁿ", 'n'),
    ("ΝÑ", 'N'),
    ("оοօòóôõöøōᴏᵒσ", 'o'),
    ("ОΟÒÓÔÕÖØՕ", 'O'),
    ("рρᴘᵖ", 'p'),
    ("РΡ", 'P'),
    ("ԛզ", 'q'),
    ("гʀʳř", 'r'),
    ("ѕśšşꜱˢ", 's'),
    ("Ѕ", 'S'),
    ("тτᴛᵗ", 't'),
    ("ТΤ", 'T'),
    ("υսùúûüūᴜᵘ", 'u'),
    ("ՍÙÚÛÜ", 'U'),
    ("νѵᴠᵛ", 'v'),
    ("ԝᴡʷω", 'w'),
    ("хχˣ", 'x'),
    ("ХΧ", 'X'),
    ("уγýÿʏʸ", 'y'),
    ("УΥÝ", 'Y'),
    ("ᴢᶻžźż", 'z'),
    ("Ζ", 'Z'),
    ("⁰", '0'),
    ("¹", '1'),
    ("²", '2'),
    ("³", '3'),
    ("⁴", '4'),
    ("⁵", '5'),
    ("⁶", '6'),
    ("⁷", '7'),
    ("⁸", '8'),
    ("⁹", '9'),
    ("‐‑‒–—−﹣", '-'),
    ("․．", '.'),
    ("“”„‟″＂", '"'),
    ("‘’‚‛′＇", '\''),
];
