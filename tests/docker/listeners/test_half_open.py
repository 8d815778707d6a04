"""Clients that connect and never ask: the published port outlives them."""

from __future__ import annotations

import contextlib
import resource
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.docker.listeners.conftest import Shop
from tests.docker.project import docker, wait_until

pytestmark = pytest.mark.docker

HALF_OPEN = 5000
"""Clients that connect and say half a request: more than Docker's proxy for a port has files for on many daemons."""


@contextlib.contextmanager
def half_open(port: int, number: int) -> Iterator[list[socket.socket]]:
    """That many connections, as far as they are taken, each with half a request."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held: list[socket.socket] = []
    try:
        for _ in range(min(number, hard - 500)):
            held.append(socket.create_connection(("127.0.0.1", port), timeout=20))
            with contextlib.suppress(OSError):  # it was one too many
                held[-1].sendall(b"GET / HTTP/1.1\r\n")
        yield held
    finally:
        for connection in held:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_thousands_of_half_open_connections_do_not_take_the_port_away(shop: Shop) -> None:
    started = shop.front_started
    with half_open(shop.http_port, HALF_OPEN) as held:
        assert len(held) > 4000
    wait_until(lambda: answers(shop), "an answer once they are gone")  # those that close may still fill it
    wait_until(lambda: answers_plainly(shop), "the same over plain HTTP")
    assert shop.front_started == started
    assert not [line for line in shop.project.ps()["failures"] if "does not answer" in line]
    assert "does not answer" not in shop.project.run("targets").ok().err


def answers_plainly(shop: Shop) -> bool:
    with contextlib.suppress(httpx.HTTPError):  # that listener counts its own connections
        return shop.plain("/after").status_code in (200, 301)
    return False


@pytest.fixture
def frozen(shop: Shop) -> Iterator[Shop]:
    """HAProxy's worker is frozen: its container runs, and the kernel takes connections."""
    docker("exec", shop.front, "sh", "-c", "kill -STOP -1")
    try:
        yield shop
    finally:
        docker("exec", shop.front, "sh", "-c", "kill -CONT -1")  # a front that was made anew does not mind


def test_a_port_that_does_not_answer_is_mended_by_up(frozen: Shop) -> None:
    done = frozen.project.run("up", "-d", "--wait", "shop", "plain", "clock").ok()
    assert f"it did not answer at 127.0.0.1:{frozen.http_port}" in done.err
    assert frozen.get("/mended").status_code == 200
    assert not [line for line in frozen.project.ps()["failures"] if "does not answer" in line]


def test_a_load_balancer_that_hangs_is_told_and_started_anew_by_the_agent(frozen: Shop) -> None:
    port = f"127.0.0.1:{frozen.http_port}"
    with ThreadPoolExecutor() as at_once:
        ps = at_once.submit(frozen.project.ps)
        targets = at_once.submit(frozen.project.run, "targets")
        doctor = at_once.submit(frozen.project.run, "doctor")
    assert any(f"{port} does not answer: no answer within" in line for line in ps.result()["failures"])
    assert f"{port} does not answer: no answer within" in targets.result().ok().err
    assert f"{port} of {frozen.project.app}/test does not answer" in doctor.result().out
    wait_until(lambda: answers(frozen), "the agent to start it anew", timeout=120)


def answers(shop: Shop) -> bool:
    try:
        return shop.get("/after").status_code == 200
    except httpx.HTTPError:
        return False
