//! S1: the files of `golive init`: a `golive.toml` that works at once against the lab, a `staging.toml` that proofs
//! can prove, a `.env` with fresh secrets, and the lines that keep them out of git.
//!
//! Never: overwrites a configuration or a `.env`; puts a secret into anything but the `.env` (0600).

mod text;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use zeroize::Zeroizing;

pub use text::config as starter_config;

/// Variable of the fresh caller key in the starter files.
pub const CALLER_KEY_VARIABLE: &str = "GOLIVE_CALLER_KEY";
/// Variable of the key by which the proofs speak for many users.
pub const PROVER_KEY_VARIABLE: &str = "GOLIVE_PROVER_KEY";
/// Variable of the key under a small budget, which the proofs spend.
pub const PAUPER_KEY_VARIABLE: &str = "GOLIVE_PAUPER_KEY";
/// Variable of the secret that events to the lab's receiver are signed with.
pub const DESK_SECRET_VARIABLE: &str = "GOLIVE_DESK_SECRET";

/// A deployment for the proofs: numbers scaled down in time, and keys of its own.
const STAGING: &str = include_str!("starter/staging.toml");

/// What git must not see.
const IGNORED: &[&str] = &[
    ".env",
    "*.db",
    "*.db-*",
    "*.db.*",
    "*-errors.jsonl*",
    "golive-report/",
];

/// One file of `golive init`.
#[derive(Debug)]
pub struct StarterFile {
    /// Where it goes.
    pub path: PathBuf,
    /// What is written: the whole file, or what is put behind an existing one.
    pub contents: SecretString,
    /// Unix permissions of a new file.
    pub mode: u32,
    /// It is put behind what is there (`.gitignore`); otherwise the file must be new.
    pub append: bool,
}

/// Why the starter files cannot be made.
#[derive(Debug, Error)]
pub enum StarterError {
    /// Something is there that must not be overwritten.
    #[error("{} is already there; it was left as it is. Remove it or use another folder", .0.display())]
    Exists(PathBuf),
    /// The system gave no randomness.
    #[error("the system gave no random bytes for the master key")]
    Randomness,
    /// A file could not be read or written.
    #[error("cannot write {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// What `golive init` will write into `folder`. `fresh_key` makes a caller key (`glv_live_…`).
/// Nothing is written yet; `Exists` if a `golive.toml`, a `staging.toml` or a `.env` is there.
pub fn starter(
    folder: &Path,
    mut fresh_key: impl FnMut() -> Result<SecretString, StarterError>,
) -> Result<Vec<StarterFile>, StarterError> {
    let (config, staging, env, ignore) = (
        folder.join("golive.toml"),
        folder.join("staging.toml"),
        folder.join(".env"),
        folder.join(".gitignore"),
    );
    // A dangling link is there too.
    if let Some(taken) = [&config, &staging, &env]
        .into_iter()
        .find(|path| path.symlink_metadata().is_ok())
    {
        return Err(StarterError::Exists(taken.clone()));
    }
    let mut files = vec![
        StarterFile {
            path: config,
            contents: SecretString::from(text::config()),
            mode: 0o644,
            append: false,
        },
        StarterFile {
            path: staging,
            contents: SecretString::from(STAGING),
            mode: 0o644,
            append: false,
        },
        StarterFile {
            path: env,
            contents: env_text(&fresh_key()?, &fresh_key()?, &fresh_key()?)?,
            mode: 0o600,
            append: false,
        },
    ];
    let there = match std::fs::read_to_string(&ignore) {
        Ok(text) => text,
        Err(why) if why.kind() == ErrorKind::NotFound => String::new(),
        Err(source) => return Err(StarterError::Io { path: ignore, source }),
    };
    let missing: Vec<&str> = IGNORED
        .iter()
        .copied()
        .filter(|line| !there.lines().any(|have| have.trim() == *line))
        .collect();
    if !missing.is_empty() {
        let gap = if there.is_empty() || there.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        let contents = SecretString::from(format!("{gap}{}\n", missing.join("\n")));
        files.push(StarterFile {
            path: ignore,
            contents,
            mode: 0o644,
            append: true,
        });
    }
    Ok(files)
}

/// Writes the files. What is new must still be new: a file that appeared meanwhile is not touched.
pub fn write_starter(folder: &Path, files: &[StarterFile]) -> Result<(), StarterError> {
    let failed = |path: &Path, source: std::io::Error| match source.kind() {
        ErrorKind::AlreadyExists => StarterError::Exists(path.to_owned()),
        _ => StarterError::Io {
            path: path.to_owned(),
            source,
        },
    };
    std::fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
    for file in files {
        let mut options = OpenOptions::new();
        if file.append {
            options.append(true).create(true);
        } else {
            options.write(true).create_new(true);
        }
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, file.mode);
        let mut open = options
            .open(&file.path)
            .map_err(|source| failed(&file.path, source))?;
        let bytes = file.contents.expose_secret().as_bytes();
        open.write_all(bytes)
            .and_then(|()| open.sync_all())
            .map_err(|source| failed(&file.path, source))?;
    }
    Ok(())
}

/// A new master key, as `GOLIVE_MASTER_KEY` holds it: 32 random bytes in base64.
///
/// # Errors
/// [`StarterError::Randomness`] when the system gives none.
pub fn fresh_master_key() -> Result<SecretString, StarterError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut bytes[..]).map_err(|_| StarterError::Randomness)?;
    Ok(SecretString::from(STANDARD.encode(&bytes[..])))
}

fn env_text(
    caller_key: &SecretString,
    prover_key: &SecretString,
    pauper_key: &SecretString,
) -> Result<SecretString, StarterError> {
    let fresh = fresh_master_key()?;
    // As random as a master key, and no key of golive's: a shared secret is any text.
    let desk_secret = fresh_master_key()?;
    let master_key = fresh.expose_secret();
    let text = format!(
        "# Secrets of golive.toml. Never commit this file; keep a copy of the master key where you keep\n\
         # your other keys: without it the sealed parts of the store cannot be read.\n\
         GOLIVE_MASTER_KEY={master_key}\n\
         # The key of your first caller: `Authorization: Bearer …` or `x-api-key: …`.\n\
         {CALLER_KEY_VARIABLE}={}\n\
         # The key by which the proofs of staging.toml speak for many users.\n\
         {PROVER_KEY_VARIABLE}={}\n\
         # The key of staging.toml that has a small budget, and the secret that its events to the lab are signed with.\n\
         {PAUPER_KEY_VARIABLE}={}\n\
         {DESK_SECRET_VARIABLE}={}\n\
         # Providers. Fill in what you use.\n\
         #OPENAI_API_KEY=\n\
         #ANTHROPIC_API_KEY=\n",
        caller_key.expose_secret(),
        prover_key.expose_secret(),
        pauper_key.expose_secret(),
        desk_secret.expose_secret()
    );
    Ok(SecretString::from(text))
}
