//! Pictures of what was measured, as inline SVG: no script, no style from outside, legible in light, in the dark and
//! on paper. Series differ by their stroke as well as by their colour, and what the picture says stands below it.
//!
//! Never: draws outside its axes, or takes a number for a place that is none.

mod scale;

use golive_checklist::chart::{Chart, Mark, Series, Shape, Side};
use maud::{Markup, html};

use super::text;
use scale::Scale;

/// The drawing in its own units; the page stretches it.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 270.0;
/// Where the plot begins and ends.
const LEFT: f64 = 66.0;
const RIGHT: f64 = 744.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 228.0;

/// Strokes that are told apart; further series begin again.
const STROKES: usize = 4;

/// A band wider than so many times the span of the measurements is cut off: it would flatten them.
const BAND_MAX: f64 = 0.75;

/// All pictures of a part.
pub(super) fn all(charts: &[Chart]) -> Markup {
    html! { @for chart in charts { (one(chart)) } }
}

fn one(chart: &Chart) -> Markup {
    let Some(frame) = Frame::of(chart) else {
        return html! {};
    };
    html! {
        figure.chart {
            figcaption { (text(&chart.title)) }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(chart.says) {
                (axes(chart, &frame))
                // A drawing in a drawing cuts off what leaves it.
                svg x=(LEFT) y=(TOP) width=(RIGHT - LEFT) height=(BOTTOM - TOP) viewBox={ (LEFT) " " (TOP) " " (RIGHT - LEFT) " " (BOTTOM - TOP) } {
                    @for (number, series) in chart.series.iter().enumerate() { (drawn(series, stroke_of(chart, number), &frame)) }
                }
                @for (number, mark) in chart.marks.iter().enumerate() { (marked(mark, number, &frame)) }
            }
            (legend(chart))
            p.says { (text(&chart.says)) }
        }
    }
}

/// The two scales of a picture.
struct Frame {
    x: Scale,
    y: Scale,
}

impl Frame {
    /// `None`: there is nothing to draw.
    fn of(chart: &Chart) -> Option<Frame> {
        let measured = chart.series.iter().filter(|series| series.shape != Shape::Band);
        let points = || {
            measured
                .clone()
                .flat_map(|series| &series.points)
                .filter(|point| point.len() >= 2)
        };
        let xs = points().map(|point| point[0]);
        let ys = points().map(|point| point[1]);
        let (mut low, mut high) = ends(ys)?;
        let span = (high - low).max(high.abs() * 0.02);
        let bands = chart.series.iter().filter(|series| series.shape == Shape::Band);
        for point in bands.flat_map(|series| &series.points) {
            for value in point.iter().skip(1) {
                low = low.min(value.max(low - span * BAND_MAX));
                high = high.max(value.min(high + span * BAND_MAX));
            }
        }
        let mut marks = chart.marks.iter().filter(|mark| mark.on == Side::Y);
        (low, high) = marks.try_fold((low, high), |(low, high), mark| {
            mark.at.is_finite().then(|| (low.min(mark.at), high.max(mark.at)))
        })?;
        let (left, right) = ends(xs)?;
        Some(Frame {
            x: Scale::new(&chart.x, left, right, LEFT, RIGHT, false),
            y: Scale::new(&chart.y, low, high, BOTTOM, TOP, true),
        })
    }

    fn at(&self, point: &[f64]) -> String {
        format!("{:.1},{:.1}", self.x.place(point[0]), self.y.place(point[1]))
    }
}

fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .filter(|value| value.is_finite())
        .fold(None, |ends, value| match ends {
            None => Some((value, value)),
            Some((low, high)) => Some((low.min(value), high.max(value))),
        })
}

fn axes(chart: &Chart, frame: &Frame) -> Markup {
    let named = |label: &str, unit: &str| match unit {
        "" => label.to_owned(),
        unit => format!("{label} ({unit})"),
    };
    html! {
        g.grid {
            @for (value, label) in frame.y.ticks(5) {
                @let y = format!("{:.1}", frame.y.place(value));
                line x1=(LEFT) x2=(RIGHT) y1=(y) y2=(y) {}
                text x=(LEFT - 8.0) y=(y) dy="0.32em" text-anchor="end" { (label) }
            }
            @for (value, label) in frame.x.ticks(8) {
                @let x = format!("{:.1}", frame.x.place(value));
                line.tick x1=(x) x2=(x) y1=(BOTTOM) y2=(BOTTOM + 4.0) {}
                text x=(x) y=(BOTTOM + 17.0) text-anchor="middle" { (label) }
            }
            line.axis x1=(LEFT) x2=(RIGHT) y1=(BOTTOM) y2=(BOTTOM) {}
            text.name x=(LEFT - 8.0) y="12" text-anchor="start" dx="-50" { (text(&named(&chart.y.label, &chart.y.unit))) }
            text.name x=(RIGHT) y=(HEIGHT - 6.0) text-anchor="end" { (text(&named(&chart.x.label, &chart.x.unit))) }
        }
    }
}

/// Series of one name are one thing with gaps in it, and have one stroke. Bands have none of their own.
fn stroke_of(chart: &Chart, number: usize) -> usize {
    let strokes = |series: &&Series| matches!(series.shape, Shape::Line | Shape::Dots);
    let mut names: Vec<&str> = Vec::new();
    for series in chart.series.iter().filter(strokes) {
        if !names.contains(&series.name.as_str()) {
            names.push(&series.name);
        }
    }
    let mine = &chart.series[number].name;
    names.iter().position(|name| name == mine).unwrap_or(0) % STROKES
}

