//! Every example in the pages that a machine can read is read by the machine: configurations, scripts of the lab,
//! and the commands that the pages name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use golive_lab::Scenario;
use xtask::tree::{Source, sources};

/// README.md and what stands under `docs/`, without what is generated from the code.
fn pages() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = sources(&root.join("docs"), &["md"]).expect("the pages can be read");
    pages.retain(|page| !page.path.starts_with("reference/"));
    let text = fs::read_to_string(root.join("README.md")).expect("there is a README");
    pages.push(Source {
        path: "README.md".into(),
        text,
    });
    pages
}

/// The fenced blocks of a page in one language.
fn blocks<'a>(page: &'a Source, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let blocks = page.text.split(fence.as_str()).skip(1);
    blocks
        .filter_map(|rest| Some(rest.split_once("\n```")?.0))
        .collect()
}

#[test]
fn every_configuration_in_the_pages_is_accepted_without_a_mistake() {
    let mut seen = 0;
    for page in pages() {
        for block in blocks(&page, "toml") {
            let folder = tempfile::tempdir().expect("a folder");
            let file: PathBuf = folder.path().join("golive.toml");
            fs::write(&file, block).expect("a config");
            certificates(folder.path());
            let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
            command
                .args(["config", "check", "--config"])
                .arg(&file)
                .current_dir(folder.path());
            command
                .env("GOLIVE_MASTER_KEY", crate::world::MASTER_KEY)
                .envs(variables(block));
            let output = command.output().expect("it runs");
            assert!(
                output.status.success(),
                "{}:\n{block}\n{}",
                page.path,
                String::from_utf8_lossy(&output.stderr)
            );
            seen += 1;
        }
    }
    assert!(
        seen > 2,
        "the pages have configurations, and this test finds them: {seen}"
    );
}

/// The files of `tls/` that pages name, good for the host that they name.
fn certificates(folder: &Path) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec!["agents.example.com".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate").pem();
    fs::create_dir(folder.join("tls")).expect("a folder");
    for (name, text) in [
        ("chain.pem", &certificate),
        ("internal-ca.pem", &certificate),
        ("clients-ca.pem", &certificate),
        ("key.pem", &key.serialize_pem()),
    ] {
        fs::write(folder.join("tls").join(name), text).expect("a file");
    }
}

/// A value for each variable that a configuration names.
fn variables(config: &str) -> Vec<(String, String)> {
    let named = config
        .lines()
        .filter_map(|line| line.split_once("_env = \"")?.1.split_once('"'));
    named
        .map(|(name, _)| match name.ends_with("_URL") {
            true => (name.to_string(), "https://receiver.example/hook".to_owned()),
            false => (name.to_string(), crate::world::key()),
        })
        .collect()
}

#[test]
fn every_script_of_the_lab_in_the_pages_is_one() {
    let pages = pages();
    let page = pages
        .iter()
        .find(|page| page.path == "lab.md")
        .expect("the lab has its page");
    let scripts = blocks(page, "json");
    assert!(!scripts.is_empty());
    for script in scripts {
        Scenario::parse(script.as_bytes()).unwrap_or_else(|error| panic!("{error}:\n{script}"));
    }
}

#[test]
fn every_golive_command_line_in_the_pages_is_understood() {
    let mut seen = 0;
    for page in pages() {
        for line in blocks(&page, "sh").into_iter().flat_map(str::lines) {
            let words = line.split('#').next().unwrap_or_default().split_whitespace();
            let mut words = words.skip_while(|word| *word != "golive").skip(1).peekable();
            if words.peek().is_none() {
                continue;
            }
            // With --help after them, known flags print help and unknown ones are still a mistake.
            let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
            let output = command.args(words).arg("--help").output().expect("it runs");
            assert!(
                output.status.success(),
                "{}: {line}\n{}",
                page.path,
                String::from_utf8_lossy(&output.stderr)
            );
            seen += 1;
        }
    }
    assert!(
        seen > 5,
        "the pages have commands, and this test finds them: {seen}"
    );
}
