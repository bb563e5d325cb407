//! S1: the rows of the prover's targets.

use super::Kind::{
    Choice, Command, Count, File, Files, Flag, Load, Names, Pointer, RateOrOff, Size, Text, Url, Variable,
};
use super::Preset::{Absent, Is, Required};
use super::{DAY, HOUR, KIB, MIB, Section, key, millis};

pub(super) const TARGETS: Section = Section {
    path: "targets.*",
    doc: "A deployment under proof by `golive check`: golive or anything else.",
    keys: &[
        key(
            "url",
            Url,
            Required,
            "\"https://staging.example.com/v1\"",
            "Its base URL, as an SDK takes it; for `http` the agent's own address.",
        ),
        key(
            "format",
            Choice(&["openai", "anthropic", "http"]),
            Is("\"openai\""),
            "\"anthropic\"",
            "Its wire format.",
        ),
        key(
            "model",
            Text,
            Absent("required but for `http`"),
            "\"support\"",
            "What requests ask for in `model`.",
        ),
        key(
            "staging",
            Flag,
            Is("false"),
            "true",
            "It may be flooded, attacked and broken. Without it such proofs are refused.",
        ),
        key(
            "scaled",
            Flag,
            Is("false"),
            "true",
            "Its numbers were made smaller for the run. The report says so.",
        ),
        key(
            "health_url",
            Url,
            Absent("M1 is unproven"),
            "\"http://127.0.0.1:8081/health\"",
            "Its health address.",
        ),
        key(
            "metrics_url",
            Url,
            Absent("M2 is unproven"),
            "\"http://127.0.0.1:8081/metrics\"",
            "Its metrics, in Prometheus or OpenMetrics text.",
        ),
        key(
            "lab_url",
            Url,
            Absent("what needs the lab is unproven"),
            "\"http://127.0.0.1:9900\"",
            "Control address of the lab that plays its model. Needs `staging = true`.",
        ),
        key(
            "lab_provider",
            Text,
            Is("\"default\""),
            "\"primary\"",
            "The lab's virtual provider that the target calls.",
        ),
        key(
            "ca_file",
            File,
            Absent("Mozilla's authorities"),
            "\"tls/internal-ca.pem\"",
            "PEM file with the authorities that vouch for it, instead of Mozilla's.",
        ),
        key(
            "repository",
            File,
            Absent("S1 is unproven but for what the target shows"),
            "\".\"",
            "S1: the folder of its repository, with its whole history.",
        ),
        key(
            "scan_baseline",
            File,
            Absent("every finding counts"),
            "\"secrets-baseline.json\"",
            "S1: findings that are known and borne, as `golive scan --write-baseline` writes them.",
        ),
        key(
            "plain_url",
            Url,
            Absent("port 80 of the host in `url`"),
            "\"http://target.example\"",
            "S7: where it must not answer in clear. Refused connections and redirects to https are right.",
        ),
        key(
            "store_files",
            Names,
            Absent("S7.rest is unproven"),
            "[\"/var/lib/agent/*.db*\", \"/var/log/agent/*.log\"]",
            "S7: the files in which it keeps what was said: store, write-ahead log, spill, dumps, logs, backups. `*`, `?` and `**` match; relative to the folder of this file.",
        ),
    ],
};

pub(super) const POINTERS: Section = Section {
    path: "targets.*.pointers",
    doc: "Where text stands in its JSON. Required for `format = \"http\"`, refused elsewhere.",
    keys: &[
        key(
            "input",
            Pointer,
            Required,
            "\"/message\"",
            "The user's text in the request.",
        ),
        key(
            "output",
            Pointer,
            Required,
            "\"/reply\"",
            "The answer's text in the response.",
        ),
        key(
            "stream",
            Pointer,
            Absent("it does not stream"),
            "\"/delta\"",
            "The text in one streamed event.",
        ),
    ],
};

pub(super) const CREDENTIALS: Section = Section {
    path: "targets.*.credentials.*",
    doc: "A credential by role: `user`, `other`, …; the roles `revoked` and `expired` must be refused. One that is not there is a warning: the plan says what it would unlock.",
    keys: &[
        key(
            "key_env",
            Variable,
            Absent("`key_file` holds; one of the two is required"),
            "\"TARGET_KEY\"",
            "Variable that holds it.",
        ),
        key(
            "key_file",
            File,
            Absent("`key_env` holds"),
            "\"/run/secrets/target\"",
            "File that holds it instead.",
        ),
    ],
};

