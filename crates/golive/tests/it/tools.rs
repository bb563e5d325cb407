//! S6: tools in requests and answers, over the wire: what is denied is refused or taken out, and a call that was not
//! offered never reaches the caller.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::caller::{Answer, Ask};
use crate::gate::{Format, Gate, Setup};
use crate::world::folder;

const FORMATS: [Format; 2] = [Format::OpenAi, Format::Anthropic];

/// `[tools.pay]` is governed; `caller` calls the first tool that it is offered, `pays` always calls `pay`.
fn setup() -> Setup {
    let pays = json!({"providers": {"default": {"script": {"rules": [
        {"match": {"model": "pays"}, "behaviour": {"brain": {"tool-call": {"name": "pay", "arguments": {"iban": "DE00"}}}}}
    ]}}}});
    Setup::default().script(&pays.to_string()).with(
        r#"
[tools.pay]
roles = ["lead"]
[models.calls]
chain = ["openai/brain-tool-call"]
[models.claude-calls]
chain = ["anthropic/brain-tool-call"]
[models.strips]
chain = ["openai/brain-tool-call"]
denied_tools = "strip"
[models.claude-strips]
chain = ["anthropic/brain-tool-call"]
denied_tools = "strip"
[models.pays]
chain = ["openai/pays"]
[models.claude-pays]
chain = ["anthropic/pays"]
"#,
    )
}

fn tool(format: Format, name: &str) -> Value {
    match format {
        Format::OpenAi => {
            json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}})
        }
        _ => json!({"name": name, "input_schema": {"type": "object"}}),
    }
}

/// A request of this model of the format.
fn ask(gate: &Gate, format: Format, model: &str, tools: Vec<Value>) -> Ask {
    let prefix = if format == Format::Anthropic {
        "claude-"
    } else {
        ""
    };
    let ask = gate.call(format).with("model", format!("{prefix}{model}"));
    if tools.is_empty() {
        ask
    } else {
        ask.with("tools", tools)
    }
}

