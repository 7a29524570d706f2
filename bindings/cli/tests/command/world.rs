//! A platform, a user's folders, and the command between them.
//!
//! **Invariant:** whatever a test runs, no secret that was planted appears on either output.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use hallpass::store::RecordKey;
use hallpass_testbed::{Config, Testbed};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Everything that a test needs.
pub(crate) struct World {
    pub(crate) testbed: Testbed,
    pub(crate) runtime: Runtime,
    home: TempDir,
}

/// What a run of the command left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) const PASSWORD: &str = "alice-password";

impl World {
    /// A platform called `example` is known, nobody is signed in.
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let testbed = runtime.block_on(Testbed::start(config)).unwrap();
        let world = Self { testbed, runtime, home: tempfile::tempdir().unwrap() };
        world.write_platform("example", &json_platform(&world.testbed.url()));
        world
    }

    /// `alice` is signed in.
    pub(crate) fn signed_in() -> Self {
        let world = Self::new();
        world.login().expect(0);
        world
    }

    pub(crate) fn write_platform(&self, name: &str, text: &str) -> PathBuf {
        let path = self.config().join("platforms").join(format!("{name}.toml"));
        write(&path, text);
        path
    }

    pub(crate) fn folder(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder().join("config/hallpass")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.config().join("key")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder().join("data/hallpass/sessions")
    }

    /// The folder of an account's record.
    pub(crate) fn record(&self, account: &str) -> PathBuf {
        self.store().join(RecordKey::session("hallpass", "testbed-json", account).digest())
    }

    /// The file of an account's present version.
    pub(crate) fn record_file(&self, account: &str) -> PathBuf {
        let versions = fs::read_dir(self.record(account)).unwrap().map(|entry| entry.unwrap().path());
        let number = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().parse::<u64>().ok();
        versions.filter(|path| number(path).is_some()).max_by_key(|path| number(path)).expect("a record is saved")
    }

    pub(crate) fn command<S: AsRef<OsStr>>(&self, words: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hallpass"));
        command.args(words).stdin(Stdio::null()).current_dir(self.folder());
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("HALLPASS_")) {
                command.env_remove(name);
            }
        }
        command.env("HOME", self.folder());
        command.env("XDG_CONFIG_HOME", self.folder().join("config"));
        command.env("XDG_DATA_HOME", self.folder().join("data"));
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, words: &[S]) -> Ran {
        self.check(&self.command(words).output().unwrap())
    }

    pub(crate) fn run_with_input<S: AsRef<OsStr>>(&self, words: &[S], input: &[u8]) -> Ran {
        let mut command = self.command(words);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        self.check(&child.wait_with_output().unwrap())
    }

    pub(crate) fn login_command(&self, account: &str) -> Command {
        let mut command = self.command(&["login", "example", account]);
        command.env("HALLPASS_FIELD_USERNAME", account).env("HALLPASS_FIELD_PASSWORD", format!("{account}-password"));
        command
    }

    pub(crate) fn login(&self) -> Ran {
        self.check(&self.login_command("alice").output().unwrap())
    }

    pub(crate) fn fetch(&self, address: &str, more: &[&str]) -> Ran {
        self.run(&[&["fetch", "example", "alice", address], more].concat())
    }

    pub(crate) fn check(&self, output: &Output) -> Ran {
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        let mut secrets = vec![PASSWORD.to_owned()];
        if let Ok(key) = fs::read_to_string(self.key_file()) {
            secrets.extend(key.trim().split_once(':').map(|(_, secret)| secret.to_owned()));
        }
        for secret in secrets {
            assert!(!out.contains(&secret) && !err.contains(&secret), "a secret is shown: {out}{err}");
        }
        assert!(!err.contains("panicked"), "{err}");
        Ran { code: output.status.code().unwrap_or(-1), out, err }
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// The error of this kind is the last thing said.
    #[track_caller]
    pub(crate) fn expect_kind(self, code: i32, kind: &str) -> Self {
        assert!(self.err.contains(&format!("({kind})\n")), "{self:#?}");
        assert!(self.err.contains("hallpass: "), "{self:#?}");
        assert_eq!(self.out, "", "{self:#?}");
        self.expect(code)
    }

    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.err.contains(words), "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The error as `--errors json` writes it.
    #[track_caller]
    pub(crate) fn json_error(&self) -> Value {
        let line = self.err.lines().last().unwrap_or_else(|| panic!("no error: {self:#?}"));
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {self:#?}"))["error"].clone()
    }
}

/// The example platform with another base.
pub(crate) fn json_platform(url: &str) -> String {
    include_str!("../../../../examples/platforms/testbed-json.toml").replace("http://127.0.0.1:8080", url)
}

pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}