pub(super) const ISSUER: Section = Section {
    path: "targets.*.issuer",
    doc: "S5: the lab's OIDC issuer, which the target was told to trust. Needs `lab_url`.",
    keys: &[
        key(
            "name",
            Text,
            Is("\"default\""),
            "\"staging\"",
            "The lab's name for it: it stands at `LAB/_oidc/NAME`.",
        ),
        key(
            "address",
            Url,
            Absent("`lab_url` with `/_oidc/NAME`"),
            "\"http://lab.internal:9900/_oidc/default\"",
            "The issuer as the target knows it (`iss`), if that is not how the prover reaches the lab.",
        ),
        key(
            "audience",
            Text,
            Is("\"golive\""),
            "\"https://agents.example.com\"",
            "What the target wants in `aud`.",
        ),
        key(
            "algorithms",
            Names,
            Absent("right tokens are `ES256`, and no other is tried"),
            "[\"ES256\"]",
            "Algorithms the target accepts, of `RS256`, `ES256` and `EdDSA`. The others must be refused.",
        ),
        key(
            "typ",
            Text,
            Is("\"JWT\""),
            "\"at+jwt\"",
            "`typ` of a right token. With `at+jwt`, ID tokens must be refused.",
        ),
        key(
            "roles_claim",
            Text,
            Is("\"roles\""),
            "\"/realm_access/roles\"",
            "The claim that holds the roles; a JSON pointer if it begins with `/`.",
        ),
        key(
            "learns_within",
            millis(10, HOUR),
            Is("\"1m\""),
            "\"5s\"",
            "A token of a newly published key works within this.",
        ),
        key(
            "forgets_within",
            millis(10, DAY),
            Is("\"5m\""),
            "\"10s\"",
            "A token of a key that is no longer published is refused within this. The proof waits for it.",
        ),
    ],
};

pub(super) const ISSUER_ROLES: Section = Section {
    path: "targets.*.issuer.roles.*",
    doc: "A role that comes by token: what its tokens say.",
    keys: &[
        key(
            "claim",
            Names,
            Absent("the role's own name"),
            "[\"caller\"]",
            "The values of the roles claim.",
        ),
        key(
            "subject",
            Text,
            Absent("`glv-check-ROLE`"),
            "\"ann\"",
            "`sub` of its tokens.",
        ),
    ],
};

pub(super) const CERTIFICATES: Section = Section {
    path: "targets.*.certificates.*",
    doc: "S5: a client certificate by role. The roles `expired`, `wrong_use` (no client certificate by its key usage) and `name_only` (its name stands in CN alone) must be refused. A file that cannot be read is named by the proof.",
    keys: &[
        key(
            "cert_file",
            File,
            Required,
            "\"tls/client.pem\"",
            "PEM file: the certificate, then its chain.",
        ),
        key(
            "key_file",
            File,
            Required,
            "\"/run/secrets/client.pem\"",
            "PEM file with its private key.",
        ),
    ],
};

pub(super) const MATRIX: Section = Section {
    path: "targets.*.matrix.*",
    doc: "S6: what a role may do. All else that stands in the matrix is denied to it, and that is tried too.",
    keys: &[key(
        "may",
        Names,
        Required,
        "[\"model:support\", \"tool:search\", \"admin:GET /admin/ledger\"]",
        "Capabilities: `agent:NAME`, `model:NAME`, `tool:NAME` or `admin:METHOD /PATH`.",
    )],
};

pub(super) const ACCESS: Section = Section {
    path: "targets.*.access",
    doc: "S6: what the matrix needs beside the roles.",
    keys: &[
        key(
            "closed",
            Names,
            Is("[]"),
            "[\"model:internal\"]",
            "Capabilities that no role has.",
        ),
        key(
            "admin_url",
            Url,
            Absent("the target's own host"),
            "\"http://127.0.0.1:8082\"",
            "Where `admin:` capabilities are asked for.",
        ),
        key(
            "rows_path",
            Text,
            Absent("other principals' rows are not tried"),
            "\"/v1/ledger\"",
            "Where a caller reads its own rows, on the host of `admin_url`.",
        ),
    ],
};

