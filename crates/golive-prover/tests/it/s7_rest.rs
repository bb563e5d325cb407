//! S7: at rest: an agent that seals what it keeps passes; each that keeps it readable fails, whatever dress it wears; and
//! one that keeps nothing proves nothing.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use base64::Engine as _;
use golive_checklist::{CheckReport, ItemId, Verdict};
use golive_config::{Target, TargetFormat};
use golive_prover::{CheckOptions, Selection, check};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::world::{assert_verdict, part};

/// How the agent keeps what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Sealed,
    Clear,
    Utf16,
    Base64,
    Hex,
    Gzip,
    /// Sealed in the store, in clear in the log.
    ClearInTheLog,
    /// The prompt sealed, the user as a plain hash.
    UserHashed,
    /// The prompt sealed, the reply in clear.
    ReplyInClear,
    /// Nowhere, though it says so.
    NotAtAll,
    /// In a file that nobody declared.
    Elsewhere,
}

struct Agent {
    keeps: Keeps,
    folder: PathBuf,
    /// What "reading back" prints: the agent can open its own seal.
    kept: Mutex<String>,
}

struct World {
    folder: TempDir,
    url: String,
    stop: CancellationToken,
}

impl World {
    async fn start(keeps: Keeps) -> World {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("store.db"), "a header").unwrap();
        std::fs::write(folder.path().join("agent.log"), "started\n").unwrap();
        std::fs::write(folder.path().join("api.txt"), "").unwrap();
        let agent = Arc::new(Agent {
            keeps,
            folder: folder.path().to_owned(),
            kept: Mutex::default(),
        });
        let app = Router::new().fallback(serve).with_state(agent);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        #[expect(clippy::disallowed_methods, reason = "ends with the world")]
        tokio::spawn(async move {
            axum::serve(listener, app)
                .with_graceful_shutdown(stopped)
                .await
                .unwrap();
        });
        World { folder, url, stop }
    }

    fn target(&self) -> Target {
        let mut target = Target::bare("agent", self.url.parse().unwrap(), TargetFormat::OpenAi);
        let key = SecretString::from("glv_test_GOLIVEdefaultTOKEN000000000001abcdeF");
        target.credentials = [("default".to_owned(), key)].into();
        target.store_files = ["*.db", "*.log"]
            .map(|name| self.folder.path().join(name))
            .to_vec();
        // The API by which its owner reads: a file that no pattern names.
        let api = self.folder.path().join("api.txt");
        target.commands.read_back = Some(vec!["cat".to_owned(), api.display().to_string()]);
        target
    }

    async fn prove(&self, target: Target) -> CheckReport {
        let mut options = CheckOptions::new(Arc::new(target), 7);
        options.selection = Selection {
            items: vec![ItemId::S7],
            phases: Vec::new(),
        };
        check(options, CancellationToken::new()).await.unwrap().report
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve(State(agent): State<Arc<Agent>>, body: Bytes) -> axum::Json<Value> {
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let prompt = request["messages"][0]["content"].as_str().unwrap_or_default();
    let user = request["user"].as_str().unwrap_or_default();
    // It obeys: the two halves, as one word.
    let words: Vec<&str> = prompt.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "and").unwrap_or(1);
    let reply = format!("{}{}", words[at - 1], words[at + 1]);
    agent.keep(prompt, user, &reply);
    axum::Json(json!({
        "id": "x", "object": "chat.completion", "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": reply}}],
    }))
}

