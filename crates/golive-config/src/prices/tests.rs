//! P6: the shipped table holds together, names are found and no others, and other people's tables are read right.

use proptest::prelude::*;

use super::*;

#[test]
fn the_shipped_table_is_whole_dated_and_says_where_each_price_comes_from() {
    let table = PriceTable::read(include_str!("shipped.json")).unwrap();
    assert_eq!(&table, PriceTable::shipped());
    assert!(
        table.len() > 200 && table.date.is_some() && table.notice.contains("MIT"),
        "{}",
        table.notice
    );
    for (name, price) in table.iter() {
        assert!(name.contains('/'), "{name}");
        assert!(price.date.is_some(), "{name}");
        assert!(
            price
                .source
                .as_deref()
                .is_some_and(|source| source.starts_with("https://")),
            "{name}"
        );
        let costs = price.rates.own(Part::Input).unwrap().0 + price.rates.own(Part::Output).unwrap().0;
        assert!(costs > 0, "{name}: no model of a provider is free");
        // A slip of a power of ten would stand out: nothing costs more than 1000 dollars a million.
        assert!(price.at_most(1_000_000, 0).dollars() <= 1000.0, "{name}");
    }
}

#[test]
fn a_dated_name_is_found_by_its_own_entry_or_the_plain_one_and_no_other_name_is() {
    let table = PriceTable::shipped();
    let input = |name: &str| {
        table
            .get(name)
            .and_then(|price| price.rates.own(Part::Input))
            .map(|price| price.0)
    };
    assert_eq!(input("openai/gpt-4o"), Some(2_500_000));
    assert_eq!(
        input("openai/gpt-4o-2024-05-13"),
        Some(5_000_000),
        "it was dearer"
    );
    assert_eq!(input("openai/gpt-4o-2099-01-01"), Some(2_500_000));
    assert_eq!(input("anthropic/claude-sonnet-4-6-20990101"), Some(3_000_000));
    assert_eq!(input("openai/gpt-4.1-latest"), input("openai/gpt-4.1"));
    for name in [
        "openai/gpt-4o-2024-13-01",
        "openai/gpt-4o-realtime-preview",
        "openai/gpt",
        "gpt-4o",
        "",
        "-latest",
    ] {
        assert_eq!(input(name), None, "{name}");
    }
}

#[test]
fn a_table_is_written_as_it_is_read() {
    let table = PriceTable::shipped();
    assert_eq!(&PriceTable::read(&table.write()).unwrap(), table);
}

#[test]
fn a_wrong_table_is_refused_with_the_entry_that_is_wrong() {
    for (text, hint) in [
        ("", "not a table of prices"),
        ("[]", "no object `prices`"),
        (
            r#"{"prices": {"a/b": {"input": "1"}}}"#,
            "`a/b`: it needs `input` and `output`",
        ),
        (
            r#"{"prices": {"a/b": {"input": "1", "output": "x"}}}"#,
            "`x` is not a price",
        ),
        (r#"{"prices": {"a/b": {"input": "-1", "output": 1}}}"#, "negative"),
        (
            r#"{"prices": {"a/b": {"input": 1, "output": 1, "outptu": 1}}}"#,
            "`outptu` is not known",
        ),
        (r#"{"date": "soon", "prices": {}}"#, "not a date"),
        (
            r#"{"prices": {"a/b": {"input": 1, "output": 1, "above": [{"input": 2}]}}}"#,
            "needs `tokens`",
        ),
    ] {
        let message = PriceTable::read(text).unwrap_err().to_string();
        assert!(message.contains(hint), "{text}: {message}");
    }
}

#[test]
fn litellms_table_is_read_with_its_tiers_and_its_floats() {
    let text = r#"{
        "sample_spec": {"litellm_provider": "one of", "input_cost_per_token": 0.0},
        "gpt-x": {"litellm_provider": "openai", "input_cost_per_token": 2.5e-06, "output_cost_per_token": 0.00015000000000000001,
            "cache_read_input_token_cost": 1.25e-07, "input_cost_per_token_above_200k_tokens": 5e-06,
            "output_cost_per_token_above_200k_tokens": 3e-04, "input_cost_per_token_batches": 1e-06, "source": "https://x.example"},
        "gemini/pro": {"litellm_provider": "gemini", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
        "embed": {"litellm_provider": "openai", "input_cost_per_token": 2e-08, "mode": "embedding"},
        "dall-e": {"litellm_provider": "openai", "input_cost_per_pixel": 1e-08}
    }"#;
    let imported = import(text, 20_000).unwrap();
    assert_eq!(
        (imported.form, imported.left_out, imported.table.len()),
        ("litellm", 2, 3)
    );
    let gpt = imported.table.get("openai/gpt-x").unwrap();
    assert_eq!(
        gpt.rates.own(Part::Output),
        Some(golive_checklist::unit::MicroUsd(150_000_000))
    );
    assert_eq!(
        gpt.rates.own(Part::CachedInput),
        Some(golive_checklist::unit::MicroUsd(125_000))
    );
    assert_eq!((gpt.above.len(), gpt.above[0].tokens), (1, 200_000));
    assert_eq!(gpt.date, Some(20_000));
    assert!(imported.table.get("google/pro").is_some() && imported.table.get("openai/embed").is_some());
    assert_eq!(PriceTable::read(&imported.table.write()).unwrap(), imported.table);
}

#[test]
fn models_devs_table_is_read_per_million() {
    let text = r#"{"openai": {"id": "openai", "models": {
        "gpt-x": {"cost": {"input": 2.5, "output": 10, "cache_read": 1.25, "reasoning": 12, "input_audio": 40,
            "context_over_200k": {"input": 5, "output": 15}}},
        "free-of-cost-data": {"limit": {}}
    }}}"#;
    let imported = import(text, 1).unwrap();
    assert_eq!((imported.form, imported.left_out), ("models.dev", 1));
    let counts = Counts {
        input: 1_000_000,
        output: 1_000_000,
        ..Counts::default()
    };
    assert_eq!(
        imported
            .table
            .get("openai/gpt-x")
            .unwrap()
            .cost(&counts)
            .to_string(),
        "20 USD"
    );
}

#[test]
fn what_is_no_table_is_refused() {
    for text in [
        "",
        "7",
        "{}",
        r#"{"a": {"b": 1}}"#,
        r#"{"a": {"litellm_provider": "x"}}"#,
    ] {
        assert!(import(text, 0).is_err(), "{text}");
    }
}

#[test]
fn the_dearest_price_is_at_least_every_price() {
    let dearest = Prices::default().dearest();
    for (name, price) in PriceTable::shipped().iter() {
        assert!(
            price.at_most(300_000, 1000) <= dearest.at_most(300_000, 1000),
            "{name}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,80}|\\{\"prices\": \\{\"a\": [\\[\\]{}\"a-z0-9:,.]{0,40}\\}\\}") {
        let _ = PriceTable::read(&text);
        let _ = import(&text, 0);
    }
}
