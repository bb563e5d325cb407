//! E5: one round: calls offered in an order while the lab holds what reaches it, and what became of each at both sides.
//!
//! Never: drops a call's end. What has none when the queue had time to empty is lost, and that is a finding.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::{AbortHandle, abortable};
use futures_util::stream::FuturesUnordered;
use golive_checklist::judge::{Scored, UnscoredReason};
use golive_config::Target;
use golive_lab::{Arrival, Behaviour, Latency, Match, Query, Rule};

use crate::clock;
use crate::control::Positive;
use crate::ctx::Ctx;
use crate::lab_scripts::LabScripts;
use crate::proofs::e1_degradation::Told;
use crate::target::{Answer, Ask, Credential, Exchange, millis};

/// The lab lets go of a held call after this, once the queue has been filled.
const SHORT: Duration = Duration::from_millis(60);

/// The world of this proof.
pub(super) struct Stage {
    pub(super) ctx: Ctx,
    pub(super) scripts: LabScripts,
    /// How long the lab holds a call while the queue is being filled.
    pub(super) hold: Duration,
    /// What this machine adds to a refusal.
    pub(super) slack: Duration,
    pub(super) control: Positive,
}

/// Who sends a call, and how.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    /// What the call is for, in the report: `low`, `the busy user`.
    pub(super) group: &'static str,
    /// On whose behalf.
    pub(super) user: String,
    /// A header of its priority.
    pub(super) header: Option<(String, String)>,
    /// A role other than the usual one.
    pub(super) role: Option<String>,
}

/// One call that was offered.
#[derive(Debug, Clone)]
pub(super) struct Offered {
    pub(super) group: &'static str,
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) elapsed: Duration,
    pub(super) exchange: Option<Exchange>,
    /// Hung up by us.
    pub(super) left: bool,
    /// At the lab, oldest first.
    pub(super) arrivals: Vec<Arrival>,
}

/// What became of a call, as its caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Answered,
    /// Told that there is no place.
    Refused,
    /// The target's own rate limit.
    Limited,
    /// Refused by something in front of the target.
    Foreign(String),
    /// Anything else, or nothing.
    Lost(String),
}

/// Reads one answer.
pub(super) fn kind_of(answer: &Answer, target: &Target) -> Kind {
    let told = Told::whole(answer, target);
    let status = answer.status.as_u16();
    if answer.status.is_success() {
        return match (told.marked, answer.reply(target)) {
            (true, _) => Kind::Refused,
            (false, Scored::Scored(_)) if golive_lab::nonce::find(&told.words).is_some() => Kind::Answered,
            (false, Scored::Scored(_)) => Kind::Lost("an answer that is not the lab's".to_owned()),
            (false, Scored::Unscored(reason)) => Kind::Lost(reason.to_string()),
        };
    }
    if !matches!(status, 429 | 503 | 529) {
        return Kind::Lost(format!("status {status}"));
    }
    if !answer.is_wire_error(target.format) {
        let text = answer.text().to_ascii_lowercase();
        let by = ["nginx", "envoy", "haproxy", "cloudflare", "traefik", "openresty"];
        let by = by.into_iter().find(|name| text.contains(name));
        if text.trim_start().starts_with('<') || by.is_some() {
            let by = by.unwrap_or("something in front of it");
            return Kind::Foreign(format!("a {status} of {by}, not of the target"));
        }
    }
    let code = answer.error_code().unwrap_or_default();
    if status == 429 && (code.contains("rate_limit") || code.contains("limit_exceeded")) {
        return Kind::Limited;
    }
    Kind::Refused
}

type Sent<'a> = Pin<Box<dyn Future<Output = (usize, Option<Exchange>)> + Send + 'a>>;

/// A round on its way.
pub(super) struct Round<'a> {
    stage: &'a Stage,
    name: &'static str,
    marker: String,
    pending: FuturesUnordered<Sent<'a>>,
    handles: HashMap<usize, AbortHandle>,
    pub(super) offered: Vec<Offered>,
    /// The most calls that were without an end at once.
    pub(super) most_open: usize,
}

impl Stage {
    pub(super) async fn prepare(ctx: &Ctx) -> Result<Stage, String> {
        let scripts = LabScripts::of(ctx).await?;
        let declares = &ctx.config.declares;
        let mut jitter = Duration::ZERO;
        for _ in 0..20 {
            let before = clock::now();
            ctx.sleep(Duration::from_millis(5)).await;
            let late = clock::now().saturating_duration_since(before);
            jitter = jitter.max(late.saturating_sub(Duration::from_millis(5)));
        }
        let mut stage = Stage {
            ctx: ctx.clone(),
            scripts,
            hold: Duration::ZERO,
            slack: Duration::ZERO,
            control: Positive::new("", Scored::Scored(false), ""),
        };
        let mut slowest = Duration::ZERO;
        for n in 0..3 {
            let (control, took) = stage.healthy(&format!("before-{n}")).await;
            if !control.held() {
                return Err("a healthy call is not answered by the lab's model, so what becomes of others says nothing".to_owned());
            }
            stage.control = control;
            slowest = slowest.max(took);
        }
        // A refusal costs less than an answer; what a healthy call takes is this machine's doing.
        stage.slack = Duration::from_millis(50) + jitter * 8 + slowest;
        // A round fills the queue, waits for refusals and lets one leave; a slow machine takes longer over each step, and
        // what the lab lets go of before the last of them leaves its place to a call that should have waited.
        let clocks = declares.first_byte.min(declares.total_request).mul_f64(0.7);
        stage.hold = clocks.min(longest_hold(&ctx.config) + stage.slack * 6);
        Ok(stage)
    }

