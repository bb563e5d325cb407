//! Every example of docs/lab.md is really run.

use golive_lab::{LabOptions, Scenario, Script};

use crate::http::*;

const DOCS: &str = include_str!("../../../../docs/lab.md");

/// The fenced blocks of a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in DOCS.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(fence)) if fence == language => open = Some(String::new()),
            (None, Some(_)) => open = Some("not wanted".into()),
            (Some(_), Some(_)) => blocks.extend(open.take().filter(|block| block != "not wanted")),
            (Some(block), None) if block != "not wanted" => {
                block.push_str(line);
                block.push('\n');
            }
            _ => {}
        }
    }
    blocks
}

#[test]
fn every_json_example_is_a_script_or_a_scenario() {
    let examples = blocks("json");
    assert!(!examples.is_empty());
    for example in examples {
        let read = Scenario::parse(example.as_bytes()).map(drop);
        read.or_else(|_| Script::parse(example.as_bytes()).map(drop))
            .unwrap_or_else(|why| panic!("{why}\n{example}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shell_example_does_what_it_shows() {
    // As the page says: a lab on 9900 with a provider `stuck` on a port of its own, 9901.
    let stuck = (
        "stuck".to_owned(),
        std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
    );
    let lab = Lab::start(LabOptions {
        providers: vec![stuck],
        ..LabOptions::default()
    })
    .await
    .unwrap();
    let own = lab.provider_url("stuck").unwrap();
    let examples = blocks("console");
    assert!(examples.len() >= 5);
    for example in examples {
        // Commands begin with `$ ` (and go on after a backslash and within quotes); what follows is what they print, `…` for anything.
        let mut lines = example.lines().peekable();
        while let Some(line) = lines.next() {
            let mut command = line
                .strip_prefix("$ ")
                .unwrap_or_else(|| panic!("not a command: {line}"))
                .to_owned();
            loop {
                if command.ends_with('\\') {
                    command.pop();
                } else if command.matches('\'').count() % 2 == 1 {
                    command.push('\n'); // within a quoted text
                } else {
                    break;
                }
                command.push_str(lines.next().unwrap());
            }
            if command.starts_with("golive lab") {
                continue; // started above
            }
            let mut wanted = String::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                wanted.push_str(line);
                wanted.push('\n');
            }
            let command = command
                .replace("http://127.0.0.1:9901", &own)
                .replace("http://127.0.0.1:9900", &lab.url());
            let shown = run(&command).await;
            assert!(
                matches(wanted.trim(), shown.trim()),
                "{command}\n-- shown:\n{shown}\n-- wanted:\n{wanted}"
            );
        }
    }
    lab.shutdown().await;
}

async fn run(command: &str) -> String {
    let command = command.to_owned();
    let ran = tokio::task::spawn_blocking(move || {
        std::process::Command::new("bash")
            .args(["-o", "pipefail", "-c", &command])
            .output()
            .unwrap()
    });
    let output = tokio::time::timeout(PATIENCE, ran)
        .await
        .expect("the example does not end")
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Whether `shown` is `wanted` with anything in the place of each `…`.
fn matches(wanted: &str, shown: &str) -> bool {
    let mut parts = wanted.split('…');
    let Some(mut rest) = parts.next().and_then(|first| shown.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

use golive_lab::Lab;
