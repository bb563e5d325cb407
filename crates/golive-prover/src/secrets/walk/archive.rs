//! S1: what lies in archives: zip (and jar, whl, docx, apk), tar, gz, and container images, one within the other.
//!
//! Every archive has a budget of bytes that may come out of it, counted over all its layers, so that a bomb ends as a note.
//!
//! Never: writes a member anywhere, or trusts a length that an archive claims.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;

use flate2::read::{DeflateDecoder, MultiGzDecoder};

use crate::secrets::engine::Engine;
use crate::secrets::finding::Finding;
use crate::secrets::stream::Source;

/// Archives within archives that are opened: an image holds layers that hold packages that hold archives.
const DEEPEST: u8 = 6;
/// Bytes that may come out of one archive in any case, and how many times its own size.
const SMALL: u64 = 64 * 1024 * 1024;
const TIMES: u64 = 200;
/// The most in any case.
const LARGE: u64 = 8 * 1024 * 1024 * 1024;
/// Members of one archive.
const MEMBERS: u32 = 200_000;
/// A zip within another is held in memory up to this.
const HELD: u64 = 64 * 1024 * 1024;

/// What a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::secrets) enum Kind {
    Zip,
    Gzip,
    Tar,
    /// Known, and not opened.
    Closed(&'static str),
}

/// Bytes that [`sniff`] needs.
pub(in crate::secrets) const HEAD: usize = 512;

/// What begins so.
pub(in crate::secrets) fn sniff(head: &[u8]) -> Option<Kind> {
    match head {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Kind::Zip),
        [0x1f, 0x8b, 8, ..] => Some(Kind::Gzip),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Kind::Closed("xz")),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => Some(Kind::Closed("bzip2")),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Kind::Closed("zstd")),
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Some(Kind::Closed("7z")),
        [b'R', b'a', b'r', b'!', 0x1a, 7, ..] => Some(Kind::Closed("rar")),
        _ if head.get(257..262) == Some(b"ustar") => Some(Kind::Tar),
        _ => None,
    }
}

/// What came out of one archive.
#[derive(Debug, Default)]
pub(in crate::secrets) struct Opened {
    pub(in crate::secrets) findings: Vec<Finding>,
    pub(in crate::secrets) members: u32,
    pub(in crate::secrets) bytes: u64,
    /// What could not be read of it, and why.
    pub(in crate::secrets) unread: Vec<String>,
}

/// Bytes at places.
pub(in crate::secrets) trait Places {
    fn at(&self, buffer: &mut [u8], place: u64) -> io::Result<usize>;
    fn size(&self) -> io::Result<u64>;
}

impl Places for File {
    fn at(&self, buffer: &mut [u8], place: u64) -> io::Result<usize> {
        self.read_at(buffer, place)
    }
    fn size(&self) -> io::Result<u64> {
        self.metadata().map(|about| about.len())
    }
}

impl Places for &[u8] {
    fn at(&self, buffer: &mut [u8], place: u64) -> io::Result<usize> {
        let from = usize::try_from(place).unwrap_or(usize::MAX).min(self.len());
        let mut rest = &self[from..];
        rest.read(buffer)
    }
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}

/// Opens what `bytes` holds and scans every member. `source` names the archive.
pub(in crate::secrets) fn open(
    engine: &Engine,
    source: &Source<'_>,
    kind: Kind,
    bytes: &dyn Places,
) -> Opened {
    let size = bytes.size().unwrap_or(0);
    let budget = Cell::new(SMALL.max(size.saturating_mul(TIMES)).min(LARGE));
    let mut opening = Opening {
        engine,
        source,
        budget: &budget,
        out: Opened::default(),
    };
    let mut from_start = Slice {
        bytes,
        at: 0,
        end: size,
    };
    match kind {
        Kind::Zip => opening.zip(source.path, bytes, 1),
        other => opening.stream(source.path, other, &mut from_start, 1),
    }
    opening.out
}

struct Opening<'a> {
    engine: &'a Engine,
    source: &'a Source<'a>,
    budget: &'a Cell<u64>,
    out: Opened,
}

