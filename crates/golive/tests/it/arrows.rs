//! Holds the arrows between the rooms: who may use whom, and who may touch the outside world.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Each room and the rooms it may use. Arrows point down only; the binary and the repository's own commands
/// are no rooms and may use all.
const ARROWS: &[(&str, &[&str])] = &[
    ("golive-checklist", &[]),
    ("golive-wire", &[]),
    ("golive-screen", &[]),
    ("golive-resilience", &[]),
    ("golive-load", &[]),
    ("golive-config", &["golive-checklist", "golive-resilience"]),
    ("golive-store", &["golive-checklist"]),
    ("golive-lab", &["golive-wire"]),
    (
        "golive-gateway",
        &[
            "golive-checklist",
            "golive-config",
            "golive-wire",
            "golive-screen",
            "golive-resilience",
            "golive-store",
        ],
    ),
    // Reads the gateway's snapshot and drains its events; the gateway never calls back.
    (
        "golive-ops",
        &[
            "golive-checklist",
            "golive-config",
            "golive-store",
            "golive-resilience",
            "golive-gateway",
        ],
    ),
    (
        "golive-prover",
        &[
            "golive-checklist",
            "golive-config",
            "golive-wire",
            "golive-lab",
            "golive-load",
        ],
    ),
];

const NO_ROOM: &[&str] = &["golive", "golive-bench", "xtask"];

/// Rooms that are computations: bytes, numbers and times come in as arguments.
const NO_IO: &[&str] = &[
    "golive-checklist",
    "golive-wire",
    "golive-screen",
    "golive-resilience",
];

/// What such a room must not even list.
const IO: &[&str] = &[
    "tokio",
    "tokio-util",
    "hyper",
    "hyper-util",
    "axum",
    "tower",
    "sqlx",
    "reqwest",
    "rustls",
    "notify",
    "mio",
];

/// A detector, a window or a store shared by the guard and the judge shares its blind spots.
const NEVER_IN_THE_PROVER: &[&str] = &["golive-gateway", "golive-ops", "golive-store", "golive-screen"];

fn rooms() -> Vec<Package> {
    let workspace = MetadataCommand::new()
        .no_deps()
        .exec()
        .expect("cargo describes the workspace");
    workspace
        .packages
        .into_iter()
        .filter(|package| !NO_ROOM.contains(&package.name.as_str()))
        .collect()
}

/// What the room is made of; what only its tests use is free.
fn uses(package: &Package) -> impl Iterator<Item = &str> {
    package
        .dependencies
        .iter()
        .filter(|d| d.kind != DependencyKind::Development)
        .map(|d| d.name.as_str())
}

#[test]
fn rooms_depend_only_along_the_arrows() {
    for room in rooms() {
        let (_, may) = ARROWS
            .iter()
            .find(|(from, _)| *from == room.name.as_str())
            .unwrap_or_else(|| {
                panic!("{} has no arrow: write down whom it may use", room.name);
            });
        for used in uses(&room).filter(|name| name.starts_with("golive")) {
            assert!(may.contains(&used), "{} must not use {used}", room.name);
        }
    }
}

#[test]
fn every_arrow_belongs_to_a_room() {
    let names: BTreeSet<String> = rooms().iter().map(|room| room.name.to_string()).collect();
    for (from, to) in ARROWS {
        assert!(names.contains(*from), "{from} is no room any more");
        assert!(
            to.iter().all(|room| names.contains(*room)),
            "{from} has an arrow to no room"
        );
    }
}

#[test]
fn rooms_that_compute_do_not_touch_the_outside_world() {
    for room in rooms().iter().filter(|room| NO_IO.contains(&room.name.as_str())) {
        for used in uses(room) {
            assert!(
                !IO.contains(&used),
                "{} computes: it must not use {used}",
                room.name
            );
        }
    }
}

#[test]
fn the_prover_never_reaches_the_guards_code_not_even_through_others() {
    let graph: BTreeMap<String, Vec<String>> = rooms()
        .iter()
        .map(|room| (room.name.to_string(), uses(room).map(String::from).collect()))
        .collect();
    let (mut reached, mut next) = (BTreeSet::new(), vec!["golive-prover".to_string()]);
    while let Some(room) = next.pop() {
        assert!(
            !NEVER_IN_THE_PROVER.contains(&room.as_str()),
            "the prover reaches {room}"
        );
        if let Some(used) = graph.get(&room).filter(|_| !reached.contains(&room)) {
            next.extend(used.iter().filter(|name| graph.contains_key(*name)).cloned());
        }
        reached.insert(room);
    }
    assert!(
        reached.contains("golive-lab"),
        "the walk found the rooms that the prover does use: {reached:?}"
    );
}
