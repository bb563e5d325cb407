//! S4: how well personal data is found: precision, recall and F1 over labelled lines, per type and per kind of line.
//!
//!     cargo run --release -p golive-screen --example pii_eval -- FILE [--errors TYPE] [--predictions OUT] [--stream BYTES]
//!
//! FILE (or the variable `GOLIVE_PII_LINES`) is JSON lines, plain or `.gz`. A line has `text`, `kind`, and `spans` of
//! `start`, `end` (bytes, half-open), `type`, and perhaps `optional` (finding it is neither right nor wrong). A line
//! with `only_type` is judged for that type alone. A span is found exactly, or it overlaps; both are printed.
//! `--stream` also sends each text through the stream filter in pieces of so many bytes and tells what it held back.
//! `--predictions` takes another program's findings instead: lines of `{"id", "spans": [{"start","end","type"}]}`.
//!
//! Never: part of the product.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use golive_screen::pii::{Detector, Options};
use golive_screen::redact::{Action, Policy};
use golive_screen::stream::Filter;
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    id: String,
    text: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    spans: Vec<Span>,
    only_type: Option<String>,
}

#[derive(Deserialize, Clone)]
struct Span {
    start: usize,
    end: usize,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    optional: bool,
}

#[derive(Deserialize)]
struct Predicted {
    id: String,
    spans: Vec<Span>,
}

#[derive(Default, Clone, Copy)]
struct Count {
    exact: usize,
    overlap: usize,
    missed: usize,
    wrong: usize,
    wrong_exact: usize,
}

impl Count {
    fn add(&mut self, other: Count) {
        self.exact += other.exact;
        self.overlap += other.overlap;
        self.missed += other.missed;
        self.wrong += other.wrong;
        self.wrong_exact += other.wrong_exact;
    }

    fn rates(right: usize, wrong: usize, expected: usize) -> (f64, f64, f64) {
        let share = |a: usize, b: usize| if b == 0 { 1.0 } else { a as f64 / b as f64 };
        let (precision, recall) = (share(right, right + wrong), share(right, expected));
        let f1 = if precision + recall == 0.0 {
            0.0
        } else {
            2.0 * precision * recall / (precision + recall)
        };
        (precision, recall, f1)
    }

    fn row(&self, name: &str) -> String {
        let expected = self.overlap + self.missed;
        let (p, r, f) = Count::rates(self.overlap, self.wrong, expected);
        let (_, _, exact) = Count::rates(self.exact, self.wrong_exact, expected);
        format!(
            "| {name} | {expected} | {} | {p:.3} | {r:.3} | {f:.3} | {exact:.3} |",
            self.wrong
        )
    }
}

/// The types whose form has a checksum that a random number rarely passes.
const CHECKSUM: &[&str] = &[
    "CREDIT_CARD",
    "IBAN_CODE",
    "IMEI",
    "VIN",
    "UK_NHS",
    "CA_SIN",
    "AU_TFN",
    "AU_ABN",
    "AU_MEDICARE",
    "IN_AADHAAR",
    "BR_CPF",
    "BR_CNPJ",
    "ES_NIF",
    "ES_NIE",
    "FR_NIR",
    "DE_TAX_ID",
    "IT_FISCAL_CODE",
    "PL_PESEL",
    "NL_BSN",
    "SE_PERSONNUMMER",
    "FI_HETU",
    "NO_FNR",
    "BE_NN",
    "CH_AHV",
    "CZ_RC",
    "PT_NIF",
    "RO_CNP",
    "TR_NATIONAL_ID",
    "IL_IDNR",
    "ZA_ID_NUMBER",
    "SG_NRIC_FIN",
    "KR_RRN",
    "JP_MY_NUMBER",
    "CN_RIC",
    "TH_TNIN",
    "MX_CURP",
    "US_BANK_ROUTING",
    "CRYPTO",
];
/// The types without a form of their own.
const BY_CONTEXT: &[&str] = &["PERSON", "LOCATION", "DATE_OF_BIRTH"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut file = std::env::var("GOLIVE_PII_LINES").ok();
    let (mut errors, mut predictions, mut stream) = (None, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--errors" => errors = arguments.next(),
            "--predictions" => predictions = arguments.next(),
            "--stream" => stream = arguments.next().and_then(|size| size.parse().ok()).map(Held::new),
            _ => file = Some(argument),
        }
    }
    let file = file.ok_or("name a file of labelled lines")?;
    let others = predictions.map(|path| read_predictions(&path)).transpose()?;
    let detector = Arc::new(Detector::new(&Options::default())?);

    let (mut types, mut kinds) = (BTreeMap::<String, Count>::new(), BTreeMap::<String, Count>::new());
    for line in lines(&file)? {
        let row: Row = serde_json::from_str(&line?)?;
        if let Some(held) = &mut stream {
            held.run(&detector, &row.text);
        }
        let found: Vec<Span> = match &others {
            Some(others) => others.get(&row.id).cloned().unwrap_or_default(),
            None => detector
                .find_in(&row.text)
                .into_iter()
                .map(|finding| Span {
                    start: finding.at.start,
                    end: finding.at.end,
                    kind: detector.name(finding.kind).to_owned(),
                    optional: false,
                })
                .collect(),
        };
        let judged = |span: &&Span| row.only_type.as_ref().is_none_or(|only| *only == span.kind);
        let expected: Vec<&Span> = row.spans.iter().filter(judged).collect();
        let found: Vec<&Span> = found.iter().filter(judged).collect();
        for (kind, count) in judge(&expected, &found) {
            let wrong = count.wrong + count.missed > 0 || count.exact < count.overlap;
            if errors
                .as_ref()
                .is_some_and(|want| (want == "all" || *want == kind) && wrong)
            {
                let show = |spans: &[&Span]| {
                    spans
                        .iter()
                        .map(|s| format!("{}={}", s.kind, row.text.get(s.start..s.end).unwrap_or("?")))
                        .collect::<Vec<_>>()
                        .join("; ")
                };
                println!(
                    "{kind} [{}] {:?}\n    wanted {}\n    found  {}",
                    row.kind,
                    row.text,
                    show(&expected),
                    show(&found)
                );
            }
            types.entry(kind).or_default().add(count);
            kinds.entry(row.kind.clone()).or_default().add(count);
        }
        kinds.entry(row.kind.clone()).or_default();
    }
    report(&types, &kinds);
    if let Some(held) = stream {
        let mean = held.sum as f64 / held.pushes.max(1) as f64;
        println!(
            "\nstream in pieces of {} bytes: {} pushes, {mean:.1} bytes held on average, {} at most",
            held.size, held.pushes, held.most
        );
    }
    Ok(())
}

