//! The table of ARCHITECTURE.md: item → control → proof → tests, as written there and as the tree says it is.
//!
//! A row names files, so that a reader can go from an item to its code; the tree is the truth, and the row is
//! compared with it cell by cell.

use std::collections::BTreeMap;

use crate::tree::{Source, is_item_id};

/// What a cell says when the tree has no such file.
pub const NOT_BUILT: &str = "not built yet";

/// The file that holds the table.
pub const FILE: &str = "ARCHITECTURE.md";

const BEGIN: &str = "<!-- items: begin (rewritten by `cargo xtask tidy --fix`) -->";
const END: &str = "<!-- items: end -->";
const HEAD: &str = "| item | control | proof | tests |\n| --- | --- | --- | --- |\n";

/// The files of one item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Code that enforces the item: tagged files of the rooms that make the gateway.
    pub control: Vec<String>,
    /// The proof from outside: `crates/golive-prover/src/proofs/<id>_*.rs`, or `<id>_*/mod.rs` if it has parts in
    /// files of their own.
    pub proof: Vec<String>,
    /// Tagged files under a `tests` folder. Those of the checklist's own room test words and no item.
    pub tests: Vec<String>,
}

impl Row {
    /// Whether the item has all it needs: a control (the items before launch gate a launch, and nothing in the
    /// gateway enforces those), a proof, a test.
    #[must_use]
    pub fn is_built(&self, id: &str) -> bool {
        (id.starts_with('L') || !self.control.is_empty()) && !self.proof.is_empty() && !self.tests.is_empty()
    }
}

/// The rows as the headers of these files say. Items without any file are not in it.
///
/// # Errors
/// Headers that begin like ids and are none: every file with its mistake.
pub fn from_tree(sources: &[Source]) -> Result<BTreeMap<String, Row>, Vec<String>> {
    let (mut rows, mut mistakes) = (BTreeMap::<String, Row>::new(), Vec::new());
    for source in sources {
        let ids = source.items().unwrap_or_else(|why| {
            mistakes.push(format!("{}: header: {why}", source.path));
            Vec::new()
        });
        for id in ids {
            let Some(column) = column_of(&source.path, &id) else {
                continue;
            };
            let row = rows.entry(id).or_default();
            let cell = match column {
                Column::Control => &mut row.control,
                Column::Proof => &mut row.proof,
                Column::Tests => &mut row.tests,
            };
            cell.push(source.path.clone());
        }
    }
    for row in rows.values_mut() {
        row.control = condensed(&row.control);
        row.tests = condensed(&row.tests);
    }
    if mistakes.is_empty() {
        Ok(rows)
    } else {
        Err(mistakes)
    }
}

/// The files, but for a room that has many of them: there its folder stands for all. A cell is for reading.
fn condensed(files: &[String]) -> Vec<String> {
    const MANY: usize = 3;
    let folder = |path: &String| path.split('/').take(3).collect::<Vec<_>>().join("/"); // crates/ROOM/src
    let mut shown: Vec<String> = Vec::new();
    for path in files {
        let room = folder(path);
        let many = files.iter().filter(|other| folder(other) == room).count() > MANY;
        let entry = if many { room } else { path.clone() };
        if !shown.contains(&entry) {
            shown.push(entry);
        }
    }
    shown
}

/// The rows as written, in their order.
///
/// # Errors
/// No table, or a row of another shape: what and where.
pub fn from_page(page: &str) -> Result<Vec<(String, Row)>, String> {
    let body = split(page)?.1.trim_start();
    let rows = body
        .strip_prefix(HEAD)
        .ok_or_else(|| format!("{FILE}: the table must begin with\n{HEAD}"))?;
    rows.lines()
        .filter(|line| !line.trim().is_empty())
        .map(row_of)
        .collect()
}

