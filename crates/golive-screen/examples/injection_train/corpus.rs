//! S8: labelled texts, read from JSON lines (plain or gzip).
//!
//! Never: keeps a text that has no label.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use golive_screen::injection::Channel;
use serde::Deserialize;

/// One labelled text.
#[derive(Debug, Clone)]
pub struct Row {
    pub text: String,
    pub attack: bool,
    pub kind: String,
    pub source: String,
    pub channel: Channel,
    /// The bytes of the hostile part, where it is known.
    pub hostile: Option<std::ops::Range<usize>>,
}

#[derive(Deserialize)]
struct Line {
    text: String,
    label: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    channel: String,
}

/// Every labelled row of a file.
pub fn read(path: &str) -> Result<Vec<Row>, String> {
    let told = |error: &dyn std::fmt::Display| format!("{path}: {error}");
    let file = File::open(path).map_err(|error| told(&error))?;
    let stream: Box<dyn Read> = if path.ends_with(".gz") {
        Box::new(flate2::read::GzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut rows = Vec::new();
    for (number, line) in BufReader::new(stream).lines().enumerate() {
        let line = line.map_err(|error| told(&error))?;
        if line.trim().is_empty() {
            continue;
        }
        let line: Line =
            serde_json::from_str(&line).map_err(|error| format!("{path}:{}: {error}", number + 1))?;
        let attack = match line.label.as_str() {
            "attack" => true,
            "benign" => false,
            other => return Err(format!("{path}:{}: no label `{other}`", number + 1)),
        };
        rows.push(Row {
            text: line.text,
            attack,
            kind: line.kind,
            source: line.source,
            channel: Channel::of(&line.channel).unwrap_or(Channel::User),
            hostile: None,
        });
    }
    Ok(rows)
}

/// The maker of a source, without its parts: what one maker wrote is alike.
pub fn maker(source: &str) -> &str {
    let maker = source.split(':').next().unwrap_or(source);
    maker.strip_suffix(" docs").unwrap_or(maker)
}
