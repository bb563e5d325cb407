//! S5.keys: every wrong key on every route, between two positive controls.

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally};
use golive_checklist::report::{Evidence, PartReport};
use golive_checklist::threshold::Zone;
use golive_config::TargetFormat;
use http::Method;

use super::refused;
use super::routes::{
    Kind, QUICK, Route, Tried, arrivals_at_lab, judged, name, question, seen_at_lab, send_all, short,
};
use super::wrong;
use crate::control::{Controls, Positive};
use crate::ctx::Ctx;
use crate::target::{Credential, DEAD_ROLES, live_roles, millis};

/// API keys of these proofs.
const KEYS: Kind = Kind {
    right: "right",
    wrong: "wrong",
    names_users: true,
};

/// The fewest wrong keys a verdict may rest on.
const FEWEST: u64 = 30;

pub(super) async fn prove(ctx: &Ctx) -> PartReport {
    let mut part = ctx.part("S5.keys").fix(
        "refuse the request before anything else looks at it, with 401 and the same words for every wrong key; take \
         keys from one header only, compare their digests, and never take a person from a header",
    );
    let Some(key) = ctx.target.key_of(&Credential::Default) else {
        return part.unproven("needs a key that works (credentials.<role>.key_env)");
    };
    let mut controls = Controls::new();
    ctx.waiting("trying the right keys");
    for control in right_keys(ctx, "before").await {
        controls = controls.positive(control);
    }
    let (routes, control, notes) =
        judged(ctx, KEYS, &|call| call.credential(Credential::Key(key.clone()))).await;
    controls = controls.negative(control);
    if let Some(control) = seen_at_lab(ctx, KEYS).await {
        controls = controls.negative(control);
    }

    let mut tried = wrong_keys(ctx, &key, &routes).await;
    tried.extend(other_doors(ctx).await);
    let mut tally = Tally::new();
    let mut slowest = Duration::ZERO;
    for one in &tried {
        slowest = slowest.max(one.exchange.elapsed);
        tally.add(one.exchange.score(refused), |held| {
            if held {
                Ok(())
            } else {
                Err(format!("{}: {}", one.name, one.exchange.in_short()))
            }
        });
    }
    let (leaked, arrivals) = arrivals_at_lab(ctx, KEYS, &mut tally).await;
    for control in right_keys(ctx, "after").await {
        controls = controls.positive(control);
    }

    let mut judgement = tally.judge(&Rule::all_of(FEWEST));
    if let Some(difference) = told_apart(&tried) {
        judgement = judgement.no_better_than(Zone::Warn, difference);
    }
    if slowest > QUICK {
        judgement = judgement.no_better_than(Zone::Warn, format!("one refusal took {} s", slowest.as_secs()));
    }
    let bad: Vec<Evidence> = tried
        .iter()
        .filter(|one| matches!(one.exchange.score(refused), Scored::Scored(false)))
        .map(|one| one.exchange.evidence(one.name.clone()))
        .collect();
    let shown = tried
        .iter()
        .filter(|one| matches!(one.exchange.score(refused), Scored::Scored(true)))
        .take(2);
    let good: Vec<Evidence> = shown
        .map(|one| one.exchange.evidence(format!("refused: {}", one.name)))
        .collect();
    let table = tried
        .iter()
        .map(|one| format!("{:<9}{}", short(&one.exchange), one.name))
        .collect();
    part = part
        .headline(format!(
            "{} of {} wrong credentials refused",
            tally.good(),
            tally.scored()
        ))
        .measured("wrong_credentials", tally.scored())
        .measured("let_in", tally.bad())
        .measured("routes", routes.len())
        .measured("slowest_ms", millis(slowest))
        .checklist("let_in", 0)
        .evidences(bad);
    if leaked {
        part = part.lines("wrong keys that reached the model behind the target", arrivals);
    }
    if !notes.is_empty() {
        part = part.lines("routes that were not judged", notes);
    }
    part.evidences(good)
        .lines("every wrong credential, and its answer", table)
        .controls(controls)
        .judged(&judgement)
}

