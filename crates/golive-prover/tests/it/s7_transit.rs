//! S7: in transit: a right server passes; each that is wrong in one way fails for that, and the other sections stand.

use std::sync::Arc;

use golive_checklist::{CheckReport, ItemId, Verdict};
use golive_config::{Target, TargetFormat};
use golive_prover::tls_probe::{Version, made, suites};
use golive_prover::{CheckOptions, Selection, check};
use rustls::version;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use crate::tls_twin::{Leaf, Shape, TlsTwin, answer, bytes_server};
use crate::world::{assert_verdict, part};

async fn prove(target: Target) -> CheckReport {
    let mut options = CheckOptions::new(Arc::new(target), 7);
    options.selection = Selection {
        items: vec![ItemId::S7],
        phases: Vec::new(),
    };
    check(options, CancellationToken::new()).await.unwrap().report
}

const HANDSHAKES: [&str; 6] = [
    "S7.versions",
    "S7.suites",
    "S7.key",
    "S7.trust",
    "S7.name",
    "S7.hsts",
];

/// Every part of the handshake passes but these, which have this verdict.
#[track_caller]
fn assert_only(report: &CheckReport, wrong: &[&str], verdict: Verdict, reason: &str) {
    for id in HANDSHAKES {
        let expected = if wrong.contains(&id) {
            verdict
        } else {
            Verdict::Pass
        };
        assert_verdict(report, id, expected);
    }
    for id in wrong {
        let summary = &part(report, id).summary;
        assert!(summary.contains(reason), "{id}: {summary}");
    }
}

#[tokio::test]
async fn a_right_server_passes_every_part() {
    for (host, names) in [
        ("localhost", vec!["localhost"]),
        ("127.0.0.1", vec!["other.example", "127.0.0.1"]),
    ] {
        let leaf = Leaf {
            names,
            ..Leaf::default()
        };
        let twin = TlsTwin::start(Shape {
            leaf,
            ..Shape::default()
        })
        .await;
        let report = prove(twin.target(host)).await;
        assert_only(&report, &[], Verdict::Pass, "");
        assert_verdict(&report, "S7.plain_port", Verdict::Unproven);
    }
}

#[tokio::test]
async fn tls_1_2_with_good_suites_is_no_fault_and_alone_it_is_one() {
    let both = TlsTwin::start(Shape {
        versions: vec![&version::TLS12, &version::TLS13],
        ..Shape::default()
    })
    .await;
    assert_only(&prove(both.target("localhost")).await, &[], Verdict::Pass, "");
    let old = TlsTwin::start(Shape {
        versions: vec![&version::TLS12],
        ..Shape::default()
    })
    .await;
    let report = prove(old.target("localhost")).await;
    assert_only(&report, &["S7.versions"], Verdict::Fail, "does not speak TLS 1.3");
}

#[tokio::test]
async fn each_fault_of_a_certificate_fails_its_own_section_and_no_other() {
    type Change = fn(&mut Shape);
    let cases: [(&str, &str, Change); 6] = [
        ("S7.trust", "ran out", |shape| {
            (shape.leaf.from, shape.leaf.until) = ((2020, 1, 1), (2021, 1, 1));
        }),
        ("S7.trust", "is not valid before", |shape| {
            shape.leaf.from = (2080, 1, 1);
        }),
        ("S7.trust", "signed by itself", |shape| shape.self_signed = true),
        ("S7.trust", "was not sent", |shape| {
            shape.send_intermediate = false
        }),
        ("S7.trust", "extended key usage", |shape| {
            shape.leaf.for_servers = false
        }),
        ("S7.name", "it is for other.example", |shape| {
            shape.leaf.names = vec!["other.example"];
        }),
    ];
    for (section, reason, change) in cases {
        let mut shape = Shape::default();
        change(&mut shape);
        let twin = TlsTwin::start(shape).await;
        let report = prove(twin.target("localhost")).await;
        assert_only(&report, &[section], Verdict::Fail, reason);
    }
}

#[tokio::test]
async fn an_authority_that_nobody_declared_is_not_believed() {
    let twin = TlsTwin::start(Shape {
        ca_known: false,
        ..Shape::default()
    })
    .await;
    let report = prove(twin.target("localhost")).await;
    assert_only(&report, &["S7.trust"], Verdict::Fail, "no known authority");
}

#[tokio::test]
async fn a_certificate_near_its_end_warns() {
    let today = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date();
    let until = today.checked_add(jiff::Span::new().days(9)).unwrap();
    let leaf = Leaf {
        until: (i32::from(until.year()), until.month() as u8, until.day() as u8),
        ..Leaf::default()
    };
    let twin = TlsTwin::start(Shape {
        leaf,
        ..Shape::default()
    })
    .await;
    let report = prove(twin.target("localhost")).await;
    assert_only(&report, &["S7.trust"], Verdict::Warn, "runs out in");
}

#[tokio::test]
async fn answers_that_do_not_tell_browsers_to_stay_fail_and_a_short_policy_warns() {
    for (hsts, verdict, reason) in [
        ("", Verdict::Fail, "no strict-transport-security"),
        (
            "strict-transport-security: max-age=0\r\n",
            Verdict::Fail,
            "takes the policy back",
        ),
        (
            "strict-transport-security: max-age=3600\r\n",
            Verdict::Warn,
            "below 180 days",
        ),
    ] {
        let twin = TlsTwin::start(Shape {
            hsts,
            ..Shape::default()
        })
        .await;
        let report = prove(twin.target("localhost")).await;
        assert_only(&report, &["S7.hsts"], verdict, reason);
    }
}

