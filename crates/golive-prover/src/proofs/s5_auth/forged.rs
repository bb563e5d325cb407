//! S5: the tokens that must be refused, each wrong in one way, made by the lab from a right one. Sources: RFC 7515,
//! RFC 7519, RFC 8725 and reference/auth.md.
//!
//! Never: calls one a `Must` that a careful target may accept; those are `Should`, and cost a warning.

use golive_checklist::judge::UnscoredReason;
use golive_config::TokenRole;
use golive_lab::{IssuerInfo, Mint, Signature};
use serde_json::{Map, Value, json};

use crate::clock;
use crate::issuer::{Tokens, bearer, scored};
use crate::target::{Call, Credential};

/// About how many tokens [`all`] makes, for the plan.
pub(super) const COUNT: u64 = 70;

/// The issuer of another tenant: the lab's too, and none that the target trusts.
const FOREIGN: &str = "golive-foreign";

/// What it means when a token is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Authentication is broken.
    Must,
    /// The target is laxer than it need be.
    Should,
}

/// One wrong token, as it changes a request.
pub(super) struct Wrong {
    /// What is wrong, in words.
    pub(super) name: String,
    /// What it means when it is let in.
    pub(super) weight: Weight,
    apply: Box<dyn Fn(Call) -> Call + Send + Sync>,
}

impl Wrong {
    /// The request with the wrong token.
    pub(super) fn on(&self, call: Call) -> Call {
        (self.apply)(call)
    }
}

/// Every wrong token for `role`. `right` is a right one, for what is done to its text.
///
/// # Errors
/// When the lab makes none.
pub(super) async fn all(
    tokens: &Tokens,
    role: &TokenRole,
    info: &IssuerInfo,
    right: &str,
) -> Result<Vec<Wrong>, UnscoredReason> {
    let mut wrongs = texts(right);
    let mut minted = claims(tokens, role);
    minted.extend(headers(tokens, role, info));
    minted.extend(signatures(tokens, role));
    for (name, weight, mint) in minted {
        let token = tokens.mint(&mint).await.into_result()?;
        wrongs.push(token_of(name, weight, token));
    }
    wrongs.extend(foreign(tokens, role).await?);
    Ok(wrongs)
}

type Minted = (String, Weight, Mint);

fn must(name: impl Into<String>, mint: Mint) -> Minted {
    (name.into(), Weight::Must, mint)
}

fn should(name: impl Into<String>, mint: Mint) -> Minted {
    (name.into(), Weight::Should, mint)
}

