//! P1: the requests of the load, and the generator that sends them to the target's one address.
//!
//! Never: sends past the budget, retries, or goes anywhere but to the target.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use golive_checklist::judge::{Scored, UnscoredReason};
use golive_config::Target;
use golive_load::http::{Content, Endpoint, Examine, Head, Outgoing, Pool, PoolOptions};
use golive_load::thread::run_alone;
use golive_load::{Event, Failure, Plan, Reply, RunReport, Stops, Workload};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::budget::{Budget, Grant};
use crate::ctx::Ctx;
use crate::proofs::l1_smoke::said;
use crate::target::{Answer, Ask, Call, TargetClient};

/// The most of an answer that is kept to be read: an answer to the load is short.
const KEPT_MAX: usize = 1 << 20;

/// Sends the load.
pub(in crate::proofs) struct Offer {
    sender: Sender,
    budget: u64,
}

/// What every request is made of. Cloned into the generator's thread.
#[derive(Clone)]
struct Sender {
    target: TargetClient,
    config: Arc<Target>,
    pool: Arc<Pool>,
    user: String,
    /// So many people ask, in turn; `None`: each request is another person's.
    people: Option<u64>,
    grant: Arc<Grant>,
    more: Budget,
}

impl Offer {
    /// Resolves the target, and takes what the shortest run costs from the budget at once: a run that must stop
    /// half-way for want of requests would be worth nothing.
    pub(in crate::proofs) async fn new(ctx: &Ctx, plan: &Plan) -> Result<Offer, String> {
        let config = Arc::clone(&ctx.config);
        let ca = match &config.ca_file {
            None => Vec::new(),
            Some(path) => {
                std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?
            }
        };
        let endpoint = Endpoint::resolve(&config.url.to_string(), &ca)
            .await
            .map_err(|error| format!("{error}; check the target's url"))?;
        let least = least_requests(plan);
        let budget = ctx.target.budget().clone();
        let grant = budget.take_many(least).map_err(|error| error.to_string())?;
        let allowed = least
            + plan
                .expectation()
                .requests
                .saturating_sub(least)
                .min(budget.left());
        let options = PoolOptions {
            connections: plan.max_in_flight,
            ..PoolOptions::default()
        };
        let sender = Sender {
            target: ctx.target.clone(),
            config,
            pool: Arc::new(Pool::new(endpoint, options)),
            user: ctx.user("load"),
            people: None,
            grant: Arc::new(grant),
            more: budget,
        };
        Ok(Offer {
            sender,
            budget: allowed,
        })
    }

    /// The same from so many people in turn.
    #[must_use]
    pub(in crate::proofs) fn asked_by(mut self, people: u64) -> Offer {
        self.sender.people = Some(people.max(1));
        self
    }

    /// The most requests the run may send.
    pub(in crate::proofs) fn budget(&self) -> u64 {
        self.budget
    }

    /// One request of a class by the ordinary client.
    pub(in crate::proofs) async fn try_one(
        &self,
        ctx: &Ctx,
        class: u64,
    ) -> (Scored<bool>, String, Option<Answer>) {
        let exchange = ctx
            .target
            .send(
                self.sender
                    .call(class)
                    .deadline(ctx.config.declares.total_request),
            )
            .await;
        let observed =
            exchange.score(
                |answer| match said::read(answer, &ctx.config, self.sender.streams(class)) {
                    Ok(_) => Scored::Scored(true),
                    Err(why) => Scored::Unscored(UnscoredReason::Unexpected(why)),
                },
            );
        (observed, exchange.in_short(), exchange.answer().cloned())
    }

    /// A body that is no JSON, sent and read as the generator sends and reads.
    pub(in crate::proofs) async fn try_broken(&self, ctx: &Ctx) -> (Scored<bool>, String) {
        let Ok(_permit) = ctx.target.budget().take() else {
            return (Scored::Unscored(UnscoredReason::OverBudget), String::new());
        };
        let call = self.sender.call(0).body(&b"{\"messages\": [{\"role\""[..]);
        // A pool of its own: connections belong to the runtime that opened them.
        let pool = match Endpoint::resolve(&ctx.config.url.to_string(), &[]).await {
            Ok(endpoint) if ctx.config.ca_file.is_none() => Pool::new(
                endpoint,
                PoolOptions {
                    connections: 1,
                    ..PoolOptions::default()
                },
            ),
            _ => return self.try_broken_plainly(ctx, call).await,
        };
        let mut reader = Reader::new(&self.sender.config, false);
        let sent = tokio::time::timeout(
            ctx.config.declares.total_request,
            pool.exchange(self.sender.request(&call), &mut reader),
        );
        match sent.await {
            Ok(reply) => match reply.failure {
                Some(failure) => (Scored::Scored(true), failure.to_string()),
                None => (Scored::Scored(false), "it counts as answered".to_owned()),
            },
            Err(_) => (Scored::Unscored(UnscoredReason::Timeout), String::new()),
        }
    }

    /// The same where the authority is one of the target's own: by the ordinary client, read by the same reader.
    async fn try_broken_plainly(&self, ctx: &Ctx, call: Call) -> (Scored<bool>, String) {
        let exchange = ctx
            .target
            .send(call.deadline(ctx.config.declares.total_request))
            .await;
        (
            exchange.score(|answer| Scored::Scored(said::read(answer, &ctx.config, false).is_err())),
            exchange.in_short(),
        )
    }

