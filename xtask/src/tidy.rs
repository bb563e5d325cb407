//! `cargo xtask tidy`: what the compiler does not notice. Every mistake is listed, not only the first.

use std::fs;
use std::path::Path;

use xtask::table;
use xtask::tree::{Source, sources};

use crate::shell::{Outcome, root, say};

/// The most lines a file may have, its tests included: a person reads it in one sitting.
const LINES_MAX: usize = 600;

/// What no Rust file may hold, and why. Split in two, so that this file does not hold it either.
const NOT_IN_RUST: &[(&str, &str)] = &[
    (concat!("todo", "!("), "write it, or leave it out"),
    (concat!("unimplemented", "!("), "write it, or leave it out"),
    (concat!("dbg", "!("), "left over from a search"),
];

/// What no file may hold: paths that exist on one machine only.
const NOT_ANYWHERE: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
    concat!("/tmp/go", "live/"),
];

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let fix = match arguments {
        [] => false,
        [flag] if flag == "--fix" => true,
        [other, ..] => {
            return Err(format!(
                "`{other}` is no argument of this command; there is `--fix`"
            ));
        }
    };
    say("headers, tags, links, sizes");
    let root = root();
    let read =
        |extensions: &[&str]| sources(&root, extensions).map_err(|error| format!("cannot read {error}"));
    let (rust, pages) = (read(&["rs"])?, read(&["md"])?);
    let others = read(&["py", "toml", "sh", "yml", "yaml", "txt", "html"])?;
    let mut mistakes = Vec::new();
    for source in &rust {
        header(source, &mut mistakes);
        forbidden_in_rust(source, &mut mistakes);
    }
    forgotten_tests(&rust, &mut mistakes);
    for source in rust.iter().chain(&pages).chain(&others) {
        machine_paths(source, &mut mistakes);
    }
    for source in rust
        .iter()
        .chain(others.iter().filter(|source| source.path.ends_with(".py")))
    {
        size(source, &mut mistakes);
    }
    for page in &pages {
        links(&root, page, &mut mistakes);
    }
    the_table(&root, &rust, fix, &mut mistakes)?;
    println!("   {} Rust files, {} pages", rust.len(), pages.len());
    if mistakes.is_empty() {
        return Ok(());
    }
    for mistake in &mistakes {
        eprintln!("   {mistake}");
    }
    Err(format!("{} to put right", mistakes.len()))
}

fn header(source: &Source, mistakes: &mut Vec<String>) {
    match source.header() {
        None => mistakes.push(format!(
            "{}:1: begin with a `//!` header: what it is for, what it must never do",
            source.path
        )),
        Some("") => mistakes.push(format!("{}:1: the header's first line is empty", source.path)),
        Some(_) => {} // wrong ids are told by the table
    }
}

fn forbidden_in_rust(source: &Source, mistakes: &mut Vec<String>) {
    for (number, line) in source.text.lines().enumerate() {
        let code = !line.trim_start().starts_with("//");
        for (text, why) in NOT_IN_RUST.iter().filter(|(text, _)| code && line.contains(text)) {
            mistakes.push(format!("{}:{}: `{text}…`: {why}", source.path, number + 1));
        }
    }
}

/// A file of tests that `main.rs` beside it does not name is never compiled, and nobody notices.
fn forgotten_tests(rust: &[Source], mistakes: &mut Vec<String>) {
    for main in rust
        .iter()
        .filter(|source| source.path.ends_with("/tests/it/main.rs"))
    {
        let folder = main.path.trim_end_matches("main.rs");
        for source in rust {
            let name = source
                .path
                .strip_prefix(folder)
                .and_then(|file| file.strip_suffix(".rs"));
            let module = name
                .map(|name| name.trim_end_matches("/mod"))
                .filter(|name| !name.contains('/'));
            if let Some(module) = module.filter(|module| *module != "main" && !names(main, module)) {
                mistakes.push(format!(
                    "{}: `mod {module};` is missing in {}",
                    source.path, main.path
                ));
            }
        }
    }
}

fn names(main: &Source, module: &str) -> bool {
    let line = format!("mod {module};");
    main.text
        .lines()
        .any(|written| written.trim_start_matches("pub ").trim() == line)
}

/// A folder's bare name is no path: a screen may look for it in answers.
fn machine_paths(source: &Source, mistakes: &mut Vec<String>) {
    let goes_on = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_'));
    for (number, line) in source.text.lines().enumerate() {
        let found = |text: &&&str| line.split(**text).skip(1).any(goes_on);
        for text in NOT_ANYWHERE.iter().filter(found) {
            mistakes.push(format!(
                "{}:{}: `{text}…` is a path of one machine",
                source.path,
                number + 1
            ));
        }
    }
}

fn size(source: &Source, mistakes: &mut Vec<String>) {
    let lines = source.text.lines().count();
    if lines > LINES_MAX {
        mistakes.push(format!(
            "{}: {lines} lines; split it (at most {LINES_MAX})",
            source.path
        ));
    }
}

