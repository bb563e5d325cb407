//! `golive check`: the proofs and the gate.

use std::path::Path;
use std::sync::Arc;

use golive_checklist::gate::{Exception, ExceptionKind};
use golive_checklist::item::{ItemId, Phase};
use golive_config::{BaseUrl, ProcessEnvironment, Target, TargetFormat};
use golive_prover::{CheckOptions, Selection, progress, report};
use tokio_util::sync::CancellationToken;

use crate::cli::Check;
use crate::exit::{self, Exit};
use crate::output;

pub async fn run(args: Check, config: &Path, quiet: bool) -> Exit {
    match prepare(&args, config) {
        Ok(options) if args.plan => plan(&options, &args),
        Ok(options) => prove(options, &args, quiet).await,
        Err(code) => code,
    }
}

pub(super) fn prepare(args: &Check, config: &Path) -> Result<CheckOptions, Exit> {
    let usage = |why: String| {
        output::error(&why);
        exit::USAGE
    };
    let (target, reach) = match &args.url {
        Some(url) => (bare_target(args, url).map_err(usage)?, reach_by_url(args, url)),
        None => {
            let target = configured_target(args, config)?;
            let reach = if config == Path::new("golive.toml") {
                format!("--target {}", target.name)
            } else {
                format!("--config {} --target {}", config.display(), target.name)
            };
            (target, reach)
        }
    };
    let (mut target, mut reach) = (target, reach);
    for (flag, given, kept) in [
        ("repository", &args.repository, &mut target.repository),
        ("scan-baseline", &args.scan_baseline, &mut target.scan_baseline),
    ] {
        if let Some(path) = given {
            if !path.exists() {
                return Err(usage(format!(
                    "--{flag} {}: there is no such path",
                    path.display()
                )));
            }
            reach.push_str(&format!(" --{flag} {}", path.display()));
            *kept = Some(path.clone());
        }
    }
    let mut options = CheckOptions::new(Arc::new(target), args.seed.unwrap_or_else(fresh_seed));
    options.selection = selection(args).map_err(usage)?;
    options.keep_going = args.keep_going;
    options.own_this = args.i_own_this;
    options.demo = args.demo;
    options.quick = args.quick;
    options.exceptions = exceptions(args).map_err(usage)?;
    options.out = Some(args.out.clone());
    if args.quick {
        reach.push_str(" --quick");
    }
    options.reach = reach;
    Ok(options)
}

fn plan(options: &CheckOptions, args: &Check) -> Exit {
    let plan = golive_prover::plan_of(options);
    if wants_json(args) {
        output::data(report::json::plan(&plan).trim_end());
    } else {
        output::data(report::terminal::plan(&plan, coloured()).trim_end());
    }
    exit::OK
}

pub(super) async fn prove(mut options: CheckOptions, args: &Check, quiet: bool) -> Exit {
    let more = match args
        .report
        .iter()
        .map(|text| more_report(text))
        .collect::<Result<Vec<_>, _>>()
    {
        Ok(more) => more,
        Err(why) => {
            output::error(&why);
            return exit::USAGE;
        }
    };
    options.progress = progress::fitting(quiet);
    let cancel = CancellationToken::new();
    let on_signal = cancel.clone();
    let checked = {
        let check = golive_prover::check(options, cancel);
        tokio::pin!(check);
        tokio::select! {
            checked = &mut check => checked,
            () = super::serve::until_signal() => {
                output::say("interrupted: finishing the report of what was done");
                on_signal.cancel();
                check.await
            }
        }
    };
    let checked = match checked {
        Ok(checked) => checked,
        Err(error) => {
            output::error(&error.to_string());
            return Exit(error.exit_code());
        }
    };
    let written = match report::write(&args.out, &checked.report) {
        Ok(written) => Some(written),
        Err(error) => {
            output::error(&golive_gateway::upstream::chain_of(&error));
            None
        }
    };
    let mut unwritten = written.is_none();
    for (kind, path) in more {
        let text = match kind {
            Kind::Json => report::json::render(&checked.report),
            Kind::Html => report::html::render(&checked.report),
        };
        if let Err(error) = std::fs::write(&path, text) {
            output::error(&format!("cannot write {path}: {error}"));
            unwritten = true;
        }
    }
    if wants_json(args) {
        output::data(report::json::render(&checked.report).trim_end());
    } else if quiet {
        output::data(&format!(
            "{}: {}",
            checked.report.gate, checked.report.gate_reason
        ));
    } else {
        output::data(
            report::terminal::render(&checked.report, written.as_ref(), checked.exit_code, coloured())
                .trim_end(),
        );
    }
    // A report nobody can read must not end as GO.
    if unwritten && checked.exit_code == 0 {
        exit::FAILED
    } else {
        Exit(checked.exit_code)
    }
}

enum Kind {
    Json,
    Html,
}

fn more_report(text: &str) -> Result<(Kind, String), String> {
    match text.split_once('=') {
        Some(("json", path)) => Ok((Kind::Json, path.to_owned())),
        Some(("html", path)) => Ok((Kind::Html, path.to_owned())),
        _ => Err(format!("--report {text}: write json=FILE or html=FILE")),
    }
}

