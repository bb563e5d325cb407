//! S6: decisions that were made, by all that they depend on.
//!
//! Never: grows past its bound (names of tools come from callers), or answers for a question that only hashes alike.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::{PoisonError, RwLock};

use super::{Action, Kind, Resource};

/// Decisions that are kept. When they are more, all are forgotten and made again.
const ENTRIES_MAX: usize = 4096;
/// A question is kept if its words are at most this long, so that the whole is at most 16 MiB.
const BYTES_MAX: usize = 4096;

/// All that a decision depends on.
#[derive(Debug, Hash)]
pub(super) struct Question<'a> {
    /// The principal, if any policy names one; else empty.
    pub id: &'a str,
    pub roles: &'a [String],
    pub team: Option<&'a str>,
    pub action: Action,
    pub resource: Resource<'a>,
}

impl Hash for Resource<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
        self.name.hash(state);
    }
}

#[derive(Debug)]
struct Entry {
    id: Box<str>,
    roles: Box<[String]>,
    team: Option<Box<str>>,
    action: Action,
    kind: Kind,
    name: Box<str>,
    permitted: bool,
}

#[derive(Debug, Default)]
pub(super) struct Cache {
    hasher: RandomState,
    entries: RwLock<HashMap<u64, Entry>>,
}

impl Cache {
    /// The answer as it was given before, or as `decide` gives it now.
    pub(super) fn remembered(&self, question: &Question<'_>, decide: impl FnOnce() -> bool) -> bool {
        let hash = self.hasher.hash_one(question);
        {
            let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(entry) = entries.get(&hash).filter(|entry| entry.answers(question)) {
                return entry.permitted;
            }
        }
        let permitted = decide();
        if question.bytes() <= BYTES_MAX {
            let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
            if entries.len() >= ENTRIES_MAX {
                entries.clear();
            }
            entries.insert(hash, Entry::of(question, permitted));
        }
        permitted
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Question<'_> {
    fn bytes(&self) -> usize {
        let roles: usize = self
            .roles
            .iter()
            .map(|role| role.len() + size_of::<String>())
            .sum();
        roles + self.id.len() + self.team.map_or(0, str::len) + self.resource.name.len()
    }
}

impl Entry {
    fn of(question: &Question<'_>, permitted: bool) -> Self {
        Self {
            id: question.id.into(),
            roles: question.roles.into(),
            team: question.team.map(Into::into),
            action: question.action,
            kind: question.resource.kind,
            name: question.resource.name.into(),
            permitted,
        }
    }

    fn answers(&self, question: &Question<'_>) -> bool {
        self.action == question.action
            && self.kind == question.resource.kind
            && *self.name == *question.resource.name
            && *self.roles == *question.roles
            && self.team.as_deref() == question.team
            && *self.id == *question.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question<'a>(roles: &'a [String], name: &'a str) -> Question<'a> {
        Question {
            id: "",
            roles,
            team: None,
            action: Action::Use,
            resource: Resource::new(Kind::Tool, name),
        }
    }

    #[test]
    fn a_decision_is_made_once_for_each_question() {
        let cache = Cache::default();
        let (one, other) = (["a".to_owned()], ["a".to_owned(), "b".to_owned()]);
        let mut made = 0;
        for roles in [&one[..], &other[..], &one[..], &other[..]] {
            let permitted = cache.remembered(&question(roles, "pay"), || {
                made += 1;
                roles.len() == 2
            });
            assert_eq!(permitted, roles.len() == 2);
        }
        assert_eq!(made, 2);
    }

    #[test]
    fn names_of_a_callers_invention_do_not_fill_the_memory() {
        let cache = Cache::default();
        for n in 0..3 * ENTRIES_MAX {
            let name = format!("tool-{n}");
            assert!(cache.remembered(&question(&[], &name), || true));
            assert!(cache.len() <= ENTRIES_MAX);
        }
        let long = "x".repeat(BYTES_MAX + 1);
        let before = cache.len();
        assert!(!cache.remembered(&question(&[], &long), || false));
        assert_eq!(cache.len(), before, "too long to be kept");
    }
}
