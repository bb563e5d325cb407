//! S8: the training: logistic regression over the features of each text's heaviest stretch, by stochastic gradient
//! descent with a step of its own for each feature (AdaGrad), words held on a shorter leash than concepts.
//!
//! Never: depends on anything but its input and the seed.

use std::collections::HashMap;

use golive_screen::injection::Trust;
use golive_screen::injection::features::{Group, features};
use golive_screen::injection::lexicon::Lexicon;
use golive_screen::injection::model::{Dense, Heaviest, LENGTH_UNIT_TOKENS, Model};
use golive_screen::injection::tokens::tokens;

use golive_screen::normalise::Normalised;

use crate::corpus::{Row, maker};
use crate::dice::Dice;

/// What can be turned.
#[derive(Debug, Clone)]
pub struct Settings {
    pub seed: u64,
    pub epochs: usize,
    /// The step of the concepts.
    pub step: f32,
    /// The step of the words, as a share of that.
    pub word_step: f32,
    /// Decay of a weight in each epoch.
    pub decay: f32,
    /// How often a text is shown without its words.
    pub blind: f32,
    /// How many makers must have used a word for it to count.
    pub makers_min: usize,
    /// How much more a benign text weighs than an attack.
    pub benign: f32,
    /// Weights of the table, as a power of two.
    pub table_bits: u32,
    /// How much more still a benign text weighs that talks like an attack (kinds `hardneg_…`, prompts, tool outputs).
    pub hard: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 4,
            epochs: 5,
            step: 0.12,
            word_step: 0.35,
            decay: 0.1,
            blind: 0.5,
            makers_min: 2,
            benign: 1.5,
            table_bits: 18,
            hard: 2.0,
        }
    }
}

impl Settings {
    /// Sets one by its name: `step=0.1`.
    pub fn set(&mut self, text: &str) -> Result<(), String> {
        let told = || format!("`{text}` is no setting");
        let (name, value) = text.split_once('=').ok_or_else(told)?;
        let number: f32 = value.parse().map_err(|_| told())?;
        match name {
            "epochs" => self.epochs = number as usize,
            "step" => self.step = number,
            "word_step" => self.word_step = number,
            "decay" => self.decay = number,
            "blind" => self.blind = number,
            "makers_min" => self.makers_min = number as usize,
            "benign" => self.benign = number,
            "table_bits" => self.table_bits = number as u32,
            "hard" => self.hard = number,
            _ => return Err(told()),
        }
        Ok(())
    }
}

/// A text as the training sees it.
pub struct Example {
    pub target: f32,
    pub weight: f32,
    pub trust: Trust,
    /// Where each token's features begin; one more at the end.
    begins: Vec<u32>,
    /// Places in the table; the upper bit marks a word's.
    features: Vec<u32>,
    hostile: Option<(usize, usize)>,
}

const WORD: u32 = 1 << 31;

impl Example {
    pub fn new(row: &Row, lexicon: &Lexicon, settings: &Settings) -> Self {
        let trust = row.channel.trust();
        let normal = Normalised::of(&row.text);
        let tokens = tokens(normal.plain(), lexicon);
        let (mut begins, mut places) = (vec![0_u32], Vec::new());
        let mut current = 0;
        features(&tokens, trust, |at, hash, group| {
            if at != current {
                begins.push(places.len() as u32);
                current = at;
            }
            let place = hash >> (32 - settings.table_bits);
            places.push(if group == Group::Word { place | WORD } else { place });
        });
        begins.push(places.len() as u32);
        let hostile = row.hostile.as_ref().and_then(|range| {
            let first = tokens
                .iter()
                .position(|token| token.start as usize >= range.start)?;
            let behind = tokens.iter().rposition(|token| token.end as usize <= range.end)? + 1;
            (first < behind).then_some((first, behind))
        });
        if tokens.is_empty() {
            begins = vec![0];
        }
        Self {
            target: f32::from(u8::from(row.attack)),
            weight: 1.0,
            trust,
            begins,
            features: places,
            hostile,
        }
    }

    fn tokens(&self) -> usize {
        self.begins.len() - 1
    }

    fn of(&self, first: usize, behind: usize) -> &[u32] {
        &self.features[self.begins[first] as usize..self.begins[behind] as usize]
    }
}

/// A model in training.
pub struct Learner {
    pub weights: Vec<f32>,
    squares: Vec<f32>,
    allowed: Vec<bool>,
    pub bias: [f32; 3],
    pub length: [f32; 3],
    settings: Settings,
}

