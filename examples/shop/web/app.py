"""The shop's page: how many orders there are, asked of the api by its name in service discovery."""

import json
import os
import signal
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

API = f"http://api.{os.environ['COPILOT_SERVICE_DISCOVERY_ENDPOINT']}:3000/api"
NAME = os.environ.get("SHOP_NAME", "The shop")


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/healthz":
            return self.answer(200, "healthy")
        try:
            with urllib.request.urlopen(f"{API}/orders", timeout=2) as answer:
                orders = json.load(answer)
        except OSError as error:
            print(f"the api does not answer: {error}")
            return self.answer(503, f"{NAME} is open, but takes no orders at the moment.")
        return self.answer(200, f"{NAME} has {len(orders)} orders.")

    def answer(self, status: int, text: str) -> None:
        body = (text + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *values: object) -> None:
        if self.path != "/healthz":
            print(f"{self.command} {self.path} request {self.headers.get('X-Request-Id', '-')}")


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(f"{NAME} listens on port 3000")
ThreadingHTTPServer(("", 3000), Page).serve_forever()
