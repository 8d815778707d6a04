"""A page of another site is refused at the published port; programs are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from emulator.aws.callers import with_known_callers


def endpoint(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"queues"]


def status(**headers: str) -> str:
    got: list[str] = []
    application = with_known_callers(endpoint, ["aws.test"])
    list(application(headers, lambda line, _headers: got.append(line)))
    return got[0]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:49153",
        "localhost:49153",
        "[::1]:49153",
        "LOCALHOST",
        "uploads.localhost:5000",
        "aws.test",
        "",
        "uploads.s3.eu-west-1.amazonaws.com",
    ],
)
def test_a_program_of_this_machine_is_answered(host: str) -> None:
    assert status(HTTP_HOST=host) == "200 OK"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:5000", "localhost.evil.example", "notlocalhost"])
def test_a_name_that_was_pointed_here_is_refused(host: str) -> None:
    assert status(HTTP_HOST=host) == "403 Forbidden"


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_ORIGIN": "https://evil.example"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-site"},
    ],
)
def test_a_page_is_refused(headers: dict[str, str]) -> None:
    assert status(HTTP_HOST="localhost:5000", **headers) == "403 Forbidden"


def test_an_address_typed_into_a_browser_is_answered() -> None:
    assert status(HTTP_HOST="localhost:5000", HTTP_SEC_FETCH_SITE="none") == "200 OK"