/// Words that only one maker used say who wrote, not what. Marks the places of the table that may be learned.
pub fn allowed(rows: &[&Row], examples: &[&Example], settings: &Settings) -> Vec<bool> {
    let size = 1 << settings.table_bits;
    let mut makers: HashMap<&str, u32> = HashMap::new();
    let mut first: Vec<u32> = vec![u32::MAX; size];
    let mut seen: Vec<u8> = vec![0; size];
    let mut allowed = vec![false; size];
    for (row, example) in rows.iter().zip(examples) {
        let count = makers.len() as u32;
        let maker = *makers.entry(maker(&row.source)).or_insert(count);
        for &feature in &example.features {
            let place = (feature & !WORD) as usize;
            if feature & WORD == 0 {
                allowed[place] = true;
            } else if first[place] != maker {
                // Counts a change of maker: rows come maker by maker.
                first[place] = maker;
                seen[place] = seen[place].saturating_add(1);
                if seen[place] as usize >= settings.makers_min {
                    allowed[place] = true;
                }
            }
        }
    }
    allowed
}

impl Learner {
    pub fn new(allowed: Vec<bool>, settings: Settings) -> Self {
        Self {
            weights: vec![0.0; 1 << settings.table_bits],
            squares: vec![1e-2; 1 << settings.table_bits],
            allowed,
            bias: [-2.0; 3],
            length: [0.3; 3],
            settings,
        }
    }

    /// Shows every example once for each epoch, in an order of chance.
    pub fn train(&mut self, examples: &[&Example]) {
        let mut dice = Dice::new(self.settings.seed);
        let mut order: Vec<usize> = (0..examples.len()).collect();
        for epoch in 0..self.settings.epochs {
            dice.shuffle(&mut order);
            for &at in &order {
                let example = examples[at];
                let blind = dice.chance() < self.settings.blind;
                self.show(example, epoch, blind);
            }
            self.decay();
        }
    }

    fn show(&mut self, example: &Example, epoch: usize, blind: bool) {
        if example.tokens() == 0 {
            return;
        }
        let positive = example.target > 0.5;
        // First the hostile part as it is told (or the whole of a short text), later what the model finds itself.
        let (mut first, mut behind, mut sum) = (0, 0, 0.0);
        let mut found = false;
        if positive && epoch < 3 {
            if let Some((from, to)) = example.hostile {
                (first, behind, found) = (from, to, true);
            } else if example.tokens() <= 60 {
                (first, behind, found) = (0, example.tokens(), true);
            } else if epoch == 0 {
                return;
            }
            if found {
                sum = self.sum(example.of(first, behind), blind);
            }
        }
        if !found {
            let stretch = self.heaviest(example, blind);
            (sum, first, behind) = stretch;
        }
        let trust = example.trust as usize;
        let long = (1.0 + example.tokens() as f32 / LENGTH_UNIT_TOKENS).ln();
        let logit = sum + self.bias[trust] - self.length[trust] * long;
        let probability = 1.0 / (1.0 + (-logit).exp());
        let gradient = (probability - example.target) * example.weight;
        if gradient.abs() < 1e-3 {
            return;
        }
        let step = self.settings.step;
        self.bias[trust] -= 0.02 * gradient;
        self.length[trust] = (self.length[trust] + 0.01 * gradient * long).max(0.05);
        // A long stretch has many features: share the gradient, lest one text moves everything.
        let share = gradient / ((behind - first) as f32 / 6.0).max(1.0).sqrt();
        for &feature in example.of(first, behind) {
            let place = (feature & !WORD) as usize;
            let word = feature & WORD != 0;
            if !self.allowed[place] || word && blind {
                continue;
            }
            let rate = if word {
                step * self.settings.word_step
            } else {
                step
            };
            self.squares[place] += share * share;
            self.weights[place] -= rate * share / self.squares[place].sqrt();
        }
    }

    fn sum(&self, features: &[u32], blind: bool) -> f32 {
        features
            .iter()
            .filter(|&&feature| !(blind && feature & WORD != 0))
            .map(|&feature| self.weights[(feature & !WORD) as usize])
            .sum()
    }

    fn heaviest(&self, example: &Example, blind: bool) -> (f32, usize, usize) {
        let mut heaviest = Heaviest::default();
        for at in 0..example.tokens() {
            heaviest.push(self.sum(example.of(at, at + 1), blind));
        }
        heaviest.best()
    }

    fn decay(&mut self) {
        // Words and concepts share the table; the few places that hold both decay like concepts.
        let keep = 1.0 - self.settings.decay;
        for weight in &mut self.weights {
            *weight *= keep;
        }
    }

    /// Weights in 8 bits.
    pub fn quantised(&self, calibration: [f32; 2]) -> Vec<u8> {
        let greatest = self
            .weights
            .iter()
            .fold(1e-6_f32, |most, weight| most.max(weight.abs()));
        let step = greatest.min(3.0) / 127.0;
        let weights: Vec<i8> = self
            .weights
            .iter()
            .map(|weight| (weight / step).round().clamp(-127.0, 127.0) as i8)
            .collect();
        let dense = Dense {
            step,
            bias: self.bias,
            length: self.length,
            calibration,
        };
        Model::write(&dense, &weights)
    }
}
