//! Does an account stay signed in from login to logout?

use std::fs;
use std::process::Stdio;

use hallpass_testbed::{Action, Rule};

use crate::world::{PASSWORD, World, json_platform, write};

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
fn an_account_whose_credentials_are_kept_signs_in_again_by_itself() {
    let world = World::new();
    let mut login = world.login_command("alice");
    world.check(&login.arg("--keep-credentials").output().unwrap()).expect(0);
    for round in 1..=2 {
        world.testbed.revoke("alice");
        world.fetch("/api/items/1", &[]).expect(0);
        assert_eq!(world.testbed.stats().sign_ins.total, 1 + round);
    }
    let record = fs::read(world.record_file("alice")).unwrap();
    assert!(!record.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()), "it is sealed");
    // Those who are not asked to keep anything forget what was kept.
    world.login().expect(0);
    world.testbed.revoke("alice");
    world.fetch("/api/items/1", &[]).expect(3);
    assert_eq!(world.testbed.stats().sign_ins.total, 4);
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

/// `alice`, signed in to a platform that can be told of a log-out.
fn signed_in_by_form() -> World {
    let world = World::new();
    let text = include_str!("../../../../examples/platforms/testbed-form.toml");
    world.write_platform("form", &text.replace("http://127.0.0.1:8080", &world.testbed.url()));
    log_in_by_form(&world);
    world
}

fn log_in_by_form(world: &World) {
    log_in_by_form_with(world, &[]);
}

fn log_in_by_form_with(world: &World, more: &[&str]) {
    let mut login = world.command(&["login", "form", "alice"]);
    login.args(more).env("HALLPASS_FIELD_USERNAME", "alice").env("HALLPASS_FIELD_PASSWORD", PASSWORD);
    world.check(&login.output().unwrap()).expect(0);
    world.testbed.reset_stats();
}

fn told(world: &World) -> u64 {
    world.testbed.stats().requests.by_route.get("POST /form/logout").copied().unwrap_or_default()
}

#[test]
fn credentials_that_were_kept_renew_a_session_that_has_no_token_to_renew() {
    let world = signed_in_by_form();
    let renews = || world.run(&["sessions", "--json"]).expect(0).json()["sessions"][0]["renews"].clone();
    assert_eq!(renews(), false);
    log_in_by_form_with(&world, &["--keep-credentials"]);
    assert_eq!(renews(), true);
    assert!(world.run(&["sessions"]).expect(0).out.contains(", renews"));
}

#[test]
fn logging_out_tells_the_platform_and_says_so() {
    let world = signed_in_by_form();
    let ran = world.run(&["logout", "form", "alice"]).expect(0);
    assert!(ran.out.contains("told the platform by POST /form/logout"), "{ran:?}");
    assert_eq!(told(&world), 1);
    world.run(&["fetch", "form", "alice", "/me"]).expect_kind(3, "no_session");
    log_in_by_form(&world);
    let ran = world.run(&["logout", "form", "alice", "--json"]).expect(0).json();
    assert_eq!((&ran["removed"], &ran["told"], told(&world)), (&true.into(), &true.into(), 1), "{ran}");
}

#[test]
fn logging_out_only_here_tells_the_platform_nothing() {
    let world = signed_in_by_form();
    let ran = world.run(&["logout", "form", "alice", "--local"]).expect(0);
    assert!(ran.out.contains("the platform was not told"), "{ran:?}");
    assert_eq!(world.testbed.stats().requests.total, 0);
    world.run(&["sessions"]).expect(0).says("no sessions are saved");
    let other = World::signed_in();
    let ran = other.run(&["logout", "example", "alice"]).expect(0);
    assert!(ran.out.contains("its file names no [sign_out]"), "{ran:?}");
}

#[test]
fn a_platform_that_does_not_hear_of_a_log_out_is_an_error_and_the_session_is_removed() {
    let world = signed_in_by_form();
    let away = Action::Status { status: 404, headers: [].into(), body: String::new() };
    world.testbed.script(Rule::on("/form/logout", away)).unwrap();
    world.run(&["logout", "form", "alice"]).expect_kind(5, "unexpected_answer").says("is removed");
    world.run(&["sessions"]).expect(0).says("no sessions are saved");
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
