//! S1: keys that nobody knows, and keys that are missing, against `reference::KEYS`.

use super::{Table, Walk};
use crate::mask::names_a_secret;
use crate::reference::{self, Preset};

/// Notes every key of `table` that stands in no row of the table of keys, and every required key that
/// is not there.
pub(super) fn check(walk: &mut Walk<'_>, table: &Table<'_>) {
    let known = reference::children(&table.pattern);
    if known.contains(&"*") {
        return;
    }
    for (key, value) in table.entries.into_iter().flatten() {
        let name = key.get_ref().as_ref();
        // A secret in the clear is the greater mistake, and was noted with its own help.
        if known.contains(&name) || (names_a_secret(name) && !value.get_ref().is_table()) {
            continue;
        }
        let place = if table.path.is_empty() {
            "at the top".to_owned()
        } else {
            format!("in `[{}]`", table.path)
        };
        let help = match nearest(name, &known) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("known {place}: {}", known.join(", ")),
        };
        walk.mistake(
            key.span(),
            "unknown_key",
            format!("unknown key `{}` {place}", super::table::shown(name)),
        )
        .help(help);
    }
    if !table.is_there() {
        return;
    }
    let required = reference::section(&table.pattern)
        .into_iter()
        .flat_map(|section| section.keys);
    for key in required.filter(|key| key.preset == Preset::Required && !table.has(key.name)) {
        walk.mistake(
            table.span.clone(),
            "missing_key",
            format!("`[{}]` lacks `{}`", table.path, key.name),
        )
        .help(format!("add {} = {}. {}", key.name, key.example, key.doc));
    }
}

/// The one of `known` that was probably meant: alike from the front (Jaro–Winkler, the measure that
/// clap uses for its own hints), or one slip of the hand away.
pub(super) fn nearest<'k, K: AsRef<str>>(name: &str, known: &'k [K]) -> Option<&'k str> {
    let name = name.to_ascii_lowercase();
    let near = known.iter().map(AsRef::as_ref).filter(|word| *word != "*");
    near.map(|word| (strsim::jaro_winkler(&name, word), word))
        .filter(|(likeness, word)| {
            *likeness >= 0.8 || (name.len() >= 3 && strsim::osa_distance(&name, word) <= 1)
        })
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_hand_is_understood_and_another_word_is_not() {
        let known = ["listen", "drain", "trusted_proxies", "*"];
        assert_eq!(nearest("lisen", &known), Some("listen"));
        assert_eq!(nearest("trusted_proxy", &known), Some("trusted_proxies"));
        assert_eq!(nearest("Drain", &known), Some("drain"));
        assert_eq!(nearest("lob", &["lab", "openai"]), Some("lab"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest("", &known), None);
    }
}
