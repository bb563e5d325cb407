//! E4: what LiteLLM's `router_settings` and `litellm_settings` mean here.
//!
//! Never: takes a setting over that golive would not keep.

use super::Note;
use super::write::Model;
use super::yaml::{Node, Value};

/// What of the settings has a meaning here.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) retries: Option<u32>,
    pub(super) timeout_s: Option<f64>,
    /// Failures after which a deployment is left alone, and for how long.
    pub(super) failures: Option<u64>,
    pub(super) open_s: Option<f64>,
    /// Model, then the models it falls back to; with the line.
    fallbacks: Vec<(String, Vec<String>, usize)>,
    default_fallbacks: Vec<String>,
    /// Another name of a model.
    aliases: Vec<(String, String, usize)>,
}

/// What is to be said of a setting.
pub(super) struct Said {
    pub(super) carried: bool,
    pub(super) why: &'static str,
}

const fn left(why: &'static str) -> Said {
    Said { carried: false, why }
}

impl Settings {
    pub(super) fn take(&mut self, section: &str, key: &str, node: &Node) -> Result<(), Said> {
        let number = node.text().and_then(number);
        let needed = number.ok_or(left("this is not a number"));
        match key {
            // The router's own are the nearer ones.
            "num_retries" if section == "router_settings" || self.retries.is_none() => {
                self.retries = Some(needed? as u32);
            }
            "num_retries" => return Err(left("`router_settings.num_retries` holds")),
            "timeout" | "request_timeout" if section == "router_settings" || self.timeout_s.is_none() => {
                self.timeout_s = Some(needed?);
            }
            "timeout" | "request_timeout" => return Err(left("`router_settings.timeout` holds")),
            "allowed_fails" => {
                self.failures = Some(needed? as u64 + 1); // LiteLLM rests it above this number
                return Err(Said {
                    carried: true,
                    why: "golive counts failures in a row, not in a minute",
                });
            }
            "cooldown_time" => self.open_s = Some(needed?),
            "fallbacks" => self.fallbacks.extend(pairs(node)),
            "default_fallbacks" => {
                let names = node.items().iter().filter_map(Node::text);
                self.default_fallbacks.extend(names.map(str::to_owned));
            }
            "model_group_alias" => {
                for (alias, value) in node.members() {
                    let model = value.text().or_else(|| value.get("model").and_then(Node::text));
                    if let Some(model) = model {
                        self.aliases.push((alias.clone(), model.to_owned(), value.line));
                    }
                }
            }
            "drop_params" => {
                return Err(left(
                    "what another format cannot express is refused, told or dropped as the link declares",
                ));
            }
            "context_window_fallbacks" | "content_policy_fallbacks" => {
                return Err(left("a request that a model refuses is not sent to another one"));
            }
            "routing_strategy" | "routing_strategy_args" => {
                return Err(left("links of a chain are tried in their order"));
            }
            key if key.starts_with("redis") || key.starts_with("cache") => {
                return Err(left("golive has no such cache"));
            }
            key if key.contains("callback") => {
                return Err(left(
                    "golive's ledger, metrics and logs take the place of callbacks",
                ));
            }
            _ => return Err(left(super::NO_COUNTERPART)),
        }
        Ok(())
    }

    /// Puts the fallbacks behind each model's own links, and makes the other names.
    pub(super) fn link_up(&self, models: &mut Vec<Model>, notes: &mut Vec<Note>) {
        let own = models.clone();
        let mut missing = |name: &str, line: usize| {
            notes.push(Note {
                line,
                path: name.to_owned(),
                carried: false,
                why: format!("`{name}` is named here and could not be carried over"),
            });
        };
        for (name, others, line) in &self.fallbacks {
            let Some(model) = models.iter_mut().find(|model| model.asked == *name) else {
                missing(name, *line);
                continue;
            };
            for other in others {
                match own.iter().find(|own| own.asked == *other) {
                    Some(other) => model.append(other),
                    None => missing(other, *line),
                }
            }
        }
        for model in models.iter_mut() {
            for other in &self.default_fallbacks {
                if let Some(other) = own
                    .iter()
                    .find(|own| own.asked == *other && own.asked != model.asked)
                {
                    model.append(other);
                }
            }
        }
        for (alias, name, line) in &self.aliases {
            match models.iter().find(|model| model.asked == *name).cloned() {
                Some(model) => models.push(Model {
                    asked: alias.clone(),
                    name: super::write::plain_name(alias),
                    ..model
                }),
                None => missing(name, *line),
            }
        }
    }
}

/// `[{name: [other, other]}, …]`
fn pairs(node: &Node) -> Vec<(String, Vec<String>, usize)> {
    let entries = node.items().iter().flat_map(Node::members);
    entries
        .map(|(name, others)| {
            let names: Vec<String> = match &others.value {
                Value::Scalar(one) => vec![one.clone()],
                Value::List(_) | Value::Map(_) => others
                    .items()
                    .iter()
                    .filter_map(Node::text)
                    .map(str::to_owned)
                    .collect(),
            };
            (name.clone(), names, others.line)
        })
        .collect()
}

/// A number that is not negative.
pub(super) fn number(text: &str) -> Option<f64> {
    let number: f64 = text.replace('_', "").parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

/// What becomes of a key of `general_settings`.
pub(super) fn general(key: &str) -> &'static str {
    match key {
        "master_key" => "golive's keys are its own: `golive keys create`, one for each caller",
        "database_url" | "database_connection_pool_limit" | "store_model_in_db" => {
            "golive keeps its own store; see [store]"
        }
        "max_parallel_requests" | "global_max_parallel_requests" => {
            "set `max_in_flight` at each upstream or model"
        }
        "alerting" | "alerting_threshold" | "alert_types" => "alerts are golive's own",
        "enable_jwt_auth" | "litellm_jwtauth" => "see [auth] for JWTs",
        _ => super::NO_COUNTERPART,
    }
}
