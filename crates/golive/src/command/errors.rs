//! E2: `golive errors`: reads and filters the error log, the newest entry first.
//!
//! Never: writes it, or holds more of it than was asked for.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::{Errors, Format};
use crate::exit::{self, Exit};
use crate::output::{self, cell, plain};

pub fn run(args: &Errors, path: &Path) -> Exit {
    let since = match args.since.as_deref().map(golive_checklist::unit::parse_duration) {
        None => None,
        Some(Ok(ago)) => {
            let us = golive_store::now_us() - i64::try_from(ago.as_micros()).unwrap_or(i64::MAX);
            jiff::Timestamp::from_microsecond(us)
                .ok()
                .map(|at| at.to_string())
        }
        Some(Err(why)) => {
            output::error(&format!("--since: {why}"));
            return exit::USAGE;
        }
    };
    let file = match &args.file {
        Some(file) => file.clone(),
        None => match super::load_quietly(path) {
            Err(code) => return code,
            Ok(loaded) => match loaded.config.error_log {
                Some(log) => log.file,
                None => {
                    output::error("there is no error log: `error_log.enabled` is false");
                    return exit::FAILED;
                }
            },
        },
    };
    match read(&file, args, since.as_deref()) {
        Ok(found) => {
            if found.unreadable > 0 {
                output::say(&format!(
                    "{} lines are no entries and were left out",
                    found.unreadable
                ));
            }
            match args.format {
                Format::Json => output::json(&Value::from(found.entries)),
                Format::Text => table(&found.entries),
            }
            exit::OK
        }
        Err(error) => {
            output::error(&format!("cannot read {}: {error}", file.display()));
            exit::FAILED
        }
    }
}

struct Found {
    entries: Vec<Value>,
    unreadable: usize,
}

/// The newest entries that match: of the file, then of its older ones.
fn read(file: &Path, args: &Errors, since: Option<&str>) -> io::Result<Found> {
    let mut found = Found {
        entries: Vec::new(),
        unreadable: 0,
    };
    for number in 0.. {
        let path = match number {
            0 => file.to_owned(),
            _ => PathBuf::from(format!("{}.{number}", file.display())),
        };
        let opened = match File::open(&path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => break, // nothing has failed yet, or no older one
            Err(error) => return Err(error),
        };
        let mut newest = std::collections::VecDeque::new();
        for line in BufReader::new(opened).lines() {
            let Ok(entry) = serde_json::from_str::<Value>(&line?) else {
                found.unreadable += 1;
                continue;
            };
            if matches(&entry, args, since) {
                newest.push_back(entry);
                if newest.len() > args.limit as usize {
                    newest.pop_front();
                }
            }
        }
        found.entries.extend(newest.into_iter().rev());
        if found.entries.len() >= args.limit as usize {
            found.entries.truncate(args.limit as usize);
            break;
        }
    }
    Ok(found)
}

fn matches(entry: &Value, args: &Errors, since: Option<&str>) -> bool {
    let is = |key: &str, wanted: &Option<String>| {
        wanted
            .as_deref()
            .is_none_or(|wanted| entry[key].as_str() == Some(wanted))
    };
    // RFC 3339 in UTC is ordered as text.
    let late_enough = since.is_none_or(|since| entry["timestamp"].as_str().is_some_and(|at| at >= since));
    late_enough
        && is("callee", &args.callee)
        && is("user", &args.user)
        && is("request_id", &args.request)
        && is("error_type", &args.kind)
}

fn table(entries: &[Value]) {
    let rows = entries
        .iter()
        .map(|entry| {
            let last = entry["error_chain"]
                .as_array()
                .and_then(|chain| chain.last())
                .map(|attempt| cell(attempt, "why"))
                .unwrap_or_default();
            vec![
                cell(entry, "timestamp"),
                cell(entry, "request_id"),
                cell(entry, "callee"),
                cell(entry, "error_type"),
                plain(&last),
                cell(entry, "recovery_action"),
            ]
        })
        .collect();
    output::table(
        &["when", "request", "callee", "error", "why", "what was done"],
        rows,
        "nothing failed that matches",
    );
}
