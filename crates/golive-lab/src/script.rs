//! P1, P2, P3, M2, S8: what a provider of the lab does, as data: how its model answers, and which requests
//! meet which fault.
//!
//! Never: draws dice or reads a clock; that is for `world.rs` with the seed at hand.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::confidence::Confidence;
use crate::fault::Fault;

/// What one provider does until told otherwise.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// How its model answers where no rule says otherwise.
    #[serde(default)]
    pub behaviour: Behaviour,
    /// Looked through in order; the first that fires decides.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// What `GET /v1/models` lists; `lab-model` alone when empty. Any model name is answered all the same.
    #[serde(default)]
    pub models: Vec<String>,
    /// What `GET /pages/NAME` gives out, by name: poisoned pages and documents for agents that fetch.
    #[serde(default)]
    pub pages: BTreeMap<String, PageFile>,
}

/// One page that a provider gives out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageFile {
    /// Its `content-type`; `text/html; charset=utf-8` when absent.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Its content.
    pub body: String,
}

/// One line of a script: for these requests, this.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which requests; all of the provider's, its model list too, when empty.
    #[serde(rename = "match", default)]
    pub matches: Match,
    /// Lets this many matching requests pass first.
    #[serde(default)]
    pub skip: u64,
    /// Fires for this many requests after those; for all when absent.
    #[serde(default)]
    pub times: Option<u64>,
    /// Fires by the seed's dice, 0.0 to 1.0; always when absent. Dice are thrown before `skip` counts.
    #[serde(default)]
    pub probability: Option<f64>,
    /// What goes wrong.
    #[serde(default)]
    pub fault: Option<Fault>,
    /// How the model answers; what it leaves out comes from the script.
    #[serde(default)]
    pub behaviour: Option<Behaviour>,
}

/// Which requests a rule is for. All given conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// The model asked for, as written in the request; a `*` at its end stands for anything.
    #[serde(default)]
    pub model: Option<String>,
    /// Text within the request's body, as its bytes stand there.
    #[serde(default)]
    pub contains: Option<String>,
    /// A header that is present (`"x-tenant"`), or that holds a text (`"x-tenant: blue"`).
    #[serde(default)]
    pub header: Option<String>,
    /// Text within the request's path.
    #[serde(default)]
    pub path: Option<String>,
    /// Whether a stream was asked for.
    #[serde(default)]
    pub stream: Option<bool>,
}

/// How a model answers. Everything left out takes its default: canned, at once, counting its own tokens.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// What it says; canned when absent.
    #[serde(default)]
    pub brain: Option<Brain>,
    /// The usage it reports, exactly; counted from the texts when absent.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// Where a stream in OpenAI's format tells its usage; in a chunk of its own when absent.
    #[serde(default)]
    pub stream_usage: Option<StreamUsage>,
    /// How fast a stream comes; at once when absent.
    #[serde(default)]
    pub pace: Option<Pace>,
    /// Wait before the status line; none when absent.
    #[serde(default)]
    pub latency: Option<Latency>,
    /// Cuts a stream's text into pieces of this many bytes (at character borders); by words when absent.
    #[serde(default)]
    pub chunk_bytes: Option<u32>,
    /// Cuts a stream's text after just these bytes, in ascending order (at character borders), instead.
    #[serde(default)]
    pub cut_at: Option<Vec<u32>>,
    /// How sure the model says it is, in a header or a member of its answer.
    #[serde(default)]
    pub confidence: Option<Confidence>,
}

/// What a model says. Each text ends with the lab's mark (see [`crate::nonce`]).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Brain {
    /// A fixed sentence, drawn out to the tokens of a fixed usage.
    #[default]
    Canned,
    /// This text.
    Reply(String),
    /// The last message's text.
    Echo,
    /// Does what any text that reaches it says: derives tokens, calls the tools that are offered.
    Gullible,
    /// Declines as the provider's own filter does: `content_filter`, or Anthropic's `refusal`.
    Refusal,
    /// Calls a tool, whether offered or not.
    ToolCall {
        /// The tool's name; the first one offered when absent.
        #[serde(default)]
        name: Option<String>,
        /// Its arguments; a string is sent as it stands.
        #[serde(default)]
        arguments: serde_json::Value,
    },
}

