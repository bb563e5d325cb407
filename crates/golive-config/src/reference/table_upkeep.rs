//! S1: the rows of a target's memory, of its soak and of its money.

use super::Kind::{Command, Count, File, Load, Names, Size, Text};
use super::Preset::{Absent, Is};
use super::{DAY, GIB, MIB, Section, key, seconds};

pub(super) const MEMORY: Section = Section {
    path: "targets.*.memory",
    doc: "P5: where its memory is read, the first of these that is there: its metrics' heap, `cgroup`, `pid_file`, its metrics' resident memory, `command`. Descriptors and threads come from the same place.",
    keys: &[
        key(
            "pid_file",
            File,
            Absent("not read"),
            "\"/run/agent.pid\"",
            "File that holds the number of its process. It must run on this machine.",
        ),
        key(
            "cgroup",
            File,
            Absent("not read"),
            "\"/sys/fs/cgroup/system.slice/agent.service\"",
            "Folder of its control group (version 2), on this machine. File cache is taken off.",
        ),
        key(
            "metric",
            Text,
            Absent("the usual names are looked for"),
            "\"app_heap_bytes\"",
            "Name of a gauge in bytes at `metrics_url`; then it comes first.",
        ),
        key(
            "command",
            Command,
            Absent("not read"),
            "[\"ssh\", \"staging\", \"cat\", \"/sys/fs/cgroup/agent/memory.current\"]",
            "Program that prints its memory in bytes and ends.",
        ),
        key(
            "limit",
            Size(MIB, 1024 * GIB),
            Absent("the control group's own limit, else growth is judged by its share"),
            "\"512 MiB\"",
            "The memory it may use. Reached within 72 h: fail; within 14 days: warning.",
        ),
        key(
            "database_files",
            Names,
            Absent("not read"),
            "[\"/var/lib/agent/*.db*\"]",
            "The files of its database. `*`, `?` and `**` match; relative to the folder of this file.",
        ),
        key(
            "database_limit",
            Size(MIB, 1024 * GIB),
            Absent("growth is reported and not judged"),
            "\"20 GiB\"",
            "The space these may use, judged as `limit` is.",
        ),
    ],
};

pub(super) const SOAK: Section = Section {
    path: "targets.*.soak",
    doc: "P5: how it is soaked, by `golive soak` in full and by `golive check` for a while.",
    keys: &[
        key(
            "duration",
            seconds(1, 30 * DAY),
            Is("\"1d\""),
            "\"4h\"",
            "A soak of this length counts in full. A shorter one warns at best.",
        ),
        key(
            "in_check",
            seconds(1, 30 * DAY),
            Is("\"10m\""),
            "\"20s\"",
            "How long `golive check` soaks. It takes the result of a `golive soak` instead if there is one.",
        ),
        key(
            "rate",
            Load,
            Absent("`declares.expected_rate`, else 1/s"),
            "\"20/s\"",
            "Requests of the soak. More than is expected makes a short soak say more about leaks per request, and nothing about leaks per hour.",
        ),
        key(
            "idle",
            seconds(0, DAY),
            Is("\"15m\""),
            "\"5m\"",
            "After the load nothing is asked for so long, or for an eighth of the load if that is shorter: what grows then is a timer's.",
        ),
    ],
};

pub(super) const MONEY: Section = Section {
    path: "targets.*.money",
    doc: "P6: what it costs and what that may be. Prices are per million tokens.",
    keys: &[
        key(
            "input",
            Text,
            Absent("P6 is unproven"),
            "\"2.50 USD\"",
            "Price of a million input tokens.",
        ),
        key(
            "cached_input",
            Text,
            Absent("as `input`"),
            "\"1.25 USD\"",
            "Price of a million input tokens that came from the provider's cache.",
        ),
        key(
            "output",
            Text,
            Absent("P6 is unproven"),
            "\"10 USD\"",
            "Price of a million output tokens, reasoning included.",
        ),
        key(
            "prices_of",
            Text,
            Absent("the report says that nobody knows how old they are"),
            "\"2026-03-01\"",
            "The day the prices are of. Older than 90 days warns.",
        ),
        key(
            "monthly_budget",
            Text,
            Absent("P6.projection is unproven"),
            "\"500 USD\"",
            "What it may cost in 30 days.",
        ),
        key(
            "volume",
            Load,
            Absent("`declares.expected_rate`, which is a peak"),
            "\"12000/d\"",
            "Requests expected on average.",
        ),
        key(
            "sample",
            File,
            Absent("the projection is not proven: the lab's tokens are made up"),
            "\"sample.jsonl\"",
            "At least 200 real requests, one a line: `{\"input\": 812, \"cached\": 0, \"output\": 164}`. `golive ledger --format json` is read too.",
        ),
        key(
            "budget_role",
            Text,
            Absent("P6.budget is unproven"),
            "\"pauper\"",
            "Role of a credential whose key is under `small_budget` and has spent nothing yet.",
        ),
        key(
            "small_budget",
            Text,
            Absent("P6.budget is unproven"),
            "\"0.05 USD\"",
            "The budget of that key. The proof spends it.",
        ),
        key(
            "overshoot",
            Text,
            Absent("one request of the largest cost for each of 16 at a time"),
            "\"0.01 USD\"",
            "How far requests under way may overspend it.",
        ),
        key(
            "input_max",
            Count(1, 100_000_000),
            Absent("no worst hour"),
            "128000",
            "The most input tokens of one request: for the worst hour.",
        ),
        key(
            "output_max",
            Count(1, 100_000_000),
            Absent("no worst hour"),
            "16384",
            "The most output tokens of one answer: for the worst hour.",
        ),
        key(
            "spent_metric",
            Text,
            Absent("the usual names are looked for"),
            "\"app_spend_usd_total\"",
            "Name of a counter of what was spent, in dollars, at `metrics_url`.",
        ),
        key(
            "unpriced_model",
            Text,
            Absent("not tried"),
            "\"brand-new\"",
            "A model for which it has no price. It must be refused or cost something.",
        ),
    ],
};