pub(super) const DECLARES: Section = Section {
    path: "targets.*.declares",
    doc: "The numbers it claims; these are proven. What is left out is the checklist's own.",
    keys: &[
        key(
            "user_limit",
            RateOrOff,
            Is("\"100/h\""),
            "\"20/10s\"",
            "S2: rate of each user.",
        ),
        key(
            "global_limit",
            RateOrOff,
            Is("\"10000/h\""),
            "\"500/10s\"",
            "S2: rate of the whole deployment.",
        ),
        key(
            "first_byte",
            millis(10, HOUR),
            Is("\"30s\""),
            "\"2s\"",
            "P2: it waits this long for the first content of a stream, or for the whole of a plain answer.",
        ),
        key(
            "idle",
            millis(10, HOUR),
            Is("\"30s\""),
            "\"2s\"",
            "P2: it waits this long between two bytes of an upstream.",
        ),
        key(
            "total_request",
            millis(10, DAY),
            Is("\"2m\""),
            "\"5s\"",
            "P2: it waits this long for a plain call as a whole.",
        ),
        key(
            "total_stream",
            millis(10, DAY),
            Is("\"10m\""),
            "\"10s\"",
            "P2: it waits this long for a stream as a whole.",
        ),
        key(
            "p95_simple",
            millis(1, HOUR),
            Is("\"3s\""),
            "\"2s\"",
            "P1: 95 of 100 simple requests are answered within this.",
        ),
        key(
            "p95_complex",
            millis(1, HOUR),
            Is("\"10s\""),
            "\"8s\"",
            "P1: 95 of 100 complex requests are answered within this.",
        ),
        key(
            "expected_rate",
            Load,
            Absent("P1 is unproven"),
            "\"2/s\"",
            "P1: the load that is expected. The proof goes to ten times it.",
        ),
        key(
            "health_detect",
            millis(10, HOUR),
            Is("\"10s\""),
            "\"5s\"",
            "M1: health names a broken dependency within this.",
        ),
        key(
            "body_size",
            Size(KIB, 256 * MIB),
            Is("\"4 MiB\""),
            "\"1 MiB\"",
            "S3: the largest request body it takes.",
        ),
    ],
};

pub(super) const SCHEMA: Section = Section {
    path: "targets.*.declares.schema",
    doc: "S3: what it says of the form of its requests: bodies that it serves and bodies that it refuses. `{marker}` in a body becomes a word of the prover's own.",
    keys: &[
        key(
            "good",
            Files,
            Is("[]"),
            "[\"bodies/good.json\"]",
            "Bodies that it serves, each with `{marker}` in a text that goes to the model.",
        ),
        key(
            "bad",
            Files,
            Is("[]"),
            "[\"bodies/no-ticket.json\", \"bodies/ticket-number.json\"]",
            "Bodies that it refuses: JSON, but of the wrong form.",
        ),
        key(
            "deny",
            Names,
            Is("[]"),
            "[\"project nightjar\"]",
            "Texts that it refuses in place of the marker of a good body.",
        ),
        key(
            "refuses_system",
            Flag,
            Is("false"),
            "true",
            "It refuses system and developer messages of callers.",
        ),
    ],
};

pub(super) const COMMANDS: Section = Section {
    path: "targets.*.commands",
    doc: "Programs the prover may run, without a shell, in the folder of this file.",
    keys: &[
        key(
            "deploy",
            Command,
            Absent("not tried"),
            "[\"./deploy.sh\"]",
            "Deploys the version under proof.",
        ),
        key(
            "rollback",
            Command,
            Absent("not tried"),
            "[\"./rollback.sh\"]",
            "Goes back one version.",
        ),
        key(
            "break",
            Command,
            Absent("not tried"),
            "[\"docker\", \"stop\", \"redis\"]",
            "Breaks a dependency.",
        ),
        key(
            "heal",
            Command,
            Absent("not tried"),
            "[\"docker\", \"start\", \"redis\"]",
            "Heals it again.",
        ),
        key(
            "revoke",
            Command,
            Absent("not tried"),
            "[\"golive\", \"keys\", \"revoke\", \"{role}\"]",
            "Revokes a credential. `{role}` in an argument becomes its role.",
        ),
        key(
            "flag",
            Command,
            Absent("not tried"),
            "[\"golive\", \"kill\", \"search\"]",
            "Turns a feature off.",
        ),
        key(
            "read_back",
            Command,
            Absent("S7.rest is unproven"),
            "[\"golive\", \"explain\", \"{id}\", \"--content\"]",
            "S7: prints what was kept of one request. `{id}`, `{user}` and `{prompt}` in an argument become the id in the answer's headers, the user, and a word of the prompt.",
        ),
    ],
};

pub(super) const BUDGET: Section = Section {
    path: "targets.*.budget",
    doc: "What a run may cost.",
    keys: &[key(
        "requests",
        Count(1, 100_000_000),
        Is("20000"),
        "2000",
        "Requests sent to the target in all.",
    )],
};
