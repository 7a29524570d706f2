//! Does the native driver keep time? A scripted wire and tokio's paused clock: hours pass at once, and every exchange is counted.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use hallpass::core::effect::Failure;
use hallpass::core::time::Wall;
use hallpass::testing::{Fixed, Script};
use hallpass::{Client, Credentials, Platform, Session, Verdict};
use http::{Request, Response};
use tokio::time::Instant;

/// What one request is answered.
enum Answer {
    Never,
    /// With 200 and nothing else, once it was polled twice; no timer is asked.
    AtOnce,
    /// After how many milliseconds, with which status, header and body.
    After(u64, u16, Option<(&'static str, &'static str)>, String),
}

/// What a request is answered, and the how-manieth on its path it is.
type Answers = Box<dyn Fn(&Request<Bytes>, usize) -> Answer + Send + Sync>;

struct Wire {
    answer: Answers,
    paths: Arc<Mutex<Vec<String>>>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Script for Wire {
    fn exchange(
        &self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, Failure>> + Send + '_>> {
        let path = request.uri().path().to_owned();
        let nth = {
            let mut paths = self.paths.lock().expect("not poisoned");
            paths.push(path.clone());
            paths.iter().filter(|seen| **seen == path).count()
        };
        let answer = (self.answer)(&request, nth);
        Box::pin(async move {
            let (after, status, header, body) = match answer {
                Answer::Never => return std::future::pending().await,
                Answer::AtOnce => {
                    tokio::task::yield_now().await;
                    return Ok(Response::new(Bytes::new()));
                }
                Answer::After(after, status, header, body) => (after, status, header, body),
            };
            tokio::time::sleep(Duration::from_millis(after)).await;
            let mut response = Response::builder().status(status);
            if let Some((name, value)) = header {
                response = response.header(name, value);
            }
            Ok(response.body(Bytes::from(body)).expect("a response"))
        })
    }
}

/// A session whose every exchange `answer` answers; and the paths that were asked.
async fn session(
    answer: impl Fn(&Request<Bytes>, usize) -> Answer + Send + Sync + 'static,
) -> (Session, Arc<Mutex<Vec<String>>>) {
    let paths = Arc::new(Mutex::new(Vec::new()));
    let wire = Wire { answer: Box::new(answer), paths: paths.clone() };
    let fixed = Fixed { wall: Wall::from_millis(1_800_000_000_000), seed: [5; 32] };
    let client = Client::builder().scripted(wire, fixed).build().expect("builds");
    let platform = r#"{ "id": "scripted", "base_url": "https://api.example", "sign_in": { "oauth2_refresh": {} },
        "renew": { "token_url": "/token" } }"#;
    let platform = Platform::from_json(platform).expect("a platform");
    let session = client.sign_in(&platform, "alice", Credentials::refresh_token("r0")).await.expect("signs in");
    (session, paths)
}

