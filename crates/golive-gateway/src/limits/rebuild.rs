//! S2: windows counted again from the ledger: all of them at start, and after a reload those whose rule is new.
//!
//! Never: counts earlier than it was counted. A row says when its request began; it is taken to have been counted when
//! its body had come, at the latest, so that no window opens early.

use std::collections::HashMap;
use std::time::Duration;

use golive_resilience::Tick;
use golive_store::{Admission, StoreError};

use super::rules::{Rules, Who};
use super::{Item, Unit};
use crate::auth::principal::{principal_hash, user_key};
use crate::gateway::{Gateway, us};
use crate::runtime::Runtime;

/// Counts what the ledger remembers in the windows of `next` that `before` did not have.
///
/// # Errors
/// The ledger cannot be read.
pub async fn rebuild(gateway: &Gateway, next: &Runtime, before: Option<&Runtime>) -> Result<(), StoreError> {
    let longest = next.limits.longest();
    if longest.is_zero() || before.is_some_and(|before| same_windows(next, before)) {
        return Ok(());
    }
    let teams = teams(gateway, next).await?;
    let mut hashes: HashMap<String, u128> = HashMap::new();
    let now = gateway.now();
    let since = us(now).saturating_sub(i64::try_from(longest.as_micros()).unwrap_or(i64::MAX));
    // A request may have begun before the window and been counted inside it.
    let since = since.saturating_sub(micros(next.config.inbound.body_timeout));
    for row in gateway.store.admissions_since(since).await? {
        let principal = match hashes.get(&row.principal) {
            Some(hash) => *hash,
            None => {
                let hash = principal_hash(&gateway.store, &row.principal);
                hashes.insert(row.principal.clone(), hash);
                hash
            }
        };
        let at = counted_at(&row, next.config.inbound.body_timeout);
        let team = teams.get(&row.principal).map(String::as_str);
        let user = row.user_hash.map_or(principal, user_key);
        let items = |runtime: &Runtime| items_of(runtime, &row, user, principal, team);
        let mut wanted = items(next);
        if let Some(before) = before {
            let had = items(before);
            wanted.retain(|item| had.iter().all(|one| one.key != item.key));
        }
        gateway.limiter.replay(&wanted, at, now);
    }
    Ok(())
}

fn items_of(
    runtime: &Runtime,
    row: &Admission,
    user: u128,
    principal: u128,
    team: Option<&str>,
) -> Vec<Item> {
    let route = row.callee.as_deref().and_then(|id| runtime.route_of(id));
    let who = Who {
        user: Some(user),
        principal,
        team,
        callee: route.map(|route| &route.limits),
    };
    let mut items = match row.counted {
        true => runtime.limits.items(Unit::Requests, &who, row.count),
        false => Vec::new(),
    };
    let tokens = u32::try_from(row.tokens).unwrap_or(u32::MAX);
    if tokens > 0 {
        items.extend(runtime.limits.items(Unit::Tokens, &who, tokens));
    }
    items
}

fn counted_at(row: &Admission, body_timeout: Duration) -> Tick {
    let took = i64::try_from(row.latency_us)
        .unwrap_or(i64::MAX)
        .min(micros(body_timeout));
    Tick(u64::try_from(row.at_us.saturating_add(took)).unwrap_or(0))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The teams of all keys there are or were: a revoked key's calls still count in its team's windows.
pub(crate) async fn teams(
    gateway: &Gateway,
    runtime: &Runtime,
) -> Result<HashMap<String, String>, StoreError> {
    let stored = gateway.store.list_keys().await?;
    let of_store = stored.into_iter().map(|record| (record.id, record.team));
    let of_config = runtime
        .config
        .keys
        .values()
        .map(|key| (format!("config/{}", key.name), key.team.clone()));
    Ok(of_store
        .chain(of_config)
        .filter_map(|(id, team)| Some((id, team?)))
        .collect())
}

/// No rule of `next` has a window that `before` had not.
fn same_windows(next: &Runtime, before: &Runtime) -> bool {
    let periods = |runtime: &Runtime| Rules::windows(&runtime.config);
    periods(next).is_subset(&periods(before))
}
