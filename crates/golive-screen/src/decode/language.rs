//! S8: whether text reads like a language, from how often one letter follows another. It tells text from its rot13,
//! its mirror image and from noise, in any language of the Latin alphabet that shares common letter pairs.
//!
//! Never: knows words, or judges what a text says.

/// What the letter pair costs: `-16 ln P(second | first)`. Row and column 0 are everything that is no letter, 1 to 26
/// are `a` to `z`; letters with marks count as their base letter.
///
/// Counted over English, German, Romanian, Spanish, Vietnamese and Turkish texts, English weighing as two of the others.
#[rustfmt::skip]
pub(super) const COST: [[u8; 27]; 27] = [
    [203, 40, 53, 40, 41, 49, 59, 56, 56, 47, 83, 58, 50, 53, 45, 55, 50, 68, 58, 44, 40, 60, 59, 56, 97, 66, 81],
    [25, 105, 63, 50, 58, 107, 79, 73, 78, 55, 91, 68, 43, 49, 29, 61, 69, 122, 37, 44, 39, 58, 80, 110, 102, 64, 77],
    [52, 25, 106, 66, 104, 26, 129, 131, 82, 28, 80, 111, 46, 115, 109, 38, 107, 110, 40, 66, 83, 41, 144, 109, 156, 67, 111],
    [35, 30, 139, 71, 130, 38, 133, 155, 28, 38, 174, 64, 63, 103, 95, 33, 143, 165, 59, 98, 47, 38, 128, 162, 172, 82, 101],
    [27, 34, 129, 131, 85, 17, 131, 100, 90, 30, 137, 116, 78, 84, 102, 41, 128, 126, 74, 81, 111, 47, 111, 112, 157, 85, 126],
    [19, 59, 84, 59, 53, 77, 79, 67, 87, 57, 115, 74, 46, 61, 31, 84, 78, 94, 32, 39, 54, 71, 75, 86, 78, 77, 84],
    [30, 39, 119, 89, 133, 39, 55, 86, 91, 31, 114, 140, 54, 97, 107, 23, 153, 157, 42, 93, 54, 38, 109, 153, 140, 93, 143],
    [20, 41, 117, 98, 130, 28, 129, 95, 57, 27, 101, 101, 60, 102, 73, 48, 80, 129, 46, 70, 85, 42, 163, 154, 139, 112, 163],
    [32, 25, 136, 111, 89, 23, 123, 140, 98, 34, 166, 120, 67, 89, 70, 34, 147, 161, 59, 88, 58, 41, 151, 110, 169, 93, 159],
    [28, 51, 78, 46, 61, 37, 71, 60, 101, 72, 100, 71, 48, 52, 27, 48, 67, 111, 53, 42, 46, 82, 67, 133, 115, 90, 72],
    [68, 20, 92, 123, 125, 23, 114, 129, 125, 39, 127, 129, 118, 131, 97, 25, 90, 129, 124, 80, 120, 32, 131, 121, 131, 131, 131],
    [27, 34, 96, 103, 96, 33, 133, 120, 40, 33, 152, 88, 44, 99, 70, 47, 129, 159, 67, 49, 45, 45, 152, 98, 159, 61, 98],
    [27, 26, 87, 64, 61, 29, 92, 82, 104, 37, 171, 78, 46, 64, 93, 40, 92, 169, 122, 66, 55, 46, 102, 94, 179, 68, 119],
    [27, 24, 63, 96, 94, 27, 102, 114, 106, 37, 168, 119, 74, 65, 81, 38, 42, 166, 132, 78, 93, 47, 154, 122, 165, 70, 120],
    [19, 43, 109, 59, 42, 38, 78, 35, 52, 49, 113, 85, 75, 83, 69, 54, 112, 134, 93, 53, 40, 60, 86, 113, 155, 80, 90],
    [26, 65, 71, 49, 63, 94, 61, 66, 81, 53, 94, 75, 48, 52, 26, 79, 61, 135, 33, 46, 53, 52, 73, 62, 86, 82, 95],
    [45, 32, 143, 81, 99, 28, 90, 122, 45, 50, 136, 157, 42, 85, 93, 35, 67, 166, 27, 69, 47, 46, 151, 162, 141, 104, 156],
    [62, 95, 73, 139, 133, 88, 137, 139, 139, 108, 137, 139, 105, 139, 139, 106, 90, 139, 135, 137, 104, 1, 139, 115, 139, 139, 139],
    [24, 34, 80, 71, 54, 28, 93, 69, 86, 34, 156, 77, 67, 57, 71, 40, 91, 131, 76, 55, 52, 50, 79, 96, 145, 75, 89],
    [19, 47, 97, 48, 104, 35, 90, 98, 66, 39, 141, 75, 70, 72, 95, 50, 58, 122, 97, 58, 28, 48, 114, 86, 166, 86, 121],
    [25, 36, 114, 97, 117, 28, 108, 101, 35, 34, 157, 103, 72, 88, 103, 41, 90, 180, 39, 69, 68, 52, 114, 91, 144, 70, 81],
    [30, 41, 72, 53, 68, 41, 82, 67, 86, 54, 104, 75, 40, 50, 32, 48, 61, 113, 39, 45, 49, 93, 95, 127, 131, 64, 77],
    [58, 24, 137, 128, 143, 18, 155, 130, 150, 22, 146, 105, 82, 150, 150, 31, 150, 155, 75, 122, 145, 61, 137, 152, 155, 130, 93],
    [40, 26, 144, 71, 120, 23, 125, 103, 40, 27, 145, 143, 52, 144, 62, 42, 115, 150, 79, 67, 80, 59, 150, 80, 152, 141, 150],
    [37, 33, 120, 65, 110, 46, 62, 120, 104, 23, 130, 130, 70, 111, 123, 96, 36, 126, 121, 120, 32, 39, 118, 118, 41, 69, 130],
    [13, 36, 81, 107, 63, 36, 121, 85, 140, 60, 158, 107, 67, 78, 71, 31, 52, 158, 88, 63, 68, 53, 139, 114, 113, 85, 102],
    [41, 23, 94, 77, 77, 27, 145, 84, 91, 33, 145, 134, 57, 72, 84, 35, 135, 143, 145, 141, 56, 33, 71, 58, 143, 84, 106],
];

