//! `cargo xtask lint`: formatting, clippy with warnings as errors, and what the dependencies may be.

use crate::shell::{self, Outcome, cargo, say, succeeds};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    if let Some(other) = arguments.first() {
        return Err(format!("`{other}` is no argument of this command"));
    }
    say("formatting");
    shell::run(&mut cargo(["fmt", "--all", "--check"]))?;
    say("clippy");
    // `--all-targets`, so that it shares the selection (and the artefacts) with what the tests check.
    shell::run(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    say("dependencies");
    dependencies()
}

/// Licences, bans and sources need no network. The advisories need the advisory database: they are asked for
/// apart, with `cargo deny check advisories`, where there is one.
fn dependencies() -> Outcome {
    if !succeeds(&mut cargo(["deny", "--version"])) {
        println!("   cargo-deny is not installed: licences, bans and sources were NOT checked.");
        println!("   Install it with `cargo install cargo-deny --locked`, then run this command again.");
        return Ok(());
    }
    // Without the graphs: two versions of a crate are a warning, and its way into the tree is a page long.
    let quiet = ["deny", "--log-level", "error", "check", "--hide-inclusion-graph"];
    shell::run(cargo(quiet).args(["bans", "licenses", "sources"]))
}
