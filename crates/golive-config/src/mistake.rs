//! S1: what is wrong with a file: where, why, and what to do; for people underlined, for programs JSON.
//!
//! Never: shows a secret. Sources enter only masked ([`crate::mask`]), messages are masked on the way in.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, Severity, SourceCode};
use serde::Serialize;

use crate::mask;

/// One thing that is wrong, or that deserves a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Stable name: `unknown_key`, `literal_secret`, …
    pub code: &'static str,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// The file it stands in.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Byte range in the file; empty if it is about the file as a whole.
    pub span: Range<usize>,
    /// What to do.
    pub help: Option<String>,
    /// It does not stop the start.
    pub warning: bool,
}

/// Mistakes of one or more files, with what is needed to show them.
#[derive(Debug, Clone, Default)]
pub struct Mistakes {
    list: Vec<Mistake>,
    sources: Vec<(PathBuf, Arc<str>)>,
}

impl Mistakes {
    /// Each mistake, by file in the order read, then by place.
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.list.iter()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// For people: each with its source line, underlined, and its help.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let theme = if colour {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_links(false)
            .with_width(110);
        let mut out = String::new();
        for (at, mistake) in self.list.iter().enumerate() {
            if at > 0 {
                out.push('\n');
            }
            let shown = Shown {
                mistake,
                source: self.source(&mistake.file),
            };
            // Writing to a String cannot fail, and each span was cut to its source below.
            let _ = handler.render_report(&mut out, &shown);
        }
        out
    }

    /// For programs: `{"mistakes": [{"severity", "code", "message", "file", "line", "column", "span", "help"}]}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let rows = self.list.iter().map(|mistake| {
            serde_json::json!({
                "severity": if mistake.warning { "warning" } else { "error" },
                "code": mistake.code,
                "message": mistake.message,
                "file": mistake.file,
                "line": mistake.line,
                "column": mistake.column,
                "span": { "start": mistake.span.start, "end": mistake.span.end },
                "help": mistake.help,
            })
        });
        serde_json::json!({ "mistakes": rows.collect::<Vec<_>>() })
    }

    /// Makes a file known; `masked` is what will be shown of it.
    pub(crate) fn add_source(&mut self, file: &Path, masked: String) {
        self.sources.push((file.to_owned(), masked.into()));
    }

    /// Notes a mistake at `span` of a file made known before.
    pub(crate) fn push(
        &mut self,
        file: &Path,
        span: Range<usize>,
        code: &'static str,
        message: String,
    ) -> &mut Mistake {
        let source = self.source(file).map_or("", |(_, text)| text);
        let (line, column) = line_and_column(source, span.start);
        let span = span.start.min(source.len())..span.end.min(source.len());
        let message = mask::mask_known_kinds(&message);
        let file = file.to_owned();
        self.list.push(Mistake {
            code,
            message,
            file,
            line,
            column,
            span,
            help: None,
            warning: false,
        });
        let last = self.list.len() - 1;
        &mut self.list[last]
    }

    /// After syntax errors at `syntax`: drops what may only be their consequence, that is, everything
    /// on their lines and everything that misses what they may have hidden.
    pub(crate) fn drop_consequences(&mut self, file: &Path, syntax: &[Range<usize>]) {
        const OF_ABSENCE: &[&str] = &[
            "missing_key",
            "dangling_name",
            "nothing_to_serve",
            "unused",
            "unset_variable",
            "plain_http",
            "private_address",
        ];
        let text = self.source(file).map_or("", |(_, text)| text);
        let lines: Vec<usize> = syntax
            .iter()
            .map(|span| line_and_column(text, span.start).0)
            .collect();
        let kept = |mistake: &Mistake| {
            matches!(mistake.code, "syntax" | "literal_secret")
                || mistake.file != file
                || !(OF_ABSENCE.contains(&mistake.code) || lines.contains(&mistake.line))
        };
        self.list.retain(kept);
    }

    /// Puts what was found in walk order into reading order, and warnings apart. Where a literal secret
    /// stands, nothing else is said of the same text.
    pub(crate) fn split(mut self) -> (Mistakes, Mistakes) {
        let literals: Vec<_> = self
            .list
            .iter()
            .filter(|m| m.code == "literal_secret")
            .map(|m| (m.file.clone(), m.span.clone()))
            .collect();
        self.list.retain(|m| {
            m.code == "literal_secret"
                || m.span.is_empty()
                || !literals
                    .iter()
                    .any(|(file, span)| *file == m.file && m.span.start < span.end && span.start < m.span.end)
        });
        let order = |file: &PathBuf| self.sources.iter().position(|(name, _)| name == file);
        let mut keyed: Vec<_> = self
            .list
            .iter()
            .map(|m| (order(&m.file), m.span.start))
            .zip(0..)
            .collect();
        keyed.sort();
        let sorted: Vec<_> = keyed.into_iter().map(|(_, at)| self.list[at].clone()).collect();
        let (warnings, errors) = sorted.into_iter().partition(|m| m.warning);
        self.list = errors;
        let warnings = Mistakes {
            list: warnings,
            sources: self.sources.clone(),
        };
        (self, warnings)
    }

    /// The line (from 1) of a byte of a file made known before.
    pub(crate) fn line(&self, file: &Path, at: usize) -> usize {
        line_and_column(self.source(file).map_or("", |(_, text)| text), at).0
    }

    fn source(&self, file: &Path) -> Option<(&Path, &str)> {
        self.sources
            .iter()
            .find(|(name, _)| name == file)
            .map(|(name, text)| (name.as_path(), text.as_ref()))
    }
}

impl Mistake {
    pub(crate) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(mask::mask_known_kinds(&help.into()));
        self
    }

    pub(crate) fn as_warning(&mut self) -> &mut Self {
        self.warning = true;
        self
    }
}

impl<'a> IntoIterator for &'a Mistakes {
    type Item = &'a Mistake;
    type IntoIter = std::slice::Iter<'a, Mistake>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// `golive.toml:3:9: unknown key …`, one line each: for logs.
impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.list.iter().enumerate() {
            let line_end = if at == 0 { "" } else { "\n" };
            write!(f, "{line_end}{mistake}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {}",
            self.file.display(),
            self.line,
            self.column,
            self.message
        )
    }
}

/// Line and column, from 1, of byte `at`; the column counts characters.
pub(crate) fn line_and_column(source: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    let before = &source[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

/// A mistake as miette wants to see it.
#[derive(Debug)]
struct Shown<'a> {
    mistake: &'a Mistake,
    source: Option<(&'a Path, &'a str)>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mistake.message)?;
        // Without a place to underline, the file still has a name.
        if self.mistake.span.is_empty() {
            write!(f, " ({})", self.mistake.file.display())
        } else {
            Ok(())
        }
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(format!("golive::config::{}", self.mistake.code)))
    }

    fn severity(&self) -> Option<Severity> {
        Some(if self.mistake.warning {
            Severity::Warning
        } else {
            Severity::Error
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.mistake
            .help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        // The handler borrows the source for the whole report, so `Shown` itself is the source.
        self.source.is_some().then_some(self as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.mistake.span.clone();
        if span.is_empty() {
            return None;
        }
        Some(Box::new(std::iter::once(LabeledSpan::new(
            Some("here".to_owned()),
            span.start,
            span.len(),
        ))))
    }
}

impl SourceCode for Shown<'_> {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let (file, text) = self.source.unwrap_or((Path::new(""), ""));
        let contents = text.read_span(span, before, after)?;
        Ok(Box::new(miette::MietteSpanContents::new_named(
            file.display().to_string(),
            contents.data(),
            *contents.span(),
            contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}
