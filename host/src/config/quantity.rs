//! Values with a unit: life times and rates. It must not know which keys have them.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::SpanRelativeTo;
use jiff::fmt::friendly::SpanParser;

/// So many of something in each minute: `30/min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerMinute(NonZeroU32);

impl PerMinute {
    /// The most that a rate can be.
    const MOST: u32 = 100_000;

    /// How many in a minute.
    pub const fn get(self) -> NonZeroU32 {
        self.0
    }

    pub(crate) const fn new(count: NonZeroU32) -> Self {
        Self(count)
    }

    /// Reads `30/min`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let count = text.trim().strip_suffix("/min")?.trim_end();
        if !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let count: NonZeroU32 = count.parse().ok()?;
        (count.get() <= Self::MOST).then_some(Self(count))
    }
}

/// Reads `7d`, `30 days`, `8h 30m`. A day has 24 hours, a week seven days; months and years have no length.
///
/// jiff's own duration knows no days, so this reads a calendar span and gives it a length.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let span = SpanParser::new().parse_span(text).ok()?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return None;
    }
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok()
}

/// A duration for people, in the largest units that fit: `7d`, `8h 30m`.
pub(crate) fn shown(duration: Duration) -> String {
    let mut seconds = duration.as_secs();
    let mut parts = Vec::new();
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        if seconds >= length {
            parts.push(format!("{}{unit}", seconds / length));
            seconds %= length;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_units_that_people_write() {
        for (text, seconds) in [
            ("7d", 604_800),
            ("30 days", 2_592_000),
            ("8h 30m", 30_600),
            ("2 weeks", 1_209_600),
            ("90s", 90),
            ("1 day, 12 hours", 129_600),
        ] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "7", "d", "1 month", "1y", "-7d", "7d ago", "P7D", "7 d4ys", "99999999999999d"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(shown(Duration::from_secs(30_600)), "8h 30m");
        assert_eq!(shown(Duration::from_secs(2_592_000)), "30d");
    }

    #[test]
    fn reads_a_rate_per_minute() {
        assert_eq!(PerMinute::parse("30/min").map(|rate| rate.get().get()), Some(30));
        assert_eq!(PerMinute::parse(" 5 /min").map(|rate| rate.get().get()), Some(5));
        for text in
            ["", "30", "0/min", "-1/min", "+1/min", "30/s", "1.5/min", "100001/min", "99999999999/min"]
        {
            assert_eq!(PerMinute::parse(text), None, "{text}");
        }
    }
}
