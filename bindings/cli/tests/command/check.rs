//! Does `hallpass check` tell what the platform says of a session, and take no silence for an end?

use hallpass_testbed::{Action, Point, Rule};

use crate::world::{World, json_platform, write};

const CHECK: [&str; 3] = ["check", "example", "alice"];
const CHECK_JSON: [&str; 4] = ["check", "example", "alice", "--json"];

#[test]
fn a_good_session_is_valid_and_nothing_but_the_question_is_sent() {
    let world = World::signed_in();
    let before = world.testbed.stats();
    let ran = world.run(&CHECK).expect(0);
    assert!(ran.out.starts_with("the session of alice (acct-alice) at testbed-json is valid\n"), "{ran:?}");
    assert!(ran.out.contains("state active; generation 1; its token ends in "), "{ran:?}");
    assert_eq!(ran.err, "");
    let told = world.run(&CHECK_JSON).expect(0).json();
    assert_eq!(
        (&told["valid"], &told["state"], &told["account_id"], &told["generation"]),
        (&true.into(), &"active".into(), &"acct-alice".into(), &1.into()),
        "{told}"
    );
    assert_eq!(told["expires_at"], world.run(&["sessions", "--json"]).json()["sessions"][0]["expires_at"]);
    assert!(told["drift"].is_null(), "{told}");
    let after = world.testbed.stats();
    assert_eq!(after.requests.total - before.requests.total, 2);
}

#[test]
fn a_refused_session_is_renewed_and_saved_and_then_valid() {
    let world = World::signed_in();
    world.testbed.expire("alice");
    let told = world.run(&CHECK_JSON).expect(0).json();
    assert_eq!((&told["valid"], &told["generation"]), (&true.into(), &2.into()), "{told}");
    assert_eq!(world.testbed.stats().token_requests.total, 1);
    assert_eq!(world.run(&["sessions", "--json"]).json()["sessions"][0]["generation"], 2);
    world.fetch("/api/items/1", &[]).expect(0);
    assert_eq!(world.testbed.stats().token_requests.total, 1);
}

#[test]
fn an_ended_session_is_3_and_says_what_to_do() {
    let world = World::signed_in();
    world.testbed.revoke("alice");
    let ran = world.run(&CHECK).expect(3).says("hint: run `hallpass login example alice`");
    assert!(ran.out.starts_with("the session of alice (acct-alice) at testbed-json has ended\n"), "{ran:?}");
    world.login().expect(0);
    world.testbed.revoke("alice");
    let ran = world.run(&CHECK_JSON).expect(3);
    assert_eq!((&ran.json()["valid"], &ran.json_error()["kind"]), (&false.into(), &"expired".into()), "{ran:?}");
}

#[test]
fn without_a_session_it_is_3_and_nobody_is_asked() {
    let world = World::new();
    world.run(&CHECK).expect_kind(3, "no_session");
    world.login().expect(0);
    let asked = world.testbed.stats().requests.total;
    world.run(&["check", "example", "bob"]).expect_kind(3, "no_session");
    assert_eq!(world.testbed.stats().requests.total, asked);
}

#[test]
fn what_nobody_could_be_asked_is_unknown_and_the_session_stays() {
    let world = World::signed_in();
    world.testbed.script(Rule::on("/me", Action::Close { at: Point::default() }).times(0)).unwrap();
    let ran = world.run(&CHECK_JSON).expect(6);
    let told = ran.json();
    assert!(told["valid"].is_null() && told["state"] == "active", "{ran:?}");
    let ran = world.run(&CHECK).expect(6);
    assert!(ran.out.contains("may be valid or not; nobody could be asked\n"), "{ran:?}");
    world.testbed.clear_script();
    let broken = Action::Status { status: 500, headers: [].into(), body: String::new() };
    world.testbed.script(Rule::on("/me", broken).times(0)).unwrap();
    let ran = world.run(&CHECK_JSON).expect(5);
    assert_eq!((&ran.json()["valid"], &ran.json_error()["kind"]), (&().into(), &"platform_failed".into()), "{ran:?}");
    world.testbed.clear_script();
    world.run(&CHECK).expect(0);
    assert_eq!(world.testbed.stats().token_requests.total, 0);
}

#[test]
fn a_platform_file_without_an_identity_cannot_be_asked_and_says_so() {
    let world = World::new();
    let text = json_platform(&world.testbed.url());
    let (start, rest) = text.split_once("[identity]").unwrap();
    let (_, end) = rest.split_once("# What a refused").unwrap();
    world.write_platform("example", &format!("{start}# What a refused{end}"));
    world.login().expect(0);
    let asked = world.testbed.stats().requests.total;
    let ran = world.run(&CHECK).expect(2).says("no identity probe").says("(platform_invalid)");
    assert!(ran.out.contains("may be valid or not"), "{ran:?}");
    assert_eq!(world.testbed.stats().requests.total, asked);
    world.fetch("/api/items/1", &[]).expect(0);
}

#[test]
fn a_bundle_is_compared_with_the_saved_one_by_names_alone() {
    let world = World::new();
    let text = include_str!("../../../../examples/platforms/testbed-bundle.toml");
    world.write_platform("bundle", &text.replace("http://127.0.0.1:8080", &world.testbed.url()));
    let mut secrets = Vec::new();
    for (name, agent) in [("same", "Mozilla/5.0 (test)"), ("other", "Mozilla/6.0 (other)")] {
        let bundle = world.testbed.issue_bundle("alice", agent).unwrap();
        let json = serde_json::json!({
            "cookie": bundle.cookie, "user_agent": bundle.user_agent, "x-bc": bundle.x_bc,
        });
        write(&world.folder().join(name), json.to_string());
        secrets.push(bundle.cookie.split(['=', ';']).nth(1).unwrap().to_owned());
    }
    world.run(&["login", "bundle", "alice", "--bundle", "same"]).expect(0);
    let same = world.run(&["check", "bundle", "alice", "--bundle", "same"]).expect(0);
    assert!(same.out.ends_with("the bundle is as the session that is saved\n"), "{same:?}");
    let other = world.run(&["check", "bundle", "alice", "--bundle", "other", "--json"]).expect(0);
    let drift = other.json()["drift"]["changed"].clone();
    assert_eq!(drift, serde_json::json!(["the cookie `sid`", "the user agent"]));
    let asked = world.testbed.stats().requests.total;
    world.run(&["check", "bundle", "alice", "--bundle", "none"]).expect_kind(2, "credentials_invalid");
    assert_eq!(world.testbed.stats().requests.total, asked);
    for ran in [same, other] {
        assert!(secrets.iter().all(|secret| !ran.out.contains(secret) && !ran.err.contains(secret)), "{ran:?}");
    }
}
