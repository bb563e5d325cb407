//! P6: from the costs of a time to those of a month at 1, 5 and 10 times its traffic.
//!
//! Volume times mean: the interval is that of the mean. That the volume itself varies from day to day is not in it, and
//! the days are shown for that reason.

use golive_gateway::socket::Sum;
use golive_load::bootstrap::{Mean, mean};
use serde_json::{Value, json};

/// Draws of the whole, and of each group.
const RESAMPLES: (usize, usize) = (1000, 400);
/// Samples of a group that its interval is drawn from.
const GROUP_SAMPLES: usize = 2000;
const CONFIDENCE: f64 = 0.95;
/// The checklist's scales of traffic.
const SCALES: [u32; 3] = [1, 5, 10];
/// Days of a month, for projections.
const MONTH: f64 = 30.0;

/// What may be said of the future.
#[derive(Debug)]
pub(super) struct Projection {
    /// Length of the time that was looked at; never below an hour.
    pub days: f64,
    /// What a request costs in dollars: the mean of all, and an interval by the sample.
    pub mean: Option<Mean>,
    /// The share of the money that the dearest 1 % of the requests cost.
    pub top_percent: f64,
    /// Of the draws.
    pub seed: u64,
    /// By `callee`, `link`, `team` and `principal`: each group with its share and the mean of its requests.
    pub groups: Value,
    /// Requests a day that have a price.
    per_day: f64,
}

impl Projection {
    /// From the table that the ledger gives.
    pub fn of(table: &Value, days: f64, seed: u64) -> Self {
        let days = days.max(1.0 / 24.0);
        let total: Sum = serde_json::from_value(table["total"].clone()).unwrap_or_default();
        let priced = total.requests.saturating_sub(total.unknown);
        let mut of_all = mean(&sample(table), CONFIDENCE, RESAMPLES.0, seed);
        if let Some(of_all) = &mut of_all {
            // The sample is a part of the requests, and its sum is not the whole sum: that is known exactly. The ends
            // move with it.
            let exact = total.nano() as f64 / 1e9 / priced.max(1) as f64;
            let by = exact - of_all.mean;
            of_all.mean = exact;
            of_all.lower = of_all.lower.map(|end| (end + by).max(0.0));
            of_all.upper = of_all.upper.map(|end| end + by);
        }
        let top = table["top_percent_nano"].as_u64().unwrap_or(0);
        Self {
            days,
            mean: of_all,
            top_percent: top as f64 / total.nano().max(1) as f64,
            seed,
            groups: groups(table, days, seed),
            per_day: priced as f64 / days,
        }
    }

    /// Dollars a day at `scale` times the traffic: low, mid, high. Without an interval only the middle.
    pub fn per_day(&self, scale: u32) -> Option<[Option<f64>; 3]> {
        let mean = self.mean.as_ref()?;
        let volume = self.per_day * f64::from(scale);
        Some([mean.lower, Some(mean.mean), mean.upper].map(|end| end.map(|end| end * volume)))
    }

    /// One object per scale.
    pub fn scales(&self) -> Vec<Value> {
        let one = |scale| {
            let [low, mid, high] = self.per_day(scale)?.map(|day| day.map(|day| cents(day * MONTH)));
            Some(json!({
                "scale": scale,
                "requests_per_day": self.per_day * f64::from(scale),
                "month_low": low,
                "month_mid": mid,
                "month_high": high,
            }))
        };
        SCALES.into_iter().filter_map(one).collect()
    }
}

