//! S3: the corpus as data, and the bytes that are made of it.
//!
//! Templates: `$CORE` the members of a valid request that says the marker, `$SAY«raw»` the same with this raw content
//! of its text, `$HIDE` the members of a request that must never arrive, `$MARK` `$MODEL` `$PATH` `$HOST` `$AUTH`
//! `$USER` what they say, `$HEX«ff»` bytes, `$REP«n|text»` text n times (n may be `body_size`), `$SEQ«n|text»` the same
//! with `%` counting, `$SIZE«text»` the length of the made text, `$CHUNKED«text»` the made text as HTTP chunks.
//!
//! Never: makes a case that nothing in the corpus names.

use std::sync::LazyLock;

use golive_config::Target;
use serde::Deserialize;

use crate::ctx::Ctx;
use crate::target::{Ask, Call, Credential, default_role};

/// The corpus of this proof.
static CORPUS: LazyLock<Vec<Case>> = LazyLock::new(|| {
    // A test reads it; what stands in the binary cannot be broken by anyone's input.
    serde_json::from_str(include_str!("../../../corpus/s3_validation.json")).unwrap_or_default()
});

/// One case as it stands in the corpus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) part: String,
    pub(super) group: String,
    pub(super) what: String,
    pub(super) expect: Expect,
    /// The body's template.
    #[serde(default)]
    pub(super) body: String,
    /// The whole request's template, instead of head and body.
    #[serde(default)]
    raw: Option<String>,
    /// Request line instead of the usual one.
    #[serde(default)]
    start: Option<String>,
    /// Usual headers that are replaced, or left out.
    #[serde(default)]
    headers: Vec<(String, Option<String>)>,
    /// More header lines, as they are.
    #[serde(default)]
    lines: Vec<String>,
    /// Line end of the head.
    #[serde(default)]
    eol: Option<String>,
    /// Promised beyond the body's length.
    #[serde(default)]
    length_plus: usize,
    /// What is done when everything is sent.
    #[serde(default)]
    pub(super) after: After,
    /// Target formats it is made for; all when empty.
    #[serde(default)]
    formats: Vec<String>,
    /// It abuses HTTP itself: sent to a staging target only.
    #[serde(default)]
    pub(super) staging: bool,
}

/// What must come of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Expect {
    /// A 4xx in the wire format.
    Refuse,
    /// Any 4xx, 501 or 505, or a closed connection: HTTP itself is broken.
    RefuseOrClose,
    /// Refused in the wire format, or served: both are sound.
    Either,
    /// The same where HTTP itself is odd.
    EitherOrClose,
    /// Two lengths: refused, or served by its chunks and the connection closed (RFC 9112 §6.1).
    Framing,
    /// Closed or refused; HTTP/2's GOAWAY counts.
    Close,
    /// Refused or closed when the target loses its patience.
    Slow,
    /// Served.
    Serve,
}

impl Expect {
    /// It must not reach the model.
    pub(super) fn is_refusal(self) -> bool {
        !matches!(self, Expect::Either | Expect::EitherOrClose | Expect::Serve)
    }
}

/// What is done when everything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum After {
    /// The answer is awaited.
    #[default]
    Wait,
    /// The sending side is closed.
    End,
    /// One more header line, again and again.
    DripHead,
    /// One more byte, again and again.
    DripBody,
}

impl Case {
    /// Nothing but its body, and headers that any version of HTTP has, is out of the ordinary.
    pub(super) fn is_a_body(&self) -> bool {
        self.raw.is_none()
            && self.start.is_none()
            && self.lines.is_empty()
            && self.eol.is_none()
            && self.length_plus == 0
    }

    /// The case without a defect.
    pub(super) fn plain(part: &str) -> Case {
        Case {
            id: "control".to_owned(),
            part: part.to_owned(),
            group: "control".to_owned(),
            what: "the plain request".to_owned(),
            expect: Expect::Serve,
            body: "{$CORE}".to_owned(),
            raw: None,
            start: None,
            headers: Vec::new(),
            lines: Vec::new(),
            eol: None,
            length_plus: 0,
            after: After::Wait,
            formats: Vec::new(),
            staging: false,
        }
    }
}

/// Every case there is.
pub(super) fn all() -> &'static [Case] {
    &CORPUS
}

/// The cases of a part that may be sent to this target.
pub(super) fn of(part: &str, target: &Target) -> Vec<Case> {
    all()
        .iter()
        .filter(|case| case.part == part && (target.staging || !case.staging))
        .filter(|case| {
            case.formats.is_empty() || case.formats.iter().any(|format| format == target.format.as_str())
        })
        .cloned()
        .collect()
}

