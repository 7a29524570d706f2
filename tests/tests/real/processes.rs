//! Does one rotating grant survive several processes that share its session, also when they are stopped and killed?
//!
//! The server's own counters are the judge. `HALLPASS_LONG=1` runs each test for a minute.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use hallpass::store::{FileStore, RedisStore};
use hallpass::{Client, Credentials, Error, Keyring, Platform};
use hallpass_core::seed::{Rng, Seed};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::provider::{CLIENT_ID, CLIENT_SECRET, Provider};
use crate::redis::Server;
use crate::walk;
use crate::workers::{Heard, Language, Team, Worker, signal};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs npm's oidc-provider: cargo xtask test --only real"]
async fn two_rust_and_two_node_processes_on_one_folder_renew_each_generation_once() {
    let home = Home::Folder(tempfile::tempdir().expect("a folder"));
    let mut run = Run::start(home, &json!({})).await;
    run.work(&[Language::Rust, Language::Node, Language::Rust, Language::Node], Weather::Calm).await;
    run.judge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs npm's oidc-provider and redis-server: cargo xtask test --only real"]
async fn four_rust_processes_on_one_redis_renew_each_generation_once() {
    let mut run = Run::start(Home::Redis(Server::start(&[])), &json!({})).await;
    run.work(&[Language::Rust; 4], Weather::Calm).await;
    run.judge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs npm's oidc-provider: cargo xtask test --only real"]
async fn processes_on_one_folder_that_are_stopped_beyond_their_leases_and_killed_use_no_token_twice() {
    let home = Home::Folder(tempfile::tempdir().expect("a folder"));
    let mut run = Run::start(home, &hasty()).await;
    run.work(&[Language::Node, Language::Rust, Language::Node, Language::Rust], Weather::Rough).await;
    run.judge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs npm's oidc-provider and redis-server: cargo xtask test --only real"]
async fn processes_on_one_redis_that_are_stopped_beyond_their_leases_and_killed_use_no_token_twice() {
    let mut run = Run::start(Home::Redis(Server::start(&[])), &hasty()).await;
    run.work(&[Language::Rust; 4], Weather::Rough).await;
    run.judge().await;
}

/// Where the session is saved.
enum Home {
    Folder(TempDir),
    Redis(Server),
}

/// What becomes of the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Calm,
    /// They are stopped and killed.
    Rough,
}

/// What is done to a worker, and when.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill(Moment),
    Stop(Moment),
}

#[derive(Clone, Copy, Debug)]
enum Moment {
    Any,
    /// As soon as somebody is seen to hold the lease.
    Leased,
}

/// One grant, its server, and who uses it.
struct Run {
    provider: Provider,
    platform: Value,
    home: Home,
    team: Team,
    rng: Rng,
    killed: Vec<u32>,
    /// How often a worker was stopped or killed.
    faults: u64,
    /// How often the grant had to be made anew, because a renewal was lost.
    losses: u64,
    /// How often a session ended in a worker.
    ended: u64,
    served: u64,
    /// Calls that were refused in the end, or failed for a reason that may pass.
    troubled: u64,
    /// These tests take turns: timeouts are short and machines slow.
    _turn: MutexGuard<'static, ()>,
}

impl Run {
    async fn start(home: Home, timeouts: &Value) -> Self {
        let turn = TURN.lock().await;
        let provider = Provider::start().await;
        // As `examples/platforms/oidc-provider.toml`, in the form that both languages read.
        let platform = json!({
            "id": "oidc-provider",
            "base_url": provider.url(),
            "sign_in": { "oauth2_refresh": {} },
            "renew": {
                "token_url": "/token", "client_id": CLIENT_ID, "client_auth": "basic", "rotates": true, "reuse_safe": false,
            },
            "identity": { "path": "/me", "account_id": "/sub" },
            "timeouts": timeouts,
        });
        let rng = Seed::new([4; 32]).rng("faults");
        let team = Team::new();
        Self {
            provider,
            platform,
            home,
            team,
            rng,
            killed: Vec::new(),
            faults: 0,
            losses: 0,
            ended: 0,
            served: 0,
            troubled: 0,
            _turn: turn,
        }
    }

    /// The first worker signs in, the others resume; all call until the time is over.
    async fn work(&mut self, languages: &[Language], weather: Weather) {
        let until = Instant::now() + length();
        let ends = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970") + length();
        let (kind, place) = self.home.named();
        let task = json!({
            "platform": self.platform, "account": walk::LOGIN, "path": "/me", kind: place,
            "tasks": TASKS, "pace": PACE.as_millis(), "until": ends.as_millis(),
        });
        let mut first = task.clone();
        first["credentials"] =
            json!({ "refresh_token": walk::authorize(self.provider.url()).await, "client_secret": CLIENT_SECRET });
        let (signs_in, resume) = languages.split_first().expect("there are workers");
        self.team.start(*signs_in, &first).await;
        let (_, heard) = self.team.hear().await;
        assert!(matches!(heard, Heard::Ready), "the first signs in: {heard:?}");
        for language in resume {
            self.team.start(*language, &task).await;
        }

        let faults = if weather == Weather::Rough { FAULTS } else { &[] };
        let mut faults = faults.iter().cycle();
        let mut next = faults.next();
        let mut due = until.min(Instant::now() + self.pause());
        while !self.team.running.is_empty() {
            let is_time = tokio::select! {
                () = sleep_until(due), if next.is_some() => true,
                () = sleep_until(until + PATIENCE) => panic!("workers did not end: {:?}", self.team.running),
                (pid, heard) = self.team.hear() => {
                    self.heard(pid, heard).await;
                    false
                }
            };
            if let Some(fault) = next.filter(|_| is_time) {
                let takes = self.strike(*fault, until, &task).await;
                next = faults.next().filter(|_| Instant::now() + takes < until);
                due = Instant::now() + takes + self.pause();
            }
        }
    }

    async fn heard(&mut self, pid: u32, heard: Heard) {
        match heard {
            Heard::Ready => {}
            Heard::Lost(generation, kind) => {
                println!("worker {pid} at generation {generation}: {kind}");
                self.ended += 1;
                self.make_anew(generation).await;
            }
            Heard::End(served, troubled) => {
                // Who was started late, in another's place, may have come too late.
                assert!(served > 0 || self.faults > 0, "worker {pid} was served");
                self.served += served;
                self.troubled += troubled;
            }
            Heard::Gone(status) => assert!(status.success() || self.killed.contains(&pid), "worker {pid}: {status}"),
        }
    }

    /// Stops or kills a worker, and starts another for it; how long it lasts.
    async fn strike(&mut self, fault: Fault, until: Instant, task: &Value) -> Duration {
        let (Fault::Kill(moment) | Fault::Stop(moment)) = fault;
        if let Moment::Leased = moment {
            // A token lasts 5 s, so a lease is taken before that; if this is the end, any moment will do.
            drop(timeout(Duration::from_secs(6), self.home.until_leased()).await);
        }
        let lasts = if let Fault::Stop(_) = fault { STOPPED } else { Duration::ZERO };
        if self.team.running.is_empty() || Instant::now() + lasts + LEFT > until {
            return Duration::ZERO;
        }
        self.faults += 1;
        let drawn = self.rng.below(self.team.running.len() as u64);
        let Worker { language, pid } = self.team.running[usize::try_from(drawn).expect("a small number")];
        match fault {
            Fault::Kill(_) => {
                signal("-KILL", &[pid]);
                self.killed.push(pid);
                println!("killed {pid} ({language:?})");
                self.team.start(language, task).await;
            }
            Fault::Stop(_) => {
                signal("-STOP", &[pid]);
                println!("stopped {pid} ({language:?}) for {STOPPED:?}");
                tokio::spawn(async move {
                    sleep(STOPPED).await;
                    signal("-CONT", &[pid]);
                });
            }
        }
        lasts
    }

    /// A worker's renewal was lost at this generation: signs in with a fresh grant, unless somebody has saved a good session since.
    async fn make_anew(&mut self, generation: u64) {
        match self.saved_session(generation).await {
            Ok(()) => {}
            Err(error) if error.kind() == "renewal_lost" => {
                self.losses += 1;
                println!("lost: the renewal of generation {generation}; signing in with a fresh grant");
                let client = self.home.client();
                let credentials = Credentials::refresh_token(walk::authorize(self.provider.url()).await)
                    .with("client_secret", CLIENT_SECRET);
                let session = client.sign_in(&self.platform(), walk::LOGIN, credentials).await.expect("signs in");
                assert!(session.generation() > generation, "a later one: {}", session.generation());
                client.close().await.expect("closes");
            }
            Err(error) => panic!("the saved session: {error}"),
        }
    }

    /// Whether the saved session is a later one, or can be renewed.
    async fn saved_session(&self, generation: u64) -> Result<(), Error> {
        let client = self.home.client();
        let session = client.resume(&self.platform(), walk::LOGIN).await?;
        let is_later = session.generation() > generation && generation > 0;
        let renewed = if is_later { Ok(()) } else { session.renew().await };
        let closed = client.close().await;
        renewed.and(closed)
    }

    /// The token endpoint saw the code once, and from then on each generation's refresh token once.
    async fn judge(mut self) {
        // Who was killed at last may have been about to save.
        self.make_anew(0).await;
        let client = self.home.client();
        let session = client.resume(&self.platform(), walk::LOGIN).await.expect("resumes");
        session.renew().await.expect("the grant is alive");
        assert_eq!(session.get("/me").send().await.expect("answers").status(), 200);
        client.close().await.expect("closes");
        let (generation, stats) = (session.generation(), self.provider.stats().await);
        let Self { served, troubled, faults, ended, losses, .. } = self;
        println!(
            "{served} calls, {troubled} troubled, generation {generation}, {faults} stopped or killed, {ended} ended, {losses} renewals lost, server: {stats}"
        );
        assert_eq!(stats["usedTwice"], 0);
        assert_eq!(stats["revoked"], 0);
        assert_eq!(stats["errors"], json!({}));
        assert_eq!(stats["codeRequests"], 1 + losses);
        assert_eq!(stats["refreshTokens"], stats["refreshRequests"]);
        assert!(generation >= length().as_secs() / 5, "tokens of 5 s for {:?}: {generation}", length());
        let requests = stats["refreshRequests"].as_u64().expect("a number");
        assert_eq!(stats["granted"], requests + 1 + losses);
        // A renewal that was lost may have come to the server, or not.
        assert!((generation..=generation + losses).contains(&requests), "{requests} requests, generation {generation}");
        assert!(losses <= faults, "{losses} renewals were lost by {faults} workers");
        if faults == 0 {
            assert_eq!((troubled, ended), (0, 0), "nobody has a reason to notice the others");
        }
    }

    fn platform(&self) -> Platform {
        Platform::from_json(&self.platform.to_string()).expect("it is a platform")
    }

    fn pause(&mut self) -> Duration {
        Duration::from_millis(500 + self.rng.below(1_000))
    }
}

impl Home {
    /// What the workers' task calls it.
    fn named(&self) -> (&'static str, PathBuf) {
        match self {
            Self::Folder(folder) => ("folder", folder.path().to_owned()),
            Self::Redis(server) => ("redis", server.socket()),
        }
    }

    fn client(&self) -> Client {
        let builder = Client::builder().keyring(Keyring::new("k1", [7; 32]).expect("a key"));
        let builder = match self {
            Self::Folder(folder) => builder.store(FileStore::open(folder.path()).expect("the folder opens")),
            Self::Redis(server) => builder.store(RedisStore::new(server.settings()).expect("the settings are good")),
        };
        builder.build().expect("the client builds")
    }

    /// Until somebody holds the lease; the store is asked over and over.
    async fn until_leased(&self) {
        while !self.is_leased() {
            sleep(Duration::from_millis(2)).await;
        }
    }

    fn is_leased(&self) -> bool {
        match self {
            Self::Folder(folder) => {
                let entries = |path: PathBuf| std::fs::read_dir(path).into_iter().flatten().flatten();
                entries(folder.path().to_owned()).flat_map(|record| entries(record.path())).any(|file| {
                    let is_lease = file.file_name().to_string_lossy().starts_with("lease-");
                    let ends = file.metadata().and_then(|about| about.modified());
                    is_lease && ends.is_ok_and(|ends| ends > SystemTime::now())
                })
            }
            Self::Redis(server) => server.cli(&["KEYS", "*:lease"]).ends_with(":lease"),
        }
    }
}

/// Timeouts that make leases of 6 s.
fn hasty() -> Value {
    json!({ "exchange": "3s", "store": "1s" })
}

fn length() -> Duration {
    let is_long = std::env::var_os("HALLPASS_LONG").is_some_and(|long| long == "1");
    Duration::from_secs(if is_long { 60 } else { 20 })
}

const TASKS: u32 = 64;
/// How long each task rests between calls: the server has one thread and is the judge, not the one on trial.
const PACE: Duration = Duration::from_millis(400);
/// Longer than any lease of the `hasty`.
const STOPPED: Duration = Duration::from_secs(7);
/// For everybody to end after the time is over: calls and renewals that are under way have their own.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is left of the time when nobody is struck any more.
const LEFT: Duration = Duration::from_secs(2);
const FAULTS: &[Fault] = &[
    Fault::Kill(Moment::Any),
    Fault::Stop(Moment::Leased),
    Fault::Kill(Moment::Leased),
    Fault::Stop(Moment::Any),
    Fault::Kill(Moment::Leased),
];
static TURN: Mutex<()> = Mutex::const_new(());
