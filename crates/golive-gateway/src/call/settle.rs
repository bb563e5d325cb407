//! S2, P6: what a call used, settled with its windows and its budgets.
//!
//! Never: settles twice, or calls an unknown cost none.

use super::*;

impl Call {
    /// Adds what an attempt cost that was given up for another one: the caller never saw it, and it is paid for.
    pub fn add_cost_of_attempt(&mut self, link: &str, usage: &Usage, basis: Basis) {
        let cost = self.gateway.runtime().prices.cost(link, usage, basis);
        self.cost_of_attempts = money::both(self.cost_of_attempts, cost);
    }

    /// Replaces the reserved tokens and the reserved money by those that were used, as far as known. Does nothing the
    /// second time.
    pub fn settle_tokens(&mut self, outcome: &Outcome) {
        self.settle_windows(outcome);
        self.settle_money(outcome);
    }

    fn settle_windows(&mut self, outcome: &Outcome) {
        let Some(Reservation { held, bound }) = self.reservation.take() else {
            return;
        };
        let real = match &self.usage {
            Some((usage, _)) => used(usage),
            None if self.attempts == 0 || cost_nothing(outcome) => 0,
            None => {
                // It was sent and nobody said what it cost: the reservation stands, in the windows and in the row.
                let usage = Usage {
                    input: Some(bound.input),
                    output: Some(bound.output),
                    ..Usage::default()
                };
                self.usage = Some((usage, Basis::Estimated));
                bound.cost()
            }
        };
        match self.gateway.limiter.settle(held, real, self.gateway.now()) {
            Asked::Left(now) => self.standings.renew(Unit::Tokens, now.into_inner()),
            Asked::Right(later) => {
                self.gateway.tasks.spawn(later);
            }
        }
    }

    /// Prices what was used, and gives back to the budgets what was not.
    fn settle_money(&mut self, outcome: &Outcome) {
        if self.cost.is_some() {
            return;
        }
        let gateway = Arc::clone(&self.gateway);
        let money = self.money.take();
        let served =
            self.attempts > 0 && !self.surface.is_free() && (self.usage.is_some() || !cost_nothing(outcome));
        let of_answer = match (self.link(), &self.usage) {
            (Some(hop), Some((usage, basis))) if served => {
                gateway.runtime().prices.cost(&hop.name, usage, *basis)
            }
            _ if !served => Cost::default(),
            // It was sent and nobody said what it cost: the reservation stands, in the budgets and in the row.
            _ => match &money {
                Some(money) => {
                    let usage = Usage {
                        input: Some(money.bound.input),
                        output: Some(money.bound.output),
                        ..Usage::default()
                    };
                    self.usage = Some((usage, Basis::Estimated));
                    Cost {
                        nano_usd: Some(money.held.amount()),
                        basis: CostBasis::Estimated,
                    }
                }
                None => Cost {
                    nano_usd: None,
                    basis: CostBasis::Unknown,
                },
            },
        };
        let cost = money::both(self.cost_of_attempts, of_answer);
        self.cost = Some(cost);
        if let Some(amount) = cost.nano_usd {
            let basis = if cost.basis == CostBasis::Reported {
                "by the provider's count"
            } else {
                "by an estimate"
            };
            self.decide("settle", format!("cost {amount}, {basis}"));
        }
        let Some(money) = money else { return };
        let now = gateway.now();
        // A link that turned out to have no price stands at what was reserved: never 0.
        let spent = match cost.basis {
            CostBasis::Unknown => money.held.amount(),
            _ => cost.nano_usd.unwrap_or_default(),
        };
        gateway.book.settle(money.held, spent, now);
        self.note_near(&money.items);
    }

    /// What it cost, once that is settled.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.cost.unwrap_or_default()
    }

    /// Notes which of these budgets are nearly used up, and says it once per period of each.
    pub fn note_near(&mut self, items: &[Item]) {
        self.near_budgets = self.gateway.book.near(items, self.gateway.now());
        for near in self.near_budgets.iter().filter(|near| near.is_news) {
            near.rule.metrics.near.inc();
            tracing::warn!(
                budget = near.rule.name,
                spent = %near.spent,
                amount = %near.rule.amount(),
                request = %self.id,
                "a budget is nearly used up"
            );
        }
    }

    /// Whose money it spends, as far as known.
    #[must_use]
    pub fn spender<'a>(
        &self,
        principal: &'a Principal,
        user_is_known: bool,
        callee: Option<&'a Route>,
    ) -> Spender<'a> {
        Spender {
            user: user_is_known.then(|| self.user.map_or(principal.hash, user_key)),
            principal: principal.hash,
            principal_id: &principal.id,
            team: principal.team.as_deref(),
            callee: callee.map(|route| (route.callee.kind, route.callee.name.as_str())),
        }
    }
}

fn used(usage: &Usage) -> u32 {
    let sum = usage.input.unwrap_or(0).saturating_add(usage.output.unwrap_or(0));
    u32::try_from(sum).unwrap_or(u32::MAX)
}

/// The upstream was not reached, or answered with a refusal or an error: nothing was generated.
fn cost_nothing(outcome: &Outcome) -> bool {
    const NEVER_SERVED: [&str; 4] = [
        "upstream_unreachable",
        "upstream_connect_timeout",
        "upstream_error",
        "upstream_credential",
    ];
    match outcome {
        Outcome::Refused { .. } | Outcome::UpstreamRefused(_) => true,
        Outcome::Error(code) => NEVER_SERVED.contains(code),
        Outcome::Ok | Outcome::Cancelled => false,
    }
}
