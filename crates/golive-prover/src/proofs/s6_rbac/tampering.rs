//! S6.tampering: a role that may not, with everything that might let it: invented headers, other spellings, tokens whose
//! role was edited; and the rows of somebody else.

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::{Evidence, PartReport};
use golive_config::{Capability, TargetFormat};
use golive_lab::{Mint, Signature};
use http::Method;
use serde_json::json;

use super::access::{Everyone, Who, arrivals, call_of, may, model_of, question, try_cell, universe};
use super::tricks::{Trick, headers, names, paths};
use super::unclear;
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::issuer::{Tokens, bearer};
use crate::target::{Call, Exchange};

/// How long a row may take to be readable.
const ROWS: Duration = Duration::from_secs(5);

/// The fewest tricks a verdict may rest on.
const FEWEST: u64 = 20;

/// Somebody who may not, somebody who may, and what.
struct Pair<'a> {
    low: &'a str,
    high: &'a str,
    what: Capability,
}

/// One trick and what came of it.
struct Tried {
    name: String,
    exchange: Exchange,
    held: Scored<Result<(), String>>,
}

pub(super) async fn prove(ctx: &Ctx, everyone: &Everyone) -> PartReport {
    let part = ctx.part("S6.tampering").fix(
        "take the role from the verified credential alone; drop identity headers that you did not set yourself; match \
         the route once, exactly, and authorise what was matched; take no method from a header",
    );
    let pairs = pairs(ctx, everyone);
    if pairs.is_empty() {
        return part.unproven(
            "needs something that one role may use and another may not (an agent, a model or an admin call) in the matrix",
        );
    }
    let mut controls = Controls::new();
    for pair in &pairs {
        controls = allowed(ctx, everyone, pair, controls, "before").await;
    }
    if !controls.positive_held() {
        return part.controls(controls).unproven(
            "whoever may use it is not let in either, so no refusal says anything: see S6.matrix for what was answered",
        );
    }
    let (mut tried, mut notes) = (Vec::new(), Vec::new());
    for pair in &pairs {
        tried.extend(tricks(ctx, everyone, pair).await);
    }
    tried.extend(edited(ctx, &pairs, &mut notes).await);
    match rows(ctx, everyone).await {
        Some(found) => tried.push(found),
        None => notes
            .push("another principal's rows: not tried (needs access.rows_path and two roles)".to_owned()),
    }
    for pair in &pairs {
        controls = allowed(ctx, everyone, pair, controls, "after").await;
    }
    let mut tally = Tally::new();
    let (mut bad, mut table): (Vec<Evidence>, Vec<String>) = (Vec::new(), Vec::new());
    for one in tried {
        table.push(format!("{:<52}{}", one.name, one.exchange.in_short()));
        if let Scored::Scored(Err(how)) = &one.held {
            bad.push(one.exchange.evidence(format!("{}: {how}", one.name)));
        }
        let name = one.name;
        tally.add(one.held, |held| held.map_err(|how| format!("{name}: {how}")));
    }
    let said: Vec<String> = pairs
        .iter()
        .map(|pair| format!("{} may not use {}, {} may", pair.low, pair.what, pair.high))
        .collect();
    let mut part = part
        .headline(format!(
            "{} of {} tricks gave no right",
            tally.good(),
            tally.scored()
        ))
        .measured("tricks", tally.scored() + tally.unscored())
        .measured("worked", tally.bad())
        .checklist("worked", 0)
        .evidences(bad)
        .lines("who tried to get at what", said);
    if !notes.is_empty() {
        part = part.lines("what was not tried", notes);
    }
    part.lines("every trick", table)
        .controls(controls)
        .judged(&tally.judge(&Rule::all_of(FEWEST)))
}

/// The first such pair over something that is asked, and the first over the administration.
fn pairs<'a>(ctx: &Ctx, everyone: &'a Everyone) -> Vec<Pair<'a>> {
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    for what in universe(&ctx.config) {
        let administration = matches!(what, Capability::Admin { .. });
        if matches!(what, Capability::Tool(_))
            || pairs
                .iter()
                .any(|have| matches!(have.what, Capability::Admin { .. }) == administration)
        {
            continue;
        }
        let first = |wanted: bool| {
            everyone
                .keys()
                .find(|role| may(&ctx.config, role, &what) == wanted)
        };
        // The administration is read here, not changed: only what can be asked without harm is tried so often.
        let harmless = !matches!(&what, Capability::Admin { method, .. } if method != "GET");
        if let (Some(low), Some(high), true) = (first(false), first(true), harmless) {
            pairs.push(Pair { low, high, what });
        }
    }
    pairs
}

