"""Answers every request with the variables that the manifest gives it."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAMES = ("RELEASE", "ZONE", "DB_PASSWORD", "TOKEN", "GREETING", "ORDERS_NAME")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = {name: os.environ[name] for name in NAMES if name in os.environ}
        content = json.dumps({"path": self.path, "proxy": self.headers.get("X-Proxy"), "variables": found}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
