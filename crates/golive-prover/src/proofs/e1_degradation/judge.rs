//! E1: the three reports over what every caller was told.
//!
//! Never: judges a failure that was not sent.

use std::collections::BTreeMap;

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_config::Surface;

use super::cases::{BAIT, Case, INSIDE, Kind};
use super::leaks::{has_word, leaks};
use super::sentence::{is_sentence, speaks, without_marks};
use super::told::Told;
use super::{Healthy, not_sent};
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::part::PartDraft;
use crate::target::Exchange;

/// One failure and what its caller was told.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) case: Case,
    /// The lab did the fault to it.
    pub(super) reached: bool,
    pub(super) told: Told,
    pub(super) exchange: Exchange,
    /// It counts in what was reached; what an open breaker said does not.
    pub(super) counts: bool,
}

impl Seen {
    /// It did not meet its fault, and was answered: a cache, or a model that is not the lab's.
    fn answered_all_the_same(&self) -> bool {
        !self.reached && self.told.status == 200 && !self.told.marked
    }
}

type Check<'a> = &'a dyn Fn(&Seen) -> Result<(), String>;

pub(super) fn reports(
    ctx: &Ctx,
    before: &Healthy,
    after: Result<&Healthy, &String>,
    seen: &[Seen],
) -> Vec<PartReport> {
    let controls = controls(before, after, seen);
    let same = canned(before, seen);
    let sentence = |one: &Seen| {
        if let Some(why) = &same {
            return Err(why.clone());
        }
        is_sentence(&one.told.words)?;
        in_its_language(one)
    };
    let wire = |one: &Seen| one.told.shape(&ctx.config);
    let inside = |one: &Seen| match all_leaks(ctx, one).as_slice() {
        [] => Ok(()),
        found => Err(found.join(", ")),
    };
    let parts: [(&'static str, Check<'_>, &str); 3] = [
        (
            "E1.sentence",
            &sentence,
            "answer every failure with a sentence that says what happened and what to do, in the caller's language; golive: \
             [messages.LOCALE]; LiteLLM and Portkey: a fallback message in the application, since both pass errors on",
        ),
        (
            "E1.wire",
            &wire,
            "turn every failure into the wire format's own error, an error event in a stream that has begun, or for agents \
             a reply with the header that marks it; nginx and Envoy: proxy_intercept_errors or local_reply_config with JSON",
        ),
        (
            "E1.leaks",
            &inside,
            "build messages from a closed list; never pass on a provider's body, an exception's text or a library's error",
        ),
    ];
    parts
        .into_iter()
        .map(|(id, check, fix)| report(ctx.part(id).fix(fix), id, check, seen, &controls, before))
        .collect()
}

fn report(
    draft: PartDraft,
    id: &str,
    check: Check<'_>,
    seen: &[Seen],
    controls: &Controls,
    before: &Healthy,
) -> PartReport {
    let mut tally = Tally::new();
    let (mut bad, mut table) = (Vec::new(), Vec::new());
    for one in seen {
        let title = one.case.title();
        if let Some(reason) = not_sent(&one.exchange) {
            tally.add_unscored(&reason);
            continue;
        }
        if one.answered_all_the_same() {
            let why = format!("{title}: answered without the lab");
            tally.add_unscored(&UnscoredReason::Unexpected(why));
            continue;
        }
        let verdict = check(one);
        let reached = if one.reached {
            ""
        } else {
            " (did not reach the lab)"
        };
        table.push(format!(
            "{title:<52}{:>4}  {}{reached}",
            one.told.status,
            verdict
                .as_ref()
                .map_or_else(Clone::clone, |()| shown(&one.told.words)),
        ));
        if let Err(why) = &verdict {
            bad.push(one.exchange.evidence(format!("{title}: {why}")));
        }
        tally.add(Scored::Scored(verdict), |held| {
            held.map_err(|why| format!("{title}: {why}"))
        });
    }
    if id == "E1.wire" {
        if before.told.marked {
            tally.add_bad("a healthy answer says that it is degraded");
            bad.insert(
                0,
                before
                    .exchange
                    .evidence("a healthy answer that says it is degraded"),
            );
        }
        if let Err(why) = always_the_same(seen) {
            tally.add_bad(why);
        }
    }
    let good = seen.iter().find(|one| check(one).is_ok());
    let counted = seen.iter().filter(|one| one.counts);
    let draft = draft
        .headline(format!(
            "{} of {} failures told as they must be",
            tally.good(),
            tally.scored()
        ))
        .measured("failures", seen.len())
        .measured(
            "failures_done_by_the_lab",
            counted.filter(|one| one.reached).count(),
        )
        .evidences(bad)
        .evidences(good.map(|one| {
            one.exchange
                .evidence(format!("as it must be: {}", one.case.title()))
        }))
        .lines("every failure, and what the caller was told", table)
        .controls(controls.clone());
    draft.judged(&tally.judge(&Rule::all_of(8)))
}

