//! The commands, one file each, and what several of them share.

mod auth;
mod check;
mod config;
mod cost;
mod demo;
mod errors;
mod explain;
mod import;
mod inbox;
mod init;
mod keys;
mod lab;
mod ledger;
mod master_key;
mod prices;
mod scan;
mod screen;
mod seal;
mod serve;
mod soak;

use std::path::Path;

use clap::CommandFactory;
use golive_config::{Config, Loaded, ProcessEnvironment};
use golive_gateway::socket::{self, Answer, Ask, ClientError};
use golive_store::{Opened, Store, StoreOptions};

use crate::cli::{Cli, Command};
use crate::exit::{self, Exit};
use crate::output;

/// Runs the command that was named.
pub async fn run(cli: Cli) -> Exit {
    let (config, quiet) = (cli.config, cli.quiet);
    match cli.command {
        Command::Demo(args) => demo::run(args, quiet).await,
        Command::Init(args) => init::run(&args, quiet),
        Command::Import(args) => import::run(&args),
        Command::Config(args) => config::run(args, &config).await,
        Command::Serve => serve::run(&config, quiet).await,
        Command::Lab(args) => lab::run(args, quiet).await,
        Command::Check(args) => check::run(*args, &config, quiet).await,
        Command::Soak(args) => soak::run(*args, &config, quiet).await,
        Command::Scan(args) => scan::run(&args, quiet),
        Command::Screen(args) => screen::run(&args),
        Command::Keys(args) => keys::run(args, &config).await,
        Command::Auth(args) => auth::run(args, &config).await,
        Command::Errors(args) => errors::run(&args, &config),
        Command::Inbox(args) => inbox::run(args, &config).await,
        Command::Ledger(args) => ledger::run(args, &config).await,
        Command::Cost(args) => cost::run(args, &config).await,
        Command::Prices(args) => prices::run(args, &config),
        Command::Explain(args) => explain::run(args, &config).await,
        Command::Seal(args) => seal::run(args, &config, quiet).await,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "golive", &mut std::io::stdout());
            exit::OK
        }
        Command::Man => match clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout()) {
            Ok(()) => exit::OK,
            Err(error) => {
                output::error(&format!("cannot print the man page: {error}"));
                exit::FAILED
            }
        },
    }
}

/// Reads the configuration and says what deserves a look; gives the exit code if it cannot be used.
fn load(path: &Path) -> Result<Config, Exit> {
    let loaded = load_quietly(path)?;
    if !loaded.warnings.is_empty() {
        output::say(loaded.warnings.render(coloured()).trim_end());
    }
    Ok(loaded.config)
}

/// The same without the warnings: a command that only asks for rows is not where to hear them.
fn load_quietly(path: &Path) -> Result<Loaded, Exit> {
    match golive_config::load(path, &ProcessEnvironment) {
        Ok(loaded) => Ok(loaded),
        Err(error) => {
            output::say(error.render(coloured()).trim_end());
            Err(exit::USAGE)
        }
    }
}

fn coloured() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}

/// Opens the store that the configuration names.
async fn open_store(config: &Config) -> Result<Opened, String> {
    let section = &config.store;
    let master_key = master_key::of(section).await?;
    let options = StoreOptions {
        path: section.path.clone(),
        durability: match section.durability {
            golive_config::Durability::Process => golive_store::Durability::Process,
            golive_config::Durability::Power => golive_store::Durability::Power,
        },
        master_key,
        spill_size: section.spill_size.0,
        when_full: match section.when_spill_full {
            golive_config::WhenFull::Refuse => golive_store::WhenFull::Refuse,
            golive_config::WhenFull::Unrecorded => golive_store::WhenFull::Unrecorded,
        },
    };
    Store::open(options)
        .await
        .map_err(|error| golive_gateway::upstream::chain_of(&error))
}

/// Asks the gateway that holds the store, or opens the store when none runs.
async fn ask(config: &Path, ask: Ask) -> Result<serde_json::Value, Exit> {
    let config = load_quietly(config)?.config;
    let path = socket::path_of(&config.store.path);
    match socket::Client::connect(&path).await {
        Ok(mut client) => client.ask(&ask).await.map_err(|error| {
            output::error(&error.to_string());
            if matches!(error, ClientError::Refused(_)) {
                exit::FAILED
            } else {
                exit::UNREACHABLE
            }
        }),
        Err(_nobody_listens) => {
            let opened = open_store(&config).await.map_err(|why| {
                output::error(&why);
                exit::FAILED
            })?;
            let answer = socket::handle(ask, &opened.store, &config, None, golive_store::now_us()).await;
            opened.store.close().await;
            match answer {
                Answer::Ok(value) => Ok(value),
                Answer::Error(why) => {
                    output::error(&why);
                    Err(exit::FAILED)
                }
            }
        }
    }
}
