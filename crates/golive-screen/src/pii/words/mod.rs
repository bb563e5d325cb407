//! S4: the words that stand beside personal data, in the languages of the countries.
//!
//! Words are written in lower case; capitals are found too, and letters with accents also without them. A word of
//! letters counts only whole; words of scripts without blanks count anywhere.
//!
//! Never: one word for everything; "number" and "id" alone say nothing.

mod against;
mod label;
mod national;

use super::kind::{Kind, Kinds};

/// What a word says about what stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// One of these kinds.
    One(Kinds),
    /// One of these kinds, and surely: a value of one word is enough.
    Surely(Kinds),
    /// Something else: an order, a version, a time.
    Another,
    /// Nothing; it stands here because a word inside it would say something.
    Nothing,
}

pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) says: Says,
}

/// All words, also without their accents.
pub(crate) fn all() -> Vec<Word> {
    let mut words = Vec::new();
    let mut add = |list: &str, says: Says| {
        for word in list.split('|').map(str::trim).filter(|word| !word.is_empty()) {
            words.push(Word {
                text: word.to_owned(),
                says,
            });
            let plain: String = word.chars().map(without_accent).collect();
            if plain != word && plain.is_ascii() {
                words.push(Word { text: plain, says });
            }
            // Upper case of what is not ASCII: `ÉTAT`. The search folds ASCII only.
            let upper = word.to_uppercase();
            if !word.is_ascii() && upper != word && !upper.is_ascii() {
                words.push(Word {
                    text: upper.clone(),
                    says,
                });
                let title: String = word
                    .chars()
                    .take(1)
                    .flat_map(char::to_uppercase)
                    .chain(word.chars().skip(1))
                    .collect();
                if title != word && title != upper {
                    words.push(Word { text: title, says });
                }
            }
        }
    };
    for (kinds, list) in national::WORDS.iter().chain(label::WORDS) {
        add(list, Says::One(Kinds::of(kinds)));
    }
    for (kinds, list) in label::SURE {
        add(list, Says::Surely(Kinds::of(kinds)));
    }
    add(against::ANOTHER, Says::Another);
    add(against::NOTHING, Says::Nothing);
    words.sort_by(|a, b| a.text.cmp(&b.text));
    // The same word for several kinds says all of them.
    let mut joined: Vec<Word> = Vec::with_capacity(words.len());
    for word in words {
        match joined.last_mut() {
            Some(last) if last.text == word.text => last.says = last.says.and(word.says),
            _ => joined.push(word),
        }
    }
    joined
}

/// Adds words of the operator's own; one that is there already says both.
pub(crate) fn add(words: &mut Vec<Word>, text: &str, says: Says) {
    let text = text.to_lowercase();
    match words.iter_mut().find(|word| word.text == text) {
        Some(word) => word.says = word.says.and(says),
        None => words.push(Word { text, says }),
    }
}

impl Says {
    fn and(self, other: Says) -> Says {
        match (self, other) {
            (Says::One(a), Says::One(b)) => Says::One(a.and(b)),
            (Says::One(a) | Says::Surely(a), Says::One(b) | Says::Surely(b)) => Says::Surely(a.and(b)),
            (Says::Another | Says::Nothing, kinds) | (kinds, _) => kinds,
        }
    }

    pub(crate) fn kinds(self) -> Kinds {
        match self {
            Says::One(kinds) | Says::Surely(kinds) => kinds,
            Says::Another | Says::Nothing => Kinds::NONE,
        }
    }
}

/// The kinds whose values are found only behind a word for them.
pub(crate) fn told_by_words() -> Kinds {
    static TOLD: std::sync::LazyLock<Kinds> = std::sync::LazyLock::new(|| {
        Kinds::of(&[
            Kind::Person,
            Kind::Location,
            Kind::DateOfBirth,
            Kind::SecretPassword,
            Kind::SecretAwsSecret,
            Kind::SecretApiKey,
        ])
    });
    *TOLD
}

fn without_accent(c: char) -> char {
    match c {
        'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' | 'ą' => 'a',
        'é' | 'è' | 'ê' | 'ë' | 'ę' | 'ě' => 'e',
        'í' | 'ì' | 'î' | 'ï' | 'ı' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'ő' => 'o',
        'ú' | 'ù' | 'û' | 'ü' | 'ů' | 'ű' => 'u',
        'ç' | 'č' | 'ć' => 'c',
        'ñ' | 'ń' => 'n',
        'ş' | 'š' | 'ș' | 'ś' => 's',
        'ž' | 'ż' | 'ź' => 'z',
        'ř' => 'r',
        'ý' => 'y',
        'ğ' => 'g',
        'ł' => 'l',
        'ț' => 't',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_lower_case_once_and_not_too_short() {
        for word in all() {
            assert!(word.text.len() >= 2 && word.text.len() <= 80, "{}", word.text);
            assert!(
                !word.text.bytes().any(|b| b.is_ascii_uppercase()) || !word.text.is_ascii(),
                "{}",
                word.text
            );
        }
    }
}
