//! S3: characters that have no business in a text: controls, overrides of direction, what nobody sees.
//!
//! One pass. What a script or an emoji needs stays:
//! - joiners between the parts of an emoji, and beside letters of scripts whose letters join or cluster (Arabic, Syriac,
//!   N'Ko, Mongolian, the Indic scripts, Sinhala, Tibetan, Myanmar, Khmer);
//! - the space of no width beside letters of scripts that write no blanks (Thai, Lao, Myanmar, Khmer, Tibetan);
//! - marks and isolates of direction beside a letter that is written from right to left, with nothing but signs, digits
//!   and blanks between; embeddings and overrides never, for isolates do all that they are honestly used for;
//! - one variation selector after a character that can have one, and the tags of a flag.
//!
//! Never: strips what the rules do not name, or changes a character.

use super::Refusal;
use crate::normalise::{Hidden, hidden, next_stop};
use std::borrow::Cow;
use std::ops::Range;

/// What happens to a character of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It stays.
    Allow,
    /// It is taken out.
    Strip,
    /// The text is refused.
    Refuse,
}

/// Kinds of characters that may be unwelcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// C0 and C1 control characters but tab, line feed, vertical tab, form feed, carriage return and next line.
    Control,
    /// Embeddings and overrides of direction; marks and isolates of it among letters that need none.
    Bidi,
    /// Characters of no width where nothing needs them: joiners, spaces, fillers, soft hyphens, byte order marks.
    ZeroWidth,
    /// Variation selectors that select nothing.
    Variation,
    /// Tag characters outside flags: an invisible alphabet.
    Tag,
}

/// What to do with each [`Kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Default: refuse. Nobody types them.
    pub control: Action,
    /// Default: refuse. They make a text read otherwise than it is.
    pub bidi: Action,
    /// Default: strip. They come along when text is copied from pages and documents.
    pub zero_width: Action,
    /// Default: strip.
    pub variation: Action,
    /// Default: refuse. They carry texts that only a model sees.
    pub tag: Action,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            control: Action::Refuse,
            bidi: Action::Refuse,
            zero_width: Action::Strip,
            variation: Action::Strip,
            tag: Action::Refuse,
        }
    }
}

/// Every code of a [`Refusal`] from here.
pub const CODES: &[&str] = &[
    "control_character",
    "direction_override",
    "zero_width_character",
    "stray_variation_selector",
    "tag_character",
];

/// Most places told of what was stripped; the count goes on.
pub const PLACES_MOST: usize = 64;

/// A text after the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleaned<'a> {
    /// The text without what was stripped; borrowed if that was nothing.
    pub text: Cow<'a, str>,
    /// What was stripped and where it stood, in bytes of the text that came; the first [`PLACES_MOST`] places.
    pub stripped: Vec<(Kind, Range<usize>)>,
    /// How many characters were stripped.
    pub count: usize,
}

/// Applies the rules to a text.
///
/// # Errors
/// The first character that the rules refuse.
pub fn clean<'a>(text: &'a str, rules: &Rules) -> Result<Cleaned<'a>, Refusal> {
    let mut cleaned = Cleaned {
        text: Cow::Borrowed(text),
        stripped: Vec::new(),
        count: 0,
    };
    let mut kept = String::new();
    let mut kept_to = 0;
    let mut context = Context::default();
    let mut at = 0;
    while at < text.len() {
        // ASCII without controls: nothing to judge, but the last character may be what a mark stands beside.
        let stop = next_stop(text.as_bytes(), at);
        context.pass_ascii(text.get(at..stop).unwrap_or_default());
        at = stop;
        let Some(rest) = text.get(at..) else { break };
        let Some(c) = rest.chars().next() else { break };
        let end = at + c.len_utf8();
        if let Some(kind) = context.judge(c, text.get(end..).unwrap_or_default()) {
            match rules.of(kind) {
                Action::Allow => {}
                Action::Refuse => return Err(refusal(kind, c, at..end)),
                Action::Strip => {
                    kept.push_str(text.get(kept_to..at).unwrap_or_default());
                    kept_to = end;
                    cleaned.count += 1;
                    if cleaned.stripped.len() < PLACES_MOST {
                        cleaned.stripped.push((kind, at..end));
                    }
                }
            }
        }
        at = end;
    }
    if cleaned.count > 0 {
        kept.push_str(text.get(kept_to..).unwrap_or_default());
        cleaned.text = Cow::Owned(kept);
    }
    Ok(cleaned)
}

impl Rules {
    fn of(&self, kind: Kind) -> Action {
        match kind {
            Kind::Control => self.control,
            Kind::Bidi => self.bidi,
            Kind::ZeroWidth => self.zero_width,
            Kind::Variation => self.variation,
            Kind::Tag => self.tag,
        }
    }
}

fn refusal(kind: Kind, c: char, at: Range<usize>) -> Refusal {
    let code = u32::from(c);
    let (word, what) = match kind {
        Kind::Control => ("control_character", "a control character"),
        Kind::Bidi => (
            "direction_override",
            "a character that changes the direction of text",
        ),
        Kind::ZeroWidth => ("zero_width_character", "a character that nobody sees"),
        Kind::Variation => (
            "stray_variation_selector",
            "a variation selector that selects nothing",
        ),
        Kind::Tag => ("tag_character", "a tag character, which nobody sees"),
    };
    Refusal::new(
        word,
        format!("the text has {what} (U+{code:04X}, byte {})", at.start),
        at,
    )
}

