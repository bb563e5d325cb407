//! S3: `[targets.NAME.declares.schema]`: bodies that a target serves and refuses, read from their files.

use super::{Need, Table, Walk};
use crate::meant::{MARKER, TargetSchema};

pub(super) fn schema(walk: &mut Walk<'_>, declares: &Table<'_>) -> Option<TargetSchema> {
    let table = declares.child(walk, "schema");
    let deny = table.names(walk, "deny").unwrap_or_default();
    let schema = TargetSchema {
        good: bodies(walk, &table, "good"),
        bad: bodies(walk, &table, "bad"),
        deny: deny.into_iter().map(|at| at.value).collect(),
        refuses_system: table.flag(walk, "refuses_system").unwrap_or(false),
    };
    let refuses = !schema.bad.is_empty() || !schema.deny.is_empty() || schema.refuses_system;
    if refuses && !table.has("good") {
        let message = format!("`{}` names no good body: a refusal would say nothing", table.path);
        walk.mistake(table.span.clone(), "missing_key", message)
            .help(format!(
                "add good = [\"bodies/good.json\"], with {MARKER} in a text that goes to the model"
            ))
            .as_warning();
    }
    (refuses || !schema.good.is_empty()).then_some(schema)
}

/// The files' texts, each with the name of its file. Every good one has a marker, for only then is its arrival seen and
/// a text put in its place.
fn bodies(walk: &mut Walk<'_>, table: &Table<'_>, key: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for written in table.names(walk, key).unwrap_or_default() {
        let path = walk.join(&written.value);
        if walk.need != Need::Prover {
            continue; // the files belong to the prover's machine
        }
        let text = crate::load::read_bounded(&path)
            .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other));
        let text = match text {
            Ok(text) => text,
            Err(why) => {
                let message = format!("cannot read {}: {why}", path.display());
                walk.mistake(written.span, "unreadable_file", message).help(
                    "check the path (relative to this file's folder); it is a body as a caller would send it",
                );
                continue;
            }
        };
        if let Err(why) = serde_json::from_str::<serde_json::Value>(&text) {
            let message = format!("{} is no JSON: {why}", path.display());
            walk.mistake(written.span, "bad_value", message)
                .help("broken JSON is proven without it; write a body that is JSON and of the wrong form");
            continue;
        }
        if key == "good" && !text.contains(MARKER) {
            let message = format!("{} has no {MARKER} in it", path.display());
            walk.mistake(written.span, "bad_value", message).help(format!(
                "put {MARKER} into a text that goes to the model, so that its arrival can be seen"
            ));
            continue;
        }
        found.push((written.value, text));
    }
    found
}
