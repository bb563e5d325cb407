//! E1: the failures that are provoked, each with what the lab does.
//!
//! Never: holds the caller's own mistakes; a 400 that says what was wrong is no failure.

use golive_config::{Target, TargetFormat};
use golive_lab::{Fault, StatusBody};

/// One failure, as one caller meets it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// In the report.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) fault: Fault,
    pub(super) stream: bool,
    /// The language asked for.
    pub(super) locale: Option<String>,
}

/// Kinds of failure: some of each must really have been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The provider says no.
    Status,
    /// The provider says nothing.
    Silent,
    /// The connection breaks.
    Broken,
    /// What comes is no answer.
    Garbage,
}

impl Case {
    /// Tells it apart from every other.
    pub(super) fn key(&self) -> String {
        let locale = self.locale.as_deref().unwrap_or("-");
        format!("e1/{}/{}/{locale}", self.name, self.stream)
    }

    /// In one line.
    pub(super) fn title(&self) -> String {
        let stream = if self.stream { ", a stream" } else { "" };
        match &self.locale {
            Some(locale) => format!("{}{stream}, asked in {locale}", self.name),
            None => format!("{}{stream}", self.name),
        }
    }
}

/// Every case for this target: all faults plainly and streamed, three of them in each declared language.
pub(super) fn all(target: &Target, quick: bool) -> Vec<Case> {
    let streams = [false, true];
    let streams = if can_stream(target) {
        &streams[..]
    } else {
        &streams[..1]
    };
    let mut cases = Vec::new();
    for stream in streams {
        for (name, kind, fault) in faults(*stream) {
            if quick && *stream && SKIPPED_IN_A_HURRY.contains(&name) {
                continue;
            }
            cases.push(Case {
                name,
                kind,
                fault,
                stream: *stream,
                locale: None,
            });
        }
        for locale in &target.replies.locales {
            for (name, kind, fault) in [
                ("an error status in a language", Kind::Status, status(500)),
                ("a reset connection in a language", Kind::Broken, Fault::Reset),
                ("a page of HTML in a language", Kind::Garbage, Fault::Html200),
            ] {
                cases.push(Case {
                    name,
                    kind,
                    fault,
                    stream: *stream,
                    locale: Some(locale.clone()),
                });
            }
        }
    }
    cases
}

/// Their plain forms are enough for a short run: before the first byte a stream fails as a plain call does.
const SKIPPED_IN_A_HURRY: &[&str] = &[
    "status 401",
    "status 403",
    "status 502",
    "status 504",
    "an error as a page of HTML",
    "an error without a body",
    "a redirect",
];

fn can_stream(target: &Target) -> bool {
    target.format != TargetFormat::Http || target.pointers.as_ref().is_some_and(|at| at.stream.is_some())
}

fn faults(stream: bool) -> Vec<(&'static str, Kind, Fault)> {
    let mut faults = vec![
        ("status 401", Kind::Status, status(401)),
        ("status 403", Kind::Status, status(403)),
        ("status 429", Kind::Status, limited()),
        ("status 500", Kind::Status, status(500)),
        ("status 502", Kind::Status, status(502)),
        ("status 503", Kind::Status, status(503)),
        ("status 504", Kind::Status, status(504)),
        ("status 529", Kind::Status, status(529)),
        (
            "an error in the provider's format",
            Kind::Status,
            Fault::status(500),
        ),
        (
            "an error as a page of HTML",
            Kind::Status,
            body(500, StatusBody::Html),
        ),
        (
            "an error without a body",
            Kind::Status,
            body(503, StatusBody::Empty),
        ),
        (
            "silence before the headers",
            Kind::Silent,
            Fault::HangBeforeHeaders,
        ),
        ("silence after the headers", Kind::Silent, Fault::HangAfterHeaders),
        ("a reset connection", Kind::Broken, Fault::Reset),
        ("a body that is not JSON", Kind::Garbage, Fault::Malformed),
        ("a page of HTML under 200", Kind::Garbage, Fault::Html200),
        ("a redirect", Kind::Garbage, Fault::Redirect { to: None }),
        (
            "an error under 200",
            Kind::Garbage,
            Fault::ErrorEvent { after_chunks: 0 },
        ),
        (
            "silence in the middle",
            Kind::Silent,
            Fault::Stall {
                after_chunks: CHUNKS,
                for_ms: None,
            },
        ),
        (
            "a connection cut in the middle",
            Kind::Broken,
            Fault::Cut {
                after_chunks: CHUNKS,
                after_bytes: None,
            },
        ),
    ];
    if !stream {
        // A stream is sent whole before that fault cuts it: its end has been said.
        faults.push(("half a body", Kind::Broken, Fault::HalfBody));
    }
    if stream {
        faults.push(("a stream without its end", Kind::Broken, Fault::NoDone));
        faults.push((
            "an error in the middle",
            Kind::Garbage,
            Fault::ErrorEvent { after_chunks: CHUNKS },
        ));
    }
    faults
}

/// Beyond the opening events of every format, within every answer.
const CHUNKS: u32 = 5;

fn status(code: u16) -> Fault {
    body(code, StatusBody::Text(INSIDE.to_owned()))
}

/// With a hint that would have the target wait longer than anyone asks.
fn limited() -> Fault {
    let mut fault = status(429);
    if let Fault::Status { headers, .. } = &mut fault {
        headers.insert("retry-after".to_owned(), "1".to_owned());
    }
    fault
}

fn body(code: u16, body: StatusBody) -> Fault {
    Fault::Status {
        code,
        headers: std::collections::BTreeMap::new(),
        body,
    }
}

/// A word that stands in every such body and nowhere else.
pub(super) const BAIT: &str = "glv-inside-7f3c9a";

/// What a badly kept provider tells of its inside: whoever passes it on passes on all of this.
pub(super) const INSIDE: &str = "Traceback (most recent call last):\n  \
    File \"/srv/inference/app/serving.py\", line 412, in complete\n    \
    rows = db.execute(\"SELECT prompt FROM sessions WHERE id = 7\")\n\
    psycopg2.OperationalError: connection to server at \"10.11.12.13\", port 5432 failed: Connection refused \
    (glv-inside-7f3c9a, gpu-worker-3.cluster.local:8000)";
