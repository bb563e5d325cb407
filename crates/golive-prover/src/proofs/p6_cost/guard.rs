//! P6: spending stops at the budget. A key under a small one asks until it is refused; what reached the lab is what was
//! spent.
//!
//! Never: believes the target about money. The lab's arrivals are counted, and their tokens are the lab's own.

use std::time::Duration;

use futures_util::StreamExt as _;
use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::{Evidence, PartReport};
use golive_checklist::threshold::Zone;
use golive_lab::client::LabClient;
use golive_lab::{Behaviour, Latency, Match, Query, Rule as LabRule, Script, Usage};

use super::{BUDGET, Prices, Tokens};
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::target::{Answer, Ask, Credential, Exchange};

/// Requests at a time while it is spent: a budget that is looked at only before a request shows here.
const AT_ONCE: usize = 16;

/// Requests that the budget is worth, about: enough for the order of things to settle, few enough to be cheap.
const WORTH: f64 = 40.0;

/// Requests at most: a target that never stops is seen to overspend at twice its budget.
pub(super) const REQUESTS_MAX: u64 = 2 * WORTH as u64 + 3 * AT_ONCE as u64;

/// Requests that are tried once the budget is spent.
const AFTER: usize = 8;

/// The lab takes so long for an answer: all that are sent at once are under way at once.
const LATENCY_MS: u64 = 120;

/// Below this share of the budget something else than the budget stops it, or what is reserved is far too much.
const EARLY: f64 = 0.5;

/// Input tokens of each request, as the lab tells them.
const INPUT: u64 = 60;

/// Longest that a rate limit of the target is waited out, and how often.
const PATIENCE: Duration = Duration::from_secs(30);
const PATIENCE_TIMES: usize = 3;

/// What a request of the guard came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Got {
    Served,
    /// Refused for money.
    Spent,
    /// Refused by a rate limit, after it was waited out.
    Limited,
    /// Something else.
    Odd,
}

pub(super) async fn part(ctx: &Ctx, prices: Prices) -> PartReport {
    let draft = ctx
        .part(BUDGET)
        .scaled(ctx.config.scaled)
        .fix("reserve the most that a request may cost before it is sent, settle what it did cost when it ends, and refuse while reserved and spent together reach the budget; count streams too");
    let (Some(lab), Some(role), Some(budget)) = (
        &ctx.lab,
        &ctx.config.money.budget_role,
        ctx.config.money.small_budget,
    ) else {
        return draft.unproven("the lab, the key or its budget is missing");
    };
    let budget = budget.0 as f64 / 1e6;
    let tokens = tokens(budget, &prices);
    let guard = Guard {
        ctx,
        lab,
        role,
        marker: ctx.marker("guard"),
        output: tokens.output,
    };
    let found = guard.run().await;
    // A lab that is gone needs no restoring.
    let _ = lab.reset().await;
    let found = match found {
        Ok(found) => found,
        Err(why) => return draft.unproven(why),
    };
    let each = prices.of_tokens(tokens);
    let spent = found.arrived as f64 * each;
    let allowed = budget
        + ctx
            .config
            .money
            .overshoot
            .map_or(AT_ONCE as f64 * each, |overshoot| overshoot.0 as f64 / 1e6);
    let count = |got: Got| found.sent.iter().filter(|one| one.0 == got).count();
    let refused = count(Got::Spent);
    let mut tally = Tally::new();
    if refused == 0 && count(Got::Limited) > 0 {
        tally.add_unscored(&UnscoredReason::Unexpected(
            "its rate limit refused before its budget did: raise the limits of staging".to_owned(),
        ));
    } else if refused == 0 && spent > allowed {
        tally.add_bad(format!(
            "{} were spent of {} and nothing was refused",
            usd(spent),
            usd(budget)
        ));
    } else if refused == 0 {
        let odd = found
            .sent
            .iter()
            .find(|one| one.0 == Got::Odd)
            .map(|one| one.1.clone());
        tally.add_unscored(&UnscoredReason::Unexpected(
            odd.unwrap_or_else(|| "the budget was not reached".to_owned()),
        ));
    } else {
        tally.add_good();
    }
    if refused > 0 && spent > allowed {
        tally.add_bad(format!(
            "{} were spent of {}, more than the {} that requests under way explain",
            usd(spent),
            usd(budget),
            usd(allowed - budget)
        ));
    }
    if refused > 0 && found.after_served > 0 {
        tally.add_bad(format!(
            "{} of {AFTER} more requests were served when the budget was spent",
            found.after_served
        ));
    }
    if refused > 0 && found.after_arrived > found.after_served {
        tally.add_bad(format!(
            "{} requests were refused and reached the provider all the same",
            found.after_arrived - found.after_served
        ));
    }
    let zone = if refused > 0 && spent < budget * EARLY {
        Zone::Warn
    } else {
        Zone::Pass
    };
    let judgement = tally.judge(&Rule::all_of(1)).no_better_than(
        zone,
        format!(
            "{} of {} spent ({:.0} %)",
            usd(spent),
            usd(budget),
            spent / budget * 100.0
        ),
    );
    let first_refusal = found.refusal.as_ref();
    draft
        .controls(found.controls)
        .headline(format!("stopped at {} of {}", usd(spent), usd(budget)))
        .declared("budget_usd", budget)
        .declared("overshoot_usd", exact(allowed - budget))
        .measured("spent_usd", exact(spent))
        .measured("request_usd", exact(each))
        .measured("served", count(Got::Served))
        .measured("refused", refused)
        .measured("arrived", found.arrived)
        .measured("served_after", found.after_served)
        .measured(
            "told_not_to_retry",
            first_refusal.map(|answer| answer.header("x-should-retry") == Some("false")),
        )
        .evidences(found.evidence)
        .lines(
            "the spending",
            found
                .sent
                .iter()
                .enumerate()
                .map(|(number, (got, words))| format!("{number:>3} {got:?}: {words}"))
                .collect(),
        )
        .judged(&judgement)
}

