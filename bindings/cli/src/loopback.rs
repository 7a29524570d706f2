//! Where does a person's browser come back to after it has signed in? To one address on loopback, for one answer (RFC 8252 §7.3).
//!
//! **Invariant:** nobody but this machine is listened to; one request with the awaited `state` is taken, and every other is turned away.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::Duration;

use hallpass::Secret;
use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// A listener for one answer.
pub(crate) struct Loopback {
    listener: TcpListener,
    redirect_uri: String,
}

impl Loopback {
    /// Listens on a free port.
    pub(crate) async fn anywhere() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let redirect_uri = format!("http://{}{PATH}", listener.local_addr()?);
        Ok(Self { listener, redirect_uri })
    }

    /// Listens at an address that the platform was told beforehand; nothing where that is not on loopback with a port.
    pub(crate) async fn at(redirect_uri: &str) -> io::Result<Option<Self>> {
        let Ok(uri) = redirect_uri.parse::<Uri>() else { return Ok(None) };
        let is_here = uri.scheme_str() == Some("http") && matches!(uri.host(), Some("127.0.0.1" | "localhost"));
        let Some(port) = uri.port_u16().filter(|_| is_here) else { return Ok(None) };
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        Ok(Some(Self { listener, redirect_uri: redirect_uri.to_owned() }))
    }

    /// The address that the browser is to come back to.
    pub(crate) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Waits for the browser that was sent to `url`; the whole address that it comes back to.
    ///
    /// Browsers connect ahead of need and ask for icons, so connections are heard at the same time.
    pub(crate) async fn answer(&self, url: &str) -> io::Result<Secret> {
        let uri: Uri = self.redirect_uri.parse().map_err(io::Error::other)?;
        let origin = self.redirect_uri.strip_suffix(uri.path()).unwrap_or_default().to_owned();
        let state = parameter(url.split_once('?').map_or("", |(_, query)| query), "state").unwrap_or_default();
        let awaited = Awaited { path: uri.path().to_owned(), state: state.to_owned() };
        let (tell, mut told) = channel(1);
        let mut visits = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let (stream, _) = accepted?;
                    visits.spawn(visit(stream, awaited.clone(), tell.clone()));
                }
                target = told.recv() => {
                    let target: Secret = target.ok_or_else(|| io::Error::other("nobody listens any more"))?;
                    return Ok(Secret::new(format!("{origin}{}", target.expose())));
                }
                _ = visits.join_next(), if !visits.is_empty() => {}
            }
        }
    }
}

/// What the one request that is taken looks like.
#[derive(Clone)]
struct Awaited {
    path: String,
    state: String,
}

impl Awaited {
    fn is(&self, target: &str) -> bool {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        path == self.path && !self.state.is_empty() && parameter(query, "state") == Some(self.state.as_str())
    }
}

/// Hears one connection: a request is answered with a page, and told where it is the one.
async fn visit(mut stream: TcpStream, awaited: Awaited, tell: Sender<Secret>) {
    let Ok(Some(head)) = timeout(PATIENCE, head(&mut stream)).await else { return };
    let target = head.expose().strip_prefix("GET ").and_then(|rest| rest.split_once(' ')).map(|(target, _)| target);
    let Some(target) = target.filter(|target| awaited.is(target)) else {
        return page(&mut stream, "404 Not Found", "There is nothing here.").await;
    };
    let is_granted = parameter(target.split_once('?').map_or("", |(_, query)| query), "error").is_none();
    let said = if is_granted {
        "That is all; this window can be closed. How the sign-in went is told in the terminal."
    } else {
        "The sign-in was not granted. This window can be closed; the terminal tells more."
    };
    page(&mut stream, "200 OK", said).await;
    // Only the first one is waited for.
    let _ = tell.try_send(Secret::new(target));
}

/// A request's head, if it comes whole and is no larger than heads are.
async fn head(stream: &mut TcpStream) -> Option<Secret> {
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(LARGEST));
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        if bytes.len() >= LARGEST || stream.read_buf(&mut *bytes).await.ok()? == 0 {
            return None;
        }
    }
    std::str::from_utf8(&bytes).ok().map(Secret::new)
}

async fn page(stream: &mut TcpStream, status: &str, said: &str) {
    let body = format!("<!doctype html><meta charset=utf-8><title>Hallpass</title><p>{said}\n");
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    // A browser that has gone has no use for a page.
    let _ = timeout(PATIENCE, async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    })
    .await;
}

/// A parameter of a query as it is written; what is looked for here needs no decoding.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(this, _)| *this == name).map(|(_, value)| value)
}

/// Opens an address in the person's browser: `$BROWSER`, or what the desktop has for that.
pub(crate) fn open(url: &str) -> io::Result<()> {
    let usual = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let program = std::env::var_os("BROWSER").filter(|program| !program.is_empty()).unwrap_or_else(|| usual.into());
    let mut command = Command::new(program);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(drop)
}

const PATH: &str = "/callback";
/// More than browsers send.
const LARGEST: usize = 16 * 1024;
/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(uri: &str, target: &str) -> String {
        let authority = uri.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap();
        let mut stream = TcpStream::connect(authority).await.unwrap();
        stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn only_the_answer_with_the_awaited_state_is_taken_whoever_else_asks() {
        let loopback = Loopback::anywhere().await.unwrap();
        let uri = loopback.redirect_uri().to_owned();
        assert!(uri.starts_with("http://127.0.0.1:") && uri.ends_with("/callback"), "{uri}");
        // A browser that connects ahead of need and says nothing keeps nobody waiting.
        let _silent = TcpStream::connect(uri.split('/').nth(2).unwrap()).await.unwrap();
        let visits = async {
            for target in ["/favicon.ico", "/callback", "/callback?code=x&state=other", "/elsewhere?state=s1", "POST"] {
                assert!(get(&uri, target).await.starts_with("HTTP/1.1 404 "), "{target}");
            }
            get(&uri, "/callback?code=c&state=s1").await
        };
        let (answer, page) = tokio::join!(loopback.answer("https://issuer.example/?a=b&state=s1&c=d"), visits);
        assert_eq!(answer.unwrap().expose(), format!("{uri}?code=c&state=s1"));
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("can be closed"), "{page}");
        assert!(!page.contains("code=c"));
    }

    #[tokio::test]
    async fn an_address_told_beforehand_is_listened_at_where_it_is_on_loopback() {
        for elsewhere in ["https://127.0.0.1:9/cb", "http://example.com:80/cb", "http://127.0.0.1/cb", "urn:x", ""] {
            assert!(Loopback::at(elsewhere).await.unwrap().is_none(), "{elsewhere}");
        }
        let free = Loopback::anywhere().await.unwrap().redirect_uri().replace("/callback", "/there/cb");
        let loopback = Loopback::at(&free).await.unwrap().expect("it is on loopback");
        assert_eq!(loopback.redirect_uri(), free);
    }
}
