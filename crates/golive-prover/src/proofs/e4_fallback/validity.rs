//! E4.validity: what a fallback's answer looks like to the caller, and what the fallback was asked.

use golive_checklist::judge::{Rule, Tally};
use golive_checklist::report::PartReport;
use golive_config::TargetFormat;
use golive_lab::{Behaviour, Brain, Fault, Usage};
use serde_json::{Value, json};

use super::broken;
use super::order::unwatched;
use super::shape;
use super::watch::{Case, Seen, Stage, signed};
use crate::line::{Line, streams, tool, tool_name};
use crate::target::{Ask, Words};

/// What the fallback reports, and the caller must be told.
pub(super) const USAGE: Usage = Usage {
    input: 1_234,
    output: 56,
    cached: 0,
    reasoning: 0,
};

/// The smallest PNG there is, as base64.
const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A word of a system prompt and of a tool's result: it must reach the fallback.
const HOUSE: &str = "The house rule is to answer in one sentence.";
const RESULT: &str = "order A-1047 was shipped on Monday";

pub(super) fn cases(stage: &Stage) -> Vec<Case> {
    let config = &stage.line.ctx.config;
    let last = stage.line.providers.len() - 1;
    let counted = Behaviour {
        usage: Some(USAGE),
        ..Behaviour::default()
    };
    let down = |name: &str, by: usize| {
        let case = Case::new(name, Some(by)).says(by, counted.clone());
        (0..by).fold(case, |case, at| case.fault(at, Fault::status(503)))
    };
    let mut cases = vec![down("a plain answer of the second", 1)];
    if last > 1 {
        cases.push(down("a plain answer of the last", last));
    }
    if streams(config) {
        cases.push(down("a stream of the second", 1).asked(streamed));
        if last > 1 {
            cases.push(down("a stream of the last", last).asked(streamed));
        }
    }
    if config.format == TargetFormat::Http {
        return cases;
    }
    let calling = |name: &str| {
        let behaviour = Behaviour {
            brain: Some(Brain::ToolCall {
                name: None,
                arguments: arguments(),
            }),
            ..counted.clone()
        };
        let mut case = Case::new(name, Some(1)).fault(0, Fault::status(503));
        case.behaviours.push((1, behaviour));
        case
    };
    cases.push(calling("a tool call of the second").asked(with_tool));
    cases.push(
        calling("a streamed tool call of the second").asked(|ask, line| with_tool(ask, line).streamed()),
    );
    cases.push(down("a picture for the second", 1).asked(with_picture));
    cases.push(down("a system prompt and a tool's result for the second", 1).asked(with_history));
    cases
}

fn streamed(mut ask: Ask, _: &Line) -> Ask {
    ask.include_usage = true;
    ask.streamed()
}

fn with_tool(mut ask: Ask, line: &Line) -> Ask {
    ask.tools = vec![tool(&line.ctx.config)];
    ask
}

fn with_picture(ask: Ask, line: &Line) -> Ask {
    let picture = match line.ctx.config.format {
        TargetFormat::Anthropic => {
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}})
        }
        _ => json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PICTURE}")}}),
    };
    let content = json!([{"type": "text", "text": ask.text}, picture]);
    ask.with("messages", json!([{"role": "user", "content": content}]))
}

fn with_history(ask: Ask, line: &Line) -> Ask {
    let (name, text) = (tool_name(&line.ctx.config), ask.text.clone());
    let mut ask = ask;
    ask.tools = vec![tool(&line.ctx.config)];
    match line.ctx.config.format {
        TargetFormat::Anthropic => ask.with("system", json!(HOUSE)).with(
            "messages",
            json!([
                {"role": "user", "content": "Where is order A-1047?"},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "toolu_1", "name": name, "input": {"order": "A-1047"}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": RESULT},
                    {"type": "text", "text": text}]},
            ]),
        ),
        _ => ask.with(
            "messages",
            json!([
                {"role": "system", "content": HOUSE},
                {"role": "user", "content": "Where is order A-1047?"},
                {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
                    "function": {"name": name, "arguments": "{\"order\":\"A-1047\"}"}}]},
                {"role": "tool", "tool_call_id": "call_1", "content": RESULT},
                {"role": "user", "content": text},
            ]),
        ),
    }
}