/// A request worth a fortieth of the budget, by its answer: what it is asked costs little.
fn tokens(budget: f64, prices: &Prices) -> Tokens {
    let input = Tokens {
        input: INPUT,
        ..Tokens::default()
    };
    let wanted = (budget / WORTH - prices.of_tokens(input)).max(0.0);
    let output = if prices.output > 0.0 {
        (wanted * 1e12 / prices.output).round() as u64
    } else {
        0
    };
    Tokens {
        // No answer of a model has no token, and none is longer than this.
        output: output.clamp(1, 100_000),
        ..input
    }
}

/// The asking, on its way.
struct Guard<'a> {
    ctx: &'a Ctx,
    lab: &'a LabClient,
    role: &'a str,
    marker: String,
    output: u64,
}

struct Found {
    controls: Controls,
    sent: Vec<(Got, String)>,
    /// Requests of the key that reached the lab until it was refused and those under way were done.
    arrived: u64,
    after_served: u64,
    after_arrived: u64,
    refusal: Option<Answer>,
    evidence: Vec<Evidence>,
}

impl Guard<'_> {
    async fn run(&self) -> Result<Found, String> {
        let since = self.lab.counts().await.map_err(|error| error.to_string())?.seq;
        self.lab
            .set_script(&self.ctx.config.lab_provider, &self.script())
            .await
            .map_err(|error| error.to_string())?;
        self.ctx.waiting("the small budget to be spent");
        let first = self.send(0, self.role).await;
        let first_arrived = self.arrived(since).await?;
        let controls = Controls::new().positive(Positive::new(
            "the key is served before its budget is spent, and the lab sees it",
            Scored::Scored(of(&first) == Got::Served && first_arrived == 1),
            format!("{}; {first_arrived} arrived", first.in_short()),
        ));
        if !controls.positive_held() {
            return Err(format!(
                "the key of {} is not served ({}): give one that has spent nothing yet",
                self.role,
                first.in_short()
            ));
        }
        let mut sent = vec![(of(&first), first.in_short())];
        let mut evidence = Vec::new();
        let mut refusal = None;
        // In rounds: what is under way is always awaited, for dropping it would cancel what it has cost already.
        let mut next = 1;
        let mut refused = 0;
        // A reservation of those under way may refuse one and let a later one through: a whole round must be refused.
        while refused < AT_ONCE && next < REQUESTS_MAX && !self.ctx.cancel.is_cancelled() {
            let numbers = next..next + AT_ONCE as u64;
            next = numbers.end;
            let round: Vec<Exchange> = futures_util::stream::iter(numbers)
                .map(|number| self.send(number, self.role))
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            refused = 0;
            for exchange in round {
                let got = of(&exchange);
                sent.push((got, exchange.in_short()));
                refused += usize::from(got == Got::Spent);
                if got == Got::Spent && refusal.is_none() {
                    refusal = exchange.answer().cloned();
                    evidence.push(exchange.evidence("the first refusal"));
                }
            }
        }
        let arrived = self.settled(since).await?;
        let before_more = self.lab.counts().await.map_err(|error| error.to_string())?.seq;
        let mut after_served = 0;
        for number in 0..AFTER as u64 {
            let exchange = self.send(REQUESTS_MAX + number, self.role).await;
            if of(&exchange) == Got::Served {
                after_served += 1;
                evidence.push(exchange.evidence("served though the budget was spent"));
            }
        }
        let after_arrived = self.settled(before_more).await?;
        let other = self.send_as_other().await;
        let other_arrived = self.arrived(before_more).await? > after_arrived;
        let controls = controls.negative(Negative::new(
            "another key is served meanwhile: it is the budget that refuses",
            Scored::Scored(of(&other) == Got::Served && other_arrived),
            other.in_short(),
        ));
        Ok(Found {
            controls,
            sent,
            arrived,
            after_served,
            after_arrived,
            refusal,
            evidence,
        })
    }

    /// Every second a stream, every fourth one that does not ask for its usage.
    async fn send(&self, number: u64, role: &str) -> Exchange {
        let mut ask = Ask::new(format!("Say hello. {}. ({number})", self.marker));
        ask.max_tokens = u32::try_from(self.output).unwrap_or(u32::MAX);
        ask.stream = number % 2 == 1;
        ask.include_usage = number % 4 == 1;
        self.patiently(&ask, Credential::Role(role.to_owned())).await
    }

    async fn send_as_other(&self) -> Exchange {
        let mut ask = Ask::new(format!("Say hello. {}.", self.marker)).user(self.ctx.user("guard"));
        ask.max_tokens = 64;
        let call = self.ctx.target.call(&ask).deadline(Duration::from_secs(30));
        self.ctx.send_patiently(call).await
    }

    /// A rate limit is another item's: it is waited out. A refusal for money is not.
    async fn patiently(&self, ask: &Ask, credential: Credential) -> Exchange {
        let call = self
            .ctx
            .target
            .call(ask)
            .credential(credential)
            .deadline(Duration::from_secs(30));
        for _ in 0..PATIENCE_TIMES {
            let exchange = self.ctx.target.send(call.clone()).await;
            let limited = of(&exchange) == Got::Limited;
            let wait = exchange.answer().and_then(Answer::limited_for);
            match wait.filter(|wait| limited && *wait <= PATIENCE) {
                Some(wait) if self.ctx.sleep(wait).await => {}
                _ => return exchange,
            }
        }
        self.ctx.target.send(call).await
    }

    /// Requests of this proof that arrived since then.
    async fn arrived(&self, since: u64) -> Result<u64, String> {
        let (mut since, mut count) = (since, 0);
        loop {
            let query = Query {
                since,
                contains: Some(self.marker.clone()),
                brief: true,
                limit: 1_000,
                ..Query::default()
            };
            let page = self
                .ctx
                .timeline(&query)
                .await
                .into_result()
                .map_err(|reason| format!("the lab cannot be asked: {reason}"))?;
            count += page.arrivals.len() as u64;
            if !page.more {
                return Ok(count);
            }
            since = page.next;
        }
    }

    /// The same once it stands still.
    async fn settled(&self, since: u64) -> Result<u64, String> {
        let mut last = self.arrived(since).await?;
        for _ in 0..20 {
            if !self.ctx.sleep(Duration::from_millis(2 * LATENCY_MS)).await {
                break;
            }
            let now = self.arrived(since).await?;
            if now == last {
                break;
            }
            last = now;
        }
        Ok(last)
    }

    fn script(&self) -> Script {
        let rule = LabRule {
            matches: Match {
                contains: Some(self.marker.clone()),
                ..Match::default()
            },
            behaviour: Some(Behaviour {
                usage: Some(Usage {
                    input: INPUT,
                    output: self.output,
                    ..Usage::default()
                }),
                latency: Some(Latency::Constant { ms: LATENCY_MS }),
                ..Behaviour::default()
            }),
            ..LabRule::default()
        };
        Script {
            rules: vec![rule],
            ..Script::default()
        }
    }
}

