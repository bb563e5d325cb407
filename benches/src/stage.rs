//! What all measurements stand on: the upstream, the binaries, and where they run.
//!
//! Never: a server shared by two measurements; each starts its own and ends them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failed;
use crate::arguments::Arguments;
use crate::golive::Home;
use crate::nginx::{self, Nginx};
use crate::upstream::Upstream;

/// The upstream runs, the rest is known.
#[derive(Debug)]
pub struct Stage {
    /// The lab.
    pub upstream: Upstream,
    golive: PathBuf,
    golive_version: String,
    nginx: Option<(PathBuf, String)>,
    pin: Option<u16>,
}

impl Stage {
    /// Finds the binaries and starts the upstream.
    pub fn set(arguments: &Arguments) -> Result<Self, Failed> {
        // A relative path would mean something else in the folder in which golive runs.
        let golive = arguments
            .golive
            .canonicalize()
            .map_err(|error| format!("{}: {error}", arguments.golive.display()))?;
        let nginx = match arguments.nginx.clone().or_else(nginx::find) {
            None => None,
            Some(path) => {
                let version = version(&path, "-v")?;
                Some((path, version))
            }
        };
        Ok(Self {
            upstream: Upstream::start()?,
            golive_version: version(&golive, "--version")?,
            golive,
            nginx,
            pin: arguments.pin,
        })
    }

    /// Ends the upstream.
    pub fn strike(self) {
        drop(self.upstream);
    }

    /// A new folder for `golive serve`.
    pub async fn home(&self, content: bool) -> Result<Home, Failed> {
        Home::make(&self.golive, self.pin, self.upstream.address, content).await
    }

    /// A running nginx; `None`: there is none on this machine.
    pub async fn nginx(&self) -> Result<Option<Nginx>, Failed> {
        match &self.nginx {
            None => Ok(None),
            Some((path, _)) => Ok(Some(Nginx::start(path, self.pin, self.upstream.address).await?)),
        }
    }

    /// The versions of golive and of nginx.
    pub fn versions(&self) -> (&str, Option<&str>) {
        (
            &self.golive_version,
            self.nginx.as_ref().map(|(_, version)| version.as_str()),
        )
    }

    /// The one core on which golive and nginx run.
    pub fn pin(&self) -> Option<u16> {
        self.pin
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "gateway     {}", self.golive_version)?;
        match &self.nginx {
            Some((_, version)) => writeln!(f, "proxy       {version}")?,
            None => writeln!(
                f,
                "proxy       nginx is NOT INSTALLED: nothing is compared with it (Debian: `apt-get install nginx-light`)"
            )?,
        }
        match self.pin {
            Some(core) => writeln!(f, "cores       golive and nginx on core {core} alone"),
            None => writeln!(f, "cores       golive and nginx where the kernel puts them"),
        }
    }
}

/// What a program says of itself; nginx says it on its standard error.
fn version(program: &Path, flag: &str) -> Result<String, Failed> {
    let said = Command::new(program)
        .arg(flag)
        .output()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let text = if said.stdout.is_empty() {
        said.stderr
    } else {
        said.stdout
    };
    let line = String::from_utf8_lossy(&text)
        .lines()
        .next()
        .unwrap_or("")
        .to_owned();
    Ok(line.trim_start_matches("nginx version: ").to_owned())
}
