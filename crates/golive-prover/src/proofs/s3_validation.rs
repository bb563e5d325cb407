//! S3: input validation, proven from outside.
//!
//! **Proves** that hostile requests (broken JSON, broken text, wrong types, giants, request smuggling, slow senders) get
//! a clear refusal quickly and never an error of the server, that none of them reaches the model, and that odd but
//! valid requests are served.
//!
//! **How**: every case of the corpus (`corpus/s3_validation.json`) goes out byte for byte on a connection of its own, and
//! the broken bodies among them once more over HTTP/2 where the target speaks it without TLS.
//! A refusal is a 4xx in the target's wire format within two seconds; where HTTP itself is broken, any 4xx, 501, 505 or
//! a closed connection. After each case the target must serve the next plain request. Cases that abuse HTTP itself
//! are sent only to a target marked `staging = true`. Then the lab is asked for every refused case's marker. Hidden
//! characters and private addresses in image and file parts must be refused, or must be gone from what the lab receives;
//! an address of the lab itself stands among them, and must not be loaded. Where the target declares the form of its
//! requests (`declares.schema`), each body that it calls bad, each text that it denies and each message for the operator
//! is sent in the place of a good one and must be refused, and the good ones must be served.
//!
//! **Positive control**: the plain request is served before and after.
//! **Negative control**: the same bytes without their defect are served on the same kind of connection, and are seen
//! at the lab; so an acceptance, and a call behind a refusal, would both be noticed.
//! **Evidence**: each case that was not refused as it must be, with its bytes; the table of all cases.
//! **Cannot tell**: whether a proxy before the target, and not the target, refused; what the target's own bounds are
//! where they are wider than the corpus; what an agent loads that is told an address in plain words. Of the form that
//! is declared for an agent (`S3.schema`) only the bodies that are given are tried: what no file shows is not known.

mod addresses;
mod corpus;
mod hidden;
mod inside;
mod judge;
mod schema;
mod second;
mod wire;

use std::time::Duration;

use futures_util::StreamExt as _;
use golive_checklist::item::ItemId;
use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::{Evidence, PartReport};
use golive_checklist::threshold::Zone;
use golive_lab::Query;

use self::corpus::{Case, Expect, Maker};
use self::judge::Judged;
use super::{Proof, When};
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::plan::{PartPlan, PlanInput};
use crate::self_test::{Oracle, Reading};
use crate::target::{Exchange, default_role, millis};

const PARTS: &[&str] = &[
    "S3.structure",
    "S3.bounds",
    "S3.text",
    "S3.urls",
    "S3.valid",
    SCHEMA,
];

/// The part about the form that the target declares.
const SCHEMA: &str = "S3.schema";

/// Parts whose requests are valid JSON, and whose oracle is what reaches the model.
const INSIDE: &[&str] = &["S3.text", "S3.urls"];

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::S3,
    parts: PARTS,
    doc: include_str!("s3_validation.rs"),
    when: When::InOrder,
    attacks: false,
    oracles: &[REFUSED],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

/// Slow senders wait for the target to lose its patience; they run side by side.
const SLOW_AT_ONCE: usize = 4;

