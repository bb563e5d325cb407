//! P2, S4, S6, E4: reads an upstream's stream of events, one meaning at a time. Where the upstream speaks another format
//! than the caller, each event is translated first: everything after that knows the caller's format only.
//!
//! An answer is complete only when its format says so (`[DONE]`, `message_stop`; an HTTP agent's stream ends with
//! its body). Whatever ends otherwise is a break.
//!
//! Never: watches a clock (its caller does), and never hands on an end it was not given.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use golive_wire::tools::{Guard, Passed, ToolSet};
use golive_wire::usage::Usage;
use golive_wire::{Event, Splitter, StreamEvent, Wire, anthropic, openai, translate};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::chain_of;
use crate::runtime::Route;
use crate::screens::guarded::Guarded;
use crate::screens::stream::StreamScreen;
use crate::screens::{Withheld, or_closed};
use crate::stage::Block;

/// The longest single event that is read; a tool call's arguments in one piece fit.
const EVENT_MAX: usize = 1 << 20;
/// How much of a streamed reply is kept for the ledger.
const REPLY_KEPT_MAX: usize = 1 << 20;

/// The longest stream that is held, for screens outside of golive.
const HELD_MAX: usize = 4 << 20;

/// One step of a stream.
#[derive(Debug)]
pub enum Piece {
    /// Bytes to pass on that hold no content: a role, a comment, a ping. None at all while a call is held.
    Quiet(Bytes),
    /// Bytes to pass on that a reader sees or acts on.
    Content(Bytes),
    /// The format's own end; the last bytes to pass on.
    End(Bytes),
    /// The answer holds what may not be told: nothing more of it may pass.
    Blocked(Block),
    /// The upstream failed or broke off; in words for the log, not for the caller.
    Broken(String),
}

impl Piece {
    /// What of it is passed on.
    fn bytes(&self) -> Bytes {
        match self {
            Self::Quiet(bytes) | Self::Content(bytes) | Self::End(bytes) => bytes.clone(),
            Self::Blocked(_) | Self::Broken(_) => Bytes::new(),
        }
    }

    fn is_last(&self) -> bool {
        matches!(self, Self::End(_) | Self::Blocked(_) | Self::Broken(_))
    }
}

/// Where a stream comes from.
#[derive(Debug)]
pub struct Source {
    /// Its bytes.
    pub body: Incoming,
    /// The format of its upstream.
    pub wire: Wire,
    /// The most bytes of it.
    pub limit: u64,
}

/// Events of another format on their way into the caller's.
#[derive(Debug)]
struct Translation {
    stream: translate::Stream,
    /// Splits what was translated into events again.
    events: Splitter,
    out: Vec<u8>,
}

/// A stream being read.
#[derive(Debug)]
pub struct StreamReader {
    source: Source,
    wire: Wire,
    splitter: Splitter,
    translation: Option<Translation>,
    route: Arc<Route>,
    hide_usage: bool,
    read: u64,
    content_bytes: u64,
    reply: BytesMut,
    usage: Usage,
    tools: Guard,
    screen: Option<StreamScreen>,
    /// Steps that one event brought, the later ones.
    pending: VecDeque<Piece>,
    /// The whole stream, where screens outside of golive see it before anything of it is told.
    held: Option<Held>,
}

/// A stream that is told when it is whole.
#[derive(Debug)]
struct Held {
    guarded: Guarded,
    pieces: VecDeque<Piece>,
    bytes: usize,
    whole: bool,
    judged: bool,
}

impl StreamReader {
    /// Reads `source` for a caller that speaks `wire`. `translated`: how its events get there, where the formats differ.
    /// `hide_usage`: the caller did not ask for usage, golive did. `tools`: those that the answer may call; `guarded`:
    /// what of the request may come back, and what not.
    #[must_use]
    pub fn new(
        source: Source,
        wire: Wire,
        translated: Option<translate::Stream>,
        route: Arc<Route>,
        hide_usage: bool,
        tools: Arc<ToolSet>,
        guarded: Guarded,
    ) -> Self {
        Self {
            source,
            wire,
            splitter: Splitter::new(EVENT_MAX),
            translation: translated.map(|stream| Translation {
                stream,
                events: Splitter::new(EVENT_MAX),
                out: Vec::new(),
            }),
            hide_usage,
            read: 0,
            content_bytes: 0,
            reply: BytesMut::new(),
            usage: Usage::default(),
            tools: Guard::new(wire, tools),
            pending: VecDeque::new(),
            held: route.screens.shows_answers().then(|| Held {
                guarded: guarded.clone(),
                pieces: VecDeque::new(),
                bytes: 0,
                whole: false,
                judged: false,
            }),
            screen: StreamScreen::new(wire, &route.screens, guarded),
            route,
        }
    }

