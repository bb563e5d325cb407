//! P6: what it will cost: a real sample, priced, times the traffic, against the budget; and whether the target's own
//! count of money can be believed.
//!
//! Never: projects from the lab's tokens, which are made up.

use golive_checklist::chart::{Axis, Chart, Mark, Series, Shape, Side};
use golive_checklist::judge::{Allowance, Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_checklist::threshold::Zone;
use golive_config::Target;
use golive_load::bootstrap;
use golive_load::report::CONFIDENCE;
use jiff::civil::Date;

use super::arithmetic::{self, Counted};
use super::sample::{self, LEAST, Sample};
use super::{PROJECTION, Prices, Tokens, volume};
use crate::clock;
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;

/// Multiples of the expected traffic, the checklist's own.
const SCALES: [f64; 3] = [1.0, 5.0, 10.0];

/// A month, as budgets have it here: 30 days.
const MONTH_S: f64 = 30.0 * 86_400.0;

/// Prices older than this warn.
const PRICES_DAYS: i64 = 90;

/// What one month costs at one scale, dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    times: f64,
    low: f64,
    point: f64,
    high: f64,
}

impl Scale {
    fn zone(&self, budget: f64) -> Zone {
        if self.high <= budget {
            Zone::Pass
        } else if self.low > budget {
            Zone::Fail
        } else {
            Zone::Warn
        }
    }
}

/// Draws of the interval: its ends are then known to about a tenth of their distance.
const RESAMPLES: usize = 1000;

/// The mean of a sample that is large enough for an interval.
#[derive(Debug, Clone, Copy)]
struct Mean {
    point: f64,
    lower: f64,
    upper: f64,
    samples: usize,
    trimmed: f64,
    top_share: f64,
}

impl Mean {
    fn of(costs: &[f64], seed: u64) -> Option<Self> {
        let mean = bootstrap::mean(costs, CONFIDENCE, RESAMPLES, seed)?;
        Some(Self {
            point: mean.mean,
            lower: mean.lower?,
            upper: mean.upper?,
            samples: mean.n,
            trimmed: mean.trimmed,
            top_share: mean.top_percent,
        })
    }
}

fn scales(mean: &Mean, per_second: f64) -> [Scale; 3] {
    SCALES.map(|times| {
        let requests = per_second * MONTH_S * times;
        Scale {
            times,
            low: mean.lower * requests,
            point: mean.point * requests,
            high: mean.upper * requests,
        }
    })
}

/// The dearest hour that the rate limits allow: every request of the largest size. `None`: no limit, or no largest size.
fn worst_hour(target: &Target, prices: &Prices) -> Option<f64> {
    let money = &target.money;
    let limit = target.declares.global_limit.or(target.declares.user_limit)?;
    let tokens = Tokens {
        input: money.input_max?,
        cached: 0,
        output: money.output_max?,
    };
    let per_hour = f64::from(limit.count.get()) * 3_600.0 / limit.period.as_secs_f64();
    Some(per_hour * prices.of_tokens(tokens))
}

