//! What is left when the command is killed while it saves, or cannot write?

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::world::World;

#[test]
fn a_login_killed_at_any_moment_leaves_the_old_session_or_the_new_one() {
    let world = World::signed_in();
    let mut generations = Vec::new();
    for round in 0..50 {
        let mut login = world.login_command("alice");
        let mut child = login.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Not waited for: the law holds wherever the kill lands.
        std::thread::sleep(Duration::from_micros(700 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let listed = world.run(&["sessions", "--json"]).expect(0).json();
        let session = &listed["sessions"][0];
        assert_eq!(listed["unreadable"].as_array().unwrap().len(), 0, "{listed}");
        assert_eq!((&session["account"], &session["error"]), (&"alice".into(), &serde_json::Value::Null), "{listed}");
        generations.push(session["generation"].as_u64().unwrap());
        world.fetch("/me", &[]).expect(0);
    }
    assert!(generations.is_sorted(), "{generations:?}");
}

/// The command, unable to write to any file.
fn without_room(inner: &Command) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"")
        .arg(inner.get_program())
        .args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null());
    command
}

#[test]
fn a_login_that_cannot_be_saved_says_so_and_leaves_the_saved_session_good() {
    let world = World::signed_in();
    let ran = world.check(&without_room(&world.login_command("alice")).output().unwrap()).expect(7);
    let ran = ran.says("(store_unavailable)");
    assert_eq!(ran.out, "", "a login that was not saved is no login");
    assert_eq!(world.run(&["sessions", "--json"]).json()["sessions"][0]["generation"], 1);
    world.fetch("/me", &[]).expect(0);
}

#[test]
fn a_fetch_whose_renewal_cannot_be_saved_is_served_and_says_so() {
    let world = World::signed_in();
    world.testbed.expire("alice");
    let fetch = world.command(&["fetch", "example", "alice", "/me"]);
    let ran = world.check(&without_room(&fetch).output().unwrap()).expect(7).says("(store_unavailable)");
    assert_eq!(ran.json()["id"], "acct-alice");
}

#[test]
fn a_first_login_that_cannot_write_its_key_sends_nothing() {
    let world = World::new();
    world.check(&without_room(&world.login_command("alice")).output().unwrap()).expect_kind(7, "key_invalid");
    assert_eq!(world.testbed.stats().requests.total, 0);
    assert!(!world.key_file().exists());
    world.login().expect(0);
}
