//! P1: the ramp, its breaking point and the recovery, against modelled targets on the paused clock.

use golive_load::ramp::{Ramp, breaking_point, recovery};
use golive_load::{Clock, Ended, Failure, Plan, Reply, Role, RunReport, Stops, VirtualClock, run};
use std::sync::Mutex;
use std::time::Duration;

/// 20 requests a second expected; all times a tenth.
fn ramp() -> Ramp {
    Ramp {
        time_scale: 0.1,
        ..Ramp::new(20.0)
    }
}

/// Serves `per_s` requests a second, one after the other, and never forgets one: a queue without a limit.
async fn offer(plan: &Plan, per_s: f64) -> RunReport {
    let clock = VirtualClock::new();
    let free_at = Mutex::new(Duration::ZERO);
    let queue = async |_| {
        let done = {
            let mut free_at = free_at.lock().unwrap();
            *free_at = free_at.max(clock.now()) + Duration::from_secs_f64(1.0 / per_s);
            *free_at
        };
        tokio::time::sleep(done.saturating_sub(clock.now())).await;
        Reply::ok()
    };
    run(plan, &queue, &clock, &Stops::default(), &mut |_| ())
        .await
        .unwrap()
}

#[test]
fn the_ramp_of_the_checklist_is_one_two_five_ten_and_back() {
    let plan = Ramp::new(20.0).plan(1);
    let shape: Vec<_> = plan
        .stages
        .iter()
        .map(|s| (s.name.as_str(), s.rate_per_s, s.hold.as_secs()))
        .collect();
    assert_eq!(
        shape,
        [
            ("1×", 20.0, 60),
            ("2×", 40.0, 60),
            ("5×", 100.0, 60),
            ("10×", 200.0, 60),
            ("recovery", 20.0, 60)
        ]
    );
    let expected = plan.expectation();
    // 4 holds and the recovery; the warm-ups take 30 s to 2 min each.
    assert_eq!(expected.shortest, Duration::from_secs(5 * 60 + 4 * 30));
    assert_eq!(expected.requests, (20 + 40 + 100 + 200) * 180 + 20 * 60);
    let further = Ramp {
        beyond: 2,
        ..Ramp::new(20.0)
    }
    .plan(1);
    assert_eq!(further.stages[5].rate_per_s, 450.0);
    assert_eq!(
        (further.stages[5].role, further.stages[6].role),
        (Role::Beyond, Role::Recovery)
    );
}

#[tokio::test(start_paused = true)]
async fn a_target_with_room_to_spare_holds_ten_times_and_recovers_at_once() {
    let run = offer(&ramp().plan(3), 1_000.0).await;
    assert_eq!(run.ended, Ended::Completed);
    assert!(
        run.stages.iter().all(|stage| stage.invalid.is_empty()),
        "{:?}",
        run.stages[0].invalid
    );
    assert!(breaking_point(&run, 0.01, &[Some(Duration::from_secs(3))]).is_none());
    let recovery = recovery(&run, 1.5, 20).unwrap();
    assert!(recovery.recovered_after_us.unwrap() < 3_000_000, "{recovery:?}");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_serves_seven_times_breaks_at_ten_and_its_queue_delays_the_recovery() {
    // At ten times, 60 a second pile up for the warm-up (a queue that grows slowly looks settled to it) and the
    // hold, 12 s or more together: at least 720 requests, which the 120 a second to spare at one time work off
    // in 6 s.
    for (recovery_s, within) in [(200, Some(5_000_000..=11_000_000)), (30, None)] {
        let plan = Ramp {
            recovery: Duration::from_secs(recovery_s),
            ..ramp()
        }
        .plan(3);
        let run = offer(&plan, 140.0).await;
        assert_eq!(run.ended, Ended::Completed);
        let broken = breaking_point(&run, 0.01, &[Some(Duration::from_secs(1))]).unwrap();
        assert_eq!(broken.name, "10×");
        let after = recovery(&run, 1.5, 20).unwrap().recovered_after_us;
        match within {
            Some(within) => assert!(after.is_some_and(|after| within.contains(&after)), "{after:?}"),
            None => assert_eq!(after, None),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn beyond_the_ramp_the_abort_is_the_breaking_point_and_the_recovery_still_runs() {
    let clock = VirtualClock::new();
    let plan = Ramp { beyond: 4, ..ramp() }.plan(3);
    let recent = Mutex::new(std::collections::VecDeque::new());
    // Refuses everything once more than 400 requests came in a second.
    let refuses = async |_| {
        let now = clock.now();
        let crowd = {
            let mut recent = recent.lock().unwrap();
            recent.push_back(now);
            while recent
                .front()
                .is_some_and(|at| now - *at > Duration::from_secs(1))
            {
                recent.pop_front();
            }
            recent.len()
        };
        if crowd > 400 {
            Reply::failed(Failure::Status(503))
        } else {
            Reply::ok()
        }
    };
    let run = run(&plan, &refuses, &clock, &Stops::default(), &mut |_| ())
        .await
        .unwrap();
    assert_eq!(run.ended, Ended::Completed);
    assert_eq!(breaking_point(&run, 0.01, &[]).unwrap().name, "22.5×");
    // The crowd of the last second still counts in the first moments.
    let recovery = recovery(&run, 1.5, 20).unwrap();
    assert!(
        recovery.error_share < 0.1 && recovery.recovered_after_us.is_some(),
        "{recovery:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn within_the_ramp_a_failing_target_ends_the_run() {
    let plan = ramp().plan(3);
    let clock = VirtualClock::new();
    let fails = async |_| Reply::failed(Failure::ClosedEarly);
    let run = run(&plan, &fails, &clock, &Stops::default(), &mut |_| ())
        .await
        .unwrap();
    assert!(matches!(run.ended, Ended::Aborted { .. }));
    assert!(run.took_us < 2_500_000, "{}", run.took_us);
    assert_eq!(run.stages.len(), 1);
    assert_eq!(breaking_point(&run, 0.01, &[]).unwrap().name, "1×");
    assert!(recovery(&run, 1.5, 20).is_none());
}
