//! S1: golive.toml as written, then as meant.
//!
//! [`load`] reads one file, collects **all** its mistakes with their places, and gives a [`Config`]
//! that nobody needs to check again. Every key stands once in [`reference::KEYS`]; the reference page,
//! the JSON Schema and the starter file come from there.
//!
//! Never: opens a socket, keeps a secret where it can be printed, stops at the first mistake.
#![forbid(unsafe_code)]

mod base_url;
mod definition;
mod dot_env;
mod environment;
mod key_text;
mod litellm;
mod load;
mod mask;
mod meant;
mod mistake;
pub mod prices;
pub mod reference;
mod reload;
mod show;
mod show_replies;
mod show_target;
mod starter;
mod units;
mod walk;

pub use base_url::{BaseUrl, NotABaseUrl, Scheme};
pub use golive_resilience::calendar;

pub use environment::{Environment, ProcessEnvironment};
pub use litellm::{Imported, NotYaml, Note as ImportNote, import_litellm};
pub use load::{LoadError, Loaded, LoadedTargets, load, load_targets};
pub use meant::*;
pub use mistake::{Mistake, Mistakes};
pub use reload::{Watch, WatchError, watch};
pub use starter::{
    CALLER_KEY_VARIABLE, StarterError, StarterFile, fresh_master_key, starter, starter_config, write_starter,
};
pub use units::*;
pub use walk::{NotAMasterKey, parse_master_key, read_time_zone, secret_from_file, secret_from_variable};
