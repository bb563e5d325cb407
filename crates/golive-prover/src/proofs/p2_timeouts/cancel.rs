//! P2.cancel: the caller hangs up, and the call upstream ends with it.

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::{Evidence, PartReport};
use golive_lab::{Arrival, Fault, Query, State};

use super::clocks::part;
use super::watch::{CLOSED_WITHIN, Case, From, Stage, can_stream};
use crate::control::{Controls, Negative};
use crate::target::{Step, millis};

/// What is left of a clock must be at least this, or its end could not be told from a cancellation.
const TELLABLE: Duration = Duration::from_millis(100);

/// What happened to one call that was left.
struct Left {
    name: &'static str,
    /// The lab's clock when the caller hung up.
    left_at_us: u64,
    /// The longest the lab may hold it from then on.
    within: Duration,
    /// The lab's record, if it saw the call.
    arrival: Option<Arrival>,
    /// It was open when the caller left.
    was_open: bool,
    missed: Option<UnscoredReason>,
}

pub(super) async fn prove(stage: &Stage) -> PartReport {
    let declares = &stage.ctx.config.declares;
    let mut cases = vec![case(
        "left while waiting for a whole answer",
        "p2-cancel-plain",
        Fault::HangBeforeHeaders,
        false,
        declares.first_byte.min(declares.total_request),
    )];
    if can_stream(&stage.ctx.config) {
        cases.push(case(
            "left while waiting for a stream",
            "p2-cancel-wait",
            Fault::HangAfterHeaders,
            true,
            declares.first_byte.min(declares.total_stream),
        ));
        let interval_ms = millis(declares.idle / 4).clamp(20, 250);
        cases.push(case(
            "left in the middle of a stream",
            "p2-cancel-stream",
            Fault::Endless { interval_ms },
            true,
            declares.total_stream,
        ));
    }
    let draft = part(stage, "P2.cancel");
    if let Err(reason) = stage.teach(&cases).await {
        return draft.unproven(format!("the lab could not be told to misbehave ({reason})"));
    }
    let mut tally = Tally::new();
    let mut controls = Controls::new().positive(stage.control.clone());
    let mut lines = Vec::new();
    let mut slowest = Duration::ZERO;
    for case in cases {
        stage.ctx.waiting(case.name);
        let left = leave(stage, &case).await;
        controls = controls.negative(Negative::new(
            format!("the call was open at the lab: {}", left.name),
            match &left.missed {
                Some(reason) => Scored::Unscored(reason.clone()),
                None => Scored::Scored(left.was_open),
            },
            "",
        ));
        lines.push(left.judge(&mut tally, &mut slowest));
    }
    lines.extend(while_a_retry_waits(stage, &mut tally).await);
    draft
        .headline(format!(
            "{} of {} calls ended with their caller, the slowest {} ms later",
            tally.good(),
            tally.scored(),
            millis(slowest)
        ))
        .measured("slowest_cancel_ms", millis(slowest))
        .evidence(Evidence {
            title: "what the lab saw after the caller left".to_owned(),
            lines,
            ..Evidence::default()
        })
        .controls(controls)
        .judged(&tally.judge(&Rule::all_of(1)))
}

fn case(name: &'static str, key: &'static str, fault: Fault, stream: bool, clock: Duration) -> Case {
    Case {
        name,
        key,
        fault,
        stream,
        clock,
        from: From::Start,
        within: false,
    }
}

