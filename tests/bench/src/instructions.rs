//! How many instructions does a call take? Counted by callgrind, as the difference between many calls and fewer.
//!
//! The difference leaves out what happens once: starting, connecting, signing in. Client and server are one thread, so the order
//! of things, and with it the count, does not depend on the machine. What the server takes is in every contender's count alike.

use std::process::{Command, Stdio};

use hallpass::Client;

use crate::canned;
use crate::lines::{BareHyper, Contender, Hallpass, Legacy, Line as _, Lines, Reqwest};
use hallpass_bench::figure::Failure;

/// Instructions a call, the canned server's included.
pub(crate) fn count(contender: Contender) -> Result<f64, Failure> {
    let few = total(contender, FEW)?;
    let many = total(contender, MANY)?;
    Ok((many - few) as f64 / (MANY - FEW) as f64)
}

/// What is counted: so many calls, one after the other.
pub(crate) fn probe(contender: Contender, calls: usize) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let url = canned::listen().await?;
        match contender {
            Contender::Hyper => run(&BareHyper::new(&url), calls).await,
            Contender::Legacy => run(&Legacy::new(&url), calls).await,
            Contender::Reqwest => run(&Reqwest::new(&url)?, calls).await,
            Contender::Hallpass => {
                let client = Client::builder().build()?;
                run(&Hallpass::sign_in(&client, &url).await?, calls).await
            }
        }
    })
}

async fn run<L: Lines>(lines: &L, calls: usize) -> Result<(), Failure> {
    let mut line = lines.line().await?;
    // In a task, as in the race.
    let task = tokio::spawn(async move {
        for _ in 0..calls {
            line.call().await?;
        }
        Ok::<(), Failure>(())
    });
    task.await?
}

fn total(contender: Contender, calls: usize) -> Result<u64, Failure> {
    let folder = tempfile::tempdir()?;
    let report = folder.path().join("callgrind.out");
    let mut out = std::ffi::OsString::from("--callgrind-out-file=");
    out.push(&report);
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(out)
        .arg(std::env::current_exe()?)
        .args(["probe", contender.word(), &calls.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("cannot run valgrind ({error}); on Debian: apt-get install valgrind"))?;
    if !run.status.success() {
        return Err(format!("valgrind failed ({}): {}", run.status, String::from_utf8_lossy(&run.stderr)).into());
    }
    let report = std::fs::read_to_string(report)?;
    let counted = report.lines().find_map(|line| line.strip_prefix("summary: ").or(line.strip_prefix("totals: ")));
    let counted = counted.ok_or("callgrind's report has no summary")?;
    Ok(counted.trim().parse()?)
}

const FEW: usize = 500;
const MANY: usize = 1500;
