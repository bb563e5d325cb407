//! P1: a sender for HTTP/1.1 load: kept-alive connections to one declared address, one request at a time on
//! each, a new connection when none is free.
//!
//! Never: follows a redirect, retries, resolves a name twice or sends anywhere but to its one address.

mod connection;
mod endpoint;
mod exchange;

pub use connection::{Pool, PoolOptions};
pub use endpoint::{Endpoint, EndpointError};
pub use exchange::{Content, Examine, Head, StatusOnly};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use crate::reply::{Reply, Workload};

/// What is sent.
pub type Outgoing = Request<Full<Bytes>>;

/// Requests over a [`Pool`], each made by `request` and read by what `examine` makes.
pub struct HttpWorkload<R, X> {
    pool: Pool,
    request: R,
    examine: X,
    class: fn(u64) -> usize,
}

impl<R, X, E> HttpWorkload<R, X>
where
    R: Fn(u64) -> Outgoing + Sync,
    X: Fn(u64) -> E + Sync,
    E: Examine,
{
    /// One class. `request` gives the path and headers of request `number`; `Host` is added. `examine` decides
    /// what counts as content and as success: `|_| StatusOnly` for the status alone.
    pub fn new(pool: Pool, request: R, examine: X) -> Self {
        Self {
            pool,
            request,
            examine,
            class: |_| 0,
        }
    }

    /// Several classes: `class` says which one a request belongs to, by its number.
    #[must_use]
    pub fn with_classes(self, class: fn(u64) -> usize) -> Self {
        Self { class, ..self }
    }
}

impl<R, X, E> Workload for HttpWorkload<R, X>
where
    R: Fn(u64) -> Outgoing + Sync,
    X: Fn(u64) -> E + Sync,
    E: Examine,
{
    fn class(&self, number: u64) -> usize {
        (self.class)(number)
    }

    async fn send(&self, number: u64) -> Reply {
        self.pool
            .exchange((self.request)(number), &mut (self.examine)(number))
            .await
    }
}
