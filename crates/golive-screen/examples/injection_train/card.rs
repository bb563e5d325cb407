//! S8: the model card: what the model was made of and how good it is where it saw nothing.
//!
//! Never: a text of the labelled files; their names and numbers only.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use golive_screen::eval::report;
use golive_screen::injection::rules::{Family, RULES};

use crate::corpus::Row;
use crate::descent::Settings;
use crate::folds::{Judged, is_synthetic, scored, trains};

pub fn page(
    rows: &[Row],
    synthetic: &[Row],
    judged: &Judged<'_>,
    settings: &Settings,
    bytes: usize,
) -> String {
    let mut page = String::from(
        "# The injection screen's model\n\n\
         Written by `cargo xtask train`; do not edit. What the screen does and how to configure it is told elsewhere.\n\n\
         ## What it is\n\n\
         A linear model over words read as concepts. Each text is normalised, decoded and cut into words; a lexicon of \
         about fifty languages reads words as one or more of sixty-four concepts (to ignore, an instruction, earlier, \
         to reveal, the assistant, …); features are concepts, pairs and triples of them within a sentence, rules that \
         a sentence fulfils, each also by channel, and, on a shorter leash, words and pairs of words. The score is \
         that of the heaviest stretch of at most 64 words, less what the length of the text alone explains.\n\n\
         It tells whether a text tries to steer the assistant away from its operator or its user. It does not tell \
         whether a question is harmful, and it does not understand: an instruction in words that no honest text would \
         avoid passes. Tool authorisation and egress filtering stand behind it for that reason.\n\n",
    );
    let _ = write!(
        page,
        "- Trained on {}.\n- Size: {bytes} bytes, {} weights of 8 bits.\n- Seed {}, {} epochs.\n- Rules: {} in {} families.\n\
         - 0.5 is calibrated to one false alarm in a hundred on sources that the judging model never saw, 0.9 to one \
         in a thousand.\n\n## What it was trained on\n\n\
         | source | attacks | benign |\n| --- | ---: | ---: |\n",
        today(),
        1 << settings.table_bits,
        settings.seed,
        settings.epochs,
        RULES.len(),
        Family::ALL.len(),
    );
    let mut sources: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for row in rows.iter().filter(|row| trains(row)) {
        sources.entry(&row.source).or_default()[usize::from(!row.attack)] += 1;
    }
    for row in synthetic.iter().filter(|row| is_synthetic(row)) {
        sources
            .entry("golive grammars (`crates/golive-screen/examples/injection_train/synthetic/`)")
            .or_default()[usize::from(!row.attack)] += 1;
    }
    for (source, [attacks, benign]) in sources {
        let _ = writeln!(page, "| {source} | {attacks} | {benign} |");
    }
    page.push_str(
        "\nRows that were made by obfuscating others are judged only, never trained on. Words that only one maker of \
         the sources uses are not learned.\n\n\
         ## How good it is on sources it did not see\n\n\
         Each source is judged by a model that was trained without it and without all other sources of its maker; \
         obfuscated rows by one that saw none of the rows they were made of. The shipped model has seen all of them: \
         its own figures on these rows would say nothing. Who wrote the grammars had read rows of \
         all sources, so wordings may have come over by memory: other files will show lower figures.\n\n\
         Known to be weak: long role plays and manuals of software around language models (false alarms above 2 %), \
         instructions in plain task words without a word about instructions, languages of few words in the lexicon.\n\n",
    );
    page.push_str(&report(&scored(&judged.rows)));
    page.push_str(
        "\nThe same tables for any other labelled file: `cargo run --release -p golive-screen --example injection_eval \
         -- FILE`.\n",
    );
    page
}

/// Today in UTC, as year, month, day.
fn today() -> String {
    let seconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    // Days to a date: H. Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.
    let days = (seconds / 86_400) as i64 + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}
