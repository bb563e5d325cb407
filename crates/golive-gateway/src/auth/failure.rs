//! S5: why a request has no caller: the closed set of words for counters and logs, and the sampled log itself.
//!
//! The caller is told the same sentence for each of them, but for those that are no fault of its credential.
//!
//! Never: carries or logs anything of a credential but a keyed hash of it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use golive_resilience::Tick;

/// Why nobody is identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// No credential was sent.
    Missing,
    /// Two credentials that differ, or one header twice.
    Conflict,
    /// A credential stood in the URL.
    InQuery,
    /// Neither a golive key nor a token, or mistyped: its checksum does not fit.
    Malformed,
    /// A well-formed key, but not known or revoked.
    Unknown,
    /// A known key past its end.
    Expired,
    /// A token that is too long, or not three parts of strict base64url and JSON.
    TokenForm,
    /// An algorithm that this issuer does not use, or that the key is not for.
    TokenAlgorithm,
    /// A token of another kind.
    TokenType,
    /// A critical extension that is not understood.
    TokenCritical,
    /// No issuer of the configuration.
    TokenIssuer,
    /// Meant for somebody else.
    TokenAudience,
    /// Past its end, or older than allowed.
    TokenExpired,
    /// Not valid yet, or issued in the future.
    TokenEarly,
    /// A claim is missing or of the wrong form.
    TokenClaim,
    /// Signed with a key that its issuer does not publish.
    TokenKey,
    /// The signature is wrong.
    TokenSignature,
    /// Bound to a certificate that this connection does not have.
    TokenBinding,
    /// The issuer's keys cannot be had, or are too old.
    IssuerUnavailable,
    /// A certificate of nobody that is known.
    CertificateUnknown,
    /// A certificate that has ended since the connection began.
    CertificateExpired,
    /// A certificate of two callers, or of another caller than the key or token.
    CertificateConflict,
}

impl Failure {
    /// All of them, so that every counter starts at zero.
    pub const ALL: [Self; 22] = [
        Self::Missing,
        Self::Conflict,
        Self::InQuery,
        Self::Malformed,
        Self::Unknown,
        Self::Expired,
        Self::TokenForm,
        Self::TokenAlgorithm,
        Self::TokenType,
        Self::TokenCritical,
        Self::TokenIssuer,
        Self::TokenAudience,
        Self::TokenExpired,
        Self::TokenEarly,
        Self::TokenClaim,
        Self::TokenKey,
        Self::TokenSignature,
        Self::TokenBinding,
        Self::IssuerUnavailable,
        Self::CertificateUnknown,
        Self::CertificateExpired,
        Self::CertificateConflict,
    ];

    /// The word for it in logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Conflict => "conflict",
            Self::InQuery => "in_query",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::TokenForm => "token_form",
            Self::TokenAlgorithm => "token_algorithm",
            Self::TokenType => "token_type",
            Self::TokenCritical => "token_critical",
            Self::TokenIssuer => "token_issuer",
            Self::TokenAudience => "token_audience",
            Self::TokenExpired => "token_expired",
            Self::TokenEarly => "token_early",
            Self::TokenClaim => "token_claim",
            Self::TokenKey => "token_key",
            Self::TokenSignature => "token_signature",
            Self::TokenBinding => "token_binding",
            Self::IssuerUnavailable => "issuer_unavailable",
            Self::CertificateUnknown => "certificate_unknown",
            Self::CertificateExpired => "certificate_expired",
            Self::CertificateConflict => "certificate_conflict",
        }
    }

    /// Whether it speaks against the caller's address: a guess, not an oversight or an issuer that is down.
    #[must_use]
    pub fn is_held_against(self) -> bool {
        !matches!(self, Self::Missing | Self::IssuerUnavailable)
    }
}

/// Lines of one minute; more are only counted.
const LINES: u32 = 20;
const MINUTE: Duration = Duration::from_secs(60);

/// Which failures are logged: some of each minute.
#[derive(Debug, Default)]
pub struct Sampled(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    began: Tick,
    seen: u32,
    left_out: u64,
}

impl Sampled {
    /// Whether a failure at `now` is to be logged, and how many were left out since the last that was.
    pub fn line(&self, now: Tick) -> Option<u64> {
        // Counters cannot be left half-written.
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(minute.began) >= MINUTE {
            (minute.began, minute.seen) = (now, 0);
        }
        if minute.seen >= LINES {
            minute.left_out += 1;
            return None;
        }
        minute.seen += 1;
        Some(std::mem::take(&mut minute.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_logged_in_samples_and_none_is_lost_from_the_count() {
        let sampled = Sampled::default();
        let now = Tick(1_000_000_000);
        let lines = (0..1000).filter(|_| sampled.line(now).is_some()).count();
        assert_eq!(lines, LINES as usize);
        assert_eq!(sampled.line(now.plus(MINUTE)), Some(1000 - u64::from(LINES)));
        assert_eq!(sampled.line(now.plus(MINUTE)), Some(0));
    }

    #[test]
    fn every_failure_has_a_word_of_its_own() {
        let words: std::collections::BTreeSet<_> = Failure::ALL.iter().map(|one| one.as_str()).collect();
        assert_eq!(words.len(), Failure::ALL.len());
    }
}
