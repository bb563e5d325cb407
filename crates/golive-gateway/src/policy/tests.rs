//! S6: the built-in roles, policies of a user's own, and what is wrong with them.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;

/// A configuration with one agent and one model, a governed tool, and these policies.
fn config(policies: &str) -> golive_config::Config {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("golive.toml");
    let mut text = "[upstreams.up]\nkind = \"openai\"\napi_key_env = \"UP_KEY\"\n[agents.support]\nchain = [\"up/m\"]\n[models.small]\nchain = [\"up/m\"]\n[tools.pay]\nroles = [\"lead\"]\n".to_owned();
    if !policies.is_empty() {
        std::fs::write(folder.path().join("roles.cedar"), policies).unwrap();
        text.push_str("[policies]\nfiles = [\"roles.cedar\"]\n");
    }
    std::fs::write(&file, text).unwrap();
    let variables = [
        (
            "GOLIVE_MASTER_KEY",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ),
        ("UP_KEY", "up-secret"),
    ];
    let environment: BTreeMap<String, String> = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    golive_config::load(&file, &environment).unwrap().config
}

fn rules(policies: &str) -> Rules {
    Rules::build(&config(policies)).unwrap()
}

fn may(rules: &Rules, roles: &[&str], action: Action, resource: &str) -> bool {
    let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
    let who = Who {
        id: "key_1",
        roles: &roles,
        team: None,
    };
    let resource = Resource::parse(resource).unwrap();
    let permitted = rules.permit(who, action, resource);
    assert_eq!(
        permitted,
        rules.permit(who, action, resource),
        "remembered as decided"
    );
    assert_eq!(
        permitted,
        rules.explain(who, action, resource).permitted,
        "explained as decided"
    );
    permitted
}

#[test]
fn each_built_in_role_may_do_its_part_and_no_more() {
    use Action::{Answer, Call, Change, Create, Read, Revoke, Use};
    let rules = rules("");
    // viewer, caller, operator, admin
    for (action, resource, expected) in [
        (Call, "agent/support", [false, true, false, true]),
        (Call, "model/small", [false, true, false, true]),
        (Use, "tool/anything", [false, true, false, true]),
        (Use, "tool/pay", [false, false, false, true]),
        (Use, "hosted/web_search", [false; 4]),
        (Use, "hosted/stored_files", [false; 4]),
        (Read, "ledger/all", [true, false, true, true]),
        (Read, "ledger/own", [true, true, true, true]),
        (Read, "release/agent/support", [true, false, true, true]),
        (Change, "release/agent/support", [false, false, true, true]),
        (Read, "flag/x", [true, false, true, true]),
        (Change, "flag/x", [false, false, true, true]),
        (Read, "conversation/own", [false, true, true, true]),
        (Read, "conversation/all", [false, false, true, true]),
        (Answer, "conversation/all", [false, false, true, true]),
        (Read, "key/web", [false, false, true, true]),
        (Create, "key/web", [false, false, false, true]),
        (Revoke, "key/web", [false, false, false, true]),
        (Read, "policy", [true, false, true, true]),
    ] {
        for (role, expected) in BUILT_IN_ROLES.into_iter().zip(expected) {
            assert_eq!(
                may(&rules, &[role], action, resource),
                expected,
                "{role} {} {resource}",
                action.as_str()
            );
        }
        assert!(
            !may(&rules, &["nobody"], action, resource),
            "an unknown role gives nothing"
        );
    }
}

#[test]
fn a_key_without_roles_is_a_caller() {
    let rules = rules("");
    assert!(may(&rules, &[], Action::Call, "agent/support"));
    assert!(!may(&rules, &[], Action::Read, "ledger/all"));
}

#[test]
fn the_roles_of_a_tools_table_use_it_and_roles_add_up() {
    let rules = rules("");
    assert!(may(&rules, &["lead"], Action::Use, "tool/pay"));
    assert!(!may(&rules, &["lead"], Action::Call, "agent/support"));
    assert!(may(&rules, &["lead", "caller"], Action::Call, "agent/support"));
}

