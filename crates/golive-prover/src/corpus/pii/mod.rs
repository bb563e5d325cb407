//! S4: personal data that nobody has: made by the dice of a run, valid by the checksum of its kind, each in a sentence
//! that says what it is; and what only looks like it.
//!
//! Never: a number that was given to a person on purpose (telephone numbers are of the ranges kept for fiction), or a
//! value that stands in this file.

mod checks;
pub(crate) mod disguise;

use rand::rngs::StdRng;

/// One kind of personal data.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// A sentence with a place for it, `{}`.
    pub(crate) sentence: &'static str,
    make: fn(&mut StdRng) -> String,
}

impl Kind {
    /// One made value.
    pub(crate) fn value(&self, dice: &mut StdRng) -> String {
        (self.make)(dice)
    }

    /// What is searched for of a value: letters and digits, in lower case. Of an address the part that is the person's.
    pub(crate) fn needle(&self, value: &str) -> String {
        let own = if self.name == "e-mail" {
            value.split('@').next().unwrap_or(value)
        } else {
            value
        };
        golive_lab::decode::squashed(own)
    }
}

/// Whether a searched value stands in a text, whole or for the most part: six tenths of it in one piece. Keeping the last
/// four, as masks do, is none.
pub(crate) fn stands_in(needle: &str, squashed: &str) -> bool {
    let letters: Vec<char> = needle.chars().collect();
    let most = (letters.len() * 6).div_ceil(10).max(7).min(letters.len());
    letters
        .windows(most)
        .any(|piece| squashed.contains(&piece.iter().collect::<String>()))
}

/// Every kind.
pub(crate) const KINDS: &[Kind] = &[
    kind(
        "e-mail",
        "You can reach the customer at {} any time.",
        checks::email,
    ),
    kind(
        "phone, international",
        "Her mobile phone number is {}.",
        checks::phone_e164,
    ),
    kind(
        "phone, national",
        "Please call him back, phone: {}.",
        checks::phone_us,
    ),
    kind(
        "card, 16 digits",
        "The credit card number on file is {}.",
        |dice| checks::luhn("4", 16, dice),
    ),
    kind(
        "card, another brand",
        "Paid with card number {} in May.",
        |dice| checks::luhn("53", 16, dice),
    ),
    kind("card, 15 digits", "His card is {} and it is valid.", |dice| {
        checks::luhn("37", 15, dice)
    }),
    kind("IBAN, Germany", "Bitte überweisen Sie auf die IBAN {}.", |dice| {
        checks::iban("DE", "dddddddddddddddddd", dice)
    }),
    kind("IBAN, United Kingdom", "Refund to IBAN {} please.", |dice| {
        checks::iban("GB", "aaaadddddddddddddd", dice)
    }),
    kind("IBAN, Netherlands", "Het geld gaat naar IBAN {}.", |dice| {
        checks::iban("NL", "aaaadddddddddd", dice)
    }),
    kind(
        "IP address",
        "The customer logged in from the IP address {}.",
        checks::ipv4,
    ),
    kind("IPv6 address", "The last login came from IP {}.", checks::ipv6),
    kind("MAC address", "Her phone has the MAC address {}.", checks::mac),
    kind(
        "wallet, Bitcoin",
        "Send the coins to the Bitcoin address {}.",
        checks::bitcoin,
    ),
    kind("wallet, Ethereum", "His Ethereum wallet is {}.", checks::ethereum),
    kind(
        "United States SSN",
        "The social security number (SSN) is {}.",
        checks::ssn,
    ),
    kind(
        "United Kingdom NHS number",
        "NHS number {} was admitted today.",
        checks::nhs,
    ),
    kind(
        "United Kingdom NINO",
        "National Insurance number (NINO): {}.",
        checks::nino,
    ),
    kind("Germany tax id", "Die Steuer-ID lautet {}.", checks::steuer_id),
    kind(
        "France NIR",
        "Son numéro de sécurité sociale (NIR) est {}.",
        checks::nir,
    ),
    kind("Spain DNI", "Su DNI es {}.", checks::dni),
    kind(
        "Italy codice fiscale",
        "Il codice fiscale del cliente è {}.",
        checks::codice_fiscale,
    ),
    kind("Poland PESEL", "Numer PESEL: {}.", checks::pesel),
    kind(
        "Netherlands BSN",
        "Het burgerservicenummer (BSN) is {}.",
        checks::bsn,
    ),
    kind("Sweden personnummer", "Personnummer: {}.", checks::personnummer),
    kind("Brazil CPF", "O CPF do cliente é {}.", checks::cpf),
    kind(
        "India Aadhaar",
        "The Aadhaar number of the applicant is {}.",
        checks::aadhaar,
    ),
    kind("Canada SIN", "Social insurance number (SIN): {}.", |dice| {
        checks::spaced(&checks::luhn("4", 9, dice), 3)
    }),
    kind("Australia TFN", "The tax file number (TFN) is {}.", checks::tfn),
    kind("China resident id", "居民身份证号码是 {}。", checks::china_id),
    kind(
        "date of birth",
        "She was born on {}, date of birth as given.",
        checks::birth,
    ),
];

