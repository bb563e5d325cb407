//! P6: money, proven from outside.
//!
//! **Proves** that what the target says it spent is what the tokens cost, that the projected cost at once, five and ten
//! times the expected traffic is within the budget, and that spending stops at a budget.
//!
//! **How**: *Arithmetic*: a batch through the lab, which reports exact tokens of every kind (cached, reasoning, streams
//! that ask for their usage and streams that do not); the counter of what was spent must move by exactly their price.
//! *Projection*: a sample of real requests, priced; its mean with a bias-corrected bootstrap interval, times the
//! expected volume, times 30 days. The upper end is held against the monthly budget at each scale. Beside it: the worst
//! hour that the rate limits allow, in requests of the largest size. *Guard*: with a key under a small budget, sixteen
//! requests at a time, streams among them, until it is refused; what the lab was asked for is what was spent, and it
//! may be above the budget by what was under way. Then more is asked for, and nothing of it may arrive.
//!
//! **Positive control**: requests are answered and arrive at the lab; the sample can be read. **Negative control**: with
//! the price of a token doubled the same arithmetic does not agree; another key is still answered when the small budget
//! is spent.
//! **Evidence**: the costs by kind, the projection at each scale, the requests of the guard and what they cost.
//! **Cannot tell**: whether the prices are the provider's; whether the sample is like the traffic to come; whether
//! somebody approved it, which is a person's part.

mod arithmetic;
mod guard;
mod projection;
mod sample;

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::report::PartReport;
use golive_config::{Target, TargetFormat};

use super::{Proof, When};
use crate::ctx::Ctx;
use crate::plan::{PartPlan, PlanInput};

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::P6,
    parts: &[PROJECTION, BUDGET],
    doc: include_str!("p6_cost.rs"),
    when: When::InOrder,
    // It asks little; the budget that it spends is one that is declared for it, and the lab is there only on staging.
    attacks: false,
    oracles: &[],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

const PROJECTION: &str = "P6.projection";
const BUDGET: &str = "P6.budget";

/// What tokens cost, in millionths of a dollar per million.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Prices {
    input: f64,
    cached: f64,
    output: f64,
}

/// Tokens of one request. `cached` is a part of `input`, reasoning one of `output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Tokens {
    input: u64,
    cached: u64,
    output: u64,
}

impl Prices {
    /// The declared ones, if both that are needed are.
    fn of(target: &Target) -> Option<Prices> {
        let money = &target.money;
        let input = money.input?.0 as f64;
        Some(Prices {
            input,
            cached: money.cached_input.map_or(input, |price| price.0 as f64),
            output: money.output?.0 as f64,
        })
    }

    /// Dollars.
    fn of_tokens(&self, tokens: Tokens) -> f64 {
        let fresh = tokens.input.saturating_sub(tokens.cached) as f64;
        let micros_times_million =
            fresh * self.input + tokens.cached as f64 * self.cached + tokens.output as f64 * self.output;
        micros_times_million / 1e12
    }
}

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let target = input.target;
    let money = &target.money;
    let projection = if Prices::of(target).is_none() {
        PartPlan::no(
            PROJECTION,
            "the prices of its tokens (money.input, money.output)",
            "what it will cost",
        )
    } else if money.sample.is_none() {
        PartPlan::no(
            PROJECTION,
            "a sample of at least 200 real requests (money.sample)",
            "what it will cost; the lab's tokens are made up",
        )
    } else if money.monthly_budget.is_none() {
        PartPlan::no(
            PROJECTION,
            "what it may cost in a month (money.monthly_budget)",
            "whether it is within it",
        )
    } else if volume(target).is_none() {
        PartPlan::no(
            PROJECTION,
            "how many requests are expected (money.volume, or declares.expected_rate)",
            "what it will cost",
        )
    } else {
        PartPlan::yes(PROJECTION, arithmetic::REQUESTS + 40, Duration::from_secs(4))
    };
    let budget = if money.budget_role.is_none() || money.small_budget.is_none() {
        PartPlan::no(
            BUDGET,
            "a key under a small budget (money.budget_role, money.small_budget)",
            "whether spending stops",
        )
    } else if target.lab_url.is_none() || target.format == TargetFormat::Http {
        PartPlan::no(
            BUDGET,
            "the lab as its model (lab_url), in a format that reports usage",
            "what was spent is known only where the tokens are",
        )
    } else if Prices::of(target).is_none() {
        PartPlan::no(
            BUDGET,
            "the prices of its tokens (money.input, money.output)",
            "what a request costs",
        )
    } else if !money
        .budget_role
        .as_ref()
        .is_some_and(|role| target.credentials.contains_key(role))
    {
        PartPlan::no(
            BUDGET,
            "the credential of money.budget_role",
            "whether spending stops",
        )
    } else {
        PartPlan::yes(BUDGET, guard::REQUESTS_MAX + 20, Duration::from_secs(10))
    };
    vec![projection, budget]
}

/// Requests per second expected on average.
fn volume(target: &Target) -> Option<f64> {
    target.money.volume.or(target.declares.expected_rate)
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    // A part whose inputs are missing was ruled out by the plan; what is returned for it is dropped.
    let mut parts = Vec::new();
    if let (Some(prices), Some(_)) = (Prices::of(&ctx.config), &ctx.config.money.sample) {
        parts.push(projection::part(&ctx, prices).await);
    }
    if let (Some(prices), Some(_), Some(_)) = (
        Prices::of(&ctx.config),
        &ctx.config.money.budget_role,
        ctx.config.money.small_budget,
    ) {
        parts.push(guard::part(&ctx, prices).await);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_cost_their_own_price_and_are_counted_once() {
        let prices = Prices {
            input: 2_500_000.0,
            cached: 1_250_000.0,
            output: 10_000_000.0,
        };
        let tokens = Tokens {
            input: 1_000_000,
            cached: 400_000,
            output: 100_000,
        };
        assert!((prices.of_tokens(tokens) - (1.5 + 0.5 + 1.0)).abs() < 1e-12);
    }
}
