"""A query that nginx leaves out, and paths that a server knows although it refuses a request."""

from __future__ import annotations

import pytest

from emulator.trace.diagnosis import nginx
from emulator.trace.diagnosis.diagnose import diagnose
from emulator.trace.diagnosis.view import Diagnosis
from emulator.trace.requests.hops import assemble
from tests.unit.trace.environment import PLACES, chain

FILE = "# configuration file /etc/nginx/conf.d/default.conf:\n"


def found(location: str, asked: str, passed: str, status: int = 200) -> list[Diagnosis]:
    [trace] = assemble(chain("1-a", 10, (asked, asked, passed), status=status), PLACES)
    directives = nginx.parse(f"{FILE}server {{ listen 80;\n{location}\n}}")
    return diagnose(trace, lambda container: directives if container == "cl-hello-nginx" else ())


@pytest.mark.parametrize(
    ("location", "hint"),
    [
        (
            "location ~ ^/api/(.*)$ { proxy_pass http://127.0.0.1:3000/$1; }",
            "an address with variables is asked for as it is: write `proxy_pass http://127.0.0.1:3000/$1$is_args$args;`",
        ),
        (
            "location /api/ { rewrite ^/api(.*)$ $1? break; proxy_pass http://127.0.0.1:3000; }",
            "the `?` at the end of `rewrite ^/api(.*)$ $1? break;` drops it",
        ),
    ],
)
def test_it_is_perhaps_a_fault_whatever_was_answered(location: str, hint: str) -> None:
    [fault] = found(location, "/api/search?q=boots", "/search")
    assert fault.message == (
        "nginx left out the query: it was asked for /api/search?q=boots and asked hello for /search"
    )
    assert (fault.hint, fault.certain) == (hint, False)
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:2"


@pytest.mark.parametrize(
    ("asked", "passed"),
    [("/api/x?a=1", "/x?a=1"), ("/api/x", "/x"), ("/api/x?", "/x"), ("/api/x?a=1", "/x?page=1")],
)
def test_one_that_is_passed_on_or_replaced_is_none(asked: str, passed: str) -> None:
    location = "location ~ ^/api/(.*)$ { proxy_pass http://127.0.0.1:3000/$1$is_args$args; }"
    assert found(location, asked, passed) == []


@pytest.mark.parametrize(
    ("status", "certain"), [(404, [True]), (401, [False]), (403, [False]), (422, [False]), (200, [])]
)
def test_a_prefix_that_is_taken_off_is_a_fault_where_the_path_is_not_known(status: int, certain: list[bool]) -> None:
    """A login that is missing says nothing of the path."""
    faults = found("location /api/ { proxy_pass http://127.0.0.1:3000/; }", "/api/x", "/x", status)
    assert [one.certain for one in faults] == certain
