//! The repository's own commands: `cargo xtask COMMAND`. What CI runs and what a person runs are the same.
//!
//! Never: depends on a crate (it must compile in a second and unify features with nothing), and never names a
//! path of the machine it runs on.

use std::process::ExitCode;

mod bench;
mod fuzz;
mod lint;
mod setup;
mod shell;
mod test;
mod tidy;
mod train;

use shell::Outcome;

/// One command: a row here and a file beside this one.
struct Task {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Outcome,
}

const TASKS: &[Task] = &[
    Task {
        name: "test",
        arguments: "[--quick]",
        about: "install what the tests need, then run every test; --quick: install nothing, leave those out",
        run: test::run,
    },
    Task {
        name: "setup",
        arguments: "",
        about: "only install what the tests need, and say where it is",
        run: setup::run,
    },
    Task {
        name: "lint",
        arguments: "",
        about: "formatting, clippy with warnings as errors, licences and bans of the dependencies",
        run: lint::run,
    },
    Task {
        name: "tidy",
        arguments: "[--fix]",
        about: "headers, item tags, the table of ARCHITECTURE.md, links, sizes; --fix: rewrite the table",
        run: tidy::run,
    },
    Task {
        name: "bench",
        arguments: "[--quick] [-- FLAGS]",
        about: "build golive and measure it against direct calls and nginx; --profile release: instead of dist; \
                FLAGS are the bench's own (-- --help)",
        run: bench::run,
    },
    Task {
        name: "fuzz",
        arguments: "[SECONDS | --build]",
        about: "run each fuzz target for SECONDS (60), or only build them; needs a nightly toolchain",
        run: fuzz::run,
    },
    Task {
        name: "train",
        arguments: "[--folds] FILES",
        about: "train the injection screen's model from labelled files, write it and its card; --folds: only measure, \
                each source by a model that did not see it",
        run: train::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        eprint!("{}", help());
        return ExitCode::from(2);
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print!("{}", help());
        return ExitCode::SUCCESS;
    }
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        eprint!("xtask: there is no command `{name}`\n\n{}", help());
        return ExitCode::from(2);
    };
    match (task.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("\nxtask {name}: {why}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    let mut text = String::from("usage: cargo xtask COMMAND\n\n");
    for Task {
        name,
        arguments,
        about,
        ..
    } in TASKS
    {
        let call = format!("{name} {arguments}");
        text.push_str(&format!("  {call:<28}{about}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_command() {
        let help = help();
        assert!(
            TASKS
                .iter()
                .all(|task| help.contains(task.name) && help.contains(task.about))
        );
    }
}
