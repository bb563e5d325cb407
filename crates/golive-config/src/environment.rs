//! S1: where variables are looked up.

use std::collections::BTreeMap;

/// A place where variables are looked up: the process's environment, or a map in a test.
pub trait Environment {
    /// The variable's value; `None` if it is not set or is not Unicode.
    fn variable(&self, name: &str) -> Option<String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

impl Environment for BTreeMap<String, String> {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}

/// First the one, then the other.
pub(crate) struct Layered<'a> {
    pub first: &'a dyn Environment,
    pub then: &'a dyn Environment,
}

impl Environment for Layered<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.first.variable(name).or_else(|| self.then.variable(name))
    }
}
