//! S1: secrets come from a variable or a file, named in the config; never from the config itself.

use std::io::Read;
use std::ops::Range;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use zeroize::{Zeroize, Zeroizing};

use super::literal::is_variable_name;
use super::{Need, Table, Walk};
use crate::environment::Environment;
use crate::mistake::Mistakes;

/// A secret file is at most this long: the longest keys in use are a few KiB.
const SECRET_FILE_BYTES_MAX: u64 = 64 * 1024;
/// AES-256.
const MASTER_KEY_BYTES: usize = 32;

/// What became of a secret.
#[derive(Debug)]
pub(super) enum Found {
    /// Nobody asked for one.
    NotNamed,
    /// It was named but is not there; noted if it matters here. The text says where it was looked for.
    Missing(String),
    /// It is there.
    Here(Secret),
}

#[derive(Debug)]
pub(super) struct Secret {
    pub text: SecretString,
    /// `env NAME` or `file /path`.
    pub source: String,
    /// Where it is named.
    pub span: Range<usize>,
}

/// Whose secret it is: decides what its absence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The gateway cannot start without it; the prover does not look for it.
    Gateway,
    /// The prover leaves unproven what needs it; a warning.
    Target,
}

/// The secret that `by_env` or `by_file` names; `preset` is the variable if neither is there.
pub(super) fn read(
    walk: &mut Walk<'_>,
    table: &Table<'_>,
    [by_env, by_file]: [&str; 2],
    preset: Option<&str>,
    owner: Owner,
) -> Found {
    let variable = table.text(walk, by_env);
    let file = table.text(walk, by_file);
    let unused_here = owner == Owner::Gateway && walk.need == Need::Prover;
    match (variable, file) {
        (Some(_), Some(file)) => {
            let message = format!("`[{}]` has both `{by_env}` and `{by_file}`", table.path);
            walk.mistake(file.span, "two_sources", message)
                .help("keep one of the two");
            Found::Missing(String::new())
        }
        (None, None) if table.has(by_env) || table.has(by_file) => Found::Missing(String::new()), // noted by the reader
        (None, None) if preset.is_none() => Found::NotNamed,
        (None, Some(file)) if unused_here => Found::Missing(format!("file {}", file.value)),
        (variable, None) if unused_here => {
            Found::Missing(variable.map_or_else(String::new, |name| format!("env {}", name.value)))
        }
        (None, Some(file)) => from_file(walk, &file.value, file.span, owner),
        (Some(name), None) => from_variable(walk, &name.value, name.span, owner),
        (None, None) => from_variable(walk, preset.unwrap_or_default(), table.span.clone(), owner),
    }
}

fn from_variable(walk: &mut Walk<'_>, name: &str, span: Range<usize>, owner: Owner) -> Found {
    if !is_variable_name(name) {
        // A name that is more likely a secret was noted by the pass for literals; do not print it here.
        walk.mistake(span, "bad_variable", "this is not the name of a variable".to_owned())
            .help("a name is letters, digits and underscores, as in \"OPENAI_API_KEY\"; the secret itself goes into `.env`");
        return Found::Missing(String::new());
    }
    let source = format!("env {name}");
    let dot_env = walk.folder.join(".env");
    let Some(value) = walk.environment.variable(name).map(Zeroizing::new) else {
        let help = format!("export it, or put {name}=… into {}", dot_env.display());
        absent(
            walk,
            span,
            owner,
            "unset_variable",
            format!("variable `{name}` is not set"),
            help,
        );
        return Found::Missing(source);
    };
    if value.is_empty() {
        let help = format!("give it a value in the environment or in {}", dot_env.display());
        absent(
            walk,
            span,
            owner,
            "empty_secret",
            format!("variable `{name}` is set but empty"),
            help,
        );
        return Found::Missing(source);
    }
    sendable(walk, &value, span, source)
}

fn from_file(walk: &mut Walk<'_>, path: &str, span: Range<usize>, owner: Owner) -> Found {
    let path = walk.join(path);
    let source = format!("file {}", path.display());
    let text = match read_small(&path) {
        Ok(text) => text,
        Err(why) => {
            let help = "check the path and that this user may read it".to_owned();
            absent(
                walk,
                span,
                owner,
                "unreadable_secret",
                format!("cannot read {}: {why}", path.display()),
                help,
            );
            return Found::Missing(source);
        }
    };
    let trimmed = text.trim_end_matches(['\n', '\r']);
    if trimmed.is_empty() {
        let help = "write the secret into it, on one line".to_owned();
        absent(
            walk,
            span,
            owner,
            "empty_secret",
            format!("{} is empty", path.display()),
            help,
        );
        return Found::Missing(source);
    }
    sendable(walk, trimmed, span, source)
}

