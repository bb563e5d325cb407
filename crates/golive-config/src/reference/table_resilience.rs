//! P3, P4, E1, E5: the rows of retries, breakers, queues and messages.

use super::Kind::{Choice, Count, Flag, Names, Spans, Text};
use super::Preset::{Absent, Is};
use super::{HOUR, Key, Preset, Section, key, millis};
use std::time::Duration;

const GATEWAY: &str = "as for the whole gateway";

const fn retry(presets: [Preset; 5]) -> [Key; 5] {
    let waits = Spans(Duration::from_millis(1), Duration::from_secs(HOUR), 10);
    [
        key(
            "backoff",
            waits,
            presets[0],
            "[\"1s\", \"2s\", \"4s\"]",
            "Waits between rounds over the chain; their number is the number of retries. A provider's own hint lengthens a wait. `[]`: nothing is tried twice.",
        ),
        key(
            "jitter_percent",
            Count(0, 100),
            presets[1],
            "20",
            "How far a wait may lie from its mean, so that callers who failed together do not come back together.",
        ),
        key(
            "patience",
            Choice(&["rotate", "retry-first"]),
            presets[2],
            "\"retry-first\"",
            "`rotate` tries every link once in each round; `retry-first` spends the retries of a link before it goes to the next.",
        ),
        key(
            "attempts_max",
            Count(1, 100),
            presets[3],
            "6",
            "Attempts of one request over all links and rounds.",
        ),
        key(
            "idempotent",
            Flag,
            presets[4],
            "true",
            "Asking an HTTP agent twice acts once. Without it such an agent is asked again only if it cannot have acted: not sent, 429, or 503 with `Retry-After`.",
        ),
    ]
}

const fn breaker(presets: [Preset; 3]) -> [Key; 3] {
    [
        key(
            "failures",
            Count(1, 1000),
            presets[0],
            "5",
            "Failed attempts in a row that open it. 429 and the caller's own errors do not count; a stream counts at its end.",
        ),
        key(
            "open",
            millis(10, HOUR),
            presets[1],
            "\"30s\"",
            "How long it refuses before it lets one probe through.",
        ),
        key(
            "successes",
            Count(1, 1000),
            presets[2],
            "3",
            "Good probes, one at a time, that close it.",
        ),
    ]
}

const fn queue(presets: [Preset; 5]) -> [Key; 5] {
    [
        key(
            "length",
            Count(0, 1_000_000),
            presets[0],
            "100",
            "Requests that wait for a place at the same time. 0: nobody waits.",
        ),
        key(
            "wait",
            millis(10, HOUR),
            presets[1],
            "\"30s\"",
            "How long one waits at most. What cannot get a place in that time, by how fast places come free, is refused at once.",
        ),
        key(
            "overflow",
            Choice(&["reject", "displace"]),
            presets[2],
            "\"displace\"",
            "What becomes of one more when it is full. `reject` refuses it with `Retry-After`; `displace` gives it the place of a waiting request of lower priority.",
        ),
        key(
            "high_roles",
            Names,
            presets[3],
            "[\"premium\"]",
            "Callers with one of these roles go first.",
        ),
        key(
            "low_roles",
            Names,
            presets[4],
            "[\"batch\"]",
            "Callers with one of these roles, and none of `high_roles`, go last. Anyone may ask for less by the header `golive-priority: low`.",
        ),
    ]
}

pub(super) const RETRY: Section = Section {
    path: "retry",
    doc: "What is tried again when a link fails before its first content: the chain in rounds.",
    keys: &retry([
        Is("[\"1s\", \"2s\", \"4s\"]"),
        Is("20"),
        Is("\"rotate\""),
        Is("16"),
        Is("false"),
    ]),
};

pub(super) const BREAKER: Section = Section {
    path: "breaker",
    doc: "The circuit breaker of each link.",
    keys: &breaker([Is("5"), Is("\"30s\""), Is("3")]),
};

pub(super) const QUEUE: Section = Section {
    path: "queue",
    doc: "Who waits where `max_in_flight` is reached.",
    keys: &queue([Is("1000"), Is("\"5m\""), Is("\"reject\""), Is("[]"), Is("[]")]),
};

pub(super) const RETRY_BUDGET: Section = Section {
    path: "upstreams.*.retry_budget",
    doc: "How many of the calls to this upstream may be retries, over all agents and models: against storms.",
    keys: &[
        key(
            "floor",
            Count(0, 100_000),
            Is("10"),
            "2",
            "Retries in a second that are always allowed.",
        ),
        key(
            "share_percent",
            Count(0, 100),
            Is("20"),
            "10",
            "Retries beyond them, in percent of the first attempts.",
        ),
    ],
};

const SENTENCES: &[Key] = &[
    key(
        "unavailable",
        Text,
        Absent("golive's own sentence, or the English one"),
        "\"I cannot answer right now. Please try again in a minute.\"",
        "What people read when no answer can be given.",
    ),
    key(
        "overloaded",
        Text,
        Absent("golive's own sentence, or the English one"),
        "\"Very many people are asking right now. Please try again in a minute.\"",
        "What they read when there are too many requests.",
    ),
];

pub(super) const MESSAGES: Section = Section {
    path: "messages.*",
    doc: "What people are told when an agent cannot answer, by language tag: `[messages.de]`. The request's `Accept-Language` chooses; English stands in.",
    keys: SENTENCES,
};

const CALLEE_RETRY: &[Key] = &retry([Absent(GATEWAY); 5]);
const CALLEE_BREAKER: &[Key] = &breaker([Absent(GATEWAY); 3]);
const CALLEE_QUEUE: &[Key] = &queue([Absent(GATEWAY); 5]);

/// The same tables of agents or models.
macro_rules! of {
    ($retry:ident, $breaker:ident, $queue:ident, $messages:ident, $path:literal) => {
        pub(super) const $retry: Section = Section {
            path: concat!($path, ".retry"),
            doc: "Its own retries.",
            keys: CALLEE_RETRY,
        };
        pub(super) const $breaker: Section = Section {
            path: concat!($path, ".breaker"),
            doc: "Its own breakers.",
            keys: CALLEE_BREAKER,
        };
        pub(super) const $queue: Section = Section {
            path: concat!($path, ".queue"),
            doc: "Its own queue.",
            keys: CALLEE_QUEUE,
        };
        pub(super) const $messages: Section = Section {
            path: concat!($path, ".messages.*"),
            doc: "Its own messages, by language tag.",
            keys: SENTENCES,
        };
    };
}

of!(
    AGENT_RETRY,
    AGENT_BREAKER,
    AGENT_QUEUE,
    AGENT_MESSAGES,
    "agents.*"
);
of!(
    MODEL_RETRY,
    MODEL_BREAKER,
    MODEL_QUEUE,
    MODEL_MESSAGES,
    "models.*"
);
