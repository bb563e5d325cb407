//! The source files of the repository, their `//!` headers and the item ids in them.
//!
//! Never: looks into a build folder (anything that carries cargo's `CACHEDIR.TAG`) or into git's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Every id an item may have: the letter and its last number.
const SERIES: &[(char, u8)] = &[('S', 8), ('P', 6), ('E', 5), ('M', 4), ('R', 2), ('L', 6)];

/// One text file of the repository.
#[derive(Debug, Clone)]
pub struct Source {
    /// Relative to the root, with `/` between its parts.
    pub path: String,
    /// Its whole text.
    pub text: String,
}

impl Source {
    /// The first line of the `//!` header without its marker; `None` if the file does not begin with one.
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        self.text.lines().next()?.strip_prefix("//!").map(str::trim)
    }

    /// The item ids that the header begins with; none for a file that serves no item.
    ///
    /// # Errors
    /// The header begins like a list of ids and is none: what is wrong with it.
    pub fn items(&self) -> Result<Vec<String>, String> {
        self.header().map_or(Ok(Vec::new()), header_ids)
    }
}

/// Every file under `root` whose name ends in one of `extensions`, in the order of their paths.
///
/// # Errors
/// A folder or file that cannot be read, or is not UTF-8.
pub fn sources(root: &Path, extensions: &[&str]) -> io::Result<Vec<Source>> {
    let mut paths = Vec::new();
    walk(root, &mut paths)?;
    paths.retain(|path| {
        path.extension()
            .is_some_and(|end| extensions.iter().any(|wanted| end == *wanted))
    });
    paths.sort();
    let read = |path: PathBuf| {
        let relative = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .to_string_lossy()
            .replace('\\', "/");
        let text = fs::read_to_string(&path)
            .map_err(|error| io::Error::new(error.kind(), format!("{relative}: {error}")))?;
        Ok(Source { path: relative, text })
    };
    paths.into_iter().map(read).collect()
}

/// Whether this is an id of the checklist.
#[must_use]
pub fn is_item_id(word: &str) -> bool {
    let mut letters = word.chars();
    let Some(letter) = letters.next() else {
        return false;
    };
    let known = SERIES.iter().find(|(series, _)| *series == letter);
    let number = letters.as_str().as_bytes(); // no series has more than nine items
    number.len() == 1 && known.is_some_and(|(_, last)| (b'1'..=b'0' + last).contains(&number[0]))
}

/// The ids that a header begins with, as in `P2, M1: the four clocks`. Commas and the colon may be left out, and a
/// part of an item (`S5.keys`) stands for its item.
fn header_ids(header: &str) -> Result<Vec<String>, String> {
    let (mut names, mut ids, mut rest) = (Vec::new(), Vec::<String>::new(), header);
    loop {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let name = word.trim_end_matches([',', ':']);
        let id = match name.split_once('.') {
            Some((id, part)) if is_word(part) => id,
            _ => name,
        };
        if !looks_like_an_id(id) {
            break;
        }
        if !is_item_id(id) {
            return Err(format!("`{name}` is no item of the checklist; write `P2, M1: …`"));
        }
        if names.contains(&name) {
            return Err(format!("`{name}` stands twice"));
        }
        names.push(name);
        if !ids.iter().any(|known| known == id) {
            ids.push(id.to_string());
        }
        rest = after.trim_start();
        if word.ends_with(':') {
            break;
        }
    }
    if !ids.is_empty() && rest.is_empty() {
        return Err("after the ids, say what the file is for".into());
    }
    Ok(ids)
}

/// One capital letter and digits: an item, or a slip.
fn looks_like_an_id(word: &str) -> bool {
    let (letter, number) = word.split_at_checked(1).unwrap_or_default();
    letter.bytes().all(|c| c.is_ascii_uppercase())
        && !number.is_empty()
        && number.bytes().all(|c| c.is_ascii_digit())
}

fn is_word(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_file() {
            found.push(path);
        } else if kind.is_dir() && entry.file_name() != ".git" && !path.join("CACHEDIR.TAG").exists() {
            walk(&path, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(header: &str) -> Result<Vec<String>, String> {
        header_ids(header)
    }

    #[test]
    fn ids_at_the_start_of_a_header_are_read_in_their_order() {
        assert_eq!(ids("P2, M1: the four clocks"), Ok(vec!["P2".into(), "M1".into()]));
        assert_eq!(ids("P2 M1: the four clocks"), ids("P2, M1: the four clocks"));
        assert_eq!(ids("M1 against a gateway"), Ok(vec!["M1".into()]));
        assert_eq!(
            ids("S5.keys, S5.revocation, S2: keys"),
            Ok(vec!["S5".into(), "S2".into()])
        );
        assert_eq!(ids("S3: structure"), Ok(vec!["S3".into()]));
    }

    #[test]
    fn a_header_that_begins_with_prose_serves_no_item() {
        for header in [
            "Runs the proofs.",
            "SQLite behind the trait.",
            "A rate.",
            "HTTP: pools.",
            "",
        ] {
            assert_eq!(ids(header), Ok(Vec::new()), "{header}");
        }
    }

    #[test]
    fn a_header_that_almost_lists_ids_is_refused() {
        for header in [
            "S9: no such item",
            "P2 M9: x",
            "P2, M1",
            "S3, S3: twice",
            "S3:",
            "S03: x",
        ] {
            assert!(ids(header).is_err(), "{header}");
        }
    }

    #[test]
    fn only_ids_of_the_checklist_are_ids() {
        assert!(
            ["S1", "S8", "P6", "E5", "M4", "R2", "L6"]
                .iter()
                .all(|id| is_item_id(id))
        );
        assert!(
            ["S0", "S9", "X1", "S", "", "S+1", "S01", "s1", "L7"]
                .iter()
                .all(|id| !is_item_id(id))
        );
    }
}