#[test]
fn policies_of_a_file_add_and_a_forbid_wins() {
    let rules = rules(
        r#"
        @id("researchers-search")
        permit (principal in Role::"researcher", action == Action::"use", resource == Hosted::"web_search");
        permit (principal in Team::"night", action == Action::"call", resource == Agent::"support");
        @id("no-deletes")
        forbid (principal, action == Action::"use", resource is Tool) when { resource.name like "delete_*" };
        permit (principal in Role::"lead", action == Action::"use", resource == Tool::"refund");
        "#,
    );
    assert!(may(&rules, &["researcher"], Action::Use, "hosted/web_search"));
    assert!(!may(&rules, &["researcher"], Action::Use, "hosted/mcp"));
    assert!(!may(&rules, &["admin"], Action::Use, "tool/delete_all"));
    assert!(may(&rules, &["admin"], Action::Use, "tool/send_all"));
    assert!(may(&rules, &["lead"], Action::Use, "tool/refund"));
    assert!(
        !may(&rules, &["caller"], Action::Use, "tool/refund"),
        "a tool that a policy names is governed"
    );
    let night = Who {
        id: "key_1",
        roles: &["nobody".to_owned()],
        team: Some("night"),
    };
    let support = Resource::parse("agent/support").unwrap();
    assert!(rules.permit(night, Action::Call, support));
    let explained = rules.explain(night, Action::Call, support);
    assert_eq!(
        explained.because[0].id, "roles-1",
        "a policy without an id is called by file and number"
    );
    let admin = Who {
        roles: &["admin".to_owned()],
        ..night
    };
    let explained = rules.explain(admin, Action::Use, Resource::parse("tool/delete_all").unwrap());
    assert_eq!((explained.permitted, explained.because.len()), (false, 1));
    assert_eq!(explained.because[0].id, "no-deletes");
    assert!(
        explained.because[0].origin.ends_with("roles.cedar:5"),
        "{explained:?}"
    );
}

#[test]
fn a_policy_about_one_principal_is_never_remembered_for_another() {
    let rules = rules(r#"forbid (principal == Principal::"key_2", action, resource);"#);
    for (id, expected) in [
        ("key_1", true),
        ("key_2", false),
        ("key_1", true),
        ("key_2", false),
    ] {
        let who = Who {
            id,
            roles: &[],
            team: None,
        };
        assert_eq!(
            rules.permit(who, Action::Call, Resource::parse("agent/support").unwrap()),
            expected,
            "{id}"
        );
    }
}

#[test]
fn a_principal_with_ten_thousand_roles_may_do_nothing() {
    let rules = rules("");
    let roles: Vec<String> = (0..10_000)
        .map(|n| format!("role-{n}"))
        .chain(["admin".into()])
        .collect();
    let who = Who {
        id: "key_1",
        roles: &roles,
        team: None,
    };
    let support = Resource::parse("agent/support").unwrap();
    assert!(!rules.permit(who, Action::Call, support));
    assert!(rules.explain(who, Action::Call, support).errors[0].contains("256"));
    let some: Vec<String> = roles[..ROLES_MAX - 1]
        .iter()
        .cloned()
        .chain(["caller".into()])
        .collect();
    assert!(rules.permit(Who { roles: &some, ..who }, Action::Call, support));
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_place() {
    for (text, line, word) in [
        ("permit (principal, action, resource)", 1, ""),
        ("\n\nallow (principal, action, resource);", 3, ""),
        (
            "permit (principal in Rolle::\"x\", action, resource);",
            1,
            "Rolle",
        ),
        (
            "permit (principal, action == Action::\"delete\", resource);",
            1,
            "delete",
        ),
        (
            "\npermit (principal, action == Action::\"call\", resource) when { resource.nam == \"x\" };",
            2,
            "nam",
        ),
        (
            "permit (principal == ?principal, action, resource);",
            1,
            "templates",
        ),
        (
            "@id(\"caller-calls\")\npermit (principal, action, resource);",
            1,
            "caller-calls",
        ),
    ] {
        let error = Rules::build(&config(text)).unwrap_err();
        let PolicyError::File {
            file, line: at, why, ..
        } = &error
        else {
            panic!("{text}: {error}");
        };
        assert_eq!(file.file_name(), Path::new("roles.cedar").file_name());
        assert_eq!(*at, line, "{error}");
        assert!(why.contains(word), "{error}");
    }
}

#[test]
fn the_matrix_holds_every_role_and_every_thing() {
    let rules =
        rules(r#"permit (principal in Role::"auditor", action == Action::"read", resource is Ledger);"#);
    let matrix = rules.matrix();
    let cell = |role: &str, action, resource: &str| {
        matrix
            .iter()
            .find(|cell| cell.role == role && cell.action == action && cell.resource == resource)
            .unwrap_or_else(|| panic!("no cell {role} {resource}"))
            .permitted
    };
    assert!(cell("auditor", Action::Read, "ledger/all"));
    assert!(!cell("auditor", Action::Call, "agent/support"));
    assert!(cell("lead", Action::Use, "tool/pay"));
    assert!(cell("caller", Action::Use, "tool/*"));
    assert!(!cell("admin", Action::Use, "hosted/web_search"));
    assert!(cell("admin", Action::Create, "key/*"));
}

#[test]
fn a_resource_is_read_as_it_is_written() {
    for text in [
        "agent/a",
        "release/agent/a",
        "ledger/own",
        "conversation/all",
        "policy",
    ] {
        assert_eq!(Resource::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Resource::parse("ledger").unwrap().to_string(), "ledger/all");
    for text in [
        "",
        "agent",
        "agent/",
        "ledger/mine",
        "policy/x",
        "Agent/a",
        "thing/x",
    ] {
        assert!(Resource::parse(text).is_err(), "{text}");
    }
}
