//! The process dies, or its disk is full for real: a child process of this very test binary.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use golive_store::{Committed, DatabaseHealth, Store, Uuid};

use crate::world::{Flaky, World, all, open_row, options, row, with_content};

const PATH: &str = "GOLIVE_STORE_CRASH_PATH";
const MODE: &str = "GOLIVE_STORE_CRASH_MODE";

/// 16 callers commit without end and say each id once they were told that it is kept.
#[test]
#[ignore = "the child of the tests below"]
fn child() {
    let Some(path) = std::env::var_os(PATH) else {
        return;
    };
    let mode = std::env::var(MODE).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let flaky = Flaky::open(Path::new(&path)).await;
        let opened = Store::open_on(options(Path::new(&path), 7), flaky.clone(), None)
            .await
            .unwrap();
        let base = u128::from(std::process::id()) << 64;
        for n in 0..10 {
            opened.store.writer().open(open_row(base + n));
        }
        opened.store.writer().commit(row(base + 10)).await.unwrap(); // behind the open ones in the queue
        for n in 0..10 {
            say(&format!("open {}", base + n));
        }
        if mode == "spill" {
            flaky.fail();
        }
        let tasks = tokio_util::task::TaskTracker::new();
        for caller in 1..=16u128 {
            let (writer, mode, flaky) = (opened.store.writer().clone(), mode.clone(), Arc::clone(&flaky));
            tasks.spawn(async move {
                for n in 0..1_000_000 {
                    let id = base + caller * 1_000_000 + n;
                    if mode == "flapping" && n % 20 == caller {
                        if n % 40 < 20 { flaky.fail() } else { flaky.heal() }
                    }
                    let row = if mode == "limited" {
                        with_content(id, 3000)
                    } else {
                        row(id)
                    };
                    writer.open(open_row(id));
                    match writer.commit(row).await {
                        Ok(Committed::Stored) => say(&format!("stored {id}")),
                        Ok(Committed::Spilled) => say(&format!("spilled {id}")),
                        Ok(Committed::Unrecorded) => panic!("not asked for"),
                        Err(refused) => return say(&format!("refused {id} {refused}")),
                    }
                }
            });
        }
        tasks.close();
        tasks.wait().await;
        say("end");
        opened.store.close().await;
    });
}

fn say(line: &str) {
    // One write per line, so that a line is whole or absent.
    let _ = std::io::stdout()
        .lock()
        .write_all(format!("\n@{line}\n").as_bytes());
}

#[tokio::test]
async fn killed_at_any_moment_no_row_that_was_told_is_missing_or_doubled_and_open_ones_are_lost() {
    for (round, mode) in ["plain", "spill", "flapping", "plain", "spill", "flapping"]
        .into_iter()
        .enumerate()
    {
        let world = World::new();
        let mut child = start(&world.path(), mode, &[]);
        let told = listen(&mut child, 50 + round * 37);
        check(&world, &told).await;
    }
}

#[tokio::test]
async fn killed_again_and_again_the_same_store_keeps_all() {
    let world = World::new();
    let mut told = HashMap::new();
    for round in 0..6 {
        let mut child = start(
            &world.path(),
            if round % 2 == 0 { "flapping" } else { "plain" },
            &[],
        );
        told.extend(listen(&mut child, 30 + round * 11));
    }
    check(&world, &told).await;
}

#[tokio::test]
async fn on_a_disk_that_is_really_full_rows_spill_then_are_refused_and_none_that_was_told_is_lost() {
    let world = World::new();
    // Files may have 1.5 MiB (3072 blocks of 512 bytes): the log of the database meets that first.
    let limit = ["sh", "-c", "trap '' XFSZ; ulimit -f 3072; exec \"$0\" \"$@\""];
    let mut child = start(&world.path(), "limited", &limit);
    let told = listen(&mut child, usize::MAX);
    let count = |what: &str| told.values().filter(|said| *said == what).count();
    assert!(
        count("stored") > 50 && count("spilled") > 50,
        "{} stored, {} spilled",
        count("stored"),
        count("spilled")
    );
    assert_eq!(count("refused"), 16, "each caller ends at its refusal");
    check(&world, &told).await;
}

fn start(path: &Path, mode: &str, wrapper: &[&str]) -> Child {
    let me = std::env::current_exe().unwrap();
    let mut command = match wrapper.split_first() {
        Some((program, args)) => {
            let mut command = Command::new(program);
            command.args(args).arg(me);
            command
        }
        None => Command::new(me),
    };
    command.args([
        "--exact",
        "crash::child",
        "--ignored",
        "--nocapture",
        "--test-threads",
        "1",
    ]);
    command
        .env(PATH, path)
        .env(MODE, mode)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What the child said about each id until it had said so many lines; then it is killed.
fn listen(child: &mut Child, lines: usize) -> HashMap<u128, String> {
    let mut told = HashMap::new();
    let mut killed = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some(said) = line.strip_prefix('@') else {
            continue;
        };
        let mut words = said.split(' ');
        let (what, id) = (words.next().unwrap(), words.next());
        if let Some(id) = id.and_then(|id| id.parse().ok()) {
            told.insert(id, what.to_owned());
        }
        if told.len() >= lines && !killed {
            child.kill().unwrap(); // SIGKILL; what it said before is still read
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(
        told.len() >= lines.min(50),
        "the child died early: {} lines",
        told.len()
    );
    told
}

async fn check(world: &World, told: &HashMap<u128, String>) {
    let opened = world.open().await;
    assert_eq!(opened.store.health().database, DatabaseHealth::Up);
    let mut stands: HashMap<Uuid, String> = HashMap::new();
    for row in all(&opened.store).await {
        assert!(stands.insert(row.id, row.outcome).is_none(), "a row stands twice");
    }
    for (id, said) in told {
        let outcome = stands.get(&Uuid::from_u128(*id)).map(String::as_str);
        match said.as_str() {
            "stored" | "spilled" => assert_eq!(outcome, Some("ok"), "{said} {id}"),
            "open" => assert_eq!(outcome, Some("lost"), "{said} {id}"),
            "refused" => assert_ne!(outcome, Some("ok"), "{said} {id}"),
            _ => {}
        }
    }
    assert!(
        !stands.values().any(|outcome| outcome == "open"),
        "a leftover was not settled"
    );
    assert!(opened.lost >= 10 || told.is_empty(), "only {} lost", opened.lost);
}
