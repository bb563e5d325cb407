//! E4: the rows of translation.

use super::Kind::{Choice, Count, Names};
use super::Preset::{Absent, Is};
use super::{Key, Preset, Section, key};

const fn rows(presets: [Preset; 5]) -> [Key; 5] {
    [
        key(
            "unsupported",
            Choice(&["refuse", "warn", "drop"]),
            presets[0],
            "\"warn\"",
            "What is done with a parameter that a link's format cannot express: `refuse` does not send the request there, `warn` goes without and names it in `golive-untranslated`, `drop` goes without. Hints such as `metadata` are never a reason to refuse.",
        ),
        key(
            "refuse",
            Names,
            presets[1],
            "[\"seed\"]",
            "Parameters that are refused, as the caller's format writes them. A name decides about what stands under it too: `tools` about `tools.web_search`.",
        ),
        key(
            "warn",
            Names,
            presets[2],
            "[\"logprobs\"]",
            "Parameters that are left out and told.",
        ),
        key(
            "drop",
            Names,
            presets[3],
            "[\"metadata\"]",
            "Parameters that are left out.",
        ),
        key(
            "output",
            Count(1, 10_000_000),
            presets[4],
            "8192",
            "Most tokens of an answer where the caller named none and the link's format wants a number.",
        ),
    ]
}

pub(super) const TRANSLATION: Section = Section {
    path: "translation",
    doc: "How a request is put into another wire format, where a link of its chain speaks one.",
    keys: &rows([Is("\"refuse\""), Is("[]"), Is("[]"), Is("[]"), Is("4096")]),
};

const OWN: &[Key] = &rows([Absent("as in `[translation]`"); 5]);

pub(super) const AGENT_TRANSLATION: Section = Section {
    path: "agents.*.translation",
    doc: "Its own rules of translation.",
    keys: OWN,
};

pub(super) const MODEL_TRANSLATION: Section = Section {
    path: "models.*.translation",
    doc: "Its own rules of translation.",
    keys: OWN,
};