/// The key of each role that should work, tried on the plain route.
async fn right_keys(ctx: &Ctx, when: &str) -> Vec<Positive> {
    let mut out = Vec::new();
    for role in live_roles(&ctx.config) {
        let ask = question(ctx, KEYS, KEYS.right, &format!("right-{when}-{role}"));
        let call = ctx
            .target
            .call(&ask)
            .credential(Credential::Role(role.to_owned()));
        let exchange = ctx.target.send(call).await;
        let held = exchange.score(|answer| answer.reply(&ctx.config).map(|_| true));
        let detail = format!("{role}: {}", exchange.in_short());
        out.push(Positive::new(
            format!("the key of role {role} works {when}"),
            held,
            detail,
        ));
    }
    out
}

async fn wrong_keys(ctx: &Ctx, key: &str, routes: &[Route]) -> Vec<Tried> {
    let wrongs = wrong::all(key, &mut ctx.dice("keys"));
    let total = wrongs.len() * routes.len();
    let mut calls = Vec::with_capacity(total);
    for route in routes {
        for (number, wrong) in wrongs.iter().enumerate() {
            calls.push((
                name(*route, wrong.name),
                wrong.on(route.call(ctx, KEYS, KEYS.wrong, &format!("{number}"))),
            ));
        }
        for role in DEAD_ROLES
            .iter()
            .filter(|role| ctx.config.credentials.contains_key(**role))
        {
            let call = route
                .call(ctx, KEYS, KEYS.wrong, role)
                .credential(Credential::Role((*role).to_owned()));
            calls.push((name(*route, &format!("the {role} key")), call));
        }
    }
    send_all(ctx, calls).await
}

/// The same route by another spelling or verb, and its neighbours, without any key.
async fn other_doors(ctx: &Ctx) -> Vec<Tried> {
    let route = ctx.target.route();
    let ask = || {
        Route::Plain
            .call(ctx, KEYS, KEYS.wrong, "door")
            .credential(Credential::None)
    };
    let mut calls = vec![
        (
            "no key, a slash behind the route".to_owned(),
            ask().path(format!("{route}/")),
        ),
        (
            "no key, two slashes before the route".to_owned(),
            ask().path(format!("/{route}")),
        ),
        (
            "no key, the route in capitals".to_owned(),
            ask().path(route.to_uppercase()),
        ),
        (
            "no key, a dot segment in the route".to_owned(),
            ask().path(format!("/x/..{route}")),
        ),
        (
            "no key, a semicolon behind the route".to_owned(),
            ask().path(format!("{route};x=1")),
        ),
        ("no key, PUT".to_owned(), ask().method(Method::PUT)),
        ("no key, PATCH".to_owned(), ask().method(Method::PATCH)),
    ];
    if ctx.target.format() != TargetFormat::Http {
        for tail in [
            "/embeddings",
            "/responses",
            "/completions",
            "/feedback",
            "/messages",
            "/chat/completions",
        ] {
            calls.push((format!("no key, {tail}"), ask().path(ctx.target.v1(tail))));
        }
    }
    send_all(ctx, calls).await
}

/// An unknown key and a revoked one must be told the same, or the answer says which keys once were good.
fn told_apart(tried: &[Tried]) -> Option<String> {
    let message = |wanted: &str| {
        let one = tried.iter().find(|one| one.name.ends_with(wanted))?;
        let answer = one.exchange.answer()?;
        Some((answer.status, answer.error_message()?))
    };
    let unknown = message("an unknown key of the right shape")?;
    DEAD_ROLES
        .iter()
        .filter_map(|role| Some((role, message(&format!("the {role} key"))?)))
        .find(|(_, said)| *said != unknown)
        .map(|(role, _)| format!("a key that is {role} is answered in other words than an unknown one"))
}