/// Makes requests of cases for one target.
pub(super) struct Maker {
    pub(super) part: &'static str,
    /// The valid body with [`TEXT`] where its text stands, without its braces.
    core: String,
    model: String,
    path: String,
    host: String,
    auth: String,
    more: String,
    role: String,
    refused: String,
    may: String,
    user: String,
    body_size: u64,
}

/// Stands for the text in [`Maker::core`].
const TEXT: &str = "@@golive-text@@";

/// A request as bytes.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    pub(super) after: After,
}

impl Maker {
    /// For this target; `None` without a key that works.
    pub(super) fn new(ctx: &Ctx, part: &'static str) -> Option<Maker> {
        let role = if ctx.config.credentials.contains_key("service") {
            "service".to_owned()
        } else {
            default_role(&ctx.config)?.to_owned()
        };
        let key = ctx.target.key_of(&Credential::Role(role.clone()))?;
        let mut ask = Ask::new(TEXT);
        ask.max_tokens = 16;
        let call = ctx.target.call(&ask);
        let body = String::from_utf8_lossy(call.body_bytes()).into_owned();
        let core = body.strip_prefix('{')?.strip_suffix('}')?.to_owned();
        let json: serde_json::Value = serde_json::from_str(&body).ok()?;
        let (name, value) = ctx.target.credential_header(&key);
        let more = call
            .headers
            .iter()
            .filter(|(name, _)| name != http::header::CONTENT_TYPE)
            .filter_map(|(name, value)| Some(format!("{name}: {}\r\n", value.to_str().ok()?)))
            .collect();
        Some(Maker {
            part,
            core,
            model: json
                .get("model")
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            path: ctx.target.route(),
            host: ctx.config.url.authority(),
            auth: format!("{name}: {value}"),
            more,
            role,
            refused: ctx.marker(&format!("refused-{part}")),
            may: ctx.marker(&format!("may-{part}")),
            user: ctx.user(part),
            body_size: ctx.config.declares.body_size.0,
        })
    }

    /// What stands in every request that must not arrive.
    pub(super) fn refused_marker(&self) -> String {
        self.refused.clone()
    }

    /// What stands in this case's request alone.
    pub(super) fn tag(&self, case: &Case, n: usize) -> String {
        let marker = if case.expect.is_refusal() {
            &self.refused
        } else {
            &self.may
        };
        format!("{marker}-{n:03}")
    }

    /// The plain request, by the usual client.
    pub(super) fn plain(&self, ctx: &Ctx) -> Call {
        let mut ask = Ask::new("Say hello.");
        ask.max_tokens = 16;
        ctx.target
            .call(&ask)
            .header(
                "golive-user",
                &format!("{}-{:08x}", self.user, rand::random::<u32>()),
            )
            .credential(Credential::Role(self.role.clone()))
            .on_fresh_connection()
    }

    /// The body of a case.
    pub(super) fn body(&self, case: &Case, tag: &str) -> Vec<u8> {
        Making { maker: self, tag }.fill(&case.body)
    }

