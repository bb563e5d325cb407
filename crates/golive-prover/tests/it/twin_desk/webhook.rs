//! The agent's webhook: one event per hand-over, signed, sent again until it is taken.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use golive_lab::hook;
use http_body_util::Full;
use serde_json::{Value, json};

use super::{Agent, Flaw, SECRET};

impl Agent {
    /// Hands a conversation over: marks it, and calls a person in the background.
    pub fn hand_over(self: &Arc<Self>, name: &str, user: &str, reason: &str) {
        let number = self.number.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let ticket = format!("ticket-{number}");
        let transcript = {
            let mut all = self.conversations.lock().unwrap();
            let conversation = all.entry(name.to_owned()).or_default();
            conversation.handed_over = true;
            conversation.ticket.clone_from(&ticket);
            conversation
                .messages
                .iter()
                .rev()
                .take(10)
                .rev()
                .cloned()
                .collect::<Vec<Value>>()
        };
        let transcript = if self.flaw == Flaw::SendsNoTranscript {
            Vec::new()
        } else {
            transcript
        };
        let event = json!({
            "id": format!("event-{number}"), "type": "conversation.handed_over",
            "occurred_at": jiff::Timestamp::now().to_string(), "ticket_id": ticket, "conversation_id": name,
            "agent": "desk", "reason": {"code": reason, "detail": ""}, "summary": "the user needs a person",
            "transcript": transcript, "user": {"hash": user.len().to_string()}, "priority": "normal",
        });
        let agent = Arc::clone(self);
        #[expect(
            clippy::disallowed_methods,
            reason = "ends with the world, or when it is taken"
        )]
        tokio::spawn(async move {
            tokio::select! {
                () = agent.deliver(event, number) => {}
                () = agent.stop.cancelled() => {}
            }
        });
    }

    async fn deliver(&self, event: Value, number: u64) {
        let mut again = u32::from(matches!(self.flaw, Flaw::SendsEachTwice));
        for attempt in 0.. {
            let body = event.to_string();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            let secret = if self.flaw == Flaw::SignsWrongly {
                "another secret"
            } else {
                SECRET
            };
            let id = match self.flaw {
                Flaw::AnotherIdEachTry => format!("event-{number}-{attempt}"),
                _ => format!("event-{number}"),
            };
            let request = axum::http::Request::post(&self.hook)
                .header("content-type", "application/json")
                .header("golive-event-id", id)
                .header("golive-signature", hook::sign(secret, now, &body))
                .body(Full::new(Bytes::from(body)))
                .unwrap();
            let answer = tokio::time::timeout(Duration::from_millis(800), self.client.request(request)).await;
            let taken = matches!(answer, Ok(Ok(answer)) if answer.status().is_success());
            if taken && again == 0 || self.flaw == Flaw::LosesItInAnOutage {
                return;
            }
            if taken {
                again -= 1;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}
