//! Do credentials as people have them come out as the vectors say? Data: `tests/vectors/import`, read by TypeScript as well.

use std::collections::BTreeMap;

use hallpass_core::cookie::Cookie;
use hallpass_core::credentials::{Credentials, Imported, Secret};
use hallpass_core::error::Error;
use hallpass_core::platform::{Compiled, Platform};
use hallpass_core::time::Wall;
use serde_json::{Value, json};

struct File {
    platform: Compiled,
    now: Wall,
    cases: Vec<Value>,
}

fn file(name: &str) -> File {
    let path = format!("{}/../tests/vectors/import/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let document: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let platform = Platform::from_json(&document["platform"].to_string()).unwrap();
    File {
        platform: Compiled::new(platform).unwrap(),
        now: Wall::from_millis(document["now"].as_i64().unwrap()),
        cases: document["cases"].as_array().unwrap().clone(),
    }
}

fn run(name: &str, least: usize, import: impl Fn(&File, &Value) -> Result<Imported, Error>) {
    let file = file(name);
    assert!(file.cases.len() >= least, "{}", file.cases.len());
    for case in &file.cases {
        let title = &case["name"];
        match (import(&file, case), case["error"].as_str()) {
            (Ok(imported), None) => {
                let (mut shown, wanted) = (shown(&imported, &file), wanted(&case["expect"]));
                if wanted.get("form").is_none() {
                    shown.as_object_mut().unwrap().remove("form");
                }
                assert_eq!(shown, wanted, "{title}");
            }
            (Err(error), Some(words)) => {
                let text = error.to_string();
                assert_eq!(error.kind(), "credentials_invalid", "{title}");
                assert!(text.contains(words), "{title}: {text}");
                assert!(!text.contains("s3cr3t") && !format!("{error:?}").contains("s3cr3t"), "{title}: {text}");
            }
            (Ok(imported), Some(_)) => panic!("{title}: understood {imported:?}"),
            (Err(error), None) => panic!("{title}: {error}"),
        }
    }
}

/// All that an import says, in the vectors' shape; what is not there is left away.
fn shown(imported: &Imported, file: &File) -> Value {
    let credentials = &imported.credentials;
    let report = format!("{imported:?} {:?} {:?}", imported.left_out, credentials.summary());
    assert!(!report.contains("s3cr3t") && !report.contains("t0ken") && !report.contains("dev1ce"), "{report}");
    let texts = |map: &BTreeMap<String, Secret>| {
        map.iter().map(|(name, secret)| (name.clone(), secret.expose().into())).collect::<serde_json::Map<_, _>>()
    };
    let mut all = json!({
        "form": imported.form.as_str(),
        "origin": imported.origin.as_ref().map(ToString::to_string),
        "cookies": credentials.cookies.as_ref().map(Secret::expose),
        "user_agent": credentials.user_agent,
        "account_id": credentials.account_id,
        "headers": texts(&credentials.headers),
        "fields": texts(&credentials.fields),
        "jar": credentials.jar.iter().map(cookie).collect::<Vec<_>>(),
        "left_out": imported.left_out.iter().map(|left| left.what.as_str()).collect::<Vec<_>>(),
        "foreign": imported.foreign_to(&file.platform).is_some(),
    });
    let members = all.as_object_mut().unwrap();
    members.retain(|_, value| !is_nothing(value));
    all
}

fn wanted(expect: &Value) -> Value {
    let mut wanted = expect.clone();
    wanted.as_object_mut().unwrap().retain(|_, value| !is_nothing(value));
    wanted
}

fn is_nothing(value: &Value) -> bool {
    *value == json!(null) || *value == json!({}) || *value == json!([]) || *value == json!(false)
}

fn cookie(cookie: &Cookie) -> Value {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    json!({
        "name": text(cookie.name()),
        "value": text(cookie.value()),
        "domain": cookie.domain(),
        "host_only": cookie.is_host_only(),
        "path": text(cookie.path()),
        "secure": cookie.is_secure(),
        "http_only": cookie.is_http_only(),
        "expires": cookie.expires().map(Wall::as_millis),
    })
}

fn text(case: &Value) -> &str {
    case["text"].as_str().unwrap()
}

/// Which form it is, is said by the name of the file.
fn of_form(imported: Result<Imported, Error>, form: &str) -> Result<Imported, Error> {
    if let Ok(imported) = &imported {
        assert_eq!(imported.form.as_str(), form);
    }
    imported
}

#[test]
fn curl_commands_are_read_as_their_shells_read_them() {
    run("curl", 25, |file, case| of_form(Credentials::from_curl(text(case), &file.platform), "a cURL command"));
}

#[test]
fn cookies_txt_gives_the_platforms_cookies_with_their_attributes() {
    run("cookies-txt", 9, |file, case| {
        of_form(Credentials::from_cookies_txt(text(case), &file.platform, file.now), "cookies.txt")
    });
}

#[test]
fn a_har_file_gives_one_request() {
    run("har", 8, |file, case| of_form(Credentials::from_har(text(case), &file.platform), "a HAR file"));
}

#[test]
fn environment_variables_are_named_after_what_they_hold() {
    run("environment", 5, |_, case| {
        let pairs = case["variables"].as_object().unwrap();
        let pairs: Vec<_> =
            pairs.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str().unwrap()))).collect();
        of_form(Credentials::from_env(case["prefix"].as_str().unwrap(), &pairs), "environment variables")
    });
}

#[test]
fn whatever_is_pasted_is_told_by_its_looks() {
    run("detected", 12, |file, case| Credentials::import(text(case), &file.platform, file.now));
}
