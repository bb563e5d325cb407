//! P3, P4, E1, E5: `[retry]`, `[breaker]`, `[queue]` and `[messages.LOCALE]`, of the gateway and of its agents and models.

use super::{Table, Walk};
use crate::meant::{
    BreakerNumbers, Messages, Overflow, Patience, Queue, Resilience, RetryBudget, RetryPolicy, Sentences,
};

/// What holds for every agent and model.
pub(super) fn all(walk: &mut Walk<'_>, root: &Table<'_>) -> Resilience {
    read(walk, root, &Resilience::default())
}

/// What holds for one: its own keys, and the gateway's for the others.
pub(super) fn own(walk: &mut Walk<'_>, callee: &Table<'_>, preset: &Resilience) -> Resilience {
    read(walk, callee, preset)
}

fn read(walk: &mut Walk<'_>, at: &Table<'_>, preset: &Resilience) -> Resilience {
    let retry = at.child(walk, "retry");
    let breaker = at.child(walk, "breaker");
    let queue = at.child(walk, "queue");
    let patience = [
        ("rotate", Patience::Rotate),
        ("retry-first", Patience::RetryFirst),
    ];
    Resilience {
        retry: RetryPolicy {
            backoff: retry
                .durations(walk, "backoff")
                .unwrap_or_else(|| preset.retry.backoff.clone()),
            jitter_percent: retry
                .count32(walk, "jitter_percent")
                .unwrap_or(preset.retry.jitter_percent),
            patience: retry
                .choice(walk, "patience", &patience)
                .unwrap_or(preset.retry.patience),
            attempts_max: retry
                .count32(walk, "attempts_max")
                .unwrap_or(preset.retry.attempts_max),
        },
        idempotent: retry.flag(walk, "idempotent").unwrap_or(preset.idempotent),
        breaker: BreakerNumbers {
            failures: breaker
                .count32(walk, "failures")
                .unwrap_or(preset.breaker.failures),
            open: breaker.duration(walk, "open").unwrap_or(preset.breaker.open),
            successes: breaker
                .count32(walk, "successes")
                .unwrap_or(preset.breaker.successes),
        },
        queue: Queue {
            length: queue.count32(walk, "length").unwrap_or(preset.queue.length),
            wait: queue.duration(walk, "wait").unwrap_or(preset.queue.wait),
            high_roles: roles(walk, &queue, "high_roles", &preset.queue.high_roles),
            low_roles: roles(walk, &queue, "low_roles", &preset.queue.low_roles),
            overflow: queue
                .choice(walk, "overflow", &Overflow::WORDS)
                .unwrap_or(preset.queue.overflow),
        },
    }
}

fn roles(walk: &mut Walk<'_>, table: &Table<'_>, name: &str, preset: &[String]) -> Vec<String> {
    match table.names(walk, name) {
        Some(names) => names.into_iter().map(|at| at.value).collect(),
        None => preset.to_vec(),
    }
}

/// `[upstreams.NAME.retry_budget]`.
pub(super) fn budget(walk: &mut Walk<'_>, upstream: &Table<'_>) -> RetryBudget {
    let table = upstream.child(walk, "retry_budget");
    let preset = RetryBudget::default();
    RetryBudget {
        floor: table.count32(walk, "floor").unwrap_or(preset.floor),
        share_percent: table
            .count32(walk, "share_percent")
            .unwrap_or(preset.share_percent),
    }
}

/// `[messages.LOCALE]`: the gateway's; those of an agent stand over them.
pub(super) fn messages(walk: &mut Walk<'_>, at: &Table<'_>, preset: &Messages) -> Messages {
    let mut all = preset.clone();
    for (locale, table) in at.child(walk, "messages").named(walk) {
        let tag = locale.value.to_ascii_lowercase();
        if !is_language_tag(&tag) {
            let message = format!("`{}` is no language tag", super::table::shown(&locale.value));
            walk.mistake(locale.span, "bad_value", message)
                .help("write it as browsers send it, as in [messages.de] or [messages.pt-BR]");
            continue;
        }
        let before = all
            .get(&tag)
            .or_else(|| all.get("en"))
            .cloned()
            .unwrap_or_else(sentences);
        let told = Sentences {
            unavailable: sentence(walk, &table, "unavailable").unwrap_or(before.unavailable),
            overloaded: sentence(walk, &table, "overloaded").unwrap_or(before.overloaded),
        };
        all.insert(tag, told);
    }
    all
}

fn sentence(walk: &mut Walk<'_>, table: &Table<'_>, name: &str) -> Option<String> {
    let written = table.text(walk, name)?;
    if written.value.trim().is_empty() {
        walk.mistake(
            written.span,
            "bad_value",
            format!("`{}.{name}` says nothing", table.path),
        )
        .help("write the sentence that people are to read, or leave the key out");
    }
    Some(written.value)
}

/// RFC 5646 as far as it matters here: parts of one to eight letters and digits, the first of letters.
fn is_language_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    (2..=8).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_lowercase())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

fn sentences() -> Sentences {
    Sentences {
        unavailable: UNAVAILABLE[0].1.to_owned(),
        overloaded: UNAVAILABLE[0].2.to_owned(),
    }
}

/// What holds where the file says nothing.
pub(super) fn preset_messages() -> Messages {
    UNAVAILABLE
        .iter()
        .map(|(tag, unavailable, overloaded)| {
            let sentences = Sentences {
                unavailable: (*unavailable).to_owned(),
                overloaded: (*overloaded).to_owned(),
            };
            ((*tag).to_owned(), sentences)
        })
        .collect()
}

/// English first: it stands in for every language that has no sentence of its own.
const UNAVAILABLE: [(&str, &str, &str); 8] = [
    (
        "en",
        "I'm having trouble answering right now. Please try again in a moment, or ask to talk to a person.",
        "Very many people are asking right now. Please try again in a moment.",
    ),
    (
        "de",
        "Ich kann gerade nicht antworten. Bitte versuchen Sie es gleich noch einmal, oder fragen Sie nach einem Menschen.",
        "Gerade fragen sehr viele Menschen. Bitte versuchen Sie es gleich noch einmal.",
    ),
    (
        "fr",
        "Je n'arrive pas à répondre pour le moment. Réessayez dans un instant ou demandez à parler à une personne.",
        "Les demandes sont très nombreuses en ce moment. Réessayez dans un instant.",
    ),
    (
        "es",
        "Ahora mismo no puedo responder. Inténtelo de nuevo en un momento o pida hablar con una persona.",
        "Hay muchas consultas en este momento. Inténtelo de nuevo en un momento.",
    ),
    (
        "it",
        "In questo momento non riesco a rispondere. Riprovi tra poco o chieda di parlare con una persona.",
        "In questo momento le richieste sono moltissime. Riprovi tra poco.",
    ),
    (
        "pt",
        "Não consigo responder agora. Tente de novo daqui a pouco ou peça para falar com uma pessoa.",
        "Há muitos pedidos neste momento. Tente de novo daqui a pouco.",
    ),
    (
        "nl",
        "Ik kan op dit moment niet antwoorden. Probeer het zo nog eens, of vraag naar een medewerker.",
        "Er zijn nu erg veel vragen. Probeer het zo nog eens.",
    ),
    (
        "ja",
        "ただいまお答えできません。少し待ってからもう一度お試しいただくか、担当者をお呼びください。",
        "ただいま大変混み合っています。少し待ってからもう一度お試しください。",
    ),
];
