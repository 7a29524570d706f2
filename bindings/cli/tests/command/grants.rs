//! Does `hallpass login` bring people to where they sign in, and back?

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};

use crate::world::World;

const DEVICE: &str = include_str!("../../../../examples/platforms/testbed-device.toml");
const CODE: &str = include_str!("../../../../examples/platforms/testbed-code.toml");
const OAUTH: &str = include_str!("../../../../examples/platforms/testbed-oauth.toml");
const CLIENT: &str = include_str!("../../../../examples/platforms/testbed-client.toml");

fn world() -> World {
    let world = World::new();
    for (name, text) in [("device", DEVICE), ("code", CODE), ("client", CLIENT)] {
        world.write_platform(name, &text.replace("http://127.0.0.1:8080", &world.testbed.url()));
    }
    world
}

/// What a browser gets: the status, the `Location`, the page.
fn browse(method: &str, address: &str, body: &str) -> (u16, String, String) {
    let (authority, target) =
        address.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an address");
    let mut stream = TcpStream::connect(authority).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} /{target} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let location = answer
        .lines()
        .find_map(|line| line.to_ascii_lowercase().starts_with("location: ").then(|| line[10..].to_owned()));
    (status, location.unwrap_or_default(), answer)
}

/// Reads what is said until a line in which something is found.
fn said<T>(lines: &mut BufReader<ChildStderr>, find: impl Fn(&str) -> Option<T>) -> T {
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        if let Some(found) = find(line.trim_end()) {
            return found;
        }
        line.clear();
    }
    panic!("it was never said");
}

fn begin(world: &World, platform: &str) -> (Child, BufReader<ChildStderr>) {
    let mut command = world.command(&["login", platform, "alice"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap());
    (child, lines)
}

#[test]
fn a_browser_that_comes_back_to_loopback_signs_the_account_in() {
    let world = world();
    let (child, mut lines) = begin(&world, "code");
    let url = said(&mut lines, |line| line.starts_with("http://").then(|| line.to_owned()));
    let (status, back, _) = browse("GET", &url, "");
    assert_eq!(status, 302);
    let forged = back.replace("state=", "state=x");
    assert_eq!(browse("GET", &forged, "").0, 404, "another sign-in's answer is not taken");
    let (status, _, page) = browse("GET", &back, "");
    assert!(status == 200 && page.contains("can be closed"), "{page}");
    let code = back.split(['=', '&']).nth(1).unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!rest.contains(code), "{rest}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "signed in to testbed-code as alice (acct-alice)\n", "{rest}");
    world.testbed.expire("alice");
    world.run(&["fetch", "code", "alice", "/api/items/1"]).expect(0);
}

#[test]
fn a_sign_in_that_the_issuer_denies_is_told_in_the_browser_and_in_the_terminal() {
    let world = world();
    let (child, mut lines) = begin(&world, "code");
    let url = said(&mut lines, |line| line.starts_with("http://").then(|| line.to_owned()));
    let (_, back, _) = browse("GET", &url.replace("login_hint=alice", "login_hint=nobody"), "");
    assert!(browse("GET", &back, "").2.contains("was not granted"));
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("(`access_denied`) (credentials_refused)"), "{rest}");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(3));
    assert_eq!(world.testbed.stats().token_requests.total, 0);
}

#[test]
fn a_device_code_is_shown_and_the_account_signed_in_once_the_person_agrees() {
    let world = world();
    let (child, mut lines) = begin(&world, "device");
    let (page, code) = said(&mut lines, |line| {
        let rest = line.strip_prefix("hallpass: open ")?;
        rest.split_once(" on any device and enter the code ").map(|(page, code)| (page.to_owned(), code.to_owned()))
    });
    let form = format!("user_code={code}&username=alice&password=alice-password");
    assert_eq!(browse("POST", &page, &form).0, 200);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "signed in to testbed-device as alice (acct-alice)\n",
        "{rest}"
    );
    world.run(&["fetch", "device", "alice", "/api/items/1"]).expect(0);
}

#[test]
fn a_client_with_its_secret_signs_in_without_anybody() {
    let world = world();
    let mut command = world.command(&["login", "client", "batch"]);
    let output = command.env("HALLPASS_FIELD_CLIENT_SECRET", "testbed-secret").output().unwrap();
    let ran = world.check(&output).expect(0);
    assert_eq!(ran.out, "signed in to testbed-client as batch (acct-testbed)\n");
    assert_eq!(world.run(&["sessions", "--json"]).expect(0).json()["sessions"][0]["renews"], true);
    world.testbed.expire("testbed");
    world.run(&["fetch", "client", "batch", "/api/items/1"]).expect(0);
    assert_eq!(world.testbed.stats().token_requests.total, 2);
}

#[test]
fn logging_out_revokes_the_tokens_where_the_issuer_says_though_another_process_signed_in() {
    let world = world();
    let issuer = format!("{OAUTH}\n[oauth]\nissuer = \"http://127.0.0.1:8080/oauth\"\n");
    world.write_platform("issued", &issuer.replace("http://127.0.0.1:8080", &world.testbed.url()));
    let refresh = world.testbed.issue_refresh_token("alice").unwrap();
    let mut command = world.command(&["login", "issued", "alice"]);
    let output = command.env("HALLPASS_FIELD_REFRESH_TOKEN", refresh).output().unwrap();
    world.check(&output).expect(0);
    let ran = world.run(&["logout", "issued", "alice"]).expect(0);
    assert!(ran.out.contains("revoked its tokens where its issuer says"), "{ran:?}");
    let revoked = world.testbed.stats().revocations;
    // The access token went with the grant of the refresh token.
    assert_eq!((revoked["refresh_token"], revoked["nothing"]), (1, 1), "{revoked:?}");
}
