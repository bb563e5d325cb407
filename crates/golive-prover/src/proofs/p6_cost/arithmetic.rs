//! P6: whether the target's own count of what it spent is what the tokens cost: a batch of known tokens through the
//! lab, and the counter before and after.
//!
//! Never: leaves its script at the lab.

use std::time::Duration;

use golive_checklist::judge::Scored;
use golive_lab::{Behaviour, Brain, Match, Rule, Script, Usage};

use super::{Prices, Tokens};
use crate::clock;
use crate::ctx::Ctx;
use crate::proofs::l1_smoke::said;
use crate::proofs::m2_metrics::exposition::Exposition;
use crate::target::{Ask, Call, Credential};

/// Counters of dollars spent, as gateways call them: golive; LiteLLM (docs.litellm.ai/docs/proxy/prometheus).
const SPENT: &[&str] = &[
    "golive_cost_usd",
    "golive_cost_dollars",
    "golive_spend_usd",
    "litellm_spend_metric",
];

/// Requests of each kind.
const EACH: usize = 4;

/// Requests of the batch, one for a model without a price and the readings of the metrics.
pub(super) const REQUESTS: u64 = (EACH * KINDS.len()) as u64 + 41;

/// What is counted may differ by so much: rounding to a millionth of a dollar a request, and half a percent.
const ROUNDING: f64 = 1e-6;
const APART: f64 = 0.005;

/// How long a counter may lag behind.
const PATIENCE: Duration = Duration::from_secs(20);
const PATIENCE_SCALED: Duration = Duration::from_secs(3);

/// A kind of request whose tokens are told by the lab.
struct Kind {
    word: &'static str,
    usage: Usage,
    stream: bool,
    asks_usage: bool,
}

const fn usage(input: u64, cached: u64, output: u64, reasoning: u64) -> Usage {
    Usage {
        input,
        output,
        cached,
        reasoning,
    }
}

/// Each has a cost of its own, so that none can stand in for another.
const KINDS: &[Kind] = &[
    Kind {
        word: "money-plain",
        usage: usage(1_307, 0, 211, 0),
        stream: false,
        asks_usage: false,
    },
    Kind {
        word: "money-cached",
        usage: usage(9_011, 8_009, 103, 0),
        stream: false,
        asks_usage: false,
    },
    Kind {
        word: "money-reasoning",
        usage: usage(709, 0, 1_511, 1_201),
        stream: false,
        asks_usage: false,
    },
    Kind {
        word: "money-stream-asked",
        usage: usage(1_103, 0, 307, 0),
        stream: true,
        asks_usage: true,
    },
    Kind {
        word: "money-stream-silent",
        usage: usage(2_203, 0, 401, 0),
        stream: true,
        asks_usage: false,
    },
];

impl Kind {
    fn tokens(&self) -> Tokens {
        Tokens {
            input: self.usage.input,
            cached: self.usage.cached,
            output: self.usage.output,
        }
    }
}

/// What the batch came to.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    /// Name of the counter.
    pub(super) metric: String,
    /// What was answered costs so much, dollars.
    pub(super) expected: f64,
    /// The counter moved by so much.
    pub(super) moved: f64,
    pub(super) requests: u64,
    /// Kind by kind, for the report.
    pub(super) lines: Vec<String>,
    /// A request for a model without a price was answered and cost nothing.
    pub(super) unpriced_free: Option<bool>,
}

impl Counted {
    /// They agree.
    pub(super) fn agrees(&self) -> bool {
        self.agrees_with(self.expected)
    }

    /// The counter agrees with this amount.
    pub(super) fn agrees_with(&self, expected: f64) -> bool {
        (self.moved - expected).abs() <= ROUNDING * self.requests as f64 + APART * expected
    }

