//! S3.text, S3.urls: requests that are valid JSON and hold something that must not reach the model: a hidden character, a
//! private address. Each is refused, or arrives without it; what arrives is read at the lab.
//!
//! Never: believes an answer about what was removed. Only what the lab received counts.

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_config::TargetFormat;
use golive_lab::Query;
use serde_json::{Value, json};

use super::judge::{self, QUICK};
use super::{addresses, hidden};
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::target::{Ask, Exchange, limited, millis};

/// One thing that must not reach the model.
#[derive(Debug, Clone)]
pub(super) struct Planted {
    pub(super) id: String,
    pub(super) what: &'static str,
    pub(super) place: Place,
    /// None of these may stand in what arrives.
    pub(super) traces: Vec<String>,
}

/// Where in the request it stands.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In what the user says.
    User(String),
    /// In a part of a message that has several.
    Part(String),
    /// In an earlier turn.
    Earlier(String),
    /// In a tool's result.
    ToolResult(String),
    /// A picture's address.
    Image(String),
    /// A document's address.
    Document(String),
}

struct Tried {
    planted: Planted,
    exchange: Exchange,
    held: Scored<Result<&'static str, String>>,
}

/// The report of `S3.text` or `S3.urls`, and whether the target serves anything at all.
pub(super) async fn prove(ctx: &Ctx, id: &'static str) -> (PartReport, bool) {
    let texts = id == "S3.text";
    let draft = ctx.part(id).fix(if texts {
        "strip what cannot be seen (bidirectional controls, zero-width and tag characters, controls) from every text of a \
         request, or refuse it; joiners within scripts and emoji that need them stay"
    } else {
        "take addresses in image and file parts only over HTTPS and from listed hosts, never literal or private ones, and \
         check the address that the name resolves to; or take no addresses at all"
    });
    let Some(lab) = ctx.lab.clone() else {
        return (
            draft.unproven("needs lab_url: only the model's side sees what was removed"),
            true,
        );
    };
    let cases = if texts {
        hidden::cases()
    } else {
        addresses::cases(&lab)
    };
    let cases: Vec<Planted> = cases
        .into_iter()
        .filter(|case| fits(ctx.config.format, &case.place))
        .collect();
    if cases.is_empty() {
        return (
            draft.unproven("this format has no parts for pictures or files"),
            true,
        );
    }
    let before = plain(ctx, id, "before").await;
    let works = before.held();
    let mut controls = Controls::new().positive(before);
    if !works {
        let why = "the plain request is not served, so a refusal of another one says nothing";
        return (draft.controls(controls).unproven(why), false);
    }
    controls = controls.negative(at_the_lab(ctx, id, &cases[0]).await);
    let mut tried = Vec::with_capacity(cases.len());
    for (n, planted) in cases.into_iter().enumerate() {
        if ctx.cancel.is_cancelled() {
            break;
        }
        ctx.waiting(format!("cases of {id}: {n}"));
        tried.push(one(ctx, id, n, planted).await);
    }
    let fetched = if texts {
        Vec::new()
    } else {
        addresses::fetched(ctx).await
    };
    controls = controls.positive(plain(ctx, id, "after").await);
    (report(draft, texts, &tried, fetched, controls), true)
}

fn report(
    draft: crate::part::PartDraft,
    texts: bool,
    tried: &[Tried],
    fetched: Vec<String>,
    controls: Controls,
) -> PartReport {
    let mut tally = Tally::new();
    let (mut bad, mut table) = (Vec::new(), Vec::new());
    for one in tried {
        let found = match &one.held {
            Scored::Scored(Ok(how)) => (*how).to_owned(),
            Scored::Scored(Err(how)) => {
                bad.push(one.exchange.evidence(format!("{}: {how}", one.planted.id)));
                how.clone()
            }
            Scored::Unscored(reason) => format!("unclear: {reason}"),
        };
        table.push(format!("{:<28}{:<40}{found}", one.planted.id, one.planted.what));
        let id = &one.planted.id;
        tally.add(one.held.clone(), |held| {
            held.map(drop).map_err(|how| format!("{id}: {how}"))
        });
    }
    for path in &fetched {
        tally.add_bad(format!("an address was loaded: {path}"));
    }
    let count = |wanted: &str| {
        tried
            .iter()
            .filter(|one| matches!(&one.held, Scored::Scored(Ok(how)) if *how == wanted))
            .count()
    };
    let judgement = tally.judge(&Rule::all_of(tried.len().min(8) as u64));
    let mut draft = draft
        .headline(format!(
            "{} of {} {} kept from the model",
            tally.good(),
            tally.scored(),
            if texts {
                "hidden characters"
            } else {
                "private addresses"
            }
        ))
        .measured("cases", tried.len())
        .measured("refused", count(REFUSED))
        .measured("removed", count(REMOVED))
        .measured(
            "slowest_ms",
            tried
                .iter()
                .map(|one| millis(one.exchange.elapsed))
                .max()
                .unwrap_or(0),
        )
        .checklist("refused_within_ms", millis(QUICK))
        .evidences(bad);
    if !texts {
        draft = draft.measured("addresses_loaded", fetched.len());
    }
    draft
        .lines("every case, and what came of it", table)
        .controls(controls)
        .judged(&judgement)
}