/// Each group with its share and the mean of its requests. The groups of a kind share the sample, so that all their
/// intervals together cost no more draws than one of all.
fn groups(table: &Value, days: f64, seed: u64) -> Value {
    let total: Sum = serde_json::from_value(table["total"].clone()).unwrap_or_default();
    let all = sample(table);
    let mut by = serde_json::Map::new();
    for kind in ["callee", "link", "team", "principal"] {
        let places: Vec<Option<u64>> =
            serde_json::from_value(table["sample"][kind].clone()).unwrap_or_default();
        let groups = table["by"][kind].as_array().into_iter().flatten().enumerate();
        let told: Vec<Value> = groups
            .map(|(at, group)| {
                let sum: Sum = serde_json::from_value(group["sum"].clone()).unwrap_or_default();
                let own: Vec<f64> = all
                    .iter()
                    .zip(&places)
                    .filter(|(_, place)| **place == Some(at as u64))
                    .map(|(cost, _)| *cost)
                    .take(GROUP_SAMPLES)
                    .collect();
                json!({
                    "name": group["name"],
                    "sum": sum,
                    "nano_usd": sum.nano(),
                    "share": sum.nano() as f64 / total.nano().max(1) as f64,
                    "per_day": sum.nano() as f64 / 1e9 / days,
                    "mean": mean(&own, CONFIDENCE, RESAMPLES.1, seed),
                })
            })
            .collect();
        by.insert(kind.to_owned(), json!(told));
    }
    Value::Object(by)
}

/// The costs of the sample, in dollars.
fn sample(table: &Value) -> Vec<f64> {
    let nano: Vec<u64> = serde_json::from_value(table["sample"]["nano"].clone()).unwrap_or_default();
    nano.into_iter().map(|nano| nano as f64 / 1e9).collect()
}

/// To a hundredth of a cent: more digits would be a lie.
fn cents(dollars: f64) -> f64 {
    (dollars * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` requests of `nano` each, in one group of each kind.
    fn table(n: u64, nano: u64) -> Value {
        let sum = json!({ "requests": n + 1, "reported_nano": n * nano, "estimated_nano": 0, "unknown": 1 });
        let one = json!([{ "name": "x", "sum": sum }]);
        let places = json!(vec![0; n as usize]);
        json!({
            "total": sum,
            "by": { "callee": one, "link": one, "team": one, "principal": one },
            "sample": { "nano": vec![nano; n as usize], "callee": places, "link": places, "team": places, "principal": places },
            "top_percent_nano": nano * n.div_ceil(100),
        })
    }

    #[test]
    fn a_month_is_thirty_days_of_the_measured_traffic_times_its_scale() {
        let table = table(1400, 10_000_000);
        let projection = Projection::of(&table, 7.0, 1);
        let scales = projection.scales();
        // 200 a day at a cent: 60 dollars a month.
        assert_eq!(scales[0]["month_mid"], 60.0);
        assert_eq!(
            (scales[1]["month_mid"].as_f64(), scales[2]["month_high"].as_f64()),
            (Some(300.0), Some(600.0))
        );
        assert_eq!(scales[2]["requests_per_day"], 2000.0);
        assert!((projection.top_percent - 0.01).abs() < 1e-12);
        let groups = &projection.groups;
        assert_eq!(
            (
                groups["team"][0]["share"].as_f64(),
                groups["team"][0]["per_day"].as_f64()
            ),
            (Some(1.0), Some(2.0))
        );
    }

    #[test]
    fn of_a_sample_the_mean_of_all_stands_and_its_interval_moves_with_it() {
        let mut table = table(400, 10_000_000);
        table["total"]["reported_nano"] = json!(400_u64 * 20_000_000);
        let mean = Projection::of(&table, 1.0, 1).mean.unwrap();
        assert!((mean.mean - 0.02).abs() < 1e-12 && (mean.upper.unwrap() - 0.02).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_projected_from_nothing_and_few_have_no_interval() {
        let none = Projection::of(&json!({}), 1.0, 1);
        assert!(none.scales().is_empty());
        let few = Projection::of(&table(5, 1_000_000), 1.0, 1).scales();
        assert_eq!(
            (few[0]["month_low"].as_f64(), few[0]["month_mid"].as_f64()),
            (None, Some(0.15))
        );
    }
}
