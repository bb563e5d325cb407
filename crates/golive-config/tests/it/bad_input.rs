//! Each kind of mistake: its name, its place, and what it says to do.

use crate::world::{CALLER_KEY, ROUTE, World, place_of};

/// `text` before a good route must give exactly this mistake at the place of `at`, with `help` in its help.
#[track_caller]
fn refused(text: &str, code: &str, at: &str, help: &str) {
    judged(&format!("{text}\n{ROUTE}"), code, at, help);
}

#[track_caller]
fn judged(text: &str, code: &str, at: &str, help: &str) {
    let mistake = World::new(text).mistake();
    assert_eq!(mistake.code, code, "{mistake}");
    assert_eq!((mistake.line, mistake.column), place_of(text, at), "{mistake}");
    let said = mistake.help.unwrap_or_default();
    assert!(said.contains(help), "{said}");
}

#[test]
fn a_missing_file_says_how_to_get_one() {
    let world = World::new("");
    std::fs::remove_file(world.config_file()).unwrap();
    let error = world.load().unwrap_err();
    let shown = error.render(false);
    assert!(
        shown.contains("golive::config::missing_file") && shown.contains("golive init"),
        "{shown}"
    );
    assert_eq!(error.to_json()["mistakes"][0]["code"], "missing_file");
    assert!(error.to_string().contains("golive.toml"));
}

#[test]
fn a_folder_or_a_binary_file_instead_of_a_config_is_told_apart() {
    let world = World::new("");
    let folder = golive_config::load(world.folder.path(), &world.environment).unwrap_err();
    assert_eq!(folder.to_json()["mistakes"][0]["code"], "unreadable_file");
    std::fs::write(world.config_file(), b"[server]\nlisten = \"\xff\"").unwrap();
    let mistake = world.mistake();
    assert_eq!((mistake.code, mistake.line, mistake.column), ("not_utf8", 2, 11));
}

#[test]
fn an_unknown_key_is_refused_with_what_was_probably_meant() {
    refused(
        "[server]\nlisen = \"127.0.0.1:1\"",
        "unknown_key",
        "lisen",
        "did you mean `listen`?",
    );
    refused(
        "[inbound]\nhead_timeuot = \"1s\"",
        "unknown_key",
        "head_timeuot",
        "did you mean `head_timeout`?",
    );
    refused(
        "[sever]\nlisten = \"127.0.0.1:1\"",
        "unknown_key",
        "sever",
        "did you mean `server`?",
    );
    refused(
        "colour = 1",
        "unknown_key",
        "colour",
        "known at the top: server, inbound",
    );
    refused("[limits]\nper_user = \"1/s\"", "unknown_key", "per_user", "user");
}