    /// A call that nothing holds.
    pub(super) async fn healthy(&self, when: &str) -> (Positive, Duration) {
        let mut ask = Ask::new(format!("Say hello. {}", self.ctx.marker(when))).user(self.ctx.user(when));
        ask.model = queued(&self.ctx.config);
        let call = self.ctx.target.call(&ask).deadline(Duration::from_secs(30));
        let exchange = self.ctx.send_patiently(call).await;
        let by_lab = match &exchange.outcome {
            Scored::Scored(answer) => {
                let told = Told::whole(answer, &self.ctx.config);
                match golive_lab::nonce::find(&told.words) {
                    Some(mark) => self.scripts.lab().verify(&mark).await.unwrap_or(false),
                    None => false,
                }
            }
            Scored::Unscored(_) => false,
        };
        let name = format!("a healthy call ({when}) is answered by the lab");
        (
            Positive::new(name, Scored::Scored(by_lab), exchange.in_short()),
            exchange.elapsed,
        )
    }

    /// Begins a round: from now on the lab holds its calls.
    pub(super) async fn begin(&self, name: &'static str) -> Result<Round<'_>, String> {
        let marker = self.ctx.marker(name);
        self.teach(&marker, self.hold).await?;
        Ok(Round {
            stage: self,
            name,
            marker,
            pending: FuturesUnordered::new(),
            handles: HashMap::new(),
            offered: Vec::new(),
            most_open: 0,
        })
    }

    async fn arrivals(&self, marker: String) -> BTreeMap<String, Vec<Arrival>> {
        let mut found: BTreeMap<String, Vec<Arrival>> = BTreeMap::new();
        let mut query = Query {
            contains: Some(marker),
            limit: 2_000,
            ..Query::default()
        };
        while let Ok(page) = self.scripts.lab().timeline(&query).await {
            for mut arrival in page.arrivals {
                let id = arrival
                    .body
                    .find("glvq")
                    .and_then(|at| arrival.body.get(at..at + 10));
                if let Some(id) = id.map(str::to_owned) {
                    arrival.body.clear();
                    found.entry(id).or_default().push(arrival);
                }
            }
            if !page.more {
                break;
            }
            query.since = page.next;
        }
        found
    }

    async fn teach(&self, marker: &str, latency: Duration) -> Result<(), String> {
        let rule = Rule {
            matches: Match {
                contains: Some(marker.to_owned()),
                ..Match::default()
            },
            behaviour: Some(Behaviour {
                latency: Some(Latency::Constant { ms: millis(latency) }),
                ..Behaviour::default()
            }),
            ..Rule::default()
        };
        let taught = self.scripts.teach(&[rule]).await;
        taught.map_err(|error| format!("the lab could not be told to hold calls ({error})"))
    }
}

/// The model before the declared queue; the target's own if none is named.
fn queued(target: &Target) -> Option<String> {
    target.dispatch.links.queued.clone()
}

/// Long enough to fill the queue and to offer four times as much more.
fn longest_hold(target: &Target) -> Duration {
    let queue = &target.queue;
    let (Some(served), Some(waiting)) = (queue.concurrency, queue.length) else {
        return Duration::from_secs(8);
    };
    let capacity = u64::from(served + waiting);
    Duration::from_millis(800 + capacity * 6 + (4 * capacity).min(super::EXCESS_MAX as u64) * 10)
}

impl<'a> Round<'a> {
    /// The world it runs in.
    pub(super) fn stage(&self) -> &'a Stage {
        self.stage
    }

    /// Sends one call now.
    pub(super) fn send(&mut self, sender: Sender) {
        let n = self.offered.len();
        let id = format!("glvq{n:05}x");
        let mut ask = Ask::new(format!("Say hello. {} {id}", self.marker));
        ask.max_tokens = 32;
        ask.model = queued(&self.stage.ctx.config);
        // A role of its own speaks for itself: not every credential may name a user.
        if sender.role.is_none() {
            ask = ask.user(sender.user);
        }
        let mut call = self.stage.ctx.target.call(&ask).deadline(LONGEST);
        if let Some((name, value)) = &sender.header {
            call = call.header(name, value);
        }
        if let Some(role) = sender.role {
            call = call.credential(Credential::Role(role));
        }
        let target = &self.stage.ctx.target;
        let (sending, handle) = abortable(target.send(call));
        self.handles.insert(n, handle);
        self.pending
            .push(Box::pin(async move { (n, sending.await.ok()) }));
        self.most_open = self.most_open.max(self.pending.len());
        self.offered.push(Offered {
            group: sender.group,
            id,
            kind: Kind::Lost("never answered".to_owned()),
            elapsed: Duration::ZERO,
            exchange: None,
            left: false,
            arrivals: Vec::new(),
        });
    }

