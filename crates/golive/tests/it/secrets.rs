//! S1: where secrets must not stand: in the log of a gateway that tells everything, in its arguments, in a core dump.

use std::fs;

use crate::gate::{Format, Setup};
use crate::world::MASTER_KEY;

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_stands_in_the_log_of_a_gateway_that_tells_everything() {
    let gate = Setup::default().with("[log]\nlevel = \"trace\"").start().await;
    let wrong = golive_prover::secrets::made("golive-key", 77);
    for format in Format::ALL {
        gate.call(format).send().await.said(format);
        gate.call(format)
            .key(&wrong)
            .send()
            .await
            .is_error(format, 401, "invalid_api_key");
        // What the upstream does wrong is where one likes to print too much.
        for fault in ["status=401", "status=500", "reset"] {
            drop(gate.call(format).fault(fault).try_send().await);
        }
        drop(gate.call(format).raw("{\"model\": ").send().await);
    }
    let made = gate.command(&["keys", "create", "fresh"]).await.good();
    let log = gate.log();
    assert!(
        log.contains("TRACE") || log.contains("DEBUG") || log.contains("INFO"),
        "something is logged: {log}"
    );
    for (what, secret) in [
        ("the caller's key", gate.key.as_str()),
        ("a wrong key", &wrong),
        ("a fresh key", made.trim()),
        ("the master key", MASTER_KEY),
    ] {
        assert!(!log.contains(secret), "{what} stands in the log");
        // Nor enough of it to find the rest.
        assert!(
            !log.contains(&secret[9..secret.len() - 8]),
            "most of {what} stands in the log"
        );
    }
    let engine = golive_prover::secrets::Engine::new().unwrap();
    let source = golive_prover::secrets::Source {
        path: "gateway.log",
        origin: golive_prover::secrets::Origin::Tree,
        commit: None,
    };
    let found = engine.bytes(&source, log.as_bytes()).findings;
    assert!(found.is_empty(), "{found:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_leaves_no_core_dump_and_has_no_secret_in_its_arguments() {
    let gate = Setup::default().start().await;
    let about = |name: &str| fs::read(format!("/proc/{}/{name}", gate.pid())).expect("it runs");
    let limits = String::from_utf8(about("limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .expect("the limit");
    let numbers: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(numbers, ["0", "0"], "{core}");
    let arguments = about("cmdline");
    for secret in [gate.key.as_str(), MASTER_KEY] {
        assert!(!arguments.windows(secret.len()).any(|w| w == secret.as_bytes()));
    }
}
