//! P4.opens: failures in a row, one call after the other, until none arrives; then the silence.

use std::time::Duration;

use golive_checklist::judge::Scored;
use golive_config::Counted;
use golive_lab::{Arrival, Fault, Match, Rule};

use crate::clock;
use crate::line::{Got, Line, MOMENT};
use crate::target::{Ask, Exchange};

/// A case's rule at the lab and its calls: all carry the marker of the case, each one of its own.
pub(super) fn rule(line: &Line, case: &str) -> Rule {
    Rule {
        matches: Match {
            contains: Some(line.marker(case)),
            ..Match::default()
        },
        ..Rule::default()
    }
}

/// Call `n` of a case.
pub(super) fn ask(line: &Line, case: &str, n: usize) -> Ask {
    let key = format!("{case}-{n}");
    let mut ask = line.ask(&key);
    ask.text = format!("{} {}", ask.text, line.marker(case));
    ask
}

/// Sends call `n` of a case and waits for its end.
pub(super) async fn send(line: &Line, case: &str, n: usize) -> Exchange {
    let call = line
        .ctx
        .target
        .call(&ask(line, case, n))
        .deadline(line.patience());
    line.ctx.target.send(call).await
}

/// The attempts of call `n`; none if nobody knows.
pub(super) async fn attempts_of(line: &Line, case: &str, n: usize) -> Scored<Vec<Arrival>> {
    line.attempts(&format!("{case}-{n}")).await
}

/// A breaker that was made to open, or was not.
pub(super) struct Opened {
    /// All failed attempts, in order.
    pub(super) attempts: Vec<Arrival>,
    /// Calls that made them.
    pub(super) calls: usize,
    /// A call after them did not arrive.
    pub(super) opened: bool,
    /// The number of the lab's last arrival.
    pub(super) since: u64,
    /// The end of the last failure, by the lab's clock.
    pub(super) at_us: u64,
    /// How long the refusal of that call took.
    pub(super) refusal: Option<Duration>,
    /// Why nothing can be said.
    pub(super) missed: Option<String>,
    /// The next number for a call of this case.
    pub(super) next: usize,
}

/// Fails calls with 503 until one does not arrive.
pub(super) async fn open(line: &Line, case: &str) -> Opened {
    let failing = Rule {
        fault: Some(Fault::status(503)),
        ..rule(line, case)
    };
    open_by(line, case, failing, false).await
}

/// The same with streams that break after their first words.
pub(super) async fn by_streams(line: &Line) -> Opened {
    let cut = Fault::Cut {
        after_chunks: 6,
        after_bytes: None,
    };
    let failing = Rule {
        fault: Some(cut),
        ..rule(line, "streams")
    };
    open_by(line, "streams", failing, true).await
}

async fn open_by(line: &Line, case: &str, failing: Rule, stream: bool) -> Opened {
    let breaker = line.ctx.config.dispatch.breaker;
    let per_call = line.ctx.config.dispatch.retry.backoff.len() + 1;
    let limit = breaker.failures as usize * per_call + breaker.failures as usize + 2;
    let mut opened = Opened {
        attempts: Vec::new(),
        calls: 0,
        opened: false,
        since: 0,
        at_us: 0,
        refusal: None,
        missed: None,
        next: 0,
    };
    if let Err(reason) = line.teach(&[failing]).await {
        opened.missed = Some(format!("the lab could not be told to fail ({reason})"));
        return opened;
    }
    while opened.attempts.len() < limit && !line.ctx.cancel.is_cancelled() {
        let n = opened.next;
        opened.next += 1;
        let exchange = if stream {
            let asked = ask(line, case, n).streamed();
            let call = line.ctx.target.call(&asked).deadline(line.patience());
            line.ctx.target.send(call).await
        } else {
            send(line, case, n).await
        };
        match attempts_of(line, case, n).await {
            Scored::Unscored(reason) => {
                opened.missed = Some(format!("the lab cannot be asked ({reason})"));
                break;
            }
            Scored::Scored(none) if none.is_empty() => {
                opened.opened = true;
                opened.refusal = Some(exchange.elapsed);
                break;
            }
            Scored::Scored(some) => {
                opened.calls += 1;
                opened.attempts.extend(some);
            }
        }
    }
    if let Some(last) = opened.attempts.last() {
        opened.since = last.seq;
        opened.at_us = last.finished_at_us.unwrap_or(last.at_us);
    } else if opened.missed.is_none() {
        opened.missed = Some("no call reached the lab".to_owned());
    }
    opened
}

