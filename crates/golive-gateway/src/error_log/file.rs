//! E2: a file that is rotated by size and by age: `NAME`, then `NAME.1`, `NAME.2` … the older.
//!
//! Never: loses what was acknowledged: a file that cannot be rotated is written on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use golive_config::ErrorLog as Settings;

use super::Entry;

/// The file and what rotates it.
#[derive(Debug)]
pub(super) struct Rotated {
    path: PathBuf,
    file: File,
    bytes: u64,
    begun: SystemTime,
    size: u64,
    every: Duration,
    keep: u32,
}

impl Rotated {
    pub(super) fn open(settings: &Settings) -> io::Result<Self> {
        let file = open(&settings.file)?;
        let known = file.metadata()?;
        Ok(Self {
            path: settings.file.clone(),
            bytes: known.len(),
            // Where the file system does not know when it was made, its age counts from now.
            begun: known.created().unwrap_or_else(|_| SystemTime::now()),
            file,
            size: settings.rotate_size.0,
            every: settings.rotate_every,
            keep: settings.keep,
        })
    }

    pub(super) fn append(&mut self, entry: &Entry) -> io::Result<()> {
        self.rotate_if_due()?;
        let mut line = entry.to_json();
        line.push('\n');
        self.file.write_all(line.as_bytes())?;
        self.bytes += line.len() as u64;
        Ok(())
    }

    pub(super) fn rotate_if_due(&mut self) -> io::Result<()> {
        let old = self.begun.elapsed().unwrap_or_default() >= self.every;
        if self.bytes == 0 || (self.bytes < self.size && !old) {
            return Ok(());
        }
        for number in (1..self.keep).rev() {
            let _ = fs::rename(numbered(&self.path, number), numbered(&self.path, number + 1)); // may not be there yet
        }
        if self.keep > 0 {
            fs::rename(&self.path, numbered(&self.path, 1))?;
        } else {
            fs::remove_file(&self.path)?;
        }
        self.file = open(&self.path)?;
        self.bytes = 0;
        self.begun = SystemTime::now();
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(request: &str) -> Entry {
        Entry {
            request_id: request.to_owned(),
            ..Entry::default()
        }
    }

    #[test]
    fn a_full_file_becomes_the_first_old_one_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("errors.jsonl");
        let settings = Settings {
            file: path.clone(),
            rotate_size: golive_config::ByteSize(1),
            rotate_every: Duration::from_secs(3600),
            keep: 2,
        };
        let mut log = Rotated::open(&settings).unwrap();
        for request in ["one", "two", "three", "four"] {
            log.append(&entry(request)).unwrap();
        }
        let holds = |name: &str, request: &str| {
            fs::read_to_string(folder.path().join(name))
                .unwrap()
                .contains(request)
        };
        assert!(
            holds("errors.jsonl", "four")
                && holds("errors.jsonl.1", "three")
                && holds("errors.jsonl.2", "two")
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
        // What was there when it was opened counts.
        let mut again = Rotated::open(&settings).unwrap();
        again.append(&entry("five")).unwrap();
        assert!(holds("errors.jsonl", "five") && holds("errors.jsonl.1", "four"));
    }
}
