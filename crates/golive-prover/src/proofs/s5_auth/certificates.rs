//! S5.certificates: the client certificate of every role, and the wrong ones: none at all, self-signed, of another
//! authority, expired, not for clients, and with its name in CN alone.

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_config::{ClientCertificate, Scheme, Target};

use super::made::{self, Shown};
use super::refused;
use super::routes::{Kind, arrivals_at_lab, question, seen_at_lab};
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::plan::PartPlan;
use crate::target::{Credential, Exchange, TargetClient};

/// Certificates of this proof.
const CERTIFICATES: Kind = Kind {
    right: "certificate-right",
    wrong: "certificate-wrong",
    names_users: false,
};

/// Roles whose certificates must be refused, and what is wrong with them.
const DEAD: [(&str, &str); 3] = [
    ("expired", "an expired one of the right authority"),
    ("wrong_use", "one of the right authority that is not for clients"),
    (
        "name_only",
        "one of the right authority whose name stands in CN alone",
    ),
];

/// A connection that breaks says nothing by itself; this often in a row, beside right ones that stand, it is a door
/// that is shut.
const IN_A_ROW: usize = 3;

pub(super) fn plan(target: &Target) -> PartPlan {
    let no = |missing: &str, unlocks: &str| PartPlan::no("S5.certificates", missing, unlocks);
    if live(target).next().is_none() {
        return no(
            "certificates.<role> (a client certificate that works)",
            "without it a target that refuses everybody would pass",
        );
    }
    if target.url.scheme != Scheme::Https {
        return no("a url with https", "client certificates are shown within TLS");
    }
    let count = target.certificates.len() as u64 + 5;
    PartPlan::yes("S5.certificates", count * 4, Duration::from_secs(5))
}

pub(super) async fn prove(ctx: &Ctx) -> PartReport {
    let mut part = ctx.part("S5.certificates").fix(
        "want a client certificate on every route it protects, verify its chain against your own authority alone, its \
         dates and its use (clientAuth), and take the caller's name from the subject's alternative names",
    );
    let mut controls = Controls::new();
    let mut first = None;
    for (role, files) in live(&ctx.config) {
        let shown = match made::from_files(files) {
            Ok(shown) => shown,
            Err(why) => return part.unproven(format!("certificates.{role}: {why}")),
        };
        let (held, detail) = works(ctx, &shown).await;
        let name = format!("the certificate of role {role} works before");
        controls = controls.positive(Positive::new(name, held.clone(), detail.clone()));
        if first.is_none() {
            let name = "the same request with the right certificate is let in";
            controls = controls.negative(Negative::new(name, held, detail));
            first = Some(shown);
        }
    }
    let Some(right) = first else {
        return part.unproven("needs certificates.<role>: a client certificate that works");
    };
    if let Some(control) = seen_at_lab(ctx, CERTIFICATES).await {
        controls = controls.negative(control);
    }

    let mut tally = Tally::new();
    let (mut table, mut bad) = (Vec::new(), Vec::new());
    for (name, shown) in wrong(ctx, &right) {
        ctx.waiting(format!("certificates: {name}"));
        let client = match shown {
            Err(why) => {
                tally.add_unscored(&UnscoredReason::Unexpected(why.clone()));
                table.push(format!("not tried  {name}: {why}"));
                continue;
            }
            Ok(None) => ctx.target.clone(),
            Ok(Some(shown)) => match ctx.target.showing(shown.chain, shown.key) {
                Ok(client) => client,
                Err(error) => {
                    tally.add_unscored(&UnscoredReason::Unexpected(error.to_string()));
                    continue;
                }
            },
        };
        let (held, exchange) = shut(ctx, &client).await;
        table.push(format!(
            "{:<11}{name}: {}",
            verdict_of(&held),
            exchange.in_short()
        ));
        if held == Scored::Scored(false) {
            bad.push(exchange.evidence(format!("let in: {name}")));
        }
        tally.add(held, |held| {
            if held {
                Ok(())
            } else {
                Err(format!("{name}: {}", exchange.in_short()))
            }
        });
    }
    let (leaked, arrivals) = arrivals_at_lab(ctx, CERTIFICATES, &mut tally).await;
    for (role, files) in live(&ctx.config) {
        let (held, detail) = match made::from_files(files) {
            Ok(shown) => works(ctx, &shown).await,
            Err(why) => (Scored::Unscored(UnscoredReason::Unexpected(why)), String::new()),
        };
        controls = controls.positive(Positive::new(
            format!("the certificate of role {role} works after"),
            held,
            detail,
        ));
    }
    let judgement = tally.judge(&Rule::all_of(1));
    if leaked {
        part = part.lines("requests that reached the model behind the target", arrivals);
    }
    part.headline(format!(
        "{} of {} wrong client certificates refused",
        tally.good(),
        tally.scored()
    ))
    .measured("let_in", tally.bad())
    .checklist("let_in", 0)
    .evidences(bad)
    .lines("every wrong certificate, and its answer", table)
    .controls(controls)
    .judged(&judgement)
}

