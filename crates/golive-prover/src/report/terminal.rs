//! The report for a terminal: at most 80 columns, verdicts as words, then what blocks and how to mend it, then files.
//!
//! Never: prints a character from outside that a terminal would act on, or tells anything by colour alone.

use std::fmt::Write as _;

use golive_checklist::gate::Gate;
use golive_checklist::item::Phase;
use golive_checklist::report::{CheckReport, ItemReport, PartReport};
use golive_checklist::verdict::Verdict;

use super::{
    BLOCKERS_MAX, Written, because, blockers, coverage_sentence, escape, has_proof, not_looked_at, span,
};
use crate::plan::Plan;

/// No line is longer.
pub const WIDTH: usize = 80;

/// Where the findings begin.
const INDENT: usize = 29;

/// Lines that one finding may take.
const FINDING_LINES: usize = 2;

/// The report as text. `colour` off gives no escape sequence at all.
#[must_use]
pub fn render(report: &CheckReport, written: Option<&Written>, exit_code: u8, colour: bool) -> String {
    let paint = Paint(colour);
    let mut out = String::new();
    banner(&mut out, report, paint);
    for phase in Phase::ALL {
        let items: Vec<&ItemReport> = report.items.iter().filter(|item| item.phase == phase).collect();
        if !items.is_empty() {
            heading(&mut out, phase, paint);
            items.iter().for_each(|item| table(&mut out, item, paint));
        }
    }
    blocking(&mut out, report, paint);
    notes(&mut out, report, paint);
    files(&mut out, written, exit_code);
    out
}

/// The plan as text.
#[must_use]
pub fn plan(plan: &Plan, colour: bool) -> String {
    let paint = Paint(colour);
    let mut out = String::new();
    line(
        &mut out,
        0,
        &format!(
            "{} {}",
            paint.bold("Plan for"),
            safe(&format!("{} at {}", plan.target, plan.url))
        ),
    );
    line(&mut out, 0, "Nothing is sent.");
    out.push('\n');
    for part in &plan.parts {
        let word = if part.provable {
            paint.verdict(Verdict::Pass, "provable")
        } else {
            paint.dim("not yet ")
        };
        let _ = write!(out, "  {:<16}{word}  ", part.id);
        let text = match (&part.missing, part.provable) {
            (Some(missing), false) => {
                let unlocks = part.unlocks.as_deref().unwrap_or_default();
                format!("needs {missing}: {unlocks}")
            }
            _ => format!("{} ({} requests, {} s)", part.title, part.requests, part.seconds),
        };
        wrapped(&mut out, 28, &text, FINDING_LINES);
    }
    let provable = plan.parts.iter().filter(|part| part.provable).count();
    out.push('\n');
    line(
        &mut out,
        0,
        &format!(
            "{provable} of {} parts provable; at most {} requests of {} allowed, about {}",
            plan.parts.len(),
            plan.requests,
            plan.requests_limit,
            span(plan.seconds * 1_000)
        ),
    );
    for warning in &plan.warnings {
        line(&mut out, 0, &format!("note: {}", safe(warning)));
    }
    out
}

fn banner(out: &mut String, report: &CheckReport, paint: Paint) {
    let word = paint.gate(report.gate);
    let target = format!(
        "{} ({}) {}",
        report.target.name, report.target.format, report.target.url
    );
    line(out, 0, &format!("{word}  {}", safe(because(report))));
    line(out, 0, &safe(&target));
    line(out, 0, &coverage_sentence(&report.coverage));
}

fn heading(out: &mut String, phase: Phase, paint: Paint) {
    let number = phase
        .number()
        .map_or_else(String::new, |number| format!("{number}  "));
    let _ = writeln!(out, "\n{}", paint.bold(&format!("{number}{}", phase.title())));
}

/// One line for the item, one or two for each part that has a proof.
fn table(out: &mut String, item: &ItemReport, paint: Paint) {
    let word = paint.verdict(item.verdict(), &format!("{:<9}", item.verdict().as_str()));
    let _ = write!(out, "  {:<16}{word}  ", item.id.as_str());
    wrapped(out, INDENT, &item.title, 2);
    for part in item.parts.iter().filter(|part| is_worth_a_line(part)) {
        let name = part.id().as_str().split_once('.').map_or("", |(_, word)| word);
        let word = paint.verdict(part.verdict(), &format!("{:<9}", part.verdict().as_str()));
        let scaled = if part.scaled { "[scaled] " } else { "" };
        let _ = write!(out, "    .{name:<13}{word}  ");
        wrapped(out, INDENT, &format!("{scaled}{}", part.summary), FINDING_LINES);
    }
    let (shown, open): (Vec<&PartReport>, Vec<&PartReport>) =
        item.parts.iter().partition(|part| is_worth_a_line(part));
    if !shown.is_empty() && !open.is_empty() {
        let names: Vec<&str> = open.iter().map(|part| part.id().as_str()).collect();
        let word = paint.verdict(Verdict::Unproven, &format!("{:<9}", Verdict::Unproven.as_str()));
        let _ = write!(out, "    {:<14}{word}  ", "");
        wrapped(
            out,
            INDENT,
            &format!("{}: not looked at", names.join(", ")),
            FINDING_LINES,
        );
    }
}

fn is_worth_a_line(part: &PartReport) -> bool {
    has_proof(part) || part.verdict() != Verdict::Unproven
}

