//! S2: the request limits from outside: exact under concurrency, told truly, and remembered by the ledger.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::caller::{self, Answer, Ask};
use crate::gate::{Format, Gate, Setup};
use crate::world;

/// `r`, the requests that are left, of one limit in the `RateLimit` header.
#[track_caller]
fn remaining(answer: &Answer, limit: &str) -> u32 {
    let header = answer.header("ratelimit");
    let item = header
        .split(", ")
        .find(|item| item.starts_with(&format!("\"{limit}\"")));
    let parameter = item.and_then(|item| item.split(';').find_map(|part| part.strip_prefix("r=")));
    parameter
        .and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("no `r` of {limit} in `{header}`"))
}

#[track_caller]
fn is_over(answer: &Answer, format: Format) {
    answer.is_error(format, 429, "rate_limit_exceeded");
    let wait: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=3600).contains(&wait), "{wait}");
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_exactly_as_many_as_the_limit_are_admitted() {
    let gate = Setup::default()
        .with("[limits]\nuser = \"20/h\"\nglobal = \"off\"")
        .start()
        .await;
    let answers = join_all((0..80).map(|n| gate.call(Format::ALL[n % 3]).send())).await;
    let (admitted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((admitted.len(), refused.len()), (20, 60));
    let left: BTreeSet<u32> = admitted.iter().map(|answer| remaining(answer, "user")).collect();
    assert_eq!(
        left,
        (0..20).collect(),
        "each place is given once, and every answer tells the truth"
    );
    for answer in &admitted {
        assert_eq!(answer.header("ratelimit-policy"), "\"user\";q=20;w=3600");
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "20");
    }
    assert_eq!(
        gate.arrived(""),
        20,
        "what was refused never reached the upstream"
    );
    for format in Format::ALL {
        is_over(&gate.call(format).send().await, format);
        is_over(&gate.call(format).stream().send().await, format);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_by_one_limit_eats_nothing_of_another() {
    let config = "[limits]\nuser = \"off\"\nprincipal = \"2/h\"\nglobal = \"4/h\"\n[keys.other]\nkey_env = \"OTHER_KEY\"";
    let other = world::key();
    let gate = Setup::default()
        .with(config)
        .env("OTHER_KEY", &other)
        .start()
        .await;
    for _ in 0..2 {
        gate.chat().send().await.said(Format::OpenAi);
    }
    for _ in 0..5 {
        is_over(&gate.chat().send().await, Format::OpenAi);
    }
    for left in [1, 0] {
        let answer = gate.chat().key(&other).send().await;
        assert_eq!(
            (answer.status, remaining(&answer, "global")),
            (200, left),
            "{}",
            answer.text()
        );
    }
    let third = gate.chat().key(&other).send().await;
    is_over(&third, Format::OpenAi);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_bodies_count_like_good_ones() {
    let gate = Setup::default()
        .with("[limits]\nuser = \"3/h\"\nglobal = \"off\"")
        .start()
        .await;
    for _ in 0..3 {
        assert_eq!(gate.chat().raw("{").send().await.status, 400);
    }
    is_over(&gate.chat().send().await, Format::OpenAi);
}

/// A gateway with one caller that may name its users and `main`, which may not.
async fn with_a_backend() -> (Gate, String) {
    let backend = world::key();
    let config = "[limits]\nuser = \"2/h\"\nglobal = \"off\"\n[keys.backend]\nkey_env = \"BACKEND_KEY\"\nmay_assert_users = true";
    let gate = Setup::default()
        .with(config)
        .env("BACKEND_KEY", &backend)
        .start()
        .await;
    (gate, backend)
}

/// The same call on behalf of somebody, said where this format says it.
fn on_behalf_of(ask: Ask, format: Format, user: &str) -> Ask {
    match format {
        Format::OpenAi => ask.with("safety_identifier", user),
        Format::Anthropic => ask.with("metadata", serde_json::json!({"user_id": user})),
        Format::Agent => ask.header("golive-user", user),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_that_a_trusted_caller_names_have_windows_of_their_own() {
    let (gate, backend) = with_a_backend().await;
    for format in Format::ALL {
        for user in [format!("ada-{format:?}"), format!("bob-{format:?}")] {
            for _ in 0..2 {
                let ask = on_behalf_of(gate.call(format).key(&backend), format, &user);
                ask.send().await.said(format);
            }
            let third = on_behalf_of(gate.call(format).key(&backend), format, &user)
                .send()
                .await;
            is_over(&third, format);
        }
    }
    // One user is one user, whichever way it is named.
    let same = gate
        .call(Format::OpenAi)
        .key(&backend)
        .header("golive-user", "ada-Agent");
    is_over(&same.send().await, Format::OpenAi);
    for row in gate.rows().await {
        assert!(row["user_hash"].is_string(), "{row}");
        assert!(
            !row.to_string().contains("ada-"),
            "nobody stands there in clear: {row}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_may_not_name_users_stays_one_whatever_it_says() {
    let (gate, _) = with_a_backend().await;
    for n in 0..2 {
        on_behalf_of(gate.chat(), Format::OpenAi, &format!("user-{n}"))
            .send()
            .await
            .said(Format::OpenAi);
    }
    for n in 2..6 {
        let ask = on_behalf_of(gate.chat(), Format::OpenAi, &format!("user-{n}"));
        let ask = ask
            .header("golive-user", &format!("user-{n}"))
            .header("x-forwarded-for", &format!("10.0.0.{n}"))
            .header("x-user-id", &format!("user-{n}"));
        is_over(&ask.send().await, Format::OpenAi);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_cannot_be_one_is_refused() {
    let (gate, backend) = with_a_backend().await;
    for user in ["", &"x".repeat(300)] {
        let answer = gate.chat().key(&backend).header("golive-user", user).send().await;
        answer.is_error(Format::OpenAi, 400, "invalid_user");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_survive_a_restart_and_a_sudden_death() {
    let mut gate = Setup::default()
        .with("[limits]\nuser = \"5/h\"\nglobal = \"off\"")
        .start()
        .await;
    for _ in 0..2 {
        gate.chat().send().await.said(Format::OpenAi);
    }
    gate.stop().await;
    gate.start_again().await;
    let answer = gate.chat().send().await;
    assert_eq!(
        (answer.status, remaining(&answer, "user")),
        (200, 2),
        "{}",
        answer.text()
    );
    gate.kill().await;
    gate.start_again().await;
    for _ in 0..2 {
        gate.chat().send().await.said(Format::OpenAi);
    }
    is_over(&gate.chat().send().await, Format::OpenAi);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_stepped_back_opens_no_window_early_and_locks_nobody_out() {
    let mut gate = Setup::default()
        .with("[limits]\nuser = \"2/h\"\nglobal = \"off\"")
        .start()
        .await;
    for _ in 0..2 {
        gate.chat().send().await.said(Format::OpenAi);
    }
    gate.stop().await;
    // What a clock a day ahead would have written; then it was set right.
    let options = SqliteConnectOptions::new().filename(gate.file("golive.db"));
    let mut database = SqliteConnection::connect_with(&options)
        .await
        .expect("a database");
    let moved = sqlx::query("UPDATE ledger SET at_us = at_us + 86400000000")
        .execute(&mut database)
        .await
        .expect("an update");
    assert_eq!(moved.rows_affected(), 2);
    database.close().await.expect("a close");
    gate.start_again().await;
    is_over(&gate.chat().send().await, Format::OpenAi); // and its hint is within the hour
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_models_counts_too_and_shows_only_what_the_key_may_call() {
    let narrow = world::key();
    let config = "[limits]\nuser = \"3/h\"\nglobal = \"off\"\n[keys.narrow]\nkey_env = \"NARROW_KEY\"\nagents = []\nmodels = [\"plain\"]";
    let gate = Setup::default()
        .with(config)
        .env("NARROW_KEY", &narrow)
        .start()
        .await;
    let http = caller::http();
    let url = format!("{}/v1/models", gate.url);
    let list = caller::get(&http, &url, Some(&narrow)).await;
    let names: Vec<_> = list.json()["data"].as_array().expect("a list").clone();
    assert_eq!(names.len(), 1, "{}", list.text());
    assert_eq!(names[0]["id"], "plain");
    assert_eq!(remaining(&list, "user"), 2);
    assert!(gate.get("/v1/models").await.text().contains("helper"));
}
