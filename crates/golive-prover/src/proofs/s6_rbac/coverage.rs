//! S6.coverage: what the target shows to have, against what stands in the matrix. What is missing there was never tried,
//! and that is said by name.

use std::collections::{BTreeMap, BTreeSet};

use golive_checklist::judge::{Rule, Scored, Tally};
use golive_checklist::report::PartReport;
use golive_config::{Capability, TargetFormat};
use golive_lab::Query;
use http::Method;
use serde_json::Value;

use super::access::{Everyone, universe};
use super::tools::tools_in;
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::target::Call;

/// Names said in the reason; the rest stands in the evidence.
const SAID: usize = 8;

/// Paths that are no capability of their own: the models' and agents' routes, and what tells about the target itself.
const PLAIN: [&str; 9] = [
    "/chat/completions",
    "/messages",
    "/models",
    "/models/{}",
    "/health",
    "/livez",
    "/readyz",
    "/metrics",
    "/openapi.json",
];

pub(super) async fn prove(ctx: &Ctx, everyone: &Everyone) -> PartReport {
    let part = ctx.part("S6.coverage").fix(
        "put every capability that was found into the matrix: into the rows of those who may use it, or into \
         access.closed",
    );
    let declared = universe(&ctx.config);
    let (found, places) = discover(ctx, everyone).await;
    let missing: Vec<&Capability> = found.keys().filter(|what| !covered(&declared, what)).collect();
    let known = found.keys().filter(|what| covered(&declared, what)).count();
    let mut table: Vec<String> = found
        .iter()
        .map(|(what, place)| {
            let stands = if covered(&declared, what) {
                "stands there"
            } else {
                "MISSING"
            };
            format!("{stands:<14}{what}  ({place})")
        })
        .collect();
    table.extend(places);
    let part = part
        .headline(format!(
            "{known} of {} capabilities that were found stand in the matrix",
            found.len()
        ))
        .measured("found", found.len())
        .measured("missing", missing.len())
        .lines("what was found, and where", table);
    if found.is_empty() {
        return part.unproven(
            "nothing lists what this target has (no model list, no OpenAPI document), so nothing can be missed",
        );
    }
    if !missing.is_empty() {
        let names: Vec<String> = missing.iter().take(SAID).map(ToString::to_string).collect();
        let more = missing.len().saturating_sub(SAID);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        return part.unproven(format!(
            "{} capabilities of the target stand in no row of the matrix: {}{more}",
            missing.len(),
            names.join(", ")
        ));
    }
    let mut tally = Tally::new();
    (0..known).for_each(|_| tally.add_good());
    // The oracle on a matrix with one row less must miss just that.
    let one = found.keys().next();
    let less: BTreeSet<Capability> = declared
        .iter()
        .filter(|have| one.is_some_and(|one| !same(have, one)))
        .cloned()
        .collect();
    let noticed = one.is_some_and(|one| !covered(&less, one));
    let controls = Controls::new()
        .positive(Positive::new(
            "something of the matrix was found at the target",
            Scored::Scored(known > 0),
            format!("{known}"),
        ))
        .negative(Negative::new(
            "a capability taken out of the matrix is missed",
            Scored::Scored(noticed),
            one.map(ToString::to_string).unwrap_or_default(),
        ));
    part.controls(controls).judged(&tally.judge(&Rule::all_of(1)))
}

