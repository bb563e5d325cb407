//! S1.tree, S1.history, S1.archives, S1.env: the declared repository.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use golive_checklist::judge::{Rule, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_checklist::threshold::Zone;
use jiff::civil::Date;

use super::REPOSITORY_PARTS;
use super::control::{self, Tried};
use crate::ctx::Ctx;
use crate::part::PartDraft;
use crate::secrets::{Baseline, Engine, Finding, Origin, Scan, ScanOptions, scan};

/// Findings shown of one part.
const SHOWN: usize = 50;

const FIX: &str = "revoke the credential first, for whoever has a copy has it still; then take it out (of the history too), and \
                   hand it in by the environment or a secret store. What is none needs `golive:allow-secret` and a reason beside it, \
                   or an entry of the baseline";

pub(super) async fn prove(ctx: &Ctx, folder: PathBuf) -> Vec<PartReport> {
    ctx.waiting("reading the repository");
    let baseline = match ctx
        .config
        .scan_baseline
        .as_deref()
        .map(Baseline::read)
        .transpose()
    {
        Ok(baseline) => baseline,
        Err(error) => return unproven(ctx, &error.to_string()),
    };
    let today = jiff::ZonedDateTime::now().date();
    let stop = Arc::new(AtomicBool::new(false));
    let seed = ctx.seed;
    let work = {
        let stop = Arc::clone(&stop);
        let mut options = ScanOptions::new(today);
        options.baseline = baseline;
        move || look(&folder, seed, today, &options, &stop)
    };
    let mut running = tokio::task::spawn_blocking(work);
    let looked = tokio::select! {
        looked = &mut running => looked,
        () = ctx.cancel.cancelled() => {
            // A thread cannot be cancelled; it is told, and waited for.
            stop.store(true, Ordering::Relaxed);
            running.await
        }
    };
    match looked {
        _ if ctx.cancel.is_cancelled() => {
            unproven(ctx, "the run was interrupted while the repository was read")
        }
        Ok(Ok((scan, tried))) => {
            for note in scan.notes.iter().take(10) {
                ctx.warn(note.clone());
            }
            vec![
                tree(ctx, &scan, &tried),
                history(ctx, &scan, &tried),
                archives(ctx, &scan, &tried),
                env(ctx, &scan, &tried),
            ]
        }
        Ok(Err(why)) => unproven(ctx, &why),
        Err(error) => unproven(ctx, &format!("the scan broke off: {error}")),
    }
}

fn look(
    folder: &std::path::Path,
    seed: u64,
    today: Date,
    options: &ScanOptions,
    stop: &AtomicBool,
) -> Result<(Scan, Tried), String> {
    let engine = Engine::new().map_err(|error| error.to_string())?;
    let tried = control::try_all(&engine, seed, today);
    let scan =
        scan(&engine, folder, options, stop).map_err(|error| match std::error::Error::source(&error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        })?;
    Ok((scan, tried))
}

fn unproven(ctx: &Ctx, why: &str) -> Vec<PartReport> {
    REPOSITORY_PARTS
        .into_iter()
        .map(|part| ctx.part(part).unproven(why))
        .collect()
}

/// Everything must have been read: what was not says nothing, and one secret is enough.
const RULE: Rule = Rule {
    max_unscored_percent: 0,
    ..Rule::all_of(1)
};

fn tree(ctx: &Ctx, scan: &Scan, tried: &Tried) -> PartReport {
    let of = |finding: &&Finding| matches!(finding.origin, Origin::Tree | Origin::Imported);
    let mut tally = Tally::new();
    for _ in 0..scan.files {
        tally.add_good();
    }
    let part = found(ctx.part("S1.tree"), scan, of, &mut tally);
    for unread in &scan.unread {
        tally.add_unscored(&UnscoredReason::Unexpected(unread.clone()));
    }
    let mut judgement = tally.judge(&RULE);
    if let Some(first) = scan.ignored_but_tracked.first() {
        judgement =
            judgement.no_better_than(Zone::Warn, format!("{first} is ignored and tracked all the same"));
    }
    part.headline(format!(
        "{} files of {} MB read",
        scan.files,
        scan.bytes / 1_000_000
    ))
    .measured("files", scan.files)
    .measured("bytes", scan.bytes)
    .controls(tried.of("a folder", Origin::Tree))
    .judged(&judgement)
}

