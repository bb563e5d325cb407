//! How mistakes look: underlined for people, as JSON for programs.

use crate::world::World;

// golive:allow-secret made up for this test
const TEXT: &str = "# my gateway\n[server]\nlisten = \"0.0.0.0:8080\"\ndrian = \"30s\"\n\n[upstreams.openai]\nkind = \"openai\"\napi_key = \"sk-hunter2hunter2hunter2\"\n\n[agents.support]\nchain = [\"opneai/gpt-4o\"]\n\n[limits]\nuser = \"100 per hour\"\n";

fn without_folder(world: &World, text: &str) -> String {
    text.replace(&format!("{}/", world.folder.path().display()), "")
}

#[test]
fn a_person_sees_each_mistake_underlined_with_its_help() {
    let world = World::new(TEXT);
    let mistakes = world.mistakes();
    insta::assert_snapshot!(without_folder(&world, &mistakes.render(false)));
}

#[test]
fn a_program_sees_file_line_column_and_help() {
    let world = World::new(TEXT);
    let json = serde_json::to_string_pretty(&world.mistakes().to_json()).unwrap();
    insta::assert_snapshot!(without_folder(&world, &json));
}

#[test]
fn a_log_line_names_file_line_and_column() {
    let world = World::new("[server]\ndrian = 1\n[agents.a]\nchain = 2");
    let text = world.load().unwrap_err().to_string();
    let lines: Vec<String> = without_folder(&world, &text).lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "golive.toml:2:1: unknown key `drian` in `[server]`");
    assert!(
        lines[1].starts_with("golive.toml:4:9: `agents.a.chain` takes a list"),
        "{lines:?}"
    );
}

#[test]
fn colours_come_only_when_asked_for() {
    let mistakes = World::new(TEXT).mistakes();
    assert!(!mistakes.render(false).contains('\u{1b}'));
    assert!(mistakes.render(true).contains('\u{1b}'));
}

#[test]
fn control_characters_of_the_file_do_not_reach_the_terminal() {
    let mistakes =
        World::new("[server]\nlisten = 1 # \u{7f}\u{9b}31m \u{202e}\n\"\\u001b[31m\" = 1\n").mistakes();
    let shown = format!("{}{mistakes}", mistakes.render(false));
    assert!(
        !shown.contains(['\u{1b}', '\u{7f}', '\u{9b}', '\u{202e}']),
        "{shown:?}"
    );
}

#[test]
fn the_column_counts_characters_and_the_span_bytes() {
    let mistake = World::new("[agents.a]\nchain = [\"é\u{1F600}/x\", 1]\n")
        .mistakes()
        .iter()
        .last()
        .unwrap()
        .clone();
    assert_eq!((mistake.line, mistake.column), (2, 18));
    assert_eq!(mistake.span, 32..33);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_makes_the_loader_or_the_printer_fall(
        lines in proptest::collection::vec("(\\[[a-z.*]{0,12}\\]|[a-z_.]{1,10} ?= ?(\"[^\n]{0,12}|[0-9]{1,20}|\\[[^\n]{0,10}|\\{[^\n]{0,10}|true)|[^\n]{0,20})", 0..8)
    ) {
        let world = World::new(&lines.join("\n"));
        if let Err(error) = world.load() {
            let text = std::fs::read_to_string(world.config_file()).unwrap();
            for mistake in error.mistakes().unwrap() {
                proptest::prop_assert!(mistake.line >= 1 && mistake.column >= 1);
                proptest::prop_assert!(mistake.span.end <= text.len());
            }
            proptest::prop_assert!(!error.render(true).is_empty());
        }
    }
}
