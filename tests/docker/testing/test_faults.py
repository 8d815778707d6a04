"""Faults that tests make: what containers see of them, and that they are gone afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from emulator.errors import InputError
from emulator.testing import AsyncEnvironment, Environment

pytestmark = pytest.mark.docker

EXAMPLE = Path(__file__).parents[3] / "examples" / "nginx-sidecar"
LARGE = {"X-Large": "x" * 6000}
"""The example prints a request's headers back: an answer of more than 6000 bytes."""


@pytest.fixture(scope="module")
def nginx() -> Iterator[Environment]:
    with Environment(EXAMPLE) as environment:
        yield environment


def test_a_service_that_is_cut_off_answers_nothing_and_is_back_afterwards(nginx: Environment) -> None:
    with nginx.partition("hello"), pytest.raises(httpx.TimeoutException):
        nginx.http.get("/api/x", timeout=1)
    nginx.wait_healthy()
    assert nginx.http.get("/api/x").status_code == 200


def test_two_services_are_cut_off_from_each_other_alone(nginx: Environment) -> None:
    with pytest.raises(InputError, match="no task of database is running"), nginx.partition("hello", "database"):
        pass
    assert nginx.http.get("/api/x").status_code == 200


def test_a_limited_rate_makes_a_large_answer_slow(nginx: Environment) -> None:
    with nginx.slow("hello", rate=2000):
        began = time.monotonic()
        assert len(nginx.http.get("/api/x", headers=LARGE).text) > 6000
        assert time.monotonic() - began > 0.8  # 2000 bytes and more that do not leave at once
    assert not [c for c in nginx.engine.list_containers(nginx.names.labels()) if "-tc-" in c.name]


def test_a_delay_is_kept_or_refused_with_the_reason(nginx: Environment) -> None:
    refused: InputError | None = None
    began = time.monotonic()
    try:
        with nginx.slow("hello", delay=0.5):
            began = time.monotonic()
            assert nginx.http.get("/api/x").status_code == 200
    except InputError as error:
        refused = error
    # The kernel decides: some that Docker runs on have no sch_netem.
    assert time.monotonic() - began > 0.4 if refused is None else "lacks sch_netem" in refused.message
    with pytest.raises(InputError, match="needs a delay or a rate"), nginx.slow("hello"):
        pass


def test_a_full_disk_refuses_the_next_byte_and_has_room_again(nginx: Environment) -> None:
    write = "echo more > /dev/shm/file"
    with nginx.fill_disk("hello", "/dev/shm"):
        result = nginx.exec("hello", write)
        assert result.exit_code != 0
        assert "No space left on device" in result.stderr
    assert nginx.exec("hello", write).exit_code == 0
    assert nginx.exec("hello", "ls -A /dev/shm").stdout == "file\n"


def test_the_disk_of_the_machine_is_not_filled(nginx: Environment) -> None:
    with pytest.raises(InputError, match="it is the disk of Docker's host"), nginx.fill_disk("hello", "/tmp"):
        pass
    with pytest.raises(InputError, match="/nowhere"), nginx.fill_disk("hello", "/nowhere"):
        pass


def test_the_asynchronous_api_makes_the_same_faults(nginx: Environment) -> None:
    async def run() -> None:
        environment = AsyncEnvironment(EXAMPLE)
        environment.sync = nginx
        async with environment.fill_disk("hello", "/dev/shm"):
            assert (await environment.exec("hello", "echo x > /dev/shm/y")).exit_code != 0
        async with environment.pause_container("hello"):
            with pytest.raises(httpx.TimeoutException):
                await asyncio.to_thread(nginx.http.get, "/api/x", timeout=1)

    asyncio.run(run())
    assert nginx.http.get("/api/x").status_code == 200
