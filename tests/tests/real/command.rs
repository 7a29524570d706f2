//! How is the built `hallpass` command run, with folders of its own?

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

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

/// A port of loopback that nobody listens on, for a server that cannot choose one itself.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

/// Where xtask said it is, or beside the tests.
fn program() -> PathBuf {
    let beside = || {
        let tests = std::env::current_exe().expect("tests are a program");
        tests.ancestors().nth(2).expect("in target/debug/deps").to_owned()
    };
    std::env::var_os("HALLPASS_BIN_DIR").map_or_else(beside, PathBuf::from).join("hallpass")
}
