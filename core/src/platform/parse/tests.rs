//! Platform files and what is said of their faults, to the letter.

use super::*;

const BASE: &str = r#""id": "p", "base_url": "https://api.example.com""#;

/// The message for a platform whose further keys are `rest`.
fn fails(rest: &str) -> String {
    let text = format!("{{{BASE},\n{rest}}}");
    let error = Platform::from_json(&text).expect_err(rest);
    assert_eq!(error.kind(), "platform_invalid");
    error.detail().to_owned()
}

fn whole(text: &str) -> String {
    Platform::from_json(text).expect_err(text).detail().to_owned()
}

#[test]
fn a_mistyped_key_is_named_with_its_line_and_the_nearest_valid_one() {
    let json = "{\n  \"id\": \"p\",\n  \"base_url\": \"https://a.example\",\n  \"sign_in\": {\n    \"json\": {\n      \"path\": \"/login\",\n      \"feilds\": {}\n    }\n  }\n}";
    let message = "line 7: unknown key `sign_in.json.feilds`; did you mean `fields`? (keys here: path, method, fields, headers, csrf, success, tokens)";
    assert_eq!(whole(json), message);
}

#[cfg(feature = "toml")]
#[test]
fn toml_and_json_give_the_same_message_for_the_same_mistake() {
    let toml = "id = \"p\"\nbase_url = \"https://a.example\"\n\n\n[sign_in.json]\npath = \"/login\"\nfeilds = {}\n";
    let error = Platform::from_toml(toml).expect_err("a mistyped key");
    let message = "line 7: unknown key `sign_in.json.feilds`; did you mean `fields`? (keys here: path, method, fields, headers, csrf, success, tokens)";
    assert_eq!(error.detail(), message);

    let toml = "id = \"p\"\nbase_url = \"https://a.example\"\n\n[sign_in.bearer]\n[[refused.bodies]]\nstatus = [200]\npointer = \"/a\"\nvalues = [\"1\"]\ncap = 0\n";
    let error = Platform::from_toml(toml).expect_err("a cap that cannot be");
    assert_eq!(
        error.detail(),
        "line 9: `refused.bodies[0].cap` is 0; a body of 1 to 1048576 bytes (1 MiB) can be read"
    );
}

