//! P2.queue: every place is held, and who waits longer than declared is told so.

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_config::Target;
use golive_lab::{Fault, Query};
use tokio_util::sync::CancellationToken;

use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::line::{Got, Line, ms, streams};
use crate::plan::PartPlan;
use crate::target::{Exchange, Step, millis};

const PART: &str = "P2.queue";

/// Calls that wait in vain.
const WAITING: usize = 3;

/// The longest wait that a run sits out.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// How much too early a caller may be told: a tenth of the wait, at least this.
const EARLY: Duration = Duration::from_millis(100);

pub(super) fn plan(target: &Target) -> PartPlan {
    let queue = &target.queue;
    if target.lab_url.is_none() {
        PartPlan::no(
            PART,
            "the lab as the target's model (lab_url)",
            "only a provider that holds calls on command fills the places before a queue",
        )
    } else if target.dispatch.links.queued.is_none() || queue.concurrency.is_none() {
        PartPlan::no(
            PART,
            "a model that serves few calls at a time (links.queued and queue.concurrency)",
            "its places are held, and who waits longer than declared must be told so",
        )
    } else if !streams(target) {
        PartPlan::no(
            PART,
            "a format that streams",
            "streams without end hold the places for as long as the queue's clock runs",
        )
    } else if queue.wait > PATIENCE {
        PartPlan::no(
            PART,
            format!("a declared queue.wait of at most {} min", PATIENCE.as_secs() / 60),
            "declare a shorter wait for staging; the report then says scaled",
        )
    } else if target.declares.total_stream < queue.wait + queue.wait / 2 {
        PartPlan::no(
            PART,
            format!(
                "a declared total_stream beyond one and a half times the queue's wait of {} ms",
                millis(queue.wait)
            ),
            "the streams that hold the places would be cut before who waits is told",
        )
    } else {
        let requests = u64::from(queue.concurrency.unwrap_or(1)) + 12;
        PartPlan::yes(PART, requests, queue.wait + queue.wait / 2)
    }
}

pub(super) async fn prove(ctx: &Ctx) -> PartReport {
    let queue = &ctx.config.queue;
    let model = ctx.config.dispatch.links.queued.clone();
    let line = match Line::open(ctx, "queue", model, vec![ctx.config.lab_provider.clone()]).await {
        Ok(line) => line,
        Err(reason) => return ctx.part(PART).unproven(reason),
    };
    let places = queue.concurrency.unwrap_or(1) as usize;
    let endless = Fault::Endless { interval_ms: 100 };
    let rules: Vec<golive_lab::Rule> = (0..places)
        .map(|n| line.rule(&hold(n), endless.clone()))
        .collect();
    if let Err(reason) = line.teach(&rules).await {
        return ctx
            .part(PART)
            .unproven(format!("the lab could not be told to hold calls ({reason})"));
    }
    ctx.waiting(format!(
        "who waits in the queue to be told so, {} s",
        queue.wait.as_secs()
    ));
    let (one_leaves, all_leave) = (CancellationToken::new(), CancellationToken::new());
    let holders = (0..places).map(|n| {
        let leave = if n == 0 {
            one_leaves.clone()
        } else {
            all_leave.clone()
        };
        holder(&line, n, leave)
    });
    let asking = async {
        let held = held(&line, places).await;
        let waited = futures_util::future::join_all((0..WAITING).map(|n| waiting(&line, n))).await;
        // And one whose turn comes.
        let turn = async {
            let key = "turn";
            let call = line.call(key).deadline(queue.wait + line.patience());
            line.ctx.target.send(call).await
        };
        let leaving = async {
            line.ctx.sleep(queue.wait / 3).await;
            one_leaves.cancel();
        };
        let (turn, ()) = tokio::join!(turn, leaving);
        one_leaves.cancel();
        all_leave.cancel();
        (held, waited, turn)
    };
    let (_, (held, waited, turn)) = tokio::join!(futures_util::future::join_all(holders), asking);
    line.clear().await;
    judge(&line, places, held, &waited, &turn)
}

fn hold(n: usize) -> String {
    format!("hold-{n}")
}

