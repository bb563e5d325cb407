//! S7: a plain port that says where TLS is, and nothing else.
//!
//! The answer leads to the configured host: the name in a request is the caller's word, and a cache between could keep
//! a redirect to anywhere.
//!
//! Never: reads a body, knows a route, or keeps a connection open.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use golive_config::{BaseUrl, Inbound, Server as Section};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::ServerError;
use super::places::Place;

/// From the head of a request to the end of its connection.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The listener.
#[derive(Debug)]
pub(super) struct Redirects {
    listener: TcpListener,
    host: BaseUrl,
}

impl Redirects {
    /// Opens it, if the configuration asks for it.
    pub(super) async fn bind(section: &Section) -> Result<Option<Self>, ServerError> {
        let (Some(address), Some(host)) = (section.redirect_from, &section.host) else {
            return Ok(None);
        };
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| ServerError::BindRedirects { address, source })?;
        Ok(Some(Self {
            listener,
            host: host.clone(),
        }))
    }

    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// The next connection; never, if there is no such port.
    pub(super) async fn accept(redirects: Option<&Self>) -> Option<(TcpStream, SocketAddr)> {
        let Some(redirects) = redirects else {
            return std::future::pending().await;
        };
        match redirects.listener.accept().await {
            Ok(accepted) => Some(accepted),
            Err(error) => {
                // Out of file descriptors, mostly: the loop must not spin on it.
                tracing::warn!(%error, "cannot accept a connection to redirect");
                tokio::time::sleep(Duration::from_millis(50)).await;
                None
            }
        }
    }

    /// Answers the one request of a connection.
    pub(super) fn serve(
        &self,
        stream: TcpStream,
        place: Place,
        inbound: Inbound,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + Send + 'static {
        let host = self.host.clone();
        async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer(&host, &request);
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(inbound.head_timeout)
                .max_buf_size((inbound.head_size.0 as usize).max(8192))
                .max_headers(100)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                // Broken requests and callers who leave are theirs to know.
                _ = tokio::time::timeout(inbound.head_timeout + ANSWER_WITHIN, connection) => {}
                () = stop.cancelled() => {}
            }
            drop(place);
        }
    }
}

fn answer(host: &BaseUrl, request: &Request<Incoming>) -> Response<Empty<Bytes>> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    // `OPTIONS *` has no path of its own.
    let path = if path.starts_with('/') { path } else { "/" };
    let mut response = Response::new(Empty::new());
    match HeaderValue::from_str(&host.join(path)) {
        Ok(location) => {
            // 308: a POST stays a POST (RFC 9110 §15.4.9).
            *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
            response.headers_mut().insert(header::LOCATION, location);
        }
        Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    response
}
