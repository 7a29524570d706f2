//! The jar, rule by rule and over many generated histories.

use std::time::Duration;

use http::Uri;
use proptest::prelude::*;

use super::*;

const START: Wall = Wall::from_millis(1_700_000_000_000);

fn uri(text: &str) -> Uri {
    text.parse().expect(text)
}

fn after(seconds: u64) -> Wall {
    START + Duration::from_secs(seconds)
}

fn line(jar: &Jar, to: &str, now: Wall) -> String {
    jar.line(&uri(to), now).map_or(String::new(), |line| String::from_utf8(line.as_bytes().to_vec()).unwrap())
}

/// Sets `lines` at `from`, all at once, and gives what became of the last.
fn set(jar: &mut Jar, from: &str, lines: &[&str]) -> Received {
    let mut last = Received::Unchanged;
    for text in lines {
        last = jar.receive(&uri(from), text.as_bytes(), START);
    }
    last
}

fn ignored(from: &str, text: &str) -> Option<Reason> {
    match set(&mut Jar::new(), from, &[text]) {
        Received::Ignored(reason) => Some(reason),
        Received::Stored(_) | Received::Deleted(_) | Received::Unchanged => None,
    }
}

#[test]
fn what_became_of_a_line_names_the_cookie_and_what_changed() {
    let mut jar = Jar::new();
    let at = "https://h.example/";
    let stored = |what| Received::Stored(Change { name: Name::new(b"sid"), what });
    assert_eq!(set(&mut jar, at, &["sid=1"]), stored(Changed::Added));
    assert_eq!(set(&mut jar, at, &["sid=1"]), Received::Unchanged);
    assert_eq!(set(&mut jar, at, &["sid=2"]), stored(Changed::Value));
    assert_eq!(set(&mut jar, at, &["sid=2; Max-Age=60"]), stored(Changed::Attributes));
    assert_eq!(set(&mut jar, at, &["sid=; Max-Age=0"]), Received::Deleted(Name::new(b"sid")));
    assert_eq!(set(&mut jar, at, &["sid=; Max-Age=0"]), Received::Unchanged);
    assert!(jar.is_empty());
    assert!(Name::new(b"sid") == *"sid" && Name::new(b"sid").as_str() == Some("sid"));
}

#[test]
fn a_host_only_cookie_stays_with_its_host_and_a_domain_cookie_goes_below() {
    let mut jar = Jar::new();
    set(&mut jar, "https://a.h.example/", &["own=1", "all=2; Domain=h.example"]);
    assert_eq!(line(&jar, "https://A.h.example/", START), "own=1; all=2");
    assert_eq!(line(&jar, "https://b.h.example/", START), "all=2");
    assert_eq!(line(&jar, "https://h.example/", START), "all=2");
    assert_eq!(line(&jar, "https://x.a.h.example/", START), "all=2");
    assert_eq!(line(&jar, "https://evilh.example/", START), "");
    assert_eq!(jar.line(&uri("/x"), START), None);
}

#[test]
fn a_secure_cookie_needs_https_or_loopback() {
    let mut jar = Jar::new();
    set(&mut jar, "https://h.example/", &["s=1; Secure"]);
    set(&mut jar, "http://localhost:8080/", &["l=1; Secure"]);
    set(&mut jar, "http://127.0.0.1/", &["l=2; Secure"]);
    assert_eq!(line(&jar, "http://h.example/", START), "");
    assert_eq!(line(&jar, "https://h.example/", START), "s=1");
    assert_eq!(line(&jar, "http://localhost/", START), "l=1");
    assert_eq!(line(&jar, "http://127.0.0.1:1/", START), "l=2");
    assert_eq!(ignored("http://h.example/", "s=1; Secure"), Some(Reason::NotSecure));
}

#[test]
fn an_insecure_response_cannot_replace_or_hide_a_secure_cookie() {
    let mut jar = Jar::new();
    set(&mut jar, "https://h.example/login/x", &["s=1; Secure; Path=/login"]);
    assert_eq!(set(&mut jar, "http://h.example/", &["s=2; Path=/login"]), Received::Ignored(Reason::HidesSecure));
    assert_eq!(
        set(&mut jar, "http://a.h.example/", &["s=2; Domain=h.example; Path=/login/x"]),
        Received::Ignored(Reason::HidesSecure)
    );
    assert!(matches!(set(&mut jar, "http://h.example/", &["s=2; Path=/"]), Received::Stored(_)));
    assert_eq!(line(&jar, "https://h.example/login", START), "s=1; s=2");
}

