//! S2.global: as many of all users together as declared, and the next one refused, whoever it is.
//!
//! Runs last of all: afterwards nobody is admitted for a while.

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::{Evidence, PartReport};
use golive_checklist::unit::Rate;

use super::exhaust::{Sent, World};
use super::{PATIENCE, limit_of};
use crate::control::{Controls, Negative, Positive};
use crate::part::PartDraft;
use crate::target::{Exchange, millis};

/// The checklist's number for everybody.
const CHECKLIST: std::num::NonZeroU32 = std::num::NonZeroU32::new(10_000).unwrap();

/// Limits above this cost more requests than a run has.
pub(super) const COUNT_MAX: u64 = 15_000;

/// Requests that are prepared at once; of each such lot only figures are kept.
const LOT: u64 = 250;

/// The limit that is proven: as declared, or the checklist's where the target declares to have none.
pub(super) fn global_of(target: &golive_config::Target) -> Rate {
    target
        .declares
        .global_limit
        .unwrap_or_else(|| Rate::per_hour(CHECKLIST))
}

/// Requests that use it up for certain, and more than a bucket gives back while they are sent.
pub(super) fn sends(limit: Rate) -> u64 {
    let count = u64::from(limit.count.get());
    count + (count / 5).clamp(10, 100)
}

/// Requests of one user: well below his own limit, so that it is not that one which refuses.
fn share(user_limit: Rate) -> u64 {
    (u64::from(user_limit.count.get()) * 4 / 5).max(1)
}

/// What using it up came to.
#[derive(Debug, Default)]
struct Used {
    admitted: u64,
    refused: u64,
    unscored: Option<UnscoredReason>,
    unscored_count: u64,
    users: u64,
    took: Duration,
    first: Option<Exchange>,
    refusal: Option<Exchange>,
    /// The lots in which somebody was refused, to be looked for at the lab.
    at_border: Vec<(String, Vec<Sent>)>,
}

pub(super) async fn prove(world: &mut World) -> PartReport {
    let limit = global_of(&world.ctx.config);
    let short = limit.period <= PATIENCE;
    let mut used = use_up(world, limit, "global").await;
    let mut notes = Vec::new();
    let count = u64::from(limit.count.get());
    if short && used.refused > 0 && used.admitted > count && used.admitted <= 2 * count {
        // A fixed window whose border fell into the burst admits up to twice the limit, once.
        let again = use_up(world, limit, "global-again").await;
        if again.admitted <= count {
            notes.push(format!(
                "{} admitted at the border of a window; in a burst inside one, {}",
                used.admitted, again.admitted
            ));
            used = again;
        }
    }
    let stranger = world.crowd.another(&world.ctx, "global-stranger");
    let stranger = world.send(stranger, "global-stranger", 0).await;
    let other_key = match world.crowd.plain() {
        Some(person) => Some(world.send(person, "global-other-key", 0).await),
        None => None,
    };
    world.ctx.warn(format!(
        "the limit of everybody ({limit}) was used up: requests may be refused for {} s",
        limit.period.as_secs()
    ));

    let mut tally = Tally::new();
    judge(&mut tally, &used, limit, short, world);
    if let Some(Scored::Scored(false)) = other_key.as_ref().map(Sent::limited)
        && used.refused > 0
    {
        tally = Tally::new();
        tally.add_unscored(&UnscoredReason::Unexpected(format!(
            "refused after {} requests, but another key is still answered: a limit of the key `service` came first; \
             raise it for staging",
            used.admitted
        )));
    }
    let (control, at_lab) = at_lab(world, &used, &mut tally).await;
    let answered = |exchange: Option<&Exchange>| match exchange {
        Some(one) => one.score(|answer| answer.reply(&world.ctx.config).map(|_| true)),
        None => Scored::Unscored(UnscoredReason::Interrupted),
    };
    let in_short = |exchange: Option<&Exchange>| exchange.map(Exchange::in_short).unwrap_or_default();
    let mut controls = Controls::new()
        .positive(Positive::new(
            "the first request of all is answered",
            answered(used.first.as_ref()),
            in_short(used.first.as_ref()),
        ))
        .negative(Negative::new(
            "a user nobody has seen is refused too, so it is not one user's limit",
            match (used.refused, stranger.limited()) {
                (0, _) => Scored::Scored(true), // nothing was refused: that is the finding, and no control
                (_, limited) => limited,
            },
            stranger.exchange.in_short(),
        ));
    if let Some(control) = control {
        controls = controls.negative(control);
    }
    if used.refused > 0 && used.admitted > count {
        notes.push(format!(
            "{} admitted within {} ms where {limit} is declared for everybody: it refills while it is used up",
            used.admitted,
            millis(used.took)
        ));
    }
    let mut judgement = tally.judge(&Rule::all_of(1));
    for note in notes {
        judgement = judgement.no_better_than(golive_checklist::threshold::Zone::Warn, note);
    }
    let mut draft = draft(world, limit)
        .headline(format!(
            "{} admitted of {} users together, then refused ({limit})",
            used.admitted, used.users
        ))
        .measured("admitted", used.admitted)
        .measured("refused", used.refused)
        .measured("users", used.users)
        .measured("took_ms", millis(used.took));
    if let Some(refusal) = &used.refusal {
        draft = draft.evidence(refusal.evidence("the first refusal"));
    }
    draft
        .evidences(at_lab)
        .evidence(stranger.exchange.evidence("a user nobody has seen, afterwards"))
        .controls(controls)
        .judged(&judgement)
}

