//! S7: a server made of bytes alone, which agrees to what it is told to. The prober is tried on it before it judges: a
//! reader that saw no agreement here would see none anywhere.
//!
//! It reads the offer from the wire, so that an offer that says less than it should is noticed too.

use super::Version;
use super::hello::{Offer, encode};
use super::reply::{Reader, Reply};
use super::suites::{self, CLASSES};

/// A made server.
#[derive(Debug, Clone, Copy)]
pub struct Made<'a> {
    /// The versions it agrees to.
    pub versions: &'a [Version],
    /// The suites it agrees to below TLS 1.3.
    pub suites: &'a [u16],
    /// Bytes of the prime of its Diffie-Hellman group.
    pub group_bytes: usize,
}

impl Made<'_> {
    /// Its first flight in answer to a ClientHello: a hello, or the alert that a real one sends.
    #[must_use]
    pub fn answer(&self, hello: &[u8]) -> Vec<u8> {
        if hello.first().is_some_and(|byte| byte & 0x80 != 0) {
            return if self.versions.contains(&Version::Ssl2) {
                vec![0x80, 0x0b, 4, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0]
            } else {
                alert(70)
            };
        }
        let Some((version, offered)) = read(hello) else {
            return alert(50);
        };
        if !self.versions.contains(&version) {
            return alert(70);
        }
        let mine: &[u16] = match version {
            Version::Tls13 => suites::TLS13,
            _ => self.suites,
        };
        match offered.iter().find(|suite| mine.contains(suite)) {
            Some(suite) => self.agree(version, *suite),
            None => alert(40),
        }
    }

    fn agree(&self, version: Version, suite: u16) -> Vec<u8> {
        let mut hello = version.min(Version::Tls12).wire().to_be_bytes().to_vec();
        hello.extend([7; 32]);
        hello.push(0);
        hello.extend(suite.to_be_bytes());
        hello.push(0);
        if version == Version::Tls13 {
            hello.extend([0, 6, 0, 43, 0, 2, 3, 4]);
        }
        let mut flight = message(2, &hello);
        if version < Version::Tls13 {
            flight.extend(message(11, &[0, 0, 0]));
            let mut exchange = (self.group_bytes as u16).to_be_bytes().to_vec();
            exchange.resize(exchange.len() + self.group_bytes, 0xff);
            flight.extend(message(12, &exchange));
            flight.extend(message(14, &[]));
        }
        record(22, version.min(Version::Tls12), &flight)
    }
}

/// What is wrong with the prober itself, in words; empty: nothing.
#[must_use]
pub fn try_prober() -> Vec<String> {
    let mut wrong = Vec::new();
    let all = suites::all();
    for offered in Version::ALL {
        for spoken in Version::ALL {
            let server = Made {
                versions: &[spoken],
                suites: &all,
                group_bytes: 256,
            };
            let agreed = matches!(ask(&server, offered, &all), Reply::Hello(said) if said.version == offered);
            if agreed != (offered == spoken) {
                wrong.push(format!(
                    "{offered} offered to a server of {spoken} reads as {agreed}"
                ));
            }
        }
    }
    for class in CLASSES {
        for speaks in [true, false] {
            let server = Made {
                versions: &[Version::Tls12],
                suites: if speaks { class.suites } else { &[0x1301] },
                group_bytes: 128,
            };
            let said = ask(&server, Version::Tls12, class.suites);
            let agreed = matches!(&said, Reply::Hello(said) if class.suites.contains(&said.suite));
            if agreed != speaks {
                wrong.push(format!(
                    "{} with a server that speaks it ({speaks}): {said:?}",
                    class.name
                ));
            }
        }
    }
    wrong
}

fn ask(server: &Made<'_>, version: Version, suites: &[u16]) -> Reply {
    let suites = if version == Version::Tls13 {
        suites::TLS13
    } else {
        suites
    };
    let hello = encode(&Offer {
        version,
        suites,
        name: Some("made.invalid"),
        random: [3; 32],
    });
    let mut reader = Reader::new(version);
    reader
        .push(&server.answer(&hello))
        .unwrap_or_else(|| reader.closed())
}

/// The version and the suites of a ClientHello.
fn read(hello: &[u8]) -> Option<(Version, Vec<u16>)> {
    let body = hello.get(9..)?;
    let legacy = u16::from_be_bytes([*body.first()?, *body.get(1)?]);
    let session = usize::from(*body.get(34)?);
    let at = 35 + session;
    let length = usize::from(u16::from_be_bytes([*body.get(at)?, *body.get(at + 1)?]));
    let suites = body.get(at + 2..at + 2 + length)?;
    let suites = suites
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect();
    let extensions = body.get(at + 2 + length + 2..)?;
    // The extension of TLS 1.3 with its one version.
    let modern = extensions.windows(7).any(|seven| seven == [0, 43, 0, 3, 2, 3, 4]);
    let version = if modern {
        Version::Tls13
    } else {
        Version::of_wire(legacy)?
    };
    Some((version, suites))
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![
        kind,
        (body.len() >> 16) as u8,
        (body.len() >> 8) as u8,
        body.len() as u8,
    ];
    out.extend(body);
    out
}

fn record(kind: u8, version: Version, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend(version.wire().to_be_bytes());
    out.extend((body.len() as u16).to_be_bytes());
    out.extend(body);
    out
}

fn alert(number: u8) -> Vec<u8> {
    record(21, Version::Tls10, &[2, number])
}

#[cfg(test)]
mod tests {
    use super::super::reply;
    use super::*;

    #[test]
    fn the_prober_reads_every_made_server_as_what_it_is() {
        assert_eq!(try_prober(), Vec::<String>::new());
    }

    #[test]
    fn the_size_of_a_group_is_read() {
        let server = Made {
            versions: &[Version::Tls12],
            suites: &[0x009e],
            group_bytes: 128,
        };
        let Reply::Hello(said) = ask(&server, Version::Tls12, &[0x009e]) else {
            panic!("no hello");
        };
        assert_eq!(said.group_bits, Some(1024));
        assert_eq!(reply::alert_name(70), "alert protocol_version");
    }
}
