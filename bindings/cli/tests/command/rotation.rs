//! Are keys made, listed, rotated and retired so that no record is ever without the key that opens it?

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Instant;

use hallpass::Keyring;
use hallpass::core::{envelope, seed::Seed};
use hallpass::keys;
use hallpass::store::{Expected, Expiry, FileStore, RecordKey, Store};

use crate::world::{World, write};

const RECORDS: u32 = 12;

fn key(number: u32) -> RecordKey {
    RecordKey::session("hallpass", "example", &format!("account-{number}"))
}

fn keyring(world: &World) -> Keyring {
    keys::from_file(&world.key_file()).unwrap().unwrap()
}

/// A store of records that are sealed with the key that `keys new` has made.
fn filled() -> World {
    let world = World::new();
    let made = world.run(&["keys", "new"]).expect(0).says("back it up");
    let (keyring, store) = (keyring(&world), FileStore::open(world.store()).unwrap());
    assert_eq!(made.out.trim(), keyring.primary_id());
    let mut rng = Seed::new([5; 32]).rng("test");
    for number in 0..RECORDS {
        let sealed = envelope::seal(&keyring, &key(number), 1, &number.to_be_bytes(), &mut rng);
        world.runtime.block_on(store.save(&key(number), sealed, Expected::Absent, Expiry::default())).unwrap();
    }
    world
}

/// How many records each key of the file seals, in the file's order; every record opens and is what it was.
#[track_caller]
fn census(world: &World) -> Vec<usize> {
    let (keyring, store) = (keyring(world), FileStore::open(world.store()).unwrap());
    let mut sealed = vec![0; keyring.ids().count()];
    for number in 0..RECORDS {
        let record = world.runtime.block_on(store.load(&key(number))).unwrap().expect("no record is lost");
        let opened = envelope::open(&keyring, &key(number), &record.sealed).expect("the key file opens every record");
        assert_eq!(*opened.plaintext, number.to_be_bytes());
        sealed[keyring.ids().position(|id| id == opened.key_id).unwrap()] += 1;
    }
    sealed
}

fn ids(world: &World) -> Vec<String> {
    keyring(world).ids().map(str::to_owned).collect()
}

#[test]
fn a_rotation_makes_a_new_key_seal_and_the_old_one_can_be_retired_only_then() {
    let world = World::signed_in();
    let old = ids(&world)[0].clone();
    world.run(&["keys", "retire", &old]).expect(7).says("1 saved records still need the key");
    let prepared = world.run(&["keys", "new"]).expect(0).says("does not seal yet").out.trim().to_owned();
    assert_eq!(ids(&world), [old.as_str(), &prepared]);
    let rotated = world.run(&["keys", "rotate", "--to", &prepared, "--json"]).expect(0).json();
    assert_eq!((&rotated["key"], &rotated["rewritten"]), (&prepared.as_str().into(), &1.into()), "{rotated}");
    world.fetch("/me", &[]).expect(0);
    world.run(&["keys", "retire", &prepared]).expect(7).says("1 saved records still need the key");
    let listed = world.run(&["keys", "list", "--json"]).expect(0).json();
    assert_eq!(listed["keys"][0], serde_json::json!({ "id": prepared, "seals": true, "records": 1 }));
    assert_eq!(listed["keys"][1], serde_json::json!({ "id": old, "seals": false, "records": 0 }));
    assert_eq!((&listed["unknown"], &listed["unreadable"]), (&serde_json::json!({}), &0.into()));
    let damaged = world.store().join("0".repeat(64)).join("1");
    write(&damaged, "damaged");
    world.run(&["keys", "retire", &old]).expect(7).says("do not tell which key they need");
    world.run(&["keys", "rotate"]).expect(7).says("holds no record that can be read");
    assert_eq!(ids(&world), [prepared.as_str(), &old]);
    fs::remove_dir_all(damaged.parent().unwrap()).unwrap();
    world.run(&["keys", "retire", &old]).expect(0);
    world.run(&["keys", "retire", &old]).expect_kind(7, "key_unknown");
    assert_eq!(ids(&world), [prepared.as_str()]);
    let again = world.run(&["keys", "rotate"]).expect(0).says("seals from now on");
    assert!(again.out.contains("1 records sealed anew"), "{again:?}");
    assert_eq!(fs::metadata(world.key_file()).unwrap().permissions().mode() & 0o777, 0o600);
    world.fetch("/me", &[]).expect(0);
    let table = world.run(&["keys", "list"]).expect(0).out;
    assert!(table.contains("seals and opens") && table.lines().count() == 3, "{table}");
}

