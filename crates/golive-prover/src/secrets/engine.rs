//! S1: bytes in, hits out. One pass of an automaton over all beginnings of all rules; only where one stands does a rule
//! look, at that place alone. Then the same once more inside every run of base64 that holds text.
//!
//! Never: touches a file, a clock or a thread, or depends on what was scanned before.

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};

use super::assigned;
use super::check::{Check, decode_loose};
use super::finding::Strength;
use super::judge::{Judge, Kind, Setting};
use super::rules::{self, Rule};
use super::shape::Shape;
use super::special;

/// Layers of base64 that are opened.
const LAYERS: u8 = 3;
/// The shortest run of base64 worth opening: 18 bytes of text.
const RUN: usize = 24;
/// Hits kept per window; a file of thousands of secrets is one finding many times.
const HITS: usize = 500;

/// The scanner. Made once, shared by all threads.
pub struct Engine {
    gates: AhoCorasick,
    /// What looks at each gate.
    lookers: Vec<Vec<Looker>>,
    shapes: Vec<(usize, &'static Rule, Shape)>,
    judge: Judge,
}

#[derive(Debug, Clone, Copy)]
enum Looker {
    Shape(usize),
    Special(special::Reader),
    Name,
}

/// One credential in the bytes.
#[derive(Clone)]
pub(super) struct Hit {
    pub(super) kind: Kind,
    pub(super) strength: Strength,
    /// Where it stands in the bytes; for one within base64, about where.
    pub(super) range: Range<usize>,
    /// The credential itself, layers taken off.
    pub(super) secret: Vec<u8>,
    pub(super) layers: u8,
    /// The lower wins where two overlap.
    rank: usize,
}

/// What is known of the bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Text {
    pub(super) setting: Setting,
    /// Not text: names and base64 say nothing there.
    pub(super) binary: bool,
}

impl Engine {
    /// The engine of all rules.
    ///
    /// # Errors
    /// [`BuildError`] if the automaton cannot be built.
    pub fn new() -> Result<Engine, BuildError> {
        let mut table: BTreeMap<Vec<u8>, Vec<Looker>> = BTreeMap::new();
        let mut shapes = Vec::new();
        for (rank, rule) in rules::all().enumerate() {
            for text in rule.shapes {
                let shape = Shape::parse(text);
                let gate = shape.gate().to_ascii_lowercase();
                table.entry(gate).or_default().push(Looker::Shape(shapes.len()));
                shapes.push((rank, rule, shape));
            }
        }
        for (gate, reader) in special::GATES {
            table
                .entry(gate.as_bytes().to_vec())
                .or_default()
                .push(Looker::Special(*reader));
        }
        for word in assigned::KEYWORDS {
            table
                .entry(word.as_bytes().to_vec())
                .or_default()
                .push(Looker::Name);
        }
        let gates = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(table.keys())?;
        Ok(Engine {
            gates,
            lookers: table.into_values().collect(),
            shapes,
            judge: Judge::new(),
        })
    }

    /// Every credential of `hay` that begins in `own`, in order of place.
    pub(super) fn scan(&self, hay: &[u8], own: Range<usize>, text: Text) -> Vec<Hit> {
        self.layer(hay, own, text, 0)
    }

    fn layer(&self, hay: &[u8], own: Range<usize>, text: Text, layers: u8) -> Vec<Hit> {
        let mut hits = Vec::new();
        for gate in self.gates.find_overlapping_iter(hay) {
            for looker in &self.lookers[gate.pattern().as_usize()] {
                let hit = match looker {
                    Looker::Shape(shape) => self.shaped(hay, gate.start(), *shape),
                    Looker::Special(_) | Looker::Name if text.binary => None,
                    Looker::Special(reader) => special_hit(*reader, hay, gate.start(), gate.len()),
                    Looker::Name => self.named(hay, gate.start(), gate.len(), text.setting),
                };
                if let Some(hit) = hit.filter(|hit| own.contains(&hit.range.start)) {
                    hits.push(hit);
                }
            }
            if hits.len() > HITS * 4 {
                break;
            }
        }
        if !text.binary && layers < LAYERS {
            self.open_base64(hay, &own, layers, &mut hits);
        }
        strongest(hits)
    }

