//! M2 S7: the spill file: where rows wait while the database takes none.
//!
//! Layout: a header of 64 bytes, then records one after the other, then a zero length, inside a file
//! whose blocks were all reserved when it was made, so that a full disk cannot stop it. (On
//! copy-on-write file systems the reservation is a promise the file system may break.) A record is
//! `length u32 | crc32 u32 | sealed row`; the checksum covers the file's generation and the record's
//! offset, so what an earlier generation left behind is never taken for a record, and a torn last
//! record ends the reading. Emptying the file is one small write: a new random generation.
//!
//! Never: holds anything in clear, grows, or gives up a record before the database has it.

mod record;

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::backend::Value;
use crate::seal::{Keyring, Place, Purpose, SealError};

const MAGIC: &[u8; 8] = b"GLVSPIL1";
const HEADER: u64 = 64;

/// The smallest file that is of any use: a header and a few rows.
pub(crate) const MIN_SIZE: u64 = 64 * 1024;

/// The file, and where its records begin and end.
pub(crate) struct Spill {
    file: File,
    generation: u64,
    /// Where the records not yet in the database begin.
    begin: u64,
    /// Where the next record goes.
    end: u64,
    size: u64,
    sync: bool,
}

/// Why the spill file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    /// No room for it, or no right to write there.
    #[error("cannot reserve {size} bytes for {path}; make room or lower `spill_size`")]
    Reserve {
        /// The file.
        path: PathBuf,
        /// Bytes that were to be reserved.
        size: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file of that name that golive did not write.
    #[error("{0} is not a spill file of golive; move it away")]
    Foreign(PathBuf),
    /// Records of a store that is gone, or of another master key.
    #[error(
        "{0} holds rows that belong to another store; put that store's database back, or move this file away"
    )]
    Orphan(PathBuf),
    /// Reading or writing failed.
    #[error("cannot read or write {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Records read from the file.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// The rows, in the order in which they were appended.
    pub(crate) rows: Vec<Vec<Value>>,
    /// Records whose checksum fits and whose seal does not: changed on purpose. Skipped.
    pub(crate) forged: u64,
    /// Where the next chunk begins.
    pub(crate) next: u64,
}

impl Spill {
    /// Opens the file or makes it, reserves its blocks, and finds the end of its records.
    pub(crate) fn open(path: &Path, size: u64, sync: bool) -> Result<Spill, SpillError> {
        let failed = |source| SpillError::Io {
            path: path.to_owned(),
            source,
        };
        let mut options = std::fs::OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        let existing = file.metadata().map_err(failed)?.len();
        let size = size.max(MIN_SIZE);
        let mut spill = Spill {
            file,
            generation: 0,
            begin: HEADER,
            end: HEADER,
            size: size.max(existing),
            sync,
        };
        spill.generation = match spill.read_header().map_err(failed)? {
            Header::Written(generation) => generation,
            Header::Blank => 0,
            Header::Foreign => return Err(SpillError::Foreign(path.to_owned())),
        };
        spill.reserve().map_err(|source| SpillError::Reserve {
            path: path.to_owned(),
            size,
            source,
        })?;
        if spill.generation != 0 {
            spill.end = spill.scan().map_err(failed)?;
        }
        if spill.is_empty() {
            if existing > size {
                spill.file.set_len(size).map_err(failed)?;
                spill.size = size;
            }
            spill.reset().map_err(failed)?;
        }
        Ok(spill)
    }

    /// The generation and the place up to which the database has the records: kept in the database
    /// with them, so that a drain that is interrupted goes on where it stopped.
    pub(crate) fn mark(&self, next: u64) -> String {
        format!("{:016x}:{next}", self.generation)
    }

