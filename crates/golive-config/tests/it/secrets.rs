//! Secrets come from variables and files; a literal one is refused, and shown nowhere.

use std::process::Command;

use secrecy::ExposeSecret;

use crate::world::{CALLER_KEY, MASTER_KEY, OTHER_KEY, ROUTE, World, place_of};

const OPENAI: &str = "[upstreams.openai]\nkind = \"openai\"\napi_key_env = \"OPENAI_API_KEY\"\n[agents.a]\nchain = [\"openai/gpt-4o\"]\n";

#[track_caller]
fn literal(text: &str, secret: &str, help: &str) {
    let world = World::new(&format!("{ROUTE}{text}"));
    let error = world.load().unwrap_err();
    let mistakes = error.mistakes().unwrap();
    let mistake = mistakes
        .iter()
        .find(|mistake| mistake.code == "literal_secret")
        .unwrap_or_else(|| panic!("{mistakes}"));
    let (line, column) = place_of(&format!("{ROUTE}{text}"), secret);
    assert_eq!(mistake.line, line, "{mistake}");
    let quotes = column.saturating_sub(mistake.column);
    assert!(
        mistake.column <= column && matches!(quotes, 0 | 1 | 3),
        "{mistake}"
    );
    assert!(
        mistake.help.as_ref().is_some_and(|said| said.contains(help)),
        "{mistake:?}"
    );
    let shown = format!("{}{}{error}{error:?}", error.render(true), error.to_json());
    assert!(!shown.contains(secret), "{shown}");
}

#[test]
fn a_literal_secret_is_refused_with_its_place_and_never_shown() {
    let upstream = |line: &str| format!("[upstreams.openai]\nkind = \"openai\"\n{line}\n");
    literal(
        &upstream("api_key = \"hunter2-hunter2\""),
        "hunter2-hunter2",
        "api_key_env = \"VARIABLE\"",
    );
    literal(
        &upstream("key = 'hunter2-hunter2'"),
        "hunter2-hunter2",
        "api_key_env",
    );
    literal(
        &upstream("api_kye = \"hunter2-hunter2\""),
        "hunter2-hunter2",
        "`.env`",
    );
    literal(
        &upstream("API-KEY = \"hunter2-hunter2\""),
        "hunter2-hunter2",
        "`.env`",
    );
    literal(&upstream("password = 31415926"), "31415926", "`.env`");
    literal(
        &upstream("auth_token = \"\"\"hunter2\nhunter3\"\"\""),
        "hunter2",
        "`.env`",
    );
    literal(
        &upstream("api_key_env = \"sk-proj-0123456789abcdefghij\""),
        "sk-proj-0123456789abcdefghij",
        "*name*",
    );
    literal(
        &upstream("api_key_env = \"f00dfeedf00dfeedf00dfeed\""),
        "f00dfeedf00dfeedf00dfeed",
        "*name*",
    );
    literal(
        &upstream("colour = \"sk-ant-0123456789abcdefghij\""),
        "sk-ant-0123456789abcdefghij",
        "_env",
    );
    literal(
        // golive:allow-secret made up for this test
        &upstream("base_url = \"https://user:hunter2@llm.example\""),
        "https://user:hunter2@",
        ".env",
    );
    literal(
        "[keys]\nci = \"hunter2-hunter2\"\n",
        "hunter2-hunter2",
        "ci.key_env",
    );
    literal(
        "[keys.ci]\nkey = \"hunter2-hunter2\"\n",
        "hunter2-hunter2",
        "key_env",
    );
    literal(
        &format!("[store]\nmaster_key = \"{MASTER_KEY}\"\n"),
        MASTER_KEY,
        "master_key_env",
    );
    literal(
        "[secrets]\nopenai = \"hunter2-hunter2\"\n",
        "hunter2-hunter2",
        "`.env`",
    );
    literal(
        "[targets.t]\nurl = \"https://t.example\"\nmodel = \"m\"\ncredentials.user = \"hunter2-hunter2\"\n",
        "hunter2-hunter2",
        "user.key_env",
    );
}

#[test]
fn a_secret_in_a_file_that_does_not_parse_is_not_shown_either() {
    for line in [
        "api_key = \"hunter2-hunter2",
        "api_key = hunter2-hunter2",
        "api_key \"hunter2-hunter2\" = =",
        "x = sk-abcdefghijklmnopqrst",
    ] {
        let error = World::new(&format!("{ROUTE}[upstreams.x]\n{line}\n"))
            .load()
            .unwrap_err();
        let shown = format!("{}{}{error}", error.render(false), error.to_json());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(!shown.contains("sk-abcdefghijklmnopqrst"), "{shown}");
    }
}

