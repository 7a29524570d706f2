//! Are sessions taken over that a Python program saved in Redis, plain and as Fernet tokens, without touching them?
//!
//! Needs redis-server and a Python with `cryptography`: `cargo xtask test --only stores`.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hallpass_testbed::Bundle;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::{Ran, World, write};

/// A Redis of this test's own, on a port of loopback that nobody else has. Dropped, it is killed.
struct Redis {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Redis {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut server = Command::new("redis-server");
        server.args(["--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD, "--port", &port.to_string()]);
        let child = server.arg("--dir").arg(folder.path()).stdout(Stdio::null()).spawn().expect(MISSING);
        let redis = Self { child, port, _folder: folder };
        let until = Instant::now() + Duration::from_secs(30);
        while redis.cli(&["PING"]) != "PONG" {
            assert!(Instant::now() < until, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        redis
    }

    fn url(&self) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{}/0", self.port)
    }

    fn cli(&self, words: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        cli.args(["-p", &self.port.to_string(), "--no-auth-warning", "-a", PASSWORD]).args(words);
        String::from_utf8_lossy(&cli.output().expect(MISSING).stdout).trim().to_owned()
    }

    /// Everything in it, and when each key ends.
    fn content(&self) -> String {
        let mut keys: Vec<_> = self.cli(&["KEYS", "*"]).lines().map(str::to_owned).collect();
        keys.sort();
        let told = |key: &String| format!("{key}: {} {}\n", self.cli(&["DUMP", key]), self.cli(&["PEXPIRETIME", key]));
        keys.iter().map(told).collect()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A platform that takes bundles, bundles of three accounts, and a Redis.
fn world() -> (World, Vec<Bundle>, Redis) {
    let world = World::new();
    let bundle = |account| world.testbed.issue_bundle(account, "Mozilla/5.0 (test)").unwrap();
    let bundles = ["alice", "bob", "carol"].map(bundle).to_vec();
    let text = include_str!("../../../../examples/platforms/testbed-bundle.toml");
    world.write_platform("bundle", &text.replace("http://127.0.0.1:8080", &world.testbed.url()));
    (world, bundles, Redis::start())
}

fn as_python_has_it(bundle: &Bundle) -> Value {
    json!({
        "cookie": bundle.cookie, "user_agent": bundle.user_agent, "x-bc": bundle.x_bc, "created_at": "2025-10-18T10:00:00",
    })
}

/// The values as `cryptography` seals them, with a new key: the key, and the tokens.
fn sealed_by_python(values: &[Value]) -> (String, Vec<String>) {
    let python = std::env::var_os("HALLPASS_CRYPTOGRAPHY").expect(MISSING);
    let program = "import json, sys\n\
                   from cryptography.fernet import Fernet\n\
                   key = Fernet.generate_key()\n\
                   seal = lambda value: Fernet(key).encrypt(json.dumps(value).encode()).decode()\n\
                   print(json.dumps([key.decode(), [seal(value) for value in json.loads(sys.argv[1])]]))\n";
    let mut python = Command::new(Path::new(&python));
    let output = python.args(["-c", program, &Value::from(values).to_string()]).output().expect(MISSING);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[track_caller]
fn run(world: &World, redis: &Redis, words: &[&str], secrets: &[String]) -> Ran {
    let start = ["import", "redis", "--platform", "bundle"];
    let mut command = world.command(&[&start[..], words].concat());
    let ran = world.check(&command.env("REDIS_URL", redis.url()).output().unwrap());
    for secret in secrets.iter().map(String::as_str).chain([PASSWORD]) {
        assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "a secret is shown: {ran:?}");
    }
    ran
}

#[test]
#[ignore = "needs redis-server and cryptography: cargo xtask test --only stores"]
fn what_python_saved_is_taken_over_and_stays_as_it_was() {
    let (world, bundles, redis) = world();
    let values: Vec<_> = bundles.iter().map(as_python_has_it).collect();
    let (first, sealed) = sealed_by_python(&values[1..2]);
    let (second, more) = sealed_by_python(&values[2..3]);
    let (_, unknown) = sealed_by_python(&values[..1]);
    for (key, value) in [
        ("session:alice", values[0].to_string()),
        ("session:bob", sealed[0].clone()),
        // A client without decode_responses that writes a text as JSON once more.
        ("session:carol", Value::from(more[0].as_str()).to_string()),
        ("session:dave", unknown[0].clone()),
        ("session:erin", json!({ "user_agent": "only" }).to_string()),
        ("cache:alice", "no session".to_owned()),
    ] {
        redis.cli(&["SETEX", key, "86400", &value]);
    }
    redis.cli(&["RPUSH", "session:list", "a"]);
    let file = world.folder().join("fernet.keys");
    write(&file, format!("{second}\n"));
    let mut secrets = vec![first.clone(), second.clone()];
    secrets.extend(bundles.iter().map(|bundle| bundle.x_bc.clone()));
    secrets.extend(bundles.iter().map(|bundle| bundle.cookie.split(['=', ';']).nth(1).unwrap().to_owned()));
    let before = redis.content();
    let requests = world.testbed.stats().requests.total;

    let keys = ["--fernet-key", &first, "--fernet-key-file", "fernet.keys"];
    let dry = run(&world, &redis, &keys, &secrets).expect(2).says("--write");
    assert!(dry.out.contains("session:bob -> bob (Fernet, key 1): would sign in with"), "{dry:?}");
    let told = run(&world, &redis, &[&keys[..], &["--json"]].concat(), &secrets).expect(2).json();
    let row = |told: &Value, key: &str| {
        told["keys"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["key"] == key)
            .unwrap_or_else(|| panic!("{key}: {told}"))
            .clone()
    };
    assert_eq!(told["keys"].as_array().unwrap().len(), 6, "{told}");
    assert_eq!((&row(&told, "session:alice")["outcome"], &told["written"]), (&"ready".into(), &false.into()));
    assert_eq!(row(&told, "session:carol")["fernet_key"], 2, "{told}");
    for (key, words) in
        [("session:dave", "none of the 2 keys"), ("session:erin", "the header `x-bc`"), ("session:list", "no text")]
    {
        let detail = row(&told, key)["error"]["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(words), "{key}: {detail}");
    }
    assert_eq!(world.testbed.stats().requests.total, requests, "a dry run sends nothing");
    assert!(!world.store().join("x").exists() && world.run(&["sessions"]).expect(0).out.is_empty());

    let wrote = run(&world, &redis, &[&keys[..], &["--write", "--json"]].concat(), &secrets).expect(2).json();
    for account in ["alice", "bob", "carol"] {
        assert_eq!(row(&wrote, &format!("session:{account}"))["account_id"], format!("acct-{account}"), "{wrote}");
        world.run(&["check", "bundle", account]).expect(0);
    }
    let again = run(&world, &redis, &[&keys[..], &["--write", "--json"]].concat(), &secrets).expect(2).json();
    assert_eq!(row(&again, "session:bob")["outcome"], "kept", "{again}");
    let replaced = run(&world, &redis, &[&keys[..], &["--write", "--replace", "--json"]].concat(), &secrets).json();
    assert_eq!(row(&replaced, "session:bob")["outcome"], "signed_in", "{replaced}");
    assert_eq!(redis.content(), before, "Redis is only read");
}

#[test]
#[ignore = "needs redis-server and cryptography: cargo xtask test --only stores"]
fn which_account_a_key_is_of_can_be_said_and_is_never_guessed() {
    let (world, bundles, redis) = world();
    let value = as_python_has_it(&bundles[0]).to_string();
    // More than one page of a scan.
    let fill = "for number = 0, 1499 do redis.call('SET', 'app:' .. number .. ':session', ARGV[1]) end";
    redis.cli(&["EVAL", fill, "0", &value]);
    let words = ["--pattern", "app:*:session", "--account-from", "^app:(.*):session$", "--json"];
    let told = run(&world, &redis, &words, &[]).expect(0).json();
    let accounts: std::collections::BTreeSet<_> =
        told["keys"].as_array().unwrap().iter().map(|row| row["account"].as_str().unwrap().to_owned()).collect();
    assert_eq!(accounts.len(), 1500, "every key is found, over many pages");
    assert!(accounts.contains("0") && accounts.contains("1499"));
    let twice = ["--pattern", "app:1*:session", "--account-from", "^app:(1).*$"];
    run(&world, &redis, &twice, &[]).expect(2);
    let twice = run(&world, &redis, &twice, &[]);
    assert!(twice.out.contains("is the account of app:1000:session too"), "{}", twice.out.lines().next().unwrap());
    run(&world, &redis, &["--pattern", "app:?:session"], &[]).expect_kind(2, "config_invalid").says("--account-from");
    run(&world, &redis, &["--account-from", "app"], &[]).expect_kind(2, "config_invalid").says("one group");
    run(&world, &redis, &["--fernet-key", "short"], &[]).expect_kind(2, "credentials_invalid").says("Fernet key 1");
    let wrong =
        ["--url", "redis://:wrong-password@127.0.0.1:PORT/0"].map(|word| word.replace("PORT", &redis.port.to_string()));
    let wrong = run(&world, &redis, &wrong.each_ref().map(String::as_str), &["wrong-password".to_owned()]);
    wrong.expect_kind(7, "store_unavailable").says("Redis");
    drop(redis);
    let gone = ["import", "redis", "--platform", "bundle", "--url", "redis://127.0.0.1:1/0"];
    world.run(&gone).expect_kind(7, "store_unavailable");
    world.run(&["import", "redis", "--platform", "bundle", "--url", "http://x"]).expect_kind(2, "config_invalid");
    assert!(fs::read_dir(world.store()).is_err(), "nothing is saved");
}

const PASSWORD: &str = "redis-password";
const MISSING: &str = "redis-server and a Python with cryptography are there: cargo xtask test --only stores";
