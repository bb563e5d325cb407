//! The frame around the proofs: what ends a run, what is left out, what is never sent.

use std::net::SocketAddr;
use std::sync::Arc;

use golive_checklist::gate::{Exception, ExceptionKind, Gate};
use golive_checklist::{ItemId, Verdict};
use golive_config::{Target, TargetFormat};
use golive_prover::{CheckError, CheckOptions, EXIT_UNREACHABLE, Selection, check};
use tokio_util::sync::CancellationToken;

use crate::world::{Twin, World, assert_verdict, part};

fn only(items: &[ItemId]) -> Selection {
    Selection {
        items: items.to_vec(),
        phases: Vec::new(),
    }
}

#[tokio::test]
async fn a_fail_in_phase_1_ends_the_run_and_the_rest_says_so() {
    let world = World::start(Twin::KeyInQuery).await;
    let mut options = CheckOptions::new(Arc::new(world.target()), 7);
    options.selection = only(&[ItemId::S5, ItemId::P2]);
    let checked = check(options, CancellationToken::new()).await.unwrap();
    assert_verdict(&checked.report, "S5.keys", Verdict::Fail);
    let later = part(&checked.report, "P2.idle");
    assert_eq!(later.verdict(), Verdict::Unproven);
    assert!(later.summary.contains("--keep-going"), "{}", later.summary);
    assert_eq!(checked.exit_code, 1);
}

#[tokio::test]
async fn a_run_of_some_items_is_partial_and_never_go() {
    let world = World::start(Twin::Good).await;
    let report = world.prove(ItemId::S5, world.target()).await;
    assert_eq!(report.gate, Gate::Partial);
    assert_eq!(
        report.items.len(),
        1,
        "only what was asked for stands in the report"
    );
}

#[tokio::test]
async fn an_excluded_item_is_not_run_and_stands_there_with_its_reason() {
    let world = World::start(Twin::KeyInQuery).await;
    let mut options = CheckOptions::new(Arc::new(world.target()), 7);
    options.selection = only(&[ItemId::S5]);
    options.exceptions = vec![Exception {
        id: "S5".into(),
        kind: ExceptionKind::Excluded,
        reason: "authentication is the platform's".into(),
        by: vec!["Ada".into(), "Grace".into()],
    }];
    let report = check(options, CancellationToken::new()).await.unwrap().report;
    assert_verdict(&report, "S5.keys", Verdict::Excluded);
    assert_eq!(
        report.budget.requests_used, 0,
        "nothing is sent for what is left out"
    );
}

#[tokio::test]
async fn a_budget_that_runs_out_leaves_unproven_parts_and_no_request_more() {
    let world = World::start(Twin::Good).await;
    let mut target = world.target();
    target.budget.requests = 20;
    let report = world.prove(ItemId::S5, target).await;
    assert_verdict(&report, "S5.keys", Verdict::Unproven);
    assert_eq!(report.budget.requests_used, 20);
    assert!(
        report
            .run_warnings
            .iter()
            .any(|warning| warning.contains("raise budget.requests"))
    );
}

#[tokio::test]
async fn attack_and_load_proofs_send_nothing_to_a_target_that_is_not_staging() {
    let world = World::start(Twin::Good).await;
    let mut target = world.target();
    target.staging = false;
    let attacking: Vec<ItemId> = golive_prover::proofs::PROOFS
        .iter()
        .filter(|proof| proof.attacks)
        .map(|proof| proof.item)
        .collect();
    assert!(!attacking.is_empty());
    let mut options = CheckOptions::new(Arc::new(target), 7);
    options.selection = only(&attacking);
    options.keep_going = true;
    let report = check(options, CancellationToken::new()).await.unwrap().report;
    assert_eq!(report.budget.requests_used, 0);
    for part in report.items.iter().flat_map(|item| &item.parts) {
        assert_ne!(part.verdict(), Verdict::Pass, "{}", part.id());
    }
    assert!(
        report
            .run_warnings
            .iter()
            .any(|warning| warning.contains("--i-own-this"))
    );
}

#[tokio::test]
async fn the_plan_says_what_is_missing_and_sends_nothing() {
    let world = World::start(Twin::Good).await;
    let plan = golive_prover::plan(&world.target(), &only(&[ItemId::S5]), false);
    let line = |id: &str| plan.parts.iter().find(|part| part.id == id).unwrap();
    assert!(line("S5.keys").provable && line("S5.keys").requests > 100);
    assert!(
        line("S5.revocation")
            .missing
            .as_deref()
            .unwrap()
            .contains("commands.revoke")
    );
    assert!(line("S5.tokens").missing.is_some());
    assert_eq!(world.lab.timeline().counts().seq, 0);
}

#[tokio::test]
async fn the_plan_warns_of_a_limit_that_one_user_meets_at_once() {
    let world = World::start(Twin::Good).await;
    let warns = |target: &Target| {
        let plan = golive_prover::plan(target, &only(&[ItemId::S5]), false);
        plan.warnings
            .iter()
            .any(|warning| warning.contains("100/h per user"))
    };
    let mut target = world.target();
    target.credentials.remove("service");
    target.declares.user_limit = Some("100/h".parse().unwrap());
    assert!(warns(&target));
    target.declares.user_limit = Some("20/10s".parse().unwrap());
    assert!(!warns(&target), "a scaled limit is waited for");
    target.declares.user_limit = None;
    assert!(!warns(&target), "no limit, nothing to meet");
}

#[tokio::test]
async fn a_target_that_is_not_there_is_told_apart_from_one_that_fails() {
    // A port that was free a moment ago, and a lab that is not one.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr: SocketAddr = free.local_addr().unwrap();
    drop(free);
    let target = Target::bare(
        "gone",
        format!("http://{addr}").parse().unwrap(),
        TargetFormat::OpenAi,
    );
    let error = check(CheckOptions::new(Arc::new(target), 1), CancellationToken::new())
        .await
        .unwrap_err();
    assert!(matches!(error, CheckError::Unreachable { .. }));
    assert_eq!(error.exit_code(), EXIT_UNREACHABLE);
    assert!(error.to_string().contains(&addr.to_string()), "{error}");

    let world = World::start(Twin::Good).await;
    let mut target = world.target();
    target.lab_url = Some(format!("http://{addr}").parse().unwrap());
    let error = check(CheckOptions::new(Arc::new(target), 1), CancellationToken::new())
        .await
        .unwrap_err();
    assert!(matches!(error, CheckError::Lab(_)), "{error}");
}

#[tokio::test]
async fn the_same_seed_gives_the_same_verdicts_and_the_same_count_of_requests() {
    let world = World::start(Twin::Good).await;
    let first = world.prove(ItemId::S5, world.target()).await;
    let second = world.prove(ItemId::S5, world.target()).await;
    let verdicts = |report: &golive_checklist::CheckReport| {
        report
            .items
            .iter()
            .flat_map(|item| &item.parts)
            .map(|part| (part.id().to_string(), part.verdict()))
            .collect::<Vec<_>>()
    };
    assert_eq!(verdicts(&first), verdicts(&second));
    assert_eq!(first.budget.requests_used, second.budget.requests_used);
}