#[test]
fn keys_that_come_from_elsewhere_are_changed_there_and_finish_seals_anew() {
    let world = World::signed_in();
    let old = fs::read_to_string(world.key_file()).unwrap().trim().to_owned();
    let printed = world.run(&["keys", "new", "--print"]).expect(0).out.trim().to_owned();
    assert_eq!(fs::read_to_string(world.key_file()).unwrap().trim(), old, "nothing is changed");
    let with = |words: &[&str]| {
        let both = format!("{printed},{old}");
        world.check(&world.command(words).env("HALLPASS_KEY", both).output().unwrap())
    };
    with(&["keys", "rotate"]).expect(0);
    with(&["keys", "rotate"]).expect_kind(2, "config_invalid").says("--print");
    with(&["keys", "new"]).expect_kind(2, "config_invalid");
    assert!(with(&["keys", "rotate", "--finish"]).expect(0).out.contains("1 were already"));
    world.fetch("/me", &[]).expect_kind(7, "key_unknown");
    let command = world.check(
        &world
            .command(&["fetch", "example", "alice", "/me"])
            .env("HALLPASS_KEY_COMMAND", format!("echo {printed}"))
            .output()
            .unwrap(),
    );
    command.expect(0);
    let listed = world.run(&["keys", "list", "--json"]).expect(0).json();
    assert_eq!(listed["unknown"].as_object().unwrap().len(), 1, "{listed}");
}

#[test]
fn a_key_of_a_passphrase_seals_and_opens_with_it_alone() {
    let world = World::new();
    let file = world.folder().join("passphrase");
    write(&file, "correct horse battery staple\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let with =
        |words: &[&str]| world.check(&world.command(words).env("HALLPASS_PASSPHRASE_FILE", &file).output().unwrap());
    world.run(&["keys", "new", "--passphrase"]).expect_kind(7, "key_missing").says("HALLPASS_PASSPHRASE_FILE");
    with(&["keys", "new", "--passphrase"]).expect(0);
    let text = fs::read_to_string(world.key_file()).unwrap();
    assert!(text.contains(":argon2id:65536:3:4:") && !text.contains("horse"), "{text}");
    let mut login = world.login_command("alice");
    world.check(&login.env("HALLPASS_PASSPHRASE_FILE", &file).output().unwrap()).expect(0);
    with(&["fetch", "example", "alice", "/me"]).expect(0);
    world.fetch("/me", &[]).expect_kind(7, "key_missing").says("made from a passphrase");
    world.run(&["keys", "list"]).expect(0);
    write(&file, "incorrect horse\n");
    with(&["fetch", "example", "alice", "/me"]).expect_kind(7, "key_missing");
}

#[test]
fn a_rotation_killed_at_any_moment_leaves_every_record_with_its_key_and_is_finished_by_the_next() {
    let world = filled();
    let began = Instant::now();
    world.run(&["keys", "rotate"]).expect(0);
    let mut whole = began.elapsed();
    let (mut halves, mut begun, mut ended) = (0, 0, 0);
    for round in 0..ROUNDS {
        let before = ids(&world);
        let mut command = world.command(&["keys", "rotate"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Not waited for: the law holds wherever the kill lands.
        let after = whole.mul_f64(1.2 * moment(round));
        std::thread::sleep(after);
        child.kill().unwrap();
        let has_ended = child.wait().unwrap().success();
        let sealed = census(&world);
        let is_half = sealed[0] > 0 && sealed[0] < RECORDS as usize;
        halves += u32::from(is_half);
        begun += u32::from(ids(&world) != before);
        ended += u32::from(has_ended);
        if is_half || sealed[0] == 0 {
            let keys = ids(&world);
            let finished = world.run(&["keys", "rotate"]).expect(0);
            assert!(finished.out.contains(" 0 are not"), "{finished:?}");
            assert_eq!(ids(&world), keys, "what was left is finished, and no further key is made");
        }
        assert_eq!(census(&world)[0], RECORDS as usize);
        if after > whole && !has_ended {
            // The machine has become slower since a rotation was timed.
            whole *= 2;
        }
        for id in &ids(&world)[1..] {
            world.run(&["keys", "retire", id]).expect(0);
        }
    }
    assert!(halves > 0 && begun > 0 && ended > 0, "{halves} killed half way, {begun} begun, {ended} ended");
    assert_eq!(ids(&world).len(), 1);
    let mut left: Vec<_> = fs::read_dir(world.config()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert!(
        left.iter().all(|name| ["key", "key.lock", "key.new", "platforms"].contains(&name.to_str().unwrap())),
        "{left:?}"
    );
}

#[test]
fn rotations_at_once_finish_each_others_work() {
    for _ in 0..5 {
        let world = filled();
        let start = |_| {
            let mut command = world.command(&["keys", "rotate"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        for child in [0, 1, 2].map(start) {
            world.check(&child.wait_with_output().unwrap()).expect(0);
        }
        let sealed = census(&world);
        assert_eq!(sealed[0], RECORDS as usize, "{sealed:?}");
        assert!((2..=4).contains(&sealed.len()), "one key, and one for each that began when another had ended");
    }
}

/// Rotations that are killed.
const ROUNDS: u64 = 200;

/// Where in 0..1 a round's kill lands: anywhere in the round's own part, the same on every run (SplitMix64).
fn moment(round: u64) -> f64 {
    let mut mixed = (round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let within = f64::from((mixed >> 32) as u32) / f64::from(u32::MAX);
    (round as f64 + within) / ROUNDS as f64
}
