//! An agent before a lab that tells its failures kindly and logs them well, and a switch that makes it wrong in exactly one
//! way: what the proofs of E1 and E2 must tell apart. Written for these tests alone; it shares no code with golive's gateway.

mod log;
mod serve;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use golive_checklist::{CheckReport, ItemId};
use golive_config::{Surface, Target, TargetFormat};
use golive_lab::{Lab, LabOptions};
use golive_prover::{CheckOptions, Selection, check};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

/// The key that may name users.
const SERVICE: &str = "glv_test_GOLIVEfailingTOKEN000000000001abcdeF";

/// What is wrong with the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    // Degenerate: no proof may pass any of them.
    YesToAll,
    NoToAll,
    ProseNo,
    Echo,
    Never,
    // E1
    TellsAHost,
    PassesBodiesOn,
    SaysNothing,
    SaysAStatusLine,
    PageOfHtml,
    EndsCleanly,
    EndsWithoutAWord,
    MarksHealthyOnes,
    Canned,
    DoesNotMark,
    BlamesTheCaller,
    ErrorUnder200,
    OneLanguageOnly,
    NowReplyNowError,
    ClosesTheConnection,
    // E2
    NoEntry,
    TwoEntries,
    NoRecoveryAction,
    NoTrace,
    UserInClear,
    PlainHashOfUser,
    PlainMd5OfUser,
    SameHashForAll,
    HashChanges,
    PromptInClear,
    KeyInClear,
    LogsHealthyOnesToo,
}

/// The clocks the agent gives its model: fifty calls at once on a busy machine take a good part of a second.
pub const SILENCE: Duration = Duration::from_secs(1);

/// A lab with the agent before it.
pub struct Failing {
    pub lab: Lab,
    pub addr: SocketAddr,
    pub surface: Surface,
    pub folder: tempfile::TempDir,
    stop: CancellationToken,
}

pub struct Agent {
    flaw: Flaw,
    surface: Surface,
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    log: std::path::PathBuf,
    number: AtomicU64,
}

impl Failing {
    pub async fn start(flaw: Flaw, surface: Surface) -> Failing {
        let lab = Lab::start(LabOptions::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let agent = Arc::new(Agent {
            flaw,
            surface,
            upstream: lab.url(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            log: folder.path().join("errors.jsonl"),
            number: AtomicU64::new(1),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = Router::new().fallback(serve::serve).with_state(agent);
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        #[expect(clippy::disallowed_methods, reason = "ends with the world")]
        tokio::spawn(async move {
            axum::serve(listener, app)
                .with_graceful_shutdown(stopped)
                .await
                .unwrap();
        });
        Failing {
            lab,
            addr,
            surface,
            folder,
            stop,
        }
    }

    /// The agent as a target that declares all it has.
    pub fn target(&self) -> Target {
        let url = format!("http://{}", self.addr).parse().unwrap();
        let mut target = Target::bare("failing", url, TargetFormat::OpenAi);
        target.staging = true;
        target.scaled = true;
        target.lab_url = Some(self.lab.url().parse().unwrap());
        let key = SecretString::from(SERVICE);
        target.credentials.insert("service".to_owned(), key);
        target.declares.first_byte = SILENCE;
        target.declares.idle = SILENCE;
        target.declares.total_request = SILENCE * 3;
        target.declares.total_stream = SILENCE * 3;
        target.replies.surface = Some(self.surface);
        target.replies.locales = vec!["en".to_owned(), "de".to_owned()];
        target.logs.file = Some(self.folder.path().join("errors.jsonl"));
        target.logs.within = Duration::from_secs(2);
        target
    }

    /// Runs one item against it.
    pub async fn prove(&self, item: ItemId, target: Target) -> CheckReport {
        let mut options = CheckOptions::new(Arc::new(target), 7);
        options.selection = Selection {
            items: vec![item],
            phases: Vec::new(),
        };
        check(options, CancellationToken::new()).await.unwrap().report
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
