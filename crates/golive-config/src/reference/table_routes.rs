//! S1: the rows of upstreams, agents, models and keys.

use super::Kind::{
    Chain, Choice, Count, File, Flag, Header, Headers, Names, Networks, Pointer, Size, Text, Url, Variable,
};
use super::Preset::{Absent, Is, Required};
use super::{DAY, GIB, HOUR, KIB, Key, MINUTE, Section, key, millis};

pub(super) const UPSTREAMS: Section = Section {
    path: "upstreams.*",
    doc: "A provider account or an HTTP agent: where it is, and golive's credential there.",
    keys: &[
        key(
            "kind",
            Choice(&["openai", "anthropic", "http"]),
            Required,
            "\"openai\"",
            "Its wire format. `openai` is also what speaks like it (vLLM, Ollama, Azure's v1 API).",
        ),
        key(
            "base_url",
            Url,
            Absent("`https://api.openai.com/v1` or `https://api.anthropic.com`; required for `http`"),
            "\"https://llm.example.com/v1\"",
            "Where it is. Plain http only to `private_addresses`.",
        ),
        key(
            "api_key_env",
            Variable,
            Absent("no credential is sent"),
            "\"OPENAI_API_KEY\"",
            "Variable that holds its API key.",
        ),
        key(
            "api_key_file",
            File,
            Absent("no credential is sent"),
            "\"/run/secrets/openai\"",
            "File that holds its API key instead.",
        ),
        key(
            "auth_header",
            Header,
            Is("\"authorization\""),
            "\"x-api-key\"",
            "Header that carries the key to an `http` upstream: `Bearer KEY` in `authorization`, the bare key in any other.",
        ),
        key(
            "anthropic_version",
            Text,
            Is("\"2023-06-01\""),
            "\"2023-06-01\"",
            "`anthropic-version` when the caller sends none.",
        ),
        key(
            "max_in_flight",
            Count(1, 100_000),
            Is("256"),
            "32",
            "Calls at the same time. More wait in the `[queue]`.",
        ),
        key(
            "adaptive",
            Flag,
            Is("false"),
            "true",
            "`max_in_flight` is the most of a limit that shrinks when the upstream shows that it is pressed (429, 503, time-outs) and grows while it answers well.",
        ),
        key(
            "private_addresses",
            Networks,
            Is("[]"),
            "[\"127.0.0.0/8\"]",
            "Private ranges it may be in. Without them golive refuses to call a private address (SSRF).",
        ),
        key(
            "ca_file",
            File,
            Absent("Mozilla's authorities"),
            "\"tls/internal-ca.pem\"",
            "PEM file with the authorities that vouch for it, instead of Mozilla's.",
        ),
        key(
            "forward_headers",
            Headers,
            Is("[]"),
            "[\"x-tenant\"]",
            "More request headers that pass to it. Credentials, cookies and hop-by-hop headers never pass.",
        ),
        key(
            "response_size",
            Size(KIB, 4 * GIB),
            Is("\"64 MiB\""),
            "\"8 MiB\"",
            "Largest response, and largest sum of a stream.",
        ),
    ],
};

pub(super) const UPSTREAM_TIMEOUTS: Section = Section {
    path: "upstreams.*.timeouts",
    doc: "The clocks of one call to this upstream.",
    keys: &[
        key(
            "connect",
            millis(10, 5 * MINUTE),
            Is("\"5s\""),
            "\"2s\"",
            "Name look-up, TCP and TLS.",
        ),
        key(
            "first_byte",
            millis(10, HOUR),
            Is("\"30s\""),
            "\"10s\"",
            "Until the first content of a stream, or until the whole of a plain answer is there.",
        ),
        key(
            "idle",
            millis(10, HOUR),
            Is("\"30s\""),
            "\"10s\"",
            "Between two bytes of the answer.",
        ),
        key(
            "total_request",
            millis(10, DAY),
            Is("\"2m\""),
            "\"60s\"",
            "The whole of a plain call.",
        ),
        key(
            "total_stream",
            millis(10, DAY),
            Is("\"10m\""),
            "\"5m\"",
            "The whole of a streamed call.",
        ),
    ],
};

