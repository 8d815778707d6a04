"""Log router images and files that try to send something off the machine, and a place that hears it where one does."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.docker.project import Project

BASE = "FROM amazon/aws-for-fluent-bit:latest\n"
HOST = "host.docker.internal"
"""The machine itself, out of the task's network."""
MANIFEST = """\
name: {name}
type: Backend Service
image:
  location: busybox:1.37
command: ["sh", "-c", "echo secret of {name}; trap 'exit 0' TERM; sleep 3600 & wait"]
cpu: 256
memory: 512
logging:
  image: router:{name}
"""


@dataclass
class Ear:
    """Listens on every address of the machine. `heard`: the first bytes of each connection."""

    port: int
    heard: list[str] = field(default_factory=list)

    def output(self, name: str, *, indent: str = "    ", match: str = "*", plugin: str = "http") -> str:
        """The keys of an output that sends here."""
        keys = (
            f"Name {plugin}",
            f"Match {match}",
            f"Host {HOST}",
            f"Port {self.port}",
            f"URI /{name}",
            "Retry_Limit 1",
        )
        return "".join(f"{indent}{key}\n" for key in keys)

    def curl(self, name: str) -> str:
        return f"curl -s -m 5 -o /dev/null http://{HOST}:{self.port}/{name}"


@contextmanager
def listening() -> Iterator[Ear]:
    heard: list[str] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(5)
            try:
                first = self.request.recv(1024)
            except OSError:
                first = b""
            heard.append(first.decode(errors="replace").partition("\r\n")[0] or "a connection")
            self.request.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("0.0.0.0", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Ear(server.server_address[1], heard)
        server.shutdown()
        thread.join()


def add_service(project: Project, name: str, logging: str = "", *, router: str = "") -> None:
    """A service with a router image that was added, of its own name unless `router` is another; `logging` are further
    lines of the block in its manifest."""
    manifest = MANIFEST.format(name=name).replace(f"router:{name}", f"router:{router or name}")
    project.write(f"copilot/{name}/manifest.yml", manifest + logging)


def add_router(project: Project, name: str, files: dict[str, str], *, image: str = "") -> None:
    """The router image of a workspace, with those files below `/`, scripts to be run; `image` are further lines of its
    Dockerfile."""
    for path, text in files.items():
        project.write(f"routers/{name}/files/{path}", text).chmod(0o755 if path.endswith(".sh") else 0o644)
    project.write(f"routers/{name}/Dockerfile", f"{BASE}COPY files/ /\n{image}")
    project.write("copilot-local.toml", f'[substitute]\n"router:{name}" = "./routers/{name}"\n')
