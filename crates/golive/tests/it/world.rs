//! A small world for one test: a lab, and the real `golive serve` before it, on free ports in a folder of its own.
//!
//! Never: a fixed port, a fixed folder, or a wait for a time where there is a state to wait for.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use golive_lab::{Lab, LabOptions};
use golive_store::ApiKey;
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// Everything that takes longer than this on two busy cores hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Base64 of 32 bytes that are no secret.
const MASTER_KEY: &str = "Z29saXZlLXRlc3RzLW1hc3Rlci1rZXktMzItYnl0ZXM=";

/// Beside every test's own configuration.
const LISTENERS: &str = "[server]\nlisten = \"127.0.0.1:0\"\n\n[probes]\nlisten = \"127.0.0.1:0\"\n\n";

/// A lab and a gateway. Both end with it.
pub struct World {
    /// The provider.
    pub lab: Lab,
    /// The gateway's base URL, without a path.
    pub url: String,
    folder: TempDir,
    _gateway: Child, // killed when dropped
}

impl World {
    /// Starts both. `config` makes the rest of `golive.toml` from the lab's base URL; `environment` holds the
    /// secrets that it names.
    pub async fn start(config: impl FnOnce(&str) -> String, environment: &[(&str, &str)]) -> Self {
        let lab = Lab::start(LabOptions::default()).await.expect("the lab starts");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("golive.toml");
        fs::write(
            &file,
            format!("{LISTENERS}{}", config(lab.url().trim_end_matches('/'))),
        )
        .expect("a config");
        let log = folder.path().join("gateway.log");
        let mut gateway = Command::new(env!("CARGO_BIN_EXE_golive"))
            .args(["serve", "--config"])
            .arg(&file)
            .current_dir(folder.path())
            .env("GOLIVE_MASTER_KEY", MASTER_KEY)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log"))
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let url = tokio::time::timeout(PATIENCE, ready(&mut gateway, &log))
            .await
            .unwrap_or_else(|_| panic!("no ready line within {PATIENCE:?}: {}", text_of(&log)));
        Self {
            lab,
            url,
            folder,
            _gateway: gateway,
        }
    }

    /// What the gateway wrote to its standard error so far.
    pub fn log(&self) -> String {
        text_of(&self.folder.path().join("gateway.log"))
    }
}

/// A key that golive accepts where a configuration names it.
pub fn key() -> String {
    let (text, _) = ApiKey::generate().expect("the system has randomness");
    text.expose_secret().to_string()
}

/// The base URL of the ready line: `golive is ready: http://127.0.0.1:PORT (probes http://…)`. Its log is a file,
/// because a pipe that nobody reads would stop the gateway once it is full.
async fn ready(gateway: &mut Child, log: &Path) -> String {
    let mut look_again = tokio::time::interval(Duration::from_millis(20));
    loop {
        look_again.tick().await;
        let text = text_of(log);
        if let Some((_, rest)) = text.split_once("golive is ready: ") {
            // The line may not be whole yet: the address is once something follows it.
            if let Some((url, _)) = rest.split_once([' ', '\n']) {
                return url.trim_end_matches('/').to_string();
            }
        }
        if let Some(status) = gateway.try_wait().expect("the gateway can be asked") {
            panic!(
                "the gateway ended ({status}) before it was ready: {}",
                text_of(log)
            );
        }
    }
}

fn text_of(file: &Path) -> String {
    fs::read(file)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}
