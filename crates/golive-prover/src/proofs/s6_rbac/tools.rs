//! S6.tools: a tool that a role may not use is refused or taken out where it is offered, and does not reach the caller
//! where the model calls it; whole and streamed.

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::{Evidence, PartReport};
use golive_config::Capability;
use golive_lab::{Arrival, Behaviour, Brain, Match, Script};
use serde_json::{Value, json};

use super::access::{Everyone, Who, arrivals, call_of, may, model_of, question, universe};
use super::matrix::firsts;
use super::unclear;
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::target::{Ask, Exchange};

/// One thing that was tried.
struct Tried {
    name: String,
    exchange: Exchange,
    held: Scored<Result<(), String>>,
}

pub(super) async fn prove(ctx: &Ctx, everyone: &Everyone) -> PartReport {
    let part = ctx.part("S6.tools").fix(
        "compare every tool that a request offers with what its caller may use, and every tool call in an answer, too, \
         in streams before its first piece is passed on: the model is not the one who decides",
    );
    let tools: Vec<String> = universe(&ctx.config)
        .into_iter()
        .filter_map(|what| match what {
            Capability::Tool(name) => Some(name),
            _ => None,
        })
        .collect();
    let Some(lab) = ctx.lab.clone() else {
        return part.unproven("needs lab_url: the lab's model calls the tools");
    };
    let askers: Vec<(&String, &Who, Capability)> = everyone
        .iter()
        .filter_map(|(role, who)| Some((role, who, model_of(&ctx.config, role)?)))
        .collect();
    let given = |given: bool| {
        askers.iter().any(|(role, ..)| {
            tools
                .iter()
                .any(|tool| may(&ctx.config, role, &Capability::Tool(tool.clone())) == given)
        })
    };
    if !given(true) || !given(false) {
        return part.unproven(
            "needs a tool that one role with a model may use and another may not: matrix.<role>.may with tool:NAME",
        );
    }
    let provider = ctx.config.lab_provider.clone();
    if let Err(error) = lab.set_script(&provider, &script(ctx, &tools)).await {
        return part.unproven(format!(
            "the lab's model could not be told to call tools: {error}"
        ));
    }
    let models: Vec<Capability> = askers.iter().map(|(.., model)| model.clone()).collect();
    let mut controls = Controls::new();
    let let_in = firsts(ctx, everyone, &models, "before the tools").await;
    if !let_in.iter().any(Positive::held) {
        let _ = lab.clear_script(&provider).await;
        return part.unproven("no role is let in for what it may do, so no refusal of a tool says anything");
    }
    for control in let_in {
        controls = controls.positive(control);
    }
    let (mut tried, mut number) = (Vec::new(), 0);
    let mut received = [None, None];
    for (role, who, model) in &askers {
        for tool in &tools {
            let allowed = may(&ctx.config, role, &Capability::Tool(tool.clone()));
            for stream in [false, true] {
                number += 1;
                ctx.waiting(format!("{role} and the tool {tool}"));
                let case = Case {
                    ctx,
                    role,
                    who,
                    model,
                    tool,
                    allowed,
                    stream,
                    number,
                };
                tried.push(case.offer().await);
                let answered = case.answer().await;
                if allowed {
                    let got = answered.held.clone().map(|held| held.is_ok());
                    let slot = &mut received[usize::from(stream)];
                    if *slot != Some(Scored::Scored(true)) {
                        *slot = Some(got);
                    }
                }
                tried.push(answered);
            }
        }
    }
    // Best effort: the runner mends the lab, too.
    let _ = lab.clear_script(&provider).await;
    for (slot, how) in received.into_iter().zip(["whole", "streamed"]) {
        controls = controls.negative(Negative::new(
            format!("the lab's call of a tool reaches who may use it, {how}"),
            slot.unwrap_or(Scored::Unscored(UnscoredReason::Empty)),
            "so a call that came through to another would be seen",
        ));
    }
    let mut tally = Tally::new();
    let (mut bad, mut table): (Vec<Evidence>, Vec<String>) = (Vec::new(), Vec::new());
    for one in tried {
        let found = match &one.held {
            Scored::Scored(Ok(())) => "so".to_owned(),
            Scored::Scored(Err(how)) => format!("NOT SO: {how}"),
            Scored::Unscored(reason) => format!("unclear: {reason}"),
        };
        table.push(format!("{}  {found}  {}", one.name, one.exchange.in_short()));
        if let Scored::Scored(Err(how)) = &one.held {
            bad.push(one.exchange.evidence(format!("{}: {how}", one.name)));
        }
        let name = one.name;
        tally.add(one.held, |held| held.map_err(|how| format!("{name}: {how}")));
    }
    part.headline(format!(
        "{} of {} uses of tools are as declared",
        tally.good(),
        tally.scored()
    ))
    .measured("tools", tools.len())
    .measured("wrong", tally.bad())
    .checklist("wrong", 0)
    .evidences(bad)
    .lines("every use of a tool", table)
    .controls(controls)
    .judged(&tally.judge(&Rule::all_of(1)))
}

