//! P2: one faulty call watched from both ends: what the caller got and when, and what the lab saw.
//!
//! Never: waits longer than a case's clock, slack and grace; leaves the lab misbehaving.

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::judge::{Scored, UnscoredReason};
use golive_checklist::report::Evidence;
use golive_config::{Target, TargetFormat};
use golive_lab::client::LabClient;
use golive_lab::{Arrival, Fault, Query, Rule, State};

use crate::control::Positive;
use crate::ctx::Ctx;
use crate::line::{Line, models_for};
use crate::target::{Answer, Call, Exchange, Step, millis};

/// The lab must see its connection closed this long after the deadline, and after the caller left.
pub(super) const CLOSED_WITHIN: Duration = Duration::from_secs(2);

/// Waited beyond deadline and slack for an answer that is too late, so that the report can say how late.
const GRACE: Duration = Duration::from_secs(1);

/// The world of this proof: the lab ready to misbehave, and what this machine's clocks are worth.
pub(super) struct Stage {
    pub(super) ctx: Ctx,
    pub(super) lab: LabClient,
    pub(super) line: Line,
    /// What an answer may take beyond its clock.
    pub(super) slack: Duration,
    pub(super) jitter: Duration,
    pub(super) healthy: Duration,
    pub(super) control: Positive,
}

/// One thing that goes wrong.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// In the report.
    pub(super) name: &'static str,
    /// Its rule at the lab.
    pub(super) key: &'static str,
    pub(super) fault: Fault,
    pub(super) stream: bool,
    /// The clock that must end it, and from what it runs.
    pub(super) clock: Duration,
    pub(super) from: From,
    /// A call within its clock: it must be answered whole instead.
    pub(super) within: bool,
}

/// What a clock runs from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// The request.
    Start,
    /// The last byte that came.
    LastByte,
}

/// What both ends saw of one case.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) case: Case,
    pub(super) exchange: Exchange,
    /// From the start of the clock to the end of the answer, as the caller saw it; `None`: it never ended.
    pub(super) ended_after: Option<Duration>,
    pub(super) useful: Result<(), String>,
    pub(super) arrivals: Vec<Arrival>,
}

impl Stage {
    /// Opens the line whose calls will hang: well, and measured.
    pub(super) async fn prepare(ctx: &Ctx) -> Result<Stage, String> {
        let model = models_for(&ctx.config, ItemId::P2).pop().flatten();
        let line = Line::open(ctx, "clocks", model, vec![ctx.config.lab_provider.clone()]).await?;
        Ok(Stage {
            ctx: ctx.clone(),
            lab: line.lab.clone(),
            slack: line.slack,
            jitter: line.jitter,
            healthy: line.healthy,
            control: line.control.clone(),
            line,
        })
    }

    /// Makes the lab do each case's fault to that case's requests, and nothing to all others. What an earlier part broke
    /// must be well again: a breaker may be open.
    pub(super) async fn teach(&self, cases: &[Case]) -> Result<(), UnscoredReason> {
        self.line.heal().await.map_err(UnscoredReason::Unexpected)?;
        let rules: Vec<Rule> = cases
            .iter()
            .map(|case| self.line.rule(case.key, case.fault.clone()))
            .collect();
        self.line.teach(&rules).await
    }

    /// The lab behaves again.
    pub(super) async fn clear(&self) {
        self.line.clear().await;
    }

    pub(super) fn call(&self, key: &str, stream: bool) -> Call {
        let mut ask = self.line.ask(key);
        ask.stream = stream;
        self.ctx.target.call(&ask)
    }

    /// Runs one case to its end, or to the end of its clock, slack and grace.
    pub(super) async fn watch(&self, case: Case) -> Seen {
        let patience = self.patience(&case);
        let call = self
            .call(case.key, case.stream)
            .on_fresh_connection()
            .deadline(patience)
            .body_max(256 * 1024);
        let (exchange, ended_after) = match self.ctx.target.open(call).await {
            Err(exchange) => {
                let ended = exchange.elapsed;
                let silent = matches!(exchange.outcome, Scored::Unscored(UnscoredReason::Timeout));
                (*exchange, (!silent).then_some(ended))
            }
            Ok(mut live) => {
                let mut last = live.head_after;
                let ended = loop {
                    let deadline = match case.from {
                        From::Start => patience,
                        // The silence is what is timed; before it, the first byte has its own clock.
                        From::LastByte => last + patience,
                    };
                    match live.next(deadline.saturating_sub(live.age())).await {
                        Step::Chunk(bytes, at) => {
                            // Its own error event ends the silence, and is not content.
                            if !(case.from == From::LastByte && is_error_event(&bytes)) {
                                last = at;
                            }
                        }
                        Step::End(at) | Step::Broken(_, at) => break Some(at),
                        Step::Silence(_) | Step::Interrupted => break None,
                    }
                    if case.from == From::Start && live.age() >= patience {
                        break None;
                    }
                };
                let from = if case.from == From::LastByte {
                    last
                } else {
                    Duration::ZERO
                };
                let ended_after = ended.map(|at| at.saturating_sub(from));
                let exchange = match ended {
                    // Zero: what has ended is only packed up.
                    Some(_) => live.finish(Duration::from_millis(50) + patience).await,
                    None => live.hang_up(),
                };
                (exchange, ended_after)
            }
        };
        let useful = useful(&exchange, &case, &self.ctx.config);
        let arrivals = self.arrivals(&case).await;
        Seen {
            case,
            exchange,
            ended_after,
            useful,
            arrivals,
        }
    }

