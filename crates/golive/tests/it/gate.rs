//! The world that most tests need: a gateway with one agent or model of each wire format, all played by the lab,
//! and one caller. The header `x-lab-fault` passes through it, so that a request can say what is to go wrong.

use std::ops::{Deref, DerefMut};

use golive_lab::{Lab, LabOptions, Page, Query, State};
use serde_json::Value;
use tempfile::TempDir;

use crate::caller::{Answer, Ask, Http};
use crate::world::{self, PATIENCE, World, eventually};

/// What a test wants different.
#[derive(Default)]
pub struct Setup {
    toml: String,
    environment: Vec<(&'static str, String)>,
    lab: LabOptions,
    folder: Option<TempDir>,
    response_size: Option<&'static str>,
}

/// A [`World`] and its one caller.
pub struct Gate {
    world: World,
    /// The text of the key `main`.
    pub key: String,
    http: Http,
}

/// The wire formats, each with its own route and its own words for an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `POST /v1/chat/completions`.
    OpenAi,
    /// `POST /v1/messages`.
    Anthropic,
    /// `POST /agents/NAME`.
    Agent,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 3] = [Format::OpenAi, Format::Anthropic, Format::Agent];

    /// Its route.
    pub fn path(self) -> &'static str {
        match self {
            Format::OpenAi => "/v1/chat/completions",
            Format::Anthropic => "/v1/messages",
            Format::Agent => "/agents/helper",
        }
    }
}

impl Setup {
    /// Adds sections to the configuration. `{own}` becomes the base URL of the lab's provider `own`.
    pub fn with(mut self, toml: &str) -> Self {
        self.toml.push_str(toml);
        self.toml.push('\n');
        self
    }

    /// Adds a variable to the gateway's environment.
    pub fn env(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Gives the lab a provider `own` with a port of its own, which can refuse and hang.
    pub fn own_port(mut self) -> Self {
        let any = "127.0.0.1:0".parse().expect("an address");
        self.lab.providers.push(("own".into(), any));
        self
    }

    /// Says what the lab's providers do, as `golive lab --script` reads it.
    pub fn script(mut self, json: &str) -> Self {
        self.lab.script = serde_json::from_str(json).expect("a scenario");
        self
    }

    /// Uses a folder that holds files of the test's own.
    pub fn folder(mut self, folder: TempDir) -> Self {
        self.folder = Some(folder);
        self
    }

    /// Bounds what an upstream may answer.
    pub fn response_size(mut self, size: &'static str) -> Self {
        self.response_size = Some(size);
        self
    }

    /// Starts it all.
    pub async fn start(self) -> Gate {
        let key = world::key();
        let (toml, response_size) = (self.toml, self.response_size.unwrap_or("64 MiB"));
        let config = |lab: &Lab| {
            let own = lab.provider_url("own").unwrap_or_default();
            format!(
                "{}\n{}",
                toml.replace("{own}", &own),
                routes(lab, &toml, response_size)
            )
        };
        let mut environment = vec![("MAIN_KEY", key.as_str()), ("LAB_KEY", LAB_KEY)];
        environment.extend(
            self.environment
                .iter()
                .map(|(name, value)| (*name, value.as_str())),
        );
        let folder = self.folder.unwrap_or_else(world::folder);
        let world = World::start_in(folder, self.lab, config, &environment).await;
        Gate {
            world,
            key,
            http: crate::caller::http(),
        }
    }
}

/// What the lab must never see of a caller, and a caller never of the lab.
pub const LAB_KEY: &str = "the-labs-own-secret-key";

/// The sections that all worlds share, but for those that the test wrote itself.
fn routes(lab: &Lab, own: &str, response_size: &str) -> String {
    let lab = lab.url();
    let upstream = |name: &str, base: &str| {
        format!(
            "[upstreams.{name}]\nkind = \"{name}\"\nbase_url = \"{base}\"\nprivate_addresses = [\"127.0.0.0/8\"]\n\
             api_key_env = \"LAB_KEY\"\nforward_headers = [\"x-lab-fault\"]\nresponse_size = \"{response_size}\"\n\n"
        )
    };
    let mut text = [
        upstream("openai", &format!("{lab}/v1")),
        upstream("anthropic", &lab),
        upstream("http", &format!("{lab}/agent")),
        "[models.plain]\nchain = [\"openai/lab-model\"]\n\n".into(),
        "[models.echo]\nchain = [\"openai/brain-echo\"]\n\n".into(),
        "[models.paced]\nchain = [\"openai/brain-paced-5\"]\n\n".into(),
        "[models.claude]\nchain = [\"anthropic/lab-model\"]\n\n".into(),
        "[agents.helper]\nchain = [\"http\"]\non_failure = \"error\"\n\n".into(),
        "[agents.helper.pointers]\ninput = \"/message\"\noutput = \"/reply\"\nstream = \"/delta\"\n\n".into(),
        "[keys.main]\nkey_env = \"MAIN_KEY\"\n\n".into(),
    ]
    .concat();
    // Most tests break something on purpose, many times, and look at one attempt.
    if !own.contains("[retry]") {
        text.push_str("[retry]\nbackoff = []\n");
    }
    if !own.contains("[breaker]") {
        text.push_str("[breaker]\nfailures = 1000\n");
    }
    if !own.contains("[limits]") {
        text.push_str("[limits]\nuser = \"off\"\nglobal = \"off\"\n");
    }
    text
}

impl Deref for Gate {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Gate {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Gate {
    /// A call in this format, by the one caller.
    pub fn call(&self, format: Format) -> Ask {
        Ask::new(&self.http, &self.url, format).key(&self.key)
    }

