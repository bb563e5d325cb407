//! P1: the open loop, second by second, on tokio's paused clock.

use golive_load::reply::Workload;
use golive_load::warm_up::{WarmUp, Warmed};
use golive_load::{
    Clock, Ended, Event, Failure, Invalid, Plan, PlanError, Reply, RunReport, Stage, StageReport, Stops,
    VirtualClock, arrivals::Pattern, run,
};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// An even beat: the tests count.
fn plan(rate: f64, hold_s: u64) -> Plan {
    let stage = Stage::new("one", rate, Duration::from_secs(hold_s));
    Plan {
        pattern: Pattern::Constant,
        ..Plan::new(1, vec![stage])
    }
}

async fn drive(plan: &Plan, workload: &impl Workload) -> RunReport {
    run(
        plan,
        workload,
        &VirtualClock::new(),
        &Stops::default(),
        &mut |_| (),
    )
    .await
    .unwrap()
}

async fn one(plan: &Plan, workload: &impl Workload) -> StageReport {
    drive(plan, workload).await.stages.remove(0)
}

/// Answers after 1 ms, but for the second from 5 s to 6 s: who asks then is answered at 6 s.
async fn stalls_for_a_second(clock: VirtualClock) -> Reply {
    let now = clock.now();
    let stalled = now >= Duration::from_secs(5) && now < Duration::from_secs(6);
    tokio::time::sleep(if stalled { Duration::from_secs(6) - now } else { MS }).await;
    Reply::ok()
}

#[tokio::test(start_paused = true)]
async fn a_stall_of_a_second_shows_in_every_request_that_was_due_in_it() {
    let clock = VirtualClock::new();
    let stage = run(
        &plan(100.0, 10),
        &|_| stalls_for_a_second(clock),
        &clock,
        &Stops::default(),
        &mut |_| (),
    )
    .await
    .unwrap()
    .stages
    .remove(0);
    assert_eq!((stage.intended, stage.sent, stage.all.answered), (999, 999, 999));
    // A tenth of all requests were due in the stall; their waits are spread evenly from 0 to 1 s.
    let p95 = stage.all.latency.p95_us.unwrap();
    assert!((450_000..=550_000).contains(&p95), "{p95}");
    assert!(stage.all.latency.max_us >= 990_000 && stage.all.latency.p50_us.unwrap() < 2_100);
    assert_eq!(stage.invalid, []);
}

#[tokio::test(start_paused = true)]
async fn one_connection_cannot_hide_the_stall_from_the_intended_latency() {
    let clock = VirtualClock::new();
    let mut plan = plan(100.0, 10);
    plan.max_in_flight = 1;
    plan.latest_start = Duration::from_secs(5);
    let stage = run(
        &plan,
        &|_| stalls_for_a_second(clock),
        &clock,
        &Stops::default(),
        &mut |_| (),
    )
    .await
    .unwrap()
    .stages
    .remove(0);
    // A closed loop would see one slow answer; and so does the service time.
    assert!(
        stage.all.service.p99_us.unwrap() < 2_100,
        "{:?}",
        stage.all.service
    );
    assert!(
        stage.all.latency.p95_us.unwrap() > 400_000,
        "{:?}",
        stage.all.latency
    );
    // And the stage is not believed, since the wait was partly the generator's own.
    assert!(
        matches!(stage.invalid[..], [Invalid::Late { .. }]),
        "{:?}",
        stage.invalid
    );
}

