//! Which part of the platform a path belongs to.
//!
//! **Invariant:** paths are named by a prefix and a leaf, both static, so counting by pattern allocates nothing and cannot
//! grow with what clients send.

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// A fixed answer without a session, for benches.
    Plain,
    /// Something that needs a session.
    Resource(Door, Resource),
    /// Somewhere to sign in.
    SignIn(SignIn),
    /// Where refresh tokens are traded.
    Token(ClientAuth),
    /// Further ways to sign in, and what they open.
    Way(Way),
    /// What else an issuer has.
    Issuer(Issuer),
    /// Pages and calls of the other areas.
    Page(Page),
    /// An answer that a careless client misreads.
    Odd(Odd),
    /// What opens only to signed requests.
    Signed(Signed),
    /// Redirects.
    Redirect(Redirect),
    /// `/stats` and `/control/…`.
    Control,
    /// Nothing is there.
    Unknown,
}

/// How a resource is entered: decides what a session is and what its absence looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Root,
    Api,
    Form,
    Bundle,
    RetryAfter200,
    Gone(Gone),
}

/// The shapes of "your session is gone".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    Unauthorized,
    Forbidden,
    ToLogin,
    CodeIn200,
    DeletedCookie,
}

/// What can be had with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Me,
    Item(u64),
    Echo,
    Bytes(u64),
    Slow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignIn {
    Json,
    Form,
    Form200,
    Rpc,
}

/// How a client proves itself at the token endpoint (RFC 6749 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuth {
    Public,
    Basic,
    Body,
    /// Not OAuth: a refresh token in a JSON body.
    Json,
}

/// Ways to sign in that are not [`SignIn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    MfaLogin,
    MfaCode,
    Page,
    PageSession,
    KeyInHeader(u64),
    KeyInQuery(u64),
    Basic(u64),
}

