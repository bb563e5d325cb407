//! E4: `[translation]`, of the gateway and of its agents and models.

use super::{Table, Walk};
use crate::meant::{Translation, Unsupported};

/// What holds for one, or for all: its own keys, and `preset` for the others.
pub(super) fn read(walk: &mut Walk<'_>, at: &Table<'_>, preset: &Translation) -> Translation {
    let table = at.child(walk, "translation");
    let mut parameters = preset.parameters.clone();
    for (word, unsupported) in Unsupported::WORDS {
        for name in table.names(walk, word).unwrap_or_default() {
            parameters.retain(|(known, _)| *known != name.value);
            parameters.push((name.value, unsupported));
        }
    }
    Translation {
        unsupported: table
            .choice(walk, "unsupported", &Unsupported::WORDS)
            .unwrap_or(preset.unsupported),
        parameters,
        output: table.count(walk, "output").unwrap_or(preset.output),
    }
}
