//! P6: money from outside: what each call costs by its own price, budgets that hold under concurrency and over a death,
//! and the reckoning of it all.

use futures_util::future::join_all;
use golive_lab::{Behaviour, Script, State, Usage};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::caller::{Answer, Ask};
use crate::gate::{Format, Gate, Setup};
use crate::world::{self, eventually};

/// A thousandth of a dollar for each token of the model `plain`, and for each of `claude`; two cents for each call of
/// the agent.
const PRICES: &str = "[prices.\"openai/lab-model\"]\ninput = \"1000 USD\"\noutput = \"1000 USD\"\n\
    [prices.\"anthropic/lab-model\"]\ninput = \"1000 USD\"\noutput = \"1000 USD\"\n\
    [prices.http]\nrequest = \"0.02 USD\"\n";

/// What a call costs that the lab answers with ten tokens for ten: 0.02 dollars.
const CALL: u64 = 20_000_000;

fn budget(scope: &str, amount: &str, more: &str) -> String {
    format!("[[budgets]]\nscope = \"{scope}\"\namount = \"{amount} USD\"\nper = \"month\"\n{more}\n")
}

/// A gate whose lab reports ten tokens for ten.
async fn start(config: &str) -> Gate {
    let gate = Setup::default().with(PRICES).with(config).start().await;
    ten_for_ten(&gate);
    gate
}

fn ten_for_ten(gate: &Gate) {
    let behaviour = Behaviour {
        usage: Some(Usage {
            input: 10,
            output: 10,
            ..Usage::default()
        }),
        ..Behaviour::default()
    };
    gate.lab
        .script("default", Script::behaving(behaviour))
        .expect("a script");
}

/// A call that names the most it wants to read, so that its bound is small.
fn short(gate: &Gate) -> Ask {
    gate.chat().with("max_tokens", 10)
}

#[track_caller]
fn is_over(answer: &Answer, whose: &str) {
    answer.is_error(Format::OpenAi, 429, "over_budget");
    assert!(answer.text().contains(whose), "{}", answer.text());
    assert_eq!(answer.header("x-should-retry"), "false", "{}", answer.text());
    let wait: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=31 * 86_400).contains(&wait), "{wait}");
}

fn nano(row: &Value) -> u64 {
    row["cost"]["nano_usd"].as_u64().unwrap_or(0)
}

