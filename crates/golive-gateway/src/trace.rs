//! M2, E2: W3C trace context (Level 2): continued when the caller sent a valid one, begun when not.
//!
//! Never: forwards a `tracestate` whose `traceparent` was invalid.

use http::HeaderMap;

use crate::names;

/// The trace a request belongs to, and golive's own span in it.
#[derive(Clone, Debug)]
pub struct TraceContext {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u8,
    /// The caller's `tracestate`, if its `traceparent` was valid.
    pub state: Option<String>,
}

impl TraceContext {
    /// Continues the caller's trace or begins one. Two `traceparent` headers are none.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let mut parents = headers.get_all(&names::TRACEPARENT).iter();
        let parent = match (parents.next(), parents.next()) {
            (Some(one), None) => one.to_str().ok().and_then(parse),
            _ => None,
        };
        // Ids of traces are no secrets; the thread's generator asks the system for a seed, not for each id.
        let fresh: [u8; 24] = rand::random();
        let (trace, span) = fresh.split_at(16);
        let mut trace_id: [u8; 16] = trace.try_into().unwrap_or_default();
        let span_id = span.try_into().unwrap_or_default();
        let mut flags = 0;
        let mut state = None;
        if let Some((id, caller_flags)) = parent {
            trace_id = id;
            flags = caller_flags & 0x03;
            state = headers
                .get(&names::TRACESTATE)
                .and_then(|v| v.to_str().ok())
                .filter(|s| s.len() <= 512)
                .map(str::to_owned);
        }
        Self {
            trace_id,
            span_id,
            flags,
            state,
        }
    }

    /// The trace id as 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id_hex(&self) -> String {
        hex(&self.trace_id)
    }

    /// The `traceparent` for the call upstream: the same trace, golive's span as the parent.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!(
            "00-{}-{}-{:02x}",
            hex(&self.trace_id),
            hex(&self.span_id),
            self.flags
        )
    }
}

fn parse(text: &str) -> Option<([u8; 16], u8)> {
    let bytes = text.as_bytes();
    let version = text.get(..2)?;
    let known = version == "00" && bytes.len() == 55;
    let newer = version != "00" && version != "ff" && (bytes.len() == 55 || bytes.get(55) == Some(&b'-'));
    let dashes = bytes.get(2) == Some(&b'-') && bytes.get(35) == Some(&b'-') && bytes.get(52) == Some(&b'-');
    if !(known || newer) || !dashes || !is_hex(version) {
        return None;
    }
    let (trace, span, flags) = (text.get(3..35)?, text.get(36..52)?, text.get(53..55)?);
    if !is_hex(trace) || !is_hex(span) || !is_hex(flags) {
        return None;
    }
    let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
    u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
    Some((trace_id.to_be_bytes(), u8::from_str_radix(flags, 16).ok()?))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)] as char);
        out.push(DIGITS[usize::from(byte & 0x0f)] as char);
    }
    out
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(parents: &[&'static str]) -> TraceContext {
        let mut headers = HeaderMap::new();
        for parent in parents {
            headers.append("traceparent", HeaderValue::from_static(parent));
        }
        headers.append("tracestate", HeaderValue::from_static("a=1"));
        TraceContext::from_headers(&headers)
    }

    const GOOD: &str = "00-5b8aa5a2d2c872e8321cf37308d69df2-051581bf3cb55c13-03";

    #[test]
    fn a_valid_trace_is_continued_under_a_span_of_our_own() {
        let context = with(&[GOOD]);
        assert_eq!(context.trace_id_hex(), "5b8aa5a2d2c872e8321cf37308d69df2");
        assert!(!context.traceparent().contains("051581bf3cb55c13"));
        assert!(context.traceparent().ends_with("-03"));
        assert_eq!(context.state.as_deref(), Some("a=1"));
    }

    #[test]
    fn an_invalid_one_is_replaced_and_its_state_dropped() {
        for bad in [
            &["ff-5b8aa5a2d2c872e8321cf37308d69df2-051581bf3cb55c13-03"][..],
            &["00-00000000000000000000000000000000-051581bf3cb55c13-03"],
            &["00-5B8AA5A2D2C872E8321CF37308D69DF2-051581bf3cb55c13-03"],
            &["00-5b8aa5a2d2c872e8321cf37308d69df2-051581bf3cb55c13-03-x"],
            &["00-5b8a"],
            &[GOOD, GOOD],
            &[],
        ] {
            let context = with(bad);
            assert_ne!(
                context.trace_id_hex(),
                "5b8aa5a2d2c872e8321cf37308d69df2",
                "{bad:?}"
            );
            assert_eq!(context.state, None);
        }
    }
}
