//! S6, S5: the admin listener: ledger, keys and policies as JSON, for whom the policies permit it.
//!
//! One table lists its routes, each with what must be permitted. A path is matched as it stands: no case folding, no
//! decoding, no dot segments, no trailing slash. Nobody is told which paths there are before saying who they are.
//!
//! Never: answers without a valid credential, believes a `Host` that is not its own (a page in a browser could make
//! one), or shows a prompt, a reply or the text of a key that is not new.

mod host;
mod resources;
mod routes;
mod tickets;

pub use routes::{ROUTES, Route};

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use golive_gateway::Gateway;
use golive_gateway::auth::principal::Principal;
use golive_gateway::door::{ApiError, problem};
use golive_store::Uuid;
use http::header::{self, HeaderValue};
use http::request::Parts;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Why the admin listener cannot open.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address is taken or not ours.
    #[error(
        "cannot listen on {address} for operators; another process may hold the port: change admin.listen"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's word.
        #[source]
        source: io::Error,
    },
}

/// The admin listener, open.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    gateway: Arc<Gateway>,
    hosts: Vec<String>,
}

struct Door {
    gateway: Arc<Gateway>,
    hosts: Vec<String>,
}

impl Admin {
    /// Opens it.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn bind(section: &golive_config::Admin, gateway: Arc<Gateway>) -> Result<Self, AdminError> {
        let address = section.listen;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| AdminError::Bind { address, source })?;
        Ok(Self {
            listener,
            gateway,
            hosts: host::allowed(section),
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
        let door = Arc::new(Door {
            gateway: self.gateway,
            hosts: self.hosts,
        });
        // The table of routes is this module's own: a router that decodes or normalises would match more than it says.
        let router = Router::new().fallback(answer).with_state(door);
        axum::serve(
            self.listener,
            router.into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
    }
}

async fn answer(
    State(door): State<Arc<Door>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let id = Uuid::now_v7().to_string();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (head, body) = request.into_parts();
    let (who, answered) = match enter(&door, peer, &head).await {
        Ok((principal, route, name)) => {
            let request = Request::from_parts(head, body);
            let answered = resources::answer(&door.gateway, &principal, route, &name, request).await;
            (principal.id.clone(), answered)
        }
        Err((who, error)) => (who, Err(error)),
    };
    let mut response = match answered {
        Ok(value) => {
            let mut response = Response::new(Body::from(value.to_string()));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            if let Ok(id) = HeaderValue::from_str(&id) {
                response.headers_mut().insert("x-request-id", id);
            }
            response
        }
        Err(error) => problem(&error, &id).map(Body::from),
    };
    let status = response.status().as_u16();
    // A path may hold what a stranger wrote; the log's formats escape it.
    tracing::info!(request = id, principal = who, %method, path, status, "admin");
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

type Entered = (Arc<Principal>, &'static Route, String);

/// Who asks, for which route, about what. In this order: the host, the credential, the path, the method, the policies.
async fn enter(door: &Door, peer: SocketAddr, head: &Parts) -> Result<Entered, (String, ApiError)> {
    let nobody = |error| ("-".to_owned(), error);
    host::check(head, &door.hosts).map_err(nobody)?;
    let uri = &head.uri;
    let principal = door
        .gateway
        .identify(&head.headers, uri.query(), peer.ip())
        .await
        .map_err(nobody)?;
    let known = |error| (principal.id.clone(), error);
    let (route, name) = routes::find(&head.method, uri.path()).map_err(known)?;
    door.gateway
        .authorise(&principal, route.action, route.resource(&name))
        .map_err(known)?;
    Ok((principal, route, name))
}
