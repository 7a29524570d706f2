//! How is qbittorrent-nox started, read and stopped? It ends with its shell's standard input, so with the test whatever becomes of it.

use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hallpass::http::{ExchangeLimits, RequestBody, Transport, TransportSettings};
use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::process::{Child, Command};

use crate::command::free_port;

/// The running server.
pub(crate) struct Qbittorrent {
    url: String,
    transport: Transport,
    /// Sign-ins of [`log`](Self::sign_ins)'s own.
    looks: AtomicU64,
    /// Its standard input is the leash.
    _shell: Child,
}

/// What the server wrote down about sign-ins, but for those of whoever reads it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignIns {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
}

impl Qbittorrent {
    pub(crate) async fn start() -> Self {
        let port = free_port();
        let profile = tempfile::tempdir().expect("a folder").keep();
        let config = profile.join("qBittorrent/config");
        fs::create_dir_all(&config).expect("a folder");
        fs::write(config.join("qBittorrent.conf"), config_for(port)).expect("the configuration is written");
        let shell = Command::new("sh")
            .args(["-c", LEASH, "sh"])
            .arg(&profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell starts");
        let transport = Transport::new(TransportSettings::default()).expect("a transport");
        let url = format!("http://127.0.0.1:{port}");
        let server = Self { url, transport, looks: AtomicU64::new(0), _shell: shell };
        server.wait_until_up().await;
        server
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Reads the server's own log.
    pub(crate) async fn sign_ins(&self) -> SignIns {
        let form = format!("username={USER}&password={}", PASSWORD.replace(' ', "+"));
        let request = Request::post(format!("{}/api/v2/auth/login", self.url))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(RequestBody::Full(Bytes::from(form)))
            .expect("a request");
        let answer = self.exchange(request).await.expect("it answers");
        let cookie = answer.headers().get(SET_COOKIE).expect("whoever looks signs in").to_str().expect("text");
        let cookie = cookie.split(';').next().unwrap_or_default();
        let looks = self.looks.fetch_add(1, Ordering::Relaxed) + 1;
        let request = Request::get(format!("{}/api/v2/log/main", self.url))
            .header(COOKIE, cookie)
            .body(RequestBody::Empty)
            .expect("a request");
        let log = self.exchange(request).await.expect("it answers").into_body();
        let log: Vec<serde_json::Value> = serde_json::from_slice(&log).expect("the log is JSON");
        let count = |what: &str| {
            let begins =
                |line: &&serde_json::Value| line["message"].as_str().is_some_and(|text| text.starts_with(what));
            u64::try_from(log.iter().filter(begins).count()).expect("few lines")
        };
        SignIns { accepted: count("WebAPI login success") - looks, refused: count("WebAPI login failure") }
    }

    async fn wait_until_up(&self) {
        for _ in 0..400 {
            let request = Request::get(&self.url).body(RequestBody::Empty).expect("a request");
            if self.exchange(request).await.is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("qbittorrent-nox is not up after 20 s; `cargo xtask test --only real` installs it");
    }

    async fn exchange(&self, request: Request<RequestBody>) -> Option<Response<Bytes>> {
        let answer = self.transport.exchange(request, ExchangeLimits::default()).await.ok()?;
        let (head, body) = answer.into_parts();
        Some(Response::from_parts(head, body.collect().await.ok()?.to_bytes()))
    }
}

/// Nothing but the Web API on loopback: no peers, no look-ups, a session of four idle seconds, a ban of two after three bad sign-ins.
fn config_for(port: u16) -> String {
    format!(
        "[LegalNotice]\nAccepted=true\n\n[Preferences]\nConnection\\UPnP=false\nWebUI\\UseUPnP=false\n\
         WebUI\\Address=127.0.0.1\nWebUI\\Port={port}\nWebUI\\Username={USER}\n{PASSWORD_HASH}\n\
         WebUI\\SessionTimeout=4\nWebUI\\MaxAuthenticationFailCount=3\nWebUI\\BanDuration=2\n\n\
         [BitTorrent]\nSession\\Interface=lo\nSession\\InterfaceName=lo\nSession\\Port=0\n\
         Session\\DHTEnabled=false\nSession\\LSDEnabled=false\nSession\\PeXEnabled=false\n"
    )
}

/// Ends the server, and its folder, once nobody holds the other end of standard input.
const LEASH: &str = r#"qbittorrent-nox --profile="$1" </dev/null & read -r _; kill -9 $!; wait; rm -rf "$1""#;
pub(crate) const USER: &str = "admin";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// Of [`PASSWORD`]: PBKDF2 over SHA-512, 100 000 rounds.
const PASSWORD_HASH: &str = "WebUI\\Password_PBKDF2=\"@ByteArray(aGFsbHBhc3MtdGVzdGluZw==:\
    VulcF52DvK1/8UIZqAygn3JnEJ4BAHTUTd9FdFaxyb6QO65JgY4sL8rm0zwP6j4sLUsLm01awZR7ego4qfY+vg==)\"";