    /// A chat completion, the format most tests are indifferent about.
    pub fn chat(&self) -> Ask {
        self.call(Format::OpenAi)
    }

    /// A request without a body.
    pub async fn get(&self, path: &str) -> Answer {
        crate::caller::get(&self.http, &format!("{}{path}", self.url), Some(&self.key)).await
    }

    /// `/health`: the status and the body.
    pub async fn health(&self) -> (u16, Value) {
        let answer = self.probe("/health").await;
        (answer.status, answer.json())
    }

    /// A door of the probes.
    pub async fn probe(&self, path: &str) -> Answer {
        crate::caller::get(&self.http, &format!("{}{path}", self.probes), None).await
    }

    /// The value of the one metric that begins with this text; labels included, the last `_total` too.
    pub async fn metric(&self, begins: &str) -> f64 {
        let text = self.probe("/metrics").await.text();
        let line = text.lines().find(|line| line.starts_with(begins));
        line.and_then(|line| line.rsplit(' ').next())
            .and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("no metric {begins} in:\n{text}"))
    }

    /// Waits until a metric has this value.
    pub async fn metric_is(&self, begins: &str, value: f64) {
        let what = format!("{begins} is {value}");
        eventually(&what, async || (self.metric(begins).await == value).then_some(())).await;
    }

    /// What reached the lab that holds this text, once `count` of them have come so far.
    pub async fn arrivals(&self, contains: &str, state: State, count: usize) -> Page {
        let query = Query {
            contains: Some(contains.to_owned()),
            state,
            count,
            wait: PATIENCE,
            ..Query::default()
        };
        let page = self.lab.timeline().wait(&query).await;
        assert!(
            page.arrivals.len() >= count,
            "{} of {count} came",
            page.arrivals.len()
        );
        page
    }

    /// How many requests reached the lab that hold this text.
    pub fn arrived(&self, contains: &str) -> usize {
        let query = Query {
            contains: Some(contains.to_owned()),
            limit: 10_000,
            ..Query::default()
        };
        self.lab.timeline().page(&query).arrivals.len()
    }
}
