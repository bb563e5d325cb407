//! S3, S4, S8: `[screening]`, `[agents.NAME.screening]` and the files that belong to an agent's texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Need, Table, Walk, unknown};
use crate::meant::{
    CustomKind, ExternalScreen, HiddenText, InjectionAction, MediaSection, PiiAction, ReadFile, Screening,
};

/// The screens outside of golive, by name.
pub(super) type Screens = BTreeMap<String, Arc<ExternalScreen>>;

/// The checksums that a kind may have.
const CHECKSUMS: [(&str, &str); 4] = [
    ("luhn", "luhn"),
    ("mod97", "mod97"),
    ("mod11_10", "mod11_10"),
    ("verhoeff", "verhoeff"),
];

/// `[screening]`: what holds for every agent and model.
pub(super) fn all(walk: &mut Walk<'_>, root: &Table<'_>, screens: &Screens) -> Screening {
    let table = root.child(walk, "screening");
    let preset = Screening {
        kinds: kinds(walk, &table),
        ..Screening::default()
    };
    read(walk, &table, &preset, screens)
}

/// `[screening.kinds.NAME]`. Whether their patterns hold what their examples promise, the gateway finds out.
fn kinds(walk: &mut Walk<'_>, screening: &Table<'_>) -> Vec<CustomKind> {
    let tables = screening.child(walk, "kinds").named(walk);
    let mut kinds = Vec::with_capacity(tables.len());
    for (name, table) in tables {
        let texts = |walk: &mut Walk<'_>, key: &str| -> Vec<String> {
            let written = table.names(walk, key).unwrap_or_default();
            written.into_iter().map(|at| at.value).collect()
        };
        let (context, examples) = (texts(walk, "context"), texts(walk, "examples"));
        if table.has("examples") && examples.is_empty() {
            let message = format!(
                "`{}.examples` is empty: nothing shows that the pattern finds one",
                table.path
            );
            walk.mistake(table.place("examples"), "bad_value", message)
                .help("write at least one text that holds one");
        }
        kinds.push(CustomKind {
            context,
            examples,
            counter_examples: texts(walk, "counter_examples"),
            checksum: table.choice(walk, "checksum", &CHECKSUMS),
            action: table.choice(walk, "action", &PiiAction::WORDS),
            line: walk.mistakes.line(walk.file, name.span.start),
            pattern: table.text(walk, "pattern").map(|at| at.value).unwrap_or_default(),
            name: name.value,
        });
    }
    kinds
}

/// The screens that `external` names.
fn external(walk: &mut Walk<'_>, table: &Table<'_>, screens: &Screens) -> Option<Vec<Arc<ExternalScreen>>> {
    let written = table.names(walk, "external")?;
    let mut named = Vec::with_capacity(written.len());
    for at in written {
        match screens.get(&at.value) {
            Some(screen) => named.push(Arc::clone(screen)),
            None => {
                let known: Vec<&str> = screens.keys().map(String::as_str).collect();
                let help = match unknown::nearest(&at.value, &known) {
                    Some(near) => format!("did you mean \"{near}\"? Screens are the `[screens.NAME]` tables"),
                    None => "screens are the `[screens.NAME]` tables".to_owned(),
                };
                let message = format!(
                    "`{}.external` names no screen: \"{}\"",
                    table.path,
                    super::table::shown(&at.value)
                );
                walk.mistake(at.span, "dangling_name", message).help(help);
            }
        }
    }
    Some(named)
}

/// What holds for one agent or model: its own keys, and the gateway's for the others.
pub(super) fn own(
    walk: &mut Walk<'_>,
    callee: &Table<'_>,
    (preset, screens): (&Screening, &Screens),
) -> Screening {
    let table = callee.child(walk, "screening");
    read(walk, &table, preset, screens)
}

fn read(walk: &mut Walk<'_>, table: &Table<'_>, preset: &Screening, screens: &Screens) -> Screening {
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
    let screening = Screening {
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
        media_inline: table.flag(walk, "media_inline").unwrap_or(preset.media_inline),
        kinds: preset.kinds.clone(),
        external: external(walk, table, screens).unwrap_or_else(|| preset.external.clone()),
    };
    let any = screening.media_hosts.iter().any(|host| host == "*");
    if screening.media_inline && any && (table.has("media_inline") || table.has("media_hosts")) {
        let message = format!(
            "`{}.media_inline` fetches from every host that a caller names",
            table.path
        );
        walk.mistake(table.place("media_inline"), "any_host", message)
            .help("name the hosts, as in media_hosts = [\"images.example.com\"]");
    }
    screening
}

/// `[media]`.
pub(super) fn media(walk: &mut Walk<'_>, root: &Table<'_>) -> MediaSection {
    let table = root.child(walk, "media");
    let preset = MediaSection::default();
    MediaSection {
        size: table.size(walk, "size").unwrap_or(preset.size),
        timeout: table.duration(walk, "timeout").unwrap_or(preset.timeout),
        private_addresses: super::upstreams::private_addresses(walk, &table),
        ca_file: super::gateway::ca_file(walk, &table, Need::Gateway),
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
