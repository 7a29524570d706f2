//! What does a browser take along, and what is taken from where it comes back?

use super::*;

const REDIRECT: &str = "http://127.0.0.1:51004/callback";

fn proof() -> Proof {
    let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    Proof { state: Secret::new("xy&z"), verifier }
}

fn expected(issuer: Option<&'static str>, names_itself: bool) -> Expected<'static> {
    static STATE: std::sync::LazyLock<Secret> = std::sync::LazyLock::new(|| Secret::new("xy&z"));
    Expected { redirect_uri: REDIRECT, state: &STATE, issuer, names_itself }
}

fn back(query: &str) -> String {
    format!("{REDIRECT}?{query}")
}

#[test]
fn the_browser_takes_the_challenge_and_the_state_along_and_never_the_verifier() {
    let recipe = AuthorizationCode {
        parameters: [("prompt".to_owned(), "consent".to_owned())].into(),
        ..AuthorizationCode::default()
    };
    let mut request = Request {
        endpoint: "https://server.example.com/authorize",
        recipe: &recipe,
        client_id: Some("s6BhdRkqt3"),
        scope: Some("openid offline_access"),
        redirect_uri: REDIRECT,
    };
    let query = "response_type=code&client_id=s6BhdRkqt3&redirect_uri=http%3A%2F%2F127.0.0.1%3A51004%2Fcallback\
        &scope=openid+offline_access&state=xy%26z&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
        &code_challenge_method=S256&prompt=consent";
    assert_eq!(request.address(&proof()), format!("https://server.example.com/authorize?{query}"));
    request.endpoint = "https://server.example.com/authorize?tenant=1";
    assert_eq!(request.address(&proof()), format!("https://server.example.com/authorize?tenant=1&{query}"));
}

#[test]
fn a_code_is_taken_from_the_address_that_carries_the_state() {
    let code = expected(None, false).code(&back("code=SplxlOBeZQQYbYS6WxSbIA&state=xy%26z")).expect("a code");
    assert_eq!(code.expose(), "SplxlOBeZQQYbYS6WxSbIA");
    let encoded = expected(None, false).code(&back("state=xy%26z&code=a%2Bb+c%C3%BC&iss=https%3A%2F%2Fany&x=%zz#_=_"));
    assert_eq!(encoded.expect("a code").expose(), "a+b cü");
}

#[test]
fn an_address_that_is_not_ours_or_of_another_sign_in_brings_nothing() {
    let good = "code=c0de&state=xy%26z";
    for address in [
        back("code=c0de&state=other"),
        back("code=c0de"),
        back("state=xy%26z"),
        back("code=&state=xy%26z"),
        back("code=c0de&state=xy%26z&state=xy%26z"),
        back("code=c0de&code=c1de&state=xy%26z"),
        back("code=%ff&state=xy%26z"),
        format!("http://127.0.0.1:51005/callback?{good}"),
        format!("http://127.0.0.1:51004/callback/more?{good}"),
        format!("https://evil.example/?{REDIRECT}?{good}"),
        good.to_owned(),
        String::new(),
    ] {
        let error = expected(None, false).code(&address).expect_err(&address);
        assert_eq!(error.kind(), "challenge_refused", "{address}");
        assert!(!error.to_string().contains("c0de"), "{error}");
    }
}

#[test]
fn an_answer_of_another_issuer_is_refused_before_it_is_read() {
    let (ours, both) = ("https://honest.as.example", "code=c&state=xy%26z");
    let named = |issuer: &str| back(&format!("{both}&iss={issuer}"));
    for (names_itself, address, is_taken) in [
        (true, named("https%3A%2F%2Fhonest.as.example"), true),
        (true, named("https%3A%2F%2Fattacker.example"), false),
        (true, named("https%3A%2F%2Fhonest.as.example%2F"), false),
        (true, back(both), false),
        (false, back(both), true),
        (false, named("https%3A%2F%2Fattacker.example"), false),
        (true, back("error=access_denied&state=xy%26z&iss=https%3A%2F%2Fattacker.example"), false),
    ] {
        let found = expected(Some(ours), names_itself).code(&address);
        assert_eq!(found.is_ok(), is_taken, "{address}");
        if let Err(error) = found {
            assert_eq!(error.kind(), "challenge_refused", "{address}");
        }
    }
}

#[test]
fn an_error_says_whose_fault_it_is_and_shows_plain_codes_only() {
    for (code, kind, shown) in [
        ("access_denied", "credentials_refused", "(`access_denied`)"),
        ("temporarily_unavailable", "platform_failed", "(`temporarily_unavailable`)"),
        ("invalid_scope", "unexpected_answer", "(`invalid_scope`)"),
        ("%1B%5B2J", "unexpected_answer", "did not sign the account in"),
    ] {
        let error = expected(None, false).code(&back(&format!("error={code}&state=xy%26z"))).expect_err(code);
        assert_eq!(error.kind(), kind);
        assert!(error.detail().ends_with(shown), "{error}");
    }
}

proptest::proptest! {
    #[test]
    fn no_address_makes_it_panic(address in "[ -~é]{0,60}", query in "[a-z=&%+0-9]{0,40}") {
        let _ = expected(None, false).code(&address);
        let _ = expected(Some("https://a"), true).code(&back(&query));
    }
}
