//! L1: the smoke test: fifty diverse requests, proven from outside.
//!
//! **Proves** that fifty requests as people send them are all answered: whole, of the wire format, and by the model.
//!
//! **How**: a built-in corpus over a grid of length × eight languages × plain or stream × tools × several turns × the
//! form asked for × words that frighten filters though they are harmless. Four at a time, each on behalf of a person of
//! its own. An answer fails if there is none, if it is empty, cut, not of its format, or only repeats the question;
//! with a lab it must carry the lab's own mark, each answer another one.
//!
//! **Positive control**: no two answers are the same one.
//! **Negative control**: a request that is no JSON is refused: what answers everything is no smoke test's target.
//! **Evidence**: every answer that failed, one that did not, and the bound: no failure in fifty bounds the error rate at
//! 5.8 % with 95 % confidence, no lower.
//! **Cannot tell**: whether an answer is right; and, without a lab, whether a model or a constant of many words answers.

pub(super) mod said;

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use golive_checklist::item::ItemId;
use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_config::TargetFormat;
use golive_lab::nonce;
use golive_load::interval::share_at_most;

use super::{Proof, When};
use crate::control::{Controls, Negative, Positive};
use crate::corpus::l1::{self, Case};
use crate::ctx::Ctx;
use crate::plan::{PartPlan, PlanInput};
use crate::self_test::{Oracle, Reading};
use crate::target::{Ask, Call, Exchange, default_role, limited};

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::L1,
    parts: &["L1.smoke"],
    doc: include_str!("l1_smoke.rs"),
    when: When::InOrder,
    attacks: false,
    oracles: &[ANSWERED],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

/// What an answer is. Prose that says no is an answer of a model here; only the lab's mark tells more.
const ANSWERED: Oracle = Oracle {
    name: "L1: answered",
    read: |sample| match said::read(&sample.answer, &sample.target, false) {
        Ok(said) if !repeats(&said.text, &sample.asked) => Reading::Good,
        _ => Reading::Bad,
    },
    obedient: Reading::Good,
    echoing: Reading::Bad,
    refusing: Reading::Bad,
    excusing: Reading::Good,
    empty: Reading::Bad,
};

/// Requests at a time: like a handful of people, not like load.
const AT_ONCE: usize = 4;

/// The most tokens of an answer; every request of the corpus asks for less.
const MAX_TOKENS: u32 = 1_024;

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    vec![match default_role(input.target) {
        Some(_) => PartPlan::yes("L1.smoke", l1::CASES.len() as u64 + 1, Duration::from_secs(60)),
        None => PartPlan::no(
            "L1.smoke",
            "a key that works (credentials.<role>.key_env)",
            "the requests need one",
        ),
    }]
}

/// One request of the corpus and what became of it.
struct Tried {
    case: &'static Case,
    exchange: Exchange,
    found: Scored<Result<String, String>>,
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    ctx.waiting(format!("{} diverse requests", l1::CASES.len()));
    let tried: Vec<Tried> = futures_util::stream::iter(0..l1::CASES.len())
        .map(|n| one(&ctx, n))
        .buffered(AT_ONCE)
        .collect()
        .await;
    let no_json = ctx
        .target
        .call(&Ask::new("Hello.").user(ctx.user("no-json")))
        .body(&b"{\"messages\": [{\"role\""[..]);
    let refused = ctx.target.send(no_json.deadline(Duration::from_secs(10))).await;
    vec![report(&ctx, &tried, &refused)]
}

async fn one(ctx: &Ctx, number: usize) -> Tried {
    let case = &l1::CASES[number];
    let exchange = ctx.target.send(call(ctx, number, case)).await;
    let found = match &exchange.outcome {
        Scored::Scored(answer) if answer.is_limited() => Scored::Unscored(limited()),
        Scored::Scored(answer) => {
            Scored::Scored(match said::read(answer, &ctx.config, streamed(ctx, case)) {
                Ok(said) => genuine(ctx, case, &said).await.map(|()| said.text),
                Err(why) => Err(why),
            })
        }
        // What was not sent says nothing; what was not answered is a failure a person would have seen.
        Scored::Unscored(reason @ (UnscoredReason::OverBudget | UnscoredReason::Interrupted)) => {
            Scored::Unscored(reason.clone())
        }
        Scored::Unscored(reason) => Scored::Scored(Err(reason.to_string())),
    };
    Tried {
        case,
        exchange,
        found,
    }
}

