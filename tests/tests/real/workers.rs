//! How are the processes started that share one session, and how are they listened to, stopped and killed?
//!
//! They are `session-worker` and its twin `tests/real/worker.mjs`. **Invariant:** they end with their team, whatever becomes of the test.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

/// What a worker is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    Node,
}

/// What is heard of a worker.
#[derive(Debug)]
pub(crate) enum Heard {
    /// It has the session.
    Ready,
    /// Its session has ended at this generation, 0 where it could not even take it up, and why.
    Lost(u64, String),
    /// So many calls were served, and so many refused in the end or failed for a reason that may pass; it is about to leave.
    End(u64, u64),
    /// It is gone, and this is how.
    Gone(std::process::ExitStatus),
}

/// A running worker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Worker {
    pub(crate) language: Language,
    pub(crate) pid: u32,
}

/// All that run, by the numbers of their processes.
pub(crate) struct Team {
    pub(crate) running: Vec<Worker>,
    listeners: JoinSet<()>,
    hears: UnboundedReceiver<(u32, Heard)>,
    tells: UnboundedSender<(u32, Heard)>,
}

impl Team {
    pub(crate) fn new() -> Self {
        let (tells, hears) = unbounded_channel();
        Self { running: Vec::new(), listeners: JoinSet::new(), hears, tells }
    }

    /// Starts one more with its task.
    pub(crate) async fn start(&mut self, language: Language, task: &Value) {
        let mut process = command(language)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("the worker starts");
        let pid = process.id().expect("it runs");
        let mut input = process.stdin.take().expect("its input is piped");
        input.write_all(format!("{task}\n").as_bytes()).await.expect("it takes its task");
        drop(input);
        self.running.push(Worker { language, pid });
        self.listeners.spawn(listen(process, pid, self.tells.clone()));
    }

    /// What is heard next, and of which process.
    pub(crate) async fn hear(&mut self) -> (u32, Heard) {
        let (pid, heard) = self.hears.recv().await.expect("the team itself holds a sender");
        if let Heard::Gone(_) = heard {
            self.running.retain(|worker| worker.pid != pid);
        }
        (pid, heard)
    }
}

async fn listen(mut process: Child, pid: u32, tells: UnboundedSender<(u32, Heard)>) {
    let output = process.stdout.take().expect("its output is piped");
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await.expect("its output is text") {
        // What was cut off by a kill was not told.
        let Ok(told) = serde_json::from_str::<Value>(&line) else { continue };
        let number = |name: &str| told[name].as_u64().expect("a number");
        let heard = match told["at"].as_str() {
            Some("ready") => Heard::Ready,
            Some("lost") => Heard::Lost(number("generation"), told["kind"].as_str().expect("text").to_owned()),
            Some("end") => Heard::End(number("served"), number("troubled")),
            _ => panic!("a worker told {told}"),
        };
        drop(tells.send((pid, heard)));
    }
    let status = process.wait().await.expect("it is ours to wait for");
    drop(tells.send((pid, Heard::Gone(status))));
}

fn command(language: Language) -> Command {
    match language {
        Language::Rust => Command::new(env!("CARGO_BIN_EXE_session-worker")),
        Language::Node => {
            let node = std::env::var_os("HALLPASS_NODE").unwrap_or_else(|| OsString::from("node"));
            let mut command = Command::new(node);
            command.arg("worker.mjs").current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("real"));
            command
        }
    }
}

/// Sends a signal (`-STOP`, `-CONT`, `-KILL`) to processes, as nearly at once as can be.
pub(crate) fn signal(signal: &str, pids: &[u32]) {
    let pids = pids.iter().map(u32::to_string);
    // One of them may have left just now.
    let _ = std::process::Command::new("kill")
        .arg(signal)
        .args(pids)
        .stderr(Stdio::null())
        .status()
        .expect("kill is there");
}
