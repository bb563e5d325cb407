//! The report as a person opens it: a real browser reads the file that `golive check` wrote.
//!
//! The lab alone is the target: it lets everybody in, so that the page has failures, long lines and gaps to show.

use std::fs;
use std::path::{Path, PathBuf};

use golive_checklist::{CheckReport, Gate};
use golive_lab::{Lab, LabOptions};
use tempfile::TempDir;
use tokio::process::Command;

use crate::world::PATIENCE;

/// The narrowest phones in use are 360 CSS pixels wide.
const PHONE: u32 = 360;
const DESK: u32 = 1280;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: cargo xtask test"]
async fn the_report_opens_in_a_browser_and_fits_a_phone_and_a_desk() {
    let folder = checked().await;
    let page = fs::read_to_string(folder.path().join("check.html")).expect("the page");
    // The page's own policy would stop the ruler, which is a script.
    let (before, rest) = page
        .split_once("<meta http-equiv=\"Content-Security-Policy\"")
        .expect("the page has a policy");
    let without_policy = format!("{before}{}", rest.split_once('>').expect("the tag ends").1);
    for width in [PHONE, DESK] {
        let file = folder.path().join(format!("at-{width}.html"));
        fs::write(&file, framed(&without_policy, width)).expect("a page");
        let seen = open(&folder, &file).await;
        assert!(
            seen.contains("data-holds=\"true\""),
            "the browser shows the verdict"
        );
        assert!(
            seen.contains("data-fits=\"true\""),
            "at {width} pixels it must be scrolled sideways"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: cargo xtask test"]
async fn no_script_runs_in_the_report_even_if_one_got_into_it() {
    let folder = checked().await;
    let page = fs::read_to_string(folder.path().join("check.html")).expect("the page");
    assert!(!page.contains("<script"), "the page needs none");
    let file = folder.path().join("hostile.html");
    let script = "<script>document.documentElement.dataset.ran = true</script></body>";
    fs::write(&file, page.replace("</body>", script)).expect("a page");
    let seen = open(&folder, &file).await;
    assert!(
        seen.contains("<script>") && !seen.contains("data-ran"),
        "{}",
        head_of(&seen)
    );
}

/// A folder with the report of a run of one item.
async fn checked() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let lab = Lab::start(LabOptions::default()).await.expect("the lab starts");
    let check = Command::new(env!("CARGO_BIN_EXE_golive"))
        .args([
            "check",
            "--format",
            "openai",
            "--model",
            "any",
            "--key-env",
            "KEY",
            "--item",
            "S5",
            "--i-own-this",
        ])
        .args(["--url", &format!("{}/v1", lab.url()), "--out", "."])
        .current_dir(folder.path())
        .env("KEY", "the-lab-takes-any-key")
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, check)
        .await
        .expect("it ends")
        .expect("it starts");
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let json = fs::read(folder.path().join("check.json")).expect("the report");
    let report: CheckReport = serde_json::from_slice(&json).expect("in its own format");
    assert_eq!(report.gate, Gate::Partial);
    folder
}

/// The report in a frame of this width, beside a ruler that writes down whether it fits and whether its verdict is
/// there to be read.
fn framed(page: &str, width: u32) -> String {
    let escaped = page.replace('&', "&amp;").replace('"', "&quot;");
    format!(
        "<!doctype html><iframe style=\"width:{width}px;height:2000px;border:0\" srcdoc=\"{escaped}\"></iframe>\
         <script>onload = () => {{ const report = frames[0].document; const noted = document.documentElement.dataset; \
         noted.fits = report.documentElement.scrollWidth <= report.documentElement.clientWidth; \
         noted.holds = report.body.innerText.includes('PARTIAL'); }}</script>"
    )
}

/// The page's content as the browser holds it once it has loaded.
async fn open(folder: &TempDir, page: &Path) -> String {
    let browser = Command::new(browser())
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
        ])
        .args([
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1400,1000",
            "--dump-dom",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .arg(format!("file://{}", page.display()))
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, browser)
        .await
        .expect("it loads")
        .expect("the browser starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn head_of(page: &str) -> &str {
    page.get(..200).unwrap_or(page)
}

/// The browser, as `cargo xtask test` finds or installs it.
fn browser() -> PathBuf {
    std::env::var_os("GOLIVE_TEST_CHROMIUM")
        .map(PathBuf::from)
        .expect("GOLIVE_TEST_CHROMIUM names no browser: `cargo xtask test` finds or installs one and sets it")
}