#[test]
fn max_age_beats_expires_and_nothing_outlives_400_days() {
    let mut jar = Jar::new();
    let at = "https://h.example/";
    set(
        &mut jar,
        at,
        &[
            "a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "b=1; Expires=Fri, 01 Jan 9999 00:00:00 GMT",
            "c=1; Max-Age=99999999999999999999999",
        ],
    );
    assert_eq!(jar.earliest_expiry_of("a"), Some(after(60)));
    let cap = after(400 * 24 * 3600);
    assert_eq!((jar.earliest_expiry_of("b"), jar.earliest_expiry_of("c")), (Some(cap), Some(cap)));
    assert_eq!(line(&jar, at, after(59)), "a=1; b=1; c=1");
    assert_eq!(line(&jar, at, after(60)), "b=1; c=1");
    assert_eq!(line(&jar, at, cap), "");
    assert_eq!(jar.earliest_expiry_of("d"), None);
}

#[test]
fn prefixes_are_promises() {
    let (tls, plain) = ("https://h.example/", "http://h.example/");
    assert_eq!(ignored(tls, "__Host-a=1; Secure; Path=/"), None);
    assert_eq!(ignored(tls, "__Secure-a=1; Secure; Domain=h.example"), None);
    for (from, text) in [
        (tls, "__Host-a=1; Secure"),
        (tls, "__Host-a=1; Path=/"),
        (tls, "__hOST-a=1; Secure; Path=/; Domain=h.example"),
        (tls, "__Secure-a=1"),
        (tls, "__Host-=1; Secure; Path=/x"),
        (tls, "=__Host-a=1; Secure; Path=/"),
        (tls, "__Secure-a; Secure"),
    ] {
        assert_eq!(ignored(from, text), Some(Reason::BrokenPrefix), "{text}");
    }
    assert_eq!(ignored(plain, "__Secure-a=1; Secure"), Some(Reason::NotSecure));
}

#[test]
fn lines_that_break_a_rule_are_ignored_with_their_reason() {
    let at = "https://a.h.example/";
    assert_eq!(ignored("/relative", "a=1"), Some(Reason::NoHost));
    assert_eq!(ignored(at, "="), Some(Reason::Empty));
    assert_eq!(ignored(at, "a=1\u{1}"), Some(Reason::ControlCharacter));
    assert_eq!(ignored(at, "a=1; Path=/\u{7f}"), Some(Reason::ControlCharacter));
    assert_eq!(ignored(at, &format!("a={}", "x".repeat(4095))), None);
    assert_eq!(ignored(at, &format!("a={}", "x".repeat(4096))), Some(Reason::TooLong));
    assert_eq!(ignored(at, "a=1; Domain=b.h.example"), Some(Reason::ForeignDomain));
    assert_eq!(ignored(at, "a=1; Domain=é"), Some(Reason::ForeignDomain));
    assert_eq!(ignored(at, "a=1; Domain=example"), Some(Reason::PublicSuffix));
    assert_eq!(
        ignored(at, &format!("a=1; Domain={}", "x".repeat(1025))),
        None,
        "an attribute too long is no attribute"
    );
}

#[test]
fn a_public_suffix_takes_cookies_for_itself_only() {
    let mut jar = Jar::new().with_public_suffixes(PublicSuffixes::by(|domain| domain == "co.example"));
    assert_eq!(
        set(&mut jar, "https://a.co.example/", &["a=1; Domain=co.example"]),
        Received::Ignored(Reason::PublicSuffix)
    );
    set(&mut jar, "https://co.example/", &["b=1; Domain=co.example"]);
    assert_eq!(line(&jar, "https://co.example/", START), "b=1");
    assert_eq!(line(&jar, "https://a.co.example/", START), "");
    let mut local = Jar::new();
    set(&mut local, "https://localhost/", &["c=1; Domain=localhost"]);
    assert_eq!(line(&local, "https://localhost/", START), "c=1");
    assert_eq!(line(&local, "https://a.localhost/", START), "");
}

