//! E3: a stated confidence: how sure a model says it is, in a header or a member of its answer.
//!
//! Never: changes what the model says.

use serde::{Deserialize, Serialize};

/// How sure a model says it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confidence {
    /// The value as it is written: `0.49`.
    pub value: String,
    /// The header that carries it.
    #[serde(default)]
    pub header: Option<String>,
    /// Where it stands in a whole JSON answer, as a JSON pointer; objects on the way are made. It is written as a number
    /// if it is one.
    #[serde(default)]
    pub pointer: Option<String>,
}

impl Confidence {
    /// The header, if one is to carry it. Checked when the script was read.
    pub(crate) fn as_header(&self) -> Option<(http::HeaderName, http::HeaderValue)> {
        let name = http::HeaderName::from_bytes(self.header.as_deref()?.as_bytes()).ok()?;
        Some((name, http::HeaderValue::from_str(&self.value).ok()?))
    }

    /// A whole JSON answer with it in its place.
    pub(crate) fn stated_in(&self, body: &bytes::Bytes) -> bytes::Bytes {
        let answer = serde_json::from_slice::<serde_json::Value>(body);
        let (Some(pointer), Ok(mut answer)) = (&self.pointer, answer) else {
            return body.clone();
        };
        let mut at = &mut answer;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            if !at.is_object() {
                *at = serde_json::Value::Object(serde_json::Map::new());
            }
            let Some(members) = at.as_object_mut() else {
                return body.clone();
            };
            at = members.entry(step).or_insert(serde_json::Value::Null);
        }
        let number = self
            .value
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64);
        *at = number.map_or_else(
            || serde_json::Value::String(self.value.clone()),
            serde_json::Value::Number,
        );
        answer.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_a_number_where_it_is_one_and_into_objects_made_on_the_way() {
        let stated = |value: &str, pointer: &str| {
            let confidence = Confidence {
                value: value.to_owned(),
                header: None,
                pointer: Some(pointer.to_owned()),
            };
            let body = confidence.stated_in(&bytes::Bytes::from_static(b"{\"reply\":\"hi\"}"));
            serde_json::from_slice::<serde_json::Value>(&body).unwrap()
        };
        let number = stated("0.49", "/confidence");
        assert_eq!(number, serde_json::json!({"reply": "hi", "confidence": 0.49}));
        let text = stated("low", "/meta/sure");
        assert_eq!(text, serde_json::json!({"reply": "hi", "meta": {"sure": "low"}}));
    }
}