const REFUSED: &str = "refused";
const REMOVED: &str = "arrived without it";

fn fits(format: TargetFormat, place: &Place) -> bool {
    match (format, place) {
        (TargetFormat::Http, place) => matches!(place, Place::User(_)),
        (TargetFormat::OpenAi, Place::Document(_)) => false, // chat completions take files by id or content alone
        _ => true,
    }
}

/// A question with the thing in its place.
fn ask(format: TargetFormat, place: &Place, marker: &str) -> Ask {
    let said = |text: &str| format!("{text} ({marker})");
    let mut ask = Ask::new(match place {
        Place::User(text) => said(text),
        _ => said("What do you make of it?"),
    });
    ask.max_tokens = 16;
    let user = |content: Value| json!([{"role": "user", "content": content}]);
    let messages = match (place, format) {
        (Place::User(_), _) => return ask,
        (Place::Part(text), _) => user(json!([
            {"type": "text", "text": said("Read both.")}, {"type": "text", "text": text}
        ])),
        (Place::Earlier(text), _) => json!([
            {"role": "user", "content": text},
            {"role": "assistant", "content": "I see."},
            {"role": "user", "content": said("What do you make of it?")}
        ]),
        (Place::ToolResult(text), TargetFormat::Anthropic) => json!([
            {"role": "user", "content": said("Look it up.")},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_a1", "name": "look_up", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_a1", "content": text}]}
        ]),
        (Place::ToolResult(text), _) => json!([
            {"role": "user", "content": said("Look it up.")},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_a1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "call_a1", "content": text}
        ]),
        (Place::Image(url), TargetFormat::Anthropic) => user(json!([
            {"type": "image", "source": {"type": "url", "url": url}}, {"type": "text", "text": said("What is it?")}
        ])),
        (Place::Image(url), _) => user(json!([
            {"type": "text", "text": said("What is it?")}, {"type": "image_url", "image_url": {"url": url}}
        ])),
        (Place::Document(url), _) => user(json!([
            {"type": "document", "source": {"type": "url", "url": url}}, {"type": "text", "text": said("What does it say?")}
        ])),
    };
    ask.extra.insert("messages".to_owned(), messages);
    ask
}

async fn one(ctx: &Ctx, id: &str, n: usize, planted: Planted) -> Tried {
    let marker = ctx.marker(&format!("{id}-{n}"));
    let since = ctx.lab_seq().await;
    let call = ctx
        .target
        .call(&ask(ctx.config.format, &planted.place, &marker).user(ctx.user(&marker)));
    let exchange = ctx.send_patiently(call.deadline(Duration::from_secs(10))).await;
    let held = held(ctx, &planted, &exchange, &marker, since).await;
    Tried {
        planted,
        exchange,
        held,
    }
}

