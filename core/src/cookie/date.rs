//! Which moment does an `Expires` value mean? RFC 6265bis §5.1.1, which takes nearly anything.

use crate::time::Wall;

/// The moment that a cookie date names; `None` where it names none.
pub(crate) fn parse(text: &[u8]) -> Option<Wall> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(|&byte| is_delimiter(byte)).filter(|token| !token.is_empty()) {
        if time.is_none()
            && let Some(found) = clock(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some((found, rest)) = number(token, 1, 2)
            && ends(rest)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_named(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some((found, rest)) = number(token, 2, 4)
            && ends(rest)
        {
            year = Some(found);
        }
    }
    let (hour, minute, second) = time?;
    let year = match year? {
        year @ 70..=99 => year + 1900,
        year @ 0..=69 => year + 2000,
        year => year,
    };
    let (month, day) = (month?, day?);
    if year < 1601 || hour > 23 || minute > 59 || second > 59 || day < 1 || day > days_in(month, year) {
        return None;
    }
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(Wall::from_millis(seconds * 1000))
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, 0x09 | 0x20..=0x2f | 0x3b..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e)
}

/// `least` to `most` digits at the start, and what follows them.
fn number(token: &[u8], least: usize, most: usize) -> Option<(i64, &[u8])> {
    let digits = token.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = (digits >= least).then(|| token.split_at(digits))?;
    Some((digits.iter().fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0')), rest))
}

/// Whether a number is not cut out of a longer one.
fn ends(rest: &[u8]) -> bool {
    !rest.first().is_some_and(u8::is_ascii_digit)
}

fn clock(token: &[u8]) -> Option<(i64, i64, i64)> {
    let (hour, rest) = number(token, 1, 2)?;
    let (minute, rest) = number(rest.strip_prefix(b":")?, 1, 2)?;
    let (second, rest) = number(rest.strip_prefix(b":")?, 1, 2)?;
    ends(rest).then_some((hour, minute, second))
}

fn month_named(token: &[u8]) -> Option<i64> {
    const NAMES: &[u8; 36] = b"janfebmaraprmayjunjulaugsepoctnovdec";
    let token = token.get(..3)?;
    (1..).zip(NAMES.chunks(3)).find_map(|(month, name)| name.eq_ignore_ascii_case(token).then_some(month))
}

fn days_in(month: i64, year: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar, by years that start in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_shapes_of_a_date_name_one_moment() {
        for text in [
            "Fri, 07 Aug 2026 08:04:19 GMT",
            "Friday, 07-Aug-26 08:04:19 GMT",
            "Fri Aug  7 08:04:19 2026",
            "8:4:19 7 august 2026",
            "2026 Aug 07 08:04:19.123 PST",
            "x;07x<aug=2026y 08:04:19z",
        ] {
            assert_eq!(parse(text.as_bytes()), Some(Wall::from_millis(1_786_089_859_000)), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_names_no_moment() {
        for text in [
            "",
            "tomorrow",
            "Fri, 07 Aug 2026",
            "Fri, 07 Aug 2026 24:00:00",
            "Fri, 07 Aug 2026 08:60:00",
            "Fri, 31 Feb 2026 08:04:19",
            "Fri, 29 Feb 1900 08:04:19",
            "Fri, 00 Aug 2026 08:04:19",
            "Fri, 07 Aug 1600 08:04:19",
            "Fri, 07 Aug 20265 08:04:19",
            "Fri, 07 Aug 2026 08:04:191",
            "Fri, 07 Foo 2026 08:04:19",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert!(parse(b"29 Feb 2000 00:00:00").is_some());
    }

    proptest! {
        #[test]
        fn every_http_date_is_read_as_it_was_written(seconds in 0_u32..u32::MAX, scale in 0_u32..59) {
            let seconds = u64::from(seconds) * u64::from(scale);
            let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
            prop_assert_eq!(parse(text.as_bytes()), Some(Wall::from_millis(0) + Duration::from_secs(seconds)));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
