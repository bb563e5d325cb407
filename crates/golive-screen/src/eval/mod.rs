//! S8: how good a screen is on labelled texts: thresholds, recall and false alarms by kind, the area under the curve.
//!
//! Never: scores a text itself, reads a file, or measures on rows without a label.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One labelled text with the score that a screen gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Whether the text is an attack.
    pub attack: bool,
    /// The kind of attack or of benign text, as the labelled file names it.
    pub kind: String,
    /// From 0 to 1; greater is worse.
    pub score: f32,
}

/// The share of benign texts that may be flagged, for which the tables are printed.
pub const FALSE_ALARMS: &[f64] = &[0.01, 0.001];

/// The points of the threshold curve, as shares of benign texts flagged.
const CURVE: &[f64] = &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1];

/// The least score at which no more than `rate` of the benign texts are flagged (`score >= threshold`).
/// Infinite where not even one may be, or where there is no benign text to tell.
pub fn threshold_at(rows: &[Scored], rate: f64) -> f32 {
    let mut benign: Vec<f32> = rows
        .iter()
        .filter(|row| !row.attack)
        .map(|row| row.score)
        .collect();
    if benign.is_empty() {
        return f32::INFINITY;
    }
    benign.sort_by(|a, b| b.total_cmp(a));
    // Rounded down: a rate of 1 % of 250 texts is two texts.
    let may = (rate * benign.len() as f64 + 1e-9) as usize;
    let Some(&first_refused) = benign.get(may) else {
        return f32::NEG_INFINITY;
    };
    // Just above the first benign score that may not be flagged; equal scores fall together.
    first_refused.next_up()
}

/// The share of `rows` at or above the threshold; `None` of none.
pub fn share_flagged<'r>(rows: impl IntoIterator<Item = &'r Scored>, threshold: f32) -> Option<f64> {
    let (mut flagged, mut all) = (0_u64, 0_u64);
    for row in rows {
        all += 1;
        flagged += u64::from(row.score >= threshold);
    }
    (all > 0).then(|| flagged as f64 / all as f64)
}

/// The share flagged in each kind, with the number of its texts.
pub fn by_kind(rows: &[Scored], attack: bool, threshold: f32) -> Vec<(String, usize, f64)> {
    let mut kinds: BTreeMap<&str, Vec<&Scored>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.attack == attack) {
        kinds.entry(&row.kind).or_default().push(row);
    }
    kinds
        .into_iter()
        .map(|(kind, rows)| {
            let count = rows.len();
            let share = share_flagged(rows, threshold).unwrap_or(0.0);
            (kind.to_owned(), count, share)
        })
        .collect()
}

/// The probability that an attack scores above a benign text, ties counted half; `None` without both.
pub fn area_under_curve(rows: &[Scored]) -> Option<f64> {
    let mut sorted: Vec<&Scored> = rows.iter().collect();
    sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
    let attacks = rows.iter().filter(|row| row.attack).count() as f64;
    let benign = rows.len() as f64 - attacks;
    if attacks == 0.0 || benign == 0.0 {
        return None;
    }
    let (mut below, mut area) = (0.0, 0.0);
    for ties in sorted.chunk_by(|a, b| a.score == b.score) {
        let tied_attacks = ties.iter().filter(|row| row.attack).count() as f64;
        let tied_benign = ties.len() as f64 - tied_attacks;
        area += tied_attacks * (below + tied_benign / 2.0);
        below += tied_benign;
    }
    Some(area / (attacks * benign))
}

