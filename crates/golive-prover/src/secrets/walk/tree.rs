//! S1: the files of a work tree. What git ignores and does not track is left alone: that is where `.env` belongs. What it
//! ignores and tracks all the same is read, and told.
//!
//! Never: follows a link, opens a device or a pipe, or goes into `.git`.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice as _;
use serde::Serialize;

/// One file to be read.
#[derive(Debug, Clone)]
pub(in crate::secrets) struct File {
    /// Below the folder that is scanned, `/` between names.
    pub(in crate::secrets) path: String,
    pub(in crate::secrets) place: PathBuf,
    pub(in crate::secrets) bytes: u64,
}

/// One `.env` file, as it lies there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnvFile {
    /// Its path.
    pub path: String,
    /// Git ignores it. Unknown without a repository.
    pub ignored: Option<bool>,
    /// Git tracks it. Unknown without a repository.
    pub tracked: Option<bool>,
    /// Its permissions, as `600`.
    pub mode: String,
    /// Only its owner may read it.
    pub private: bool,
}

/// What lies in the tree.
#[derive(Debug, Default)]
pub(in crate::secrets) struct Listing {
    pub(in crate::secrets) files: Vec<File>,
    pub(in crate::secrets) env: Vec<EnvFile>,
    pub(in crate::secrets) ignored_but_tracked: Vec<String>,
    /// What could not be looked at, and why.
    pub(in crate::secrets) unread: Vec<String>,
    pub(in crate::secrets) notes: Vec<String>,
    pub(in crate::secrets) links: u64,
    /// Whether a `.env` at the top would be ignored. Unknown without a repository.
    pub(in crate::secrets) would_ignore_env: Option<bool>,
}

/// Lists what is to be read below `root`, in order of path.
pub(in crate::secrets) fn list(root: &Path, repo: Option<&gix::Repository>) -> Listing {
    let mut listing = Listing::default();
    let rules = repo.and_then(|repo| match Rules::of(repo, root) {
        Ok(rules) => Some(rules),
        Err(why) => {
            listing.notes.push(format!(
                "the rules of .gitignore could not be read, so nothing is taken for ignored: {why}"
            ));
            None
        }
    });
    let mut walk = Walk { root, rules, listing };
    if let Some(rules) = &mut walk.rules {
        walk.listing.would_ignore_env = Some(rules.ignored(".env", false));
        for path in &rules.submodules {
            walk.listing.notes.push(format!(
                "{path} is a submodule: its files were read, its history was not; scan it by itself"
            ));
        }
    }
    walk.folder(root, "", false, 0);
    walk.listing.files.sort_by(|a, b| a.path.cmp(&b.path));
    walk.listing.env.sort_by(|a, b| a.path.cmp(&b.path));
    walk.listing
}

/// The deepest folder that is gone into.
const DEEPEST: usize = 128;

