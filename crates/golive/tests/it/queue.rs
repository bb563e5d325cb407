//! E5: who waits when there is no place, who goes first, and who is told at once that it would be in vain.

use futures_util::future::join_all;
use golive_lab::State;
use tokio_util::task::TaskTracker;

use crate::caller::Answer;
use crate::gate::{Format, Gate, Setup};
use crate::world::{self, eventually};

/// One call at a time, and two who wait.
async fn start(wait: &str, more: &str) -> (Gate, String) {
    let vip = world::key();
    let toml = format!(
        "[models.narrow]\nchain = [\"openai/lab-model\"]\nmax_in_flight = 1\n\
         [models.narrow.queue]\nlength = 2\nwait = \"{wait}\"\nhigh_roles = [\"premium\"]\n{more}\n\
         [keys.vip]\nkey_env = \"VIP_KEY\"\nroles = [\"caller\", \"premium\"]\n"
    );
    let gate = Setup::default().with(&toml).env("VIP_KEY", &vip).start().await;
    (gate, vip)
}

/// Sends one that takes its time, and waits until it has its place.
async fn occupied(gate: &Gate, word: &str) -> tokio::task::JoinHandle<Answer> {
    let ask = gate
        .chat()
        .with("model", "narrow")
        .saying(word)
        .fault("slow-1500");
    let sent = TaskTracker::new().spawn(ask.send());
    gate.arrivals(word, State::Arrived, 1).await;
    sent
}

/// Sends one more, and waits until it stands in the queue as the `count`th.
async fn queued(gate: &Gate, key: &str, word: &str, count: f64) -> tokio::task::JoinHandle<Answer> {
    let ask = gate
        .call(Format::OpenAi)
        .key(key)
        .with("model", "narrow")
        .saying(word);
    let sent = TaskTracker::new().spawn(ask.send());
    gate.metric_is("golive_queue_length{queue=\"model/narrow\"}", count)
        .await;
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_refused_at_once_and_what_was_accepted_is_answered() {
    let (gate, _) = start("20s", "").await;
    let first = occupied(&gate, "occupied").await;
    let key = gate.key.clone();
    let second = queued(&gate, &key, "second", 1.0).await;
    let third = queued(&gate, &key, "third", 2.0).await;
    let excess = join_all((0..4).map(|_| gate.chat().with("model", "narrow").saying("excess").send())).await;
    for answer in &excess {
        answer.is_error(Format::OpenAi, 503, "queue_full");
        let after: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!(after >= 1, "{after}");
        assert_eq!(answer.header("golive-degraded"), "overloaded");
    }
    assert!(
        !first.is_finished(),
        "the excess was told before anybody was done"
    );
    for accepted in [first, second, third] {
        accepted.await.expect("an answer").said(Format::OpenAi);
    }
    assert_eq!(gate.arrived("excess"), 0, "what is refused reaches nobody");
    gate.metric_is("golive_queue_length{queue=\"model/narrow\"}", 0.0)
        .await;
    gate.metric_is("golive_queue_in_flight{queue=\"model/narrow\"}", 0.0)
        .await;
    gate.metric_is("golive_queue_scale_out{queue=\"model/narrow\"}", 1.0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_higher_role_goes_first_and_who_leaves_frees_its_turn() {
    let (gate, vip) = start("20s", "").await;
    let first = occupied(&gate, "occupied").await;
    let key = gate.key.clone();
    let patient = queued(&gate, &key, "patient", 1.0).await;
    let premium = queued(&gate, &vip, "premium", 2.0).await;
    for one in [first, patient, premium] {
        one.await.expect("an answer").said(Format::OpenAi);
    }
    let seen = gate.arrivals("", State::Finished, 3).await.arrivals;
    let order: Vec<&str> = seen
        .iter()
        .filter_map(|one| {
            ["occupied", "patient", "premium"]
                .into_iter()
                .find(|word| one.body.contains(word))
        })
        .collect();
    assert_eq!(order, ["occupied", "premium", "patient"]);

    let first = occupied(&gate, "again").await;
    let leaves = queued(&gate, &key, "leaves", 1.0).await;
    leaves.abort();
    gate.metric_is("golive_queue_length{queue=\"model/narrow\"}", 0.0)
        .await;
    first.await.expect("an answer").said(Format::OpenAi);
    assert_eq!(gate.arrived("leaves"), 0, "who has left is not called for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_gives_the_place_of_the_last_to_who_is_more_urgent() {
    let (gate, vip) = start("20s", "overflow = \"displace\"").await;
    let first = occupied(&gate, "occupied").await;
    let key = gate.key.clone();
    let second = queued(&gate, &key, "second", 1.0).await;
    let third = queued(&gate, &key, "third", 2.0).await;
    let ask = gate
        .call(Format::OpenAi)
        .key(&vip)
        .with("model", "narrow")
        .saying("urgent");
    let urgent = TaskTracker::new().spawn(ask.send());
    let displaced = third.await.expect("an answer");
    displaced.is_error(Format::OpenAi, 503, "queue_full");
    for accepted in [first, second, urgent] {
        accepted.await.expect("an answer").said(Format::OpenAi);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_longer_than_declared() {
    let (gate, _) = start("300ms", "").await;
    let first = occupied(&gate, "occupied").await;
    let late = eventually("somebody waits in vain", async || {
        let answer = gate.chat().with("model", "narrow").saying("late").send().await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    late.is_error(Format::OpenAi, 503, "queue_timeout");
    first.await.expect("an answer").said(Format::OpenAi);
}