    /// Skips what the database has already, by its own mark.
    pub(crate) fn skip_to(&mut self, mark: &str) {
        let Some((generation, offset)) = mark.split_once(':') else {
            return;
        };
        if u64::from_str_radix(generation, 16) == Ok(self.generation)
            && let Ok(offset) = offset.parse::<u64>()
            && (self.begin..=self.end).contains(&offset)
        {
            self.begin = offset;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.begin == self.end
    }

    /// Bytes of records that are still needed or not yet given up.
    pub(crate) fn used(&self) -> u64 {
        if self.is_empty() { 0 } else { self.end - HEADER }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Appends rows in order, each that fits. Says of each whether it stands in the file. An error
    /// means that none of them may be counted on.
    pub(crate) fn append(&mut self, rows: &[&[Value]], keyring: &Keyring) -> Result<Vec<bool>, AppendError> {
        let mut buffer = Vec::new();
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            let offset = self.end + buffer.len() as u64;
            let sealed = keyring.seal(
                Purpose::Spill,
                &self.place(&self.address(offset)),
                &record::encode(row),
            )?;
            let needed = (record::FRAME + sealed.len() + record::END.len()) as u64;
            let fits = offset + needed <= self.size;
            if fits {
                record::frame(&mut buffer, self.generation, offset, &sealed);
            }
            kept.push(fits);
        }
        if !buffer.is_empty() {
            let length = buffer.len() as u64;
            buffer.extend_from_slice(&record::END);
            self.file.write_all_at(&buffer, self.end)?;
            self.sync_if_asked()?;
            self.end += length;
        }
        Ok(kept)
    }

    /// The next records, at most so many and about so many bytes; at least one if there is one.
    pub(crate) fn read(&self, max_rows: usize, max_bytes: usize, keyring: &Keyring) -> io::Result<Chunk> {
        let mut chunk = Chunk {
            next: self.begin,
            ..Chunk::default()
        };
        let mut bytes = 0;
        while chunk.next < self.end && chunk.rows.len() < max_rows && bytes < max_bytes {
            let Some(sealed) = self.record_at(chunk.next, self.end)? else {
                break;
            };
            let address = self.address(chunk.next);
            let opened = keyring.open(Purpose::Spill, &self.place(&address), &sealed).ok();
            match opened.as_deref().and_then(record::decode) {
                Some(row) => chunk.rows.push(row),
                None => chunk.forged += 1,
            }
            bytes += sealed.len();
            chunk.next += (record::FRAME + sealed.len()) as u64;
        }
        Ok(chunk)
    }

    /// The database has everything up to here. When that is all, the file is emptied.
    pub(crate) fn drained_to(&mut self, next: u64) -> io::Result<()> {
        self.begin = next.min(self.end);
        if self.is_empty() { self.reset() } else { Ok(()) }
    }

    /// Whether the first waiting record opens under this store's keys.
    pub(crate) fn belongs_to(&self, keyring: &Keyring) -> io::Result<bool> {
        if self.is_empty() {
            return Ok(true);
        }
        let chunk = self.read(1, 1, keyring)?;
        Ok(chunk.forged == 0)
    }

    /// A new generation: nothing that stands in the file is a record any more.
    fn reset(&mut self) -> io::Result<()> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| io::Error::other("the system gave no randomness"))?;
        let generation = u64::from_le_bytes(random).max(1); // 0 means that no header was written yet
        let mut header = [0; HEADER as usize + record::END.len()];
        header[..8].copy_from_slice(MAGIC);
        header[8..16].copy_from_slice(&generation.to_le_bytes());
        let sum = crc32fast::hash(&header[..16]);
        header[16..20].copy_from_slice(&sum.to_le_bytes());
        self.file.write_all_at(&header, 0)?;
        self.sync_if_asked()?;
        (self.generation, self.begin, self.end) = (generation, HEADER, HEADER);
        Ok(())
    }

    fn reserve(&self) -> io::Result<()> {
        match fallocate(&self.file, FallocateFlags::empty(), 0, self.size) {
            Ok(()) => Ok(()),
            // This file system cannot reserve: write the blocks that are missing.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                let mut at = self.file.metadata()?.len();
                let zeros = vec![0; 1 << 20];
                while at < self.size {
                    let length = zeros.len().min((self.size - at) as usize);
                    self.file.write_all_at(&zeros[..length], at)?;
                    at += length as u64;
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn read_header(&self) -> io::Result<Header> {
        let mut header = [0; 20];
        let length = self.file.metadata()?.len().min(header.len() as u64) as usize;
        self.file.read_exact_at(&mut header[..length], 0)?;
        if header == [0; 20] {
            return Ok(Header::Blank);
        }
        let (body, sum) = header.split_at(16);
        if &body[..8] != MAGIC || crc32fast::hash(body).to_le_bytes() != sum {
            return Ok(Header::Foreign);
        }
        let mut generation = [0; 8];
        generation.copy_from_slice(&body[8..]);
        Ok(Header::Written(u64::from_le_bytes(generation)))
    }

    /// Where the whole records end.
    fn scan(&self) -> io::Result<u64> {
        let mut at = HEADER;
        while let Some(sealed) = self.record_at(at, self.size)? {
            at += (record::FRAME + sealed.len()) as u64;
        }
        Ok(at)
    }

    fn record_at(&self, offset: u64, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let mut frame = [0; record::FRAME];
        if offset + frame.len() as u64 > limit {
            return Ok(None);
        }
        self.file.read_exact_at(&mut frame, offset)?;
        let (length, sum) = record::read_frame(&frame);
        if length == 0 || u64::from(length) > limit - offset - frame.len() as u64 {
            return Ok(None);
        }
        let mut sealed = vec![0; length as usize];
        self.file
            .read_exact_at(&mut sealed, offset + frame.len() as u64)?;
        Ok((record::sum(self.generation, offset, &sealed) == sum).then_some(sealed))
    }

    fn address(&self, offset: u64) -> [u8; 16] {
        let mut address = [0; 16];
        address[..8].copy_from_slice(&self.generation.to_be_bytes());
        address[8..].copy_from_slice(&offset.to_be_bytes());
        address
    }

    fn place<'a>(&self, address: &'a [u8; 16]) -> Place<'a> {
        Place {
            table: "spill",
            column: "record",
            row: address,
        }
    }

    fn sync_if_asked(&self) -> io::Result<()> {
        if self.sync { self.file.sync_data() } else { Ok(()) }
    }
}

