//! The figures of docs/performance.md in one interleaved run: `golive serve` against direct calls and against nginx
//! as a plain reverse proxy, before the lab. `cargo xtask bench` builds what it needs and calls it.
//!
//! Never: judges a figure, keeps one whose requests failed, or
//! writes anything but its output, the JSON that was asked for, and temporary folders that go when it ends.

#![forbid(unsafe_code)]

mod arguments;
mod child;
mod client;
mod cpu;
mod first_byte;
mod flood;
mod golive;
mod latency;
mod machine;
mod memory;
mod nginx;
mod open_loop;
mod process;
mod report;
mod sizes;
mod stage;
mod start;
mod truth;
mod upstream;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Measure};
use report::{Report, heading};
use sizes::Sizes;
use stage::Stage;

/// The error is a sentence for the person at the terminal; nobody matches on it.
type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("golive-bench: {}", words(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Failed> {
    process::raise_open_files()?;
    let sizes = if arguments.quick {
        Sizes::QUICK
    } else {
        Sizes::FULL
    };
    let machine = machine::look().await?;
    print!("{machine}");
    let stage = Stage::set(arguments)?;
    print!("{stage}");
    let mut report = Report::new(machine, &stage, arguments.quick);
    let others = machine::Others::watch()?;
    for measure in arguments.measures() {
        heading(measure.title());
        let figures = one(measure, &stage, &sizes, arguments)
            .await
            .map_err(|error| format!("{}: {}", measure.title(), words(&*error)))?;
        print!("{}", figures.text);
        report.add(measure.name(), figures.json);
    }
    stage.strike();
    let share = others.share()?;
    print!("\n{}", machine::others_line(share));
    report.add("others_busy", share.into());
    if let Some(file) = &arguments.json {
        report.write(file)?;
    }
    Ok(())
}

async fn one(
    measure: Measure,
    stage: &Stage,
    sizes: &Sizes,
    arguments: &Arguments,
) -> Result<report::Figures, Failed> {
    match measure {
        Measure::Cpu => report::figures(&cpu::measure(stage, sizes).await?),
        Measure::Latency => report::figures(&latency::measure(stage, sizes).await?),
        Measure::FirstByte => report::figures(&first_byte::measure(stage, sizes).await?),
        Measure::Flood => report::figures(&flood::measure(stage, sizes).await?),
        Measure::Memory => report::figures(&memory::measure(stage, sizes).await?),
        Measure::Start => report::figures(&start::measure(stage, sizes).await?),
        Measure::Truth => report::figures(&truth::measure(arguments.truth.as_deref(), sizes).await?),
    }
}

/// An error with its causes, as one line.
fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
