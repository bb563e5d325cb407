//! What is asked: the 25 items of the checklist in five phases, the six before launch, and the parts of each.
//!
//! Never: says how a part is proven (that is the prover's) or enforced (the gateway's). An id, once published, is
//! never given to something else: reports, exclusions and scripts name it.

mod before_launch;
mod errors;
mod monitoring;
mod performance;
mod recovery;
mod security;

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Every item in checklist order: the 25 that gate `check`, then the six that gate `launch`.
pub const ITEMS: &[Item] = &[
    security::S1,
    security::S2,
    security::S3,
    security::S4,
    security::S5,
    security::S6,
    security::S7,
    security::S8,
    performance::P1,
    performance::P2,
    performance::P3,
    performance::P4,
    performance::P5,
    performance::P6,
    errors::E1,
    errors::E2,
    errors::E3,
    errors::E4,
    errors::E5,
    monitoring::M1,
    monitoring::M2,
    monitoring::M3,
    monitoring::M4,
    recovery::R1,
    recovery::R2,
    before_launch::L1,
    before_launch::L2,
    before_launch::L3,
    before_launch::L4,
    before_launch::L5,
    before_launch::L6,
];

/// One line of the checklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its name in configs, reports and on the command line.
    pub id: ItemId,
    /// Which phase it belongs to.
    pub phase: Phase,
    /// What is asked, in the checklist's words.
    pub title: &'static str,
    /// Why anyone should care, in one plain sentence.
    pub why: &'static str,
    /// What it consists of; at least one, in reading order. The item's verdict is the worst of theirs.
    pub parts: &'static [PartSpec],
}

/// One thing of an item that gets a verdict of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartSpec {
    /// The item's id, a dot, and a lower-case word: `S2.user`.
    pub id: &'static str,
    /// The item it belongs to.
    pub item: ItemId,
    /// What must hold, as a short statement.
    pub title: &'static str,
    /// Who can say whether it holds.
    pub decided_by: DecidedBy,
}

/// Who can say whether a part holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// A proof, from outside, with evidence.
    Machine,
    /// A named person, for no program can see it.
    Person,
}

impl DecidedBy {
    /// `machine` or `person`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Person => "person",
        }
    }
}

impl fmt::Display for DecidedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The item of this id.
pub fn item(id: ItemId) -> &'static Item {
    // The table is in the order of the ids, which a test holds.
    &ITEMS[id as usize]
}

/// The part of this id (`S2.user`), if there is one.
pub fn part(id: &str) -> Option<&'static PartSpec> {
    parts().find(|part| part.id == id)
}

/// Every part of every item, in checklist order.
pub fn parts() -> impl Iterator<Item = &'static PartSpec> {
    ITEMS.iter().flat_map(|item| item.parts)
}

/// One list of the ids, from which come the type, its order and its words.
macro_rules! item_ids {
    ($($id:ident)*) => {
        /// The id of an item. Ordered as the checklist is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[expect(missing_docs, reason = "each is documented by its row in ITEMS")]
        pub enum ItemId { $($id),* }

        impl ItemId {
            /// Every id in checklist order.
            pub const ALL: &[Self] = &[$(Self::$id),*];

            /// The id as it is written: `S1`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$id => stringify!($id)),* }
            }
        }
    };
}

item_ids! {
    S1 S2 S3 S4 S5 S6 S7 S8
    P1 P2 P3 P4 P5 P6
    E1 E2 E3 E4 E5
    M1 M2 M3 M4
    R1 R2
    L1 L2 L3 L4 L5 L6
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ItemId {
    type Err = NotAnItem;

    /// Reads `S1`, and `s1` too: people type it.
    fn from_str(text: &str) -> Result<Self, NotAnItem> {
        Self::ALL
            .iter()
            .copied()
            .find(|id| id.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| NotAnItem(text.to_owned()))
    }
}

/// A text that names no item.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not an item; items are S1 to S8, P1 to P6, E1 to E5, M1 to M4, R1, R2 and L1 to L6")]
pub struct NotAnItem(String);

/// The phases of the checklist, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Phase 1: security and access control.
    Security,
    /// Phase 2: performance and reliability.
    Performance,
    /// Phase 3: error handling and fallbacks.
    Errors,
    /// Phase 4: monitoring and observability.
    Monitoring,
    /// Phase 5: rollback and recovery.
    Recovery,
    /// What gates `launch`, and never `check`.
    BeforeLaunch,
}

