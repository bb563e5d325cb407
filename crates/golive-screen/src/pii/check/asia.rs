//! S4: checksums of identifiers of Asia and Africa.
//!
//! Never: asks where a number stands; that is the context's part.

use super::{date, digit, luhn, two, uniform, verhoeff, weighted};

/// Indian Aadhaar: Verhoeff, 2 to 9 in front, no palindrome.
pub(crate) fn in_aadhaar(v: &[u8]) -> bool {
    v.len() == 12 && v[0] >= b'2' && !v.iter().eq(v.iter().rev()) && verhoeff(v)
}

/// Indian PAN: the fourth letter says what the holder is; no checksum is published.
pub(crate) fn in_pan(v: &[u8]) -> bool {
    v.len() == 10 && v[..5].iter().all(u8::is_ascii_uppercase) && &v[5..9] != b"0000"
}

/// Whether the fourth letter of an Indian PAN is one of the published holder types.
pub(crate) fn in_pan_holder(v: &[u8]) -> bool {
    in_pan(v) && b"ABCFGHLJPTE".contains(&v[3])
}

/// Turkish identity number: two check digits, neither chosen freely.
pub(crate) fn tr_id(v: &[u8]) -> bool {
    if v.len() != 11 || v[0] == b'0' {
        return false;
    }
    let odd: u32 = v[..9].iter().step_by(2).map(|b| digit(*b)).sum();
    let even: u32 = v[1..8].iter().step_by(2).map(|b| digit(*b)).sum();
    let all: u32 = v[..10].iter().map(|b| digit(*b)).sum();
    (odd * 7 + 90 - even) % 10 == digit(v[9]) && all % 10 == digit(v[10])
}

/// Israeli identity number: Luhn over nine digits.
pub(crate) fn il_id(v: &[u8]) -> bool {
    v.len() == 9 && !uniform(v) && luhn(v)
}

/// South African identity number: date, citizenship, Luhn.
pub(crate) fn za_id(v: &[u8]) -> bool {
    v.len() == 13 && date(two(v, 2), two(v, 4)) && matches!(v[10], b'0'..=b'2') && luhn(v)
}

/// Singapore NRIC and FIN. The rule of the M series is from public descriptions, so less certain.
pub(crate) fn sg_nric(v: &[u8]) -> bool {
    if v.len() != 9 {
        return false;
    }
    let sum = weighted(&v[1..8], &[2, 7, 6, 5, 4, 3, 2]);
    let letter = match v[0] {
        b'S' => b"JZIHGFEDCBA"[(sum % 11) as usize],
        b'T' => b"JZIHGFEDCBA"[((sum + 4) % 11) as usize],
        b'F' => b"XWUTRQPNMLK"[(sum % 11) as usize],
        b'G' => b"XWUTRQPNMLK"[((sum + 4) % 11) as usize],
        b'M' => b"KLJNPQRTUWX"[10 - ((sum + 3) % 11) as usize],
        _ => return false,
    };
    v[8] == letter
}

/// Korean registration number: date and sex. The check digit is not guaranteed since October 2020.
pub(crate) fn kr_rrn(v: &[u8]) -> bool {
    v.len() == 13 && date(two(v, 2), two(v, 4)) && v[6] <= b'8'
}

/// The check digit that Korean numbers issued before October 2020 have.
pub(crate) fn kr_rrn_checked(v: &[u8]) -> bool {
    kr_rrn(v) && (11 - weighted(v, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11) % 10 == digit(v[12])
}

/// Japanese individual number.
pub(crate) fn jp_my_number(v: &[u8]) -> bool {
    v.len() == 12 && !uniform(v) && {
        let rest = weighted(v, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
        digit(v[11]) == if rest <= 1 { 0 } else { 11 - rest }
    }
}

/// Chinese resident identity number: region, date of birth, ISO 7064 mod 11-2 with X for 10.
pub(crate) fn cn_ric(v: &[u8]) -> bool {
    if v.len() != 18 || v[0] == b'0' || !v[..17].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum = weighted(v, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    matches!(two(v, 6), 18..=20)
        && date(two(v, 10), two(v, 12))
        && v[17] == b"10X98765432"[(sum % 11) as usize]
}

/// Taiwanese identity number: the letter counts as two digits.
pub(crate) fn tw_id(v: &[u8]) -> bool {
    if v.len() != 10 || !matches!(v[1], b'1' | b'2' | b'8' | b'9') {
        return false;
    }
    let Some(place) = b"ABCDEFGHJKLMNPQRSTUVXYWZIO".iter().position(|b| *b == v[0]) else {
        return false;
    };
    let letter = place as u32 + 10;
    (letter / 10 + letter % 10 * 9 + weighted(&v[1..], &[8, 7, 6, 5, 4, 3, 2, 1, 1])).is_multiple_of(10)
}

/// Hong Kong identity card: one or two letters, six digits, mod 11 with A for 10.
pub(crate) fn hk_id(v: &[u8]) -> bool {
    let worth = |b: u8| {
        if b.is_ascii_digit() {
            digit(b)
        } else {
            u32::from(b.saturating_sub(b'A')) + 10
        }
    };
    let (letters, rest) = match v.len() {
        8 => ([36, worth(v[0])], &v[1..]),
        9 => ([worth(v[0]), worth(v[1])], &v[2..]),
        _ => return false,
    };
    let sum = letters[0] * 9 + letters[1] * 8 + weighted(rest, &[7, 6, 5, 4, 3, 2]) + worth(rest[6]);
    v[0].is_ascii_uppercase() && sum.is_multiple_of(11)
}

/// Malaysian identity card: date and place of birth; no checksum.
pub(crate) fn my_nric(v: &[u8]) -> bool {
    v.len() == 12
        && date(two(v, 2), two(v, 4))
        && !matches!(two(v, 6), 0 | 17..=20 | 69 | 70 | 73 | 80 | 81 | 94..=97)
}

/// Thai national identity number.
pub(crate) fn th_tnin(v: &[u8]) -> bool {
    v.len() == 13
        && (b'1'..=b'8').contains(&v[0])
        && (11 - weighted(v, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 10 == digit(v[12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_and_made_up_numbers_hold_and_broken_ones_do_not() {
        type Check = fn(&[u8]) -> bool;
        let rows: &[(Check, &str, &str)] = &[
            (in_aadhaar, "999912345678", "999912345670"),
            (in_pan_holder, "AAAPZ1234C", "AAAXZ1234C"),
            (tr_id, "17291716060", "17291716050"),
            (il_id, "039337423", "039337422"),
            (za_id, "7503305044089", "8503305044089"),
            (sg_nric, "S0000001I", "S0000001A"),
            (sg_nric, "M0000001Q", "M0000001A"),
            (kr_rrn_checked, "8001011234560", "8001011234561"),
            (jp_my_number, "111122223333", "111122223330"),
            (cn_ric, "110101199001010015", "110101199001010010"),
            (tw_id, "A123456789", "A123456780"),
            (hk_id, "G123456A", "G1234563"),
            (th_tnin, "1101700207030", "1101700207031"),
            (my_nric, "770305021234", "771305021234"),
        ];
        for (check, valid, broken) in rows {
            assert!(check(valid.as_bytes()), "{valid}");
            assert!(!check(broken.as_bytes()), "{broken}");
        }
    }
}
