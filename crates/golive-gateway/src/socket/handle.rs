//! What an operator can ask, and the one handler of each question.

use std::time::Duration;

use golive_config::Config;
use golive_resilience::Tick;
use golive_store::{Cursor, LedgerFilter, MasterKey, NewKey, Pace, Rotation, SecretString, Store, Uuid};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::access::{self, MayAsk};
use super::costs::{self, CostsAsk};
use crate::conversations::desk;
use crate::gateway::Gateway;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// Make an API key.
    KeysCreate(NewKeyAsk),
    /// All API keys.
    KeysList {},
    /// Revoke a key, by id or name.
    KeysRevoke {
        /// `key_…` or its name.
        key: String,
    },
    /// Give a key a new text; the old one opens for a while.
    KeysRotate {
        /// `key_…` or its name.
        key: String,
        /// Seconds the old text still opens.
        overlap_s: u64,
        /// Seconds until the key expires, from now; `None`: as before.
        expires_in_s: Option<u64>,
    },
    /// Rows of the ledger, newest first.
    Ledger(RowsAsk),
    /// One request, with what each stage decided.
    Explain {
        /// The request id.
        id: Uuid,
        /// Whether to unseal its prompt and reply.
        content: bool,
    },
    /// What the requests of a time cost. Reads as much of the ledger.
    Costs(CostsAsk),
    /// Tickets that wait for a person.
    InboxList {
        /// Resolved ones too.
        all: bool,
        /// How many at the most.
        limit: u32,
    },
    /// One ticket with what was said.
    InboxShow {
        /// Its id.
        ticket: Uuid,
    },
    /// Answer the user of a ticket.
    InboxAnswer {
        /// Its id.
        ticket: Uuid,
        /// The words.
        text: String,
        /// Who answers.
        by: String,
    },
    /// Put a ticket off.
    InboxSnooze {
        /// Its id.
        ticket: Uuid,
        /// For so many seconds.
        for_s: u64,
        /// Who does.
        by: String,
    },
    /// Give the conversation of a ticket back to the agent.
    InboxResolve {
        /// Its id.
        ticket: Uuid,
        /// A last word to the user.
        note: Option<String>,
        /// Who does.
        by: String,
    },
    /// Whether somebody may do something, and why.
    AuthExplain(MayAsk),
    /// What each role may do.
    AuthMatrix {},
    /// What stands and how it is.
    Status {},
    /// What is sealed under which key. Reads the whole ledger.
    SealStatus {},
    /// Make new data keys and seal every row anew, or go on with what was interrupted. Answers at the end.
    SealRotate {},
    /// How far the rotation is that runs; null if none does.
    SealProgress {},
    /// Wrap the data keys under another master key.
    SealMaster {
        /// The new key: 32 bytes in base64.
        key: KeyText,
    },
}

/// A master key on its way over the socket, which only this user can open.
#[derive(Clone)]
pub struct KeyText(pub SecretString);

impl std::fmt::Debug for KeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyText(..)")
    }
}

impl PartialEq for KeyText {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for KeyText {}

impl Serialize for KeyText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for KeyText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| KeyText(SecretString::from(text)))
    }
}

/// What a new key is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKeyAsk {
    /// Unique among the keys that are not revoked.
    pub name: String,
    /// Roles of the principal.
    pub roles: Vec<String>,
    /// Team of the principal.
    pub team: Option<String>,
    /// Agents it may call; `*` is all.
    pub agents: Vec<String>,
    /// Models it may call; `*` is all.
    pub models: Vec<String>,
    /// Whether its requests may say on whose behalf they are.
    pub may_assert_users: bool,
    /// Seconds until it expires; `None`: never.
    pub expires_in_s: Option<u64>,
}

/// Which rows to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RowsAsk {
    /// Microseconds since the Unix epoch: rows at or after.
    pub since_us: Option<i64>,
    /// Rows before.
    pub until_us: Option<i64>,
    /// `agent/NAME` or `model/NAME`.
    pub callee: Option<String>,
    /// Rows of this key.
    pub principal: Option<String>,
    /// Rows of this user, as the ledger prints it.
    pub user: Option<String>,
    /// The beginning of the outcome: `refused:`, `error:`.
    pub outcome: Option<String>,
    /// How many at the most, 1 to 1000.
    pub limit: u32,
    /// Only rows older than this request, by its time and id.
    pub after: Option<(i64, Uuid)>,
}

/// An answer: what was asked for, or a sentence why not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What was asked for.
    Ok(Value),
    /// Why not, and what to do.
    Error(String),
}

