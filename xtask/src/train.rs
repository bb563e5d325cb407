//! `cargo xtask train FILES…`: trains the injection screen's model from labelled files, and writes it and its card.
//!
//! Never: depends on the screen itself: the training is an example of that crate, built and run here.

use std::path::PathBuf;

use crate::shell::{Outcome, cargo, root, run as call, say};

/// Where the model lies: the screen embeds it.
const MODEL: &str = "crates/golive-screen/src/injection/model.bin";

/// Where its card lies.
const CARD: &str = "docs/model-card.md";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let (flags, files) = read(arguments)?;
    say("building the trainer (release)");
    let mut command = cargo([
        "run",
        "--release",
        "--package",
        "golive-screen",
        "--example",
        "injection_train",
        "--",
    ]);
    command.args(flags);
    if !arguments.iter().any(|argument| argument == "--folds") {
        command.args(["--model", MODEL, "--card", CARD]);
    }
    command.args(files);
    call(&mut command)?;
    say("build again to embed it, then measure it on files that it has not seen");
    Ok(())
}

/// Flags for the trainer, and the files: from the root, where the trainer runs.
fn read(arguments: &[String]) -> Outcome<(Vec<String>, Vec<PathBuf>)> {
    let (mut flags, mut files) = (Vec::new(), Vec::new());
    let here = std::env::current_dir().map_err(|error| format!("no working folder: {error}"))?;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--folds" | "--without-synthetic" => flags.push(argument.clone()),
            "--seed" | "--show" => {
                let value = rest.next().ok_or(format!("{argument} wants a value"))?;
                flags.extend([argument.clone(), value.clone()]);
            }
            flag if flag.starts_with('-') => return Err(format!("`{flag}` is no argument of this command")),
            // `join` keeps an absolute path as it is.
            file => files.push(here.join(file)),
        }
    }
    if files.is_empty() {
        return Err("name the labelled files (JSON lines, plain or gzip)".to_owned());
    }
    if let Some(missing) = files.iter().find(|file| !file.is_file()) {
        return Err(format!(
            "{}: there is no such file (from {})",
            missing.display(),
            root().display()
        ));
    }
    Ok((flags, files))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(arguments: &[&str]) -> Vec<String> {
        arguments.iter().map(|argument| (*argument).to_owned()).collect()
    }

    #[test]
    fn files_are_named_and_exist() {
        assert!(read(&[]).is_err());
        assert!(read(&strings(&["no-such-file.jsonl"])).is_err());
        assert!(read(&strings(&["--seed"])).is_err());
        assert!(read(&strings(&["--model", "elsewhere"])).is_err());
    }

    #[test]
    fn flags_of_the_trainer_are_passed_on() {
        let file = file!()
            .rsplit('/')
            .next()
            .map(|name| root().join("xtask/src").join(name));
        let file = file.map(|path| path.display().to_string()).unwrap_or_default();
        let (flags, files) = read(&strings(&["--seed", "7", "--folds", &file])).expect("it is there");
        assert_eq!(flags, ["--seed", "7", "--folds"]);
        assert_eq!(files.len(), 1);
    }
}