    /// The next step. Cancel-safe: an event is consumed whole or not at all. A stream that screens outside of golive
    /// have to see gives its first step when it is whole.
    pub async fn next(&mut self) -> Piece {
        if self.held.is_none() {
            return self.step().await;
        }
        while self.held.as_ref().is_some_and(|held| !held.whole) {
            let piece = self.step().await;
            if matches!(piece, Piece::Blocked(_) | Piece::Broken(_)) {
                self.held = None; // none of it is told
                return piece;
            }
            if let Some(held) = &mut self.held {
                held.whole = piece.is_last();
                held.bytes += piece.bytes().len();
                held.pieces.push_back(piece);
                if held.bytes > HELD_MAX {
                    self.held = None;
                    return Piece::Blocked(Block::Text(Withheld::TooMuch));
                }
            }
        }
        let wire = self.wire();
        if let Some(held) = self.held.as_ref().filter(|held| !held.judged) {
            let told = held.pieces.iter().map(Piece::bytes);
            let (screens, callee) = (&self.route.screens, &self.route.id);
            if let Err(withheld) = screens.show_stream(callee, wire, &held.guarded, told).await {
                self.held = None;
                return Piece::Blocked(Block::Text(withheld));
            }
        }
        match &mut self.held {
            Some(held) => {
                held.judged = true;
                let next = held.pieces.pop_front();
                next.unwrap_or_else(|| Piece::Broken("read behind its end".to_owned()))
            }
            None => self.step().await,
        }
    }

    fn wire(&self) -> Wire {
        self.wire
    }

