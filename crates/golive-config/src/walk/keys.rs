//! S5: `[keys.NAME]`: callers whose key stands in the environment.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::callees::{Routes, dangling};
use super::secrets::{self, Found, Owner, Secret};
use super::{Need, Table, Walk};
use crate::key_text;
use crate::meant::{CalleeKind, ConfiguredKey};

pub(super) fn all(walk: &mut Walk<'_>, root: &Table<'_>, routes: &Routes) -> BTreeMap<String, ConfiguredKey> {
    let mut keys: BTreeMap<String, ConfiguredKey> = BTreeMap::new();
    for (name, table) in root.child(walk, "keys").named(walk) {
        let secret = secret(walk, &table);
        let roles = table.names(walk, "roles").unwrap_or_default();
        super::access::too_many_roles(walk, &table, roles.len());
        let team = table.text(walk, "team").map(|at| at.value);
        let agents = allowed(walk, &table, "agents", routes.names(CalleeKind::Agent));
        let models = allowed(walk, &table, "models", routes.names(CalleeKind::Model));
        let may_assert_users = table.flag(walk, "may_assert_users").unwrap_or(false);
        let Some(secret) = secret else { continue };
        let same = keys
            .values()
            .find(|other| other.secret.expose_secret() == secret.text.expose_secret());
        if let Some(same) = same {
            let message = format!(
                "`[keys.{}]` and `[keys.{}]` hold the same key",
                same.name, name.value
            );
            walk.mistake(secret.span, "same_key", message)
                .help("give each caller a key of its own: `golive keys create`");
            continue;
        }
        let key = ConfiguredKey {
            name: name.value.clone(),
            secret: secret.text,
            secret_source: secret.source,
            roles: roles.into_iter().map(|at| at.value).collect(),
            team,
            agents,
            models,
            may_assert_users,
        };
        keys.insert(name.value, key);
    }
    keys
}

fn secret(walk: &mut Walk<'_>, table: &Table<'_>) -> Option<Secret> {
    match secrets::read(walk, table, ["key_env", "key_file"], None, Owner::Gateway) {
        Found::Here(secret) => {
            if walk.need == Need::Gateway
                && let Err(why) = key_text::check(secret.text.expose_secret())
            {
                walk.mistake(secret.span.clone(), "bad_key", format!("the key from {} {why}", secret.source))
                    .help("make one with `golive keys create` (or `golive init`) and put it into the variable whole");
            }
            Some(secret)
        }
        Found::Missing(_) => None,
        Found::NotNamed if table.has_literal_secret() => None,
        Found::NotNamed => {
            walk.mistake(
                table.span.clone(),
                "missing_key",
                format!("`[{}]` lacks `key_env`", table.path),
            )
            .help("add key_env = \"VARIABLE\" (or key_file), and put the key into `.env`");
            None
        }
    }
}

/// What a key may call: `*`, or names that exist.
pub(super) fn allowed(walk: &mut Walk<'_>, table: &Table<'_>, what: &str, known: Vec<&str>) -> Vec<String> {
    let Some(written) = table.names(walk, what) else {
        return vec!["*".to_owned()];
    };
    for at in written
        .iter()
        .filter(|at| at.value != "*" && !known.contains(&at.value.as_str()))
    {
        dangling(
            walk,
            at.span.clone(),
            what.trim_end_matches('s'),
            &at.value,
            &known,
            &format!("[{what}.*]"),
        );
    }
    written.into_iter().map(|at| at.value).collect()
}
