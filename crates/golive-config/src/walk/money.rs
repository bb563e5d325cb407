//! P6: `[money]`, `[prices.NAME]` and `[[budgets]]`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use golive_checklist::unit::{MicroUsd, NanoUsd, parse_duration};
use golive_resilience::budget::Period;
use golive_resilience::calendar::{format_date, parse_date};

use super::callees::{Routes, dangling};
use super::{At, Need, Table, Walk};
use crate::meant::{
    BudgetScope, CalleeKind, Money, SpendingBudget, StoreSection, UnknownPrice, UpstreamKind, period_text,
};
use crate::prices::{Above, Part, Price, PriceTable, Prices, Rates, STALE_AFTER_DAYS};

/// Budgets of one file: each is looked at for every request it counts.
const BUDGETS_MAX: usize = 64;
/// The longest rolling period: as long as the ledger remembers.
const ROLLING: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(400 * 86_400));
/// The longest name of a price: an upstream's name, a slash and a model's.
const PRICE_NAME_MAX: usize = 200;

/// `[money]` and all prices.
pub(super) fn money(walk: &mut Walk<'_>, root: &Table<'_>) -> Money {
    let table = root.child(walk, "money");
    let unknown_price = table
        .choice(walk, "unknown_price", &UnknownPrice::WORDS)
        .unwrap_or_default();
    let offset_s = offset(walk, &table).unwrap_or(0);
    let written = table.text(walk, "prices_file");
    let prices_file = written.as_ref().map(|at| walk.join(&at.value));
    let mut prices = Prices {
        own: BTreeMap::new(),
        file: written.and_then(|at| table_of(walk, &at)),
    };
    for (name, table) in root.child(walk, "prices").named_by(walk, check_price_name) {
        if let Some(price) = price(walk, &table, &prices) {
            prices.own.insert(name.value, price);
        }
    }
    Money {
        unknown_price,
        offset_s,
        prices_file,
        prices,
    }
}

/// An imported table. A prover does not need it.
fn table_of(walk: &mut Walk<'_>, written: &At<String>) -> Option<Arc<PriceTable>> {
    if walk.need == Need::Prover {
        return None;
    }
    let path = walk.join(&written.value);
    let read = crate::load::read_bounded(&path)
        .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other))
        .map_err(|why| why.to_string())
        .and_then(|text| PriceTable::read(&text).map_err(|why| why.to_string()));
    match read {
        Ok(table) => Some(Arc::new(table)),
        Err(why) => {
            walk.mistake(
                written.span.clone(),
                "unreadable_file",
                format!("cannot read the prices of {}: {why}", path.display()),
            )
            .help("`golive prices import FILE --out prices.json` writes one");
            None
        }
    }
}

fn price(walk: &mut Walk<'_>, table: &Table<'_>, tables: &Prices) -> Option<Price> {
    let like = table.text(walk, "like");
    let mut base = Price::default();
    let mut known = true;
    if let Some(written) = &like {
        match tables.of_table(&written.value) {
            Some(price) => base = price.clone(),
            None if walk.need == Need::Prover => known = false, // the imported table was not read
            None => {
                known = false;
                let names: Vec<&str> = PriceTable::shipped().iter().map(|(name, _)| name).collect();
                let message = format!("no table has prices of `{}`", super::table::shown(&written.value));
                let help = match super::unknown::nearest(&written.value, &names) {
                    Some(near) => format!("did you mean `{near}`? `golive prices list` prints all"),
                    None => "`golive prices list` prints all names".to_owned(),
                };
                walk.mistake(written.span.clone(), "dangling_name", message)
                    .help(help);
            }
        }
    }
    for part in Part::ALL {
        if let Some(price) = table.money(walk, part.key()) {
            base.rates.set(part, Some(price.value));
        }
    }
    if let Some(price) = table.money(walk, "request") {
        base.request = price.value;
    }
    above(walk, table, &mut base);
    if let Some(date) = date(walk, table) {
        base.date = Some(date);
    } else if like.is_none() {
        base.date = None;
    }
    if let Some(source) = table.text(walk, "source") {
        base.source = Some(source.value);
    }
    let by_tokens = base.rates.own(Part::Input).is_some() && base.rates.own(Part::Output).is_some();
    let by_request = table.has("request") && !table.has("input") && !table.has("output");
    let wrong_before =
        (table.has("input") || table.has("output") || table.has("request")) && !by_tokens && !by_request;
    if known && !by_tokens && !by_request {
        // A price that could not be read was noted in its own place; then this one is its consequence.
        let both = table.has("input") && table.has("output");
        if !(wrong_before && both) {
            walk.mistake(
                table.span.clone(),
                "missing_key",
                format!("`[{}]` lacks `input` or `output`", table.path),
            )
            .help("give both, or like = \"openai/gpt-4o\", or request = \"0.02 USD\"; what costs nothing says \"0 USD\"");
        }
        return None;
    }
    known.then_some(base)
}

