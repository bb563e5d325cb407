//! S1: the reference page, docs/reference/config.md, printed from the table of keys.

use std::fmt::Write;

use super::{KEYS, Key, Preset, Section};

const HEAD: &str = "\
# golive.toml

<!-- Printed by golive from crates/golive-config/src/reference. Do not edit: \
GOLIVE_WRITE_DOCS=1 cargo nextest run -p golive-config the_committed_page -->

One TOML file. Unknown keys, wrong units and dangling names are refused with their place and a suggestion \
(`golive config check`). `golive config schema` prints the JSON Schema, `golive config show` the effective configuration \
with its secrets left out. A change of the file is taken over at once; a bad file leaves the old one running.

- Durations: `\"250ms\"`, `\"30s\"`, `\"5m\"`, `\"1h30m\"`, `\"30d\"`. Rates: `\"100/h\"`, `\"20/10s\"`. Sizes: `\"64 KiB\"`, `\"10 MB\"`. Money: `\"25 USD\"`, `\"0.0025 USD\"`.
- Paths are relative to the folder of the file.
- Secrets never stand in the file. A key that ends in `_env` names a variable (of the environment, or of the `.env` \
beside the file), one that ends in `_file` a file. The `.env` is refused if git tracks it.
- `NAME` is chosen by you: letters, digits, `-`, `_`, `.`.
";

/// The whole page, in Markdown.
#[must_use]
pub fn page() -> String {
    let mut out = HEAD.to_owned();
    for section in KEYS {
        write_section(&mut out, section);
    }
    out
}

fn write_section(out: &mut String, section: &Section) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "\n## `{}`\n\n{}\n", super::header(section.path), section.doc);
    let _ = writeln!(out, "| key | takes | default | |\n| --- | --- | --- | --- |");
    for key in section.keys {
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} Example: `{}` |",
            key.name,
            cell(&key.kind.words()),
            cell(&preset(key)),
            cell(key.doc),
            key.example.replace('|', "\\|"),
        );
    }
}

fn preset(key: &Key) -> String {
    match key.preset {
        Preset::Required => "**required**".to_owned(),
        Preset::Is(value) => format!("`{value}`"),
        Preset::Absent(words) => words.to_owned(),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
