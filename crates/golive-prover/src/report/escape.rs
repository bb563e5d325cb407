//! Text from outside, made harmless before a person reads it: for terminals here, for HTML on top of what maud
//! escapes by itself.
//!
//! Never: drops a character without a trace. What cannot be shown is shown as its code point.

use std::fmt::Write as _;

/// `text` on one line, without anything a terminal or a bidi algorithm would act on. Line ends become spaces.
#[must_use]
pub fn one_line(text: &str) -> String {
    visible(text, |c| {
        if matches!(c, '\n' | '\r' | '\t') {
            Some(' ')
        } else {
            None
        }
    })
}

/// `text` with its line ends and tabs kept and everything else that acts shown as `\u{…}`.
#[must_use]
pub fn block(text: &str) -> String {
    visible(&text.replace("\r\n", "\n"), |c| {
        matches!(c, '\n' | '\t').then_some(c)
    })
}

fn visible(text: &str, keep: impl Fn(char) -> Option<char>) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if let Some(kept) = keep(c) {
            out.push(kept);
        } else if acts(c) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Characters that do something instead of being seen: C0 and C1 controls, bidirectional overrides and isolates,
/// zero-width and tag characters, line and paragraph separators, the byte order mark.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ansi_bidi_and_tag_characters_become_visible() {
        let hostile = "\x1b]0;owned\x07 \u{202e}gnp.exe \u{e0041} \u{9b}31m \u{200b}";
        let shown = block(hostile);
        assert!(!shown.chars().any(acts), "{shown:?}");
        assert!(shown.contains("\\u{1b}") && shown.contains("\\u{202e}") && shown.contains("\\u{e0041}"));
    }

    #[test]
    fn a_block_keeps_its_lines_and_a_line_loses_them() {
        assert_eq!(block("a\r\nb\tc"), "a\nb\tc");
        assert_eq!(one_line("a\nb\r\nc"), "a b  c");
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_acts_survives(text in "\\PC*|.*") {
            proptest::prop_assert!(!one_line(&text).chars().any(acts));
        }
    }
}
