//! M1: what a health document says: which dependencies, in which state, and what it should not have said. Pure.
//!
//! Reads `application/health+json` and what else is common: Spring's `components`, Terminus's `details`, ASP.NET's
//! `entries`, LiteLLM's lists of endpoints, and any JSON whose members carry a status.
//!
//! Never: takes the overall status for a dependency.

use serde_json::Value;

use crate::target::Answer;

/// How a dependency is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Up,
    Warned,
    Down,
}

/// One dependency a health document names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) state: State,
}

/// More names than this are not a health document; the rest is not read.
const NAMES_MAX: usize = 500;

/// Deeper than this nothing is looked for.
const DEPTH_MAX: usize = 8;

const STATUS_KEYS: &[&str] = &["status", "state", "health", "healthy", "ok", "up"];
const NAME_KEYS: &[&str] = &[
    "name",
    "id",
    "component",
    "service",
    "dependency",
    "model",
    "componentId",
];
/// Members that hold dependencies and are none.
const CONTAINERS: &[&str] = &[
    "checks",
    "components",
    "details",
    "dependencies",
    "services",
    "entries",
    "info",
    "error",
    "results",
    "upstreams",
];
const UP: &[&str] = &[
    "pass",
    "ok",
    "up",
    "healthy",
    "ready",
    "connected",
    "available",
    "serving",
    "green",
    "running",
    "alive",
    "operational",
    "success",
    "good",
    "active",
];
const WARNED: &[&str] = &["warn", "warning", "degraded", "yellow", "unknown", "slow"];
const DOWN: &[&str] = &[
    "fail",
    "failed",
    "failing",
    "down",
    "unhealthy",
    "error",
    "disconnected",
    "unavailable",
    "critical",
    "red",
    "out_of_service",
    "not_serving",
    "offline",
    "unreachable",
    "timeout",
    "dead",
    "bad",
];

/// What keeps an answer from being that of a healthy target; empty if nothing does.
pub(super) fn wrong_with(answer: &Answer) -> Vec<String> {
    let mut wrong = Vec::new();
    if answer.status.as_u16() != 200 {
        wrong.push(format!("status {}", answer.status.as_u16()));
    }
    let Some(body) = answer.json() else {
        wrong.push(format!("the body is not JSON ({})", answer.media_type()));
        return wrong;
    };
    let named = dependencies(&body);
    if named.is_empty() {
        wrong.push("it names no dependency".to_owned());
    }
    for one in named.iter().filter(|one| one.state == State::Down) {
        wrong.push(format!("`{}` is down", one.name));
    }
    wrong
}

/// The dependencies of an answer; none if it is not JSON.
pub(super) fn named(answer: &Answer) -> Vec<Dependency> {
    answer.json().map(|body| dependencies(&body)).unwrap_or_default()
}

/// The dependencies a document names, each once with its worst state.
pub(super) fn dependencies(body: &Value) -> Vec<Dependency> {
    let mut found = Vec::new();
    walk(body, &mut Vec::new(), None, &mut found);
    let mut all: Vec<Dependency> = Vec::new();
    for one in found {
        match all.iter_mut().find(|known| known.name == one.name) {
            Some(known) => known.state = known.state.max(one.state),
            None => all.push(one),
        }
    }
    all
}

fn walk(value: &Value, path: &mut Vec<String>, listed: Option<State>, found: &mut Vec<Dependency>) {
    if path.len() > DEPTH_MAX || found.len() >= NAMES_MAX {
        return;
    }
    match value {
        Value::Object(members) => {
            let own = STATUS_KEYS
                .iter()
                .find_map(|key| members.get(*key).and_then(state_of))
                .or(listed);
            let called = NAME_KEYS
                .iter()
                .find_map(|key| members.get(*key).and_then(Value::as_str));
            if let (Some(state), Some(name)) = (own, name_of(path, called)) {
                found.push(Dependency { name, state });
            }
            for (key, member) in members {
                let listed = match key.as_str() {
                    "healthy_endpoints" => Some(State::Up),
                    "unhealthy_endpoints" => Some(State::Down),
                    _ => None,
                };
                path.push(key.clone());
                match member {
                    Value::Object(_) | Value::Array(_) => walk(member, path, listed, found),
                    _ if STATUS_KEYS.contains(&key.as_str()) || NAME_KEYS.contains(&key.as_str()) => {}
                    // At the top a lone flag may mean anything (`maintenance: false`); a status word does not.
                    Value::Bool(_) if !within_container(path) => {}
                    scalar => {
                        if let (Some(state), Some(name)) = (state_of(scalar), name_of(path, None)) {
                            found.push(Dependency { name, state });
                        }
                    }
                }
                path.pop();
            }
        }
        Value::Array(all) => {
            for one in all {
                match (one, listed) {
                    (Value::String(name), Some(state)) => found.push(Dependency {
                        name: name.clone(),
                        state,
                    }),
                    _ => walk(one, path, listed, found),
                }
            }
        }
        _ => {}
    }
}

fn within_container(path: &[String]) -> bool {
    path.len() > 1 && CONTAINERS.contains(&path[path.len() - 2].as_str())
}

