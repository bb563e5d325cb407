//! S6: the rows of policies, tools and the admin listener.

use super::Kind::{Files, Listen, Names};
use super::Preset::{Is, Required};
use super::{Section, key};

pub(super) const POLICIES: Section = Section {
    path: "policies",
    doc: "Who may do what, beside the built-in roles (`golive auth policies` prints those).",
    keys: &[key(
        "files",
        Files,
        Is("[]"),
        "[\"roles.cedar\"]",
        "Files of Cedar policies. They add to the built-in ones; a `forbid` wins over every `permit`. A changed file is taken over at once; a broken one keeps the old policies.",
    )],
};

pub(super) const TOOLS: Section = Section {
    path: "tools.*",
    doc: "A function tool that is governed: nobody may offer or be answered with it but these roles, and those that a policy permits. Tools without a table are open to every `caller`.",
    keys: &[key(
        "roles",
        Names,
        Is("[]"),
        "[\"support-lead\"]",
        "Roles that may use it.",
    )],
};

pub(super) const ADMIN: Section = Section {
    path: "admin",
    doc: "The listener of operators: ledger, keys and policies as JSON. Without this table there is none.",
    keys: &[
        key(
            "listen",
            Listen,
            Required,
            "\"127.0.0.1:8082\"",
            "Address and port, on loopback only. Every request needs a key whose role permits it.",
        ),
        key(
            "hosts",
            Names,
            Is("[]"),
            "[\"golive.internal\"]",
            "More names that a request's `Host` may hold, beside `localhost` and the address itself. For a proxy on this machine that ends TLS.",
        ),
    ],
};
