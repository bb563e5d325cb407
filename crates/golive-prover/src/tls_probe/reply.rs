//! S7: a server's first flight, read as far as it is sent in clear: its hello or alert, and below TLS 1.3 also its
//! certificates and the size of its Diffie-Hellman group.
//!
//! Never: trusts a length. What does not add up is `Odd`, and that is neither an agreement nor a refusal.

use super::Version;

/// What the server made of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It agreed to something.
    Hello(ServerHello),
    /// It refused with an alert of this number (RFC 8446 §6).
    Alert(u8),
    /// It closed the connection without a word.
    Closed,
    /// It said something that is no TLS.
    Odd(String),
}

/// What it agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerHello {
    /// The version.
    pub version: Version,
    /// The suite; 0 for SSL 2, whose client chooses.
    pub suite: u16,
    /// Its certificates in the order sent, as DER; empty for TLS 1.3, which seals them, and for resumed sessions.
    pub certificates: Vec<Vec<u8>>,
    /// Bits of the prime of its Diffie-Hellman group, if it sent one.
    pub group_bits: Option<usize>,
}

/// The most of a flight that is read; a chain of ten certificates is below 20 KiB.
const FLIGHT_MAX: usize = 128 * 1024;

/// Reads a flight as it comes in.
#[derive(Debug)]
pub struct Reader {
    offered: Version,
    bytes: Vec<u8>,
}

impl Reader {
    /// For the answer to an offer of this version.
    #[must_use]
    pub fn new(offered: Version) -> Reader {
        Reader {
            offered,
            bytes: Vec::new(),
        }
    }

    /// Takes more bytes. `Some`: enough was read.
    pub fn push(&mut self, more: &[u8]) -> Option<Reply> {
        self.bytes.extend_from_slice(more);
        let flight = self.flight();
        if self.bytes.len() > FLIGHT_MAX && !flight.complete {
            return Some(flight.said.unwrap_or_else(|| odd("more than a flight can be")));
        }
        flight.said.filter(|_| flight.complete)
    }

    /// The connection was closed.
    #[must_use]
    pub fn closed(&self) -> Reply {
        match self.flight().said {
            Some(said) => said,
            None if self.bytes.is_empty() => Reply::Closed,
            None => odd("the answer breaks off"),
        }
    }

    fn flight(&self) -> Flight {
        let first = self.bytes.first().copied();
        if self.offered == Version::Ssl2 && first.is_some_and(|byte| byte & 0x80 != 0) {
            return ssl2(&self.bytes);
        }
        records(&self.bytes)
    }
}

/// What was made of the bytes so far.
struct Flight {
    said: Option<Reply>,
    complete: bool,
}

impl Flight {
    fn done(said: Reply) -> Flight {
        Flight {
            said: Some(said),
            complete: true,
        }
    }

    fn open(said: Option<Reply>) -> Flight {
        Flight {
            said,
            complete: false,
        }
    }
}

/// SSL 2: two bytes of length, then a message. Type 4 is its server hello, type 0 an error.
fn ssl2(bytes: &[u8]) -> Flight {
    match (bytes.get(2), bytes.get(5..7)) {
        (Some(4), Some(version)) => {
            let version = u16::from_be_bytes([version[0], version[1]]);
            if version == Version::Ssl2.wire() {
                Flight::done(Reply::Hello(ServerHello {
                    version: Version::Ssl2,
                    suite: 0,
                    certificates: Vec::new(),
                    group_bits: None,
                }))
            } else {
                Flight::done(odd("an SSL 2 hello of another version"))
            }
        }
        (Some(4) | None, _) => Flight::open(None),
        (Some(0), _) => Flight::done(Reply::Alert(40)),
        (Some(_), _) => Flight::done(odd("an SSL 2 record that is no hello")),
    }
}

fn records(bytes: &[u8]) -> Flight {
    let mut handshake = Vec::new();
    let mut rest = Bytes(bytes);
    let mut alert = None;
    while let Some(kind) = rest.0.first().copied() {
        if !(20..=24).contains(&kind) {
            return Flight::done(odd(&format!(
                "{:?}",
                String::from_utf8_lossy(&bytes[..bytes.len().min(24)])
            )));
        }
        let mut ahead = Bytes(rest.0);
        let (Some(_), Some(_), Some(body)) = (ahead.u8(), ahead.u16(), ahead.counted16()) else {
            break; // not all here yet
        };
        rest = ahead;
        match kind {
            22 => handshake.extend_from_slice(body),
            21 if body.len() >= 2 => {
                alert = Some(body[1]);
                break;
            }
            _ => {} // a change of cipher, or sealed already
        }
    }
    let said = messages(&handshake);
    match (said, alert) {
        // A refusal behind a hello is about what comes later, such as a missing client certificate.
        (Flight { said: Some(said), .. }, Some(_)) => Flight::done(said),
        (flight, None) => flight,
        (_, Some(alert)) => Flight::done(Reply::Alert(alert)),
    }
}