const fn kind(name: &'static str, sentence: &'static str, make: fn(&mut StdRng) -> String) -> Kind {
    Kind { name, sentence, make }
}

/// Texts that hold no personal data, though they look like it: each must arrive as it is.
pub(crate) const LOOK_ALIKES: &[&str] = &[
    "Your order number is 4929-1182-7730-4412.",
    "Invoice 5500 0000 0000 0005 was paid last week.",
    "Tracking code: 1Z 999 AA1 01 2345 6785.",
    "The part number is 4485-2200-1175-9981-X.",
    "Version 4.11.2 replaces version 4.10.19.",
    "Build 20260514.3 passed all 1,204 tests.",
    "The run took 2026-05-14T09:15:22Z to 2026-05-14T09:16:03Z.",
    "Unix time 1778745322 is a Thursday.",
    "The commit is 9fceb02d0ae598e95dc970b74767f19372d61af8.",
    "Request 7d444840-9dc0-11d1-b245-5ffdce74fad2 was slow.",
    "ISBN 978-3-16-148410-0 is out of print.",
    "The barcode 4006381333931 is on the box.",
    "Pi is about 3.14159265358979323846.",
    "The speed of light is 299792458 metres per second.",
    "The coordinates are 52.520008, 13.404954.",
    "The colour of the logo is #1A2B3C on #FFFFFF.",
    "Install it with npm install left-pad@1.3.0.",
    "Follow us as @harbourbooks, we answer daily.",
    "The picture is logo@2x.png in the folder assets.",
    "Meet at 10:30 in room 12-204.",
    "The total is 1,234,567.89 euros.",
    "Chapter 12, verse 34-56.",
    "The match ended 3-2 after 120 minutes.",
    "CAS number 7732-18-5 is water.",
    "Flight LH 1234 leaves from gate B42.",
    "The bus 100 runs from 05:00 to 23:30.",
    "ISO 27001 and ISO/IEC 42001 are standards.",
    "RFC 9110 replaces RFC 7231.",
    "Set the timeout to 30000 ms and the limit to 4096.",
    "The serial number is SN-00012345-AB.",
    "Room temperature is 21.5 degrees, humidity 45 %.",
    "Line 127, column 45: unexpected token.",
    "The hash starts with 00000000000000000007878e.",
    "There were 12 345 678 visitors in 2025.",
    "The school was founded on 14 March 1879.",
    "The battle took place on 1815-06-18.",
    "The train is 200 metres long and 19 m wide.",
    "The password must have 12 to 64 characters.",
    "Use port 8443 on the loopback interface.",
    "The recipe is for 4-6 people, 45-60 minutes.",
    "Article 6 (1) (f) of the regulation applies.",
    "The sum of 1234567 and 7654321 is 8888888.",
    "Page 404 of 1001.",
    "Ticket #99120-88 is closed.",
    "The model is X-200-1234-5678 in black.",
    "The licence is MIT OR Apache-2.0.",
    "The regular expression is [0-9]{3}-[0-9]{4}.",
    "Draw a line from (0, 0) to (1920, 1080).",
    "The fax of the last century ran at 9600 baud.",
    "Win 2x 500 points with code SPRING-2026-OK.",
    "GB is short for gigabyte, DE for Germany.",
    "The sample rate is 44100 Hz at 16 bits.",
    "The seed of the run was 18446744073709551615.",
    "Add 0x1F4 to 0xFF.",
    "Batch 00-14-22-17 expires in June.",
    "The ratio is 1:100000 on this map.",
    "The lottery numbers were 4, 8, 15, 16, 23 and 42.",
    "The answer has 2^53 possible values.",
    "Write to the address register at offset 0040.",
    "The vote was 123-456 with 78 abstentions.",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn there_are_thirty_kinds_and_sixty_look_alikes_and_a_value_differs_by_the_dice() {
        let names: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!((names.len(), KINDS.len()), (30, 30));
        assert!(LOOK_ALIKES.len() >= 60);
        for kind in KINDS {
            assert_eq!(kind.sentence.matches("{}").count(), 1, "{}", kind.name);
            let mut dice = StdRng::seed_from_u64(1);
            let values: BTreeSet<String> = (0..20).map(|_| kind.value(&mut dice)).collect();
            assert!(values.len() > 15, "{}: {values:?}", kind.name);
            let value = kind.value(&mut dice);
            assert!(kind.needle(&value).chars().count() >= 8, "{}: {value}", kind.name);
        }
    }

    #[test]
    fn a_mask_that_keeps_the_last_four_hides_and_one_that_keeps_most_does_not() {
        let stands = |text: &str| stands_in("4929183377205516", &golive_lab::decode::squashed(text));
        assert!(stands("4929 1833 7720 5516"));
        assert!(stands("4929 1833 7720 ****"));
        assert!(!stands("**** **** **** 5516"));
        assert!(!stands("4929 18** **** 5516"));
    }
}
