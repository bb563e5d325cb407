//! S7.hsts and S7.plain_port: what is said under TLS about staying with it, and what is served without.
//!
//! Both send one request that holds no credential and nobody's words.

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_checklist::threshold::Zone;
use golive_config::Scheme;

use super::{Peers, transit};
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::target::NoConnection;
use crate::tls_probe::socket::Head;

/// 180 days: below it SSL Labs and testssl.sh call the policy too short.
const AGE_MIN_S: u64 = 180 * 86_400;

pub(super) async fn hsts(ctx: &Ctx, peers: &Peers) -> PartReport {
    let part = ctx.part("S7.hsts").checklist("max_age_s", AGE_MIN_S).fix(
        "send `strict-transport-security: max-age=31536000; includeSubDomains` with every answer under TLS",
    );
    if peers.all.is_empty() {
        return part.unproven(peers.nobody());
    }
    ctx.waiting("what browsers are told");
    let (mut tally, mut doubts, mut lines, mut controls) =
        (Tally::new(), Vec::new(), Vec::new(), Controls::new());
    for peer in &peers.all {
        for request in [
            request(ctx, "GET", "/"),
            request(ctx, "POST", &ctx.target.route()),
        ] {
            let what = request.split("\r\n").next().unwrap_or_default().to_owned();
            let said = peer.bare_request(request.as_bytes()).await;
            let head = match said {
                Scored::Unscored(reason) => {
                    tally.add_unscored(&reason);
                    lines.push(format!("{} {what}: {reason}", peer.address));
                    continue;
                }
                Scored::Scored(head) => head,
            };
            let header = head.header("strict-transport-security");
            lines.push(format!(
                "{} {what}: {}, {header:?}",
                peer.address,
                head.in_short()
            ));
            match policy(header) {
                Ok(age) if age < AGE_MIN_S => {
                    tally.add_good();
                    doubts.push(format!("max-age is {age} s, below 180 days"));
                }
                Ok(_) => tally.add_good(),
                Err(why) => tally.add_bad(format!("{} {what}: {why}", peer.address)),
            }
        }
        controls = controls.positive(transit::shakes_hands(peer).await);
    }
    let without = [
        None,
        Some("max-age=0"),
        Some("includeSubDomains"),
        Some("max-age=soon"),
    ];
    let with = policy(Some("max-age=31536000; includeSubDomains"));
    let noticed = without.iter().all(|header| policy(*header).is_err()) && with == Ok(31_536_000);
    let controls = controls.negative(Negative::new(
        "made answers without a policy, with one that ends at once and with a good one are told apart",
        Scored::Scored(noticed),
        "",
    ));
    let mut judgement = tally.judge(&Rule::all_of(2 * peers.all.len() as u64));
    if !doubts.is_empty() {
        judgement = judgement.no_better_than(Zone::Warn, doubts.join("; "));
    }
    part.headline(format!("{} of {} answers say so", tally.good(), tally.scored()))
        .lines("answers to requests without a key", lines)
        .controls(controls)
        .judged(&judgement)
}

/// The age of a policy in seconds (RFC 6797 §6.1).
///
/// # Errors
/// There is none, or one that asks for nothing.
pub(super) fn policy(header: Option<&str>) -> Result<u64, String> {
    let header = header.ok_or("no strict-transport-security")?;
    let mut directives = header
        .split(';')
        .filter_map(|directive| directive.split_once('='));
    let age = directives
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"))
        .and_then(|(_, age)| age.trim().trim_matches('"').parse().ok());
    match age {
        Some(0) => Err("max-age=0 takes the policy back".to_owned()),
        Some(age) => Ok(age),
        None => Err(format!("no max-age in `{header}`")),
    }
}

