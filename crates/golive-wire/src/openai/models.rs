//! The models list as OpenAI writes it (reference: openai-api.md §6).
//!
//! Never: decides who may see which model.

use crate::error::json;
use serde::Serialize;

/// One model of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelEntry<'a> {
    /// What callers put into `model`.
    pub id: &'a str,
    /// Unix time in seconds.
    pub created: u64,
    /// Whose it is.
    pub owned_by: &'a str,
}

/// The body of `GET /v1/models`.
pub fn list(models: &[ModelEntry<'_>]) -> Vec<u8> {
    json(&List {
        object: "list",
        data: models.iter().map(Model::from).collect(),
    })
}

/// The body of `GET /v1/models/{id}`.
pub fn one(model: &ModelEntry<'_>) -> Vec<u8> {
    json(&Model::from(model))
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'a str,
}

impl<'a> From<&ModelEntry<'a>> for Model<'a> {
    fn from(entry: &ModelEntry<'a>) -> Self {
        Model {
            id: entry.id,
            object: "model",
            created: entry.created,
            owned_by: entry.owned_by,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_as_openai_writes_it() {
        let entry = ModelEntry {
            id: "smart",
            created: 1_790_000_000,
            owned_by: "golive",
        };
        assert_eq!(
            String::from_utf8(list(std::slice::from_ref(&entry))).unwrap(),
            r#"{"object":"list","data":[{"id":"smart","object":"model","created":1790000000,"owned_by":"golive"}]}"#
        );
        assert!(
            String::from_utf8(one(&entry))
                .unwrap()
                .starts_with(r#"{"id":"smart","object":"model""#)
        );
    }
}
