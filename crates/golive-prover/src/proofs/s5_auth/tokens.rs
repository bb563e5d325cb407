//! S5.tokens: right tokens of every role, about seventy wrong ones on every route, a key that is rotated and withdrawn,
//! and an issuer that is down; all of them made and played by the lab.

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally};
use golive_checklist::report::{Evidence, PartReport};
use golive_checklist::threshold::Zone;
use golive_config::TokenRole;
use golive_lab::Fetched;

use super::drills::Drills;
use super::forged::{self, Weight};
use super::refused;
use super::routes::{
    Kind, QUICK, Route, Tried, arrivals_at_lab, judged, name, question, seen_at_lab, send_all, short,
};
use crate::control::{Controls, Positive};
use crate::ctx::Ctx;
use crate::issuer::{Tokens, bearer, scored};
use crate::target::{Exchange, millis};

/// Tokens of this proof. They name no user: a token says itself for whom it stands.
pub(super) const TOKENS: Kind = Kind {
    right: "token-right",
    wrong: "token-wrong",
    names_users: false,
};

/// The fewest wrong tokens a verdict may rest on.
const FEWEST: u64 = 30;

/// Fetches of the keys during all wrong tokens that are still no flood: the target looks for a new key now and then,
/// not for each stranger.
const FETCHES: u64 = 10;

/// Between two tries of what takes time to be learnt.
const PAUSE: Duration = Duration::from_millis(250);

/// The role whose tokens are forged: `default`, else `user`, else the first.
pub(super) fn first_role(tokens: &Tokens) -> Option<(&String, &TokenRole)> {
    let roles = &tokens.config.roles;
    ["default", "user"]
        .into_iter()
        .find_map(|role| roles.get_key_value(role))
        .or_else(|| roles.iter().next())
}