/// The prices of long requests.
fn above(walk: &mut Walk<'_>, table: &Table<'_>, price: &mut Price) {
    const KEYS: [(Part, &str); 4] = [
        (Part::Input, "input_long"),
        (Part::CachedInput, "cached_input_long"),
        (Part::CacheWrite, "cache_write_long"),
        (Part::Output, "output_long"),
    ];
    let tokens = table.count(walk, "long_from");
    let mut rates = Rates::default();
    let mut any = None;
    for (part, key) in KEYS {
        if let Some(at) = table.money(walk, key) {
            rates.set(part, Some(at.value));
            any = any.or(Some(at.span));
        }
    }
    match (tokens, any) {
        (Some(tokens), Some(_)) => price.above = vec![Above { tokens, rates }],
        (None, Some(span)) if !table.has("long_from") => {
            walk.mistake(
                span,
                "missing_key",
                format!(
                    "`[{}]` says what long requests cost and lacks `long_from`",
                    table.path
                ),
            )
            .help("add long_from = 200000");
        }
        (Some(_), None) => {
            walk.mistake(
                table.place("long_from"),
                "no_effect",
                format!(
                    "`{}.long_from` has no effect without a price above it",
                    table.path
                ),
            )
            .help("add input_long and output_long")
            .as_warning();
        }
        _ => {}
    }
}

fn date(walk: &mut Walk<'_>, table: &Table<'_>) -> Option<i64> {
    let written = table.text(walk, "date")?;
    let date = parse_date(&written.value);
    if date.is_none() {
        let shown = super::table::shown(&written.value);
        walk.mistake(
            written.span,
            "bad_value",
            format!("`{}.date`: `{shown}` is not a date", table.path),
        )
        .help("write it as in \"2026-11-04\"");
    }
    date
}

/// Seconds east of UTC of `"+05:30"`, `"-08:00"` or `"UTC"`.
fn offset(walk: &mut Walk<'_>, table: &Table<'_>) -> Option<i32> {
    let written = table.text(walk, "time_zone")?;
    let read = |text: &str| -> Option<i32> {
        if text == "UTC" || text == "Z" {
            return Some(0);
        }
        let (sign, rest) = match text.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':')?;
        let number = |part: &str| (part.len() == 2).then(|| part.parse::<u8>().ok()).flatten();
        let (hours, minutes) = (i32::from(number(hours)?), i32::from(number(minutes)?));
        (hours <= 14 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    };
    let offset = read(&written.value);
    if offset.is_none() {
        let shown = super::table::shown(&written.value);
        walk.mistake(
            written.span,
            "bad_value",
            format!("`money.time_zone`: `{shown}` is not an offset from UTC"),
        )
        .help("write \"+01:00\" or \"-08:00\"; names of zones are not known, and the seasons do not move it");
    }
    offset
}

