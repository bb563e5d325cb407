//! `[agents.NAME]` and `[models.NAME]`, with the digest that makes each a release.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::screening::Screens;
use super::upstreams::{OwnClocks, Upstreams, own_clocks};
use super::{At, Table, Walk, unknown};
use crate::definition;
use crate::meant::{
    Callee, CalleeKind, DeniedTools, Escalation, LinkRef, Messages, OnFailure, Pointers, Resilience,
    Screening, Translation, Upstream, UpstreamKind,
};

/// What holds for agents and models that do not say otherwise.
pub(super) struct Presets<'a> {
    pub screening: (&'a Screening, &'a Screens),
    pub resilience: &'a Resilience,
    pub messages: &'a Messages,
    pub translation: &'a Translation,
    pub escalation: &'a Escalation,
}

/// Agents and models by name.
pub(super) struct Routes {
    pub agents: BTreeMap<String, Arc<Callee>>,
    pub models: BTreeMap<String, Arc<Callee>>,
    /// Names whose table had a mistake: they exist, so nobody who names them is told otherwise.
    pub broken: Vec<(CalleeKind, String)>,
}

impl Routes {
    /// All names of this kind, broken ones too.
    pub(super) fn names(&self, kind: CalleeKind) -> Vec<&str> {
        let of_kind = if kind == CalleeKind::Agent {
            &self.agents
        } else {
            &self.models
        };
        let broken = self
            .broken
            .iter()
            .filter(|(broken, _)| *broken == kind)
            .map(|(_, name)| name.as_str());
        of_kind.keys().map(String::as_str).chain(broken).collect()
    }
}

pub(super) fn all(
    walk: &mut Walk<'_>,
    root: &Table<'_>,
    upstreams: &Upstreams,
    presets: &Presets<'_>,
) -> Routes {
    let mut routes = Routes {
        agents: BTreeMap::new(),
        models: BTreeMap::new(),
        broken: Vec::new(),
    };
    let agents = root.child(walk, "agents").named(walk);
    let models = root.child(walk, "models").named(walk);
    let nobody = agents.is_empty() && models.is_empty();
    clashes(walk, &agents, &models);
    for (kind, tables) in [(CalleeKind::Agent, agents), (CalleeKind::Model, models)] {
        for (name, table) in tables {
            match one(walk, (kind, &name.value), &table, upstreams, presets) {
                Some(callee) if kind == CalleeKind::Agent => {
                    drop(routes.agents.insert(name.value, Arc::new(callee)))
                }
                Some(callee) => drop(routes.models.insert(name.value, Arc::new(callee))),
                None => routes.broken.push((kind, name.value)),
            }
        }
    }
    if nobody && !root.has("targets") {
        walk.mistake(
            0..0,
            "nothing_to_serve",
            "no `[agents.…]` and no `[models.…]`: every request will be refused".to_owned(),
        )
        .help("add [agents.support] with chain = [\"openai/gpt-4o\"]")
        .as_warning();
    }
    unused(walk, root, &routes, upstreams);
    routes
}