#[test]
fn an_unset_or_empty_variable_says_where_to_put_it() {
    let mistake = World::new(OPENAI).mistake();
    assert_eq!(
        (mistake.code, mistake.line, mistake.column),
        ("unset_variable", 3, 15)
    );
    assert!(
        mistake.message.contains("`OPENAI_API_KEY` is not set"),
        "{mistake}"
    );
    assert!(mistake.help.is_some_and(|help| help.contains(".env")));
    let empty = World::new(OPENAI).set("OPENAI_API_KEY", "").mistake();
    assert_eq!(empty.code, "empty_secret");
    let odd = World::new(OPENAI).set("OPENAI_API_KEY", "two words").mistake();
    assert_eq!(odd.code, "bad_secret");
    assert!(!odd.message.contains("two words"));
    let no_name = World::new(&OPENAI.replace("OPENAI_API_KEY", "OPENAI-KEY")).mistake();
    assert_eq!(no_name.code, "bad_variable");
}

#[test]
fn a_missing_master_key_stops_the_start_even_where_no_section_names_it() {
    let mistake = World::new(ROUTE).unset("GOLIVE_MASTER_KEY").mistake();
    assert_eq!(mistake.code, "unset_variable");
    assert!(mistake.message.contains("GOLIVE_MASTER_KEY"));
}

#[test]
fn a_master_key_of_the_wrong_length_is_refused_without_being_shown() {
    for (bad, why) in [
        ("AAAAAAAAAAAAAAAAAAAAAA==", "16 bytes long, not 32"),
        ("n0t-base64!", "not base64"),
    ] {
        let world = World::new(ROUTE).set("GOLIVE_MASTER_KEY", bad);
        let mistake = world.mistake();
        assert_eq!(mistake.code, "bad_master_key");
        assert!(
            mistake.message.contains(why) && !mistake.message.contains(bad),
            "{mistake}"
        );
    }
    for good in [
        MASTER_KEY,
        MASTER_KEY.trim_end_matches('='),
        "__-_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let config = World::new(ROUTE).set("GOLIVE_MASTER_KEY", good).config();
        let golive_config::MasterKey::Given(key) = config.store.master_key else {
            panic!("it was given");
        };
        assert_eq!(key.expose_secret().len(), 32);
    }
}

#[test]
fn a_command_may_know_the_master_key_and_is_not_run_by_reading_the_file() {
    let with = |lines: &str| World::new(&format!("{ROUTE}[store]\n{lines}\n")).unset("GOLIVE_MASTER_KEY");
    let config = with("master_key_command = [\"./no-such-tool\", \"read\"]").config();
    let golive_config::MasterKey::Command(words) = &config.store.master_key else {
        panic!("it is a command");
    };
    assert!(
        words[0].ends_with("/no-such-tool") && words[0].len() > 15,
        "{words:?}"
    );
    assert_eq!(words[1..], ["read"]);
    let shown = config.show_toml();
    assert!(shown.contains("no-such-tool"), "{shown}");
    let code = |lines: &str| with(lines).set("A", MASTER_KEY).mistake().code;
    assert_eq!(
        code("master_key_command = [\"vault\"]\nmaster_key_env = \"A\""),
        "two_sources"
    );
    assert_eq!(
        code("master_key_command = [\"vault\"]\nmaster_key_file = \"a\""),
        "two_sources"
    );
    assert_eq!(code("master_key_command = []"), "bad_value");
    assert_eq!(code("master_key_command = \"vault read\""), "wrong_type");
}

#[test]
fn a_secret_may_stand_in_a_file() {
    let text = OPENAI.replace(
        "api_key_env = \"OPENAI_API_KEY\"",
        "api_key_file = \"openai.key\"",
    );
    let world = World::new(&text);
    let absent = world.mistake();
    assert_eq!((absent.code, absent.line), ("unreadable_secret", 3));
    world.write("openai.key", "\n");
    assert_eq!(world.mistake().code, "empty_secret");
    world.write("openai.key", "from-a-file\n");
    let config = world.config();
    assert_eq!(
        config.upstreams["openai"]
            .api_key
            .as_ref()
            .map(|key| key.expose_secret()),
        Some("from-a-file")
    );
    let both = World::new(&text.replace("kind", "api_key_env = \"A\"\nkind")).set("A", "x");
    assert_eq!(both.mistake().code, "two_sources");
}

#[test]
fn a_caller_key_that_was_cut_mistyped_or_given_twice_is_refused() {
    let one = format!("{ROUTE}[keys.ci]\nkey_env = \"CI\"\n");
    assert_eq!(
        World::new(&one).set("CI", "secret").mistake().message,
        "the key from env CI does not begin with `glv_live_`"
    );
    let cut = World::new(&one).set("CI", &CALLER_KEY[..40]).mistake();
    assert!(cut.message.contains("40 characters long, not 58"), "{cut}");
    let mistyped = World::new(&one)
        .set("CI", &CALLER_KEY.replacen('B', "C", 1))
        .mistake();
    assert!(
        mistyped.message.contains("wrong checksum") && !mistyped.message.contains("a1C"),
        "{mistyped}"
    );
    let two = format!("{one}[keys.other]\nkey_env = \"OTHER\"\n");
    assert_eq!(
        World::new(&two)
            .set("CI", CALLER_KEY)
            .set("OTHER", CALLER_KEY)
            .mistake()
            .code,
        "same_key"
    );
    assert_eq!(
        World::new(&two)
            .set("CI", CALLER_KEY)
            .set("OTHER", OTHER_KEY)
            .config()
            .keys
            .len(),
        2
    );
}