#[test]
fn longer_paths_come_first_and_a_replaced_cookie_keeps_its_place() {
    let mut jar = Jar::new();
    set(&mut jar, "https://h.example/", &["a=1", "b=1; Path=/x", "c=1", "=nameless"]);
    jar.receive(&uri("https://h.example/"), b"a=2", after(9));
    assert_eq!(line(&jar, "https://h.example/x", after(9)), "b=1; a=2; c=1; nameless");
    let first = jar.iter().find(|cookie| cookie.name() == b"a").unwrap();
    assert_eq!((first.created(), first.updated()), (START, after(9)));
    assert_eq!(first.value(), b"2");
}

#[test]
fn a_pasted_line_becomes_session_cookies_of_that_host() {
    let mut jar = Jar::new();
    let origin = uri("https://h.example/some/page");
    assert_eq!(jar.import_line(&origin, "Cookie: a=b; sess=x=y;  c=\"d\" ; ", START), Ok(3));
    assert_eq!(line(&jar, "https://h.example/", START), "a=b; sess=x=y; c=\"d\"");
    assert_eq!(line(&jar, "http://h.example/", START), "");
    assert_eq!(line(&jar, "https://a.h.example/", START), "");
    assert!(jar.iter().all(|cookie| cookie.expires().is_none() && cookie.is_host_only() && cookie.path() == b"/"));
    for bad in ["", " ; ", "Cookie:", "a=b\nc=d", &format!("a={}", "hunter2".repeat(600))] {
        let before = jar.clone();
        let error = jar.import_line(&origin, bad, START).unwrap_err();
        assert_eq!(error.kind(), "credentials_invalid");
        assert!(!error.to_string().contains("hunter2"));
        assert_eq!(jar, before);
    }
    assert!(jar.import_line(&uri("/x"), "a=b", START).is_err());
}

#[test]
fn a_value_can_be_looked_up_as_the_url_would_send_it() {
    let mut jar = Jar::new();
    set(&mut jar, "https://h.example/", &["csrf=outer", "csrf=inner; Path=/form"]);
    assert_eq!(jar.value(&uri("https://h.example/form"), "csrf", START), Some("inner"));
    assert_eq!(jar.value(&uri("https://h.example/"), "csrf", START), Some("outer"));
    assert_eq!(jar.value(&uri("https://h.example/"), "other", START), None);
    jar.receive(&uri("https://h.example/"), b"raw=\xff", START);
    assert_eq!(jar.value(&uri("https://h.example/"), "raw", START), None);
    assert_eq!(jar.line(&uri("https://h.example/"), START).unwrap().as_bytes(), b"csrf=outer; raw=\xff");
}

#[test]
fn no_value_is_in_debug_and_the_header_is_sensitive() {
    let mut jar = Jar::new();
    let received = set(&mut jar, "https://h.example/", &["sid=hunter2"]);
    let shown = format!("{jar:?} {received:?} {:?}", jar.line(&uri("https://h.example/"), START));
    assert!(shown.contains("sid") && !shown.contains("hunter2"), "{shown}");
    assert!(jar.line(&uri("https://h.example/"), START).unwrap().is_sensitive());
}

#[test]
fn a_domain_with_too_many_cookies_drops_the_oldest_that_are_not_secure() {
    let mut jar = Jar::new();
    let at = uri("https://h.example/");
    for number in 0..evict::MOST_PER_DOMAIN as u64 + 2 {
        let secure = if number == 0 { "; Secure" } else { "" };
        jar.receive(&at, format!("c{number}=1{secure}").as_bytes(), after(number));
    }
    assert_eq!(jar.len(), evict::MOST_PER_DOMAIN);
    let has = |name: &str| jar.value(&at, name, after(999)).is_some();
    assert!(has("c0") && !has("c1") && !has("c2") && has("c3"));
}

#[test]
fn a_full_jar_stays_within_its_limits_and_merges_to_itself() {
    let (mut a, mut b) = (Jar::new(), Jar::new());
    for number in 0..3600_u64 {
        let jar = if number % 3 == 0 { &mut b } else { &mut a };
        let secure = if number % 7 == 0 { "; Secure" } else { "" };
        let at = uri(&format!("https://h{}.example/", number % 19));
        jar.receive(&at, format!("c{number}=1{secure}").as_bytes(), after(number % 1000));
        if number % 5 == 0 {
            jar.receive(&at, format!("d{number}=; Max-Age=0").as_bytes(), after(number));
        }
    }
    let merged = both_ways(&a, &b);
    assert_eq!(merged.len(), evict::MOST);
    assert!(merged.tombstones.len() <= evict::MOST_TOMBSTONES);
}

