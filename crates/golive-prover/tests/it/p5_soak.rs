//! P5 over real sockets and a real process: this one, which the target runs in. How soaks are judged is tested against
//! modelled days, beside the judge; here it is enough that a leak is seen where it is, and that the record is kept.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use golive_checklist::{CheckReport, ItemId, PartReport, Verdict};
use golive_config::Target;
use golive_prover::{CheckOptions, Selection, check, soak_record, soak_requests};
use tokio_util::sync::CancellationToken;

use crate::twin_ops::{Flaw, Ops};
use crate::world::part;

/// Soaks for a few seconds; this process is the target's.
fn soaked(ops: &Ops, folder: &Path) -> Target {
    let pid_file = folder.join("pid");
    std::fs::write(&pid_file, format!("{}\n", std::process::id())).unwrap();
    let mut target = ops.target();
    target.scaled = false;
    target.metrics_url = None;
    target.memory.pid_file = Some(pid_file);
    target.soak.in_check = Duration::from_secs(4);
    target.soak.rate = Some(20.0);
    target
}

async fn prove(target: Target, out: Option<&Path>) -> CheckReport {
    let mut options = CheckOptions::new(Arc::new(target), 7);
    options.selection = Selection {
        items: vec![ItemId::P5],
        phases: Vec::new(),
    };
    options.out = out.map(Path::to_owned);
    check(options, CancellationToken::new()).await.unwrap().report
}

/// This machine was too busy to read or to serve: then nothing is proven, and only then.
fn too_busy(found: &PartReport) -> bool {
    let reason = found.reason.clone().unwrap_or_default();
    let busy = ["requests failed", "are the fewest", "could not be measured"]
        .iter()
        .any(|words| reason.contains(words));
    if busy {
        eprintln!("this machine was too busy to soak: {reason}");
        assert_eq!(found.verdict(), Verdict::Unproven);
    }
    busy
}

#[tokio::test]
async fn a_target_that_keeps_memory_or_descriptors_of_each_request_fails_for_that() {
    for (flaw, word) in [
        (Flaw::KeepsMemory, "memory_mib"),
        (Flaw::KeepsDescriptors, "descriptors"),
    ] {
        let ops = Ops::start(flaw).await;
        let folder = tempfile::tempdir().unwrap();
        let report = prove(soaked(&ops, folder.path()), None).await;
        let found = part(&report, "P5.soak");
        assert_eq!(
            found.verdict(),
            Verdict::Fail,
            "{flaw:?}: {} {:?}",
            found.summary,
            found.reason
        );
        let ends = &found.measured[word];
        let of = |end: usize| ends[end].as_f64().unwrap();
        assert!(of(1) >= 2.0 * of(0), "{flaw:?}: {ends}");
    }
}

#[tokio::test]
async fn a_sound_target_is_never_failed_and_seconds_never_pass() {
    let ops = Ops::start(Flaw::None).await;
    let folder = tempfile::tempdir().unwrap();
    let report = prove(soaked(&ops, folder.path()), None).await;
    let found = part(&report, "P5.soak");
    if too_busy(found) {
        return;
    }
    assert!(
        matches!(found.verdict(), Verdict::Warn | Verdict::Unproven),
        "{} {:?}",
        found.summary,
        found.reason
    );
    assert!(found.summary.contains("of the declared 1d") || found.reason.is_some());
    assert_eq!(found.charts[0].series.len(), 3, "the curve, its fit and its band");
    assert!(
        report
            .run_warnings
            .iter()
            .any(|warning| warning.contains("golive soak"))
    );
}

#[tokio::test]
async fn a_soak_that_is_interrupted_goes_on_and_a_check_takes_its_record() {
    let ops = Ops::start(Flaw::None).await;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let record = soak_record(&out, "ops");
    let mut target = soaked(&ops, folder.path());
    target.soak.record = Some(record.clone());
    target.soak.declared = Some(Duration::from_secs(3));
    target.soak.duration = Duration::from_secs(3);
    target.budget.requests = soak_requests(&target) + 10;

    let cancel = CancellationToken::new();
    let mut options = CheckOptions::new(Arc::new(target.clone()), 7);
    options.selection.items = vec![ItemId::P5];
    let run = check(options, cancel.clone());
    tokio::pin!(run);
    let begun = async {
        // A head and at least one reading.
        while std::fs::read_to_string(&record).map_or(0, |text| text.lines().count()) < 4 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let interrupted = tokio::select! {
        checked = &mut run => checked,
        () = begun => {
            cancel.cancel();
            run.await
        }
    };
    assert_eq!(interrupted.unwrap().exit_code, 130);

    let whole = prove(target.clone(), None).await;
    let soaked = part(&whole, "P5.soak");
    assert_eq!(
        soaked.measured["interruptions"], 1,
        "{} {:?}",
        soaked.summary, soaked.reason
    );
    assert!(soaked.measured["soaked_s"].as_f64().unwrap() >= 2.9);

    // A check of the same target asks for a moment alone.
    target.soak.record = None;
    let taken = prove(target, Some(&out)).await;
    let requests = part(&taken, "P5.soak").measured["requests"].as_u64().unwrap();
    assert!(
        requests > 20 && taken.budget.requests_used < 10,
        "{requests} {}",
        taken.budget.requests_used
    );
}

#[tokio::test]
async fn without_a_place_to_read_memory_nothing_is_soaked() {
    let ops = Ops::start(Flaw::None).await;
    let mut target = ops.target();
    target.metrics_url = None;
    let report = ops.prove(ItemId::P5, target).await;
    let found = part(&report, "P5.soak");
    assert_eq!(found.verdict(), Verdict::Unproven);
    assert!(
        found
            .reason
            .clone()
            .unwrap_or_default()
            .contains("memory.pid_file")
    );
    assert_eq!(report.budget.requests_used, 0);
}
