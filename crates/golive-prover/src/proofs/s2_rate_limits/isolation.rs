//! S2.isolation: while one user is refused, others are served.

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;

use super::exhaust::{Sent, World};
use super::part;
use crate::control::{Controls, Negative, Positive};
use crate::target::Answer;

const PURPOSE: &str = "isolation";
const OTHERS: u64 = 5;

pub(super) async fn prove(world: &mut World) -> PartReport {
    let used_up = world.used_up(PURPOSE).await;
    let other = world.crowd.another(&world.ctx, PURPOSE);
    let count = OTHERS.min(u64::from(world.limit.count.get()));
    let mut others: Vec<Sent> = Vec::new();
    for n in 0..count {
        others.push(world.send(other.clone(), "isolation-other", n).await);
    }
    let still = world.send(used_up.person.clone(), "isolation-still", 0).await;

    let mut tally = Tally::new();
    for one in &others {
        let served = match one.limited() {
            Scored::Scored(true) => Scored::Scored(false),
            Scored::Scored(false) => one
                .exchange
                .score(|answer| answer.reply(&world.ctx.config).map(|_| true)),
            Scored::Unscored(reason) => Scored::Unscored(reason),
        };
        tally.add(served, |served| {
            let why = || {
                format!(
                    "{} is refused by the limit of {}",
                    other.name, used_up.person.name
                )
            };
            served.then_some(()).ok_or_else(why)
        });
    }
    let controls = Controls::new()
        .positive(Positive::new(
            "the user that is used up was answered at first",
            used_up.first_answered(&world.ctx),
            format!("{} admitted", used_up.admitted()),
        ))
        .negative(Negative::new(
            "it is refused before and after the other one asks",
            refused_around(&used_up.sent, &still),
            still.exchange.in_short(),
        ));
    let bad = others
        .iter()
        .filter(|one| one.exchange.answer().is_some_and(Answer::is_limited))
        .map(|one| one.exchange.evidence("another user, refused"));
    part(&world.ctx, "S2.isolation")
        .headline(format!(
            "{} of {} requests of another user answered while {} is refused",
            tally.good(),
            tally.scored(),
            used_up.person.name
        ))
        .measured("others_answered", tally.good())
        .measured("others_refused", tally.bad())
        .evidences(bad)
        .fix("key the count by the user, not by the address, the connection or the key they share")
        .controls(controls)
        .judged(&tally.judge(&Rule::all_of(count.min(3))))
}

fn refused_around(before: &[Sent], still: &Sent) -> Scored<bool> {
    let was = before.iter().any(|one| one.limited() == Scored::Scored(true));
    match still.limited() {
        Scored::Scored(refused) => Scored::Scored(was && refused),
        Scored::Unscored(reason) if was => Scored::Unscored(reason),
        Scored::Unscored(_) => Scored::Unscored(UnscoredReason::Unexpected("nothing was refused".into())),
    }
}
