//! E4.settlement: the record of a call names the link that signed its answer, at that link's price.

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_lab::{Behaviour, Fault, Rule as LabRule};
use serde_json::Value;

use super::validity::USAGE;
use super::watch::{Stage, signed};
use crate::control::{Controls, Negative};
use crate::line::Got;
use crate::target::Exchange;

/// Headers that carry the id of a request.
const ID_HEADERS: [&str; 4] = [
    "x-request-id",
    "request-id",
    "golive-request-id",
    "x-correlation-id",
];

/// How long a record may take to be there.
const WITHIN: Duration = Duration::from_secs(10);

/// A price is told to a hundredth of itself; records may round to a millionth of a dollar.
const SHARE: f64 = 0.01;
const GRAIN_USD: f64 = 0.000_001;

pub(super) async fn prove(stage: &Stage) -> PartReport {
    let line = &stage.line;
    let mut tally = Tally::new();
    let mut table = Vec::new();
    let mut answered = 0;
    for at in 0..line.providers.len() {
        if line.ctx.cancel.is_cancelled() {
            break;
        }
        match call(stage, at).await {
            Err(reason) => tally.add_unscored(&reason),
            Ok(exchange) => {
                answered += 1;
                let (name, price) = judge(stage, at, &exchange, &mut table).await;
                tally.add(name, |named| named);
                tally.add(price, |priced| priced);
            }
        }
    }
    stage
        .part("E4.settlement")
        .headline(format!(
            "{} of {} records name the link and its price",
            tally.good(),
            tally.scored()
        ))
        .lines("the record of each call", table)
        .fix("write the link that answered into the record of the call, and settle at that link's own price")
        .controls(
            Controls::new()
                .positive(line.control.clone())
                .negative(Negative::new(
                    "each link of the chain was made to answer",
                    Scored::Scored(answered == line.providers.len()),
                    format!("{answered} of {}", line.providers.len()),
                )),
        )
        .judged(&tally.judge(&Rule::all_of(2)))
}

/// A call that the link at that place answers, with a known usage.
async fn call(stage: &Stage, at: usize) -> Result<Exchange, UnscoredReason> {
    let line = &stage.line;
    let key = format!("settled-{at}");
    for (place, provider) in line.providers.iter().enumerate() {
        let rule = LabRule {
            fault: (place < at).then(|| Fault::status(503)),
            behaviour: Some(Behaviour {
                usage: Some(USAGE),
                ..Behaviour::default()
            }),
            ..line.rule(&key, Fault::status(503))
        };
        line.teach_at(provider, &[rule]).await?;
    }
    let exchange = line
        .ctx
        .target
        .send(line.call(&key).deadline(line.patience()))
        .await;
    match line.got(&exchange) {
        Got::Answer(marks) if signed(&marks, &line.providers[at]) => Ok(exchange),
        _ => Err(UnscoredReason::Unexpected(format!(
            "{} could not be made to answer ({})",
            line.providers[at],
            exchange.in_short()
        ))),
    }
}

type Read = Scored<Result<(), String>>;

async fn judge(stage: &Stage, at: usize, exchange: &Exchange, table: &mut Vec<String>) -> (Read, Read) {
    let line = &stage.line;
    let name = stage.name(at);
    let header = exchange
        .answer()
        .and_then(|answer| answer.header("golive-link"))
        .unwrap_or_default()
        .to_owned();
    let record = match record(stage, exchange).await {
        Ok(record) => record,
        Err(why) => {
            let missing = UnscoredReason::Unexpected(why);
            return (Scored::Unscored(missing.clone()), Scored::Unscored(missing));
        }
    };
    let others: Vec<&str> = (0..line.providers.len())
        .filter(|other| *other != at)
        .map(|other| stage.name(other))
        .collect();
    let named = if record.said.contains(name) && (header.is_empty() || header.contains(name)) {
        Ok(())
    } else {
        let instead = others
            .iter()
            .find(|other| record.said.contains(**other) || header.contains(**other));
        Err(format!(
            "{name} answered, and the record names {}",
            instead.copied().unwrap_or("none of the links")
        ))
    };
    let price = line.ctx.config.dispatch.links.prices.get(at).copied();
    let wanted =
        price.map(|price| (USAGE.input as f64 * price.input + USAGE.output as f64 * price.output) / 1e6);
    let priced = match (record.cost, wanted) {
        (_, None) => Scored::Unscored(UnscoredReason::Unexpected("no price is declared".to_owned())),
        (None, Some(_)) => Scored::Scored(Err(format!("the record of a call by {name} has no cost"))),
        (Some(cost), Some(wanted)) if (cost - wanted).abs() <= wanted * SHARE + GRAIN_USD => {
            Scored::Scored(Ok(()))
        }
        (Some(cost), Some(wanted)) => Scored::Scored(Err(format!(
            "a call by {name} is recorded at {cost:.6} USD, at its price it is {wanted:.6} USD"
        ))),
    };
    table.push(format!(
        "{name:<24} {}, cost {}",
        if named.is_ok() { "named" } else { "not named" },
        record
            .cost
            .map_or_else(|| "not told".to_owned(), |cost| format!("{cost:.6} USD"))
    ));
    (Scored::Scored(named), priced)
}

