//! P2, P3, P4, E1: an answer as a list of steps, and what each fault makes of it. Pure: the steps are done in
//! `serve/body.rs`.
//!
//! Never: reads a clock, throws dice or touches a socket.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};

use crate::fault::{Fault, StatusBody};
use crate::script::Pace;
use crate::wire::Dialect;

/// What is done before the status line is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Before {
    Nothing,
    Hang,
    Reset,
    Refuse(Option<Duration>),
}

/// One step of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Send(Bytes),
    Wait(Duration),
    /// Nothing more, for ever.
    Hang,
    /// The connection is closed, the answer being incomplete.
    Cut,
    /// The second half of a cut over HTTP/2, where the stream is reset. Made by the body itself.
    Abort,
    /// Byte for byte, each after a wait. Never empty.
    Drip {
        bytes: Bytes,
        interval: Duration,
    },
    /// For ever, each after a wait.
    Repeat {
        bytes: Bytes,
        interval: Duration,
    },
    /// These bytes over and over, `left` in all.
    Fill {
        bytes: Bytes,
        left: u64,
    },
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) wait: Duration,
    pub(crate) before: Before,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The `content-length`; hyper's own when absent.
    pub(crate) length: Option<u64>,
    pub(crate) steps: VecDeque<Step>,
    /// Whether (some of) what the model has to say is in it.
    pub(crate) spoken: bool,
}

/// What the model has to say, in its wire format.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// A JSON document.
    Whole(Bytes),
    /// The events of a stream, in order.
    Stream(Vec<Event>),
}

/// One event of a stream.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) bytes: Bytes,
    /// Text of the model: what a pace slows down.
    pub(crate) text: bool,
}

impl Answer {
    /// A JSON document.
    pub(crate) fn json(status: u16, body: Bytes) -> Self {
        Answer {
            wait: Duration::ZERO,
            before: Before::Nothing,
            status,
            headers: vec![(CONTENT_TYPE, JSON)],
            length: None,
            steps: if body.is_empty() {
                VecDeque::new()
            } else {
                VecDeque::from([Step::Send(body)])
            },
            spoken: false,
        }
    }

    /// The answer without a fault.
    pub(crate) fn right(content: Content, pace: Option<Pace>) -> Self {
        match content {
            Content::Whole(body) => Answer {
                spoken: true,
                ..Answer::json(200, body)
            },
            Content::Stream(events) => {
                let steps = match pace {
                    // Nothing to wait for between events: as few writes as hyper makes of it.
                    None => events.into_iter().map(|event| Step::Send(event.bytes)).collect(),
                    Some(pace) => paced(events, pace),
                };
                Answer {
                    headers: vec![(CONTENT_TYPE, EVENT_STREAM)],
                    steps,
                    spoken: true,
                    ..Answer::json(200, Bytes::new())
                }
            }
        }
    }

