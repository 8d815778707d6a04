"""What tests of Docker call left: networks may go between two looks, and Docker keeps some by itself."""

from __future__ import annotations

from typing import Any

import pytest
from docker.errors import APIError, NotFound

from tests.docker.kept_networks import left_of

GONE = NotFound("network one not found")
KEPT = APIError("error while removing network: network one has active endpoints")


class Daemon:
    """One network, `one`, and what the daemon answers when it is looked at and when it is removed."""

    def __init__(self, look: Any, removal: Exception | None = None, version: str = "20.10.24") -> None:
        self.look, self.removal, self.number = look, removal, version

    def version(self) -> dict[str, str]:
        return {"Version": self.number}

    def inspect_network(self, name: str) -> Any:
        if isinstance(self.look, Exception):
            raise self.look
        return {"Name": name, "Containers": self.look}

    def remove_network(self, name: str) -> None:
        if self.removal is not None:
            raise self.removal


@pytest.mark.parametrize(
    ("daemon", "left"),
    [
        (Daemon({"id": {}}), True),
        (Daemon({}), True),
        (Daemon({}, version="28.0.1"), True),
        (Daemon({}, KEPT), False),
        (Daemon(GONE), False),
        (Daemon({}, GONE), False),
    ],
    ids=["in-use", "removed-at-once", "not-removed-by-us", "kept-by-docker", "gone", "gone-as-it-is-removed"],
)
def test_a_network_is_left_where_it_is_there_and_docker_would_remove_it(daemon: Any, left: bool) -> None:
    assert left_of(daemon, ["one"]) == (["one"] if left else [])
