//! E2: where the log is read: what a file gained since, what a command prints, what an address gives out.
//!
//! Never: reads more than it can hold, or takes what stood there before for this run's.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use golive_checklist::judge::Scored;

use super::Provoked;
use crate::ctx::Ctx;
use crate::target::{Call, Credential};

/// The most that is read of what a log gained.
const GAINED_MAX: u64 = 16 * 1024 * 1024;

/// One source of entries.
pub(super) enum Source {
    /// A file, and how long it was.
    File { path: PathBuf, from: u64 },
    /// A program's words.
    Command(Vec<String>),
    /// The declared address.
    Url,
}

impl Source {
    /// Finds the declared one and notes where it ends.
    ///
    /// # Errors
    /// What is missing.
    pub(super) async fn open(ctx: &Ctx) -> Result<Source, String> {
        let logs = &ctx.config.logs;
        if let Some(path) = &logs.file {
            // A log that is written at its first entry is not there yet.
            let from = std::fs::metadata(path).map_or(0, |file| file.len());
            return Ok(Source::File {
                path: path.clone(),
                from,
            });
        }
        if let Some(words) = &logs.command {
            return Ok(Source::Command(words.clone()));
        }
        if logs.url.is_some() {
            return Ok(Source::Url);
        }
        Err("needs the target's error log (logs.file, logs.command or logs.url)".to_owned())
    }

    /// Where it is, for the report.
    pub(super) fn name(&self) -> String {
        match self {
            Source::File { path, .. } => format!("file {}", path.display()),
            Source::Command(words) => format!("command `{}`", words.join(" ")),
            Source::Url => "the declared address".to_owned(),
        }
    }

    /// What the log holds, of a file what it gained.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(super) async fn read(&mut self, ctx: &Ctx, provoked: &[Provoked]) -> Result<String, String> {
        match self {
            Source::File { path, from } => gained(path, from),
            Source::Command(words) => Self::printed(ctx, words, provoked).await,
            Source::Url => Self::fetched(ctx).await,
        }
    }

    /// A program that takes a trace is asked once for each.
    async fn printed(ctx: &Ctx, words: &[String], provoked: &[Provoked]) -> Result<String, String> {
        let particular = words.iter().any(|word| word.contains('{'));
        let asked = if particular {
            provoked
        } else {
            &provoked[..provoked.len().min(1)]
        };
        let mut text = String::new();
        for one in asked {
            let values = [
                ("trace_id", one.trace.as_str()),
                ("request_id", one.request.as_deref().unwrap_or_default()),
                ("user", one.user.as_str()),
            ];
            match ctx.run(words, &values).await {
                Ok(ran) if ran.ok => text.push_str(&ran.said),
                // "Nothing found" is an exit code to some programs.
                Ok(ran) if ran.said.trim().is_empty() => {}
                Ok(ran) => {
                    return Err(format!(
                        "the log's command failed ({}): {}",
                        ran.ending, ran.output
                    ));
                }
                Err(error) => return Err(error.to_string()),
            }
            text.push('\n');
        }
        Ok(text)
    }

    async fn fetched(ctx: &Ctx) -> Result<String, String> {
        let roles = ["operator", "admin"];
        let role = roles
            .into_iter()
            .find(|role| ctx.config.credentials.contains_key(*role));
        let call = match role {
            Some(role) => Call::logs().credential(Credential::Role(role.to_owned())),
            None => Call::logs(),
        };
        let exchange = ctx.target.send(call).await;
        match &exchange.outcome {
            Scored::Scored(answer) if answer.status.is_success() => Ok(answer.text()),
            _ => Err(format!(
                "the log's address does not give it out ({})",
                exchange.in_short()
            )),
        }
    }
}

/// What a file gained; all of it when it was rotated meanwhile.
fn gained(path: &PathBuf, from: &mut u64) -> Result<String, String> {
    let file = std::fs::File::open(path);
    let mut file = match file {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
    };
    let length = file.metadata().map_or(0, |file| file.len());
    if length < *from {
        *from = 0;
    }
    let mut bytes = Vec::new();
    let read = file
        .seek(SeekFrom::Start(*from))
        .and_then(|_| file.take(GAINED_MAX).read_to_end(&mut bytes));
    read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
