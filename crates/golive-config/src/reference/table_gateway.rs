//! S1: the rows of the sections that stand once.

use super::Kind::{Choice, Command, Count, File, Flag, Listen, Networks, Size, Text, Variable};
use super::Preset::{Absent, Is};
use super::{DAY, GIB, HOUR, KIB, MIB, MINUTE, Section, key, millis, seconds};

pub(super) const SERVER: Section = Section {
    path: "server",
    doc: "The public listener: where callers connect.",
    keys: &[
        key(
            "listen",
            Listen,
            Is("\"127.0.0.1:8080\""),
            "\"0.0.0.0:8443\"",
            "Address and port. Any address but loopback needs a certificate or `tls = \"terminated_by_proxy\"`.",
        ),
        key(
            "tls",
            Choice(&["terminated_by_proxy"]),
            Absent("TLS with a certificate, else plain HTTP on loopback"),
            "\"terminated_by_proxy\"",
            "Says that a proxy in front ends TLS. Not together with a certificate.",
        ),
        key(
            "certificate_file",
            File,
            Absent("no TLS"),
            "\"tls/fullchain.pem\"",
            "PEM file with the certificate chain, leaf first.",
        ),
        key(
            "private_key_file",
            File,
            Absent("no TLS"),
            "\"tls/key.pem\"",
            "PEM file with the private key of the certificate.",
        ),
        key(
            "allow_tls12",
            Flag,
            Is("false"),
            "true",
            "Accept TLS 1.2 too. TLS 1.3 only, otherwise.",
        ),
        key(
            "hsts",
            seconds(0, 3650 * DAY),
            Is("\"365d\""),
            "\"730d\"",
            "`max-age` of `strict-transport-security`, sent when golive ends TLS. `\"0s\"` sends no such header.",
        ),
        key(
            "host",
            Text,
            Absent("no name is checked, none is redirected to"),
            "\"agents.example.com\"",
            "Name by which callers reach it, with its port if that is not 443. The certificate is checked for it.",
        ),
        key(
            "redirect_from",
            Listen,
            Absent("no plain port"),
            "\"0.0.0.0:80\"",
            "A plain port that redirects to `https://` of `host` and serves nothing. Needs a certificate.",
        ),
        key(
            "trusted_proxies",
            Networks,
            Is("[]"),
            "[\"10.0.0.0/8\"]",
            "Connections from these addresses speak for many callers: they are bound by `inbound.connections` alone, not by `inbound.connections_per_address`. Of their headers, only the client's address is believed (`x-forwarded-for`, `forwarded`), and only to slow the refusals of that client.",
        ),
        key(
            "client_ca_file",
            File,
            Absent("callers are asked for no certificate"),
            "\"tls/clients-ca.pem\"",
            "PEM file with the authorities whose certificates callers may show (mTLS). Who they are: `[certificates.NAME]`.",
        ),
        key(
            "client_certificates",
            Choice(&["optional", "required"]),
            Absent("`optional`, with `client_ca_file`"),
            "\"required\"",
            "Whether a caller without a certificate gets a connection.",
        ),
        key(
            "drain",
            seconds(0, HOUR),
            Is("\"30s\""),
            "\"2m\"",
            "How long a shutdown waits for requests and streams in flight. What is left then is cut, and counted.",
        ),
        key(
            "diagnostics",
            Flag,
            Is("false"),
            "true",
            "Tell callers of link, attempts and overhead in response headers. For operators; off in production.",
        ),
    ],
};

pub(super) const INBOUND: Section = Section {
    path: "inbound",
    doc: "What one client, and all of them, may use up.",
    keys: &[
        key(
            "head_timeout",
            millis(100, 5 * MINUTE),
            Is("\"10s\""),
            "\"5s\"",
            "For a request head to arrive whole.",
        ),
        key(
            "head_size",
            Size(KIB, MIB),
            Is("\"32 KiB\""),
            "\"16 KiB\"",
            "Largest request head.",
        ),
        key(
            "handshake_timeout",
            millis(100, 5 * MINUTE),
            Is("\"10s\""),
            "\"5s\"",
            "For the TLS handshake.",
        ),
        key(
            "body_size",
            Size(KIB, 256 * MIB),
            Is("\"4 MiB\""),
            "\"1 MiB\"",
            "Largest request body. More is answered with 413.",
        ),
        key(
            "body_timeout",
            millis(100, HOUR),
            Is("\"30s\""),
            "\"10s\"",
            "For a request body to arrive whole.",
        ),
        key(
            "connections",
            Count(1, 1_000_000),
            Is("4096"),
            "10000",
            "Open connections in all. More are closed at once.",
        ),
        key(
            "connections_per_address",
            Count(1, 1_000_000),
            Is("256"),
            "64",
            "Open connections of one client address.",
        ),
        key(
            "h2_streams",
            Count(1, 10_000),
            Is("128"),
            "64",
            "HTTP/2: streams at the same time on one connection.",
        ),
        key(
            "h2_resets",
            Count(1, 10_000),
            Is("20"),
            "10",
            "HTTP/2: streams that the client reset and that wait to be accepted. More close the connection (rapid reset, CVE-2023-44487).",
        ),
        key(
            "unread_timeout",
            millis(100, HOUR),
            Is("\"60s\""),
            "\"30s\"",
            "A response that the client does not read is cut after this long, and settled.",
        ),
        key(
            "json_depth",
            Count(1, 512),
            Is("64"),
            "32",
            "Deepest nesting of a JSON body.",
        ),
        key(
            "json_nodes",
            Count(16, 10_000_000),
            Is("100000"),
            "20000",
            "Most values in a JSON body: objects, arrays, strings, numbers, literals.",
        ),
        key(
            "json_string",
            Size(16, 256 * MIB),
            Is("\"1 MiB\""),
            "\"256 KiB\"",
            "Longest string in a JSON body.",
        ),
        key(
            "idle_timeout",
            millis(100, DAY),
            Is("\"75s\""),
            "\"120s\"",
            "A kept-alive connection without a request is closed after this long. Keep it above the balancer's own (60 s, mostly).",
        ),
        key(
            "failures_free",
            Count(0, 1_000_000),
            Is("100"),
            "20",
            "Requests with a wrong credential that one address (IPv6: one /64) is told of at once. One is forgotten each second; beyond them each refusal comes later than the last. A valid credential is never delayed.",
        ),
        key(
            "failure_delay",
            seconds(0, MINUTE),
            Is("\"1s\""),
            "\"5s\"",
            "The longest such delay. `\"0s\"` delays nothing.",
        ),
    ],
};

