//! S8: the rules: which concepts make an attack of which family when they meet in one sentence. A rule names what was
//! found; how much it weighs, in which channel, the model has learned.
//!
//! Never: knows a word, a language or a weight.

use super::concept::Concept::{self, *};
use super::concept::{Concepts, set};

/// What an attack does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Sets other instructions in the place of the operator's.
    Override,
    /// Makes the assistant someone without rules.
    Persona,
    /// Wants the system prompt or what it holds.
    Extraction,
    /// Imitates the marks that tell roles and parts of a prompt apart.
    Template,
    /// Forbids to refuse, or to say that something was done.
    Suppression,
    /// Claims authority, an emergency or a test.
    Pretext,
    /// Data that speaks to the assistant.
    Planted,
    /// Carries data out: to an address, by a link or an image.
    Exfiltration,
    /// Has a tool do harm: pay, delete, grant, run.
    ToolAbuse,
    /// Hides its instruction in an encoding.
    Encoded,
}

impl Family {
    /// Every family.
    pub const ALL: &[Self] = &[
        Self::Override,
        Self::Persona,
        Self::Extraction,
        Self::Template,
        Self::Suppression,
        Self::Pretext,
        Self::Planted,
        Self::Exfiltration,
        Self::ToolAbuse,
        Self::Encoded,
    ];

    /// As findings and the ledger name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Persona => "persona",
            Self::Extraction => "extraction",
            Self::Template => "template",
            Self::Suppression => "suppression",
            Self::Pretext => "pretext",
            Self::Planted => "planted",
            Self::Exfiltration => "exfiltration",
            Self::ToolAbuse => "tool_abuse",
            Self::Encoded => "encoded",
        }
    }
}

/// Concepts that must meet in one sentence: one of each set.
#[derive(Debug)]
pub struct Rule {
    /// What it finds.
    pub family: Family,
    /// As findings name it.
    pub name: &'static str,
    /// One concept of each must stand in the sentence, in any order.
    pub needs: &'static [Concepts],
}

const fn rule(family: Family, name: &'static str, needs: &'static [Concepts]) -> Rule {
    Rule { family, name, needs }
}

const RULEBOOK: Concepts = set(&[Instruction, Prompt]);
const ASKED: Concepts = set(&[Reveal, Say]);

