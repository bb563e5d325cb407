//! S6: which `Host` a request to the admin listener may hold. A page in a browser on the same machine can send
//! requests to loopback under a name of its own that resolves there (DNS rebinding); its `Host` gives it away.

use golive_gateway::door::ApiError;
use http::header;
use http::request::Parts;

/// The names that are believed: the listener's address, `localhost`, and those of the configuration.
pub(super) fn allowed(section: &golive_config::Admin) -> Vec<String> {
    let address = section.listen.ip();
    let own = if address.is_ipv6() {
        format!("[{address}]")
    } else {
        address.to_string()
    };
    let mut hosts = vec!["localhost".to_owned(), own];
    hosts.extend(section.hosts.iter().cloned());
    hosts
}

/// # Errors
/// 421: no host, two of them, or one that is not ours.
pub(super) fn check(head: &Parts, allowed: &[String]) -> Result<(), ApiError> {
    let mut values = head.headers.get_all(header::HOST).iter();
    let first = values.next().map(|value| value.to_str().unwrap_or_default());
    // HTTP/2 has `:authority` in its place.
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    let told = match (first, authority) {
        (Some(one), Some(other)) if one != other => None,
        (one, other) => one.or(other),
    };
    let known = told.filter(|_| values.next().is_none()).is_some_and(|told| {
        allowed
            .iter()
            .any(|host| host.eq_ignore_ascii_case(without_port(told)))
    });
    if known {
        return Ok(());
    }
    Err(ApiError::new(
        421,
        "wrong_host",
        "This listener does not answer for that Host. Name the host in admin.hosts, or call it by its address.",
    )
    .with_should_retry(false))
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn believed(hosts: &[&str]) -> bool {
        let section = golive_config::Admin {
            listen: "127.0.0.1:8082".parse().unwrap(),
            hosts: vec!["golive.internal".to_owned()],
        };
        let mut request = Request::builder().uri("/admin/keys");
        for host in hosts {
            request = request.header("host", *host);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        check(&head, &allowed(&section)).is_ok()
    }

    #[test]
    fn only_the_listeners_own_names_are_believed() {
        for host in ["127.0.0.1:8082", "127.0.0.1", "LOCALHOST:9", "golive.internal"] {
            assert!(believed(&[host]), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8082",
            "127.0.0.2",
            "",
            ":8082",
            "localhost:",
            "localhost:80x",
            "user@localhost",
        ] {
            assert!(!believed(&[host]), "{host}");
        }
        assert!(!believed(&[]));
        assert!(!believed(&["localhost", "localhost"]), "two are one too many");
    }
}
