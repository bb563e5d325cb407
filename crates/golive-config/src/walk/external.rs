//! S3, S4, S8: `[screens.NAME]`: screens outside of golive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::secrets::{self, Found, Owner};
use super::upstreams::{private_addresses, reachable};
use super::{Need, Table, Walk, gateway};
use crate::meant::{ExternalScreen, Fail, FindingAction, ScreenKind, Streams};

/// The two directions, as `applies_to` names them.
const DIRECTIONS: [&str; 2] = ["input", "output"];

pub(super) fn all(walk: &mut Walk<'_>, root: &Table<'_>) -> BTreeMap<String, Arc<ExternalScreen>> {
    let tables = root.child(walk, "screens").named(walk);
    let mut all = BTreeMap::new();
    for (name, table) in tables {
        if let Some(screen) = one(walk, &name.value, &table) {
            all.insert(name.value, Arc::new(screen));
        }
    }
    all
}

fn one(walk: &mut Walk<'_>, name: &str, table: &Table<'_>) -> Option<ExternalScreen> {
    let kind = table.choice(walk, "kind", &ScreenKind::WORDS);
    let url = table.url(walk, "url");
    let private = private_addresses(walk, table);
    if let Some(url) = &url {
        reachable(walk, url, &private);
    }
    let (api_key, api_key_source) =
        match secrets::read(walk, table, ["api_key_env", "api_key_file"], None, Owner::Gateway) {
            Found::Here(secret) => (Some(secret.text), Some(secret.source)),
            Found::Missing(source) => (None, Some(source)),
            Found::NotNamed => (None, None),
        };
    let [input, output] = directions(walk, table);
    let screen = ExternalScreen {
        name: name.to_owned(),
        kind: kind.unwrap_or(ScreenKind::Webhook),
        api_key,
        api_key_source,
        deadline: table.duration(walk, "deadline").unwrap_or(Duration::from_secs(2)),
        fail: table.choice(walk, "fail", &Fail::WORDS).unwrap_or_default(),
        input,
        output,
        action: table
            .choice(walk, "action", &FindingAction::WORDS)
            .unwrap_or_default(),
        threshold: table.count32(walk, "threshold").unwrap_or(50),
        language: table
            .text(walk, "language")
            .map_or_else(|| "en".to_owned(), |at| at.value),
        streams: table.choice(walk, "streams", &Streams::WORDS).unwrap_or_default(),
        failures: table.count32(walk, "failures").unwrap_or(5),
        open: table.duration(walk, "open").unwrap_or(Duration::from_secs(30)),
        private_addresses: private,
        ca_file: gateway::ca_file(walk, table, Need::Gateway),
        url: url?.value,
    };
    let kind = kind?;
    let idle = |key: &str| match key {
        "threshold" | "language" => kind != ScreenKind::Presidio,
        "action" => kind == ScreenKind::Webhook,
        "streams" => !output,
        _ => false,
    };
    for key in ["threshold", "language", "action", "streams"] {
        if table.has(key) && idle(key) {
            let message = format!("`{}.{key}` has no effect here", table.path);
            walk.mistake(table.place(key), "no_effect", message)
                .help("`threshold` and `language` are for presidio, `action` is what a webhook says itself, `streams` is about answers")
                .as_warning();
        }
    }
    Some(screen)
}

/// Whether it is asked about requests and about answers.
fn directions(walk: &mut Walk<'_>, table: &Table<'_>) -> [bool; 2] {
    let Some(written) = table.names(walk, "applies_to") else {
        return [true; 2];
    };
    for at in &written {
        if !DIRECTIONS.contains(&at.value.as_str()) {
            let message = format!(
                "`{}.applies_to` does not know \"{}\"",
                table.path,
                super::table::shown(&at.value)
            );
            walk.mistake(at.span.clone(), "bad_value", message)
                .help("it takes \"input\" and \"output\"");
        }
    }
    if written.is_empty() {
        let message = format!("`{}.applies_to` names no direction", table.path);
        walk.mistake(table.place("applies_to"), "bad_value", message)
            .help("it takes \"input\" and \"output\"");
    }
    DIRECTIONS.map(|direction| written.iter().any(|at| at.value == direction))
}
