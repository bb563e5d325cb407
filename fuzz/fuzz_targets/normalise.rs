//! S4, S8: whatever the text, every place of its views is on character borders of the original and none goes backwards,
//! the layers stay within their bounds, and nothing invisible is left.
#![no_main]

use golive_screen::decode::{LAYER_BYTES_FREE, LAYERS_MOST};
use golive_screen::normalise::Normalised;
use libfuzzer_sys::fuzz_target;
use std::ops::Range;

fuzz_target!(|text: &str| {
    let normal = Normalised::of(text);
    in_order(text, normal.plain(), |range| normal.place_plain(range));
    in_order(text, normal.folded(), |range| normal.place_folded(range));
    assert!(normal.layers().len() <= LAYERS_MOST);
    let bytes: usize = normal.layers().iter().map(|layer| layer.text.len()).sum();
    assert!(bytes <= 2 * normal.plain().len() + LAYER_BYTES_FREE);
    for layer in normal.layers() {
        assert!(text.get(layer.at.clone()).is_some_and(|encoded| !encoded.is_empty()));
    }
    assert_eq!(Normalised::of(normal.plain()).signs().invisible(), 0);
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        assert_eq!(normal.plain(), text);
    }
});

fn in_order(text: &str, made: &str, place: impl Fn(Range<usize>) -> Range<usize>) {
    let mut before = 0..0;
    for at in 0..=made.len() {
        let here = place(at..(at + 1).min(made.len()));
        assert!(text.get(here.clone()).is_some(), "{at} leads to {here:?}");
        assert!(before.start <= here.start && before.end <= here.end, "places go backwards at {at}");
        before = here;
    }
}