fn drawn(series: &Series, stroke: usize, frame: &Frame) -> Markup {
    let class = format!("s{stroke}");
    let points = || series.points.iter().filter(|point| point.len() >= 2);
    let joined = || {
        points()
            .map(|point| frame.at(point))
            .collect::<Vec<_>>()
            .join(" ")
    };
    match series.shape {
        Shape::Line => html! { polyline.line.(class) points=(joined()) {} },
        Shape::Fit => html! { polyline.fit points=(joined()) {} },
        Shape::Dots => html! {
            polyline.line.(class) points=(joined()) {}
            @for point in points() {
                circle.dot.(class) cx=(format!("{:.1}", frame.x.place(point[0]))) cy=(format!("{:.1}", frame.y.place(point[1]))) r="3.4" {}
            }
        },
        Shape::Band => {
            let side = |column: usize| {
                let of = move |point: &&Vec<f64>| point.len() > column;
                series
                    .points
                    .iter()
                    .filter(of)
                    .map(move |point| frame.at(&[point[0], point[column]]))
            };
            let lower: Vec<String> = side(1).collect();
            let upper: Vec<String> = side(2).collect();
            let outline: Vec<String> = lower.into_iter().chain(upper.into_iter().rev()).collect();
            html! { polygon.band points=(outline.join(" ")) {} }
        }
    }
}

fn marked(mark: &Mark, number: usize, frame: &Frame) -> Markup {
    if !mark.at.is_finite() {
        return html! {};
    }
    match mark.on {
        Side::X => {
            let x = frame.x.place(mark.at).clamp(LEFT, RIGHT);
            // Labels that would leave the drawing stand on the other side of their line; neighbours in rows.
            let (anchor, dx) = if x > RIGHT - 110.0 {
                ("end", -5.0)
            } else {
                ("start", 5.0)
            };
            let row = TOP + 10.0 + 13.0 * (number % 4) as f64;
            let x = format!("{x:.1}");
            html! {
                g.mark.limit[mark.limit] {
                    line x1=(x) x2=(x) y1=(TOP) y2=(BOTTOM) {}
                    text x=(x) dx=(dx) y=(row) text-anchor=(anchor) { (text(&mark.label)) }
                }
            }
        }
        Side::Y => {
            let y = frame.y.place(mark.at).clamp(TOP, BOTTOM);
            html! {
                g.mark.limit[mark.limit] {
                    line x1=(LEFT) x2=(RIGHT) y1=(format!("{y:.1}")) y2=(format!("{y:.1}")) {}
                    text x=(RIGHT - 4.0) y=(format!("{:.1}", if y < TOP + 14.0 { y + 13.0 } else { y - 5.0 })) text-anchor="end" { (text(&mark.label)) }
                }
            }
        }
    }
}

fn legend(chart: &Chart) -> Markup {
    html! {
        ul.key aria-hidden="true" {
            @for (number, series) in named_once(chart) {
                @let class = format!("s{}", stroke_of(chart, number));
                li {
                    svg width="26" height="10" viewBox="0 0 26 10" {
                        @match series.shape {
                            Shape::Line => polyline.line.(class) points="1,5 25,5" {},
                            Shape::Fit => polyline.fit points="1,5 25,5" {},
                            Shape::Band => rect.band x="1" y="1" width="24" height="8" {},
                            Shape::Dots => { polyline.line.(class) points="1,5 25,5" {} circle.dot.(class) cx="13" cy="5" r="3.4" {} },
                        }
                    }
                    (text(&series.name))
                }
            }
        }
    }
}

/// What is drawn, the first of each name.
fn named_once(chart: &Chart) -> impl Iterator<Item = (usize, &Series)> {
    let there = |(number, series): &(usize, &Series)| {
        let before = &chart.series[..*number];
        !series.points.is_empty() && !before.iter().any(|one| one.name == series.name)
    };
    chart.series.iter().enumerate().filter(there)
}

#[cfg(test)]
mod tests {
    use golive_checklist::chart::Axis;

    use super::*;

    fn chart(points: impl IntoIterator<Item = (f64, f64)>) -> Chart {
        Chart {
            title: "Memory <b>".to_owned(),
            says: "flat \"so\" to say".to_owned(),
            x: Axis::new("time", "min"),
            y: Axis::new("memory", "MiB"),
            series: vec![Series::new("memory", Shape::Line, points)],
            marks: vec![Mark {
                label: "limit".to_owned(),
                on: Side::Y,
                at: 30.0,
                limit: true,
            }],
        }
    }

    #[test]
    fn a_picture_names_itself_its_axes_and_its_limit_and_escapes_what_it_is_given() {
        let drawn = all(&[chart((0..50).map(|n| (f64::from(n), 20.0 + f64::from(n % 7))))]).into_string();
        for part in [
            "role=\"img\"",
            "aria-label=\"flat &quot;so&quot; to say\"",
            "Memory &lt;b&gt;",
            "memory (MiB)",
            "time (min)",
            "class=\"mark limit\"",
        ] {
            assert!(drawn.contains(part), "{part}: {drawn}");
        }
        assert!(
            !drawn.contains("url(") && !drawn.contains("style="),
            "the page's policy"
        );
    }

    #[test]
    fn nothing_to_draw_draws_nothing_and_one_value_still_has_axes() {
        assert_eq!(all(&[chart([])]).into_string(), "");
        let one = all(&[chart([(1.0, 5.0)])]).into_string();
        assert!(
            one.contains("<polyline") && !one.contains("NaN") && !one.contains("inf"),
            "{one}"
        );
    }
}
