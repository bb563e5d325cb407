//! Phase 2, performance and reliability.

use super::{Item, ItemId, Phase, machine, person};

pub(super) const P1: Item = Item {
    id: ItemId::P1,
    phase: Phase::Performance,
    title: "p95 below 3 s for simple and 10 s for complex requests at 10× expected traffic",
    why: "The launch is the day when everyone comes at once; it should not be the first day that many have \
          come.",
    parts: &[
        machine(
            "P1.simple",
            "Simple requests stay below the declared p95 at 10× load",
        ),
        machine(
            "P1.complex",
            "Complex requests stay below the declared p95 at 10× load",
        ),
        machine(
            "P1.errors",
            "The error rate stays within its threshold at 10× load",
        ),
        machine("P1.recovery", "After the load the target is as quick as before"),
    ],
};

pub(super) const P2: Item = Item {
    id: ItemId::P2,
    phase: Phase::Performance,
    title: "Timeouts: API 30 s, queue 5 min",
    why: "A provider that hangs must not leave people staring at a blank page, nor work going on that \
          nobody waits for.",
    parts: &[
        machine(
            "P2.first_byte",
            "A provider that says nothing is given up at the declared time",
        ),
        machine(
            "P2.idle",
            "A stream that falls silent is given up at the declared time",
        ),
        machine(
            "P2.total",
            "A provider that drips for ever is given up at the declared time",
        ),
        machine("P2.cancel", "When the client leaves, the call upstream ends too"),
        machine(
            "P2.queue",
            "Who waits in the queue longer than declared is told so",
        ),
    ],
};

pub(super) const P3: Item = Item {
    id: ItemId::P3,
    phase: Phase::Performance,
    title: "Three retries at 1 s, 2 s and 4 s with jitter",
    why: "Most failures are over in a second; asking again politely hides them, and asking again all at \
          once makes them worse.",
    parts: &[
        machine("P3.attempts", "A passing failure is retried as often as declared"),
        machine(
            "P3.timing",
            "The waits between attempts are the declared ones, with jitter",
        ),
        machine(
            "P3.spread",
            "Many callers that fail together do not return together",
        ),
        machine("P3.hints", "A provider that says when to come back is heard"),
        machine("P3.never", "The caller's own mistakes are not retried"),
        machine("P3.once", "A tool with side effects runs once"),
    ],
};

pub(super) const P4: Item = Item {
    id: ItemId::P4,
    phase: Phase::Performance,
    title: "Circuit breaker: opens after 5 failures, tries again after 30 s, closes after 3 successes",
    why: "A provider that is down should be left alone to recover, and people should learn of it at once \
          and not after a minute of waiting.",
    parts: &[
        machine(
            "P4.opens",
            "After the declared failures in a row the provider is left in peace",
        ),
        machine(
            "P4.probe",
            "When the declared time is over exactly one call tries the provider again",
        ),
        machine(
            "P4.closes",
            "After the declared successes the provider is back in service",
        ),
        machine(
            "P4.reopens",
            "A trial call that fails or hangs does not block for ever",
        ),
        machine(
            "P4.counts",
            "Only failures in a row count, and only the provider's own",
        ),
        machine(
            "P4.isolation",
            "One provider's failures leave the others in service",
        ),
    ],
};

pub(super) const P5: Item = Item {
    id: ItemId::P5,
    phase: Phase::Performance,
    title: "Memory leaks checked over 24 h",
    why: "A leak of a little an hour passes every test and ends the service on the third night.",
    parts: &[machine(
        "P5.soak",
        "At constant load memory does not grow towards its limit",
    )],
};

pub(super) const P6: Item = Item {
    id: ItemId::P6,
    phase: Phase::Performance,
    title: "Costs projected at 1×, 5× and 10× traffic",
    why: "Success should not be the reason for an invoice that nobody expected.",
    parts: &[
        machine(
            "P6.projection",
            "The projected cost at 1×, 5× and 10× is within the budget",
        ),
        machine("P6.budget", "Spending stops at the budget"),
        person(
            "P6.approval",
            "Someone who may spend it has approved the projected cost",
        ),
    ],
};
