//! S1: the table of keys, the walk, the page, the schema and the starter file say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;
use crate::load::meant;
use crate::mistake::Mistakes;
use crate::walk::Need;

/// One of each table, as small as possible.
const SMALLEST: &str = r#"
    [server]
    certificate_file = "chain.pem"
    private_key_file = "key.pem"
    client_ca_file = "clients.pem"
    [upstreams.up]
    kind = "openai"
    api_key_env = "UP_KEY"
    [agents.one]
    chain = ["up/m"]
    [agents.one.messages.en]
    [models.two]
    chain = ["up/m"]
    [models.two.messages.en]
    [messages.en]
    [tools.pay]
    [prices.m]
    input = "1 USD"
    output = "1 USD"
    [[budgets]]
    scope = "global"
    amount = "25 USD"
    per = "day"
    [screening.kinds.STAFF]
    pattern = "EMP-[0-9]{6}"
    examples = ["EMP-004711"]
    [screens.outside]
    kind = "webhook"
    url = "https://screen.example/look"
    [admin]
    listen = "127.0.0.1:8082"
    [keys.caller]
    key_env = "CALLER_KEY"
    [limits.teams.support]
    [webhooks.desk]
    kind = "generic"
    url = "https://desk.example/golive"
    secret_env = "UP_KEY"
    [issuers.idp]
    issuer = "https://id.example"
    audience = ["golive"]
    [certificates.mesh]
    san = ["dns:mesh.example"]
    [targets.local]
    url = "https://target.example/v1"
    model = "one"
    credentials.user.key_env = "UP_KEY"
    issuer.roles.user.claim = ["user"]
    certificates.user = { cert_file = "c.pem", key_file = "k.pem" }
    matrix.user.may = ["model:one"]
"#;

/// `upstreams.*.kind` with the names of `SMALLEST`.
fn concrete(path: &str) -> String {
    path.replace("upstreams.*", "upstreams.up")
        .replace("agents.*", "agents.one")
        .replace("models.*", "models.two")
        .replace("messages.*", "messages.en")
        .replace("keys.*", "keys.caller")
        .replace("limits.teams.*", "limits.teams.support")
        .replace("issuers.*", "issuers.idp")
        .replace("screening.kinds.*", "screening.kinds.STAFF")
        .replace("screens.*", "screens.outside")
        .replace("certificates.*", "certificates.mesh")
        .replace("tools.*", "tools.pay")
        .replace("prices.*", "prices.m")
        .replace("webhooks.*", "webhooks.desk")
        .replace("targets.*", "targets.local")
        .replace("credentials.*", "credentials.user")
        .replace("roles.*", "roles.user")
        .replace("certificates.*", "certificates.user")
        .replace("matrix.*", "matrix.user")
}

fn walked(text: &str) -> (crate::Config, BTreeSet<String>, Mistakes) {
    let key = "glv_live_a1Ba1Ba1Ba1Ba1Ba1Ba1Ba1Ba1Ba1Ba1Ba1Ba1Ba1Ba";
    let master = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let variables = [
        ("UP_KEY", "up-secret"),
        ("CALLER_KEY", key),
        ("GOLIVE_MASTER_KEY", master),
    ];
    let environment: BTreeMap<String, String> = variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut mistakes = Mistakes::default();
    // The prover's need: nothing here is about secrets and files.
    let (config, asked) = meant(
        Path::new("golive.toml"),
        Path::new("/nowhere"),
        text,
        &environment,
        Need::Prover,
        &mut mistakes,
    );
    (config, asked, mistakes)
}

/// `SMALLEST` with the value at `path` set.
fn with(path: &str, literal: &str) -> String {
    let mut table: toml::Table = SMALLEST.parse().unwrap();
    let value: toml::Table = format!("value = {literal}")
        .parse()
        .unwrap_or_else(|why| panic!("{path}: {why}"));
    let (steps, name) = path.rsplit_once('.').unwrap();
    let empty = || toml::Value::Table(toml::Table::new());
    let mut steps = steps.split('.').peekable();
    let mut at = &mut table;
    while let Some(step) = steps.next() {
        let mut inner = at.entry(step).or_insert_with(empty);
        if steps.next_if_eq(&"[]").is_some() {
            inner = &mut inner.as_array_mut().unwrap()[0];
        }
        at = inner.as_table_mut().unwrap();
    }
    at.insert(name.to_owned(), value["value"].clone());
    toml::to_string(&table).unwrap()
}

