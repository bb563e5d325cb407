//! S1: the `.env` beside the config: names and values, one a line. Refused if git tracks it.
//!
//! `NAME=value`, `NAME="value"` with `\n`, `\"`, `\\`, `NAME='value'` as it stands, `export` in front,
//! `#` at the start of a line or behind a space begins a comment. Nothing is expanded, no value spans
//! lines: what stands there is what is meant.
//!
//! Never: shows a value, changes the environment of this process.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::mistake::Mistakes;

/// Far more than any set of secrets.
const BYTES_MAX: u64 = 1024 * 1024;

/// The variables of one `.env`.
#[derive(Default)]
pub(crate) struct DotEnv {
    values: BTreeMap<String, Zeroizing<String>>,
}

impl Environment for DotEnv {
    fn variable(&self, name: &str) -> Option<String> {
        self.values.get(name).map(|value| value.to_string())
    }
}

/// Reads the `.env` in `folder`; an absent one is empty.
pub(crate) fn read(folder: &Path, mistakes: &mut Mistakes) -> DotEnv {
    let path = folder.join(".env");
    let text = match read_bounded(&path) {
        Ok(text) => text,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return DotEnv::default(),
        Err(why) => {
            mistakes
                .push(&path, 0..0, "unreadable_file", format!("cannot read .env: {why}"))
                .help("let this user read it, or move it away and export the variables instead");
            return DotEnv::default();
        }
    };
    mistakes.add_source(&path, names_only(&text));
    if tracked_by_git(folder) {
        mistakes.push(&path, 0..0, "env_file_tracked", "git tracks .env: its secrets are in the history".to_owned()).help(
            "run `git rm --cached .env`, add .env to .gitignore, and replace every secret in it at its issuer",
        );
    }
    if readable_by_others(&path) {
        mistakes
            .push(
                &path,
                0..0,
                "env_file_readable",
                ".env can be read by other users of this machine".to_owned(),
            )
            .help("run `chmod 600 .env`")
            .as_warning();
    }
    parse(&text, &path, mistakes)
}

fn read_bounded(path: &Path) -> std::io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)?
        .take(BYTES_MAX + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

/// What may be shown of it: everything behind the first `=` of each line is blotted out, and lines
/// without one whole.
fn names_only(text: &str) -> String {
    let line = |line: &str| {
        let shown = line.find('=').map_or(0, |equals| equals + 1);
        let blot = |c: char| {
            if c == '\n' {
                "\n".to_owned()
            } else {
                "*".repeat(c.len_utf8())
            }
        };
        let hidden: String = line[shown..].chars().map(blot).collect();
        format!("{}{hidden}", &line[..shown])
    };
    text.split_inclusive('\n').map(line).collect()
}

fn parse(text: &str, path: &Path, mistakes: &mut Mistakes) -> DotEnv {
    let mut values = BTreeMap::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        match assignment(content) {
            Ok(None) => {}
            Ok(Some((name, value))) => drop(values.insert(name.to_owned(), value)),
            Err(why) => {
                mistakes
                    .push(
                        path,
                        start..start + content.len(),
                        "bad_env_line",
                        format!("a line of .env {why}"),
                    )
                    .help("write NAME=value, with quotes around a value that holds spaces or `#`");
            }
        }
        start += line.len();
    }
    DotEnv { values }
}

type Assignment<'l> = Option<(&'l str, Zeroizing<String>)>;

fn assignment(line: &str) -> Result<Assignment<'_>, &'static str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    let (name, value) = line.split_once('=').ok_or("has no `=`")?;
    let name = name.trim_end();
    if !crate::walk::is_variable_name(name) {
        return Err("has no variable's name before its `=`");
    }
    Ok(Some((name, self::value(value.trim_start())?)))
}

fn value(text: &str) -> Result<Zeroizing<String>, &'static str> {
    let mut value = Zeroizing::new(String::with_capacity(text.len()));
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let comment = text
            .match_indices('#')
            .find(|(at, _)| *at == 0 || text[..*at].ends_with([' ', '\t']));
        value.push_str(text[..comment.map_or(text.len(), |(at, _)| at)].trim_end());
        return Ok(value);
    };
    let mut rest = text[1..].chars();
    loop {
        match rest.next().ok_or("has a quote that does not end")? {
            c if c == quote => break,
            '\\' if quote == '"' => match rest.next().ok_or("has a quote that does not end")? {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    let behind = rest.as_str().trim_start();
    if behind.is_empty() || behind.starts_with('#') {
        Ok(value)
    } else {
        Err("goes on behind its closing quote")
    }
}

/// `git ls-files --error-unmatch` knows; without git, or outside a repository, nobody tracks it.
fn tracked_by_git(folder: &Path) -> bool {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let mut git = Command::new("git");
    // Inside a git hook these point at another repository.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        git.env_remove(name);
    }
    git.arg("-C")
        .arg(folder)
        .args(["ls-files", "--error-unmatch", "--", ".env"]);
    git.stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    git.status().is_ok_and(|status| status.success())
}

#[cfg(unix)]
fn readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o044 != 0)
}

#[cfg(not(unix))]
fn readable_by_others(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Vec<(String, String)>, Mistakes) {
        let mut mistakes = Mistakes::default();
        mistakes.add_source(Path::new(".env"), names_only(text));
        let env = parse(text, Path::new(".env"), &mut mistakes);
        (
            env.values
                .into_iter()
                .map(|(name, value)| (name, value.to_string()))
                .collect(),
            mistakes,
        )
    }

    #[test]
    fn each_way_to_write_a_value_is_read() {
        let (values, mistakes) = parsed(
            "# comment\n\nA=1\nexport B = two words # comment\nC=\"x # \\\"y\\\"\\n\" # z\nD='as \\n is'\r\nE=\nF=a#b\nG=base64==\n",
        );
        assert!(mistakes.is_empty(), "{mistakes}");
        let values: Vec<_> = values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            values,
            [
                ("A", "1"),
                ("B", "two words"),
                ("C", "x # \"y\"\n"),
                ("D", "as \\n is"),
                ("E", ""),
                ("F", "a#b"),
                ("G", "base64==")
            ]
        );
    }

    #[test]
    fn a_bad_line_is_told_with_its_place_and_without_its_value() {
        let (_, mistakes) = parsed("A=1\nhunter2\nB='hunter2\n1C=hunter2\nD=\"x\" hunter2\n");
        let lines: Vec<_> = mistakes.iter().map(|mistake| mistake.line).collect();
        assert_eq!(lines, [2, 3, 4, 5]);
        let shown = format!("{}{}{mistakes}", mistakes.render(false), mistakes.to_json());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_fall(text in ".{0,60}") {
            let _ = parsed(&text);
        }

        #[test]
        fn a_quoted_value_comes_back_as_it_was(secret in "[ -~]{0,40}") {
            let quoted = secret.replace('\\', "\\\\").replace('"', "\\\"");
            let (values, _) = parsed(&format!("A=\"{quoted}\""));
            proptest::prop_assert_eq!(values, vec![("A".to_owned(), secret)]);
        }
    }
}
