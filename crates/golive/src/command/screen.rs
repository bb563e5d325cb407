//! S4, S8: `golive screen`: what the screens say of a text, and how good they are on labelled ones.
//!
//! Never: sends anything anywhere, or keeps a text.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use golive_screen::eval::{self, Scored};
use golive_screen::injection::{Channel, Injection};
use golive_screen::normalise::Normalised;
use golive_screen::pii::{Detector, Kind, Options};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::{Format, Screen, ScreenCommand};
use crate::exit::{self, Exit};
use crate::output::{self, plain};

/// The longest line that is read.
const LINE_MAX: u64 = 64 << 20;

pub fn run(args: &Screen) -> Exit {
    match screened(args) {
        Ok(code) => code,
        Err(why) => {
            output::error(&why);
            exit::USAGE
        }
    }
}

fn screened(args: &Screen) -> Result<Exit, String> {
    if args.kinds {
        kinds(args.format);
        return Ok(exit::OK);
    }
    let screens = Screens::new()?;
    match &args.command {
        Some(ScreenCommand::Eval { file }) => evaluate(&screens, file, args.format),
        None => stdin(&screens, args),
    }
}

struct Screens {
    injection: Injection,
    pii: Detector,
}

/// A line as it comes in; further members are nobody's business here.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    id: Value,
    text: String,
    #[serde(default)]
    channel: Option<String>,
    // Of labelled lines:
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    spans: Option<Vec<Span>>,
    #[serde(default)]
    only_type: Option<String>,
}

#[derive(Deserialize)]
struct Span {
    start: usize,
    end: usize,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    optional: bool,
}

impl Screens {
    fn new() -> Result<Self, String> {
        Ok(Self {
            injection: Injection::new(),
            pii: Detector::new(&Options::default()).map_err(|error| error.to_string())?,
        })
    }

    fn look(&self, id: &Value, text: &str, channel: Channel) -> Value {
        let verdict = self.injection.judge(&Normalised::of(text), channel);
        let injections = verdict.findings.iter().map(|finding| {
            json!({
                "screen": "injection",
                "kind": finding.family.map_or("suspicious", |family| family.name()),
                "rule": finding.rule,
                "start": finding.at.start,
                "end": finding.at.end,
                "score": finding.score,
            })
        });
        let data = self.pii.find_in(text).into_iter().map(|finding| {
            json!({
                "screen": "pii",
                "kind": self.pii.name(finding.kind),
                "start": finding.at.start,
                "end": finding.at.end,
                "score": finding.score,
            })
        });
        json!({
            "id": id,
            "score": verdict.score,
            "findings": injections.chain(data).collect::<Vec<_>>(),
        })
    }
}

/// Lines of JSON give lines of JSON; anything else is one text.
fn stdin(screens: &Screens, args: &Screen) -> Result<Exit, String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        output::say("reading a text, or lines of JSON, from standard input; end it with Ctrl-D");
    }
    let mut input = BufReader::new(input.lock());
    let first = input.fill_buf().map_err(cannot_read)?;
    if first.trim_ascii_start().starts_with(b"{") {
        return json_lines(screens, input);
    }
    let channel = channel(args.channel.as_deref())?;
    let mut text = Vec::new();
    input.take(LINE_MAX).read_to_end(&mut text).map_err(cannot_read)?;
    let text = String::from_utf8(text).map_err(|_| "the text is not UTF-8".to_owned())?;
    let found = screens.look(&Value::Null, &text, channel);
    match args.format {
        Format::Json => output::json(&found),
        Format::Text => tell(&text, &found),
    }
    Ok(exit::OK)
}

fn json_lines(screens: &Screens, input: impl BufRead) -> Result<Exit, String> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in lines(input) {
        let (_, line) = line?;
        let channel = channel(line.channel.as_deref())?;
        let found = screens.look(&line.id, &line.text, channel);
        if let Err(error) = writeln!(out, "{found}") {
            return closed(&error);
        }
    }
    match out.flush() {
        Ok(()) => Ok(exit::OK),
        Err(error) => closed(&error),
    }
}

