//! The record of one request: what is known of it so far, what each stage decided, and the promise that it ends
//! in exactly one ledger row.
//!
//! A call that is dropped before it was settled (the caller left, and hyper dropped the handler) settles itself
//! as `cancelled`, or as cut where a shutdown dropped it: what was consumed until then is not lost.
//!
//! Never: keeps a credential; keeps a user in clear.

mod log;
mod settle;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use golive_config::OnFailure;
use golive_resilience::Tick;
use golive_store::{Basis, Cost, CostBasis, LedgerRow, OpenRow, Tokens, UserHash, Uuid};
use golive_wire::Wire;
use golive_wire::usage::Usage;
use http::HeaderValue;

use crate::auth::principal::{Principal, user_key};
use crate::conversations::Held as Conversation;
use crate::conversations::surface::Asked as ConversationAsked;
use crate::error_log::{Attempt, Entry};
use crate::gateway::Gateway;
use crate::idempotency::Claim;
use crate::limits::backend::{Asked, Held};
use crate::limits::{Standings, Unit};
use crate::metrics::OutcomeClass;
use crate::money;
use crate::money::book::{Held as MoneyHeld, Near};
use crate::money::rules::{Item, Spender};
use crate::runtime::Route;
use crate::screens::guarded::Guarded;
use crate::stage::read::Unheard;
use crate::trace::TraceContext;
use crate::upstream::hop::{Hop, Work};

/// The door a request came through. Unknown doors never become a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Surface {
    /// `POST /v1/chat/completions`.
    Chat,
    /// `POST /v1/messages`.
    Messages,
    /// `POST /v1/embeddings`.
    Embeddings,
    /// `POST /v1/messages/count_tokens`.
    CountTokens,
    /// `GET /v1/models`.
    Models(Wire),
    /// `GET /v1/models/{id}`.
    Model(Wire, String),
    /// `POST /agents/{name}`.
    Agent(String),
    /// `GET /v1/conversations/{id}`, and its events.
    Conversation(ConversationAsked),
    /// `POST /v1/feedback`.
    Feedback,
}

impl Surface {
    /// The wire format in which errors are told here.
    #[must_use]
    pub fn wire(&self) -> Wire {
        match self {
            Self::Chat | Self::Embeddings => Wire::OpenAi,
            Self::Messages | Self::CountTokens => Wire::Anthropic,
            Self::Models(wire) | Self::Model(wire, _) => *wire,
            Self::Agent(_) | Self::Conversation(_) | Self::Feedback => Wire::Problem,
        }
    }

    /// The route as the ledger and the metrics name it, without anything a caller wrote.
    #[must_use]
    pub fn route(&self) -> &'static str {
        match self {
            Self::Chat => "POST /v1/chat/completions",
            Self::Messages => "POST /v1/messages",
            Self::Embeddings => "POST /v1/embeddings",
            Self::CountTokens => "POST /v1/messages/count_tokens",
            Self::Models(_) => "GET /v1/models",
            Self::Model(..) => "GET /v1/models/{id}",
            Self::Agent(_) => "POST /agents/{name}",
            Self::Conversation(_) => "GET /v1/conversations/{id}",
            Self::Feedback => "POST /v1/feedback",
        }
    }

    /// What is asked of a link.
    #[must_use]
    pub fn work(&self) -> Work {
        match self {
            Self::Embeddings => Work::Embeddings,
            Self::CountTokens => Work::CountTokens,
            _ => Work::Answer,
        }
    }

    /// Whether somebody says something here and is answered in words.
    #[must_use]
    pub fn is_dialogue(&self) -> bool {
        matches!(self, Self::Chat | Self::Messages | Self::Agent(_))
    }

    /// Whether the body says which agent or model is called.
    #[must_use]
    pub fn names_callee_in_body(&self) -> bool {
        matches!(
            self,
            Self::Chat | Self::Messages | Self::Embeddings | Self::CountTokens
        )
    }

    /// Whether what is asked here uses no tokens and costs nothing.
    #[must_use]
    pub fn is_free(&self) -> bool {
        matches!(self, Self::CountTokens | Self::Models(_) | Self::Model(..))
    }

    fn wire_name(&self) -> &'static str {
        match self.wire() {
            Wire::OpenAi => "openai",
            Wire::Anthropic => "anthropic",
            Wire::Problem => "http",
        }
    }
}

