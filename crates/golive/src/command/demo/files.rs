//! The files of a demo: a configuration with scaled numbers, fresh keys, and a mark that the folder is a demo's.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use golive_store::{ApiKey, SecretString};
use secrecy::ExposeSecret;

use super::{Ports, broken, is_ours, tls};

/// The lab's provider that the gateway calls; it has a port of its own, so that it can refuse and hang.
pub(super) const PROVIDER: &str = "demo";
/// Stands in a folder that a demo may write into again.
pub(super) const MARK: &str = ".golive-demo";
/// The name of the key that the proofs revoke.
pub(super) const REVOCABLE: &str = "revocable";
/// The variable by which the proofs are given that key; it is made anew for each run.
pub(super) const REVOCABLE_KEY: &str = "GOLIVE_DEMO_REVOCABLE_KEY";

/// The variables of the .env with a key of a caller.
const KEYS: [&str; 5] = [
    "GOLIVE_DEMO_USER_KEY",
    "GOLIVE_DEMO_SERVICE_KEY",
    "GOLIVE_DEMO_VIEWER_KEY",
    "GOLIVE_DEMO_ADMIN_KEY",
    broken::PAUPER_KEY,
];

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
    // It may lie in a repository, and holds keys.
    let ignore = dir.join(".gitignore");
    fs::write(&ignore, "*\n").map_err(|e| cannot(&ignore, e))?;
    complete_env(&dir.join(".env"))?;
    tls::write(&dir.join(tls::FOLDER))?;
    let config = dir.join("golive.toml");
    let command = |words: &[&str]| {
        let binary = binary.display().to_string();
        let config = config.display().to_string();
        let tail = ["--quiet", "--config", config.as_str()];
        let words: Vec<&str> = [binary.as_str()]
            .into_iter()
            .chain(words.iter().copied())
            .chain(tail)
            .collect();
        // A list of strings in JSON is one in TOML too.
        serde_json::Value::from(words).to_string()
    };
    let commands = Commands {
        revoke: command(&["keys", "revoke", REVOCABLE]),
        read_back: command(&["explain", "{id}", "--content", "--format", "json"]),
    };
    let repository = repository_of(dir);
    let sample = (broken::SAMPLE_FILE, broken::sample_text());
    let bodies = [broken::GOOD_BODY].into_iter().chain(broken::BAD_BODIES);
    for (name, text) in bodies.map(|(name, text)| (name, text.to_owned())).chain([sample]) {
        let file = dir.join(name);
        fs::write(&file, text).map_err(|e| cannot(&file, e))?;
    }
    let now = jiff::Timestamp::now();
    let today = jiff::ZonedDateTime::now().date().to_string();
    // A team of its own for each run: what an earlier one spent would stand in the store.
    let team = format!("pauper-{}", now.as_second());
    let text =
        config_text(ports, &commands, repository.as_deref()) + &broken::config_text(ports, &team, &today);
    fs::write(&config, text).map_err(|e| cannot(&config, e))
}

/// Writes the keys that the file does not have yet.
fn complete_env(path: &Path) -> Result<(), String> {
    let cannot = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    let there = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(cannot(error)),
    };
    let missing = env_text(&there)?;
    let mut file = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(cannot)?;
    file.write_all(missing.expose_secret().as_bytes()).map_err(cannot)
}

/// The repository around the demo's folder, for the proof that no secret stands in it.
fn repository_of(dir: &Path) -> Option<PathBuf> {
    let dir = fs::canonicalize(dir).ok()?;
    dir.ancestors()
        .find(|folder| folder.join(".git").exists())
        .map(Path::to_owned)
}

/// Commands of the target, as lists in TOML.
struct Commands {
    revoke: String,
    read_back: String,
}

fn env_text(there: &str) -> Result<SecretString, String> {
    let no_randomness = || "the system gave no randomness for the keys".to_owned();
    let lacks = |name: &str| !there.lines().any(|line| line.split('=').next() == Some(name));
    let mut text = String::new();
    if lacks("GOLIVE_MASTER_KEY") {
        let key = golive_config::fresh_master_key().map_err(|_| no_randomness())?;
        text.push_str(&format!("GOLIVE_MASTER_KEY={}\n", key.expose_secret()));
    }
    if lacks(broken::DESK_SECRET) {
        // As random as a key, and no key of golive's: a shared secret of any 32 bytes.
        let secret = golive_config::fresh_master_key().map_err(|_| no_randomness())?;
        text.push_str(&format!("{}={}\n", broken::DESK_SECRET, secret.expose_secret()));
    }
    for name in KEYS.into_iter().filter(|name| lacks(name)) {
        let (key, _) = ApiKey::generate().map_err(|_| no_randomness())?;
        text.push_str(&format!("{name}={}\n", key.expose_secret()));
    }
    Ok(text.into())
}

