//! P6: `golive cost`: what requests cost, what they will, and how that stands to the budgets.

mod projection;
mod runaway;

use std::path::Path;

use golive_checklist::unit::{NanoUsd, parse_duration};
use golive_config::Config;
use golive_config::calendar::{format_date, parse_date};
use golive_gateway::socket::{Ask, CostsAsk, Sum};
use serde_json::{Value, json};

use crate::cli::{Cost, Format};
use crate::exit::{self, Exit};
use crate::output::{self, plain};

use projection::Projection;

/// The form of what `--format json` prints.
const SCHEMA: &str = "golive.cost/1";

pub async fn run(args: Cost, path: &Path) -> Exit {
    let now = golive_store::now_us();
    let (since_us, until_us) = match (moment(args.from.as_deref(), now), moment(args.to.as_deref(), now)) {
        (Ok(since), Ok(until)) => (since, until),
        (Err(why), _) => return usage("--from", &why),
        (_, Err(why)) => return usage("--to", &why),
    };
    if let (Some(since), Some(until)) = (since_us, until_us)
        && since >= until
    {
        return usage("--to", "it lies before --from");
    }
    let config = match super::load_quietly(path) {
        Ok(loaded) => loaded.config,
        Err(code) => return code,
    };
    let table = match super::ask(path, Ask::Costs(CostsAsk { since_us, until_us })).await {
        Ok(table) => table,
        Err(code) => return code,
    };
    let from = since_us.or(table["first_us"].as_i64()).unwrap_or(now);
    let days = (until_us.unwrap_or(now) - from) as f64 / 86_400e6;
    let projection = Projection::of(&table, days, args.seed);
    match args.format {
        Format::Json => output::json(&report(&table, &projection, &config)),
        Format::Text => print(&table, &projection, &config),
    }
    exit::OK
}

/// A day at its begin, or so long ago.
fn moment(text: Option<&str>, now_us: i64) -> Result<Option<i64>, String> {
    let Some(text) = text else { return Ok(None) };
    if let Some(day) = parse_date(text) {
        return Ok(Some(day.saturating_mul(86_400_000_000)));
    }
    let ago = parse_duration(text).map_err(|_| {
        format!(
            "`{}` is neither a day (2026-11-01) nor a duration (7d)",
            plain(text)
        )
    })?;
    Ok(Some(now_us.saturating_sub(
        i64::try_from(ago.as_micros()).unwrap_or(i64::MAX),
    )))
}

fn usage(flag: &str, why: &str) -> Exit {
    output::error(&format!("{flag}: {why}"));
    exit::USAGE
}

/// What `--format json` prints.
fn report(table: &Value, projection: &Projection, config: &Config) -> Value {
    let mut report = json!({
        "schema": SCHEMA,
        "days": projection.days,
        "total": table["total"],
        "retried": table["retried"],
        "mean": projection.mean,
        "top_percent": projection.top_percent,
        "sample_every": table["sample_every"],
        "seed": projection.seed,
        "projections": projection.scales(),
        "by": projection.groups,
        "days_spent": table["days"],
        "dearest_hour": table["dearest_hour"],
        "runaway_hour": runaway::worst(table, config),
        "budgets": runaway::budgets(projection, config),
        "notes": notes(table, projection, config),
    });
    if table["cut"] == true {
        report["cut"] = json!(true);
    }
    report
}

/// What a reader must know before believing the figures.
fn notes(table: &Value, projection: &Projection, config: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    let total: Sum = serde_json::from_value(table["total"].clone()).unwrap_or_default();
    if total.unknown > 0 {
        notes.push(format!(
            "{} of {} requests have no known price: they are in no figure. `golive prices list` shows which links",
            total.unknown, total.requests
        ));
    }
    if total.estimated_nano > 0 {
        let share = total.estimated_nano as f64 / total.nano().max(1) as f64;
        notes.push(format!(
            "{:.0} % of the money is estimated, not counted by the provider",
            share * 100.0
        ));
    }
    let priced = total.requests - total.unknown;
    if priced > 0 && (projection.days < 7.0 || priced < 200) {
        notes.push(format!(
            "{priced} priced requests in {:.1} days: too few to plan by (7 days and 200 requests are the least)",
            projection.days
        ));
    }
    if table["cut"] == true {
        notes.push("there are more requests than are reckoned at once: only the newest are in".to_owned());
    }
    let today = golive_store::now_us().div_euclid(86_400_000_000);
    let dates = config
        .callees()
        .flat_map(|callee| &callee.chain)
        .filter_map(|link| config.money.prices.of(link)?.price.date);
    if let Some(oldest) = dates.min()
        && today - oldest > golive_config::prices::STALE_AFTER_DAYS
    {
        notes.push(format!(
            "prices of {} are {} days old: `golive prices import` brings newer ones",
            format_date(oldest),
            today - oldest
        ));
    }
    notes
}

