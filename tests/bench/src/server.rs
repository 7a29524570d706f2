//! Who answers? The testbed, in a process of its own on a core of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use hallpass_testbed::{Config, Testbed};

use crate::cores::{Side, pin};
use hallpass_bench::figure::Failure;

/// The other process; it ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts this program again, as a server.
    pub(crate) fn start() -> Result<Self, Failure> {
        let mut child =
            Command::new(std::env::current_exe()?).arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut url)?;
        }
        let url = url.trim().to_owned();
        if url.is_empty() {
            return Err("the server did not start".into());
        }
        Ok(Self { child, url })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its standard input closes, and it ends.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Serves until standard input closes.
pub(crate) fn serve() -> Result<(), Failure> {
    pin(Side::Server);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let testbed = Testbed::start(Config::default()).await?;
        println!("{}", testbed.url());
        std::io::stdout().flush()?;
        let closed = tokio::task::spawn_blocking(|| {
            let mut sink = [0; 64];
            while matches!(std::io::stdin().read(&mut sink), Ok(1..)) {}
        });
        closed.await?;
        testbed.stop().await;
        Ok(())
    })
}