fn blocking(out: &mut String, report: &CheckReport, paint: Paint) {
    let found = blockers(report);
    if !found.is_empty() {
        let _ = writeln!(out, "\n{}", paint.bold("In the way"));
    }
    for part in found.iter().take(BLOCKERS_MAX) {
        let word = paint.verdict(part.verdict(), part.verdict().as_str());
        line(out, 2, &format!("{} {word}", part.id()));
        let _ = write!(out, "    ");
        wrapped(out, 4, &part.summary, 4);
        if let Some(fix) = &part.fix {
            let _ = write!(out, "    fix:   ");
            wrapped(out, 11, fix, 4);
        }
        if let Some(command) = &part.reproduce {
            // A command that is broken over lines cannot be copied.
            let _ = writeln!(out, "    again: {}", safe(command));
        }
    }
    if found.len() > BLOCKERS_MAX {
        line(
            out,
            2,
            &format!("and {} more, in the report", found.len() - BLOCKERS_MAX),
        );
    }
    let open = not_looked_at(report).len();
    if open > 0 {
        line(
            out,
            2,
            &format!("{open} parts were not looked at: no proof yet, or a person's word is missing"),
        );
    }
}

fn notes(out: &mut String, report: &CheckReport, paint: Paint) {
    if !report.run_warnings.is_empty() || !report.self_test.passed {
        let _ = writeln!(out, "\n{}", paint.bold("About this run"));
    }
    if !report.self_test.passed {
        let _ = write!(out, "  ");
        wrapped(
            out,
            2,
            &format!("the prover's self-test failed: {}", report.self_test.detail),
            6,
        );
    }
    for warning in &report.run_warnings {
        let _ = write!(out, "  ");
        wrapped(out, 2, warning, 3);
    }
}

fn files(out: &mut String, written: Option<&Written>, exit_code: u8) {
    out.push('\n');
    if let Some(written) = written {
        let _ = writeln!(out, "report  {}", safe(&written.html.display().to_string()));
        let _ = writeln!(out, "json    {}", safe(&written.json.display().to_string()));
    }
    let _ = writeln!(out, "exit    {exit_code}: {}", meaning(exit_code));
}

/// What an exit code of `golive check` says.
#[must_use]
pub fn meaning(exit_code: u8) -> &'static str {
    match exit_code {
        0 => "everything that was looked at holds",
        1 => "not GO: something does not hold, or is not proven",
        2 => "bad usage or configuration",
        3 => "the target could not be reached",
        4 => "the run is not valid; nothing is said about the target",
        130 => "interrupted; this is what was done until then",
        _ => "unknown",
    }
}

/// Colours, or none.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn verdict(self, verdict: Verdict, text: &str) -> String {
        let code = match verdict {
            Verdict::Pass => "32",
            Verdict::Attested => "35",
            Verdict::Excluded => "2",
            Verdict::Warn => "33",
            Verdict::Unproven => "36",
            Verdict::Fail => "1;31",
        };
        self.with(code, text)
    }

    fn gate(self, gate: Gate) -> String {
        let code = match gate {
            Gate::Go | Gate::GoWithExceptions => "1;32",
            Gate::NoGo => "1;31",
            Gate::Partial => "1;36",
            Gate::Invalid => "1;33",
        };
        self.with(code, &gate.to_string())
    }
}

fn safe(text: &str) -> String {
    escape::one_line(text)
}

/// One line, cut where the terminal ends. Escape sequences of our own have no width.
fn line(out: &mut String, indent: usize, text: &str) {
    let _ = write!(out, "{:indent$}", "");
    let (mut used, mut escape) = (indent, false);
    for c in text.chars() {
        if c == '\x1b' || escape {
            escape = c != 'm';
            out.push(c);
            continue;
        }
        if used + width(c) > WIDTH - 1 {
            out.push('…');
            if text.contains('\x1b') {
                out.push_str("\x1b[0m");
            }
            break;
        }
        used += width(c);
        out.push(c);
    }
    out.push('\n');
}

/// Text from anywhere, made safe and broken at spaces into at most `lines` lines; the first begins at the current
/// column, which is `indent`.
fn wrapped(out: &mut String, indent: usize, text: &str, lines: usize) {
    let room = WIDTH - indent;
    let mut rows: Vec<String> = vec![String::new()];
    let mut used = 0;
    for word in safe(text).split(' ').filter(|word| !word.is_empty()) {
        let wide: usize = word.chars().map(width).sum();
        if used > 0 && used + 1 + wide > room {
            rows.push(String::new());
            used = 0;
        }
        let Some(row) = rows.last_mut() else { break };
        if used > 0 {
            row.push(' ');
            used += 1;
        }
        for c in word.chars() {
            // A word longer than the room is broken where it must be.
            if used + width(c) > room {
                rows.push(String::new());
                used = 0;
            }
            used += width(c);
            if let Some(row) = rows.last_mut() {
                row.push(c);
            }
        }
    }
    if rows.len() > lines {
        rows.truncate(lines);
        if let Some(row) = rows.last_mut() {
            while row.chars().map(width).sum::<usize>() + 1 > room {
                row.pop();
            }
            row.push('…');
        }
    }
    for (number, row) in rows.iter().enumerate() {
        if number > 0 {
            let _ = write!(out, "{:indent$}", "");
        }
        out.push_str(row);
        out.push('\n');
    }
}

/// Columns of a character. East Asian wide forms and pictures take two; a combining mark is counted as one, which can
/// only make a line shorter than it need be.
fn width(c: char) -> usize {
    match u32::from(c) {
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}
