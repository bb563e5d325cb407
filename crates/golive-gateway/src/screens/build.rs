//! S3, S4, S8: from a configuration to screens: patterns, kinds and schemas are compiled once, when it is loaded.
//!
//! Never: takes a part of a screen; either all of it is good or the configuration is refused.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use golive_config::{Callee, Config, CustomKind, ExternalScreen, MediaSection, PiiAction, Screening};
use golive_screen::injection::Injection;
use golive_screen::pii::{self, CustomKindError, Detector, Kind, Options, OptionsError};
use golive_screen::redact::{Action, Policy};
use golive_screen::validate::deny::{DenyList, Rule};
use golive_screen::validate::media;
use golive_screen::validate::schema::Schema;
use golive_screen::validate::url;

use super::external::External;
use super::guarded::OwnWords;
use super::inline::Fetcher;
use super::input::Hosts;
use super::{OwnPrompt, Screens, acts};

/// Why screens cannot be put to work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}`{whose}.{key}`: {why}", at_line(*line))]
pub struct ScreenError {
    /// The line of the file where it stands, where that is known, from 1.
    pub line: Option<usize>,
    /// `agents.support`.
    pub whose: String,
    /// The key that is wrong.
    pub key: &'static str,
    /// What is wrong with it.
    pub why: String,
}

fn at_line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}: "))
}

/// What models read. No archive: nobody here looks into one.
const MEDIA: [media::Type; 11] = [
    media::Type::Png,
    media::Type::Jpeg,
    media::Type::Gif,
    media::Type::Webp,
    media::Type::Pdf,
    media::Type::Wav,
    media::Type::Mp3,
    media::Type::Flac,
    media::Type::Ogg,
    media::Type::Mp4,
    media::Type::Text,
];

/// What all screens of a process share.
static INJECTION: LazyLock<Arc<Injection>> = LazyLock::new(|| Arc::new(Injection::new()));

/// What all screens of one configuration share.
#[derive(Debug)]
pub struct Machines {
    /// Detectors by the values that they let through.
    detectors: Vec<(Vec<String>, Arc<Detector>)>,
    /// The key of tokens that stand for values.
    token_key: [u8; 16],
    /// The screens outside of golive that somebody uses, by name: their health and their breaks are one for all.
    external: BTreeMap<String, Arc<External>>,
    /// Fetches what requests name; made when the first one asks for it.
    fetcher: Option<Arc<Fetcher>>,
    media: MediaSection,
    /// Those of the generation before.
    before: BTreeMap<String, Arc<External>>,
}

impl Machines {
    /// With this key for the tokens that stand for values, and these rules for what is fetched.
    #[must_use]
    pub fn new(token_key: [u8; 16], media: &MediaSection) -> Self {
        Self {
            detectors: Vec::new(),
            token_key,
            external: BTreeMap::new(),
            fetcher: None,
            media: media.clone(),
            before: BTreeMap::new(),
        }
    }

    /// Takes over the screens outside of golive that are as they were, with what is known of their health.
    #[must_use]
    pub fn after(mut self, before: &BTreeMap<String, Arc<External>>) -> Self {
        self.before.clone_from(before);
        self
    }

    /// The screens outside of golive that somebody uses.
    #[must_use]
    pub fn into_external(self) -> BTreeMap<String, Arc<External>> {
        self.external
    }

    fn fetcher(&mut self) -> Result<Arc<Fetcher>, ScreenError> {
        if let Some(fetcher) = &self.fetcher {
            return Ok(Arc::clone(fetcher));
        }
        let fetcher = Fetcher::new(&self.media).map_err(|why| ScreenError {
            line: None,
            whose: "media".to_owned(),
            key: "ca_file",
            why,
        })?;
        Ok(Arc::clone(self.fetcher.insert(Arc::new(fetcher))))
    }

    fn external(&mut self, settings: &Arc<ExternalScreen>) -> Result<Arc<External>, ScreenError> {
        let name = &settings.name;
        if let Some(known) = self.external.get(name) {
            return Ok(Arc::clone(known));
        }
        let external = match self.before.get(name).filter(|one| one.is_of(settings)) {
            Some(kept) => Arc::clone(kept),
            None => Arc::new(External::new(settings).map_err(|why| ScreenError {
                line: None,
                whose: format!("screens.{name}"),
                key: "url",
                why,
            })?),
        };
        self.external.insert(name.clone(), Arc::clone(&external));
        Ok(external)
    }

    /// All kinds of the operator's own are the same for every agent and model of a configuration.
    fn detector(&mut self, allow: &[String], kinds: &[CustomKind]) -> Result<Arc<Detector>, OptionsError> {
        if let Some((_, known)) = self.detectors.iter().find(|(values, _)| values == allow) {
            return Ok(Arc::clone(known));
        }
        let options = Options {
            allow: allow.to_vec(),
            custom: kinds.iter().map(custom).collect(),
            ..Options::default()
        };
        let detector = Arc::new(Detector::new(&options)?);
        self.detectors.push((allow.to_vec(), Arc::clone(&detector)));
        Ok(detector)
    }