/// A request's `model` names an agent or a model: never both.
fn clashes(walk: &mut Walk<'_>, agents: &[(At<String>, Table<'_>)], models: &[(At<String>, Table<'_>)]) {
    for (name, _) in models {
        if agents.iter().any(|(agent, _)| agent.value == name.value) {
            let message = format!("`{}` is the name of an agent and of a model", name.value);
            walk.mistake(name.span.clone(), "name_clash", message)
                .help("a request says one of them in `model`; rename one");
        }
    }
}

/// An upstream that nobody calls is most often a slip.
fn unused(walk: &mut Walk<'_>, root: &Table<'_>, routes: &Routes, upstreams: &Upstreams) {
    if !routes.broken.is_empty() {
        return;
    }
    let Some(entries) = root
        .entries
        .and_then(|entries| entries.get("upstreams"))
        .and_then(|value| value.get_ref().as_table())
    else {
        return;
    };
    let callees: Vec<_> = routes.agents.values().chain(routes.models.values()).collect();
    for name in upstreams.known.keys() {
        let used = callees
            .iter()
            .any(|callee| callee.chain.iter().any(|link| link.upstream.name == *name));
        if !used && let Some((key, _)) = entries.get_key_value(name.as_str()) {
            walk.mistake(
                key.span(),
                "unused",
                format!("no agent and no model calls upstream `{name}`"),
            )
            .as_warning();
        }
    }
}

fn one(
    walk: &mut Walk<'_>,
    (kind, name): (CalleeKind, &str),
    table: &Table<'_>,
    upstreams: &Upstreams,
    presets: &Presets<'_>,
) -> Option<Callee> {
    let max_in_flight = table.count32(walk, "max_in_flight");
    let words = [DeniedTools::Refuse, DeniedTools::Strip].map(|one| (one.as_str(), one));
    let denied_tools = table.choice(walk, "denied_tools", &words).unwrap_or_default();
    let clocks = own_clocks(walk, table, "timeouts");
    let on_failure = on_failure(walk, table, kind);
    let links = chain(walk, table, upstreams, &clocks);
    let first = links
        .as_ref()
        .and_then(|links| links.first())
        .map(|link| Arc::clone(&link.upstream));
    let sure = first
        .as_ref()
        .filter(|upstream| !upstreams.unsure.contains(&upstream.name));
    let pointers = pointers(walk, table, needs_pointers(links.as_deref(), upstreams));
    let preset = first
        .as_ref()
        .map(|upstream| upstream.timeouts)
        .unwrap_or_default();
    let timeouts = clocks.over(preset);
    if sure.is_some_and(|upstream| upstream.kind == UpstreamKind::Http) && table.has("denied_tools") {
        let message = format!(
            "`{}.denied_tools` has no effect: an HTTP agent's JSON has no place for tools",
            table.path
        );
        walk.mistake(table.place("denied_tools"), "no_effect", message)
            .help("remove it");
    }
    let limits = super::limits::own(walk, table);
    let screening = super::screening::own(walk, table, presets.screening);
    let resilience = super::resilience::own(walk, table, presets.resilience);
    let messages = super::resilience::messages(walk, table, presets.messages);
    let translation = super::translation::read(walk, table, presets.translation);
    let escalation = match kind {
        CalleeKind::Agent => super::escalation::own(walk, table, presets.escalation),
        // No person talks to a model.
        CalleeKind::Model => Escalation {
            enabled: false,
            ..Escalation::default()
        },
    };
    let system_prompt = super::screening::file(walk, table, "system_prompt_file");
    let input_schema = super::screening::file(walk, table, "input_schema_file");
    if sure.is_some_and(|upstream| upstream.kind == UpstreamKind::Http) && system_prompt.is_some() {
        let message = format!(
            "`{}.system_prompt_file` has no effect: an HTTP agent has its prompt itself",
            table.path
        );
        walk.mistake(table.place("system_prompt_file"), "no_effect", message)
            .help("remove it");
    }
    let mut callee = Callee {
        kind,
        name: name.to_owned(),
        chain: links?,
        max_in_flight,
        denied_tools,
        pointers,
        timeouts,
        resilience,
        on_failure,
        messages,
        translation,
        limits,
        screening,
        escalation,
        system_prompt,
        input_schema,
        definition: String::new(),
        digest: String::new(),
    };
    callee.definition = definition::canonical(&callee);
    callee.digest = definition::digest(&callee.definition);
    Some(callee)
}

fn on_failure(walk: &mut Walk<'_>, table: &Table<'_>, kind: CalleeKind) -> OnFailure {
    let written = table.choice(walk, "on_failure", &OnFailure::WORDS);
    match kind {
        CalleeKind::Agent => written.unwrap_or_default(),
        CalleeKind::Model => {
            if written == Some(OnFailure::Reply) {
                let message = format!("`{}.on_failure`: a model has no people to reply to", table.path);
                walk.mistake(table.place("on_failure"), "no_effect", message)
                    .help("remove it, or make it an agent: [agents.NAME]");
            }
            OnFailure::Error
        }
    }
}

/// The most links of a chain.
const LINKS_MAX: usize = golive_resilience::chain::LINKS_MAX;

fn chain(
    walk: &mut Walk<'_>,
    table: &Table<'_>,
    upstreams: &Upstreams,
    clocks: &OwnClocks,
) -> Option<Vec<LinkRef>> {
    let written = table.names(walk, "chain")?;
    if written.is_empty() {
        walk.mistake(
            table.place("chain"),
            "empty_chain",
            format!("`{}.chain` has no link", table.path),
        )
        .help("name an upstream and its model, as in chain = [\"openai/gpt-4o\"]");
        return None;
    }
    let mut links = Vec::with_capacity(written.len());
    for (rank, entry) in written.iter().enumerate() {
        let rank = u32::try_from(rank).unwrap_or(u32::MAX);
        for equal in entry.value.split('|') {
            links.push(link(walk, entry, equal.trim(), rank, upstreams, clocks));
        }
    }
    if links.len() > LINKS_MAX {
        walk.mistake(
            table.place("chain"),
            "chain_too_long",
            format!("`{}.chain` has {} links", table.path, links.len()),
        )
        .help(format!("{LINKS_MAX} are the most"));
        return None;
    }
    links.into_iter().collect()
}

/// One of the links of an entry: `openai/gpt-4o`, with a weight behind it if it shares the load: `openai/gpt-4o 3`.
fn link(
    walk: &mut Walk<'_>,
    entry: &At<String>,
    text: &str,
    rank: u32,
    upstreams: &Upstreams,
    clocks: &OwnClocks,
) -> Option<LinkRef> {
    let (address, weight) = match text.split_once(char::is_whitespace) {
        None => (text, Some(1)),
        Some((address, weight)) => (
            address,
            weight.trim().parse().ok().filter(|w| (1..=1000).contains(w)),
        ),
    };
    let Some(weight) = weight else {
        let message = format!("`{}` is no link with a weight", super::table::shown(text));
        walk.mistake(entry.span.clone(), "bad_link", message)
            .help("write a weight from 1 to 1000 behind the link, as in \"east/gpt-4o 3 | west/gpt-4o 1\"");
        return None;
    };
    let (name, model) = match address.split_once('/') {
        Some((name, model)) => (name, Some(model)),
        None => (address, None),
    };
    let Some(upstream) = upstreams.known.get(name) else {
        let names: Vec<&str> = upstreams.known.keys().map(String::as_str).collect();
        dangling(
            walk,
            entry.span.clone(),
            "upstream",
            name,
            &names,
            "[upstreams.*]",
        );
        return None;
    };
    if !upstreams.unsure.contains(name) {
        link_fits(walk, entry, upstream, model)?;
    }
    Some(LinkRef {
        upstream: Arc::clone(upstream),
        model: model.map(str::to_owned),
        rank,
        weight,
        timeouts: clocks.over(upstream.timeouts),
    })
}

/// Whether a link of the chain is known by pointers only; `None`: that could not be told.
fn needs_pointers(links: Option<&[LinkRef]>, upstreams: &Upstreams) -> Option<bool> {
    let links = links?;
    let unsure = links
        .iter()
        .any(|link| upstreams.unsure.contains(&link.upstream.name));
    (!unsure).then(|| links.iter().any(|link| link.upstream.kind == UpstreamKind::Http))
}

fn link_fits(
    walk: &mut Walk<'_>,
    written: &At<String>,
    upstream: &Upstream,
    model: Option<&str>,
) -> Option<()> {
    let name = &upstream.name;
    let (message, help) = match (upstream.kind, model) {
        (UpstreamKind::Http, Some(_)) => (
            format!("upstream `{name}` is an HTTP agent: it has no models"),
            format!("write chain = [\"{name}\"]"),
        ),
        (UpstreamKind::OpenAi | UpstreamKind::Anthropic, None | Some("")) => (
            format!("the link to `{name}` names no model"),
            format!("write it behind a slash, as in chain = [\"{name}/MODEL\"]"),
        ),
        _ => return Some(()),
    };
    walk.mistake(written.span.clone(), "bad_link", message).help(help);
    None
}

/// Notes a name that nothing bears.
pub(super) fn dangling(
    walk: &mut Walk<'_>,
    span: Range<usize>,
    what: &str,
    name: &str,
    known: &[&str],
    tables: &str,
) {
    let help = match unknown::nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => format!("there are no `{tables}` tables in this file"),
        None => format!("`{tables}` in this file: {}", known.join(", ")),
    };
    walk.mistake(
        span,
        "dangling_name",
        format!("{what} `{}` is not defined", super::table::shown(name)),
    )
    .help(help);
}

