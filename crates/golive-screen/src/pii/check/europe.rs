//! S4: checksums of European identifiers.
//!
//! Never: asks where a number stands; that is the context's part.

use super::{date, digit, luhn, mod_11_10, number, two, uniform, weighted};

/// UK national insurance: no checksum, but letters that are never issued (HMRC NIM39110).
pub(crate) fn uk_nino(v: &[u8]) -> bool {
    let [a, b, ..] = v else { return false };
    v.len() == 9
        && !b"DFIQUV".contains(a)
        && !b"DFIOQUV".contains(b)
        && ![b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&&[*a, *b])
        && (b'A'..=b'D').contains(&v[8])
}

/// UK NHS number: mod 11.
pub(crate) fn uk_nhs(v: &[u8]) -> bool {
    if v.len() != 10 || uniform(v) {
        return false;
    }
    let check = 11 - weighted(v, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    check != 10 && check % 11 == digit(v[9])
}

const DNI: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// Spanish DNI: eight digits and a letter, mod 23.
pub(crate) fn es_nif(v: &[u8]) -> bool {
    v.len() == 9 && v[8] == DNI[(number(&v[..8]) % 23) as usize]
}

/// Spanish NIE: X, Y or Z in front of seven digits.
pub(crate) fn es_nie(v: &[u8]) -> bool {
    if v.len() != 9 {
        return false;
    }
    let first = match v[0] {
        b'X' => 0,
        b'Y' => 10_000_000,
        b'Z' => 20_000_000,
        _ => return false,
    };
    v[8] == DNI[((first + number(&v[1..8])) % 23) as usize]
}

/// French NIR: 13 characters and a key, mod 97; Corsican departments count as 19 and 18.
pub(crate) fn fr_nir(v: &[u8]) -> bool {
    if v.len() != 15 || !matches!(v[0], b'1' | b'2' | b'3' | b'4' | b'7' | b'8') {
        return false;
    }
    let month = two(v, 3);
    if !(matches!(month, 1..=12 | 20 | 30..=42 | 50..)) {
        return false;
    }
    let mut body = [0u8; 13];
    body.copy_from_slice(&v[..13]);
    match &v[5..7] {
        b"2A" => body[5..7].copy_from_slice(b"19"),
        b"2B" => body[5..7].copy_from_slice(b"18"),
        _ => {}
    }
    if !body.iter().all(u8::is_ascii_digit) {
        return false;
    }
    97 - number(&body) % 97 == u64::from(two(v, 13))
}

/// German tax id: mod 11,10; among the first ten digits one stands twice or three times.
pub(crate) fn de_tax_id(v: &[u8]) -> bool {
    if v.len() != 11 || v[0] == b'0' {
        return false;
    }
    let mut counts = [0u8; 10];
    for byte in &v[..10] {
        counts[digit(*byte) as usize] += 1;
    }
    let repeated = counts.iter().filter(|n| **n > 1).count();
    repeated == 1 && counts.iter().all(|n| *n <= 3) && mod_11_10(v)
}

/// German passports and identity cards: letters without vowels and without B, D, Q, S; some digit.
pub(crate) fn de_passport(v: &[u8]) -> bool {
    v.len() == 9
        && v.iter()
            .all(|b| b.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(b))
        && {
            let digits = v.iter().filter(|b| b.is_ascii_digit()).count();
            (1..9).contains(&digits)
        }
}

/// Italian fiscal code: a letter, mod 26, over tables for odd and even places.
pub(crate) fn it_fiscal_code(v: &[u8]) -> bool {
    const ODD: [u32; 36] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12,
        14, 16, 10, 22, 25, 24, 23,
    ];
    if v.len() != 16 || !b"ABCDEHLMPRST".contains(&v[8]) {
        return false;
    }
    let numeric = |byte: u8| byte.is_ascii_digit() || b"LMNPQRSTUV".contains(&byte);
    if ![6, 7, 9, 10, 12, 13, 14].iter().all(|n| numeric(v[*n])) {
        return false;
    }
    let place = |byte: u8| match byte {
        b'0'..=b'9' => usize::from(byte - b'0'),
        _ => usize::from(byte.wrapping_sub(b'A')) % 26 + 10,
    };
    let sum: u32 = v[..15]
        .iter()
        .enumerate()
        .map(|(n, byte)| match n % 2 {
            0 => ODD[place(*byte)],
            _ if byte.is_ascii_digit() => digit(*byte),
            _ => place(*byte) as u32 - 10,
        })
        .sum();
    u32::from(v[15].wrapping_sub(b'A')) == sum % 26
}

