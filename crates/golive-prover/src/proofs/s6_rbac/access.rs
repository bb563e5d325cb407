//! S6: who asks for what: the credential of each role, the call of each capability, and what of it reached the lab.
//!
//! Never: reads an answer's words to find out whether something was done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use golive_checklist::judge::{Scored, UnscoredReason};
use golive_config::{Capability, Target, TargetFormat};
use golive_lab::{Arrival, Query};
use http::Method;
use serde_json::json;

use super::{denied, unclear};
use crate::clock;
use crate::ctx::Ctx;
use crate::issuer::{Tokens, bearer};
use crate::target::{Ask, Call, Credential, Exchange};

/// How long a token of these proofs is good for, in seconds.
const LIFETIME_S: i64 = 3_600;

/// A trace that was left is there when the answer is; this is for targets that answer first.
const TRACE: Duration = Duration::from_millis(150);

/// The credential of one role.
#[derive(Clone)]
pub(super) enum Who {
    /// The API key of this role.
    Key(String),
    /// This token.
    Token(String),
}

/// The credentials of all roles.
pub(super) type Everyone = BTreeMap<String, Who>;

impl Who {
    /// The call with this credential and no other.
    pub(super) fn on(&self, call: Call) -> Call {
        match self {
            Who::Key(role) => call.credential(Credential::Role(role.clone())),
            Who::Token(token) => bearer(call, token),
        }
    }
}

/// Whether a role of the matrix has a credential.
pub(super) fn has_credential(target: &Target, role: &str) -> bool {
    let token = target
        .issuer
        .as_ref()
        .is_some_and(|issuer| issuer.roles.contains_key(role));
    target.credentials.contains_key(role) || token
}

/// Every role's credential; keys first, else a token that the lab makes.
///
/// # Errors
/// In words: which role has none.
pub(super) async fn everyone(ctx: &Ctx) -> Result<Everyone, String> {
    let mut everyone = BTreeMap::new();
    let tokens = Tokens::of(ctx);
    for role in ctx.config.matrix.keys() {
        if ctx.config.credentials.contains_key(role) {
            everyone.insert(role.clone(), Who::Key(role.clone()));
            continue;
        }
        let says = tokens.as_ref().and_then(|tokens| tokens.config.roles.get(role));
        let (Some(tokens), Some(says)) = (&tokens, says) else {
            return Err(format!("role {role} has neither a key nor a token"));
        };
        let mut mint = tokens.right(says);
        let until = clock::wall().as_second() + LIFETIME_S;
        mint.claims.insert("exp".to_owned(), json!(until));
        match tokens.mint(&mint).await {
            Scored::Scored(token) => everyone.insert(role.clone(), Who::Token(token)),
            Scored::Unscored(reason) => return Err(format!("no token for role {role}: {reason}")),
        };
    }
    Ok(everyone)
}

/// Every capability that stands anywhere in the matrix.
pub(super) fn universe(target: &Target) -> BTreeSet<Capability> {
    let rows = target.matrix.values().flatten();
    rows.chain(&target.access.closed).cloned().collect()
}

/// Whether the matrix gives a role a capability.
pub(super) fn may(target: &Target, role: &str, what: &Capability) -> bool {
    target.matrix.get(role).is_some_and(|row| row.contains(what))
}

/// The model or agent that a role is asked with when something else is to be found out.
pub(super) fn model_of(target: &Target, role: &str) -> Option<Capability> {
    let row = target.matrix.get(role)?;
    row.iter()
        .find(|one| matches!(one, Capability::Agent(_) | Capability::Model(_)))
        .cloned()
}

