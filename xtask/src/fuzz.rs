//! `cargo xtask fuzz`: builds every target under `fuzz/` with coverage and the address sanitizer, and runs each.
//!
//! The flags are those of `fuzz/.cargo/config.toml`, the ones that `cargo fuzz` sets; with a nightly toolchain and a
//! C++ compiler nothing more need be installed. The corpus and what a run finds lie beside the targets.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{Outcome, find, root, run as call, say, succeeds, target_dir, without_cargo_run};

/// How long one target runs unless told otherwise.
const SECONDS: u32 = 60;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let seconds = match arguments {
        [] => Some(SECONDS),
        [flag] if flag == "--build" => None,
        [seconds] => Some(
            seconds
                .parse()
                .map_err(|_| format!("`{seconds}` is no number of seconds"))?,
        ),
        [_, other, ..] => return Err(format!("`{other}` is one argument too many")),
    };
    let folder = root().join("fuzz");
    let targets = targets(&folder)?;
    if find(&["rustup"]).is_none()
        || !succeeds(Command::new("rustup").args(["run", "nightly", "rustc", "--version"]))
    {
        return Err("fuzzing needs a nightly toolchain: `rustup toolchain install nightly`".into());
    }
    if find(&["c++", "g++", "clang++"]).is_none() {
        return Err("fuzzing needs a C++ compiler for libFuzzer (Debian: `apt-get install g++`)".into());
    }
    say(&format!("building {} fuzz targets", targets.len()));
    let binaries = build(&folder)?;
    let Some(seconds) = seconds else { return Ok(()) };
    for target in targets {
        say(&format!("{target}: {seconds} s"));
        exercise(&folder, &binaries.join(&target), &target, seconds)?;
    }
    Ok(())
}

/// The names of the targets: the files in `fuzz_targets`, which is where `cargo fuzz` looks too.
fn targets(folder: &Path) -> Outcome<Vec<String>> {
    let sources = folder.join("fuzz_targets");
    let entries =
        fs::read_dir(&sources).map_err(|error| format!("cannot read {}: {error}", sources.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".rs")?.to_string()))
        .collect();
    names.sort();
    if names.is_empty() {
        Err(format!("{} holds no target", sources.display()))
    } else {
        Ok(names)
    }
}

/// Builds all of them; where the binaries lie. Naming the target keeps the sanitizer out of build scripts and macros.
fn build(folder: &Path) -> Outcome<PathBuf> {
    let triple = host()?;
    let target_dir = target_dir().join("fuzz"); // other flags than the workspace's: they would evict each other
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly", "cargo", "build", "--bins", "--target", &triple])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", &target_dir);
    for flags in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"] {
        command.env_remove(flags); // any of them would replace the flags of the file
    }
    without_cargo_run(&mut command);
    call(&mut command)?;
    Ok(target_dir.join(triple).join("debug"))
}

fn exercise(folder: &Path, binary: &Path, target: &str, seconds: u32) -> Outcome {
    let (corpus, seeds) = (
        folder.join("corpus").join(target),
        folder.join("seeds").join(target),
    );
    let artifacts = folder.join("artifacts").join(target);
    for made in [&corpus, &artifacts] {
        fs::create_dir_all(made).map_err(|error| format!("cannot make {}: {error}", made.display()))?;
    }
    let mut command = Command::new(binary);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args([
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
            "-verbosity=0",
        ])
        .arg(&corpus)
        .current_dir(folder);
    if seeds.is_dir() {
        command.arg(&seeds); // read, never written: new inputs go to the first folder
    }
    call(&mut command)
        .map_err(|why| format!("{why}; the input that did it lies under {}", artifacts.display()))
}

fn host() -> Outcome<String> {
    let output = Command::new("rustup")
        .args(["run", "nightly", "rustc", "-vV"])
        .output();
    let output = output.map_err(|error| format!("cannot run rustc: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(String::from)
        .ok_or_else(|| "rustc does not say what it builds for".into())
}
