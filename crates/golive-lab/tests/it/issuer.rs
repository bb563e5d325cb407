//! S5, S6: the lab as an OIDC issuer, over real sockets.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use golive_lab::client::ClientError;
use golive_lab::{Fetched, Mint, Outage, Signature};
use serde_json::{Value, json};

use crate::http::*;

/// Long enough for an answer that comes at once.
const HANG: std::time::Duration = std::time::Duration::from_millis(300);

/// One part of a token, as JSON.
fn part(token: &str, nth: usize) -> Value {
    let text = URL_SAFE_NO_PAD
        .decode(token.split('.').nth(nth).unwrap())
        .unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn claims(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn discovery_leads_to_keys_and_every_fetch_is_recorded() {
    let lab = lab().await;
    let client = lab.client().unwrap();
    let path = "/_oidc/default/.well-known/openid-configuration";
    let discovery = get(lab.addr(), path).await.json();
    assert_eq!(discovery["issuer"], lab.issuer_url("default"));
    let jwks = get(lab.addr(), "/_oidc/default/jwks.json").await.json();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 3);
    assert!(
        !jwks.to_string().contains("\"d\""),
        "a private half stands in the published set"
    );
    get(lab.addr(), "/_oidc/default/trap/jwks.json").await;
    let fetches = client.fetches("default", 0).await.unwrap();
    let what: Vec<Fetched> = fetches.fetches.iter().map(|fetch| fetch.what).collect();
    assert_eq!(what, [Fetched::Discovery, Fetched::Keys, Fetched::Trap]);
    assert_eq!(fetches.fetches[2].path, "/trap/jwks.json");
    assert!(
        lab.timeline().counts().providers.is_empty(),
        "no provider was asked"
    );
}

#[tokio::test]
async fn a_token_is_made_as_it_is_asked_for() {
    let lab = lab().await;
    let client = lab.client().unwrap();
    let right = client.mint("default", &Mint::default()).await.unwrap();
    assert_eq!(part(&right, 0)["alg"], "ES256");
    assert_eq!(part(&right, 1)["iss"], lab.issuer_url("default"));
    let forged = Mint {
        claims: claims(json!({"sub": "ann", "exp": null, "roles": ["viewer"]})),
        header: claims(json!({"alg": "nOnE", "kid": null})),
        signature: Signature::Empty,
        tamper: claims(json!({"roles": ["admin"]})),
        ..Mint::default()
    };
    let token = client.mint("default", &forged).await.unwrap();
    assert!(token.ends_with('.'));
    assert_eq!(part(&token, 0), json!({"alg": "nOnE", "typ": "JWT"}));
    let shown = part(&token, 1);
    assert_eq!(
        (shown["sub"].as_str(), &shown["roles"]),
        (Some("ann"), &json!(["admin"]))
    );
    assert!(shown.get("exp").is_none());
    let raw = Mint {
        raw_claims: Some(r#"{"exp":1,"exp":2}"#.into()),
        ..Mint::default()
    };
    let token = client.mint("default", &raw).await.unwrap();
    let text = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    assert_eq!(text, br#"{"exp":1,"exp":2}"#);
    let unknown = Mint {
        key: Some("nobody".into()),
        ..Mint::default()
    };
    let refused = client.mint("default", &unknown).await.unwrap_err();
    assert!(
        matches!(refused, ClientError::Refused { status: 400, .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn keys_rotate_are_withdrawn_and_come_back_with_a_reset() {
    let lab = lab().await;
    let client = lab.client().unwrap();
    let kid = client.rotate_key("acme", "EdDSA").await.unwrap();
    assert_eq!(kid, "lab-EdDSA-2");
    client.withdraw_key("acme", "lab-EdDSA-1").await.unwrap();
    let of = |info: golive_lab::IssuerInfo| {
        let keys = info.keys.into_iter().filter(|key| key.published);
        keys.map(|key| key.kid).collect::<Vec<_>>()
    };
    let published = of(client.issuer("acme").await.unwrap());
    assert_eq!(published, ["lab-RS256-1", "lab-ES256-1", "lab-EdDSA-2"]);
    client.reset().await.unwrap();
    let published = of(client.issuer("acme").await.unwrap());
    assert_eq!(published, ["lab-RS256-1", "lab-ES256-1", "lab-EdDSA-1"]);
    assert!(client.rotate_key("acme", "HS256").await.is_err());
    assert!(client.withdraw_key("acme", "nobody").await.is_err());
    assert!(client.issuer("_x").await.is_err());
}

#[tokio::test]
async fn each_outage_is_what_it_says() {
    let lab = lab().await;
    let client = lab.client().unwrap();
    let path = "/_oidc/default/jwks.json";
    client.issuer("default").await.unwrap();
    for outage in Outage::ALL {
        client.set_outage("default", outage).await.unwrap();
        let mut stream = send(lab.addr(), "GET", path, "", "").await;
        match outage {
            Outage::Hang => {
                let waited = read_until(&mut stream, "HTTP/1.1");
                assert!(tokio::time::timeout(HANG, waited).await.is_err());
            }
            Outage::Refuse => {
                let read = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 9]).await;
                assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
            }
            Outage::Error => read_until(&mut stream, "HTTP/1.1 500").await,
            Outage::Garbage => read_until(&mut stream, "<!doctype").await,
            Outage::Huge => read_until(&mut stream, "content-length: 50000024").await,
            Outage::None => unreachable!(),
        }
    }
    client.set_outage("default", Outage::None).await.unwrap();
    assert_eq!(get(lab.addr(), path).await.status, 200);
}
