//! E1: some forty shapes of the inside in a text: traces, files, addresses, providers, databases, exceptions, requests,
//! keys, templates.
//!
//! Never: counts a text that the caller sent as told by the target.

use super::shapes::{EXACT, FOLDED, PROVIDERS, WORDS};

/// Every shape found in `text`, each once: what it is, and the word that shows it. Nothing that stands in `sent` counts.
pub(crate) fn leaks(text: &str, sent: &str, allowed: &[String], internal: &[String]) -> Vec<String> {
    let lower = text.to_lowercase();
    let sent_lower = sent.to_lowercase();
    let mut found: Vec<String> = Vec::new();
    let mut add = |what: &str, shown: &str| {
        let line = format!("{what}: `{}`", crate::target::shorten(shown.trim(), 60));
        if !found.contains(&line) {
            found.push(line);
        }
    };
    for (what, needles) in EXACT {
        for needle in needles
            .iter()
            .filter(|needle| text.contains(**needle) && !sent.contains(**needle))
        {
            add(what, needle);
        }
    }
    for (what, needles) in FOLDED {
        for needle in needles
            .iter()
            .filter(|one| lower.contains(**one) && !sent_lower.contains(**one))
        {
            add(what, needle);
        }
    }
    for name in PROVIDERS {
        let is_allowed = allowed.iter().any(|one| one.eq_ignore_ascii_case(name));
        if !is_allowed && has_word(&lower, name) && !has_word(&sent_lower, name) {
            add("the name of a provider", name);
        }
    }
    for name in internal {
        if has_word(&lower, &name.to_lowercase()) && !has_word(&sent_lower, &name.to_lowercase()) {
            add("an internal name", name);
        }
    }
    for word in text.split(is_border).filter(|word| word.len() > 2) {
        let word = word.trim_end_matches(['.', ':', '!', '?']);
        if sent.contains(word) {
            continue;
        }
        for (what, is) in WORDS {
            if is(word) {
                add(what, word);
                break;
            }
        }
    }
    found
}

fn is_border(c: char) -> bool {
    c.is_whitespace() || "\"'`()[]{}<>,;=|".contains(c)
}

/// Whether a word stands in a text by itself.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            let free = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            free(before) && free(after)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        leaks(text, "", &[], &[])
    }

    #[test]
    fn the_inside_is_found_in_many_shapes() {
        for (text, what) in [
            ("Traceback (most recent call last)", "a stack trace"),
            ("failed in /srv/app/main.py", "the path of a file"),
            ("see C:\\agent\\bin", "the path of a file"),
            ("serving.py:412 failed", "a place in source code"),
            ("cannot reach 10.11.12.13 today", "an address"),
            ("cannot reach db:5432", "an address"),
            ("cannot reach gpu-3.example.net:8000.", "an address"),
            ("upstream http://models/v1 said no", "a URL of the inside"),
            ("raised ConnectionError again", "the name of an exception"),
            ("java.lang.NullPointerException", "the name of an exception"),
            ("set OPENAI_API_KEY first", "the name of a variable"),
            ("Azure is down", "the name of a provider"),
            ("gpt-4o is overloaded", "the name of a model"),
            ("pod api-6d5f7c9b48-x2x9q died", "the name of a pod"),
            ("SELECT name FROM users", "SQL"),
            ("redis://cache/0", "the address of a database"),
            ("connection refused by the model", "an error of the network"),
            ("error sending request for url", "an error of the network"),
            ("golive_gateway::dispatch failed", "a module's path"),
            ("Dear {{name}}, sorry", "an unfilled template"),
            ("Expecting value: line 1", "an error of a parser"),
            ("nginx/1.25 says no", "the name of a server"),
            ("at 0x7f33aa01", "a place in memory"),
            ("{\"messages\": []}", "a dump of a request"),
        ] {
            assert!(
                found(text).iter().any(|one| one.starts_with(what)),
                "{text}: {:?}",
                found(text)
            );
        }
    }

    #[test]
    fn all_of_the_inside_that_the_lab_tells_is_found() {
        assert!(found(super::super::cases::INSIDE).len() >= 10);
    }

    #[test]
    fn friendly_messages_tell_nothing() {
        for text in [
            "I am sorry, I cannot answer just now. Please try again in a minute.",
            "The model did not answer in time. Try again, or call us at 0800 123 456 (Mon-Fri, 9:00-17:00).",
            "Es tut uns leid: Um 14:30 Uhr sind wir wieder da. Mehr unter https://status.example.com/today.",
            "upstream_timeout",
            "api_error",
            "req_5f2e9c01aa",
            "Too many requests are waiting. Please come back in 20 seconds.",
            "Please select one of the other topics.",
        ] {
            assert_eq!(found(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn what_the_caller_sent_and_what_is_allowed_does_not_count() {
        assert!(leaks("model openai/gpt-4o", "\"model\":\"openai/gpt-4o\"", &[], &[]).is_empty());
        assert!(leaks("Azure is down", "", &["azure".to_owned()], &[]).is_empty());
        assert_eq!(
            leaks("billing-db is down", "", &[], &["billing-db".to_owned()]).len(),
            1
        );
    }
}