    /// The screens of one agent or model.
    ///
    /// # Errors
    /// What in its configuration cannot be put to work.
    pub fn screens(&mut self, callee: &Callee) -> Result<Screens, ScreenError> {
        let settings = callee.screening.clone();
        let wrong = |key: &'static str, why: String| ScreenError {
            line: None,
            whose: format!("{}s.{}", callee.kind.as_str(), callee.name),
            key,
            why,
        };
        let policy = |default: PiiAction| self.policy(default, &settings);
        let answers = Arc::new(policy(settings.pii).map_err(|why| wrong("screening.pii_kinds", why))?);
        let requests = Arc::new(policy(settings.pii_input).map_err(|why| wrong("screening.pii_kinds", why))?);
        let deny = match settings.deny.as_slice() {
            [] => None,
            patterns => {
                let rules = patterns.iter().enumerate().map(|(number, pattern)| Rule {
                    name: format!("{}", number + 1),
                    pattern: pattern.clone(),
                });
                let rules: Vec<Rule> = rules.collect();
                Some(DenyList::new(&rules).map_err(|error| wrong("screening.deny", error.to_string()))?)
            }
        };
        let schema = match &callee.input_schema {
            None => None,
            Some(file) => {
                let schema = serde_json::from_str(&file.text)
                    .map_err(|error| format!("{} is no JSON: {error}", file.path.display()))
                    .and_then(|value: serde_json::Value| {
                        Schema::new(&value).map_err(|error| format!("{}: {error}", file.path.display()))
                    });
                Some(schema.map_err(|why| wrong("input_schema_file", why))?)
            }
        };
        let hosts = hosts(&settings.media_hosts).map_err(|why| wrong("screening.media_hosts", why))?;
        let own_prompt = callee.system_prompt.as_ref().map(|file| OwnPrompt {
            text: file.text.trim_end().to_owned(),
            words: Arc::new(OwnWords::of(&file.text)),
        });
        let detector = self
            .detector(&settings.pii_values, &settings.kinds)
            .map_err(|why| match &why {
                OptionsError::Custom(bad) => bad_kind(&settings.kinds, bad),
                _ => wrong("screening.pii_values", why.to_string()),
            })?;
        let external = settings.external.iter().map(|screen| self.external(screen));
        let external = external.collect::<Result<_, _>>()?;
        let fetcher = settings.media_inline.then(|| self.fetcher()).transpose()?;
        let customs = u8::try_from(settings.kinds.len()).unwrap_or(u8::MAX);
        Ok(Screens {
            injection: Arc::clone(&INJECTION),
            detector,
            answers: (Arc::clone(&answers), acts(&answers, customs)),
            requests: (Arc::clone(&requests), acts(&requests, customs)),
            deny,
            schema,
            hosts,
            media: media::Rules {
                types: MEDIA.to_vec(),
                ..media::Rules::default()
            },
            own_prompt,
            external,
            fetcher,
            settings,
        })
    }

    fn policy(&self, default: PiiAction, settings: &Screening) -> Result<Policy, String> {
        let mut policy = Policy::new(action(default)).keyed(&self.token_key);
        let named = |name: &str| {
            let place = settings.kinds.iter().position(|kind| kind.name == name)?;
            u8::try_from(place).ok().map(Kind::Custom)
        };
        for kind in &settings.kinds {
            if let (Some(kind), Some(own)) = (named(&kind.name), kind.action) {
                policy = policy.with(kind, action(own));
            }
        }
        for (name, own) in &settings.pii_kinds {
            let kind = Kind::named(name).or_else(|| named(name)).ok_or_else(|| {
                format!("there is no kind `{name}`; `golive screen --kinds` lists all of them but your own, `[screening.kinds.NAME]`")
            })?;
            policy = policy.with(kind, action(*own));
        }
        Ok(policy)
    }
}

/// Whether all screens of a configuration can be put to work.
///
/// # Errors
/// The first that cannot.
pub fn check(config: &Config) -> Result<(), ScreenError> {
    let mut machines = Machines::new([0; 16], &config.media);
    for callee in config.callees() {
        machines.screens(callee)?;
    }
    Ok(())
}

/// A kind as the detector knows it.
fn custom(kind: &CustomKind) -> pii::CustomKind {
    pii::CustomKind {
        name: kind.name.clone(),
        pattern: kind.pattern.clone(),
        checksum: kind.checksum.map(str::to_owned),
        context: kind.context.clone(),
        must_match: kind.examples.clone(),
        must_not_match: kind.counter_examples.clone(),
    }
}

/// What is wrong with a kind of the operator's own, with its place.
fn bad_kind(kinds: &[CustomKind], bad: &CustomKindError) -> ScreenError {
    let kind = bad
        .name()
        .and_then(|name| kinds.iter().find(|kind| kind.name == name));
    let key = match bad {
        CustomKindError::NotFound { .. } => "examples",
        CustomKindError::Found { .. } => "counter_examples",
        CustomKindError::Checksum { .. } => "checksum",
        CustomKindError::Pattern { .. } | CustomKindError::Empty(_) => "pattern",
        CustomKindError::Name(_) | CustomKindError::TooMany(_) => "name",
    };
    ScreenError {
        line: kind.map(|kind| kind.line),
        whose: match kind {
            Some(kind) => format!("screening.kinds.{}", kind.name),
            None => "screening.kinds".to_owned(),
        },
        key,
        why: bad.to_string(),
    }
}

fn hosts(written: &[String]) -> Result<Hosts, String> {
    if written.iter().any(|host| host == "*") {
        return Ok(Hosts::Any);
    }
    let hosts = written
        .iter()
        .map(|host| url::Host::parse(host).map_err(|error| error.to_string()));
    Ok(Hosts::Only(url::Rules {
        hosts: hosts.collect::<Result<_, _>>()?,
        ..url::Rules::default()
    }))
}

fn action(meant: PiiAction) -> Action {
    match meant {
        PiiAction::Allow => Action::Allow,
        PiiAction::Redact => Action::Redact,
        PiiAction::Mask => Action::Mask,
        PiiAction::Hash => Action::Hash,
        PiiAction::Block => Action::Block,
    }
}