fn judge(tally: &mut Tally, used: &Used, limit: Rate, short: bool, world: &World) {
    let count = u64::from(limit.count.get());
    // A bucket refills while it is used up; a window does not.
    let share = used.took.as_secs_f64() / limit.period.as_secs_f64().max(0.001);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small positive count"
    )]
    let refill = (share * f64::from(limit.count.get())).floor() as u64;
    // What this run sent before may still count, where it could not be waited for.
    let earlier = match short {
        true => 0,
        false => world
            .ctx
            .target
            .budget()
            .used()
            .saturating_sub(used.admitted + used.refused),
    };
    if used.admitted > count + refill {
        tally.add_bad(match used.refused {
            0 => format!(
                "nothing was refused in {} requests of {} users ({limit} is declared)",
                used.admitted, used.users
            ),
            _ => format!(
                "{} admitted where {limit} is declared for everybody",
                used.admitted
            ),
        });
    } else if used.refused == 0 {
        tally.add_unscored(
            &used
                .unscored
                .clone()
                .unwrap_or(UnscoredReason::Unexpected(format!(
                    "it could not be used up: {} admitted in {} ms, and it refills meanwhile",
                    used.admitted,
                    millis(used.took)
                ))),
        );
    } else if used.admitted + used.unscored_count + earlier >= count {
        tally.add_good();
    } else if short {
        tally.add_bad(format!(
            "refused after {} requests where {limit} is declared for everybody",
            used.admitted
        ));
    } else {
        tally.add_unscored(&UnscoredReason::Unexpected(format!(
            "refused after {} requests, and this run sent {earlier} before: others use this target, or its limit is \
             smaller than {limit}; declare a scaled limit for staging, that can be waited for",
            used.admitted
        )));
    }
}

async fn use_up(world: &mut World, limit: Rate, purpose: &str) -> Used {
    if limit.period <= PATIENCE {
        let seconds = limit.period.as_secs();
        world
            .ctx
            .waiting(format!("the window of everybody to pass, {seconds} s"));
        world.ctx.sleep(limit.period + Duration::from_millis(200)).await;
    }
    let total = sends(limit);
    let of_each = share(limit_of(&world.ctx.config));
    let mut used = Used::default();
    let mut sent = 0;
    let mut span: Option<(std::time::Instant, std::time::Instant)> = None;
    while sent < total && !world.ctx.cancel.is_cancelled() {
        world
            .ctx
            .waiting(format!("request {sent} of {total} of many users"));
        let lot = LOT.min(total - sent);
        let name = format!("{purpose}-{sent}");
        let calls = (sent..sent + lot)
            .map(|n| {
                let user = n / of_each;
                let person = world.crowd.used_up(&world.ctx, &format!("{purpose}-user-{user}"));
                let tag = world.tag(&name, n);
                let call = person.call(&world.ctx, &tag);
                (tag, call)
            })
            .collect();
        let done = world.all(calls).await;
        sent += lot;
        used.users = (sent - 1) / of_each + 1;
        let refused_before = used.refused;
        for one in &done {
            match one.limited() {
                Scored::Scored(false) => {
                    used.admitted += 1;
                    let (from, to) = span.get_or_insert((one.sent, one.done));
                    *from = one.sent.min(*from);
                    *to = one.done.max(*to);
                    used.first.get_or_insert_with(|| one.exchange.clone());
                }
                Scored::Scored(true) => {
                    used.refused += 1;
                    used.refusal.get_or_insert_with(|| one.exchange.clone());
                }
                Scored::Unscored(reason) => {
                    used.unscored_count += 1;
                    used.unscored.get_or_insert(reason);
                }
            }
        }
        if used.refused > refused_before {
            used.at_border.push((name, done));
        }
        if used.refused >= total - u64::from(limit.count.get()) {
            break;
        }
    }
    used.took = span.map_or(Duration::ZERO, |(from, to)| to.saturating_duration_since(from));
    used
}

/// What was refused must not have reached the model: then it is the model's own limit that is passed on.
async fn at_lab(world: &World, used: &Used, tally: &mut Tally) -> (Option<Negative>, Vec<Evidence>) {
    let mut lines = Vec::new();
    let mut admitted = 0;
    for (purpose, sent) in &used.at_border {
        match world.refused_at_lab(purpose, sent).await {
            None => return (None, Vec::new()),
            Some(Err(reason)) => {
                tally.add_unscored(&reason);
                return (None, Vec::new());
            }
            Some(Ok(seen)) => {
                admitted += seen.admitted;
                if seen.refused.is_empty() {
                    tally.add_good();
                } else {
                    tally.add_bad(format!(
                        "{} refused requests reached the model all the same",
                        seen.refused.len()
                    ));
                }
                lines.extend(seen.refused);
            }
        }
    }
    if used.at_border.is_empty() {
        return (None, Vec::new());
    }
    let control = Negative::new(
        "what is admitted is seen at the lab",
        Scored::Scored(admitted > 0 || used.at_border.iter().all(|(_, sent)| none_admitted(sent))),
        format!("{admitted} arrivals"),
    );
    let evidence = Evidence {
        title: "refused requests that were seen at the lab".into(),
        lines,
        ..Evidence::default()
    };
    (
        Some(control),
        (!evidence.lines.is_empty())
            .then_some(evidence)
            .into_iter()
            .collect(),
    )
}

fn none_admitted(sent: &[Sent]) -> bool {
    sent.iter().all(|one| one.limited() != Scored::Scored(false))
}

fn draft(world: &World, limit: Rate) -> PartDraft {
    let checklist = Rate::per_hour(CHECKLIST);
    world
        .ctx
        .part("S2.global")
        .declared("global_limit", limit.to_string())
        .checklist("global_limit", checklist.to_string())
        .scaled(world.ctx.config.scaled && limit != checklist)
        .fix(
            "count all requests in one window that every node shares, in the same step as the user's own; refuse \
             before anything is sent upstream",
        )
}