pub(super) async fn plain_port(ctx: &Ctx, tls: &Peers, port: u16) -> PartReport {
    let part = ctx.part("S7.plain_port").measured("port", port).fix(
        "close the plain port, or let it answer with 308 to the https address and nothing else; for machines, \
         closed is better: their key is sent before the redirect comes",
    );
    ctx.waiting(format!("what port {port} serves without TLS"));
    let peers = Peers::find(ctx, port).await;
    let request = request(ctx, "POST", &ctx.target.route());
    let under_tls = match tls.all.first() {
        Some(peer) if ctx.config.url.scheme == Scheme::Https => peer.bare_request(request.as_bytes()).await,
        Some(peer) => peer
            .plain_request(request.as_bytes())
            .await
            .unwrap_or_else(|missed| Scored::Unscored(missed.reason())),
        None => return part.unproven(tls.nobody()),
    };
    let (mut tally, mut lines) = (Tally::new(), peers.notes.clone());
    // An address where nothing listens serves nothing.
    let refused = peers
        .notes
        .iter()
        .filter(|note| note.ends_with("nothing listens there"))
        .count();
    (0..refused).for_each(|_| tally.add_good());
    let secure = match &under_tls {
        Scored::Scored(head) => Some(head.status),
        Scored::Unscored(_) => None,
    };
    for peer in &peers.all {
        let (said, seen) = match peer.plain_request(request.as_bytes()).await {
            Err(NoConnection::Refused) => (Scored::Scored(Ok(())), "nothing listens there".to_owned()),
            Err(missed) => (Scored::Unscored(missed.reason()), missed.reason().to_string()),
            // A server of TLS alone hangs up on a request in clear, or answers it with an alert.
            Ok(Scored::Unscored(UnscoredReason::Empty | UnscoredReason::Transport(_))) => {
                (Scored::Scored(Ok(())), "it hung up".to_owned())
            }
            Ok(Scored::Unscored(reason)) => (Scored::Unscored(reason.clone()), reason.to_string()),
            Ok(Scored::Scored(head)) => (Scored::Scored(served(&head, secure)), head.in_short()),
        };
        lines.push(format!("{}: {seen}", peer.address));
        tally.add(said, |served| {
            served.map_err(|why| format!("{}: {why}", peer.address))
        });
    }
    let made = |status: u16, location: Option<&str>| Head {
        status,
        headers: location
            .map(|to| ("location".to_owned(), to.to_owned()))
            .into_iter()
            .collect(),
    };
    let noticed = served(&made(200, None), Some(401)).is_err()
        && served(&made(401, None), Some(401)).is_err()
        && served(&made(308, Some("http://other.invalid/")), Some(401)).is_err()
        && served(&made(308, Some("https://host.invalid/")), Some(401)).is_ok();
    let controls = Controls::new()
        .positive(Positive::new(
            "the target answers the same request at its own address",
            under_tls.map(|_| true),
            secure.map(|status| format!("HTTP {status}")).unwrap_or_default(),
        ))
        .negative(Negative::new(
            "made answers that serve in clear, or redirect to clear, are told from a redirect to https",
            Scored::Scored(noticed),
            "",
        ));
    part.headline(format!(
        "{} of {} addresses serve nothing in clear on port {port}",
        tally.good(),
        tally.scored()
    ))
    .lines("a request without TLS and without a key", lines)
    .controls(controls)
    .judged(&tally.judge(&Rule::all_of(1)))
}

/// What a plain answer means; `secure` is the status of the same request under TLS. The same answer in clear means
/// that the same service is behind it, and that whoever sends a key there has sent it in clear.
fn served(head: &Head, secure: Option<u16>) -> Result<(), String> {
    let to = head.header("location").unwrap_or_default();
    match head.status {
        301 | 302 | 303 | 307 | 308 if to.to_ascii_lowercase().starts_with("https://") => Ok(()),
        301 | 302 | 303 | 307 | 308 => Err(format!("it redirects to `{to}`, which is not https")),
        status @ 200..=299 => Err(format!("it serves in clear (HTTP {status})")),
        status if Some(status) == secure => Err(format!(
            "it answers in clear as it does under TLS (HTTP {status})"
        )),
        status @ (401 | 405 | 415 | 422 | 429) => Err(format!("it takes requests in clear (HTTP {status})")),
        _ => Ok(()),
    }
}

/// A request without a credential and without anybody's words.
fn request(ctx: &Ctx, method: &str, path: &str) -> String {
    let host = ctx.config.url.authority();
    let body = if method == "POST" { "{}" } else { "" };
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: golive-check\r\nconnection: close\r\n"
    );
    if !body.is_empty() {
        request.push_str(&format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        ));
    }
    format!("{request}\r\n{body}")
}
