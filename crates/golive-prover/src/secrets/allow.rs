//! S1: what may stand although it looks like a secret: a word beside it, or an entry of a baseline. Each needs a reason;
//! an entry needs its author and its last day too. What lacks one does not count, and says so.
//!
//! Never: allows by rule, by folder or for ever.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::assigned::{line_end, line_start};
use super::finding::Finding;

/// The word that allows what stands in its line, or in the line below; a reason follows it.
const WORD: &[u8] = b"golive:allow-secret";
/// The word of another scanner. It carries no reason, so it is told and does not count.
const OTHER: &[u8] = b"gitleaks:allow";
/// The shortest reason, in characters.
const REASON: usize = 5;

/// The form of a baseline.
const SCHEMA: &str = "golive.secrets-baseline/1";

/// What stands beside a place in the text: a reason, or a note on why what stands there does not count.
pub(super) fn beside(hay: &[u8], at: usize) -> (Option<String>, Option<String>) {
    let (start, end) = (line_start(hay, at), line_end(hay, at));
    let own = &hay[start..end];
    let above = if start > 0 {
        let from = line_start(hay, start - 1);
        &hay[from..start - 1]
    } else {
        &[]
    };
    // The line above counts only if it is nothing but the comment.
    let comment = above
        .trim_ascii_start()
        .iter()
        .take_while(|b| b"#/*-;<!% ".contains(b))
        .count();
    let above = above
        .trim_ascii_start()
        .get(comment..)
        .filter(|text| text.starts_with(WORD))
        .unwrap_or_default();
    for line in [own, above] {
        if let Some(found) = memchr::memmem::find(line, WORD) {
            let reason = String::from_utf8_lossy(&line[found + WORD.len()..]).into_owned();
            let reason = reason
                .trim()
                .trim_start_matches(':')
                .trim_end_matches(['*', '/', '-', '>'])
                .trim();
            return if reason.chars().count() >= REASON {
                (Some(reason.to_owned()), None)
            } else {
                (
                    None,
                    Some("golive:allow-secret stands here without a reason, so it does not count".to_owned()),
                )
            };
        }
    }
    if memchr::memmem::find(own, OTHER).is_some() {
        let note = "gitleaks:allow stands here; write golive:allow-secret and a reason instead";
        return (None, Some(note.to_owned()));
    }
    (None, None)
}

/// A file of findings that are known and borne for a time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// `golive.secrets-baseline/1`.
    pub schema: String,
    /// One for each finding.
    pub entries: Vec<Entry>,
}

/// One finding that is borne.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Of which finding.
    pub fingerprint: String,
    /// Its kind, for readers.
    pub rule: String,
    /// Its path, for readers.
    pub path: String,
    /// Why it may stand.
    pub reason: String,
    /// Who says so.
    pub author: String,
    /// The last day on which it counts, as `2027-01-31`.
    pub expires: String,
}

/// Why there is no baseline.
#[derive(Debug, Error)]
pub enum BaselineError {
    /// The file cannot be read.
    #[error("cannot read the baseline {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not one.
    #[error("{path} is no baseline of golive: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// [`BaselineError`] when the file is not there or is none.
    pub fn read(path: &Path) -> Result<Baseline, BaselineError> {
        let text = std::fs::read(path).map_err(|source| BaselineError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let malformed = |why: String| BaselineError::Malformed {
            path: path.to_owned(),
            why,
        };
        let baseline: Baseline =
            serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?;
        if baseline.schema != SCHEMA {
            return Err(malformed(format!(
                "its schema is `{}`, not `{SCHEMA}`",
                baseline.schema
            )));
        }
        Ok(baseline)
    }

    /// A baseline of these findings. Reasons, authors and days of `old` are kept; a new entry has none, and does not
    /// count until a person has filled it in.
    #[must_use]
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>, old: &Baseline) -> Baseline {
        let mut entries = BTreeMap::new();
        for finding in findings {
            let known = old
                .entries
                .iter()
                .find(|entry| entry.fingerprint == finding.fingerprint);
            let new = || Entry {
                fingerprint: finding.fingerprint.clone(),
                rule: finding.rule.clone(),
                path: finding.path.clone(),
                reason: String::new(),
                author: String::new(),
                expires: String::new(),
            };
            entries.insert(
                (finding.path.clone(), finding.fingerprint.clone()),
                known.cloned().unwrap_or_else(new),
            );
        }
        Baseline {
            schema: SCHEMA.to_owned(),
            entries: entries.into_values().collect(),
        }
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Marks the findings that stand in here. `today` decides which entries have run out. Gives a note for each entry
    /// that does not count, or that no finding needs any more.
    pub fn apply(&self, findings: &mut [Finding], today: jiff::civil::Date) -> Vec<String> {
        let mut notes = Vec::new();
        for entry in &self.entries {
            let shown = format!(
                "the baseline's entry {} ({})",
                entry.fingerprint.get(..8).unwrap_or(&entry.fingerprint),
                entry.path
            );
            let mut held = findings
                .iter_mut()
                .filter(|finding| finding.fingerprint == entry.fingerprint)
                .peekable();
            if held.peek().is_none() {
                notes.push(format!("{shown} fits nothing that was found: take it out"));
                continue;
            }
            let bad = match entry.expires.parse::<jiff::civil::Date>() {
                _ if entry.reason.trim().chars().count() < REASON => Some("has no reason".to_owned()),
                _ if entry.author.trim().is_empty() => Some("has no author".to_owned()),
                Err(_) => Some("has no last day (`expires`, as 2027-01-31)".to_owned()),
                Ok(day) if day < today => Some(format!("ran out on {day}")),
                Ok(_) => None,
            };
            for finding in held {
                match &bad {
                    None if finding.allowed.is_none() => {
                        finding.allowed = Some(format!(
                            "{} ({}, until {})",
                            entry.reason.trim(),
                            entry.author.trim(),
                            entry.expires
                        ));
                    }
                    None => {}
                    Some(why) => {
                        finding.note = Some(format!("its entry in the baseline {why}, so it does not count"))
                    }
                }
            }
            if let Some(why) = bad {
                notes.push(format!("{shown} {why}, so it does not count"));
            }
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> (Option<String>, Option<String>) {
        beside(text.as_bytes(), text.find("KEY").unwrap())
    }

    #[test]
    fn an_allowance_needs_a_reason_and_stands_in_the_line_or_alone_above() {
        assert_eq!(
            at("a KEY # golive:allow-secret made up for a test\n")
                .0
                .as_deref(),
            Some("made up for a test")
        );
        assert_eq!(
            at("// golive:allow-secret made up\nKEY\n").0.as_deref(),
            Some("made up")
        );
        assert_eq!(at("x = 1 # golive:allow-secret another one\nKEY\n").0, None);
        let (reason, note) = at("KEY # golive:allow-secret\n");
        assert!(reason.is_none() && note.unwrap().contains("without a reason"));
        let (reason, note) = at("KEY # gitleaks:allow\n");
        assert!(reason.is_none() && note.unwrap().contains("gitleaks:allow"));
    }
}
