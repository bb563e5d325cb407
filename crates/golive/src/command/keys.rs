//! `golive keys`: who may call.

use std::path::Path;

use golive_gateway::socket::{Ask, KeyAdded, NewKeyAsk};
use serde_json::{Value, json};

use crate::cli::{Format, Keys, NewKey};
use crate::exit::{self, Exit};
use crate::output::{self, cell, time};

pub async fn run(command: Keys, config: &Path) -> Exit {
    match command {
        Keys::Create(new) => create(new, config).await,
        Keys::List { format } => match super::ask(config, Ask::KeysList {}).await {
            Ok(keys) => {
                match format {
                    Format::Json => output::json(&keys),
                    Format::Text => table(&keys),
                }
                exit::OK
            }
            Err(code) => code,
        },
        Keys::Revoke { key, format } => match super::ask(config, Ask::KeysRevoke { key }).await {
            Ok(record) => {
                match format {
                    Format::Json => output::json(&record),
                    Format::Text => output::data(&format!(
                        "revoked {} ({})",
                        cell(&record, "id"),
                        cell(&record, "name")
                    )),
                }
                exit::OK
            }
            Err(code) => code,
        },
    }
}

async fn create(new: NewKey, config: &Path) -> Exit {
    let expires = match new
        .expires
        .as_deref()
        .map(golive_checklist::unit::parse_duration)
        .transpose()
    {
        Ok(expires) => expires,
        Err(error) => {
            output::error(&format!("--expires: {error}"));
            return exit::USAGE;
        }
    };
    // `--agents ""` gives one empty name and means none.
    let names = |names: Vec<String>| names.into_iter().filter(|name| !name.is_empty()).collect();
    let ask = Ask::KeysCreate(NewKeyAsk {
        name: new.name,
        roles: new.roles,
        team: new.team,
        agents: names(new.agents),
        models: names(new.models),
        may_assert_users: new.may_assert_users,
        expires_in_s: expires.map(|d| d.as_secs()),
    });
    let added = match super::ask(config, ask).await {
        Ok(value) => value,
        Err(code) => return code,
    };
    match serde_json::from_value::<KeyAdded>(added) {
        Ok(added) => {
            match new.format {
                Format::Json => output::json(&json!({ "key": added.key, "record": added.record })),
                Format::Text => {
                    output::data(&added.key);
                    output::say(&format!(
                        "This is {} ({}). It is shown this once; keep it where secrets are kept.",
                        cell(&added.record, "id"),
                        cell(&added.record, "name")
                    ));
                }
            }
            exit::OK
        }
        Err(error) => {
            output::error(&format!("the gateway's answer cannot be read: {error}"));
            exit::FAILED
        }
    }
}

fn table(keys: &Value) {
    let rows = keys
        .as_array()
        .into_iter()
        .flatten()
        .map(|key| {
            let state = match (key["revoked_at_us"].is_i64(), key["expires_at_us"].as_i64()) {
                (true, _) => format!("revoked {}", time(key, "revoked_at_us")),
                (false, Some(at)) if at <= golive_store::now_us() => "expired".to_owned(),
                (false, Some(_)) => format!("until {}", time(key, "expires_at_us")),
                (false, None) => "valid".to_owned(),
            };
            vec![
                cell(key, "id"),
                cell(key, "name"),
                cell(key, "prefix"),
                cell(key, "agents"),
                cell(key, "models"),
                state,
                time(key, "last_used_at_us"),
            ]
        })
        .collect();
    output::table(
        &["id", "name", "begins", "agents", "models", "state", "last used"],
        rows,
        "no keys; `golive keys create NAME` makes one",
    );
}
