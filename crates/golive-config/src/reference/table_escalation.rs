//! E3: the rows of escalation, of the whole gateway and of single agents, and of webhooks.

use super::Kind::{
    Choice, Count, File, Flag, Header, Names, Networks, Pointer, RateOrOff, Text, Url, Variable,
};
use super::Preset::{Absent, Is, Required};
use super::{DAY, Key, MINUTE, Preset, Section, key, millis};

/// The rows, with what holds for each where it is left out.
const fn rows(presets: [Preset; 13]) -> [Key; 20] {
    let [
        enabled,
        attempts,
        attempts_within,
        phrases,
        never_phrases,
        known_phrases,
        logprobs,
        confidence_min,
        answer_within,
        idle,
        hours,
        time_zone,
        priority,
    ] = presets;
    [
        key(
            "enabled",
            Flag,
            enabled,
            "false",
            "Whether conversations ever go to a person.",
        ),
        key(
            "attempts",
            Count(1, 100),
            attempts,
            "2",
            "Failed attempts in a conversation after which a person takes over: no answer, a withheld one, a thumbs-down.",
        ),
        key(
            "attempts_within",
            millis(1000, 30 * DAY),
            attempts_within,
            "\"1h\"",
            "A failed attempt is forgotten after this time.",
        ),
        key(
            "phrases",
            Names,
            phrases,
            "[\"get me the concierge\"]",
            "Words by which your users ask for a person, beside the known ones.",
        ),
        key(
            "never_phrases",
            Names,
            never_phrases,
            "[\"talk to a human resources partner\"]",
            "Words that do not ask for a person, though a known phrase is in them.",
        ),
        key(
            "known_phrases",
            Flag,
            known_phrases,
            "false",
            "Whether golive's own phrases count (\"talk to a human\" in many languages).",
        ),
        key(
            "confidence_pointer",
            Pointer,
            Absent("confidence is not looked at"),
            "\"/confidence\"",
            "Where an answer says how sure the agent is: a number from 0 to 1.",
        ),
        key(
            "confidence_header",
            Header,
            Absent("confidence is not looked at"),
            "\"x-confidence\"",
            "The header of an answer that says so instead.",
        ),
        key(
            "confidence_logprobs",
            Flag,
            logprobs,
            "true",
            "Take the mean probability of an answer's tokens instead, where the request asks for logprobs.",
        ),
        key(
            "confidence_min",
            Count(1, 100),
            confidence_min,
            "60",
            "An answer less sure than this (per cent) goes to a person.",
        ),
        key(
            "answer_within",
            millis(1000, 30 * DAY),
            answer_within,
            "\"5m\"",
            "A person should have answered after this time; then the user is told, and webhooks with the event `overdue` are.",
        ),
        key(
            "idle",
            millis(1000, 90 * DAY),
            idle,
            "\"24h\"",
            "A conversation in which nobody has said anything for this time is the agent's again.",
        ),
        key(
            "hours",
            Names,
            hours,
            "[\"Mon-Fri 09:00-17:00\"]",
            "When people are there; left out, they always are. Outside of them the user is told when somebody will be.",
        ),
        key(
            "time_zone",
            Text,
            time_zone,
            "\"CET-1CEST,M3.5.0,M10.5.0/3\"",
            "The time zone of `hours`: a name such as `Europe/Berlin`, or the zone in POSIX form.",
        ),
        key(
            "message",
            Text,
            Absent("golive's own, in the language of the request's phrase"),
            "\"A colleague takes over and answers you here.\"",
            "What the user is told when a person takes over.",
        ),
        key(
            "message_closed",
            Text,
            Absent("golive's own"),
            "\"Nobody is here right now. We answer from {opens} on.\"",
            "The same outside of `hours`; `{opens}` is when somebody will be there.",
        ),
        key(
            "message_waiting",
            Text,
            Absent("golive's own"),
            "\"Your message was passed on to the colleague who has your case.\"",
            "What is told of a message to a conversation that a person has.",
        ),
        key(
            "message_overdue",
            Text,
            Absent("golive's own"),
            "\"We are still looking for somebody, and will write to you here.\"",
            "What is told when nobody has answered in time.",
        ),
        key(
            "priority",
            Choice(&["low", "normal", "high", "urgent"]),
            priority,
            "\"high\"",
            "How urgent its tickets are.",
        ),
        key(
            "webhooks",
            Names,
            Absent("all of `[webhooks.*]`"),
            "[\"support\"]",
            "Which webhooks are told of its tickets.",
        ),
    ]
}

