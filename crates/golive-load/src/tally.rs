//! P1: adds up one stage and turns the sums into its report.
//!
//! Never: decides when a stage begins or ends.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::abort::Cause;
use crate::batch::Batches;
use crate::driver::Finished;
use crate::histogram::Latencies;
use crate::interval;
use crate::plan::{Rules, Stage};
use crate::reply::{CLASSES, Failure};
use crate::report::{CONFIDENCE, ClassReport, FAILURES, FailureCount, Invalid, StageReport};
use crate::warm_up::Warmed;

/// The sums of one stage.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) began: bool,
    pub(crate) warm_up: Option<Warmed>,
    pub(crate) warm_up_requests: u64,
    pub(crate) intended: u64,
    pub(crate) sent: u64,
    /// Sent and not yet finished.
    pub(crate) open: u64,
    pub(crate) aborted: Option<Cause>,
    /// Begin of the measured part and, then, its end: by the schedule.
    pub(crate) held: Option<(Duration, Option<Duration>)>,
    /// The clock and the processor time at those two moments.
    pub(crate) busy: [Option<(Duration, Option<Duration>)>; 2],
    not_sent: Latencies,
    lag: Latencies,
    cold: u64,
    own: (u64, String),
    sums: Option<Box<Sums>>,
}

#[derive(Debug)]
struct Sums {
    all: ClassSums,
    classes: [Option<ClassSums>; CLASSES],
    began: Duration,
    expected: Duration,
}

#[derive(Debug)]
struct ClassSums {
    answered: u64,
    failures: BTreeMap<Failure, u64>,
    latency: Batches,
    service: Latencies,
    first_byte: Latencies,
    gaps: Latencies,
    bytes: u64,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            began: false,
            warm_up: None,
            warm_up_requests: 0,
            intended: 0,
            sent: 0,
            open: 0,
            aborted: None,
            held: None,
            busy: [None, None],
            not_sent: Latencies::new(),
            lag: Latencies::new(),
            cold: 0,
            own: (0, String::new()),
            sums: None,
        }
    }

    /// The measured part begins at `began` and is expected to last this long.
    pub(crate) fn hold(&mut self, began: Duration, expected: Duration) {
        self.held = Some((began, None));
        let all = ClassSums::new(began, expected);
        self.sums = Some(Box::new(Sums {
            all,
            classes: [const { None }; CLASSES],
            began,
            expected,
        }));
    }

    /// A due request was given up, this much overdue.
    pub(crate) fn not_sent(&mut self, class: usize, intended: Duration, age: Duration) {
        self.not_sent.record(age);
        self.each(class, |sums| sums.latency.record(intended, None));
    }

    /// A request of the measured part finished.
    pub(crate) fn finished(&mut self, done: &Finished) {
        self.open = self.open.saturating_sub(1);
        self.lag.record(done.started.saturating_sub(done.intended));
        self.cold += u64::from(done.reply.cold);
        if let Some(Failure::Generator(what)) = &done.reply.failure {
            if self.own.0 == 0 {
                self.own.1 = what.to_string();
            }
            self.own.0 += 1;
            return;
        }
        self.each(done.class, |sums| sums.finished(done));
    }

    fn each(&mut self, class: usize, mut with: impl FnMut(&mut ClassSums)) {
        let Some(sums) = &mut self.sums else { return };
        with(&mut sums.all);
        let (began, expected) = (sums.began, sums.expected);
        with(sums.classes[class.min(CLASSES - 1)].get_or_insert_with(|| ClassSums::new(began, expected)));
    }

    /// The report, once nothing more can come.
    pub(crate) fn report(self, stage: &Stage, rules: &Rules, over: Duration) -> StageReport {
        let (began, ended) = self.held.map_or((over, None), |(began, ended)| (began, ended));
        let complete = ended.is_some();
        let held = ended.unwrap_or(over).saturating_sub(began);
        let busy = self.busy_share();
        let nothing = || {
            Box::new(Sums {
                all: ClassSums::new(began, held),
                classes: [const { None }; CLASSES],
                began,
                expected: held,
            })
        };
        let sums = self.sums.unwrap_or_else(nothing);
        let all = sums.all.report(0);
        let mut report = StageReport {
            name: stage.name.clone(),
            role: stage.role,
            rate_per_s: stage.rate_per_s,
            warm_up: self.warm_up,
            warm_up_requests: self.warm_up_requests,
            held_us: u64::try_from(held.as_micros()).unwrap_or(u64::MAX),
            intended: self.intended,
            sent: self.sent,
            not_sent: self.not_sent.samples(),
            not_sent_age: self.not_sent.summary(),
            interrupted: self.open,
            lag: self.lag.summary(),
            cold: self.cold,
            busy,
            classes: sums
                .classes
                .iter()
                .enumerate()
                .filter_map(|(n, class)| Some(class.as_ref()?.report(n)))
                .collect(),
            stretches: sums.all.latency.stretches().collect(),
            aborted: self.aborted,
            invalid: Vec::new(),
            batches: sums.all.latency,
            all,
        };
        report.invalid = invalid(&report, rules, complete, &self.own);
        report
    }

    fn busy_share(&self) -> Option<f64> {
        let [Some((from, used)), Some((to, more))] = self.busy else {
            return None;
        };
        let wall = to.saturating_sub(from).as_secs_f64();
        let used = more?.saturating_sub(used?).as_secs_f64();
        (wall > 0.0).then(|| used / wall)
    }
}

