//! `golive explain`: one request's way through the stages, or one item of the checklist.

use std::path::Path;

use golive_checklist::item::{ItemId, item};
use golive_gateway::socket::Ask;
use golive_store::Uuid;
use serde_json::{Value, json};

use crate::cli::{Explain, Format};
use crate::exit::{self, Exit};
use crate::output::{self, cell, plain, time};

pub async fn run(args: Explain, config: &Path) -> Exit {
    if let Ok(id) = args.what.parse::<ItemId>() {
        explain_item(id, args.format);
        return exit::OK;
    }
    let Ok(id) = args.what.parse::<Uuid>() else {
        output::error(&format!(
            "`{}` is neither a request id nor an item of the checklist (S1 … R2, L1 … L6, without a part)",
            plain(&args.what)
        ));
        return exit::USAGE;
    };
    match super::ask(
        config,
        Ask::Explain {
            id,
            content: args.content,
        },
    )
    .await
    {
        Ok(row) => {
            match args.format {
                Format::Json => output::json(&row),
                Format::Text => explain_row(&row, args.content),
            }
            exit::OK
        }
        Err(code) => code,
    }
}

fn explain_item(id: ItemId, format: Format) {
    let item = item(id);
    let proof = golive_prover::proofs::proof(id);
    if format == Format::Json {
        let parts: Vec<Value> = item
            .parts
            .iter()
            .map(|p| json!({ "id": p.id, "title": p.title }))
            .collect();
        output::json(
            &json!({ "id": id.as_str(), "title": item.title, "why": item.why, "parts": parts, "proof": proof.map(golive_prover::proofs::Proof::lab_report) }),
        );
        return;
    }
    output::data(&format!("{id} {}\n\n{}\n\nParts:", item.title, item.why));
    for part in item.parts {
        output::data(&format!("  {:<16} {}", part.id, part.title));
    }
    match proof {
        Some(proof) => output::data(&format!("\n{}", proof.lab_report().trim())),
        None => output::data("\nThis item has no proof in this version: its parts are unproven."),
    }
}

fn explain_row(row: &Value, content: bool) {
    let ms = |key: &str| {
        row[key]
            .as_u64()
            .map_or("–".to_owned(), |us| format!("{:.2} ms", us as f64 / 1000.0))
    };
    let lines = [
        ("request", cell(row, "id")),
        ("time (UTC)", time(row, "at_us")),
        ("route", cell(row, "route")),
        ("callee", cell(row, "callee")),
        ("principal", cell(row, "principal")),
        ("user", cell(row, "user_hash")),
        ("outcome", cell(row, "outcome")),
        ("status", cell(row, "status")),
        ("release", cell(row, "release")),
        ("link", cell(row, "link")),
        ("attempts", cell(row, "attempts")),
        ("took", ms("latency_us")),
        ("first content", ms("first_byte_us")),
        (
            "tokens",
            format!(
                "{} in, {} out ({})",
                row["tokens"]["input"],
                row["tokens"]["output"],
                cell(row, "basis")
            ),
        ),
        (
            "cost",
            format!("{} ({})", super::ledger::cost(row), cell(&row["cost"], "basis")),
        ),
        (
            "bytes",
            format!("{} in, {} out", row["bytes_in"], row["bytes_out"]),
        ),
        ("trace", cell(row, "trace_id")),
        ("caller's id", cell(row, "client_request_id")),
    ];
    for (name, value) in lines {
        output::data(&format!("{name:<14} {}", plain(&value)));
    }
    let stages = row["decisions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|d| {
            let at = d["at_us"].as_u64().unwrap_or(0) as f64 / 1000.0;
            vec![format!("{at:.2} ms"), cell(d, "stage"), cell(d, "decided")]
        })
        .collect();
    output::table(&["at", "stage", "decided"], stages, "no decisions were recorded");
    if content {
        for key in ["prompt", "reply"] {
            output::data(&format!("\n{key}:\n{}", plain(&cell(row, key))));
        }
    }
}
