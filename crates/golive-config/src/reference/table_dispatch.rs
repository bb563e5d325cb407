//! P2, P3, P4, E4: the rows of what a target claims of the way to its models.

use super::Kind::{Choice, Count, Flag, Names, Text};
use super::Preset::{Absent, Is};
use super::{HOUR, Section, key, millis};

pub(super) const LINKS: Section = Section {
    path: "targets.*.links",
    doc: "Which of its model names lead down which chain. P3, P4 and E4 break links on purpose: give them names of their own, and the other proofs never meet a breaker that is open.",
    keys: &[
        key(
            "one",
            Names,
            Absent("`model` is taken for one"),
            "[\"line-1\", \"line-2\", \"line-3\", \"line-4\"]",
            "P2, P3, P4: models whose chain has one link each, to `lab_provider`, every one with a breaker of its own. With four of them the proofs of the breaker run side by side.",
        ),
        key(
            "chain",
            Text,
            Absent("E4 is unproven"),
            "\"fallback\"",
            "E4: a model whose chain has several links.",
        ),
        key(
            "providers",
            Names,
            Absent("required with `chain`"),
            "[\"alpha\", \"beta\", \"gamma\"]",
            "E4: the lab's virtual providers behind `chain`, in its order. No other model should lead to them.",
        ),
        key(
            "names",
            Names,
            Absent("as `providers`"),
            "[\"alpha/big\", \"beta/claude\", \"gamma/small\"]",
            "E4: how records and headers name those links, in the same order.",
        ),
        key(
            "prices",
            Names,
            Absent("the price of a fallback is unproven"),
            "[\"2.50/10\", \"3/15\", \"0.15/0.60\"]",
            "E4: what those links cost, in the same order: dollars for a million input tokens, a slash, for a million output tokens.",
        ),
        key(
            "queued",
            Text,
            Absent("P2.queue is unproven"),
            "\"narrow\"",
            "P2, E5: a model that serves only `queue.concurrency` calls at a time, to `lab_provider`; the others wait. Without it E5 fills the queue of `model`.",
        ),
    ],
};

pub(super) const RETRY: Section = Section {
    path: "targets.*.declares.retry",
    doc: "P3: its retries.",
    keys: &[
        key(
            "backoff",
            Names,
            Is("[\"1s\", \"2s\", \"4s\"]"),
            "[\"100ms\", \"200ms\", \"400ms\"]",
            "The waits before the retries; their number is the number of retries.",
        ),
        key(
            "jitter",
            Text,
            Is("\"20%\""),
            "\"50%\"",
            "Each wait is longer or shorter by up to this share of it.",
        ),
        key(
            "idempotent",
            Flag,
            Absent("true, but for `http`"),
            "true",
            "Whatever failed may be sent again. If not, only a 429, or a 503 that says when to come back, is.",
        ),
    ],
};

pub(super) const BREAKER: Section = Section {
    path: "targets.*.declares.breaker",
    doc: "P4: its circuit breaker, one for each link.",
    keys: &[
        key(
            "failures",
            Count(1, 1_000),
            Is("5"),
            "3",
            "It opens after so many failures in a row.",
        ),
        key(
            "open",
            millis(100, HOUR),
            Is("\"30s\""),
            "\"2s\"",
            "It stays open for so long.",
        ),
        key(
            "successes",
            Count(1, 1_000),
            Is("3"),
            "1",
            "It closes after so many good trial calls.",
        ),
        key("probes", Count(1, 100), Is("1"), "10", "Trial calls at a time."),
        key(
            "counts",
            Choice(&["attempts", "calls"]),
            Is("\"attempts\""),
            "\"calls\"",
            "What it counts: each attempt at the provider, or each call of a caller with all its retries.",
        ),
    ],
};
