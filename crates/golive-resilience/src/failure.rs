//! P3, P4, E4: what a failed attempt means: the one table that retry, breaker and fallback read.
//!
//! A row says two things. *Health*: what the attempt proves about the link, which is all its breaker hears. *Next*: what
//! may be asked after it. The rules behind the rows:
//!
//! - 408, 429, 5xx (529 among them), connect errors, silence and answers that nobody can read are tried again; a 4xx
//!   that is the caller's own ends the request, for another link would refuse it too.
//! - 429, the caller's errors and a caller who left count neither for nor against a link.
//! - 401, 402 and 403 are about golive's own account at that link: no retry heals them, another link may. They do not
//!   open the breaker either: a filter in front of a provider answers 403 to certain texts, and whoever can write such a
//!   text must not be able to close a link to everyone.
//! - An HTTP agent may have acted. It is asked again only if it never had the request (not sent, 429, or 503 with
//!   `Retry-After`), unless it is declared idempotent; after a fate that nobody knows only links to models may still
//!   be asked, which do nothing but answer.
//! - Nothing is tried again after the commit point.
//!
//! Never: parses a message or knows a link by name.

/// What a link leads to, as far as repeating a request is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamClass {
    /// A model provider: answers, and does nothing else.
    Model,
    /// An HTTP agent that may act on what it is asked: asking twice may act twice.
    Agent,
    /// An HTTP agent that is declared idempotent: asking twice acts once.
    IdempotentAgent,
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// There was no place for one more call at the link's upstream; nothing was sent.
    NoPlace,
    /// The request cannot be said in the link's format; nothing was sent.
    NotExpressible,
    /// Refused, not resolved, no TLS, or reset before a byte of the request was written.
    NotConnected,
    /// Not reached within the connect clock.
    ConnectTimeout,
    /// Sent, and no content came within the first-byte clock.
    FirstByteTimeout,
    /// Bytes came, then silence, before any content.
    IdleTimeout,
    /// The attempt took as long as a whole request may.
    TotalTimeout,
    /// The connection broke after the request was sent and before the commit point.
    Reset,
    /// An answer with a status that is no success.
    Status {
        /// The status.
        code: u16,
        /// It came with `Retry-After` (or `retry-after-ms`): the upstream did not take the request up.
        hinted: bool,
        /// It came with `x-should-retry: false`: who stands before the upstream has spent the retries already.
        hopeless: bool,
    },
    /// The account is out of credit though the status says something milder (429 `insufficient_quota`).
    NoCredit,
    /// A success that is not what its format promises: unreadable, cut before its content, too long, no text.
    Broken,
    /// A success that holds an error object.
    ErrorObject,
    /// The stream broke or fell silent after its first content had gone to the caller.
    AfterCommit,
    /// golive itself withheld the answer.
    Blocked {
        /// The config says that another link may try (`on_block = "fallback"`).
        fall_back: bool,
    },
    /// The caller went away.
    CallerLeft,
}

/// What an attempt proves about its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Health {
    /// The link works.
    Good,
    /// The link failed.
    Bad,
    /// Nothing: it neither counts against the link nor breaks a row of failures.
    Silent,
}

/// What may be asked after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// Any link, this one too after a wait.
    Retry,
    /// Any other link; this one not again for this request.
    Rotate,
    /// Only links to models: the agent may have acted, and a second one might act again.
    RotateToModels,
    /// Nothing: the failure is the request's answer.
    End,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// What the link's breaker hears.
    pub health: Health,
    /// What may be asked next.
    pub next: Next,
}

impl Failure {
    /// The row for this failure at a link of that class.
    #[must_use]
    pub fn verdict(self, class: UpstreamClass) -> Verdict {
        use Health::{Bad, Good, Silent};
        let (health, next) = match self {
            // Never sent: whatever the class, nothing has happened.
            Self::NoPlace => (Silent, Next::Retry),
            Self::NotExpressible => (Silent, Next::Rotate),
            Self::NotConnected | Self::ConnectTimeout => (Bad, Next::Retry),
            // Sent, and nobody knows what became of it.
            Self::FirstByteTimeout
            | Self::IdleTimeout
            | Self::TotalTimeout
            | Self::Reset
            | Self::Broken
            | Self::ErrorObject => (Bad, again(class)),
            Self::Status {
                code,
                hinted,
                hopeless,
            } => {
                let (health, next) = by_status(code, hinted, class);
                let spent = hopeless && next == Next::Retry;
                (health, if spent { Next::Rotate } else { next })
            }
            Self::NoCredit => (Silent, Next::Rotate),
            Self::AfterCommit => (Bad, Next::End),
            // The link did its part; what it said was golive's to judge.
            Self::Blocked { fall_back: false } => (Good, Next::End),
            Self::Blocked { fall_back: true } => (Good, elsewhere(class)),
            Self::CallerLeft => (Silent, Next::End),
        };
        Verdict { health, next }
    }

