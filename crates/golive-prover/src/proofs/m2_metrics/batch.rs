//! M2: the known batch: so many requests, of known kinds, whose answers the lab makes to measure.
//!
//! Never: leaves its script at the lab.

use std::time::Duration;

use futures_util::StreamExt as _;
use golive_checklist::judge::Scored;
use golive_lab::client::LabClient;
use golive_lab::{Behaviour, Fault, Latency, Match, Query, Rule, Script, StatusBody, Usage};

use crate::ctx::Ctx;
use crate::proofs::l1_smoke::said;
use crate::target::{Ask, Exchange};

/// How long the lab waits before each kind of answer. Far enough apart that no common bucket holds both.
pub(super) const FAST: Duration = Duration::from_millis(20);
pub(super) const SLOW: Duration = Duration::from_millis(150);

/// Requests at a time: enough to be quick, few enough not to queue.
const AT_ONCE: usize = 8;

/// Requests in the batch: 200 as in PROVER §1.1; a scaled target gets fewer.
pub(super) fn size(scaled: bool) -> usize {
    if scaled { 60 } else { 200 }
}

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// The lab answers 500.
    pub(super) fails: bool,
    pub(super) slow: bool,
    pub(super) stream: bool,
    /// A stream that asks for its usage.
    asks_usage: bool,
}

/// What became of one request.
#[derive(Debug, Clone)]
pub(super) enum Got {
    Answered,
    Failed,
    /// A limit, or no answer: the batch is not what it should have been.
    Spoilt(String),
}

/// The batch after it was sent.
pub(super) struct Batch {
    pub(super) requests: Vec<(Kind, Got, Duration)>,
    /// Requests of the batch that the lab saw.
    pub(super) seen: u64,
}

impl Kind {
    /// The kind of request `number`: a fifth slow, a quarter streams, a twentieth failing, none of it streamed.
    pub(super) fn of(number: usize) -> Kind {
        Kind {
            fails: number % 20 == 19,
            slow: number.is_multiple_of(5),
            stream: number % 4 == 1,
            asks_usage: number % 8 == 1,
        }
    }

    /// The word by which the lab's script knows it.
    fn word(self) -> &'static str {
        match (self.fails, self.slow, self.stream) {
            (true, _, _) => "kind-fails",
            (_, false, false) => "kind-fast",
            (_, true, false) => "kind-slow",
            (_, false, true) => "kind-fast-stream",
            (_, true, true) => "kind-slow-stream",
        }
    }

    pub(super) fn latency(self) -> Duration {
        if self.slow && !self.fails { SLOW } else { FAST }
    }

    /// Tokens in and out; different for each kind, so that none can stand in for another.
    pub(super) fn usage(self) -> (u64, u64) {
        match (self.slow, self.stream) {
            (false, false) => (137, 11),
            (true, false) => (211, 13),
            (false, true) => (307, 17),
            (true, true) => (401, 19),
        }
    }
}

impl Batch {
    pub(super) fn sent(&self) -> u64 {
        self.requests.len() as u64
    }

    pub(super) fn count(&self, is: fn(&Got) -> bool) -> u64 {
        self.requests.iter().filter(|(_, got, _)| is(got)).count() as u64
    }

    /// The first thing that spoilt the batch.
    pub(super) fn spoilt(&self) -> Option<(u64, &str)> {
        let first = self.requests.iter().find_map(|(_, got, _)| match got {
            Got::Spoilt(why) => Some(why.as_str()),
            _ => None,
        })?;
        Some((self.count(|got| matches!(got, Got::Spoilt(_))), first))
    }
}

/// Scripts the lab, sends the batch, and puts the lab back.
pub(super) async fn send(ctx: &Ctx) -> Result<Batch, String> {
    let Some(lab) = &ctx.lab else {
        return Err("needs the lab as the target's model (lab_url)".to_owned());
    };
    let marker = ctx.marker("batch");
    let since = lab.counts().await.map_err(|error| error.to_string())?.seq;
    let script = script(&marker);
    lab.set_script(&ctx.config.lab_provider, &script)
        .await
        .map_err(|error| error.to_string())?;
    let total = size(ctx.config.scaled);
    ctx.waiting(format!("a batch of {total} known requests"));
    let requests: Vec<(Kind, Got, Duration)> = futures_util::stream::iter(0..total)
        .map(|number| one(ctx, &marker, number))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let counted = count(ctx, since, &marker).await;
    restore(lab).await;
    let (seen, others) = counted?;
    if others > 0 {
        return Err(format!(
            "other traffic: {others} requests reached the lab during the batch; run it alone"
        ));
    }
    Ok(Batch { requests, seen })
}