/// What one stage decided, in words for `golive explain`.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The stage.
    pub stage: &'static str,
    /// What it decided. Never text of a caller.
    pub decided: Cow<'static, str>,
    /// When, in microseconds since the request's head.
    pub at_us: u64,
}

/// How a trip ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered as the upstream meant it.
    Ok,
    /// A stage refused.
    Refused {
        /// The stage.
        stage: &'static str,
        /// The stable code.
        code: &'static str,
    },
    /// The upstream refused the request with this status, and that was passed on.
    UpstreamRefused(u16),
    /// It failed.
    Error(&'static str),
    /// The caller left.
    Cancelled,
}

impl Outcome {
    /// The class for metrics.
    #[must_use]
    pub fn class(&self) -> OutcomeClass {
        match self {
            Self::Ok => OutcomeClass::Ok,
            Self::Refused { .. } => OutcomeClass::Refused,
            Self::UpstreamRefused(_) => OutcomeClass::UpstreamRefused,
            Self::Error(_) => OutcomeClass::Error,
            Self::Cancelled => OutcomeClass::Cancelled,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Ok => "ok".to_owned(),
            Self::Refused { stage, code } => format!("refused:{stage}:{code}"),
            Self::UpstreamRefused(status) => format!("refused:upstream:{status}"),
            Self::Error(code) => format!("error:{code}"),
            Self::Cancelled => "cancelled".to_owned(),
        }
    }
}

/// One request on its way. Made by the accept stage, ended by [`Call::settle`].
#[derive(Debug)]
pub struct Call {
    /// Where it runs.
    pub gateway: Arc<Gateway>,
    /// Unique, ordered by time; the `x-request-id` of the answer.
    pub id: Uuid,
    /// When its head was complete.
    pub at: Tick,
    /// The door it came through.
    pub surface: Surface,
    /// Who calls, once known. Without one there is no row.
    pub principal: Option<Arc<Principal>>,
    /// On whose behalf, if that was asserted by one who may.
    pub user: Option<UserHash>,
    /// Whom it calls, once known.
    pub route: Option<Arc<Route>>,
    /// Whether the caller asked for a stream.
    pub stream: bool,
    /// Whether it asked for the totals at the end of one (OpenAI).
    pub include_usage: bool,
    /// The languages that it prefers, as it sent them.
    pub accept_language: Option<HeaderValue>,
    /// Whether it was counted in the request windows.
    pub counted: bool,
    /// Its count, where that may still be taken back.
    pub counted_as: Option<Held>,
    /// The tokens that are reserved for it.
    pub reservation: Option<Reservation>,
    /// The money that is reserved for it.
    pub money: Option<Money>,
    /// The budgets it counts in that are nearly used up, for the header that says so.
    pub near_budgets: Vec<Near>,
    /// What attempts cost that were given up, over whichever links.
    pub cost_of_attempts: Cost,
    /// Where it stands with its limits, for the headers.
    pub standings: Standings,
    /// Tools that were taken out of the request, for the header that says so.
    pub stripped_tools: Option<HeaderValue>,
    /// What the screens found and let pass, for the header that says so.
    pub flagged: Option<HeaderValue>,
    /// What its answer may repeat of it, and what not.
    pub guarded: Guarded,
    /// The conversation it belongs to.
    pub conversation: Option<Box<Conversation>>,
    /// What was read of it before a limit refused it.
    pub unheard: Option<Box<Unheard>>,
    /// Calls made upstream.
    pub attempts: u16,
    /// The link that was called last, by its place in the chain.
    pub hop: Option<usize>,
    /// What of the request or the answer the other side's format could not express, for the header that says so.
    pub untranslated: Vec<Cow<'static, str>>,
    /// What it consumed, as far as known.
    pub usage: Option<(Usage, Basis)>,
    /// When the upstream was called.
    pub called: Option<Tick>,
    /// When its first content was there, or the whole of a plain answer.
    pub first_byte: Option<Tick>,
    /// Body bytes received.
    pub bytes_in: u64,
    /// Body bytes sent.
    pub bytes_out: u64,
    /// The caller's own request id, if it sent a usable one.
    pub client_request_id: Option<String>,
    /// Its place in a distributed trace.
    pub trace: TraceContext,
    /// That it alone is served under its idempotency key; whoever waits for its answer hears when this is dropped.
    pub claim: Option<Claim>,
    /// Its attempts that failed.
    pub failures: Vec<Attempt>,
    /// The body of a request whose stream is being relayed: should it break, the error log says what was asked.
    pub asked: Option<Bytes>,
    /// What it asked, as it may stand in a log; made when something fails.
    pub input_summary: String,
    /// What was asked, to be sealed.
    pub prompt: Option<Bytes>,
    /// What was answered, to be sealed.
    pub reply: Option<Bytes>,
    /// What it cost, once that is settled.
    cost: Option<Cost>,
    decisions: Vec<Decision>,
    settled: bool,
}

