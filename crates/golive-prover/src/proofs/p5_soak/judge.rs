//! P5: what a soak says. Pure: it reads a record and the terms it is held to, nothing else.
//!
//! Never: fails a process for what a short run cannot show, or passes one because its figures never moved.

use golive_checklist::judge::{Judgement, Rule, Tally, UnscoredReason};
use golive_checklist::threshold::Zone;
use golive_checklist::unit::format_duration;
use golive_load::trend::{Call, Growth, Lines, Outlook, Point, TooFew, WARM_UP, days_until, outlook};
use serde_json::{Value, json};
use std::time::Duration;

use super::record::{Reading, Record};

/// A day, to which all growth is held.
const DAY_S: f64 = 86_400.0;

/// Descriptors and threads may grow by so many a day, whatever their number, before it is a leak: pools fill.
const FLOOR: f64 = 64.0;

/// A soak whose load was not served says nothing of the memory of one that is.
const FAILED_MAX: f64 = 0.05;

/// Fewest readings of the idle time that show a trend of their own.
const IDLE_LEAST: usize = 20;

/// While idle, memory must have grown by this share for it to be more than a thread waking up.
const IDLE_GROWN: f64 = 0.02;

/// p95 at the end may be so many times what it was at the beginning…
const SLOWER: f64 = 1.5;
/// …or so much more, microseconds: below, nobody notices.
const SLOWER_FLOOR_US: u64 = 50_000;

/// How much more than the fail line is planted for the negative control.
const PLANTED: f64 = 1.5;

/// What a soak is held to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Terms {
    /// A soak of this length counts in full, seconds.
    pub(super) declared_s: f64,
    /// The target's numbers are scaled down in time: the declared length stands for a day.
    pub(super) scaled: bool,
    /// Requests per second that are expected.
    pub(super) expected_rate: Option<f64>,
    /// Bytes.
    pub(super) memory_limit: Option<f64>,
    pub(super) descriptors_limit: Option<f64>,
    /// Bytes.
    pub(super) database_limit: Option<f64>,
    /// The kernel itself says the memory.
    pub(super) kernel: bool,
}

/// Against what time growth is held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Basis {
    /// The clock's.
    Clock,
    /// That of so many times the requests: blind to what leaks by the hour.
    Requests(f64),
    /// The declared length stands for a day; so many times the clock's.
    Scaled(f64),
}

impl Basis {
    /// Seconds that one second of soaking stands for.
    pub(super) fn factor(self) -> f64 {
        match self {
            Basis::Clock => 1.0,
            Basis::Requests(factor) | Basis::Scaled(factor) => factor,
        }
    }
}

/// One resource.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub(super) what: What,
    pub(super) growth: Growth,
    pub(super) lines: Lines,
    pub(super) outlook: Outlook,
    pub(super) limit: Option<f64>,
}

/// Which resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Memory,
    Descriptors,
    Threads,
    Database,
}

impl What {
    const ALL: [What; 4] = [What::Memory, What::Descriptors, What::Threads, What::Database];

    pub(super) fn word(self) -> &'static str {
        match self {
            What::Memory => "memory",
            What::Descriptors => "descriptors",
            What::Threads => "threads",
            What::Database => "database",
        }
    }

    pub(super) fn of(self, reading: &Reading) -> Option<f64> {
        match self {
            What::Memory => Some(reading.memory),
            What::Descriptors => reading.descriptors,
            What::Threads => reading.threads,
            What::Database => reading.database,
        }
    }

    /// The name of a figure of it, with its unit at the end.
    pub(super) fn named(self, what: &str) -> String {
        match self {
            What::Memory | What::Database => format!("{}_{what}mib", self.word()),
            What::Descriptors | What::Threads => {
                format!("{}_{what}", self.word()).trim_end_matches('_').to_owned()
            }
        }
    }

    /// A value as a figure in that unit; nothing if it is none.
    pub(super) fn figure(self, value: f64) -> Value {
        let (scale, digits) = match self {
            What::Memory | What::Database => (f64::from(1 << 20), 100.0),
            What::Descriptors | What::Threads => (1.0, 1.0),
        };
        let value = (value / scale * digits).round() / digits + 0.0; // no −0
        if !value.is_finite() {
            Value::Null
        } else if value.fract() == 0.0 && value.abs() < 1e15 {
            json!(value as i64)
        } else {
            json!(value)
        }
    }

    /// A value in words.
    pub(super) fn shown(self, value: f64) -> String {
        match self {
            What::Memory | What::Database => {
                let mib = value / f64::from(1 << 20);
                if mib.abs() < 0.005 {
                    "0 MiB".to_owned()
                } else if mib.abs() < 10.0 {
                    format!("{mib:.2} MiB")
                } else {
                    format!("{mib:.1} MiB")
                }
            }
            // No −0.
            What::Descriptors | What::Threads => format!("{:.0}", value.round() + 0.0),
        }
    }
}

