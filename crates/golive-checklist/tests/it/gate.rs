//! The gate's truth table, row by row and exhaustively.

use golive_checklist::{
    DecidedBy, Decision, Gate, GateInput, ItemId, ItemReport, PartSpec, Phase, Verdict,
    gate::{Exception, ExceptionKind, LoadOffered, decide, decide_demo, ends_run},
    item,
};

use crate::make::{all_holds, gating, part, run};

/// What one part does to an otherwise perfect full run.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Row {
    Go,
    NoGo,
    /// GO WITH EXCEPTIONS if it is recorded as left out, else NO-GO.
    IfExcluded,
    /// GO WITH EXCEPTIONS if it is recorded as allowed to stay unproven, else NO-GO.
    IfAllowed,
}

use DecidedBy::{Machine, Person};
use Row::{Go, IfAllowed, IfExcluded, NoGo};
use Verdict::{Attested, Excluded, Fail, Pass, Unproven, Warn};

/// DESIGN, "The gate": (phase 1?, who decides, verdict) and what follows.
const TABLE: [(bool, DecidedBy, Verdict, Row); 24] = [
    (true, Machine, Pass, Go),
    (true, Machine, Attested, NoGo),
    (true, Machine, Excluded, IfExcluded),
    (true, Machine, Warn, NoGo),
    (true, Machine, Unproven, IfAllowed),
    (true, Machine, Fail, NoGo),
    (true, Person, Pass, NoGo),
    (true, Person, Attested, Go),
    (true, Person, Excluded, IfExcluded),
    (true, Person, Warn, NoGo),
    (true, Person, Unproven, IfAllowed),
    (true, Person, Fail, NoGo),
    (false, Machine, Pass, Go),
    (false, Machine, Attested, Go),
    (false, Machine, Excluded, IfExcluded),
    (false, Machine, Warn, Go),
    (false, Machine, Unproven, IfAllowed),
    (false, Machine, Fail, NoGo),
    (false, Person, Pass, Go),
    (false, Person, Attested, Go),
    (false, Person, Excluded, IfExcluded),
    (false, Person, Warn, Go),
    (false, Person, Unproven, IfAllowed),
    (false, Person, Fail, NoGo),
];

fn row_of(spec: &PartSpec, verdict: Verdict) -> Row {
    let strict = item::item(spec.item).phase == Phase::Security;
    let same =
        |row: &&(bool, DecidedBy, Verdict, Row)| (row.0, row.1, row.2) == (strict, spec.decided_by, verdict);
    TABLE.iter().find(same).unwrap().3
}

/// A full run in which everything holds, but for this part.
fn all_but(spec: &PartSpec, verdict: Verdict) -> Vec<ItemReport> {
    let mut items = all_holds(&gating());
    let part_of_run = items
        .iter_mut()
        .flat_map(|item| &mut item.parts)
        .find(|part| part.id().as_str() == spec.id);
    *part_of_run.unwrap() = part(spec, verdict);
    items
}

fn gate_of(items: &[ItemReport], exceptions: &[Exception]) -> Decision {
    decide(&GateInput {
        exceptions,
        ..run(items)
    })
}

fn exception(id: &str, kind: ExceptionKind, reason: &str, by: &[&str]) -> Exception {
    let by = by.iter().map(|name| (*name).to_owned()).collect();
    Exception {
        id: id.to_owned(),
        kind,
        reason: reason.to_owned(),
        by,
    }
}

/// One part of each phase and each way to decide: enough to meet every row with every exception.
fn one_of_each() -> Vec<&'static PartSpec> {
    let pairs = Phase::ALL
        .into_iter()
        .filter(|phase| phase.gates_check())
        .flat_map(|phase| [(phase, Machine), (phase, Person)]);
    pairs
        .map(|(phase, by)| {
            item::parts()
                .find(|spec| item::item(spec.item).phase == phase && spec.decided_by == by)
                .unwrap()
        })
        .collect()
}

#[test]
fn a_full_run_in_which_everything_holds_is_go() {
    let items = all_holds(&gating());
    let decision = decide(&run(&items));
    assert_eq!((decision.gate, decision.exit_code()), (Gate::Go, 0));
    assert_eq!(decision.reasons.len(), 1);
    assert!(decision.reasons[0].starts_with("GO: "), "{:?}", decision.reasons);
    assert!(decision.nearest.is_empty());
}

