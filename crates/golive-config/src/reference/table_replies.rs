//! S1: the rows of what a target says of its failure messages, error log, queue and escalation.

use super::Kind::{Choice, Command, Count, File, Header, Names, Pointer, Text, Url, Variable};
use super::Preset::{Absent, Is};
use super::{HOUR, Section, key, millis, seconds};

pub(super) const REPLIES: Section = Section {
    path: "targets.*.replies",
    doc: "E1: how it tells its failures.",
    keys: &[
        key(
            "surface",
            Choice(&["agent", "model"]),
            Absent("either will do, if it is always the same"),
            "\"agent\"",
            "`agent`: people are told in a reply under 200 that is marked as degraded. `model`: programs get a typed error.",
        ),
        key(
            "locales",
            Names,
            Is("[]"),
            "[\"en\", \"de\"]",
            "Languages in which failures are told, asked for by `accept-language`.",
        ),
        key(
            "marker_header",
            Header,
            Is("\"golive-degraded\""),
            "\"x-degraded\"",
            "The header that marks a degraded reply. Healthy answers must not carry it.",
        ),
        key(
            "allowed_names",
            Names,
            Is("[]"),
            "[\"Azure\"]",
            "Names of providers that may stand in a failure message.",
        ),
        key(
            "internal_names",
            Names,
            Is("[]"),
            "[\"billing-db\"]",
            "Names of its inside that must never stand in one.",
        ),
    ],
};

pub(super) const LOGS: Section = Section {
    path: "targets.*.logs",
    doc: "E2: where its error log is read, as JSON lines. One of `file`, `command` and `url`.",
    keys: &[
        key(
            "file",
            File,
            Absent("E2 is unproven without one of the three"),
            "\"golive-errors.jsonl\"",
            "The file that it grows.",
        ),
        key(
            "command",
            Command,
            Absent("not run"),
            "[\"golive\", \"errors\", \"--format\", \"json\"]",
            "A program that prints it. `{trace_id}`, `{request_id}` and `{user}` in an argument are filled in.",
        ),
        key(
            "url",
            Url,
            Absent("not asked"),
            "\"http://127.0.0.1:8082/errors\"",
            "An address that gives it out.",
        ),
        key(
            "within",
            millis(100, HOUR),
            Is("\"30s\""),
            "\"10s\"",
            "An entry is there within this.",
        ),
    ],
};

pub(super) const LOG_FIELDS: Section = Section {
    path: "targets.*.logs.fields",
    doc: "E2: what its entries call each field: a member's name, or a JSON pointer if it begins with `/`.",
    keys: &[
        key("timestamp", Text, Is("\"timestamp\""), "\"/time\"", "When."),
        key(
            "user",
            Text,
            Is("\"user\""),
            "\"user_hash\"",
            "The keyed hash of the user.",
        ),
        key(
            "input_summary",
            Text,
            Is("\"input_summary\""),
            "\"/input/summary\"",
            "What was asked, redacted.",
        ),
        key(
            "error_type",
            Text,
            Is("\"error_type\""),
            "\"/error/kind\"",
            "What kind of failure.",
        ),
        key(
            "error_chain",
            Text,
            Is("\"error_chain\""),
            "\"/error/causes\"",
            "Its causes.",
        ),
        key(
            "recovery_action",
            Text,
            Is("\"recovery_action\""),
            "\"recovery\"",
            "What was done about it.",
        ),
        key(
            "trace_id",
            Text,
            Is("\"trace_id\""),
            "\"/trace/id\"",
            "The trace it belongs to.",
        ),
        key(
            "request_id",
            Text,
            Is("\"request_id\""),
            "\"req_id\"",
            "The request, as the answer's `x-request-id` names it.",
        ),
    ],
};

pub(super) const QUEUE: Section = Section {
    path: "targets.*.queue",
    doc: "P2, E5: its queue. What is left out is measured, but for `P2.queue`, which needs `concurrency`.",
    keys: &[
        key(
            "concurrency",
            Count(1, 100_000),
            Absent("measured"),
            "4",
            "Calls that are served at once.",
        ),
        key(
            "length",
            Count(1, 1_000_000),
            Absent("measured"),
            "1000",
            "Calls that wait.",
        ),
        key(
            "wait",
            millis(100, HOUR),
            Is("\"5m\""),
            "\"3s\"",
            "The longest wait.",
        ),
        key(
            "refused_within",
            millis(1, HOUR),
            Is("\"100ms\""),
            "\"50ms\"",
            "What has no place is refused within this.",
        ),
        key(
            "priority_header",
            Header,
            Absent("priority goes by `priority_roles`, or is not declared"),
            "\"x-priority\"",
            "The header by which a request asks for its priority.",
        ),
        key(
            "priorities",
            Names,
            Is("[]"),
            "[\"high\", \"low\"]",
            "The values of `priority_header`, most important first.",
        ),
        key(
            "priority_roles",
            Names,
            Is("[]"),
            "[\"vip\", \"default\"]",
            "Roles of `credentials` whose requests go first, most important first.",
        ),
    ],
};

