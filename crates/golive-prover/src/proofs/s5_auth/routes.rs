//! S5: the routes a credential is tried on, and what of the wrong ones reached the lab. Keys, tokens and certificates
//! share them.
//!
//! Never: judges a route on which the right credential is not let in.

use std::time::Duration;

use futures_util::StreamExt as _;
use golive_checklist::judge::{Scored, Tally, UnscoredReason};
use golive_config::TargetFormat;
use golive_lab::Query;

use crate::control::Negative;
use crate::ctx::Ctx;
use crate::target::{Ask, Call, Exchange};

/// Requests in flight at once: quick, and no load.
pub(super) const AT_ONCE: usize = 6;

/// A refusal that takes longer is worth a warning: it costs the target more than the caller.
pub(super) const QUICK: Duration = Duration::from_secs(5);

/// Which credentials are tried: their requests carry markers of their own.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// Marks what should be let in.
    pub(super) right: &'static str,
    /// Marks what must not.
    pub(super) wrong: &'static str,
    /// The requests name a person, so that a key that may name people has users of this proof alone.
    pub(super) names_users: bool,
}

/// A route of the format, and how to ask on it.
#[derive(Clone, Copy)]
pub(super) enum Route {
    Plain,
    Stream,
    Models,
}

/// One try and what came of it.
pub(super) struct Tried {
    pub(super) name: String,
    pub(super) exchange: Exchange,
}

/// The routes on which the right credential is let in: only there is a refusal of a wrong one worth anything.
pub(super) async fn judged(
    ctx: &Ctx,
    kind: Kind,
    right: &(dyn Fn(Call) -> Call + Send + Sync),
) -> (Vec<Route>, Negative, Vec<String>) {
    let (mut routes, mut notes) = (Vec::new(), Vec::new());
    let mut plain = Scored::Unscored(UnscoredReason::Empty);
    let mut detail = String::new();
    for route in candidates(ctx) {
        let call = route.call(ctx, kind, kind.right, "right-route");
        let exchange = ctx.target.send(right(call)).await;
        let let_in =
            exchange.score(|answer| Scored::Scored(answer.status.is_success() && !answer.body.is_empty()));
        if let_in == Scored::Scored(true) {
            routes.push(route);
        } else {
            notes.push(format!(
                "{}: the right credential got {}",
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
        Negative::new(
            "the same request with the right credential is let in",
            plain,
            detail,
        ),
        notes,
    )
}

/// With a lab: what is let in is seen there, so that a call behind the target's back would be, too.
pub(super) async fn seen_at_lab(ctx: &Ctx, kind: Kind) -> Option<Negative> {
    ctx.lab.as_ref()?;
    let query = Query {
        contains: Some(ctx.marker(kind.right)),
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

/// Sends them all, a few at a time, and gives the answers in the same order.
pub(super) async fn send_all(ctx: &Ctx, calls: Vec<(String, Call)>) -> Vec<Tried> {
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

/// What of the wrong credentials reached the model: each arrival is one that was let in, whatever was answered.
pub(super) async fn arrivals_at_lab(ctx: &Ctx, kind: Kind, tally: &mut Tally) -> (bool, Vec<String>) {
    if ctx.lab.is_none() {
        return (false, Vec::new());
    }
    let query = Query {
        contains: Some(ctx.marker(kind.wrong)),
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
                    "{} requests with a wrong credential reached the model",
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
    pub(super) fn name(self) -> &'static str {
        match self {
            Route::Plain => "plain",
            Route::Stream => "stream",
            Route::Models => "models",
        }
    }

    /// A request of `kind` that carries the marker `which` with this tail.
    pub(super) fn call(self, ctx: &Ctx, kind: Kind, which: &str, tail: &str) -> Call {
        match self {
            Route::Plain => ctx.target.call(&question(ctx, kind, which, tail)),
            Route::Stream => ctx.target.call(&question(ctx, kind, which, tail).streamed()),
            Route::Models => Call::get(ctx.target.v1("/models")),
        }
    }
}

/// A question that carries the marker of its kind, so that the lab can tell the right from the wrong.
pub(super) fn question(ctx: &Ctx, kind: Kind, which: &str, tail: &str) -> Ask {
    let ask = Ask::new(format!("Say hello. {}-{tail}", ctx.marker(which)));
    if kind.names_users {
        ask.user(ctx.user("keys"))
    } else {
        ask
    }
}

pub(super) fn name(route: Route, wrong: &str) -> String {
    format!("{}: {wrong}", route.name())
}

pub(super) fn short(exchange: &Exchange) -> String {
    exchange
        .status()
        .map_or_else(|| "-".to_owned(), |status| status.to_string())
}
