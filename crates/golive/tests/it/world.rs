//! A small world for one test: a lab, and the real `golive serve` before it, on free ports in a folder of its own.
//!
//! Never: a fixed port, a fixed folder, or a wait for a time where there is a state to wait for.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use golive_gateway::socket::{self, Ask, RowsAsk};
use golive_lab::{Lab, LabOptions};
use golive_store::{ApiKey, Uuid};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

/// Everything that takes longer than this on two busy cores hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Base64 of 32 bytes that are no secret.
// golive:allow-secret made up for this test
pub const MASTER_KEY: &str = "Z29saXZlLXRlc3RzLW1hc3Rlci1rZXktMzItYnl0ZXM=";

/// A lab and a gateway. Both end with it.
pub struct World {
    /// The provider.
    pub lab: Lab,
    /// The gateway's base URL, without a path.
    pub url: String,
    /// The base URL of its probes.
    pub probes: String,
    folder: TempDir,
    environment: Vec<(String, String)>,
    asking: Semaphore,
    gateway: Child, // killed when dropped
}

impl World {
    /// Starts both. `config` makes the rest of `golive.toml` from the lab's base URL; `environment` holds the
    /// secrets that it names.
    pub async fn start(config: impl FnOnce(&str) -> String, environment: &[(&str, &str)]) -> Self {
        let config = |lab: &Lab| config(lab.url().trim_end_matches('/'));
        Self::start_in(folder(), LabOptions::default(), config, environment).await
    }

    /// The same in a folder that holds files of the test's own, before a lab of its own.
    pub async fn start_in(
        folder: TempDir,
        lab: LabOptions,
        config: impl FnOnce(&Lab) -> String,
        environment: &[(&str, &str)],
    ) -> Self {
        let lab = Lab::start(lab).await.expect("the lab starts");
        write_config(folder.path(), &config(&lab));
        let environment: Vec<_> = [("GOLIVE_MASTER_KEY", MASTER_KEY)]
            .iter()
            .chain(environment)
            .map(|(name, value)| ((*name).to_string(), (*value).to_string()))
            .collect();
        let mut gateway = spawn(folder.path(), &environment);
        let (url, probes) = ready(&mut gateway, &folder.path().join(LOG)).await;
        Self {
            lab,
            url,
            probes,
            folder,
            environment,
            asking: Semaphore::new(8), // the door of operators has few places
            gateway,
        }
    }

    /// What the gateway wrote to its standard error since its last start.
    pub fn log(&self) -> String {
        text_of(&self.file(LOG))
    }

    /// A file of the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts another configuration in the place of the present one.
    pub fn rewrite_config(&self, config: &str) {
        write_config(self.folder.path(), config);
    }

    /// The present configuration.
    pub fn config(&self) -> String {
        text_of(&self.file(CONFIG))
    }

    /// The process id of the gateway.
    pub fn pid(&self) -> u32 {
        self.gateway.id().expect("it runs")
    }

    /// Sends a signal to the gateway.
    pub fn signal(&self, signal: Signal) {
        let id = self.gateway.id().expect("it runs");
        let pid = Pid::from_raw(id.cast_signed()).expect("a process id");
        kill_process(pid, signal).expect("it can be signalled");
    }

