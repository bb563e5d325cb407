//! S6: who may do what: Cedar policies over principal, action and resource, the built-in roles among them.
//!
//! Denied unless a policy permits it, and a `forbid` wins. Decisions are remembered by roles, team, action and
//! resource; a new configuration brings new rules, and with them an empty memory.
//!
//! Never: reads a file or a header (policies come with the configuration, principals from `auth`), permits what it
//! could not decide, or looks at a principal's id unless a policy names one.

mod cache;
mod explain;
mod load;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicyId,
    PolicySet, Request, Response, RestrictedExpression,
};
use golive_config::{Callee, CalleeKind};

use crate::auth::principal::Principal;
use cache::{Cache, Question};
pub use explain::{Because, Cell, Explained};
pub use load::PolicyError;

/// The built-in policies, as they are checked and as a person reads them.
pub const BUILT_IN: &str = include_str!("roles.cedar");
/// What policies may speak of.
pub const SCHEMA: &str = include_str!("schema.cedarschema");
/// The built-in roles, from the least to the most.
pub const BUILT_IN_ROLES: [&str; 4] = ["viewer", "caller", "operator", "admin"];
/// The role of a principal that has none.
pub const DEFAULT_ROLE: &str = "caller";
/// Most roles of one principal: a decision looks at each. Leaving some out could leave out what a `forbid` speaks of,
/// so a principal with more may do nothing.
pub const ROLES_MAX: usize = 256;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// An agent or a model.
    Call,
    /// A tool.
    Use,
    /// Anything of the operations plane.
    Read,
    /// A release or a flag.
    Change,
    /// A conversation.
    Answer,
    /// A key.
    Create,
    /// A key.
    Revoke,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Call,
        Self::Use,
        Self::Read,
        Self::Change,
        Self::Answer,
        Self::Create,
        Self::Revoke,
    ];

    /// As policies name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Use => "use",
            Self::Read => "read",
            Self::Change => "change",
            Self::Answer => "answer",
            Self::Create => "create",
            Self::Revoke => "revoke",
        }
    }
}

/// What kind of thing it is wanted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `[agents.NAME]`.
    Agent,
    /// `[models.NAME]`.
    Model,
    /// A function tool.
    Tool,
    /// What a provider runs or keeps.
    Hosted,
    /// A definition of an agent or model.
    Release,
    /// A flag.
    Flag,
    /// Conversations: `own` or `all`.
    Conversation,
    /// Rows of the ledger: `own` or `all`.
    Ledger,
    /// An API key.
    Key,
    /// The policies themselves.
    Policy,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Agent,
        Self::Model,
        Self::Tool,
        Self::Hosted,
        Self::Release,
        Self::Flag,
        Self::Conversation,
        Self::Ledger,
        Self::Key,
        Self::Policy,
    ];

    /// As commands name it; policies write it with a capital.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Model => "model",
            Self::Tool => "tool",
            Self::Hosted => "hosted",
            Self::Release => "release",
            Self::Flag => "flag",
            Self::Conversation => "conversation",
            Self::Ledger => "ledger",
            Self::Key => "key",
            Self::Policy => "policy",
        }
    }

    fn entity_type(self) -> &'static str {
        match self {
            Self::Agent => "Agent",
            Self::Model => "Model",
            Self::Tool => "Tool",
            Self::Hosted => "Hosted",
            Self::Release => "Release",
            Self::Flag => "Flag",
            Self::Conversation => "Conversation",
            Self::Ledger => "Ledger",
            Self::Key => "Key",
            Self::Policy => "Policy",
        }
    }

    fn has_name(self) -> bool {
        !matches!(self, Self::Conversation | Self::Ledger | Self::Policy)
    }

    /// What can be done with it.
    #[must_use]
    pub fn actions(self) -> &'static [Action] {
        match self {
            Self::Agent | Self::Model => &[Action::Call],
            Self::Tool | Self::Hosted => &[Action::Use],
            Self::Release | Self::Flag => &[Action::Read, Action::Change],
            Self::Conversation => &[Action::Read, Action::Answer],
            Self::Ledger | Self::Policy => &[Action::Read],
            Self::Key => &[Action::Read, Action::Create, Action::Revoke],
        }
    }
}

/// One thing: `agent/support`, `ledger/own`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource<'a> {
    /// What it is.
    pub kind: Kind,
    /// Which one.
    pub name: &'a str,
}

impl<'a> Resource<'a> {
    /// The thing of this kind and name.
    #[must_use]
    pub fn new(kind: Kind, name: &'a str) -> Self {
        Self { kind, name }
    }

    /// An agent or a model.
    #[must_use]
    pub fn callee(callee: &'a Callee) -> Self {
        let kind = match callee.kind {
            CalleeKind::Agent => Kind::Agent,
            CalleeKind::Model => Kind::Model,
        };
        Self::new(kind, &callee.name)
    }

    /// From `kind/name`; `ledger`, `conversation` and `policy` alone stand for all of it.
    ///
    /// # Errors
    /// A kind that there is not, or a name that is missing or is none of its kind.
    pub fn parse(text: &'a str) -> Result<Self, String> {
        let (kind, name) = text.split_once('/').unwrap_or((text, ""));
        let kinds = Kind::ALL.map(Kind::as_str).join(", ");
        let kind = Kind::ALL
            .into_iter()
            .find(|one| one.as_str() == kind)
            .ok_or_else(|| format!("`{text}` is no resource; write KIND/NAME, of {kinds}"))?;
        let name = match (kind, name) {
            (Kind::Policy | Kind::Ledger | Kind::Conversation, "") => "all",
            (Kind::Policy, _) => return Err("`policy` has no parts; write it alone".to_owned()),
            (Kind::Ledger | Kind::Conversation, "own" | "all") => name,
            (Kind::Ledger | Kind::Conversation, _) => {
                return Err(format!("write {0}/own or {0}/all", kind.as_str()));
            }
            (_, "") => return Err(format!("`{text}` lacks a name; write {}/NAME", kind.as_str())),
            _ => name,
        };
        Ok(Self::new(kind, name))
    }
}