/// The page with its table rewritten from the tree; the items and their order stay as they are written.
///
/// # Errors
/// See [`from_page`].
pub fn rewrite(page: &str, tree: &BTreeMap<String, Row>) -> Result<String, String> {
    let (before, _, after) = split(page)?;
    let empty = Row::default();
    let row = |(id, _): (String, Row)| {
        let row = tree.get(&id).unwrap_or(&empty);
        let control = if id.starts_with('L') && row.control.is_empty() {
            "–".into()
        } else {
            cell(&row.control)
        };
        format!(
            "| {id} | {control} | {} | {} |\n",
            cell(&row.proof),
            cell(&row.tests)
        )
    };
    let rows: String = from_page(page)?.into_iter().map(row).collect();
    Ok(format!("{before}{BEGIN}\n{HEAD}{rows}{END}{after}"))
}

enum Column {
    Control,
    Proof,
    Tests,
}

/// Which cell a tagged file belongs to. A file of the prover that is not the item's proof file (a corpus, a
/// helper), the lab and the command line are none of the three.
fn column_of(path: &str, id: &str) -> Option<Column> {
    const CONTROLS: &[&str] = &[
        "config",
        "wire",
        "screen",
        "resilience",
        "store",
        "gateway",
        "ops",
    ];
    let (room, rest) = path.strip_prefix("crates/")?.split_once('/')?;
    let is_test = rest.split('/').any(|part| part == "tests") || rest.ends_with("/tests.rs");
    match room.strip_prefix("golive-").unwrap_or_default() {
        "checklist" => None,
        _ if is_test => Some(Column::Tests),
        "prover" if is_proof_of(rest, id) => Some(Column::Proof),
        room if CONTROLS.contains(&room) && rest.starts_with("src/") => Some(Column::Control),
        _ => None,
    }
}

fn is_proof_of(path: &str, id: &str) -> bool {
    let name = path
        .strip_prefix("src/proofs/")
        .and_then(|name| name.strip_prefix(&format!("{}_", id.to_lowercase())));
    let name = name.and_then(|name| name.strip_suffix("/mod.rs").or_else(|| name.strip_suffix(".rs")));
    name.is_some_and(|name| !name.contains('/'))
}

fn split(page: &str) -> Result<(&str, &str, &str), String> {
    let missing = || format!("{FILE}: the table must stand between the lines `{BEGIN}` and `{END}`");
    let (before, rest) = page.split_once(BEGIN).ok_or_else(missing)?;
    let (body, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok((before, body, after))
}

fn row_of(line: &str) -> Result<(String, Row), String> {
    let wrong = |why: &str| format!("{FILE}: {why}: {line}");
    let inner = line
        .trim()
        .strip_prefix('|')
        .and_then(|l| l.strip_suffix('|'))
        .ok_or_else(|| wrong("not a row"))?;
    let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
    let [id, control, proof, tests] = cells[..] else {
        return Err(wrong("a row has four cells"));
    };
    if !is_item_id(id) {
        return Err(wrong("the first cell is no item"));
    }
    let row = Row {
        control: files(control),
        proof: files(proof),
        tests: files(tests),
    };
    Ok((id.to_string(), row))
}

/// The link targets of a cell.
fn files(cell: &str) -> Vec<String> {
    cell.split("](")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_string()))
        .collect()
}

