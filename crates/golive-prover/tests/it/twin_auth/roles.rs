//! The twin's roles: what each may do, and the tools in requests and answers.

use serde_json::Value;

/// What a role may do, as the target declares it.
pub fn row(role: &str) -> &'static [&'static str] {
    match role {
        "viewer" => &["model:open"],
        "caller" => &["model:open", "model:deep", "tool:search"],
        "admin" => &[
            "model:open",
            "model:deep",
            "tool:search",
            "tool:pay",
            "admin:GET /admin/ledger",
        ],
        _ => &[],
    }
}

pub fn may(role: &str, what: &str) -> bool {
    row(role).contains(&what)
}

/// Takes the tools out of a request that its caller may not use.
pub fn strip(role: &str, asked: &mut Value) {
    let Some(tools) = asked.get_mut("tools").and_then(Value::as_array_mut) else {
        return;
    };
    tools.retain(|tool| {
        let name = tool
            .pointer("/function/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        may(role, &format!("tool:{name}"))
    });
    if tools.is_empty() {
        asked.as_object_mut().unwrap().remove("tools");
    }
}

/// Whether an answer calls a tool that the caller may not use. The lab sends a call's name whole.
pub fn calls_denied(role: &str, answer: &str) -> bool {
    ["search", "pay"]
        .iter()
        .any(|tool| answer.contains(&format!("\"name\":\"{tool}\"")) && !may(role, &format!("tool:{tool}")))
}
