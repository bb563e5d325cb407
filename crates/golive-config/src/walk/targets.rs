//! `[targets.NAME]`: deployments under proof.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::callees::pointers;
use super::secrets::{self, Found, Owner};
use super::{Need, Table, Walk, gateway, target_dispatch};
use crate::base_url::{BaseUrl, Scheme};
use crate::meant::{
    Access, Budget, Capability, ClientCertificate, Commands, Declares, Memory, MissingCredential, Soak,
    Target, TargetFormat, TargetIssuer, TargetMoney, TokenRole,
};
use crate::units::MicroUsd;

pub(super) fn all(walk: &mut Walk<'_>, root: &Table<'_>) -> BTreeMap<String, Target> {
    let tables = root.child(walk, "targets").named(walk);
    let read = tables
        .into_iter()
        .filter_map(|(name, table)| one(walk, &name.value, &table).map(|target| (name.value, target)));
    read.collect()
}

fn one(walk: &mut Walk<'_>, name: &str, table: &Table<'_>) -> Option<Target> {
    let formats = [TargetFormat::OpenAi, TargetFormat::Anthropic, TargetFormat::Http]
        .map(|format| (format.as_str(), format));
    let format = table.choice(walk, "format", &formats);
    let sure = format.is_some() || !table.has("format");
    let format = format.unwrap_or(TargetFormat::OpenAi);
    let url = table.url(walk, "url").map(|at| at.value);
    let model = table.text(walk, "model").map(|at| at.value);
    if sure && format != TargetFormat::Http && !table.has("model") {
        walk.mistake(
            table.span.clone(),
            "missing_key",
            format!("`[{}]` lacks `model`", table.path),
        )
        .help("add model = \"support\": what requests ask for");
    }
    let pointers = pointers(walk, table, sure.then_some(format == TargetFormat::Http));
    let staging = table.flag(walk, "staging").unwrap_or(false);
    let lab_url = table.url(walk, "lab_url").map(|at| at.value);
    if lab_url.is_some() && !staging {
        walk.mistake(table.place("lab_url"), "lab_without_staging", format!("`[{}]` calls the lab but is not staging", table.path))
            .help("the lab breaks and floods what it plays; add staging = true if customers are not served there, else remove lab_url");
    }
    let (credentials, missing_credentials) = credentials(walk, table);
    let issuer = issuer(walk, table);
    let declared = table.child(walk, "declares");
    Some(Target {
        name: name.to_owned(),
        format,
        model,
        pointers,
        staging,
        scaled: table.flag(walk, "scaled").unwrap_or(false),
        credentials,
        missing_credentials,
        issuer,
        certificates: certificates(walk, table),
        matrix: matrix(walk, table),
        access: access(walk, table),
        dispatch: target_dispatch::dispatch(walk, table),
        declares: declares(walk, &declared),
        schema: super::target_schema::schema(walk, &declared),
        health_url: table.url(walk, "health_url").map(|at| at.value),
        metrics_url: table.url(walk, "metrics_url").map(|at| at.value),
        lab_url,
        lab_provider: table
            .text(walk, "lab_provider")
            .map_or_else(|| "default".to_owned(), |at| at.value),
        commands: commands(walk, table),
        budget: budget(walk, table),
        ca_file: gateway::ca_file(walk, table, Need::Prover),
        repository: path(walk, table, "repository", Path::is_dir, "a folder"),
        scan_baseline: path(walk, table, "scan_baseline", Path::is_file, "a file"),
        plain_url: plain_url(walk, table, url.as_ref()),
        replies: super::replies::replies(walk, table),
        logs: super::replies::logs(walk, table),
        queue: super::replies::queue(walk, table),
        escalation: super::replies::escalation(walk, table),
        store_files: patterns(walk, table, "store_files"),
        memory: memory(walk, table),
        soak: soak(walk, table),
        money: money(walk, table),
        url: url?, // last: every other key must have been read before a bad address ends this
    })
}

/// A path that must be there if the prover reads the file.
fn path(
    walk: &mut Walk<'_>,
    table: &Table<'_>,
    key: &str,
    is: fn(&Path) -> bool,
    what: &str,
) -> Option<PathBuf> {
    let written = table.text(walk, key)?;
    let path = walk.join(&written.value);
    if walk.need == Need::Prover && !is(&path) {
        walk.mistake(
            written.span,
            "missing_file",
            format!("`{}` is not {what}", path.display()),
        )
        .help(format!("`{key}` is looked for from the folder of this file"));
    }
    Some(path)
}

