//! S3, S4, S8: the rows of screens outside of golive.

use super::Kind::{Choice, Count, File, Names, Networks, Size, Text, Url, Variable};
use super::Preset::{Absent, Is, Required};
use super::{HOUR, KIB, MIB, Section, key, millis, seconds};

pub(super) const MEDIA: Section = Section {
    path: "media",
    doc: "How golive fetches images and documents that requests name, where `screening.media_inline` asks for it.",
    keys: &[
        key(
            "size",
            Size(KIB, 32 * MIB),
            Is("\"8 MiB\""),
            "\"2 MiB\"",
            "The largest image or document.",
        ),
        key(
            "timeout",
            millis(10, 60),
            Is("\"10s\""),
            "\"3s\"",
            "For all of one request together.",
        ),
        key(
            "private_addresses",
            Networks,
            Is("[]"),
            "[\"10.0.0.0/8\"]",
            "Private ranges their hosts may be in. Without them only public addresses are called.",
        ),
        key(
            "ca_file",
            File,
            Absent("Mozilla's authorities"),
            "\"tls/own-ca.pem\"",
            "PEM file of the authorities that vouch for their hosts.",
        ),
    ],
};

pub(super) const SCREENS: Section = Section {
    path: "screens.*",
    doc: "A screen outside of golive that is asked by HTTP, beside golive's own. `screening.external` says who uses it.",
    keys: &[
        key(
            "kind",
            Choice(&["presidio", "llm-guard", "webhook"]),
            Required,
            "\"presidio\"",
            "How it is asked: Microsoft Presidio's analyzer, LLM Guard's API, or the form of docs/screening.md.",
        ),
        key(
            "url",
            Url,
            Required,
            "\"https://presidio.example.com\"",
            "Where it is. golive adds `/analyze` (presidio), `/analyze/prompt` and `/analyze/output` (llm-guard); a webhook is called as it stands here.",
        ),
        key(
            "api_key_env",
            Variable,
            Absent("it is asked without a key"),
            "\"SCREEN_KEY\"",
            "Variable that holds its key, sent as `Authorization: Bearer`.",
        ),
        key(
            "api_key_file",
            File,
            Absent("it is asked without a key"),
            "\"/run/secrets/screen\"",
            "File that holds its key instead.",
        ),
        key(
            "deadline",
            millis(10, 60),
            Is("\"2s\""),
            "\"500ms\"",
            "For all texts of one request, or of one answer, together.",
        ),
        key(
            "fail",
            Choice(&["closed", "open"]),
            Is("\"closed\""),
            "\"open\"",
            "What happens to a text that it could not be asked about. `closed` answers 503; `open` lets it pass with a note in the ledger.",
        ),
        key(
            "applies_to",
            Names,
            Is("[\"input\", \"output\"]"),
            "[\"input\"]",
            "Whether it is asked about what requests bring, about answers, or both.",
        ),
        key(
            "action",
            Choice(&["block", "redact", "flag"]),
            Is("\"block\""),
            "\"redact\"",
            "What becomes of a text in which it finds something. `redact` puts the kind in the place of what presidio found, or the text that llm-guard gives back.",
        ),
        key(
            "threshold",
            Count(1, 100),
            Is("50"),
            "80",
            "Findings of presidio below this score (per cent) do not count.",
        ),
        key(
            "language",
            Text,
            Is("\"en\""),
            "\"de\"",
            "The language that presidio is told.",
        ),
        key(
            "streams",
            Choice(&["refuse", "hold"]),
            Is("\"refuse\""),
            "\"hold\"",
            "What becomes of a request for a stream whose answer it is to look at. `hold` tells the stream when it is whole, within the time of a first byte; a finding then withholds it, also with `action = \"redact\"`.",
        ),
        key(
            "failures",
            Count(1, 1000),
            Is("5"),
            "3",
            "Failures in a row after which it is left alone for a while.",
        ),
        key(
            "open",
            seconds(1, HOUR),
            Is("\"30s\""),
            "\"10s\"",
            "How long it is left alone; then one call tries again.",
        ),
        key(
            "private_addresses",
            Networks,
            Is("[]"),
            "[\"10.0.0.0/8\"]",
            "Private ranges it may be in. Without them only public addresses are called.",
        ),
        key(
            "ca_file",
            File,
            Absent("Mozilla's authorities"),
            "\"tls/own-ca.pem\"",
            "PEM file of the authorities that vouch for it.",
        ),
    ],
};