fn controls(before: &Healthy, after: Result<&Healthy, &String>, seen: &[Seen]) -> Controls {
    let positive = |when: &str, healthy: Result<&Healthy, &String>| {
        let name = format!("a healthy call {when} is answered by the lab itself");
        match healthy {
            Ok(healthy) => Positive::new(name, Scored::Scored(healthy.by_lab), healthy.exchange.in_short()),
            Err(why) => Positive::new(name, Scored::Scored(false), why.clone()),
        }
    };
    let counted: Vec<&Seen> = seen.iter().filter(|one| one.counts).collect();
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for one in &counted {
        *kinds.entry(one.case.kind).or_default() += usize::from(one.reached);
    }
    let done = counted.iter().filter(|one| one.reached).count();
    let enough = done * 2 > counted.len() && kinds.values().all(|done| *done > 0);
    let finds = leaks(INSIDE, "", &[], &[]).len() >= 8 && leaks(BAIT, "", &[], &[]).len() == 1;
    Controls::new()
        .positive(positive("before", Ok(before)))
        .positive(positive("after", after))
        .negative(Negative::new(
            "the lab really failed, in every kind of way",
            Scored::Scored(enough),
            format!("{done} of {} faults were done", counted.len()),
        ))
        .negative(Negative::new(
            "the search finds the inside where it stands",
            Scored::Scored(finds),
            "",
        ))
}

/// The same words for healthy and failing calls: nobody has been told anything.
fn canned(before: &Healthy, seen: &[Seen]) -> Option<String> {
    let words = before.told.words.trim();
    let repeats = seen.iter().filter(|one| one.told.words.trim() == words).count();
    (!before.by_lab && repeats * 2 > seen.len())
        .then(|| "a canned answer to everything: healthy calls get the same words".to_owned())
}

fn in_its_language(one: &Seen) -> Result<(), String> {
    let Some(locale) = &one.case.locale else {
        return Ok(());
    };
    match speaks(&one.told.words, locale) {
        Some(false) => Err(format!(
            "asked in {locale}, told in another language: `{}`",
            shown(&one.told.words)
        )),
        Some(true) | None => Ok(()),
    }
}

/// Agents always reply, models always answer with an error; streams that had begun are out of it.
fn always_the_same(seen: &[Seen]) -> Result<(), String> {
    let of = |wanted: Surface| {
        seen.iter()
            .filter(|one| one.told.surface() == Some(wanted))
            .count()
    };
    let (replies, errors) = (of(Surface::Agent), of(Surface::Model));
    if replies > 0 && errors > 0 {
        Err(format!(
            "now a reply, now an error: {replies} replies and {errors} errors before the first byte"
        ))
    } else {
        Ok(())
    }
}

fn all_leaks(ctx: &Ctx, one: &Seen) -> Vec<String> {
    let mut internal = ctx.config.replies.internal_names.clone();
    if let Some(lab) = &ctx.lab {
        internal.push(lab.url().trim_start_matches("http://").to_owned());
    }
    let allowed = &ctx.config.replies.allowed_names;
    let sent = &one.exchange.sent;
    let mut found = Vec::new();
    let mut read = |text: &str| {
        for leak in leaks(&without_marks(text), sent, allowed, &internal) {
            if !found.contains(&leak) {
                found.push(leak);
            }
        }
    };
    read(&one.told.words);
    one.told.texts.iter().for_each(|text| read(text));
    // Names of servers and providers in headers are another matter; traces, addresses and the provider's own id are not.
    for (name, value) in &one.told.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let inside = value.contains(BAIT)
            || internal
                .iter()
                .any(|name| has_word(&value.to_lowercase(), &name.to_lowercase()));
        if inside && !found.iter().any(|leak| leak.contains(name.as_str())) {
            found.push(format!("a header of the inside: `{name}: {value}`"));
        }
    }
    found
}

fn shown(words: &str) -> String {
    crate::target::shorten(&words.replace('\n', " "), 80)
}
