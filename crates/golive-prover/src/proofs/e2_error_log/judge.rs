//! E2: the three reports over the entries that were found.
//!
//! Never: calls an entry missing that could not have been written, because the call did not fail.

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::{Evidence, PartReport};
use golive_checklist::threshold::Zone;

use super::search::{Secrets, plain_hash};
use super::source::Source;
use super::{Provoked, entry, names_users};
use crate::clock;
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::target::{millis, shorten};

pub(super) fn reports(
    ctx: &Ctx,
    source: &Source,
    provoked: &[Provoked],
    log: &Result<String, String>,
    secrets: &Secrets,
) -> Vec<PartReport> {
    let log = match log {
        Ok(log) => log,
        Err(reason) => {
            return super::PARTS
                .iter()
                .map(|part| ctx.part(part).unproven(reason.clone()))
                .collect();
        }
    };
    let controls = controls(ctx, provoked, secrets);
    vec![
        found(ctx, source, provoked, controls.clone()),
        fields(ctx, provoked, controls.clone()),
        privacy(ctx, provoked, log, secrets, controls),
    ]
}

fn found(ctx: &Ctx, source: &Source, provoked: &[Provoked], controls: Controls) -> PartReport {
    let mut tally = Tally::new();
    let within = ctx.config.logs.within;
    for one in provoked {
        let error_type = &ctx.config.logs.fields.error_type;
        if !one.fails {
            if one
                .entries
                .iter()
                .any(|entry| entry::field(entry, error_type).is_some())
            {
                tally.add_bad("a healthy call left an entry of an error");
            }
            continue;
        }
        if !one.reached {
            tally.add_unscored(&UnscoredReason::Unexpected(format!(
                "{}: did not fail at the lab ({})",
                one.name,
                one.exchange.in_short()
            )));
            continue;
        }
        let copies = one.entries.iter().enumerate().any(|(n, entry)| {
            let fields = &ctx.config.logs.fields;
            one.entries[..n]
                .iter()
                .any(|before| entry::same(before, entry, fields))
        });
        tally.add(Scored::Scored(()), |()| {
            if one.entries.is_empty() {
                Err(format!(
                    "{}: no entry with its trace or its request id within {} s",
                    one.name,
                    within.as_secs_f32()
                ))
            } else if copies {
                Err(format!(
                    "{}: the same entry stands there more than once",
                    one.name
                ))
            } else {
                Ok(())
            }
        });
    }
    let slowest = provoked
        .iter()
        .filter(|one| one.fails)
        .filter_map(|one| one.found_after)
        .max();
    let mut draft = ctx
        .part("E2.found")
        .headline(format!("{} of {} failures found in the log", tally.good(), tally.scored()))
        .declared("within_ms", millis(within))
        .checklist("within_ms", 30_000)
        .fix(
            "write one JSON line per failed request, flushed at once, with the trace id of `traceparent` and the request id \
             of the answer; LiteLLM: json_logs with request_id; own code: a logging middleware around the model's call",
        );
    if let Some(slowest) = slowest {
        draft = draft.measured("found_after_ms", millis(slowest));
    }
    let wanting = provoked.iter().filter(|one| one.fails && one.entries.is_empty());
    draft
        .evidences(wanting.map(|one| one.exchange.evidence(format!("left no entry: {}", one.name))))
        .evidence(entries(ctx, provoked, source.name()))
        .controls(controls)
        .judged(&tally.judge(&Rule::all_of(2)))
}

fn fields(ctx: &Ctx, provoked: &[Provoked], controls: Controls) -> PartReport {
    let mut tally = Tally::new();
    let names = &ctx.config.logs.fields;
    let now = clock::wall();
    for one in provoked.iter().filter(|one| one.fails && one.reached) {
        // Where several entries tell of one failure, the fullest counts.
        let best = one
            .entries
            .iter()
            .map(|entry| entry::wrong_with(entry, names, &one.trace, now))
            .min_by_key(Vec::len);
        match best {
            None => tally.add_unscored(&UnscoredReason::Empty),
            Some(wrong) if wrong.is_empty() => tally.add_good(),
            Some(wrong) => tally.add_bad(format!("{}: {}", one.name, wrong.join(", "))),
        }
    }
    ctx.part("E2.fields")
        .headline(format!("{} of {} entries have all seven fields", tally.good(), tally.scored()))
        .fix(
            "give every entry its time, a keyed hash of the user, a redacted summary of the input, the kind of error, its \
             causes, what was done about it, and the trace id; other names are declared in [targets.NAME.logs.fields]",
        )
        .evidence(entries(ctx, provoked, "the entries".to_owned()))
        .controls(controls)
        .judged(&tally.judge(&Rule::all_of(2)))
}

