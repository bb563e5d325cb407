//! P6: what the worst hour could cost if nobody looked, and when a budget would be used up.

use golive_checklist::unit::Rate;
use golive_config::{BudgetScope, Config, Period, period_text};
use serde_json::{Value, json};

use super::projection::Projection;
use super::usd;

const HOUR_S: f64 = 3600.0;

/// The worst runaway hour: as many requests as the limits let pass, each as dear as the dearest that was seen.
pub(super) fn worst(table: &Value, config: &Config) -> Value {
    let seen = table["dearest_request_nano"].as_u64().unwrap_or(0) as f64 / 1e9;
    let global = config.limits.global.iter().map(per_hour).reduce(f64::min);
    // Requests an hour that the limits of single agents and models add up to, if every one of them has one.
    let own: Option<f64> = config
        .callees()
        .map(|callee| callee.limits.requests.iter().map(per_hour).reduce(f64::min))
        .sum();
    let requests = match (global, own) {
        (Some(global), Some(own)) => Some(global.min(own)),
        (one, other) => one.or(other),
    };
    let spend = requests.map(|requests| requests * seen).filter(|_| seen > 0.0);
    let budget = config
        .budgets
        .iter()
        .filter(|budget| budget.scope == BudgetScope::Global)
        .map(|budget| budget.amount.dollars())
        .reduce(f64::min);
    let bounded = match (spend, budget) {
        (Some(spend), Some(budget)) => Some(spend.min(budget)),
        (spend, budget) => budget.or(spend),
    };
    json!({
        "requests": requests,
        "dearest_request_usd": seen,
        "unbounded_usd": spend,
        "budget_usd": budget,
        "worst_usd": bounded,
    })
}

fn per_hour(rate: &Rate) -> f64 {
    // A longer period may be used up within one hour.
    let periods = (HOUR_S / rate.period.as_secs_f64()).max(1.0);
    f64::from(rate.count.get()) * periods
}

/// The same in a sentence.
pub(super) fn sentence(worst: &Value) -> String {
    let number = |key: &str| worst[key].as_f64();
    let Some(requests) = number("requests") else {
        return match number("budget_usd") {
            Some(budget) => format!(
                "worst runaway hour: no request limit bounds it; the budget over all stops it at {}",
                usd(budget)
            ),
            None => "worst runaway hour: nothing bounds it: neither a request limit nor a budget over all"
                .to_owned(),
        };
    };
    let dearest = number("dearest_request_usd").unwrap_or(0.0);
    match (number("unbounded_usd"), number("budget_usd")) {
        (Some(spend), Some(budget)) if budget < spend => format!(
            "worst runaway hour: {requests:.0} requests of {} would cost {}; the budget over all stops it at {}",
            usd(dearest),
            usd(spend),
            usd(budget)
        ),
        (Some(spend), _) => format!(
            "worst runaway hour: {requests:.0} requests (the limit) of {} (the dearest seen) cost {}",
            usd(dearest),
            usd(spend)
        ),
        (None, _) => format!(
            "worst runaway hour: {requests:.0} requests pass the limits; none was seen that cost anything"
        ),
    }
}

/// For each budget, the days until it is used up at each scale; of teams, agents, models and callers for the dearest
/// of them. What users spend is not told apart here.
pub(super) fn budgets(projection: &Projection, config: &Config) -> Vec<Value> {
    let groups = &projection.groups;
    let day_of = |kind: &str, prefix: &str, only: &[String]| {
        let groups = groups[kind].as_array()?;
        let name = |group: &Value| group["name"].as_str().map(str::to_owned);
        let ours = groups.iter().filter(|group| {
            name(group).is_some_and(|name| {
                name.strip_prefix(prefix).is_some_and(|name| {
                    name != "(none)" && (only.is_empty() || only.iter().any(|one| one == name))
                })
            })
        });
        ours.filter_map(|group| Some((group["per_day"].as_f64()?, name(group)?)))
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
    };
    let tell = |budget: &golive_config::SpendingBudget| {
        let only = &budget.only;
        let (day, whose) = match budget.scope {
            BudgetScope::User => (None, None),
            BudgetScope::Global => (
                projection.per_day(1).and_then(|[_, mid, high]| high.or(mid)),
                None,
            ),
            BudgetScope::Principal => split(day_of("principal", "", only)),
            BudgetScope::Team => split(day_of("team", "", only)),
            BudgetScope::Agent => split(day_of("callee", "agent/", only)),
            BudgetScope::Model => split(day_of("callee", "model/", only)),
        };
        let length = match budget.period {
            Period::Day => 1.0,
            Period::Week => 7.0,
            Period::Month => 30.0,
            Period::Rolling(length) => length.as_secs_f64() / 86_400.0,
        };
        let at = |scale: u32| {
            let days = day
                .filter(|day| *day > 0.0)
                .map(|day| budget.amount.dollars() / (day * f64::from(scale)));
            json!({ "scale": scale, "days": days.filter(|days| *days < length) })
        };
        json!({
            "name": budget.name,
            "scope": budget.scope.as_str(),
            "whose": whose,
            "amount": budget.amount.to_string(),
            "per": period_text(budget.period),
            "usd_per_day": day,
            "used_up_after": [at(1), at(5), at(10)],
        })
    };
    config.budgets.iter().map(tell).collect()
}

