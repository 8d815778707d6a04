"""HTTP around the endpoint."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from emulator.agent.metadata.answers import Answer, Request
from emulator.agent.metadata.endpoint import Endpoint
from emulator.agent.metadata.server import LARGEST_BODY, MetadataServer, RateLimit
from tests.unit.agent.metadata.conftest import World, service

HELLO: dict[str, Any] = {"name": "hello", "image": "hello:1"}


class _FromTheTask(Endpoint):
    """The world's endpoint, as its task reaches it: here requests come from 127.0.0.1."""

    def __init__(self, world: World) -> None:
        self.world = world

    def answer(self, request: Request) -> Answer:
        assert request.address == "127.0.0.1"
        return self.world.endpoint.answer(replace(request, address=self.world.caller))


@pytest.fixture
def client(world: World) -> Iterator[httpx.Client]:
    """A client of a server for a world with one task."""
    world.start(service(HELLO))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = MetadataServer(listener, _FromTheTask(world))
    server.limit = RateLimit(lambda: 0.0)  # of a machine so fast that no time passes
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    host, port = listener.getsockname()
    with httpx.Client(base_url=f"http://{host}:{port}", timeout=10) as found:
        yield found
    server.shutdown()
    thread.join()
    server.server_close()


def path(client: httpx.Client, world: World) -> str:
    return f"/v4/{world.get('/v4/{hello}')['DockerId']}"


def test_metadata_is_json_over_a_connection_that_stays(client: httpx.Client, world: World) -> None:
    answers = [client.get(path(client, world)), client.get(f"{path(client, world)}/task")]
    for answer in answers:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert "connection" not in answer.headers
        assert "server" not in answer.headers
    assert answers[0].json()["Name"] == "hello"
    ends = {id(answer.extensions["network_stream"]) for answer in answers}
    assert len(ends) == 1


def test_head_has_the_length_and_no_body(client: httpx.Client, world: World) -> None:
    answer = client.head(path(client, world))
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_a_redirect_names_its_place(client: httpx.Client) -> None:
    answer = client.get("/v4//bad")
    assert (answer.status_code, answer.headers["location"]) == (301, "/v4/bad")
    assert client.get("/v4//bad", follow_redirects=True).status_code == 404


def test_a_body_reaches_the_endpoint(client: httpx.Client, world: World) -> None:
    url = path(client, world).replace("/v4/", "/api/") + "/task-protection/v1/state"
    answer = client.put(url, json={"ProtectionEnabled": True})
    assert answer.json()["protection"]["ProtectionEnabled"] is True


def test_a_body_that_is_too_long_is_refused(client: httpx.Client) -> None:
    assert client.put("/api/x/task-protection/v1/state", content=b" " * (LARGEST_BODY + 1)).status_code == 413


def test_too_many_requests_are_refused(client: httpx.Client, world: World) -> None:
    url = path(client, world)
    assert [client.get(url).status_code for _ in range(62)] == [200] * 60 + [429] * 2
    assert client.get(f"{url}/task").status_code == 200  # each path has its own count


class TestRateLimit:
    def test_sixty_at_once_and_forty_a_second(self) -> None:
        now = [100.0]
        limit = RateLimit(lambda: now[0])

        def allowed(tries: int) -> int:
            return sum(limit.allows("a", "/x") for _ in range(tries))

        assert allowed(100) == 60
        now[0] += 0.5
        assert allowed(100) == 20
        now[0] += 60
        assert allowed(100) == 60

    def test_callers_do_not_take_from_each_other(self) -> None:
        limit = RateLimit(lambda: 0.0)
        while limit.allows("a", "/x"):
            pass
        assert limit.allows("b", "/x")

    def test_forgotten_callers_take_no_memory(self) -> None:
        now = [0.0]
        limit = RateLimit(lambda: now[0])
        for number in range(3000):
            now[0] += 0.1
            assert limit.allows(f"caller {number}", "/x")
        assert len(limit._buckets) < 1100
