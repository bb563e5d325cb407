//! P6: what the requests of a time cost, by agent or model, link, team and caller: sums over all of them, and a sample
//! for statistics, which are no business of a gateway.
//!
//! Never: counts a request whose cost is not known as free. It is counted apart.

use std::collections::{BTreeMap, HashMap};

use golive_config::Config;
use golive_store::{CostBasis, CostRow, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::handle::words;

/// Requests of one reckoning; of more, the newest.
const ROWS_MAX: usize = 2_000_000;
/// Requests in the sample.
pub const SAMPLE_MAX: usize = 20_000;
/// Groups of one kind that are told; the dearest, the rest together.
const GROUPS_MAX: usize = 100;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 86_400_000_000;

/// Which requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CostsAsk {
    /// Microseconds since the Unix epoch: requests at or after.
    pub since_us: Option<i64>,
    /// Requests before.
    pub until_us: Option<i64>,
}

/// What requests cost together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// Requests that bought something.
    pub requests: u64,
    /// Billionths of a dollar, by the providers' own counts.
    pub reported_nano: u64,
    /// Billionths of a dollar, by estimates.
    pub estimated_nano: u64,
    /// Requests whose cost nobody knows.
    pub unknown: u64,
}

impl Sum {
    fn add(&mut self, row: &CostRow) {
        let nano = row.cost.nano_usd.map_or(0, |amount| amount.0);
        self.requests += 1;
        match row.cost.basis {
            CostBasis::Reported => self.reported_nano = self.reported_nano.saturating_add(nano),
            CostBasis::Estimated => self.estimated_nano = self.estimated_nano.saturating_add(nano),
            // A row from before prices is no cheaper for it.
            CostBasis::Unknown | CostBasis::None => self.unknown += 1,
        }
    }

    /// All that is known.
    #[must_use]
    pub fn nano(&self) -> u64 {
        self.reported_nano.saturating_add(self.estimated_nano)
    }
}

/// One kind of groups, and in which of them each of the sample is.
#[derive(Default)]
struct Groups<'r> {
    sums: BTreeMap<&'r str, Sum>,
}

/// Reckons.
///
/// # Errors
/// The store cannot be read.
pub(super) async fn reckon(
    ask: &CostsAsk,
    store: &Store,
    config: &Config,
    now_us: i64,
) -> Result<Value, String> {
    let since = ask.since_us.unwrap_or(i64::MIN);
    let until = ask.until_us.unwrap_or(now_us);
    let rows = store.costs(since, until, ROWS_MAX).await.map_err(words)?;
    let stored = store.list_keys().await.map_err(words)?;
    let of_config = config
        .keys
        .values()
        .map(|key| (format!("config/{}", key.name), key.team.clone()));
    let teams: HashMap<String, String> = stored
        .into_iter()
        .map(|key| (key.id, key.team))
        .chain(of_config)
        .filter_map(|(id, team)| Some((id, team?)))
        .collect();
    Ok(table(&rows, &teams))
}

fn table(rows: &[CostRow], teams: &HashMap<String, String>) -> Value {
    // A call that failed before anything was served bought nothing.
    let bought = |row: &&CostRow| {
        row.cost.basis != CostBasis::None || row.tokens.input.is_some() || row.tokens.output.is_some()
    };
    let rows: Vec<&CostRow> = rows.iter().filter(bought).collect();
    let mut total = Sum::default();
    let mut groups: [Groups<'_>; 4] = Default::default();
    let (mut hours, mut days): (BTreeMap<i64, Sum>, BTreeMap<i64, Sum>) = Default::default();
    let names = |row: &'_ CostRow| -> [String; 4] {
        let or_none = |name: Option<&String>| name.map_or_else(|| "(none)".to_owned(), Clone::clone);
        [
            or_none(row.callee.as_ref()),
            or_none(row.link.as_ref()),
            or_none(teams.get(&row.principal)),
            row.principal.clone(),
        ]
    };
    let named: Vec<[String; 4]> = rows.iter().map(|row| names(row)).collect();
    for (row, names) in rows.iter().zip(&named) {
        total.add(row);
        for (group, name) in groups.iter_mut().zip(names) {
            group.sums.entry(name).or_default().add(row);
        }
        hours.entry(row.at_us.div_euclid(HOUR_US)).or_default().add(row);
        days.entry(row.at_us.div_euclid(DAY_US)).or_default().add(row);
    }
    let priced: Vec<(&CostRow, &[String; 4])> = rows
        .iter()
        .zip(&named)
        .filter(|(row, _)| row.cost.nano_usd.is_some())
        .map(|(row, names)| (*row, names))
        .collect();
    let every = priced.len().div_ceil(SAMPLE_MAX).max(1);
    let sample: Vec<_> = priced.iter().step_by(every).collect();
    let mut costs: Vec<u64> = priced
        .iter()
        .map(|(row, _)| row.cost.nano_usd.map_or(0, |amount| amount.0))
        .collect();
    costs.sort_unstable();
    let top: u64 = costs[costs.len() - costs.len().div_ceil(100)..]
        .iter()
        .fold(0, |sum, cost| sum.saturating_add(*cost));
    let told = groups.map(|group| group.told());
    let kinds = ["callee", "link", "team", "principal"];
    let mut by = serde_json::Map::new();
    let mut of_sample = serde_json::Map::new();
    for (at, kind) in kinds.into_iter().enumerate() {
        let list: Vec<Value> = told[at]
            .iter()
            .map(|(name, sum)| json!({ "name": name, "sum": sum }))
            .collect();
        let index: HashMap<&str, usize> = told[at]
            .iter()
            .enumerate()
            .map(|(place, (name, _))| (name.as_str(), place))
            .collect();
        let places: Vec<Option<usize>> = sample
            .iter()
            .map(|(_, names)| index.get(names[at].as_str()).copied())
            .collect();
        by.insert(kind.to_owned(), json!(list));
        of_sample.insert(kind.to_owned(), json!(places));
    }
    let sampled: Vec<u64> = sample
        .iter()
        .map(|(row, _)| row.cost.nano_usd.map_or(0, |amount| amount.0))
        .collect();
    of_sample.insert("nano".to_owned(), json!(sampled));
    let dearest_hour = hours.iter().max_by_key(|(_, sum)| sum.nano());
    let per_day: Vec<Value> = days
        .iter()
        .map(|(day, sum)| json!({ "day": day, "sum": sum }))
        .collect();
    json!({
        "first_us": rows.last().map(|row| row.at_us),
        "last_us": rows.first().map(|row| row.at_us),
        "total": total,
        "retried": rows.iter().filter(|row| row.attempts > 1).count(),
        "by": by,
        "sample_every": every,
        "sample": of_sample,
        "top_percent_nano": top,
        "dearest_request_nano": costs.last(),
        "most_tokens": rows
            .iter()
            .map(|row| row.tokens.input.unwrap_or(0).saturating_add(row.tokens.output.unwrap_or(0)))
            .max(),
        "dearest_hour": dearest_hour.map(|(hour, sum)| json!({ "at_us": hour * HOUR_US, "sum": sum })),
        "days": per_day,
        "cut": rows.len() >= ROWS_MAX,
    })
}

