//! What happens to sessions while their store is away?

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hallpass::store::{
    Capabilities, Cursor, Expected, Expiry, LeaseNumber, MemoryStore, Page, Record, RecordKey, Store, StoreError,
    StoreFuture, Version,
};
use hallpass::{Builder, Client, RenewWithoutStore, Session, State};
use hallpass_testbed::Testbed;

use crate::support::{alice, eventually, keyring, kind, quick, status, testbed};

/// A store that can be taken away.
#[derive(Debug)]
struct Moody {
    inner: MemoryStore,
    mood: AtomicU8,
    attempts: AtomicU64,
    /// What it does once so many operations more have gone well.
    next: Mutex<Option<(u64, u8)>>,
}

const WELL: u8 = 0;
const AWAY: u8 = 1;
const SILENT: u8 = 2;

impl Moody {
    fn new() -> Arc<Self> {
        let inner = MemoryStore::new(NonZeroUsize::new(16).expect("not zero"));
        Arc::new(Self { inner, mood: AtomicU8::new(WELL), attempts: AtomicU64::new(0), next: Mutex::default() })
    }

    fn set(&self, mood: u8) {
        self.mood.store(mood, Ordering::SeqCst);
    }

    /// Does this after so many operations that go well.
    fn set_after(&self, operations: u64, mood: u8) {
        *self.next.lock().expect("no test panics with it") = Some((operations, mood));
    }

    fn count(&self) {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        let mut next = self.next.lock().expect("no test panics with it");
        match &mut *next {
            Some((0, mood)) => {
                self.set(*mood);
                *next = None;
            }
            Some((left, _)) => *left -= 1,
            None => {}
        }
    }

    fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::SeqCst)
    }

    fn guarded<'a, T: Send + 'a>(&'a self, then: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.count();
            match self.mood.load(Ordering::SeqCst) {
                WELL => then.await,
                AWAY => Err(StoreError::Unavailable("taken away by a test".to_owned())),
                _ => std::future::pending().await,
            }
        })
    }
}

impl Store for Moody {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn load<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Record>> {
        self.guarded(self.inner.load(key))
    }

    fn save<'a>(
        &'a self,
        key: &'a RecordKey,
        sealed: Vec<u8>,
        expected: Expected,
        expiry: Expiry,
    ) -> StoreFuture<'a, Version> {
        self.guarded(self.inner.save(key, sealed, expected, expiry))
    }

    fn touch<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Version>> {
        self.guarded(self.inner.touch(key))
    }

    fn remove<'a>(&'a self, key: &'a RecordKey, expected: Expected) -> StoreFuture<'a, Option<Version>> {
        self.guarded(self.inner.remove(key, expected))
    }

    fn lease<'a>(&'a self, key: &'a RecordKey, hold: Duration) -> StoreFuture<'a, Option<LeaseNumber>> {
        self.guarded(self.inner.lease(key, hold))
    }

    fn release<'a>(&'a self, key: &'a RecordKey, number: LeaseNumber) -> StoreFuture<'a, bool> {
        self.guarded(self.inner.release(key, number))
    }

    fn list<'a>(&'a self, namespace: &'a str, after: Option<&'a Cursor>, limit: NonZeroUsize) -> StoreFuture<'a, Page> {
        self.guarded(self.inner.list(namespace, after, limit))
    }
}

/// A renewal takes a lease, looks at the record and writes an intent before it sends anything.
const BEFORE_SENDING: u64 = 3;

async fn signed_in(store: &Arc<Moody>, change: impl FnOnce(Builder) -> Builder) -> (Testbed, Client, Session) {
    let testbed = testbed().await;
    let store: Arc<dyn Store> = Arc::clone(store) as _;
    let client = change(Client::builder().shared_store(store).keyring(keyring())).build().expect("a client");
    let session = client.sign_in(&quick(&testbed.url(), ""), "alice", alice()).await.expect("signs in");
    (testbed, client, session)
}

#[tokio::test]
async fn calls_go_on_while_the_store_is_away_and_the_save_is_made_up_for() {
    let store = Moody::new();
    let (testbed, _client, session) = signed_in(&store, |builder| builder).await;
    store.set_after(BEFORE_SENDING, AWAY);
    session.renew().await.expect("what it started from is saved");
    assert_eq!((session.generation(), status(&session, "/api/items/1").await), (2, 200));
    assert_eq!(kind(session.save().await), "store_unavailable");
    let attempts = store.attempts();
    eventually(|| store.attempts() > attempts).await;
    store.set(WELL);
    eventually(|| session.stats().saves >= 3).await;
    session.save().await.expect("nothing is left to save");
    testbed.expire("alice");
    assert_eq!((status(&session, "/api/items/1").await, session.generation()), (200, 3));
    assert_eq!(testbed.stats().refresh_reuses, 0);
}

