//! P5: what a soak has read so far, and the file it keeps it in: one JSON object a line, the head first, each line on
//! disk before the next reading is made. An interrupted soak goes on from it; a finished one is taken by `check`.
//!
//! Never: loses more than the last line, or goes on with a record of another target or another load.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a record is of. Two soaks with the same are one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// `golive.soak/1`.
    pub(super) schema: String,
    /// The target's address.
    pub(super) url: String,
    /// Requests per second.
    pub(super) rate: f64,
    /// Length of the load, seconds.
    pub(super) load_s: f64,
    /// Where memory is read, in words.
    pub(super) source: String,
}

/// The version of the file's format.
pub(super) const SCHEMA: &str = "golive.soak/1";

/// The largest record that is read: a month at a reading every 30 s is a tenth of it.
const LARGEST: u64 = 256 << 20;

/// One reading.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reading {
    /// Seconds of soaking; interruptions are left out.
    pub(super) at_s: f64,
    /// Nothing is asked for any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) idle: bool,
    /// Bytes.
    pub(super) memory: f64,
    /// Open file descriptors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) descriptors: Option<f64>,
    /// Threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) threads: Option<f64>,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) database: Option<f64>,
    /// Differs when it is another process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) process: Option<u64>,
}

/// What the load of one stretch between two interruptions came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Load {
    /// Requests sent.
    pub(super) sent: u64,
    /// Of these, answered well.
    pub(super) answered: u64,
    /// Of these, failed.
    pub(super) failed: u64,
    /// Of the failed, refused by a rate limit.
    pub(super) limited: u64,
    /// The commonest failure, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) commonest: Option<String>,
    /// 95th percentiles over its time, microseconds, in order.
    pub(super) p95_us: Vec<u64>,
    /// How it ended, if not by its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ended: Option<String>,
}

/// One line of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Head(Head),
    Reading(Reading),
    Missed(String),
    Load(Load),
    Interrupted(f64),
    Release(String),
    /// Milliseconds of Unix time.
    Finished(i64),
}

/// A soak so far.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) head: Head,
    pub(super) readings: Vec<Reading>,
    /// Readings that could not be made, by reason, the first of each kind.
    pub(super) missed: u64,
    pub(super) first_missed: Option<String>,
    pub(super) loads: Vec<Load>,
    /// Moments at which it was interrupted, seconds of soaking.
    pub(super) interruptions: Vec<f64>,
    /// Opaque names the target gave its releases, in order; one that is not named is not here.
    pub(super) releases: Vec<String>,
    /// Both the load and the idle time after it are over.
    pub(super) finished: Option<Timestamp>,
}

/// Why a record cannot be used.
#[derive(Debug, Error)]
pub(super) enum RecordError {
    /// The file cannot be read or written.
    #[error("cannot use the record {}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    /// It is no record.
    #[error("{} is no record of a soak: {what}", path.display())]
    NoRecord { path: PathBuf, what: String },
    /// It is of something else.
    #[error(
        "{} holds a soak of {what}; move it away, or add --fresh to begin anew",
        path.display()
    )]
    Another { path: PathBuf, what: String },
}

impl Record {
    /// Nothing read yet.
    pub(super) fn new(head: Head) -> Record {
        Record {
            head,
            readings: Vec::new(),
            missed: 0,
            first_missed: None,
            loads: Vec::new(),
            interruptions: Vec::new(),
            releases: Vec::new(),
            finished: None,
        }
    }

    /// Reads one; `None`: there is no such file. A last line that was cut off by a crash is left out.
    pub(super) fn read(path: &Path) -> Result<Option<Record>, RecordError> {
        let io = |source| RecordError::Io {
            path: path.to_owned(),
            source,
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let mut text = String::new();
        file.take(LARGEST).read_to_string(&mut text).map_err(io)?;
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let no_record = |what: String| RecordError::NoRecord {
            path: path.to_owned(),
            what,
        };
        let mut record: Option<Record> = None;
        for (at, line) in whole.lines().enumerate() {
            let line: Line =
                serde_json::from_str(line).map_err(|error| no_record(format!("line {}: {error}", at + 1)))?;
            match (line, &mut record) {
                (Line::Head(head), None) if head.schema == SCHEMA => record = Some(Record::new(head)),
                (Line::Head(head), None) => {
                    return Err(no_record(format!(
                        "its format is {}, and {SCHEMA} is known",
                        head.schema
                    )));
                }
                (line, Some(record)) => record.take(line),
                (_, None) => return Err(no_record("its first line is no head".to_owned())),
            }
        }
        Ok(record)
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Head(_) => {}
            Line::Reading(reading) => self.readings.push(reading),
            Line::Missed(why) => {
                self.missed += 1;
                self.first_missed.get_or_insert(why);
            }
            Line::Load(load) => self.loads.push(load),
            Line::Interrupted(at_s) => {
                // What was read while idle belongs to a load that goes on now.
                self.readings.retain(|reading| !reading.idle);
                self.interruptions.push(at_s);
            }
            Line::Release(release) => {
                if self.releases.last() != Some(&release) {
                    self.releases.push(release);
                }
            }
            Line::Finished(at) => self.finished = Timestamp::from_millisecond(at).ok(),
        }
    }

    /// How far the load has come, seconds.
    pub(super) fn soaked_s(&self) -> f64 {
        let loaded = self.readings.iter().rev().find(|reading| !reading.idle);
        loaded.map_or(0.0, |reading| reading.at_s)
    }
}

