//! S6: from the text of policies to rules: parsed, checked against the schema, and told apart by where they stand.
//!
//! Never: takes a part of a file; either all of it is good or none of it is used.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cedar_policy::{
    Authorizer, EntityId, EntityTypeName, EntityUid, Policy, PolicyId, PolicySet, Schema, ValidationMode,
    Validator,
};
use golive_config::Config;
use miette::Diagnostic;

use super::cache::Cache;
use super::{Action, BUILT_IN, BUILT_IN_ROLES, Kind, Names, Rules, SCHEMA};

/// Most policies of all files: each decision looks at every one.
const POLICIES_MAX: usize = 1000;

/// Why policies cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A file of policies is wrong.
    #[error("{}:{line}:{column}: {why}{help}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong.
        why: String,
        /// What to do: empty, or a sentence in brackets.
        help: String,
    },
    /// There are more than any decision should look at.
    #[error("the policy files hold {0} policies; {POLICIES_MAX} are the most")]
    TooMany(usize),
    /// What is shipped with golive is wrong: a fault of the program, found by its tests.
    #[error("the built-in policies cannot be used: {0}")]
    BuiltIn(String),
}

impl PolicyError {
    /// For programs: in the shape of a configuration's mistakes.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut mistake =
            serde_json::json!({ "severity": "error", "code": "bad_policy", "message": self.to_string() });
        if let Self::File {
            file, line, column, ..
        } = self
        {
            mistake["file"] = serde_json::json!(file);
            mistake["line"] = (*line).into();
            mistake["column"] = (*column).into();
        }
        serde_json::json!({ "mistakes": [mistake] })
    }
}

/// Where a policy stands.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// The file; `None`: it is built in.
    pub file: Option<PathBuf>,
    /// Its line, from 1, where the text tells.
    pub line: Option<usize>,
}

impl Rules {
    /// The rules of a configuration; the log is told what is no fault and yet hardly meant.
    ///
    /// # Errors
    /// See [`PolicyError`].
    pub fn build(config: &Config) -> Result<Self, PolicyError> {
        let rules = Self::check(config)?;
        rules.warn(config);
        Ok(rules)
    }

    /// The same, in silence.
    ///
    /// # Errors
    /// See [`PolicyError`].
    pub fn check(config: &Config) -> Result<Self, PolicyError> {
        let built_in = |error: &dyn std::fmt::Display| PolicyError::BuiltIn(error.to_string());
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|error| built_in(&error))?;
        let validator = Validator::new(schema);
        let mut taking = Taking::default();
        taking.take(None, BUILT_IN, &validator)?;
        let shipped = taking.origins.len();
        for file in &config.policies.files {
            taking.take(Some(&file.path), &file.text, &validator)?;
        }
        let added = taking.origins.len() - shipped;
        if added > POLICIES_MAX {
            return Err(PolicyError::TooMany(added));
        }
        let mut tools: BTreeMap<String, Vec<String>> = config
            .tools
            .iter()
            .map(|(name, rule)| (name.clone(), rule.roles.clone()))
            .collect();
        let mut roles: BTreeSet<String> = tools.values().flatten().cloned().collect();
        roles.extend(config.keys.values().flat_map(|key| key.roles.iter().cloned()));
        let mut things = BTreeSet::new();
        let mut names_principals = false;
        for literal in taking.set.policies().flat_map(Policy::entity_literals) {
            let (kind, id) = (
                literal.type_name().to_string(),
                literal.id().unescaped().to_owned(),
            );
            match kind.as_str() {
                "Role" => drop(roles.insert(id)),
                "Principal" => names_principals = true,
                "Tool" => drop(tools.entry(id).or_default()),
                kind => {
                    let kind = Kind::ALL.into_iter().find(|one| one.entity_type() == kind);
                    things.extend(kind.map(|kind| (kind, id)));
                }
            }
        }
        for callee in config.callees() {
            let kind = super::Resource::callee(callee).kind;
            things.insert((kind, callee.name.clone()));
        }
        Ok(Self {
            policies: taking.set,
            origins: taking.origins,
            authorizer: Authorizer::new(),
            names: Names::parse().map_err(|error| built_in(&*error))?,
            tools,
            roles,
            things,
            names_principals,
            cache: Cache::default(),
        })
    }

    /// What is no fault, and yet hardly meant.
    fn warn(&self, config: &Config) {
        let named: BTreeSet<String> = self
            .policies
            .policies()
            .flat_map(Policy::entity_literals)
            .filter(|literal| literal.type_name().to_string() == "Role")
            .map(|literal| literal.id().unescaped().to_owned())
            .collect();
        for key in config.keys.values() {
            let tools = |role: &String| config.tools.values().any(|rule| rule.roles.contains(role));
            let idle = |role: &String| !named.contains(role) && !tools(role);
            if !key.roles.is_empty() && key.roles.iter().all(idle) {
                tracing::warn!(
                    key = key.name,
                    roles = key.roles.join(", "),
                    "no policy names a role of this key: it may do nothing; the built-in roles are {}",
                    BUILT_IN_ROLES.join(", ")
                );
            }
        }
        let callable = |cell: &super::Cell| cell.action == Action::Call && cell.permitted;
        if config.callees().next().is_some() && !self.matrix().iter().any(callable) {
            tracing::warn!("the policies let no role call any agent or model");
        }
    }
}