#[test]
fn the_walk_asks_for_every_key_of_the_table_and_for_no_other() {
    let (_, asked, mistakes) = walked(SMALLEST);
    assert!(mistakes.is_empty(), "{mistakes}");
    let documented: BTreeSet<String> = paths().map(|(path, _)| path).collect();
    assert_eq!(asked, documented);
}

#[test]
fn no_key_stands_twice() {
    let all: Vec<String> = paths().map(|(path, _)| path).collect();
    let distinct: BTreeSet<&String> = all.iter().collect();
    assert_eq!(all.len(), distinct.len());
}

#[test]
fn a_default_written_out_changes_nothing() {
    let (plain, _, _) = walked(SMALLEST);
    for (path, key) in paths() {
        let Preset::Is(preset) = key.preset else { continue };
        let (explicit, _, mistakes) = walked(&with(&concrete(&path), preset));
        let errors: Vec<_> = mistakes.iter().filter(|mistake| !mistake.warning).collect();
        assert!(errors.is_empty(), "{path}: {errors:?}");
        assert_eq!(explicit.show_json(), plain.show_json(), "{path}");
    }
}

#[test]
fn every_example_is_of_its_type_and_in_its_range() {
    for (path, key) in paths() {
        assert!(schema::as_json(key.example).is_some(), "{path}");
        let (_, _, mistakes) = walked(&with(&concrete(&path), key.example));
        let form = [
            "wrong_type",
            "bad_value",
            "out_of_range",
            "unknown_key",
            "bad_variable",
            "public_range",
            "forbidden_header",
        ];
        let bad: Vec<_> = mistakes
            .iter()
            .filter(|mistake| form.contains(&mistake.code))
            .collect();
        assert!(bad.is_empty(), "{path}: {bad:?}");
    }
}

#[test]
fn every_key_stands_in_the_schema_with_its_words() {
    let schema = schema();
    for (path, key) in paths() {
        let mut at = &schema;
        for step in path.split('.') {
            at = if step == "*" {
                &at["additionalProperties"]
            } else if step == "[]" {
                &at["items"]
            } else {
                &at["properties"][step]
            };
        }
        assert_eq!(at["description"], key.doc, "{path}");
        assert!(at["type"].is_string() || at["type"].is_array(), "{path}");
    }
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(
        schema["properties"]["agents"]["additionalProperties"]["required"],
        serde_json::json!(["chain"])
    );
}

#[test]
fn every_key_appears_in_the_starter_file_and_its_comments_are_true() {
    let starter = crate::starter_config();
    let (_, rest) = starter.split_once("# Everything there is").unwrap();
    // Commented-out lines begin with `#` and no space: taken in, they must be a good file.
    let taken_in: String = rest
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| !line.starts_with([' ', '-']))
        .fold(String::new(), |text, line| text + line + "\n");
    let table: toml::Table = taken_in.parse().unwrap_or_else(|why| panic!("{why}\n{taken_in}"));
    for (path, _) in paths() {
        let (section, name) = path.rsplit_once('.').unwrap();
        let path = format!("{}.{name}", with_names(section));
        let steps = path.split('.').collect::<Vec<_>>();
        let mut at = Some(&table);
        for step in &steps[..steps.len() - 1] {
            if *step == "[]" {
                continue; // the step before it went into the first of the list
            }
            at = at
                .and_then(|table| table.get(*step))
                .and_then(|value| match value {
                    toml::Value::Array(list) => list.first().and_then(toml::Value::as_table),
                    other => other.as_table(),
                });
        }
        assert!(
            at.is_some_and(|table| table.contains_key(steps[steps.len() - 1])),
            "{path}"
        );
    }
    let (_, _, mistakes) = walked(&taken_in);
    let form = [
        "wrong_type",
        "bad_value",
        "unknown_key",
        "syntax",
        "literal_secret",
    ];
    let bad: Vec<_> = mistakes
        .iter()
        .filter(|mistake| form.contains(&mistake.code))
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn the_committed_page_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/config.md");
    if std::env::var_os("GOLIVE_WRITE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, page()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page(),
        "run: GOLIVE_WRITE_DOCS=1 cargo nextest run -p golive-config the_committed_page"
    );
}
