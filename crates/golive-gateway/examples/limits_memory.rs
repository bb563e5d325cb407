//! S2: what the windows of many users weigh in memory: `cargo run --release -p golive-gateway --example limits_memory`.
//!
//! Prints MiB of resident memory per number of users and of requests each, and what happens beyond the bound.

use std::time::Duration;

use golive_gateway::limits::backend::{Ask, LimitBackend as _, Then};
use golive_gateway::limits::local::Local;
use golive_gateway::limits::{Item, Key, Rule, Scope, Unit};
use golive_resilience::Tick;
use golive_resilience::window::Policy;

fn main() {
    println!(
        "{:>10} {:>9} {:>10} {:>10}",
        "users", "requests", "windows", "MiB"
    );
    for (users, requests) in [(100_000, 1), (1_000_000, 1), (1_000_000, 10), (3_000_000, 1)] {
        let before = resident();
        let limits = Local::default();
        for request in 0..requests {
            for user in 0..users {
                let ask = Ask {
                    items: vec![item(user)],
                    then: Then::Count,
                };
                // Beyond the bound newcomers share a window and are refused; that is what is weighed.
                drop(limits.judge_now(&ask, Tick(request * 60_000_000)));
            }
        }
        let weight = resident().saturating_sub(before) / 1024;
        println!("{users:>10} {requests:>9} {:>10} {weight:>10}", limits.tracked());
    }
}

fn item(user: u128) -> Item {
    let rule = Rule {
        scope: Scope::User,
        unit: Unit::Requests,
        policy: Policy {
            count: 100,
            period: Duration::from_secs(3600),
        },
        one_of_several: false,
    };
    let hash = (user + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Item {
        key: Key::of(&rule, hash),
        rule,
        cost: 1,
    }
}

/// Resident memory in KiB (Linux).
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}
