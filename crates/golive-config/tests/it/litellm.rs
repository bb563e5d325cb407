//! E4: a LiteLLM configuration becomes golive's, and no line of it is lost in silence.

use golive_config::{Imported, import_litellm};

use crate::world::World;

const FILE: &str = r#"
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o-eu
      api_base: https://eu.openai.azure.com/
      api_key: "os.environ/AZURE_API_KEY_EU"
      api_version: "2024-02-01"
      rpm: 6
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: made-up-and-not-copied
      rpm: 10
      temperature: 0.2
  - model_name: claude
    litellm_params: &claude
      model: anthropic/claude-x
      timeout: 12.5
      tpm: 100_000
    model_info:
      mode: chat
  - model_name: team/local
    litellm_params:
      model: ollama/llama
      api_base: http://localhost:11434
  - model_name: old
    litellm_params:
      model: bedrock/anthropic.claude-v2
  - model_name: "*"
    litellm_params:
      model: "openai/*"
litellm_settings:
  drop_params: true
  num_retries: 5
  success_callback: ["langfuse"]
router_settings:
  num_retries: 2
  timeout: 30
  allowed_fails: 3
  cooldown_time: 45
  routing_strategy: simple-shuffle
  fallbacks:
    - gpt-4o: ["claude", "old"]
  model_group_alias: {"smart": "claude"}
general_settings:
  master_key: sk-made-up
brand_new: 1
"#;

fn imported(text: &str) -> Imported {
    import_litellm(text).unwrap()
}

fn note<'n>(imported: &'n Imported, path: &str) -> &'n golive_config::ImportNote {
    let found = imported.notes.iter().find(|note| note.path == path);
    found.unwrap_or_else(|| panic!("{path} is not among {:#?}", imported.notes))
}

#[test]
fn a_file_becomes_upstreams_models_chains_retries_and_limits() {
    let toml = imported(FILE).toml;
    let read: toml::Table = toml.parse().unwrap();
    let at = |path: &[&str]| {
        path.iter()
            .fold(&toml::Value::Table(read.clone()), |value, name| &value[*name])
            .clone()
    };
    assert_eq!(
        at(&["retry", "backoff"]).to_string(),
        r#"["1s", "2s"]"#,
        "the router's own number holds"
    );
    assert_eq!(at(&["breaker", "failures"]).as_integer(), Some(4));
    assert_eq!(at(&["breaker", "open"]).as_str(), Some("45s"));
    assert_eq!(
        at(&["upstreams", "azure", "base_url"]).as_str(),
        Some("https://eu.openai.azure.com/openai/v1")
    );
    assert_eq!(
        at(&["upstreams", "azure", "api_key_env"]).as_str(),
        Some("AZURE_API_KEY_EU")
    );
    assert_eq!(
        at(&["upstreams", "azure", "timeouts", "total_request"]).as_str(),
        Some("30s")
    );
    assert_eq!(
        at(&["upstreams", "anthropic", "timeouts", "first_byte"]).as_str(),
        Some("12500ms")
    );
    assert_eq!(
        at(&["upstreams", "ollama", "base_url"]).as_str(),
        Some("http://localhost:11434/v1")
    );
    assert_eq!(
        at(&["models", "gpt-4o", "chain"]).to_string(),
        r#"["azure/gpt-4o-eu", "openai/gpt-4o", "anthropic/claude-x"]"#
    );
    assert_eq!(
        at(&["models", "gpt-4o", "limits", "requests"]).as_str(),
        Some("16/m")
    );
    assert_eq!(
        at(&["models", "claude", "limits", "tokens"]).as_str(),
        Some("100000/m")
    );
    assert_eq!(
        at(&["models", "smart", "chain"]),
        at(&["models", "claude", "chain"])
    );
    assert_eq!(
        at(&["models", "team-local", "chain"]).to_string(),
        r#"["ollama/llama"]"#
    );
}

#[test]
fn no_key_is_copied_and_no_line_is_lost_in_silence() {
    let imported = imported(FILE);
    for secret in ["made-up-and-not-copied", "sk-made-up"] {
        assert!(!imported.toml.contains(secret));
        assert!(imported.notes.iter().all(|note| !note.why.contains(secret)));
    }
    let line = |text: &str| FILE.lines().position(|line| line.contains(text)).unwrap() + 1;
    for (path, text, carried) in [
        ("model_list.0.litellm_params.api_version", "api_version", false),
        ("model_list.1.litellm_params.api_key", "made-up-and-not", true),
        ("model_list.1.litellm_params.temperature", "temperature", false),
        ("model_list.2.model_info.mode", "mode: chat", false),
        ("litellm_settings.drop_params", "drop_params", false),
        ("litellm_settings.success_callback", "success_callback", false),
        ("router_settings.routing_strategy", "routing_strategy", false),
        ("router_settings.allowed_fails", "allowed_fails", true),
        ("general_settings.master_key", "master_key", false),
        ("brand_new", "brand_new", false),
        ("old", "gpt-4o: [", false),
    ] {
        let note = note(&imported, path);
        assert_eq!(
            (note.line, note.carried),
            (line(text), carried),
            "{path}: {}",
            note.why
        );
    }
    assert!(
        note(&imported, "model_list.4.litellm_params.model")
            .why
            .contains("bedrock")
    );
    assert!(note(&imported, "model_list.5").why.contains("wildcards"));
    assert!(
        note(&imported, "model_list.3.model_name")
            .why
            .contains("team-local")
    );
}

#[test]
fn what_comes_out_is_a_configuration_that_loads() {
    let text = "
defaults: &defaults
  api_key: os.environ/OPENAI_API_KEY
  timeout: 20
model_list:
  - model_name: gpt-3.5-turbo
    litellm_params:
      <<: *defaults
      model: gpt-3.5-turbo
      max_parallel_requests: 7
  - model_name: local
    litellm_params: {model: hosted_vllm/llama, api_base: 'http://10.1.2.3:8000/v1'}
";
    let imported = imported(text);
    let world = World::new(&imported.toml).set("OPENAI_API_KEY", "made-up");
    let loaded = world
        .load()
        .unwrap_or_else(|error| panic!("{}\n{}", imported.toml, error.render(false)));
    let model = &loaded.config.models["gpt-3.5-turbo"];
    assert_eq!(model.chain[0].model.as_deref(), Some("gpt-3.5-turbo"));
    assert_eq!(model.chain[0].upstream.timeouts.first_byte.as_secs(), 20);
    assert_eq!(
        loaded.config.models["local"].chain[0].upstream.name,
        "hosted_vllm"
    );
}

#[test]
fn what_is_no_yaml_is_told_with_its_line() {
    let error = import_litellm("a: [1, 2\nb: }").unwrap_err();
    assert!(
        error.line >= 1 && error.to_string().starts_with("line "),
        "{error}"
    );
    assert!(import_litellm("").unwrap().notes.is_empty());
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let refs = vec![format!("*a{}", level - 1); 10].join(",");
        bomb += &format!("a{level}: &a{level} [{refs}]\n");
    }
    assert!(import_litellm(&bomb).unwrap_err().why.contains("too many"));
    let deep = format!("a: {}{}", "[".repeat(200), "]".repeat(200));
    assert!(import_litellm(&deep).is_err());
}