/// Where a stream tells the usage that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamUsage {
    /// In a chunk of its own, without choices, as the provider documents it.
    #[default]
    Own,
    /// Nowhere, though it was asked for.
    Absent,
    /// In the chunk that holds the reason to stop, beside its choice.
    WithWords,
}

/// Usage as reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// All input tokens, cached ones included.
    pub input: u64,
    /// All output tokens, reasoning ones included.
    pub output: u64,
    /// Of the input, those read from a cache.
    #[serde(default)]
    pub cached: u64,
    /// Of the output, those of reasoning.
    #[serde(default)]
    pub reasoning: u64,
}

/// The speed of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// Pieces of text per second; more than 0, at most 100,000.
    pub tokens_per_second: f64,
    /// From the headers to the first piece.
    #[serde(default)]
    pub first_token_ms: u64,
}

/// The time from the whole request to the status line.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Latency {
    /// Always the same.
    Constant {
        /// Milliseconds.
        ms: u64,
    },
    /// Log-normal, by the seed and the request's number: what real models look like.
    Lognormal {
        /// Half are faster.
        median_ms: u64,
        /// 95 of 100 are faster; at least the median.
        p95_ms: u64,
    },
}

/// The providers of a lab at its start, as `golive lab --script FILE` reads them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// By name.
    #[serde(default)]
    pub providers: BTreeMap<String, ScenarioProvider>,
}

/// One provider of a [`Scenario`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioProvider {
    /// A port of its own, so that its listener can refuse and hang.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// What it does.
    #[serde(default)]
    pub script: Script,
}

/// A script that cannot be used.
#[derive(Debug, Error)]
pub enum ScriptError {
    /// The file is not there, or not readable.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not JSON, or not a script.
    #[error("not a script of the lab: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A value out of its range.
    #[error("{place}: {what}")]
    OutOfRange {
        /// Where, as a path of keys.
        place: String,
        /// What is wrong and what to write.
        what: &'static str,
    },
}

impl Scenario {
    /// Reads a scenario from a JSON file and checks it.
    pub fn load(path: &Path) -> Result<Self, ScriptError> {
        let text = std::fs::read(path).map_err(|source| ScriptError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Reads a scenario from JSON and checks it.
    pub fn parse(json: &[u8]) -> Result<Self, ScriptError> {
        let scenario: Scenario = serde_json::from_slice(json)?;
        for provider in scenario.providers.values() {
            provider.script.check()?;
        }
        Ok(scenario)
    }
}

impl Script {
    /// Reads a script from JSON and checks it.
    pub fn parse(json: &[u8]) -> Result<Self, ScriptError> {
        let script: Script = serde_json::from_slice(json)?;
        script.check()?;
        Ok(script)
    }

    /// Reads a list of rules from JSON and checks them.
    pub fn parse_rules(json: &[u8]) -> Result<Vec<Rule>, ScriptError> {
        let script = Script {
            rules: serde_json::from_slice(json)?,
            ..Script::default()
        };
        script.check()?;
        Ok(script.rules)
    }

    /// A script of one fault for every request.
    pub fn always(fault: Fault) -> Self {
        Script {
            rules: vec![Rule {
                fault: Some(fault),
                ..Rule::default()
            }],
            ..Script::default()
        }
    }

    /// A script of one fault for the first `times` requests.
    pub fn first(times: u64, fault: Fault) -> Self {
        let rule = Rule {
            fault: Some(fault),
            times: Some(times),
            ..Rule::default()
        };
        Script {
            rules: vec![rule],
            ..Script::default()
        }
    }

    /// A script without rules.
    pub fn behaving(behaviour: Behaviour) -> Self {
        Script {
            behaviour,
            ..Script::default()
        }
    }

    /// Whether every value is within the range that its field documents.
    pub fn check(&self) -> Result<(), ScriptError> {
        self.behaviour.check("behaviour")?;
        if self.rules.len() > RULES_MAX {
            return Err(out_of_range("rules", "a script holds at most 1000 rules"));
        }
        let unspeakable = |page: &PageFile| {
            let named = page.content_type.as_deref().map(http::HeaderValue::from_str);
            named.is_some_and(|value| value.is_err())
        };
        if self.pages.values().any(unspeakable) {
            return Err(out_of_range("pages", "a content_type is a header's value"));
        }
        for (n, rule) in self.rules.iter().enumerate() {
            let place = format!("rules[{n}]");
            if rule.fault.is_none() && rule.behaviour.is_none() {
                return Err(out_of_range(&place, "write a `fault` or a `behaviour`"));
            }
            if rule.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
                return Err(out_of_range(&place, "a probability lies between 0.0 and 1.0"));
            }
            if let Some(fault) = &rule.fault {
                fault
                    .check()
                    .map_err(|_| out_of_range(&place, "a value of the fault is out of range"))?;
            }
            if let Some(behaviour) = &rule.behaviour {
                behaviour.check(&place)?;
            }
        }
        Ok(())
    }
}

impl Behaviour {
    /// This behaviour, with what it leaves out taken from `base`.
    pub(crate) fn over(&self, base: &Behaviour) -> Behaviour {
        Behaviour {
            brain: self.brain.clone().or_else(|| base.brain.clone()),
            usage: self.usage.or(base.usage),
            stream_usage: self.stream_usage.or(base.stream_usage),
            pace: self.pace.or(base.pace),
            latency: self.latency.or(base.latency),
            chunk_bytes: self.chunk_bytes.or(base.chunk_bytes),
            cut_at: self.cut_at.clone().or_else(|| base.cut_at.clone()),
            confidence: self.confidence.clone().or_else(|| base.confidence.clone()),
        }
    }

