//! S2: limits of teams, agents and tokens, several windows at once, from outside and over a restart.

use futures_util::future::join_all;
use golive_lab::State;
use rustix::process::Signal;

use crate::caller::{Answer, Ask};
use crate::gate::{Format, Gate, Setup};
use crate::world;

/// What a header tells as a number.
#[track_caller]
fn number(answer: &Answer, name: &str) -> u64 {
    let value = answer.header(name);
    value
        .trim_end_matches('s')
        .parse()
        .unwrap_or_else(|_| panic!("{name}: `{value}`"))
}

#[track_caller]
fn is_over(answer: &Answer, format: Format, whose: &str) {
    answer.is_error(format, 429, "rate_limit_exceeded");
    assert!(answer.text().contains(whose), "{}", answer.text());
    assert!(number(answer, "retry-after") >= 1);
}

/// A call that names the most it wants to read, so that its bound is known.
fn short(gate: &Gate) -> Ask {
    gate.chat().with("max_tokens", 20)
}

/// Input and output tokens of all rows.
async fn tokens_of(gate: &Gate) -> u64 {
    let rows = gate.rows().await;
    let count = |name: &str| {
        rows.iter()
            .filter_map(|row| row["tokens"][name].as_u64())
            .sum::<u64>()
    };
    count("input") + count("output")
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_windows_every_one_holds_and_the_headers_tell_them_apart() {
    let gate = Setup::default()
        .with("[limits]\nuser = [\"4/2s\", \"6/h\"]\nglobal = \"off\"")
        .start()
        .await;
    let answers = join_all((0..64).map(|_| gate.chat().send())).await;
    let admitted: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(admitted.len(), 4);
    assert_eq!(
        admitted[0].header("ratelimit-policy"),
        "\"user-1h\";q=6;w=3600, \"user-2s\";q=4;w=2"
    );
    let refused = gate.chat().send().await;
    is_over(&refused, Format::OpenAi, "this user");
    assert!(refused.text().contains("4 requests per 2s"), "{}", refused.text());
    assert_eq!(number(&refused, "x-ratelimit-limit-requests"), 4);
    for left in [1, 0] {
        let answer = world::eventually("the short window to slide", async || {
            let answer = gate.chat().send().await;
            (answer.status == 200).then_some(answer)
        })
        .await;
        assert!(
            answer
                .header("ratelimit")
                .contains(&format!("\"user-1h\";r={left};"))
        );
    }
    let hour = gate.chat().send().await;
    is_over(&hour, Format::OpenAi, "this user");
    assert!(hour.text().contains("6 requests per 1h"), "{}", hour.text());
    assert_eq!(hour.header("x-should-retry"), "false", "no SDK waits for an hour");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_shares_its_limit_and_nobody_else_does() {
    let keys = [world::key(), world::key(), world::key()];
    let config = "[limits]\nuser = \"off\"\nglobal = \"off\"\nteam = \"5/h\"\n[limits.teams.night]\nrequests = \"2/h\"\n\
                  [keys.one]\nkey_env = \"ONE\"\nteam = \"day\"\n[keys.two]\nkey_env = \"TWO\"\nteam = \"day\"\n\
                  [keys.three]\nkey_env = \"THREE\"\nteam = \"night\"";
    let mut gate = Setup::default()
        .with(config)
        .env("ONE", &keys[0])
        .env("TWO", &keys[1])
        .env("THREE", &keys[2])
        .start()
        .await;
    let calls = (0..64).map(|n| gate.chat().key(&keys[n % 2]).send());
    let answers = join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 5);
    for key in &keys[..2] {
        is_over(
            &gate.chat().key(key).send().await,
            Format::OpenAi,
            "this key's team",
        );
    }
    gate.chat().key(&keys[2]).send().await.said(Format::OpenAi);
    gate.chat().send().await.said(Format::OpenAi); // `main` has no team
    gate.stop().await;
    gate.start_again().await;
    is_over(
        &gate.chat().key(&keys[0]).send().await,
        Format::OpenAi,
        "this key's team",
    );
    gate.chat().key(&keys[2]).send().await.said(Format::OpenAi);
    is_over(
        &gate.chat().key(&keys[2]).send().await,
        Format::OpenAi,
        "this key's team",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_limit_is_everybodys_and_is_used_up_only_by_those_who_may_call_it() {
    let other = world::key();
    let config = "[limits]\nuser = \"9/h\"\nglobal = \"off\"\n[models.plain.limits]\nrequests = \"3/h\"\n\
                  [agents.helper.limits]\nrequests = \"2/h\"\n\
                  [keys.other]\nkey_env = \"OTHER\"\nmodels = []\nagents = []";
    let mut gate = Setup::default().with(config).env("OTHER", &other).start().await;
    for _ in 0..5 {
        assert_eq!(gate.chat().key(&other).send().await.status, 403);
    }
    let answers = join_all((0..6).map(|_| gate.chat().send())).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 3);
    is_over(&gate.chat().send().await, Format::OpenAi, "this model");
    // Its refusals ate nothing of the user's: six of nine are left, two of them for the agent.
    for _ in 0..2 {
        gate.call(Format::Agent).send().await.said(Format::Agent);
    }
    let agent = gate.call(Format::Agent).send().await;
    is_over(&agent, Format::Agent, "this agent");
    gate.stop().await;
    gate.start_again().await;
    is_over(&gate.chat().send().await, Format::OpenAi, "this model");
    is_over(
        &gate.call(Format::Agent).send().await,
        Format::Agent,
        "this agent",
    );
    let answer = gate.call(Format::Anthropic).send().await;
    answer.said(Format::Anthropic);
    assert!(
        answer.header("ratelimit").contains("\"user\";r=3;"),
        "{}",
        answer.header("ratelimit")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_reserved_then_settled_and_a_refusal_for_tokens_counts_no_request() {
    let gate = Setup::default()
        .with("[limits]\nuser = \"50/h\"\nglobal = \"off\"\n[limits.tokens]\nuser = \"300/h\"")
        .start()
        .await;
    let first = short(&gate).send().await;
    first.said(Format::OpenAi);
    assert_eq!(number(&first, "x-ratelimit-limit-tokens"), 300);
    let used = tokens_of(&gate).await;
    assert!(used > 0);
    assert_eq!(
        number(&first, "x-ratelimit-remaining-tokens"),
        300 - used,
        "what was not used is back"
    );
    assert!(
        first
            .header("ratelimit-policy")
            .contains("\"user-tokens\";q=300;w=3600;qu=\"tokens\"")
    );
    let answers = join_all((0..64).map(|_| short(&gate).send())).await;
    let refused = answers
        .iter()
        .find(|answer| answer.status == 429)
        .expect("a refusal");
    is_over(refused, Format::OpenAi, "300 tokens per 1h");
    assert!(tokens_of(&gate).await <= 300, "never more than the limit");
    let answer = gate.get("/v1/models").await;
    let counted = gate
        .rows()
        .await
        .iter()
        .filter(|row| row["counted"] == true)
        .count();
    assert!(
        answer
            .header("ratelimit")
            .contains(&format!("\"user\";r={};", 50 - counted))
    );
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(counted, served + 2, "the first one, those served, and the list");
    let hopeless = gate.chat().with("max_tokens", 5000).send().await;
    hopeless.is_error(Format::OpenAi, 413, "request_over_limit");
    assert_eq!(hopeless.header("x-should-retry"), "false");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_remembered_over_a_restart_and_a_death_keeps_what_was_reserved() {
    let mut gate = Setup::default()
        .with("[limits]\nuser = \"off\"\nglobal = \"off\"\n[limits.tokens]\nprincipal = \"1000/h\"")
        .start()
        .await;
    short(&gate).send().await.said(Format::OpenAi);
    let used = tokens_of(&gate).await;
    gate.stop().await;
    gate.start_again().await;
    let second = short(&gate).send().await;
    assert_eq!(number(&second, "x-ratelimit-remaining-tokens"), 1000 - 2 * used);
    // Under way when the process dies: it stands at the most it could have cost.
    let hanging = gate.chat().with("max_tokens", 500).fault("hang-before-headers");
    let _raw = hanging.on_a_socket().await;
    gate.arrivals("", State::Arrived, 3).await;
    crate::world::eventually("an open row", async || {
        let rows = gate.rows().await;
        rows.iter().any(|row| row["outcome"] == "open").then_some(())
    })
    .await;
    gate.kill().await;
    gate.start_again().await;
    let lost = gate.row_with("lost").await;
    assert_eq!(lost["tokens"]["output"], 500);
    let bound = 500 + lost["tokens"]["input"].as_u64().expect("an input");
    let after = short(&gate).send().await;
    assert_eq!(
        number(&after, "x-ratelimit-remaining-tokens"),
        1000 - bound - 3 * used
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_settles_too_and_a_failed_call_costs_nothing() {
    let gate = Setup::default()
        .with("[limits]\nuser = \"off\"\nglobal = \"off\"\n[limits.tokens]\nglobal = \"1000/h\"")
        .start()
        .await;
    let failed = short(&gate).fault("status-500").send().await;
    assert_eq!(failed.status, 500);
    assert_eq!(number(&failed, "x-ratelimit-remaining-tokens"), 1000);
    let leaving = gate.chat().with("max_tokens", 300).fault("hang-before-headers");
    let raw = leaving.on_a_socket().await;
    gate.arrivals("", State::Arrived, 2).await;
    drop(raw);
    let row = gate.row_with("cancelled").await;
    let stands = row["tokens"]["input"].as_u64().expect("an input") + 300;
    assert_eq!(row["basis"], "estimated");
    let next = short(&gate).send().await;
    next.said(Format::OpenAi);
    let used = tokens_of(&gate).await - stands;
    assert_eq!(
        number(&next, "x-ratelimit-remaining-tokens"),
        1000 - stands - used
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_period_counts_from_the_ledger_and_a_new_number_from_what_is_counted() {
    let gate = Setup::default()
        .with("[limits]\nuser = \"5/h\"\nglobal = \"off\"")
        .start()
        .await;
    for _ in 0..3 {
        gate.chat().send().await.said(Format::OpenAi);
    }
    for (rate, left) in [("9/h", "r=5;"), ("9/2h", "r=4;")] {
        let config = gate
            .config()
            .replace("\"5/h\"", &format!("\"{rate}\""))
            .replace("\"9/h\"", &format!("\"{rate}\""));
        gate.rewrite_config(&config);
        gate.signal(Signal::HUP);
        let told = world::eventually("the new limit", async || {
            let answer = gate.get("/v1/models").await;
            let count = rate.split_once('/').map_or("", |(_, period)| period);
            let window = if count == "2h" { "w=7200" } else { "q=9;w=3600" };
            answer
                .header("ratelimit-policy")
                .contains(window)
                .then(|| answer.header("ratelimit").to_owned())
        })
        .await;
        assert!(told.contains("\"user\";r="), "{told}");
        let now: u64 = told
            .split("r=")
            .nth(1)
            .and_then(|r| r.split(';').next())
            .and_then(|r| r.parse().ok())
            .expect("r");
        assert!(now < 6, "{rate}: {told}, not a fresh allowance ({left})");
    }
}