/// An address of the same deployment without TLS; another host would be another target.
fn plain_url(walk: &mut Walk<'_>, table: &Table<'_>, url: Option<&BaseUrl>) -> Option<BaseUrl> {
    let plain = table.url(walk, "plain_url")?;
    if plain.value.scheme == Scheme::Https {
        let message = format!("`{}.plain_url` begins with https://", table.path);
        walk.mistake(plain.span, "bad_value", message)
            .help("write the address that must not answer in clear, as in plain_url = \"http://staging.example.com\"");
        return None;
    }
    if let Some(url) = url.filter(|url| url.host != plain.value.host) {
        let message = format!("`{}.plain_url` is on another host than `url`", table.path);
        walk.mistake(plain.span, "another_host", message)
            .help(format!("it must be `{}`: only that host is a target", url.host));
        return None;
    }
    Some(plain.value)
}

fn patterns(walk: &mut Walk<'_>, table: &Table<'_>, name: &str) -> Vec<PathBuf> {
    let patterns = table.names(walk, name).unwrap_or_default();
    patterns
        .into_iter()
        .map(|pattern| walk.join(&pattern.value))
        .collect()
}

fn credentials(
    walk: &mut Walk<'_>,
    table: &Table<'_>,
) -> (BTreeMap<String, secrecy::SecretString>, Vec<MissingCredential>) {
    let (mut here, mut missing) = (BTreeMap::new(), Vec::new());
    for (role, inner) in table.child(walk, "credentials").named(walk) {
        match secrets::read(walk, &inner, ["key_env", "key_file"], None, Owner::Target) {
            Found::Here(secret) => drop(here.insert(role.value, secret.text)),
            Found::Missing(source) => missing.push(MissingCredential {
                role: role.value,
                source,
            }),
            Found::NotNamed if inner.has_literal_secret() => {}
            Found::NotNamed => {
                walk.mistake(
                    role.span,
                    "missing_key",
                    format!("`[{}]` lacks `key_env`", inner.path),
                )
                .help("add key_env = \"VARIABLE\" (or key_file)");
            }
        }
    }
    (here, missing)
}

fn issuer(walk: &mut Walk<'_>, table: &Table<'_>) -> Option<TargetIssuer> {
    let table = table.child(walk, "issuer");
    let text = |walk: &mut Walk<'_>, name: &str, preset: &str| {
        let written = table.text(walk, name);
        written.map_or_else(|| preset.to_owned(), |at| at.value)
    };
    let roles = table.child(walk, "roles").named(walk);
    let roles = roles.into_iter().map(|(role, inner)| {
        let claim = inner.names(walk, "claim");
        let claim = claim.map(|all| all.into_iter().map(|at| at.value).collect());
        let subject = inner.text(walk, "subject").map(|at| at.value);
        let token = TokenRole {
            claim: claim.unwrap_or_else(|| vec![role.value.clone()]),
            subject: subject.unwrap_or_else(|| format!("glv-check-{}", role.value)),
        };
        (role.value, token)
    });
    let roles = roles.collect();
    let issuer = TargetIssuer {
        name: text(walk, "name", "default"),
        address: table.text(walk, "address").map(|at| at.value),
        audience: text(walk, "audience", "golive"),
        algorithms: algorithms(walk, &table),
        typ: text(walk, "typ", "JWT"),
        roles_claim: text(walk, "roles_claim", "roles"),
        learns_within: table
            .duration(walk, "learns_within")
            .unwrap_or(Duration::from_secs(60)),
        forgets_within: table
            .duration(walk, "forgets_within")
            .unwrap_or(Duration::from_secs(300)),
        roles,
    };
    table.is_there().then_some(issuer)
}

fn algorithms(walk: &mut Walk<'_>, table: &Table<'_>) -> Vec<String> {
    let known = ["RS256", "ES256", "EdDSA"];
    let mut algorithms = Vec::new();
    for written in table.names(walk, "algorithms").unwrap_or_default() {
        if known.contains(&written.value.as_str()) {
            algorithms.push(written.value);
        } else {
            let message = format!(
                "`{}.algorithms` holds one that the lab has no key for",
                table.path
            );
            walk.mistake(written.span, "bad_value", message)
                .help(format!("it takes {}", known.join(", ")));
        }
    }
    algorithms
}

