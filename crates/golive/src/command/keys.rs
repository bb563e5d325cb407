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
        Keys::Rotate {
            key,
            overlap,
            expires,
            format,
        } => {
            let (overlap, expires) = match (
                duration("--overlap", Some(&overlap)),
                duration("--expires", expires.as_deref()),
            ) {
                (Ok(overlap), Ok(expires)) => (overlap, expires),
                (Err(code), _) | (_, Err(code)) => return code,
            };
            let ask = Ask::KeysRotate {
                key,
                overlap_s: overlap.unwrap_or_default(),
                expires_in_s: expires,
            };
            match super::ask(config, ask).await {
                Ok(added) => show(added, format, |record| {
                    let old = cell(record, "previous_prefix");
                    let until = time(record, "previous_until_us");
                    let ends = match record["previous_until_us"].as_i64() {
                        Some(at) if at > golive_store::now_us() => format!("opens until {until}"),
                        _ => "opens no more".to_owned(),
                    };
                    format!("The old text ({old}…) {ends}.")
                }),
                Err(code) => code,
            }
        }
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
    let expires = match duration("--expires", new.expires.as_deref()) {
        Ok(expires) => expires,
        Err(code) => return code,
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
        expires_in_s: expires,
    });
    match super::ask(config, ask).await {
        Ok(added) => show(added, new.format, |_| String::new()),
        Err(code) => code,
    }
}

/// The seconds of a duration that was written, or the exit code of one that is none.
fn duration(option: &str, written: Option<&str>) -> Result<Option<u64>, Exit> {
    written
        .map(golive_checklist::unit::parse_duration)
        .transpose()
        .map(|duration| duration.map(|d| d.as_secs()))
        .map_err(|error| {
            output::error(&format!("{option}: {error}"));
            exit::USAGE
        })
}

/// Prints a key that was made, this once.
fn show(added: Value, format: Format, more: impl FnOnce(&Value) -> String) -> Exit {
    match serde_json::from_value::<KeyAdded>(added) {
        Ok(added) => {
            match format {
                Format::Json => output::json(&json!({ "key": added.key, "record": added.record })),
                Format::Text => {
                    output::data(&added.key);
                    let text = format!(
                        "This is {} ({}). It is shown this once; keep it where secrets are kept. {}",
                        cell(&added.record, "id"),
                        cell(&added.record, "name"),
                        more(&added.record)
                    );
                    output::say(text.trim_end());
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
            let state = match key["previous_until_us"].as_i64() {
                Some(at) if at > golive_store::now_us() && !key["revoked_at_us"].is_i64() => format!(
                    "{state}; {}… until {}",
                    cell(key, "previous_prefix"),
                    time(key, "previous_until_us")
                ),
                _ => state,
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
