//! M1, M2: the probes listener: `/health` and `/metrics`, and `/livez` and `/readyz` for those who ask here.
//!
//! Plain HTTP, without authentication, on loopback unless the configuration exposes it: nothing it says is secret.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use golive_gateway::Gateway;
use golive_gateway::tls::Tls;
use http::{HeaderValue, StatusCode, header};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::health;
use crate::process::Process;

/// Why the probes listener cannot open.
#[derive(Debug, thiserror::Error)]
pub enum ProbesError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address} for probes; another process may hold the port: change probes.listen")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's word.
        #[source]
        source: io::Error,
    },
}

/// The probes listener, open.
#[derive(Debug)]
pub struct Probes {
    listener: TcpListener,
    gateway: Arc<Gateway>,
    tls: Option<Arc<Tls>>,
}

struct Shown {
    gateway: Arc<Gateway>,
    tls: Option<Arc<Tls>>,
    process: Option<Process>,
}

impl Probes {
    /// Opens it. `tls`: whose certificate `/health` watches.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn bind(
        address: SocketAddr,
        gateway: Arc<Gateway>,
        tls: Option<Arc<Tls>>,
    ) -> Result<Self, ProbesError> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| ProbesError::Bind { address, source })?;
        Ok(Self {
            listener,
            gateway,
            tls,
        })
    }

    /// The address it really has.
    ///
    /// # Errors
    /// The system will not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop`.
    ///
    /// # Errors
    /// The listener broke.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let shown = Arc::new(Shown {
            gateway: self.gateway,
            tls: self.tls,
            process: Process::new(),
        });
        let router = Router::new()
            .route("/health", get(health_door))
            .route("/metrics", get(metrics_door))
            .route("/livez", get(|| async { no_store("ok\n").into_response() }))
            .route("/readyz", get(ready_door))
            .with_state(shown);
        axum::serve(self.listener, router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
    }
}

async fn health_door(State(shown): State<Arc<Shown>>) -> Response {
    let health = health::judge(
        &shown.gateway.snapshot(),
        shown.tls.as_ref().map(|tls| tls.shown()).as_ref(),
    );
    let status = if health.well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut response = (status, no_store(health.body.to_string())).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/health+json"),
    );
    response
}

async fn ready_door(State(shown): State<Arc<Shown>>) -> Response {
    let ready = !shown.gateway.is_draining() && shown.gateway.store.writer().can_record().is_ok();
    if ready {
        no_store("ok\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, no_store("not ready\n")).into_response()
    }
}

async fn metrics_door(State(shown): State<Arc<Shown>>) -> Response {
    let Ok(mut text) = shown.gateway.metrics().encode() else {
        return (
            StatusCode::INTERNAL_SERVER_ERROR,
            "the metrics cannot be written\n",
        )
            .into_response();
    };
    if let Some(process) = &shown.process
        && text.ends_with("# EOF\n")
    {
        text.truncate(text.len() - "# EOF\n".len());
        process.write_to(&mut text);
        text.push_str("# EOF\n");
    }
    let mut response = no_store(text).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8"),
    );
    response
}

fn no_store(body: impl Into<String>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], body.into())
}