fn configured_target(args: &Check, config: &Path) -> Result<Target, Exit> {
    let loaded = golive_config::load_targets(config, &ProcessEnvironment).map_err(|error| {
        output::say(error.render(super::coloured()).trim_end());
        exit::USAGE
    })?;
    if !loaded.warnings.is_empty() {
        output::say(loaded.warnings.render(super::coloured()).trim_end());
    }
    let mut targets = loaded.targets;
    let names = targets.keys().cloned().collect::<Vec<_>>().join(", ");
    let found = match &args.target {
        Some(name) => targets.remove(name).ok_or_else(|| {
            format!(
                "there is no [targets.{name}] in {}; it has: {names}",
                config.display()
            )
        }),
        None if targets.len() == 1 => targets
            .pop_first()
            .map(|(_, target)| target)
            .ok_or_else(String::new),
        None if targets.is_empty() => Err(format!(
            "{} has no [targets.NAME]; add one, or use --url URL --format openai --key-env VARIABLE",
            config.display()
        )),
        None => Err(format!("which target? --target one of: {names}")),
    };
    found.map_err(|why| {
        output::error(&why);
        exit::USAGE
    })
}

fn bare_target(args: &Check, url: &str) -> Result<Target, String> {
    let address = |flag: &str, text: &str| {
        text.parse::<BaseUrl>()
            .map_err(|error| format!("--{flag} `{text}` {error}"))
    };
    let format = args.format.iter().find_map(|format| match format.as_str() {
        "openai" => Some(TargetFormat::OpenAi),
        "anthropic" => Some(TargetFormat::Anthropic),
        _ => None,
    });
    let format = format.ok_or("--url needs the wire format too: --format openai or --format anthropic")?;
    let mut target = Target::bare("url", address("url", url)?, format);
    target.model.clone_from(&args.model);
    let optional =
        |flag: &str, text: &Option<String>| text.as_deref().map(|text| address(flag, text)).transpose();
    target.lab_url = optional("lab-url", &args.lab_url)?;
    target.health_url = optional("health-url", &args.health_url)?;
    target.metrics_url = optional("metrics-url", &args.metrics_url)?;
    for text in &args.key_env {
        let (role, variable) = text.split_once('=').unwrap_or(("user", text));
        let key = std::env::var(variable).map_err(|_| {
            format!("--key-env {text}: the variable {variable} is not set in the environment")
        })?;
        target.credentials.insert(role.to_owned(), key.into());
    }
    Ok(target)
}

/// How to reach the same target again, for the report's reproduce lines. It names variables, never a key.
fn reach_by_url(args: &Check, url: &str) -> String {
    let mut reach = format!("--url {url}");
    for format in args
        .format
        .iter()
        .filter(|f| matches!(f.as_str(), "openai" | "anthropic"))
    {
        reach.push_str(&format!(" --format {format}"));
    }
    for key in &args.key_env {
        reach.push_str(&format!(" --key-env {key}"));
    }
    for (flag, value) in [
        ("model", &args.model),
        ("lab-url", &args.lab_url),
        ("health-url", &args.health_url),
        ("metrics-url", &args.metrics_url),
    ] {
        if let Some(value) = value {
            reach.push_str(&format!(" --{flag} {value}"));
        }
    }
    reach
}

fn selection(args: &Check) -> Result<Selection, String> {
    let items = args
        .item
        .iter()
        .map(|text| text.parse::<ItemId>().map_err(|e| format!("--item {text}: {e}")))
        .collect::<Result<_, _>>()?;
    let phases = args
        .phase
        .iter()
        .map(|text| text.parse::<Phase>().map_err(|e| format!("--phase {text}: {e}")))
        .collect::<Result<_, _>>()?;
    Ok(Selection { items, phases })
}

fn exceptions(args: &Check) -> Result<Vec<Exception>, String> {
    let all = args
        .allow_unproven
        .iter()
        .map(|text| (ExceptionKind::AllowUnproven, "allow-unproven", text))
        .chain(
            args.exclude
                .iter()
                .map(|text| (ExceptionKind::Excluded, "exclude", text)),
        );
    all.map(|(kind, flag, text)| {
        let (id, reason) = text
            .split_once('=')
            .filter(|(_, reason)| !reason.trim().is_empty())
            .ok_or_else(|| {
                format!(
                    "--{flag} {text}: write ID=reason; a reason is what makes it an exception and not a hole"
                )
            })?;
        let known = golive_checklist::item::part(id).is_some() || id.parse::<ItemId>().is_ok();
        if !known {
            return Err(format!(
                "--{flag} {text}: `{id}` is neither an item nor a part of one"
            ));
        }
        Ok(Exception {
            id: id.to_owned(),
            kind,
            reason: reason.trim().to_owned(),
            by: args.by.clone(),
        })
    })
    .collect()
}

fn wants_json(args: &Check) -> bool {
    args.format.iter().any(|format| format == "json")
}

fn coloured() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// A seed nobody chose. Kept below 2^53, so that every JSON reader keeps it exactly.
fn fresh_seed() -> u64 {
    let (high, low) = golive_store::Uuid::new_v4().as_u64_pair();
    (high ^ low) >> 11
}
