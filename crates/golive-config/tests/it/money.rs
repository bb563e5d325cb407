//! P6: what a file says of money, and what it is told when it says it wrongly.

use golive_config::prices::{Counts, Origin};
use golive_config::{BudgetScope, NanoUsd, Period, UnknownPrice};

use crate::world::{ROUTE, World, place_of};

const OPENAI: &str = "[upstreams.openai]\nkind = \"openai\"\napi_key_env = \"K\"\n[agents.support]\nchain = [\"openai/gpt-4o\"]\n";

fn world(text: &str) -> World {
    World::new(text).set("K", "k")
}

#[track_caller]
fn refused(text: &str, code: &str, at: &str, help: &str) {
    let text = format!("{text}\n{ROUTE}");
    let mistake = World::new(&text).mistake();
    assert_eq!(mistake.code, code, "{mistake}");
    assert_eq!((mistake.line, mistake.column), place_of(&text, at), "{mistake}");
    let said = mistake.help.unwrap_or_default();
    assert!(said.contains(help), "{said}");
}

fn thousand() -> Counts {
    Counts {
        input: 1000,
        output: 1000,
        ..Counts::default()
    }
}

#[test]
fn budgets_and_prices_are_read_as_they_are_meant() {
    let text = format!(
        "{OPENAI}\
         [money]\ntime_zone = \"+05:30\"\nunknown_price = \"dearest\"\n\
         [prices.\"openai/gpt-4o\"]\nlike = \"openai/gpt-4o\"\noutput = \"12 USD\"\n\
         [[budgets]]\nscope = \"user\"\namount = \"2 USD\"\nper = \"day\"\n\
         [[budgets]]\nscope = \"agent\"\nonly = [\"support\"]\namount = \"100 USD\"\nper = \"month\"\nwarn_at = \"off\"\n\
         [[budgets]]\nname = \"all\"\nscope = \"global\"\namount = \"25 USD\"\nper = \"24h\"\nwarn_at = \"50%\"\n"
    );
    let config = world(&text).config();
    assert_eq!(config.money.unknown_price, UnknownPrice::Dearest);
    assert_eq!(config.money.offset_s, 19_800);
    let names: Vec<&str> = config.budgets.iter().map(|budget| budget.name.as_str()).collect();
    assert_eq!(names, ["user-day", "agent-month", "all"]);
    let all = &config.budgets[2];
    assert_eq!((all.scope, all.warn_percent), (BudgetScope::Global, 50));
    assert_eq!(all.amount, NanoUsd(25_000_000_000));
    assert!(matches!(all.period, Period::Rolling(length) if length.as_secs() == 86_400));
    assert_eq!(config.budgets[1].only, ["support"]);
    let link = &config.agents["support"].chain[0];
    let found = config.money.prices.of(link).unwrap();
    assert_eq!(found.origin, Origin::Config);
    assert_eq!(found.price.cost(&thousand()).to_string(), "0.0145 USD");
    assert!(found.price.date.is_some(), "the table's own day stands");
}

#[test]
fn a_provider_has_the_shipped_prices_and_a_server_of_ones_own_has_none_whatever_its_model_is_called() {
    let config = world(OPENAI).config();
    let found = config
        .money
        .prices
        .of(&config.agents["support"].chain[0])
        .unwrap();
    assert_eq!(
        (found.origin, found.price.cost(&thousand()).to_string()),
        (Origin::Shipped, "0.0125 USD".into())
    );
    let own = OPENAI.replace("api_key_env = \"K\"", "base_url = \"https://llm.example/v1\"");
    let config = world(&own).config();
    assert!(
        config
            .money
            .prices
            .of(&config.agents["support"].chain[0])
            .is_none()
    );
    let said = format!("{own}[prices.gpt-4o]\ninput = \"0 USD\"\noutput = \"0 USD\"\n");
    let config = world(&said).config();
    let found = config
        .money
        .prices
        .of(&config.agents["support"].chain[0])
        .unwrap();
    assert_eq!(found.price.cost(&thousand()), NanoUsd(0), "it says so itself");
}