/// A record that grows, in memory and on disk if it has a file.
pub(super) struct Keeper {
    pub(super) record: Record,
    file: Option<(File, PathBuf)>,
}

impl Keeper {
    /// Keeps it in memory alone.
    pub(super) fn in_memory(head: Head) -> Keeper {
        Keeper {
            record: Record::new(head),
            file: None,
        }
    }

    /// Opens the record at `path`, or begins it. One that is finished, or of something else, is not gone on with.
    pub(super) fn open(path: &Path, head: Head) -> Result<Keeper, RecordError> {
        let another = |what: String| RecordError::Another {
            path: path.to_owned(),
            what,
        };
        let found = Record::read(path)?;
        if let Some(found) = &found {
            if found.finished.is_some() {
                return Err(another("that is finished".to_owned()));
            }
            if found.head != head {
                let had = &found.head;
                return Err(another(format!(
                    "{} at {}/s for {} s by {}",
                    had.url, had.rate, had.load_s, had.source
                )));
            }
        }
        let io = |source| RecordError::Io {
            path: path.to_owned(),
            source,
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        // A line that a crash cut off goes: what follows must begin its own.
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(path)
            .map_err(io)?;
        let end = whole_length(path).map_err(io)?;
        file.set_len(end).map_err(io)?;
        let resumed = found.is_some();
        let mut keeper = Keeper {
            record: found.unwrap_or_else(|| Record::new(head.clone())),
            file: Some((file, path.to_owned())),
        };
        if resumed {
            keeper.keep(Line::Interrupted(keeper.record.soaked_s()))?;
        } else {
            keeper.write(&Line::Head(head))?;
        }
        Ok(keeper)
    }

    pub(super) fn reading(&mut self, reading: Reading) -> Result<(), RecordError> {
        self.keep(Line::Reading(reading))
    }

    pub(super) fn missed(&mut self, why: String) -> Result<(), RecordError> {
        self.keep(Line::Missed(why))
    }

    pub(super) fn load(&mut self, load: Load) -> Result<(), RecordError> {
        self.keep(Line::Load(load))
    }

    pub(super) fn release(&mut self, release: &str) -> Result<(), RecordError> {
        self.keep(Line::Release(release.to_owned()))
    }

    pub(super) fn finished(&mut self, at: Timestamp) -> Result<(), RecordError> {
        self.keep(Line::Finished(at.as_millisecond()))
    }

    fn keep(&mut self, line: Line) -> Result<(), RecordError> {
        self.write(&line)?;
        self.record.take(line);
        Ok(())
    }

    fn write(&mut self, line: &Line) -> Result<(), RecordError> {
        let Some((file, path)) = &mut self.file else {
            return Ok(());
        };
        let io = |source| RecordError::Io {
            path: path.clone(),
            source,
        };
        let mut text = serde_json::to_vec(line).map_err(|error| io(error.into()))?;
        text.push(b'\n');
        file.write_all(&text).map_err(io)
    }
}

fn whole_length(path: &Path) -> std::io::Result<u64> {
    let bytes = std::fs::read(path)?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    Ok(end.map_or(0, |end| end as u64 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(rate: f64) -> Head {
        Head {
            schema: SCHEMA.to_owned(),
            url: "http://target".to_owned(),
            rate,
            load_s: 3_600.0,
            source: "a gauge".to_owned(),
        }
    }

    fn reading(at_s: f64, idle: bool) -> Reading {
        Reading {
            at_s,
            idle,
            memory: 1e6,
            descriptors: Some(12.0),
            threads: None,
            database: None,
            process: Some(7),
        }
    }

    #[test]
    fn an_interrupted_soak_goes_on_where_it_was_and_a_torn_line_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/soak.jsonl");
        let mut keeper = Keeper::open(&path, head(5.0)).unwrap();
        keeper.reading(reading(0.0, false)).unwrap();
        keeper.reading(reading(10.0, false)).unwrap();
        keeper.reading(reading(20.0, true)).unwrap();
        drop(keeper);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"reading\":{\"at_s\":30").unwrap();

        let mut again = Keeper::open(&path, head(5.0)).unwrap();
        assert_eq!(again.record.soaked_s(), 10.0);
        assert_eq!(again.record.interruptions, [10.0]);
        assert_eq!(
            again.record.readings.len(),
            2,
            "the idle reading belongs to a load that goes on"
        );
        again.reading(reading(15.0, false)).unwrap();
        again.finished(Timestamp::UNIX_EPOCH).unwrap();
        let kept = Record::read(&path).unwrap().unwrap();
        assert_eq!(kept.soaked_s(), 15.0);
        assert!(kept.finished.is_some());
    }

    #[test]
    fn a_record_of_another_soak_or_a_finished_one_is_not_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("soak.jsonl");
        Keeper::open(&path, head(5.0))
            .unwrap()
            .finished(Timestamp::UNIX_EPOCH)
            .unwrap();
        let refusal = |rate| {
            Keeper::open(&path, head(rate))
                .err()
                .map(|error| error.to_string())
        };
        assert!(refusal(5.0).unwrap().contains("finished"));
        std::fs::remove_file(&path).unwrap();
        drop(Keeper::open(&path, head(5.0)).unwrap());
        let said = refusal(6.0).unwrap();
        assert!(said.contains("5/s") && said.contains("--fresh"), "{said}");
    }

    #[test]
    fn a_file_that_is_no_record_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "hello\n").unwrap();
        assert!(Record::read(&path).unwrap_err().to_string().contains("line 1"));
        assert!(Record::read(&folder.path().join("none")).unwrap().is_none());
    }
}