/// The model calls a tool when its marker is in the request; else it only talks.
fn script(ctx: &Ctx, tools: &[String]) -> Script {
    let rule = |tool: &String| golive_lab::Rule {
        matches: Match {
            contains: Some(ctx.marker(&answering(tool))),
            ..Match::default()
        },
        behaviour: Some(Behaviour {
            brain: Some(Brain::ToolCall {
                name: Some(tool.clone()),
                arguments: json!({"glv": ctx.marker(CANARY)}),
            }),
            ..Behaviour::default()
        }),
        ..golive_lab::Rule::default()
    };
    Script {
        rules: tools.iter().map(rule).collect(),
        ..Script::default()
    }
}

/// Stands in the arguments of the lab's tool calls and in no request.
const CANARY: &str = "tool-canary";

fn answering(tool: &str) -> String {
    format!("tool-answer-{tool}")
}

/// One role and one tool.
struct Case<'a> {
    ctx: &'a Ctx,
    role: &'a str,
    who: &'a Who,
    model: &'a Capability,
    tool: &'a str,
    allowed: bool,
    stream: bool,
    number: usize,
}

impl Case<'_> {
    /// The tool is offered in the request.
    async fn offer(&self) -> Tried {
        let (mut ask, marker) = question(self.ctx, "tool-offer", self.number);
        ask.tools = vec![offered(self.tool)];
        let exchange = self.send(ask).await;
        let held = match arrivals(self.ctx, &marker, std::time::Duration::from_millis(150)).await {
            Scored::Unscored(reason) => Scored::Unscored(reason),
            Scored::Scored(seen) => self.judge_offer(&exchange, &seen),
        };
        self.tried("offered in the request", exchange, held)
    }

    fn judge_offer(&self, exchange: &Exchange, seen: &[Arrival]) -> Scored<Result<(), String>> {
        let there = seen
            .iter()
            .any(|arrival| tools_in(&arrival.body).any(|name| name == self.tool));
        match (self.allowed, seen.is_empty()) {
            (true, false) if there => Scored::Scored(Ok(())),
            (true, false) => Scored::Scored(Err("was taken out of the request".to_owned())),
            (true, true) => exchange.score(|answer| match answer.status.as_u16() {
                status @ 400..=499 => Scored::Scored(Err(format!("was refused with {status}"))),
                status => unclear(format!("status {status}, and nothing reached the lab")),
            }),
            (false, false) if there => Scored::Scored(Err("reached the model with the request".to_owned())),
            (false, false) => Scored::Scored(Ok(())),
            (false, true) => exchange.score(|answer| match answer.status.as_u16() {
                400..=499 => Scored::Scored(Ok(())),
                status => unclear(format!("status {status}, and nothing reached the lab")),
            }),
        }
    }

    /// The tool is called in the model's answer.
    async fn answer(&self) -> Tried {
        let (mut ask, marker) = question(self.ctx, &answering(self.tool), self.number);
        if self.allowed {
            ask.tools = vec![offered(self.tool)];
        }
        let exchange = self.send(ask).await;
        let held = match arrivals(self.ctx, &marker, std::time::Duration::from_millis(150)).await {
            Scored::Unscored(reason) => Scored::Unscored(reason),
            Scored::Scored(seen) if seen.is_empty() => {
                unclear("the request did not reach the model, so it called nothing")
            }
            Scored::Scored(_) => self.judge_answer(&exchange),
        };
        self.tried("called in the answer", exchange, held)
    }

    fn judge_answer(&self, exchange: &Exchange) -> Scored<Result<(), String>> {
        // What had arrived before it broke off counts, too.
        let answer = exchange.answer().or(exchange.partial.as_ref());
        let body = answer.map(|answer| answer.text()).unwrap_or_default();
        let calls = Calls::read(&body, self.stream);
        let canary = self.ctx.marker(CANARY);
        let came =
            calls.names.contains(self.tool) || calls.arguments.contains(&canary) || body.contains(&canary);
        match (came, self.allowed, &exchange.outcome) {
            (true, true, _) => Scored::Scored(Ok(())),
            (true, false, _) => Scored::Scored(Err("the model's call reached the caller".to_owned())),
            (false, true, Scored::Scored(answer)) => Scored::Scored(Err(format!(
                "the model's call did not reach the caller ({})",
                answer.status.as_u16()
            ))),
            (false, false, Scored::Scored(_) | Scored::Unscored(UnscoredReason::Truncated)) => {
                Scored::Scored(Ok(()))
            }
            (false, _, Scored::Unscored(reason)) => Scored::Unscored(reason.clone()),
        }
    }

    async fn send(&self, ask: Ask) -> Exchange {
        let ask = if self.stream { ask.streamed() } else { ask };
        // A refusal for the number of requests says nothing about tools: it is waited out.
        self.ctx
            .send_patiently(self.who.on(call_of(self.ctx, self.model, ask)))
            .await
    }

    fn tried(&self, what: &str, exchange: Exchange, held: Scored<Result<(), String>>) -> Tried {
        let declared = if self.allowed { "may" } else { "may not" };
        let how = if self.stream { "streamed" } else { "whole" };
        Tried {
            name: format!("{} {declared} use {}, {what}, {how}", self.role, self.tool),
            exchange,
            held,
        }
    }
}

