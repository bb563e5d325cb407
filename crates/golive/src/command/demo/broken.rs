//! P2–P6, E1–E5: what a demo configures and declares so that the proofs can break it: models with a link of their own
//! each, a chain over three providers, a model before a short queue, a webhook to the lab, prices and a small budget.
//!
//! Never: gives a figure of money that is not said to be made up.

use std::fmt::Write as _;

use super::Ports;
use super::files::PROVIDER;

/// The upstream of the models that the proofs break; the lab's port of `PROVIDER` under another name.
const LINES: &str = "lines";
/// So many of them let the proofs of timeouts, retries and breakers run side by side.
const LINE_COUNT: usize = 6;
/// The virtual providers of the chain, how golive names the links to them, and what those cost: dollars per million
/// tokens in and out.
const CHAIN: [(&str, &str, &str, &str, &str); 3] = [
    ("alpha", "openai", "alpha/big", "2.50", "10"),
    ("beta", "anthropic", "beta/claude", "3", "15"),
    ("gamma", "openai", "gamma/small", "0.15", "0.60"),
];
/// Requests in the made-up sample: forty more than a projection needs.
const SAMPLE: u64 = 240;
/// Where that sample stands, beside the configuration.
pub(super) const SAMPLE_FILE: &str = "sample.jsonl";
/// The secret that events to the lab's receiver are signed with.
pub(super) const DESK_SECRET: &str = "GOLIVE_DEMO_DESK_SECRET";
/// The key under a small budget.
pub(super) const PAUPER_KEY: &str = "GOLIVE_DEMO_PAUPER_KEY";
/// A body that is served, in whose place others must be refused.
pub(super) const GOOD_BODY: (&str, &str) = (
    "body-good.json",
    r#"{"model": "support", "max_tokens": 32, "messages": [{"role": "user", "content": "Say hello. {marker}"}]}"#,
);
/// Bodies of the wrong form.
pub(super) const BAD_BODIES: [(&str, &str); 3] = [
    (
        "body-messages-text.json",
        r#"{"model": "support", "max_tokens": 32, "messages": "Say hello. {marker}"}"#,
    ),
    (
        "body-content-number.json",
        r#"{"model": "support", "max_tokens": 32, "messages": [{"role": "user", "content": 7}]}"#,
    ),
    (
        "body-role-unknown.json",
        r#"{"model": "support", "max_tokens": 32, "messages": [{"role": "nobody", "content": "Say hello. {marker}"}]}"#,
    ),
];

