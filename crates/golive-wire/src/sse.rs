//! P2, M2: server-sent events, cut at their ends and otherwise left as they came.
//!
//! The rules are those of the HTML standard ("Interpreting an event stream"): lines end in LF, CR or CRLF, one BOM
//! may stand at the start, a line without a colon is a field without a value, `data` lines are joined by LF.
//! A relay needs every byte, so comments and empty blocks are events too, without data.
//!
//! Never: changes, drops or invents a byte; holds more than the given maximum; depends on how the network cut the
//! stream (the same bytes give the same events for any split).

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};
use thiserror::Error;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// One block of the stream, up to and including its blank line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Every byte of the block: what a relay sends on.
    pub raw: Bytes,
    /// The `data` lines joined by LF; a slice of `raw` when there is one line.
    pub data: Bytes,
    /// Whether there was a `data` line at all. A block without one (a comment, a lone `id`) is no message.
    pub has_data: bool,
    /// The last `event` line's value; empty if there was none.
    name: Bytes,
    /// Where `data` stands in `raw`, when it is one line.
    data_at: Option<(usize, usize)>,
    /// Whether `raw` begins with the stream's byte order mark.
    marked: bool,
}

impl Event {
    /// Reads bytes that are one whole event. `None` when they are less or more.
    pub fn parse(raw: impl Into<Bytes>) -> Option<Event> {
        let raw = raw.into();
        let mut splitter = Splitter::new(raw.len());
        splitter.push(raw);
        let event = match splitter.next() {
            Ok(Some(event)) => event,
            _ => splitter.finish().last?,
        };
        splitter.buffer.as_slice().is_empty().then_some(event)
    }

    /// The event's name. A name that is not UTF-8 reads as U+FFFD: it equals no known one.
    pub fn event(&self) -> Option<&str> {
        match self.name.is_empty() {
            true => None,
            false => Some(std::str::from_utf8(&self.name).unwrap_or("\u{FFFD}")),
        }
    }

    /// The same block with other data: all its other lines stay byte for byte. Data of several lines becomes as many
    /// `data` lines; a reader joins them by LF.
    pub fn with_data(&self, data: &[u8]) -> Bytes {
        if let Some((start, end)) = self
            .data_at
            .filter(|(start, _)| self.takes_in_place(*start, data))
        {
            return [&self.raw[..start], data, &self.raw[end..]].concat().into();
        }
        let (mark, rest) = self.raw.split_at(if self.marked { BOM.len() } else { 0 });
        let is_data = |line: &[u8]| field(line).0 == b"data";
        let mut to_come = lines(rest).filter(|(line, _)| is_data(line)).count();
        let mut out = BytesMut::with_capacity(self.raw.len() + data.len());
        out.extend_from_slice(mark);
        for (line, ending) in lines(rest) {
            if !is_data(line) {
                out.extend_from_slice(line);
                out.extend_from_slice(ending);
                continue;
            }
            to_come -= 1;
            if to_come == 0 {
                // At the last one's place and with its ending: a CR must not come to stand before another line's LF.
                for (piece, _) in lines(data) {
                    out.extend_from_slice(b"data: ");
                    out.extend_from_slice(piece);
                    out.extend_from_slice(ending);
                }
            }
        }
        out.freeze()
    }

    /// Whether the data can stand where the old one stood: one line, and a line that has its colon (a bare `data` has
    /// not), and no leading space that would be taken for the one after the colon.
    fn takes_in_place(&self, start: usize, data: &[u8]) -> bool {
        let fits = match start.checked_sub(1).map(|before| self.raw[before]) {
            Some(b':') => !data.starts_with(b" "),
            Some(b' ') => true,
            _ => false,
        };
        fits && memchr2(b'\n', b'\r', data).is_none()
    }
}

/// The event in progress is longer than the maximum; the stream cannot be read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a server-sent event is longer than {max} bytes")]
pub struct TooLong {
    /// The maximum, in bytes.
    pub max: usize,
}

/// What is there when the stream has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// An event that ended in a CR which might have become a CRLF.
    pub last: Option<Event>,
    /// The bytes of an event without its blank line: empty if the stream ended cleanly.
    pub left_over: Bytes,
}

impl Tail {
    /// The left-over bytes read as if their blank line had come: some servers end on `data: [DONE]` and one LF.
    pub fn as_if_ended(&self) -> Option<Event> {
        if self.left_over.is_empty() {
            return None;
        }
        let ended = Event::parse([&self.left_over[..], b"\n\n"].concat())
            .or_else(|| Event::parse([&self.left_over[..], b"\n"].concat()))?;
        Some(Event {
            raw: self.left_over.clone(),
            ..ended
        })
    }
}

/// Cuts a byte stream into events. One chunk that holds whole events is never copied.
#[derive(Debug)]
pub struct Splitter {
    max: usize,
    /// Bytes from the start of the open event.
    buffer: Buffer,
    /// Start of the open line.
    line: usize,
    /// No line ends before this place.
    searched: usize,
    open: Open,
    first_line: bool,
    failed: bool,
}

impl Splitter {
    /// A splitter that refuses an event of more than `max_event` bytes, its blank line included.
    pub fn new(max_event: usize) -> Self {
        Splitter {
            max: max_event,
            buffer: Buffer::Shared(Bytes::new()),
            line: 0,
            searched: 0,
            open: Open::default(),
            first_line: true,
            failed: false,
        }
    }

    /// Takes in the next bytes of the stream. Drain [`Splitter::next`] before pushing again: bytes that wait are copied.
    pub fn push(&mut self, chunk: Bytes) {
        self.buffer.push(chunk);
    }

