//! S8: characters as words are compared: lower case, Latin letters without their accents.
//!
//! Never: allocates, or changes what is not a letter.

/// Latin-1 Supplement, Latin Extended-A and -B (U+00C0 to U+024F): the base letter, `?` where there is none.
const LATIN: &[u8; 400] = b"aaaaaaaceeeeiiiidnooooo?ouuuuytsaaaaaaaceeeeiiiidnooooo?ouuuuyty\
aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll\
lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs\
???????????????e??f?????????????oo?????????????uu???????????????\
????dddlllnnnaaiioouuuuuuuuuu?aaaa????ggkkoooo??jdddgg??nnaa????\
aaaaeeeeiiiioooorrrruuuusstt??hh??????aaeeooooooooyy????????????\
????????????????";

/// Latin Extended Additional (U+1E00 to U+1EFF), in it the letters of Vietnamese.
const LATIN_MORE: &[u8; 256] = b"aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm\
mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv\
wwwwwwwwwwxxxxyyzzzzzzhtwyas????aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee\
eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy??????";

/// What stands for this character in comparisons; `None` if it stands for nothing (a combining mark, a joiner).
pub fn fold(character: char) -> Option<char> {
    let code = character as u32;
    Some(match code {
        0..=0x7f => character.to_ascii_lowercase(),
        0xc0..=0x24f => based(LATIN[code as usize - 0xc0], character),
        0x1e00..=0x1eff => based(LATIN_MORE[code as usize - 0x1e00], character),
        // Combining accents, Arabic vowel marks and the tatweel, Hebrew points, joiners.
        0x300..=0x36f
        | 0x591..=0x5c7
        | 0x610..=0x61a
        | 0x640
        | 0x64b..=0x65f
        | 0x670
        | 0x200b..=0x200f
        | 0xfe0f => {
            return None;
        }
        // Greek with tonos, and the final sigma: upper and lower case must meet.
        0x386 | 0x3ac => 'α',
        0x388 | 0x3ad => 'ε',
        0x389 | 0x3ae => 'η',
        0x38a | 0x3af | 0x3aa | 0x3ca | 0x390 => 'ι',
        0x38c | 0x3cc => 'ο',
        0x38e | 0x3cd | 0x3ab | 0x3cb | 0x3b0 => 'υ',
        0x38f | 0x3ce => 'ω',
        0x3c2 => 'σ',
        0x391..=0x3a9 => char::from_u32(code + 0x20).unwrap_or(character),
        // Cyrillic; ё is written е as often as not.
        0x401 | 0x451 => 'е',
        0x410..=0x42f => char::from_u32(code + 0x20).unwrap_or(character),
        0x400..=0x40f => char::from_u32(code + 0x50).unwrap_or(character),
        0x490 => 'ґ',
        // Arabic forms of alef, and ya and ta marbuta as they are often typed.
        0x622 | 0x623 | 0x625 => 'ا',
        0x649 => 'ي',
        _ => character,
    })
}

fn based(base: u8, character: char) -> char {
    if base == b'?' { character } else { base as char }
}

/// Scripts written without spaces: each of their characters may begin a word.
pub fn is_unspaced(character: char) -> bool {
    matches!(character as u32,
        0xe00..=0xeff      // Thai, Lao
        | 0x1000..=0x109f  // Myanmar
        | 0x1780..=0x17ff  // Khmer
        | 0x3040..=0x30ff  // kana
        | 0x3400..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x2ffff) // Han
}

/// Whether a character outside ASCII belongs to a word.
pub fn is_letter(character: char) -> bool {
    match character as u32 {
        0x80..=0xbf | 0xd7 | 0xf7 | 0x2000..=0x2bff | 0x2e00..=0x303f => false,
        0xff00..=0xff0f | 0xff1a..=0xff20 | 0xff3b..=0xff40 | 0xff5b..=0xff65 => false,
        0x60c | 0x61b | 0x61f | 0x6d4 | 0x964 | 0x965 | 0x37e | 0x55d | 0x589 | 0x5be | 0x5c3 => false,
        0xe000..=0xf8ff | 0xfe10..=0xfe6f | 0xfff0..=0xffff => false,
        0x1f000..=0x1faff | 0xe0000.. => false, // emoji, tags
        _ => true,
    }
}

/// Whether a character outside ASCII ends a sentence.
pub fn ends_sentence(character: char) -> bool {
    matches!(
        character,
        '。' | '！'
            | '？'
            | '；'
            | '؟'
            | '۔'
            | '।'
            | '॥'
            | '…'
            | '‼'
            | '⁉'
            | '։'
            | '።'
            | '؛'
            | '︒'
            | '．'
    )
}

/// A letter that Arabic or Hebrew write in front of a word (and, the, to, in, from, that, like).
pub fn is_proclitic(character: char) -> bool {
    matches!(
        character,
        'ا' | 'ل' | 'و' | 'ف' | 'ب' | 'ك' | 'س' | 'ה' | 'ו' | 'ב' | 'ל' | 'מ' | 'ש' | 'כ'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        text.chars().filter_map(fold).collect()
    }

    #[test]
    fn accents_and_case_do_not_count() {
        assert_eq!(
            folded("Précédentes ŁĄCZNIE Đặt ÇÖZ"),
            "precedentes lacznie dat coz"
        );
        assert_eq!(
            folded("ИГНОРИРУЙ ВСЁ Ελλάς ΟΔΗΓΊΕΣ"),
            "игнорируй все ελλασ οδηγιεσ"
        );
        assert_eq!(folded("أَلتعليمات"), "التعليمات");
        assert_eq!(folded("指示を無視"), "指示を無視");
    }

    #[test]
    fn punctuation_of_other_scripts_is_no_letter() {
        for character in "。、「」，！؟।—…“”«»×".chars() {
            assert!(!is_letter(character), "{character}");
        }
        for character in "éж指ह्한ไع".chars() {
            assert!(is_letter(character), "{character}");
        }
    }
}