/// Why rows could not be appended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppendError {
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

enum Header {
    Blank,
    Written(u64),
    Foreign,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seal::tests::keyring;

    fn rows(count: i64) -> Vec<Vec<Value>> {
        (0..count)
            .map(|n| {
                vec![
                    n.into(),
                    Value::text(&"x".repeat(n as usize % 50)),
                    Value::Bytes(None),
                ]
            })
            .collect()
    }

    fn append(spill: &mut Spill, rows: &[Vec<Value>]) -> Vec<bool> {
        spill
            .append(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>(), &keyring())
            .unwrap()
    }

    fn all(spill: &Spill) -> Vec<Vec<Value>> {
        spill.read(usize::MAX, usize::MAX, &keyring()).unwrap().rows
    }

    #[test]
    fn rows_come_back_in_order_after_reopening_and_the_file_never_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let mut spill = Spill::open(&path, MIN_SIZE, true).unwrap();
        assert!(append(&mut spill, &rows(20)).iter().all(|kept| *kept));
        assert!(append(&mut spill, &rows(5)).iter().all(|kept| *kept));
        drop(spill);
        let spill = Spill::open(&path, MIN_SIZE, true).unwrap();
        assert_eq!(all(&spill), [rows(20), rows(5)].concat());
        assert_eq!(std::fs::metadata(&path).unwrap().len(), MIN_SIZE);
        let bytes = std::fs::read(&path).unwrap();
        assert!(
            !bytes.windows(10).any(|window| window == b"xxxxxxxxxx"),
            "a row stands in clear"
        );
    }

    #[test]
    fn what_does_not_fit_is_said_and_what_was_drained_makes_room_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::open(&folder.path().join("s"), MIN_SIZE, false).unwrap();
        let big = vec![vec![Value::bytes(&[1; 20_000])]; 5];
        assert_eq!(append(&mut spill, &big), [true, true, true, false, false]);
        let first = spill.read(1, usize::MAX, &keyring()).unwrap();
        spill.drained_to(first.next).unwrap();
        assert_eq!(all(&spill).len(), 2);
        spill.drained_to(spill.end).unwrap();
        assert_eq!((spill.used(), all(&spill).len()), (0, 0));
        assert_eq!(append(&mut spill, &big[..3]), [true, true, true]);
    }

    #[test]
    fn a_drain_that_was_interrupted_goes_on_where_the_database_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let mut spill = Spill::open(&path, MIN_SIZE, false).unwrap();
        append(&mut spill, &rows(10));
        let mark = spill.mark(spill.read(4, usize::MAX, &keyring()).unwrap().next);
        drop(spill);
        let mut spill = Spill::open(&path, MIN_SIZE, false).unwrap();
        spill.skip_to("0000000000000001:64"); // of another generation
        assert_eq!(all(&spill).len(), 10);
        spill.skip_to(&mark);
        assert_eq!(all(&spill), rows(10)[4..]);
    }

    #[test]
    fn a_foreign_file_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        std::fs::write(&path, "my novel, chapter one, and no spill file").unwrap();
        assert!(matches!(
            Spill::open(&path, MIN_SIZE, false),
            Err(SpillError::Foreign(_))
        ));
        assert!(std::fs::read(&path).unwrap().starts_with(b"my novel"));
    }

    #[test]
    fn a_record_moved_to_another_place_does_not_open() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::open(&folder.path().join("s"), MIN_SIZE, false).unwrap();
        append(&mut spill, &rows(2));
        let sealed = spill.record_at(HEADER, spill.end).unwrap().unwrap();
        let second = HEADER + (record::FRAME + sealed.len()) as u64;
        // One who can write the file also makes the checksum fit; the seal is what refuses.
        let mut forged = Vec::new();
        record::frame(&mut forged, spill.generation, second, &sealed);
        spill.file.write_all_at(&forged, second).unwrap();
        spill.end = second + forged.len() as u64;
        let chunk = spill.read(9, usize::MAX, &keyring()).unwrap();
        assert_eq!((chunk.rows.len(), chunk.forged), (1, 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_file_cut_or_overwritten_anywhere_gives_a_beginning_of_what_was_written(
            count in 1..30i64, cut in any::<prop::sample::Index>(), junk in any::<u8>(), stale in any::<bool>()
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("s");
            let mut spill = Spill::open(&path, MIN_SIZE, false).unwrap();
            if stale {
                append(&mut spill, &rows(60)); // an earlier generation lies under the new records
                spill.drained_to(spill.end).unwrap();
            }
            append(&mut spill, &rows(count));
            let cut = HEADER + cut.index((spill.end - HEADER) as usize) as u64;
            spill.file.write_all_at(&vec![junk; (MIN_SIZE - cut) as usize], cut).unwrap();
            drop(spill);
            let spill = Spill::open(&path, MIN_SIZE, false).unwrap();
            let read = all(&spill);
            prop_assert!(read.len() as i64 <= count);
            prop_assert_eq!(&read[..], &rows(count)[..read.len()]);
        }
    }
}
