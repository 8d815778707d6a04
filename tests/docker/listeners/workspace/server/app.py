"""Answers with what it was asked: HTTP on 80 (a WebSocket sends back), lines on TCP 5000, datagrams on UDP 5300."""

import base64
import hashlib
import http.server
import json
import os
import signal
import socketserver
import threading

NAME = os.environ["COPILOT_SERVICE_NAME"]
TASK = os.environ["HOSTNAME"]


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers.get("Upgrade") == "websocket":
            self.tunnel()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("latin-1")
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = {"service": NAME, "task": TASK, "method": self.command, "path": self.path, "headers": headers}
        content = json.dumps({**seen, "body": body}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def tunnel(self) -> None:
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        self.close_connection = True
        while data := self.connection.recv(65536):
            self.connection.sendall(data)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        if not self.path.startswith("/health"):
            print(NAME, self.command, self.path)


class Lines(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(TASK.encode() + b" " + line)


class Datagrams(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, socket = self.request
        socket.sendto(TASK.encode() + b" " + data, self.client_address)


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 512


class LineServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
threading.Thread(target=LineServer(("", 5000), Lines).serve_forever, daemon=True).start()
threading.Thread(target=socketserver.UDPServer(("", 5300), Datagrams).serve_forever, daemon=True).start()
Server(("", 80), Web).serve_forever()