const GATEWAY_ROWS: [Key; 20] = rows([
    Is("true"),
    Is("3"),
    Is("\"1d\""),
    Is("[]"),
    Is("[]"),
    Is("true"),
    Is("false"),
    Is("50"),
    Is("\"15m\""),
    Is("\"3d\""),
    Is("[]"),
    Is("\"UTC\""),
    Is("\"normal\""),
]);

/// How often somebody over a limit is listened to.
const fn over_limit(preset: Preset) -> Key {
    key(
        "over_limit",
        RateOrOff,
        preset,
        "\"2/h\"",
        "How often a user who is over a limit or a budget is still listened to, in case he asks for a person.",
    )
}

const CALLEE_ROWS: [Key; 20] = rows([Absent("as in `[escalation]`"); 13]);

const fn with<const N: usize>(rows: [Key; 20], more: [Key; N]) -> [Key; 22] {
    let mut all = [rows[0]; 22];
    let mut at = 0;
    while at < 20 {
        all[at] = rows[at];
        at += 1;
    }
    let mut one = 0;
    while one < N {
        all[at] = more[one];
        at += 1;
        one += 1;
    }
    all
}

const GATEWAY: &[Key] = &with(
    GATEWAY_ROWS,
    [
        over_limit(Is("\"30/h\"")),
        key(
            "operators_url",
            Url,
            Absent("the admin listener's, if there is one"),
            "\"https://golive.internal\"",
            "Where operators reach the admin API: events link their tickets there.",
        ),
    ],
);

const CALLEE_ALL: [Key; 22] = with(CALLEE_ROWS, [over_limit(Absent("as in `[escalation]`"))]);
/// All but the place that `operators_url` has in the other.
const CALLEE: &[Key] = CALLEE_ALL.split_at(21).0;

pub(super) const ESCALATION: Section = Section {
    path: "escalation",
    doc: "When a conversation with an agent goes to a person, and what its user is told. `golive inbox` is where people answer.",
    keys: GATEWAY,
};

pub(super) const AGENT_ESCALATION: Section = Section {
    path: "agents.*.escalation",
    doc: "Escalation of this agent, where it differs.",
    keys: CALLEE,
};

pub(super) const WEBHOOKS: Section = Section {
    path: "webhooks.*",
    doc: "Who is told when a conversation waits for a person. At least once, with retries over restarts.",
    keys: &[
        key(
            "kind",
            Choice(&["generic", "slack"]),
            Required,
            "\"generic\"",
            "What it is sent: golive's own JSON, signed, or a message for a Slack incoming webhook.",
        ),
        key(
            "url",
            Url,
            Absent("`url_env` or `url_file` names it"),
            "\"https://support.example.com/golive\"",
            "Where it is. Plain http only to `private_addresses`.",
        ),
        key(
            "url_env",
            Variable,
            Absent("it stands in `url`"),
            "\"SLACK_WEBHOOK_URL\"",
            "Variable that holds its address, where the address itself is a secret.",
        ),
        key(
            "url_file",
            File,
            Absent("it stands in `url`"),
            "\"/run/secrets/slack_webhook\"",
            "File that holds its address instead.",
        ),
        key(
            "secret_env",
            Variable,
            Absent("required for `generic`, unless `secret_file` is there"),
            "\"GOLIVE_WEBHOOK_SECRET\"",
            "Variable that holds the secret its events are signed with.",
        ),
        key(
            "secret_file",
            File,
            Absent("required for `generic`, unless `secret_env` is there"),
            "\"/run/secrets/golive_webhook\"",
            "File that holds the secret instead.",
        ),
        key(
            "events",
            Names,
            Is("[\"handoff\", \"overdue\"]"),
            "[\"handoff\", \"overdue\", \"message\", \"ended\"]",
            "What it is told: that a conversation waits, that nobody answered in time, that the user said more, that it ended.",
        ),
        key(
            "timeout",
            millis(100, 5 * MINUTE),
            Is("\"10s\""),
            "\"5s\"",
            "How long one call may take.",
        ),
        key(
            "retry_for",
            millis(1000, 30 * DAY),
            Is("\"3d\""),
            "\"1d\"",
            "How long an event that it does not take is tried again.",
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