fn messages(handshake: &[u8]) -> Flight {
    let mut hello: Option<ServerHello> = None;
    let mut rest = Bytes(handshake);
    loop {
        let mut ahead = Bytes(rest.0);
        let (Some(kind), Some(length)) = (ahead.u8(), ahead.u24()) else {
            return Flight::open(hello.map(Reply::Hello));
        };
        let Some(body) = ahead.take(length) else {
            return Flight::open(hello.map(Reply::Hello));
        };
        rest = ahead;
        match (kind, &mut hello) {
            (2, None) => match server_hello(body) {
                Ok(said) if said.version == Version::Tls13 => return Flight::done(Reply::Hello(said)),
                Ok(said) => hello = Some(said),
                Err(why) => return Flight::done(odd(why)),
            },
            (11, Some(hello)) => hello.certificates = certificates(body).unwrap_or_default(),
            (12, Some(hello)) => hello.group_bits = group_bits(body, hello.suite),
            (14, Some(_)) => {
                return Flight {
                    said: hello.map(Reply::Hello),
                    complete: true,
                };
            }
            (_, Some(_)) => {} // a status, a request for a client certificate
            (_, None) => return Flight::done(odd("a handshake that does not begin with a hello")),
        }
    }
}

fn server_hello(body: &[u8]) -> Result<ServerHello, &'static str> {
    const SHORT: &str = "a server hello that breaks off";
    let mut body = Bytes(body);
    let legacy = body.u16().ok_or(SHORT)?;
    body.take(32).ok_or(SHORT)?;
    let session = body.u8().ok_or(SHORT)?;
    body.take(usize::from(session)).ok_or(SHORT)?;
    let suite = body.u16().ok_or(SHORT)?;
    body.u8().ok_or(SHORT)?;
    let mut number = legacy;
    let mut extensions = Bytes(body.counted16().unwrap_or_default());
    while let (Some(kind), Some(value)) = (extensions.u16(), extensions.counted16()) {
        // supported_versions: the one that was selected, in a hello as in a request to try again.
        if kind == 43
            && let Some(selected) = Bytes(value).u16()
        {
            number = selected;
        }
    }
    let version = Version::of_wire(number).ok_or("a server hello of a version that nobody offered")?;
    Ok(ServerHello {
        version,
        suite,
        certificates: Vec::new(),
        group_bits: None,
    })
}

fn certificates(body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut body = Bytes(body);
    let length = body.u24()?;
    let mut list = Bytes(body.take(length)?);
    let mut all = Vec::new();
    while !list.0.is_empty() {
        let length = list.u24()?;
        all.push(list.take(length)?.to_vec());
    }
    Some(all)
}

/// The prime of a ServerKeyExchange of a finite-field suite; elliptic ones begin with a curve type.
fn group_bits(body: &[u8], suite: u16) -> Option<usize> {
    let finite = !matches!(suite, 0xc001..=0xc0ff | 0xcca8 | 0xcca9) || (0xc09e..=0xc0a3).contains(&suite);
    let prime = Bytes(body).counted16().filter(|_| finite)?;
    let first = prime.iter().position(|byte| *byte != 0)?;
    Some((prime.len() - first) * 8 - prime[first].leading_zeros() as usize)
}

fn odd(what: &str) -> Reply {
    Reply::Odd(what.to_owned())
}

/// What an alert says (RFC 8446 §6, RFC 5246 §7.2).
#[must_use]
pub fn alert_name(number: u8) -> String {
    let name = match number {
        0 => "close_notify",
        10 => "unexpected_message",
        40 => "handshake_failure",
        47 => "illegal_parameter",
        50 => "decode_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        112 => "unrecognized_name",
        _ => return format!("alert {number}"),
    };
    format!("alert {name}")
}

/// Bytes read from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn u24(&mut self) -> Option<usize> {
        self.take(3)
            .map(|bytes| usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2]))
    }

    fn counted16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_a_close_and_a_page_are_told_apart() {
        let mut reader = Reader::new(Version::Tls10);
        assert_eq!(reader.push(&[21, 3, 1, 0]), None);
        assert_eq!(reader.push(&[2, 2, 70]), Some(Reply::Alert(70)));
        assert_eq!(Reader::new(Version::Tls10).closed(), Reply::Closed);
        let page = Reader::new(Version::Tls10).push(b"HTTP/1.1 400 Bad Request\r\n");
        assert!(matches!(page, Some(Reply::Odd(_))), "{page:?}");
        let mut cut = Reader::new(Version::Tls10);
        assert_eq!(cut.push(&[22, 3, 1, 0, 9, 2]), None);
        assert!(matches!(cut.closed(), Reply::Odd(_)));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, at in 0_usize..6) {
            let mut reader = Reader::new(Version::ALL[at]);
            for chunk in bytes.chunks(7) {
                let _ = reader.push(chunk);
            }
            let _ = reader.closed();
        }
    }
}