/// Polish PESEL: a date whose month carries the century, weights 1 3 7 9.
pub(crate) fn pl_pesel(v: &[u8]) -> bool {
    v.len() == 11
        && date(two(v, 2) % 20, two(v, 4))
        && weighted(v, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

/// Dutch BSN: the "eleven test".
pub(crate) fn nl_bsn(v: &[u8]) -> bool {
    v.len() == 9
        && !uniform(v)
        && (weighted(v, &[9, 8, 7, 6, 5, 4, 3, 2]) + 11 - digit(v[8]) % 11).is_multiple_of(11)
}

/// Swedish personal number: a date (a coordination number adds 60 to the day) and Luhn over ten digits.
pub(crate) fn se_personnummer(v: &[u8]) -> bool {
    let short = match v.len() {
        10 => v,
        12 if matches!(two(v, 0), 18..=20) => &v[2..],
        _ => return false,
    };
    let day = two(short, 4);
    date(two(short, 2), if day > 60 { day - 60 } else { day }) && luhn(short)
}

/// Danish CPR: only the date can be checked. Mod 11 has not been kept since 2007.
pub(crate) fn dk_cpr(v: &[u8]) -> bool {
    v.len() == 10 && date(two(v, 2), two(v, 0))
}

/// Finnish personal identity code: date, century sign left out, three digits, letter mod 31.
pub(crate) fn fi_hetu(v: &[u8]) -> bool {
    const LETTERS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    // With a letter as the century sign the value has eleven characters.
    let (head, tail) = match v.len() {
        10 => (&v[..6], &v[6..]),
        11 if b"ABCDEFYXWVU".contains(&v[6]) => (&v[..6], &v[7..]),
        _ => return false,
    };
    if !date(two(head, 2), two(head, 0)) || !tail[..3].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let n = number(head) * 1000 + number(&tail[..3]);
    tail[3] == LETTERS[(n % 31) as usize]
}

/// Norwegian birth number: date (a D-number adds 40 to the day, synthetic ones 40 or 80 to the month), two mod 11 digits.
pub(crate) fn no_fnr(v: &[u8]) -> bool {
    if v.len() != 11 {
        return false;
    }
    let day = two(v, 0);
    let day = if day > 40 { day - 40 } else { day };
    let month = match two(v, 2) {
        month @ 81..=92 => month - 80,
        month @ 41..=52 => month - 40,
        month => month,
    };
    let first = weighted(v, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]);
    let second = weighted(v, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]);
    date(month, day) && first.is_multiple_of(11) && second.is_multiple_of(11)
}

/// Belgian national number: date (bis numbers add 20 or 40 to the month), 97 minus the rest, with 2 in front since 2000.
pub(crate) fn be_nn(v: &[u8]) -> bool {
    if v.len() != 11 || !date(two(v, 2) % 20, two(v, 4)) {
        return false;
    }
    let check = u64::from(two(v, 9));
    let body = number(&v[..9]);
    [body, body + 2_000_000_000].iter().any(|n| 97 - n % 97 == check)
}