impl Opening<'_> {
    fn stream(&mut self, path: &str, kind: Kind, reader: &mut dyn Read, depth: u8) {
        match kind {
            Kind::Tar => self.tar(path, reader, depth),
            Kind::Gzip => {
                let inner = path
                    .strip_suffix(".gz")
                    .or_else(|| path.strip_suffix(".tgz"))
                    .unwrap_or(path)
                    .to_owned();
                let mut plain = Counted {
                    inner: MultiGzDecoder::new(reader),
                    left: self.budget,
                };
                self.member(&inner, &mut plain, depth);
            }
            Kind::Zip => {
                let mut held = Vec::new();
                match reader.take(HELD + 1).read_to_end(&mut held) {
                    Ok(_) if held.len() as u64 > HELD => {
                        self.unread(path, "a zip within another, larger than 64 MiB")
                    }
                    Ok(_) => self.zip(path, &&held[..], depth),
                    Err(error) => self.unread(path, &error.to_string()),
                }
            }
            Kind::Closed(name) => self.unread(path, &format!("{name} is not opened")),
        }
    }

    fn tar(&mut self, path: &str, reader: &mut dyn Read, depth: u8) {
        let mut archive = tar::Archive::new(reader);
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return self.unread(path, &error.to_string()),
        };
        for entry in entries {
            let mut entry = match entry {
                Ok(entry) => entry,
                // The rest of a broken tar cannot be found.
                Err(error) => return self.unread(path, &error.to_string()),
            };
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let inner = format!("{path}!/{}", name.trim_start_matches("./"));
            if !self.one_more(path) {
                return;
            }
            let mut counted = Counted {
                inner: &mut entry,
                left: self.budget,
            };
            self.member(&inner, &mut counted, depth + 1);
        }
    }

    /// One member: an archive itself, or a file.
    fn member(&mut self, path: &str, reader: &mut dyn Read, depth: u8) {
        let mut head = Vec::with_capacity(HEAD);
        if let Err(error) = reader.take(HEAD as u64).read_to_end(&mut head) {
            return self.unread(path, &error.to_string());
        }
        let kind = sniff(&head);
        let mut whole = io::Cursor::new(head).chain(reader);
        match kind {
            Some(_) if depth > DEEPEST => self.unread(path, "archives within archives, too deep"),
            Some(kind) => self.stream(path, kind, &mut whole, depth + u8::from(kind != Kind::Tar)),
            None => {
                let source = Source {
                    path,
                    ..self.source.clone()
                };
                match self.engine.read(&source, &mut whole) {
                    Ok(read) => {
                        self.out.bytes += read.bytes;
                        self.out.findings.extend(read.findings);
                        if read.left_out > 0 {
                            self.unread(path, &format!("{} more findings were not kept", read.left_out));
                        }
                    }
                    Err(error) => self.unread(path, &error.to_string()),
                }
            }
        }
    }

    fn zip(&mut self, path: &str, bytes: &dyn Places, depth: u8) {
        let members = match directory(bytes) {
            Ok(members) => members,
            Err(error) => return self.unread(path, &error.to_string()),
        };
        for member in members {
            let inner = format!("{path}!/{}", member.name);
            if member.name.ends_with('/') {
                continue;
            }
            if !self.one_more(path) {
                return;
            }
            if member.encrypted {
                self.unread(&inner, "it is encrypted");
                continue;
            }
            let packed = match member.data(bytes) {
                Ok(packed) => packed,
                Err(error) => {
                    self.unread(&inner, &error.to_string());
                    continue;
                }
            };
            match member.method {
                0 => self.member(
                    &inner,
                    &mut Counted {
                        inner: packed,
                        left: self.budget,
                    },
                    depth + 1,
                ),
                8 => self.member(
                    &inner,
                    &mut Counted {
                        inner: DeflateDecoder::new(packed),
                        left: self.budget,
                    },
                    depth + 1,
                ),
                other => self.unread(&inner, &format!("zip method {other} is not opened")),
            }
        }
    }

    /// Counts a member; `false` when there are too many, or nothing more may come out.
    fn one_more(&mut self, path: &str) -> bool {
        self.out.members += 1;
        if self.out.members > MEMBERS {
            self.unread(path, &format!("it has more than {MEMBERS} members"));
            return false;
        }
        self.budget.get() > 0
    }

    fn unread(&mut self, path: &str, why: &str) {
        self.out.unread.push(format!("{path}: {why}"));
    }
}

/// A reader that takes what it gives from the archive's budget.
struct Counted<'a, R> {
    inner: R,
    left: &'a Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        match self.left.get().checked_sub(got as u64) {
            Some(left) => {
                self.left.set(left);
                Ok(got)
            }
            None => {
                self.left.set(0);
                Err(io::Error::other(
                    "far more comes out of it than it is long: the rest was not read",
                ))
            }
        }
    }
}