/// What a stream held back, in bytes, after each push.
struct Held {
    size: usize,
    pushes: usize,
    sum: usize,
    most: usize,
}

impl Held {
    fn new(size: usize) -> Held {
        Held {
            size: size.max(1),
            pushes: 0,
            sum: 0,
            most: 0,
        }
    }

    fn run(&mut self, detector: &Arc<Detector>, text: &str) {
        let mut filter = Filter::new(Arc::clone(detector), Arc::new(Policy::new(Action::Redact)));
        let mut rest = text;
        while !rest.is_empty() {
            let mut end = self.size.min(rest.len());
            while !rest.is_char_boundary(end) {
                end += 1;
            }
            let (piece, tail) = rest.split_at(end);
            rest = tail;
            if filter.push(piece).is_err() {
                return;
            }
            self.pushes += 1;
            self.sum += filter.held();
            self.most = self.most.max(filter.held());
        }
    }
}

/// Per type: what was found, missed, and found without being there.
fn judge(expected: &[&Span], found: &[&Span]) -> Vec<(String, Count)> {
    let overlaps = |a: &Span, b: &Span| a.start < b.end && b.start < a.end;
    let mut counts = Vec::new();
    for span in expected.iter().filter(|span| !span.optional) {
        let same = found
            .iter()
            .filter(|f| f.kind == span.kind && overlaps(f, span))
            .collect::<Vec<_>>();
        let exact = same.iter().any(|f| f.start == span.start && f.end == span.end);
        let count = Count {
            exact: usize::from(exact),
            overlap: usize::from(!same.is_empty()),
            missed: usize::from(same.is_empty()),
            wrong: 0,
            wrong_exact: usize::from(!same.is_empty() && !exact),
        };
        counts.push((span.kind.clone(), count));
    }
    for span in found {
        let right = expected
            .iter()
            .any(|e| overlaps(e, span) && (e.optional || e.kind == span.kind));
        if !right {
            counts.push((
                span.kind.clone(),
                Count {
                    wrong: 1,
                    wrong_exact: 1,
                    ..Count::default()
                },
            ));
        }
    }
    counts
}

fn report(types: &BTreeMap<String, Count>, kinds: &BTreeMap<String, Count>) {
    let head = |name: &str| {
        println!(
            "\n| {name} | spans | wrong | precision | recall | F1 | F1 exact |\n|---|---|---|---|---|---|---|"
        )
    };
    head("type");
    for (name, count) in types {
        println!("{}", count.row(name));
    }
    head("kind of line");
    for (name, count) in kinds {
        println!("{}", count.row(name));
    }
    head("together");
    let sum = |wanted: &dyn Fn(&str) -> bool| {
        types
            .iter()
            .filter(|(name, _)| wanted(name))
            .fold(Count::default(), |mut all, (_, count)| {
                all.add(*count);
                all
            })
    };
    println!(
        "{}",
        sum(&|name| CHECKSUM.contains(&name)).row("types with a checksum")
    );
    println!(
        "{}",
        sum(&|name| !BY_CONTEXT.contains(&name)).row("all types with a form")
    );
    println!(
        "{}",
        sum(&|name| BY_CONTEXT.contains(&name)).row("types told by words only")
    );
    println!("{}", sum(&|_| true).row("all"));
}

fn lines(path: &str) -> Result<impl Iterator<Item = std::io::Result<String>>, Box<dyn Error>> {
    let file = File::open(path).map_err(|error| format!("{path}: {error}"))?;
    let reader: Box<dyn Read> = if path.ends_with(".gz") {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    Ok(BufReader::new(reader)
        .lines()
        .filter(|line| line.as_ref().map_or(true, |line| !line.trim().is_empty())))
}

fn read_predictions(path: &str) -> Result<HashMap<String, Vec<Span>>, Box<dyn Error>> {
    let mut all = HashMap::new();
    for line in lines(path)? {
        let predicted: Predicted = serde_json::from_str(&line?)?;
        all.insert(predicted.id, predicted.spans);
    }
    Ok(all)
}
