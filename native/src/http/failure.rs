//! Which kind of failure is an error of the HTTP library?

use std::error::Error as _;
use std::io;

use hallpass_core::effect::{Failure, FailureKind, Sent};

use super::body::UploadError;

/// Names what broke before the head of an answer arrived.
pub(super) fn before_head(error: &hyper::Error, sent: Sent) -> Failure {
    let kind = if error.source().is_some_and(<dyn std::error::Error>::is::<UploadError>) {
        FailureKind::RequestBody
    } else if speaks_no_http(error) {
        FailureKind::Protocol
    } else {
        FailureKind::ConnectionLost
    };
    Failure::new(kind, sent, describe(error))
}

/// Names what broke inside the body of an answer.
pub(super) fn within_body(error: &hyper::Error) -> Failure {
    let garbled = io_cause(error)
        .is_some_and(|cause| matches!(cause.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData));
    let kind = if garbled || error.is_parse() { FailureKind::Protocol } else { FailureKind::BodyTruncated };
    Failure::new(kind, Sent::Maybe, describe(error))
}

/// Whether the peer sent what is no answer, to this request or before it.
fn speaks_no_http(error: &hyper::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            let quiet = error.is_canceled() || error.is_closed() || error.is_incomplete_message() || error.is_user();
            if error.is_parse() || (!quiet && error.source().is_none()) {
                return true;
            }
        }
        cause = error.source();
    }
    false
}

fn io_cause(error: &hyper::Error) -> Option<&io::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<io::Error>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// The chain of causes in one line. The library's errors hold no header values and no body.
fn describe(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
