//! P2: one faulty call watched from both ends: what the caller got and when, and what the lab saw.
//!
//! Never: waits longer than a case's clock, slack and grace; leaves the lab misbehaving.

use std::time::Duration;

use golive_checklist::judge::{Scored, UnscoredReason};
use golive_checklist::report::Evidence;
use golive_config::{Target, TargetFormat};
use golive_lab::client::LabClient;
use golive_lab::{Arrival, Fault, Match, Query, Rule, Script, State};

use crate::clock;
use crate::control::Positive;
use crate::ctx::Ctx;
use crate::target::{Answer, Ask, Call, Credential, Exchange, Step, live_roles, millis};

/// The lab must see its connection closed this long after the deadline, and after the caller left.
pub(super) const CLOSED_WITHIN: Duration = Duration::from_secs(2);

/// Waited beyond deadline and slack for an answer that is too late, so that the report can say how late.
const GRACE: Duration = Duration::from_secs(1);

/// The world of this proof: the lab ready to misbehave, and what this machine's clocks are worth.
pub(super) struct Stage {
    pub(super) ctx: Ctx,
    pub(super) lab: LabClient,
    /// What an answer may take beyond its clock.
    pub(super) slack: Duration,
    pub(super) jitter: Duration,
    pub(super) healthy: Duration,
    pub(super) control: Positive,
    /// The role that asks. A `service` may name users, whose limits nothing has touched.
    role: Option<String>,
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
    /// Measures jitter and the healthy call, and teaches the lab its faults.
    pub(super) async fn prepare(ctx: &Ctx) -> Result<Stage, String> {
        let lab = ctx
            .lab
            .clone()
            .ok_or("needs the lab as the target's model (lab_url)")?;
        let role = live_roles(&ctx.config)
            .find(|role| *role == "service")
            .map(str::to_owned);
        let mut stage = Stage {
            jitter: jitter(ctx).await,
            ctx: ctx.clone(),
            lab,
            slack: Duration::ZERO,
            healthy: Duration::ZERO,
            control: Positive::new(
                "a healthy call is answered and seen at the lab",
                Scored::Scored(false),
                "",
            ),
            role,
        };
        stage.measure_healthy().await?;
        stage.slack = Duration::from_millis(250) + stage.jitter * 8 + stage.healthy * 4;
        Ok(stage)
    }

    async fn measure_healthy(&mut self) -> Result<(), String> {
        let mut last = String::new();
        for n in 0..5 {
            let patience =
                self.ctx.config.declares.first_byte.min(Duration::from_secs(30)) + Duration::from_secs(2);
            let exchange = self
                .ctx
                .target
                .send(self.call("healthy", n, false).deadline(patience))
                .await;
            let reply = exchange.score(|answer| answer.reply(&self.ctx.config));
            last = exchange.in_short();
            match reply {
                Scored::Scored(_) => self.healthy = self.healthy.max(exchange.elapsed),
                Scored::Unscored(reason) => {
                    return Err(format!(
                        "a healthy call is not answered ({reason}); nothing can be timed"
                    ));
                }
            }
        }
        let query = Query {
            contains: Some(self.ctx.marker("healthy")),
            wait: Duration::from_secs(2),
            brief: true,
            ..Query::default()
        };
        match self.lab.timeline(&query).await {
            Ok(page) if !page.arrivals.is_empty() => {
                self.control = Positive::new(
                    "a healthy call is answered and seen at the lab",
                    Scored::Scored(true),
                    last,
                );
                Ok(())
            }
            Ok(_) => Err(
                "healthy calls are answered but never reach the lab, so it cannot make them hang; point the \
                          target's model at lab_url"
                    .to_owned(),
            ),
            Err(error) => Err(format!("the lab cannot be asked ({error})")),
        }
    }

    /// Makes the lab do each case's fault to that case's requests, and nothing to all others.
    pub(super) async fn teach(&self, cases: &[Case]) -> Result<(), UnscoredReason> {
        let rules = cases
            .iter()
            .map(|case| Rule {
                matches: Match {
                    contains: Some(self.ctx.marker(case.key)),
                    ..Match::default()
                },
                fault: Some(case.fault.clone()),
                ..Rule::default()
            })
            .collect();
        let script = Script {
            rules,
            ..Script::default()
        };
        self.lab
            .set_script(&self.ctx.config.lab_provider, &script)
            .await
            .map_err(|error| UnscoredReason::Transport(error.to_string()))
    }

    /// The lab behaves again.
    pub(super) async fn clear(&self) {
        if let Err(error) = self.lab.clear_script(&self.ctx.config.lab_provider).await {
            self.ctx
                .warn(format!("the lab could not be told to behave again ({error})"));
        }
    }

    pub(super) fn call(&self, key: &str, n: u32, stream: bool) -> Call {
        let user = self.ctx.user(&format!("{key}-{n}"));
        let mut ask = Ask::new(format!("Say hello. {}", self.ctx.marker(key))).user(user.clone());
        ask.stream = stream;
        let call = self
            .ctx
            .target
            .call(&ask)
            .without_header("golive-user")
            .header("golive-user", &user);
        match &self.role {
            Some(role) => call.credential(Credential::Role(role.clone())),
            None => call,
        }
    }

    /// Runs one case to its end, or to the end of its clock, slack and grace.
    pub(super) async fn watch(&self, case: Case) -> Seen {
        let patience = self.patience(&case);
        let call = self
            .call(case.key, 0, case.stream)
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

    /// Clock, slack and grace.
    fn patience(&self, case: &Case) -> Duration {
        case.clock + self.slack + GRACE
    }

    /// The lab's record of a case, once its connections are closed or should be.
    async fn arrivals(&self, case: &Case) -> Vec<Arrival> {
        let query = Query {
            contains: Some(self.ctx.marker(case.key)),
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

/// The largest oversleep of twenty short sleeps: what this machine adds to any measured time.
async fn jitter(ctx: &Ctx) -> Duration {
    let nap = Duration::from_millis(5);
    let mut worst = Duration::ZERO;
    for _ in 0..20 {
        let before = clock::now();
        ctx.sleep(nap).await;
        worst = worst.max(clock::now().saturating_duration_since(before).saturating_sub(nap));
    }
    worst
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