fn the_table(root: &Path, rust: &[Source], fix: bool, mistakes: &mut Vec<String>) -> Outcome {
    let tree = match table::from_tree(rust) {
        Ok(tree) => tree,
        Err(wrong_headers) => {
            mistakes.extend(wrong_headers);
            return Ok(());
        }
    };
    let file = root.join(table::FILE);
    let page = fs::read_to_string(&file).map_err(|error| format!("cannot read {}: {error}", table::FILE))?;
    let right = table::rewrite(&page, &tree)?;
    if right == page {
        return Ok(());
    }
    if fix {
        println!("   {}: table rewritten", table::FILE);
        return fs::write(&file, right).map_err(|error| format!("cannot write {}: {error}", table::FILE));
    }
    mistakes.push(format!(
        "{}: the table is not what the headers say; run `cargo xtask tidy --fix`",
        table::FILE
    ));
    Ok(())
}

/// Relative links must lead to a file that exists, and to a heading that exists in it.
fn links(root: &Path, page: &Source, mistakes: &mut Vec<String>) {
    let folder = Path::new(&page.path).parent().unwrap_or(Path::new(""));
    for (number, target) in link_targets(&page.text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (file, heading) = target
            .split_once('#')
            .map_or((target, None), |(file, heading)| (file, Some(heading)));
        let path = if file.is_empty() {
            root.join(&page.path)
        } else {
            root.join(folder).join(file)
        };
        if !path.exists() {
            mistakes.push(format!("{}:{number}: `{target}` leads nowhere", page.path));
        } else if let Some(heading) = heading.filter(|_| path.extension().is_some_and(|end| end == "md")) {
            let text = fs::read_to_string(&path).unwrap_or_default();
            if !headings(&text).any(|anchor| anchor == heading) {
                mistakes.push(format!("{}:{number}: `{target}`: no such heading", page.path));
            }
        }
    }
}

/// Line number and target of each `[text](target)` outside code.
fn link_targets(text: &str) -> impl Iterator<Item = (usize, &str)> {
    prose(text).flat_map(|(number, line)| {
        let outside_code = line.split('`').step_by(2);
        let targets = outside_code.flat_map(|part| {
            part.split("](")
                .skip(1)
                .filter_map(|rest| Some(rest.split_once(')')?.0))
        });
        // A link whose text is code, [`name`](file), is cut by the split; its target begins the next part.
        targets
            .map(move |target| (number, target.split(' ').next().unwrap_or(target)))
            .collect::<Vec<_>>()
    })
}

/// The anchors of a page's headings, as code forges make them: lower case, spaces as hyphens, no punctuation.
fn headings(text: &str) -> impl Iterator<Item = String> {
    prose(text)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
}

/// The lines outside fenced code, with their numbers from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(number, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((number + 1, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source {
            path: "crates/x/src/y.rs".into(),
            text: text.into(),
        }
    }

    #[test]
    fn a_file_without_a_header_is_a_mistake() {
        let mut mistakes = Vec::new();
        header(&source("use std::fs;\n"), &mut mistakes);
        header(&source("//! For this.\n"), &mut mistakes);
        assert_eq!(mistakes.len(), 1);
    }

    #[test]
    fn leftovers_are_found_in_code_and_not_in_comments() {
        let mut mistakes = Vec::new();
        let text = [
            concat!("    todo", "!();"),
            concat!("// a todo", "!() is refused"),
            concat!("dbg", "!(x)"),
        ]
        .join("\n");
        forbidden_in_rust(&source(&text), &mut mistakes);
        assert_eq!(mistakes.len(), 2);
    }

    #[test]
    fn a_path_of_one_machine_is_found_and_a_bare_folder_is_not() {
        let mut mistakes = Vec::new();
        let text = [concat!("cd /ro", "ot/.cargo"), concat!("leaks \"/ro", "ot/\"")].join("\n");
        machine_paths(&source(&text), &mut mistakes);
        assert_eq!(mistakes.len(), 1);
    }

    #[test]
    fn a_file_of_tests_that_nobody_compiles_is_found() {
        let file = |path: &str, text: &str| Source {
            path: path.into(),
            text: text.into(),
        };
        let rust = [
            file("crates/x/tests/it/main.rs", "//! x\nmod a;\nmod b;\n"),
            file("crates/x/tests/it/a.rs", ""),
            file("crates/x/tests/it/b/mod.rs", ""),
            file("crates/x/tests/it/b/helper.rs", ""),
            file("crates/x/tests/it/c.rs", ""),
        ];
        let mut mistakes = Vec::new();
        forgotten_tests(&rust, &mut mistakes);
        assert_eq!(
            mistakes,
            ["crates/x/tests/it/c.rs: `mod c;` is missing in crates/x/tests/it/main.rs"]
        );
    }

    #[test]
    fn links_are_read_outside_code_only() {
        let text = "see [a](x.md) and [`b`](y.md#z)\n```\n[c](no.md)\n```\n`[d](no.md)` [e](http://h/)\n";
        let targets: Vec<_> = link_targets(text).collect();
        assert_eq!(targets, [(1, "x.md"), (1, "y.md#z"), (5, "http://h/")]);
    }

    #[test]
    fn a_heading_becomes_the_anchor_that_a_browser_knows() {
        let text = "# The way of a request\n```\n# not one\n```\n## Keys, limits & `serve`\n";
        assert_eq!(
            headings(text).collect::<Vec<_>>(),
            ["the-way-of-a-request", "keys-limits--serve"]
        );
    }
}
