//! S7.rest: the files a target declares: which there are, whether they changed, and what stands in them.
//!
//! Never: follows a declared pattern beyond files, keeps a file in memory, or passes over one without a word.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::needles::{Hit, Needles};

/// Bytes read at once.
const STRETCH: usize = 4 * 1024 * 1024;

/// The most that is read in all: an hour of reading would prove less than a better pattern.
const BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;

/// Size and time of change of each file.
pub(super) type Prints = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// What a search came to.
#[derive(Debug, Default)]
pub(super) struct Searched {
    /// What was found, and where.
    pub(super) hits: Vec<(PathBuf, Hit)>,
    /// Files read to their end.
    pub(super) files: u64,
    /// Bytes read.
    pub(super) bytes: u64,
    /// Files that could not be read to their end, and why.
    pub(super) unread: Vec<String>,
}

/// The files that match, with their prints; and what is wrong with the patterns.
pub(super) fn matching(patterns: &[PathBuf]) -> (Prints, Vec<String>) {
    let (mut prints, mut wrong) = (Prints::new(), Vec::new());
    for pattern in patterns {
        let shown = pattern.display();
        let Ok(paths) = glob::glob(&pattern.to_string_lossy()) else {
            wrong.push(format!("{shown} is no pattern"));
            continue;
        };
        let before = prints.len();
        for path in paths {
            match path {
                Err(error) => wrong.push(format!(
                    "cannot look at {}: {}",
                    error.path().display(),
                    error.error()
                )),
                Ok(path) => match fs::metadata(&path) {
                    Ok(meta) if meta.is_file() => {
                        prints.insert(path, (meta.len(), meta.modified().ok()));
                    }
                    Ok(_) => {}
                    Err(error) => wrong.push(format!("cannot look at {}: {error}", path.display())),
                },
            }
        }
        if prints.len() == before {
            wrong.push(format!("{shown} matches no file that no other pattern matches"));
        }
    }
    (prints, wrong)
}

/// Searches every file to its end, those that changed since `before` first.
pub(super) fn search(patterns: &[PathBuf], before: &Prints, needles: &Needles) -> Searched {
    let (now, wrong) = matching(patterns);
    let mut done = Searched {
        unread: wrong
            .into_iter()
            .filter(|text| text.starts_with("cannot"))
            .collect(),
        ..Searched::default()
    };
    let mut paths: Vec<&PathBuf> = now.keys().collect();
    paths.sort_by_key(|path| before.get(*path) == now.get(*path));
    for path in paths {
        if done.bytes > BYTES_MAX {
            done.unread
                .push(format!("{}: more than 8 GiB in all", path.display()));
            continue;
        }
        match search_one(path, needles, &mut done) {
            Ok(()) => done.files += 1,
            Err(error) => done
                .unread
                .push(format!("cannot read {}: {error}", path.display())),
        }
    }
    done
}

fn search_one(path: &Path, needles: &Needles, done: &mut Searched) -> io::Result<()> {
    let raw = stretches(File::open(path)?, needles)?;
    done.bytes += raw.0;
    let mut hits = raw.1;
    // A file that is compressed as a whole is longer inside than any one piece that is looked into.
    let mut magic = [0; 4];
    let read = File::open(path)?.read(&mut magic)?;
    let inside = match &magic[..read] {
        [0x1f, 0x8b, 0x08, ..] => Some(stretches(
            flate2::read::MultiGzDecoder::new(File::open(path)?),
            needles,
        )),
        [0x28, 0xb5, 0x2f, 0xfd] => ruzstd::decoding::StreamingDecoder::new(File::open(path)?)
            .ok()
            .map(|decoder| stretches(decoder, needles)),
        _ => None,
    };
    // Broken packing hides nothing: what could be unpacked up to there was searched as a piece.
    if let Some(Ok((_, more))) = inside {
        hits.extend(more.into_iter().map(|hit| Hit {
            how: format!("{} inside the unpacked file", hit.how),
            ..hit
        }));
    }
    for hit in hits {
        if !done
            .hits
            .iter()
            .any(|(have, old)| have == path && old.what == hit.what && old.how == hit.how)
        {
            done.hits.push((path.to_owned(), hit));
        }
    }
    Ok(())
}

/// Reads to the end; bytes read, and the first place of each dress. Stretches overlap, so that nothing is cut.
fn stretches(mut from: impl Read, needles: &Needles) -> io::Result<(u64, Vec<Hit>)> {
    let overlap = needles.longest();
    let mut window: Vec<u8> = Vec::new();
    let (mut base, mut hits, mut total) = (0_u64, Vec::<Hit>::new(), 0_u64);
    loop {
        let kept = window.len();
        let count = (&mut from).take(STRETCH as u64).read_to_end(&mut window)?;
        total += count as u64;
        for mut hit in needles.in_bytes(&window) {
            hit.offset += base;
            if !hits
                .iter()
                .any(|have| have.what == hit.what && have.how == hit.how)
            {
                hits.push(hit);
            }
        }
        if count == 0 || total > BYTES_MAX {
            return Ok((total, hits));
        }
        let keep = overlap.min(kept + count);
        base += (window.len() - keep) as u64;
        window.drain(..window.len() - keep);
    }
}