/// Swiss AHV number: 756 and the check digit of an EAN-13.
pub(crate) fn ch_ahv(v: &[u8]) -> bool {
    v.len() == 13
        && v.starts_with(b"756")
        && weighted(v, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

/// Czech and Slovak birth number: date (women add 50 to the month, overflow series 20), divisible by 11 since 1954.
pub(crate) fn cz_rc(v: &[u8]) -> bool {
    let month = two(v, 2) % 50;
    let month = if month > 20 { month - 20 } else { month };
    if !date(month, two(v, 4)) {
        return false;
    }
    match v.len() {
        // Until 1953 there was no check digit.
        9 => two(v, 0) <= 53,
        10 => {
            let n = number(v);
            n.is_multiple_of(11) || (v[9] == b'0' && number(&v[..9]) % 11 == 10)
        }
        _ => false,
    }
}

/// Portuguese tax number: mod 11; the first digit says what it is.
pub(crate) fn pt_nif(v: &[u8]) -> bool {
    if v.len() != 9 || !b"1235689".contains(&v[0]) {
        return false;
    }
    let rest = weighted(v, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    digit(v[8]) == if rest < 2 { 0 } else { 11 - rest }
}

/// Romanian CNP: sex and century, date, county, check digit mod 11 (10 is written 1).
pub(crate) fn ro_cnp(v: &[u8]) -> bool {
    if v.len() != 13 || v[0] == b'0' || !date(two(v, 3), two(v, 5)) {
        return false;
    }
    let county = two(v, 7);
    let check = weighted(v, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    matches!(county, 1..=52 | 70 | 80..=83) && digit(v[12]) == if check == 10 { 1 } else { check }
}

/// Irish PPS: seven digits, a letter mod 23, perhaps a second letter that counts nine times.
pub(crate) fn ie_pps(v: &[u8]) -> bool {
    if !matches!(v.len(), 8 | 9) {
        return false;
    }
    let second = match v.get(8) {
        None | Some(b'W') => 0,
        Some(letter @ b'A'..=b'I') => u32::from(letter - b'A') + 1,
        Some(_) => return false,
    };
    let sum = weighted(v, &[8, 7, 6, 5, 4, 3, 2]) + 9 * second;
    v[7] == b"WABCDEFGHIJKLMNOPQRSTUV"[(sum % 23) as usize]
}

/// Croatian OIB: mod 11,10.
pub(crate) fn hr_oib(v: &[u8]) -> bool {
    v.len() == 11 && !uniform(v) && mod_11_10(v)
}

/// Bulgarian EGN: date (40 or 20 added to the month for the century), mod 11.
pub(crate) fn bg_egn(v: &[u8]) -> bool {
    v.len() == 10 && {
        let month = two(v, 2);
        let month = match month {
            41..=52 => month - 40,
            21..=32 => month - 20,
            _ => month,
        };
        date(month, two(v, 4)) && weighted(v, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10 == digit(v[9])
    }
}

/// Estonian and Lithuanian personal code: sex and century, date, two-stage mod 11.
pub(crate) fn ee_ik(v: &[u8]) -> bool {
    if v.len() != 11 || !(b'1'..=b'8').contains(&v[0]) || !date(two(v, 3), two(v, 5)) {
        return false;
    }
    let check = match weighted(v, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11 {
        10 => weighted(v, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10,
        check => check,
    };
    check == digit(v[10])
}

/// Austrian social insurance number: check digit in the fourth place, then the date.
pub(crate) fn at_svnr(v: &[u8]) -> bool {
    v.len() == 10
        && v[0] != b'0'
        && date(two(v, 6).min(12), two(v, 4))
        && weighted(v, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11 == digit(v[3])
}

/// Russian SNILS: nine digits weighted 9…1, mod 101.
pub(crate) fn ru_snils(v: &[u8]) -> bool {
    v.len() == 11
        && weighted(v, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100 == two(v, 9)
        && number(&v[..9]) > 1_001_998
}

/// Russian INN: ten digits for companies, twelve for people.
pub(crate) fn ru_inn(v: &[u8]) -> bool {
    let check = |weights: &[u32]| weighted(v, weights) % 11 % 10;
    match v.len() {
        10 => check(&[2, 4, 10, 3, 5, 9, 4, 6, 8]) == digit(v[9]),
        12 => {
            check(&[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) == digit(v[10])
                && check(&[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) == digit(v[11])
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_and_made_up_numbers_hold_and_broken_ones_do_not() {
        type Check = fn(&[u8]) -> bool;
        let rows: &[(Check, &str, &str)] = &[
            (uk_nino, "AB123456C", "GB123456C"),
            (uk_nino, "AB123456A", "QQ123456C"),
            (uk_nhs, "9991234578", "9991234570"),
            (uk_nhs, "9434765919", "9434765918"),
            (es_nif, "12345678Z", "12345678A"),
            (es_nie, "X1234567L", "X1234567A"),
            (fr_nir, "180017512345660", "180017512345661"),
            (fr_nir, "253072B07300470", "253072B07300471"),
            (de_tax_id, "11234567890", "11234567891"),
            (it_fiscal_code, "GLVTST80A01H501W", "GLVTST80A01H501A"),
            (it_fiscal_code, "RCCMNL83S18D969H", "RCCMNL83S18D967H"),
            (pl_pesel, "00240101121", "00240101120"),
            (pl_pesel, "44051401359", "44051401358"),
            (nl_bsn, "999999990", "999999991"),
            (nl_bsn, "111222333", "111252333"),
            (se_personnummer, "8001011231", "8001011230"),
            (se_personnummer, "198001011231", "178001011231"),
            (dk_cpr, "2110625629", "2113625629"),
            (fi_hetu, "131052308T", "131052308U"),
            (fi_hetu, "131052A308T", "131052308A"),
            (no_fnr, "15108695088", "15108695077"),
            (be_nn, "85073003328", "85073003329"),
            (be_nn, "17073003384", "17073003385"),
            (ch_ahv, "7569217076985", "7569217076984"),
            (cz_rc, "7103192745", "7103192746"),
            (pt_nif, "501964843", "501964842"),
            (ro_cnp, "1630615123457", "1630615123458"),
            (ie_pps, "6433435F", "6433435E"),
            (ie_pps, "6433435OA", "6433435IA"),
            (hr_oib, "33392005961", "33392005962"),
            (bg_egn, "7523169263", "7552010004"),
            (ee_ik, "36805280109", "36805280108"),
            (at_svnr, "1237010180", "2237010180"),
            (ru_snils, "11223344595", "11223344594"),
            (ru_inn, "7707083893", "7707083894"),
            (ru_inn, "500100732259", "500100732258"),
        ];
        for (check, valid, broken) in rows {
            assert!(check(valid.as_bytes()), "{valid}");
            assert!(!check(broken.as_bytes()), "{broken}");
            assert!(
                !check(&valid.as_bytes()[1..]) || valid.len() == 12,
                "too short {valid}"
            );
        }
        assert!(de_passport(b"C01X00T47") && !de_passport(b"CFGHJKLMN") && !de_passport(b"A01X00T47"));
    }
}
