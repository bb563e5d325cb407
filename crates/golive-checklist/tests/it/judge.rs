//! From observations to verdicts: what could not be measured never helps.

use golive_checklist::{Rule, Scored, Tally, UnscoredReason, Verdict, judge::Allowance, threshold::Zone};
use proptest::prelude::*;

fn tally(good: u64, bad: u64, unscored: u64) -> Tally {
    let mut tally = Tally::new();
    (0..good).for_each(|_| tally.add_good());
    (0..bad).for_each(|_| tally.add_bad("answered 200"));
    (0..unscored).for_each(|_| tally.add_unscored(&UnscoredReason::Timeout));
    tally
}

fn verdict(good: u64, bad: u64, unscored: u64, rule: &Rule) -> Verdict {
    tally(good, bad, unscored).judge(rule).verdict()
}

fn at_most(per_mille: u16, min_scored: u64) -> Rule {
    Rule {
        allowed_bad: Allowance::PerMille(per_mille),
        ..Rule::all_of(min_scored)
    }
}

#[test]
fn all_held_passes_and_one_that_did_not_fails() {
    assert_eq!(verdict(60, 0, 0, &Rule::default()), Verdict::Pass);
    assert_eq!(verdict(59, 1, 0, &Rule::default()), Verdict::Fail);
    assert_eq!(verdict(0, 1, 0, &Rule::default()), Verdict::Fail);
}

#[test]
fn nothing_counted_and_nothing_but_timeouts_are_unproven_whatever_the_rule() {
    let lenient = Rule {
        min_scored: 0,
        max_unscored_percent: 100,
        allowed_bad: Allowance::PerMille(1000),
    };
    for rule in [Rule::default(), lenient, at_most(50, 0)] {
        assert_eq!(verdict(0, 0, 0, &rule), Verdict::Unproven);
        assert_eq!(verdict(0, 0, 60, &rule), Verdict::Unproven);
    }
}

#[test]
fn fewer_than_the_rule_wants_are_unproven_unless_one_has_already_failed() {
    assert_eq!(verdict(49, 0, 0, &Rule::all_of(50)), Verdict::Unproven);
    assert_eq!(verdict(48, 1, 0, &Rule::all_of(50)), Verdict::Fail);
    // A share needs its samples before it can be exceeded.
    assert_eq!(verdict(0, 1, 0, &at_most(50, 100)), Verdict::Unproven);
}

#[test]
fn more_than_one_in_twenty_unmeasured_is_unproven_and_fewer_are_a_warning() {
    assert_eq!(verdict(95, 0, 5, &Rule::default()), Verdict::Warn);
    assert_eq!(verdict(94, 0, 6, &Rule::default()), Verdict::Unproven);
    assert_eq!(verdict(93, 1, 6, &Rule::default()), Verdict::Fail);
}

#[test]
fn a_share_passes_only_if_it_would_with_every_unmeasured_one_bad() {
    let five_percent = at_most(50, 100);
    assert_eq!(verdict(950, 50, 0, &five_percent), Verdict::Pass);
    assert_eq!(verdict(960, 30, 10, &five_percent), Verdict::Pass);
    assert_eq!(verdict(950, 40, 20, &five_percent), Verdict::Warn);
    assert_eq!(verdict(949, 51, 0, &five_percent), Verdict::Fail);
}

#[test]
fn a_measured_figure_can_lower_a_verdict_and_never_raise_it() {
    let judged = |zone| {
        tally(60, 0, 0)
            .judge(&Rule::default())
            .no_better_than(zone, "p95 2.41 s")
    };
    assert_eq!(judged(Zone::Pass).verdict(), Verdict::Pass);
    assert_eq!(judged(Zone::Warn).verdict(), Verdict::Warn);
    assert_eq!(judged(Zone::NoData).verdict(), Verdict::Unproven);
    assert_eq!(judged(Zone::Fail).verdict(), Verdict::Fail);
    let failed = tally(0, 1, 0)
        .judge(&Rule::default())
        .no_better_than(Zone::Pass, "quick");
    assert_eq!(failed.verdict(), Verdict::Fail);
    assert_eq!(judged(Zone::Pass).summary(), "60 of 60 held; p95 2.41 s");
}

