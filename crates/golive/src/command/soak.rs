//! `golive soak`: the proof of P5 alone and in full, over hours, with a record from which it goes on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use golive_checklist::unit::{ByteSize, Rate, parse_duration};
use golive_config::Target;

use super::check;
use crate::cli::{Check, Soak};
use crate::exit::{self, Exit};
use crate::output;

pub async fn run(args: Soak, config: &Path, quiet: bool) -> Exit {
    let usage = |why: String| {
        output::error(&why);
        exit::USAGE
    };
    let asked = match Asked::read(&args) {
        Ok(asked) => asked,
        Err(why) => return usage(why),
    };
    let as_check = as_check(&args);
    let mut options = match check::prepare(&as_check, config) {
        Ok(options) => options,
        Err(code) => return code,
    };
    let mut target = Target::clone(&options.target);
    if let Some(path) = &args.pid_file {
        target.memory.pid_file = Some(path.clone());
    }
    asked.apply(&mut target);
    let record = golive_prover::soak_record(&args.out, &target.name);
    if args.fresh
        && let Err(why) = put_aside(&record)
    {
        return usage(why);
    }
    target.soak.record = Some(record);
    // A soak is asked for by its length and its rate; the budget of a check is no limit to it.
    target.budget.requests = target.budget.requests.max(golive_prover::soak_requests(&target));
    options.target = Arc::new(target);
    check::prove(options, &as_check, quiet).await
}

/// What the command line sets over the configuration.
struct Asked {
    duration: Option<Duration>,
    rate: Option<f64>,
    memory_limit: Option<ByteSize>,
}

impl Asked {
    fn read(args: &Soak) -> Result<Asked, String> {
        let duration = args.duration.as_deref().map(|text| {
            let duration = parse_duration(text).map_err(|error| format!("--duration {text}: {error}"))?;
            if duration < Duration::from_secs(1) {
                return Err(format!("--duration {text}: a soak takes a second at least"));
            }
            Ok(duration)
        });
        let rate = args.rate.as_deref().map(|text| {
            let rate: Rate = text.parse().map_err(|error| format!("--rate {text}: {error}"))?;
            Ok::<_, String>(f64::from(rate.count.get()) / rate.period.as_secs_f64())
        });
        let memory_limit = args.memory_limit.as_deref().map(|text| {
            text.parse::<ByteSize>()
                .map_err(|error| format!("--memory-limit {text}: {error}"))
        });
        Ok(Asked {
            duration: duration.transpose()?,
            rate: rate.transpose()?,
            memory_limit: memory_limit.transpose()?,
        })
    }

    fn apply(&self, target: &mut Target) {
        if let Some(duration) = self.duration {
            target.soak.declared = Some(target.soak.duration);
            target.soak.duration = duration;
        }
        target.soak.rate = self.rate.or(target.soak.rate);
        target.memory.limit = self.memory_limit.or(target.memory.limit);
    }
}

/// The check that proves P5 alone.
fn as_check(args: &Soak) -> Check {
    Check {
        plan: false,
        phase: Vec::new(),
        item: vec!["P5".to_owned()],
        target: args.target.clone(),
        url: args.url.clone(),
        format: args.format.clone(),
        key_env: args.key_env.clone(),
        model: args.model.clone(),
        lab_url: None,
        health_url: None,
        metrics_url: args.metrics_url.clone(),
        repository: None,
        scan_baseline: None,
        i_own_this: args.i_own_this,
        quick: false,
        keep_going: false,
        allow_unproven: Vec::new(),
        exclude: Vec::new(),
        by: Vec::new(),
        seed: args.seed,
        // In a folder of its own, so that it is not taken for the report of a whole check, nor put in its place.
        out: args.out.join("soak"),
        report: args.report.clone(),
        demo: false,
    }
}

/// An earlier record is moved away, never deleted: hours stand in it.
fn put_aside(record: &Path) -> Result<(), String> {
    let mut aside = record.as_os_str().to_owned();
    aside.push(".old");
    match std::fs::rename(record, &aside) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!("cannot move {} away: {error}", record.display())),
    }
}