/// A hostile request that is answered: bad. A typed refusal for who asks says nothing about what was asked.
const REFUSED: Oracle = Oracle {
    name: "S3: refused",
    read: |sample| match judge::status(sample.answer.status.as_u16(), Expect::Refuse) {
        Ok(true) => Reading::Good,
        Ok(false) => Reading::Bad,
        Err(_) => Reading::Unscored,
    },
    obedient: Reading::Bad,
    echoing: Reading::Bad,
    refusing: Reading::Unscored,
    excusing: Reading::Bad,
    empty: Reading::Bad,
};

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    if default_role(input.target).is_none() {
        let missing = "a key that works (credentials.<role>.key_env)";
        let unlocks = "without it everything is refused for another reason";
        return PARTS
            .iter()
            .map(|part| PartPlan::no(part, missing, unlocks))
            .collect();
    }
    PARTS
        .iter()
        .map(|part| {
            if *part == SCHEMA {
                return schema::plan(input);
            }
            if INSIDE.contains(part) {
                if input.target.lab_url.is_none() {
                    let unlocks = "only the model's side sees what was removed";
                    return PartPlan::no(part, "lab_url", unlocks);
                }
                return PartPlan::yes(part, 40, Duration::from_secs(4));
            }
            let cases = corpus::of(part, input.target);
            let slow = cases.iter().any(|case| case.expect == Expect::Slow);
            // Each case, the plain request after it, and the controls.
            let time = Duration::from_secs(if slow { 60 } else { 15 });
            let again = if *part == "S3.valid" {
                0
            } else {
                second::of(&cases).len() + 1
            };
            PartPlan::yes(part, (cases.len() + again) as u64 * 2 + 8, time)
        })
        .collect()
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    let mut parts: Vec<PartReport> = Vec::new();
    for part in PARTS {
        if ctx.cancel.is_cancelled() {
            break;
        }
        let (report, works) = if INSIDE.contains(part) {
            inside::prove(&ctx, part).await
        } else if *part == SCHEMA {
            (schema::prove(&ctx, part).await, true)
        } else {
            prove(&ctx, part).await
        };
        parts.push(report);
        if !works {
            // What the first part waited for in vain, the others need not wait for again.
            let reason = || "the plain request is not served, so a refusal of another one says nothing";
            let others = PARTS.iter().skip(parts.len());
            parts.extend(others.map(|id| ctx.part(id).unproven(reason())));
            break;
        }
    }
    parts
}

/// One case, what came of it, and whether the target still served afterwards.
struct Tried {
    case: Case,
    judged: Judged,
    evidence: Evidence,
    after: Scored<bool>,
    tag: String,
}

/// The report of a part, and whether the target serves anything at all.
async fn prove(ctx: &Ctx, id: &'static str) -> (PartReport, bool) {
    let valid = id == "S3.valid";
    let cases = corpus::of(id, &ctx.config);
    let left_out = corpus::all()
        .iter()
        .filter(|case| case.part == id && case.staging && !ctx.config.staging)
        .count();
    let draft = ctx
        .part(id)
        .declared("body_size_bytes", ctx.config.declares.body_size.0)
        .checklist("refused_within_ms", millis(judge::QUICK))
        .fix(if valid {
            "refuse only what is broken: every text of Unicode, every form of JSON that RFC 8259 allows"
        } else {
            "read the body with a limit and a strict parser (no member twice, no lone surrogates, nothing behind the \
             end, bounded depth and count) before anything else looks at it, and answer a typed 400, 413, 415 or 431; \
             leave broken HTTP to a server that closes the connection"
        });
    let maker = Maker::new(ctx, id);
    let Some(maker) = maker else {
        return (
            draft.unproven("needs a key that works (credentials.<role>.key_env)"),
            false,
        );
    };
    let (mut controls, works) = controls(ctx, &maker).await;
    if !works {
        // Each of a hundred cases would wait for nothing.
        let reason = "the plain request is not served, so a refusal of another one says nothing";
        return (draft.controls(controls).unproven(reason), false);
    }
    let again = if valid || !second::is_spoken(ctx, &maker).await {
        Vec::new()
    } else {
        second::of(&cases)
    };
    let over_second = again.len();
    let mut tried = try_all(ctx, &maker, cases, Version::First).await;
    tried.extend(try_all(ctx, &maker, again, Version::Second).await);
    controls = controls.positive(plain(ctx, &maker, "the plain request is served afterwards").await);

    let mut tally = Tally::new();
    let mut warnings = Vec::new();
    for one in &tried {
        tally.add(one.judged.held.clone(), |held| {
            held.map_err(|why| format!("{}: {why}", one.case.id))
        });
        if let Some(warning) = &one.judged.warning {
            warnings.push(format!("{}: {warning}", one.case.id));
        }
        tally.add(one.after.clone(), |served| {
            served
                .then_some(())
                .ok_or_else(|| format!("{}: the target did not serve the next request", one.case.id))
        });
    }
    let lines = at_lab(ctx, &maker, &tried, valid, &mut tally).await;

    let judgement = tally.judge(&Rule::all_of(if valid { 20 } else { 10 }));
    let judgement = warnings.iter().take(5).fold(judgement, |judgement, why| {
        judgement.no_better_than(Zone::Warn, why)
    });
    let held = tried
        .iter()
        .filter(|one| matches!(one.judged.held, Scored::Scored(Ok(()))))
        .count();
    let slowest = tried
        .iter()
        .filter(|one| one.case.expect != Expect::Slow)
        .map(|one| one.judged.after)
        .max();
    let bad = tried.iter().filter(|one| {
        !matches!(one.judged.held, Scored::Scored(Ok(()))) || one.after == Scored::Scored(false)
    });
    let table = tried
        .iter()
        .map(|one| format!("{:<26}{:<12}{}", one.case.id, one.judged.short, one.case.what))
        .collect();
    let mut draft = draft
        .headline(format!(
            "{held} of {} {}",
            tried.len(),
            if valid {
                "odd but valid requests served"
            } else {
                "hostile requests refused"
            }
        ))
        .measured("cases", tried.len())
        .measured("cases_not_held", tried.len() - held)
        .measured("cases_over_http2", over_second)
        .measured("cases_left_out", left_out)
        .measured("slowest_ms", slowest.map_or(0, millis))
        .evidences(bad.map(|one| one.evidence.clone()));
    if !lines.is_empty() {
        draft = draft.lines("refused requests that reached the model", lines);
    }
    if let Some(shown) = tried
        .iter()
        .find(|one| matches!(one.judged.held, Scored::Scored(Ok(()))))
    {
        draft = draft.evidence(shown.evidence.clone());
    }
    let report = draft
        .lines("every case, and what came of it", table)
        .controls(controls)
        .judged(&judgement);
    (report, true)
}

