//! A bundle travels as one: what is in it is worn together, goes where it is meant to, and is never mixed with a call's.

use hallpass_conformance::dialogue::{Pair, platform};
use hallpass_core::cookie::Cookie;
use hallpass_core::credentials::{Credentials, Secret};
use hallpass_core::machine::Notice;
use hallpass_core::time::Wall;
use http::{HeaderValue, Method, Uri};

#[test]
fn a_call_that_names_a_header_of_the_bundle_gets_the_bundles_and_is_told_once() {
    let mut pair =
        Pair::new(r#""sign_in": {"bundle": {"required_headers": ["x-bc"]}}, "origins": ["https://b.example"]"#);
    let mut credentials = Credentials { user_agent: Some("Mozilla/5.0".to_owned()), ..Credentials::default() };
    credentials.headers.insert("x-bc".to_owned(), Secret::new("device"));
    let id = pair.sign_in(credentials);
    pair.done(id);
    for headers in [
        [("x-bc", "another"), ("user-agent", "curl/8")],
        [("x-bc", "a third"), ("user-agent", "curl/8")],
        [("x-bc", "device"), ("user-agent", "Mozilla/5.0")],
    ] {
        let mut head = pair.head(Method::GET, "/a");
        for (name, value) in headers {
            head.headers.insert(name, HeaderValue::from_static(value));
        }
        let call = pair.call(head);
        let exchange = pair.exchange();
        assert_eq!(exchange.headers["x-bc"], "device");
        assert_eq!(exchange.headers["user-agent"], "Mozilla/5.0");
        pair.answer(exchange, 200, &[], "");
        assert_eq!(pair.status(call), 200);
    }
    let told: Vec<_> = pair.notices.iter().filter(|notice| notice.name() == "bundle_drift").collect();
    assert_eq!(
        told,
        [&Notice::BundleDrift("x-bc".parse().unwrap()), &Notice::BundleDrift("user-agent".parse().unwrap())]
    );
}

#[test]
fn cookies_with_attributes_go_where_they_are_meant_and_other_hosts_cookies_nowhere() {
    let platform = platform(r#""sign_in": {"bundle": {}}"#);
    let host = platform.base_url.parse::<Uri>().unwrap().host().unwrap().to_owned();
    let text = format!(
        "{host}\tFALSE\t/api\tTRUE\t0\tnarrow\t1\n{host}\tFALSE\t/\tTRUE\t0\twide\t2\nads.example\tFALSE\t/\tTRUE\t0\tad\t3\n"
    );
    let mut credentials = Credentials::default();
    let all = |_: &Cookie| true;
    let now = Wall::from_millis(0);
    assert_eq!(credentials.jar.take_cookies_txt(text.as_bytes(), now, &all), Ok(Vec::new()));
    let mut pair = Pair::new(r#""sign_in": {"bundle": {"required_cookies": ["narrow"]}}"#);
    let id = pair.sign_in(credentials);
    pair.done(id);
    for (path, cookies) in [("/api/x", "narrow=1; wide=2"), ("/a", "wide=2")] {
        pair.get(path);
        assert_eq!(pair.exchange().headers["cookie"], cookies);
    }
}