pub(super) const ESCALATION: Section = Section {
    path: "targets.*.escalation",
    doc: "E3: how it hands over to a person.",
    keys: &[
        key(
            "receiver",
            Text,
            Absent("E3 is unproven"),
            "\"desk\"",
            "The lab's receiver that its webhook points at: `LAB/_hook/NAME`. Needs `lab_url`.",
        ),
        key(
            "kind",
            Choice(&["signed", "slack"]),
            Is("\"signed\""),
            "\"slack\"",
            "What it sends there: an event as signed JSON, or a message for Slack.",
        ),
        key(
            "secret_env",
            Variable,
            Absent("`secret_file` holds; without either signatures are not checked"),
            "\"DESK_SECRET\"",
            "Variable that holds what its events are signed with.",
        ),
        key(
            "secret_file",
            File,
            Absent("`secret_env` holds"),
            "\"/run/secrets/desk\"",
            "File that holds it instead.",
        ),
        key(
            "signature_header",
            Header,
            Is("\"golive-signature\""),
            "\"x-signature\"",
            "The header with `t=UNIX,v1=HEX`: HMAC-SHA-256 of `UNIX.body`.",
        ),
        key(
            "event_header",
            Header,
            Is("\"golive-event-id\""),
            "\"x-event-id\"",
            "The header with the event's id, the same at each delivery.",
        ),
        key(
            "within",
            seconds(1, HOUR),
            Is("\"10s\""),
            "\"5s\"",
            "An event arrives within this.",
        ),
        key(
            "attempts",
            Count(2, 100),
            Is("3"),
            "2",
            "So many failed attempts in a row hand over.",
        ),
        key(
            "confidence_percent",
            Count(1, 99),
            Is("50"),
            "60",
            "Answers below this confidence hand over, in hundredths.",
        ),
        key(
            "confidence_header",
            Header,
            Absent("see `confidence_pointer`"),
            "\"x-confidence\"",
            "The header in which its model's answer states the confidence, 0 to 1.",
        ),
        key(
            "confidence_pointer",
            Pointer,
            Absent("without either, E3.confidence is unproven"),
            "\"/confidence\"",
            "Where in its model's answer the confidence stands.",
        ),
        key(
            "conversation_header",
            Header,
            Is("\"golive-conversation\""),
            "\"x-conversation\"",
            "The header that names the conversation.",
        ),
        key(
            "messages_path",
            Text,
            Absent("the operator's reply is not looked for"),
            "\"/v1/conversations/{conversation}\"",
            "Where a user reads what was said. `{conversation}` is filled in.",
        ),
        key(
            "operator",
            Text,
            Absent("the default credential"),
            "\"operator\"",
            "The role whose credential answers for the operator.",
        ),
        key(
            "reply_path",
            Text,
            Absent("see `reply_command`"),
            "\"/admin/tickets/{ticket}/reply\"",
            "Where an operator answers by POST of `{\"text\": …}`, on the host of `access.admin_url`. `{ticket}` and `{conversation}` are filled in.",
        ),
        key(
            "resolve_path",
            Text,
            Absent("see `resolve_command`"),
            "\"/admin/tickets/{ticket}/resolve\"",
            "Where an operator gives the conversation back, likewise.",
        ),
        key(
            "reply_command",
            Command,
            Absent("the operator's reply is not tried"),
            "[\"golive\", \"inbox\", \"reply\", \"{ticket}\", \"{text}\"]",
            "A program that answers instead. `{ticket}`, `{conversation}` and `{text}` are filled in.",
        ),
        key(
            "resolve_command",
            Command,
            Absent("giving back is not tried"),
            "[\"golive\", \"inbox\", \"resolve\", \"{ticket}\"]",
            "A program that gives it back instead.",
        ),
    ],
};
