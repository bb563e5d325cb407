//! P4.probe, P4.reopens: a crowd that asks again from just before the declared time, and what arrives of it.

use std::time::Duration;

use golive_checklist::judge::Scored;
use golive_lab::{Arrival, Behaviour, Fault, Latency, Rule, State};
use tokio_util::sync::CancellationToken;

use super::opens::{Opened, Silence, left_until, margin, open, rule, send, silence};
use crate::clock;
use crate::line::{Got, Line};
use crate::target::millis;

/// Callers that wait for a provider to come back.
const CROWD: usize = 50;

/// Callers where one trial call is all that is wanted.
const FEW: usize = 6;

/// Between two tries of one caller.
const AGAIN: Duration = Duration::from_millis(500);

/// How long the provider takes over a good answer, so that two at once are seen side by side.
pub(super) fn takes(line: &Line) -> Duration {
    (line.ctx.config.dispatch.breaker.open / 4)
        .min(line.ctx.config.declares.first_byte / 3)
        .clamp(Duration::from_millis(200), Duration::from_millis(500))
}

/// A provider that is well again, and takes its time.
pub(super) fn well(line: &Line, case: &str) -> Rule {
    Rule {
        behaviour: Some(Behaviour {
            latency: Some(Latency::Constant {
                ms: millis(takes(line)),
            }),
            ..Behaviour::default()
        }),
        ..rule(line, case)
    }
}

/// What arrived of a crowd.
pub(super) struct Trial {
    /// From the last failure to the first arrival.
    pub(super) after: Option<Duration>,
    /// Arrivals while the first of them was being answered, itself included.
    pub(super) at_once: usize,
    pub(super) arrivals: Vec<Arrival>,
    /// The next number for a call of the case.
    pub(super) next: usize,
}

/// Lets a crowd ask, from just before the declared time until a trial call has been seen and answered.
pub(super) async fn crowd(line: &Line, case: &str, opened: &Opened, first: usize, callers: usize) -> Trial {
    if !opened.opened {
        // It never opened, so nothing is due.
        return Trial {
            after: None,
            at_once: 0,
            arrivals: Vec::new(),
            next: first,
        };
    }
    let open = line.ctx.config.dispatch.breaker.open;
    if let Some(left) = left_until(line, opened.at_us, open - margin(open)).await {
        line.ctx.sleep(left).await;
    }
    let done = CancellationToken::new();
    let rounds = ((margin(open) * 2 + line.slack + Duration::from_secs(3)).as_secs_f64()
        / AGAIN.as_secs_f64()) as usize;
    let caller = |n: usize| {
        let done = done.clone();
        async move {
            // Spread over the interval: a crowd, not a volley that only comes four times a second.
            line.ctx.sleep(AGAIN * n as u32 / callers as u32).await;
            for round in 0..rounds {
                if done.is_cancelled() || line.ctx.cancel.is_cancelled() {
                    return;
                }
                send(line, case, first + round * callers + n).await;
                tokio::select! {
                    () = tokio::time::sleep(AGAIN) => {}
                    () = done.cancelled() => return,
                }
            }
        }
    };
    let watch = async {
        let marker = line.marker(case);
        let wait = margin(open) * 2 + line.slack + Duration::from_secs(3);
        line.first_arrival(&marker, opened.since, State::Arrived, wait)
            .await;
        line.ctx.sleep(takes(line)).await;
        done.cancel();
    };
    let crowd = futures_util::future::join_all((0..callers).map(caller));
    tokio::join!(crowd, watch);
    let arrivals = match line.arrivals(&line.marker(case), opened.since).await {
        Scored::Scored(arrivals) => arrivals,
        Scored::Unscored(_) => Vec::new(),
    };
    let after = arrivals
        .first()
        .map(|first| Duration::from_micros(first.at_us.saturating_sub(opened.at_us)));
    let at_once = arrivals.first().map_or(0, |first| {
        let end = first.finished_at_us.unwrap_or(u64::MAX);
        arrivals.iter().filter(|at| at.at_us < end).count()
    });
    Trial {
        after,
        at_once,
        arrivals,
        next: first + rounds * callers + callers,
    }
}

/// The full crowd, of a provider that is well again.
pub(super) async fn healed(line: &Line, case: &str, opened: &Opened, first: usize) -> Trial {
    // Taught in the silence: nothing arrives meanwhile.
    if line.teach(&[well(line, case)]).await.is_err() {
        line.ctx.warn("the lab could not be told to be well again");
    }
    crowd(line, case, opened, first, CROWD).await
}

