"""Orders, kept in memory: placed by customers, shipped by fulfilment."""

import itertools
import json
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

orders: dict[int, dict[str, object]] = {}
numbers = itertools.count(1)
lock = threading.Lock()


def place(item: str) -> dict[str, object]:
    with lock:
        number = next(numbers)
        orders[number] = {"id": number, "item": item, "state": "placed"}
    print(json.dumps({"event": "order placed", "id": number, "item": item}))
    return orders[number]


def ship_next() -> dict[str, object] | None:
    """The oldest order that is not shipped yet, which it is from now on."""
    with lock:
        waiting = next((order for order in orders.values() if order["state"] == "placed"), None)
        if waiting is not None:
            waiting["state"] = "shipped"
    return waiting


class Orders(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/api/health":
            return self.answer(200, {"healthy": True})
        if self.path == "/api/orders":
            return self.answer(200, list(orders.values()))
        return self.answer(404, {"error": f"there is nothing at {self.path}"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/api/orders/ship-next":
            return self.answer(200, ship_next())
        if self.path != "/api/orders":
            return self.answer(404, {"error": f"there is nothing at {self.path}"})
        try:
            item = json.loads(body)["item"]
        except (ValueError, TypeError, KeyError):
            return self.answer(400, {"error": 'an order is {"item": "…"}'})
        return self.answer(201, place(str(item)))

    def answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *values: object) -> None:
        return  # events are logged, not requests


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(json.dumps({"event": "listening", "port": 3000}))
ThreadingHTTPServer(("", 3000), Orders).serve_forever()