impl Call {
    /// A call whose head was accepted at `at`, under the id that its answer carries.
    #[must_use]
    pub fn begin(
        gateway: Arc<Gateway>,
        id: Uuid,
        surface: Surface,
        at: Tick,
        trace: TraceContext,
    ) -> Box<Self> {
        gateway.metrics.in_flight.inc();
        Box::new(Self {
            gateway,
            id,
            at,
            surface,
            principal: None,
            user: None,
            route: None,
            stream: false,
            include_usage: false,
            accept_language: None,
            counted: false,
            counted_as: None,
            reservation: None,
            money: None,
            near_budgets: Vec::new(),
            cost_of_attempts: Cost::default(),
            standings: Standings::default(),
            stripped_tools: None,
            flagged: None,
            guarded: Guarded::default(),
            conversation: None,
            unheard: None,
            attempts: 0,
            hop: None,
            untranslated: Vec::new(),
            usage: None,
            called: None,
            first_byte: None,
            bytes_in: 0,
            bytes_out: 0,
            client_request_id: None,
            trace,
            claim: None,
            failures: Vec::new(),
            asked: None,
            input_summary: String::new(),
            prompt: None,
            reply: None,
            cost: None,
            decisions: Vec::with_capacity(10),
            settled: false,
        })
    }

    /// Says in the answer's header what a screen found and let pass.
    pub fn flag(&mut self, what: &str) {
        let flags = match self.flagged.as_ref().and_then(|flags| flags.to_str().ok()) {
            Some(flags) if flags.split(", ").any(|flag| flag == what) => return,
            Some(flags) => format!("{flags}, {what}"),
            None => what.to_owned(),
        };
        self.flagged = HeaderValue::from_str(&flags).ok();
    }

    /// Writes down what a stage decided.
    pub fn decide(&mut self, stage: &'static str, decided: impl Into<Cow<'static, str>>) {
        let at_us = self.gateway.now().since(self.at).as_micros() as u64;
        self.decisions.push(Decision {
            stage,
            decided: decided.into(),
            at_us,
        });
    }

    /// Whether people read what is answered, and not a program.
    #[must_use]
    pub fn is_for_people(&self) -> bool {
        self.route
            .as_ref()
            .is_some_and(|route| route.callee.on_failure == OnFailure::Reply)
    }

    /// The link that was called last.
    #[must_use]
    pub fn link(&self) -> Option<&Hop> {
        self.route.as_ref()?.hops.get(self.hop?)
    }

