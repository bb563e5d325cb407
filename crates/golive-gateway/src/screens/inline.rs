//! S3: images and documents that a request names by their address, fetched here and sent on as bytes: the provider calls
//! nobody, and what it reads is what was looked at.
//!
//! Fetched through the egress client: no redirects, the resolved address checked, private ranges only where `[media]`
//! names them. Hosts were checked before, against the agent's own list.
//!
//! Never: believes a declared type, follows a redirect, or sends on what it could not look at.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use golive_config::MediaSection;
use golive_screen::validate::media::{self, Type};
use golive_wire::texts::{self, Holds, Media, New};
use golive_wire::{ApiError, Wire};
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::upstream::connect::{CheckedConnector, Timed};
use crate::upstream::{UpstreamClient, chain_of, tls_config};

/// Most addresses of one request that are fetched.
const FETCHED_MAX: usize = 16;
/// Most bytes of all of them.
const BYTES_MAX: usize = 32 << 20;
/// What models read as bytes inside a request.
const TYPES: [Type; 5] = [Type::Png, Type::Jpeg, Type::Gif, Type::Webp, Type::Pdf];

/// Fetches what requests name.
#[derive(Debug)]
pub struct Fetcher {
    client: UpstreamClient,
    settings: MediaSection,
    rules: media::Rules,
}

impl Fetcher {
    /// Makes the client.
    ///
    /// # Errors
    /// A sentence: its authorities cannot be read.
    pub fn new(settings: &MediaSection) -> Result<Self, String> {
        let connector = CheckedConnector::new(&settings.private_addresses, settings.timeout);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls_config(settings.ca_file.as_deref())?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(0) // hosts of other people's pictures: nothing is kept open
            .http1_max_buf_size(64 * 1024)
            .http2_max_header_list_size(64 * 1024)
            .build(Timed::new(https, settings.timeout));
        Ok(Self {
            client,
            rules: media::Rules {
                types: TYPES.to_vec(),
                bytes: usize::try_from(settings.size.0).unwrap_or(usize::MAX),
                ..media::Rules::default()
            },
            settings: settings.clone(),
        })
    }

    /// The body with the bytes of each image and document in the place of its address; `None`: there was none.
    ///
    /// # Errors
    /// One could not be fetched, or may not be sent on.
    pub async fn inline(&self, wire: Wire, body: &[u8]) -> Result<Option<Bytes>, ApiError> {
        let named: Vec<(Media, String)> = texts::media(body)
            .into_iter()
            .filter_map(|one| match &one.holds {
                Holds::Address(address) if !is_data(address) => {
                    let address = address.clone();
                    Some((one, address))
                }
                _ => None,
            })
            .collect();
        if named.is_empty() {
            return Ok(None);
        }
        if named.len() > FETCHED_MAX {
            return Err(refusal(
                &named[FETCHED_MAX].0,
                format!("more than {FETCHED_MAX} of them are named by an address"),
            ));
        }
        let fetching = async {
            let (mut changes, mut sum) = (Vec::with_capacity(named.len()), 0);
            for (one, address) in &named {
                let bytes = self.get(address).await.map_err(|why| refusal(one, why))?;
                sum += bytes.len();
                if sum > BYTES_MAX {
                    return Err(refusal(
                        one,
                        format!("all of them are larger than {BYTES_MAX} bytes"),
                    ));
                }
                let is = media::bytes_of("", &bytes, &self.rules).map_err(|why| refusal(one, why.message))?;
                let change = in_place(wire, one, is, &bytes).ok_or_else(|| {
                    refusal(one, "its place takes no bytes; send it as an image".to_owned())
                })?;
                changes.push(change);
            }
            Ok(changes)
        };
        let changes = tokio::time::timeout(self.settings.timeout, fetching)
            .await
            .unwrap_or_else(|_| {
                let why = format!("it did not come within {:?}", self.settings.timeout);
                Err(refusal(&named[0].0, why))
            })?;
        Ok(Some(texts::replace(body, &changes).into()))
    }

    /// The bytes at an address.
    async fn get(&self, address: &str) -> Result<Bytes, String> {
        let uri: Uri = address.parse().map_err(|_| "its address is none".to_owned())?;
        let request = Request::get(uri)
            .header(header::ACCEPT, "image/*, application/pdf")
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::USER_AGENT, concat!("golive/", env!("CARGO_PKG_VERSION")))
            .body(Full::default())
            .map_err(|_| "its address is none".to_owned())?;
        let response = self.client.request(request).await.map_err(|error| {
            // Which address it resolved to is for the operator alone.
            tracing::info!(
                why = chain_of(&error),
                "an image of a request could not be fetched"
            );
            "it cannot be fetched".to_owned()
        })?;
        if response.status() != 200 {
            return Err(format!(
                "its host answered {}; redirects are not followed",
                response.status().as_u16()
            ));
        }
        let mut body = response.into_body();
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| "it broke off".to_owned())?.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > self.rules.bytes {
                return Err(format!("it is larger than {} bytes", self.rules.bytes));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.freeze())
    }
}

