//! S3: bytes out and bytes in, on a raw connection: what no HTTP client would send, and what came back.
//!
//! Never: waits longer than it is told, reads more than a refusal can need, or repairs what was received.

use std::time::Duration;

use bytes::Bytes;
use golive_checklist::judge::UnscoredReason;
use golive_checklist::report::Evidence;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::corpus::{After, Made};
use crate::clock;
use crate::ctx::Ctx;
use crate::redact::Redactor;
use crate::target::{Answer, SHOWN, millis, shorten};

/// The most that is read of an answer.
const READ_MAX: usize = 1024 * 1024;

/// Between two bytes or lines of a slow sender.
const DRIP: Duration = Duration::from_millis(500);

/// After a whole answer, how long is watched whether the connection closes behind it.
const SETTLE: Duration = Duration::from_millis(300);

/// The longest the target's own rate limit is waited out.
const LIMIT_WAIT_MAX: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Debug, Clone)]
pub(super) struct Came {
    /// The first whole answer, past any 1xx.
    pub(super) answer: Option<Answer>,
    /// The connection was closed or reset by the target.
    pub(super) closed: bool,
    /// The bytes hold HTTP/2's GOAWAY.
    pub(super) goaway: bool,
    /// From the last byte sent (or the answer, if that came first) until it was clear what came.
    pub(super) after: Duration,
    /// Nothing can be said.
    pub(super) missed: Option<UnscoredReason>,
    received: Vec<u8>,
}

/// Sends, and reads until an answer is whole, the connection is closed, or `patience` is over.
pub(super) async fn send(ctx: &Ctx, made: &Made, patience: Duration) -> Came {
    let mut came = Came::nothing();
    let socket = match ctx.target.socket().await {
        Ok(socket) => socket,
        Err(reason) => {
            came.missed = Some(reason);
            return came;
        }
    };
    let (mut from, mut to) = tokio::io::split(socket);
    let started = clock::now();
    let mut sent_at = None;
    let deadline = tokio::time::sleep(patience);
    tokio::pin!(deadline);
    // Written and read at the same time: a refusal often comes before a large request is through.
    let writing = async {
        let sent = to.write_all(&made.bytes).await.is_ok() && to.flush().await.is_ok();
        (sent, to)
    };
    tokio::pin!(writing);
    let mut writer = None;
    let mut buffer = vec![0_u8; 16 * 1024];
    let mut ticks = tokio::time::interval(DRIP);
    loop {
        tokio::select! {
            (sent, mut to) = &mut writing, if writer.is_none() => {
                sent_at = Some(clock::now());
                if sent && made.after == After::End {
                    let _ = to.shutdown().await;
                }
                writer = Some(to);
            }
            read = from.read(&mut buffer) => {
                match read {
                    Ok(0) | Err(_) => came.closed = true,
                    Ok(n) => came.received.extend_from_slice(&buffer[..n]),
                }
                came.goaway |= holds_goaway(&came.received);
                came.answer = answer_in(&came.received, came.closed);
                if came.closed || came.goaway || came.received.len() > READ_MAX {
                    break;
                }
                if came.answer.is_some() {
                    // Whole, and the connection still open: a moment shows whether it is closed behind it.
                    deadline.as_mut().reset((clock::now() + SETTLE).into());
                    came.after = clock::now().saturating_duration_since(sent_at.unwrap_or(started));
                }
            }
            _ = ticks.tick(), if writer.is_some() && matches!(made.after, After::DripHead | After::DripBody) => {
                let more: &[u8] = if made.after == After::DripHead { b"X-Golive: 1\r\n" } else { b" " };
                if let Some(to) = writer.as_mut() {
                    let _ = to.write_all(more).await;
                    let _ = to.flush().await;
                }
            }
            () = &mut deadline => break,
            () = ctx.cancel.cancelled() => {
                came.missed = Some(UnscoredReason::Interrupted);
                break;
            }
        }
    }
    if came.after.is_zero() {
        came.after = clock::now().saturating_duration_since(sent_at.unwrap_or(started));
    }
    let after = came.after;
    if let Some(answer) = came.answer.as_mut() {
        answer.elapsed = after;
        answer.head_after = after;
    }
    came
}

impl Came {
    /// Before anything came.
    pub(super) fn nothing() -> Came {
        Came {
            answer: None,
            closed: false,
            goaway: false,
            after: Duration::ZERO,
            missed: None,
            received: Vec::new(),
        }
    }

    /// What evidence shows of an answer that was read by a library.
    pub(super) fn show(&mut self, body: &[u8]) {
        self.received.extend_from_slice(body);
    }

    /// The target's own rate limit answered: how long it asks to be left alone, if that can be waited for.
    pub(super) fn limited_for(&self) -> Option<Duration> {
        let wait = self.answer.as_ref()?.limited_for()?;
        (wait <= LIMIT_WAIT_MAX).then_some(wait)
    }