fn offered(tool: &str) -> Value {
    json!({"type": "function", "function": {
        "name": tool, "description": "A tool.", "parameters": {"type": "object", "properties": {"glv": {"type": "string"}}}
    }})
}

/// The names of the tools that a request offers, in either format.
pub(super) fn tools_in(body: &str) -> impl Iterator<Item = String> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let tools = body
        .get("tools")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    tools.into_iter().filter_map(|tool| {
        let name = tool.pointer("/function/name").or_else(|| tool.get("name"));
        name.and_then(Value::as_str).map(str::to_owned)
    })
}

/// All tool calls of an answer, put together from wherever they stand in it.
#[derive(Default)]
struct Calls {
    names: String,
    arguments: String,
}

impl Calls {
    fn read(body: &str, stream: bool) -> Calls {
        let mut calls = Calls::default();
        if !stream {
            if let Ok(value) = serde_json::from_str(body) {
                calls.walk(&value);
            }
            return calls;
        }
        for data in body.lines().filter_map(|line| line.strip_prefix("data:")) {
            if let Ok(value) = serde_json::from_str(data.trim()) {
                calls.walk(&value);
            }
        }
        calls
    }

    /// OpenAI: `function: {name, arguments}`. Anthropic: `tool_use` with `name` and `input`, and `partial_json`.
    fn walk(&mut self, value: &Value) {
        match value {
            Value::Array(all) => all.iter().for_each(|one| self.walk(one)),
            Value::Object(members) => {
                if let Some(function) = members.get("function") {
                    self.take(function);
                }
                if members.get("type").and_then(Value::as_str) == Some("tool_use") {
                    self.take(value);
                }
                if let Some(piece) = members.get("partial_json").and_then(Value::as_str) {
                    self.arguments.push_str(piece);
                }
                members.values().for_each(|one| self.walk(one));
            }
            _ => {}
        }
    }

    fn take(&mut self, call: &Value) {
        self.names
            .push_str(call.get("name").and_then(Value::as_str).unwrap_or_default());
        self.arguments
            .push_str(call.get("arguments").and_then(Value::as_str).unwrap_or_default());
        if let Some(input) = call.get("input") {
            self.arguments.push_str(&input.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_in_pieces_is_put_together_in_both_formats() {
        let openai = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"pay\",\"arguments\":\"\"}}]}}]}\n\n\
                      data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":\"{\\\"a\"}}]}}]}\n\ndata: [DONE]\n\n";
        let calls = Calls::read(openai, true);
        assert_eq!((calls.names.as_str(), calls.arguments.as_str()), ("pay", "{\"a"));
        let anthropic = "data: {\"content_block\":{\"type\":\"tool_use\",\"name\":\"pay\",\"input\":{}}}\n\n\
                         data: {\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\"}}\n\n";
        let calls = Calls::read(anthropic, true);
        assert_eq!(
            (calls.names.as_str(), calls.arguments.as_str()),
            ("pay", "{}{\"a")
        );
    }

    #[test]
    fn a_sentence_about_a_tool_is_no_call_of_it() {
        let said = r#"{"error":{"message":"you may not use the tool `pay`","code":"tool_denied"}}"#;
        assert_eq!(Calls::read(said, false).names, "");
    }
}