pub(super) async fn part(ctx: &Ctx, prices: Prices) -> PartReport {
    let draft = ctx
        .part(PROJECTION)
        .scaled(ctx.config.scaled)
        .fix("count tokens of every kind at their own price, in streams too; lower the largest answer, cache, or move simple requests to a cheaper model; or have a larger budget approved");
    let money = &ctx.config.money;
    let (Some(path), Some(budget), Some(per_second)) =
        (&money.sample, money.monthly_budget, volume(&ctx.config))
    else {
        return draft.unproven("the sample, the budget or the expected volume is missing");
    };
    let budget = budget.0 as f64 / 1e6;
    let sample = match sample::read(path) {
        Ok(sample) => sample,
        Err(why) => return draft.unproven(why),
    };
    let counted = arithmetic::count(ctx, &prices).await;
    let costs: Vec<f64> = sample.requests.iter().map(|one| prices.of_tokens(*one)).collect();
    let Some(mean) = Mean::of(&costs, ctx.seed) else {
        return draft.unproven(format!(
            "{} holds fewer than {} requests with tokens",
            path.display(),
            bootstrap::LEAST
        ));
    };
    let scales = scales(&mean, per_second);
    let worst = worst_hour(&ctx.config, &prices);
    let controls = controls(&sample, &prices, counted.as_ref().ok());
    let mut tally = Tally::new();
    costs.iter().for_each(|_| tally.add_good());
    (0..sample.without).for_each(|_| {
        tally.add_unscored(&UnscoredReason::Unexpected("a line without tokens".to_owned()));
    });
    // Refused requests cost nothing and stand in every ledger: they are told, and do not make it unproven.
    let rule = Rule {
        min_scored: LEAST as u64,
        max_unscored_percent: 100,
        allowed_bad: Allowance::Count(0),
    };
    let mut notes: Vec<(Zone, String)> = scales
        .iter()
        .map(|scale| {
            (
                scale.zone(budget),
                format!(
                    "{}×: {} a month [{}, {}] of {}",
                    scale.times,
                    dollars(scale.point),
                    dollars(scale.low),
                    dollars(scale.high),
                    dollars(budget)
                ),
            )
        })
        .collect();
    notes.push(age_note(money.prices_of.as_deref()));
    notes.push(arithmetic_note(&counted, &prices));
    if let Ok(Counted {
        unpriced_free: Some(true),
        ..
    }) = &counted
    {
        notes.push((
            Zone::Fail,
            "a model without a price is answered and costs nothing: its spending is seen by nobody"
                .to_owned(),
        ));
    }
    notes.sort_by_key(|(zone, _)| std::cmp::Reverse(*zone));
    let judgement = notes.iter().fold(tally.judge(&rule), |judgement, (zone, why)| {
        judgement.no_better_than(*zone, why)
    });
    let days = |scale: &Scale| (budget / scale.point * 30.0 * 10.0).round() / 10.0;
    let mut draft = draft
        .controls(controls)
        .headline(format!(
            "{} a month at 1×, {} at 10×, of {}",
            dollars(scales[0].point),
            dollars(scales[2].point),
            dollars(budget)
        ))
        .declared("monthly_budget_usd", budget)
        .declared("requests_per_s", per_second)
        .measured("sample", mean.samples)
        .measured("mean_usd", round(mean.point))
        .measured(
            "mean_interval_usd",
            serde_json::json!([round(mean.lower), round(mean.upper)]),
        )
        .measured("trimmed_mean_usd", round(mean.trimmed))
        .measured(
            "dearest_hundredth_share",
            (mean.top_share * 1_000.0).round() / 1_000.0,
        )
        .measured("worst_hour_usd", worst.map(cents))
        .charts([chart(&scales, budget)]);
    for scale in &scales {
        let word = format!("month_{}x_usd", scale.times);
        draft = draft
            .measured(
                &word,
                serde_json::json!([cents(scale.low), cents(scale.point), cents(scale.high)]),
            )
            .measured(&format!("budget_lasts_{}x_days", scale.times), days(scale));
    }
    let mut lines = vec![
        format!(
            "{} requests of {}; 1 % of them make {:.0} % of the cost",
            mean.samples,
            path.display(),
            mean.top_share * 100.0
        ),
        match worst {
            Some(worst) => format!(
                "the worst hour that the limits allow, in requests of the largest size: {}",
                dollars(worst)
            ),
            None => "the worst hour is not known: declare money.input_max and money.output_max".to_owned(),
        },
    ];
    if let Ok(counted) = &counted {
        lines.extend(counted.lines.iter().cloned());
        lines.push(format!(
            "{} moved by {:.6} dollars, the tokens cost {:.6}",
            counted.metric, counted.moved, counted.expected
        ));
        draft = draft
            .measured("counted_usd", round(counted.moved))
            .measured("tokens_cost_usd", round(counted.expected));
    }
    draft.lines("how it was reckoned", lines).judged(&judgement)
}

fn controls(sample: &Sample, prices: &Prices, counted: Option<&Counted>) -> Controls {
    let controls = Controls::new().positive(Positive::new(
        "the sample can be read",
        Scored::Scored(!sample.requests.is_empty()),
        format!(
            "{} requests with tokens, {} without",
            sample.requests.len(),
            sample.without
        ),
    ));
    // The arithmetic would notice another price: by the counter if there is one, else by the sample.
    let dearer = Prices {
        output: prices.output * 2.0,
        ..*prices
    };
    let of = |prices: &Prices| {
        sample
            .requests
            .iter()
            .map(|one| prices.of_tokens(*one))
            .sum::<f64>()
    };
    let noticed = match counted {
        Some(counted) => !counted.agrees_with(counted.expected * 2.0) || !counted.agrees(),
        None => of(&dearer) > of(prices),
    };
    controls.negative(Negative::new(
        "a doubled price does not agree",
        Scored::Scored(noticed),
        "",
    ))
}

