//! S5: `[issuers.NAME]` and `[certificates.NAME]`: callers that bring no API key.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::callees::Routes;
use super::{At, Need, Table, Walk, gateway, keys, upstreams};
use crate::base_url::BaseUrl;
use crate::meant::{Algorithm, CalleeKind, ClientName, Grant, Issuer, IssuerKeys, San, Server};

/// How far two clocks may be apart where nobody says otherwise.
const LEEWAY: Duration = Duration::from_secs(60);

pub(super) fn issuers(
    walk: &mut Walk<'_>,
    root: &Table<'_>,
    routes: &Routes,
) -> BTreeMap<String, Arc<Issuer>> {
    let mut issuers: BTreeMap<String, Arc<Issuer>> = BTreeMap::new();
    for (name, table) in root.child(walk, "issuers").named(walk) {
        let Some(issuer) = issuer(walk, &name.value, &table, routes) else {
            continue;
        };
        if let Some(same) = issuers.values().find(|other| other.issuer == issuer.issuer) {
            let message = format!(
                "`[issuers.{}]` and `[issuers.{}]` are the same issuer",
                same.name, name.value
            );
            walk.mistake(table.place("issuer"), "same_issuer", message)
                .help("write one table, with all audiences in its list");
            continue;
        }
        issuers.insert(name.value, Arc::new(issuer));
    }
    issuers
}

fn issuer(walk: &mut Walk<'_>, name: &str, table: &Table<'_>, routes: &Routes) -> Option<Issuer> {
    let written = table.text(walk, "issuer");
    let jwks_url = table.url(walk, "jwks_url");
    let jwks_file = table.text(walk, "jwks_file");
    let private_addresses = upstreams::private_addresses(walk, table);
    let audience = table.names(walk, "audience").unwrap_or_default();
    if audience.is_empty() && table.has("audience") {
        let message = format!(
            "`{}.audience` is empty: no token could be meant for golive",
            table.path
        );
        walk.mistake(table.place("audience"), "bad_value", message).help(
            "write what the issuer puts into `aud` of tokens for golive, as in audience = [\"golive\"]",
        );
    }
    let keys = match (&jwks_url, &jwks_file) {
        (Some(url), Some(_)) => {
            walk.mistake(
                table.place("jwks_file"),
                "two_sources",
                format!("`[{}]` has both `jwks_url` and `jwks_file`", table.path),
            )
            .help("keep one of them");
            IssuerKeys::Url(url.value.clone())
        }
        (Some(url), None) => {
            upstreams::reachable(walk, url, &private_addresses);
            IssuerKeys::Url(url.value.clone())
        }
        (None, Some(file)) => IssuerKeys::File(key_file(walk, file)),
        (None, None) => IssuerKeys::Discovery(discovery(walk, table, written.as_ref()?, &private_addresses)?),
    };
    if matches!(keys, IssuerKeys::File(_)) {
        for name in ["private_addresses", "ca_file"]
            .into_iter()
            .filter(|name| table.has(name))
        {
            let message = format!("`{}.{name}` has no effect: the keys come from a file", table.path);
            walk.mistake(table.place(name), "no_effect", message).as_warning();
        }
    }
    Some(Issuer {
        name: name.to_owned(),
        issuer: written?.value,
        keys,
        audience: audience.into_iter().map(|at| at.value).collect(),
        algorithms: algorithms(walk, table),
        typ: table.text(walk, "typ").map(|at| at.value),
        roles_claim: table.text(walk, "roles_claim").map(|at| at.value),
        team_claim: table.text(walk, "team_claim").map(|at| at.value),
        user_claim: table.text(walk, "user_claim").map(|at| at.value),
        grant: grant(walk, table, routes),
        leeway: table.duration(walk, "leeway").unwrap_or(LEEWAY),
        max_age: table.duration(walk, "max_age"),
        keys_max_age: table.duration(walk, "keys_max_age"),
        private_addresses,
        ca_file: gateway::ca_file(walk, table, Need::Gateway),
    })
}

fn key_file(walk: &mut Walk<'_>, file: &At<String>) -> std::path::PathBuf {
    let path = walk.join(&file.value);
    if walk.need == Need::Gateway
        && let Err(why) = std::fs::File::open(&path)
    {
        walk.mistake(
            file.span.clone(),
            "unreadable_keys",
            format!("cannot read {}: {why}", path.display()),
        )
        .help("it must be a JSON Web Key Set: {\"keys\": [ … ]}");
    }
    path
}

