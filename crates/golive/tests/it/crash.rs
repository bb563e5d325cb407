//! M2, S7: a gateway that is killed at any moment: what a caller received whole is in the ledger exactly once, and
//! what was in progress is settled as `lost`.
//!
//! `GOLIVE_CRASH_KILLS` says how often it is killed; `docs/performance.md` shows the run of fifty.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use golive_lab::{Behaviour, Latency, Script};
use tokio::task::JoinSet;

use crate::caller::Ask;
use crate::gate::{Format, Setup};
use crate::world::eventually;

/// Callers at the same time: enough that group commits hold several rows.
const CALLERS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_that_came_whole_is_in_the_ledger_once_however_often_it_is_killed() {
    let kills = std::env::var("GOLIVE_CRASH_KILLS").map_or(5, |text| text.parse().expect("a number"));
    let mut gate = Setup::default().start().await;
    // Some time upstream, so that a kill meets requests in every stage.
    let latency = Some(Latency::Lognormal {
        median_ms: 3,
        p95_ms: 40,
    });
    let behaviour = Behaviour {
        latency,
        ..Behaviour::default()
    };
    gate.lab
        .script("default", Script::behaving(behaviour))
        .expect("a script");
    let received = Arc::new(Mutex::new(Vec::new()));
    for kill in 0..kills {
        let here = Arc::new(AtomicUsize::new(0));
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let ask = gate.call(Format::ALL[caller % 3]);
            let ask = if caller % 2 == 0 { ask } else { ask.stream() };
            callers.spawn(call_until_it_dies(ask, Arc::clone(&received), Arc::clone(&here)));
        }
        // Each time after another number of answers, so that each kill meets another moment.
        let enough = 20 + 13 * (kill % 7);
        eventually("answers come", async || {
            (here.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
        gate.kill().await;
        while let Some(ended) = callers.join_next().await {
            ended.expect("a caller ends without a word");
        }
        gate.start_again().await;
    }
    let mut kept: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in gate.rows().await {
        let (id, outcome) = (row["id"].as_str(), row["outcome"].as_str());
        kept.entry(id.unwrap_or_default().into())
            .or_default()
            .push(outcome.unwrap_or_default().into());
    }
    let received = received.lock().expect("a list");
    let gone: Vec<_> = received.iter().filter(|id| !kept.contains_key(*id)).collect();
    assert!(gone.is_empty(), "received and not recorded: {gone:?}");
    for id in received.iter() {
        assert_eq!(kept[id], ["ok"], "{id} was received whole");
    }
    let count = |wanted: &str| {
        kept.values()
            .flatten()
            .filter(|outcome| *outcome == wanted)
            .count()
    };
    let (ok, lost) = (count("ok"), count("lost"));
    println!(
        "{kills} kills: {} received whole, {ok} rows ok, {lost} settled as lost, 0 missing, 0 doubled",
        received.len()
    );
    assert_eq!(count("open"), 0, "leftovers are settled at the start");
    assert!(
        kept.values().all(|outcomes| outcomes.len() == 1),
        "no id stands there twice"
    );
    assert!(lost > 0, "kills under load leave something behind");
    assert!(lost <= kills * CALLERS, "no more than were in progress");
}

/// Calls again and again, and notes the id of each answer that came to its end by its own format's rules.
async fn call_until_it_dies(ask: Ask, received: Arc<Mutex<Vec<String>>>, here: Arc<AtomicUsize>) {
    while let Some(answer) = ask.clone().try_send().await {
        let text = answer.text();
        let streamed = answer.header("content-type").starts_with("text/event-stream");
        let ended = !streamed || text.contains("[DONE]") || text.contains("message_stop");
        if !answer.whole || !ended {
            return;
        }
        assert_eq!(answer.status, 200, "{text}");
        received.lock().expect("a list").push(answer.id());
        here.fetch_add(1, Ordering::Relaxed);
    }
}
