//! What a good file means.

use std::net::IpAddr;
use std::time::Duration;

use golive_config::{
    BaseUrl, Clocks, Declares, Durability, Inbound, Limits, Log, Probes, Server, Transport, UpstreamKind,
    WhenFull,
};

use crate::world::{ROUTE, World};

#[test]
fn the_smallest_useful_file_of_the_design_loads_with_all_defaults() {
    let smallest = "[upstreams.openai]\nkind = \"openai\"\napi_key_env = \"OPENAI_API_KEY\"\n\n[agents.support]\nchain = [\"openai/gpt-4o\"]\n";
    let world = World::new(smallest).set("OPENAI_API_KEY", "k");
    let config = world.config();
    assert!(world.warnings().is_empty());
    assert_eq!(config.server, Server::default());
    assert_eq!(config.inbound, Inbound::default());
    assert_eq!(config.probes, Probes::default());
    assert_eq!(config.log, Log::default());
    assert_eq!(config.limits, Limits::default());
    assert_eq!(
        config.limits.user.first().map(|rate| rate.to_string()).as_deref(),
        Some("100/h")
    );
    assert_eq!(config.store.path, world.folder.path().join("golive.db"));
    assert_eq!(
        (config.store.durability, config.store.when_spill_full),
        (Durability::Process, WhenFull::Refuse)
    );
    let upstream = &config.upstreams["openai"];
    assert_eq!(upstream.base_url.to_string(), "https://api.openai.com/v1");
    assert_eq!(upstream.timeouts, Clocks::default());
    let agent = config.callee("support").unwrap();
    assert_eq!(agent.id(), "agent/support");
    assert_eq!(agent.chain[0].model.as_deref(), Some("gpt-4o"));
    assert_eq!(agent.timeouts, Clocks::default());
    assert_eq!(agent.digest.len(), 64);
}

#[test]
fn limits_of_every_scope_and_several_windows_are_read_longest_first_and_shown_as_written() {
    let text = r#"
        [limits]
        user = ["10/10s", "100/h"]
        team = "900/h"
        [limits.tokens]
        user = "100000/h"
        output = 256
        [limits.teams.support]
        requests = "off"
        [upstreams.up]
        kind = "openai"
        api_key_env = "K"
        [agents.one]
        chain = ["up/m"]
        [agents.one.limits]
        requests = "7/s"
        tokens = ["9000/m", "20000/h"]
    "#;
    let plain = World::new(&text.replace("requests = \"7/s\"", ""))
        .set("K", "k")
        .config();
    let config = World::new(text).set("K", "k").config();
    let shown = |rates: &[golive_config::Rate]| rates.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(shown(&config.limits.user), ["100/h", "10/10s"]);
    assert_eq!(shown(&config.limits.tokens.user), ["100000/h"]);
    assert_eq!(config.limits.tokens.output, 256);
    assert_eq!(config.limits.teams["support"].requests, Some(Vec::new()));
    assert_eq!(config.limits.teams["support"].tokens, None);
    let one = &config.agents["one"];
    assert_eq!(shown(&one.limits.tokens), ["20000/h", "9000/m"]);
    assert_eq!(
        one.digest, plain.agents["one"].digest,
        "a limit is no part of a release"
    );
    let told = config.show_json();
    assert_eq!(told["limits"]["user"], serde_json::json!(["100/h", "10/10s"]));
    assert_eq!(told["limits"]["global"], "10000/h");
    assert_eq!(told["limits"]["teams"]["support"]["requests"], "off");
    assert_eq!(told["agents"]["one"]["limits"]["requests"], "7/s");
}

