//! S1: scans what can be read, in windows that overlap, and turns hits into findings with line and column.
//!
//! Memory is one window, whatever the length. A hit belongs to the window in whose middle it begins, so that none is
//! told twice and none falls between two.
//!
//! Never: holds a whole file, or keeps what a hit found.

use std::io::{self, Read};

use super::allow;
use super::assigned::line_start;
use super::engine::{Engine, Text};
use super::finding::{Finding, Origin, fingerprint, shown};
use super::judge::Setting;

/// Bytes looked at together.
const WINDOW: usize = 2 * 1024 * 1024;
/// Bytes that two windows share on each side: longer than any credential and its surroundings.
const MARGIN: usize = 16 * 1024;
/// Findings kept of one file.
const MOST: usize = 1_000;

/// What is scanned.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// Its path, as findings show it.
    pub path: &'a str,
    /// Where it was seen.
    pub origin: Origin,
    /// The commit that brought it.
    pub commit: Option<&'a str>,
}

/// What one stream gave.
#[derive(Debug, Default)]
pub struct Scanned {
    /// What was found, in order of place.
    pub findings: Vec<Finding>,
    /// Bytes read.
    pub bytes: u64,
    /// Findings beyond [`MOST`].
    pub left_out: usize,
}

impl Engine {
    /// Scans `reader` to its end.
    ///
    /// # Errors
    /// What reading said. What was found until then is lost: the source counts as not read.
    pub fn read(&self, source: &Source<'_>, reader: &mut dyn Read) -> io::Result<Scanned> {
        let mut out = Scanned::default();
        let mut window = Vec::new();
        let mut own_from = 0;
        let mut lines = 0;
        let mut text = None;
        let mut wide = Wide::default();
        loop {
            let ended = fill(&mut window, reader, &mut wide, out.bytes == 0 && own_from == 0)?;
            let text = *text.get_or_insert_with(|| kind_of(source.path, &window));
            let own_to = if ended {
                window.len()
            } else {
                window.len() - MARGIN
            };
            for hit in self.scan(&window, own_from..own_to.max(own_from), text) {
                if out.findings.len() == MOST {
                    out.left_out += 1;
                    continue;
                }
                let at = hit.range.start;
                let (allowed, note) = allow::beside(&window, at);
                out.findings.push(Finding {
                    rule: hit.kind.id.to_owned(),
                    name: hit.kind.name.to_owned(),
                    strength: hit.strength,
                    origin: source.origin,
                    in_history: source.origin == Origin::History,
                    path: source.path.to_owned(),
                    line: 1 + lines + count_lines(&window[..at]),
                    column: (at - line_start(&window, at)) as u64 + 1,
                    commit: source.commit.map(str::to_owned),
                    layers: hit.layers,
                    shown: shown(&hit.secret),
                    fingerprint: fingerprint(hit.kind.id, source.path, &hit.secret, hit.strength),
                    allowed,
                    note,
                });
            }
            if ended {
                out.bytes += window.len() as u64;
                return Ok(out);
            }
            let passed = own_to - MARGIN;
            lines += count_lines(&window[..passed]);
            out.bytes += passed as u64;
            window.drain(..passed);
            own_from = MARGIN;
        }
    }

    /// Scans bytes that are there.
    #[must_use]
    pub fn bytes(&self, source: &Source<'_>, bytes: &[u8]) -> Scanned {
        // Reading from memory does not fail.
        self.read(source, &mut &bytes[..]).unwrap_or_default()
    }
}

fn count_lines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// UTF-16, told by its mark: every other byte is dropped, what is not ASCII becomes `?`.
#[derive(Debug, Default)]
struct Wide {
    /// Which byte of a pair is the high one; none if the text is not UTF-16.
    high: Option<usize>,
    rest: Option<u8>,
}