/// Whoever read the output has gone: that is how pipelines end.
fn closed(error: &std::io::Error) -> Result<Exit, String> {
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        return Ok(exit::OK);
    }
    Err(format!("cannot write the findings: {error}"))
}

fn lines(input: impl BufRead) -> impl Iterator<Item = Result<(usize, Line), String>> {
    let numbered = input.lines().enumerate();
    numbered
        .filter(|(_, line)| line.as_ref().map_or(true, |line| !line.trim().is_empty()))
        .map(|(number, line)| {
            let line = line.map_err(cannot_read)?;
            let read = serde_json::from_str(&line).map_err(|error| {
                format!(
                    "line {}: {error}; write {{\"id\": …, \"text\": \"…\", \"channel\": \"user\"}}",
                    number + 1
                )
            })?;
            Ok((number + 1, read))
        })
}

fn cannot_read(error: std::io::Error) -> String {
    format!("cannot read the input: {error}")
}

fn channel(name: Option<&str>) -> Result<Channel, String> {
    let name = name.unwrap_or("user");
    Channel::of(name).ok_or_else(|| {
        let names: Vec<&str> = Channel::ALL.iter().map(|channel| channel.name()).collect();
        format!(
            "`{}` is no channel; it is one of {}",
            plain(name),
            names.join(", ")
        )
    })
}

fn tell(text: &str, found: &Value) {
    let score = found["score"].as_f64().unwrap_or_default();
    output::data(&format!("injection: {:.1} %", score * 100.0));
    for finding in found["findings"].as_array().into_iter().flatten() {
        let place = |name: &str| finding[name].as_u64().and_then(|at| usize::try_from(at).ok());
        let range = place("start").unwrap_or(0)..place("end").unwrap_or(0);
        let words = text.get(range.clone()).unwrap_or_default();
        let shown: String = words.chars().take(60).collect();
        output::data(&format!(
            "{:<22} {:>5}..{:<5} {}",
            finding["kind"].as_str().unwrap_or_default(),
            range.start,
            range.end,
            plain(&shown.replace('\n', " "))
        ));
    }
}

