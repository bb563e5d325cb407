//! S5, S6: the lab's issuer as a target trusts it: right tokens of each role, and the ones that are made from them.
//!
//! Never: signs anything itself, or lets a token stand in evidence.

use golive_checklist::judge::{Scored, UnscoredReason};
use golive_config::{TargetIssuer, TokenRole};
use golive_lab::Mint;
use golive_lab::client::{ClientError, LabClient};
use serde_json::{Map, Value, json};

use crate::ctx::Ctx;
use crate::target::{Call, Credential};

/// The algorithm of right tokens when the target declares none.
const ALGORITHM: &str = "ES256";

/// Makes the tokens of one target.
#[derive(Clone)]
pub(crate) struct Tokens {
    pub(crate) lab: LabClient,
    pub(crate) config: TargetIssuer,
    /// `iss`, as the target knows it.
    pub(crate) address: String,
}

impl Tokens {
    /// None: the target declares no issuer, or no lab that could play it.
    pub(crate) fn of(ctx: &Ctx) -> Option<Tokens> {
        let (lab, config) = (ctx.lab.clone()?, ctx.config.issuer.clone()?);
        let address = config
            .address
            .clone()
            .unwrap_or_else(|| lab.issuer_url(&config.name));
        Some(Tokens { lab, config, address })
    }

    /// The algorithm of right tokens.
    pub(crate) fn alg(&self) -> &str {
        self.config.algorithms.first().map_or(ALGORITHM, String::as_str)
    }

    /// A right token of a role, to be made.
    pub(crate) fn right(&self, role: &TokenRole) -> Mint {
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), json!(self.address));
        claims.insert("aud".to_owned(), json!(self.config.audience));
        claims.insert("sub".to_owned(), json!(role.subject));
        put(&mut claims, &self.config.roles_claim, json!(role.claim));
        let mut header = Map::new();
        header.insert("typ".to_owned(), json!(self.config.typ));
        Mint {
            key: Some(self.alg().to_owned()),
            claims,
            header,
            ..Mint::default()
        }
    }

    /// The claims that say `role`, alone: to be put into somebody else's token.
    pub(crate) fn role_claims(&self, role: &TokenRole) -> Map<String, Value> {
        let mut claims = Map::new();
        put(&mut claims, &self.config.roles_claim, json!(role.claim));
        claims
    }

    /// Has a token made.
    pub(crate) async fn mint(&self, wanted: &Mint) -> Scored<String> {
        scored(self.lab.mint(&self.config.name, wanted).await)
    }
}

/// What the lab said, or why nothing can be made of it.
pub(crate) fn scored<T>(answer: Result<T, ClientError>) -> Scored<T> {
    match answer {
        Ok(value) => Scored::Scored(value),
        Err(error) => Scored::Unscored(UnscoredReason::Transport(error.to_string())),
    }
}

/// The call with this token and no other credential, in whatever format.
pub(crate) fn bearer(call: Call, token: &str) -> Call {
    call.credential(Credential::None)
        .secret(token)
        .header("authorization", &format!("Bearer {token}"))
}

/// Sets a claim by its name, or by a JSON pointer if that begins with `/`.
fn put(claims: &mut Map<String, Value>, claim: &str, value: Value) {
    let Some(pointer) = claim.strip_prefix('/') else {
        claims.insert(claim.to_owned(), value);
        return;
    };
    let steps: Vec<String> = pointer
        .split('/')
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
        .collect();
    let mut inner = value;
    for step in steps.iter().skip(1).rev() {
        inner = json!({ step.as_str(): inner });
    }
    if let Some(first) = steps.first() {
        claims.insert(first.clone(), inner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_stand_where_the_target_looks_for_them() {
        let of = |claim: &str| {
            let mut claims = Map::new();
            put(&mut claims, claim, json!(["a"]));
            Value::Object(claims)
        };
        assert_eq!(of("roles"), json!({"roles": ["a"]}));
        assert_eq!(of("https://x.y/roles"), json!({"https://x.y/roles": ["a"]}));
        assert_eq!(
            of("/realm_access/roles"),
            json!({"realm_access": {"roles": ["a"]}})
        );
    }
}
