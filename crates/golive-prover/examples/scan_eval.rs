//! S1: how many secrets the scanner finds, how many false alarms it raises, and how fast it reads.
//!
//! `cargo run --release -p golive-prover --example scan_eval [-- --speed-only | --quality-only | PATH]`
//! With a path: what is found there, and how fast.
//!
//! The labelled set is made when this runs: made-up secrets of many kinds, written here by hand and not by the scanner's
//! own rules, each in many surroundings; and texts that only look like secrets. The tree for the speed is made in the
//! folder for temporary files and removed.
//!
//! Never: holds a secret in its source.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::sync::atomic::AtomicBool;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use golive_prover::secrets::{Dice, Engine, Origin, ScanOptions, Source, scan};

/// Times each kind is made.
const ROUNDS: u64 = 5;
/// Bytes of the tree for the speed.
const TREE: u64 = 1_000_000_000;

fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    let engine = Engine::new().expect("the rules are good");
    if !only.is_empty() && !only.starts_with("--") {
        timed(&engine, std::path::Path::new(&only), "two threads", 2, true);
        return;
    }
    if only != "--speed-only" {
        quality(&engine);
    }
    if only != "--quality-only" {
        speed(&engine);
    }
}

fn quality(engine: &Engine) {
    let (mut found, mut missed) = (0_u32, Vec::new());
    for round in 0..ROUNDS {
        let mut dice = Dice::new(round + 1);
        for (kind, secret, key) in secrets(&mut dice) {
            for (surrounding, file, text) in surroundings(&key, &secret) {
                if told(engine, file, &text) {
                    found += 1;
                } else {
                    missed.push(format!("{kind} in {surrounding}"));
                }
            }
        }
    }
    let (mut quiet, mut alarms) = (0_u32, Vec::new());
    for round in 0..ROUNDS * 4 {
        let mut dice = Dice::new(round + 1_000);
        for (kind, file, text) in harmless(&mut dice) {
            if told(engine, file, &text) {
                alarms.push(kind);
            } else {
                quiet += 1;
            }
        }
    }
    let all = found as usize + missed.len();
    println!(
        "secrets      {all}, found {found}: recall {:.2} %",
        100.0 * f64::from(found) / all as f64
    );
    println!(
        "harmless     {}, alarms {}: precision {:.2} %",
        quiet as usize + alarms.len(),
        alarms.len(),
        100.0 * f64::from(found) / (found as usize + alarms.len()) as f64
    );
    for (title, mut list) in [
        ("missed", missed),
        ("alarms", alarms.iter().map(|s| (*s).to_owned()).collect()),
    ] {
        list.sort();
        let mut counted: Vec<(String, u32)> = Vec::new();
        for one in list {
            match counted.last_mut() {
                Some((last, count)) if *last == one => *count += 1,
                _ => counted.push((one, 1)),
            }
        }
        for (one, count) in counted {
            println!("  {title}: {count} x {one}");
        }
    }
}

fn told(engine: &Engine, file: &str, text: &str) -> bool {
    let source = Source {
        path: file,
        origin: Origin::Tree,
        commit: None,
    };
    !engine.bytes(&source, text.as_bytes()).findings.is_empty()
}

/// `length` of `letters`.
fn chance(dice: &mut Dice, letters: &[u8], length: usize) -> String {
    (0..length)
        .map(|_| char::from(letters[dice.below(letters.len())]))
        .collect()
}

/// The CRC-32 of `text` in six characters of base 62, written here again, so that a slip in the scanner's shows.
fn sum62(text: &str) -> String {
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut crc = 0xffff_ffff_u32;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    let mut rest = !crc;
    let mut out = [b'0'; 6];
    for place in out.iter_mut().rev() {
        *place = digits[(rest % 62) as usize];
        rest /= 62;
    }
    String::from_utf8_lossy(&out).into_owned()
}

