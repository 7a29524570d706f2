//! Does a session sign in again by itself, once, and only where the program let it keep the password?

use hallpass::store::FileStore;
use hallpass::{Client, KeepCredentials, State};

use crate::secrets::stored;
use crate::support::{FORM, alice, client, keyring, platform, status, testbed};

const CALLS: usize = 64;

#[tokio::test]
async fn sixty_four_calls_on_an_ended_cookie_session_sign_in_once_more_and_are_all_served() {
    let testbed = testbed().await;
    let kept = Client::builder().keep_credentials(KeepCredentials::InMemory).build().expect("a client");
    let form = platform(FORM, &testbed.url());
    let session = kept.sign_in(&form, "alice", alice()).await.expect("signs in");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    let before = testbed.stats().sign_ins.total;
    testbed.expire("alice");
    let calls = (0..CALLS).map(|number| {
        let session = session.clone();
        tokio::spawn(async move { status(&session, &format!("/api/items/{number}")).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.expect("ends"), 200);
    }
    let stats = testbed.stats();
    assert_eq!((stats.sign_ins.total, stats.sign_ins.refused), (before + 1, 0));
    assert_eq!((session.state(), session.generation()), (State::Active, 2));
}

#[tokio::test]
async fn without_the_programs_leave_an_ended_session_stays_ended() {
    let testbed = testbed().await;
    let session = client().sign_in(&platform(FORM, &testbed.url()), "alice", alice()).await.expect("signs in");
    let before = testbed.stats().sign_ins.total;
    testbed.expire("alice");
    assert_eq!(status(&session, "/api/items/1").await, 401);
    assert_eq!((testbed.stats().sign_ins.total, session.state()), (before, State::Expired));
}

#[tokio::test]
async fn what_was_sealed_signs_in_after_a_restart_and_cannot_be_read_in_the_store() {
    let testbed = testbed().await;
    let folder = tempfile::tempdir().expect("a folder");
    let form = platform(FORM, &testbed.url());
    let process = || {
        let store = FileStore::open(folder.path()).expect("the folder opens");
        let builder = Client::builder().store(store).keyring(keyring());
        builder.keep_credentials(KeepCredentials::Sealed).build().expect("a client")
    };
    let session = process().sign_in(&form, "alice", alice()).await.expect("signs in");
    session.close().await.expect("saved");
    let bytes = stored(folder.path());
    assert!(!bytes.is_empty());
    assert!(!bytes.windows(14).any(|part| part == b"alice-password"));
    testbed.expire("alice");
    let before = testbed.stats().sign_ins.total;
    let session = process().resume(&form, "alice").await.expect("resumes");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    assert_eq!(testbed.stats().sign_ins.total, before + 1);
}
