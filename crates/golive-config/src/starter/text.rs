//! S1: the commented `golive.toml` of `golive init`. What works at once stands first; every other key
//! follows as a comment, printed from the table of keys with its default.

use std::fmt::Write;

use crate::reference::{self, Key, Preset};

/// What works at once: the lab plays the provider.
const WORKING: &str = r#"# golive.toml: the gate before your agents.
#
#   golive lab --listen 127.0.0.1:9900     plays a provider: no key is needed to try
#   golive serve                           the gateway; prints a curl that works
#   golive check --plan                    what proofs would do; staging.toml beside has the target for them
#
# Names that end in _env are variables, of the environment or of the .env beside this file.
# Secrets never stand here. `golive config check` judges this file, `golive config show` prints
# what it means.

# The public listener. Any address but loopback needs TLS.
[server]
listen = "127.0.0.1:8080"

# Requests per sliding window; "off" switches one off.
[limits]
user = "100/h"
global = "10000/h"

# Whom golive calls. This one is the lab.
[upstreams.lab]
kind = "openai"
base_url = "http://127.0.0.1:9900/v1"
private_addresses = ["127.0.0.0/8"]

# OpenAI: put OPENAI_API_KEY into .env and take these three lines in.
#[upstreams.openai]
#kind = "openai"
#api_key_env = "OPENAI_API_KEY"

# Anthropic: put ANTHROPIC_API_KEY into .env and take these three lines in.
#[upstreams.anthropic]
#kind = "anthropic"
#api_key_env = "ANTHROPIC_API_KEY"

# What people talk to: a request's `model` is "support". With OpenAI: chain = ["openai/gpt-4o"];
# with Anthropic: chain = ["anthropic/claude-sonnet-4-5"].
[agents.support]
chain = ["lab/canned"]

# What agents talk to: a request's `model` is "small".
[models.small]
chain = ["lab/canned"]

# Your first caller; its key stands in .env. More: `golive keys create`.
[keys.first]
key_env = "GOLIVE_CALLER_KEY"
roles = ["caller"]

# What `golive check` proves here without doing harm. For the proofs that flood, attack and break there is staging.toml.
[targets.local]
url = "http://127.0.0.1:8080/v1"
model = "support"
health_url = "http://127.0.0.1:8081/health"
metrics_url = "http://127.0.0.1:8081/metrics"
credentials.user.key_env = "GOLIVE_CALLER_KEY"
"#;

const REST: &str = "
# ---------------------------------------------------------------------------------------------
# Everything there is, with what holds when it is left out. The whole story: docs/reference/config.md
";

/// The starter `golive.toml`.
#[must_use]
pub fn config() -> String {
    let mut text = format!("{WORKING}{REST}");
    for section in reference::KEYS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n# {}\n#{}", section.doc, reference::header(section.path));
        for key in section.keys {
            let _ = writeln!(text, "{}", line(key));
        }
    }
    text
}

/// `#drain = "30s"  # How long a shutdown waits for requests and streams in flight.`
fn line(key: &Key) -> String {
    let sentence = key.doc.split_inclusive(". ").next().unwrap_or(key.doc).trim_end();
    let (value, note) = match key.preset {
        Preset::Is(value) => (value, String::new()),
        Preset::Required => (key.example, " (required)".to_owned()),
        Preset::Absent(words) => (key.example, format!(" (left out: {words})")),
    };
    format!("#{} = {value}  # {sentence}{note}", key.name)
}
