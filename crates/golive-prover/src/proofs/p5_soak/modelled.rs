//! P5: how soaks are judged, against modelled targets: whole days in no time.

use golive_checklist::verdict::Verdict;
use golive_load::trend::Outlook;
use proptest::prelude::*;

use super::judge::{Basis, Judged, Terms, What, judge};
use super::record::{Head, Load, Reading, Record, SCHEMA};

const MIB: f64 = 1_048_576.0;
const HOUR: f64 = 3_600.0;

/// A modelled target: memory in MiB at an hour, without noise.
struct Model {
    memory: fn(f64) -> f64,
    descriptors: fn(f64) -> f64,
    process: fn(f64) -> u64,
    idle: fn(f64) -> f64,
}

const FLAT: Model = Model {
    memory: |_| 200.0,
    descriptors: |_| 40.0,
    process: |_| 1,
    idle: |_| 200.0,
};

/// Small repeatable noise without dice: what matters here is the judge.
fn noise(n: usize) -> f64 {
    let mixed = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    mixed as f64 / f64::from(1 << 24) - 0.5
}

fn record(model: &Model, hours: f64, rate: f64) -> Record {
    let every = (hours * HOUR / 2_000.0).min(30.0);
    let count = (hours * HOUR / every) as usize;
    let reading = |n: usize| {
        let hour = n as f64 * every / HOUR;
        Reading {
            at_s: n as f64 * every,
            idle: false,
            memory: ((model.memory)(hour) + noise(n)) * MIB,
            descriptors: Some((model.descriptors)(hour).round()),
            threads: Some(8.0),
            database: None,
            process: Some((model.process)(hour)),
        }
    };
    let mut readings: Vec<Reading> = (0..=count).map(reading).collect();
    readings.extend((1..=60).map(|n| {
        let minute = n as f64 / 4.0;
        Reading {
            at_s: hours * HOUR + minute * 60.0,
            idle: true,
            memory: ((model.idle)(minute) + noise(n)) * MIB,
            ..reading(count)
        }
    }));
    let sent = (hours * HOUR * rate) as u64;
    let head = Head {
        schema: SCHEMA.to_owned(),
        url: "http://modelled".to_owned(),
        rate,
        load_s: hours * HOUR,
        source: "a model".to_owned(),
    };
    Record {
        readings,
        loads: vec![Load {
            sent,
            answered: sent,
            p95_us: vec![20_000, 21_000],
            ..Load::default()
        }],
        ..Record::new(head)
    }
}

fn terms() -> Terms {
    Terms {
        declared_s: 24.0 * HOUR,
        scaled: false,
        expected_rate: Some(2.0),
        memory_limit: Some(512.0 * MIB),
        descriptors_limit: Some(1_024.0),
        database_limit: None,
        kernel: true,
    }
}

fn judged(model: &Model, hours: f64) -> Judged {
    judge(&record(model, hours, 2.0), &terms())
}

#[track_caller]
fn assert_verdict(judged: &Judged, verdict: Verdict) {
    assert_eq!(
        judged.judgement.verdict(),
        verdict,
        "{}",
        judged.judgement.summary()
    );
}

#[test]
fn a_day_without_growth_passes_and_a_planted_leak_is_noticed() {
    let flat = judged(&FLAT, 24.0);
    assert_verdict(&flat, Verdict::Pass);
    assert_eq!(flat.notices, Ok(true));
    assert_eq!(flat.basis, Basis::Clock);
}

#[test]
fn a_collector_that_lets_twenty_mebibytes_pile_up_is_no_leak() {
    let saw = Model {
        memory: |hour| 200.0 + 20.0 * (hour * 3.0).fract(),
        ..FLAT
    };
    assert_verdict(&judged(&saw, 24.0), Verdict::Pass);
}

#[test]
fn a_leak_per_request_that_fills_memory_in_two_days_fails() {
    // 312 MiB of room; 150 a day.
    let leak = Model {
        memory: |hour| 200.0 + hour * 150.0 / 24.0,
        ..FLAT
    };
    let found = judged(&leak, 24.0);
    assert_verdict(&found, Verdict::Fail);
    assert_eq!(found.memory().map(|memory| memory.outlook), Some(Outlook::Fails));
    let summary = found.judgement.summary();
    assert!(summary.contains("512.0 MiB is reached in"), "{summary}");
}

#[test]
fn a_timer_that_keeps_ten_mebibytes_an_hour_fails_over_a_day() {
    let timer = Model {
        memory: |hour| 200.0 + 10.0 * hour.floor(),
        ..FLAT
    };
    assert_verdict(&judged(&timer, 24.0), Verdict::Fail);
}

#[test]
fn ten_mebibytes_a_day_towards_a_limit_far_away_only_warn_if_they_come_within_two_weeks() {
    let slow = Model {
        memory: |hour| 200.0 + hour * 40.0 / 24.0,
        ..FLAT
    };
    assert_verdict(&judged(&slow, 24.0), Verdict::Warn);
    let slower = Model {
        memory: |hour| 200.0 + hour * 5.0 / 24.0,
        ..FLAT
    };
    assert_verdict(&judged(&slower, 24.0), Verdict::Pass);
}

