//! S6.matrix: every cell of agents, models and administration, both ways.

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::{Evidence, PartReport};
use golive_config::Capability;

use super::access::{Cell, Everyone, Who, call_of, may, question, try_cell, universe};
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;

pub(super) async fn prove(ctx: &Ctx, everyone: &Everyone) -> PartReport {
    let part = ctx.part("S6.matrix").fix(
        "decide by the credential's role before anything else sees the request, refuse with 403, and deny by default: \
         what a role is not given it must not reach, whatever the model would say",
    );
    let cells: Vec<Capability> = universe(&ctx.config)
        .into_iter()
        .filter(|what| !matches!(what, Capability::Tool(_)))
        .collect();
    let mut controls = Controls::new();
    for control in firsts(ctx, everyone, &cells, "before").await {
        controls = controls.positive(control);
    }
    let mut tally = Tally::new();
    let (mut table, mut bad): (Vec<String>, Vec<Evidence>) = (Vec::new(), Vec::new());
    let (mut denied, mut seen, mut number) = (0_u64, None, 0);
    for (role, who) in everyone {
        for what in &cells {
            number += 1;
            ctx.waiting(format!("{role} asks for {what}"));
            let allowed = may(&ctx.config, role, what);
            denied += u64::from(!allowed);
            let cell = one(ctx, who, what, "cell", number, allowed).await;
            let declared = if allowed { "may" } else { "may not" };
            let found = word(&cell.held);
            table.push(format!(
                "{role:<12}{declared:<9}{found:<10}{what}  {}",
                cell.exchange.in_short()
            ));
            if let Scored::Scored(Err(how)) = &cell.held {
                bad.push(
                    cell.exchange
                        .evidence(format!("{role} {declared} use {what}, and {how}")),
                );
            }
            if allowed && seen != Some(true) {
                // One that is let in decides: arrived at the lab, or answered by the administration.
                let administration = matches!(what, Capability::Admin { .. });
                let good = matches!(cell.held, Scored::Scored(Ok(())));
                seen = Some(if administration {
                    seen.unwrap_or(good)
                } else {
                    cell.arrived
                });
            }
            let name = format!("{role} {declared} use {what}");
            tally.add(cell.held, |held| held.map_err(|how| format!("{name}, and {how}")));
        }
    }
    let noticed = seen.map_or(Scored::Unscored(UnscoredReason::Empty), Scored::Scored);
    controls = controls.negative(Negative::new(
        "what a role may do is seen where it arrives",
        noticed,
        "so a denied call that got through would be seen, too",
    ));
    for control in firsts(ctx, everyone, &cells, "after").await {
        controls = controls.positive(control);
    }
    let part = part
        .headline(format!(
            "{} of {} cells are as declared",
            tally.good(),
            tally.scored()
        ))
        .measured("cells", tally.scored() + tally.unscored())
        .measured("denied_cells", denied)
        .measured("roles", everyone.len())
        .checklist("wrong_cells", 0)
        .evidences(bad)
        .lines("the matrix: role, declared, found, what", table);
    if denied == 0 {
        return part.unproven(
            "the matrix denies nothing to anybody: name what a role must not do, in another role's row or in access.closed",
        );
    }
    part.controls(controls).judged(&tally.judge(&Rule::all_of(1)))
}

/// The first thing that each role may do. A role that may do nothing has none.
pub(super) async fn firsts(
    ctx: &Ctx,
    everyone: &Everyone,
    cells: &[Capability],
    when: &str,
) -> Vec<Positive> {
    let mut out = Vec::new();
    for (number, (role, who)) in everyone.iter().enumerate() {
        let Some(what) = cells.iter().find(|what| may(&ctx.config, role, what)) else {
            continue;
        };
        let cell = one(ctx, who, what, when, number, true).await;
        let held = cell.held.map(|held| held.is_ok());
        let detail = format!("{what}: {}", cell.exchange.in_short());
        out.push(Positive::new(
            format!("{role} is let in for what it may do {when}"),
            held,
            detail,
        ));
    }
    out
}

async fn one(ctx: &Ctx, who: &Who, what: &Capability, purpose: &str, number: usize, allowed: bool) -> Cell {
    let (ask, marker) = question(ctx, purpose, number);
    try_cell(ctx, who.on(call_of(ctx, what, ask)), what, &marker, allowed).await
}

fn word(held: &Scored<Result<(), String>>) -> &'static str {
    match held {
        Scored::Scored(Ok(())) => "so",
        Scored::Scored(Err(_)) => "NOT SO",
        Scored::Unscored(_) => "unclear",
    }
}
