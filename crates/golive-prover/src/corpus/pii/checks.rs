//! S4: makers of values that hold under the rule of their kind. Source of the rules: the issuers' public descriptions.
//!
//! Never: takes a value from anywhere but the dice.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

pub(super) fn digits(count: usize, dice: &mut StdRng) -> Vec<u8> {
    (0..count).map(|_| dice.random_range(0..10)).collect()
}

fn text(digits: &[u8]) -> String {
    digits.iter().map(|digit| char::from(b'0' + digit % 10)).collect()
}

fn upper(count: usize, dice: &mut StdRng) -> String {
    (0..count)
        .map(|_| char::from(dice.random_range(b'A'..=b'Z')))
        .collect()
}

/// `text` in groups of `size`.
pub(super) fn spaced(text: &str, size: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    letters
        .chunks(size)
        .map(|group| group.iter().collect::<String>())
        .collect::<Vec<_>>()
        .join(" ")
}

fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits
        .iter()
        .zip(weights)
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum()
}

/// Draws until the rule gives a value; each rule refuses few.
fn until<T>(dice: &mut StdRng, mut draw: impl FnMut(&mut StdRng) -> Option<T>) -> T {
    loop {
        if let Some(value) = draw(dice) {
            return value;
        }
    }
}

pub(super) fn email(dice: &mut StdRng) -> String {
    let name = ["marit", "joaquin", "wilhelmina", "teodor", "anneke", "rasheed"]
        .choose(dice)
        .unwrap_or(&"marit");
    let family = ["oldenkamp", "vasquez", "brandvold", "iskandar", "pellegrin"]
        .choose(dice)
        .unwrap_or(&"vasquez");
    format!(
        "{name}.{family}{}@harbour-mail.com",
        dice.random_range(100..10_000)
    )
}

pub(super) fn phone_e164(dice: &mut StdRng) -> String {
    // Ofcom keeps 07700 900000 to 900999 for drama.
    format!("+44 7700 900{:03}", dice.random_range(0..1_000))
}

pub(super) fn phone_us(dice: &mut StdRng) -> String {
    // 555-0100 to 555-0199 are kept for fiction in every area.
    let area = [212, 312, 415, 503, 617, 702, 804, 919]
        .choose(dice)
        .copied()
        .unwrap_or(212);
    format!("({area}) 555-01{:02}", dice.random_range(0..100))
}

pub(super) fn luhn(prefix: &str, length: usize, dice: &mut StdRng) -> String {
    let mut number: Vec<u8> = prefix.bytes().map(|byte| byte - b'0').collect();
    number.extend(digits(length - prefix.len() - 1, dice));
    let sum: u32 = number
        .iter()
        .rev()
        .enumerate()
        .map(
            |(at, digit)| match u32::from(*digit) * if at % 2 == 0 { 2 } else { 1 } {
                ten @ 10.. => ten - 9,
                below => below,
            },
        )
        .sum();
    number.push(((10 - sum % 10) % 10) as u8);
    text(&number)
}

/// `shape`: `d` a digit, `a` a letter.
pub(super) fn iban(country: &str, shape: &str, dice: &mut StdRng) -> String {
    let own: String = shape
        .chars()
        .map(|c| {
            if c == 'a' {
                upper(1, dice)
            } else {
                text(&digits(1, dice))
            }
        })
        .collect();
    let rest = format!("{own}{country}00")
        .chars()
        .fold(0_u32, |rest, c| match c.to_digit(36) {
            Some(value) if value >= 10 => (rest * 100 + value) % 97,
            Some(value) => (rest * 10 + value) % 97,
            None => rest,
        });
    spaced(&format!("{country}{:02}{own}", 98 - rest), 4)
}

pub(super) fn ipv4(dice: &mut StdRng) -> String {
    // Public, and of none of the ranges kept for documents.
    let first = [81, 84, 91, 109, 151, 178].choose(dice).copied().unwrap_or(84);
    let mut part = || dice.random_range(101..255);
    format!("{first}.{}.{}.{}", part(), part(), part())
}

