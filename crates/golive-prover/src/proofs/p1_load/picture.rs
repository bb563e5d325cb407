//! P1: a ramp as two pictures: latency over time, and latency against the load.
//!
//! Never: joins stages over a stretch that nobody measured.

use golive_checklist::chart::{Axis, Chart, Mark, Series, Shape, Side};
use golive_load::{Role, RunReport, StageReport};

/// The pictures of a run; none of one that measured nothing.
pub(super) fn charts(run: &RunReport) -> Vec<Chart> {
    [over_time(run), by_load(run)].into_iter().flatten().collect()
}

fn millis(us: u64) -> f64 {
    us as f64 / 1_000.0
}

fn over_time(run: &RunReport) -> Option<Chart> {
    let mut at = 0.0;
    let mut series = Vec::new();
    let mut marks = Vec::new();
    let mut says = Vec::new();
    for stage in &run.stages {
        marks.push(Mark {
            label: stage.name.clone(),
            on: Side::X,
            at,
            limit: stage.aborted.is_some(),
        });
        at += stage.warm_up.map_or(0.0, |warm_up| warm_up.took_us as f64 / 1e6);
        let measured = stage.stretches.iter().filter(|stretch| stretch.samples > 0);
        let points = measured.filter_map(|stretch| {
            let middle = (stretch.from_us + stretch.to_us) as f64 / 2e6;
            Some((at + middle, millis(stretch.p95_us?)))
        });
        // A series for each stage: nobody measured their warm-ups.
        let points: Vec<(f64, f64)> = points.collect();
        if !points.is_empty() {
            series.push(Series::new("p95 of a twentieth of a stage", Shape::Line, points));
        }
        at += stage.held_us as f64 / 1e6;
        says.extend(shown(stage));
    }
    (!series.is_empty()).then(|| Chart {
        title: "Latency over time".to_owned(),
        says: format!("95th percentile by stage: {}", says.join(", ")),
        x: Axis::new("time", "s"),
        y: Axis::new("p95", "ms").logarithmic(),
        series,
        marks,
    })
}

fn by_load(run: &RunReport) -> Option<Chart> {
    let ramp: Vec<&StageReport> = run
        .stages
        .iter()
        .filter(|stage| stage.role != Role::Recovery && stage.all.answered > 0)
        .collect();
    let of = |value: fn(&StageReport) -> Option<u64>| {
        ramp.iter()
            .filter_map(move |stage| Some((stage.rate_per_s, millis(value(stage)?))))
            .collect::<Vec<_>>()
    };
    let p95 = of(|stage| stage.all.latency.p95_us);
    (p95.len() > 1).then(|| Chart {
        title: "Latency against load".to_owned(),
        says: ramp
            .iter()
            .filter_map(|stage| {
                let errors = stage.all.errors.point * 100.0;
                Some(format!(
                    "{:.0}/s: p95 {} ms, {errors:.1} % failed",
                    stage.rate_per_s,
                    millis(stage.all.latency.p95_us?)
                ))
            })
            .collect::<Vec<_>>()
            .join("; "),
        x: Axis::new("offered load", "requests/s"),
        y: Axis::new("latency", "ms").logarithmic(),
        series: vec![
            Series::new("p50", Shape::Dots, of(|stage| stage.all.latency.p50_us)),
            Series::new("p95", Shape::Dots, p95),
            Series::new("p99", Shape::Dots, of(|stage| stage.all.latency.p99_us)),
        ],
        marks: ramp
            .iter()
            .rfind(|stage| stage.role == Role::Ramp)
            .map(|stage| Mark {
                label: stage.name.clone(),
                on: Side::X,
                at: stage.rate_per_s,
                limit: false,
            })
            .into_iter()
            .collect(),
    })
}

fn shown(stage: &StageReport) -> Option<String> {
    Some(format!("{} {} ms", stage.name, millis(stage.all.latency.p95_us?)))
}