/// Right signatures over wrong claims.
fn claims(tokens: &Tokens, role: &TokenRole) -> Vec<Minted> {
    let now = clock::wall().as_second();
    let (ours, issuer) = (&tokens.config.audience, &tokens.address);
    let with = |changes: Value| {
        let mut mint = tokens.right(role);
        mint.claims.extend(object(changes));
        mint
    };
    let raw = |members: &str| {
        let right = tokens.right(role);
        let mut text = Value::Object(right.claims.clone()).to_string();
        text.truncate(text.len() - 1);
        Mint {
            raw_claims: Some(format!("{text},{members}}}")),
            ..right
        }
    };
    let (past, future) = (now - 3_600, now + 3_600);
    vec![
        must(
            "expired an hour ago",
            with(json!({"exp": past, "iat": past - 300})),
        ),
        must(
            "expired six minutes ago, more than any clock may be off",
            with(json!({"exp": now - 360, "iat": now - 660})),
        ),
        must(
            "not valid for another hour",
            with(json!({"nbf": now + 3_600, "exp": now + 7_200})),
        ),
        must("without an expiry", with(json!({"exp": null}))),
        must("an expiry before 1970", with(json!({"exp": -1}))),
        should("an expiry in quotes", with(json!({"exp": future.to_string()}))),
        should("an expiry that no number can hold", raw("\"exp\":1e400")),
        must("an expiry that is a list", with(json!({"exp": [future]}))),
        must(
            "two expiries, the last one over",
            raw(&format!("\"exp\":{future},\"exp\":{past}")),
        ),
        should(
            "two expiries, the first one over",
            raw(&format!("\"exp\":{past},\"exp\":{future}")),
        ),
        should(
            "issued in an hour",
            with(json!({"iat": now + 3_600, "exp": now + 7_200})),
        ),
        must("another issuer", with(json!({"iss": "https://issuer.invalid"}))),
        must(
            "the issuer with a slash behind it",
            with(json!({"iss": format!("{issuer}/")})),
        ),
        must("without an issuer", with(json!({"iss": null}))),
        should("a list of issuers", with(json!({"iss": [issuer]}))),
        must("another audience", with(json!({"aud": "somebody-else"}))),
        must("a list of other audiences", with(json!({"aud": ["a", "b"]}))),
        must("without an audience", with(json!({"aud": null}))),
        must(
            "an audience that begins like ours",
            with(json!({"aud": format!("{ours}-other")})),
        ),
        must("an audience in capitals", with(json!({"aud": swapped(ours)}))),
        should("without a subject", with(json!({"sub": null}))),
        should("an empty subject", with(json!({"sub": ""}))),
        must(
            "an ID token for somebody's login page",
            with(json!({"aud": "glv-login-page", "azp": "glv-login-page", "nonce": "n-1", "at_hash": "x"})),
        ),
        must(
            "claims that are a list",
            Mint {
                raw_claims: Some("[1]".to_owned()),
                ..tokens.right(role)
            },
        ),
        must(
            "claims that are no JSON",
            Mint {
                raw_claims: Some("{\"sub\":".to_owned()),
                ..tokens.right(role)
            },
        ),
    ]
}