    /// `400 in 3 ms`, `closed`, `silence`.
    pub(super) fn short(&self) -> String {
        match (&self.answer, &self.missed) {
            (Some(answer), _) => answer.status.as_u16().to_string(),
            (None, Some(_)) => "-".to_owned(),
            (None, None) if self.goaway => "GOAWAY".to_owned(),
            (None, None) if self.closed => "closed".to_owned(),
            (None, None) => "silence".to_owned(),
        }
    }

    /// What was sent and what came, redacted and cut.
    pub(super) fn evidence(&self, title: &str, made: &Made, redactor: &Redactor) -> Evidence {
        let sent = readable(&made.bytes, redactor);
        let mut received = readable(&self.received, redactor);
        if received.is_empty() {
            received = if self.closed {
                "(the connection was closed)"
            } else {
                "(nothing)"
            }
            .to_owned();
        }
        Evidence {
            title: title.to_owned(),
            sent: Some(sent),
            received: Some(received),
            lines: Vec::new(),
            elapsed_ms: Some(millis(self.after)),
        }
    }
}

/// Text with what is no text written out, the secrets out, and the rest cut.
fn readable(bytes: &[u8], redactor: &Redactor) -> String {
    let shown = &bytes[..bytes.len().min(SHOWN * 2)];
    let mut out = String::with_capacity(shown.len());
    for chunk in shown.utf8_chunks() {
        out.extend(chunk.valid().chars().map(|c| {
            if c.is_control() && c != '\n' && c != '\r' {
                '␀'
            } else {
                c
            }
        }));
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    let mut text = shorten(&redactor.text(&out), SHOWN);
    if bytes.len() > shown.len() {
        text.push_str(&format!("… ({} bytes in all)", bytes.len()));
    }
    text
}

/// The first whole answer in `bytes`, past any 1xx; with `closed`, what there is counts as whole.
fn answer_in(bytes: &[u8], closed: bool) -> Option<Answer> {
    let mut rest = bytes;
    loop {
        let end = rest.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&rest[..end]).ok()?;
        let body = &rest[end + 4..];
        let mut lines = head.split("\r\n");
        let start = lines.next()?;
        let status: u16 = start.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
        if (100..200).contains(&status) && status != 101 {
            rest = body;
            continue;
        }
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.trim().as_bytes()),
                HeaderValue::from_str(value.trim()),
            ) {
                headers.append(name, value);
            }
        }
        let body = body_in(&headers, body, closed)?;
        return Some(Answer {
            status: StatusCode::from_u16(status).ok()?,
            headers,
            body: Bytes::from(body),
            truncated: false,
            head_after: Duration::ZERO,
            first_byte_after: None,
            elapsed: Duration::ZERO,
        });
    }
}

/// The whole body, `None` while some of it is missing.
fn body_in(headers: &HeaderMap, rest: &[u8], closed: bool) -> Option<Vec<u8>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        let mut out = Vec::new();
        let mut rest = rest;
        loop {
            let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else {
                return closed.then_some(out);
            };
            let size = std::str::from_utf8(&rest[..end]).ok()?;
            let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
            let chunk = &rest[end + 2..];
            if size == 0 {
                return Some(out);
            }
            if chunk.len() < size.checked_add(2)? {
                return closed.then_some(out);
            }
            out.extend_from_slice(&chunk[..size]);
            rest = &chunk[size + 2..];
        }
    }
    match text("content-length").and_then(|length| length.parse::<usize>().ok()) {
        Some(length) if rest.len() >= length => Some(rest[..length].to_vec()),
        _ => closed.then(|| rest.to_vec()),
    }
}

/// Walks HTTP/2 frames from the beginning; type 7 is GOAWAY.
fn holds_goaway(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let [a, b, c, kind, ..] = rest {
        if bytes.starts_with(b"HTTP/") {
            return false;
        }
        if *kind == 7 {
            return true;
        }
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        match rest.get(9 + length..) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_by_its_length_its_chunks_or_the_end() {
        let whole =
            |bytes: &[u8], closed| answer_in(bytes, closed).map(|a| (a.status.as_u16(), a.body.to_vec()));
        assert_eq!(
            whole(b"HTTP/1.1 400 Bad\r\ncontent-length: 2\r\n\r\n{}", false),
            Some((400, b"{}".to_vec()))
        );
        assert_eq!(
            whole(b"HTTP/1.1 400 Bad\r\ncontent-length: 3\r\n\r\n{}", false),
            None
        );
        let chunked = b"HTTP/1.1 413 Large\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
        assert_eq!(whole(chunked, false), Some((413, b"{}".to_vec())));
        assert_eq!(
            whole(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx", true),
            Some((200, b"x".to_vec()))
        );
        assert_eq!(whole(b"HTTP/1.1 100 Continue\r\n\r\n", true), None);
    }

    #[test]
    fn goaway_is_found_behind_other_frames_and_not_in_http1() {
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        let goaway = [0, 0, 8, 7, 0, 0, 0, 0, 0];
        assert!(holds_goaway(&[settings, goaway].concat()));
        assert!(!holds_goaway(&settings));
        assert!(!holds_goaway(b"HTTP/1.1 400"));
    }
}
