//! Programs the target's owner lets the prover run (revoke, break, heal): as written, without a shell, with an end.
//!
//! Never: joins words into a command line, leaves a child behind, or keeps more of its output than a screenful.

use std::process::Stdio;
use std::time::Duration;

use golive_checklist::report::Evidence;
use thiserror::Error;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::clock;
use crate::redact::Redactor;
use crate::target::{millis, shorten};

/// The longest a command may take.
pub const LIMIT: Duration = Duration::from_secs(120);

/// The most of each output that is read, in bytes.
const OUTPUT_MAX: u64 = 64 * 1024;

/// What a command did.
#[derive(Debug, Clone)]
pub struct Ran {
    /// It ended with 0.
    pub ok: bool,
    /// How it ended, in words.
    pub ending: String,
    /// Its output and error output, redacted.
    pub output: String,
    /// The same whole, as far as it was read, and with whatever it holds: to be searched, never shown.
    pub(crate) said: String,
    /// From its start to its end.
    pub elapsed: Duration,
    /// The words it was started with, redacted.
    pub words: Vec<String>,
}

/// Why a command could not be judged.
#[derive(Debug, Error)]
pub enum CommandError {
    /// No words.
    #[error("the command is empty; write it as a list of words")]
    Empty,
    /// It could not be started.
    #[error("cannot start `{program}`: {source}; give its full path or put it on PATH")]
    Start {
        /// The first word.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It did not end.
    #[error("`{program}` did not end within {} s and was killed", LIMIT.as_secs())]
    TooLong {
        /// The first word.
        program: String,
    },
}

/// Runs `words`, with each `{name}` replaced by its value, and waits for its end.
///
/// # Errors
/// [`CommandError`] when it is empty, does not start or does not end.
pub async fn run(
    words: &[String],
    values: &[(&str, &str)],
    redactor: &Redactor,
) -> Result<Ran, CommandError> {
    let filled: Vec<String> = words.iter().map(|word| fill(word, values)).collect();
    let (program, arguments) = filled.split_first().ok_or(CommandError::Empty)?;
    let started = clock::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| CommandError::Start {
            program: program.clone(),
            source,
        })?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let work = async {
        // Both pipes are drained while waiting, or a chatty program would never end.
        let (out, err, status) = tokio::join!(drain(out), drain(err), child.wait());
        (out, err, status)
    };
    let Ok((out, err, status)) = tokio::time::timeout(LIMIT, work).await else {
        return Err(CommandError::TooLong {
            program: program.clone(),
        });
    };
    let elapsed = clock::now().saturating_duration_since(started);
    let (ok, ending) = match status {
        Ok(status) => (status.success(), status.to_string()),
        Err(error) => (false, error.to_string()),
    };
    let said = format!("{out}{err}");
    let output = shorten(&redactor.text(&said), 2_000);
    Ok(Ran {
        ok,
        ending,
        output,
        said,
        elapsed,
        words: filled.iter().map(|word| redactor.text(word)).collect(),
    })
}

impl Ran {
    /// This run as evidence.
    #[must_use]
    pub fn evidence(&self, title: impl Into<String>) -> Evidence {
        Evidence {
            title: title.into(),
            sent: Some(self.words.join(" ")),
            received: Some(format!("{}\n{}", self.ending, self.output)),
            lines: Vec::new(),
            elapsed_ms: Some(millis(self.elapsed)),
        }
    }
}

fn fill(word: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(word.to_owned(), |word, (name, value)| {
        word.replace(&format!("{{{name}}}"), value)
    })
}

async fn drain(pipe: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else {
        return String::new();
    };
    let mut kept = Vec::new();
    let _ = (&mut pipe).take(OUTPUT_MAX).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_gets_its_words_filled_in_and_no_shell_between() {
        let words = ["printf".to_owned(), "%s".to_owned(), "{role};$(id)".to_owned()];
        let ran = run(&words, &[("role", "revocable")], &Redactor::default())
            .await
            .unwrap();
        assert!(ran.ok);
        assert_eq!(ran.output, "revocable;$(id)");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let error = run(&["/nonexistent/program".to_owned()], &[], &Redactor::default())
            .await
            .unwrap_err();
        assert!(error.to_string().contains("/nonexistent/program"));
    }
}
