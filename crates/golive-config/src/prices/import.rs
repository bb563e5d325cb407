//! P6: tables of prices that others keep, read into golive's form: LiteLLM's `model_prices_and_context_window.json`
//! (dollars per token) and models.dev's `api.json` (dollars per million tokens). A file of golive's own form passes too.
//!
//! Never: guesses a price. What has no price by tokens is counted as left out.

use serde_json::{Map, Value};
use thiserror::Error;

use super::price::{Above, Part, Price, Rates};
use super::table::{ENTRIES_MAX, PriceTable, TableError};
use golive_checklist::unit::MicroUsd;

/// What was read.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The prices.
    pub table: PriceTable,
    /// Which form the file had.
    pub form: &'static str,
    /// Entries without a price by tokens (images, speech, search), or of a form that is not known.
    pub left_out: usize,
}

/// Why a file cannot be imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// No JSON.
    #[error("it is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// None of the forms.
    #[error(
        "its form is not known: golive reads LiteLLM's model_prices_and_context_window.json, models.dev's api.json and \
         its own tables"
    )]
    UnknownForm,
    /// One of golive's own that is wrong.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Nothing in it has a price.
    #[error("none of its entries has a price by tokens")]
    Empty,
}

/// Reads a table of any form that is known. `date` is the day on which it was fetched, since 1970-01-01.
///
/// # Errors
/// See [`ImportError`].
pub fn import(text: &str, date: i64) -> Result<Imported, ImportError> {
    let value: Value = serde_json::from_str(text).map_err(ImportError::NotJson)?;
    let Some(root) = value.as_object() else {
        return Err(ImportError::UnknownForm);
    };
    if root.get("prices").is_some_and(Value::is_object) {
        let table = PriceTable::read(text)?;
        return Ok(Imported {
            table,
            form: "golive",
            left_out: 0,
        });
    }
    let any = |has: &dyn Fn(&Map<String, Value>) -> bool| {
        root.values().any(|entry| entry.as_object().is_some_and(has))
    };
    let (form, notice, entries): (_, _, Vec<Read>) = if any(&|entry| entry.contains_key("litellm_provider")) {
        let notice = "Imported from LiteLLM's model_prices_and_context_window.json (https://github.com/BerriAI/litellm, MIT).";
        (
            "litellm",
            notice,
            root.iter().map(|(name, entry)| litellm(name, entry)).collect(),
        )
    } else if any(&|entry| entry.get("models").is_some_and(Value::is_object)) {
        let notice = "Imported from models.dev's api.json (https://models.dev, MIT).";
        (
            "models.dev",
            notice,
            root.iter()
                .flat_map(|(name, entry)| models_dev(name, entry))
                .collect(),
        )
    } else {
        return Err(ImportError::UnknownForm);
    };
    let mut imported = Imported {
        table: PriceTable::new(notice, date),
        form,
        left_out: 0,
    };
    for entry in entries {
        match entry {
            Some((name, mut price)) if imported.table.len() < ENTRIES_MAX => {
                price.date = Some(date);
                imported.table.insert(&name, price);
            }
            _ => imported.left_out += 1,
        }
    }
    if imported.table.is_empty() {
        return Err(ImportError::Empty);
    }
    Ok(imported)
}

type Read = Option<(String, Price)>;

/// LiteLLM's kinds of tokens, dollars per token.
const LITELLM: [(Part, &str); 10] = [
    (Part::Input, "input_cost_per_token"),
    (Part::CachedInput, "cache_read_input_token_cost"),
    (Part::CacheWrite, "cache_creation_input_token_cost"),
    (Part::CacheWrite1h, "cache_creation_input_token_cost_above_1hr"),
    (Part::ImageInput, "input_cost_per_image_token"),
    (Part::AudioInput, "input_cost_per_audio_token"),
    (Part::Output, "output_cost_per_token"),
    (Part::Reasoning, "output_cost_per_reasoning_token"),
    (Part::ImageOutput, "output_cost_per_image_token"),
    (Part::AudioOutput, "output_cost_per_audio_token"),
];