impl fmt::Display for Resource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Policy => f.write_str("policy"),
            kind => write!(f, "{}/{}", kind.as_str(), self.name),
        }
    }
}

/// Who wants it.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// The principal's id.
    pub id: &'a str,
    /// Its roles; none counts as [`DEFAULT_ROLE`].
    pub roles: &'a [String],
    /// Its team.
    pub team: Option<&'a str>,
}

impl<'a> Who<'a> {
    /// A principal.
    #[must_use]
    pub fn of(principal: &'a Principal) -> Self {
        Self {
            id: &principal.id,
            roles: &principal.roles,
            team: principal.team.as_deref(),
        }
    }

    /// The roles that count.
    pub fn effective_roles(&self) -> impl Iterator<Item = &'a str> {
        let default = self.roles.is_empty().then_some(DEFAULT_ROLE);
        default.into_iter().chain(self.roles.iter().map(String::as_str))
    }
}

/// The rules of one configuration.
pub struct Rules {
    policies: PolicySet,
    origins: BTreeMap<PolicyId, load::Origin>,
    authorizer: Authorizer,
    names: Names,
    /// `[tools.NAME]`, and every tool that a policy names.
    tools: BTreeMap<String, Vec<String>>,
    /// Roles that a policy, a key or a tool of the configuration names.
    roles: BTreeSet<String>,
    /// Things that a policy names, and what the configuration holds.
    things: BTreeSet<(Kind, String)>,
    names_principals: bool,
    cache: Cache,
}

/// The names of entity types and actions, parsed once.
struct Names {
    principal: EntityTypeName,
    role: EntityTypeName,
    team: EntityTypeName,
    kinds: BTreeMap<Kind, EntityTypeName>,
    actions: BTreeMap<Action, EntityUid>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").finish_non_exhaustive()
    }
}

impl Rules {
    /// Whether it is permitted. Remembered decisions cost well under a microsecond, others some ten.
    #[must_use]
    pub fn permit(&self, who: Who<'_>, action: Action, resource: Resource<'_>) -> bool {
        if who.roles.len() > ROLES_MAX {
            return false;
        }
        let question = Question {
            id: if self.names_principals { who.id } else { "" },
            roles: who.roles,
            team: who.team,
            action,
            resource,
        };
        self.cache.remembered(&question, || {
            self.decide(who, action, resource).is_some_and(is_permit)
        })
    }

    /// Whether a principal's roles are more than a decision looks at: then it may do nothing.
    #[must_use]
    pub fn too_many_roles(who: Who<'_>) -> bool {
        who.roles.len() > ROLES_MAX
    }

    /// Cedar's own answer. `None`: the question cannot be put, which counts as denied.
    fn decide(&self, who: Who<'_>, action: Action, resource: Resource<'_>) -> Option<Response> {
        let uid = |kind: &EntityTypeName, id: &str| {
            EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
        };
        let principal = uid(&self.names.principal, who.id);
        let parents = who
            .effective_roles()
            .map(|role| uid(&self.names.role, role))
            .chain(who.team.map(|team| uid(&self.names.team, team)))
            .collect();
        let kind = self.names.kinds.get(&resource.kind)?;
        let thing = uid(kind, resource.name);
        let mut entities = vec![Entity::new_no_attrs(principal.clone(), parents)];
        let within = match (resource.kind, resource.name) {
            (Kind::Ledger | Kind::Conversation, "own") => Some(uid(kind, "all")),
            _ => None,
        };
        let mut attributes = Vec::new();
        if resource.kind.has_name() {
            let name = RestrictedExpression::new_string(resource.name.to_owned());
            attributes.push(("name".to_owned(), name));
        }
        if resource.kind == Kind::Tool {
            let declared = self.tools.get(resource.name);
            let roles = declared.into_iter().flatten();
            let roles = roles.map(|role| RestrictedExpression::new_entity_uid(uid(&self.names.role, role)));
            attributes.push((
                "declared".to_owned(),
                RestrictedExpression::new_bool(declared.is_some()),
            ));
            attributes.push(("roles".to_owned(), RestrictedExpression::new_set(roles)));
        }
        let attributes = attributes.into_iter().collect();
        entities.push(Entity::new(thing.clone(), attributes, within.into_iter().collect()).ok()?);
        let entities = Entities::from_entities(entities, None).ok()?;
        let action = self.names.actions.get(&action)?.clone();
        let request = Request::new(principal, action, thing, Context::empty(), None).ok()?;
        Some(self.authorizer.is_authorized(&request, &self.policies, &entities))
    }
}

/// Permitted, and without any policy that could not be evaluated: Cedar passes over such a one, and it might have
/// been a `forbid`.
fn is_permit(response: Response) -> bool {
    if let Some(error) = response.diagnostics().errors().next() {
        tracing::error!(%error, "a policy cannot be evaluated; what it might forbid is denied");
        return false;
    }
    response.decision() == Decision::Allow
}

#[cfg(test)]
mod tests;
