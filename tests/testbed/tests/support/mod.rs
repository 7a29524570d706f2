//! A client without manners: bare hyper, one connection, no redirects, no retries, no cookies of its own.
#![expect(dead_code, reason = "each test file uses its own part")]

use bytes::Bytes;
use hallpass_testbed::Testbed;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Client {
    sender: http1::SendRequest<Full<Bytes>>,
}

pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl Client {
    pub(crate) async fn connect(testbed: &Testbed) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", testbed.port())).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender }
    }

    pub(crate) async fn try_send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Got, hyper::Error> {
        self.sender.ready().await?;
        let mut request = Request::builder().method(method).uri(path).header("host", "platform.test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.sender.send_request(request.body(Full::from(body.to_owned())).unwrap()).await?;
        let (head, body) = response.into_parts();
        Ok(Got { status: head.status, headers: head.headers, body: body.collect().await?.to_bytes() })
    }

    pub(crate) async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
        self.try_send(method, path, headers, body).await.unwrap()
    }

    pub(crate) async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Got {
        self.send("GET", path, headers, "").await
    }

    pub(crate) async fn bearer(&mut self, path: &str, token: &str) -> Got {
        self.get(path, &[("authorization", &format!("Bearer {token}"))]).await
    }

    pub(crate) async fn form(&mut self, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
        let headers = [&[("content-type", "application/x-www-form-urlencoded")], headers].concat();
        self.send("POST", path, &headers, body).await
    }

    pub(crate) async fn login(&mut self, account: &str) -> Value {
        let body = format!("{{\"username\":\"{account}\",\"password\":\"{account}-password\"}}");
        let got = self.send("POST", "/json/login", &[("content-type", "application/json")], &body).await;
        assert_eq!(got.status, 200);
        got.json()
    }

    pub(crate) async fn refresh(&mut self, token: &str) -> Got {
        self.form("/oauth/token", &[], &format!("grant_type=refresh_token&refresh_token={token}")).await
    }
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// `name=value` of the first cookie set under that name.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
        let pairs = cookies.map(|cookie| cookie.split(';').next().unwrap().to_owned());
        pairs.into_iter().find(|pair| pair.starts_with(&format!("{name}=")))
    }
}

/// Sends a GET over a bare socket; answers what arrived and how it ended.
pub(crate) async fn bare_get(testbed: &Testbed, path: &str) -> (Vec<u8>, std::io::Result<()>) {
    let mut stream = TcpStream::connect(("127.0.0.1", testbed.port())).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer static-alice\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut arrived = Vec::new();
    let end = stream.read_to_end(&mut arrived).await.map(drop);
    (arrived, end)
}

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}