const ALNUM: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const HEX: &[u8] = b"0123456789abcdef";
const URL: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
const B64: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/";
const B32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const DIGITS: &[u8] = b"0123456789";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// One secret of each kind: what it is, itself, and the name people give it.
fn secrets(dice: &mut Dice) -> Vec<(&'static str, String, String)> {
    let mut all = Vec::new();
    let mut add = |kind, secret: String, key: &str| all.push((kind, secret, key.to_owned()));
    for prefix in ["ghp_", "gho_", "ghu_", "ghs_", "npm_"] {
        let random = chance(dice, ALNUM, 30);
        add(
            "github or npm token",
            format!("{prefix}{random}{}", sum62(&random)),
            "CI_TOKEN",
        );
    }
    let random = chance(dice, ALNUM, 43);
    add(
        "golive key",
        format!("glv_live_{random}{}", sum62(&random)),
        "GOLIVE_KEY",
    );
    add(
        "github fine-grained",
        format!(
            "github_pat_{}_{}",
            chance(dice, ALNUM, 22),
            chance(dice, ALNUM, 59)
        ),
        "GH_PAT",
    );
    add(
        "gitlab",
        format!("glpat-{}", chance(dice, URL, 20)),
        "GITLAB_TOKEN",
    );
    add(
        "slack bot",
        format!(
            "xoxb-{}-{}-{}",
            chance(dice, DIGITS, 12),
            chance(dice, DIGITS, 12),
            chance(dice, ALNUM, 24)
        ),
        "SLACK_TOKEN",
    );
    add(
        "stripe live",
        format!("sk_live_{}", chance(dice, ALNUM, 24)),
        "STRIPE_KEY",
    );
    add(
        "stripe restricted",
        format!("rk_live_{}", chance(dice, ALNUM, 99)),
        "STRIPE_KEY",
    );
    add(
        "aws id",
        format!("AKIA{}", chance(dice, B32, 16)),
        "AWS_ACCESS_KEY_ID",
    );
    add("aws secret", chance(dice, B64, 40), "AWS_SECRET_ACCESS_KEY");
    add("google api", format!("AIza{}", chance(dice, URL, 35)), "MAPS_KEY");
    add(
        "google oauth",
        format!("GOCSPX-{}", chance(dice, URL, 28)),
        "OAUTH_CLIENT",
    );
    add(
        "openai project",
        format!(
            "sk-proj-{}T3BlbkFJ{}",
            chance(dice, URL, 74),
            chance(dice, URL, 74)
        ),
        "OPENAI_API_KEY",
    );
    add(
        "openai legacy",
        format!(
            "sk-{}T3BlbkFJ{}",
            chance(dice, ALNUM, 20),
            chance(dice, ALNUM, 20)
        ),
        "OPENAI_API_KEY",
    );
    add(
        "anthropic",
        format!("sk-ant-api03-{}AA", chance(dice, URL, 93)),
        "ANTHROPIC_API_KEY",
    );
    add(
        "hugging face",
        format!("hf_{}", chance(dice, LETTERS, 34)),
        "HF_TOKEN",
    );
    add("groq", format!("gsk_{}", chance(dice, ALNUM, 52)), "GROQ_API_KEY");
    add(
        "openrouter",
        format!("sk-or-v1-{}", chance(dice, HEX, 64)),
        "OPENROUTER_API_KEY",
    );
    add(
        "replicate",
        format!("r8_{}", chance(dice, ALNUM, 37)),
        "REPLICATE_TOKEN",
    );
    add(
        "sendgrid",
        format!("SG.{}.{}", chance(dice, URL, 22), chance(dice, URL, 43)),
        "SENDGRID",
    );
    add("twilio", chance(dice, HEX, 32), "TWILIO_AUTH_TOKEN");
    add("shopify", format!("shpat_{}", chance(dice, HEX, 32)), "SHOPIFY");
    add(
        "digitalocean",
        format!("dop_v1_{}", chance(dice, HEX, 64)),
        "DO_PAT",
    );
    add(
        "databricks",
        format!("dapi{}", chance(dice, HEX, 32)),
        "DATABRICKS_TOKEN",
    );
    add(
        "telegram",
        format!("{}:AA{}", chance(dice, b"123456789", 10), chance(dice, URL, 33)),
        "TELEGRAM_BOT_TOKEN",
    );
    add(
        "pypi",
        format!("pypi-AgEIcHlwaS5vcmc{}", chance(dice, URL, 150)),
        "TWINE_PW",
    );
    add(
        "azure storage",
        format!("AccountName=shop;AccountKey={}==", chance(dice, B64, 86)),
        "STORAGE_CONNECTION",
    );
    add("datadog", chance(dice, HEX, 32), "DATADOG_API_KEY");
    add("vault", format!("hvs.{}", chance(dice, URL, 90)), "VAULT_TOKEN");
    add("linear", format!("lin_api_{}", chance(dice, ALNUM, 40)), "LINEAR");
    add(
        "slack webhook",
        format!(
            "https://hooks.slack.com/services/T{}/B{}/{}",
            chance(dice, B32, 9),
            chance(dice, B32, 10),
            chance(dice, ALNUM, 24)
        ),
        "HOOK",
    );
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    add(
        "jwt",
        format!(
            "{}.{}.{}",
            part(r#"{"alg":"RS256","kid":"k1"}"#),
            part(r#"{"iss":"https://id.internal","sub":"u7"}"#),
            chance(dice, URL, 43)
        ),
        "SESSION",
    );
    add(
        "database url",
        format!(
            "postgresql://shop:{}@db.internal:5432/shop",
            chance(dice, ALNUM, 14)
        ),
        "DATABASE_URL",
    );
    add("generic secret", chance(dice, ALNUM, 32), "CLIENT_SECRET");
    add("generic hex secret", chance(dice, HEX, 40), "app_secret");
    add("generic api key", chance(dice, ALNUM, 24), "weather_api_key");
    add("generic token", chance(dice, URL, 43), "access_token");
    add(
        "password",
        format!("{}!{}", chance(dice, ALNUM, 7), chance(dice, DIGITS, 3)),
        "db_password",
    );
    all
}

/// The same secret as it stands in files of many kinds.
fn surroundings(key: &str, secret: &str) -> Vec<(&'static str, &'static str, String)> {
    let lower = key.to_ascii_lowercase();
    let camel: String = lower
        .split('_')
        .enumerate()
        .map(|(at, word)| {
            if at == 0 {
                word.to_owned()
            } else {
                word[..1].to_uppercase() + &word[1..]
            }
        })
        .collect();
    vec![
        (
            ".env",
            "prod.env.txt",
            format!("# settings\nMODE=prod\n{key}={secret}\n"),
        ),
        (
            "shell",
            "run.sh",
            format!("#!/bin/sh\nexport {key}=\"{secret}\"\nexec app\n"),
        ),
        (
            "python",
            "app.py",
            format!("import os\n{lower} = \"{secret}\"\nprint(1)\n"),
        ),
        ("javascript", "app.js", format!("const {camel} = '{secret}';\n")),
        ("rust", "a.rs", format!("const {key}: &str = \"{secret}\";\n")),
        ("go", "a.go", format!("\t{camel} := \"{secret}\"\n")),
        (
            "java",
            "A.java",
            format!("private static final String {key} = \"{secret}\";\n"),
        ),
        (
            "json",
            "a.json",
            format!("{{\n  \"name\": \"x\",\n  \"{lower}\": \"{secret}\"\n}}\n"),
        ),
        (
            "yaml",
            "a.yaml",
            format!("service:\n  {lower}: {secret}\n  port: 80\n"),
        ),
        ("toml", "a.toml", format!("[service]\n{lower} = \"{secret}\"\n")),
        (
            "properties",
            "a.properties",
            format!("service.{lower}={secret}\n"),
        ),
        (
            "container env",
            "deploy.yaml",
            format!("env:\n  - name: {key}\n    value: \"{secret}\"\n"),
        ),
        (
            "escaped json",
            "log.txt",
            format!("sent {{\\\"{lower}\\\": \\\"{secret}\\\"}}\n"),
        ),
        (
            "base64 of a file",
            "secret.yaml",
            format!(
                "data:\n  app.env: {}\n",
                STANDARD.encode(format!("MODE=prod\n{key}={secret}\n"))
            ),
        ),
        (
            "markdown",
            "README.md",
            format!("Run it so:\n\n```sh\nexport {key}=\"{secret}\"\n```\n"),
        ),
    ]
}

/// What only looks like a secret.
fn harmless(dice: &mut Dice) -> Vec<(&'static str, &'static str, String)> {
    let uuid = |dice: &mut Dice| {
        format!(
            "{}-{}-4{}-a{}-{}",
            chance(dice, HEX, 8),
            chance(dice, HEX, 4),
            chance(dice, HEX, 3),
            chance(dice, HEX, 3),
            chance(dice, HEX, 12)
        )
    };
    let mut lock = String::new();
    for _ in 0..20 {
        let _ = writeln!(
            lock,
            "    \"node_modules/x\": {{ \"resolved\": \"https://registry.npmjs.org/x/-/x-1.0.0.tgz\", \"integrity\": \"sha512-{}==\" }},",
            chance(dice, B64, 86)
        );
    }
    let mut sums = String::new();
    for _ in 0..20 {
        let _ = writeln!(sums, "{}  package-1.2.tar.gz", chance(dice, HEX, 64));
    }
    let wrong = format!("ghp_{}", chance(dice, ALNUM, 36));
    vec![
        ("npm lock file", "package-lock.json", lock),
        ("cargo lock file", "Cargo.lock", format!("[[package]]\nname = \"token\"\nchecksum = \"{}\"\n", chance(dice, HEX, 64))),
        ("go sums", "go.sum", format!("example.com/secret v1.0.0 h1:{}=\n", chance(dice, B64, 43))),
        ("list of sums", "release.txt", sums),
        ("uuid as a token", "a.yaml", format!("request_token: {}\nsecret_ref: {}\n", uuid(dice), uuid(dice))),
        ("commit ids", "CHANGES.md", format!("fixed in {} and {}\n", chance(dice, HEX, 40), chance(dice, HEX, 40))),
        ("etag", "a.http", format!("ETag: \"{}\"\nX-Request-Id: {}\n", chance(dice, HEX, 32), chance(dice, HEX, 32))),
        ("digest of an image", "compose.yaml", format!("image: app@sha256:{}\n", chance(dice, HEX, 64))),
        ("a github token with a wrong checksum", "a.py", format!("X = \"{wrong}\"\n")),
        ("public ssh key", "authorized_keys", format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} ada@laptop\n", chance(dice, B64, 43))),
        ("certificate", "ca.pem", format!("-----BEGIN CERTIFICATE-----\n{}\n{}\n-----END CERTIFICATE-----\n", chance(dice, B64, 64), chance(dice, B64, 64))),
        ("stripe's public key", "a.js", format!("const stripeKey = 'pk_live_{}';\n", chance(dice, ALNUM, 24))),
        ("public key by name", "a.toml", format!("public_key = \"{}\"\n", chance(dice, B64, 43))),
        ("names of keys", "a.rs", "const API_KEY_ENV: &str = \"SUPPORT_API_KEY_2026\";\nlet token = next_token(&mut tokens)?;\n".to_owned()),
        ("references", "a.yaml", "api_key: ${API_KEY}\npassword: \"{{ vault_password }}\"\nsecret: os.environ/SECRET_V2\ntoken: vault:secret/data/app#token\n".to_owned()),
        ("examples", "README.md", "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\nexport API_KEY=your-api-key-here-1234\npassword: changeme123!\n".to_owned()),
        ("addresses with words", "README.md", "postgres://user:password@localhost/db redis://:${REDIS_PASSWORD}@cache https://user:pass@example.com\n".to_owned()),
        ("keyboard shortcuts", "keys.json", "{\"key\": \"ctrl+shift+alt+p\", \"tokenColor\": \"#a1b2c3\", \"accessKey\": \"k\"}\n".to_owned()),
        ("code about passwords", "auth.py", "def set_password(self, password: str) -> None:\n    self.password_hash = hash_password(password, rounds=12)\n    token = self.tokens[user.id]\n".to_owned()),
        ("model parameters", "a.json", "{\"max_tokens\": 4096, \"token_type\": \"bearer\", \"bos_token\": \"<s>\", \"tokenizer\": \"cl100k_base\"}\n".to_owned()),
        ("page cursor", "a.json", format!("{{\"next_page_token\": \"{}\"}}\n", chance(dice, ALNUM, 40))),
        ("hash of a password", "users.csv", format!("ada,$2b$12${}\n", chance(dice, ALNUM, 53))),
        ("unsigned token", "a.txt", format!("{}.{}.\n", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(r#"{"sub":"7"}"#))),
        ("picture in a page", "a.html", format!("<img src=\"data:image/png;base64,iVBORw0KGgo{}\">\n", chance(dice, B64, 400))),
        ("base64 of prose", "a.txt", format!("{}\n", STANDARD.encode("the token of the secret society was given to the keeper of passwords and keys"))),
    ]
}

fn speed(engine: &Engine) {
    let folder = std::env::temp_dir().join(format!("golive-scan-speed-{}", std::process::id()));
    let files = tree(&folder);
    println!("{} secrets are planted", files / 100);
    for (title, threads) in [
        ("two threads, files just written", 2),
        ("two threads", 2),
        ("one thread", 1),
    ] {
        timed(engine, &folder, title, threads, false);
    }
    let _ = fs::remove_dir_all(&folder);
}

fn timed(engine: &Engine, folder: &std::path::Path, title: &str, threads: usize, show: bool) {
    let mut options = ScanOptions::new(jiff::civil::date(2026, 1, 1));
    options.threads = threads;
    #[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
    let started = std::time::Instant::now();
    let result = scan(engine, folder, &options, &AtomicBool::new(false)).expect("the folder is there");
    let took = started.elapsed().as_secs_f64();
    if show {
        for finding in result.counting() {
            println!("{finding} [{}]", finding.rule);
        }
        println!("{:#?}\n{:#?}", result.notes, result.history);
    }
    println!(
        "{title}: {} files, {} MB in {took:.2} s: {:.0} MB/s; {} found; most memory so far {} MB",
        result.files,
        result.bytes / 1_000_000,
        result.bytes as f64 / 1e6 / took,
        result.counting().count(),
        peak() / 1_000
    );
}

/// A tree of about [`TREE`] bytes: program text with names like those of secrets, JSON, and some binary files; one file
/// in a hundred holds a made-up secret. Gives the number of files.
fn tree(folder: &std::path::Path) -> u64 {
    let mut dice = Dice::new(9);
    let words: Vec<String> = (0..400)
        .map(|_| {
            let length = 3 + dice.below(8);
            chance(&mut dice, b"abcdefghijklmnopqrstuvwxyz", length)
        })
        .collect();
    let mut program = Vec::new();
    while program.len() < 8 << 20 {
        let word = |dice: &mut Dice| words[dice.below(words.len())].clone();
        let (a, b, c) = (word(&mut dice), word(&mut dice), word(&mut dice));
        let line = match dice.below(12) {
            0 => format!("    let {a}_token = {b}.{c}(&self.{a})?;\n"),
            1 => format!(
                "    if password.len() < {} {{ return Err({a}::{b}); }}\n",
                dice.below(99)
            ),
            2 => format!("        \"{a}\": \"{}\",\n", chance(&mut dice, HEX, 40)),
            3 => format!("    // {a} {b} {c} {a} {b}: see https://{a}.{b}.org/{c}\n"),
            _ => format!("    {a}({b}, {c} + {});\n", dice.below(100_000)),
        };
        program.extend_from_slice(line.as_bytes());
    }
    let (mut written, mut files) = (0_u64, 0_u64);
    while written < TREE {
        let below = folder.join(format!("d{:03}", files % 200));
        fs::create_dir_all(&below).expect("a folder can be made");
        let length = 4_000 + dice.below(60_000);
        let from = dice.below(program.len() - length);
        let mut bytes = program[from..from + length].to_vec();
        if files % 20 == 7 {
            bytes
                .iter_mut()
                .step_by(7)
                .for_each(|byte| *byte = (dice.throw() & 0xff) as u8);
            bytes[0] = 0;
        }
        if files % 100 == 50 {
            let random = chance(&mut dice, ALNUM, 30);
            bytes.extend_from_slice(format!("\nk = \"ghp_{random}{}\"\n", sum62(&random)).as_bytes());
        }
        let mut file = fs::File::create(below.join(format!("f{files}.rs"))).expect("a file can be made");
        file.write_all(&bytes).expect("it can be written");
        written += bytes.len() as u64;
        files += 1;
    }
    files
}

/// The most memory this process ever held, in kB; 0 where the system does not say.
fn peak() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
