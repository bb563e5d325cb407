//! M2: the figures before and after against what was sent.

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;

use super::Scraped;
use super::batch::{Batch, Got, SLOW};
use super::dialect::{Found, Histogram, looked_for};
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::part::PartDraft;

/// Clocks of two processes are read at two moments: a share by which the sum of latencies may be below what the lab
/// waited, and what a client's clock may miss of each request.
const SUM_SLACK: f64 = 0.02;
const CLIENT_SLACK_S: f64 = 0.001;

pub(super) fn parts(ctx: &Ctx, scraped: &Scraped, batch: &Batch) -> Vec<PartReport> {
    let judge = Judge { ctx, scraped, batch };
    vec![judge.requests(), judge.latency(), judge.tokens()]
}

struct Judge<'a> {
    ctx: &'a Ctx,
    scraped: &'a Scraped,
    batch: &'a Batch,
}

impl Judge<'_> {
    fn draft(&self, id: &'static str, fix: &str) -> Result<PartDraft, Box<PartReport>> {
        let batch = self.batch;
        let seen = batch.seen >= batch.count(|got| !matches!(got, Got::Spoilt(_)));
        let controls = Controls::new()
            .positive(Positive::new(
                "every request of the batch was seen at the lab",
                Scored::Scored(seen && batch.seen > 0),
                format!("{} of {}", batch.seen, batch.sent()),
            ))
            .negative(Negative::new(
                "without requests the counters stand still",
                Scored::Scored(true), // else the proof has ended before
                "the same count twice, before the batch and after it",
            ));
        let draft = self
            .ctx
            .part(id)
            .fix(fix)
            .scaled(self.ctx.config.scaled)
            .measured("requests_sent", batch.sent())
            .controls(controls);
        match batch.spoilt() {
            Some((count, first)) => Err(Box::new(draft.unproven(format!(
                "{count} of the {} requests of the batch were neither answered nor failed as told ({first})",
                batch.sent()
            )))),
            None => Ok(draft),
        }
    }

    fn not_found(&self, draft: PartDraft, id: &str) -> PartReport {
        draft
            .evidence(self.scraped.pages[1].evidence("the metrics"))
            .unproven(format!(
                "no metric of it is known by name; looked for {}",
                looked_for(id)
            ))
    }

    fn requests(&self) -> PartReport {
        const ID: &str = "M2.requests";
        let draft = match self.draft(
            ID,
            "count each request once, when it is over, by how it ended; streams too",
        ) {
            Ok(draft) => draft,
            Err(report) => return *report,
        };
        let (Some(requests), failed) = (&self.scraped.after.requests, &self.scraped.after.failed) else {
            return self.not_found(draft, ID);
        };
        let errors = self.batch.count(|got| matches!(got, Got::Failed));
        let mut lines = Vec::new();
        let mut tally = Tally::new();
        let before = &self.scraped.before;
        exact(
            &mut tally,
            &mut lines,
            "requests",
            &before.requests,
            requests,
            self.batch.sent(),
        );
        match failed {
            _ if errors == 0 => tally.add_unscored(&UnscoredReason::Unexpected(
                "no request of the batch failed".into(),
            )),
            // Counters of failures appear with the first failure.
            None => tally.add_bad(format!(
                "{errors} requests failed and no counter of failures is known by name"
            )),
            Some(failed) => exact(&mut tally, &mut lines, "errors", &before.failed, failed, errors),
        }
        draft
            .headline(format!(
                "{} requests and {errors} errors counted exactly",
                self.batch.sent()
            ))
            .measured("errors_seen", errors)
            .lines("counters", lines)
            .judged(&tally.judge(&Rule::all_of(2)))
    }

    fn tokens(&self) -> PartReport {
        const ID: &str = "M2.tokens";
        let draft = match self.draft(
            ID,
            "take usage from the provider's answer, in streams too (stream_options), once",
        ) {
            Ok(draft) => draft,
            Err(report) => return *report,
        };
        let (Some(tokens_in), Some(tokens_out)) =
            (&self.scraped.after.tokens_in, &self.scraped.after.tokens_out)
        else {
            return self.not_found(draft, ID);
        };
        let answered = self
            .batch
            .requests
            .iter()
            .filter(|(_, got, _)| matches!(got, Got::Answered));
        let (input, output) = answered
            .map(|(kind, _, _)| kind.usage())
            .fold((0, 0), |(i, o), (a, b)| (i + a, o + b));
        let mut lines = Vec::new();
        let mut tally = Tally::new();
        let before = &self.scraped.before;
        exact(
            &mut tally,
            &mut lines,
            "input tokens",
            &before.tokens_in,
            tokens_in,
            input,
        );
        exact(
            &mut tally,
            &mut lines,
            "output tokens",
            &before.tokens_out,
            tokens_out,
            output,
        );
        draft
            .headline(format!("{input} tokens in and {output} out counted exactly"))
            .measured("tokens_in", input)
            .measured("tokens_out", output)
            .lines("counters", lines)
            .judged(&tally.judge(&Rule::all_of(2)))
    }

    fn latency(&self) -> PartReport {
        const ID: &str = "M2.latency";
        let draft = match self.draft(
            ID,
            "observe each request once in one histogram, from its head to its last byte, streams and failures too",
        ) {
            Ok(draft) => draft,
            Err(report) => return *report,
        };
        let Some(after) = &self.scraped.after.duration else {
            return self.not_found(draft, ID);
        };
        let nothing = Histogram::default();
        let before = self
            .scraped
            .before
            .duration
            .as_ref()
            .map_or(&nothing, |found| &found.value);
        let moved = after.value.since(before);
        let answered = self.batch.count(|got| matches!(got, Got::Answered));
        let mut tally = Tally::new();
        // Some count only what was answered; both are honest, if the sum agrees.
        let of_answered = moved.count == answered as f64;
        if of_answered || moved.count == self.batch.sent() as f64 {
            tally.add_good();
        } else {
            tally.add_bad(format!(
                "{} requests were sent, {answered} of them answered, and the histogram counts {}",
                self.batch.sent(),
                moved.count
            ));
        }
        let counted = self
            .batch
            .requests
            .iter()
            .filter(|(_, got, _)| !of_answered || matches!(got, Got::Answered));
        let (mut least, mut most, mut client) = (0.0, 0.0, Vec::new());
        for (kind, _, elapsed) in counted {
            least += kind.latency().as_secs_f64() * (1.0 - SUM_SLACK);
            most += elapsed.as_secs_f64() + CLIENT_SLACK_S;
            client.push(elapsed.as_secs_f64());
        }
        if moved.sum.is_nan() {
            tally.add_unscored(&UnscoredReason::Unexpected("the histogram has no sum".into()));
        } else if (least..=most).contains(&moved.sum) {
            tally.add_good();
        } else {
            tally.add_bad(format!(
                "its sum grew by {:.3} s; the lab waited {least:.3} s and the client {most:.3} s",
                moved.sum
            ));
        }
        client.sort_by(f64::total_cmp);
        let at = (0.95 * client.len() as f64).ceil() as usize;
        let slowest = client.get(at.saturating_sub(1)).copied().unwrap_or_default() + CLIENT_SLACK_S;
        let known = SLOW.as_secs_f64() * (1.0 - SUM_SLACK);
        let bucket = moved.p95_bucket();
        match bucket {
            Some((low, high)) if high >= known && low <= slowest => tally.add_good(),
            Some((low, high)) => tally.add_bad(format!(
                "its p95 lies between {low} and {high} s; the lab's is {known:.3} s and the client's {slowest:.3} s"
            )),
            None => tally.add_unscored(&UnscoredReason::Unexpected("the histogram has no buckets".into())),
        }
        let lines = moved
            .buckets
            .iter()
            .map(|(end, count)| format!("up to {end} s: {count}"))
            .collect();
        let (low, high) = bucket.unwrap_or_default();
        draft
            .headline(format!(
                "{} latencies, p95 between {low} and {high} s",
                moved.count
            ))
            .measured("metric", after.name)
            .measured("count", moved.count)
            .measured("sum_s", moved.sum)
            .measured("p95_client_s", slowest)
            .measured("p95_lab_s", SLOW.as_secs_f64())
            .lines("what was added to the histogram", lines)
            .judged(&tally.judge(&Rule::all_of(3)))
    }
}

/// Counts whether a counter moved by exactly what was sent.
fn exact(
    tally: &mut Tally,
    lines: &mut Vec<String>,
    what: &str,
    before: &Option<Found<f64>>,
    after: &Found<f64>,
    expected: u64,
) {
    let was = before
        .as_ref()
        .filter(|found| found.name == after.name)
        .map_or(0.0, |found| found.value);
    let moved = after.value - was;
    lines.push(format!(
        "{}: {was} → {}, {what}: {moved} counted, {expected} expected",
        after.name, after.value
    ));
    if moved < 0.0 {
        tally.add_unscored(&UnscoredReason::Unexpected(format!(
            "{} went back: the target restarted",
            after.name
        )));
    } else if moved == expected as f64 {
        tally.add_good();
    } else {
        tally.add_bad(format!("{expected} {what} and {} moved by {moved}", after.name));
    }
}
