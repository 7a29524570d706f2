//! What a device authorization endpoint and the polls after it answer (RFC 8628).

use std::time::Duration;

use super::super::token::{self, seconds};
use crate::credentials::Secret;
use crate::document::Node;
use crate::effect::{Arrival, Question};
use crate::error::Error;
use crate::retry::{Repeat, classify};

/// What a person is shown, and what is polled with.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) device_code: Secret,
    pub(super) shown: Question,
    pub(super) expires_in: Duration,
    pub(super) interval: Duration,
}

/// What an answer to a poll says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Poll {
    /// The person has agreed: the tokens are in the answer.
    Success,
    /// The person has not decided yet.
    Pending,
    /// As pending, and the polls come too fast: every further one 5 seconds later.
    SlowDown,
    /// The person did not decide in time.
    Expired,
    /// The person said no.
    Denied,
    /// The issuer is in trouble: ask later.
    Trouble,
    /// Anything else.
    Refused,
}

/// How long to wait between polls where the issuer does not tell (RFC 8628 §3.2).
const INTERVAL: Duration = Duration::from_secs(5);

/// The shortest and the longest interval that is taken from an issuer.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(3600);

/// Reads the answer of the device authorization endpoint.
pub(super) fn granted(arrival: &Arrival) -> Result<Granted, Error> {
    let document = token::document(arrival)?;
    let text = |name: &str| document.member(name).and_then(Node::as_str).filter(|text| !text.is_empty());
    let needed = |name: &str| text(name).ok_or_else(|| token::unexpected(arrival, &format!("has no `{name}`")));
    let time = |name: &str| document.member(name).and_then(Node::text).and_then(seconds);
    // Early issuers spelled it so, before the RFC.
    let address = text("verification_uri").or_else(|| text("verification_url"));
    let address = address.ok_or_else(|| token::unexpected(arrival, "has no `verification_uri`"))?;
    let (user_code, complete) = (needed("user_code")?, text("verification_uri_complete"));
    let shown = [user_code, address, complete.unwrap_or_default()];
    if shown.iter().any(|text| text.chars().any(char::is_control)) {
        return Err(token::unexpected(arrival, "holds control characters in what it wants a person to see"));
    }
    let expires_in = time("expires_in").ok_or_else(|| token::unexpected(arrival, "has no `expires_in`"))?;
    let question = Question::DeviceCode {
        user_code: user_code.to_owned(),
        verification_uri: address.to_owned(),
        verification_uri_complete: complete.map(str::to_owned),
        expires_in,
    };
    Ok(Granted {
        device_code: Secret::new(needed("device_code")?),
        shown: question,
        expires_in,
        interval: time("interval").unwrap_or(INTERVAL).clamp(SHORTEST, LONGEST),
    })
}

/// Reads the token endpoint's answer to a poll. Issuers differ in the status, so the code counts.
pub(super) fn polled(arrival: &Arrival) -> Poll {
    if arrival.status.is_success() {
        return Poll::Success;
    }
    match token::error_code(arrival).as_deref() {
        Some("authorization_pending") => Poll::Pending,
        Some("slow_down") => Poll::SlowDown,
        Some("expired_token") => Poll::Expired,
        Some("access_denied") => Poll::Denied,
        Some(_) | None if arrival.status.is_server_error() => Poll::Trouble,
        Some(_) | None if classify::status(arrival.status).repeat != Repeat::Never => Poll::Trouble,
        Some(_) | None => Poll::Refused,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn arrival(status: u16, body: &'static str) -> Arrival {
        let status = StatusCode::from_u16(status).expect("a status");
        Arrival::whole(status, HeaderMap::new(), Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn the_example_of_rfc_8628_section_3_2_is_read() {
        let body = r#"{"device_code": "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS", "user_code": "WDJB-MJHT",
            "verification_uri": "https://example.com/device",
            "verification_uri_complete": "https://example.com/device?user_code=WDJB-MJHT", "expires_in": 1800, "interval": 5}"#;
        let granted = granted(&arrival(200, body)).expect("granted");
        assert_eq!(granted.device_code.expose(), "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS");
        assert_eq!((granted.expires_in, granted.interval), (Duration::from_secs(1800), Duration::from_secs(5)));
        let complete = "https://example.com/device?user_code=WDJB-MJHT".to_owned();
        let shown = Question::DeviceCode {
            user_code: "WDJB-MJHT".to_owned(),
            verification_uri: "https://example.com/device".to_owned(),
            verification_uri_complete: Some(complete),
            expires_in: Duration::from_secs(1800),
        };
        assert_eq!(granted.shown, shown);
        assert!(!format!("{granted:?}").contains("GmRhmhcx"));
    }

    #[test]
    fn what_may_be_absent_is_what_the_rfc_says() {
        let least =
            r#"{"device_code": "d", "user_code": "u", "verification_url": "https://v.example/", "expires_in": 60}"#;
        assert_eq!(granted(&arrival(200, least)).expect("granted").interval, Duration::from_secs(5));
        for without in ["device_code", "user_code", "verification_url", "expires_in"] {
            let body = least.replace(without, "other");
            let arrival = Arrival::whole(StatusCode::OK, HeaderMap::new(), Bytes::from(body));
            assert_eq!(granted(&arrival).expect_err(without).kind(), "unexpected_answer");
        }
    }

    #[test]
    fn what_would_move_a_terminals_cursor_is_not_shown() {
        let body = r#"{"device_code": "d", "user_code": "\u001b[2J", "verification_uri": "https://v.example/", "expires_in": 60}"#;
        let error = granted(&arrival(200, body)).expect_err("control characters");
        assert!(!error.to_string().contains('\u{1b}'));
    }

    #[test]
    fn a_poll_means_what_its_code_says_whatever_its_status() {
        for (status, body, expected) in [
            (400, r#"{"error": "authorization_pending"}"#, "Pending"),
            (428, r#"{"error": "authorization_pending"}"#, "Pending"),
            (400, r#"{"error": "slow_down"}"#, "SlowDown"),
            (400, r#"{"error": "expired_token"}"#, "Expired"),
            (403, r#"{"error": "access_denied"}"#, "Denied"),
            (400, r#"{"error": "invalid_grant"}"#, "Refused"),
            (404, "not here", "Refused"),
            (302, "", "Refused"),
            (429, "", "Trouble"),
            (500, "oops", "Trouble"),
            (503, r#"{"error": "temporarily_unavailable"}"#, "Trouble"),
        ] {
            assert_eq!(format!("{:?}", polled(&arrival(status, body))), expected, "{status} {body}");
        }
        assert_eq!(polled(&arrival(200, "{}")), Poll::Success);
    }
}
