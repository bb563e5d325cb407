//! S4: checksums. Each takes the bare value (letters upper case, digits, nothing else) and says whether it can be one.
//!
//! Sources: the issuers' published rules as collected in python-stdnum's documentation; Presidio's names. Every check
//! is tested with published or made-up example values, valid and broken.
//!
//! Never: accepts a value of another length than its own.

pub(crate) mod americas;
pub(crate) mod asia;
pub(crate) mod europe;
pub(crate) mod money;
pub(crate) mod thing;
pub(crate) mod wallet;

/// A digit's worth; letters and others are 0 and must have been excluded by the shape.
pub(crate) fn digit(byte: u8) -> u32 {
    if byte.is_ascii_digit() {
        u32::from(byte - b'0')
    } else {
        0
    }
}

/// The number that the digits make. At most 18 digits.
pub(crate) fn number(value: &[u8]) -> u64 {
    value
        .iter()
        .take(18)
        .fold(0, |sum, byte| sum * 10 + u64::from(digit(*byte)))
}

/// The sum of the digits, each times its weight. The shorter of the two ends it.
pub(crate) fn weighted(value: &[u8], weights: &[u32]) -> u32 {
    value
        .iter()
        .zip(weights)
        .map(|(byte, weight)| digit(*byte) * weight)
        .sum()
}

/// Luhn, mod 10 (ISO/IEC 7812-1 annex B).
pub(crate) fn luhn(value: &[u8]) -> bool {
    let sum: u32 = value
        .iter()
        .rev()
        .enumerate()
        .map(|(n, byte)| {
            let d = digit(*byte);
            match (n % 2 == 1, d * 2) {
                (false, _) => d,
                (true, twice) if twice > 9 => twice - 9,
                (true, twice) => twice,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// ISO 7064 mod 11,10.
pub(crate) fn mod_11_10(value: &[u8]) -> bool {
    let Some((check, body)) = value.split_last() else {
        return false;
    };
    let mut p = 10;
    for byte in body {
        let t = match (digit(*byte) + p) % 10 {
            0 => 10,
            t => t,
        };
        p = 2 * t % 11;
    }
    (11 - p) % 10 == digit(*check)
}

/// ISO 7064 mod 97-10 over letters (A = 10) and digits: the remainder.
pub(crate) fn mod_97(value: impl Iterator<Item = u8>) -> u32 {
    value.fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        b'A'..=b'Z' => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
        b'a'..=b'z' => (rest * 100 + u32::from(byte - b'a') + 10) % 97,
        _ => rest,
    })
}

/// Verhoeff over the dihedral group D5.
pub(crate) fn verhoeff(value: &[u8]) -> bool {
    const FIRST: [usize; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let times = |a: usize, b: usize| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b) % 5,
        (false, true) => 5 + (a + 5 - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let mut c = 0;
    for (n, byte) in value.iter().rev().enumerate() {
        let mut d = digit(*byte) as usize;
        for _ in 0..n % 8 {
            d = FIRST[d];
        }
        c = times(c, d);
    }
    c == 0
}

/// Whether year (two digits), month and day can be a date. A 29 February is let through in any year of two digits.
pub(crate) fn date(month: u32, day: u32) -> bool {
    let days = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// Two digits as a number.
pub(crate) fn two(value: &[u8], at: usize) -> u32 {
    match value.get(at..at + 2) {
        Some([a, b]) => digit(*a) * 10 + digit(*b),
        _ => 99,
    }
}

/// All characters are the same.
pub(crate) fn uniform(value: &[u8]) -> bool {
    value.windows(2).all(|pair| pair[0] == pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generic_algorithms_hold_for_published_values() {
        assert!(luhn(b"4111111111111111") && !luhn(b"4111111111111112"));
        assert!(verhoeff(b"2363") && !verhoeff(b"2364"), "Wikipedia's example");
        assert!(mod_11_10(b"11234567890") && !mod_11_10(b"11234567891"));
        assert_eq!(
            mod_97(*b"3214282912345698765432161182".first_chunk::<28>().unwrap()),
            1
        );
    }

    fn mod_97(value: [u8; 28]) -> u32 {
        super::mod_97(value.into_iter())
    }
}