    /// Waits until the gateway has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.gateway.wait()).await;
        ended
            .unwrap_or_else(|_| panic!("it never ended: {}", self.log()))
            .expect("it can be waited for")
    }

    /// Kills the gateway as a power cut would.
    pub async fn kill(&mut self) {
        self.gateway.kill().await.expect("it can be killed");
    }

    /// Ends the gateway as an operator does.
    pub async fn stop(&mut self) {
        self.signal(Signal::TERM);
        let status = self.ended().await;
        assert!(status.success(), "{status}: {}", self.log());
    }

    /// Starts the gateway again in the same folder; on other ports, unless the configuration fixes them.
    pub async fn start_again(&mut self) {
        self.gateway = spawn(self.folder.path(), &self.environment);
        let log = self.file(LOG);
        (self.url, self.probes) = ready(&mut self.gateway, &log).await;
    }

    /// Runs another command of the binary in the same folder.
    pub async fn command(&self, args: &[&str]) -> Said {
        let environment: Vec<_> = self
            .environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        run(self.folder.path(), args, &environment).await
    }

    /// Asks the running gateway at the door of operators.
    pub async fn ask(&self, ask: Ask) -> Value {
        let _place = self.asking.acquire().await.expect("it is never closed");
        let path = socket::path_of(&self.file("golive.db"));
        let mut client = socket::Client::connect(&path).await.expect("the socket is open");
        client.ask(&ask).await.expect("an answer")
    }

    /// All rows of the ledger, newest first.
    pub async fn rows(&self) -> Vec<Value> {
        let (mut rows, mut after): (Vec<Value>, _) = (Vec::new(), None);
        loop {
            let ask = RowsAsk {
                limit: 1000,
                after,
                ..RowsAsk::default()
            };
            let page = self.ask(Ask::Ledger(ask)).await;
            let page = page.as_array().expect("rows");
            let Some(last) = page.last() else { return rows };
            after = Some((last["at_us"].as_i64().expect("a time"), id_of(last)));
            rows.extend_from_slice(page);
        }
    }

    /// The row of a request, once it is final.
    pub async fn row(&self, id: &str) -> Value {
        eventually(&format!("a final row of {id}"), async || {
            let rows = self.rows().await;
            rows.into_iter()
                .find(|row| row["id"] == id && row["outcome"] != "open")
        })
        .await
    }

    /// The one final row with this outcome.
    pub async fn row_with(&self, outcome: &str) -> Value {
        eventually(&format!("a row `{outcome}`"), async || {
            let rows = self.rows().await;
            rows.into_iter().find(|row| row["outcome"] == outcome)
        })
        .await
    }
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Said {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Said {
    /// The standard output of a command that must succeed.
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    /// The JSON on the standard output of a command that must succeed.
    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.good()).expect("JSON alone on stdout")
    }
}

/// A command of the binary in `folder`, with nothing in its environment but what is given.
pub async fn run(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_golive"))
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output)
        .await
        .unwrap_or_else(|_| panic!("golive {args:?} never ended"))
        .expect("it starts");
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A folder that goes when it is dropped.
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A key that golive accepts where a configuration names it.
pub fn key() -> String {
    let (text, _) = ApiKey::generate().expect("the system has randomness");
    text.expose_secret().to_string()
}

/// The id of a row as the store orders it.
pub fn id_of(row: &Value) -> Uuid {
    row["id"].as_str().expect("an id").parse().expect("a UUID")
}

/// Looks again and again until there is something to see.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut look_again = tokio::time::interval(Duration::from_millis(20));
    let seen = async {
        loop {
            look_again.tick().await;
            if let Some(seen) = look().await {
                return seen;
            }
        }
    };
    let seen = tokio::time::timeout(PATIENCE, seen).await;
    seen.unwrap_or_else(|_| panic!("never within {PATIENCE:?}: {what}"))
}

const CONFIG: &str = "golive.toml";
const LOG: &str = "gateway.log";

/// Writes the configuration whole or not at all, with listeners on free ports where it names none.
fn write_config(folder: &Path, config: &str) {
    let mut text = config.to_owned();
    for section in ["[probes]\n", "[server]\n"] {
        match text.find(section) {
            Some(at) if text[at..].starts_with(&format!("{section}listen")) => {}
            Some(at) => text.insert_str(at + section.len(), FREE_PORT),
            None => text.insert_str(0, &format!("{section}{FREE_PORT}\n")),
        }
    }
    let new = folder.join("golive.toml.new");
    fs::write(&new, text).expect("a config");
    fs::rename(new, folder.join(CONFIG)).expect("a config");
}

const FREE_PORT: &str = "listen = \"127.0.0.1:0\"\n";

/// Its log is a file, because a pipe that nobody reads would stop the gateway once it is full.
fn spawn(folder: &Path, environment: &[(String, String)]) -> Child {
    let log = File::create(folder.join(LOG)).expect("a log");
    Command::new(env!("CARGO_BIN_EXE_golive"))
        .args(["serve", "--config", CONFIG])
        .current_dir(folder)
        .envs(environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect("the binary starts")
}

/// The base URLs of the ready line: `golive is ready: http://127.0.0.1:PORT (probes http://127.0.0.1:PORT)`.
async fn ready(gateway: &mut Child, log: &Path) -> (String, String) {
    eventually("the ready line", async || {
        let text = text_of(log);
        if let Some((_, rest)) = text.split_once("golive is ready: ")
            // The line may not be whole yet.
            && let Some((line, _)) = rest.split_once(')')
            && let Some((url, probes)) = line.split_once(" (probes ")
        {
            return Some((url.to_owned(), probes.to_owned()));
        }
        if let Some(status) = gateway.try_wait().expect("the gateway can be asked") {
            panic!("the gateway ended ({status}) before it was ready: {text}");
        }
        None
    })
    .await
}

fn text_of(file: &Path) -> String {
    fs::read(file)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}
