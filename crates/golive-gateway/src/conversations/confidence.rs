//! E3: how sure an agent is of an answer, where the configuration says it tells that.
//!
//! Never: takes what is no number from 0 to 1 for a confidence: an agent that says nothing is not unsure.

use golive_config::Confidence;
use golive_wire::http_agent::Pointer;
use golive_wire::texts;
use http::{HeaderMap, HeaderName};
use serde_json::Value;

/// Where it is told.
#[derive(Clone, Debug)]
pub enum Source {
    /// At this place of a whole answer.
    Pointer(Pointer),
    /// In this header.
    Header(HeaderName),
    /// As the probabilities of its tokens.
    Logprobs,
}

impl Source {
    /// From the configuration.
    ///
    /// # Errors
    /// In words; the configuration checks this first.
    pub fn of(meant: &Confidence) -> Result<Self, String> {
        Ok(match meant {
            Confidence::Pointer(pointer) => {
                Self::Pointer(Pointer::parse(pointer).map_err(|error| error.to_string())?)
            }
            Confidence::Header(name) => {
                Self::Header(HeaderName::try_from(name.as_str()).map_err(|error| error.to_string())?)
            }
            Confidence::Logprobs => Self::Logprobs,
        })
    }

    /// The confidence that the head of an answer tells, in millionths.
    #[must_use]
    pub fn in_head(&self, headers: &HeaderMap) -> Option<u32> {
        match self {
            Self::Header(name) => millionths(headers.get(name)?.to_str().ok()?.trim().parse().ok()?),
            Self::Pointer(_) | Self::Logprobs => None,
        }
    }

    /// The confidence that a whole answer tells, in millionths.
    #[must_use]
    pub fn in_body(&self, body: &[u8]) -> Option<u32> {
        match self {
            Self::Header(_) => None,
            Self::Pointer(pointer) => {
                let place = pointer.locate(body)?;
                let value: Value = serde_json::from_slice(&body[place]).ok()?;
                millionths(value.as_f64()?)
            }
            Self::Logprobs => mean_probability(body),
        }
    }
}

/// Not rounded up to the least that is enough: 0.4999999 is less than 0.5.
fn millionths(number: f64) -> Option<u32> {
    // In range, so the cast loses a fraction and nothing else.
    (0.0..=1.0)
        .contains(&number)
        .then(|| (number * 1e6 + 1e-6).floor() as u32)
}

/// The mean of the tokens' probabilities, as OpenAI's format tells their logarithms.
fn mean_probability(body: &[u8]) -> Option<u32> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for place in texts::logprobs(body) {
        let value: Value = serde_json::from_slice(&body[place]).ok()?;
        for token in value.get("content")?.as_array()? {
            sum += token.get("logprob")?.as_f64()?.exp();
            count += 1;
        }
    }
    if count == 0 {
        None
    } else {
        millionths(sum / f64::from(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_from_nothing_to_one_are_read_and_nothing_else_is() {
        let at = Source::Pointer(Pointer::parse("/meta/confidence").unwrap());
        for (body, expected) in [
            (r#"{"meta":{"confidence":0.5}}"#, Some(500_000)),
            (r#"{"meta":{"confidence":0.49}}"#, Some(490_000)),
            (r#"{"meta":{"confidence":0.51}}"#, Some(510_000)),
            (r#"{"meta":{"confidence":0.4999999}}"#, Some(499_999)),
            (r#"{"meta":{"confidence":1}}"#, Some(1_000_000)),
            (r#"{"meta":{"confidence":49}}"#, None),
            (r#"{"meta":{"confidence":"0.1"}}"#, None),
            (r#"{"meta":{"confidence":null}}"#, None),
            (r#"{"meta":{}}"#, None),
        ] {
            assert_eq!(at.in_body(body.as_bytes()), expected, "{body}");
        }
        let mut headers = HeaderMap::new();
        headers.insert("x-sure", "0.25".parse().unwrap());
        let header = Source::Header(HeaderName::from_static("x-sure"));
        assert_eq!(header.in_head(&headers), Some(250_000));
        assert_eq!(at.in_head(&headers), None);
    }

    #[test]
    fn probabilities_of_tokens_are_averaged() {
        let body = br#"{"choices":[{"logprobs":{"content":[{"token":"a","logprob":0.0},{"token":"b","logprob":-20}]}}]}"#;
        assert_eq!(Source::Logprobs.in_body(body), Some(500_000));
        assert_eq!(
            Source::Logprobs.in_body(br#"{"choices":[{"logprobs":null}]}"#),
            None
        );
    }
}
