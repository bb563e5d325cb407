//! S7: encryption in transit and at rest, proven from outside.
//!
//! **Proves** that TLS 1.3 is spoken and nothing older than TLS 1.2; that no weak cipher suite is agreed to; that the
//! certificate is strong, in date, vouched for and for the right name; that browsers are told to stay with TLS; that
//! nothing is served without it; and that what was said stands in no stored file in clear.
//!
//! **How**: in transit, at every address of the host, hand-made handshakes offer each version from SSL 2 to TLS 1.3
//! and each class of weak suites, and the server's answer is read; the certificates are read from its flight; one
//! request without a key or anybody's words is sent under TLS, and the same without. Strength, trust and name are
//! parts of their own, and no letter mixes them: a self-signed certificate says nothing about the versions, nor an old
//! version about the name. A chain that needs the client to fetch an intermediate is a fault here, as in testssl.sh.
//! At rest, random words are sent in a prompt, received in a reply and sent as a user's id; when the declared command
//! reads them back, the bytes of all declared files are searched for them: UTF-8, UTF-16, base64 in all alignments,
//! hex, JSON escapes, and all of these inside gzip, zlib and zstd.
//!
//! **Positive control**: today's library shakes hands with the server; a strict verifier takes the chain for the name
//! it bears; the words can be read back, and a declared file changed when they were stored. Without the last two,
//! absence would only show that nothing was kept.
//! **Negative control**: a made server that agrees to each version and each class is read as agreeing; a weak
//! certificate, no authorities, a later date and another name are read as faults; made files that hold the words in
//! each encoding are found out.
//! **Evidence**: what each address agreed to; the chain; the answer without TLS; each place where a word was found.
//! **Cannot tell**: what happens behind a proxy that ends TLS, which is a person's word; revocation; whether the cipher
//! at rest is AES-256 and who holds its keys (`S7.custody`); tickets, and files nobody declared.

mod certificate;
mod files;
mod http;
mod needles;
mod rest;
mod transit;

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::judge::UnscoredReason;
use golive_checklist::report::PartReport;
use golive_config::{Scheme, Target};

use super::{Proof, When};
use crate::ctx::Ctx;
use crate::plan::{PartPlan, PlanInput};
use crate::self_test::{Oracle, Reading};
use crate::target::{NoConnection, default_role};
use crate::tls_probe::socket::Peer;

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::S7,
    parts: &[
        "S7.versions",
        "S7.suites",
        "S7.key",
        "S7.trust",
        "S7.name",
        "S7.hsts",
        "S7.plain_port",
        "S7.rest",
    ],
    doc: include_str!("s7_encryption.rs"),
    when: When::InOrder,
    attacks: false,
    oracles: &[IN_CLEAR, STAYS_WITH_TLS],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

/// The marker of the question stands in an answer that repeats it, and in no other.
const IN_CLEAR: Oracle = Oracle {
    name: "S7: found in clear",
    read: |sample| {
        let marker = sample.asked.split(['(', ')']).nth(1).unwrap_or_default();
        match needles::Needles::new(&[("prompt", marker)])
            .in_bytes(&sample.answer.body)
            .is_empty()
        {
            true => Reading::Good,
            false => Reading::Bad,
        }
    },
    obedient: Reading::Good,
    echoing: Reading::Bad,
    refusing: Reading::Good,
    excusing: Reading::Good,
    empty: Reading::Good,
};

/// None of the made answers tells browsers anything.
const STAYS_WITH_TLS: Oracle = Oracle {
    name: "S7: told to stay with TLS",
    read: |sample| match http::policy(sample.answer.header("strict-transport-security")) {
        Ok(_) => Reading::Good,
        Err(_) => Reading::Bad,
    },
    obedient: Reading::Bad,
    echoing: Reading::Bad,
    refusing: Reading::Bad,
    excusing: Reading::Bad,
    empty: Reading::Bad,
};

