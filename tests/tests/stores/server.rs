//! A Redis of a test's own: on a socket or port that nobody else has, in a folder that goes with it.
//!
//! Waiting for a server to listen, or for another to take over, is asking it again until a deadline.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hallpass::store::{RedisSettings, RedisStore};
use hallpass_conformance::laws::{ManualClock, Subject};
use hallpass_core::time::Wall;
use tempfile::TempDir;

/// A running server. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    folder: TempDir,
    port: u16,
    options: Vec<String>,
}

impl Server {
    /// A server on a socket only.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::launch(0, options)
    }

    /// A server on a port of its own, and on a socket.
    pub(crate) fn on_port(options: &[&str]) -> Self {
        Self::launch(free_port(), options)
    }

    /// A server with this port; 0 for a socket only.
    pub(crate) fn launch(port: u16, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options: Vec<_> = options.iter().map(|option| (*option).to_owned()).collect();
        let child = spawn(folder.path(), port, &options);
        let server = Self { child, folder, port, options };
        server.wait();
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub(crate) fn settings(&self) -> RedisSettings {
        RedisSettings::unix(self.socket())
    }

    /// Asks the server something with its own tool.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        cli(&["-s", self.socket().to_str().expect("a path is text")], arguments)
    }

    /// Ends it without a word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is ours to end");
        self.child.wait().expect("it ends");
    }

    /// Starts it anew over the same folder.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.folder.path(), self.port, &self.options);
        self.wait();
    }

    /// Starts it anew over the same folder, without waiting until it serves.
    pub(crate) fn restart_with(&mut self, options: &[&str]) {
        let options: Vec<_> =
            self.options.iter().cloned().chain(options.iter().map(|option| (*option).to_owned())).collect();
        self.child = spawn(self.folder.path(), self.port, &options);
    }

    /// A sentinel on a port of its own that watches `main`, together with one other at least.
    pub(crate) fn sentinel(master: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let config = [
            format!("port {port}"),
            "bind 127.0.0.1".to_owned(),
            format!("unixsocket {}", path("socket")),
            format!("dir {}", path("")),
            format!("logfile {}", path("log")),
            format!("sentinel monitor main 127.0.0.1 {master} 2"),
            "sentinel down-after-milliseconds main 500".to_owned(),
            "sentinel failover-timeout main 3000".to_owned(),
        ];
        std::fs::write(folder.path().join("sentinel.conf"), config.join("\n")).expect("it is written");
        let mut command = Command::new("redis-server");
        command.arg(folder.path().join("sentinel.conf")).arg("--sentinel");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect(MISSING);
        let server = Self { child, folder, port, options: Vec::new() };
        server.wait();
        server
    }

    /// Stops it in its tracks, or lets it go on.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill is there").success());
    }

    fn wait(&self) {
        until("the server answers", || {
            matches!(self.cli(&["PING"]).as_str(), "PONG" | "NOAUTH Authentication required.")
        });
    }

    /// An empty store under a prefix of its own.
    pub(crate) fn subject(&self, name: &str) -> Subject {
        let prefix = format!("{name}:");
        let store = RedisStore::new(self.settings().prefix(&prefix)).expect("the settings are good");
        let socket = self.socket();
        let at = vec!["-s".to_owned(), socket.to_str().expect("a path is text").to_owned()];
        Subject { store: std::sync::Arc::new(store), clock: clock(vec![at], prefix) }
    }
}

/// The clock of servers that cannot be moved: instead every end that they keep comes nearer.
pub(crate) fn clock(servers: Vec<Vec<String>>, prefix: String) -> ManualClock {
    let advance = move |by: Duration| {
        for at in &servers {
            let at: Vec<_> = at.iter().map(String::as_str).collect();
            let by = by.as_millis().to_string();
            let done = cli(&at, &["EVAL", SHIFT, "0", &prefix, &by]);
            assert!(done.parse::<u64>().is_ok(), "ends are shifted: {done}");
        }
    };
    ManualClock::of_backend(now, advance, Duration::from_secs(10))
}

pub(crate) fn now() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    Wall::from_millis(i64::try_from(since.as_millis()).expect("it is before the end of time"))
}

/// Asks again until it is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn cli(at: &[&str], arguments: &[&str]) -> String {
    let output = Command::new("redis-cli").args(at).args(arguments).stderr(Stdio::null()).output().expect(MISSING);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A port that nobody listened on a moment ago, with room for a cluster's second one above it.
pub(crate) fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        if port < 55_000 {
            return port;
        }
    }
}

fn spawn(folder: &Path, port: u16, options: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--unixsocket"])
        .arg(folder.join("socket"))
        .arg("--dir")
        .arg(folder)
        .arg("--logfile")
        .arg(folder.join("log"))
        .args(["--save", "", "--enable-debug-command", "yes"])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect(MISSING)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking()
            && let Ok(log) = std::fs::read_to_string(self.folder.path().join("log"))
        {
            let lines: Vec<_> = log.lines().collect();
            eprintln!("the end of a Redis's log:\n{}", lines[lines.len().saturating_sub(10)..].join("\n"));
        }
    }
}

const MISSING: &str = "redis-server and redis-cli are needed: `cargo xtask test --only stores` installs them, or `apt-get install redis-server`";
const PATIENCE: Duration = Duration::from_secs(30);
const SHIFT: &str = include_str!("shift.lua");