fn cell(files: &[String]) -> String {
    if files.is_empty() {
        return NOT_BUILT.into();
    }
    files
        .iter()
        .map(|path| format!("[{}]({path})", short(path)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// `crates/golive-gateway/src/stage/count.rs` as a reader says it: `gateway/stage/count`.
fn short(path: &str) -> String {
    let path = path
        .trim_start_matches("crates/")
        .trim_start_matches("golive-")
        .trim_end_matches(".rs");
    let path = path.replacen("/src/", "/", 1);
    path.trim_end_matches("/mod").trim_end_matches("/src").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, header: &str) -> Source {
        Source {
            path: path.into(),
            text: format!("//! {header}\n"),
        }
    }

    fn page(rows: &str) -> String {
        format!("# Rooms\n\n{BEGIN}\n{HEAD}{rows}{END}\n\nafter\n")
    }

    const LINKED: &str =
        "| S3 | [screen/json](crates/golive-screen/src/json.rs) | not built yet | not built yet |\n";

    #[test]
    fn a_file_lands_in_the_cell_of_its_room() {
        let tree = from_tree(&[
            source("crates/golive-screen/src/json.rs", "S3: structure"),
            source(
                "crates/golive-prover/src/proofs/s3_validation.rs",
                "S3: structure, proven",
            ),
            source(
                "crates/golive-prover/src/corpus/hostile.rs",
                "S3: hostile requests",
            ),
            source("crates/golive-screen/tests/it/json.rs", "S3: structure"),
            source("crates/golive-lab/src/fault.rs", "S3: not a control"),
        ]);
        let row = &tree.expect("well formed")["S3"];
        assert_eq!(row.control, ["crates/golive-screen/src/json.rs"]);
        assert_eq!(row.proof, ["crates/golive-prover/src/proofs/s3_validation.rs"]);
        assert_eq!(row.tests, ["crates/golive-screen/tests/it/json.rs"]);
        assert!(row.is_built("S3"));
    }

    #[test]
    fn a_proof_of_another_item_is_not_this_items_proof() {
        let tree = from_tree(&[source(
            "crates/golive-prover/src/proofs/s2_rates.rs",
            "S2, S3: rates",
        )]);
        let tree = tree.expect("well formed");
        assert_eq!(tree["S2"].proof.len(), 1);
        assert!(!tree.contains_key("S3"));
    }

    #[test]
    fn a_proof_of_several_files_is_its_first_one() {
        let folder = "crates/golive-prover/src/proofs/s5_auth";
        let tree = from_tree(&[
            source(&format!("{folder}/keys.rs"), "S5.keys: keys"),
            source(&format!("{folder}/mod.rs"), "S5: who calls"),
        ]);
        assert_eq!(
            tree.expect("well formed")["S5"].proof,
            [format!("{folder}/mod.rs")]
        );
    }

    #[test]
    fn a_room_with_many_files_stands_for_them() {
        let files =
            ["a", "b", "c", "d"].map(|name| source(&format!("crates/golive-wire/src/{name}.rs"), "S3: x"));
        assert_eq!(
            from_tree(&files).expect("well formed")["S3"].control,
            ["crates/golive-wire/src"]
        );
        assert_eq!(
            from_tree(&files[..3]).expect("well formed")["S3"].control.len(),
            3
        );
    }

    #[test]
    fn the_words_own_tests_are_no_tests_of_an_item() {
        let tree = from_tree(&[source(
            "crates/golive-checklist/tests/it/items.rs",
            "S1, S2: words",
        )]);
        assert!(tree.expect("well formed").is_empty());
    }

    #[test]
    fn rewriting_a_page_gives_what_reading_it_finds() {
        let tree =
            from_tree(&[source("crates/golive-screen/src/json.rs", "S3: structure")]).expect("well formed");
        let written = rewrite(&page("| S3 | x | y | z |\n"), &tree).expect("a table");
        assert_eq!(written, page(LINKED));
        assert_eq!(
            from_page(&written),
            Ok(vec![("S3".to_string(), tree["S3"].clone())])
        );
    }

    #[test]
    fn a_page_without_the_table_and_a_row_of_another_shape_are_refused() {
        assert!(from_page("# Rooms\n").is_err());
        assert!(from_page(&page("| S3 | a | b |\n")).is_err());
        assert!(from_page(&page("| X3 | a | b | c |\n")).is_err());
    }

    #[test]
    fn an_item_before_launch_needs_no_control_and_every_other_does() {
        let row = Row {
            control: vec![],
            proof: vec!["p".into()],
            tests: vec!["t".into()],
        };
        assert!(row.is_built("L1") && !row.is_built("S1"));
    }
}
