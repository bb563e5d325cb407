//! P6 against a gateway that keeps its books, and against ones that are wrong in one way.

use golive_checklist::{ItemId, Verdict};

use crate::twin_money::{Flaw, Money};
use crate::world::{assert_verdict, part};

#[tokio::test]
async fn books_that_are_right_and_a_budget_that_holds_pass() {
    let money = Money::start(Flaw::None).await;
    let report = money.prove(ItemId::P6, money.target()).await;
    assert_verdict(&report, "P6.projection", Verdict::Pass);
    assert_verdict(&report, "P6.budget", Verdict::Pass);
    let budget = part(&report, "P6.budget");
    assert_eq!(budget.measured["served_after"], 0);
    // It reserves by the length of the text and settles by the tokens: one request may be dearer than was set aside.
    assert!(budget.measured["spent_usd"].as_f64().unwrap() <= 0.0206);
    let projection = part(&report, "P6.projection");
    assert_eq!(projection.charts.len(), 1);
    assert_eq!(projection.measured["worst_hour_usd"], 3_500.0);
}

#[tokio::test]
async fn each_wrong_book_fails_for_its_own_reason() {
    let cases = [
        (Flaw::NoBudget, "P6.budget", "nothing was refused"),
        (Flaw::LooksOnlyBefore, "P6.budget", "more than the"),
        (Flaw::StreamsFree, "P6.budget", "more than the"),
        (Flaw::StreamsFree, "P6.projection", "as if streams cost nothing"),
        (
            Flaw::CachedInFull,
            "P6.projection",
            "as if cached tokens cost as much as fresh ones",
        ),
        (
            Flaw::UnknownFree,
            "P6.projection",
            "a model without a price is answered",
        ),
        (
            Flaw::RefusedAndSent,
            "P6.budget",
            "reached the provider all the same",
        ),
    ];
    let tried = cases.map(|(flaw, id, why)| async move {
        let money = Money::start(flaw).await;
        let report = money.prove(ItemId::P6, money.target()).await;
        assert_verdict(&report, id, Verdict::Fail);
        let summary = &part(&report, id).summary;
        assert!(summary.contains(why), "{flaw:?} {id}: {summary}");
    });
    // Each has a world of its own; most of the time they wait.
    futures_util::future::join_all(tried).await;
}

#[tokio::test]
async fn a_projection_above_the_budget_fails_and_a_small_sample_proves_nothing() {
    let money = Money::start(Flaw::None).await;
    let mut dear = money.target();
    dear.money.volume = Some(50.0);
    dear.money.budget_role = None;
    let report = money.prove(ItemId::P6, dear).await;
    assert_verdict(&report, "P6.projection", Verdict::Fail);

    let mut few = money.target();
    few.money.sample = Some(money.sample(50));
    few.money.budget_role = None;
    let report = money.prove(ItemId::P6, few).await;
    assert_verdict(&report, "P6.projection", Verdict::Unproven);
}

#[tokio::test]
async fn a_key_that_has_spent_its_budget_and_missing_inputs_prove_nothing() {
    let money = Money::start(Flaw::None).await;
    let first = money.prove(ItemId::P6, money.target()).await;
    assert_verdict(&first, "P6.budget", Verdict::Pass);
    let second = money.prove(ItemId::P6, money.target()).await;
    assert_verdict(&second, "P6.budget", Verdict::Unproven);
    assert!(part(&second, "P6.budget").summary.contains("spent nothing yet"));

    let mut bare = money.target();
    bare.money = golive_config::TargetMoney::default();
    let report = money.prove(ItemId::P6, bare).await;
    for id in ["P6.projection", "P6.budget"] {
        assert_verdict(&report, id, Verdict::Unproven);
    }
    assert_eq!(report.budget.requests_used, 0);
}

#[tokio::test]
async fn a_target_that_says_yes_to_all_gets_no_pass() {
    let money = Money::start(Flaw::YesToAll).await;
    let report = money.prove(ItemId::P6, money.target()).await;
    for id in ["P6.projection", "P6.budget"] {
        let verdict = part(&report, id).verdict();
        assert!(!matches!(verdict, Verdict::Pass), "{id}: {verdict:?}");
    }
}