#[test]
fn a_wrong_unit_is_refused_with_the_right_way_to_write_it() {
    refused(
        "[server]\ndrain = \"30\"",
        "bad_value",
        "\"30\"",
        "drain = \"2m\"",
    );
    refused(
        "[server]\ndrain = \"30 parsecs\"",
        "bad_value",
        "\"30 parsecs\"",
        "drain",
    );
    refused("[server]\ndrain = 30", "wrong_type", "30", "drain = \"2m\"");
    refused("[limits]\nuser = \"100\"", "bad_value", "\"100\"", "rate");
    refused("[limits]\nuser = \"0/h\"", "bad_value", "\"0/h\"", "rate");
    refused("[limits]\nuser = 100", "wrong_type", "100", "\"10/10s\"");
    refused("[limits]\nuser = []", "bad_value", "[]", "\"off\"");
    refused("[limits]\nuser = [\"100\"]", "bad_value", "\"100\"", "rate");
    refused("[limits]\nuser = [7]", "wrong_type", "7", "\"10/10s\"");
    refused(
        "[limits]\nuser = [\"9/h\", \"8/60m\"]",
        "same_period",
        "\"8/60m\"",
        "smaller one",
    );
    refused(
        "[limits]\nuser = [\"9/h\", \"8/m\", \"7/s\", \"60/d\", \"99/2d\"]",
        "out_of_range",
        "\"99/2d\"",
        "at most 4",
    );
    refused("[limits.tokens]\nuser = \"1\"", "bad_value", "\"1\"", "rate");
    refused("[limits.tokens]\ninput_bytes = 0", "out_of_range", "0", "from 1");
    refused(
        "[limits.teams.support]\nrequest = \"1/h\"",
        "unknown_key",
        "request",
        "did you mean `requests`?",
    );
    refused("[inbound]\nbody_size = \"4\"", "bad_value", "\"4\"", "size");
    refused(
        "[inbound]\nbody_size = \"4 furlongs\"",
        "bad_value",
        "\"4 furlongs\"",
        "size",
    );
    refused(
        "[server]\ndiagnostics = \"yes\"",
        "wrong_type",
        "\"yes\"",
        "diagnostics = true",
    );
    refused(
        "[server]\nlisten = \"8080\"",
        "bad_value",
        "\"8080\"",
        "address and port",
    );
    refused(
        "[server]\nlisten = \"localhost:8080\"",
        "bad_value",
        "\"localhost:8080\"",
        "address and port",
    );
    refused(
        "[server]\ntrusted_proxies = [\"10.0.0.0/33\"]",
        "bad_value",
        "\"10.0.0.0/33\"",
        "address ranges",
    );
}

#[test]
fn a_value_out_of_range_is_refused_with_the_range() {
    refused(
        "[inbound]\nconnections = 0",
        "out_of_range",
        "0",
        "from 1 to 1000000",
    );
    refused(
        "[inbound]\nconnections = -1",
        "out_of_range",
        "-1",
        "from 1 to 1000000",
    );
    refused(
        "[inbound]\nconnections = 99999999999999999999999",
        "out_of_range",
        "99999999999999999999999",
        "from 1",
    );
    refused(
        "[inbound]\nhead_timeout = \"1ms\"",
        "out_of_range",
        "\"1ms\"",
        "from 100ms to 5m",
    );
    refused(
        "[inbound]\nbody_size = \"1 TiB\"",
        "out_of_range",
        "\"1 TiB\"",
        "to 256 MiB",
    );
    refused(
        "[store]\nretention_ledger = \"10d\"",
        "out_of_range",
        "\"10d\"",
        "at least as long",
    );
}

#[test]
fn a_word_that_a_key_does_not_know_is_refused_with_the_near_one() {
    refused(
        "[log]\nlevel = \"inof\"",
        "bad_value",
        "\"inof\"",
        "did you mean \"info\"?",
    );
    refused(
        "[store]\ndurability = \"forever\"",
        "bad_value",
        "\"forever\"",
        "\"process\"",
    );
    refused(
        "[server]\ntls = \"on\"",
        "bad_value",
        "\"on\"",
        "terminated_by_proxy",
    );
}

#[test]
fn a_dangling_name_is_refused_with_the_near_one() {
    let text = ROUTE.replace("lab/canned", "lob/canned");
    judged(&text, "dangling_name", "\"lob/canned\"", "did you mean `lab`?");
    judged(
        "[agents.a]\nchain = [\"x/y\"]",
        "dangling_name",
        "\"x/y\"",
        "no `[upstreams.*]`",
    );
    let world = World::new(&format!(
        "{ROUTE}[keys.ci]\nkey_env = \"CI\"\nagents = [\"suport\"]"
    ))
    .set("CI", CALLER_KEY);
    let mistake = world.mistake();
    assert_eq!(mistake.code, "dangling_name");
    assert_eq!(mistake.help.as_deref(), Some("did you mean `support`?"));
}

#[test]
fn an_agent_and_a_model_of_one_name_are_refused() {
    let text = format!("{ROUTE}[models.support]\nchain = [\"lab/canned\"]\n");
    let mistake = World::new(&text).mistake();
    assert_eq!(mistake.code, "name_clash");
    assert_eq!((mistake.line, mistake.column), (7, 9));
}

