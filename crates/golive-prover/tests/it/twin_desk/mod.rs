//! An agent that hands conversations over to people, before a lab that plays its model and its desk; and a switch that
//! makes it wrong in exactly one way: what the proof of E3 must tell apart. It shares no code with golive's gateway.

mod conversation;
mod serve;
mod webhook;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use golive_checklist::{CheckReport, ItemId};
use golive_config::{Target, TargetFormat};
use golive_lab::{Lab, LabOptions};
use golive_prover::{CheckOptions, Selection, check};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use self::conversation::Conversation;

/// The key that may name users.
const SERVICE: &str = "glv_test_GOLIVEdeskTOKEN000000000000001abcdeF";
/// What the desk's events are signed with.
pub const SECRET: &str = "made-up-desk-secret";

/// What is wrong with the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    // Degenerate
    YesToAll,
    NoToAll,
    ProseNo,
    Echo,
    Never,
    // triggers
    HandsOverOnTwoFailures,
    NeverOnFailures,
    HearsEnglishOnly,
    HearsNoOtherWords,
    HandsOverTwice,
    HearsAnyWord,
    HearsTools,
    HandsOverAtTheLine,
    NeverOnDoubt,
    // delivery
    LosesItInAnOutage,
    AnotherIdEachTry,
    SignsWrongly,
    SendsNoTranscript,
    SendsEachTwice,
    // reply
    GoesOnTalking,
    ForgetsMessages,
    AnswerIsLost,
    NeverGivesBack,
    SaysNothing,
}

/// A lab with the agent before it.
pub struct Desk {
    pub lab: Lab,
    pub addr: SocketAddr,
    stop: CancellationToken,
}

pub struct Agent {
    flaw: Flaw,
    upstream: String,
    hook: String,
    client: Client<HttpConnector, Full<Bytes>>,
    conversations: Mutex<HashMap<String, Conversation>>,
    number: AtomicU64,
    stop: CancellationToken,
}

impl Desk {
    pub async fn start(flaw: Flaw) -> Desk {
        let lab = Lab::start(LabOptions::default()).await.unwrap();
        let stop = CancellationToken::new();
        let agent = Arc::new(Agent {
            flaw,
            upstream: lab.url(),
            hook: lab.client().unwrap().hook_url("desk"),
            client: Client::builder(TokioExecutor::new()).build_http(),
            conversations: Mutex::default(),
            number: AtomicU64::new(1),
            stop: stop.clone(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = Router::new().fallback(serve::serve).with_state(agent);
        let stopped = stop.clone().cancelled_owned();
        #[expect(clippy::disallowed_methods, reason = "ends with the world")]
        tokio::spawn(async move {
            axum::serve(listener, app)
                .with_graceful_shutdown(stopped)
                .await
                .unwrap();
        });
        Desk { lab, addr, stop }
    }

    /// The agent as a target that declares all it has.
    pub fn target(&self) -> Target {
        let url = format!("http://{}", self.addr).parse().unwrap();
        let mut target = Target::bare("desk", url, TargetFormat::OpenAi);
        target.staging = true;
        target.scaled = true;
        target.declares.total_request = Duration::from_secs(3);
        target.lab_url = Some(self.lab.url().parse().unwrap());
        let key = SecretString::from(SERVICE);
        target.credentials.insert("service".to_owned(), key);
        let escalation = &mut target.escalation;
        escalation.receiver = Some("desk".to_owned());
        escalation.secret = Some(SecretString::from(SECRET));
        escalation.within = Duration::from_secs(3);
        escalation.confidence_header = Some("x-confidence".to_owned());
        escalation.messages_path = Some("/v1/conversations/{conversation}".to_owned());
        escalation.operator = Some("service".to_owned());
        escalation.reply_path = Some("/admin/tickets/{ticket}/reply".to_owned());
        escalation.resolve_path = Some("/admin/tickets/{ticket}/resolve".to_owned());
        target
    }

    /// Runs E3 against it, in a hurry.
    pub async fn prove(&self, target: Target) -> CheckReport {
        let mut options = CheckOptions::new(Arc::new(target), 7);
        options.quick = true;
        options.selection = Selection {
            items: vec![ItemId::E3],
            phases: Vec::new(),
        };
        check(options, CancellationToken::new()).await.unwrap().report
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
