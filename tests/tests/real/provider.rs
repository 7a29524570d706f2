//! How is oidc-provider started, read and stopped? It ends with its standard input, so with the test whatever becomes of it.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use hallpass::http::{ExchangeLimits, RequestBody, Transport, TransportSettings};
use http_body_util::BodyExt;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The running server.
pub(crate) struct Provider {
    url: String,
    _process: Child,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("real");
        assert!(folder.join("node_modules").is_dir(), "the servers are installed by `cargo xtask test --only real`");
        let node = std::env::var_os("HALLPASS_NODE").unwrap_or_else(|| OsString::from("node"));
        let mut process = Command::new(node)
            .arg("server.mjs")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Node starts");
        let output = process.stdout.take().expect("its output is piped");
        let line = BufReader::new(output).lines().next_line().await.expect("it writes").expect("it writes a line");
        let told: serde_json::Value = serde_json::from_str(&line).expect("the line is JSON");
        Self { url: told["url"].as_str().expect("it tells its address").to_owned(), _process: process }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What the server counted.
    pub(crate) async fn stats(&self) -> serde_json::Value {
        let transport = Transport::new(TransportSettings::default()).expect("a transport");
        let request = http::Request::get(format!("{}/__stats", self.url)).body(RequestBody::Empty).expect("a request");
        let answer = transport.exchange(request, ExchangeLimits::default()).await.expect("it answers");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        serde_json::from_slice(&body).expect("counters are JSON")
    }
}

pub(crate) const CLIENT_ID: &str = "hallpass";
pub(crate) const CLIENT_SECRET: &str = "correct horse battery staple";
