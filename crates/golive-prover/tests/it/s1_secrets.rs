//! S1: the proof against a good repository and target, and against ones that are wrong in exactly one way.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use golive_checklist::report::CheckReport;
use golive_checklist::{ItemId, Verdict};
use golive_prover::secrets::made;

use crate::world::{Twin, World, assert_verdict, part};

/// A repository as people make one, by git itself.
struct Repo(tempfile::TempDir);

impl Repo {
    /// Clean: `.env` ignored, untracked, private; some code; three commits; a tag.
    fn good() -> Repo {
        let repo = Repo(tempfile::tempdir().unwrap());
        repo.git(&["init", "--quiet", "--initial-branch", "main"]);
        repo.write(".gitignore", ".env\ntarget/\n");
        repo.write("app.py", "import os\napi_key = os.environ['API_KEY']\n");
        repo.commit("begin");
        repo.write("target/ignored.txt", &secret(90));
        repo.write(".env", &format!("API_KEY={}\n", made("stripe-key", 91)));
        fs::set_permissions(repo.path().join(".env"), fs::Permissions::from_mode(0o600)).unwrap();
        repo.write("notes/readme.md", "Set API_KEY.\n");
        repo.commit("notes");
        repo.git(&["tag", "v1"]);
        repo.write(
            "app.py",
            "import os\napi_key = os.environ['API_KEY']\nprint('hello')\n",
        );
        repo.commit("hello");
        repo
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    fn git(&self, args: &[&str]) {
        let out = Command::new("git")
            .args([
                "-c",
                "user.name=ada",
                "-c",
                "user.email=ada@example.com",
                "-c",
                "commit.gpgsign=false",
            ])
            .args(args)
            .current_dir(self.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("git is there");
        assert!(
            out.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
    }
}

fn secret(seed: u64) -> String {
    format!("token = \"{}\"\n", made("github-token", seed))
}

async fn prove(repo: &Repo) -> CheckReport {
    prove_at(repo.path()).await
}

async fn prove_at(path: &Path) -> CheckReport {
    let world = World::start(Twin::Good).await;
    let mut target = world.target();
    target.repository = Some(path.to_owned());
    world.prove(ItemId::S1, target).await
}

const PARTS: [&str; 4] = ["S1.tree", "S1.history", "S1.archives", "S1.env"];

/// Only `wrong` fails, and its evidence names `place`.
#[track_caller]
fn only(report: &CheckReport, wrong: &[&str], place: &str) {
    for id in PARTS {
        let expected = if wrong.contains(&id) {
            Verdict::Fail
        } else {
            Verdict::Pass
        };
        assert_verdict(report, id, expected);
    }
    for id in wrong {
        let part = part(report, id);
        let shown = format!("{} {:?} {:?}", part.summary, part.reason, part.evidence);
        assert!(shown.contains(place), "{place} is not named: {shown}");
    }
    let json = serde_json::to_string(report).unwrap();
    for seed in 0..100 {
        assert!(
            !json.contains(&made("github-token", seed)[6..30]),
            "a secret stands in the report"
        );
    }
}

#[tokio::test]
async fn a_clean_repository_and_a_quiet_target_pass() {
    let report = prove(&Repo::good()).await;
    only(&report, &[], "");
    assert_verdict(&report, "S1.public", Verdict::Pass);
    assert!(report.self_test.passed, "{}", report.self_test.detail);
    assert!(part(&report, "S1.history").measured["commits"].as_u64().unwrap() == 3);
}

#[tokio::test]
async fn a_secret_in_a_file_that_is_not_committed_fails_the_tree_alone() {
    let repo = Repo::good();
    repo.write("deploy/settings.yaml", &secret(1));
    only(&prove(&repo).await, &["S1.tree"], "deploy/settings.yaml:1");
}

#[tokio::test]
async fn a_secret_that_was_taken_out_again_fails_the_history_alone() {
    let repo = Repo::good();
    repo.write("old.py", &secret(2));
    repo.commit("oops");
    fs::remove_file(repo.path().join("old.py")).unwrap();
    repo.commit("gone");
    only(&prove(&repo).await, &["S1.history"], "old.py:1");
}

#[tokio::test]
async fn a_secret_in_a_stash_or_on_a_branch_or_staged_fails_the_history_alone() {
    let stash = Repo::good();
    stash.write("app.py", &secret(3));
    stash.git(&["stash", "--quiet"]);
    only(&prove(&stash).await, &["S1.history"], "app.py:1");

    let branch = Repo::good();
    branch.git(&["checkout", "--quiet", "-b", "try"]);
    branch.write("try.py", &secret(4));
    branch.commit("try");
    branch.git(&["checkout", "--quiet", "main"]);
    only(&prove(&branch).await, &["S1.history"], "try.py:1");

    let staged = Repo::good();
    staged.write("s.py", &secret(5));
    staged.git(&["add", "s.py"]);
    staged.write("s.py", "clean\n");
    only(&prove(&staged).await, &["S1.history"], "s.py:1");
}

#[tokio::test]
async fn a_secret_in_a_packed_object_that_nothing_leads_to_fails_the_history_alone() {
    let repo = Repo::good();
    repo.git(&["checkout", "--quiet", "-b", "gone"]);
    repo.write("lost.py", &secret(6));
    repo.commit("lost");
    repo.git(&["checkout", "--quiet", "main"]);
    repo.git(&["repack", "-a", "-d", "--quiet"]);
    repo.git(&["branch", "-D", "gone", "--quiet"]);
    fs::remove_dir_all(repo.path().join(".git/logs")).unwrap();
    only(&prove(&repo).await, &["S1.history"], "which nothing leads to");
}

#[tokio::test]
async fn a_secret_in_a_commit_message_fails_the_history_alone() {
    let repo = Repo::good();
    repo.write("a.txt", "a\n");
    repo.commit(&format!("deploy with {}", made("github-token", 7)));
    only(&prove(&repo).await, &["S1.history"], "message of commit");
}

#[tokio::test]
async fn a_secret_in_an_archive_in_an_archive_fails_the_archives_alone() {
    let repo = Repo::good();
    repo.write("build/inner/conf.txt", &secret(8));
    let tar = |args: &[&str]| {
        let out = Command::new("tar")
            .args(args)
            .current_dir(repo.path().join("build"))
            .output()
            .unwrap();
        assert!(out.status.success(), "{out:?}");
    };
    tar(&["-cf", "layer.tar", "inner"]);
    tar(&["-czf", "image.tar.gz", "layer.tar"]);
    fs::remove_dir_all(repo.path().join("build/inner")).unwrap();
    fs::remove_file(repo.path().join("build/layer.tar")).unwrap();
    only(
        &prove(&repo).await,
        &["S1.archives"],
        "build/image.tar!/layer.tar!/inner/conf.txt:1",
    );
}

#[tokio::test]
async fn a_bomb_and_a_broken_archive_are_unproven_and_do_no_harm() {
    let repo = Repo::good();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..70 {
        std::io::Write::write_all(&mut packed, &vec![0; 1 << 20]).unwrap();
    }
    fs::write(repo.path().join("bomb.gz"), packed.finish().unwrap()).unwrap();
    fs::write(repo.path().join("cut.zip"), b"PK\x03\x04 and no more").unwrap();
    let report = prove(&repo).await;
    assert_verdict(&report, "S1.archives", Verdict::Unproven);
    assert_verdict(&report, "S1.tree", Verdict::Pass);
}

#[tokio::test]
async fn an_env_file_that_others_may_read_or_that_is_tracked_fails_the_env_alone() {
    let open = Repo::good();
    fs::set_permissions(open.path().join(".env"), fs::Permissions::from_mode(0o644)).unwrap();
    only(
        &prove(&open).await,
        &["S1.env"],
        "may be read by others (mode 644)",
    );

    let tracked = Repo::good();
    tracked.write(".env", "MODE=production\n");
    fs::set_permissions(tracked.path().join(".env"), fs::Permissions::from_mode(0o600)).unwrap();
    tracked.git(&["add", "--force", ".env"]);
    let report = prove(&tracked).await;
    assert_verdict(&report, "S1.env", Verdict::Fail);
    assert!(
        part(&report, "S1.env").summary.contains("is tracked"),
        "{}",
        part(&report, "S1.env").summary
    );
    // A file that is ignored and tracked all the same deserves a look in the tree too.
    assert_verdict(&report, "S1.tree", Verdict::Warn);

    let bare = Repo::good();
    bare.write(".gitignore", "target/\n");
    fs::remove_file(bare.path().join(".env")).unwrap();
    only(&prove(&bare).await, &["S1.env"], "would not be ignored");
}

#[tokio::test]
async fn a_shallow_clone_proves_nothing_of_the_history() {
    let repo = Repo::good();
    let clone = tempfile::tempdir().unwrap();
    let from = format!("file://{}", repo.path().display());
    repo.git(&[
        "clone",
        "--quiet",
        "--depth",
        "1",
        &from,
        &clone.path().join("c").display().to_string(),
    ]);
    let report = prove_at(&clone.path().join("c")).await;
    assert_verdict(&report, "S1.history", Verdict::Unproven);
    let history = part(&report, "S1.history");
    assert!(
        format!("{} {:?}", history.summary, history.reason).contains("shallow"),
        "{}",
        history.summary
    );
    assert_verdict(&report, "S1.tree", Verdict::Pass);
}

#[tokio::test]
async fn a_folder_without_a_repository_has_a_tree_and_no_history() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "nothing\n").unwrap();
    let report = prove_at(folder.path()).await;
    assert_verdict(&report, "S1.tree", Verdict::Pass);
    assert_verdict(&report, "S1.history", Verdict::Unproven);
    assert_verdict(&report, "S1.env", Verdict::Unproven);
}

#[tokio::test]
async fn without_the_folder_the_parts_are_unproven_and_name_what_they_lack() {
    let world = World::start(Twin::Good).await;
    let report = world.prove(ItemId::S1, world.target()).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Unproven);
        let part = part(&report, id);
        assert!(
            format!("{} {:?}", part.summary, part.reason).contains("--repository"),
            "{id}: {}",
            part.summary
        );
    }
}

#[tokio::test]
async fn a_target_that_shows_a_secret_fails_the_public_part() {
    for (twin, verdict, named) in [
        (Twin::LeaksInErrors, Verdict::Fail, "GitHub token"),
        (Twin::ShowsItsFolder, Verdict::Fail, "GET /.env"),
        (Twin::HintsInErrors, Verdict::Warn, "Password"),
    ] {
        let world = World::start(twin).await;
        let report = world.prove(ItemId::S1, world.target()).await;
        assert_verdict(&report, "S1.public", verdict);
        let shown = format!(
            "{} {:?}",
            part(&report, "S1.public").summary,
            part(&report, "S1.public").evidence
        );
        assert!(shown.contains(named), "{twin:?}: {shown}");
        assert!(
            !shown.contains(&made("github-token", 3)[6..30]),
            "the secret stands in the report"
        );
    }
}