/// What an OAuth 2 issuer has besides its token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Issuer {
    Metadata,
    Authorize,
    Device,
    Verify,
    Revoke(ClientAuth),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    FormHome,
    FormLogout,
    Rpc,
    BundleRotate,
    CookiesSeen,
    CookiesSet,
    HeadSeen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Odd {
    RateLimit200,
    RetryAfterMs,
    TooMany,
    Unavailable,
    Html,
    EmptyJson,
    BrokenJson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    DpopToken,
    DpopItem(u64),
    HmacItem(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redirect {
    To,
    Loop,
    Chain(u32),
    Cookies(u32),
}

impl Route {
    pub(crate) fn of(path: &str) -> Self {
        let Some((area, rest)) = path.strip_prefix('/').map(|path| path.split_once('/').unwrap_or((path, ""))) else {
            return Self::Unknown;
        };
        let found = match area {
            "plain" => Some(Self::Plain),
            "me" if rest.is_empty() => Some(Self::Resource(Door::Root, Resource::Me)),
            "api" => resource(Door::Api, rest),
            "json" => match rest {
                "login" => Some(Self::SignIn(SignIn::Json)),
                "refresh" => Some(Self::Token(ClientAuth::Json)),
                _ => None,
            },
            "form" => form(rest),
            "form200" => (rest == "login").then_some(Self::SignIn(SignIn::Form200)),
            "oauth" => match rest {
                "token" => Some(Self::Token(ClientAuth::Public)),
                "basic/token" => Some(Self::Token(ClientAuth::Basic)),
                "body/token" => Some(Self::Token(ClientAuth::Body)),
                ".well-known/openid-configuration" => Some(Self::Issuer(Issuer::Metadata)),
                "authorize" => Some(Self::Issuer(Issuer::Authorize)),
                "device" => Some(Self::Issuer(Issuer::Device)),
                "verify" => Some(Self::Issuer(Issuer::Verify)),
                "revoke" => Some(Self::Issuer(Issuer::Revoke(ClientAuth::Public))),
                "basic/revoke" => Some(Self::Issuer(Issuer::Revoke(ClientAuth::Basic))),
                "body/revoke" => Some(Self::Issuer(Issuer::Revoke(ClientAuth::Body))),
                _ => None,
            },
            "rpc" => match rest {
                "" => Some(Self::Page(Page::Rpc)),
                "login" => Some(Self::SignIn(SignIn::Rpc)),
                _ => None,
            },
            "mfa" | "meta-csrf" | "apikey" | "basic" => way(area, rest).map(Self::Way),
            "bundle" => match rest {
                "rotate" => Some(Self::Page(Page::BundleRotate)),
                _ => resource(Door::Bundle, rest.strip_prefix("api/").unwrap_or(rest)),
            },
            "gone" => gone(rest),
            "odd" => odd(rest),
            "redirect" => redirect(rest).map(Self::Redirect),
            "dpop" | "hmac" => signed(area, rest).map(Self::Signed),
            "cookies" => match rest {
                "" => Some(Self::Page(Page::CookiesSeen)),
                "set" => Some(Self::Page(Page::CookiesSet)),
                _ => None,
            },
            "head" if rest.is_empty() => Some(Self::Page(Page::HeadSeen)),
            "stats" | "control" => Some(Self::Control),
            _ => None,
        };
        found.unwrap_or(Self::Unknown)
    }

    /// The pattern's beginning and end, for counting.
    pub(crate) fn pattern(self) -> (&'static str, &'static str) {
        match self {
            Self::Plain => ("/plain", ""),
            Self::Resource(door, resource) => (door.prefix(), resource.leaf()),
            Self::SignIn(SignIn::Json) => ("/json", "/login"),
            Self::SignIn(SignIn::Form) => ("/form", "/login"),
            Self::SignIn(SignIn::Form200) => ("/form200", "/login"),
            Self::SignIn(SignIn::Rpc) => ("/rpc", "/login"),
            Self::Token(ClientAuth::Public) => ("/oauth", "/token"),
            Self::Token(ClientAuth::Basic) => ("/oauth", "/basic/token"),
            Self::Token(ClientAuth::Body) => ("/oauth", "/body/token"),
            Self::Token(ClientAuth::Json) => ("/json", "/refresh"),
            Self::Issuer(Issuer::Metadata) => ("/oauth", "/.well-known/openid-configuration"),
            Self::Issuer(Issuer::Authorize) => ("/oauth", "/authorize"),
            Self::Issuer(Issuer::Device) => ("/oauth", "/device"),
            Self::Issuer(Issuer::Verify) => ("/oauth", "/verify"),
            Self::Issuer(Issuer::Revoke(ClientAuth::Basic)) => ("/oauth", "/basic/revoke"),
            Self::Issuer(Issuer::Revoke(ClientAuth::Body)) => ("/oauth", "/body/revoke"),
            Self::Issuer(Issuer::Revoke(ClientAuth::Public | ClientAuth::Json)) => ("/oauth", "/revoke"),
            Self::Way(way) => way.pattern(),
            Self::Page(page) => page.pattern(),
            Self::Odd(odd) => ("/odd", odd.leaf()),
            Self::Redirect(Redirect::To) => ("/redirect", "/to"),
            Self::Redirect(Redirect::Loop) => ("/redirect", "/loop"),
            Self::Redirect(Redirect::Chain(_)) => ("/redirect", "/{n}"),
            Self::Redirect(Redirect::Cookies(_)) => ("/redirect", "/cookies/{n}"),
            Self::Signed(Signed::DpopToken) => ("/dpop", "/token"),
            Self::Signed(Signed::DpopItem(_)) => ("/dpop", "/items/{n}"),
            Self::Signed(Signed::HmacItem(_)) => ("/hmac", "/items/{n}"),
            Self::Control => ("/control", ""),
            Self::Unknown => ("", "/{unknown}"),
        }
    }

    /// The area's name, as counters list it.
    pub(crate) fn area(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Resource(Door::Root | Door::Api, _) => "api",
            Self::Resource(Door::Form, _) | Self::SignIn(SignIn::Form) => "form",
            Self::Resource(Door::Bundle, _) => "bundle",
            Self::Resource(Door::RetryAfter200, _) | Self::Odd(_) => "odd",
            Self::Resource(Door::Gone(_), _) => "gone",
            Self::SignIn(SignIn::Json) | Self::Token(ClientAuth::Json) => "json",
            Self::SignIn(SignIn::Form200) => "form200",
            Self::SignIn(SignIn::Rpc) => "rpc",
            Self::Token(_) | Self::Issuer(_) => "oauth",
            Self::Way(way) => way.pattern().0.trim_start_matches('/'),
            Self::Page(page) => page.pattern().0.trim_start_matches('/'),
            Self::Redirect(_) => "redirect",
            Self::Signed(Signed::DpopToken | Signed::DpopItem(_)) => "dpop",
            Self::Signed(Signed::HmacItem(_)) => "hmac",
            Self::Control => "control",
            Self::Unknown => "unknown",
        }
    }
}

impl Door {
    fn prefix(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Api => "/api",
            Self::Form => "/form/api",
            Self::Bundle => "/bundle",
            Self::RetryAfter200 => "/odd/retry-after-200",
            Self::Gone(Gone::Unauthorized) => "/gone/401",
            Self::Gone(Gone::Forbidden) => "/gone/403",
            Self::Gone(Gone::ToLogin) => "/gone/302",
            Self::Gone(Gone::CodeIn200) => "/gone/200code",
            Self::Gone(Gone::DeletedCookie) => "/gone/deleted-cookie",
        }
    }
}

impl Resource {
    fn leaf(self) -> &'static str {
        match self {
            Self::Me => "/me",
            Self::Item(_) => "/items/{n}",
            Self::Echo => "/echo",
            Self::Bytes(_) => "/bytes/{n}",
            Self::Slow => "/slow",
        }
    }
}

