//! Does bad input get a clear error, and is nothing lost or leaked by it?

use std::fs;

use hallpass_testbed::{Action, Listener, Rule};

use crate::world::{World, json_platform, write};

#[test]
fn a_mistyped_key_in_a_platform_file_is_named_with_its_line_and_the_nearest_key() {
    let world = World::new();
    world.write_platform("example", "id = \"x\"\nbase_rul = \"https://a.example\"\n[sign_in.bearer]\n");
    let ran = world.login().expect_kind(2, "platform_invalid");
    ran.says("example.toml: line 2").says("base_rul").says("base_url");
}

#[test]
fn a_platform_nobody_knows_is_answered_with_those_who_are_known() {
    let world = World::new();
    world.run(&["login", "exmaple", "alice"]).expect_kind_with_hint("did you mean `example`?");
    world.run(&["login", "zebra", "alice"]).expect_kind_with_hint("known are: example");
    world.run(&["login", "./zebra.toml", "alice"]).expect_kind(2, "config_invalid").says("./zebra.toml");
}

#[test]
fn a_request_that_cannot_be_is_refused_before_anything_is_sent() {
    let world = World::signed_in();
    let before = world.testbed.stats().requests.total;
    world.fetch("ftp://a.example/x", &[]).expect_kind(2, "request_invalid");
    world.fetch("127.0.0.1:8080/x", &[]).expect_kind(2, "request_invalid");
    world.fetch("//", &[]).expect_kind(2, "request_invalid");
    world.fetch("/x", &["-X", "GET", "-d", "a=1"]).expect_kind(2, "request_invalid");
    world.fetch("/x", &["-X", "B D"]).expect_kind(2, "request_invalid");
    world.fetch("/x", &["-H", "no colon"]).expect_kind(2, "request_invalid");
    world.fetch("/x", &["-H", "x-a: b\nc: d"]).expect_kind(2, "request_invalid");
    world.fetch("/x", &["-H", "x-a:"]).expect_kind(2, "request_invalid").says("x-a;");
    world.fetch("/x", &["-d", "@nowhere"]).expect_kind(2, "request_invalid").says("nowhere");
    assert_eq!(world.testbed.stats().requests.total, before);
}

#[test]
fn a_session_under_a_platform_file_that_names_another_origin_sends_nothing_there() {
    let world = World::signed_in();
    let listener = world.runtime.block_on(Listener::start()).unwrap();
    world.write_platform("example", &json_platform(&listener.url()));
    world.fetch("/api/items/1", &[]).expect_kind(3, "platform_changed").says("hallpass logout example alice");
    world.login().expect_kind(3, "platform_changed");
    assert_eq!(listener.connections(), 0);
    world.write_platform("example", &json_platform(&world.testbed.url()));
    world.fetch("/api/items/1", &[]).expect(0);
}

#[test]
fn a_redirect_to_another_origin_carries_no_credentials_there() {
    let world = World::signed_in();
    let listener = world.runtime.block_on(Listener::start()).unwrap();
    let ran = world.fetch(&format!("/redirect/to?url={}/landing", listener.url()), &[]).expect(0);
    assert_eq!(ran.out, "{}");
    let heads = listener.heads();
    assert_eq!(heads.len(), 1);
    for secret in ["authorization", "cookie"] {
        assert_eq!(heads[0].header(secret), None, "{heads:?}");
    }
    let stayed = world.fetch(&format!("/redirect/to?url={}/landing", listener.url()), &["--no-location"]).expect(0);
    assert_eq!((stayed.err.as_str(), listener.heads().len()), ("", 1));
}

#[test]
fn html_where_a_sign_in_promised_json_is_the_platforms_fault() {
    let world = World::new();
    let headers = [("content-type".to_owned(), "text/html".to_owned())].into();
    let page = Action::Status { status: 200, headers, body: "<html>Welcome</html>".to_owned() };
    world.testbed.script(Rule::on("/json/login", page)).unwrap();
    world.login().expect_kind(5, "unexpected_answer").says("platform file");
}

#[test]
fn a_damaged_record_is_told_and_stays_until_it_is_logged_out() {
    let world = World::signed_in();
    let file = world.record_file("alice");
    let whole = fs::read(&file).unwrap();
    let mut altered = whole.clone();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    for bytes in [&whole[..whole.len() / 2], &altered, b"", b"something else"] {
        fs::write(&file, bytes).unwrap();
        world.fetch("/me", &[]).expect_kind(7, "damaged").says("hallpass logout example alice");
        world.login().expect_kind(7, "damaged");
        assert_eq!(fs::read(&file).unwrap(), bytes, "nothing is overwritten");
        let listed = world.run(&["sessions", "--json"]).expect(0).json();
        assert_eq!(listed["unreadable"].as_array().unwrap().len(), 1, "{listed}");
    }
    fs::write(&file, &whole).unwrap();
    world.fetch("/me", &[]).expect(0);
    fs::write(&file, b"").unwrap();
    world.run(&["logout", "example", "alice"]).expect(0);
    world.login().expect(0);
    world.fetch("/me", &[]).expect(0);
}

#[test]
fn a_record_of_another_account_is_no_session_of_this_one() {
    let world = World::signed_in();
    let bob = world.record("bob");
    fs::create_dir_all(&bob).unwrap();
    fs::copy(world.record_file("alice"), bob.join("1")).unwrap();
    world.run(&["fetch", "example", "bob", "/me"]).expect_kind(7, "damaged").says("another record's key");
}

#[test]
fn a_store_that_cannot_be_written_fails_the_login_and_says_so() {
    let world = World::new();
    let file = world.folder().join("file");
    write(&file, "x");
    let mut login = world.login_command("alice");
    let ran = world.check(&login.arg("--store").arg(&file).output().unwrap());
    ran.expect_kind(7, "store_unavailable").says("--store names another folder");
    assert_eq!(world.testbed.stats().sign_ins.total, 0, "nothing was sent");
    // The folder is fine, the account's place in it is not.
    write(&world.record("alice"), "in the way");
    world.login().expect(7).says("(store_unavailable)");
}

#[test]
fn what_is_missing_is_named_where_nobody_can_be_asked() {
    let world = World::new();
    let ran = world.run(&["login", "example", "alice"]).expect_kind(2, "credentials_invalid");
    ran.says("the field `password`").says("HALLPASS_FIELD_PASSWORD");
    let bundle = world.folder().join("auth.json");
    write(&bundle, "{\"cookie\": [1]}");
    let ran = world.run(&["login", "example", "alice", "--bundle", "auth.json"]);
    ran.expect_kind(2, "credentials_invalid").says("auth.json: line 1");
    assert_eq!(world.testbed.stats().requests.total, 0);
    assert!(!world.key_file().exists(), "no key is made for a login that cannot be");
}

impl crate::world::Ran {
    #[track_caller]
    fn expect_kind_with_hint(self, hint: &str) {
        self.expect_kind(2, "config_invalid").says(&format!("  hint: {hint}"));
    }
}