/// What a soak came to.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) basis: Basis,
    pub(super) findings: Vec<Finding>,
    /// How memory behaved while nothing was asked for.
    pub(super) idle: Option<Growth>,
    /// When another process was there than before, seconds.
    pub(super) restarts: Vec<f64>,
    /// A leak that is planted into the readings is not taken for none; why it could not be tried.
    pub(super) notices: Result<bool, TooFew>,
    pub(super) judgement: Judgement,
}

impl Judged {
    pub(super) fn memory(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.what == What::Memory)
    }
}

/// The readings of one resource on the clock they are held to, while loaded or while idle.
pub(super) fn series(record: &Record, what: What, idle: bool, basis: Basis) -> Vec<Point> {
    let of = |reading: &Reading| {
        Some(Point {
            at_s: reading.at_s * basis.factor(),
            value: what.of(reading)?,
        })
    };
    let wanted = record.readings.iter().filter(|reading| reading.idle == idle);
    wanted.filter_map(of).collect()
}

pub(super) fn basis(record: &Record, terms: &Terms) -> Basis {
    let more = terms
        .expected_rate
        .map_or(1.0, |expected| record.head.rate / expected);
    if terms.scaled {
        Basis::Scaled((DAY_S / terms.declared_s).max(1.0))
    } else if !is_whole(record, terms) && more > 1.0 {
        Basis::Requests(more)
    } else {
        Basis::Clock
    }
}

fn is_whole(record: &Record, terms: &Terms) -> bool {
    record.soaked_s() >= terms.declared_s * 0.99
}

pub(super) fn judge(record: &Record, terms: &Terms) -> Judged {
    let basis = basis(record, terms);
    let mut tally = Tally::new();
    record.readings.iter().for_each(|_| tally.add_good());
    let why = record.first_missed.as_deref().unwrap_or("not read");
    (0..record.missed).for_each(|_| tally.add_unscored(&UnscoredReason::Unexpected(why.to_owned())));
    let restarts = restarts(record);
    for at in &restarts {
        tally.add_bad(format!("another process was there after {}", seconds(*at)));
    }
    let rule = Rule {
        min_scored: golive_load::trend::LEAST_POINTS as u64,
        ..Rule::default()
    };
    let mut notes: Vec<(Zone, String)> = Vec::new();
    let mut findings = Vec::new();
    for what in What::ALL {
        let points = series(record, what, false, basis);
        if points.is_empty() {
            continue;
        }
        match Growth::of(&points, WARM_UP) {
            Ok(growth) => findings.push(finding(what, growth, terms)),
            Err(few) if what == What::Memory => notes.push((Zone::NoData, few.to_string())),
            Err(_) => {}
        }
    }
    notes.extend(findings.iter().map(note));
    if !terms.kernel && never_moved(record) {
        notes.push((
            Zone::NoData,
            "its memory never moved by a byte: what is read may be a constant".to_owned(),
        ));
    }
    let idle = idle_growth(record, &findings, basis, &mut notes);
    load_notes(record, &mut notes);
    length_notes(record, terms, basis, &mut notes);
    // The worst decides and is read first.
    notes.sort_by_key(|(zone, _)| std::cmp::Reverse(*zone));
    let judgement = notes.iter().fold(tally.judge(&rule), |judgement, (zone, why)| {
        judgement.no_better_than(*zone, why)
    });
    Judged {
        basis,
        notices: notices(record, &findings, basis),
        findings,
        idle,
        restarts,
        judgement,
    }
}

