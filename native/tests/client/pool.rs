//! Do the sessions of several accounts serve as one, and does each account answer for itself only?

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hallpass::pool::{Outcome, Policy, PoolBuilder, Reason};
use hallpass::{Client, Credentials, Error, Fault, SessionPool};
use hallpass_testbed::{Action, Rule, Testbed};
use tokio::task::JoinSet;

use crate::support::{client, client_at, eventually, kind, quick, status, testbed};

pub(crate) const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// The testbed's accounts, which sign in with the passwords that they have.
pub(crate) fn builder(client: &Client, testbed: &Testbed) -> PoolBuilder {
    let source = async |account: String| Ok(Credentials::password(account.clone(), format!("{account}-password")));
    client.pool(&quick(&testbed.url(), "")).accounts(NAMES).credentials(source)
}

async fn build(builder: PoolBuilder) -> SessionPool {
    builder.build().await.expect("a pool")
}

fn reason(pool: &SessionPool, account: &str) -> Option<Reason> {
    pool.stats().members.iter().find(|member| member.account == account).expect("a member").reason
}

#[tokio::test]
async fn accounts_sign_in_when_they_are_first_given_and_take_turns() {
    let (testbed, client) = (testbed().await, client());
    let pool = build(builder(&client, &testbed)).await;
    assert_eq!(testbed.stats().sign_ins.total, 0);
    let mut given = Vec::new();
    for _ in 0..6 {
        let session = pool.acquire().await.expect("one is free");
        assert_eq!(status(&session, "/api/items/1").await, 200);
        given.push(session.account().to_owned());
    }
    assert_eq!(given, ["alice", "bob", "carol", "alice", "bob", "carol"]);
    assert_eq!(testbed.stats().sign_ins.total, 3);
    let stats = pool.stats();
    assert!(stats.members.iter().all(|member| (member.uses, member.good, member.health) == (2, 2, 1000)), "{stats:?}");
    assert_eq!((stats.asked, stats.released, stats.held), (6, 6, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_is_used_by_more_than_allowed_and_everybody_gets_one() {
    let (testbed, client) = (testbed().await, client());
    let pool = build(builder(&client, &testbed).concurrent(NonZeroU32::new(2).expect("two"))).await;
    let most: Arc<[AtomicUsize; 3]> = Arc::default();
    let mut tasks = JoinSet::new();
    for number in 0..60 {
        let (pool, most) = (pool.clone(), Arc::clone(&most));
        tasks.spawn(async move {
            let session = pool.acquire().await.expect("one comes free");
            let place = NAMES.iter().position(|name| *name == session.account()).expect("one of ours");
            assert!(most[place].fetch_add(1, Ordering::SeqCst) < 2, "two at once");
            assert_eq!(status(&session, &format!("/api/items/{number}")).await, 200);
            most[place].fetch_sub(1, Ordering::SeqCst);
        });
    }
    tasks.join_all().await;
    let stats = pool.stats();
    assert_eq!((stats.claims, stats.released, stats.held, stats.waiting), (60, 60, 0, 0));
    assert_eq!(testbed.stats().sign_ins.total, 3, "one each, however many came at once");
}

#[tokio::test]
async fn a_throttled_account_pauses_and_its_session_is_not_blamed() {
    let (testbed, client) = (testbed().await, client());
    let pool = build(builder(&client, &testbed)).await;
    let throttle = Action::Throttle { count: 1, retry_after: 3600 };
    testbed.script(Rule { account: Some("alice".to_owned()), ..Rule::on("/api", throttle) }).expect("a rule");
    let session = pool.acquire().await.expect("one is free");
    assert_eq!((session.account(), status(&session, "/api/items/1").await), ("alice", 429));
    assert_eq!(reason(&pool, "alice"), Some(Reason::Cooling), "at once, not only when it is back");
    drop(session);
    for name in ["bob", "carol", "bob"] {
        assert_eq!(pool.acquire().await.expect("one is free").account(), name);
    }
    let stats = pool.stats();
    assert_eq!((stats.members[0].health, stats.members[0].throttled), (1000, 1));
    assert!(stats.members[0].until.is_some());
}

#[tokio::test]
async fn an_account_that_is_refused_is_passed_over_and_the_last_one_says_why() {
    let (testbed, client) = (testbed().await, client());
    let wrong = async |account: String| {
        let password = if account == "carol" { "carol-password" } else { "wrong" };
        Ok(Credentials::password(account, password))
    };
    let pool = build(builder(&client, &testbed).credentials(wrong)).await;
    assert_eq!(pool.acquire().await.expect("the third").account(), "carol");
    assert_eq!(testbed.stats().sign_ins.refused, 2, "each was tried once");
    assert_eq!(reason(&pool, "alice"), Some(Reason::Expired));
    testbed.revoke("carol");
    let session = pool.acquire().await.expect("it does not know yet");
    let answer = session.get("/api/items/1").send().await;
    assert!(answer.map_or_else(|error| error.code().fault() == Fault::Account, |answer| answer.status() == 401));
    drop(session);
    let session = pool.acquire().await.expect("it signs in again by itself");
    assert_eq!((session.account(), status(&session, "/api/items/1").await), ("carol", 200));
    session.report(Outcome::Expired);
    drop(session);
    let error = pool.acquire().await.expect_err("nobody is left");
    assert_eq!((error.kind(), error.detail()), ("pool_empty", "no account of the pool can serve any more: 3 expired"));
    assert!(pool.restore("carol"));
    assert_eq!(pool.acquire().await.expect("as good as new").account(), "carol");
}

#[tokio::test]
async fn what_the_program_reports_and_bans_is_heeded() {
    let (testbed, client) = (testbed().await, client());
    let pool = build(builder(&client, &testbed).accounts(["dave"]).policy(Policy::LeastUsed)).await;
    let session = pool.acquire().await.expect("one is free");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    session.report(Outcome::Banned);
    drop(session);
    assert!(pool.ban("bob", "asked us to stop") && !pool.ban("eve", "unknown"));
    assert!(pool.remove("dave") && pool.add("dave") && pool.remove("dave"));
    for _ in 0..3 {
        assert_eq!(pool.acquire().await.expect("one is free").account(), "carol");
    }
    let stats = pool.stats();
    let shown: Vec<_> = stats.members.iter().map(|member| (member.reason, member.why.as_deref())).collect();
    let banned = Some(Reason::Banned);
    assert_eq!(shown, [(banned, None), (banned, Some("asked us to stop")), (None, None)]);
}

#[tokio::test]
async fn a_key_comes_back_to_its_account() {
    let (testbed, client) = (testbed().await, client());
    let pool = build(builder(&client, &testbed).policy(Policy::Sticky)).await;
    let first = pool.acquire_for("visitor-1").await.expect("one is free").account().to_owned();
    for _ in 0..3 {
        drop(pool.acquire().await.expect("others take turns meanwhile"));
        assert_eq!(pool.acquire_for("visitor-1").await.expect("its own").account(), first);
    }
    let held = pool.acquire_for("visitor-1").await.expect("its own");
    let waits = pool.acquire_for_within("visitor-1", Duration::from_millis(20)).await;
    assert_eq!(kind(waits), "pool_exhausted", "it waits for its own although others are free");
    drop(held);
}

#[tokio::test]
async fn one_who_goes_away_or_sleeps_loses_nothing_and_holds_up_nobody() {
    let (testbed, client) = (testbed().await, client());
    let pool = build(builder(&client, &testbed).accounts(["alice"])).await;
    assert!(pool.remove("bob") && pool.remove("carol"));
    let held = pool.acquire().await.expect("alice");
    let mut asleep = Box::pin(pool.acquire());
    let mut gone = Box::pin(pool.acquire());
    for future in [&mut asleep, &mut gone] {
        assert!(tokio::time::timeout(Duration::from_millis(5), future).await.is_err());
    }
    drop(gone);
    assert_eq!(pool.stats().waiting, 1);
    let third = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire().await.expect("although the one before sleeps").account().to_owned() }
    });
    drop(held);
    assert_eq!(third.await.expect("whole"), "alice");
    assert_eq!(asleep.await.expect("it keeps its place").account(), "alice");
    let stats = pool.stats();
    assert_eq!((stats.held, stats.waiting, stats.offered, stats.cancelled), (0, 0, 0, 1));
}

