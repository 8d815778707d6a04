"""`copilot-local trace` of a task with nginx, on a real daemon: one request, live traffic, and what is left after."""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator.console.serve import serving
from emulator.engine.interface import Engine
from emulator.runtime.state.names import Names
from tests.docker.project import Project, docker, wait_until
from tests.unit.console.conftest import Page

pytestmark = pytest.mark.docker


def hops(trace: dict[str, Any]) -> list[str]:
    return [f"{hop['client']} → {hop['server']}" for hop in trace["hops"]]


def test_the_rewrite_of_a_path_is_seen_between_nginx_and_the_main_container(nginx: Project, tmp_path: Path) -> None:
    har = tmp_path / "hops.har"
    result = nginx.run(
        *("trace", "POST", "/api/v1/orders?x=1", "--har", str(har), "-d", "some data"),
        *("-H", "Authorization: Bearer s3cret", "-H", "Cookie: sid=s3cret"),
        variables={"COLUMNS": "80"},
    ).ok()
    lines = result.out.splitlines()
    assert lines[0].startswith("POST /api/v1/orders?x=1: 200, ")
    assert lines[0].endswith(" ms, 3 hops")
    for hop in ("1 client → front:8080", "  2 front → nginx:80", "    3 nginx → hello:3000"):
        assert any(line.startswith(hop) and " 200 " in line for line in lines), result.out
    assert "      ~ path: /api/v1/orders?x=1 → /api/orders?x=1" in lines
    assert any(line.startswith("    + X-Forwarded-For: ") for line in lines)
    assert "        + X-Proxy: nginx" in lines
    assert max(map(len, lines)) <= 80
    assert "fault" not in result.out

    assert har.stat().st_mode & 0o077 == 0
    text = har.read_text(encoding="utf-8")
    assert "s3cret" not in text
    assert base64.b64encode(b"s3cret").decode() not in text
    log = json.loads(text)["log"]
    assert log["version"] == "1.2"
    assert [entry["_server"] for entry in log["entries"]] == ["front:8080", "nginx:80", "hello:3000"]
    assert [entry["request"]["bodySize"] for entry in log["entries"]] == [9, 9, 9]
    assert log["entries"][2]["request"]["queryString"] == [{"name": "x", "value": "1"}]


def test_live_each_request_is_told_once_slow_ones_and_refused_ones_too(nginx: Project) -> None:
    """Two requests on one connection that began before the capture, one that no rule matches, two that nginx refuses,
    and a slow one, which lasts longer than what was told before it is remembered for. Health checks are not told."""
    with socket.create_connection(("127.0.0.1", nginx.port), timeout=30) as connection:
        ask(connection, "/api/before")
        tracing = nginx.start("trace", "--format", "json", "--show-secrets")
        tracing.wait_for("Ctrl-C ends it")
        ask(connection, "/api/first")
        ask(connection, "/api/second", "Authorization: Bearer known")
        assert nginx.get("/elsewhere").status_code == 503
        with contextlib.suppress(httpx.TransportError):  # nginx closes while it is being sent
            httpx.post(f"http://127.0.0.1:{nginx.port}/api/large", content=b"x" * 2_000_000, timeout=30)
        assert nginx.get("/api/long", **{"X-Long": "x" * 9000}).status_code == 400
        assert nginx.get("/api/slow").status_code == 200
        assert nginx.get("/api/after").status_code == 200
        wait_until(lambda: "/api/after" in tracing.printed(), tracing.printed)
    tracing.signal(signal.SIGINT)
    result = tracing.wait().ok()
    traces = [json.loads(line) for line in result.out.splitlines()]
    paths = [trace["hops"][0]["path"] for trace in traces]
    told = ["first", "second", "large", "long", "slow", "after"]
    assert sorted(paths) == sorted(["/elsewhere", *(f"/api/{name}" for name in told)]), result.out
    assert [path for path in paths if path != "/elsewhere"] == [f"/api/{name}" for name in told]
    found = dict(zip(paths, traces, strict=True))
    for path in ("/api/first", "/api/second", "/api/slow", "/api/after"):
        assert hops(found[path]) == ["client → front:8080", "front → nginx:80", "nginx → hello:3000"]
        assert [hop["joined_by"] for hop in found[path]["hops"]][2] == "trace id"
        assert [hop["path"] for hop in found[path]["hops"]] == [path] * 3
    last = dict(found["/api/second"]["hops"][2]["request"]["headers"])
    assert {name.lower(): value for name, value in last.items()}["authorization"] == "Bearer known"
    assert found["/elsewhere"]["diagnoses"][0]["message"].startswith("the load balancer answered 503 itself")
    for path, status in (("/api/large", 413), ("/api/long", 400)):
        assert hops(found[path]) == ["client → front:8080", "front → nginx:80"]
        assert {hop["status"] for hop in found[path]["hops"]} == {status}
    [refused] = found["/api/long"]["diagnoses"]
    assert (refused["hop"], refused["certain"]) == (1, True)
    said = "nginx answered 400 itself: the header x-long has 9008 bytes, and its buffers have 8k"
    assert said in refused["message"].lower()
    for trace in traces:
        assert {hop["outcome"] for hop in trace["hops"]} == {"answered"}
    assert result.err.strip().splitlines()[1:] == []