#[test]
fn what_is_missing_or_of_the_wrong_type_is_named() {
    for (rest, message) in [
        (
            r#""x": 1"#,
            "line 2: unknown key `x` (keys here: id, base_url, origins, sign_in, renew, oauth, credential, signer, dpop, csrf, identity, refused, keep_alive, lifetime, sign_out, retry, timeouts)",
        ),
        (
            r#""baseurl": 1"#,
            "line 2: unknown key `baseurl`; did you mean `base_url`? (keys here: id, base_url, origins, sign_in, renew, oauth, credential, signer, dpop, csrf, identity, refused, keep_alive, lifetime, sign_out, retry, timeouts)",
        ),
        (r#""refused": {}"#, "line 1: missing key `sign_in`"),
        (r#""sign_in": "bearer""#, "line 2: `sign_in` must be a table with the key `bearer`, not a string"),
        (
            r#""sign_in": {}"#,
            "line 2: `sign_in` must hold exactly one of these keys: bundle, form, json, oauth2_refresh, client_credentials, device_code, authorization_code, bearer, steps, basic, api_key, guest, custom",
        ),
        (
            r#""sign_in": {"oauth_refresh": {}}"#,
            "line 2: unknown key `sign_in.oauth_refresh`; did you mean `oauth2_refresh`? (keys here: bundle, form, json, oauth2_refresh, client_credentials, device_code, authorization_code, bearer, steps, basic, api_key, guest, custom)",
        ),
        (r#""sign_in": {"bearer": {"token": 1}}"#, "line 2: unknown key `sign_in.bearer.token` (no keys here)"),
        (r#""sign_in": {"json": {"path": "/l"}}"#, "line 2: missing key `sign_in.json.fields`"),
        (r#""sign_in": {"json": {"path": 1}}"#, "line 2: `sign_in.json.path` must be a string, not a number"),
        (
            r#""sign_in": {"bearer": {}}, "origins": "https://x.example""#,
            "line 2: `origins` must be a list, not a string",
        ),
        (
            r#""sign_in": {"bearer": {}}, "retry": {"base": "5x"}"#,
            "line 2: `retry.base`: `5x` is not a duration; write 250ms, 60s, 5m or 2h",
        ),
        (
            r#""sign_in": {"bearer": {}}, "retry": {"base": 5}"#,
            "line 2: `retry.base` must be a duration such as 250ms, 60s, 5m or 2h, not a number",
        ),
        (
            r#""sign_in": {"bearer": {}}, "retry": {"attempts": -1}"#,
            "line 2: `retry.attempts` must be a whole number from 0 to 4294967295",
        ),
        (
            r#""sign_in": {"bearer": {}}, "refused": {"status": [99999]}"#,
            "line 2: `refused.status[0]` must be a whole number from 0 to 65535",
        ),
        (
            r#""sign_in": {"bearer": {}}, "refused": {"cookie_deleted": "yes"}"#,
            "line 2: `refused.cookie_deleted` must be true or false, not a string",
        ),
        (
            r#""sign_in": {"bearer": {}}, "renew": {"token_url": "/t", "client_auth": "basc"}"#,
            "line 2: `renew.client_auth` cannot be `basc`; did you mean `basic`? (values here: none, basic, body)",
        ),
        (r#""sign_in": {"bearer": {}}, "sign_in": {"bearer": {}}"#, "line 2, column 28: the key `sign_in` comes twice"),
        (r#""sign_in": {"bearer": {}"#, "line 2, column 26: expected `,` or `}` after a value"),
    ] {
        assert_eq!(fails(rest), message);
    }
    assert_eq!(whole("# TOML"), "line 1, column 1: expected a value");
    assert_eq!(whole("[]"), "line 1: the document must be a table, not a list");
}

#[test]
fn addresses_are_checked() {
    let base =
        |url: &str| whole(&format!("{{\"id\": \"p\",\n\"base_url\": \"{url}\",\n\"sign_in\": {{\"bearer\": {{}}}}}}"));
    for (url, message) in [
        ("", "must not be empty"),
        ("api.example.com", "has no scheme; write http:// or https:// and a host, as in https://api.example.com"),
        ("localhost:8080", "has no scheme; write http:// or https:// and a host, as in https://api.example.com"),
        ("ftp://a.example", "has the scheme `ftp`; only http and https are spoken"),
        ("https://", "has no host; write https:// and a host"),
        ("https:///x", "has no host; write https:// and a host"),
        ("https://:80", "has no host; write https:// and a host"),
        ("https://u:p@a.example", "must hold no user name or password; credentials are given at sign-in"),
        ("https://a.example/#x", "must have no fragment (`#`): it is never sent"),
        ("https://a.example/?x=1", "must have no query (`?`): addresses that resolve against it would drop it"),
        ("https://a.example:99999", "has a port that is none; ports are 1 to 65535"),
        ("https://a.example:+80", "has a port that is none; ports are 1 to 65535"),
        ("https://[::1", "has a host that is none; write a name, an IPv4 address or an IPv6 address in brackets"),
        ("https://a%41", "has a host that is none; write a name, an IPv4 address or an IPv6 address in brackets"),
        (
            "https://bücher.example",
            "has characters that an address cannot have; write them percent-encoded, and host names in Punycode",
        ),
        (
            "https://a.example/a b",
            "has characters that an address cannot have; write them percent-encoded, and host names in Punycode",
        ),
    ] {
        assert_eq!(base(url), format!("line 2: `base_url` {message}"), "{url}");
    }
    for url in ["http://127.0.0.1:8080", "HTTPS://A.example/v1/", "http://[::1]:80", "https://x_y.example"] {
        let text = format!("{{\"id\": \"p\", \"base_url\": \"{url}\", \"sign_in\": {{\"bearer\": {{}}}}}}");
        assert!(Platform::from_json(&text).is_ok(), "{url}");
    }
}

#[test]
fn every_value_that_cannot_be_is_told_what_it_can_be() {
    let bearer = |rest: &str| fails(&format!("\"sign_in\": {{\"bearer\": {{}}}}, {rest}"));
    for (rest, message) in [
        (
            r#""origins": ["https://b.example/"]"#,
            "`origins[0]` must be an origin alone, without path or query: `https://b.example`",
        ),
        (
            r#""origins": ["b.example"]"#,
            "`origins[0]` has no scheme; an origin is scheme://host[:port], as in https://api.example.com",
        ),
        (
            r#""renew": {"token_url": "https://Idp.example/t"}"#,
            "`renew.token_url` is at https://idp.example, which may not see credentials; add it to `origins` if it may",
        ),
        (
            r#""renew": {"token_url": "//idp.example:8443/t"}"#,
            "`renew.token_url` is at https://idp.example:8443, which may not see credentials; add it to `origins` if it may",
        ),
        (
            r#""renew": {"token_url": "/t", "client_auth": "basic"}"#,
            "`renew.client_auth` is `basic`, which needs `renew.client_id`",
        ),
        (
            r#""credential": {"header": "x token"}"#,
            "`credential.header` is not a header name; those are letters, digits and `-`, as in `x-csrf-token`",
        ),
        (
            r#""credential": {"header": "Host"}"#,
            "`credential.header` cannot be `host`, which the transport writes itself",
        ),
        (
            r#""credential": {"scheme": "a\nb"}"#,
            "`credential.scheme` is not text that a header can carry: no line breaks or control characters",
        ),
        (
            r#""credential": {"cookie": "sid=1"}"#,
            "`credential.cookie` is not a cookie name; those are visible ASCII without `=`, `;`, `,` and quotes",
        ),
        (r#""credential": {"lifetime": 0}"#, "`credential.lifetime` must be at least 1 second"),
        (r#""identity": {"path": ""}"#, "`identity.path` must not be empty"),
        (
            r#""identity": {"path": "/me", "account_id": "$.user.id"}"#,
            "`identity.account_id` must be a JSON pointer, which starts with `/`: `/user/id`",
        ),
        (
            r#""identity": {"path": "/me", "account_id": ""}"#,
            "`identity.account_id` must be a JSON pointer, which starts with `/`: `/data/id`",
        ),
        (
            r#""identity": {"path": "/me", "account_id": "/a~b"}"#,
            "`identity.account_id` must be a JSON pointer, in which `~` is written `~0` and a `/` inside of a key `~1`",
        ),
        (r#""refused": {"status": [401, 600]}"#, "`refused.status` lists 600; statuses are 100 to 599"),
        (
            r#""refused": {"suspect": [403]}"#,
            "`refused.suspect` needs a table `identity`: its probe (`path`) decides whether the session is refused",
        ),
        (
            r#""identity": {"path": "/me"}, "refused": {"suspect": [401]}"#,
            "`refused.suspect` lists 401, which `refused.status` lists too; keep it in one of them",
        ),
        (
            r#""refused": {"redirect_to": ["login"]}"#,
            "`refused.redirect_to[0]` must be a path that starts with `/`, such as `/login`",
        ),
        (
            r#""refused": {"headers": [{"name": "é"}]}"#,
            "`refused.headers[0].name` is not a header name; those are letters, digits and `-`, as in `x-csrf-token`",
        ),
        (
            r#""refused": {"cookie_deleted": true}"#,
            "`refused.cookie_deleted` needs `credential.cookie`, the name of the cookie that is the credential",
        ),
        (
            r#""refused": {"bodies": [{"status": [], "pointer": "/a", "values": ["1"]}]}"#,
            "`refused.bodies[0].status` must list at least one status, such as 200",
        ),
        (
            r#""refused": {"bodies": [{"status": [200], "pointer": "/a", "values": []}]}"#,
            "`refused.bodies[0].values` must list at least one value that refuses the session",
        ),
        (
            r#""refused": {"bodies": [{"status": [200], "pointer": "a.b", "values": ["1"]}]}"#,
            "`refused.bodies[0].pointer` must be a JSON pointer, which starts with `/`: `/a/b`",
        ),
        (
            r#""refused": {"bodies": [{"status": [200], "pointer": "/a", "values": ["1"], "content_type": "text/html; charset=utf-8"}]}"#,
            "`refused.bodies[0].content_type` must be a media type without parameters, such as `application/json`",
        ),
        (
            r#""refused": {"bodies": [{"status": [200], "pointer": "/a", "values": ["1"], "cap": 1048577}]}"#,
            "`refused.bodies[0].cap` is 1048577; a body of 1 to 1048576 bytes (1 MiB) can be read",
        ),
        (r#""retry": {"attempts": 0}"#, "`retry.attempts` must be at least 1: the first attempt counts"),
        (
            r#""retry": {"methods": ["post"]}"#,
            "`retry.methods[0]` is `post`, but methods are case-sensitive: write `POST`",
        ),
        (r#""retry": {"methods": ["P T"]}"#, "`retry.methods[0]` is not a method; write POST, PUT or another token"),
        (r#""timeouts": {"exchange": "0s"}"#, "`timeouts.exchange` must be longer than nothing"),
    ] {
        assert_eq!(bearer(rest), format!("line 2: {message}"));
    }
    for id in ["", "a b", "a\\u0007", &"x".repeat(129)] {
        let text =
            format!("{{\"id\": \"{id}\", \"base_url\": \"https://a.example\", \"sign_in\": {{\"bearer\": {{}}}}}}");
        assert_eq!(whole(&text), "line 1: `id` must be 1 to 128 bytes of printable text without spaces");
    }
}

#[test]
fn recipes_are_checked() {
    let login = |rest: &str| {
        fails(&format!("\"sign_in\": {{\"form\": {{\"path\": \"/l\", \"fields\": {{\"u\": \"{{u}}\"}}{rest}}}}}"))
    };
    for (rest, message) in [
        (r#", "method": "get""#, "`sign_in.form.method` is `get`, but methods are case-sensitive: write `GET`"),
        (
            r#", "method": "GET""#,
            "`sign_in.form.method` cannot be `GET`, since a sign-in carries its fields in a body; use POST, PUT or PATCH",
        ),
        (
            r#", "headers": {"a b": "c"}"#,
            "`sign_in.form.headers.a b` is not a header name; those are letters, digits and `-`, as in `x-csrf-token`",
        ),
        (
            r#", "headers": {"Content-Length": "1"}"#,
            "`sign_in.form.headers.Content-Length` cannot be `content-length`, which the transport writes itself",
        ),
        (r#", "success": {"status": []}"#, "`sign_in.form.success.status` must list at least one status"),
        (
            r#", "success": {"cookie": ""}"#,
            "`sign_in.form.success.cookie` is not a cookie name; those are visible ASCII without `=`, `;`, `,` and quotes",
        ),
        (
            r#", "tokens": {"access_token": "token"}"#,
            "`sign_in.form.tokens.access_token` must be a JSON pointer, which starts with `/`: `/token`",
        ),
        (
            r#", "csrf": {"path": "/l", "from": {"input": ""}, "to": {"field": "x"}}"#,
            "`sign_in.form.csrf.from.input` must be the `name` of an HTML input, such as `_xsrf`",
        ),
        (
            r#", "csrf": {"path": "/l", "from": {"json": "t"}, "to": {"field": "x"}}"#,
            "`sign_in.form.csrf.from.json` must be a JSON pointer, which starts with `/`: `/t`",
        ),
        (
            r#", "csrf": {"path": "/l", "from": {"header": "x"}, "to": {"field": "u"}}"#,
            "`sign_in.form.csrf.to.field` is `u`, which `sign_in.form.fields` sets already; remove it there",
        ),
        (
            r#", "csrf": {"path": "/l", "from": {"header": "x"}, "to": {"field": ""}}"#,
            "`sign_in.form.csrf.to.field` must be the name of a field, such as `_xsrf`",
        ),
        (
            r#", "csrf": {"path": "/l", "from": {"cookie": "x"}, "to": {"header": "x y"}}"#,
            "`sign_in.form.csrf.to.header` is not a header name; those are letters, digits and `-`, as in `x-csrf-token`",
        ),
        (
            r#", "csrf": {"path": "http://api.example.com/l", "from": {"cookie": "x"}, "to": {"header": "x"}}"#,
            "`sign_in.form.csrf.path` is at http://api.example.com, which may not see credentials; add it to `origins` if it may",
        ),
    ] {
        assert_eq!(login(rest), format!("line 2: {message}"));
    }
    for (rest, message) in [
        (
            r#""sign_in": {"oauth2_refresh": {}}"#,
            "`sign_in.oauth2_refresh` needs a table `renew` that names the token endpoint (`token_url`)",
        ),
        (
            r#""sign_in": {"json": {"path": "/l", "fields": {"user": "{name"}}}"#,
            "`sign_in.json.fields.user` has a `{` that is not closed; write `{{` for a brace",
        ),
        (
            r#""sign_in": {"bundle": {"required_headers": ["X-BC"]}}"#,
            "`sign_in.bundle.required_headers[0]` must be lower case: `x-bc`",
        ),
        (
            r#""sign_in": {"bundle": {"required_cookies": ["a b"]}}"#,
            "`sign_in.bundle.required_cookies[0]` is not a cookie name; those are visible ASCII without `=`, `;`, `,` and quotes",
        ),
    ] {
        assert_eq!(fails(rest), format!("line 2: {message}"));
    }
}

#[test]
fn a_platform_put_together_by_a_program_is_checked_alike() {
    let text = format!("{{{BASE}, \"sign_in\": {{\"bearer\": {{}}}}}}");
    let mut platform = Platform::from_json(&text).expect("valid");
    assert_eq!(platform.check(), Ok(()));
    platform.retry.attempts = 0;
    let error = platform.check().expect_err("no attempt");
    assert_eq!(error.to_string(), "`retry.attempts` must be at least 1: the first attempt counts (platform_invalid)");
}

#[test]
fn a_token_endpoint_elsewhere_is_fine_once_its_origin_is_named() {
    let text = format!(
        r#"{{{BASE}, "origins": ["https://idp.example:443"], "sign_in": {{"oauth2_refresh": {{}}}},
            "renew": {{"token_url": "https://IDP.example/token"}}}}"#
    );
    assert!(Platform::from_json(&text).is_ok());
}

#[cfg(feature = "toml")]
#[test]
fn every_example_is_read_and_survives_being_written_as_json() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/platforms");
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the examples are there") {
        let path = entry.expect("readable").path();
        let text = std::fs::read_to_string(&path).expect("readable");
        if path.extension().is_some_and(|extension| extension == "json") {
            let toml =
                std::fs::read_to_string(path.with_extension("toml")).expect("every JSON example has a TOML twin");
            assert_eq!(Platform::from_json(&text), Platform::from_toml(&toml), "{}", path.display());
            continue;
        }
        let platform = Platform::from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let json = serde_json::to_string_pretty(&platform).expect("writes");
        assert_eq!(Platform::from_json(&json), Ok(platform.clone()), "{}", path.display());
        assert_eq!(path.file_stem().and_then(|stem| stem.to_str()), Some(platform.id.as_str()));
        ids.push(platform.id);
    }
    ids.sort();
    let read = ids.len();
    ids.dedup();
    assert!(read >= 9 && ids.len() == read, "each example has an id of its own: {ids:?}");
}