fn split(found: Option<(f64, String)>) -> (Option<f64>, Option<String>) {
    found.map_or((None, None), |(day, whose)| (Some(day), Some(whose)))
}

/// One budget in a sentence.
pub(super) fn budget_sentence(budget: &Value) -> String {
    let text = |key: &str| budget[key].as_str().unwrap_or_default().to_owned();
    let head = format!("budget {} ({} per {})", text("name"), text("amount"), text("per"));
    let Some(day) = budget["usd_per_day"].as_f64() else {
        return format!("{head}: what it counts was not spent, or is not told apart here");
    };
    let whose = budget["whose"]
        .as_str()
        .map_or(String::new(), |name| format!(" by {name}"));
    let scales: Vec<String> = budget["used_up_after"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| match one["days"].as_f64() {
            Some(days) if days < 2.0 => format!("{}×: used up after {:.1} h", one["scale"], days * 24.0),
            Some(days) => format!("{}×: used up after {days:.1} days", one["scale"]),
            None => format!("{}×: holds", one["scale"]),
        })
        .collect();
    format!("{head}: {} a day{whose}; {}", usd(day), scales.join(", "))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;

    fn rate(count: u32, seconds: u64) -> Rate {
        Rate {
            count: NonZeroU32::new(count).unwrap(),
            period: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn a_limit_lets_pass_in_an_hour_what_its_period_allows() {
        assert_eq!(per_hour(&rate(100, 3600)), 100.0);
        assert_eq!(per_hour(&rate(10, 10)), 3600.0);
        assert_eq!(
            per_hour(&rate(5000, 86_400)),
            5000.0,
            "a day's worth may go in one hour"
        );
    }

    #[test]
    fn each_worst_hour_has_its_sentence() {
        for (worst, says) in [
            (
                json!({ "requests": 10_000.0, "dearest_request_usd": 0.5, "unbounded_usd": 5000.0, "budget_usd": null }),
                "cost 5000.00 USD",
            ),
            (
                json!({ "requests": 10_000.0, "dearest_request_usd": 0.5, "unbounded_usd": 5000.0, "budget_usd": 25.0 }),
                "stops it at 25.00 USD",
            ),
            (
                json!({ "requests": null, "dearest_request_usd": 0.5, "budget_usd": 25.0 }),
                "no request limit bounds it; the budget",
            ),
            (
                json!({ "requests": null, "budget_usd": null }),
                "nothing bounds it",
            ),
            (
                json!({ "requests": 5.0, "dearest_request_usd": 0.0, "unbounded_usd": null }),
                "none was seen",
            ),
        ] {
            assert!(sentence(&worst).contains(says), "{}", sentence(&worst));
        }
    }

    #[test]
    fn a_budget_that_lasts_its_period_holds() {
        let budget = json!({ "name": "all", "amount": "25 USD", "per": "day", "usd_per_day": 5.0,
            "used_up_after": [{ "scale": 1, "days": null }, { "scale": 10, "days": 0.5 }, { "scale": 5, "days": 3.0 }] });
        let said = budget_sentence(&budget);
        assert!(
            said.contains("1×: holds")
                && said.contains("10×: used up after 12.0 h")
                && said.contains("3.0 days"),
            "{said}"
        );
    }
}
