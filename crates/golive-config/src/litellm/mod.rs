//! E4: a configuration of LiteLLM's proxy as golive's: models, fallbacks, retries, timeouts and limits; and a list of
//! every line that could not be carried over, or means something else here.
//!
//! Never: copies a key or a password, drops a line without naming it, or guesses an address.

mod provider;
mod settings;
mod write;
mod yaml;

pub use yaml::NotYaml;

use settings::Settings;
use write::{Link, Model, Upstream};
use yaml::Node;

/// What came of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The text of a `golive.toml`.
    pub toml: String,
    /// Lines to look at, in the order of the file.
    pub notes: Vec<Note>,
}

/// A line that was not carried over, or not as it was meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// In the file that was read, counted from 1.
    pub line: usize,
    /// The key, from the top of the file: `model_list.0.litellm_params.rpm`.
    pub path: String,
    /// Whether it was carried over, with another meaning.
    pub carried: bool,
    /// What became of it, or what to do.
    pub why: String,
}

/// Reads a `config.yaml`.
///
/// # Errors
/// The text is not YAML.
pub fn import_litellm(text: &str) -> Result<Imported, NotYaml> {
    let root = Node::parse(text)?;
    let mut import = Import::default();
    for (name, node) in root.members() {
        match name.as_str() {
            "model_list" => {
                for (index, item) in node.items().iter().enumerate() {
                    import.deployment(&format!("model_list.{index}"), item);
                }
            }
            "litellm_settings" | "router_settings" => import.settings(name, node),
            "general_settings" => {
                for (key, value) in node.members() {
                    let why = settings::general(key);
                    import.note(value.line, format!("general_settings.{key}"), false, why);
                }
            }
            "environment_variables" => {
                for (key, value) in node.members() {
                    let why = "golive reads its secrets from the environment: set it there, or in `.env`";
                    import.note(value.line, format!("environment_variables.{key}"), false, why);
                }
            }
            name => import.note(node.line, name.to_owned(), false, NO_COUNTERPART),
        }
    }
    Ok(import.finish())
}

const NO_COUNTERPART: &str = "golive has no such setting";

/// What was read so far.
#[derive(Default)]
struct Import {
    upstreams: Vec<Upstream>,
    models: Vec<Model>,
    settings: Settings,
    notes: Vec<Note>,
}

impl Import {
    fn note(&mut self, line: usize, path: String, carried: bool, why: impl Into<String>) {
        self.notes.push(Note {
            line,
            path,
            carried,
            why: why.into(),
        });
    }

    fn deployment(&mut self, at: &str, item: &Node) {
        let params = item.get("litellm_params");
        let named = item.get("model_name").and_then(Node::text);
        let model = params.and_then(|params| params.get("model")).and_then(Node::text);
        for (name, node) in item.members() {
            match name.as_str() {
                "model_name" | "litellm_params" => {}
                "model_info" => {
                    for (key, value) in node.members() {
                        let why = match key.as_str() {
                            "input_cost_per_token" | "output_cost_per_token" => PRICES,
                            _ => NO_COUNTERPART,
                        };
                        self.note(value.line, format!("{at}.model_info.{key}"), false, why);
                    }
                }
                name => self.note(node.line, format!("{at}.{name}"), false, NO_COUNTERPART),
            }
        }
        let (Some(named), Some(params), Some(model)) = (named, params, model) else {
            let why = "a model needs `model_name` and `litellm_params.model`";
            return self.note(item.line, at.to_owned(), false, why);
        };
        if named.contains('*') || model.contains('*') {
            let why = "golive has no wildcards: name each model that may be asked for";
            return self.note(item.line, at.to_owned(), false, why);
        }
        let Some((provider, model)) = provider::of(model) else {
            let why = format!("`{model}` speaks neither OpenAI's nor Anthropic's format, or is not known");
            return self.note(item.line, format!("{at}.litellm_params.model"), false, why);
        };
        let mut upstream = Upstream::of(provider);
        let mut link = Link::new(model);
        for (key, value) in params.members().iter().filter(|(_, value)| !value.is_null()) {
            let path = format!("{at}.litellm_params.{key}");
            let refused = self.parameter(&path, key, value, &mut upstream, &mut link);
            if refused {
                return;
            }
        }
        if provider.base_url.is_empty()
            && upstream.base_url.is_none()
            && !matches!(provider.name, "openai" | "anthropic")
        {
            let why = format!("`{}` needs an `api_base`", provider.name);
            return self.note(item.line, format!("{at}.litellm_params"), false, why);
        }
        if provider.name == "azure" {
            let why =
                "the deployment is called by Azure's v1 API (`…/openai/v1`); the resource must offer it";
            self.note(params.line, format!("{at}.litellm_params.model"), true, why);
        }
        link.upstream = self.upstream(upstream);
        self.add(at, item.line, named, link);
    }

