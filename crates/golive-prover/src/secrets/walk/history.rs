//! S1: every object of a repository: what commits, tags, stashes and reflogs lead to, and what nothing leads to any more.
//! First the names: each blob's first commit and path. Then the objects themselves, wherever they lie.
//!
//! Never: calls a history read of which a part is missing. A shallow clone says so.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use gix::bstr::ByteSlice as _;
use gix::objs::Kind as ObjectKind;
use gix::revision::walk::Sorting;
use gix::{ObjectId, Repository};
use serde::Serialize;

use super::archive;
use super::spread;
use super::tree::is_env;
use crate::secrets::engine::Engine;
use crate::secrets::finding::{Finding, Origin};
use crate::secrets::stream::Source;

/// Objects that one thread takes at a time.
const BATCH: usize = 64;
/// A blob is decoded in memory; one longer than this is told and left.
const LARGEST: u64 = 512 * 1024 * 1024;

/// What was read of a history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct History {
    /// Commits that can be reached.
    pub commits: u64,
    /// Blobs, commits and tags that were read.
    pub objects: u64,
    /// Of these, blobs that nothing leads to.
    pub unreachable: u64,
    /// Part of the history is not here.
    pub shallow: bool,
    /// What could not be read, and why.
    pub unread: Vec<String>,
    /// `.env` files that a commit holds: path and commit.
    pub env_files: Vec<String>,
}

/// Reads all of it. `below` (empty, or ending in `/`) leaves out paths elsewhere.
pub(in crate::secrets) fn read(
    engine: &Engine,
    repo: &Repository,
    below: &str,
    threads: usize,
    stop: &AtomicBool,
) -> (History, Vec<Finding>) {
    let mut history = History {
        shallow: repo.is_shallow().unwrap_or(true),
        ..History::default()
    };
    let names = Names::of(repo, &mut history);
    let objects = objects(repo, &mut history);
    let shared = repo.clone().into_sync();
    let batches: Vec<&[ObjectId]> = objects.chunks(BATCH).collect();
    let results = spread(
        batches.len(),
        threads,
        stop,
        || shared.to_thread_local(),
        |repo, number| Some(batch(engine, repo, batches[number], &names, below)),
    );
    let mut found: Vec<(u32, Finding)> = Vec::new();
    for result in results {
        history.objects += result.objects;
        history.unreachable += result.unreachable;
        history.unread.extend(result.unread);
        found.extend(result.found);
    }
    // The same credential in many versions of a file is one finding: that of the first commit.
    found.sort_by(|a, b| {
        (&a.1.fingerprint, a.0, a.1.line, a.1.column).cmp(&(&b.1.fingerprint, b.0, b.1.line, b.1.column))
    });
    found.dedup_by(|a, b| a.1.fingerprint == b.1.fingerprint);
    (history, found.into_iter().map(|(_, finding)| finding).collect())
}

/// Whence a blob came.
struct Names {
    commits: Vec<ObjectId>,
    blobs: HashMap<ObjectId, (u32, String)>,
}

impl Names {
    fn of(repo: &Repository, history: &mut History) -> Names {
        let mut names = Names {
            commits: Vec::new(),
            blobs: HashMap::new(),
        };
        let tips = tips(repo, history);
        match repo
            .rev_walk(tips)
            .sorting(Sorting::ByCommitTime(Default::default()))
            .all()
        {
            Ok(walk) => {
                for info in walk {
                    match info {
                        Ok(info) => names.commits.push(info.id),
                        Err(error) => history.unread.push(format!("a commit: {error}")),
                    }
                }
            }
            Err(error) => history.unread.push(format!("the commits: {error}")),
        }
        names.commits.reverse();
        history.commits = names.commits.len() as u64;
        let mut seen = HashSet::new();
        for number in 0..names.commits.len() {
            let tree = repo
                .find_commit(names.commits[number])
                .and_then(|commit| commit.tree_id().map(|id| id.detach()));
            match tree {
                Ok(tree) => names.descend(repo, tree, number as u32, &mut seen, history),
                Err(error) => history
                    .unread
                    .push(format!("commit {}: {error}", names.commits[number])),
            }
        }
        // What is staged has a path and no commit yet.
        if let Ok(index) = repo.index_or_empty() {
            for entry in index.entries() {
                let path = entry.path(&index).to_str_lossy().into_owned();
                names.blobs.entry(entry.id).or_insert((u32::MAX, path));
            }
        }
        names
    }

    fn descend(
        &mut self,
        repo: &Repository,
        tree: ObjectId,
        commit: u32,
        seen: &mut HashSet<ObjectId>,
        history: &mut History,
    ) {
        let mut open = vec![(tree, String::new())];
        while let Some((id, path)) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            let tree = match repo.find_tree(id) {
                Ok(tree) => tree,
                Err(error) => {
                    history.unread.push(format!("tree {id}: {error}"));
                    continue;
                }
            };
            for entry in tree.iter().flatten() {
                let name = entry.filename().to_str_lossy();
                let path = if path.is_empty() {
                    name.clone().into_owned()
                } else {
                    format!("{path}/{name}")
                };
                let mode = entry.mode();
                if mode.is_tree() {
                    open.push((entry.object_id(), path));
                } else if mode.is_blob() {
                    if is_env(&name)
                        && !history
                            .env_files
                            .iter()
                            .any(|known| known.starts_with(&format!("{path} in ")))
                    {
                        history
                            .env_files
                            .push(format!("{path} in {}", self.commits[commit as usize]));
                    }
                    self.blobs.entry(entry.object_id()).or_insert((commit, path));
                }
            }
        }
    }
}

