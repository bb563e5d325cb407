//! S7.versions and S7.suites: what each address agrees to, offer by offer.

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_checklist::threshold::Zone;

use super::Peers;
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::tls_probe::reply::{Reply, ServerHello, alert_name};
use crate::tls_probe::socket::Peer;
use crate::tls_probe::suites::{self, CLASSES, Class, Weight};
use crate::tls_probe::{Version, made};

/// A group of fewer bits is within reach (RFC 9325 §4.5).
const GROUP_BITS_MIN: usize = 2048;

/// What one address made of every version.
pub(super) struct Agreement {
    said: Vec<(Version, Scored<Reply>)>,
}

impl Agreement {
    /// Its hello, if it agreed to this version and to no other.
    pub(super) fn to(&self, version: Version) -> Option<&ServerHello> {
        self.said.iter().find_map(|(offered, said)| match said {
            Scored::Scored(Reply::Hello(hello)) if *offered == version && hello.version == version => {
                Some(hello)
            }
            _ => None,
        })
    }

    /// A hello with certificates in clear, of the newest version below TLS 1.3 that it agreed to.
    pub(super) fn with_certificates(&self) -> Option<&ServerHello> {
        let versions = Version::ALL.iter().rev();
        versions
            .filter_map(|version| self.to(*version))
            .find(|hello| !hello.certificates.is_empty())
    }
}

pub(super) async fn agreements(ctx: &Ctx, peers: &Peers) -> Vec<Agreement> {
    let all = suites::all();
    let mut agreements = Vec::new();
    for peer in &peers.all {
        let mut said = Vec::new();
        for version in Version::ALL.into_iter().rev() {
            let suites = if version == Version::Tls13 {
                suites::TLS13
            } else {
                &all
            };
            let answer = if is_silent(&said) {
                Scored::Unscored(UnscoredReason::Timeout)
            } else {
                peer.ask(version, suites).await
            };
            said.push((version, answer));
        }
        agreements.push(Agreement { said });
        if ctx.cancel.is_cancelled() {
            break;
        }
    }
    agreements
}

/// An address that lets the two newest versions go unanswered is not asked the rest: each question would take seconds.
fn is_silent(said: &[(Version, Scored<Reply>)]) -> bool {
    let timed_out = |(_, said): &(Version, Scored<Reply>)| *said == Scored::Unscored(UnscoredReason::Timeout);
    said.len() >= 2 && said.iter().all(timed_out)
}

pub(super) async fn versions(ctx: &Ctx, peers: &Peers, agreements: &[Agreement]) -> PartReport {
    let part = ctx.part("S7.versions").checklist("oldest", "TLS 1.2").fix(
        "offer TLS 1.3, and TLS 1.2 only for callers that know nothing newer; switch everything older off",
    );
    if agreements.is_empty() {
        return part.unproven(peers.nobody());
    }
    let mut tally = Tally::new();
    let (mut lines, mut spoken) = (peers.notes.clone(), Vec::new());
    for (peer, agreement) in peers.all.iter().zip(agreements) {
        for (version, said) in &agreement.said {
            let agreed = agreement.to(*version).is_some();
            if agreed && !spoken.contains(version) {
                spoken.push(*version);
            }
            let at = peer.address;
            match said {
                Scored::Unscored(reason) => tally.add_unscored(reason),
                Scored::Scored(_) if agreed && version.is_dead() => {
                    tally.add_bad(format!("{at} speaks {version}"))
                }
                Scored::Scored(_) if !agreed && *version == Version::Tls13 => {
                    tally.add_bad(format!("{at} does not speak TLS 1.3"));
                }
                Scored::Scored(_) => tally.add_good(),
            }
            lines.push(format!("{at} offered {version}: {}", in_words(said)));
        }
    }
    spoken.sort_unstable();
    let spoken: Vec<String> = spoken.iter().map(Version::to_string).collect();
    let expected = Version::ALL.len() * agreements.len();
    part.headline(format!(
        "{} spoken at {} address(es)",
        if spoken.is_empty() {
            "nothing".to_owned()
        } else {
            spoken.join(" and ")
        },
        agreements.len()
    ))
    .measured("spoken", spoken)
    .lines("each version, offered alone", lines)
    .controls(controls(peers).await)
    .judged(&tally.judge(&Rule::all_of(expected as u64)))
}