#[test]
fn the_env_file_beside_the_config_is_read_and_the_environment_goes_first() {
    let world = World::new(OPENAI).unset("GOLIVE_MASTER_KEY");
    world.write(
        ".env",
        &format!("GOLIVE_MASTER_KEY={MASTER_KEY}\nexport OPENAI_API_KEY=\"from-the-file\"\n"),
    );
    let key = |world: &World| {
        world.config().upstreams["openai"]
            .api_key
            .as_ref()
            .map(|key| key.expose_secret().to_owned())
    };
    assert_eq!(key(&world).as_deref(), Some("from-the-file"));
    let world = world.set("OPENAI_API_KEY", "from-the-environment");
    assert_eq!(key(&world).as_deref(), Some("from-the-environment"));
    world.write(".env", "OPENAI_API_KEY hunter2\n");
    let mistake = world.set("GOLIVE_MASTER_KEY", MASTER_KEY).mistake();
    assert_eq!((mistake.code, mistake.line), ("bad_env_line", 1));
    assert!(mistake.file.ends_with(".env"));
}

#[cfg(unix)]
#[test]
fn an_env_file_that_others_can_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new(ROUTE);
    let env = world.write(".env", "A=1\n");
    std::fs::set_permissions(&env, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(world.warnings(), ["env_file_readable"]);
    std::fs::set_permissions(&env, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(world.warnings().is_empty());
}

#[test]
fn an_env_file_that_git_tracks_is_refused() {
    let world = World::new(ROUTE);
    world.write(".env", "A=1\n");
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            git.env_remove(name);
        }
        git.arg("-C").arg(world.folder.path()).args(args).output()
    };
    let Ok(made) = git(&["init", "-q"]) else { return }; // no git here: nobody can track anything
    assert!(made.status.success());
    assert!(world.load().is_ok(), "untracked");
    assert!(git(&["add", "-f", ".env"]).unwrap().status.success());
    let mistake = world.mistake();
    assert_eq!(mistake.code, "env_file_tracked");
    assert!(
        mistake
            .help
            .is_some_and(|help| help.contains("git rm --cached .env"))
    );
}

#[test]
fn a_targets_missing_credential_is_a_warning_and_told_to_the_plan() {
    let target = "[targets.t]\nurl = \"https://t.example\"\nmodel = \"m\"\n[targets.t.credentials]\nuser.key_env = \"T_USER\"\nother.key_env = \"T_OTHER\"\n";
    let world = World::new(&format!("{ROUTE}{target}"))
        .set("T_USER", "any text a target takes".split(' ').next().unwrap());
    assert_eq!(world.warnings(), ["unset_variable"]);
    let config = world.config();
    let target = &config.targets["t"];
    assert_eq!(target.credentials.keys().collect::<Vec<_>>(), ["user"]);
    assert_eq!(target.missing_credentials[0].role, "other");
    assert_eq!(target.missing_credentials[0].source, "env T_OTHER");
}

#[test]
fn the_prover_needs_none_of_the_gateways_secrets_and_certificates() {
    let text = format!(
        "[server]\ncertificate_file = \"none.pem\"\nprivate_key_file = \"none.pem\"\n{OPENAI}[keys.ci]\nkey_env = \"CI\"\n\
         [targets.t]\nurl = \"https://t.example\"\nmodel = \"m\"\ncredentials.user.key_env = \"T\"\n"
    );
    let world = World::new(&text).unset("GOLIVE_MASTER_KEY").set("T", "x");
    let targets = world
        .targets()
        .unwrap_or_else(|error| panic!("{}", error.render(false)));
    assert_eq!(targets.targets["t"].credentials["user"].expose_secret(), "x");
    assert!(targets.warnings.is_empty(), "{}", targets.warnings);
    assert!(world.load().is_err());
}

#[test]
fn show_and_debug_never_print_a_secret() {
    let text = format!(
        "{OPENAI}[keys.ci]\nkey_env = \"CI\"\n[targets.t]\nurl = \"https://t.example\"\nmodel = \"m\"\ncredentials.user.key_env = \"T\"\n"
    );
    let world = World::new(&text)
        .set("OPENAI_API_KEY", "upstream-hunter2")
        .set("CI", CALLER_KEY)
        .set("T", "target-hunter2");
    let config = world.config();
    let shown = format!("{}{}{config:?}", config.show_toml(), config.show_json());
    for secret in ["hunter2", CALLER_KEY, MASTER_KEY] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(
        shown.contains("api_key = \"<from env OPENAI_API_KEY>\""),
        "{shown}"
    );
    assert!(shown.contains("master_key = \"<from env GOLIVE_MASTER_KEY>\""));
    assert!(
        config
            .callees()
            .all(|callee| !callee.definition.contains("hunter2"))
    );
}
