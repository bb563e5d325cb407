//! S6: `[policies]`, `[tools.NAME]` and `[admin]`.

use std::collections::BTreeMap;

use super::{Need, Table, Walk};
use crate::meant::{Admin, PolicyFile, PolicySection, Probes, Server, ToolRule};

/// Most roles of one principal. A decision looks at each; a directory gives a person at most some hundred.
const ROLES_MAX: usize = 256;

pub(super) fn policies(walk: &mut Walk<'_>, root: &Table<'_>) -> PolicySection {
    let table = root.child(walk, "policies");
    let mut section = PolicySection::default();
    for written in table.names(walk, "files").unwrap_or_default() {
        let path = walk.join(&written.value);
        if section.files.iter().any(|file| file.path == path) {
            let message = format!("{} is named twice", path.display());
            walk.mistake(written.span, "bad_value", message)
                .help("its policies hold already; remove one of the two");
            continue;
        }
        let mut text = String::new();
        if walk.need == Need::Gateway {
            let read = crate::load::read_bounded(&path)
                .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other));
            match read {
                Ok(read) => text = read,
                Err(why) => {
                    walk.mistake(
                        written.span,
                        "unreadable_policies",
                        format!("cannot read {}: {why}", path.display()),
                    )
                    .help("check the path (relative to this file's folder) and that this user may read it; policies are UTF-8 text");
                }
            }
        }
        section.files.push(PolicyFile { path, text });
    }
    section
}

pub(super) fn tools(walk: &mut Walk<'_>, root: &Table<'_>) -> BTreeMap<String, ToolRule> {
    let mut tools = BTreeMap::new();
    for (name, table) in root.child(walk, "tools").named(walk) {
        let roles = table.names(walk, "roles").unwrap_or_default();
        too_many_roles(walk, &table, roles.len());
        let roles = roles.into_iter().map(|at| at.value).collect();
        tools.insert(name.value, ToolRule { roles });
    }
    tools
}

/// Notes a list of roles that no decision would look through.
pub(super) fn too_many_roles(walk: &mut Walk<'_>, table: &Table<'_>, count: usize) {
    if count > ROLES_MAX {
        let message = format!(
            "`{}.roles` holds {count} roles; {ROLES_MAX} are the most",
            table.path
        );
        walk.mistake(table.place("roles"), "out_of_range", message)
            .help("give a role that stands for the many, and say in a policy what it may do");
    }
}

pub(super) fn admin(
    walk: &mut Walk<'_>,
    root: &Table<'_>,
    server: &Server,
    probes: &Probes,
) -> Option<Admin> {
    let table = root.child(walk, "admin");
    let listen = table.listen(walk, "listen");
    let hosts = table.names(walk, "hosts").unwrap_or_default();
    for host in &hosts {
        let fits = host.value.len() <= 253
            && host
                .value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
        if !fits {
            let message = format!("`{}` is not a host name", super::table::shown(&host.value));
            walk.mistake(host.span.clone(), "bad_value", message)
                .help("write the bare name, without scheme and port, as in hosts = [\"golive.internal\"]");
        }
    }
    if !table.is_there() {
        return None;
    }
    let listen = listen?;
    let address = listen.value;
    if !address.ip().is_loopback() {
        let message = format!("the admin listener on {address} would send keys in the clear");
        walk.mistake(listen.span.clone(), "plain_http", message).help(
            "listen on 127.0.0.1; reach it through an SSH tunnel, or through a proxy on this machine that ends TLS (and name it in admin.hosts)",
        );
    }
    for (name, other) in [("server", server.listen), ("probes", probes.listen)] {
        if other == address && address.port() != 0 {
            let message = format!("`admin.listen` and `{name}.listen` are both {address}");
            walk.mistake(listen.span.clone(), "same_address", message)
                .help("give the admin listener a port of its own, as in \"127.0.0.1:8082\"");
        }
    }
    Some(Admin {
        listen: address,
        hosts: hosts
            .into_iter()
            .map(|at| at.value.to_ascii_lowercase())
            .collect(),
    })
}
