//! Do saved sessions travel in a file, sealed unless asked otherwise, without replacing what is newer?

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::world::World;

/// The same user's folders, without any session, and with the key or without.
fn elsewhere(world: &World) -> [String; 2] {
    ["--store".to_owned(), world.folder().join("elsewhere").display().to_string()]
}

#[test]
fn a_session_travels_sealed_and_goes_on_where_its_key_is() {
    let world = World::signed_in();
    let elsewhere = elsewhere(&world);
    let there = elsewhere.each_ref().map(String::as_str);
    let wrote = world.run(&["sessions", "export", "--all", "--to", "out.json", "--json"]).expect(0).json();
    assert_eq!((&wrote["sessions"], &wrote["plaintext"]), (&1.into(), &false.into()), "{wrote}");
    let file = world.folder().join("out.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    for plain in ["Bearer", "acct-alice", "refresh", "127.0.0.1"] {
        assert!(!text.contains(plain), "{plain}");
    }
    world.run(&["sessions", "export", "--all", "--to", "out.json"]).expect_kind(2, "config_invalid").says("--force");
    let imported = world.run(&[&["sessions", "import", "out.json", "--json"], &there[..]].concat()).expect(0).json();
    assert_eq!(imported["sessions"][0]["outcome"], "saved", "{imported}");
    world.run(&[&["fetch", "example", "alice", "/me"], &there[..]].concat()).expect(0);

    let other = "k9:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
    let mut command = world.command(&["sessions", "import", "out.json", "--store", "third"]);
    let ran = world.check(&command.env("HALLPASS_KEY", other).output().unwrap()).expect(7);
    assert!(ran.out.contains("(key_unknown)"), "{ran:?}");
    assert_eq!(world.run(&["sessions", "--json", "--store", "third"]).expect(0).json()["sessions"], json!([]));
}

#[test]
fn what_is_as_new_stays_and_an_older_one_is_replaced() {
    let world = World::signed_in();
    let generation = || world.run(&["sessions", "--json"]).expect(0).json()["sessions"][0]["generation"].as_u64();
    let export =
        |to: &str| world.run(&["sessions", "export", "--account", "alice", "--platform", "example", "--to", to]);
    let import = |words: &[&str]| {
        let told = world.run(&[&["sessions", "import", "--json"], words].concat()).expect(0).json();
        told["sessions"][0]["outcome"].as_str().unwrap().to_owned()
    };
    export("old.json").expect(0);
    world.run(&["refresh", "example", "alice"]).expect(0);
    export("new.json").expect(0);
    assert_eq!((import(&["old.json"]), generation()), ("kept".to_owned(), Some(2)));
    assert_eq!((import(&["new.json"]), generation()), ("kept".to_owned(), Some(2)));
    assert_eq!((import(&["old.json", "--replace"]), generation()), ("saved".to_owned(), Some(1)));
    assert_eq!((import(&["new.json"]), generation()), ("saved".to_owned(), Some(2)));
    world.fetch("/me", &[]).expect(0);
    world.run(&["sessions", "export", "--account", "bob", "--to", "x"]).expect_kind(3, "no_session");
    world.run(&["sessions", "export", "--to", "x"]).expect(2);
    assert!(!world.folder().join("x").exists());
}

#[test]
fn plaintext_is_only_what_was_asked_for_and_needs_no_key_to_be_taken_in() {
    let world = World::signed_in();
    world.run(&["sessions", "export", "--all", "--to", "plain.json", "--plaintext"]).expect(0).says("not encrypted");
    let file = world.folder().join("plain.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    fs::remove_file(world.key_file()).unwrap();
    world.run(&["sessions", "export", "--all", "--to", "x", "--plaintext"]).expect_kind(7, "key_missing");
    world.run(&["sessions", "export", "--all", "--to", "sealed.json"]).expect(0);
    fs::remove_dir_all(world.store()).unwrap();
    world.run(&["sessions", "import", "plain.json"]).expect(0).says("made the key");
    world.fetch("/me", &[]).expect(0);
    fs::write(&file, "{\"hallpass_sessions\": 2}").unwrap();
    world.run(&["sessions", "import", "plain.json"]).expect_kind(7, "version_unknown");
    fs::write(&file, "planted-secret").unwrap();
    let refused = world.run(&["sessions", "import", "plain.json"]).expect_kind(7, "damaged");
    assert!(!refused.err.contains("planted"), "{refused:?}");
}