#[test]
fn a_chain_holds_what_can_be_tried() {
    let text = ROUTE.replace("[\"lab/canned\"]", "[\"lab/canned | lab/echo heavy\"]");
    judged(
        &text,
        "bad_link",
        "\"lab/canned | lab/echo heavy\"",
        "a weight from 1 to 1000",
    );
    let many: Vec<String> = (0..65).map(|n| format!("\"lab/m{n}\"")).collect();
    let text = ROUTE.replace("[\"lab/canned\"]", &format!("[{}]", many.join(", ")));
    let mistake = World::new(&text).mistake();
    assert_eq!(mistake.code, "chain_too_long");
    assert_eq!(mistake.help.as_deref(), Some("64 are the most"));
    judged(
        &ROUTE.replace("[\"lab/canned\"]", "[]"),
        "empty_chain",
        "[]",
        "openai/gpt-4o",
    );
    judged(
        &ROUTE.replace("lab/canned", "lab"),
        "bad_link",
        "\"lab\"",
        "lab/MODEL",
    );
}

#[test]
fn what_is_required_and_absent_is_told_at_its_table() {
    judged(
        "[upstreams.x]\napi_key_env = \"GOLIVE_MASTER_KEY\"",
        "missing_key",
        "x]",
        "add kind = ",
    );
    judged(
        "[upstreams.x]\nkind = \"openai\"",
        "missing_key",
        "x]",
        "api_key_env = \"OPENAI_API_KEY\"",
    );
    judged("[upstreams.x]\nkind = \"http\"", "missing_key", "x]", "base_url");
    refused("[keys.ci]\nroles = []", "missing_key", "ci]", "key_env");
    refused("[targets.t]\nmodel = \"m\"", "missing_key", "t]", "add url = ");
    refused(
        "[targets.t]\nurl = \"https://t.example\"",
        "missing_key",
        "t]",
        "add model = ",
    );
}

#[test]
fn a_table_where_a_value_belongs_and_the_reverse_are_refused() {
    refused("server = 1", "wrong_type", "1", "[server]");
    refused(
        "[server.listen]\nx = 1",
        "wrong_type",
        "[server.listen]",
        "listen = ",
    );
    refused(
        "[agents]\nother = \"lab/x\"\n",
        "wrong_type",
        "\"lab/x\"",
        "[agents.other]",
    );
}

#[test]
fn plain_http_on_another_address_than_loopback_is_refused() {
    refused(
        "[server]\nlisten = \"0.0.0.0:8080\"",
        "plain_http",
        "\"0.0.0.0:8080\"",
        "certificate_file",
    );
    refused(
        "[server]\nlisten = \"[::]:8080\"",
        "plain_http",
        "\"[::]:8080\"",
        "terminated_by_proxy",
    );
    refused(
        "[probes]\nlisten = \"0.0.0.0:8081\"",
        "plain_http",
        "\"0.0.0.0:8081\"",
        "expose = true",
    );
    refused(
        "[probes]\nlisten = \"127.0.0.1:8080\"",
        "same_address",
        "\"127.0.0.1:8080\"",
        "port of their own",
    );
}

