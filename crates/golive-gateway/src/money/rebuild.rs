//! P6: budgets filled again from the ledger: all of them at start, and after a reload those that are new.
//!
//! A request counts at its end, as the ledger has it; one that a killed process left open counts at its estimate, at
//! the latest moment at which it can have been reserved.
//!
//! Never: counts earlier than it was counted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use golive_resilience::Tick;
use golive_resilience::budget::{Period, Policy};
use golive_store::StoreError;

use super::rules::{Rule, Spender};
use crate::auth::principal::{principal_hash, user_key};
use crate::gateway::{Gateway, us};
use crate::limits::rebuild::teams;
use crate::runtime::Runtime;

/// How long after its begin a request may reserve, beside the time its body takes: it may wait in the queue.
const QUEUED: Duration = Duration::from_secs(300);

/// Counts what the ledger remembers in the budgets of `next` that `before` did not have.
///
/// # Errors
/// The ledger cannot be read.
pub async fn rebuild(gateway: &Gateway, next: &Runtime, before: Option<&Runtime>) -> Result<(), StoreError> {
    let wanted: Vec<&Arc<Rule>> = next
        .budgets
        .iter()
        .filter(|rule| before.is_none_or(|before| !before.budgets.has(rule)))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let teams = teams(gateway, next).await?;
    let mut hashes: HashMap<String, u128> = HashMap::new();
    let now = gateway.now();
    let unknown_end = micros(next.config.inbound.body_timeout.saturating_add(QUEUED));
    let periods: HashSet<(Period, i32)> = wanted
        .iter()
        .map(|rule| (rule.policy.period, rule.policy.offset_s))
        .collect();
    for (period, offset_s) in periods {
        let policy = Policy {
            amount: 0,
            period,
            offset_s,
        };
        let (since, slice) = (us(policy.since(now)), micros(policy.slice()));
        for sum in gateway.store.spent_since(since, slice, unknown_end).await? {
            let principal = match hashes.get(&sum.principal) {
                Some(hash) => *hash,
                None => {
                    let hash = principal_hash(&gateway.store, &sum.principal);
                    hashes.insert(sum.principal.clone(), hash);
                    hash
                }
            };
            let route = sum.callee.as_deref().and_then(|id| next.route_of(id));
            let spender = Spender {
                user: Some(sum.user_hash.map_or(principal, user_key)),
                principal,
                principal_id: &sum.principal,
                team: teams.get(&sum.principal).map(String::as_str),
                callee: route.map(|route| (route.callee.kind, route.callee.name.as_str())),
            };
            let of_period = wanted
                .iter()
                .filter(|rule| (rule.policy.period, rule.policy.offset_s) == (period, offset_s));
            let items: Vec<_> = of_period.filter_map(|rule| rule.item(&spender)).collect();
            let at = Tick(u64::try_from(sum.at_us).unwrap_or(0));
            gateway.book.replay(&items, sum.amount, at, now);
        }
    }
    Ok(())
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
