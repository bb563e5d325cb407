//! `cargo xtask bench`: builds golive as it is shipped and the bench with optimisation, then runs the bench.
//!
//! Never: figures of a debug build. It writes nothing; docs/performance.md is written by a person from its output.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::shell::{Outcome, cargo, run as call, say, target_dir};

/// The profiles that are worth measuring, the shipped one first.
const PROFILES: &[&str] = &["dist", "release"];

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    quick: bool,
    profile: &'static str,
    /// For the bench, as they are.
    passed_on: Vec<String>,
}

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let asked = read(arguments)?;
    say(&format!(
        "building golive ({}) and the bench (release)",
        asked.profile
    ));
    call(&mut cargo([
        "build",
        "--profile",
        asked.profile,
        "--package",
        "golive",
        "--bin",
        "golive",
    ]))?;
    call(&mut cargo(["build", "--release", "--package", "golive-bench"]))?;
    call(&mut cargo([
        "build",
        "--release",
        "--package",
        "golive-load",
        "--example",
        "truth",
    ]))?;
    say("measuring; leave the machine alone meanwhile");
    call(&mut bench(&asked))
}

fn read(arguments: &[String]) -> Outcome<Asked> {
    let mut asked = Asked {
        quick: false,
        profile: PROFILES[0],
        passed_on: Vec::new(),
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--quick" => asked.quick = true,
            "--profile" => {
                let given = rest.next().map(String::as_str).unwrap_or_default();
                let known = PROFILES.iter().find(|profile| **profile == given);
                asked.profile =
                    known.ok_or_else(|| format!("--profile is one of {}", PROFILES.join(", ")))?;
            }
            "--" => asked.passed_on = rest.by_ref().cloned().collect(),
            other => {
                return Err(format!(
                    "`{other}` is no argument of this command; flags of the bench itself stand after `--`"
                ));
            }
        }
    }
    Ok(asked)
}

fn bench(asked: &Asked) -> Command {
    let built = |profile: &str, name: &str| -> PathBuf { target_dir().join(profile).join(name) };
    let mut command = Command::new(built("release", "golive-bench"));
    command
        .arg("--golive")
        .arg(built(asked.profile, "golive"))
        .arg("--truth")
        .arg(built("release", "examples/truth"))
        .args(asked.quick.then(|| OsString::from("--quick")))
        .args(&asked.passed_on);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_words(line: &str) -> Outcome<Asked> {
        let words: Vec<String> = line.split_whitespace().map(String::from).collect();
        read(&words)
    }

    #[test]
    fn the_shipped_profile_is_measured_unless_another_is_named() {
        assert_eq!(read_words("").map(|asked| asked.profile), Ok("dist"));
        assert_eq!(
            read_words("--profile release").map(|asked| asked.profile),
            Ok("release")
        );
        assert!(read_words("--profile dev").is_err());
        assert!(read_words("--profile").is_err());
    }

    #[test]
    fn what_stands_after_two_hyphens_goes_to_the_bench() {
        let asked = read_words("--quick -- --only cpu --json out.json").unwrap();
        assert!(asked.quick);
        assert_eq!(asked.passed_on, ["--only", "cpu", "--json", "out.json"]);
        assert!(read_words("--only cpu").is_err());
    }
}
