//! E3: events on their way to webhooks: signed, retried with growing pauses over restarts, at least once.
//!
//! Generic receivers get `golive-signature: t=UNIX,v1=HEX`, where HEX is the HMAC-SHA256 of `UNIX.BODY` under the
//! shared secret, and `golive-event-id`, the same for each repetition of an event.
//!
//! Never: follows a redirect, reaches an address that the configuration does not allow, waits longer than its time, or
//! lets one receiver that hangs keep events from another for longer than that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use bytes::Bytes;
use golive_config::{Webhook, WebhookKind};
use golive_store::Delivery;
use http::header::{self, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::event;
use crate::gateway::{Gateway, us};
use crate::upstream::connect::{CheckedConnector, Timed};
use crate::upstream::{UpstreamClient, chain_of, tls_config};

/// Events of one round.
const ROUND: u32 = 64;
/// A round begins after this time at the latest.
const AT_LATEST: Duration = Duration::from_secs(30);
/// The longest pause while a receiver may only be restarting …
const PAUSE_SOON: Duration = Duration::from_secs(30);
/// … for so many attempts, …
const SOON: u32 = 20;
/// … and after them.
const PAUSE_LATER: Duration = Duration::from_secs(300);
/// The longest pause that a receiver may ask for.
const ASKED_MAX: u64 = 3600;
/// What is read of an answer: enough for the connection to be used again.
const ANSWER_MAX: usize = 16 * 1024;
/// Events for a webhook that the configuration no longer has are given up after this time.
const UNKNOWN_FOR: Duration = Duration::from_secs(24 * 3600);

/// One webhook, ready to be called.
#[derive(Debug)]
pub struct Hook {
    /// What the configuration says.
    pub webhook: Arc<Webhook>,
    client: UpstreamClient,
    uri: Uri,
    key: Option<hmac::Key>,
}

/// Why a webhook cannot be put to work.
#[derive(Debug, thiserror::Error)]
#[error("webhook `{webhook}`: {why}")]
pub struct HookError {
    /// Its name.
    webhook: String,
    /// What is wrong.
    why: String,
}

impl Hook {
    /// Makes its client.
    ///
    /// # Errors
    /// Its authorities cannot be read, or its address is none that can be called.
    pub fn new(webhook: &Arc<Webhook>) -> Result<Self, HookError> {
        let wrong = |why: String| HookError {
            webhook: webhook.name.clone(),
            why,
        };
        let connector = CheckedConnector::new(&webhook.private_addresses, webhook.timeout);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls_config(webhook.ca_file.as_deref()).map_err(wrong)?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(0) // events are rare
            .http1_max_buf_size(64 * 1024)
            .http2_max_header_list_size(64 * 1024)
            .build(Timed::new(https, webhook.timeout));
        let bad = |_| wrong("its address cannot be called".to_owned());
        Ok(Self {
            uri: webhook.url.to_string().parse().map_err(bad)?,
            key: webhook
                .secret
                .as_ref()
                .map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes())),
            client,
            webhook: Arc::clone(webhook),
        })
    }

    /// Sends one event.
    async fn send(&self, delivery: &Delivery, now_s: u64) -> Result<(), Refused> {
        let body = event::for_receiver(self.webhook.kind, &delivery.body);
        let request = self.request(delivery, body, now_s).map_err(Refused::of)?;
        let call = async {
            let answer = self
                .client
                .request(request)
                .await
                .map_err(|error| Refused::of(chain_of(&error)))?;
            let (head, body) = answer.into_parts();
            // Read to its end, in bounds, so that the receiver is not cut off; what it says does not matter.
            let _ = Limited::new(body, ANSWER_MAX).collect().await;
            if head.status.is_success() {
                return Ok(());
            }
            let asked = head.headers.get(header::RETRY_AFTER).and_then(|value| {
                let seconds: u64 = value.to_str().ok()?.trim().parse().ok()?;
                Some(Duration::from_secs(seconds.min(ASKED_MAX)))
            });
            Err(Refused {
                why: format!("the receiver answered {}", told(head.status)),
                asked,
            })
        };
        tokio::time::timeout(self.webhook.timeout, call)
            .await
            .unwrap_or_else(|_| {
                Err(Refused::of(format!(
                    "no answer within {:?}",
                    self.webhook.timeout
                )))
            })
    }

    fn request(&self, delivery: &Delivery, body: String, now_s: u64) -> Result<Request<Full<Bytes>>, String> {
        let event = delivery.event.to_string();
        let mut request = Request::new(Full::new(Bytes::from(body.clone())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("golive/", env!("CARGO_PKG_VERSION"))),
        );
        if self.webhook.kind == WebhookKind::Generic {
            let id = HeaderValue::from_str(&event).map_err(|error| error.to_string())?;
            headers.insert("golive-event-id", id.clone());
            headers.insert("idempotency-key", id);
            headers.insert(
                "golive-attempt",
                HeaderValue::from(delivery.attempts.saturating_add(1)),
            );
        }
        if let Some(key) = &self.key {
            let signature = signature(key, now_s, &body);
            let value = HeaderValue::from_str(&signature).map_err(|error| error.to_string())?;
            headers.insert("golive-signature", value);
        }
        Ok(request)
    }
}

fn told(status: StatusCode) -> String {
    match status.is_redirection() {
        true => format!("{status}; redirects are not followed"),
        false => status.to_string(),
    }
}

