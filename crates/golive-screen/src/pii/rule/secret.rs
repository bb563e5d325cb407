//! S4: credentials that are known by how they begin. Facts as of November 2026, from vendors' documents and the shapes
//! that secret scanners agree on.
//!
//! A shape is a beginning, then runs: `{a36}` is 36 letters or digits, `{w20+}` at least 20 and then as many as follow.
//! Classes: `a` letters and digits, `u` upper case and digits, `h` hexadecimal, `w` also `_` and `-`, `b` also `+` and `/`.
//!
//! Never: checks a vendor's checksum: a model that makes up a token does not keep it, and a caller's may be older.

use super::super::kind::Kind;
use super::super::text::{ALNUM, DIGIT, HEX, LOWER, STD64, Text, UPPER, WEB64, is};
use super::open::{Open, Tail};

#[rustfmt::skip]
const RULES: &[(Kind, &[&str])] = &[
    (Kind::SecretAnthropic, &["sk-ant-{w24+}"]),
    (Kind::SecretOpenai, &["sk-proj-{w40+}", "sk-svcacct-{w40+}", "sk-admin-{w40+}", "sk-None-{w40+}", "sk-{a40+}"]),
    (Kind::SecretGithub, &["ghp_{a36+}", "gho_{a36+}", "ghu_{a36+}", "ghs_{a36+}", "ghr_{a36+}", "github_pat_{w50+}"]),
    (Kind::SecretGitlab, &["glpat-{w20+}", "gldt-{w20+}", "glrt-{w20+}", "glcbt-{w20+}", "glptt-{w20+}", "glft-{w20+}", "glsoat-{w20+}"]),
    (Kind::SecretGoogle, &["AIza{w35}", "ya29.{w20+}", "GOCSPX-{w28}", "AQ.Ab8RN6{w40+}"]),
    (Kind::SecretHuggingface, &["hf_{a30+}", "api_org_{a30+}"]),
    (Kind::SecretNpm, &["npm_{a36}"]),
    (Kind::SecretPypi, &["pypi-{w50+}"]),
    (Kind::SecretSendgrid, &["SG.{w16-32}.{w32-64}"]),
    (Kind::SecretSlack, &["xoxb-{w20+}", "xoxp-{w20+}", "xoxe-{w20+}", "xoxa-{w20+}", "xoxr-{w20+}", "xoxs-{w20+}", "xoxc-{w20+}", "xoxd-{w20+}", "xapp-{w20+}", "xoxe.xoxp-{w20+}", "xoxe.xoxb-{w20+}"]),
    (Kind::SecretStripe, &["sk_live_{a10+}", "sk_test_{a10+}", "sk_prod_{a10+}", "rk_live_{a10+}", "rk_test_{a10+}", "rk_prod_{a10+}", "whsec_{b20+}"]),
    (Kind::SecretTwilio, &["SK{h32}"]),
    (Kind::SecretAwsAccessKey, &["AKIA{u16}", "ASIA{u16}", "ABIA{u16}", "ACCA{u16}"]),
    (Kind::SecretApiKey, &[
        "sk-or-v1-{h40+}", "sk-lf-{w30+}", "gsk_{a40+}", "r8_{a30+}", "pplx-{a40+}", "xai-{a60+}", "nvapi-{w50+}", "dop_v1_{h64}", "doo_v1_{h64}",
        "dapi{h32}", "AGE-SECRET-KEY-1{u58}", "ops_eyJ{w80+}", "shpat_{h32}", "shpss_{h32}", "shpca_{h32}", "lin_api_{a40}", "dckr_pat_{w24+}",
        "rubygems_{h48}", "hvs.{w24+}", "figd_{w30+}", "NRAK-{u27}", "PMAK-{w50+}", "key-{h32}", "glsa_{w32+}", "tvly-{w20+}", "pcsk_{w40+}",
        "lsv2_pt_{w32+}", "lsv2_sk_{w32+}", "csk-{a40+}", "tgp_v1_{w30+}", "phx_{a40+}", "sntrys_{w40+}", "sq0atp-{w22}", "sq0csp-{w43}",
        "EAAA{w50+}", "secret_{a43}", "ntn_{a40+}", "patE{a13}.{h64}", "e2b_{h40}", "fc-{h32}", "voy-{w40+}", "pa-{w43}", "jina_{a60+}",
    ]),
];

struct Rule {
    kind: Kind,
    begin: &'static [u8],
    runs: Vec<Run>,
}

#[derive(Clone, Copy)]
struct Run {
    class: Class,
    min: usize,
    /// `usize::MAX` is open: the whole run is the secret, however long.
    max: usize,
    /// A literal behind the run.
    then: Option<u8>,
}

/// What may stand in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Alnum,
    Upper,
    Hex,
    Web64,
    Std64,
}

impl Class {
    pub(crate) fn has(self, byte: u8) -> bool {
        match self {
            Class::Alnum => is(byte, ALNUM),
            Class::Upper => is(byte, UPPER | DIGIT),
            Class::Hex => is(byte, HEX) && is(byte, DIGIT | LOWER),
            Class::Web64 => is(byte, WEB64),
            Class::Std64 => is(byte, STD64) || byte == b'=',
        }
    }
}

/// The rules, by the first two bytes.
pub(crate) struct Secrets {
    rules: Vec<Rule>,
    /// By the first two bytes: the place in `groups`, plus one.
    gate: Vec<u8>,
    groups: Vec<Vec<usize>>,
}

/// A credential: where it ends, or that it goes on.
pub(crate) struct Found {
    pub(crate) kind: Kind,
    pub(crate) end: usize,
    pub(crate) open: Option<Open>,
}

