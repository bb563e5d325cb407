//! S1.public: what the target shows to everybody, and what its errors say.

use golive_checklist::judge::{Rule, Scored, Tally};
use golive_checklist::report::PartReport;
use golive_checklist::threshold::Zone;
use http::Method;
use secrecy::ExposeSecret as _;

use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::secrets::{Engine, Finding, Origin, Source, Strength};
use crate::target::{Answer, Ask, Call, Credential, Exchange};

/// Addresses that should show nothing, and those that are meant to be seen.
const PATHS: [&str; 24] = [
    "/",
    "/.env",
    "/.env.local",
    "/.env.production",
    "/.git/HEAD",
    "/.git/config",
    "/openapi.json",
    "/swagger.json",
    "/docs",
    "/config.json",
    "/config.yaml",
    "/config.js",
    "/settings.json",
    "/debug",
    "/debug/vars",
    "/actuator/env",
    "/server-status",
    "/metrics",
    "/.aws/credentials",
    "/.npmrc",
    "/docker-compose.yml",
    "/backup.zip",
    "/main.js",
    "/robots.txt",
];

/// Scripts of the front page that are read.
const SCRIPTS: usize = 5;

/// The most bytes read of one answer.
const BODY: usize = 2 * 1024 * 1024;

/// Requests in all, at most: addresses, scripts, wrong requests, controls.
pub(super) const REQUESTS: u64 = PATHS.len() as u64 + SCRIPTS as u64 + 6 + 2;

/// The fewest answers a verdict may rest on.
const FEWEST: u64 = 15;

/// One answer, and by what it was got.
struct Shown {
    what: String,
    exchange: Exchange,
}

pub(super) async fn prove(ctx: &Ctx) -> PartReport {
    let part = ctx.part("S1.public").fix(
        "serve nothing but the routes of the agent; answer errors with a fixed sentence, never with configuration, environment \
         or the upstream's own headers; revoke what was shown",
    );
    if ctx.target.key_of(&Credential::Default).is_none() {
        return part.unproven("needs a key that works (credentials.<role>.key_env)");
    }
    let engine = match Engine::new() {
        Ok(engine) => engine,
        Err(error) => return part.unproven(format!("the scanner did not start: {error}")),
    };
    ctx.waiting("looking at what everybody may see");
    let controls = controls(ctx).await;
    let mut shown = Vec::new();
    for path in PATHS {
        shown.push(get(ctx, path).await);
    }
    let front = shown[0].exchange.answer().map(Answer::text).unwrap_or_default();
    for path in scripts(&front) {
        shown.push(get(ctx, &path).await);
    }
    shown.extend(errors(ctx).await);

    let mut tally = Tally::new();
    let mut lines = Vec::new();
    let mut told: Vec<String> = Vec::new();
    for one in &shown {
        let mut weak = Vec::new();
        let clean = one
            .exchange
            .score(|answer| Scored::Scored(leaks(ctx, &engine, &one.what, answer, &mut weak)));
        tally.add(clean, |leaks| {
            if leaks.is_empty() {
                return Ok(());
            }
            lines.extend(leaks.iter().cloned());
            Err(leaks.join("; "))
        });
        told.extend(weak);
    }
    let mut judgement = tally.judge(&Rule::all_of(FEWEST));
    if let Some(first) = told.first() {
        judgement =
            judgement.no_better_than(Zone::Warn, format!("what looks like a secret is shown: {first}"));
    }
    let table = shown
        .iter()
        .map(|one| format!("{}: {}", one.what, one.exchange.in_short()))
        .collect();
    let mut part = part
        .headline(format!("{} answers hold no secret", tally.good()))
        .measured("answers", tally.scored())
        .measured("leaks", tally.bad())
        .checklist("leaks", 0);
    if !lines.is_empty() {
        part = part.lines("what was shown", lines);
    }
    if !told.is_empty() {
        part = part.lines("what may be a secret", told);
    }
    part.lines("every answer that was read", table)
        .controls(controls)
        .judged(&judgement)
}

async fn controls(ctx: &Ctx) -> Controls {
    let ask = Ask::new(format!("Say hello. {}", ctx.marker("public"))).user(ctx.user("public"));
    let exchange = ctx.target.send(ctx.target.call(&ask)).await;
    let works = exchange.score(|answer| answer.reply(&ctx.config).map(|_| true));
    let positive = Positive::new("the target's key works", works, exchange.in_short());
    let nowhere = get(ctx, &format!("/{}", ctx.marker("nowhere"))).await.exchange;
    let absent = nowhere.score(|answer| Scored::Scored(!answer.status.is_success()));
    let negative = Negative::new(
        "an address made up is not answered as if it were there",
        absent,
        nowhere.in_short(),
    );
    Controls::new().positive(positive).negative(negative)
}

async fn get(ctx: &Ctx, path: &str) -> Shown {
    let call = Call::get(path).credential(Credential::None).body_max(BODY);
    Shown {
        what: format!("GET {path}"),
        exchange: ctx.target.send(call).await,
    }
}

