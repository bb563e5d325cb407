//! The report of a run: JSON is the truth, the terminal and the HTML page are renderings of it.
//!
//! Never: says more than the JSON holds, or shows text from outside as anything but text.

pub mod escape;
pub mod html;
pub mod json;
pub mod terminal;

use std::io;
use std::path::{Path, PathBuf};

use golive_checklist::item::{DecidedBy, Phase};
use golive_checklist::report::{CheckReport, Coverage, PartReport};
use golive_checklist::verdict::Verdict;
use thiserror::Error;

/// The most blockers that a report shows at its top; the rest is counted.
pub const BLOCKERS_MAX: usize = 5;

/// Where the reports of a run were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The truth.
    pub json: PathBuf,
    /// Its rendering.
    pub html: PathBuf,
}

/// A report that could not be written.
#[derive(Debug, Error)]
#[error("cannot write {path}; choose another folder with --out")]
pub struct NotWritten {
    /// Which file or folder.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Writes `check.json` and `check.html` into `folder`, which is made if it is not there. A file is never half
/// written: it is renamed into place.
///
/// # Errors
/// [`NotWritten`] with the path and what the system said.
pub fn write(folder: &Path, report: &CheckReport) -> Result<Written, NotWritten> {
    std::fs::create_dir_all(folder).map_err(|source| NotWritten {
        path: folder.to_owned(),
        source,
    })?;
    let written = Written {
        json: folder.join("check.json"),
        html: folder.join("check.html"),
    };
    put(&written.json, &json::render(report))?;
    put(&written.html, &html::render(report))?;
    Ok(written)
}

fn put(path: &Path, text: &str) -> Result<(), NotWritten> {
    let beside = path.with_extension("partial");
    let result = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    result.map_err(|source| NotWritten {
        path: path.to_owned(),
        source,
    })
}

/// What stands in the way of GO and was looked at, the worst first: fails, warnings of phase 1, then parts whose proof
/// left them open.
pub(crate) fn blockers(report: &CheckReport) -> Vec<&PartReport> {
    let mut found: Vec<&PartReport> = Vec::new();
    for item in &report.items {
        let strict = item.phase == Phase::Security;
        found.extend(item.parts.iter().filter(|part| match part.verdict() {
            Verdict::Fail => true,
            Verdict::Warn => strict,
            Verdict::Unproven => has_proof(part),
            Verdict::Pass | Verdict::Attested | Verdict::Excluded => false,
        }));
    }
    // Stable: within one verdict, checklist order.
    found.sort_by_key(|part| std::cmp::Reverse(part.verdict()));
    found
}

/// Parts nobody looked at: no proof in this version, or a person's word that is missing.
pub(crate) fn not_looked_at(report: &CheckReport) -> Vec<&PartReport> {
    let parts = report.items.iter().flat_map(|item| &item.parts);
    parts
        .filter(|part| part.verdict() == Verdict::Unproven && !has_proof(part))
        .collect()
}

/// A part that has a proof can be proven again by a command; only then is that command in the report.
pub(crate) fn has_proof(part: &PartReport) -> bool {
    part.decided_by() == DecidedBy::Machine && part.reproduce.is_some()
}

/// `61 parts proven, 3 attested, 2 unproven, 1 excluded`: what is zero is left out, but for what is proven.
pub(crate) fn coverage_sentence(coverage: &Coverage) -> String {
    let mut text = format!("{} of {} parts proven", coverage.proven, coverage.total);
    for (count, word) in [
        (coverage.attested, "attested"),
        (coverage.warned, "with a warning"),
        (coverage.failed, "failed"),
        (coverage.unproven, "unproven"),
        (coverage.excluded, "excluded"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {word}"));
        }
    }
    text
}

/// The gate's sentence without the gate's word in front of it, which is shown beside it.
pub(crate) fn because(report: &CheckReport) -> &str {
    report
        .gate_reason
        .split_once(": ")
        .map_or(report.gate_reason.as_str(), |(_, rest)| rest)
}

/// A time span for people: `820 ms`, `12.4 s`, `3 min 5 s`.
pub(crate) fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}
