//! Phase 5, rollback and recovery.

use super::{Item, ItemId, Phase, machine, person};

pub(super) const R1: Item = Item {
    id: ItemId::R1,
    phase: Phase::Recovery,
    title: "One-command rollback in less than 5 min",
    why: "The quickest repair of a bad release is the last good one, if going back has been tried before \
          it is needed.",
    parts: &[
        machine(
            "R1.time",
            "From the command to the last answer of the old version it takes less than declared",
        ),
        machine("R1.failures", "No request fails on the way back"),
        machine("R1.forward", "The way forward again works as well"),
        machine(
            "R1.failing",
            "The rollback works while the bad release is failing",
        ),
        machine("R1.canary", "A new release that does badly goes back by itself"),
        person(
            "R1.irreversible",
            "What no rollback can undo is known and written down",
        ),
    ],
};

pub(super) const R2: Item = Item {
    id: ItemId::R2,
    phase: Phase::Recovery,
    title: "Feature flags and kill switches",
    why: "When one capability does harm it must be possible to stop that one, now, and leave the rest \
          running.",
    parts: &[
        machine(
            "R2.propagation",
            "A change is effective everywhere within the declared time",
        ),
        machine(
            "R2.kill",
            "What was switched off is refused with a message, by direct call too",
        ),
        machine("R2.isolation", "Everything else goes on untouched"),
        machine("R2.audit", "Each change stands in the audit log with its author"),
        machine(
            "R2.outage",
            "When flags cannot be read, the last known or the declared value holds",
        ),
    ],
};