impl Way {
    fn pattern(self) -> (&'static str, &'static str) {
        match self {
            Self::MfaLogin => ("/mfa", "/login"),
            Self::MfaCode => ("/mfa", "/code"),
            Self::Page => ("/meta-csrf", ""),
            Self::PageSession => ("/meta-csrf", "/session"),
            Self::KeyInHeader(_) => ("/apikey", "/header/items/{n}"),
            Self::KeyInQuery(_) => ("/apikey", "/query/items/{n}"),
            Self::Basic(_) => ("/basic", "/items/{n}"),
        }
    }
}

impl Page {
    fn pattern(self) -> (&'static str, &'static str) {
        match self {
            Self::FormHome => ("/form", "/home"),
            Self::FormLogout => ("/form", "/logout"),
            Self::Rpc => ("/rpc", ""),
            Self::BundleRotate => ("/bundle", "/rotate"),
            Self::CookiesSeen => ("/cookies", ""),
            Self::CookiesSet => ("/cookies", "/set"),
            Self::HeadSeen => ("/head", ""),
        }
    }
}

impl Odd {
    pub(crate) fn leaf(self) -> &'static str {
        match self {
            Self::RateLimit200 => "/rate-limit-200",
            Self::RetryAfterMs => "/retry-after-ms",
            Self::TooMany => "/429",
            Self::Unavailable => "/503",
            Self::Html => "/html",
            Self::EmptyJson => "/empty-json",
            Self::BrokenJson => "/broken-json",
        }
    }
}

fn resource(door: Door, rest: &str) -> Option<Route> {
    let resource = match rest {
        "me" => Resource::Me,
        "echo" => Resource::Echo,
        "slow" => Resource::Slow,
        _ => match rest.split_once('/')? {
            ("items", number) => Resource::Item(number.parse().ok()?),
            ("bytes", number) => Resource::Bytes(number.parse().ok()?),
            _ => return None,
        },
    };
    Some(Route::Resource(door, resource))
}

fn form(rest: &str) -> Option<Route> {
    match rest {
        "login" => Some(Route::SignIn(SignIn::Form)),
        "home" => Some(Route::Page(Page::FormHome)),
        "logout" => Some(Route::Page(Page::FormLogout)),
        _ => resource(Door::Form, rest.strip_prefix("api/")?),
    }
}

fn way(area: &str, rest: &str) -> Option<Way> {
    match (area, rest) {
        ("mfa", "login") => return Some(Way::MfaLogin),
        ("mfa", "code") => return Some(Way::MfaCode),
        ("meta-csrf", "") => return Some(Way::Page),
        ("meta-csrf", "session") => return Some(Way::PageSession),
        _ => {}
    }
    let (place, number) = rest.rsplit_once("items/")?;
    let number = number.parse().ok()?;
    match (area, place) {
        ("apikey", "header/") => Some(Way::KeyInHeader(number)),
        ("apikey", "query/") => Some(Way::KeyInQuery(number)),
        ("basic", "") => Some(Way::Basic(number)),
        _ => None,
    }
}

fn gone(rest: &str) -> Option<Route> {
    let (shape, rest) = rest.split_once('/')?;
    let gone = match shape {
        "401" => Gone::Unauthorized,
        "403" => Gone::Forbidden,
        "302" => Gone::ToLogin,
        "200code" => Gone::CodeIn200,
        "deleted-cookie" => Gone::DeletedCookie,
        _ => return None,
    };
    resource(Door::Gone(gone), rest)
}

fn odd(rest: &str) -> Option<Route> {
    let odd = match rest {
        "rate-limit-200" => Odd::RateLimit200,
        "retry-after-ms" => Odd::RetryAfterMs,
        "429" => Odd::TooMany,
        "503" => Odd::Unavailable,
        "html" => Odd::Html,
        "empty-json" => Odd::EmptyJson,
        "broken-json" => Odd::BrokenJson,
        _ => return resource(Door::RetryAfter200, rest.strip_prefix("retry-after-200/")?),
    };
    Some(Route::Odd(odd))
}

fn signed(area: &str, rest: &str) -> Option<Signed> {
    if (area, rest) == ("dpop", "token") {
        return Some(Signed::DpopToken);
    }
    let number = rest.strip_prefix("items/")?.parse().ok()?;
    Some(if area == "dpop" { Signed::DpopItem(number) } else { Signed::HmacItem(number) })
}

fn redirect(rest: &str) -> Option<Redirect> {
    match rest {
        "to" => Some(Redirect::To),
        "loop" => Some(Redirect::Loop),
        _ => match rest.strip_prefix("cookies/") {
            Some(count) => count.parse().ok().map(Redirect::Cookies),
            None => rest.parse().ok().map(Redirect::Chain),
        },
    }
}