/// What stood before the character that is judged.
#[derive(Default)]
struct Context {
    /// The last character that is seen or joins.
    last: Option<char>,
    /// Whether the last letter is written from right to left.
    after_rtl: bool,
    /// Inside the tags of a flag.
    in_flag: bool,
}

impl Context {
    fn pass_ascii(&mut self, text: &str) {
        let Some(last) = text.chars().next_back() else {
            return;
        };
        self.last = Some(last);
        self.in_flag = false;
        if text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
            self.after_rtl = false;
        }
    }

    /// What is wrong with `c`, if anything; `rest` follows it.
    fn judge(&mut self, c: char, rest: &str) -> Option<Kind> {
        let Some(hidden) = hidden(c) else {
            if c.is_alphabetic() {
                self.after_rtl = is_rtl(c);
            }
            self.last = Some(c);
            self.in_flag = false;
            return None;
        };
        let next = rest.chars().next();
        let wrong = match hidden {
            Hidden::Control => Some(Kind::Control),
            Hidden::Bidi => (!self.needs_direction(c, rest)).then_some(Kind::Bidi),
            Hidden::Width => (!self.needs_width(c, next)).then_some(Kind::ZeroWidth),
            Hidden::Variation => (!self.takes_selector(c)).then_some(Kind::Variation),
            Hidden::Tag => (!self.is_flag(c, rest)).then_some(Kind::Tag),
        };
        if wrong.is_none() {
            self.last = Some(c);
        }
        wrong
    }

    fn needs_direction(&self, c: char, rest: &str) -> bool {
        let honest = matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2066}'..='\u{2069}');
        // The nearest letter on either side; marks stand near it, so a look ahead is short.
        let before_rtl = || {
            rest.chars()
                .take(DIRECTION_REACH)
                .find(|c| c.is_alphabetic())
                .is_some_and(is_rtl)
        };
        honest && (self.after_rtl || before_rtl())
    }

    fn needs_width(&self, c: char, next: Option<char>) -> bool {
        let (Some(last), Some(next)) = (self.last, next) else {
            return false;
        };
        match c {
            '\u{200D}' if is_pictograph(next) => is_pictograph(last) || is_modifier(last),
            '\u{200C}' | '\u{200D}' => joins(last) && (joins(next) || !next.is_alphanumeric()),
            '\u{200B}' => writes_no_blanks(last) || writes_no_blanks(next),
            // The vowel separator of Mongolian.
            '\u{180E}' => matches!(last, '\u{1800}'..='\u{18AF}'),
            _ => false,
        }
    }

    fn takes_selector(&self, c: char) -> bool {
        let Some(last) = self.last else { return false };
        match c {
            '\u{FE0E}' | '\u{FE0F}' => {
                !last.is_alphabetic() && hidden(last).is_none() && !last.is_whitespace()
            }
            '\u{FE00}'..='\u{FE0D}' => {
                !last.is_ascii_alphanumeric() && hidden(last).is_none() && !last.is_whitespace()
            }
            '\u{E0100}'..='\u{E01EF}' => is_ideograph(last),
            // Those of Mongolian.
            _ => matches!(last, '\u{1800}'..='\u{18AF}'),
        }
    }

    /// A flag is a black flag, one to six tags of letters and digits, and the end of tags.
    fn is_flag(&mut self, c: char, rest: &str) -> bool {
        if self.in_flag {
            self.in_flag = c != '\u{E007F}';
            return true;
        }
        if self.last != Some('\u{1F3F4}') {
            return false;
        }
        let tags = std::iter::once(c).chain(rest.chars());
        let length = tags
            .take(7)
            .take_while(|c| matches!(c, '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}'))
            .count();
        let closed = length > 0 && rest.chars().nth(length - 1) == Some('\u{E007F}');
        self.in_flag = closed;
        closed
    }
}

/// Characters after a mark of direction in which the letter that it stands beside is looked for.
const DIRECTION_REACH: usize = 16;

/// Letters written from right to left: Hebrew, Arabic, Syriac, Thaana, N'Ko, Samaritan, Mandaic, their extensions and
/// presentation forms, and the right-to-left scripts of the supplementary plane.
fn is_rtl(c: char) -> bool {
    matches!(u32::from(c), 0x590..=0x8FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFC | 0x10800..=0x10FFF | 0x1E800..=0x1EFFF)
}

/// Letters and signs of scripts whose letters join or cluster.
fn joins(c: char) -> bool {
    matches!(u32::from(c), 0x600..=0x7FF | 0x840..=0xDFF | 0xF00..=0x109F | 0x1780..=0x18AF | 0xA840..=0xA87F
        | 0xA8E0..=0xA8FF | 0xAA60..=0xAA7F | 0x11000..=0x11FFF | 0x1E900..=0x1E95F)
}

fn writes_no_blanks(c: char) -> bool {
    matches!(u32::from(c), 0xE00..=0x109F | 0x1780..=0x17FF | 0x1A20..=0x1AAF)
}

/// Emoji and signs that take part in emoji sequences.
fn is_pictograph(c: char) -> bool {
    matches!(u32::from(c), 0x2190..=0x2BFF | 0x1F000..=0x1FAFF | 0x203C | 0x2049 | 0x3030 | 0x303D | 0x3297 | 0x3299)
}

fn is_modifier(c: char) -> bool {
    matches!(c, '\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{20E3}')
}

fn is_ideograph(c: char) -> bool {
    matches!(u32::from(c), 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}