/// A part of the bytes, read from its beginning.
struct Slice<'a> {
    bytes: &'a dyn Places,
    at: u64,
    end: u64,
}

impl Read for Slice<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.end.saturating_sub(self.at))
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let got = self.bytes.at(&mut buffer[..most], self.at)?;
        self.at += got as u64;
        Ok(got)
    }
}

/// One member of a zip, by the directory at its end.
struct Member {
    name: String,
    method: u16,
    encrypted: bool,
    packed: u64,
    header: u64,
}

impl Member {
    fn data<'a>(&self, bytes: &'a dyn Places) -> io::Result<Slice<'a>> {
        let head = exact(bytes, self.header, 30)?;
        if head[..4] != *b"PK\x03\x04" {
            return Err(broken());
        }
        let at = self.header + 30 + u64::from(short(&head, 26)) + u64::from(short(&head, 28));
        Ok(Slice {
            bytes,
            at,
            end: at.saturating_add(self.packed),
        })
    }
}

fn directory(bytes: &dyn Places) -> io::Result<Vec<Member>> {
    let size = bytes.size()?;
    let tail_from = size.saturating_sub(66_000);
    let tail = exact(
        bytes,
        tail_from,
        usize::try_from(size - tail_from).map_err(|_| broken())?,
    )?;
    let end = memchr::memmem::rfind(&tail, b"PK\x05\x06").ok_or_else(broken)?;
    let record = tail.get(end..end + 22).ok_or_else(broken)?;
    let (mut length, mut from) = (u64::from(long(record, 12)), u64::from(long(record, 16)));
    if from == u64::from(u32::MAX) || short(record, 10) == u16::MAX {
        let locator = end
            .checked_sub(20)
            .and_then(|at| tail.get(at..at + 20))
            .ok_or_else(broken)?;
        let record = exact(bytes, longest(locator, 8), 56)?;
        (length, from) = (longest(&record, 40), longest(&record, 48));
    }
    if length > HELD || from.checked_add(length).is_none_or(|to| to > size) {
        return Err(broken());
    }
    let table = exact(bytes, from, usize::try_from(length).map_err(|_| broken())?)?;
    let mut members = Vec::new();
    let mut at = 0;
    while let Some(row) = table.get(at..at + 46) {
        if row[..4] != *b"PK\x01\x02" || members.len() > MEMBERS as usize {
            break;
        }
        let (name, extra, comment) = (
            usize::from(short(row, 28)),
            usize::from(short(row, 30)),
            usize::from(short(row, 32)),
        );
        let text = table.get(at + 46..at + 46 + name).ok_or_else(broken)?;
        let more = table
            .get(at + 46 + name..at + 46 + name + extra)
            .ok_or_else(broken)?;
        let (packed, header) = wide(row, more);
        members.push(Member {
            name: String::from_utf8_lossy(text).into_owned(),
            method: short(row, 10),
            encrypted: short(row, 8) & 1 == 1,
            packed,
            header,
        });
        at += 46 + name + extra + comment;
    }
    Ok(members)
}

/// Packed size and place of the header; from the extra field where the row says so.
fn wide(row: &[u8], mut extra: &[u8]) -> (u64, u64) {
    let (plain, mut packed, mut header) = (long(row, 24), u64::from(long(row, 20)), u64::from(long(row, 42)));
    while extra.len() >= 4 {
        let (id, length) = (short(extra, 0), usize::from(short(extra, 2)));
        let Some(field) = extra.get(4..4 + length) else {
            break;
        };
        if id == 1 {
            let mut at = if plain == u32::MAX { 8 } else { 0 };
            if packed == u64::from(u32::MAX) && field.len() >= at + 8 {
                packed = longest(field, at);
                at += 8;
            }
            if header == u64::from(u32::MAX) && field.len() >= at + 8 {
                header = longest(field, at);
            }
        }
        extra = &extra[4 + length..];
    }
    (packed, header)
}

fn exact(bytes: &dyn Places, from: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut out = vec![0; length];
    let mut got = 0;
    while got < length {
        match bytes.at(&mut out[got..], from.saturating_add(got as u64))? {
            0 => return Err(broken()),
            more => got += more,
        }
    }
    Ok(out)
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is broken or cut")
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from(short(bytes, at)) | u32::from(short(bytes, at + 2)) << 16
}

fn longest(bytes: &[u8], at: usize) -> u64 {
    u64::from(long(bytes, at)) | u64::from(long(bytes, at + 4)) << 32
}