/// A trial call that failed, and what followed.
pub(super) struct Again {
    pub(super) opened: Opened,
    /// The trial call that failed.
    pub(super) first: Trial,
    /// The silence after it.
    pub(super) silence: Silence,
    /// The trial call after that.
    pub(super) second: Trial,
}

/// Opens a breaker, lets its trial call fail, and waits for the next.
pub(super) async fn failed(line: &Line) -> Again {
    let case = "failed";
    let opened = open(line, case).await;
    let first = crowd(line, case, &opened, opened.next, FEW).await;
    let reopened = Opened {
        attempts: first.arrivals.clone(),
        since: first.arrivals.first().map_or(opened.since, |at| at.seq),
        at_us: first
            .arrivals
            .first()
            .map_or(opened.at_us, |at| at.finished_at_us.unwrap_or(at.at_us)),
        calls: 1,
        opened: opened.opened && !first.arrivals.is_empty(),
        refusal: None,
        missed: None,
        next: first.next,
    };
    let silence = if reopened.opened {
        silence(line, case, &reopened, reopened.next, None).await
    } else {
        Silence::default()
    };
    let second = healed(line, case, &reopened, reopened.next + 1_000).await;
    Again {
        opened,
        first,
        silence,
        second,
    }
}

/// A trial call that hung, and what followed.
pub(super) struct Hung {
    pub(super) opened: Opened,
    /// It hung, by the lab's record.
    pub(super) hung: bool,
    /// From its arrival until a call was answered again.
    pub(super) back_after: Option<Duration>,
    /// What that may take.
    pub(super) within: Duration,
    pub(super) arrivals: Vec<Arrival>,
}

/// Opens a breaker, lets its trial call hang, and waits for the next that is answered.
pub(super) async fn hung(line: &Line) -> Hung {
    let case = "hung";
    let opened = open(line, case).await;
    if !opened.opened {
        return Hung {
            opened,
            hung: false,
            back_after: None,
            within: Duration::ZERO,
            arrivals: Vec::new(),
        };
    }
    let open = line.ctx.config.dispatch.breaker.open;
    let hanging = Rule {
        fault: Some(Fault::HangBeforeHeaders),
        times: Some(1),
        ..rule(line, case)
    };
    if line.teach(&[hanging]).await.is_err() {
        line.ctx.warn("the lab could not be told to hang");
    }
    let declares = &line.ctx.config.declares;
    // Its own clock, then open once more, and as long again for one that replaces it by a lease instead.
    let within = declares.first_byte + open * 2 + line.slack + Duration::from_secs(2);
    if let Some(left) = left_until(line, opened.at_us, open - margin(open)).await {
        line.ctx.sleep(left).await;
    }
    let stop = CancellationToken::new();
    let marker = line.marker(case);
    let trying = async {
        let interval = (open / 20).clamp(Duration::from_millis(100), Duration::from_secs(1));
        let started = clock::now();
        let mut n = opened.next;
        // One caller hangs with the trial call; the others go on asking.
        let mut waiting = futures_util::stream::FuturesUnordered::new();
        loop {
            if clock::now().saturating_duration_since(started) > within + margin(open) * 2 {
                break;
            }
            n += 1;
            let at = n;
            waiting.push(async move { send(line, case, at).await });
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                () = line.ctx.cancel.cancelled() => break,
            }
            let mut back = false;
            while let Some(Some(exchange)) =
                futures_util::FutureExt::now_or_never(futures_util::StreamExt::next(&mut waiting))
            {
                back |= matches!(line.got(&exchange), Got::Answer(_));
            }
            if back {
                break;
            }
        }
        stop.cancel();
    };
    trying.await;
    let arrivals = match line.arrivals(&marker, opened.since).await {
        Scored::Scored(arrivals) => arrivals,
        Scored::Unscored(_) => Vec::new(),
    };
    let trial = arrivals.first().cloned();
    let answered = arrivals
        .iter()
        .find(|at| at.fault.is_none() && at.finished_at_us.is_some());
    let back_after = trial
        .as_ref()
        .zip(answered)
        .map(|(trial, answered)| Duration::from_micros(answered.at_us.saturating_sub(trial.at_us)));
    Hung {
        hung: trial.is_some_and(|at| at.fault.is_some()),
        opened,
        back_after,
        within,
        arrivals,
    }
}