    /// Offers the load and waits for its end.
    pub(in crate::proofs) async fn run(&self, ctx: &Ctx, plan: Plan) -> Result<RunReport, String> {
        let stops = Stops {
            cancelled: ctx.cancel.clone(),
            ..Stops::default()
        };
        let teller = ctx.clone();
        let tell = move |event: Event<'_>| match event {
            Event::StageBegan { name, .. } => teller.waiting(format!("load: {name} warms up")),
            Event::HoldBegan { stage, .. } => {
                teller.waiting(format!("load: stage {} is measured", stage + 1))
            }
            Event::Finished(_) | Event::StageEnded { .. } => {}
        };
        run_alone(plan, self.sender.clone(), stops, tell)
            .await
            .map_err(|error| error.to_string())
    }

    /// The same, where somebody else says what is waited for.
    pub(in crate::proofs) async fn run_quietly(&self, ctx: &Ctx, plan: Plan) -> Result<RunReport, String> {
        let stops = Stops {
            cancelled: ctx.cancel.clone(),
            ..Stops::default()
        };
        run_alone(plan, self.sender.clone(), stops, |_| ())
            .await
            .map_err(|error| error.to_string())
    }
}

/// Requests of the shortest run: the least warm-up of each stage and its hold.
fn least_requests(plan: &Plan) -> u64 {
    let stage = |stage: &golive_load::Stage| {
        let least = stage.warm_up.map_or(0.0, |warm_up| warm_up.least.as_secs_f64());
        let held = (stage.rate_per_s * stage.hold.as_secs_f64()).max(stage.min_samples as f64);
        (held + stage.rate_per_s * least) as u64
    };
    plan.stages.iter().map(stage).sum()
}

/// Every other request is complex.
pub(in crate::proofs) fn class_of(number: u64) -> usize {
    (number % 2) as usize
}

impl Workload for Sender {
    fn class(&self, number: u64) -> usize {
        class_of(number)
    }

    async fn send(&self, number: u64) -> Reply {
        if self.grant.next().is_none() && self.more.take().is_err() {
            return Reply::failed(Failure::Generator("requests: the budget is used up".into()));
        }
        let mut reader = Reader::new(&self.config, self.streams(number));
        self.pool
            .exchange(self.request(&self.call(number)), &mut reader)
            .await
    }
}

impl Sender {
    /// Request `number`: simple or complex, plain or streamed.
    fn call(&self, number: u64) -> Call {
        let person = self.people.map_or(number, |people| number % people);
        let user = format!("{}-{person}", self.user);
        let mut ask = match class_of(number) {
            0 => Ask::new(format!("Say hello in one short sentence. ({number})")).user(user),
            _ => {
                let text = format!(
                    "Does the report below mention a lift? Answer yes or no. ({number})\n\n{}",
                    long_input()
                );
                let mut ask = Ask::new(text).user(user);
                if self.config.format != golive_config::TargetFormat::Http {
                    ask.tools = vec![json!({"type": "function", "function": {
                        "name": "get_weather",
                        "description": "The weather of a city now",
                        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}
                    }})];
                }
                ask
            }
        };
        ask.stream = self.streams(number);
        self.target.call(&ask)
    }

    /// Every third request is a stream, of both classes alike; an agent without a pointer into its stream is asked
    /// plainly.
    fn streams(&self, number: u64) -> bool {
        let can = self.config.format != golive_config::TargetFormat::Http
            || self
                .config
                .pointers
                .as_ref()
                .is_none_or(|pointers| pointers.stream.is_some());
        can && number % 3 == 2
    }

    fn request(&self, call: &Call) -> Outgoing {
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        // Made of the target's own path, which has been parsed before.
        *request.uri_mut() = call.path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        for (name, value) in &call.headers {
            headers.append(name.clone(), value.clone());
        }
        if let Some(key) = self.target.key_of(&call.credential) {
            let (name, value) = self.target.credential_header(&key);
            if let Ok(mut value) = HeaderValue::from_str(&value) {
                value.set_sensitive(true);
                headers.append(HeaderName::from_static(name), value);
            }
        }
        request
    }
}

/// About 4 KB.
fn long_input() -> String {
    "The lift was inspected at noon and found in order; 412 boxes moved from shelf A to shelf B. ".repeat(45)
}

/// Reads one answer of the load.
struct Reader {
    config: Arc<Target>,
    stream: bool,
    status: StatusCode,
    headers: HeaderMap,
    body: BytesMut,
    longer: bool,
}

impl Reader {
    fn new(config: &Arc<Target>, stream: bool) -> Reader {
        Reader {
            config: Arc::clone(config),
            stream,
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: BytesMut::new(),
            longer: false,
        }
    }
}

impl Examine for Reader {
    fn head(&mut self, head: &Head<'_>) {
        self.status = head.status;
        self.headers = head.headers.clone();
    }

    fn piece(&mut self, bytes: &Bytes) -> Content {
        let room = KEPT_MAX.saturating_sub(self.body.len());
        self.longer |= bytes.len() > room;
        self.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        // A comment or a ping is no content; anything longer is taken for some.
        if self.stream && bytes.starts_with(b":") {
            Content::Filler
        } else {
            Content::Useful
        }
    }

    fn complete(&mut self) -> Option<Failure> {
        let answer = Answer {
            status: self.status,
            headers: std::mem::take(&mut self.headers),
            body: std::mem::take(&mut self.body).freeze(),
            truncated: self.longer,
            head_after: Default::default(),
            first_byte_after: None,
            elapsed: Default::default(),
        };
        said::read(&answer, &self.config, self.stream).err().map(|why| {
            // Kinds of failure are counted: what differs from answer to answer would make each a kind of its own.
            let kind: String = why.chars().take_while(|c| !c.is_ascii_digit()).take(80).collect();
            Failure::Semantic(kind.into())
        })
    }
}