#[test]
fn what_is_written_is_what_is_meant() {
    let text = r#"
        [server]
        listen = "0.0.0.0:8443"
        tls = "terminated_by_proxy"
        trusted_proxies = ["10.0.0.0/8", "192.168.1.1"]
        drain = "1m30s"
        diagnostics = true
        [limits]
        user = "20/10s"
        principal = "50/m"
        global = "off"
        [upstreams.claude]
        kind = "anthropic"
        base_url = "https://claude.example:8443/api/"
        api_key_env = "K"
        [upstreams.claude.timeouts]
        first_byte = "2s"
        [upstreams.bot]
        kind = "http"
        base_url = "http://bot.internal/chat"
        private_addresses = ["10.0.0.0/8"]
        auth_header = "X-Key"
        forward_headers = ["X-Tenant", "x-tenant"]
        [agents.support]
        chain = ["bot"]
        max_in_flight = 7
        [agents.support.pointers]
        input = "/message"
        output = "/reply/0/text"
        [agents.support.timeouts]
        idle = "3s"
        [models."claude-4.5"]
        chain = ["claude/vendor/claude-sonnet"]
    "#;
    let config = World::new(text).set("K", "k").config();
    assert_eq!(config.server.transport, Transport::ProxyTerminated);
    assert!(config.server.trusted_proxies[1].contains(&IpAddr::from([192, 168, 1, 1])));
    assert_eq!(config.server.drain, Duration::from_secs(90));
    assert_eq!(config.limits.global, []);
    assert_eq!(
        config.limits.user.first().map(|rate| rate.to_string()).as_deref(),
        Some("20/10s")
    );
    let claude = &config.upstreams["claude"];
    assert_eq!(
        claude.base_url.join("/v1/messages"),
        "https://claude.example:8443/api/v1/messages"
    );
    assert_eq!(claude.timeouts.first_byte, Duration::from_secs(2));
    let bot = &config.upstreams["bot"];
    assert_eq!(
        (bot.kind, bot.auth_header.as_str(), &bot.forward_headers[..]),
        (UpstreamKind::Http, "x-key", &["x-tenant".to_owned()][..])
    );
    let support = &config.agents["support"];
    assert_eq!(support.pointers.as_ref().unwrap().output, "/reply/0/text");
    assert_eq!(
        support.timeouts,
        Clocks {
            idle: Duration::from_secs(3),
            ..Clocks::default()
        }
    );
    assert_eq!(support.max_in_flight, Some(7));
    let claude = config.callee("claude-4.5").unwrap();
    assert_eq!(
        (claude.id().as_str(), claude.chain[0].model.as_deref()),
        ("model/claude-4.5", Some("vendor/claude-sonnet"))
    );
    assert_eq!(
        claude.timeouts.first_byte,
        Duration::from_secs(2),
        "an agent takes its upstream's clocks"
    );
}

#[test]
fn the_digest_changes_with_the_definition_and_with_nothing_else() {
    let digest = |text: &str| {
        World::new(text).set("A", "1").set("B", "2").config().agents["support"]
            .digest
            .clone()
    };
    let base = digest(ROUTE);
    assert_eq!(
        base,
        digest(&format!("# a comment\n[log]\nlevel = \"debug\"\n{ROUTE}"))
    );
    assert_eq!(
        base,
        digest(&ROUTE.replace("kind = \"openai\"\n", "api_key_env = \"A\"\nkind = \"openai\"\n")),
        "a key is no part of it"
    );
    assert_eq!(
        base,
        digest(&ROUTE.replace("chain", "timeouts.connect = \"5s\"\nchain")),
        "a default written out"
    );
    assert_ne!(base, digest(&ROUTE.replace("lab/canned", "lab/echo")));
    assert_ne!(base, digest(&ROUTE.replace("9900", "9901")));
    assert_ne!(
        base,
        digest(&ROUTE.replace("chain", "timeouts.connect = \"6s\"\nchain"))
    );
    assert_ne!(base, digest(&ROUTE.replace("chain", "max_in_flight = 3\nchain")));
}

#[test]
fn the_definition_is_canonical_json() {
    let config = World::new(ROUTE).config();
    insta::assert_snapshot!(config.agents["support"].definition);
}

#[test]
fn a_target_has_the_checklists_numbers_but_where_it_declares_its_own() {
    let text = r#"
        [targets.staging]
        url = "https://staging.example/v1"
        format = "anthropic"
        model = "support"
        staging = true
        scaled = true
        lab_url = "http://lab.example:9900"
        [targets.staging.declares]
        user_limit = "20/10s"
        expected_rate = "120/m"
        [targets.staging.commands]
        revoke = ["golive", "keys", "revoke", "{role}"]
        break = ["stop"]
        [targets.staging.budget]
        requests = 500
    "#;
    let world = World::new(text);
    assert!(
        world.warnings().is_empty(),
        "a file with targets only is the prover's"
    );
    let config = world.config();
    let target = &config.targets["staging"];
    assert_eq!(
        target.declares.user_limit.map(|rate| rate.to_string()).as_deref(),
        Some("20/10s")
    );
    assert_eq!(target.declares.expected_rate, Some(2.0));
    let expected = Declares {
        user_limit: target.declares.user_limit,
        expected_rate: Some(2.0),
        ..Declares::default()
    };
    assert_eq!(target.declares, expected);
    assert_eq!(target.commands.revoke.as_ref().unwrap()[3], "{role}");
    assert_eq!(target.commands.break_.as_deref(), Some(&["stop".to_owned()][..]));
    assert_eq!(
        (target.budget.requests, target.lab_provider.as_str()),
        (500, "default")
    );
    assert_eq!(target.lab_url, "http://lab.example:9900".parse::<BaseUrl>().ok());
}

