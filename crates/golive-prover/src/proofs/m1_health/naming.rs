//! M1: whether the dependency that turned bad is the one that was broken. Pure.
//!
//! The target's name for it is not known; it resembles the lab's name of the provider or the target's model, or it
//! speaks of upstreams and models. If nothing resembles it, what turned bad is shown and a person must look.

use super::reading::{Dependency, State};

/// What a health answer said of the broken dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Naming {
    /// The right one, and no other.
    Right(String),
    /// Something turned bad that may be it.
    Unclear(String),
    /// Nothing turned bad.
    Nobody,
    /// Another one, or others too.
    Wrong(String),
}

/// Words for the place a model is called at.
const MODEL_WORDS: &[&str] = &[
    "upstream",
    "provider",
    "model",
    "llm",
    "openai",
    "anthropic",
    "backend",
    "agent",
    "inference",
    "gpt",
    "claude",
];

/// Reads two documents: what turned bad between them, `before` the break and `now`. `hints` are the names the
/// provider may go by.
pub(super) fn judge(hints: &[&str], before: &[Dependency], now: &[Dependency]) -> Naming {
    let was_bad = |name: &str| {
        before
            .iter()
            .any(|one| one.name == name && one.state == State::Down)
    };
    let turned: Vec<&str> = now
        .iter()
        .filter(|one| one.state != State::Up && !was_bad(&one.name))
        .filter(|one| {
            one.state == State::Down
                || before
                    .iter()
                    .any(|was| was.name == one.name && was.state < one.state)
        })
        .map(|one| one.name.as_str())
        .collect();
    if turned.is_empty() {
        return Naming::Nobody;
    }
    let all: Vec<&str> = before.iter().chain(now).map(|one| one.name.as_str()).collect();
    let like = |words: &[&str], name: &str| {
        let name = name.to_lowercase();
        words
            .iter()
            .any(|word| word.len() > 1 && name.contains(&word.to_lowercase()))
    };
    let words = match all.iter().any(|name| like(hints, name)) {
        true => hints,
        false => MODEL_WORDS,
    };
    if !all.iter().any(|name| like(words, name)) {
        return Naming::Unclear(turned.join(", "));
    }
    let (right, wrong): (Vec<&str>, Vec<&str>) = turned.iter().partition(|name| like(words, name));
    match (right.is_empty(), wrong.is_empty()) {
        (false, true) => Naming::Right(right.join(", ")),
        _ => Naming::Wrong(wrong.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(all: &[(&str, State)]) -> Vec<Dependency> {
        all.iter()
            .map(|(name, state)| Dependency {
                name: (*name).to_owned(),
                state: *state,
            })
            .collect()
    }

    #[test]
    fn the_right_name_is_known_by_the_provider_or_by_the_word_upstream() {
        use State::{Down, Up};
        let before = named(&[
            ("store", Up),
            ("upstream/main:reachable", Up),
            ("upstream/spare:reachable", Up),
        ]);
        let broken = named(&[
            ("store", Up),
            ("upstream/main:reachable", Down),
            ("upstream/spare:reachable", Up),
        ]);
        assert!(matches!(judge(&["main"], &before, &broken), Naming::Right(_)));
        assert!(matches!(judge(&["primary"], &before, &broken), Naming::Right(_)));
        assert!(matches!(judge(&["spare"], &before, &broken), Naming::Wrong(_)));
        let store = named(&[("store", Down), ("upstream/main:reachable", Up)]);
        assert_eq!(
            judge(&["primary"], &before, &store),
            Naming::Wrong("store".into())
        );
        let both = named(&[("store", Down), ("upstream/main:reachable", Down)]);
        assert_eq!(judge(&["primary"], &before, &both), Naming::Wrong("store".into()));
        assert_eq!(judge(&["primary"], &before, &before), Naming::Nobody);
        let odd = (named(&[("x", Up)]), named(&[("x", Down)]));
        assert_eq!(judge(&["primary"], &odd.0, &odd.1), Naming::Unclear("x".into()));
    }
}
