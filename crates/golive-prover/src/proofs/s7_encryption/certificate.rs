//! S7.key, S7.trust and S7.name: three sections about one chain, none of which answers for another.

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_checklist::threshold::Zone;
use rustls::RootCertStore;

use super::Peers;
use super::transit::Agreement;
use crate::clock;
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::tls_probe::chain::{self, Complaint, Fault, Findings};

/// A certificate of 1024 bits, signed by itself over SHA-1, for nobody, made for this purpose.
const WEAK: &[u8] = include_bytes!("weak.der");

/// A host that no certificate is for (RFC 6761).
const NOBODY: &str = "golive-check.invalid";

/// One chain that was seen, and what was found.
struct Seen {
    at: String,
    chain: Vec<Vec<u8>>,
    found: Findings,
}

pub(super) async fn prove(ctx: &Ctx, peers: &Peers, agreements: &[Agreement]) -> Vec<PartReport> {
    let roots = ctx.target.roots();
    let host = ctx.config.url.host.clone();
    let now_s = clock::wall().as_second();
    let (mut seen, mut missed) = (Vec::new(), Vec::new());
    for (at, peer) in peers.all.iter().enumerate() {
        let older = agreements.get(at).and_then(Agreement::with_certificates);
        match peer.chains(older).await {
            Err(reason) => missed.push(reason),
            Ok(chains) => {
                for chain in chains {
                    match chain::judge(&chain, roots, &host, now_s) {
                        Ok(found) => seen.push(Seen {
                            at: peer.address.to_string(),
                            chain,
                            found,
                        }),
                        Err(why) => missed.push(UnscoredReason::Unexpected(why.to_string())),
                    }
                }
            }
        }
    }
    let what = What {
        ctx,
        peers,
        seen,
        missed,
    };
    let key = what.part("S7.key", |found| &found.key, key_controls(&what.seen));
    let trust = what.part(
        "S7.trust",
        |found| &found.trust,
        trust_controls(&what.seen, roots, now_s),
    );
    let name = what.part(
        "S7.name",
        |found| &found.name,
        name_controls(&what.seen, roots, now_s),
    );
    vec![key, trust, name]
}

struct What<'a> {
    ctx: &'a Ctx,
    peers: &'a Peers,
    seen: Vec<Seen>,
    missed: Vec<UnscoredReason>,
}

impl What<'_> {
    fn part(
        &self,
        id: &'static str,
        section: fn(&Findings) -> &Vec<Complaint>,
        controls: Controls,
    ) -> PartReport {
        let part = self.ctx.part(id).fix(match id {
            "S7.key" => "get a certificate with an RSA key of 2048 bits or more, or P-256 or better, signed over SHA-256",
            "S7.trust" => {
                "renew it in time (by ACME, without hands), send the whole chain but the root, leaf first; for a \
                 private authority, declare ca_file"
            }
            _ => "get a certificate whose subject alternative names hold the name that callers use",
        });
        if self.peers.all.is_empty() {
            return part.unproven(self.peers.nobody());
        }
        let (mut tally, mut soon, mut lines) = (Tally::new(), Vec::new(), Vec::new());
        let mut faults: Vec<&str> = Vec::new();
        for Seen { at, found, .. } in &self.seen {
            let complaints = section(found);
            let (warn, bad): (Vec<_>, Vec<_>) = complaints.iter().partition(|one| one.fault.only_warns());
            match bad.as_slice() {
                [] => tally.add_good(),
                bad => {
                    let texts: Vec<&str> = bad.iter().map(|one| one.text.as_str()).collect();
                    tally.add_bad(format!("{at}: {}", texts.join("; ")));
                }
            }
            for complaint in complaints {
                if !faults.contains(&complaint.fault.as_str()) {
                    faults.push(complaint.fault.as_str());
                }
            }
            soon.extend(warn.iter().map(|one| one.text.clone()));
            lines.extend(complaints.iter().map(|one| format!("{at}: {}", one.text)));
            lines.extend(found.lines.iter().map(|line| format!("{at}: {line}")));
        }
        self.missed.iter().for_each(|reason| tally.add_unscored(reason));
        let mut judgement = tally.judge(&Rule::all_of(self.peers.all.len() as u64));
        if !soon.is_empty() {
            judgement = judgement.no_better_than(Zone::Warn, soon.join("; "));
        }
        let least = self.seen.iter().map(|seen| seen.found.days_left).min();
        let mut part = part
            .headline(format!(
                "{} of {} chains without a fault",
                tally.good(),
                self.seen.len()
            ))
            .measured("faults", faults)
            .lines("what was sent, leaf first", lines)
            .controls(controls);
        if let (Some(days), "S7.trust") = (least, id) {
            part = part.measured("days_left", days);
        }
        part.judged(&judgement)
    }
}

fn key_controls(seen: &[Seen]) -> Controls {
    let weak = chain::judge(&[WEAK.to_vec()], &RootCertStore::empty(), NOBODY, 0);
    let faults = weak.map(|found| found.faults()).unwrap_or_default();
    let noticed = faults.contains(&Fault::WeakKey) && faults.contains(&Fault::WeakSignature);
    Controls::new()
        .negative(Negative::new(
            "a made certificate of 1024 bits signed over SHA-1 is found weak",
            Scored::Scored(noticed),
            format!("{faults:?}"),
        ))
        .positive(Positive::new(
            "the server's certificate can be read",
            Scored::Scored(!seen.is_empty()),
            format!("{} chains", seen.len()),
        ))
}

fn trust_controls(seen: &[Seen], roots: &RootCertStore, now_s: i64) -> Controls {
    let mut controls = Controls::new().positive(Positive::new(
        "the server's chain can be read, and authorities are known to hold it against",
        Scored::Scored(!seen.is_empty() && !roots.is_empty()),
        format!("{} chains, {} authorities", seen.len(), roots.len()),
    ));
    for one in seen {
        let strangers = judged(one, &RootCertStore::empty(), NOBODY, now_s);
        let later = judged(one, roots, NOBODY, i64::MAX / 4);
        let unknown = strangers.iter().any(|fault| {
            matches!(
                fault,
                Fault::SelfSigned | Fault::UnknownAuthority | Fault::Incomplete
            )
        });
        controls = controls.negative(Negative::new(
            "without authorities the chain is found unknown, and one day it is found to have run out",
            Scored::Scored(unknown && later.contains(&Fault::Expired)),
            format!("{strangers:?}, {later:?}"),
        ));
    }
    controls
}

fn name_controls(seen: &[Seen], roots: &RootCertStore, now_s: i64) -> Controls {
    let mut controls = Controls::new();
    for one in seen {
        let other = judged(one, roots, NOBODY, now_s);
        controls = controls.negative(Negative::new(
            "for a name that nobody has, the certificate is found to be for another",
            Scored::Scored(other.contains(&Fault::WrongName)),
            NOBODY,
        ));
        let own = chain::own_host(&one.chain);
        let taken = own
            .as_ref()
            .map(|own| !judged(one, roots, own, now_s).contains(&Fault::WrongName));
        controls = controls.positive(Positive::new(
            "for its own first name, it is found to be right",
            taken.map_or_else(
                || Scored::Unscored(UnscoredReason::Unexpected("it has no name at all".to_owned())),
                Scored::Scored,
            ),
            own.unwrap_or_default(),
        ));
    }
    controls
}

fn judged(one: &Seen, roots: &RootCertStore, host: &str, now_s: i64) -> Vec<Fault> {
    chain::judge(&one.chain, roots, host, now_s)
        .map(|found| found.faults())
        .unwrap_or_default()
}
