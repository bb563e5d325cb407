//! S3, S7: the public listener: the accept loop with its bounds, and the drain that ends it.
//!
//! A connection is bounded from its first byte: how many there are, in all and per address; how long the TLS
//! handshake, the head, the silence between requests and an unread answer may last.
//!
//! Never: lets one address, or one slow peer, take all the places.

mod guarded;
mod places;
mod redirect;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use golive_config::{Config, Inbound, Transport};
use golive_wire::ApiError;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::peer::{ClientCertificate, Peer};
use crate::body::Body;
use crate::gateway::Gateway;
use crate::tls::{Tls, TlsError};
use crate::{pipeline, reply};
use guarded::{Activity, Guarded};
use places::Places;
use redirect::Redirects;

/// After the drain deadline, so long for the last error events and rows to get out.
const CUT_GRACE: Duration = Duration::from_secs(2);
/// How often changed certificate files are looked for.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(10);

/// Why the public listener cannot open.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}; another process may hold the port: change server.listen")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The address of the redirects is taken or not ours.
    #[error(
        "cannot listen on {address} for redirects; ports below 1024 need a right of their own: change server.redirect_from"
    )]
    BindRedirects {
        /// The address.
        address: SocketAddr,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The certificate or the key is not usable.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Requests that were in progress when it began.
    pub in_flight: i64,
    /// Requests that the deadline or a second signal cut.
    pub cut: u64,
}

/// The public listener, open.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    gateway: Arc<Gateway>,
    tls: Option<Arc<Tls>>,
    hsts: Option<HeaderValue>,
    redirects: Option<Redirects>,
    inbound: Inbound,
    trusted_proxies: Vec<IpNet>,
}