/// What stands in the place of an address; `None`: nothing can.
fn in_place(wire: Wire, one: &Media, is: Type, bytes: &[u8]) -> Option<(Range<usize>, New<'static>)> {
    let name = one.pointer.rsplit('/').next().unwrap_or_default();
    let data = STANDARD.encode(bytes);
    match (wire, name) {
        (Wire::Anthropic, "url") => {
            let source = serde_json::json!({"type": "base64", "media_type": is.mime(), "data": data});
            Some((one.object.clone(), New::Json(Cow::Owned(source.to_string()))))
        }
        (Wire::OpenAi, "url" | "image_url") => {
            let uri = format!("data:{};base64,{data}", is.mime());
            Some((one.literal.clone(), New::Text(Cow::Owned(uri))))
        }
        _ => None,
    }
}

fn is_data(address: &str) -> bool {
    address
        .get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

fn refusal(one: &Media, why: String) -> ApiError {
    ApiError::new(
        400,
        "media_not_allowed",
        format!("An image or file of the request may not be sent on: {why}."),
    )
    .with_param(one.pointer.clone())
    .with_should_retry(false)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use golive_config::ByteSize;
    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A picture of one pixel.
    const PIXEL: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

    fn fetcher(private: bool) -> Fetcher {
        let loopback = "127.0.0.0/8".parse().expect("a range");
        Fetcher::new(&MediaSection {
            size: ByteSize(4096),
            timeout: Duration::from_secs(5),
            private_addresses: if private { vec![loopback] } else { Vec::new() },
            ca_file: None,
        })
        .expect("a fetcher")
    }

    /// A server that gives one answer to everybody; its address.
    async fn server(head: &'static str, body: Vec<u8>) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = format!("http://{}/a.png", listener.local_addr().expect("an address"));
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = [0; 4096];
                drop(socket.read(&mut request).await);
                let head = format!(
                    "{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                drop(socket.write_all(head.as_bytes()).await);
                drop(socket.write_all(&body).await);
            }
        });
        address
    }

    fn pixel() -> Vec<u8> {
        STANDARD.decode(PIXEL).expect("base64")
    }

    fn openai(address: &str) -> Vec<u8> {
        let part = json!({"type": "image_url", "image_url": {"url": address, "detail": "low"}});
        json!({"messages": [{"role": "user", "content": [part]}]})
            .to_string()
            .into_bytes()
    }

    #[tokio::test]
    async fn bytes_stand_in_the_place_of_an_address_in_each_format() {
        let address = server("HTTP/1.1 200 OK\r\ncontent-type: text/html", pixel()).await;
        let fetcher = fetcher(true);
        let read = |body: Bytes| -> Value { serde_json::from_slice(&body).expect("JSON") };
        let made = fetcher
            .inline(Wire::OpenAi, &openai(&address))
            .await
            .expect("a picture")
            .expect("changed");
        assert_eq!(
            read(made)["messages"][0]["content"][0]["image_url"],
            json!({"url": format!("data:image/png;base64,{PIXEL}"), "detail": "low"})
        );
        let part = json!({"type": "image", "source": {"type": "url", "url": address}});
        let body = json!({"messages": [{"role": "user", "content": [part]}]}).to_string();
        let made = fetcher
            .inline(Wire::Anthropic, body.as_bytes())
            .await
            .expect("a picture")
            .expect("changed");
        assert_eq!(
            read(made)["messages"][0]["content"][0]["source"],
            json!({"type": "base64", "media_type": "image/png", "data": PIXEL})
        );
        let none = fetcher
            .inline(Wire::OpenAi, &openai(&format!("data:image/png;base64,{PIXEL}")))
            .await;
        assert_eq!(none.expect("nothing to do"), None);
    }

    #[tokio::test]
    async fn what_is_no_picture_too_large_elsewhere_or_private_is_refused() {
        let told = async |fetcher: &Fetcher, address: &str| {
            let refused = fetcher
                .inline(Wire::OpenAi, &openai(address))
                .await
                .expect_err("a refusal");
            assert_eq!(refused.code, "media_not_allowed");
            assert_eq!(
                refused.param.as_deref(),
                Some("/messages/0/content/0/image_url/url")
            );
            refused.message
        };
        let open = fetcher(true);
        let page = server(
            "HTTP/1.1 200 OK\r\ncontent-type: image/png",
            b"<html></html>".to_vec(),
        )
        .await;
        assert!(told(&open, &page).await.contains("type"));
        let large = server("HTTP/1.1 200 OK", [pixel(), vec![0; 8192]].concat()).await;
        assert!(told(&open, &large).await.contains("larger than 4096 bytes"));
        let moved = server("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/", Vec::new()).await;
        assert!(told(&open, &moved).await.contains("302"));
        let near = server("HTTP/1.1 200 OK", pixel()).await;
        let why = told(&fetcher(false), &near).await;
        assert!(
            why.contains("cannot be fetched") && !why.contains("127.0.0.1"),
            "{why}"
        );
    }
}
