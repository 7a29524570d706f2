# A hub on loopback with one password for everybody, sessions of a few seconds and one spawn at a time. The tests set the environment.

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
PORT, HUB_PORT, PROXY_PORT = os.environ["HUB_PORTS"].split()

c = get_config()  # noqa: F821
c.JupyterHub.bind_url = f"http://127.0.0.1:{PORT}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{HUB_PORT}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{PROXY_PORT}"
c.ConfigurableHTTPProxy.command = [str(HERE / "node_modules/.bin/configurable-http-proxy")]
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.cookie_secret_file = str(Path.cwd() / "secret")

c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = os.environ["HUB_PASSWORD"]
c.Authenticator.allow_all = True
c.JupyterHub.cookie_max_age_days = float(os.environ["HUB_COOKIE_SECONDS"]) / 86_400

# How many signed in is there to be read: the tests' judge.
c.JupyterHub.authenticate_prometheus = False

# A server comes up once the tests let it, and meanwhile nobody else may start one. The range of `Retry-After` can be set here only.
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(Path.cwd() / "{username}")
c.Spawner.cmd = [sys.executable, str(HERE / "notebook.py")]
c.Spawner.environment = {"MAY_START": str(Path.cwd() / "may-start")}
c.JupyterHub.concurrent_spawn_limit = 1
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0.1, "spawn_throttle_retry_range": (2, 3)}
