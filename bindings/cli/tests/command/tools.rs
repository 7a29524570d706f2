//! Platform files checked and written, completions, forced renewals, and files that appear whole.

use std::fs;

use crate::world::{World, write};

#[test]
fn a_platform_file_is_checked_with_line_key_nearest_key_and_its_meaning() {
    let world = World::new();
    let file = world.folder().join("p.toml");
    write(&file, "id = \"x\"\nbase_url = \"https://a.example\"\n[sign_in.bearer]\n[retry]\natempts = 3\n");
    let ran = world.run(&["platform", "check", "p.toml"]).expect_kind(2, "platform_invalid");
    ran.says("p.toml: line 5")
        .says("atempts")
        .says("`attempts`")
        .says("hint: `retry.attempts`: Attempts a call makes at most");
    write(&file, "id = \"x\"\nbase_url = \"https://a.example\"\n[sign_in.bearer]\n[timeouts]\ntotal = \"soon\"\n");
    let told = world.run(&["platform", "check", "p.toml", "--json"]).expect(2).json_error();
    assert_eq!(told["kind"], "platform_invalid", "{told}");
    assert!(told["hint"].as_str().unwrap().starts_with("`timeouts.total`"), "{told}");
    world.run(&["platform", "check", "nowhere.toml"]).expect_kind(2, "config_invalid");
}

#[test]
fn what_is_allowed_but_looks_like_a_mistake_is_remarked_and_is_0() {
    let world = World::new();
    let file = world.folder().join("p.toml");
    write(&file, "id = \"x\"\nbase_url = \"http://a.example\"\n[sign_in.bearer]\n[refused]\nstatus = [401, 429]\n");
    let ran = world.run(&["platform", "check", "./p.toml"]).expect(0);
    assert!(ran.out.contains("p.toml: line 5: `refused.status` lists 429"), "{ran:?}");
    assert!(ran.out.contains("line 2: `base_url` is `http://a.example`: without TLS"), "{ran:?}");
    let told = world.run(&["platform", "check", "./p.toml", "--json"]).expect(0).json();
    assert_eq!((&told["valid"], told["remarks"].as_array().unwrap().len()), (&true.into(), 3), "{told}");
    let fine = world.run(&["platform", "check", "example"]).expect(0);
    assert!(fine.out.ends_with("can be used: platform `testbed-json`\n"), "{fine:?}");
}

#[test]
fn a_platform_file_is_written_from_flags_checked_and_never_over_another() {
    let world = World::new();
    let url = world.testbed.url();
    let words = [
        "platform",
        "new",
        "--id",
        "mine",
        "--base-url",
        &url,
        "--sign-in",
        "json",
        "--login-path",
        "/json/login",
        "--identity-path",
        "/me",
        "--account-id",
        "/id",
    ];
    let ran = world.run(&words).expect(0).says("hallpass login mine ACCOUNT");
    let file = world.config().join("platforms/mine.toml");
    assert_eq!(ran.out, format!("wrote {}\n", file.display()));
    let text = fs::read_to_string(&file).unwrap();
    world.run(&["platform", "check", "mine"]).expect(0);
    world.run(&words).expect_kind(2, "config_invalid").says("--force");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    world.run(&[&words[..], &["--force", "--json"]].concat()).expect(0);
    let printed = world.run(&[&["platform", "new", "-"], &words[2..]].concat()).expect(0);
    assert_eq!(printed.out, text);
}

#[test]
fn a_platform_file_can_be_written_for_every_way_to_sign_in_that_needs_no_more() {
    let world = World::new();
    let issuer: &[&str] = &["--issuer", "https://login.example/tenant", "--client-id", "app"];
    let endpoints: &[&str] = &["--token-url", "/token", "--client-id", "app"];
    let device = [endpoints, &["--device-url", "/device"]].concat();
    let browser = [endpoints, &["--authorize-url", "/authorize"]].concat();
    for (recipe, more, expected) in [
        ("bundle", &[][..], "[sign_in.bundle]"),
        ("form", &["--login-path", "/login"], "[sign_in.form]\npath = \"/login\""),
        ("basic", &[], "[sign_in.basic]"),
        ("api-key", &["--key-header", "x-api-key"], "[sign_in.api_key]\nheader = \"x-api-key\""),
        ("api-key", &["--key-query", "key"], "[sign_in.api_key]\nquery = \"key\""),
        ("bearer", &[], "[sign_in.bearer]"),
        ("oauth2-refresh", &["--token-url", "/token"], "[renew]\ntoken_url = \"/token\""),
        ("client-credentials", endpoints, "client_auth = \"basic\""),
        ("device-code", &device, "device_url = \"/device\""),
        ("authorization-code", &browser, "authorize_url = \"/authorize\""),
        ("oauth2-refresh", issuer, "issuer = \"https://login.example/tenant\""),
        ("client-credentials", issuer, "[renew]\nclient_id = \"app\""),
        ("device-code", issuer, "[sign_in.device_code]\n"),
        ("authorization-code", issuer, "origins = [\"https://login.example\"]"),
    ] {
        let start =
            ["platform", "new", "made.toml", "--force", "--id", "x", "--base-url", "https://a.example", "--sign-in"];
        world.run(&[&start[..], &[recipe], more].concat()).expect(0);
        let text = fs::read_to_string(world.folder().join("made.toml")).unwrap();
        assert!(text.contains(expected), "{recipe}: {text}");
        world.run(&["platform", "check", "./made.toml"]).expect(0);
    }
    for (recipe, flag) in [
        ("api-key", "--key-header"),
        ("client-credentials", "--token-url"),
        ("device-code", "--token-url"),
        ("authorization-code", "--token-url"),
    ] {
        let words = ["platform", "new", "-", "--id", "x", "--base-url", "https://a.example", "--sign-in", recipe];
        world.run(&words).expect_kind(2, "config_invalid").says(flag);
    }
}

