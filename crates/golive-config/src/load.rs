//! S1: from a path to a checked configuration, or to all that is wrong with it.
//!
//! Never: half a configuration. Either everything holds, or nothing comes out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use thiserror::Error;
use toml::de::DeTable;

use crate::environment::{Environment, Layered};
use crate::meant::{Config, Target};
use crate::mistake::Mistakes;
use crate::walk::{Need, Walk, literal_secrets};
use crate::{dot_env, mask};

/// A configuration is at most this long; thousands of agents fit.
const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What a good file gives.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration as meant.
    pub config: Config,
    /// What deserves a look but stops nothing.
    pub warnings: Mistakes,
}

/// What a good file gives the prover.
#[derive(Debug, Clone)]
pub struct LoadedTargets {
    /// The deployments under proof, by name.
    pub targets: BTreeMap<String, Target>,
    /// What deserves a look but stops nothing.
    pub warnings: Mistakes,
}

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file is not there or cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file, as it was named.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file can be read, and is wrong.
    #[error("{0}")]
    Mistakes(Mistakes),
}

/// Reads `path` for the gateway. Variables are looked up in `environment`, then in the `.env` beside
/// the file. A target's missing credential is a warning.
pub fn load(path: &Path, environment: &dyn Environment) -> Result<Loaded, LoadError> {
    read(path, environment, Need::Gateway).map(|(config, warnings)| Loaded { config, warnings })
}

/// Reads `path` for the prover: the same file and the same rules, but the gateway's own secrets and
/// certificates need not be on this machine.
pub fn load_targets(path: &Path, environment: &dyn Environment) -> Result<LoadedTargets, LoadError> {
    let (config, warnings) = read(path, environment, Need::Prover)?;
    Ok(LoadedTargets {
        targets: config.targets,
        warnings,
    })
}

fn read(path: &Path, environment: &dyn Environment, need: Need) -> Result<(Config, Mistakes), LoadError> {
    let bytes = read_bounded(path).map_err(|source| LoadError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let mut mistakes = Mistakes::default();
    let folder = path.parent().unwrap_or(Path::new(""));
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(why) => return Err(LoadError::Mistakes(not_text(path, &why))),
    };
    let config = meant(path, folder, &text, environment, need, &mut mistakes).0;
    let (errors, warnings) = mistakes.split();
    if errors.is_empty() {
        Ok((config, warnings))
    } else {
        Err(LoadError::Mistakes(errors))
    }
}

/// The walk over `text`, and every key path it asked for.
pub(crate) fn meant(
    path: &Path,
    folder: &Path,
    text: &str,
    environment: &dyn Environment,
    need: Need,
    mistakes: &mut Mistakes,
) -> (Config, BTreeSet<String>) {
    let (tree, errors) = DeTable::parse_recoverable(text);
    let literals = literal_secrets(tree.get_ref());
    let syntax: Vec<Range<usize>> = errors.iter().map(|error| error.span().unwrap_or(0..0)).collect();
    let unparsed = syntax
        .iter()
        .flat_map(|span| mask::behind_secret_words(text, span.start));
    let spans: Vec<Range<usize>> = literals
        .iter()
        .map(|literal| literal.span.clone())
        .chain(unparsed)
        .collect();
    mistakes.add_source(path, mask::mask(text, &spans));
    for literal in literals {
        let message = format!("a secret is written out in `{}`", literal.path);
        mistakes
            .push(path, literal.span, "literal_secret", message)
            .help(literal.help);
    }
    for (error, span) in errors.iter().zip(&syntax) {
        mistakes.push(path, widened(text, span), "syntax", error.message().to_owned());
    }
    let dot_env = dot_env::read(folder, mistakes);
    let environment = Layered {
        first: environment,
        then: &dot_env,
    };
    let mut walk = Walk {
        file: path,
        folder,
        environment: &environment,
        need,
        mistakes,
        asked: BTreeSet::new(),
    };
    let config = walk.config(tree.get_ref());
    let asked = walk.asked;
    if !syntax.is_empty() {
        mistakes.drop_consequences(path, &syntax);
    }
    (config, asked)
}

/// At least one byte, so that there is something to underline.
fn widened(text: &str, span: &Range<usize>) -> Range<usize> {
    if !span.is_empty() {
        return span.clone();
    }
    let start = (0..=span.start.min(text.len().saturating_sub(1)))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let width = text[start..].chars().next().map_or(0, char::len_utf8);
    start..start + width
}

/// The file, unless it is larger than any configuration.
pub(crate) fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(std::io::Error::other("it is larger than 4 MiB"));
    }
    Ok(bytes)
}

fn not_text(path: &Path, why: &std::string::FromUtf8Error) -> Mistakes {
    let good = why.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(&why.as_bytes()[..good]).into_owned();
    let mut mistakes = Mistakes::default();
    mistakes.add_source(path, mask::mask(&text, &[]));
    mistakes
        .push(path, good..good, "not_utf8", "the file is not UTF-8".to_owned())
        .help("save it as UTF-8; TOML knows no other encoding");
    mistakes
}

impl LoadError {
    /// The mistakes, if the file could be read.
    #[must_use]
    pub fn mistakes(&self) -> Option<&Mistakes> {
        match self {
            Self::Mistakes(mistakes) => Some(mistakes),
            Self::Unreadable { .. } => None,
        }
    }

    /// For people: each mistake with its source line, underlined, and its help.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        self.as_mistakes().render(colour)
    }

    /// For programs: see [`Mistakes::to_json`].
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        self.as_mistakes().to_json()
    }

    fn as_mistakes(&self) -> Mistakes {
        match self {
            Self::Mistakes(mistakes) => mistakes.clone(),
            Self::Unreadable { path, source } => {
                let (code, help) = match source.kind() {
                    std::io::ErrorKind::NotFound => (
                        "missing_file",
                        "`golive init` writes a first one; `--config FILE` names another",
                    ),
                    _ => (
                        "unreadable_file",
                        "check that it is a file and that this user may read it",
                    ),
                };
                let mut mistakes = Mistakes::default();
                mistakes
                    .push(
                        path,
                        0..0,
                        code,
                        format!("cannot read the configuration: {source}"),
                    )
                    .help(help);
                mistakes
            }
        }
    }
}