    /// The word for it in the ledger, in metrics and in `golive explain`; one of a closed set.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoPlace => "no_place",
            Self::NotExpressible => "not_expressible",
            Self::NotConnected => "not_connected",
            Self::ConnectTimeout => "connect_timeout",
            Self::FirstByteTimeout => "first_byte_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::TotalTimeout => "total_timeout",
            Self::Reset => "reset",
            Self::Status { code, .. } => match code {
                401 | 403 => "credential",
                402 => "no_credit",
                408 => "status_408",
                429 => "status_429",
                400..=499 => "status_4xx",
                503 => "status_503",
                529 => "status_529",
                500..=599 => "status_5xx",
                _ => "status_other",
            },
            Self::NoCredit => "no_credit",
            Self::Broken => "broken",
            Self::ErrorObject => "error_object",
            Self::AfterCommit => "after_commit",
            Self::Blocked { .. } => "blocked",
            Self::CallerLeft => "caller_left",
        }
    }
}

fn by_status(code: u16, hinted: bool, class: UpstreamClass) -> (Health, Next) {
    match code {
        429 => (Health::Silent, Next::Retry),
        // The sign of a server that declined the work before it began.
        503 if hinted => (Health::Bad, Next::Retry),
        408 | 500..=599 => (Health::Bad, again(class)),
        401..=403 => (Health::Silent, Next::Rotate),
        400..=499 => (Health::Silent, Next::End),
        // A redirect is never followed, and a status that is no answer is none.
        _ => (Health::Bad, again(class)),
    }
}

/// What follows a fate that nobody knows.
fn again(class: UpstreamClass) -> Next {
    match class {
        UpstreamClass::Model | UpstreamClass::IdempotentAgent => Next::Retry,
        UpstreamClass::Agent => Next::RotateToModels,
    }
}

