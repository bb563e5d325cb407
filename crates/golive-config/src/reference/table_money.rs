//! P6: the rows of money: what models cost, and what may be spent.

use super::Kind::{Choice, Count, File, Money, Names, Text};
use super::Preset::{Absent, Is, Required};
use super::{Section, key};

pub(super) const MONEY: Section = Section {
    path: "money",
    doc: "How money is counted. What each request cost stands in the ledger, whether there are budgets or not.",
    keys: &[
        key(
            "unknown_price",
            Choice(&["refuse", "dearest"]),
            Is("\"refuse\""),
            "\"dearest\"",
            "What becomes of a call that a budget counts and whose price nobody knows. `refuse` answers 503; `dearest` counts it at the highest price that is known. Without a budget it is served, and its cost is unknown.",
        ),
        key(
            "time_zone",
            Text,
            Is("\"+00:00\""),
            "\"+01:00\"",
            "Where the midnights of budgets are, as an offset from UTC. It does not change with the seasons.",
        ),
        key(
            "prices_file",
            File,
            Absent("the shipped table alone"),
            "\"prices.json\"",
            "A table of prices that `golive prices import` wrote. It goes before the shipped one.",
        ),
    ],
};

pub(super) const PRICES: Section = Section {
    path: "prices.*",
    doc: "What a model costs, per million tokens: `[prices.\"UPSTREAM/MODEL\"]`, or `[prices.\"MODEL\"]` for every upstream, or `[prices.UPSTREAM]` for an HTTP agent. A model of your own that costs nothing says so: input = \"0 USD\", output = \"0 USD\".",
    keys: &[
        key(
            "like",
            Text,
            Absent("every price stands here"),
            "\"openai/gpt-4o\"",
            "Takes the prices of this entry of the tables; the keys below replace single ones.",
        ),
        key(
            "input",
            Money,
            Absent("needed, unless `like` or `request` is there"),
            "\"2.50 USD\"",
            "Input.",
        ),
        key(
            "cached_input",
            Money,
            Absent("`input`"),
            "\"1.25 USD\"",
            "Input that the provider reads from its cache.",
        ),
        key(
            "cache_write",
            Money,
            Absent("`input`"),
            "\"3.75 USD\"",
            "Input that the provider writes to its cache.",
        ),
        key(
            "cache_write_1h",
            Money,
            Absent("`cache_write`"),
            "\"6 USD\"",
            "Input that it writes to its cache for an hour.",
        ),
        key(
            "image_input",
            Money,
            Absent("`input`"),
            "\"5 USD\"",
            "Images in the input, where the provider counts them apart.",
        ),
        key(
            "audio_input",
            Money,
            Absent("`input`"),
            "\"40 USD\"",
            "Sound in the input, where the provider counts it apart.",
        ),
        key(
            "output",
            Money,
            Absent("needed, unless `like` or `request` is there"),
            "\"10 USD\"",
            "Output.",
        ),
        key(
            "reasoning",
            Money,
            Absent("`output`"),
            "\"12 USD\"",
            "Reasoning in the output.",
        ),
        key(
            "image_output",
            Money,
            Absent("`output`"),
            "\"40 USD\"",
            "Images in the output, where the provider counts them apart.",
        ),
        key(
            "audio_output",
            Money,
            Absent("`output`"),
            "\"80 USD\"",
            "Sound in the output, where the provider counts it apart.",
        ),
        key(
            "request",
            Money,
            Absent("nothing beside the tokens"),
            "\"0.02 USD\"",
            "Each request, beside its tokens. For an HTTP agent, whose tokens nobody sees.",
        ),
        key(
            "long_from",
            Count(1, 100_000_000),
            Absent("one price for all lengths"),
            "200000",
            "Requests with more input tokens than this cost the prices below, for all their tokens.",
        ),
        key(
            "input_long",
            Money,
            Absent("`input`"),
            "\"5 USD\"",
            "Input of long requests.",
        ),
        key(
            "cached_input_long",
            Money,
            Absent("`cached_input`"),
            "\"2.50 USD\"",
            "Cached input of long requests.",
        ),
        key(
            "cache_write_long",
            Money,
            Absent("`cache_write`"),
            "\"7.50 USD\"",
            "Cache writes of long requests.",
        ),
        key(
            "output_long",
            Money,
            Absent("`output`"),
            "\"15 USD\"",
            "Output of long requests.",
        ),
        key(
            "date",
            Text,
            Absent("never warned of as old"),
            "\"2026-11-04\"",
            "The day on which the price was looked up. After 90 days `config check` warns.",
        ),
        key(
            "source",
            Text,
            Absent("`golive prices list` says it is yours"),
            "\"our contract\"",
            "Where it was looked up.",
        ),
    ],
};

pub(super) const BUDGETS: Section = Section {
    path: "budgets.[]",
    doc: "What may be spent. The most a request can cost is reserved before it is sent on, and what it did not cost is given back; what does not fit is refused with 429.",
    keys: &[
        key(
            "name",
            Text,
            Absent("scope and period: `user-day`"),
            "\"trial-users\"",
            "What headers, metrics and refusals call it.",
        ),
        key(
            "scope",
            Choice(&["user", "principal", "team", "agent", "model", "global"]),
            Required,
            "\"team\"",
            "Whose spending it counts: each user's, caller's, team's, agent's or model's own, or all together.",
        ),
        key(
            "only",
            Names,
            Absent("each of the scope"),
            "[\"support\"]",
            "Only these teams, agents, models, or callers (by id, as the ledger prints it).",
        ),
        key(
            "amount",
            Money,
            Required,
            "\"25 USD\"",
            "What each may spend in each period.",
        ),
        key(
            "per",
            Text,
            Required,
            "\"day\"",
            "`day`, `week` (from Monday) or `month` of the calendar, or a duration such as `24h` that rolls.",
        ),
        key(
            "warn_at",
            Text,
            Is("\"80%\""),
            "\"90%\"",
            "From this share on, answers carry `golive-budget-warning`, and the log says it once per period. `off`: never.",
        ),
    ],
};
