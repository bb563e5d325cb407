//! P6: prices and budgets in `golive config show`.

use golive_resilience::calendar::format_date;
use serde_json::{Map, Value, json};

use crate::meant::{SpendingBudget, period_text};
use crate::prices::{Part, Price};
use crate::units::MicroUsd;

pub(super) fn price(price: &Price) -> Value {
    let mut shown = Map::new();
    for part in Part::ALL {
        if let Some(own) = price.rates.own(part) {
            shown.insert(part.key().to_owned(), json!(own.to_string()));
        }
    }
    if price.request != MicroUsd(0) {
        shown.insert("request".to_owned(), json!(price.request.to_string()));
    }
    // The file has one tier; an entry that was taken over by `like` shows its lowest.
    if let Some(above) = price.above.first() {
        shown.insert("long_from".to_owned(), json!(above.tokens));
        for part in [Part::Input, Part::CachedInput, Part::CacheWrite, Part::Output] {
            if let Some(own) = above.rates.own(part) {
                shown.insert(format!("{}_long", part.key()), json!(own.to_string()));
            }
        }
    }
    if let Some(date) = price.date {
        shown.insert("date".to_owned(), json!(format_date(date)));
    }
    if let Some(source) = &price.source {
        shown.insert("source".to_owned(), json!(source));
    }
    Value::Object(shown)
}

pub(super) fn budget(budget: &SpendingBudget) -> Value {
    let mut shown = json!({
        "name": budget.name,
        "scope": budget.scope.as_str(),
        "amount": budget.amount.to_string(),
        "per": period_text(budget.period),
        "warn_at": format!("{}%", budget.warn_percent),
    });
    if !budget.only.is_empty() {
        shown["only"] = json!(budget.only);
    }
    shown
}
