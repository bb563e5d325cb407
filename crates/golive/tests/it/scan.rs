//! S1: `golive scan` as a user runs it: exit codes, reports, allowances.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use golive_prover::secrets::made;
use serde_json::Value;

use crate::world::{Said, folder, run};

async fn scan(folder: &Path, args: &[&str]) -> Said {
    run(folder, &[&["scan"], args].concat(), &[]).await
}

/// A folder with one made-up secret in `app.conf`, and the secret.
fn leaking() -> (tempfile::TempDir, String) {
    let folder = folder();
    let key = made("github-token", 41);
    fs::create_dir(folder.path().join("code")).unwrap();
    fs::write(
        folder.path().join("code/app.conf"),
        format!("x = 1\nkey = \"{key}\"\n"),
    )
    .unwrap();
    (folder, key)
}

#[tokio::test]
async fn a_secret_is_told_by_its_place_and_never_whole() {
    let (folder, key) = leaking();
    let said = scan(folder.path(), &["code"]).await;
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.out.contains("app.conf:2:8: GitHub token"), "{}", said.out);
    assert!(said.out.contains("…(40)"), "{}", said.out);
    for text in [&said.out, &said.err] {
        assert!(!text.contains(&key[6..20]), "the secret is printed");
    }
    let json = scan(folder.path(), &["code", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["findings"][0]["strength"], "checked");
}

#[tokio::test]
async fn a_clean_folder_ends_with_0_wrong_use_with_2_and_no_path_with_3() {
    let folder = folder();
    fs::create_dir(folder.path().join("code")).unwrap();
    fs::write(folder.path().join("code/a.txt"), "nothing to see\n").unwrap();
    // What would hang a reader that follows and opens everything.
    symlink("/", folder.path().join("code/root")).unwrap();
    assert_eq!(scan(folder.path(), &["code"]).await.code, 0);
    assert_eq!(scan(folder.path(), &["code", "--report", "pdf=x"]).await.code, 2);
    assert_eq!(
        scan(folder.path(), &["code", "--baseline", "none.json"])
            .await
            .code,
        2
    );
    assert_eq!(scan(folder.path(), &["nowhere"]).await.code, 3);
}

#[tokio::test]
async fn an_allowance_beside_the_secret_needs_a_reason() {
    let (folder, key) = leaking();
    let file = folder.path().join("code/app.conf");
    fs::write(&file, format!("key = \"{key}\" # golive:allow-secret\n")).unwrap();
    let said = scan(folder.path(), &["code"]).await;
    assert_eq!(said.code, 1);
    assert!(said.out.contains("without a reason"), "{}", said.out);
    fs::write(
        &file,
        format!("key = \"{key}\" # golive:allow-secret made up for a demonstration\n"),
    )
    .unwrap();
    let said = scan(folder.path(), &["code"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.err.contains("1 allowed"), "{}", said.err);
}

#[tokio::test]
async fn a_baseline_counts_when_it_is_filled_in_survives_moved_lines_and_runs_out() {
    let (folder, key) = leaking();
    let said = scan(folder.path(), &["code", "--write-baseline", "b.json"]).await;
    assert_eq!(said.code, 1);
    assert!(said.err.contains("wait for a reason"), "{}", said.err);
    let path = folder.path().join("b.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&key[6..20]));
    let said = scan(folder.path(), &["code", "--baseline", "b.json"]).await;
    assert!(
        said.code == 1 && said.out.contains("has no reason"),
        "{}",
        said.out
    );

    let filled = |day: &str| {
        let mut baseline: Value = serde_json::from_str(&text).unwrap();
        baseline["entries"][0]["reason"] = "revoked, kept as an example".into();
        baseline["entries"][0]["author"] = "ada".into();
        baseline["entries"][0]["expires"] = day.into();
        fs::write(&path, baseline.to_string()).unwrap();
    };
    filled("9999-12-31");
    fs::write(
        folder.path().join("code/app.conf"),
        format!("\n\n\nkey = \"{key}\"\n"),
    )
    .unwrap();
    let said = scan(folder.path(), &["code", "--baseline", "b.json"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    filled("2020-01-31");
    let said = scan(folder.path(), &["code", "--baseline", "b.json"]).await;
    assert!(
        said.code == 1 && said.out.contains("ran out on 2020-01-31"),
        "{}",
        said.out
    );
}

#[tokio::test]
async fn sarif_goes_out_and_that_of_another_scanner_comes_in() {
    let (folder, key) = leaking();
    scan(folder.path(), &["code", "--report", "sarif=out.sarif"]).await;
    let text = fs::read_to_string(folder.path().join("out.sarif")).unwrap();
    assert!(!text.contains(&key[6..20]));
    let sarif: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "github-token");
    assert_eq!(
        result["locations"][0]["physicalLocation"]["region"]["startLine"],
        2
    );
    assert_eq!(
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "app.conf"
    );

    fs::create_dir(folder.path().join("clean")).unwrap();
    let said = scan(folder.path(), &["clean", "--import-sarif", "out.sarif"]).await;
    assert_eq!(said.code, 1);
    assert!(
        said.out.contains("Found by golive as github-token"),
        "{}",
        said.out
    );
    fs::write(folder.path().join("bad.sarif"), "{}").unwrap();
    assert_eq!(
        scan(folder.path(), &["clean", "--import-sarif", "bad.sarif"])
            .await
            .code,
        2
    );
}

#[tokio::test]
async fn threads_change_nothing_of_what_is_said() {
    let folder = folder();
    for number in 0..40 {
        let key = made("stripe-key", number);
        fs::write(
            folder.path().join(format!("f{number}.txt")),
            format!("{}a = {key}\n", "\n".repeat(number as usize)),
        )
        .unwrap();
    }
    let one = scan(folder.path(), &[".", "--threads", "1", "--format", "json"]).await;
    let many = scan(folder.path(), &[".", "--threads", "7", "--format", "json"]).await;
    assert_eq!(one.out, many.out);
    assert_eq!(
        serde_json::from_str::<Value>(&one.out).unwrap()["findings"]
            .as_array()
            .unwrap()
            .len(),
        40
    );
}

#[tokio::test]
async fn a_file_that_may_not_be_read_is_told() {
    let folder = folder();
    let file = folder.path().join("closed.txt");
    fs::write(&file, "x").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let said = scan(folder.path(), &["."]).await;
    // The administrator may read everything.
    let may = fs::File::open(&file).is_ok();
    assert_eq!(said.code, if may { 0 } else { 3 }, "{}", said.err);
}
