//! S3: deny rules find words in every disguise, and refuse what would cost too much.

use golive_screen::normalise::Normalised;
use golive_screen::validate::deny::{BadRule, DenyList, Rule};

fn list(patterns: &[&str]) -> Result<DenyList, BadRule> {
    let rules: Vec<Rule> = patterns
        .iter()
        .map(|pattern| Rule {
            name: format!("no {pattern}"),
            pattern: (*pattern).to_owned(),
        })
        .collect();
    DenyList::new(&rules)
}

#[test]
fn a_word_is_found_in_every_disguise() {
    let list = list(&["project falcon", "ÜBERNAHME"]).unwrap();
    for text in [
        "what is Project Falcon?",
        "what is pro\u{200b}ject falcon?",
        "what is prоjеct fаlcon?",
        "what is project%20falcon?",
        "what is cHJvamVjdCBmYWxjb24gcGxlYXNl",
        "die übernahme",
    ] {
        assert!(list.find(&Normalised::of(text)).is_some(), "{text}");
    }
    assert_eq!(list.find(&Normalised::of("what is project hawk?")), None);
}

#[test]
fn a_hit_names_its_rule_and_its_place() {
    let list = list(&["hawk", "fal[ck]on"]).unwrap();
    let text = "the fal\u{ad}kon";
    let normal = Normalised::of(text);
    let hit = list.find(&normal).unwrap();
    assert_eq!((hit.rule, &text[hit.at]), ("no fal[ck]on", "fal\u{ad}kon"));
}

#[test]
fn a_bad_pattern_says_what_is_wrong() {
    let message = |pattern: &str| list(&["fine", pattern]).unwrap_err().to_string();
    assert_eq!(
        message("a(b"),
        "the pattern of deny rule `no a(b` cannot be read: unclosed group"
    );
    assert!(message("a(?=b)").contains("look-around"), "{}", message("a(?=b)"));
    assert!(
        message(r"\w{1000}{1000}").contains("too large"),
        "{}",
        message(r"\w{1000}{1000}")
    );
    assert!(message("x*").contains("matches the empty text"));
    assert!(message(&"a".repeat(2_000)).contains("too large"));
    assert_eq!(list(&["a"; 300]).unwrap_err(), BadRule::TooMany);
}

#[test]
fn no_rules_find_nothing() {
    assert_eq!(list(&[]).unwrap().find(&Normalised::of("anything")), None);
}

#[test]
fn a_pattern_that_ruins_backtrackers_takes_linear_time() {
    let list = list(&["(a+)+b", "(x|x)*y"]).unwrap();
    let text = "a".repeat(1 << 20);
    assert_eq!(list.find(&Normalised::of(&text)), None);
}