#[tokio::test]
async fn a_rotated_token_that_could_not_be_saved_is_not_used_unless_the_program_says_so() {
    let store = Moody::new();
    let (testbed, client, session) = signed_in(&store, |builder| builder).await;
    store.set_after(BEFORE_SENDING, AWAY);
    session.renew().await.expect("renews");
    assert_eq!(kind(session.renew().await), "store_unavailable");
    assert_eq!(status(&session, "/api/items/1").await, 200, "the access token may be used");
    testbed.expire("alice");
    let answer = session.get("/api/items/1").send().await.expect("the refusal is an answer");
    assert_eq!(answer.status(), 401);
    assert_eq!(kind(session.get("/api/items/1").send().await), "store_unavailable");
    assert_eq!((testbed.stats().token_requests.total, session.state()), (1, State::Active), "it has not ended");
    store.set(WELL);
    session.save().await.expect("saves");
    assert_eq!((status(&session, "/api/items/1").await, session.generation()), (200, 3));
    client.close().await.expect("closes");

    let store = Moody::new();
    let (testbed, client, session) =
        signed_in(&store, |builder| builder.renew_without_store(RenewWithoutStore::Yes)).await;
    store.set(AWAY);
    for _ in 0..3 {
        testbed.expire("alice");
        assert_eq!(status(&session, "/api/items/1").await, 200);
    }
    assert_eq!((session.generation(), testbed.stats().refresh_reuses), (4, 0));
    assert_eq!(kind(client.close().await), "store_unavailable");
    assert_eq!(session.state(), State::Closed, "closed all the same");
}

#[tokio::test]
async fn a_rotating_token_is_not_sent_while_nobody_can_be_told_of_it() {
    let store = Moody::new();
    let (testbed, _client, session) = signed_in(&store, |builder| builder).await;
    for operations in 0..BEFORE_SENDING {
        store.set_after(operations, AWAY);
        assert_eq!(kind(session.renew().await), "store_unavailable");
        assert_eq!((testbed.stats().token_requests.total, session.generation()), (0, 1));
        assert_eq!(status(&session, "/api/items/1").await, 200, "the access token is good");
        store.set(WELL);
        session.save().await.expect("nothing is lost");
    }
    session.renew().await.expect("renews");
    assert_eq!((testbed.stats().token_requests.total, session.generation()), (1, 2));
}

#[tokio::test]
async fn whether_a_session_is_saved_cannot_be_known_while_the_store_is_away() {
    let store = Moody::new();
    let (testbed, client, session) = signed_in(&store, |builder| builder).await;
    let platform = quick(&testbed.url(), "");
    session.close().await.expect("closes");
    store.set(AWAY);
    assert_eq!(kind(client.resume(&platform, "alice").await), "store_unavailable");
    assert_eq!(kind(client.saved().await), "store_unavailable");
    assert_eq!(kind(client.forget("testbed-json", "alice").await), "store_unavailable");
    let session = client.sign_in(&platform, "alice", alice()).await.expect("signing in needs no store");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    assert_eq!(kind(session.forget().await), "store_unavailable");
    store.set(WELL);
    assert_eq!(client.resume(&platform, "alice").await.expect("what was saved first is still there").generation(), 1);
}

#[tokio::test]
async fn a_store_that_never_answers_costs_a_timeout_and_not_the_session() {
    let store = Moody::new();
    let testbed = testbed().await;
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    let client = Client::builder().shared_store(shared).keyring(keyring()).build().expect("a client");
    let text = crate::support::JSON.replace("total = \"60s\"", "total = \"60s\"\nstore = \"50ms\"");
    let platform = crate::support::platform(&text, &testbed.url());
    store.set(SILENT);
    assert_eq!(kind(client.resume(&platform, "alice").await), "store_unavailable");
    let session = client.sign_in(&platform, "alice", alice()).await.expect("signs in");
    testbed.expire("alice");
    let answer = session.get("/api/items/1").send().await.expect("answers");
    assert_eq!(answer.status(), 401, "its refresh token is not saved");
    store.set(WELL);
    session.save().await.expect("saves");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    store.set(SILENT);
    assert_eq!(status(&session, "/cookies/set?late=1&attributes=Path%3D%2F").await, 200);
    let closing = tokio::time::timeout(Duration::from_secs(10), session.close()).await.expect("it ends");
    assert_eq!(kind(closing), "store_unavailable");
}

#[tokio::test]
async fn a_session_without_a_store_has_nothing_to_save_and_says_so() {
    let (_testbed, client, session) = crate::support::signed_in().await;
    assert_eq!(kind(session.save().await), "store_unfit");
    assert_eq!(kind(client.saved().await), "store_unfit");
    session.renew().await.expect("renews");
    session.close().await.expect("closes");
    session.close().await.expect("closing twice is closing once");
}
