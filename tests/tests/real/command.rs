//! How is the built `hallpass` command run, with folders of its own?

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// The command, and the folders in which it finds its platforms, keys and sessions.
pub(crate) struct Command {
    home: TempDir,
}

/// What a run of the command left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Command {
    /// Knows this platform by this name.
    pub(crate) fn knowing(name: &str, platform: &str) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let platforms = home.path().join("config/hallpass/platforms");
        fs::create_dir_all(&platforms).expect("a folder");
        fs::write(platforms.join(format!("{name}.toml")), platform).expect("the platform is written");
        Self { home }
    }

    /// Runs it to its end with nobody at the keyboard.
    pub(crate) async fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
        let run = tokio::process::Command::new(program())
            .args(arguments)
            .env("XDG_CONFIG_HOME", self.home.path().join("config"))
            .env("XDG_DATA_HOME", self.home.path().join("data"))
            .env_remove("HALLPASS_STORE")
            .env_remove("HALLPASS_KEY")
            .envs(environment.iter().copied())
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output();
        let ran = run.await.expect("`hallpass` was built: cargo xtask test --only real");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Ran { code: ran.status.code().expect("it ends by itself"), out: text(ran.stdout), err: text(ran.stderr) }
    }
}

/// A port of loopback that nobody listens on, for a server that cannot choose one itself. It is none of those that connections are
/// given, so it stays free until the server has it.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut tried = (0..PORTS).map(|_| (std::process::id() % 1_000) * 10 + NEXT.fetch_add(1, Ordering::Relaxed));
    let port = tried.find_map(|number| {
        let port = 20_000 + u16::try_from(number % PORTS).ok()?;
        TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(port)
    });
    port.expect("a port is free")
}

/// Where xtask said it is, or beside the tests.
fn program() -> PathBuf {
    let beside = || {
        let tests = std::env::current_exe().expect("tests are a program");
        tests.ancestors().nth(2).expect("in target/debug/deps").to_owned()
    };
    std::env::var_os("HALLPASS_BIN_DIR").map_or_else(beside, PathBuf::from).join("hallpass")
}

const PORTS: u32 = 10_000;
