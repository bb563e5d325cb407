//! S7: a ClientHello of any version, as bytes (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2, RFC 6101 §5.6.1.2, and SSL 2's own).
//!
//! Never: offers more than it was told to: one version, the suites given.

use super::Version;

/// What is offered.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The one version.
    pub version: Version,
    /// Its suites; SSL 2 has its own and takes none of these.
    pub suites: &'a [u16],
    /// The server's name for SNI; `None` for an address.
    pub name: Option<&'a str>,
    /// The client's random, key share and session id are made from it.
    pub random: [u8; 32],
}

/// Groups and curves offered: x25519, P-256, P-384, P-521, x448.
const GROUPS: [u16; 5] = [29, 23, 24, 25, 30];

/// Every signature algorithm there is, SHA-1 and MD5 too: a server must not hide behind a client's taste.
const SIGNATURES: [u16; 18] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501,
    0x0601, 0x0203, 0x0201, 0x0202, 0x0101,
];

/// The seven suites of SSL 2.
const SSL2_SUITES: [[u8; 3]; 7] = [
    [0x07, 0x00, 0xc0],
    [0x05, 0x00, 0x80],
    [0x03, 0x00, 0x80],
    [0x01, 0x00, 0x80],
    [0x06, 0x00, 0x40],
    [0x04, 0x00, 0x80],
    [0x02, 0x00, 0x80],
];

/// "No renegotiation yet" as a suite (RFC 5746), for versions without extensions.
const RENEGOTIATION_SCSV: u16 = 0x00ff;

/// The first bytes of the connection.
#[must_use]
pub fn encode(offer: &Offer<'_>) -> Vec<u8> {
    match offer.version {
        Version::Ssl2 => ssl2(offer),
        _ => record(offer),
    }
}

fn ssl2(offer: &Offer<'_>) -> Vec<u8> {
    let mut body = vec![1, 0x00, 0x02];
    put16(&mut body, SSL2_SUITES.len() * 3);
    put16(&mut body, 0); // no session
    put16(&mut body, 16); // challenge
    body.extend(SSL2_SUITES.as_flattened());
    body.extend(&offer.random[..16]);
    let mut out = Vec::with_capacity(body.len() + 2);
    put16(&mut out, 0x8000 | body.len());
    out.append(&mut body);
    out
}

fn record(offer: &Offer<'_>) -> Vec<u8> {
    let modern = offer.version == Version::Tls13;
    let legacy = offer.version.min(Version::Tls12).wire();
    let mut body = legacy.to_be_bytes().to_vec();
    body.extend(offer.random);
    // TLS 1.3 has no session ids; middleboxes want one all the same (RFC 8446 appendix D.4).
    let session: &[u8] = if modern { &offer.random } else { &[] };
    body.push(session.len() as u8); // 0 or 32
    body.extend(session);
    let mut suites = offer.suites.to_vec();
    if !modern {
        suites.push(RENEGOTIATION_SCSV);
    }
    put16(&mut body, suites.len() * 2);
    suites.iter().for_each(|suite| body.extend(suite.to_be_bytes()));
    body.extend([1, 0]); // no compression
    if offer.version > Version::Ssl3 {
        let extensions = extensions(offer);
        put16(&mut body, extensions.len());
        body.extend(extensions);
    }
    let mut message = vec![1]; // client_hello
    put24(&mut message, body.len());
    message.append(&mut body);
    // The outer version is that of the oldest peer that must be able to read it.
    let outer = offer.version.min(Version::Tls10).wire();
    let mut out = vec![22];
    out.extend(outer.to_be_bytes());
    put16(&mut out, message.len());
    out.append(&mut message);
    out
}

fn extensions(offer: &Offer<'_>) -> Vec<u8> {
    let mut all = Vec::new();
    if let Some(name) = offer.name {
        let mut entry = vec![0]; // host_name
        put16(&mut entry, name.len());
        entry.extend(name.bytes());
        extension(&mut all, 0, &counted16(&entry));
    }
    extension(&mut all, 10, &numbers16(&GROUPS));
    extension(&mut all, 11, &[1, 0]); // uncompressed points
    if offer.version >= Version::Tls12 {
        extension(&mut all, 13, &numbers16(&SIGNATURES));
    }
    if offer.version == Version::Tls13 {
        let [high, low] = Version::Tls13.wire().to_be_bytes();
        extension(&mut all, 43, &[2, high, low]);
        extension(&mut all, 45, &[1, 1]); // psk_dhe_ke
        let mut share = GROUPS[0].to_be_bytes().to_vec();
        put16(&mut share, 32);
        // Any 32 bytes are a public key of x25519; nobody needs to know the secret of this one.
        share.extend(offer.random.map(|byte| byte ^ 0x5a));
        extension(&mut all, 51, &counted16(&share));
    } else {
        extension(&mut all, 0xff01, &[0]); // renegotiation_info
        extension(&mut all, 23, &[]); // extended_master_secret
    }
    all
}

fn extension(all: &mut Vec<u8>, kind: u16, body: &[u8]) {
    all.extend(kind.to_be_bytes());
    all.extend(counted16(body));
}

fn numbers16(numbers: &[u16]) -> Vec<u8> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    counted16(&bytes)
}

fn counted16(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 2);
    put16(&mut out, body.len());
    out.extend(body);
    out
}

fn put16(out: &mut Vec<u8>, number: usize) {
    out.extend([(number >> 8) as u8, number as u8]);
}

fn put24(out: &mut Vec<u8>, number: usize) {
    out.extend([(number >> 16) as u8, (number >> 8) as u8, number as u8]);
}
