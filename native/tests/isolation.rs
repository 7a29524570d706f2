//! Does one account's secret ever show where another account, or anybody at all, could see it?
//!
//! Several accounts share a client, a pool and a store while the platform fails as it likes. Every request is recorded as it arrived,
//! and everything that a program could print or trace is kept; then both are searched for every secret of every account.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hallpass::each::Each;
use hallpass::store::FileStore;
use hallpass::{Client, Credentials, Error, Keyring, Notice, Platform, Secret, Session};
use hallpass_testbed::{Config, FaultRates, FaultScope, Testbed};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const JSON: &str = include_str!("../../examples/platforms/testbed-json.toml");
const BUNDLE: &str = include_str!("../../examples/platforms/testbed-bundle.toml");

/// Everything that was shown to anybody.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<String>>);

impl Shown {
    fn show(&self, what: &dyn Debug) {
        writeln!(self.0.lock().expect("whole"), "{what:?} {what:#?}").expect("a string takes it");
    }

    fn error(&self, error: &Error) {
        self.show(&(error, error.to_string()));
    }
}

impl Visit for &Shown {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().expect("whole"), "{field}={value:?}").expect("a string takes it");
    }
}

impl Subscriber for Shown {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut &*self);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut &*self);
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut &*self);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn planted(name: &str, what: &str) -> String {
    format!("planted-{name}-{what}")
}

/// A platform that fails a lot, gives short-lived tokens, and records what arrives.
async fn stormy(seed: u64) -> Testbed {
    let config = Config {
        seed,
        accounts: NAMES.map(|name| (name.to_owned(), planted(name, "password"))).to_vec(),
        token_lifetime: Duration::from_millis(150),
        faults: FaultRates { retry_after: 0, delay_max_ms: 3, ..FaultRates::heavy() },
        fault_scope: FaultScope::Everything,
        ..Config::default()
    };
    let testbed = Testbed::start(config).await.expect("starts");
    testbed.record();
    testbed
}

fn platform(text: &str, url: &str) -> Platform {
    let text = text.replace("http://127.0.0.1:8080", url).replace("base = \"250ms\"", "base = \"1ms\"");
    Platform::from_toml(&text.replace("path = \"/me\"", "path = \"/bundle/me\"")).expect("a platform")
}

fn json(url: &str) -> Platform {
    let text = JSON.replace("http://127.0.0.1:8080", url).replace("base = \"250ms\"", "base = \"1ms\"");
    Platform::from_toml(&text).expect("a platform")
}

fn client(folder: &Path, shown: &Shown) -> Client {
    let told = shown.clone();
    Client::builder()
        .store(FileStore::open(folder).expect("opens"))
        .keyring(Keyring::new("k1", [7; 32]).expect("a key"))
        .on_notice(move |account: &str, notice: &Notice| told.show(&(account, notice)))
        .build()
        .expect("a client")
}

/// A call that is marked with its account's own secrets, in header, query and body.
async fn marked(session: &Session, path: &str, shown: &Shown) -> Result<(), Error> {
    let name = session.account().to_owned();
    let call = session
        .post(&format!("{path}?key={}", planted(&name, "query")))
        .header("x-own", &planted(&name, "header"))
        .body(planted(&name, "body"));
    shown.show(&call);
    let answer = call.send().await?;
    shown.show(&answer);
    let answer = answer.error_for_verdict()?;
    let text = answer.text().await?;
    for other in NAMES.iter().filter(|other| **other != name) {
        assert!(!text.contains(other), "{name} was answered as {other}: {text}");
    }
    Ok(())
}

/// Every byte in a folder.
fn stored(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        bytes.extend(path.display().to_string().into_bytes());
        bytes.extend(if path.is_dir() { stored(&path) } else { std::fs::read(&path).expect("a file") });
    }
    bytes
}

/// Each account, with every secret that was planted or issued.
fn secrets(testbed: &Testbed) -> Vec<(&'static str, Vec<String>)> {
    let of = |name: &'static str| {
        let mut secrets = testbed.secrets(name);
        assert!(secrets.len() > 4, "{name} was given tokens and a bundle");
        secrets.push(format!("planted-{name}-"));
        (name, secrets)
    };
    NAMES.map(of).to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_account_ever_sends_or_shows_anothers_secret() {
    let shown = Shown::default();
    tracing::subscriber::set_global_default(shown.clone()).expect("no other test sets one");
    let (mut served, mut browsed) = (0, 0);
    for seed in 0..6 {
        let (pooled, browsing) = storm(seed, &shown).await;
        served += pooled;
        browsed += browsing;
    }
    assert!(served > 200 && browsed > 100, "the storms let something through: {served}, {browsed}");
}