/// Wrong headers: algorithms, keys that the token brings along, names of keys that lead elsewhere.
fn headers(tokens: &Tokens, role: &TokenRole, info: &IssuerInfo) -> Vec<Minted> {
    let with = |changes: Value, key: Option<&str>, signature| {
        let mut mint = tokens.right(role);
        mint.header.extend(object(changes));
        mint.signature = signature;
        if let Some(key) = key {
            mint.key = Some(key.to_owned());
        }
        mint
    };
    let alg = tokens.alg();
    let stranger = format!("stranger-{alg}");
    let own_jwk = info
        .strangers
        .iter()
        .find(|jwk| jwk.get("alg").and_then(Value::as_str) == Some(alg))
        .cloned()
        .unwrap_or_default();
    let trap = &info.trap;
    let right = Signature::Right;
    let mut out: Vec<Minted> = ["none", "None", "NONE", "nOnE"]
        .into_iter()
        .flat_map(|none| {
            [Signature::Empty, Signature::Absent].map(|signature| {
                let dot = if signature == Signature::Empty {
                    ""
                } else {
                    ", not even the last dot"
                };
                let mint = with(json!({"alg": none}), None, signature);
                must(format!("alg {none} and no signature{dot}"), mint)
            })
        })
        .collect();
    let current = |alg: &str| info.keys.iter().find(|key| key.current && key.alg == alg);
    let kid = current(alg).map(|key| key.kid.clone()).unwrap_or_default();
    let hmac =
        |name: &str, key: &str, signature| must(name, with(json!({"alg": "HS256"}), Some(key), signature));
    out.extend([
        hmac(
            "HS256 with the public key's PEM as secret",
            "RS256",
            Signature::HmacPem,
        ),
        hmac(
            "HS256 with the public key's PEM, trimmed",
            "RS256",
            Signature::HmacPemTrimmed,
        ),
        hmac(
            "HS256 with the public key's DER as secret",
            "RS256",
            Signature::HmacDer,
        ),
        hmac(
            "HS256 with the number of the public key as secret",
            "RS256",
            Signature::HmacNumber,
        ),
        must(
            "the kid of a right key over another's signature",
            with(json!({"kid": kid}), Some(&stranger), right),
        ),
        must(
            "no kid, and a stranger's signature",
            with(json!({"kid": null}), Some(&stranger), right),
        ),
        must(
            "a stranger's kid and signature",
            with(json!({}), Some(&stranger), right),
        ),
        must(
            "a kid that is a path",
            with(json!({"kid": "../../../../dev/null"}), Some(&stranger), right),
        ),
        must(
            "a kid that is a path, and an HMAC of it",
            with(
                json!({"kid": "/dev/null", "alg": "HS256"}),
                None,
                Signature::Flipped,
            ),
        ),
        must(
            "a kid that is a query",
            with(json!({"kid": "x' UNION SELECT 'k"}), Some(&stranger), right),
        ),
        must(
            "a kid that is an address",
            with(
                json!({"kid": format!("{trap}/jwks.json")}),
                Some(&stranger),
                right,
            ),
        ),
        must(
            "a kid of 4,000 characters",
            with(json!({"kid": "k".repeat(4_000)}), Some(&stranger), right),
        ),
        must(
            "a kid that is a number",
            with(json!({"kid": 1}), Some(&stranger), right),
        ),
        must(
            "its own key inside",
            with(json!({"jwk": own_jwk, "kid": null}), Some(&stranger), right),
        ),
        must(
            "its own key inside, under a right kid",
            with(json!({"jwk": own_jwk, "kid": kid}), Some(&stranger), right),
        ),
        must(
            "jku to its own keys",
            with(
                json!({"jku": format!("{trap}/jwks.json")}),
                Some(&stranger),
                right,
            ),
        ),
        must(
            "x5u to its own key",
            with(json!({"x5u": format!("{trap}/key.pem")}), Some(&stranger), right),
        ),
        must(
            "a critical extension that nobody knows",
            with(json!({"crit": ["glv"], "glv": true}), None, right),
        ),
        should(
            "an empty list of critical extensions",
            with(json!({"crit": []}), None, right),
        ),
        must(
            "an algorithm that does not exist",
            with(json!({"alg": "XS256"}), None, right),
        ),
        must("without an algorithm", with(json!({"alg": null}), None, right)),
        must(
            "the algorithm of another kind of key",
            with(
                json!({"alg": if alg == "RS256" { "ES256" } else { "RS256" }}),
                None,
                right,
            ),
        ),
    ]);
    let two_algs = format!(r#"{{"alg":"{alg}","kid":"{kid}","alg":"none"}}"#);
    out.push(must(
        "two algorithms, the last one none",
        Mint {
            raw_header: Some(two_algs),
            signature: Signature::Empty,
            ..tokens.right(role)
        },
    ));
    if tokens.config.typ != "JWT" {
        out.push(must(
            "an ID token of the right audience",
            with(json!({"typ": "JWT"}), None, right),
        ));
    }
    if !tokens.config.algorithms.is_empty() {
        let others = info
            .keys
            .iter()
            .filter(|key| key.current && !tokens.config.algorithms.contains(&key.alg));
        out.extend(others.map(|key| {
            must(
                format!("{}, which the target does not declare", key.alg),
                with(json!({}), Some(&key.alg), right),
            )
        }));
    }
    out
}

/// Right claims under signatures that are none.
fn signatures(tokens: &Tokens, role: &TokenRole) -> Vec<Minted> {
    let with = |signature| Mint {
        signature,
        ..tokens.right(role)
    };
    let mut tampered = tokens.right(role);
    tampered.tamper = object(json!({"sub": "admin", "jti": "changed"}));
    vec![
        must("its signature taken away", with(Signature::Empty)),
        must(
            "its signature and the last dot taken away",
            with(Signature::Absent),
        ),
        must("one bit of its signature turned", with(Signature::Flipped)),
        must("a signature of zeros", with(Signature::Zeros)),
        must("its subject changed after signing", tampered),
    ]
}

/// Tokens of another tenant of the same provider.
async fn foreign(tokens: &Tokens, role: &TokenRole) -> Result<Vec<Wrong>, UnscoredReason> {
    let elsewhere = |mint: Mint| async move { scored(tokens.lab.mint(FOREIGN, &mint).await).into_result() };
    let mut honest = tokens.right(role);
    honest
        .claims
        .insert("iss".to_owned(), json!(tokens.lab.issuer_url(FOREIGN)));
    let pretending = tokens.right(role);
    Ok(vec![
        token_of(
            "another tenant's token".to_owned(),
            Weight::Must,
            elsewhere(honest).await?,
        ),
        token_of(
            "another tenant's key under our issuer's name".to_owned(),
            Weight::Must,
            elsewhere(pretending).await?,
        ),
    ])
}

/// What is done to the text of a right token.
fn texts(right: &str) -> Vec<Wrong> {
    let parts: Vec<&str> = right.split('.').collect();
    let (head, body, sign) = (
        parts.first().copied().unwrap_or_default(),
        parts.get(1).copied().unwrap_or_default(),
        parts.get(2).copied().unwrap_or_default(),
    );
    let mut out: Vec<Wrong> = [
        ("no token at all", "a.b.c".to_owned()),
        ("three empty parts", "..".to_owned()),
        ("a fourth part", format!("{right}.{sign}")),
        ("an empty claims part", format!("{head}..{sign}")),
        ("an empty header part", format!(".{body}.{sign}")),
        ("parts in the wrong order", format!("{body}.{head}.{sign}")),
        (
            "its last ten characters missing",
            right
                .get(..right.len().saturating_sub(10))
                .unwrap_or_default()
                .to_owned(),
        ),
        ("twice, without a break", format!("{right}{right}")),
        (
            "20,000 characters of a claims part",
            format!("{head}.{}.{sign}", "A".repeat(20_000)),
        ),
    ]
    .into_iter()
    .map(|(name, token)| token_of(name.to_owned(), Weight::Must, token))
    .collect();
    let mut add = |name: &str, weight, apply: Box<dyn Fn(Call) -> Call + Send + Sync>| {
        out.push(Wrong {
            name: name.to_owned(),
            weight,
            apply,
        });
    };
    for parameter in ["access_token", "token"] {
        let token = right.to_owned();
        add(
            if parameter == "token" {
                "a right token in the query, as token"
            } else {
                "a right token in the query, as access_token"
            },
            Weight::Must,
            Box::new(move |call| {
                let path = format!("{}?{parameter}={token}", call.path_str());
                call.credential(Credential::None).secret(token.clone()).path(path)
            }),
        );
    }
    let token = right.to_owned();
    add(
        "a right token in a cookie",
        Weight::Must,
        Box::new(move |call| {
            let cookie = format!("access_token={token}; Authorization={token}");
            call.credential(Credential::None)
                .secret(token.clone())
                .header("cookie", &cookie)
        }),
    );
    let token = right.to_owned();
    add(
        "a right token as Basic",
        Weight::Must,
        Box::new(move |call| {
            call.credential(Credential::None)
                .secret(token.clone())
                .header("authorization", &format!("Basic {token}"))
        }),
    );
    let token = right.to_owned();
    add(
        "two Authorization headers, one of them wrong",
        Weight::Should,
        Box::new(move |call| bearer(call, &token).header("authorization", "Bearer a.b.c")),
    );
    out
}

fn token_of(name: String, weight: Weight, token: String) -> Wrong {
    Wrong {
        name,
        weight,
        apply: Box::new(move |call| bearer(call, &token)),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// The same letters in the other case; with no letters, another text.
fn swapped(text: &str) -> String {
    let other = text.to_uppercase();
    if other == text { format!("{text}-") } else { other }
}
