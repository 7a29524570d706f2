//! The tables, row by row.

use http::HeaderValue;

use super::*;

const NOBODY: Option<Fault> = None;
const PROGRAM: Option<Fault> = Some(Fault::Program);
const ACCOUNT: Option<Fault> = Some(Fault::Account);
const PLATFORM: Option<Fault> = Some(Fault::Platform);
const NETWORK: Option<Fault> = Some(Fault::Network);

/// The whole table, written again as ranges: (first, last, fault, repeat).
const TABLE: &[(u16, u16, Option<Fault>, Repeat)] = &[
    (100, 199, NOBODY, Repeat::Never),
    (200, 299, NOBODY, Repeat::Never),
    (300, 399, NOBODY, Repeat::Never),
    (400, 400, PROGRAM, Repeat::Never),
    (401, 401, ACCOUNT, Repeat::Never),
    (402, 402, ACCOUNT, Repeat::Never),
    (403, 403, ACCOUNT, Repeat::Never),
    (404, 406, PROGRAM, Repeat::Never),
    (407, 407, NETWORK, Repeat::Never),
    (408, 408, NETWORK, Repeat::IfIdempotent),
    (409, 424, PROGRAM, Repeat::Never),
    (425, 425, PLATFORM, Repeat::IfIdempotent),
    (426, 428, PROGRAM, Repeat::Never),
    (429, 429, PLATFORM, Repeat::Always),
    (430, 499, PROGRAM, Repeat::Never),
    (500, 500, PLATFORM, Repeat::IfIdempotent),
    (501, 501, PLATFORM, Repeat::Never),
    (502, 504, PLATFORM, Repeat::IfIdempotent),
    (505, 508, PLATFORM, Repeat::Never),
    (509, 509, PLATFORM, Repeat::IfIdempotent),
    (510, 510, PLATFORM, Repeat::Never),
    (511, 511, NETWORK, Repeat::Never),
    (512, 999, PLATFORM, Repeat::IfIdempotent),
];

#[test]
fn every_status_has_the_answer_of_the_table() {
    let mut next = 100;
    for &(first, last, fault, repeat) in TABLE {
        assert_eq!(first, next, "the table has no gap and no overlap");
        for code in first..=last {
            let code = StatusCode::from_u16(code).expect("100 to 999 are statuses");
            assert_eq!(status(code), Classified { fault, repeat }, "{code}");
        }
        next = last + 1;
    }
    assert_eq!(next, 1000);
}

#[test]
fn every_failure_has_an_answer_and_only_unsent_ones_are_always_repeatable() {
    for &kind in FailureKind::ALL {
        let hopeless = matches!(
            kind,
            FailureKind::Tls | FailureKind::Unsupported | FailureKind::RequestBody | FailureKind::Unsigned
        );
        for sent in [Sent::No, Sent::Maybe] {
            let found = failure(&Failure::new(kind, sent, ""));
            let expected = match sent {
                _ if hopeless => Repeat::Never,
                Sent::No => Repeat::Always,
                Sent::Maybe => Repeat::IfIdempotent,
            };
            assert_eq!(found.repeat, expected, "{kind:?} {sent:?}");
            assert_eq!(found.fault, Some(kind.error_kind().fault()), "{kind:?}");
        }
    }
}

#[test]
fn only_idempotent_methods_are_safe_to_repeat_unless_something_says_so() {
    let rules = RetryRules::default();
    let none = HeaderMap::new();
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"] {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        assert_eq!(safety(&method, &none, &rules), Safety::Idempotent, "{method}");
    }
    for method in ["POST", "PATCH", "CONNECT", "LOCK", "get"] {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        assert_eq!(safety(&method, &none, &rules), Safety::Once, "{method}");
    }
}

#[test]
fn an_idempotency_key_or_the_platforms_rules_make_a_method_safe_to_repeat() {
    let mut keyed = HeaderMap::new();
    keyed.insert("Idempotency-Key", HeaderValue::from_static("\"8e03978e\""));
    assert_eq!(safety(&Method::POST, &keyed, &RetryRules::default()), Safety::Idempotent);

    let rules = RetryRules { methods: vec!["LOCK".to_owned()], ..RetryRules::default() };
    let lock = Method::from_bytes(b"LOCK").expect("a method");
    assert_eq!(safety(&lock, &HeaderMap::new(), &rules), Safety::Idempotent);
    assert_eq!(safety(&Method::POST, &HeaderMap::new(), &rules), Safety::Once);
}

#[test]
fn a_request_that_counts_once_is_repeated_only_when_the_server_has_not_acted() {
    assert!(!Repeat::Never.allows(Safety::Idempotent));
    assert!(!Repeat::Never.allows(Safety::Once));
    assert!(Repeat::IfIdempotent.allows(Safety::Idempotent));
    assert!(!Repeat::IfIdempotent.allows(Safety::Once));
    assert!(Repeat::Always.allows(Safety::Idempotent));
    assert!(Repeat::Always.allows(Safety::Once));
}

#[test]
fn retry_after_is_heeded_on_429_503_and_redirects_alone() {
    for code in 100..=999 {
        let heeded = code == 429 || code == 503 || (300..400).contains(&code);
        assert_eq!(heeds_retry_after(StatusCode::from_u16(code).expect("a status")), heeded, "{code}");
    }
}
