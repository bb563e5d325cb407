//! P5: a soak as pictures: memory over time with the fitted line and its band, and beside it what else was read.
//!
//! Never: draws what was not measured; the fit ends where the readings do.

use golive_checklist::chart::{Axis, Chart, Mark, Series, Shape, Side};
use golive_load::trend::{Outlook, WARM_UP};

use super::judge::{Basis, Finding, Judged, What, seconds, series};
use super::record::Record;

const MIB: f64 = 1_048_576.0;
const DAY_S: f64 = 86_400.0;

/// The pictures, memory first.
pub(super) fn charts(record: &Record, judged: &Judged) -> Vec<Chart> {
    judged
        .findings
        .iter()
        // What hardly moves is told by its figure; it needs no picture unless something is wrong with it.
        .filter(|finding| finding.what == What::Memory || finding.outlook != Outlook::Well)
        .map(|finding| chart(record, judged, finding))
        .collect()
}

fn chart(record: &Record, judged: &Judged, finding: &Finding) -> Chart {
    let what = finding.what;
    let (unit, scale) = match what {
        What::Memory | What::Database => ("MiB", MIB),
        What::Descriptors | What::Threads => ("", 1.0),
    };
    let longest = record.readings.last().map_or(0.0, |reading| reading.at_s);
    let (time_unit, time) = time_unit(longest);
    let readings = record
        .readings
        .iter()
        .filter_map(|reading| Some((reading.at_s / time, what.of(reading)? / scale)));
    let load_end = record.soaked_s();
    let growth = &finding.growth;
    // The line lies in the middle of the readings, and its band opens from the middle of the measured part.
    let (from, to) = (load_end * WARM_UP, load_end);
    let middle = f64::midpoint(from, to);
    let slope = &growth.slope;
    let per_second = |per_day: f64| per_day / DAY_S * judged.basis.factor();
    let mut levels: Vec<f64> = series(record, what, false, Basis::Clock)
        .iter()
        .filter(|point| point.at_s >= from)
        .map(|point| point.value - per_second(slope.point) * (point.at_s - middle))
        .collect();
    levels.sort_unstable_by(f64::total_cmp);
    let level = levels.get(levels.len() / 2).copied().unwrap_or(growth.median);
    let at = |second: f64, per_day: f64| (level + per_second(per_day) * (second - middle)) / scale;
    let steps = [from, middle, to];
    let mut drawn = Vec::new();
    if slope.lower.is_finite() && slope.upper.is_finite() {
        drawn.push(Series::band(
            "90 % interval of the slope",
            steps.iter().map(|&second| {
                let ends = [at(second, slope.lower), at(second, slope.upper)];
                (second / time, ends[0].min(ends[1]), ends[0].max(ends[1]))
            }),
        ));
    }
    drawn.push(Series::new(what.word(), Shape::Line, readings));
    drawn.push(Series::new(
        "fitted",
        Shape::Fit,
        steps
            .iter()
            .map(|&second| (second / time, at(second, slope.point))),
    ));
    let moment = |label: &str, second: f64| Mark {
        label: label.to_owned(),
        on: Side::X,
        at: second / time,
        limit: false,
    };
    let mut marks = vec![moment("warm-up ends", from)];
    if record.readings.iter().any(|reading| reading.idle) {
        marks.push(moment("load ends", load_end));
    }
    marks.extend(
        record
            .interruptions
            .iter()
            .take(4)
            .map(|at| moment("interrupted", *at)),
    );
    marks.extend(judged.restarts.iter().take(4).map(|at| Mark {
        limit: true,
        ..moment("another process", *at)
    }));
    // A limit far above would flatten the curve; its distance is in words.
    let highest = record
        .readings
        .iter()
        .filter_map(|reading| what.of(reading))
        .fold(0.0, f64::max);
    if let Some(limit) = finding.limit.filter(|limit| *limit < highest * 2.0) {
        marks.push(Mark {
            label: "limit".to_owned(),
            on: Side::Y,
            at: limit / scale,
            limit: true,
        });
    }
    let y = Axis::new(what.word(), unit);
    Chart {
        title: format!("{} over {}", capital(what.word()), seconds(longest)),
        says: format!(
            "From {} to {}, at most {}. Growth {} a day, 90 % interval {} to {}.",
            what.shown(growth.first_level),
            what.shown(growth.level),
            what.shown(highest),
            what.shown(slope.point),
            what.shown(slope.lower),
            what.shown(slope.upper),
        ),
        x: Axis::new("time", time_unit),
        y: if highest <= 64.0 { y.from_zero() } else { y },
        series: drawn,
        marks,
    }
}

fn time_unit(longest: f64) -> (&'static str, f64) {
    if longest >= 2.0 * 3_600.0 {
        ("h", 3_600.0)
    } else if longest >= 120.0 {
        ("min", 60.0)
    } else {
        ("s", 1.0)
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}
