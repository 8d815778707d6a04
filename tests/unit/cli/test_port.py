"""`port`: one line for a script, whichever listener it is about."""

from __future__ import annotations

import pytest

from emulator.cli.run.port import _named
from emulator.errors import UsageError
from emulator.runtime.listeners.published import PublishedListener

FOUND = [
    PublishedListener("", 80, "HTTP", 8080),
    PublishedListener("", 443, "HTTPS", 8443),
    PublishedListener("shop", 443, "TLS", 10443),
    PublishedListener("clock", 53, "UDP", 10053),
    PublishedListener("clock", 53, "TCP", 10054),
]


@pytest.mark.parametrize(
    ("listener", "port"),
    [("http", 8080), ("HTTPS", 8443), ("443", 10443), ("443/tls", 10443), ("53/udp", 10053), ("53/tcp", 10054)],
)
def test_a_listener_by_its_name(listener: str, port: int) -> None:
    assert [found.host_port for found in _named(FOUND, listener)] == [port]


def test_one_that_is_not_there_and_one_that_several_are_called() -> None:
    with pytest.raises(UsageError, match="there is no listener 9"):
        _named(FOUND, "9")
    with pytest.raises(UsageError, match="several listeners are called 53") as caught:
        _named(FOUND, "53")
    assert "53/udp of clock, 53/tcp of clock" in caught.value.hint
