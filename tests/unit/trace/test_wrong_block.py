"""When an answer comes from the wrong one of nginx's server blocks, and when that is not certain."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from emulator.trace.diagnosis import nginx
from emulator.trace.diagnosis.diagnose import diagnose
from emulator.trace.diagnosis.view import Diagnosis
from emulator.trace.requests.exchange import Exchange
from emulator.trace.requests.hops import Place, assemble
from tests.unit.trace.environment import FRONT, HELLO, OUTSIDE, PLACES, exchange

FILE = "# configuration file /etc/nginx/conf.d/default.conf:\n"
Seen = Sequence[tuple[Place, Exchange]]


def answered(path: str, status: int, host: str = "shop.test") -> Seen:
    """nginx answers a request by itself."""
    first = exchange(OUTSIDE, "172.30.0.2:8080", 10, 10.9, path, status=status, trace="1-a", host=host)
    second = exchange("172.30.0.2", "172.30.0.3:80", 10.1, 10.8, path, status=status, trace="1-a", host=host)
    return [(FRONT, first), (FRONT, second), (HELLO, second)]


def found(seen: Seen, configuration: str) -> list[Diagnosis]:
    [trace] = assemble(seen, PLACES)
    directives = nginx.parse(FILE + configuration)
    return diagnose(trace, lambda container: directives if container == "cl-hello-nginx" else ())


NAMED = r"""server { listen 80 default_server; return 404; }
server { listen 80; server_name %s; location /api/ { proxy_pass http://localhost:3000; } }
server { listen 80; server_name admin.test; location / { proxy_pass http://localhost:3000; } }"""


@pytest.mark.parametrize(
    ("name", "certain"),
    [(r"~^(?<tenant>[^.]+)\.shop\.test$", [False]), (r"~^(?|t(\d)|u(\d))\.shop\.test$", []), ("x.test", [True])],
)
def test_a_name_that_an_expression_fits_or_may_fit_is_certainly_in_no_wrong_block(
    name: str, certain: list[bool]
) -> None:
    faults = found(answered("/missing", 404, "t1.shop.test"), NAMED % name)
    assert [fault.certain for fault in faults] == certain
    assert [("fits no server_name" in fault.message) for fault in faults] == certain


LISTENS = """server { listen 80; server_name shop.test; location / { return 404; } }
server { listen %s; server_name admin.test; location / { proxy_pass http://localhost:3000; } }"""


@pytest.mark.parametrize(
    ("listen", "host", "certain"),
    [
        ("80", "other.test", [True]),
        ("80", "shop.test.", [False]),  # nginx does not look at the dot
        ("8000-8010", "other.test", []),
        ("127.0.0.1:80", "other.test", []),
    ],
)
def test_a_block_that_this_request_never_gets_was_not_meant(listen: str, host: str, certain: list[bool]) -> None:
    faults = found(answered("/status", 404, host), LISTENS % listen)
    assert [fault.certain for fault in faults] == certain
