//! Notices what is missing: each item of the checklist has its control, its one proof and its tests, and the
//! table of ARCHITECTURE.md says where.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use golive_checklist::item::ITEMS;
use xtask::table::{self, Row};
use xtask::tree;

/// Items whose rooms are still to be built. This list only shrinks: an item that has all it needs must leave it,
/// and no item may come back.
const NOT_BUILT_YET: &[&str] = &["M3", "M4", "R1", "R2", "L2", "L3", "L4", "L5", "L6"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn from_tree() -> BTreeMap<String, Row> {
    let sources = tree::sources(&root(), &["rs"]).expect("the tree can be read");
    table::from_tree(&sources).unwrap_or_else(|mistakes| panic!("{}", mistakes.join("\n")))
}

fn from_page() -> Vec<(String, Row)> {
    let page = std::fs::read_to_string(root().join(table::FILE)).expect("ARCHITECTURE.md can be read");
    table::from_page(&page).expect("it holds the table")
}

#[test]
fn every_item_has_a_control_a_proof_and_tests_or_is_listed_as_not_built_yet() {
    let tree = from_tree();
    let mut mistakes = Vec::new();
    for id in ITEMS.iter().map(|item| item.id.as_str()) {
        let row = tree.get(id).cloned().unwrap_or_default();
        match (row.is_built(id), NOT_BUILT_YET.contains(&id)) {
            (false, false) => mistakes.push(format!(
                "{id} needs a control, a proof and a test; there is {row:?}"
            )),
            (true, true) => mistakes.push(format!("{id} is built: take it off the list, which only shrinks")),
            _ => {}
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn no_item_has_two_proof_files() {
    for (id, row) in from_tree() {
        assert!(row.proof.len() <= 1, "{id} has the proofs {:?}", row.proof);
    }
}

#[test]
fn the_table_lists_every_item_in_the_order_of_the_checklist() {
    let written: Vec<String> = from_page().into_iter().map(|(id, _)| id).collect();
    let asked: Vec<String> = ITEMS.iter().map(|item| item.id.as_str().to_string()).collect();
    assert_eq!(written, asked);
}

#[test]
fn the_table_says_what_the_headers_say() {
    let tree = from_tree();
    let empty = Row::default();
    for (id, written) in from_page() {
        let found = tree.get(&id).unwrap_or(&empty);
        assert_eq!(&written, found, "{id}: run `cargo xtask tidy --fix`");
    }
}

#[test]
fn the_list_of_items_not_built_names_only_items() {
    for id in NOT_BUILT_YET {
        assert!(
            ITEMS.iter().any(|item| item.id.as_str() == *id),
            "{id} is no item"
        );
    }
}
