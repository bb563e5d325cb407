//! S3, S8: texts written in characters that nobody sees: tag characters, variation selectors, bits of zero width.
//!
//! Never: takes the tags of a flag or the selector of an emoji for a text.

use std::ops::Range;

/// How a text was hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Smuggled {
    /// In tag characters, each an invisible copy of an ASCII character.
    Tags,
    /// In variation selectors, each a byte.
    Variations,
    /// In characters of no width, each a bit.
    Bits,
}

/// Fewest hidden characters that are worth a look: four letters of tags.
pub(super) const FEWEST: usize = 4;

/// All texts hidden in runs of invisible characters of `source`, with their places.
pub(super) fn read(source: &str) -> Vec<(Smuggled, Range<usize>, String)> {
    let mut found = Vec::new();
    let mut run = Run::default();
    let mut last_seen = ' ';
    for (at, c) in source.char_indices() {
        let unit = unit(c);
        if unit.map(|unit| unit.0) != run.kind {
            run.end(at, last_seen, &mut found);
            run = Run {
                kind: unit.map(|unit| unit.0),
                start: at,
                ..Run::default()
            };
        }
        match unit {
            Some((_, value)) => run.values.push(value),
            None => last_seen = c,
        }
    }
    run.end(source.len(), last_seen, &mut found);
    found
}

/// One run of characters of one kind.
#[derive(Default)]
struct Run {
    kind: Option<Smuggled>,
    start: usize,
    values: Vec<u8>,
}

impl Run {
    fn end(&mut self, end: usize, last_seen: char, found: &mut Vec<(Smuggled, Range<usize>, String)>) {
        let Some(kind) = self.kind else { return };
        let text = match kind {
            // The flags of England, Scotland and Wales are a black flag and up to six tags.
            Smuggled::Tags if last_seen == '\u{1F3F4}' && self.values.len() <= 7 => return,
            Smuggled::Tags => String::from_utf8(std::mem::take(&mut self.values)).ok(),
            Smuggled::Variations if self.values.len() < FEWEST => return,
            Smuggled::Variations => String::from_utf8(std::mem::take(&mut self.values)).ok(),
            Smuggled::Bits => bits(&self.values),
        };
        if let Some(text) = text
            && text.chars().filter(|c| c.is_alphanumeric()).count() >= FEWEST
        {
            found.push((kind, self.start..end, text));
        }
    }
}

fn unit(c: char) -> Option<(Smuggled, u8)> {
    let code = u32::from(c);
    let at = |first: u32| (code - first) as u8;
    Some(match code {
        0xE0020..=0xE007E => (Smuggled::Tags, at(0xE0000)),
        0xFE00..=0xFE0F => (Smuggled::Variations, at(0xFE00)),
        0xE0100..=0xE01EF => (Smuggled::Variations, at(0xE0100) + 16),
        // Told apart by their low bits when read as bits.
        0x200B..=0x200F | 0x2060..=0x2064 => (Smuggled::Bits, (code & 0xFF) as u8),
        0xFEFF => (Smuggled::Bits, 0xFF),
        _ => return None,
    })
}

/// Reads a run of exactly two different characters as bits, in bytes, either way round.
fn bits(values: &[u8]) -> Option<String> {
    let (&first, rest) = values.split_first()?;
    let &other = rest.iter().find(|&&value| value != first)?;
    if values.len() < 8 * FEWEST || rest.iter().any(|&value| value != first && value != other) {
        return None;
    }
    [first, other].into_iter().find_map(|one| {
        let bytes = values
            .chunks_exact(8)
            .map(|byte| byte.iter().fold(0u8, |sum, &bit| sum << 1 | u8::from(bit == one)));
        let text = String::from_utf8(bytes.collect()).ok()?;
        text.chars()
            .all(|c| !c.is_control() || c.is_whitespace())
            .then_some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hide(text: &str, letter: impl Fn(u8) -> char) -> String {
        text.bytes().map(letter).collect()
    }

    #[test]
    fn tags_are_read() {
        let text = format!(
            "hello{}!",
            hide("obey me", |byte| char::from_u32(0xE0000 + u32::from(byte))
                .unwrap())
        );
        assert_eq!(read(&text), [(Smuggled::Tags, 5..33, "obey me".to_owned())]);
    }

    #[test]
    fn a_flag_is_no_text() {
        let flag = format!(
            "\u{1F3F4}{}\u{E007F}",
            hide("gbeng", |byte| char::from_u32(0xE0000 + u32::from(byte)).unwrap())
        );
        assert_eq!(read(&flag), []);
    }

    #[test]
    fn variation_selectors_are_read_as_bytes() {
        let text = hide("obey", |byte| {
            char::from_u32(if byte < 16 { 0xFE00 } else { 0xE0100 - 16 } + u32::from(byte)).unwrap()
        });
        assert_eq!(read(&text), [(Smuggled::Variations, 0..16, "obey".to_owned())]);
    }

    #[test]
    fn bits_of_zero_width_are_read_either_way_round() {
        for (zero, one) in [('\u{200b}', '\u{200c}'), ('\u{2064}', '\u{2062}')] {
            let text: String = "obey"
                .bytes()
                .flat_map(|byte| {
                    (0..8)
                        .rev()
                        .map(move |n| if byte >> n & 1 == 1 { one } else { zero })
                })
                .collect();
            assert_eq!(read(&text), [(Smuggled::Bits, 0..96, "obey".to_owned())]);
        }
    }

    #[test]
    fn emoji_hide_nothing() {
        assert_eq!(read("👩‍👩‍👧‍👦 ❤️ 👍🏽 ☎️☎️☎️☎️☎️"), []);
    }
}
