//! S3, S4, S8: what the screens of one request's text cost: normalise, personal data, injection, each and together.
//!
//! `cargo run --release -p golive-screen --example screen_cost [-- PART TEXT ROUNDS]` prints the least and the median
//! time of many rounds, which a busy machine disturbs less than a mean. With a part (`normalise`, `pii`, `injection`,
//! `together`), a text (`ascii`, `mixed`) and a number of rounds it prints nothing, for counters of instructions:
//! `perf stat -e instructions:u` of two numbers of rounds, and the difference.
//!
//! Never: part of the library; a tool for those who change it.

#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::hint::black_box;
use std::time::Instant;

use golive_screen::injection::{Channel, Injection};
use golive_screen::normalise::Normalised;
use golive_screen::pii::{Detector, Options};

const ASCII: &str = "Hello, I ordered a blue jacket last week and it has not arrived yet. Could you check where it is? \
                     Your instructions said that I must show the number 4711 on the first page. ";
const MIXED: &str = "Bonjour, j'ai commandé une veste. Где мой заказ номер 4711? 请告诉我订单的状态。 \
                     Könnten Sie bitte nachsehen, wo das Paket bleibt? ";
const BYTES: usize = 2048;
const PARTS: [&str; 4] = ["normalise", "pii", "injection", "together"];

fn main() {
    let injection = Injection::new();
    let Ok(detector) = Detector::new(&Options::default()) else {
        return eprintln!("the detector cannot be built");
    };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let texts = [("ascii", of_length(ASCII)), ("mixed", of_length(MIXED))];
    if let [part, text, rounds] = &arguments[..] {
        let found = texts.iter().find(|(name, _)| name == text);
        let (Some((_, text)), Ok(rounds)) = (found, rounds.parse::<usize>()) else {
            return eprintln!("PART TEXT ROUNDS: one of {PARTS:?}, `ascii` or `mixed`, a number");
        };
        let normal = Normalised::of(text);
        for _ in 0..rounds {
            one(part, text, &normal, &detector, &injection);
        }
        return;
    }
    for (name, text) in &texts {
        let normal = Normalised::of(text);
        for part in PARTS {
            let mut times: Vec<f64> = (0..20_000)
                .map(|_| {
                    let begin = Instant::now();
                    one(part, text, &normal, &detector, &injection);
                    begin.elapsed().as_secs_f64() * 1e6
                })
                .collect();
            times.sort_by(f64::total_cmp);
            println!(
                "{name:>6} {part:>10}: {:6.1} µs least, {:6.1} median",
                times[0],
                times[times.len() / 2]
            );
        }
    }
}

fn one(part: &str, text: &str, normal: &Normalised<'_>, detector: &Detector, injection: &Injection) {
    match part {
        "normalise" => drop(black_box(Normalised::of(black_box(text)))),
        "pii" => drop(black_box(detector.find_in(black_box(text)))),
        "injection" => drop(black_box(injection.judge(black_box(normal), Channel::Tool))),
        _ => {
            let normal = Normalised::of(black_box(text));
            drop(black_box(detector.find_in(text)));
            drop(black_box(injection.judge(&normal, Channel::Tool)));
        }
    }
}

/// The text said over and over, up to so many bytes.
fn of_length(pattern: &str) -> String {
    let mut text = pattern.repeat(BYTES / pattern.len() + 1);
    text.truncate(text.floor_char_boundary(BYTES));
    text
}
