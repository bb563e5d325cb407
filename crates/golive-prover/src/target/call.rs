//! One request to the target, as a value: what will be sent, with which credential, and how long an answer may take.
//!
//! Never: sends. A `Call` names a path, never a host, so nothing can leave for another one.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use serde_json::Value;

/// How long an answer may take unless the call says otherwise.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The most of an answer's body that is kept unless the call says otherwise.
pub const BODY_MAX: usize = 4 * 1024 * 1024;

/// Which of the declared addresses a call goes to. There is no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The target's own `url`; the path is absolute on its host.
    Target,
    /// The declared `health_url`; the path is what stands behind it, usually nothing.
    Health,
    /// The declared `metrics_url`; the path is what stands behind it, usually nothing.
    Metrics,
    /// The declared `logs.url`; the path is what stands behind it, usually nothing.
    Logs,
    /// The declared `access.admin_url`, or the target's own host; the path is absolute there.
    Admin,
}

/// Who the request says it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// The target's first credential, in the format's usual header.
    Default,
    /// The credential of this role of the configuration.
    Role(String),
    /// This key text in the format's usual header; it is redacted in evidence.
    Key(String),
    /// Nothing is sent.
    None,
}

/// One request.
#[derive(Clone)]
pub struct Call {
    pub(crate) door: Door,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    pub(crate) credential: Credential,
    pub(crate) deadline: Duration,
    pub(crate) body_max: usize,
    pub(crate) fresh: bool,
    pub(crate) secrets: Vec<String>,
}

impl Call {
    /// A request for `path` (absolute on the target's host, with its query), with the default credential.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Call {
        Call {
            door: Door::Target,
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Bytes::new(),
            credential: Credential::Default,
            deadline: DEADLINE,
            body_max: BODY_MAX,
            fresh: false,
            secrets: Vec::new(),
        }
    }

    /// GET `path`.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Call {
        Call::new(Method::GET, path)
    }

    /// POST `path`.
    #[must_use]
    pub fn post(path: impl Into<String>) -> Call {
        Call::new(Method::POST, path)
    }

    /// GET of the declared health address, without a credential.
    #[must_use]
    pub fn health() -> Call {
        Call {
            door: Door::Health,
            credential: Credential::None,
            ..Call::get("")
        }
    }

    /// GET of the declared metrics address, without a credential.
    #[must_use]
    pub fn metrics() -> Call {
        Call {
            door: Door::Metrics,
            credential: Credential::None,
            ..Call::get("")
        }
    }

    /// GET of the declared address of the error log.
    #[must_use]
    pub fn logs() -> Call {
        Call {
            door: Door::Logs,
            ..Call::get("")
        }
    }

    /// A request of the administration, for an absolute path on its host.
    #[must_use]
    pub fn admin(method: Method, path: impl Into<String>) -> Call {
        Call {
            door: Door::Admin,
            ..Call::new(method, path)
        }
    }

    /// Another method on the same route.
    #[must_use]
    pub fn method(mut self, method: Method) -> Call {
        self.method = method;
        self
    }

    /// Another path.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Call {
        self.path = path.into();
        self
    }

    /// This body, sent as it is.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Call {
        self.body = body.into();
        self
    }

    /// This JSON body, with its content type.
    #[must_use]
    pub fn json(self, value: &Value) -> Call {
        self.header("content-type", "application/json")
            .body(value.to_string())
    }

    /// One more header (sent twice if named twice). A name or value that HTTP cannot carry is left out;
    /// such cases belong on a raw socket.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Call {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(value.as_bytes()),
        ) {
            self.headers.push((name, value));
        }
        self
    }

    /// Drops every header of that name set so far.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Call {
        self.headers
            .retain(|(have, _)| !have.as_str().eq_ignore_ascii_case(name));
        self
    }

    /// Who asks.
    #[must_use]
    pub fn credential(mut self, credential: Credential) -> Call {
        self.credential = credential;
        self
    }

    /// The longest the whole answer may take.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Call {
        self.deadline = deadline;
        self
    }

    /// The most bytes of the answer that are read; the rest is cut and the answer marked truncated.
    #[must_use]
    pub fn body_max(mut self, bytes: usize) -> Call {
        self.body_max = bytes;
        self
    }

    /// On a connection of its own, so that nothing of an earlier request shares its fate.
    #[must_use]
    pub fn on_fresh_connection(mut self) -> Call {
        self.fresh = true;
        self
    }

    /// This string of the request (a made-up key in a header or query) must not stand in evidence.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Call {
        self.secrets.push(secret.into());
        self
    }

    /// The body as it will be sent.
    #[must_use]
    pub fn body_bytes(&self) -> &Bytes {
        &self.body
    }

    /// The path as it will be sent.
    #[must_use]
    pub fn path_str(&self) -> &str {
        &self.path
    }
}