fn arguments() -> Value {
    json!({"order": "A-1047", "quantity": 2, "note": "Grüße, \"quoted\""})
}

pub(super) fn prove(stage: &Stage, seen: &[Seen]) -> PartReport {
    let mut tally = Tally::new();
    let (mut bad, mut table) = (Vec::new(), Vec::new());
    for one in seen {
        let judged = match one.arrivals() {
            Err(reason) => {
                tally.add_unscored(&reason);
                table.push(format!("{:<56} {reason}", one.case.name));
                continue;
            }
            Ok(_) if one.case.answered_by.is_some() => judge(stage, one),
            Ok(_) => broken::judge(stage, one),
        };
        table.push(format!(
            "{:<56} {}",
            one.case.name,
            judged.as_ref().err().map_or("as it must be", String::as_str)
        ));
        match judged {
            Ok(()) => tally.add_good(),
            Err(why) => {
                tally.add_bad(format!("{}: {why}", one.case.name));
                bad.push(one.evidence());
            }
        }
    }
    unwatched(
        &mut tally,
        cases(stage).len() + broken::cases(stage).len() - seen.len(),
    );
    stage
        .part("E4.validity")
        .headline(format!("{} of {} answers valid", tally.good(), tally.scored()))
        .evidences(bad)
        .lines("each answer", table)
        .fix(
            "translate requests and answers whole (tools, images, system prompts, reasons to stop, usage), and end a stream \
             that broke with the format's own error event, never with another answer and never with a clean end",
        )
        .controls(stage.controls(seen))
        .judged(&tally.judge(&Rule::all_of(2)))
}

fn judge(stage: &Stage, one: &Seen) -> Result<(), String> {
    let config = &stage.line.ctx.config;
    let at = one.case.answered_by.unwrap_or(0);
    let provider = &stage.line.providers[at];
    let answer = one.answer().ok_or_else(|| one.exchange.in_short())?;
    if !answer.status.is_success() {
        return Err(format!("answered {}", one.exchange.in_short()));
    }
    let asked = one
        .answered(provider)
        .ok_or("the link that should answer was not asked")?;
    if one.exchange.answer().is_none() {
        return Err(one.exchange.in_short());
    }
    shape::valid(answer, config, USAGE)?;
    let words = Words::of(answer, config);
    let wants_call = one.case.name.contains("tool call");
    if wants_call {
        let expected = arguments();
        match words.calls.as_slice() {
            [call] if call.name != tool_name(config) => return Err(format!("it calls `{}`", call.name)),
            [call] => {
                let given: Option<Value> = serde_json::from_str(&call.arguments).ok();
                if given.as_ref() != Some(&expected) {
                    return Err(format!("the arguments of the call are {}", call.arguments));
                }
            }
            calls => return Err(format!("it has {} tool calls", calls.len())),
        }
    } else if !signed(&one.marks(&stage.line), provider) {
        return Err(format!("it is not signed by {provider} alone"));
    }
    let must_hear: &[(&str, &str)] = match one.case.name.as_str() {
        name if name.contains("picture") => &[("the picture", PICTURE)],
        name if name.contains("system prompt") => {
            &[("the system prompt", HOUSE), ("the tool's result", RESULT)]
        }
        _ => &[],
    };
    for (what, text) in must_hear {
        if !asked.body.contains(text) {
            return Err(format!("{what} did not reach {provider}"));
        }
    }
    if wants_call && !asked.body.contains(&tool_name(config)) {
        return Err(format!("the tool did not reach {provider}"));
    }
    Ok(())
}
