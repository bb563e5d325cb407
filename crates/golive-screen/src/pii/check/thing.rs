//! S4: numbers of things that lead to a person: devices and vehicles.
//!
//! Never: takes a number for a person's own.

use super::{digit, luhn, uniform};

/// IMEI: fifteen digits, Luhn.
pub(crate) fn imei(v: &[u8]) -> bool {
    v.len() == 15 && !uniform(v) && v[0] != b'0' && luhn(v)
}

fn vin_shape(v: &[u8]) -> bool {
    v.len() == 17
        && !v.iter().any(|b| matches!(b, b'I' | b'O' | b'Q'))
        && v.iter().any(u8::is_ascii_uppercase)
        && v[13..].iter().all(u8::is_ascii_digit)
}

/// A VIN by its letters alone: outside North America and China there is no check digit. Needs context.
pub(crate) fn vin(v: &[u8]) -> bool {
    vin_shape(v)
}

/// A VIN with its check digit in the ninth place (49 CFR 565.15).
pub(crate) fn vin_checked(v: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let worth = |b: u8| match b {
        b'A'..=b'H' => u32::from(b - b'A') + 1,
        b'J'..=b'R' => u32::from(b - b'J') + 1,
        b'S'..=b'Z' => u32::from(b - b'S') + 2,
        _ => digit(b),
    };
    if !vin_shape(v) {
        return false;
    }
    let sum: u32 = v.iter().zip(WEIGHTS).map(|(b, weight)| worth(*b) * weight).sum();
    v[8] == b"0123456789X"[(sum % 11) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_hold() {
        assert!(imei(b"490154203237518") && !imei(b"490154203237517"));
        assert!(vin_checked(b"1M8GDM9AXKP042788") && !vin_checked(b"1M8GDM9A1KP042788"));
        assert!(vin(b"WDB9066331S123456") && !vin(b"12345678901234567") && !vin(b"1MOGDM9AXKP042788"));
    }
}
