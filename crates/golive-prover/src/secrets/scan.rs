//! S1: the whole scan of a folder: tree, archives, `.env` files, history; then what is allowed, and the order.
//!
//! Never: returns what it could not read as read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use jiff::civil::Date;
use serde::Serialize;
use thiserror::Error;

use super::allow::Baseline;
use super::engine::Engine;
use super::finding::{Finding, Origin};
use super::stream::Source;
use super::walk::history::{self, History};
use super::walk::tree::{self, EnvFile};
use super::walk::{archive, spread};

/// How a scan is done.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// Read the history too.
    pub history: bool,
    /// Threads.
    pub threads: usize,
    /// Findings that are known and borne.
    pub baseline: Option<Baseline>,
    /// What other scanners reported.
    pub imported: Vec<Finding>,
    /// The day that decides which entries of a baseline have run out.
    pub today: Date,
}

impl ScanOptions {
    /// Everything, on two threads, without a baseline.
    #[must_use]
    pub fn new(today: Date) -> ScanOptions {
        ScanOptions {
            history: true,
            threads: 2,
            baseline: None,
            imported: Vec::new(),
            today,
        }
    }
}

/// What a scan found and what it looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Scan {
    /// `golive.scan/1`.
    pub schema: String,
    /// What was found, in order: tree, history, archives, imported; by path and line.
    pub findings: Vec<Finding>,
    /// Files of the tree that were read, archives among them.
    pub files: u64,
    /// Their bytes, and those that came out of archives.
    pub bytes: u64,
    /// Archives that were opened.
    pub archives: u64,
    /// Members of archives that were read.
    pub members: u64,
    /// Files of the tree that could not be read, and why.
    pub unread: Vec<String>,
    /// Archives and members that could not be read, and why.
    pub unread_archives: Vec<String>,
    /// What was read of the history; nothing without a repository, or when it was left out.
    pub history: Option<History>,
    /// Why there is no history, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_history: Option<String>,
    /// The `.env` files of the tree.
    pub env: Vec<EnvFile>,
    /// Whether git would ignore a `.env` at the top.
    pub would_ignore_env: Option<bool>,
    /// Files that git ignores and tracks all the same.
    pub ignored_but_tracked: Vec<String>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

impl Scan {
    /// Findings that count.
    pub fn counting(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.counts())
    }
}

