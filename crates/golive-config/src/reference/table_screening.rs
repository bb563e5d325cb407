//! S3, S4, S8: the rows of the screens: of the whole gateway, and of single agents and models.

use super::Kind::{Choice, Count, Flag, Names, Text};
use super::Preset::{Absent, Is, Required};
use super::{Key, Kind, Preset, Section, key};

const INJECTION: Kind = Choice(&["block", "flag", "spotlight", "off"]);
const HIDDEN: Kind = Choice(&["strip", "refuse", "keep"]);
const ACTION: Kind = Choice(&["allow", "redact", "mask", "hash", "block"]);
const PER_CENT: Kind = Count(1, 100);

/// The rows, with what holds for each where it is left out.
const fn rows(presets: [Preset; 18]) -> [Key; 18] {
    let [
        injection,
        user_threshold,
        data_threshold,
        hidden_text,
        pii,
        pii_input,
        allow,
        redact,
        mask,
        hash,
        block,
        pii_values,
        own_data,
        guard_system_messages,
        deny,
        media_hosts,
        media_inline,
        external,
    ] = presets;
    [
        key(
            "injection",
            INJECTION,
            injection,
            "\"flag\"",
            "What becomes of a request with a text that looks like a prompt injection. `block` answers 400; `flag` lets it pass, with `golive-flagged` on the answer and a note in the ledger; `spotlight` marks the text for the model as data.",
        ),
        key(
            "user_threshold",
            PER_CENT,
            user_threshold,
            "95",
            "From this score on (per cent) a text of the caller's counts as an injection. `golive screen` shows scores.",
        ),
        key(
            "data_threshold",
            PER_CENT,
            data_threshold,
            "95",
            "The same for documents and results of tools.",
        ),
        key(
            "hidden_text",
            HIDDEN,
            hidden_text,
            "\"refuse\"",
            "What becomes of characters that nobody sees: control, bidirectional, zero-width and tag characters.",
        ),
        key(
            "pii",
            ACTION,
            pii,
            "\"block\"",
            "What becomes of personal data and secrets in answers. `redact` puts the kind in their place, `mask` keeps the last four characters, `hash` puts a token that is the same for the same value, `block` refuses the answer.",
        ),
        key(
            "pii_input",
            ACTION,
            pii_input,
            "\"redact\"",
            "The same for what requests bring.",
        ),
        key(
            "pii_kinds_allow",
            Names,
            allow,
            "[\"EMAIL_ADDRESS\"]",
            "Kinds that stay. `golive screen --kinds` lists all kinds.",
        ),
        key(
            "pii_kinds_redact",
            Names,
            redact,
            "[\"PERSON\"]",
            "Kinds that are redacted.",
        ),
        key(
            "pii_kinds_mask",
            Names,
            mask,
            "[\"CREDIT_CARD\"]",
            "Kinds of which the last four characters stay.",
        ),
        key(
            "pii_kinds_hash",
            Names,
            hash,
            "[\"IBAN_CODE\"]",
            "Kinds that become a token.",
        ),
        key(
            "pii_kinds_block",
            Names,
            block,
            "[\"SECRET_PRIVATE_KEY\"]",
            "Kinds with which a text is refused.",
        ),
        key(
            "pii_values",
            Names,
            pii_values,
            "[\"+49 30 1234567\"]",
            "Values that are nobody's secret, such as your own phone number.",
        ),
        key(
            "own_data",
            Flag,
            own_data,
            "true",
            "Whether a value that stands in the request may come back in its answer.",
        ),
        key(
            "guard_system_messages",
            Flag,
            guard_system_messages,
            "true",
            "Whether an answer that repeats ten words of the request's own system messages, or a code that stands in them, is withheld. An agent's `system_prompt_file` is always guarded. Leave it off where documents to quote from are sent as system messages.",
        ),
        key(
            "deny",
            Names,
            deny,
            "['(?i)project\\s+nightjar']",
            "Patterns that no request may hold, as regular expressions without look-around and back-references.",
        ),
        key(
            "media_hosts",
            Names,
            media_hosts,
            "[\"images.example.com\"]",
            "Hosts whose images and files a request may name; `*` is every public one. Only https, and never an address of digits.",
        ),
        key(
            "media_inline",
            Flag,
            media_inline,
            "true",
            "Whether golive fetches the images and documents that a request names and sends their bytes on in place of their address. `media_hosts` must name the hosts.",
        ),
        key(
            "external",
            Names,
            external,
            "[\"presidio\"]",
            "Screens outside of golive (`[screens.NAME]`) that are asked too, in this order.",
        ),
    ]
}

const GATEWAY: &[Key] = &rows([
    Is("\"block\""),
    Is("90"),
    Is("90"),
    Is("\"strip\""),
    Is("\"redact\""),
    Is("\"allow\""),
    Is("[]"),
    Is("[]"),
    Is("[]"),
    Is("[]"),
    Is("[]"),
    Is("[]"),
    Is("false"),
    Is("false"),
    Is("[]"),
    Is("[\"*\"]"),
    Is("false"),
    Is("[]"),
]);

/// Agents and models take the same keys.
const CALLEE: &[Key] = &rows([Absent("as in `[screening]`"); 18]);

pub(super) const SCREENING: Section = Section {
    path: "screening",
    doc: "What is done with texts that come in and go out, for every agent and model.",
    keys: GATEWAY,
};

pub(super) const KINDS: Section = Section {
    path: "screening.kinds.*",
    doc: "A kind of personal data of your own, named in capitals, beside those that golive brings along. It is put to the test by its examples whenever the file is read.",
    keys: &[
        key(
            "pattern",
            Text,
            Required,
            "'EMP-[0-9]{6}'",
            "What one looks like: a regular expression over ASCII, without look-around and back-references. It is matched at the beginning of a word, and not inside a longer one.",
        ),
        key(
            "checksum",
            Choice(&["luhn", "mod97", "mod11_10", "verhoeff"]),
            Absent("it has none"),
            "\"luhn\"",
            "The checksum of its letters and digits.",
        ),
        key(
            "context",
            Names,
            Is("[]"),
            "[\"employee\", \"staff number\"]",
            "Words near it. If there are any, a match without one of them is none.",
        ),
        key(
            "action",
            ACTION,
            Absent("as `pii` and `pii_input` say"),
            "\"block\"",
            "What becomes of one, in requests and in answers. `pii_kinds_…` of an agent or model hold before it.",
        ),
        key(
            "examples",
            Names,
            Required,
            "[\"ask EMP-004711\"]",
            "Texts in which one must be found.",
        ),
        key(
            "counter_examples",
            Names,
            Is("[]"),
            "[\"EMP-47\"]",
            "Texts in which none may be found.",
        ),
    ],
};

pub(super) const AGENT_SCREENING: Section = Section {
    path: "agents.*.screening",
    doc: "Screening of this agent, where it differs.",
    keys: CALLEE,
};

pub(super) const MODEL_SCREENING: Section = Section {
    path: "models.*.screening",
    doc: "Screening of this model, where it differs.",
    keys: CALLEE,
};
