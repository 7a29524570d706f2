//! References and origins against the rules and against another implementation.

use http::Uri;
use proptest::prelude::*;

use super::*;

fn uri(text: &str) -> Uri {
    text.parse().expect(text)
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.expect_err("must be refused");
    assert_eq!(error.code(), Kind::RequestInvalid);
    error.detail().to_owned()
}

#[test]
fn an_origin_is_scheme_host_and_effective_port() {
    let origin = Origin::of(&uri("HTTPS://Api.Example.COM:443/x")).unwrap();
    assert_eq!((origin.scheme(), origin.host(), origin.port()), (Scheme::Https, "api.example.com", 443));
    assert_eq!(origin.to_string(), "https://api.example.com");
    assert_eq!(format!("{origin:?}"), "Origin(https://api.example.com)");
    assert_eq!(Origin::of(&uri("http://h:8080")).unwrap().to_string(), "http://h:8080");
    assert_eq!(Origin::of(&uri("http://h:/")).unwrap().to_string(), "http://h");
    assert_eq!(Origin::of(&uri("http://[0:0:0:0:0:0:0:1]:80/")).unwrap().to_string(), "http://[::1]");
}

#[test]
fn an_origin_refuses_what_parsers_disagree_about_and_says_why() {
    for (text, part) in [
        ("/path", "no scheme"),
        ("example.com", "https://example.com"),
        ("ftp://example.com/", "`ftp` is not a scheme"),
        ("https://user:hunter2@example.com/", "user name or password"),
        ("https://example.com:99999/", "not a host"),
        ("https://example.com:+80/", "not a host"),
        ("https://[::1]evil.com/", "not a host"),
        ("https://[nonsense]/", "not an IPv6 address"),
        ("https://a[b]/", "no host may have"),
        ("https://0x7f.1/", "IPv4"),
        ("https://127.1/", "IPv4"),
        ("https://010.0.0.1/", "IPv4"),
        ("https://:80/", "not a host"),
    ] {
        let detail = refusal(Origin::of(&uri(text)));
        assert!(detail.contains(part), "{text}: {detail}");
        assert!(!detail.contains("hunter2"));
    }
}

#[test]
fn an_origin_matches_the_urls_that_have_it_and_no_others() {
    let origin = Origin::of(&uri("https://example.com/")).unwrap();
    for same in ["https://example.com/a?b", "https://EXAMPLE.com:443", "https://example.com:/"] {
        assert!(origin.matches(&uri(same)), "{same}");
    }
    for other in [
        "http://example.com/",
        "http://example.com:443/",
        "https://example.com:444/",
        "https://example.com:65979/",
        "https://example.com.evil.org/",
        "https://example.com@evil.org/",
        "https://evil.org@example.com/",
        "https://example.org/",
        "example.com",
        "/path",
    ] {
        assert!(!origin.matches(&uri(other)), "{other}");
    }
    let six = Origin::of(&uri("http://[::1]:8080/")).unwrap();
    assert!(six.matches(&uri("http://[0:0::1]:8080/x")));
    assert!(!six.matches(&uri("http://[::1]evil:8080/")));
}

#[test]
fn loopback_is_this_machine_only() {
    for host in ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
        assert!(is_loopback(host), "{host}");
    }
    for host in ["localhost.example.com", "notlocalhost", "127.0.0.1.example.com", "128.0.0.1", "[::2]", ""] {
        assert!(!is_loopback(host), "{host}");
    }
}

