//! S5: the rows of callers that bring no API key.

use super::Kind::{File, Flag, Names, Networks, Text, Url};
use super::Preset::{Absent, Is, Required};
use super::{DAY, MINUTE, Section, key, seconds};

pub(super) const ISSUERS: Section = Section {
    path: "issuers.*",
    doc: "Who issues tokens (JWT) that are accepted, and by which rules.",
    keys: &[
        key(
            "issuer",
            Text,
            Required,
            "\"https://id.example.com\"",
            "The `iss` of its tokens, to the letter, a slash at its end included.",
        ),
        key(
            "jwks_url",
            Url,
            Absent("found by OpenID Connect discovery, below `issuer`"),
            "\"https://id.example.com/keys\"",
            "Where its keys are (a JSON Web Key Set).",
        ),
        key(
            "jwks_file",
            File,
            Absent("found by OpenID Connect discovery, below `issuer`"),
            "\"issuer-keys.json\"",
            "File that holds its keys instead. It is read again every few minutes.",
        ),
        key(
            "audience",
            Names,
            Required,
            "[\"golive\"]",
            "What its tokens for golive have in `aud`; one of these must be there.",
        ),
        key(
            "algorithms",
            Names,
            Is("[\"RS256\", \"PS256\", \"ES256\", \"EdDSA\"]"),
            "[\"ES256\"]",
            "Signature algorithms of its tokens. Known too: RS384, RS512, PS384, PS512, ES384, ES512. Never `none`, never HS….",
        ),
        key(
            "typ",
            Text,
            Absent("`JWT`, `at+jwt` or none"),
            "\"at+jwt\"",
            "The `typ` its tokens must have. `at+jwt` keeps ID tokens out (RFC 9068).",
        ),
        key(
            "roles_claim",
            Text,
            Absent("its callers have no role"),
            "\"/realm_access/roles\"",
            "Claim that holds the roles: its name, or a JSON pointer to it. A list, or words in one string.",
        ),
        key(
            "team_claim",
            Text,
            Absent("its callers have no team"),
            "\"department\"",
            "Claim that holds the team: its name, or a JSON pointer to it.",
        ),
        key(
            "user_claim",
            Text,
            Absent("the subject is the user"),
            "\"email\"",
            "Claim that names the user, where `sub` is not the person: its name, or a JSON pointer to it. A token without it is refused.",
        ),
        key(
            "agents",
            Names,
            Is("[\"*\"]"),
            "[\"support\"]",
            "Agents its callers may call. `*` is all.",
        ),
        key(
            "models",
            Names,
            Is("[\"*\"]"),
            "[]",
            "Models its callers may call. `*` is all.",
        ),
        key(
            "may_assert_users",
            Flag,
            Is("false"),
            "true",
            "Its callers may say on behalf of which user they call. Only for tokens of servers, never of people.",
        ),
        key(
            "leeway",
            seconds(0, 5 * MINUTE),
            Is("\"60s\""),
            "\"10s\"",
            "How far its clock and this machine's may be apart.",
        ),
        key(
            "max_age",
            seconds(1, 30 * DAY),
            Absent("`exp` alone bounds a token's life"),
            "\"1h\"",
            "The oldest token that is accepted, by `iat`, which must then be there.",
        ),
        key(
            "keys_max_age",
            seconds(1, DAY),
            Absent("what the issuer says, within 5 minutes and a day; an hour if it says nothing"),
            "\"1m\"",
            "The longest its keys are used before they are fetched again: so long a withdrawn key may still be good.",
        ),
        key(
            "private_addresses",
            Networks,
            Is("[]"),
            "[\"10.0.0.0/8\"]",
            "Private ranges it may be in. Without them golive refuses to call a private address (SSRF).",
        ),
        key(
            "ca_file",
            File,
            Absent("Mozilla's authorities"),
            "\"tls/internal-ca.pem\"",
            "PEM file with the authorities that vouch for it, instead of Mozilla's.",
        ),
    ],
};

pub(super) const CERTIFICATES: Section = Section {
    path: "certificates.*",
    doc: "A caller that shows a client certificate (mTLS). Needs `server.client_ca_file`.",
    keys: &[
        key(
            "san",
            Names,
            Required,
            "[\"uri:spiffe://example.com/billing\"]",
            "Names in the certificate (subject alternative names) that are this caller: `uri:`, `dns:` or `email:`. Whole names; the common name is never looked at.",
        ),
        key("roles", Names, Is("[]"), "[\"user\"]", "Roles of this caller."),
        key("team", Text, Absent("none"), "\"billing\"", "Its team."),
        key(
            "agents",
            Names,
            Is("[\"*\"]"),
            "[\"support\"]",
            "Agents it may call. `*` is all.",
        ),
        key(
            "models",
            Names,
            Is("[\"*\"]"),
            "[]",
            "Models it may call. `*` is all.",
        ),
        key(
            "may_assert_users",
            Flag,
            Is("false"),
            "true",
            "It may say on behalf of which user it calls. Only for servers that have checked who the user is.",
        ),
        key(
            "carries_others",
            Flag,
            Is("false"),
            "true",
            "Requests over it may bring a key or token of their own, and are then that caller's. Without it, a second identity is refused.",
        ),
    ],
};
