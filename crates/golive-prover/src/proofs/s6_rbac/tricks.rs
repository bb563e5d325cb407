//! S6.tampering: the tricks: what somebody without a right adds to a request in the hope to be taken for somebody with
//! it, or to get by the place that asks.

use http::Method;

use crate::target::Call;

/// One trick.
pub(super) struct Trick {
    pub(super) name: String,
    apply: Box<dyn Fn(Call) -> Call + Send + Sync>,
}

impl Trick {
    /// The call with the trick.
    pub(super) fn on(&self, call: Call) -> Call {
        (self.apply)(call)
    }
}

fn trick(name: impl Into<String>, apply: impl Fn(Call) -> Call + Send + Sync + 'static) -> Trick {
    Trick {
        name: name.into(),
        apply: Box::new(apply),
    }
}

/// Headers in which proxies and gateways tell who somebody is, or what they may do.
const HEADERS: [&str; 22] = [
    "x-user",
    "x-user-id",
    "x-user-role",
    "x-user-roles",
    "x-role",
    "x-roles",
    "x-forwarded-user",
    "x-forwarded-groups",
    "x-forwarded-email",
    "x-auth-request-user",
    "x-auth-request-groups",
    "x-remote-user",
    "remote-user",
    "x-consumer-username",
    "x-consumer-groups",
    "x-ms-client-principal-name",
    "x-goog-authenticated-user-email",
    "golive-user",
    "golive-role",
    "golive-roles",
    "golive-principal",
    "x-golive-role",
];

/// Somebody else's name or role in a header, one by one and then all with the word that opens most doors.
pub(super) fn headers(other: &str) -> Vec<Trick> {
    let mut out: Vec<Trick> = HEADERS
        .into_iter()
        .map(|header| {
            let other = other.to_owned();
            trick(format!("{header}: {other}"), move |call| {
                call.header(header, &other)
            })
        })
        .collect();
    out.push(trick("every identity header: admin", |call| {
        HEADERS
            .into_iter()
            .fold(call, |call, header| call.header(header, "admin"))
    }));
    out
}

/// The same place under another spelling or verb.
pub(super) fn paths(route: &str) -> Vec<Trick> {
    let (folder, last) = route.rsplit_once('/').unwrap_or(("", route));
    let (path, query) = last.split_once('?').unwrap_or((last, ""));
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    let spelt = |last: String| format!("{folder}/{last}{query}");
    let mut letters = path.chars();
    let first = letters
        .next()
        .map(|c| format!("%{:02x}", u32::from(c)))
        .unwrap_or_default();
    let rest: String = letters.collect();
    let whole = format!("{folder}/{path}");
    let variants = [
        ("a slash behind the path", spelt(format!("{path}/"))),
        (
            "two slashes before the path",
            format!("/{}", spelt(path.to_owned())),
        ),
        ("two slashes within the path", format!("{folder}//{path}{query}")),
        ("the path in capitals", format!("{}{query}", whole.to_uppercase())),
        ("its last step in capitals", spelt(path.to_uppercase())),
        ("a letter percent-encoded", spelt(format!("{first}{rest}"))),
        (
            "a slash percent-encoded",
            format!("{}%2f{path}{query}", if folder.is_empty() { "/" } else { folder }),
        ),
        ("a dot segment", format!("{folder}/./{path}{query}")),
        (
            "two dots behind a made-up step",
            format!("{folder}/x/../{path}{query}"),
        ),
        (
            "two dots, percent-encoded",
            format!("{folder}/x/%2e%2e/{path}{query}"),
        ),
        (
            "two dots behind a semicolon",
            format!("{folder}/x/..;/{path}{query}"),
        ),
        ("a semicolon behind the path", spelt(format!("{path};x=1"))),
        ("a NUL behind the path", spelt(format!("{path}%00"))),
        ("an ending behind the path", spelt(format!("{path}.json"))),
        ("a space behind the path", spelt(format!("{path}%20"))),
        (
            "a role in the query",
            format!("{whole}?role=admin&roles=admin&user=admin"),
        ),
    ];
    let mut out: Vec<Trick> = variants
        .into_iter()
        .map(|(name, path)| trick(name, move |call| call.path(path.clone())))
        .collect();
    for (header, value) in [
        ("x-original-url", "/livez"),
        ("x-rewrite-url", "/livez"),
        ("x-forwarded-prefix", "/livez"),
    ] {
        out.push(trick(format!("{header}: {value}"), move |call| {
            call.header(header, value)
        }));
    }
    for header in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let real = route.to_owned();
        out.push(trick(format!("the method in {header}"), move |call| {
            let method = if call.body_bytes().is_empty() {
                "GET"
            } else {
                "POST"
            };
            call.path(real.clone()).method(Method::PUT).header(header, method)
        }));
    }
    out
}

/// The same model or agent under another spelling, for those that are asked for by name.
pub(super) fn names(name: &str) -> Vec<(String, String)> {
    [
        ("a space behind its name", format!("{name} ")),
        ("a space before its name", format!(" {name}")),
        ("its name in capitals", name.to_uppercase()),
        ("a slash behind its name", format!("{name}/")),
        ("a folder before its name", format!("openai/{name}")),
        ("a dot segment before its name", format!("./{name}")),
        ("a NUL behind its name", format!("{name}\0")),
        ("a zero-width space in its name", format!("{name}\u{200b}")),
        ("a tag behind its name", format!("{name}:latest")),
    ]
    .into_iter()
    .filter(|(_, spelt)| spelt != name)
    .map(|(what, spelt)| (what.to_owned(), spelt))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_another_one_and_a_path_that_can_be_sent() {
        for route in ["/v1/chat/completions", "/admin/ledger?limit=3", "/x"] {
            for one in paths(route) {
                let call = one.on(Call::post(route));
                let changed = call.path_str() != route || !call.headers.is_empty();
                assert!(changed, "{route}: {}", one.name);
                assert!(call.path_str().starts_with('/'), "{route}: {}", one.name);
                assert!(
                    call.path_str().parse::<http::Uri>().is_ok(),
                    "{route}: {}",
                    one.name
                );
            }
        }
    }
}