    /// The next whole event; `None` when more bytes are needed. After an error only the same error comes.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator ends at the first `None`; this goes on after a push"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, TooLong> {
        if self.failed {
            return Err(TooLong { max: self.max });
        }
        while let Some((end, after)) = self.line_end(false) {
            if let Some(event) = self.end_line(end, after) {
                return self.bounded(event.raw.len()).map(|()| Some(event));
            }
        }
        self.bounded(self.buffer.as_slice().len()).map(|()| None)
    }

    /// Ends the stream: what is left over tells whether it was cut. Drain [`Splitter::next`] first.
    pub fn finish(&mut self) -> Tail {
        let mut last = None;
        if !self.failed
            && let Some((end, after)) = self.line_end(true)
        {
            last = self.end_line(end, after);
        }
        let rest = self.buffer.as_slice().len();
        Tail {
            last,
            left_over: self.buffer.split_to(rest),
        }
    }

    /// The open line's end and the start of the next. A CR at the very end waits for the LF that may follow it.
    fn line_end(&mut self, ended: bool) -> Option<(usize, usize)> {
        let bytes = self.buffer.as_slice();
        let Some(found) = memchr2(b'\n', b'\r', &bytes[self.searched..]) else {
            self.searched = bytes.len();
            return None;
        };
        let end = self.searched + found;
        match (bytes[end], bytes.get(end + 1)) {
            (b'\r', Some(b'\n')) => Some((end, end + 2)),
            (b'\r', None) if !ended => {
                self.searched = end;
                None
            }
            _ => Some((end, end + 1)),
        }
    }

    /// Takes the line in; a blank one completes the event.
    fn end_line(&mut self, end: usize, after: usize) -> Option<Event> {
        let mut start = self.line;
        if std::mem::take(&mut self.first_line) && self.buffer.as_slice()[start..end].starts_with(BOM) {
            start += BOM.len();
            self.open.marked = true;
        }
        if start < end {
            self.open.line(self.buffer.as_slice(), start, end);
            (self.line, self.searched) = (after, after);
            return None;
        }
        (self.line, self.searched) = (0, 0);
        let raw = self.buffer.split_to(after);
        Some(std::mem::take(&mut self.open).close(raw))
    }

    fn bounded(&mut self, len: usize) -> Result<(), TooLong> {
        if len <= self.max {
            return Ok(());
        }
        self.failed = true;
        self.buffer = Buffer::Shared(Bytes::new());
        Err(TooLong { max: self.max })
    }
}

/// What was read of the open event. Places are offsets from its start, so they hold while the buffer grows.
#[derive(Debug, Default)]
struct Open {
    name: Option<(usize, usize)>,
    data: Data,
    marked: bool,
}

#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    One(usize, usize),
    Joined(Vec<u8>),
}

impl Open {
    fn line(&mut self, bytes: &[u8], start: usize, end: usize) {
        let (name, value) = field(&bytes[start..end]);
        let value_at = (end - value.len(), end);
        match name {
            b"data" => match &mut self.data {
                Data::None => self.data = Data::One(value_at.0, value_at.1),
                Data::One(first, last) => {
                    self.data = Data::Joined([&bytes[*first..*last], b"\n", value].concat());
                }
                Data::Joined(joined) => {
                    joined.push(b'\n');
                    joined.extend_from_slice(value);
                }
            },
            b"event" => self.name = Some(value_at),
            _ => {}
        }
    }

    fn close(self, raw: Bytes) -> Event {
        let name = self
            .name
            .map_or_else(Bytes::new, |(start, end)| raw.slice(start..end));
        let (data, has_data, data_at) = match self.data {
            Data::None => (Bytes::new(), false, None),
            Data::One(start, end) => (raw.slice(start..end), true, Some((start, end))),
            Data::Joined(joined) => (joined.into(), true, None),
        };
        Event {
            raw,
            data,
            has_data,
            name,
            data_at,
            marked: self.marked,
        }
    }
}

/// Whole chunks are shared; only an event that spans chunks is gathered in memory of our own.
#[derive(Debug)]
enum Buffer {
    Shared(Bytes),
    Owned(BytesMut),
}

impl Buffer {
    fn as_slice(&self) -> &[u8] {
        match self {
            Buffer::Shared(bytes) => bytes,
            Buffer::Owned(bytes) => bytes,
        }
    }

    fn push(&mut self, chunk: Bytes) {
        if self.as_slice().is_empty() {
            *self = Buffer::Shared(chunk);
            return;
        }
        if let Buffer::Shared(bytes) = self {
            let mut own = BytesMut::with_capacity(bytes.len() + chunk.len());
            own.extend_from_slice(bytes);
            *self = Buffer::Owned(own);
        }
        if let Buffer::Owned(own) = self {
            own.extend_from_slice(&chunk);
        }
    }

    fn split_to(&mut self, at: usize) -> Bytes {
        match self {
            Buffer::Shared(bytes) => bytes.split_to(at),
            Buffer::Owned(bytes) => bytes.split_to(at).freeze(),
        }
    }
}

/// Name and value of a line; a comment has the empty name. One space after the colon is not part of the value.
fn field(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr(b':', line) {
        None => (line, &[]),
        Some(colon) => {
            let value = &line[colon + 1..];
            (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
        }
    }
}

/// Lines with their endings; the last may have none.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest.take()?;
        let Some(end) = memchr2(b'\n', b'\r', bytes) else {
            return Some((bytes, &bytes[bytes.len()..]));
        };
        let after = if bytes[end..].starts_with(b"\r\n") {
            end + 2
        } else {
            end + 1
        };
        rest = Some(&bytes[after..]);
        Some((&bytes[..end], &bytes[end..after]))
    })
}
