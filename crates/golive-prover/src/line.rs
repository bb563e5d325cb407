//! P2, P3, P4, E4: one model name of the target, watched from both ends: what its callers get, and every attempt that
//! arrives at the lab's providers behind it.
//!
//! Never: touches another proof's rules at the lab; leaves its own behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::judge::{Scored, UnscoredReason};
use golive_checklist::report::Evidence;
use golive_config::{Capability, Target, TargetFormat};
use golive_lab::client::LabClient;
use golive_lab::nonce::{self, Mark};
use golive_lab::{Arrival, Fault, Match, Query, Rule, State};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::clock;
use crate::control::Positive;
use crate::ctx::Ctx;
use crate::target::{Answer, Ask, Call, Exchange, Words, millis};

/// Healthy calls in a row before a line counts as well: more than the successes that close any sane breaker.
const WELL: u32 = 4;

/// So many healthy calls without an answer of the lab, and nothing more is expected.
const STRIKES: u32 = 3;

/// One model name and what stands behind it.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) ctx: Ctx,
    pub(crate) lab: LabClient,
    /// What calls ask for; the target's own model if `None`.
    pub(crate) model: Option<String>,
    /// The lab's virtual providers behind it, in order.
    pub(crate) providers: Vec<String>,
    /// What this machine's clocks are worth: the largest oversleep of twenty naps.
    pub(crate) jitter: Duration,
    /// The slowest healthy call.
    pub(crate) healthy: Duration,
    /// What an answer may take beyond its time.
    pub(crate) slack: Duration,
    /// A healthy call was answered by one attempt.
    pub(crate) control: Positive,
    owner: String,
}

/// What a caller got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Got {
    /// An answer of the lab, whole, with the marks in it.
    Answer(Vec<Mark>),
    /// An answer without a mark of the lab: the target's own words.
    Words,
    /// A refusal or an error, by its status.
    Error(u16),
    /// Nothing, or something broken off.
    Nothing(UnscoredReason),
}

impl Line {
    /// Opens a line under the name of its owner (part of the item, a purpose): waits until it is well, and measures.
    pub(crate) async fn open(
        ctx: &Ctx,
        owner: &str,
        model: Option<String>,
        providers: Vec<String>,
    ) -> Result<Line, String> {
        let lab = ctx
            .lab
            .clone()
            .ok_or("needs the lab as the target's model (lab_url)")?;
        let mut line = Line {
            jitter: jitter(ctx).await,
            ctx: ctx.clone(),
            lab,
            model,
            providers,
            healthy: Duration::ZERO,
            slack: Duration::ZERO,
            control: Positive::new("a healthy call is one attempt", Scored::Scored(false), ""),
            owner: format!("{}-{owner}", ctx.item).to_lowercase(),
        };
        line.heal().await?;
        line.measure().await?;
        line.slack = Duration::from_millis(250) + line.jitter * 8 + line.healthy * 4;
        Ok(line)
    }

    /// The first provider behind it.
    pub(crate) fn provider(&self) -> &str {
        self.providers.first().map_or("default", String::as_str)
    }

    /// How it is named in the report.
    pub(crate) fn name(&self) -> &str {
        self.model
            .as_deref()
            .or(self.ctx.config.model.as_deref())
            .unwrap_or("the target's model")
    }

    /// The marker of one call of this line.
    pub(crate) fn marker(&self, key: &str) -> String {
        self.ctx.marker(&format!("{}/{}/{key}", self.owner, self.name()))
    }

    /// A question whose attempts are found again by `key`.
    pub(crate) fn ask(&self, key: &str) -> Ask {
        let mut ask = Ask::new(format!("Say hello. {}", self.marker(key))).user(self.ctx.user(&format!(
            "{}/{}/{key}",
            self.owner,
            self.name()
        )));
        ask.model.clone_from(&self.model);
        ask
    }

    /// A plain call of that key.
    pub(crate) fn call(&self, key: &str) -> Call {
        self.ctx.target.call(&self.ask(key))
    }

    /// A rule of the lab for the calls of that key.
    pub(crate) fn rule(&self, key: &str, fault: Fault) -> Rule {
        Rule {
            matches: Match {
                contains: Some(self.marker(key)),
                ..Match::default()
            },
            fault: Some(fault),
            ..Rule::default()
        }
    }

