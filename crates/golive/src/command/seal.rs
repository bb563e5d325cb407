//! `golive seal`: S7: the keys of data at rest: replaced, and counted.
//!
//! Never: prints a key, or waits in silence.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use golive_config::{Config, ProcessEnvironment, secret_from_file, secret_from_variable};
use golive_gateway::socket::{self, Answer, Ask, Client, KeyText};
use serde_json::Value;

use crate::cli::{Format, Seal, SealRotate};
use crate::exit::{self, Exit};
use crate::output::{self, cell, time};

/// How often a person hears how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// A rotation ends when all rows are sealed anew; a gateway that is gone shows earlier, in the broken connection.
const ROTATION_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

pub async fn run(command: Seal, path: &Path, quiet: bool) -> Exit {
    match command {
        Seal::Status { format } => match super::ask(path, Ask::SealStatus {}).await {
            Ok(status) => {
                match format {
                    Format::Json => output::json(&status),
                    Format::Text => table(&status),
                }
                exit::OK
            }
            Err(code) => code,
        },
        Seal::Rotate(args) if args.master => master(args, path).await,
        Seal::Rotate(args) => {
            let config = match super::load_quietly(path) {
                Ok(loaded) => loaded.config,
                Err(code) => return code,
            };
            match rotate(&config, quiet).await {
                Ok(rotated) => told(&rotated, args.format),
                Err(why) => {
                    output::error(&why);
                    exit::FAILED
                }
            }
        }
    }
}

/// Asks the gateway that holds the store, or opens the store, and tells meanwhile how far it is.
async fn rotate(config: &Config, quiet: bool) -> Result<Value, String> {
    let path = socket::path_of(&config.store.path);
    if let Ok(mut client) = Client::connect(&path).await {
        let work = async {
            let asked = client.ask_for(&Ask::SealRotate {}, ROTATION_MAX).await;
            asked.map_err(|error| error.to_string())
        };
        return telling(work, quiet, async || {
            let mut client = Client::connect(&path).await.ok()?;
            client.ask(&Ask::SealProgress {}).await.ok()
        })
        .await;
    }
    let store = super::open_store(config).await?.store;
    let work = async {
        let answer = socket::handle(Ask::SealRotate {}, &store, config, None, golive_store::now_us()).await;
        match answer {
            Answer::Ok(value) => Ok(value),
            Answer::Error(why) => Err(why),
        }
    };
    let done = telling(work, quiet, async || serde_json::to_value(store.rotation()).ok()).await;
    store.close().await;
    done
}

async fn telling(
    work: impl Future<Output = Result<Value, String>>,
    quiet: bool,
    mut progress: impl AsyncFnMut() -> Option<Value>,
) -> Result<Value, String> {
    let mut work = pin!(work);
    let mut tick = tokio::time::interval(TELL_EVERY);
    tick.tick().await; // the first comes at once, when there is nothing to tell yet
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = tick.tick() => if !quiet
                && let Some(progress) = progress().await
                && let (Some(values), Some(all)) =
                    (progress["values"].as_u64(), progress["values_at_start"].as_u64())
            {
                output::say(&format!("{values} of {all} values are sealed anew"));
            },
        }
    }
}

fn told(rotated: &Value, format: Format) -> Exit {
    let unreadable = rotated["unreadable"].as_u64().unwrap_or(0);
    match format {
        Format::Json => output::json(rotated),
        Format::Text => output::data(&format!(
            "{} rows are sealed under new keys; {} old keys are retired",
            cell(rotated, "rows"),
            cell(rotated, "retired")
        )),
    }
    if unreadable == 0 {
        return exit::OK;
    }
    output::error(&format!(
        "{unreadable} values open under no key: they were damaged or changed on the disk, and were left as they are"
    ));
    exit::FAILED
}

async fn master(args: SealRotate, path: &Path) -> Exit {
    let key = match (&args.new_master_key_env, &args.new_master_key_file) {
        (Some(name), _) => secret_from_variable(name, path, &ProcessEnvironment),
        (None, Some(file)) => secret_from_file(file),
        (None, None) => Err("name the new key by --new-master-key-env or --new-master-key-file".to_owned()),
    };
    let key = match key {
        Ok(key) => KeyText(key),
        Err(why) => {
            output::error(&format!("the new master key: {why}; nothing was changed"));
            return exit::USAGE;
        }
    };
    match super::ask(path, Ask::SealMaster { key }).await {
        Ok(replaced) => {
            match args.format {
                Format::Json => output::json(&replaced),
                Format::Text => output::data(&format!(
                    "{} data keys are wrapped under the new master key ({})",
                    cell(&replaced, "data_keys"),
                    cell(&replaced, "master")
                )),
            }
            output::say(
                "The old master key opens this store no more. Put the new one where [store] reads it now: the next \
                 start needs it. Backups from before still need the old one.",
            );
            exit::OK
        }
        Err(code) => code,
    }
}

fn table(status: &Value) {
    let rows = status["keys"].as_array().into_iter().flatten();
    let rows = rows.map(|key| {
        vec![
            cell(key, "id"),
            cell(key, "purpose"),
            cell(key, "state"),
            time(key, "created_at_us"),
            cell(key, "values"),
            cell(key, "sealed"),
            cell(key, "left"),
        ]
    });
    let heads = [
        "key",
        "purpose",
        "state",
        "made (UTC)",
        "values",
        "sealed",
        "may still seal",
    ];
    output::table(&heads, rows.collect(), "no data keys");
    let number = |of: &Value| of.as_u64().unwrap_or(0);
    output::data(&format!("master key {}", cell(status, "master")));
    output::data(&format!(
        "spill file: {} of {} bytes wait, sealed",
        number(&status["spill"]["used"]),
        number(&status["spill"]["size"])
    ));
    if number(&status["clear"]) > 0 {
        output::say(&format!(
            "{} values stand in clear, from before their column was sealed: `golive seal rotate` seals them",
            number(&status["clear"])
        ));
    }
    if number(&status["orphaned"]) > 0 {
        output::say(&format!(
            "{} values name a key that this store does not have: nothing opens them",
            number(&status["orphaned"])
        ));
    }
    let rotation = &status["rotation"];
    if rotation["running"].is_object() {
        output::say(&format!(
            "a rotation is under way: {} rows so far",
            number(&rotation["rows"])
        ));
    } else if rotation.is_object() {
        output::say("a rotation was interrupted: `golive seal rotate` goes on with it");
    }
}