pub(super) fn ipv6(dice: &mut StdRng) -> String {
    let mut part = || dice.random_range(0x1000..0xFFFF);
    format!(
        "2a02:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}",
        part(),
        part(),
        part(),
        part(),
        part(),
        part(),
        part()
    )
}

pub(super) fn mac(dice: &mut StdRng) -> String {
    // A vendor's: neither for groups nor made up locally.
    let parts: Vec<String> = (0..5)
        .map(|_| format!("{:02X}", dice.random_range(0..=255)))
        .collect();
    format!("3C:{}", parts.join(":"))
}

pub(super) fn bitcoin(dice: &mut StdRng) -> String {
    let mut bytes = vec![0_u8];
    bytes.extend((0..20).map(|_| dice.random::<u8>()));
    let check = digest(&SHA256, digest(&SHA256, &bytes).as_ref());
    bytes.extend_from_slice(&check.as_ref()[..4]);
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut base: Vec<u8> = Vec::new();
    for byte in &bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut base {
            carry += u32::from(*digit) << 8;
            *digit = (carry % 58) as u8;
            carry /= 58;
        }
        while carry > 0 {
            base.push((carry % 58) as u8);
            carry /= 58;
        }
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let ones = std::iter::repeat_n('1', zeros);
    ones.chain(
        base.iter()
            .rev()
            .map(|digit| char::from(ALPHABET[usize::from(*digit)])),
    )
    .collect()
}

pub(super) fn ethereum(dice: &mut StdRng) -> String {
    (0..20).fold(String::from("0x"), |mut out, _| {
        // A string takes whatever is written to it.
        let _ = write!(out, "{:02x}", dice.random::<u8>());
        out
    })
}

pub(super) fn ssn(dice: &mut StdRng) -> String {
    let area = until(dice, |dice| {
        Some(dice.random_range(1..900)).filter(|area| *area != 666)
    });
    format!(
        "{area:03}-{:02}-{:04}",
        dice.random_range(1..100),
        dice.random_range(1..10_000)
    )
}

pub(super) fn nhs(dice: &mut StdRng) -> String {
    let number = until(dice, |dice| {
        let mut number = digits(9, dice);
        number[0] = 4 + number[0] % 4;
        match 11 - weighted(&number, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11 {
            10 => None,
            check => {
                number.push((check % 11) as u8);
                Some(text(&number))
            }
        }
    });
    format!("{} {} {}", &number[..3], &number[3..6], &number[6..])
}

pub(super) fn nino(dice: &mut StdRng) -> String {
    let letters = ["AB", "CE", "HJ", "JK", "LM", "PR", "SX", "WL"]
        .choose(dice)
        .unwrap_or(&"AB");
    let last = ["A", "B", "C", "D"].choose(dice).unwrap_or(&"A");
    let number = text(&digits(6, dice));
    format!(
        "{letters} {} {} {} {last}",
        &number[..2],
        &number[2..4],
        &number[4..]
    )
}

pub(super) fn steuer_id(dice: &mut StdRng) -> String {
    // Ten digits, one of them twice and one missing, the first not 0.
    let number = until(dice, |dice| {
        let mut own: Vec<u8> = (0..10).collect();
        for at in (1..own.len()).rev() {
            own.swap(at, dice.random_range(0..=at));
        }
        let (from, to) = (dice.random_range(0..10_usize), dice.random_range(0..10_usize));
        own[to] = own[from];
        (from != to && own[0] != 0).then_some(own)
    });
    let product = number.iter().fold(10_u32, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    let check = (11 - product) % 10;
    format!("{}{check}", text(&number))
}

pub(super) fn nir(dice: &mut StdRng) -> String {
    let own = format!(
        "{}{:02}{:02}{:02}{:03}{:03}",
        dice.random_range(1..3),
        dice.random_range(40..100),
        dice.random_range(1..13),
        dice.random_range(1..96),
        dice.random_range(1..991),
        dice.random_range(1..1_000)
    );
    let number: u64 = own.parse().unwrap_or(0);
    let key = 97 - number % 97;
    format!(
        "{} {} {} {} {} {} {key:02}",
        &own[..1],
        &own[1..3],
        &own[3..5],
        &own[5..7],
        &own[7..10],
        &own[10..]
    )
}

pub(super) fn dni(dice: &mut StdRng) -> String {
    let number: u32 = dice.random_range(10_000_000..99_999_999);
    format!(
        "{number}{}",
        char::from(b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize])
    )
}

pub(super) fn codice_fiscale(dice: &mut StdRng) -> String {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
    ];
    let consonants = |dice: &mut StdRng| -> String {
        (0..3)
            .map(|_| char::from(*b"BCDFGLMNPRSTVZ".choose(dice).unwrap_or(&b'B')))
            .collect()
    };
    let own = format!(
        "{}{}{:02}{}{:02}{}{:03}",
        consonants(dice),
        consonants(dice),
        dice.random_range(40..100),
        char::from(*b"ABCDEHLMPRST".choose(dice).unwrap_or(&b'A')),
        dice.random_range(1..29),
        char::from(*b"ABCDEFGHL".choose(dice).unwrap_or(&b'H')),
        dice.random_range(100..900)
    );
    let sum: u32 = own
        .bytes()
        .enumerate()
        .map(|(at, byte)| {
            let value = if byte.is_ascii_digit() {
                byte - b'0'
            } else {
                byte - b'A'
            };
            if at % 2 == 0 {
                ODD[usize::from(value)]
            } else {
                u32::from(value)
            }
        })
        .sum();
    format!("{own}{}", char::from(b'A' + (sum % 26) as u8))
}

