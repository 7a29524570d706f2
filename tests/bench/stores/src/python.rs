//! How fast is the pair that a Python program would use, redis-py with hiredis and cryptography's Fernet?

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use hallpass_bench::figure::Failure;

/// Rates of loads and saves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) load: f64,
    pub(crate) save: f64,
}

impl Pair {
    /// The better of two, for loads and saves apart.
    pub(crate) fn or_better(self, other: Self) -> Self {
        Self { load: self.load.max(other.load), save: self.save.max(other.save) }
    }
}

/// Installs the pair where that was not done for these versions; its interpreter.
pub(crate) fn install() -> Result<PathBuf, Failure> {
    let wanted = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/requirements.txt"));
    let environment = target().join("bench/python");
    let (python, installed) = (environment.join("bin/python"), environment.join("installed.txt"));
    if std::fs::read(&installed).ok() == Some(std::fs::read(&wanted)?) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(Command::new(&python).args(pip).arg(&wanted))?;
    // Written last, so an interrupted installation does not have it.
    std::fs::copy(&wanted, &installed)?;
    Ok(python)
}

/// Measures the pair with a payload of `size` bytes, by so many tasks.
pub(crate) fn measure(python: &Path, port: u16, size: usize, tasks: usize, length: Duration) -> Result<Pair, Failure> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/pair.py");
    let seconds = length.as_secs_f64().to_string();
    let output = Command::new(python)
        .arg(script)
        .args([port.to_string(), size.to_string(), tasks.to_string(), seconds])
        .stderr(Stdio::inherit())
        .output()?;
    let told: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let rate = |name: &str| told[name].as_f64().ok_or_else(|| format!("pair.py tells no rate of {name}"));
    Ok(Pair { load: rate("load")?, save: rate("save")? })
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../target")), PathBuf::from)
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.stdout(Stdio::inherit()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{} failed ({status})", command.get_program().display()).into()) }
}
