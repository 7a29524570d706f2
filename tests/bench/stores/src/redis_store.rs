//! What does the Redis store cost beside the bare client library, and beside Python?

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hallpass::Keyring;
use hallpass::core::machine::{SCHEMA, kept};
use hallpass::core::seed::{Rng, Seed};
use hallpass::core::{envelope, store::RecordKey};
use hallpass::store::{Expected, Expiry, RedisSettings, RedisStore, Store};
use hallpass_bench::figure::{Failure, Figure, Target};
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

use crate::python;
use crate::rates::{Effort, median, rate};

/// What one task, or many, are measured with.
struct Subject {
    store: RedisStore,
    bare: MultiplexedConnection,
    keyring: Keyring,
    keys: Vec<RecordKey>,
    idle: Vec<RecordKey>,
    plain: Vec<u8>,
    sealed: Vec<u8>,
    rng: Mutex<Rng>,
}

/// A Redis of this program's own.
struct Server {
    child: Child,
    port: u16,
    _folder: TempDir,
}

/// The rates of one contender in all rounds.
#[derive(Default)]
struct Rates {
    get: Vec<f64>,
    load: Vec<f64>,
    load_idle: Vec<f64>,
    set: Vec<f64>,
    save: Vec<f64>,
}

/// Measures everything about Redis.
pub(crate) async fn measure(effort: Effort) -> Result<Vec<Figure>, Failure> {
    let server = Server::start()?;
    let subject = Arc::new(Subject::new(server.port).await?);
    let python = python::install().inspect_err(|failure| eprintln!("bench: the Python pair is missing: {failure}"));
    let mut figures = Vec::new();
    // Many tasks may do worse than one in Python: each of ours is held against the better of the two.
    let mut best: Option<python::Pair> = None;
    for tasks in [1, 64] {
        let mut rates = Rates::default();
        for _ in 0..effort.rounds {
            round(&subject, tasks, effort.length, &mut rates).await?;
        }
        let pair = match &python {
            Ok(python) => python::measure(python, server.port, subject.plain.len(), tasks, effort.length)
                .inspect_err(|failure| eprintln!("bench: the Python pair failed: {failure}"))
                .ok(),
            Err(_) => None,
        };
        if let Some(pair) = pair {
            best = Some(best.map_or(pair, |best| best.or_better(pair)));
            figures.push(Figure::new(format!("stores.redis.python_load_{tasks}"), pair.load, "a second", Target::None));
            figures.push(Figure::new(format!("stores.redis.python_save_{tasks}"), pair.save, "a second", Target::None));
        }
        tell(tasks, rates, pair.and(best), &mut figures);
    }
    Ok(figures)
}

fn tell(tasks: usize, rates: Rates, pair: Option<python::Pair>, figures: &mut Vec<Figure>) {
    let name = |what: &str| format!("stores.redis.{what}_{tasks}");
    let [get, load, idle, set, save] = [rates.get, rates.load, rates.load_idle, rates.set, rates.save].map(median);
    for (what, rate) in [("get", get), ("load", load), ("load_idle", idle), ("set", set), ("save", save)] {
        figures.push(Figure::new(name(what), rate, "a second", Target::None));
    }
    // One task waits for the network; what 64 reach together is what the store itself costs.
    let over_bare = if tasks == 1 { Target::None } else { Target::AtLeast(0.6) };
    figures.push(Figure::new(name("load_over_get"), load / get, "ratio", over_bare));
    figures.push(Figure::new(name("load_idle_over_get"), idle / get, "ratio", over_bare));
    figures.push(Figure::new(name("save_over_set"), save / set, "ratio", Target::None));
    let over_python = if tasks == 1 { Target::None } else { Target::AtLeast(20.0) };
    match pair {
        Some(pair) => {
            figures.push(Figure::new(name("load_over_python"), load / pair.load, "ratio", over_python));
            figures.push(Figure::new(name("save_over_python"), save / pair.save, "ratio", Target::None));
        }
        None => figures.push(Figure::missing(name("load_over_python"), "ratio", over_python)),
    }
}

