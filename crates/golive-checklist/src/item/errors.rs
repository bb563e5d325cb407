//! Phase 3, error handling and fallbacks.

use super::{Item, ItemId, Phase, machine, person};

pub(super) const E1: Item = Item {
    id: ItemId::E1,
    phase: Phase::Errors,
    title: "Graceful degradation messages",
    why: "When something breaks people forgive a plain sentence, and neither forgive nor should they see a \
          stack trace.",
    parts: &[
        machine(
            "E1.sentence",
            "Every failure is told in a sentence that a person understands",
        ),
        machine(
            "E1.wire",
            "Every failure arrives in the caller's own format, in streams too",
        ),
        machine(
            "E1.leaks",
            "No failure gives away an internal name, address or trace",
        ),
        person(
            "E1.tone",
            "The failure messages sound like the house that speaks them",
        ),
    ],
};

pub(super) const E2: Item = Item {
    id: ItemId::E2,
    phase: Phase::Errors,
    title: "Error log with context",
    why: "A failure that left no trace will come back, and a trace that names the user in clear is a \
          failure of its own.",
    parts: &[
        machine("E2.found", "A failure that was provoked is found in the log"),
        machine(
            "E2.fields",
            "The entry of a failure has every field that explains it",
        ),
        machine(
            "E2.privacy",
            "No user and no personal data stands in the log in clear",
        ),
    ],
};

pub(super) const E3: Item = Item {
    id: ItemId::E3,
    phase: Phase::Errors,
    title: "Human escalation: 3 failed attempts, \"talk to a human\", confidence below 0.5",
    why: "Someone who is not getting anywhere with a machine must reach a person, and that person must \
          know what was said.",
    parts: &[
        machine(
            "E3.attempts",
            "The declared number of failed attempts hands over to a person",
        ),
        machine(
            "E3.phrase",
            "Asking for a person hands over to one, in several languages",
        ),
        machine(
            "E3.confidence",
            "An answer below the declared confidence hands over to a person",
        ),
        machine(
            "E3.near_misses",
            "What only resembles a trigger does not hand over",
        ),
        machine(
            "E3.delivery",
            "Each hand-over arrives exactly once, also after an outage",
        ),
        machine(
            "E3.reply",
            "The person's reply reaches the user, and the machine keeps silent meanwhile",
        ),
        person("E3.staffing", "The inbox is staffed during the declared hours"),
    ],
};

pub(super) const E4: Item = Item {
    id: ItemId::E4,
    phase: Phase::Errors,
    title: "Model fallback chain",
    why: "Providers have bad days, and another one that answers is better than none that apologises.",
    parts: &[
        machine(
            "E4.order",
            "When a provider is down the next one of the chain answers",
        ),
        machine(
            "E4.validity",
            "The answer of a fallback is valid in the caller's format",
        ),
        machine(
            "E4.settlement",
            "The record names who answered, at that provider's price",
        ),
        machine(
            "E4.return",
            "When the first provider is well again it is used again",
        ),
        machine(
            "E4.caller_errors",
            "The caller's own mistakes do not travel down the chain",
        ),
    ],
};

pub(super) const E5: Item = Item {
    id: ItemId::E5,
    phase: Phase::Errors,
    title: "Queue overflow",
    why: "A queue without an end turns a busy minute into an hour of answers to people who have long left.",
    parts: &[
        machine(
            "E5.refusal",
            "The excess is refused at once, with a message and a time to come back",
        ),
        machine("E5.completion", "Everything that was accepted is answered, once"),
        machine("E5.priority", "What matters more goes first"),
        machine("E5.fairness", "One busy user does not push the others out"),
    ],
};