    fn shaped(&self, hay: &[u8], at: usize, shape: usize) -> Option<Hit> {
        let (rank, rule, shape) = &self.shapes[shape];
        if !begins_word(hay, at) {
            return None;
        }
        let range = shape.find(hay, at)?;
        let secret = &hay[range.clone()];
        if !rule.check.holds(secret) {
            return None;
        }
        let strength = match rule.check {
            check if check.is_checksum() => Strength::Checked,
            Check::Words => Strength::Told,
            _ => Strength::Shaped,
        };
        Some(Hit {
            kind: Kind {
                id: rule.id,
                name: rule.name,
            },
            strength,
            secret: secret.to_vec(),
            range,
            layers: 0,
            rank: *rank,
        })
    }

    fn named(&self, hay: &[u8], at: usize, length: usize, setting: Setting) -> Option<Hit> {
        let found = assigned::read(hay, at, length)?;
        let before = &hay[found.name.start.saturating_sub(120)..found.name.start];
        let value = &hay[found.value.clone()];
        let kind = self
            .judge
            .kind(before, &hay[found.name], value, found.quoted, setting)?;
        Some(Hit {
            kind,
            strength: Strength::Told,
            secret: value.to_vec(),
            range: found.value,
            layers: 0,
            rank: 2_000,
        })
    }

    /// Runs of base64 whose content begins as text are scanned like text.
    fn open_base64(&self, hay: &[u8], own: &Range<usize>, layers: u8, hits: &mut Vec<Hit>) {
        for run in runs(hay) {
            let encoded = &hay[run.clone()];
            if !begins_as_text(encoded) {
                continue;
            }
            let joined;
            let packed: &[u8] = if encoded.contains(&b'\n') {
                joined = encoded
                    .iter()
                    .copied()
                    .filter(|b| !b.is_ascii_whitespace())
                    .collect::<Vec<u8>>();
                &joined
            } else {
                encoded
            };
            let Some(plain) = decode_loose(packed) else {
                continue;
            };
            for inner in self.layer(&plain, 0..plain.len(), Text::default(), layers + 1) {
                // Line breaks shift it by a line or two in a hundred; the run is what a person looks for.
                let place = |at: usize| (run.start + at * 4 / 3).min(run.end);
                let range = place(inner.range.start)..place(inner.range.end);
                if own.contains(&range.start) {
                    hits.push(Hit {
                        range,
                        layers: inner.layers + 1,
                        ..inner
                    });
                }
            }
        }
    }
}

fn special_hit(reader: special::Reader, hay: &[u8], at: usize, gate: usize) -> Option<Hit> {
    let (kind, range) = reader(hay, at, gate)?;
    let told = matches!(kind.id, "url-password" | "basic-credentials" | "bearer-token");
    Some(Hit {
        kind,
        strength: if told { Strength::Told } else { Strength::Shaped },
        secret: hay[range.clone()].to_vec(),
        range,
        layers: 0,
        rank: 1_000,
    })
}

/// Whether a word may begin at `at`: not in the middle of one, unless what stands before is an escape (`\n`, `%3D`).
fn begins_word(hay: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|at| hay[at]) else {
        return true;
    };
    if !before.is_ascii_alphanumeric() || !hay[at].is_ascii_alphanumeric() {
        return true;
    }
    let escaped = at >= 2 && hay[at - 2] == b'\\' && matches!(before, b'n' | b'r' | b't');
    let percent =
        at >= 3 && hay[at - 3] == b'%' && hay[at - 2].is_ascii_hexdigit() && before.is_ascii_hexdigit();
    escaped || percent
}

/// One hit for each place: the stronger kind, then the earlier rule.
fn strongest(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by(|a, b| (a.range.start, a.rank, b.range.end).cmp(&(b.range.start, b.rank, a.range.end)));
    let mut kept: Vec<Hit> = Vec::new();
    for hit in hits {
        match kept.last_mut() {
            Some(last) if hit.range.start < last.range.end => {
                // Inside base64 stands the thing itself; around it only its wrapping.
                if (hit.layers == 0, hit.rank) < (last.layers == 0, last.rank) {
                    *last = hit;
                }
            }
            _ => kept.push(hit),
        }
    }
    kept.truncate(HITS);
    kept
}