#[tokio::test]
async fn a_plain_port_may_refuse_hang_up_or_redirect_and_must_not_serve() {
    let twin = TlsTwin::start(Shape::default()).await;
    let cases: [(&str, Verdict); 5] = [
        (
            "HTTP/1.1 308 Permanent Redirect\r\nlocation: https://localhost/\r\n",
            Verdict::Pass,
        ),
        (
            "HTTP/1.1 301 Moved\r\nlocation: http://localhost/other\r\n",
            Verdict::Fail,
        ),
        ("HTTP/1.1 200 OK\r\n", Verdict::Fail),
        ("HTTP/1.1 401 Unauthorized\r\n", Verdict::Fail),
        ("HTTP/1.1 404 Not Found\r\n", Verdict::Pass),
    ];
    for (head, verdict) in cases {
        let (port, stop) = bytes_server(move |socket| answer(socket, head)).await;
        let mut target = twin.target("localhost");
        target.plain_url = Some(format!("http://localhost:{port}").parse().unwrap());
        assert_verdict(&prove(target).await, "S7.plain_port", verdict);
        stop.cancel();
    }
    // The port of TLS itself, asked in clear, hangs up; and one where nothing listens refuses.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = free.local_addr().unwrap().port();
    drop(free);
    for port in [twin.addr.port(), closed] {
        let mut target = twin.target("localhost");
        target.plain_url = Some(format!("http://localhost:{port}").parse().unwrap());
        assert_verdict(&prove(target).await, "S7.plain_port", Verdict::Pass);
    }
}

/// A server that answers hellos as it is told to and never finishes a handshake.
async fn made_server(versions: &'static [Version], suites: &'static [u16]) -> (Target, CancellationToken) {
    let (port, stop) = bytes_server(move |mut socket| async move {
        let mut hello = vec![0; 4096];
        if let Ok(count) = socket.read(&mut hello).await {
            let server = made::Made {
                versions,
                suites,
                group_bytes: 128,
            };
            let _ = socket.write_all(&server.answer(&hello[..count])).await;
        }
    })
    .await;
    let url = format!("https://127.0.0.1:{port}/v1").parse().unwrap();
    (Target::bare("made", url, TargetFormat::OpenAi), stop)
}

#[tokio::test]
async fn every_dead_version_is_found_where_it_is_spoken() {
    for version in Version::ALL.into_iter().filter(|version| version.is_dead()) {
        let spoken: &'static [Version] = Box::leak(Box::new([version, Version::Tls13]));
        let (target, stop) = made_server(spoken, suites::GOOD).await;
        let report = prove(target).await;
        assert_verdict(&report, "S7.versions", Verdict::Fail);
        let summary = &part(&report, "S7.versions").summary;
        assert!(summary.contains(&format!("speaks {version}")), "{summary}");
        stop.cancel();
    }
}

#[tokio::test]
async fn every_weak_class_is_found_where_it_is_agreed_to() {
    for class in suites::CLASSES {
        let (target, stop) = made_server(&[Version::Tls12, Version::Tls13], class.suites).await;
        let report = prove(target).await;
        let found = part(&report, "S7.suites");
        // CBC alone only warns, and without a whole handshake a warning is not given either.
        let expected = match class.weight {
            suites::Weight::Discouraged => {
                // Its suites of small groups are small groups here too.
                [Verdict::Fail, Verdict::Unproven].contains(&found.verdict())
            }
            _ => found.verdict() == Verdict::Fail && found.summary.contains(class.name),
        };
        assert!(
            expected,
            "{}: {:?} {}",
            class.name,
            found.verdict(),
            found.summary
        );
        stop.cancel();
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_or_nonsense_passes_nothing() {
    let (port, stop) = bytes_server(|socket| answer(socket, "HTTP/1.1 200 OK\r\n")).await;
    let url = format!("https://127.0.0.1:{port}/v1").parse().unwrap();
    let report = prove(Target::bare("page", url, TargetFormat::OpenAi)).await;
    let (closing, stop_too) = bytes_server(|socket| async move { drop(socket) }).await;
    let url = format!("https://127.0.0.1:{closing}/v1").parse().unwrap();
    let closed = prove(Target::bare("closing", url, TargetFormat::OpenAi)).await;
    for report in [report, closed] {
        for id in HANDSHAKES {
            let verdict = part(&report, id).verdict();
            assert!(
                !matches!(verdict, Verdict::Pass | Verdict::Warn),
                "{id}: {}",
                part(&report, id).summary
            );
        }
    }
    stop.cancel();
    stop_too.cancel();
}

#[tokio::test]
async fn a_plain_target_on_this_machine_has_nothing_to_prove_and_says_so() {
    let (port, stop) = bytes_server(|socket| answer(socket, "HTTP/1.1 200 OK\r\n")).await;
    let url = format!("http://127.0.0.1:{port}/v1").parse().unwrap();
    let report = prove(Target::bare("plain", url, TargetFormat::OpenAi)).await;
    for id in HANDSHAKES.into_iter().chain(["S7.plain_port", "S7.rest"]) {
        assert_verdict(&report, id, Verdict::Unproven);
    }
    let reason = part(&report, "S7.versions").reason.clone().unwrap();
    assert!(reason.contains("plain HTTP"), "{reason}");
    stop.cancel();
}