    /// Lets things happen for so long.
    pub(super) async fn run_for(&mut self, time: Duration) {
        let end = clock::now() + time;
        self.run_until(end, |_| false).await;
    }

    /// Lets things happen until `enough`, or at most until `end`. Whether it was enough.
    pub(super) async fn run_until(&mut self, end: Instant, enough: impl Fn(&[Offered]) -> bool) -> bool {
        loop {
            if enough(&self.offered) {
                return true;
            }
            let left = end.saturating_duration_since(clock::now());
            if left.is_zero() {
                return false;
            }
            tokio::select! {
                biased;
                Some((n, exchange)) = self.pending.next(), if !self.pending.is_empty() => self.end(n, exchange),
                () = tokio::time::sleep(left) => {}
                () = self.stage.ctx.cancel.cancelled() => return false,
            }
        }
    }

    fn end(&mut self, n: usize, exchange: Option<Exchange>) {
        self.handles.remove(&n);
        let one = &mut self.offered[n];
        let Some(exchange) = exchange else {
            one.left = true;
            return;
        };
        one.elapsed = exchange.elapsed;
        one.kind = match &exchange.outcome {
            Scored::Scored(answer) => kind_of(answer, &self.stage.ctx.config),
            Scored::Unscored(UnscoredReason::Timeout) => Kind::Lost("never answered".to_owned()),
            Scored::Unscored(reason) => Kind::Lost(reason.to_string()),
        };
        one.exchange = Some(exchange);
    }

    /// Hangs up on a call.
    pub(super) fn leave(&mut self, n: usize) {
        if let Some(handle) = self.handles.remove(&n) {
            handle.abort();
        }
    }

    pub(super) fn refused(&self) -> usize {
        count(&self.offered, &Kind::Refused)
    }

    /// Calls without an end so far.
    pub(super) fn open(&self) -> usize {
        self.pending.len()
    }

    /// What has reached the lab of this round, by the call's id. Does not borrow the round, whose open calls no other
    /// thread may look at.
    pub(super) fn at_the_lab(&self) -> impl Future<Output = BTreeMap<String, Vec<Arrival>>> + Send + use<'a> {
        let (stage, marker) = (self.stage, self.marker.clone());
        async move { stage.arrivals(marker).await }
    }

    /// The lab lets go; every call is followed to its end, or until the queue had time to empty.
    pub(super) async fn drain(mut self) -> Result<Vec<Offered>, String> {
        self.stage
            .ctx
            .waiting(format!("{}: {} calls to end", self.name, self.open()));
        self.stage.teach(&self.marker, SHORT).await?;
        // A queue that moves is waited for; one in which nothing has ended for so long has lost the rest.
        let still = self.stage.hold + STANDS_STILL;
        while !self.pending.is_empty() {
            tokio::select! {
                Some((n, exchange)) = self.pending.next() => self.end(n, exchange),
                () = tokio::time::sleep(still) => break,
                () = self.stage.ctx.cancel.cancelled() => return Err("the run was interrupted".to_owned()),
            }
        }
        // A call that is taken back now must not reach the lab any more, so the count is final only after this.
        self.pending.clear();
        self.stage.ctx.sleep(Duration::from_millis(150)).await;
        let mut arrivals = self.at_the_lab().await;
        for one in &mut self.offered {
            one.arrivals = arrivals.remove(&one.id).unwrap_or_default();
        }
        Ok(self.offered)
    }
}

/// The most arrivals that were at the lab at once.
pub(super) fn most_at_once(arrivals: &BTreeMap<String, Vec<Arrival>>) -> usize {
    let mut changes: Vec<(u64, i64)> = arrivals
        .values()
        .flatten()
        .flat_map(|one| [(one.at_us, 1), (one.finished_at_us.unwrap_or(u64::MAX), -1)])
        .collect();
    // An end before a beginning at the same moment.
    changes.sort_unstable();
    let (mut now, mut most) = (0_i64, 0_i64);
    for (_, change) in changes {
        now += change;
        most = most.max(now);
    }
    usize::try_from(most).unwrap_or(0)
}

pub(super) fn count(offered: &[Offered], kind: &Kind) -> usize {
    offered.iter().filter(|one| one.kind == *kind).count()
}

/// Beyond the time for which the lab holds a call: nothing ends for so long only if nothing will.
const STANDS_STILL: Duration = Duration::from_secs(3);

/// No call is followed for longer.
const LONGEST: Duration = Duration::from_secs(330);