#[tokio::test]
async fn one_who_sleeps_while_its_session_is_opened_holds_up_nobody() {
    let (testbed, client) = (testbed().await, client());
    let pool = build(builder(&client, &testbed)).await;
    assert!(pool.remove("bob") && pool.remove("carol"));
    testbed.script(Rule::on("/json/login", Action::Delay { ms: 30 })).expect("a rule");
    let mut asleep = Box::pin(pool.acquire());
    assert!(tokio::time::timeout(Duration::from_millis(1), &mut asleep).await.is_err());
    let other = pool.acquire().await.expect("although the one that had it opened sleeps");
    assert_eq!(testbed.stats().sign_ins.total, 1);
    drop(other);
    assert_eq!(asleep.await.expect("it keeps its place").account(), "alice");
    // One that is dropped in the middle of a sign-in leaves it to the next.
    let pool = build(builder(&client, &testbed)).await;
    assert!(pool.remove("alice") && pool.remove("carol"));
    testbed.script(Rule::on("/json/login", Action::Delay { ms: 30 })).expect("a rule");
    assert!(tokio::time::timeout(Duration::from_millis(5), pool.acquire()).await.is_err());
    assert_eq!(pool.acquire().await.expect("bob").account(), "bob");
    assert_eq!(testbed.stats().sign_ins.total, 2);
}