    /// Clock, slack and grace. Before the first byte a target may try again: then the clock runs for each attempt, and
    /// the total for all of them.
    fn patience(&self, case: &Case) -> Duration {
        let config = &self.ctx.config;
        let retry = &config.dispatch.retry;
        let waits = retry.backoff.iter().sum::<Duration>() * (100 + retry.jitter_percent) / 100;
        let attempts = u32::try_from(retry.backoff.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let total = if case.stream {
            config.declares.total_stream
        } else {
            config.declares.total_request
        };
        let clock = match case.from {
            From::Start => (case.clock.saturating_mul(attempts) + waits)
                .min(total)
                .max(case.clock),
            From::LastByte => case.clock,
        };
        clock + self.slack + GRACE
    }

    /// The lab's record of a case, once its connections are closed or should be.
    async fn arrivals(&self, case: &Case) -> Vec<Arrival> {
        let query = Query {
            contains: Some(self.line.marker(case.key)),
            state: if case.within {
                State::Finished
            } else {
                State::ClientGone
            },
            wait: CLOSED_WITHIN,
            brief: true,
            ..Query::default()
        };
        let _ = self.lab.timeline(&query).await;
        let all = Query {
            state: State::Arrived,
            wait: Duration::ZERO,
            ..query
        };
        self.lab
            .timeline(&all)
            .await
            .map(|page| page.arrivals)
            .unwrap_or_default()
    }
}

impl Seen {
    /// What both ends saw, in lines.
    pub(super) fn evidence(&self) -> Evidence {
        let mut evidence = self.exchange.evidence(self.case.name);
        evidence.lines.push(format!("caller: {}", self.caller()));
        for (n, at) in self.arrivals.iter().enumerate() {
            let since = |us: Option<u64>| {
                us.map_or_else(
                    || "-".to_owned(),
                    |us| format!("{} ms", (us.saturating_sub(at.at_us)) / 1000),
                )
            };
            evidence.lines.push(format!(
                "lab, attempt {}: first byte after {}, closed by the target after {}, {}",
                n + 1,
                since(at.first_byte_at_us),
                since(at.client_gone_at_us),
                at.fault.as_deref().unwrap_or("no fault"),
            ));
        }
        evidence
    }

    /// `error after 1004 ms`.
    pub(super) fn caller(&self) -> String {
        match (self.ended_after, &self.useful) {
            (None, _) => format!("no end within {} ms", millis(self.exchange.elapsed)),
            (Some(after), Ok(())) => format!("a useful answer after {} ms", millis(after)),
            (Some(after), Err(why)) => format!("{why} after {} ms", millis(after)),
        }
    }
}

/// Whether what came is of use to the caller.
fn useful(exchange: &Exchange, case: &Case, target: &Target) -> Result<(), String> {
    if case.within {
        return match exchange.answer() {
            Some(answer) if case.stream && answer.status.is_success() => Ok(()),
            Some(answer) => match answer.reply(target) {
                Scored::Scored(_) => Ok(()),
                Scored::Unscored(reason) => Err(format!("not answered whole ({reason})")),
            },
            None => Err(format!("not answered ({})", exchange.in_short())),
        };
    }
    let answer = match (&exchange.outcome, &exchange.partial) {
        (Scored::Scored(answer), _) => answer,
        (Scored::Unscored(_), Some(part)) if case.stream => part,
        (Scored::Unscored(reason), _) => return Err(format!("nothing of use ({reason})")),
    };
    if case.stream && answer.status.is_success() && answer.media_type() == "text/event-stream" {
        useful_stream(&answer.body)
    } else {
        useful_whole(answer, target)
    }
}

/// A typed error of the provider's side, or a reply that stands in for one.
pub(super) fn useful_whole(answer: &Answer, target: &Target) -> Result<(), String> {
    let status = answer.status.as_u16();
    match status {
        200..=299 if answer.header("golive-degraded").is_some() && !answer.body.is_empty() => Ok(()),
        200..=299 => match answer.reply(target) {
            Scored::Scored(_) => Ok(()),
            Scored::Unscored(reason) => Err(format!("a {status} of no use ({reason})")),
        },
        408 | 500..=599 if answer.is_wire_error(target.format) => Ok(()),
        408 | 500..=599 => Err(format!("a {status} that is not in the wire format")),
        _ => Err(format!("a {status}, which says that the caller was at fault")),
    }
}

/// A stream that failed must say so, and must not pretend to have ended well.
fn useful_stream(body: &[u8]) -> Result<(), String> {
    let says = is_error_event(body);
    let text = String::from_utf8_lossy(body);
    let clean = text.contains("[DONE]") || text.contains("\"message_stop\"");
    match (says, clean) {
        (true, _) => Ok(()),
        (false, true) => Err("a stream that broke off and pretends to have ended well".to_owned()),
        (false, false) => Err("a stream that ends without a word".to_owned()),
    }
}

/// An error in a stream: OpenAI's `{"error": …}`, Anthropic's `event: error`, or an agent's.
fn is_error_event(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.lines().any(|line| {
        line.trim_end() == "event: error"
            || line
                .strip_prefix("data:")
                .and_then(|data| serde_json::from_str::<serde_json::Value>(data).ok())
                .is_some_and(|data| data.get("error").is_some_and(|error| !error.is_null()))
    })
}

/// Whether the format has a way to be told that a call is a stream.
pub(super) fn can_stream(target: &Target) -> bool {
    super::streams(target) && (target.format != TargetFormat::Http || target.pointers.is_some())
}