#[tokio::test(start_paused = true)]
async fn arrivals_that_find_no_place_are_counted_as_not_sent_with_their_age() {
    let mut plan = plan(100.0, 4);
    plan.max_in_flight = 10;
    plan.latest_start = 500 * MS;
    let stage = one(&plan, &async |_| {
        tokio::time::sleep(Duration::from_secs(20)).await;
        Reply::ok()
    })
    .await;
    assert_eq!((stage.intended, stage.sent, stage.not_sent), (399, 10, 389));
    // Each waited for its half second.
    assert!(stage.not_sent_age.min_us >= 499_000, "{:?}", stage.not_sent_age);
    assert!(stage.invalid.contains(&Invalid::NotOffered {
        sent: 10,
        intended: 399
    }));
    // What was not sent is not fast.
    assert_eq!((stage.all.latency.beyond, stage.all.latency.p50_us), (389, None));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_never_answers_has_no_percentiles_at_all() {
    let mut plan = plan(50.0, 4);
    plan.deadline = Duration::from_secs(2);
    plan.abort.error_share = 1.0;
    let stage = one(&plan, &async |_| std::future::pending::<Reply>().await).await;
    assert_eq!(stage.all.count(&Failure::Timeout), stage.intended);
    assert_eq!(
        (stage.all.p95.point_us, stage.all.p95.upper_us, stage.all.answered),
        (None, None, 0)
    );
    assert_eq!(stage.all.errors.point, 1.0);
}

#[tokio::test(start_paused = true)]
async fn errors_that_come_fast_do_not_improve_the_percentiles() {
    let stage = one(&plan(100.0, 10), &async |n| {
        tokio::time::sleep(if n % 3 == 0 { MS } else { 200 * MS }).await;
        if n % 3 == 0 {
            Reply::failed(Failure::Status(500))
        } else {
            Reply::ok()
        }
    })
    .await;
    assert!(stage.all.latency.min_us >= 199_800);
    assert_eq!(stage.all.count(&Failure::Status(500)), 333);
    assert!((stage.all.errors.point - 1.0 / 3.0).abs() < 1e-9 && stage.all.errors.upper < 0.37);
}

#[tokio::test(start_paused = true)]
async fn failures_of_the_generator_itself_are_not_the_targets_and_spoil_the_stage() {
    let stage = one(&plan(100.0, 2), &async |n: u64| match n {
        7 => Reply::failed(Failure::Generator("local ports".into())),
        _ => Reply::ok(),
    })
    .await;
    assert_eq!(stage.all.errors.hits, 0);
    assert_eq!(
        stage.invalid,
        [Invalid::OwnResources {
            count: 1,
            what: "local ports".into()
        }]
    );
}

#[tokio::test(start_paused = true)]
async fn the_warm_up_is_dropped_and_counted() {
    let clock = VirtualClock::new();
    let mut plan = plan(100.0, 10);
    plan.stages[0].warm_up = Some(WarmUp::default().scaled(0.1));
    let cold_for_five_seconds = async |_| {
        tokio::time::sleep(if clock.now() < Duration::from_secs(5) {
            400 * MS
        } else {
            10 * MS
        })
        .await;
        Reply::ok()
    };
    let report = run(
        &plan,
        &cold_for_five_seconds,
        &clock,
        &Stops::default(),
        &mut |_| (),
    )
    .await
    .unwrap();
    let stage = &report.stages[0];
    // Settled on 400 ms within the least time of 3 s: the rule looks at agreement, not at speed.
    assert!(stage.warm_up.unwrap().settled);
    assert!(
        (299..=302).contains(&stage.warm_up_requests),
        "{}",
        stage.warm_up_requests
    );
    assert_eq!(report.sent, stage.sent + stage.warm_up_requests);
    assert_eq!(stage.held_us, 10_000_000);
}

#[tokio::test(start_paused = true)]
async fn a_stage_runs_on_until_it_has_its_samples() {
    let mut plan = plan(5.0, 2);
    plan.stages[0].min_samples = 100;
    let stage = one(&plan, &async |_| Reply::ok()).await;
    assert_eq!((stage.intended, stage.held_us), (100, 20_000_000));
    assert!(stage.all.p95.upper_us.is_some());
}

#[tokio::test(start_paused = true)]
async fn poisson_arrivals_offer_the_rate_of_the_plan() {
    let stage = Stage::new("one", 200.0, Duration::from_secs(60));
    let stage = one(&Plan::new(42, vec![stage]), &async |_| Reply::ok()).await;
    // 12,000 expected, standard deviation 110.
    assert!((11_670..=12_330).contains(&stage.intended), "{}", stage.intended);
    assert_eq!(stage.sent, stage.intended);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_is_due_at_the_same_times() {
    let due = async |seed| {
        let mut due = Vec::new();
        let plan = Plan::new(seed, vec![Stage::new("one", 50.0, Duration::from_secs(2))]);
        let mut hook = |event: Event<'_>| {
            if let Event::Finished(done) = event {
                due.push(done.intended);
            }
        };
        run(
            &plan,
            &async |_| Reply::ok(),
            &VirtualClock::new(),
            &Stops::default(),
            &mut hook,
        )
        .await
        .unwrap();
        due
    };
    assert_eq!(due(9).await, due(9).await);
    assert_ne!(due(9).await, due(10).await);
}

#[tokio::test(start_paused = true)]
async fn a_budget_ends_the_run_and_what_is_in_flight_is_still_read() {
    let mut plan = plan(100.0, 60);
    plan.budget = Some(250);
    let report = drive(&plan, &async |_| {
        tokio::time::sleep(300 * MS).await;
        Reply::ok()
    })
    .await;
    assert_eq!((report.sent, report.ended), (250, Ended::Budget));
    assert_eq!(report.stages[0].all.answered, 250);
    assert!(report.stages[0].invalid.contains(&Invalid::Interrupted));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_reports_what_it_has_and_says_what_it_cut_off() {
    for lost in [false, true] {
        let stops = Stops::default();
        let stop = if lost {
            stops.target_lost.clone()
        } else {
            stops.cancelled.clone()
        };
        let hook = &mut |event: Event<'_>| {
            if let Event::Finished(done) = event
                && done.number == 100
            {
                stop.cancel();
            }
        };
        let slow = async |_| {
            tokio::time::sleep(100 * MS).await;
            Reply::ok()
        };
        let report = run(&plan(100.0, 60), &slow, &VirtualClock::new(), &stops, hook)
            .await
            .unwrap();
        assert_eq!(
            report.ended,
            if lost { Ended::TargetLost } else { Ended::Cancelled }
        );
        let stage = &report.stages[0];
        assert_eq!(stage.all.answered, 101);
        assert!(
            stage.interrupted > 0 && stage.sent == stage.all.answered + stage.interrupted,
            "{stage:?}"
        );
        assert!(stage.invalid.contains(&Invalid::Interrupted));
    }
}

#[tokio::test(start_paused = true)]
async fn each_class_has_its_own_percentiles() {
    struct Two;
    impl Workload for Two {
        fn class(&self, number: u64) -> usize {
            usize::from(number.is_multiple_of(4))
        }
        async fn send(&self, number: u64) -> Reply {
            tokio::time::sleep(if self.class(number) == 1 {
                5_000 * MS
            } else {
                100 * MS
            })
            .await;
            Reply::ok()
        }
    }
    let stage = one(&plan(100.0, 10), &Two).await;
    assert_eq!(stage.classes.len(), 2);
    let p95 = |class: usize| stage.classes[class].p95.point_us.unwrap();
    assert!(
        p95(0).abs_diff(101_000) < 2_000 && p95(1).abs_diff(5_001_000) < 10_000,
        "{} {}",
        p95(0),
        p95(1)
    );
    assert_eq!(
        stage.all.answered,
        stage.classes.iter().map(|c| c.answered).sum::<u64>()
    );
}

#[tokio::test(start_paused = true)]
async fn the_hook_hears_of_every_step_in_order() {
    let mut plan = plan(10.0, 2);
    plan.stages[0].warm_up = Some(WarmUp::default().scaled(0.1));
    plan.stages.push(Stage::new("two", 20.0, Duration::from_secs(1)));
    let mut heard = Vec::new();
    let hook = &mut |event: Event<'_>| match event {
        Event::StageBegan { stage, name } => heard.push(format!("began {stage} {name}")),
        Event::HoldBegan {
            stage,
            warm_up: Some(Warmed { settled, .. }),
        } => heard.push(format!("hold {stage} {settled}")),
        Event::HoldBegan { stage, .. } => heard.push(format!("hold {stage}")),
        Event::StageEnded { stage } => heard.push(format!("ended {stage}")),
        Event::Finished(_) => {}
    };
    run(
        &plan,
        &async |_| Reply::ok(),
        &VirtualClock::new(),
        &Stops::default(),
        hook,
    )
    .await
    .unwrap();
    assert_eq!(
        heard,
        [
            "began 0 one",
            "hold 0 true",
            "ended 0",
            "began 1 two",
            "hold 1",
            "ended 1"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_without_sense_is_refused_before_anything_is_sent() {
    let refused = async |change: &dyn Fn(&mut Plan)| {
        let mut plan = plan(1.0, 1);
        change(&mut plan);
        let nothing = async |_| -> Reply { panic!("sent") };
        run(
            &plan,
            &nothing,
            &VirtualClock::new(),
            &Stops::default(),
            &mut |_| (),
        )
        .await
        .unwrap_err()
    };
    assert_eq!(refused(&|plan| plan.stages.clear()).await, PlanError::NoStage);
    assert_eq!(refused(&|plan| plan.max_in_flight = 0).await, PlanError::NoPlace);
    assert_eq!(
        refused(&|plan| plan.deadline = Duration::ZERO).await,
        PlanError::NoDeadline
    );
    assert!(matches!(
        refused(&|plan| plan.stages[0].rate_per_s = -1.0).await,
        PlanError::BadRate { .. }
    ));
    assert!(matches!(
        refused(&|plan| plan.stages[0].hold = Duration::ZERO).await,
        PlanError::NoHold { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_run_may_move_between_threads() {
    fn movable<T: Send>(future: T) -> T {
        future
    }
    let (plan, clock, stops) = (plan(10.0, 1), VirtualClock::new(), Stops::default());
    let workload = |_| std::future::ready(Reply::ok());
    let mut hook = |_: Event<'_>| ();
    let report = movable(run(&plan, &workload, &clock, &stops, &mut hook))
        .await
        .unwrap();
    assert_eq!(report.stages[0].all.answered, 9);
}