/// Asks, waits until the lab holds the call, and hangs up.
async fn leave(stage: &Stage, case: &Case) -> Left {
    let mut left = Left {
        name: case.name,
        left_at_us: 0,
        within: Duration::ZERO,
        arrival: None,
        was_open: false,
        missed: None,
    };
    let call = stage
        .call(case.key, case.stream)
        .on_fresh_connection()
        .deadline(case.clock + CLOSED_WITHIN);
    let arrived = Query {
        contains: Some(stage.line.marker(case.key)),
        wait: case.clock.min(Duration::from_secs(5)),
        brief: true,
        ..Query::default()
    };
    let at_lab = stage.lab.timeline(&arrived);
    let asking = async {
        match stage.ctx.target.open(call).await {
            // The first bytes of a stream came: it is being read when the caller leaves.
            Ok(mut live) => {
                let step = live.next(Duration::from_millis(50)).await;
                let over = matches!(step, Step::End(_) | Step::Broken(..));
                (Some(live), over)
            }
            Err(_) => (None, true),
        }
    };
    let mut asking = Box::pin(asking);
    // The answer does not come: what ends the waiting is that the lab has the call. Then everything is dropped.
    let (page, held) = tokio::select! {
        page = at_lab => (page, None),
        (live, over) = &mut asking => {
            if over {
                left.missed = Some(UnscoredReason::Unexpected("answered before the caller could leave".into()));
                return left;
            }
            (stage.lab.timeline(&arrived).await, live)
        }
    };
    let page = match page {
        Ok(page) => page,
        Err(error) => {
            left.missed = Some(UnscoredReason::Transport(error.to_string()));
            return left;
        }
    };
    let Some(arrival) = page.arrivals.first() else {
        left.missed = Some(UnscoredReason::Unexpected(
            "the call did not reach the lab".into(),
        ));
        return left;
    };
    let since = Duration::from_micros(page.now_us.saturating_sub(arrival.at_us));
    // Half of what is left of its clock, or the clock's own end would look like a cancellation.
    left.within = CLOSED_WITHIN.min(case.clock.saturating_sub(since) / 2);
    left.was_open = arrival.finished_at_us.is_none();
    left.left_at_us = page.now_us;
    // Hanging up: dropped, both close their connection.
    drop(held);
    drop(asking);
    let gone = Query {
        since: arrival.seq - 1,
        state: State::ClientGone,
        wait: CLOSED_WITHIN + Duration::from_millis(200),
        ..arrived
    };
    match stage.lab.timeline(&gone).await {
        Ok(page) => left.arrival = page.arrivals.into_iter().next(),
        Err(error) => left.missed = Some(UnscoredReason::Transport(error.to_string())),
    }
    if left.within < TELLABLE {
        left.missed = Some(UnscoredReason::Unexpected(
            "its clock was nearly over when the lab had the call; declare longer clocks".into(),
        ));
    }
    left
}

/// Leaves after the first attempt has failed: no other may follow. Nothing where none would follow anyway.
async fn while_a_retry_waits(stage: &Stage, tally: &mut Tally) -> Option<String> {
    let retry = &stage.ctx.config.dispatch.retry;
    let longest = retry
        .backoff
        .first()?
        .mul_f64(1.0 + f64::from(retry.jitter_percent) / 100.0);
    let key = "p2-cancel-retry";
    // 429: what a breaker does not count, so that the next proof meets none that is open.
    let failing = stage.line.rule(key, Fault::status(429));
    stage.line.teach(&[failing]).await.ok()?;
    let call = stage
        .call(key, false)
        .on_fresh_connection()
        .deadline(stage.line.patience());
    let marker = stage.line.marker(key);
    let first = async {
        stage
            .line
            .first_arrival(&marker, 0, State::Finished, Duration::from_secs(5))
            .await;
        // Within the wait before the retry, as short as it may be.
        let within = longest.mul_f64(0.3);
        stage.ctx.sleep(within.min(Duration::from_millis(200))).await;
    };
    tokio::select! {
        _ = stage.ctx.target.send(call) => return None,
        () = first => {}
    }
    let left_at_us = stage.lab.health().await.ok()?.now_us;
    let second = retry.backoff.get(1).copied().unwrap_or_default();
    stage
        .ctx
        .sleep((longest + second + stage.slack).min(Duration::from_secs(20)))
        .await;
    let Scored::Scored(all) = stage.line.attempts(key).await else {
        return None;
    };
    let after = all.iter().filter(|at| at.at_us > left_at_us + 50_000).count();
    if all.is_empty() {
        return None;
    }
    if after > 0 {
        tally.add_bad(format!(
            "left while a retry waited: {after} attempts followed all the same"
        ));
        return Some(format!("left while a retry waited: {after} attempts followed"));
    }
    tally.add_good();
    Some("left while a retry waited: no attempt followed".to_owned())
}

impl Left {
    fn judge(&self, tally: &mut Tally, slowest: &mut Duration) -> String {
        if let Some(reason) = &self.missed {
            tally.add_unscored(reason);
            return format!("{}: {reason}", self.name);
        }
        let gone = self.arrival.as_ref().and_then(|at| at.client_gone_at_us);
        match gone.map(|at| Duration::from_micros(at.saturating_sub(self.left_at_us))) {
            Some(after) if after <= self.within => {
                *slowest = (*slowest).max(after);
                tally.add_good();
                format!("{}: closed {} ms later", self.name, millis(after))
            }
            Some(after) => {
                tally.add_bad(format!(
                    "{}: the call upstream went on for {} ms",
                    self.name,
                    millis(after)
                ));
                format!("{}: closed only {} ms later", self.name, millis(after))
            }
            None => {
                tally.add_bad(format!("{}: the call upstream went on", self.name));
                format!("{}: still open {} s later", self.name, CLOSED_WITHIN.as_secs())
            }
        }
    }
}
