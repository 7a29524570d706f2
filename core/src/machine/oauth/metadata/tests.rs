//! Does an issuer's metadata count, and which of its endpoints?

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::*;
use crate::platform::Platform;

const ISSUER: &str = "https://example.com/issuer1";

fn compiled(rest: &str) -> Compiled {
    let text = format!(
        r#"{{"id": "p", "base_url": "https://example.com", "oauth": {{"issuer": "{ISSUER}"}}, "renew": {{"client_id": "c"}}, {rest}}}"#
    );
    Compiled::new(Platform::from_json(&text).expect("valid")).expect("valid")
}

fn told(body: &str) -> Arrival {
    Arrival::whole(StatusCode::OK, HeaderMap::new(), Bytes::from(body.to_owned()))
}

const REFRESH: &str = r#""sign_in": {"oauth2_refresh": {}}"#;

#[test]
fn metadata_is_looked_for_where_rfc_8414_and_openid_connect_say() {
    for (issuer, places) in [
        (
            "https://example.com",
            [
                "https://example.com/.well-known/oauth-authorization-server",
                "https://example.com/.well-known/openid-configuration",
            ],
        ),
        (
            "https://example.com/issuer1",
            [
                "https://example.com/.well-known/oauth-authorization-server/issuer1",
                "https://example.com/issuer1/.well-known/openid-configuration",
            ],
        ),
        (
            "https://example.com:8443/a/b/",
            [
                "https://example.com:8443/.well-known/oauth-authorization-server/a/b",
                "https://example.com:8443/a/b/.well-known/openid-configuration",
            ],
        ),
    ] {
        let issuer: Uri = issuer.parse().expect("an address");
        let found: [String; PLACES] = std::array::from_fn(|at| place(&issuer, at).expect("a place").to_string());
        assert_eq!(found, places);
    }
}

#[test]
fn endpoints_are_taken_from_a_document_of_this_very_issuer() {
    let body = format!(
        r#"{{"issuer": "{ISSUER}", "token_endpoint": "https://example.com/token",
            "authorization_endpoint": "https://login.example.net/authorize?tenant=1",
            "revocation_endpoint": "https://example.com/revoke",
            "authorization_response_iss_parameter_supported": true}}"#
    );
    let found = read(&compiled(REFRESH), ISSUER, &told(&body)).expect("good").expect("metadata");
    assert_eq!(found.token.expect("there"), "https://example.com/token");
    assert_eq!(found.authorize.expect("there"), "https://login.example.net/authorize?tenant=1");
    assert_eq!(found.revocation.expect("there"), "https://example.com/revoke");
    assert_eq!((found.device, found.names_itself), (None, true));
    for other in ["https://example.com/issuer1/", "https://example.com/issuer2", "https://EXAMPLE.com/issuer1"] {
        let body = body.replace(ISSUER, other);
        let error = read(&compiled(REFRESH), ISSUER, &told(&body)).expect_err("another issuer's");
        assert_eq!(error.kind(), "unexpected_answer", "{other}");
    }
}

#[test]
fn an_endpoint_that_would_see_credentials_must_be_at_an_origin_that_the_platform_names() {
    let body = format!(r#"{{"issuer": "{ISSUER}", "token_endpoint": "https://elsewhere.example/token"}}"#);
    let error = read(&compiled(REFRESH), ISSUER, &told(&body)).expect_err("foreign");
    assert_eq!(error.kind(), "platform_invalid");
    assert!(error.detail().contains("add it to `origins`"), "{error}");
    assert!(error.detail().contains("https://elsewhere.example"), "{error}");
    let named = format!(r#"{REFRESH}, "origins": ["https://elsewhere.example"]"#);
    assert!(read(&compiled(&named), ISSUER, &told(&body)).is_ok());
}

#[test]
fn what_the_recipe_needs_must_be_there_and_the_rest_need_not() {
    let token = format!(r#"{{"issuer": "{ISSUER}", "token_endpoint": "https://example.com/token"}}"#);
    assert!(read(&compiled(REFRESH), ISSUER, &told(&token)).is_ok());
    for (recipe, key) in
        [("device_code", "device_authorization_endpoint"), ("authorization_code", "authorization_endpoint")]
    {
        let platform = compiled(&format!(r#""sign_in": {{"{recipe}": {{}}}}"#));
        let error = read(&platform, ISSUER, &told(&token)).expect_err(recipe);
        assert!(error.detail().contains(key), "{error}");
    }
    let none = read(&compiled(REFRESH), ISSUER, &told(&format!(r#"{{"issuer": "{ISSUER}"}}"#)));
    assert!(none.expect_err("no token endpoint").detail().contains("token_endpoint"));
}

#[test]
fn what_is_no_metadata_lets_the_next_place_be_asked() {
    let platform = compiled(REFRESH);
    assert_eq!(read(&platform, ISSUER, &told("<html>the app</html>")), Ok(None));
    for status in [301, 404, 405] {
        let status = StatusCode::from_u16(status).expect("a status");
        let arrival = Arrival::whole(status, HeaderMap::new(), Bytes::from_static(b"{}"));
        assert_eq!(read(&platform, ISSUER, &arrival), Ok(None));
    }
    assert!(read(&platform, ISSUER, &told("{}")).is_err(), "a document without issuer is somebody else's");
}
