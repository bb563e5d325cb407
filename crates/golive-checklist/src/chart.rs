//! A picture as data: what a renderer draws, and what it says in words to who does not see it.
//!
//! Never: colours, pixels or fonts; those are a renderer's. Nothing here is from outside the prover but numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most points kept of one series: more than a page is wide.
pub const POINTS_MAX: usize = 400;

/// One picture with two axes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// The same in a sentence with its figures, for who does not see it.
    pub says: String,
    /// Left to right.
    pub x: Axis,
    /// Bottom to top.
    pub y: Axis,
    /// What is drawn, the last on top.
    pub series: Vec<Series>,
    /// Lines across it: limits, moments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
}

/// One axis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Axis {
    /// What it measures: `time`, `p95 latency`.
    pub label: String,
    /// In which unit: `min`, `ms`, `MiB`; empty for none.
    pub unit: String,
    /// Equal steps multiply instead of adding. Only for values above zero.
    #[serde(default)]
    pub logarithmic: bool,
    /// It begins at zero, so that heights can be compared.
    #[serde(default)]
    pub from_zero: bool,
}

impl Axis {
    /// A linear axis as wide as its values.
    pub fn new(label: &str, unit: &str) -> Self {
        Self {
            label: label.to_owned(),
            unit: unit.to_owned(),
            logarithmic: false,
            from_zero: false,
        }
    }

    /// The same, from zero.
    #[must_use]
    pub fn from_zero(self) -> Self {
        Self {
            from_zero: true,
            ..self
        }
    }

    /// The same, logarithmic.
    #[must_use]
    pub fn logarithmic(self) -> Self {
        Self {
            logarithmic: true,
            ..self
        }
    }
}

/// What is drawn of one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// How it is drawn.
    pub shape: Shape,
    /// `[x, y]`; of a band `[x, lower, upper]`. In order of `x`.
    pub points: Vec<Vec<f64>>,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Measurements: a thin line.
    Line,
    /// What was fitted to them: a dashed line.
    Fit,
    /// Between two values, filled.
    Band,
    /// Each value for itself, joined.
    Dots,
}

impl Series {
    /// A series of `[x, y]`, thinned to [`POINTS_MAX`]: of each stretch its lowest and its highest value are kept, so
    /// that no peak vanishes.
    pub fn new(name: &str, shape: Shape, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points: Vec<(f64, f64)> = points
            .into_iter()
            .filter(|(x, y)| x.is_finite() && y.is_finite())
            .collect();
        Self {
            name: name.to_owned(),
            shape,
            points: thinned(points).into_iter().map(|(x, y)| vec![x, y]).collect(),
        }
    }

    /// A band of `[x, lower, upper]`.
    pub fn band(name: &str, points: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        let finite = |(x, lower, upper): &(f64, f64, f64)| [x, lower, upper].iter().all(|v| v.is_finite());
        let points = points.into_iter().filter(finite).take(POINTS_MAX);
        Self {
            name: name.to_owned(),
            shape: Shape::Band,
            points: points.map(|(x, lower, upper)| vec![x, lower, upper]).collect(),
        }
    }
}

fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() <= POINTS_MAX {
        return points;
    }
    let stretch = points.len().div_ceil(POINTS_MAX / 2);
    let mut kept = Vec::with_capacity(POINTS_MAX);
    for chunk in points.chunks(stretch) {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let (Some(low), Some(high)) = (chunk.iter().min_by(by_value), chunk.iter().max_by(by_value)) else {
            continue;
        };
        let (first, second) = if low.0 <= high.0 { (low, high) } else { (high, low) };
        kept.push(*first);
        if first != second {
            kept.push(*second);
        }
    }
    kept
}

/// A line across the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mark {
    /// What it marks.
    pub label: String,
    /// Which axis it stands on.
    pub on: Side,
    /// Where.
    pub at: f64,
    /// Beyond it something is wrong: it is drawn so.
    #[serde(default)]
    pub limit: bool,
}

/// An axis of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Left to right.
    X,
    /// Bottom to top.
    Y,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_is_thinned_and_keeps_its_peak() {
        let peak = 7_654;
        let series = Series::new(
            "memory",
            Shape::Line,
            (0..10_000).map(|n| (f64::from(n), if n == peak { 900.0 } else { 1.0 })),
        );
        assert!(series.points.len() <= POINTS_MAX, "{}", series.points.len());
        assert!(series.points.iter().any(|point| point[1] == 900.0));
        assert!(series.points.is_sorted_by(|a, b| a[0] <= b[0]));
    }

    #[test]
    fn what_is_no_number_is_not_drawn() {
        let series = Series::new(
            "x",
            Shape::Line,
            [(0.0, f64::NAN), (f64::INFINITY, 1.0), (1.0, 2.0)],
        );
        assert_eq!(series.points, [[1.0, 2.0]]);
        assert!(Series::band("b", [(0.0, 1.0, f64::INFINITY)]).points.is_empty());
    }
}
