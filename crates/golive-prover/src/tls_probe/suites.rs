//! S7: the cipher suites that are offered, by what is wrong with them. Numbers: IANA's TLS Cipher Suites registry.

/// Suites that share a weakness.
#[derive(Debug, Clone, Copy)]
pub struct Class {
    /// What they are, as a noun: `RC4`.
    pub name: &'static str,
    /// What is wrong with them, as a clause.
    pub why: &'static str,
    /// How bad it is.
    pub weight: Weight,
    /// Their numbers.
    pub suites: &'static [u16],
}

/// What it means that a server agrees to one of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It must not.
    Forbidden,
    /// It should not: RFC 9325 §4.2 wants AEAD, but a patched peer is not broken by it.
    Discouraged,
    /// It may, if the server's Diffie-Hellman group has 2048 bits or more (RFC 9325 §4.5).
    IfGroupIsLarge,
}

/// Every class that is tried, worst first.
pub const CLASSES: &[Class] = &[
    Class {
        name: "NULL",
        why: "nothing is encrypted",
        weight: Weight::Forbidden,
        suites: &[
            0x0001, 0x0002, 0x003b, 0x002c, 0x002d, 0x002e, 0x00b0, 0x00b1, 0x00b4, 0x00b5, 0xc001, 0xc006,
            0xc00b, 0xc010, 0xc015,
        ],
    },
    Class {
        name: "anonymous",
        why: "the server proves nothing about itself",
        weight: Weight::Forbidden,
        suites: &[
            0x0018, 0x001b, 0x0034, 0x003a, 0x006c, 0x006d, 0x00a6, 0x00a7, 0x0046, 0x0089, 0xc016, 0xc017,
            0xc018, 0xc019,
        ],
    },
    Class {
        name: "EXPORT",
        why: "40 or 56 bits, broken on a desk",
        weight: Weight::Forbidden,
        suites: &[
            0x0003, 0x0006, 0x0008, 0x000b, 0x000e, 0x0011, 0x0014, 0x0017, 0x0019, 0x0060, 0x0061, 0x0062,
            0x0063, 0x0064, 0x0065,
        ],
    },
    Class {
        name: "RC4",
        why: "its key stream leaks (RFC 7465)",
        weight: Weight::Forbidden,
        suites: &[0x0004, 0x0005, 0x0066, 0xc002, 0xc007, 0xc00c, 0xc011],
    },
    Class {
        name: "DES and 3DES",
        why: "64-bit blocks repeat in long connections (Sweet32), single DES is broken",
        weight: Weight::Forbidden,
        suites: &[
            0x0009, 0x000a, 0x000c, 0x000d, 0x000f, 0x0010, 0x0012, 0x0013, 0x0015, 0x0016, 0x001a, 0xc003,
            0xc008, 0xc00d, 0xc012,
        ],
    },
    Class {
        name: "static key exchange",
        why: "no forward secrecy: one stolen key opens all that was ever recorded",
        weight: Weight::Forbidden,
        suites: &[
            0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x0084, 0x0041, 0x0096, 0xc09c, 0xc09d, 0xc0a0,
            0xc0a1, 0x00ba, 0x00c0, 0xc004, 0xc005, 0xc00e, 0xc00f, 0xc025, 0xc026, 0xc029, 0xc02a, 0xc02d,
            0xc02e, 0xc031, 0xc032, 0x0030, 0x0031, 0x0036, 0x0037, 0x003e, 0x003f, 0x0068, 0x0069,
        ],
    },
    Class {
        name: "Diffie-Hellman over a small group",
        why: "a group of less than 2048 bits is within reach (Logjam)",
        weight: Weight::IfGroupIsLarge,
        suites: &[
            0x009f, 0x009e, 0xccaa, 0x006b, 0x0067, 0x0039, 0x0033, 0x0016, 0x0088, 0x0045, 0xc09e, 0xc09f,
            0xc0a2, 0xc0a3,
        ],
    },
    Class {
        name: "CBC",
        why: "padding oracles are held off by the patience of implementations alone (RFC 9325 §4.2 wants AEAD)",
        weight: Weight::Discouraged,
        suites: &[
            0xc028, 0xc027, 0xc024, 0xc023, 0xc014, 0xc013, 0xc00a, 0xc009, 0x006b, 0x0067, 0x0039, 0x0033,
            0x0088, 0x0045, 0x006a, 0x0040, 0x0038, 0x0032, 0xc072, 0xc073, 0xc076, 0xc077,
        ],
    },
];

/// Forward secret and AEAD: what a server of TLS 1.2 should agree to.
pub const GOOD: &[u16] = &[
    0xc02c, 0xc02b, 0xc030, 0xc02f, 0xcca9, 0xcca8, 0xc0ad, 0xc0ac, 0xc0af, 0xc0ae, 0x009f, 0x009e, 0xccaa,
];

/// TLS 1.3's own.
pub const TLS13: &[u16] = &[0x1302, 0x1301, 0x1303, 0x1304, 0x1305];

/// All suites of TLS 1.2 and older, good ones first: whether a version is spoken at all.
#[must_use]
pub fn all() -> Vec<u16> {
    let mut all: Vec<u16> = GOOD.to_vec();
    for suite in CLASSES.iter().rev().flat_map(|class| class.suites) {
        if !all.contains(suite) {
            all.push(*suite);
        }
    }
    all
}
