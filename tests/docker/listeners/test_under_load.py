"""Services come, go and scale while clients ask: no answer is unexpected, and the log has them all."""

from __future__ import annotations

import http.client
import threading
import uuid
from collections import Counter

import pytest

from tests.docker.listeners.conftest import Shop
from tests.docker.project import docker, wait_until

pytestmark = pytest.mark.docker

CONNECTIONS = 10
PAUSE = 0.1
"""Seconds of a connection between two requests: together up to one hundred a second. Asked without a break, both
processors had nothing left for what changes meanwhile."""


class ClosedLoop:
    """Connections that ask again soon after they have an answer. `answers` counts them by their status, or the fault;
    a connection that the other side ends after an answer, and says so, is made anew."""

    def __init__(self, port: int, path: str) -> None:
        self.agent = f"load-{uuid.uuid4().hex}"
        self.answers: Counter[str] = Counter()
        self._port, self._path = port, path
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(CONNECTIONS)]

    def __enter__(self) -> ClosedLoop:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(30)

    def wait(self, count: int) -> None:
        """Until so many more answers came."""
        reached = self.answers.total()
        wait_until(lambda: self.answers.total() > reached + count, f"{count} more answers")

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        while not self._ended.is_set():
            try:
                connection.request("GET", self._path, headers={"User-Agent": self.agent})
                answer = connection.getresponse()
                answer.read()
                outcome = str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                outcome = repr(error)
            with self._lock:
                self.answers[outcome] += 1
            self._ended.wait(PAUSE)
        connection.close()


def test_reloads_and_new_targets_drop_no_request_and_no_line_of_the_log(shop: Shop) -> None:
    before = shop.front_started
    with ClosedLoop(shop.http_port, "/plain/load") as load:
        load.wait(100)
        for change in (
            ("scale", "plain=2"),
            ("up", "-d", "--wait", "late"),  # another rule: a reload
            ("scale", "plain=1", "late=0"),
        ):
            done = shop.project.run(*change)
            assert done.code == 0, (done.err, docker("logs", "--tail", "60", shop.front), load.answers)
            load.wait(100)
        assert shop.plain("/late").status_code == 503
    assert set(load.answers) == {"200"}
    assert shop.front_started == before

    def logged() -> int:
        lines = shop.project.run("logs", "--access", "plain", "--grep", load.agent).ok().out.splitlines()
        return sum('"GET http' in line for line in lines)

    total = load.answers["200"]
    wait_until(lambda: logged() >= total, f"{total} lines of the access log")
    assert logged() == total
