//! Does the jar answer as the cookie conformance suites say? Data and provenance: `tests/vectors/external/cookies`.
//!
//! **Invariant:** the cases that fail are exactly those listed here, each with its reason; a case that starts to pass must be
//! taken off the list.

use std::collections::BTreeSet;

use hallpass_core::cookie::Jar;
use hallpass_core::time::Wall;
use hallpass_core::url::resolve;
use http::Uri;
use serde_json::Value;

/// 1 June 2021: after the data was written, before the dates in it that are meant to lie ahead.
const NOW: Wall = Wall::from_millis(1_622_505_600_000);

fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/../tests/vectors/external/cookies/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or("")
}

/// A string, or the strings of an array.
fn texts(value: &Value) -> Vec<&str> {
    match value.as_array() {
        Some(items) => items.iter().filter_map(Value::as_str).collect(),
        None => value.as_str().into_iter().collect(),
    }
}

/// What is sent to `to` after `lines` were received from `from`.
fn sent(from: &Uri, lines: &[&str], to: &Uri) -> String {
    let mut jar = Jar::new();
    for line in lines {
        jar.receive(from, line.as_bytes(), NOW);
    }
    jar.line(to, NOW).map_or(String::new(), |line| String::from_utf8(line.as_bytes().to_vec()).unwrap())
}

fn assert_failures(failing: &BTreeSet<String>, listed: &[(&str, &[&str])]) {
    let listed: BTreeSet<String> =
        listed.iter().flat_map(|(_, names)| names.iter().map(|name| (*name).to_owned())).collect();
    let unlisted: Vec<_> = failing.difference(&listed).collect();
    let passing: Vec<_> = listed.difference(failing).collect();
    assert!(
        unlisted.is_empty() && passing.is_empty(),
        "failing but not listed: {unlisted:#?}; listed but passing: {passing:#?}"
    );
}

#[test]
fn the_ietf_http_state_cases_hold_except_where_rfc_6265bis_decided_otherwise() {
    let cases = cases("http-state.json");
    assert_eq!(cases.len(), 222);
    let mut failing = BTreeSet::new();
    for case in &cases {
        let name = text(case, "test");
        let lower = name.to_ascii_lowercase();
        let from: Uri = format!("http://home.example.org:8888/cookie-parser?{lower}").parse().unwrap();
        let default = format!("/cookie-parser-result?{lower}");
        let to = resolve(&from, case["sent-to"].as_str().unwrap_or(&default)).unwrap();
        let expected: Vec<_> = case["sent"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| format!("{}={}", text(pair, "name"), text(pair, "value")))
            .collect();
        if sent(&from, &texts(&case["received"]), &to) != expected.join("; ") {
            failing.insert(name.to_owned());
        }
    }
    assert_failures(&failing, HTTP_STATE);
}

/// Cases of 2011 that RFC 6265bis answers otherwise, by reason.
const HTTP_STATE: &[(&str, &[&str])] = &[
    (
        "a cookie may be nameless (§5.6 step 4)",
        &[
            "0004",
            "0021",
            "0023",
            "0024",
            "0025",
            "0026",
            "0027",
            "0028",
            "CHROMIUM0009",
            "CHROMIUM0010",
            "CHROMIUM0012",
            "MOZILLA0012",
            "MOZILLA0014",
            "MOZILLA0015",
            "MOZILLA0016",
            "MOZILLA0017",
            "NAME0017",
            "NAME0023",
            "NAME0025",
            "NAME0028",
            "NAME0031",
            "NAME0032",
            "NAME0033",
        ],
    ),
    (
        "a line with a control character is not trusted at all (§5.6 step 1); disabled in the suite",
        &["DISABLED_CHROMIUM0022", "DISABLED_CHROMIUM0023"],
    ),
    ("paths are compared byte by byte, not decoded (§5.1.4); disabled in the suite", &["DISABLED_PATH0029"]),
];

#[test]
fn the_web_platform_cases_hold_for_what_an_http_client_has() {
    let cases = cases("wpt.json");
    assert_eq!(cases.len(), 494);
    let mut failing = BTreeSet::new();
    for case in &cases {
        let scheme = if case["secureOrigin"] == true { "https" } else { "http" };
        let page = format!("/cookies/{}", text(case, "file"));
        // A script sets its cookies from the page that it runs in, HTTP from the script on the server.
        let setter = if text(case, "via") == "dom" { &page } else { "/cookies/resources/cookie.py" };
        let from: Uri = format!("{scheme}://{}{setter}", text(case, "host")).parse().unwrap();
        let default = if case["defaultPath"] == true { "/cookies/resources/echo-cookie.html" } else { &page };
        let to = resolve(&from, case["location"].as_str().unwrap_or(default)).unwrap();
        let lines = texts(&case["cookie"]);
        let got = sent(&from, &lines, &to);
        let holds = match case["sent"].as_bool() {
            Some(is_sent) => got.is_empty() != is_sent,
            None => got == text(case, "expected"),
        };
        if !holds {
            failing.insert(format!("{}: {} [{}]", text(case, "file"), text(case, "name"), text(case, "via")));
        }
    }
    assert_failures(&failing, WPT);
}

/// Cases that contradict others of the same suite, by reason.
const WPT: &[(&str, &[&str])] = &[(
    "a line with a control character is not trusted at all (§5.6 step 1), as value/value-ctl.html says",
    &["value/value.html: Set cookie but ignore value after LF [http]"],
)];