fn read_small(path: &Path) -> std::io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)?
        .take(SECRET_FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > SECRET_FILE_BYTES_MAX {
        return Err(std::io::Error::other("it is longer than any secret (64 KiB)"));
    }
    Ok(text)
}

/// All secrets here end up in a header or are base64: visible ASCII only.
fn sendable(walk: &mut Walk<'_>, text: &str, span: Range<usize>, source: String) -> Found {
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        walk.mistake(
            span,
            "bad_secret",
            format!("the secret from {source} holds spaces, control or non-ASCII characters"),
        )
        .help("write it on one line, without quotes inside and without spaces around");
        return Found::Missing(source);
    }
    Found::Here(Secret {
        text: SecretString::from(text),
        source,
        span,
    })
}

fn absent(
    walk: &mut Walk<'_>,
    span: Range<usize>,
    owner: Owner,
    code: &'static str,
    message: String,
    help: String,
) {
    let mistake = walk.mistake(span, code, message);
    if owner == Owner::Target {
        mistake
            .help(format!(
                "{help}; without it, what needs this credential stays unproven"
            ))
            .as_warning();
    } else {
        mistake.help(help);
    }
}

/// The master key: 32 bytes in base64, standard or URL-safe, with or without padding.
pub(super) fn master_key(walk: &mut Walk<'_>, secret: &Secret) -> SecretSlice<u8> {
    parse_master_key(secret.text.expose_secret()).unwrap_or_else(|bad| {
        let message = format!("the master key from {} {bad}", secret.source);
        walk.mistake(secret.span.clone(), "bad_master_key", message)
            .help(NotAMasterKey::HELP);
        placeholder()
    })
}

/// Why a text is no master key. Says nothing about the text but its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAMasterKey {
    /// Neither standard nor URL-safe base64.
    #[error("is not base64")]
    NotBase64,
    /// So many bytes, and not 32.
    #[error("is {0} bytes long, not {MASTER_KEY_BYTES}")]
    Length(usize),
}

impl NotAMasterKey {
    /// What to do about it.
    pub const HELP: &'static str = "make a fresh one with `openssl rand -base64 32`, or let `golive init` write it. \
        A store that is already sealed opens only with the key it was sealed with";
}

/// Reads a master key: 32 bytes in base64, standard or URL-safe, with or without padding.
///
/// # Errors
/// See [`NotAMasterKey`].
pub fn parse_master_key(text: &str) -> Result<SecretSlice<u8>, NotAMasterKey> {
    let decoded = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD]
        .into_iter()
        .find_map(|code| code.decode(text).ok());
    match decoded {
        Some(bytes) if bytes.len() == MASTER_KEY_BYTES => Ok(SecretSlice::from(bytes)),
        Some(mut bytes) => {
            let length = bytes.len();
            bytes.zeroize();
            Err(NotAMasterKey::Length(length))
        }
        None => Err(NotAMasterKey::NotBase64),
    }
}

/// A secret that a person names at the command line: from the variable (of the process, else of the `.env` beside
/// `config`).
///
/// # Errors
/// A sentence that says what is wrong, and never what stands there.
pub fn secret_from_variable(
    name: &str,
    config: &Path,
    environment: &dyn Environment,
) -> Result<SecretString, String> {
    let folder = config.parent().unwrap_or(Path::new(""));
    let dot_env = crate::dot_env::read(folder, &mut Mistakes::default());
    let value = environment.variable(name).or_else(|| dot_env.variable(name));
    match value.map(Zeroizing::new) {
        None => Err(format!("variable `{name}` is not set")),
        Some(value) if value.is_empty() => Err(format!("variable `{name}` is set but empty")),
        Some(value) => Ok(SecretString::from(value.as_str())),
    }
}

/// The same from a file: its one line.
///
/// # Errors
/// A sentence that says what is wrong, and never what stands there.
pub fn secret_from_file(path: &Path) -> Result<SecretString, String> {
    let text = read_small(path).map_err(|why| format!("cannot read {}: {why}", path.display()))?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(format!("{} is empty", path.display())),
        line => Ok(SecretString::from(line)),
    }
}

/// Stands in for a master key that is missing or bad; such a config never gets out.
pub(super) fn placeholder() -> SecretSlice<u8> {
    SecretSlice::from(Vec::new())
}