#[tokio::test]
async fn a_drained_pool_waits_for_what_is_out_and_gives_no_more() {
    let (testbed, client) = (testbed().await, client());
    let pool = build(builder(&client, &testbed)).await;
    let held = pool.acquire().await.expect("one is free");
    assert_eq!(kind(pool.drain(Duration::from_millis(10)).await), "timeout");
    assert_eq!(kind(pool.acquire().await), "closed");
    assert_eq!(status(&held, "/api/items/1").await, 200, "what is out goes on");
    let drained = tokio::spawn({
        let pool = pool.clone();
        async move { pool.drain(Duration::from_secs(20)).await }
    });
    drop(held);
    drained.await.expect("whole").expect("all are back");
    eventually(|| client.sessions().is_empty()).await;
}

#[tokio::test]
async fn a_pool_of_what_is_saved_resumes_without_signing_in() {
    let testbed = testbed().await;
    let folder = tempfile::tempdir().expect("a folder");
    let before = client_at(folder.path());
    let pool = build(builder(&before, &testbed)).await;
    for _ in NAMES {
        drop(pool.acquire().await.expect("one is free"));
    }
    before.close().await.expect("closes");
    let after = client_at(folder.path());
    let pool = build(after.pool(&quick(&testbed.url(), ""))).await;
    for name in NAMES {
        let session = pool.acquire().await.expect("resumes");
        assert_eq!((session.account(), status(&session, "/api/items/1").await), (name, 200));
    }
    assert_eq!(testbed.stats().sign_ins.total, 3);
    let nobody = build(client().pool(&quick(&testbed.url(), "")).accounts(["alice"])).await;
    let error = nobody.acquire().await.expect_err("there is neither a store nor a password");
    assert_eq!(error.kind(), "pool_empty");
    assert!(error.detail().contains("`alice`"), "{error}");
}

#[tokio::test]
async fn a_source_that_panics_or_is_wrong_is_the_programs_own_fault() {
    let (testbed, client) = (testbed().await, client());
    let pool = build(builder(&client, &testbed).credentials(|_| async { panic!("no vault") })).await;
    let error: Error = pool.acquire().await.expect_err("it panicked");
    assert_eq!(error.kind(), "config_invalid");
    assert_eq!((reason(&pool, "alice"), pool.stats().held), (None, 0), "no account is blamed");
}
