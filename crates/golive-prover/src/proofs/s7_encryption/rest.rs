//! S7.rest: words sent through the agent, read back by the declared command, and searched for in the declared files.

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::{Evidence, PartReport};
use golive_checklist::threshold::Zone;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::files::{self, Prints, Searched};
use super::needles::{Needles, try_search};
use crate::clock;
use crate::command::Ran;
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::part::PartDraft;
use crate::target::{Ask, Exchange};

/// How long the words may take to be readable, and a declared file to change.
const STORED_WITHIN: Duration = Duration::from_secs(15);
/// What is still on its way to a file when the first one has changed gets there within this.
const FLUSH: Duration = Duration::from_secs(2);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// Headers in which gateways tell the id of a request.
const ID_HEADERS: [&str; 4] = [
    "x-request-id",
    "request-id",
    "golive-request-id",
    "x-correlation-id",
];

/// The words of one run.
struct Words {
    /// Stands in the prompt.
    prompt: String,
    /// Its halves stand in the prompt apart; a model that obeys puts them together.
    joined: (String, String),
    /// The user.
    user: String,
}

pub(super) async fn prove(ctx: &Ctx) -> PartReport {
    let part = ctx.part("S7.rest").fix(
        "seal every column that holds what people said before it is written, under AES-256-GCM with a key that does \
         not stand beside it; keep users as keyed hashes; log ids and sizes, never bodies",
    );
    let (before, wrong) = files::matching(&ctx.config.store_files);
    if before.is_empty() {
        return part.unproven(format!("store_files: {}", wrong.join("; ")));
    }
    let words = Words::new(ctx);
    ctx.waiting("words that are sent, to be found again");
    let exchange = ctx.target.send(ctx.target.call(&words.ask())).await;
    let said = match exchange.score(|answer| answer.reply(&ctx.config)) {
        Scored::Scored(reply) => reply.text,
        Scored::Unscored(reason) => {
            return part
                .evidence(exchange.evidence("the request that carries the words"))
                .unproven(format!(
                    "the request that carries the words was not answered: {reason}"
                ));
        }
    };
    let reply = words.in_reply(&said);
    let read = match read_back(ctx, &words, &exchange).await {
        Ok(read) => read,
        Err(why) => return part.unproven(why),
    };
    let changed = changed(ctx, &before).await;
    ctx.sleep(FLUSH).await;
    ctx.waiting("the words in the declared files");

    let mut sent = vec![("prompt", words.prompt.as_str()), ("user", words.user.as_str())];
    sent.extend(reply.as_deref().map(|word| ("reply", word)));
    let needles = Needles::new(&sent).and(Needles::hashes("user's hash", &words.user));
    let (patterns, prints) = (ctx.config.store_files.clone(), before.clone());
    let searching = tokio::task::spawn_blocking(move || files::search(&patterns, &prints, &needles));
    let Ok(searched) = searching.await else {
        return part.unproven("the search of the files crashed: a fault of golive, please report it");
    };
    judge(
        ctx,
        part,
        &words,
        reply.as_deref(),
        &read,
        &changed,
        searched,
        wrong,
    )
}

#[expect(
    clippy::too_many_arguments,
    reason = "all that was seen comes together here, once"
)]
fn judge(
    ctx: &Ctx,
    part: PartDraft,
    words: &Words,
    reply: Option<&str>,
    read: &Ran,
    changed: &[String],
    searched: Searched,
    wrong: Vec<String>,
) -> PartReport {
    let kept = |word: &str| read.said.contains(word);
    let mut tally = Tally::new();
    let mut lines = Vec::new();
    for (what, word) in [
        ("prompt", Some(words.prompt.as_str())),
        ("reply", reply),
        ("user", Some(words.user.as_str())),
    ] {
        let hits: Vec<String> = searched
            .hits
            .iter()
            .filter(|(_, hit)| hit.what == what)
            .map(|(path, hit)| format!("{} in {} at byte {}", hit.how, path.display(), hit.offset))
            .collect();
        match (word, hits.first()) {
            (_, Some(first)) => {
                lines.extend(hits.iter().map(|hit| format!("{what}: {hit}")));
                tally.add_bad(format!("the {what} stands in clear: {first}"));
            }
            (None, None) => lines.push(format!(
                "{what}: the agent did not say the word, so it was not looked for"
            )),
            (Some(word), None) if kept(word) => {
                tally.add_good();
                lines.push(format!("{what}: kept, and in no file in clear"));
            }
            (Some(_), None) => {
                lines.push(format!(
                    "{what}: in no file in clear, but the command did not show that it was kept"
                ));
            }
        }
    }
    for _ in &searched.unread {
        tally.add_unscored(&UnscoredReason::Truncated);
    }
    let hashed: Vec<String> = searched
        .hits
        .iter()
        .filter(|(_, hit)| hit.what == "user's hash")
        .map(|(path, hit)| format!("the user stands as {} in {}", hit.how, path.display()))
        .collect();
    let wrong_search = try_search();
    let controls = Controls::new()
        .positive(Positive::new(
            "the word of the prompt can be read back: it was kept",
            Scored::Scored(kept(&words.prompt)),
            format!("commands.read_back: {}", read.ending),
        ))
        .positive(Positive::new(
            "a declared file changed when it was stored: it is kept there",
            Scored::Scored(!changed.is_empty()),
            changed.join(", "),
        ))
        .negative(Negative::new(
            "made files that hold a word in each encoding and compression are found out",
            Scored::Scored(wrong_search.is_empty()),
            wrong_search.join("; "),
        ));
    let mut judgement = tally.judge(&Rule::all_of(1));
    if !hashed.is_empty() {
        let why = format!(
            "{}: whoever has a list of users knows who it was",
            hashed.join("; ")
        );
        judgement = judgement.no_better_than(Zone::Warn, why);
    }
    lines.extend(searched.unread.iter().cloned());
    lines.extend(wrong);
    lines.push("tickets and files that nobody declared were not looked at".to_owned());
    let words_of = |ran: &Ran| Evidence {
        // What it printed holds what was said; that it was there is all that is told.
        sent: Some(ran.words.join(" ")),
        received: Some(format!("{}, {} bytes", ran.ending, ran.said.len())),
        ..ran.evidence("the command that reads back")
    };
    let files = if searched.files == 1 { "file" } else { "files" };
    let found = if tally.bad() == 0 {
        "nothing that was said"
    } else {
        "what was said"
    };
    part.headline(format!(
        "{found} stands in clear in {} {files} ({} KiB)",
        searched.files,
        searched.bytes / 1024
    ))
    .measured("files", searched.files)
    .measured("bytes", searched.bytes)
    .measured("found", searched.hits.len())
    .scaled(ctx.config.scaled)
    .lines("the words", lines)
    .evidence(words_of(read))
    .controls(controls)
    .judged(&judgement)
}

