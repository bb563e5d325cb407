//! E4: writes what was read of a LiteLLM file as TOML.
//!
//! Never: writes a secret.

use std::fmt::Write;

use super::Note;
use super::provider::{Provider, private_ranges};
use super::settings::Settings;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Upstream {
    pub(super) name: String,
    pub(super) provider: &'static str,
    pub(super) kind: &'static str,
    pub(super) base_url: Option<String>,
    /// The variable with its key.
    pub(super) key: Option<String>,
    pub(super) timeout_s: Option<f64>,
}

impl Upstream {
    pub(super) fn of(provider: Provider) -> Self {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Upstream {
            name: String::new(),
            provider: provider.name,
            kind: provider.kind,
            base_url: some(provider.base_url),
            key: some(provider.key),
            timeout_s: None,
        }
    }

    /// The address as LiteLLM writes it, with the path that golive expects.
    pub(super) fn set_base_url(&mut self, text: &str) {
        let text = text.trim_end_matches('/');
        let plain = ["/v1/messages", "/chat/completions"]
            .iter()
            .find_map(|end| text.strip_suffix(end))
            .unwrap_or(text);
        let url = match self.provider {
            "anthropic" => plain.trim_end_matches("/v1").to_owned(),
            "azure" if !plain.contains("/openai") => format!("{plain}/openai/v1"),
            "ollama" | "ollama_chat" if !plain.ends_with("/v1") => format!("{plain}/v1"),
            _ => plain.to_owned(),
        };
        self.base_url = Some(url);
    }

    /// A variable for a key that stood in the file.
    pub(super) fn own_variable(&self) -> String {
        format!("{}_API_KEY", self.provider.to_ascii_uppercase())
    }

