//! P4.counts: what does not open a breaker: failures with a success between them, a provider that is busy, the caller's
//! own mistakes, callers who leave.

use std::time::Duration;

use futures_util::future::join_all;
use golive_checklist::judge::Scored;
use golive_config::Counted;
use golive_lab::{Fault, Rule, State};

use super::opens::{ask, attempts_of, rule, send};
use crate::line::{Got, Line};

/// One case that must leave the breaker closed.
pub(super) struct Counting {
    pub(super) name: &'static str,
    /// Failures, or what looks like them, that the lab did.
    pub(super) done: usize,
    /// Calls that did not arrive, or the healthy call after them that was not answered.
    pub(super) refused: Vec<String>,
}

pub(super) async fn all(line: &Line) -> Vec<Counting> {
    let failures = line.ctx.config.dispatch.breaker.failures as usize;
    let mut found = vec![with_a_success_between(line, failures).await];
    let statuses = [
        ("a provider that is busy (429)", "busy", 429),
        ("the caller's own mistakes (400)", "mistakes", 400),
        ("the caller's own mistakes (422)", "mistakes-422", 422),
    ];
    for (name, case, status) in statuses {
        if line.ctx.cancel.is_cancelled() {
            return found;
        }
        found.push(crowd_of(line, name, case, Fault::status(status), failures + 2).await);
    }
    found.push(callers_who_leave(line, failures + 2).await);
    found
}

/// One failure less than opens it, a success, the same again.
async fn with_a_success_between(line: &Line, failures: usize) -> Counting {
    let case = "between";
    let mut found = Counting {
        name: "one failure less than declared, a success, and the same again",
        done: 0,
        refused: Vec::new(),
    };
    let by_calls = line.ctx.config.dispatch.breaker.counts == Counted::Calls;
    let per_call = line.ctx.config.dispatch.retry.backoff.len() + 1;
    let failing = failures - 1;
    let attempts = if by_calls { failing * per_call } else { failing };
    let mut n = 0;
    for round in 0..2 {
        if failing == 0 {
            break;
        }
        let failing = Rule {
            fault: Some(Fault::status(503)),
            times: Some(attempts as u64),
            ..rule(line, case)
        };
        if line.teach(&[failing]).await.is_err() {
            found.refused.push("the lab could not be told to fail".to_owned());
            return found;
        }
        let mut failed = 0;
        // Until a call is answered: the success.
        loop {
            n += 1;
            let exchange = send(line, case, n).await;
            let arrived = match attempts_of(line, case, n).await {
                Scored::Scored(arrived) => arrived,
                Scored::Unscored(_) => break,
            };
            failed += arrived.iter().filter(|at| at.fault.is_some()).count();
            if arrived.is_empty() {
                found.refused.push(format!(
                    "call {} of round {} was refused after {failed} failures in a row",
                    n,
                    round + 1
                ));
                break;
            }
            if matches!(line.got(&exchange), Got::Answer(_))
                || failed > attempts
                || line.ctx.cancel.is_cancelled()
            {
                break;
            }
        }
        found.done += failed;
        if !found.refused.is_empty() {
            break;
        }
    }
    found
}

/// So many calls at once that meet this, then a healthy one.
async fn crowd_of(line: &Line, name: &'static str, case: &str, fault: Fault, count: usize) -> Counting {
    let mut found = Counting {
        name,
        done: 0,
        refused: Vec::new(),
    };
    let meeting = Rule {
        fault: Some(fault),
        ..rule(line, case)
    };
    if line.teach(&[meeting]).await.is_err() {
        return found;
    }
    join_all((0..count).map(|n| send(line, case, n))).await;
    if let Scored::Scored(arrived) = line.arrivals(&line.marker(case), 0).await {
        found.done = arrived.iter().filter(|at| at.fault.is_some()).count();
    }
    after(line, case, &mut found).await;
    found
}

/// So many calls that hang and are left by their callers, then a healthy one.
async fn callers_who_leave(line: &Line, count: usize) -> Counting {
    let case = "leaving";
    let mut found = Counting {
        name: "callers who leave",
        done: 0,
        refused: Vec::new(),
    };
    let hanging = Rule {
        fault: Some(Fault::HangBeforeHeaders),
        ..rule(line, case)
    };
    if line.teach(&[hanging]).await.is_err() {
        return found;
    }
    // No longer than half of the clock that would make it the provider's failure.
    let stay = line.ctx.config.declares.first_byte / 2;
    join_all((0..count).map(|n| async move {
        let call = line
            .ctx
            .target
            .call(&ask(line, case, n))
            .on_fresh_connection()
            .deadline(stay);
        let marker = line.marker(&format!("{case}-{n}"));
        let leaving = async {
            line.first_arrival(&marker, 0, State::Arrived, stay).await;
            line.ctx.sleep(Duration::from_millis(50)).await;
        };
        tokio::select! {
            _ = line.ctx.target.send(call) => {}
            () = leaving => {}
        }
    }))
    .await;
    if let Scored::Scored(arrived) = line.arrivals(&line.marker(case), 0).await {
        found.done = arrived.iter().filter(|at| at.fault.is_some()).count();
    }
    after(line, case, &mut found).await;
    found
}

/// The healthy call that must be answered.
async fn after(line: &Line, case: &str, found: &mut Counting) {
    let key = format!("{case}-after");
    let exchange = line
        .ctx
        .send_patiently(line.call(&key).deadline(line.patience()))
        .await;
    if !matches!(line.got(&exchange), Got::Answer(_)) {
        found.refused.push(format!(
            "the healthy call after {} of them got {}",
            found.done,
            exchange.in_short()
        ));
    }
}
