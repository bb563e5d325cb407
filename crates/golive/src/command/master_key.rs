//! S7: the master key, from where the configuration says.
//!
//! Never: prints it.

use std::time::Duration;

use golive_config::{MasterKey as Source, NotAMasterKey, StoreSection, parse_master_key};
use golive_store::{MasterKey, run_master_key_command};
use secrecy::ExposeSecret;

/// A vault answers in a second; a start must not hang on one that does not.
const COMMAND_PATIENCE: Duration = Duration::from_secs(10);

/// The key that opens the store. Runs the command, if one knows it.
pub async fn of(store: &StoreSection) -> Result<MasterKey, String> {
    match &store.master_key {
        Source::Given(bytes) => MasterKey::new(bytes.expose_secret()).map_err(|error| error.to_string()),
        Source::Command(words) => {
            let printed = run_master_key_command(words, COMMAND_PATIENCE)
                .await
                .map_err(|error| golive_gateway::upstream::chain_of(&error))?;
            let bytes = parse_master_key(printed.expose_secret()).map_err(|bad| {
                format!(
                    "the master key from {} {bad}: {}",
                    store.master_key_source,
                    NotAMasterKey::HELP
                )
            })?;
            MasterKey::new(bytes.expose_secret()).map_err(|error| error.to_string())
        }
    }
}
