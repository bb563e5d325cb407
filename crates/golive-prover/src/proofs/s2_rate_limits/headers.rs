//! S2.headers: `Retry-After` tells the truth: a second before it the user is refused, after it admitted.

use std::time::{Duration, Instant};

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_checklist::threshold::Zone;

use super::exhaust::{Sent, UsedUp, World};
use super::people::Crowd;
use super::{PATIENCE, part};
use crate::clock;
use crate::control::{Controls, Negative, Positive};
use crate::target::{Answer, millis};

const PURPOSE: &str = "headers";

/// `Retry-After` has whole seconds: rounding costs up to one.
const SECOND: Duration = Duration::from_secs(1);

pub(super) async fn prove(world: &mut World) -> PartReport {
    let serial = matches!(world.crowd, Crowd::Asserted { .. }) && world.is_quick();
    let used_up = if serial {
        let person = world.crowd.used_up(&world.ctx, PURPOSE);
        world.one_by_one(person, PURPOSE).await
    } else {
        world.used_up(PURPOSE).await
    };
    let draft = part(&world.ctx, "S2.headers").fix(
        "answer 429 with Retry-After: the whole seconds, rounded up, until the oldest counted request leaves the \
         window; count refused requests nowhere",
    );
    let Some(refusal) = used_up.last_refusal().cloned() else {
        return draft
            .unproven("nothing was refused, so there is no Retry-After to hold to its word (see S2.user)");
    };
    let controls = Controls::new()
        .positive(Positive::new(
            "the user was answered before it was used up",
            used_up.first_answered(&world.ctx),
            format!("{} admitted", used_up.admitted()),
        ))
        .negative(Negative::new(
            "it is refused now, so an early admission would be noticed",
            Scored::Scored(true),
            refusal.exchange.in_short(),
        ));
    let mut tally = Tally::new();
    let absent = used_up
        .refusals()
        .filter(|one| one.exchange.answer().and_then(retry_after).is_none())
        .count();
    let told = refusal.exchange.answer().and_then(retry_after);
    let Some(told) = told.filter(|_| absent == 0) else {
        tally.add_bad(format!(
            "{absent} refusals say nothing (or nonsense) in Retry-After"
        ));
        return draft
            .headline("no Retry-After to come back by")
            .evidence(refusal.exchange.evidence("a refusal"))
            .controls(controls)
            .judged(&tally.judge(&Rule::all_of(1)));
    };
    tally.add_good();
    if told > world.limit.period + SECOND {
        tally.add_bad(format!(
            "Retry-After says {} s, longer than the whole period of {} s",
            told.as_secs(),
            world.limit.period.as_secs()
        ));
    }
    let tries = if told <= PATIENCE {
        wait_and_try(world, &used_up, &refusal, told, &mut tally).await
    } else {
        Tries::default()
    };
    let mut judgement = tally.judge(&Rule::all_of(1));
    if told > PATIENCE {
        judgement = judgement.no_better_than(
            Zone::Warn,
            format!(
                "Retry-After says {} s, which is not waited for; declare a scaled limit (20/10s) for staging to prove it",
                told.as_secs()
            ),
        );
    }
    if tries.late {
        judgement = judgement.no_better_than(Zone::Warn, "admitted up to one second later than it says");
    }
    if let Some(lie) = remaining_lies(&used_up, world, serial) {
        judgement = judgement.no_better_than(Zone::Warn, lie);
    }
    let tried = [&tries.before, &tries.after];
    let evidence = tried.into_iter().flatten().map(|one| {
        one.exchange.evidence(format!(
            "tried {} ms after the refusal",
            millis(one.sent.saturating_duration_since(refusal.done))
        ))
    });
    draft
        .headline(format!(
            "Retry-After: {} s, refused before and admitted after",
            told.as_secs()
        ))
        .measured("retry_after_s", told.as_secs())
        .measured("refusals_without_it", absent)
        .evidences(evidence)
        .evidence(refusal.exchange.evidence("the refusal"))
        .controls(controls)
        .judged(&judgement)
}

/// The tries around the told time.
#[derive(Debug, Default)]
struct Tries {
    before: Option<Sent>,
    after: Option<Sent>,
    late: bool,
}

