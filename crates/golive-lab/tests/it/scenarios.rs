//! P2, P3, P4, E4, P6: what users of gateways report, each provoked by the name of a model alone, and each absent without it.

use golive_lab::{Query, Rule, Script};
use serde_json::{Value, json};

use crate::http::*;

async fn statuses(model: &str, bodies: &[&str]) -> Vec<u16> {
    let lab = lab().await;
    let mut statuses = Vec::new();
    for text in bodies {
        let mut body = chat(model, false);
        body["messages"][0]["content"] = json!(text);
        statuses.push(post(&lab, "/v1/chat/completions", &body).await.status);
    }
    statuses
}

#[tokio::test]
async fn a_failure_that_passes_is_met_by_the_first_requests_with_the_same_body() {
    let model = "fault-first-2-status-503";
    assert_eq!(statuses(model, &["a", "a", "a", "b"]).await, [503, 503, 200, 503]);
    assert_eq!(statuses("gpt-4o", &["a", "a"]).await, [200, 200]);
    assert_eq!(statuses("fault-first-2-nonsense", &["a"]).await, [400]);
}

async fn streamed_usage(model: &str) -> (bool, bool) {
    let lab = lab().await;
    let mut body = chat(model, true);
    body["stream_options"] = json!({"include_usage": true});
    let got = post(&lab, "/v1/chat/completions", &body).await;
    let chunks = got
        .events()
        .into_iter()
        .filter_map(|data| serde_json::from_str::<Value>(&data).ok());
    let told: Vec<Value> = chunks.filter(|chunk| !chunk["usage"].is_null()).collect();
    let beside_words = told
        .iter()
        .any(|chunk| !chunk["choices"].as_array().unwrap().is_empty());
    (!told.is_empty(), beside_words)
}

#[tokio::test]
async fn a_stream_tells_its_usage_as_documented_or_beside_a_choice_or_not_at_all() {
    assert_eq!(streamed_usage("gpt-4o").await, (true, false));
    assert_eq!(streamed_usage("brain-usage-with-words").await, (true, true));
    assert_eq!(streamed_usage("brain-usage-absent").await, (false, false));
}

#[tokio::test]
async fn a_provider_that_declines_says_so_in_the_words_of_its_format() {
    let lab = lab().await;
    let got = post(&lab, "/v1/chat/completions", &chat("brain-refusal", false)).await;
    assert_eq!(got.json()["choices"][0]["finish_reason"], "content_filter");
    let got = post(&lab, "/v1/messages", &message("brain-refusal", false)).await;
    assert_eq!(got.json()["stop_reason"], "refusal");
    let got = post(&lab, "/v1/chat/completions", &chat("gpt-4o", false)).await;
    assert_eq!(got.json()["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn rules_of_several_owners_lie_over_one_script_and_go_one_by_one() {
    let lab = lab_scripted(Script::always("slow-1".parse().unwrap())).await;
    let client = lab.client().unwrap();
    let failing = |text: &str, status: &str| Rule {
        matches: golive_lab::Match {
            contains: Some(text.to_owned()),
            ..golive_lab::Match::default()
        },
        fault: Some(format!("status-{status}").parse().unwrap()),
        ..Rule::default()
    };
    client
        .set_overlay("default", "p3-a", &[failing("alpha", "503")])
        .await
        .unwrap();
    client
        .set_overlay("default", "p4-b", &[failing("beta", "500")])
        .await
        .unwrap();
    let status = async |text: &str| {
        let mut body = chat("m", false);
        body["messages"][0]["content"] = json!(text);
        post(&lab, "/v1/chat/completions", &body).await.status
    };
    assert_eq!(
        (status("alpha").await, status("beta").await, status("gamma").await),
        (503, 500, 200)
    );
    client.clear_overlays("default", "p3-").await.unwrap();
    assert_eq!((status("alpha").await, status("beta").await), (200, 500));
    client.clear_overlay("default", "p4-b").await.unwrap();
    assert_eq!(status("beta").await, 200);
    let seen = client.timeline(&Query::default()).await.unwrap();
    assert_eq!(
        seen.arrivals.last().unwrap().fault.as_deref(),
        Some("slow-1"),
        "the script is still there"
    );
}
