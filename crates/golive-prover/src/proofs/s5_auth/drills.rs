//! S5.tokens: the drills with the issuer. A key is rotated (tokens of the new one work soon) and withdrawn (tokens of
//! the old one are refused soon), and while the issuer is down, whoever has a right token still gets in.
//!
//! Never: leaves the issuer broken behind.

use std::time::Duration;

use golive_checklist::judge::{Scored, Tally};
use golive_checklist::report::Evidence;
use golive_config::TokenRole;
use golive_lab::{Mint, Outage};

use super::refused;
use super::routes::{QUICK, question};
use super::tokens::{TOKENS, until};
use crate::ctx::Ctx;
use crate::issuer::{Tokens, bearer, scored};
use crate::target::{Call, Exchange};

/// The longest that a right token may wait because the issuer hangs: a target that holds callers up until its own
/// fetch has timed out is down with its issuer.
const HELD_UP: Duration = Duration::from_secs(10);

/// The drills and what they found.
pub(super) struct Drills<'a> {
    ctx: &'a Ctx,
    tokens: &'a Tokens,
    role: &'a TokenRole,
    /// The key that was rotated away, and a token of it that the target has seen.
    old: Option<(String, String)>,
    found: Drilled,
}

/// What the drills found.
#[derive(Default)]
pub(super) struct Drilled {
    pub(super) tally: Tally,
    pub(super) warnings: Vec<String>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) lines: Vec<String>,
    /// Measured times by their name in the report.
    pub(super) took: Vec<(&'static str, Duration)>,
}