/// Words by which refusals for money are known: golive's `over_budget`, OpenAI's `insufficient_quota`, LiteLLM's
/// `budget_exceeded`, OpenRouter's and others' credits.
const MONEY: &[&str] = &["budget", "quota", "spend", "credit", "billing", "cost"];

fn of(exchange: &Exchange) -> Got {
    let Some(answer) = exchange.answer() else {
        return Got::Odd;
    };
    let status = answer.status.as_u16();
    if (200..300).contains(&status) {
        // A degraded reply in an agent's own words is a refusal too.
        return match answer.header("golive-degraded") {
            Some("over_budget") => Got::Spent,
            Some(_) => Got::Odd,
            None => Got::Served,
        };
    }
    let said = format!(
        "{} {}",
        answer.error_code().unwrap_or_default(),
        answer.error_message().unwrap_or_default()
    )
    .to_lowercase();
    let money = MONEY.iter().any(|word| said.contains(word));
    match status {
        402 => Got::Spent,
        400..=499 if money => Got::Spent,
        429 => Got::Limited,
        _ => Got::Odd,
    }
}

fn usd(amount: f64) -> String {
    format!("{amount:.4} USD")
}

/// To a tenth of a millionth.
fn exact(amount: f64) -> f64 {
    (amount * 1e7).round() / 1e7
}