    async fn step(&mut self) -> Piece {
        if let Some(piece) = self.pending.pop_front() {
            return piece;
        }
        loop {
            match self.next_event() {
                Ok(Some(event)) => {
                    if let Some(piece) = self.meaning(&event) {
                        return piece;
                    }
                    continue;
                }
                Ok(None) => {}
                Err(why) => return Piece::Broken(why),
            }
            if self.wire == Wire::Problem && self.is_translated_whole() {
                return self.end_of_agent(); // this format has no end of its own but the body's
            }
            match self.source.body.frame().await {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    self.read += data.len() as u64;
                    let limit = self.source.limit;
                    if self.read > limit {
                        return Piece::Broken(format!("the stream is longer than {limit} bytes"));
                    }
                    self.splitter.push(data);
                }
                Some(Err(error)) => return Piece::Broken(chain_of(&error)),
                None => return self.end_of_body(),
            }
        }
    }

    /// The next event that is there, in the caller's format.
    fn next_event(&mut self) -> Result<Option<Event>, String> {
        loop {
            if let Some(translation) = &mut self.translation
                && let Some(event) = translation.events.next().map_err(|e| e.to_string())?
            {
                return Ok(Some(event));
            }
            let Some(event) = self.splitter.next().map_err(|e| e.to_string())? else {
                return Ok(None);
            };
            match &mut self.translation {
                None => return Ok(Some(event)),
                Some(translation) => translation.take(&event)?,
            }
        }
    }

    fn is_translated_whole(&self) -> bool {
        self.translation
            .as_ref()
            .is_some_and(|translation| translation.stream.is_complete())
    }

    /// What the upstream reported, and how many bytes of content it sent.
    #[must_use]
    pub fn consumed(&self) -> (Usage, u64) {
        let usage = match &self.translation {
            // The caller's format may have to say 0 where the source said nothing.
            Some(translation) => translation.stream.usage(),
            None => self.usage,
        };
        (usage, self.content_bytes)
    }

    /// The text that was sent, for the ledger, cut at a bound.
    pub fn take_reply(&mut self) -> Bytes {
        self.reply.split().freeze()
    }

    fn end_of_body(&mut self) -> Piece {
        let tail = self.splitter.finish();
        let is_clean = tail.left_over.is_empty();
        let last = tail.last.clone().or_else(|| tail.as_if_ended());
        if let Some(translation) = &mut self.translation {
            if let Some(event) = &last
                && let Err(why) = translation.take(event)
            {
                return Piece::Broken(why);
            }
            if is_clean {
                translation.end_of_body();
            }
            while let Ok(Some(event)) = self.next_event() {
                if let Some(piece) = self.meaning(&event) {
                    return piece;
                }
            }
        } else if let Some(event) = &last
            && let Some(piece) = self.meaning(event)
            && (piece.is_last() || !self.pending.is_empty())
        {
            return piece;
        }
        match self.wire {
            // An HTTP agent's stream has no terminator of its own: its body's clean end is the end.
            Wire::Problem if is_clean && (self.translation.is_none() || self.is_translated_whole()) => {
                self.end_of_agent()
            }
            _ => Piece::Broken("the stream ended without its terminator".to_owned()),
        }
    }

    /// What one event means; `None` when it is not passed on.
    fn meaning(&mut self, event: &Event) -> Option<Piece> {
        let take = |screen: &mut StreamScreen| or_closed(|| Err(Withheld::TooMuch), || screen.take(event));
        let screened = match self.screen.as_mut().map(take) {
            None => return self.passed(event),
            Some(Ok(screened)) => screened,
            Some(Err(withheld)) => return Some(Piece::Blocked(Block::Text(withheld))),
        };
        let mut pieces = Vec::new();
        for held in screened
            .before
            .iter()
            .chain([screened.changed.as_ref().unwrap_or(event)])
        {
            pieces.extend(self.passed(held));
        }
        self.pending.extend(pieces);
        self.pending.pop_front()
    }

    /// What one event means whose texts may be told.
    fn passed(&mut self, event: &Event) -> Option<Piece> {
        let (mut content, mut end) = (false, false);
        if self.wire == Wire::Problem {
            return Some(self.agent_event(event));
        }
        let openai = self.wire == Wire::OpenAi;
        let classified = if openai {
            openai::stream::classify(event)
        } else {
            anthropic::stream::classify(event)
        };
        for meaning in &classified {
            match meaning {
                StreamEvent::Content { text } => {
                    content = true;
                    self.content_bytes += text.len() as u64;
                    let room = REPLY_KEPT_MAX - self.reply.len().min(REPLY_KEPT_MAX);
                    self.reply
                        .extend_from_slice(&text.as_bytes()[..text.len().min(room)]);
                }
                StreamEvent::ToolArguments => {
                    content = true;
                    self.content_bytes += event.data.len() as u64 / 4;
                }
                StreamEvent::Reasoning => content = true,
                StreamEvent::Usage(usage) => self.usage.merge(*usage),
                // Its words may repeat the prompt, and this goes into the log.
                StreamEvent::Error(_) => {
                    return Some(Piece::Broken(
                        "the upstream told an error in its stream".to_owned(),
                    ));
                }
                StreamEvent::End => end = true,
                StreamEvent::Malformed => {
                    return Some(Piece::Broken(
                        "an event is not what its format promises".to_owned(),
                    ));
                }
                StreamEvent::Start | StreamEvent::Finish(_) | StreamEvent::Other => {}
            }
        }
        // A translated stream holds no usage that its caller did not ask for.
        let raw = if openai && self.hide_usage && !end && self.translation.is_none() {
            // An event without any usage field comes back as it was.
            openai::stream::strip_usage(event)?
        } else {
            event.raw.clone()
        };
        let held = raw.len();
        Some(match self.tools.take(event, &classified, raw) {
            Passed::Blocked(tool) => Piece::Blocked(Block::Tool(tool)),
            Passed::Held => Piece::Quiet(Bytes::new()),
            Passed::On(raw) if end => Piece::End(raw),
            // What was held and comes now is a call, and with that content.
            Passed::On(raw) if content || raw.len() > held => Piece::Content(raw),
            Passed::On(raw) => Piece::Quiet(raw),
        })
    }

    fn end_of_agent(&mut self) -> Piece {
        let last = match self.screen.as_mut().map(StreamScreen::finish) {
            None => Vec::new(),
            Some(Ok(last)) => last,
            Some(Err(withheld)) => return Piece::Blocked(Block::Text(withheld)),
        };
        let pieces: Vec<Piece> = last.iter().map(|event| self.agent_event(event)).collect();
        self.pending.extend(pieces);
        self.pending.push_back(Piece::End(Bytes::new()));
        self.pending.pop_front().unwrap_or(Piece::End(Bytes::new()))
    }

    fn agent_event(&mut self, event: &Event) -> Piece {
        let pointer = self.route.pointers.as_ref().and_then(|p| p.stream.as_ref());
        let text = pointer.and_then(|pointer| {
            let value: serde_json::Value = serde_json::from_slice(&event.data).ok()?;
            pointer.get(&value)?.as_str().map(str::to_owned)
        });
        match text.filter(|text| !text.is_empty()) {
            Some(text) => {
                self.content_bytes += text.len() as u64;
                let room = REPLY_KEPT_MAX - self.reply.len().min(REPLY_KEPT_MAX);
                self.reply
                    .extend_from_slice(&text.as_bytes()[..text.len().min(room)]);
                Piece::Content(event.raw.clone())
            }
            None => Piece::Quiet(event.raw.clone()),
        }
    }
}

impl Translation {
    fn take(&mut self, event: &Event) -> Result<(), String> {
        self.out.clear();
        self.stream
            .relay(event, &mut self.out)
            .map_err(|e| e.to_string())?;
        self.hand_on();
        Ok(())
    }

    fn end_of_body(&mut self) {
        self.out.clear();
        self.stream.end_of_body(&mut self.out);
        self.hand_on();
    }

    fn hand_on(&mut self) {
        if !self.out.is_empty() {
            self.events.push(Bytes::copy_from_slice(&self.out));
        }
    }
}
