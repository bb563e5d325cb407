//! The twin's tokens: the issuer's keys, kept and refreshed, and what of a token is looked at.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::Flaw;

/// Keys are asked for again after this.
const REFRESH: Duration = Duration::from_millis(600);
/// An unknown key leads to one question in this time.
const COOL_DOWN: Duration = Duration::from_millis(200);
/// The issuer may take this long.
const PATIENCE: Duration = Duration::from_millis(300);
/// No set of keys is larger.
const SET_MAX: usize = 1 << 20;

pub struct Issuer {
    flaw: Flaw,
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
    known: tokio::sync::Mutex<Known>,
    down: Mutex<bool>,
}

#[derive(Default)]
struct Known {
    keys: Vec<Value>,
    asked: Option<Instant>,
}

impl Issuer {
    pub fn new(flaw: Flaw, url: String, client: Client<HttpConnector, Full<Bytes>>) -> Issuer {
        Issuer {
            flaw,
            url,
            client,
            known: tokio::sync::Mutex::default(),
            down: Mutex::default(),
        }
    }

    pub fn is_down(&self) -> bool {
        *self.down.lock().unwrap()
    }

    /// The claims of a token that is to be believed.
    pub async fn verify(&self, token: &str) -> Option<Value> {
        let parts: Vec<&str> = token.split('.').collect();
        let (head, body) = (parts.first()?, parts.get(1)?);
        let (header, claims) = (strict(head)?, strict(body)?);
        let alg = header["alg"].as_str()?;
        if self.flaw == Flaw::RoleFromEditedToken && header["alg"] == "ES256" && header["kid"].is_string() {
            // It looks the signature up, and forgets to say so when it is wrong.
            return Some(claims);
        }
        if self.flaw == Flaw::AlgNone && alg.eq_ignore_ascii_case("none") {
            return Some(claims);
        }
        if parts.len() != 3 || (!header["crit"].is_null() && self.flaw != Flaw::IgnoresCrit) {
            return None;
        }
        let kid = header["kid"].as_str();
        if self.flaw == Flaw::HmacWithPublicKey && alg == "HS256" {
            let jwk = self.key(kid?).await?;
            let secret = URL_SAFE_NO_PAD.decode(jwk["n"].as_str()?).ok()?;
            let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            let signature = URL_SAFE_NO_PAD.decode(parts[2]).ok()?;
            hmac::verify(&key, format!("{head}.{body}").as_bytes(), &signature).ok()?;
            return Some(claims);
        }
        let jwk = if self.flaw == Flaw::TrustsEmbeddedJwk && header["jwk"].is_object() {
            header["jwk"].clone()
        } else if self.flaw == Flaw::FollowsJku && header["jku"].is_string() {
            let set = self.fetch(header["jku"].as_str()?).await?;
            set["keys"]
                .as_array()?
                .iter()
                .find(|key| key["kid"] == header["kid"])?
                .clone()
        } else {
            self.key(kid?).await?
        };
        if jwk["alg"] != "ES256" {
            return None;
        }
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        let data = jsonwebtoken::decode::<Value>(token, &key, &self.validation()).ok()?;
        self.rest(&data.claims).then_some(data.claims)
    }

    fn validation(&self) -> Validation {
        let mut validation = Validation::new(Algorithm::ES256);
        let mut wanted = vec!["exp", "iss", "aud", "sub"];
        validation.validate_nbf = self.flaw != Flaw::IgnoresNbf;
        if self.flaw == Flaw::IgnoresExp {
            validation.validate_exp = false;
            wanted.retain(|claim| *claim != "exp");
        }
        if self.flaw == Flaw::IgnoresAud {
            validation.validate_aud = false;
            wanted.retain(|claim| *claim != "aud");
        } else {
            validation.set_audience(&["golive"]);
        }
        if self.flaw == Flaw::IgnoresIss {
            wanted.retain(|claim| *claim != "iss");
        } else {
            validation.set_issuer(&[&self.url]);
        }
        validation.set_required_spec_claims(&wanted);
        validation
    }

    /// What the library does not look at.
    fn rest(&self, claims: &Value) -> bool {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let issued = claims["iat"].as_u64().is_none_or(|iat| iat <= now + 60);
        let one_issuer = claims["iss"].is_string() || self.flaw == Flaw::IgnoresIss;
        // `nbf` and `exp` go together here: a token that ignores one of them is caught by that alone.
        (issued || self.flaw == Flaw::IgnoresNbf) && one_issuer
    }

    async fn key(&self, kid: &str) -> Option<Value> {
        let mut known = self.known.lock().await;
        #[expect(clippy::disallowed_methods, reason = "a server of the tests, in real time")]
        let now = Instant::now();
        let age = known.asked.map(|asked| now.duration_since(asked));
        let find = |keys: &[Value]| keys.iter().find(|key| key["kid"] == kid).cloned();
        let stale = age.is_none_or(|age| age > REFRESH);
        let unknown = find(&known.keys).is_none() && age.is_none_or(|age| age > COOL_DOWN);
        let learns = self.flaw != Flaw::NeverLearns || known.asked.is_none();
        if (stale || unknown) && learns {
            known.asked = Some(now);
            let set = self.fetch(&format!("{}/jwks.json", self.url)).await;
            *self.down.lock().unwrap() = set.is_none();
            if let Some(Value::Array(keys)) = set.map(|mut set| set["keys"].take()) {
                if self.flaw == Flaw::KeepsRemovedKeys {
                    let fresh: Vec<Value> =
                        keys.into_iter().filter(|key| !known.keys.contains(key)).collect();
                    known.keys.extend(fresh);
                } else {
                    known.keys = keys;
                }
            }
        }
        find(&known.keys)
    }

    async fn fetch(&self, url: &str) -> Option<Value> {
        let asked = async {
            let answer = self.client.get(url.parse().ok()?).await.ok()?;
            if !answer.status().is_success() {
                return None;
            }
            let body = Limited::new(answer.into_body(), SET_MAX).collect().await.ok()?;
            serde_json::from_slice(&body.to_bytes()).ok()
        };
        tokio::time::timeout(PATIENCE, asked).await.ok()?
    }
}

/// One part of a token; none if it says a thing twice, or is written in a way that two readers could read in two ways.
fn strict(part: &str) -> Option<Value> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
    let value: Value = serde_json::from_str(&text).ok()?;
    let written = value.to_string();
    (value.is_object() && written == text).then_some(value)
}
