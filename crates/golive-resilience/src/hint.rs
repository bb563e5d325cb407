//! P3, S2: when a provider wants to be asked again, read from the headers of its refusal.
//!
//! In order of trust: `retry-after-ms` and `x-ms-retry-after-ms`; `retry-after` in seconds (a fraction is allowed) or
//! as a date; on a 429 without these, the reset times of those limits that are used up, in each spelling that is
//! about: OpenAI's durations (`6m0s`, `120ms`), Anthropic's time stamps, bare seconds, Unix seconds, and the `t` of the
//! standard `RateLimit` header. Dates are measured against the answer's own `Date`, so that a clock that differs from
//! the provider's does no harm.
//!
//! Never: fails. What cannot be read is no hint.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// No hint is longer: beyond it the number is a mistake or a ban, and neither is worth remembering exactly.
pub const HINT_MAX: Duration = Duration::from_secs(3600);

/// No reset time counts for more. It says when a limit is *whole* again; the next call fits much earlier.
pub const RESET_MAX: Duration = Duration::from_secs(60);

/// Seconds since the epoch above which a bare number is a point in time (September 2001) and not a duration.
const LOOKS_LIKE_A_DATE: f64 = 1e9;

/// The limits whose reset is told, with what is left of each and when it is whole again.
const RESETS: [(&str, &str); 8] = [
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    (
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ),
    (
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
    ),
    (
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-input-tokens-reset",
    ),
    (
        "anthropic-ratelimit-output-tokens-remaining",
        "anthropic-ratelimit-output-tokens-reset",
    ),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
];

/// How long the provider asks to wait, at most [`HINT_MAX`]. `header` gives a header's value by its lower-case name;
/// `unix_now` is the time since the epoch, used where the answer carries no `Date`.
pub fn hint<'a>(
    status: u16,
    header: impl Fn(&str) -> Option<&'a str>,
    unix_now: Duration,
) -> Option<Duration> {
    let told = told(&header, unix_now);
    let told = told.or_else(|| {
        (status == 429)
            .then(|| reset(&header, unix_now))
            .flatten()
            .map(|wait| wait.min(RESET_MAX))
    });
    told.map(|wait| wait.min(HINT_MAX))
}

/// Whether the answer says in so many words when to come back: `Retry-After` or its spelling in milliseconds.
pub fn is_told<'a>(header: impl Fn(&str) -> Option<&'a str>) -> bool {
    told(&header, Duration::ZERO).is_some()
}

fn told<'a>(header: &impl Fn(&str) -> Option<&'a str>, unix_now: Duration) -> Option<Duration> {
    for name in ["retry-after-ms", "x-ms-retry-after-ms"] {
        if let Some(wait) = header(name).and_then(|text| seconds(text, 1e-3)) {
            return Some(wait);
        }
    }
    let text = header("retry-after")?;
    seconds(text, 1.0).or_else(|| {
        let at = http_date(text)?;
        Some(at.saturating_sub(their_now(header, unix_now)))
    })
}

fn reset<'a>(header: &impl Fn(&str) -> Option<&'a str>, unix_now: Duration) -> Option<Duration> {
    let now = their_now(header, unix_now);
    let used_up = RESETS
        .iter()
        .filter(|(left, _)| header(left).and_then(|text| text.trim().parse::<f64>().ok()) == Some(0.0))
        .filter_map(|(_, reset)| until(header(reset)?, now));
    used_up.chain(header("ratelimit").and_then(standard)).max()
}

/// The provider's clock, if it told the time.
fn their_now<'a>(header: &impl Fn(&str) -> Option<&'a str>, unix_now: Duration) -> Duration {
    header("date").and_then(http_date).unwrap_or(unix_now)
}

/// A time to wait in one of the spellings of reset headers.
fn until(text: &str, now: Duration) -> Option<Duration> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        let wait = seconds(text, 1.0)?;
        return Some(if number > LOOKS_LIKE_A_DATE {
            wait.saturating_sub(now)
        } else {
            wait
        });
    }
    go_duration(text).or_else(|| Some(rfc3339(text)?.saturating_sub(now)))
}

/// A decimal number of units, each so many seconds long; neither negative nor infinite.
fn seconds(text: &str, unit: f64) -> Option<Duration> {
    let text = text.trim();
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None; // no sign, and none of the words that read as floats
    }
    let number: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(number * unit).ok()
}