/// A key that was made; its text is given this once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyAdded {
    /// The text of the key.
    pub key: String,
    /// What is kept of it.
    pub record: Value,
}

/// Answers one question. With a running gateway, a change is in force when this returns.
pub async fn handle(
    ask: Ask,
    store: &Store,
    config: &Config,
    gateway: Option<&Gateway>,
    now_us: i64,
) -> Answer {
    match answer(ask, store, config, gateway, now_us).await {
        Ok(value) => Answer::Ok(value),
        Err(why) => Answer::Error(why),
    }
}

async fn answer(
    ask: Ask,
    store: &Store,
    config: &Config,
    gateway: Option<&Gateway>,
    now_us: i64,
) -> Result<Value, String> {
    match ask {
        Ask::KeysCreate(ask) => {
            access::check_roles(&ask.roles)?;
            check_names("agent", &ask.agents, |name| config.agents.contains_key(name))?;
            check_names("model", &ask.models, |name| config.models.contains_key(name))?;
            let expires_at_us = ask.expires_in_s.map(|s| now_us.saturating_add(us_of(s)));
            let new = NewKey {
                name: ask.name,
                roles: ask.roles,
                team: ask.team,
                agents: ask.agents,
                models: ask.models,
                may_assert_users: ask.may_assert_users,
                expires_at_us,
                source: "cli".to_owned(),
            };
            let (record, key): (_, SecretString) = store.create_key(new, now_us).await.map_err(words)?;
            apply(gateway).await?;
            let record = serde_json::to_value(&record).map_err(words)?;
            serde_json::to_value(KeyAdded {
                key: key.expose_secret().to_owned(),
                record,
            })
            .map_err(words)
        }
        Ask::KeysList {} => {
            let mut keys: Vec<Value> = Vec::new();
            for record in store.list_keys().await.map_err(words)? {
                keys.push(serde_json::to_value(&record).map_err(words)?);
            }
            for key in config.keys.values() {
                keys.push(json!({
                    "id": format!("config/{}", key.name),
                    "name": key.name,
                    "roles": key.roles,
                    "team": key.team,
                    "agents": key.agents,
                    "models": key.models,
                    "may_assert_users": key.may_assert_users,
                    "source": "config",
                }));
            }
            Ok(Value::Array(keys))
        }
        Ask::KeysRevoke { key } => {
            if let Some(name) = configured(&key, store, config).await? {
                return Err(format!(
                    "the key `{name}` stands in the configuration and was not revoked: take [keys.{name}] out of {}; a running gateway sees the change at once",
                    config.file.display()
                ));
            }
            let record = store.revoke_key(&key, now_us).await.map_err(words)?;
            apply(gateway).await?;
            serde_json::to_value(&record).map_err(words)
        }
        Ask::KeysRotate {
            key,
            overlap_s,
            expires_in_s,
        } => {
            if let Some(name) = configured(&key, store, config).await? {
                return Err(format!(
                    "the key `{name}` stands in the configuration and was not rotated: add [keys.{name}-new] with the variable of a new key to {}, move its callers, then take [keys.{name}] out",
                    config.file.display()
                ));
            }
            let rotation = Rotation {
                overlap_us: us_of(overlap_s),
                expires_at_us: expires_in_s.map(|s| now_us.saturating_add(us_of(s))),
            };
            let (record, key) = store.rotate_key(&key, rotation, now_us).await.map_err(words)?;
            apply(gateway).await?;
            let record = serde_json::to_value(&record).map_err(words)?;
            serde_json::to_value(KeyAdded {
                key: key.expose_secret().to_owned(),
                record,
            })
            .map_err(words)
        }
        Ask::Ledger(rows) => {
            let user_hash = rows.user.as_deref().map(str::parse).transpose().map_err(words)?;
            let filter = LedgerFilter {
                since_us: rows.since_us,
                until_us: rows.until_us,
                callee: rows.callee,
                principal: rows.principal,
                user_hash,
                outcome_prefix: rows.outcome,
                limit: rows.limit,
                after: rows.after.map(|(at_us, id)| Cursor { at_us, id }),
            };
            let rows = store.ledger(&filter).await.map_err(words)?;
            rows.iter()
                .map(readable)
                .collect::<Result<Vec<_>, _>>()
                .map(Value::Array)
        }
        Ask::Explain { id, content } => match store.ledger_row(id, content).await.map_err(words)? {
            Some(row) => {
                let mut value = readable(&row)?;
                if content {
                    let text =
                        |bytes: Option<&bytes::Bytes>| bytes.map(|b| String::from_utf8_lossy(b).into_owned());
                    value["prompt"] = json!(text(row.prompt.as_ref()));
                    value["reply"] = json!(text(row.reply.as_ref()));
                }
                Ok(value)
            }
            None => Err(format!(
                "no request has the id {id}; the answer's x-request-id header names it"
            )),
        },
        Ask::Costs(ask) => costs::reckon(&ask, store, config, now_us).await,
        Ask::InboxList { all, limit } => desk::list(store, all, limit, now_us).await,
        Ask::InboxShow { ticket } => desk::show(store, ticket, now_us).await,
        Ask::InboxAnswer { ticket, text, by } => {
            desk::answer((store, config, gateway), ticket, &text, &by, tick(now_us)).await
        }
        Ask::InboxSnooze { ticket, for_s, by } => {
            let lasts = Duration::from_secs(for_s.clamp(1, SNOOZE_MAX_S));
            desk::snooze((store, config, gateway), ticket, &by, lasts, tick(now_us)).await
        }
        Ask::InboxResolve { ticket, note, by } => {
            desk::resolve(
                (store, config, gateway),
                ticket,
                &by,
                note.as_deref(),
                tick(now_us),
            )
            .await
        }
        Ask::SealStatus {} => {
            let status = store.seal_status().await.map_err(words)?;
            serde_json::to_value(&status).map_err(words)
        }
        Ask::SealRotate {} => {
            // Requests come first where there are any.
            let pace = if gateway.is_some() {
                Pace::Gentle
            } else {
                Pace::Full
            };
            let rotated = store.rotate_data_keys(pace, now_us).await.map_err(words)?;
            tracing::info!(rows = rotated.rows, "the data keys were rotated");
            serde_json::to_value(rotated).map_err(words)
        }
        Ask::SealProgress {} => serde_json::to_value(store.rotation()).map_err(words),
        Ask::SealMaster { key } => {
            let bytes = golive_config::parse_master_key(key.0.expose_secret())
                .map_err(|bad| format!("the new master key {bad}; nothing was changed"))?;
            let new = MasterKey::new(bytes.expose_secret()).map_err(words)?;
            let replaced = store.replace_master_key(new, now_us).await.map_err(words)?;
            tracing::warn!("the master key was replaced: the next start needs the new one");
            serde_json::to_value(&replaced).map_err(words)
        }
        Ask::AuthExplain(ask) => ask.answer(Some(store), config, gateway).await,
        Ask::AuthMatrix {} => access::matrix(config, gateway),
        Ask::Status {} => {
            let health = serde_json::to_value(store.health()).map_err(words)?;
            Ok(json!({
                "serving": gateway.is_some(),
                "draining": gateway.is_some_and(Gateway::is_draining),
                "store": health,
            }))
        }
    }
}

