//! E3: what time brings to conversations that a person has: overdue, no longer put off, or forgotten by all.
//!
//! Never: decides that itself; the machine does.

use std::sync::Arc;
use std::time::Duration;

use golive_config::EventKind;
use golive_resilience::escalation::Passed;
use tokio_util::sync::CancellationToken;

use super::desk::{self, Change};
use super::{Entry, words};
use crate::gateway::Gateway;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);

/// Looks until `stop`.
pub async fn keep(gateway: Arc<Gateway>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        for entry in gateway.conversations.with_people() {
            look(&gateway, &entry).await;
        }
    }
}

async fn look(gateway: &Gateway, entry: &Arc<Entry>) {
    let now = gateway.now();
    let (due, ticket) = {
        // One who holds it decides something right now; the next look comes soon.
        let Ok(inner) = entry.inner.try_lock() else { return };
        let policy = desk::settings_of(&gateway.runtime().config, &inner.agent).policy;
        (inner.machine.clone().pass(&policy, now), inner.ticket)
    };
    let (Some(passed), Some(ticket)) = (due, ticket) else {
        return;
    };
    let change = Change::of_time(move |one, settings| {
        if one.machine.pass(&settings.policy, now) != Some(passed) {
            return Err("it was changed meanwhile".to_owned());
        }
        one.ticket.state = one.machine.state().as_str().to_owned();
        match passed {
            Passed::Overdue => {
                one.say(words::overdue(settings));
                one.tell(EventKind::Overdue);
            }
            Passed::Woken => one.ticket.snoozed_until_us = None,
            Passed::Idle => {
                one.resolve("idle", now);
                one.say(words::returned());
                one.tell(EventKind::Ended);
            }
        }
        Ok(())
    });
    if let Err(why) = desk::change(
        &gateway.store,
        &gateway.runtime().config,
        Some(gateway),
        ticket,
        now,
        change,
    )
    .await
    {
        tracing::debug!(%ticket, why, "time passed, and nothing came of it yet");
    }
}