fn invalid(stage: &StageReport, rules: &Rules, complete: bool, own: &(u64, String)) -> Vec<Invalid> {
    let mut all = Vec::new();
    if stage.all.errors.of == 0 {
        all.push(Invalid::NothingFinished);
    }
    if !complete || stage.interrupted > 0 {
        all.push(Invalid::Interrupted);
    }
    if (stage.sent as f64) < rules.min_sent * stage.intended as f64 {
        all.push(Invalid::NotOffered {
            sent: stage.sent,
            intended: stage.intended,
        });
    }
    // Of what answered, if half did not: an infinite median would allow any lag.
    let median = stage.all.latency.p50_us.unwrap_or(0) as f64;
    let allowed_us = u64::try_from(rules.max_lag.as_micros())
        .unwrap_or(u64::MAX)
        .max((median * rules.max_lag_of_median) as u64);
    if let Some(lag_us) = stage.lag.p99_us.filter(|lag| *lag > allowed_us) {
        all.push(Invalid::Late { lag_us, allowed_us });
    }
    match stage.busy {
        Some(share) if share > rules.max_busy => {
            all.push(Invalid::Busy {
                percent: (share * 100.0).round() as u32,
            });
        }
        None if complete => all.push(Invalid::BusyUnknown),
        _ => {}
    }
    if own.0 > 0 {
        all.push(Invalid::OwnResources {
            count: own.0,
            what: own.1.clone(),
        });
    }
    all
}

impl ClassSums {
    fn new(began: Duration, expected: Duration) -> Self {
        Self {
            answered: 0,
            failures: BTreeMap::new(),
            latency: Batches::new(began, expected),
            service: Latencies::new(),
            first_byte: Latencies::new(),
            gaps: Latencies::new(),
            bytes: 0,
        }
    }

    fn finished(&mut self, done: &Finished) {
        let reply = &done.reply;
        self.bytes += reply.bytes;
        match &reply.failure {
            None => {
                self.answered += 1;
                self.latency.record(done.intended, Some(done.latency()));
                self.service.record(done.service());
                if let Some(first) = reply.first_byte {
                    self.first_byte
                        .record(done.started.saturating_sub(done.intended) + first);
                }
                reply.gaps.iter().for_each(|gap| self.gaps.record(*gap));
            }
            Some(failure) => {
                if *failure == Failure::Timeout {
                    self.latency.record(done.intended, None);
                }
                let known = self.failures.len() < FAILURES || self.failures.contains_key(failure);
                let failure = if known {
                    failure.clone()
                } else {
                    Failure::Semantic("other".into())
                };
                *self.failures.entry(failure).or_default() += 1;
            }
        }
    }

    fn report(&self, class: usize) -> ClassReport {
        let failed = self.failures.values().sum::<u64>();
        let total = self.latency.total();
        ClassReport {
            class,
            answered: self.answered,
            errors: interval::share(failed, failed + self.answered, CONFIDENCE),
            failures: (self.failures.iter())
                .map(|(failure, count)| FailureCount {
                    failure: failure.clone(),
                    count: *count,
                })
                .collect(),
            latency: total.summary(),
            p50: total.percentile(0.50, CONFIDENCE),
            p95: self.latency.percentile(0.95, CONFIDENCE),
            p99: self.latency.percentile(0.99, CONFIDENCE),
            service: self.service.summary(),
            first_byte: self.first_byte.summary(),
            gaps: self.gaps.summary(),
            bytes: self.bytes,
        }
    }
}
