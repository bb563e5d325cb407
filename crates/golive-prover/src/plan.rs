//! What a run would do, before it does anything: part by part provable or not, what is missing and what it would
//! unlock, requests and minutes.
//!
//! Never: sends a byte.

use std::time::Duration;

use golive_checklist::item::{DecidedBy, ITEMS, ItemId};
use golive_config::Target;
use schemars::JsonSchema;
use serde::Serialize;

use crate::proofs::{PROOFS, Proof};
use crate::runner::{CheckOptions, Selection};
use crate::target::ASSERTING_ROLE;

/// What a proof may look at when it plans.
#[derive(Debug, Clone, Copy)]
pub struct PlanInput<'a> {
    /// The target.
    pub target: &'a Target,
    /// Attack and load proofs may run: `staging = true`, or the owner said so.
    pub may_attack: bool,
    /// A short run is planned.
    pub quick: bool,
}

/// What one part will get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPlan {
    /// The part.
    pub part: &'static str,
    /// Whether it can be proven with what is given.
    pub provable: Provable,
    /// Requests it will send, at most.
    pub requests: u64,
    /// Time it will take, about.
    pub time: Duration,
}

/// Whether a part can be proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provable {
    /// With what is given.
    Yes,
    /// Not with what is given.
    No {
        /// What is missing, as a noun: "a key whose role is `revocable`".
        missing: String,
        /// What it would unlock, as a sentence without a full stop.
        unlocks: String,
    },
}

impl PartPlan {
    /// A part that can be proven.
    #[must_use]
    pub fn yes(part: &'static str, requests: u64, time: Duration) -> PartPlan {
        PartPlan {
            part,
            provable: Provable::Yes,
            requests,
            time,
        }
    }

    /// A part that cannot.
    #[must_use]
    pub fn no(part: &'static str, missing: impl Into<String>, unlocks: impl Into<String>) -> PartPlan {
        let provable = Provable::No {
            missing: missing.into(),
            unlocks: unlocks.into(),
        };
        PartPlan {
            part,
            provable,
            requests: 0,
            time: Duration::ZERO,
        }
    }
}

/// The plan of a run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Plan {
    /// `golive.plan/1`.
    pub schema: String,
    /// Name of the target.
    pub target: String,
    /// Its address.
    pub url: String,
    /// Every part that was selected, in checklist order.
    pub parts: Vec<PlannedPart>,
    /// Requests in all, at most.
    pub requests: u64,
    /// The budget of requests.
    pub requests_limit: u64,
    /// Time in all, about, in seconds.
    pub seconds: u64,
    /// What should be known before starting.
    pub warnings: Vec<String>,
}

/// One line of the plan.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PlannedPart {
    /// The part.
    pub id: String,
    /// What must hold.
    pub title: String,
    /// A machine or a person.
    pub decided_by: DecidedBy,
    /// Whether it can be proven with what is given.
    pub provable: bool,
    /// What is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// What that would unlock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlocks: Option<String>,
    /// Requests, at most.
    pub requests: u64,
    /// Time, about, in seconds.
    pub seconds: u64,
}

/// Plans a full run of `selection` against `target`.
#[must_use]
pub fn plan(target: &Target, selection: &Selection, own_this: bool) -> Plan {
    let input = PlanInput {
        target,
        may_attack: target.staging || own_this,
        quick: false,
    };
    planned(target, selection, &input)
}

/// Plans the run that these options ask for, a short one if they do.
#[must_use]
pub fn plan_of(options: &CheckOptions) -> Plan {
    let input = PlanInput {
        target: &options.target,
        may_attack: options.target.staging || options.own_this,
        quick: options.is_quick(),
    };
    planned(&options.target, &options.selection, &input)
}