/// What follows an answer that was given and not used: the same link would give it again.
fn elsewhere(class: UpstreamClass) -> Next {
    match class {
        UpstreamClass::Model => Next::Rotate,
        // Idempotent or not, this agent has acted: another one would act a second time.
        UpstreamClass::Agent | UpstreamClass::IdempotentAgent => Next::RotateToModels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSES: [UpstreamClass; 3] = [
        UpstreamClass::Model,
        UpstreamClass::Agent,
        UpstreamClass::IdempotentAgent,
    ];

    fn status(code: u16) -> Failure {
        Failure::Status {
            code,
            hinted: false,
            hopeless: false,
        }
    }

    /// Every failure, with every status there can be, hinted or not, hopeless or not.
    fn all() -> Vec<Failure> {
        let mut all = vec![
            Failure::NoPlace,
            Failure::NotExpressible,
            Failure::NotConnected,
            Failure::ConnectTimeout,
            Failure::FirstByteTimeout,
            Failure::IdleTimeout,
            Failure::TotalTimeout,
            Failure::Reset,
            Failure::NoCredit,
            Failure::Broken,
            Failure::ErrorObject,
            Failure::AfterCommit,
            Failure::Blocked { fall_back: false },
            Failure::Blocked { fall_back: true },
            Failure::CallerLeft,
        ];
        for code in 100..1000 {
            for (hinted, hopeless) in [(false, false), (true, false), (false, true), (true, true)] {
                all.push(Failure::Status {
                    code,
                    hinted,
                    hopeless,
                });
            }
        }
        all
    }

    #[test]
    fn connect_errors_408_429_5xx_and_529_are_retried_at_a_model_provider() {
        let sent_or_not = [
            Failure::NotConnected,
            Failure::ConnectTimeout,
            Failure::FirstByteTimeout,
            Failure::IdleTimeout,
            Failure::TotalTimeout,
            Failure::Reset,
            Failure::Broken,
            Failure::ErrorObject,
        ];
        let statuses = [408, 429].into_iter().chain(500..=599).map(status);
        for failure in sent_or_not.into_iter().chain(statuses) {
            assert_eq!(
                failure.verdict(UpstreamClass::Model).next,
                Next::Retry,
                "{failure:?}"
            );
        }
    }

    #[test]
    fn the_callers_own_4xx_is_neither_retried_nor_tried_elsewhere_and_counts_for_nothing() {
        for code in (400..=499).filter(|c| !matches!(c, 401..=403 | 408 | 429)) {
            for class in CLASSES {
                let verdict = status(code).verdict(class);
                assert_eq!(
                    verdict,
                    Verdict {
                        health: Health::Silent,
                        next: Next::End
                    },
                    "{code}"
                );
            }
        }
    }

    #[test]
    fn a_refusal_of_golives_own_account_asks_another_link_and_never_the_same_one() {
        for failure in [status(401), status(402), status(403), Failure::NoCredit] {
            for class in CLASSES {
                let verdict = failure.verdict(class);
                assert_eq!(
                    (verdict.health, verdict.next),
                    (Health::Silent, Next::Rotate),
                    "{failure:?}"
                );
            }
        }
    }

    #[test]
    fn breakers_count_no_429_no_4xx_of_a_caller_and_no_caller_who_left() {
        for failure in all() {
            for class in CLASSES {
                let bad = failure.verdict(class).health == Health::Bad;
                let expected = match failure {
                    Failure::Status { code, .. } => code == 408 || !(400..=499).contains(&code),
                    Failure::NoPlace
                    | Failure::NotExpressible
                    | Failure::NoCredit
                    | Failure::Blocked { .. }
                    | Failure::CallerLeft => false,
                    _ => true,
                };
                assert_eq!(bad, expected, "{failure:?} {class:?}");
            }
        }
    }

    #[test]
    fn an_agent_is_asked_again_only_if_it_never_had_the_request() {
        for failure in all() {
            let verdict = failure.verdict(UpstreamClass::Agent);
            let never_had_it = match failure {
                Failure::NoPlace | Failure::NotConnected | Failure::ConnectTimeout => true,
                Failure::Status {
                    code,
                    hinted,
                    hopeless,
                } => !hopeless && (code == 429 || (code == 503 && hinted)),
                _ => false,
            };
            assert_eq!(verdict.next == Next::Retry, never_had_it, "{failure:?}");
        }
        assert_eq!(
            status(500).verdict(UpstreamClass::Agent).next,
            Next::RotateToModels
        );
        assert_eq!(
            Failure::Reset.verdict(UpstreamClass::Agent).next,
            Next::RotateToModels
        );
    }

    #[test]
    fn an_idempotent_agent_is_treated_as_a_model_provider_except_that_a_blocked_answer_was_acted_on() {
        for failure in all() {
            let (model, agent) = (
                failure.verdict(UpstreamClass::Model),
                failure.verdict(UpstreamClass::IdempotentAgent),
            );
            if failure == (Failure::Blocked { fall_back: true }) {
                assert_eq!((model.next, agent.next), (Next::Rotate, Next::RotateToModels));
            } else {
                assert_eq!(model, agent, "{failure:?}");
            }
        }
    }

    #[test]
    fn nothing_follows_the_commit_point_a_blocked_answer_or_a_caller_who_left() {
        for class in CLASSES {
            for failure in [
                Failure::AfterCommit,
                Failure::CallerLeft,
                Failure::Blocked { fall_back: false },
            ] {
                assert_eq!(failure.verdict(class).next, Next::End, "{failure:?}");
            }
            assert_eq!(Failure::AfterCommit.verdict(class).health, Health::Bad);
            assert_eq!(
                Failure::Blocked { fall_back: false }.verdict(class).health,
                Health::Good
            );
        }
    }

    #[test]
    fn an_upstream_that_has_spent_the_retries_is_not_asked_again() {
        let spent = Failure::Status {
            code: 503,
            hinted: true,
            hopeless: true,
        };
        assert_eq!(spent.verdict(UpstreamClass::Model).next, Next::Rotate);
        assert_eq!(
            Failure::Status {
                code: 400,
                hinted: false,
                hopeless: true
            }
            .verdict(UpstreamClass::Model)
            .next,
            Next::End
        );
    }

    #[test]
    fn the_words_are_a_closed_set_fit_for_labels() {
        let words: std::collections::BTreeSet<&str> = all().into_iter().map(Failure::as_str).collect();
        assert!(words.len() < 32, "{words:?}");
        assert!(words.iter().all(|w| {
            w.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        }));
    }
}
