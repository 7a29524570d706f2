//! What is left when the command is killed while it saves, or cannot write?

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::world::World;

#[test]
fn a_login_killed_at_any_moment_leaves_the_old_session_or_the_new_one() {
    let world = World::signed_in();
    let generation = || {
        let listed = world.run(&["sessions", "--json"]).expect(0).json();
        let session = &listed["sessions"][0];
        assert_eq!(listed["unreadable"].as_array().unwrap().len(), 0, "{listed}");
        assert_eq!((&session["account"], &session["error"]), (&"alice".into(), &serde_json::Value::Null), "{listed}");
        session["generation"].as_u64().unwrap()
    };
    let began = Instant::now();
    world.login().expect(0);
    let mut whole = began.elapsed();

    let mut generations = vec![generation()];
    for round in 0..ROUNDS {
        let mut login = world.login_command("alice");
        let mut child = login.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Not waited for: the law holds wherever the kill lands, from the start until after the end.
        let after = whole.mul_f64(1.3 * moment(round));
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
        generations.push(generation());
        if after > whole && generations.is_sorted_by(|before, now| before == now) {
            // The machine has become slower since the login was timed: the end is farther away.
            whole *= 2;
        }
        world.fetch("/me", &[]).expect(0);
    }
    assert!(generations.is_sorted(), "{generations:?}");
    let grown = generations.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!(grown > 0, "no login was killed after its save: {generations:?}");
    assert!(grown < generations.len() - 1, "no login was killed before its save: {generations:?}");
}

/// Logins that are killed.
const ROUNDS: u64 = 50;

/// Where in 0..1 a round's kill lands: anywhere in the round's own fiftieth, the same on every run (SplitMix64).
fn moment(round: u64) -> f64 {
    let mut mixed = (round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let within = f64::from((mixed >> 32) as u32) / f64::from(u32::MAX);
    (round as f64 + within) / ROUNDS as f64
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
fn a_token_whose_successor_could_not_be_saved_is_not_sent_and_is_good_afterwards() {
    let world = World::signed_in();
    world.testbed.expire("alice");
    let fetch = world.command(&["fetch", "example", "alice", "/me"]);
    let ran = world.check(&without_room(&fetch).output().unwrap()).expect(7).says("(store_unavailable)");
    assert_eq!((ran.out.as_str(), world.testbed.stats().token_requests.total), ("", 0));
    assert_eq!(world.fetch("/me", &[]).expect(0).json()["id"], "acct-alice");
    assert_eq!(world.testbed.stats().token_requests.total, 1);
}

#[test]
fn a_first_login_that_cannot_write_its_key_sends_nothing() {
    let world = World::new();
    world.check(&without_room(&world.login_command("alice")).output().unwrap()).expect_kind(7, "key_invalid");
    assert_eq!(world.testbed.stats().requests.total, 0);
    assert!(!world.key_file().exists());
    world.login().expect(0);
}
