//! What does whoever traces see of a call, its attempts, and what the session does by itself?

#[path = "client/support.rs"]
#[expect(dead_code, reason = "other tests need the rest")]
mod support;

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use hallpass::{Credentials, Session};
use hallpass_testbed::{Action, Rule, Testbed};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use support::{OAUTH, client, platform, testbed};

/// Writes down every span of Hallpass, and everything else as text.
#[derive(Clone, Default)]
struct Scribe(Arc<Book>);

#[derive(Default)]
struct Book {
    spans: Mutex<Vec<Written>>,
    all: Mutex<String>,
    last: AtomicU64,
}

/// One span.
#[derive(Clone, Debug)]
struct Written {
    id: u64,
    name: &'static str,
    parent: Option<u64>,
    fields: BTreeMap<String, String>,
    holders: usize,
}

thread_local! {
    static INSIDE: std::cell::RefCell<Vec<u64>> = const { std::cell::RefCell::new(Vec::new()) };
}

struct Fields<'a>(&'a mut BTreeMap<String, String>, &'a Mutex<String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}");
        writeln!(self.1.lock().expect("whole"), "{field}={value}").expect("a string takes it");
        self.0.insert(field.name().to_owned(), value.trim_matches('"').to_owned());
    }
}

impl Subscriber for Scribe {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.0.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut fields = BTreeMap::new();
        span.record(&mut Fields(&mut fields, &self.0.all));
        let inside = INSIDE.with_borrow(|inside| inside.last().copied());
        let parent = if span.is_contextual() { inside } else { span.parent().map(Id::into_u64) };
        let written = Written { id, name: span.metadata().name(), parent, fields, holders: 1 };
        self.0.spans.lock().expect("whole").push(written);
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let mut spans = self.0.spans.lock().expect("whole");
        let Some(span) = spans.iter_mut().find(|span| span.id == id.into_u64()) else { return };
        values.record(&mut Fields(&mut span.fields, &self.0.all));
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Fields(&mut BTreeMap::new(), &self.0.all));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, id: &Id) {
        INSIDE.with_borrow_mut(|inside| inside.push(id.into_u64()));
    }

    fn exit(&self, id: &Id) {
        INSIDE.with_borrow_mut(|inside| assert_eq!(inside.pop(), Some(id.into_u64()), "left in order"));
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.holders(id, |holders| *holders += 1);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        self.holders(&id, |holders| *holders -= 1);
        true
    }
}

impl Scribe {
    fn holders(&self, id: &Id, change: impl FnOnce(&mut usize)) {
        // What is closed after it was looked at is not asked for again.
        if let Some(span) = self.0.spans.lock().expect("whole").iter_mut().find(|span| span.id == id.into_u64()) {
            change(&mut span.holders);
        }
    }
}

impl Written {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    fn line(&self) -> String {
        let names = [
            "hallpass.purpose",
            "http.request.method",
            "http.response.status_code",
            "http.request.resend_count",
            "error.type",
        ];
        let fields = names.map(|name| format!(" {}", self.fields.get(name).map_or("-", String::as_str)));
        format!("{}{}", self.name, fields.concat())
    }
}

async fn signed_in() -> (Testbed, Session, String) {
    let testbed = testbed().await;
    let grant = testbed.issue_refresh_token("alice").expect("a grant");
    let oauth = platform(&OAUTH.replace("base = \"250ms\"", "base = \"1ms\""), &testbed.url());
    let session = client().sign_in(&oauth, "alice", Credentials::refresh_token(grant.clone())).await.expect("signs in");
    (testbed, session, grant)
}

fn answer(status: u16) -> Action {
    Action::Status { status, headers: Vec::new().into_iter().collect(), body: String::new() }
}

