//! `golive init`: the first five minutes.

use golive_config::{StarterError, starter, write_starter};
use golive_store::ApiKey;
use serde_json::json;

use crate::cli::{Format, Init};
use crate::exit::{self, Exit};
use crate::output;

pub fn run(args: &Init, quiet: bool) -> Exit {
    let fresh_key = || {
        ApiKey::generate()
            .map(|(text, _)| text)
            .map_err(|_| StarterError::Randomness)
    };
    let written = starter(&args.dir, fresh_key).and_then(|files| {
        write_starter(&args.dir, &files)?;
        Ok(files)
    });
    let files = match written {
        Ok(files) => files,
        Err(error) => {
            output::error(&golive_gateway::upstream::chain_of(&error));
            return exit::FAILED;
        }
    };
    let paths: Vec<String> = files.iter().map(|file| file.path.display().to_string()).collect();
    match args.format {
        Format::Json => output::json(&json!({ "written": paths })),
        Format::Text => {
            for path in &paths {
                output::data(&format!("wrote {path}"));
            }
        }
    }
    if !quiet {
        let config = args.dir.join("golive.toml");
        let with = if args.dir.as_os_str() == "." {
            String::new()
        } else {
            format!(" --config {}", config.display())
        };
        output::say(&format!(
            "\nNext, in two terminals:\n  golive lab             a simulated provider; or put a provider's key into .env\n  golive serve{with}\nand then the curl that `golive serve` prints. To prove it, see the head of {}.",
            args.dir.join("staging.toml").display()
        ));
    }
    exit::OK
}