/// The call of a capability, without a credential. `text` is what is asked; tools are not called this way.
pub(super) fn call_of(ctx: &Ctx, what: &Capability, ask: Ask) -> Call {
    match what {
        Capability::Admin { method, path } => {
            let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
            let body = !matches!(method, Method::GET | Method::HEAD | Method::DELETE);
            let call = Call::admin(method, path.clone());
            if body { call.json(&json!({})) } else { call }
        }
        Capability::Agent(name) | Capability::Model(name) if ctx.target.format() == TargetFormat::Http => {
            // Agents of one deployment stand beside each other: /agents/one, /agents/two.
            let route = ctx.target.route();
            let folder = route.rsplit_once('/').map_or("", |(folder, _)| folder);
            ctx.target.call(&ask).path(format!("{folder}/{name}"))
        }
        Capability::Agent(name) | Capability::Model(name) => ctx.target.call(&ask.model(name)),
        Capability::Tool(_) => ctx.target.call(&ask),
    }
}

/// A question that carries a marker of its own, to be found at the lab.
pub(super) fn question(ctx: &Ctx, purpose: &str, number: usize) -> (Ask, String) {
    let marker = format!("{}-{number}.", ctx.marker(purpose));
    (Ask::new(format!("Say hello. {marker}")), marker)
}

/// What reached the lab with this marker. Without one: unscored.
pub(super) async fn arrivals(ctx: &Ctx, marker: &str, wait: Duration) -> Scored<Vec<Arrival>> {
    let query = Query {
        contains: Some(marker.to_owned()),
        wait,
        limit: 20,
        ..Query::default()
    };
    ctx.timeline(&query).await.map(|page| page.arrivals)
}

/// What became of one cell: whether it is as declared, or in words why not.
pub(super) struct Cell {
    pub(super) exchange: Exchange,
    /// As declared, or how it is not.
    pub(super) held: Scored<Result<(), String>>,
    /// It reached the lab.
    pub(super) arrived: bool,
}

/// Sends one cell's call and judges it against the matrix.
pub(super) async fn try_cell(ctx: &Ctx, call: Call, what: &Capability, marker: &str, allowed: bool) -> Cell {
    let exchange = ctx.send_patiently(call).await;
    if matches!(what, Capability::Admin { .. }) {
        let held = exchange.score(|answer| admin(answer.status.as_u16(), allowed));
        return Cell {
            exchange,
            held,
            arrived: false,
        };
    }
    let wait = if allowed { Duration::from_secs(1) } else { TRACE };
    let seen = arrivals(ctx, marker, wait).await;
    let arrived = matches!(&seen, Scored::Scored(seen) if !seen.is_empty());
    let held = match seen {
        Scored::Unscored(reason) => Scored::Unscored(reason),
        Scored::Scored(_) => asked(&exchange, arrived, allowed),
    };
    Cell {
        exchange,
        held,
        arrived,
    }
}

fn asked(exchange: &Exchange, arrived: bool, allowed: bool) -> Scored<Result<(), String>> {
    if allowed {
        return exchange.score(|answer| match answer.status.as_u16() {
            200..=299 if arrived => Scored::Scored(Ok(())),
            200..=299 => unclear("a good answer, and nothing reached the lab"),
            status @ (401 | 403 | 404) => Scored::Scored(Err(format!("is refused with {status}"))),
            status => unclear(format!("status {status}")),
        });
    }
    if arrived {
        // Whatever was answered, and if nothing was.
        return Scored::Scored(Err(format!("reached the model ({})", exchange.in_short())));
    }
    exchange.score(denied).map(|_| Ok(()))
}

fn admin(status: u16, allowed: bool) -> Scored<Result<(), String>> {
    match (status, allowed) {
        (401 | 403 | 404, true) => Scored::Scored(Err(format!("is refused with {status}"))),
        (200..=299, true) | (400 | 409 | 415 | 422, true) => Scored::Scored(Ok(())),
        (401 | 403 | 404 | 405 | 300..=399, false) => Scored::Scored(Ok(())),
        (200..=299, false) => Scored::Scored(Err(format!("is answered with {status}"))),
        (status, _) => Scored::Unscored(UnscoredReason::Unexpected(format!("status {status}"))),
    }
}
