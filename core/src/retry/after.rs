//! How long the server asks to wait: `Retry-After` in seconds and as a date (RFC 9110 §10.2.3).
//!
//! **Invariant:** a value that is neither is no answer, never a zero; of several the longest counts.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use http::header::RETRY_AFTER;
use httpdate::HttpDate;

use crate::time::Wall;

/// How long after `now` the server asks to wait; zero for a date that has passed, at most [`LONGEST`].
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Wall) -> Option<Duration> {
    let values = headers.get_all(RETRY_AFTER).iter();
    values.filter_map(|value| wait(value.to_str().ok()?.trim_matches([' ', '\t']), now)).max()
}

/// What one value asks for.
fn wait(value: &str, now: Wall) -> Option<Duration> {
    if value.is_empty() {
        return None;
    }
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only digits: the one way to fail is to be too large.
        return Some(value.parse().map_or(LONGEST, Duration::from_secs).min(LONGEST));
    }
    Some(date(value, now)?.since(now))
}

/// A date in any of the three forms of RFC 9110 §5.6.7.
fn date(value: &str, now: Wall) -> Option<Wall> {
    let fixed = match Rfc850::read(value) {
        Some(date) => date.fixed(now),
        None => value.to_owned(),
    };
    let date: HttpDate = fixed.parse().ok()?;
    let since = std::time::SystemTime::from(date).duration_since(UNIX_EPOCH).ok()?;
    Some(Wall::from_millis(0) + since)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`, in pieces. The parser for the other two forms takes this one too but settles its century
/// once for all; the standard settles it by the present year.
struct Rfc850<'a> {
    weekday: &'a str,
    day: &'a str,
    month: &'a str,
    year: i64,
    time: &'a str,
}

impl<'a> Rfc850<'a> {
    fn read(value: &'a str) -> Option<Self> {
        let (weekday, rest) = value.split_once(", ")?;
        let (date, time) = rest.split_once(' ')?;
        let mut parts = date.split('-');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        let whole = WEEKDAYS.contains(&weekday) && parts.next().is_none() && year.len() == 2;
        let digits = year.bytes().all(|byte| byte.is_ascii_digit());
        if !whole || !digits {
            return None;
        }
        Some(Self { weekday: &weekday[..3], day, month, year: year.parse().ok()?, time: time.strip_suffix(" GMT")? })
    }

    /// The same moment as `Sun, 06 Nov 1994 08:49:37 GMT`: the latest year that is not more than fifty years ahead.
    fn fixed(&self, now: Wall) -> String {
        // What the calendar can show; a clock outside of it does not matter for the century.
        let seconds = u64::try_from(now.as_millis() / 1000).unwrap_or(0).min(LAST_SECOND);
        let present = HttpDate::from(UNIX_EPOCH + Duration::from_secs(seconds)).to_string();
        let this_year: i64 = present[12..16].parse().unwrap_or(1970);
        let rank = |month: &str| MONTHS.iter().position(|name| *name == month);
        let mut year = this_year - this_year % 100 + 100 + self.year;
        let horizon = (this_year + 50, rank(&present[8..11]), &present[5..7], &present[17..25]);
        while (year, rank(self.month), self.day, self.time) > horizon {
            year -= 100;
        }
        format!("{}, {} {} {year:04} {} GMT", self.weekday, self.day, self.month, self.time)
    }
}

/// The longest wait that is told apart: as many milliseconds as a [`Wall`] can count.
pub const LONGEST: Duration = Duration::from_millis(i64::MAX as u64);

/// The last second of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT.
    const THEN: Wall = Wall::from_millis(784_111_777_000);
    /// Mon, 23 Nov 2026 20:27:03 GMT.
    const LATER: Wall = Wall::from_millis(1_795_465_623_000);

    fn ask(value: &str, now: Wall) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(value).expect("a header value"));
        retry_after(&headers, now)
    }

    #[test]
    fn seconds_are_seconds_and_huge_ones_saturate() {
        assert_eq!(ask("0", LATER), Some(Duration::ZERO));
        assert_eq!(ask("120", LATER), Some(Duration::from_secs(120)));
        assert_eq!(ask(" 007\t", LATER), Some(Duration::from_secs(7)));
        assert_eq!(ask("18446744073709551615", LATER), Some(LONGEST));
        assert_eq!(ask(&"9".repeat(400), LATER), Some(LONGEST));
    }

    #[test]
    fn all_three_date_forms_are_the_same_moment() {
        let ten_before = THEN - Duration::from_secs(10);
        for form in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(ask(form, ten_before), Some(Duration::from_secs(10)), "{form}");
            assert_eq!(ask(form, LATER), Some(Duration::ZERO), "a past {form} is no wait");
        }
    }

    #[test]
    fn two_digits_mean_the_latest_year_that_is_at_most_fifty_years_ahead() {
        let years = |value: &str, now| ask(value, now).map(|wait| wait.as_secs() / 31_556_952);
        // In 2026: 70 is 2070 (a Sunday), 76 is 2076 up to the very second, and from then on 1976.
        assert_eq!(years("Sunday, 23-Nov-70 20:27:03 GMT", LATER), Some(44));
        assert_eq!(ask("Monday, 23-Nov-76 20:27:03 GMT", LATER), Some(Duration::from_secs(1_577_923_200)));
        assert_eq!(ask("Tuesday, 23-Nov-76 20:27:04 GMT", LATER), Some(Duration::ZERO));
        assert_eq!(ask("Friday, 31-Dec-99 23:59:59 GMT", LATER), Some(Duration::ZERO));
        // In 1994: 44 is 2044 up to this month, 45 is 1945, which no calendar here shows.
        assert_eq!(years("Tuesday, 01-Nov-44 00:00:00 GMT", THEN), Some(49));
        assert_eq!(ask("Monday, 01-Jan-45 00:00:00 GMT", THEN), None);
        // In 2099 the next century is near.
        let end = Wall::from_millis(4_102_444_799_000);
        assert_eq!(ask("Friday, 01-Jan-00 00:00:09 GMT", end), Some(Duration::from_secs(10)));
    }

    #[test]
    fn what_is_neither_seconds_nor_a_date_is_no_answer() {
        for value in [
            "",
            " ",
            "-1",
            "+1",
            "1.5",
            "1e3",
            "0x10",
            "soon",
            "1 2",
            "1,2",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Monday, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sunday, 00-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-94",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(ask(value, THEN), None, "{value:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), THEN), None);
    }

    #[test]
    fn of_several_values_the_longest_valid_one_counts() {
        let mut headers = HeaderMap::new();
        for value in ["3", "nonsense", "8", "Sun, 06 Nov 1994 08:49:42 GMT"] {
            headers.append(RETRY_AFTER, HeaderValue::from_static(value));
        }
        assert_eq!(retry_after(&headers, THEN), Some(Duration::from_secs(8)));
    }

    proptest! {
        #[test]
        fn no_value_at_no_time_panics(value in "[ -~]{0,40}", now in any::<i64>()) {
            let _ = ask(&value, Wall::from_millis(now));
        }

        #[test]
        fn nothing_that_looks_like_a_date_panics(
            weekday in prop::sample::select(WEEKDAYS.to_vec()), day in "[0-9]{2}", month in prop::sample::select(MONTHS.to_vec()),
            year in "[0-9]{2}", time in "[0-9]{2}:[0-9]{2}:[0-9]{2}", now in any::<i64>()
        ) {
            let _ = ask(&format!("{weekday}, {day}-{month}-{year} {time} GMT"), Wall::from_millis(now));
            let _ = ask(&format!("{}, {day} {month} {year}{year} {time} GMT", &weekday[..3]), Wall::from_millis(now));
        }

        #[test]
        fn dates_written_by_us_come_back_in_all_forms(seconds in 0_u64..4_000_000_000, ahead in 0_u64..1_000_000_000) {
            let now = Wall::from_millis(0) + Duration::from_secs(seconds);
            let then = (now + Duration::from_secs(ahead)).to_string();
            prop_assert_eq!(ask(&then, now), Some(Duration::from_secs(ahead)));
            let weekday = WEEKDAYS.iter().find(|name| then.starts_with(&name[..3])).expect("a weekday");
            let old = format!("{weekday}, {}-{}-{} {} GMT", &then[5..7], &then[8..11], &then[14..16], &then[17..25]);
            prop_assert_eq!(ask(&old, now), Some(Duration::from_secs(ahead)));
        }
    }
}
