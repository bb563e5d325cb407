//! P2, P3, P4, E4: `[targets.NAME.links]` and the tables of `[targets.NAME.declares]` about retries, breakers and the
//! queue.

use std::time::Duration;

use golive_checklist::unit::parse_duration;

use super::table::At;
use super::{Table, Walk};
use crate::meant::{ClaimedBreaker, ClaimedRetry, Counted, Dispatch, LinkPrice, Links};

/// More waits than any chain of retries has; the queue's own clock is over long before.
const WAITS_MAX: usize = 16;

pub(super) fn dispatch(walk: &mut Walk<'_>, target: &Table<'_>) -> Dispatch {
    let declares = target.child(walk, "declares");
    Dispatch {
        links: links(walk, target),
        retry: retry(walk, &declares),
        breaker: breaker(walk, &declares),
    }
}

fn links(walk: &mut Walk<'_>, target: &Table<'_>) -> Links {
    let table = target.child(walk, "links");
    let names = |walk: &mut Walk<'_>, key: &str| -> Vec<String> {
        let written = table.names(walk, key).unwrap_or_default();
        written.into_iter().map(|at| at.value).collect()
    };
    let links = Links {
        one: names(walk, "one"),
        chain: table.text(walk, "chain").map(|at| at.value),
        providers: names(walk, "providers"),
        names: names(walk, "names"),
        prices: prices(walk, &table),
        queued: table.text(walk, "queued").map(|at| at.value),
    };
    if links.chain.is_some() && links.providers.len() < 2 {
        walk.mistake(
            table.place("chain"),
            "missing_key",
            format!("`{}` names a chain and not the providers behind it", table.path),
        )
        .help(
            "add providers = [\"alpha\", \"beta\"]: the lab's virtual providers, in the order of the chain",
        );
    }
    for (key, count) in [("names", links.names.len()), ("prices", links.prices.len())] {
        if count != 0 && count != links.providers.len() && table.has(key) {
            walk.mistake(
                table.place(key),
                "one_for_each_link",
                format!("`{}.{key}` has not as many entries as `providers`", table.path),
            )
            .help("write one for each link, in the order of the chain");
        }
    }
    links
}

fn prices(walk: &mut Walk<'_>, table: &Table<'_>) -> Vec<LinkPrice> {
    let mut prices = Vec::new();
    for written in table.names(walk, "prices").unwrap_or_default() {
        let read = written.value.split_once('/').and_then(|(input, output)| {
            let dollars = |text: &str| {
                let value: f64 = text.trim().parse().ok()?;
                (value.is_finite() && value >= 0.0).then_some(value)
            };
            Some(LinkPrice {
                input: dollars(input)?,
                output: dollars(output)?,
            })
        });
        match read {
            Some(price) => prices.push(price),
            None => bad_entry(
                walk,
                table,
                "prices",
                &written,
                "write dollars for a million input tokens, a slash, and for a million output tokens, as in prices = [\"2.50/10\"]",
            ),
        }
    }
    prices
}

fn retry(walk: &mut Walk<'_>, declares: &Table<'_>) -> ClaimedRetry {
    let table = declares.child(walk, "retry");
    let preset = ClaimedRetry::default();
    let backoff = table.names(walk, "backoff").map(|all| {
        let mut waits = Vec::new();
        for written in all {
            match parse_duration(&written.value) {
                Ok(wait) if wait <= Duration::from_secs(3600) && waits.len() < WAITS_MAX => waits.push(wait),
                _ => bad_entry(
                    walk,
                    &table,
                    "backoff",
                    &written,
                    "write at most 16 waits of at most an hour, as in backoff = [\"1s\", \"2s\", \"4s\"]",
                ),
            }
        }
        waits
    });
    let jitter = table.text(walk, "jitter").and_then(|written| {
        let percent = written
            .value
            .strip_suffix('%')
            .and_then(|number| number.trim().parse().ok())
            .filter(|percent: &u32| *percent <= 100);
        if percent.is_none() {
            bad_entry(
                walk,
                &table,
                "jitter",
                &written,
                "write a share of the wait from 0% to 100%, as in jitter = \"20%\"",
            );
        }
        percent
    });
    ClaimedRetry {
        backoff: backoff.unwrap_or(preset.backoff),
        jitter_percent: jitter.unwrap_or(preset.jitter_percent),
        idempotent: table.flag(walk, "idempotent"),
    }
}

fn breaker(walk: &mut Walk<'_>, declares: &Table<'_>) -> ClaimedBreaker {
    let table = declares.child(walk, "breaker");
    let preset = ClaimedBreaker::default();
    let counts = [("attempts", Counted::Attempts), ("calls", Counted::Calls)];
    ClaimedBreaker {
        failures: table.count32(walk, "failures").unwrap_or(preset.failures),
        open: table.duration(walk, "open").unwrap_or(preset.open),
        successes: table.count32(walk, "successes").unwrap_or(preset.successes),
        probes: table.count32(walk, "probes").unwrap_or(preset.probes),
        counts: table.choice(walk, "counts", &counts).unwrap_or(preset.counts),
    }
}

fn bad_entry(walk: &mut Walk<'_>, table: &Table<'_>, key: &str, written: &At<String>, help: &'static str) {
    let message = format!("`{}.{key}` does not know `{}`", table.path, written.value);
    walk.mistake(written.span.clone(), "bad_value", message)
        .help(help);
}
