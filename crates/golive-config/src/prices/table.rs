//! P6: a table of prices as a file: names, decimal dollars per million tokens, the day and the source.
//!
//! The shipped one is data of this crate; `golive prices import` writes files of the same form.
//!
//! Never: a price with more digits than can be counted, or half a table.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use golive_checklist::unit::MicroUsd;
use golive_resilience::calendar::{format_date, parse_date};
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::price::{Above, Part, Price, Rates};

/// A table has at most so many entries; the largest public one has 5,000.
pub const ENTRIES_MAX: usize = 50_000;
/// The longest name of an entry.
const NAME_MAX: usize = 256;

/// A table of prices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceTable {
    /// Where the table comes from and under which licence, for people.
    pub notice: String,
    /// The day on which it was made, since 1970-01-01. Entries without a day of their own are of that day.
    pub date: Option<i64>,
    entries: BTreeMap<String, Price>,
}

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TableError {
    /// No JSON object, or one of another form.
    #[error("it is not a table of prices: {0}; `golive prices import` writes one")]
    Form(String),
    /// One entry.
    #[error("`{name}`: {why}")]
    Entry {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

impl PriceTable {
    /// A table without entries, made on `date`.
    #[must_use]
    pub fn new(notice: &str, date: i64) -> Self {
        Self {
            notice: notice.to_owned(),
            date: Some(date),
            entries: BTreeMap::new(),
        }
    }

    /// The table that is shipped with golive.
    #[must_use]
    pub fn shipped() -> &'static Self {
        static SHIPPED: OnceLock<PriceTable> = OnceLock::new();
        // A test reads it; a table that cannot be read knows no price, which is never taken for 0.
        SHIPPED.get_or_init(|| Self::read(include_str!("shipped.json")).unwrap_or_default())
    }

    /// Reads a table.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(text: &str) -> Result<Self, TableError> {
        let value: Value = serde_json::from_str(text).map_err(|why| TableError::Form(why.to_string()))?;
        let text_of = |key: &str| value[key].as_str().map(str::to_owned);
        let Some(prices) = value["prices"].as_object() else {
            return Err(TableError::Form("it has no object `prices`".to_owned()));
        };
        if prices.len() > ENTRIES_MAX {
            return Err(TableError::Form(format!("it has more than {ENTRIES_MAX} prices")));
        }
        let date = match text_of("date") {
            None => None,
            Some(text) => Some(parse_date(&text).ok_or_else(|| {
                TableError::Form(format!(
                    "`{}` is not a date such as 2026-11-04",
                    text.escape_debug()
                ))
            })?),
        };
        let mut table = Self {
            notice: text_of("notice").unwrap_or_default(),
            date,
            entries: BTreeMap::new(),
        };
        for (name, entry) in prices {
            let price = read_entry(entry, date).map_err(|why| TableError::Entry {
                name: name.chars().take(NAME_MAX).collect(),
                why,
            })?;
            table.insert(name, price);
        }
        Ok(table)
    }

    /// The table as a file, one entry to a line.
    #[must_use]
    pub fn write(&self) -> String {
        let mut out = String::from("{\n");
        let line = |key: &str, value: &str| format!("  {}: {},\n", json!(key), json!(value));
        out.push_str(&line("notice", &self.notice));
        if let Some(date) = self.date {
            out.push_str(&line("date", &format_date(date)));
        }
        out.push_str("  \"prices\": {\n");
        let entries: Vec<String> = self
            .entries
            .iter()
            .map(|(name, price)| format!("    {}: {}", json!(name), write_entry(price, self.date)))
            .collect();
        out.push_str(&entries.join(",\n"));
        out.push_str("\n  }\n}\n");
        out
    }

    /// Adds an entry, or replaces the one of its name.
    pub fn insert(&mut self, name: &str, price: Price) {
        if !name.is_empty() && name.len() <= NAME_MAX && !name.chars().any(char::is_control) {
            self.entries.insert(name.to_owned(), price);
        }
    }

    /// The price of `provider/model`. A model's dated or `-latest` name has its own entry or that of the plain name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Price> {
        if let Some(price) = self.entries.get(name) {
            return Some(price);
        }
        undated(name).and_then(|plain| self.entries.get(plain))
    }

    /// All entries, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Price)> {
        self.entries.iter().map(|(name, price)| (name.as_str(), price))
    }

    /// How many entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// No entry at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// A name without `-2025-08-07`, `-20250929` or `-latest` at its end.
