//! How is JupyterHub started and stopped? It ends with its shell's standard input, so with the test whatever becomes of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use hallpass::http::{ExchangeLimits, RequestBody, Transport, TransportSettings};
use http::Request;
use tokio::process::{Child, Command};

use crate::command::free_port;

/// The running server.
pub(crate) struct Hub {
    url: String,
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
        let server = Self { url: format!("http://127.0.0.1:{port}"), _shell: shell };
        server.wait_until_up().await;
        server
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
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
pub(crate) const PASSWORD: &str = "correct horse battery staple";
