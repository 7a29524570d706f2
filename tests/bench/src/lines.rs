//! How does each contender make one call? All send the same method, path and `Authorization`, start from an address as text,
//! and read the answer's body to its end.

use bytes::Bytes;
use clap::ValueEnum;
use hallpass::{Client, Credentials, Platform, Session};
use http::header::{AUTHORIZATION, HOST, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use hallpass_bench::figure::Failure;

/// Who makes calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Contender {
    Hyper,
    Legacy,
    Reqwest,
    Hallpass,
}

/// One task's way to make calls, one after the other.
pub(crate) trait Line: Send + 'static {
    /// Makes a call and reads the answer to its end; how many bytes its body had.
    fn call(&mut self) -> impl Future<Output = Result<usize, Failure>> + Send;
}

/// Where a contender's lines come from.
pub(crate) trait Lines {
    type Line: Line;

    /// A line for one more task.
    fn line(&self) -> impl Future<Output = Result<Self::Line, Failure>>;
}

/// Bare `hyper::client::conn`: a connection per line, no pool, no time limits.
#[derive(Debug)]
pub(crate) struct BareHyper {
    authority: String,
}

#[derive(Debug)]
pub(crate) struct HyperLine {
    sender: SendRequest<Empty<Bytes>>,
    host: HeaderValue,
    authorization: HeaderValue,
}

/// hyper-util's legacy client.
#[derive(Debug)]
pub(crate) struct Legacy {
    client: legacy::Client<legacy::connect::HttpConnector, Empty<Bytes>>,
    address: String,
}

/// reqwest without a proxy.
#[derive(Debug)]
pub(crate) struct Reqwest {
    client: reqwest::Client,
    address: String,
}

/// Hallpass with a session that is active.
#[derive(Debug)]
pub(crate) struct Hallpass {
    session: Session,
}

impl Contender {
    pub(crate) const ALL: [Self; 4] = [Self::Hyper, Self::Legacy, Self::Reqwest, Self::Hallpass];

    /// What names it on the command line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Hyper => "hyper",
            Self::Legacy => "legacy",
            Self::Reqwest => "reqwest",
            Self::Hallpass => "hallpass",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hyper => "hyper",
            Self::Legacy => "hyper_util_legacy",
            Self::Reqwest => "reqwest",
            Self::Hallpass => "hallpass",
        }
    }
}

impl BareHyper {
    pub(crate) fn new(url: &str) -> Self {
        Self { authority: url.trim_start_matches("http://").to_owned() }
    }
}

impl Lines for BareHyper {
    type Line = HyperLine;

    async fn line(&self) -> Result<HyperLine, Failure> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let host = HeaderValue::from_str(&self.authority)?;
        Ok(HyperLine { sender, host, authorization: HeaderValue::from_static(BEARER) })
    }
}

impl Line for HyperLine {
    async fn call(&mut self) -> Result<usize, Failure> {
        self.sender.ready().await?;
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = PATH.parse()?;
        request.headers_mut().insert(HOST, self.host.clone());
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        let answer = self.sender.send_request(request).await?;
        served(answer.status())?;
        let mut body = answer.into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame?.into_data().map_or(0, |data| data.len());
        }
        Ok(length)
    }
}

impl Legacy {
    pub(crate) fn new(url: &str) -> Self {
        let mut connector = legacy::connect::HttpConnector::new();
        connector.set_nodelay(true);
        let client = legacy::Client::builder(TokioExecutor::new()).build(connector);
        Self { client, address: format!("{url}{PATH}") }
    }
}

impl Lines for Legacy {
    type Line = Self;

    async fn line(&self) -> Result<Self, Failure> {
        Ok(Self { client: self.client.clone(), address: self.address.clone() })
    }
}

impl Line for Legacy {
    async fn call(&mut self) -> Result<usize, Failure> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.address.parse()?;
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static(BEARER));
        let answer = self.client.request(request).await?;
        served(answer.status())?;
        let mut body = answer.into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame?.into_data().map_or(0, |data| data.len());
        }
        Ok(length)
    }
}

impl Reqwest {
    pub(crate) fn new(url: &str) -> Result<Self, Failure> {
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
        Ok(Self { client, address: format!("{url}{PATH}") })
    }
}

impl Lines for Reqwest {
    type Line = Self;

    async fn line(&self) -> Result<Self, Failure> {
        Ok(Self { client: self.client.clone(), address: self.address.clone() })
    }
}

impl Line for Reqwest {
    async fn call(&mut self) -> Result<usize, Failure> {
        let request = self.client.get(&self.address).header(AUTHORIZATION, HeaderValue::from_static(BEARER));
        let answer = request.send().await?;
        served(answer.status())?;
        Ok(answer.bytes().await?.len())
    }
}

impl Hallpass {
    /// Signs in, with a token of the testbed that does not change.
    pub(crate) async fn sign_in(client: &Client, url: &str) -> Result<Self, Failure> {
        let platform =
            Platform::from_toml(&format!("id = \"{PLATFORM}\"\nbase_url = \"{url}\"\n\n[sign_in.bearer]\n"))?;
        let token = BEARER.trim_start_matches("Bearer ");
        let session = client.sign_in(&platform, ACCOUNT, Credentials::bearer(token)).await?;
        Ok(Self { session })
    }
}

impl Lines for Hallpass {
    type Line = Self;

    async fn line(&self) -> Result<Self, Failure> {
        Ok(Self { session: self.session.clone() })
    }
}

impl Line for Hallpass {
    async fn call(&mut self) -> Result<usize, Failure> {
        let answer = self.session.get(PATH).send().await?;
        served(answer.status())?;
        Ok(answer.bytes().await?.len())
    }
}

fn served(status: StatusCode) -> Result<(), Failure> {
    if status == StatusCode::OK { Ok(()) } else { Err(format!("the server answered {status}").into()) }
}

pub(crate) const PLATFORM: &str = "bench";
pub(crate) const ACCOUNT: &str = "alice";
const BEARER: &str = "Bearer static-alice";
const PATH: &str = "/plain/items/7";
