//! S1: whether a value that is given to a telling name is a credential. This is where false alarms are born, so every
//! rule here says what it spares: lock files, hashes, UUIDs, public keys, names of keys, references, examples.
//!
//! Never: calls a value a secret for its entropy alone.

use super::check::{entropy, is_placeholder, turns};
use super::rules::NAMED;
use super::shape::Shape;

/// What is known of the text around.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Setting {
    /// A program: a bare word on the right is an expression.
    pub(super) code: bool,
    /// Generated, or a list of hashes: only shapes count.
    pub(super) generated: bool,
    /// The configuration of a model gateway: a literal key is one whatever it looks like.
    pub(super) gateway: bool,
}

/// The kind an assigned value is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
}

pub(super) const PASSWORD: Kind = Kind {
    id: "assigned-password",
    name: "Password given to a name",
};
pub(super) const SECRET: Kind = Kind {
    id: "assigned-secret",
    name: "Secret given to a name",
};
pub(super) const GATEWAY: Kind = Kind {
    id: "gateway-literal-key",
    name: "Literal key in a gateway's configuration",
};

/// The shapes of [`NAMED`], parsed once.
pub(super) struct Judge {
    named: Vec<(usize, Shape)>,
}

impl Judge {
    pub(super) fn new() -> Judge {
        let named = NAMED
            .iter()
            .enumerate()
            .flat_map(|(row, named)| named.shapes.iter().map(move |text| (row, Shape::parse(text))))
            .collect();
        Judge { named }
    }

    /// The kind of `value`, given to `name`; `before` is the text shortly before the name.
    pub(super) fn kind(
        &self,
        before: &[u8],
        name: &[u8],
        value: &[u8],
        quoted: bool,
        setting: Setting,
    ) -> Option<Kind> {
        if setting.generated || value.len() < 6 || value.len() > 1000 || is_placeholder(value) {
            return None;
        }
        let name = name.to_ascii_lowercase();
        // Before references: one key in 64 begins with the slash of a path.
        if let Some(kind) = self.named(before, &name, value) {
            return Some(kind);
        }
        if is_reference(value) {
            return None;
        }
        if setting.code && !quoted {
            return None;
        }
        // Short and simple ones too; but `none` and `anything` say that there is no key.
        let literal = setting.gateway && holds_any(&name, &["api_key", "apikey", "master_key", "salt_key"]);
        if literal && !holds_any(&name, HARMLESS) && value.iter().any(u8::is_ascii_digit) {
            return Some(GATEWAY);
        }
        if holds_any(&name, HARMLESS) || is_uuid(value) || is_words(value) {
            return None;
        }
        let password = holds_any(&name, &["passw", "passphrase", "pwd", "_pass"]);
        if password {
            return is_password(value).then_some(PASSWORD);
        }
        is_secret(&name, value).then_some(SECRET)
    }

    fn named(&self, before: &[u8], name: &[u8], value: &[u8]) -> Option<Kind> {
        let fitting = self.named.iter().filter(|(_, shape)| shape.is(value));
        let mut near = None;
        for (row, _) in fitting {
            let named = &NAMED[*row];
            let told = holds_any(name, named.words) || {
                let near = near.get_or_insert_with(|| before.to_ascii_lowercase());
                // The name of the vendor in the lines before; a word like `token` must be in the name itself.
                holds_any(near, &named.words[..1]) && named.words[0] != "token"
            };
            // A number of few kinds of digits is a made-up one even in the right shape.
            if told && entropy(value) >= 2.8 {
                return Some(Kind {
                    id: named.id,
                    name: named.name,
                });
            }
        }
        None
    }
}

