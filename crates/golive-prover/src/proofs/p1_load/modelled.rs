//! P1: how each figure is judged, against modelled targets on the paused clock: no machine is too busy for it.

use std::sync::Arc;
use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::judge::Scored;
use golive_checklist::report::PartReport;
use golive_checklist::verdict::Verdict;
use golive_config::{Target, TargetFormat};
use golive_load::{Failure, Reply, Stops, VirtualClock, Workload, run};
use tokio_util::sync::CancellationToken;

use super::judge::parts;
use super::load_plan;
use super::offer::class_of;
use crate::budget::Budget;
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::progress::Silent;
use crate::target::TargetClient;

/// A modelled target: how long request `number` takes, and whether it fails.
struct Modelled(fn(u64) -> (u64, Option<Failure>));

impl Workload for Modelled {
    fn class(&self, number: u64) -> usize {
        class_of(number)
    }

    async fn send(&self, number: u64) -> Reply {
        let (ms, failure) = (self.0)(number);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Reply {
            failure,
            ..Reply::ok()
        }
    }
}

const RATE: f64 = 20.0;

fn ctx() -> Ctx {
    let url = "http://p1.invalid".parse().expect("an address");
    let mut target = Target::bare("p1", url, TargetFormat::OpenAi);
    target.scaled = true;
    target.declares.expected_rate = Some(RATE);
    let (config, cancel) = (Arc::new(target), CancellationToken::new());
    Ctx {
        item: ItemId::P1,
        target: TargetClient::new(Arc::clone(&config), Budget::new(0), cancel.clone()).expect("no CA file"),
        config,
        lab: None,
        seed: 3,
        cancel,
        out: None,
        quick: false,
        reach: "--target p1".to_owned(),
        run: 1,
        progress: Arc::new(Silent),
        notes: Arc::default(),
    }
}

async fn judged(model: fn(u64) -> (u64, Option<Failure>)) -> Vec<PartReport> {
    let ctx = ctx();
    let plan = load_plan(&ctx.config, RATE, ctx.seed);
    let clock = VirtualClock::new();
    let report = run(&plan, &Modelled(model), &clock, &Stops::default(), &mut |_| ()).await;
    let held = Scored::Scored(true);
    let controls = Controls::new()
        .positive(Positive::new("answers", held.clone(), ""))
        .negative(Negative::new("notices", held, ""));
    parts(&ctx, &report.expect("a plan that makes sense"), &controls, None)
}

fn verdicts(parts: &[PartReport]) -> Vec<Verdict> {
    parts.iter().map(PartReport::verdict).collect()
}

fn summary(parts: &[PartReport], at: usize) -> String {
    format!("{} {:?}", parts[at].summary, parts[at].reason)
}

#[tokio::test(start_paused = true)]
async fn a_target_with_room_passes_in_all_four() {
    let parts = judged(|number| (10 + number % 7, None)).await;
    assert_eq!(verdicts(&parts), [Verdict::Pass; 4], "{}", summary(&parts, 0));
}

#[tokio::test(start_paused = true)]
async fn a_p95_above_its_line_fails_its_own_class_alone() {
    // One simple request of ten takes 4 s, above the line of 3 s.
    let parts = judged(|number| (if number % 20 == 0 { 4_000 } else { 10 }, None)).await;
    assert_eq!(
        verdicts(&parts)[..3],
        [Verdict::Fail, Verdict::Pass, Verdict::Pass],
        "{}",
        summary(&parts, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn two_percent_errors_are_no_pass_and_ten_are_a_fail() {
    let two = judged(|number| (10, (number % 50 == 49).then_some(Failure::Status(500)))).await;
    assert_eq!(two[2].verdict(), Verdict::Warn, "{}", summary(&two, 2));
    let ten = judged(|number| (10, (number % 10 == 9).then_some(Failure::Status(500)))).await;
    assert_eq!(ten[2].verdict(), Verdict::Fail, "{}", summary(&ten, 2));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_stays_slow_after_the_load_has_not_recovered() {
    let parts = judged(|number| (if number > 130 { 400 } else { 10 }, None)).await;
    let expected = [Verdict::Pass, Verdict::Pass, Verdict::Pass, Verdict::Fail];
    assert_eq!(verdicts(&parts), expected, "{}", summary(&parts, 3));
    assert!(
        parts[3].summary.contains("did not come back"),
        "{}",
        parts[3].summary
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_by_a_limit_leave_everything_unproven() {
    let parts = judged(|number| (10, (number % 40 == 39).then_some(Failure::Status(429)))).await;
    assert_eq!(verdicts(&parts), [Verdict::Unproven; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_breaks_down_at_once_passes_nothing() {
    let parts = judged(|_| (10, Some(Failure::Status(500)))).await;
    assert_eq!(parts[2].verdict(), Verdict::Fail, "{}", summary(&parts, 2));
    assert!(parts.iter().all(|part| part.verdict() != Verdict::Pass));
}
