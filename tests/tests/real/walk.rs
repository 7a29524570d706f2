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
    let mut browser = Browser::new();
    let query = format!(
        "client_id={CLIENT_ID}&response_type=code&redirect_uri={REDIRECT}&scope=openid%20offline_access&prompt=consent"
    );
    let back = browser.sign_in(format!("{url}/auth?{query}").parse().expect("an address")).await;
    let code = back.query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("code=")));
    browser.exchange(url, code.expect("the redirect has a code")).await
}

/// Signs in and consents where a program sent the browser; the whole address that it comes back to.
pub(crate) async fn sent_to(address: &str) -> String {
    Browser::new().sign_in(address.parse().expect("an address")).await.to_string()
}

/// Confirms the code of a device, signs in and consents.
pub(crate) async fn agree(address: &str) {
    let mut browser = Browser::new();
    let at: Uri = address.parse().expect("an address");
    let shown = browser.visit(&at, None).await;
    let confirm = browser.visit(&at, Some(hidden(&shown.text))).await;
    let sent = browser.visit(&at, Some(hidden(&confirm.text))).await;
    browser.interact(sent.leads_to.expect("to sign in"), |_| false).await;
}

/// The hidden fields of a page's form, as the browser sends them.
fn hidden(page: &str) -> String {
    let attribute = |tag: &str, name: &str| {
        let value = tag.split_once(&format!("{name}=\""))?.1.split_once('"')?.0.to_owned();
        Some(value)
    };
    let tags = page.split("<input").skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag));
    let fields = tags.filter(|tag| tag.contains("hidden"));
    let pairs = fields.filter_map(|tag| Some(format!("{}={}", attribute(tag, "name")?, attribute(tag, "value")?)));
    pairs.collect::<Vec<_>>().join("&")
}

struct Browser {
    transport: Transport,
    jar: Jar,
}

/// What a browser gets.
struct Page {
    leads_to: Option<Uri>,
    text: String,
}

impl Browser {
    fn new() -> Self {
        Self { transport: Transport::new(TransportSettings::default()).expect("a transport"), jar: Jar::new() }
    }

    /// Signs in and consents, until the browser is sent back.
    async fn sign_in(&mut self, at: Uri) -> Uri {
        self.interact(at, |at| at.path() == "/callback").await
    }

    /// Answers the issuer's questions until it has none, or the browser is where it was to come.
    async fn interact(&mut self, mut at: Uri, is_there: impl Fn(&Uri) -> bool) -> Uri {
        let mut forms = [format!("prompt=login&login={LOGIN}&password=x"), "prompt=consent".to_owned()].into_iter();
        for _ in 0..MOST_STEPS {
            if is_there(&at) {
                return at;
            }
            let form = if at.path().starts_with("/interaction/") { forms.next() } else { None };
            let page = self.visit(&at, form).await;
            match page.leads_to {
                Some(next) => at = next,
                None if forms.len() == 0 => return at,
                None => panic!("{at} leads nowhere: {}", page.text),
            }
        }
        panic!("the walk led nowhere: {at}");
    }

    /// Fetches a page, or sends its form.
    async fn visit(&mut self, at: &Uri, form: Option<String>) -> Page {
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
        let text = String::from_utf8_lossy(&body.collect().await.expect("a body").to_bytes()).into_owned();
        assert!(head.status.as_u16() < 400, "{at} answered {}: {text}", head.status);
        for line in head.headers.get_all(SET_COOKIE) {
            self.jar.receive(at, line.as_bytes(), now);
        }
        let location = head.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let resolve = |location| hallpass_core::url::resolve(at, location).expect("the redirect resolves");
        Page { leads_to: location.map(resolve), text }
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
