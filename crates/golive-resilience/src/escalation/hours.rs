//! E3: when people are there. Weekly hours on a local clock that the caller reads.
//!
//! Never: knows a time zone or a date.

/// Minutes of a week.
const WEEK: u32 = 7 * DAY;
const DAY: u32 = 24 * 60;

/// The words for the days, Monday first.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Why a text is no hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotHours {
    /// Not days, a blank, and two times.
    Form,
    /// A day that is none.
    Day(String),
    /// A time that is none, or an end that is not after its beginning.
    Time(String),
}

impl std::fmt::Display for NotHours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Form => f.write_str("write days and times, as in \"Mon-Fri 09:00-17:00\""),
            Self::Day(day) => write!(
                f,
                "`{day}` is no day; there are Mon, Tue, Wed, Thu, Fri, Sat and Sun"
            ),
            Self::Time(time) => write!(
                f,
                "`{time}` is no time from a beginning to a later end; write 09:00-17:00, or 00:00-24:00 for all day"
            ),
        }
    }
}

impl std::error::Error for NotHours {}

/// The hours of a week. None at all: always open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hours {
    /// From and to (exclusive), in minutes since Monday 00:00; in order, not touching.
    spans: Vec<(u32, u32)>,
}

impl Hours {
    /// Reads lines like `"Mon-Fri 09:00-17:00"`, `"Sat 10:00-14:00"`. Days may run over the week's end: `"Fri-Mon …"`.
    ///
    /// # Errors
    /// What is wrong with the first bad line, and which one it is.
    pub fn parse<S: AsRef<str>>(lines: &[S]) -> Result<Self, (usize, NotHours)> {
        let mut spans = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            one(line.as_ref(), &mut spans).map_err(|why| (number, why))?;
        }
        spans.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(spans.len());
        for (from, to) in spans {
            match merged.last_mut() {
                Some((_, end)) if from <= *end => *end = to.max(*end),
                _ => merged.push((from, to)),
            }
        }
        Ok(Self { spans: merged })
    }

    /// Whether somebody is there always.
    #[must_use]
    pub fn always(&self) -> bool {
        self.spans.is_empty() || self.spans == [(0, WEEK)]
    }

    /// Whether somebody is there. `day`: 0 is Monday; `minute`: of the day.
    #[must_use]
    pub fn open(&self, day: u32, minute: u32) -> bool {
        self.wait(day, minute) == 0
    }

    /// Minutes until somebody is there; zero: now.
    #[must_use]
    pub fn wait(&self, day: u32, minute: u32) -> u32 {
        if self.always() {
            return 0;
        }
        let now = (day * DAY + minute) % WEEK;
        if self.spans.iter().any(|(from, to)| (*from..*to).contains(&now)) {
            return 0;
        }
        let later = self.spans.iter().find(|(from, _)| *from > now);
        match (later, self.spans.first()) {
            (Some((from, _)), _) => from - now,
            (None, Some((from, _))) => WEEK - now + from,
            (None, None) => 0,
        }
    }
}

fn one(line: &str, spans: &mut Vec<(u32, u32)>) -> Result<(), NotHours> {
    let (days, times) = line.trim().split_once(' ').ok_or(NotHours::Form)?;
    let (first, last) = days.split_once('-').unwrap_or((days, days));
    let (first, last) = (day(first)?, day(last)?);
    let times = times.trim();
    let bad = || NotHours::Time(times.to_owned());
    let (from, to) = times.split_once('-').ok_or_else(bad)?;
    let (from, to) = (time(from).ok_or_else(bad)?, time(to).ok_or_else(bad)?);
    if from >= to {
        return Err(bad());
    }
    let mut today = first;
    loop {
        spans.push((today * DAY + from, today * DAY + to));
        if today == last {
            return Ok(());
        }
        today = (today + 1) % 7;
    }
}

fn day(text: &str) -> Result<u32, NotHours> {
    let known = DAYS
        .iter()
        .zip(0..)
        .find(|(name, _)| text.eq_ignore_ascii_case(name));
    known
        .map(|(_, number)| number)
        .ok_or_else(|| NotHours::Day(text.to_owned()))
}

fn time(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |part: &str| match part.as_bytes() {
        [a, b] if a.is_ascii_digit() && b.is_ascii_digit() => part.parse::<u32>().ok(),
        _ => None,
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= DAY).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn office_hours_are_open_in_the_week_and_say_how_long_until_monday() {
        let hours = Hours::parse(&["Mon-Fri 09:00-17:00", "sat 10:00-14:00"]).unwrap();
        assert!(!hours.always());
        assert!(hours.open(0, 9 * 60) && hours.open(4, 16 * 60 + 59));
        assert!(!hours.open(0, 17 * 60), "the end is not inside");
        assert_eq!(hours.wait(0, 8 * 60), 60);
        assert_eq!(hours.wait(5, 14 * 60), (10 + 24 + 9) * 60);
        assert_eq!(hours.wait(6, 23 * 60 + 59), 9 * 60 + 1);
    }

    #[test]
    fn days_run_over_the_end_of_the_week_and_spans_that_touch_are_one() {
        let hours = Hours::parse(&["Sat-Mon 00:00-24:00", "Sun 10:00-12:00"]).unwrap();
        assert!(hours.open(5, 0) && hours.open(6, 700) && hours.open(0, 1439));
        assert!(!hours.open(1, 0));
        assert!(Hours::parse(&["Mon-Sun 00:00-24:00"]).unwrap().always());
        assert!(Hours::parse::<&str>(&[]).unwrap().open(3, 3));
    }

    #[test]
    fn what_is_no_hours_is_refused_with_its_line() {
        for (bad, why) in [
            ("always", NotHours::Form),
            ("Monday 09:00-17:00", NotHours::Day("Monday".into())),
            ("Mon 9-17", NotHours::Time("9-17".into())),
            ("Mon 17:00-09:00", NotHours::Time("17:00-09:00".into())),
            ("Mon 09:60-17:00", NotHours::Time("09:60-17:00".into())),
            ("Mon 09:00-24:01", NotHours::Time("09:00-24:01".into())),
            ("Mon +9:00-17:00", NotHours::Time("+9:00-17:00".into())),
        ] {
            assert_eq!(Hours::parse(&["Tue 09:00-17:00", bad]), Err((1, why)), "{bad}");
        }
    }
}
