//! Is there ever more than one live session of an account in a client?

use std::sync::{Arc, Mutex};

use hallpass::{Client, Credentials, Notice, State};
use hallpass_testbed::{Action, Rule};
use tokio::task::JoinSet;

use crate::support::{alice, client, client_at, eventually, kind, platform, quick, signed_in, status, testbed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_sign_ins_at_once_are_one_on_the_wire() {
    let testbed = testbed().await;
    let client = client();
    testbed.script(Rule::on("/json/login", Action::Delay { ms: 30 })).expect("a rule");
    let platform = quick(&testbed.url(), "");
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let (client, platform) = (client.clone(), platform.clone());
        tasks.spawn(async move { client.sign_in(&platform, "alice", alice()).await.expect("signs in") });
    }
    let sessions = tasks.join_all().await;
    assert_eq!(testbed.stats().sign_ins.total, 1);
    assert_eq!(client.sessions().len(), 1);
    assert!(sessions.iter().all(|session| session.generation() == 1 && session.state() == State::Active));
    assert!(client.session("testbed-json", "alice").is_some());
    assert!(client.session("testbed-json", "bob").is_none());
    drop(sessions);
    eventually(|| client.session("testbed-json", "alice").is_none()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_wrong_passwords_at_once_are_one_on_the_wire_and_all_hear_of_it() {
    let testbed = testbed().await;
    let client = client();
    testbed.script(Rule::on("/json/login", Action::Delay { ms: 30 })).expect("a rule");
    let platform = quick(&testbed.url(), "");
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let (client, platform) = (client.clone(), platform.clone());
        let wrong = Credentials::password("alice", "wrong");
        tasks.spawn(async move { kind(client.sign_in(&platform, "alice", wrong).await) });
    }
    assert!(tasks.join_all().await.iter().all(|kind| *kind == "credentials_refused"));
    assert_eq!(testbed.stats().sign_ins.refused, 1);
}

#[tokio::test]
async fn a_session_dropped_in_the_middle_of_its_renewal_is_waited_for_before_it_is_resumed() {
    let testbed = testbed().await;
    let folder = tempfile::tempdir().expect("a folder");
    let client = client_at(folder.path());
    let platform = quick(&testbed.url(), "");
    for round in 0..3 {
        let session = client.sign_in(&platform, "alice", alice()).await.expect("signs in");
        let generation = session.generation();
        testbed.script(Rule::on("/oauth/token", Action::Delay { ms: 50 })).expect("a rule");
        testbed.reset_stats();
        let renewing = tokio::spawn({
            let session = session.clone();
            async move { session.renew().await }
        });
        eventually(|| testbed.stats().token_requests.total == 1).await;
        renewing.abort();
        drop(renewing.await);
        drop(session);
        let session = match round {
            0 => client.resume(&platform, "alice").await.expect("resumes"),
            1 => client.sign_in(&platform, "alice", alice()).await.expect("signs in"),
            _ => {
                // Whoever closes the client waits too.
                client.close().await.expect("closes");
                client_at(folder.path()).resume(&platform, "alice").await.expect("resumes")
            }
        };
        assert!(session.generation() > generation, "{round}: the renewal was saved");
        testbed.expire("alice");
        assert_eq!(status(&session, "/api/items/1").await, 200, "{round}");
        assert_eq!(testbed.stats().refresh_reuses, 0, "{round}: one refresh token was used twice");
        session.close().await.expect("closes");
    }
}

#[tokio::test]
async fn accounts_and_platforms_are_kept_apart() {
    let testbed = testbed().await;
    let client = client();
    let json = quick(&testbed.url(), "");
    let form = platform(crate::support::FORM, &testbed.url());
    let bob = Credentials::password("bob", "bob-password");
    let sessions = [
        client.sign_in(&json, "alice", alice()).await.expect("signs in"),
        client.sign_in(&json, "bob", bob).await.expect("signs in"),
        client.sign_in(&form, "alice", alice()).await.expect("signs in"),
    ];
    for (session, name) in sessions.iter().zip(["alice", "bob", "alice"]) {
        let item = session.get("/api/items/1").send().await.expect("answers").text().await.expect("a body");
        assert!(item.contains(name), "{item}");
    }
    assert_eq!(client.sessions().len(), 3);
    let other = quick(&testbed.url(), "[[refused.headers]]\nname = \"x-gone\"");
    assert_eq!(kind(client.resume(&other, "alice").await), "platform_changed", "live under another description");
    assert_eq!(kind(client.sign_in(&json, "", alice()).await), "config_invalid");
}

#[tokio::test]
async fn a_sign_in_that_is_dropped_leaves_nothing_in_the_way() {
    let testbed = testbed().await;
    let client = client();
    let platform = quick(&testbed.url(), "");
    testbed.script(Rule::on("/json/login", Action::Stall { at: hallpass_testbed::Point::Before })).expect("a rule");
    let patience = std::time::Duration::from_millis(30);
    assert!(tokio::time::timeout(patience, client.sign_in(&platform, "alice", alice())).await.is_err());
    let session = client.sign_in(&platform, "alice", alice()).await.expect("signs in");
    assert_eq!(status(&session, "/api/items/1").await, 200);
}

#[tokio::test]
async fn signing_in_again_replaces_the_credentials_unless_they_are_refused() {
    let (testbed, client, session) = signed_in().await;
    let platform = quick(&testbed.url(), "");
    assert_eq!(
        kind(client.sign_in(&platform, "alice", Credentials::password("alice", "wrong")).await),
        "credentials_refused"
    );
    assert_eq!((status(&session, "/api/items/1").await, session.generation()), (200, 1));
    client.sign_in(&platform, "alice", alice()).await.expect("signs in");
    assert_eq!((status(&session, "/api/items/1").await, session.generation()), (200, 2));
    // Another's credentials under this account's name are found out by the probe.
    let session = client.sign_in(
        &platform,
        "alice",
        Credentials { account_id: Some("acct-alice".to_owned()), ..Credentials::password("bob", "bob-password") },
    );
    assert_eq!(kind(session.await), "account_mismatch");
}

#[tokio::test]
async fn an_observer_hears_every_notice_and_may_call_back() {
    let testbed = testbed().await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let cell: Arc<Mutex<Option<Client>>> = Arc::default();
    let (notes, back) = (Arc::clone(&heard), Arc::clone(&cell));
    let observer = move |account: &str, notice: &Notice| {
        // Whatever it asks of the client: no lock is held.
        let generations: Vec<u64> =
            back.lock().expect("whole").iter().flat_map(Client::sessions).map(|session| session.generation()).collect();
        notes.lock().expect("whole").push((account.to_owned(), notice.clone(), generations));
    };
    let client = Client::builder().on_notice(observer).build().expect("a client");
    *cell.lock().expect("whole") = Some(client.clone());
    let session = client.sign_in(&quick(&testbed.url(), ""), "alice", alice()).await.expect("signs in");
    testbed.expire("alice");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    session.close().await.expect("closes");
    let heard: Vec<Notice> = heard.lock().expect("whole").iter().map(|(_, notice, _)| notice.clone()).collect();
    assert_eq!(heard, [Notice::SignedIn(1), Notice::Refused(1), Notice::Renewed(2), Notice::Closed]);
    *cell.lock().expect("whole") = None;
}
