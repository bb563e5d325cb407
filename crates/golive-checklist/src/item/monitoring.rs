//! Phase 4, monitoring and observability.

use super::{Item, ItemId, Phase, machine, person};

pub(super) const M1: Item = Item {
    id: ItemId::M1,
    phase: Phase::Monitoring,
    title: "Health endpoint",
    why: "Whoever decides about traffic, or is woken at night, needs one place that says truly what is \
          broken.",
    parts: &[
        machine(
            "M1.healthy",
            "When all is well it says so, names every dependency, and shows no secret",
        ),
        machine("M1.refused", "A dependency that refuses is named within seconds"),
        machine(
            "M1.hung",
            "A dependency that hangs is named within seconds, and the answer does not hang",
        ),
        machine("M1.healed", "When the dependency is back, health is too"),
        machine("M1.quiet", "Asking for health makes no paid call"),
    ],
};

pub(super) const M2: Item = Item {
    id: ItemId::M2,
    phase: Phase::Monitoring,
    title: "Key metrics",
    why: "Decisions are made on these numbers; they have to be right, not only there.",
    parts: &[
        machine("M2.requests", "Requests and errors are counted exactly"),
        machine("M2.latency", "Latency is measured as it was"),
        machine("M2.tokens", "Tokens are counted exactly"),
        machine("M2.cost", "Cost is tokens times the price of who answered"),
        machine(
            "M2.gauges",
            "Queue depth, breakers, limits and screens show what is going on",
        ),
    ],
};

pub(super) const M3: Item = Item {
    id: ItemId::M3,
    phase: Phase::Monitoring,
    title: "Alerts: error rate above 5 %, p95 above 10 s, queue above 1,000",
    why: "An alarm that does not ring is useless, and one that rings for nothing is switched off.",
    parts: &[
        machine(
            "M3.errors",
            "Too many errors ring once, and the end of it rings once",
        ),
        machine(
            "M3.latency",
            "Answers that are too slow ring once, and the end of it rings once",
        ),
        machine(
            "M3.queue",
            "A queue that is too long rings once, and the end of it rings once",
        ),
        machine(
            "M3.silence",
            "Just below the line, or with too little to judge, nothing rings",
        ),
        machine("M3.delivery", "An alarm survives an outage of its receiver"),
        machine("M3.heartbeat", "When the alarm itself is dead, that rings"),
        person("M3.pager", "A drill has shown that the pager wakes a person"),
    ],
};

pub(super) const M4: Item = Item {
    id: ItemId::M4,
    phase: Phase::Monitoring,
    title: "Dashboards",
    why: "People run what they can see: traffic, errors, latency, costs and whether users are content, on \
          one page.",
    parts: &[
        machine(
            "M4.figures",
            "The figures shown are those of the traffic just sent",
        ),
        machine("M4.live", "The figures shown are at most seconds old"),
        machine(
            "M4.satisfaction",
            "Ratings that users give are shown as they were given",
        ),
        person("M4.usefulness", "Those who run it find there what they need"),
    ],
};