/// Why a scan could not be done at all.
#[derive(Debug, Error)]
pub enum ScanError {
    /// The path is not there or may not be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Scans a folder or one file.
///
/// # Errors
/// [`ScanError`] when nothing of it can be read.
pub fn scan(
    engine: &Engine,
    path: &Path,
    options: &ScanOptions,
    stop: &AtomicBool,
) -> Result<Scan, ScanError> {
    let unreadable = |source| ScanError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let about = std::fs::metadata(path).map_err(unreadable)?;
    let mut scan = empty();
    if about.is_file() {
        let name = path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let file = tree::File {
            path: name,
            place: path.to_owned(),
            bytes: about.len(),
        };
        File::open(path).map_err(unreadable)?;
        scan.no_history = Some("one file was given".to_owned());
        read_files(engine, &[file], options, stop, &mut scan);
    } else {
        std::fs::read_dir(path).map_err(unreadable)?;
        let repo = repository(path, &mut scan);
        let listing = tree::list(path, repo.as_ref());
        scan.unread.extend(listing.unread);
        scan.notes.extend(listing.notes);
        if listing.links > 0 {
            scan.notes
                .push(format!("{} symbolic links were not followed", listing.links));
        }
        for tracked in &listing.ignored_but_tracked {
            scan.notes.push(format!(
                "{tracked} is ignored and tracked all the same: whatever is written to it is committed"
            ));
        }
        scan.env = listing.env;
        scan.would_ignore_env = listing.would_ignore_env;
        scan.ignored_but_tracked = listing.ignored_but_tracked;
        let bare = repo.as_ref().is_some_and(gix::Repository::is_bare);
        if !bare {
            read_files(engine, &listing.files, options, stop, &mut scan);
        }
        match &repo {
            Some(repo) if options.history => read_history(engine, path, repo, options, stop, &mut scan),
            Some(_) => scan.no_history = Some("it was left out".to_owned()),
            None => {
                scan.no_history
                    .get_or_insert_with(|| "this is no git repository".to_owned());
            }
        }
    }
    scan.findings.extend(options.imported.iter().cloned());
    finish(&mut scan, options);
    Ok(scan)
}

fn empty() -> Scan {
    Scan {
        schema: "golive.scan/1".to_owned(),
        findings: Vec::new(),
        files: 0,
        bytes: 0,
        archives: 0,
        members: 0,
        unread: Vec::new(),
        unread_archives: Vec::new(),
        history: None,
        no_history: None,
        env: Vec::new(),
        would_ignore_env: None,
        ignored_but_tracked: Vec::new(),
        notes: Vec::new(),
    }
}

/// The repository the folder belongs to. One that is there and cannot be opened is told: then the history is not read.
fn repository(path: &Path, scan: &mut Scan) -> Option<gix::Repository> {
    match gix::discover(path) {
        Ok(repo) => {
            let inside = repo.workdir().is_none_or(|top| {
                let real = |path: &Path| path.canonicalize().ok();
                real(path)
                    .zip(real(top))
                    .is_some_and(|(path, top)| path.starts_with(top))
            });
            inside.then_some(repo)
        }
        Err(error) => {
            if path.join(".git").exists() {
                scan.no_history = Some(format!("the repository cannot be opened: {error}"));
            }
            None
        }
    }
}

#[derive(Default)]
struct OneFile {
    findings: Vec<Finding>,
    bytes: u64,
    archive: bool,
    members: u64,
    unread: Vec<String>,
    unread_archive: Vec<String>,
    lfs: bool,
}

fn read_files(
    engine: &Engine,
    files: &[tree::File],
    options: &ScanOptions,
    stop: &AtomicBool,
    scan: &mut Scan,
) {
    let results = spread(
        files.len(),
        options.threads,
        stop,
        || (),
        |(), number| Some(one_file(engine, &files[number])),
    );
    let mut lfs = 0;
    for result in results {
        scan.files += 1;
        scan.bytes += result.bytes;
        scan.archives += u64::from(result.archive);
        scan.members += result.members;
        scan.unread.extend(result.unread);
        scan.unread_archives.extend(result.unread_archive);
        scan.findings.extend(result.findings);
        lfs += u64::from(result.lfs);
    }
    if lfs > 0 {
        scan.notes.push(format!("{lfs} files are pointers to large files kept elsewhere (git LFS): what they point at was not read"));
    }
}

fn one_file(engine: &Engine, file: &tree::File) -> OneFile {
    let mut out = OneFile::default();
    let opened = match File::open(&file.place) {
        Ok(opened) => opened,
        Err(error) => {
            out.unread.push(format!("{}: {error}", file.path));
            return out;
        }
    };
    let mut head = [0; archive::HEAD];
    let got = opened.read_at(&mut head, 0).unwrap_or(0);
    out.lfs = head.starts_with(b"version https://git-lfs.github.com/spec/");
    let source = Source {
        path: &file.path,
        origin: Origin::Tree,
        commit: None,
    };
    if let Some(kind) = archive::sniff(&head[..got]) {
        let source = Source {
            origin: Origin::Archive,
            ..source
        };
        let opened = archive::open(engine, &source, kind, &opened);
        out.archive = true;
        out.bytes = file.bytes + opened.bytes;
        out.members = u64::from(opened.members);
        out.findings = opened.findings;
        out.unread_archive = opened.unread;
        return out;
    }
    // What grows while it is read would never end.
    let mut bounded = opened.take(file.bytes.saturating_mul(2).max(1 << 20));
    match engine.read(&source, &mut bounded) {
        Ok(read) => {
            out.bytes = read.bytes;
            out.findings = read.findings;
            if read.left_out > 0 {
                out.unread.push(format!(
                    "{}: {} more findings were not kept",
                    file.path, read.left_out
                ));
            }
        }
        Err(error) => out.unread.push(format!("{}: {error}", file.path)),
    }
    out
}

fn read_history(
    engine: &Engine,
    path: &Path,
    repo: &gix::Repository,
    options: &ScanOptions,
    stop: &AtomicBool,
    scan: &mut Scan,
) {
    let below = repo.workdir().and_then(|top| {
        let below = path
            .canonicalize()
            .ok()?
            .strip_prefix(top.canonicalize().ok()?)
            .ok()?
            .to_string_lossy()
            .into_owned();
        (!below.is_empty()).then(|| format!("{below}/"))
    });
    if below.is_some() {
        scan.notes
            .push("a part of a repository was given: of its history only this part was read".to_owned());
    }
    let (history, found) = history::read(
        engine,
        repo,
        below.as_deref().unwrap_or(""),
        options.threads,
        stop,
    );
    if history.shallow {
        scan.notes
            .push("this is a shallow clone: the older history is not here and was not read".to_owned());
    }
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (at, finding) in scan.findings.iter().enumerate() {
        known.entry(finding.fingerprint.clone()).or_insert(at);
    }
    for finding in found {
        match known.get(&finding.fingerprint) {
            // It stands in the tree as well: one finding, with the commit that brought it.
            Some(at) => {
                scan.findings[*at].in_history = true;
                scan.findings[*at].commit = finding.commit;
            }
            None => scan.findings.push(finding),
        }
    }
    scan.history = Some(history);
}

fn finish(scan: &mut Scan, options: &ScanOptions) {
    scan.findings.sort_by(|a, b| a.order().cmp(&b.order()));
    if let Some(baseline) = &options.baseline {
        let notes = baseline.apply(&mut scan.findings, options.today);
        scan.notes.extend(notes);
    }
}
