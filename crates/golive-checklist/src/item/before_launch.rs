//! What stands between a GO and the launch. These gate `launch`, never `check`.

use super::{Item, ItemId, Phase, machine, person};

pub(super) const L1: Item = Item {
    id: ItemId::L1,
    phase: Phase::BeforeLaunch,
    title: "Smoke test: 50 diverse requests",
    why: "Before customers ask anything, fifty different questions should have been answered without a \
          fault.",
    parts: &[machine(
        "L1.smoke",
        "Fifty diverse requests are answered without one failure",
    )],
};

pub(super) const L2: Item = Item {
    id: ItemId::L2,
    phase: Phase::BeforeLaunch,
    title: "Walkthrough signed off",
    why: "Someone who knows the business sees in ten minutes what no test was written for.",
    parts: &[person(
        "L2.walkthrough",
        "Those who answer for it have walked through it and signed",
    )],
};

pub(super) const L3: Item = Item {
    id: ItemId::L3,
    phase: Phase::BeforeLaunch,
    title: "Documents present and up to date",
    why: "At three in the morning people do what the page says, so there has to be a page, and it has to \
          be true.",
    parts: &[
        machine(
            "L3.present",
            "Every document is there, without gaps or dead links",
        ),
        machine("L3.current", "No document is older than what it describes"),
        person(
            "L3.quality",
            "Someone who did not write the documents has followed them",
        ),
    ],
};

pub(super) const L4: Item = Item {
    id: ItemId::L4,
    phase: Phase::BeforeLaunch,
    title: "Support team briefed",
    why: "The first people to hear of a problem are those who answer the phone; they should not be the \
          last to know.",
    parts: &[
        person("L4.known_issues", "Support knows the known issues"),
        person("L4.contacts", "Support knows whom to call"),
        person("L4.faq", "Support has the questions and answers"),
    ],
};

pub(super) const L5: Item = Item {
    id: ItemId::L5,
    phase: Phase::BeforeLaunch,
    title: "Launch time: off-peak, team present for 4 h",
    why: "Something will be different from the tests; it should happen when few are there and those who \
          can mend it are awake.",
    parts: &[
        machine(
            "L5.window",
            "The launch falls into a quiet window of real traffic",
        ),
        person("L5.team", "The team is present for the four hours after it"),
    ],
};

pub(super) const L6: Item = Item {
    id: ItemId::L6,
    phase: Phase::BeforeLaunch,
    title: "Signed GO record",
    why: "Later someone will ask who decided on what evidence; the answer should not have to be remembered.",
    parts: &[
        machine(
            "L6.record",
            "The record names evidence, budget, owner and every difference to staging",
        ),
        person("L6.signature", "The owner has signed the record"),
    ],
};