fn privacy(ctx: &Ctx, provoked: &[Provoked], log: &str, secrets: &Secrets, controls: Controls) -> PartReport {
    let mut tally = Tally::new();
    let names = &ctx.config.logs.fields;
    let failed: Vec<&Provoked> = provoked
        .iter()
        .filter(|one| one.fails && !one.entries.is_empty())
        .collect();
    if failed.is_empty() {
        return ctx
            .part("E2.privacy")
            .controls(controls)
            .unproven("no entry was found, so nothing is known of what entries hold");
    }
    let mut users: Vec<&str> = provoked.iter().map(|one| one.user.as_str()).collect();
    users.dedup();
    let found = secrets.found_in(log, &users);
    for what in &found {
        tally.add_bad(what);
    }
    if found.is_empty() {
        tally.add_good();
    }
    let hash_of = |name: &str| {
        let one = failed.iter().find(|one| one.name == name)?;
        one.entries.iter().find_map(|entry| entry::user_of(entry, names))
    };
    let (first, again, other) = (hash_of(FIRST), hash_of(AGAIN), hash_of(OTHER));
    if let (Some(first), Some(again)) = (&first, &again) {
        tally.add(Scored::Scored(first == again), |same| {
            same.then_some(())
                .ok_or_else(|| "the same user has two hashes, so its failures cannot be found".to_owned())
        });
    }
    if let (Some(first), Some(other), true) = (&first, &other, names_users(ctx)) {
        tally.add(Scored::Scored(first != other), |apart| {
            apart
                .then_some(())
                .ok_or_else(|| "two users have the same hash".to_owned())
        });
    }
    let mut judgement = tally.judge(&Rule::all_of(2));
    let plain = users.iter().find_map(|user| plain_hash(log, user));
    if let Some(algorithm) = plain {
        let why = format!(
            "hash without key: the user stands there as plain {algorithm}, which a list of users undoes"
        );
        judgement = judgement.no_better_than(Zone::Warn, why);
    }
    ctx.part("E2.privacy")
        .headline("users by keyed hashes, nothing confided in clear")
        .measured("plain_hash", plain.unwrap_or("none"))
        .fix(
            "hash users by HMAC under a key of its own, redact prompts before they are summarised, and never log headers \
             or bodies as they came",
        )
        .evidence(entries(ctx, provoked, "the entries".to_owned()))
        .controls(controls)
        .judged(&judgement)
}

const FIRST: &str = "a refused call";
const AGAIN: &str = "a broken call of the same user";
const OTHER: &str = "a refused call of another user";

fn controls(ctx: &Ctx, provoked: &[Provoked], secrets: &Secrets) -> Controls {
    let mut controls = Controls::new();
    for one in provoked.iter().filter(|one| !one.fails) {
        let held = one
            .exchange
            .score(|answer| answer.reply(&ctx.config))
            .map(|_| one.reached);
        controls = controls.positive(Positive::new(
            "a healthy call is answered by the lab's model",
            held,
            one.exchange.in_short(),
        ));
    }
    let failing = || provoked.iter().filter(|one| one.fails);
    let done = failing().filter(|one| one.reached).count();
    controls = controls.positive(Positive::new(
        "the failing calls failed at the lab",
        Scored::Scored(done >= 2),
        format!("{done} of {}", failing().count()),
    ));
    let user = ctx.user("somebody");
    let text = format!("{user} asked: {}", secrets.prompt());
    let finds = secrets.found_in(&text, &[&user]).len();
    let hashed = plain_hash(&crate::md5::md5_hex(user.as_bytes()), &user);
    controls.negative(Negative::new(
        "the search finds the user, what was confided and a plain hash where they stand",
        Scored::Scored(finds >= 5 && hashed == Some("MD5")),
        format!("{finds} kinds found in a made text"),
    ))
}

/// The entries as found; values that must not be there are made up, and keys are taken out.
fn entries(ctx: &Ctx, provoked: &[Provoked], title: String) -> Evidence {
    let redactor = ctx.target.redactor();
    let lines = provoked.iter().flat_map(|one| {
        let entries = one.entries.iter().take(3);
        let shown = entries.map(|entry| {
            format!(
                "{}: {}",
                one.name,
                shorten(&redactor.text(&entry.to_string()), 800)
            )
        });
        let none = one.entries.is_empty() && one.fails;
        shown.chain(none.then(|| format!("{}: no entry", one.name)))
    });
    Evidence {
        title,
        lines: lines.collect(),
        ..Evidence::default()
    }
}
