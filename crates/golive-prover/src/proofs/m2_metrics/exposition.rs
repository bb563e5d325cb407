//! M2: Prometheus and OpenMetrics text, read as far as the proof needs it: samples with their labels. Pure.
//!
//! Never: guesses at a line it cannot read. A scraper would refuse the page, and so does this.

use thiserror::Error;

/// One line with a value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::proofs) struct Sample {
    /// The name as written, suffixes included.
    pub(in crate::proofs) name: String,
    pub(in crate::proofs) labels: Vec<(String, String)>,
    pub(in crate::proofs) value: f64,
}

/// A scraped page.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::proofs) struct Exposition {
    pub(in crate::proofs) samples: Vec<Sample>,
}

/// A line that is no sample.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line} is no sample of Prometheus text: {what}")]
pub(in crate::proofs) struct NotMetrics {
    pub(in crate::proofs) line: usize,
    pub(in crate::proofs) what: &'static str,
}

/// More samples than any gateway has; a page of 4 MiB may hold no more than this.
const SAMPLES_MAX: usize = 200_000;

impl Exposition {
    /// Reads a page. A page without a sample is none.
    pub(in crate::proofs) fn parse(text: &str) -> Result<Exposition, NotMetrics> {
        let mut samples = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fail = |what| NotMetrics { line: at + 1, what };
            samples.push(sample(line).map_err(fail)?);
            if samples.len() > SAMPLES_MAX {
                return Err(fail("too many samples"));
            }
        }
        Ok(Exposition { samples })
    }

    /// The samples of this name, with or without the `_total` that OpenMetrics appends to counters.
    pub(in crate::proofs) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Sample> {
        self.samples
            .iter()
            .filter(move |sample| sample.name == name || sample.name.strip_suffix("_total") == Some(name))
    }
}

impl Sample {
    /// A label's value; absent and empty are the same, as Prometheus has it.
    pub(in crate::proofs) fn label(&self, name: &str) -> &str {
        self.labels
            .iter()
            .find(|(label, _)| label == name)
            .map_or("", |(_, value)| value)
    }
}

fn sample(line: &str) -> Result<Sample, &'static str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.');
    let end = line.find(|c| !is_name(c)).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("it does not begin with a name");
    }
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    if !rest.starts_with([' ', '\t']) {
        return Err("no value after the name");
    }
    // A timestamp or an exemplar may follow.
    let word = rest.split_whitespace().next().ok_or("no value after the name")?;
    let value = match word {
        "+Inf" | "Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        word => word.parse().map_err(|_| "its value is no number")?,
    };
    Ok(Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

type Labels<'a> = (Vec<(String, String)>, &'a str);

/// Reads `a="b",c="d"}` and gives what follows.
fn labels(mut rest: &str) -> Result<Labels<'_>, &'static str> {
    let mut all = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Ok((all, rest));
        }
        let (name, after) = rest.split_once('=').ok_or("a label without a value")?;
        let mut chars = after
            .trim_start()
            .strip_prefix('"')
            .ok_or("a label's value is not quoted")?
            .chars();
        let mut value = String::new();
        loop {
            match chars.next().ok_or("a label's value does not end")? {
                '"' => break,
                '\\' => match chars.next().ok_or("a label's value does not end")? {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                other => value.push(other),
            }
        }
        all.push((name.trim().trim_matches('"').to_owned(), value));
        rest = chars.as_str();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_dialects_of_the_text_are_read() {
        let page = Exposition::parse(
            "# HELP a A.\n# TYPE a counter\na_total{x=\"1\",y=\"q\\\"\\\\\\n\"} 3 # {trace=\"t\"} 1 2\n\
             b{le=\"+Inf\"} 4 1700000000000\nc +Inf\n d 1.5e-3\n# EOF\n",
        )
        .unwrap();
        assert_eq!(page.samples.len(), 4);
        assert_eq!(page.named("a").next().unwrap().label("y"), "q\"\\\n");
        assert_eq!(page.named("a_total").count(), 1);
        assert_eq!(page.named("b").next().unwrap().label("le"), "+Inf");
        assert_eq!(page.samples[3].value, 0.0015);
    }

    #[test]
    fn what_is_no_page_of_metrics_is_refused_with_its_line() {
        for text in [
            "<html>",
            "{\"id\":1}",
            "a",
            "a{b} 1",
            "a{b=\"c\" 1",
            "a b",
            "1a 2",
        ] {
            assert!(
                Exposition::parse(&format!("x 1\n{text}")).is_err_and(|error| error.line == 2),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "\\PC{0,200}") {
            let _ = Exposition::parse(&text);
        }

        #[test]
        fn a_written_sample_reads_the_same(name in "[a-z_:][a-z0-9_:]{0,20}", value in -1e9..1e9f64, label in "\\PC{0,20}") {
            let quoted = label.replace('\\', "\\\\").replace('"', "\\\"");
            let page = Exposition::parse(&format!("{name}{{l=\"{quoted}\"}} {value}")).unwrap();
            prop_assert_eq!(page.samples[0].label("l"), label.as_str());
            prop_assert_eq!(page.samples[0].value, value);
        }
    }
}