/// Every contender once, so that whatever else the machine does meets all of them.
async fn round(subject: &Arc<Subject>, tasks: usize, length: Duration, rates: &mut Rates) -> Result<(), Failure> {
    let own = || Arc::clone(subject);
    let shared = own();
    rates.get.push(rate(tasks, length, move |number| Arc::clone(&shared).get(number)).await?);
    let shared = own();
    rates.load.push(rate(tasks, length, move |number| Arc::clone(&shared).load(number, Ends::Never)).await?);
    let shared = own();
    rates.load_idle.push(rate(tasks, length, move |number| Arc::clone(&shared).load(number, Ends::Idle)).await?);
    let shared = own();
    rates.set.push(rate(tasks, length, move |number| Arc::clone(&shared).set(number)).await?);
    let shared = own();
    rates.save.push(rate(tasks, length, move |number| Arc::clone(&shared).save(number)).await?);
    Ok(())
}

/// Whether the records of a load end when they are not used.
#[derive(Clone, Copy, Debug)]
enum Ends {
    Never,
    Idle,
}

impl Subject {
    async fn new(port: u16) -> Result<Self, Failure> {
        let vector: serde_json::Value =
            serde_json::from_str(include_str!("../../../vectors/payload/v1.json")).map_err(|_| "the vector is JSON")?;
        let word = |pointer: &str| vector.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default();
        let keyring = Keyring::parse(word("/keyring"))?;
        let original = RecordKey::session(word("/namespace"), word("/platform/id"), word("/account"));
        let plain = envelope::open(&keyring, &original, &unhex(word("/sealed")))?.plaintext.to_vec();
        let mut rng = Seed::new([7; 32]).rng("bench");
        let keys = |kind: &str| -> Vec<_> {
            (0..KEYS).map(|number| RecordKey::session("bench", kind, &format!("account {number}"))).collect()
        };
        let (keys, idle) = (keys("never"), keys("idle"));
        let store = RedisStore::connect(RedisSettings::at("127.0.0.1", port)).await?;
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(5)));
        let client = redis::Client::open(("127.0.0.1", port))?;
        let mut bare = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut sealed = Vec::new();
        for (key, idle) in keys.iter().map(|key| (key, None)).chain(idle.iter().map(|key| (key, Some(HOUR)))) {
            sealed = envelope::seal(&keyring, key, SCHEMA, &plain, &mut rng);
            store.save(key, sealed.clone(), Expected::Any, Expiry { idle, absolute: None }).await?;
        }
        for number in 0..KEYS {
            let _: () = redis::cmd("SET").arg(bare_key(number)).arg(&sealed).query_async(&mut bare).await?;
        }
        Ok(Self { store, bare, keyring, keys, idle, plain, sealed, rng: Mutex::new(rng) })
    }

    async fn get(self: Arc<Self>, number: usize) -> Result<(), Failure> {
        let value: Vec<u8> = redis::cmd("GET").arg(bare_key(number)).query_async(&mut self.bare.clone()).await?;
        if value.len() == self.sealed.len() { Ok(()) } else { Err("GET answered with another value".into()) }
    }

    async fn load(self: Arc<Self>, number: usize, ends: Ends) -> Result<(), Failure> {
        let keys = match ends {
            Ends::Never => &self.keys,
            Ends::Idle => &self.idle,
        };
        let key = &keys[number % KEYS];
        let record = self.store.load(key).await?.ok_or("a record is gone")?;
        let credentials = kept(&self.keyring, key, &record.sealed)?;
        if credentials.fields.is_empty() { Err("a session without tokens".into()) } else { Ok(()) }
    }

    async fn set(self: Arc<Self>, number: usize) -> Result<(), Failure> {
        let mut set = redis::cmd("SET");
        Ok(set.arg(bare_key(number)).arg(&self.sealed).query_async(&mut self.bare.clone()).await?)
    }

    async fn save(self: Arc<Self>, number: usize) -> Result<(), Failure> {
        let key = &self.keys[number % KEYS];
        let sealed = {
            let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
            envelope::seal(&self.keyring, key, SCHEMA, &self.plain, &mut rng)
        };
        self.store.save(key, sealed, Expected::Any, Expiry::default()).await?;
        Ok(())
    }
}

impl Server {
    fn start() -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(folder.path());
        let child = command.stdout(Stdio::null()).spawn().map_err(|error| {
            format!("redis-server does not start ({error}); `cargo xtask test --only stores` installs it")
        })?;
        let server = Self { child, port, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if Instant::now() > deadline {
                return Err("redis-server does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bare_key(number: usize) -> String {
    format!("bare:{}", number % KEYS)
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

const KEYS: usize = 1000;
const HOUR: Duration = Duration::from_secs(3600);
