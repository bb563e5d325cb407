//! S3, S4, S8: `[screening]`, `[agents.NAME.screening]` and the files that belong to an agent's texts.

use super::{Need, Table, Walk};
use crate::meant::{HiddenText, InjectionAction, PiiAction, ReadFile, Screening};

/// `[screening]`: what holds for every agent and model.
pub(super) fn all(walk: &mut Walk<'_>, root: &Table<'_>) -> Screening {
    let table = root.child(walk, "screening");
    read(walk, &table, &Screening::default())
}

/// What holds for one agent or model: its own keys, and the gateway's for the others.
pub(super) fn own(walk: &mut Walk<'_>, callee: &Table<'_>, preset: &Screening) -> Screening {
    let table = callee.child(walk, "screening");
    read(walk, &table, preset)
}

fn read(walk: &mut Walk<'_>, table: &Table<'_>, preset: &Screening) -> Screening {
    let texts = |walk: &mut Walk<'_>, name: &str| {
        let names = table.names(walk, name)?;
        Some(names.into_iter().map(|at| at.value).collect::<Vec<_>>())
    };
    let mut pii_kinds = preset.pii_kinds.clone();
    for (word, action) in PiiAction::WORDS {
        for kind in texts(walk, &format!("pii_kinds_{word}")).unwrap_or_default() {
            pii_kinds.retain(|(known, _)| *known != kind);
            pii_kinds.push((kind, action));
        }
    }
    Screening {
        injection: table
            .choice(walk, "injection", &InjectionAction::WORDS)
            .unwrap_or(preset.injection),
        user_threshold: table
            .count32(walk, "user_threshold")
            .unwrap_or(preset.user_threshold),
        data_threshold: table
            .count32(walk, "data_threshold")
            .unwrap_or(preset.data_threshold),
        hidden_text: table
            .choice(walk, "hidden_text", &HiddenText::WORDS)
            .unwrap_or(preset.hidden_text),
        pii: table.choice(walk, "pii", &PiiAction::WORDS).unwrap_or(preset.pii),
        pii_input: table
            .choice(walk, "pii_input", &PiiAction::WORDS)
            .unwrap_or(preset.pii_input),
        pii_kinds,
        pii_values: texts(walk, "pii_values").unwrap_or_else(|| preset.pii_values.clone()),
        own_data: table.flag(walk, "own_data").unwrap_or(preset.own_data),
        guard_system_messages: table
            .flag(walk, "guard_system_messages")
            .unwrap_or(preset.guard_system_messages),
        deny: texts(walk, "deny").unwrap_or_else(|| preset.deny.clone()),
        media_hosts: texts(walk, "media_hosts").unwrap_or_else(|| preset.media_hosts.clone()),
    }
}

/// A file whose text is part of what an agent is.
pub(super) fn file(walk: &mut Walk<'_>, table: &Table<'_>, name: &str) -> Option<ReadFile> {
    let written = table.text(walk, name)?;
    let path = walk.join(&written.value);
    let mut text = String::new();
    if walk.need == Need::Gateway {
        let read = crate::load::read_bounded(&path)
            .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other));
        match read {
            Ok(read) => text = read,
            Err(why) => {
                walk.mistake(
                    written.span,
                    "unreadable_file",
                    format!("cannot read {}: {why}", path.display()),
                )
                .help("check the path (relative to this file's folder) and that this user may read it; it is UTF-8 text");
            }
        }
    }
    Some(ReadFile { path, text })
}
