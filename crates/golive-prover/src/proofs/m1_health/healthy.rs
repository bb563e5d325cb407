//! M1.healthy: when all is well, health says 200 at once, names its dependencies, and shows nothing secret.

use golive_checklist::judge::{Rule, Scored, Tally};
use golive_checklist::report::PartReport;

use super::reading::{self, Dependency};
use super::{ANSWER_WITHIN, ask_health, pause, question};
use crate::clock;
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::target::{Call, Credential, Exchange, live_roles, millis};

/// How often health is asked while nothing is wrong.
const TIMES: usize = 5;

/// The target before anything is broken.
pub(super) struct Baseline {
    /// A real request.
    pub(super) request: Exchange,
    /// Health after it.
    pub(super) health: Exchange,
    /// Health was that of a healthy target.
    pub(super) well: bool,
    /// What it named.
    pub(super) named: Vec<Dependency>,
}

impl Baseline {
    /// The request was answered.
    pub(super) fn works(&self, ctx: &Ctx) -> Scored<bool> {
        self.request
            .score(|answer| answer.reply(&ctx.config).map(|_| true))
    }
}

/// Sends a real request and waits until health is well, at most the declared time: an earlier proof may have broken
/// the same provider.
pub(super) async fn baseline(ctx: &Ctx) -> Baseline {
    let patience = ctx.config.declares.first_byte + ctx.config.declares.health_detect;
    let request = ctx.target.send(question(ctx, "before").deadline(patience)).await;
    let started = clock::now();
    loop {
        let health = ask_health(ctx).await;
        let well = health
            .answer()
            .is_some_and(|answer| reading::wrong_with(answer).is_empty());
        let late = clock::now().saturating_duration_since(started) > ctx.config.declares.health_detect;
        // What names nothing will not begin to: only a health that says it is unwell is waited for.
        let waiting = health.status() == Some(503);
        if well || late || !waiting || !ctx.sleep(pause(ctx)).await {
            let named = health.answer().map(reading::named).unwrap_or_default();
            return Baseline {
                request,
                health,
                well,
                named,
            };
        }
    }
}

pub(super) async fn prove(ctx: &Ctx, baseline: &Baseline) -> PartReport {
    ctx.waiting("health while all is well");
    let beside = ctx
        .target
        .send(
            Call::health()
                .path(format!("/{}", ctx.marker("beside")))
                .deadline(ANSWER_WITHIN * 3),
        )
        .await;
    let no_document = |exchange: &Exchange| {
        Scored::Scored(
            exchange
                .answer()
                .is_none_or(|answer| !reading::wrong_with(answer).is_empty()),
        )
    };
    let controls = Controls::new()
        .positive(Positive::new(
            "a real request is answered",
            baseline.works(ctx),
            baseline.request.in_short(),
        ))
        .negative(Negative::new(
            "an address made up beside it is not healthy",
            no_document(&beside),
            beside.in_short(),
        ));

    let secrets: Vec<String> = live_roles(&ctx.config)
        .filter_map(|role| ctx.target.key_of(&Credential::Role(role.to_owned())))
        .collect();
    let hosts = hosts(ctx).await;
    let mut tally = Tally::new();
    let mut slowest = 0;
    let mut last = baseline.health.clone();
    for _ in 0..TIMES {
        let exchange = ask_health(ctx).await;
        slowest = slowest.max(millis(exchange.elapsed));
        tally.add(
            exchange.score(|answer| Scored::Scored(answer.clone())),
            |answer| {
                let mut wrong = reading::wrong_with(&answer);
                let text = answer.text();
                wrong.extend(reading::leaks(
                    &text,
                    &ctx.target.redactor().text(&text),
                    &secrets,
                    &hosts,
                ));
                if exchange.elapsed > ANSWER_WITHIN {
                    wrong.push(format!("it took {} ms", millis(exchange.elapsed)));
                }
                if wrong.is_empty() {
                    Ok(())
                } else {
                    Err(wrong.join(", "))
                }
            },
        );
        last = exchange;
    }
    let names: Vec<&str> = baseline.named.iter().map(|one| one.name.as_str()).collect();
    ctx.part("M1.healthy")
        .headline(format!("200 with {} dependencies in at most {slowest} ms", names.len()))
        .measured("slowest_ms", slowest)
        .measured("dependencies", names)
        .checklist("answer_within_ms", millis(ANSWER_WITHIN))
        .fix(
            "answer 200 with a JSON body that has one entry per dependency (draft-inadarei-api-health-check); read \
             states that are known already, and put no key, host or address into it",
        )
        .evidence(last.evidence("health while all is well"))
        .controls(controls)
        .judged(&tally.judge(&Rule::all_of(TIMES as u64)))
}

/// Addresses that must not be seen: those of the provider behind the target.
async fn hosts(ctx: &Ctx) -> Vec<String> {
    let Some(lab) = &ctx.lab else { return Vec::new() };
    let own = lab
        .health()
        .await
        .map(|health| health.providers)
        .unwrap_or_default();
    let authority = |url: &str| {
        url.split("://")
            .nth(1)
            .unwrap_or(url)
            .trim_end_matches('/')
            .to_owned()
    };
    own.iter()
        .filter_map(|one| one.url.as_deref())
        .chain([lab.url()])
        .map(authority)
        .collect()
}
