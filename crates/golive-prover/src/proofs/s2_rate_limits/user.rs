//! S2.user: as many as declared, and the next one refused; at once, and one by one.

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_checklist::threshold::Zone;

use super::border::Border;
use super::exhaust::{Count, UsedUp, World};
use super::part;
use crate::control::{Controls, Negative, Positive};
use crate::target::millis;

const BURST: &str = "user-burst";
const AGAIN: &str = "user-again";
const SERIAL: &str = "user-serial";

pub(super) async fn prove(world: &mut World, border: Option<Scored<Border>>) -> PartReport {
    let person = world.crowd.used_up(&world.ctx, BURST);
    let asserted = person.is_asserted();
    let first = world.burst(person, BURST).await;
    let mut controls = Controls::new().positive(Positive::new(
        "the first request of a new user is answered",
        first.first_answered(&world.ctx),
        first
            .sent
            .first()
            .map(|one| one.exchange.in_short())
            .unwrap_or_default(),
    ));
    controls = controls.negative(someone_else(world).await);

    let mut tally = Tally::new();
    let mut notes = Vec::new();
    let mut counts = vec![("at once", BURST, first.clone())];
    judge(&mut tally, &mut notes, "at once", &first, world, asserted);
    if let (Count::Over(_), true) = (first.count(world.limit), asserted || world.is_short()) {
        // A fixed window whose border fell into the burst admits up to twice the limit, once.
        let person = world.crowd.used_up(&world.ctx, AGAIN);
        let again = world.burst(person, AGAIN).await;
        let border = matches!(again.count(world.limit), Count::Exact | Count::Refilled(_));
        if border && first.admitted() <= 2 * u64::from(world.limit.count.get()) {
            tally = Tally::new();
            notes.push(format!(
                "{} admitted at the border of a window; in a burst inside one, {}",
                first.admitted(),
                again.admitted()
            ));
        }
        judge(&mut tally, &mut notes, "at once, again", &again, world, asserted);
        counts.push(("at once, again", AGAIN, again));
    }
    if (asserted || world.is_short()) && first.refused() > 0 && world.is_quick() {
        let person = world.crowd.used_up(&world.ctx, SERIAL);
        let serial = world.one_by_one(person, SERIAL).await;
        judge(&mut tally, &mut notes, "one by one", &serial, world, asserted);
        counts.push(("one by one", SERIAL, serial));
    }
    let (control, lines) = at_lab(world, &counts, &mut tally).await;
    if let Some(control) = control {
        controls = controls.negative(control);
    }

    if let Some(Scored::Scored(border)) = border
        && first.refused() > 0
        && let Some(excess) = border.excess(world.limit)
    {
        notes.push(excess);
    }
    let mut judgement = tally.judge(&Rule::all_of(1));
    for note in notes {
        judgement = judgement.no_better_than(Zone::Warn, note);
    }
    let table = counts
        .iter()
        .map(|(how, _, all)| {
            format!(
                "{how:<16}{:>6} admitted {:>6} refused  in {} ms, {}",
                all.admitted(),
                all.refused(),
                millis(all.took()),
                all.person.name
            )
        })
        .collect();
    let mut draft = part(&world.ctx, "S2.user")
        .headline(if first.refused() == 0 {
            format!("{} admitted and none refused ({})", first.admitted(), world.limit)
        } else {
            format!("{} admitted, then refused ({})", first.admitted(), world.limit)
        })
        .measured("admitted", first.admitted())
        .measured("refused", first.refused())
        .measured("burst_ms", millis(first.took()))
        .measured(
            "admitted_around_a_border",
            match border {
                Some(Scored::Scored(border)) => (border.before + border.behind).into(),
                _ => serde_json::Value::Null,
            },
        )
        .fix(
            "count in one step with the decision (no check first and count later), in a window that slides, per user \
             and not per connection; refuse before anything is sent upstream",
        );
    if !lines.is_empty() {
        draft = draft.lines("refused requests that were seen at the lab", lines);
    }
    if let Some(refusal) = first.refusals().next() {
        draft = draft.evidence(refusal.exchange.evidence("the first refusal"));
    } else if let Some(last) = first.sent.last() {
        draft = draft.evidence(last.exchange.evidence("the last request, which nothing refused"));
    }
    draft
        .lines("how often was admitted", table)
        .controls(controls)
        .judged(&judgement)
}

/// A refusal is the user's own only if somebody else is answered at that moment. With one key there is nobody else.
async fn someone_else(world: &mut World) -> Negative {
    let name = "somebody else is answered while this user is refused";
    if !world.crowd.has_two() {
        return Negative::new(
            name,
            Scored::Unscored(UnscoredReason::Unexpected("there is only one key".into())),
            "",
        );
    }
    let other = world.crowd.another(&world.ctx, BURST);
    let sent = world.send(other, "user-other", 0).await;
    let answered = sent
        .exchange
        .score(|answer| answer.reply(&world.ctx.config).map(|_| true));
    Negative::new(name, answered, sent.exchange.in_short())
}

fn judge(tally: &mut Tally, notes: &mut Vec<String>, how: &str, all: &UsedUp, world: &World, asserted: bool) {
    let limit = world.limit;
    match all.count(limit) {
        Count::Exact => tally.add_good(),
        Count::Refilled(admitted) => {
            tally.add_good();
            notes.push(format!(
                "{how}: {admitted} admitted, the {} and what refilled meanwhile: over a whole period a bucket lets \
                 nearly twice the limit through",
                limit.count
            ));
        }
        Count::Over(admitted) => {
            tally.add_bad(format!("{how}: {admitted} admitted where {limit} is declared"))
        }
        Count::Never(admitted) => {
            tally.add_bad(format!(
                "{how}: nothing was refused in {admitted} requests ({limit} is declared)"
            ));
        }
        // A key that served the proofs before has less left than its limit: only a rest makes the count fair.
        Count::Under(admitted) if !asserted && !world.is_short() => {
            tally.add_unscored(&UnscoredReason::Unexpected(format!(
                "{admitted} admitted: other proofs used this key before; give a key of role `service` that may \
                 assert users, or declare a scaled limit"
            )));
        }
        Count::Under(admitted) => {
            tally.add_bad(format!(
                "{how}: refused after {admitted} where {limit} is declared"
            ));
        }
        Count::Unmeasured(reason) => tally.add_unscored(&reason),
    }
}

/// What was refused must not have reached the model, and what was admitted must.
async fn at_lab(
    world: &World,
    counts: &[(&str, &'static str, UsedUp)],
    tally: &mut Tally,
) -> (Option<Negative>, Vec<String>) {
    let mut lines = Vec::new();
    let mut admitted = 0;
    for (how, purpose, all) in counts {
        match world.refused_at_lab(purpose, &all.sent).await {
            None => return (None, lines),
            Some(Err(reason)) => {
                tally.add_unscored(&reason);
                return (None, lines);
            }
            Some(Ok(seen)) => {
                admitted += seen.admitted;
                if seen.refused.is_empty() {
                    tally.add_good();
                } else {
                    tally.add_bad(format!(
                        "{how}: {} refused requests reached the model all the same",
                        seen.refused.len()
                    ));
                }
                lines.extend(seen.refused);
            }
        }
    }
    let control = Negative::new(
        "what is admitted is seen at the lab",
        Scored::Scored(admitted > 0),
        format!("{admitted} arrivals"),
    );
    (Some(control), lines)
}
