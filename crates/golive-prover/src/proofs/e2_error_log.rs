//! E2: the error log with its context, proven from outside.
//!
//! **Proves** that a failure leaves one entry in the declared log within the declared time, with the seven fields that
//! explain it, and that neither the user nor what was confided stands there in clear.
//!
//! **How**: three calls fail at the lab: two of one made-up user, one of another, each with a trace of its own, their
//! prompts holding a made-up address, numbers and a key. Their entries are looked for by trace and by request id, in a file,
//! in the output of a command or at an address. Then every byte that the log gained is searched.
//!
//! **Positive control**: a healthy call is answered, and the failing ones really failed at the lab.
//! **Negative control**: a healthy call leaves no entry of an error; and the search finds user, numbers and plain hashes in a
//! text that holds them.
//! **Evidence**: the entries as found, redacted, and the time until they were there.
//! **Cannot tell**: whether a keyed hash is kept under a key that nobody has (only that the usual plain ones are not used),
//! whether the log outlives its disk, or who may read it. A user whom no credential may name is not told apart from others.

mod entry;
mod judge;
mod search;
mod source;

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::report::PartReport;
use golive_lab::{Fault, Match, Query, Rule};
use serde_json::Value;

use self::search::Secrets;
use self::source::Source;
use super::{Proof, When};
use crate::clock;
use crate::ctx::Ctx;
use crate::lab_scripts::LabScripts;
use crate::plan::{PartPlan, PlanInput};
use crate::target::{ASSERTING_ROLE, Ask, Exchange};

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::E2,
    parts: PARTS,
    doc: include_str!("e2_error_log.rs"),
    when: When::InOrder,
    attacks: true,
    oracles: &[],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

const PARTS: &[&str] = &["E2.found", "E2.fields", "E2.privacy"];

/// How often the log is read while waiting.
const INTERVAL: Duration = Duration::from_millis(250);

/// A second copy of an entry comes within this of the first, or is not waited for.
const COPIES_WITHIN: Duration = Duration::from_secs(1);

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let target = input.target;
    PARTS
        .iter()
        .map(|part| {
            if target.lab_url.is_none() {
                let unlocks = "only a model that fails on command leaves a known entry";
                PartPlan::no(part, "the lab as the target's model (lab_url)", unlocks)
            } else if target.logs.is_there() {
                PartPlan::yes(
                    part,
                    if *part == "E2.found" { 6 } else { 0 },
                    Duration::from_secs(8),
                )
            } else {
                let unlocks = "what a failure leaves behind is read there";
                PartPlan::no(
                    part,
                    "the target's error log (logs.file, logs.command or logs.url)",
                    unlocks,
                )
            }
        })
        .collect()
}

/// One call that fails, or one that does not.
#[derive(Debug, Clone)]
pub(super) struct Provoked {
    pub(super) name: &'static str,
    pub(super) user: String,
    /// 32 hex digits.
    pub(super) trace: String,
    /// As the answer's headers name it.
    pub(super) request: Option<String>,
    pub(super) fails: bool,
    /// The lab did the fault to it.
    pub(super) reached: bool,
    pub(super) exchange: Exchange,
    /// Its entries, oldest first.
    pub(super) entries: Vec<Value>,
    /// When the first of them was seen, after the call.
    pub(super) found_after: Option<Duration>,
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    let none = |reason: String| {
        PARTS
            .iter()
            .map(|part| ctx.part(part).unproven(reason.clone()))
            .collect()
    };
    let scripts = match LabScripts::of(&ctx).await {
        Ok(scripts) => scripts,
        Err(reason) => return none(reason),
    };
    let mut source = match Source::open(&ctx).await {
        Ok(source) => source,
        Err(reason) => return none(reason),
    };
    let secrets = Secrets::of(&ctx);
    let rules: Vec<Rule> = CALLS
        .iter()
        .filter_map(|(name, _, fault)| rule(&ctx, name, fault()?))
        .collect();
    if let Err(error) = scripts.teach(&rules).await {
        scripts.restore(&ctx).await;
        return none(format!("the lab could not be told to misbehave ({error})"));
    }
    let mut provoked = Vec::new();
    for (name, user, fault) in CALLS {
        provoked.push(one(&ctx, &scripts, name, user, fault().is_some(), &secrets).await);
    }
    scripts.restore(&ctx).await;
    let log = await_entries(&ctx, &mut source, &mut provoked).await;
    judge::reports(&ctx, &source, &provoked, &log, &secrets)
}

