//! S7: what a TLS server agrees to, asked by handshakes that no library would offer, and what its certificate says.
//!
//! `hello` writes, `reply` reads, `suites` says what is offered, `made` answers as a server would (so that the reader
//! is tried before it judges), `chain` and `path` read certificates: bytes in, findings out. `socket` alone connects.
//!
//! Never: finishes an old or weak handshake, sends a credential or a request over a connection it did not verify but
//! for one bare request without either, or takes silence for a refusal.

pub mod chain;
pub mod hello;
pub mod made;
pub mod path;
pub mod reply;
pub mod socket;
pub mod suites;

use std::fmt;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// SSL 2 (1995).
    Ssl2,
    /// SSL 3 (RFC 6101).
    Ssl3,
    /// TLS 1.0 (RFC 2246).
    Tls10,
    /// TLS 1.1 (RFC 4346).
    Tls11,
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Version; 6] = [
        Version::Ssl2,
        Version::Ssl3,
        Version::Tls10,
        Version::Tls11,
        Version::Tls12,
        Version::Tls13,
    ];

    /// Its number on the wire.
    #[must_use]
    pub fn wire(self) -> u16 {
        match self {
            Version::Ssl2 => 0x0002,
            Version::Ssl3 => 0x0300,
            Version::Tls10 => 0x0301,
            Version::Tls11 => 0x0302,
            Version::Tls12 => 0x0303,
            Version::Tls13 => 0x0304,
        }
    }

    /// The version with this number.
    #[must_use]
    pub fn of_wire(number: u16) -> Option<Version> {
        Version::ALL.into_iter().find(|version| version.wire() == number)
    }

    /// Deprecated by RFC 6176, RFC 7568 or RFC 8996.
    #[must_use]
    pub fn is_dead(self) -> bool {
        self < Version::Tls12
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Version::Ssl2 => "SSL 2",
            Version::Ssl3 => "SSL 3",
            Version::Tls10 => "TLS 1.0",
            Version::Tls11 => "TLS 1.1",
            Version::Tls12 => "TLS 1.2",
            Version::Tls13 => "TLS 1.3",
        })
    }
}
