//! What goes in and out: bodies from everywhere, byte for byte, and readers that leave.

use std::fs::{self, File};
use std::io::Read;
use std::process::Stdio;

use crate::world::{World, write};

#[test]
fn a_form_body_is_what_curl_would_send() {
    let world = World::signed_in();
    let sent = world.fetch("/api/echo", &["-d", "a=1", "-d", "b=2"]).expect(0).json();
    assert_eq!(sent["method"], "POST");
    assert_eq!(sent["content_type"], "application/x-www-form-urlencoded");
    assert_eq!(sent["text"], "a=1&b=2");
    let file = world.folder().join("body");
    write(&file, "one\r\ntwo\n");
    assert_eq!(world.fetch("/api/echo", &["-d", "@body"]).expect(0).json()["text"], "onetwo");
    assert_eq!(world.fetch("/api/echo", &["--data-binary", "@body"]).expect(0).json()["text"], "one\r\ntwo\n");
    let put = world.fetch("/api/echo", &["-X", "PUT", "-d", "x", "-H", "Content-Type: text/csv"]).expect(0).json();
    assert_eq!((&put["method"], &put["content_type"]), (&"PUT".into(), &"text/csv".into()));
}

#[test]
fn a_json_body_comes_with_its_headers() {
    let world = World::signed_in();
    let sent = world.fetch("/api/echo", &["--json", "{\"a\": 1}"]).expect(0).json();
    assert_eq!((&sent["content_type"], &sent["text"]), (&"application/json".into(), &"{\"a\": 1}".into()));
    let head = world.fetch("/head", &["--json", "{}", "-H", "X-Empty;"]).expect(0).json();
    let headers = head["headers"].to_string();
    assert!(headers.contains("application/json") && headers.contains("x-empty"), "{headers}");
}

#[test]
fn a_body_from_standard_input_arrives_byte_for_byte() {
    let world = World::signed_in();
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let ran =
        world.run_with_input(&["fetch", "example", "alice", "/api/echo", "--data-binary", "@-"], &bytes).expect(0);
    assert_eq!(ran.json()["length"], 100_000);
}

#[test]
fn a_body_is_written_byte_for_byte_to_a_pipe_or_a_file() {
    let world = World::signed_in();
    let output = world.command(&["fetch", "example", "alice", "/api/bytes/300000"]).output().unwrap();
    assert_eq!((output.stdout, output.stderr), (vec![0; 300_000], Vec::new()));
    let ran = world.fetch("/api/bytes/300000", &["-o", "out"]).expect(0);
    assert_eq!(ran.out, "");
    assert_eq!(fs::read(world.folder().join("out")).unwrap(), vec![0; 300_000]);
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let world = World::signed_in();
    let mut command = world.command(&["fetch", "example", "alice", "/api/bytes/50000000"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut some = [1; 10];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let ran = world.check(&child.wait_with_output().unwrap()).expect(0);
    assert_eq!((some, ran.err.as_str()), ([0; 10], ""));
}

#[test]
fn an_output_that_cannot_be_written_is_1_and_the_session_is_saved_all_the_same() {
    let world = World::signed_in();
    world.testbed.expire("alice");
    let mut command = world.command(&["fetch", "example", "alice", "/me"]);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let ran = world.check(&command.stdout(full).output().unwrap());
    ran.expect(1).says("writing standard output");
    world.fetch("/me", &["-o", "no/such/folder"]).expect(1).says("no/such/folder");
    assert_eq!(world.run(&["sessions", "--json"]).json()["sessions"][0]["generation"], 2);
}

#[test]
fn an_interrupted_fetch_saves_its_session_and_is_130() {
    let world = World::signed_in();
    world.testbed.expire("alice");
    let mut command = world.command(&["fetch", "example", "alice", "/api/slow?chunk_ms=60000"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let interrupt = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(interrupt, rustix::process::Signal::INT).unwrap();
    world.check(&child.wait_with_output().unwrap()).expect(130);
    assert_eq!(world.run(&["sessions", "--json"]).json()["sessions"][0]["generation"], 2);
    world.fetch("/me", &[]).expect(0);
}

#[test]
fn a_verbose_fetch_tells_requests_and_answers_without_their_secrets() {
    let world = World::signed_in();
    world.testbed.expire("alice");
    let ran = world
        .fetch("/cookies/set?planted=hunter2", &["-v", "-H", "X-Api-Key: hunter3", "-H", "X-Mine: shown"])
        .expect(0);
    for line in [
        &format!("> GET {}/cookies/set?planted=hunter2\n", world.testbed.url()),
        "> x-api-key: ***\n",
        "> x-mine: shown\n",
        "> authorization: Bearer ***\n",
        "< HTTP/1.1 200 OK\n",
        "< set-cookie: planted=***",
    ] {
        assert!(ran.err.contains(line), "{line}: {ran:#?}");
    }
    world.testbed.expire("alice");
    let renewed = world.fetch("/me", &["-v"]).expect(0);
    let token = format!("> POST {}/oauth/token\n", world.testbed.url());
    for line in ["< HTTP/1.1 401 Unauthorized\n", &token, "* renewed; now generation 2\n", "> cookie: planted=***"] {
        assert!(renewed.err.contains(line), "{line}: {renewed:#?}");
    }
    assert!(!renewed.err.contains("hunter2"), "{renewed:#?}");
    // What the person typed is theirs; what was answered and sent with it is not told.
    assert!(!ran.err.replace("?planted=hunter2", "").contains("hunter2") && !ran.err.contains("hunter3"), "{ran:#?}");
}

#[test]
fn the_head_is_written_before_the_body_where_that_is_asked_for() {
    let world = World::signed_in();
    let plain = world.fetch("/api/items/1", &[]).expect(0).out;
    let ran = world.fetch("/api/items/1", &["-i"]).expect(0);
    let (head, body) = ran.out.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("content-type: application/json"), "{head}");
    assert_eq!(body, plain);
    world.fetch("/nowhere", &["-i", "-o", "out"]).expect(4);
    assert!(fs::read_to_string(world.folder().join("out")).unwrap().starts_with("HTTP/1.1 404 Not Found\r\n"));
    let cookie = world.fetch("/cookies/set?planted=hunter2", &["-i"]).expect(0);
    assert!(cookie.out.contains("set-cookie: planted=***") && !cookie.out.contains("planted=hunter2"), "{cookie:?}");
}
