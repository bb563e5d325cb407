//! P6: the budgets of one configuration, and which of them a call counts in.

use std::collections::HashSet;
use std::sync::Arc;

use golive_checklist::unit::NanoUsd;
use golive_config::{BudgetScope, CalleeKind, Config, SpendingBudget, offset_text, period_text};
use golive_resilience::budget::Policy;

use crate::limits::name_hash;
use crate::metrics::{BudgetMetrics, Metrics};

/// One budget of the configuration.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Whose spending it counts.
    pub scope: BudgetScope,
    /// How much in which time.
    pub policy: Policy,
    /// From this much on it warns.
    pub warn_from: u64,
    /// What is counted of it.
    pub metrics: BudgetMetrics,
    only: HashSet<String>,
    /// Tells its books from those of other budgets, and of itself with another period.
    id: u128,
}

/// All budgets.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<Arc<Rule>>,
}

/// Whose money a call spends.
#[derive(Clone, Copy, Debug)]
pub struct Spender<'a> {
    /// The user, or the principal itself where none is asserted; `None` while it is not known.
    pub user: Option<u128>,
    /// The principal's hash.
    pub principal: u128,
    /// The principal's id, as the ledger has it.
    pub principal_id: &'a str,
    /// The principal's team.
    pub team: Option<&'a str>,
    /// What it calls, once known.
    pub callee: Option<(CalleeKind, &'a str)>,
}

/// One account: of one budget and one spender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    budget: u128,
    whose: u128,
}

impl Account {
    /// The account that newcomers share where there is no room for more.
    pub(super) fn crowd(self) -> Self {
        Self {
            whose: u128::MAX,
            ..self
        }
    }
}

/// One account that a call counts in.
#[derive(Clone, Debug)]
pub struct Item {
    /// The budget.
    pub rule: Arc<Rule>,
    /// Whose part of it.
    pub account: Account,
}

impl Rules {
    /// The budgets of a configuration.
    #[must_use]
    pub fn of(config: &Config, metrics: &Metrics) -> Self {
        let rules = config
            .budgets
            .iter()
            .map(|budget| Arc::new(rule(budget, config, metrics)));
        Self {
            rules: rules.collect(),
        }
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.iter()
    }

    /// The same budget, with whatever amount, was there before.
    #[must_use]
    pub fn has(&self, rule: &Rule) -> bool {
        self.rules.iter().any(|other| other.id == rule.id)
    }

    /// The accounts that a call of `spender` counts in.
    #[must_use]
    pub fn items(&self, spender: &Spender<'_>) -> Vec<Item> {
        self.rules.iter().filter_map(|rule| rule.item(spender)).collect()
    }
}

impl Rule {
    /// The account of a spender, with this rule.
    #[must_use]
    pub fn item(self: &Arc<Self>, spender: &Spender<'_>) -> Option<Item> {
        Some(Item {
            account: self.account(spender)?,
            rule: Arc::clone(self),
        })
    }

    /// The account of a spender; `None`: this budget does not count it, or it is not known yet.
    #[must_use]
    pub fn account(&self, spender: &Spender<'_>) -> Option<Account> {
        let named = |name: &str| self.only.is_empty() || self.only.contains(name);
        let callee = |kind: CalleeKind| {
            let (of, name) = spender.callee?;
            (of == kind && named(name)).then(|| name_hash(name))
        };
        let whose = match self.scope {
            BudgetScope::User => spender.user?,
            BudgetScope::Principal => named(spender.principal_id).then_some(spender.principal)?,
            BudgetScope::Team => spender.team.filter(|team| named(team)).map(name_hash)?,
            BudgetScope::Agent => callee(CalleeKind::Agent)?,
            BudgetScope::Model => callee(CalleeKind::Model)?,
            BudgetScope::Global => 0,
        };
        Some(Account {
            budget: self.id,
            whose,
        })
    }

    /// The amount.
    #[must_use]
    pub fn amount(&self) -> NanoUsd {
        NanoUsd(self.policy.amount)
    }
}

fn rule(budget: &SpendingBudget, config: &Config, metrics: &Metrics) -> Rule {
    let offset_s = config.money.offset_s;
    let amount = budget.amount.0;
    let warn_from = match budget.warn_percent {
        100.. => u64::MAX,
        percent => {
            let part = u128::from(amount) * u128::from(percent) / 100;
            u64::try_from(part).unwrap_or(u64::MAX)
        }
    };
    let id = format!(
        "{}\n{}\n{}\n{}",
        budget.name,
        budget.scope.as_str(),
        period_text(budget.period),
        offset_text(offset_s)
    );
    Rule {
        name: budget.name.clone(),
        scope: budget.scope,
        policy: Policy {
            amount,
            period: budget.period,
            offset_s,
        },
        warn_from,
        metrics: metrics.budget(&budget.name, budget.scope == BudgetScope::Global),
        only: budget.only.iter().cloned().collect(),
        id: name_hash(&id),
    }
}
