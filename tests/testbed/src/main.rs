//! The testbed as a process: says where it listens in one line of JSON, and ends when it is told to.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use hallpass_testbed::{Clock, Config, Expiry, FaultRates, FaultScope, Registration, Rotation, Testbed, TokenFormat};

/// A platform to sign in to, on loopback.
///
/// Prints {"url":"http://127.0.0.1:PORT"} once it listens. Its endpoints are listed in tests/testbed/README.md.
#[derive(Parser)]
#[command(version, name = "hallpass-testbed")]
struct Arguments {
    /// Port on loopback; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Decides which requests seeded faults hit.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How long an access token lives, in milliseconds.
    #[arg(long, default_value_t = 3_600_000)]
    token_lifetime_ms: u64,
    /// How long a cookie session lives, in milliseconds.
    #[arg(long, default_value_t = 3_600_000)]
    session_lifetime_ms: u64,
    /// Whether requests prolong a cookie session.
    #[arg(long, value_enum, default_value_t = Expiry::Sliding)]
    session_expiry: Expiry,
    /// Whether a refresh token is replaced when it is used.
    #[arg(long, value_enum, default_value_t = Rotation::Always)]
    rotate: Rotation,
    /// What an access token looks like.
    #[arg(long, value_enum, default_value_t = TokenFormat::Opaque)]
    access_tokens: TokenFormat,
    /// How many requests meet a fault.
    #[arg(long, value_enum, default_value_t = Faults::None)]
    faults: Faults,
    /// Which requests seeded faults may hit.
    #[arg(long, value_enum, default_value_t = FaultScope::Resources)]
    fault_scope: FaultScope,
    /// Retry-After of seeded faults, in seconds.
    #[arg(long, default_value_t = 1)]
    retry_after: u64,
    /// An account as NAME:PASSWORD; given once or more it replaces alice, bob and carol.
    #[arg(long = "account", value_name = "NAME:PASSWORD", value_parser = account)]
    accounts: Vec<(String, String)>,
    /// Whether any name may sign in, with the password NAME-password.
    #[arg(long)]
    open_registration: bool,
    /// What lifetimes are judged by; a manual clock is moved by POST /control/advance?ms=N.
    #[arg(long, value_enum, default_value_t = Time::System)]
    clock: Time,
    /// Threads that serve.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Ends when standard input is closed.
    #[arg(long)]
    until_stdin_closes: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Faults {
    None,
    Light,
    Heavy,
}

#[derive(Clone, Copy, ValueEnum)]
enum Time {
    System,
    Manual,
}

impl Arguments {
    fn config(self) -> Config {
        let defaults = Config::default();
        let rates = match self.faults {
            Faults::None => FaultRates::none(),
            Faults::Light => FaultRates::light(),
            Faults::Heavy => FaultRates::heavy(),
        };
        Config {
            port: self.port,
            seed: self.seed,
            token_lifetime: Duration::from_millis(self.token_lifetime_ms),
            rotation: self.rotate,
            access_tokens: self.access_tokens,
            session_lifetime: Duration::from_millis(self.session_lifetime_ms),
            session_expiry: self.session_expiry,
            accounts: if self.accounts.is_empty() { defaults.accounts } else { self.accounts },
            registration: if self.open_registration { Registration::Open } else { Registration::Closed },
            faults: FaultRates { retry_after: self.retry_after, ..rates },
            fault_scope: self.fault_scope,
            clock: match self.clock {
                Time::System => Clock::system(),
                Time::Manual => Clock::manual(),
            },
        }
    }
}

fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let waits_for_stdin = arguments.until_stdin_closes;
    let runtime = match arguments.threads {
        0 | 1 => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        threads => tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?,
    };
    runtime.block_on(async {
        let testbed = Testbed::start(arguments.config()).await?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", serde_json::json!({ "url": testbed.url() }))?;
        out.flush()?;
        drop(out);
        if waits_for_stdin {
            stdin_closed().await;
        } else {
            // Ends with the process, by a signal.
            std::future::pending::<()>().await;
        }
        testbed.stop().await;
        Ok(())
    })
}

/// Reads standard input to its end on a thread of its own, for a blocking read cannot be cancelled.
async fn stdin_closed() {
    let (closed, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut sink = [0; 256];
        while matches!(std::io::stdin().read(&mut sink), Ok(1..)) {}
        // Nobody waits any more when the process ends first.
        let _ = closed.send(());
    });
    // A thread that is gone has nothing left to read.
    let _ = wait.await;
}

fn account(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, password)) if !name.is_empty() => Ok((name.to_owned(), password.to_owned())),
        _ => Err("an account is written NAME:PASSWORD".to_owned()),
    }
}
