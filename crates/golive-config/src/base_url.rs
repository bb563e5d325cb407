//! S1, S7: the address of an upstream or a target, taken apart once.
//!
//! Never: a password or key in the address (it would end up in logs), a query, a fragment.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// `http` or `https`, host, port and a path without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl {
    /// Whether bytes travel under TLS.
    pub scheme: Scheme,
    /// Host name in lower case, or an address (IPv6 without brackets).
    pub host: String,
    /// Port; the scheme's own if none was written.
    pub port: u16,
    /// Path without a slash at its end: `""`, `"/v1"`.
    pub path: String,
}

/// The two schemes golive speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// As written in an address.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// 80 or 443.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Why a text is not a base URL.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotABaseUrl {
    /// Neither scheme stands in front.
    #[error("begins with neither `https://` nor `http://`")]
    Scheme,
    /// No host.
    #[error("names no host")]
    Host,
    /// A character that no host, port or path may hold.
    #[error("is not a URL: {0}")]
    Syntax(String),
    /// `user:password@host`.
    #[error("carries a user name or password")]
    Credential,
    /// `?a=b` or `#c`.
    #[error("carries a query or a fragment")]
    Query,
}

impl BaseUrl {
    /// Host and port as a `Host` header carries them: IPv6 in brackets, the scheme's own port left out.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.scheme.default_port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// This address with `suffix` (which begins with a slash) behind its path.
    #[must_use]
    pub fn join(&self, suffix: &str) -> String {
        format!("{self}{suffix}")
    }

    /// The address, if the host is one and not a name.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The host is `localhost` or a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.ip().is_some_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority(), self.path)
    }
}

impl FromStr for BaseUrl {
    type Err = NotABaseUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            _ => return Err(NotABaseUrl::Scheme),
        };
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(authority_end);
        if authority.contains('@') {
            return Err(NotABaseUrl::Credential);
        }
        if path.contains(['?', '#']) {
            return Err(NotABaseUrl::Query);
        }
        if authority.is_empty() || authority.starts_with(':') {
            return Err(NotABaseUrl::Host);
        }
        let path = path.trim_end_matches('/');
        if let Some(odd) = path
            .chars()
            .find(|c| !c.is_ascii_graphic() || "\"<>\\^`{|}".contains(*c))
        {
            return Err(NotABaseUrl::Syntax(format!("{odd:?} in the path")));
        }
        let (host, written_port) = host_and_port(authority)?;
        let port = match written_port {
            None => scheme.default_port(),
            Some(port) => match port.parse::<u16>() {
                Ok(number) if number > 0 => number,
                _ => return Err(NotABaseUrl::Syntax(format!("port `{port}`"))),
            },
        };
        Ok(Self {
            scheme,
            host,
            port,
            path: path.to_owned(),
        })
    }
}

/// A name in lower case, an IPv4 address, or an IPv6 address without its brackets; and the port as
/// written. Names beyond ASCII must be written in their `xn--` form.
fn host_and_port(authority: &str) -> Result<(String, Option<&str>), NotABaseUrl> {
    let odd = |what: &str| NotABaseUrl::Syntax(format!("host `{what}`"));
    if let Some(rest) = authority.strip_prefix('[') {
        let (inside, behind) = rest.split_once(']').ok_or_else(|| odd(authority))?;
        let address: Ipv6Addr = inside.parse().map_err(|_| odd(inside))?;
        let port = if behind.is_empty() {
            None
        } else {
            Some(behind.strip_prefix(':').ok_or_else(|| odd(authority))?)
        };
        return Ok((address.to_string(), port));
    }
    let (host, port) = authority
        .split_once(':')
        .map_or((authority, None), |(host, port)| (host, Some(port)));
    if host.is_empty() {
        return Err(NotABaseUrl::Host);
    }
    if host.len() > 253
        || host
            .chars()
            .any(|c| !c.is_ascii_alphanumeric() && !"-._".contains(c))
    {
        return Err(odd(host));
    }
    Ok((host.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> BaseUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn an_address_comes_apart_and_goes_together_again() {
        let openai = url("https://api.openai.com/v1/");
        assert_eq!(
            (openai.host.as_str(), openai.port, openai.path.as_str()),
            ("api.openai.com", 443, "/v1")
        );
        assert_eq!(openai.join("/models"), "https://api.openai.com/v1/models");
        let local = url("HTTP://LocalHost:9900");
        assert_eq!(local.to_string(), "http://localhost:9900");
        assert!(local.is_loopback());
        let six = url("http://[::1]:9900/x");
        assert_eq!(
            (six.host.as_str(), six.authority().as_str()),
            ("::1", "[::1]:9900")
        );
        assert!(six.is_loopback());
        assert_eq!(url("http://[2001:db8::1]/x").port, 80);
    }

    #[test]
    fn an_address_with_a_password_a_query_or_no_host_is_refused() {
        for (text, why) in [
            ("https://user:pw@host/", NotABaseUrl::Credential),
            ("https://host/?key=1", NotABaseUrl::Query),
            ("https://host#x", NotABaseUrl::Query),
            ("ftp://host", NotABaseUrl::Scheme),
            ("host:80", NotABaseUrl::Scheme),
            ("https:///v1", NotABaseUrl::Host),
            ("https://:80/v1", NotABaseUrl::Host),
        ] {
            assert_eq!(text.parse::<BaseUrl>(), Err(why), "{text}");
        }
        for text in [
            "http://host:0",
            "http://host:99999",
            "http://ho st/",
            "http://host/a b",
            "http://host:",
        ] {
            assert!(
                matches!(text.parse::<BaseUrl>(), Err(NotABaseUrl::Syntax(_))),
                "{text}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn what_was_parsed_prints_to_what_parses_the_same(text in "https?://[a-z0-9.\\[\\]:-]{1,20}(/[a-z0-9/%]{0,10})?") {
            if let Ok(first) = text.parse::<BaseUrl>() {
                proptest::prop_assert_eq!(first.to_string().parse::<BaseUrl>(), Ok(first));
            }
        }
    }
}