type Failing = fn() -> Option<Fault>;

/// (name, whose, what the lab does). The same user twice, another once, and one that is well.
const CALLS: &[(&str, &str, Failing)] = &[
    ("a refused call", "ann", || Some(Fault::status(500))),
    ("a broken call of the same user", "ann", || Some(Fault::Malformed)),
    ("a refused call of another user", "ben", || {
        Some(Fault::status(503))
    }),
    ("a healthy call", "cem", || None),
];

fn rule(ctx: &Ctx, name: &str, fault: Fault) -> Option<Rule> {
    Some(Rule {
        matches: Match {
            contains: Some(ctx.marker(name)),
            ..Match::default()
        },
        fault: Some(fault),
        ..Rule::default()
    })
}

async fn one(
    ctx: &Ctx,
    scripts: &LabScripts,
    name: &'static str,
    user: &str,
    fails: bool,
    secrets: &Secrets,
) -> Provoked {
    ctx.waiting(name);
    let marker = ctx.marker(name);
    let user = ctx.user(user);
    // The same number that is in the marker, twice: a trace of 16 bytes that nobody else has.
    let digits = marker.trim_start_matches("glvmark");
    let trace = format!("{digits}{digits}");
    let text = if fails {
        format!("{} {marker}", secrets.prompt())
    } else {
        format!("Say hello. {marker}")
    };
    let declares = &ctx.config.declares;
    let call = ctx
        .target
        .call(&Ask::new(text).user(user.clone()))
        .header("traceparent", &format!("00-{trace}-{}-01", &digits[..16]))
        .secret(secrets.key.clone())
        .deadline((declares.total_request + Duration::from_secs(3)).min(Duration::from_secs(150)));
    let exchange = ctx.send_patiently(call).await;
    let answer = exchange.answer();
    let request = answer.and_then(|answer| {
        ["x-request-id", "request-id", "x-correlation-id"]
            .into_iter()
            .find_map(|name| answer.header(name))
            .map(str::to_owned)
    });
    let query = Query {
        contains: Some(marker),
        brief: true,
        ..Query::default()
    };
    let page = scripts.lab().timeline(&query).await;
    let reached = page.is_ok_and(|page| page.arrivals.iter().any(|at| at.fault.is_some() || !fails));
    Provoked {
        name,
        user,
        trace,
        request,
        fails,
        reached,
        exchange,
        entries: Vec::new(),
        found_after: None,
    }
}

/// Reads the log until every failure has its entry or the declared time is over; gives all that it gained.
async fn await_entries(ctx: &Ctx, source: &mut Source, provoked: &mut [Provoked]) -> Result<String, String> {
    let started = clock::now();
    let within = ctx.config.logs.within;
    let mut complete_at = None;
    loop {
        ctx.waiting("the entries in the error log");
        let text = source.read(ctx, provoked).await?;
        let now = clock::now().saturating_duration_since(started);
        let entries = entry::read(&text);
        for one in provoked.iter_mut() {
            one.entries = entries
                .iter()
                .filter(|entry| entry::is_of(entry, &one.trace, one.request.as_deref()))
                .cloned()
                .collect();
            if !one.entries.is_empty() {
                one.found_after.get_or_insert(now);
            }
        }
        let complete = provoked.iter().all(|one| !one.fails || !one.entries.is_empty());
        if complete {
            complete_at.get_or_insert(now);
        }
        // Past the first copy a little longer: a second one would come now.
        let over = complete_at.is_some_and(|at| now >= at + COPIES_WITHIN.min(within));
        if over || now >= within || !ctx.sleep(INTERVAL).await {
            return Ok(text);
        }
    }
}

/// Whether the target lets a caller name the user it calls for.
pub(super) fn names_users(ctx: &Ctx) -> bool {
    ctx.config.credentials.contains_key(ASSERTING_ROLE)
}
