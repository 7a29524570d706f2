//! Answers that a careless client misreads: limits in strange shapes, and bodies that are not what they say.
//!
//! The limits come in cycles: `count` answers (2 by default) are limited, then one is not. Cycles with different `key`s are
//! apart.

use std::time::{Duration, UNIX_EPOCH};

use http::{StatusCode, header};
use serde_json::json;

use super::is_read;
use crate::answer::{self, Answer};
use crate::exchange::Exchange;
use crate::platform::World;
use crate::route::Odd;

pub(super) fn serve(world: &mut World, odd: Odd, exchange: &Exchange, now: u64) -> Answer {
    match odd {
        Odd::RateLimit200 => limited(world, odd, exchange, |exchange| {
            let ms: u64 = exchange.number("ms").unwrap_or(250);
            answer::ok(&json!({ "error": { "code": "rate_limited", "retry_after_ms": ms } }))
        }),
        Odd::RetryAfterMs => limited(world, odd, exchange, |exchange| {
            let ms: u64 = exchange.number("ms").unwrap_or(250);
            let body = json!({ "error": "rate_limited", "retry_after_ms": ms });
            let answer = answer::json(StatusCode::TOO_MANY_REQUESTS, &body);
            answer::with(answer, header::RETRY_AFTER, ms.div_ceil(1000))
        }),
        Odd::TooMany => limited(world, odd, exchange, |exchange| {
            let answer = answer::error(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
            answer::with(answer, header::RETRY_AFTER, retry_after(exchange, now))
        }),
        Odd::Unavailable => limited(world, odd, exchange, |exchange| {
            let answer = answer::error(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
            answer::with(answer, header::RETRY_AFTER, retry_after(exchange, now))
        }),
        Odd::Html | Odd::EmptyJson | Odd::BrokenJson if !is_read(&exchange.method) => answer::not_allowed("GET, HEAD"),
        Odd::Html => answer::html(StatusCode::OK, "<!doctype html>\n<h1>We will be back soon</h1>\n".to_owned()),
        Odd::EmptyJson => answer::typed(StatusCode::OK, "application/json", ""),
        Odd::BrokenJson => answer::typed(StatusCode::OK, "application/json", "{\"half\": tru"),
    }
}

fn limited(world: &mut World, odd: Odd, exchange: &Exchange, limit: impl FnOnce(&Exchange) -> Answer) -> Answer {
    let key = format!("{}?{}", odd.leaf(), exchange.query("key").unwrap_or_default());
    let count: u64 = exchange.number("count").unwrap_or(2);
    let met = world.cycles.entry(key).or_default();
    if *met < count {
        *met += 1;
        return limit(exchange);
    }
    *met = 0;
    answer::ok(&json!({ "ok": true }))
}

/// `Retry-After` in seconds, or as a date in one of the three forms of RFC 9110 §5.6.7.
fn retry_after(exchange: &Exchange, now: u64) -> String {
    let seconds: u64 = exchange.number("retry_after").unwrap_or(1);
    let Some(form) = exchange.query("date") else { return seconds.to_string() };
    let at = Duration::from_millis(now).saturating_add(Duration::from_secs(seconds));
    // The longest date that the format can say is in the year 9999.
    let at = at.min(Duration::from_secs(253_402_300_799));
    date(&form, &httpdate::fmt_http_date(UNIX_EPOCH + at))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` in another form.
fn date(form: &str, imf: &str) -> String {
    let parts: Vec<&str> = imf.split([' ', ',']).filter(|part| !part.is_empty()).collect();
    let [weekday, day, month, year, time, _] = parts[..] else { return imf.to_owned() };
    match form {
        "rfc850" => {
            let weekday = WEEKDAYS.iter().find(|long| long.starts_with(weekday)).unwrap_or(&weekday);
            format!("{weekday}, {day}-{month}-{} {time} GMT", &year[2..])
        }
        "asctime" => {
            let day = day.trim_start_matches('0');
            format!("{weekday} {month} {day:>2} {time} {year}")
        }
        _ => imf.to_owned(),
    }
}

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn a_date_is_said_in_each_of_the_three_forms() {
        let imf = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(date("imf", imf), imf);
        assert_eq!(date("rfc850", imf), "Sunday, 06-Nov-94 08:49:37 GMT");
        assert_eq!(date("asctime", imf), "Sun Nov  6 08:49:37 1994");
    }
}