    /// A guess at what went wrong, by what the difference is worth.
    pub(super) fn suspicion(&self, prices: &Prices) -> Option<&'static str> {
        let of = |kind: &Kind, tokens: Tokens| {
            EACH as f64 * (prices.of_tokens(tokens) - prices.of_tokens(kind.tokens()))
        };
        let sum = |change: fn(&Kind) -> Tokens| -> f64 {
            self.expected + KINDS.iter().map(|kind| of(kind, change(kind))).sum::<f64>()
        };
        let uncached = sum(|kind| Tokens {
            cached: 0,
            ..kind.tokens()
        });
        let twice = sum(|kind| Tokens {
            output: kind.usage.output + kind.usage.reasoning,
            ..kind.tokens()
        });
        let nothing = |of: fn(&Kind) -> bool| {
            let lost: f64 = KINDS
                .iter()
                .filter(|kind| of(kind))
                .map(|kind| EACH as f64 * prices.of_tokens(kind.tokens()))
                .sum();
            self.expected - lost
        };
        [
            (uncached, "as if cached tokens cost as much as fresh ones"),
            (
                twice,
                "as if reasoning tokens were added to the output that holds them",
            ),
            (nothing(|kind| kind.stream), "as if streams cost nothing"),
            (
                nothing(|kind| kind.stream && !kind.asks_usage),
                "as if streams that do not ask for their usage cost nothing",
            ),
            (self.expected * 2.0, "twice as much: counted in two places"),
        ]
        .into_iter()
        .find(|(amount, _)| (amount - self.expected).abs() > 1e-9 && self.agrees_with(*amount))
        .map(|(_, words)| words)
    }
}

/// Sends the batch and reads the counter around it. `None`: the target has no counter or no lab, with the reason.
pub(super) async fn count(ctx: &Ctx, prices: &Prices) -> Result<Counted, String> {
    let Some(lab) = &ctx.lab else {
        return Err("no lab plays its model".to_owned());
    };
    if ctx.config.metrics_url.is_none() {
        return Err("it declares no metrics_url".to_owned());
    }
    let (metric, before) = spent(ctx).await?;
    let marker = ctx.marker("money");
    lab.set_script(&ctx.config.lab_provider, &script(&marker))
        .await
        .map_err(|error| error.to_string())?;
    ctx.waiting("a batch of requests of known cost");
    let sent = batch(ctx, &marker).await;
    let outcome = match sent {
        Ok((lines, requests)) => finish(ctx, prices, metric, before, lines, requests).await,
        Err(why) => Err(why),
    };
    // A lab that is gone needs no restoring.
    let _ = lab.reset().await;
    outcome
}

async fn finish(
    ctx: &Ctx,
    prices: &Prices,
    metric: String,
    before: f64,
    mut lines: Vec<String>,
    requests: u64,
) -> Result<Counted, String> {
    let expected: f64 = KINDS
        .iter()
        .map(|kind| EACH as f64 * prices.of_tokens(kind.tokens()))
        .sum();
    let after = settled(ctx, before, expected).await?;
    let mut counted = Counted {
        metric,
        expected,
        moved: after - before,
        requests,
        lines: Vec::new(),
        unpriced_free: None,
    };
    if let Some(model) = &ctx.config.money.unpriced_model {
        let ask = Ask::new("Say hello in one short sentence.")
            .model(model.clone())
            .user(ctx.user("unpriced"));
        let exchange = ctx.send_patiently(ctx.target.call(&ask)).await;
        let answered = exchange
            .answer()
            .is_some_and(|answer| said::read(answer, &ctx.config, false).is_ok());
        let moved = settled(ctx, after, f64::MIN_POSITIVE).await? > after;
        lines.push(format!(
            "{model:<22} {} and the counter {}",
            exchange.in_short(),
            if moved { "moved" } else { "did not move" }
        ));
        counted.unpriced_free = Some(answered && !moved);
    }
    counted.lines = lines;
    Ok(counted)
}

/// The counter once it has moved by what is expected, or will not any more.
async fn settled(ctx: &Ctx, before: f64, expected: f64) -> Result<f64, String> {
    let patience = if ctx.config.scaled {
        PATIENCE_SCALED
    } else {
        PATIENCE
    };
    let until = clock::now() + patience;
    let mut last = before;
    loop {
        let (_, now) = spent(ctx).await?;
        let enough = now - before >= expected * (1.0 - APART);
        // Counted twice shows only once it stands still again.
        if (enough && now == last) || clock::now() >= until || !ctx.sleep(patience / 12).await {
            return Ok(now);
        }
        last = now;
    }
}

