//! `golive config`: what is wrong with the file, its schema, and what it means.

use std::path::Path;

use golive_config::{ProcessEnvironment, reference};
use golive_gateway::policy::Rules;

use crate::cli::{ConfigCommand, Format};
use crate::exit::{self, Exit};
use crate::output;

pub async fn run(command: ConfigCommand, path: &Path) -> Exit {
    match command {
        ConfigCommand::Schema => {
            output::json(&reference::schema());
            exit::OK
        }
        ConfigCommand::Check { format } => check(path, format).await,
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

async fn check(path: &Path, format: Format) -> Exit {
    let loaded = golive_config::load(path, &ProcessEnvironment);
    let bad_key = match &loaded {
        // A command that gives no key is as wrong as a variable that is not set: better known now than at the start.
        Ok(loaded) => super::master_key::of(&loaded.config.store).await.err(),
        Err(_) => None,
    };
    // Whether certificate and key belong together is seen by putting them to use, as `serve` will.
    if let Ok(loaded) = &loaded
        && let Err(error) = golive_gateway::tls::Tls::of(
            &loaded.config.server.transport,
            loaded.config.server.client_certificates.as_ref(),
        )
    {
        match format {
            Format::Json => {
                let mut all = loaded.warnings.to_json();
                if let Some(rows) = all["mistakes"].as_array_mut() {
                    rows.push(serde_json::json!({
                        "severity": "error",
                        "code": "unusable_certificate",
                        "message": error.to_string(),
                        "file": path,
                    }));
                }
                output::json(&all);
            }
            Format::Text => output::error(&error.to_string()),
        }
        return exit::USAGE;
    }
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
    if let Ok(loaded) = &loaded
        && let Err(error) = golive_gateway::screens::build::check(&loaded.config)
    {
        match format {
            Format::Json => output::json(&serde_json::json!({"mistakes": [{
                "severity": "error", "code": "bad_screen", "message": error.to_string(), "file": path,
            }]})),
            Format::Text => output::error(&error.to_string()),
        }
        return exit::USAGE;
    }
    match (&loaded, format) {
        (Ok(loaded), Format::Json) => {
            let mut told = loaded.warnings.to_json();
            if let Some(mistakes) = told["mistakes"].as_array_mut() {
                mistakes.extend(loaded.config.escalation_gaps().into_iter().map(|(code, message, help)| {
                    serde_json::json!({
                        "severity": "warning", "code": code, "message": message, "help": help, "file": path,
                    })
                }));
            }
            if let (Some(why), Some(mistakes)) = (&bad_key, told["mistakes"].as_array_mut()) {
                mistakes.push(serde_json::json!({
                    "severity": "error", "code": "bad_master_key", "message": why, "file": path,
                }));
            }
            output::json(&told);
        }
        (Err(error), Format::Json) => output::json(&error.to_json()),
        (Ok(loaded), Format::Text) => {
            if !loaded.warnings.is_empty() {
                output::say(loaded.warnings.render(super::coloured()).trim_end());
            }
            for (_, message, help) in loaded.config.escalation_gaps() {
                output::say(&format!("warning: {message}\n  help: {help}"));
            }
            let (agents, models) = (loaded.config.agents.len(), loaded.config.models.len());
            match &bad_key {
                Some(why) => output::error(&format!("{}: {why}", path.display())),
                None => output::data(&format!(
                    "{}: good; {agents} agents, {models} models",
                    path.display()
                )),
            }
        }
        (Err(error), Format::Text) => output::say(error.render(super::coloured()).trim_end()),
    }
    if loaded.is_ok() && bad_key.is_none() {
        exit::OK
    } else {
        exit::USAGE
    }
}