/// Reads a stream without end until told to leave.
async fn holder(line: &Line, n: usize, leave: CancellationToken) {
    let mut ask = line.ask(&hold(n));
    ask.stream = true;
    let queue = &line.ctx.config.queue;
    let call = line
        .ctx
        .target
        .call(&ask)
        .on_fresh_connection()
        .deadline(queue.wait * 2 + line.patience())
        .body_max(64 * 1024);
    let reading = async {
        let Ok(mut live) = line.ctx.target.open(call).await else {
            return;
        };
        while let Step::Chunk(..) = live.next(queue.wait * 2).await {}
    };
    tokio::select! {
        () = reading => {}
        () = leave.cancelled() => {}
    }
}

/// How many of the places are held, once all are or should be.
async fn held(line: &Line, places: usize) -> usize {
    let mut held = 0;
    for n in 0..places {
        let query = Query {
            contains: Some(line.marker(&hold(n))),
            wait: Duration::from_secs(5),
            brief: true,
            ..Query::default()
        };
        if let Scored::Scored(page) = line.ctx.timeline(&query).await {
            held += usize::from(page.arrivals.iter().any(|at| at.finished_at_us.is_none()));
        }
    }
    held
}

async fn waiting(line: &Line, n: usize) -> (Exchange, Scored<usize>) {
    let key = format!("waiting-{n}");
    let wait = line.ctx.config.queue.wait;
    let call = line
        .call(&key)
        .deadline(wait + line.slack + Duration::from_secs(5));
    let exchange = line.ctx.target.send(call).await;
    let arrived = line.attempts(&key).await.map(|all| all.len());
    (exchange, arrived)
}

fn judge(
    line: &Line,
    places: usize,
    held: usize,
    waited: &[(Exchange, Scored<usize>)],
    turn: &Exchange,
) -> PartReport {
    let wait = line.ctx.config.queue.wait;
    let (least, most) = (wait.saturating_sub((wait / 10).max(EARLY)), wait + line.slack);
    let mut tally = Tally::new();
    let mut longest = Duration::ZERO;
    for (exchange, arrived) in waited {
        longest = longest.max(exchange.elapsed);
        let arrived = match arrived {
            Scored::Scored(count) => *count,
            Scored::Unscored(reason) => {
                tally.add_unscored(reason);
                continue;
            }
        };
        match line.got(exchange) {
            _ if arrived > 0 => tally.add_bad(format!(
                "a call reached the provider while {held} were under way, {places} at a time are declared"
            )),
            Got::Nothing(UnscoredReason::Timeout) => tally.add_bad(format!(
                "who waits is not told within {}, {} are declared",
                ms(exchange.elapsed),
                ms(wait)
            )),
            Got::Nothing(reason) => tally.add_unscored(&reason),
            _ if exchange.elapsed < least => tally.add_bad(format!(
                "who waits was sent away after {} ({}), {} are declared",
                ms(exchange.elapsed),
                exchange.in_short(),
                ms(wait)
            )),
            _ if exchange.elapsed > most => tally.add_bad(format!(
                "who waits was told only after {}, {} are declared",
                ms(exchange.elapsed),
                ms(wait)
            )),
            Got::Error(status) if status >= 500 || status == 408 || status == 429 => tally.add_good(),
            Got::Words => tally.add_good(),
            got => tally.add_bad(format!("who waited too long got {got:?}")),
        }
    }
    let served = matches!(line.got(turn), Got::Answer(_));
    tally.add(Scored::Scored(served), |served| {
        served
            .then_some(())
            .ok_or_else(|| format!("a call whose turn came was not answered ({})", turn.in_short()))
    });
    line.ctx
        .part(PART)
        .headline(format!("{} of {} as they must be; told after {} at the latest", tally.good(), tally.scored(), ms(longest)))
        .declared("queue_wait_ms", millis(wait))
        .declared("concurrency", places)
        .checklist("queue_wait_ms", 300_000)
        .measured("told_after_ms", millis(longest))
        .measured("slack_ms", millis(line.slack))
        .scaled(line.ctx.config.scaled)
        .evidences(waited.iter().map(|(exchange, _)| exchange.evidence("a call that waited in vain")))
        .evidences([turn.evidence("a call whose turn came")])
        .fix("give each waiting call a deadline of its own, and answer a typed 503 with Retry-After when it is over")
        .controls(
            Controls::new()
                .positive(line.control.clone())
                .positive(Positive::new(
                    "a call whose turn comes in time is answered",
                    Scored::Scored(served),
                    turn.in_short(),
                ))
                .negative(Negative::new(
                    "all places were really held",
                    Scored::Scored(held == places),
                    format!("{held} of {places}"),
                )),
        )
        .judged(&tally.judge(&Rule::all_of(2)))
}