/// Sums the groups of a duration such as `1h2m3.5s`, `6m0s` or `120ms`.
fn go_duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 7] = [
        ("ms", 1e-3),
        ("us", 1e-6),
        ("ns", 1e-9),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3600.0),
        ("d", 86_400.0),
    ];
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let (unit, length) = UNITS.iter().find(|(unit, _)| tail.starts_with(unit))?;
        sum = sum.checked_add(seconds(number, *length)?)?;
        rest = &tail[unit.len()..];
    }
    (!text.is_empty()).then_some(sum)
}

/// The `t` of the standard `RateLimit` header (`"default";r=0;t=18`), of the entry that is used up and longest.
fn standard(text: &str) -> Option<Duration> {
    text.split(',')
        .filter_map(|entry| {
            let parameter = |name: &str| {
                entry
                    .split(';')
                    .skip(1)
                    .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
            };
            (parameter("r")? == "0").then(|| seconds(parameter("t")?, 1.0))?
        })
        .max()
}

/// Time since the epoch of a date in one of HTTP's three spellings.
fn http_date(text: &str) -> Option<Duration> {
    let at: SystemTime = httpdate::parse_http_date(text.trim()).ok()?;
    at.duration_since(UNIX_EPOCH).ok()
}

/// Time since the epoch of `2026-11-26T02:17:05.25Z` or with an offset in the place of the `Z`.
fn rfc3339(text: &str) -> Option<Duration> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-').map(digits);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let clock_end = time.find(['Z', 'z', '+', '-'])?;
    let (clock, offset) = time.split_at(clock_end);
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut clock = whole.splitn(3, ':').map(digits);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    digits(fraction)?;
    let fraction = seconds(&format!("0.{fraction}"), 1.0)?;
    let since_epoch = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    let at = Duration::from_secs(since_epoch) + fraction;
    let Some(ahead) = offset.strip_prefix('+') else {
        return match offset.strip_prefix('-') {
            Some(behind) => at.checked_add(offset_of(behind)?),
            None => (offset.len() == 1).then_some(at),
        };
    };
    at.checked_sub(offset_of(ahead)?)
}

fn offset_of(text: &str) -> Option<Duration> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours < 24 && minutes < 60).then(|| Duration::from_secs(hours * 3600 + minutes * 60))
}