impl Names {
    fn parse() -> Result<Self, Box<cedar_policy::ParseErrors>> {
        let name = |name: &str| name.parse::<EntityTypeName>().map_err(Box::new);
        let action = name("Action")?;
        let uid = |one: Action| EntityUid::from_type_name_and_id(action.clone(), EntityId::new(one.as_str()));
        let mut kinds = BTreeMap::new();
        for kind in Kind::ALL {
            kinds.insert(kind, name(kind.entity_type())?);
        }
        Ok(Self {
            principal: name("Principal")?,
            role: name("Role")?,
            team: name("Team")?,
            kinds,
            actions: Action::ALL.into_iter().map(|one| (one, uid(one))).collect(),
        })
    }
}

#[derive(Default)]
struct Taking {
    set: PolicySet,
    origins: BTreeMap<PolicyId, Origin>,
}

impl Taking {
    /// Takes the policies of one text in. `file`: `None` for the built-in ones.
    fn take(&mut self, file: Option<&Path>, text: &str, validator: &Validator) -> Result<(), PolicyError> {
        let wrong = |at: usize, why: String, help: Option<String>| {
            let Some(file) = file else {
                return PolicyError::BuiltIn(why);
            };
            let (line, column) = line_and_column(text, at);
            PolicyError::File {
                file: file.to_owned(),
                line,
                column,
                why,
                help: help.map_or_else(String::new, |help| format!(" ({help})")),
            }
        };
        let parsed: PolicySet = text.parse().map_err(|errors: cedar_policy::ParseErrors| {
            // The set of errors is never empty; its first is the one to mend first.
            match errors.iter().next() {
                Some(first) => wrong(place(first), first.to_string(), help_of(first)),
                None => wrong(0, errors.to_string(), None),
            }
        })?;
        if parsed.num_of_templates() > 0 {
            let at = text.find('?').unwrap_or(0);
            return Err(wrong(
                at,
                "templates (`?principal`, `?resource`) are not supported".to_owned(),
                None,
            ));
        }
        let checked = validator.validate(&parsed, ValidationMode::default());
        if let Some(first) = checked.validation_errors().next() {
            return Err(wrong(place(first), first.to_string(), help_of(first)));
        }
        for policy in parsed.policies() {
            self.add(policy, file, text).map_err(|why| wrong(0, why, None))?;
        }
        Ok(())
    }

    /// A policy is called by its `@id`, else by its file and number.
    fn add(&mut self, policy: &Policy, file: Option<&Path>, text: &str) -> Result<(), String> {
        let number = policy.id().to_string();
        let number = number.trim_start_matches("policy");
        let stem = file
            .and_then(Path::file_stem)
            .map_or_else(|| "built-in".into(), |stem| stem.to_string_lossy());
        let given = policy.annotation("id").filter(|id| !id.is_empty());
        let line = given
            .and_then(|id| text.find(&format!("@id({id:?})")))
            .map(|at| line_and_column(text, at).0);
        let id = PolicyId::new(given.map_or_else(|| format!("{stem}-{number}"), str::to_owned));
        if self.origins.contains_key(&id) {
            return Err(format!(
                "there are two policies with the id `{id}`; give each an @id of its own"
            ));
        }
        self.set
            .add(policy.new_id(id.clone()))
            .map_err(|error| error.to_string())?;
        self.origins.insert(
            id,
            Origin {
                file: file.map(Path::to_owned),
                line,
            },
        );
        Ok(())
    }
}

/// The byte at which a diagnostic points; 0 if it does not say.
fn place(diagnostic: &dyn Diagnostic) -> usize {
    diagnostic
        .labels()
        .and_then(|mut labels| labels.next())
        .map_or(0, |label| label.offset())
}

fn help_of(diagnostic: &dyn Diagnostic) -> Option<String> {
    diagnostic.help().map(|help| help.to_string())
}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
