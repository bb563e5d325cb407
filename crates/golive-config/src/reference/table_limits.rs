//! S2: the rows of the limits: of everybody, of teams, of agents and models; requests and tokens.

use super::Kind::{Count, RatesOrOff};
use super::Preset::{Absent, Is};
use super::{Key, Section, key};

pub(super) const LIMITS: Section = Section {
    path: "limits",
    doc: "Request rates. A window slides: in no period of that length are more requests admitted. With a list, every one holds.",
    keys: &[
        key(
            "user",
            RatesOrOff,
            Is("\"100/h\""),
            "[\"100/h\", \"10/10s\"]",
            "Of each user of each caller.",
        ),
        key(
            "principal",
            RatesOrOff,
            Is("\"off\""),
            "\"1000/h\"",
            "Of each caller, over all its users.",
        ),
        key(
            "team",
            RatesOrOff,
            Is("\"off\""),
            "\"5000/h\"",
            "Of each team, over all its callers. A caller without a team has no such limit.",
        ),
        key(
            "global",
            RatesOrOff,
            Is("\"10000/h\""),
            "\"off\"",
            "Of the whole gateway.",
        ),
    ],
};

pub(super) const TOKENS: Section = Section {
    path: "limits.tokens",
    doc: "Token rates, input and output together. The most a request may cost is reserved before it is sent on, and what it did not use is given back.",
    keys: &[
        key(
            "user",
            RatesOrOff,
            Is("\"off\""),
            "\"100000/h\"",
            "Of each user of each caller.",
        ),
        key(
            "principal",
            RatesOrOff,
            Is("\"off\""),
            "\"1000000/h\"",
            "Of each caller, over all its users.",
        ),
        key(
            "team",
            RatesOrOff,
            Is("\"off\""),
            "\"2000000/d\"",
            "Of each team, over all its callers.",
        ),
        key(
            "global",
            RatesOrOff,
            Is("\"off\""),
            "\"5000000/h\"",
            "Of the whole gateway.",
        ),
        key(
            "output",
            Count(1, 10_000_000),
            Is("4096"),
            "1024",
            "Output tokens reserved for a request that names no maximum of its own. A longer answer is counted when it ends, and paid off before anything more is admitted.",
        ),
        key(
            "input_bytes",
            Count(1, 16),
            Is("1"),
            "4",
            "Bytes of text reserved as one input token. No tokenizer makes more than one of a byte, so 1 is certain; 4 is about right for English, and what it misses is counted when the answer ends.",
        ),
    ],
};

pub(super) const TEAMS: Section = Section {
    path: "limits.teams.*",
    doc: "One team's own limits, in place of `limits.team` and `limits.tokens.team`.",
    keys: &[
        key(
            "requests",
            RatesOrOff,
            Absent("`limits.team`"),
            "\"20000/h\"",
            "Requests of this team.",
        ),
        key(
            "tokens",
            RatesOrOff,
            Absent("`limits.tokens.team`"),
            "\"500000/h\"",
            "Tokens of this team.",
        ),
    ],
};

/// Agents and models take the same keys.
const CALLEE: &[Key] = &[
    key(
        "requests",
        RatesOrOff,
        Is("\"off\""),
        "[\"2000/h\", \"50/s\"]",
        "Requests to it, of all callers together.",
    ),
    key(
        "tokens",
        RatesOrOff,
        Is("\"off\""),
        "\"1000000/h\"",
        "Tokens it may use, for all callers together.",
    ),
];

pub(super) const AGENT_LIMITS: Section = Section {
    path: "agents.*.limits",
    doc: "Limits of this agent, beside those of who calls it. They are no part of its release.",
    keys: CALLEE,
};

pub(super) const MODEL_LIMITS: Section = Section {
    path: "models.*.limits",
    doc: "Limits of this model, beside those of who calls it. They are no part of its release.",
    keys: CALLEE,
};
