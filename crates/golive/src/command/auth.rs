//! `golive auth`: who may do what, and why.

use std::collections::BTreeSet;
use std::path::Path;

use golive_gateway::policy;
use golive_gateway::socket::{self, Ask, MayAsk};
use serde_json::Value;

use crate::cli::{AuthCommand, AuthExplain, Format};
use crate::exit::{self, Exit};
use crate::output::{self, cell};

pub async fn run(command: AuthCommand, config: &Path) -> Exit {
    match command {
        AuthCommand::Explain(args) => explain(args, config).await,
        AuthCommand::Matrix { format } => matrix(format, config).await,
        AuthCommand::Policies { schema } => {
            output::data(if schema { policy::SCHEMA } else { policy::BUILT_IN }.trim_end());
            exit::OK
        }
    }
}

async fn explain(args: AuthExplain, path: &Path) -> Exit {
    let ask = MayAsk {
        principal: args.principal,
        roles: args.roles,
        team: args.team,
        action: args.action,
        resource: args.resource,
    };
    let config = match super::load_quietly(path) {
        Ok(loaded) => loaded.config,
        Err(code) => return code,
    };
    let runs = socket::Client::connect(&socket::path_of(&config.store.path))
        .await
        .is_ok();
    let answer = if !runs && ask.needs_no_store(&config) {
        socket::may_without_store(ask, &config).await.map_err(|why| {
            output::error(&why);
            exit::FAILED
        })
    } else {
        super::ask(path, Ask::AuthExplain(ask)).await
    };
    match (answer, args.format) {
        (Err(code), _) => return code,
        (Ok(answer), Format::Json) => output::json(&answer),
        (Ok(answer), Format::Text) => output::data(&told(&answer)),
    }
    exit::OK
}

/// `permitted: config/web (caller) may call agent/support`, and below it why.
fn told(answer: &Value) -> String {
    let permitted = answer["permitted"] == true;
    let mut text = format!(
        "{}: {} ({}) {} {} {}",
        if permitted { "permitted" } else { "denied" },
        cell(answer, "principal"),
        cell(answer, "roles"),
        if permitted { "may" } else { "may not" },
        cell(answer, "action"),
        cell(answer, "resource"),
    );
    let list = |key: &str| answer[key].as_array().cloned().unwrap_or_default();
    for because in list("because") {
        text.push_str(&format!(
            "\n  {} by {} ({})",
            cell(&because, "effect"),
            cell(&because, "id"),
            cell(&because, "origin")
        ));
        for annotation in because["annotations"].as_array().into_iter().flatten() {
            if annotation[0] != "id" {
                text.push_str(&format!("\n    {}", annotation[1].as_str().unwrap_or_default()));
            }
        }
    }
    for error in list("errors") {
        text.push_str(&format!("\n  {}", error.as_str().unwrap_or_default()));
    }
    if answer["left_out_by_key"] == true {
        text.push_str("\n  the key's own list of agents or models leaves it out");
    } else if !permitted && list("because").is_empty() && list("errors").is_empty() {
        text.push_str("\n  no policy permits it");
    }
    output::plain(&text)
}

async fn matrix(format: Format, path: &Path) -> Exit {
    let config = match super::load_quietly(path) {
        Ok(loaded) => loaded.config,
        Err(code) => return code,
    };
    let runs = socket::Client::connect(&socket::path_of(&config.store.path))
        .await
        .is_ok();
    let answer = if runs {
        super::ask(path, Ask::AuthMatrix {}).await
    } else {
        socket::matrix(&config, None).map_err(|why| {
            output::error(&why);
            exit::FAILED
        })
    };
    match (answer, format) {
        (Err(code), _) => return code,
        (Ok(cells), Format::Json) => output::json(&cells),
        (Ok(cells), Format::Text) => table(&cells),
    }
    exit::OK
}

/// A row for each capability, a column for each role, in the order of the cells.
fn table(cells: &Value) {
    let cells = cells.as_array().cloned().unwrap_or_default();
    let (mut roles, mut seen): (Vec<String>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
    let mut rows: Vec<Vec<String>> = Vec::new();
    for one in &cells {
        let role = cell(one, "role");
        if seen.insert(role.clone()) {
            roles.push(role);
        }
        let capability = format!("{} {}", cell(one, "action"), cell(one, "resource"));
        if rows.last().is_none_or(|row| row[0] != capability) {
            rows.push(vec![capability]);
        }
        let mark = if one["permitted"] == true { "yes" } else { "–" };
        if let Some(row) = rows.last_mut() {
            row.push(mark.to_owned());
        }
    }
    let heads: Vec<&str> = ["capability"]
        .into_iter()
        .chain(roles.iter().map(String::as_str))
        .collect();
    output::table(&heads, rows, "there is nothing to do anything with");
}
