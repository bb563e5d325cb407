//! S1: secrets where they do not belong, looked for from outside.
//!
//! **Proves** that no credential stands in the work tree, in any object of the version history, or in an archive among
//! the files; that `.env` files are ignored, untracked and private; and that what the target shows to everybody gives
//! none away.
//!
//! **How**: the declared repository is read, file by file and object by object, packed, stashed and unreachable ones too,
//! by the scanner of `golive scan`: shapes with checksums where the vendor has one, names and chance elsewhere, through
//! base64 and archives. For the public surface a fixed list of addresses is fetched without a key, and a few wrong
//! requests are sent with one; every answer is scanned, headers too, and searched for the credentials of this run.
//!
//! **Positive control**: each rule finds a secret made up at this start; one planted in a folder, a repository and an
//! archive made for the purpose is found there. For the public surface: the target's key works.
//! **Negative control**: the same folder, repository and archive without it are silent. For the public surface: an
//! address made up beside the others is not answered as if it were there.
//! **Evidence**: kind, place, commit, fingerprint and the first characters of each finding; never the secret.
//! **Cannot tell**: whether a credential still works (nothing is sent to anybody), what lies in submodules, in large
//! files kept elsewhere and in images that are not in the repository, or where the platform keeps its secrets.

mod control;
mod public;
mod repository;

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::judge::Scored;
use golive_checklist::report::PartReport;

use super::{Proof, When};
use crate::ctx::Ctx;
use crate::plan::{PartPlan, PlanInput};
use crate::self_test::{Oracle, Reading};
use crate::target::default_role;

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::S1,
    parts: &["S1.tree", "S1.history", "S1.archives", "S1.env", "S1.public"],
    doc: include_str!("s1_secrets.rs"),
    when: When::InOrder,
    attacks: false,
    oracles: &[FILE],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

/// None of a model's answers is the file that was asked for: not the friendly ones, and not the refusal.
const FILE: Oracle = Oracle {
    name: "S1: no secret file is shown",
    read: |sample| Scored::Scored(!public::shows_file("/.env", &sample.answer)).into(),
    obedient: Reading::Good,
    echoing: Reading::Good,
    refusing: Reading::Good,
    excusing: Reading::Good,
    empty: Reading::Good,
};

/// The parts that read the repository.
const REPOSITORY_PARTS: [&str; 4] = ["S1.tree", "S1.history", "S1.archives", "S1.env"];

/// What they lack without one.
const NO_REPOSITORY: &str = "the folder of its repository (repository, or --repository PATH)";

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let target = input.target;
    let repository = |part| match &target.repository {
        Some(_) => PartPlan::yes(part, 0, Duration::from_secs(5)),
        None => PartPlan::no(
            part,
            NO_REPOSITORY,
            "whether a secret stands in its files, its history or its archives",
        ),
    };
    let mut plans: Vec<PartPlan> = REPOSITORY_PARTS.into_iter().map(repository).collect();
    plans.push(if default_role(target).is_some() {
        PartPlan::yes("S1.public", public::REQUESTS, Duration::from_secs(5))
    } else {
        PartPlan::no(
            "S1.public",
            "a key that works (credentials.<role>.key_env)",
            "without it a target that refuses everybody would pass",
        )
    });
    plans
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    let mut parts = Vec::new();
    if let Some(folder) = ctx.config.repository.clone() {
        parts.extend(repository::prove(&ctx, folder).await);
    } else {
        let unproven = |part| ctx.part(part).unproven(format!("needs {NO_REPOSITORY}"));
        parts.extend(REPOSITORY_PARTS.into_iter().map(unproven));
    }
    if !ctx.cancel.is_cancelled() {
        parts.push(public::prove(&ctx).await);
    }
    parts
}
