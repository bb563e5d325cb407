//! E4.validity: streams of the first link that break after their first words.

use golive_lab::{Behaviour, Brain, Fault};

use super::watch::{Case, Seen, Stage, signed};
use crate::line::streams;
use crate::target::Words;

/// Events before a stream breaks: beyond the opening of every format, in the middle of the sentence.
const BEGUN: u32 = 9;

/// What the first link says then: many short words, so that it breaks within them.
const SENTENCE: &str = "first link speaking with one word after the other so that it can be broken off in the middle of \
                        them and nobody could mistake these words for those of another";

/// Words of it that are out before the break.
const BEGINNING: &str = "first link speaking";

pub(super) fn cases(stage: &Stage) -> Vec<Case> {
    if !streams(&stage.line.ctx.config) {
        return Vec::new();
    }
    let says = Behaviour {
        brain: Some(Brain::Reply(SENTENCE.to_owned())),
        ..Behaviour::default()
    };
    let cut = Fault::Cut {
        after_chunks: BEGUN,
        after_bytes: None,
    };
    let stall = Fault::Stall {
        after_chunks: BEGUN,
        for_ms: None,
    };
    let faults = [
        ("a stream that breaks after its first words", cut),
        ("a stream that falls silent after its first words", stall),
        (
            "a stream with an error after its first words",
            Fault::ErrorEvent { after_chunks: BEGUN },
        ),
        ("a stream that ends without its end", Fault::NoDone),
    ];
    faults
        .into_iter()
        .map(|(name, fault)| {
            Case::new(name, None)
                .fault(0, fault)
                .says(0, says.clone())
                .asked(|ask, _| ask.streamed())
        })
        .collect()
}

/// Told to the caller, never spliced, never a clean end. One that was still held back may be another link's whole.
pub(super) fn judge(stage: &Stage, one: &Seen) -> Result<(), String> {
    let config = &stage.line.ctx.config;
    let Some(answer) = one.answer() else {
        return Err(format!(
            "the caller got nothing it can use ({})",
            one.exchange.in_short()
        ));
    };
    let words = Words::of(answer, config);
    let marks = one.marks(&stage.line);
    let first = stage.line.provider();
    let begun = words.text.contains(BEGINNING);
    let others = marks.iter().any(|mark| mark.provider != first);
    if begun && others {
        return Err("two answers are spliced together".to_owned());
    }
    let text = answer.text();
    let clean = text.contains("[DONE]") || text.contains("\"message_stop\"");
    if !begun {
        let another = stage
            .line
            .providers
            .iter()
            .skip(1)
            .any(|provider| signed(&marks, provider));
        // Nothing had been passed on: another's whole answer or a plain error are both honest.
        return if (another && clean) || !answer.status.is_success() {
            Ok(())
        } else {
            Err("it broke off, and the caller got neither its words nor an error".to_owned())
        };
    }
    if one.asked().len() > 1 {
        return Err(format!(
            "words were out, and {} was asked as well",
            one.asked()[1]
        ));
    }
    let told = text.lines().any(|line| line.trim_end() == "event: error")
        || text
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .any(|data| {
                serde_json::from_str::<serde_json::Value>(data.trim())
                    .is_ok_and(|data| data.get("error").is_some_and(|error| !error.is_null()))
            });
    match (told, clean) {
        (true, false) => Ok(()),
        (true, true) => Err("it tells of an error and ends as if there had been none".to_owned()),
        (false, true) => Err("it broke off, and pretends to have ended well".to_owned()),
        (false, false) => Err("it broke off without a word".to_owned()),
    }
}
