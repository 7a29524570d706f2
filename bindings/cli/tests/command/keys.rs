//! Where does the key come from, when is one made, and what happens without it?

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::world::World;

const KEY: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SAME_NAME: &str = "k1:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
const OTHER: &str = "k2:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

#[test]
fn the_first_login_makes_a_key_that_only_its_owner_reads_and_says_so_once() {
    let world = World::new();
    world.fetch("/me", &[]).expect_kind(3, "no_session");
    assert!(!world.key_file().exists(), "only a login makes a key");
    let first = world.login().expect(0).says("made the key `k").says("back it up");
    assert!(first.err.contains(world.key_file().to_str().unwrap()));
    assert_eq!(fs::metadata(world.key_file()).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!world.key_file().starts_with(world.store()), "a key is not inside the store");
    let second = world.login().expect(0);
    assert!(!second.err.contains("made the key"), "{second:?}");
}

#[test]
fn first_logins_at_once_share_one_key() {
    let world = World::new();
    let start = |account| {
        let mut login = world.login_command(account);
        login.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    for child in ["alice", "bob", "carol"].map(start) {
        world.check(&child.wait_with_output().unwrap()).expect(0);
    }
    for account in ["alice", "bob", "carol"] {
        world.run(&["fetch", "example", account, "/me"]).expect(0);
    }
    assert_eq!(fs::read_dir(world.config()).unwrap().count(), 2, "the key and the platforms, and nothing left over");
}

#[test]
fn a_lost_key_is_told_and_no_new_one_is_made_in_its_place() {
    let world = World::signed_in();
    let key = fs::read(world.key_file()).unwrap();
    fs::remove_file(world.key_file()).unwrap();
    world.fetch("/me", &[]).expect_kind(7, "key_missing").says("HALLPASS_KEY");
    world.login().expect_kind(7, "key_missing");
    assert!(!world.key_file().exists());
    let listed = world.run(&["sessions", "--json"]).expect(0).json();
    assert_eq!(listed["sessions"][0]["error"]["kind"], "key_missing", "{listed}");
    fs::write(world.key_file(), key).unwrap();
    world.fetch("/me", &[]).expect_kind(7, "key_invalid").says("chmod 600");
    fs::set_permissions(world.key_file(), fs::Permissions::from_mode(0o600)).unwrap();
    world.fetch("/me", &[]).expect(0);
}

#[test]
fn a_key_of_the_environment_goes_before_the_usual_file_and_a_named_file_before_both() {
    let world = World::new();
    let with =
        |key: &str, words: &[&str]| world.check(&world.command(words).env("HALLPASS_KEY", key).output().unwrap());
    let fetch = ["fetch", "example", "alice", "/me"];
    let ran = world.check(&world.login_command("alice").env("HALLPASS_KEY", KEY).output().unwrap()).expect(0);
    assert!(!ran.err.contains("made the key") && !world.key_file().exists(), "{ran:?}");
    with(KEY, &fetch).expect(0);
    with(OTHER, &fetch).expect_kind(7, "key_unknown").says("--key-file");
    with(SAME_NAME, &fetch).expect_kind(7, "damaged").says("k1");
    with(&format!("{OTHER},{KEY}"), &fetch).expect(0);
    with("nonsense", &fetch).expect_kind(7, "key_invalid");
    let file = world.folder().join("my-key");
    fs::write(&file, format!("# mine\n{KEY}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let named = [&fetch[..], &["--key-file", "my-key"]].concat();
    with(OTHER, &named).expect(0);
    world.run(&[&fetch[..], &["--key-file", "nowhere"]].concat()).expect_kind(7, "key_missing").says("nowhere");
}

#[test]
fn a_login_with_another_key_leaves_the_saved_session_alone_and_sends_nothing() {
    let world = World::signed_in();
    let before = fs::read(world.record_file("alice")).unwrap();
    let requests = world.testbed.stats().requests.total;
    world
        .check(&world.login_command("alice").env("HALLPASS_KEY", OTHER).output().unwrap())
        .expect_kind(7, "key_unknown");
    assert_eq!(fs::read(world.record_file("alice")).unwrap(), before);
    assert_eq!(world.testbed.stats().requests.total, requests);
    world.fetch("/me", &[]).expect(0);
}

#[test]
fn nothing_in_the_store_is_readable() {
    let world = World::signed_in();
    world.testbed.expire("alice");
    world.fetch("/me", &[]).expect(0);
    let bytes = fs::read(world.record_file("alice")).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    for plain in ["password", "acct-alice", "Bearer", "refresh", "127.0.0.1"] {
        assert!(!text.contains(plain), "{plain}");
    }
}
