//! M2, S2, S3, S5, P2: the official SDKs against the real binary, with only the base URL and the key changed.
//!
//! Gateway and prover share the code of the wire formats; the SDKs are the witness that shares nothing. What they do
//! stands in `sdk/*.py`; here is the world they do it in, and what the lab must have seen of it.

use std::path::{Path, PathBuf};

use golive_lab::{Query, State};
use tokio::process::Command;

use crate::world::{self, PATIENCE, World};

/// Above what all other scenarios of one script send together, so that only the one about limits meets it.
const REQUESTS_PER_USER: u32 = 60;

const BODY_SIZE: usize = 64 * 1024;

/// The lab's names for what each model does. The gateway knows only the left side.
const MODELS: &[(&str, &str)] = &[
    ("plain", "lab-model"),
    ("tools", "brain-tool-call"),
    ("endless", "fault-endless-20"),
    ("cut", "fault-cut-6"),
    ("error-event", "fault-error-event-6"),
    ("failing", "fault-status-500"),
    ("unavailable", "fault-status-503"),
    ("overloaded", "fault-status-529"),
    ("html", "fault-html-200"),
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official SDKs: cargo xtask test"]
async fn the_openai_sdk_works_with_only_its_base_url_and_key_changed() {
    run("openai_sdk.py", "openai", "").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official SDKs: cargo xtask test"]
async fn the_anthropic_sdk_works_with_only_its_base_url_and_key_changed() {
    run("anthropic_sdk.py", "anthropic", "claude-").await;
}

/// Runs one script in a world of its own. `kind` is the upstream's format, `prefix` stands before each model's name.
async fn run(script: &str, kind: &str, prefix: &str) {
    let keys = Keys::new();
    let world = World::start(|lab| config(lab, kind, prefix), &keys.for_the_gateway()).await;
    let output = Command::new(python())
        .arg(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/it/sdk")
                .join(script),
        )
        .env_clear() // neither a proxy nor a real provider's key of the person who runs this
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("GOLIVE_URL", &world.url)
        .env("GOLIVE_REQUESTS_PER_USER", REQUESTS_PER_USER.to_string())
        .env("GOLIVE_BODY_SIZE", BODY_SIZE.to_string())
        .envs(keys.for_the_script())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE * 4, output)
        .await
        .expect("the script ends")
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{said}{complained}\n--- the gateway's log ---\n{}",
        world.log()
    );
    print!("{said}");
    the_lab_was_told_that_the_client_left(&world).await;
}

/// The other half of the scenario in which a client leaves a stream that has no end.
async fn the_lab_was_told_that_the_client_left(world: &World) {
    let client = world.lab.client().expect("an address");
    let query = Query {
        contains: Some("fault-endless".into()),
        state: State::ClientGone,
        wait: PATIENCE,
        ..Query::default()
    };
    let page = client.timeline(&query).await.expect("the lab answers");
    assert_eq!(
        page.arrivals.len(),
        1,
        "the call upstream went on after the client had left"
    );
}

fn config(lab: &str, kind: &str, prefix: &str) -> String {
    let base = if kind == "openai" {
        format!("{lab}/v1")
    } else {
        lab.to_string()
    };
    let models: String = MODELS
        .iter()
        .map(|(name, upstream)| format!("[models.{prefix}{name}]\nchain = [\"lab/{upstream}\"]\n\n"))
        .collect();
    format!(
        r#"
[inbound]
body_size = "{} KiB"

[limits]
user = "{REQUESTS_PER_USER}/h"

[upstreams.lab]
kind = "{kind}"
base_url = "{base}"
private_addresses = ["127.0.0.0/8"]
api_key_env = "LAB_KEY"

{models}
[keys.test]
key_env = "TEST_KEY"

[keys.spent]
key_env = "SPENT_KEY"

[keys.narrow]
key_env = "NARROW_KEY"
models = ["{prefix}plain"]
"#,
        BODY_SIZE / 1024
    )
}

/// The callers of a world, and one that it does not know.
struct Keys {
    test: String,
    spent: String,
    narrow: String,
    unknown: String,
}

impl Keys {
    fn new() -> Self {
        Self {
            test: world::key(),
            spent: world::key(),
            narrow: world::key(),
            unknown: world::key(),
        }
    }

    fn for_the_gateway(&self) -> [(&'static str, &str); 4] {
        let lab = "the-lab-takes-any-key";
        [
            ("TEST_KEY", &self.test),
            ("SPENT_KEY", &self.spent),
            ("NARROW_KEY", &self.narrow),
            ("LAB_KEY", lab),
        ]
    }

    fn for_the_script(&self) -> [(&'static str, &str); 4] {
        [
            ("GOLIVE_KEY", &self.test),
            ("GOLIVE_SPENT_KEY", &self.spent),
            ("GOLIVE_NARROW_KEY", &self.narrow),
            ("GOLIVE_UNKNOWN_KEY", &self.unknown),
        ]
    }
}

/// The Python that has the SDKs, as `cargo xtask test` sets it up.
fn python() -> PathBuf {
    std::env::var_os("GOLIVE_TEST_PYTHON").map(PathBuf::from).expect(
        "GOLIVE_TEST_PYTHON names no Python with the official SDKs: `cargo xtask test` makes one and sets it",
    )
}