    /// Lays these rules over the line's first provider, in place of the last ones.
    pub(crate) async fn teach(&self, rules: &[Rule]) -> Result<(), UnscoredReason> {
        self.teach_at(self.provider(), rules).await
    }

    /// The same at one of its providers.
    pub(crate) async fn teach_at(&self, provider: &str, rules: &[Rule]) -> Result<(), UnscoredReason> {
        let owner = self.overlay();
        self.lab
            .set_overlay(provider, &owner, rules)
            .await
            .map_err(|error| UnscoredReason::Transport(error.to_string()))
    }

    /// The lab behaves again, as far as this line is concerned.
    pub(crate) async fn clear(&self) {
        for provider in &self.providers {
            let owner = self.overlay();
            if let Err(error) = self.lab.clear_overlay(provider, &owner).await {
                self.ctx
                    .warn(format!("the lab could not be told to behave again ({error})"));
            }
        }
    }

    fn overlay(&self) -> String {
        let name = self
            .name()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
        format!("{}-{}", self.owner, name.collect::<String>())
    }

    /// The attempts of a call, in order of arrival.
    pub(crate) async fn attempts(&self, key: &str) -> Scored<Vec<Arrival>> {
        self.arrivals(&self.marker(key), 0).await
    }

    /// What arrived with this text after `since`, in order.
    pub(crate) async fn arrivals(&self, contains: &str, since: u64) -> Scored<Vec<Arrival>> {
        let query = Query {
            since,
            contains: Some(contains.to_owned()),
            brief: true,
            limit: 5_000,
            ..Query::default()
        };
        self.ctx.timeline(&query).await.map(|page| page.arrivals)
    }

    /// What arrived with this text after `since`, as soon as there is anything, or after `wait`.
    pub(crate) async fn first_arrival(
        &self,
        contains: &str,
        since: u64,
        state: State,
        wait: Duration,
    ) -> Option<Arrival> {
        let query = Query {
            since,
            contains: Some(contains.to_owned()),
            state,
            wait,
            brief: true,
            limit: 1,
            ..Query::default()
        };
        match self.ctx.timeline(&query).await {
            Scored::Scored(page) => page.arrivals.into_iter().next(),
            Scored::Unscored(_) => None,
        }
    }

    /// What an exchange gave its caller.
    pub(crate) fn got(&self, exchange: &Exchange) -> Got {
        got(exchange, &self.ctx.config)
    }

    /// How long a call with all its retries may take.
    pub(crate) fn patience(&self) -> Duration {
        let retry = &self.ctx.config.dispatch.retry;
        let waits: Duration = retry.backoff.iter().sum();
        let longest = waits * (100 + retry.jitter_percent) / 100;
        longest + self.healthy * 8 + self.slack + Duration::from_secs(5)
    }

    /// Waits until healthy calls in a row are answered: an earlier proof may have left a breaker open.
    pub(crate) async fn heal(&self) -> Result<(), String> {
        let breaker = self.ctx.config.dispatch.breaker;
        let patience = breaker.open * 2 + Duration::from_secs(15);
        let started = clock::now();
        let (mut well, mut n, mut strikes) = (0, 0_u32, 0);
        while well < WELL {
            n += 1;
            let key = format!("well-{n}-{}", rand::random::<u32>());
            let call = self
                .call(&key)
                .deadline(self.first_byte() + Duration::from_secs(2));
            let exchange = self.ctx.send_patiently(call).await;
            let last = exchange.in_short();
            if matches!(self.got(&exchange), Got::Answer(_)) {
                well += 1;
                continue;
            }
            if well == 0
                && n == 1
                && exchange
                    .status()
                    .is_some_and(|status| (400..429).contains(&status))
            {
                return Err(format!(
                    "a healthy call of `{}` is refused ({last}); nothing can be watched",
                    self.name()
                ));
            }
            well = 0;
            // A breaker says 503, or that it is degraded. Who says something else, or nothing, is not being healed.
            strikes += u32::from(match self.got(&exchange) {
                Got::Words => exchange.answer().is_some_and(|answer| !degraded(answer)),
                Got::Nothing(_) => true,
                _ => false,
            });
            if strikes >= STRIKES {
                return Err(format!(
                    "healthy calls of `{}` get no answer of the lab ({last}); point the target's model at lab_url",
                    self.name()
                ));
            }
            let waited = clock::now().saturating_duration_since(started);
            if waited > patience || self.ctx.cancel.is_cancelled() {
                return Err(format!(
                    "healthy calls of `{}` are not answered ({last}); nothing can be watched",
                    self.name()
                ));
            }
            self.ctx.waiting(format!("`{}` to be well again", self.name()));
            self.ctx
                .sleep((breaker.open / 8).clamp(MOMENT, Duration::from_secs(2)))
                .await;
        }
        Ok(())
    }

