//! The binary, as Node's tests and benches use it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

#[test]
fn the_process_says_where_it_listens_and_ends_with_its_standard_input() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hallpass-testbed"))
        .args(["--seed", "7", "--token-lifetime-ms", "250", "--account", "zoe:secret", "--until-stdin-closes"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let host = line["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    let body = r#"{"username":"zoe","password":"secret"}"#;
    let mut stream = TcpStream::connect(&host).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST /json/login HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"expires_in_ms\":250"), "{answer}");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert!(TcpStream::connect(&host).is_err());
}
