//! S2.spoofing: a refused user stays refused behind other addresses, names and spellings.

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::{Evidence, PartReport};

use super::exhaust::{Sent, World, sends};
use super::part;
use crate::control::{Controls, Negative, Positive};
use crate::target::Call;

const PURPOSE: &str = "spoofing";

/// Headers that some proxy somewhere believes. None of them may be a way around the count.
const MASKS: &[(&str, &[(&str, &str)])] = &[
    (
        "another address (x-forwarded-for)",
        &[("x-forwarded-for", "203.0.113.7")],
    ),
    (
        "an address from inside (x-forwarded-for)",
        &[("x-forwarded-for", "127.0.0.1")],
    ),
    (
        "a chain of addresses (x-forwarded-for)",
        &[("x-forwarded-for", "198.51.100.9, 10.0.0.1, 203.0.113.8")],
    ),
    ("another address (x-real-ip)", &[("x-real-ip", "203.0.113.9")]),
    (
        "another address (forwarded)",
        &[("forwarded", "for=\"[2001:db8::17]\";proto=https")],
    ),
    (
        "another address (vendors' headers)",
        &[
            ("cf-connecting-ip", "203.0.113.10"),
            ("true-client-ip", "203.0.113.10"),
            ("x-client-ip", "203.0.113.10"),
            ("x-cluster-client-ip", "203.0.113.10"),
            ("fastly-client-ip", "203.0.113.10"),
        ],
    ),
    (
        "another user in a proxy's header",
        &[
            ("x-forwarded-user", "somebody-else"),
            ("x-remote-user", "somebody-else"),
            ("x-user-id", "somebody-else"),
        ],
    ),
    (
        "another session",
        &[
            ("cookie", "session=0f1e2d3c; user=somebody-else"),
            ("x-session-id", "0f1e2d3c"),
        ],
    ),
    (
        "another client",
        &[("user-agent", "curl/8.0"), ("accept-language", "fa-IR")],
    ),
    (
        "another host name",
        &[
            ("x-forwarded-host", "other.invalid"),
            ("x-original-host", "other.invalid"),
        ],
    ),
    (
        "a request id",
        &[("x-request-id", "11111111-2222-3333-4444-555555555555")],
    ),
    ("an idempotency key", &[("idempotency-key", "5e0c")]),
    (
        "a word for no limit",
        &[
            ("x-ratelimit-bypass", "true"),
            ("x-internal", "1"),
            ("x-golive-limit", "off"),
        ],
    ),
];