    pub(super) fn is_same(&self, other: &Upstream) -> bool {
        let unnamed = |upstream: &Upstream| Upstream {
            name: String::new(),
            ..upstream.clone()
        };
        unnamed(self) == unnamed(other)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Link {
    /// The place of its upstream.
    pub(super) upstream: usize,
    model: String,
    pub(super) order: i64,
    pub(super) rpm: Option<u64>,
    pub(super) tpm: Option<u64>,
    pub(super) in_flight: Option<u64>,
    pub(super) retries: Option<u32>,
}

impl Link {
    pub(super) fn new(model: &str) -> Self {
        Link {
            upstream: 0,
            model: model.to_owned(),
            order: 0,
            rpm: None,
            tpm: None,
            in_flight: None,
            retries: None,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    /// As LiteLLM's callers ask for it.
    pub(super) asked: String,
    pub(super) name: String,
    pub(super) links: Vec<Link>,
}

impl Model {
    /// Puts the other's links behind its own; their limits are the other's.
    pub(super) fn append(&mut self, other: &Model) {
        for link in &other.links {
            let known = |own: &Link| own.upstream == link.upstream && own.model == link.model;
            if !self.links.iter().any(known) {
                self.links.push(Link {
                    upstream: link.upstream,
                    ..Link::new(&link.model)
                });
            }
        }
    }

    /// The sum over its links, where every one of its own says a number.
    fn sum(&self, of: impl Fn(&Link) -> Option<u64>) -> Option<u64> {
        let said: Vec<u64> = self.links.iter().filter_map(of).collect();
        (!said.is_empty()).then(|| said.iter().fold(0_u64, |sum, one| sum.saturating_add(*one)))
    }
}

/// A name of golive's: letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit.
pub(super) fn plain_name(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') => c,
            _ => '-',
        })
        .collect();
    let plain = plain.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    plain.chars().take(64).collect()
}

pub(super) fn toml(
    upstreams: &[Upstream],
    models: &[Model],
    settings: &Settings,
    notes: &mut Vec<Note>,
) -> String {
    let mut out = String::from(
        "# Made from a configuration of LiteLLM. Check it with `golive config check`.\n# Callers' keys: `golive keys create`.\n",
    );
    write_resilience(&mut out, settings);
    for upstream in upstreams {
        write_upstream(&mut out, upstream, settings, notes);
    }
    for model in models {
        write_model(&mut out, model, upstreams);
    }
    out
}

/// The longest that golive waits for the first content.
const FIRST_BYTE_MAX_S: f64 = 3600.0;
/// More rounds than this only make a caller wait.
const RETRIES_MAX: u32 = 8;

fn backoff(retries: u32) -> String {
    let waits: Vec<String> = (0..retries.min(RETRIES_MAX))
        .map(|round| format!("\"{}s\"", 1 << round))
        .collect();
    format!("backoff = [{}]\n", waits.join(", "))
}

fn write_resilience(out: &mut String, settings: &Settings) {
    if let Some(retries) = settings.retries {
        *out += "\n[retry]\n";
        *out += &backoff(retries);
    }
    if settings.failures.is_some() || settings.open_s.is_some() {
        *out += "\n[breaker]\n";
        if let Some(failures) = settings.failures {
            line(out, "failures", &failures.max(1).to_string());
        }
        if let Some(open) = settings.open_s.filter(|open| *open > 0.0) {
            line(out, "open", &duration(open));
        }
    }
}

fn write_upstream(out: &mut String, upstream: &Upstream, settings: &Settings, notes: &mut Vec<Note>) {
    let name = quoted_key(&upstream.name);
    let _ = write!(out, "\n[upstreams.{name}]\n"); // into a string: cannot fail
    line(out, "kind", &quoted(upstream.kind));
    if let Some(base_url) = &upstream.base_url {
        line(out, "base_url", &quoted(base_url));
        let ranges = private_ranges(base_url);
        if !ranges.is_empty() {
            let ranges: Vec<String> = ranges.iter().map(|range| quoted(range)).collect();
            line(out, "private_addresses", &format!("[{}]", ranges.join(", ")));
            notes.push(Note {
                line: 0,
                path: format!("upstreams.{}", upstream.name),
                carried: true,
                why: "private addresses must be allowed by range: narrow `private_addresses` to yours"
                    .to_owned(),
            });
        }
    }
    if let Some(key) = &upstream.key {
        line(out, "api_key_env", &quoted(key));
    }
    if let Some(timeout) = upstream
        .timeout_s
        .or(settings.timeout_s)
        .filter(|timeout| *timeout > 0.0)
    {
        let _ = write!(out, "\n[upstreams.{name}.timeouts]\n");
        line(out, "first_byte", &duration(timeout.min(FIRST_BYTE_MAX_S)));
        line(
            out,
            "total_request",
            &duration(timeout.min(24.0 * FIRST_BYTE_MAX_S)),
        );
    }
}

fn write_model(out: &mut String, model: &Model, upstreams: &[Upstream]) {
    let name = quoted_key(&model.name);
    let _ = write!(out, "\n[models.{name}]\n");
    let chain: Vec<String> = model
        .links
        .iter()
        .map(|link| quoted(&format!("{}/{}", upstreams[link.upstream].name, link.model)))
        .collect();
    line(out, "chain", &format!("[{}]", chain.join(", ")));
    if let Some(most) = model.sum(|link| link.in_flight) {
        line(out, "max_in_flight", &most.max(1).to_string());
    }
    let (rpm, tpm) = (model.sum(|link| link.rpm), model.sum(|link| link.tpm));
    if rpm.or(tpm).is_some() {
        let _ = write!(out, "\n[models.{name}.limits]\n");
        for (key, most) in [("requests", rpm), ("tokens", tpm)] {
            if let Some(most) = most {
                line(out, key, &quoted(&format!("{}/m", most.max(1))));
            }
        }
    }
    if let Some(retries) = model.links.iter().filter_map(|link| link.retries).max() {
        let _ = write!(out, "\n[models.{name}.retry]\n");
        *out += &backoff(retries);
    }
}

fn line(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "{key} = {value}");
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn quoted_key(name: &str) -> String {
    let bare = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if bare { name.to_owned() } else { quoted(name) }
}

/// Whole seconds where they are, else milliseconds.
fn duration(seconds: f64) -> String {
    let text = match seconds.fract() == 0.0 {
        true => format!("{seconds:.0}s"),
        false => format!("{:.0}ms", (seconds * 1000.0).max(1.0)),
    };
    quoted(&text)
}