#[test]
fn descriptors_that_are_never_closed_fail() {
    let leak = Model {
        descriptors: |hour| 40.0 + hour * 20.0,
        ..FLAT
    };
    let found = judged(&leak, 24.0);
    assert_verdict(&found, Verdict::Fail);
    let of = |what| {
        found
            .findings
            .iter()
            .find(|finding| finding.what == what)
            .map(|f| f.outlook)
    };
    assert_eq!(of(What::Descriptors), Some(Outlook::Fails));
    assert_eq!(of(What::Memory), Some(Outlook::Well));
}

#[test]
fn another_process_in_the_middle_fails_though_memory_is_flat() {
    let restarted = Model {
        process: |hour| if hour < 13.0 { 1 } else { 2 },
        ..FLAT
    };
    let found = judged(&restarted, 24.0);
    assert_verdict(&found, Verdict::Fail);
    assert!(
        found
            .judgement
            .summary()
            .contains("another process was there after 13h")
    );
}

#[test]
fn what_doubles_while_nothing_is_asked_for_fails() {
    let timer = Model {
        idle: |minute| 200.0 + 40.0 * minute,
        ..FLAT
    };
    let found = judged(&timer, 24.0);
    assert_verdict(&found, Verdict::Fail);
    assert!(found.judgement.summary().contains("a timer keeps what it makes"));
}

#[test]
fn a_run_shorter_than_declared_warns_at_best() {
    let short = judged(&FLAT, 6.0);
    assert_verdict(&short, Verdict::Warn);
    let summary = short.judgement.summary();
    assert!(summary.contains("soaked 6h of the declared 1d"), "{summary}");
}

#[test]
fn an_accelerated_run_says_that_it_is_blind_to_hours() {
    let found = judge(&record(&FLAT, 2.4, 20.0), &terms());
    assert_eq!(found.basis, Basis::Requests(10.0));
    assert_verdict(&found, Verdict::Warn);
    let summary = found.judgement.summary();
    assert!(
        summary.contains("by requests that is 23h59m, and blind to what leaks by the hour"),
        "{summary}"
    );
}

#[test]
fn minutes_of_growth_are_not_decided_and_a_doubling_fails() {
    let fills = Model {
        memory: |hour| 200.0 + hour * 100.0,
        ..FLAT
    };
    assert_verdict(&judged(&fills, 0.5), Verdict::Unproven);
    let bursts = Model {
        memory: |hour| 100.0 + hour * 2_000.0,
        ..FLAT
    };
    assert_verdict(&judged(&bursts, 0.5), Verdict::Fail);
}

#[test]
fn a_gauge_that_never_moves_proves_nothing_unless_the_kernel_says_it() {
    let mut still = record(&FLAT, 24.0, 2.0);
    still.readings.iter_mut().for_each(|reading| reading.memory = 2e8);
    assert_verdict(&judge(&still, &terms()), Verdict::Pass);
    let by_gauge = Terms {
        kernel: false,
        ..terms()
    };
    assert_verdict(&judge(&still, &by_gauge), Verdict::Unproven);
}

#[test]
fn the_memory_of_a_target_that_refuses_its_load_proves_nothing() {
    let mut refusing = record(&FLAT, 24.0, 2.0);
    refusing.loads[0].failed = refusing.loads[0].sent / 2;
    refusing.loads[0].limited = refusing.loads[0].failed;
    let found = judge(&refusing, &terms());
    assert_verdict(&found, Verdict::Unproven);
    assert!(found.judgement.summary().contains("raise the limits of staging"));
}

#[test]
fn a_ledger_that_grows_is_told_and_judged_only_against_a_declared_space() {
    let mut grows = record(&FLAT, 24.0, 2.0);
    for reading in &mut grows.readings {
        reading.database = Some(50.0 * MIB + reading.at_s * 20_000.0);
    }
    assert_verdict(&judge(&grows, &terms()), Verdict::Pass);
    let narrow = Terms {
        database_limit: Some(2_000.0 * MIB),
        ..terms()
    };
    assert_verdict(&judge(&grows, &narrow), Verdict::Fail);
}

#[test]
fn a_scaled_target_s_declared_length_stands_for_a_day() {
    let scaled = Terms {
        scaled: true,
        declared_s: 20.0,
        ..terms()
    };
    let found = judge(&record(&FLAT, 20.0 / HOUR, 100.0), &scaled);
    assert_eq!(found.basis, Basis::Scaled(4_320.0));
    assert_verdict(&found, Verdict::Pass);
    // 40 of 312 MiB in these 20 s: full in eight such days.
    let leak = Model {
        memory: |hour| 200.0 + 150.0 * hour * 180.0,
        ..FLAT
    };
    assert_verdict(&judge(&record(&leak, 20.0 / HOUR, 100.0), &scaled), Verdict::Fail);
}

#[test]
fn readings_that_failed_are_not_forgotten() {
    let mut blind = record(&FLAT, 24.0, 2.0);
    blind.missed = blind.readings.len() as u64 / 2;
    blind.first_missed = Some("the metrics have no gauge".to_owned());
    let found = judge(&blind, &terms());
    assert_verdict(&found, Verdict::Unproven);
    assert!(found.judgement.summary().contains("the metrics have no gauge"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn less_that_could_be_read_never_makes_a_verdict_better(missed in 0_u64..4_000, hours in 1_u32..24) {
        let mut record = record(&FLAT, f64::from(hours), 2.0);
        let before = judge(&record, &terms()).judgement.verdict();
        record.missed = missed;
        prop_assert!(judge(&record, &terms()).judgement.verdict() >= before);
    }
}
