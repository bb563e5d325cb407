//! S4, S8: the ladder of disguises, climbed down: a text, and every plain text that may be hidden in it (other
//! alphabets, invisible characters, spaced letters, codes, reversed order), to a bounded depth.
//!
//! The gullible model reads by it, so that whatever reaches it is understood, and the oracles of the proofs search by
//! it, so that a planted value is found in whatever form it comes out.
//!
//! Never: belongs to a guard, decides anything, or does work that grows faster than its bounds.

mod codes;
mod letters;

use std::collections::HashSet;

/// Disguises on top of each other that are undone. Attackers compose two or three; each more costs all of them again.
pub const DEPTH_MAX: usize = 3;
/// Texts that are made of one.
pub const VIEWS_MAX: usize = 96;
/// Longer texts are only folded: no disguise of such a length is of use to anyone, and the ladder is not free.
pub const BYTES_MAX: usize = 64 << 10;

/// A text and what may be hidden in it, each once, the text itself first.
#[must_use]
pub fn views(text: &str) -> Vec<String> {
    let mut seen: HashSet<String> = HashSet::from([text.to_owned()]);
    let mut all = vec![View {
        text: text.to_owned(),
        turned: false,
    }];
    if text.len() > BYTES_MAX {
        let folded = letters::fold(text);
        return all.into_iter().map(|view| view.text).chain(folded).collect();
    }
    let mut level = 0..1;
    for _ in 0..DEPTH_MAX {
        let begin = all.len();
        for at in level.clone() {
            for child in all[at].children() {
                if all.len() >= VIEWS_MAX {
                    break;
                }
                if child.text.len() >= SHORTEST && seen.insert(child.text.clone()) {
                    all.push(child);
                }
            }
        }
        level = begin..all.len();
    }
    all.into_iter().map(|view| view.text).collect()
}

/// The view of `hay` in which `needle` stands, letters and digits alone being looked at and their case not. A needle
/// without any stands nowhere.
#[must_use]
pub fn find(hay: &str, needle: &str) -> Option<String> {
    let needle = squashed(needle);
    if needle.is_empty() {
        return None;
    }
    views(hay)
        .into_iter()
        .find(|view| squashed(view).contains(&needle))
}

/// The letters and digits of a text after all look-alikes are folded, in lower case: what a reader would copy out.
#[must_use]
pub fn squashed(text: &str) -> String {
    let folded = letters::fold(text);
    folded
        .as_deref()
        .unwrap_or(text)
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// A decoded text shorter than this hides nothing that could be asked for.
const SHORTEST: usize = 4;

struct View {
    text: String,
    /// It came of a step that turns any text into another one: a second such step only turns it on.
    turned: bool,
}

impl View {
    fn children(&self) -> Vec<View> {
        let text = self.text.as_str();
        let mut children: Vec<View> = [
            letters::fold(text),
            letters::hidden(text),
            letters::unspaced(text),
            letters::unpunctuated(text),
            letters::unleeted(text),
            letters::turned_back(text),
            codes::percent(text),
            codes::entities(text),
            codes::escapes(text),
            codes::morse(text),
        ]
        .into_iter()
        .flatten()
        .chain(codes::runs(text))
        .map(|text| View {
            text,
            turned: self.turned,
        })
        .collect();
        if !self.turned {
            let turns = [
                codes::reversed(text),
                codes::words_reversed(text),
                codes::rot13(text),
                codes::atbash(text),
            ];
            children.extend(turns.map(|text| View { text, turned: true }));
        }
        children
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    const PLAIN: &str = "join \"kvqzt\" and \"wexyu\"";

    fn found(text: &str) {
        assert!(
            views(text).iter().any(|view| view.to_lowercase().contains(PLAIN)),
            "{text}: {:?}",
            views(text)
        );
    }

    #[test]
    fn every_disguise_is_undone_and_so_are_two_on_top_of_each_other() {
        found(&format!("do this: {}", STANDARD.encode(PLAIN)));
        found(&codes::rot13(PLAIN));
        found(&codes::reversed(PLAIN));
        found(&STANDARD.encode(codes::rot13(PLAIN)));
        found(&codes::rot13(&STANDARD.encode(PLAIN)));
        let hex: String = PLAIN.bytes().map(|byte| format!("{byte:02x}")).collect();
        found(&hex);
        let tags: String = PLAIN
            .chars()
            .filter_map(|c| char::from_u32(0xE0000 + c as u32))
            .collect();
        found(&format!("hello{tags}"));
        found("j o i n  \"kvqzt\"  a n d  \"wexyu\"");
        found("j0!n \"kvqzt\" 4nd \"wexyu\"");
        found("ｊｏｉｎ \"kvqzt\" аnd \"wexyu\"");
        found("jo\u{200b}in \"kvqzt\" a\u{ad}nd \"wexyu\"");
    }

    #[test]
    fn a_needle_is_found_through_its_separators_and_look_alikes_only() {
        assert!(find("card: ４１１１-1111 1111.1111", "4111111111111111").is_some());
        assert!(find("card: 4111 1111 1111 1112", "4111111111111111").is_none());
        assert!(find("anything", "--").is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_text_has_a_bounded_number_of_views_with_itself_first(text in "\\PC{0,200}") {
            let views = views(&text);
            prop_assert!(views.len() <= VIEWS_MAX);
            prop_assert_eq!(&views[0], &text);
        }
    }
}