#[test]
fn plain_http_to_an_upstream_outside_private_addresses_is_refused() {
    let upstream =
        |rest: &str| format!("[upstreams.x]\nkind = \"openai\"\n{rest}\n[agents.a]\nchain = [\"x/m\"]");
    judged(
        &upstream("base_url = \"http://llm.example/v1\""),
        "plain_http",
        "\"http://llm",
        "https://",
    );
    judged(
        &upstream("base_url = \"http://192.0.2.7/v1\"\nprivate_addresses = [\"10.0.0.0/8\"]"),
        "plain_http",
        "\"http://192",
        "https://",
    );
    judged(
        &upstream("base_url = \"http://10.1.2.3/v1\""),
        "private_address",
        "\"http://10",
        "private_addresses = [\"10.1.2.3\"]",
    );
    judged(
        &upstream("base_url = \"https://10.1.2.3/v1\""),
        "private_address",
        "\"https://10",
        "private_addresses",
    );
    judged(
        &upstream("base_url = \"http://localhost:1\""),
        "private_address",
        "\"http://local",
        "127.0.0.0/8",
    );
    judged(
        &upstream("base_url = \"https://a.example\"\nprivate_addresses = [\"0.0.0.0/0\"]"),
        "public_range",
        "\"0.0.0.0/0\"",
        "10.0.0.0/8",
    );
    for fine in [
        "base_url = \"http://10.1.2.3/v1\"\nprivate_addresses = [\"10.0.0.0/8\"]",
        "base_url = \"http://vllm.internal/v1\"\nprivate_addresses = [\"10.0.0.0/8\"]",
        "base_url = \"http://localhost:1\"\nprivate_addresses = [\"127.0.0.1\"]",
        "base_url = \"http://[::1]:1\"\nprivate_addresses = [\"::1\"]",
        "base_url = \"https://a.example\"",
    ] {
        World::new(&upstream(fine)).config();
    }
}

#[test]
fn certificates_that_cannot_be_read_are_told_apart() {
    let text = format!(
        "[server]\nlisten = \"0.0.0.0:1\"\ncertificate_file = \"cert.pem\"\nprivate_key_file = \"key.pem\"\n{ROUTE}"
    );
    let world = World::new(&text);
    let codes = |world: &World| {
        world
            .mistakes()
            .iter()
            .map(|mistake| (mistake.code, mistake.line))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        codes(&world),
        [("unreadable_certificate", 3), ("unreadable_private_key", 4)]
    );
    world.write("cert.pem", "no certificate");
    world.write("key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n");
    assert_eq!(
        codes(&world),
        [("unreadable_certificate", 3), ("unreadable_private_key", 4)]
    );
    let both = text.replace("[server]", "[server]\ntls = \"terminated_by_proxy\"");
    judged(&both, "two_transports", "\"cert.pem\"", "remove");
    let half = text.replace("private_key_file = \"key.pem\"\n", "");
    judged(&half, "missing_key", "\"cert.pem\"", "private_key_file");
    let ca = ROUTE.replace("kind", "ca_file = \"none.pem\"\nkind");
    judged(&ca, "unreadable_certificate", "\"none.pem\"", "check the path");
}

#[test]
fn headers_that_must_not_pass_are_refused() {
    let text = ROUTE.replace(
        "kind",
        "forward_headers = [\"x-tenant\", \"Authorization\"]\nkind",
    );
    judged(&text, "forbidden_header", "\"Authorization\"", "stop at golive");
    let text = ROUTE.replace("kind", "forward_headers = [\"x tenant\"]\nkind");
    judged(&text, "bad_value", "\"x tenant\"", "x-tenant");
}

#[test]
fn an_http_agent_without_pointers_and_a_model_with_them_are_refused() {
    let http = "[upstreams.bot]\nkind = \"http\"\nbase_url = \"https://bot.example\"\n[agents.a]\nchain = [\"bot\"]\n";
    judged(http, "missing_key", "a]", "[agents.a.pointers]");
    judged(
        &http.replace("\"bot\"]", "\"bot/m\"]"),
        "bad_link",
        "\"bot/m\"",
        "chain = [\"bot\"]",
    );
    let bad = format!("{http}[agents.a.pointers]\ninput = \"message\"\noutput = \"/a~2\"\n");
    let mistakes = World::new(&bad).mistakes();
    assert_eq!(
        mistakes
            .iter()
            .map(|mistake| (mistake.code, mistake.line))
            .collect::<Vec<_>>(),
        [("bad_value", 7), ("bad_value", 8)]
    );
    let superfluous = format!("{ROUTE}[agents.support.pointers]\ninput = \"/m\"\noutput = \"/r\"\n");
    judged(&superfluous, "no_effect", "pointers]", "remove it");
}