#[test]
fn what_has_no_effect_is_a_warning() {
    let warned = |text: &str| World::new(&format!("{text}\n{ROUTE}")).warnings();
    assert_eq!(warned("[server]\nallow_tls12 = true"), ["no_effect"]);
    assert_eq!(
        warned("[server]\ntls = \"terminated_by_proxy\""),
        ["no_trusted_proxies"]
    );
    assert_eq!(
        warned("[upstreams.spare]\nkind = \"openai\"\nbase_url = \"https://a.example\""),
        ["unused"]
    );
    assert_eq!(World::new("").warnings(), ["nothing_to_serve"]);
    assert_eq!(
        World::new(&ROUTE.replace("kind", "anthropic_version = \"x\"\nkind")).warnings(),
        ["no_effect"]
    );
    assert_eq!(
        World::new(&ROUTE.replace("chain", "timeouts.idle = \"1h\"\nchain")).warnings(),
        ["no_effect"]
    );
}

#[test]
fn a_certificate_and_its_key_make_a_tls_listener() {
    let world = World::new(&format!(
        "[server]\nlisten = \"0.0.0.0:8443\"\ncertificate_file = \"c.pem\"\nprivate_key_file = \"k.pem\"\nhsts = \"0s\"\n{ROUTE}"
    ));
    let made = rcgen::generate_simple_self_signed(vec!["golive.example".to_owned()]).unwrap();
    world.write("c.pem", &made.cert.pem());
    world.write("k.pem", &made.signing_key.serialize_pem());
    let Transport::Tls {
        cert_file,
        allow_tls12,
        hsts,
        ..
    } = world.config().server.transport
    else {
        panic!("no TLS")
    };
    assert_eq!(
        (cert_file, allow_tls12, hsts),
        (world.folder.path().join("c.pem"), false, None)
    );
}

#[test]
fn a_running_gateway_is_told_what_a_reload_cannot_apply() {
    let old = World::new(ROUTE);
    let config = old.config();
    let mut new = config.clone();
    assert!(config.needs_restart(&new).is_empty());
    new.limits.user = Vec::new();
    assert!(config.needs_restart(&new).is_empty(), "limits apply at once");
    new.server.listen.set_port(1);
    new.store.path = "other.db".into();
    assert_eq!(config.needs_restart(&new), ["server.listen", "store.path"]);
}

#[test]
fn a_reload_applies_the_bounds_on_bodies_and_leaves_those_on_connections_to_a_restart() {
    let config = World::new(ROUTE).config();
    let mut bodies = config.clone();
    bodies.inbound.body_size.0 += 1;
    bodies.inbound.body_timeout *= 2;
    bodies.inbound.json_depth += 1;
    bodies.inbound.json_nodes += 1;
    bodies.inbound.json_string.0 += 1;
    assert!(config.needs_restart(&bodies).is_empty());

    let mut connections = config.clone();
    connections.inbound.head_timeout *= 2;
    connections.inbound.head_size.0 += 1;
    connections.inbound.handshake_timeout *= 2;
    connections.inbound.connections += 1;
    connections.inbound.connections_per_address += 1;
    connections.inbound.h2_streams += 1;
    connections.inbound.h2_resets += 1;
    connections.inbound.unread_timeout *= 2;
    connections.inbound.idle_timeout *= 2;
    assert_eq!(
        config.needs_restart(&connections),
        [
            "inbound.head_timeout",
            "inbound.head_size",
            "inbound.handshake_timeout",
            "inbound.connections",
            "inbound.connections_per_address",
            "inbound.h2_streams",
            "inbound.h2_resets",
            "inbound.unread_timeout",
            "inbound.idle_timeout",
        ]
    );
}