fn history(ctx: &Ctx, scan: &Scan, tried: &Tried) -> PartReport {
    let part = ctx.part("S1.history");
    let Some(history) = &scan.history else {
        let why = scan.no_history.as_deref().unwrap_or("it was not read");
        return part.unproven(format!("needs a git repository with its whole history: {why}"));
    };
    let mut tally = Tally::new();
    for _ in 0..history.objects {
        tally.add_good();
    }
    let part = found(part, scan, |finding| finding.in_history, &mut tally);
    for unread in &history.unread {
        tally.add_unscored(&UnscoredReason::Unexpected(unread.clone()));
    }
    if history.shallow {
        tally.add_unscored(&UnscoredReason::Unexpected(
            "a shallow clone: the older history is not here (`git fetch --unshallow` brings it)".to_owned(),
        ));
    }
    part.headline(format!(
        "{} objects of {} commits read, {} that nothing leads to",
        history.objects, history.commits, history.unreachable
    ))
    .measured("commits", history.commits)
    .measured("objects", history.objects)
    .measured("unreachable", history.unreachable)
    .controls(tried.of("a repository", Origin::History))
    .judged(&tally.judge(&RULE))
}

fn archives(ctx: &Ctx, scan: &Scan, tried: &Tried) -> PartReport {
    let mut tally = Tally::new();
    for _ in 0..scan.files.max(scan.members) {
        tally.add_good();
    }
    let part = found(
        ctx.part("S1.archives"),
        scan,
        |finding| finding.origin == Origin::Archive,
        &mut tally,
    );
    for unread in &scan.unread_archives {
        tally.add_unscored(&UnscoredReason::Unexpected(unread.clone()));
    }
    part.headline(format!(
        "{} archives with {} members among {} files",
        scan.archives, scan.members, scan.files
    ))
    .measured("archives", scan.archives)
    .measured("members", scan.members)
    .controls(tried.of("an archive", Origin::Archive))
    .judged(&tally.judge(&RULE))
}

fn env(ctx: &Ctx, scan: &Scan, tried: &Tried) -> PartReport {
    let part = ctx.part("S1.env").fix("add `.env` to .gitignore, `git rm --cached .env`, `chmod 600 .env`; what was ever committed is to be revoked");
    let Some(would_ignore) = scan.would_ignore_env else {
        return part
            .unproven("needs a git repository with a work tree: only there is a .env ignored or tracked");
    };
    let mut tally = Tally::new();
    if would_ignore {
        tally.add_good();
    } else {
        tally.add_bad("a .env at the top would not be ignored");
    }
    for file in &scan.env {
        let mut wrong = Vec::new();
        if file.ignored != Some(true) {
            wrong.push("is not ignored".to_owned());
        }
        if file.tracked == Some(true) {
            wrong.push("is tracked".to_owned());
        }
        if !file.private {
            wrong.push(format!("may be read by others (mode {})", file.mode));
        }
        if wrong.is_empty() {
            tally.add_good();
        } else {
            tally.add_bad(format!("{} {}", file.path, wrong.join(" and ")));
        }
    }
    let committed = scan
        .history
        .as_ref()
        .map_or(&[][..], |history| &history.env_files[..]);
    for place in committed {
        tally.add_bad(format!("{place} was committed"));
    }
    let lines = scan
        .env
        .iter()
        .map(|file| {
            format!(
                "{} mode {} ignored {:?} tracked {:?}",
                file.path, file.mode, file.ignored, file.tracked
            )
        })
        .chain(committed.iter().cloned());
    let lines: Vec<String> = lines.collect();
    part.headline(format!(
        "{} .env files; one at the top is ignored",
        scan.env.len()
    ))
    .measured("env_files", scan.env.len())
    .lines("the .env files", lines)
    .controls(tried.of_env())
    .judged(&tally.judge(&Rule::all_of(1)))
}

/// Counts the findings of a part, and shows them; what is allowed is shown too, and does not count.
fn found(part: PartDraft, scan: &Scan, of: impl Fn(&&Finding) -> bool, tally: &mut Tally) -> PartDraft {
    let counting: Vec<&Finding> = scan.counting().filter(|finding| of(finding)).collect();
    for finding in &counting {
        tally.add_bad(finding.to_string());
    }
    let allowed: Vec<String> = scan
        .findings
        .iter()
        .filter(|finding| !finding.counts() && of(finding))
        .take(SHOWN)
        .map(|finding| format!("{finding}: {}", finding.allowed.as_deref().unwrap_or_default()))
        .collect();
    let lines: Vec<String> = counting
        .iter()
        .take(SHOWN)
        .map(|finding| match &finding.note {
            Some(note) => format!("{finding} [{}]; {note}", finding.fingerprint),
            None => format!("{finding} [{}]", finding.fingerprint),
        })
        .collect();
    let mut part = part
        .fix(FIX)
        .measured("found", counting.len())
        .measured("allowed", allowed.len())
        .checklist("found", 0);
    if !lines.is_empty() {
        part = part.lines(
            format!("{} found, the first {}", counting.len(), lines.len()),
            lines,
        );
    }
    if !allowed.is_empty() {
        part = part.lines("allowed, with their reasons", allowed);
    }
    part
}