    /// Notes what a link's format could not express of the request: what the caller is told, and what was dropped by
    /// declaration.
    pub fn lost(&mut self, told: &[Cow<'static, str>], dropped: &[Cow<'static, str>]) {
        self.untranslated = told.to_vec();
        if !told.is_empty() || !dropped.is_empty() {
            let names = told.iter().chain(dropped).map(AsRef::as_ref);
            let names = names.collect::<Vec<_>>().join(", ");
            self.decide("dispatch", format!("goes without {names}"));
        }
    }

    /// The same for an answer, in the caller's format.
    pub fn lost_of_answer(&mut self, told: &[&'static str]) {
        self.untranslated
            .extend(told.iter().map(|name| Cow::Borrowed(*name)));
    }

    /// Hands over the open row: from here on a sudden death of the process is settled as `lost`.
    pub fn open_row(&self) {
        let Some(principal) = &self.principal else { return };
        let bound = self.reservation.as_ref().map(|one| one.bound);
        let bound = bound.or(self.money.as_ref().map(|one| one.bound));
        let row = OpenRow {
            id: self.id,
            at_us: self.at_us(),
            principal: principal.id.clone(),
            user_hash: self.user,
            callee: self.route.as_ref().map(|route| route.id.clone()),
            estimate: bound.map_or_else(Tokens::default, |bound| Tokens {
                input: Some(bound.input),
                output: Some(bound.output),
                ..Tokens::default()
            }),
            cost: self.money.as_ref().map_or_else(Cost::default, |money| Cost {
                nano_usd: Some(money.held.amount()),
                basis: CostBasis::Estimated,
            }),
            counted: self.counted,
        };
        let writer = self.gateway.store.writer();
        match self.money {
            Some(_) => writer.open(row), // what is reserved must outlive this process
            None => writer.open_soon(row),
        }
    }

    /// Ends the trip: counts it and commits its row. Resolves when the row is kept.
    ///
    /// # Errors
    /// The ledger can take no row, neither in the database nor in the spill.
    pub async fn settle(
        mut self: Box<Self>,
        outcome: &Outcome,
        status: u16,
    ) -> Result<(), golive_store::CommitRefused> {
        let Some(row) = self.finish(outcome, status) else {
            return Ok(());
        };
        let gateway = Arc::clone(&self.gateway);
        // The row is complete and owned: if the caller leaves while it is being committed, nothing is lost,
        // because the writer has it already.
        commit(&gateway, row).await
    }

    /// Counts the end of the trip and makes its row; `None` when nobody was identified.
    fn finish(&mut self, outcome: &Outcome, status: u16) -> Option<LedgerRow> {
        self.settled = true;
        self.settle_tokens(outcome);
        self.gateway.metrics.in_flight.dec();
        let latency = self.gateway.now().since(self.at);
        if let Outcome::Refused { stage, code } = outcome {
            self.gateway.metrics.refusal(stage, code);
        }
        self.log(outcome, status);
        let principal = self.principal.as_ref()?;
        if matches!(outcome, Outcome::Refused { .. } | Outcome::UpstreamRefused(_)) || self.attempts == 0 {
            // A refusal carries no body: it may be folded, and a flood of large ones must not be sealed and kept. The
            // same goes for a call that overload or a shutdown ended before it was made.
            (self.prompt, self.reply) = (None, None);
        }
        let usage = self.usage.unwrap_or_default();
        if let Some(route) = &self.route {
            route.metrics.outcome(outcome.class()).inc();
            route.metrics.duration.observe(latency.as_secs_f64());
            let counters = match usage.1 {
                Basis::Reported => Some(&route.metrics.tokens_reported),
                Basis::Estimated => Some(&route.metrics.tokens_estimated),
                Basis::None => None,
            };
            if let Some([input, output]) = counters {
                input.inc_by(usage.0.input.unwrap_or(0));
                output.inc_by(usage.0.output.unwrap_or(0));
            }
            route.metrics.spent(&self.cost.unwrap_or_default());
        }
        Some(LedgerRow {
            id: self.id,
            at_us: self.at_us(),
            principal: principal.id.clone(),
            user_hash: self.user,
            callee: self.route.as_ref().map(|route| route.id.clone()),
            release: self.route.as_ref().map(|route| route.release.clone()),
            wire: self.surface.wire_name().to_owned(),
            route: self.surface.route().to_owned(),
            stream: self.stream,
            outcome: outcome.text(),
            status,
            link: self.link().map(|hop| hop.name.clone()),
            attempts: self.attempts,
            tokens: Tokens {
                input: usage.0.input,
                cached_input: usage.0.cached_input,
                output: usage.0.output,
                reasoning: usage.0.reasoning,
                cache_write: usage.0.cache_write,
            },
            basis: usage.1,
            cost: self.cost.unwrap_or_default(),
            latency_us: latency.as_micros() as u64,
            first_byte_us: self.first_byte.map(|at| at.since(self.at).as_micros() as u64),
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            counted: self.counted,
            folded: 1,
            client_request_id: self.client_request_id.take(),
            trace_id: Some(self.trace.trace_id_hex()),
            decisions: decisions_json(&self.decisions),
            prompt: self.prompt.take(),
            reply: self.reply.take(),
        })
    }

    fn at_us(&self) -> i64 {
        i64::try_from(self.at.0).unwrap_or(i64::MAX)
    }
}

/// Tokens that are reserved for a call.
#[derive(Debug)]
pub struct Reservation {
    /// How they are settled.
    pub held: Held,
    /// The most it can cost.
    pub bound: Bound,
}

/// Money that is reserved for a call.
#[derive(Debug)]
pub struct Money {
    /// How it is settled.
    pub held: MoneyHeld,
    /// In which budgets.
    pub items: Vec<Item>,
    /// The tokens it was reserved for.
    pub bound: Bound,
}

/// The most tokens a call can cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Of its input.
    pub input: u64,
    /// Of its output.
    pub output: u64,
}