async fn held(
    ctx: &Ctx,
    planted: &Planted,
    exchange: &Exchange,
    marker: &str,
    since: u64,
) -> Scored<Result<&'static str, String>> {
    let answer = match &exchange.outcome {
        Scored::Scored(answer) if answer.is_limited() => return Scored::Unscored(limited()),
        Scored::Scored(answer) => answer,
        Scored::Unscored(reason) => return Scored::Unscored(reason.clone()),
    };
    let arrived = match bodies(ctx, marker, since).await {
        Scored::Scored(bodies) => bodies,
        Scored::Unscored(reason) => return Scored::Unscored(reason),
    };
    let strings: Vec<String> = arrived.iter().flat_map(|body| strings_of(body)).collect();
    let came = planted
        .traces
        .iter()
        .any(|trace| strings.iter().any(|text| text.contains(trace.as_str())));
    let code = answer.status.as_u16();
    if came {
        return Scored::Scored(Err(if answer.status.is_success() {
            "reached the model as it was".to_owned()
        } else {
            format!("was answered {code}, and reached the model all the same")
        }));
    }
    match code {
        200..=299 if arrived.is_empty() => Scored::Unscored(UnscoredReason::Unexpected(
            "answered, but not by the lab's model: what was removed cannot be seen".to_owned(),
        )),
        200..=299 => Scored::Scored(Ok(REMOVED)),
        500.. => Scored::Scored(Err(format!("answered {code}: the server broke over it"))),
        _ => match judge::status(code, super::corpus::Expect::Refuse) {
            Err(reason) => Scored::Unscored(reason),
            Ok(false) => Scored::Scored(Err(format!("answered {code}, which is no refusal"))),
            Ok(true) if exchange.elapsed > QUICK => Scored::Scored(Err(format!(
                "refused only after {} ms",
                exchange.elapsed.as_millis()
            ))),
            Ok(true) => Scored::Scored(Ok(REFUSED)),
        },
    }
}

/// The bodies at the lab that hold the marker.
async fn bodies(ctx: &Ctx, marker: &str, since: u64) -> Scored<Vec<String>> {
    let query = Query {
        since,
        contains: Some(marker.to_owned()),
        limit: 20,
        ..Query::default()
    };
    ctx.timeline(&query)
        .await
        .map(|page| page.arrivals.into_iter().map(|arrival| arrival.body).collect())
}

/// Every string of a JSON text, decoded; the text itself if it is none.
fn strings_of(body: &str) -> Vec<String> {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Array(all) => all.iter().for_each(|one| walk(one, found)),
            Value::Object(members) => {
                for (name, inner) in members {
                    found.push(name.clone());
                    walk(inner, found);
                }
            }
            _ => {}
        }
    }
    match serde_json::from_str(body) {
        Ok(value) => {
            let mut found = Vec::new();
            walk(&value, &mut found);
            found
        }
        Err(_) => vec![body.to_owned()],
    }
}

async fn plain(ctx: &Ctx, id: &str, purpose: &str) -> Positive {
    let marker = ctx.marker(&format!("{id}-{purpose}"));
    let since = ctx.lab_seq().await;
    let place = match ctx.config.format {
        TargetFormat::Http => Place::User("Say hello.".to_owned()),
        _ => Place::Part("Say hello.".to_owned()),
    };
    let call = ctx
        .target
        .call(&ask(ctx.config.format, &place, &marker).user(ctx.user(&marker)));
    let exchange = ctx.send_patiently(call.deadline(Duration::from_secs(10))).await;
    let served = match exchange.score(|answer| answer.reply(&ctx.config)) {
        Scored::Scored(_) => bodies(ctx, &marker, since).await.map(|bodies| !bodies.is_empty()),
        Scored::Unscored(reason) => Scored::Unscored(reason),
    };
    Positive::new(
        format!("the plain request is served by the model, {purpose}"),
        served,
        exchange.in_short(),
    )
}

/// The first case given to the lab directly: it is seen there as it is.
async fn at_the_lab(ctx: &Ctx, id: &str, planted: &Planted) -> Negative {
    let marker = ctx.marker(&format!("{id}-direct"));
    let since = ctx.lab_seq().await;
    let name = "what is not removed is seen at the lab";
    let Some(lab) = &ctx.lab else {
        return Negative::new(name, Scored::Unscored(UnscoredReason::Empty), "no lab");
    };
    let target = golive_config::Target::bare("lab", ctx.config.url.clone(), TargetFormat::OpenAi);
    let call = crate::target::call_of(
        &target,
        "/v1/chat/completions",
        &ask(TargetFormat::OpenAi, &planted.place, &marker),
    );
    let said = lab
        .say(
            &ctx.config.lab_provider,
            "/v1/chat/completions",
            call.body_bytes().clone(),
        )
        .await;
    if let Err(error) = said {
        return Negative::new(
            name,
            Scored::Unscored(UnscoredReason::Transport(error.to_string())),
            "",
        );
    }
    let seen = bodies(ctx, &marker, since).await.map(|bodies| {
        let strings: Vec<String> = bodies.iter().flat_map(|body| strings_of(body)).collect();
        planted
            .traces
            .iter()
            .any(|trace| strings.iter().any(|text| text.contains(trace.as_str())))
    });
    Negative::new(name, seen, planted.id.clone())
}
