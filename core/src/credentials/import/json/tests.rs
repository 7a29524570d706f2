//! Credentials as people have them in files, well-formed and not.

use proptest::prelude::*;

use super::*;
use crate::credentials::Secret;

fn read(text: &str) -> Credentials {
    Credentials::from_json(text).expect(text)
}

fn header<'a>(credentials: &'a Credentials, name: &str) -> Option<&'a str> {
    credentials.headers.get(name).map(Secret::expose)
}

fn cookies(credentials: &Credentials) -> Option<&str> {
    credentials.cookies.as_ref().map(Secret::expose)
}

#[test]
fn an_auth_json_is_read_flat_or_wrapped() {
    let flat = read(
        r#"{"id": 123, "cookie": "auth_id=123; sess=abc", "user_agent": "Mozilla/5.0 (X11)", "x-bc": "bc", "email": "",
            "password": null, "support_2fa": true, "active": true}"#,
    );
    assert_eq!(flat.account_id.as_deref(), Some("123"));
    assert_eq!(cookies(&flat), Some("auth_id=123; sess=abc"));
    assert_eq!(flat.user_agent.as_deref(), Some("Mozilla/5.0 (X11)"));
    assert_eq!(header(&flat, "x-bc"), Some("bc"));
    assert_eq!(flat.fields.keys().collect::<Vec<_>>(), ["support_2fa"]);
    let wrapped = read(
        r#"{"auth": {"id": "123", "cookie": "auth_id=123; sess=abc", "User-Agent": "Mozilla/5.0 (X11)", "x_bc": "bc",
            "support_2fa": true}}"#,
    );
    assert!(flat == wrapped);
}

#[test]
fn our_own_shape_is_read() {
    let own = read(
        r#"{"username": "bob", "password": " pass word ", "back-up code": "t", "headers": {"X-Device": "d", "Cookie": "a=1",
            "User-Agent": "U"}, "fields": {"x_y": "kept as it is"}}"#,
    );
    assert_eq!(own.field("username"), Some("bob"));
    assert_eq!(own.field("password"), Some(" pass word "));
    assert_eq!(own.field("back-up code"), Some("t"), "not a header name, so a field");
    assert_eq!(own.field("x_y"), Some("kept as it is"));
    assert_eq!(header(&own, "x-device"), Some("d"));
    assert_eq!(cookies(&own), Some("a=1"));
    assert_eq!(own.user_agent.as_deref(), Some("U"));
}

#[test]
fn a_bearer_authorization_is_the_access_token_and_another_scheme_stays_a_header() {
    assert!(read(r#"{"authorization": "bearer  tok"}"#) == Credentials::bearer("tok"));
    assert!(
        read(r#"{"headers": {"Authorization": "Bearer tok"}, "access_token": "tok"}"#) == Credentials::bearer("tok")
    );
    let basic = read(r#"{"Authorization": "Basic Zm9v"}"#);
    assert_eq!(header(&basic, "authorization"), Some("Basic Zm9v"));
    assert!(basic.fields.is_empty());
}

#[test]
fn cookies_come_as_a_line_an_object_or_a_list() {
    for text in [
        r#"{"cookie": "a=1; b=\"2|x\""}"#,
        r#"{"cookie": "Cookie: a=1; b=\"2|x\"\n"}"#,
        r#"{"cookies": {"a": 1, "b": "\"2|x\""}}"#,
        r#"{"cookies": [{"name": "a", "value": "1", "domain": "x"}, {"name": "b", "value": "\"2|x\""}]}"#,
    ] {
        assert_eq!(cookies(&read(text)), Some("a=1; b=\"2|x\""), "{text}");
    }
    assert_eq!(cookies(&read(r#"{"cookie": "", "cookies": []}"#)), None);
}

#[test]
fn what_cannot_be_is_refused_with_its_line_and_without_its_value() {
    for (text, message) in [
        ("", "line 1, column 1: the document ends where a value should be"),
        ("{\n\"password\": \"planted", "line 2, column 21: a string is not closed"),
        ("\n[\"planted\"]", "line 2: credentials must be an object of names and texts"),
        ("\"planted\"", "line 1: credentials must be an object of names and texts"),
        ("{\n\"password\": \"planted\",\n\"password\": \"x\"}", "line 3, column 1: the key `password` comes twice"),
        ("{\n\"password\": [\"planted\"]}", "line 2: `password` must be a text, a number or a boolean"),
        ("{\"headers\": \"planted\"}", "line 1: `headers` must be an object of names and texts"),
        (
            "{\"headers\": {\n\"a b\": \"planted\"}}",
            "line 2: `a b` is not a header name; those are letters, digits and `-`",
        ),
        (
            "{\n\"x-bc\": \"plan\\nted\"}",
            "line 2: `x-bc` holds line breaks or control characters, which no header can carry",
        ),
        (
            "{\"cookie\": \"planted\"}",
            "line 1: `cookie` holds no `name=value`; copy the whole cookie line of a request",
        ),
        ("{\"cookies\": [\n{\"name\": \"planted\"}]}", "line 2: `cookies` lists something without `name` and `value`"),
        (
            "{\"x-bc\": \"planted\",\n\"x_bc\": \"planted-too\"}",
            "line 2: `x_bc` says something else than the file says elsewhere under another name for it; keep one",
        ),
        (
            "{\"id\": 1,\n\"auth\": {\"id\": 2}}",
            "line 2: `id` says something else than the file says elsewhere under another name for it; keep one",
        ),
    ] {
        let error = Credentials::from_json(text).expect_err(text);
        assert_eq!(error.kind(), "credentials_invalid");
        assert_eq!(error.detail(), message);
        assert!(!error.to_string().contains("planted"));
    }
}

#[test]
fn debug_shows_names_and_no_values() {
    let shown = format!("{:?}", read(r#"{"cookie": "a=planted", "x-bc": "planted", "password": "planted", "id": 1}"#));
    assert!(!shown.contains("planted"), "{shown}");
    assert!(shown.contains("x-bc") && shown.contains("password"), "{shown}");
}

proptest! {
    #[test]
    fn no_error_ever_shows_a_value(
        key in "[a-zA-Z_ -]{1,12}", shape in 0..6_u8, tail in "[ -~]{0,4}", cut in any::<prop::sample::Index>()
    ) {
        let value = "planted-9d2f\u{7}";
        let value = match shape {
            0 => serde_json::json!(value),
            1 => serde_json::json!([value]),
            2 => serde_json::json!({ "x": value }),
            3 => serde_json::json!([{ "name": value }]),
            4 => serde_json::json!({ "a=b": [value] }),
            _ => serde_json::json!([[value], { "value": value }]),
        };
        let mut text = serde_json::json!({ key.as_str(): value, "cookie": value, "headers": { key.as_str(): value } }).to_string();
        text.truncate(cut.index(text.len()) + 1);
        text.push_str(&tail);
        if let Err(error) = Credentials::from_json(&text) {
            prop_assert!(!error.to_string().contains("planted"), "{error}");
            let debug = format!("{error:?}");
            prop_assert!(!debug.contains("planted"), "{debug}");
        }
    }
}
