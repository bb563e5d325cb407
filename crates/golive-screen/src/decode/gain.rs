//! S8: what each pair of neighbouring bytes says for and against each disguise.
//!
//! Never: computed while a text is read: all of it is tables of the compiler's making.

use super::language::{cost, letter};

/// Disguises told apart, each a lane of the tables: rot13, mirror writing, leet, other ciphers, letters set apart.
pub(super) const LANES: usize = 5;
/// Bytes of a block: sums are kept per block, so that the pass over the bytes has no branch.
pub(super) const BLOCK: usize = 16;

/// Kinds of bytes: 0 for what separates, 1 to 26 for letters, then these.
const LEET: u8 = 27;
const DIGIT: u8 = 28;
/// First and further bytes of a character that is not ASCII.
const LEAD: u8 = 29;
const FURTHER: u8 = 30;

pub(super) static SYMBOLS: [u8; 256] = {
    let mut symbols = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        symbols[byte] = symbol(byte as u8);
        byte += 1;
    }
    symbols
};

const fn symbol(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => letter(byte),
        b'0' | b'1' | b'3' | b'4' | b'5' | b'7' | b'8' | b'9' | b'@' | b'$' => LEET,
        b'0'..=b'9' => DIGIT,
        0x80..=0xBF => FURTHER,
        0xC0..=0xFF => LEAD,
        _ => 0,
    }
}

/// What each pair of symbols says for each disguise.
pub(super) static GAINS: [[i16; LANES]; 1024] = {
    let mut gains = [[0; LANES]; 1024];
    let mut first = 0;
    while first < 32 {
        let mut second = 0;
        while second < 32 {
            gains[first << 5 | second] = gains_of(first as u8, second as u8);
            second += 1;
        }
        first += 1;
    }
    gains
};

/// Largest gain or loss of one pair.
const GAIN_MOST: i16 = 127;
/// Added to every gain in [`PACKED`], so that none is negative.
pub(super) const BIAS: i32 = 128;
/// Room for the sum of one block.
pub(super) const LANE_BITS: usize = 12;
pub(super) const LANE_MASK: u64 = (1 << LANE_BITS) - 1;

/// The gains of a pair side by side in one word, so that one addition adds all of them up.
pub(super) static PACKED: [u64; 1024] = {
    let mut packed = [0; 1024];
    let mut pair = 0;
    while pair < 1024 {
        let mut lane = 0;
        while lane < LANES {
            let gain = GAINS[pair][lane] as i32 + BIAS;
            assert!(gain >= 0 && gain * (BLOCK as i32) < 1 << LANE_BITS);
            packed[pair] |= (gain as u64) << (LANE_BITS * lane);
            lane += 1;
        }
        pair += 1;
    }
    packed
};

const fn gains_of(first: u8, second: u8) -> [i16; LANES] {
    let (turned, mirrored, strange) = if first <= 26 && second <= 26 && first | second != 0 {
        let stands = cost(first, second) as i16;
        let turned = cost(turn(first), turn(second)) as i16;
        let mirrored = cost(second, first) as i16;
        // The small loss per pair keeps noise, where neither reading is better, from adding up.
        (stands - turned - 8, stands - mirrored - 3, stands - STRANGE)
    } else if first == LEET || first == DIGIT || second == LEET || second == DIGIT {
        // Identifiers and encoded data are strange too, but they have digits.
        (0, 0, -30)
    } else {
        (0, 0, 0)
    };
    let leet = match (
        is_letter_symbol(first),
        first == LEET,
        is_letter_symbol(second),
        second == LEET,
    ) {
        (true, _, _, true) | (_, true, true, _) => 12,
        (true, _, true, _) => -4,
        _ if first == DIGIT || second == DIGIT => -8,
        _ => 0,
    };
    let spaced = match (is_word(first), is_word(second)) {
        _ if second == FURTHER && (first == FURTHER || first == LEAD) => 0,
        (true, true) => -24,
        (true, false) | (false, true) => 8,
        (false, false) => 0,
    };
    [clip(turned), clip(mirrored), leet, clip(strange), spaced]
}

/// Cost of a letter pair that no language of the Latin alphabet keeps up for long.
const STRANGE: i16 = 64;

const fn clip(gain: i16) -> i16 {
    if gain > GAIN_MOST {
        GAIN_MOST
    } else if gain < -GAIN_MOST {
        -GAIN_MOST
    } else {
        gain
    }
}

const fn is_letter_symbol(symbol: u8) -> bool {
    symbol >= 1 && symbol <= 26
}

const fn is_word(symbol: u8) -> bool {
    symbol != 0
}

const fn turn(number: u8) -> u8 {
    if number == 0 {
        0
    } else {
        (number - 1 + 13) % 26 + 1
    }
}
