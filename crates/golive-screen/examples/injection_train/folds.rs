//! S8: the honest measure: each source is judged by a model that saw nothing of it, nor of its maker.
//!
//! Never: splits a source by row.

use golive_screen::eval::{Scored, report, threshold_at};
use golive_screen::injection::Injection;
use golive_screen::injection::lexicon::Lexicon;
use golive_screen::injection::model::Model;
use golive_screen::normalise::Normalised;

use crate::corpus::{Row, maker};
use crate::descent::{Example, Settings};

/// The makers that are held out together; each fold has attacks and benign texts. A maker not named here is in the
/// fold of its name's hash.
const FOLDS: &[&[&str]] = &[
    &[
        "golive own (dev templates)",
        "f/awesome-chatgpt-prompts",
        "clinc/oos-eval",
    ],
    &[
        "ReversecLabs/spikee",
        "google-research-datasets/Taskmaster",
        "NVIDIA/NeMo-Guardrails",
        "hwchase17/langchain-hub",
    ],
    &[
        "Giskard-AI/prompt-injections",
        "NVIDIA/garak",
        "protectai/llm-guard",
        "protectai/rebuff",
        "deadbits/vigil-llm",
        "yizhongw/self-instruct",
        "openai/grade-school-math",
    ],
    &[
        "ShishirPatil/gorilla",
        "google-deepmind/xquad",
        "mozilla-ai/any-guardrail",
        "invariantlabs-ai/invariant",
    ],
];

/// Makers whose rows no obfuscated row was made of: all that its judge may have seen besides the grammars.
const NEVER_OBFUSCATED: &[&str] = &[
    "NVIDIA/NeMo-Guardrails",
    "protectai/llm-guard",
    "mozilla-ai/any-guardrail",
    "f/awesome-chatgpt-prompts",
    "hwchase17/langchain-hub",
];

/// Texts made by obfuscating other rows never train: they would tell of their sources.
pub fn trains(row: &Row) -> bool {
    !row.source.contains("obfuscation of")
}

/// The fold that judges a row; the last one is that of the obfuscated rows.
fn fold_of(row: &Row) -> usize {
    if !trains(row) {
        return FOLDS.len();
    }
    let maker = maker(&row.source);
    FOLDS
        .iter()
        .position(|makers| makers.contains(&maker))
        .unwrap_or_else(|| maker.bytes().map(usize::from).sum::<usize>() % FOLDS.len())
}

/// Whether the judge of a fold may have seen this row.
fn may_see(fold: usize, row: &Row) -> bool {
    if is_synthetic(row) {
        true
    } else if fold == FOLDS.len() {
        trains(row) && NEVER_OBFUSCATED.contains(&maker(&row.source))
    } else {
        trains(row) && fold_of(row) != fold
    }
}

pub fn is_synthetic(row: &Row) -> bool {
    row.source.starts_with("synthetic:")
}

/// Each labelled row with the score of a model that saw nothing of its maker, calibrated by the same scores.
pub struct Judged<'r> {
    pub rows: Vec<(&'r Row, f32)>,
    /// Slope and offset that make 0.5 of one false alarm in a hundred, and 0.9 of one in a thousand.
    pub calibration: [f32; 2],
}

pub fn judge<'r>(rows: &'r [Row], synthetic: &[Row], lexicon: &Lexicon, settings: &Settings) -> Judged<'r> {
    let all: Vec<&Row> = rows.iter().chain(synthetic).collect();
    let mut examples: Vec<Example> = all
        .iter()
        .map(|row| Example::new(row, lexicon, settings))
        .collect();
    crate::weigh(&all, &mut examples, settings);
    let mut judged: Vec<(&Row, f32)> = Vec::new();
    // Logits, so that calibration comes after: a slope this small cannot saturate.
    let calibration = [0.05, 0.0];
    for fold in 0..=FOLDS.len() {
        let (training, shown): (Vec<&Row>, Vec<&Example>) = all
            .iter()
            .zip(&examples)
            .filter(|(row, _)| may_see(fold, row))
            .map(|(row, example)| (*row, example))
            .unzip();
        let model = crate::train_on(&training, &shown, settings).quantised(calibration);
        let Some(model) = Model::read(model) else { continue };
        let screen = Injection::with(model);
        let held_out = rows.iter().filter(|row| fold_of(row) == fold);
        judged.extend(held_out.map(|row| {
            let score = screen.judge(&Normalised::of(&row.text), row.channel).score;
            let logit = (score / (1.0 - score)).ln() / calibration[0];
            (row, logit)
        }));
    }
    let plain = scored(&judged);
    let (one_in_hundred, one_in_thousand) = (threshold_at(&plain, 0.01), threshold_at(&plain, 0.001));
    let slope = (9_f32.ln() / (one_in_thousand - one_in_hundred)).clamp(0.05, 1.0);
    let calibration = [slope, -slope * one_in_hundred];
    for (_, score) in &mut judged {
        *score = 1.0 / (1.0 + (-(calibration[0] * *score + calibration[1])).exp());
    }
    Judged {
        rows: judged,
        calibration,
    }
}

/// As the measure wants them.
pub fn scored(judged: &[(&Row, f32)]) -> Vec<Scored> {
    judged
        .iter()
        .map(|(row, score)| Scored {
            attack: row.attack,
            kind: row.kind.clone(),
            score: *score,
        })
        .collect()
}

/// Prints the report by kind and source. `show`: also the misses and the false alarms of this kind, for a person who
/// tunes.
pub fn print(judged: &Judged<'_>, show: Option<&str>) {
    let by_source: Vec<Scored> = judged
        .rows
        .iter()
        .map(|(row, score)| Scored {
            attack: row.attack,
            kind: match row.source.split_once("rows:") {
                Some((_, encoding)) => format!("{} / {encoding}", row.kind),
                None if row.attack => format!("{} / {}", row.kind, maker(&row.source)),
                None => format!("{} / {}", row.kind, row.source),
            },
            score: *score,
        })
        .collect();
    println!("{}", report(&by_source));
    println!("{}", report(&scored(&judged.rows)));
    let Some(kind) = show else { return };
    let threshold = threshold_at(&by_source, 0.01);
    let mut wrong: Vec<&(&Row, f32)> = judged
        .rows
        .iter()
        .filter(|(row, score)| (row.kind == kind || kind == "all") && row.attack != (*score >= threshold))
        .collect();
    wrong.sort_by(|a, b| b.1.total_cmp(&a.1));
    println!("threshold {threshold}");
    let every = (wrong.len() / 60).max(1);
    for (row, score) in wrong.iter().step_by(every) {
        let text: String = row.text.chars().take(260).collect();
        println!("{score:.4} [{}] {}", row.source, text.replace('\n', "\\n"));
    }
}
