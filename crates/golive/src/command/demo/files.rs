//! The files of a demo: a configuration with scaled numbers, fresh keys, and a mark that the folder is a demo's.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use golive_store::{ApiKey, SecretString};
use secrecy::ExposeSecret;

use super::{Ports, is_ours};

/// The lab's provider that the gateway calls; it has a port of its own, so that it can refuse and hang.
pub(super) const PROVIDER: &str = "demo";
/// Stands in a folder that a demo may write into again.
pub(super) const MARK: &str = ".golive-demo";
/// The name of the key that the proofs revoke.
pub(super) const REVOCABLE: &str = "revocable";
/// The variable by which the proofs are given that key; it is made anew for each run.
pub(super) const REVOCABLE_KEY: &str = "GOLIVE_DEMO_REVOCABLE_KEY";

/// The variables of the .env with a key of a caller.
const KEYS: [&str; 2] = ["GOLIVE_DEMO_USER_KEY", "GOLIVE_DEMO_SERVICE_KEY"];

/// Writes them. Keys of an earlier demo in the folder stay: its store is sealed under them.
pub(super) fn write(dir: &Path, ports: Ports, binary: &Path) -> Result<(), String> {
    if !is_ours(dir) {
        return Err(format!(
            "{} holds other files; choose another folder with --dir",
            dir.display()
        ));
    }
    let cannot = |what: &Path, error: std::io::Error| format!("cannot write {}: {error}", what.display());
    fs::create_dir_all(dir).map_err(|e| cannot(dir, e))?;
    let mark = dir.join(MARK);
    fs::write(
        &mark,
        "This folder belongs to `golive demo`; it may be deleted.\n",
    )
    .map_err(|e| cannot(&mark, e))?;
    let env = dir.join(".env");
    if !env.exists() {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&env)
            .map_err(|e| cannot(&env, e))?;
        file.write_all(env_text()?.expose_secret().as_bytes())
            .map_err(|e| cannot(&env, e))?;
    }
    let config = dir.join("golive.toml");
    let revoke = ["keys", "revoke", REVOCABLE, "--quiet", "--config"].map(str::to_owned);
    let mut words = vec![binary.display().to_string()];
    words.extend(revoke);
    words.push(config.display().to_string());
    // A list of strings in JSON is one in TOML too.
    let revoke = serde_json::Value::from(words).to_string();
    let read_back = [
        "explain",
        "{id}",
        "--content",
        "--format",
        "json",
        "--quiet",
        "--config",
    ];
    let mut words = vec![binary.display().to_string()];
    words.extend(read_back.map(str::to_owned));
    words.push(config.display().to_string());
    let read_back = serde_json::Value::from(words).to_string();
    fs::write(&config, config_text(ports, &revoke, &read_back)).map_err(|e| cannot(&config, e))
}

fn env_text() -> Result<SecretString, String> {
    let no_randomness = || "the system gave no randomness for the keys".to_owned();
    let mut text = format!(
        "GOLIVE_MASTER_KEY={}\n",
        golive_config::fresh_master_key()
            .map_err(|_| no_randomness())?
            .expose_secret()
    );
    for name in KEYS {
        let (key, _) = ApiKey::generate().map_err(|_| no_randomness())?;
        text.push_str(&format!("{name}={}\n", key.expose_secret()));
    }
    Ok(text.into())
}

fn config_text(ports: Ports, revoke: &str, read_back: &str) -> String {
    let Ports {
        lab,
        provider,
        gateway,
        probes,
    } = ports;
    format!(
        r#"# Written by `golive demo`. The numbers are scaled down, so that proofs which would take hours take seconds:
# the report marks every part that was proven by scaled numbers.

[server]
listen = "127.0.0.1:{gateway}"

[probes]
listen = "127.0.0.1:{probes}"

[log]
level = "warn"

[limits]
user = "20/10s"        # the checklist says 100/h
global = "1000/10s"    # the checklist says 10000/h

[upstreams.{PROVIDER}]
kind = "openai"
base_url = "http://127.0.0.1:{provider}/v1"
private_addresses = ["127.0.0.0/8"]

[upstreams.{PROVIDER}.timeouts]
connect = "1s"
first_byte = "2s"      # 30 s by default
idle = "2s"            # 30 s by default
total_request = "4s"   # 2 min by default
total_stream = "6s"    # 10 min by default

[agents.support]
chain = ["{PROVIDER}/canned"]

[models.small]
chain = ["{PROVIDER}/canned"]

[keys.user]
key_env = "GOLIVE_DEMO_USER_KEY"
roles = ["caller"]

[keys.service]
key_env = "GOLIVE_DEMO_SERVICE_KEY"
roles = ["caller"]
may_assert_users = true

[targets.demo]
url = "http://127.0.0.1:{gateway}/v1"
format = "openai"
model = "support"
staging = true
scaled = true
health_url = "http://127.0.0.1:{probes}/health"
metrics_url = "http://127.0.0.1:{probes}/metrics"
lab_url = "http://127.0.0.1:{lab}"
lab_provider = "{PROVIDER}"
store_files = ["golive.db*", "*.log"]

[targets.demo.credentials]
user.key_env = "GOLIVE_DEMO_USER_KEY"
service.key_env = "GOLIVE_DEMO_SERVICE_KEY"
{REVOCABLE}.key_env = "{REVOCABLE_KEY}"

[targets.demo.commands]
revoke = {revoke}
read_back = {read_back}

[targets.demo.declares]
user_limit = "20/10s"
global_limit = "1000/10s"
first_byte = "2s"
idle = "2s"
total_request = "4s"
total_stream = "6s"
expected_rate = "4/s"
health_detect = "10s"
"#
    )
}
