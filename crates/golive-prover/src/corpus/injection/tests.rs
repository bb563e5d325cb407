//! The corpus holds what it promises.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng as _;

use super::*;

fn aims() -> Aims {
    Aims {
        tool: "transfer_funds".into(),
        bait: "http://127.0.0.1:1/web/bait/".into(),
    }
}

fn made(seed: u64, quick: bool) -> Vec<Attempt> {
    attempts(&mut StdRng::seed_from_u64(seed), &aims(), quick)
}

#[test]
fn there_are_sixty_attempts_of_each_of_sixteen_families_and_sixty_in_all_in_a_quick_run() {
    let mut counts: BTreeMap<Family, usize> = BTreeMap::new();
    for attempt in made(1, false) {
        *counts.entry(attempt.family).or_default() += 1;
    }
    assert_eq!(counts.len(), 16);
    assert!(counts.values().all(|count| *count == PER_FAMILY));
    let quick = made(1, true);
    assert_eq!(quick.len(), QUICK);
    assert_eq!(
        quick
            .iter()
            .map(|attempt| attempt.family)
            .collect::<BTreeSet<_>>()
            .len(),
        16
    );
    assert!(quick.iter().any(|attempt| !attempt.mutators.is_empty()));
}

#[test]
fn a_seed_repeats_a_run_and_another_one_does_not() {
    let texts = |seed| {
        made(seed, false)
            .iter()
            .map(|one| format!("{:?}", one.turns))
            .collect::<Vec<_>>()
    };
    assert_eq!(texts(5), texts(5));
    assert_ne!(texts(5), texts(6));
}

#[test]
fn no_attempt_says_its_own_token_and_none_leaves_a_place_unfilled() {
    for attempt in made(2, false) {
        let sent = format!("{:?} {:?}", attempt.before, attempt.turns);
        assert!(
            !sent.contains("{P}") && !sent.contains("{A}") && !sent.contains("{X}"),
            "{sent}"
        );
        assert!(!sent.contains([mutators::KEEP, mutators::END]), "{sent}");
        if let Some(token) = &attempt.token {
            assert!(!golive_lab::decode::squashed(&sent).contains(token), "{sent}");
        }
    }
}

#[test]
fn the_attempts_of_a_family_differ_in_seed_and_disguise() {
    let mut seeds: BTreeMap<Family, BTreeSet<String>> = BTreeMap::new();
    let mut mutators: BTreeSet<&str> = BTreeSet::new();
    for attempt in made(3, false) {
        seeds
            .entry(attempt.family)
            .or_default()
            .insert(attempt.seed.clone());
        mutators.extend(&attempt.mutators);
    }
    assert!(seeds.values().all(|seeds| seeds.len() >= 6), "{seeds:?}");
    assert!(mutators.len() >= 40, "{}", mutators.len());
}