struct Walk<'a> {
    root: &'a Path,
    rules: Option<Rules<'a>>,
    listing: Listing,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, below: &str, ignored: bool, depth: usize) {
        let read = fs::read_dir(folder).and_then(|all| all.collect::<Result<Vec<_>, _>>());
        let mut all = match read {
            Ok(all) => all,
            Err(error) => {
                self.listing.unread.push(format!("{below}/: {error}"));
                return;
            }
        };
        if depth > DEEPEST {
            self.listing
                .unread
                .push(format!("{below}/: deeper than {DEEPEST} folders"));
            return;
        }
        all.sort_by_key(fs::DirEntry::file_name);
        for entry in all {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if below.is_empty() {
                name.clone()
            } else {
                format!("{below}/{name}")
            };
            if name == ".git" {
                if folder != self.root && !self.is_submodule(below) {
                    self.listing.notes.push(format!(
                        "{below} is a repository of its own: its history was not read; scan it by itself"
                    ));
                }
                continue;
            }
            match entry.path().symlink_metadata() {
                Ok(about) if about.is_symlink() => self.listing.links += 1,
                Ok(about) if about.is_dir() => {
                    let ignored = ignored || self.ignored(&path, true);
                    // An ignored folder is gone into only for what is tracked within.
                    if !ignored || self.tracked_below(&path) {
                        self.folder(&entry.path(), &path, ignored, depth + 1);
                    }
                }
                Ok(about) if about.is_file() => self.file(entry.path(), path, &name, &about, ignored),
                Ok(_) => {}
                Err(error) => self.listing.unread.push(format!("{path}: {error}")),
            }
        }
    }

    fn file(&mut self, place: PathBuf, path: String, name: &str, about: &Metadata, within_ignored: bool) {
        let known = self.rules.is_some();
        let tracked = self
            .rules
            .as_ref()
            .is_some_and(|rules| rules.tracked.contains(&path));
        let ignored = known && (within_ignored || self.ignored(&path, false));
        if is_env(name) {
            let mode = about.permissions().mode() & 0o777;
            self.listing.env.push(EnvFile {
                path: path.clone(),
                ignored: known.then_some(ignored),
                tracked: known.then_some(tracked),
                mode: format!("{mode:03o}"),
                private: mode & 0o077 == 0,
            });
        }
        if ignored && tracked {
            self.listing.ignored_but_tracked.push(path.clone());
        }
        if tracked || !ignored {
            self.listing.files.push(File {
                path,
                place,
                bytes: about.len(),
            });
        }
    }

    fn ignored(&mut self, path: &str, folder: bool) -> bool {
        self.rules
            .as_mut()
            .is_some_and(|rules| rules.ignored(path, folder))
    }

    fn tracked_below(&self, path: &str) -> bool {
        let from = format!("{path}/");
        self.rules.as_ref().is_some_and(|rules| {
            rules
                .tracked
                .range(from.clone()..)
                .next()
                .is_some_and(|first| first.starts_with(&from))
        })
    }

    fn is_submodule(&self, path: &str) -> bool {
        self.rules
            .as_ref()
            .is_some_and(|rules| rules.submodules.iter().any(|known| known == path))
    }
}

/// What git says about paths below the folder that is scanned.
struct Rules<'a> {
    stack: gix::AttributeStack<'a>,
    /// From the top of the work tree to the folder that is scanned.
    prefix: String,
    tracked: BTreeSet<String>,
    submodules: Vec<String>,
}

impl<'a> Rules<'a> {
    fn of(repo: &'a gix::Repository, root: &Path) -> Result<Rules<'a>, String> {
        let top = repo.workdir().ok_or("a bare repository has no work tree")?;
        let real = |path: &Path| path.canonicalize().map_err(|error| error.to_string());
        let prefix = real(root)?
            .strip_prefix(real(top)?)
            .map(|below| below.to_string_lossy().into_owned())
            .unwrap_or_default();
        let index = repo.index_or_empty().map_err(|error| error.to_string())?;
        let stack = repo
            .excludes(&index, None, Default::default())
            .map_err(|error| error.to_string())?;
        let below = if prefix.is_empty() {
            String::new()
        } else {
            format!("{prefix}/")
        };
        let (mut tracked, mut submodules) = (BTreeSet::new(), Vec::new());
        for entry in index.entries() {
            let path = entry.path(&index).to_str_lossy().into_owned();
            let Some(path) = path.strip_prefix(&below) else {
                continue;
            };
            if entry.mode == gix::index::entry::Mode::COMMIT {
                submodules.push(path.to_owned());
            } else {
                tracked.insert(path.to_owned());
            }
        }
        Ok(Rules {
            stack,
            prefix: below,
            tracked,
            submodules,
        })
    }

    fn ignored(&mut self, path: &str, folder: bool) -> bool {
        let mode = if folder {
            gix::index::entry::Mode::DIR
        } else {
            gix::index::entry::Mode::FILE
        };
        let whole = format!("{}{path}", self.prefix);
        // A path that git cannot look up is no reason to leave a file unread.
        self.stack
            .at_path(&whole, Some(mode))
            .is_ok_and(|found| found.is_excluded())
    }
}

/// A file that holds variables for real; not one that shows which there are.
#[must_use]
pub(in crate::secrets) fn is_env(name: &str) -> bool {
    const SHOWS: &[&str] = &[
        "example", "sample", "template", "dist", "defaults", "schema", "tpl",
    ];
    name == ".env"
        || name
            .strip_prefix(".env.")
            .is_some_and(|tail| !SHOWS.iter().any(|word| tail.ends_with(word)))
}