async fn batch(ctx: &Ctx, marker: &str) -> Result<(Vec<String>, u64), String> {
    let mut lines = Vec::new();
    let mut requests = 0;
    for kind in KINDS {
        for number in 0..EACH {
            let mut ask = Ask::new(format!("Say hello. {marker}-{}.", kind.word))
                .user(ctx.user(&format!("money-{}-{number}", kind.word)));
            ask.max_tokens = 4_096;
            ask.stream = kind.stream;
            ask.include_usage = kind.asks_usage;
            let exchange = ctx
                .send_patiently(ctx.target.call(&ask).deadline(Duration::from_secs(30)))
                .await;
            match &exchange.outcome {
                Scored::Scored(answer) => {
                    if let Err(why) = said::read(answer, &ctx.config, kind.stream) {
                        return Err(format!("a request of known cost was not answered: {why}"));
                    }
                }
                Scored::Unscored(reason) => {
                    return Err(format!("a request of known cost was not answered: {reason}"));
                }
            }
            requests += 1;
        }
        let Tokens {
            input,
            cached,
            output,
        } = kind.tokens();
        lines.push(format!(
            "{:<22} {EACH} × {input} in, {cached} of them cached, {output} out",
            kind.word
        ));
    }
    Ok((lines, requests))
}

/// The counter of what was spent, and its name.
async fn spent(ctx: &Ctx) -> Result<(String, f64), String> {
    let call = || Call::metrics().deadline(Duration::from_secs(10));
    let mut page = ctx.target.send(call()).await;
    if matches!(page.status(), Some(401 | 403)) {
        page = ctx.target.send(call().credential(Credential::Default)).await;
    }
    let text = match page.answer() {
        Some(answer) if answer.status.is_success() => answer.text(),
        _ => return Err(format!("its metrics cannot be read: {}", page.in_short())),
    };
    let page = Exposition::parse(&text).map_err(|error| error.to_string())?;
    let declared = ctx.config.money.spent_metric.as_deref();
    let mut names = declared.into_iter().chain(SPENT.iter().copied());
    let metric = names
        .find(|name| page.named(name).next().is_some())
        // A counter that has not counted yet may not be there.
        .or(declared)
        .ok_or_else(|| {
            format!(
                "its metrics have no counter of what was spent (looked for {}); name it by money.spent_metric",
                SPENT.join(", ")
            )
        })?;
    let sum = page.named(metric).map(|sample| sample.value).sum();
    Ok((metric.to_owned(), sum))
}

fn script(marker: &str) -> Script {
    let rules = KINDS.iter().map(|kind| Rule {
        matches: Match {
            contains: Some(format!("{marker}-{}.", kind.word)),
            ..Match::default()
        },
        behaviour: Some(Behaviour {
            usage: Some(kind.usage),
            brain: Some(Brain::Reply("Hello.".to_owned())),
            ..Behaviour::default()
        }),
        ..Rule::default()
    });
    Script {
        rules: rules.collect(),
        ..Script::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICES: Prices = Prices {
        input: 2_500_000.0,
        cached: 1_250_000.0,
        output: 10_000_000.0,
    };

    fn counted(moved: impl Fn(f64) -> f64) -> Counted {
        let expected: f64 = KINDS
            .iter()
            .map(|kind| EACH as f64 * PRICES.of_tokens(kind.tokens()))
            .sum();
        Counted {
            metric: "m".to_owned(),
            expected,
            moved: moved(expected),
            requests: (EACH * KINDS.len()) as u64,
            lines: Vec::new(),
            unpriced_free: None,
        }
    }

    #[test]
    fn the_exact_price_agrees_and_two_percent_more_do_not() {
        assert!(counted(|expected| expected).agrees());
        assert!(!counted(|expected| expected * 1.02).agrees());
        assert!(script("m").check().is_ok());
    }

    #[test]
    fn each_known_mistake_is_called_by_its_name() {
        let cached = EACH as f64 * 8_009.0 * 1_250_000.0 / 1e12;
        let full = counted(|expected| expected + cached);
        assert_eq!(
            full.suspicion(&PRICES),
            Some("as if cached tokens cost as much as fresh ones")
        );
        let double = counted(|expected| expected * 2.0);
        assert_eq!(
            double.suspicion(&PRICES),
            Some("twice as much: counted in two places")
        );
        let streams: f64 = KINDS
            .iter()
            .filter(|kind| kind.stream)
            .map(|kind| EACH as f64 * PRICES.of_tokens(kind.tokens()))
            .sum();
        assert_eq!(
            counted(|expected| expected - streams).suspicion(&PRICES),
            Some("as if streams cost nothing")
        );
        assert_eq!(counted(|expected| expected * 1.3).suspicion(&PRICES), None);
    }
}
