//! E3: the receivers of webhooks: what they record, and how they are down.

use std::time::Duration;

use bytes::Bytes;
use golive_lab::{Lab, LabOptions, Reception, hook};
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

async fn post(url: &str, body: &'static str) -> Result<StatusCode, String> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let signature = hook::sign("secret", 1_000, body);
    let request = Request::post(url)
        .header("golive-signature", signature)
        .header("authorization", "Bearer abc")
        .body(Full::new(Bytes::from_static(body.as_bytes())))
        .unwrap();
    client
        .request(request)
        .await
        .map(|answer| answer.status())
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_delivery_is_recorded_as_it_came_and_without_credentials() {
    let lab = Lab::start(LabOptions::default()).await.unwrap();
    let client = lab.client().unwrap();
    assert_eq!(
        post(&client.hook_url("desk"), "{\"id\": \"1\"}").await,
        Ok(StatusCode::OK)
    );
    let found = client
        .deliveries("desk", 0, 1, Duration::from_secs(5))
        .await
        .unwrap();
    let [one] = found.deliveries.as_slice() else {
        panic!("{found:?}")
    };
    assert!(one.is_taken() && one.body == "{\"id\": \"1\"}" && one.seq == 1);
    assert_eq!(
        hook::verify(
            "secret",
            one.header("golive-signature").unwrap(),
            &one.body,
            1_000,
            5
        ),
        Ok(())
    );
    assert!(!one.header("authorization").unwrap().contains("abc"));
    assert!(
        client
            .deliveries("other", 0, 1, Duration::ZERO)
            .await
            .unwrap()
            .deliveries
            .is_empty()
    );
    lab.shutdown().await;
}

#[tokio::test]
async fn a_receiver_that_is_down_records_what_it_did_not_take_and_is_well_again_by_itself() {
    let lab = Lab::start(LabOptions::default()).await.unwrap();
    let client = lab.client().unwrap();
    let url = client.hook_url("desk");
    client
        .set_reception("desk", Reception::Error, None)
        .await
        .unwrap();
    assert_eq!(post(&url, "{}").await, Ok(StatusCode::INTERNAL_SERVER_ERROR));
    client
        .set_reception("desk", Reception::Refuse, None)
        .await
        .unwrap();
    assert!(post(&url, "{}").await.is_err());
    client
        .set_reception("desk", Reception::Error, Some(Duration::ZERO))
        .await
        .unwrap();
    assert_eq!(post(&url, "{}").await, Ok(StatusCode::OK));
    let found = client
        .deliveries("desk", 0, 3, Duration::from_secs(5))
        .await
        .unwrap();
    let taken: Vec<bool> = found.deliveries.iter().map(hook::Delivery::is_taken).collect();
    assert_eq!(taken, [false, false, true]);
    client.reset_hook("desk").await.unwrap();
    assert!(
        client
            .deliveries("desk", 0, 1, Duration::ZERO)
            .await
            .unwrap()
            .deliveries
            .is_empty()
    );
    lab.shutdown().await;
}

#[tokio::test]
async fn slacks_receiver_takes_messages_and_nothing_else() {
    let lab = Lab::start(LabOptions::default()).await.unwrap();
    let url = lab.client().unwrap().slack_url("desk");
    assert_eq!(
        post(&url, "{\"text\": \"someone needs you\"}").await,
        Ok(StatusCode::OK)
    );
    assert_eq!(
        post(&url, "{\"blocks\": [{\"type\": \"section\"}]}").await,
        Ok(StatusCode::OK)
    );
    assert_eq!(post(&url, "{\"id\": 1}").await, Ok(StatusCode::BAD_REQUEST));
    assert_eq!(post(&url, "no json").await, Ok(StatusCode::BAD_REQUEST));
    lab.shutdown().await;
}