fn certificates(walk: &mut Walk<'_>, table: &Table<'_>) -> BTreeMap<String, ClientCertificate> {
    let mut found = BTreeMap::new();
    for (role, inner) in table.child(walk, "certificates").named(walk) {
        let (cert, key) = (inner.text(walk, "cert_file"), inner.text(walk, "key_file"));
        let (Some(cert), Some(key)) = (cert, key) else {
            continue;
        };
        let (cert_file, key_file) = (walk.join(&cert.value), walk.join(&key.value));
        found.insert(role.value, ClientCertificate { cert_file, key_file });
    }
    found
}

fn matrix(walk: &mut Walk<'_>, table: &Table<'_>) -> BTreeMap<String, Vec<Capability>> {
    let roles = table.child(walk, "matrix").named(walk);
    let read = roles
        .into_iter()
        .map(|(role, inner)| (role.value, capabilities(walk, &inner, "may")));
    read.collect()
}

fn access(walk: &mut Walk<'_>, table: &Table<'_>) -> Access {
    let table = table.child(walk, "access");
    let rows = table.text(walk, "rows_path");
    if let Some(rows) = rows.as_ref().filter(|rows| !rows.value.starts_with('/')) {
        walk.mistake(
            rows.span.clone(),
            "bad_value",
            format!("`{}.rows_path` is no path from the root", table.path),
        )
        .help("write rows_path = \"/v1/ledger\"");
    }
    Access {
        closed: capabilities(walk, &table, "closed"),
        admin_url: table.url(walk, "admin_url").map(|at| at.value),
        rows_path: rows.map(|at| at.value),
    }
}

