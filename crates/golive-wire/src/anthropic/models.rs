//! The models list as Anthropic writes it (reference: anthropic-api.md, last rows of the translation table).
//!
//! Never: decides who may see which model.

use crate::error::json;
use serde::Serialize;

/// One model of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelEntry<'a> {
    /// What callers put into `model`.
    pub id: &'a str,
    /// For people.
    pub display_name: &'a str,
    /// Unix time in seconds; written as RFC 3339.
    pub created: u64,
}

/// The body of `GET /v1/models`, all in one page.
pub fn list(models: &[ModelEntry<'_>]) -> Vec<u8> {
    json(&List {
        data: models.iter().map(Model::from).collect(),
        has_more: false,
        first_id: models.first().map(|model| model.id),
        last_id: models.last().map(|model| model.id),
    })
}

/// The body of `GET /v1/models/{id}`.
pub fn one(model: &ModelEntry<'_>) -> Vec<u8> {
    json(&Model::from(model))
}

#[derive(Serialize)]
struct List<'a> {
    data: Vec<Model<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    display_name: &'a str,
    created_at: String,
}

impl<'a> From<&ModelEntry<'a>> for Model<'a> {
    fn from(entry: &ModelEntry<'a>) -> Self {
        Model {
            id: entry.id,
            kind: "model",
            display_name: entry.display_name,
            created_at: rfc3339(entry.created),
        }
    }
}

/// UTC, whole seconds. Days to a date by counting 400-year eras from 1 March of year 0 (Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms").
fn rfc3339(unix: u64) -> String {
    let (days, second) = (unix / 86_400 + 719_468, unix % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153; // months since March
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z",
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_as_anthropic_writes_it() {
        let entry = ModelEntry {
            id: "smart",
            display_name: "Smart",
            created: 951_782_400,
        };
        assert_eq!(
            String::from_utf8(list(&[entry])).unwrap(),
            r#"{"data":[{"id":"smart","type":"model","display_name":"Smart","created_at":"2000-02-29T00:00:00Z"}],"has_more":false,"first_id":"smart","last_id":"smart"}"#
        );
        assert!(
            String::from_utf8(list(&[]))
                .unwrap()
                .ends_with(r#""first_id":null,"last_id":null}"#)
        );
    }

    #[test]
    fn dates_are_right_at_the_edges() {
        for (unix, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(unix), date);
        }
    }
}
