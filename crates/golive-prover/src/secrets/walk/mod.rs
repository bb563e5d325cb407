//! S1: where secrets are looked for: the work tree, the history, archives.
//!
//! Never: follows a symbolic link, opens anything but regular files, or writes.

pub(super) mod archive;
pub(super) mod history;
pub(super) mod tree;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Does `work` for the numbers below `count` on `threads` threads, and gives what came of each in order of the numbers,
/// whatever thread did it. Stops early if `stop` is set.
pub(super) fn spread<W, T: Send>(
    count: usize,
    threads: usize,
    stop: &AtomicBool,
    start: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, usize) -> Option<T> + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let one = || {
        let mut state = start();
        let mut done = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            if let Some(result) = work(&mut state, number) {
                done.push((number, result));
            }
        }
        done
    };
    let mut all: Vec<(usize, T)> = std::thread::scope(|scope| {
        let running: Vec<_> = (1..threads.max(1)).map(|_| scope.spawn(one)).collect();
        let mut all = one();
        for thread in running {
            match thread.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, result)| result).collect()
}
