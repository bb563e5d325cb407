//! S6: the table of the admin listener's routes: what each is, and what must be permitted for it.

use golive_gateway::door::ApiError;
use golive_gateway::policy::{Action, Kind, Resource};
use http::Method;

/// What a route answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Rows,
    Row,
    Keys,
    NewKey,
    RevokeKey,
    Matrix,
    Tickets,
    Ticket,
    AnswerTicket,
    SnoozeTicket,
    ResolveTicket,
}

/// One route.
#[derive(Debug)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path; `{id}` stands for one name.
    pub path: &'static str,
    /// What must be permitted …
    pub action: Action,
    /// … with what. `None` of a name: the one in the path.
    pub kind: Kind,
    name: Option<&'static str>,
    pub(super) what: What,
}

impl Route {
    /// What must be permitted with `name`, the one in the path.
    #[must_use]
    pub fn resource<'a>(&self, name: &'a str) -> Resource<'a> {
        Resource::new(self.kind, self.name.unwrap_or(name))
    }
}

const fn route(
    method: Method,
    path: &'static str,
    (action, kind, name): (Action, Kind, Option<&'static str>),
    what: What,
) -> Route {
    Route {
        method,
        path,
        action,
        kind,
        name,
        what,
    }
}

/// All of them. Of the ledger, the least that opens the door is the right to one's own rows; which rows are shown is
/// decided behind it.
pub const ROUTES: &[Route] = &[
    route(
        Method::GET,
        "/admin/ledger",
        (Action::Read, Kind::Ledger, Some("own")),
        What::Rows,
    ),
    route(
        Method::GET,
        "/admin/ledger/{id}",
        (Action::Read, Kind::Ledger, Some("own")),
        What::Row,
    ),
    route(
        Method::GET,
        "/admin/keys",
        (Action::Read, Kind::Key, Some("*")),
        What::Keys,
    ),
    route(
        Method::POST,
        "/admin/keys",
        (Action::Create, Kind::Key, Some("*")),
        What::NewKey,
    ),
    route(
        Method::POST,
        "/admin/keys/{id}/revoke",
        (Action::Revoke, Kind::Key, None),
        What::RevokeKey,
    ),
    route(
        Method::GET,
        "/admin/policy/matrix",
        (Action::Read, Kind::Policy, Some("all")),
        What::Matrix,
    ),
    route(
        Method::GET,
        "/admin/tickets",
        (Action::Read, Kind::Conversation, Some("all")),
        What::Tickets,
    ),
    route(
        Method::GET,
        "/admin/tickets/{id}",
        (Action::Read, Kind::Conversation, Some("all")),
        What::Ticket,
    ),
    route(
        Method::POST,
        "/admin/tickets/{id}/answer",
        (Action::Answer, Kind::Conversation, Some("all")),
        What::AnswerTicket,
    ),
    route(
        Method::POST,
        "/admin/tickets/{id}/snooze",
        (Action::Answer, Kind::Conversation, Some("all")),
        What::SnoozeTicket,
    ),
    route(
        Method::POST,
        "/admin/tickets/{id}/resolve",
        (Action::Answer, Kind::Conversation, Some("all")),
        What::ResolveTicket,
    ),
];

/// The route of a request, and the name in its path.
///
/// # Errors
/// 404 for a path that is none, 405 for a method that it does not take.
pub(super) fn find(method: &Method, path: &str) -> Result<(&'static Route, String), ApiError> {
    let mut takes = Vec::new();
    for route in ROUTES {
        let Some(name) = matched(route.path, path) else {
            continue;
        };
        if route.method == *method {
            return Ok((route, name.to_owned()));
        }
        takes.push(&route.method);
    }
    let error = match takes.as_slice() {
        [] => ApiError::new(404, "unknown_route", "There is nothing at this address."),
        [one] if **one == Method::GET => ApiError::new(405, "use_get", "This address answers GET only."),
        [_] => ApiError::new(405, "use_post", "This address answers POST only."),
        _ => ApiError::new(405, "use_get", "This address answers GET and POST only."),
    };
    Err(error.with_should_retry(false))
}

/// The name in `path` if it is of this pattern, byte for byte; empty for a pattern without one.
fn matched<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    let (mut name, mut parts) = ("", path.split('/'));
    for wanted in pattern.split('/') {
        let part = parts.next()?;
        if wanted == "{id}" {
            name = Some(part).filter(|part| is_name(part))?;
        } else if wanted != part {
            return None;
        }
    }
    parts.next().is_none().then_some(name)
}

/// Ids and names of keys, request ids. It begins with a letter or digit, so it is no dot segment.
fn is_name(text: &str) -> bool {
    text.len() <= 128
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_paths_are_routes() {
        for route in ROUTES {
            let path = route.path.replace("{id}", "key_1");
            let (found, name) = find(&route.method, &path).unwrap();
            assert_eq!((found.path, &found.method), (route.path, &route.method));
            assert_eq!(name, if route.path.contains("{id}") { "key_1" } else { "" });
            for trick in [
                format!("{path}/"),
                format!("/{path}"),
                path.to_uppercase(),
                path.replacen("/admin", "/Admin", 1),
                path.replacen("/admin/", "/admin//", 1),
                path.replacen("/admin/", "/admin/./", 1),
                path.replacen("/admin/", "/x/../admin/", 1),
                path.replacen("/admin/", "/admin%2f", 1),
                path.replacen("/admin", "/%61dmin", 1),
                format!("{path}%00"),
                format!("{path};x=1"),
                format!("{path}."),
                format!("{path}\\"),
            ] {
                // A dot may end a name; then the name is another one, and not the one that is protected.
                if let Ok((_, name)) = find(&route.method, &trick) {
                    assert_eq!(name, "key_1.", "{trick}");
                }
            }
        }
        for path in [
            "/admin/keys/../revoke",
            "/admin/keys/./revoke",
            "/admin/keys//revoke",
            "/admin",
            "/",
            "",
        ] {
            assert_eq!(find(&Method::POST, path).unwrap_err().status, 404, "{path}");
        }
        assert_eq!(find(&Method::DELETE, "/admin/keys").unwrap_err().status, 405);
        assert_eq!(find(&Method::HEAD, "/admin/ledger").unwrap_err().status, 405);
    }
}
