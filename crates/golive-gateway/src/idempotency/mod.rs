//! P3: requests that carry an `Idempotency-Key`: which of them are being served, and what becomes of their answers.
//!
//! Kept is what would not be another answer if it were asked again: a whole one, a stream that came to its end, and an
//! upstream's verdict on the request itself. It stands in the store before its last byte goes out, as the ledger row
//! does, so that a kill loses neither. Everything else gives the key back.
//!
//! Never: keeps an answer that failed, was degraded, cut or withheld, or one that is too long.

mod flights;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use golive_store::{KEPT_BODY_MAX, KeptAnswer, NotKept};
use http::header::{self, HeaderMap, HeaderName};

pub use flights::{Claim, Entered, Flights, Named};

use crate::call::{Call, Outcome};
use crate::gateway::us;
use crate::names;

/// How long an answer is kept (DESIGN §3); never longer than the configuration keeps replies.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
/// The stage as decisions name it.
pub const STAGE: &str = "idempotent";

/// The headers that belong to an answer and not to the request that fetches it.
fn kept_names() -> [&'static HeaderName; 8] {
    [
        &header::CONTENT_TYPE,
        &header::CACHE_CONTROL,
        &names::GOLIVE_FLAGGED,
        &names::GOLIVE_RELEASE,
        &names::GOLIVE_STRIPPED_TOOLS,
        &names::GOLIVE_UNTRANSLATED,
        &names::X_ACCEL_BUFFERING,
        &names::X_SHOULD_RETRY,
    ]
}

/// Whether a refusal is kept: only what an upstream says of the request itself, which another attempt would not change.
/// golive's own refusals cost nothing to make again, and who mends a rule or a role wants to see it.
#[must_use]
pub fn is_final(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::UpstreamRefused(400 | 413 | 422))
}

/// Keeps this answer under the key of its request, if it has one, and hands it to those who wait for it. To be called
/// before the row is committed.
pub async fn keep(call: &mut Call, status: u16, headers: &HeaderMap, body: Bytes) {
    let Some(claim) = call.claim.take() else { return };
    if body.len() > KEPT_BODY_MAX {
        call.decide(STAGE, NotKept::TooLong.to_string());
        return; // the claim is dropped: whoever waits is served anew
    }
    let headers = kept_names().into_iter().filter_map(|name| {
        Some((
            name.as_str().to_owned(),
            headers.get(name)?.to_str().ok()?.to_owned(),
        ))
    });
    let answer = Arc::new(KeptAnswer {
        request: call.id,
        asked: claim.named().asked,
        status,
        headers: headers.collect(),
        body,
    });
    let decided = store(call, &claim, &answer).await;
    call.decide(STAGE, decided);
    claim.answered(answer);
}

/// Writes it down, and says in words whether it stands.
async fn store(call: &Call, claim: &Claim, answer: &KeptAnswer) -> &'static str {
    let gateway = &call.gateway;
    let config = &gateway.runtime().config.store;
    if !config.content {
        return "the answer is not kept: content is off";
    }
    let Some(principal) = &call.principal else {
        return "the answer is not kept: nobody asked"; // identify always gives one
    };
    let now = gateway.now();
    let expires = us(now.plus(KEPT_FOR.min(config.retention_content)));
    let key = claim.named().key;
    let kept = gateway
        .store
        .keep_answer(&principal.id, key, answer, us(now), expires)
        .await;
    match kept {
        Ok(()) => "the answer is kept",
        Err(error) => {
            let error = crate::upstream::chain_of(&error);
            tracing::warn!(request = %call.id, error, "an answer could not be kept under its idempotency key");
            "the answer is not kept: the store does not take it"
        }
    }
}

/// A stream on its way to being kept.
#[derive(Debug)]
pub struct Keeping {
    headers: HeaderMap,
    chunks: Vec<Bytes>,
    bytes: usize,
}

impl Keeping {
    /// Of a stream whose request has a key.
    #[must_use]
    pub fn of(call: &Call, headers: &HeaderMap) -> Option<Self> {
        call.claim.as_ref().map(|_| Self {
            headers: headers.clone(),
            chunks: Vec::new(),
            bytes: 0,
        })
    }

    /// These bytes go out. Of a stream that is too long nothing is held any more.
    pub fn add(&mut self, chunk: &Bytes) {
        self.bytes = self.bytes.saturating_add(chunk.len());
        if self.bytes > KEPT_BODY_MAX {
            self.chunks = Vec::new();
        } else {
            self.chunks.push(chunk.clone());
        }
    }

    /// It came to its end, with these last bytes.
    pub async fn end(mut self, call: &mut Call, last: &Bytes) {
        self.add(last);
        if self.bytes > KEPT_BODY_MAX {
            call.decide(STAGE, NotKept::TooLong.to_string());
            call.claim = None;
            return;
        }
        keep(call, 200, &self.headers, self.chunks.concat().into()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeping() -> Keeping {
        Keeping {
            headers: HeaderMap::new(),
            chunks: Vec::new(),
            bytes: 0,
        }
    }

    #[test]
    fn of_a_stream_that_is_too_long_nothing_is_held() {
        let mut keeping = keeping();
        let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
        for _ in 0..16 {
            keeping.add(&chunk);
        }
        assert_eq!((keeping.chunks.len(), keeping.bytes), (16, KEPT_BODY_MAX));
        keeping.add(&Bytes::from_static(b"x"));
        assert!(keeping.chunks.is_empty() && keeping.bytes > KEPT_BODY_MAX);
        keeping.add(&Bytes::from_static(b"x"));
        assert!(
            keeping.chunks.is_empty(),
            "what comes later does not count as its beginning"
        );
    }

    #[test]
    fn only_a_verdict_on_the_request_itself_is_final() {
        for status in [400, 413, 422] {
            assert!(is_final(&Outcome::UpstreamRefused(status)), "{status}");
        }
        for status in [401, 403, 404, 408, 409, 429] {
            assert!(!is_final(&Outcome::UpstreamRefused(status)), "{status}");
        }
        let refused = Outcome::Refused {
            stage: "screen_input",
            code: "blocked",
        };
        for outcome in [refused, Outcome::Error("upstream_error"), Outcome::Cancelled] {
            assert!(!is_final(&outcome), "{outcome:?}");
        }
    }
}
