//! S5: the claims of a token: whose, for whom, from when to when, and what they make of its bearer.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use golive_config::Issuer;
use serde_json::{Map, Value};

use crate::auth::failure::Failure;

/// Roles of one token; more are refused, not cut: a cut list could lack the one that forbids.
pub const ROLES_MAX: usize = 100;
/// The longest role, team, subject or user.
const TEXT_MAX: usize = 256;
/// The last second of the year 9999: what lies beyond is no date.
const DATE_MAX: f64 = 253_402_300_799.0;

/// What a token says, once its rules were checked. Its signature is checked elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// The subject.
    pub subject: String,
    /// The user, where a claim of its own names it.
    pub user: Option<String>,
    /// Roles.
    pub roles: Vec<String>,
    /// Team.
    pub team: Option<String>,
    /// The second from which it is refused, leeway included.
    pub until_s: f64,
    /// SHA-256 of the certificate it is bound to (RFC 8705 §3.1).
    pub bound_to: Option<[u8; 32]>,
}

impl Claims {
    /// Checks the claims of a token of `issuer` at `now_s`, Unix time.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn check(claims: &Map<String, Value>, issuer: &Issuer, now_s: f64) -> Result<Self, Failure> {
        if claims.get("iss").and_then(Value::as_str) != Some(issuer.issuer.as_str()) {
            return Err(Failure::TokenIssuer);
        }
        if !is_for(claims.get("aud"), &issuer.audience) {
            return Err(Failure::TokenAudience);
        }
        let leeway = issuer.leeway.as_secs_f64();
        let mut until_s = date(claims, "exp")?.ok_or(Failure::TokenClaim)? + leeway;
        let issued = date(claims, "iat")?;
        if let Some(max_age) = issuer.max_age {
            let oldest = issued.ok_or(Failure::TokenClaim)? + max_age.as_secs_f64() + leeway;
            until_s = until_s.min(oldest);
        }
        if now_s >= until_s {
            return Err(Failure::TokenExpired);
        }
        let early = |at: Option<f64>| at.is_some_and(|at| at > now_s + leeway);
        if early(date(claims, "nbf")?) || early(issued) {
            return Err(Failure::TokenEarly);
        }
        let subject = text(claims.get("sub")).ok_or(Failure::TokenClaim)?;
        let user = match &issuer.user_claim {
            None => None,
            Some(name) => Some(text(named(claims, name)).ok_or(Failure::TokenClaim)?),
        };
        let team = match issuer.team_claim.as_ref().and_then(|name| named(claims, name)) {
            None => None,
            some => Some(text(some).ok_or(Failure::TokenClaim)?),
        };
        let roles = issuer.roles_claim.as_ref().and_then(|name| named(claims, name));
        Ok(Self {
            subject,
            user,
            roles: roles.map_or(Ok(Vec::new()), words)?,
            team,
            until_s,
            bound_to: bound_to(claims)?,
        })
    }
}

fn is_for(audience: Option<&Value>, ours: &[String]) -> bool {
    let is_ours = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| ours.iter().any(|our| our == text))
    };
    match audience {
        Some(Value::Array(list)) => list.iter().all(Value::is_string) && list.iter().any(is_ours),
        Some(one) => is_ours(one),
        None => false,
    }
}

/// A NumericDate (RFC 7519 §2), which may have a fraction. What is no date is refused, not ignored.
fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, Failure> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_f64()
            .filter(|at| (0.0..=DATE_MAX).contains(at))
            .map(Some)
            .ok_or(Failure::TokenClaim),
    }
}

/// A claim by its name, or by a JSON pointer.
fn named<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c Value> {
    match name.strip_prefix('/') {
        None => claims.get(name),
        Some(path) => {
            let mut steps = path
                .split('/')
                .map(|step| step.replace("~1", "/").replace("~0", "~"));
            let first = claims.get(&steps.next()?);
            steps.fold(first, |at, step| at?.get(&step))
        }
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    value
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty() && text.len() <= TEXT_MAX && !text.chars().any(char::is_control))
        .map(str::to_owned)
}

/// A list of words, or words in one string (as `scope` has them).
fn words(value: &Value) -> Result<Vec<String>, Failure> {
    let words: Vec<String> = match value {
        Value::String(text) => text
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
        Value::Array(list) => list
            .iter()
            .map(|entry| text(Some(entry)).ok_or(Failure::TokenClaim))
            .collect::<Result<_, _>>()?,
        _ => return Err(Failure::TokenClaim),
    };
    if words.len() > ROLES_MAX {
        return Err(Failure::TokenClaim);
    }
    Ok(words)
}