    /// One key of `litellm_params`. Whether the deployment cannot be carried over.
    fn parameter(
        &mut self,
        path: &str,
        key: &str,
        value: &Node,
        upstream: &mut Upstream,
        link: &mut Link,
    ) -> bool {
        let (line, path) = (value.line, path.to_owned());
        let text = value.text().unwrap_or_default();
        match key {
            "model" => {}
            "api_key" => match text.strip_prefix("os.environ/") {
                Some(variable) => upstream.key = Some(variable.to_owned()),
                None => {
                    let variable = upstream.own_variable();
                    let why = format!("the key itself is not copied: put it into the variable {variable}");
                    upstream.key = Some(variable);
                    self.note(line, path, true, why);
                }
            },
            "api_base" | "base_url" if text.starts_with("os.environ/") => {
                let why = "an address must stand in the file itself; the model is left out";
                self.note(line, path, false, why);
                return true;
            }
            "api_base" | "base_url" => upstream.set_base_url(text),
            "rpm" | "tpm" | "max_parallel_requests" | "timeout" | "stream_timeout" => {
                match settings::number(text) {
                    Some(number) => match key {
                        "rpm" => link.rpm = Some(number as u64),
                        "tpm" => link.tpm = Some(number as u64),
                        "max_parallel_requests" => link.in_flight = Some(number as u64),
                        "timeout" => upstream.timeout_s = Some(number),
                        _ => {
                            let why = "golive has one clock until the first content, plain or streamed: it is `timeout`";
                            self.note(line, path, false, why);
                        }
                    },
                    None => self.note(line, path, false, "this is not a number"),
                }
            }
            "order" => link.order = settings::number(text).map_or(0, |number| number as i64),
            "num_retries" | "max_retries" => match settings::number(text) {
                Some(number) => {
                    link.retries = Some(number as u32);
                    let why = "retries are counted in rounds over the whole chain of the model";
                    self.note(line, path, true, why);
                }
                None => self.note(line, path, false, "this is not a number"),
            },
            "api_version" if upstream.provider == "azure" => {
                self.note(line, path, false, "Azure's v1 API has no versions by date");
            }
            "weight" => self.note(line, path, false, "links of a chain are tried in their order"),
            "input_cost_per_token" | "output_cost_per_token" => self.note(line, path, false, PRICES),
            _ => {
                let why = "golive sends what the caller sends; it has no parameters of its own";
                self.note(line, path, false, why);
            }
        }
        false
    }

    /// The upstream that has all of this, known or new.
    fn upstream(&mut self, upstream: Upstream) -> usize {
        if let Some(known) = self.upstreams.iter().position(|known| known.is_same(&upstream)) {
            return known;
        }
        let number = self
            .upstreams
            .iter()
            .filter(|known| known.provider == upstream.provider)
            .count();
        let name = match number {
            0 => upstream.provider.to_owned(),
            more => format!("{}-{}", upstream.provider, more + 1),
        };
        self.upstreams.push(Upstream { name, ..upstream });
        self.upstreams.len() - 1
    }

    fn add(&mut self, at: &str, line: usize, named: &str, link: Link) {
        if let Some(model) = self.models.iter_mut().find(|model| model.asked == named) {
            model.links.push(link);
            let why = "deployments of one name are links of a chain here, tried in their order";
            return self.note(line, at.to_owned(), true, why);
        }
        let name = write::plain_name(named);
        if name != named {
            let why =
                format!("callers must ask for `{name}`: a name is of letters, digits, `-`, `_` and `.`");
            self.note(line, format!("{at}.model_name"), true, why);
        }
        self.models.push(Model {
            asked: named.to_owned(),
            name,
            links: vec![link],
        });
    }

    fn settings(&mut self, section: &str, node: &Node) {
        for (key, value) in node.members().iter().filter(|(_, value)| !value.is_null()) {
            if let Err(note) = self.settings.take(section, key, value) {
                self.note(value.line, format!("{section}.{key}"), note.carried, note.why);
            }
        }
    }

    fn finish(mut self) -> Imported {
        for model in &mut self.models {
            model.links.sort_by_key(|link| link.order);
        }
        let mut notes = std::mem::take(&mut self.notes);
        self.settings.link_up(&mut self.models, &mut notes);
        let toml = write::toml(&self.upstreams, &self.models, &self.settings, &mut notes);
        notes.sort();
        Imported { toml, notes }
    }
}

const PRICES: &str = "prices stand in golive's own table; override one under [prices.\"upstream/model\"]";