/// The issuer's own address, where its discovery document stands below.
fn discovery(
    walk: &mut Walk<'_>,
    table: &Table<'_>,
    written: &At<String>,
    private: &[ipnet::IpNet],
) -> Option<BaseUrl> {
    match written.value.parse::<BaseUrl>() {
        Ok(value) => {
            let url = At {
                value,
                span: written.span.clone(),
            };
            upstreams::reachable(walk, &url, private);
            Some(url.value)
        }
        Err(why) => {
            let message = format!("`{}.issuer` {why}, so its keys cannot be discovered", table.path);
            walk.mistake(written.span.clone(), "bad_value", message)
                .help("say where its keys are: jwks_url or jwks_file");
            None
        }
    }
}

fn algorithms(walk: &mut Walk<'_>, table: &Table<'_>) -> Vec<Algorithm> {
    let Some(written) = table.names(walk, "algorithms") else {
        return Algorithm::PRESET.to_vec();
    };
    let mut algorithms = Vec::with_capacity(written.len());
    for at in &written {
        match Algorithm::of(&at.value) {
            Some(algorithm) => algorithms.push(algorithm),
            None => {
                let known = Algorithm::ALL.map(Algorithm::as_str).join(", ");
                let message = format!(
                    "`{}.algorithms` does not know \"{}\"",
                    table.path,
                    super::table::shown(&at.value)
                );
                walk.mistake(at.span.clone(), "bad_value", message).help(format!(
                    "it takes {known}; never `none`, and no HS…: whoever can check such a token can make one"
                ));
            }
        }
    }
    if written.is_empty() {
        let message = format!("`{}.algorithms` is empty: no token would be accepted", table.path);
        walk.mistake(table.place("algorithms"), "bad_value", message);
    }
    algorithms
}

fn grant(walk: &mut Walk<'_>, table: &Table<'_>, routes: &Routes) -> Grant {
    Grant {
        agents: keys::allowed(walk, table, "agents", routes.names(CalleeKind::Agent)),
        models: keys::allowed(walk, table, "models", routes.names(CalleeKind::Model)),
        may_assert_users: table.flag(walk, "may_assert_users").unwrap_or(false),
    }
}

pub(super) fn certificates(
    walk: &mut Walk<'_>,
    root: &Table<'_>,
    routes: &Routes,
    server: &Server,
) -> BTreeMap<String, ClientName> {
    let mut all: BTreeMap<String, ClientName> = BTreeMap::new();
    let section = root.child(walk, "certificates");
    for (name, table) in section.named(walk) {
        let written = table.names(walk, "san").unwrap_or_default();
        let mut sans = Vec::with_capacity(written.len());
        for at in &written {
            let Some(san) = San::parse(&at.value) else {
                let message = format!(
                    "\"{}\" is no name of a certificate",
                    super::table::shown(&at.value)
                );
                walk.mistake(at.span.clone(), "bad_value", message)
                    .help("write \"uri:spiffe://…\", \"dns:host.example\" or \"email:who@example.com\", without `*`");
                continue;
            };
            if let Some(other) = all.values().find(|other| other.sans.contains(&san)) {
                let message = format!("{san} is `[certificates.{}]` already", other.name);
                walk.mistake(at.span.clone(), "same_certificate", message)
                    .help("a name of a certificate can be one caller only");
                continue;
            }
            sans.push(san);
        }
        if server.client_certificates.is_none() {
            let message = format!(
                "`[{}]` has no effect: callers are asked for no certificate",
                table.path
            );
            walk.mistake(table.span.clone(), "no_effect", message)
                .help("set server.client_ca_file")
                .as_warning();
        }
        let one = ClientName {
            name: name.value.clone(),
            sans,
            roles: table
                .names(walk, "roles")
                .unwrap_or_default()
                .into_iter()
                .map(|at| at.value)
                .collect(),
            team: table.text(walk, "team").map(|at| at.value),
            grant: grant(walk, &table, routes),
            carries_others: table.flag(walk, "carries_others").unwrap_or(false),
        };
        all.insert(name.value, one);
    }
    all
}
