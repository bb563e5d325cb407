//! S4: addresses of cryptocurrency wallets.
//!
//! Never: implements a hash; SHA-256 is AWS-LC's, Keccak the sha3 crate's.

use aws_lc_rs::digest::{SHA256, digest};
use sha3::{Digest, Keccak256};

/// Base58Check: the last four bytes are the beginning of SHA-256 of SHA-256. Bitcoin (0x00, 0x05), Litecoin (0x30),
/// Dogecoin (0x1e), Tron (0x41): 25 bytes.
pub(crate) fn base58check(v: &[u8]) -> bool {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes = [0u8; 25];
    for letter in v {
        let Some(mut carry) = ALPHABET.iter().position(|b| b == letter) else {
            return false;
        };
        for byte in bytes.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = (carry % 256) as u8;
            carry /= 256;
        }
        if carry != 0 {
            return false;
        }
    }
    if !matches!(bytes[0], 0x00 | 0x05 | 0x1e | 0x30 | 0x32 | 0x41) {
        return false;
    }
    let twice = digest(&SHA256, digest(&SHA256, &bytes[..21]).as_ref());
    twice.as_ref()[..4] == bytes[21..]
}

/// Bech32 (version 0) or bech32m (later versions), BIP-173 and BIP-350.
pub(crate) fn bech32(v: &[u8]) -> bool {
    const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const STEPS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let Some(one) = v.iter().rposition(|b| *b == b'1') else {
        return false;
    };
    let (upper, lower) = (
        v.iter().any(u8::is_ascii_uppercase),
        v.iter().any(u8::is_ascii_lowercase),
    );
    if upper && lower || v.len() - one < 8 || v.len() > 90 {
        return false;
    }
    let mut sum: u32 = 1;
    let mut step = |word: u32| {
        let top = sum >> 25;
        sum = (sum & 0x01ff_ffff) << 5 ^ word;
        for (n, value) in STEPS.iter().enumerate() {
            if top >> n & 1 == 1 {
                sum ^= value;
            }
        }
    };
    let prefix = v[..one].iter().map(|b| u32::from(b.to_ascii_lowercase()));
    prefix.clone().for_each(|b| step(b >> 5));
    step(0);
    prefix.for_each(|b| step(b & 31));
    let mut version = 0;
    for (n, letter) in v[one + 1..].iter().enumerate() {
        let Some(word) = ALPHABET.iter().position(|b| *b == letter.to_ascii_lowercase()) else {
            return false;
        };
        if n == 0 {
            version = word;
        }
        step(word as u32);
    }
    sum == if version == 0 { 1 } else { 0x2bc8_30a3 }
}

/// The 40 hexadecimal digits of an Ethereum address: one case, or EIP-55's mixed case.
pub(crate) fn ethereum(hex: &[u8]) -> bool {
    let (upper, lower) = (
        hex.iter().any(u8::is_ascii_uppercase),
        hex.iter().any(u8::is_ascii_lowercase),
    );
    if !(upper && lower) {
        return hex.len() == 40;
    }
    let hash = Keccak256::digest(hex.to_ascii_lowercase());
    hex.len() == 40
        && hex.iter().enumerate().all(|(n, b)| {
            let nibble = hash[n / 2] >> (4 * (1 - n % 2)) & 15;
            b.is_ascii_digit() || b.is_ascii_uppercase() == (nibble >= 8)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_addresses_hold() {
        assert!(base58check(b"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"));
        assert!(!base58check(b"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3"));
        assert!(bech32(b"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"));
        assert!(!bech32(b"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"));
        assert!(
            bech32(b"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),
            "BIP-350"
        );
        assert!(ethereum(b"5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"));
        assert!(!ethereum(b"5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"));
        assert!(ethereum(b"de0b295669a9fd93d5f28d9ec85e40f4cb697bae"));
    }
}
