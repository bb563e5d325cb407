//! S1: `golive scan`: secrets in a folder, its history and its archives.
//!
//! Never: prints a secret, or sends anything anywhere.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use golive_gateway::upstream::chain_of;
use golive_prover::secrets::{self, Baseline, Engine, Finding, Scan as Scanned, ScanOptions, sarif};

use crate::cli::{Format, Scan};
use crate::exit::{self, Exit};
use crate::output::{self, plain};

pub fn run(args: &Scan, quiet: bool) -> Exit {
    match prepare(args) {
        Ok((options, reports, engine)) => look(args, &options, &reports, &engine, quiet),
        Err(why) => {
            output::error(&why);
            exit::USAGE
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Sarif,
    Json,
}

type Prepared = (ScanOptions, Vec<(Kind, PathBuf)>, Engine);

fn prepare(args: &Scan) -> Result<Prepared, String> {
    let reports = args.report.iter().map(|text| match text.split_once('=') {
        Some(("sarif", path)) if !path.is_empty() => Ok((Kind::Sarif, PathBuf::from(path))),
        Some(("json", path)) if !path.is_empty() => Ok((Kind::Json, PathBuf::from(path))),
        _ => Err(format!("--report {text}: write sarif=FILE or json=FILE")),
    });
    let reports = reports.collect::<Result<Vec<_>, _>>()?;
    let today = jiff::ZonedDateTime::now().date();
    let mut options = ScanOptions::new(today);
    options.history = !args.no_history;
    options.threads = args.threads.map_or_else(
        || std::thread::available_parallelism().map_or(2, usize::from),
        usize::from,
    );
    options.baseline = args
        .baseline
        .as_deref()
        .map(Baseline::read)
        .transpose()
        .map_err(|error| chain_of(&error))?;
    for path in &args.import_sarif {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let found = sarif::import(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        options.imported.extend(found);
    }
    let engine = Engine::new().map_err(|error| chain_of(&error))?;
    // A rule that does not find its own made-up secret would find no real one either.
    let test = secrets::test_rules(&engine, secrets::SELF_TEST_SEED);
    if !test.wrong.is_empty() {
        return Err(format!(
            "the scanner cannot be believed: {}",
            test.wrong.join("; ")
        ));
    }
    Ok((options, reports, engine))
}

fn look(
    args: &Scan,
    options: &ScanOptions,
    reports: &[(Kind, PathBuf)],
    engine: &Engine,
    quiet: bool,
) -> Exit {
    let scan = match secrets::scan(engine, &args.path, options, &AtomicBool::new(false)) {
        Ok(scan) => scan,
        Err(error) => {
            output::error(&chain_of(&error));
            return exit::UNREACHABLE;
        }
    };
    let mut unwritten = false;
    for (kind, path) in reports {
        let text = match kind {
            Kind::Sarif => sarif::render(&scan.findings),
            Kind::Json => json(&scan),
        };
        unwritten |= !write(path, &text);
    }
    if let Some(path) = &args.write_baseline {
        unwritten |= !write_baseline(path, &scan);
    }
    match args.format {
        Format::Json => output::data(json(&scan).trim_end()),
        Format::Text => print(&scan, quiet),
    }
    if scan.counting().next().is_some() || unwritten {
        exit::FAILED
    } else if !scan.unread.is_empty() {
        exit::UNREACHABLE
    } else {
        exit::OK
    }
}

fn write(path: &Path, text: &str) -> bool {
    let written = std::fs::write(path, text);
    if let Err(error) = &written {
        output::error(&format!("cannot write {}: {error}", path.display()));
    }
    written.is_ok()
}

/// What stands beside its own line in the code needs no entry.
fn write_baseline(path: &Path, scan: &Scanned) -> bool {
    let old = if path.exists() {
        match Baseline::read(path) {
            Ok(old) => old,
            Err(error) => {
                output::error(&chain_of(&error));
                return false;
            }
        }
    } else {
        Baseline::default()
    };
    let known = |finding: &&Finding| {
        old.entries
            .iter()
            .any(|entry| entry.fingerprint == finding.fingerprint)
    };
    let baseline = Baseline::of(
        scan.findings
            .iter()
            .filter(|finding| finding.counts() || known(finding)),
        &old,
    );
    let waiting = baseline
        .entries
        .iter()
        .filter(|entry| entry.reason.trim().is_empty())
        .count();
    let written = write(path, &baseline.text());
    if written && waiting > 0 {
        output::say(&format!(
            "{}: {waiting} entries wait for a reason, an author and a last day; they do not count before",
            path.display()
        ));
    }
    written
}

fn json(scan: &Scanned) -> String {
    let mut text = serde_json::to_string_pretty(scan).unwrap_or_default();
    text.push('\n');
    text
}

fn print(scan: &Scanned, quiet: bool) {
    for finding in scan.counting() {
        let mut line = plain(&format!("{finding} [{} {}]", finding.rule, finding.fingerprint));
        if finding.in_history && finding.origin == secrets::Origin::Tree {
            line.push_str(", in the history too");
        }
        if finding.layers > 0 {
            line.push_str(&format!(", under {} layers of base64", finding.layers));
        }
        if let Some(note) = &finding.note {
            line.push_str(&format!("\n  {}", plain(note)));
        }
        output::data(&line);
    }
    if quiet {
        return;
    }
    for note in &scan.notes {
        output::say(&format!("note: {}", plain(note)));
    }
    let history = scan.history.as_ref();
    let unread = scan
        .unread
        .iter()
        .chain(&scan.unread_archives)
        .chain(history.into_iter().flat_map(|read| &read.unread));
    for unread in unread {
        output::say(&format!("not read: {}", plain(unread)));
    }
    let history = match (history, &scan.no_history) {
        (Some(read), _) => format!("{} objects of {} commits", read.objects, read.commits),
        (None, why) => format!("no history ({})", why.as_deref().unwrap_or("not read")),
    };
    let allowed = scan.findings.len() - scan.counting().count();
    output::say(&format!(
        "{} found, {allowed} allowed; read {} files ({} MB), {} archives with {} members, {history}",
        scan.counting().count(),
        scan.files,
        scan.bytes / 1_000_000,
        scan.archives,
        scan.members,
    ));
}
