//! S8: trains the injection model from labelled files: `cargo xtask train FILES…`.
//!
//! `--folds` measures instead: each source is judged by a model that saw nothing of its maker. `--seed N` sets the
//! dice. Files are read, never copied: the model holds weights of hashes.
//!
//! Never: measures on a source that it trained on; prints a training text.

mod card;
mod corpus;
mod descent;
mod dice;
mod folds;
mod synthetic;

use std::process::ExitCode;

use golive_screen::injection::lexicon::Lexicon;

use corpus::Row;
use descent::{Example, Learner, Settings};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("train: {why}");
            ExitCode::FAILURE
        }
    }
}

/// What was asked for.
#[derive(Debug, Default)]
struct Asked {
    files: Vec<String>,
    folds: bool,
    without_synthetic: bool,
    show: Option<String>,
    model: Option<String>,
    card: Option<String>,
    seed: Option<u64>,
    /// `name=value` of a setting, for a person who tunes.
    set: Vec<String>,
}

fn read_arguments(arguments: &[String]) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().cloned().ok_or(format!("{argument} wants a value"));
        match argument.as_str() {
            "--folds" => asked.folds = true,
            "--without-synthetic" => asked.without_synthetic = true,
            "--show" => asked.show = Some(value()?),
            "--model" => asked.model = Some(value()?),
            "--card" => asked.card = Some(value()?),
            "--set" => asked.set.push(value()?),
            "--seed" => asked.seed = Some(value()?.parse().map_err(|_| "--seed wants a number".to_owned())?),
            other if other.starts_with('-') => return Err(format!("there is no `{other}`")),
            file => asked.files.push(file.to_owned()),
        }
    }
    if asked.files.is_empty() {
        return Err("name the labelled files".to_owned());
    }
    Ok(asked)
}

fn run(arguments: &[String]) -> Result<(), String> {
    let asked = read_arguments(arguments)?;
    let mut settings = Settings::default();
    if let Some(seed) = asked.seed {
        settings.seed = seed;
    }
    for set in &asked.set {
        settings.set(set)?;
    }
    let mut rows: Vec<Row> = Vec::new();
    for file in &asked.files {
        rows.extend(corpus::read(file)?);
    }
    let synthetic = if asked.without_synthetic {
        Vec::new()
    } else {
        synthetic::texts(settings.seed)
    };
    println!("{} labelled texts, {} synthetic", rows.len(), synthetic.len());
    let lexicon = Lexicon::new();
    let judged = folds::judge(&rows, &synthetic, &lexicon, &settings);
    if asked.folds {
        folds::print(&judged, asked.show.as_deref());
        return Ok(());
    }
    let path = asked.model.ok_or("--model says where to write the model")?;
    let training: Vec<&Row> = rows
        .iter()
        .filter(|row| folds::trains(row))
        .chain(&synthetic)
        .collect();
    let model = train(&training, &lexicon, &settings).quantised(judged.calibration);
    std::fs::write(&path, &model).map_err(|error| format!("{path}: {error}"))?;
    println!("{path}: {} bytes", model.len());
    if let Some(path) = asked.card {
        let page = card::page(&rows, &synthetic, &judged, &settings, model.len());
        std::fs::write(&path, page).map_err(|error| format!("{path}: {error}"))?;
        println!("{path}");
    }
    Ok(())
}

/// A model of these rows.
fn train(rows: &[&Row], lexicon: &Lexicon, settings: &Settings) -> Learner {
    let mut examples: Vec<Example> = rows
        .iter()
        .map(|row| Example::new(row, lexicon, settings))
        .collect();
    weigh(rows, &mut examples, settings);
    train_on(rows, &examples.iter().collect::<Vec<_>>(), settings)
}

/// The same, of examples that are made already.
fn train_on(rows: &[&Row], examples: &[&Example], settings: &Settings) -> Learner {
    let mut learner = Learner::new(descent::allowed(rows, examples, settings), settings.clone());
    learner.train(examples);
    learner
}

/// No source may outweigh the others by its size; benign texts weigh more, for a false alarm costs more.
fn weigh(rows: &[&Row], examples: &mut [Example], settings: &Settings) {
    let mut counts = std::collections::HashMap::new();
    for row in rows {
        *counts.entry((&row.source, &row.kind)).or_insert(0_u32) += 1;
    }
    for (row, example) in rows.iter().zip(examples) {
        let count = counts[&(&row.source, &row.kind)] as f32;
        let even = (300.0 / count).sqrt().clamp(0.25, 2.0);
        example.weight = if folds::is_synthetic(row) { 1.0 } else { even };
        if !row.attack {
            example.weight *= settings.benign;
            if row.kind.starts_with("hardneg") || matches!(row.kind.as_str(), "system_prompt" | "tool_output")
            {
                example.weight *= settings.hard;
            }
        }
    }
}
