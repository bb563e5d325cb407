//! `cargo xtask test`: installs what the tests need, then runs all of them.
//!
//! A test marked `#[ignore]` is one that needs what only this command sets up (the SDKs, a browser); a full run
//! runs those too, so none is ever left out for good. The closing line adds up every runner's count.

use std::fs;

use crate::setup;
use crate::shell::{Outcome, cargo, root, run_reading, say, succeeds};

/// How many tests ran to a verdict.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
}

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let quick = match arguments {
        [] => false,
        [flag] if flag == "--quick" => true,
        [other, ..] => {
            return Err(format!(
                "`{other}` is no argument of this command; there is `--quick`"
            ));
        }
    };
    let variables = if quick {
        say("quick: nothing is installed; tests that need the SDKs, a browser or testssl.sh are left out");
        Vec::new()
    } else {
        setup::everything()?
    };
    let mut count = Count::default();
    // Doc tests first: the last lines of the output belong to the runner with the many tests.
    say("doc tests");
    let documented = run_reading(&mut cargo(["test", "--doc", "--workspace", "--quiet"]), |line| {
        count.add_line(line)
    })?;
    let mut command = runner(quick);
    let tested = match &mut command {
        Runner::Nextest(command) => {
            say("tests (nextest)");
            // nextest keeps its reports in the root's own target folder, wherever cargo builds.
            let report = root().join("target/nextest/default/junit.xml");
            let _ = fs::remove_file(&report); // an old report must not be counted as this run's
            let passed = run_reading(command.envs(variables), |_| {})?;
            let text = fs::read_to_string(&report).unwrap_or_default();
            count.add(junit_count(&text).ok_or("the tests were not run: they did not build (see above)")?);
            passed
        }
        Runner::Cargo(command) => {
            say("tests (cargo test: cargo-nextest is not installed)");
            run_reading(command.envs(variables), |line| count.add_line(line))?
        }
    };
    println!("\ntests: {} passed, {} failed", count.passed, count.failed);
    match (documented && tested, count.passed + count.failed) {
        (_, 0) => Err("no test was run".into()),
        (true, _) => Ok(()),
        (false, _) => Err("tests failed (see above)".into()),
    }
}

enum Runner {
    Nextest(std::process::Command),
    Cargo(std::process::Command),
}

fn runner(quick: bool) -> Runner {
    if succeeds(&mut cargo(["nextest", "--version"])) {
        let mut command = cargo(["nextest", "run", "--workspace", "--no-fail-fast"]);
        if !quick {
            command.args(["--run-ignored", "all"]);
        }
        return Runner::Nextest(command);
    }
    let mut command = cargo([
        "test",
        "--workspace",
        "--lib",
        "--bins",
        "--tests",
        "--no-fail-fast",
    ]);
    if !quick {
        command.args(["--", "--include-ignored"]);
    }
    Runner::Cargo(command)
}

impl Count {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Reads the closing line of Rust's own test harness; any other line counts nothing.
    fn add_line(&mut self, line: &str) {
        let Some(rest) = line.trim_start().strip_prefix("test result: ") else {
            return;
        };
        let number = |what: &str| {
            let words: Vec<&str> = rest.split([' ', ';']).collect();
            words
                .windows(2)
                .find(|pair| pair[1] == what)
                .and_then(|pair| pair[0].parse().ok())
                .unwrap_or(0)
        };
        self.add(Self {
            passed: number("passed"),
            failed: number("failed"),
        });
    }
}

/// The totals of nextest's JUnit report: the attributes of its root element.
fn junit_count(xml: &str) -> Option<Count> {
    let root = xml.split_once("<testsuites ")?.1.split_once('>')?.0;
    let number = |name: &str| {
        root.split_once(&format!("{name}=\""))?
            .1
            .split_once('"')?
            .0
            .parse::<u64>()
            .ok()
    };
    let failed = number("failures")? + number("errors")?;
    Some(Count {
        passed: number("tests")?.saturating_sub(failed),
        failed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_harness_closing_lines_are_added_up() {
        let mut count = Count::default();
        count.add_line(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.02s",
        );
        count.add_line("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        count.add_line("test crates/x.rs - y (line 3) ... ok");
        assert_eq!(
            count,
            Count {
                passed: 15,
                failed: 2
            }
        );
    }

    #[test]
    fn the_totals_of_a_junit_report_are_read_from_its_root() {
        let xml = r#"<?xml version="1.0"?><testsuites name="run" tests="40" failures="3" errors="1" time="2">
            <testsuite name="a" tests="7" failures="7" errors="0"/></testsuites>"#;
        assert_eq!(
            junit_count(xml),
            Some(Count {
                passed: 36,
                failed: 4
            })
        );
    }

    #[test]
    fn no_report_is_not_a_report_of_no_tests() {
        assert_eq!(junit_count(""), None);
    }
}