/// Names that only sound like secrets.
const HARMLESS: &[&str] = &[
    "public",
    "publishable",
    "pubkey",
    "pub_key",
    "_hash",
    "hashed",
    "digest",
    "checksum",
    "integrity",
    "sha256",
    "sha1",
    "sha512",
    "md5",
    "token_type",
    "tokentype",
    "token_url",
    "tokenurl",
    "token_uri",
    "token_endpoint",
    "tokeniz",
    "tokenis",
    "max_token",
    "maxtoken",
    "_tokens",
    "token_count",
    "token_id",
    "tokenid",
    "key_id",
    "keyid",
    "next_token",
    "nexttoken",
    "page_token",
    "pagetoken",
    "continuation",
    "secret_name",
    "secretname",
    "secret_id",
    "secret_ref",
    "secretref",
    "secretkeyref",
    "key_name",
    "keyname",
    "secret_arn",
    "_path",
    "_file",
    "filename",
    "_env",
    "_url",
    "_uri",
    "endpoint",
    "cancellation",
    "special_token",
    "bos_token",
    "eos_token",
    "pad_token",
    "unk_token",
    "mask_token",
    "csrf",
    "xsrf",
    "sitekey",
    "site_key",
    "idempotency",
    "etag",
    "password_field",
    "_label",
    "_title",
    "_description",
    "tokens_per",
    "prompt_token",
    "completion_token",
    "token_name",
    "fingerprint",
    "revision",
    "cache",
];

fn holds_any(text: &[u8], words: &[&str]) -> bool {
    words
        .iter()
        .any(|word| memchr::memmem::find(text, word.as_bytes()).is_some())
}

