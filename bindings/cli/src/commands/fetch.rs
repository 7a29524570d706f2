//! `hallpass fetch`: one call as a saved session, with curl's habits.
//!
//! **Invariant:** only the answer (its body, and its head where that is asked for) goes to standard output, and what the call changed in the session is saved however
//! the call ended.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hallpass::core::machine::Redirect;
use hallpass::{Call, Error, Head, Kind, Response, Retry, Session, Verdict};
use http::{Method, Version};
use serde_json::json;

use super::transfer::{self, Outgoing};
use crate::args::{Common, Fetch};
use crate::outcome::{Exit, Failure};
use crate::places::Places;
use crate::platforms;
use crate::redact;
use crate::report::{self, Errors};
use crate::vault::{Tells, Vault};

pub(crate) async fn run(common: &Common, wanted: Fetch) -> Result<Exit, Failure> {
    let places = Places::find()?;
    let (word, account) = (&wanted.whose.platform, &wanted.whose.account);
    let platform = platforms::find(word, &places)?;
    let outgoing = transfer::outgoing(&wanted)?;
    // An address that cannot be is told before anything is opened.
    platform.compiled().target(&wanted.address)?;
    let about = |error| Failure::about(error, word, account);
    let vault = Vault::open(common, &places)?;
    let keyring = vault.keyring_for(account).await.map_err(about)?;
    let tells = if wanted.verbose { Tells::Notices } else { Tells::Nothing };
    let last = Arc::new(Mutex::new(Version::HTTP_11));
    let client = {
        let (last, typed, is_verbose) = (last.clone(), wanted.address.clone(), wanted.verbose);
        let heard = move |head: Head<'_>| {
            if let Head::Received { purpose: None, version, .. } = head {
                *last.lock().unwrap_or_else(PoisonError::into_inner) = version;
            }
            if is_verbose {
                for line in redact::lines(&head, &typed) {
                    report::line(&line);
                }
            }
        };
        vault.builder(keyring, tells).on_head(heard).build()?
    };
    let session = client.resume(&platform, account).await.map_err(about)?;
    let called = tokio::select! {
        called = call(&session, &wanted, outgoing, &last) => called.map_err(|failure| match failure {
            Ended::Call(error) => about(error),
            Ended::Output(failure) => failure,
        }),
        () = super::interrupted() => Ok(Called::Interrupted),
    };
    let saved = session.close().await.map_err(about);
    match (called, saved) {
        (Ok(Called::Interrupted), saved) => saved.map(|()| Exit::Interrupted),
        (Ok(Called::Answered(answer)), Ok(())) => {
            answer.tell(&wanted, common.errors);
            Ok(answer.exit)
        }
        (Ok(Called::Answered(_)), Err(failure)) | (Err(failure), Ok(())) => Err(failure),
        (Err(failure), Err(unsaved)) => {
            report::failure(&unsaved, common.errors);
            Err(failure)
        }
    }
}

/// How a call ended well enough.
enum Called {
    Answered(Answer),
    Interrupted,
}

/// Why there is no whole answer.
enum Ended {
    Call(Error),
    Output(Failure),
}

/// What is told of an answer whose body has been written.
struct Answer {
    status: u16,
    verdict: &'static str,
    exit: Exit,
    error: Option<Error>,
    path: String,
    attempts: u32,
    redirects: u32,
}

async fn call(session: &Session, wanted: &Fetch, outgoing: Outgoing, last: &Mutex<Version>) -> Result<Called, Ended> {
    let mut call = session.request(outgoing.method.clone(), &wanted.address).headers(outgoing.headers);
    if let Some(body) = outgoing.body {
        call = call.body(Bytes::from(body));
    }
    if wanted.no_location {
        call = call.redirect(Redirect::Manual);
    }
    let Some(limit) = wanted.max_time else { return carry(call, wanted, last).await };
    let carried = tokio::time::timeout(limit, carry(call.timeout(limit + GRACE), wanted, last)).await;
    carried.unwrap_or_else(|_| {
        let what = format!("not done within the {} s of --max-time", limit.as_secs_f64());
        Err(Ended::Call(Error::new(Kind::Timeout, what)))
    })
}

