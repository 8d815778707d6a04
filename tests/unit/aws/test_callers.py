"""A page of another site is refused at the published port; programs are not."""

from __future__ import annotations

import pytest

from emulator.aws.callers import with_known_callers
from tests.unit.aws.client import answering, ask


def status(*, scheme: str = "http", type: str = "http", **headers: str) -> int:
    application = with_known_callers(answering("queues"), ["aws.test"])
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(application, headers=named, scheme=scheme, type=type).status


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:49153",
        "localhost:49153",
        "[::1]:49153",
        "LOCALHOST",
        "uploads.localhost:5000",
        "172.20.0.3:5000",
        "[fd00::3]:5000",
        "aws.test",
        "",
        "uploads.s3.eu-west-1.amazonaws.com",
    ],
)
def test_a_program_of_this_machine_is_answered(host: str) -> None:
    assert status(HOST=host) == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:5000", "localhost.evil.example", "notlocalhost", "172.20.0.3.evil.example"]
)
def test_a_name_that_was_pointed_here_is_refused(host: str) -> None:
    assert status(HOST=host) == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"ORIGIN": "https://evil.example"},
        {"ORIGIN": "null"},
        {"SEC_FETCH_SITE": "cross-site"},
        {"SEC_FETCH_SITE": "same-site"},
    ],
)
def test_a_page_is_refused(headers: dict[str, str]) -> None:
    assert status(HOST="localhost:5000", **headers) == 403


def test_an_address_typed_into_a_browser_is_answered() -> None:
    assert status(HOST="localhost:5000", SEC_FETCH_SITE="none") == 200


def test_a_page_may_not_open_a_web_socket() -> None:
    assert status(type="websocket", HOST="localhost:5000") == 0


def test_what_comes_over_tls_is_a_container() -> None:
    assert status(scheme="https", HOST="logs.example") == 200