#[test]
fn rfc_3986_section_5_4_examples_resolve() {
    let base = uri("http://a/b/c/d;p?q");
    for (reference, expected) in [
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g/"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q"),
        ("g#s", "http://a/b/c/g"),
        ("g?y#s", "http://a/b/c/g?y"),
        (";x", "http://a/b/c/;x"),
        ("g;x?y#s", "http://a/b/c/g;x?y"),
        ("", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("./", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../..", "http://a/"),
        ("../../g", "http://a/g"),
        ("../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."),
        ("..g", "http://a/b/c/..g"),
        ("./g/.", "http://a/b/c/g/"),
        ("g/../h", "http://a/b/c/h"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
        ("https://g/%2e%2E/x", "https://g/x"),
    ] {
        assert_eq!(resolve(&base, reference).unwrap(), expected, "{reference}");
    }
}

#[test]
fn what_cannot_stand_in_a_url_is_encoded_as_browsers_do() {
    let base = uri("https://h/");
    assert_eq!(
        resolve(&base, " /a b\"<é>`{}^\t|?c d'é#f g ").unwrap(),
        "https://h/a%20b%22%3C%C3%A9%3E%60%7B%7D%5E|?c%20d%27%C3%A9"
    );
    assert_eq!(resolve(&base, "/100%/x").unwrap(), "https://h/100%/x");
    assert_eq!(resolve(&base, "\\\\other\\x").unwrap(), "https://other/x");
}

#[test]
fn references_that_no_call_can_use_are_refused_and_say_what_to_do() {
    let base = uri("https://h/");
    for (reference, part) in [
        ("mailto:a@b", "`mailto` is not a scheme"),
        ("example.com:8080/x?key=hunter2", "write https://example.com:8080/x or"),
        ("https:path", "write https://HOST/PATH"),
        ("https://user:hunter2@h/", "user name or password"),
        ("https:///x", "not a host"),
        ("//bücher.example/", "xn--"),
        ("//ex%61mple.com/", "percent-encoded"),
        ("//h:1x/", "not a host"),
    ] {
        let detail = refusal(resolve(&base, reference));
        assert!(detail.contains(part), "{reference}: {detail}");
        assert!(!detail.contains("hunter2"));
    }
    assert!(refusal(resolve(&uri("/x"), "/y")).contains("base"));
}

#[test]
fn a_host_without_scheme_is_refused_as_a_target_and_a_path_is_not() {
    let base = uri("https://h/v1/");
    assert_eq!(
        refusal(target(&base, "example.com/x?key=1")),
        "`example.com/x` has no scheme; write https://example.com/x or a path that starts with /"
    );
    for host in
        ["www.example.com", "localhost/x", "10.0.0.1/x", "10.0.0.1:8080/x", "localhost:8080", "example.com:443/x"]
    {
        assert!(refusal(target(&base, host)).contains(&format!("https://{host}")));
    }
    for (path, expected) in [
        ("users", "https://h/v1/users"),
        ("/users.json", "https://h/users.json"),
        ("./users.json", "https://h/v1/users.json"),
        ("v1.0/users", "https://h/v1/v1.0/users"),
        ("../x", "https://h/x"),
        ("?page=2", "https://h/v1/?page=2"),
        ("http://other/x", "http://other/x"),
    ] {
        assert_eq!(target(&base, path).unwrap(), expected);
    }
}

#[test]
fn equal_urls_have_one_spelling() {
    for (text, expected) in [
        ("HTTPS://Example.COM:443", "https://example.com/"),
        ("http://h:8080/a/./b/../c", "http://h:8080/a/c"),
        ("http://h/%7euser/%e9%2f%2E%2e", "http://h/~user/%E9%2F.."),
        ("http://h/a/%2e%2E/b?x=%7E%3d", "http://h/b?x=~%3D"),
        ("http://h/?", "http://h/?"),
        ("http://h/%2%35", "http://h/%2525"),
        ("http://h/a|b?'", "http://h/a|b?%27"),
    ] {
        assert_eq!(normalise(&uri(text)).unwrap().to_string(), expected, "{text}");
    }
}

fn reference() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "/",
            "//",
            "\\",
            ".",
            "..",
            "%2e",
            "%2E.",
            "?",
            "#",
            "a",
            "b.c",
            " ",
            "é",
            "%",
            "%41",
            "%c3%a9",
            "'",
            "\"",
            "|",
            "^",
            "{",
            "}",
            "`",
            "<",
            ">",
            "\t",
            "\n",
            "&",
            "=",
            ";",
            "+",
            ":",
            "@",
            "~",
            "[",
            "]",
            "*",
            "!",
            "$",
            "\u{1}",
            "\u{7f}",
            "http://",
            "https://",
            "HTTP://",
            "http:",
            "h.example",
            "h:8080",
            "[::1]",
            "//h.example/",
            "ftp:",
        ])
        .prop_map(str::to_owned),
        "[a-z0-9._~-]{1,4}",
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// References that browsers take and Hallpass refuses: see the module's documentation.
fn is_refused_on_purpose(reference: &str) -> bool {
    let text = reference.trim_matches(|c: char| c <= ' ').replace(['\t', '\n', '\r'], "").replace('\\', "/");
    let lower = text.to_ascii_lowercase();
    let after = lower.strip_prefix("https:").or_else(|| lower.strip_prefix("http:"));
    let rest = match after {
        Some(rest) if !rest.starts_with("//") => return true,
        Some(rest) => rest,
        None => &lower[..],
    };
    let Some(authority) = rest.strip_prefix("//") else {
        return false;
    };
    let host = authority.split(['/', '?', '#']).next().unwrap_or("");
    host.is_empty()
        || host.contains('@')
        || host.contains('%')
        || host::fault(host.split(':').next().unwrap_or("")).is_some()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn references_mean_what_the_url_standard_says(
        base in prop::sample::select(vec![
            "http://h.example", "https://h.example/a/b/c?q=1", "http://h.example:8080/a//b/", "https://[::1]/x;y/z", "https://h.example/a/../b/./c",
        ]),
        reference in reference(),
    ) {
        let ours = resolve(&uri(base), &reference);
        let theirs = url::Url::parse(base).unwrap().join(&reference).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        match (ours, theirs) {
            (Ok(ours), Some(mut theirs)) => {
                theirs.set_fragment(None);
                prop_assert_eq!(normalise(&ours).unwrap(), normalise(&uri(theirs.as_str())).unwrap());
                prop_assert_eq!(Origin::of(&ours).unwrap().to_string(), theirs.origin().ascii_serialization());
            }
            (Ok(ours), None) => prop_assert!(false, "{} was taken for {}", reference, ours),
            (Err(_), Some(theirs)) => {
                let has_user = !theirs.username().is_empty() || theirs.password().is_some();
                prop_assert!(has_user || is_refused_on_purpose(&reference), "{} should be {}", reference, theirs);
            }
            (Err(_), None) => {}
        }
    }

    #[test]
    fn normalising_twice_changes_nothing(reference in reference()) {
        if let Ok(resolved) = resolve(&uri("https://h.example/a/b"), &reference) {
            let once = normalise(&resolved).unwrap();
            prop_assert_eq!(normalise(&once).unwrap().to_string(), once.to_string());
            prop_assert!(Origin::of(&once).unwrap().matches(&resolved));
        }
    }

    #[test]
    fn the_fast_path_says_what_the_slow_path_says(reference in "/[a-z0-9._~%?&=/-]{0,20}") {
        let base = uri("https://h.example/x?y");
        // A fragment forces the slow path and is dropped.
        let slow = resolve(&base, &format!("{reference}#f")).map(|uri| uri.to_string()).ok();
        prop_assert_eq!(resolve(&base, &reference).map(|uri| uri.to_string()).ok(), slow);
    }

    #[test]
    fn an_origin_matches_exactly_what_has_an_equal_origin(a in reference(), b in reference()) {
        let base = uri("https://h.example/");
        if let (Ok(a), Ok(b)) = (resolve(&base, &a), resolve(&base, &b)) {
            let (of_a, of_b) = (Origin::of(&a).unwrap(), Origin::of(&b).unwrap());
            prop_assert_eq!(of_a == of_b, of_a.matches(&b));
        }
    }
}
