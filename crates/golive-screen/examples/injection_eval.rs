//! S8: judges the texts of labelled files with the embedded model and prints recall, false alarms and the curve.
//!
//! Lines are JSON with `text`, `label` (`attack` or `benign`), `kind` and `channel`; a file may be gzip.
//!
//! Never: prints a text, or counts a line without a label.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::ExitCode;

use golive_screen::eval::{Scored, report};
use golive_screen::injection::{Channel, Injection};
use golive_screen::normalise::Normalised;
use serde::Deserialize;

#[derive(Deserialize)]
struct Line {
    text: String,
    label: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    channel: String,
}

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: injection_eval FILE…");
        return ExitCode::from(2);
    }
    let screen = Injection::new();
    let mut rows = Vec::new();
    for file in &files {
        if let Err(why) = judge(file, &screen, &mut rows) {
            eprintln!("{file}: {why}");
            return ExitCode::FAILURE;
        }
    }
    print!("{}", report(&rows));
    ExitCode::SUCCESS
}

fn judge(path: &str, screen: &Injection, rows: &mut Vec<Scored>) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let stream: Box<dyn Read> = if path.ends_with(".gz") {
        Box::new(flate2::read::GzDecoder::new(file))
    } else {
        Box::new(file)
    };
    for (number, line) in BufReader::new(stream).lines().enumerate() {
        let line = line.map_err(|error| error.to_string())?;
        if line.trim().is_empty() {
            continue;
        }
        let told = |error: &dyn std::fmt::Display| format!("line {}: {error}", number + 1);
        let line: Line = serde_json::from_str(&line).map_err(|error| told(&error))?;
        let attack = match line.label.as_str() {
            "attack" => true,
            "benign" => false,
            other => return Err(told(&format!("no label `{other}`"))),
        };
        let channel = Channel::of(&line.channel).unwrap_or(Channel::User);
        rows.push(Scored {
            attack,
            kind: line.kind,
            score: screen.judge(&Normalised::of(&line.text), channel).score,
        });
    }
    Ok(())
}