#[test]
fn the_lab_behind_a_deployment_that_is_not_staging_is_refused() {
    let target =
        "[targets.t]\nurl = \"https://t.example\"\nmodel = \"m\"\nlab_url = \"http://127.0.0.1:9900\"";
    refused(
        target,
        "lab_without_staging",
        "\"http://127.0.0.1:9900\"\n",
        "staging = true",
    );
    World::new(&format!("{target}\nstaging = true\n{ROUTE}")).config();
}

#[test]
fn a_name_that_cannot_stand_in_a_path_is_refused() {
    refused(
        "[models.\"a/b\"]\nchain = [\"lab/x\"]",
        "bad_name",
        "\"a/b\"",
        "letters, digits",
    );
    refused(
        "[models.\"\"]\nchain = [\"lab/x\"]",
        "bad_name",
        "\"\"",
        "letters, digits",
    );
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let text = "[server]\ndrain = 1\nlisen = 1\n[agents.b]\nchain = [\"nope/x\"]\n[limits]\nuser = \"x\"\n[log]\nlevel = \"loud\"\n";
    let mistakes = World::new(text).mistakes();
    let found: Vec<_> = mistakes
        .iter()
        .map(|mistake| (mistake.line, mistake.code))
        .collect();
    assert_eq!(
        found,
        [
            (2, "wrong_type"),
            (3, "unknown_key"),
            (5, "dangling_name"),
            (7, "bad_value"),
            (9, "bad_value")
        ]
    );
}

#[test]
fn broken_syntax_is_told_with_the_other_mistakes_but_without_its_consequences() {
    let text = "[upstreams.x]\nkind = \"openai\nbase_url = \"https://a.example\"\n[server]\nlisen = 1\n[agents.a]\nchain = [\"x/m\"]\n";
    let mistakes = World::new(text).mistakes();
    let found: Vec<_> = mistakes
        .iter()
        .map(|mistake| (mistake.line, mistake.code))
        .collect();
    assert_eq!(found, [(2, "syntax"), (5, "unknown_key")], "{mistakes}");
    let twice = World::new(&format!("{ROUTE}[agents.support]\nchain = []")).mistakes();
    assert!(twice.iter().all(|mistake| mistake.code == "syntax"), "{twice}");
}

#[test]
fn redirects_need_tls_and_a_host_and_a_port_of_their_own() {
    refused(
        "[server]\nredirect_from = \"127.0.0.1:1\"",
        "no_effect",
        "\"127.0.0.1:1\"",
        "certificate_file",
    );
    refused(
        "[server]\nhost = \"agents.example.com/path\"",
        "bad_value",
        "\"agents.example.com/path\"",
        "agents.example.com:8443",
    );
    let world = World::new(&format!(
        "[server]\nlisten = \"127.0.0.1:9443\"\ncertificate_file = \"cert.pem\"\nprivate_key_file = \"key.pem\"\n\
         redirect_from = \"127.0.0.1:9443\"\nhost = \"localhost\"\n{ROUTE}"
    ));
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    world.write("cert.pem", &params.self_signed(&key).unwrap().pem());
    world.write("key.pem", &key.serialize_pem());
    assert_eq!(world.mistake().code, "same_address");
}

#[test]
fn a_plain_address_of_a_target_is_plain_and_its_own() {
    let target = |plain: &str| {
        format!(
            "{ROUTE}\n[targets.t]\nurl = \"https://t.example/v1\"\nmodel = \"m\"\nplain_url = \"{plain}\"\n"
        )
    };
    judged(
        &target("https://t.example"),
        "bad_value",
        "\"https://t.example\"",
        "http://",
    );
    judged(
        &target("http://other.example"),
        "another_host",
        "\"http://other.example\"",
        "t.example",
    );
    World::new(&target("http://t.example:8080")).config();
}