/// The parts that look at a handshake.
const HANDSHAKES: [(&str, u64); 6] = [
    ("S7.versions", 8),
    ("S7.suites", 32),
    ("S7.key", 3),
    ("S7.trust", 0),
    ("S7.name", 0),
    ("S7.hsts", 3),
];

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let target = input.target;
    let mut plans: Vec<PartPlan> = HANDSHAKES
        .iter()
        .map(|(part, requests)| match target.url.scheme {
            // Most names have two addresses at the most.
            Scheme::Https => PartPlan::yes(part, requests * 2, Duration::from_secs(1)),
            Scheme::Http => PartPlan::no(
                part,
                "an https address",
                "this one is plain HTTP, so there is no TLS to test; where a proxy ends TLS, prove the proxy's address",
            ),
        })
        .collect();
    plans.push(match plain_port(target) {
        Some(_) => PartPlan::yes("S7.plain_port", 4, Duration::from_secs(1)),
        None => PartPlan::no(
            "S7.plain_port",
            "an address beyond this machine, or plain_url",
            "bytes to a loopback address cross no wire, and which port must not answer is not known",
        ),
    });
    let missing = if default_role(target).is_none() {
        Some((
            "a key that works (credentials.<role>.key_env)",
            "nothing can be said that could be found",
        ))
    } else if target.store_files.is_empty() {
        Some((
            "the files that it writes (store_files)",
            "whether what was said stands there in clear",
        ))
    } else if target.commands.read_back.is_none() {
        Some((
            "a command that prints what was kept of a request (commands.read_back)",
            "without it, not finding a word only shows that nothing was kept",
        ))
    } else {
        None
    };
    plans.push(match missing {
        Some((missing, unlocks)) => PartPlan::no("S7.rest", missing, unlocks),
        None => PartPlan::yes("S7.rest", 2, Duration::from_secs(5)),
    });
    plans
}

/// The port that must not answer in clear: the declared one; else 80, if the target is beyond this machine; else, if
/// its own address is plain, that one.
fn plain_port(target: &Target) -> Option<u16> {
    match (&target.plain_url, target.url.is_loopback(), target.url.scheme) {
        (Some(plain), _, _) => Some(plain.port),
        (None, true, _) => None,
        (None, false, Scheme::Http) => Some(target.url.port),
        (None, false, Scheme::Https) => Some(Scheme::Http.default_port()),
    }
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    let mut parts = Vec::new();
    let https = ctx.config.url.scheme == Scheme::Https;
    let peers = Peers::find(&ctx, ctx.config.url.port).await;
    if https {
        ctx.waiting("what it agrees to, version by version");
        let agreed = transit::agreements(&ctx, &peers).await;
        parts.push(transit::versions(&ctx, &peers, &agreed).await);
        parts.push(transit::suites(&ctx, &peers, &agreed).await);
        parts.extend(certificate::prove(&ctx, &peers, &agreed).await);
        parts.push(http::hsts(&ctx, &peers).await);
    }
    if let Some(port) = plain_port(&ctx.config)
        && !ctx.cancel.is_cancelled()
    {
        parts.push(http::plain_port(&ctx, &peers, port).await);
    }
    let rest = ctx.config.commands.read_back.is_some() && !ctx.config.store_files.is_empty();
    if rest && ctx.target.default_role().is_some() && !ctx.cancel.is_cancelled() {
        parts.push(rest::prove(&ctx).await);
    }
    parts
}

/// The addresses of the target's host that something listens at.
struct Peers {
    all: Vec<Peer>,
    /// What is missing from them, in words.
    notes: Vec<String>,
}

impl Peers {
    /// An address that refuses has nothing to prove; one that this machine cannot reach is told and left out; one
    /// that does not answer stays, and what it will not tell is unscored.
    async fn find(ctx: &Ctx, port: u16) -> Peers {
        let mut peers = Peers {
            all: Vec::new(),
            notes: Vec::new(),
        };
        let addresses = match ctx.target.addresses(port).await {
            Ok(addresses) => addresses,
            Err(error) => {
                peers
                    .notes
                    .push(format!("cannot resolve {}: {error}", ctx.config.url.host));
                return peers;
            }
        };
        for address in addresses {
            match ctx.target.tcp(address).await {
                Err(NoConnection::Refused) => peers.notes.push(format!("{address}: nothing listens there")),
                Err(NoConnection::NoWay) => {
                    let note = format!("{address}: no way there from this machine, so it was not looked at");
                    ctx.warn(&note);
                    peers.notes.push(note);
                }
                Err(NoConnection::Unknown(UnscoredReason::Interrupted)) => break,
                Ok(_) | Err(NoConnection::Unknown(_)) => peers.all.push(Peer {
                    client: ctx.target.clone(),
                    address,
                    host: ctx.config.url.host.clone(),
                    seed: ctx.seed ^ ctx.target.run_id(),
                }),
            }
        }
        peers
    }

    /// Why there is nobody to ask.
    fn nobody(&self) -> String {
        format!("no address of the target answers: {}", self.notes.join("; "))
    }
}
