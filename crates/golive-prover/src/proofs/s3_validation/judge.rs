//! S3: whether what came back is what a case must get. Pure.
//!
//! Never: takes a refusal for another reason (no key, over a limit) for a refusal of what was sent.

use std::time::Duration;

use golive_checklist::judge::{Scored, UnscoredReason};
use golive_config::Target;

use super::corpus::{Case, Expect};
use super::wire::Came;
use crate::target::{Answer, limited};

/// A refusal takes no longer. Source: PROVER.md, S3.
pub(super) const QUICK: Duration = Duration::from_secs(2);

/// Waited beyond [`QUICK`], so that the report can tell slow from silent.
const GRACE: Duration = Duration::from_secs(3);

/// How long a slow sender may be borne with: the minute that common servers give a body.
const SLOW: Duration = Duration::from_secs(65);

/// What nobody outside must read: traces of the inside in an answer.
const INSIDE: &[&str] = &[
    "panicked at",
    "Traceback (most recent call last)",
    "stack backtrace",
    "goroutine ",
    "node_modules/",
    "java.lang.",
    "\tat ",
    ".rs:",
    ".py\", line",
    ".js:",
    ".go:",
    "/home/",
    "/root/",
    "/usr/src/",
    "site-packages",
    "serde_json",
    "ECONNREFUSED",
];

/// A judged case.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    /// Held, or why not, or why nothing can be said.
    pub(super) held: Scored<Result<(), String>>,
    /// It held, but could be better.
    pub(super) warning: Option<String>,
    /// For the table.
    pub(super) short: String,
    pub(super) after: Duration,
}

/// How long to wait for a case.
pub(super) fn patience(expect: Expect) -> Duration {
    match expect {
        Expect::Slow => SLOW,
        Expect::Serve => Duration::from_secs(30),
        _ => QUICK + GRACE,
    }
}

pub(super) fn judge(case: &Case, came: &Came, target: &Target) -> Judged {
    let mut warning = None;
    let held = match (&came.missed, &came.answer) {
        (Some(reason), _) => Scored::Unscored(reason.clone()),
        (None, Some(answer)) => answered(case, came, answer, target, &mut warning),
        (None, None) => Scored::Scored(unanswered(case.expect, came)),
    };
    Judged {
        held,
        warning,
        short: came.short(),
        after: came.after,
    }
}

/// Whether a status is the refusal that is expected; `Err` when it refuses something else.
pub(super) fn status(status: u16, expect: Expect) -> Result<bool, UnscoredReason> {
    let broken_http = matches!(
        expect,
        Expect::RefuseOrClose | Expect::EitherOrClose | Expect::Framing | Expect::Close | Expect::Slow
    );
    match status {
        429 => Err(limited()),
        401 | 403 | 407 => Err(UnscoredReason::Unexpected(format!(
            "status {status}: who asked was refused, not what was asked"
        ))),
        400..=499 => Ok(true),
        501 | 505 if broken_http => Ok(true),
        _ => Ok(false),
    }
}

fn answered(
    case: &Case,
    came: &Came,
    answer: &Answer,
    target: &Target,
    warning: &mut Option<String>,
) -> Scored<Result<(), String>> {
    let code = answer.status.as_u16();
    if case.expect == Expect::Serve {
        return match answer.reply(target) {
            _ if answer.is_limited() => Scored::Unscored(limited()),
            Scored::Scored(_) => Scored::Scored(Ok(())),
            Scored::Unscored(reason) => Scored::Scored(Err(format!("not served ({reason})"))),
        };
    }
    let served = answer.status.is_success();
    let may_serve = matches!(
        case.expect,
        Expect::Either | Expect::EitherOrClose | Expect::Framing
    );
    if served && may_serve {
        return Scored::Scored(if case.expect == Expect::Framing && !came.closed {
            Err("served, and the connection was kept open for what follows".to_owned())
        } else {
            Ok(())
        });
    }
    let refused = match status(code, case.expect) {
        Ok(refused) => refused,
        Err(reason) => return Scored::Unscored(reason),
    };
    let text = answer.text();
    Scored::Scored(if code >= 500 && !refused {
        Err(format!("answered {code}: the server broke over it"))
    } else if served {
        Err(format!("accepted ({code})"))
    } else if !refused {
        Err(format!("answered {code}, which is no refusal"))
    } else if let Some(inside) = INSIDE.iter().find(|inside| text.contains(**inside)) {
        Err(format!("the answer tells of the inside (`{}`)", inside.trim()))
    } else if came.after > QUICK && case.expect != Expect::Slow {
        Err(format!("refused only after {} ms", came.after.as_millis()))
    } else if case.expect == Expect::Framing && !came.closed {
        Err("the connection was kept open for what follows two lengths".to_owned())
    } else {
        let broken_http = !matches!(case.expect, Expect::Refuse | Expect::Either);
        if !broken_http && !answer.is_wire_error(target.format) {
            *warning = Some(format!("a {code} that is not in the wire format"));
        }
        Ok(())
    })
}

/// No answer: right only where the connection was closed and HTTP itself was broken.
fn unanswered(expect: Expect, came: &Came) -> Result<(), String> {
    let may_close = !matches!(expect, Expect::Refuse | Expect::Either | Expect::Serve);
    match (came.closed || came.goaway, may_close) {
        (true, true) => Ok(()),
        (true, false) => Err("the connection was closed without a word".to_owned()),
        (false, _) => Err(format!(
            "no answer and no end within {} s",
            patience(expect).as_secs()
        )),
    }
}
