//! E3: a small language of word patterns, and texts cut into clauses of words.
//!
//! Of a line: `a|b` is one of several words, `a_b` two in a row, `?` behind it makes it optional, `*2` is up to two
//! words of any kind, `$NAME` is a set of words of the language, `!a|b` must not come next, `^` and `$` are the
//! beginning and the end of a text that is nothing else.

/// A part of a text between two marks of punctuation.
#[derive(Debug)]
pub(super) struct Clause<'t> {
    pub(super) text: &'t str,
    pub(super) words: Vec<&'t str>,
}

impl Clause<'_> {
    /// Whether these words stand in it, in this order and side by side.
    pub(super) fn contains(&self, phrase: &[String]) -> bool {
        self.words
            .windows(phrase.len())
            .any(|at| at.iter().zip(phrase).all(|(word, wanted)| *word == wanted))
    }
}

/// Cuts a folded text.
pub(super) fn clauses(text: &str) -> Vec<Clause<'_>> {
    let ends = |c: char| {
        matches!(
            c,
            '.' | '!'
                | '?'
                | ';'
                | ','
                | ':'
                | '\n'
                | '('
                | ')'
                | '。'
                | '！'
                | '？'
                | '、'
                | '，'
                | '،'
                | '؟'
                | '।'
                | '…'
        )
    };
    text.split(ends)
        .map(|text| Clause {
            text,
            words: text
                .split(|c: char| !is_of_a_word(c))
                .map(|word| word.trim_matches('\''))
                .filter(|word| !word.is_empty())
                .collect(),
        })
        .filter(|clause| !clause.words.is_empty())
        .collect()
}

/// Signs of Indic vowels are part of a word, and of no letter.
fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || c == '\'' || ('\u{0900}'..='\u{0DFF}').contains(&c)
}

#[derive(Debug)]
enum Slot {
    /// One of these, each one or more words.
    One(Vec<Vec<String>>, bool),
    /// Up to so many words of any kind.
    Any(usize),
    /// None of these comes next.
    Not(Vec<String>),
}

/// One pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    slots: Vec<Slot>,
    /// It must be all that the text says.
    whole: bool,
}

impl Pattern {
    /// Reads a line. `sets`: `NAME a|b c_d` lines.
    pub(super) fn parse(line: &str, sets: &str) -> Self {
        let mut slots = Vec::new();
        let mut whole = false;
        for part in line.split_whitespace() {
            if part == "^" || part == "$" {
                whole = true;
                continue;
            }
            if let Some(most) = part.strip_prefix('*') {
                slots.push(Slot::Any(most.parse().unwrap_or(1)));
                continue;
            }
            let (part, not) = part.strip_prefix('!').map_or((part, false), |rest| (rest, true));
            let (part, optional) = part.strip_suffix('?').map_or((part, false), |rest| (rest, true));
            let words: Vec<String> = part
                .split('|')
                .flat_map(|word| match word.strip_prefix('$') {
                    Some(name) => set(sets, name),
                    None => vec![word.to_owned()],
                })
                .collect();
            slots.push(if not {
                Slot::Not(words)
            } else {
                let words = words
                    .iter()
                    .map(|one| one.split('_').map(str::to_owned).collect());
                Slot::One(words.collect(), optional)
            });
        }
        Self { slots, whole }
    }

    /// The word at which it begins. `alone`: the clause is the whole text.
    pub(super) fn find(&self, clause: &Clause<'_>, alone: bool) -> Option<usize> {
        let words = &clause.words;
        if self.whole {
            return (alone && self.matches(words, &self.slots) == Some(words.len())).then_some(0);
        }
        (0..words.len()).find(|at| self.matches(&words[*at..], &self.slots).is_some())
    }

    /// How many words it takes from the beginning; the whole of them, where it must.
    fn matches(&self, words: &[&str], slots: &[Slot]) -> Option<usize> {
        let Some((slot, rest)) = slots.split_first() else {
            return (!self.whole || words.is_empty()).then_some(0);
        };
        match slot {
            Slot::Not(not) => {
                let next = words.first().copied().unwrap_or_default();
                if not.iter().any(|word| word == next) {
                    return None;
                }
                self.matches(words, rest)
            }
            Slot::Any(most) => (0..=(*most).min(words.len()))
                .find_map(|taken| self.matches(&words[taken..], rest).map(|more| taken + more)),
            Slot::One(alternatives, optional) => {
                for one in alternatives {
                    let fits = one.len() <= words.len()
                        && one.iter().zip(words).all(|(wanted, word)| wanted == word);
                    if fits && let Some(more) = self.matches(&words[one.len()..], rest) {
                        return Some(one.len() + more);
                    }
                }
                if *optional {
                    self.matches(words, rest)
                } else {
                    None
                }
            }
        }
    }
}

/// The words of a set: the line that begins with its name.
fn set(sets: &str, name: &str) -> Vec<String> {
    let line = sets.lines().map(str::trim).find_map(|line| {
        let (first, rest) = line.split_once(' ')?;
        (first == name).then_some(rest)
    });
    debug_assert!(line.is_some(), "no set {name}");
    line.unwrap_or_default()
        .split('|')
        .map(|word| word.trim().to_owned())
        .collect()
}