#[test]
fn a_merge_does_not_bring_back_what_was_deleted_or_has_expired() {
    let at = uri("https://h.example/");
    let mut a = Jar::new();
    a.receive(&at, b"gone=1", START);
    a.receive(&at, b"short=old; Max-Age=9999", START);
    let b = a.clone();
    a.receive(&at, b"gone=; Max-Age=0", after(1));
    a.receive(&at, b"short=new; Max-Age=5", after(1));
    a.receive(&at, b"other=1", after(10));
    let merged = both_ways(&a, &b);
    assert_eq!(line(&merged, "https://h.example/", after(10)), "other=1");
}

#[test]
fn the_later_update_wins_even_when_a_clock_went_back() {
    let at = uri("https://h.example/");
    let mut a = Jar::new();
    a.receive(&at, b"sid=1", after(100));
    let b = a.clone();
    a.receive(&at, b"sid=2", START);
    assert_eq!(line(&both_ways(&a, &b), "https://h.example/", START), "sid=2");
    a.receive(&at, b"sid=; Max-Age=0", START);
    a.receive(&at, b"sid=3", START);
    assert_eq!(line(&both_ways(&a, &b), "https://h.example/", START), "sid=3");
}

#[test]
fn clearing_is_remembered() {
    let mut a = Jar::new();
    set(&mut a, "https://h.example/", &["a=1", "b=1"]);
    let b = a.clone();
    a.clear(START);
    assert!(both_ways(&a, &b).is_empty());
}

#[test]
fn a_jar_opens_when_a_later_release_added_fields() {
    let mut jar = Jar::new();
    set(&mut jar, "https://h.example/x/", &["a=1; Secure; HttpOnly; SameSite=Lax; Max-Age=5; Domain=h.example"]);
    let mut bytes = Vec::new();
    let mut e = minicbor::Encoder::new(&mut bytes);
    e.begin_map().unwrap();
    e.u8(9).unwrap().array(1).unwrap().str("later").unwrap();
    e.u8(0).unwrap().begin_array().unwrap();
    e.map(13).unwrap().u8(40).unwrap().map(1).unwrap().u8(1).unwrap().null().unwrap();
    let one = minicbor::to_vec(&jar.cookies[0]).unwrap();
    e.writer_mut().extend_from_slice(&one[1..]);
    let mut e = minicbor::Encoder::new(&mut bytes);
    e.end().unwrap().u8(2).unwrap().u8(1).unwrap().end().unwrap();
    assert_eq!(minicbor::decode::<Jar>(&bytes).unwrap(), jar);
}

#[test]
fn a_damaged_jar_is_an_error() {
    for bytes in [
        &b""[..],
        b"\x81\x00",
        b"\xa1\x00\x81\xa1\x00\x41a",
        b"\xa1\x00\x81\xa5\x00\x41\n\x01\x61h\x02\x41/\x03\xf5\x04\x00",
    ] {
        assert!(minicbor::decode::<Jar>(bytes).is_err(), "{bytes:?}");
    }
}

/// Merges both ways, checks that the results agree and that merging again changes nothing.
fn both_ways(a: &Jar, b: &Jar) -> Jar {
    let (mut ab, mut ba) = (a.clone(), b.clone());
    ab.merge(b);
    ba.merge(a);
    assert_eq!(ab, ba);
    for other in [a, b, &ba] {
        ab.merge(other);
        assert_eq!(ab, ba);
    }
    let bytes = minicbor::to_vec(&ab).unwrap();
    assert_eq!(minicbor::decode::<Jar>(&bytes).unwrap(), ab);
    ab
}

/// A few lines over few names, so that they collide.
fn history() -> impl Strategy<Value = Vec<(String, u64)>> {
    let line = (
        "[abc]",
        "[xy]",
        prop::sample::select(vec!["", "; Max-Age=0", "; Max-Age=3", "; Path=/p", "; Secure", "; Domain=h.example"]),
    )
        .prop_map(|(name, value, rest)| format!("{name}={value}{rest}"));
    prop::collection::vec((line, 0_u64..6), 0..12)
}