#[test]
fn a_platform_file_that_cannot_be_is_not_written() {
    let world = World::new();
    let start = ["platform", "new", "out.toml", "--id", "x", "--sign-in", "bearer"];
    let ran = world.run(&[&start[..], &["--base-url", "a.example"]].concat());
    ran.expect_kind(2, "platform_invalid").says("`base_url` has no scheme");
    world.run(&start).expect_kind(2, "config_invalid").says("--base-url");
    world.run(&[&start[..], &["--base-url", "https://a.example\"\n[x"]].concat()).expect(2);
    let ran = world.run(&["platform", "new", "--id", "../x", "--base-url", "https://a.example", "--sign-in", "bearer"]);
    ran.expect_kind(2, "config_invalid").says("no file name");
    assert!(!world.folder().join("out.toml").exists());
}

#[test]
fn completions_name_every_command() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = world.run(&["completions", shell]).expect(0).out;
        for command in ["login", "fetch", "refresh", "export", "platform", "completions"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    world.run(&["completions", "csh"]).expect(2);
}

#[test]
fn a_refresh_renews_whatever_the_tokens_age_and_saves() {
    let world = World::signed_in();
    let ran = world.run(&["refresh", "example", "alice"]).expect(0);
    assert!(ran.out.contains("now generation 2; its token ends in"), "{ran:?}");
    let told = world.run(&["refresh", "example", "alice", "--json"]).expect(0).json();
    assert_eq!(told["generation"], 3, "{told}");
    assert_eq!(world.testbed.stats().token_requests.total, 2);
    assert_eq!(world.run(&["sessions", "--json"]).json()["sessions"][0]["generation"], 3);
    world.fetch("/me", &[]).expect(0);
    world.testbed.revoke("alice");
    world.run(&["refresh", "example", "alice"]).expect(3).says("hallpass login example alice");
    world.run(&["refresh", "example", "bob"]).expect_kind(3, "no_session");
}

#[test]
fn an_output_file_appears_whole_or_not_at_all() {
    let world = World::signed_in();
    let out = world.folder().join("out");
    write(&out, "what was there");
    world
        .testbed
        .script(hallpass_testbed::Rule::on("/api/items/1", hallpass_testbed::Action::Truncate { keep: Some(5) }))
        .unwrap();
    world.fetch("/api/items/1", &["-o", "out"]).expect(6).says("(body_truncated)");
    assert_eq!(fs::read_to_string(&out).unwrap(), "what was there");
    let left = fs::read_dir(world.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().starts_with(".hallpass-")));
    world.fetch("/api/items/2", &["-o", "out"]).expect(0);
    assert!(fs::read_to_string(&out).unwrap().contains("\"number\""));
    // A link stays a link, a device a device.
    std::os::unix::fs::symlink("out", world.folder().join("link")).unwrap();
    world.fetch("/api/bytes/3", &["-o", "link"]).expect(0);
    assert!(fs::symlink_metadata(world.folder().join("link")).unwrap().is_symlink());
    assert_eq!(fs::read(&out).unwrap(), [0; 3]);
    world.fetch("/api/bytes/3", &["-o", "/dev/null"]).expect(0);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    assert_eq!(world.fetch("/api/items/2", &["-o", "-"]).expect(0).json()["number"], 2);
    let fresh = world.folder().join("fresh");
    world.fetch("/api/bytes/3", &["-o", "fresh"]).expect(0);
    assert_eq!(fs::read(fresh).unwrap(), [0; 3]);
}
