//! What commands print: data on stdout, everything else on stderr, colours only where a person looks.
//!
//! Never: lets text from outside steer the terminal.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde_json::Value;

/// Says what went wrong, on stderr.
pub fn error(text: &str) {
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    // A closed stderr leaves nobody to tell.
    let _ = writeln!(anstream::stderr(), "{red}error:{red:#} {text}");
}

/// Says something a person wants to know, on stderr.
pub fn say(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Prints data on stdout. A reader that went away (`| head`) ends the printing, not the program.
pub fn data(text: &str) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// Prints JSON on stdout, indented.
pub fn json(value: &Value) {
    data(&format!("{value:#}"));
}

/// Prints rows as a table, or a sentence if there are none.
pub fn table(heads: &[&str], rows: Vec<Vec<String>>, none: &str) {
    if rows.is_empty() {
        say(none);
        return;
    }
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(heads);
    for row in rows {
        table.add_row(row.iter().map(|cell| plain(cell)));
    }
    data(&table.to_string());
}

/// Text without anything that could steer a terminal.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// A field of a JSON object as a table cell.
#[must_use]
pub fn cell(row: &Value, key: &str) -> String {
    match row.get(key) {
        None | Some(Value::Null) => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(", "),
        Some(other) => other.to_string(),
    }
}

/// Unix microseconds as a readable time in UTC.
#[must_use]
pub fn time(row: &Value, key: &str) -> String {
    row.get(key)
        .and_then(Value::as_i64)
        .and_then(|us| jiff::Timestamp::from_microsecond(us).ok())
        .map_or_else(|| "–".to_owned(), |t| t.strftime("%Y-%m-%d %H:%M:%S").to_string())
}
