//! S5.keys: every wrong key on every route, between two positive controls.

use std::time::Duration;

use futures_util::StreamExt as _;
use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::{Evidence, PartReport};
use golive_checklist::threshold::Zone;
use golive_config::TargetFormat;
use golive_lab::Query;
use http::Method;

use super::refused;
use super::wrong;
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::target::{Ask, Call, Credential, DEAD_ROLES, Exchange, live_roles, millis};

/// Requests in flight at once: quick, and no load.
const AT_ONCE: usize = 6;

/// A refusal that takes longer is worth a warning: it costs the target more than the caller.
const QUICK: Duration = Duration::from_secs(5);

/// The fewest wrong keys a verdict may rest on.
const FEWEST: u64 = 30;

/// A route of the format, and how to ask on it.
#[derive(Clone, Copy)]
enum Route {
    Plain,
    Stream,
    Models,
}

/// One try and what came of it.
struct Tried {
    name: String,
    exchange: Exchange,
}

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
    let (routes, control, notes) = judged_routes(ctx, &key).await;
    controls = controls.negative(control);
    if let Some(control) = seen_at_lab(ctx).await {
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
    let (leaked, arrivals) = arrivals_at_lab(ctx, &mut tally).await;
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
    for role in live_roles(&ctx.config.credentials) {
        let ask = question(ctx, "right", &format!("right-{when}-{role}"));
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

/// The routes on which the right key is let in: only there is a refusal of a wrong one worth anything.
async fn judged_routes(ctx: &Ctx, key: &str) -> (Vec<Route>, Negative, Vec<String>) {
    let (mut routes, mut notes) = (Vec::new(), Vec::new());
    let mut plain = Scored::Unscored(UnscoredReason::Empty);
    let mut detail = String::new();
    for route in candidates(ctx) {
        let call = route
            .call(ctx, "right", "right-route")
            .credential(Credential::Key(key.to_owned()));
        let exchange = ctx.target.send(call).await;
        let let_in =
            exchange.score(|answer| Scored::Scored(answer.status.is_success() && !answer.body.is_empty()));
        if let_in == Scored::Scored(true) {
            routes.push(route);
        } else {
            notes.push(format!(
                "{}: the right key got {}",
                route.name(),
                exchange.in_short()
            ));
        }
        if matches!(route, Route::Plain) {
            detail = exchange.in_short();
            plain = let_in;
        }
    }
    let names: Vec<&str> = routes.iter().map(|route| route.name()).collect();
    if !names.is_empty() {
        detail = format!("let in on: {}", names.join(", "));
    }
    (
        routes,
        Negative::new("the same request with the right key is let in", plain, detail),
        notes,
    )
}

/// With a lab: what is let in is seen there, so that a call behind the target's back would be, too.
async fn seen_at_lab(ctx: &Ctx) -> Option<Negative> {
    ctx.lab.as_ref()?;
    let query = Query {
        contains: Some(ctx.marker("right")),
        wait: Duration::from_secs(1),
        limit: 10,
        brief: true,
        ..Query::default()
    };
    let seen = ctx.timeline(&query).await.map(|page| page.arrivals.len());
    let detail = match &seen {
        Scored::Scored(count) => format!("{count} arrivals"),
        Scored::Unscored(_) => String::new(),
    };
    let seen = seen.map(|count| count > 0);
    Some(Negative::new(
        "a request that is let in is seen at the lab",
        seen,
        detail,
    ))
}

async fn wrong_keys(ctx: &Ctx, key: &str, routes: &[Route]) -> Vec<Tried> {
    let wrongs = wrong::all(key, &mut ctx.dice("keys"));
    let total = wrongs.len() * routes.len();
    let mut calls = Vec::with_capacity(total);
    for route in routes {
        for (number, wrong) in wrongs.iter().enumerate() {
            calls.push((
                name(route, wrong.name),
                wrong.on(route.call(ctx, "wrong", &format!("{number}"))),
            ));
        }
        for role in DEAD_ROLES
            .iter()
            .filter(|role| ctx.config.credentials.contains_key(**role))
        {
            let call = route
                .call(ctx, "wrong", role)
                .credential(Credential::Role((*role).to_owned()));
            calls.push((name(route, &format!("the {role} key")), call));
        }
    }
    send_all(ctx, calls).await
}

/// The same route by another spelling or verb, and its neighbours, without any key.
async fn other_doors(ctx: &Ctx) -> Vec<Tried> {
    let route = ctx.target.route();
    let ask = || {
        Route::Plain
            .call(ctx, "wrong", "door")
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

async fn send_all(ctx: &Ctx, calls: Vec<(String, Call)>) -> Vec<Tried> {
    let total = calls.len();
    let mut out = Vec::with_capacity(total);
    let mut running = futures_util::stream::iter(calls)
        .map(|(name, call)| async move {
            Tried {
                name,
                exchange: ctx.target.send(call).await,
            }
        })
        .buffered(AT_ONCE);
    while let Some(tried) = running.next().await {
        out.push(tried);
        if out.len() % 10 == 0 {
            ctx.waiting(format!("wrong credentials: {} of {total}", out.len()));
        }
    }
    out
}

/// What of the wrong keys reached the model: each arrival is one that was let in, whatever was answered.
async fn arrivals_at_lab(ctx: &Ctx, tally: &mut Tally) -> (bool, Vec<String>) {
    if ctx.lab.is_none() {
        return (false, Vec::new());
    }
    let query = Query {
        contains: Some(ctx.marker("wrong")),
        wait: Duration::from_millis(500),
        limit: 50,
        brief: true,
        ..Query::default()
    };
    match ctx.timeline(&query).await {
        Scored::Scored(page) => {
            let line = |at: &golive_lab::Arrival| format!("{:>10} µs  {} {}", at.at_us, at.method, at.path);
            let lines: Vec<String> = page.arrivals.iter().map(line).collect();
            if lines.is_empty() {
                tally.add_good();
            } else {
                tally.add_bad(format!(
                    "{} requests with a wrong key reached the model",
                    lines.len()
                ));
            }
            (!lines.is_empty(), lines)
        }
        Scored::Unscored(reason) => {
            tally.add_unscored(&reason);
            (false, Vec::new())
        }
    }
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

fn candidates(ctx: &Ctx) -> Vec<Route> {
    match ctx.target.format() {
        TargetFormat::OpenAi | TargetFormat::Anthropic => vec![Route::Plain, Route::Stream, Route::Models],
        TargetFormat::Http if ctx.config.pointers.as_ref().is_some_and(|p| p.stream.is_some()) => {
            vec![Route::Plain, Route::Stream]
        }
        TargetFormat::Http => vec![Route::Plain],
    }
}

impl Route {
    fn name(self) -> &'static str {
        match self {
            Route::Plain => "plain",
            Route::Stream => "stream",
            Route::Models => "models",
        }
    }

    fn call(self, ctx: &Ctx, kind: &str, marker: &str) -> Call {
        match self {
            Route::Plain => ctx.target.call(&question(ctx, kind, marker)),
            Route::Stream => ctx.target.call(&question(ctx, kind, marker).streamed()),
            Route::Models => Call::get(ctx.target.v1("/models")),
        }
    }
}

/// A question that carries the marker of its kind, so that the lab can tell the right from the wrong.
fn question(ctx: &Ctx, kind: &str, tail: &str) -> Ask {
    Ask::new(format!("Say hello. {}-{tail}", ctx.marker(kind))).user(ctx.user("keys"))
}

fn name(route: &Route, wrong: &str) -> String {
    format!("{}: {wrong}", route.name())
}

fn short(exchange: &Exchange) -> String {
    exchange
        .status()
        .map_or_else(|| "-".to_owned(), |status| status.to_string())
}
