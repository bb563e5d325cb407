//! S5: addresses that are refused again and again wait; whoever brings a valid credential does not.

use crate::gate::{Format, Setup};
use crate::world;

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_bad_keys_waits_and_its_good_key_does_not() {
    let gate = Setup::default()
        .with("[inbound]\nfailures_free = 2\nfailure_delay = \"60s\"")
        .start()
        .await;
    for _ in 0..2 {
        let answer = gate.chat().key(&world::key()).send().await;
        answer.is_error(Format::OpenAi, 401, "invalid_api_key");
    }
    // Each of these waits longer than the one before; all of them wait while good ones are served.
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let ask = gate.chat().key(&world::key());
        waiting.spawn(async move { ask.send().await });
    }
    for _ in 0..20 {
        gate.chat().send().await.said(Format::OpenAi);
    }
    let still = std::iter::from_fn(|| waiting.try_join_next()).count();
    assert!(still < 20, "some of them wait yet");
    assert_eq!(gate.rows().await.len(), 20, "no row of a stranger");
}