/// Scripts, listeners and timeline as the lab started: a script of its owner comes back, ours does not stay.
async fn restore(lab: &LabClient) {
    // A lab that is gone needs no restoring.
    let _ = lab.reset().await;
}

async fn one(ctx: &Ctx, marker: &str, number: usize) -> (Kind, Got, Duration) {
    let kind = Kind::of(number);
    // A person each: a limit per person must not spoil the batch.
    let mut ask =
        Ask::new(format!("Say hello. {marker}-{}.", kind.word())).user(ctx.user(&format!("batch-{number}")));
    ask.stream = kind.stream;
    ask.include_usage = kind.asks_usage;
    let exchange = ctx
        .target
        .send(ctx.target.call(&ask).deadline(Duration::from_secs(30)))
        .await;
    let elapsed = exchange.elapsed;
    (kind, read(ctx, kind, &exchange), elapsed)
}

fn read(ctx: &Ctx, kind: Kind, exchange: &Exchange) -> Got {
    match &exchange.outcome {
        Scored::Scored(answer) if answer.is_limited() => {
            Got::Spoilt("the target's own rate limit answered (429)".into())
        }
        Scored::Scored(answer) if answer.status.is_server_error() => Got::Failed,
        // An agent tells its failure in a reply.
        Scored::Scored(answer)
            if kind.fails && answer.header(ctx.config.replies.marker_header.as_str()).is_some() =>
        {
            Got::Failed
        }
        Scored::Scored(answer) => match said::read(answer, &ctx.config, kind.stream) {
            Ok(_) => Got::Answered,
            Err(why) => Got::Spoilt(why),
        },
        Scored::Unscored(reason) => Got::Spoilt(reason.to_string()),
    }
}

/// Requests the lab saw since then: those of the batch, and others that call a model.
async fn count(ctx: &Ctx, since: u64, marker: &str) -> Result<(u64, u64), String> {
    let (mut since, mut ours, mut others) = (since, 0, 0);
    loop {
        let query = Query {
            since,
            count: 0,
            limit: 1_000,
            ..Query::default()
        };
        let page = match ctx.timeline(&query).await {
            Scored::Scored(page) => page,
            Scored::Unscored(reason) => return Err(format!("the lab cannot be asked: {reason}")),
        };
        for arrival in page.arrivals.iter().filter(|one| one.method == "POST") {
            if arrival.body.contains(marker) {
                ours += 1;
            } else {
                others += 1;
            }
        }
        if !page.more {
            return Ok((ours, others));
        }
        since = page.next;
    }
}

fn script(marker: &str) -> Script {
    let mut rules: Vec<Rule> = Vec::new();
    let kinds = (0..20).map(Kind::of);
    for kind in kinds {
        // The full stop ends the word: `kind-fast` is the beginning of `kind-fast-stream`.
        let contains = Some(format!("{marker}-{}.", kind.word()));
        if rules.iter().any(|rule| rule.matches.contains == contains) {
            continue;
        }
        let (input, output) = kind.usage();
        let ms = u64::try_from(kind.latency().as_millis()).unwrap_or(u64::MAX);
        rules.push(Rule {
            matches: Match {
                contains,
                ..Match::default()
            },
            fault: kind.fails.then(|| Fault::Status {
                code: 500,
                headers: Default::default(),
                body: StatusBody::Wire,
            }),
            behaviour: Some(Behaviour {
                usage: Some(Usage {
                    input,
                    output,
                    ..Usage::default()
                }),
                latency: Some(Latency::Constant { ms }),
                ..Behaviour::default()
            }),
            ..Rule::default()
        });
    }
    Script {
        rules,
        ..Script::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_batch_has_every_kind_and_its_counts_cannot_stand_in_for_each_other() {
        for total in [size(true), size(false)] {
            let kinds: Vec<Kind> = (0..total).map(Kind::of).collect();
            let count = |is: fn(&Kind) -> bool| kinds.iter().filter(|kind| is(kind)).count();
            let (fails, streams) = (count(|k| k.fails), count(|k| k.stream));
            assert_eq!((fails, streams), (total / 20, total / 4));
            assert_eq!(count(|k| k.fails && k.stream), 0);
            assert!(
                count(|k| k.slow && !k.fails) * 20 > total * 2,
                "p95 is that of the slow ones"
            );
            assert!(count(|k| k.asks_usage) > 0 && count(|k| k.stream && !k.asks_usage) > 0);
        }
        assert!(script("m").check().is_ok());
        assert_eq!(script("m").rules.len(), 5);
    }
}