/// Every commit that something leads to: references of all kinds, `HEAD`, and what the reflogs remember, stashes too.
fn tips(repo: &Repository, history: &mut History) -> Vec<ObjectId> {
    let mut ids: HashSet<ObjectId> = HashSet::new();
    if let Ok(head) = repo.head_id() {
        ids.insert(head.detach());
    }
    match repo.references() {
        Ok(platform) => match platform.all() {
            Ok(all) => {
                for reference in all {
                    match reference {
                        Ok(mut reference) => {
                            if let Ok(id) = reference.peel_to_id() {
                                ids.insert(id.detach());
                            }
                        }
                        Err(error) => history.unread.push(format!("a reference: {error}")),
                    }
                }
            }
            Err(error) => history.unread.push(format!("the references: {error}")),
        },
        Err(error) => history.unread.push(format!("the references: {error}")),
    }
    reflogs(&repo.common_dir().join("logs"), &mut ids, 0);
    reflogs(&repo.git_dir().join("logs"), &mut ids, 0);
    let mut tips: Vec<ObjectId> = ids
        .into_iter()
        .filter(|id| {
            repo.find_header(*id)
                .is_ok_and(|header| header.kind() == ObjectKind::Commit)
        })
        .collect();
    tips.sort();
    tips
}

/// A reflog's line begins with the old and the new id.
fn reflogs(folder: &Path, ids: &mut HashSet<ObjectId>, depth: u8) {
    let Ok(all) = fs::read_dir(folder) else { return };
    for entry in all.flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth < 16 => reflogs(&path, ids, depth + 1),
            Ok(kind) if kind.is_file() => {
                let text = fs::read(&path).unwrap_or_default();
                for word in text.lines().flat_map(|line| line.split(|b| *b == b' ').take(2)) {
                    if let Ok(id) = ObjectId::from_hex(word) {
                        ids.insert(id);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The ids of all objects, packed and loose, in the order of the packs.
fn objects(repo: &Repository, history: &mut History) -> Vec<ObjectId> {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    match repo.objects.iter() {
        Ok(iter) => {
            for id in iter
                .with_ordering(gix::odb::store::iter::Ordering::PackAscendingOffsetThenLooseLexicographical)
            {
                match id {
                    Ok(id) if seen.insert(id) => all.push(id),
                    Ok(_) => {}
                    Err(error) => history.unread.push(format!("an object: {error}")),
                }
            }
        }
        Err(error) => history.unread.push(format!("the objects: {error}")),
    }
    all
}

#[derive(Default)]
struct Batch {
    found: Vec<(u32, Finding)>,
    objects: u64,
    unreachable: u64,
    unread: Vec<String>,
}

fn batch(engine: &Engine, repo: &Repository, ids: &[ObjectId], names: &Names, below: &str) -> Batch {
    let mut out = Batch::default();
    for id in ids {
        let header = match repo.find_header(*id) {
            Ok(header) => header,
            Err(error) => {
                out.unread.push(format!("object {id}: {error}"));
                continue;
            }
        };
        let kind = header.kind();
        let name = names.blobs.get(id);
        if kind == ObjectKind::Tree
            || (!below.is_empty() && name.is_none_or(|(_, path)| !path.starts_with(below)))
        {
            continue;
        }
        if header.size() > LARGEST {
            out.unread
                .push(format!("object {id}: {} bytes are too many", header.size()));
            continue;
        }
        let object = match repo.find_object(*id) {
            Ok(object) => object,
            Err(error) => {
                out.unread.push(format!("object {id}: {error}"));
                continue;
            }
        };
        out.objects += 1;
        let (rank, path, commit) = match (kind, name) {
            (ObjectKind::Commit, _) => (
                u32::MAX - 1,
                format!("message of commit {id}"),
                Some(id.to_string()),
            ),
            (ObjectKind::Tag, _) => (u32::MAX - 1, format!("message of tag {id}"), None),
            (_, Some((u32::MAX, path))) => (u32::MAX, path.clone(), None),
            (_, Some((number, path))) => (
                *number,
                path.clone(),
                Some(names.commits[*number as usize].to_string()),
            ),
            (_, None) => {
                out.unreachable += 1;
                (u32::MAX, format!("blob {id}, which nothing leads to"), None)
            }
        };
        let path = path.strip_prefix(below).unwrap_or(&path);
        let source = Source {
            path,
            origin: Origin::History,
            commit: commit.as_deref(),
        };
        let data: &[u8] = &object.data;
        let findings = match archive::sniff(&data[..data.len().min(archive::HEAD)]) {
            Some(archive::Kind::Closed(_)) => Vec::new(),
            Some(kind) => {
                let opened = archive::open(engine, &source, kind, &data);
                out.unread.extend(opened.unread);
                opened.findings
            }
            None => engine.bytes(&source, data).findings,
        };
        out.found
            .extend(findings.into_iter().map(|finding| (rank, finding)));
    }
    out
}
