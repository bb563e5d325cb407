//! A fault's short text, as headers and model names carry it.

use std::str::FromStr;

use super::{Fault, NotAFault, StatusBody};

impl FromStr for Fault {
    type Err = NotAFault;

    fn from_str(text: &str) -> Result<Self, NotAFault> {
        let fault = read(text).ok_or_else(|| NotAFault {
            text: text.chars().take(100).collect(),
        })?;
        fault.check()?;
        Ok(fault)
    }
}

fn read(text: &str) -> Option<Fault> {
    let exact = match text {
        "hang-before-headers" => Fault::HangBeforeHeaders,
        "hang-after-headers" => Fault::HangAfterHeaders,
        "malformed" => Fault::Malformed,
        "wrong-content-type" => Fault::WrongContentType,
        "reset" => Fault::Reset,
        "redirect" => Fault::Redirect { to: None },
        "html-200" => Fault::Html200,
        "half-body" => Fault::HalfBody,
        "no-done" => Fault::NoDone,
        _ => return read_with_arguments(text),
    };
    Some(exact)
}

fn read_with_arguments(text: &str) -> Option<Fault> {
    // The names that hold a dash come before those of which they could be arguments.
    if let Some(arguments) = after(text, "error-event") {
        let [chunks] = numbers(arguments)?;
        return Some(Fault::ErrorEvent {
            after_chunks: chunks.unwrap_or(1).try_into().ok()?,
        });
    }
    if let Some(arguments) = after(text, "huge-header") {
        let [bytes] = numbers(arguments)?;
        return Some(Fault::HugeHeader {
            bytes: bytes.unwrap_or(HUGE_HEADER_BYTES).try_into().ok()?,
        });
    }
    if let Some(arguments) = after(text, "huge-body") {
        let [bytes] = numbers(arguments)?;
        return Some(Fault::HugeBody {
            bytes: bytes.unwrap_or(HUGE_BODY_BYTES),
        });
    }
    if let Some(arguments) = after(text, "status") {
        let arguments = arguments.strip_prefix('-')?;
        let (code, hint) = match arguments.split_once("-retry-after-") {
            Some((code, hint)) => (code, Some(hint.parse::<u64>().ok()?)),
            None => (arguments, None),
        };
        let headers = hint
            .map(|seconds| ("retry-after".to_owned(), seconds.to_string()))
            .into_iter()
            .collect();
        return Some(Fault::Status {
            code: code.parse().ok()?,
            headers,
            body: StatusBody::Wire,
        });
    }
    if let Some(arguments) = after(text, "stall") {
        let [chunks, ms] = numbers(arguments)?;
        return Some(Fault::Stall {
            after_chunks: chunks.unwrap_or(1).try_into().ok()?,
            for_ms: ms,
        });
    }
    if let Some(arguments) = after(text, "cut") {
        let [chunks] = numbers(arguments)?;
        return Some(Fault::Cut {
            after_chunks: chunks.unwrap_or(1).try_into().ok()?,
            after_bytes: None,
        });
    }
    if let Some(arguments) = after(text, "drip") {
        let [ms] = numbers(arguments)?;
        return Some(Fault::Drip {
            interval_ms: ms.unwrap_or(DRIP_MS),
        });
    }
    if let Some(arguments) = after(text, "slow") {
        let [ms] = numbers(arguments)?;
        return Some(Fault::Slow { ms: ms? });
    }
    if let Some(arguments) = after(text, "refuse") {
        let [for_ms] = numbers(arguments)?;
        return Some(Fault::Refuse { for_ms });
    }
    if let Some(arguments) = after(text, "endless") {
        let [ms] = numbers(arguments)?;
        return Some(Fault::Endless {
            interval_ms: ms.unwrap_or(ENDLESS_MS),
        });
    }
    None
}

/// What follows a name: nothing, or arguments that each begin with a dash.
fn after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(name)
        .filter(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Up to `N` numbers, each after a dash; `None` if there is anything else.
fn numbers<const N: usize>(arguments: &str) -> Option<[Option<u64>; N]> {
    let mut found = [None; N];
    if arguments.is_empty() {
        return Some(found);
    }
    let mut places = found.iter_mut();
    for argument in arguments.strip_prefix('-')?.split('-') {
        *places.next()? = Some(argument.parse().ok()?);
    }
    Some(found)
}

/// One byte a second: what an idle timeout alone does not notice (PROVER P2).
pub(super) const DRIP_MS: u64 = 1000;
/// Fast enough to look alive, slow enough not to drown a reader that leaves late.
pub(super) const ENDLESS_MS: u64 = 20;
/// Past the limits of common HTTP stacks (nginx 8 KiB a line, Node 16 KiB, Go and hyper more).
pub(super) const HUGE_HEADER_BYTES: u64 = 128 << 10;
/// Past any limit that a gateway should set on an answer.
pub(super) const HUGE_BODY_BYTES: u64 = 100 << 20;