impl<'a> Drills<'a> {
    pub(super) fn new(ctx: &'a Ctx, tokens: &'a Tokens, role: &'a TokenRole) -> Drills<'a> {
        Drills {
            ctx,
            tokens,
            role,
            old: None,
            found: Drilled::default(),
        }
    }

    pub(super) fn done(self) -> Drilled {
        self.found
    }

    /// A new key is published: its tokens work within the declared time, and those of the old one still do.
    pub(super) async fn rotate(&mut self) {
        let (lab, issuer, alg) = (&self.tokens.lab, &self.tokens.config.name, self.tokens.alg());
        let Scored::Scored(info) = scored(lab.issuer(issuer).await) else {
            return;
        };
        let current = info.keys.iter().find(|key| key.current && key.alg == alg);
        let Some(kid) = current.map(|key| key.kid.clone()) else {
            return;
        };
        let Scored::Scored(used) = self.tokens.mint(&self.tokens.right(self.role)).await else {
            return;
        };
        let first = self.ctx.target.send(self.call(&used)).await;
        if !works(self.ctx, &first) {
            // Then no later refusal of it would say anything.
            return;
        }
        self.old = Some((kid, used.clone()));
        self.ctx.waiting("the issuer's new key to be learnt");
        if let Scored::Unscored(reason) = scored(lab.rotate_key(issuer, alg).await) {
            self.found.tally.add_unscored(&reason);
            return;
        }
        let fresh = match self.tokens.mint(&self.tokens.right(self.role)).await {
            Scored::Scored(fresh) => fresh,
            Scored::Unscored(reason) => {
                self.found.tally.add_unscored(&reason);
                return;
            }
        };
        let within = self.tokens.config.learns_within;
        let (took, exchange) = until(self.ctx, within, true, || self.call(&fresh)).await;
        self.judge(
            "a token of a newly published key works",
            took.is_some(),
            &exchange,
        );
        if let Some(took) = took {
            self.found.took.push(("new_key_learnt_ms", took));
        }
        let still = self.ctx.target.send(self.call(&used)).await;
        let held = works(self.ctx, &still);
        self.judge(
            "a token of the key before still works while that is published",
            held,
            &still,
        );
    }

    /// The old key is withdrawn: a token of it that was let in before, and a fresh one, are refused within the
    /// declared time.
    pub(super) async fn withdraw(&mut self) {
        let Some((kid, used)) = self.old.clone() else {
            self.found
                .warnings
                .push("no key could be rotated, so none was withdrawn".to_owned());
            return;
        };
        let withdrawn = self.tokens.lab.withdraw_key(&self.tokens.config.name, &kid).await;
        if let Scored::Unscored(reason) = scored(withdrawn) {
            self.found.tally.add_unscored(&reason);
            return;
        }
        let within = self.tokens.config.forgets_within;
        self.ctx.waiting(format!(
            "the withdrawn key to be forgotten, at most {} s",
            within.as_secs()
        ));
        let (took, exchange) = until(self.ctx, within, false, || self.call(&used)).await;
        self.judge(
            "a token of a withdrawn key is refused within the declared time",
            took.is_some(),
            &exchange,
        );
        if let Some(took) = took {
            self.found.took.push(("old_key_forgotten_ms", took));
        }
        let of_old = Mint {
            key: Some(kid),
            ..self.tokens.right(self.role)
        };
        match self.tokens.mint(&of_old).await {
            Scored::Unscored(reason) => self.found.tally.add_unscored(&reason),
            Scored::Scored(fresh) => {
                let exchange = self.ctx.target.send(self.call(&fresh)).await;
                let held = exchange.score(refused) == Scored::Scored(true);
                self.judge(
                    "a fresh token of the withdrawn key is refused, too",
                    held,
                    &exchange,
                );
            }
        }
    }

    /// While the issuer refuses, hangs, breaks, talks nonsense or talks without end, a right token still works, and a
    /// stranger's does not.
    pub(super) async fn outages(&mut self) {
        let (lab, issuer) = (self.tokens.lab.clone(), self.tokens.config.name.clone());
        for outage in Outage::ALL {
            if self.ctx.cancel.is_cancelled() {
                break;
            }
            let what = outage.as_str();
            self.ctx.waiting(format!("the issuer down ({what})"));
            if let Scored::Unscored(reason) = scored(lab.set_outage(&issuer, outage).await) {
                self.found.tally.add_unscored(&reason);
                continue;
            }
            let stranger = Mint {
                key: Some(format!("stranger-{}", self.tokens.alg())),
                ..self.tokens.right(self.role)
            };
            // An unknown kid makes the target ask the issuer, which is what must not hurt anybody else.
            if let Scored::Scored(token) = self.tokens.mint(&stranger).await {
                let exchange = self.ctx.target.send(self.call(&token)).await;
                let held = exchange.score(|answer| match refused(answer) {
                    // "I cannot check this now" is a refusal, too.
                    Scored::Scored(false) if answer.status.as_u16() == 503 => Scored::Scored(true),
                    other => other,
                });
                let held = held == Scored::Scored(true);
                self.judge(
                    &format!("an unknown key is refused while the issuer is down ({what})"),
                    held,
                    &exchange,
                );
            }
            match self.tokens.mint(&self.tokens.right(self.role)).await {
                Scored::Unscored(reason) => self.found.tally.add_unscored(&reason),
                Scored::Scored(right) => {
                    let exchange = self.ctx.target.send(self.call(&right)).await;
                    let held = works(self.ctx, &exchange) && exchange.elapsed <= HELD_UP;
                    self.judge(
                        &format!("a right token works while the issuer is down ({what})"),
                        held,
                        &exchange,
                    );
                    if held && exchange.elapsed > QUICK {
                        let seconds = exchange.elapsed.as_secs();
                        self.found.warnings.push(format!(
                            "a right token waited {seconds} s for the issuer ({what})"
                        ));
                    }
                }
            }
        }
        // Also when the run is over: the lab outlives it.
        let _ = lab.set_outage(&issuer, Outage::None).await;
    }

    fn call(&self, token: &str) -> Call {
        bearer(
            self.ctx
                .target
                .call(&question(self.ctx, TOKENS, TOKENS.right, "drill")),
            token,
        )
    }

    /// Counts what held, what did not, and what was no answer.
    fn judge(&mut self, what: &str, held: bool, exchange: &Exchange) {
        let shown = format!("{what}: {}", exchange.in_short());
        self.found
            .lines
            .push(format!("{:<9}{shown}", if held { "held" } else { "did not" }));
        match &exchange.outcome {
            _ if held => self.found.tally.add_good(),
            Scored::Unscored(reason) if *reason != golive_checklist::judge::UnscoredReason::Timeout => {
                self.found.tally.add_unscored(reason);
            }
            Scored::Unscored(_) | Scored::Scored(_) => {
                self.found.tally.add_bad(format!("not so: {shown}"));
                self.found
                    .evidence
                    .push(exchange.evidence(format!("not so: {what}")));
            }
        }
    }
}

fn works(ctx: &Ctx, exchange: &Exchange) -> bool {
    exchange.score(|answer| answer.reply(&ctx.config).map(|_| true)) == Scored::Scored(true)
}