impl Server {
    /// Opens the listener of the configuration.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub async fn bind(config: &Config, gateway: Arc<Gateway>) -> Result<Self, ServerError> {
        let address = config.server.listen;
        let tls = Tls::of(
            &config.server.transport,
            config.server.client_certificates.as_ref(),
        )?;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| ServerError::Bind { address, source })?;
        if let Some(tls) = &tls
            && tls.has_run_out(now_s())
        {
            tracing::error!(
                "the certificate has run out: callers will refuse it; put a renewed one in its place"
            );
        }
        let redirects = Redirects::bind(&config.server).await?;
        let hsts = match &config.server.transport {
            Transport::Tls { hsts: Some(age), .. } => {
                HeaderValue::from_str(&format!("max-age={}; includeSubDomains", age.as_secs())).ok()
            }
            _ => None,
        };
        Ok(Self {
            listener,
            gateway,
            tls,
            hsts,
            redirects,
            inbound: config.inbound,
            trusted_proxies: config.server.trusted_proxies.clone(),
        })
    }

    /// The address it really has; the port differs from the configured one if that was 0.
    ///
    /// # Errors
    /// The system will not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The address of the plain port that only redirects, if there is one.
    #[must_use]
    pub fn redirects_from(&self) -> Option<SocketAddr> {
        self.redirects.as_ref().and_then(Redirects::local_addr)
    }

    /// The TLS in use, for the health of its certificate.
    #[must_use]
    pub fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    /// Serves until `stop`, then lets what is in flight finish within `drain` and says how it went.
    pub async fn run(self, stop: CancellationToken, drain: Duration) -> Drained {
        let gateway = Arc::clone(&self.gateway);
        let connections = TaskTracker::new();
        let places = Places::new(self.inbound.connections, self.inbound.connections_per_address);
        let mut certificates = tokio::time::interval(CERTIFICATES_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = certificates.tick() => self.refresh_certificates(),
                redirected = Redirects::accept(self.redirects.as_ref()) => {
                    if let Some((stream, peer)) = redirected
                        && let Some(place) = places.take(peer.ip(), false)
                        && let Some(redirects) = &self.redirects
                    {
                        connections.spawn(redirects.serve(stream, place, self.inbound, stop.clone()));
                    }
                }
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => self.welcome(stream, peer, &places, &connections, &stop),
                    Err(error) => {
                        // Out of file descriptors, mostly: the loop must not spin on it.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        }
        gateway.begin_drain();
        let in_flight = gateway.metrics.in_flight.get();
        drop(self.listener);
        drop(self.redirects);
        connections.close();
        gateway.tasks.close();
        let finished = async {
            connections.wait().await;
            gateway.tasks.wait().await;
        };
        tokio::pin!(finished);
        let in_time = tokio::select! {
            () = &mut finished => true,
            () = gateway.cut.cancelled() => false,
            () = tokio::time::sleep(drain) => false,
        };
        if !in_time {
            gateway.cut.cancel();
            // What has not ended by now ends with the process; its rows settle as lost at the next start.
            let _ = tokio::time::timeout(CUT_GRACE, finished).await;
        }
        Drained {
            in_flight,
            cut: gateway.cut_requests(),
        }
    }

    fn refresh_certificates(&self) {
        match self.tls.as_ref().map(|tls| tls.refresh(now_s())) {
            Some(Ok(true)) => tracing::info!("the certificate was read again"),
            Some(Err(error)) => {
                tracing::error!(
                    error = crate::upstream::chain_of(&error),
                    "the new certificate cannot be used; the old one stays in use"
                );
            }
            Some(Ok(false)) | None => {}
        }
    }

    fn welcome(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        places: &Arc<Places>,
        connections: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let of_a_proxy = self.trusted_proxies.iter().any(|net| net.contains(&peer.ip()));
        let Some(place) = places.take(peer.ip(), of_a_proxy) else {
            tracing::debug!(%peer, "connection refused: too many are open");
            return; // dropped: closed at once
        };
        // Answers are small; waiting for more bytes to send with them would only add delay.
        let _ = stream.set_nodelay(true);
        let gateway = Arc::clone(&self.gateway);
        let tls = self.tls.as_ref().map(|tls| tls.current());
        let (hsts, inbound, stop) = (self.hsts.clone(), self.inbound, stop.clone());
        connections.spawn(async move {
            gateway.metrics.connections.inc();
            let served = match tls {
                None => plain(Arc::clone(&gateway), stream, peer, inbound, stop).await,
                Some(config) => {
                    encrypted(Arc::clone(&gateway), stream, peer, config, hsts, inbound, stop).await
                }
            };
            if let Err(error) = served {
                tracing::debug!(%peer, error, "a connection ended early");
            }
            gateway.metrics.connections.dec();
            drop(place);
        });
    }
}

/// Unix seconds.
fn now_s() -> i64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(elapsed.unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}

async fn plain(
    gateway: Arc<Gateway>,
    stream: TcpStream,
    peer: SocketAddr,
    inbound: Inbound,
    stop: CancellationToken,
) -> Result<(), String> {
    let seen = tokio::select! {
        biased;
        seen = tokio::time::timeout(inbound.head_timeout, speaks_http2(&stream)) => seen,
        () = stop.cancelled() => return Ok(()), // nothing was asked on it yet
    };
    let http2 = seen
        .map_err(|_| "no request came".to_owned())?
        .map_err(|e| e.to_string())?;
    let peer = Peer {
        address: peer.ip(),
        certificate: None,
    };
    converse(gateway, stream, peer, http2, None, inbound, stop).await
}

async fn encrypted(
    gateway: Arc<Gateway>,
    stream: TcpStream,
    peer: SocketAddr,
    config: Arc<rustls::ServerConfig>,
    hsts: Option<HeaderValue>,
    inbound: Inbound,
    stop: CancellationToken,
) -> Result<(), String> {
    let handshake = tokio_rustls::TlsAcceptor::from(config).accept(stream);
    let shaken = tokio::select! {
        biased;
        shaken = tokio::time::timeout(inbound.handshake_timeout, handshake) => shaken,
        () = stop.cancelled() => return Ok(()), // nothing was asked on it yet
    };
    let stream = shaken
        .map_err(|_| "the TLS handshake took too long".to_owned())?
        .map_err(|e| e.to_string())?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let peer = Peer {
        address: peer.ip(),
        certificate: shown.map(|der| Arc::new(ClientCertificate::read(der))),
    };
    converse(gateway, stream, peer, http2, hsts, inbound, stop).await
}

/// Whether the first bytes are HTTP/2's preface (RFC 9113 §3.4). `PRI` is no method of HTTP/1.1.
async fn speaks_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0; 3];
    loop {
        stream.readable().await?;
        let seen = stream.peek(&mut first).await?;
        if seen == 0 || first[..seen] != b"PRI"[..seen] {
            return Ok(false);
        }
        if seen == first.len() {
            return Ok(true);
        }
        // A peek does not consume, so the socket stays readable: give the rest time to come.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn converse<S>(
    gateway: Arc<Gateway>,
    stream: S,
    peer: Peer,
    http2: bool,
    hsts: Option<HeaderValue>,
    inbound: Inbound,
    stop: CancellationToken,
) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Arc::new(Activity::default());
    let peer = Arc::new(peer);
    let io = TokioIo::new(Guarded::new(stream, Arc::clone(&activity), http2, &inbound));
    let cut = gateway.cut.clone();
    let tasks = gateway.tasks.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let gateway = Arc::clone(&gateway);
        let hsts = hsts.clone();
        let busy = activity.begin();
        let peer = Arc::clone(&peer);
        async move {
            let mut response = answer(gateway, peer, request).await;
            if let Some(hsts) = hsts {
                response
                    .headers_mut()
                    .insert(http::header::STRICT_TRANSPORT_SECURITY, hsts);
            }
            Ok::<_, Infallible>(response.map(|body| busy.around(body)))
        }
    });
    if http2 {
        let mut builder = hyper::server::conn::http2::Builder::new(Tracked(tasks));
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(inbound.h2_streams)
            .max_pending_accept_reset_streams(inbound.h2_resets as usize)
            .max_header_list_size(u32::try_from(inbound.head_size.0).unwrap_or(u32::MAX))
            .keep_alive_interval(inbound.idle_timeout / 2)
            .keep_alive_timeout(Duration::from_secs(20));
        let connection = builder.serve_connection(io, service);
        tokio::pin!(connection);
        tokio::select! {
            done = connection.as_mut() => return done.map_err(|e| e.to_string()),
            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        last_words(connection, cut).await
    } else {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            // The guard watches the head, and tells a head in progress from a connection at rest.
            .header_read_timeout(None)
            .max_buf_size((inbound.head_size.0 as usize).max(8192))
            .max_headers(100)
            .pipeline_flush(false);
        let connection = builder.serve_connection(io, service);
        tokio::pin!(connection);
        tokio::select! {
            done = connection.as_mut() => return done.map_err(|e| e.to_string()),
            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        last_words(connection, cut).await
    }
}

/// Finishes what a connection has begun; once cut, only for the grace that error events need.
async fn last_words<C>(connection: C, cut: CancellationToken) -> Result<(), String>
where
    C: Future<Output = hyper::Result<()>>,
{
    tokio::pin!(connection);
    tokio::select! {
        done = connection.as_mut() => return done.map_err(|e| e.to_string()),
        () = cut.cancelled() => {}
    }
    match tokio::time::timeout(CUT_GRACE, connection).await {
        Ok(done) => done.map_err(|e| e.to_string()),
        Err(_) => Err("cut by the shutdown".to_owned()),
    }
}

async fn answer(gateway: Arc<Gateway>, peer: Arc<Peer>, request: Request<Incoming>) -> Response<Body> {
    let cut = gateway.cut.clone();
    let counting = Arc::clone(&gateway);
    let wire = pipeline::wire_of(&request);
    let id = uuid::Uuid::now_v7();
    tokio::select! {
        biased;
        // On the heap once: the whole way of a request is kilobytes of state, and each holder would copy them.
        response = Box::pin(pipeline::serve(gateway, id, &peer, request)) => response,
        () = cut.cancelled() => {
            // Dropping the trip settles it as cut; the caller still gets a typed word, under the same id.
            counting.count_cut();
            let error = ApiError::new(503, "shutting_down", "This server is restarting. Please try again in a few seconds.")
                .with_retry_after(Duration::from_secs(2));
            reply::bare_error(wire, &error, &id.to_string())
        }
    }
}

/// Spawns HTTP/2's tasks where the drain can wait for them.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        self.0.spawn(async move {
            future.await;
        });
    }
}
