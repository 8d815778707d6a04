"""Credentials as the AWS SDK for Python gets them, unmodified, inside a task."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from tests.docker.agent.conftest import KEYS, SESSION, TELL, Service
from tests.docker.project import docker, output_of

pytestmark = pytest.mark.docker

Until = Callable[[str, Callable[[], object]], None]

FETCHER = """
import os
from botocore.utils import ContainerMetadataFetcher
fetcher = ContainerMetadataFetcher()
task = fetcher.retrieve_full_uri(os.environ["ECS_CONTAINER_METADATA_URI_V4"] + "/task")
keys = fetcher.retrieve_uri(os.environ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"])
told = [told, [task["Family"], sorted(keys)]]
"""


def test_botocore_gets_credentials_and_metadata_unmodified(shared_service: Service, until: Until) -> None:
    service = shared_service
    service.configure(**KEYS)
    service.up("--credentials", "static")
    service.install("botocore")
    session, fetched = service.python(SESSION + FETCHER + TELL)
    assert session[:4] == ["container-role", *KEYS.values()]
    assert fetched == [
        f"{service.project.app}-test-sdk",
        ["AccessKeyId", "Expiration", "RoleArn", "SecretAccessKey", "Token"],
    ]
    agent = service.name("agent")
    processes = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2> /dev/null | tr '\\0' '\\n'"  # some end meanwhile
    everything = [
        str(service.project.inspected()),
        output_of(agent),
        docker("exec", agent, "cat", "/copilot-local/state/desired.json"),
        docker("exec", agent, "sh", "-c", processes),
    ]
    assert all(everything[:1] + everything[2:])
    assert not any(value in text for value in KEYS.values() for text in everything)

    path = service.variables()["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
    service.crash_agent()
    until("an agent without keys", lambda: service.fetch(path, timeout=1)[0] == 503)
    assert json.loads(service.fetch(path)[1])["code"] == "CredentialsUninitialized"
    service.up("--credentials", "static")
    assert service.json(path)["AccessKeyId"] == KEYS["AWS_ACCESS_KEY_ID"]


class Sts(ThreadingHTTPServer):
    """Lets everybody assume every role, and remembers who."""

    def __init__(self, address: str) -> None:
        super().__init__((address, 0), _Asked)
        self.sessions: list[str] = []


class _Asked(BaseHTTPRequestHandler):
    server: Sts

    def do_POST(self) -> None:
        fields = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        self.server.sessions.append(fields["RoleSessionName"][0])
        credentials = "<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
        credentials += "<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
        body = (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
            f"{credentials}</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def sts() -> Iterator[Sts]:
    """A token service at an address that this machine and containers both reach."""
    gateway = docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", "bridge").strip()
    try:
        server = Sts(gateway)
    except OSError:
        pytest.skip(f"Docker's bridge {gateway} is not on this machine, so nothing here can be reached from containers")
    thread = threading.Thread(target=lambda: server.serve_forever(0.05))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_role_is_assumed_in_the_name_of_the_task(shared_service: Service, sts: Sts) -> None:
    service = shared_service
    host, port = sts.server_address[:2]
    service.configure(**KEYS, AWS_ENDPOINT_URL_STS=f"http://{host!s}:{port}")
    role = "arn:aws:iam::123456789012:role/app"
    service.up("--credentials", f"role={role}", "--env-file", ".env")
    found = service.json(service.variables()["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"])
    assert (found["AccessKeyId"], found["RoleArn"]) == ("ASIAROLE", role)
    task_id = service.metadata("/task")["TaskARN"].rpartition("/")[2]
    assert sts.sessions == ["copilot-local", task_id]


def test_a_role_that_cannot_be_assumed_stops_up_before_anything_is_made(shared_service: Service) -> None:
    service, before = shared_service, set(shared_service.project.everything())
    service.configure(**KEYS, AWS_ENDPOINT_URL_STS="http://127.0.0.1:1")
    ended = service.project.run("up", "-d", "--credentials", "role=arn:aws:iam::1:role/x", "--env-file", ".env")
    assert ended.code == 1
    assert "error: arn:aws:iam::1:role/x cannot be assumed: http://127.0.0.1:1 does not answer" in ended.err
    assert "very-secret" not in ended.err
    assert set(service.project.everything()) <= before, "a task before may be on its way out"
