//! S1: the kinds of credentials that are looked for, as data: one row each.
//!
//! Adding one: a row with its shapes (see [`super::shape`]) and what must hold beyond them. The self-test makes one of
//! it at every start and must find it, so a row that cannot match is seen at once.
//!
//! Never: holds a credential. A shape is no secret.

mod ai;
mod cloud;
mod code;
mod named;
mod service;

use super::check::Check;

pub use named::NAMED;

/// One kind of credential.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its id, stable: baselines and reports name it.
    pub id: &'static str,
    /// What it is, for people.
    pub name: &'static str,
    /// How it is written. Each begins with a literal.
    pub shapes: &'static [&'static str],
    /// What must hold beyond the shape.
    pub check: Check,
}

/// A credential whose shape says nothing (32 hex digits), told by the name it is assigned to.
#[derive(Debug, Clone, Copy)]
pub struct Named {
    /// Its id.
    pub id: &'static str,
    /// What it is.
    pub name: &'static str,
    /// Lower-case words of which the name it is given, or the text shortly before, must hold one.
    pub words: &'static [&'static str],
    /// A name as the self-test writes it.
    pub key: &'static str,
    /// How its value is written.
    pub shapes: &'static [&'static str],
}

/// Every kind with a shape of its own; the earlier wins where two match the same place.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [code::RULES, cloud::RULES, ai::RULES, service::RULES]
        .into_iter()
        .flatten()
}

pub(super) const fn rule(
    id: &'static str,
    name: &'static str,
    shapes: &'static [&'static str],
    check: Check,
) -> Rule {
    Rule {
        id,
        name,
        shapes,
        check,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::secrets::shape::Shape;

    #[test]
    fn every_rule_has_an_id_of_its_own_and_shapes_that_can_match() {
        let mut ids = BTreeSet::new();
        for rule in all() {
            assert!(ids.insert(rule.id), "{} twice", rule.id);
            for text in rule.shapes {
                let shape = Shape::parse(text);
                assert!(shape.never_goes_back(), "{}: {text}", rule.id);
                assert!(
                    shape.gate().len() >= 3,
                    "{}: {text} begins with too little",
                    rule.id
                );
            }
        }
        for named in NAMED {
            assert!(ids.insert(named.id), "{} twice", named.id);
            for text in named.shapes {
                assert!(Shape::parse(text).never_goes_back(), "{}: {text}", named.id);
            }
            let key = named.key.to_ascii_lowercase();
            assert!(
                named.words.iter().any(|word| key.contains(word)),
                "{}: its own name",
                named.id
            );
        }
        assert!(ids.len() >= 60, "{}", ids.len());
    }
}