fn config_text(ports: Ports, commands: &Commands, repository: Option<&Path>) -> String {
    let Ports {
        lab,
        provider,
        gateway,
        probes,
        redirect,
        admin,
    } = ports;
    let Commands { revoke, read_back } = commands;
    let (certificates, client) = (tls::FOLDER, tls::CLIENT);
    let pauper = broken::PAUPER_KEY;
    let open = broken::capabilities();
    let repository = repository.map_or_else(
        || "# repository: this folder stands in none, so S1 looks only at what the target shows".to_owned(),
        |path| {
            format!(
                "repository = {}",
                serde_json::Value::from(path.display().to_string())
            )
        },
    );
    format!(
        r#"# Written by `golive demo`. The numbers are scaled down, so that proofs which would take hours take seconds:
# the report marks every part that was proven by scaled numbers.

[server]
listen = "127.0.0.1:{gateway}"
host = "localhost:{gateway}"
certificate_file = "{certificates}/gateway.pem"
private_key_file = "{certificates}/gateway.key"
redirect_from = "127.0.0.1:{redirect}"
client_ca_file = "{certificates}/ca.pem"
client_certificates = "optional"

[inbound]
failures_free = 100000 # the proofs send hundreds of wrong credentials from one address

[probes]
listen = "127.0.0.1:{probes}"

[admin]
listen = "127.0.0.1:{admin}"

[log]
level = "warn"

[limits]
user = "20/10s"        # the checklist says 100/h
global = "1000/10s"    # the checklist says 10000/h

[screening]
guard_system_messages = true

[upstreams.{PROVIDER}]
kind = "openai"
base_url = "http://127.0.0.1:{provider}/v1"
private_addresses = ["127.0.0.0/8"]

[upstreams.{PROVIDER}.timeouts]
connect = "1s"
first_byte = "2s"      # 30 s by default
idle = "2s"            # 30 s by default
total_request = "12s"  # 2 min by default
total_stream = "8s"    # 10 min by default

# Every proof asks this one, and many make it fail. What is tried again, and when a breaker opens, is proven on models of
# their own, further down.
[agents.support]
chain = ["{PROVIDER}/canned"]
retry.backoff = []
breaker.failures = 1000

[models.small]
chain = ["{PROVIDER}/canned"]

[tools.pay]
roles = ["admin"]

[keys.user]
key_env = "GOLIVE_DEMO_USER_KEY"
roles = ["caller"]

[keys.service]
key_env = "GOLIVE_DEMO_SERVICE_KEY"
roles = ["caller"]
may_assert_users = true

[keys.viewer]
key_env = "GOLIVE_DEMO_VIEWER_KEY"
roles = ["viewer"]

[keys.admin]
key_env = "GOLIVE_DEMO_ADMIN_KEY"
roles = ["admin"]

[issuers.lab]
issuer = "http://127.0.0.1:{lab}/_oidc/default"
audience = ["golive"]
algorithms = ["ES256"]
roles_claim = "roles"
keys_max_age = "2s"    # as the issuer says, by default
private_addresses = ["127.0.0.0/8"]

[certificates.user]
san = ["dns:{client}"]
roles = ["caller"]

[targets.demo]
url = "https://localhost:{gateway}/v1"
ca_file = "{certificates}/ca.pem"
plain_url = "http://localhost:{redirect}"
format = "openai"
model = "support"
staging = true
scaled = true
health_url = "http://127.0.0.1:{probes}/health"
metrics_url = "http://127.0.0.1:{probes}/metrics"
lab_url = "http://127.0.0.1:{lab}"
lab_provider = "{PROVIDER}"
store_files = ["golive.db*", "*.log", "golive-errors.jsonl*"]
{repository}

[targets.demo.credentials]
user.key_env = "GOLIVE_DEMO_USER_KEY"
service.key_env = "GOLIVE_DEMO_SERVICE_KEY"
viewer.key_env = "GOLIVE_DEMO_VIEWER_KEY"
admin.key_env = "GOLIVE_DEMO_ADMIN_KEY"
{REVOCABLE}.key_env = "{REVOCABLE_KEY}"
pauper.key_env = "{pauper}"

[targets.demo.issuer]
audience = "golive"
algorithms = ["ES256"]
learns_within = "5s"
forgets_within = "6s"
roles.caller.subject = "ann"

[targets.demo.certificates]
user = {{ cert_file = "{certificates}/client-user.pem", key_file = "{certificates}/client-user.key" }}
expired = {{ cert_file = "{certificates}/client-expired.pem", key_file = "{certificates}/client-expired.key" }}
wrong_use = {{ cert_file = "{certificates}/client-wrong-use.pem", key_file = "{certificates}/client-wrong-use.key" }}
name_only = {{ cert_file = "{certificates}/client-name-only.pem", key_file = "{certificates}/client-name-only.key" }}

[targets.demo.matrix]
viewer.may = ["admin:GET /admin/policy/matrix"]
user.may = [{open}, "tool:search"]
service.may = [{open}, "tool:search"]
admin.may = [{open}, "tool:search", "tool:pay", "admin:GET /admin/keys", "admin:GET /admin/policy/matrix"]

[targets.demo.access]
admin_url = "http://127.0.0.1:{admin}"
rows_path = "/admin/ledger"

[targets.demo.commands]
revoke = {revoke}
read_back = {read_back}

[targets.demo.declares]
user_limit = "20/10s"
global_limit = "1000/10s"
first_byte = "2s"
idle = "2s"
total_request = "12s"
total_stream = "8s"
expected_rate = "4/s"
health_detect = "10s"

# Scaled in time, too: these seconds stand for a day.
[targets.demo.soak]
duration = "20s"
in_check = "20s"
rate = "20/s"

[targets.demo.memory]
limit = "512 MiB"
"#
    )
}
