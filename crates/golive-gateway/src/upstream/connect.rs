//! S3, P2: the only way out of the gateway. Resolves a name, checks every address, connects to the one checked.
//!
//! A name that resolves to a private, loopback, link-local or otherwise special address is refused unless the
//! configuration names that range for this upstream: no request can make golive talk to its own network. The
//! address that was checked is the one connected to, so a second look-up cannot swap it.
//!
//! Never: follows redirects, reads proxy variables, or tries an address it has not checked.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use tokio::net::TcpStream;

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URI has no host.
    #[error("the address has no host")]
    NoHost,
    /// The name could not be resolved.
    #[error("cannot resolve `{host}`")]
    Resolve {
        /// The name.
        host: String,
        /// The resolver's word.
        #[source]
        source: io::Error,
    },
    /// Every address of the name lies in a range that is not allowed.
    #[error("`{host}` resolves to {address}, a private or special address that this upstream does not allow")]
    Forbidden {
        /// The name.
        host: String,
        /// The first such address.
        address: IpAddr,
    },
    /// No address answered.
    #[error("cannot connect to {address}")]
    Refused {
        /// The last address tried.
        address: SocketAddr,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The connect clock ran out.
    #[error("no connection within {0:?}")]
    TimedOut(Duration),
}

/// A connector with its rules; cheap to clone.
#[derive(Clone, Debug)]
pub struct CheckedConnector {
    allowed_private: Arc<[IpNet]>,
    timeout: Duration,
}

impl CheckedConnector {
    /// A connector that may reach public addresses and the private ranges named, within `timeout`.
    #[must_use]
    pub fn new(allowed_private: &[IpNet], timeout: Duration) -> Self {
        Self {
            allowed_private: allowed_private.into(),
            timeout,
        }
    }

    /// Resolves, checks and connects.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, ConnectError> {
        tokio::time::timeout(self.timeout, self.connect_unbounded(host, port))
            .await
            .unwrap_or(Err(ConnectError::TimedOut(self.timeout)))
    }

    async fn connect_unbounded(&self, host: &str, port: u16) -> Result<TcpStream, ConnectError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let addresses: Vec<SocketAddr> = match bare.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => tokio::net::lookup_host((bare, port))
                .await
                .map_err(|source| ConnectError::Resolve {
                    host: host.to_owned(),
                    source,
                })?
                .collect(),
        };
        let mut last = None;
        let mut forbidden = None;
        for address in addresses {
            if !self.may_reach(address.ip()) {
                forbidden.get_or_insert(address.ip());
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // Answers are small and latency is the product; a socket that refuses the option still works.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(source) => last = Some(ConnectError::Refused { address, source }),
            }
        }
        Err(match (last, forbidden) {
            (Some(refused), _) => refused,
            (None, Some(address)) => ConnectError::Forbidden {
                host: host.to_owned(),
                address,
            },
            (None, None) => ConnectError::Resolve {
                host: host.to_owned(),
                source: io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
            },
        })
    }

    fn may_reach(&self, address: IpAddr) -> bool {
        let plain = canonical(address);
        is_public(plain)
            || self
                .allowed_private
                .iter()
                .any(|net| net.contains(&plain) || net.contains(&address))
    }
}

impl tower::Service<Uri> for CheckedConnector {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let host = uri.host().ok_or(ConnectError::NoHost)?;
            let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") {
                443
            } else {
                80
            });
            this.connect(host, port).await.map(TokioIo::new)
        })
    }
}

/// The error of a connector behind another: `hyper-rustls` hands its inner one on in a box.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Bounds a whole connector, TLS handshake included, by the connect clock.
#[derive(Clone, Debug)]
pub struct Timed<C> {
    inner: C,
    timeout: Duration,
}

impl<C> Timed<C> {
    /// `inner`, given `timeout` for all it does.
    #[must_use]
    pub fn new(inner: C, timeout: Duration) -> Self {
        Self { inner, timeout }
    }
}

impl<C> tower::Service<Uri> for Timed<C>
where
    C: tower::Service<Uri>,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
    C::Response: 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let timeout = self.timeout;
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(ConnectError::TimedOut(timeout).into()),
            }
        })
    }
}

/// An IPv4 address dressed as IPv6 (mapped, compatible, NAT64, 6to4) is judged as what it is.
fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return v4.into();
    }
    let s = v6.segments();
    let tail = |high: u16, low: u16| {
        IpAddr::from([
            (high >> 8) as u8,
            (high & 0xff) as u8,
            (low >> 8) as u8,
            (low & 0xff) as u8,
        ])
    };
    match s {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => tail(high, low), // RFC 6052
        [0x2002, high, low, ..] => tail(high, low),               // RFC 3056
        _ => address,
    }
}

/// Whether an address is of the public internet: none of the special-purpose registries of RFC 6890.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (b == 18 || b == 19)))
        }
        IpAddr::V6(v6) => {
            let s = v6.segments();
            // Only 2000::/3 is allotted for global unicast (RFC 4291 §2.4).
            (s[0] & 0xe000) == 0x2000 && !(s[0] == 0x2001 && (s[1] == 0xdb8 || s[1] < 0x200))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public_in_any_dress() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "ff02::1",
        ] {
            assert!(!is_public(canonical(text.parse().unwrap())), "{text}");
        }
        for text in ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(is_public(canonical(text.parse().unwrap())), "{text}");
        }
    }

    #[tokio::test]
    async fn a_private_address_is_refused_unless_it_is_named() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let strict = CheckedConnector::new(&[], Duration::from_secs(5));
        assert!(matches!(
            strict.connect("127.0.0.1", port).await,
            Err(ConnectError::Forbidden { .. })
        ));
        assert!(matches!(
            strict.connect("localhost", port).await,
            Err(ConnectError::Forbidden { .. })
        ));
        let open = CheckedConnector::new(&["127.0.0.0/8".parse().unwrap()], Duration::from_secs(5));
        assert!(open.connect("127.0.0.1", port).await.is_ok());
    }
}