fn tokens(nth: usize, lifetime: u64) -> Answer {
    let body = format!(r#"{{"access_token":"a{nth}","refresh_token":"r{nth}","expires_in":{lifetime}}}"#);
    Answer::After(20, 200, None, body)
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_half_a_minute_gets_it() {
    let (session, paths) = session(|request, nth| match (request.uri().path(), nth) {
        ("/token", nth) => tokens(nth, 3600),
        (_, 1) => Answer::After(5, 429, Some(("retry-after", "30")), String::new()),
        _ => Answer::After(5, 200, None, "served".to_owned()),
    })
    .await;
    let began = Instant::now();
    let answer = session.get("/x").send().await.expect("answers");
    assert_eq!((answer.verdict(), answer.attempts()), (Verdict::Served, 2));
    assert!(began.elapsed() >= Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(31), "{:?}", began.elapsed());
    assert_eq!(*paths.lock().expect("not poisoned"), ["/token", "/x", "/x"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_costs_the_total_deadline_and_no_more() {
    let (session, _) =
        session(|request, nth| if request.uri().path() == "/token" { tokens(nth, 3600) } else { Answer::Never }).await;
    let began = Instant::now();
    let error = session.get("/x").send().await.expect_err("nobody answers");
    assert_eq!(error.kind(), "timeout");
    assert_eq!(began.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_is_renewed_ahead_of_its_end_hour_after_hour() {
    let (session, paths) = session(|request, nth| {
        if request.uri().path() == "/token" { tokens(nth, 3600) } else { Answer::After(5, 200, None, String::new()) }
    })
    .await;
    tokio::time::sleep(Duration::from_secs(10 * 3600)).await;
    // A token of an hour is renewed 720 s before its end, so every 2 880 s: 12 times in ten hours.
    assert_eq!(session.stats().renewals, 12);
    assert_eq!(session.generation(), 13);
    let asked = paths.lock().expect("not poisoned").len();
    assert_eq!(asked, 13, "nothing but the issuer was asked");
    let answer = session.get("/x").send().await.expect("answers");
    assert_eq!(answer.generation(), 13);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_and_script_write_the_same_trace() {
    let mut traces = Vec::new();
    for _ in 0..2 {
        let (session, _) = session(|request, nth| match (request.uri().path(), nth) {
            ("/token", nth) => tokens(nth, 600),
            (_, 1) => Answer::After(5, 503, None, String::new()),
            (_, 2) => Answer::After(5, 401, None, String::new()),
            _ => Answer::After(5, 200, None, String::new()),
        })
        .await;
        assert_eq!(session.get("/x").send().await.expect("answers").status(), 200);
        session.close().await.expect("closes");
        traces.push(session.take_trace());
    }
    assert_eq!(traces[0], traces[1]);
    assert!(traces[0].iter().any(|line| line.ends_with("notice renewed 2")), "{:#?}", traces[0]);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_call_of_an_active_session_spawns_nothing() {
    let (session, paths) =
        session(|request, nth| if request.uri().path() == "/token" { tokens(nth, 3600) } else { Answer::AtOnce }).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    // The only thread is never given back to the runtime here, so a task that were spawned could not end unseen.
    for _ in 0..3 {
        let mut sending = std::pin::pin!(session.get("/x").send());
        let mut polls = 0;
        let answer = loop {
            let poll = sending.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            polls += 1;
            assert_eq!(tasks(), before, "at poll {polls}");
            assert!(polls < 10, "the wire answers at once");
            if let Poll::Ready(answer) = poll {
                break answer.expect("answers");
            }
        };
        assert_eq!((answer.status().as_u16(), answer.attempts()), (200, 1));
        assert!(polls > 1, "it was seen on its way");
    }
    assert_eq!(tasks(), before);
    assert_eq!(*paths.lock().expect("not poisoned"), ["/token", "/x", "/x", "/x"]);
    let spawned = tokio::spawn(std::future::pending::<()>());
    assert_eq!(tasks(), before + 1, "a spawned task would have been counted");
    spawned.abort();
}

#[tokio::test(start_paused = true)]
async fn a_cookie_for_everybody_under_a_public_suffix_is_taken_only_by_the_suffix_itself() {
    let cookies_after = async |host: &str, line: &'static str| {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (seen, host) = (sent.clone(), host.to_owned());
        let answer = move |request: &Request<Bytes>, _| {
            let cookie = request.headers().get("cookie").map(|line| line.to_str().expect("text").to_owned());
            seen.lock().expect("not poisoned").push(cookie);
            Answer::After(5, 200, Some(("set-cookie", line)), String::new())
        };
        let wire = Wire { answer: Box::new(answer), paths: Arc::default() };
        let fixed = Fixed { wall: Wall::from_millis(1_800_000_000_000), seed: [5; 32] };
        let client = Client::builder().scripted(wire, fixed).build().expect("builds");
        let platform =
            format!(r#"{{ "id": "scripted", "base_url": "https://{host}", "sign_in": {{ "bundle": {{}} }} }}"#);
        let platform = Platform::from_json(&platform).expect("a platform");
        let session = client
            .sign_in(&platform, "alice", Credentials::default().with("access_token", "t"))
            .await
            .expect("signs in");
        for _ in 0..2 {
            session.get("/x").send().await.expect("answers");
        }
        let sent = sent.lock().expect("not poisoned");
        sent.last().cloned().expect("two requests")
    };
    let taken = Some("a=1".to_owned());
    assert_eq!(cookies_after("me.github.io", "a=1; Domain=github.io; Path=/").await, None);
    assert_eq!(cookies_after("shop.example.co.uk", "a=1; Domain=co.uk; Path=/").await, None);
    assert_eq!(cookies_after("shop.example.co.uk", "a=1; Domain=example.co.uk; Path=/").await, taken);
    assert_eq!(cookies_after("github.io", "a=1; Domain=github.io; Path=/").await, taken);
}
