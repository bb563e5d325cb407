//! S2: what it costs to count a call: `cargo bench -p golive-gateway --bench limits`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use golive_gateway::limits::backend::{Ask, Then};
use golive_gateway::limits::local::Local;
use golive_gateway::limits::{Item, Key, Rule, Scope, Unit};
use golive_resilience::Tick;
use golive_resilience::window::Policy;
use uuid::Uuid;

fn item(scope: Scope, unit: Unit, whose: u128, count: u32, seconds: u64, cost: u32) -> Item {
    let rule = Rule {
        scope,
        unit,
        policy: Policy {
            count,
            period: Duration::from_secs(seconds),
        },
        one_of_several: false,
    };
    let hash = (whose + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Item {
        key: Key::of(&rule, hash),
        rule,
        cost,
    }
}

/// The defaults: a user's hour and everybody's.
fn two(user: u128) -> Vec<Item> {
    vec![
        item(Scope::User, Unit::Requests, user, 100, 3600, 1),
        item(Scope::Global, Unit::Requests, 0, 1_000_000, 3600, 1),
    ]
}

/// Five scopes, two periods each.
fn ten(user: u128) -> Vec<Item> {
    let agent = Scope::Callee(golive_config::CalleeKind::Agent);
    [Scope::User, Scope::Principal, Scope::Team, agent, Scope::Global]
        .into_iter()
        .flat_map(|scope| {
            let whose = if scope == Scope::User { user } else { 7 };
            [
                item(scope, Unit::Requests, whose, 2_000_000, 3600, 1),
                item(scope, Unit::Requests, whose, 1_000_000, 10, 1),
            ]
        })
        .collect()
}

fn counting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("limits");
    for (name, items) in [
        ("user and global", two as fn(u128) -> Vec<Item>),
        ("five scopes, two periods", ten),
    ] {
        let limits = Local::default();
        let mut n = 0_u64;
        group.bench_function(format!("count, {name}, 50,000 users"), |bencher| {
            bencher.iter_batched(
                || {
                    n += 1;
                    let ask = Ask {
                        items: items(u128::from(n % 50_000)),
                        then: Then::Count,
                    };
                    (ask, Tick(n * 20_000))
                },
                |(ask, now)| black_box(limits.judge_now(&ask, now).is_ok()),
                BatchSize::SmallInput,
            );
        });
    }
    let limits = Local::default();
    let mut n = 0_u64;
    group.bench_function("reserve and settle tokens of a user", |bencher| {
        bencher.iter_batched(
            || {
                n += 1;
                let ask = Ask {
                    items: vec![item(
                        Scope::User,
                        Unit::Tokens,
                        u128::from(n % 50_000),
                        1_000_000,
                        3600,
                        900,
                    )],
                    then: Then::Hold {
                        id: Uuid::nil(),
                        ttl: Duration::from_secs(600),
                    },
                };
                (ask, Tick(n * 20_000))
            },
            |(ask, now)| {
                let granted = limits.judge_now(&ask, now);
                if let Some(held) = granted.ok().and_then(|granted| granted.held) {
                    black_box(limits.settle_now(&held, 300, now));
                }
            },
            BatchSize::SmallInput,
        );
    });
    // Every shard is full and nobody is idle: each call is one of a newcomer.
    let full = Local::default();
    for user in 0..3_000_000_u128 {
        let ask = Ask {
            items: vec![item(Scope::User, Unit::Requests, user, 100, 3600, 1)],
            then: Then::Count,
        };
        drop(full.judge_now(&ask, Tick(0)));
    }
    let mut user = 10_000_000_u128;
    group.bench_function("an unknown user, all shards full", |bencher| {
        bencher.iter_batched(
            || {
                user += 1;
                Ask {
                    items: vec![item(Scope::User, Unit::Requests, user, 100, 3600, 1)],
                    then: Then::Count,
                }
            },
            |ask| black_box(full.judge_now(&ask, Tick(1_000)).is_ok()),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, counting);
criterion_main!(benches);
