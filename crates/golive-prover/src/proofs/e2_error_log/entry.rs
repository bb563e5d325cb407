//! E2: entries out of a log's text, and their fields by the declared names.
//!
//! Never: guesses a field by its content; what is not under its declared name is not there.

use golive_config::LogFields;
use jiff::Timestamp;
use serde_json::Value;

/// The entries of a text: JSON lines, lines with something before the JSON, JSON wrapped in a shipper's line, or one array.
pub(super) fn read(text: &str) -> Vec<Value> {
    if let Ok(whole) = serde_json::from_str::<Value>(text) {
        return listed(whole);
    }
    text.lines().filter_map(line).map(unwrapped).collect()
}

fn line(line: &str) -> Option<Value> {
    let at = line.find('{')?;
    serde_json::from_str::<Value>(line[at..].trim_end())
        .ok()
        .filter(Value::is_object)
}

/// The objects of an array, or of the first array of an object; an object by itself is one entry.
fn listed(whole: Value) -> Vec<Value> {
    let objects = |all: Vec<Value>| all.into_iter().filter(Value::is_object).map(unwrapped).collect();
    match whole {
        Value::Array(all) => objects(all),
        Value::Object(members) => {
            let array = members
                .values()
                .find_map(|value| value.as_array().filter(|all| all.iter().any(Value::is_object)));
            match array.cloned() {
                Some(all) if members.len() <= 4 => objects(all),
                _ => vec![unwrapped(Value::Object(members))],
            }
        }
        _ => Vec::new(),
    }
}

/// What a shipper put into a string: `{"log": "{…}"}`.
fn unwrapped(entry: Value) -> Value {
    for name in ["log", "message", "msg", "line"] {
        let inner = entry.get(name).and_then(Value::as_str).and_then(line);
        if let Some(inner) = inner {
            return inner;
        }
    }
    entry
}

/// Whether an entry is about this request: its trace or its id stands somewhere in it.
pub(super) fn is_of(entry: &Value, trace: &str, request: Option<&str>) -> bool {
    let text = entry.to_string();
    text.contains(trace) || request.is_some_and(|id| id.len() >= 8 && text.contains(id)) || {
        // A short id counts only as a whole value.
        request.is_some_and(|id| holds(entry, id))
    }
}

fn holds(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Array(all) => all.iter().any(|one| holds(one, wanted)),
        Value::Object(members) => members.values().any(|one| holds(one, wanted)),
        _ => false,
    }
}

/// A field by its declared name: a member, or a JSON pointer.
pub(super) fn field<'a>(entry: &'a Value, name: &str) -> Option<&'a Value> {
    let found = if name.starts_with('/') {
        entry.pointer(name)
    } else {
        entry.get(name)
    };
    found.filter(|value| !is_empty(value))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(all) => all.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// The user's field as text.
pub(super) fn user_of(entry: &Value, fields: &LogFields) -> Option<String> {
    field(entry, &fields.user).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// What is wrong with the seven fields of an entry about this trace.
pub(super) fn wrong_with(entry: &Value, fields: &LogFields, trace: &str, now: Timestamp) -> Vec<String> {
    let mut wrong = Vec::new();
    let seven = [
        (&fields.timestamp, "timestamp"),
        (&fields.user, "user"),
        (&fields.input_summary, "input summary"),
        (&fields.error_type, "error type"),
        (&fields.error_chain, "error chain"),
        (&fields.recovery_action, "recovery action"),
        (&fields.trace_id, "trace id"),
    ];
    for (name, what) in seven {
        if field(entry, name).is_none() {
            wrong.push(format!("no {what} (`{name}`)"));
        }
    }
    if let Some(written) = field(entry, &fields.timestamp) {
        match instant(written) {
            None => wrong.push(format!("`{}` is no time", fields.timestamp)),
            Some(at) if now.duration_since(at).abs() > jiff::SignedDuration::from_mins(5) => {
                wrong.push(format!("its time is {at}, and it is {now}"));
            }
            Some(_) => {}
        }
    }
    if let Some(written) = field(entry, &fields.trace_id)
        && !written.to_string().contains(trace)
    {
        wrong.push(format!("`{}` is not the caller's trace", fields.trace_id));
    }
    if user_of(entry, fields).is_some_and(|user| user.len() < SHORTEST_HASH) {
        wrong.push(format!("`{}` is too short for a hash", fields.user));
    }
    wrong
}

/// RFC 3339, or a number of seconds, milliseconds, microseconds or nanoseconds.
fn instant(written: &Value) -> Option<Timestamp> {
    if let Some(text) = written.as_str() {
        return text.parse().ok();
    }
    let number = written.as_f64()?;
    let seconds = [1.0, 1e3, 1e6, 1e9]
        .into_iter()
        .map(|unit| number / unit)
        .find(|seconds| *seconds < 1e11)?;
    Timestamp::from_second(seconds as i64).ok()
}

/// Two entries that say the same, whatever their times and running numbers: one failure written twice.
pub(super) fn same(one: &Value, other: &Value, fields: &LogFields) -> bool {
    let bare = |entry: &Value| {
        let mut entry = entry.clone();
        if let Some(members) = entry.as_object_mut() {
            members.remove(&fields.timestamp);
            members.retain(|_, value| !value.is_number());
        }
        entry
    };
    bare(one) == bare(other)
}

/// Eight letters tell too few users apart to be anyone's hash.
const SHORTEST_HASH: usize = 8;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_are_read_from_lines_arrays_and_what_shippers_make_of_them() {
        let lines = "{\"a\":1}\nnot json\n2026-01-01 stdout {\"a\":2}\n{\"log\":\"{\\\"a\\\":3}\\n\",\"stream\":\"stderr\"}\n";
        let found: Vec<i64> = read(lines)
            .iter()
            .filter_map(|entry| entry["a"].as_i64())
            .collect();
        assert_eq!(found, [1, 2, 3]);
        assert_eq!(read("[{\"a\":1},{\"a\":2}]").len(), 2);
        assert_eq!(
            read("{\"entries\":[{\"a\":1}],\"more\":false}"),
            [json!({"a": 1})]
        );
        assert_eq!(
            read("{\"timestamp\":\"x\",\"error_chain\":[\"y\"],\"user\":\"u\",\"t\":1,\"r\":2}").len(),
            1
        );
    }

    #[test]
    fn a_missing_field_a_wrong_time_and_a_foreign_trace_are_named() {
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        let fields = LogFields::default();
        let good = json!({"timestamp": "2026-03-01T10:00:01Z", "user": "0123456789abcdef", "input_summary": "a question",
            "error_type": "timeout", "error_chain": ["no answer"], "recovery_action": "none", "trace_id": "ab"});
        assert_eq!(wrong_with(&good, &fields, "ab", now), Vec::<String>::new());
        for (name, value, why) in [
            ("recovery_action", json!(null), "no recovery action"),
            ("timestamp", json!(1_700_000_000), "its time is"),
            ("timestamp", json!("yesterday"), "is no time"),
            ("trace_id", json!("cd"), "not the caller's trace"),
            ("error_chain", json!([]), "no error chain"),
            ("user", json!("ann"), "too short"),
        ] {
            let mut bad = good.clone();
            bad[name] = value;
            let wrong = wrong_with(&bad, &fields, "ab", now).join(", ");
            assert!(wrong.contains(why), "{name}: {wrong}");
        }
        let in_millis = json!(1_772_359_200_000_i64);
        assert_eq!(instant(&in_millis), Some(now));
    }
}
