//! S4: words of letters and digits whose form says what they are: bank accounts, wallets.
//!
//! Never: takes a word whose checksum fails.

use super::super::check::{money, wallet};
use super::super::text::{ALNUM, HEX, Text, is};

/// An IBAN at `at`: two letters, two digits, then groups with blanks, hyphens, dots or nothing between.
pub(crate) fn iban(text: &Text, at: usize) -> Option<usize> {
    let head = text.bytes.get(at..at + 2)?;
    let country = [head[0].to_ascii_uppercase(), head[1].to_ascii_uppercase()];
    let length = money::iban_length(country)?;
    if matches!(text.before(at), Some(b'-' | b'.')) && at >= 2 && is(text.bytes[at - 2], ALNUM) {
        return None;
    }
    let (mut value, mut count, mut pos) = ([0u8; 34], 0, at);
    while count < length {
        let byte = text.get(pos)?;
        if is(byte, ALNUM) {
            value[count] = byte.to_ascii_uppercase();
            count += 1;
        } else if !matches!(byte, b' ' | b'-' | b'.') || count < 4 || !text.is(pos + 1, ALNUM) {
            return None;
        }
        pos += 1;
        if count == 4 && !(value[2].is_ascii_digit() && value[3].is_ascii_digit()) {
            return None;
        }
    }
    (!text.is(pos, ALNUM) && money::iban(&value[..length])).then_some(pos)
}

/// The address of a wallet: base58 with checksum, bech32, or `0x` and 40 hexadecimal digits.
pub(crate) fn wallet(text: &Text, at: usize) -> Option<usize> {
    match text.get(at)? {
        b'1' | b'3' | b'L' | b'M' | b'D' | b'T' => {
            let end = text.run(at, ALNUM, 36);
            ((26..=35).contains(&(end - at)) && wallet::base58check(&text.bytes[at..end])).then_some(end)
        }
        b'b' | b'B' | b'l' => {
            if !text.goes_on(at, b"bc1", true) && !text.goes_on(at, b"ltc1", true) {
                return None;
            }
            let end = text.run(at, ALNUM, 91);
            ((14..=90).contains(&(end - at)) && wallet::bech32(&text.bytes[at..end])).then_some(end)
        }
        b'0' if matches!(text.get(at + 1), Some(b'x' | b'X')) => {
            let end = text.run(at + 2, HEX, 41);
            (end - at == 42 && !text.is(end, ALNUM) && wallet::ethereum(&text.bytes[at + 2..end]))
                .then_some(end)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str, rule: fn(&Text, usize) -> Option<usize>) -> Option<&str> {
        rule(&Text::new(text.as_bytes(), true), 0).map(|end| &text[..end])
    }

    #[test]
    fn accounts_and_wallets_end_where_they_end() {
        assert_eq!(on("NL10GOLV0123456789, and", iban), Some("NL10GOLV0123456789"));
        assert_eq!(
            on("GB57 GOLV 1020 3012 3456 78 and", iban),
            Some("GB57 GOLV 1020 3012 3456 78")
        );
        assert_eq!(on("nl10golv0123456789", iban), Some("nl10golv0123456789"));
        for none in [
            "NL10GOLV0123456780",
            "NL10GOLV01234567890",
            "NL10 GOLV",
            "SN7HFIR2TDCM",
        ] {
            assert_eq!(on(none, iban), None, "{none}");
        }
        assert!(on("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2.", wallet).is_some());
        assert!(on("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", wallet).is_some());
        assert!(on("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", wallet).is_some());
        assert!(on("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", wallet).is_none());
    }
}
