//! S5.revocation: a key that works is revoked by the declared command and tried until it is refused.

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_checklist::threshold::Zone;

use super::refused;
use crate::clock;
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::target::{Ask, Credential, Exchange, REVOCABLE_ROLE, millis};

/// "At once" for a key: a person who revokes one waits this long before believing it. Caches may need seconds.
const AT_ONCE: Duration = Duration::from_secs(5);

/// After this the key counts as not revoked.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(250);

/// Refusals in a row that show it is no accident of one node.
const IN_A_ROW: usize = 4;

pub(super) async fn prove(ctx: &Ctx) -> PartReport {
    let part = ctx
        .part("S5.revocation")
        .declared("refused_within_ms", millis(AT_ONCE))
        .fix("let the command return only when every node has forgotten the key, and cache no decision about a key");
    let Some(command) = &ctx.config.commands.revoke else {
        return part.unproven("needs commands.revoke: the program that revokes a key");
    };
    let before = ask(ctx, REVOCABLE_ROLE).await;
    let worked = before.score(|answer| answer.reply(&ctx.config).map(|_| true));
    if worked != Scored::Scored(true) {
        return part.evidence(before.evidence("the key before its revocation")).unproven(format!(
            "the key of role {REVOCABLE_ROLE} does not work to begin with ({}); each run uses it up, make a fresh one",
            before.in_short()
        ));
    }
    let mut controls = Controls::new().negative(Negative::new(
        "the key works until it is revoked",
        worked,
        before.in_short(),
    ));

    ctx.waiting("revoking a key");
    let ran = match ctx.run(command, &[("role", REVOCABLE_ROLE)]).await {
        Ok(ran) => ran,
        Err(error) => return part.unproven(error.to_string()),
    };
    let told = clock::now();
    if !ran.ok {
        let reason = format!("commands.revoke failed ({})", ran.ending);
        return part.evidence(ran.evidence("the command")).unproven(reason);
    }
    let (refused_after, last) = until_refused(ctx).await;
    let took = refused_after.map(|at| at.saturating_duration_since(told));
    let mut tally = Tally::new();
    match took {
        Some(_) => tally.add_good(),
        None if ctx.cancel.is_cancelled() => tally.add_unscored(&UnscoredReason::Interrupted),
        None => tally.add_bad(format!(
            "still let in {} s after the command: {}",
            PATIENCE.as_secs(),
            last.in_short()
        )),
    }
    let other = ctx.target.send(ctx.target.call(&question(ctx))).await;
    let works = other.score(|answer| answer.reply(&ctx.config).map(|_| true));
    controls = controls.positive(Positive::new("another key still works", works, other.in_short()));

    let mut judgement = tally.judge(&Rule::all_of(1));
    let mut part = part.controls(controls).evidence(ran.evidence("the command"));
    if let Some(took) = took {
        if took > AT_ONCE {
            judgement = judgement.no_better_than(Zone::Warn, format!("it took {} ms", took.as_millis()));
        }
        part = part
            .headline(format!(
                "refused {} ms after the command returned",
                took.as_millis()
            ))
            .measured("refused_after_ms", millis(took));
    }
    part.evidence(last.evidence("the key after its revocation"))
        .judged(&judgement)
}

/// Tries the key until it is refused several times in a row. The instant is that of the first of them.
async fn until_refused(ctx: &Ctx) -> (Option<std::time::Instant>, Exchange) {
    let started = clock::now();
    let mut first = None;
    let mut row = 0;
    loop {
        let exchange = ask(ctx, REVOCABLE_ROLE).await;
        match exchange.score(refused) {
            Scored::Scored(true) => {
                first.get_or_insert_with(clock::now);
                row += 1;
            }
            Scored::Scored(false) | Scored::Unscored(_) => {
                first = None;
                row = 0;
            }
        }
        let age = clock::now().saturating_duration_since(started);
        if row == IN_A_ROW {
            return (first, exchange);
        }
        ctx.waiting(format!("the revoked key to be refused, {} s", age.as_secs()));
        if age > PATIENCE || !ctx.sleep(PAUSE).await {
            return (None, exchange);
        }
    }
}

async fn ask(ctx: &Ctx, role: &str) -> Exchange {
    ctx.target
        .send(
            ctx.target
                .call(&question(ctx))
                .credential(Credential::Role(role.to_owned())),
        )
        .await
}

fn question(ctx: &Ctx) -> Ask {
    Ask::new(format!("Say hello. {}", ctx.marker("revocation"))).user(ctx.user("revocation"))
}