def test_a_body_that_nginx_does_not_take_is_told_at_nginx(nginx: Project, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"x" * 2_000_000)
    result = nginx.run("trace", "POST", "/api/x", "-d", f"@{body}")
    assert result.code == 1, result.err
    said = " ".join(result.out.split())
    assert "2 front → nginx:80 413" in said
    assert (
        "fault at hop 2: /etc/nginx/conf.d/default.conf:1: nginx answered 413 itself before it had read the body: the"
        " body has 2000000 bytes, and the limit is nginx's default of 1m hint: write `client_max_body_size 2m;`"
    ) in said


def test_a_name_that_the_certificate_is_not_for_is_traced_and_said(nginx: Project) -> None:
    result = nginx.run("trace", "GET", "https://elsewhere.example.com/api/x", "--format", "json").ok()
    found = json.loads(result.out)
    assert hops(found) == ["client → front:8443", "front → nginx:80", "nginx → hello:3000"]
    first, second, third = found["hops"]
    assert (first["outcome"], first["tls_server_name"], first["request"]) == ("tls", "elsewhere.example.com", None)
    assert first["received"] > 0
    assert (second["path"], third["path"], third["status"]) == ("/api/x", "/api/x", 200)
    assert dict(second["request"]["headers"])["X-Forwarded-Proto"] == "https"
    [fault] = found["diagnoses"]
    assert fault["message"].startswith("the load balancer's certificate is not for elsewhere.example.com")
    assert not fault["certain"]
    found = json.loads(nginx.run("trace", "https://localhost/none", "--format", "json").out)
    assert hops(found) == ["client → front:8443"]
    assert found["hops"][0]["tls_server_name"] == "localhost"
    assert found["diagnoses"][0]["message"] == "the load balancer answered 503 itself; no container was asked"


def ask(connection: socket.socket, path: str, *headers: str) -> None:
    """A request on a connection that stays open, and its answer."""
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{connection.getpeername()[1]}", *headers]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    with connection.makefile("rb") as answer:
        assert answer.readline().startswith(b"HTTP/1.1 200")
        length = 0
        while (line := answer.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert len(answer.read(length)) == length


def test_a_killed_command_leaves_no_capture(nginx: Project) -> None:
    tracing = nginx.start("trace")
    tracing.wait_for("Ctrl-C ends it")
    captures = [container.name for container in nginx.containers() if container.role == "trace"]
    assert len(captures) == 2
    security = json.loads(docker("inspect", captures[0]))[0]["HostConfig"]
    assert (security["CapDrop"], security["CapAdd"]) == (["ALL"], ["NET_RAW"])
    assert security["ReadonlyRootfs"]
    tracing.end(signal.SIGKILL)
    wait_until(lambda: not any(one.role == "trace" for one in nginx.containers()), "the captures are gone")


def test_the_console_shows_what_runs_and_sends_requests_with_their_hops(nginx: Project, engine: Engine) -> None:
    request = {"url": "/api/v1/x", "headers": [["Authorization", "Bearer s3cret"]]}
    way = ["client → front:8080", "front → nginx:80", "nginx → hello:3000"]
    with serving(engine, Names(nginx.app, "test")) as address:
        page = Page(address)
        shown, printed = page.first("overview"), nginx.ps()
        assert [row["id"] for row in shown["containers"]] == [row["id"] for row in printed["containers"]]
        assert shown["targets"] == printed["targets"]
        explained = page.post("/api/explain", request).json()
        assert [one["container"] for one in explained["destinations"]] == ["nginx"]

        cold = page.post("/api/send", request).json()
        assert (hops(cold), cold["answer"]) == (way, {"status": 200, "fault": ""})

        page.post("/api/capture", {"on": True})
        assert next(it for it in page.stream("kinds=capture") if it["k"] == "capture" and it["v"]["on"])
        warm = page.post("/api/send", request).json()
        assert (hops(warm), warm["answer"]["status"]) == (way, 200)
        assert warm["trace_id"] in [one["trace_id"] for one in page.first("traces")]
        records = (record for it in page.stream("kinds=access") if it["k"] == "access" for record in it["v"])
        assert next(record for record in records if warm["trace_id"] in record["trace_id"])
        assert page.post("/api/send", {"url": "no path"}).status == 400
        page.post("/api/capture", {"on": False})
        assert next(it for it in page.stream("kinds=capture") if it["k"] == "capture" and not it["v"]["on"])
    assert "s3cret" not in json.dumps([cold, warm])
