//! The proofs, one file per item, one row here per file, in checklist order.
//!
//! Adding a proof: write `proofs/<id>_<word>.rs` after the pattern of `s5_auth.rs` (header = lab report; `PROOF`;
//! `plan`; `run`), add its `mod` and its row. A part without a proof is `unproven`, with that reason.

mod e1_degradation;
mod e2_error_log;
mod e3_escalation;
mod e4_fallback;
mod e5_queue;
mod l1_smoke;
mod m1_health;
mod m2_metrics;
mod p1_load;
mod p2_timeouts;
mod p3_retries;
mod p4_breaker;
mod p5_soak;
mod p6_cost;
mod s1_secrets;
mod s2_rate_limits;
mod s3_validation;
mod s4_pii;
mod s5_auth;
mod s6_rbac;
mod s7_encryption;
mod s8_injection;

use std::future::Future;
use std::pin::Pin;

use golive_checklist::item::ItemId;
use golive_checklist::report::PartReport;

use golive_config::Target;

use crate::ctx::Ctx;
use crate::line::LINES_APART;
use crate::plan::{PartPlan, PlanInput};
use crate::self_test::Oracle;

/// Every proof, in checklist order.
pub const PROOFS: &[Proof] = &[
    s1_secrets::PROOF,
    s2_rate_limits::PROOF,
    s3_validation::PROOF,
    s4_pii::PROOF,
    s5_auth::PROOF,
    s6_rbac::PROOF,
    s7_encryption::PROOF,
    s8_injection::PROOF,
    p1_load::PROOF,
    p2_timeouts::PROOF,
    p3_retries::PROOF,
    p4_breaker::PROOF,
    p5_soak::PROOF,
    p6_cost::PROOF,
    e1_degradation::PROOF,
    e2_error_log::PROOF,
    e3_escalation::PROOF,
    e4_fallback::PROOF,
    e5_queue::PROOF,
    m1_health::PROOF,
    m2_metrics::PROOF,
    l1_smoke::PROOF,
];

/// One proof.
#[derive(Debug, Clone, Copy)]
pub struct Proof {
    /// The item it proves.
    pub item: ItemId,
    /// The parts it proves; parts of the item that do not stand here stay unproven.
    pub parts: &'static [&'static str],
    /// The text of its file. What people read is its header, by [`Proof::lab_report`] and [`Proof::sections`].
    pub doc: &'static str,
    /// When it runs.
    pub when: When,
    /// It loads, breaks or abuses the target, and so needs `staging = true` or the owner's word.
    pub attacks: bool,
    /// Its oracles, fed with known answers before each run.
    pub oracles: &'static [Oracle],
    /// What it would do. Must not send.
    pub plan: fn(&PlanInput<'_>) -> Vec<PartPlan>,
    /// Does it. A part it does not return is `unproven`.
    pub run: fn(Ctx) -> Running,
}

impl Proof {
    /// Its lab report as prose: the header of its file.
    #[must_use]
    pub fn lab_report(&self) -> String {
        let lines = self.doc.lines().take_while(|line| line.starts_with("//!"));
        let text: Vec<&str> = lines
            .map(|line| line.trim_start_matches("//!"))
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        text.join("\n")
    }

    /// Its lab report section by section: (`How`, `about forty wrong …`). A section begins with a bold word at the
    /// start of a line.
    #[must_use]
    pub fn sections(&self) -> Vec<(String, String)> {
        let mut sections: Vec<(String, String)> = Vec::new();
        for line in self.lab_report().lines() {
            let begun = line.strip_prefix("**").and_then(|rest| rest.split_once("**"));
            match (begun, sections.last_mut()) {
                (Some((name, text)), _) => {
                    sections.push((name.to_owned(), text.trim_start_matches([':', ' ']).to_owned()));
                }
                (None, Some((_, text))) if !line.is_empty() => {
                    text.push(' ');
                    text.push_str(line);
                }
                (None, _) => {}
            }
        }
        sections
    }
}

pub use p5_soak::{record_path as soak_record, requests as soak_requests};

/// See [`crate::self_test::planted`].
pub(crate) fn planted(seed: u64, tool: &str) -> Vec<String> {
    s4_pii::planted(seed, tool)
}