    /// The headers of a case by name, without those that HTTP/2 has no place for.
    pub(super) fn headers(&self, case: &Case, tag: &str) -> Vec<(String, String)> {
        let made = Making { maker: self, tag };
        let text = |template: &str| String::from_utf8_lossy(&made.fill(template)).into_owned();
        let mut lines = vec![text("$AUTH"), text("$USER")];
        lines.extend(self.more.lines().map(str::to_owned));
        let mut headers: Vec<(String, String)> = lines
            .iter()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        if case.headers.iter().all(|(name, _)| name != "content-type") {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let own = case.headers.iter().filter(|(name, _)| name != "content-length");
        headers.extend(own.filter_map(|(name, value)| Some((name.clone(), text(value.as_deref()?)))));
        headers
    }

    /// The bytes of a case.
    pub(super) fn make(&self, case: &Case, tag: &str) -> Made {
        let made = Making { maker: self, tag };
        if let Some(raw) = &case.raw {
            return Made {
                bytes: made.fill(raw),
                after: case.after,
            };
        }
        let body = made.fill(&case.body);
        let length = (body.len() + case.length_plus).to_string();
        let mut head: Vec<Vec<u8>> = vec![made.fill(case.start.as_deref().unwrap_or("POST $PATH HTTP/1.1"))];
        let usual = [
            ("host", "$HOST"),
            ("content-type", "application/json"),
            ("content-length", length.as_str()),
            ("connection", "close"),
        ];
        for (name, value) in usual {
            match case.headers.iter().find(|(have, _)| have == name) {
                Some((_, None)) => {}
                Some((_, Some(other))) => head.push(made.fill(&format!("{name}: {other}"))),
                None => head.push(made.fill(&format!("{name}: {value}"))),
            }
        }
        for (name, value) in &case.headers {
            if let (Some(value), true) = (value, usual.iter().all(|(have, _)| have != name)) {
                head.push(made.fill(&format!("{name}: {value}")));
            }
        }
        head.push(made.fill("$AUTH"));
        head.push(made.fill("$USER"));
        head.extend(self.more.lines().map(|line| line.as_bytes().to_vec()));
        head.extend(case.lines.iter().map(|line| made.fill(line)));
        let eol = case.eol.as_deref().unwrap_or("\r\n").as_bytes();
        let mut bytes = Vec::with_capacity(body.len() + 1_024);
        for line in head {
            bytes.extend_from_slice(&line);
            bytes.extend_from_slice(eol);
        }
        bytes.extend_from_slice(eol);
        bytes.extend_from_slice(&body);
        Made {
            bytes,
            after: case.after,
        }
    }

    /// The members of a request that says `raw`.
    fn saying(&self, raw: &[u8]) -> Vec<u8> {
        let (before, behind) = self.core.split_once(TEXT).unwrap_or((&self.core, ""));
        [before.as_bytes(), raw, behind.as_bytes()].concat()
    }
}

/// One template being filled.
struct Making<'a> {
    maker: &'a Maker,
    tag: &'a str,
}

impl Making<'_> {
    fn fill(&self, template: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(template.len());
        let mut rest = template;
        while let Some(at) = rest.find('$') {
            out.extend_from_slice(&rest.as_bytes()[..at]);
            rest = &rest[at + 1..];
            let end = rest.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            match argument(behind) {
                Some((inner, behind)) if FUNCTIONS.contains(&word) => {
                    out.extend(self.apply(word, inner));
                    rest = behind;
                }
                _ => match self.word(word) {
                    Some(value) => {
                        out.extend(value);
                        rest = behind;
                    }
                    None => out.push(b'$'), // a dollar is a dollar (`${i}` in code)
                },
            }
        }
        out.extend_from_slice(rest.as_bytes());
        out
    }

    fn word(&self, word: &str) -> Option<Vec<u8>> {
        let maker = self.maker;
        Some(match word {
            "CORE" => maker.saying(format!("Say hello. {}", self.tag).as_bytes()),
            "HIDE" => {
                let hidden = self.tag.replace(maker.may.as_str(), maker.refused.as_str());
                maker.saying(format!("Say hello. {hidden}").as_bytes())
            }
            "MARK" => self.tag.into(),
            "MODEL" => maker.model.clone().into(),
            "PATH" => maker.path.clone().into(),
            "HOST" => maker.host.clone().into(),
            "AUTH" => maker.auth.clone().into(),
            // A user of its own for each case: the limit of one must not answer for all.
            "USER" => format!(
                "golive-user: {}-{}",
                maker.user,
                &self.tag[self.tag.len().saturating_sub(3)..]
            )
            .into(),
            _ => return None,
        })
    }

    fn apply(&self, word: &str, inner: &str) -> Vec<u8> {
        let counted = || {
            let (count, text) = inner.split_once('|').unwrap_or(("1", inner));
            let count = match count {
                "body_size" => self.maker.body_size,
                count => count.parse().unwrap_or(1),
            };
            (usize::try_from(count).unwrap_or(0), text)
        };
        match word {
            "SAY" => self.maker.saying(&self.fill(inner)),
            "HEX" => hex(inner),
            "REP" => {
                let (count, text) = counted();
                self.fill(text).repeat(count)
            }
            "SEQ" => {
                let (count, text) = counted();
                (0..count)
                    .map(|n| text.replace('%', &n.to_string()))
                    .collect::<Vec<_>>()
                    .join(",")
                    .into()
            }
            "SIZE" => self.fill(inner).len().to_string().into(),
            _ => {
                let made = self.fill(inner);
                let mut out = Vec::with_capacity(made.len() + 64);
                for chunk in made.chunks(16 * 1024) {
                    out.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                    out.extend_from_slice(chunk);
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(b"0\r\n\r\n");
                out
            }
        }
    }
}

