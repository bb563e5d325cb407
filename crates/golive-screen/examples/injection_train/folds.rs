//! S8: the honest measure: each source is judged by a model that saw nothing of it, nor of its maker.
//!
//! Never: splits a source by row.

use golive_screen::eval::{Scored, report, threshold_at};
use golive_screen::injection::Channel;
use golive_screen::injection::lexicon::Lexicon;
use golive_screen::injection::model::Model;
use golive_screen::injection::tokens::tokens;

use crate::corpus::{Row, maker};
use crate::descent::{Example, Settings};

/// The makers that are held out together; each fold has attacks and benign texts. A maker not named here is in the
/// fold of its name's hash.
const FOLDS: &[&[&str]] = &[
    &["golive own (dev templates)", "f/awesome-chatgpt-prompts", "clinc/oos-eval"],
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

/// Texts made by obfuscating other rows never train: they would tell of their sources.
pub fn trains(row: &Row) -> bool {
    !row.source.contains("obfuscation of")
}

fn fold_of(row: &Row) -> usize {
    let maker = maker(&row.source);
    FOLDS
        .iter()
        .position(|makers| makers.contains(&maker))
        .unwrap_or_else(|| maker.bytes().map(usize::from).sum::<usize>() % FOLDS.len())
}

/// Prints the report over all sources, each judged by a model without it. `show`: also the misses and the false
/// alarms of this kind, for a person who tunes.
pub fn measure(rows: &[Row], synthetic: &[Row], lexicon: &Lexicon, settings: &Settings, show: Option<&str>) {
    let judged: Vec<&Row> = rows.iter().filter(|row| trains(row)).collect();
    let all: Vec<&Row> = judged.iter().copied().chain(synthetic).collect();
    let mut examples: Vec<Example> = all.iter().map(|row| Example::new(row, lexicon)).collect();
    crate::weigh(&all, &mut examples);
    let mut scored: Vec<(&Row, f32)> = Vec::new();
    for fold in 0..FOLDS.len() {
        let (mut training, mut shown) = (Vec::new(), Vec::new());
        for (row, example) in all.iter().zip(&examples) {
            if row.source.starts_with("synthetic") || fold_of(row) != fold {
                training.push(*row);
                shown.push(example);
            }
        }
        let model = crate::train_on(&training, &shown, settings).quantised();
        let Some(model) = Model::read(&model) else { continue };
        let held_out = judged.iter().filter(|row| fold_of(row) == fold);
        let before = scored.len();
        scored.extend(held_out.map(|row| (*row, score(row, lexicon, &model))));
        println!("fold {fold}: {} texts held out", scored.len() - before);
    }
    let plain: Vec<Scored> = scored
        .iter()
        .map(|(row, score)| Scored {
            attack: row.attack,
            kind: match row.attack {
                true => format!("{} / {}", row.kind, maker(&row.source)),
                false => format!("{} / {}", row.kind, row.source),
            },
            score: *score,
        })
        .collect();
    println!("\n{}", report(&plain));
    let by_kind: Vec<Scored> = plain
        .iter()
        .zip(&scored)
        .map(|(plain, (row, _))| Scored {
            kind: row.kind.clone(),
            ..plain.clone()
        })
        .collect();
    println!("{}", report(&by_kind));
    if let Some(kind) = show {
        let threshold = threshold_at(&plain, 0.01);
        let mut wrong: Vec<&(&Row, f32)> = scored
            .iter()
            .filter(|(row, score)| row.kind == kind && row.attack != (*score >= threshold))
            .collect();
        wrong.sort_by(|a, b| b.1.total_cmp(&a.1));
        println!("threshold {threshold}");
        let every = (wrong.len() / 60).max(1);
        for (row, score) in wrong.iter().step_by(every) {
            let text: String = row.text.chars().take(260).collect();
            println!("{score:.4} [{}] {}", row.source, text.replace('\n', "\\n"));
        }
    }
}

fn score(row: &Row, lexicon: &Lexicon, model: &Model<'_>) -> f32 {
    let channel: Channel = row.channel;
    let tokens = tokens(&row.text, lexicon);
    model.probability(model.weigh(&tokens, channel.trust()).logit)
}