impl Phase {
    /// All phases in order.
    pub const ALL: [Self; 6] = [
        Self::Security,
        Self::Performance,
        Self::Errors,
        Self::Monitoring,
        Self::Recovery,
        Self::BeforeLaunch,
    ];

    /// The word for command lines and files: `security`, `performance`, `errors`, `monitoring`, `recovery`,
    /// `before_launch`.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Performance => "performance",
            Self::Errors => "errors",
            Self::Monitoring => "monitoring",
            Self::Recovery => "recovery",
            Self::BeforeLaunch => "before_launch",
        }
    }

    /// 1 to 5; none for what stands before launch, which is no phase of the gate.
    pub fn number(self) -> Option<u8> {
        match self {
            Self::Security => Some(1),
            Self::Performance => Some(2),
            Self::Errors => Some(3),
            Self::Monitoring => Some(4),
            Self::Recovery => Some(5),
            Self::BeforeLaunch => None,
        }
    }

    /// The heading in reports.
    pub fn title(self) -> &'static str {
        match self {
            Self::Security => "Security and access control",
            Self::Performance => "Performance and reliability",
            Self::Errors => "Error handling and fallbacks",
            Self::Monitoring => "Monitoring and observability",
            Self::Recovery => "Rollback and recovery",
            Self::BeforeLaunch => "Before launch",
        }
    }

    /// Whether its parts decide the gate of `check`.
    pub fn gates_check(self) -> bool {
        self.number().is_some()
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.slug())
    }
}

impl FromStr for Phase {
    type Err = NotAPhase;

    /// Reads the slug, with `-` for `_` too, or the number `1` to `5`.
    fn from_str(text: &str) -> Result<Self, NotAPhase> {
        let word = text.to_ascii_lowercase().replace('-', "_");
        Self::ALL
            .into_iter()
            .find(|phase| {
                phase.slug() == word || phase.number().is_some_and(|number| number.to_string() == word)
            })
            .ok_or_else(|| NotAPhase(text.to_owned()))
    }
}

/// A text that names no phase.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not a phase; phases are security, performance, errors, monitoring, recovery and before_launch"
)]
pub struct NotAPhase(String);

/// The item that a part's id begins with, if it is the id of a part: an item, a dot, and a word of lower-case
/// letters, digits and `_`.
pub(crate) const fn item_of(part: &str) -> Option<ItemId> {
    let text = part.as_bytes();
    if text.len() < 4 || text[2] != b'.' {
        return None;
    }
    let mut at = 3;
    while at < text.len() {
        if !matches!(text[at], b'a'..=b'z' | b'0'..=b'9' | b'_') {
            return None;
        }
        at += 1;
    }
    let mut next = 0;
    while next < ItemId::ALL.len() {
        let name = ItemId::ALL[next].as_str().as_bytes();
        if name[0] == text[0] && name[1] == text[1] {
            return Some(ItemId::ALL[next]);
        }
        next += 1;
    }
    None
}

/// A part that a proof decides. For the tables of items only: a wrong id does not compile there.
const fn machine(id: &'static str, title: &'static str) -> PartSpec {
    part_spec(id, title, DecidedBy::Machine)
}

/// A part that a named person decides. For the tables of items only: a wrong id does not compile there.
const fn person(id: &'static str, title: &'static str) -> PartSpec {
    part_spec(id, title, DecidedBy::Person)
}

const fn part_spec(id: &'static str, title: &'static str, decided_by: DecidedBy) -> PartSpec {
    match item_of(id) {
        Some(item) => PartSpec {
            id,
            item,
            title,
            decided_by,
        },
        None => panic!("a part's id is an item's, a dot and a lower-case word"),
    }
}