impl Words {
    fn new(ctx: &Ctx) -> Words {
        // Another run's words must not be found, even with the same seed.
        let mut dice = StdRng::seed_from_u64(ctx.seed ^ ctx.target.run_id());
        let mut word = |length: usize| -> String {
            let letters = b"abcdefghijkmnopqrstuvwxyz23456789";
            (0..length)
                .map(|_| char::from(letters[dice.random_range(0..letters.len())]))
                .collect()
        };
        Words {
            prompt: word(32),
            joined: (word(12), word(12)),
            user: ctx.user(&format!("rest-{}", word(8))),
        }
    }

    /// The word stands there three times: a page of a database may end inside one of them.
    fn ask(&self) -> Ask {
        let (first, second) = &self.joined;
        let text = format!(
            "Hello, the word of the day is {0}.\nCan you put {first} and {second} together for me, please?\nOnce more, the \
             word of the day: {0}. A last time: {0}.",
            self.prompt
        );
        Ask::new(text).user(self.user.clone())
    }

    /// A word of the reply that stands in no request: the joined one, or the lab's mark.
    fn in_reply(&self, said: &str) -> Option<String> {
        let joined = format!("{}{}", self.joined.0, self.joined.1);
        if said.contains(&joined) {
            return Some(joined);
        }
        golive_lab::nonce::find(said).map(|mark| mark.nonce)
    }
}

/// Runs the declared command until it shows the word, or for the last time.
async fn read_back(ctx: &Ctx, words: &Words, exchange: &Exchange) -> Result<Ran, String> {
    let command = ctx.config.commands.read_back.as_deref().unwrap_or_default();
    let id = exchange
        .answer()
        .and_then(|answer| ID_HEADERS.iter().find_map(|name| answer.header(name)))
        .unwrap_or_default();
    if id.is_empty() && command.iter().any(|word| word.contains("{id}")) {
        return Err(format!(
            "commands.read_back wants the {{id}} of the request, and the answer has none of the headers {}",
            ID_HEADERS.join(", ")
        ));
    }
    let values = [
        ("id", id),
        ("user", words.user.as_str()),
        ("prompt", words.prompt.as_str()),
    ];
    let started = clock::now();
    loop {
        ctx.waiting("the words to be readable again");
        let ran = ctx
            .run(command, &values)
            .await
            .map_err(|error| error.to_string())?;
        let shown = ran.said.contains(&words.prompt);
        let age = clock::now().saturating_duration_since(started);
        if shown || age > STORED_WITHIN || !ctx.sleep(PAUSE).await {
            return Ok(ran);
        }
    }
}

/// The declared files that are others than before, once there is one.
async fn changed(ctx: &Ctx, before: &Prints) -> Vec<String> {
    let started = clock::now();
    loop {
        let (now, _) = files::matching(&ctx.config.store_files);
        let changed: Vec<String> = now
            .iter()
            .filter(|(path, print)| before.get(*path) != Some(print))
            .map(|(path, _)| path.display().to_string())
            .collect();
        let age = clock::now().saturating_duration_since(started);
        if !changed.is_empty() || age > STORED_WITHIN || !ctx.sleep(PAUSE).await {
            return changed;
        }
    }
}
