//! What is printed and what is written as JSON; the few sums that all measurements share.
//!
//! Never: a mean of times: medians, with the range beside them.

use std::fmt;
use std::path::Path;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Failed;
use crate::machine::Machine;
use crate::stage::Stage;

/// All figures of a run.
pub struct Report(Map<String, Value>);

/// The figures of one measurement.
pub struct Figures {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: Value,
}

/// A figure measured several times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Half are less.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Report {
    /// Of this machine and these binaries.
    pub fn new(machine: Machine, stage: &Stage, quick: bool) -> Self {
        let (golive, nginx) = stage.versions();
        let mut report = Self(Map::new());
        report.add("schema", "golive.bench/1".into());
        report.add("golive", golive.into());
        report.add("nginx", nginx.into());
        report.add("pinned_to_core", json!(stage.pin()));
        report.add("quick", quick.into());
        report.add("machine", json!(machine));
        report
    }

    /// Adds the figures of one measurement.
    pub fn add(&mut self, name: &str, figures: Value) {
        self.0.insert(name.to_owned(), figures);
    }

    /// Writes all.
    pub fn write(&self, file: &Path) -> Result<(), Failed> {
        let text = serde_json::to_string_pretty(&self.0)?;
        std::fs::write(file, text + "\n").map_err(|error| format!("{}: {error}", file.display()).into())
    }
}

/// Both forms of a measurement.
pub fn figures<R: Serialize + fmt::Display>(report: &R) -> Result<Figures, Failed> {
    Ok(Figures {
        text: report.to_string(),
        json: serde_json::to_value(report)?,
    })
}

/// A heading, at once: what follows takes a while.
pub fn heading(title: &str) {
    println!("\n== {title}");
}

/// A table whose first column is words and whose others are figures.
pub fn table(heads: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(heads);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

impl Spread {
    /// Of these; zeros if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (Some(&least), Some(&most)) = (values.first(), values.last()) else {
            return Self {
                median: 0.0,
                least: 0.0,
                most: 0.0,
            };
        };
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) {
            (values[middle - 1] + values[middle]) / 2.0
        } else {
            values[middle]
        };
        Self { median, least, most }
    }

    /// `least … most` with so many decimals.
    pub fn range(&self, decimals: usize) -> String {
        format!("{:.decimals$} … {:.decimals$}", self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]);
        assert_eq!((spread.least, spread.median, spread.most), (1.0, 2.5, 4.0));
        assert_eq!(Spread::of([7.0]).median, 7.0);
        assert_eq!(Spread::of([]).median, 0.0);
    }
}