/// An agent without a pointer into its stream does not stream; the case is asked plainly then.
fn streamed(ctx: &Ctx, case: &Case) -> bool {
    let no_stream = ctx.config.format == TargetFormat::Http
        && ctx
            .config
            .pointers
            .as_ref()
            .is_some_and(|pointers| pointers.stream.is_none());
    case.stream && !no_stream
}

fn call(ctx: &Ctx, number: usize, case: &Case) -> Call {
    let mut ask = Ask::new(case.text()).user(ctx.user(&format!("smoke-{number}")));
    ask.stream = streamed(ctx, case);
    ask.include_usage = case.stream && number.is_multiple_of(2);
    ask.max_tokens = MAX_TOKENS;
    if ctx.config.format != TargetFormat::Http {
        ask.before = case
            .before()
            .iter()
            .map(|(role, text)| ((*role).to_owned(), (*text).to_owned()))
            .collect();
        ask.tools = case.tools();
    }
    ctx.target.call(&ask)
}

/// With a lab: the answer carries a mark that the lab made. Without: it is not the question.
async fn genuine(ctx: &Ctx, case: &Case, said: &said::Said) -> Result<(), String> {
    let Some(lab) = &ctx.lab else {
        return match repeats(&said.text, &case.text()) {
            true => Err("the answer only repeats the question".to_owned()),
            false => Ok(()),
        };
    };
    if said.tool_call && said.text.trim().is_empty() {
        return Ok(()); // a call has no text to carry a mark
    }
    let marks = nonce::find_all(&said.text);
    let Some(mark) = marks.last() else {
        return Err(
            "the answer carries no mark of the lab: it is cut, or the model did not make it".to_owned(),
        );
    };
    match lab.verify(mark).await {
        Ok(true) => Ok(()),
        Ok(false) => Err("the answer's mark is not one of this lab".to_owned()),
        Err(error) => Err(format!("the lab cannot be asked for a mark: {error}")),
    }
}

fn repeats(said: &str, asked: &str) -> bool {
    let (said, asked) = (said.trim(), asked.trim());
    said.contains(asked) && said.len() < asked.len() + 40
}

fn report(ctx: &Ctx, tried: &[Tried], refused: &Exchange) -> PartReport {
    let mut tally = Tally::new();
    let (mut failed, mut good, mut texts) = (Vec::new(), None, Vec::new());
    for one in tried {
        tally.add(one.found.clone(), |found| match found {
            Ok(text) => {
                texts.push(text);
                good.get_or_insert_with(|| one.exchange.evidence(format!("answered: {}", one.case.title())));
                Ok(())
            }
            Err(why) => {
                failed.push(one.exchange.evidence(format!("{}: {why}", one.case.title())));
                Err(format!("{}: {why}", one.case.title()))
            }
        });
    }
    let different: BTreeSet<&str> = texts.iter().map(String::as_str).collect();
    // Without a lab two models may well say the same short thing; one answer to everything is no model.
    let least = if ctx.lab.is_some() {
        texts.len()
    } else {
        texts.len().div_ceil(2).max(2)
    };
    let controls = Controls::new()
        .positive(Positive::new(
            "the answers differ from each other",
            Scored::Scored(!texts.is_empty() && different.len() >= least.min(texts.len())),
            format!("{} different of {}", different.len(), texts.len()),
        ))
        .negative(Negative::new(
            "a request that is no JSON is refused",
            refused.score(|answer| Scored::Scored(answer.status.is_client_error())),
            refused.in_short(),
        ));
    let bound = share_at_most(tally.bad(), tally.scored(), 0.95) * 100.0;
    let shown = (bound * 10.0).round() / 10.0;
    ctx.part("L1.smoke")
        .headline(format!(
            "{}/{} failed ⇒ error rate < {shown:.1} % at 95 %",
            tally.bad(),
            tally.scored()
        ))
        .measured("requests", tried.len())
        .measured("failed", tally.bad())
        .measured("error_rate_below_percent", shown)
        .measured("confidence_percent", 95)
        .measured("coverage", l1::coverage())
        .checklist("requests", l1::CASES.len())
        .checklist("failed", 0)
        .fix(
            "look at the first failed exchange; ask again with the line below, which sends the same requests",
        )
        .evidences(failed)
        .evidences(good)
        .controls(controls)
        .judged(&tally.judge(&Rule::all_of(l1::CASES.len() as u64 - 2)))
}