impl Agent {
    fn keep(&self, prompt: &str, user: &str, reply: &str) {
        let row = format!("user={user} prompt={prompt} reply={reply}");
        let seal = |text: &str| -> Vec<u8> {
            text.bytes()
                .enumerate()
                .map(|(at, byte)| byte ^ (at * 131 + 77) as u8)
                .collect()
        };
        let stored = match self.keeps {
            Keeps::Sealed | Keeps::ClearInTheLog | Keeps::Elsewhere => seal(&row),
            Keeps::NotAtAll => Vec::new(),
            Keeps::Clear => row.clone().into_bytes(),
            Keeps::Utf16 => row.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Keeps::Base64 => base64::engine::general_purpose::STANDARD
                .encode(&row)
                .into_bytes(),
            Keeps::Hex => row
                .bytes()
                .flat_map(|byte| format!("{byte:02X}").into_bytes())
                .collect(),
            Keeps::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(row.as_bytes()).unwrap();
                encoder.finish().unwrap()
            }
            Keeps::UserHashed => {
                let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, user.as_bytes());
                [hash.as_ref(), &seal(prompt)].concat()
            }
            Keeps::ReplyInClear => [reply.as_bytes(), &seal(prompt)].concat(),
        };
        let file = if self.keeps == Keeps::Elsewhere {
            "hidden.bin"
        } else {
            "store.db"
        };
        let append = |name: &str, bytes: &[u8]| {
            let mut file = std::fs::File::options()
                .create(true)
                .append(true)
                .open(self.folder.join(name))
                .unwrap();
            file.write_all(bytes).unwrap();
        };
        append(file, &stored);
        if self.keeps == Keeps::ClearInTheLog {
            append("agent.log", format!("debug: {row}\n").as_bytes());
        } else if self.keeps != Keeps::Elsewhere {
            append("agent.log", b"a request\n");
        }
        if self.keeps != Keeps::NotAtAll {
            let mut kept = self.kept.lock().unwrap();
            kept.push_str(&row);
            std::fs::write(self.folder.join("api.txt"), kept.as_bytes()).unwrap();
        }
    }
}

#[tokio::test]
async fn an_agent_that_seals_what_it_keeps_passes() {
    let world = World::start(Keeps::Sealed).await;
    let report = world.prove(world.target()).await;
    assert_verdict(&report, "S7.rest", Verdict::Pass);
}

#[tokio::test]
async fn every_way_of_keeping_it_readable_fails_and_says_where() {
    for (keeps, reason) in [
        (Keeps::Clear, "UTF-8 in"),
        (Keeps::Utf16, "UTF-16 in"),
        (Keeps::Base64, "base64"),
        (Keeps::Hex, "hex in"),
        (Keeps::Gzip, "inside gzip"),
        (Keeps::ClearInTheLog, "agent.log"),
        (Keeps::ReplyInClear, "the reply stands in clear"),
    ] {
        let world = World::start(keeps).await;
        let report = world.prove(world.target()).await;
        assert_verdict(&report, "S7.rest", Verdict::Fail);
        let summary = &part(&report, "S7.rest").summary;
        assert!(summary.contains(reason), "{keeps:?}: {summary}");
    }
}

#[tokio::test]
async fn a_user_kept_as_a_plain_hash_warns() {
    let world = World::start(Keeps::UserHashed).await;
    let report = world.prove(world.target()).await;
    assert_verdict(&report, "S7.rest", Verdict::Warn);
    let summary = &part(&report, "S7.rest").summary;
    assert!(summary.contains("unsalted SHA-256"), "{summary}");
}

#[tokio::test]
async fn an_agent_that_keeps_nothing_or_keeps_it_elsewhere_proves_nothing() {
    // Both wait as long as a store may take, so they wait at the same time.
    let prove = async |keeps, reason| {
        let world = World::start(keeps).await;
        (keeps, reason, world.prove(world.target()).await)
    };
    let (nothing, elsewhere) = tokio::join!(
        prove(Keeps::NotAtAll, "read back"),
        prove(Keeps::Elsewhere, "a declared file changed"),
    );
    for (keeps, reason, report) in [nothing, elsewhere] {
        assert_verdict(&report, "S7.rest", Verdict::Unproven);
        let text = format!("{:?}", part(&report, "S7.rest"));
        assert!(text.contains(reason), "{keeps:?}: {text}");
    }
}

#[tokio::test]
async fn each_missing_input_is_named() {
    let world = World::start(Keeps::Sealed).await;
    type Change = fn(&mut Target);
    let cases: [(&str, Change); 4] = [
        ("store_files", |target| target.store_files.clear()),
        ("commands.read_back", |target| target.commands.read_back = None),
        ("a key that works", |target| target.credentials.clear()),
        ("matches no file", |target| {
            target.store_files = vec!["/nonexistent/*.db".into()];
        }),
    ];
    for (reason, change) in cases {
        let mut target = world.target();
        change(&mut target);
        let report = world.prove(target).await;
        assert_verdict(&report, "S7.rest", Verdict::Unproven);
        let said = part(&report, "S7.rest").reason.clone().unwrap();
        assert!(said.contains(reason), "{said}");
    }
}