/// All budgets. What they cannot see is warned of.
pub(super) fn budgets(
    walk: &mut Walk<'_>,
    root: &Table<'_>,
    money: &Money,
    routes: &Routes,
    store: &StoreSection,
) -> Vec<SpendingBudget> {
    let mut budgets: Vec<SpendingBudget> = Vec::new();
    let tables = root.list(walk, "budgets");
    if let Some(over) = tables.get(BUDGETS_MAX) {
        walk.mistake(
            over.span.clone(),
            "out_of_range",
            format!("there are {} budgets", tables.len()),
        )
        .help(format!(
            "keep at most {BUDGETS_MAX}: each is looked at for every request"
        ));
    }
    let first = tables.first().map(|table| table.span.clone());
    for table in &tables {
        let Some(budget) = budget(walk, table, routes, store) else {
            continue;
        };
        if budgets.iter().any(|other| other.name == budget.name) {
            walk.mistake(
                table.place("name"),
                "same_name",
                format!("two budgets are called `{}`", super::table::shown(&budget.name)),
            )
            .help("give each a name = \"…\" of its own: headers, metrics and refusals tell them apart by it");
        }
        budgets.push(budget);
    }
    unused_prices(walk, root, money, routes);
    if let Some(span) = first {
        for callee in routes.agents.values().chain(routes.models.values()) {
            for link in &callee.chain {
                let name = match &link.model {
                    Some(model) => format!("{}/{model}", link.upstream.name),
                    None => link.upstream.name.clone(),
                };
                warn_of_price(walk, span.clone(), money, link, &name);
            }
        }
    }
    budgets
}

fn warn_of_price(
    walk: &mut Walk<'_>,
    span: std::ops::Range<usize>,
    money: &Money,
    link: &crate::meant::LinkRef,
    name: &str,
) {
    let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| {
        i64::try_from(since.as_secs() / 86_400).unwrap_or(i64::MAX)
    });
    let (code, message, help) = match money.prices.of(link) {
        None if link.upstream.kind == UpstreamKind::Http => (
            "unpriced",
            format!("no budget can see what `{name}` costs: an HTTP agent does not tell its tokens"),
            format!(
                "say what a call of it costs: [prices.{name}] with request = \"0.02 USD\"; or count behind it"
            ),
        ),
        None if money.unknown_price == UnknownPrice::Refuse => (
            "unpriced",
            format!("nobody knows what `{name}` costs: its calls will be refused while there are budgets"),
            format!("say it: [prices.\"{name}\"] with input and output, \"0 USD\" for what is free"),
        ),
        None => (
            "unpriced",
            format!("nobody knows what `{name}` costs: its calls count at the highest price there is"),
            format!("say it: [prices.\"{name}\"] with input and output, \"0 USD\" for what is free"),
        ),
        Some(found) => match found.price.date {
            Some(date) if today - date > STALE_AFTER_DAYS => (
                "stale_price",
                format!(
                    "the price of `{name}` is of {}: {} days old",
                    format_date(date),
                    today - date
                ),
                "look it up again: `golive prices import`, or [prices] with a date".to_owned(),
            ),
            _ => return,
        },
    };
    let already = walk
        .mistakes
        .iter()
        .any(|mistake| mistake.code == code && mistake.message == message);
    if !already {
        walk.mistake(span, code, message).help(help).as_warning();
    }
}

/// A price that no link has is most often a slip of the name.
fn unused_prices(walk: &mut Walk<'_>, root: &Table<'_>, money: &Money, routes: &Routes) {
    if !routes.broken.is_empty() {
        return;
    }
    let links: Vec<_> = routes
        .agents
        .values()
        .chain(routes.models.values())
        .flat_map(|callee| &callee.chain)
        .collect();
    let entries = root
        .entries
        .and_then(|entries| entries.get("prices"))
        .and_then(|value| value.get_ref().as_table());
    for name in money.prices.own.keys() {
        let used = links.iter().any(|link| match &link.model {
            Some(model) => name == model || *name == format!("{}/{model}", link.upstream.name),
            None => *name == link.upstream.name,
        });
        if !used && let Some((key, _)) = entries.and_then(|entries| entries.get_key_value(name.as_str())) {
            walk.mistake(
                key.span(),
                "unused",
                format!(
                    "no chain has a link `{}`: its price is never asked for",
                    super::table::shown(name)
                ),
            )
            .as_warning();
        }
    }
}