/// The rules, the most telling ones of a family first. Their places are features of the model: add at the end, and
/// train anew.
pub const RULES: &[Rule] = &[
    rule(
        Family::Override,
        "ignore_instructions",
        &[Ignore.bit(), RULEBOOK, set(&[Prior, All, Authority, You])],
    ),
    rule(
        Family::Override,
        "forget_all_before",
        &[set(&[Ignore, Reset]), Prior.bit(), set(&[All, You, Text])],
    ),
    rule(
        Family::Override,
        "new_instructions",
        &[set(&[New, Urgent]), RULEBOOK, set(&[Authority, Must, You, Colon])],
    ),
    rule(
        Family::Override,
        "other_task",
        &[
            set(&[Stop, Ignore, Reset]),
            Task.bit(),
            set(&[You, Instead, New, Prior]),
        ],
    ),
    rule(
        Family::Override,
        "say_only_this",
        &[Say.bit(), set(&[Only, Instead, Verbatim]), set(&[Quote, Text])],
    ),
    rule(
        Family::Override,
        "ignore_people",
        &[
            Ignore.bit(),
            set(&[People, Task]),
            set(&[Say, Send, Destroy, Run, Reveal]),
        ],
    ),
    rule(
        Family::Persona,
        "unbound_persona",
        &[set(&[Become, Persona]), Unbound.bit()],
    ),
    rule(
        Family::Persona,
        "no_limits",
        &[Not.bit(), Limit.bit(), set(&[You, Model, Persona, Become])],
    ),
    rule(
        Family::Persona,
        "you_are_unbound",
        &[You.bit(), Unbound.bit(), set(&[FromNow, Model, Mode, Permit])],
    ),
    rule(
        Family::Persona,
        "special_mode",
        &[
            Mode.bit(),
            set(&[Unbound, Authority, Persona, Pretext]),
            set(&[You, Urgent, Colon, Must]),
        ],
    ),
    rule(
        Family::Persona,
        "from_now_on_someone_else",
        &[FromNow.bit(), Become.bit(), set(&[Unbound, Persona, Model])],
    ),
    rule(
        Family::Persona,
        "no_rules_for_you",
        &[
            Not.bit(),
            Instruction.bit(),
            set(&[You, Persona]),
            set(&[Must, Obey, Permit]),
        ],
    ),
    rule(
        Family::Extraction,
        "reveal_prompt",
        &[ASKED, Prompt.bit(), set(&[You, Authority, Secret, Verbatim])],
    ),
    rule(
        Family::Extraction,
        "reveal_instructions",
        &[
            ASKED,
            Instruction.bit(),
            You.bit(),
            set(&[Prior, Secret, Verbatim, All]),
        ],
    ),
    rule(
        Family::Extraction,
        "repeat_what_is_above",
        &[
            Reveal.bit(),
            Prior.bit(),
            set(&[Text, All]),
            set(&[You, Verbatim, Order]),
        ],
    ),
    rule(
        Family::Extraction,
        "reveal_secret",
        &[ASKED, Secret.bit(), set(&[You, Model, Authority])],
    ),
    rule(Family::Template, "role_tag", &[RoleTag.bit()]),
    rule(
        Family::Template,
        "fake_heading",
        &[
            set(&[Delimiter, Markup]),
            set(&[Instruction, Task, Authority]),
            set(&[New, Colon, Stop]),
        ],
    ),
    rule(
        Family::Template,
        "fake_role",
        &[
            set(&[Authority, Model, People]),
            Colon.bit(),
            set(&[Instruction, Must, Ignore, You]),
        ],
    ),
    rule(
        Family::Suppression,
        "never_refuse",
        &[Not.bit(), Refuse.bit(), set(&[Must, You, Response, Say])],
    ),
    rule(
        Family::Suppression,
        "keep_it_secret",
        &[Hide.bit(), set(&[People, You, Response, Send, Reveal])],
    ),
    rule(
        Family::Suppression,
        "or_else",
        &[Stake.bit(), set(&[Refuse, You]), set(&[Must, If, Obey])],
    ),
    rule(
        Family::Pretext,
        "authority_orders",
        &[
            Authority.bit(),
            set(&[Me, Urgent]),
            set(&[Must, Grant, Reveal, Ignore]),
        ],
    ),
    rule(
        Family::Pretext,
        "only_a_test",
        &[
            Pretext.bit(),
            set(&[Reveal, Must, Mode]),
            set(&[Prompt, Instruction, Secret, You]),
        ],
    ),
    rule(
        Family::Planted,
        "model_is_told",
        &[
            Model.bit(),
            set(&[Must, Ignore, Say, Send, Reveal, Run]),
            set(&[You, Please, Colon, If]),
        ],
    ),
    rule(
        Family::Planted,
        "whoever_reads_this",
        &[
            If.bit(),
            set(&[Model, Read]),
            set(&[Must, Say, Instead, Ignore, Send]),
        ],
    ),
    rule(
        Family::Planted,
        "first_do_this",
        &[
            set(&[Order, Instead]),
            Task.bit(),
            set(&[Must, Please]),
            set(&[You, Send, Run, Grant]),
        ],
    ),
    rule(
        Family::Planted,
        "shape_the_answer",
        &[
            set(&[Say, Send]),
            Response.bit(),
            set(&[Url, Image, Text, Verbatim, You]),
        ],
    ),
    rule(
        Family::Exfiltration,
        "send_data_out",
        &[Send.bit(), set(&[Data, Secret, Prompt, All]), set(&[Email, Url])],
    ),
    rule(
        Family::Exfiltration,
        "image_carries_data",
        &[Image.bit(), Url.bit(), set(&[Data, Secret, Encoding, Say])],
    ),
    rule(
        Family::Exfiltration,
        "link_carries_data",
        &[Url.bit(), set(&[Lure, Send]), set(&[Data, Secret, Encoding])],
    ),
    rule(
        Family::ToolAbuse,
        "grant_access",
        &[
            Grant.bit(),
            set(&[Email, People, Data]),
            set(&[Please, Must, All, Me]),
        ],
    ),
    rule(
        Family::ToolAbuse,
        "pay",
        &[Money.bit(), set(&[Send, Please, Must]), set(&[Number, Email])],
    ),
    rule(
        Family::ToolAbuse,
        "destroy",
        &[
            Destroy.bit(),
            set(&[Data, All, Limit]),
            set(&[Please, Must, You, Order]),
        ],
    ),
    rule(
        Family::ToolAbuse,
        "run_this",
        &[
            Run.bit(),
            set(&[Url, Delimiter, Quote]),
            set(&[Must, Please, You, Order]),
        ],
    ),
    rule(Family::Encoded, "decode_and_obey", &[Encoding.bit(), Obey.bit()]),
];

/// The rules that a sentence with these concepts fulfils, as places in [`RULES`].
pub fn fulfilled(sentence: Concepts) -> impl Iterator<Item = usize> {
    RULES
        .iter()
        .enumerate()
        .filter(move |(_, rule)| rule.needs.iter().all(|need| sentence & need != 0))
        .map(|(place, _)| place)
}

/// Concepts without which no rule is fulfilled: most sentences are done with one test.
pub const TRIGGERS: Concepts = {
    let (mut bits, mut n) = (0, 0);
    while n < RULES.len() {
        bits |= RULES[n].needs[0];
        n += 1;
    }
    bits
};

/// The concepts of a row, for tests and explanations.
pub fn names(concepts: Concepts) -> impl Iterator<Item = &'static str> {
    Concept::ALL
        .iter()
        .filter(move |concept| concepts & concept.bit() != 0)
        .map(|concept| concept.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_own_name_and_needs() {
        for (place, rule) in RULES.iter().enumerate() {
            assert!(
                !rule.needs.is_empty() && rule.needs.iter().all(|need| *need != 0),
                "{}",
                rule.name
            );
            assert!(
                RULES[..place].iter().all(|other| other.name != rule.name),
                "{}",
                rule.name
            );
        }
    }

    #[test]
    fn each_family_has_a_rule() {
        for family in Family::ALL {
            assert!(
                RULES.iter().any(|rule| rule.family == *family),
                "{}",
                family.name()
            );
        }
    }

    #[test]
    fn a_rule_needs_one_of_each_of_its_sets() {
        let met = set(&[Ignore, Instruction, Prior]);
        assert!(fulfilled(met).any(|place| RULES[place].name == "ignore_instructions"));
        assert!(fulfilled(set(&[Ignore, Instruction])).next().is_none());
        assert_eq!(
            names(set(&[Ignore, Prior])).collect::<Vec<_>>(),
            ["IGNORE", "PRIOR"]
        );
    }
}
