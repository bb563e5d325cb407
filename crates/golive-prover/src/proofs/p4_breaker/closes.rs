//! P4.closes: the whole way of one breaker: open, silent, tried, closed; and with which success it closed.

use golive_lab::Arrival;

use super::opens::{Opened, Silence, open, send, silence};
use super::trial::{Trial, healed};
use crate::line::Line;
use golive_checklist::judge::Scored;

/// Callers of one batch: more than any breaker lets through while it tries.
const BATCH: usize = 10;

/// Batches beyond the declared successes before it counts as never closed.
const PATIENCE: u32 = 4;

/// The whole way.
pub(super) struct Whole {
    pub(super) opened: Opened,
    pub(super) silence: Silence,
    pub(super) trial: Trial,
    /// Good answers before more were let through at once than while it tries.
    pub(super) closed_after: Option<usize>,
    /// All arrivals since the trial call.
    pub(super) arrivals: Vec<Arrival>,
}

pub(super) async fn whole(line: &Line, other: Option<&Line>) -> Whole {
    let case = "whole";
    let opened = open(line, case).await;
    let silence = if opened.opened {
        silence(line, case, &opened, opened.next, other).await
    } else {
        Silence::default()
    };
    let trial = healed(line, case, &opened, opened.next + 1_000).await;
    let breaker = line.ctx.config.dispatch.breaker;
    let mut next = trial.next;
    let mut arrivals = trial.arrivals.clone();
    let mut closed_after = closing(&arrivals, breaker.probes as usize);
    for _ in 0..breaker.successes + PATIENCE {
        if closed_after.is_some() || arrivals.is_empty() || line.ctx.cancel.is_cancelled() {
            break;
        }
        futures_util::future::join_all((0..BATCH).map(|n| send(line, case, next + n))).await;
        next += BATCH;
        if let Scored::Scored(all) = line.arrivals(&line.marker(case), opened.since).await {
            arrivals = all;
        }
        closed_after = closing(&arrivals, breaker.probes as usize);
    }
    Whole {
        opened,
        silence,
        trial,
        closed_after,
        arrivals,
    }
}

/// How many good answers were over when for the first time more than `probes` were under way at once.
fn closing(arrivals: &[Arrival], probes: usize) -> Option<usize> {
    let over = |at: &Arrival, moment: u64| at.finished_at_us.is_some_and(|end| end <= moment);
    arrivals.iter().enumerate().find_map(|(n, one)| {
        let under_way = arrivals[..n].iter().filter(|at| !over(at, one.at_us)).count() + 1;
        let good = arrivals[..n]
            .iter()
            .filter(|at| over(at, one.at_us) && at.fault.is_none());
        (under_way > probes).then(|| good.count())
    })
}
