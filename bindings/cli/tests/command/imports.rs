//! Are credentials taken over in every form that people have them in, and is nothing of theirs touched, mixed or shown?

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hallpass_testbed::Bundle;

use crate::world::{Ran, World, write};

/// A platform that takes browsers' bundles, and one that it issued.
fn world() -> (World, Bundle) {
    let world = World::new();
    let bundle = world.testbed.issue_bundle("alice", "Mozilla/5.0 (test)").unwrap();
    let text = include_str!("../../../../examples/platforms/testbed-bundle.toml");
    world.write_platform("bundle", &text.replace("http://127.0.0.1:8080", &world.testbed.url()));
    (world, bundle)
}

/// Neither the cookie's value nor the device header.
#[track_caller]
fn shows_no_secret(ran: &Ran, bundle: &Bundle) {
    let value = bundle.cookie.split(['=', ';']).nth(1).unwrap();
    for secret in [value, &bundle.x_bc] {
        assert!(!ran.err.contains(secret) && !ran.out.contains(secret), "{ran:?}");
    }
}

fn curl(url: &str, bundle: &Bundle) -> String {
    format!(
        "curl '{url}/bundle/me' \\\n  -H 'accept: */*' \\\n  -b '{}' \\\n  -H 'user-agent: {}' \\\n  -H $'x-bc: {}' \\\n  --compressed\n",
        bundle.cookie, bundle.user_agent, bundle.x_bc
    )
}

fn har(url: &str, bundle: &Bundle) -> String {
    let headers = [("Cookie", &bundle.cookie), ("User-Agent", &bundle.user_agent), ("X-BC", &bundle.x_bc)];
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| serde_json::json!({ "name": name, "value": value })).collect();
    serde_json::json!({ "log": { "version": "1.2", "entries": [
        { "startedDateTime": "2026-01-01T00:00:00Z", "request": { "url": "https://ads.example/x", "headers": headers } },
        { "startedDateTime": "2026-01-01T00:00:01Z", "request": { "url": format!("{url}/bundle/me"), "headers": headers } },
    ]}})
    .to_string()
}

