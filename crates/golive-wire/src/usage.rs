//! M2, P6: token counts, in one meaning for every provider.
//!
//! Never: guesses. A count that the provider did not give is `None`; estimates are made elsewhere and marked.

use serde::{Deserialize, Serialize};

/// Tokens of one request. `input` includes what came from a cache and `output` includes reasoning, whatever the
/// provider's own convention is (OpenAI's prompt count includes cached tokens, Anthropic's does not).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// All input tokens, cached ones included.
    pub input: Option<u64>,
    /// The part of `input` that was read from the provider's cache.
    pub cached_input: Option<u64>,
    /// All output tokens, reasoning included.
    pub output: Option<u64>,
    /// The part of `output` that was reasoning.
    pub reasoning: Option<u64>,
    /// The part of `input` that was written to the provider's cache.
    pub cache_write: Option<u64>,
    /// The part of `cache_write` that is kept for an hour, which costs more.
    pub cache_write_1h: Option<u64>,
    /// The part of `input` that was images.
    pub image_input: Option<u64>,
    /// The part of `output` that was images.
    pub image_output: Option<u64>,
    /// The part of `input` that was sound.
    pub audio_input: Option<u64>,
    /// The part of `output` that was sound.
    pub audio_output: Option<u64>,
}

impl Usage {
    /// Input and output counts that are known exactly.
    pub fn new(input: u64, output: u64) -> Self {
        Usage {
            input: Some(input),
            output: Some(output),
            ..Usage::default()
        }
    }

    /// Whether no count was given at all.
    pub fn is_empty(&self) -> bool {
        *self == Usage::default()
    }

    /// Input plus output; `None` while both are unknown.
    pub fn total(&self) -> Option<u64> {
        match (self.input, self.output) {
            (None, None) => None,
            (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
        }
    }

    /// Takes in a later report of the same answer. Counts are cumulative, so the larger one stands: some servers
    /// repeat a field as 0 in the last event.
    pub fn merge(&mut self, later: Usage) {
        self.input = self.input.max(later.input);
        self.cached_input = self.cached_input.max(later.cached_input);
        self.output = self.output.max(later.output);
        self.reasoning = self.reasoning.max(later.reasoning);
        self.cache_write = self.cache_write.max(later.cache_write);
        self.cache_write_1h = self.cache_write_1h.max(later.cache_write_1h);
        self.image_input = self.image_input.max(later.image_input);
        self.image_output = self.image_output.max(later.image_output);
        self.audio_input = self.audio_input.max(later.audio_input);
        self.audio_output = self.audio_output.max(later.audio_output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_report_never_takes_tokens_away() {
        let mut usage = Usage::new(11, 1);
        usage.merge(Usage {
            output: Some(40),
            ..Usage::default()
        });
        usage.merge(Usage::new(0, 42));
        assert_eq!(usage, Usage::new(11, 42));
        assert_eq!(usage.total(), Some(53));
        assert_eq!(Usage::default().total(), None);
    }
}
