//! S4: findings stand on borders of characters, in order and apart, in any text, normalised or not.
#![no_main]

use std::sync::LazyLock;

use golive_screen::normalise::Normalised;
use golive_screen::pii::{Detector, Finding, Options};
use libfuzzer_sys::fuzz_target;

static DETECTOR: LazyLock<Detector> =
    LazyLock::new(|| Detector::new(&Options::default()).expect("the defaults are sound"));

fn check(text: &str, findings: &[Finding]) {
    let mut last = 0;
    for finding in findings {
        assert!(finding.at.start >= last && finding.at.start < finding.at.end);
        assert!(text.get(finding.at.clone()).is_some());
        assert!((0.0..=1.0).contains(&finding.score));
        last = finding.at.end;
    }
}

fuzz_target!(|text: &str| {
    check(text, &DETECTOR.find_in(text));
    check(text, &DETECTOR.find(&Normalised::of(text)));
});
