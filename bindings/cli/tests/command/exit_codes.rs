//! Does the exit code say what came of it, and is the body written all the same?

use hallpass_testbed::{Action, Rule};

use crate::world::{World, json_platform};

#[test]
fn a_platform_that_declines_is_4_and_its_answer_is_written() {
    let world = World::signed_in();
    let ran = world.fetch("/nowhere", &[]).expect(4).says("hallpass: /nowhere answered 404 (declined)");
    assert!(!ran.out.is_empty());
    let told = world.fetch("/nowhere", &["--errors", "json"]).expect(4).json_error();
    assert_eq!((&told["kind"], &told["status"]), (&"declined".into(), &404.into()), "{told}");
}

#[test]
fn a_platform_that_fails_is_5() {
    let world = World::signed_in();
    let failing = Action::Status { status: 500, headers: [].into(), body: "broken".to_owned() };
    world.testbed.script(Rule::on("/api/items/1", failing).times(0)).unwrap();
    let ran = world.fetch("/api/items/1", &["-X", "POST"]).expect(5).says("(platform_failed)");
    assert_eq!(ran.out, "broken");
}

#[test]
fn a_platform_that_asks_to_wait_longer_than_the_call_may_take_is_5_and_says_when() {
    let world = World::signed_in();
    let busy = Action::Throttle { count: 100, retry_after: 3600 };
    world.testbed.script(Rule::on("/api/items/1", busy)).unwrap();
    let ran = world.fetch("/api/items/1", &["--errors", "json"]).expect(5);
    let told = ran.json_error();
    assert_eq!((&told["kind"], &told["retry"]), (&"throttled".into(), &"after".into()), "{told}");
    assert!(
        told["retry_at"].as_i64().unwrap() > 0 && told["hint"].as_str().unwrap().contains("try again in"),
        "{told}"
    );
}

#[test]
fn an_account_that_was_signed_out_elsewhere_is_3() {
    let world = World::signed_in();
    world.testbed.revoke("alice");
    let ran = world.fetch("/api/items/1", &[]).expect(3);
    let ran = ran.says("(expired)");
    assert!(ran.err.contains("hallpass login example alice"), "{ran:?}");
}

#[test]
fn credentials_that_are_refused_are_3_and_nothing_is_saved() {
    let world = World::new();
    let mut login = world.login_command("alice");
    let ran = world.check(&login.env("HALLPASS_FIELD_PASSWORD", "wrong").output().unwrap());
    ran.expect_kind(3, "credentials_refused");
    assert_eq!(world.testbed.stats().sign_ins.refused, 1);
    assert_eq!(world.run(&["sessions", "--json"]).json()["sessions"].as_array().unwrap().len(), 0);
}

#[test]
fn a_platform_that_is_not_there_is_6() {
    let world = World::new();
    world.write_platform("example", &json_platform("http://127.0.0.1:1"));
    world.login().expect_kind(6, "connect");
}

#[test]
fn a_call_that_takes_too_long_is_6_even_in_its_body() {
    let world = World::signed_in();
    world.fetch("/api/slow?first_byte_ms=60000", &["-m", "0.3"]).expect_kind(6, "timeout");
    let ran = world.fetch("/api/slow?chunk_ms=60000", &["--max-time", "1.5"]).expect(6).says("(timeout)");
    assert_eq!(ran.out, ".");
}

#[test]
fn a_body_that_breaks_off_is_6_and_what_arrived_was_written() {
    let world = World::signed_in();
    world.testbed.script(Rule::on("/api/items/1", Action::Truncate { keep: Some(5) })).unwrap();
    let ran = world.fetch("/api/items/1", &[]).expect(6).says("(body_truncated)");
    assert_eq!(ran.out.len(), 5);
}

#[test]
fn help_and_version_are_0_and_a_wrong_command_line_is_2() {
    let world = World::new();
    let help = world.run(&["--help"]).expect(0);
    for line in ["Exit codes:", "  3  the account must sign in", "HALLPASS_KEY", "platforms/NAME.toml"] {
        assert!(help.out.contains(line), "{line}: {}", help.out);
    }
    world.run(&["--version"]).expect(0);
    for command in
        ["login", "fetch", "check", "refresh", "sessions", "export", "logout", "platform", "completions", "demo"]
    {
        world.run(&[command, "--help"]).expect(0);
    }
    world.run(&["fetch", "example"]).expect(2);
    let told = world.run(&["sessions", "--json", "--nonsense"]).expect(2).json_error();
    assert_eq!(told["kind"], "config_invalid");
}