fn finding(what: What, growth: Growth, terms: &Terms) -> Finding {
    let limit = match what {
        What::Memory => terms.memory_limit,
        What::Descriptors => terms.descriptors_limit,
        What::Threads => None,
        What::Database => terms.database_limit,
    };
    let floor = match what {
        What::Memory | What::Database => 0.0,
        What::Descriptors | What::Threads => FLOOR,
    };
    let lines = match limit {
        Some(limit) => Lines::towards(limit, growth.level),
        None => Lines::relative(growth.level, floor),
    };
    Finding {
        what,
        outlook: outlook(&growth, &lines),
        growth,
        lines,
        limit,
    }
}

/// A ledger grows with its requests, as it should: without a declared limit its growth is told and not judged.
fn is_judged(finding: &Finding) -> bool {
    finding.what != What::Database || finding.limit.is_some()
}

fn note(finding: &Finding) -> (Zone, String) {
    let (what, growth) = (finding.what, &finding.growth);
    let per_day = |value: f64| {
        if value.is_finite() {
            format!("{}/day", what.shown(value))
        } else {
            "∞".to_owned()
        }
    };
    let mut text = format!(
        "{} {}, growth {} [{}, {}]",
        what.word(),
        what.shown(growth.level),
        per_day(growth.slope.point),
        per_day(growth.slope.lower),
        per_day(growth.slope.upper),
    );
    if let (Some(limit), true) = (finding.limit, finding.outlook != Outlook::Well)
        && let Some(days) = days_until(limit, growth)
    {
        text.push_str(&format!(
            "; at the upper end {} is reached in {}",
            what.shown(limit),
            days_in_words(days)
        ));
    }
    if !is_judged(finding) {
        return (
            Zone::Pass,
            format!("{text}, not judged: no database_limit is declared"),
        );
    }
    match finding.outlook {
        Outlook::Well => (Zone::Pass, text),
        Outlook::Slow => (Zone::Warn, text),
        Outlook::Undecided => (
            Zone::NoData,
            format!("{text}: so short a run cannot tell a leak from a cache that fills"),
        ),
        Outlook::Fails => (Zone::Fail, text),
    }
}

fn restarts(record: &Record) -> Vec<f64> {
    let known = record
        .readings
        .iter()
        .filter_map(|reading| Some((reading.at_s, reading.process?)));
    let known: Vec<(f64, u64)> = known.collect();
    known
        .windows(2)
        .filter(|pair| pair[0].1 != pair[1].1)
        .map(|pair| pair[1].0)
        .collect()
}

fn never_moved(record: &Record) -> bool {
    let first = record.readings.first().map(|reading| reading.memory);
    record
        .readings
        .iter()
        .all(|reading| Some(reading.memory) == first)
}

/// What grows while nothing is asked for grows by a timer.
fn idle_growth(
    record: &Record,
    findings: &[Finding],
    basis: Basis,
    notes: &mut Vec<(Zone, String)>,
) -> Option<Growth> {
    // By the clock: a timer does not care for requests.
    let basis = match basis {
        Basis::Requests(_) => Basis::Clock,
        basis => basis,
    };
    let points = series(record, What::Memory, true, basis);
    let memory = findings.iter().find(|finding| finding.what == What::Memory)?;
    if points.len() < IDLE_LEAST {
        return None;
    }
    // Connections close and work in hand ends first.
    let growth = Growth::of(&points, WARM_UP).ok()?;
    let grown = growth.level - growth.first_level;
    if growth.rises(memory.lines.fail_per_day) && grown > IDLE_GROWN * growth.first_level {
        notes.push((
            Zone::Fail,
            format!(
                "while nothing was asked for, memory grew by {} a day: a timer keeps what it makes",
                What::Memory.shown(growth.slope.point)
            ),
        ));
    }
    Some(growth)
}