/// Providers that the two tables call otherwise than golive's.
const RENAMED: &[(&str, &str)] = &[
    ("gemini", "google"),
    ("cohere_chat", "cohere"),
    ("text-completion-openai", "openai"),
    ("together_ai", "together"),
    ("togetherai", "together"),
    ("fireworks_ai", "fireworks"),
    ("fireworks-ai", "fireworks"),
    ("moonshotai", "moonshot"),
];

fn provider(name: &str) -> &str {
    RENAMED
        .iter()
        .find(|(theirs, _)| *theirs == name)
        .map_or(name, |(_, ours)| ours)
}

fn litellm(name: &str, entry: &Value) -> Read {
    let entry = entry.as_object()?;
    let theirs = entry.get("litellm_provider")?.as_str()?;
    if name == "sample_spec" {
        return None; // the description of the form
    }
    const PER_TOKEN: f64 = 1e12; // dollars per token to millionths of a dollar per million tokens
    let mut price = Price::default();
    for (part, key) in LITELLM {
        price.rates.set(part, number(entry.get(key), PER_TOKEN));
    }
    // `input_cost_per_token_above_200k_tokens`: all of a request whose input is longer.
    for (key, value) in entry {
        let Some((base, rest)) = key.split_once("_above_") else {
            continue;
        };
        let Some(thousands) = rest
            .strip_suffix("k_tokens")
            .and_then(|text| text.parse::<u64>().ok())
        else {
            continue;
        };
        let Some((part, _)) = LITELLM.iter().find(|(_, key)| *key == base) else {
            continue;
        };
        tier(&mut price, thousands.saturating_mul(1000)).set(*part, number(Some(value), PER_TOKEN));
    }
    price.source = entry.get("source").and_then(Value::as_str).map(str::to_owned);
    let model = name.strip_prefix(&format!("{theirs}/")).unwrap_or(name);
    finished(format!("{}/{model}", provider(theirs)), price)
}

/// One provider of models.dev with all its models, dollars per million tokens.
fn models_dev(theirs: &str, entry: &Value) -> Vec<Read> {
    const PER_MILLION: f64 = 1e6;
    const KEYS: [(Part, &str); 7] = [
        (Part::Input, "input"),
        (Part::CachedInput, "cache_read"),
        (Part::CacheWrite, "cache_write"),
        (Part::AudioInput, "input_audio"),
        (Part::Output, "output"),
        (Part::Reasoning, "reasoning"),
        (Part::AudioOutput, "output_audio"),
    ];
    let Some(models) = entry.get("models").and_then(Value::as_object) else {
        return vec![None];
    };
    let one = |(id, model): (&String, &Value)| {
        let cost = model.get("cost")?.as_object()?;
        let mut price = Price::default();
        let fill = |rates: &mut Rates, cost: &Map<String, Value>| {
            for (part, key) in KEYS {
                rates.set(part, number(cost.get(key), PER_MILLION));
            }
        };
        fill(&mut price.rates, cost);
        if let Some(long) = cost.get("context_over_200k").and_then(Value::as_object) {
            fill(tier(&mut price, 200_000), long);
        }
        price.source = Some("https://models.dev".to_owned());
        finished(format!("{}/{id}", provider(theirs)), price)
    };
    models.iter().map(one).collect()
}

fn tier(price: &mut Price, tokens: u64) -> &mut Rates {
    let at = match price.above.binary_search_by_key(&tokens, |above| above.tokens) {
        Ok(at) => at,
        Err(at) => {
            let rates = Rates::default();
            price.above.insert(at, Above { tokens, rates });
            at
        }
    };
    &mut price.above[at].rates // it was found or inserted there
}

/// A price by tokens has at least that of the input; embeddings write nothing.
fn finished(name: String, mut price: Price) -> Read {
    price.rates.own(Part::Input)?;
    if price.rates.own(Part::Output).is_none() {
        price.rates.set(Part::Output, Some(MicroUsd(0)));
    }
    Some((name, price))
}

/// A float of another's table as a whole number of millionths: those tables hold 0.00015000000000000001 and mean
/// 0.00015.
fn number(value: Option<&Value>, factor: f64) -> Option<MicroUsd> {
    let micros = (value?.as_f64()? * factor).round();
    // A million dollars per token is no price.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it was bounded in the line before"
    )]
    (0.0..=1e15).contains(&micros).then_some(MicroUsd(micros as i64))
}