pub(super) const PROBES: Section = Section {
    path: "probes",
    doc: "The listener of `/health` and `/metrics`: plain HTTP, no authentication.",
    keys: &[
        key(
            "listen",
            Listen,
            Is("\"127.0.0.1:8081\""),
            "\"10.0.0.5:8081\"",
            "Address and port. Any address but loopback needs `expose = true`.",
        ),
        key(
            "expose",
            Flag,
            Is("false"),
            "true",
            "Listen on an address that others can reach. What stands there names dependencies, so keep it in your own network.",
        ),
    ],
};

pub(super) const LOG: Section = Section {
    path: "log",
    doc: "golive's own log, on stderr.",
    keys: &[
        key(
            "level",
            Choice(&["error", "warn", "info", "debug", "trace"]),
            Is("\"info\""),
            "\"debug\"",
            "The least severe line that is written.",
        ),
        key(
            "format",
            Choice(&["text", "json"]),
            Is("\"text\""),
            "\"json\"",
            "For people, or one JSON object a line.",
        ),
    ],
};

pub(super) const ERROR_LOG: Section = Section {
    path: "error_log",
    doc: "What went wrong, one JSON object a line: users as keyed hashes, what was asked redacted. `golive errors` reads it.",
    keys: &[
        key("enabled", Flag, Is("true"), "false", "Whether it is written."),
        key(
            "file",
            File,
            Is("\"golive-errors.jsonl\""),
            "\"/var/log/golive/errors.jsonl\"",
            "Where it is written; only its owner may read it.",
        ),
        key(
            "rotate_size",
            Size(64 * KIB, 4 * GIB),
            Is("\"64 MiB\""),
            "\"16 MiB\"",
            "The size at which a new file is begun; the old one becomes `FILE.1`.",
        ),
        key(
            "rotate_every",
            seconds(MINUTE, 366 * DAY),
            Is("\"1d\""),
            "\"6h\"",
            "The age at which a new file is begun.",
        ),
        key("keep", Count(0, 1000), Is("14"), "30", "Old files that are kept."),
    ],
};

pub(super) const STORE: Section = Section {
    path: "store",
    doc: "The durable record: ledger, keys, releases.",
    keys: &[
        key(
            "path",
            File,
            Is("\"golive.db\""),
            "\"/var/lib/golive/golive.db\"",
            "The SQLite file. Lock, socket and spill stand beside it.",
        ),
        key(
            "durability",
            Choice(&["process", "power"]),
            Is("\"process\""),
            "\"power\"",
            "What a recorded request survives: the death of the process, or a power cut too. The latter waits for the disk at each commit.",
        ),
        key(
            "content",
            Flag,
            Is("true"),
            "false",
            "Keep prompts and replies, sealed. Without them `explain` shows decisions only.",
        ),
        key(
            "retention_content",
            seconds(HOUR, 3650 * DAY),
            Is("\"30d\""),
            "\"7d\"",
            "How long prompts and replies are kept.",
        ),
        key(
            "retention_ledger",
            seconds(DAY, 3650 * DAY),
            Is("\"400d\""),
            "\"90d\"",
            "How long ledger rows are kept. Not shorter than `retention_content`.",
        ),
        key(
            "retention_tickets",
            seconds(DAY, 3650 * DAY),
            Is("\"180d\""),
            "\"90d\"",
            "How long resolved tickets are kept, with what was said in them.",
        ),
        key(
            "spill_size",
            Size(MIB, 64 * GIB),
            Is("\"64 MiB\""),
            "\"1 GiB\"",
            "Reserved for rows while the database is down. They drain when it is back.",
        ),
        key(
            "when_spill_full",
            Choice(&["refuse", "unrecorded"]),
            Is("\"refuse\""),
            "\"unrecorded\"",
            "When nothing can be recorded any more: refuse requests with 503, or serve them without a record.",
        ),
        key(
            "master_key_env",
            Variable,
            Is("\"GOLIVE_MASTER_KEY\""),
            "\"MASTER_KEY\"",
            "Variable that holds the master key: 32 bytes in base64. `golive init` writes a fresh one to `.env`.",
        ),
        key(
            "master_key_file",
            File,
            Absent("`master_key_env` holds"),
            "\"/run/secrets/master_key\"",
            "File that holds the master key instead: 32 bytes in base64.",
        ),
        key(
            "master_key_command",
            Command,
            Absent("`master_key_env` holds"),
            "[\"vault\", \"read\", \"-field=key\", \"secret/golive\"]",
            "Program that prints the master key instead, with its arguments: no shell, 10 seconds, one line of base64. Run at the start and by `config check`.",
        ),
    ],
};
