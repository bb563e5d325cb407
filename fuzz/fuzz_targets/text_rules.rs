//! S3: what the text rules leave has nothing left to strip, and is what came without the places told; the rules for URLs
//! and files judge any string without a panic.
#![no_main]

use golive_screen::validate::text::{Action, PLACES_MOST, Rules, clean};
use golive_screen::validate::{media, url};
use libfuzzer_sys::fuzz_target;

const STRIP: Rules = Rules {
    control: Action::Strip,
    bidi: Action::Strip,
    zero_width: Action::Strip,
    variation: Action::Strip,
    tag: Action::Strip,
};

fuzz_target!(|text: &str| {
    let Ok(cleaned) = clean(text, &STRIP) else { panic!("nothing is refused where all is stripped") };
    if cleaned.count <= PLACES_MOST {
        let mut left = String::new();
        let mut from = 0;
        for (_, at) in &cleaned.stripped {
            left.push_str(&text[from..at.start]);
            from = at.end;
        }
        left.push_str(&text[from..]);
        assert_eq!(left, cleaned.text);
    }
    match clean(text, &Rules::default()) {
        Ok(allowed) => assert!(allowed.count <= cleaned.count),
        Err(refused) => assert!(text.get(refused.at).is_some()),
    }
    let mut rules = url::Rules::default();
    rules.hosts.extend(url::Host::parse("a.example"));
    match url::check(text, &rules) {
        Ok(passed) => assert_eq!(passed.host, "a.example"),
        Err(refused) => assert!(text.get(refused.at).is_some()),
    }
    if let Err(refused) = media::data_uri(text, &media::Rules::default()) {
        assert!(text.get(refused.at).is_some());
    }
    let _ = media::bytes_of("image/png", text.as_bytes(), &media::Rules::default());
});
