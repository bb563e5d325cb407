//! S2: `[limits]` with its tables, and `[agents.NAME.limits]`.

use std::collections::BTreeMap;

use golive_checklist::unit::Rate;

use super::{Table, Walk};
use crate::meant::{Limits, OwnLimits, TeamLimits, TokenLimits};
use crate::reference::RATES_MAX;

pub(super) fn all(walk: &mut Walk<'_>, root: &Table<'_>) -> Limits {
    let table = root.child(walk, "limits");
    let preset = Limits::default();
    Limits {
        user: rates(walk, &table, "user").unwrap_or(preset.user),
        principal: rates(walk, &table, "principal").unwrap_or(preset.principal),
        team: rates(walk, &table, "team").unwrap_or(preset.team),
        global: rates(walk, &table, "global").unwrap_or(preset.global),
        tokens: tokens(walk, &table, preset.tokens),
        teams: teams(walk, &table),
    }
}

/// The limits of one agent or model.
pub(super) fn own(walk: &mut Walk<'_>, callee: &Table<'_>) -> OwnLimits {
    let table = callee.child(walk, "limits");
    OwnLimits {
        requests: rates(walk, &table, "requests").unwrap_or_default(),
        tokens: rates(walk, &table, "tokens").unwrap_or_default(),
    }
}

fn tokens(walk: &mut Walk<'_>, limits: &Table<'_>, preset: TokenLimits) -> TokenLimits {
    let table = limits.child(walk, "tokens");
    TokenLimits {
        user: rates(walk, &table, "user").unwrap_or(preset.user),
        principal: rates(walk, &table, "principal").unwrap_or(preset.principal),
        team: rates(walk, &table, "team").unwrap_or(preset.team),
        global: rates(walk, &table, "global").unwrap_or(preset.global),
        output: table.count32(walk, "output").unwrap_or(preset.output),
        input_bytes: table.count32(walk, "input_bytes").unwrap_or(preset.input_bytes),
    }
}

fn teams(walk: &mut Walk<'_>, limits: &Table<'_>) -> BTreeMap<String, TeamLimits> {
    let mut teams = BTreeMap::new();
    for (name, table) in limits.child(walk, "teams").named(walk) {
        let own = TeamLimits {
            requests: rates(walk, &table, "requests"),
            tokens: rates(walk, &table, "tokens"),
        };
        teams.insert(name.value, own);
    }
    teams
}

/// The rates of one limit, longest period first; empty is `"off"`, `None`: not there.
fn rates(walk: &mut Walk<'_>, table: &Table<'_>, name: &str) -> Option<Vec<Rate>> {
    let mut rates = table.rates_or_off(walk, name)?;
    let path = super::table::join(&table.path, name);
    if let Some(over) = rates.get(RATES_MAX) {
        let message = format!("`{path}` has {} rates", rates.len());
        walk.mistake(over.span.clone(), "out_of_range", message)
            .help(format!(
                "keep at most {RATES_MAX}: each is checked for every request"
            ));
    }
    rates.sort_by_key(|rate| std::cmp::Reverse(rate.value.period));
    for (n, shorter) in rates.iter().enumerate() {
        let Some(longer) = n.checked_sub(1).map(|before| &rates[before]) else {
            continue;
        };
        if longer.value.period == shorter.value.period {
            walk.mistake(
                shorter.span.clone(),
                "same_period",
                format!("`{path}` has two rates for the same period"),
            )
            .help("keep the smaller one");
        } else if longer.value.count <= shorter.value.count {
            let message = format!(
                "`{}` in `{path}` never refuses: `{}` refuses before it",
                shorter.value, longer.value
            );
            walk.mistake(shorter.span.clone(), "no_effect", message)
                .help("a shorter period takes a smaller count, as in [\"100/h\", \"10/10s\"]")
                .as_warning();
        }
    }
    Some(rates.into_iter().map(|rate| rate.value).collect())
}