fn undated(name: &str) -> Option<&str> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(plain) = name.strip_suffix("-latest") {
        return Some(plain);
    }
    let cut = |width: usize| {
        name.len()
            .checked_sub(width)
            .and_then(|at| name.split_at_checked(at))
    };
    if let Some((plain, date)) = cut(9)
        && let Some(date) = date.strip_prefix('-').filter(|date| digits(date))
        && parse_date(&format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..])).is_some()
    {
        return Some(plain);
    }
    let (plain, date) = cut(11)?;
    parse_date(date.strip_prefix('-')?).map(|_| plain)
}

/// A number of dollars, as JSON's text or number: `"2.5"`, `2.5`.
pub(super) fn dollars(value: &Value) -> Result<Option<MicroUsd>, String> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err("a price is neither a number nor a text".to_owned()),
    };
    let price: MicroUsd = format!("{text} USD")
        .parse()
        .map_err(|_| format!("`{}` is not a price in dollars", text.escape_debug()))?;
    if price.0 < 0 {
        return Err("a price is negative".to_owned());
    }
    Ok(Some(price))
}

fn read_rates(entry: &Map<String, Value>) -> Result<Rates, String> {
    let mut rates = Rates::default();
    for part in Part::ALL {
        if let Some(value) = entry.get(part.key()) {
            rates.set(part, dollars(value)?);
        }
    }
    Ok(rates)
}

fn read_entry(entry: &Value, date: Option<i64>) -> Result<Price, String> {
    let Some(entry) = entry.as_object() else {
        return Err("it is no object".to_owned());
    };
    const OTHERS: [&str; 4] = ["above", "request", "date", "source"];
    let known = |key: &str| OTHERS.contains(&key) || Part::ALL.iter().any(|part| part.key() == key);
    if let Some(key) = entry.keys().find(|key| !known(key)) {
        return Err(format!("`{}` is not known", key.escape_debug()));
    }
    let rates = read_rates(entry)?;
    let request = entry.get("request").map(dollars).transpose()?.flatten();
    let priced = rates.own(Part::Input).is_some() && rates.own(Part::Output).is_some();
    if !priced && request.is_none() {
        return Err("it needs `input` and `output`, or `request`".to_owned());
    }
    let mut above = Vec::new();
    let tiers = match entry.get("above") {
        None => [].as_slice(),
        Some(value) => value.as_array().ok_or("`above` is a list of objects")?,
    };
    for tier in tiers {
        let tier = tier.as_object().ok_or("`above` is a list of objects")?;
        let tokens = tier.get("tokens").and_then(Value::as_u64);
        above.push(Above {
            tokens: tokens.ok_or("`above` needs `tokens`")?,
            rates: read_rates(tier)?,
        });
    }
    above.sort_by_key(|tier| tier.tokens);
    let own_date = match entry.get("date").and_then(Value::as_str) {
        None => date,
        Some(text) => Some(parse_date(text).ok_or("`date` is not a date such as 2026-11-04")?),
    };
    Ok(Price {
        rates,
        above,
        request: request.unwrap_or_default(),
        date: own_date,
        source: entry.get("source").and_then(Value::as_str).map(str::to_owned),
    })
}

fn write_rates(rates: &Rates, into: &mut Map<String, Value>) {
    for part in Part::ALL {
        if let Some(price) = rates.own(part) {
            into.insert(part.key().to_owned(), json!(bare(price)));
        }
    }
}

fn write_entry(price: &Price, date: Option<i64>) -> Value {
    let mut entry = Map::new();
    write_rates(&price.rates, &mut entry);
    if price.request.0 > 0 {
        entry.insert("request".to_owned(), json!(bare(price.request)));
    }
    if !price.above.is_empty() {
        let tier = |above: &Above| {
            let mut tier = Map::new();
            tier.insert("tokens".to_owned(), json!(above.tokens));
            write_rates(&above.rates, &mut tier);
            Value::Object(tier)
        };
        let tiers: Vec<Value> = price.above.iter().map(tier).collect();
        entry.insert("above".to_owned(), json!(tiers));
    }
    if let Some(own) = price.date.filter(|own| Some(*own) != date) {
        entry.insert("date".to_owned(), json!(format_date(own)));
    }
    if let Some(source) = &price.source {
        entry.insert("source".to_owned(), json!(source));
    }
    Value::Object(entry)
}

/// An amount without its currency: `2.5`.
pub(super) fn bare(price: MicroUsd) -> String {
    price.to_string().trim_end_matches(" USD").to_owned()
}
