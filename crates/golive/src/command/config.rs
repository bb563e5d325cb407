//! `golive config`: what is wrong with the file, its schema, and what it means.

use std::path::Path;

use golive_config::{ProcessEnvironment, reference};
use golive_gateway::policy::Rules;

use crate::cli::{ConfigCommand, Format};
use crate::exit::{self, Exit};
use crate::output;

pub fn run(command: ConfigCommand, path: &Path) -> Exit {
    match command {
        ConfigCommand::Schema => {
            output::json(&reference::schema());
            exit::OK
        }
        ConfigCommand::Check { format } => check(path, format),
        ConfigCommand::Show { format } => match super::load(path) {
            Ok(config) => {
                match format {
                    Format::Json => output::json(&config.show_json()),
                    Format::Text => output::data(config.show_toml().trim_end()),
                }
                exit::OK
            }
            Err(code) => code,
        },
    }
}

fn check(path: &Path, format: Format) -> Exit {
    let loaded = golive_config::load(path, &ProcessEnvironment);
    // The configuration reads the files of policies; only the gateway knows what is good Cedar.
    if let Ok(loaded) = &loaded
        && let Err(error) = Rules::check(&loaded.config)
    {
        match format {
            Format::Json => output::json(&error.to_json()),
            Format::Text => output::error(&error.to_string()),
        }
        return exit::USAGE;
    }
    match (&loaded, format) {
        (Ok(loaded), Format::Json) => output::json(&loaded.warnings.to_json()),
        (Err(error), Format::Json) => output::json(&error.to_json()),
        (Ok(loaded), Format::Text) => {
            if !loaded.warnings.is_empty() {
                output::say(loaded.warnings.render(super::coloured()).trim_end());
            }
            let (agents, models) = (loaded.config.agents.len(), loaded.config.models.len());
            output::data(&format!(
                "{}: good; {agents} agents, {models} models",
                path.display()
            ));
        }
        (Err(error), Format::Text) => output::say(error.render(super::coloured()).trim_end()),
    }
    if loaded.is_ok() { exit::OK } else { exit::USAGE }
}