pub(super) fn pesel(dice: &mut StdRng) -> String {
    let own = format!(
        "{:02}{:02}{:02}{}",
        dice.random_range(40..100),
        dice.random_range(1..13),
        dice.random_range(1..29),
        text(&digits(4, dice))
    );
    let number: Vec<u8> = own.bytes().map(|byte| byte - b'0').collect();
    let check = (10 - weighted(&number, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10;
    format!("{own}{check}")
}

pub(super) fn bsn(dice: &mut StdRng) -> String {
    until(dice, |dice| {
        let mut number = digits(8, dice);
        number[0] = 1 + number[0] % 9;
        match weighted(&number, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 {
            10 => None,
            check => {
                number.push(check as u8);
                Some(text(&number))
            }
        }
    })
}

pub(super) fn personnummer(dice: &mut StdRng) -> String {
    let born = format!(
        "{:02}{:02}{:02}",
        dice.random_range(40..100),
        dice.random_range(1..13),
        dice.random_range(1..29)
    );
    let whole = luhn(&format!("{born}{}", text(&digits(3, dice))), 10, dice);
    format!("{}-{}", &whole[..6], &whole[6..])
}

pub(super) fn cpf(dice: &mut StdRng) -> String {
    let mut number = digits(9, dice);
    for _ in 0..2 {
        let weights: Vec<u32> = (2..=number.len() as u32 + 1).rev().collect();
        let check = weighted(&number, &weights) * 10 % 11 % 10;
        number.push(check as u8);
    }
    let own = text(&number);
    format!("{}.{}.{}-{}", &own[..3], &own[3..6], &own[6..9], &own[9..])
}

pub(super) fn aadhaar(dice: &mut StdRng) -> String {
    const P: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    // The dihedral group of order ten.
    let times = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + (b - 5)) % 5,
        (false, true) => 5 + ((a - 5) + 5 - b) % 5,
        (false, false) => ((a - 5) + 5 - (b - 5)) % 5,
    };
    let turned = |digit: u8, turns: usize| (0..turns).fold(digit, |digit, _| P[usize::from(digit)]);
    let mut number = digits(11, dice);
    number[0] = 2 + number[0] % 8;
    let sum = number
        .iter()
        .rev()
        .enumerate()
        .fold(0, |sum, (at, digit)| times(sum, turned(*digit, (at + 1) % 8)));
    let check = (0..10).find(|check| times(sum, *check) == 0).unwrap_or(0);
    number.push(check);
    spaced(&text(&number), 4)
}

pub(super) fn tfn(dice: &mut StdRng) -> String {
    until(dice, |dice| {
        let number = digits(9, dice);
        let right = weighted(&number, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11) && number[0] > 0;
        right.then(|| spaced(&text(&number), 3))
    })
}

pub(super) fn china_id(dice: &mut StdRng) -> String {
    let region = [110_101, 310_104, 440_305, 510_107]
        .choose(dice)
        .copied()
        .unwrap_or(110_101);
    let own = format!(
        "{region}{}{:02}{:02}{:03}",
        dice.random_range(1950..2005),
        dice.random_range(1..13),
        dice.random_range(1..29),
        dice.random_range(1..1_000)
    );
    let number: Vec<u8> = own.bytes().map(|byte| byte - b'0').collect();
    let sum = weighted(&number, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11;
    format!("{own}{}", char::from(b"10X98765432"[sum as usize]))
}

pub(super) fn birth(dice: &mut StdRng) -> String {
    format!(
        "{}-{:02}-{:02}",
        dice.random_range(1940..2006),
        dice.random_range(1..13),
        dice.random_range(1..29)
    )
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn bare(text: &str) -> String {
        text.chars().filter(char::is_ascii_alphanumeric).collect()
    }

    /// The rules read the other way, each on two hundred values.
    #[test]
    fn every_made_value_holds_under_its_own_rule() {
        let mut dice = StdRng::seed_from_u64(9);
        let number = |text: &str| -> Vec<u8> { bare(text).bytes().map(|byte| byte - b'0').collect() };
        for _ in 0..200 {
            let whole = iban("GB", "aaaadddddddddddddd", &mut dice);
            let plain = bare(&whole);
            let turned = format!("{}{}", &plain[4..], &plain[..4]);
            let rest = turned.chars().fold(0_u64, |rest, c| {
                let value = u64::from(c.to_digit(36).unwrap());
                if value > 9 {
                    (rest * 100 + value) % 97
                } else {
                    (rest * 10 + value) % 97
                }
            });
            assert_eq!(rest, 1, "{whole}");
            let card = luhn("4", 16, &mut dice);
            let sum: u32 = card
                .bytes()
                .rev()
                .enumerate()
                .map(|(at, byte)| {
                    let value = u32::from(byte - b'0') * if at % 2 == 1 { 2 } else { 1 };
                    value / 10 + value % 10
                })
                .sum();
            assert_eq!(sum % 10, 0, "{card}");
            let nhs = number(&nhs(&mut dice));
            assert_eq!(weighted(&nhs, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]) % 11, 0);
            let bsn = number(&bsn(&mut dice));
            assert_eq!(
                (weighted(&bsn[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) + 11 - u32::from(bsn[8])) % 11,
                0
            );
            let pesel = number(&pesel(&mut dice));
            assert_eq!(weighted(&pesel, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10, 0);
        }
    }

    /// Published examples of the rules that are hard to read backwards.
    #[test]
    fn the_rules_agree_with_published_examples() {
        let steuer = |own: &[u8]| {
            let product = own.iter().fold(10_u32, |product, digit| {
                let sum = (u32::from(*digit) + product) % 10;
                (if sum == 0 { 10 } else { sum }) * 2 % 11
            });
            (11 - product) % 10
        };
        assert_eq!(steuer(&[1, 1, 2, 3, 4, 5, 6, 7, 8, 9]), 0); // 11234567890
        let mut dice = StdRng::seed_from_u64(2);
        assert_eq!(bare(&aadhaar(&mut dice)).len(), 12);
        assert!((26..=35).contains(&bitcoin(&mut dice).len()));
        assert_eq!(codice_fiscale(&mut dice).len(), 16);
        assert_eq!(bare(&nir(&mut dice)).len(), 15);
    }
}