fn print(table: &Value, projection: &Projection, config: &Config) {
    let total: Sum = serde_json::from_value(table["total"].clone()).unwrap_or_default();
    if total.requests == 0 {
        output::say("no request of this time bought anything");
    } else {
        output::data(&format!(
            "{} requests in {:.1} days: {}{}",
            total.requests,
            projection.days,
            NanoUsd(total.nano()),
            if total.estimated_nano > 0 {
                format!(", of it {} estimated", NanoUsd(total.estimated_nano))
            } else {
                String::new()
            }
        ));
        if let Some(mean) = &projection.mean {
            let interval = match (mean.lower, mean.upper) {
                (Some(lower), Some(upper)) => format!(" (95 %: {} to {})", usd(lower), usd(upper)),
                _ => " (too few for an interval)".to_owned(),
            };
            output::data(&format!(
                "a request costs {} in the mean{interval}, {} without the outer 5 %; the dearest 1 % make up {:.0} %",
                usd(mean.mean),
                usd(mean.trimmed),
                projection.top_percent * 100.0
            ));
        }
        let rows = projection
            .scales()
            .iter()
            .map(|scale| {
                let end = |key: &str| scale[key].as_f64().map_or("–".to_owned(), usd);
                vec![
                    format!("{}×", scale["scale"]),
                    scale["requests_per_day"]
                        .as_f64()
                        .map_or("–".to_owned(), |n| format!("{n:.0}")),
                    end("month_low"),
                    end("month_mid"),
                    end("month_high"),
                ]
            })
            .collect();
        output::data("");
        output::table(
            &["traffic", "requests a day", "a month, low", "mid", "high"],
            rows,
            "",
        );
        for (kind, title) in [
            ("callee", "agent or model"),
            ("link", "link"),
            ("team", "team"),
            ("principal", "caller"),
        ] {
            let rows: Vec<Vec<String>> = projection.groups[kind]
                .as_array()
                .into_iter()
                .flatten()
                .take(12)
                .map(group_row)
                .collect();
            output::data("");
            output::table(
                &[title, "requests", "spent", "share", "a request (95 %)", "unknown"],
                rows,
                "",
            );
        }
    }
    output::data("");
    output::data(&runaway::sentence(&runaway::worst(table, config)));
    for budget in runaway::budgets(projection, config) {
        output::data(&runaway::budget_sentence(&budget));
    }
    for note in notes(table, projection, config) {
        output::say(&format!("note: {note}"));
    }
}

fn group_row(group: &Value) -> Vec<String> {
    let interval = match (group["mean"]["lower"].as_f64(), group["mean"]["upper"].as_f64()) {
        (Some(lower), Some(upper)) => {
            format!(
                "{} ({} to {})",
                usd(group["mean"]["mean"].as_f64().unwrap_or(0.0)),
                usd(lower),
                usd(upper)
            )
        }
        _ => group["mean"]["mean"].as_f64().map_or("–".to_owned(), usd),
    };
    vec![
        output::cell(group, "name"),
        group["sum"]["requests"].to_string(),
        NanoUsd(group["nano_usd"].as_u64().unwrap_or(0)).to_string(),
        format!("{:.0} %", group["share"].as_f64().unwrap_or(0.0) * 100.0),
        interval,
        group["sum"]["unknown"].to_string(),
    ]
}

/// Dollars for people: cents where there are dollars, four digits that tell something where there are none.
fn usd(dollars: f64) -> String {
    if dollars >= 1.0 {
        format!("{dollars:.2} USD")
    } else if dollars <= 0.0 {
        "0 USD".to_owned()
    } else {
        let digits = (3.0 - dollars.log10().floor()).clamp(2.0, 9.0) as usize;
        format!("{dollars:.digits$} USD")
    }
}