const BASE64: [bool; 256] = {
    let mut table = [false; 256];
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";
    let mut at = 0;
    while at < letters.len() {
        table[letters[at] as usize] = true;
        at += 1;
    }
    table
};

/// Runs of base64 of [`RUN`] and more; a line break inside belongs to it if the line before it was long.
fn runs(hay: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut pos = 0;
    std::iter::from_fn(move || {
        while pos < hay.len() {
            // A run as long as this covers every RUN-th byte: look there first.
            let probe = pos + RUN - 1;
            if probe >= hay.len() {
                return None;
            }
            if !BASE64[usize::from(hay[probe])] {
                pos = probe + 1;
                continue;
            }
            let back = hay[pos..probe].iter().rposition(|b| !BASE64[usize::from(*b)]);
            let from = back.map_or(pos, |step| pos + step + 1);
            let mut to = probe;
            let mut line = from;
            loop {
                while to < hay.len() && BASE64[usize::from(hay[to])] {
                    to += 1;
                }
                let indent = hay[to..]
                    .iter()
                    .take(20)
                    .take_while(|b| b.is_ascii_whitespace())
                    .count();
                let broken = hay.get(to).is_some_and(|b| matches!(b, b'\n' | b'\r'));
                if broken && to - line >= 60 && hay.get(to + indent).is_some_and(|b| BASE64[usize::from(*b)])
                {
                    to += indent;
                    line = to;
                    continue;
                }
                break;
            }
            pos = to + 1;
            if to - from >= RUN {
                return Some(from..to);
            }
        }
        None
    })
}

fn begins_as_text(encoded: &[u8]) -> bool {
    let head = &encoded[..RUN - RUN % 4];
    decode_loose(head).is_some_and(|plain| {
        plain
            .iter()
            .all(|b| b.is_ascii_graphic() || matches!(b, b' ' | b'\n' | b'\r' | b'\t'))
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::secrets::self_test::made;

    fn ids(text: &[u8]) -> Vec<&'static str> {
        let engine = Engine::new().unwrap();
        let hits = engine.scan(text, 0..text.len(), Text::default());
        hits.iter().map(|hit| hit.kind.id).collect()
    }

    #[test]
    fn a_secret_is_found_under_three_layers_of_base64_and_not_under_four() {
        let mut text = format!("token {} and so on", made("github-token", 3));
        for depth in 0..5 {
            let found = ids(text.as_bytes());
            assert_eq!(
                found,
                if depth <= 3 { vec!["github-token"] } else { vec![] },
                "depth {depth}"
            );
            text = STANDARD.encode(text);
        }
    }

    #[test]
    fn a_place_within_base64_is_told_in_the_bytes_as_they_stand() {
        let inside = format!("{}{}", "some words before it ".repeat(5), made("stripe-key", 4));
        let text = format!("data: {}\n", STANDARD.encode(&inside));
        let hits = Engine::new()
            .unwrap()
            .scan(text.as_bytes(), 0..text.len(), Text::default());
        assert_eq!(hits[0].range.start, 6 + 105 * 4 / 3);
        assert_eq!(hits[0].layers, 1);
    }

    #[test]
    fn a_key_behind_an_escape_is_found_and_one_within_a_word_is_not() {
        let key = made("github-token", 5);
        assert_eq!(
            ids(format!("{{\"a\":\"x\\n{key}\"}}").as_bytes()),
            ["github-token"]
        );
        assert_eq!(ids(format!("a%3D{key}").as_bytes()), ["github-token"]);
        assert_eq!(ids(format!("abc{key}").as_bytes()), Vec::<&str>::new());
    }

    #[test]
    fn only_what_begins_in_the_own_part_is_told() {
        let text = format!("{} {}", made("github-token", 6), made("github-token", 7));
        let hits = Engine::new()
            .unwrap()
            .scan(text.as_bytes(), 10..text.len(), Text::default());
        assert_eq!(hits.len(), 1);
    }
}
