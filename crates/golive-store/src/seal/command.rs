//! S7: a master key that a command prints: a vault's client, a hardware module's tool.
//!
//! The program is started with its arguments and no shell between. What it prints on its output is the key, held in
//! memory that is wiped; what it prints on its error output is shown when it fails, cut and with everything blotted out
//! that looks like a key.
//!
//! Never: waits longer than told, reads more than a key can be, shows what came on the output, or leaves the program
//! running.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use zeroize::Zeroizing;

/// Bytes a key may be written in: 32 bytes in base64 are 44.
const KEY_MAX: usize = 1024;
/// Bytes of the error output that are shown.
const WORDS_MAX: usize = 600;
/// A run of letters and digits this long, with a digit in it, may be a key.
const BLOT_FROM: usize = 16;

/// Why a command gave no master key.
#[derive(Debug, thiserror::Error)]
pub enum CommandFailed {
    /// It cannot be started.
    #[error("`{program}` gave no master key: it cannot be started; is it installed, and in PATH?")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It ended in failure.
    #[error("`{program}` gave no master key: it ended with {status}{said}")]
    Ended {
        /// The program.
        program: String,
        /// How.
        status: ExitStatus,
        /// Its last words, blotted; empty, or begins with a blank.
        said: String,
    },
    /// It did not end in time, and was killed.
    #[error("`{program}` gave no master key: it was still running after {} s and was killed", after.as_secs())]
    Hung {
        /// The program.
        program: String,
        /// How long it was given.
        after: Duration,
    },
    /// It printed nothing, or more than a key.
    #[error("`{program}` gave no master key: it printed {what} instead of one line of base64")]
    Printed {
        /// The program.
        program: String,
        /// What, in general.
        what: &'static str,
    },
}

/// Runs a command and gives what it printed, without the line end.
///
/// # Errors
/// See [`CommandFailed`]; none of them holds what the command printed on its output.
pub async fn run_master_key_command(
    argv: &[String],
    patience: Duration,
) -> Result<SecretString, CommandFailed> {
    let program = argv.first().cloned().unwrap_or_default();
    let cannot = |source| CommandFailed::Start {
        program: program.clone(),
        source,
    };
    let mut child = Command::new(&program)
        .args(argv.iter().skip(1))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0) // so that what it starts is killed with it
        .kill_on_drop(true)
        .spawn()
        .map_err(cannot)?;
    let group = child
        .id()
        .and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let mut key = Zeroizing::new(Vec::with_capacity(KEY_MAX + 1)); // never grows: growing would leave a copy behind
    let mut words = Vec::with_capacity(WORDS_MAX);
    let running = async {
        let reading =
            async { tokio::join!(read(out, &mut key, KEY_MAX + 1), read(err, &mut words, WORDS_MAX)) };
        reading.await;
        child.wait().await
    };
    let ended = tokio::time::timeout(patience, running).await;
    if !matches!(&ended, Ok(Ok(_)))
        && let Some(group) = group
    {
        // It may have gone by itself at this moment: then there is nobody to kill.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let status = match ended {
        Err(_) => {
            return Err(CommandFailed::Hung {
                program,
                after: patience,
            });
        }
        Ok(status) => status.map_err(cannot)?,
    };
    if !status.success() {
        let said = blotted(&words);
        let said = if said.is_empty() {
            said
        } else {
            format!(" and said: {said}")
        };
        return Err(CommandFailed::Ended {
            program,
            status,
            said,
        });
    }
    let printed = |what| CommandFailed::Printed {
        program: program.clone(),
        what,
    };
    if key.len() > KEY_MAX {
        return Err(printed("more than 1024 bytes"));
    }
    let text = std::str::from_utf8(&key).map_err(|_| printed("bytes that are no text"))?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(printed("nothing")),
        text if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(SecretString::from(text)),
        _ => Err(printed("spaces, several lines or control characters")),
    }
}

/// Keeps the first `most` bytes and reads the rest away, so that the writer never waits.
async fn read(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>, most: usize) {
    let Some(mut from) = from else { return };
    let mut buffer = Zeroizing::new([0; 4096]);
    while let Ok(count @ 1..) = from.read(&mut buffer[..]).await {
        let kept = count.min(most - into.len());
        into.extend_from_slice(&buffer[..kept]);
    }
}

/// One line of text, with runs that may be a key blotted out.
fn blotted(words: &[u8]) -> String {
    let text = String::from_utf8_lossy(words);
    let (mut out, mut run) = (String::new(), String::new());
    let end_run = |out: &mut String, run: &mut String| {
        let key = run.len() >= BLOT_FROM && run.contains(|c: char| c.is_ascii_digit());
        out.push_str(if key { "***" } else { run });
        run.clear();
    };
    for c in text.trim().chars() {
        match c {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '+' | '/' | '_' | '-' | '.' | '=' => run.push(c),
            c => {
                end_run(&mut out, &mut run);
                out.push(if c.is_whitespace() {
                    ' '
                } else if c.is_control() || !c.is_ascii() {
                    '?'
                } else {
                    c
                });
            }
        }
    }
    end_run(&mut out, &mut run);
    out
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    const KEY: &str = "Z29saXZlLXRlc3RzLW1hc3Rlci1rZXktMzItYnl0ZXM=";

    async fn sh(script: &str) -> Result<SecretString, CommandFailed> {
        let argv = ["sh", "-c", script].map(String::from);
        run_master_key_command(&argv, Duration::from_secs(20)).await
    }

    #[tokio::test]
    async fn what_a_command_prints_is_the_key_without_its_line_end() {
        let key = sh(&format!("echo warming up >&2; echo {KEY}")).await.unwrap();
        assert_eq!(key.expose_secret(), KEY);
    }

    #[tokio::test]
    async fn a_command_that_fails_says_why_and_none_of_its_words_is_a_key() {
        let error = sh(&format!("echo {KEY}; echo \"no token for {KEY}\" >&2; exit 3"))
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("exit status: 3") && text.contains("no token for ***"),
            "{text}"
        );
        assert!(!text.contains(&KEY[..12]), "{text}");
        let text = sh("(yes line | head -c 1000000) >&2; exit 1")
            .await
            .unwrap_err()
            .to_string();
        assert!(text.len() < 1000, "{}", text.len());
    }

    #[tokio::test]
    async fn garbage_nothing_and_a_megabyte_are_refused_without_being_shown() {
        for (script, why) in [
            ("true", "nothing"),
            ("head -c 1000000 /dev/zero | tr '\\0' a", "more than 1024 bytes"),
            ("printf 'a b'", "spaces"),
            ("printf 'line\\nline'", "several lines"),
            ("printf '\\377\\376'", "no text"),
        ] {
            let text = sh(script).await.unwrap_err().to_string();
            assert!(text.contains(why) && !text.contains("aaaa"), "{script}: {text}");
        }
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_killed_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid.display());
        let argv = ["sh".into(), "-c".into(), script];
        let running = run_master_key_command(&argv, Duration::from_secs(2));
        let error = running.await.unwrap_err();
        assert!(matches!(error, CommandFailed::Hung { .. }), "{error}");
        let pid: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        for _ in 0..2000 {
            // A zombie that nobody waits for still has a number, and no command line.
            let line = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
            if line.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the child of the command lives on");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let argv = ["no-such-vault".to_owned()];
        let error = run_master_key_command(&argv, Duration::from_secs(5))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("`no-such-vault`"), "{error}");
    }
}
