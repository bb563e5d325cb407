//! S3, S4, S8: screens outside of golive, played by a small server of the test's own: what they block, change and flag,
//! what holds when they fail, and kinds of personal data of the operator's own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::gate::{Format, Gate, Setup};

/// What a screen answers: a status and a body; `None`: nothing, ever.
type Reply = Option<(u16, Value)>;

/// A screen outside of golive.
struct Outside {
    url: String,
    /// The path and the body of each question.
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Outside {
    fn answering(answer: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&asked), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                thread::spawn(move || one(stream, &seen, &*answer));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().expect("no panic").clone()
    }

    /// Its table, with further keys.
    fn table(&self, name: &str, kind: &str, more: &str) -> String {
        let url = &self.url;
        format!(
            "[screens.{name}]\nkind = \"{kind}\"\nurl = \"{url}\"\nprivate_addresses = [\"127.0.0.0/8\"]\n{more}\n"
        )
    }
}

/// One question on one connection. A probe, which asks nothing, is no question.
fn one(mut stream: TcpStream, seen: &Mutex<Vec<(String, Value)>>, answer: &dyn Fn(&str, &Value) -> Reply) {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    let (path, body) = loop {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(length) => bytes.extend_from_slice(&piece[..length]),
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, rest)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        if rest.len() >= length.unwrap_or(0) {
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            break (path, serde_json::from_str(rest).unwrap_or(Value::Null));
        }
    };
    seen.lock().expect("no panic").push((path.clone(), body.clone()));
    match answer(&path, &body) {
        None => drop(stream.read(&mut piece)), // until the other side has had enough
        Some((status, value)) => {
            let body = value.to_string();
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            drop(stream.write_all(format!("{head}{body}").as_bytes()));
        }
    }
}

/// A webhook that looks for a word and then says this.
fn webhook(word: &'static str, verdict: Value) -> Outside {
    Outside::answering(move |_, question| {
        let holds = question["text"].as_str().is_some_and(|text| text.contains(word));
        Some((
            200,
            if holds {
                verdict.clone()
            } else {
                json!({"verdict": "pass"})
            },
        ))
    })
}

/// The models that use the screen `outside`.
const MODELS: &str = "[models.screened]\nchain = [\"openai/brain-echo\"]\nscreening.external = [\"outside\"]";

async fn gate(outside: &Outside, kind: &str, more: &str) -> Gate {
    let setup = Setup::default()
        .with(&outside.table("outside", kind, more))
        .with(MODELS);
    setup.start().await
}