    /// Healthy calls: each is answered with the lab's own mark, by exactly one attempt.
    async fn measure(&mut self) -> Result<(), String> {
        let mut attempts_max = 0;
        let mut last = String::new();
        for n in 0..3 {
            let key = format!("healthy-{n}");
            let patience = self.first_byte() + Duration::from_secs(2);
            let exchange = self.ctx.send_patiently(self.call(&key).deadline(patience)).await;
            last = exchange.in_short();
            self.healthy = self.healthy.max(exchange.elapsed);
            match self.attempts(&key).await {
                Scored::Scored(all) if all.is_empty() => {
                    return Err(
                        "healthy calls are answered but never reach the lab, so it cannot make them fail; point \
                         the target's model at lab_url"
                            .to_owned(),
                    );
                }
                Scored::Scored(all) => attempts_max = attempts_max.max(all.len()),
                Scored::Unscored(reason) => return Err(format!("the lab cannot be asked ({reason})")),
            }
        }
        self.control = Positive::new(
            format!("a healthy call of `{}` is one attempt", self.name()),
            Scored::Scored(attempts_max == 1),
            format!("{last}, {attempts_max} at the lab"),
        );
        Ok(())
    }

    fn first_byte(&self) -> Duration {
        self.ctx.config.declares.first_byte.min(Duration::from_secs(60))
    }
}

/// The models of `links.one`, or the target's own.
pub(crate) fn single_links(target: &Target) -> Vec<Option<String>> {
    match target.dispatch.links.one.as_slice() {
        [] => vec![None],
        named => named.iter().cloned().map(Some).collect(),
    }
}

/// Lines to all those models that are well, opened side by side.
pub(crate) async fn open_all(
    ctx: &Ctx,
    owner: &str,
    models: Vec<Option<String>>,
) -> Result<Vec<Line>, String> {
    let providers = vec![ctx.config.lab_provider.clone()];
    let opening = models
        .into_iter()
        .map(|model| Line::open(ctx, owner, model, providers.clone()));
    futures_util::future::join_all(opening)
        .await
        .into_iter()
        .collect()
}

/// What an exchange gave its caller.
pub(crate) fn got(exchange: &Exchange, target: &Target) -> Got {
    match &exchange.outcome {
        Scored::Scored(answer) if answer.status.is_success() && !degraded(answer) => {
            let words = Words::of(answer, target);
            let marks = nonce::find_all(&words.text);
            if marks.is_empty() && words.calls.is_empty() {
                Got::Words
            } else {
                Got::Answer(marks)
            }
        }
        Scored::Scored(answer) if answer.status.is_success() => Got::Words,
        Scored::Scored(answer) => Got::Error(answer.status.as_u16()),
        Scored::Unscored(reason) => Got::Nothing(reason.clone()),
    }
}

fn degraded(answer: &Answer) -> bool {
    answer.header("golive-degraded").is_some()
}

/// A tool that no matrix has anything against.
const TOOL: &str = "lookup";

/// The tool that is offered: of those in the declared matrix the one that most roles may use, so that the calling one may.
pub(crate) fn tool_name(target: &Target) -> String {
    let mut allowed: BTreeMap<&str, usize> = BTreeMap::new();
    for one in target.matrix.values().flatten() {
        if let Capability::Tool(name) = one {
            *allowed.entry(name).or_default() += 1;
        }
    }
    let most = allowed.into_iter().max_by_key(|(_, roles)| *roles);
    most.map_or_else(|| TOOL.to_owned(), |(name, _)| name.to_owned())
}