/// Wrong requests, whose answers might explain too much.
async fn errors(ctx: &Ctx) -> Vec<Shown> {
    let route = ctx.target.route();
    let ask = || ctx.target.call(&Ask::new("Say hello."));
    let calls = [
        (
            "a body that is no JSON",
            Call::post(route.clone())
                .header("content-type", "application/json")
                .body("{\"model\": "),
        ),
        (
            "an unknown model",
            ctx.target
                .call(&Ask::new("Say hello.").model("no-such-model-\u{2603}")),
        ),
        (
            "messages of the wrong type",
            Call::post(route).json(&serde_json::json!({"model": 7, "messages": "no list"})),
        ),
        ("another method", ask().method(Method::DELETE)),
        ("no key", ask().credential(Credential::None)),
        (
            "a wrong key",
            ask().credential(Credential::Key("not-a-key-at-all".to_owned())),
        ),
    ];
    let mut out = Vec::new();
    for (what, call) in calls {
        out.push(Shown {
            what: what.to_owned(),
            exchange: ctx.target.send(call.body_max(BODY)).await,
        });
    }
    out
}

/// The secrets that an answer shows, each as it may be told. What only looks like one goes to `weak`.
fn leaks(ctx: &Ctx, engine: &Engine, what: &str, answer: &Answer, weak: &mut Vec<String>) -> Vec<String> {
    let mut out = Vec::new();
    let path = what.strip_prefix("GET ").unwrap_or("");
    if shows_file(path, answer) {
        out.push(format!("{what}: the file itself is shown"));
    }
    let headers: Vec<u8> = answer
        .headers
        .iter()
        .flat_map(|(name, value)| [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat())
        .collect();
    let own: Vec<&str> = ctx
        .config
        .credentials
        .values()
        .map(|key| key.expose_secret())
        .filter(|key| key.len() >= 8)
        .collect();
    for (place, bytes) in [("headers", &headers[..]), ("body", &answer.body[..])] {
        if own
            .iter()
            .any(|key| bytes.windows(key.len()).any(|w| w == key.as_bytes()))
        {
            out.push(format!("{what}: a credential of this run stands in its {place}"));
        }
        let source = Source {
            path: what,
            origin: Origin::Answer,
            commit: None,
        };
        for finding in engine.bytes(&source, bytes).findings {
            let shown = told(&finding, place);
            // A description of an API is full of examples that look like keys: without a checksum nobody can tell.
            let maybe_an_example = finding.strength == Strength::Shaped && describes_an_api(&finding.path);
            if finding.strength == Strength::Told || maybe_an_example {
                weak.push(shown);
            } else {
                out.push(shown);
            }
        }
    }
    out
}

/// Whether an answer (`GET /openapi.json`) is the description of an API.
fn describes_an_api(path: &str) -> bool {
    ["/openapi.json", "/swagger.json", "/docs"]
        .iter()
        .any(|name| path.ends_with(name))
}

fn told(finding: &Finding, place: &str) -> String {
    format!(
        "{}: {} {} in its {place}, line {}",
        finding.path, finding.name, finding.shown, finding.line
    )
}

/// Whether a 200 for `path` is the secret file of that name.
pub(super) fn shows_file(path: &str, answer: &Answer) -> bool {
    if !answer.status.is_success() {
        return false;
    }
    let text = answer.text();
    let lines = || {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
    };
    match path {
        "/.git/HEAD" => {
            text.starts_with("ref: refs/")
                || (text.trim().len() == 40 && text.trim().bytes().all(|b| b.is_ascii_hexdigit()))
        }
        "/.git/config" => text.contains("[core]"),
        "/.aws/credentials" => text.contains("aws_access_key_id"),
        "/.npmrc" => text.contains("_authToken"),
        path if path.starts_with("/.env") => {
            let variable = |line: &str| {
                line.split_once('=').is_some_and(|(name, _)| {
                    let name = name.trim_start_matches("export ");
                    !name.is_empty()
                        && name
                            .bytes()
                            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
                })
            };
            lines().next().is_some() && lines().all(variable)
        }
        _ => false,
    }
}

/// Scripts of this host that a page names.
fn scripts(page: &str) -> Vec<String> {
    page.split("src=")
        .skip(1)
        .filter_map(|rest| {
            let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let path = rest[1..].split(quote).next()?;
            let local = path.starts_with('/') && !path.starts_with("//");
            (local && path.split('?').next()?.ends_with(".js") && path.len() < 300).then(|| path.to_owned())
        })
        .take(SCRIPTS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_of_this_host_are_found_and_others_left() {
        let page = "<script src=\"/a.js\"></script><script src='//cdn/x.js'></script><img src=\"/b.png\"><script src='/c.js?v=1'>";
        assert_eq!(scripts(page), ["/a.js", "/c.js?v=1"]);
    }
}