fn arithmetic_note(counted: &Result<Counted, String>, prices: &Prices) -> (Zone, String) {
    match counted {
        Ok(counted) if counted.agrees() => (
            Zone::Pass,
            format!("{} counts to the cent what the tokens cost", counted.metric),
        ),
        Ok(counted) => {
            let suspicion = counted.suspicion(prices).map(|words| format!(", {words}"));
            (
                Zone::Fail,
                format!(
                    "{} moved by {:.6} dollars where the tokens cost {:.6}{}",
                    counted.metric,
                    counted.moved,
                    counted.expected,
                    suspicion.unwrap_or_default()
                ),
            )
        }
        Err(why) => (
            Zone::Warn,
            format!("its own count of money was not compared: {why}"),
        ),
    }
}

/// The day it is, in UTC.
fn today() -> Option<Date> {
    clock::wall().to_string().get(..10)?.parse().ok()
}

/// How old the prices are.
fn age_note(day: Option<&str>) -> (Zone, String) {
    let Some(day) = day else {
        return (
            Zone::Warn,
            "nobody knows how old the prices are (money.prices_of)".to_owned(),
        );
    };
    let age = day
        .parse::<Date>()
        .ok()
        .and_then(|day| day.until(today()?).ok())
        .map(|span| i64::from(span.get_days()));
    match age {
        Some(age) if age > PRICES_DAYS => (Zone::Warn, format!("the prices are {age} days old")),
        Some(_) => (Zone::Pass, format!("prices of {day}")),
        None => (Zone::Warn, format!("`{day}` is no day")),
    }
}

fn chart(scales: &[Scale], budget: f64) -> Chart {
    let of = |value: fn(&Scale) -> f64| scales.iter().map(move |scale| (scale.times, value(scale)));
    Chart {
        title: "Cost of a month by traffic".to_owned(),
        says: scales
            .iter()
            .map(|scale| {
                format!(
                    "{}×: {} [{}, {}]",
                    scale.times,
                    dollars(scale.point),
                    dollars(scale.low),
                    dollars(scale.high)
                )
            })
            .chain([format!("budget {}", dollars(budget))])
            .collect::<Vec<_>>()
            .join("; "),
        x: Axis::new("times the expected traffic", ""),
        y: Axis::new("cost of 30 days", "USD").from_zero(),
        series: vec![
            Series::band(
                "95 % interval of the mean",
                scales.iter().map(|scale| (scale.times, scale.low, scale.high)),
            ),
            Series::new("projected", Shape::Dots, of(|scale| scale.point)),
        ],
        marks: vec![Mark {
            label: "budget".to_owned(),
            on: Side::Y,
            at: budget,
            limit: true,
        }],
    }
}

fn dollars(amount: f64) -> String {
    if amount >= 100.0 {
        format!("{amount:.0} USD")
    } else {
        format!("{amount:.2} USD")
    }
}

fn cents(amount: f64) -> f64 {
    (amount * 100.0).round() / 100.0
}

/// To a tenth of a millionth: single requests cost less than a cent.
fn round(amount: f64) -> f64 {
    (amount * 1e7).round() / 1e7
}

#[cfg(test)]
mod tests {
    use golive_config::TargetFormat;

    use super::*;

    #[test]
    fn a_projection_passes_by_its_upper_end_and_fails_by_its_lower() {
        let mean = Mean {
            point: 0.01,
            lower: 0.008,
            upper: 0.012,
            samples: 200,
            trimmed: 0.01,
            top_share: 0.05,
        };
        let [once, _, ten] = scales(&mean, 1.0 / 3_600.0);
        assert!((once.point - 7.2).abs() < 1e-9 && (ten.high - 86.4).abs() < 1e-9);
        assert_eq!(ten.zone(100.0), Zone::Pass);
        assert_eq!(ten.zone(70.0), Zone::Warn);
        assert_eq!(ten.zone(50.0), Zone::Fail);
    }

    #[test]
    fn the_worst_hour_is_every_request_of_the_largest_size() {
        let mut target = Target::bare("x", "http://x.invalid".parse().unwrap(), TargetFormat::OpenAi);
        let prices = Prices {
            input: 2_500_000.0,
            cached: 0.0,
            output: 10_000_000.0,
        };
        assert_eq!(worst_hour(&target, &prices), None);
        target.money.input_max = Some(100_000);
        target.money.output_max = Some(10_000);
        // 10,000 an hour, each 0.25 + 0.10 dollars.
        assert!((worst_hour(&target, &prices).unwrap() - 3_500.0).abs() < 1e-6);
    }

    #[test]
    fn old_prices_warn_and_prices_without_a_day_do_too() {
        assert_eq!(age_note(None).0, Zone::Warn);
        assert_eq!(age_note(Some("2001-01-01")).0, Zone::Warn);
        assert_eq!(age_note(Some(&today().unwrap().to_string())).0, Zone::Pass);
    }
}
