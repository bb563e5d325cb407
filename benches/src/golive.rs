//! `golive serve` as it is used: the real binary as a child, a configuration and a key from `golive init`, the
//! ledger in a temporary folder.
//!
//! Never: a setting that a user does not have. Limits are off because a load is no abuse; what bounds one client's
//! connections is raised because here all come from one address.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;

use crate::child::{self, Server};
use crate::upstream::{OPEN, PACED, PLAIN};
use crate::{Failed, words};

/// The variable in which `golive init` puts the first caller's key.
const KEY: &str = "GOLIVE_CALLER_KEY";

/// A folder with all that `golive serve` needs.
#[derive(Debug)]
pub struct Home {
    binary: PathBuf,
    pin: Option<u16>,
    folder: TempDir,
    /// Where it will listen.
    pub address: SocketAddr,
    /// The caller's key.
    pub key: String,
}

/// A gateway that runs.
#[derive(Debug)]
pub struct Golive {
    /// Its process.
    pub server: Server,
    /// Where it listens.
    pub address: SocketAddr,
    /// The caller's key.
    pub key: String,
}

impl Home {
    /// Makes one: fresh keys, no store yet. `content` says whether prompts and replies are recorded.
    pub async fn make(
        binary: &Path,
        pin: Option<u16>,
        upstream: SocketAddr,
        content: bool,
    ) -> Result<Self, Failed> {
        let folder = tempfile::Builder::new().prefix("golive-bench-").tempdir()?;
        let init = Command::new(binary)
            .args(["init", "--quiet", "--dir"])
            .arg(folder.path())
            .output()
            .await
            .map_err(|error| format!("cannot run {}: {error}", binary.display()))?;
        if !init.status.success() {
            return Err(format!("golive init: {}", String::from_utf8_lossy(&init.stderr)).into());
        }
        let env = fs::read_to_string(folder.path().join(".env"))
            .map_err(|error| format!("golive init wrote no .env: {error}"))?;
        let key = env
            .lines()
            .find_map(|line| line.strip_prefix(KEY)?.strip_prefix('='))
            .ok_or("golive init wrote no key for a caller")?
            .to_owned();
        let address = child::free_address()?;
        fs::write(
            folder.path().join("golive.toml"),
            config(address, child::free_address()?, upstream, content),
        )?;
        Ok(Self {
            binary: binary.to_owned(),
            pin,
            folder,
            address,
            key,
        })
    }

    /// Bytes of the store's files: database, write-ahead log, spill.
    pub fn store_bytes(&self) -> Result<u64, Failed> {
        let mut sum = 0;
        for entry in fs::read_dir(self.folder.path())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("golive.db") {
                sum += entry.metadata()?.len();
            }
        }
        Ok(sum)
    }

    /// Starts the gateway; it may not listen yet.
    pub fn spawn(&self) -> Result<Golive, Failed> {
        let mut command = child::command(&self.binary, self.pin);
        command
            .args(["serve", "--config", "golive.toml"])
            .current_dir(self.folder.path());
        let server = Server::spawn(&mut command, &self.folder.path().join("golive.log"))?;
        Ok(Golive {
            server,
            address: self.address,
            key: self.key.clone(),
        })
    }

    /// Starts the gateway and waits until it listens.
    pub async fn start(&self) -> Result<Golive, Failed> {
        let mut golive = self.spawn()?;
        let accepts = golive.server.accepts(self.address).await;
        accepts.map_err(|error| format!("golive serve: {}", words(&*error)))?;
        Ok(golive)
    }
}

fn config(listen: SocketAddr, probes: SocketAddr, upstream: SocketAddr, content: bool) -> String {
    format!(
        r#"[server]
listen = "{listen}"

[probes]
listen = "{probes}"

[log]
level = "warn"

[inbound]
connections_per_address = 4096

[limits]
user = "off"
principal = "off"
global = "off"

[store]
content = {content}

[upstreams.lab]
kind = "openai"
base_url = "http://{upstream}/v1"
private_addresses = ["127.0.0.0/8"]
max_in_flight = 4096

[agents.{PLAIN}]
chain = ["lab/{PLAIN}"]

[agents.{PACED}]
chain = ["lab/{PACED}"]

[agents.{OPEN}]
chain = ["lab/{OPEN}"]

[keys.bench]
key_env = "{KEY}"
roles = ["caller"]
"#
    )
}
