//! What would a browser do? Walks an authorization once: sign in, consent, exchange the code; the refresh token is handed over.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hallpass::http::{ExchangeLimits, RequestBody, Transport, TransportSettings};
use hallpass_core::cookie::Jar;
use hallpass_core::time::Wall;
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{Method, Request, Uri};
use http_body_util::BodyExt;

use crate::provider::{CLIENT_ID, CLIENT_SECRET};

/// Signs in, consents and exchanges the code.
pub(crate) async fn authorize(url: &str) -> String {
    let mut browser =
        Browser { transport: Transport::new(TransportSettings::default()).expect("a transport"), jar: Jar::new() };
    let query = format!(
        "client_id={CLIENT_ID}&response_type=code&redirect_uri={REDIRECT}&scope=openid%20offline_access&prompt=consent"
    );
    let mut at: Uri = format!("{url}/auth?{query}").parse().expect("an address");
    let mut forms = [format!("prompt=login&login={LOGIN}&password=x"), "prompt=consent".to_owned()].into_iter();
    for _ in 0..MOST_STEPS {
        if at.path() == "/callback" {
            let code = at.query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("code=")));
            return browser.exchange(url, code.expect("the redirect has a code")).await;
        }
        let form = if at.path().starts_with("/interaction/") { forms.next() } else { None };
        at = browser.next(&at, form).await;
    }
    panic!("the walk led nowhere: {at}");
}

struct Browser {
    transport: Transport,
    jar: Jar,
}

impl Browser {
    /// Fetches a page, or sends its form, and answers where it leads.
    async fn next(&mut self, at: &Uri, form: Option<String>) -> Uri {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        let now = Wall::from_millis(i64::try_from(now).expect("before the year 292 million"));
        let mut request = Request::new(form.map_or(RequestBody::Empty, |form| RequestBody::Full(Bytes::from(form))));
        if !matches!(request.body(), RequestBody::Empty) {
            *request.method_mut() = Method::POST;
            request.headers_mut().insert(CONTENT_TYPE, FORM);
        }
        if let Some(cookies) = self.jar.line(at, now) {
            request.headers_mut().insert(COOKIE, cookies);
        }
        *request.uri_mut() = at.clone();
        let (head, body) =
            self.transport.exchange(request, ExchangeLimits::default()).await.expect("a page").into_parts();
        let text = body.collect().await.expect("a body").to_bytes();
        for line in head.headers.get_all(SET_COOKIE) {
            self.jar.receive(at, line.as_bytes(), now);
        }
        let location = head.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let location =
            location.unwrap_or_else(|| panic!("{at} answered {}: {}", head.status, String::from_utf8_lossy(&text)));
        hallpass_core::url::resolve(at, location).expect("the redirect resolves")
    }

    async fn exchange(&self, url: &str, code: &str) -> String {
        let secret = CLIENT_SECRET.replace(' ', "+");
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri={REDIRECT}&client_id={CLIENT_ID}&client_secret={secret}"
        );
        let request =
            Request::post(format!("{url}/token")).header(CONTENT_TYPE, FORM).body(RequestBody::Full(Bytes::from(form)));
        let answer =
            self.transport.exchange(request.expect("a request"), ExchangeLimits::default()).await.expect("an answer");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        let tokens: serde_json::Value = serde_json::from_slice(&body).expect("tokens are JSON");
        tokens["refresh_token"].as_str().unwrap_or_else(|| panic!("no refresh token: {tokens}")).to_owned()
    }
}

pub(crate) const LOGIN: &str = "bob";
const REDIRECT: &str = "http://127.0.0.1/callback";
const FORM: http::HeaderValue = http::HeaderValue::from_static("application/x-www-form-urlencoded");
const MOST_STEPS: usize = 12;