/// The call knows its limit, so that it fails at once where it would have to wait longer; what ends it is the one clock for
/// head and body.
const GRACE: Duration = Duration::from_millis(100);

async fn carry(call: Call, wanted: &Fetch, last: &Mutex<Version>) -> Result<Called, Ended> {
    let mut response = call.send().await.map_err(Ended::Call)?;
    let answer = Answer::of(&response);
    let mut sink = transfer::Sink::open(wanted.output.as_deref()).map_err(Ended::Output)?;
    if wanted.include {
        let version = *last.lock().unwrap_or_else(PoisonError::into_inner);
        let mut head = format!("{version:?} {}\r\n", response.status());
        for line in redact::headers(response.headers()) {
            head.extend([line.as_str(), "\r\n"]);
        }
        head.push_str("\r\n");
        if sink.write(head.as_bytes()).map_err(Ended::Output)? == transfer::Reader::Gone {
            return Ok(Called::Answered(answer));
        }
    }
    while let Some(chunk) = response.chunk().await.map_err(Ended::Call)? {
        if sink.write(&chunk).map_err(Ended::Output)? == transfer::Reader::Gone {
            break;
        }
    }
    sink.finish().map_err(Ended::Output)?;
    Ok(Called::Answered(answer))
}

impl Answer {
    fn of(response: &Response) -> Self {
        let verdict = response.verdict();
        let kind = verdict.error_kind();
        let path = response.uri().path().to_owned();
        let error = kind.map(|kind| {
            let error = Error::new(kind, format!("{path} answered {}", response.status()));
            match response.retry_at() {
                Some(at) => error.with_retry(Retry::After(at)),
                None => error,
            }
        });
        Self {
            status: response.status().as_u16(),
            verdict: verdict.as_str(),
            exit: match (verdict, kind) {
                (Verdict::Served, _) => Exit::Served,
                (Verdict::Declined, _) | (_, None) => Exit::Declined,
                (_, Some(kind)) => Exit::of(kind),
            },
            error,
            path,
            attempts: response.attempts(),
            redirects: response.redirects(),
        }
    }

    /// Tells what came of it, where that is not plain.
    fn tell(&self, wanted: &Fetch, errors: Errors) {
        if wanted.verbose {
            let Self { status, verdict, attempts, redirects, .. } = self;
            report::line(&format!("* {status} {verdict}; attempts: {attempts}, redirects: {redirects}"));
        }
        match (&self.error, errors) {
            (Some(error), _) => {
                let (word, account) = (&wanted.whose.platform, &wanted.whose.account);
                let mut failure = Failure::about(error.clone(), word, account);
                if let Retry::After(at) = error.retry() {
                    failure = failure.with_hint(format!("try again {}", report::from_now(at, report::now())));
                }
                report::failure(&failure, errors);
            }
            (None, _) if self.exit == Exit::Served => {}
            (None, Errors::Text) => {
                report::remark(&format!("{} answered {} ({})", self.path, self.status, self.verdict));
            }
            (None, Errors::Json) => {
                let what = format!("{} answered {}", self.path, self.status);
                let error = json!({ "kind": self.verdict, "detail": what, "retry": "never", "status": self.status });
                report::line(&json!({ "error": error }).to_string());
            }
        }
    }
}

/// The method of a request: the one asked for, or what its body implies.
pub(super) fn method(wanted: &Fetch, has_body: HasBody) -> Result<Method, Failure> {
    match (&wanted.method, has_body) {
        (Some(name), _) => Method::from_bytes(name.as_bytes())
            .map_err(|_| Error::new(Kind::RequestInvalid, format!("`{}` is no method", name.escape_debug())).into()),
        (None, HasBody::Yes) => Ok(Method::POST),
        (None, HasBody::No) => Ok(Method::GET),
    }
}

/// Whether a request carries a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HasBody {
    Yes,
    No,
}