/// Agents and models take the same keys.
const CALLEE: &[Key] = &[
    key(
        "chain",
        Chain,
        Required,
        "[\"openai/gpt-4o\"]",
        "Whom to call, as `upstream/model`; an `http` upstream stands alone. One link in this version.",
    ),
    key(
        "max_in_flight",
        Count(1, 100_000),
        Absent("only the upstream's cap"),
        "16",
        "Its own calls at the same time.",
    ),
    key(
        "denied_tools",
        Choice(&["refuse", "strip"]),
        Is("\"refuse\""),
        "\"strip\"",
        "What becomes of a request that offers a tool its caller may not use. `refuse` answers 403; `strip` takes the tool out and names it in `golive-stripped-tools`.",
    ),
    key(
        "on_failure",
        Choice(&["reply", "error"]),
        Absent("`reply` for an agent, `error` for a model"),
        "\"error\"",
        "What an agent's callers get when no answer can be given: a reply in words (`messages`) with the header `golive-degraded`, or an error. A model's callers always get an error.",
    ),
    key(
        "system_prompt_file",
        File,
        Absent("callers may bring a system prompt of their own"),
        "\"prompts/support.txt\"",
        "Its system prompt. It stands before every request; `system` and `developer` messages of callers are refused, and an answer that repeats the prompt is blocked.",
    ),
    key(
        "input_schema_file",
        File,
        Absent("any body of the format"),
        "\"schemas/support.json\"",
        "JSON Schema that the body of every request must meet. References to other files or addresses are refused.",
    ),
];

const POINTERS: &[Key] = &[
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
];

const TIMEOUTS: &[Key] = &[
    key(
        "connect",
        millis(10, 5 * MINUTE),
        Absent("the upstream's"),
        "\"2s\"",
        "Name look-up, TCP and TLS.",
    ),
    key(
        "first_byte",
        millis(10, HOUR),
        Absent("the upstream's"),
        "\"10s\"",
        "Until the first content of a stream, or until the whole of a plain answer is there.",
    ),
    key(
        "idle",
        millis(10, HOUR),
        Absent("the upstream's"),
        "\"10s\"",
        "Between two bytes of the answer.",
    ),
    key(
        "total_request",
        millis(10, DAY),
        Absent("the upstream's"),
        "\"60s\"",
        "The whole of a plain call.",
    ),
    key(
        "total_stream",
        millis(10, DAY),
        Absent("the upstream's"),
        "\"5m\"",
        "The whole of a streamed call.",
    ),
];

pub(super) const AGENTS: Section = Section {
    path: "agents.*",
    doc: "What people talk to. A request names it in `model`, or calls `/agents/NAME`.",
    keys: CALLEE,
};

pub(super) const AGENT_POINTERS: Section = Section {
    path: "agents.*.pointers",
    doc: "Where text stands in the JSON of an `http` upstream. Required there, refused elsewhere.",
    keys: POINTERS,
};

pub(super) const AGENT_TIMEOUTS: Section = Section {
    path: "agents.*.timeouts",
    doc: "Clocks of this agent, where they differ from its upstream's.",
    keys: TIMEOUTS,
};

pub(super) const MODELS: Section = Section {
    path: "models.*",
    doc: "What agents talk to. Same keys as an agent; errors stay errors.",
    keys: CALLEE,
};

pub(super) const MODEL_POINTERS: Section = Section {
    path: "models.*.pointers",
    doc: "Where text stands in the JSON of an `http` upstream. Required there, refused elsewhere.",
    keys: POINTERS,
};

pub(super) const MODEL_TIMEOUTS: Section = Section {
    path: "models.*.timeouts",
    doc: "Clocks of this model, where they differ from its upstream's.",
    keys: TIMEOUTS,
};

pub(super) const KEYS: Section = Section {
    path: "keys.*",
    doc: "A caller whose key stands in the environment. More callers: `golive keys create`.",
    keys: &[
        key(
            "key_env",
            Variable,
            Absent("`key_file` holds; one of the two is required"),
            "\"GOLIVE_CALLER_KEY\"",
            "Variable that holds the key: `glv_live_…`.",
        ),
        key(
            "key_file",
            File,
            Absent("`key_env` holds"),
            "\"/run/secrets/caller\"",
            "File that holds the key instead.",
        ),
        key(
            "roles",
            Names,
            Is("[]"),
            "[\"caller\"]",
            "Its roles: `viewer`, `caller`, `operator`, `admin`, or those of your own policies. A key without any counts as `caller`.",
        ),
        key(
            "team",
            Text,
            Absent("none"),
            "\"support\"",
            "Its team. Policies may speak of it.",
        ),
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
    ],
};
