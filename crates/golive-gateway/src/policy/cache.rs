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
/// Bytes of their words, all together. When they are more, all are forgotten too.
const BYTES_MAX: usize = 16 << 20;
/// A question is kept if its words are at most this long: [`ROLES_MAX`](super::ROLES_MAX) roles of 100 bytes fit.
const QUESTION_BYTES_MAX: usize = 32 << 10;

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
    entries: RwLock<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_hash: HashMap<u64, Entry>,
    /// Of the words of all of them.
    bytes: usize,
}

impl Cache {
    /// The answer as it was given before, or as `decide` gives it now.
    pub(super) fn remembered(&self, question: &Question<'_>, decide: impl FnOnce() -> bool) -> bool {
        let hash = self.hasher.hash_one(question);
        {
            let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
            let found = entries.by_hash.get(&hash);
            if let Some(entry) = found.filter(|entry| entry.answers(question)) {
                return entry.permitted;
            }
        }
        let permitted = decide();
        let bytes = question.bytes();
        if bytes <= QUESTION_BYTES_MAX {
            let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
            if entries.by_hash.len() >= ENTRIES_MAX || entries.bytes + bytes > BYTES_MAX {
                *entries = Entries::default();
            }
            entries.bytes += bytes;
            entries.by_hash.insert(hash, Entry::of(question, permitted));
        }
        permitted
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        assert!(entries.bytes <= BYTES_MAX);
        entries.by_hash.len()
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
        let long = "x".repeat(QUESTION_BYTES_MAX + 1);
        let before = cache.len();
        assert!(!cache.remembered(&question(&[], &long), || false));
        assert_eq!(cache.len(), before, "too long to be kept");
    }

    #[test]
    fn a_caller_of_many_roles_is_remembered_and_many_such_callers_do_not_fill_the_memory() {
        let cache = Cache::default();
        let roles =
            |of: usize| -> Vec<String> { (0..200).map(|n| format!("role-{n:0>80}-of-{of}")).collect() };
        let one = roles(0);
        assert!(cache.remembered(&question(&one, "pay"), || true));
        assert!(cache.remembered(&question(&one, "pay"), || false), "remembered");
        for of in 1..1500 {
            assert!(cache.remembered(&question(&roles(of), "pay"), || true));
            assert!(cache.len() <= ENTRIES_MAX); // and its bytes are bounded
        }
    }
}