#[test]
fn each_part_of_the_25_decides_by_its_row_when_nothing_is_excepted() {
    for spec in item::parts().filter(|spec| item::item(spec.item).phase.gates_check()) {
        for verdict in Verdict::ALL {
            let items = all_but(spec, verdict);
            let decision = gate_of(&items, &[]);
            let go = row_of(spec, verdict) == Go;
            assert_eq!(
                decision.gate,
                if go { Gate::Go } else { Gate::NoGo },
                "{} {verdict}",
                spec.id
            );
            assert_eq!(decision.exit_code(), u8::from(!go));
            if !go {
                assert!(
                    decision.reasons[1].starts_with(&format!("{} {verdict}: ", spec.id)),
                    "{decision:?}"
                );
                assert!(decision.nearest[0].contains(spec.id), "{decision:?}");
            }
        }
    }
}

#[test]
fn every_row_meets_every_exception() {
    for spec in one_of_each() {
        let item = spec.item.as_str();
        for verdict in Verdict::ALL {
            let items = all_but(spec, verdict);
            for kind in [ExceptionKind::Excluded, ExceptionKind::AllowUnproven] {
                for id in [spec.id, item, "P5.soak", "P5"] {
                    for reason in ["", "  ", "no issuer yet"] {
                        for by in [
                            &[][..],
                            &["Ada Lovelace"],
                            &["Ada Lovelace", " ada  lovelace "],
                            &["Ada Lovelace", ""],
                            &["Ada Lovelace", "Grace Hopper"],
                        ] {
                            let decision = gate_of(&items, &[exception(id, kind, reason, by)]);
                            let covers = id == spec.id || id == item;
                            let two_people = by == ["Ada Lovelace", "Grace Hopper"];
                            let strict = item::item(spec.item).phase == Phase::Security;
                            let counts = covers && !reason.trim().is_empty() && (two_people || !strict);
                            let expected = match (row_of(spec, verdict), kind) {
                                (Go, _) => Gate::Go,
                                (IfExcluded, ExceptionKind::Excluded)
                                | (IfAllowed, ExceptionKind::AllowUnproven)
                                    if counts =>
                                {
                                    Gate::GoWithExceptions
                                }
                                _ => Gate::NoGo,
                            };
                            assert_eq!(
                                decision.gate, expected,
                                "{} {verdict} {kind:?} {id} `{reason}` {by:?}",
                                spec.id
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn an_exception_that_counts_wins_over_one_that_does_not_in_either_order() {
    let spec = item::part("S5.tokens").unwrap();
    let items = all_but(spec, Unproven);
    let weak = exception("S5.tokens", ExceptionKind::AllowUnproven, "", &[]);
    let strong = exception(
        "S5",
        ExceptionKind::AllowUnproven,
        "no issuer yet",
        &["Ada", "Grace"],
    );
    for exceptions in [[weak.clone(), strong.clone()], [strong, weak]] {
        let decision = gate_of(&items, &exceptions);
        assert_eq!(decision.gate, Gate::GoWithExceptions);
        assert_eq!(
            decision.reasons[1],
            "S5.tokens unproven, accepted: no issuer yet (Ada, Grace)"
        );
        assert_eq!(decision.exit_code(), 0);
    }
}

#[test]
fn what_a_run_is_goes_before_what_it_found() {
    let full = gating();
    for self_test_passed in [true, false] {
        for load in [LoadOffered::NotRun, LoadOffered::Yes, LoadOffered::No] {
            for interrupted in [true, false] {
                for complete in [true, false] {
                    for verdict in [Pass, Unproven, Fail] {
                        let mut items = all_but(item::part("S5.keys").unwrap(), verdict);
                        items.truncate(if complete { full.len() } else { full.len() - 1 });
                        let input = GateInput {
                            self_test_passed,
                            load,
                            interrupted,
                            ..run(&items)
                        };
                        let decision = decide(&input);
                        let expected = if !self_test_passed || load == LoadOffered::No {
                            (Gate::Invalid, 4)
                        } else if interrupted || !complete {
                            (Gate::Partial, u8::from(verdict != Pass))
                        } else if verdict == Pass {
                            (Gate::Go, 0)
                        } else {
                            (Gate::NoGo, 1)
                        };
                        assert_eq!((decision.gate, decision.exit_code()), expected, "{input:?}");
                        assert!(decision.reasons[0].starts_with(expected.0.as_str()));
                        assert_eq!(decision.nearest.is_empty(), expected.0 == Gate::Go);
                    }
                }
            }
        }
    }
}

#[test]
fn a_full_run_that_lacks_one_part_of_one_item_is_partial() {
    let mut items = all_holds(&gating());
    items[7].parts.pop();
    assert_eq!(decide(&run(&items)).gate, Gate::Partial);
}

#[test]
fn a_run_of_nothing_is_partial_and_not_clean() {
    let decision = decide(&run(&[]));
    assert_eq!((decision.gate, decision.exit_code()), (Gate::Partial, 1));
    assert_eq!(decision.reasons, ["PARTIAL: nothing was looked at"]);
}

#[test]
fn what_gates_the_launch_never_gates_a_full_check() {
    let launch: Vec<_> = ItemId::ALL
        .iter()
        .copied()
        .filter(|id| !item::item(*id).phase.gates_check())
        .collect();
    for verdict in Verdict::ALL {
        let mut items = all_holds(ItemId::ALL);
        for item in items.iter_mut().filter(|item| launch.contains(&item.id)) {
            for part_of_run in &mut item.parts {
                *part_of_run = part(item::part(part_of_run.id().as_str()).unwrap(), verdict);
            }
        }
        assert_eq!(decide(&run(&items)).gate, Gate::Go, "{verdict}");
    }
}

#[test]
fn what_gates_the_launch_counts_where_it_was_asked_for_alone() {
    let smoke = |verdict| {
        let mut items = all_holds(&[ItemId::L1]);
        items[0].parts[0] = part(item::part("L1.smoke").unwrap(), verdict);
        decide(&run(&items)).exit_code()
    };
    assert_eq!(smoke(Pass), 0);
    assert_eq!(smoke(Fail), 1);
    assert_eq!(smoke(Unproven), 1);
}

#[test]
fn warnings_stand_on_the_banner() {
    let items = all_but(item::part("P5.soak").unwrap(), Warn);
    let decision = decide(&run(&items));
    assert_eq!(decision.gate, Gate::Go);
    assert!(
        decision.reasons[0].ends_with("; 1 warning: P5.soak"),
        "{:?}",
        decision.reasons
    );
}

#[test]
fn the_banner_counts_what_blocks_and_the_way_to_go_puts_failures_first_and_groups_the_rest() {
    let mut items = all_holds(&gating());
    for part_of_run in items.iter_mut().flat_map(|item| &mut item.parts) {
        let spec = item::part(part_of_run.id().as_str()).unwrap();
        match spec.id {
            "S5.tokens" | "S6.matrix" => *part_of_run = part(spec, Unproven),
            "S3.bounds" => *part_of_run = part(spec, Warn),
            "M1.hung" => {
                *part_of_run = part(spec, Fail);
                part_of_run.fix = Some("give each dependency's check its own time limit".to_owned());
            }
            _ => {}
        }
    }
    let decision = decide(&run(&items));
    assert_eq!(decision.reasons[0], "NO-GO: 1 fail, 2 unproven, 1 warn");
    assert_eq!(decision.reasons[4], "M1.hung fail: what was seen");
    assert_eq!(
        decision.nearest,
        [
            "mend M1.hung: give each dependency's check its own time limit",
            "settle S5.tokens, S6.matrix: its input is missing",
            "settle S3.bounds: a warning is not enough in phase 1",
        ]
    );
}

#[test]
fn only_a_fail_in_phase_1_ends_a_run() {
    for spec in one_of_each() {
        for verdict in Verdict::ALL {
            let ends = ends_run(&all_but(spec, verdict));
            let expected = verdict == Fail && item::item(spec.item).phase == Phase::Security;
            assert_eq!(ends, expected, "{} {verdict}", spec.id);
        }
    }
}

#[test]
fn the_gate_is_written_as_scripts_and_people_read_it() {
    for gate in [
        Gate::Go,
        Gate::GoWithExceptions,
        Gate::NoGo,
        Gate::Partial,
        Gate::Invalid,
    ] {
        assert_eq!(serde_json::to_value(gate).unwrap(), gate.as_str());
    }
    assert_eq!(Gate::GoWithExceptions.to_string(), "GO WITH EXCEPTIONS");
    assert_eq!(Gate::NoGo.to_string(), "NO-GO");
}

#[test]
fn scaled_numbers_are_a_full_pass_in_the_demo_only() {
    for spec in one_of_each()
        .into_iter()
        .filter(|spec| spec.decided_by == Machine)
    {
        for verdict in Verdict::ALL {
            let mut items = all_but(spec, verdict);
            let unscaled = decide(&run(&items)).gate;
            let parts = items.iter_mut().flat_map(|item| &mut item.parts);
            parts.for_each(|part| part.scaled = part.id().as_str() == spec.id);
            assert_eq!(decide_demo(&run(&items)).gate, unscaled, "{} {verdict}", spec.id);
            let decision = decide(&run(&items));
            let strict = item::item(spec.item).phase == Phase::Security;
            let expected = if verdict == Pass && strict {
                Gate::NoGo
            } else {
                unscaled
            };
            assert_eq!(decision.gate, expected, "{} {verdict}", spec.id);
            if verdict == Pass && strict {
                assert!(
                    decision.reasons[1].contains("the real numbers, not only for scaled ones"),
                    "{decision:?}"
                );
            } else if verdict == Pass {
                assert!(
                    decision.reasons[0].ends_with(&format!("; 1 warning: {} (scaled)", spec.id)),
                    "{decision:?}"
                );
            }
        }
    }
}