/// A value that says where the secret is instead of saying it.
fn is_reference(value: &[u8]) -> bool {
    const BEGIN: &[&str] = &[
        "$",
        "{{",
        "<",
        "%",
        "#",
        "env.",
        "env:",
        "env/",
        "os.environ",
        "os.getenv",
        "process.env",
        "std::env",
        "vault:",
        "vault/",
        "secret/",
        "secrets.",
        "secrets/",
        "enc[",
        "!vault",
        "arn:",
        "file:",
        "op://",
        "ref+",
        "akv://",
        "sm://",
        "http://",
        "https://",
        "/",
        "./",
        "../",
        "~/",
        "c:\\",
        "projects/",
        "data:",
        "sha1-",
        "sha256-",
        "sha384-",
        "sha512-",
        "sha256:",
        "$2a$",
        "$2b$",
        "$argon2",
        "{sha",
        "{ssha",
        "pbkdf2",
        "ssh-rsa ",
        "ssh-ed25519 ",
        "kms:",
        "azurekeyvault",
        "@",
    ];
    let lower: Vec<u8> = value.iter().take(20).map(u8::to_ascii_lowercase).collect();
    BEGIN.iter().any(|begin| lower.starts_with(begin.as_bytes()))
        || value
            .windows(2)
            .any(|pair| matches!(pair, b"${" | b"{{" | b"%(" | b"$("))
        // The hole of a template: `{password}`.
        || (value.contains(&b'{') && value.contains(&b'}'))
        || value.contains(&b' ')
        || value.ends_with(b":")
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// Words with signs between them, versions, dates, dotted names: no part of it is chance.
fn is_words(value: &[u8]) -> bool {
    value.split(|b| !b.is_ascii_alphanumeric()).all(|part| {
        part.iter().all(u8::is_ascii_alphabetic) && is_cased_word(part)
            || part.iter().all(u8::is_ascii_digit)
            || ends_in_number(part)
    }) && !value
        .iter()
        .any(|b| matches!(b, b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*'))
}

/// Letters whose capitals stand where words begin: `camelCase`, `UPPER`, `lower`.
fn is_cased_word(part: &[u8]) -> bool {
    let upper = part.iter().filter(|b| b.is_ascii_uppercase()).count();
    let humps = part
        .windows(2)
        .filter(|pair| pair[0].is_ascii_uppercase() && pair[1].is_ascii_lowercase())
        .count();
    let vowels = part.iter().filter(|b| b"aeiouyAEIOUY".contains(b)).count();
    let spoken = part.len() < 6 || vowels * 6 >= part.len();
    spoken && (upper == 0 || upper == part.len() || (humps + 1 >= upper && upper * 3 <= part.len() + 2))
}

/// `oauth2`, `v12`, `sha256`: a word and a short number.
fn ends_in_number(part: &[u8]) -> bool {
    let letters = part.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let (word, number) = part.split_at(letters);
    number.iter().all(u8::is_ascii_digit) && number.len() <= 4 && is_cased_word(word)
}

fn is_password(value: &[u8]) -> bool {
    let letter = value.iter().any(u8::is_ascii_alphabetic);
    let other = value
        .iter()
        .any(|b| b.is_ascii_digit() || b.is_ascii_punctuation());
    let lower = value.to_ascii_lowercase();
    (8..=128).contains(&value.len())
        && letter
        && other
        && value.iter().all(u8::is_ascii_graphic)
        && entropy(value) >= 2.5
        && !holds_any(&lower, &["password", "passwd", "secret", "test"])
        && !looks_like_code(value)
}

fn is_secret(name: &[u8], value: &[u8]) -> bool {
    let strong = holds_any(
        name,
        &[
            "secret",
            "api_key",
            "apikey",
            "api-key",
            "access_key",
            "accesskey",
            "auth_token",
            "private_key",
            "credential",
        ],
    );
    let hex = value.iter().all(u8::is_ascii_hexdigit);
    let (least, bits) = if strong { (16, 3.0) } else { (20, 3.5) };
    (least..=512).contains(&value.len())
        && value
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"+/=_-.~:!@#$%^&*".contains(b))
        && value.iter().any(u8::is_ascii_digit)
        && value.iter().any(u8::is_ascii_alphabetic)
        && turns(value) >= 3
        && entropy(value) >= bits
        && (!hex || strong)
        && !looks_like_code(value)
        && !value.split(|b| b"/.:".contains(b)).all(is_words)
}

/// `config.tokens.api_v2`, `Foo::bar`, `a->b`.
fn looks_like_code(value: &[u8]) -> bool {
    value
        .windows(2)
        .any(|pair| matches!(pair, b"::" | b"->" | b"()" | b"&&" | b"||"))
        || (value.contains(&b'.')
            && value.split(|b| *b == b'.').all(|part| {
                !part.is_empty()
                    && !part[0].is_ascii_digit()
                    && part.len() < 24
                    && turns(part) < 3
                    && part.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
            }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, value: &str) -> Option<&'static str> {
        let setting = Setting::default();
        Judge::new()
            .kind(b"", name.as_bytes(), value.as_bytes(), true, setting)
            .map(|kind| kind.id)
    }

    #[test]
    fn chance_given_to_a_telling_name_is_a_secret() {
        for (name, value) in [
            // golive:allow-secret made up for this test
            ("api_key", "q7Jp2mXc9Lr4Tz8vB3nK"),
            // golive:allow-secret made up for this test
            ("CLIENT_SECRET", "8fK2-pQ9x_Lm3Rt7Vz"),
            // golive:allow-secret made up for this test
            ("session_token", "Zx81kLm0Qp39vRt6Yw2Bn5Cd"),
            // golive:allow-secret made up for this test
            ("app.secret", "0f8e7d6c5b4a39281706f5e4d3c2b1a0"),
        ] {
            assert_eq!(kind(name, value), Some("assigned-secret"), "{name}");
        }
        // golive:allow-secret made up for this test
        assert_eq!(kind("db_password", "tR9!kelp-Oven"), Some("assigned-password"));
    }

    #[test]
    fn what_only_looks_like_one_is_left_alone() {
        for (name, value) in [
            ("api_key", "${API_KEY}"),
            ("api_key", "os.environ/API_KEY"),
            ("api_key", "your-api-key-goes-here"),
            ("secret", "my-service-secret-name"),
            ("token", "0f8e7d6c5b4a39281706f5e4d3c2b1a0"),
            ("request_token", "3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
            ("public_key", "q7Jp2mXc9Lr4Tz8vB3nK"),
            ("secretName", "q7Jp2mXc9Lr4Tz8vB3nK"),
            ("password", "correct horse battery staple"),
            ("password_hash", "$2b$12$q7Jp2mXc9Lr4Tz8vB3nK"),
            ("token", "config.tokens.api_v2"),
            ("api_key_env", "SUPPORT_KEY_V2_2026"),
            ("access_token_url", "q7Jp2mXc9Lr4Tz8vB3nK"),
            ("secret", "projects/p1/secrets/s1/versions/latest"),
            ("max_tokens", "q7Jp2mXc9Lr4Tz8vB3nK"),
            ("password", "password123"),
        ] {
            assert_eq!(kind(name, value), None, "{name} = {value}");
        }
    }
}
