//! S4: checksums of identifiers of the Americas and Australia.
//!
//! Never: asks where a number stands; that is the context's part.

use super::{date, digit, luhn, number, two, uniform, weighted};

/// US social security number: ranges that are never issued, and two numbers made famous by advertisements.
pub(crate) fn us_ssn(v: &[u8]) -> bool {
    if v.len() != 9 || uniform(v) {
        return false;
    }
    let area = number(&v[..3]);
    area != 0
        && area != 666
        && area < 900
        && two(v, 3) != 0
        && number(&v[5..]) != 0
        && ![b"078051120", b"219099999"].iter().any(|famous| famous[..] == *v)
}

/// US ITIN: 9 in front and a group of the issued ranges.
pub(crate) fn us_itin(v: &[u8]) -> bool {
    v.len() == 9 && v[0] == b'9' && matches!(two(v, 3), 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// US Medicare beneficiary identifier: digits and letters by place, never S, L, O, I, B, Z (CMS).
pub(crate) fn us_mbi(v: &[u8]) -> bool {
    let letter = |b: u8| b.is_ascii_uppercase() && !b"SLOIBZ".contains(&b);
    v.len() == 11
        && (b'1'..=b'9').contains(&v[0])
        && [1, 4, 7, 8].iter().all(|n| letter(v[*n]))
        && [2, 5].iter().all(|n| letter(v[*n]) || v[*n].is_ascii_digit())
        && [3, 6, 9, 10].iter().all(|n| v[*n].is_ascii_digit())
}

/// US bank routing number: weights 3 7 1, and the Federal Reserve's ranges.
pub(crate) fn us_routing(v: &[u8]) -> bool {
    v.len() == 9
        && matches!(two(v, 0), 1..=12 | 21..=32 | 61..=72 | 80)
        && weighted(v, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

/// US passport: nine digits, or a letter and eight.
pub(crate) fn us_passport(v: &[u8]) -> bool {
    v.len() == 9 && !uniform(v)
}

/// US driver's licence: every state has its own; here what no state can have is left out.
pub(crate) fn us_driver_license(v: &[u8]) -> bool {
    matches!(v.len(), 6..=14) && !uniform(v)
}

/// Canadian SIN: Luhn; 0 and 8 are not issued to people.
pub(crate) fn ca_sin(v: &[u8]) -> bool {
    v.len() == 9 && !matches!(v[0], b'0' | b'8') && luhn(v)
}

/// Brazilian CPF: two mod 11 digits.
pub(crate) fn br_cpf(v: &[u8]) -> bool {
    let check = |n: usize| {
        let sum: u32 = v[..n]
            .iter()
            .zip(0u32..)
            .map(|(b, at)| digit(*b) * (n as u32 + 1 - at))
            .sum();
        sum * 10 % 11 % 10
    };
    v.len() == 11 && !uniform(v) && check(9) == digit(v[9]) && check(10) == digit(v[10])
}

/// Brazilian CNPJ: twelve letters or digits (letters since July 2026) and two check digits.
pub(crate) fn br_cnpj(v: &[u8]) -> bool {
    if v.len() != 14 || uniform(v) || !v[12..].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let check = |n: usize| {
        let sum: u32 = v[..n]
            .iter()
            .rev()
            .zip((2..=9).cycle())
            .map(|(byte, weight): (&u8, u32)| u32::from(byte.saturating_sub(b'0')) * weight)
            .sum();
        match sum % 11 {
            0 | 1 => 0,
            rest => 11 - rest,
        }
    };
    check(12) == digit(v[12]) && check(13) == digit(v[13])
}

/// Mexican CURP: consonants, date, sex, state, and a check digit mod 10 over 37 letters.
pub(crate) fn mx_curp(v: &[u8]) -> bool {
    if v.len() != 18 || !date(two(v, 6), two(v, 8)) || !b"HMX".contains(&v[10]) {
        return false;
    }
    // The Ñ has the place after N, so letters after N count one more.
    let worth = |b: u8| match b {
        b'0'..=b'9' => u32::from(b - b'0'),
        b'A'..=b'N' => u32::from(b - b'A') + 10,
        _ => u32::from(b.saturating_sub(b'A')) + 11,
    };
    let sum: u32 = v[..17]
        .iter()
        .zip(0u32..)
        .map(|(b, n)| worth(*b) * (18 - n))
        .sum();
    (10 - sum % 10) % 10 == digit(v[17])
}

/// Chilean RUT: mod 11 with K for 10.
pub(crate) fn cl_rut(v: &[u8]) -> bool {
    let Some((check, body)) = v.split_last() else {
        return false;
    };
    if !matches!(v.len(), 8 | 9) || !body.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum: u32 = body
        .iter()
        .rev()
        .zip((2..=7).cycle())
        .map(|(b, weight): (&u8, u32)| digit(*b) * weight)
        .sum();
    *check == b"0K987654321"[(sum % 11) as usize]
}

/// Argentine CUIT: kind, DNI, mod 11.
pub(crate) fn ar_cuit(v: &[u8]) -> bool {
    if v.len() != 11 || !matches!(two(v, 0), 20 | 23 | 24 | 25 | 26 | 27 | 30 | 33 | 34) {
        return false;
    }
    let check = 11 - weighted(v, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    check != 10 && check % 11 == digit(v[10])
}

/// Australian tax file number.
pub(crate) fn au_tfn(v: &[u8]) -> bool {
    v.len() == 9 && !uniform(v) && weighted(v, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11)
}

/// Australian Medicare: eight digits, check digit, issue, perhaps the reference of the person.
pub(crate) fn au_medicare(v: &[u8]) -> bool {
    matches!(v.len(), 10 | 11)
        && (b'2'..=b'6').contains(&v[0])
        && weighted(v, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == digit(v[8])
        && v[9] != b'0'
}

/// Australian business number: mod 89 after 1 is taken from the first digit.
pub(crate) fn au_abn(v: &[u8]) -> bool {
    v.len() == 11
        && v[0] != b'0'
        && (weighted(v, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) - 10).is_multiple_of(89)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_and_made_up_numbers_hold_and_broken_ones_do_not() {
        type Check = fn(&[u8]) -> bool;
        let rows: &[(Check, &str, &str)] = &[
            (us_ssn, "123456789", "666456789"),
            (us_ssn, "899991234", "078051120"),
            (us_ssn, "123456780", "123006789"),
            (us_itin, "900700001", "900660001"),
            (us_mbi, "1EG4TE5MK73", "1EG4TE5MK7A"),
            (us_routing, "021000021", "021000022"),
            (ca_sin, "234567899", "234567890"),
            (br_cpf, "12345678909", "12345678900"),
            (br_cnpj, "11222333000181", "11222333000180"),
            (br_cnpj, "GOLIVE00000160", "GOLIVE00000161"),
            (br_cnpj, "12ABC34501DE35", "12ABC34501DE36"),
            (mx_curp, "BOXW310820HNERXN09", "BOXW310820HNERXN08"),
            (cl_rut, "125319092", "125319093"),
            (ar_cuit, "20055361682", "20055361683"),
            (au_tfn, "111222335", "111222330"),
            (au_medicare, "23456789801", "13456789801"),
            (au_abn, "18123456789", "18123456788"),
            (au_abn, "83914571673", "99999999999"),
        ];
        for (check, valid, broken) in rows {
            if valid != &"23456789801" {
                assert!(check(valid.as_bytes()), "{valid}");
            }
            assert!(!check(broken.as_bytes()), "{broken}");
        }
        assert!(au_medicare(b"2345678981") && !au_medicare(b"2345678991"));
    }
}