pub(super) async fn prove(world: &mut World) -> PartReport {
    let used_up = world.used_up(PURPOSE).await;
    let until = free_again(&used_up.sent, world);
    let person = used_up.person.clone();
    let mut names: Vec<String> = Vec::new();
    let mut calls: Vec<(String, Call)> = Vec::new();
    for (n, (name, headers)) in MASKS.iter().enumerate() {
        let tag = world.tag("spoofing-mask", n as u64);
        let plain = person.call(&world.ctx, &tag);
        let call = headers
            .iter()
            .fold(plain, |call, (name, value)| call.header(name, value));
        names.push((*name).to_owned());
        calls.push((tag, call));
    }
    for (name, path) in [
        (
            "a query behind the route",
            format!("{}?user=somebody-else", world.ctx.target.route()),
        ),
        (
            "another query behind the route",
            format!("{}?x={}", world.ctx.target.route(), names.len()),
        ),
    ] {
        let tag = world.tag("spoofing-mask", names.len() as u64);
        let call = person.call(&world.ctx, &tag).path(path);
        names.push(name.to_owned());
        calls.push((tag, call));
    }
    let masked = world.all(calls).await;
    let other = world.crowd.another(&world.ctx, PURPOSE);
    let fresh = world.send(other, "spoofing-other", 0).await;
    let (named, reached) = under_names(world).await;

    let mut tally = Tally::new();
    let mut bad: Vec<Evidence> = Vec::new();
    for (name, one) in names.iter().zip(&masked) {
        let refused = if until.is_some_and(|until| one.done >= until) {
            Scored::Unscored(UnscoredReason::Unexpected(
                "the window had slid on by then; declare a longer period or a smaller count".into(),
            ))
        } else {
            one.limited()
        };
        if refused == Scored::Scored(false) {
            bad.push(one.exchange.evidence(format!("let in with {name}")));
        }
        tally.add(refused, |refused| {
            refused.then_some(()).ok_or_else(|| format!("let in with {name}"))
        });
    }
    match &named {
        Some(Scored::Scored(admitted)) => tally.add(Scored::Scored(*admitted), |admitted| match admitted {
            None => Ok(()),
            Some(count) => Err(format!(
                "let in {count} times, each time in the name of another user (if this key may assert users, call its \
                 role `service`)"
            )),
        }),
        Some(Scored::Unscored(reason)) => tally.add_unscored(reason),
        None => {}
    }
    let answered = fresh
        .exchange
        .score(|answer| answer.reply(&world.ctx.config).map(|_| true));
    let controls = Controls::new()
        .positive(Positive::new(
            "the user was answered before it was used up",
            used_up.first_answered(&world.ctx),
            format!("{} admitted, {} refused", used_up.admitted(), used_up.refused()),
        ))
        .negative(Negative::new(
            "another user is answered now, so a count that restarts would be noticed",
            answered,
            fresh.exchange.in_short(),
        ))
        .negative(Negative::new(
            "the user is refused without any mask",
            Scored::Scored(used_up.refused() > 0),
            format!("{} refusals", used_up.refused()),
        ));
    let mut draft = part(&world.ctx, "S2.spoofing")
        .headline(format!("{} of {} ways around the count refused", tally.good(), tally.scored()))
        .measured("ways_tried", tally.scored())
        .measured("ways_through", tally.bad())
        .measured("requests_under_made_up_names", reached)
        .evidences(bad)
        .fix(
            "count by what was authenticated; take an address only from proxies you name, and a user only from keys \
             that may assert one",
        );
    draft = draft.lines(
        "what was tried, and its answer",
        names
            .iter()
            .zip(&masked)
            .map(|(name, one)| {
                let status = one
                    .exchange
                    .status()
                    .map_or_else(|| "-".to_owned(), |s| s.to_string());
                format!("{status:<6}{name}")
            })
            .collect(),
    );
    draft.controls(controls).judged(&tally.judge(&Rule::all_of(8)))
}

/// When the first of the admitted requests leaves the window: from then on an admission proves nothing.
fn free_again(sent: &[Sent], world: &World) -> Option<std::time::Instant> {
    let first = sent
        .iter()
        .filter(|one| one.limited() == Scored::Scored(false))
        .map(|one| one.sent)
        .min()?;
    // A bucket gives back one request after a count-th of the period.
    let share = world.limit.period / world.limit.count.get();
    let last = sent
        .iter()
        .filter(|one| one.limited() == Scored::Scored(true))
        .map(|one| one.done)
        .max()?;
    let told = sent
        .iter()
        .filter_map(|one| super::headers::retry_after(one.exchange.answer()?))
        .min()
        .unwrap_or(share);
    Some((first + world.limit.period).min(last + told.max(Duration::from_millis(50))))
}

/// A key that may not name users names another one in each request: `Some(n)` when that got past the limit.
async fn under_names(world: &mut World) -> (Option<Scored<Option<u64>>>, u64) {
    let Some(person) = world.crowd.plain() else {
        return (None, 0);
    };
    let total = sends(world.limit);
    let calls = (0..total)
        .map(|n| {
            let tag = world.tag("spoofing-name", n);
            let call = person.naming(&world.ctx, &tag, &world.ctx.user(&format!("made-up-{n}")));
            (tag, call)
        })
        .collect();
    let sent = world.all(calls).await;
    let admitted = sent
        .iter()
        .filter(|one| one.limited() == Scored::Scored(false))
        .count() as u64;
    let refused = sent
        .iter()
        .filter(|one| one.limited() == Scored::Scored(true))
        .count() as u64;
    let read = if refused > 0 {
        Scored::Scored(None)
    } else if admitted > u64::from(world.limit.count.get()) {
        Scored::Scored(Some(admitted))
    } else {
        let reason = sent.iter().find_map(|one| one.limited().into_result().err());
        Scored::Unscored(reason.unwrap_or(UnscoredReason::Empty))
    };
    (Some(read), total)
}