/// `needed`: an HTTP agent's JSON is known only by pointers, the other formats need none; `None`:
/// that could not be told.
pub(super) fn pointers(walk: &mut Walk<'_>, table: &Table<'_>, needed: Option<bool>) -> Option<Pointers> {
    let inner = table.child(walk, "pointers");
    let input = pointer(walk, &inner, "input");
    let output = pointer(walk, &inner, "output");
    let stream = pointer(walk, &inner, "stream");
    match needed {
        Some(true) if !inner.is_there() && !table.has("pointers") => {
            walk.mistake(
                table.span.clone(),
                "missing_key",
                format!(
                    "`[{}]` lacks `pointers`: an HTTP agent's JSON is not known",
                    table.path
                ),
            )
            .help(format!(
                "add [{}.pointers] with input = \"/message\" and output = \"/reply\"",
                table.path
            ));
        }
        Some(false) if inner.is_there() => {
            let message = format!("`[{}]` is for HTTP agents only", inner.path);
            walk.mistake(inner.span.clone(), "no_effect", message)
                .help("remove it: where the text stands in this format is known");
        }
        _ => {}
    }
    Some(Pointers {
        input: input?,
        output: output?,
        stream,
    })
}

/// RFC 6901: empty, or parts that each begin with a slash; `~` only as `~0` and `~1`.
pub(super) fn pointer(walk: &mut Walk<'_>, table: &Table<'_>, name: &str) -> Option<String> {
    let written = table.text(walk, name)?;
    let text = &written.value;
    let tildes_fine = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if !text.starts_with('/') || !tildes_fine {
        walk.mistake(written.span, "bad_value", format!("`{}.{name}` is not a JSON pointer", table.path))
            .help("begin each step with a slash, as in \"/messages/0/text\"; write `~` as `~0` and a slash inside a name as `~1`");
        return None;
    }
    Some(written.value)
}
