"""Who may ask the console: every row of the table is a request, and what it is answered."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket

import pytest

from emulator.console.arrival import TimelyProtocol
from emulator.console.guard import MOST_BODY
from emulator.console.served import MOST_STREAMS, static_files
from tests.unit.console.conftest import Page

JSON = {"Content-Type": "application/json"}
EXPLAIN = b'{"url": "/"}'
PROMISED = 'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"code":'
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 200, id="own page"),
        pytest.param({"Host": "localhost:PORT"}, 200, id="localhost"),
        pytest.param({"Host": "[::1]:PORT"}, 200, id="localhost of IPv6"),
        pytest.param({"Host": "attacker.test:PORT"}, 421, id="a name that points here: DNS rebinding"),
        pytest.param({"Host": "127.0.0.1"}, 421, id="another port of this machine"),
        pytest.param({"Host": "127.0.0.1.nip.io:PORT"}, 421, id="a name that begins like ours"),
        pytest.param({"Origin": "http://127.0.0.1:PORT"}, 200, id="own origin"),
        pytest.param({"Origin": "http://127.0.0.1:1"}, 403, id="origin of another port"),
        pytest.param({"Origin": "https://attacker.test"}, 403, id="another site"),
        pytest.param({"Origin": "null"}, 403, id="a sandboxed frame or a file"),
        pytest.param({"Sec-Fetch-Site": "same-origin"}, 200, id="same origin"),
        pytest.param({"Sec-Fetch-Site": "none"}, 200, id="typed by the user"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="another port, as the browser says"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="another site, as the browser says"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/app.js", "/api/explain"])
def test_a_request_is_answered_by_where_it_comes_from(
    shared_page: Page, path: str, headers: dict[str, str], status: int
) -> None:
    headers = {name: value.replace("PORT", str(shared_page.address.port)) for name, value in headers.items()}
    if path == "/api/explain":
        answer = shared_page.raw("POST", path, shared_page.headers(**JSON, **headers), EXPLAIN)
    else:
        answer = shared_page.raw("GET", path, headers)
    assert answer.status == status
    assert answer.headers["content-security-policy"] == POLICY


def test_rebinding_over_a_raw_socket(shared_page: Page) -> None:
    """As a browser sends it whose name server now says 127.0.0.1: with the right token even."""
    with socket.create_connection(("127.0.0.1", shared_page.address.port), timeout=10) as connection:
        lines = ["GET /api/stream?kinds=overview HTTP/1.1", f"Host: attacker.test:{shared_page.address.port}"]
        lines += [f"Authorization: Bearer {shared_page.address.token}", "Connection: close"]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 421 ")
    assert b"hello" not in answer


@pytest.mark.parametrize(
    "head",
    [
        pytest.param("Host: 127.0.0.1:PORT\r\nHost: attacker.test", id="two"),
        pytest.param("X: y", id="none"),
    ],
)
def test_a_request_has_one_host(shared_page: Page, head: str) -> None:
    with socket.create_connection(("127.0.0.1", shared_page.address.port), timeout=10) as connection:
        head = head.replace("PORT", str(shared_page.address.port))
        connection.sendall(f"GET / HTTP/1.1\r\n{head}\r\nConnection: close\r\n\r\n".encode())
        assert connection.makefile("rb").read(12) in (b"HTTP/1.1 421", b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x", "Basic TOKEN", "TOKEN", "bearer TOKEN", "Bearer TOKENx"]
)
@pytest.mark.parametrize("path", ["/api/stream?kinds=overview", "/api/tasks/1", "/api/nothing"])
def test_below_api_the_token_is_needed(shared_page: Page, authorization: str | None, path: str) -> None:
    headers = (
        {} if authorization is None else {"Authorization": authorization.replace("TOKEN", shared_page.address.token)}
    )
    answer = shared_page.raw("GET", path, headers)
    assert answer.status == 401
    assert b"token" in answer.body
    assert shared_page.address.token.encode() not in answer.body


def test_a_cookie_or_a_query_is_no_token(shared_page: Page) -> None:
    path = f"/api/stream?kinds=overview&token={shared_page.address.token}"
    assert shared_page.raw("GET", path, {"Cookie": f"token={shared_page.address.token}"}).status == 401


def test_no_answer_sets_a_cookie_or_lets_other_sites_read(shared_page: Page) -> None:
    for path in (*static_files(), "/api/tasks/1", "/nothing"):
        answer = shared_page.get(path)
        assert "set-cookie" not in answer.headers
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"] == POLICY
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "", "text/plain; application/json"]
)
def test_a_body_that_needs_no_preflight_is_refused(shared_page: Page, kind: str) -> None:
    headers = shared_page.headers(**({"Content-Type": kind} if kind else {}))
    assert shared_page.raw("POST", "/api/explain", headers, EXPLAIN).status == 415


def test_a_preflight_of_another_site_is_refused(shared_page: Page) -> None:
    headers = {"Origin": "https://attacker.test", "Access-Control-Request-Method": "POST"}
    assert shared_page.raw("OPTIONS", "/api/restart", headers).status == 403


def test_a_body_is_bounded_whatever_its_head_says(shared_page: Page) -> None:
    long = b'{"url": "/' + b"a" * MOST_BODY + b'"}'
    assert shared_page.raw("POST", "/api/explain", shared_page.headers(**JSON), long).status == 413
    with socket.create_connection(("127.0.0.1", shared_page.address.port), timeout=10) as connection:
        lines = [
            "POST /api/explain HTTP/1.1",
            f"Host: {shared_page.host}",
            f"Authorization: Bearer {shared_page.address.token}",
        ]
        lines += ["Content-Type: application/json", "Transfer-Encoding: chunked", "Connection: close", "", ""]
        connection.sendall("\r\n".join(lines).encode())
        for _ in range(17):
            connection.sendall(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
        assert connection.makefile("rb").read(12) == b"HTTP/1.1 413"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param("", id="nothing"),
        pytest.param("GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n", id="half a head"),
        pytest.param("POST /api/open HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n" + PROMISED, id="half a body"),
    ],
)
def test_a_request_that_does_not_end_is_not_waited_for(
    shared_page: Page, monkeypatch: pytest.MonkeyPatch, sent: str
) -> None:
    monkeypatch.setattr(TimelyProtocol, "within", 1.0)
    with socket.create_connection(("127.0.0.1", shared_page.address.port), timeout=20) as connection:
        connection.sendall(sent.replace("PORT", str(shared_page.address.port)).encode())
        while connection.recv(65536):  # until the other side closes
            pass


def test_a_second_request_that_does_not_end_is_not_waited_for(
    shared_page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TimelyProtocol, "within", 1.0)
    with contextlib.closing(http.client.HTTPConnection(shared_page.host, timeout=20)) as connection:
        connection.request("GET", "/icon.svg")
        assert connection.getresponse().read()
        connection.sock.sendall(b"GET /")
        assert connection.sock.recv(1) == b""


def test_streams_are_counted(page: Page) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MOST_STREAMS):
            stream = page.stream("kinds=overview")
            assert next(stream)["k"] == "hello"
            stack.callback(stream.close)  # type: ignore[attr-defined]
        answer = page.get("/api/stream?kinds=overview")
        assert (answer.status, answer.json()["error"]["message"]) == (503, "too many pages are open")


@pytest.mark.parametrize("body", [b"[]", b"7", b"{", b"\xff", b"[" * 100_000])
def test_a_body_is_an_object(shared_page: Page, body: bytes) -> None:
    answer = shared_page.raw("POST", "/api/explain", shared_page.headers(**JSON), body)
    assert (answer.status, answer.json()) == (
        400,
        {"error": {"message": "the body is a JSON object", "hint": "", "output": []}},
    )


@pytest.mark.parametrize("path", ["/../guard.py", "/%2e%2e/guard.py", "/pages/../../app.py", "//etc/passwd", "/pages/"])
def test_only_files_of_the_page_are_served(shared_page: Page, path: str) -> None:
    assert shared_page.get(path).status == 404


@pytest.mark.parametrize("path", static_files())
def test_files_hold_no_token_and_have_their_type(shared_page: Page, path: str) -> None:
    answer = shared_page.raw("GET", path, {})
    assert answer.status == 200
    assert shared_page.address.token.encode() not in answer.body
    kind = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}.get(
        path.rpartition(".")[2], "text/html"
    )
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"


def test_nothing_in_the_page_is_inline_or_from_elsewhere() -> None:
    """The policy would block it, which a person sees as a page that does not work."""
    for path, file in static_files().items():
        text = file.read_text(encoding="utf-8")
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "://cdn",
        ):
            assert word not in text, path
        if path.endswith(".html"):
            assert "<style" not in text
            assert "style=" not in text
            assert '<script type="module" src=' in text
            assert text.count("<script") == 1


def test_it_listens_on_loopback_alone(shared_page: Page) -> None:
    with socket.create_connection(("127.0.0.1", shared_page.address.port)) as connection:
        assert connection.getpeername()[0] == "127.0.0.1"
    for family, address in ((socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as probe:
            assert probe.connect_ex((address, shared_page.address.port)) != 0


def test_a_code_becomes_the_token_once(page: Page) -> None:
    """The browser is started with it: other users of the machine can read command lines."""
    body = json.dumps({"code": page.address.code}).encode()
    assert page.address.token not in page.address.url_for_once
    assert page.raw("POST", "/api/open", {**JSON, "Origin": "https://attacker.test"}, body).status == 403
    assert page.raw("POST", "/api/open", JSON, b'{"code": "x"}').status == 400
    assert page.raw("POST", "/api/open", JSON, body).json() == {"token": page.address.token}
    again = page.raw("POST", "/api/open", JSON, body)
    assert again.status == 400
    assert page.address.token.encode() not in again.body
    assert page.raw("POST", "/api/open", JSON, b'{"code": ""}').status == 400