impl Groups<'_> {
    /// The dearest groups, and all others as one.
    fn told(self) -> Vec<(String, Sum)> {
        let mut all: Vec<(String, Sum)> = self
            .sums
            .into_iter()
            .map(|(name, sum)| (name.to_owned(), sum))
            .collect();
        all.sort_by_key(|(_, sum)| std::cmp::Reverse((sum.nano(), sum.requests)));
        if all.len() > GROUPS_MAX {
            let rest = all.split_off(GROUPS_MAX - 1);
            let mut others = Sum::default();
            for (_, sum) in rest {
                others.requests += sum.requests;
                others.reported_nano = others.reported_nano.saturating_add(sum.reported_nano);
                others.estimated_nano = others.estimated_nano.saturating_add(sum.estimated_nano);
                others.unknown += sum.unknown;
            }
            all.push(("(others)".to_owned(), others));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use golive_checklist::unit::NanoUsd;
    use golive_store::{Cost, Tokens};

    use super::*;

    fn row(at_us: i64, principal: &str, nano: Option<u64>, basis: CostBasis) -> CostRow {
        CostRow {
            at_us,
            principal: principal.to_owned(),
            callee: Some("agent/support".to_owned()),
            link: Some("openai/gpt-4o".to_owned()),
            cost: Cost {
                nano_usd: nano.map(NanoUsd),
                basis,
            },
            tokens: Tokens {
                input: Some(10),
                ..Tokens::default()
            },
            attempts: 1,
        }
    }

    #[test]
    fn reported_estimated_and_unknown_are_summed_apart_and_by_each_group() {
        let failed = CostRow {
            tokens: Tokens::default(),
            ..row(5, "a", None, CostBasis::None)
        };
        let rows = [
            row(HOUR_US + 4, "a", Some(5), CostBasis::Reported),
            row(HOUR_US + 3, "b", Some(7), CostBasis::Estimated),
            row(2, "b", None, CostBasis::Unknown),
            row(1, "b", None, CostBasis::None), // from before prices, with tokens
            failed,
        ];
        let teams = HashMap::from([("a".to_owned(), "blue".to_owned())]);
        let table = table(&rows, &teams);
        let total: Sum = serde_json::from_value(table["total"].clone()).unwrap();
        assert_eq!(
            (
                total.requests,
                total.reported_nano,
                total.estimated_nano,
                total.unknown
            ),
            (4, 5, 7, 2)
        );
        assert_eq!(table["by"]["principal"][0]["name"], "b");
        assert_eq!(table["by"]["team"][0]["name"], "(none)");
        assert_eq!(table["by"]["team"][1]["sum"]["reported_nano"], 5);
        assert_eq!(table["dearest_hour"]["at_us"], HOUR_US);
        assert_eq!(table["dearest_request_nano"], 7);
        assert_eq!(table["sample"]["nano"], json!([5, 7]));
        assert_eq!(table["sample"]["principal"], json!([1, 0]));
        assert_eq!(
            (table["first_us"].as_i64(), table["last_us"].as_i64()),
            (Some(1), Some(HOUR_US + 4))
        );
    }

    #[test]
    fn nothing_costs_nothing_and_many_groups_are_told_as_the_dearest_and_the_rest() {
        let empty = table(&[], &HashMap::new());
        assert_eq!(
            (empty["total"]["requests"].as_u64(), empty["first_us"].as_i64()),
            (Some(0), None)
        );
        let rows: Vec<CostRow> = (0..500)
            .map(|n| {
                row(
                    n,
                    &format!("key_{n}"),
                    Some(n.unsigned_abs()),
                    CostBasis::Reported,
                )
            })
            .collect();
        let table = table(&rows, &HashMap::new());
        let list = table["by"]["principal"].as_array().unwrap();
        assert_eq!(list.len(), GROUPS_MAX);
        assert_eq!(list[GROUPS_MAX - 1]["name"], "(others)");
        let sum: u64 = list
            .iter()
            .map(|one| one["sum"]["reported_nano"].as_u64().unwrap())
            .sum();
        assert_eq!(sum, (0..500).sum::<u64>());
    }
}
