//! Many tasks open, use, close, drop and sign out one account at the same time: does it sign in once a life, and is every session that
//! is handed out of use?
//!
//! One thread runs them, so nothing comes between an answer and what follows it: what is handed out must serve the next call.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use hallpass::store::MemoryStore;
use hallpass::{Client, Notice, Platform, Session, State};
use tokio::task::JoinSet;

use crate::support::{alice, keyring, quick, status, testbed};

#[tokio::test]
async fn one_account_in_the_hands_of_sixty_four_signs_in_once_a_life() {
    let testbed = testbed().await;
    let platform = quick(&testbed.url(), "");
    for seed in 0..SEEDS {
        testbed.reset_stats();
        let notices = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&notices);
        let observer = move |_: &str, notice: &Notice| heard.lock().expect("whole").push(notice.clone());
        let store = MemoryStore::new(NonZeroUsize::MIN);
        let client = Client::builder().store(store).keyring(keyring()).on_notice(observer).build().expect("a client");
        let mut tasks = JoinSet::new();
        for number in 0..64 {
            let (client, platform) = (client.clone(), platform.clone());
            tasks.spawn(use_and_end(client, platform, Dice(seed * 1000 + number)));
        }
        let forgotten: u64 = tasks.join_all().await.into_iter().sum();
        client.close().await.expect("closes");
        let notices = notices.lock().expect("whole");
        let sign_ins: Vec<_> = notices.iter().filter(|notice| matches!(notice, Notice::SignedIn(_))).collect();
        // A second one in the same life would have a later generation.
        assert!(sign_ins.iter().all(|notice| matches!(notice, Notice::SignedIn(1))), "{seed}: {notices:?}");
        let lives = u64::try_from(sign_ins.len()).expect("few");
        assert_eq!(testbed.stats().sign_ins.total, lives, "{seed}: {notices:?}");
        assert!((1..=1 + forgotten).contains(&lives), "{seed}: {lives} lives, {forgotten} times forgotten");
        let opened = notices.iter().filter(|notice| matches!(notice, Notice::SignedIn(_) | Notice::Restored(_)));
        let closed = notices.iter().filter(|notice| matches!(notice, Notice::Closed));
        assert!(opened.count() <= closed.count(), "{seed}: {notices:?}");
    }
}

/// Opens the account's session, uses it and ends it in one way or another; how often it was forgotten.
async fn use_and_end(client: Client, platform: Platform, mut dice: Dice) -> u64 {
    let mut forgotten = 0;
    for _ in 0..2 {
        dice.pause().await;
        let session = open(&client, &platform, &mut dice).await;
        assert!(!matches!(session.state(), State::Closed | State::Expired | State::Rejected | State::Fresh));
        assert_eq!(status(&session, "/api/items/1").await, 200);
        dice.pause().await;
        match dice.throw(4) {
            0 => session.close().await.expect("closes"),
            1 => session.sign_out().await.map(|()| forgotten += 1).expect("signs out"),
            2 => drop(session),
            _ => {
                dice.pause().await;
                let listed = client.sessions();
                assert!(listed.len() <= 1 && listed.iter().all(|listed| listed.state() != State::Closed));
            }
        }
    }
    forgotten
}

/// The session that is open, the saved one, or a new one.
async fn open(client: &Client, platform: &Platform, dice: &mut Dice) -> Session {
    if dice.throw(3) == 0
        && let Some(session) = client.session(platform.id(), "alice")
        && session.state() == State::Active
    {
        return session;
    }
    match client.resume(platform, "alice").await {
        Ok(session) => session,
        Err(error) => {
            assert_eq!(error.kind(), "no_session", "{error}");
            client.sign_in(platform, "alice", alice()).await.expect("signs in, whoever closes meanwhile")
        }
    }
}

/// Numbers that a seed decides.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// Lets the others go on for a while.
    async fn pause(&mut self) {
        for _ in 0..self.throw(12) {
            tokio::task::yield_now().await;
        }
    }
}

const SEEDS: u64 = 12;