/// The whole report in Markdown: area, recall and false alarms by kind, the curve.
pub fn report(rows: &[Scored]) -> String {
    let attacks = rows.iter().filter(|row| row.attack).count();
    let mut text = format!(
        "{} texts: {attacks} attacks, {} benign.",
        rows.len(),
        rows.len() - attacks
    );
    if let Some(area) = area_under_curve(rows) {
        let _ = write!(text, " Area under the curve: {area:.4}.");
    }
    text.push('\n');
    let thresholds: Vec<f32> = FALSE_ALARMS
        .iter()
        .map(|&rate| threshold_at(rows, rate))
        .collect();
    for (attack, title) in [
        (true, "Recall by kind of attack"),
        (false, "False alarms by kind of benign text"),
    ] {
        kinds_table(rows, attack, title, &thresholds, &mut text);
    }
    text.push_str("\n| false alarms | threshold | precision | recall |\n| ---: | ---: | ---: | ---: |\n");
    for &rate in CURVE {
        let threshold = threshold_at(rows, rate);
        let flagged = rows.iter().filter(|row| row.score >= threshold);
        let (right, all) = flagged.fold((0_u64, 0_u64), |(right, all), row| {
            (right + u64::from(row.attack), all + 1)
        });
        let precision = if all > 0 { right as f64 / all as f64 } else { 1.0 };
        let recall = right as f64 / attacks.max(1) as f64;
        let _ = writeln!(
            text,
            "| {:.2} % | {threshold:.5} | {precision:.3} | {recall:.3} |",
            rate * 100.0
        );
    }
    text
}

fn kinds_table(rows: &[Scored], attack: bool, title: &str, thresholds: &[f32], text: &mut String) {
    let _ = write!(text, "\n| {title} | texts |");
    for rate in FALSE_ALARMS {
        let _ = write!(text, " at {} % |", rate * 100.0);
    }
    text.push_str("\n| --- | ---: |");
    text.push_str(&" ---: |".repeat(thresholds.len()));
    let columns: Vec<_> = thresholds
        .iter()
        .map(|&threshold| by_kind(rows, attack, threshold))
        .collect();
    let kinds = columns.first().map_or(0, Vec::len);
    for place in 0..kinds {
        let (kind, count, _) = &columns[0][place];
        let _ = write!(text, "\n| {kind} | {count} |");
        for column in &columns {
            let _ = write!(text, " {:.3} |", column[place].2);
        }
    }
    let all = |threshold| share_flagged(rows.iter().filter(|row| row.attack == attack), threshold);
    let _ = write!(
        text,
        "\n| **all** | {} |",
        rows.iter().filter(|row| row.attack == attack).count()
    );
    for &threshold in thresholds {
        let _ = write!(text, " **{:.3}** |", all(threshold).unwrap_or(0.0));
    }
    text.push_str("\n| mean over kinds | |");
    for column in &columns {
        let mean = column.iter().map(|(_, _, share)| share).sum::<f64>() / kinds.max(1) as f64;
        let _ = write!(text, " {mean:.3} |");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(attack: bool, kind: &str, score: f32) -> Scored {
        Scored {
            attack,
            kind: kind.to_owned(),
            score,
        }
    }

    #[test]
    fn the_threshold_flags_no_more_benign_texts_than_asked() {
        let rows: Vec<Scored> = (0..200).map(|n| row(false, "chat", n as f32 / 200.0)).collect();
        for rate in [0.0, 0.004, 0.01, 0.1] {
            let flagged = share_flagged(&rows, threshold_at(&rows, rate)).unwrap_or(1.0);
            assert!(flagged <= rate && flagged + 0.005 > rate, "{rate}: {flagged}");
        }
    }

    #[test]
    fn equal_scores_are_not_split() {
        let rows = vec![row(false, "a", 0.5); 100];
        assert_eq!(share_flagged(&rows, threshold_at(&rows, 0.01)), Some(0.0));
    }

    #[test]
    fn the_area_counts_ties_half() {
        let rows = [
            row(true, "x", 0.9),
            row(true, "x", 0.5),
            row(false, "a", 0.5),
            row(false, "a", 0.1),
        ];
        assert_eq!(area_under_curve(&rows), Some(0.875));
        assert_eq!(area_under_curve(&rows[..2]), None);
    }

    #[test]
    fn the_report_names_each_kind() {
        let rows = [
            row(true, "override", 0.9),
            row(false, "chat", 0.1),
            row(false, "task", 0.2),
        ];
        let report = report(&rows);
        for kind in ["override", "chat", "task"] {
            assert!(report.contains(&format!("| {kind} | 1 |")), "{report}");
        }
    }
}