fn unsigned(text: &str) -> &str {
    text.split(" [lab:").next().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_blocks_replaces_and_flags_what_requests_bring_and_answers_tell() {
    let outside = webhook("nightjar", json!({"verdict": "block"}));
    let gate_in = gate(&outside, "webhook", "applies_to = [\"input\"]").await;
    let ask = |gate: &Gate, text: &str| gate.chat().with("model", "screened").saying(text);
    ask(&gate_in, "tell me of nightjar")
        .send()
        .await
        .is_error(Format::OpenAi, 400, "refused_by_screen");
    assert_eq!(gate_in.arrived(""), 0, "it was not sent on");
    assert_eq!(ask(&gate_in, "hello").send().await.status, 200);
    assert_eq!(
        gate_in.chat().saying("nightjar").send().await.status,
        200,
        "another model does not use it"
    );
    let (path, question) = outside.asked().remove(0);
    assert_eq!(path, "/");
    let expected = json!({"version": 1, "direction": "input", "speaker": "user", "callee": "model/screened",
        "text": "tell me of nightjar"});
    assert_eq!(question, expected);

    let gate_out = gate(&outside, "webhook", "applies_to = [\"output\"]").await;
    ask(&gate_out, "tell me of nightjar")
        .send()
        .await
        .is_error(Format::OpenAi, 403, "answer_withheld");
    assert_eq!(ask(&gate_out, "hello").send().await.status, 200);

    let changing = webhook("nightjar", json!({"verdict": "replace", "text": "a bird"}));
    let gate_changed = gate(&changing, "webhook", "applies_to = [\"input\"]").await;
    let said = ask(&gate_changed, "what is a nightjar?")
        .send()
        .await
        .said(Format::OpenAi);
    assert_eq!(unsigned(&said), "a bird");

    let flagging = webhook("nightjar", json!({"verdict": "flag"}));
    let gate_flagged = gate(&flagging, "webhook", "").await;
    let answer = ask(&gate_flagged, "what is a nightjar?").send().await;
    assert_eq!(
        (answer.status, answer.header("golive-flagged")),
        (200, "external")
    );
    let plain = ask(&gate_flagged, "hello").send().await;
    assert_eq!((plain.status, plain.header("golive-flagged")), (200, ""));
}

/// Finds `José` and says where, in characters.
fn presidio() -> Outside {
    Outside::answering(|_, question| {
        let text = question["text"].as_str().unwrap_or_default();
        let found = text.find("José").map(|at| {
            let start = text[..at].chars().count();
            json!({"entity_type": "PERSON", "start": start, "end": start + 4, "score": 0.85})
        });
        Some((200, Value::from(Vec::from_iter(found))))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn presidio_redacts_whole_answers_and_a_stream_is_refused_or_held_until_it_is_whole() {
    let outside = presidio();
    let gate_out = gate(
        &outside,
        "presidio",
        "applies_to = [\"output\"]\naction = \"redact\"",
    )
    .await;
    let ask = |gate: &Gate, text: &str| gate.chat().with("model", "screened").saying(text);
    let said = ask(&gate_out, "Grüße an José!").send().await.said(Format::OpenAi);
    assert_eq!(unsigned(&said), "Grüße an [PERSON]!");
    let (path, question) = outside.asked().remove(0);
    assert_eq!(
        (path.as_str(), &question["language"], &question["score_threshold"]),
        ("/analyze", &json!("en"), &json!(0.5))
    );
    let refused = ask(&gate_out, "hello").stream().send().await;
    refused.is_error(Format::OpenAi, 400, "stream_not_screened");

    let gate_held = gate(
        &outside,
        "presidio",
        "applies_to = [\"output\"]\nstreams = \"hold\"",
    )
    .await;
    let stream = ask(&gate_held, "Good morning to everybody.")
        .stream()
        .send()
        .await;
    assert_eq!(stream.status, 200, "{}", stream.text());
    assert!(
        stream.text().contains("[DONE]") && stream.text().contains("everybody"),
        "{}",
        stream.text()
    );
    let last = outside.asked().pop().expect("a question").1;
    assert!(
        last["text"]
            .as_str()
            .is_some_and(|text| text.starts_with("Good morning to everybody.")),
        "{last}"
    );
    let withheld = ask(&gate_held, "Grüße an José, und noch viele Worte.")
        .stream()
        .send()
        .await;
    assert!(
        !withheld.text().contains("Gr"),
        "no piece of it was told: {}",
        withheld.text()
    );
    withheld.is_error(Format::OpenAi, 403, "answer_withheld");
}

#[tokio::test(flavor = "multi_thread")]
async fn llm_guard_is_told_what_was_asked_beside_the_answer() {
    let outside = Outside::answering(|path, question| {
        let (text, name) = match path {
            "/analyze/prompt" => (&question["prompt"], "sanitized_prompt"),
            _ => (&question["output"], "sanitized_output"),
        };
        let valid = !text.as_str().is_some_and(|text| text.contains("nightjar"));
        Some((200, json!({"is_valid": valid, "scanners": {}, name: text})))
    });
    let gate = gate(&outside, "llm-guard", "").await;
    let ask = |text: &str| gate.chat().with("model", "screened").saying(text);
    assert_eq!(ask("hello").send().await.status, 200);
    let asked = outside.asked();
    assert_eq!(
        asked[0],
        ("/analyze/prompt".to_owned(), json!({"prompt": "hello"}))
    );
    assert_eq!(asked[1].0, "/analyze/output");
    assert_eq!(asked[1].1["prompt"], "hello");
    ask("nightjar")
        .send()
        .await
        .is_error(Format::OpenAi, 400, "refused_by_screen");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_screen_no_text_passes_unless_that_is_declared_and_health_names_it() {
    let broken = Outside::answering(|_, _| Some((500, json!("no"))));
    let closed = gate(
        &broken,
        "webhook",
        "applies_to = [\"input\"]\nfailures = 3\nopen = \"1h\"",
    )
    .await;
    let ask = |gate: &Gate| gate.chat().with("model", "screened");
    assert_eq!(closed.health().await.0, 200);
    for _ in 0..5 {
        let answer = ask(&closed).send().await;
        answer.is_error(Format::OpenAi, 503, "screen_unavailable");
        assert!(!answer.header("retry-after").is_empty());
    }
    assert_eq!(closed.arrived(""), 0);
    assert_eq!(broken.asked().len(), 3, "then it is left alone");
    let (status, health) = closed.health().await;
    assert_eq!(status, 503, "{health}");
    assert_eq!(
        health["checks"]["screen/outside:reachable"][0]["status"], "fail",
        "{health}"
    );

    let open = gate(&broken, "webhook", "applies_to = [\"input\"]\nfail = \"open\"").await;
    let answer = ask(&open).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());

    let silent = Outside::answering(|_, _| None);
    let waiting = gate(&silent, "webhook", "deadline = \"50ms\"").await;
    ask(&waiting)
        .send()
        .await
        .is_error(Format::OpenAi, 503, "screen_unavailable");

    let nonsense = Outside::answering(|_, _| Some((200, json!({"verdict": "fine"}))));
    let strict = gate(&nonsense, "webhook", "applies_to = [\"output\"]").await;
    let answer = ask(&strict).send().await;
    answer.is_error(Format::OpenAi, 503, "screen_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_that_cannot_be_reached_as_it_is_written_or_that_nobody_knows_is_refused() {
    let gate = Setup::default().start().await;
    let good = gate.config();
    let private = "[screens.near]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9\"";
    for (toml, words) in [
        (private, "private_addresses"),
        (
            "[models.other]\nchain = [\"openai/m\"]\nscreening.external = [\"nobody\"]",
            "nobody",
        ),
        (
            "[screens.far]\nkind = \"magic\"\nurl = \"https://screen.example\"",
            "presidio",
        ),
        (
            "[screens.far]\nkind = \"webhook\"\nurl = \"https://screen.example\"\napplies_to = [\"both\"]",
            "both",
        ),
    ] {
        gate.rewrite_config(&format!("{good}\n{toml}\n"));
        let said = gate.command(&["config", "check"]).await;
        assert_eq!(said.code, 2, "{toml}: {}", said.err);
        assert!(said.err.contains(words), "{toml}: {}", said.err);
    }
}

const STAFF: &str = "[screening.kinds.STAFF_NUMBER]\npattern = 'EMP-[0-9]{6}'\ncontext = [\"employee\"]\n\
                     examples = [\"the employee EMP-004711\"]\ncounter_examples = [\"EMP-004711\", \"employee EMP-47\"]";

#[tokio::test(flavor = "multi_thread")]
async fn kinds_of_the_operators_own_are_found_in_answers_and_requests_as_each_agent_wants_it() {
    let gate = Setup::default()
        .with(STAFF)
        .with(
            "[models.loose]\nchain = [\"openai/brain-echo\"]\nscreening.pii_kinds_allow = [\"STAFF_NUMBER\"]",
        )
        .with("[models.strict]\nchain = [\"openai/brain-echo\"]\nscreening.pii_input = \"block\"")
        .start()
        .await;
    let text = "ask the employee EMP-004711, not order EMP-1";
    let ask = |model: &str| gate.chat().with("model", model).saying(text);
    let said = ask("echo").send().await.said(Format::OpenAi);
    assert_eq!(
        unsigned(&said),
        "ask the employee [STAFF_NUMBER], not order EMP-1"
    );
    let said = ask("loose").send().await.said(Format::OpenAi);
    assert_eq!(unsigned(&said), text);
    ask("strict")
        .send()
        .await
        .is_error(Format::OpenAi, 400, "personal_data");

    let good = gate.config();
    for (old, new, words) in [
        ("the employee EMP-004711", "the employee EMP-4711", "examples"),
        (
            "\"EMP-004711\", ",
            "\"employee EMP-004711\", ",
            "counter_examples",
        ),
        ("EMP-[0-9]{6}", "EMP-(?=[0-9])", "pattern"),
        ("STAFF_NUMBER]", "staff]", "no name for a kind"),
    ] {
        gate.rewrite_config(&good.replacen(old, new, 1));
        let said = gate.command(&["config", "check"]).await;
        assert_eq!(said.code, 2, "{new}: {}", said.err);
        assert!(
            said.err.contains(words) && said.err.contains("line "),
            "{new}: {}",
            said.err
        );
    }
}