    /// Reads the text after `brain-` in a model's name: `echo`, `gullible`, `canned`, `refusal`, `tool-call`,
    /// `usage-absent`, `usage-with-words`, `tokens-IN-OUT`, `paced-PER_SECOND[-FIRST_MS]`, `latency-MS`, `lognormal-MEDIAN-P95`, joined by `+`.
    pub(crate) fn from_name(text: &str) -> Option<Behaviour> {
        let mut behaviour = Behaviour::default();
        for part in text.split('+') {
            let (name, arguments) = match part.find(|c: char| c.is_ascii_digit()) {
                Some(at) => (part[..at].strip_suffix('-')?, &part[at..]),
                None => (part, ""),
            };
            let numbers: Vec<u64> = arguments
                .split('-')
                .filter(|n| !n.is_empty())
                .map(str::parse)
                .collect::<Result<_, _>>()
                .ok()?;
            match (name, numbers.as_slice()) {
                ("canned", []) => behaviour.brain = Some(Brain::Canned),
                ("echo", []) => behaviour.brain = Some(Brain::Echo),
                ("usage-absent", []) => behaviour.stream_usage = Some(StreamUsage::Absent),
                ("usage-with-words", []) => behaviour.stream_usage = Some(StreamUsage::WithWords),
                ("refusal", []) => behaviour.brain = Some(Brain::Refusal),
                ("gullible", []) => behaviour.brain = Some(Brain::Gullible),
                ("tool-call", []) => {
                    behaviour.brain = Some(Brain::ToolCall {
                        name: None,
                        arguments: serde_json::Value::Null,
                    });
                }
                ("tokens", [input, output]) => {
                    behaviour.usage = Some(Usage {
                        input: *input,
                        output: *output,
                        cached: 0,
                        reasoning: 0,
                    });
                }
                ("paced", [rate, first @ ..]) if first.len() < 2 => {
                    let first_token_ms = first.first().copied().unwrap_or(0);
                    behaviour.pace = Some(Pace {
                        tokens_per_second: *rate as f64,
                        first_token_ms,
                    });
                }
                ("latency", [ms]) => behaviour.latency = Some(Latency::Constant { ms: *ms }),
                ("lognormal", [median_ms, p95_ms]) => {
                    behaviour.latency = Some(Latency::Lognormal {
                        median_ms: *median_ms,
                        p95_ms: *p95_ms,
                    });
                }
                _ => return None,
            }
        }
        behaviour.check("model").is_ok().then_some(behaviour)
    }