/// The certificates that should work.
fn live(target: &Target) -> impl Iterator<Item = (&String, &ClientCertificate)> {
    let dead = |role: &str| DEAD.iter().any(|(dead, _)| *dead == role);
    target.certificates.iter().filter(move |(role, _)| !dead(role))
}

/// The wrong ones: what is wrong, and what is shown (`None`: nothing at all), or why it cannot be.
fn wrong(ctx: &Ctx, right: &Shown) -> Vec<(String, Result<Option<Shown>, String>)> {
    let mut out = vec![
        ("no certificate".to_owned(), Ok(None)),
        (
            "a self-signed one of the same names".to_owned(),
            made::self_signed(right).map(Some),
        ),
        (
            "one of another authority of the same name".to_owned(),
            made::other_authority(right).map(Some),
        ),
    ];
    for (role, what) in DEAD {
        let files = ctx.config.certificates.get(role);
        let shown = files
            .ok_or_else(|| format!("needs certificates.{role}"))
            .and_then(made::from_files);
        out.push((what.to_owned(), shown.map(Some)));
    }
    out
}

async fn works(ctx: &Ctx, shown: &Shown) -> (Scored<bool>, String) {
    let client = match ctx.target.showing(shown.chain.clone(), shown.key.clone_key()) {
        Ok(client) => client,
        Err(error) => {
            return (
                Scored::Unscored(UnscoredReason::Unexpected(error.to_string())),
                String::new(),
            );
        }
    };
    let exchange = ask(ctx, &client, CERTIFICATES.right).await;
    let held = exchange.score(|answer| answer.reply(&ctx.config).map(|_| true));
    (held, exchange.in_short())
}

/// Whether the door is shut: by a refusal, by an alert of TLS, or by breaking off each time.
async fn shut(ctx: &Ctx, client: &TargetClient) -> (Scored<bool>, Exchange) {
    let mut broken = 0;
    loop {
        let exchange = ask(ctx, client, CERTIFICATES.wrong).await;
        let Scored::Unscored(UnscoredReason::Transport(why)) = &exchange.outcome else {
            return (exchange.score(refused), exchange);
        };
        broken += 1;
        if why.contains("alert") || broken == IN_A_ROW {
            return (Scored::Scored(true), exchange);
        }
    }
}

async fn ask(ctx: &Ctx, client: &TargetClient, which: &str) -> Exchange {
    let call = client.call(&question(ctx, CERTIFICATES, which, "certificate"));
    client
        .send(call.credential(Credential::None).on_fresh_connection())
        .await
}

fn verdict_of(held: &Scored<bool>) -> &'static str {
    match held {
        Scored::Scored(true) => "refused",
        Scored::Scored(false) => "let in",
        Scored::Unscored(_) => "unscored",
    }
}