#[test]
fn every_form_signs_in_as_the_same_account_and_its_file_stays_as_it_was() {
    let (world, bundle) = world();
    let url = world.testbed.url();
    for (flag, name, text) in [
        ("--curl", "copied.sh", curl(&url, &bundle)),
        ("--bundle", "copied.txt", curl(&url, &bundle)),
        ("--har", "recorded.har", har(&url, &bundle)),
        ("--bundle", "recorded.json", har(&url, &bundle)),
    ] {
        let file = world.folder().join(name);
        write(&file, &text);
        let before = fs::metadata(&file).unwrap();
        let ran = world.run(&["login", "bundle", "alice", flag, name]).expect(0);
        shows_no_secret(&ran, &bundle);
        let ran = ran.says("cookies: sid").says("headers: x-bc").says(&url);
        assert!(ran.out.starts_with("signed in to testbed-bundle as alice"), "{ran:?}");
        let after = fs::metadata(&file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        assert_eq!((before.modified().unwrap(), before.len()), (after.modified().unwrap(), after.len()));
        assert_eq!(before.permissions(), after.permissions());
        world.run(&["fetch", "bundle", "alice", "/bundle/me"]).expect(0);
        world.run(&["logout", "bundle", "alice"]).expect(0);
        let ran = world.run_with_input(&["login", "bundle", "alice", flag, "-"], text.as_bytes()).expect(0);
        shows_no_secret(&ran, &bundle);
        world.run(&["fetch", "bundle", "alice", "/bundle/me"]).expect(0);
    }
}

#[test]
fn what_was_left_out_is_told_with_its_reason() {
    let (world, bundle) = world();
    write(&world.folder().join("c"), curl(&world.testbed.url(), &bundle));
    let ran = world.run(&["login", "bundle", "alice", "--curl", "c"]).expect(0);
    ran.says("left out, since it belongs to one request: the header `accept`");
    let told = world.run(&["login", "bundle", "alice", "--curl", "c", "--json"]).expect(0).json();
    let imported = &told["imported"];
    assert_eq!(imported["form"], "a cURL command");
    assert_eq!(imported["left_out"][0]["what"], "the header `accept`");
    assert_eq!((&imported["foreign"], &imported["origin"]), (&false.into(), &world.testbed.url().into()));
    assert_eq!(imported["drift"]["changed"].as_array().map(Vec::len), Some(0), "{told}");
}

#[test]
fn a_bundle_that_drifted_from_the_saved_one_is_told_by_names_alone() {
    let (world, bundle) = world();
    write(&world.folder().join("c"), curl(&world.testbed.url(), &bundle));
    let first = world.run(&["login", "bundle", "alice", "--curl", "c"]).expect(0);
    assert!(!first.err.contains("against the session"), "{first:?}");
    let other = world.testbed.issue_bundle("alice", "Mozilla/6.0 (other)").unwrap();
    write(&world.folder().join("d"), curl(&world.testbed.url(), &other));
    let ran = world.run(&["login", "bundle", "alice", "--curl", "d"]).expect(0);
    shows_no_secret(&ran, &other);
    shows_no_secret(&ran, &bundle);
    ran.says("against the session that is saved: changed: the cookie `sid`, the user agent\n");
}

#[test]
fn credentials_of_another_service_are_told_to_be() {
    let (world, bundle) = world();
    write(&world.folder().join("c"), curl("https://other.example", &bundle));
    let ran = world.run(&["login", "bundle", "alice", "--curl", "c"]).expect(0);
    ran.says("warning: https://other.example is none of the origins of `testbed-bundle`");
}

#[test]
fn cookies_txt_gives_the_platforms_cookies_only_and_names_what_is_missing() {
    let (world, bundle) = world();
    let (name, value) = bundle.cookie.split_once(';').unwrap_or((&bundle.cookie, "")).0.split_once('=').unwrap();
    let text = format!("127.0.0.1\tFALSE\t/\tFALSE\t0\t{name}\t{value}\nads.example\tFALSE\t/\tTRUE\t0\tad\tx\n");
    write(&world.folder().join("cookies.txt"), text);
    let ran = world.run(&["login", "bundle", "alice", "--cookies", "cookies.txt"]);
    let ran = ran.expect_kind(2, "credentials_invalid").says("the header `x-bc`");
    ran.says("left out, since it is for another host: the cookie `ad` of ads.example");
}

#[test]
fn variables_with_a_prefix_sign_in_and_a_file_stands_in_for_a_value() {
    let (world, bundle) = world();
    write(&world.folder().join("secret"), format!("{}\n", bundle.x_bc));
    let mut login = world.command(&["login", "bundle", "alice", "--env", "MINE"]);
    login.env("MINE_COOKIE", &bundle.cookie).env("MINE_USER_AGENT", &bundle.user_agent);
    let ran = world.check(&login.env("MINE_HEADER_X_BC_FILE", "secret").output().unwrap()).expect(0);
    shows_no_secret(&ran, &bundle);
    world.run(&["fetch", "bundle", "alice", "/bundle/me"]).expect(0);
    let none = world.run(&["login", "bundle", "alice", "--env", "NOBODY"]);
    none.expect_kind(2, "credentials_invalid").says("NOBODY_");
    let mut login = world.command(&["login", "bundle", "alice", "--env", "MINE"]);
    let ran = world.check(&login.env("MINE_COOKIE_FILE", "no/such").output().unwrap());
    ran.expect_kind(2, "credentials_invalid").says("MINE_COOKIE_FILE");
}

#[test]
fn what_cannot_be_understood_is_refused_before_anything_is_sent_or_made() {
    let (world, _) = world();
    for (flag, text, words) in [
        ("--curl", "curl 'https://a.example -H hunter2", "line 1"),
        ("--curl", "wget hunter2", "no cURL command"),
        ("--curl", "curl -H \"x: $HUNTER2 hunter2\"", "only its shell"),
        ("--har", "{\"log\": {\"entries\": []}}", "no request to this platform"),
        ("--cookies", "a b c hunter2\n", "line 1"),
        ("--bundle", "hunter2\nhunter2", "neither"),
        ("--bundle", "{\"cookie\": hunter2}", "line 1"),
    ] {
        write(&world.folder().join("in"), text);
        let ran = world.run(&["login", "bundle", "alice", flag, "in"]).expect_kind(2, "credentials_invalid");
        assert!(!ran.err.contains("hunter2"), "{ran:?}");
        ran.says(words).says("in: ");
    }
    world.run(&["login", "bundle", "alice", "--curl", "gone"]).expect_kind(2, "credentials_invalid").says("gone");
    world.run(&["login", "bundle", "alice", "--curl", "a", "--har", "b"]).expect(2);
    assert_eq!(world.testbed.stats().requests.total, 0);
    assert!(!world.key_file().exists());
}

#[test]
fn exported_cookies_are_a_file_of_its_owners_that_signs_in_elsewhere() {
    let (world, bundle) = world();
    write(&world.folder().join("c"), curl(&world.testbed.url(), &bundle));
    world.run(&["login", "bundle", "alice", "--curl", "c"]).expect(0);
    let before = world.testbed.stats().requests.total;
    let ran = world.run(&["export", "bundle", "alice", "-o", "cookies.txt"]).expect(0);
    shows_no_secret(&ran, &bundle);
    ran.says("not encrypted");
    let file = world.folder().join("cookies.txt");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let value = bundle.cookie.split(['=', ';']).nth(1).unwrap();
    assert!(text.starts_with("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\t") && text.contains(value), "{text}");
    // What is there is not replaced, unless that is wished for.
    let ran = world.run(&["export", "bundle", "alice", "-o", "cookies.txt"]);
    ran.expect_kind(2, "config_invalid").says("--force");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    world.run(&["export", "bundle", "alice", "-o", "cookies.txt", "--force"]).expect(0);
    let printed = world.run(&["export", "bundle", "alice", "-o", "-"]).expect(0);
    assert_eq!(printed.out, text);
    assert_eq!(world.testbed.stats().requests.total, before, "nobody is asked");
    world.run(&["export", "bundle", "bob", "-o", "b"]).expect_kind(3, "no_session");
    assert!(!Path::new(&world.folder().join("b")).exists());
    // Back again, with the rest of the bundle beside it.
    let mut login = world.command(&["login", "bundle", "alice", "--env", "MINE"]);
    login.env("MINE_COOKIE", "sid=gone").env("MINE_USER_AGENT", &bundle.user_agent);
    world.check(&login.env("MINE_HEADER_X_BC", &bundle.x_bc).output().unwrap());
}