    fn check(&self, place: &str) -> Result<(), ScriptError> {
        if let Some(usage) = self.usage {
            if usage.output > OUTPUT_TOKENS_MAX {
                return Err(out_of_range(place, "usage.output is at most 1000000 tokens"));
            }
            if usage.cached > usage.input || usage.reasoning > usage.output {
                return Err(out_of_range(
                    place,
                    "cached tokens are part of the input, reasoning of the output",
                ));
            }
        }
        if let Some(pace) = self.pace
            && !(pace.tokens_per_second > 0.0 && pace.tokens_per_second <= 100_000.0)
        {
            return Err(out_of_range(
                place,
                "tokens_per_second is more than 0 and at most 100000",
            ));
        }
        if let Some(Latency::Lognormal { median_ms, p95_ms }) = self.latency
            && (median_ms == 0 || p95_ms < median_ms)
        {
            return Err(out_of_range(
                place,
                "a median of at least 1 ms, and a p95 not below it",
            ));
        }
        if let Some(confidence) = &self.confidence {
            let header = confidence.header.as_deref().map(str::as_bytes);
            let speakable = header.is_none_or(|name| http::HeaderName::from_bytes(name).is_ok())
                && http::HeaderValue::from_str(&confidence.value).is_ok();
            if !speakable {
                return Err(out_of_range(place, "a confidence that a header can carry"));
            }
            if confidence.pointer.as_ref().is_some_and(|at| !at.starts_with('/')) {
                return Err(out_of_range(place, "confidence.pointer begins with `/`"));
            }
        }
        if self.cut_at.as_ref().is_some_and(|at| !at.is_sorted()) {
            return Err(out_of_range(place, "cut_at is in ascending order"));
        }
        if self.chunk_bytes == Some(0) {
            return Err(out_of_range(place, "chunk_bytes is at least 1"));
        }
        Ok(())
    }
}

/// More than any proof writes; a bound, since each request walks the list.
const RULES_MAX: usize = 1000;
/// Bounds the text that a fixed usage is drawn out to.
const OUTPUT_TOKENS_MAX: u64 = 1_000_000;

fn out_of_range(place: &str, what: &'static str) -> ScriptError {
    ScriptError::OutOfRange {
        place: place.to_owned(),
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_from_json_with_short_and_long_faults() {
        let script = Script::parse(
            br#"{"behaviour":{"brain":{"reply":"hi"},"latency":{"constant":{"ms":5}}},
                "rules":[{"match":{"model":"gpt-*"},"times":5,"fault":"status-503"},
                         {"skip":1,"probability":0.5,"fault":{"kind":"stall","after_chunks":2,"for_ms":10}},
                         {"match":{"contains":"pay"},"behaviour":{"brain":{"tool-call":{"name":"pay","arguments":{"n":1}}}}}]}"#,
        )
        .unwrap();
        assert_eq!(script.rules[0].fault, Some(Fault::status(503)));
        assert_eq!(
            script.rules[1].fault,
            Some(Fault::Stall {
                after_chunks: 2,
                for_ms: Some(10)
            })
        );
        let json = serde_json::to_vec(&script).unwrap();
        assert_eq!(Script::parse(&json).unwrap(), script);
    }

    #[test]
    fn a_rule_that_does_nothing_and_values_out_of_range_are_refused_with_their_place() {
        for json in [
            r#"{"rules":[{"times":1}]}"#,
            r#"{"rules":[{"fault":"reset","probability":1.5}]}"#,
            r#"{"behaviour":{"pace":{"tokens_per_second":0}}}"#,
            r#"{"behaviour":{"usage":{"input":1,"output":2,"cached":5}}}"#,
            r#"{"behaviour":{"latency":{"lognormal":{"median_ms":100,"p95_ms":50}}}}"#,
            r#"{"rule":[]}"#,
        ] {
            assert!(Script::parse(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn the_name_of_a_model_can_carry_its_behaviour() {
        let named = Behaviour::from_name("echo+tokens-100-20+lognormal-50-200+paced-40-250").unwrap();
        assert_eq!(named.brain, Some(Brain::Echo));
        assert_eq!(
            named.usage,
            Some(Usage {
                input: 100,
                output: 20,
                cached: 0,
                reasoning: 0
            })
        );
        assert_eq!(
            named.latency,
            Some(Latency::Lognormal {
                median_ms: 50,
                p95_ms: 200
            })
        );
        assert_eq!(
            named.pace,
            Some(Pace {
                tokens_per_second: 40.0,
                first_token_ms: 250
            })
        );
        for wrong in ["", "ech", "tokens-1", "paced-0", "lognormal-9-3", "echo-1"] {
            assert_eq!(Behaviour::from_name(wrong), None, "{wrong}");
        }
    }
}