impl Bound {
    /// Both together, as a window counts them.
    #[must_use]
    pub fn cost(self) -> u32 {
        u32::try_from(self.input.saturating_add(self.output)).unwrap_or(u32::MAX)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        // Dropped by the shutdown, not by its caller: the answer that went out in its place says the same.
        let (outcome, status) = match self.gateway.cut.is_cancelled() {
            true => (Outcome::Error("shutting_down"), 503),
            false => (Outcome::Cancelled, 0),
        };
        if let Some(row) = self.finish(&outcome, status) {
            let gateway = Arc::clone(&self.gateway);
            let task = Arc::clone(&self.gateway);
            task.tasks.spawn(async move {
                if let Err(error) = commit(&gateway, row).await {
                    tracing::error!(%error, "a cancelled request could not be recorded");
                }
            });
        }
    }
}

async fn commit(gateway: &Gateway, row: LedgerRow) -> Result<(), golive_store::CommitRefused> {
    match gateway.store.writer().commit(row).await? {
        golive_store::Committed::Stored | golive_store::Committed::Unrecorded => {}
        golive_store::Committed::Spilled => {
            gateway.metrics.spilled.inc();
        }
    }
    Ok(())
}

/// `[{"stage":…,"decided":…,"at_us":…}]`. Written by hand: the words are golive's own and need no escaping but
/// the two characters JSON forbids in a string.
fn decisions_json(decisions: &[Decision]) -> String {
    let mut number = itoa::Buffer::new();
    let mut out = String::with_capacity(2 + decisions.len() * 96);
    out.push('[');
    for (i, decision) in decisions.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(r#"{"stage":""#);
        out.push_str(decision.stage);
        out.push_str(r#"","decided":""#);
        if decision
            .decided
            .bytes()
            .any(|byte| byte < b' ' || byte == b'"' || byte == b'\\' || byte == 0x7f)
        {
            let quoted = serde_json::to_string(&decision.decided).unwrap_or_default();
            out.push_str(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
        } else {
            out.push_str(&decision.decided);
        }
        out.push_str(r#"","at_us":"#);
        out.push_str(number.format(decision.at_us));
        out.push('}');
    }
    out.push(']');
    out
}