/// The certificate in `cnf`. Another kind of proof of possession cannot be checked here, so it is refused.
fn bound_to(claims: &Map<String, Value>) -> Result<Option<[u8; 32]>, Failure> {
    let Some(confirmation) = claims.get("cnf") else {
        return Ok(None);
    };
    confirmation
        .get("x5t#S256")
        .and_then(Value::as_str)
        .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok())
        .map(Some)
        .ok_or(Failure::TokenBinding)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use golive_config::{Algorithm, Grant, IssuerKeys};
    use serde_json::json;

    use super::*;

    const NOW: f64 = 1_800_000_000.0;

    fn issuer() -> Issuer {
        Issuer {
            name: "idp".into(),
            issuer: "https://id.example/".into(),
            keys: IssuerKeys::File("keys.json".into()),
            audience: vec!["golive".into(), "old-golive".into()],
            algorithms: Algorithm::PRESET.to_vec(),
            typ: None,
            roles_claim: Some("/realm/roles".into()),
            team_claim: Some("dept".into()),
            user_claim: None,
            grant: Grant {
                agents: vec!["*".into()],
                models: vec!["*".into()],
                may_assert_users: false,
            },
            leeway: Duration::from_secs(60),
            max_age: None,
            keys_max_age: None,
            private_addresses: vec![],
            ca_file: None,
        }
    }

    fn good() -> Value {
        json!({"iss": "https://id.example/", "aud": ["x", "golive"], "sub": "u-1", "exp": NOW + 100.5,
               "nbf": NOW, "iat": NOW, "realm": {"roles": ["user", "ops"]}, "dept": "sales"})
    }

    fn check(issuer: &Issuer, change: impl FnOnce(&mut Map<String, Value>)) -> Result<Claims, Failure> {
        let Value::Object(mut claims) = good() else {
            unreachable!()
        };
        change(&mut claims);
        Claims::check(&claims, issuer, NOW)
    }

    #[test]
    fn a_good_token_gives_its_subject_team_and_roles() {
        let claims = check(&issuer(), |_| {}).unwrap();
        assert_eq!(claims.subject, "u-1");
        assert_eq!(
            (claims.team.as_deref(), claims.roles),
            (Some("sales"), vec!["user".to_owned(), "ops".into()])
        );
        assert!((claims.until_s - (NOW + 160.5)).abs() < 1e-3);
    }

    #[test]
    fn each_broken_rule_is_refused_for_what_it_is() {
        use Failure::{TokenAudience, TokenBinding, TokenClaim, TokenEarly, TokenExpired, TokenIssuer};
        for (name, value, why) in [
            ("iss", json!("https://id.example"), TokenIssuer),
            ("iss", json!(["https://id.example/"]), TokenIssuer),
            ("aud", json!("golive2"), TokenAudience),
            ("aud", json!([]), TokenAudience),
            ("aud", json!([["golive"]]), TokenAudience),
            ("aud", json!(["golive", 1]), TokenAudience),
            ("exp", json!(NOW - 60.0), TokenExpired),
            ("exp", json!(0), TokenExpired),
            ("exp", json!("1900000000"), TokenClaim),
            ("exp", json!(-1), TokenClaim),
            ("exp", json!(1e300), TokenClaim),
            ("exp", json!(null), TokenClaim),
            ("nbf", json!(NOW + 61.0), TokenEarly),
            ("nbf", json!("soon"), TokenClaim),
            ("iat", json!(NOW + 61.0), TokenEarly),
            ("iat", json!(1e18), TokenClaim),
            ("sub", json!(""), TokenClaim),
            ("sub", json!(17), TokenClaim),
            ("sub", json!("a\u{1}b"), TokenClaim),
            ("dept", json!(["sales"]), TokenClaim),
            ("realm", json!({"roles": {"admin": true}}), TokenClaim),
            ("realm", json!({"roles": vec!["r"; 10_000]}), TokenClaim),
            ("cnf", json!({"jkt": "x"}), TokenBinding),
            ("cnf", json!({"x5t#S256": "too-short"}), TokenBinding),
        ] {
            let refused = check(&issuer(), |claims| {
                claims.insert(name.to_owned(), value.clone());
            });
            assert_eq!(refused, Err(why), "{name} = {value}");
        }
        for (name, why) in [
            ("iss", TokenIssuer),
            ("aud", TokenAudience),
            ("exp", TokenClaim),
            ("sub", TokenClaim),
        ] {
            let refused = check(&issuer(), |claims| {
                claims.remove(name);
            });
            assert_eq!(refused, Err(why), "without {name}");
        }
    }

    #[test]
    fn clocks_apart_within_the_leeway_are_forgiven_and_an_absurd_clock_refuses() {
        for (name, at) in [("exp", NOW - 59.0), ("nbf", NOW + 59.0), ("iat", NOW + 59.0)] {
            let fine = check(&issuer(), |claims| {
                claims.insert(name.to_owned(), json!(at));
            });
            assert!(fine.is_ok(), "{name}");
        }
        let Value::Object(claims) = good() else {
            unreachable!()
        };
        assert_eq!(Claims::check(&claims, &issuer(), 0.0), Err(Failure::TokenEarly));
        assert_eq!(
            Claims::check(&claims, &issuer(), 1e15),
            Err(Failure::TokenExpired)
        );
    }

    #[test]
    fn an_old_token_is_refused_where_an_age_was_set_and_one_without_age_too() {
        let strict = Issuer {
            max_age: Some(Duration::from_secs(10)),
            ..issuer()
        };
        let at = |seconds: f64| {
            check(&strict, |claims| {
                claims.insert("iat".into(), json!(NOW - seconds));
            })
        };
        assert!(at(69.0).is_ok());
        assert_eq!(at(70.0), Err(Failure::TokenExpired));
        let without = check(&strict, |claims| {
            claims.remove("iat");
        });
        assert_eq!(without, Err(Failure::TokenClaim));
    }

    #[test]
    fn the_user_is_the_claim_that_was_named_or_nobody() {
        let issuer = Issuer {
            user_claim: Some("email".into()),
            roles_claim: Some("scope".into()),
            ..issuer()
        };
        assert_eq!(check(&issuer, |_| {}), Err(Failure::TokenClaim));
        let claims = check(&issuer, |claims| {
            claims.insert("email".into(), json!("a@b.example"));
            claims.insert("scope".into(), json!("read  write"));
        });
        let claims = claims.unwrap();
        assert_eq!(claims.user.as_deref(), Some("a@b.example"));
        assert_eq!(claims.roles, ["read", "write"]);
    }
}
