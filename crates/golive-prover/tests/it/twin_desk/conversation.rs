//! One conversation: whose it is, what was said, how often it failed, and when it is handed over.

use serde_json::{Value, json};

use super::Flaw;

#[derive(Debug, Default)]
pub struct Conversation {
    pub messages: Vec<Value>,
    pub failures: u32,
    /// A person has it.
    pub handed_over: bool,
    pub ticket: String,
}

/// What the user just said, without the reference at its end.
pub fn without_reference(text: &str) -> &str {
    text.split("\n\nRef: ").next().unwrap_or(text)
}

/// Whether a message asks for a person.
pub fn asks_for_a_person(flaw: Flaw, text: &str) -> bool {
    let said = without_reference(text);
    let phrases = golive_prover::self_test::handover_phrases();
    let at = phrases.iter().position(|phrase| *phrase == said);
    match flaw {
        Flaw::HearsAnyWord => {
            ["human", "agent", "person"]
                .iter()
                .any(|word| said.contains(word))
                || at.is_some()
        }
        Flaw::HearsEnglishOnly => {
            at.is_some()
                && said.is_ascii()
                && ["talk", "speak", "connect", "human"]
                    .iter()
                    .any(|word| said.to_lowercase().contains(word))
        }
        // The first ten are the plain requests.
        Flaw::HearsNoOtherWords => at.is_some_and(|at| at < 10),
        _ => at.is_some(),
    }
}

impl Conversation {
    pub fn keep(&mut self, role: &str, text: &str) {
        self.messages.push(json!({"role": role, "text": text}));
    }

    /// Counts a failure; whether it is one too many.
    pub fn failed(&mut self, flaw: Flaw) -> bool {
        self.failures += 1;
        match flaw {
            Flaw::HandsOverOnTwoFailures => self.failures >= 2,
            Flaw::NeverOnFailures => false,
            _ => self.failures >= 3,
        }
    }
}

/// Whether an answer of this confidence is too doubtful.
pub fn doubts(flaw: Flaw, confidence: Option<f64>) -> bool {
    match (flaw, confidence) {
        (Flaw::NeverOnDoubt, _) | (_, None) => false,
        (Flaw::HandsOverAtTheLine, Some(confidence)) => confidence <= 0.5,
        (_, Some(confidence)) => confidence < 0.5,
    }
}
