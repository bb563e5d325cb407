//! `golive init`: files that work at once.

use golive_config::{CALLER_KEY_VARIABLE, ProcessEnvironment, StarterError, load, starter, write_starter};
use secrecy::SecretString;

use crate::world::{CALLER_KEY, OTHER_KEY, THIRD_KEY};

fn key() -> Result<SecretString, StarterError> {
    Ok(SecretString::from(CALLER_KEY))
}

#[test]
fn the_starter_loads_without_a_providers_key_and_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let files = starter(folder.path(), key).unwrap();
    write_starter(folder.path(), &files).unwrap();
    let loaded = load(&folder.path().join("golive.toml"), &ProcessEnvironment)
        .unwrap_or_else(|error| panic!("{}", error.render(false)));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings.render(false));
    let config = loaded.config;
    assert_eq!(
        config.agents["support"].chain[0].upstream.base_url.to_string(),
        "http://127.0.0.1:9900/v1"
    );
    assert!(config.models.contains_key("small"));
    assert_eq!(
        config.keys["first"].secret_source,
        format!("env {CALLER_KEY_VARIABLE}")
    );
    assert!(config.targets["local"].credentials.contains_key("user"));
}

#[test]
fn the_staging_file_loads_and_lacks_only_the_key_that_a_run_spends() {
    let folder = tempfile::tempdir().unwrap();
    let mut keys = [OTHER_KEY, CALLER_KEY, THIRD_KEY]
        .map(SecretString::from)
        .into_iter();
    let files = starter(folder.path(), || keys.next().ok_or(StarterError::Randomness)).unwrap();
    write_starter(folder.path(), &files).unwrap();
    let loaded = load(&folder.path().join("staging.toml"), &ProcessEnvironment)
        .unwrap_or_else(|error| panic!("{}", error.render(false)));
    let target = &loaded.config.targets["staging"];
    assert!(target.staging && target.scaled);
    assert_eq!(
        target.credentials.keys().map(String::as_str).collect::<Vec<_>>(),
        ["pauper", "service", "user"]
    );
    let missing = target
        .missing_credentials
        .iter()
        .map(|missing| missing.role.as_str());
    assert_eq!(missing.collect::<Vec<_>>(), ["revocable"]);
    let declared = &target.declares;
    assert_eq!(
        (
            Vec::from_iter(declared.user_limit),
            Vec::from_iter(declared.global_limit)
        ),
        (
            loaded.config.limits.user.clone(),
            loaded.config.limits.global.clone()
        ),
        "what is declared is what is enforced"
    );
}

#[test]
fn the_provider_blocks_work_when_they_are_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = starter(folder.path(), key).unwrap();
    let taken_in = golive_config::starter_config()
        .replacen(
            "#[upstreams.openai]\n#kind = \"openai\"\n#api",
            "[upstreams.openai]\nkind = \"openai\"\napi",
            1,
        )
        .replacen(
            "#[upstreams.anthropic]\n#kind = \"anthropic\"\n#api",
            "[upstreams.anthropic]\nkind = \"anthropic\"\napi",
            1,
        )
        .replacen(
            "[agents.support]\nchain = [\"lab/canned\"]",
            "[agents.support]\nchain = [\"openai/gpt-4o\"]",
            1,
        );
    files[0].contents = SecretString::from(taken_in);
    write_starter(folder.path(), &files).unwrap();
    let environment = [("OPENAI_API_KEY", "a"), ("ANTHROPIC_API_KEY", "b")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let loaded = load(
        &folder.path().join("golive.toml"),
        &std::collections::BTreeMap::from(environment),
    )
    .unwrap();
    assert_eq!(loaded.config.upstreams.len(), 3);
}

#[test]
fn the_secrets_are_fresh_and_in_the_env_file_alone() {
    let read = || {
        let folder = tempfile::tempdir().unwrap();
        write_starter(folder.path(), &starter(folder.path(), key).unwrap()).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                std::fs::metadata(folder.path().join(".env"))
                    .unwrap()
                    .permissions()
                    .mode()
                    & 0o777,
                0o600
            );
        }
        let config = std::fs::read_to_string(folder.path().join("golive.toml")).unwrap();
        assert!(!config.contains(CALLER_KEY));
        std::fs::read_to_string(folder.path().join(".env")).unwrap()
    };
    let (one, other) = (read(), read());
    assert!(one.contains(CALLER_KEY));
    assert_ne!(one, other, "each has a master key of its own");
}

#[test]
fn nothing_is_overwritten_and_gitignore_is_only_added_to() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".gitignore"), "target/\n.env").unwrap();
    let files = starter(folder.path(), key).unwrap();
    write_starter(folder.path(), &files).unwrap();
    let ignored = std::fs::read_to_string(folder.path().join(".gitignore")).unwrap();
    assert!(ignored.starts_with("target/\n.env\n"), "{ignored}");
    assert_eq!(ignored.lines().filter(|line| *line == ".env").count(), 1);
    let before = std::fs::read_to_string(folder.path().join(".env")).unwrap();
    assert!(matches!(
        starter(folder.path(), key),
        Err(StarterError::Exists(_))
    ));
    assert!(
        matches!(write_starter(folder.path(), &files), Err(StarterError::Exists(_))),
        "files that appeared meanwhile"
    );
    assert_eq!(
        std::fs::read_to_string(folder.path().join(".env")).unwrap(),
        before
    );
}