pub(super) async fn suites(ctx: &Ctx, peers: &Peers, agreements: &[Agreement]) -> PartReport {
    let part = ctx
        .part("S7.suites")
        .fix("leave only the suites of TLS 1.3, and for TLS 1.2 ECDHE with AES-GCM or ChaCha20-Poly1305");
    if agreements.is_empty() {
        return part.unproven(peers.nobody());
    }
    ctx.waiting("which weak suites it agrees to");
    let mut tally = Tally::new();
    let (mut lines, mut discouraged, mut offers) = (Vec::new(), Vec::new(), 0_u64);
    for (peer, agreement) in peers.all.iter().zip(agreements) {
        let mut versions: Vec<Version> = Version::ALL[1..5]
            .iter()
            .copied()
            .filter(|version| agreement.to(*version).is_some())
            .collect();
        if versions.is_empty() {
            versions.push(Version::Tls12); // refused as a whole, and seen to be
        }
        for version in versions {
            for class in CLASSES {
                offers += 1;
                let said = if is_silent(&agreement.said) {
                    Scored::Unscored(UnscoredReason::Timeout)
                } else {
                    peer.ask(version, class.suites).await
                };
                let what = format!("{} in {version} at {}", class.name, peer.address);
                lines.push(format!("{what}: {}", in_words(&said)));
                match weigh(class, version, said) {
                    Found::Refused => tally.add_good(),
                    Found::Agreed => tally.add_bad(format!("{what}: {}", class.why)),
                    Found::Discouraged => {
                        tally.add_good();
                        discouraged.push(what);
                    }
                    Found::Unknown(reason) => tally.add_unscored(&reason),
                }
            }
        }
        if ctx.cancel.is_cancelled() {
            break;
        }
    }
    let mut judgement = tally.judge(&Rule::all_of(offers));
    if !discouraged.is_empty() {
        let why = format!("agreed to {}; RFC 9325 wants AEAD", discouraged.join(", "));
        judgement = judgement.no_better_than(Zone::Warn, why);
    }
    part.headline(format!(
        "{} of {offers} offers of weak suites agreed to",
        tally.bad()
    ))
    .measured("offers", offers)
    .lines("each class of weak suites, offered alone", lines)
    .controls(controls(peers).await)
    .judged(&judgement)
}

enum Found {
    Refused,
    Agreed,
    Discouraged,
    Unknown(UnscoredReason),
}

fn weigh(class: &Class, version: Version, said: Scored<Reply>) -> Found {
    let hello = match said {
        Scored::Unscored(reason) => return Found::Unknown(reason),
        Scored::Scored(Reply::Hello(hello)) => hello,
        Scored::Scored(_) => return Found::Refused,
    };
    if hello.version > version || !class.suites.contains(&hello.suite) {
        let what = format!("suite {:#06x} was never offered", hello.suite);
        return Found::Unknown(UnscoredReason::Unexpected(what));
    }
    match (class.weight, hello.group_bits) {
        (Weight::Forbidden, _) => Found::Agreed,
        (Weight::Discouraged, _) => Found::Discouraged,
        (Weight::IfGroupIsLarge, Some(bits)) if bits < GROUP_BITS_MIN => Found::Agreed,
        (Weight::IfGroupIsLarge, Some(_)) => Found::Refused,
        (Weight::IfGroupIsLarge, None) => Found::Unknown(UnscoredReason::Truncated),
    }
}

fn in_words(said: &Scored<Reply>) -> String {
    match said {
        Scored::Unscored(reason) => reason.to_string(),
        Scored::Scored(Reply::Hello(hello)) => {
            let group = hello
                .group_bits
                .map(|bits| format!(", group of {bits} bits"))
                .unwrap_or_default();
            format!(
                "agreed to {} with suite {:#06x}{group}",
                hello.version, hello.suite
            )
        }
        Scored::Scored(Reply::Alert(number)) => format!("refused ({})", alert_name(*number)),
        Scored::Scored(Reply::Closed) => "refused (closed)".to_owned(),
        Scored::Scored(Reply::Odd(what)) => what.clone(),
    }
}

async fn controls(peers: &Peers) -> Controls {
    let wrong = made::try_prober();
    let mut controls = Controls::new().negative(Negative::new(
        "made servers that agree to each version and class, and to no other, are read as such",
        Scored::Scored(wrong.is_empty()),
        wrong.join("; "),
    ));
    for peer in &peers.all {
        controls = controls.positive(shakes_hands(peer).await);
    }
    controls
}

/// The server is there and speaks TLS with somebody.
pub(super) async fn shakes_hands(peer: &Peer) -> Positive {
    Positive::new(
        "today's library shakes hands with it",
        peer.shakes_hands().await,
        peer.address.to_string(),
    )
}