pub(super) async fn prove(ctx: &Ctx) -> PartReport {
    let part = ctx.part("S5.tokens").fix(
        "fix the algorithms per issuer and let the key's type decide, never the token; want exp, iss, aud and sub; \
         look keys up by kid in the issuer's own set alone; refuse an unknown crit; keep the last good keys when the \
         issuer is down, and drop a withdrawn key within the declared time",
    );
    let Some(tokens) = Tokens::of(ctx) else {
        return part.unproven("needs issuer (of the target) and lab_url: the lab makes the tokens");
    };
    let Some((_, role)) = first_role(&tokens) else {
        return part.unproven("needs issuer.roles.<role>: what a right token says");
    };
    let issuer = &tokens.config.name;
    if let Scored::Unscored(reason) = scored(tokens.lab.set_outage(issuer, Default::default()).await) {
        return part.unproven(format!("the lab's issuer could not be asked: {reason}"));
    }
    let mut drills = Drills::new(ctx, &tokens, role);
    let mut controls = Controls::new();
    let right = right_tokens(ctx, &tokens, "before").await;
    if !right.iter().any(Positive::held) {
        let said = Controls::new();
        let said = right.into_iter().fold(said, Controls::positive).into_results();
        let said = said
            .iter()
            .map(|control| control.detail.clone())
            .collect::<Vec<_>>()
            .join("; ");
        return part.unproven(format!(
            "no right token is let in ({said}): is the target told to trust {} for audience {}?",
            tokens.address, tokens.config.audience
        ));
    }
    for control in right {
        controls = controls.positive(control);
    }
    drills.rotate().await;

    let right = match tokens.mint(&tokens.right(role)).await {
        Scored::Scored(token) => token,
        Scored::Unscored(reason) => return part.unproven(format!("no token could be made: {reason}")),
    };
    let (routes, control, notes) = judged(ctx, TOKENS, &|call| bearer(call, &right)).await;
    controls = controls.negative(control);
    if let Some(control) = seen_at_lab(ctx, TOKENS).await {
        controls = controls.negative(control);
    }
    let before = fetched(ctx, &tokens, 0).await;
    let tried = match wrong_tokens(ctx, &tokens, role, &right, &routes).await {
        Ok(tried) => tried,
        Err(reason) => return part.unproven(format!("no wrong token could be made: {reason}")),
    };

    let mut tally = Tally::new();
    let (mut lax, mut bad, mut slowest) = (Vec::new(), Vec::new(), Duration::ZERO);
    for (weight, one) in &tried {
        slowest = slowest.max(one.exchange.elapsed);
        let held = one.exchange.score(refused);
        if held == Scored::Scored(false) {
            bad.push(one.exchange.evidence(one.name.clone()));
            if *weight == Weight::Should {
                lax.push(one.name.clone());
                continue;
            }
        }
        tally.add(held, |held| {
            if held {
                Ok(())
            } else {
                Err(format!("{}: {}", one.name, one.exchange.in_short()))
            }
        });
    }
    let let_in = tally.bad();
    let (leaked, arrivals) = lax_apart(ctx, &tried, &mut tally).await;
    let after = fetched(ctx, &tokens, before.as_ref().map_or(0, |seen| seen.last)).await;
    match &after {
        Some(seen) if seen.traps > 0 => tally.add_bad(format!(
            "it fetched {} times from an address that only a forged token named",
            seen.traps
        )),
        Some(_) => tally.add_good(),
        None => tally.add_unscored(&golive_checklist::judge::UnscoredReason::Empty),
    }
    drills.outages().await;
    drills.withdraw().await;
    let drilled = drills.done();
    tally.merge(&drilled.tally);
    for control in right_tokens(ctx, &tokens, "after").await {
        controls = controls.positive(control);
    }

    let mut judgement = tally.judge(&Rule::all_of(FEWEST));
    if !lax.is_empty() {
        lax.sort();
        let shown = lax.iter().take(4).cloned().collect::<Vec<_>>().join("; ");
        judgement = judgement.no_better_than(Zone::Warn, format!("lax: {shown} ({} in all)", lax.len()));
    }
    if slowest > QUICK {
        judgement = judgement.no_better_than(Zone::Warn, format!("one refusal took {} s", slowest.as_secs()));
    }
    let keys_fetched = after.as_ref().map_or(0, |seen| seen.keys);
    if keys_fetched > FETCHES {
        judgement = judgement.no_better_than(
            Zone::Warn,
            format!("{keys_fetched} fetches of the keys over the wrong tokens: each stranger costs the issuer a request"),
        );
    }
    for warning in &drilled.warnings {
        judgement = judgement.no_better_than(Zone::Warn, warning);
    }
    let table = tried
        .iter()
        .map(|(_, one)| format!("{:<9}{}", short(&one.exchange), one.name))
        .collect();
    let good: Vec<Evidence> = tried
        .iter()
        .filter(|(_, one)| one.exchange.score(refused) == Scored::Scored(true))
        .take(2)
        .map(|(_, one)| one.exchange.evidence(format!("refused: {}", one.name)))
        .collect();
    let mut part = part
        .headline(format!(
            "{} of {} checks of tokens, keys and outages held",
            tally.good(),
            tally.scored()
        ))
        .measured("wrong_tokens", tried.len())
        .measured("let_in", let_in)
        .measured("routes", routes.len())
        .measured("slowest_ms", millis(slowest))
        .measured("key_fetches", keys_fetched)
        .declared("learns_within_ms", millis(tokens.config.learns_within))
        .declared("forgets_within_ms", millis(tokens.config.forgets_within))
        .checklist("let_in", 0)
        .scaled(ctx.config.scaled)
        .evidences(bad)
        .evidences(drilled.evidence);
    for (name, took) in &drilled.took {
        part = part.measured(name, millis(*took));
    }
    if leaked {
        part = part.lines("wrong tokens that reached the model behind the target", arrivals);
    }
    if !notes.is_empty() {
        part = part.lines("routes that were not judged", notes);
    }
    part.lines("keys and outages", drilled.lines)
        .evidences(good)
        .lines("every wrong token, and its answer", table)
        .controls(controls)
        .judged(&judgement)
}

