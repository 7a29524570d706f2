//! How is JupyterHub started and stopped? It ends with its shell's standard input, so with the test whatever becomes of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use hallpass::http::{ExchangeLimits, RequestBody, Transport, TransportSettings};
use http::Request;
use http_body_util::BodyExt;
use tokio::process::{Child, Command};

use crate::command::free_port;

/// The running server.
pub(crate) struct Hub {
    url: String,
    folder: PathBuf,
    /// Its standard input is the leash.
    _shell: Child,
}

impl Hub {
    /// Starts one whose sign-ins last so long.
    pub(crate) async fn start(cookies_last: Duration) -> Self {
        let programs = std::env::var_os("HALLPASS_JUPYTERHUB").map(PathBuf::from);
        let programs = programs.expect("JupyterHub is installed by `cargo xtask test --real`");
        let folder = tempfile::tempdir().expect("a folder").keep();
        let (port, hub, proxy) = (free_port(), free_port(), free_port());
        let shell = Command::new("sh")
            .args(["-c", LEASH, "sh"])
            .arg(programs.join("jupyterhub"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("real/jupyterhub/config.py"))
            .arg(&folder)
            .current_dir(&folder)
            .env("PATH", path_with(&programs))
            .env("HUB_PORTS", format!("{port} {hub} {proxy}"))
            .env("HUB_PASSWORD", PASSWORD)
            .env("HUB_COOKIE_SECONDS", cookies_last.as_secs_f64().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell starts");
        let server = Self { url: format!("http://127.0.0.1:{port}"), folder, _shell: shell };
        server.wait_until_up().await;
        server
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Lets its users' servers come up, those that wait and all later ones.
    pub(crate) fn let_servers_start(&self) {
        std::fs::write(self.folder.join("may-start"), "").expect("the hub's folder can be written to");
    }

    /// How often somebody signed in, by the hub's own count.
    pub(crate) async fn sign_ins(&self) -> u64 {
        let transport = Transport::new(TransportSettings::default()).expect("a transport");
        let address = format!("{}/hub/metrics", self.url);
        let request = Request::get(address).body(RequestBody::Empty).expect("a request");
        let answer = transport.exchange(request, ExchangeLimits::default()).await.expect("it answers");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(body.into()).expect("text");
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(SIGN_INS));
        let count: f64 = lines.next().expect("the hub counts").trim().parse().expect("a number");
        format!("{count:.0}").parse().expect("a whole number")
    }

    async fn wait_until_up(&self) {
        let transport = Transport::new(TransportSettings::default()).expect("a transport");
        for _ in 0..600 {
            let address = format!("{}/hub/login", self.url);
            let request = Request::get(address).body(RequestBody::Empty).expect("a request");
            let answer = transport.exchange(request, ExchangeLimits::default()).await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("JupyterHub is not up after a minute");
    }
}

/// The hub's own Python comes first.
fn path_with(programs: &Path) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).expect("a path")
}

/// Ends the hub, which ends its proxy and its servers, and then its folder, once nobody holds the other end of standard input.
const LEASH: &str = r#""$1" -f "$2" </dev/null & read -r _; kill $!; wait; rm -rf "$3""#;
const SIGN_INS: &str = r#"jupyterhub_login_duration_seconds_count{status="LoginStatus.success"}"#;
pub(crate) const PASSWORD: &str = "correct horse battery staple";