impl Secrets {
    pub(crate) fn new() -> Secrets {
        let mut rules: Vec<Rule> = RULES
            .iter()
            .flat_map(|(kind, shapes)| shapes.iter().map(|shape| parse(*kind, shape)))
            .collect();
        // The longest beginning first: `sk-ant-` before `sk-`.
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.begin.len()));
        let (mut gate, mut groups) = (vec![0u8; 1 << 16], Vec::<Vec<usize>>::new());
        for (n, rule) in rules.iter().enumerate() {
            let place = &mut gate[pair(rule.begin[0], rule.begin[1])];
            if *place == 0 {
                groups.push(Vec::new());
                // Fewer than 255 beginnings; a test counts them.
                *place = u8::try_from(groups.len()).unwrap_or(u8::MAX);
            }
            groups[usize::from(*place) - 1].push(n);
        }
        Secrets { rules, gate, groups }
    }

    #[inline]
    pub(crate) fn may_begin(&self, first: u8, second: u8) -> bool {
        self.gate[pair(first, second)] != 0
    }

    /// The credential that begins at `at`.
    pub(crate) fn find(&self, text: &Text, at: usize) -> Option<Found> {
        if matches!(text.before(at), Some(b'_' | b'-'))
            && at >= 2
            && text.bytes[at - 2].is_ascii_alphanumeric()
        {
            return None;
        }
        let group = self.gate[pair(text.get(at)?, text.get(at + 1)?)];
        let group = self.groups.get(usize::from(group).checked_sub(1)?)?;
        group.iter().find_map(|n| self.rules[*n].find(text, at))
    }
}

fn pair(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

impl Rule {
    fn find(&self, text: &Text, at: usize) -> Option<Found> {
        if !text.goes_on(at, self.begin, false) {
            return None;
        }
        let mut end = at + self.begin.len();
        for run in &self.runs {
            let start = end;
            let enough = if run.max == usize::MAX {
                run.min
            } else {
                run.max + 1
            };
            while end - start < enough && text.get(end).is_some_and(|byte| run.class.has(byte)) {
                end += 1;
            }
            if end - start < run.min || end - start > run.max {
                return None;
            }
            if placeholder(&text.bytes[start..end]) {
                return None;
            }
            if run.max == usize::MAX {
                let open = Open::run(run.class, Tail::None);
                return Some(Found {
                    kind: self.kind,
                    end,
                    open: Some(open),
                });
            }
            if let Some(literal) = run.then {
                if text.get(end) != Some(literal) {
                    return None;
                }
                end += 1;
            }
        }
        (!text.is(end, ALNUM)).then_some(Found {
            kind: self.kind,
            end,
            open: None,
        })
    }
}

/// What documents write where a secret would stand.
pub(crate) fn placeholder(value: &[u8]) -> bool {
    let same = value
        .windows(6)
        .any(|w| w.iter().all(|b| b.eq_ignore_ascii_case(&w[0])));
    same || value.windows(7).any(|w| w.eq_ignore_ascii_case(b"example"))
        || value.windows(5).any(|w| w.eq_ignore_ascii_case(b"dummy"))
}

fn parse(kind: Kind, shape: &'static str) -> Rule {
    let (begin, rest) = shape.split_once('{').unwrap_or((shape, ""));
    let runs = rest
        .split('{')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (inside, then) = part.split_once('}').unwrap_or((part, ""));
            let class = match inside.as_bytes()[0] {
                b'a' => Class::Alnum,
                b'u' => Class::Upper,
                b'h' => Class::Hex,
                b'b' => Class::Std64,
                _ => Class::Web64,
            };
            let count = &inside[1..];
            let number = |text: &str| text.parse::<usize>().unwrap_or(0);
            let (min, max) = match (count.strip_suffix('+'), count.split_once('-')) {
                (Some(min), _) => (number(min), usize::MAX),
                (None, Some((min, max))) => (number(min), number(max)),
                (None, None) => (number(count), number(count)),
            };
            Run {
                class,
                min,
                max,
                then: then.bytes().next(),
            }
        })
        .collect();
    Rule {
        kind,
        begin: begin.as_bytes(),
        runs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A made-up one of a shape: never a real credential, and none stands in this file.
    fn made(rule: &Rule) -> Vec<u8> {
        let mut text = rule.begin.to_vec();
        let mut dice: u32 = 7;
        for run in &rule.runs {
            for _ in 0..run.min {
                let byte = loop {
                    dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let byte = (dice >> 24) as u8;
                    if run.class.has(byte) && byte.is_ascii_alphanumeric() {
                        break byte;
                    }
                };
                text.push(byte);
            }
            text.extend(run.then);
        }
        text
    }

    #[test]
    fn every_rule_finds_a_made_up_one_and_nothing_shorter() {
        let secrets = Secrets::new();
        assert!(secrets.rules.len() > 80 && secrets.groups.len() < 255);
        for rule in &secrets.rules {
            let text = made(rule);
            assert!(rule.runs.iter().all(|run| run.min > 0 && run.min <= run.max));
            let found = secrets.find(&Text::new(&text, true), 0);
            let found = found.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(rule.begin)));
            assert_eq!(found.kind, rule.kind, "{}", String::from_utf8_lossy(rule.begin));
            assert_eq!(found.end, text.len());
            assert!(secrets.may_begin(text[0], text[1]));
            let shorter = &text[..rule.begin.len() + 4];
            assert!(secrets.find(&Text::new(shorter, true), 0).is_none());
        }
    }

    #[test]
    fn placeholders_are_no_secrets() {
        let secrets = Secrets::new();
        for text in [
            "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            &["AKIA", "IOSFODNN7EXAMPLE"].concat(),
        ] {
            assert!(secrets.find(&Text::new(text.as_bytes(), true), 0).is_none());
        }
    }
}