    /// What `fault` makes of this answer. `follow` is where a redirect leads unless the fault says.
    pub(crate) fn with_fault(self, fault: &Fault, dialect: Dialect, follow: &str) -> Self {
        let stream = self.headers.iter().any(|(_, value)| value == EVENT_STREAM);
        match fault {
            Fault::Status { code, headers, body } => status(*code, headers, body, dialect),
            Fault::HangBeforeHeaders => Answer {
                before: Before::Hang,
                ..self
            },
            Fault::HangAfterHeaders => self.promised(stream).with_steps([Step::Hang]),
            Fault::Stall { after_chunks, for_ms } => {
                let (mut first, rest) = self.split(stream, *after_chunks);
                match for_ms {
                    Some(ms) => {
                        first.push_back(Step::Wait(Duration::from_millis(*ms)));
                        first.extend(rest);
                    }
                    None => first.push_back(Step::Hang),
                }
                self.promised(stream).with_steps(first)
            }
            Fault::Cut {
                after_bytes: Some(bytes),
                ..
            } => {
                let cut = first_bytes(&self.steps, *bytes);
                self.promised(stream)
                    .with_steps(cut.into_iter().chain([Step::Cut]))
            }
            Fault::Cut {
                after_chunks,
                after_bytes: None,
            } => {
                let (first, _) = self.split(stream, *after_chunks);
                self.promised(stream)
                    .with_steps(first.into_iter().chain([Step::Cut]))
            }
            Fault::Drip { interval_ms } => {
                let bytes = joined(&self.steps);
                let interval = Duration::from_millis(*interval_ms);
                let drip = (!bytes.is_empty()).then_some(Step::Drip { bytes, interval });
                self.promised(stream).with_steps(drip)
            }
            Fault::Malformed => self.malformed(stream),
            Fault::WrongContentType => {
                let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))];
                Answer { headers, ..self }
            }
            Fault::Slow { ms } => Answer {
                wait: self.wait + Duration::from_millis(*ms),
                ..self
            },
            Fault::Reset => Answer {
                before: Before::Reset,
                ..self
            },
            Fault::Refuse { for_ms } => Answer {
                before: Before::Refuse(for_ms.map(Duration::from_millis)),
                ..self
            },
            Fault::Endless { interval_ms } => {
                self.endless(stream, Duration::from_millis(*interval_ms), dialect)
            }
            Fault::HugeHeader { bytes } => {
                let value = Bytes::from(vec![b'x'; *bytes as usize]);
                let mut headers = self.headers.clone();
                // A run of `x` is a header value.
                headers.extend(
                    HeaderValue::from_maybe_shared(value)
                        .ok()
                        .map(|value| (LAB_PADDING, value)),
                );
                Answer { headers, ..self }
            }
            Fault::HugeBody { bytes } => self.huge(stream, *bytes),
            Fault::Redirect { to } => {
                let to = to.as_deref().unwrap_or(follow);
                let mut answer = Answer::json(302, Bytes::from_static(b"{\"redirect\":true}"));
                answer
                    .headers
                    .extend(HeaderValue::from_str(to).ok().map(|to| (LOCATION, to)));
                answer
            }
            Fault::Html200 => Answer {
                headers: vec![(CONTENT_TYPE, HTML)],
                ..Answer::json(200, Bytes::from_static(PAGE.as_bytes()))
            },
            Fault::HalfBody => {
                let bytes = joined(&self.steps);
                let promised = bytes.len() as u64 * 2 + 1;
                Answer {
                    length: Some(promised),
                    ..self
                }
                .with_steps([Step::Send(bytes), Step::Cut])
            }
            Fault::NoDone if stream => {
                let mut sends: Vec<Step> = self.steps.iter().cloned().collect();
                sends.truncate(sends.len().saturating_sub(dialect.closing_events()));
                self.with_steps(sends)
            }
            Fault::NoDone => {
                let (first, _) = self.split(false, 1);
                self.with_steps(first)
            }
            Fault::ErrorEvent { after_chunks } if stream => {
                let (first, _) = self.split(true, *after_chunks);
                let error = dialect.error_event(500, "the lab was told to fail within the stream");
                self.with_steps(first.into_iter().chain([Step::Send(error)]))
            }
            Fault::ErrorEvent { .. } => {
                let error = dialect.error_body(500, "the lab was told to fail under status 200", "lab_fault");
                Answer::json(200, error)
            }
        }
    }

    fn with_steps(self, steps: impl IntoIterator<Item = Step>) -> Self {
        Answer {
            steps: steps.into_iter().collect(),
            ..self
        }
    }

    /// With the length of the whole answer promised now, for a body that is about to be cut short.
    fn promised(&self, stream: bool) -> Self {
        let length = if stream {
            None
        } else {
            Some(joined(&self.steps).len() as u64)
        };
        Answer {
            length,
            ..self.clone()
        }
    }

    /// The steps up to and with the `chunks`-th event, and the rest. A body that is no stream is halved.
    fn split(&self, stream: bool, chunks: u32) -> (VecDeque<Step>, VecDeque<Step>) {
        if !stream {
            let mut rest = joined(&self.steps);
            let first = rest.split_to(rest.len() / 2);
            return (
                VecDeque::from([Step::Send(first)]),
                VecDeque::from([Step::Send(rest)]),
            );
        }
        let mut sent = 0;
        let mut first = VecDeque::new();
        let mut rest = self.steps.clone();
        while sent < chunks {
            let Some(step) = rest.pop_front() else { break };
            sent += u32::from(matches!(step, Step::Send(_)));
            first.push_back(step);
        }
        (first, rest)
    }

    fn malformed(self, stream: bool) -> Self {
        const BROKEN: &str = r#"{"id":"lab","choices":[{"index":0,"delta":{"content":"not closed"#;
        if !stream {
            return Answer::json(200, Bytes::from_static(BROKEN.as_bytes()));
        }
        let mut steps = self.steps.clone();
        let second = steps
            .iter_mut()
            .filter(|step| matches!(step, Step::Send(_)))
            .nth(1);
        if let Some(second) = second {
            *second = Step::Send(format!("data: {BROKEN}\n\n").into());
        }
        self.with_steps(steps)
    }

    fn endless(self, stream: bool, interval: Duration, dialect: Dialect) -> Self {
        let (mut steps, repeated) = if stream {
            let sends: Vec<&Step> = self
                .steps
                .iter()
                .filter(|step| matches!(step, Step::Send(_)))
                .collect();
            let text = sends.get(dialect.opening_events()).or(sends.last());
            let repeated = match text {
                Some(Step::Send(bytes)) => bytes.clone(),
                _ => Bytes::from_static(b": endless\n\n"),
            };
            (self.split(true, dialect.opening_events() as u32).0, repeated)
        } else {
            let opening = Bytes::from_static(br#"{"id":"lab","object":"chat.completion","padding":""#);
            (
                VecDeque::from([Step::Send(opening)]),
                Bytes::from_static(b"for ever and ever "),
            )
        };
        steps.push_back(Step::Repeat {
            bytes: repeated,
            interval,
        });
        self.with_steps(steps)
    }

    /// The right answer with a long member `lab_padding` at the head of its first JSON object.
    fn huge(self, stream: bool, bytes: u64) -> Self {
        const FILLING: Bytes = Bytes::from_static(&[b'x'; 64 << 10]);
        let mut steps = self.steps.clone();
        let first = steps.iter().position(|step| matches!(step, Step::Send(_)));
        let Some(Step::Send(mut object)) = first.and_then(|at| steps.remove(at)) else {
            return self;
        };
        let brace = object
            .iter()
            .position(|byte| *byte == b'{')
            .map_or(object.len(), |at| at + 1);
        let mut opening = BytesMut::from(&object.split_to(brace)[..]);
        opening.extend_from_slice(br#""lab_padding":""#);
        let mut closing = BytesMut::from(&b"\","[..]);
        closing.extend_from_slice(&object);
        let parts = [
            Step::Send(opening.freeze()),
            Step::Fill {
                bytes: FILLING,
                left: bytes.max(1),
            },
            Step::Send(closing.freeze()),
        ];
        let at = first.unwrap_or(0);
        for (n, part) in parts.into_iter().enumerate() {
            steps.insert(at + n, part);
        }
        let _ = stream; // the length of a whole body is counted by `size_hint`
        self.with_steps(steps)
    }
}

fn status(
    code: u16,
    headers: &std::collections::BTreeMap<String, String>,
    body: &StatusBody,
    dialect: Dialect,
) -> Answer {
    let mut answer = match body {
        StatusBody::Wire => Answer::json(
            code,
            dialect.error_body(code, &format!("the lab was told to answer {code}"), "lab_fault"),
        ),
        StatusBody::Html => {
            let page = PAGE.replace("Welcome", &format!("{code} from the lab's edge"));
            Answer {
                headers: vec![(CONTENT_TYPE, HTML)],
                ..Answer::json(code, page.into())
            }
        }
        StatusBody::Empty => Answer {
            headers: Vec::new(),
            ..Answer::json(code, Bytes::new())
        },
        StatusBody::Text(text) => Answer {
            headers: vec![(
                CONTENT_TYPE,
                HeaderValue::from_static("text/plain; charset=utf-8"),
            )],
            ..Answer::json(code, text.clone().into())
        },
    };
    for (name, value) in headers {
        // Checked when the script was read.
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) {
            answer.headers.retain(|(present, _)| *present != name);
            answer.headers.push((name, value));
        }
    }
    answer
}

