//! E3: the machine of escalation, by plain calls and over any order of them.

use proptest::prelude::*;

use super::*;

fn s(seconds: u64) -> Tick {
    Tick(seconds * 1_000_000)
}

fn policy() -> Policy {
    Policy {
        attempts_within: Duration::from_secs(100),
        answer_within: Duration::from_secs(10),
        idle: Duration::from_secs(1000),
        ..Policy::default()
    }
}

#[test]
fn the_third_failure_hands_over_and_the_second_does_not() {
    let mut one = Conversation::default();
    assert_eq!(one.failed(&policy(), s(1)), None);
    assert_eq!(one.failed(&policy(), s(2)), None);
    assert!(!one.is_with_a_person());
    assert_eq!(one.failed(&policy(), s(3)), Some(Reason::FailedAttempts(3)));
    assert!(one.is_with_a_person());
    assert_eq!(one.failed(&policy(), s(4)), None, "once");
    assert_eq!(one.asked(&policy(), s(4)), None, "whatever the trigger");
}

#[test]
fn failures_long_ago_are_forgotten() {
    let mut one = Conversation::default();
    assert_eq!(one.failed(&policy(), s(1)), None);
    assert_eq!(one.failed(&policy(), s(2)), None);
    assert_eq!(one.failed(&policy(), s(101)), None, "the first is over");
    assert_eq!(one.failed(&policy(), s(101)), Some(Reason::FailedAttempts(3)));
}

#[test]
fn half_a_confidence_is_enough_and_a_hair_less_is_not() {
    let mut one = Conversation::default();
    assert_eq!(one.answered_with(&policy(), 510_000, s(1)), None);
    assert_eq!(one.answered_with(&policy(), 500_000, s(1)), None);
    assert_eq!(
        one.answered_with(&policy(), 499_999, s(1)),
        Some(Reason::LowConfidence(499_999))
    );
}

#[test]
fn a_resolved_conversation_begins_at_nothing_and_may_be_offered_again() {
    let mut one = Conversation::default();
    for at in 1..=3 {
        let _ = one.failed(&policy(), s(at));
    }
    assert!(one.resolve());
    assert!(!one.resolve(), "it was the bot's");
    assert!(one.failures().is_empty());
    assert_eq!(one.failed(&policy(), s(4)), None);
    assert_eq!(one.asked(&policy(), s(5)), Some(Reason::UserAsked));
}

#[test]
fn an_offer_is_overdue_once_and_an_answer_in_time_is_none() {
    let mut late = Conversation::default();
    assert!(late.asked(&policy(), s(0)).is_some());
    assert_eq!(late.pass(&policy(), s(9)), None);
    assert_eq!(late.pass(&policy(), s(10)), Some(Passed::Overdue));
    assert_eq!(late.pass(&policy(), s(11)), None);
    let mut quick = Conversation::default();
    assert!(quick.asked(&policy(), s(0)).is_some());
    assert!(quick.answered(s(5)));
    assert_eq!(quick.pass(&policy(), s(10)), None);
}

#[test]
fn what_was_put_off_waits_again_and_is_overdue_from_then_on() {
    let mut one = Conversation::default();
    assert!(!one.snooze(s(100)), "a bot's conversation is not put off");
    assert!(one.asked(&policy(), s(0)).is_some());
    assert!(one.snooze(s(5000)));
    assert_eq!(one.pass(&policy(), s(4000)), None, "not idle while it is put off");
    assert!(one.is_with_a_person());
    assert_eq!(one.pass(&policy(), s(5000)), Some(Passed::Woken));
    assert_eq!(one.pass(&policy(), s(5009)), None);
    assert_eq!(one.pass(&policy(), s(5010)), Some(Passed::Overdue));
}

#[test]
fn silence_for_long_gives_it_back_and_any_word_keeps_it() {
    let mut one = Conversation::default();
    assert!(one.asked(&policy(), s(0)).is_some());
    assert!(one.answered(s(10)));
    one.spoke(s(900));
    assert_eq!(one.pass(&policy(), s(1010)), None);
    assert_eq!(one.pass(&policy(), s(1900)), Some(Passed::Idle));
    assert!(!one.is_with_a_person());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Failed,
    Asked,
    Confidence(u32),
    Answered,
    Spoke,
    Snooze(u64),
    Resolve,
    Pass,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Failed),
        Just(Step::Asked),
        (0u32..1_000_000).prop_map(Step::Confidence),
        Just(Step::Answered),
        Just(Step::Spoke),
        (0u64..50).prop_map(Step::Snooze),
        Just(Step::Resolve),
        Just(Step::Pass),
    ]
}

proptest! {
    /// Whatever comes in whatever order: between two returns to the bot there is at most one offer, no offer is made
    /// for less than its trigger, and what is kept restores to the same.
    #[test]
    fn one_offer_between_two_returns(steps in proptest::collection::vec((step(), 0u64..30), 1..200)) {
        let policy = policy();
        let (mut one, mut now, mut offers) = (Conversation::default(), 0, 0);
        let mut failed: Vec<u64> = Vec::new();
        for (step, by) in steps {
            now += by;
            let (tick, was) = (s(now), one.is_with_a_person());
            let offered = match step {
                Step::Failed => {
                    if !was {
                        failed.push(now);
                    }
                    let recent = failed.iter().filter(|at| now - **at < 100).count();
                    let offered = one.failed(&policy, tick);
                    prop_assert_eq!(offered.is_some(), !was && recent >= 3);
                    offered
                }
                Step::Asked => one.asked(&policy, tick),
                Step::Confidence(c) => {
                    let offered = one.answered_with(&policy, c, tick);
                    prop_assert_eq!(offered.is_some(), !was && c < 500_000);
                    offered
                }
                Step::Answered => { prop_assert_eq!(one.answered(tick), was); None }
                Step::Spoke => { one.spoke(tick); None }
                Step::Snooze(by) => { prop_assert_eq!(one.snooze(s(now + by)), was); None }
                Step::Resolve => { prop_assert_eq!(one.resolve(), was); offers = 0; failed.clear(); None }
                Step::Pass => {
                    if one.pass(&policy, tick) == Some(Passed::Idle) {
                        offers = 0;
                        failed.clear();
                    }
                    None
                }
            };
            if offered.is_some() {
                prop_assert!(!was && one.is_with_a_person());
                offers += 1;
            }
            prop_assert!(offers <= 1);
            prop_assert_eq!(one.is_with_a_person(), offers == 1);
            let again = Conversation::restored(one.state(), one.failures().to_vec(), one.active());
            prop_assert_eq!(&again, &one);
        }
    }
}