fn replay(jar: &mut Jar, history: &[(String, u64)]) {
    for (line, at) in history {
        jar.receive(&uri("https://h.example/p/q"), line.as_bytes(), after(*at));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn merging_is_commutative_idempotent_and_associative(common in history(), a in history(), b in history(), c in history()) {
        let mut base = Jar::new();
        replay(&mut base, &common);
        let [a, b, c] = [a, b, c].map(|lines| {
            let mut jar = base.clone();
            replay(&mut jar, &lines);
            jar
        });
        let left = both_ways(&both_ways(&a, &b), &c);
        let right = both_ways(&a, &both_ways(&b, &c));
        prop_assert_eq!(left, right);
    }

    #[test]
    fn no_bytes_make_the_jar_panic_or_hold_a_value_it_cannot_send(line: Vec<u8>, rest in "[=;a-zA-Z0-9 /.-]{0,40}") {
        let at = uri("https://h.example/p/q");
        for text in [&line[..], rest.as_bytes()] {
            let mut jar = Jar::new();
            if let Received::Stored(_) = jar.receive(&at, text, START) {
                prop_assert_eq!(jar.len(), 1);
                let sent = jar.matching(&at, START).count();
                prop_assert_eq!(jar.line(&at, START).is_some(), sent == 1);
            }
        }
        let _ = minicbor::decode::<Jar>(&line);
    }
}

/// Set-Cookie lines of every make.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let line = (
        "[a-z_#.\\[ \t-]{0,6}",
        "[!-~\u{e9}\t ]{0,8}",
        prop::sample::select(vec!["", "; Max-Age=3", "; Max-Age=99999999", "; Expires=Thu, 01 Jan 2026 00:00:00 GMT"]),
        prop::sample::select(vec!["", "; Path=/", "; Path=/p\tq", "; Path=/a b/"]),
        prop::sample::select(vec!["", "; Secure", "; HttpOnly", "; Secure; HttpOnly; SameSite=Lax"]),
        prop::sample::select(vec!["", "; Domain=h.example", "; Domain=.H.example"]),
    );
    prop::collection::vec(
        line.prop_map(|(n, v, life, path, flags, domain)| format!("{n}={v}{life}{path}{flags}{domain}")),
        0..12,
    )
}

/// What a cookies.txt says of a cookie.
fn in_a_file(cookie: &Cookie) -> (Vec<Vec<u8>>, [bool; 3], Option<i64>) {
    let texts = [cookie.name(), cookie.value(), cookie.domain().as_bytes(), cookie.path()];
    let ends = cookie.expires().map(|at| at.as_millis() / 1000);
    (texts.map(<[u8]>::to_vec).into(), [cookie.is_host_only(), cookie.is_secure(), cookie.is_http_only()], ends)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_cookie_that_a_cookies_txt_can_express_comes_back_from_it_in_the_same_order(lines in lines()) {
        let mut jar = Jar::new();
        for line in &lines {
            jar.receive(&uri("https://a.h.example/p/q"), line.as_bytes(), START);
        }
        let now = after(4);
        let (text, left_out) = jar.to_cookies_txt(now);
        let lost = |cookie: &Cookie| cookie.name().contains(&b'\t') || cookie.path().contains(&b'\t');
        let living: Vec<_> = jar.iter().filter(|cookie| !cookie.is_expired(now)).collect();
        prop_assert_eq!(left_out.len(), living.iter().filter(|cookie| lost(cookie)).count());
        let mut back = Jar::new();
        prop_assert_eq!(back.take_cookies_txt(&text, now, &|_| true), Ok(Vec::new()));
        let expected: Vec<_> = living.into_iter().filter(|cookie| !lost(cookie)).map(in_a_file).collect();
        prop_assert_eq!(back.iter().map(in_a_file).collect::<Vec<_>>(), expected);
        prop_assert_eq!(back.to_cookies_txt(now).0, text);
    }

    #[test]
    fn no_bytes_make_a_cookies_txt_panic_and_a_bad_line_leaves_the_jar_alone(bytes: Vec<u8>, text in "[#a-zA-Z0-9.\t\n/]{0,80}") {
        for text in [&bytes[..], text.as_bytes()] {
            let mut jar = Jar::new();
            if jar.take_cookies_txt(text, START, &|_| true).is_err() {
                prop_assert!(jar.is_empty());
            }
        }
    }
}