/// Every capability that shows itself, with where; and what was looked at in vain.
async fn discover(ctx: &Ctx, everyone: &Everyone) -> (BTreeMap<Capability, String>, Vec<String>) {
    let (mut found, mut notes) = (BTreeMap::new(), Vec::new());
    for (role, who) in everyone {
        ctx.waiting(format!("what {role} is shown"));
        if ctx.target.format() != TargetFormat::Http {
            let exchange = ctx.target.send(who.on(Call::get(ctx.target.v1("/models")))).await;
            let list = exchange
                .answer()
                .filter(|answer| answer.status.is_success())
                .and_then(|answer| answer.json());
            let listed = list
                .as_ref()
                .and_then(|list| list.get("data"))
                .and_then(Value::as_array);
            match listed {
                Some(listed) => {
                    let ids = listed
                        .iter()
                        .filter_map(|one| one.get("id").and_then(Value::as_str));
                    for id in ids {
                        let place = format!("listed for {role}");
                        found.entry(Capability::Model(id.to_owned())).or_insert(place);
                    }
                }
                None => notes.push(format!("no model list for {role}: {}", exchange.in_short())),
            }
        }
        for call in [
            Call::get("/openapi.json"),
            Call::admin(Method::GET, "/openapi.json"),
        ] {
            let exchange = ctx.target.send(who.on(call)).await;
            let document = exchange
                .answer()
                .filter(|answer| answer.status.is_success())
                .and_then(|answer| answer.json());
            let Some(document) = document else { continue };
            for what in operations(&document) {
                found
                    .entry(what)
                    .or_insert_with(|| format!("in the OpenAPI document shown to {role}"));
            }
        }
    }
    for tool in own_tools(ctx).await {
        found
            .entry(Capability::Tool(tool))
            .or_insert_with(|| "offered to the lab's model by the target itself".to_owned());
    }
    (found, notes)
}

/// The operations of an OpenAPI document that are capabilities.
fn operations(document: &Value) -> Vec<Capability> {
    let paths = document.get("paths").and_then(Value::as_object);
    let mut out = Vec::new();
    for (path, methods) in paths.into_iter().flatten() {
        let shape = shape(path);
        if PLAIN.iter().any(|plain| shape.ends_with(plain)) || !path.starts_with('/') {
            continue;
        }
        for method in methods
            .as_object()
            .into_iter()
            .flatten()
            .map(|(method, _)| method.to_uppercase())
        {
            if ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()) {
                out.push(Capability::Admin {
                    method,
                    path: path.clone(),
                });
            }
        }
    }
    out
}

/// Tools in requests of ours that held none: the target has put them there.
async fn own_tools(ctx: &Ctx) -> BTreeSet<String> {
    let query = Query {
        contains: Some(ctx.marker("cell")),
        limit: 200,
        ..Query::default()
    };
    match ctx.timeline(&query).await {
        Scored::Scored(page) => page
            .arrivals
            .iter()
            .flat_map(|arrival| tools_in(&arrival.body))
            .collect(),
        // Without a timeline there are no tools to be seen; the other places still count.
        Scored::Unscored(_) => BTreeSet::new(),
    }
}

fn covered(declared: &BTreeSet<Capability>, what: &Capability) -> bool {
    declared.iter().any(|have| same(have, what))
}

/// An agent is listed among the models; a path of a document has names where the matrix has values.
fn same(have: &Capability, what: &Capability) -> bool {
    match (have, what) {
        (
            Capability::Agent(have) | Capability::Model(have),
            Capability::Agent(what) | Capability::Model(what),
        ) => have == what,
        (
            Capability::Admin { method, path },
            Capability::Admin {
                method: of,
                path: template,
            },
        ) => {
            let path = path.split('?').next().unwrap_or_default();
            method == of && matches(template, path)
        }
        (have, what) => have == what,
    }
}

fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(wanted, step)| wanted == step || (wanted.starts_with('{') && !step.is_empty()))
}

/// `/keys/{key_id}` as `/keys/{}`.
fn shape(path: &str) -> String {
    let steps = path
        .split('/')
        .map(|step| if step.starts_with('{') { "{}" } else { step });
    steps.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_are_found_and_met_by_what_the_matrix_declares() {
        let document = json!({"paths": {
            "/admin/keys/{id}": {"get": {}, "delete": {}, "parameters": []},
            "/v1/chat/completions": {"post": {}},
            "/health": {"get": {}}
        }});
        let found = operations(&document);
        let words: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            ["admin:GET /admin/keys/{id}", "admin:DELETE /admin/keys/{id}"]
        );
        let declared = |text: &str| BTreeSet::from([text.parse::<Capability>().unwrap()]);
        assert!(covered(&declared("admin:GET /admin/keys/7?full=1"), &found[0]));
        assert!(!covered(&declared("admin:GET /admin/keys"), &found[0]));
        assert!(covered(&declared("agent:a"), &Capability::Model("a".into())));
        assert!(!covered(&declared("tool:a"), &Capability::Model("a".into())));
    }
}