#[test]
fn an_imported_table_goes_before_the_shipped_one() {
    let world = world(&format!("{OPENAI}[money]\nprices_file = \"prices.json\"\n"));
    world.write(
        "prices.json",
        r#"{"date": "2026-11-20", "prices": {"openai/gpt-4o": {"input": "1", "output": 2}}}"#,
    );
    let config = world.config();
    let found = config
        .money
        .prices
        .of(&config.agents["support"].chain[0])
        .unwrap();
    assert_eq!(
        (found.origin, found.price.cost(&thousand()).to_string()),
        (Origin::File, "0.003 USD".into())
    );
    world.write("prices.json", r#"{"prices": {"openai/gpt-4o": {"input": "1"}}}"#);
    let mistake = world.mistake();
    assert_eq!(mistake.code, "unreadable_file");
    assert!(
        mistake
            .message
            .contains("`openai/gpt-4o`: it needs `input` and `output`"),
        "{mistake}"
    );
}

#[test]
fn what_a_budget_cannot_see_is_warned_of_and_without_a_budget_nobody_is_bothered() {
    let budget = "[[budgets]]\nscope = \"global\"\namount = \"1 USD\"\nper = \"day\"\n";
    let unknown = World::new(&format!("{ROUTE}{budget}"));
    assert_eq!(unknown.warnings(), ["unpriced"]);
    assert!(World::new(ROUTE).warnings().is_empty());
    let free = "[prices.\"lab/canned\"]\ninput = \"0 USD\"\noutput = \"0 USD\"\n";
    assert!(
        World::new(&format!("{ROUTE}{free}{budget}"))
            .warnings()
            .is_empty()
    );
    let old = free
        .replace("\n[", "\ndate = \"2020-01-01\"\n[")
        .replace("output", "date = \"2020-01-01\"\noutput");
    assert_eq!(
        World::new(&format!("{ROUTE}{old}{budget}")).warnings(),
        ["stale_price"]
    );
    let slip = free.replace("canned", "caned");
    assert_eq!(World::new(&format!("{ROUTE}{slip}")).warnings(), ["unused"]);
}

#[test]
fn each_slip_is_told_with_its_place_and_how_to_write_it() {
    let budget = |rest: &str| format!("[[budgets]]\nscope = \"global\"\namount = \"1 USD\"\n{rest}");
    refused(
        &budget("per = \"fortnight\""),
        "bad_value",
        "\"fortnight\"",
        "write \"day\"",
    );
    refused(&budget("per = \"5s\""), "out_of_range", "\"5s\"", "1m to 400d");
    refused(
        &budget("per = \"day\"\nwarn_at = \"0.8\""),
        "bad_value",
        "\"0.8\"",
        "\"80%\"",
    );
    refused(
        &budget("per = \"day\"\nonly = [\"x\"]"),
        "no_effect",
        "[\"x\"]",
        "users are known by hash",
    );
    refused(
        &budget("per = \"day\"\nammount = 1"),
        "unknown_key",
        "ammount",
        "did you mean `amount`?",
    );
    refused(
        "[[budgets]]\nscope = \"agent\"\nonly = [\"suport\"]\namount = \"1 USD\"\nper = \"day\"",
        "dangling_name",
        "\"suport\"",
        "did you mean `support`?",
    );
    refused(
        "[[budgets]]\nscope = \"user\"\namount = \"0 USD\"\nper = \"day\"",
        "out_of_range",
        "\"0 USD\"",
        "at least",
    );
    refused(
        "[[budgets]]\nscope = \"user\"\namount = \"25\"\nper = \"day\"",
        "bad_value",
        "\"25\"",
        "amount of money",
    );
    refused(
        "[budgets]\nscope = \"user\"",
        "wrong_type",
        "[budgets]",
        "[[budgets]]",
    );
    refused(
        "[store]\nretention_content = \"7d\"\nretention_ledger = \"7d\"\n[[budgets]]\nscope = \"user\"\namount = \"1 USD\"\nper = \"month\"",
        "forgotten",
        "\"month\"",
        "retention_ledger",
    );
    refused(
        "[money]\ntime_zone = \"Europe/Oslo\"",
        "bad_value",
        "\"Europe/Oslo\"",
        "+01:00",
    );
    refused(
        "[prices.\"lab/canned\"]\nlike = \"openai/gpt-4oo\"",
        "dangling_name",
        "\"openai/gpt-4oo\"",
        "did you mean",
    );
    refused(
        "[prices.\"lab/canned\"]\ninput = \"1 USD\"",
        "missing_key",
        "\"lab/canned\"",
        "give both",
    );
    refused(
        "[prices.\"lab/canned\"]\ninput = \"1 USD\"\noutput = \"-1 USD\"",
        "out_of_range",
        "\"-1 USD\"",
        "",
    );
    refused(
        "[prices.\"lab/canned\"]\ninput = \"1 USD\"\noutput = \"1 USD\"\ninput_long = \"2 USD\"",
        "missing_key",
        "\"2 USD\"",
        "long_from",
    );
}

#[test]
fn two_budgets_of_one_name_are_refused() {
    let twice = "[[budgets]]\nscope = \"user\"\namount = \"1 USD\"\nper = \"day\"\n".repeat(2);
    let mistake = World::new(&format!("{ROUTE}{twice}")).mistakes();
    assert!(
        mistake.iter().any(|mistake| mistake.code == "same_name"),
        "{mistake}"
    );
}
