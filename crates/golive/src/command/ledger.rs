//! `golive ledger`: what happened.

use std::path::Path;

use golive_gateway::socket::{Ask, RowsAsk};
use serde_json::Value;

use crate::cli::{Format, Ledger};
use crate::exit::{self, Exit};
use crate::output::{self, cell, time};

pub async fn run(args: Ledger, config: &Path) -> Exit {
    let ago = |text: Option<&str>| -> Result<Option<i64>, String> {
        let Some(text) = text else { return Ok(None) };
        let ago = golive_checklist::unit::parse_duration(text).map_err(|e| e.to_string())?;
        Ok(Some(
            golive_store::now_us() - i64::try_from(ago.as_micros()).unwrap_or(i64::MAX),
        ))
    };
    let (since_us, until_us) = match (ago(args.since.as_deref()), ago(args.until.as_deref())) {
        (Ok(since), Ok(until)) => (since, until),
        (Err(why), _) => return usage("--since", &why),
        (_, Err(why)) => return usage("--until", &why),
    };
    let ask = Ask::Ledger(RowsAsk {
        since_us,
        until_us,
        callee: args.callee,
        principal: args.principal,
        user: args.user,
        outcome: args.outcome,
        limit: args.limit,
        after: None,
    });
    match super::ask(config, ask).await {
        Ok(rows) => {
            match args.format {
                Format::Json => output::json(&rows),
                Format::Text => table(&rows),
            }
            exit::OK
        }
        Err(code) => code,
    }
}

fn usage(flag: &str, why: &str) -> Exit {
    output::error(&format!("{flag}: {why}"));
    exit::USAGE
}

fn table(rows: &Value) {
    let rows = rows
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| {
            let ms = row["latency_us"].as_u64().unwrap_or(0) as f64 / 1000.0;
            let tokens = match (row["tokens"]["input"].as_u64(), row["tokens"]["output"].as_u64()) {
                (None, None) => "–".to_owned(),
                (input, output) => {
                    let about = if row["basis"] == "estimated" { "~" } else { "" };
                    format!("{about}{}+{}", input.unwrap_or(0), output.unwrap_or(0))
                }
            };
            let folded = row["folded"].as_u64().unwrap_or(1);
            let outcome = if folded > 1 {
                format!("{} ×{folded}", cell(row, "outcome"))
            } else {
                cell(row, "outcome")
            };
            vec![
                time(row, "at_us"),
                cell(row, "id"),
                cell(row, "callee"),
                outcome,
                cell(row, "status"),
                format!("{ms:.1} ms"),
                tokens,
                cost(row),
            ]
        })
        .collect();
    output::table(
        &[
            "time (UTC)",
            "request",
            "callee",
            "outcome",
            "status",
            "took",
            "tokens",
            "cost",
        ],
        rows,
        "no requests match",
    );
}

/// `0.0075 USD`, `~0.0075 USD` where it is estimated, `?` where nobody knows.
pub(super) fn cost(row: &Value) -> String {
    let amount = row["cost"]["nano_usd"]
        .as_u64()
        .map(golive_checklist::unit::NanoUsd);
    match (amount, row["cost"]["basis"].as_str()) {
        (Some(amount), Some("reported")) => amount.to_string(),
        (Some(amount), _) => format!("~{amount}"),
        (None, Some("unknown")) => "?".to_owned(),
        (None, _) => "–".to_owned(),
    }
}
