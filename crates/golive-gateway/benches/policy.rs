//! What a decision about rights costs: remembered, made anew, and for a principal with many roles.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use golive_gateway::policy::{Action, Kind, Resource, Rules, Who};

fn rules() -> Rules {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("golive.toml");
    std::fs::write(&file, "[tools.pay]\nroles = [\"lead\"]\n").expect("a config");
    let environment: BTreeMap<String, String> = [(
        "GOLIVE_MASTER_KEY".to_owned(),
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned(),
    )]
    .into();
    let loaded = golive_config::load(&file, &environment).expect("a good config");
    Rules::build(&loaded.config).expect("good policies")
}

fn decisions(c: &mut Criterion) {
    let rules = rules();
    let few = ["caller".to_owned(), "lead".to_owned()];
    let many: Vec<String> = (0..200).map(|n| format!("directory-group-{n}")).collect();
    let agent = Resource::new(Kind::Agent, "support");
    for (name, roles) in [("2_roles", &few[..]), ("200_roles", &many[..])] {
        let who = Who {
            id: "key_1",
            roles,
            team: Some("support"),
        };
        c.bench_function(&format!("authorise/remembered/{name}"), |b| {
            b.iter(|| rules.permit(black_box(who), Action::Call, black_box(agent)));
        });
        c.bench_function(&format!("authorise/anew/{name}"), |b| {
            b.iter(|| {
                rules
                    .explain(black_box(who), Action::Call, black_box(agent))
                    .permitted
            });
        });
    }
}

criterion_group!(benches, decisions);
criterion_main!(benches);