/// See [`crate::self_test::handover_phrases`].
pub(crate) fn handover_phrases() -> impl Iterator<Item = &'static str> {
    e3_escalation::all_phrases()
}

/// A running proof.
pub type Running = Pin<Box<dyn Future<Output = Vec<PartReport>> + Send>>;

/// Where in the run a proof stands. Proofs run one at a time, for they measure, and break, one shared target; but for
/// those of [`side_by_side`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// In checklist order.
    InOrder,
    /// After those, alone, because it would spoil their measurements (load).
    Alone,
    /// At the very end, because it uses up what others need (limits).
    Last,
}

/// Items whose proofs wait long, each on model names and rules of the lab of its own: nothing of the target's that one
/// of them touches is another's. What loads the target (P1), counts what it did (M2), uses up what others need (S2) or
/// judges it as a whole stays alone.
const BESIDE: &[ItemId] = &[ItemId::P2, ItemId::P3, ItemId::P4, ItemId::E4];

/// The same proofs in groups: those of one group run side by side, and the groups one after the other. Without single
/// links enough for all three (`links.one`), P2, P3 and P4 would break each other's, and stay apart.
pub(crate) fn side_by_side(ordered: Vec<&'static Proof>, target: &Target) -> Vec<Vec<&'static Proof>> {
    let apart = target.dispatch.links.one.len() >= LINES_APART;
    let beside = |proof: &Proof| {
        let shares_links = matches!(proof.item, ItemId::P2 | ItemId::P3);
        proof.when == When::InOrder && BESIDE.contains(&proof.item) && (apart || !shares_links)
    };
    let mut groups: Vec<Vec<&'static Proof>> = Vec::new();
    let mut gathered = None;
    for proof in ordered {
        match (beside(proof), gathered) {
            (true, Some(at)) => {
                let group: &mut Vec<&'static Proof> = &mut groups[at];
                group.push(proof);
            }
            (true, None) => {
                gathered = Some(groups.len());
                groups.push(vec![proof]);
            }
            (false, _) => groups.push(vec![proof]),
        }
    }
    groups
}

/// The proof of an item, if there is one.
#[must_use]
pub fn proof(item: ItemId) -> Option<&'static Proof> {
    PROOFS.iter().find(|proof| proof.item == item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proof_stands_in_checklist_order_and_names_parts_of_its_item() {
        assert!(PROOFS.is_sorted_by_key(|proof| proof.item));
        for proof in PROOFS {
            assert!(!proof.parts.is_empty(), "{}", proof.item);
            for part in proof.parts {
                let spec = golive_checklist::item::part(part);
                assert_eq!(spec.map(|spec| spec.item), Some(proof.item), "{part}");
            }
        }
    }

    #[test]
    fn only_proofs_that_touch_nothing_of_each_other_s_run_side_by_side() {
        let url = "http://127.0.0.1:9".parse().unwrap();
        let mut target = Target::bare("t", url, golive_config::TargetFormat::OpenAi);
        let items = |target: &Target| -> Vec<Vec<ItemId>> {
            let groups = side_by_side(PROOFS.iter().collect(), target);
            assert_eq!(groups.iter().flatten().count(), PROOFS.len(), "none is lost");
            let named = groups
                .iter()
                .map(|group| group.iter().map(|proof| proof.item).collect());
            named.filter(|group: &Vec<ItemId>| group.len() > 1).collect()
        };
        assert_eq!(items(&target), [[ItemId::P4, ItemId::E4]]);
        target.dispatch.links.one = (0..LINES_APART).map(|n| n.to_string()).collect();
        assert_eq!(items(&target), [[ItemId::P2, ItemId::P3, ItemId::P4, ItemId::E4]]);
        let early = BESIDE
            .iter()
            .map(|item| golive_checklist::item::item(*item).phase);
        assert!(
            early
                .into_iter()
                .all(|phase| phase != golive_checklist::item::Phase::Security)
        );
    }

    #[test]
    fn every_proof_reads_like_a_lab_report() {
        for proof in PROOFS {
            for word in [
                "Proves",
                "How",
                "Positive control",
                "Negative control",
                "Evidence",
                "Cannot tell",
            ] {
                assert!(
                    proof.doc.contains(&format!("**{word}**")),
                    "{}: no {word}",
                    proof.item
                );
            }
        }
    }
}
