//! R1: the effective definition of an agent or model and its digest: the identity of a release.
//!
//! Never: contains a secret, or where a secret comes from: a new key is not a new release.

use aws_lc_rs::digest::{SHA256, digest as sha};
use serde_json::{Map, Value, json};

use crate::meant::{
    Callee, CalleeKind, Clocks, CustomKind, DeniedTools, ExternalScreen, LinkRef, OnFailure, Patience,
    PiiAction, Resilience, Screening, Translation,
};

/// Canonical JSON: names sorted, no spaces. What is equal in effect is equal in bytes.
pub(crate) fn canonical(callee: &Callee) -> String {
    let definition = json!({
        "kind": callee.kind.as_str(),
        "name": callee.name,
        "chain": callee.chain.iter().enumerate().map(link).collect::<Vec<_>>(),
        "max_in_flight": callee.max_in_flight,
        // Left out where it is the default, so that releases from before it keep their digest.
        "denied_tools": (callee.denied_tools != DeniedTools::default()).then_some(callee.denied_tools.as_str()),
        "pointers": callee.pointers.as_ref().map(|pointers| json!({
            "input": pointers.input, "output": pointers.output, "stream": pointers.stream,
        })),
        "timeouts": clocks(&callee.timeouts),
        // Left out where they are the defaults, for the same reason.
        "resilience": (callee.resilience != Resilience::default()).then(|| resilience(&callee.resilience)),
        "screening": (callee.screening != Screening::default()).then(|| screening(&callee.screening)),
        "on_failure": (callee.kind == CalleeKind::Agent && callee.on_failure != OnFailure::default())
            .then_some(callee.on_failure.as_str()),
        "translation": (callee.translation != Translation::default()).then(|| translation(&callee.translation)),
        "external_screens": (!callee.screening.external.is_empty())
            .then(|| callee.screening.external.iter().map(|screen| external(screen)).collect::<Vec<_>>()),
        "system_prompt": callee.system_prompt.as_ref().map(|file| &file.text),
        "input_schema": callee.input_schema.as_ref().map(|file| &file.text),
    });
    sorted(definition).to_string()
}

/// SHA-256 in 64 lower-case hex digits.
pub(crate) fn digest(definition: &str) -> String {
    sha(&SHA256, definition.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn link((place, link): (usize, &LinkRef)) -> Value {
    let upstream = &link.upstream;
    json!({
        "model": link.model,
        // Left out where they say what the order says.
        "rank": (place != link.rank as usize).then_some(link.rank),
        "weight": (link.weight != 1).then_some(link.weight),
        "timeouts": (place > 0).then(|| clocks(&link.timeouts)),
        "upstream": {
            "name": upstream.name,
            "kind": upstream.kind.as_str(),
            "base_url": upstream.base_url.to_string(),
            "auth_header": upstream.auth_header,
            "anthropic_version": upstream.anthropic_version,
            "forward_headers": upstream.forward_headers,
            "response_size": upstream.response_size.0,
            "max_in_flight": upstream.max_in_flight,
        },
    })
}

fn clocks(clocks: &Clocks) -> Value {
    let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    json!({
        "connect_ms": millis(clocks.connect),
        "first_byte_ms": millis(clocks.first_byte),
        "idle_ms": millis(clocks.idle),
        "total_request_ms": millis(clocks.total_request),
        "total_stream_ms": millis(clocks.total_stream),
    })
}

/// The screens of an agent or model, as `config show` prints them and a release remembers them.
pub(crate) fn screening(screening: &Screening) -> Value {
    let kinds = screening.pii_kinds.iter();
    json!({
        "injection": screening.injection.as_str(),
        "user_threshold": screening.user_threshold,
        "data_threshold": screening.data_threshold,
        "hidden_text": screening.hidden_text.as_str(),
        "pii": screening.pii.as_str(),
        "pii_input": screening.pii_input.as_str(),
        "pii_kinds": kinds.map(|(kind, action)| (kind.clone(), action.as_str().into())).collect::<Map<_, _>>(),
        "pii_values": screening.pii_values,
        "own_data": screening.own_data,
        "guard_system_messages": screening.guard_system_messages,
        "deny": screening.deny,
        "media_hosts": screening.media_hosts,
        "media_inline": screening.media_inline.then_some(true),
        // Left out where there is none, so that releases from before them keep their digest.
        "kinds": (!screening.kinds.is_empty()).then(|| {
            let kinds = screening.kinds.iter();
            kinds.map(|kind| (kind.name.clone(), custom_kind(kind))).collect::<Map<_, _>>()
        }),
        "external": (!screening.external.is_empty())
            .then(|| screening.external.iter().map(|screen| &screen.name).collect::<Vec<_>>()),
    })
}

fn custom_kind(kind: &CustomKind) -> Value {
    json!({
        "pattern": kind.pattern,
        "checksum": kind.checksum,
        "context": kind.context,
        "action": kind.action.map(PiiAction::as_str),
        "examples": kind.examples,
        "counter_examples": kind.counter_examples,
    })
}

/// A screen outside of golive, as `config show` prints it and a release remembers it: without its key.
pub(crate) fn external(screen: &ExternalScreen) -> Value {
    let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let applies_to = [("input", screen.input), ("output", screen.output)];
    json!({
        "name": screen.name,
        "kind": screen.kind.as_str(),
        "url": screen.url.to_string(),
        "deadline_ms": millis(screen.deadline),
        "fail": screen.fail.as_str(),
        "applies_to": applies_to.iter().filter(|(_, applies)| *applies).map(|(word, _)| *word).collect::<Vec<_>>(),
        "action": screen.action.as_str(),
        "threshold": screen.threshold,
        "language": screen.language,
        "streams": screen.streams.as_str(),
        "failures": screen.failures,
        "open_ms": millis(screen.open),
    })
}

/// What is tried and who waits, as `config show` prints it and a release remembers it.
pub(crate) fn resilience(resilience: &Resilience) -> Value {
    let Resilience {
        retry,
        idempotent,
        breaker,
        queue,
    } = resilience;
    let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    json!({
        "retry": {
            "backoff_ms": retry.backoff.iter().map(|wait| millis(*wait)).collect::<Vec<_>>(),
            "jitter_percent": retry.jitter_percent,
            "patience": if retry.patience == Patience::Rotate { "rotate" } else { "retry-first" },
            "attempts_max": retry.attempts_max,
            "idempotent": idempotent,
        },
        "breaker": { "failures": breaker.failures, "open_ms": millis(breaker.open), "successes": breaker.successes },
        "queue": { "length": queue.length, "wait_ms": millis(queue.wait), "overflow": queue.overflow.as_str(),
            "high_roles": queue.high_roles, "low_roles": queue.low_roles },
    })
}

/// How requests are translated, as `config show` prints it and a release remembers it.
pub(crate) fn translation(translation: &Translation) -> Value {
    let parameters = translation.parameters.iter();
    json!({
        "unsupported": translation.unsupported.as_str(),
        "parameters": parameters.map(|(name, what)| (name.clone(), what.as_str().into())).collect::<Map<_, _>>(),
        "output": translation.output,
    })
}

/// Names in order at every depth; absent values left out.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().filter(|(_, value)| !value.is_null()).collect();
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(
                entries
                    .into_iter()
                    .map(|(name, value)| (name, sorted(value)))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(list) => Value::Array(list.into_iter().map(sorted).collect()),
        other => other,
    }
}