fn capabilities(walk: &mut Walk<'_>, table: &Table<'_>, name: &str) -> Vec<Capability> {
    let mut found: Vec<Capability> = Vec::new();
    for written in table.names(walk, name).unwrap_or_default() {
        match written.value.parse() {
            Ok(capability) => found.push(capability),
            Err(why) => {
                walk.mistake(
                    written.span,
                    "bad_value",
                    format!("`{}.{name}`: {why}", table.path),
                )
                .help("as in may = [\"model:support\", \"admin:GET /admin/ledger\"]");
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn declares(walk: &mut Walk<'_>, table: &Table<'_>) -> Declares {
    let preset = Declares::default();
    Declares {
        user_limit: table.rate_or_off(walk, "user_limit").unwrap_or(preset.user_limit),
        global_limit: table
            .rate_or_off(walk, "global_limit")
            .unwrap_or(preset.global_limit),
        first_byte: table.duration(walk, "first_byte").unwrap_or(preset.first_byte),
        idle: table.duration(walk, "idle").unwrap_or(preset.idle),
        total_request: table
            .duration(walk, "total_request")
            .unwrap_or(preset.total_request),
        total_stream: table
            .duration(walk, "total_stream")
            .unwrap_or(preset.total_stream),
        p95_simple: table.duration(walk, "p95_simple").unwrap_or(preset.p95_simple),
        p95_complex: table.duration(walk, "p95_complex").unwrap_or(preset.p95_complex),
        expected_rate: table.load(walk, "expected_rate"),
        health_detect: table
            .duration(walk, "health_detect")
            .unwrap_or(preset.health_detect),
        body_size: table.size(walk, "body_size").unwrap_or(preset.body_size),
    }
}

fn commands(walk: &mut Walk<'_>, table: &Table<'_>) -> Commands {
    let table = table.child(walk, "commands");
    Commands {
        deploy: command(walk, &table, "deploy"),
        rollback: command(walk, &table, "rollback"),
        break_: command(walk, &table, "break"),
        heal: command(walk, &table, "heal"),
        revoke: command(walk, &table, "revoke"),
        flag: command(walk, &table, "flag"),
        read_back: command(walk, &table, "read_back"),
    }
}

pub(super) fn command(walk: &mut Walk<'_>, table: &Table<'_>, name: &str) -> Option<Vec<String>> {
    let words = table.names(walk, name)?;
    if words.is_empty() {
        walk.mistake(
            table.place(name),
            "bad_value",
            format!("`{}.{name}` names no program", table.path),
        )
        .help(format!(
            "write the program and its arguments, as in {name} = [\"./{name}.sh\"]"
        ));
        return None;
    }
    Some(words.into_iter().map(|at| at.value).collect())
}

fn budget(walk: &mut Walk<'_>, table: &Table<'_>) -> Budget {
    let table = table.child(walk, "budget");
    Budget {
        requests: table
            .count(walk, "requests")
            .unwrap_or(Budget::default().requests),
    }
}

fn memory(walk: &mut Walk<'_>, table: &Table<'_>) -> Memory {
    let table = table.child(walk, "memory");
    // Not looked for here: both appear when the target runs.
    let mut place = |name: &str| {
        let written = table.text(walk, name)?;
        Some(walk.join(&written.value))
    };
    Memory {
        pid_file: place("pid_file"),
        cgroup: place("cgroup"),
        metric: table.text(walk, "metric").map(|at| at.value),
        command: command(walk, &table, "command"),
        limit: table.size(walk, "limit"),
        database_files: patterns(walk, &table, "database_files"),
        database_limit: table.size(walk, "database_limit"),
    }
}

fn soak(walk: &mut Walk<'_>, table: &Table<'_>) -> Soak {
    let table = table.child(walk, "soak");
    let preset = Soak::default();
    Soak {
        duration: table.duration(walk, "duration").unwrap_or(preset.duration),
        in_check: table.duration(walk, "in_check").unwrap_or(preset.in_check),
        rate: table.load(walk, "rate"),
        idle: table.duration(walk, "idle").unwrap_or(preset.idle),
        record: None,
        declared: None,
    }
}

fn money(walk: &mut Walk<'_>, table: &Table<'_>) -> TargetMoney {
    let table = table.child(walk, "money");
    let text = |walk: &mut Walk<'_>, name: &str| table.text(walk, name).map(|at| at.value);
    let budget_role = text(walk, "budget_role");
    if let Some(role) = budget_role.as_ref().filter(|_| !table.has("small_budget")) {
        walk.mistake(
            table.place("budget_role"),
            "missing_key",
            format!(
                "`[{}]` names the role `{role}` and lacks `small_budget`",
                table.path
            ),
        )
        .help("add small_budget = \"0.05 USD\": the budget that the key of this role is under");
    }
    TargetMoney {
        input: amount(walk, &table, "input"),
        cached_input: amount(walk, &table, "cached_input"),
        output: amount(walk, &table, "output"),
        prices_of: day(walk, &table, "prices_of"),
        monthly_budget: amount(walk, &table, "monthly_budget"),
        volume: table.load(walk, "volume"),
        sample: path(walk, &table, "sample", Path::is_file, "a file"),
        budget_role,
        small_budget: amount(walk, &table, "small_budget"),
        overshoot: amount(walk, &table, "overshoot"),
        input_max: table.count(walk, "input_max"),
        output_max: table.count(walk, "output_max"),
        spent_metric: text(walk, "spent_metric"),
        unpriced_model: text(walk, "unpriced_model"),
    }
}

/// An amount of money that is not negative.
fn amount(walk: &mut Walk<'_>, table: &Table<'_>, name: &str) -> Option<MicroUsd> {
    let written = table.text(walk, name)?;
    let why = match written.value.parse::<MicroUsd>() {
        Ok(amount) if amount.0 >= 0 => return Some(amount),
        Ok(_) => "it is negative".to_owned(),
        Err(why) => why.to_string(),
    };
    walk.mistake(
        written.span,
        "bad_value",
        format!("`{}.{name}`: {why}", table.path),
    )
    .help(format!("write it as in {name} = \"2.50 USD\""));
    None
}

/// A day as `2026-03-01`.
fn day(walk: &mut Walk<'_>, table: &Table<'_>, name: &str) -> Option<String> {
    let written = table.text(walk, name)?;
    let fields: Vec<&str> = written.value.split('-').collect();
    let is = |field: &str, length: usize, least: u32, most: u32| {
        field.len() == length
            && field.bytes().all(|byte| byte.is_ascii_digit())
            && field
                .parse()
                .is_ok_and(|number: u32| (least..=most).contains(&number))
    };
    if let [year, month, day] = fields[..]
        && is(year, 4, 2000, 9999)
        && is(month, 2, 1, 12)
        && is(day, 2, 1, 31)
    {
        return Some(written.value);
    }
    walk.mistake(
        written.span,
        "bad_value",
        format!("`{}.{name}` is not a day", table.path),
    )
    .help(format!(
        "write year, month and day, as in {name} = \"2026-03-01\""
    ));
    None
}
