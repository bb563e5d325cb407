//! S1: every rule proves itself at every start: a made-up secret of its kind, written as people write it, must be found
//! as that kind; texts that only look like secrets must be silent.
//!
//! The secrets are made when the test runs, so that none stands in the repository.
//!
//! Never: keeps or prints what it made.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::engine::{Engine, Text};
use super::rules::{self, NAMED, Rule};
use super::shape::{Dice, Shape};

/// The dice of a start. Always the same: a run must not depend on luck. The tests throw others.
pub const SELF_TEST_SEED: u64 = 7;

/// What the self-test found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleTest {
    /// Rules that were tried, each in every shape.
    pub rules: usize,
    /// Made-up secrets that were looked for.
    pub made: usize,
    /// Harmless texts that were looked at.
    pub harmless: usize,
    /// What went wrong; nothing if the scanner can be believed.
    pub wrong: Vec<String>,
}

/// Tries every rule once in each of its shapes.
#[must_use]
pub fn run(engine: &Engine, seed: u64) -> RuleTest {
    let mut test = RuleTest {
        rules: 0,
        made: 0,
        harmless: 0,
        wrong: Vec::new(),
    };
    let mut dice = Dice::new(seed);
    for rule in rules::all() {
        test.rules += 1;
        for shape in rule.shapes {
            match make(rule, shape, &mut dice) {
                Some(secret) => expect(engine, &mut test, rule.id, &format!("value = \"{secret}\"\n")),
                None => test
                    .wrong
                    .push(format!("{}: no secret of {shape} can be made", rule.id)),
            }
        }
    }
    for named in NAMED {
        test.rules += 1;
        for shape in named.shapes {
            let secret = make_named(shape, &mut dice);
            expect(engine, &mut test, named.id, &format!("{}={secret}\n", named.key));
        }
    }
    for (id, text) in specials(&mut dice) {
        test.rules += 1;
        expect(engine, &mut test, id, &text);
    }
    for text in harmless() {
        test.harmless += 1;
        for hit in engine.scan(text.as_bytes(), 0..text.len(), Text::default()) {
            test.wrong
                .push(format!("{} was seen in a harmless text", hit.kind.id));
        }
    }
    test
}

fn expect(engine: &Engine, test: &mut RuleTest, id: &str, text: &str) {
    test.made += 1;
    let hits = engine.scan(text.as_bytes(), 0..text.len(), Text::default());
    if !hits.iter().any(|hit| hit.kind.id == id) {
        let seen: Vec<&str> = hits.iter().map(|hit| hit.kind.id).collect();
        test.wrong
            .push(format!("{id}: a made-up one was not found (seen: {seen:?})"));
    }
}

/// A made-up secret of `rule` in `shape`, with its checksum.
fn make(rule: &Rule, shape: &str, dice: &mut Dice) -> Option<String> {
    let shape = Shape::parse(shape);
    (0..200).find_map(|_| {
        let (text, range) = shape.make(dice);
        let mut secret = text[range.clone()].to_vec();
        rule.check.complete(&mut secret);
        if !rule.check.holds(&secret) {
            return None;
        }
        let whole = [&text[..range.start], &secret, &text[range.end..]].concat();
        String::from_utf8(whole).ok()
    })
}

fn make_named(shape: &str, dice: &mut Dice) -> String {
    let shape = Shape::parse(shape);
    let made = (0..200)
        .map(|_| shape.make(dice).0)
        .find(|text| super::check::entropy(text) >= 2.9 && !super::check::is_placeholder(text));
    String::from_utf8(made.unwrap_or_default()).unwrap_or_default()
}

/// A made-up secret of a rule with a shape of its own; empty if there is no such rule. For tests and measurements.
#[must_use]
pub fn made(rule: &str, seed: u64) -> String {
    let mut dice = Dice::new(seed);
    rules::all()
        .find(|row| row.id == rule)
        .and_then(|row| make(row, row.shapes[0], &mut dice))
        .unwrap_or_default()
}

/// A made-up body of a private key in PEM, whose label is `label`. For tests and measurements.
#[must_use]
pub fn made_pem(label: &str, seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let lines: Vec<String> = (0..6).map(|_| chance("{b64}", &mut dice)).collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// Chance in a shape.
#[must_use]
pub fn chance(shape: &str, dice: &mut Dice) -> String {
    String::from_utf8(Shape::parse(shape).make(dice).0).unwrap_or_default()
}

fn specials(dice: &mut Dice) -> Vec<(&'static str, String)> {
    let word = make_named("{a12}", dice);
    let account = made_pem("PRIVATE KEY", dice.throw()).replace('\n', "\\n");
    vec![
        ("private-key", made_pem("RSA PRIVATE KEY", dice.throw())),
        (
            "gcp-service-account",
            format!("{{\"type\": \"service_account\", \"private_key\": \"{account}\"}}"),
        ),
        (
            "url-password",
            format!("DATABASE=postgres://shop:{word}@db.internal:5432/shop\n"),
        ),
        (
            "bearer-token",
            format!(
                "curl -H 'Authorization: Bearer {}'\n",
                make_named("{d2}{a10}{d2}{a10}{d2}{a10}{d2}{z1}", dice)
            ),
        ),
        (
            "basic-credentials",
            format!(
                "Authorization: Basic {}\n",
                STANDARD.encode(format!("shop:{word}"))
            ),
        ),
        (
            "putty-private-key",
            format!(
                "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n{}\n",
                make_named("{b48}", dice)
            ),
        ),
        (
            "assigned-secret",
            format!(
                "client_secret = \"{}\"\n",
                make_named("{a3}{d2}{a6}{d2}{a6}{d2}{a4}", dice)
            ),
        ),
        ("assigned-password", format!("db_password: \"{word}9!x\"\n")),
    ]
}

/// What other scanners take for secrets.
fn harmless() -> [&'static str; 9] {
    [
        "\"integrity\": \"sha512-q7Jp2mXc9Lr4Tz8vB3nKq7Jp2mXc9Lr4Tz8vB3nKq7Jp2mXc9Lr4Tz8vB3nKq7Jp2mXc9Lr4Tz8vB3nK==\"",
        "request_token = \"3f2504e0-4f89-41d3-9a0c-0305e82c3301\"",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKf7q7Jp2mXc9Lr4Tz8vB3nKq7Jp2mXc9Lr4Tz8v me@laptop",
        "api_key_env = \"SUPPORT_API_KEY_2026\"\npassword = os.environ['DB_PASSWORD']",
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
        "commit 0f8e7d6c5b4a39281706f5e4d3c2b1a00f8e7d6c",
        "let token = tokens.next_token(cursor)?;",
        "postgres://user:${PASSWORD}@localhost/db https://user:password@example.com/",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEq7Jp2mXc9Lr4Tz8vB3nK\n-----END PUBLIC KEY-----",
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_finds_a_made_up_secret_of_its_kind_whatever_the_dice() {
        let engine = Engine::new().unwrap();
        for seed in 0..20 {
            let test = run(&engine, seed);
            assert!(test.wrong.is_empty(), "seed {seed}: {:#?}", test.wrong);
            assert!(test.rules >= 100, "{}", test.rules);
        }
    }
}