/// The same as a request offers it.
pub(crate) fn tool(target: &Target) -> Value {
    json!({"type": "function", "function": {
        "name": tool_name(target), "description": "Looks something up.",
        "parameters": {"type": "object", "properties": {"order": {"type": "string"}}},
    }})
}

/// Whether the target's format has streams.
pub(crate) fn streams(target: &Target) -> bool {
    target.format != TargetFormat::Http || target.pointers.as_ref().is_some_and(|at| at.stream.is_some())
}

/// A call's attempts as lines of evidence: when each came, how it went.
pub(crate) fn timeline(title: impl Into<String>, attempts: &[Arrival]) -> Evidence {
    let start = attempts.first().map_or(0, |first| first.at_us);
    let lines = attempts.iter().enumerate().map(|(n, at)| {
        let lasted = at.finished_at_us.map_or_else(
            || "open".to_owned(),
            |end| format!("{} ms", (end - at.at_us.min(end)) / 1_000),
        );
        format!(
            "{:>8} ms  attempt {} at {}: {}, lasted {lasted}",
            (at.at_us - start) / 1_000,
            n + 1,
            at.provider,
            at.fault.as_deref().unwrap_or("answered"),
        )
    });
    Evidence {
        title: title.into(),
        lines: lines.collect(),
        ..Evidence::default()
    }
}

/// The waits between attempts: from the end of one to the arrival of the next.
pub(crate) fn gaps(attempts: &[Arrival]) -> Vec<Duration> {
    let gap = |pair: &[Arrival]| {
        let end = pair[0].finished_at_us.unwrap_or(pair[0].at_us).min(pair[1].at_us);
        Duration::from_micros(pair[1].at_us - end)
    };
    attempts.windows(2).map(gap).collect()
}

/// How busy this machine is while something is measured: the largest oversleep of short naps, one after the other.
pub(crate) struct Pulse {
    worst_us: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Pulse {
    /// Begins to nap.
    pub(crate) fn start() -> Pulse {
        let worst_us = Arc::new(AtomicU64::new(0));
        let worst = Arc::clone(&worst_us);
        let task = clock::start(async move {
            let nap = Duration::from_millis(20);
            loop {
                let before = clock::now();
                tokio::time::sleep(nap).await;
                let late = clock::now().saturating_duration_since(before).saturating_sub(nap);
                worst.fetch_max(
                    u64::try_from(late.as_micros()).unwrap_or(u64::MAX),
                    Ordering::Relaxed,
                );
            }
        });
        Pulse { worst_us, task }
    }

    /// The largest oversleep so far.
    pub(crate) fn worst(&self) -> Duration {
        Duration::from_micros(self.worst_us.load(Ordering::Relaxed))
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The largest oversleep of twenty short sleeps: what this machine adds to any measured time.
pub(crate) async fn jitter(ctx: &Ctx) -> Duration {
    let nap = Duration::from_millis(5);
    let mut worst = Duration::ZERO;
    for _ in 0..20 {
        let before = clock::now();
        ctx.sleep(nap).await;
        worst = worst.max(clock::now().saturating_duration_since(before).saturating_sub(nap));
    }
    worst
}

/// `1200 ms`, for lines of reports.
pub(crate) fn ms(time: Duration) -> String {
    format!("{} ms", millis(time))
}

/// Between two looks at something that changes by itself.
pub(crate) const MOMENT: Duration = Duration::from_millis(100);

/// With so many single links P2, P3 and P4 have some of their own, and run side by side.
pub(crate) const LINES_APART: usize = 6;

/// The single links that an item breaks: its own, where there are enough for all three.
pub(crate) fn models_for(target: &Target, item: ItemId) -> Vec<Option<String>> {
    let mut all = single_links(target);
    let apart = all.len() >= LINES_APART;
    match item {
        ItemId::P2 => all.pop().into_iter().collect(),
        ItemId::P3 if apart => vec![all.swap_remove(all.len() - 2)],
        ItemId::P3 => all.pop().into_iter().collect(),
        _ if apart => {
            all.truncate(all.len() - 2);
            all
        }
        _ => all,
    }
}
