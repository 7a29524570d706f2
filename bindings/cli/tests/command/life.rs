//! Does an account stay signed in from login to logout?

use std::fs;
use std::process::Stdio;

use crate::world::{World, json_platform, write};

#[test]
fn an_account_signs_in_once_and_calls_until_it_is_logged_out() {
    let world = World::new();
    let login = world.login().expect(0);
    assert_eq!(login.out, "signed in to testbed-json as alice (acct-alice)\n");
    for number in 1..=3 {
        let fetched = world.fetch(&format!("/api/items/{number}"), &[]).expect(0);
        assert_eq!(fetched.json()["number"], number);
        assert_eq!(fetched.err, "");
    }
    assert_eq!(world.testbed.stats().sign_ins.total, 1);
    let listed = world.run(&["sessions"]).expect(0);
    assert!(listed.out.contains("testbed-json") && listed.out.contains("acct-alice"), "{}", listed.out);
    world.run(&["logout", "example", "alice"]).expect(0);
    world.fetch("/api/items/1", &[]).expect_kind(3, "no_session").says("hint: run `hallpass login example alice`");
    world.run(&["logout", "example", "alice"]).expect_kind(3, "no_session");
    world.run(&["sessions"]).expect(0).says("no sessions are saved");
}

#[test]
fn a_session_that_is_refused_is_renewed_and_saved_by_the_fetch_that_noticed() {
    let world = World::signed_in();
    world.testbed.expire("alice");
    world.fetch("/api/items/1", &["-v"]).expect(0).says("* renewed; now generation 2");
    world.fetch("/api/items/2", &[]).expect(0);
    let stats = world.testbed.stats();
    assert_eq!((stats.sign_ins.total, stats.token_requests.total, stats.refresh_reuses), (1, 1, 0));
    assert_eq!(world.run(&["sessions", "--json"]).json()["sessions"][0]["generation"], 2);
}

#[test]
fn two_fetches_at_once_on_one_account_leave_a_session_that_opens() {
    let world = World::signed_in();
    for round in 0..10 {
        let start = || {
            let mut command = world.command(&["fetch", "example", "alice", "/cookies/set?a=1"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        for child in [start(), start(), start()] {
            world.check(&child.wait_with_output().unwrap()).expect(0);
        }
        world.fetch(&format!("/api/items/{round}"), &[]).expect(0);
    }
}

#[test]
fn login_logout_and_sessions_print_json() {
    let world = World::new();
    let mut login = world.login_command("alice");
    let ran = world.check(&login.arg("--json").output().unwrap()).expect(0);
    let signed_in = ran.json();
    assert_eq!(
        (&signed_in["account_id"], &signed_in["state"]),
        (&"acct-alice".into(), &"active".into()),
        "{signed_in}"
    );
    let sessions = world.run(&["sessions", "--json"]).expect(0).json();
    let session = &sessions["sessions"][0];
    assert_eq!(session["account"], "alice");
    assert_eq!(session["renews"], true);
    assert_eq!(session["expires_at"], signed_in["expires_at"]);
    assert_eq!(world.run(&["logout", "example", "alice", "--json"]).expect(0).json()["removed"], true);
    let gone = world.run(&["logout", "example", "alice", "--json"]).expect(3).json_error();
    assert_eq!((&gone["kind"], &gone["retry"]), (&"no_session".into(), &"never".into()), "{gone}");
}

#[test]
fn a_session_is_logged_out_by_the_platforms_id_when_its_file_is_gone() {
    let world = World::signed_in();
    fs::remove_file(world.config().join("platforms/example.toml")).unwrap();
    world.run(&["logout", "testbed-json", "alice"]).expect(0);
    assert_eq!(world.run(&["sessions", "--json"]).expect(0).json()["sessions"].as_array().unwrap().len(), 0);
}

#[test]
fn a_bundle_signs_in_without_asking_and_its_file_is_left_as_it_is() {
    let world = World::new();
    let bundle = world.testbed.issue_bundle("alice", "Mozilla/5.0 (test)").unwrap();
    let text = include_str!("../../../../examples/platforms/testbed-bundle.toml");
    world.write_platform("bundle", &text.replace("http://127.0.0.1:8080", &world.testbed.url()));
    let json = serde_json::json!({ "auth": {
        "id": bundle.account_id, "cookie": bundle.cookie, "user_agent": bundle.user_agent, "x-bc": bundle.x_bc,
    }});
    let file = world.folder().join("auth.json");
    write(&file, json.to_string());
    let login = world.run(&["login", "bundle", "alice", "--bundle", file.to_str().unwrap()]).expect(0);
    let login = login.says("cookies: sid").says("headers: x-bc");
    let value = bundle.cookie.split(['=', ';']).nth(1).unwrap();
    assert!(!login.err.contains(value) && !login.err.contains(&bundle.x_bc), "{login:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), json.to_string());
    world.run(&["fetch", "bundle", "alice", "/bundle/me"]).expect(0);
    world.run_with_input(&["login", "bundle", "alice", "--bundle", "-"], json.to_string().as_bytes()).expect(0);
}

#[test]
fn a_platform_is_a_file_too_and_a_secret_comes_from_a_file() {
    let world = World::new();
    let platform = world.folder().join("mine.toml");
    write(&platform, json_platform(&world.testbed.url()));
    let secret = world.folder().join("secret");
    write(&secret, "alice-password\n");
    let field = format!("password={}", secret.display());
    let mut login = world.command(&["login", "./mine.toml", "alice", "--field-file", &field]);
    world.check(&login.env("HALLPASS_FIELD_USERNAME", "alice").output().unwrap()).expect(0);
    world.run(&["fetch", platform.to_str().unwrap(), "alice", "/me"]).expect(0);
}

#[test]
fn another_store_is_another_set_of_sessions() {
    let world = World::signed_in();
    let other = world.folder().join("other");
    world.run(&["fetch", "example", "alice", "/me", "--store", other.to_str().unwrap()]).expect_kind(3, "no_session");
    let mut by_environment = world.command(&["sessions", "--json"]);
    let ran = world.check(&by_environment.env("HALLPASS_STORE", &other).output().unwrap()).expect(0);
    assert_eq!(ran.json()["sessions"].as_array().unwrap().len(), 0);
    assert_eq!(world.run(&["sessions", "--json"]).json()["sessions"].as_array().unwrap().len(), 1);
}