fn signature(key: &hmac::Key, now_s: u64, body: &str) -> String {
    let tag = hmac::sign(key, format!("{now_s}.{body}").as_bytes());
    let mut text = format!("t={now_s},v1=");
    for byte in tag.as_ref() {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Why a receiver did not take an event.
struct Refused {
    why: String,
    /// When it wants to be asked again.
    asked: Option<Duration>,
}

impl Refused {
    fn of(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            asked: None,
        }
    }
}

/// The pause after so many attempts (from 1): 1, 2, 4 … 30 s, later five minutes, each ± 20 %. `dice` is uniform in
/// `0.0..1.0`.
fn pause(attempts: u32, dice: f64) -> Duration {
    let base = match attempts {
        0..SOON => Duration::from_secs(1 << attempts.saturating_sub(1).min(10)).min(PAUSE_SOON),
        _ => PAUSE_LATER,
    };
    base.mul_f64(0.8 + 0.4 * dice)
}

/// Delivers what is due, until `stop`.
pub async fn watch(gateway: Arc<Gateway>, stop: CancellationToken) {
    loop {
        let found = round(&gateway).await;
        if found == ROUND as usize {
            continue; // there is more
        }
        let now = us(gateway.now());
        let next = gateway.store.next_event_us().await.ok().flatten();
        let until = next.map_or(AT_LATEST, |next| {
            Duration::from_micros(u64::try_from(next - now).unwrap_or(0)).min(AT_LATEST)
        });
        tokio::select! {
            () = stop.cancelled() => return,
            () = gateway.conversations.posted.notified() => {}
            // A database that is out, or an event that cannot be noted, must not make this loop spin.
            () = tokio::time::sleep(until.max(Duration::from_millis(50))) => {}
        }
    }
}

/// Sends what is due; gives how many events were found.
async fn round(gateway: &Arc<Gateway>) -> usize {
    let due = match gateway.store.due_events(us(gateway.now()), ROUND).await {
        Ok(due) => due,
        Err(error) => {
            tracing::warn!(error = chain_of(&error), "events for webhooks cannot be read");
            return 0;
        }
    };
    let found = due.len();
    let mut by_webhook: BTreeMap<String, Vec<Delivery>> = BTreeMap::new();
    for one in due {
        by_webhook.entry(one.webhook.clone()).or_default().push(one);
    }
    let each = by_webhook
        .into_iter()
        .map(|(name, events)| to_one(gateway, name, events));
    futures_util::future::join_all(each).await;
    found
}

/// Sends events to one webhook in their order. When it does not take one, the others wait with it.
async fn to_one(gateway: &Arc<Gateway>, name: String, events: Vec<Delivery>) {
    let hook = gateway.runtime().hooks.get(&name).cloned();
    let mut refused: Option<Refused> = None;
    for one in &events {
        let now = gateway.now();
        if refused.is_none() {
            refused = match &hook {
                Some(hook) => hook.send(one, now.0 / 1_000_000).await.err(),
                None => Some(Refused::of("the configuration has no such webhook")),
            };
        }
        let noted = match &refused {
            None => {
                tracing::info!(webhook = name, event = %one.event, attempts = one.attempts + 1, "an event was delivered");
                gateway.metrics.webhook(&name, "delivered");
                gateway.store.event_delivered(one.id, us(gateway.now())).await
            }
            Some(Refused { why, asked }) => {
                let patience = hook.as_ref().map_or(UNKNOWN_FOR, |hook| hook.webhook.retry_for);
                let age = Duration::from_micros(u64::try_from(us(now) - one.at_us).unwrap_or(0));
                if age >= patience {
                    tracing::error!(webhook = name, event = %one.event, why, "an event was given up: its receiver did not take it in all that time; `golive inbox list` has its ticket");
                    gateway.metrics.webhook(&name, "given_up");
                    gateway.store.give_up_event(one.id, why, us(now)).await
                } else {
                    tracing::warn!(webhook = name, event = %one.event, attempts = one.attempts + 1, why, "an event was not delivered and is tried again");
                    gateway.metrics.webhook(&name, "failed");
                    let pause = pause(one.attempts + 1, rand::random()).max(asked.unwrap_or_default());
                    let next = gateway.now().plus(pause);
                    gateway.store.event_failed(one.id, why, us(next)).await
                }
            }
        };
        if let Err(error) = noted {
            tracing::warn!(
                webhook = name,
                error = chain_of(&error),
                "what became of an event was not noted: it may be sent again, under its old id"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_half_a_minute_and_later_to_five() {
        let middle: Vec<u64> = (1..=8).map(|n| pause(n, 0.5).as_secs()).collect();
        assert_eq!(middle, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(pause(SOON, 0.5), PAUSE_LATER);
        assert_eq!(pause(u32::MAX, 0.0).as_secs(), 240);
        assert_eq!(pause(1, 0.0), Duration::from_millis(800));
    }

    #[test]
    fn a_signature_is_the_hmac_of_time_and_body() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"shared");
        let text = signature(&key, 1_700_000_000, "{}");
        let hex = text.strip_prefix("t=1700000000,v1=").unwrap();
        assert_eq!(hex.len(), 64);
        let tag: Vec<u8> = (0..32)
            .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
            .collect();
        assert!(hmac::verify(&key, b"1700000000.{}", &tag).is_ok());
        assert!(hmac::verify(&key, b"1700000001.{}", &tag).is_err());
    }
}