fn budget(
    walk: &mut Walk<'_>,
    table: &Table<'_>,
    routes: &Routes,
    store: &StoreSection,
) -> Option<SpendingBudget> {
    let scope = table.choice(walk, "scope", &BudgetScope::WORDS);
    let only = table.names(walk, "only").unwrap_or_default();
    let amount = table.money(walk, "amount");
    if let Some(at) = amount.as_ref().filter(|at| at.value == MicroUsd(0)) {
        walk.mistake(
            at.span.clone(),
            "out_of_range",
            "a budget of nothing refuses everything".to_owned(),
        )
        .help("take the agent or model out instead, or give it at least \"0.01 USD\"");
    }
    let period = period(walk, table, store);
    let warn_percent = percent(walk, table).unwrap_or(80);
    let name = table.text(walk, "name");
    if let Some(scope) = scope {
        members(walk, table, scope, &only, routes);
    }
    let (scope, period) = (scope?, period?);
    Some(SpendingBudget {
        name: name.map_or_else(
            || format!("{}-{}", scope.as_str(), period_text(period)),
            |at| at.value,
        ),
        scope,
        only: only.into_iter().map(|at| at.value).collect(),
        amount: NanoUsd::from(amount?.value),
        period,
        warn_percent,
    })
}

/// The names of `only` must be some of its scope.
fn members(walk: &mut Walk<'_>, table: &Table<'_>, scope: BudgetScope, only: &[At<String>], routes: &Routes) {
    let (kind, what, tables) = match scope {
        BudgetScope::Agent => (CalleeKind::Agent, "agent", "[agents.*]"),
        BudgetScope::Model => (CalleeKind::Model, "model", "[models.*]"),
        BudgetScope::Principal | BudgetScope::Team => return, // they live in the store, too
        BudgetScope::User | BudgetScope::Global if only.is_empty() => return,
        BudgetScope::User | BudgetScope::Global => {
            walk.mistake(
                table.place("only"),
                "no_effect",
                format!("`only` has no meaning for scope = \"{}\"", scope.as_str()),
            )
            .help("users are known by hash alone; name teams, callers, agents or models");
            return;
        }
    };
    let known = routes.names(kind);
    for name in only.iter().filter(|name| !known.contains(&name.value.as_str())) {
        dangling(walk, name.span.clone(), what, &name.value, &known, tables);
    }
}

fn period(walk: &mut Walk<'_>, table: &Table<'_>, store: &StoreSection) -> Option<Period> {
    let written = table.text(walk, "per")?;
    let period = match written.value.as_str() {
        "day" => Period::Day,
        "week" => Period::Week,
        "month" => Period::Month,
        text => {
            match parse_duration(text) {
                Ok(length) if (ROLLING.0..=ROLLING.1).contains(&length) => Period::Rolling(length),
                Ok(_) => {
                    walk.mistake(written.span, "out_of_range", "`per` is out of range".to_owned())
                        .help("a rolling period is 1m to 400d long");
                    return None;
                }
                Err(_) => {
                    let shown = super::table::shown(text);
                    walk.mistake(written.span, "bad_value", format!("`per`: `{shown}` is no period"))
                    .help("write \"day\", \"week\", \"month\", or a duration such as \"24h\" for one that rolls");
                    return None;
                }
            }
        }
    };
    let length = match period {
        Period::Day => Duration::from_secs(86_400),
        Period::Week => Duration::from_secs(7 * 86_400),
        Period::Month => Duration::from_secs(31 * 86_400),
        Period::Rolling(length) => length,
    };
    if store.retention_ledger < length {
        walk.mistake(
            written.span,
            "forgotten",
            "the ledger forgets sooner than this budget's period ends".to_owned(),
        )
        .help("after a restart the budget would begin anew; raise store.retention_ledger, or take a shorter period");
    }
    Some(period)
}

/// `"80%"`; `"off"` is 100.
fn percent(walk: &mut Walk<'_>, table: &Table<'_>) -> Option<u8> {
    let written = table.text(walk, "warn_at")?;
    let percent = match written.value.as_str() {
        "off" => Some(100),
        text => text
            .strip_suffix('%')
            .and_then(|number| number.trim_end().parse::<u8>().ok())
            .filter(|percent| (1..=100).contains(percent)),
    };
    if percent.is_none() {
        let shown = super::table::shown(&written.value);
        walk.mistake(
            written.span,
            "bad_value",
            format!("`warn_at`: `{shown}` is no share"),
        )
        .help("write \"80%\", from 1% to 100%, or \"off\"");
    }
    percent
}

/// Names of models hold more signs than names of tables do.
fn check_price_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.len() > PRICE_NAME_MAX {
        return Err("it is longer than 200 characters");
    }
    if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("it holds spaces or control characters");
    }
    Ok(())
}