impl Opened {
    /// What it counts, by how many attempts it took; or what is wrong.
    pub(super) fn counted(&self, line: &Line) -> Result<Counted, String> {
        let failures = line.ctx.config.dispatch.breaker.failures as usize;
        let per_call = line.ctx.config.dispatch.retry.backoff.len() + 1;
        let seen = self.attempts.len();
        if !self.opened {
            return Err(format!(
                "after {seen} failed attempts in a row calls still arrive"
            ));
        }
        let declared = line.ctx.config.dispatch.breaker.counts;
        let by_calls = seen == failures * per_call;
        match (seen == failures, by_calls) {
            (true, true) => Ok(declared),
            (true, false) => Ok(Counted::Attempts),
            (false, true) => Ok(Counted::Calls),
            (false, false) => Err(format!(
                "it opened after {seen} failed attempts ({} calls); {failures} failures are declared",
                self.calls
            )),
        }
    }
}

/// What happened while it was open.
#[derive(Default)]
pub(super) struct Silence {
    /// What arrived all the same.
    pub(super) arrived: Vec<Arrival>,
    /// How long each refusal took.
    pub(super) refusals: Vec<Duration>,
    /// Refusals that were no typed error and no words.
    pub(super) odd: Vec<String>,
    /// Of another link meanwhile: answered, and not.
    pub(super) other: (usize, Vec<String>),
    /// From the last failure to its end.
    pub(super) lasted: Duration,
}

/// Asks now and then, up to just before the declared time, and reads what arrived.
pub(super) async fn silence(
    line: &Line,
    case: &str,
    opened: &Opened,
    first: usize,
    other: Option<&Line>,
) -> Silence {
    let open = line.ctx.config.dispatch.breaker.open;
    let Some(left) = left_until(line, opened.at_us, open - margin(open)).await else {
        return Silence {
            refusals: opened.refusal.into_iter().collect(),
            ..Silence::default()
        };
    };
    let interval = (open / 20).clamp(MOMENT, Duration::from_secs(2));
    let count = (left.as_secs_f64() / interval.as_secs_f64()) as usize;
    let asked = futures_util::future::join_all((0..count).map(|n| async move {
        line.ctx.sleep(interval * n as u32).await;
        let exchange = send(line, case, first + n).await;
        let beside = match other {
            Some(other) if n % 3 == 0 => {
                let call = other.call(&format!("beside-{n}")).deadline(other.patience());
                Some(other.ctx.target.send(call).await)
            }
            _ => None,
        };
        (exchange, beside)
    }))
    .await;
    let mut silence = Silence {
        lasted: open - margin(open),
        refusals: opened.refusal.into_iter().collect(),
        ..Silence::default()
    };
    for (exchange, beside) in asked {
        silence.refusals.push(exchange.elapsed);
        match line.got(&exchange) {
            Got::Error(status) if status >= 500 || status == 429 => {}
            Got::Words => {}
            got => silence.odd.push(format!("{got:?}")),
        }
        if let (Some(exchange), Some(other)) = (beside, other) {
            match other.got(&exchange) {
                Got::Answer(_) => silence.other.0 += 1,
                got => silence.other.1.push(format!("{got:?} ({})", exchange.in_short())),
            }
        }
    }
    silence.refusals.sort_unstable();
    if let Scored::Scored(arrived) = line.arrivals(&line.marker(case), opened.since).await {
        silence.arrived = arrived;
    }
    silence
}

/// How much before the declared time the silence ends and the crowd comes.
pub(super) fn margin(open: Duration) -> Duration {
    (open / 10).clamp(Duration::from_millis(150), Duration::from_secs(1))
}

/// From now until so long after that moment of the lab's clock.
pub(super) async fn left_until(line: &Line, from_us: u64, after: Duration) -> Option<Duration> {
    let started = clock::now();
    let health = line.lab.health().await.ok()?;
    let asking = clock::now().saturating_duration_since(started) / 2;
    let since = Duration::from_micros(health.now_us.saturating_sub(from_us)) + asking;
    Some(after.saturating_sub(since))
}
