"""Services with proxies of Service Connect: two tasks that speak HTTP, two that are TCP, two of gRPC, and a client.

Servers are told by signals, as one that looks for a file keeps a hundredth of a processor.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass

import pytest

from emulator.engine.connect import connect
from emulator.setup.agent_image import fetch_wheels, pinned_closure, unpack_wheels
from tests.docker.project import Container, MakeProject, Project, build_once, docker, wait_until

SERVER = """
import contextlib, http.server, os, signal, socket, threading

signals = {signal.SIGTERM, signal.SIGUSR1}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
connections = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        connections.append(self.connection)

    def do_GET(self):
        status = int(open("/tmp/status").read()) if os.path.exists("/tmp/status") else 200
        body = f"{socket.gethostname()} {self.client_address[0]}".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


host = os.environ.get("LISTEN", "")
address = (socket.gethostbyname(socket.gethostname()) if host == "own" else host, 8080)
while True:
    server = Server(address, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with contextlib.suppress(FileNotFoundError):
        os.remove("/tmp/refused")
    if signal.sigwait(signals) == signal.SIGTERM:
        os._exit(0)
    server.shutdown()
    server.server_close()
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    open("/tmp/refused", "w").close()
    if signal.sigwait(signals) == signal.SIGTERM:
        os._exit(0)
"""
CLIENT = """
import collections, concurrent.futures, http.client, json, os, sys, threading, time

how, host, count, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
by, failed, lock = collections.Counter(), collections.Counter(), threading.Lock()
local = threading.local()


def ask(number):
    try:
        if how == "each" or not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(host, 8080, timeout=20)
        local.connection.request("GET", f"/{number}")
        answer = local.connection.getresponse()
        body = answer.read().decode()
        if how == "each":
            local.connection.close()
        with lock:
            if answer.status == 200:
                by[body] += 1
            else:
                failed[str(answer.status)] += 1
    except Exception as error:
        with lock:
            failed[repr(error)] += 1
        if hasattr(local, "connection"):
            local.connection.close()
            del local.connection


pool = concurrent.futures.ThreadPoolExecutor(threads)
if count:
    list(pool.map(ask, range(count)))
else:
    while not os.path.exists("/tmp/enough"):
        list(pool.map(ask, range(threads)))
        open("/tmp/begun", "w").close()
        time.sleep(0.05 if how == "kept" else 0.1)
print(json.dumps({"by": by, "failed": failed}))
"""
DOCKERFILE = """
FROM python:3.13-slim
COPY . /app/
CMD ["python3", "-u", "/app/server.py"]
"""
MANIFEST = """
name: {name}
type: Backend Service
image:
  build: app/Dockerfile
  port: 8080
  healthcheck:
    command: ["CMD", "bash", "-c", "</dev/tcp/127.0.0.1/8080"]
count: {count}
network: {{connect: true}}
"""
SPEAKS_HTTP = """
taskdef_overrides:
- path: ContainerDefinitions[0].PortMappings[0].AppProtocol
  value: http
"""
ON_ITS_OWN_ADDRESS = """
name: own
type: Backend Service
image:
  build: app/Dockerfile
  port: 8080
variables: {LISTEN: own}
network: {connect: true}
"""
CLIENTS = """
name: client
type: Backend Service
image:
  build: app/Dockerfile
command: ["python3", "-c", "import signal, sys; signal.signal(15, lambda *_: sys.exit()); signal.pause()"]
network: {connect: true}
"""
GRPC_SERVER = """
import os, signal, socket
from concurrent import futures

import grpc

signals = {signal.SIGTERM, signal.SIGUSR1}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)

me = socket.gethostname().encode()
identity = grpc.unary_unary_rpc_method_handler(lambda request, context: me)
server = grpc.server(futures.ThreadPoolExecutor(8))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Shop", {"Who": identity}),))
server.add_insecure_port("0.0.0.0:8080")
server.start()
if signal.sigwait(signals) == signal.SIGUSR1:
    server.stop(0).wait()
    open("/tmp/refused", "w").close()
    signal.sigwait({signal.SIGTERM})
os._exit(0)
"""
GRPC_CLIENT = """
import collections, json, sys

import grpc

host, count = sys.argv[1], int(sys.argv[2])
by, failed = collections.Counter(), collections.Counter()
with grpc.insecure_channel(f"{host}:8080", options=[("grpc.enable_retries", 0)]) as channel:
    who = channel.unary_unary("/shop.Shop/Who")
    for _ in range(count):
        try:
            by[who(b"", timeout=20).decode()] += 1
        except grpc.RpcError as error:
            failed[error.code().name] += 1
