//! A server as a child process: started, waited for, ended.
//!
//! Never: leaves a process behind when the bench ends.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::Failed;

/// A server that is not there, or not gone, after this long never will be.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a starting server is asked.
pub const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A server that runs. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    id: u32,
    log: PathBuf,
}

impl Server {
    /// Starts it. Its standard error becomes `log`: a pipe that nobody reads would stop it once it is full.
    pub fn spawn(command: &mut Command, log: &Path) -> Result<Self, Failed> {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(log)?)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start {program}: {error}"))?;
        let id = child.id().ok_or("a process that just started has no id")?;
        Ok(Self {
            child,
            id,
            log: log.to_owned(),
        })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Waits until it accepts connections at `address`.
    pub async fn accepts(&mut self, address: SocketAddr) -> Result<(), Failed> {
        let accepted = async {
            while TcpStream::connect(address).await.is_err() {
                if let Some(status) = self.child.try_wait()? {
                    return Err(format!("it ended ({status}): {}", self.said()).into());
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, accepted)
            .await
            .unwrap_or_else(|_| Err("it never listened".into()))
    }

    /// Ends it as an operator does.
    pub async fn stop(mut self) -> Result<(), Failed> {
        let pid = Pid::from_raw(self.id.cast_signed()).ok_or("0 is no process")?;
        kill_process(pid, Signal::TERM)?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = ended.map_err(|_| "a server did not end when it was told to")??;
        if status.success() {
            Ok(())
        } else {
            Err(format!("a server ended with {status}: {}", self.said()).into())
        }
    }

    /// The end of what it wrote to its standard error.
    pub fn said(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }
}

/// `program`, on one core if that is asked for.
pub fn command(program: &Path, pin: Option<u16>) -> Command {
    match pin {
        None => Command::new(program),
        Some(core) => {
            // taskset replaces itself with the program: the process id stays.
            let mut command = Command::new("taskset");
            command.arg("-c").arg(core.to_string()).arg(program);
            command
        }
    }
}

/// A port of the loopback address that nobody listens on now.
pub fn free_address() -> Result<SocketAddr, Failed> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