/// A row as JSON, its decisions as the array they are.
fn readable(row: &golive_store::LedgerRow) -> Result<Value, String> {
    let mut value = serde_json::to_value(row).map_err(words)?;
    if let Ok(decisions) = serde_json::from_str(&row.decisions) {
        value["decisions"] = decisions;
    }
    Ok(value)
}

async fn apply(gateway: Option<&Gateway>) -> Result<(), String> {
    match gateway {
        Some(gateway) => gateway.refresh_keys().await.map_err(words),
        None => Ok(()),
    }
}

/// The name of a key that the configuration holds, if that is what is meant: by `config/NAME`, or by a bare name
/// that no key of the store has.
async fn configured(key: &str, store: &Store, config: &Config) -> Result<Option<String>, String> {
    if let Some(name) = key.strip_prefix("config/") {
        return Ok(Some(name.to_owned()));
    }
    if !config.keys.contains_key(key) {
        return Ok(None);
    }
    let stored = store.list_keys().await.map_err(words)?;
    let in_store = stored.iter().any(|record| record.name == key || record.id == key);
    Ok((!in_store).then(|| key.to_owned()))
}

/// A ticket is put off for at most this long: later it would be forgotten.
const SNOOZE_MAX_S: u64 = 90 * 24 * 3600;

fn tick(us: i64) -> Tick {
    Tick(u64::try_from(us).unwrap_or(0))
}

fn us_of(seconds: u64) -> i64 {
    i64::try_from(seconds)
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000_000)
}

fn check_names(kind: &str, names: &[String], known: impl Fn(&str) -> bool) -> Result<(), String> {
    match names.iter().find(|name| *name != "*" && !known(name)) {
        Some(name) => Err(format!(
            "there is no {kind} `{name}` in the configuration; `*` stands for all"
        )),
        None => Ok(()),
    }
}

pub(super) fn words(error: impl std::error::Error) -> String {
    crate::upstream::chain_of(&error)
}