/// A number of at most nine plain digits.
fn digits(text: &str) -> Option<u64> {
    let plain = (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

/// Days from the epoch to a date from 1970 on in the Gregorian calendar.
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    // The year begins in March, so that the leap day is its last (Howard Hinnant, "chrono-compatible low-level date
    // algorithms").
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Thu, 26 Nov 2026 02:00:00 GMT.
    const NOW: Duration = Duration::from_secs(1_795_658_400);

    fn of(status: u16, headers: &[(&str, &str)]) -> Option<Duration> {
        hint(
            status,
            |name| headers.iter().find(|(n, _)| *n == name).map(|(_, v)| *v),
            NOW,
        )
    }

    fn s(seconds: f64) -> Option<Duration> {
        Some(Duration::from_secs_f64(seconds))
    }

    #[test]
    fn retry_after_in_seconds_as_a_date_or_in_milliseconds() {
        assert_eq!(of(503, &[("retry-after", "7")]), s(7.0));
        assert_eq!(of(429, &[("retry-after", " 0.5 ")]), s(0.5));
        assert_eq!(of(503, &[("retry-after", "0")]), s(0.0));
        assert_eq!(
            of(503, &[("retry-after", "Thu, 26 Nov 2026 02:00:09 GMT")]),
            s(9.0)
        );
        assert_eq!(
            of(503, &[("retry-after", "Thursday, 26-Nov-26 02:00:09 GMT")]),
            s(9.0)
        );
        assert_eq!(
            of(503, &[("retry-after", "Thu, 26 Nov 2026 01:00:00 GMT")]),
            s(0.0),
            "already over"
        );
        assert_eq!(
            of(429, &[("retry-after", "9"), ("retry-after-ms", "250")]),
            s(0.25)
        );
        assert_eq!(of(429, &[("x-ms-retry-after-ms", "1500")]), s(1.5));
    }

    #[test]
    fn a_date_is_measured_against_the_answers_own_clock() {
        let headers = [
            ("retry-after", "Thu, 26 Nov 2026 05:00:09 GMT"),
            ("date", "Thu, 26 Nov 2026 05:00:00 GMT"),
        ];
        assert_eq!(of(503, &headers), s(9.0));
    }

    #[test]
    fn nonsense_is_no_hint_and_too_much_is_capped() {
        for text in [
            "", "soon", "-1", "+1", "NaN", "inf", "1e400", "1 s", "0x10", "26 Nov", "\u{661}",
        ] {
            assert_eq!(of(503, &[("retry-after", text)]), None, "{text:?}");
        }
        assert_eq!(of(503, &[("retry-after", "86400")]), Some(HINT_MAX));
        assert_eq!(
            of(503, &[("retry-after", "Fri, 26 Nov 2027 02:00:00 GMT")]),
            Some(HINT_MAX)
        );
        assert_eq!(of(503, &[]), None);
        assert!(is_told(|name| (name == "retry-after").then_some("3")));
        assert!(!is_told(|name| (name == "ratelimit-reset").then_some("3")));
    }

    #[test]
    fn openai_resets_count_where_nothing_is_left_and_only_on_a_429() {
        let headers = [
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "120ms"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ];
        assert_eq!(of(429, &headers), s(0.12));
        assert_eq!(of(500, &headers), None);
        let both = [
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ];
        assert_eq!(of(429, &both), Some(RESET_MAX));
        assert_eq!(of(429, &[headers[0], headers[1], ("retry-after", "2")]), s(2.0));
    }

    #[test]
    fn anthropic_resets_are_time_stamps() {
        let at = |stamp| {
            of(
                429,
                &[
                    ("anthropic-ratelimit-input-tokens-remaining", "0"),
                    ("anthropic-ratelimit-input-tokens-reset", stamp),
                ],
            )
        };
        assert_eq!(at("2026-11-26T02:00:11Z"), s(11.0));
        assert_eq!(at("2026-11-26T02:00:11.5Z"), s(11.5));
        assert_eq!(at("2026-11-26T04:00:11+02:00"), s(11.0));
        assert_eq!(at("2026-11-25T21:30:11-04:30"), s(11.0));
        for wrong in [
            "2026-11-26",
            "2026-13-26T02:00:11Z",
            "2026-11-26T02:00:11",
            "2026-11-26T02:00Z",
            "2026-11-26T02:00:11Zoo",
            "2026-11-26T25:00:00Z",
            "T::Z",
            "2026-11-26T02:00:11.Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn bare_seconds_unix_seconds_and_the_standard_header() {
        let reset = |text| {
            of(
                429,
                &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", text)],
            )
        };
        assert_eq!(reset("13"), s(13.0));
        assert_eq!(reset("1795658415"), s(15.0));
        assert_eq!(
            of(429, &[("ratelimit", r#""user";r=0;t=18, "all";r=5;t=50"#)]),
            s(18.0)
        );
        assert_eq!(of(429, &[("ratelimit", r#""user";r=5;t=18"#)]), None);
        assert_eq!(
            of(429, &[("ratelimit-remaining", "0"), ("ratelimit-reset", "4")]),
            s(4.0)
        );
    }

    #[test]
    fn durations_are_sums_of_groups() {
        assert_eq!(go_duration("1h2m3.5s"), s(3723.5));
        assert_eq!(go_duration("1d"), s(86_400.0));
        assert_eq!(go_duration("250us"), s(0.000_25));
        for wrong in ["", "5", "m", "5x", "1..2s", "s5", "-1s"] {
            assert_eq!(go_duration(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_date_reads_the_same_in_both_spellings(seconds in 0_u64..250_000_000_000) {
            let at = UNIX_EPOCH + Duration::from_secs(seconds);
            let text = httpdate::fmt_http_date(at);
            prop_assert_eq!(http_date(&text), Some(Duration::from_secs(seconds)));
            // "Thu, 26 Nov 2026 02:00:09 GMT" written as a time stamp.
            let month = 1 + "JanFebMarAprMayJunJulAugSepOctNovDec".find(&text[8..11]).unwrap() / 3;
            let stamp = format!("{}-{month:02}-{}T{}Z", &text[12..16], &text[5..7], &text[17..25]);
            prop_assert_eq!(rfc3339(&stamp), Some(Duration::from_secs(seconds)));
        }

        #[test]
        fn no_header_makes_it_fail_or_wait_beyond_the_cap(text in ".{0,40}", status in 100_u16..600) {
            for name in [
                "retry-after", "retry-after-ms", "date", "ratelimit", "x-ratelimit-reset-tokens",
                "anthropic-ratelimit-tokens-reset", "ratelimit-reset",
            ] {
                let wait = hint(
                    status,
                    |asked| match asked {
                        _ if asked == name => Some(text.as_str()),
                        _ if asked.contains("remaining") => Some("0"),
                        _ => None,
                    },
                    NOW,
                );
                prop_assert!(wait.is_none_or(|wait| wait <= HINT_MAX));
            }
        }
    }
}
