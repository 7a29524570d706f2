# Stands in for a notebook server, which the tests have no use for: comes up once it may, answers 200 and ends by itself.

import os
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


may_start = Path(os.environ["MAY_START"])
while not may_start.exists():
    time.sleep(0.05)
server = HTTPServer(("127.0.0.1", urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"]).port), Answer)
threading.Timer(30, server.shutdown).start()
server.serve_forever()