async fn wait_and_try(
    world: &mut World,
    used_up: &UsedUp,
    refusal: &Sent,
    told: Duration,
    tally: &mut Tally,
) -> Tries {
    let mut tries = Tries::default();
    // A try must arrive on its side of the edge even if it is as slow as the slowest so far.
    let margin = (world.slowest * 2).clamp(Duration::from_millis(100), Duration::from_millis(800));
    let mut due = refusal.done + told;
    // What was rounded up may be over up to a second earlier, so the early try stays away by that second.
    if let Some(early) = told
        .checked_sub(SECOND + margin)
        .filter(|early| *early > Duration::ZERO)
    {
        if !until(world, refusal.sent + early, "one second before Retry-After").await {
            tally.add_unscored(&UnscoredReason::Interrupted);
            return tries;
        }
        let before = world.send(used_up.person.clone(), "headers-before", 0).await;
        let late = before.done > refusal.sent + told.saturating_sub(SECOND);
        let refused = match before.limited() {
            _ if late => Scored::Unscored(UnscoredReason::Unexpected(
                "the early try came too late to count".into(),
            )),
            other => other,
        };
        tally.add(refused, |refused| {
            refused.then_some(()).ok_or_else(|| {
                format!(
                    "admitted more than a second before the {} s of Retry-After",
                    told.as_secs()
                )
            })
        });
        // A limit that counts refusals moves the hour; its newest word is the one to hold it to.
        if let Some(again) = before
            .exchange
            .answer()
            .filter(|a| a.is_limited())
            .and_then(retry_after)
        {
            due = due.max(before.done + again).min(due + SECOND);
        }
        tries.before = Some(before);
    } else {
        tally.add_good(); // the refusal itself came less than a second and a margin before its hour
    }
    if !until(world, due + margin, "Retry-After to be over").await {
        tally.add_unscored(&UnscoredReason::Interrupted);
        return tries;
    }
    let mut after = world.send(used_up.person.clone(), "headers-after", 0).await;
    if after.limited() == Scored::Scored(true) {
        until(world, due + SECOND, "one more second").await;
        after = world.send(used_up.person.clone(), "headers-after", 1).await;
        tries.late = after.limited() == Scored::Scored(false);
    }
    tally.add(after.limited().map(|refused| !refused), |admitted| {
        admitted
            .then_some(())
            .ok_or_else(|| format!("still refused after the {} s of Retry-After", told.as_secs()))
    });
    tries.after = Some(after);
    tries
}

async fn until(world: &World, at: Instant, what: &str) -> bool {
    let left = at.saturating_duration_since(clock::now());
    world
        .ctx
        .waiting(format!("{what}, in {} s", left.as_secs_f32().ceil()));
    world.ctx.sleep(left).await
}

/// `Retry-After` as a time: seconds, or a date seen from the answer's own `Date`.
pub(super) fn retry_after(answer: &Answer) -> Option<Duration> {
    let value = answer.header("retry-after")?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp());
    let now = answer.header("date").and_then(date)?;
    let until = date(value)?;
    Duration::try_from(until.duration_since(now)).ok()
}

/// The fields that count down, where there are any, must not promise more than was then admitted.
fn remaining_lies(used_up: &UsedUp, world: &World, serial: bool) -> Option<String> {
    if !serial {
        return None; // answers that overtake each other say nothing about a countdown
    }
    let admitted: Vec<&Sent> = used_up
        .sent
        .iter()
        .filter(|one| one.limited() == Scored::Scored(false))
        .collect();
    let limit = u64::from(world.limit.count.get());
    for (n, one) in admitted.iter().enumerate() {
        let left = limit.saturating_sub(n as u64 + 1);
        if let Some((name, told)) = one.exchange.answer().and_then(remaining)
            && told > left + 1
        {
            return Some(format!("{name} says {told} are left where {left} were"));
        }
    }
    None
}

/// The smallest number of requests left that an answer's headers tell, and where.
fn remaining(answer: &Answer) -> Option<(&'static str, u64)> {
    const NAMES: [&str; 4] = [
        "ratelimit-remaining",
        "x-ratelimit-remaining",
        "x-ratelimit-remaining-requests",
        "anthropic-ratelimit-requests-remaining",
    ];
    let plain = NAMES
        .into_iter()
        .filter_map(|name| Some((name, answer.header(name)?.trim().parse::<u64>().ok()?)));
    let listed = answer.header("ratelimit").into_iter().flat_map(|value| {
        value
            .split([',', ';'])
            .filter_map(|item| Some(("ratelimit", item.trim().strip_prefix("r=")?.parse::<u64>().ok()?)))
    });
    plain.chain(listed).min_by_key(|(_, left)| *left)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;

    fn answer(headers: &[(&'static str, &'static str)]) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        Answer {
            status: StatusCode::TOO_MANY_REQUESTS,
            headers: map,
            body: Bytes::new(),
            truncated: false,
            head_after: Duration::ZERO,
            first_byte_after: None,
            elapsed: Duration::ZERO,
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        assert_eq!(
            retry_after(&answer(&[("retry-after", "12")])),
            Some(Duration::from_secs(12))
        );
        let dated = [
            ("date", "Mon, 23 Nov 2026 18:00:00 GMT"),
            ("retry-after", "Mon, 23 Nov 2026 18:00:30 GMT"),
        ];
        assert_eq!(retry_after(&answer(&dated)), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(&answer(&[("retry-after", "soon")])), None);
        assert_eq!(retry_after(&answer(&[])), None);
    }

    #[test]
    fn of_several_windows_the_one_that_refuses_first_counts() {
        let told = answer(&[
            ("ratelimit", "\"user\";r=3;t=10, \"global\";r=900;t=3000"),
            ("x-ratelimit-remaining", "7"),
        ]);
        assert_eq!(remaining(&told), Some(("ratelimit", 3)));
    }
}