print(json.dumps({"by": by, "failed": failed}))
"""
SPEAKS_GRPC = """
name: grpc
type: Backend Service
image:
  build: app/Dockerfile
  port: 8080
command: ["python3", "-u", "/app/grpc_server.py"]
variables: {PYTHONPATH: /app/site}
count: 2
network: {connect: true}
taskdef_overrides:
- path: ContainerDefinitions[0].PortMappings[0].AppProtocol
  value: grpc
"""


@dataclass(frozen=True)
class Asked:
    """What a client got: answers by the task that gave them, and what failed."""

    by: dict[str, int]
    failed: dict[str, int]

    @property
    def answers(self) -> list[int]:
        return sorted(self.by.values())

    @property
    def from_where(self) -> set[str]:
        """The addresses that the servers saw."""
        return {body.split()[1] for body in self.by}


class Mesh:
    """The environment. A proxy avoids tasks that failed before: each test in which some do asks from another task."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def tasks(self, service: str) -> list[str]:
        """The containers of the running tasks of a service."""
        return sorted(found.name for found in self.project.containers() if is_main(found, service))

    def found_all(self, client: str, service: str = "http") -> None:
        """Waits until a client reaches both tasks: one that was replaced is behind its name once it is healthy."""
        wait_until(lambda: len(self.ask(client, "each", service, 8).by) == 2, f"both of {service}")

    @staticmethod
    def ask(client: str, how: str, host: str, count: int, threads: int = 1) -> Asked:
        words = ("exec", client, "python3", "/app/client.py", how, host, str(count), str(threads))
        return Asked(**json.loads(docker(*words, timeout=240)))

    @staticmethod
    def call(client: str, count: int) -> Asked:
        """Calls of gRPC over one channel."""
        return Asked(**json.loads(docker("exec", client, "python3", "/app/grpc_client.py", "grpc", str(count))))


def is_main(container: Container, service: str) -> bool:
    return container.labels.get("copilot-local.container") == service and container.state == "running"


def write_programs(project: Project) -> None:
    for name, text in (("Dockerfile", DOCKERFILE), ("server.py", SERVER), ("client.py", CLIENT)):
        project.write(f"app/{name}", text)


def write_grpc(project: Project) -> None:
    """A server and a client of gRPC, with the library that programs have."""
    for name, text in (("grpc_server.py", GRPC_SERVER), ("grpc_client.py", GRPC_CLIENT)):
        project.write(f"app/{name}", text)
    with contextlib.closing(connect()) as engine:
        wheels = fetch_wheels(pinned_closure(("grpcio",)), engine.info().architecture, "sdk")
    unpack_wheels(wheels, project.folder / "app" / "site")
    project.write("copilot/grpc/manifest.yml", SPEAKS_GRPC)


@pytest.fixture(scope="module")
def mesh(make_shared_project: MakeProject) -> Mesh:
    project = make_shared_project("")
    write_programs(project)
    project.write("copilot-local.toml", '[service_connect]\naccess_log = "json"\n')
    project.write("copilot/http/manifest.yml", MANIFEST.format(name="http", count=2) + SPEAKS_HTTP)
    project.write("copilot/tcp/manifest.yml", MANIFEST.format(name="tcp", count=2))
    project.write("copilot/client/manifest.yml", CLIENTS)
    write_grpc(project)
    project.write("copilot/own/manifest.yml", ON_ITS_OWN_ADDRESS)
    image = build_once(project.folder / "app", project.app)
    images = [word for name in ("http", "tcp", "client", "own", "grpc") for word in ("--image", f"{name}={image}")]
    project.run("up", "-d", "--wait", *images).ok()
    return Mesh(project)


def task_of(container: str) -> str:
    """The id of a container's task."""
    labels = json.loads(docker("inspect", "--format", "{{json .Config.Labels}}", container))
    return str(labels["copilot-local.task"])


def proxy_of(container: str) -> str:
    """The proxy of the task of a container: `…-SERVICE-TASK-NAME` and `…-TASK-ecs-service-connect`."""
    same = f"label=copilot-local.task={task_of(container)}"
    role = "label=copilot-local.role=ecs-service-connect"
    return docker("ps", "--filter", same, "--filter", role, "--format", "{{.Names}}").strip()
