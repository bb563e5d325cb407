//! A change on disk is told once, however it is made.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use golive_config::{Watch, watch};

/// Longer than any quiet span of the watcher, on a busy machine too.
const SOON: Duration = Duration::from_secs(20);

fn watched(path: &Path) -> (Watch, Receiver<String>) {
    let (tell, told) = sync_channel(64);
    let file = path.to_owned();
    let watch = watch(path, move || {
        let _ = tell.try_send(std::fs::read_to_string(&file).unwrap_or_default());
    });
    (watch.unwrap(), told)
}

/// Waits until a change was told that saw `contents`.
fn told(told: &Receiver<String>, contents: &str) {
    loop {
        match told.recv_timeout(SOON) {
            Ok(seen) if seen == contents => return,
            Ok(_) => {} // a change told half-way; the end of it follows
            Err(why) => panic!("{contents}: {why}"),
        }
    }
}

#[test]
fn a_write_in_place_and_an_editors_replacement_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("golive.toml");
    std::fs::write(&file, "one").unwrap();
    let (_watch, changes) = watched(&file);
    std::fs::write(&file, "two").unwrap();
    told(&changes, "two");
    for contents in ["three", "four"] {
        let swap = folder.path().join("golive.toml.swp");
        std::fs::write(&swap, contents).unwrap();
        std::fs::rename(&swap, &file).unwrap();
        told(&changes, contents);
    }
}

#[cfg(unix)]
#[test]
fn a_kubernetes_symlink_swap_is_told() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (version, contents) in [("..v1", "one"), ("..v2", "two"), ("..v3", "three")] {
        std::fs::create_dir(at(version)).unwrap();
        std::fs::write(at(version).join("golive.toml"), contents).unwrap();
    }
    symlink("..v1", at("..data")).unwrap();
    symlink("..data/golive.toml", at("golive.toml")).unwrap();
    let (_watch, changes) = watched(&at("golive.toml"));
    for (version, contents) in [("..v2", "two"), ("..v3", "three")] {
        symlink(version, at("..data_tmp")).unwrap();
        std::fs::rename(at("..data_tmp"), at("..data")).unwrap();
        told(&changes, contents);
    }
}

#[test]
fn a_new_env_file_is_told_and_other_files_and_equal_contents_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("golive.toml");
    std::fs::write(&file, "one").unwrap();
    let (watch, changes) = watched(&file);
    std::fs::write(folder.path().join("other.toml"), "x").unwrap();
    std::fs::write(&file, "one").unwrap();
    std::fs::write(folder.path().join(".env"), "A=1").unwrap();
    told(&changes, "one");
    // The watch ends, and with it the sender: whatever was still on its way has arrived by then.
    drop(watch);
    assert_eq!(
        changes.recv_timeout(SOON),
        Err(RecvTimeoutError::Disconnected),
        "told once"
    );
}

#[test]
fn a_file_that_appears_later_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sub").join("golive.toml");
    let (changed, changes) = sync_channel(64);
    let _watch = watch(&file, move || _ = changed.send(())).unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::write(&file, "one").unwrap();
    changes.recv_timeout(SOON).expect("told");
}
