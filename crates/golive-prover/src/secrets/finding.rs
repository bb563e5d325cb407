//! S1: one found credential, as it may be shown: where, of what kind, and a few of its first characters.
//!
//! Never: holds the credential. What is kept of it is its length, its first characters and a digest.

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::pbkdf2;
use serde::{Deserialize, Serialize};

/// Where a finding was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// In a file of the work tree.
    Tree,
    /// In an object of the repository: a commit, a stash, or something no name leads to any more.
    History,
    /// In a file within an archive or an image.
    Archive,
    /// In what another scanner reported.
    Imported,
    /// In an answer of the target.
    Answer,
}

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Its own checksum or structure says so.
    Checked,
    /// It has a vendor's shape and looks like chance.
    Shaped,
    /// The name it is given, and chance, say so.
    Told,
}

/// One found credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Id of its kind.
    pub rule: String,
    /// Its kind, for people.
    pub name: String,
    /// How sure it is.
    pub strength: Strength,
    /// Where it was seen first; work tree before history.
    pub origin: Origin,
    /// It stands in the history as well, or only there.
    pub in_history: bool,
    /// Path below the folder that was scanned, `/` between names; what stands within an archive after `!/`.
    pub path: String,
    /// Its line, from 1.
    pub line: u64,
    /// Its byte in the line, from 1.
    pub column: u64,
    /// The first commit that holds it, if one that can still be reached does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Layers of base64 around it.
    #[serde(skip_serializing_if = "is_zero")]
    pub layers: u8,
    /// Its first characters and its length: `abcd…(40)`.
    pub shown: String,
    /// Names it in a baseline: its kind, path and value, not its line.
    pub fingerprint: String,
    /// Why it does not count: the reason that stands beside it, or in the baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
    /// What a reader should know: an allowance that does not count, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it in so")]
fn is_zero(layers: &u8) -> bool {
    *layers == 0
}

impl Finding {
    /// Whether it counts against the repository.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.allowed.is_none()
    }

    /// The order in which findings are shown; the same on every machine.
    #[must_use]
    pub(crate) fn order(&self) -> (Origin, &str, u64, u64, &str, &str) {
        (
            self.origin,
            &self.path,
            self.line,
            self.column,
            &self.rule,
            &self.fingerprint,
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {} {}",
            self.path, self.line, self.column, self.name, self.shown
        )?;
        if let Some(commit) = &self.commit {
            write!(f, " in {}", commit.get(..10).unwrap_or(commit))?;
        }
        Ok(())
    }
}

/// `abcd…(40)`: at most four characters, and never more than a fifth of it.
#[must_use]
pub fn shown(secret: &[u8]) -> String {
    let most = (secret.len() / 5).min(4);
    let head: String = secret
        .iter()
        .take(most)
        .take_while(|b| b.is_ascii_graphic())
        .map(|b| char::from(*b))
        .collect();
    format!("{head}…({})", secret.len())
}

/// The name of a finding that survives a change of its line. A password that people made up could be guessed from a
/// plain digest, so one costs two thousand rounds.
#[must_use]
pub fn fingerprint(rule: &str, path: &str, secret: &[u8], strength: Strength) -> String {
    const ROUNDS: NonZeroU32 = NonZeroU32::new(2_000).unwrap();
    let salt = [b"golive.secret/1\0", rule.as_bytes(), b"\0", path.as_bytes()].concat();
    let mut out = [0_u8; 16];
    if strength == Strength::Told {
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &salt, secret, &mut out);
    } else {
        let hash = digest(&SHA256, &[&salt[..], b"\0", secret].concat());
        out.copy_from_slice(&hash.as_ref()[..16]);
    }
    out.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_never_more_than_a_fifth() {
        assert_eq!(shown(b"q7Jp2mXc9Lr4Tz8vB3nK"), "q7Jp…(20)");
        assert_eq!(shown(b"tR9!kelp"), "t…(8)");
        assert_eq!(shown(b"abc"), "…(3)");
    }

    #[test]
    fn a_fingerprint_tells_kind_path_and_value_apart_and_nothing_else() {
        let one = fingerprint("a", "p", b"secret", Strength::Shaped);
        assert_eq!(one.len(), 32);
        assert_eq!(one, fingerprint("a", "p", b"secret", Strength::Shaped));
        for other in [
            fingerprint("b", "p", b"secret", Strength::Shaped),
            fingerprint("a", "q", b"secret", Strength::Shaped),
            fingerprint("a", "p", b"secreT", Strength::Shaped),
        ] {
            assert_ne!(one, other);
        }
    }
}