/// Fills the window; `true` if the end was reached.
fn fill(window: &mut Vec<u8>, reader: &mut dyn Read, wide: &mut Wide, first: bool) -> io::Result<bool> {
    let mut seen_mark = !first;
    let mut chunk = [0_u8; 64 * 1024];
    while window.len() < WINDOW {
        let got = match reader.read(&mut chunk) {
            Ok(0) => return Ok(true),
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut fresh = &chunk[..got];
        if !seen_mark {
            seen_mark = true;
            wide.high = match fresh {
                [0xff, 0xfe, ..] => Some(1),
                [0xfe, 0xff, ..] => Some(0),
                _ => None,
            };
            if wide.high.is_some() {
                fresh = &fresh[2..];
            }
        }
        match wide.high {
            None => window.extend_from_slice(fresh),
            Some(high) => {
                for byte in fresh {
                    match wide.rest.take() {
                        None => wide.rest = Some(*byte),
                        Some(first) => {
                            let pair = [first, *byte];
                            let plain = pair[high] == 0 && pair[1 - high].is_ascii();
                            window.push(if plain { pair[1 - high] } else { b'?' });
                        }
                    }
                }
            }
        }
    }
    Ok(false)
}

/// What is known of a file from its name and its beginning.
fn kind_of(path: &str, head: &[u8]) -> Text {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let head = &head[..head.len().min(8 * 1024)];
    let has = |word: &str| memchr::memmem::find(head, word.as_bytes()).is_some();
    Text {
        binary: head.contains(&0),
        setting: Setting {
            code: CODE.contains(&extension),
            generated: LISTS.contains(&name.as_str())
                || ["lock", "map", "svg", "sum"].contains(&extension)
                || name.ends_with(".min.js"),
            gateway: ["yaml", "yml", "json", "toml"].contains(&extension)
                && [
                    "litellm_params",
                    "model_list:",
                    "general_settings:",
                    "override_params",
                    "virtual_key",
                    "\"strategy\"",
                    "[upstreams.",
                ]
                .iter()
                .any(|word| has(word)),
        },
    }
}

/// Extensions of programs, where a bare word on the right is an expression.
const CODE: &[&str] = &[
    "rs", "py", "js", "jsx", "mjs", "cjs", "ts", "tsx", "go", "java", "kt", "kts", "scala", "c", "h", "cc",
    "cpp", "hpp", "cs", "rb", "php", "swift", "m", "mm", "dart", "lua", "pl", "pm", "r", "jl", "ex", "exs",
    "erl", "hs", "ml", "clj", "zig", "nim", "vue", "svelte", "groovy", "sol", "sql", "md", "rst", "html",
];

/// Files that other programs write, full of hashes.
const LISTS: &[&str] = &[
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "go.sum",
    "packages.lock.json",
    "pubspec.lock",
    "bun.lockb",
    "deno.lock",
    ".terraform.lock.hcl",
    "manifest.json.sig",
    "checksums.txt",
    "sha256sums",
    "sha256sums.txt",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::self_test::made;

    fn scan(path: &str, bytes: &[u8]) -> Vec<Finding> {
        let source = Source {
            path,
            origin: Origin::Tree,
            commit: None,
        };
        Engine::new().unwrap().bytes(&source, bytes).findings
    }

    #[test]
    fn a_secret_at_any_place_across_two_windows_is_found_once_with_its_line() {
        let key = made("github-token", 11);
        for at in [
            WINDOW - MARGIN - 20,
            WINDOW - 20,
            WINDOW,
            WINDOW - MARGIN,
            WINDOW + MARGIN,
        ] {
            let mut text = "0123 56\n".repeat(at / 8).into_bytes();
            let line = at as u64 / 8 + 1;
            text.extend_from_slice(key.as_bytes());
            text.extend_from_slice(&b"\nmore\n".repeat(20_000));
            let found = scan("a.txt", &text);
            assert_eq!(found.len(), 1, "at {at}");
            assert_eq!((found[0].line, found[0].column), (line, 1), "at {at}");
        }
    }

    #[test]
    fn utf16_is_read_like_any_text() {
        let text = format!("\u{feff}x\r\nkey={}\r\n", made("stripe-key", 12));
        for big in [false, true] {
            let bytes: Vec<u8> = text
                .encode_utf16()
                .flat_map(|unit| {
                    if big {
                        unit.to_be_bytes()
                    } else {
                        unit.to_le_bytes()
                    }
                })
                .collect();
            let found = scan("a.reg", &bytes);
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].line, 2);
        }
    }

    #[test]
    fn a_binary_file_gives_shapes_only_and_a_lock_file_no_hashes() {
        let key = made("github-token", 13);
        let found = scan(
            "a.bin",
            // golive:allow-secret made up for this test
            &[&[0, 1, 2][..], b"password = \"tR9!kelp-Oven\" ", key.as_bytes()].concat(),
        );
        assert_eq!(found.len(), 1);
        // golive:allow-secret made up for this test
        assert!(scan("Cargo.lock", b"token = \"q7Jp2mXc9Lr4Tz8vB3nK\"\n").is_empty());
        assert!(scan("a.py", b"api_key = q7Jp2mXc9Lr4Tz8vB3nK\n").is_empty());
        assert_eq!(scan("a.env", b"api_key = q7Jp2mXc9Lr4Tz8vB3nK\n").len(), 1);
    }

    #[test]
    fn a_literal_key_in_a_gateways_configuration_is_one_however_simple() {
        let text = b"model_list:\n  - litellm_params:\n      api_key: sk-9182\n      api_base: http://x\n  - litellm_params:\n      api_key: os.environ/KEY\n";
        let found = scan("litellm.yaml", text);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].rule.as_str(), found[0].line),
            ("gateway-literal-key", 3)
        );
    }
}