fn calls(answer: &Answer, name: &str) -> bool {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().contains(&format!("\"name\":\"{name}\""))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_own_tools_pass_and_a_governed_one_needs_its_role() {
    let gate = setup().start().await;
    let lead = gate
        .command(&["keys", "create", "lead", "--role", "lead", "--role", "caller"])
        .await;
    let lead = lead.good().trim().to_owned();
    for format in FORMATS {
        for stream in [false, true] {
            let offer = |names: &[&str]| {
                let tools = names.iter().map(|name| tool(format, name)).collect();
                let ask = ask(&gate, format, "calls", tools);
                if stream { ask.stream() } else { ask }
            };
            assert!(calls(&offer(&["weather"]).send().await, "weather"));
            let sent = gate.arrived("");
            let refused = offer(&["weather", "pay"]).send().await;
            refused.is_error(format, 403, "tool_denied");
            assert!(refused.text().contains("`pay`"), "{}", refused.text());
            assert_eq!(gate.arrived(""), sent, "nothing of it reached the upstream");
            assert!(calls(&offer(&["pay"]).key(&lead).send().await, "pay"));
        }
    }
    let functions = json!([{"name": "pay", "parameters": {"type": "object"}}]);
    let answer = gate.chat().with("functions", functions).send().await;
    answer.is_error(Format::OpenAi, 403, "tool_denied");
    let choice = json!({"type": "function", "function": {"name": "pay"}});
    let answer = ask(
        &gate,
        Format::OpenAi,
        "calls",
        vec![tool(Format::OpenAi, "weather")],
    );
    let answer = answer.with("tool_choice", choice).send().await;
    answer.is_error(Format::OpenAi, 403, "tool_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_tool_is_taken_out_where_that_is_asked_for_and_the_answer_says_so() {
    let gate = setup().start().await;
    for format in FORMATS {
        let both = || vec![tool(format, "pay"), tool(format, "weather")];
        for stream in [false, true] {
            let ask = ask(&gate, format, "strips", both());
            let ask = if stream { ask.stream() } else { ask };
            let answer = ask.send().await;
            assert!(calls(&answer, "weather"), "the first that is left");
            assert_eq!(answer.header("golive-stripped-tools"), "pay");
        }
        assert_eq!(gate.arrived("\"pay\""), 0, "its name reached the upstream");
        let alone = ask(&gate, format, "strips", vec![tool(format, "pay")])
            .send()
            .await;
        assert_eq!(
            (alone.status, alone.header("golive-stripped-tools")),
            (200, "pay"),
            "{}",
            alone.text()
        );
        let (demands, names) = match format {
            Format::OpenAi => (
                json!("required"),
                json!({"type": "function", "function": {"name": "pay"}}),
            ),
            _ => (json!({"type": "any"}), json!({"type": "tool", "name": "pay"})),
        };
        let demanded = ask(&gate, format, "strips", vec![tool(format, "pay")]).with("tool_choice", demands);
        demanded.send().await.is_error(format, 403, "tool_denied");
        let named = ask(&gate, format, "strips", both()).with("tool_choice", names);
        named.send().await.is_error(format, 403, "tool_denied");
    }
    let none = ask(
        &gate,
        Format::OpenAi,
        "strips",
        vec![tool(Format::OpenAi, "weather")],
    )
    .send()
    .await;
    assert_eq!(none.header("golive-stripped-tools"), "");
}

/// Requests for what a provider runs or keeps.
fn hosted(gate: &Gate) -> Vec<(Format, Ask)> {
    let (openai, anthropic) = (Format::OpenAi, Format::Anthropic);
    let said = |part: Value| json!([{"role": "user", "content": [part]}]);
    let file = json!({"type": "file", "file": {"file_id": "file-1"}});
    let document = json!({"type": "document", "source": {"type": "file", "file_id": "file_1"}});
    let search = json!({"type": "web_search_20250305", "name": "web_search"});
    let server = json!([{"type": "url", "url": "https://mcp.example", "name": "x"}]);
    vec![
        (
            openai,
            ask(gate, openai, "calls", vec![json!({"type": "web_search"})]),
        ),
        (
            openai,
            ask(gate, openai, "calls", vec![json!({"type": "code_interpreter"})]),
        ),
        (openai, gate.call(openai).with("web_search_options", json!({}))),
        (openai, gate.call(openai).with("messages", said(file))),
        (anthropic, ask(gate, anthropic, "calls", vec![search])),
        (
            anthropic,
            ask(
                gate,
                anthropic,
                "calls",
                vec![json!({"type": "computer_20250124", "name": "computer"})],
            ),
        ),
        (anthropic, gate.call(anthropic).with("mcp_servers", server)),
        (anthropic, gate.call(anthropic).with("messages", said(document))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_runs_or_keeps_is_denied_until_a_policy_permits_it() {
    let gate = setup().start().await;
    for (format, ask) in hosted(&gate) {
        let body = ask.body();
        let answer = ask.send().await;
        assert_eq!(answer.status, 403, "{body:?}: {}", answer.text());
        answer.is_error(format, 403, "tool_denied");
    }
    assert_eq!(gate.arrived(""), 0);
    let folder = folder();
    let policy = "permit (principal in Role::\"caller\", action == Action::\"use\", resource is Hosted);";
    fs::write(folder.path().join("roles.cedar"), policy).expect("policies");
    let setup = setup()
        .folder(folder)
        .with("[policies]\nfiles = [\"roles.cedar\"]");
    let gate = setup.start().await;
    for (_, ask) in hosted(&gate) {
        let body = ask.body();
        let answer = ask.send().await;
        assert_eq!(answer.status, 200, "{body:?}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_calls_what_was_not_offered_is_withheld() {
    let gate = setup().start().await;
    for format in FORMATS {
        for stream in [false, true] {
            let ask = ask(&gate, format, "pays", vec![tool(format, "weather")]);
            let answer = if stream { ask.stream() } else { ask }.send().await;
            answer.is_error(format, 403, "tool_call_blocked");
            assert!(
                !answer.text().contains("DE00") && !answer.text().contains("pay\""),
                "{}",
                answer.text()
            );
            let row = gate.row(&answer.id()).await;
            assert_eq!(row["outcome"], "refused:guard_tools:tool_call_blocked", "{row}");
            assert!(
                row["tokens"]["output"].as_u64().is_some(),
                "what was consumed is settled: {row}"
            );
        }
    }
}

/// An upstream that gives every request this stream.
fn scripted(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
            // The requests here are small and end with the last brace of their JSON.
            while !read.ends_with(b"}") {
                match stream.read(&mut buffer) {
                    Ok(n) if n > 0 => read.extend_from_slice(&buffer[..n]),
                    _ => break, // a look at whether somebody listens
                }
            }
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(format!("{head}{answer}").as_bytes());
        }
    });
    format!("http://{address}")
}

fn chunk(delta: Value) -> String {
    format!(
        "data: {}\n\n",
        json!({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_blocked_after_the_first_words_ends_the_stream_as_a_refusal() {
    let call = |name: &str, arguments: &str| json!({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}]});
    let openai = [
        chunk(json!({"role": "assistant", "content": "Let me see."})),
        chunk(call("weather", "")),
        chunk(call("_pay", "{\"iban\":\"DE00\"}")),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    let event = |data: Value| {
        format!(
            "event: {}\ndata: {data}\n\n",
            data["type"].as_str().unwrap_or_default()
        )
    };
    let anthropic = [
        event(json!({"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 3, "output_tokens": 1}}})),
        event(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})),
        event(json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Let me see."}})),
        event(json!({"type": "content_block_stop", "index": 0})),
        event(json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "pay", "input": {}}})),
        event(json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"iban\":\"DE00\"}"}})),
        event(json!({"type": "message_stop"})),
    ]
    .concat();
    for (format, answer, kind, ends) in [
        (
            Format::OpenAi,
            openai,
            "openai",
            &["\"finish_reason\":\"content_filter\"", "data: [DONE]\n\n"][..],
        ),
        (
            Format::Anthropic,
            anthropic,
            "anthropic",
            &["\"stop_reason\":\"refusal\"", "\"type\":\"message_stop\"}\n\n"],
        ),
    ] {
        let toml = format!(
            "[upstreams.scripted]\nkind = \"{kind}\"\nbase_url = \"{}\"\nprivate_addresses = [\"127.0.0.0/8\"]\napi_key_env = \"LAB_KEY\"\n[models.scripted]\nchain = [\"scripted/m\"]",
            scripted(answer)
        );
        let gate = Setup::default().with(&toml).start().await;
        let ask = gate
            .call(format)
            .with("model", "scripted")
            .with("tools", vec![tool(format, "weather")]);
        let answer = ask.stream().send().await;
        let text = answer.text();
        assert!(answer.status == 200 && answer.whole, "{text}");
        // The last word was held for a moment, so it comes in an event of its own.
        assert!(text.contains("Let me ") && text.contains("see."), "{text}");
        for end in ends {
            assert!(text.contains(end), "{end}: {text}");
        }
        assert!(text.ends_with(ends[1]), "{text}");
        for trace in ["DE00", "weather", "pay", "tool_use", "tool_calls"] {
            assert!(!text.contains(trace), "`{trace}` of the call: {text}");
        }
        let row = gate.row(&answer.id()).await;
        assert_eq!(row["outcome"], "refused:guard_tools:tool_call_blocked", "{row}");
    }
}
