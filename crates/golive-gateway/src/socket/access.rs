//! S6: questions about who may do what: a decision with its reasons, and the matrix.

use std::borrow::Cow;

use golive_config::Config;
use golive_store::Store;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::handle::words;
use crate::gateway::Gateway;
use crate::policy::{Action, Kind, Resource, Rules, Who};

/// Whether somebody may do something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MayAsk {
    /// A key, by id or name; with roles of its own any name will do.
    pub principal: String,
    /// Roles that hold in place of the key's.
    pub roles: Vec<String>,
    /// A team that holds in place of the key's.
    pub team: Option<String>,
    /// `call`, `use`, `read`, …
    pub action: String,
    /// `agent/support`, `ledger/own`, …
    pub resource: String,
}

/// The key that is asked about, as far as a decision looks at it.
struct Known {
    id: String,
    roles: Vec<String>,
    team: Option<String>,
    agents: Vec<String>,
    models: Vec<String>,
}

impl MayAsk {
    /// Whether it can be answered from the configuration alone.
    #[must_use]
    pub fn needs_no_store(&self, config: &Config) -> bool {
        !self.roles.is_empty() || configured(config, &self.principal).is_some()
    }

    pub(super) async fn answer(
        self,
        store: Option<&Store>,
        config: &Config,
        gateway: Option<&Gateway>,
    ) -> Result<Value, String> {
        let action = Action::ALL.into_iter().find(|one| one.as_str() == self.action);
        let action = action.ok_or_else(|| {
            let known = Action::ALL.map(Action::as_str).join(", ");
            format!("`{}` is no action; there are {known}", self.action)
        })?;
        let resource = Resource::parse(&self.resource)?;
        let known = match configured(config, &self.principal) {
            Some(known) => Some(known),
            None => match store {
                Some(store) => stored(store, &self.principal).await?,
                None => None,
            },
        };
        let known = match (known, self.roles.is_empty()) {
            (Some(known), _) => known,
            (None, false) => Known::of_name(&self.principal),
            (None, true) => {
                return Err(format!(
                    "there is no key `{}`; `golive keys list` shows all, and --role asks about roles alone",
                    self.principal
                ));
            }
        };
        let roles = if self.roles.is_empty() {
            known.roles
        } else {
            self.roles
        };
        let team = self.team.or(known.team);
        let who = Who {
            id: &known.id,
            roles: &roles,
            team: team.as_deref(),
        };
        let explained = with_rules(config, gateway, |rules| rules.explain(who, action, resource))?;
        let own_list = match resource.kind {
            Kind::Agent => Some(&known.agents),
            Kind::Model => Some(&known.models),
            _ => None,
        };
        let left_out =
            own_list.is_some_and(|list| !list.iter().any(|name| name == "*" || name == resource.name));
        let mut value = serde_json::to_value(&explained).map_err(words)?;
        value["principal"] = json!(known.id);
        value["team"] = json!(team);
        value["action"] = json!(action.as_str());
        value["resource"] = json!(resource.to_string());
        value["permitted"] = json!(explained.permitted && !left_out);
        value["left_out_by_key"] = json!(left_out);
        Ok(value)
    }
}

impl Known {
    fn of_name(name: &str) -> Self {
        Self {
            id: name.to_owned(),
            roles: Vec::new(),
            team: None,
            agents: vec!["*".to_owned()],
            models: vec!["*".to_owned()],
        }
    }
}

fn configured(config: &Config, name: &str) -> Option<Known> {
    let key = config.keys.get(name.strip_prefix("config/").unwrap_or(name))?;
    Some(Known {
        id: format!("config/{}", key.name),
        roles: key.roles.clone(),
        team: key.team.clone(),
        agents: key.agents.clone(),
        models: key.models.clone(),
    })
}

async fn stored(store: &Store, name: &str) -> Result<Option<Known>, String> {
    let keys = store.list_keys().await.map_err(words)?;
    let valid = keys.into_iter().filter(|key| key.revoked_at_us.is_none());
    let found = valid.into_iter().find(|key| key.id == name || key.name == name);
    Ok(found.map(|key| Known {
        id: key.id,
        roles: key.roles,
        team: key.team,
        agents: key.agents,
        models: key.models,
    }))
}

/// Answers from the configuration alone.
///
/// # Errors
/// What is wrong with the question or the policies.
pub async fn may_without_store(ask: MayAsk, config: &Config) -> Result<Value, String> {
    ask.answer(None, config, None).await
}

/// What each role may do, one object per cell.
///
/// # Errors
/// What is wrong with the policies, where no gateway runs that has them.
pub fn matrix(config: &Config, gateway: Option<&Gateway>) -> Result<Value, String> {
    let cells = with_rules(config, gateway, Rules::matrix)?;
    let cells = cells.into_iter().map(|cell| {
        json!({
            "role": cell.role,
            "action": cell.action.as_str(),
            "resource": cell.resource,
            "permitted": cell.permitted,
        })
    });
    Ok(Value::Array(cells.collect()))
}

/// The rules that are in force, or those of the configuration where no gateway runs.
fn with_rules<T>(
    config: &Config,
    gateway: Option<&Gateway>,
    ask: impl FnOnce(&Rules) -> T,
) -> Result<T, String> {
    match gateway {
        Some(gateway) => Ok(ask(&gateway.runtime().policy)),
        None => Ok(ask(&Rules::check(config).map_err(words)?)),
    }
}

/// Why no key can have these roles.
pub(super) fn check_roles(roles: &[String]) -> Result<(), String> {
    let too_many = roles.len() > crate::policy::ROLES_MAX;
    let wrong: Option<Cow<'_, str>> = roles
        .iter()
        .find(|role| role.is_empty() || role.len() > 128 || role.chars().any(char::is_control))
        .map(|role| {
            role.chars()
                .filter(|c| !c.is_control())
                .take(64)
                .collect::<String>()
                .into()
        });
    match (too_many, wrong) {
        (true, _) => Err(format!(
            "{} roles are more than a key can have; {} are the most",
            roles.len(),
            crate::policy::ROLES_MAX
        )),
        (_, Some(role)) => Err(format!(
            "`{role}` is not a role; a role is 1 to 128 characters, none of them a control character"
        )),
        _ => Ok(()),
    }
}
