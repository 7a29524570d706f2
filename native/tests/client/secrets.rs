//! Does a secret ever show, in what is logged, printed, told or stored?

use std::fmt::{Debug, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use hallpass::{Client, Credentials, Secret};
use hallpass_testbed::{Action, Rule};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::{BUNDLE, bundle, client_at, keyring, kind, platform, quick, testbed};

/// Writes down everything that is traced, at every level.
#[derive(Clone, Default)]
struct Scribe(Arc<Mutex<String>>);

impl Subscriber for Scribe {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Line(&self.0));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Line(&self.0));
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Line(&self.0));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Line<'a>(&'a Mutex<String>);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().expect("whole"), "{field}={value:?}").expect("a string takes it");
    }
}

/// Every byte in a folder.
pub(crate) fn stored(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        bytes.extend(path.display().to_string().into_bytes());
        bytes.extend(if path.is_dir() { stored(&path) } else { std::fs::read(&path).expect("a file") });
    }
    bytes
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

#[tokio::test]
async fn planted_secrets_show_nowhere() {
    let scribe = Scribe::default();
    // For all threads: a subscriber of one thread's own may be overlooked where another one came to a place first. What other tests
    // trace is looked through as well.
    tracing::subscriber::set_global_default(scribe.clone()).expect("no other test sets one");
    let testbed = testbed().await;
    let folder = tempfile::tempdir().expect("a folder");
    let client = client_at(folder.path());
    let mut events = client.events();
    let json = quick(&testbed.url(), "");
    let mut shown = String::new();
    let mut show = |what: &dyn Debug| writeln!(shown, "{what:?} {what:#?}").expect("a string takes it");

    let given = Credentials::password("alice", "PLANTED-password").with("client_secret", "PLANTED-client-secret");
    show(&given);
    show(&Secret::new("PLANTED-secret"));
    let error = client.sign_in(&json, "alice", given).await.expect_err("wrong");
    show(&(&error, error.to_string()));

    let grant = testbed.issue_refresh_token("alice").expect("a grant");
    let oauth = platform(crate::support::OAUTH, &testbed.url());
    let session = client.sign_in(&oauth, "alice", Credentials::refresh_token(grant.clone())).await.expect("signs in");
    let head = session.get("/head?token=PLANTED-query").send().await.expect("answers").text().await.expect("a body");
    let access = head.split("Bearer ").nth(1).and_then(|rest| rest.split('"').next()).expect("a token").to_owned();
    testbed.expire("alice");
    let call = session.post("/api/echo?key=PLANTED-query").header("x-own", "PLANTED-header").body("PLANTED-body");
    show(&call);
    let answer = call.send().await.expect("answers");
    show(&answer);
    testbed
        .script(Rule { times: 0, ..Rule::on("/api/items", Action::Reset { at: hallpass_testbed::Point::Before }) })
        .expect("a rule");
    let error = session.get("/api/items/1?key=PLANTED-query").send().await.expect_err("reset");
    show(&(&error, error.to_string()));
    let error = session
        .get("/api/items/1?key=PLANTED-query")
        .timeout(std::time::Duration::ZERO)
        .send()
        .await
        .expect_err("late");
    show(&(&error, error.to_string()));
    let error = session.get("ftp://user:PLANTED-userinfo@host/x").send().await.expect_err("no http");
    show(&(&error, error.to_string()));
    let error = session.get("/x").header("x-own", "PLANTED-\u{7f}\n").send().await.expect_err("no header");
    show(&(&error, error.to_string()));
    testbed.revoke("alice");
    let error = session.renew().await.expect_err("the grant is gone");
    show(&(&error, error.to_string()));

    let issued = testbed.issue_bundle("alice", "PLANTED-agent").expect("a bundle");
    let planted = Some(Secret::new(format!("{}; extra=PLANTED-cookie", issued.cookie)));
    let bundle = Credentials { cookies: planted, ..bundle(&issued) };
    let described = platform(&BUNDLE.replace("path = \"/me\"", "path = \"/bundle/me\""), &testbed.url());
    let other = client.sign_in(&described, "alice", bundle).await.expect("signs in");
    show(&(&client, &session, &other, &json, &described, keyring(), Client::builder(), client.connections()));
    show(&(client.saved().await.expect("lists"), other.stats()));
    client.close().await.expect("closes");
    let snapshot = client.snapshot();
    show(&(&snapshot, session.snapshot(), serde_json::to_string(&snapshot).expect("JSON")));
    let mut told = 0;
    while let Ok(Some(event)) = tokio::time::timeout(std::time::Duration::ZERO, events.next()).await {
        let event = event.expect("none was lost");
        show(&(&event, serde_json::to_string(&event).expect("JSON")));
        told += 1;
    }
    assert!(told > 5, "{told} events");

    let logged = scribe.0.lock().expect("whole").clone();
    assert!(logged.contains("notice="), "something was traced: {logged}");
    let kept = stored(folder.path());
    let secrets =
        ["PLANTED", grant.as_str(), issued.cookie.trim_start_matches("sid="), issued.x_bc.as_str(), access.as_str()];
    for secret in secrets {
        assert!(secret.len() > 6);
        assert!(!shown.contains(secret), "{secret} in {shown}");
        assert!(!logged.contains(secret), "{secret} in {logged}");
        assert!(!holds(&kept, secret), "{secret} is in the store");
    }
    assert!(!holds(&kept, "acct-alice"), "nor is anything else that is sealed");
    assert_eq!(
        kind(client_at(folder.path()).sign_in(&json, "alice", Credentials::default()).await),
        "credentials_invalid"
    );
}