/// Which HTTP a case is sent over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// HTTP/1.1, byte by byte.
    First,
    /// HTTP/2, by a library.
    Second,
}

/// Fast cases one after the other, so that the one that did harm is known; then the slow ones side by side.
async fn try_all(ctx: &Ctx, maker: &Maker, cases: Vec<Case>, version: Version) -> Vec<Tried> {
    let total = cases.len();
    let (slow, fast): (Vec<_>, Vec<_>) = cases
        .into_iter()
        .enumerate()
        .partition(|(_, case)| case.expect == Expect::Slow);
    let mut out = Vec::with_capacity(total);
    for (n, case) in fast {
        if ctx.cancel.is_cancelled() {
            return out;
        }
        if n % 10 == 0 {
            ctx.waiting(format!("cases of {}: {n} of {total}", maker.part));
        }
        out.push(one(ctx, maker, n, case, version).await);
    }
    if !slow.is_empty() {
        ctx.waiting("slow senders, for the target to lose its patience");
    }
    let slow: Vec<Tried> = futures_util::stream::iter(slow)
        .map(|(n, case)| one(ctx, maker, n, case, version))
        .buffered(SLOW_AT_ONCE)
        .collect()
        .await;
    out.extend(slow);
    out
}

async fn one(ctx: &Ctx, maker: &Maker, n: usize, mut case: Case, version: Version) -> Tried {
    // Three digits make the user of a case: those of HTTP/2 begin where no case of HTTP/1.1 is.
    let tag = maker.tag(&case, if version == Version::Second { 800 + n } else { n });
    let made = maker.make(&case, &tag);
    if case.expect == Expect::Refuse && made.bytes.len() as u64 > ctx.config.declares.body_size.0 {
        // Past the size that is read: who hangs up while it still comes has refused it too.
        case.expect = Expect::RefuseOrClose;
    }
    let send = || async {
        match version {
            Version::First => wire::send(ctx, &made, judge::patience(case.expect)).await,
            Version::Second => second::send(ctx, maker, &case, &tag).await,
        }
    };
    let mut came = send().await;
    // The target's own limit says nothing about the case; it is waited out, within reason.
    for _ in 0..2 {
        let Some(wait) = came.limited_for() else { break };
        ctx.waiting(format!("the target's rate limit, {} s", wait.as_secs()));
        if !ctx.sleep(wait).await {
            break;
        }
        came = send().await;
    }
    let judged = judge::judge(&case, &came, &ctx.config);
    let evidence = came.evidence(
        &format!("{}: {}", case.id, case.what),
        &made,
        ctx.target.redactor(),
    );
    let after = match case.expect {
        Expect::Serve => Scored::Scored(true), // it was itself served, or says so itself
        _ => served_next(ctx, maker).await,
    };
    Tried {
        case,
        judged,
        evidence,
        after,
        tag,
    }
}

