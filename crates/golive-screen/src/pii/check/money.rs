//! S4: payment cards and bank accounts.
//!
//! Never: accepts a card by its checksum alone; the issuer's range and the length must fit.

use super::{luhn, mod_97, number, uniform};

/// A payment card: issuer range, its lengths, Luhn. The ranges are of ISO/IEC 7812 registrations as the schemes publish
/// them; UnionPay does not guarantee Luhn, but its numbers in use keep it.
pub(crate) fn card(v: &[u8]) -> bool {
    if v.len() < 12 || uniform(v) {
        return false;
    }
    let (two, three, four) = (number(&v[..2]), number(&v[..3]), number(&v[..4]));
    let six = number(&v[..6]);
    let fits = match v.len() {
        12 => {
            four == 5018
                || four == 5020
                || four == 5038
                || four == 5893
                || four == 6304
                || four == 6759
                || (6761..=6763).contains(&four)
        }
        13 => v[0] == b'4',
        14 => matches!(three, 300..=305 | 309) || matches!(two, 36 | 38 | 39),
        15 => matches!(two, 34 | 37) || matches!(four, 1800 | 2131) || matches!(two, 50 | 56..=58),
        16 => {
            v[0] == b'4'
                || matches!(two, 51..=55)
                || (222_100..=272_099).contains(&six)
                || matches!(four, 6011 | 2200..=2204)
                || matches!(three, 644..=649 | 508 | 300..=305)
                || matches!(
                    two,
                    35 | 65 | 62 | 60 | 81 | 82 | 36 | 38 | 39 | 50 | 56..=58 | 63 | 67
                )
        }
        17 | 18 => matches!(two, 50 | 56..=58 | 60 | 62 | 63 | 65 | 67),
        19 => {
            v[0] == b'4'
                || matches!(two, 50 | 56..=58 | 60 | 62..=65 | 67)
                || matches!(four, 3528..=3589 | 2200..=2204)
        }
        _ => false,
    };
    fits && luhn(v)
}

/// The length of an IBAN of that country (IBAN registry, version 101).
pub(crate) fn iban_length(country: [u8; 2]) -> Option<usize> {
    const LENGTHS: &str = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";
    LENGTHS
        .as_bytes()
        .chunks_exact(4)
        .find(|row| row[..2] == country)
        .map(|row| number(&row[2..]) as usize)
}

/// An IBAN: the country's length and ISO 7064 mod 97-10.
pub(crate) fn iban(v: &[u8]) -> bool {
    let [a, b, c, d, ..] = v else { return false };
    iban_length([*a, *b]) == Some(v.len())
        && c.is_ascii_digit()
        && d.is_ascii_digit()
        && mod_97(v[4..].iter().chain(&v[..4]).copied()) == 1
}

/// An account number of a bank without IBAN: nothing to check but that somebody thought of it.
pub(crate) fn account(v: &[u8]) -> bool {
    matches!(v.len(), 6..=17) && !uniform(v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_test_cards_hold() {
        for number in [
            "4111111111111111",
            "4000001234567899",
            "5555555555554444",
            "378282246310005",
            "6011111111111117",
            "30569309025904",
            "3530111333300000",
            "2223003122003222",
            "6200000000000005",
        ] {
            assert!(card(number.as_bytes()), "{number}");
        }
        for number in [
            "4111111111111112",
            "1234567812345670",
            "0000000000000000",
            "9999999999999995",
        ] {
            assert!(!card(number.as_bytes()), "{number}");
        }
    }

    #[test]
    fn ibans_of_the_registry_hold() {
        for value in [
            "NL10GOLV0123456789",
            "GB57GOLV10203012345678",
            "FR9410011000200012345678901",
            "NO9386011117947",
            "DE89370400440532013000",
            "MT84MALT011000012345MTLCAST001S",
        ] {
            assert!(iban(value.as_bytes()), "{value}");
        }
        for value in [
            "NL10GOLV0123456780",
            "NL10GOLV012345678",
            "ZZ10GOLV0123456789",
            "NL1",
        ] {
            assert!(!iban(value.as_bytes()), "{value}");
        }
    }
}
