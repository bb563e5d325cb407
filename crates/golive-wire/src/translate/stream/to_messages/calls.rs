//! E4: the calls of a Chat Completions stream put in a row: one is open and written through, the others wait.
//!
//! Never: holds more than a bound, or goes back to a call that was closed.

use super::super::Malformed;
use super::super::messages_writer::MessagesWriter;

/// A piece of a call.
pub(super) struct Piece<'a> {
    pub(super) index: u64,
    pub(super) id: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) arguments: Option<&'a str>,
}

#[derive(Debug)]
pub(super) struct Calls {
    /// For ids that a server did not give.
    head: String,
    all: Vec<Call>,
    /// Bytes that wait.
    waiting: usize,
}

#[derive(Debug)]
struct Call {
    index: u64,
    id: Option<String>,
    name: String,
    /// Arguments not yet written.
    waiting: String,
    shape: Braces,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waits,
    Open,
    Closed,
}

/// Bytes of calls that wait for another one to be whole.
const WAITING_MAX: usize = 1 << 20;
/// Calls of one answer.
const CALLS_MAX: usize = 1024;

impl Calls {
    pub(super) fn new(head: &str) -> Self {
        Calls {
            head: head.to_owned(),
            all: Vec::new(),
            waiting: 0,
        }
    }

    pub(super) fn any(&self) -> bool {
        !self.all.is_empty()
    }

    pub(super) fn take(
        &mut self,
        piece: &Piece<'_>,
        writer: &mut MessagesWriter,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        let at = match self.all.iter().rposition(|call| call.index == piece.index) {
            Some(at) => at,
            None => self.begin(piece.index)?,
        };
        let call = &mut self.all[at];
        if call.id.is_none() {
            call.id = piece.id.map(str::to_owned);
        }
        if let Some(name) = piece.name
            && call.state == State::Waits
        {
            call.name.push_str(name);
            self.waiting += name.len();
        }
        if let Some(arguments) = piece.arguments {
            call.shape.take(arguments);
            match call.state {
                State::Open => writer.input(arguments, out),
                State::Waits => {
                    call.waiting.push_str(arguments);
                    self.waiting += arguments.len();
                }
                State::Closed => return Err(Malformed("a call goes on that was over")),
            }
        }
        if self.waiting > WAITING_MAX {
            return Err(Malformed("too much waits for another call to end"));
        }
        self.advance(writer, out);
        Ok(())
    }

    /// All calls are over: what waits is written.
    pub(super) fn finish(&mut self, writer: &mut MessagesWriter, out: &mut Vec<u8>) -> Result<(), Malformed> {
        if self
            .all
            .iter()
            .any(|call| call.state != State::Closed && !call.is_whole())
        {
            return Err(Malformed("the arguments of a call are not whole"));
        }
        self.cut(writer, out)
    }

    /// The same where the answer was cut off by its limit: the last call may be half then, as it is at Anthropic.
    pub(super) fn cut(&mut self, writer: &mut MessagesWriter, out: &mut Vec<u8>) -> Result<(), Malformed> {
        for at in 0..self.all.len() {
            if self.all[at].state == State::Waits {
                if self.all[at].name.is_empty() {
                    return Err(Malformed("a call has no name"));
                }
                self.open(at, writer, out);
            }
            if self.all[at].state == State::Open {
                writer.close(out);
                self.all[at].state = State::Closed;
            }
        }
        Ok(())
    }

    fn begin(&mut self, index: u64) -> Result<usize, Malformed> {
        if self.all.len() >= CALLS_MAX {
            return Err(Malformed("too many calls"));
        }
        self.all.push(Call {
            index,
            id: None,
            name: String::new(),
            waiting: String::new(),
            shape: Braces::default(),
            state: State::Waits,
        });
        Ok(self.all.len() - 1)
    }

    /// Closes an open call that is whole if another one waits, and opens the next.
    fn advance(&mut self, writer: &mut MessagesWriter, out: &mut Vec<u8>) {
        loop {
            let open = self.all.iter().position(|call| call.state == State::Open);
            let next = self.all.iter().position(|call| call.state == State::Waits);
            match (open, next) {
                (Some(open), Some(_)) if self.all[open].shape.is_whole() => {
                    writer.close(out);
                    self.all[open].state = State::Closed;
                }
                // Its name is known when its arguments begin; before, a piece of the name may still come.
                (None, Some(next)) if self.all[next].is_named() => self.open(next, writer, out),
                _ => return,
            }
        }
    }

    fn open(&mut self, at: usize, writer: &mut MessagesWriter, out: &mut Vec<u8>) {
        let call = &mut self.all[at];
        let id = match &call.id {
            Some(id) => id.clone(),
            None => format!("call_{}_{at}", self.head),
        };
        writer.tool(&id, &call.name, out);
        self.waiting = self.waiting.saturating_sub(call.waiting.len() + call.name.len());
        if !call.waiting.is_empty() {
            writer.input(&std::mem::take(&mut call.waiting), out);
        }
        call.state = State::Open;
    }
}

impl Call {
    fn is_named(&self) -> bool {
        !self.name.is_empty() && (self.id.is_some() || self.shape.begun)
    }

    fn is_whole(&self) -> bool {
        !self.shape.begun || self.shape.is_whole()
    }
}

/// Whether the text so far is a whole object, by its braces.
#[derive(Debug, Default)]
struct Braces {
    begun: bool,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Braces {
    fn take(&mut self, text: &str) {
        for byte in text.bytes() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            self.begun |= !byte.is_ascii_whitespace();
        }
    }

    fn is_whole(&self) -> bool {
        self.begun && self.depth == 0 && !self.in_string
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_whole_at_its_last_brace_and_not_before() {
        let text = r#" {"a":"}\"{","b":[{}]}"#;
        let mut braces = Braces::default();
        for (at, c) in text.char_indices() {
            assert!(!braces.is_whole(), "before byte {at}");
            braces.take(c.encode_utf8(&mut [0; 4]));
        }
        assert!(braces.is_whole());
    }
}