/// The plain request, once more if it fails: an accident is no finding.
async fn served_next(ctx: &Ctx, maker: &Maker) -> Scored<bool> {
    for _ in 0..2 {
        let exchange = ask(ctx, maker).await;
        match exchange.score(|answer| answer.reply(&ctx.config)) {
            Scored::Scored(_) => return Scored::Scored(true),
            Scored::Unscored(reason @ (UnscoredReason::Interrupted | UnscoredReason::OverBudget)) => {
                return Scored::Unscored(reason);
            }
            Scored::Unscored(_) if exchange.answer().is_some_and(crate::target::Answer::is_limited) => {
                return Scored::Unscored(crate::target::limited());
            }
            Scored::Unscored(_) => {}
        }
        ctx.sleep(Duration::from_millis(200)).await;
    }
    Scored::Scored(false)
}

async fn ask(ctx: &Ctx, maker: &Maker) -> Exchange {
    ctx.target
        .send(maker.plain(ctx).deadline(Duration::from_secs(10)))
        .await
}

async fn plain(ctx: &Ctx, maker: &Maker, name: &str) -> Positive {
    let exchange = ask(ctx, maker).await;
    let served = exchange.score(|answer| answer.reply(&ctx.config).map(|_| true));
    Positive::new(name, served, exchange.in_short())
}

/// The plain request by the usual client and byte by byte, and its arrival at the lab.
async fn controls(ctx: &Ctx, maker: &Maker) -> (Controls, bool) {
    let before = plain(ctx, maker, "the plain request is served").await;
    let mut works = before.held();
    let mut controls = Controls::new().positive(before);
    if !works {
        return (controls, works);
    }
    let case = Case::plain(maker.part);
    let tag = format!("{}-control", ctx.marker("s3-control"));
    let made = maker.make(&case, &tag);
    let came = wire::send(ctx, &made, judge::patience(Expect::Serve)).await;
    let judged = judge::judge(&case, &came, &ctx.config);
    let served = judged.held.map(|held| held.is_ok());
    works = served == Scored::Scored(true);
    controls = controls.negative(Negative::new(
        "the same bytes without a defect are served",
        served,
        judged.short,
    ));
    if let Some(lab) = &ctx.lab {
        let query = Query {
            contains: Some(tag),
            wait: Duration::from_secs(3),
            brief: true,
            ..Query::default()
        };
        let seen = match lab.timeline(&query).await {
            Ok(page) => Scored::Scored(!page.arrivals.is_empty()),
            Err(error) => Scored::Unscored(UnscoredReason::Transport(error.to_string())),
        };
        works &= seen == Scored::Scored(true);
        controls = controls.negative(Negative::new(
            "a request that is served is seen at the lab",
            seen,
            "",
        ));
    }
    (controls, works)
}

/// What was refused must not be at the lab; what is valid must be.
async fn at_lab(ctx: &Ctx, maker: &Maker, tried: &[Tried], valid: bool, tally: &mut Tally) -> Vec<String> {
    let Some(lab) = &ctx.lab else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    let query = |contains: String, wait: u64| Query {
        contains: Some(contains),
        wait: Duration::from_millis(wait),
        limit: 100,
        brief: true,
        ..Query::default()
    };
    if !valid {
        // Most often there is nothing at all, and one question is enough.
        match lab.timeline(&query(maker.refused_marker(), 500)).await {
            Ok(page) if page.arrivals.is_empty() => {
                tally.add_good();
                return lines;
            }
            Ok(_) => {}
            Err(error) => {
                tally.add_unscored(&UnscoredReason::Transport(error.to_string()));
                return lines;
            }
        }
    }
    for one in tried.iter().filter(|one| valid || one.case.expect.is_refusal()) {
        match lab.timeline(&query(one.tag.clone(), 0)).await {
            Ok(page) if valid => {
                let seen = Scored::Scored(!page.arrivals.is_empty());
                tally.add(seen, |seen| {
                    seen.then_some(())
                        .ok_or_else(|| format!("{}: answered without asking the model", one.case.id))
                });
            }
            Ok(page) if page.arrivals.is_empty() => {}
            Ok(page) => {
                tally.add_bad(format!(
                    "{}: reached the model although it must be refused",
                    one.case.id
                ));
                let at = &page.arrivals[0];
                lines.push(format!(
                    "{:>10} µs  {} {} {}",
                    at.at_us, at.method, at.path, one.case.id
                ));
            }
            Err(error) => tally.add_unscored(&UnscoredReason::Transport(error.to_string())),
        }
    }
    lines
}