fn paced(events: Vec<Event>, pace: Pace) -> VecDeque<Step> {
    let gap = Duration::from_secs_f64(1.0 / pace.tokens_per_second);
    let mut wait = Duration::from_millis(pace.first_token_ms);
    let mut steps = VecDeque::with_capacity(events.len() * 2);
    for event in events {
        if event.text {
            if !wait.is_zero() {
                steps.push_back(Step::Wait(wait));
            }
            wait = gap;
        }
        steps.push_back(Step::Send(event.bytes));
    }
    steps
}

fn joined(steps: &VecDeque<Step>) -> Bytes {
    let mut sends = steps.iter().filter_map(|step| match step {
        Step::Send(bytes) => Some(bytes),
        _ => None,
    });
    match (sends.next(), sends.next()) {
        (None, _) => Bytes::new(),
        (Some(only), None) => only.clone(),
        (Some(first), Some(second)) => {
            let mut all = BytesMut::from(&first[..]);
            all.extend_from_slice(second);
            for more in sends {
                all.extend_from_slice(more);
            }
            all.freeze()
        }
    }
}

fn first_bytes(steps: &VecDeque<Step>, bytes: u64) -> Option<Step> {
    let mut all = joined(steps);
    all.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
    (!all.is_empty()).then_some(Step::Send(all))
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const LAB_PADDING: HeaderName = HeaderName::from_static("x-lab-padding");
const PAGE: &str =
    "<!doctype html><html><head><title>Welcome</title></head><body><h1>Welcome</h1></body></html>\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Answer {
        let event = |text: &'static str| Event {
            bytes: Bytes::from_static(text.as_bytes()),
            text: true,
        };
        let events = [
            "data: {\"a\":1}\n\n",
            "data: {\"b\":2}\n\n",
            "data: {\"c\":3}\n\n",
            "data: [DONE]\n\n",
        ];
        Answer::right(Content::Stream(events.map(event).to_vec()), None)
    }

    fn whole() -> Answer {
        Answer::right(Content::Whole(Bytes::from_static(b"{\"id\":\"1\"}")), None)
    }

    fn faulty(answer: Answer, fault: &str) -> Answer {
        answer.with_fault(&fault.parse().unwrap(), Dialect::OpenAi, "/follow")
    }

    #[test]
    fn a_stall_of_a_stream_comes_after_so_many_events_and_loses_none() {
        let stalled = faulty(stream(), "stall-2-50");
        assert_eq!(stalled.steps[2], Step::Wait(Duration::from_millis(50)));
        assert_eq!(joined(&stalled.steps), joined(&stream().steps));
        assert_eq!(faulty(stream(), "stall-2").steps.back(), Some(&Step::Hang));
    }

    #[test]
    fn a_whole_body_that_is_cut_stalled_or_halved_promises_its_full_length() {
        for fault in ["cut", "stall", "hang-after-headers", "drip"] {
            assert_eq!(faulty(whole(), fault).length, Some(10), "{fault}");
        }
        assert_eq!(faulty(whole(), "half-body").length, Some(21));
    }

    #[test]
    fn a_huge_body_is_still_json() {
        let huge = faulty(whole(), "huge-body-5");
        let mut text = String::new();
        for step in &huge.steps {
            match step {
                Step::Send(bytes) => text.push_str(std::str::from_utf8(bytes).unwrap()),
                Step::Fill { left, .. } => text.push_str(&"x".repeat(*left as usize)),
                other => panic!("{other:?}"),
            }
        }
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (json["id"].as_str(), json["lab_padding"].as_str()),
            (Some("1"), Some("xxxxx"))
        );
    }

    #[test]
    fn a_cut_after_bytes_sends_exactly_so_many() {
        let cut = stream().with_fault(
            &Fault::Cut {
                after_chunks: 1,
                after_bytes: Some(20),
            },
            Dialect::OpenAi,
            "/follow",
        );
        assert_eq!(joined(&cut.steps).len(), 20);
        assert_eq!(cut.steps.back(), Some(&Step::Cut));
    }

    #[test]
    fn no_done_ends_a_stream_before_its_terminator_and_nothing_else() {
        let steps = faulty(stream(), "no-done").steps;
        assert!(!String::from_utf8_lossy(&joined(&steps)).contains("[DONE]"));
        assert!(!steps.contains(&Step::Cut));
    }

    #[test]
    fn a_status_carries_its_headers_once() {
        let mut headers = std::collections::BTreeMap::new();
        headers.insert("content-type".to_owned(), "text/weird".to_owned());
        headers.insert("retry-after".to_owned(), "2".to_owned());
        let fault = Fault::Status {
            code: 429,
            headers,
            body: StatusBody::Html,
        };
        let answer = whole().with_fault(&fault, Dialect::Anthropic, "/follow");
        assert_eq!(answer.status, 429);
        assert_eq!(
            answer
                .headers
                .iter()
                .filter(|(name, _)| name == CONTENT_TYPE)
                .count(),
            1
        );
    }
}
