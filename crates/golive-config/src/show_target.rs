//! S1: `[targets.NAME]` as `golive config show` prints it.
//!
//! Never: prints a secret: of a credential it names the place.

use serde_json::{Value, json};

use crate::meant::{ClaimedBreaker, Counted, Links, Memory, Target, TargetIssuer, TargetMoney};
use crate::show::{load, pointers, rate, span, texts};

pub(crate) fn target(target: &Target) -> Value {
    let here = target
        .credentials
        .keys()
        .map(|role| (role.clone(), "<set>".to_owned()));
    let missing = target
        .missing_credentials
        .iter()
        .map(|one| (one.role.clone(), format!("<missing: {}>", one.source)));
    let commands = &target.commands;
    let mut shown = json!({
        "url": target.url.to_string(),
        "format": target.format.as_str(),
        "model": target.model,
        "pointers": target.pointers.as_ref().map(pointers),
        "staging": target.staging,
        "scaled": target.scaled,
        "credentials": here.chain(missing).collect::<std::collections::BTreeMap<_, _>>(),
        "issuer": target.issuer.as_ref().map(target_issuer),
        "certificates": target_certificates(target),
        "matrix": matrix(target),
        "access": {
            "closed": texts(&target.access.closed),
            "admin_url": target.access.admin_url.as_ref().map(ToString::to_string),
            "rows_path": target.access.rows_path,
        },
        "declares": declares(target),
        "links": links(&target.dispatch.links),
        "health_url": target.health_url.as_ref().map(ToString::to_string),
        "metrics_url": target.metrics_url.as_ref().map(ToString::to_string),
        "lab_url": target.lab_url.as_ref().map(ToString::to_string),
        "lab_provider": target.lab_provider,
        "commands": {
            "deploy": commands.deploy,
            "rollback": commands.rollback,
            "break": commands.break_,
            "heal": commands.heal,
            "revoke": commands.revoke,
            "flag": commands.flag,
            "read_back": commands.read_back,
        },
        "budget": { "requests": target.budget.requests },
        "ca_file": target.ca_file,
        "repository": target.repository,
        "scan_baseline": target.scan_baseline,
        "plain_url": target.plain_url.as_ref().map(ToString::to_string),
        "store_files": (!target.store_files.is_empty()).then_some(&target.store_files),
        "memory": memory(&target.memory),
        "soak": {
            "duration": span(target.soak.duration),
            "in_check": span(target.soak.in_check),
            "rate": target.soak.rate.map(load),
            "idle": span(target.soak.idle),
        },
        "money": target_money(&target.money),
    });
    crate::show_replies::add(&mut shown, target);
    shown
}

fn memory(memory: &Memory) -> Value {
    json!({
        "pid_file": memory.pid_file,
        "cgroup": memory.cgroup,
        "metric": memory.metric,
        "command": memory.command,
        "limit": memory.limit.map(|size| size.to_string()),
        "database_files": (!memory.database_files.is_empty()).then_some(&memory.database_files),
        "database_limit": memory.database_limit.map(|size| size.to_string()),
    })
}

fn target_money(money: &TargetMoney) -> Value {
    let amount = |amount: Option<crate::units::MicroUsd>| amount.map(|amount| amount.to_string());
    json!({
        "input": amount(money.input),
        "cached_input": amount(money.cached_input),
        "output": amount(money.output),
        "prices_of": money.prices_of,
        "monthly_budget": amount(money.monthly_budget),
        "volume": money.volume.map(load),
        "sample": money.sample,
        "budget_role": money.budget_role,
        "small_budget": amount(money.small_budget),
        "overshoot": amount(money.overshoot),
        "input_max": money.input_max,
        "output_max": money.output_max,
        "spent_metric": money.spent_metric,
        "unpriced_model": money.unpriced_model,
    })
}

fn target_issuer(issuer: &TargetIssuer) -> Value {
    let role = |(name, role): (&String, &crate::TokenRole)| {
        (
            name.clone(),
            json!({ "claim": role.claim, "subject": role.subject }),
        )
    };
    json!({
        "name": issuer.name,
        "address": issuer.address,
        "audience": issuer.audience,
        "algorithms": issuer.algorithms,
        "typ": issuer.typ,
        "roles_claim": issuer.roles_claim,
        "learns_within": span(issuer.learns_within),
        "forgets_within": span(issuer.forgets_within),
        "roles": issuer.roles.iter().map(role).collect::<serde_json::Map<_, _>>(),
    })
}

fn target_certificates(target: &Target) -> Value {
    let files = target.certificates.iter().map(|(role, files)| {
        (
            role.clone(),
            json!({ "cert_file": files.cert_file, "key_file": files.key_file }),
        )
    });
    Value::Object(files.collect())
}

fn matrix(target: &Target) -> Value {
    let roles = target.matrix.iter();
    Value::Object(
        roles
            .map(|(role, may)| (role.clone(), json!({ "may": texts(may) })))
            .collect(),
    )
}

fn links(links: &Links) -> Value {
    let prices = links
        .prices
        .iter()
        .map(|price| format!("{}/{}", price.input, price.output));
    json!({
        "one": links.one,
        "chain": links.chain,
        "providers": links.providers,
        "names": links.names,
        "prices": prices.collect::<Vec<_>>(),
        "queued": links.queued,
    })
}

fn breaker(breaker: &ClaimedBreaker) -> Value {
    let counts = match breaker.counts {
        Counted::Attempts => "attempts",
        Counted::Calls => "calls",
    };
    json!({
        "failures": breaker.failures,
        "open": span(breaker.open),
        "successes": breaker.successes,
        "probes": breaker.probes,
        "counts": counts,
    })
}

fn declares(target: &Target) -> Value {
    let (declares, dispatch) = (&target.declares, &target.dispatch);
    let names = |bodies: &[(String, String)]| bodies.iter().map(|(file, _)| file.clone()).collect::<Vec<_>>();
    json!({
        "user_limit": rate(declares.user_limit),
        "global_limit": rate(declares.global_limit),
        "first_byte": span(declares.first_byte),
        "idle": span(declares.idle),
        "total_request": span(declares.total_request),
        "total_stream": span(declares.total_stream),
        "p95_simple": span(declares.p95_simple),
        "p95_complex": span(declares.p95_complex),
        "expected_rate": declares.expected_rate.map(load),
        "health_detect": span(declares.health_detect),
        "body_size": declares.body_size.to_string(),
        "retry": {
            "backoff": dispatch.retry.backoff.iter().map(|wait| span(*wait)).collect::<Vec<_>>(),
            "jitter": format!("{}%", dispatch.retry.jitter_percent),
            "idempotent": dispatch.retry.idempotent,
        },
        "breaker": breaker(&dispatch.breaker),
        "schema": target.schema.as_ref().map(|schema| json!({
            "good": names(&schema.good),
            "bad": names(&schema.bad),
            "deny": schema.deny,
            "refuses_system": schema.refuses_system,
        })),
    })
}