/// One storm; how many calls of the pool were served, and how many requests came as from a browser.
async fn storm(seed: u64, shown: &Shown) -> (usize, usize) {
    let testbed = stormy(seed).await;
    let folder = tempfile::tempdir().expect("a folder");
    let client = client(folder.path(), shown);
    let bundles: Vec<Session> = bundles(&client, &testbed, shown).await;
    let source = async |name: String| Ok(Credentials::password(name.clone(), planted(&name, "password")));
    let pool = client
        .pool(&json(&testbed.url()))
        .accounts(NAMES)
        .credentials(source)
        .concurrent(NonZeroU32::new(2).expect("two"))
        .cool_down(Duration::from_millis(5))
        .build()
        .await
        .expect("a pool");
    let pooled = Each::of(0..60).concurrency(6).run_in(&pool, async |session, number| {
        shown.show(&session);
        // One in ten is dropped in the middle.
        if number % 10 == 9 {
            let _ = tokio::time::timeout(Duration::from_millis(1), marked(&session, "/api/echo", shown)).await;
            return Ok(());
        }
        marked(&session, "/api/echo", shown).await
    });
    let browsing = Each::of(0..30).concurrency(3).run(async |number: usize| {
        let Some(session) = bundles.get(number % bundles.len().max(1)) else { return Ok(()) };
        marked(session, "/bundle/api/echo", shown).await
    });
    let (pooled, browsing) = tokio::join!(pooled, browsing);
    let served = pooled.iter().filter(|outcome| outcome.end.is_ok()).count();
    for outcome in pooled.iter().chain(&browsing) {
        shown.show(outcome);
        assert!(!matches!(outcome.end, hallpass::each::End::Panicked(_)), "seed {seed}: {outcome:?}");
        if let hallpass::each::End::Err(error) = &outcome.end {
            shown.error(error);
        }
    }
    shown.show(&(&pool, pool.stats(), &client, client.sessions(), &bundles, client.saved().await.expect("lists")));
    if let Err(error) = client.close().await {
        shown.error(&error);
    }
    look_for_secrets(seed, &testbed, shown, &stored(folder.path()));
    let from_browsers = testbed.recorded().iter().filter(|request| request.contains("-agent\n")).count();
    (served, from_browsers)
}

/// Each account's session as its browser exported it, where the storm let it be opened.
async fn bundles(client: &Client, testbed: &Testbed, shown: &Shown) -> Vec<Session> {
    let described = platform(BUNDLE, &testbed.url());
    let mut sessions = Vec::new();
    for name in NAMES {
        let issued = testbed.issue_bundle(name, &planted(name, "agent")).expect("a bundle");
        let headers = [("x-bc", issued.x_bc), ("x-device", planted(name, "device"))];
        let credentials = Credentials {
            cookies: Some(Secret::new(format!("{}; extra={}", issued.cookie, planted(name, "cookie")))),
            user_agent: Some(issued.user_agent),
            headers: headers.map(|(header, value)| (header.to_owned(), Secret::new(value))).into(),
            ..Credentials::default()
        };
        shown.show(&credentials);
        match client.sign_in(&described, name, credentials).await {
            Ok(session) => sessions.push(session),
            Err(error) => shown.error(&error),
        }
    }
    sessions
}

fn look_for_secrets(seed: u64, testbed: &Testbed, shown: &Shown, kept: &[u8]) {
    let secrets = secrets(testbed);
    let recorded = testbed.recorded();
    assert!(recorded.len() > 60, "seed {seed}: {}", recorded.len());
    let mut seen = BTreeSet::new();
    for request in &recorded {
        let whose = |(_, secrets): &&(&str, Vec<String>)| secrets.iter().any(|secret| request.contains(secret));
        let owners: Vec<&str> = secrets.iter().filter(whose).map(|(name, _)| *name).collect();
        assert!(owners.len() <= 1, "seed {seed}: a request carries secrets of {owners:?}:\n{request}");
        seen.extend(owners);
    }
    assert_eq!(
        seen.len(),
        NAMES.len(),
        "every account's secrets are on its own requests, so that searching means something"
    );
    let shown = shown.0.lock().expect("whole");
    assert!(shown.contains("notice=") && shown.contains("SignedIn"), "something was traced and told");
    for secret in secrets.iter().flat_map(|(_, secrets)| secrets) {
        assert!(!shown.contains(secret.as_str()), "seed {seed}: {secret} was shown");
        assert!(
            !kept.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()),
            "seed {seed}: {secret} is in the store"
        );
    }
}
