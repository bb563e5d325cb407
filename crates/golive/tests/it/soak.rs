//! P5: `golive soak` as a user runs it: a record that is kept, a report in a folder of its own, exit codes.

use std::fs;

use golive_lab::{Lab, LabOptions};
use serde_json::Value;

use crate::world::{Said, folder, run};

/// Soaks the lab itself, which answers as a provider does and lives in this process.
async fn soak(folder: &std::path::Path, lab: &Lab, more: &[&str]) -> Said {
    let url = format!("{}/v1", lab.url());
    fs::write(folder.join("pid"), std::process::id().to_string()).unwrap();
    let args = [
        &[
            "soak",
            "--url",
            &url,
            "--format",
            "openai",
            "--format",
            "json",
            "--model",
            "m",
            "--key-env",
            "SOAK_KEY",
            "--pid-file",
            "pid",
            "--duration",
            "2s",
            "--rate",
            "40/s",
            "--out",
            "report",
        ][..],
        more,
    ]
    .concat();
    run(folder, &args, &[("SOAK_KEY", "made-up-for-this-test")]).await
}

#[tokio::test]
async fn two_seconds_never_pass_and_leave_a_record_and_a_report() {
    let lab = Lab::start(LabOptions::default()).await.unwrap();
    let folder = folder();
    let said = soak(folder.path(), &lab, &["--i-own-this"]).await;
    let report: Value =
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{} {}", said.out, said.err));
    let part = &report["items"][0]["parts"][0];
    assert_eq!(part["id"], "P5.soak");
    // Short of the declared day: a warning leaves the run a clean PARTIAL, anything worse does not.
    assert!(
        matches!(
            (part["verdict"].as_str(), said.code),
            (Some("warn"), 0) | (Some("unproven"), 1)
        ),
        "{} {part}",
        said.code
    );
    assert!(part["measured"]["requests"].as_u64().unwrap() > 40, "{part}");
    assert!(folder.path().join("report/soak/check.html").is_file());
    let record = fs::read_to_string(folder.path().join("report/soak-url.jsonl")).unwrap();
    assert!(
        record.lines().count() > 10 && record.contains("\"finished\""),
        "{record}"
    );

    // It is finished: the same command would only repeat it, and says what to do.
    let again = soak(folder.path(), &lab, &["--i-own-this"]).await;
    assert!(again.out.contains("--fresh"), "{}", again.out);
    let fresh = soak(folder.path(), &lab, &["--i-own-this", "--fresh"]).await;
    assert!(fresh.out.contains("\"requests\""), "{}", fresh.out);
    assert!(folder.path().join("report/soak-url.jsonl.old").is_file());
}

#[tokio::test]
async fn a_target_that_is_not_staging_is_not_loaded_and_a_wrong_word_is_named() {
    let lab = Lab::start(LabOptions::default()).await.unwrap();
    let folder = folder();
    let said = soak(folder.path(), &lab, &[]).await;
    assert!(said.out.contains("--i-own-this"), "{}", said.out);
    assert_eq!(lab.timeline().counts().seq, 0);
    let wrong = soak(folder.path(), &lab, &["--memory-limit", "much"]).await;
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("--memory-limit much"), "{}", wrong.err);
}