const FUNCTIONS: &[&str] = &["SAY", "HEX", "REP", "SEQ", "SIZE", "CHUNKED"];

/// What stands between the marks, which may be nested, and what stands behind them.
fn argument(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('«')?;
    let mut open = 1_usize;
    for (at, c) in inner.char_indices() {
        match c {
            '«' => open += 1,
            '»' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((&inner[..at], &inner[at + '»'.len_utf8()..]));
        }
    }
    None
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use golive_config::TargetFormat;

    use super::*;

    fn target(format: TargetFormat, staging: bool) -> Target {
        let mut target = Target::bare("t", "http://127.0.0.1:1".parse().unwrap(), format);
        target.staging = staging;
        target
    }

    fn maker() -> Maker {
        Maker {
            part: "S3.structure",
            core: format!(r#""model":"m","messages":[{{"role":"user","content":"{TEXT}"}}]"#),
            model: "m".into(),
            path: "/v1/chat/completions".into(),
            host: "127.0.0.1:1".into(),
            auth: "authorization: Bearer k".into(),
            more: String::new(),
            role: "default".into(),
            refused: "glvmarkREFUSED".into(),
            may: "glvmarkMAY".into(),
            user: "u".into(),
            body_size: 1_000,
        }
    }

    #[test]
    fn the_corpus_is_read_and_every_case_has_a_name_of_its_own_and_a_part() {
        let parsed: Vec<Case> =
            serde_json::from_str(include_str!("../../../corpus/s3_validation.json")).unwrap();
        let names: BTreeSet<&str> = parsed.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(names.len(), parsed.len());
        assert!(
            parsed
                .iter()
                .all(|case| super::super::PARTS.contains(&case.part.as_str()))
        );
        assert!(
            parsed
                .iter()
                .all(|case| (case.part == "S3.valid") == (case.expect == Expect::Serve))
        );
        assert!(
            parsed
                .iter()
                .all(|case| !case.group.is_empty() && !case.what.is_empty())
        );
    }

    #[test]
    fn there_are_sixty_hostile_cases_and_twenty_valid_ones_for_a_staging_target() {
        for format in [TargetFormat::OpenAi, TargetFormat::Anthropic] {
            let target = target(format, true);
            let hostile = of("S3.structure", &target).len() + of("S3.bounds", &target).len();
            assert!(hostile >= 60, "{hostile}");
            assert!(
                of("S3.valid", &target).len() >= 20,
                "{}",
                of("S3.valid", &target).len()
            );
        }
        let agent = target(TargetFormat::Http, false);
        assert!(of("S3.structure", &agent).len() >= 40);
        assert!(of("S3.structure", &agent).iter().all(|case| !case.staging));
    }

    #[test]
    fn templates_are_filled_byte_for_byte() {
        let maker = maker();
        let making = Making {
            maker: &maker,
            tag: "glvmarkREFUSED-001",
        };
        let core = br#""model":"m","messages":[{"role":"user","content":"a "#;
        assert_eq!(
            making.fill("$SAY«a $HEX«ff»»")[..core.len() + 1],
            [core.as_slice(), b"\xff"].concat()
        );
        assert_eq!(making.fill("$REP«3|[»$REP«2|ab»"), b"[[[abab");
        assert_eq!(making.fill("$SEQ«3|t%»"), b"t0,t1,t2");
        assert_eq!(making.fill("${i} $x"), b"${i} $x");
        assert_eq!(making.fill("$SIZE«$REP«12|a»»"), b"12");
        assert_eq!(making.fill("$CHUNKED«abc»"), b"3\r\nabc\r\n0\r\n\r\n");
        assert_eq!(making.fill("$REP«body_size|a»").len(), 1_000);
    }

    #[test]
    fn every_valid_body_is_json_to_another_parser_and_the_plain_request_has_its_length() {
        let maker = maker();
        for case in all()
            .iter()
            .filter(|case| case.expect == Expect::Serve && case.id != "chunked")
        {
            let making = Making {
                maker: &maker,
                tag: "glvmarkMAY-001",
            };
            let body = making.fill(&case.body);
            let read = serde_json::from_slice::<serde_json::Value>(&body);
            assert!(read.is_ok(), "{}: {read:?}", case.id);
        }
        let made = maker.make(&Case::plain("S3.valid"), "glvmarkMAY-001").bytes;
        let text = String::from_utf8(made).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{head}"
        );
    }
}