fn name_of(path: &[String], called: Option<&str>) -> Option<String> {
    let is_container = |step: &str| {
        CONTAINERS.contains(&step) || matches!(step, "healthy_endpoints" | "unhealthy_endpoints")
    };
    let mut steps: Vec<&str> = path
        .iter()
        .map(String::as_str)
        .filter(|step| !is_container(step))
        .collect();
    if let Some(called) = called.filter(|_| !path.is_empty()) {
        steps.push(called);
    }
    (!steps.is_empty()).then(|| steps.join("/"))
}

fn state_of(value: &Value) -> Option<State> {
    match value {
        Value::Bool(true) => Some(State::Up),
        Value::Bool(false) => Some(State::Down),
        Value::String(word) => {
            let word = word.to_ascii_lowercase();
            let is = |list: &[&str]| list.contains(&word.as_str());
            if is(UP) {
                Some(State::Up)
            } else if is(WARNED) {
                Some(State::Warned)
            } else if is(DOWN) {
                Some(State::Down)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// What a health document shows that helps an attacker: known keys, shapes of keys, addresses. `secrets` and `hosts`
/// are looked for as they are; `redacted` is the text as the redactor leaves it.
pub(super) fn leaks(text: &str, redacted: &str, secrets: &[String], hosts: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    if redacted != text
        || secrets
            .iter()
            .any(|secret| secret.len() >= 6 && text.contains(secret.as_str()))
    {
        found.push("a key stands in it".to_owned());
    }
    for host in hosts.iter().filter(|host| text.contains(host.as_str())) {
        found.push(format!("the address {host} stands in it"));
    }
    // `links` of health+json are meant for people; anything else with a scheme is an address of the inside.
    let body: Option<Value> = serde_json::from_str(text).ok();
    let rest = match body {
        Some(Value::Object(mut members)) => {
            members.remove("links");
            Value::Object(members).to_string()
        }
        _ => text.to_owned(),
    };
    if let Some(at) = rest.find("://") {
        let from = rest[..at]
            .rfind(|c: char| !c.is_ascii_alphanumeric())
            .map_or(0, |at| at + 1);
        let url: String = rest[from..]
            .chars()
            .take_while(|c| !c.is_whitespace() && *c != '"')
            .take(60)
            .collect();
        found.push(format!("the address {url} stands in it"));
    } else if let Some(address) = ip_with_port(&rest) {
        found.push(format!("the address {address} stands in it"));
    }
    found
}

/// The first `1.2.3.4:80` in a text.
fn ip_with_port(text: &str) -> Option<&str> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))
        .find(|word| word.parse::<std::net::SocketAddrV4>().is_ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Vec<(String, State)> {
        dependencies(&body)
            .into_iter()
            .map(|one| (one.name, one.state))
            .collect()
    }

    #[test]
    fn the_common_health_documents_are_read() {
        let golive = json!({"status": "fail", "version": "0.1", "checks": {
            "store:writes": [{"componentType": "datastore", "status": "pass"}],
            "upstream/lab:reachable": [{"componentType": "component", "status": "fail", "output": "3 failed"}]}});
        assert_eq!(
            read(golive),
            [
                ("store:writes".into(), State::Up),
                ("upstream/lab:reachable".into(), State::Down)
            ]
        );
        let spring =
            json!({"status": "UP", "components": {"db": {"status": "UP"}, "redis": {"status": "DOWN"}}});
        assert_eq!(
            read(spring),
            [("db".into(), State::Up), ("redis".into(), State::Down)]
        );
        let litellm = json!({"healthy_endpoints": [{"model": "gpt"}], "unhealthy_endpoints": [{"model": "claude"}],
            "healthy_count": 1, "unhealthy_count": 1});
        assert_eq!(
            read(litellm),
            [("gpt".into(), State::Up), ("claude".into(), State::Down)]
        );
        let home = json!({"status": "ok", "database": "connected", "maintenance": false,
            "services": [{"name": "model", "ok": false}], "checks": {"disk": true}});
        // Whether JSON objects keep their order is the workspace's choice.
        let mut home = read(home);
        home.sort();
        assert_eq!(
            home,
            [
                ("database".into(), State::Up),
                ("disk".into(), State::Up),
                ("model".into(), State::Down)
            ]
        );
        assert_eq!(read(json!({"status": "ok"})), []);
    }

    #[test]
    fn keys_and_addresses_are_leaks_and_links_are_not() {
        let leak = |body: Value| {
            leaks(
                &body.to_string(),
                &body.to_string(),
                &["s3cret-key".into()],
                &["db.local".into()],
            )
        };
        assert_eq!(
            leak(json!({"links": {"about": "https://example.com"}, "checks": {}})),
            [""; 0]
        );
        assert_eq!(leak(json!({"output": "s3cret-key"})).len(), 1);
        assert_eq!(leak(json!({"output": "postgres://db.local/x"})).len(), 2);
        assert_eq!(leak(json!({"output": "cannot connect to 10.0.0.7:443"})).len(), 1);
        assert_eq!(leak(json!({"version": "1.2.3.4"})), [""; 0]);
    }
}