/// A token of each role, tried until it is let in: the target may first have to learn the issuer's key.
async fn right_tokens(ctx: &Ctx, tokens: &Tokens, when: &str) -> Vec<Positive> {
    let mut out = Vec::new();
    for (role, says) in &tokens.config.roles {
        ctx.waiting(format!("trying the right tokens {when}"));
        let (held, detail) = match tokens.mint(&tokens.right(says)).await {
            Scored::Unscored(reason) => (Scored::Unscored(reason), String::new()),
            Scored::Scored(token) => {
                let (_, exchange) = until(ctx, tokens.config.learns_within, true, || {
                    let ask = question(ctx, TOKENS, TOKENS.right, &format!("right-{when}-{role}"));
                    bearer(ctx.target.call(&ask), &token)
                })
                .await;
                let held = exchange.score(|answer| answer.reply(&ctx.config).map(|_| true));
                (held, format!("{role}: {}", exchange.in_short()))
            }
        };
        out.push(Positive::new(
            format!("a token of role {role} works {when}"),
            held,
            detail,
        ));
    }
    out
}

/// Sends a call until it is let in (or, with `wanted` false, refused), at most for `within`. How long that took.
pub(super) async fn until(
    ctx: &Ctx,
    within: Duration,
    wanted: bool,
    call: impl Fn() -> crate::target::Call,
) -> (Option<Duration>, Exchange) {
    let started = crate::clock::now();
    loop {
        let exchange = ctx.target.send(call()).await;
        let is = if wanted {
            exchange.score(|answer| answer.reply(&ctx.config).map(|_| true)) == Scored::Scored(true)
        } else {
            exchange.score(refused) == Scored::Scored(true)
        };
        let age = crate::clock::now().saturating_duration_since(started);
        if is {
            return (Some(age), exchange);
        }
        if age > within || !ctx.sleep(PAUSE).await {
            return (None, exchange);
        }
    }
}

async fn wrong_tokens(
    ctx: &Ctx,
    tokens: &Tokens,
    role: &TokenRole,
    right: &str,
    routes: &[Route],
) -> Result<Vec<(Weight, Tried)>, golive_checklist::judge::UnscoredReason> {
    let info = scored(tokens.lab.issuer(&tokens.config.name).await).into_result()?;
    let wrongs = forged::all(tokens, role, &info, right).await?;
    let (mut weights, mut calls) = (Vec::new(), Vec::new());
    for route in routes {
        for (number, wrong) in wrongs.iter().enumerate() {
            // Two markers: an arrival of a token that is only lax is told from one that is fatal.
            let which = marker_of(wrong.weight);
            let call = route.call(ctx, TOKENS, which, &format!("{number}"));
            weights.push(wrong.weight);
            calls.push((name(*route, &wrong.name), wrong.on(call)));
        }
    }
    let tried = send_all(ctx, calls).await;
    Ok(weights.into_iter().zip(tried).collect())
}

fn marker_of(weight: Weight) -> &'static str {
    match weight {
        Weight::Must => TOKENS.wrong,
        Weight::Should => "token-lax",
    }
}

/// What of the fatal ones reached the lab. What was let in was counted already; what was answered with a refusal and
/// still arrived is worse.
async fn lax_apart(ctx: &Ctx, tried: &[(Weight, Tried)], tally: &mut Tally) -> (bool, Vec<String>) {
    let fatal = tried.iter().any(|(weight, _)| *weight == Weight::Must);
    if !fatal {
        return (false, Vec::new());
    }
    arrivals_at_lab(ctx, TOKENS, tally).await
}

/// What was fetched from the issuer after `since`.
struct Seen {
    last: u64,
    keys: u64,
    traps: u64,
}

async fn fetched(ctx: &Ctx, tokens: &Tokens, since: u64) -> Option<Seen> {
    if ctx.cancel.is_cancelled() {
        return None;
    }
    let fetches = tokens.lab.fetches(&tokens.config.name, since).await.ok()?;
    let count = |what| fetches.fetches.iter().filter(|fetch| fetch.what == what).count() as u64;
    Some(Seen {
        last: fetches.total,
        keys: count(Fetched::Keys),
        traps: count(Fetched::Trap),
    })
}
