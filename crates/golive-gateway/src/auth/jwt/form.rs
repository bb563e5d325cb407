//! S5: the form of a token: three parts of strict base64url, a header of strict JSON, nothing critical that is not
//! understood (and nothing is).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use golive_config::Algorithm;
use golive_screen::validate::json::{self, Bounds};
use serde_json::{Map, Value};

use crate::auth::failure::Failure;

/// The longest token that is looked at.
pub const BYTES_MAX: usize = 8 * 1024;
/// The longest `kid`.
const KID_MAX: usize = 256;

/// A token whose form is right. Nothing in it is true yet.
#[derive(Debug)]
pub struct Jws<'a> {
    /// What it says it was signed with.
    pub algorithm: Algorithm,
    /// The key it names.
    pub kid: Option<String>,
    /// Its kind.
    pub typ: Option<String>,
    /// What was signed: header and payload as they were sent.
    pub signed: &'a [u8],
    /// The payload, decoded.
    pub payload: Vec<u8>,
    /// The signature, decoded.
    pub signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Whether a credential is meant as a token: no golive key has a dot.
    #[must_use]
    pub fn is_meant_by(text: &str) -> bool {
        text.contains('.')
    }

    /// Takes a token apart.
    ///
    /// # Errors
    /// The first thing wrong with its form.
    pub fn parse(text: &'a str) -> Result<Self, Failure> {
        if text.len() > BYTES_MAX {
            return Err(Failure::TokenForm);
        }
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Failure::TokenForm);
        };
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Failure::TokenForm);
        let signed = &text.as_bytes()[..header.len() + 1 + payload.len()];
        let header = object(&decode(header)?)?;
        if header.contains_key("crit") {
            return Err(Failure::TokenCritical);
        }
        let algorithm = match header.get("alg") {
            Some(Value::String(word)) => Algorithm::of(word).ok_or(Failure::TokenAlgorithm)?,
            _ => return Err(Failure::TokenAlgorithm),
        };
        let kid = optional_text(&header, "kid")?;
        if kid.as_ref().is_some_and(|kid| kid.len() > KID_MAX) {
            return Err(Failure::TokenForm);
        }
        let signature = decode(signature)?;
        if signature.is_empty() {
            return Err(Failure::TokenForm);
        }
        Ok(Self {
            algorithm,
            kid,
            typ: optional_text(&header, "typ")?,
            signed,
            payload: decode(payload)?,
            signature,
        })
    }

    /// The claims, as one JSON object.
    ///
    /// # Errors
    /// They are not strict JSON: a name given twice, for one.
    pub fn claims(&self) -> Result<Map<String, Value>, Failure> {
        object(&self.payload)
    }

    /// Whether its kind is the one wanted; where none is, one of those that access tokens have.
    #[must_use]
    pub fn is_of_type(&self, wanted: Option<&str>) -> bool {
        let plain = |typ: &str| {
            let typ = typ.to_ascii_lowercase();
            typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ)
        };
        match (self.typ.as_deref().map(plain), wanted) {
            (Some(typ), Some(wanted)) => typ == plain(wanted),
            (None, Some(_)) => false,
            (Some(typ), None) => typ == "jwt" || typ == "at+jwt",
            (None, None) => true,
        }
    }
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Failure> {
    let bounds = Bounds {
        depth: 16,
        nodes: 4096,
        ..Bounds::default()
    };
    json::check(bytes, &bounds).map_err(|_| Failure::TokenForm)?;
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(Failure::TokenForm),
    }
}

fn optional_text(header: &Map<String, Value>, name: &str) -> Result<Option<String>, Failure> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Failure::TokenForm),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, payload: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", encode(header), encode(payload), encode("signature"))
    }

    #[test]
    fn only_known_algorithms_in_their_own_spelling_pass() {
        for alg in [
            "none", "None", "nOnE", "NONE", "HS256", "HS512", "rs256", "ES256K", "", " RS256",
        ] {
            let text = token(&format!(r#"{{"alg":"{alg}"}}"#), "{}");
            assert_eq!(Jws::parse(&text).unwrap_err(), Failure::TokenAlgorithm, "{alg}");
        }
        let text = token(
            r#"{"alg":"EdDSA","jku":"http://evil.example/keys","jwk":{}}"#,
            "{}",
        );
        assert_eq!(Jws::parse(&text).unwrap().algorithm, Algorithm::EdDsa);
    }

    #[test]
    fn what_is_critical_is_refused_understood_or_not() {
        for crit in [r#"["x"]"#, "[]", r#"["exp"]"#, "null", r#"["b64"]"#] {
            let text = token(&format!(r#"{{"alg":"RS256","crit":{crit}}}"#), "{}");
            assert_eq!(Jws::parse(&text).unwrap_err(), Failure::TokenCritical, "{crit}");
        }
    }

    #[test]
    fn two_readings_of_one_token_are_refused() {
        for header in [
            r#"{"alg":"RS256","alg":"none"}"#,
            r#"{"alg":"RS256","\u0061lg":"none"}"#,
            r#"{"alg":"RS256"} "#.trim_end_matches(' ').repeat(2).as_str(),
            r#"["alg"]"#,
            r#"{"alg":"RS256","kid":7}"#,
        ] {
            assert_eq!(
                Jws::parse(&token(header, "{}")).unwrap_err(),
                Failure::TokenForm,
                "{header}"
            );
        }
        let text = token(r#"{"alg":"RS256"}"#, r#"{"exp":1,"exp":2}"#);
        assert_eq!(
            Jws::parse(&text).unwrap().claims().unwrap_err(),
            Failure::TokenForm
        );
    }

    #[test]
    fn length_parts_padding_and_alphabet_are_strict() {
        let good = token(r#"{"alg":"RS256"}"#, "{}");
        assert!(Jws::parse(&good).is_ok());
        let (head, _) = good.rsplit_once('.').unwrap();
        for bad in [
            String::new(),
            "a.b".to_owned(),
            format!("{good}."),
            format!("{good}.x"),
            format!("{head}."),
            format!("{good}="),
            format!("{good}+/"),
            format!(" {good}"),
            "x.".repeat(1 << 19),
            format!("{head}.{}", "A".repeat(1 << 20)),
        ] {
            assert_eq!(
                Jws::parse(&bad).unwrap_err(),
                Failure::TokenForm,
                "{}",
                &bad[..bad.len().min(99)]
            );
        }
    }

    #[test]
    fn a_token_of_another_kind_is_told_apart() {
        let of = |typ: &str, wanted| {
            let text = token(&format!(r#"{{"alg":"RS256"{typ}}}"#), "{}");
            Jws::parse(&text).unwrap().is_of_type(wanted)
        };
        assert!(of("", None) && of(r#","typ":"JWT""#, None) && of(r#","typ":"application/at+jwt""#, None));
        assert!(!of(r#","typ":"dpop+jwt""#, None) && !of(r#","typ":"logout+jwt""#, None));
        assert!(of(r#","typ":"AT+JWT""#, Some("at+jwt")));
        assert!(!of("", Some("at+jwt")) && !of(r#","typ":"JWT""#, Some("at+jwt")));
    }
}
