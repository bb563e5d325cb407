//! Running other programs, so that a reader of the output can tell what was run and what failed.
//!
//! Never: a shell. Arguments go to the program as they are.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The error is a sentence for the person at the terminal; nobody matches on it.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// The repository's root: the folder above this crate.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
        .to_path_buf()
}

/// Where cargo builds: `CARGO_TARGET_DIR`, else `target` at the root.
pub(crate) fn target_dir() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => root().join(dir), // `join` keeps an absolute path as it is
        _ => root().join("target"),
    }
}

/// `cargo` with these arguments, at the root, without the variables that `cargo run` left for xtask itself:
/// a build script that watches one of them would rebuild its crate on each change of caller.
pub(crate) fn cargo<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    without_cargo_run(&mut command);
    command
}

/// See [`cargo`].
pub(crate) fn without_cargo_run(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_")
            || text.starts_with("CARGO_MANIFEST_")
            || text == "CARGO_PRIMARY_PACKAGE"
        {
            command.env_remove(&name);
        }
    }
}

/// Says what it runs, runs it with its output passed through, and fails if it fails.
pub(crate) fn run(command: &mut Command) -> Outcome {
    announce(command);
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| cannot_start(command, &error))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` failed ({status})", line_of(command)))
    }
}

/// Like [`run`], handing each line of standard output to `each` before printing it. The last value tells whether
/// the program succeeded: a runner that counts failures must be read to its end either way.
pub(crate) fn run_reading(command: &mut Command, mut each: impl FnMut(&str)) -> Outcome<bool> {
    announce(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    if let Some(output) = child.stdout.take() {
        let mut reader = BufReader::new(output);
        let mut raw = Vec::new();
        let mut out = std::io::stdout().lock();
        while reader.read_until(b'\n', &mut raw).is_ok_and(|read| read > 0) {
            each(String::from_utf8_lossy(&raw).trim_end());
            out.write_all(&raw)
                .map_err(|error| format!("cannot print: {error}"))?;
            raw.clear();
        }
    }
    let status = child.wait().map_err(|error| cannot_start(command, &error))?;
    Ok(status.success())
}

/// Whether it starts and succeeds; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let silent = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

/// The first of these programs that the search path holds.
pub(crate) fn find(programs: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let candidates = |program: &str| {
        env::split_paths(&path)
            .map(|dir| dir.join(program))
            .collect::<Vec<_>>()
    };
    programs
        .iter()
        .flat_map(|program| candidates(program))
        .find(|file| file.is_file())
}

/// A heading between the parts of a long output.
pub(crate) fn say(text: &str) {
    // Standard output is buffered and the programs' output is not: without the flush, headings come late.
    println!("\n== {text}");
    let _ = std::io::stdout().flush();
}

fn announce(command: &Command) {
    println!("   $ {}", line_of(command));
    let _ = std::io::stdout().flush();
}

fn line_of(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!(
        "cannot run `{}`: {error}",
        command.get_program().to_string_lossy()
    )
}