fn planned(target: &Target, selection: &Selection, input: &PlanInput<'_>) -> Plan {
    let mut parts = Vec::new();
    for item in ITEMS.iter().filter(|item| selection.has(item.id)) {
        let planned = proof_of(item.id)
            .map(|proof| plans_of(proof, input))
            .unwrap_or_default();
        for spec in item.parts {
            let line = match planned.iter().find(|plan| plan.part == spec.id) {
                Some(plan) => plan.clone(),
                None if spec.decided_by == DecidedBy::Person => PartPlan::no(
                    spec.id,
                    "a person's word",
                    "an attestation with a name and an expiry",
                ),
                None => PartPlan::no(
                    spec.id,
                    "a proof in this version of golive",
                    "nothing you can give",
                ),
            };
            let (provable, missing, unlocks) = match line.provable {
                Provable::Yes => (true, None, None),
                Provable::No { missing, unlocks } => (false, Some(missing), Some(unlocks)),
            };
            parts.push(PlannedPart {
                id: spec.id.to_owned(),
                title: spec.title.to_owned(),
                decided_by: spec.decided_by,
                provable,
                missing,
                unlocks,
                requests: line.requests,
                seconds: line.time.as_secs(),
            });
        }
    }
    let requests = parts.iter().map(|part| part.requests).sum();
    let mut warnings = Vec::new();
    if requests > target.budget.requests {
        warnings.push(format!(
            "the plan needs up to {requests} requests and the budget is {}: parts at the end will be unproven; \
             raise budget.requests",
            target.budget.requests
        ));
    }
    if !input.may_attack {
        warnings.push(
            "the target is not marked staging = true: load and attack proofs will not run; mark it, or pass \
             --i-own-this"
                .to_owned(),
        );
    }
    warnings.extend(limit_too_small(target, requests));
    for missing in &target.missing_credentials {
        warnings.push(format!(
            "no credential for role {}: {} is not set",
            missing.role, missing.source
        ));
    }
    Plan {
        schema: "golive.plan/1".to_owned(),
        target: target.name.clone(),
        url: target.url.to_string(),
        seconds: seconds_of(&parts, target),
        requests,
        requests_limit: target.budget.requests,
        parts,
        warnings,
    }
}

/// All parts one after the other, but for the proofs that run side by side: of those the longest.
fn seconds_of(parts: &[PlannedPart], target: &Target) -> u64 {
    let of = |item: ItemId| -> u64 {
        let own = parts
            .iter()
            .filter(|part| part.id.split('.').next() == Some(item.as_str()));
        own.map(|part| part.seconds).sum()
    };
    let groups = crate::proofs::side_by_side(PROOFS.iter().collect(), target);
    let longest = |group: &Vec<&Proof>| group.iter().map(|proof| of(proof.item)).max().unwrap_or(0);
    groups.iter().map(longest).sum()
}

/// A run that speaks for one user alone meets that user's limit, and the parts after it prove nothing.
fn limit_too_small(target: &Target, requests: u64) -> Option<String> {
    let limit = target.declares.user_limit?;
    let has_users = target.credentials.contains_key(ASSERTING_ROLE);
    // Within a minute the window of a scaled limit is over: the proofs wait for it.
    let waits = limit.period <= Duration::from_secs(60);
    (!has_users && !waits && requests > u64::from(limit.count.get())).then(|| {
        format!(
            "the plan needs up to {requests} requests, the declared limit is {limit} per user, and no credential of role \
             `{ASSERTING_ROLE}` may speak for other users: most parts will meet the limit and stay unproven; declare a \
             limit scaled down in time (\"20/10s\"), and give a key that may assert users as credentials.{ASSERTING_ROLE}"
        )
    })
}

/// What one proof plans, with the staging guard applied to it.
pub(crate) fn plans_of(proof: &Proof, input: &PlanInput<'_>) -> Vec<PartPlan> {
    let mut plans = (proof.plan)(input);
    if proof.attacks && !input.may_attack {
        for plan in &mut plans {
            *plan = PartPlan::no(
                plan.part,
                "staging = true for this target (or --i-own-this)",
                "this part loads or attacks the target",
            );
        }
    }
    plans
}

fn proof_of(item: ItemId) -> Option<&'static Proof> {
    PROOFS.iter().find(|proof| proof.item == item)
}
