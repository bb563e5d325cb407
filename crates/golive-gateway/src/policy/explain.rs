//! S6: a decision with the policies that made it, and every role's decisions at once.

use cedar_policy::{Decision, Effect, PolicyId};
use serde::{Deserialize, Serialize};

use super::{Action, BUILT_IN_ROLES, Kind, ROLES_MAX, Resource, Rules, Who};

/// A decision, with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// Whether it is permitted.
    pub permitted: bool,
    /// The roles that counted.
    pub roles: Vec<String>,
    /// The policies that decided. None: no policy permits it.
    pub because: Vec<Because>,
    /// What went wrong while deciding; the decision is then to deny.
    pub errors: Vec<String>,
}

/// A policy that had a say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Because {
    /// Its `@id`, else its file and number.
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: String,
    /// `FILE` or `FILE:LINE`; `built in` for those that are shipped.
    pub origin: String,
    /// Its annotations.
    pub annotations: Vec<(String, String)>,
    /// Its text.
    pub text: String,
}

/// One cell of the matrix: what one role, alone, may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The role.
    pub role: String,
    /// The action.
    pub action: Action,
    /// The resource: `agent/support`; `tool/*` stands for every tool that nobody governs, `release/*`, `flag/*` and
    /// `key/*` for any.
    pub resource: String,
    /// Whether it is permitted.
    pub permitted: bool,
}

/// What providers run or keep, by the names that [`golive_wire::tools`] gives them: rows of the matrix even where no
/// policy speaks of them.
const HOSTED: [&str; 6] = [
    "code_execution",
    "computer",
    "mcp",
    "stored_files",
    "web_fetch",
    "web_search",
];

impl Rules {
    /// Decides anew, and says why.
    #[must_use]
    pub fn explain(&self, who: Who<'_>, action: Action, resource: Resource<'_>) -> Explained {
        let roles = who.effective_roles().map(str::to_owned).collect();
        let denied = |why: String| Explained {
            permitted: false,
            roles: Vec::new(),
            because: Vec::new(),
            errors: vec![why],
        };
        if Self::too_many_roles(who) {
            return denied(format!("it has more than {ROLES_MAX} roles"));
        }
        if !resource.kind.actions().contains(&action) {
            let can: Vec<&str> = resource.kind.actions().iter().map(|one| one.as_str()).collect();
            return denied(format!(
                "`{}` is nothing that can be done with a {}; that is: {}",
                action.as_str(),
                resource.kind.as_str(),
                can.join(", ")
            ));
        }
        let Some(response) = self.decide(who, action, resource) else {
            return denied("the question could not be put".to_owned());
        };
        let errors: Vec<String> = response.diagnostics().errors().map(ToString::to_string).collect();
        Explained {
            permitted: response.decision() == Decision::Allow && errors.is_empty(),
            roles,
            because: response
                .diagnostics()
                .reason()
                .filter_map(|id| self.because(id))
                .collect(),
            errors,
        }
    }

    /// What each role alone may do with each thing that the configuration or a policy names.
    #[must_use]
    pub fn matrix(&self) -> Vec<Cell> {
        let own = self.roles.iter().map(String::as_str);
        let roles: Vec<&str> = BUILT_IN_ROLES
            .into_iter()
            .chain(own.filter(|role| !BUILT_IN_ROLES.contains(role)))
            .collect();
        let mut cells = Vec::new();
        for (kind, name) in self.capabilities() {
            let resource = Resource::new(kind, &name);
            for action in kind.actions() {
                for role in &roles {
                    let held = [(*role).to_owned()];
                    let who = Who {
                        id: "",
                        roles: &held,
                        team: None,
                    };
                    cells.push(Cell {
                        role: (*role).to_owned(),
                        action: *action,
                        resource: resource.to_string(),
                        permitted: self.permit(who, *action, resource),
                    });
                }
            }
        }
        cells
    }

    fn capabilities(&self) -> Vec<(Kind, String)> {
        let mut all = self.things.clone();
        all.extend(self.tools.keys().map(|name| (Kind::Tool, name.clone())));
        all.extend(HOSTED.map(|name| (Kind::Hosted, name.to_owned())));
        for kind in [Kind::Tool, Kind::Release, Kind::Flag, Kind::Key] {
            all.insert((kind, "*".to_owned()));
        }
        for kind in [Kind::Conversation, Kind::Ledger] {
            all.extend(["own", "all"].map(|name| (kind, name.to_owned())));
        }
        all.insert((Kind::Policy, "all".to_owned()));
        all.into_iter().collect()
    }

    fn because(&self, id: &PolicyId) -> Option<Because> {
        let policy = self.policies.policy(id)?;
        let origin = self.origins.get(id)?;
        let origin = match (&origin.file, origin.line) {
            (None, _) => "built in".to_owned(),
            (Some(file), None) => file.display().to_string(),
            (Some(file), Some(line)) => format!("{}:{line}", file.display()),
        };
        Some(Because {
            id: id.to_string(),
            effect: match policy.effect() {
                Effect::Permit => "permit".to_owned(),
                Effect::Forbid => "forbid".to_owned(),
            },
            origin,
            annotations: policy
                .annotations()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            text: policy.to_cedar().unwrap_or_default(),
        })
    }
}