fn kinds(format: Format) {
    match format {
        Format::Json => {
            let all: Vec<_> = Kind::ALL
                .iter()
                .map(|kind| json!({"kind": kind.name(), "redacted": format!("[{}]", kind.tag())}))
                .collect();
            output::json(&json!(all));
        }
        Format::Text => {
            for kind in Kind::ALL {
                output::data(&format!("{:<24} [{}]", kind.name(), kind.tag()));
            }
        }
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, String> {
    let file = File::open(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mut file = BufReader::new(file);
    let begins = file
        .fill_buf()
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(if begins.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::new(MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    })
}

/// Labelled texts: `label` is `attack` or `benign`, or `spans` says where personal data stands.
fn evaluate(screens: &Screens, path: &Path, format: Format) -> Result<Exit, String> {
    let mut scored = Vec::new();
    let mut spans = Spans::default();
    for line in lines(open(path)?) {
        let (number, line) = line.map_err(|why| format!("{}, {why}", path.display()))?;
        if let Some(expected) = &line.spans {
            spans.take(&screens.pii, &line.text, expected, line.only_type.as_deref());
            continue;
        }
        let attack = match line.label.as_deref() {
            Some("attack") => true,
            Some("benign") => false,
            _ => {
                return Err(format!(
                    "{}, line {number}: `label` is neither `attack` nor `benign`, and there are no `spans`",
                    path.display()
                ));
            }
        };
        let channel = channel(line.channel.as_deref())?;
        scored.push(Scored {
            attack,
            kind: line.kind.unwrap_or_else(|| "all".to_owned()),
            score: screens
                .injection
                .judge(&Normalised::of(&line.text), channel)
                .score,
        });
    }
    if scored.is_empty() && spans.is_empty() {
        return Err(format!("{} holds no labelled line", path.display()));
    }
    match format {
        Format::Json => output::json(&json!({
            "injection": (!scored.is_empty()).then(|| curves(&scored)),
            "pii": (!spans.is_empty()).then(|| spans.to_json()),
        })),
        Format::Text => {
            if !scored.is_empty() {
                output::data(&eval::report(&scored));
            }
            if !spans.is_empty() {
                output::data(&spans.to_text());
            }
        }
    }
    Ok(exit::OK)
}

fn curves(rows: &[Scored]) -> Value {
    let at = |rate: f64| {
        let threshold = eval::threshold_at(rows, rate);
        let kinds = |attack| {
            eval::by_kind(rows, attack, threshold)
                .into_iter()
                .map(|(kind, texts, share)| json!({"kind": kind, "texts": texts, "flagged": share}))
                .collect::<Vec<_>>()
        };
        json!({
            "false_alarms": rate,
            "threshold": threshold.is_finite().then_some(threshold),
            "recall": eval::share_flagged(rows.iter().filter(|row| row.attack), threshold),
            "attacks": kinds(true),
            "benign": kinds(false),
        })
    };
    json!({
        "texts": rows.len(),
        "area_under_curve": eval::area_under_curve(rows),
        "at": eval::FALSE_ALARMS.iter().map(|rate| at(*rate)).collect::<Vec<_>>(),
    })
}

/// Spans found and missed, by type.
#[derive(Default)]
struct Spans {
    by_kind: std::collections::BTreeMap<String, [u64; 3]>, // right, wrong, missed
}

impl Spans {
    fn is_empty(&self) -> bool {
        self.by_kind.is_empty()
    }

    fn take(&mut self, detector: &Detector, text: &str, expected: &[Span], only: Option<&str>) {
        let wanted = |kind: &str| only.is_none_or(|only| only == kind);
        let found: Vec<_> = detector
            .find_in(text)
            .into_iter()
            .map(|finding| (detector.name(finding.kind).to_owned(), finding.at))
            .filter(|(kind, _)| wanted(kind))
            .collect();
        let mut used = vec![false; found.len()];
        for span in expected.iter().filter(|span| wanted(&span.kind)) {
            let same = found
                .iter()
                .position(|(kind, at)| *kind == span.kind && at.start == span.start && at.end == span.end);
            if let Some(same) = same {
                used[same] = true;
            }
            if span.optional {
                continue;
            }
            self.by_kind.entry(span.kind.clone()).or_default()[if same.is_some() { 0 } else { 2 }] += 1;
        }
        for ((kind, at), used) in found.iter().zip(used) {
            // What stands in an optional span is neither right nor wrong.
            let optional = expected
                .iter()
                .any(|span| span.optional && at.start < span.end && span.start < at.end);
            if !used && !optional {
                self.by_kind.entry(kind.clone()).or_default()[1] += 1;
            }
        }
    }

    fn rows(&self) -> Vec<(String, [u64; 3])> {
        let mut all = [0; 3];
        for counts in self.by_kind.values() {
            for (sum, count) in all.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        let kinds = self.by_kind.iter().map(|(kind, counts)| (kind.clone(), *counts));
        kinds.chain([("all".to_owned(), all)]).collect()
    }

    fn to_json(&self) -> Value {
        let rows = self.rows().into_iter().map(|(kind, [right, wrong, missed])| {
            let (precision, recall, f1) = rates(right, wrong, missed);
            json!({"kind": kind, "right": right, "wrong": wrong, "missed": missed,
                   "precision": precision, "recall": recall, "f1": f1})
        });
        rows.collect()
    }

    fn to_text(&self) -> String {
        let mut text =
            "| kind | spans | precision | recall | F1 |\n| --- | ---: | ---: | ---: | ---: |\n".to_owned();
        for (kind, [right, wrong, missed]) in self.rows() {
            let (precision, recall, f1) = rates(right, wrong, missed);
            text.push_str(&format!(
                "| {kind} | {} | {precision:.3} | {recall:.3} | {f1:.3} |\n",
                right + missed
            ));
        }
        text
    }
}

fn rates(right: u64, wrong: u64, missed: u64) -> (f64, f64, f64) {
    let share = |part: u64, of: u64| if of == 0 { 1.0 } else { part as f64 / of as f64 };
    (
        share(right, right + wrong),
        share(right, right + missed),
        share(2 * right, 2 * right + wrong + missed),
    )
}
