//! S4, S8: letters in disguise: other alphabets that look the same, invisible characters between them, spaces and signs
//! between them, digits for letters.
//!
//! Never: changes what is plain. A step that finds nothing to undo gives `None`.

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
    let letters: Vec<&str> = text.split(' ').collect();
    let single = |word: &&str| word.chars().count() == 1;
    if letters.windows(4).all(|four| !four.iter().all(single)) {
        return None;
    }
    let words = text.split("  ").map(|word| {
        let pieces: Vec<&str> = word.split(' ').collect();
        if pieces.len() > 1 && pieces.iter().all(|piece| piece.chars().count() <= 2) {
            pieces.concat()
        } else {
            word.to_owned()
        }
    });
    Some(words.collect::<Vec<_>>().join(" "))
}

/// `i.g.n.o.r.e`: the sign between single characters taken out.
pub(super) fn unpunctuated(text: &str) -> Option<String> {
    let mut changed = false;
    let words = text.split(' ').map(|word| {
        let chars: Vec<char> = word.chars().collect();
        let sign = chars.get(1).copied().filter(|c| SIGNS.contains(c));
        let Some(sign) = sign else {
            return word.to_owned();
        };
        let every_other = chars.chunks(2).all(|two| {
            two[0].is_alphanumeric() && two.get(1).is_none_or(|c| *c == sign || !c.is_alphanumeric())
        });
        if chars.len() < 5 || !every_other {
            return word.to_owned();
        }
        changed = true;
        chars.iter().filter(|c| **c != sign).collect()
    });
    let words: Vec<String> = words.collect();
    changed.then(|| words.join(" "))
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
        _ => LOOK_ALIKES
            .iter()
            .find(|(them, _)| them.contains(c))
            .map_or(c, |(_, plain)| *plain),
    }
}

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
