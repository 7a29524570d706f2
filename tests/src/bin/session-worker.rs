//! `session-worker`: keeps calling a resource with a saved session, for the tests that let several processes share one, stop them and kill them.
//!
//! Its task is one line of JSON on standard input, and it tells what happened in lines of JSON: `{"at":"ready"}` once the session is there,
//! `{"at":"lost","generation":…,"kind":…}` when it has ended (`renewal_lost`, `rejected`), whereupon what is saved is taken up anew, and
//! `{"at":"end","served":…,"troubled":…}`. Calls that were refused in the end, or failed for a reason that may pass, are troubled; what
//! else goes wrong ends it with a failure. `tests/real/worker.mjs` is the same in JavaScript.

use std::error::Error as Failure;
use std::io::{Write, stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hallpass::store::{FileStore, RedisSettings, RedisStore};
use hallpass::{Client, Credentials, Error, Keyring, Kind, Platform, Retry, Session};
use serde::Deserialize;
use serde_json::json;
use tokio::task::JoinSet;

/// What is to be done.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Task {
    platform: serde_json::Value,
    account: String,
    /// The resource that is called.
    path: String,
    /// The file store's folder.
    folder: Option<PathBuf>,
    /// The socket of the Redis to be used instead.
    redis: Option<PathBuf>,
    tasks: usize,
    /// How long each of them rests between calls, in milliseconds.
    pace: u64,
    /// When it ends, in milliseconds since 1970.
    until: u64,
    /// To sign in with; otherwise the saved session is resumed.
    credentials: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What became of the calls.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    served: u64,
    troubled: u64,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match work().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("session-worker: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn work() -> Result<(), Box<dyn Failure>> {
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    let mut task: Task = serde_json::from_str(&line)?;
    let platform = Platform::from_json(&task.platform.to_string())?;
    let mut count = Count::default();
    loop {
        let client = open(&task)?;
        let (generation, ended) = match begin(&client, &platform, &mut task).await {
            Ok(session) => {
                tell(&json!({ "at": "ready" }))?;
                let ended = call_from_all(&session, &task, &mut count).await;
                // A renewal may be under way, and closing waits for it.
                let closed = client.close().await;
                (session.generation(), ended.and(closed))
            }
            Err(error) => (0, Err(error)),
        };
        match ended {
            Err(error) if matches!(error.code(), Kind::RenewalLost | Kind::Rejected) => {
                tell(&json!({ "at": "lost", "generation": generation, "kind": error.kind() }))?;
            }
            Err(error) if may_pass(&error) => count.troubled += 1,
            Err(error) => return Err(error.into()),
            Ok(()) => {}
        }
        if now() >= task.until {
            return tell(&json!({ "at": "end", "served": count.served, "troubled": count.troubled }));
        }
        tokio::time::sleep(REST).await;
    }
}

fn open(task: &Task) -> Result<Client, Box<dyn Failure>> {
    let builder = Client::builder().keyring(Keyring::new("k1", [7; 32])?);
    let builder = match (&task.folder, &task.redis) {
        (Some(folder), None) => builder.store(FileStore::open(folder)?),
        (None, Some(socket)) => builder.store(RedisStore::new(RedisSettings::unix(socket))?),
        (_, _) => return Err("either `folder` or `redis` is needed".into()),
    };
    Ok(builder.build()?)
}

async fn begin(client: &Client, platform: &Platform, task: &mut Task) -> Result<Session, Error> {
    let Some(fields) = task.credentials.take() else { return client.resume(platform, &task.account).await };
    let text = |name| fields.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let credentials = Credentials::refresh_token(text("refresh_token")).with("client_secret", text("client_secret"));
    client.sign_in(platform, &task.account, credentials).await
}

/// Calls from all tasks until the time is over; how the session ended before, if it did.
async fn call_from_all(session: &Session, task: &Task, count: &mut Count) -> Result<(), Error> {
    let mut tasks = JoinSet::new();
    for _ in 0..task.tasks {
        tasks.spawn(keep_calling(session.clone(), task.path.clone(), task.until, Duration::from_millis(task.pace)));
    }
    let mut ended = Ok(());
    for (counted, result) in tasks.join_all().await {
        count.served += counted.served;
        count.troubled += counted.troubled;
        ended = ended.and(result);
    }
    ended
}

async fn keep_calling(session: Session, path: String, until: u64, pace: Duration) -> (Count, Result<(), Error>) {
    let mut count = Count::default();
    while now() < until {
        match session.get(&path).send().await {
            Ok(answer) if answer.status() == 200 => count.served += 1,
            Ok(_refused) => count.troubled += 1,
            Err(error) if may_pass(&error) => count.troubled += 1,
            Err(error) => return (count, Err(error)),
        }
        tokio::time::sleep(pace).await;
    }
    (count, Ok(()))
}

fn may_pass(error: &Error) -> bool {
    error.retry() != Retry::Never
}

fn tell(what: &serde_json::Value) -> Result<(), Box<dyn Failure>> {
    writeln!(stdout(), "{what}").and_then(|()| stdout().flush()).map_err(Into::into)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Before a session that ended is taken up anew: whoever is to sign in again needs a moment.
const REST: Duration = Duration::from_millis(250);