struct Record {
    said: String,
    cost: Option<f64>,
}

/// What the declared command prints of a call, as soon as it prints anything.
async fn record(stage: &Stage, exchange: &Exchange) -> Result<Record, String> {
    let ctx = &stage.line.ctx;
    let command = ctx.config.commands.read_back.as_deref().unwrap_or_default();
    let id = exchange
        .answer()
        .and_then(|answer| ID_HEADERS.iter().find_map(|name| answer.header(name)))
        .unwrap_or_default();
    if id.is_empty() && command.iter().any(|word| word.contains("{id}")) {
        return Err(format!(
            "commands.read_back wants the {{id}} of the request, and the answer has none of the headers {}",
            ID_HEADERS.join(", ")
        ));
    }
    let started = crate::clock::now();
    loop {
        let ran = ctx
            .run(command, &[("id", id), ("user", ""), ("prompt", "")])
            .await
            .map_err(|error| error.to_string())?;
        let late = crate::clock::now().saturating_duration_since(started) > WITHIN;
        if ran.ok && !ran.said.trim().is_empty() {
            let cost = serde_json::from_str::<Value>(ran.said.trim())
                .ok()
                .and_then(|record| cost_usd(&record));
            if cost.is_some() || late {
                return Ok(Record { said: ran.said, cost });
            }
        }
        if late || !ctx.sleep(Duration::from_millis(300)).await {
            return match ran.ok {
                true => Ok(Record {
                    said: ran.said,
                    cost: None,
                }),
                false => Err(format!("commands.read_back ended with {}", ran.ending)),
            };
        }
    }
}

/// The first member of a record that is called a cost, in dollars: its unit stands in its name. It may be an object, which
/// holds the amount under the name of its unit.
fn cost_usd(record: &Value) -> Option<f64> {
    match record {
        Value::Array(all) => all.iter().find_map(cost_usd),
        Value::Object(members) => members
            .iter()
            .find_map(|(name, value)| {
                let name = name.to_ascii_lowercase();
                if !(name.contains("cost") || name.contains("spend")) {
                    return None;
                }
                amount(&name, value).or_else(|| {
                    let inner = value.as_object()?;
                    inner.iter().find_map(|(name, value)| {
                        let name = name.to_ascii_lowercase();
                        let amounts = ["usd", "dollar", "cent", "amount", "total", "value"];
                        amounts.iter().find(|word| name.contains(**word))?;
                        amount(&name, value)
                    })
                })
            })
            .or_else(|| members.values().find_map(cost_usd)),
        _ => None,
    }
}

/// A number, or a text that is one beside its unit, in dollars by the unit in its name.
fn amount(name: &str, value: &Value) -> Option<f64> {
    let unit = match name {
        name if name.contains("nano") => 1e-9,
        name if name.contains("micro") => 1e-6,
        name if name.contains("cent") => 1e-2,
        _ => 1.0,
    };
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text
            .trim_matches(|c: char| !c.is_ascii_digit() && c != '.')
            .parse()
            .ok(),
        _ => None,
    };
    number.map(|number| number * unit)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::cost_usd;

    #[test]
    fn a_cost_is_read_by_the_unit_in_its_name() {
        assert_eq!(cost_usd(&json!({"row": {"cost_usd": 0.5}})), Some(0.5));
        assert_eq!(cost_usd(&json!({"cost_micro_usd": 2_500_000})), Some(2.5));
        assert_eq!(cost_usd(&json!({"spend": "0.25 USD"})), Some(0.25));
        let nested = cost_usd(&json!({"cost": {"basis": "reported", "nano_usd": 218_700}}));
        assert!(nested.is_some_and(|cost| (cost - 0.000_218_7).abs() < 1e-12));
        assert_eq!(cost_usd(&json!({"cost": {"basis": "unknown"}})), None);
        assert_eq!(cost_usd(&json!([{"tokens": 3}])), None);
    }
}