#[tokio::test]
async fn a_call_and_each_of_its_attempts_are_spans_with_the_names_of_opentelemetry_and_no_secret() {
    let scribe = Scribe::default();
    tracing::subscriber::set_global_default(scribe.clone()).expect("the only test here");
    let (testbed, session, grant) = signed_in().await;
    let taken = || std::mem::take(&mut *scribe.0.spans.lock().expect("whole"));
    let sign_in: Vec<_> = taken().into_iter().filter(|span| span.name.starts_with("hallpass.")).collect();
    assert!(sign_in.iter().all(|span| span.name == "hallpass.attempt" && span.parent.is_none()), "{sign_in:?}");
    assert_eq!(sign_in[0].field("hallpass.purpose"), "sign_in");

    testbed.script(Rule::on("/redirect", answer(401))).expect("a rule");
    testbed.script(Rule::on("/redirect", answer(503))).expect("a rule");
    let call = session.get("/redirect/1?key=PLANTED-query").header("x-own", "PLANTED-header");
    let answered = call.send().await.expect("answers");
    assert_eq!((answered.status().as_u16(), answered.attempts(), answered.redirects()), (200, 4, 1));
    drop(answered);

    let spans: Vec<_> = taken().into_iter().filter(|span| span.name.starts_with("hallpass.")).collect();
    let call = spans.iter().find(|span| span.name == "hallpass.call").expect("one call");
    let url = testbed.url();
    assert_eq!(call.parent, None);
    assert_eq!(call.field("platform"), "testbed-oauth");
    assert_eq!(call.field("account"), "alice");
    assert_eq!(call.field("otel.name"), "GET");
    assert_eq!(call.field("url.full"), format!("{url}/redirect/1"));
    assert_eq!(call.field("server.address"), "127.0.0.1");
    assert!(url.ends_with(&format!(":{}", call.field("server.port"))));
    assert_eq!((call.field("http.response.status_code"), call.field("error.type")), ("200", ""));
    assert_eq!((call.field("hallpass.attempts"), call.field("hallpass.redirects")), ("4", "1"));
    assert_eq!(call.field("hallpass.verdict"), "served");

    let (attempts, own): (Vec<_>, Vec<_>) =
        spans.iter().filter(|span| span.name == "hallpass.attempt").partition(|span| span.parent == Some(call.id));
    let told = |spans: &[&Written], name: &str| -> Vec<String> {
        spans.iter().map(|span| span.field(name).to_owned()).collect()
    };
    assert_eq!(told(&attempts, "http.response.status_code"), ["401", "503", "302", "200"]);
    assert_eq!(told(&attempts, "http.request.resend_count"), ["", "1", "2", "3"]);
    assert_eq!(told(&attempts, "error.type"), ["401", "503", "", ""]);
    assert_eq!(told(&attempts, "otel.status_code"), ["ERROR", "ERROR", "", ""]);
    assert_eq!(told(&attempts, "hallpass.generation"), ["1", "2", "2", "2"]);
    assert!(attempts.iter().all(|span| span.field("network.protocol.version") == "1.1"));
    assert!(
        attempts.iter().all(|span| span.field("otel.kind") == "client" && span.field("hallpass.purpose") == "call")
    );
    assert!(attempts.iter().all(|span| span.field("account") == "alice" && span.field("platform") == "testbed-oauth"));
    assert_eq!(told(&own, "hallpass.purpose"), ["renewal"], "{own:?}");
    assert!(spans.iter().all(|span| span.holders == 0), "none is left open");

    testbed.stop().await;
    let error = session.post("/api/items/1").send().await.expect_err("nobody listens");
    assert_eq!(error.kind(), "connect");
    let spans: Vec<_> = taken().iter().filter(|span| span.name.starts_with("hallpass.")).map(Written::line).collect();
    assert_eq!(spans[0], "hallpass.call - POST - - connect");
    assert_eq!(spans[1], "hallpass.attempt call POST - - connect");
    assert_eq!(spans[2], "hallpass.attempt call POST - 1 connect");

    let all = scribe.0.all.lock().expect("whole").clone();
    for secret in ["PLANTED", grant.as_str(), "Bearer"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