fn load_notes(record: &Record, notes: &mut Vec<(Zone, String)>) {
    let sum = |of: fn(&super::record::Load) -> u64| record.loads.iter().map(of).sum::<u64>();
    let (answered, failed, limited) = (sum(|l| l.answered), sum(|l| l.failed), sum(|l| l.limited));
    let finished = answered + failed;
    let commonest = record.loads.iter().find_map(|load| load.commonest.as_deref());
    if finished == 0 {
        notes.push((Zone::NoData, "no request of the load finished".to_owned()));
    } else if failed as f64 > FAILED_MAX * finished as f64 {
        let why = if limited * 2 > failed {
            "most by a rate limit: raise the limits of staging"
        } else {
            commonest.unwrap_or("for several reasons")
        };
        notes.push((
            Zone::NoData,
            format!("{failed} of {finished} requests failed ({why}), and so its memory is not that of one that serves"),
        ));
    }
    for ended in record.loads.iter().filter_map(|load| load.ended.as_deref()) {
        notes.push((Zone::Warn, format!("the load ended early: {ended}")));
    }
    let p95 = |of: Option<&super::record::Load>, last: bool| {
        let p95 = &of?.p95_us;
        if last {
            p95.last().copied()
        } else {
            p95.first().copied()
        }
    };
    if let (Some(first), Some(last)) = (p95(record.loads.first(), false), p95(record.loads.last(), true))
        && last as f64 > first as f64 * SLOWER
        && last > first + SLOWER_FLOOR_US
    {
        notes.push((
            Zone::Warn,
            format!("p95 rose from {} to {} ms", first / 1_000, last / 1_000),
        ));
    }
}

fn length_notes(record: &Record, terms: &Terms, basis: Basis, notes: &mut Vec<(Zone, String)>) {
    let soaked = record.soaked_s();
    if !is_whole(record, terms) {
        let mut text = format!(
            "soaked {} of the declared {}",
            seconds(soaked),
            seconds(terms.declared_s)
        );
        if let Basis::Requests(more) = basis {
            text.push_str(&format!(
                "; by requests that is {}, and blind to what leaks by the hour",
                seconds(soaked * more)
            ));
        }
        notes.push((Zone::Warn, text));
    }
    if !record.interruptions.is_empty() {
        notes.push((
            Zone::Pass,
            format!(
                "interrupted {} times and gone on with",
                record.interruptions.len()
            ),
        ));
    }
}

/// The negative control: with a leak planted into the very readings, the rule does not say that there is none.
fn notices(record: &Record, findings: &[Finding], basis: Basis) -> Result<bool, TooFew> {
    let memory = findings.iter().find(|finding| finding.what == What::Memory);
    let Some(memory) = memory else {
        return Err(TooFew {
            have: record.readings.len(),
        });
    };
    let leak = memory.lines.fail_per_day.max(1.0) * PLANTED / DAY_S;
    let mut points = series(record, What::Memory, false, basis);
    for point in &mut points {
        point.value += leak * point.at_s;
    }
    let growth = Growth::of(&points, WARM_UP)?;
    Ok(growth.call(memory.lines.fail_per_day) != Call::Flat || memory.lines.fail_per_day <= 0.0)
}

fn days_in_words(days: f64) -> String {
    if days < 2.0 {
        format!("{:.0} h", days * 24.0)
    } else {
        format!("{days:.0} days")
    }
}

/// Seconds as a duration in words: tenths below ten seconds, whole minutes from two hours on.
pub(super) fn seconds(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let whole = if seconds < 10.0 {
        Duration::from_millis((seconds * 10.0).round() as u64 * 100)
    } else if seconds >= 7_200.0 {
        Duration::from_secs((seconds / 60.0).round() as u64 * 60)
    } else {
        Duration::from_secs(seconds.round() as u64)
    };
    format_duration(whole)
}