async fn spent(gate: &Gate) -> u64 {
    gate.rows().await.iter().map(nano).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_is_priced_by_its_own_link_streamed_or_whole() {
    let gate = start("").await;
    for format in Format::ALL {
        for ask in [gate.call(format), gate.call(format).stream()] {
            let answer = ask.send().await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let row = gate.row(&answer.id()).await;
            assert_eq!(nano(&row), CALL, "{row}");
            // An agent's tokens are not reported: its cost is an estimate, though its price is known.
            let basis = if format == Format::Agent {
                "estimated"
            } else {
                "reported"
            };
            assert_eq!(row["cost"]["basis"], basis, "{row}");
        }
    }
    let told = "golive_cost_usd_total{callee=\"model/plain\",basis=\"reported\"}";
    gate.metric_is(told, 0.04).await;
    let failed = gate.chat().fault("status-500").send().await;
    let row = gate.row(&failed.id()).await;
    assert_eq!(
        (row["cost"]["nano_usd"].clone(), row["cost"]["basis"].clone()),
        (Value::Null, json!("none"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_price_a_call_is_served_its_cost_is_unknown_and_never_nothing() {
    let gate = Setup::default().start().await;
    let answer = gate.chat().send().await;
    let row = gate.row(&answer.id()).await;
    assert_eq!(
        (row["cost"]["nano_usd"].clone(), row["cost"]["basis"].clone()),
        (Value::Null, json!("unknown"))
    );
    gate.metric_is("golive_cost_unknown_requests_total{callee=\"model/plain\"}", 1.0)
        .await;
    let report = gate.command(&["cost", "--format", "json"]).await.json();
    assert_eq!(report["total"]["unknown"], 1);
    assert_eq!(report["total"]["reported_nano"], 0);
    assert!(
        report["notes"][0]
            .as_str()
            .expect("a note")
            .contains("no known price")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_budget_counts_an_unknown_price_is_refused_or_counts_as_the_dearest() {
    let budget = budget("global", "1000", "");
    let refusing = Setup::default().with(&budget).start().await;
    let answer = short(&refusing).send().await;
    answer.is_error(Format::OpenAi, 503, "price_unknown");
    assert_eq!(refusing.arrived(""), 0, "it was not sent");
    assert!(
        refusing.log().contains("nobody knows what this link costs"),
        "the operator is told"
    );
    // An agent over HTTP does not tell its tokens: what nobody can see is not counted, and `config check` says so.
    assert_eq!(refusing.call(Format::Agent).send().await.status, 200);
    let told = refusing.command(&["config", "check"]).await;
    assert!(
        told.err.contains("no budget can see what `http` costs"),
        "{}",
        told.err
    );
    let config = refusing.config();
    refusing.rewrite_config(&config.replace("[server]", "[money]\nunknown_price = \"dearest\"\n[server]"));
    refusing.signal(Signal::HUP);
    let answer = eventually("the new word", async || {
        let answer = short(&refusing).send().await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    let row = refusing.row(&answer.id()).await;
    assert_eq!(row["cost"]["basis"], "estimated");
    assert!(nano(&row) > 0, "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_at_once_spend_no_more_than_the_budget_and_what_was_refused_was_not_sent() {
    let gate = start(&budget("global", "0.5", "")).await;
    let mut served = 0;
    // Each may cost more than twice what it does, so a round leaves something for the next.
    for _ in 0..20 {
        let answers = join_all((0..64).map(|n| match n % 2 {
            0 => short(&gate).send(),
            _ => short(&gate).stream().send(),
        }))
        .await;
        served += answers.iter().filter(|answer| answer.status == 200).count();
        let all_known = answers.iter().all(|answer| matches!(answer.status, 200 | 429));
        assert!(all_known);
        if answers.iter().all(|answer| answer.status == 429) {
            break;
        }
    }
    let refused = short(&gate).send().await;
    is_over(&refused, "this service has a budget of 0.50 USD per month");
    assert!(refused.text().contains(" 00:00 UTC"), "{}", refused.text());
    let spent = spent(&gate).await;
    assert_eq!(spent, CALL * served as u64);
    // A call may cost 0.047: less than that is left, and never less than nothing.
    assert!(spent <= 500_000_000 && spent > 440_000_000, "{spent}");
    assert_eq!(gate.arrived(""), served);
    assert!(
        gate.metric("golive_budget_refused_total{budget=\"global-month\"}")
            .await
            >= 1.0
    );
    let used = gate
        .metric("golive_budget_used_ratio{budget=\"global-month\"}")
        .await;
    assert!((used - spent as f64 / 5e8).abs() < 1e-9, "{used}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_money_costs_neither_a_request_nor_tokens() {
    let limits = "[limits]\nuser = \"3/h\"\nglobal = \"off\"\n[limits.tokens]\nprincipal = \"1000/h\"\n";
    let gate = start(&(limits.to_owned() + &budget("user", "0.03", ""))).await;
    for _ in 0..5 {
        let answer = short(&gate).send().await;
        answer.is_error(Format::OpenAi, 429, "over_budget");
        assert!(
            answer.text().contains("This request may cost up to"),
            "{}",
            answer.text()
        );
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), "3");
        assert_eq!(answer.header("x-ratelimit-remaining-tokens"), "1000");
    }
    assert_eq!(spent(&gate).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_user_and_each_team_has_a_budget_of_its_own_and_who_has_nothing_left_is_told_before_the_body() {
    let keys = [world::key(), world::key()];
    let config = budget("user", "0.06", "")
        + &budget("team", "0.1", "only = [\"day\"]")
        + "[keys.one]\nkey_env = \"ONE\"\nteam = \"day\"\nmay_assert_users = true\n[keys.two]\nkey_env = \"TWO\"\nteam = \"night\"\n";
    let gate = Setup::default()
        .with(PRICES)
        .with(&config)
        .env("ONE", &keys[0])
        .env("TWO", &keys[1])
        .start()
        .await;
    ten_for_ten(&gate);
    let of = |key: usize, user: &str| {
        let ask = short(&gate).key(&keys[key]);
        if user.is_empty() {
            ask
        } else {
            ask.header("golive-user", user)
        }
    };
    assert_eq!(of(0, "ann").send().await.status, 200);
    is_over(
        &of(0, "ann").send().await,
        "this user has a budget of 0.06 USD per month, and 0.04 USD is left",
    );
    assert_eq!(of(0, "bob").send().await.status, 200);
    // The team has 0.06 left, and a call may cost 0.047 (its text is 5 bytes in a frame of 32, its answer 10 tokens).
    assert_eq!(of(0, "cid").send().await.status, 200);
    is_over(
        &of(0, "dan").send().await,
        "this key's team has a budget of 0.10 USD",
    );
    assert_eq!(
        of(1, "").send().await.status,
        200,
        "the other team is not counted"
    );
    // Used up to the last bit: the head is enough to know it.
    let config = gate.config().replace("\"0.06 USD\"", "\"0.02 USD\"");
    gate.rewrite_config(&config);
    gate.signal(Signal::HUP);
    eventually("the smaller budget", async || {
        of(1, "").send().await;
        let rows = gate.rows().await;
        rows.iter()
            .any(|row| row["outcome"] == "refused:count:over_budget")
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_remembered_over_a_restart_and_a_death_keeps_what_was_reserved() {
    let mut gate = start(&budget("global", "0.2", "")).await;
    short(&gate).send().await.said(Format::OpenAi);
    gate.stop().await;
    gate.start_again().await;
    // Under way when the process dies: it stands at the most it could have cost.
    let hanging = gate.chat().with("max_tokens", 80).fault("hang-before-headers");
    let _raw = hanging.on_a_socket().await;
    gate.arrivals("", State::Arrived, 2).await;
    eventually("an open row", async || {
        let rows = gate.rows().await;
        rows.iter().any(|row| row["outcome"] == "open").then_some(())
    })
    .await;
    gate.kill().await;
    gate.start_again().await;
    let lost = gate.row_with("lost").await;
    assert_eq!(lost["cost"]["basis"], "estimated");
    let reserved = nano(&lost);
    assert_eq!(
        reserved,
        1_000_000 * (80 + lost["tokens"]["input"].as_u64().expect("an input"))
    );
    // 0.2 less 0.02 less 0.117: one more call fits, a second does not.
    short(&gate).send().await.said(Format::OpenAi);
    is_over(&short(&gate).send().await, "this service");
    assert_eq!(spent(&gate).await, 2 * CALL + reserved);
}

#[tokio::test(flavor = "multi_thread")]
async fn near_its_end_a_budget_warns_in_a_header_and_once_in_the_log() {
    let gate = start(&budget("principal", "0.1", "name = \"keys\"\nwarn_at = \"40%\"")).await;
    let first = short(&gate).send().await;
    assert_eq!((first.status, first.header("golive-budget-warning")), (200, ""));
    let second = short(&gate).send().await;
    assert_eq!(
        second.header("golive-budget-warning"),
        "\"keys\";used=40",
        "{}",
        second.text()
    );
    let third = short(&gate).stream().send().await;
    assert_eq!(
        third.header("golive-budget-warning"),
        "\"keys\";used=40",
        "a stream's head is sent before its end"
    );
    gate.row(&third.id()).await;
    assert_eq!(
        gate.log().matches("a budget is nearly used up").count(),
        1,
        "{}",
        gate.log()
    );
    gate.metric_is("golive_budget_near_total{budget=\"keys\"}", 1.0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_pays_for_what_it_may_have_cost_and_a_failure_for_nothing() {
    let gate = start(&budget("global", "0.2", "")).await;
    let failed = short(&gate).fault("status-500").send().await;
    assert_eq!(failed.status, 500);
    let leaving = gate.chat().with("max_tokens", 80).fault("hang-before-headers");
    let raw = leaving.on_a_socket().await;
    gate.arrivals("", State::Arrived, 2).await;
    drop(raw);
    let row = gate.row_with("cancelled").await;
    assert_eq!(
        (nano(&row), row["cost"]["basis"].clone()),
        (117_000_000, json!("estimated"))
    );
    short(&gate).send().await.said(Format::OpenAi);
    short(&gate).send().await.said(Format::OpenAi);
    is_over(
        &short(&gate).send().await,
        "0.043 USD is left of it, while this request may cost up to 0.047 USD",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reckoning_says_what_a_month_will_cost_and_when_a_budget_is_used_up() {
    let gate = start(&budget("global", "25", "")).await;
    for _ in 0..30 {
        short(&gate).send().await.said(Format::OpenAi);
    }
    let report = gate
        .command(&["cost", "--from", "1d", "--format", "json"])
        .await
        .json();
    assert_eq!(report["schema"], "golive.cost/1");
    assert_eq!(report["total"]["requests"], 30);
    assert_eq!(report["total"]["reported_nano"], 30 * CALL);
    // Thirty calls of two cents in the one day that was asked for: 18 dollars a month, and 180 at ten times that.
    let month = |scale: usize| {
        report["projections"][scale]["month_mid"]
            .as_f64()
            .expect("a number")
    };
    assert!(
        (month(0) - 18.0).abs() < 0.01 && (month(2) - 180.0).abs() < 0.1,
        "{report}"
    );
    assert_eq!(report["by"]["callee"][0]["name"], "model/plain");
    assert_eq!(report["by"]["link"][0]["name"], "openai/lab-model");
    let budget = &report["budgets"][0];
    assert_eq!(budget["name"], "global-month");
    assert!(
        budget["used_up_after"][0]["days"].is_null(),
        "18 of 25 dollars: it holds"
    );
    let days = budget["used_up_after"][2]["days"].as_f64().expect("days");
    assert!((days - 25.0 / 6.0).abs() < 0.01, "{days}");
    let text = gate.command(&["cost"]).await.good();
    assert!(
        text.contains("worst runaway hour") && text.contains("10×"),
        "{text}"
    );
    let row = gate.rows().await[0].clone();
    let explained = gate
        .command(&["explain", row["id"].as_str().expect("an id")])
        .await
        .good();
    assert!(
        explained.contains("0.02 USD (reported)") && explained.contains("cost 0.02 USD"),
        "{explained}"
    );
    assert!(gate.command(&["ledger"]).await.good().contains("0.02 USD"));
    assert_eq!(gate.command(&["cost", "--from", "yesterday"]).await.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_others_is_taken_over_and_goes_before_the_shipped_one() {
    let folder = world::folder();
    let config = "[upstreams.openai]\nkind = \"openai\"\nbase_url = \"https://api.openai.com/v1\"\n\
        [agents.support]\nchain = [\"openai/gpt-4o\"]\n";
    std::fs::write(folder.path().join("golive.toml"), config).expect("a file");
    let table = json!({
        "gpt-4o": { "litellm_provider": "openai", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06 },
        "other": { "litellm_provider": "elsewhere", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06 },
        "picture": { "litellm_provider": "openai", "output_cost_per_image": 0.04 },
    });
    std::fs::write(folder.path().join("theirs.json"), table.to_string()).expect("a file");
    let key = [("GOLIVE_MASTER_KEY", world::MASTER_KEY)];
    let run = async |args: &[&str]| world::run(folder.path(), args, &key).await;
    let listed = run(&["prices", "list", "--format", "json"]).await.json();
    assert_eq!(
        (listed[0]["input"].clone(), listed[0]["from"].clone()),
        (json!("2.50 USD"), json!("shipped"))
    );
    let told = run(&[
        "prices",
        "import",
        "theirs.json",
        "--only",
        "openai",
        "--date",
        "2026-11-20",
        "--format",
        "json",
    ])
    .await
    .json();
    assert_eq!(
        (told["prices"].clone(), told["left_out"].clone()),
        (json!(1), json!(1))
    );
    assert_eq!(told["shipped_that_differ"], json!(["openai/gpt-4o"]));
    std::fs::write(
        folder.path().join("golive.toml"),
        format!("{config}[money]\nprices_file = \"prices.json\"\n"),
    )
    .expect("a file");
    let listed = run(&["prices", "list", "--format", "json"]).await.json();
    assert_eq!(
        (listed[0]["input"].clone(), listed[0]["date"].clone()),
        (json!("1 USD"), json!("2026-11-20"))
    );
    assert_eq!(run(&["prices", "import", "golive.toml"]).await.code, 1);
    assert_eq!(run(&["prices", "import", "nowhere.json"]).await.code, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_who_asked_for_it_see_the_cost_on_the_answer_and_nobody_else_does() {
    let gate = start("[server]\ndiagnostics = true").await;
    let answer = short(&gate).send().await;
    assert_eq!(
        answer.header("golive-cost"),
        "0.02 USD;basis=reported",
        "{}",
        answer.text()
    );
    let gate = start("").await;
    assert_eq!(short(&gate).send().await.header("golive-cost"), "");
}