/// Whoever may use it gets it (positive), and that is seen (negative), just as it would be for whoever may not.
async fn allowed(
    ctx: &Ctx,
    everyone: &Everyone,
    pair: &Pair<'_>,
    controls: Controls,
    when: &str,
) -> Controls {
    let (ask, marker) = question(ctx, &format!("tampering-{when}"), 0);
    let Some(who) = everyone.get(pair.high) else {
        return controls;
    };
    let cell = try_cell(
        ctx,
        who.on(call_of(ctx, &pair.what, ask)),
        &pair.what,
        &marker,
        true,
    )
    .await;
    let held = cell.held.map(|held| held.is_ok());
    let detail = cell.exchange.in_short();
    controls
        .positive(Positive::new(
            format!("{} gets {} {when}", pair.high, pair.what),
            held.clone(),
            detail.clone(),
        ))
        .negative(Negative::new(
            format!("the same request of {} is seen to succeed {when}", pair.high),
            held,
            detail,
        ))
}

async fn tricks(ctx: &Ctx, everyone: &Everyone, pair: &Pair<'_>) -> Vec<Tried> {
    let Some(who) = everyone.get(pair.low) else {
        return Vec::new();
    };
    let (plain, _) = question(ctx, "trick", 0);
    let route = call_of(ctx, &pair.what, plain).path_str().to_owned();
    let mut all: Vec<Trick> = headers(pair.high);
    all.extend(paths(&route));
    let mut tried = Vec::new();
    for (number, trick) in all.iter().enumerate() {
        ctx.waiting(format!("{} tries {}", pair.low, trick.name));
        let purpose = format!("trick-{}", pair.what);
        let (ask, marker) = question(ctx, &purpose, number);
        let call = trick.on(who.on(call_of(ctx, &pair.what, ask)));
        tried.push(one(ctx, &trick.name, call, &pair.what, &marker).await);
    }
    if ctx.target.format() != TargetFormat::Http
        && let Capability::Agent(name) | Capability::Model(name) = &pair.what
    {
        for (number, (what, spelt)) in names(name).into_iter().enumerate() {
            let (ask, marker) = question(ctx, "spelling", number);
            let call = who.on(ctx.target.call(&ask.model(spelt)));
            tried.push(one(ctx, &what, call, &pair.what, &marker).await);
        }
    }
    if let Capability::Agent(_) | Capability::Model(_) = &pair.what {
        for (number, (member, value)) in [
            ("role", json!(pair.high)),
            ("roles", json!([pair.high, "admin"])),
            ("user", json!(pair.high)),
            (
                "metadata",
                json!({"role": pair.high, "roles": ["admin"], "user_id": pair.high}),
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let (ask, marker) = question(ctx, "member", number);
            let call = who.on(call_of(ctx, &pair.what, ask.with(member, value)));
            tried.push(one(ctx, &format!("`{member}` in the body"), call, &pair.what, &marker).await);
        }
    }
    tried
}

/// A denied call with a trick: whatever is answered, nothing may arrive; the administration may not answer at all.
async fn one(ctx: &Ctx, name: &str, call: Call, what: &Capability, marker: &str) -> Tried {
    let exchange = ctx.send_patiently(call).await;
    let held = if matches!(what, Capability::Admin { .. }) {
        exchange.score(|answer| match answer.status.as_u16() {
            // A page for people, served for any path, is no answer of the administration.
            200..=299 if answer.media_type() == "text/html" || answer.body.is_empty() => {
                unclear("a page for people")
            }
            status @ 200..=299 => Scored::Scored(Err(format!("is answered with {status}"))),
            300..=499 => Scored::Scored(Ok(())),
            status => unclear(format!("status {status}")),
        })
    } else {
        match arrivals(ctx, marker, Duration::ZERO).await {
            Scored::Unscored(reason) => Scored::Unscored(reason),
            Scored::Scored(seen) if !seen.is_empty() => Scored::Scored(Err("reached the model".to_owned())),
            Scored::Scored(_) => exchange.score(|answer| match answer.status.as_u16() {
                300..=499 => Scored::Scored(Ok(())),
                status => unclear(format!("status {status}, and nothing reached the lab")),
            }),
        }
    };
    Tried {
        name: format!("{name} ({what})"),
        exchange,
        held,
    }
}

/// Tokens of a role that may not, edited to say that of one that may.
async fn edited(ctx: &Ctx, pairs: &[Pair<'_>], notes: &mut Vec<String>) -> Vec<Tried> {
    let Some(tokens) = Tokens::of(ctx) else {
        notes.push("edited tokens: not tried (needs issuer)".to_owned());
        return Vec::new();
    };
    let mut tried = Vec::new();
    for pair in pairs {
        let low =
            tokens.config.roles.iter().find(|(role, _)| {
                ctx.config.matrix.contains_key(*role) && !may(&ctx.config, role, &pair.what)
            });
        let Some((_, says)) = low else {
            notes.push(format!(
                "edited tokens for {}: no role by token is denied it",
                pair.what
            ));
            continue;
        };
        let high = tokens.config.roles.get(pair.high);
        let mut claims = high.map_or_else(Vec::new, |role| role.claim.clone());
        claims.extend([pair.high.to_owned(), "admin".to_owned()]);
        let wanted = golive_config::TokenRole {
            claim: claims,
            subject: says.subject.clone(),
        };
        let role_claims = tokens.role_claims(&wanted);
        let right = tokens.right(says);
        let mut said = right.clone();
        said.claims.extend(role_claims.clone());
        let mut unsigned = said.clone();
        unsigned.header.insert("alg".to_owned(), json!("none"));
        unsigned.signature = Signature::Empty;
        let mut confused = said.clone();
        confused.header.insert("alg".to_owned(), json!("HS256"));
        confused.key = Some("RS256".to_owned());
        confused.signature = Signature::HmacPem;
        let mut in_header = right.clone();
        in_header.header.extend(role_claims.clone());
        let cases = [
            (
                "its role edited in the token",
                Mint {
                    tamper: role_claims,
                    ..right
                },
            ),
            (
                "its role edited, and the signature flipped",
                Mint {
                    signature: Signature::Flipped,
                    ..said.clone()
                },
            ),
            ("its role edited, and no signature", unsigned),
            ("its role edited, signed with the public key as secret", confused),
            (
                "its role edited, signed by a stranger",
                Mint {
                    key: Some(format!("stranger-{}", tokens.alg())),
                    ..said
                },
            ),
            ("another role in the token's header", in_header),
        ];
        for (number, (name, mint)) in cases.into_iter().enumerate() {
            let token = match tokens.mint(&mint).await {
                Scored::Scored(token) => token,
                Scored::Unscored(reason) => {
                    notes.push(format!("{name}: {reason}"));
                    continue;
                }
            };
            let (ask, marker) = question(ctx, &format!("edited-{}", pair.what), number);
            let call = bearer(call_of(ctx, &pair.what, ask), &token);
            tried.push(one(ctx, name, call, &pair.what, &marker).await);
        }
    }
    tried
}

/// One role's row as another role reads it. None: not declared.
async fn rows(ctx: &Ctx, everyone: &Everyone) -> Option<Tried> {
    let path = ctx.config.access.rows_path.clone()?;
    let reading = Capability::Admin {
        method: "GET".to_owned(),
        path: path.split('?').next().unwrap_or_default().to_owned(),
    };
    // Whoever the matrix lets read that path reads everybody's, rightly.
    let mut plain = everyone
        .iter()
        .filter(|(role, _)| !may(&ctx.config, role, &reading));
    let (owner, owning, model) = plain
        .by_ref()
        .find_map(|(role, who)| Some((role, who, model_of(&ctx.config, role)?)))?;
    let (other, prying) = everyone
        .iter()
        .find(|(role, _)| *role != owner && !may(&ctx.config, role, &reading))?;
    let name = format!("a row of {owner}, read by {other}");
    let (ask, marker) = question(ctx, "rows", 0);
    let made = ctx.target.send(owning.on(call_of(ctx, &model, ask))).await;
    let id = made
        .answer()
        .and_then(|answer| answer.header("x-request-id"))
        .map(str::to_owned);
    let stands = |exchange: &Exchange| {
        let text = exchange.answer().map(|answer| answer.text()).unwrap_or_default();
        text.contains(&marker) || id.as_ref().is_some_and(|id| text.contains(id.as_str()))
    };
    let read = |who: &Who| ctx.target.send(who.on(Call::admin(Method::GET, path.clone())));
    let started = crate::clock::now();
    loop {
        let own = read(owning).await;
        if stands(&own) {
            break;
        }
        let age = crate::clock::now().saturating_duration_since(started);
        if age > ROWS || !ctx.sleep(Duration::from_millis(250)).await {
            let why = format!(
                "{owner} cannot read its own row at {path} ({}), so no other's says anything",
                own.in_short()
            );
            return Some(Tried {
                name,
                exchange: own,
                held: Scored::Unscored(UnscoredReason::Unexpected(why)),
            });
        }
    }
    let exchange = read(prying).await;
    let held = if stands(&exchange) {
        Scored::Scored(Err("the row stands there".to_owned()))
    } else {
        exchange.score(|answer| match answer.status.as_u16() {
            200..=499 => Scored::Scored(Ok(())),
            status => unclear(format!("status {status}")),
        })
    };
    Some(Tried { name, exchange, held })
}