/// Mean cost of a letter pair up to which text reads like a language: prose of the languages counted lies near 44,
/// letters drawn at random near 85.
const READS_WELL: u32 = 54;

/// Whether the text reads like a language. One of fewer than `fewest` letters does not.
pub(crate) fn reads_well(text: &str, fewest: usize) -> bool {
    text.bytes().filter(u8::is_ascii_alphabetic).count() >= fewest
        && mean_cost(text).is_some_and(|mean| mean <= READS_WELL)
}

/// Mean cost of the letter pairs in the text; none if there are fewer than four.
pub(super) fn mean_cost(text: &str) -> Option<u32> {
    let mut sum = 0u64;
    let mut pairs = 0u64;
    let mut before = 0;
    for &byte in text.as_bytes() {
        let letter = letter(byte);
        if before | letter != 0 {
            sum += u64::from(cost(before, letter));
            pairs += 1;
        }
        before = letter;
    }
    // A mean of bytes is a byte.
    (pairs >= 4).then(|| (sum / pairs) as u32)
}

/// How many words of the text are among the commonest of their language.
pub(super) fn common_words(text: &str) -> usize {
    let words = text
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| word.len() >= 3);
    words
        .filter(|word| COMMON.iter().any(|common| common.eq_ignore_ascii_case(word)))
        .count()
}

/// Words of three letters or more that are met in nearly every text of their language, none of them a word of another
/// one when read backwards.
#[rustfmt::skip]
const COMMON: &[&str] = &[
    // English
    "the", "and", "you", "your", "for", "that", "this", "with", "all", "are", "have", "from", "what", "how", "please",
    "any", "about", "will", "can", "not", "previous", "instructions", "system", "prompt", "ignore",
    // German, Dutch
    "der", "die", "und", "ist", "nicht", "ein", "eine", "mit", "den", "das", "sie", "alle", "het", "een", "van", "niet",
    // French, Spanish, Italian, Portuguese, Romanian
    "les", "des", "vous", "une", "est", "pour", "que", "los", "las", "por", "para", "una", "con", "tus", "che",
    "non", "per", "della", "uma", "seu", "sau", "pentru", "este",
    // Turkish, Polish, Indonesian, Vietnamese without marks
    "bir", "nie", "jest", "yang", "dan", "cho", "nhung",
];

/// 1 to 26 for a letter of either case, 0 for anything else.
pub(super) const fn letter(byte: u8) -> u8 {
    if byte.is_ascii_alphabetic() {
        byte & 0x1F
    } else {
        0
    }
}

/// Cost of a pair of letters as [`letter`] numbers them.
pub(super) const fn cost(first: u8, second: u8) -> u8 {
    COST[first as usize][second as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_reads_well_and_its_disguises_do_not() {
        for prose in [
            "Please show me the weather for tomorrow morning",
            "Wo finde ich die Rechnung von letzter Woche?",
            "quiero cambiar la fecha de mi reserva por favor",
        ] {
            assert!(reads_well(prose, 12), "{prose}: {:?}", mean_cost(prose));
            let turned: String = prose
                .bytes()
                .map(|byte| char::from(super::super::undo::rot13(byte)))
                .collect();
            assert!(!reads_well(&turned, 12), "{turned}: {:?}", mean_cost(&turned));
        }
        assert!(!reads_well("xq zvkw bgtpd jjhx", 12));
        assert!(!reads_well("hi", 12));
    }
}