#[test]
fn the_summary_says_what_failed_and_what_was_not_measured_and_why() {
    let mut tally = Tally::new();
    tally.add(Scored::Scored(401), |status| {
        if status == 401 {
            Ok(())
        } else {
            Err("let in".to_owned())
        }
    });
    tally.add(Scored::Scored(200), |status| {
        if status == 401 {
            Ok(())
        } else {
            Err(format!("{status}: let in"))
        }
    });
    tally.add(
        Scored::<u16>::Unscored(UnscoredReason::Transport("reset".to_owned())),
        |_| Ok(()),
    );
    tally.add(
        Scored::<u16>::Unscored(UnscoredReason::Transport("refused".to_owned())),
        |_| Ok(()),
    );
    let judgement = tally.judge(&Rule::default());
    assert_eq!(
        judgement.summary(),
        "1 of 2 held; 1 did not (200: let in); 2 could not be measured (2 × connection failed: reset)"
    );
    assert_eq!((judgement.scored(), judgement.unscored()), (2, 2));
    assert_eq!(tally.unscored_by_kind().collect::<Vec<_>>(), [("transport", 2)]);
    let nothing = Tally::new().judge(&Rule::default());
    assert_eq!(nothing.summary(), "0 of 0 held; nothing could be measured");
}

#[test]
fn what_a_hostile_target_says_stays_short_and_is_kept_a_few_times_only() {
    let mut tally = Tally::new();
    for _ in 0..1000 {
        tally.add_bad("ü".repeat(100_000));
        tally.add_unscored(&UnscoredReason::Unexpected("ü".repeat(100_000)));
    }
    assert!(tally.judge(&Rule::default()).summary().chars().count() < 1200);
}

#[test]
fn an_observation_keeps_its_reason_on_every_way() {
    let lost: Scored<u32> = Scored::Unscored(UnscoredReason::Truncated);
    assert_eq!(
        lost.clone().map(|n| n + 1),
        Scored::Unscored(UnscoredReason::Truncated)
    );
    assert_eq!(lost.into_result(), Err(UnscoredReason::Truncated));
    assert_eq!(Scored::from(Ok(1)).map(|n| n + 1), Scored::Scored(2));
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let allowance = prop_oneof![
        (0u64..20).prop_map(Allowance::Count),
        (0u16..=1000).prop_map(Allowance::PerMille)
    ];
    (0u64..40, 0u8..=100, allowance).prop_map(|(min_scored, max_unscored_percent, allowed_bad)| Rule {
        min_scored,
        max_unscored_percent,
        allowed_bad,
    })
}

proptest! {
    #[test]
    fn one_more_timeout_never_makes_a_verdict_better(
        rule in any_rule(), good in 0u64..60, bad in 0u64..60, unscored in 0u64..60, more in 1u64..200,
    ) {
        prop_assert!(verdict(good, bad, unscored + more, &rule) >= verdict(good, bad, unscored, &rule));
    }

    #[test]
    fn timing_out_instead_of_answering_never_leads_to_a_pass(
        rule in any_rule(), good in 0u64..60, bad in 0u64..60, unscored in 0u64..60,
        (less_good, less_bad) in (0u64..60, 0u64..60),
    ) {
        let (less_good, less_bad) = (less_good.min(good), less_bad.min(bad));
        let hidden = verdict(good - less_good, bad - less_bad, unscored + less_good + less_bad, &rule);
        if verdict(good, bad, unscored, &rule) != Verdict::Pass {
            prop_assert_ne!(hidden, Verdict::Pass);
        }
    }

    #[test]
    fn a_target_that_times_out_on_everything_is_unproven_by_every_rule(rule in any_rule(), calls in 0u64..300) {
        prop_assert_eq!(verdict(0, 0, calls, &rule), Verdict::Unproven);
    }

    #[test]
    fn one_more_that_did_not_hold_never_helps(
        rule in any_rule(), good in 0u64..60, bad in 0u64..60, unscored in 0u64..60,
    ) {
        if verdict(good, bad, unscored, &rule) == Verdict::Fail {
            prop_assert_eq!(verdict(good, bad + 1, unscored, &rule), Verdict::Fail);
        }
        if let Allowance::Count(_) = rule.allowed_bad && verdict(good, bad + 1, unscored, &rule) == Verdict::Pass {
            // It can only have been the sample that was missing.
            prop_assert!(matches!(verdict(good, bad, unscored, &rule), Verdict::Pass | Verdict::Unproven));
        }
    }

    #[test]
    fn the_judgement_carries_every_unmeasured_observation(
        rule in any_rule(), good in 0u64..60, bad in 0u64..60, unscored in 0u64..60,
    ) {
        let judgement = tally(good, bad, unscored).judge(&rule);
        prop_assert_eq!(judgement.unscored(), unscored);
        prop_assert_eq!(judgement.scored(), good + bad);
        let told = judgement.summary().contains(&format!("{unscored} could not be measured"));
        prop_assert_eq!(told, unscored > 0);
    }

    #[test]
    fn two_tallies_together_are_one(
        a in (0u64..9, 0u64..9, 0u64..9), b in (0u64..9, 0u64..9, 0u64..9),
    ) {
        let mut merged = tally(a.0, a.1, a.2);
        merged.merge(&tally(b.0, b.1, b.2));
        prop_assert_eq!(merged, tally(a.0 + b.0, a.1 + b.1, a.2 + b.2));
    }
}
