//! S3, S4, S8: a screen outside of golive: the client that reaches it, what is known of its health, and when it is left
//! alone.
//!
//! It is called through the egress client: no redirects, the resolved address checked, private ranges only where they
//! are named. After so many failures in a row it is left alone for a while; then one call tries again. (That count is
//! its own and simple; it is no link of a chain.)
//!
//! Never: waits longer than its deadline, follows a redirect, or takes a failure for a pass.

pub mod judge;
pub mod speak;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use golive_config::{ExternalScreen, Fail};
use golive_resilience::Tick;
use http::header::{self, HeaderValue};
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use secrecy::ExposeSecret;

use crate::clock::Clock;
use crate::upstream::connect::{CheckedConnector, Timed};
use crate::upstream::health::LinkHealth;
use crate::upstream::{UpstreamClient, chain_of, tls_config};
use speak::{About, Direction, Question, Said};

/// The largest answer of a screen: a text that was replaced comes back whole.
const ANSWER_MAX: usize = 4 << 20;
/// Texts of one request that a screen is asked about at the same time.
const AT_ONCE: usize = 8;

/// A screen outside of golive.
#[derive(Debug)]
pub struct External {
    /// What the configuration says.
    pub settings: Arc<ExternalScreen>,
    /// What is known of its health.
    pub health: LinkHealth,
    /// For the bare connect of the health probe.
    pub connector: CheckedConnector,
    client: UpstreamClient,
    /// For requests and for answers.
    addresses: [Uri; 2],
    authorization: Option<HeaderValue>,
    clock: Clock,
    breaker: Mutex<Breaker>,
}

impl External {
    /// Makes its client.
    ///
    /// # Errors
    /// A sentence: its key, its address or its authorities cannot be used.
    pub fn new(settings: &Arc<ExternalScreen>) -> Result<Self, String> {
        let connector = CheckedConnector::new(&settings.private_addresses, settings.deadline);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls_config(settings.ca_file.as_deref())?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(connector.clone());
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .http1_max_buf_size(64 * 1024)
            .http2_max_header_list_size(64 * 1024)
            .build(Timed::new(https, settings.deadline));
        let base = &settings.url;
        let address = |direction| {
            let path = speak::path(settings.kind, direction);
            format!(
                "{}://{}{}{path}",
                base.scheme.as_str(),
                base.authority(),
                base.path
            )
            .parse::<Uri>()
            .map_err(|_| format!("`{base}` cannot be called"))
        };
        let authorization = match &settings.api_key {
            None => None,
            Some(key) => {
                let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose_secret()))
                    .map_err(|_| "its key holds a character that no HTTP header can carry".to_owned())?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self {
            addresses: [address(Direction::Input)?, address(Direction::Output)?],
            health: LinkHealth::default(),
            breaker: Mutex::default(),
            clock: Clock::anchored_now(),
            settings: Arc::clone(settings),
            connector,
            client,
            authorization,
        })
    }

    /// Whether it was made of these very settings.
    #[must_use]
    pub fn is_of(&self, other: &ExternalScreen) -> bool {
        let mine = &*self.settings;
        let key = |screen: &ExternalScreen| screen.api_key.as_ref().map(|key| key.expose_secret().to_owned());
        (mine.kind, &mine.url, mine.deadline, mine.fail)
            == (other.kind, &other.url, other.deadline, other.fail)
            && (mine.input, mine.output, mine.action, mine.threshold)
                == (other.input, other.output, other.action, other.threshold)
            && (&mine.language, mine.streams, mine.failures, mine.open)
                == (&other.language, other.streams, other.failures, other.open)
            && mine.private_addresses == other.private_addresses
            && mine.ca_file == other.ca_file
            && key(mine) == key(other)
    }

    /// Whether a text passes that it could not be asked about.
    #[must_use]
    pub fn fails_open(&self) -> bool {
        self.settings.fail == Fail::Open
    }

    /// What it says of each text, in their order.
    ///
    /// # Errors
    /// It could not be asked about all of them, in words for operators.
    pub async fn ask(&self, questions: &[Question], about: About<'_>) -> Result<Vec<Said>, String> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let open = self.settings.open;
        if !self.breaker().admits(self.clock.now(), open) {
            return Err(format!(
                "left alone after {} failures in a row",
                self.settings.failures
            ));
        }
        let asking = async {
            let mut said = Vec::with_capacity(questions.len());
            for some in questions.chunks(AT_ONCE) {
                let asked = some.iter().map(|question| self.one(question, about));
                for one in futures_util::future::join_all(asked).await {
                    said.push(one?);
                }
            }
            Ok(said)
        };
        let said = tokio::time::timeout(self.settings.deadline, asking)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {:?}", self.settings.deadline)));
        let now = self.clock.now();
        match &said {
            Ok(_) => {
                self.breaker().success();
                self.health.success(now, true);
            }
            Err(why) => {
                self.breaker().failure(now, self.settings.failures, open);
                self.health.failure(now, true, why.clone());
            }
        }
        said
    }

    async fn one(&self, question: &Question, about: About<'_>) -> Result<Said, String> {
        let address = match question.direction {
            Direction::Input => &self.addresses[0],
            Direction::Output => &self.addresses[1],
        };
        let mut request = Request::post(address.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::USER_AGENT, concat!("golive/", env!("CARGO_PKG_VERSION")));
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization.clone());
        }
        let request = request
            .body(Full::new(Bytes::from(speak::body(
                &self.settings,
                question,
                about,
            ))))
            .map_err(|_| "its question cannot be put".to_owned())?;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| chain_of(&error))?;
        if response.status() != 200 {
            return Err(format!("it answered {}", response.status().as_u16()));
        }
        let mut body = response.into_body();
        let mut answer = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|error| chain_of(&error))?.into_data() else {
                continue;
            };
            if answer.len() + data.len() > ANSWER_MAX {
                return Err(format!("its answer is longer than {ANSWER_MAX} bytes"));
            }
            answer.extend_from_slice(&data);
        }
        speak::said(&self.settings, question, &answer)
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        // Every write is whole before anything can panic.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Failures in a row, and until when nobody calls.
#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    until: Option<Tick>,
}

impl Breaker {
    /// Whether a call may be made. When the time is over, one may; a second one only after as long again, unless the
    /// first has brought news by then.
    fn admits(&mut self, now: Tick, open: Duration) -> bool {
        match self.until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                self.until = Some(now.plus(open));
                true
            }
        }
    }

    fn success(&mut self) {
        *self = Self::default();
    }

    fn failure(&mut self, now: Tick, most: u32, open: Duration) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= most {
            self.until = Some(now.plus(open));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_failures_in_a_row_one_call_tries_again_when_the_time_is_over() {
        const OPEN: Duration = Duration::from_secs(30);
        let s = |seconds: u64| Tick(seconds * 1_000_000);
        let mut breaker = Breaker::default();
        for second in 0..3 {
            assert!(breaker.admits(s(second), OPEN));
            breaker.failure(s(second), 3, OPEN);
        }
        assert!(!breaker.admits(s(31), OPEN), "it failed last in second 2");
        assert!(breaker.admits(s(32), OPEN));
        assert!(
            !breaker.admits(s(33), OPEN),
            "one call tries, the others wait for its news"
        );
        assert!(
            breaker.admits(s(62), OPEN),
            "a call that never came back does not block for ever"
        );
        breaker.success();
        assert!(breaker.admits(s(63), OPEN));
        breaker.failure(s(63), 3, OPEN);
        assert!(breaker.admits(s(64), OPEN), "a success begins the count anew");
    }
}
