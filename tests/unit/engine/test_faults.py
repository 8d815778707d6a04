"""Docker's own words, from several versions and from Docker Desktop, become typed errors."""

from __future__ import annotations

import pytest

from emulator.engine.docker.endpoint import Endpoint
from emulator.engine.docker.faults import from_exception, from_response
from emulator.engine.docker.images import pull_hint
from emulator.errors import (
    Conflict,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    LogDriverNotReady,
    NotFound,
    PortInUse,
)

HERE = Endpoint("unix:///var/run/docker.sock")


@pytest.mark.parametrize(
    "message",
    [
        "failed to initialize logging driver: dial unix /v/fluent.sock: connect: no such file or directory",
        "failed to create task for container: failed to initialize logging driver: dial unix /v/fluent.sock: connect:"
        " connection refused",
        "failed to initialize logging driver: dial tcp 127.0.0.1:24224: connect: connection refused",
    ],
)
def test_a_log_router_that_is_not_there(message: str) -> None:
    assert isinstance(from_response(500, message), LogDriverNotReady)


@pytest.mark.parametrize(
    "message",
    [
        "driver failed programming external connectivity on endpoint a (0123): Bind for 127.0.0.1:8080 failed: port is"
        " already allocated",
        "driver failed programming external connectivity on endpoint a: Error starting userland proxy: listen tcp4"
        " 127.0.0.1:8080: bind: address already in use",
        "failed to set up container networking: driver failed programming external connectivity on endpoint a:"
        " failed to bind host port for 127.0.0.1:8080:172.17.0.2:80/tcp: address already in use",
        "Ports are not available: exposing port TCP 127.0.0.1:8080 -> 127.0.0.1:0: listen tcp 127.0.0.1:8080: bind:"
        " address already in use",
        "Ports are not available: listen tcp 0.0.0.0:8080: bind: Only one usage of each socket address"
        " (protocol/network address/port) is normally permitted.",
    ],
)
def test_a_busy_port_is_named(message: str) -> None:
    error = from_response(500, message)
    assert isinstance(error, PortInUse)
    assert error.message.startswith("port 8080 is in use")


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (409, Conflict), (500, EngineError), (400, EngineError)])
def test_the_status_decides_the_rest(status: int, kind: type[EngineError]) -> None:
    error = from_response(status, "some words")
    assert type(error) is kind
    assert error.message == "some words"


def test_an_answer_without_words_has_its_status() -> None:
    assert "502" in from_response(502, " ").message


def test_running_out_of_networks_has_a_hint() -> None:
    message = "could not find an available, non-overlapping IPv4 address pool among the defaults"
    assert "docker network prune" in from_response(500, message).hint
    newer = "all predefined address pools have been fully subnetted"
    assert "docker network prune" in from_response(400, newer).hint


def wrapped(cause: BaseException) -> Exception:
    """As urllib3 and requests hand causes on: in `args`, not in `__cause__`."""
    return RuntimeError(RuntimeError("Connection aborted.", cause))


@pytest.mark.parametrize("cause", [FileNotFoundError(2, "no"), ConnectionRefusedError(111, "no")])
def test_nobody_there_names_the_address_and_who_named_it(cause: OSError) -> None:
    error = from_exception(wrapped(cause), Endpoint("unix:///x.sock", source="Docker context 'c'"), "answer", 5)
    assert isinstance(error, EngineUnavailable)
    assert "unix:///x.sock (Docker context 'c')" in error.message
    assert "start Docker" in error.hint


def test_no_permission_means_the_group() -> None:
    error = from_exception(wrapped(PermissionError(13, "no")), HERE, "answer", 5)
    assert isinstance(error, EngineUnavailable)
    assert "group docker" in error.hint


def test_no_answer_in_time_says_what_for_and_how_long() -> None:
    error = from_exception(wrapped(TimeoutError("timed out")), HERE, "stop hello", 12.5)
    assert isinstance(error, EngineTimeout)
    assert error.message == "Docker did not stop hello within 12.5 s"


def test_a_cut_connection_is_neither() -> None:
    error = from_exception(wrapped(ConnectionResetError(104, "reset")), HERE, "stop hello", 5)
    assert type(error) is EngineError
    assert "stop hello" in error.message


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host', "reached"),
        ('Get "https://r/v2/": x509: certificate signed by unknown authority', "CA"),
        ("manifest for nginx:nope not found: manifest unknown: manifest unknown", "no such tag"),
        ("pull access denied for nope, repository does not exist or may require 'docker login'", "docker login"),
        ('Head "https://000000000000.dkr.ecr.x/v2/": no basic auth credentials', "aws ecr get-login-password"),
        ("toomanyrequests: You have reached your pull rate limit", "docker login"),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", "platform"),
    ],
)
def test_each_failed_pull_has_its_own_hint(message: str, words: str) -> None:
    assert words in pull_hint(message)