/// The part of `golive.toml` about failures, queues, people and money. `team`: a team that has spent nothing yet.
/// `today`: the day the made-up prices are of.
pub(super) fn config_text(ports: Ports, team: &str, today: &str) -> String {
    let Ports { lab, provider, .. } = ports;
    let mut text = format!(
        r#"
# ---------------------------------------------------------------------------------------------
# What the proofs break: names that nobody else asks for, so that no other proof meets an open breaker.

[upstreams.{LINES}]
kind = "openai"
base_url = "http://127.0.0.1:{provider}/v1"
private_addresses = ["127.0.0.0/8"]
timeouts = {{ connect = "1s", first_byte = "2s", idle = "2s", total_request = "12s", total_stream = "8s" }}
retry_budget = {{ floor = 100, share_percent = 100 }} # fifty callers fail at the same moment
"#
    );
    for n in 1..=LINE_COUNT {
        // Writing to a String cannot fail, here and below.
        let _ = write!(
            text,
            r#"
[models.line-{n}]
chain = ["{LINES}/line-{n}"]
breaker.open = "3s" # 30 s by default
"#
        );
    }
    for (name, kind, ..) in CHAIN {
        let path = if kind == "openai" { "/v1" } else { "" };
        let _ = write!(
            text,
            r#"
[upstreams.{name}]
kind = "{kind}"
base_url = "http://127.0.0.1:{lab}/{name}{path}"
private_addresses = ["127.0.0.0/8"]
timeouts = {{ connect = "1s", first_byte = "2s", idle = "2s", total_request = "12s", total_stream = "8s" }}
retry_budget = {{ floor = 100, share_percent = 100 }}
"#
        );
    }
    let quoted = |words: Vec<&str>| serde_json::Value::from(words).to_string();
    let links = quoted(CHAIN.iter().map(|link| link.2).collect());
    let providers = quoted(CHAIN.iter().map(|link| link.0).collect());
    let lines: Vec<String> = (1..=LINE_COUNT).map(|n| format!("line-{n}")).collect();
    let one = quoted(lines.iter().map(String::as_str).collect());
    let link_prices: Vec<String> = CHAIN
        .iter()
        .map(|link| format!("{}/{}", link.3, link.4))
        .collect();
    let link_prices = quoted(link_prices.iter().map(String::as_str).collect());
    let _ = write!(
        text,
        r#"
[models.fallback]
chain = {links}
breaker.open = "3s"

[agents.turnstile]
chain = ["{PROVIDER}/turnstile"]
max_in_flight = 8
retry.backoff = []
queue = {{ length = 16, wait = "4s" }} # 1000 and 5 min by default
timeouts = {{ first_byte = "2s", idle = "2s", total_request = "12s", total_stream = "8s" }}

# People: the lab receives what a desk would.
[escalation]
confidence_header = "x-confidence"

[webhooks.desk]
kind = "generic"
url = "http://127.0.0.1:{lab}/_hook/desk"
secret_env = "{DESK_SECRET}"
private_addresses = ["127.0.0.0/8"]

# Money: every price here is made up.
[keys.pauper]
key_env = "{PAUPER_KEY}"
roles = ["caller"]
team = "{team}"

[[budgets]]
name = "small"
scope = "team"
only = ["{team}"]
amount = "0.05 USD"
per = "day"
"#
    );
    let own = ["canned", "turnstile"].map(|model| format!("{PROVIDER}/{model}"));
    let named = own
        .into_iter()
        .chain(lines.iter().map(|line| format!("{LINES}/{line}")))
        .map(|name| (name, "2.50", "10"))
        .chain(CHAIN.iter().map(|link| (link.2.to_owned(), link.3, link.4)));
    for (name, input, output) in named {
        let cached = if input == "2.50" {
            "\ncached_input = \"1.25 USD\""
        } else {
            ""
        };
        let _ = write!(
            text,
            r#"
[prices."{name}"]
input = "{input} USD"{cached}
output = "{output} USD"
date = "{today}"
source = "made up by golive demo"
"#
        );
    }
    let bad = quoted(BAD_BODIES.iter().map(|body| body.0).collect());
    let _ = write!(
        text,
        r#"
[targets.demo.declares.retry]
backoff = ["1s", "2s", "4s"]
jitter = "20%"

[targets.demo.declares.breaker]
failures = 5
open = "3s" # the checklist says 30 s
successes = 3
probes = 1
counts = "attempts"

[targets.demo.declares.schema]
good = ["{good}"]
bad = {bad}

[targets.demo.links]
one = {one}
chain = "fallback"
providers = {providers}
names = {links}
prices = {link_prices}
queued = "turnstile"

[targets.demo.queue]
concurrency = 8
length = 16
wait = "4s" # the checklist says 5 min
priority_header = "golive-priority"
priorities = ["normal", "low"]

[targets.demo.replies] # no surface: refusals of a full queue are typed errors, failures are replies
locales = ["en", "de"]
internal_names = ["{LINES}", "golive-demo"]

[targets.demo.logs]
file = "golive-errors.jsonl"
within = "5s"

[targets.demo.escalation]
receiver = "desk"
secret_env = "{DESK_SECRET}"
confidence_header = "x-confidence"
messages_path = "/v1/conversations/{{conversation}}"
operator = "admin"
reply_path = "/admin/tickets/{{ticket}}/answer"
resolve_path = "/admin/tickets/{{ticket}}/resolve"

[targets.demo.money]
input = "2.50 USD"
cached_input = "1.25 USD"
output = "10 USD"
prices_of = "{today}"
monthly_budget = "2000 USD"
volume = "1000/d"
sample = "{SAMPLE_FILE}" # made up, as the prices are
input_max = 8000
output_max = 1000
budget_role = "pauper"
small_budget = "0.05 USD"
overshoot = "0.002 USD"
spent_metric = "golive_cost_usd_total"
"#,
        good = GOOD_BODY.0,
    );
    text
}

/// What each caller of the demo may ask for, as the words of a list in the matrix of `S6`.
pub(super) fn capabilities() -> String {
    let own = [
        "agent:support",
        "model:small",
        "model:fallback",
        "agent:turnstile",
    ]
    .map(str::to_owned);
    let lines = (1..=LINE_COUNT).map(|n| format!("model:line-{n}"));
    let quoted: Vec<String> = own
        .into_iter()
        .chain(lines)
        .map(|name| format!("\"{name}\""))
        .collect();
    quoted.join(", ")
}

/// A made-up sample of requests, one a line: the same numbers each time, most of them small and a few dear, as real ones
/// are.
pub(super) fn sample_text() -> String {
    let mut state: u64 = 1;
    let mut below = |end: u64| {
        // Knuth's MMIX generator: the numbers need look random, and to nobody's harm.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end
    };
    let mut text = String::new();
    for _ in 0..SAMPLE {
        let dear = if below(20) == 0 { 6 } else { 1 };
        let input = (200 + below(1_000)) * dear;
        let cached = if below(3) == 0 { input / 2 } else { 0 };
        let output = (40 + below(260)) * dear;
        let _ = writeln!(
            text,
            r#"{{"input": {input}, "cached": {cached}, "output": {output}}}"#
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_large_enough_for_a_projection_and_each_line_is_an_object() {
        let text = sample_text();
        assert!(text.lines().count() >= 200);
        for line in text.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(row["cached"].as_u64().unwrap() <= row["input"].as_u64().unwrap());
        }
    }
}
